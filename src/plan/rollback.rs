//! A rollback is a plan: the inverse of each step of a run, last first, against what is there now. Pure.
//!
//! What is as it was before the run needs nothing; what is neither as the run left it nor as it was before has been changed by
//! somebody else, and is left alone.

use std::collections::HashMap;
use std::sync::Arc;

use super::alike::{same_content, same_data, says_same_content, upcase};
use super::next_start::{self, TakenBackThen};
use super::passwords;
use super::places;
use super::protection::{Occasion, Protected, lost_protected};
use super::{EntrySpan, Plan, PlanOptions, lint};
use crate::formats::certificate_store::BLOB;
use crate::formats::meaning::is_same;
use crate::kinds::answer::holds;
use crate::model::fact::{Facts, KeyAspects, KeyState, Observed, Queries, Stored, Unread, ValueFact, ValueSelection};
use crate::model::operation::{Expression, Operation};
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_tree::{Node, Performed, place};
use crate::model::resource::ResourceId;
use crate::model::setting::Setting;
use crate::model::source::Location;
use crate::model::time::FileTime;
use crate::model::verdict::{Action, Decision, Finding, Reason, Severity, Verdict};

/// The steps of a run that were done, in their order.
pub type Steps<'s> = &'s [(ResourceId, Operation)];

/// What must happen for the run to take effect, and so for its undoing; and how it left each file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effects<'e> {
    pub reboot: bool,
    pub restarts: &'e [Box<str>],
    pub stop_first: &'e [Box<str>],
    /// What tells the state of each part that the run changed, before and after, in its order.
    pub parts: &'e [PartStates<'e>],
}

/// A part that a run changed and what tells its states; `None` when it was not there.
#[derive(Clone, Copy, Debug)]
pub struct PartStates<'e> {
    pub part: &'e str,
    pub before: Option<&'e str>,
    pub after: Option<&'e str>,
}

/// Asks for all that the inverses of the steps rest on.
pub fn queries(steps: Steps<'_>) -> Queries {
    let mut queries = Queries::default();
    let none = KeyAspects::default;
    let moves = Moves::of(steps);
    if steps.iter().any(|(_, operation)| passwords::may_lose(operation)) {
        queries.probe(Probe::ServicePasswords);
    }
    let plain = steps.iter().enumerate().flat_map(|(number, (_, operation))| {
        let plain = operation.plain_steps().iter();
        plain.map(move |operation| (number, operation))
    });
    for (number, operation) in plain {
        let Some(key) = operation.registry_key() else {
            places::ask(operation, &mut queries);
            continue;
        };
        let mut ask = |key: &RegistryKey, aspects: KeyAspects| {
            moves.places(key, number).iter().for_each(|place| queries.key(place, aspects.clone()));
        };
        match operation {
            // A key that was made is removed again when nothing else has come to lie in it.
            Operation::CreateRegistryKey { .. } | Operation::PutRegistryTree { .. } => {
                ask(key, KeyAspects { tree: true, ..none() });
            }
            Operation::PutRegistryValue { name, before, after, .. } => {
                let values = ValueSelection::Named(vec![name.clone()]);
                let is_sealed = |stored: &Stored| matches!(stored, Stored::Sealed { .. });
                let is_secret = is_sealed(&after.stored()) || before.as_ref().is_some_and(is_sealed);
                let sealed = if is_secret { vec![name.clone()] } else { Vec::new() };
                ask(key, KeyAspects { values, sealed, ..none() });
            }
            Operation::RemoveRegistryValue { name, before, .. } => {
                let values = ValueSelection::Named(vec![name.clone()]);
                let sealed = if matches!(before, Stored::Sealed { .. }) { vec![name.clone()] } else { Vec::new() };
                ask(key, KeyAspects { values, sealed, ..none() });
            }
            Operation::RemoveRegistryTree { .. } => {
                ask(key, KeyAspects { tree: true, ..none() });
                ask(&key.parent().unwrap_or_else(|| key.clone()), none());
            }
            Operation::RenameRegistryKey { from, to } => {
                ask(to, none());
                ask(from, none());
                ask(&from.parent().unwrap_or_else(|| from.clone()), none());
            }
            Operation::PutRegistrySecurity { .. } => ask(key, KeyAspects { security: true, ..none() }),
            _ => {}
        }
    }
    queries
}

