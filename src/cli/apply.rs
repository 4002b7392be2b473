//! `trueup apply`.

use std::path::Path;

use super::arguments::{ApplyOptions, DocumentOptions, FailureChoice, Format, ReportOptions};
use super::progress::progress;
use super::secrets::{CommandSecrets, MissingKey, Secrets, hold_key, owner};
use super::terminal::Terminal;
use super::{Outcome, events, files, inputs, machines, plan as plan_command, rollback};
use crate::apply::{self, ApplyError, ApplyReport, Basis as _, DocumentBasis, JournalRun, OnFailure, RETAIN};
use crate::document::Desired;
use crate::error::{Exit, Failure};
use crate::formats::hold::HoldKey;
use crate::machine::{WritableMachine, WriteError};
use crate::model::fact::Facts;
use crate::model::operation::Hold;
use crate::plan::saved::MAX_PLAN_BYTES;
use crate::plan::{LoadError, Plan, PlanOptions, SavedPlan};
use crate::report::{json, text};

/// What is going to be applied.
enum Source {
    Saved(Box<SavedPlan>),
    Fresh { plan: Box<Plan>, facts: Box<Facts> },
}

pub fn run(options: &ApplyOptions, terminal: &Terminal) -> Outcome {
    let opened = machines::open(&options.machine)?;
    let machine = opened.writable()?;
    if options.confirm_within.is_some() && machine.scheduler().is_none() {
        return Err(Failure::refused(
            "--confirm-within is for machines that run: nobody can be locked out of an image",
        ));
    }
    let unfinished = unfinished(machine)?;
    // A new key opens nothing that a run has kept.
    let has_kept = unfinished.as_ref().is_some_and(|run| run.beginning.hold.is_some());
    let missing = if has_kept { MissingKey::Refuse } else { MissingKey::Make };
    let key = hold_key(options.hold_key.as_deref(), &options.machine.machine, missing, terminal)?;
    if options.undo {
        let Some(run) = unfinished else {
            return Err(Failure::refused("no run stopped before its end")
                .hint("a run that has ended is taken back by `trueup rollback`"));
        };
        return rollback::undo(&run, machine, key.as_ref(), options, terminal);
    }
    let secrets = Secrets::new(CommandSecrets::of(options.allow_commands));
    let hold = Hold::of(key.as_ref());
    let saved = saved_plan(options)?;
    let (desired, plan_options) = match &saved {
        Some(saved) => {
            let desired = inputs::document_text("saved plan", &saved.document, terminal)?;
            (desired, PlanOptions { rewrite_secrets: saved.rewrite_secrets, hold, ..PlanOptions::at(saved.plan.as_of) })
        }
        None => {
            let as_of = inputs::clock(options.as_of);
            let desired = inputs::document(&document_options(options), terminal)?;
            (desired, PlanOptions { rewrite_secrets: options.rewrite_secrets, hold, ..PlanOptions::at(as_of) })
        }
    };
    let desired = inputs::kept(desired);
    let basis = DocumentBasis { desired, options: plan_options };
    let owner = owner();
    let undo_with =
        rollback::unless_confirmed(&options.machine.machine, options.hold_key.as_deref(), options.service_timeout)?;
    let apply_options =
        apply::ApplyOptions { undo_with: &undo_with, ..options_of(options, desired, &owner, &secrets, key.as_ref()) };

    if let Some(run) = unfinished {
        decide_unfinished(&run, options, terminal)?;
        let takes_back = run.beginning.purpose.takes_back().is_some();
        let report = if takes_back {
            rollback::finish(&run, machine, key.as_ref(), options.progress, options.service_timeout, terminal)?
        } else {
            let mut bar = progress(options.progress, terminal);
            let report = apply::resume(machine, Some(&basis), &run.beginning.run, &apply_options, &mut *bar);
            drop(bar);
            report.map_err(failure)?
        };
        terminal.note(&format!("Finished run {}\n", run.beginning.run));
        events::of_run(machine, &report, "Applied", takes_back, terminal);
        // When the finished run was this very plan, there is nothing more to do.
        let is_last = !report.is_complete() || (saved.is_some() && !takes_back);
        // Data are one document: the report of the plan that follows.
        if is_last || options.report.format == Format::Text {
            show(&report, "Applied", &options.report, terminal)?;
        }
        if is_last {
            return Ok(if report.is_complete() { Exit::Done } else { Exit::Failed });
        }
    } else if options.resume {
        terminal.note("No run stopped before its end: there is nothing to finish\n");
    }
    let source = match saved {
        Some(saved) => Source::Saved(Box::new(saved)),
        None => {
            let facts = inputs::facts_of(machine.as_machine(), &basis, &secrets)?;
            let plan = basis.plan(&facts).map_err(|error| inputs::order_failure(&error, desired))?;
            Source::Fresh { plan: Box::new(plan), facts: Box::new(facts) }
        }
    };
    let source = inputs::kept(source);
    opened.warn(terminal);
    let plan = match source {
        Source::Saved(saved) => &saved.plan,
        Source::Fresh { plan, .. } => plan,
    };
    warn_of_the_clock(machine, plan, apply_options.now, terminal);
    if options.report.format == Format::Text {
        plan_command::show(plan, &options.report, terminal)?;
    }
    refuse(plan, &options.accept)?;
    refuse_unproven(machine, plan, options.accept_unproven)?;
    if plan.has_work() {
        approve(options.auto_approve, "the plan", "Apply this plan?", terminal)?;
    }
    let mut bar = progress(options.progress, terminal);
    let result = match source {
        Source::Saved(saved) => apply::apply_saved(machine, &basis, saved, &apply_options, &mut *bar),
        Source::Fresh { plan, facts } => apply::apply(machine, &basis, plan, facts, &apply_options, &mut *bar),
    };
    drop(bar);
    let report = inputs::kept(result.map_err(failure)?);
    events::of_run(machine, report, "Applied", false, terminal);
    show(report, "Applied", &options.report, terminal)?;
    Ok(if report.is_complete() { Exit::Done } else { Exit::Failed })
}

