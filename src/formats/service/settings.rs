//! The values of a service's key as one typed view, and what to write for each part of it.

use super::TRIGGERS;
use super::account::{OBJECT_NAME, ServiceAccount};
use super::bits::ServiceType;
use super::failure::{FailureActions, FailureActionsError};
use super::name::{ServiceName, ServiceNameError};
use super::start::{DELAYED, START, StartType, StartTypeError};
use crate::formats::registry_values::{NamedValues, ValueError, ValueWrite};
use crate::formats::upcase;

pub(super) const TYPE: &str = "Type";
const ERROR_CONTROL: &str = "ErrorControl";
const DISPLAY_NAME: &str = "DisplayName";
const DESCRIPTION: &str = "Description";
const IMAGE_PATH: &str = "ImagePath";
const GROUP: &str = "Group";
pub(super) const DEPEND_ON_SERVICE: &str = "DependOnService";
pub(super) const DEPEND_ON_GROUP: &str = "DependOnGroup";
pub(super) const FAILURE_ACTIONS: &str = "FailureActions";
pub(super) const ON_NON_CRASH_FAILURES: &str = "FailureActionsOnNonCrashFailures";
pub(super) const FAILURE_COMMAND: &str = "FailureCommand";
pub(super) const REBOOT_MESSAGE: &str = "RebootMessage";

/// Marks a group in the one list that the service manager's functions take.
const GROUP_MARK: char = '+';

/// What the registry says of a service. A key below `Services` may be no service: then most of it is missing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ServiceSettings {
    pub service_type: Option<ServiceType>,
    pub start: Option<StartType>,
    /// The value `DelayedAutostart` itself, which may stand where it does not count.
    pub delayed: Option<u32>,
    /// Whether triggers start or stop it.
    pub triggered: bool,
    pub error_control: Option<u32>,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub image_path: Option<String>,
    /// The group in whose turn it is loaded.
    pub group: Option<String>,
    pub account: Option<ServiceAccount>,
    pub dependencies: Dependencies,
    pub failure_actions: Option<FailureActions>,
    /// Whether the actions also follow when it stops by itself with an error.
    pub acts_on_errors: bool,
    pub failure_command: Option<String>,
    pub reboot_message: Option<String>,
}

/// The settings that belong together, and whose values are read and written together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServicePart {
    Kind,
    Start,
    Account,
    Dependencies,
    Recovery,
}

impl ServicePart {
    pub const ALL: [Self; 5] = [Self::Kind, Self::Start, Self::Account, Self::Dependencies, Self::Recovery];

    /// The names of its values.
    pub const fn values(self) -> &'static [&'static str] {
        match self {
            Self::Kind => &[TYPE],
            Self::Start => &[START, DELAYED],
            Self::Account => &[OBJECT_NAME],
            Self::Dependencies => &[DEPEND_ON_SERVICE, DEPEND_ON_GROUP],
            Self::Recovery => &[FAILURE_ACTIONS, ON_NON_CRASH_FAILURES, FAILURE_COMMAND, REBOOT_MESSAGE],
        }
    }
}

/// What has to run before a service.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dependencies {
    pub services: Vec<ServiceName>,
    pub groups: Vec<String>,
}

