//! What a document wants of the environment of the machine or of a user.

use std::fmt;

use crate::model::common::Common;
use crate::model::secret::SecretReference;
use crate::model::source::Location;

/// The variables of one owner.
#[derive(Clone, Debug)]
pub struct WantedEnvironment {
    pub owner: Owner,
    pub at: Location,
    pub common: Common,
    /// In the order of the document; no two names are equal without case.
    pub variables: Vec<WantedVariable>,
    /// Remove the variables that are not named.
    pub exclusive: bool,
    /// List what is there and not named.
    pub report_unmanaged: bool,
}

/// Whose environment it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Machine,
    /// An account's name or SID.
    User(Box<str>),
}

impl Owner {
    pub fn name(&self) -> &str {
        match self {
            Self::Machine => "machine",
            Self::User(account) => account,
        }
    }
}

/// One variable.
#[derive(Clone, Debug)]
pub struct WantedVariable {
    pub name: Box<str>,
    pub at: Location,
    pub text: Text,
}

/// What a variable should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    Absent,
    /// A text; names such as `%SystemRoot%` in it are expanded where it says so.
    Whole {
        text: Box<str>,
        expand: bool,
    },
    Secret(SecretReference),
    /// A list such as `Path`: elements that are in it and elements that are not; all others stay.
    List {
        contains: Vec<Box<str>>,
        lacks: Vec<Box<str>>,
        /// Whether what is missing comes before all others, or behind them.
        at: End,
    },
}

crate::choice! {
    /// Where elements that are missing are put in.
    pub enum End or Last {
        /// Before all others, in their order.
        First = "first",
        /// Behind all others, in their order.
        Last = "last",
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |elements: &[Box<str>]| elements.join(", ");
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Whole { text, expand } => write!(f, "{text:?}{}", if *expand { ", expanded" } else { "" }),
            Self::Secret(reference) => write!(f, "(secret from {reference})"),
            Self::List { contains, lacks, at } => {
                let end = if *at == End::First { " first" } else { "" };
                let holds = (!contains.is_empty()).then(|| format!("contains{end} {}", joined(contains)));
                let lacks = (!lacks.is_empty()).then(|| format!("lacks {}", joined(lacks)));
                f.write_str(&holds.into_iter().chain(lacks).collect::<Vec<_>>().join("; "))
            }
        }
    }
}
