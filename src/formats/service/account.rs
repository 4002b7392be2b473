//! The account that a service runs as: the value `ObjectName`.
//! Source: Microsoft, *CreateService* and *Service User Accounts*; group-managed accounts end with a dollar sign.

use std::fmt;

use super::name::ServiceName;
use crate::formats::registry_values::{NamedValues, ValueWrite};
use crate::formats::upcase;
use crate::model::registry_data::RegistryData;
use crate::model::sid::Sid;

pub(super) const OBJECT_NAME: &str = "ObjectName";

const LOCAL_SYSTEM: &str = "LocalSystem";
const LOCAL_SERVICE: &str = r"NT AUTHORITY\LocalService";
const NETWORK_SERVICE: &str = r"NT AUTHORITY\NetworkService";
const NT_AUTHORITY: &str = "NT AUTHORITY";
const NT_SERVICE: &str = "NT SERVICE";
const DRIVER: &str = r"\Driver\";
const FILE_SYSTEM: &str = r"\FileSystem\";

/// Who a service runs as. Equality is without case, and does not know the names of machine and domain.
#[derive(Clone, Debug)]
pub enum ServiceAccount {
    LocalSystem,
    LocalService,
    NetworkService,
    /// `NT SERVICE\name`: an account that Windows makes of the service's name.
    Virtual(ServiceName),
    /// `DOMAIN\name$`: the domain keeps the password.
    Managed(Box<str>),
    /// The object of a driver, such as `\Driver\WudfRd`: no account at all.
    Driver(Box<str>),
    /// Any other: it needs a password.
    User(Box<str>),
}

impl ServiceAccount {
    /// Reads an account as the registry or an administrator writes it; an empty one is the default, `LocalSystem`.
    pub fn parse(text: &str) -> Self {
        let (authority, name) = text.split_once('\\').unwrap_or(("", text));
        let is = |known: &str, found: &str| upcase::eq(known, found);
        let is_own = authority.is_empty() || authority == "." || is(NT_AUTHORITY, authority);
        if text.is_empty() || (is_own && (is(LOCAL_SYSTEM, name) || is("SYSTEM", name))) {
            return Self::LocalSystem;
        }
        if is_own && (is("LocalService", name) || is("LOCAL SERVICE", name)) {
            return Self::LocalService;
        }
        if is_own && (is("NetworkService", name) || is("NETWORK SERVICE", name)) {
            return Self::NetworkService;
        }
        if is(NT_SERVICE, authority)
            && let Ok(name) = name.parse()
        {
            return Self::Virtual(name);
        }
        if [DRIVER, FILE_SYSTEM].iter().any(|head| text.get(..head.len()).is_some_and(|found| is(head, found))) {
            return Self::Driver(text.into());
        }
        if name.ends_with('$') && !authority.is_empty() && authority != "." {
            return Self::Managed(text.into());
        }
        Self::User(text.into())
    }

    /// The account that a value of a service's key names, which is the default where the value is not there; `None` when it is
    /// another value or cannot be read.
    pub fn of_value(name: &str, data: Option<&RegistryData>) -> Option<Self> {
        if !upcase::eq(name, OBJECT_NAME) {
            return None;
        }
        let Some(data) = data else { return Some(Self::LocalSystem) };
        NamedValues::new([(name, data)]).text(name).ok().flatten().map(|text| Self::parse(&text))
    }

    /// Whether the service manager must be given a password for it.
    pub const fn needs_password(&self) -> bool {
        matches!(self, Self::User(_))
    }

    /// The SID, of an account that needs no machine to know it.
    pub fn sid(&self) -> Option<Sid> {
        match self {
            Self::LocalSystem => Some(Sid::SYSTEM),
            Self::LocalService => Some(Sid::LOCAL_SERVICE),
            Self::NetworkService => Some(Sid::NETWORK_SERVICE),
            Self::Virtual(name) => Sid::from_account(&format!(r"{NT_SERVICE}\{name}")),
            Self::Managed(_) | Self::Driver(_) | Self::User(_) => None,
        }
    }

    /// Whether it is the same account on the machine of this name: `.\name` is `MACHINE\name` there.
    pub fn is_same_on(&self, machine: &str, other: &Self) -> bool {
        let local = |account: &Self| match account {
            Self::User(text) => text.split_once('\\').and_then(|(authority, name)| {
                (authority == "." || upcase::eq(authority, machine)).then(|| upcase::fold(name))
            }),
            _ => None,
        };
        self == other || local(self).is_some_and(|name| local(other) == Some(name))
    }

    pub fn write(&self) -> ValueWrite {
        ValueWrite::text(OBJECT_NAME, Some(&self.to_string()))
    }
}