/// Why a service's values cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceSettingsError {
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Start(#[from] StartTypeError),
    #[error("the service depends on `{name}`")]
    Dependency {
        name: String,
        #[source]
        source: ServiceNameError,
    },
    #[error(transparent)]
    FailureActions(#[from] FailureActionsError),
}

impl ServiceSettings {
    /// Reads the values of a service's key, and the names of its subkeys.
    ///
    /// # Errors
    /// A value is of another type than its name calls for, or its content is unknown.
    pub fn read<'n>(
        values: &NamedValues<'_>,
        subkeys: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, ServiceSettingsError> {
        let service_type = values.number(TYPE)?.map(ServiceType::from_bits_retain);
        let delayed = values.number(DELAYED)?;
        let start = values.number(START)?.map(|start| StartType::new(start, delayed)).transpose()?;
        let account = values.text(OBJECT_NAME)?;
        // A service without a name of its own runs as the system; a driver has no account.
        let default = service_type.filter(|kind| !kind.is_driver()).map(|_| ServiceAccount::LocalSystem);
        Ok(Self {
            service_type,
            start,
            delayed,
            triggered: subkeys.into_iter().any(|name| upcase::eq(name, TRIGGERS)),
            error_control: values.number(ERROR_CONTROL)?,
            display_name: values.label(DISPLAY_NAME)?,
            description: values.label(DESCRIPTION)?,
            image_path: values.text(IMAGE_PATH)?,
            group: values.text(GROUP)?,
            account: account.map(|account| ServiceAccount::parse(&account)).or(default),
            dependencies: Dependencies::read(values)?,
            failure_actions: values.bytes(FAILURE_ACTIONS)?.map(FailureActions::parse).transpose()?,
            acts_on_errors: values.number(ON_NON_CRASH_FAILURES)?.unwrap_or(0) != 0,
            failure_command: values.text(FAILURE_COMMAND)?,
            reboot_message: values.text(REBOOT_MESSAGE)?,
        })
    }

    /// The values to write so that it starts this way.
    pub fn write_start(&self, wanted: StartType) -> Vec<ValueWrite> {
        if self.start == Some(wanted) { Vec::new() } else { wanted.writes(self.delayed) }
    }

    /// The value of what follows a failure.
    pub fn write_failure_actions(wanted: &FailureActions) -> ValueWrite {
        ValueWrite::set(FAILURE_ACTIONS, wanted.data())
    }

    /// The value that says whether the actions also follow a stop with an error.
    pub fn write_acts_on_errors(wanted: bool) -> ValueWrite {
        ValueWrite::number(ON_NON_CRASH_FAILURES, u32::from(wanted))
    }

    /// The value of the command that a failure runs.
    pub fn write_failure_command(wanted: Option<&str>) -> ValueWrite {
        ValueWrite::text(FAILURE_COMMAND, wanted)
    }

    /// The value of the message before a failure reboots the machine.
    pub fn write_reboot_message(wanted: Option<&str>) -> ValueWrite {
        ValueWrite::text(REBOOT_MESSAGE, wanted)
    }
}

impl Dependencies {
    /// Reads both values.
    ///
    /// # Errors
    /// A value is of another type than its name calls for, or a name is none that a service can have.
    pub fn read(values: &NamedValues<'_>) -> Result<Self, ServiceSettingsError> {
        let mut dependencies = Self::of_list(&values.texts(DEPEND_ON_SERVICE)?.unwrap_or_default())?;
        let groups = values.texts(DEPEND_ON_GROUP)?.unwrap_or_default();
        dependencies.groups.extend(groups.iter().map(|name| name.trim_start_matches(GROUP_MARK).to_owned()));
        Ok(dependencies)
    }

    /// Reads the one list of the service manager's functions, in which groups are marked with `+`.
    ///
    /// # Errors
    /// A name is none that a service can have.
    pub fn of_list<S: AsRef<str>>(list: &[S]) -> Result<Self, ServiceSettingsError> {
        let mut dependencies = Self::default();
        for entry in list.iter().map(AsRef::as_ref) {
            match entry.strip_prefix(GROUP_MARK) {
                Some(group) => dependencies.groups.push(group.to_owned()),
                None => {
                    let wrap = |source| ServiceSettingsError::Dependency { name: entry.to_owned(), source };
                    dependencies.services.push(entry.parse().map_err(wrap)?);
                }
            }
        }
        Ok(dependencies)
    }

    /// The one list of the service manager's functions.
    pub fn to_list(&self) -> Vec<String> {
        let groups = self.groups.iter().map(|group| format!("{GROUP_MARK}{group}"));
        self.services.iter().map(ToString::to_string).chain(groups).collect()
    }

    /// Whether both name the same, in any order.
    pub fn same(&self, other: &Self) -> bool {
        let sorted = |list: &Self| {
            let mut folded: Vec<String> = list.to_list().iter().map(|name| upcase::fold(name)).collect();
            folded.sort();
            folded.dedup();
            folded
        };
        sorted(self) == sorted(other)
    }

    /// The two values; an empty list is removed.
    pub fn writes(&self) -> Vec<ValueWrite> {
        let services: Vec<&str> = self.services.iter().map(ServiceName::as_str).collect();
        vec![ValueWrite::texts(DEPEND_ON_SERVICE, &services), ValueWrite::texts(DEPEND_ON_GROUP, &self.groups)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::{Action, ActionKind};
    use super::*;
    use crate::model::registry_data::RegistryData;

    fn read(values: &[(&str, RegistryData)], subkeys: &[&str]) -> Result<ServiceSettings, ServiceSettingsError> {
        ServiceSettings::read(&NamedValues::of(values), subkeys.iter().copied())
    }

    fn names(names: &[&str]) -> Vec<ServiceName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_whole_service() {
        let restart = FailureActions::new(60, vec![Action { kind: ActionKind::Restart, delay_millis: 5 }]);
        let values = [
            ("Type", RegistryData::dword(0x110)),
            ("Start", RegistryData::dword(2)),
            ("DelayedAutoStart", RegistryData::dword(1)),
            ("ErrorControl", RegistryData::dword(1)),
            ("DisplayName", RegistryData::sz("Access Control Server")),
            ("Description", RegistryData::sz("text")),
            ("ImagePath", RegistryData::expand(r"%ProgramFiles%\Acs\AcsServer.exe")),
            ("Group", RegistryData::sz("g")),
            ("ObjectName", RegistryData::sz(r".\svc-acs")),
            ("DependOnService", RegistryData::multi(&["RPCSS", "HTTP"])),
            ("DependOnGroup", RegistryData::multi(&["NetBIOSGroup", "+TDI"])),
            ("FailureActions", restart.data()),
            ("FailureActionsOnNonCrashFailures", RegistryData::dword(1)),
            ("FailureCommand", RegistryData::sz("custom.cmd")),
            ("RebootMessage", RegistryData::sz("bye")),
            ("Later", RegistryData::qword(1)),
        ];
        let settings = read(&values, &["Parameters", "triggerinfo"]).unwrap();
        let expected = ServiceSettings {
            service_type: Some(ServiceType::OWN_PROCESS | ServiceType::INTERACTIVE),
            start: Some(StartType::Delayed),
            delayed: Some(1),
            triggered: true,
            error_control: Some(1),
            display_name: Some("Access Control Server".into()),
            description: Some("text".into()),
            image_path: Some(r"%ProgramFiles%\Acs\AcsServer.exe".into()),
            group: Some("g".into()),
            account: Some(ServiceAccount::User(r".\svc-acs".into())),
            dependencies: Dependencies {
                services: names(&["rpcss", "http"]),
                groups: vec!["NetBIOSGroup".into(), "TDI".into()],
            },
            failure_actions: Some(restart),
            acts_on_errors: true,
            failure_command: Some("custom.cmd".into()),
            reboot_message: Some("bye".into()),
        };
        assert_eq!(settings, expected);
        assert_eq!(settings.dependencies.to_list(), ["RPCSS", "HTTP", "+NetBIOSGroup", "+TDI"]);
    }

    #[test]
    fn each_part_is_read_from_its_values() {
        let named: Vec<&str> = ServicePart::ALL.iter().flat_map(|part| part.values()).copied().collect();
        let values = [("Type", RegistryData::dword(1)), ("Start", RegistryData::sz("2"))];
        let without = |part: ServicePart| {
            let others = values.iter().filter(|(name, _)| !part.values().contains(name));
            ServiceSettings::read(&NamedValues::new(others.map(|(name, data)| (*name, data))), [])
        };
        assert!(without(ServicePart::Start).is_ok() && without(ServicePart::Kind).is_err());
        assert_eq!(named.len(), 10);
    }

    #[test]
    fn what_is_missing_has_its_default() {
        assert_eq!(read(&[], &["Security"]), Ok(ServiceSettings::default()));
        let account = |number| read(&[("Type", RegistryData::dword(number))], &[]).unwrap().account;
        assert_eq!((account(0x10), account(0x1)), (Some(ServiceAccount::LocalSystem), None));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (name, data, message) in [
            ("Start", RegistryData::sz("2"), "the value Start is REG_SZ, not a DWORD"),
            ("Start", RegistryData::dword(9), "the service's start type 9 is none of 0 to 4"),
            ("FailureActions", RegistryData::binary([1]), "the failure actions have 1 bytes, fewer than 20"),
            ("DependOnService", RegistryData::multi(&["a/b"]), "the service depends on `a/b`"),
        ] {
            assert_eq!(read(&[(name, data)], &[]).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn dependencies_have_two_forms() {
        let list = ["b", "+g h", "A"];
        let read = Dependencies::of_list(&list).unwrap();
        assert_eq!((&read.services, &read.groups), (&names(&["b", "A"]), &vec!["g h".to_owned()]));
        assert_eq!(read.to_list(), ["b", "A", "+g h"]);
        assert!(read.same(&Dependencies::of_list(&["a", "+G H", "B", "b"]).unwrap()));
        assert!(!read.same(&Dependencies::of_list(&["a", "g h", "b"]).unwrap()));
        let writes = read.writes();
        assert_eq!(writes[0].data, Some(RegistryData::multi(&["b", "A"])));
        assert_eq!(writes[1].data, Some(RegistryData::multi(&["g h"])));
        assert!(Dependencies::default().writes().iter().all(|write| write.data.is_none()));
        assert!(Dependencies::of_list(&[""]).is_err());
    }

    #[test]
    fn only_what_differs_is_written() {
        let found = ServiceSettings { start: Some(StartType::Automatic), ..Default::default() };
        assert_eq!(found.write_start(StartType::Automatic), []);
        assert_eq!(found.write_start(StartType::Delayed).len(), 2);
        let actions = FailureActions::new(60, vec![Action { kind: ActionKind::Restart, delay_millis: 1 }]);
        assert_eq!(ServiceSettings::write_failure_actions(&actions).data, Some(actions.data()));
        assert_eq!(ServiceSettings::write_acts_on_errors(true).data, Some(RegistryData::dword(1)));
        assert_eq!(ServiceSettings::write_failure_command(None).data, None);
        assert_eq!(ServiceSettings::write_reboot_message(Some("a")).data, Some(RegistryData::sz("a")));
    }
}
