//! Registry settings against what is there: one decision for the key and one for each value. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use super::moved::{Found, found, now};
use super::security::{self, SecurityOutcome};
use super::trace;
use super::wanted::{WantedData, WantedKey, WantedValue};
use crate::formats::upcase;
use crate::kinds::{Comparison, Context, Kind as _};
use crate::model::common::Ensure;
use crate::model::digest;
use crate::model::fact::{
    Facts, KeyAspects, KeyFact, KeyState, Observed, Queries, Stored, Unread, ValueFact, ValueSelection,
};
use crate::model::fingerprint::Fingerprint;
use crate::model::operation::{Expression, Operation};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::type_name;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// Asks for what the entry names, and for no more.
pub fn wants(wanted: &WantedKey, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    let here = now(&wanted.key, facts, context);
    if wanted.common.ensure == Ensure::Absent {
        queries.key(&here, KeyAspects { tree: true, ..KeyAspects::default() });
        return;
    }
    let aspects = aspects(wanted, facts, context);
    for value in &wanted.values {
        match value.data_at(context.as_of) {
            WantedData::Secret { value_type, reference } => queries.secret(reference, *value_type),
            // Beside a secret, or in place of one, plain data are compared as one.
            WantedData::Data(data) if aspects.sealed.iter().any(|name| upcase::eq(name, &value.name)) => {
                queries.fingerprint(data);
            }
            WantedData::Data(_) | WantedData::Absent => {}
        }
    }
    let source = wanted.renamed_from.as_ref().map(|from| now(&from.value, facts, context));
    if let Some(source) = &source {
        queries.key(source, aspects.clone());
    }
    queries.key(&here, aspects);
    security::wants(wanted, facts, context, queries);
    // What is made below a link would be made elsewhere.
    if let Ok(Found::Absent { ancestor_now, .. }) = found(&wanted.key, facts, context) {
        queries.key(&ancestor_now, KeyAspects::default());
    }
    if wanted.exclusive_keys {
        for place in source.iter().chain([&here]) {
            for (_, subkey) in unnamed_subkeys(wanted, place, facts, context) {
                queries.key(&subkey, KeyAspects { tree: true, ..KeyAspects::default() });
            }
        }
    }
}

fn aspects(wanted: &WantedKey, facts: &Facts, context: &Context<'_>) -> KeyAspects {
    let named = || {
        let values = wanted.values.iter().map(|value| value.name.clone());
        values.chain(wanted.ranges.iter().map(|range| range.name.clone())).collect()
    };
    let all = wanted.exclusive || wanted.report_unmanaged || context.survey;
    // What is there may be a secret of the time before the expiry, or already the one of the time after it.
    let sealed =
        wanted.values.iter().filter(|value| value.alternatives().any(|data| matches!(data, WantedData::Secret { .. })));
    KeyAspects {
        values: if all { ValueSelection::All } else { ValueSelection::Named(named()) },
        sealed: sealed.map(|value| value.name.clone()).chain(remembered_secrets(wanted, facts)).collect(),
        subkeys: wanted.exclusive_keys || wanted.report_unmanaged || context.survey,
        security: wanted.security.is_some(),
        tree: false,
    }
}

/// The values that were written as secrets once, whatever the document says of them by now.
fn remembered_secrets(wanted: &WantedKey, facts: &Facts) -> Vec<Box<str>> {
    let Some(record) = facts.remembered() else { return Vec::new() };
    let former = wanted.renamed_from.as_ref().map(|from| ResourceId::new("registry", from.value.as_str()));
    let entries = former.iter().chain([&wanted.address()]).filter_map(|id| record.entry(id)).collect::<Vec<_>>();
    let secrets = entries.iter().flat_map(|entry| &entry.parts.0).filter(|(_, trace)| trace.secret.is_some());
    secrets.map(|(name, _)| name.clone()).collect()
}

