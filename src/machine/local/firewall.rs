//! Rules and profiles of the running firewall. Rules go through the interface that names them by their ids, profiles through the
//! firewall's own; each is looked at afterwards, and what came out otherwise is taken back.
//!
//! That [`crate::formats::firewall::interface::ID`] becomes the name of the rule's value in the registry is what `New-NetFirewallRule -Name`
//! does; it was never seen on a Windows here.

use std::time::{Duration, Instant};

use super::registry;
use crate::formats::firewall::interface::{Given, ID, InterfaceRule, RULE_CLASS};
use crate::formats::firewall::{LOCAL_RULES, Profile, RuleText};
use crate::formats::meaning::is_same;
use crate::formats::registry_values::NamedValues;
use crate::formats::upcase;
use crate::machine::windows_api::com::ComError;
use crate::machine::windows_api::firewall::{Policy, ProfileSwitch};
use crate::machine::windows_api::key::{self, Buffers};
use crate::machine::windows_api::wmi::{Instance, Namespace, Value, quoted};
use crate::machine::{WriteError, chain};
use crate::model::fact::Observed;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::setting::Setting;

const NAMESPACE: &str = r"root\StandardCimv2";

/// For how long the registry is looked at for what the firewall says that it has written.
const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(50);

/// Brings a rule of the local policy to what its value is to say, or removes it.
///
/// # Errors
/// The interface cannot say it, or a removed rule could not be made again, and nothing was changed; or the firewall refuses, or says yes
/// and the rule is another: then the rule is what it was, unless the error says otherwise.
pub fn put_rule(id: &str, target: Option<&RegistryData>) -> Result<(), WriteError> {
    let rule = Rule { id };
    let found = rule.stored()?;
    match (found, target) {
        (None, None) => Ok(()),
        (found, Some(target)) if rule.is_same(found.as_ref(), Some(target)) => Ok(()),
        (None, Some(target)) => {
            let request = rule.request(target).map_err(|why| rule.refused("make", &why))?;
            rule.create(&rule.open("make")?, &request, target)
        }
        (Some(found), None) => rule.remove(&found),
        (Some(found), Some(target)) => rule.change(&found, target),
    }
}

/// A rule by the name of its value.
struct Rule<'r> {
    id: &'r str,
}

