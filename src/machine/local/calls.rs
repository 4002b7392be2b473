//! Steps that take effect at once, each through an interface of the system. Whatever an interface answers, it is then looked whether
//! the thing is as it was asked for: some say yes and do nothing.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::parts::Part;
use super::target::{Change, Target};
use super::{file_security, firewall, groups, http, keys, next_start, ports, service_settings, services, stores};
use crate::formats::http_sys::Endpoint;
use crate::kinds::answer;
use crate::machine::lower::element_after;
use crate::machine::windows_api::key::Buffers;
use crate::machine::{PartChange, Step, WriteError};
use crate::model::fact::Observed;
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::setting::Setting;

/// For how long it is looked whether the system has come to where it says that it is: some of it writes a little later.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// A step that waits to be done.
pub struct Call {
    operation: Operation,
    /// For a thing with an interface of its own, what becomes of its key.
    changes: Vec<Change>,
    /// For a private key, the key.
    bytes: Option<Zeroizing<Vec<u8>>>,
    part: Part,
    /// What the interface is told beside what the key is to hold.
    secret: Option<Zeroizing<String>>,
}

impl Call {
    /// Takes a step after a look at whether there is an interface for it.
    ///
    /// # Errors
    /// There is none.
    pub fn of(step: &Step<'_>) -> Result<Self, WriteError> {
        let refused = |detail: &str| WriteError::refused(step.operation.to_string(), detail);
        match step.operation {
            Operation::Adjust { what: Probe::ServiceState { .. }, after: Answer::State(_), .. }
            | Operation::Adjust { what: Probe::KeySecurity { .. }, after: Answer::Security(_), .. }
            | Operation::Adjust { what: Probe::UserRight { .. }, after: Answer::Flag(_), .. }
            | Operation::Adjust { what: Probe::Member { .. }, after: Answer::Flag(_), .. }
            | Operation::Adjust { what: Probe::FileSecurity { .. }, after: Answer::Security(_), .. }
            | Operation::Adjust { what: Probe::NextStart { .. }, after: Answer::Stays, .. }
            | Operation::Adjust { what: Probe::DynamicPorts { .. }, after: Answer::Ports(..), .. }
            | Operation::Adjust { what: Probe::ExcludedPorts { .. }, after: Answer::Flag(_), .. }
            | Operation::Configure { .. }
            | Operation::PutCertificate { .. }
            | Operation::RemoveCertificate { .. }
            | Operation::ImportKey { .. }
            | Operation::RemoveKey { .. } => {}
            _ => return Err(refused("this version does not write it on a running machine")),
        }
        let part = Part::of(step.operation).ok_or_else(|| refused("it changes no part"))?;
        let (operation, bytes, secret) = (step.operation.clone(), step.bytes.clone(), step.secret.clone());
        Ok(Self { operation, changes: Change::of(step)?, bytes, part, secret })
    }

