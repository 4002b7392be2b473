//! `trueup rollback`, and the undoing of a run that stopped.

use std::path::Path;

use super::apply::{approve, failure, refuse, refuse_unproven, show, unfinished};
use super::arguments::{ApplyOptions, Format, ProgressChoice, ReportOptions, RollbackOptions};
use super::progress::progress;
use super::secrets::{MissingKey, hold_key, owner};
use super::terminal::Terminal;
use super::{Outcome, events, inputs, machines, plan as plan_command};
use crate::apply::{
    self, ApplyOptions as RunOptions, ApplyReport, Basis as _, JournalRun, OnFailure, Purpose, RollbackBasis,
    RunOutcome, done_steps, history, past_run, settle,
};
use crate::error::{Exit, Failure};
use crate::formats::hold::HoldKey;
use crate::machine::{NoSecrets, RunName, WritableMachine};
use crate::model::operation::Hold;
use crate::model::run::RunNameError;
use crate::model::scalar::Duration;
use crate::plan::PlanOptions;
use crate::report::text;

/// How a rollback is to go.
struct Manner<'m> {
    report: &'m ReportOptions,
    progress: ProgressChoice,
    auto_approve: bool,
    only_plan: bool,
    partial: bool,
    accept: &'m [String],
    /// Accept whatever is found: nobody is there to be asked, and a run that nobody confirmed must not stay.
    accept_all: bool,
    accept_unproven: bool,
    service_timeout: Option<Duration>,
}

pub fn run(options: &RollbackOptions, terminal: &Terminal) -> Outcome {
    let opened = machines::open(&options.machine)?;
    let machine = opened.writable()?;
    let key = hold_key(options.hold_key.as_deref(), &options.machine.machine, MissingKey::Refuse, terminal)?;
    let manner = Manner {
        report: &options.report,
        progress: options.progress,
        auto_approve: options.auto_approve,
        only_plan: options.plan,
        partial: options.partial,
        accept: &options.accept,
        accept_all: options.unless_confirmed,
        accept_unproven: options.accept_unproven,
        service_timeout: options.service_timeout,
    };
    let asked = options.run.as_deref().map(str::parse::<RunName>).transpose();
    let asked = asked.map_err(not_a_run)?;
    let undoes = asked.clone().filter(|_| options.unless_confirmed);
    if let Some(run) = &undoes
        && !apply::is_unconfirmed(machine.as_machine(), run).map_err(failure)?
    {
        let message = format!("Run {run} waits for no confirmation and stays\n");
        forget_task(machine, run, terminal);
        return terminal.remark(&message, options.report.format);
    }
    let outcome = take_back_asked(asked, machine, key.as_ref(), &manner, terminal);
    // A task whose work is done would only ask once more; one whose work failed is tried again.
    if let (Ok(Exit::Done), Some(run)) = (&outcome, &undoes) {
        forget_task(machine, run, terminal);
    }
    outcome
}

/// The arguments with which a task takes back a run, but for the run's name, unless the run is confirmed.
///
/// # Errors
/// The key of the hold cannot be named from everywhere.
pub fn unless_confirmed(
    machine: &str,
    hold_key: Option<&Path>,
    service_timeout: Option<Duration>,
) -> Result<Vec<String>, Failure> {
    let mut arguments =
        ["rollback", "--auto-approve", "--partial", "--accept-unproven", "--unless-confirmed", "--machine", machine]
            .map(str::to_owned)
            .to_vec();
    if let Some(timeout) = service_timeout {
        arguments.extend(["--service-timeout".to_owned(), timeout.to_string()]);
    }
    if let Some(file) = hold_key {
        let file = std::path::absolute(file)
            .map_err(|error| Failure::failed("cannot tell where the key of the hold lies").because(error))?;
        arguments.extend(["--hold-key".to_owned(), file.to_string_lossy().into_owned()]);
    }
    Ok(arguments)
}

/// Removes the task that was to take back a run.
fn forget_task(machine: &dyn WritableMachine, run: &RunName, terminal: &Terminal) {
    let Some(Err(error)) = machine.scheduler().map(|scheduler| scheduler.remove(&apply::undo_task(run))) else {
        return;
    };
    terminal.note(&format!("warning: the task that was to take back run {run} is still there: {error}\n"));
}

