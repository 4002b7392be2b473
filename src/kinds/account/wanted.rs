//! What a document wants of the members of a local group.

use crate::model::common::Common;
use crate::model::sid::Sid;
use crate::model::source::Location;

/// A local group and who should be in it.
#[derive(Clone, Debug)]
pub struct WantedGroup {
    pub group: Account,
    pub at: Location,
    pub common: Common,
    /// In the order of the document: who should be in it, then who should not.
    pub members: Vec<WantedMember>,
    /// Remove the members that are not named.
    pub exclusive: bool,
    /// List the members that are not named.
    pub report_unmanaged: bool,
}

/// An account that should be in a group, or should not.
#[derive(Clone, Debug)]
pub struct WantedMember {
    pub account: Account,
    pub at: Location,
    pub is_in: bool,
}

/// An account as the document names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: Box<str>,
    /// Where no machine is needed to know it.
    pub sid: Option<Sid>,
}

impl Account {
    /// Takes a SID, a name that is the same on every machine, or one that a machine has to resolve.
    pub fn new(name: &str) -> Self {
        let sid = name.parse().ok().or_else(|| Sid::from_account(name));
        Self { name: name.into(), sid }
    }

    /// Whether it is named by its SID.
    pub fn is_sid(&self) -> bool {
        self.name.parse::<Sid>().is_ok()
    }
}