/// Decides about the key and each of its values.
pub fn compare(wanted: &WantedKey, facts: &Facts, context: &Context<'_>) -> Comparison {
    let entry = EntryView { wanted, id: wanted.address() };
    let state = match found(&wanted.key, facts, context) {
        Ok(state) => state,
        Err(unread) => return entry.unread(&unread),
    };
    if wanted.common.ensure == Ensure::Absent {
        return entry.removal(&state);
    }
    if let Found::Absent { ancestor_now, .. } = &state {
        match observed(facts, ancestor_now) {
            Ok(KeyState::Present(above)) if above.link => return entry.refused(above, "registry.link"),
            Ok(_) => {}
            Err(unread) => return entry.unread(&unread),
        }
    }
    match (state, entry.renamed_from(facts, context)) {
        (_, Err(unread)) => entry.unread(&unread),
        (Found::Present(fact), _) if fact.link => entry.refused(fact, "registry.link"),
        (Found::Present(fact), Ok(None)) => entry.existing(fact, facts, context),
        (Found::Present(fact), Ok(Some((from, _)))) => {
            let mut comparison = entry.existing(fact, facts, context);
            let message = format!("{from} is there as well as {}", wanted.key);
            comparison.decisions.insert(
                0,
                Decision::blocked(entry.id.clone(), wanted.at, Reason::with("registry.rename_target_exists", message)),
            );
            comparison
        }
        (Found::Absent { .. }, Ok(Some((_, source)))) if source.link => entry.refused(source, "registry.link"),
        (Found::Absent { ancestor, .. }, Ok(Some((from, source)))) => {
            entry.rename(&ancestor, from, source, facts, context)
        }
        (Found::Absent { ancestor, ancestor_now }, Ok(None)) => {
            entry.creation(&ancestor, &ancestor_now, facts, context)
        }
    }
}

/// The answer about a key; a question that nobody asked is a failed read, not an absence.
pub fn observed<'f>(facts: &'f Facts, key: &RegistryKey) -> Observed<&'f KeyState> {
    match facts.key(key) {
        Some(Ok(state)) => Ok(state),
        Some(Err(unread)) => Err(unread.clone()),
        None => Err(Unread::Failed { what: key.to_string(), detail: "the machine was not asked".into() }),
    }
}

/// The subkeys found at `place`, where what will be the entry's key lies now, that no entry of the document speaks of:
/// each as it will be called, and where it lies now.
fn unnamed_subkeys(
    wanted: &WantedKey,
    place: &RegistryKey,
    facts: &Facts,
    context: &Context<'_>,
) -> Vec<(RegistryKey, RegistryKey)> {
    let Ok(Some(fact)) = observed(facts, place).map(KeyState::present) else { return Vec::new() };
    let below = fact.subkeys.iter().filter_map(|name| Some((wanted.key.child(name).ok()?, place.child(name).ok()?)));
    below.filter(|(key, _)| !context.names_key(key)).collect()
}

struct EntryView<'a> {
    wanted: &'a WantedKey,
    id: ResourceId,
}