fn take_back_asked(
    asked: Option<RunName>,
    machine: &dyn WritableMachine,
    key: Option<&HoldKey>,
    manner: &Manner<'_>,
    terminal: &Terminal,
) -> Outcome {
    if let Some(open) = unfinished(machine)? {
        if let Some(of) = open.beginning.purpose.takes_back()
            && asked.as_ref().is_none_or(|asked| asked == of || is_undo_of_itself(asked, &open))
        {
            return finish_taking_back(&open, of, machine, key, manner, terminal);
        }
        if asked.as_ref().is_none_or(|asked| *asked == open.beginning.run) {
            return take_back(&open, Purpose::Undo { of: open.beginning.run.clone() }, machine, key, manner, terminal);
        }
        return Err(Failure::refused(format!("run {} stopped before its end", open.beginning.run))
            .hint("take that one back first: `trueup rollback`, or finish it: `trueup apply --resume`"));
    }
    let name = match asked {
        Some(name) => name,
        None => last_run(machine)?,
    };
    let run = past_run(machine.as_machine(), &name).map_err(|why| {
        Failure::failed(format!("cannot take back run {name}")).because(why).hint("`trueup history` lists the runs")
    })?;
    take_back(&run, Purpose::Rollback { of: name }, machine, key, manner, terminal)
}

/// Taking back the undoing of a run that had stopped would leave the machine where that run stopped: it is finished instead.
fn is_undo_of_itself(asked: &RunName, open: &JournalRun) -> bool {
    *asked == open.beginning.run && matches!(open.beginning.purpose, Purpose::Undo { .. })
}

/// A text on the command line that names no run.
pub fn not_a_run(error: RunNameError) -> Failure {
    Failure::invalid(error.to_string()).hint("`trueup history` lists the runs")
}

/// Takes back the run that stopped before its end.
pub fn undo(
    run: &JournalRun,
    machine: &dyn WritableMachine,
    key: Option<&HoldKey>,
    options: &ApplyOptions,
    terminal: &Terminal,
) -> Outcome {
    let manner = Manner {
        report: &options.report,
        progress: options.progress,
        auto_approve: options.auto_approve,
        only_plan: false,
        partial: false,
        accept: &options.accept,
        accept_all: false,
        accept_unproven: options.accept_unproven,
        service_timeout: options.service_timeout,
    };
    if let Some(of) = run.beginning.purpose.takes_back() {
        return finish_taking_back(run, of, machine, key, &manner, terminal);
    }
    let purpose = Purpose::Undo { of: run.beginning.run.clone() };
    take_back(run, purpose, machine, key, &manner, terminal)
}

/// Goes on with a run that was taking back the run `of` when it stopped.
fn finish_taking_back(
    open: &JournalRun,
    of: &RunName,
    machine: &dyn WritableMachine,
    key: Option<&HoldKey>,
    manner: &Manner<'_>,
    terminal: &Terminal,
) -> Outcome {
    let name = &open.beginning.run;
    let message = format!("run {name} was taking back run {of} when it stopped");
    if manner.only_plan {
        return Err(Failure::refused(message).hint("`trueup rollback` without --plan goes on with it"));
    }
    terminal.note(&format!("{message}\n"));
    approve(manner.auto_approve, "the undoing", "Go on with it?", terminal)?;
    let report = finish(open, machine, key, manner.progress, manner.service_timeout, terminal)?;
    tell(machine, &report, manner, terminal)
}

/// Does what is left of a run that was taking back another one when it stopped.
///
/// # Errors
/// The journal of the other run tells nothing, or the machine cannot be read or written.
pub fn finish(
    open: &JournalRun,
    machine: &dyn WritableMachine,
    key: Option<&HoldKey>,
    choice: ProgressChoice,
    service_timeout: Option<Duration>,
    terminal: &Terminal,
) -> Result<ApplyReport, Failure> {
    let owner = owner();
    // What it has begun it was allowed to.
    let options =
        RunOptions { accept_unproven: true, ..options_of(&owner, jiff::Timestamp::now(), key, &[], service_timeout) };
    let mut bar = progress(choice, terminal);
    apply::resume(machine, None, &open.beginning.run, &options, &mut *bar).map_err(failure)
}

/// What a run that takes back needs beside the plan.
fn options_of<'a>(
    owner: &'a str,
    now: jiff::Timestamp,
    key: Option<&'a HoldKey>,
    accept: &'a [String],
    service_timeout: Option<Duration>,
) -> RunOptions<'a> {
    let service_timeout = inputs::service_timeout(service_timeout);
    // All or nothing: half a rollback is a state that nobody asked for.
    RunOptions {
        accept,
        on_failure: OnFailure::Rollback,
        hold: key,
        service_timeout,
        ..RunOptions::new(owner, now, &NoSecrets)
    }
}

/// Shows what came of it.
fn tell(machine: &dyn WritableMachine, report: &ApplyReport, manner: &Manner<'_>, terminal: &Terminal) -> Outcome {
    events::of_run(machine, report, "Taken back", true, terminal);
    show(report, "Taken back", manner.report, terminal)?;
    // What cannot be taken back was known, and the rest was asked for.
    let is_complete = if manner.partial { report.is_complete_but_for_blocked() } else { report.is_complete() };
    Ok(if is_complete { Exit::Done } else { Exit::Failed })
}

