//! The restarts that a run owes: stopped dependants first, started the other way round, once, at the end.
//!
//! What will be started is in the record before anything is stopped, so that a crash in between leaves it owed.

use super::remember::Recalled;
use super::{ApplyError, ApplyOptions, OnFailure, Progress, chain};
use crate::formats::service::{DependencyGraph, ServiceName};
use crate::formats::upcase;
use crate::machine::{Machine, RunName, ServiceControl, WriteError, Writer};
use crate::model::probe::ServiceState;
use crate::model::remembered::{Owed, OwedSince};

/// What became of one service.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ServiceOutcome {
    pub service: Box<str>,
    /// Nobody asked to restart it: it needs one that restarts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dependant: bool,
    #[serde(flatten)]
    pub outcome: Restarted,
}

/// How a restart went.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Restarted {
    Done,
    /// It did not run, so it will start with what is there now.
    NotRunning,
    /// The machine has no such service.
    Missing,
    /// Still owed.
    Failed {
        detail: String,
    },
}

impl ServiceOutcome {
    /// The service and why it failed.
    fn failure(&self) -> Option<(&str, &str)> {
        match &self.outcome {
            Restarted::Failed { detail } => Some((&self.service, detail)),
            Restarted::Done | Restarted::NotRunning | Restarted::Missing => None,
        }
    }
}

/// The run that turns services, and its time.
#[derive(Clone, Copy)]
pub struct By<'r> {
    pub run: &'r RunName,
    pub now: jiff::Timestamp,
}

impl By<'_> {
    fn since(self) -> OwedSince {
        OwedSince { run: self.run.to_string().into(), at: self.now, start: true }
    }
}

/// Which of the owed restarts are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Only what this or an earlier run has stopped.
    Stopped,
}

impl Which {
    /// Nothing more is done after a failure that stops the run, but what was stopped for it starts again.
    pub const fn after(has_failed: bool, on_failure: OnFailure) -> Self {
        match on_failure {
            OnFailure::Stop if has_failed => Self::Stopped,
            _ => Self::All,
        }
    }
}

/// Services that stop and start together.
struct Round {
    stop: Vec<ServiceName>,
    start: Vec<ServiceName>,
    outcomes: Vec<ServiceOutcome>,
}

/// Does the restarts that are owed, where the machine can, and takes them off what is owed. Services that did not come back stay owed.
///
/// # Errors
/// The record cannot be written, or the machine stopped.
pub fn discharge(
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    recalled: &mut Recalled,
    owed: &mut Owed,
    which: Which,
    by: By<'_>,
    progress: &mut dyn Progress,
) -> Result<Vec<ServiceOutcome>, ApplyError> {
    let is_due = |since: &OwedSince| since.start || which == Which::All;
    let asked: Vec<Box<str>> =
        owed.restarts.iter().filter(|(_, since)| is_due(since)).map(|(name, _)| name.clone()).collect();
    if asked.is_empty() || writer.services().is_none() {
        return Ok(Vec::new());
    }
    let graph = machine.services().map_err(ApplyError::Services)?.graph;
    let Some(control) = writer.services() else { return Ok(Vec::new()) };
    let mut round = prepare(control, &graph, &asked, owed, &by.since(), recalled);
    recalled.owes(owed, writer, by.run)?;
    if let Some(control) = writer.services() {
        perform(control, &mut round, owed, progress)?;
    }
    Ok(round.outcomes)
}

/// Stops the services that must not run through the run, with what needs them; they are owed from then on.
///
/// # Errors
/// One of them does not stop: those that did run again. Or the record cannot be written.
pub fn stop_first(
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    recalled: &mut Recalled,
    names: &[Box<str>],
    by: By<'_>,
    progress: &mut dyn Progress,
) -> Result<(), ApplyError> {
    if names.is_empty() || writer.services().is_none() {
        return Ok(());
    }
    let graph = machine.services().map_err(ApplyError::Services)?.graph;
    let mut owed = recalled.owed();
    let before = owed.clone();
    let Some(control) = writer.services() else { return Ok(()) };
    let round = prepare(control, &graph, names, &mut owed, &by.since(), recalled);
    if let Some((service, detail)) = round.outcomes.iter().find_map(ServiceOutcome::failure) {
        return Err(ApplyError::NotStopped { service: service.to_owned(), detail: detail.to_owned() });
    }
    if round.stop.is_empty() {
        return Ok(());
    }
    recalled.owes(&owed, writer, by.run)?;
    let Some(control) = writer.services() else { return Ok(()) };
    progress.phase("stop", round.stop.len());
    for (number, service) in round.stop.iter().enumerate() {
        let Err(error) = wait(progress, "stop", service, || control.stop(service)) else { continue };
        if matches!(error, WriteError::Stopped { .. }) {
            return Err(error.into());
        }
        for stopped in round.stop.iter().take(number).rev() {
            match wait(progress, "start", stopped, || control.start(stopped)) {
                Err(error @ WriteError::Stopped { .. }) => return Err(error.into()),
                // It stays owed, to be started by the next run.
                Err(_) => {}
                Ok(()) => restore(&mut owed, &before, stopped),
            }
        }
        round.stop.iter().skip(number).for_each(|running| restore(&mut owed, &before, running));
        recalled.owes(&owed, writer, by.run)?;
        return Err(ApplyError::NotStopped { service: service.to_string(), detail: chain(&error) });
    }
    Ok(())
}

fn restore(owed: &mut Owed, before: &Owed, service: &ServiceName) {
    let key = known(owed, service);
    match before.restarts.get(&key) {
        Some(since) => drop(owed.restarts.insert(key, since.clone())),
        None => drop(owed.restarts.remove(&key)),
    }
}

