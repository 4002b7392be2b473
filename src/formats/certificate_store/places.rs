//! Where certificate stores lie: names of places and the registry keys behind them. Knows nothing of what a store holds.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::formats::upcase;
use crate::model::decode::{Decode, Decoder};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::Node;
use crate::model::registry::{MAX_KEY_NAME, RegistryKey};

/// The stores that Windows has or knows, as they are spelled.
/// Source: Microsoft, *System Store Locations*, and the stores of Windows servers.
const KNOWN_STORES: [&str; 23] = [
    "My",
    "Root",
    "CA",
    "AuthRoot",
    "Disallowed",
    "Trust",
    "TrustedPeople",
    "TrustedPublisher",
    "TrustedDevices",
    "ClientAuthIssuer",
    "SmartCardRoot",
    "Remote Desktop",
    "WebHosting",
    "AddressBook",
    "REQUEST",
    "Windows Live ID Token Issuer",
    "FlightRoot",
    "UserDS",
    "NTAuth",
    "ACRS",
    "DPNGRA",
    "FVE",
    "FVE_NKP",
];

/// The name of a store, compared without case; known stores are spelled as Windows does.
#[derive(Clone, Debug)]
pub struct StoreName(Cow<'static, str>);

/// Whose a store is, and which of the layers that Windows shows as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    LocalMachine,
    LocalMachineGroupPolicy,
    LocalMachineEnterprise,
    CurrentUser,
    /// The short name of a service, in the case as written.
    Service(String),
}

/// A store in its location: `LocalMachine\My`, `CurrentUser\Root`, `Services\NTDS\My`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePlace {
    pub location: Location,
    pub store: StoreName,
}

/// Why a text names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorePlaceError {
    #[error("a store is written as `LocalMachine\\My`: a location, a backslash and the store's name")]
    Shape,
    #[error("there is no location `{location}`")]
    Location { location: String },
    #[error("`{name}` cannot be the name of a store or service")]
    Name { name: String },
}

impl StorePlaceError {
    /// What to write instead.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Shape | Self::Location { .. } => Some(
                "the locations are `LocalMachine`, `LocalMachineGroupPolicy`, `LocalMachineEnterprise`, `CurrentUser` \
                 and `Services\\<service>`",
            ),
            Self::Name { .. } => None,
        }
    }
}

/// Where a user's hive, or the one of the user at work, has stores.
pub const USER_STORES: &str = r"Software\Microsoft\SystemCertificates";
/// Where group policy puts a user's stores.
pub const USER_POLICY_STORES: &str = r"Software\Policies\Microsoft\SystemCertificates";
/// The key below which each service with stores has one.
pub const SERVICES: &str = r"HKLM\SOFTWARE\Microsoft\Cryptography\Services";

impl Location {
    /// The path of the key below which each store has one.
    pub fn stores(&self) -> String {
        match self {
            Self::LocalMachine => r"HKLM\SOFTWARE\Microsoft\SystemCertificates".to_owned(),
            Self::LocalMachineGroupPolicy => r"HKLM\SOFTWARE\Policies\Microsoft\SystemCertificates".to_owned(),
            Self::LocalMachineEnterprise => r"HKLM\SOFTWARE\Microsoft\EnterpriseCertificates".to_owned(),
            Self::CurrentUser => format!(r"HKCU\{USER_STORES}"),
            Self::Service(service) => format!(r"{SERVICES}\{service}\SystemCertificates"),
        }
    }
}

impl StoreName {
    /// The stores that Windows has or knows.
    pub fn known() -> impl Iterator<Item = Self> {
        KNOWN_STORES.into_iter().map(|name| Self(Cow::Borrowed(name)))
    }