impl Rule<'_> {
    fn attempt(&self, verb: &str) -> String {
        format!("{verb} the firewall rule {}", self.id)
    }

    fn refused(&self, verb: &str, why: &str) -> WriteError {
        WriteError::refused(self.attempt(verb), why)
    }

    fn failed(&self, verb: &str, error: ComError) -> WriteError {
        WriteError::failed(self.attempt(verb), error)
    }

    fn setting(&self) -> Setting {
        Setting::FirewallRule { rule: self.id.into() }
    }

    fn is_same(&self, a: Option<&RegistryData>, b: Option<&RegistryData>) -> bool {
        is_same(&self.setting(), self.id, a, b)
    }

    fn text(&self, data: &RegistryData) -> Result<RuleText, String> {
        let text = NamedValues::new([(self.id, data)]).text(self.id).map_err(|error| error.to_string())?;
        RuleText::parse(&text.unwrap_or_default()).map_err(|error| error.to_string())
    }

    /// What the interface is to be told; else why it cannot be.
    fn request(&self, data: &RegistryData) -> Result<InterfaceRule, String> {
        InterfaceRule::of(&self.text(data)?).map_err(|error| chain(&error))
    }

    /// The rule as it lies in the registry.
    fn stored(&self) -> Result<Option<RegistryData>, WriteError> {
        let read = || -> Observed<Option<RegistryData>> {
            let values = local_rules()?;
            Ok(values.into_iter().find(|(name, _)| upcase::eq(name, self.id)).map(|(_, data)| data))
        };
        read().map_err(|unread| WriteError::failed(self.attempt("read"), unread))
    }

    /// Whether the registry comes to hold it.
    fn becomes(&self, wanted: Option<&RegistryData>) -> Result<bool, WriteError> {
        let since = Instant::now();
        while !self.is_same(self.stored()?.as_ref(), wanted) {
            if since.elapsed() > PATIENCE {
                return Ok(false);
            }
            std::thread::sleep(POLL);
        }
        Ok(true)
    }

    fn open(&self, verb: &str) -> Result<Namespace, WriteError> {
        Namespace::open(NAMESPACE).map_err(|error| self.failed(verb, error))
    }

    /// The rule as the interface knows it.
    fn instance(&self, interface: &Namespace, verb: &str) -> Result<Instance, WriteError> {
        let query = format!("SELECT * FROM {RULE_CLASS} WHERE {ID} = {}", quoted(self.id));
        let found = interface.query(&query, &store()).map_err(|error| self.failed(verb, error))?;
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(self.refused(verb, "it lies in the registry, and the running firewall does not know it")),
            (Some(_), Some(_)) => Err(self.refused(verb, "the running firewall knows more than one of this id")),
        }
    }

    /// Makes a rule that is not there.
    fn create(&self, interface: &Namespace, request: &InterfaceRule, target: &RegistryData) -> Result<(), WriteError> {
        let before = self.names()?;
        let mut properties = named(&request.properties);
        properties.push((ID, Value::Text(self.id.to_owned())));
        let conditions = beside(request);
        interface.create(RULE_CLASS, &properties, &conditions).map_err(|error| self.failed("make", error))?;
        if self.becomes(Some(target))? {
            return Ok(());
        }
        // What was made instead must not stay.
        if let Some(found) = self.stored()? {
            let says = self.difference(&found, target);
            self.delete(interface, "take back")?;
            let why = format!("the firewall said that it was made, and made {says}; that was removed again");
            return Err(self.refused("make", &why));
        }
        let strays = self.names()?.into_iter().filter(|(name, data)| {
            let is_new = !before.iter().any(|(known, _)| upcase::eq(known, name));
            is_new && self.is_same(Some(data), Some(target))
        });
        let strays: Vec<String> = strays.map(|(name, _)| name).collect();
        for id in &strays {
            Rule { id }.delete(interface, "take back")?;
        }
        if !strays.is_empty() {
            let why = format!("the firewall made it under another id, {}; that was removed again", strays.join(", "));
            return Err(self.refused("make", &why));
        }
        Err(self.refused("make", "the firewall said that it was made, and its policy does not hold it"))
    }

    fn names(&self) -> Result<Vec<(String, RegistryData)>, WriteError> {
        local_rules().map_err(|unread| WriteError::failed(self.attempt("read"), unread))
    }

    /// What a rule says otherwise than it was to.
    fn difference(&self, found: &RegistryData, target: &RegistryData) -> String {
        let read = |data: &RegistryData| {
            let text = self.text(data)?;
            crate::formats::firewall::Rule::from_text(&text).map_err(|error| chain(&error))
        };
        match (read(found), read(target)) {
            (Ok(found), Ok(target)) => {
                let differences: Vec<String> = target.differences(&found).iter().map(ToString::to_string).collect();
                match differences.as_slice() {
                    [] => "one with other fields that nobody here understands".to_owned(),
                    some => format!("another: {}", some.join("; ")),
                }
            }
            _ => "what is not understood".to_owned(),
        }
    }

    fn delete(&self, interface: &Namespace, verb: &str) -> Result<(), WriteError> {
        let instance = self.instance(interface, verb)?;
        interface.remove(&instance, &store()).map_err(|error| self.failed(verb, error))
    }

    fn remove(&self, found: &RegistryData) -> Result<(), WriteError> {
        self.request(found).map_err(|why| {
            let why = format!("it could not be made again when this is taken back: {why}; turn it off instead");
            self.refused("remove", &why)
        })?;
        self.delete(&self.open("remove")?, "remove")?;
        if self.becomes(None)? {
            return Ok(());
        }
        Err(self.refused("remove", "the firewall said that it was removed, and its policy holds it still"))
    }

    /// Changes a rule; where that is refused or leads elsewhere, a new one takes its place.
    fn change(&self, found: &RegistryData, target: &RegistryData) -> Result<(), WriteError> {
        let request = self.request(target).map_err(|why| self.refused("change", &why))?;
        let old = self.request(found).ok();
        let interface = self.open("change")?;
        let instance = self.instance(&interface, "change")?;
        // A rule that cannot be made anew is changed, whatever of it nobody understands: that stays as it is.
        let is_changed = old.as_ref().is_none_or(|old| old.has_shape_of(&request));
        let error = if is_changed {
            let done = interface.update(&instance, &named(&request.properties), &beside(&request));
            match done {
                Ok(()) if self.becomes(Some(target))? => return Ok(()),
                Ok(()) => {
                    let found = self.stored()?;
                    let says = found.map_or_else(|| "removed it".to_owned(), |found| self.difference(&found, target));
                    self.refused("change", &format!("the firewall said that it was changed, and made it {says}"))
                }
                Err(error) => self.failed("change", error),
            }
        } else {
            self.refused("change", "its conditions are others")
        };
        // Not everything of a rule can be changed where it is; what cannot be made again is not given up for that.
        let Some(old) = old else { return Err(error) };
        if self.stored()?.is_some() {
            self.delete(&interface, "replace")?;
        }
        self.create(&interface, &request, target).or_else(|error| {
            let again = self.create(&interface, &old, found);
            again.map_err(|second| {
                let why =
                    format!("{}; and the rule that was there could not be put back: {}", chain(&error), chain(&second));
                self.refused("replace", &why)
            })?;
            Err(error)
        })
    }
}

