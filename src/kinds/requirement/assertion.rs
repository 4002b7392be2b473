//! From the form of an entry, of which exactly one field asserts something, to what it asserts.

use super::document::RequirementFields;
use super::forms::{DiskForm, Form, JavaForm, PortForm, Protocol, RegistryForm, RoleForm, RuntimeForm, SoftwareForm};
use super::wanted::{Assertion, JavaKind, Presence, RegistryWanted, Runtime, SoftwareWanted, WindowsWanted};
use crate::kinds::registry::{ValueForm, WantedData, value_name};
use crate::model::decode::Decoder;
use crate::model::diagnostic::Diagnostic;
use crate::model::file::FilePath;
use crate::model::probe::{Probe, Transport};
use crate::model::record::Fields;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::source::Spanned;

/// The drive of Windows.
const SYSTEM_DRIVE: &str = "%SystemDrive%";
/// How far clocks may be apart where nothing is said: what Kerberos puts up with.
const SKEW_SECONDS: u64 = 300;

/// What the entry asserts; what is wrong with it was reported when there is none.
pub fn assertion(read: &RequirementFields, fields: &Fields<'_, '_>, cx: &mut Decoder) -> Option<Assertion> {
    if let Some(os) = &read.os {
        let wanted = WindowsWanted {
            version: os.version.clone(),
            build: os.build.clone(),
            editions: os.edition.iter().flatten().map(|edition| edition.as_str().into()).collect(),
            installations: os.installation.clone().unwrap_or_default(),
        };
        if wanted == WindowsWanted::default() {
            return nothing("os", "this fits every Windows", fields, cx);
        }
        return Some(Assertion::Windows(wanted));
    }
    if let Some(version) = &read.dotnet {
        return Some(Assertion::Framework(version.clone()));
    }
    if let Some(form) = read.dotnet_runtime.clone() {
        let RuntimeForm { version, runtime } = match form {
            Form::Short(version) => RuntimeForm { version, runtime: Runtime::Core },
            Form::Long(form) => form,
        };
        return Some(Assertion::Runtime { runtime, version });
    }
    if let Some(form) = read.software.clone() {
        let SoftwareForm { name, version, publisher, absent } = match form {
            Form::Short(name) => SoftwareForm { name, version: None, publisher: None, absent: false },
            Form::Long(form) => form,
        };
        return Some(Assertion::Software(SoftwareWanted { name, publisher, version, presence: presence(absent) }));
    }
    if let Some(form) = read.java.clone() {
        let JavaForm { version, kind } = match form {
            Form::Short(version) => JavaForm { version, kind: JavaKind::Any },
            Form::Long(form) => form,
        };
        return Some(Assertion::Java { kind, version });
    }
    if let Some(form) = read.role.clone() {
        let RoleForm { name, absent } = match form {
            Form::Short(name) => RoleForm { name, absent: false },
            Form::Long(form) => form,
        };
        return Some(Assertion::Role { role: name, presence: presence(absent) });
    }
    server_part(read, cx).or_else(|| place(read, cx)).or_else(|| measured(read, fields, cx).map(Assertion::Measured))
}

/// What a server has beside roles.
fn server_part(read: &RequirementFields, cx: &mut Decoder) -> Option<Assertion> {
    if let Some(form) = &read.iis {
        let (version, components) = match form {
            Form::Short(version) => (Some(version.clone()), &[][..]),
            Form::Long(form) => (form.version.clone(), form.components.as_slice()),
        };
        let components = components.iter().map(|one| value_name(&one.value, one.at, cx));
        return Some(Assertion::WebServer { version, components: components.collect::<Option<_>>()? });
    }
    if let Some(form) = &read.sql_server {
        return Some(match form {
            Form::Short(version) => Assertion::SqlServer { instance: None, version: Some(version.clone()) },
            Form::Long(form) => Assertion::SqlServer {
                instance: form.instance.as_ref().map(|instance| instance.value.as_str().into()),
                version: form.version.clone(),
            },
        });
    }
    None
}

/// A thing with a place of its own.
fn place(read: &RequirementFields, cx: &mut Decoder) -> Option<Assertion> {
    if let Some(form) = &read.service {
        let (name, absent) = match form {
            Form::Short(name) => (name, false),
            Form::Long(form) => (&form.name, form.absent),
        };
        if name.value.trim().is_empty() || name.value.contains(['\\', '\0']) {
            cx.push(Diagnostic::error("requires.bad_name", "this is no name of a service").at(name.at));
            return None;
        }
        return Some(Assertion::Service { service: name.value.as_str().into(), presence: presence(absent) });
    }
    if let Some(form) = &read.file {
        return Some(match form {
            Form::Short(path) => Assertion::File { path: path.clone(), presence: Presence::Present },
            Form::Long(form) => Assertion::File { path: form.path.clone(), presence: presence(form.absent) },
        });
    }
    match read.registry.as_ref()? {
        Form::Short(key) => {
            let (value, is, presence) = (None, None, Presence::Present);
            Some(Assertion::Registry(RegistryWanted { key: registry_key(key, cx)?, value, is, presence }))
        }
        Form::Long(form) => registry(form, cx).map(Assertion::Registry),
    }
}

