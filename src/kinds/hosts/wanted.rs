//! What a document wants of a name in the `hosts` file.

use core::net::IpAddr;
use std::fmt;

use crate::formats::edit::Family;
use crate::model::common::{Common, Ensure};
use crate::model::source::Location;

/// A name and its addresses.
#[derive(Clone, Debug)]
pub struct WantedHost {
    pub name: Box<str>,
    pub at: Location,
    pub common: Common,
    /// Sorted, each once; none for a name that is to be absent.
    pub addresses: Vec<IpAddr>,
    /// What a line that is made for the name says behind it.
    pub comment: Option<Box<str>>,
}

impl WantedHost {
    /// The addresses of one family as the `hosts` file's selector gives them.
    pub fn text_of(&self, family: Family) -> Option<String> {
        let of_family = self.addresses.iter().filter(|address| address.is_ipv4() == (family == Family::V4));
        let texts: Vec<String> = of_family.map(ToString::to_string).collect();
        (self.common.ensure == Ensure::Present && !texts.is_empty()).then(|| texts.join(" "))
    }
}

impl fmt::Display for WantedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.common.ensure == Ensure::Absent {
            return f.write_str("absent");
        }
        let texts: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(", "))
    }
}