/// The last run that changed the machine and was not taken back.
fn last_run(machine: &dyn WritableMachine) -> Result<RunName, Failure> {
    let runs =
        history(machine.as_machine()).map_err(|unread| Failure::failed("cannot read the runs").because(unread))?;
    let left_something =
        |outcome: &RunOutcome| matches!(outcome, RunOutcome::Ended { ending } if ending.left_something());
    let is_candidate = |run: &&apply::PastRun| {
        matches!(run.purpose, Some(Purpose::Apply)) && left_something(&run.outcome) && run.taken_back_by.is_none()
    };
    runs.iter().find(is_candidate).map(|run| run.run.clone()).ok_or_else(|| {
        Failure::refused("there is no run to take back")
            .hint("`trueup history` lists the runs; a rollback is taken back by its name")
    })
}

fn take_back(
    run: &JournalRun,
    purpose: Purpose,
    machine: &dyn WritableMachine,
    key: Option<&HoldKey>,
    manner: &Manner<'_>,
    terminal: &Terminal,
) -> Outcome {
    let now = jiff::Timestamp::now();
    let hold = Hold::of(key);
    let steps = done_steps(machine.as_machine(), run).done_or_unknown();
    let is_undo = matches!(purpose, Purpose::Undo { .. });
    let options = PlanOptions { hold, ..PlanOptions::at(now) };
    let basis = RollbackBasis { run, steps: &steps, purpose, options };
    let facts = inputs::facts_of(machine.as_machine(), &basis, &NoSecrets)?;
    let plan = basis.plan(&facts).map_err(|error| Failure::failed("cannot plan the rollback").because(error))?;
    let owner = owner();
    let found: Vec<String> = plan.findings.iter().map(|finding| finding.code.to_string()).collect();
    let accept = if manner.accept_all { found.as_slice() } else { manner.accept };
    let apply_options = RunOptions {
        accept_unproven: manner.accept_unproven,
        ..options_of(&owner, now, key, accept, manner.service_timeout)
    };
    let name = &run.beginning.run;
    if manner.report.format == Format::Text || manner.only_plan {
        if manner.report.format == Format::Text {
            terminal.data(&format!("Taking back run {name}:\n\n"))?;
        }
        plan_command::show(&plan, manner.report, terminal)?;
    }
    if manner.only_plan {
        return Ok(Exit::Done);
    }
    refuse(&plan, accept)?;
    refuse_unproven(machine, &plan, manner.accept_unproven)?;
    let blocked = plan.summary().blocked;
    if blocked > 0 && !manner.partial {
        return Err(Failure::refused(format!(
            "{} of run {name} cannot be taken back",
            text::counted(blocked, "thing")
        ))
        .hint("`trueup rollback --plan` shows what is blocked; `trueup rollback --partial` takes back the rest"));
    }
    if plan.has_work() {
        approve(manner.auto_approve, "the plan", "Take this back?", terminal)?;
    } else {
        let what = if blocked > 0 { " that can be taken back" } else { "" };
        let end = if is_undo {
            settle(machine, run, &apply_options).map_err(failure)?;
            "the run is closed"
        } else {
            "nothing was done"
        };
        terminal.remark(&format!("Nothing of run {name}{what} is on the machine; {end}\n"), manner.report.format)?;
        return match manner.report.format {
            Format::Text => Ok(Exit::Done),
            Format::Json => tell(machine, &ApplyReport::nothing(&plan.summary(), plan.owed.clone()), manner, terminal),
        };
    }
    let mut bar = progress(manner.progress, terminal);
    let report = apply::apply(machine, &basis, &plan, &facts, &apply_options, &mut *bar).map_err(failure)?;
    drop(bar);
    tell(machine, &report, manner, terminal)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::arguments::{Arguments, Command};
    use super::*;

    /// The task runs when nobody is there to read an error.
    #[test]
    fn what_a_task_takes_a_run_back_with_is_understood() {
        for (hold_key, timeout) in [(None, None), (Some(Path::new("hold.key")), Some(Duration::from_seconds(600)))] {
            let mut line = vec!["trueup".to_owned()];
            line.extend(unless_confirmed("local", hold_key, timeout).unwrap());
            line.push("20260101T000000Z".to_owned());
            let Command::Rollback(options) = Arguments::try_parse_from(&line).unwrap().command else {
                panic!("{line:?}");
            };
            assert!(options.unless_confirmed && options.auto_approve && options.partial && options.accept_unproven);
            assert_eq!((options.run.as_deref(), &*options.machine.machine), (Some("20260101T000000Z"), "local"));
            assert_eq!((options.hold_key.is_some(), options.service_timeout), (hold_key.is_some(), timeout));
        }
    }
}
