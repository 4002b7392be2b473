//! `trueup explain`.

use std::fmt::Write as _;

use super::arguments::ExplainOptions;
use super::secrets::{CommandSecrets, Secrets};
use super::terminal::Terminal;
use super::{Outcome, inputs, machines};
use crate::document::Desired;
use crate::error::Failure;
use crate::model::resource::ResourceId;
use crate::model::verdict::{Decision, Verdict};
use crate::plan::{PlanOptions, build};

pub fn run(options: &ExplainOptions, terminal: &Terminal) -> Outcome {
    let desired = inputs::document(&options.document, terminal)?;
    let asked = parse(&options.address)?;
    let Some((id, at)) = find(&desired, &asked) else { return Err(unknown(&desired, &options.address)) };
    let mut out = format!("{id}\n  set at {}\n", desired.sources.display(at));
    if let Some(line) = desired.sources.line(at) {
        let _ = writeln!(out, "      {}", line.trim());
    }
    for loser in desired.overridden.losers(at) {
        let _ = writeln!(out, "  wins over {}", desired.sources.display(*loser));
        if let Some(line) = desired.sources.line(*loser) {
            let _ = writeln!(out, "      {}", line.trim());
        }
    }
    let entry = id.entry().folded();
    let common = desired.entries.iter().map(|entry| entry.wanted.kind()).find(|kind| kind.address().folded() == entry);
    if let Some(note) = common.and_then(|kind| kind.common().note.as_deref()) {
        let _ = writeln!(out, "  note: {note}");
    }
    if let Some(machine) = &options.machine {
        explain_on(&mut out, machine, options.accept_dirty, &desired, &id, terminal)?;
    }
    terminal.data(&out)
}

fn parse(text: &str) -> Result<ResourceId, Failure> {
    ResourceId::parse(text).map_err(|error| {
        Failure::invalid(format!("`{text}` is not an address"))
            .because(error)
            .hint("addresses look like registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLevel; quote them for the shell")
    })
}

fn find(desired: &Desired, asked: &ResourceId) -> Option<(ResourceId, crate::model::source::Location)> {
    let asked = asked.folded();
    let all = desired.entries.iter().flat_map(|entry| entry.wanted.kind().resources());
    all.into_iter().find(|(id, _)| id.folded() == asked)
}

/// How alike an address must be to be suggested, from 0 to 1.
const LIKENESS: f64 = 0.8;

fn unknown(desired: &Desired, address: &str) -> Failure {
    let all: Vec<String> = desired
        .entries
        .iter()
        .flat_map(|entry| entry.wanted.kind().resources())
        .map(|(id, _)| id.to_string())
        .collect();
    let failure = Failure::invalid(format!("the document has no {address}"));
    let near = all.iter().max_by(|a, b| strsim::jaro_winkler(a, address).total_cmp(&strsim::jaro_winkler(b, address)));
    match near.filter(|near| strsim::jaro_winkler(near, address) > LIKENESS) {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure,
    }
}

fn explain_on(
    out: &mut String,
    machine: &str,
    accept_dirty: bool,
    desired: &Desired,
    id: &ResourceId,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let opened = machines::open_named(machine, accept_dirty)?;
    let as_of = inputs::clock(None);
    let facts = inputs::facts(opened.machine(), desired, as_of, &Secrets::new(CommandSecrets::Refused))?;
    opened.warn(terminal);
    let options = PlanOptions::at(as_of);
    let plan = build(desired, &facts, options).map_err(|error| inputs::order_failure(&error, desired))?;
    let asked = id.folded();
    let Some(decision) = plan.decisions.iter().find(|decision| decision.id.folded() == asked) else { return Ok(()) };
    let _ = writeln!(out, "  on {machine}: {}", verdict(decision));
    for reason in &decision.reasons {
        let _ = writeln!(out, "      {reason}");
    }
    if let Some(cause) = decision.cause {
        let _ = writeln!(out, "      cause: {}", cause.sentence());
    }
    for operation in decision.operations() {
        let _ = writeln!(out, "      would {operation}");
    }
    if let Some(at) = decision.last_written {
        let _ = writeln!(out, "      the key was last written {at}");
    }
    Ok(())
}

fn verdict(decision: &Decision) -> &'static str {
    match &decision.verdict {
        Verdict::Keep => "stays as it is",
        Verdict::Change { .. } => "would change",
        Verdict::Blocked => "is blocked",
        Verdict::Deferred => "is left for the running machine",
        Verdict::Pending => "waits for somebody else, or for the next start of Windows",
        Verdict::Unverifiable => "cannot be compared",
        Verdict::Waived { .. } => "differs, and is let be",
    }
}
