//! `trueup drift`.

use super::apply::{approve, failure};
use super::arguments::{DriftOptions, Format};
use super::secrets::{CommandSecrets, Secrets, owner};
use super::terminal::Terminal;
use super::{Outcome, events, inputs, machines, plan as plan_command};
use crate::apply::{self, Basis as _, DocumentBasis};
use crate::error::{Exit, Failure};
use crate::model::event::{Event, What};
use crate::plan::PlanOptions;
use crate::report::drift::{self, Drift};
use crate::report::text;

pub fn run(options: &DriftOptions, terminal: &Terminal) -> Outcome {
    let outcome = look(options, terminal);
    if let (Err(failure), true) = (&outcome, options.event_log) {
        log(options, What::Untold, failure.print())?;
    }
    outcome
}

/// Writes an entry to the log of the machine.
fn log(options: &DriftOptions, what: What, text: String) -> Result<(), Failure> {
    let opened = machines::open(&options.machine)?;
    opened
        .writable()?
        .log(&Event { what, text })
        .map_err(|error| Failure::failed("the event log was not written").because(error))
}

fn look(options: &DriftOptions, terminal: &Terminal) -> Outcome {
    let as_of = inputs::clock(options.as_of);
    let desired = inputs::kept(inputs::document(&options.document, terminal)?);
    let opened = machines::open(&options.machine)?;
    let secrets = Secrets::new(CommandSecrets::of(options.allow_commands));
    let plan_options = PlanOptions { survey: options.coverage, ..PlanOptions::at(as_of) };
    let basis = DocumentBasis { desired, options: plan_options };
    let facts = inputs::facts_of(opened.machine(), &basis, &secrets)?;
    opened.warn(terminal);
    let plan = basis.plan(&facts).map_err(|error| inputs::order_failure(&error, desired))?;
    let drift = Drift::of(&plan, &facts.record, options.coverage);
    match options.report.format {
        Format::Text => terminal.data(&drift::text(&drift, &plan_command::text_options(&options.report, terminal)))?,
        Format::Json => {
            let json = drift::json(&drift)
                .map_err(|error| Failure::failed("cannot write the drift as JSON").because(error))?;
            terminal.data(&json)?
        }
    };
    if options.accept_as_baseline {
        // A record that cannot be read is refused with what to do about it.
        if facts.record.is_ok() && plan_command::is_unread(&plan, &facts) {
            return Err(Failure::refused("not all of the machine could be read: it is no baseline")
                .hint("see to what could not be read; nothing was written"));
        }
        return accept(options, &opened, &basis, &secrets, terminal);
    }
    let (exit, what) = if plan_command::is_unread(&plan, &facts) {
        (Exit::Failed, What::Untold)
    } else if drift.differs() {
        (Exit::Changes, What::Drift)
    } else {
        (Exit::Done, What::NoDrift)
    };
    if options.event_log {
        log(options, what, drift::text(&drift, &events::options()))?;
    }
    Ok(exit)
}

fn accept(
    options: &DriftOptions,
    opened: &machines::Opened,
    basis: &DocumentBasis<'_>,
    secrets: &Secrets,
    terminal: &Terminal,
) -> Outcome {
    let machine = opened.writable()?;
    approve(options.auto_approve, "the baseline", "Take the machine as it is for what was last applied?", terminal)?;
    let owner = owner();
    let apply_options = apply::ApplyOptions::new(&owner, jiff::Timestamp::now(), secrets);
    let format = options.report.format;
    match apply::accept_baseline(machine, basis, &apply_options).map_err(failure)? {
        Some((entries, run)) => {
            let told = text::entries(entries);
            terminal.remark(&format!("Accepted as the baseline: {told} of the record; run {run}\n"), format)
        }
        None => terminal.remark("The record tells this already; nothing was written\n", format),
    }
}
