//! The kinds of things a document can speak of: the contract that each keeps, and the one table of them.
//! A kind decides, as a pure function of what is wanted and what is there; it holds no machine and writes nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::file::FilePath;
use crate::model::registry::RegistryKey;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};

pub mod account;
pub mod answer;
pub mod certificate;
pub mod environment;
pub mod file;
pub mod hosts;
pub mod port;
pub mod registry;
pub mod requirement;
pub mod sections;
pub mod service;

/// One entry of a document, as its kind understands it.
#[derive(Clone, Debug)]
pub enum Wanted {
    RegistryKey(registry::WantedKey),
    Certificate(Arc<certificate::WantedCertificate>),
    Environment(environment::WantedEnvironment),
    Service(Arc<service::WantedService>),
    Requirement(Box<requirement::WantedRequirement>),
    Group(account::WantedGroup),
    File(Arc<file::WantedEntry>),
    Host(hosts::WantedHost),
    Port(Arc<port::WantedPort>),
    Firewall(Arc<port::WantedFirewall>),
}

impl Wanted {
    /// The table: each kind once.
    pub fn kind(&self) -> &dyn Kind {
        match self {
            Self::RegistryKey(key) => key,
            Self::Certificate(certificate) => certificate,
            Self::Environment(environment) => environment,
            Self::Service(service) => &**service,
            Self::Requirement(requirement) => &**requirement,
            Self::Group(group) => group,
            Self::File(file) => &**file,
            Self::Host(host) => host,
            Self::Port(port) => port,
            Self::Firewall(firewall) => firewall,
        }
    }
}

/// What every kind can say of one of its entries.
pub trait Kind {
    /// The entry's own address.
    fn address(&self) -> ResourceId;

    /// Where the document names it.
    fn at(&self) -> Location;

    /// The fields that every entry has.
    fn common(&self) -> &Common;

    /// The addresses that the entry defines, its own first.
    fn resources(&self) -> Vec<(ResourceId, Location)>;

    /// Shorter addresses of what the entry defines, for entries that depend on it.
    fn aliases(&self) -> Vec<ResourceId> {
        Vec::new()
    }

    /// What of it `protect: true` keeps from being removed.
    fn protects(&self) -> Vec<ResourceId> {
        self.resources().into_iter().map(|(id, _)| id).collect()
    }

    /// What the entry says of each address, in words: for comparing two documents without a machine.
    fn statements(&self) -> Vec<(ResourceId, String)>;

    /// Whether a secret is among what the entry wants, so that the record needs a key for its fingerprint.
    fn has_secrets(&self) -> bool {
        false
    }

    /// Asks for the facts that the decision rests on; called again, with the answers, until nothing new is asked.
    fn wants(&self, facts: &Facts, context: &Context<'_>, queries: &mut Queries);

    /// Decides about each resource of the entry, in the order in which the changes must run.
    fn compare(&self, facts: &Facts, context: &Context<'_>) -> Comparison;

    /// Where the entry stands in the order that follows from what things are.
    fn order(&self) -> ImpliedOrder;

    /// What is worth saying about the entry's part of the finished plan.
    fn lint(&self, facts: &Facts, context: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>);
}

/// What a decision may know beside the entry and the facts.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The one reading of the clock that the plan is made with.
    pub as_of: jiff::Timestamp,
    /// Write secrets whose state nothing can tell.
    pub rewrite_secrets: bool,
    /// Ask for, and list, all that is there in the places that are named.
    pub survey: bool,
    named_keys: &'a NamedKeys,
}

impl<'a> Context<'a> {
    pub fn new(as_of: jiff::Timestamp, rewrite_secrets: bool, named_keys: &'a NamedKeys) -> Self {
        Self { as_of, rewrite_secrets, survey: false, named_keys }
    }

    #[must_use]
    pub const fn surveying(self, survey: bool) -> Self {
        Self { survey, ..self }
    }

    /// Whether some entry speaks of the key, or of one below it.
    pub fn names_key(&self, key: &RegistryKey) -> bool {
        self.named_keys.keys.contains(key)
    }

    /// All certificate entries.
    pub const fn certificates(&self) -> &'a certificate::Certificates {
        &self.named_keys.certificates
    }

