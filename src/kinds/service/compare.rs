//! A service against what is there: the values of its key, part by part, and what the service manager says of it. Pure.

use super::account;
use super::parts::{Found, Sides};
use super::survey::{self, Survey};
use super::wanted::{Expiry, State, WantedService, probe};
use crate::formats::registry_values::ValueWrite;
use crate::formats::service::{ServiceName, ServicePart, StartType};
use crate::kinds::registry::{WantedData, WantedKey, WantedValue};
use crate::kinds::{Comparison, Context, Kind as _};
use crate::model::digest;
use crate::model::fact::{Facts, KeyAspects, KeyFact, KeyState, Queries, Unread, ValueSelection};
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe, ServiceState};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::setting::Setting;
use crate::model::source::Location;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// The section, which is also the first word of every reason.
pub const SECTION: &str = "services";

/// So many names are listed; of further ones the number.
const SHOWN: usize = 3;

pub const START: &str = "start";
pub const STATE: &str = "state";
pub const ACCOUNT: &str = "account";
pub const PASSWORD: &str = "password";
pub const DEPENDENCIES: &str = "dependencies";
pub const RECOVERY: &str = "recovery";

pub fn wants(wanted: &WantedService, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    let names = ServicePart::ALL.iter().flat_map(|part| part.values()).map(|name| (*name).into());
    let values = ValueSelection::Named(names.collect());
    queries.key(&wanted.key, KeyAspects { values, subkeys: true, ..KeyAspects::default() });
    if wanted.state.is_some() {
        queries.probe(wanted.probe());
    }
    if wanted.account.is_some() {
        account::wants(wanted, facts, queries);
    }
    survey::wants(wanted, facts, context, queries);
    for dependant in dependants(wanted, facts, context) {
        queries.probe(probe_of(&dependant, context));
    }
}

/// Who needs the service, when it is to stop and runs.
fn dependants(wanted: &WantedService, facts: &Facts, context: &Context<'_>) -> Vec<ServiceName> {
    if !wanted.is_to_be(State::Stopped, context.as_of) || !runs(&wanted.probe(), facts) {
        return Vec::new();
    }
    Survey::found(facts, context).graph.dependants(std::slice::from_ref(&wanted.name))
}

/// The question about a service, which is the document's own where it asks, too.
fn probe_of(service: &ServiceName, context: &Context<'_>) -> Probe {
    context.services().entry(service).map_or_else(|| probe(service), WantedService::probe)
}

fn runs(probe: &Probe, facts: &Facts) -> bool {
    matches!(facts.probe(probe), Some(Ok(Answer::State(state))) if *state != ServiceState::Stopped)
}

pub fn compare(wanted: &WantedService, facts: &Facts, context: &Context<'_>) -> Comparison {
    if let Some(Ok(KeyState::Absent { .. })) = facts.key(&wanted.key) {
        let message = format!("there is no service {}; the setup of its program makes it", wanted.name);
        return all(wanted, &Verdict::Blocked, &[Reason::with("services.absent", message)]);
    }
    let mut decisions = as_values(wanted, Vec::new()).compare(facts, context).decisions.into_iter();
    let Some(mut key) = decisions.next() else { return Comparison::default() };
    key.id = wanted.address();
    key.reasons.iter_mut().for_each(|reason| reason.move_to(SECTION));
    match (&key.verdict, facts.key(&wanted.key)) {
        (Verdict::Keep, Some(Ok(KeyState::Present(fact)))) => {
            let found = Found::of(fact);
            if !found.is_service() {
                let message = "the key is there, and describes no service";
                return all(wanted, &Verdict::Blocked, &[Reason::with("services.absent", message)]);
            }
            let entry = EntryView { wanted, fact, found, facts, context };
            let mut decisions = vec![key];
            decisions.extend(entry.parts());
            Comparison { decisions, ..Comparison::default() }
        }
        (verdict, _) => all(wanted, verdict, &key.reasons),
    }
}

/// Every resource of the entry with the same verdict.
fn all(wanted: &WantedService, verdict: &Verdict, reasons: &[Reason]) -> Comparison {
    let decision =
        |(id, at)| Decision { verdict: verdict.clone(), reasons: reasons.to_vec(), ..Decision::keep(id, at) };
    Comparison { decisions: wanted.resources().into_iter().map(decision).collect(), ..Comparison::default() }
}

