//! The `services` section of a document: what each service's entry can say.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::dependencies_form::checked_dependencies;
use super::recovery_form::RecoveryFields;
use super::wanted::{Expiry, Start, State, WantedAccount, WantedDependencies, WantedService};
use crate::formats::service::{SERVICES, ServiceAccount, ServiceName};
use crate::formats::upcase;
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, Ensure, OnChange};
use crate::model::decode::{Decode, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::moment::Moment;
use crate::model::node::{Key, Node};
use crate::model::record::{Fields, Record as _};
use crate::model::registry::RegistryKey;
use crate::model::secret::SecretReference;
use crate::model::source::{Location, Spanned};

crate::record! {
    /// A service that some setup has made. What is not named is left as it is.
    pub struct ServiceFields {
        /// When it starts.
        pub start: Option<Spanned<Start>>,
        /// What it does now; only a running machine can tell.
        pub state: Option<Spanned<State>>,
        /// Whom it runs as: `LocalSystem`, `NT AUTHORITY\NetworkService`, `NT SERVICE\name`, a group-managed account `CORP\name$`; any
        /// other needs its password.
        #[example("NT AUTHORITY\\NetworkService")]
        #[example(serde_json::json!({ "name": ".\\svc", "password": { "env": "SERVICE_PASSWORD" } }))]
        pub account: Option<Spanned<WantedAccount>>,
        /// What has to run before it: these and no others, or some that are among them. A group of drivers is written `+name`.
        #[example(["RPCSS", "HTTP"])]
        #[example(serde_json::json!({ "contains": ["HTTP"], "lacks": ["Spooler"] }))]
        pub dependencies: Option<Spanned<WantedDependencies>>,
        /// What follows when it fails.
        pub recovery: Option<Spanned<RecoveryFields>>,
        /// From when on it starts otherwise, or does something else.
        pub expires: Option<Spanned<ServiceExpiry>>,
        ..common: Common
    }
}

crate::record! {
    /// When something else is wanted of a service, and what.
    pub struct ServiceExpiry {
        /// From when on the entry is expired: a day, from 00:00 UTC on, or a timestamp with its zone.
        #[example("2026-12-31")]
        on: Moment,
        /// What holds from then on.
        then: ServiceThen,
    }
}

crate::record! {
    /// What holds of a service from a point in time on; what is not named stays as the entry says.
    pub struct ServiceThen {
        /// When it starts.
        start: Option<Spanned<Start>>,
        /// What it does.
        state: Option<Spanned<State>>,
    }
}

crate::record! {
    /// What every service's entry says that does not say otherwise itself.
    pub struct ServiceDefaults {
        /// What follows when a service fails.
        pub recovery: Option<RecoveryFields>,
        /// What else follows when a service's settings change.
        pub on_change: Option<OnChange>,
    }
}

crate::record! {
    /// An account with its password.
    struct ServiceAccountFields {
        /// The account's name, with its domain; `.` is the machine.
        #[example("CORP\\svc-acs")]
        name: Spanned<AccountName>,
        /// The account's password: the service manager keeps it, and nobody can read it there.
        password: Option<Spanned<SecretReference>>,
    }
}

/// The name of an account, as far as its form is concerned.
#[derive(Clone, Debug)]
struct AccountName(ServiceAccount);

impl Decode for AccountName {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        let mut refuse = |message: &str, hint: Option<String>| {
            cx.push(Diagnostic::error("services.bad_account", message).at(node.at).hint_if(hint));
        };
        let account = ServiceAccount::parse(text);
        if text.trim().is_empty() || text.contains(char::is_control) {
            refuse("this is no account", Some("write an account's name, such as `LocalSystem` or `CORP\\svc`".into()));
        } else if matches!(account, ServiceAccount::Driver(_)) {
            refuse("this is the object of a driver, and no account", None);
        } else if account.needs_password() && !text.contains(['\\', '@']) {
            let hint = format!("write `.\\{text}` for an account of the machine, `DOMAIN\\{text}` for one of a domain");
            refuse("the name of an account needs its domain", Some(hint));
        } else {
            return Some(Self(account));
        }
        None
    }
}

impl JsonSchema for AccountName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AccountName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