    /// The state of the part before and after; nothing is changed.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn change(&self, print: &FingerprintKey) -> Result<PartChange, WriteError> {
        let before = self.part.state(print, &mut Buffers::default());
        let before = before.map_err(|unread| WriteError::failed(format!("prepare to {}", self.operation), unread))?;
        Ok(PartChange { part: self.part.to_string(), before, after: self.after(print) })
    }

    fn after(&self, print: &FingerprintKey) -> Option<String> {
        match (&self.operation, &self.part) {
            (Operation::Adjust { after, .. }, _) => Some(answer::state(after)),
            (Operation::PutCertificate { .. }, _) => {
                element_after(&self.operation).ok().map(|element| Part::certificate_state(&element, print))
            }
            (Operation::ImportKey { .. }, _) => Some(Part::PRESENT.to_owned()),
            (_, Part::Setting { setting, values, .. }) => {
                let put = |name: &str| {
                    self.changes.iter().rev().find_map(|change| match change {
                        Change::Put(known, data) if **known == *name => Some(data.clone()),
                        _ => None,
                    })
                };
                let values: Vec<_> = values.iter().map(|name| (&**name, put(name))).collect();
                Part::setting_state(setting, &values, print)
            }
            _ => None,
        }
    }

    /// Does it, and looks.
    ///
    /// # Errors
    /// The interface refuses, or says yes and the thing is not as it was asked for.
    pub fn make(&self, print: &FingerprintKey, service_timeout: Duration) -> Result<(), WriteError> {
        self.tell(service_timeout)?;
        let wanted = self.after(print);
        let since = Instant::now();
        loop {
            let found = self.part.state(print, &mut Buffers::default());
            let failed = |unread| WriteError::failed(format!("look whether it was done: {}", self.operation), unread);
            if found.map_err(failed)? == wanted {
                return Ok(());
            }
            if since.elapsed() > PATIENCE {
                let detail = "the system said that it was done, and it is not";
                return Err(WriteError::refused(self.operation.to_string(), detail));
            }
            std::thread::sleep(POLL);
        }
    }

    fn tell(&self, service_timeout: Duration) -> Result<(), WriteError> {
        match &self.operation {
            Operation::Adjust { what, before, after } => match (what, after) {
                (Probe::ServiceState { service }, Answer::State(to)) => services::turn(service, *to, service_timeout),
                (Probe::KeySecurity { place }, Answer::Security(to)) => keys::set_security(place, to)
                    .map_err(|detail| WriteError::refused(self.operation.to_string(), detail)),
                (Probe::UserRight { account, right }, Answer::Flag(has_it)) => {
                    service_settings::set_right(account, *right, *has_it)
                }
                (Probe::Member { group, member }, Answer::Flag(is_in)) => groups::set(group, member, *is_in),
                (Probe::NextStart { path }, Answer::Stays) => next_start::leave_alone(path),
                (Probe::FileSecurity { path }, _) => file_security::set(path, before, after),
                (Probe::DynamicPorts { .. } | Probe::ExcludedPorts { .. }, after) => ports::adjust(what, after),
                _ => Err(WriteError::refused(self.operation.to_string(), "there is no interface for it")),
            },
            Operation::Configure { setting, .. } => self.configure(setting),
            Operation::PutCertificate { .. } | Operation::RemoveCertificate { .. } => stores::change(&self.operation),
            Operation::ImportKey { .. } | Operation::RemoveKey { .. } => {
                keys::change(&self.operation, self.bytes.as_ref())
            }
            _ => Err(WriteError::refused(self.operation.to_string(), "there is no interface for it")),
        }
    }

    /// What the key of a setting is to hold.
    fn target(&self) -> Observed<Option<Target>> {
        self.operation.registry_key().map(|key| Target::of(key, &self.changes)).transpose()
    }

    fn configure(&self, setting: &Setting) -> Result<(), WriteError> {
        let refused = |detail: &str| WriteError::refused(self.operation.to_string(), detail);
        let target = self.target().map_err(|unread| WriteError::failed(self.operation.to_string(), unread))?;
        let target = target.ok_or_else(|| refused("it changes no key"))?;
        match setting {
            Setting::Service { service } | Setting::ServiceAccount { service, .. } => {
                let changed: Vec<&str> = target.changed().collect();
                service_settings::configure(service, &target.values(), &changed, self.secret.as_ref())
            }
            Setting::FirewallRule { rule } => firewall::put_rule(rule, target.data(rule)),
            Setting::FirewallProfile { profile } => {
                firewall::put_profile(profile, target.changed().map(|name| (name, target.data(name))))
            }
            Setting::TlsBinding { .. } => {
                let endpoint = self.operation.registry_key().and_then(Endpoint::of_key);
                let endpoint = endpoint.ok_or_else(|| refused("its key is in no list of bindings"))?;
                let values = target.values();
                http::put_binding(&endpoint, Some(&values).filter(|_| target.is_present()), &target.stored())
            }
            Setting::UrlReservation { prefix } => http::put_reservation(prefix, target.data(prefix)),
        }
    }
}