/// Values of the service's key as an entry of the registry.
fn as_values(wanted: &WantedService, writes: Vec<ValueWrite>) -> WantedKey {
    let value = |write: ValueWrite| WantedValue {
        name: write.name.into(),
        at: wanted.at,
        data: write.data.map_or(WantedData::Absent, WantedData::Data),
        expires: None,
    };
    let id = ResourceId::new("registry", wanted.key.as_str());
    WantedKey::of_values(id, wanted.key.clone(), wanted.at, &wanted.common, writes.into_iter().map(value).collect())
}

pub(super) struct EntryView<'a> {
    pub wanted: &'a WantedService,
    pub fact: &'a KeyFact,
    pub found: Found<'a>,
    pub facts: &'a Facts,
    pub context: &'a Context<'a>,
}

impl EntryView<'_> {
    /// In the order in which they have to change: the state last, for it rests on all others.
    fn parts(&self) -> Vec<Decision> {
        let wanted = self.wanted;
        let mut parts = Vec::new();
        if let Some(start) = wanted.start_at(self.context.as_of) {
            let is_for_drivers = start.value.start_type() != StartType::Delayed;
            let decision = self.part(START, start.at, is_for_drivers, "services.start_differs", |found| {
                found.start(start.value.start_type())
            });
            let then = |expiry: &Expiry| Some(expiry.start.as_ref()?.value.words());
            parts.push(self.expiring(decision, wanted.start.as_ref().map(|start| start.value.words()), then));
        }
        if let Some(account) = &wanted.account {
            parts.extend(account::compare(self, &account.value, account.at));
        }
        if let Some(dependencies) = &wanted.dependencies {
            parts.push(self.part(DEPENDENCIES, dependencies.at, true, "services.dependencies_differ", |found| {
                found.dependencies(&dependencies.value)
            }));
        }
        if let Some(recovery) = &wanted.recovery {
            parts.push(self.part(RECOVERY, recovery.at, false, "services.recovery_differs", |found| {
                found.recovery(&recovery.value)
            }));
        }
        if let Some(state) = wanted.state_at(self.context.as_of) {
            let decision = self.state(state.value, state.at);
            let then = |expiry: &Expiry| Some(expiry.state.as_ref()?.value.word());
            parts.push(self.expiring(decision, wanted.state.as_ref().map(|state| state.value.word()), then));
        }
        parts
    }

    /// A part that is something else from a point in time on: both are what the document asks for.
    fn expiring(
        &self,
        mut decision: Decision,
        words: Option<&'static str>,
        then: impl FnOnce(&Expiry) -> Option<&'static str>,
    ) -> Decision {
        let Some(expiry) = &self.wanted.expires else { return decision };
        let (Some(words), Some(then)) = (words, then(expiry)) else { return decision };
        if let Some(trace) = &mut decision.trace {
            let on = expiry.on.as_nanosecond().to_le_bytes();
            trace.wanted = digest::of(&[b"expires", words.as_bytes(), &on, then.as_bytes()]);
        }
        if self.context.as_of >= expiry.on && matches!(decision.verdict, Verdict::Change { .. }) {
            decision.reasons.insert(0, Reason::with("services.expired", format!("expired on {}", expiry.on)));
        }
        decision
    }

    pub(super) fn id(&self, part: &str) -> ResourceId {
        ResourceId::part_of(&self.wanted.address(), part)
    }

    pub(super) fn blocked(
        &self,
        part: &str,
        at: Location,
        code: &'static str,
        message: impl Into<Box<str>>,
    ) -> Decision {
        Decision::blocked(self.id(part), at, Reason::with(code, message)).written_at(self.fact.last_written)
    }

    pub(super) fn part(
        &self,
        part: &str,
        at: Location,
        is_for_drivers: bool,
        code: &'static str,
        sides: impl FnOnce(&Found<'_>) -> Sides,
    ) -> Decision {
        if self.found.is_driver() && !is_for_drivers {
            let message = format!("{} is a driver, and drivers know of no such thing", self.wanted.name);
            return self.blocked(part, at, "services.driver", message);
        }
        let sides = sides(&self.found);
        let found = digest::of(&[b"service", sides.found.as_bytes()]);
        let mut steps: Vec<Operation> = Vec::new();
        for decision in as_values(self.wanted, sides.writes).compare(self.facts, self.context).decisions {
            if let Verdict::Change { operations, .. } = decision.verdict {
                steps.extend(operations);
            }
        }
        if steps.is_empty() {
            return Decision::keep(self.id(part), at).written_at(self.fact.last_written).traced(Trace::same(found));
        }
        let operation = Operation::Configure {
            setting: Setting::Service { service: self.wanted.name.as_str().into() },
            before: Some(sides.before.into()),
            after: Some(sides.after.into()),
            steps,
        };
        let reason = match sides.malformed {
            Some(message) => Reason::with("services.malformed", message),
            None => Reason::code(code),
        };
        let wanted = digest::of(&[b"service", sides.target.as_bytes()]);
        Decision::change(self.id(part), at, Action::Update, reason, vec![operation])
            .written_at(self.fact.last_written)
            .traced(Trace { wanted, found, secret: None })
    }

    fn state(&self, wanted: State, at: Location) -> Decision {
        let id = self.id(STATE);
        let found = match self.facts.probe(&self.wanted.probe()) {
            Some(Ok(Answer::State(found))) => *found,
            Some(Ok(_)) => {
                let message = "the service manager does not know it: it was made or removed since the machine started";
                return self.blocked(STATE, at, "services.absent", message);
            }
            Some(Err(unread)) => {
                let (verdict, code) = match unread {
                    Unread::Unsupported { .. } => (Verdict::Deferred, "services.unsupported"),
                    Unread::NotCaptured { .. } => (Verdict::Blocked, "services.not_captured"),
                    Unread::Refused { .. } => (Verdict::Blocked, "services.refused"),
                    Unread::Failed { .. } => (Verdict::Blocked, "services.unreadable"),
                };
                let reasons = vec![Reason::with(code, unread.to_string())];
                return Decision { verdict, reasons, ..Decision::keep(id, at) };
            }
            None => return self.blocked(STATE, at, "services.unreadable", "the machine was not asked"),
        };
        let digest = |state: ServiceState| digest::of(&[b"state", Answer::State(state).to_string().as_bytes()]);
        let wanted_state = wanted.service_state();
        if found == wanted_state {
            return Decision::keep(id, at).traced(Trace::same(digest(found)));
        }
        if let Some((code, message)) = self.in_the_way(wanted, found) {
            return self.blocked(STATE, at, code, message);
        }
        let operation = Operation::Adjust {
            what: self.wanted.probe(),
            before: Answer::State(found),
            after: Answer::State(wanted_state),
        };
        let trace = Trace { wanted: digest(wanted_state), found: digest(found), secret: None };
        Decision::change(id, at, Action::Update, Reason::code("services.state_differs"), vec![operation]).traced(trace)
    }

    /// Why the service cannot get into the state.
    fn in_the_way(&self, wanted: State, found: ServiceState) -> Option<(&'static str, String)> {
        if found == ServiceState::Changing {
            return Some(("services.changing", "it is on its way to another state: plan again".to_owned()));
        }
        let start = self
            .wanted
            .start_at(self.context.as_of)
            .map(|start| start.value.start_type())
            .or_else(|| self.found.start_type());
        if wanted == State::Running && found == ServiceState::Stopped && start == Some(StartType::Disabled) {
            return Some(("services.disabled", "it is disabled: say when it starts, too".to_owned()));
        }
        let (_, running) = running_dependants(self.wanted, self.facts, self.context);
        (!running.is_empty()).then(|| {
            let message = format!("needed by what runs: give `state: stopped` to {}, too", listed(&running));
            ("services.dependants_run", message)
        })
    }
}

/// Who needs the service that is to stop, and runs: those that are to stop, too, and all others.
pub fn running_dependants(
    wanted: &WantedService,
    facts: &Facts,
    context: &Context<'_>,
) -> (Vec<ServiceName>, Vec<ServiceName>) {
    let mut dependants = dependants(wanted, facts, context);
    dependants.retain(|name| runs(&probe_of(name, context), facts));
    let is_to_stop = |name: &ServiceName| {
        context.services().entry(name).is_some_and(|entry| entry.is_to_be(State::Stopped, context.as_of))
    };
    dependants.into_iter().partition(is_to_stop)
}

/// Names in a row.
pub fn listed(names: &[ServiceName]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(ServiceName::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