    /// Takes any name that can be a registry key's.
    ///
    /// # Errors
    /// It is empty, too long, or holds a separator or NUL.
    pub fn parse(name: &str) -> Result<Self, StorePlaceError> {
        check(name)?;
        let known = KNOWN_STORES.into_iter().find(|known| upcase::eq(known, name));
        Ok(Self(known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Windows has or knows a store of this name.
    pub fn is_known(&self) -> bool {
        KNOWN_STORES.contains(&self.as_str())
    }
}

impl StorePlace {
    /// Reads a place in any case; PowerShell's `Cert:\` in front is accepted.
    ///
    /// # Errors
    /// It is no location and store, or a name is none.
    pub fn parse(text: &str) -> Result<Self, StorePlaceError> {
        let parts: Vec<&str> = text.split('\\').collect();
        let parts = match parts.as_slice() {
            [drive, rest @ ..] if upcase::eq(drive, "Cert:") => rest,
            all => all,
        };
        let (location, store) = match parts {
            [services, service, store] if upcase::eq(services, "Services") => {
                check(service)?;
                (Location::Service((*service).to_owned()), store)
            }
            [machine, layer, store] if upcase::eq(machine, "LocalMachine") => (layer_of_machine(layer)?, store),
            [location, store] => (simple_location(location)?, store),
            _ => return Err(StorePlaceError::Shape),
        };
        Ok(Self { location, store: StoreName::parse(store)? })
    }

    /// The key below which each certificate has one, named by its SHA-1; `None` for a store that is kept in files.
    ///
    /// That services' stores lie where it says was not yet seen on a machine.
    pub fn registry_key(&self) -> Option<RegistryKey> {
        // A user's own certificates are files in the roaming profile.
        if self.location == Location::CurrentUser && self.store.as_str() == "My" {
            return None;
        }
        let head = self.location.stores();
        RegistryKey::parse(&format!(r"{head}\{}\Certificates", self.store)).ok()
    }
}

fn simple_location(text: &str) -> Result<Location, StorePlaceError> {
    const LOCATIONS: [(&str, Location); 4] = [
        ("LocalMachine", Location::LocalMachine),
        ("LocalMachineGroupPolicy", Location::LocalMachineGroupPolicy),
        ("LocalMachineEnterprise", Location::LocalMachineEnterprise),
        ("CurrentUser", Location::CurrentUser),
    ];
    let found = LOCATIONS.into_iter().find(|(name, _)| upcase::eq(name, text));
    found.map(|(_, location)| location).ok_or_else(|| StorePlaceError::Location { location: text.to_owned() })
}

/// The layers as the certificates console shows them below a store.
fn layer_of_machine(text: &str) -> Result<Location, StorePlaceError> {
    if upcase::eq(text, "Group Policy") {
        Ok(Location::LocalMachineGroupPolicy)
    } else if upcase::eq(text, "Enterprise") {
        Ok(Location::LocalMachineEnterprise)
    } else {
        Err(StorePlaceError::Location { location: format!("LocalMachine\\{text}") })
    }
}

fn check(name: &str) -> Result<(), StorePlaceError> {
    let is_sound = !name.trim().is_empty()
        && !name.contains(['\\', '/'])
        && !name.contains(char::is_control)
        && name.encode_utf16().count() <= MAX_KEY_NAME;
    if is_sound { Ok(()) } else { Err(StorePlaceError::Name { name: name.escape_debug().to_string() }) }
}

impl PartialEq for StoreName {
    fn eq(&self, other: &Self) -> bool {
        upcase::eq(&self.0, &other.0)
    }
}
impl Eq for StoreName {}
impl PartialOrd for StoreName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for StoreName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        upcase::cmp(&self.0, &other.0)
    }
}
impl std::hash::Hash for StoreName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        upcase::fold(&self.0).hash(state);
    }
}
impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalMachine => "LocalMachine",
            Self::LocalMachineGroupPolicy => "LocalMachineGroupPolicy",
            Self::LocalMachineEnterprise => "LocalMachineEnterprise",
            Self::CurrentUser => "CurrentUser",
            Self::Service(service) => return write!(f, r"Services\{service}"),
        })
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r"{}\{}", self.location, self.store)
    }
}