impl PartialEq for ServiceAccount {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::LocalSystem, Self::LocalSystem)
            | (Self::LocalService, Self::LocalService)
            | (Self::NetworkService, Self::NetworkService) => true,
            (Self::Virtual(one), Self::Virtual(other)) => one == other,
            (Self::Managed(one), Self::Managed(other))
            | (Self::Driver(one), Self::Driver(other))
            | (Self::User(one), Self::User(other)) => upcase::eq(one, other),
            _ => false,
        }
    }
}

impl Eq for ServiceAccount {}

impl fmt::Display for ServiceAccount {
    /// As the service manager writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalSystem => f.write_str(LOCAL_SYSTEM),
            Self::LocalService => f.write_str(LOCAL_SERVICE),
            Self::NetworkService => f.write_str(NETWORK_SERVICE),
            Self::Virtual(name) => write!(f, r"{NT_SERVICE}\{name}"),
            Self::Managed(text) | Self::Driver(text) | Self::User(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts() {
        let name = |text: &str| text.parse::<ServiceName>().unwrap();
        let cases = [
            ("LocalSystem", ServiceAccount::LocalSystem, "LocalSystem", false),
            ("", ServiceAccount::LocalSystem, "LocalSystem", false),
            (r".\localsystem", ServiceAccount::LocalSystem, "LocalSystem", false),
            (r"NT AUTHORITY\SYSTEM", ServiceAccount::LocalSystem, "LocalSystem", false),
            (r"NT Authority\LocalService", ServiceAccount::LocalService, r"NT AUTHORITY\LocalService", false),
            (r"NT AUTHORITY\Local Service", ServiceAccount::LocalService, r"NT AUTHORITY\LocalService", false),
            ("NetworkService", ServiceAccount::NetworkService, r"NT AUTHORITY\NetworkService", false),
            (r"NT Service\MSSQLSERVER", ServiceAccount::Virtual(name("mssqlserver")), r"NT SERVICE\MSSQLSERVER", false),
            (r"CORP\gmsa-acs$", ServiceAccount::Managed(r"corp\GMSA-acs$".into()), r"CORP\gmsa-acs$", false),
            (r"\Driver\WudfRd", ServiceAccount::Driver(r"\driver\wudfrd".into()), r"\Driver\WudfRd", false),
            (r"\FileSystem\x", ServiceAccount::Driver(r"\FileSystem\x".into()), r"\FileSystem\x", false),
            (r".\svc-acs", ServiceAccount::User(r".\SVC-acs".into()), r".\svc-acs", true),
            (r".\svc$", ServiceAccount::User(r".\svc$".into()), r".\svc$", true),
            (r"CORP\svc", ServiceAccount::User(r"CORP\svc".into()), r"CORP\svc", true),
            (r"CORP\LocalSystem", ServiceAccount::User(r"CORP\LocalSystem".into()), r"CORP\LocalSystem", true),
            ("svc@corp.example", ServiceAccount::User("svc@corp.example".into()), "svc@corp.example", true),
            (r"NT SERVICE\", ServiceAccount::User(r"NT SERVICE\".into()), r"NT SERVICE\", true),
        ];
        for (text, account, shown, needs_password) in cases {
            let read = ServiceAccount::parse(text);
            assert_eq!((&read, read.needs_password()), (&account, needs_password), "{text}");
            assert_eq!(read.to_string(), shown);
            assert_eq!(ServiceAccount::parse(shown), read, "{text}");
        }
    }

    #[test]
    fn local_accounts_have_two_names() {
        let account = ServiceAccount::parse;
        assert!(account(r".\svc").is_same_on("ACS", &account(r"acs\SVC")));
        assert!(!account(r".\svc").is_same_on("ACS", &account(r"CORP\svc")));
        assert!(account(r"CORP\svc").is_same_on("ACS", &account(r"corp\svc")));
        assert!(!account("svc").is_same_on("ACS", &account(r".\svc")));
        assert!(account("LocalSystem").is_same_on("ACS", &account("localsystem")));
        assert!(!account("LocalSystem").is_same_on("ACS", &account(r".\svc")));
    }

    #[test]
    fn sids_that_every_machine_knows() {
        let sid = |text: &str| ServiceAccount::parse(text).sid();
        assert_eq!(sid("LocalSystem"), Some(Sid::SYSTEM));
        assert_eq!(sid("LocalService"), Some(Sid::LOCAL_SERVICE));
        assert_eq!(sid(r"NT SERVICE\x"), Sid::from_account(r"NT SERVICE\x"));
        assert_eq!((sid(r".\svc"), sid(r"CORP\g$"), sid(r"\Driver\x")), (None, None, None));
    }

    proptest::proptest! {
        #[test]
        fn any_text_keeps_its_meaning(text in "(NT SERVICE|NT AUTHORITY|\\.|CORP|)\\\\?\\PC{0,10}\\$?") {
            let account = ServiceAccount::parse(&text);
            proptest::prop_assert_eq!(ServiceAccount::parse(&account.to_string()), account);
        }
    }
}