/// What a run needs beside the plan.
fn options_of<'a>(
    options: &'a ApplyOptions,
    desired: &Desired,
    owner: &'a str,
    secrets: &'a Secrets,
    key: Option<&'a HoldKey>,
) -> apply::ApplyOptions<'a> {
    apply::ApplyOptions {
        accept: &options.accept,
        on_failure: match options.on_failure {
            FailureChoice::Continue => OnFailure::Continue,
            FailureChoice::Stop => OnFailure::Stop,
            FailureChoice::Rollback => OnFailure::Rollback,
        },
        hold: key,
        retain: Some(desired.retain.map_or(RETAIN, |retain| std::time::Duration::from_secs(retain.seconds()))),
        accept_unproven: options.accept_unproven,
        confirm_within: options.confirm_within,
        service_timeout: inputs::service_timeout(options.service_timeout),
        ..apply::ApplyOptions::new(owner, jiff::Timestamp::now(), secrets)
    }
}

fn document_options(options: &ApplyOptions) -> DocumentOptions {
    DocumentOptions { files: options.files.clone(), additions: options.additions.clone() }
}

/// The run that stopped before its end.
///
/// # Errors
/// The record cannot be read: nothing can be taken for granted then.
pub fn unfinished(machine: &dyn WritableMachine) -> Result<Option<JournalRun>, Failure> {
    apply::unfinished(machine.as_machine()).map_err(|error| {
        Failure::refused("it cannot be told how the last run on this machine ended")
            .because(error)
            .hint("`trueup history` lists the runs; a journal that cannot be read can be moved away by hand")
    })
}

/// A run that stopped is finished or taken back before anything else is done.
fn decide_unfinished(run: &JournalRun, options: &ApplyOptions, terminal: &Terminal) -> Result<(), Failure> {
    let name = &run.beginning.run;
    if options.resume {
        return Ok(());
    }
    let message = format!(
        "run {name} by {} stopped before its end, with {} written ahead",
        run.beginning.owner,
        text::counted(run.intents.len(), "step")
    );
    if terminal.is_interactive() && !options.auto_approve {
        terminal.note(&format!("{message}\n"));
        if terminal.confirm("Finish it first? Only `yes` is taken as an answer: ") {
            return Ok(());
        }
    }
    Err(Failure::refused(message).hint("apply again with --resume to finish it first, or with --undo to take it back"))
}

/// A clock that was set back is told, not obeyed: runs keep their order by their names.
fn warn_of_the_clock(machine: &dyn WritableMachine, plan: &Plan, now: jiff::Timestamp, terminal: &Terminal) {
    if let Ok(runs) = machine.runs()
        && let Some(last) = runs.last()
        && last.began_after(now)
    {
        terminal.note(&format!(
            "warning: this host's clock is behind the last run on the machine, {last}: was it set back?\n"
        ));
    }
    if plan.as_of > now {
        terminal
            .note(&format!("warning: the plan was made for {}, which this host's clock has not reached\n", plan.as_of));
    }
}

/// Refuses a plan whose findings are errors that nobody accepted.
///
/// # Errors
/// There is such a finding.
pub fn refuse(plan: &Plan, accept: &[String]) -> Result<(), Failure> {
    let mut refusals: Vec<String> = plan.refusals(accept).map(|finding| finding.code.to_string()).collect();
    refusals.dedup();
    if refusals.is_empty() {
        return Ok(());
    }
    let codes: Vec<String> = refusals.iter().map(|code| format!("--accept {code}")).collect();
    Err(Failure::refused(format!("the plan is refused: {}", refusals.join(", ")))
        .hint(format!("see to what the findings say, or run this again with {}", codes.join(" "))))
}

/// Refuses a plan with steps that nobody has seen to work on such a machine, unless that is accepted.
///
/// # Errors
/// There is such a step.
pub fn refuse_unproven(machine: &dyn WritableMachine, plan: &Plan, is_accepted: bool) -> Result<(), Failure> {
    let unproven = apply::unproven(machine, plan);
    if is_accepted || unproven.is_empty() { Ok(()) } else { Err(failure(ApplyError::Unproven(unproven))) }
}