impl std::str::FromStr for StorePlace {
    type Err = StorePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl serde::Serialize for StorePlace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for StorePlace {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Decode for StorePlace {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        Self::parse(text)
            .map_err(|error| {
                let hint = error.hint().map(str::to_owned);
                cx.push(Diagnostic::error("document.bad_store", error.to_string()).at(node.at).hint_if(hint));
            })
            .ok()
    }
}

impl JsonSchema for StorePlace {
    fn schema_name() -> Cow<'static, str> {
        "StorePlace".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A certificate store: its location, a backslash and its name.",
            "examples": [r"LocalMachine\My", r"Services\NTDS\My"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_print_and_lie_somewhere() {
        let software = r"HKLM\SOFTWARE\Microsoft";
        for (text, shown, key) in [
            (r"LocalMachine\My", r"LocalMachine\My", Some(format!(r"{software}\SystemCertificates\My\Certificates"))),
            (r"localmachine\MY", r"LocalMachine\My", Some(format!(r"{software}\SystemCertificates\My\Certificates"))),
            (
                r"Cert:\LocalMachine\Remote Desktop",
                r"LocalMachine\Remote Desktop",
                Some(format!(r"{software}\SystemCertificates\Remote Desktop\Certificates")),
            ),
            (
                r"LocalMachine\Group Policy\root",
                r"LocalMachineGroupPolicy\Root",
                Some(r"HKLM\SOFTWARE\Policies\Microsoft\SystemCertificates\Root\Certificates".into()),
            ),
            (
                r"LocalMachineEnterprise\ntauth",
                r"LocalMachineEnterprise\NTAuth",
                Some(format!(r"{software}\EnterpriseCertificates\NTAuth\Certificates")),
            ),
            (
                r"services\NTDS\my",
                r"Services\NTDS\My",
                Some(format!(r"{software}\Cryptography\Services\NTDS\SystemCertificates\My\Certificates")),
            ),
            (
                r"CurrentUser\root",
                r"CurrentUser\Root",
                Some(r"HKCU\Software\Microsoft\SystemCertificates\Root\Certificates".into()),
            ),
            (r"CurrentUser\my", r"CurrentUser\My", None),
        ] {
            let place = StorePlace::parse(text).unwrap();
            assert_eq!(place.to_string(), shown);
            assert_eq!(place.registry_key().map(|key| key.to_string()), key);
            assert_eq!(StorePlace::parse(shown), Ok(place));
        }
    }

    #[test]
    fn what_is_no_place_says_why() {
        let refuse = |text: &str| StorePlace::parse(text).unwrap_err();
        assert_eq!(refuse("My"), StorePlaceError::Shape);
        assert_eq!(refuse("LocalMachine/My"), StorePlaceError::Shape);
        assert_eq!(refuse(r"A\B\C\D"), StorePlaceError::Shape);
        assert_eq!(refuse(r"Machine\My"), StorePlaceError::Location { location: "Machine".into() });
        assert_eq!(refuse(r"LocalMachine\X\My"), StorePlaceError::Location { location: r"LocalMachine\X".into() });
        assert_eq!(refuse(r"LocalMachine\"), StorePlaceError::Name { name: String::new() });
        assert_eq!(refuse(r"Services\\My"), StorePlaceError::Name { name: String::new() });
        assert_eq!(refuse("LocalMachine\\a\0"), StorePlaceError::Name { name: r"a\0".into() });
        assert!(refuse("My").hint().is_some() && refuse("LocalMachine\\").hint().is_none());
    }

    #[test]
    fn store_names_have_no_case() {
        let own = |text| StoreName::parse(text).unwrap();
        assert_eq!(own("Größe"), own("GRÖßE"));
        assert!(own("trustedpeople").is_known() && !own("Own").is_known());
        assert_eq!(own("TRUSTEDPEOPLE").as_str(), "TrustedPeople");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_refused_or_prints_as_itself(text in r"(LocalMachine|CurrentUser|Services\\[a-z]{1,5})?\\?\PC{0,20}") {
            if let Ok(place) = StorePlace::parse(&text) {
                proptest::prop_assert_eq!(StorePlace::parse(&place.to_string()), Ok(place.clone()));
            }
        }
    }
}
