//! Where a TLS binding holds: an address, a name that clients ask for, or the central certificate store, each with a port.
//! The names of keys are printed as they were read; the forms of the central store's are (k).

use core::net::{IpAddr, SocketAddr};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU16;

use super::PARAMETERS;
use super::host::{HostError, HostName};
use crate::model::registry::RegistryKey;

/// The four lists of bindings, each a key below [`PARAMETERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BindingKind {
    /// By the address that a client connects to.
    Address,
    /// By the name that a client asks for (SNI).
    Name,
    /// Certificates come from the central store, by name.
    CentralStore,
    /// The same for one name.
    CentralStoreOfName,
}

/// The place of one binding.
///
/// Equality is that of the place: addresses by number, names without case. The text is kept as it was read.
#[derive(Clone)]
pub struct Endpoint {
    place: Place,
    name: Box<str>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    Address(SocketAddr),
    Name(HostName, NonZeroU16),
    CentralStore(NonZeroU16),
    CentralStoreOfName(HostName, NonZeroU16),
}

/// Why a key's name is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("`{text}` has no port: write it as host:port")]
    NoPort { text: String },
    #[error("`{port}` is not a port: a number from 1 to 65535 without leading zeros")]
    Port { port: String },
    #[error("`{text}` is not an address with a port, such as 0.0.0.0:5443 or [::]:5443")]
    Address { text: String },
    #[error("`{text}` is not a binding of the central certificate store, such as *:443")]
    CentralStore { text: String },
    #[error("`{text}` is not a host name with a port")]
    Host {
        text: String,
        #[source]
        source: HostError,
    },
}

impl BindingKind {
    pub const ALL: [Self; 4] = [Self::Address, Self::Name, Self::CentralStore, Self::CentralStoreOfName];

    /// The name of the key below [`PARAMETERS`] that holds a key for each binding.
    pub const fn list(self) -> &'static str {
        match self {
            Self::Address => "SslBindingInfo",
            Self::Name => "SslSniBindingInfo",
            Self::CentralStore => "SslCcsBindingInfo",
            Self::CentralStoreOfName => "SslScopedCcsBindingInfo",
        }
    }

    /// The key that holds a key for each binding.
    pub fn key(self) -> Option<RegistryKey> {
        RegistryKey::parse(&format!(r"{PARAMETERS}\{}", self.list())).ok()
    }
}

impl Endpoint {
    /// Reads the name of a key in one of the lists.
    ///
    /// # Errors
    /// It is not of the form that the list holds.
    pub fn parse(kind: BindingKind, text: &str) -> Result<Self, EndpointError> {
        let (host, port) = split(text)?;
        let name = || host.parse::<HostName>().map_err(|source| EndpointError::Host { text: text.to_owned(), source });
        let place = match kind {
            BindingKind::Address => {
                let address = text.parse().map_err(|_| EndpointError::Address { text: text.to_owned() });
                Place::Address(address?)
            }
            BindingKind::Name => Place::Name(name()?, port),
            // The address is the wildcard, whichever way it is spelled.
            BindingKind::CentralStore if ["*", "0.0.0.0", "[::]"].contains(&host) => Place::CentralStore(port),
            BindingKind::CentralStore => return Err(EndpointError::CentralStore { text: text.to_owned() }),
            BindingKind::CentralStoreOfName => Place::CentralStoreOfName(name()?, port),
        };
        Ok(Self { place, name: text.into() })
    }

    /// The binding of an address; the unspecified one stands for all.
    pub fn address(address: IpAddr, port: NonZeroU16) -> Self {
        Self::made(Place::Address(SocketAddr::new(address, port.get())))
    }

    /// The binding of a name.
    pub fn name(host: HostName, port: NonZeroU16) -> Self {
        Self::made(Place::Name(host, port))
    }

    /// The binding of the central certificate store.
    pub fn central_store(port: NonZeroU16) -> Self {
        Self::made(Place::CentralStore(port))
    }

