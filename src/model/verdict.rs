//! What a kind says of one resource, and what the lint says of the whole plan.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::operation::Operation;
use super::remembered::Trace;
use super::resource::ResourceId;
use super::source::Location;
use super::thumbprint::Thumbprint;
use super::time::FileTime;

/// A stable, dotted code with, where the code does not say it all, a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
}

impl Reason {
    pub const fn code(code: &'static str) -> Self {
        Self { code: Cow::Borrowed(code), message: None }
    }

    /// Gives the reason the code of another section, for a thing that is decided as one of this section. What is said of secrets is
    /// the same everywhere.
    pub fn move_to(&mut self, section: &str) {
        if let Some((_, code)) = self.code.split_once('.').filter(|(of, _)| *of != "secret") {
            self.code = format!("{section}.{code}").into();
        }
    }

    pub fn with(code: &'static str, message: impl Into<Box<str>>) -> Self {
        Self { code: Cow::Borrowed(code), message: Some(message.into()) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        self.message.as_ref().map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}

/// What a change does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Delete,
    Replace,
}

/// The outcome of comparing one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    Change {
        action: Action,
        operations: Vec<Operation>,
    },
    /// Wanted, but something that apply will not change stands in the way.
    Blocked,
    /// This machine cannot hold it; a later apply on the live machine will finish it.
    Deferred,
    /// Waits for somebody else.
    Pending,
    /// Nothing can tell whether it differs.
    Unverifiable,
    /// It differs, and the document lets it be for a while; these are the steps that are not taken.
    Waived {
        operations: Vec<Operation>,
    },
}

/// Why a resource differs, by what was last applied on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The machine has left what was applied.
    Drift,
    /// The machine is as it was left; the document asks for something else since, or the secret that it names is another.
    Asked,
    /// Neither has moved: a point in time has come at which something else is wanted.
    Due,
    /// It was never applied on this machine.
    New,
    /// There is no record to tell.
    Unrecorded,
}

impl Cause {
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Drift => "drift: the machine has left what was last applied",
            Self::Asked => "asked: the document, or a secret that it names, has changed since this was last applied",
            Self::Due => "due: neither has moved, but the time has come",
            Self::New => "new: not applied on the machine yet, or taken back since",
            Self::Unrecorded => "unrecorded: no record tells what was last applied",
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Asked => "asked",
            Self::Due => "due",
            Self::New => "new",
            Self::Unrecorded => "unrecorded",
        }
    }
}

/// The empty list of services, made once: most decisions have it.
pub fn no_services() -> Arc<[Box<str>]> {
    static NONE: std::sync::OnceLock<Arc<[Box<str>]>> = std::sync::OnceLock::new();
    Arc::clone(NONE.get_or_init(|| Arc::from(Vec::new())))
}

/// One resource of the plan with its verdict and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub id: ResourceId,
    pub at: Location,
    pub verdict: Verdict,
    pub reasons: Vec<Reason>,
    /// When the machine last wrote the place, where it tells.
    pub last_written: Option<FileTime>,
    /// The reboot that the entry asks for when this changes.
    pub reboot: bool,
    /// The services that the entry asks to restart when this changes.
    pub restart: Arc<[Box<str>]>,
    /// Those of them that stop before it changes.
    pub stop_first: Arc<[Box<str>]>,
    /// What is wanted and what is there, as digests.
    pub trace: Option<Trace>,
    /// Why it differs, where it does.
    pub cause: Option<Cause>,
    /// Which of several certificates is the entry's: the record keeps it.
    pub chosen: Option<Thumbprint>,
    /// The resource whose change brings this one about: they have the same cause.
    pub follows: Option<ResourceId>,
    /// It waits for something, and what is there is good until then: nobody who depends on it has to wait.
    pub stands: bool,
}

impl Decision {
    pub fn keep(id: ResourceId, at: Location) -> Self {
        Self {
            id,
            at,
            verdict: Verdict::Keep,
            reasons: Vec::new(),
            last_written: None,
            reboot: false,
            restart: no_services(),
            stop_first: no_services(),
            trace: None,
            cause: None,
            chosen: None,
            follows: None,
            stands: false,
        }
    }

    pub fn change(id: ResourceId, at: Location, action: Action, reason: Reason, operations: Vec<Operation>) -> Self {
        Self { verdict: Verdict::Change { action, operations }, reasons: vec![reason], ..Self::keep(id, at) }
    }

    pub fn blocked(id: ResourceId, at: Location, reason: Reason) -> Self {
        Self { verdict: Verdict::Blocked, reasons: vec![reason], ..Self::keep(id, at) }
    }

    pub fn written_at(mut self, at: FileTime) -> Self {
        self.last_written = Some(at);
        self
    }

    #[must_use]
    pub fn following(mut self, source: ResourceId) -> Self {
        self.follows = Some(source);
        self
    }

    #[must_use]
    pub fn traced(mut self, trace: Trace) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Whether the machine is not what the document says, as far as can be told.
    pub const fn differs(&self) -> bool {
        !matches!(self.verdict, Verdict::Keep | Verdict::Unverifiable)
    }

    /// The steps of a change, and those that a waiver holds back.
    pub fn shown_operations(&self) -> &[Operation] {
        match &self.verdict {
            Verdict::Waived { operations } => operations,
            _ => self.operations(),
        }
    }

    /// The steps of a change and of a waiver, for changing.
    pub fn for_each_operation(&mut self, change: &mut dyn FnMut(&mut Operation)) {
        if let Verdict::Change { operations, .. } | Verdict::Waived { operations } = &mut self.verdict {
            operations.iter_mut().for_each(change);
        }
    }

    /// The steps of a change, none for any other verdict.
    pub fn operations(&self) -> &[Operation] {
        match &self.verdict {
            Verdict::Change { operations, .. } => operations,
            _ => &[],
        }
    }
}

/// How much a finding matters: `apply` refuses an error unless its code is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// Something worth knowing about the plan as a whole or one of its resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub code: Cow<'static, str>,
    pub message: String,
    pub hint: Option<String>,
    pub id: Option<ResourceId>,
    pub at: Option<Location>,
}