impl EntryView<'_> {
    fn part(&self, name: &str) -> ResourceId {
        ResourceId::part_of(&self.id, name)
    }

    /// Every resource of the entry with the same verdict: the key and each value.
    fn all(&self, verdict: &Verdict, reason: &Reason) -> Comparison {
        let decision = |id: ResourceId, at: Location| Decision {
            verdict: verdict.clone(),
            reasons: vec![reason.clone()],
            ..Decision::keep(id, at)
        };
        let key = decision(self.id.clone(), self.wanted.at);
        let values = self.wanted.values.iter().map(|value| decision(self.part(&value.name), value.at));
        Comparison { decisions: std::iter::once(key).chain(values).collect(), ..Comparison::default() }
    }

    fn unread(&self, unread: &Unread) -> Comparison {
        let (verdict, code) = match unread {
            Unread::Unsupported { .. } => (Verdict::Deferred, "registry.unsupported"),
            Unread::NotCaptured { .. } => (Verdict::Blocked, "registry.not_captured"),
            Unread::Refused { .. } => (Verdict::Blocked, "registry.refused"),
            Unread::Failed { .. } => (Verdict::Blocked, "registry.unreadable"),
        };
        self.all(&verdict, &Reason::with(code, unread.to_string()))
    }

    fn refused(&self, fact: &KeyFact, code: &'static str) -> Comparison {
        let mut comparison = self.all(&Verdict::Blocked, &Reason::code(code));
        for decision in &mut comparison.decisions {
            decision.last_written = Some(fact.last_written);
        }
        comparison
    }

    fn removal(&self, state: &Found<'_>) -> Comparison {
        let Found::Present(fact) = state else {
            let kept = Decision::keep(self.id.clone(), self.wanted.at);
            return Comparison::one(kept.traced(trace::of_key(self.wanted, None)));
        };
        if fact.link {
            return self.refused(fact, "registry.link");
        }
        let removal = tree_removal(&self.wanted.key, fact, self.id.clone(), self.wanted.at, "registry.not_wanted");
        Comparison::one(removal.traced(trace::of_key(self.wanted, Some(fact))))
    }

    fn renamed_from<'f>(
        &self,
        facts: &'f Facts,
        context: &Context<'_>,
    ) -> Observed<Option<(&RegistryKey, &'f KeyFact)>> {
        let Some(from) = &self.wanted.renamed_from else { return Ok(None) };
        Ok(observed(facts, &now(&from.value, facts, context))?.present().map(|fact| (&from.value, fact)))
    }

    fn existing(&self, fact: &KeyFact, facts: &Facts, context: &Context<'_>) -> Comparison {
        let mut key = Decision::keep(self.id.clone(), self.wanted.at)
            .written_at(fact.last_written)
            .traced(trace::of_key(self.wanted, Some(fact)));
        self.add_security(&mut key, fact.security.as_ref(), facts);
        let mut comparison = Comparison::one(key);
        comparison.decisions.reserve(self.wanted.values.len());
        self.values(&mut comparison, Some(fact), facts, context);
        self.unnamed(&mut comparison, fact, &now(&self.wanted.key, facts, context), facts, context);
        comparison
    }

    fn creation(
        &self,
        ancestor: &RegistryKey,
        ancestor_now: &RegistryKey,
        facts: &Facts,
        context: &Context<'_>,
    ) -> Comparison {
        let operations = creations(ancestor, &self.wanted.key);
        let reason = Reason::code("registry.key_absent");
        let mut key = Decision::change(self.id.clone(), self.wanted.at, Action::Create, reason, operations)
            .traced(trace::of_key(self.wanted, None));
        match security::inherited(&self.wanted.key, ancestor, ancestor_now, facts, context) {
            Ok(inherited) => self.add_security(&mut key, inherited.as_ref(), facts),
            Err(unread) if self.wanted.security.is_some() => return self.unread(&unread),
            Err(_) => {}
        }
        if let Some(comparison) = self.without_key(&key) {
            return comparison;
        }
        let mut comparison = Comparison::one(key);
        self.values(&mut comparison, None, facts, context);
        comparison
    }

    /// The whole entry blocked, when the key that it needs will not be there.
    fn without_key(&self, key: &Decision) -> Option<Comparison> {
        let reason = key.reasons.first().filter(|_| key.verdict == Verdict::Blocked)?;
        Some(self.all(&Verdict::Blocked, reason))
    }

    fn rename(
        &self,
        ancestor: &RegistryKey,
        from: &RegistryKey,
        source: &KeyFact,
        facts: &Facts,
        context: &Context<'_>,
    ) -> Comparison {
        let mut operations = self.wanted.key.parent().map(|parent| creations(ancestor, &parent)).unwrap_or_default();
        // In the case found, so that it can be moved back to that very name.
        let found_name = source.name.as_deref().and_then(|name| from.parent()?.child(name).ok());
        let spelled = found_name.unwrap_or_else(|| from.clone());
        operations.push(Operation::RenameRegistryKey { from: spelled, to: self.wanted.key.clone() });
        let reason = Reason::with("registry.renamed", format!("was {from}"));
        let mut key = Decision::change(self.id.clone(), self.wanted.at, Action::Update, reason, operations)
            .written_at(source.last_written)
            .traced(trace::of_key(self.wanted, None));
        self.add_security(&mut key, source.security.as_ref(), facts);
        if let Some(comparison) = self.without_key(&key) {
            return comparison;
        }
        let mut comparison = Comparison::one(key);
        self.values(&mut comparison, Some(source), facts, context);
        self.unnamed(&mut comparison, source, &now(from, facts, context), facts, context);
        comparison
    }

    /// Joins what the key's security needs to the decision about the key.
    fn add_security(&self, key: &mut Decision, found: Option<&Arc<[u8]>>, facts: &Facts) {
        match security::compare(self.wanted, found, facts) {
            SecurityOutcome::Holds => {}
            SecurityOutcome::Refused(reason) => {
                key.verdict = Verdict::Blocked;
                key.reasons = vec![reason];
            }
            SecurityOutcome::Differs { operation, reason } => {
                key.reasons.push(reason);
                if let Verdict::Change { operations, .. } = &mut key.verdict {
                    operations.push(*operation);
                } else {
                    key.verdict = Verdict::Change { action: Action::Update, operations: vec![*operation] };
                }
            }
        }
    }

    fn values(&self, comparison: &mut Comparison, fact: Option<&KeyFact>, facts: &Facts, context: &Context<'_>) {
        for value in &self.wanted.values {
            let found = fact.and_then(|fact| fact.value(&value.name));
            let mut decision = self.value(value, found, facts, context).traced(trace::of_value(value, found));
            if found.is_some_and(|found| found.data.plain().is_none())
                && let (Verdict::Keep, WantedData::Data(data), Some(trace)) =
                    (&decision.verdict, value.data_at(context.as_of), &mut decision.trace)
            {
                // What is sealed and the same is known after all.
                trace.found = digest::of_data(data);
            }
            if let (Some(expiry), Verdict::Change { .. }) = (&value.expires, &decision.verdict)
                && value.is_expired(context.as_of)
            {
                decision.reasons.insert(0, Reason::with("registry.expired", format!("expired on {}", expiry.on)));
            }
            decision.last_written = fact.map(|fact| fact.last_written);
            comparison.decisions.push(decision);
        }
    }

    fn value(&self, value: &WantedValue, fact: Option<&ValueFact>, facts: &Facts, context: &Context<'_>) -> Decision {
        let id = self.part(&value.name);
        let found = fact.map(|fact| &fact.data);
        let put = |action, reason, after| {
            let operation = Operation::PutRegistryValue {
                key: self.wanted.key.clone(),
                name: value.name.clone(),
                before: found.cloned(),
                after,
            };
            Decision::change(id.clone(), value.at, action, reason, vec![operation])
        };
        match (value.data_at(context.as_of), found) {
            (WantedData::Absent, None) => Decision::keep(id, value.at),
            (WantedData::Absent, Some(before)) => {
                let name = fact.map_or(&value.name, |fact| &fact.name);
                self.value_removal(id, value.at, name, before, "registry.not_wanted")
            }
            (WantedData::Data(data), None) => {
                put(Action::Create, Reason::code("registry.absent"), Expression::Registry(data.clone()))
            }
            (WantedData::Data(data), Some(Stored::Plain(before))) if data == before => Decision::keep(id, value.at),
            // Sealed because the value is, was or will be a secret: compared as one.
            (WantedData::Data(data), Some(Stored::Sealed { sealed_type, .. })) if *sealed_type == data.value_type => {
                let after = || Expression::Registry(data.clone());
                match (fact.and_then(|fact| fact.fingerprint), facts.fingerprint(data)) {
                    (Some(found), Some(wanted)) if found == wanted => Decision::keep(id, value.at),
                    (Some(_), Some(_)) => put(Action::Update, Reason::code("registry.data_differs"), after()),
                    _ if context.rewrite_secrets => put(Action::Update, Reason::code("secret.rewritten"), after()),
                    _ => unverifiable(id, value.at, Reason::code("secret.no_fingerprint")),
                }
            }
            (WantedData::Data(data), Some(before)) => {
                let reason = difference(data.value_type, before);
                put(Action::Update, reason, Expression::Registry(data.clone()))
            }
            (WantedData::Secret { value_type, reference }, found) => {
                let after = || Expression::Secret { value_type: *value_type, reference: reference.clone() };
                match found {
                    None => put(Action::Create, Reason::code("registry.absent"), after()),
                    Some(before) if before.value_type() != *value_type => {
                        put(Action::Update, difference(*value_type, before), after())
                    }
                    Some(_) => match same_secret(fact, facts.secret(reference, *value_type)) {
                        Ok(true) => Decision::keep(id, value.at),
                        Ok(false) => put(Action::Update, Reason::code("secret.differs"), after()),
                        Err(_) if context.rewrite_secrets => {
                            put(Action::Update, Reason::code("secret.rewritten"), after())
                        }
                        Err(reason) => unverifiable(id, value.at, reason),
                    },
                }
            }
        }
    }

    fn value_removal(&self, id: ResourceId, at: Location, name: &str, before: &Stored, code: &'static str) -> Decision {
        let key = self.wanted.key.clone();
        let operation = Operation::RemoveRegistryValue { key, name: name.into(), before: before.clone() };
        Decision::change(id, at, Action::Delete, Reason::code(code), vec![operation])
    }

    /// What is there and not named: removed where the entry owns the set, else listed where it asks for that.
    fn unnamed(
        &self,
        comparison: &mut Comparison,
        fact: &KeyFact,
        place: &RegistryKey,
        facts: &Facts,
        context: &Context<'_>,
    ) {
        let wanted = self.wanted;
        if wanted.exclusive || wanted.report_unmanaged || context.survey {
            let named: HashSet<String> = wanted.values.iter().map(|value| upcase::fold(&value.name)).collect();
            for found in fact.values().into_iter().filter(|found| !named.contains(&upcase::fold(&found.name))) {
                let id = self.part(&found.name);
                if !wanted.exclusive {
                    comparison.unmanaged.push(id);
                } else if is_unaddressable(&found.name) {
                    comparison.decisions.push(Decision::blocked(id, wanted.at, Reason::code("registry.unaddressable")));
                } else {
                    comparison.decisions.push(
                        self.value_removal(id, wanted.at, &found.name, &found.data, "registry.not_named")
                            .written_at(fact.last_written),
                    );
                }
            }
        }
        if wanted.exclusive_keys || wanted.report_unmanaged || context.survey {
            let judged = wanted.exclusive_keys || wanted.report_unmanaged;
            for name in fact.subkeys.iter().filter(|name| judged && is_unaddressable(name)) {
                let id = ResourceId::new("registry", format!("{}\\{name}", wanted.key));
                comparison.decisions.push(Decision::blocked(id, wanted.at, Reason::code("registry.unaddressable")));
            }
            let unnamed = unnamed_subkeys(wanted, place, facts, context);
            for (subkey, subkey_now) in unnamed.into_iter().filter(|(key, _)| !is_unaddressable(key.name())) {
                let id = ResourceId::new("registry", subkey.as_str());
                if !wanted.exclusive_keys {
                    comparison.unmanaged.push(id);
                    continue;
                }
                comparison.decisions.push(match observed(facts, &subkey_now) {
                    Ok(KeyState::Present(found)) if found.link => {
                        Decision::blocked(id, wanted.at, Reason::code("registry.link")).written_at(found.last_written)
                    }
                    Ok(KeyState::Present(found)) => tree_removal(&subkey, found, id, wanted.at, "registry.not_named"),
                    Ok(KeyState::Absent { .. }) => Decision::keep(id, wanted.at),
                    Err(unread) => {
                        Decision::blocked(id, wanted.at, Reason::with("registry.unreadable", unread.to_string()))
                    }
                });
            }
        }
    }
}