/// Where keys lie that later steps moved.
struct Moves<'s>(Vec<(usize, &'s RegistryKey, &'s RegistryKey)>);

impl<'s> Moves<'s> {
    fn of(steps: Steps<'s>) -> Self {
        let moves = steps.iter().enumerate().filter_map(|(number, (_, operation))| match operation {
            Operation::RenameRegistryKey { from, to } => Some((number, from, to)),
            _ => None,
        });
        Self(moves.collect())
    }

    /// Where what lay at `key` after the step `number` may lie: there, where later steps moved it, and on the way, as far as those were
    /// taken back already.
    fn places(&self, key: &RegistryKey, number: usize) -> Vec<RegistryKey> {
        let mut places = vec![key.clone()];
        for (_, from, to) in self.0.iter().filter(|(at, _, _)| *at > number) {
            places.extend(places.last().and_then(|key| key.moved(from, to)));
        }
        places
    }
}

/// The plan that takes the steps back.
pub fn build<'s>(steps: Steps<'s>, effects: Effects<'s>, facts: &'s Facts, options: PlanOptions) -> Plan {
    let restart: Arc<[Box<str>]> = effects.restarts.into();
    let stop_first: Arc<[Box<str>]> = effects.stop_first.into();
    let mut scene = Scene::new(facts, effects.parts);
    let mut plan = Plan {
        machine: facts.identity.clone().unwrap_or_default(),
        owed: facts.remembered().map(|record| record.owed.clone()).unwrap_or_default(),
        hold: options.hold,
        ..Plan::new(options.as_of)
    };
    for (what, unread) in facts.unread() {
        let severity = match unread {
            Unread::Unsupported { .. } => Severity::Info,
            _ => Severity::Error,
        };
        plan.findings.push(Finding {
            severity,
            code: "rollback.unreadable".into(),
            message: format!("{what}: {unread}"),
            hint: None,
            id: None,
            at: None,
        });
    }
    lint::unreadable_record(facts, &mut plan);
    lint::unknown_next_start(facts, &mut plan);
    // Later steps first; the steps of one resource stay together.
    let mut numbered: Vec<(usize, &(ResourceId, Operation))> = steps.iter().enumerate().collect();
    numbered.reverse();
    for run in numbered.chunk_by(|(_, a), (_, b)| a.0 == b.0) {
        let Some((_, (id, _))) = run.first() else { continue };
        let start = plan.decisions.len();
        for mut decision in decide(id, run, &mut scene) {
            decision.reboot = effects.reboot;
            decision.restart = Arc::clone(&restart);
            decision.stop_first = Arc::clone(&stop_first);
            plan.decisions.push(decision);
        }
        let end = plan.decisions.len();
        let first = plan.decisions.get(start).map(|decision| decision.id.entry());
        let before = start.checked_sub(1).and_then(|last| plan.decisions.get(last)).map(|last| last.id.entry());
        match plan.after.entries.last_mut().filter(|_| first.is_some() && first == before) {
            Some(span) => span.end = end,
            None => plan.after.entries.push(EntrySpan { start, end, needs: Vec::new() }),
        }
    }
    plan.order_restarts(facts);
    if let Some(record) = facts.remembered() {
        let protected = Protected::in_record(record, &plan);
        let lost = lost_protected(&plan, &protected, Occasion::Rollback);
        plan.findings.extend(lost);
    }
    plan
}

