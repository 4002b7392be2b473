//! `trueup certificates`.

use super::arguments::{CertificatesOptions, DocumentOptions, Format};
use super::secrets::{CommandSecrets, Secrets};
use super::terminal::Terminal;
use super::{Outcome, inputs, machines, plan as plan_command};
use crate::error::{Exit, Failure};
use crate::kinds::Wanted;
use crate::kinds::certificate::inventory::{ask, gather};
use crate::machine::rounds;
use crate::model::fact::Unread;
use crate::model::scalar::Duration;
use crate::report::certificates::{Listing, Selection, json, text};

/// How soon is soon, unless the user says.
const DEFAULT_WITHIN: Duration = Duration::from_seconds(30 * 86_400);

pub fn run(options: &CertificatesOptions, terminal: &Terminal) -> Outcome {
    let as_of = inputs::clock(options.as_of);
    let desired = match options.files.as_slice() {
        [] => None,
        files => {
            let document = DocumentOptions { files: files.to_vec(), additions: options.additions.clone() };
            Some(inputs::kept(inputs::document(&document, terminal)?))
        }
    };
    let entries = desired.iter().flat_map(|desired| &desired.entries);
    let entries: Vec<_> = entries
        .filter_map(|entry| match &entry.wanted {
            Wanted::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    let opened = machines::open(&options.machine)?;
    let secrets = Secrets::new(CommandSecrets::of(options.allow_commands));
    let facts = rounds(opened.machine(), &secrets, &mut |facts, queries| ask(&entries, facts, queries))
        .map_err(|error| Failure::failed("cannot read the machine").because(error))?;
    if let Some(failure) = inputs::refusal(&facts) {
        return Err(failure);
    }
    opened.warn(terminal);
    let inventory = gather(&entries, &facts, as_of);
    let selection = if options.within.is_some() { Selection::Ending } else { Selection::All };
    let listing = Listing::of(&inventory, as_of, options.within.unwrap_or(DEFAULT_WITHIN), selection);
    match options.report.format {
        Format::Text => terminal.data(&text(&listing, &plan_command::text_options(&options.report, terminal)))?,
        Format::Json => terminal.data(
            &json(&listing).map_err(|error| Failure::failed("cannot write the certificates as JSON").because(error))?,
        )?,
    };
    for (what, why) in &inventory.unread {
        terminal.note(&format!("warning: {what}: {why}\n"));
    }
    // What could not be read may hold anything: the table is shown, and is not the whole.
    let failed = inventory.unread.iter().any(|(_, why)| !matches!(why, Unread::Unsupported { .. }));
    Ok(if failed {
        Exit::Failed
    } else if options.detailed_exitcode && listing.needs_attention() {
        Exit::Changes
    } else {
        Exit::Done
    })
}
