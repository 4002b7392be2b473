//! The forms in which a document writes what it requires.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::wanted::{Installation, JavaKind, Pattern, Role, Runtime};
use crate::formats::installed::VersionRange;
use crate::kinds::registry::ValueForm;
use crate::model::decode::{Decode, Decoder};
use crate::model::diagnostic::Diagnostic;
use crate::model::file::FilePath;
use crate::model::node::{Meaning, Node};
use crate::model::scalar::{Duration, Size};
use crate::model::source::Spanned;

/// A value that is written short, or as a mapping.
#[derive(Clone, Debug)]
pub enum Form<S, L> {
    Short(S),
    Long(L),
}

impl<S: Decode, L: Decode> Decode for Form<S, L> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if node.as_mapping().is_some() {
            L::decode(node, cx).map(Self::Long)
        } else {
            S::decode(node, cx).map(Self::Short)
        }
    }
}

impl<S: Decode, L: Decode> JsonSchema for Form<S, L> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", S::schema_name(), L::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [S::field_schema(generator), L::field_schema(generator)] })
    }
}

impl Decode for VersionRange {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let scalar = node.as_scalar();
        let text = match scalar.map(|scalar| (scalar, scalar.meaning())) {
            Some((scalar, Meaning::Integer(_) | Meaning::Text)) => &scalar.text,
            Some((scalar, Meaning::Float(_))) => {
                let message = "a number with a fraction loses its zeros: 4.10 is 4.1";
                let hint = scalar.written().map(|text| format!("put it in quotes: \"{text}\""));
                cx.push(Diagnostic::error("requires.bad_version", message).at(node.at).hint_if(hint));
                return None;
            }
            _ => return cx.wrong_type(node, "a version or bounds for one"),
        };
        let parsed = Self::parse(text);
        let report = |error: crate::formats::installed::RangeError| {
            let hint = "write `4.8` for it and all that begin with it, or bounds such as `>=4.8` and `>=2.9, <3`";
            cx.push(Diagnostic::error("requires.bad_version", error.to_string()).at(node.at).hint(hint));
        };
        parsed.map_err(report).ok()
    }
}

impl JsonSchema for VersionRange {
    fn schema_name() -> Cow<'static, str> {
        "VersionRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A version, which stands for all that begin with it, or bounds for one with commas between them.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*(>=|<=|>|<|=)?\s*[0-9$]" },
            ],
            "examples": [">=4.8", ">=2.9, <3", 11],
        })
    }
}

impl Decode for Pattern {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        if text.trim_matches('*').trim().is_empty() {
            let message = "the name is empty, or fits everything";
            cx.push(Diagnostic::error("requires.bad_name", message).at(node.at));
            return None;
        }
        Some(Self::new(text))
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "NamePattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"[^*\s]",
            "description": "A name, compared without case; `*` stands for any text.",
        })
    }
}

crate::record! {
    /// What Windows it must be; each field that is there must hold.
    pub struct WindowsForm {
        /// The release: the year of a server, such as `>=2012 R2, <=2022`, or the number of another Windows, such as `11`.
        #[example(">=2016")]
        pub version: Option<VersionRange>,
        /// The build, with its update behind a dot.
        #[example(">=17763")]
        pub build: Option<VersionRange>,
        /// Editions as Windows calls them, one of which it must be.
        #[example(["ServerStandard", "ServerDatacenter"])]
        pub edition: Option<Vec<String>>,
        /// How it may be installed.
        #[example(["server"])]
        pub installation: Option<Vec<Installation>>,
    }
}

crate::record! {
    /// A shared runtime of .NET, the successor of .NET Core.
    pub struct RuntimeForm {
        /// Bounds for its version.
        #[example(">=8.0.10, <9")]
        pub version: VersionRange,
        /// Which of the runtimes.
        pub runtime: Runtime = Runtime::Core,
    }
}

crate::record! {
    /// Software by the name under which Windows lists it.
    pub struct SoftwareForm {
        /// The name under *Apps and features*; `*` stands for any text.
        #[example("Access Control Server*")]
        pub name: Pattern,
        /// Bounds for its version.
        pub version: Option<VersionRange>,
        /// Who made it.
        pub publisher: Option<Pattern>,
        /// It must not be there.
        pub absent: bool = false,
    }
}

crate::record! {
    /// An installed Java.
    pub struct JavaForm {
        /// Bounds for its version; Java up to 8 is written as 8, not 1.8.
        #[example(">=11")]
        pub version: VersionRange,
        /// What of it.
        pub kind: JavaKind = JavaKind::Any,
    }
}

crate::record! {
    /// A role of a server.
    pub struct RoleForm {
        /// Which role.
        #[example("web_server")]
        pub name: Role,
        /// It must not be there.
        pub absent: bool = false,
    }
}