    fn made(place: Place) -> Self {
        let name = match &place {
            Place::Address(address) => address.to_string(),
            Place::Name(host, port) | Place::CentralStoreOfName(host, port) => format!("{host}:{port}"),
            Place::CentralStore(port) => format!("*:{port}"),
        };
        Self { place, name: name.into() }
    }

    /// The list that the binding stands in.
    pub fn kind(&self) -> BindingKind {
        match &self.place {
            Place::Address(_) => BindingKind::Address,
            Place::Name(..) => BindingKind::Name,
            Place::CentralStore(_) => BindingKind::CentralStore,
            Place::CentralStoreOfName(..) => BindingKind::CentralStoreOfName,
        }
    }

    pub fn port(&self) -> u16 {
        match &self.place {
            Place::Address(address) => address.port(),
            Place::Name(_, port) | Place::CentralStoreOfName(_, port) | Place::CentralStore(port) => port.get(),
        }
    }

    /// The address, of a binding by address.
    pub fn ip(&self) -> Option<IpAddr> {
        match &self.place {
            Place::Address(address) => Some(address.ip()),
            Place::Name(..) | Place::CentralStore(_) | Place::CentralStoreOfName(..) => None,
        }
    }

    /// The address with its port and, of a link-local one, its interface; of a binding by address.
    pub const fn socket(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Address(address) => Some(*address),
            Place::Name(..) | Place::CentralStore(_) | Place::CentralStoreOfName(..) => None,
        }
    }

    /// The binding that a key holds.
    ///
    /// None where the key is in no list of bindings, or its name is none of the list's.
    pub fn of_key(key: &RegistryKey) -> Option<Self> {
        let list = key.parent()?;
        let kind = BindingKind::ALL.into_iter().find(|kind| kind.key().as_ref() == Some(&list))?;
        Self::parse(kind, key.stored_name()).ok()
    }

    /// The name that clients ask for, of a binding by name.
    pub fn host(&self) -> Option<&HostName> {
        match &self.place {
            Place::Name(host, _) | Place::CentralStoreOfName(host, _) => Some(host),
            Place::Address(_) | Place::CentralStore(_) => None,
        }
    }

    /// The key of the binding.
    pub fn key(&self) -> Option<RegistryKey> {
        self.kind().key()?.child(&self.name).ok()
    }
}

