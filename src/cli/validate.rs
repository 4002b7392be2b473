//! `trueup validate`.

use super::arguments::ValidateOptions;
use super::terminal::Terminal;
use super::{Outcome, inputs};
use crate::plan::order;
use crate::report::text::{counted, entries};

pub fn run(options: &ValidateOptions, terminal: &Terminal) -> Outcome {
    let desired = inputs::document(&options.document, terminal)?;
    order(&desired.entries).map_err(|error| inputs::order_failure(&error, &desired))?;
    let resources: usize = desired.entries.iter().map(|entry| entry.wanted.kind().resources().len()).sum();
    let text = format!(
        "{}: valid, {} in {}\n",
        options.document.files.join(", "),
        counted(resources, "resource"),
        entries(desired.entries.len()),
    );
    terminal.data(&text)
}