fn registry(form: &RegistryForm, cx: &mut Decoder) -> Option<RegistryWanted> {
    let key = registry_key(&form.key, cx);
    let value = match &form.value {
        Some(name) => Some(value_name(&name.value, name.at, cx)?),
        None => None,
    };
    let is = match &form.is {
        Some(wanted) => Some(data(wanted, form, cx)?),
        None => None,
    };
    Some(RegistryWanted { key: key?, value, is, presence: presence(form.absent) })
}

/// What a value must be.
fn data(wanted: &Spanned<ValueForm>, form: &RegistryForm, cx: &mut Decoder) -> Option<RegistryData> {
    let (message, hint) = match (wanted.value.clone().into_data(), &form.value, form.absent) {
        (WantedData::Data(data), Some(_), false) => return Some(data),
        (_, None, _) => ("a key has no data of its own", "name its `value`; the unnamed one is `(default)`"),
        (_, _, true) => ("what is absent is nothing", "drop one of `is` and `absent`"),
        (WantedData::Absent, ..) => ("what is absent is nothing", "write `absent: true` instead"),
        (WantedData::Secret { .. }, ..) => ("a secret is not compared here", "leave out `is`"),
    };
    cx.push(Diagnostic::error("requires.bad_value", message).at(wanted.at).hint(hint));
    None
}

fn registry_key(text: &Spanned<String>, cx: &mut Decoder) -> Option<RegistryKey> {
    RegistryKey::parse(&text.value)
        .map_err(|error| cx.push(Diagnostic::error("requires.bad_key", error.message).at(text.at).hint_if(error.hint)))
        .ok()
}

/// What only the machine itself can tell, with its bound.
fn measured(read: &RequirementFields, fields: &Fields<'_, '_>, cx: &mut Decoder) -> Option<Probe> {
    if let Some(form) = &read.disk {
        let (path, free) = match form {
            Form::Short(free) => (None, *free),
            Form::Long(DiskForm { path, free }) => (path.clone(), *free),
        };
        let path = path.or_else(|| FilePath::parse(SYSTEM_DRIVE).ok())?;
        return Some(Probe::FreeSpace { path, bytes: free.bytes() });
    }
    if let Some(form) = &read.clock_skew {
        let (server, seconds) = match form {
            Form::Short(server) => (server, SKEW_SECONDS),
            Form::Long(form) => (&form.server, form.at_most.seconds()),
        };
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if server.value.is_empty() || !server.value.chars().all(is_name) {
            let message = "this is no name of a machine";
            cx.push(Diagnostic::error("requires.bad_address", message).at(server.at));
            return None;
        }
        return Some(Probe::ClockSkew { server: server.value.as_str().into(), seconds });
    }
    if let Some(form) = &read.port_free {
        let (port, protocol) = match form {
            Form::Short(port) => (port.0, Protocol::Tcp),
            Form::Long(PortForm { port, protocol }) => (port.0, *protocol),
        };
        let transport = match protocol {
            Protocol::Tcp => Transport::Tcp,
            Protocol::Udp => Transport::Udp,
        };
        return Some(Probe::PortFree { transport, port });
    }
    let of_machine = read.memory.map(|memory| Probe::Memory { bytes: memory.bytes() });
    let of_machine = of_machine.or_else(|| read.processors.map(|count| Probe::Processors { count }));
    let reachable = read.reachable.as_ref().map(|at| Probe::Reachable { host: at.host.clone(), port: at.port });
    of_machine.or(reachable).or_else(|| match read.admin.as_ref()?.value {
        true => Some(Probe::Administrator),
        false => nothing("admin", "`false` requires nothing", fields, cx),
    })
}

const fn presence(absent: bool) -> Presence {
    if absent { Presence::Absent } else { Presence::Present }
}

fn nothing<T>(field: &str, message: &str, fields: &Fields<'_, '_>, cx: &mut Decoder) -> Option<T> {
    let diagnostic = Diagnostic::error("requires.no_assertion", message);
    cx.push(match fields.place(field) {
        Some(at) => diagnostic.at(at),
        None => diagnostic,
    });
    None
}