/// The host and the port of a name; the port as Windows prints it.
fn split(text: &str) -> Result<(&str, NonZeroU16), EndpointError> {
    let no_port = || EndpointError::NoPort { text: text.to_owned() };
    let (host, port) = text.rsplit_once(':').ok_or_else(no_port)?;
    // The last group of an address in brackets is no port.
    if port.ends_with(']') || host.is_empty() {
        return Err(no_port());
    }
    let number = super::prefix::port(port).ok_or_else(|| EndpointError::Port { port: port.to_owned() })?;
    Ok((host, number))
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Endpoint {}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\\{}", self.kind().list(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::BindingKind::{Address, CentralStore, CentralStoreOfName, Name};
    use super::*;

    #[test]
    fn names_of_keys() {
        for (kind, text, port) in [
            (Address, "0.0.0.0:5443", 5443),
            (Address, "10.20.0.15:443", 443),
            (Address, "[::]:5443", 5443),
            (Address, "[fe80::1%4]:443", 443),
            (Address, "[0:0:0:0:0:0:0:1]:65535", 65535),
            (Name, "acs-srv01.corp.example:5443", 5443),
            (Name, "*.corp.example:443", 443),
            (Name, "xn--mller-kva.example:1", 1),
            (CentralStore, "*:443", 443),
            (CentralStore, "0.0.0.0:443", 443),
            (CentralStoreOfName, "a.example:443", 443),
        ] {
            let endpoint = Endpoint::parse(kind, text).unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.port(), endpoint.kind()), (text, port, kind));
            let key = endpoint.key().unwrap();
            assert_eq!(key.as_str(), format!(r"{PARAMETERS}\{}\{text}", kind.list()));
            assert_eq!(Endpoint::of_key(&key), Some(endpoint.clone()));
            assert_eq!(endpoint.socket().map(|socket| socket.port()), endpoint.ip().map(|_| port));
        }
    }

    #[test]
    fn what_is_no_endpoint_says_why() {
        for (kind, text, message) in [
            (Address, "", "`` has no port: write it as host:port"),
            (Address, "0.0.0.0", "`0.0.0.0` has no port: write it as host:port"),
            (Address, ":443", "`:443` has no port: write it as host:port"),
            (Address, "[::]", "`[::]` has no port: write it as host:port"),
            (Address, "0.0.0.0:0", "`0` is not a port: a number from 1 to 65535 without leading zeros"),
            (Address, "0.0.0.0:0443", "`0443` is not a port: a number from 1 to 65535 without leading zeros"),
            (Address, "0.0.0.0:+443", "`+443` is not a port: a number from 1 to 65535 without leading zeros"),
            (Address, "0.0.0.0:65536", "`65536` is not a port: a number from 1 to 65535 without leading zeros"),
            (Address, "::1:443", "`::1:443` is not an address with a port, such as 0.0.0.0:5443 or [::]:5443"),
            (Address, "host:443", "`host:443` is not an address with a port, such as 0.0.0.0:5443 or [::]:5443"),
            (Name, "10.0.0.1:443", "`10.0.0.1:443` is not a host name with a port"),
            (Name, "[::1]:443", "`[::1]:443` is not a host name with a port"),
            (CentralStore, "a:443", "`a:443` is not a binding of the central certificate store, such as *:443"),
        ] {
            assert_eq!(Endpoint::parse(kind, text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn equality_is_of_the_place() {
        let endpoint = |kind, text| Endpoint::parse(kind, text).unwrap();
        assert_eq!(endpoint(Address, "[::]:443"), endpoint(Address, "[0:0::0]:443"));
        assert_eq!(endpoint(Name, "ACS.example:443"), endpoint(Name, "acs.EXAMPLE:443"));
        assert_eq!(endpoint(CentralStore, "*:443"), endpoint(CentralStore, "0.0.0.0:443"));
        assert_ne!(endpoint(Address, "[::]:443"), endpoint(Address, "0.0.0.0:443"));
        assert_ne!(endpoint(Address, "0.0.0.0:443"), endpoint(Address, "0.0.0.0:444"));
        assert_ne!(endpoint(Name, "a.example:443"), endpoint(CentralStoreOfName, "a.example:443"));
        let port = NonZeroU16::new(443).unwrap();
        assert_eq!(Endpoint::central_store(port).to_string(), "*:443");
        assert_eq!(Endpoint::address("::".parse().unwrap(), port).to_string(), "[::]:443");
        assert_eq!(Endpoint::address("0.0.0.0".parse().unwrap(), port), endpoint(Address, "0.0.0.0:443"));
        assert_eq!(Endpoint::name("a.b".parse().unwrap(), port).to_string(), "a.b:443");
    }

    proptest! {
        #[test]
        fn every_address_reads_back(four: [u8; 4], six: [u16; 8], port in 1u16..) {
            let port = NonZeroU16::new(port).unwrap();
            for address in [IpAddr::from(four), IpAddr::from(six)] {
                let endpoint = Endpoint::address(address, port);
                let again = Endpoint::parse(Address, &endpoint.to_string()).unwrap();
                prop_assert_eq!((&again, again.ip()), (&endpoint, Some(address)));
            }
        }

        #[test]
        fn any_name_is_refused_or_printed_as_it_was(text in "[-*0-9a-fA-F.:%\\[\\]]{0,20}|\\PC{0,12}:[0-9]{1,5}") {
            for kind in BindingKind::ALL {
                if let Ok(endpoint) = Endpoint::parse(kind, &text) {
                    prop_assert_eq!(endpoint.to_string(), text.as_str());
                    prop_assert_eq!(endpoint.kind(), kind);
                }
            }
        }
    }
}
