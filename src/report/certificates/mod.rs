//! The table of a machine's certificates: sorted by the time that is left, counted, as text and as JSON.

mod json;
mod text;

use jiff::{SignedDuration, Timestamp};

use crate::kinds::certificate::inventory::{Inventory, Listed};
use crate::model::scalar::Duration;
use crate::model::thumbprint::Thumbprint;

pub use json::json;
pub use text::text;

const SECONDS_OF_DAY: i64 = 86_400;

/// Which certificates are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    All,
    /// Those that have expired or end soon.
    Ending,
}

/// The certificates that are shown, with what is counted of all.
#[derive(Debug)]
pub struct Listing<'i> {
    pub as_of: Timestamp,
    pub within: Duration,
    pub counts: Counts,
    rows: Vec<Row<'i>>,
    inventory: &'i Inventory,
}

/// How many certificates there are, shown or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub certificates: usize,
    pub expired: usize,
    /// Not expired yet, and soon.
    pub ending: usize,
}

/// How much time a certificate has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Expired,
    Ending,
    Enough,
}

#[derive(Debug)]
struct Row<'i> {
    listed: &'i Listed,
    thumbprint: Thumbprint,
    subject: String,
    left: Left,
    /// Whole days, rounded down: -1 when it has expired less than a day ago.
    days_left: i64,
}

impl<'i> Listing<'i> {
    /// Sorts and counts; `within` is how soon is soon.
    pub fn of(inventory: &'i Inventory, as_of: Timestamp, within: Duration, selection: Selection) -> Self {
        let mut rows: Vec<Row<'i>> =
            inventory.certificates.iter().map(|listed| Row::of(listed, as_of, within)).collect();
        let count = |left: Left| rows.iter().filter(|row| row.left == left).count();
        let counts = Counts { certificates: rows.len(), expired: count(Left::Expired), ending: count(Left::Ending) };
        if selection == Selection::Ending {
            rows.retain(|row| row.left != Left::Enough);
        }
        rows.sort_by(|a, b| (a.days_left, &a.subject, a.thumbprint).cmp(&(b.days_left, &b.subject, b.thumbprint)));
        Self { as_of, within, counts, rows, inventory }
    }

    /// Whether something has expired or ends soon.
    pub const fn needs_attention(&self) -> bool {
        self.counts.expired + self.counts.ending > 0
    }
}

impl<'i> Row<'i> {
    fn of(listed: &'i Listed, as_of: Timestamp, within: Duration) -> Self {
        let certificate = &listed.certificate;
        let left = certificate.not_after().duration_since(as_of);
        // Longer than there is time is all of it.
        let soon = SignedDuration::from_secs(i64::try_from(within.seconds()).unwrap_or(i64::MAX));
        let state = if left.is_negative() {
            Left::Expired
        } else if left <= soon {
            Left::Ending
        } else {
            Left::Enough
        };
        Self {
            listed,
            thumbprint: Thumbprint::of(certificate.der()),
            subject: certificate.subject().to_string(),
            left: state,
            // A part of a second that is missing makes it a second less.
            days_left: (left.as_secs() - i64::from(left.subsec_nanos() < 0)).div_euclid(SECONDS_OF_DAY),
        }
    }
}
