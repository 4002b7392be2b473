//! What the running service manager is told so that a service's key comes to hold some values: the parts of
//! `ChangeServiceConfigW` and `ChangeServiceConfig2W` that have to change, and nothing else.
//! Sources: Microsoft's pages on both functions and on `SERVICE_FAILURE_ACTIONS`; [MS-SCMR] 2.2.40 for its limits.

use super::account::{OBJECT_NAME, ServiceAccount};
use super::bits::ServiceType;
use super::failure::{ActionKind, FailureActions, FailureActionsError};
use super::settings::{
    DEPEND_ON_GROUP, DEPEND_ON_SERVICE, Dependencies, FAILURE_ACTIONS, FAILURE_COMMAND, ON_NON_CRASH_FAILURES,
    REBOOT_MESSAGE, ServiceSettingsError, TYPE,
};
use super::start::{DELAYED, START, StartType, StartTypeError};
use crate::formats::meaning::itself;
use crate::formats::registry_values::{NamedValues, ValueError};
use crate::formats::upcase;
use crate::model::registry_data::RegistryData;

/// The longest command and message, in units of UTF-16.
const MAX_TEXT: usize = 8 * 1024;

/// What changes; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceChange {
    pub start: Option<StartType>,
    /// Whether an automatic service starts after the others.
    pub delayed: Option<bool>,
    pub account: Option<ServiceAccount>,
    pub dependencies: Option<Dependencies>,
    /// Without actions for none.
    pub failure_actions: Option<FailureActions>,
    /// Empty for none.
    pub failure_command: Option<String>,
    /// Empty for none.
    pub reboot_message: Option<String>,
    pub acts_on_errors: Option<bool>,
}

