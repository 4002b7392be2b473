//! The running Windows machine.

mod accounts;
mod parts;
mod registry;
mod stage;
mod sys;

use crate::machine::{Machine, MachineKind, RegistryReader, identity};
use crate::model::fact::{Identity, KeyAspects, KeyState, Observed};
use crate::model::registry::RegistryKey;
use crate::model::sid::Sid;

/// The machine that this program runs on.
#[derive(Debug, Default)]
pub struct LocalMachine {}

impl Machine for LocalMachine {
    fn kind(&self) -> MachineKind {
        MachineKind::Local
    }

    fn identity(&self) -> Observed<Identity> {
        identity::from_registry(self)
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        Ok(self)
    }

    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        accounts::sid_of(name)
    }
}

impl RegistryReader for LocalMachine {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        registry::read(queries)
    }
}
