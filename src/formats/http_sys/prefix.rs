//! URL prefixes: the parts of http.sys' namespace that accounts reserve, and which of two takes a request.
//! Source: Microsoft, *UrlPrefix Strings* and *Routing Incoming Requests*.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU16;

use super::host::{HostError, HostName};
use crate::formats::upcase;

/// A URL prefix: `https://+:5443/sipass/`.
///
/// Equality is of what it stands for: scheme, host and path without case. The text is kept as it was read, for it names
/// a registry value; [`UrlPrefix::canonical`] is how a new one is written.
#[derive(Clone)]
pub struct UrlPrefix {
    text: Box<str>,
    scheme: Scheme,
    host: PrefixHost,
    port: NonZeroU16,
    /// Begins and ends with a slash.
    path: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    Http,
    Https,
}

/// The host of a prefix, in the order in which http.sys looks for a match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PrefixHost {
    /// `+`: every host, before all others.
    Strong,
    /// The host that the request names.
    Name(HostName),
    /// The address that the request came to.
    Address(IpAddr),
    /// `*`: every host that nothing else took.
    Weak,
}

/// What two prefixes have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// No request fits both.
    None,
    /// They are the same prefix.
    Same,
    /// A request that fits both goes to this one.
    Wins,
    /// A request that fits both goes to the other.
    Yields,
}

/// Why a text is no URL prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    #[error("a URL prefix begins with http:// or https://")]
    Scheme,
    #[error("the URL prefix names no host: write +, *, a name or an address")]
    NoHost,
    #[error("the URL prefix names no port: write it as {scheme}://{host}:{usual}/")]
    NoPort { scheme: Scheme, host: String, usual: u16 },
    #[error("`{port}` is not a port: a number from 1 to 65535 without leading zeros")]
    Port { port: String },
    #[error("a URL prefix ends with a slash: write {with_slash}")]
    NoSlash { with_slash: String },
    #[error("the path of a URL prefix cannot hold {found:?}")]
    Path { found: char },
    #[error("`{text}` is not an IPv6 address")]
    Address { text: String },
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Scheme {
    const fn usual_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl UrlPrefix {
    /// Reads a prefix; scheme and host may be in any case.
    ///
    /// # Errors
    /// The port or the slash at the end is missing, or a part is not of its form.
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let (scheme, rest) = text.split_once("://").ok_or(PrefixError::Scheme)?;
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            _ => return Err(PrefixError::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, digits) = split_port(authority);
        if host.is_empty() {
            return Err(PrefixError::NoHost);
        }
        let Some(digits) = digits else {
            return Err(PrefixError::NoPort { scheme, host: host.to_owned(), usual: scheme.usual_port() });
        };
        let port = port(digits).ok_or_else(|| PrefixError::Port { port: digits.to_owned() })?;
        let host = PrefixHost::parse(host)?;
        if let Some(found) = path.chars().find(|c| c.is_control() || matches!(c, '?' | '#' | '\\')) {
            return Err(PrefixError::Path { found });
        }
        if !path.ends_with('/') {
            return Err(PrefixError::NoSlash { with_slash: format!("{text}/") });
        }
        Ok(Self { text: text.into(), scheme, host, port, path: path.into() })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn host(&self) -> &PrefixHost {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port.get()
    }

    /// The path, which begins and ends with a slash, in the case it was written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The prefix as it was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The prefix as a new one is written: scheme and host in lower case, addresses in their shortest form.
    pub fn canonical(&self) -> String {
        format!("{}://{}:{}{}", self.scheme, self.host, self.port, self.path)
    }

    /// Which of two prefixes gets the requests that fit both.
    ///
    /// The kind of host decides before the length of the path: `https://+:443/` takes what fits `https://web:443/app/`.
    pub fn overlap(&self, other: &Self) -> Overlap {
        if self == other {
            return Overlap::Same;
        }
        let (path, other_path) = (upcase::fold(&self.path), upcase::fold(&other.path));
        let nested = path.starts_with(&other_path) || other_path.starts_with(&path);
        if self.scheme != other.scheme || self.port != other.port || !nested || !self.host.may_meet(&other.host) {
            return Overlap::None;
        }
        // Where both hosts are of one kind they are equal, and the paths are not.
        let (rank, other_rank) = (self.host.rank(), other.host.rank());
        let wins = rank < other_rank || (rank == other_rank && path.len() > other_path.len());
        if wins { Overlap::Wins } else { Overlap::Yields }
    }
}

impl PrefixHost {
    fn parse(text: &str) -> Result<Self, PrefixError> {
        if let Some(inner) = text.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            return address
                .map(|address| Self::Address(address.into()))
                .ok_or_else(|| PrefixError::Address { text: text.to_owned() });
        }
        Ok(match text {
            "+" => Self::Strong,
            "*" => Self::Weak,
            _ => match text.parse::<Ipv4Addr>() {
                Ok(address) => Self::Address(address.into()),
                Err(_) => Self::Name(text.parse()?),
            },
        })
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Strong => 0,
            Self::Name(_) => 1,
            Self::Address(_) => 2,
            Self::Weak => 3,
        }
    }

    /// Whether one request can fit both: it has one name, and comes to one address.
    fn may_meet(&self, other: &Self) -> bool {
        self.rank() != other.rank() || self == other
    }
}