    /// All entries about services.
    pub const fn services(&self) -> &'a service::Services {
        &self.named_keys.services
    }

    /// All entries about ports.
    pub const fn ports(&self) -> &'a port::Ports {
        &self.named_keys.ports
    }

    /// Whether some entry moves a key.
    pub fn has_moves(&self) -> bool {
        !self.named_keys.moves.is_empty()
    }

    /// What the key's entry wants of its security.
    pub fn security_of(&self, key: &RegistryKey) -> Option<&registry::WantedSecurity> {
        self.named_keys.security.get(key)
    }

    /// What the entry of a file or folder, by its usual place, wants of its security.
    pub fn file_security_of(&self, usual_place: &FilePath) -> Option<&file::WantedOfFile> {
        self.named_keys.file_security.get(usual_place)
    }

    /// The place from which an entry moves a key to this one, when it is still there.
    pub fn moved_from(&self, key: &RegistryKey) -> Option<&RegistryKey> {
        self.named_keys.moves.get(key)
    }
}

/// Every registry key that the document's entries speak of, with the keys above them, and all that entries need to know of others.
#[derive(Debug, Default)]
pub struct NamedKeys {
    keys: HashSet<RegistryKey>,
    /// From the new place to the former one.
    moves: HashMap<RegistryKey, RegistryKey>,
    /// What keys below inherit from.
    security: HashMap<RegistryKey, registry::WantedSecurity>,
    /// What files and folders below inherit from, by their usual places.
    file_security: HashMap<FilePath, file::WantedOfFile>,
    certificates: certificate::Certificates,
    services: service::Services,
    ports: port::Ports,
}

impl NamedKeys {
    pub fn of<'w>(entries: impl Iterator<Item = &'w Wanted> + Clone) -> Self {
        let certificates = certificate::Certificates::of(entries.clone().filter_map(|wanted| match wanted {
            Wanted::Certificate(certificate) => Some(certificate),
            _ => None,
        }));
        let services = service::Services::of(entries.clone().filter_map(|wanted| match wanted {
            Wanted::Service(service) => Some(service),
            _ => None,
        }));
        let ports = entries.clone().filter_map(|wanted| match wanted {
            Wanted::Port(port) => Some(Arc::clone(port)),
            _ => None,
        });
        let firewall = entries.clone().find_map(|wanted| match wanted {
            Wanted::Firewall(firewall) => Some(Arc::clone(firewall)),
            _ => None,
        });
        let ports = port::Ports::new(ports.collect(), firewall);
        let mut keys = HashSet::new();
        let mut moves = HashMap::new();
        let mut security = HashMap::new();
        let file_security = entries.clone().filter_map(|wanted| match wanted {
            Wanted::File(entry) => Some((entry.path.value.usual_place(), file::WantedOfFile::of(entry)?)),
            _ => None,
        });
        let file_security = file_security.collect();
        for wanted in entries {
            let Wanted::RegistryKey(entry) = wanted else { continue };
            if let Some(from) = &entry.renamed_from {
                moves.insert(entry.key.clone(), from.value.clone());
            }
            if let Some(wanted) = &entry.security {
                security.insert(entry.key.clone(), wanted.value.clone());
            }
            let renamed = entry.renamed_from.iter().map(|from| from.value.clone());
            for key in renamed.chain(std::iter::once(entry.key.clone())) {
                let mut next = Some(key);
                while let Some(key) = next {
                    next = key.parent();
                    if !keys.insert(key) {
                        break;
                    }
                }
            }
        }
        Self { keys, moves, security, file_security, certificates, services, ports }
    }

    /// Tells in which order a plan has the entries.
    pub fn in_order<'w>(&mut self, entries: impl Iterator<Item = &'w Wanted>) {
        self.services.in_order(entries.filter_map(|wanted| match wanted {
            Wanted::Service(service) => Some(&**service),
            _ => None,
        }));
    }
}

/// What came of comparing one entry.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    pub decisions: Vec<Decision>,
    /// Found, not named, and asked to be listed.
    pub unmanaged: Vec<ResourceId>,
    /// What is done when all that depends on the entry is done: the old leaves last.
    pub closing: Vec<Decision>,
}

impl Comparison {
    pub fn one(decision: Decision) -> Self {
        Self { decisions: vec![decision], ..Self::default() }
    }
}

/// A place on the machine that orders entries without being told: whoever provides it goes first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    RegistryKey(RegistryKey),
    /// By folded name.
    Certificate(String),
    /// A file or folder, where it usually lies.
    File(FilePath),
}

/// The places that an entry makes, and those it needs if somebody makes them.
#[derive(Clone, Debug, Default)]
pub struct ImpliedOrder {
    pub provides: Vec<Place>,
    pub needs: Vec<Place>,
}
