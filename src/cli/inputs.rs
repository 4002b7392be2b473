//! What the commands begin with: a document, a machine and the facts in between.

use super::arguments::{Additions, DocumentOptions};
use super::files::DiskReader;
use super::terminal::Terminal;
use crate::apply::{Basis, DocumentBasis};
use crate::document::{Desired, LoadFailure, LoadOptions, Loaded, load, merged_text, render};
use crate::error::{Exit, Failure};
use crate::machine::{Machine, SERVICE_TIMEOUT, SecretSource};
use crate::model::diagnostic::Severity;
use crate::model::fact::{Facts, Unread};
use crate::model::scalar::Duration;
use crate::plan::{OrderError, PlanOptions};

/// Loads documents; findings go to standard error, and errors end the command.
///
/// # Errors
/// Anything in the documents is wrong.
pub fn document(options: &DocumentOptions, terminal: &Terminal) -> Result<Desired, Failure> {
    document_from(&mut DiskReader::default(), options, terminal)
}

/// As [`document`], with a reader that remembers what was read.
///
/// # Errors
/// As [`document`].
pub fn document_from(
    reader: &mut DiskReader,
    options: &DocumentOptions,
    terminal: &Terminal,
) -> Result<Desired, Failure> {
    let Loaded { desired, warnings } =
        with_options(&options.additions, |load_options| load(reader, &options.files, load_options))?
            .map_err(|failure| report(&failure, terminal))?;
    if !warnings.is_empty() {
        terminal.note(&render(&warnings, &desired.sources, terminal.diagnostic_colour()));
    }
    Ok(desired)
}

/// The documents as one text, for a saved plan.
///
/// # Errors
/// As [`document`].
pub fn merged(reader: &mut DiskReader, options: &DocumentOptions, terminal: &Terminal) -> Result<String, Failure> {
    with_options(&options.additions, |load_options| merged_text(reader, &options.files, load_options))?
        .map_err(|failure| report(&failure, terminal))
}

/// A document that is a text in memory.
///
/// # Errors
/// As [`document`].
pub fn document_text(name: &str, text: &str, terminal: &Terminal) -> Result<Desired, Failure> {
    struct One<'t>(&'t str);
    impl crate::document::FileReader for One<'_> {
        fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, crate::document::ReadError> {
            Ok(self.0.as_bytes().to_vec())
        }
    }
    let loaded = load(&mut One(text), &[name.to_owned()], &LoadOptions::default());
    loaded.map(|loaded| loaded.desired).map_err(|failure| report(&failure, terminal))
}

fn with_options<T>(additions: &Additions, run: impl FnOnce(&LoadOptions<'_>) -> T) -> Result<T, Failure> {
    let mut variables = Vec::new();
    for text in &additions.variables {
        let Some((name, value)) = text.split_once('=') else {
            return Err(
                Failure::invalid(format!("`--variable {text}` has no value")).hint("write --variable NAME=VALUE")
            );
        };
        variables.push((name.to_owned(), value.to_owned()));
    }
    Ok(run(&LoadOptions {
        variables: &variables,
        overlays: &additions.overlay,
        machine_name: additions.machine_name.as_deref(),
        environment: &|name| std::env::var(name).ok(),
    }))
}

fn report(failure: &LoadFailure, terminal: &Terminal) -> Failure {
    terminal.note(&render(&failure.diagnostics, &failure.sources, terminal.diagnostic_colour()));
    terminal.note("\n");
    let errors = failure.diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
    Failure::invalid(format!("the document has {}", crate::report::text::counted(errors, "error")))
}

/// Reads what the document speaks of.
///
/// # Errors
/// The machine must not be relied on, such as one whose hives are dirty.
pub fn facts(
    machine: &dyn Machine,
    desired: &Desired,
    as_of: jiff::Timestamp,
    secrets: &dyn SecretSource,
) -> Result<Facts, Failure> {
    facts_of(machine, &DocumentBasis { desired, options: PlanOptions::at(as_of) }, secrets)
}

/// Reads what a plan will rest on.
///
/// # Errors
/// As [`facts`].
pub fn facts_of(machine: &dyn Machine, basis: &dyn Basis, secrets: &dyn SecretSource) -> Result<Facts, Failure> {
    let facts =
        basis.facts(machine, secrets).map_err(|error| Failure::failed("cannot read the machine").because(error))?;
    match refusal(&facts) {
        Some(failure) => Err(failure),
        None => Ok(facts),
    }
}

/// The failure that ends a command when something read must not be relied on.
pub fn refusal(facts: &Facts) -> Option<Failure> {
    facts.unread().into_iter().find_map(|(_, unread)| match unread {
        Unread::Refused { hint, .. } => {
            let failure = Failure::refused(unread.to_string());
            Some(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
        _ => None,
    })
}

/// A document whose entries have no order is wrong, and the error says where.
pub fn order_failure(error: &OrderError, desired: &Desired) -> Failure {
    let places = match error {
        OrderError::Cycle(cycle) => {
            cycle.0.iter().map(|(id, at)| format!("{id} at {}", desired.sources.display(*at))).collect()
        }
        OrderError::Unknown { at, .. } => vec![desired.sources.display(*at).to_string()],
    };
    Failure::new(Exit::Invalid, error.to_string()).hint(format!("look at {}", places.join(", ")))
}

/// Keeps a value until the process ends, which is sooner than its many parts could be given back one by one.
pub fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The reading of the clock that a command works with.
pub fn clock(as_of: Option<jiff::Timestamp>) -> jiff::Timestamp {
    as_of.unwrap_or_else(jiff::Timestamp::now)
}

/// For how long a service is waited for.
pub fn service_timeout(given: Option<Duration>) -> std::time::Duration {
    given.map_or(SERVICE_TIMEOUT, |given| std::time::Duration::from_secs(given.seconds()))
}
