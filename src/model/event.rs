//! What is told to a machine's own log, for whoever watches it.

/// One entry of an event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub what: What,
    pub text: String,
}

/// What an entry is about; each has a number of its own, which does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A run came to its end, and all of it was done.
    Applied,
    /// A run left something undone.
    Failed,
    /// A run was taken back.
    TakenBack,
    /// The machine is what its document says.
    NoDrift,
    /// The machine differs.
    Drift,
    /// It cannot be told whether the machine differs.
    Untold,
}

/// How much an entry asks for somebody's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Information,
    Warning,
    Error,
}

impl What {
    /// The number of the entry, which filters and alarms go by.
    pub const fn number(self) -> u16 {
        match self {
            Self::Applied => 100,
            Self::Failed => 101,
            Self::TakenBack => 102,
            Self::NoDrift => 200,
            Self::Drift => 201,
            Self::Untold => 202,
        }
    }

    pub const fn severity(self) -> Severity {
        match self {
            Self::Applied | Self::TakenBack | Self::NoDrift => Severity::Information,
            Self::Drift => Severity::Warning,
            Self::Failed | Self::Untold => Severity::Error,
        }
    }
}