fn unverifiable(id: ResourceId, at: Location, reason: Reason) -> Decision {
    Decision { verdict: Verdict::Unverifiable, reasons: vec![reason], ..Decision::keep(id, at) }
}

/// Whether what is there is the secret, by their fingerprints; else why nothing can tell.
fn same_secret(fact: Option<&ValueFact>, secret: Option<&Result<Fingerprint, Box<str>>>) -> Result<bool, Reason> {
    match (fact.and_then(|fact| fact.fingerprint), secret) {
        (Some(found), Some(Ok(secret))) => Ok(found == *secret),
        (Some(_), Some(Err(detail))) => Err(Reason::with("secret.unresolved", detail.clone())),
        (None, _) | (_, None) => Err(Reason::code("secret.no_fingerprint")),
    }
}

/// A name that holds half a surrogate pair is shown with U+FFFD and cannot be named.
fn is_unaddressable(name: &str) -> bool {
    name.contains('\u{FFFD}')
}

fn difference(wanted_type: u32, before: &Stored) -> Reason {
    let found_type = before.value_type();
    if found_type != wanted_type {
        let message = format!("{} instead of {}", type_name(found_type), type_name(wanted_type));
        return Reason::with("registry.type_differs", message);
    }
    match before.plain() {
        Some(data) if !data.is_well_formed() => Reason::code("registry.malformed"),
        _ => Reason::code("registry.data_differs"),
    }
}

/// The steps that make `key` and every missing key above it.
fn creations(ancestor: &RegistryKey, key: &RegistryKey) -> Vec<Operation> {
    let mut missing = Vec::new();
    let mut next = Some(key.clone());
    while let Some(key) = next.filter(|key| key.is_below(ancestor)) {
        next = key.parent();
        missing.push(Operation::CreateRegistryKey { key });
    }
    missing.reverse();
    missing
}

fn tree_removal(key: &RegistryKey, fact: &KeyFact, id: ResourceId, at: Location, code: &'static str) -> Decision {
    let Some(tree) = &fact.tree else {
        let message = "what lies below the key was not read";
        return Decision::blocked(id, at, Reason::with("registry.unreadable", message));
    };
    let (keys, values) = tree.size();
    let reason = Reason::with(code, format!("{} and {} go", count(keys, "key"), count(values, "value")));
    let operation = Operation::RemoveRegistryTree { key: key.clone(), before: tree.clone() };
    Decision::change(id, at, Action::Delete, reason, vec![operation]).written_at(fact.last_written)
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
