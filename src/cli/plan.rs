//! `trueup plan`.

use std::path::Path;

use super::arguments::{Format, PlanOptions, ReportOptions};
use super::secrets::{CommandSecrets, MissingKey, Secrets, hold_key};
use super::terminal::Terminal;
use super::{Outcome, files, inputs, machines};
use crate::error::{Exit, Failure};
use crate::machine::MachineKind;
use crate::model::fact::{Facts, Unread};
use crate::model::operation::Hold;
use crate::plan::lint::RECORD_UNREADABLE;
use crate::plan::staleness::prints;
use crate::plan::{Plan, SavedPlan, Target, build};
use crate::report::text::{Detail, TextOptions};
use crate::report::{Palette, Width, json, text};

pub fn run(options: &PlanOptions, terminal: &Terminal) -> Outcome {
    let as_of = inputs::clock(options.as_of);
    // The saved plan holds the very document that was planned, also when that changes meanwhile or came through a pipe.
    let mut reader = files::DiskReader::default();
    let desired = inputs::kept(inputs::document_from(&mut reader, &options.document, terminal)?);
    let opened = machines::open(&options.machine)?;
    let secrets = Secrets::new(CommandSecrets::of(options.allow_commands));
    let facts = inputs::kept(inputs::facts(opened.machine(), desired, as_of, &secrets)?);
    opened.warn(terminal);
    // A key that is not there yet is made by apply, not by a plan.
    let key_file = options.hold_key.as_deref().filter(|file| file.exists());
    hold_key(key_file, &options.machine.machine, MissingKey::Refuse, terminal)?;
    let hold = Hold::of(options.hold_key.as_ref());
    let plan_options =
        crate::plan::PlanOptions { as_of, rewrite_secrets: options.rewrite_secrets, hold, survey: false };
    let plan = build(desired, facts, plan_options).map_err(|error| inputs::order_failure(&error, desired))?;

    for report in &options.reports {
        write_report(report, &plan)?;
    }
    if let Some(path) = &options.out {
        let saved = SavedPlan {
            target: target(opened.machine().kind()),
            facts: prints(facts),
            document: inputs::merged(&mut reader, &options.document, terminal)?,
            rewrite_secrets: options.rewrite_secrets,
            plan,
        };
        let bytes = saved.to_json().map_err(|error| Failure::failed("cannot write the plan").because(error))?;
        files::write(path, &bytes)?;
        show(&saved.plan, &options.report, terminal)?;
        terminal.note(&format!("The plan is saved in {}\n", path.display()));
        return Ok(exit(&saved.plan, facts, options));
    }
    let plan = inputs::kept(plan);
    show(plan, &options.report, terminal)?;
    Ok(exit(plan, facts, options))
}

/// The wire name of a machine's kind.
pub fn target(kind: MachineKind) -> Target {
    let kind = match kind {
        MachineKind::Local => "local",
        MachineKind::Image => "image",
        MachineKind::Snapshot => "snapshot",
        MachineKind::Memory => "memory",
    };
    Target { kind: kind.to_owned() }
}

/// Prints a plan as the user wants it.
///
/// # Errors
/// Standard output cannot be written.
pub fn show(plan: &Plan, options: &ReportOptions, terminal: &Terminal) -> Outcome {
    match options.format {
        Format::Text => terminal.data(&text::plan(plan, &text_options(options, terminal))),
        Format::Json => terminal.data(&json_text(plan)?),
    }
}

pub fn text_options(options: &ReportOptions, terminal: &Terminal) -> TextOptions {
    let detail = if options.full { Detail::Full } else { Detail::Short };
    TextOptions { palette: terminal.palette(), width: terminal.width(), detail }
}

fn json_text(plan: &Plan) -> Result<String, Failure> {
    json::plan(plan).map_err(|error| Failure::failed("cannot write the plan as JSON").because(error))
}

/// Writes a further report: `text:FILE` or `json:FILE`.
fn write_report(report: &str, plan: &Plan) -> Result<(), Failure> {
    let Some((kind, path)) = report.split_once(':') else {
        return Err(
            Failure::invalid(format!("`--report {report}` names no file")).hint("write --report json:plan.json")
        );
    };
    let content = match kind {
        "json" => json_text(plan)?,
        "text" => {
            let options = TextOptions { palette: Palette::plain(), width: Width::Unlimited, detail: Detail::Full };
            text::plan(plan, &options)
        }
        other => {
            return Err(Failure::invalid(format!("there is no report `{other}`")).hint("the reports are text and json"));
        }
    };
    files::write(Path::new(path), content.as_bytes())
}

/// Whether something could not be read that the plan should rest on: that is not "no change".
pub fn is_unread(plan: &Plan, facts: &Facts) -> bool {
    let is_unread = facts.unread().iter().any(|(_, unread)| !matches!(unread, Unread::Unsupported { .. }));
    let tells = |code: &str| plan.findings.iter().any(|finding| finding.code == code);
    is_unread || tells("plan.nothing_observed") || tells(RECORD_UNREADABLE)
}

/// A failed read ends with 1 whatever else was found.
fn exit(plan: &Plan, facts: &Facts, options: &PlanOptions) -> Exit {
    if is_unread(plan, facts) {
        Exit::Failed
    } else if options.detailed_exitcode && plan.summary().differs() {
        Exit::Changes
    } else {
        Exit::Done
    }
}
