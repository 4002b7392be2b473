//! What is wrong with a document, where, and what to do about it. Renders nothing.

use std::collections::HashSet;

use super::source::Location;

/// How much a diagnostic weighs: an error stops, a warning is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One finding about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable and dotted, such as `document.unknown_field`.
    pub code: &'static str,
    pub message: String,
    pub at: Option<Location>,
    /// What stands beside the caret.
    pub label: Option<String>,
    pub hint: Option<String>,
    /// Other places that belong to it, each with what is there.
    pub related: Vec<(Location, String)>,
    /// Where a text begins that may be a secret: the rest of that line is never printed, for any finding.
    pub conceals: Option<Location>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            at: None,
            label: None,
            hint: None,
            related: Vec::new(),
            conceals: None,
        }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    #[must_use]
    pub fn at(mut self, at: Location) -> Self {
        self.at = Some(at);
        self
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the hint that there is, if there is one.
    #[must_use]
    pub fn hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    #[must_use]
    pub fn related(mut self, at: Location, what: impl Into<String>) -> Self {
        self.related.push((at, what.into()));
        self
    }

    /// Keeps the text that begins at a place from being printed: it may be a secret.
    #[must_use]
    pub fn concealing(mut self, from: Location) -> Self {
        self.conceals = Some(from);
        self
    }
}

/// The findings about a document as they come up; a bounded number is kept and the rest counted.
#[derive(Debug)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    omitted: usize,
    /// Places whose text is known to be wrong: what else is found there only follows from it.
    silenced: HashSet<Location>,
    /// How many pairs of characters may still be compared to find the name that was meant.
    comparisons: usize,
}

impl Default for Diagnostics {
    fn default() -> Self {
        const COMPARISONS: usize = 50_000_000;
        Self { kept: Vec::new(), omitted: 0, silenced: HashSet::new(), comparisons: COMPARISONS }
    }
}

impl Diagnostics {
    /// How many findings are kept.
    pub const LIMIT: usize = 10_000;

    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        if diagnostic.at.is_some_and(|at| self.silenced.contains(&at)) {
            return;
        }
        if self.kept.len() < Self::LIMIT {
            shorten(&mut diagnostic.message);
            diagnostic.hint.iter_mut().for_each(shorten);
            self.kept.push(diagnostic);
        } else {
            self.omitted += 1;
        }
    }

    /// Takes no more findings at this place.
    pub fn silence(&mut self, at: Location) {
        self.silenced.insert(at);
    }

    /// The name among `known` that `given` most likely stands for; none is looked for any more after a great many times.
    pub fn nearest<'k>(&mut self, given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
        let given = given.to_lowercase().replace('-', "_");
        let within = (given.chars().count() / 3).max(1);
        let mut best = None;
        for name in known {
            self.comparisons = self.comparisons.checked_sub(given.len().saturating_mul(name.len()))?;
            let distance = strsim::osa_distance(&given, &name.to_lowercase());
            if distance <= within && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, name));
            }
        }
        best.map(|(_, name)| name)
    }

    pub fn has_errors(&self) -> bool {
        self.omitted > 0 || self.kept.iter().any(|kept| kept.severity == Severity::Error)
    }

    /// Everything found, in the order of files and lines; what was not kept is counted in a last entry.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|kept| (kept.at.map(|at| (at.file, at.line, at.column)), kept.severity));
        // A value that is used twice by an alias is found wrong twice.
        self.kept.dedup();
        if self.omitted > 0 {
            let message = format!("{} further findings are not shown", self.omitted);
            self.kept.push(Diagnostic::error("document.too_many_findings", message));
        }
        self.kept
    }
}

/// Cuts a text that repeats a huge name from the document.
fn shorten(text: &mut String) {
    const LONGEST: usize = 2_000;
    if text.len() > LONGEST {
        let end = text.floor_char_boundary(LONGEST);
        text.truncate(end);
        text.push('…');
    }
}