/// What becomes of one resource: what can be taken back is, beside what cannot.
fn decide<'e>(id: &ResourceId, steps: &[(usize, &'e (ResourceId, Operation))], scene: &mut Scene<'e>) -> Vec<Decision> {
    let mut operations = Vec::new();
    let mut reasons = Vec::new();
    let mut blocked = Vec::new();
    let mut waits = false;
    for (_, (_, operation)) in steps {
        if scene.next_start.takes_back(operation, &scene.files) {
            waits = true;
            continue;
        }
        let inverse = scene.inverse(operation);
        // First: what the run put off to the next start must not be done then. What somebody else has changed since is left alone.
        if !matches!(inverse, Inverse::Moved(_)) {
            operations.extend(scene.next_start.left_alone(operation, matches!(inverse, Inverse::Nothing)));
        }
        let (code, why) = match inverse {
            Inverse::Nothing => continue,
            Inverse::Step(step) => {
                operations.push(*step);
                continue;
            }
            Inverse::Partly(step, why) => {
                operations.push(*step);
                reasons.push(Reason::with("rollback.partly", why));
                continue;
            }
            Inverse::Never(why) => ("rollback.irreversible", why),
            Inverse::Moved(why) => ("rollback.changed_since", why),
        };
        // A key above the resource stays by its own name.
        let id = if operation.is_shared() { operation.address() } else { None }.unwrap_or_else(|| id.clone());
        blocked.push(Decision::blocked(id, Location::default(), Reason::with(code, why)));
    }
    let Some(action) = action_of(&operations) else {
        if waits {
            blocked.insert(0, next_start::taken_back(id));
        }
        return if blocked.is_empty() { vec![Decision::keep(id.clone(), Location::default())] } else { blocked };
    };
    let back = operations.iter().rev().find_map(|operation| match operation {
        Operation::RenameRegistryKey { to, .. } => Some(format!("back to {to}")),
        _ => None,
    });
    let code = "rollback.taken_back";
    reasons.insert(0, back.map_or(Reason::code(code), |back| Reason::with(code, back)));
    let change = Decision {
        reasons,
        verdict: Verdict::Change { action, operations },
        ..Decision::keep(id.clone(), Location::default())
    };
    std::iter::once(change).chain(blocked).collect()
}

fn action_of(operations: &[Operation]) -> Option<Action> {
    let last = operations.last()?;
    Some(match last {
        Operation::Configure { steps, .. } => return action_of(steps),
        Operation::RemoveRegistryTree { .. }
        | Operation::RemoveRegistryValue { .. }
        | Operation::RemoveFile { .. }
        | Operation::RemoveFolder { .. }
        | Operation::RemoveCertificate { .. }
        | Operation::RemoveKey { .. } => Action::Delete,
        Operation::PutRegistryTree { .. }
        | Operation::CreateRegistryKey { .. }
        | Operation::PutRegistryValue { before: None, .. }
        | Operation::CreateFolder { .. }
        | Operation::PutFile { before: None, .. }
        | Operation::CreateFile { .. }
        | Operation::ImportKey { .. }
        | Operation::PutCertificate { before: None, .. } => Action::Create,
        Operation::PutRegistryValue { .. }
        | Operation::RenameRegistryKey { .. }
        | Operation::PutRegistrySecurity { .. }
        | Operation::PutFile { .. }
        | Operation::PutCertificate { .. }
        | Operation::EditFile { .. }
        | Operation::Adjust { .. }
        | Operation::Issue(_) => Action::Update,
    })
}

/// What takes a step back, as things are.
pub(super) enum Inverse {
    /// It is as it was before the step already.
    Nothing,
    Step(Box<Operation>),
    /// As far as it goes, and what is missing.
    Partly(Box<Operation>, String),
    /// Nobody kept what was there.
    Never(String),
    /// Somebody else has changed it since.
    Moved(String),
}

/// The registry as far as the rollback knows it, with the inverses so far done.
struct Scene<'e> {
    next_start: TakenBackThen<'e>,
    top: Node,
    files: places::Files<'e>,
    probes: HashMap<Probe, Observed<Answer>>,
}