impl fmt::Display for PrefixHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strong => f.write_str("+"),
            Self::Weak => f.write_str("*"),
            Self::Name(host) => f.write_str(&host.as_str().to_ascii_lowercase()),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl PartialEq for UrlPrefix {
    fn eq(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
            && upcase::eq(&self.path, &other.path)
    }
}

impl Eq for UrlPrefix {}

impl Hash for UrlPrefix {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.scheme, &self.host, self.port, upcase::fold(&self.path)).hash(state);
    }
}

impl fmt::Display for UrlPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for UrlPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A port as http.sys reads it: digits without leading zeros, 1 to 65535.
pub(super) fn port(digits: &str) -> Option<NonZeroU16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain.then(|| digits.parse().ok()).flatten()
}

/// The host, and what follows its last colon outside of brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> UrlPrefix {
        UrlPrefix::parse(text).unwrap()
    }

    #[test]
    fn prefixes() {
        for (text, canonical) in [
            ("https://+:5443/sipass/", "https://+:5443/sipass/"),
            ("HTTPS://ACS-Srv01.Corp.Example:443/App/", "https://acs-srv01.corp.example:443/App/"),
            ("http://*:80/", "http://*:80/"),
            ("http://192.168.0.1:80/a/", "http://192.168.0.1:80/a/"),
            ("http://[0:0:0:0:0:0:0:1]:80/", "http://[::1]:80/"),
            ("http://[3FFE:ffff::6ECB:0101]:80/", "http://[3ffe:ffff::6ecb:101]:80/"),
            (
                "https://+:443/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/",
                "https://+:443/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/",
            ),
            ("http://+:80/Größe/", "http://+:80/Größe/"),
        ] {
            assert_eq!((prefix(text).canonical().as_str(), prefix(text).as_str()), (canonical, text));
            assert_eq!(prefix(text), prefix(canonical));
        }
    }

    #[test]
    fn what_is_no_prefix_says_why() {
        for (text, message) in [
            ("", "a URL prefix begins with http:// or https://"),
            ("ftp://+:80/", "a URL prefix begins with http:// or https://"),
            ("+:80/", "a URL prefix begins with http:// or https://"),
            ("http://:80/", "the URL prefix names no host: write +, *, a name or an address"),
            ("http:///", "the URL prefix names no host: write +, *, a name or an address"),
            ("https://+/a/", "the URL prefix names no port: write it as https://+:443/"),
            ("http://[::1]/", "the URL prefix names no port: write it as http://[::1]:80/"),
            ("http://+:/", "`` is not a port: a number from 1 to 65535 without leading zeros"),
            ("http://+:080/", "`080` is not a port: a number from 1 to 65535 without leading zeros"),
            ("http://+:65536/", "`65536` is not a port: a number from 1 to 65535 without leading zeros"),
            ("http://+:*/", "`*` is not a port: a number from 1 to 65535 without leading zeros"),
            ("http://+:80/a", "a URL prefix ends with a slash: write http://+:80/a/"),
            ("http://+:80", "a URL prefix ends with a slash: write http://+:80/"),
            ("http://+:80/?a/", "the path of a URL prefix cannot hold '?'"),
            ("http://+:80/a\\b/", "the path of a URL prefix cannot hold '\\\\'"),
            ("http://+:80/a\n/", "the path of a URL prefix cannot hold '\\n'"),
            ("http://[::g]:80/", "`[::g]` is not an IPv6 address"),
            ("http://::1:80/", "a host name cannot hold ':'; names beyond ASCII are written as punycode (xn--…)"),
            ("http://300.1.1.1:80/", "`300.1.1.1` looks like an address, but is none"),
            ("http://++:80/", "a host name cannot hold '+'; names beyond ASCII are written as punycode (xn--…)"),
        ] {
            assert_eq!(UrlPrefix::parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn requests_that_fit_both() {
        use Overlap::{None, Same, Wins, Yields};
        for (one, other, expected) in [
            ("https://+:443/a/", "HTTPS://+:443/A/", Same),
            ("https://+:443/a/", "https://+:443/a/b/", Yields),
            ("https://+:443/", "https://+:443/a/", Yields),
            ("https://+:443/a/", "https://+:443/ab/", None),
            ("https://+:443/a/", "http://+:443/a/", None),
            ("https://+:443/a/", "https://+:444/a/", None),
            ("https://+:443/a/", "https://web:443/a/", Wins),
            ("https://+:443/", "https://web:443/a/", Wins),
            ("https://+:443/a/b/", "https://web:443/a/", Wins),
            ("https://web:443/a/", "https://10.0.0.1:443/a/b/", Wins),
            ("https://10.0.0.1:443/a/", "https://*:443/a/b/", Wins),
            ("https://web:443/a/", "https://*:443/a/", Wins),
            ("https://+:443/a/", "https://*:443/a/", Wins),
            ("https://web:443/a/", "https://other:443/a/", None),
            ("https://10.0.0.1:443/a/", "https://10.0.0.2:443/a/", None),
            ("https://[::1]:443/a/", "https://[0::1]:443/a/b/", Yields),
            ("https://+:443/a/", "https://*:443/b/", None),
        ] {
            assert_eq!(prefix(one).overlap(&prefix(other)), expected, "{one} {other}");
            let swapped = match expected {
                Wins => Yields,
                Yields => Wins,
                None | Same => expected,
            };
            assert_eq!(prefix(other).overlap(&prefix(one)), swapped, "{other} {one}");
        }
    }

    fn any_prefix() -> impl Strategy<Value = UrlPrefix> {
        let host =
            prop_oneof![Just("+"), Just("*"), Just("web"), Just("WEB"), Just("10.0.0.1"), Just("[::1]"), Just("b.c")];
        (prop_oneof![Just("http"), Just("HTTPS")], host, 80u16..82, "/([abA]/){0,3}")
            .prop_map(|(scheme, host, port, path)| prefix(&format!("{scheme}://{host}:{port}{path}")))
    }

    proptest! {
        #[test]
        fn overlap_is_mirrored(one in any_prefix(), other in any_prefix()) {
            let back = other.overlap(&one);
            match one.overlap(&other) {
                Overlap::Same => prop_assert!(back == Overlap::Same && one == other),
                Overlap::None => prop_assert!(back == Overlap::None && one != other),
                Overlap::Wins => prop_assert_eq!(back, Overlap::Yields),
                Overlap::Yields => prop_assert_eq!(back, Overlap::Wins),
            }
        }

        #[test]
        fn any_text_is_refused_or_read_again(text in "(http|HTTPS)://\\PC{0,12}:[0-9]{1,3}/\\PC{0,8}/|\\PC{0,30}") {
            if let Ok(read) = UrlPrefix::parse(&text) {
                prop_assert_eq!(read.as_str(), text);
                let again = UrlPrefix::parse(&read.canonical()).unwrap();
                prop_assert_eq!(&again, &read);
                prop_assert_eq!(again.canonical(), read.canonical());
            }
        }
    }
}
