//! Kinds of failure, each with its exit code, and the one printer that walks a chain of causes.

use std::fmt::Write as _;

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    Failed = 1,
    /// With `--detailed-exitcode`: the machine differs from the document.
    Changes = 2,
    /// The document or the command line is wrong.
    Invalid = 3,
    /// Refused: a stale plan, a lock-out, another machine than the one named, a missing approval, a dirty hive.
    Refused = 4,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure on its way to the user: what was attempted, why it failed, what to do about it.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, source: None }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The message, its causes and the hint, a line each.
    pub fn print(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        let first = self.source.as_deref().map(|error| error as &dyn std::error::Error);
        for cause in std::iter::successors(first, |error| error.source()) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  because: {cause}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
        text
    }
}