impl<'e> Scene<'e> {
    fn new(facts: &'e Facts, parts: &'e [PartStates<'e>]) -> Self {
        let mut top = Node::default();
        let mut known: Vec<_> = facts.asked().into_iter().map(|(key, _)| key).collect();
        // What is said of a key alone is nearer the truth than what a tree above says of it.
        known.sort_by_key(|key| key.depth());
        for key in known {
            match facts.key(key) {
                Some(Ok(KeyState::Present(fact))) => {
                    let node = Self::node(&mut top, key);
                    let name = fact.name.clone().unwrap_or_else(|| key.name().into());
                    if let Some(tree) = &fact.tree {
                        *node = Node { name, ..Node::from_tree(tree) };
                    }
                    if let Some(security) = &fact.security {
                        node.security = Arc::clone(security);
                    }
                    for value in fact.values() {
                        node.values.insert(upcase(&value.name), value.clone());
                    }
                }
                Some(Ok(KeyState::Absent { ancestor })) => drop(Self::node(&mut top, ancestor)),
                _ => {}
            }
        }
        let probes = facts.probes().map(|(probe, answer)| (probe.clone(), answer.clone())).collect();
        let next_start = TakenBackThen::new(facts, parts);
        Self { next_start, top, files: places::Files::new(facts, parts), probes }
    }

    fn node<'n>(top: &'n mut Node, key: &RegistryKey) -> &'n mut Node {
        let mut node = top;
        for name in place(key) {
            node = node.subkeys.entry(name.into()).or_insert_with(|| Node { name: name.into(), ..Node::default() });
        }
        node
    }

    fn find(&self, key: &RegistryKey) -> Option<&Node> {
        self.top.descend(place(key).into_iter()).ok()
    }

    fn has_parent(&self, key: &RegistryKey) -> bool {
        key.parent().is_some_and(|parent| self.find(&parent).is_some())
    }

    /// Finds the inverse of a step, and does it here.
    fn inverse(&mut self, operation: &Operation) -> Inverse {
        let inverse = self.find_inverse(operation, None);
        if let Inverse::Step(step) | Inverse::Partly(step, _) = &inverse {
            if step.file().is_some() {
                self.files.perform(step);
                return inverse;
            }
            for plain in step.plain_steps().iter().filter(|plain| plain.registry_key().is_some()) {
                let value = match plain {
                    Operation::PutRegistryValue { after, .. } => Some(after.stored()),
                    _ => None,
                };
                let performed =
                    Performed { operation: plain, value, tree: None, inherit: &|security| Some(Arc::from(security)) };
                if let Err(detail) = self.top.perform(&performed, FileTime(0)) {
                    return Inverse::Moved(format!("cannot {plain}: {detail}"));
                }
            }
        }
        inverse
    }

    /// Of a thing with an interface of its own, what is there is known again by what it says: the interface writes it in its own way.
    fn find_inverse(&self, operation: &Operation, setting: Option<&Setting>) -> Inverse {
        match operation {
            Operation::CreateRegistryKey { key } => match self.find(key) {
                None => Inverse::Nothing,
                Some(node) if node.values.is_empty() && node.subkeys.is_empty() => {
                    Inverse::Step(Box::new(Operation::RemoveRegistryTree {
                        key: key.clone(),
                        before: Box::new(node.to_tree()),
                    }))
                }
                Some(node) => Inverse::Moved(format!("{key} holds {}", contents(node))),
            },
            Operation::PutRegistryTree { key, after } => match self.find(key) {
                None => Inverse::Nothing,
                Some(node) if same_content(&node.to_tree(), after) || says_same_content(setting, node, after) => {
                    Inverse::Step(Box::new(Operation::RemoveRegistryTree {
                        key: key.clone(),
                        before: Box::new(node.to_tree()),
                    }))
                }
                Some(_) => Inverse::Moved(format!("{key} is not what was put back")),
            },
            Operation::PutRegistryValue { key, name, before, after } => {
                self.value_back(key, name, (before.as_ref(), Some(&after.stored())), setting)
            }
            Operation::RemoveRegistryValue { key, name, before } => {
                self.value_back(key, name, (Some(before), None), setting)
            }
            Operation::RemoveRegistryTree { key, before } => match self.find(key) {
                Some(node) if same_content(&node.to_tree(), before) => Inverse::Nothing,
                Some(_) => Inverse::Moved(format!("{key} is there again")),
                None if !self.has_parent(key) => Inverse::Moved(format!("the key above {key} is not there any more")),
                None => {
                    let step = Box::new(Operation::PutRegistryTree { key: key.clone(), after: before.clone() });
                    let mut lost = 0;
                    before.any_value(&mut |value| {
                        lost += usize::from(matches!(value.data, Stored::Sealed { held: None, .. }));
                        false
                    });
                    match lost {
                        0 => Inverse::Step(step),
                        1 => Inverse::Partly(step, "1 secret in it was not kept".into()),
                        lost => Inverse::Partly(step, format!("{lost} secrets in it were not kept")),
                    }
                }
            },
            Operation::RenameRegistryKey { from, to } => match (self.find(from), self.find(to)) {
                (Some(node), Some(_)) if place(from) == place(to) && *node.name != *to.name() => Inverse::Nothing,
                (None, Some(_)) if !self.has_parent(from) => {
                    Inverse::Moved(format!("the key above {from} is not there any more"))
                }
                (None, Some(_)) => {
                    Inverse::Step(Box::new(Operation::RenameRegistryKey { from: to.clone(), to: from.clone() }))
                }
                (Some(_), Some(_)) if place(from) == place(to) => {
                    Inverse::Step(Box::new(Operation::RenameRegistryKey { from: to.clone(), to: from.clone() }))
                }
                (Some(_), None) => Inverse::Nothing,
                (Some(_), Some(_)) => Inverse::Moved(format!("{from} is there again, beside {to}")),
                (None, None) => Inverse::Moved(format!("{to} is not there any more")),
            },
            Operation::PutRegistrySecurity { key, before, after } => match self.find(key) {
                None => Inverse::Moved(format!("{key} is not there any more")),
                Some(node) if node.security == *before => Inverse::Nothing,
                Some(node) if node.security == *after => Inverse::Step(Box::new(Operation::PutRegistrySecurity {
                    key: key.clone(),
                    before: Arc::clone(after),
                    after: Arc::clone(before),
                })),
                Some(_) => Inverse::Moved(format!("the security of {key} is another one by now")),
            },
            Operation::Issue(_) => Inverse::Nothing,
            Operation::PutCertificate { .. } | Operation::RemoveCertificate { .. } => {
                let key = places::certificate_key(operation);
                let value = key.and_then(|key| self.find(&key)?.values.get(&upcase(BLOB)));
                places::certificate_back(operation, value.and_then(|value| value.data.plain()))
            }
            Operation::ImportKey { .. } => match operation.key_place() {
                Some(place) => {
                    let found = self.probes.get(&Probe::KeySecurity { place: place.clone() });
                    places::key_back(place, found)
                }
                None => Inverse::Nothing,
            },
            Operation::RemoveKey { place } => Inverse::Never(format!("{place} was not kept")),
            Operation::CreateFolder { .. }
            | Operation::RemoveFolder { .. }
            | Operation::PutFile { .. }
            | Operation::RemoveFile { .. }
            | Operation::CreateFile { .. }
            | Operation::EditFile { .. } => self.files.back(operation),
            Operation::Configure { setting, before, after, steps } => {
                self.setting_back(setting, (before.clone(), after.clone()), steps)
            }
            // What was made in the run goes with all that was set of it.
            Operation::Adjust { what: Probe::FileSecurity { .. }, before: Answer::Absent, .. } => Inverse::Nothing,
            Operation::Adjust { what: Probe::NextStart { .. }, .. } => {
                Inverse::Never("what the next start was to do with it was not kept".into())
            }
            Operation::Adjust { what, before, after } => match self.probes.get(what) {
                Some(Ok(found)) if holds(found, before) => Inverse::Nothing,
                Some(Ok(found)) if holds(found, after) => Inverse::Step(Box::new(Operation::Adjust {
                    what: what.clone(),
                    before: found.clone(),
                    after: before.clone(),
                })),
                Some(Ok(found)) => Inverse::Moved(format!("{what}: {found} by now")),
                Some(Err(unread)) => Inverse::Moved(unread.to_string()),
                None => Inverse::Moved(format!("{what} was not looked at")),
            },
        }
    }

    /// All steps of a thing with an interface of its own, last first; a key that they made goes with all that they put into it.
    fn setting_back(
        &self,
        setting: &Setting,
        (before, after): (Option<Box<str>>, Option<Box<str>>),
        steps: &[Operation],
    ) -> Inverse {
        let configure = |steps| {
            // Without a password: an account that needs one does not come back.
            let setting = match setting {
                Setting::ServiceAccount { service, .. } => Setting::Service { service: service.clone() },
                setting => setting.clone(),
            };
            Inverse::Step(Box::new(Operation::Configure { setting, before: after, after: before, steps }))
        };
        let made = steps.iter().find_map(|step| match step {
            Operation::CreateRegistryKey { key } => Some(key),
            _ => None,
        });
        if made.is_some_and(|key| self.find(key).is_none()) {
            return Inverse::Nothing;
        }
        let mut back = Vec::new();
        let mut names: Vec<Box<str>> = Vec::new();
        for step in steps.iter().rev() {
            if let Operation::PutRegistryValue { name, .. } = step {
                names.push(upcase(name));
            }
            match self.find_inverse(step, Some(setting)) {
                _ if matches!(step, Operation::CreateRegistryKey { .. }) => {}
                Inverse::Nothing => {}
                Inverse::Step(step) => back.push(*step),
                other => return other,
            }
        }
        let has_manager = matches!(self.probes.get(&Probe::ServicePasswords), Some(Ok(Answer::Flag(true))));
        if let Some(why) = passwords::lost(setting, steps, !back.is_empty(), has_manager) {
            return Inverse::Never(why);
        }
        // An interface may write also what counts where nothing is said.
        let is_own = |name: &str, value: &ValueFact| {
            let is_default = || value.data.plain().is_some_and(|data| is_same(setting, name, Some(data), None));
            names.iter().any(|own| **own == *name) || is_default()
        };
        match made.and_then(|key| Some((key, self.find(key)?))) {
            Some((key, node))
                if node.subkeys.is_empty() && node.values.iter().all(|(name, value)| is_own(name, value)) =>
            {
                let before = Box::new(node.to_tree());
                configure(vec![Operation::RemoveRegistryTree { key: key.clone(), before }])
            }
            Some((key, node)) => Inverse::Moved(format!("{key} holds {}", contents(node))),
            None if back.is_empty() => Inverse::Nothing,
            None => configure(back),
        }
    }

    fn value_back(
        &self,
        key: &RegistryKey,
        name: &str,
        (before, after): (Option<&Stored>, Option<&Stored>),
        setting: Option<&Setting>,
    ) -> Inverse {
        let Some(node) = self.find(key) else {
            return match before {
                None => Inverse::Nothing,
                Some(_) => Inverse::Moved(format!("{key} is not there any more")),
            };
        };
        let found = node.values.get(&upcase(name)).map(|value| &value.data);
        let is_as = |wanted: Option<&Stored>| match (found, wanted) {
            (None, None) => true,
            (Some(found), Some(wanted)) => same_data(found, wanted),
            _ => false,
        };
        // Sealed data look alike before and after: the step was done, so they are taken back.
        let tells_apart = !matches!((before, after), (Some(Stored::Sealed { .. }), Some(Stored::Sealed { .. })));
        // An interface writes in its own way what it was told.
        let says = |wanted: Option<&Stored>| {
            let is_plain = [found, wanted].iter().flatten().all(|stored| stored.plain().is_some());
            let (found, wanted) = (found.and_then(Stored::plain), wanted.and_then(Stored::plain));
            is_plain && setting.is_some_and(|setting| is_same(setting, name, found, wanted))
        };
        if (is_as(before) && tells_apart) || (!is_as(after) && says(before)) {
            return Inverse::Nothing;
        }
        if !is_as(after) && !says(after) {
            return Inverse::Moved("it is neither as the run left it nor as it was before".into());
        }
        match before {
            None => match found {
                None => Inverse::Nothing,
                Some(found) => Inverse::Step(Box::new(Operation::RemoveRegistryValue {
                    key: key.clone(),
                    name: name.into(),
                    before: found.clone(),
                })),
            },
            Some(before) => match Expression::of(before) {
                Some(expression) => Inverse::Step(Box::new(Operation::PutRegistryValue {
                    key: key.clone(),
                    name: name.into(),
                    before: found.cloned(),
                    after: expression,
                })),
                None => Inverse::Never("the secret that was there was not kept".into()),
            },
        }
    }
}

fn contents(node: &Node) -> String {
    let (values, keys) = (node.values.len(), node.subkeys.len());
    let counted = |number: usize, noun: &str| match number {
        0 => None,
        1 => Some(format!("1 {noun}")),
        number => Some(format!("{number} {noun}s")),
    };
    let parts: Vec<String> = [counted(values, "value"), counted(keys, "key")].into_iter().flatten().collect();
    format!("{} that the run did not put there", parts.join(" and "))
}
