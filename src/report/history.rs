//! The runs of a machine, and the steps of one of them.

use std::fmt::Write as _;

use serde::Serialize;

use super::json::pretty;
use super::style::paint;
use super::text::{TextOptions, counted, shown};
use crate::apply::{Ending, JournalRun, PastRun, Progressed, Purpose, RunOutcome, RunState};
use crate::model::operation::{Hold, Operation, Reversibility};
use crate::model::resource::ResourceId;

const FORMAT_VERSION: &str = "1.0";

/// All runs, newest first, a line each.
pub fn list(runs: &[PastRun], options: &TextOptions) -> String {
    if runs.is_empty() {
        return "Nothing was applied on this machine yet.\n".to_owned();
    }
    let width = runs.iter().map(|run| run.run.to_string().len()).max().unwrap_or(0);
    let lines: Vec<String> = runs
        .iter()
        .map(|run| {
            let name = run.run.to_string();
            let document = if run.document.is_empty() { String::new() } else { format!("  {}", run.document) };
            format!("{name:width$}  {}{document}  {}", what(run), run.owner).trim_end().to_owned()
        })
        .collect();
    let mut out = String::new();
    for (line, run) in shown(&lines, options).iter().zip(runs.iter().map(Some).chain(std::iter::repeat(None))) {
        let is_open = run.is_some_and(|run| run.outcome == RunOutcome::Unfinished && run.taken_back_by.is_none());
        let _ = writeln!(out, "{}", if is_open { paint(options.palette.problem, line) } else { line.clone() });
    }
    out
}

fn what(run: &PastRun) -> String {
    if let RunOutcome::Unreadable { why } = &run.outcome {
        return why.clone();
    }
    let purpose = match &run.purpose {
        None | Some(Purpose::Apply) => "applied".to_owned(),
        Some(Purpose::Rollback { of }) => format!("took back {of}"),
        Some(Purpose::Undo { of }) => format!("undid {of}"),
        Some(Purpose::Baseline) => "accepted the baseline".to_owned(),
    };
    let end = match (&run.outcome, &run.taken_back_by) {
        (RunOutcome::Ended { ending }, _) => counts(ending),
        (RunOutcome::Untouched, _) => "stopped before it changed anything".to_owned(),
        (RunOutcome::Unfinished, Some(_)) => format!("stopped, {} written ahead", counted(run.operations, "step")),
        (RunOutcome::Unfinished, None) => format!("STOPPED, {} written ahead", counted(run.operations, "step")),
        (RunOutcome::Unreadable { why }, _) => why.clone(),
    };
    if run.purpose == Some(Purpose::Baseline) && matches!(run.outcome, RunOutcome::Ended { .. }) {
        return purpose;
    }
    let back = run.taken_back_by.as_ref().map(|by| format!("; taken back by {by}")).unwrap_or_default();
    format!("{purpose}: {end}{back}")
}

fn counts(ending: &Ending) -> String {
    let mut text = format!("{} done", ending.done);
    for (count, word) in
        [(ending.failed, "failed"), (ending.skipped, "skipped"), (ending.waiting, "waiting"), (ending.undone, "undone")]
    {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

/// All runs for a program.
///
/// # Errors
/// As [`super::json::plan`].
pub fn list_json(runs: &[PastRun]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Wire<'r> {
        format_version: &'static str,
        runs: &'r [PastRun],
    }
    pretty(&Wire { format_version: FORMAT_VERSION, runs })
}

/// The steps of one run, each with whether it is on the machine.
pub fn steps(run: &JournalRun, done: &[Progressed], options: &TextOptions) -> String {
    let beginning = &run.beginning;
    let mut out = format!("Run {} by {}, begun {:.0}\n", beginning.run, beginning.owner, beginning.started);
    if !beginning.document.is_empty() {
        let _ = writeln!(out, "Document: {}", beginning.document);
    }
    match &beginning.purpose {
        Purpose::Apply => {}
        Purpose::Rollback { of } => drop(writeln!(out, "Takes back: run {of}")),
        Purpose::Undo { of } => drop(writeln!(out, "Takes back: run {of}, which had stopped before its end")),
        Purpose::Baseline => out.push_str("Took the machine as it was for what was last applied\n"),
    }
    let hold = hold(run);
    let lines: Vec<String> = run
        .intents
        .iter()
        .zip(done)
        .map(|((_, operation), done)| {
            let state = match done {
                Progressed::Done => "",
                Progressed::NotDone => "not done: ",
                Progressed::Unknown => "perhaps done: ",
            };
            let back = match operation.reversibility(hold) {
                Reversibility::Reversible => "",
                Reversibility::Compensable => "  (can be taken back in part only)",
                Reversibility::Irreversible => "  (cannot be taken back)",
            };
            format!("{state}{operation}{back}")
        })
        .collect();
    for line in shown(&lines, options) {
        let _ = writeln!(out, "    {line}");
    }
    let end = match run.state {
        RunState::Ended(ending) => {
            format!("Ended: {}", counts(&ending))
        }
        RunState::Untouched => "Stopped before it changed anything".to_owned(),
        RunState::Unfinished => "Stopped when the machine may have been changed".to_owned(),
    };
    let _ = writeln!(out, "{}", paint(options.palette.heading, &end));
    out
}

fn hold(run: &JournalRun) -> Hold {
    Hold::of(run.beginning.hold.as_ref())
}

/// The steps of one run for a program, with what each finds and puts; of a secret, what it is called.
///
/// # Errors
/// As [`super::json::plan`].
pub fn steps_json(run: &JournalRun, done: &[Progressed]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Wire<'r> {
        format_version: &'static str,
        run: String,
        started: jiff::Timestamp,
        owner: &'r str,
        document: &'r str,
        #[serde(flatten)]
        purpose: &'r Purpose,
        state: &'static str,
        steps: Vec<WireStep<'r>>,
    }
    #[derive(Serialize)]
    struct WireStep<'r> {
        address: &'r ResourceId,
        progress: Progressed,
        reversibility: Reversibility,
        #[serde(flatten)]
        operation: &'r Operation,
    }
    let steps = run.intents.iter().zip(done).map(|((address, operation), progress)| WireStep {
        address,
        progress: *progress,
        reversibility: operation.reversibility(hold(run)),
        operation,
    });
    pretty(&Wire {
        format_version: FORMAT_VERSION,
        run: run.beginning.run.to_string(),
        started: run.beginning.started,
        owner: &run.beginning.owner,
        document: &run.beginning.document,
        purpose: &run.beginning.purpose,
        state: match run.state {
            RunState::Ended(_) => "ended",
            RunState::Untouched => "untouched",
            RunState::Unfinished => "unfinished",
        },
        steps: steps.collect(),
    })
}