/// All values of the key of rules.
fn local_rules() -> Observed<Vec<(String, RegistryData)>> {
    let key = RegistryKey::parse(LOCAL_RULES)
        .map_err(|error| crate::model::fact::Unread::Failed { what: LOCAL_RULES.into(), detail: error.to_string() })?;
    let (root, path) = registry::place(&key)?;
    let found = match registry::open(root, &path) {
        Ok(found) => found,
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(registry::unread(&key, error)),
    };
    let mut values = Vec::new();
    let mut push = |value: key::Value<'_>| {
        let data = RegistryData::new(value.value_type, value.data.to_vec());
        values.push((String::from_utf16_lossy(value.name), data));
    };
    key::each_value(&found, &mut Buffers::default(), &mut push).map_err(|error| registry::unread(&key, error))?;
    Ok(values)
}

/// The rules of this machine, not those of group policy.
fn store() -> Vec<(&'static str, Value)> {
    vec![("PolicyStore", Value::Text("PersistentStore".to_owned()))]
}

fn beside(request: &InterfaceRule) -> Vec<(&'static str, Value)> {
    let mut conditions = named(&request.conditions);
    conditions.extend(store());
    conditions
}

fn named(given: &std::collections::BTreeMap<&'static str, Given>) -> Vec<(&'static str, Value)> {
    given
        .iter()
        .map(|(name, given)| {
            let value = match given {
                Given::Nothing => Value::Nothing,
                Given::Text(text) => Value::Text(text.clone()),
                Given::Texts(texts) => Value::Texts(texts.clone()),
                Given::Number(number) => Value::Number(*number),
                Given::Switch(switch) => Value::Switch(*switch),
            };
            (*name, value)
        })
        .collect()
}

/// The values of a profile's key that the firewall's interface knows.
const SWITCHES: [(&str, ProfileSwitch); 5] = [
    ("EnableFirewall", ProfileSwitch::Enabled),
    ("DefaultInboundAction", ProfileSwitch::BlocksInbound),
    ("DefaultOutboundAction", ProfileSwitch::BlocksOutbound),
    ("DoNotAllowExceptions", ProfileSwitch::NoExceptions),
    ("DisableNotifications", ProfileSwitch::NoNotifications),
];

/// Brings settings of a profile to what their values are to say. The interface cannot take a setting away: one whose value is to go gets
/// Windows' own default.
///
/// # Errors
/// A value is none that the interface has, and nothing was changed; or the firewall refuses, or says yes and the setting is another.
pub fn put_profile<'v>(
    profile: &str,
    values: impl IntoIterator<Item = (&'v str, Option<&'v RegistryData>)>,
) -> Result<(), WriteError> {
    let attempt = || format!("set the firewall profile {profile}");
    let refused = |why: String| WriteError::refused(attempt(), why);
    let kind = Profile::from_token(profile).ok_or_else(|| refused("Windows has no such profile".to_owned()))?;
    let mut wanted: Vec<(&str, ProfileSwitch, bool)> = Vec::new();
    for (name, data) in values {
        let found = SWITCHES.iter().find(|(known, _)| upcase::eq(known, name));
        let (known, switch) =
            found.ok_or_else(|| refused(format!("the interface has no place for the value {name}")))?;
        let on = match data.map(|data| NamedValues::new([(name, data)]).number(name)) {
            Some(Ok(Some(number @ 0..=1))) => number == 1,
            Some(Ok(_)) => return Err(refused(format!("{name} is neither 0 nor 1"))),
            Some(Err(error)) => return Err(refused(error.to_string())),
            None => crate::formats::firewall::profile_default(known),
        };
        wanted.push((known, *switch, on));
    }
    let failed = |error: ComError| WriteError::failed(attempt(), error);
    let policy = Policy::open().map_err(failed)?;
    for (name, switch, on) in wanted {
        policy.put(kind, switch, on).map_err(failed)?;
        if policy.get(kind, switch).map_err(failed)? != on {
            return Err(refused(format!("the firewall said that {name} was set, and it is what it was")));
        }
    }
    Ok(())
}