impl Decode for WantedAccount {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if node.as_mapping().is_none() {
            return AccountName::decode(node, cx).map(|name| Self { account: name.0, password: None });
        }
        let read = ServiceAccountFields::decode(node, cx)?;
        let account = read.name.value.0;
        if let Some(password) = &read.password
            && !account.needs_password()
        {
            let message = format!("{account} has no password that anybody could tell");
            let hint = "leave `password` out";
            cx.push(Diagnostic::error("services.needless_password", message).at(password.at).hint(hint));
            return None;
        }
        Some(Self { account, password: read.password })
    }
}

impl JsonSchema for WantedAccount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ServiceAccount".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whom a service runs as.",
            "anyOf": [generator.subschema_for::<AccountName>(), generator.subschema_for::<ServiceAccountFields>()],
        })
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Windows services by their names (what `sc query` shows as SERVICE_NAME).",
        "propertyNames": { "pattern": r"^[^/\\]+$" },
        "additionalProperties": ServiceFields::field_schema(generator),
        "examples": [{ "Spooler": { "start": "disabled", "state": "stopped" } }],
    })
}

/// An account, a list and an action are replaced whole.
pub fn merge_rule(path: &[&str]) -> MergeRule {
    match path {
        [_, "account" | "dependencies" | "expires"] | [_, "recovery", _] => MergeRule::Replace,
        _ => MergeRule::Merge,
    }
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedService> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let mut unique = Unique::new("service", "services.named_twice", mapping.entries.len());
    let entries = mapping.entries.iter().filter_map(|(key, node)| {
        let is_new = unique.insert(upcase::fold(&key.text), key.at, "names compare without case", cx);
        decode_entry(key, node, cx).filter(|_| is_new)
    });
    entries.collect()
}

fn decode_entry(key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedService> {
    let fields = Fields::open(node, ServiceFields::FIELDS, cx)?;
    let read = ServiceFields::read(&fields, cx);
    let (name, place) = service_name(key, cx)?;
    let read = read?;
    if read.common.ensure == Ensure::Absent {
        let message = "a service is removed by the setup of its program, not from here";
        let hint = "write `start: disabled` and `state: stopped` for one that must not run";
        let at = fields.place("ensure").unwrap_or(key.at);
        cx.push(Diagnostic::error("services.absent_service", message).at(at).hint(hint));
        return None;
    }
    if let Some(dependencies) = &read.dependencies
        && !checked_dependencies(&name, dependencies, cx)
    {
        return None;
    }
    let expires = match read.expires {
        Some(expires) => {
            let at = fields.place("expires").unwrap_or(expires.at);
            Some(expiry(expires.value, at, (read.start.is_some(), read.state.is_some()), cx)?)
        }
        None => None,
    };
    Some(WantedService {
        name,
        expires,
        key: place,
        at: key.at,
        common: read.common,
        start: read.start,
        state: read.state,
        account: read.account,
        dependencies: read.dependencies,
        recovery: read.recovery.map(|fields| Spanned::new(fields.value.wanted(), fields.at)),
    })
}

/// What expires has to be there before: of that and of nothing else something else can hold afterwards.
fn expiry(fields: ServiceExpiry, at: Location, named: (bool, bool), cx: &mut Decoder) -> Option<Expiry> {
    let ServiceThen { start, state } = fields.then;
    let message = match (&start, &state) {
        (None, None) => "nothing else is wanted from then on",
        (Some(_), _) if !named.0 => "`then` names a `start`, and the entry does not",
        (_, Some(_)) if !named.1 => "`then` names a `state`, and the entry does not",
        _ => return Some(Expiry { on: fields.on.0, at, start, state }),
    };
    let hint = "write what holds until then, and what holds from then on";
    cx.push(Diagnostic::error("services.bad_expiry", message).at(at).hint(hint));
    None
}

/// The name of a service, and the key that it is the name of.
fn service_name(key: &Key<'_>, cx: &mut Decoder) -> Option<(ServiceName, RegistryKey)> {
    let named = key.text.parse::<ServiceName>().map_err(|error| error.to_string());
    let placed = named.and_then(|name| {
        let root = RegistryKey::parse(SERVICES).map_err(|error| error.message)?;
        let place = root.child(name.as_str()).map_err(|error| error.message)?;
        Ok((name, place))
    });
    match placed {
        Ok(found) => Some(found),
        Err(message) => {
            let hint = "write the name that `sc query` shows as SERVICE_NAME";
            cx.push(Diagnostic::error("services.bad_name", message).at(key.at).hint(hint));
            None
        }
    }
}