/// A single file that is JSON of ours is a saved plan; everything else is a document.
fn saved_plan(options: &ApplyOptions) -> Result<Option<SavedPlan>, Failure> {
    let [file] = options.files.as_slice() else { return Ok(None) };
    if file == "-" || !Path::new(file).is_file() {
        return Ok(None);
    }
    let bytes = files::read(Path::new(file), MAX_PLAN_BYTES)?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Ok(None);
    }
    match SavedPlan::from_json(&bytes) {
        Ok(saved) => Ok(Some(saved)),
        // YAML may begin with a brace too; what does not call itself ours is a document.
        Err(LoadError::Json(_)) if !bytes.windows(KIND_FIELD.len()).take(256).any(|part| part == KIND_FIELD) => {
            Ok(None)
        }
        Err(error) => Err(Failure::invalid(format!("cannot use {file} as a plan")).because(error)),
    }
}

const KIND_FIELD: &[u8] = b"\"trueup.";

/// Asks whether to go on, unless that was said already.
///
/// # Errors
/// Nobody is there to say so, or somebody said no.
pub fn approve(approved: bool, what: &str, question: &str, terminal: &Terminal) -> Result<(), Failure> {
    if approved {
        return Ok(());
    }
    if !terminal.is_interactive() {
        return Err(Failure::refused(format!("nobody is there to approve {what}"))
            .hint("run with --auto-approve, or approve it on a terminal"));
    }
    if terminal.confirm(&format!("{question} Only `yes` is taken as an answer: ")) {
        return Ok(());
    }
    Err(Failure::refused(format!("{what} was not approved; nothing was changed")))
}

/// Shows what came of a run; `did` is the word for what it was to do.
///
/// # Errors
/// Standard output cannot be written.
pub fn show(report: &ApplyReport, did: &str, options: &ReportOptions, terminal: &Terminal) -> Outcome {
    match options.format {
        Format::Text => terminal.data(&text::outcome(report, did, &plan_command::text_options(options, terminal))),
        Format::Json => {
            let json =
                json::outcome(report).map_err(|error| Failure::failed("cannot write the report").because(error))?;
            terminal.data(&json)
        }
    }
}

/// The causes of an error, the nearest first.
fn causes<'e>(error: &'e dyn std::error::Error) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |error| error.source())
}

/// What to do about what the host refused.
fn host_hint(error: &ApplyError) -> Option<&'static str> {
    use std::io::ErrorKind;
    let refused = causes(error).find_map(|cause| cause.downcast_ref::<std::io::Error>())?;
    match refused.kind() {
        ErrorKind::PermissionDenied => Some("run as somebody who may write to the machine"),
        ErrorKind::ReadOnlyFilesystem => Some("mount the image for writing"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("make room on the volume; if the run had begun, `trueup apply` offers to finish it or to take it back")
        }
        _ => None,
    }
}

/// The failure of a run as the user meets it.
pub fn failure(error: ApplyError) -> Failure {
    let refused = matches!(
        error,
        ApplyError::Refused(_)
            | ApplyError::Unproven(_)
            | ApplyError::Stale(_)
            | ApplyError::WrongTarget { .. }
            | ApplyError::Unfinished(_)
            | ApplyError::NoScheduler
            | ApplyError::Unreadable(_)
            | ApplyError::NoHoldKey { .. }
            | ApplyError::Hold { .. }
            | ApplyError::Write(WriteError::NoSpace { .. })
            | ApplyError::Write(WriteError::Locked { .. })
    );
    let hint = match &error {
        ApplyError::Unproven(_) => {
            Some("try it where nothing can be lost, then accept it with --accept-unproven; nothing was changed")
        }
        ApplyError::Stale(_) => Some("plan again, and look at what has changed"),
        ApplyError::WrongTarget { .. } => {
            Some("only a plan made on its target can be applied: plan again on this machine")
        }
        ApplyError::Write(WriteError::Locked { .. }) => Some("wait for the other run to end"),
        ApplyError::Secret { .. } => Some("nothing was changed"),
        ApplyError::Unfinished(_) => Some("apply with --resume to finish it first, or with --undo to take it back"),
        ApplyError::Unreadable(_) => {
            Some("`trueup apply FILE --accept record.unreadable` moves it aside and begins a new one")
        }
        ApplyError::NoHoldKey { .. } => Some("name the key with --hold-key FILE; nothing was changed"),
        ApplyError::Hold { .. } => Some("name the key that the run was made with; nothing was changed"),
        ApplyError::Write(WriteError::NoSpace { .. }) => Some("make room on the volume; nothing was changed"),
        ApplyError::Write(WriteError::Failed { .. } | WriteError::Refused { .. }) => {
            Some("if the run had begun, `trueup apply` offers to finish it or to take it back")
        }
        _ => None,
    };
    let hint = host_hint(&error).or(hint);
    let failure = Failure::new(if refused { Exit::Refused } else { Exit::Failed }, error.to_string());
    let causes = causes(&error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let failure = if causes.is_empty() { failure } else { failure.because(causes) };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