/// Starts what a run has stopped and could not start again, because it did not come to its end; what fails stays owed.
pub fn start_again(
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    run: &RunName,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) {
    let Ok(mut recalled) = Recalled::of(machine, options) else { return };
    let mut owed = recalled.owed();
    // The error that the run ended with is told; this one would hide it.
    let discharged =
        discharge(machine, writer, &mut recalled, &mut owed, Which::Stopped, By { run, now: options.now }, progress);
    if discharged.is_ok_and(|outcomes| !outcomes.is_empty()) {
        let _still_owed_where_this_fails = recalled.owes(&owed, writer, run);
    }
}

/// The name under which a service is owed, whatever its case.
fn known(owed: &Owed, service: &ServiceName) -> Box<str> {
    let name = owed.restarts.keys().find(|known| upcase::eq(known, service.as_str()));
    name.cloned().unwrap_or_else(|| service.as_str().into())
}

/// Finds out what runs, and notes it as what will have to be started.
fn prepare(
    control: &mut dyn ServiceControl,
    graph: &DependencyGraph,
    asked: &[Box<str>],
    owed: &mut Owed,
    since: &OwedSince,
    recalled: &Recalled,
) -> Round {
    let mut round = Round { stop: Vec::new(), start: Vec::new(), outcomes: Vec::new() };
    let mut names: Vec<ServiceName> = Vec::with_capacity(asked.len());
    for name in asked {
        match name.parse() {
            Ok(service) => names.push(service),
            Err(error) => round.outcomes.push(outcome(name, false, Restarted::Failed { detail: format!("{error}") })),
        }
    }
    let order = graph.restart_order(&names);
    for missing in &order.missing {
        owed.restarts.remove(&known(owed, missing));
        round.outcomes.push(outcome(missing.as_str(), false, Restarted::Missing));
    }
    let mut stopped: Vec<&ServiceName> = Vec::new();
    for service in &order.stop {
        let is_asked = names.contains(service);
        let key = known(owed, service);
        let known = owed.restarts.get(&key);
        let is_started = known.is_some_and(|since| since.start);
        // It was stopped, and the system that started since has started it.
        let is_back = known.is_some_and(|since| since.start && recalled.is_before_start(since));
        match control.state(service) {
            Ok(None | Some(ServiceState::Stopped)) if is_started => stopped.push(service),
            Ok(None | Some(ServiceState::Stopped)) => {
                owed.restarts.remove(&key);
                if is_asked {
                    round.outcomes.push(outcome(service.as_str(), false, Restarted::NotRunning));
                }
            }
            Ok(Some(_)) if is_back => drop(owed.restarts.remove(&key)),
            Ok(Some(_)) => {
                owed.restarts.entry(key).or_insert_with(|| since.clone()).start = true;
                round.stop.push(service.clone());
            }
            Err(unread) => {
                let failed = Restarted::Failed { detail: unread.to_string() };
                round.outcomes.push(outcome(service.as_str(), !is_asked, failed));
            }
        }
    }
    let starts = |service: &&ServiceName| round.stop.contains(*service) || stopped.contains(service);
    round.start = order.start.iter().filter(starts).cloned().collect();
    let dependants = order.stop.iter().filter(|service| !names.contains(*service));
    // Told in the order in which they start.
    let is_dependant: Vec<&ServiceName> = dependants.collect();
    let told =
        round.start.iter().map(|service| outcome(service.as_str(), is_dependant.contains(&service), Restarted::Done));
    let told: Vec<ServiceOutcome> = told.collect();
    round.outcomes.extend(told);
    round
}

fn outcome(service: &str, dependant: bool, outcome: Restarted) -> ServiceOutcome {
    ServiceOutcome { service: service.into(), dependant, outcome }
}

/// Tells which service is waited for while it turns.
fn wait(
    progress: &mut dyn Progress,
    verb: &str,
    service: &ServiceName,
    turn: impl FnOnce() -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    progress.waits_for(&format_args!("{verb} the service {service}"));
    let turned = turn();
    progress.step();
    turned
}

/// Stops, then starts; only a machine that stopped ends it early.
fn perform(
    control: &mut dyn ServiceControl,
    round: &mut Round,
    owed: &mut Owed,
    progress: &mut dyn Progress,
) -> Result<(), WriteError> {
    progress.phase("restart", round.stop.len() + round.start.len());
    let mut failed: Vec<(ServiceName, String)> = Vec::new();
    for service in &round.stop {
        match wait(progress, "stop", service, || control.stop(service)) {
            Ok(()) => {}
            Err(error @ WriteError::Stopped { .. }) => return Err(error),
            Err(error) => failed.push((service.clone(), chain(&error))),
        }
    }
    for service in &round.start {
        // What did not stop still runs.
        if failed.iter().any(|(name, _)| name == service) {
            let key = known(owed, service);
            let is_dependant = round.outcomes.iter().any(|one| one.dependant && *one.service == *service.as_str());
            if is_dependant {
                owed.restarts.remove(&key);
            } else if let Some(since) = owed.restarts.get_mut(&key) {
                since.start = false;
            }
            continue;
        }
        match wait(progress, "start", service, || control.start(service)) {
            Ok(()) => drop(owed.restarts.remove(&known(owed, service))),
            Err(error @ WriteError::Stopped { .. }) => return Err(error),
            Err(error) => failed.push((service.clone(), chain(&error))),
        }
    }
    for one in &mut round.outcomes {
        if let Some((_, detail)) = failed.iter().find(|(name, _)| upcase::eq(name.as_str(), &one.service)) {
            one.outcome = Restarted::Failed { detail: detail.clone() };
        }
    }
    Ok(())
}
