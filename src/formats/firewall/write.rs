//! The text of a rule, made from the text that is there: what is right already keeps its bytes and its place, and what is
//! not understood is not touched.

use super::aspect::{Aspect, rank};
use super::draft::Draft;
use super::field::Saying;
use super::rule::Rule;
use super::text::{Field, RuleText, RuleVersion};

/// A field to be written, with what it says.
#[derive(Clone)]
struct Wanted {
    field: Field,
    saying: Saying,
}

impl RuleText {
    /// The text that says what the rule says: itself, when it does so already.
    ///
    /// The version stays, unless something new can only be said in a later one.
    #[must_use]
    pub fn with(&self, rule: &Rule) -> Self {
        let mut text = self.clone();
        let draft = rule.draft();
        for aspect in Aspect::ALL {
            text.put(aspect, &draft);
        }
        text
    }

    fn put(&mut self, aspect: Aspect, rule: &Draft) {
        if self.said(aspect).is_some_and(|said| said.sayings(aspect) == rule.sayings(aspect)) {
            return;
        }
        let wanted = wanted(&rule.sayings(aspect));
        let (kept, missing) = self.match_up(aspect, &wanted);
        // Parts of a set that are there are kept, when the rest is not more to write than what would be missing otherwise.
        let (kept, missing) = match self.parts(aspect, rule) {
            Some((parts, left)) if left.len() <= missing.len() => (parts, left),
            _ => (kept, missing),
        };
        self.replace(aspect, &kept, missing);
    }

    fn is_about(field: &Field, aspect: Aspect) -> bool {
        Aspect::of(field.name()) == Some(aspect)
    }

    /// What the text says about one thing; none when that is not understood.
    fn said(&self, aspect: Aspect) -> Option<Draft> {
        let fields: Vec<&Field> = self.fields.iter().filter(|field| Self::is_about(field, aspect)).collect();
        let is_repeated =
            |(at, field): (usize, &&Field)| fields.iter().take(at).any(|other| other.is_named(field.name()));
        if !aspect.repeats() && fields.iter().enumerate().any(is_repeated) {
            return None;
        }
        let mut draft = Draft::default();
        draft.say(fields.iter().map(|field| Saying::read(field).ok()).collect::<Option<Vec<_>>>()?.concat());
        Some(draft)
    }

    /// The places of fields that are wanted as they are, and the wanted fields that are not there.
    fn match_up(&self, aspect: Aspect, wanted: &[Wanted]) -> (Vec<usize>, Vec<Wanted>) {
        let mut missing = wanted.to_vec();
        let mut kept = Vec::new();
        let own = || self.fields.iter().enumerate().filter(|(_, field)| Self::is_about(field, aspect));
        for is_exact in [true, false] {
            for (at, field) in own() {
                let says = |saying: &Saying| Saying::read(field).is_ok_and(|said| said == [saying.clone()]);
                let fits = |each: &Wanted| if is_exact { each.field == *field } else { says(&each.saying) };
                if !kept.contains(&at)
                    && let Some(found) = missing.iter().position(fits)
                {
                    missing.remove(found);
                    kept.push(at);
                }
            }
        }
        (kept, missing)
    }

    /// The places of fields that name parts of a wanted set, and the fields for the rest; none for what is no set.
    fn parts(&self, aspect: Aspect, rule: &Draft) -> Option<(Vec<usize>, Vec<Wanted>)> {
        let mut said = Draft::default();
        let mut parts = Vec::new();
        for (at, field) in self.fields.iter().enumerate().filter(|(_, field)| Self::is_about(field, aspect)) {
            let Ok(sayings) = Saying::read(field) else { continue };
            let mut alone = Draft::default();
            alone.say(sayings.iter().cloned());
            if rule.left(&alone, aspect).is_some() {
                said.say(sayings);
                parts.push(at);
            }
        }
        Some((parts, wanted(&rule.left(&said, aspect)?)))
    }

    /// Takes out what is not kept and puts in what is missing: into the place of one of the same name, or where Windows would.
    fn replace(&mut self, aspect: Aspect, kept: &[usize], mut missing: Vec<Wanted>) {
        let since = missing.iter().map(|wanted| wanted.saying.since()).max();
        let mut at = 0;
        self.fields = std::mem::take(&mut self.fields)
            .into_iter()
            .filter_map(|mut field| {
                at += 1;
                if !Self::is_about(&field, aspect) || kept.contains(&(at - 1)) {
                    return Some(field);
                }
                let heir = missing.iter().position(|wanted| wanted.field.is_named(field.name()))?;
                field.set_value(missing.remove(heir).field.value().to_owned());
                Some(field)
            })
            .collect();
        for Wanted { field, .. } in missing {
            let own = rank(field.name());
            let is_before = |other: &Field| rank(other.name()).is_some_and(|other| Some(other) <= own);
            let place = self.fields.iter().rposition(is_before).map_or(0, |place| place + 1);
            self.fields.insert(place, field);
        }
        if let Some(since) = since {
            self.raise(since);
        }
    }
}

fn wanted(sayings: &[Saying]) -> Vec<Wanted> {
    let fields = |saying: &Saying| {
        let of = |field| Wanted { field, saying: saying.clone() };
        saying.write().into_iter().map(of).collect::<Vec<_>>()
    };
    sayings.iter().flat_map(fields).collect()
}

impl Rule {
    /// The text of a new rule, its fields in the order of Windows; the version is at least the one given.
    pub fn to_text(&self, version: RuleVersion) -> RuleText {
        let draft = self.draft();
        let mut sayings: Vec<Saying> = Aspect::ALL.into_iter().flat_map(|aspect| draft.sayings(aspect)).collect();
        let mut text = RuleText::empty(version);
        if let Some(since) = sayings.iter().map(Saying::since).max() {
            text.raise(since);
        }
        text.fields = sayings.drain(..).flat_map(|saying| saying.write()).collect();
        text.fields.sort_by_key(|field| rank(field.name()));
        text
    }
}