/// What the service manager cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceChangeError {
    #[error("the service manager has no call for the value {name}")]
    Unknown { name: String },
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Start(#[from] StartTypeError),
    #[error(transparent)]
    Settings(#[from] ServiceSettingsError),
    #[error(transparent)]
    FailureActions(#[from] FailureActionsError),
    #[error("a service always has the value {name}, and would lose it")]
    Needed { name: &'static str },
    #[error("only a driver starts with {start}")]
    OnlyDrivers { start: StartType },
    #[error("a driver has no {what}")]
    Driver { what: &'static str },
    #[error("the action {kind} after a failure is not known")]
    Action { kind: u32 },
    #[error("the value {name} has {found} characters; the service manager takes {MAX_TEXT}")]
    TooLong { name: &'static str, found: usize },
}

impl ServiceChange {
    /// The change that brings a key to `target`, all the values that it is to hold, where `changed` names those that it does not
    /// hold yet.
    ///
    /// # Errors
    /// The manager cannot be told some of it; then it is told nothing.
    pub fn to(target: &NamedValues<'_>, changed: &[&str]) -> Result<Self, ServiceChangeError> {
        let known = [
            START,
            DELAYED,
            OBJECT_NAME,
            DEPEND_ON_SERVICE,
            DEPEND_ON_GROUP,
            FAILURE_ACTIONS,
            FAILURE_COMMAND,
            REBOOT_MESSAGE,
            ON_NON_CRASH_FAILURES,
        ];
        if let Some(name) = changed.iter().find(|name| !known.iter().any(|known| upcase::eq(known, name))) {
            return Err(ServiceChangeError::Unknown { name: (*name).to_owned() });
        }
        let changes = |name: &str| changed.iter().any(|known| upcase::eq(known, name));
        let is_driver = target.number(TYPE)?.is_some_and(|bits| ServiceType::from_bits_retain(bits).is_driver());
        let mut change = Self::default();
        let delayed = target.number(DELAYED)?.unwrap_or(0) != 0;
        if changes(START) {
            let number = target.number(START)?.ok_or(ServiceChangeError::Needed { name: START })?;
            let start = StartType::new(number, None)?;
            if matches!(start, StartType::Boot | StartType::System) && !is_driver {
                return Err(ServiceChangeError::OnlyDrivers { start });
            }
            change.start = Some(start);
        }
        // Nobody says whether the manager keeps the delay of a service that was not automatic: it is told again.
        let counts_again = change.start == Some(StartType::Automatic) && target.data(DELAYED).is_some();
        change.delayed = (changes(DELAYED) || counts_again).then_some(delayed);
        if changes(OBJECT_NAME) {
            only_services(is_driver, "account")?;
            change.account = ServiceAccount::of_value(OBJECT_NAME, target.data(OBJECT_NAME));
            if change.account.is_none() {
                target.text(OBJECT_NAME)?;
            }
        }
        if changes(DEPEND_ON_SERVICE) || changes(DEPEND_ON_GROUP) {
            change.dependencies = Some(Dependencies::read(target)?);
        }
        if changes(FAILURE_ACTIONS) {
            only_services(is_driver, "recovery")?;
            let actions = target.bytes(FAILURE_ACTIONS)?.map(FailureActions::parse).transpose()?;
            let actions = actions.unwrap_or_else(|| FailureActions::new(0, Vec::new()));
            let unknown = actions.actions.iter().find_map(|action| match action.kind {
                ActionKind::Other(kind) => Some(kind),
                _ => None,
            });
            if let Some(kind) = unknown {
                return Err(ServiceChangeError::Action { kind });
            }
            change.failure_actions = Some(actions);
        }
        for (name, slot) in
            [(FAILURE_COMMAND, &mut change.failure_command), (REBOOT_MESSAGE, &mut change.reboot_message)]
        {
            if changes(name) {
                only_services(is_driver, "recovery")?;
                let text = target.text(name)?.unwrap_or_default();
                let found = text.encode_utf16().count();
                if found > MAX_TEXT {
                    return Err(ServiceChangeError::TooLong { name, found });
                }
                *slot = Some(text);
            }
        }
        if changes(ON_NON_CRASH_FAILURES) {
            only_services(is_driver, "recovery")?;
            change.acts_on_errors = Some(target.number(ON_NON_CRASH_FAILURES)?.unwrap_or(0) != 0);
        }
        Ok(change)
    }

    /// Whether an action after a failure restarts the machine, which the manager lets be set only by whoever may do so.
    pub fn reboots(&self) -> bool {
        self.has_action(ActionKind::Reboot)
    }

    /// Whether an action after a failure starts the service, which the manager lets be set only by whoever may do so.
    pub fn restarts(&self) -> bool {
        self.has_action(ActionKind::Restart)
    }

    fn has_action(&self, kind: ActionKind) -> bool {
        self.failure_actions.as_ref().is_some_and(|actions| actions.actions.iter().any(|one| one.kind == kind))
    }
}

fn only_services(is_driver: bool, what: &'static str) -> Result<(), ServiceChangeError> {
    if is_driver { Err(ServiceChangeError::Driver { what }) } else { Ok(()) }
}

/// What a value of a service's key says, in one form for all data that say the same: the manager writes in its own way what it is
/// told. `None` for what says as much as no value at all; data that cannot be read stand for themselves.
pub fn meaning(name: &str, data: Option<&RegistryData>) -> Option<Vec<u8>> {
    let data = data?;
    let own = || Some(itself(data));
    let values = NamedValues::new([(name, data)]);
    let is = |known: &str| upcase::eq(known, name);
    if is(DELAYED) || is(ON_NON_CRASH_FAILURES) {
        return match values.number(name) {
            Ok(Some(0)) => None,
            Ok(Some(_)) => Some(b"yes".to_vec()),
            _ => own(),
        };
    }
    if is(OBJECT_NAME) {
        let account = ServiceAccount::of_value(name, Some(data));
        return account.map(|account| upcase::fold(&account.to_string()).into_bytes()).or_else(own);
    }
    if is(DEPEND_ON_SERVICE) || is(DEPEND_ON_GROUP) {
        let Ok(list) = Dependencies::read(&values) else { return own() };
        let list: Vec<String> = list.to_list().iter().map(|entry| upcase::fold(entry)).collect();
        return (!list.is_empty()).then(|| list.join("\n").into_bytes());
    }
    if is(FAILURE_ACTIONS) {
        let Some(Ok(actions)) = values.bytes(name).ok().flatten().map(FailureActions::parse) else { return own() };
        let effective = actions.effective();
        let words = effective.iter().flat_map(|action| [action.kind.number(), action.delay_millis]);
        let words = std::iter::once(actions.reset_seconds).chain(words);
        return (!effective.is_empty()).then(|| words.flat_map(u32::to_le_bytes).collect());
    }
    if is(FAILURE_COMMAND) || is(REBOOT_MESSAGE) {
        return match values.text(name) {
            Ok(Some(text)) if text.is_empty() => None,
            Ok(Some(text)) => Some(text.into_bytes()),
            _ => own(),
        };
    }
    own()
}

#[cfg(test)]
mod tests {
    use super::super::failure::{Action, NEVER};
    use super::*;

    type Values = Vec<(&'static str, RegistryData)>;

    fn service(values: &[(&'static str, RegistryData)]) -> Values {
        let mut all = vec![
            ("Type", RegistryData::dword(0x10)),
            ("Start", RegistryData::dword(2)),
            ("ObjectName", RegistryData::sz("LocalSystem")),
        ];
        for (name, data) in values {
            all.retain(|(known, _)| known != name);
            all.push((name, data.clone()));
        }
        all
    }

    fn to(values: &[(&'static str, RegistryData)], changed: &[&str]) -> Result<ServiceChange, ServiceChangeError> {
        ServiceChange::to(&NamedValues::of(&service(values)), changed)
    }

    fn actions(actions: &[(ActionKind, u32)]) -> FailureActions {
        let action = |(kind, delay_millis): &(ActionKind, u32)| Action { kind: *kind, delay_millis: *delay_millis };
        FailureActions::new(NEVER, actions.iter().map(action).collect())
    }

    #[test]
    fn only_what_changes_is_told() {
        let nothing = ServiceChange::default();
        let named = [("DependOnService", RegistryData::multi(&["RPCSS"])), ("FailureCommand", RegistryData::sz("a"))];
        assert_eq!(to(&named, &[]), Ok(nothing.clone()));
        let dword = RegistryData::dword;
        let of = |list: &[&str]| Some(Dependencies::of_list(list).unwrap());
        let text = |text: &str| Some(text.to_owned());
        let reboot = actions(&[(ActionKind::Restart, 1), (ActionKind::Reboot, 60_000)]);
        let cases: Vec<(Values, &[&str], ServiceChange)> = vec![
            (
                vec![("Start", dword(4))],
                &["start"],
                ServiceChange { start: Some(StartType::Disabled), ..nothing.clone() },
            ),
            (
                vec![("DelayedAutostart", dword(1))],
                &["Start", "DelayedAutoStart"],
                ServiceChange { start: Some(StartType::Automatic), delayed: Some(true), ..nothing.clone() },
            ),
            (
                vec![("DelayedAutostart", dword(0))],
                &["Start"],
                ServiceChange { start: Some(StartType::Automatic), delayed: Some(false), ..nothing.clone() },
            ),
            (
                vec![("Start", dword(3)), ("DelayedAutostart", dword(1))],
                &["Start"],
                ServiceChange { start: Some(StartType::Manual), ..nothing.clone() },
            ),
            (vec![], &["DelayedAutostart"], ServiceChange { delayed: Some(false), ..nothing.clone() }),
            (
                vec![("Type", dword(1)), ("Start", dword(0))],
                &["Start"],
                ServiceChange { start: Some(StartType::Boot), ..nothing.clone() },
            ),
            (
                vec![("ObjectName", RegistryData::sz(r"CORP\acs$"))],
                &["ObjectName"],
                ServiceChange { account: Some(ServiceAccount::parse(r"CORP\acs$")), ..nothing.clone() },
            ),
            (vec![], &["DependOnService"], ServiceChange { dependencies: of(&[]), ..nothing.clone() }),
            (
                vec![
                    ("DependOnService", RegistryData::multi(&["RPCSS"])),
                    ("DependOnGroup", RegistryData::multi(&["TDI"])),
                ],
                &["DependOnGroup"],
                ServiceChange { dependencies: of(&["RPCSS", "+TDI"]), ..nothing.clone() },
            ),
            (
                vec![("FailureActions", reboot.data()), ("FailureActionsOnNonCrashFailures", dword(1))],
                &["FailureActions", "FailureActionsOnNonCrashFailures", "FailureCommand", "RebootMessage"],
                ServiceChange {
                    failure_actions: Some(reboot),
                    acts_on_errors: Some(true),
                    failure_command: text(""),
                    reboot_message: text(""),
                    ..nothing.clone()
                },
            ),
            (
                vec![("FailureCommand", RegistryData::expand("%x%"))],
                &["FailureCommand", "FailureActions"],
                ServiceChange {
                    failure_command: text("%x%"),
                    failure_actions: Some(FailureActions::new(0, Vec::new())),
                    ..nothing.clone()
                },
            ),
        ];
        for (values, changed, expected) in cases {
            assert_eq!(to(&values, changed), Ok(expected), "{values:?} {changed:?}");
        }
    }

    #[test]
    fn what_the_manager_cannot_be_told_says_why() {
        let dword = RegistryData::dword;
        let odd = actions(&[(ActionKind::Other(9), 0)]);
        let cases: Vec<(Values, &str, &str)> = vec![
            (vec![], "ImagePath", "the service manager has no call for the value ImagePath"),
            (vec![("Start", RegistryData::sz("2"))], "Start", "the value Start is REG_SZ, not a DWORD"),
            (vec![("Start", dword(7))], "Start", "the service's start type 7 is none of 0 to 4"),
            (vec![("Start", dword(1))], "Start", "only a driver starts with system"),
            (vec![("ObjectName", dword(1))], "ObjectName", "the value ObjectName is REG_DWORD, not text"),
            (vec![("Type", dword(1))], "ObjectName", "a driver has no account"),
            (vec![("Type", dword(2))], "RebootMessage", "a driver has no recovery"),
            (vec![("FailureActions", odd.data())], "FailureActions", "the action 9 after a failure is not known"),
            (
                vec![("FailureCommand", RegistryData::sz(&"x".repeat(8193)))],
                "FailureCommand",
                "the value FailureCommand has 8193 characters; the service manager takes 8192",
            ),
        ];
        for (values, changed, message) in cases {
            assert_eq!(to(&values, &[changed]).unwrap_err().to_string(), message);
        }
        let none: [(&str, RegistryData); 0] = [];
        let error = ServiceChange::to(&NamedValues::of(&none), &["Start"]).unwrap_err();
        assert_eq!(error.to_string(), "a service always has the value Start, and would lose it");
    }

    #[test]
    fn privileges_that_actions_need() {
        let told = |kind| ServiceChange { failure_actions: Some(actions(&[(kind, 1)])), ..ServiceChange::default() };
        let needs = |change: &ServiceChange| (change.restarts(), change.reboots());
        assert_eq!(needs(&told(ActionKind::Restart)), (true, false));
        assert_eq!(needs(&told(ActionKind::Reboot)), (false, true));
        assert_eq!(needs(&told(ActionKind::RunCommand)), (false, false));
        assert_eq!(needs(&ServiceChange::default()), (false, false));
    }

    #[test]
    fn meanings() {
        let (dword, sz, multi) = (RegistryData::dword, RegistryData::sz, |list: &[&str]| RegistryData::multi(list));
        let restart = actions(&[(ActionKind::Restart, 5)]);
        let thrice = restart.clone().with(NEVER, vec![restart.actions[0]; 3]);
        // The words of pointers are the writer's own.
        let mut flagged = restart.to_bytes();
        flagged[4] = 1;
        let same = [
            ("DelayedAutostart", None, Some(dword(0))),
            ("DelayedAutostart", Some(dword(1)), Some(dword(7))),
            ("FailureActionsOnNonCrashFailures", None, Some(dword(0))),
            ("ObjectName", Some(sz("LocalSystem")), Some(sz(r"NT AUTHORITY\SYSTEM"))),
            ("ObjectName", Some(sz(r".\svc")), Some(RegistryData::expand(r".\SVC"))),
            ("DependOnService", None, Some(multi(&[]))),
            ("DependOnService", Some(multi(&["a", "B"])), Some(multi(&["A", "b"]))),
            ("DependOnGroup", Some(multi(&["+TDI"])), Some(multi(&["tdi"]))),
            ("FailureActions", None, Some(actions(&[]).data())),
            ("FailureActions", Some(restart.data()), Some(thrice.data())),
            ("FailureActions", Some(restart.data()), Some(RegistryData::binary(flagged))),
            ("FailureCommand", None, Some(sz(""))),
            ("RebootMessage", Some(sz("x")), Some(RegistryData::expand("x"))),
            ("Start", Some(dword(2)), Some(dword(2))),
        ];
        for (name, one, other) in same {
            assert_eq!(meaning(name, one.as_ref()), meaning(name, other.as_ref()), "{name} {one:?} {other:?}");
        }
        let others = [
            ("Start", Some(dword(2)), Some(dword(3))),
            ("DelayedAutostart", None, Some(dword(1))),
            ("ObjectName", Some(sz(r".\svc")), Some(sz(r"CORP\svc"))),
            ("DependOnService", Some(multi(&["a", "b"])), Some(multi(&["a"]))),
            ("FailureActions", Some(restart.data()), Some(restart.clone().with(1, restart.actions.clone()).data())),
            ("FailureActions", None, Some(RegistryData::binary([1]))),
            ("FailureCommand", Some(sz("a")), Some(sz("A"))),
            ("FailureCommand", Some(sz("a")), None),
        ];
        for (name, one, other) in others {
            assert_ne!(meaning(name, one.as_ref()), meaning(name, other.as_ref()), "{name} {one:?} {other:?}");
        }
    }
}