crate::record! {
    /// Internet Information Services.
    pub struct WebServerForm {
        /// Bounds for its version.
        #[example(">=7")]
        pub version: Option<VersionRange>,
        /// Parts that must be installed, as the registry calls them below `InetStp\Components`.
        #[example(["ASPNET45", "WindowsAuthentication"])]
        pub components: Vec<Spanned<String>> = Vec::new(),
    }
}

crate::record! {
    /// An SQL Server on this machine.
    pub struct SqlServerForm {
        /// Years such as `>=2017`, or its own versions such as `>=15.0.2000`.
        #[example(">=2017")]
        pub version: Option<VersionRange>,
        /// The instance that must be so; where nothing is said, any.
        #[example("MSSQLSERVER")]
        pub instance: Option<Spanned<String>>,
    }
}

crate::record! {
    /// A service that is installed, running or not.
    pub struct ServiceForm {
        /// The name that `sc query` shows as SERVICE_NAME.
        pub name: Spanned<String>,
        /// It must not be there.
        pub absent: bool = false,
    }
}

crate::record! {
    /// A key of the registry, or a value of one.
    pub struct RegistryForm {
        /// The key.
        #[example("HKLM\\SOFTWARE\\Vendor")]
        pub key: Spanned<String>,
        /// The value; `(default)` for the unnamed one.
        #[example("Version")]
        pub value: Option<Spanned<String>>,
        /// What it must be, in any form of a registry value.
        pub is: Option<Spanned<ValueForm>>,
        /// It must not be there.
        pub absent: bool = false,
    }
}

crate::record! {
    /// A file or a folder.
    pub struct FileForm {
        /// Where it stands.
        #[example("C:\\Program Files\\Vendor\\server.exe")]
        pub path: FilePath,
        /// It must not be there.
        pub absent: bool = false,
    }
}

crate::record! {
    /// Free space.
    pub struct DiskForm {
        /// A path on the drive; where nothing is said, the drive of Windows.
        #[example("D:\\Data")]
        pub path: Option<FilePath>,
        /// How much of it must be free.
        #[example("40GiB")]
        pub free: Size,
    }
}

crate::record! {
    /// How far the machine's clock may be from another one.
    pub struct ClockForm {
        /// A machine that tells the time.
        #[example("dc1.corp.example")]
        pub server: Spanned<String>,
        /// How far.
        pub at_most: Duration = Duration::from_seconds(300),
    }
}

crate::choice! {
    /// A protocol with ports.
    pub enum Protocol or Tcp {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

crate::record! {
    /// A port at which nobody may listen.
    pub struct PortForm {
        /// Its number.
        #[example(8443)]
        pub port: Port,
        /// The protocol.
        pub protocol: Protocol = Protocol::Tcp,
    }
}

/// The number of a port.
#[derive(Clone, Copy, Debug)]
pub struct Port(pub u16);

impl Decode for Port {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let number = cx.integer(node, 1, u16::MAX.into())?;
        u16::try_from(number).ok().map(Self)
    }
}

impl JsonSchema for Port {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 })
    }
}

/// A machine's name or address and a port, as `host:port` or `[address]:port`.
#[derive(Clone, Debug)]
pub struct HostAndPort {
    pub host: Box<str>,
    pub port: u16,
}

impl HostAndPort {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => {
                address.parse::<core::net::Ipv6Addr>().ok()?;
                address
            }
            None => host,
        };
        let is_name = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
        let is_digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_digits && *port > 0)?;
        (bracketed.is_some() || is_name).then(|| Self { host: host.into(), port })
    }
}

impl Decode for HostAndPort {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        let parsed = Self::parse(text);
        if parsed.is_none() {
            let hint = "write it as `ca.corp.example:443` or `[fe80::1]:443`";
            let message = "expected a machine and a port";
            cx.push(Diagnostic::error("requires.bad_address", message).at(node.at).hint(hint));
        }
        parsed
    }
}

impl JsonSchema for HostAndPort {
    fn schema_name() -> Cow<'static, str> {
        "HostAndPort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "(:[0-9]+|\\})$", "examples": ["ca.corp.example:443"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_ports() {
        let cases = [
            ("ca.corp.example:443", Some(("ca.corp.example", 443))),
            ("10.0.0.5:8443", Some(("10.0.0.5", 8443))),
            ("[fe80::1]:443", Some(("fe80::1", 443))),
            ("fe80::1:443", None),
            ("[host]:443", None),
            ("host", None),
            (":443", None),
            ("host:", None),
            ("host:0", None),
            ("host:+1", None),
            ("host:65536", None),
            ("https://host:443", None),
        ];
        for (text, expected) in cases {
            let parsed = HostAndPort::parse(text);
            assert_eq!(parsed.as_ref().map(|one| (&*one.host, one.port)), expected, "{text}");
        }
    }
}
