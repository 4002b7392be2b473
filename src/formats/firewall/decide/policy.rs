//! All that decides: the rules of both stores and the settings of the profiles.

use std::fmt;

use crate::formats::firewall::places::Store;
use crate::formats::firewall::rule::{Rule, RuleError};
use crate::formats::firewall::settings::{GroupPolicyProfiles, LocalProfiles};
use crate::formats::firewall::text::{RuleText, RuleTextError};

/// Fields that don't narrow what a rule is about, though they are not understood.
const HARMLESS: [&str; 4] = ["LSM", "LOM", "PCross", "AuthByPassOut"];

/// A firewall's policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub rules: Vec<PolicyRule>,
    /// Rules that are not understood, and so are not asked: whoever decides has to say so.
    pub unreadable: Vec<Unreadable>,
    pub local_profiles: LocalProfiles,
    pub group_policy_profiles: GroupPolicyProfiles,
}

/// A rule with its name and the fields beside it that make it hold for less than it says.
#[derive(Clone, Debug)]
pub struct PolicyRule {
    pub id: RuleId,
    pub rule: Rule,
    /// Names of fields.
    pub restrictions: Vec<String>,
}

/// A rule's store, and the name of its value there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId {
    pub store: Store,
    pub id: String,
}

/// A rule that is not understood.
#[derive(Clone, Debug)]
pub struct Unreadable {
    pub id: RuleId,
    pub error: UnreadableError,
}

/// Why a rule's value is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableError {
    #[error("it is no firewall rule")]
    Text(#[from] RuleTextError),
    #[error("it says what is not understood")]
    Rule(#[from] RuleError),
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id, self.store)
    }
}

impl PolicyRule {
    /// Reads a rule's value.
    ///
    /// # Errors
    /// It is no rule, or one that is not understood.
    pub fn read(id: RuleId, data: &str) -> Result<Self, UnreadableError> {
        Self::of_text(id, &RuleText::parse(data)?)
    }

    /// Reads a rule's text.
    ///
    /// # Errors
    /// It is not understood.
    pub fn of_text(id: RuleId, text: &RuleText) -> Result<Self, UnreadableError> {
        let rule = Rule::from_text(text)?;
        let narrows = |name: &str| !HARMLESS.iter().any(|each| each.eq_ignore_ascii_case(name));
        let mut restrictions: Vec<String> =
            text.unknown_fields().map(|field| field.name().to_owned()).filter(|name| narrows(name)).collect();
        restrictions.sort();
        restrictions.dedup();
        Ok(Self { id, rule, restrictions })
    }
}

impl Policy {
    /// Takes in the values of a store's key of rules, by name and text.
    pub fn add_rules<'a>(&mut self, store: Store, values: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, data) in values {
            let id = RuleId { store, id: name.to_owned() };
            match PolicyRule::read(id.clone(), data) {
                Ok(rule) => self.rules.push(rule),
                Err(error) => self.unreadable.push(Unreadable { id, error }),
            }
        }
    }
}
