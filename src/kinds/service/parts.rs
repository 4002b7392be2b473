//! What the key of a service says of each part, what the document makes of it, and both in words. Pure.

use super::recovery::{Recovery, WantedRecovery};
use super::wanted::WantedDependencies;
use crate::formats::registry_values::{NamedValues, ValueWrite};
use crate::formats::service::{
    Dependencies, ServiceAccount, ServicePart, ServiceSettings, ServiceSettingsError, ServiceType, StartType, TRIGGERS,
};
use crate::formats::upcase;
use crate::model::fact::KeyFact;

/// The values of a service's key.
pub struct Found<'f> {
    fact: &'f KeyFact,
}

/// One part as it is and as it is to be.
pub struct Sides {
    /// In words.
    pub before: String,
    pub after: String,
    /// What digests are made of: equal for states that mean the same.
    pub found: String,
    pub target: String,
    pub writes: Vec<ValueWrite>,
    /// Why what is there cannot be read.
    pub malformed: Option<String>,
}

impl<'f> Found<'f> {
    pub const fn of(fact: &'f KeyFact) -> Self {
        Self { fact }
    }

    /// The settings of one part; of all others nothing is known.
    fn read(&self, part: ServicePart) -> Result<ServiceSettings, ServiceSettingsError> {
        let mut values = Vec::new();
        for name in part.values().iter().chain(ServicePart::Kind.values()) {
            values.extend(self.fact.value(name).and_then(|value| Some((*name, value.data.plain()?))));
        }
        ServiceSettings::read(&NamedValues::new(values), self.fact.subkeys.iter().map(|name| &**name))
    }

    /// The settings of one part, and why they could not be read where they are missing for that.
    fn settings(&self, part: ServicePart) -> (ServiceSettings, Option<String>) {
        match self.read(part) {
            Ok(settings) => (settings, None),
            Err(error) => (ServiceSettings::default(), Some(error.to_string())),
        }
    }

    /// Whether the key describes a service at all: below `Services` there are others.
    pub fn is_service(&self) -> bool {
        self.fact.value("Type").is_some()
    }

    pub fn is_driver(&self) -> bool {
        let kind = self.read(ServicePart::Kind).ok().and_then(|settings| settings.service_type);
        kind.is_some_and(ServiceType::is_driver)
    }

    pub fn start_type(&self) -> Option<StartType> {
        self.read(ServicePart::Start).ok().and_then(|settings| settings.start)
    }

    /// Whether triggers start or stop it.
    pub fn is_triggered(&self) -> bool {
        self.fact.subkeys.iter().any(|name| upcase::eq(name, TRIGGERS))
    }

    pub fn start(&self, wanted: StartType) -> Sides {
        let (settings, malformed) = self.settings(ServicePart::Start);
        let words = |start: StartType| match start {
            StartType::Delayed => "automatic (delayed)".to_owned(),
            other => other.to_string(),
        };
        let before = settings.start.map_or_else(|| "not said".to_owned(), words);
        Sides::new(before, words(wanted), settings.write_start(wanted), malformed)
    }

    /// The account that it runs as, as far as its key tells.
    pub fn own_account(&self) -> Option<ServiceAccount> {
        self.settings(ServicePart::Account).0.account
    }

    /// The account, with `.` for the name of the machine or without.
    pub fn is_account(&self, wanted: &ServiceAccount, machine: &str) -> bool {
        let (settings, _) = self.settings(ServicePart::Account);
        settings.account.is_some_and(|found| found.is_same_on(machine, wanted))
    }

    pub fn account(&self, wanted: &ServiceAccount, machine: &str) -> Sides {
        let (settings, malformed) = self.settings(ServicePart::Account);
        let holds = self.is_account(wanted, machine);
        let before = settings.account.map_or_else(|| "nobody".to_owned(), |account| account.to_string());
        let writes = if holds { Vec::new() } else { vec![wanted.write()] };
        let mut sides = Sides::new(before, wanted.to_string(), writes, malformed);
        sides.found = upcase::fold(&sides.found);
        sides.target = upcase::fold(&sides.target);
        sides
    }

    pub fn dependencies(&self, wanted: &WantedDependencies) -> Sides {
        let (settings, malformed) = self.settings(ServicePart::Dependencies);
        let found = settings.dependencies;
        let target = wanted.applied_to(&found);
        let mut writes = target.writes();
        if malformed.is_none() {
            let keeps = |services: bool| {
                let only = |list: &Dependencies| match services {
                    true => Dependencies { services: list.services.clone(), groups: Vec::new() },
                    false => Dependencies { services: Vec::new(), groups: list.groups.clone() },
                };
                only(&target).same(&only(&found))
            };
            let kept = [keeps(true), keeps(false)];
            writes = writes.into_iter().zip(kept).filter(|(_, is_kept)| !is_kept).map(|(write, _)| write).collect();
        }
        let words = |list: &Dependencies| match list.to_list() {
            names if names.is_empty() => "none".to_owned(),
            names => names.join(", "),
        };
        let canonical = |list: &Dependencies| {
            let mut names: Vec<String> = list.to_list().iter().map(|name| upcase::fold(name)).collect();
            names.sort();
            names.dedup();
            names.join("\0")
        };
        let mut sides = Sides::new(words(&found), words(&target), writes, malformed);
        if sides.malformed.is_none() {
            sides.found = canonical(&found);
        }
        sides.target = canonical(&target);
        sides
    }

    pub fn recovery(&self, wanted: &WantedRecovery) -> Sides {
        let (settings, malformed) = self.settings(ServicePart::Recovery);
        let found = Recovery::of(&settings);
        let target = wanted.applied_to(&found);
        let mut writes = target.writes_over(&found);
        if malformed.is_some() {
            writes.push(ServiceSettings::write_failure_actions(&target.actions));
        }
        Sides::new(found.words(), target.words(), writes, malformed)
    }

    /// The command of the recovery, and whether some action runs it.
    pub fn recovery_after(&self, wanted: &WantedRecovery) -> Recovery {
        wanted.applied_to(&Recovery::of(&self.settings(ServicePart::Recovery).0))
    }
}

impl Sides {
    fn new(before: String, after: String, writes: Vec<ValueWrite>, malformed: Option<String>) -> Self {
        let before = if malformed.is_some() { "unreadable".to_owned() } else { before };
        let found = malformed.clone().unwrap_or_else(|| before.clone());
        Self { found, target: after.clone(), before, after, writes, malformed }
    }
}
