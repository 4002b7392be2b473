//! Laying one document over another: mappings merge, all else is replaced, and what was replaced is remembered.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::kinds::sections::{MergeRule, SECTIONS};
use crate::model::node::{Content, Mapping, Node};
use crate::model::source::Location;

/// Which places lost to which: for each winning key, the keys that it stands for, latest first.
#[derive(Clone, Debug, Default)]
pub struct Overridden(BTreeMap<Location, Vec<Location>>);

impl Overridden {
    /// The places whose value was replaced by the one at `winner`, the last replaced first.
    pub fn losers(&self, winner: Location) -> &[Location] {
        self.0.get(&winner).map_or(&[], Vec::as_slice)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn record(&mut self, winner: Location, loser: Location) {
        // One text under two aliases wins over itself in place only.
        if winner == loser {
            return;
        }
        let mut losers = vec![loser];
        losers.extend(self.0.remove(&loser).unwrap_or_default());
        self.0.entry(winner).or_default().extend(losers);
    }
}

/// Lays `over` on `base`.
pub fn merge<'s>(base: &mut Mapping<'s>, over: Mapping<'s>, overridden: &mut Overridden) {
    merge_at(base, over, &mut Vec::new(), overridden);
}

fn merge_at<'s>(base: &mut Mapping<'s>, over: Mapping<'s>, path: &mut Vec<String>, overridden: &mut Overridden) {
    if base.entries.is_empty() {
        *base = over;
        return;
    }
    // The keys of `over` differ from each other: what is added here need not be found again.
    let index = Index::new(base, over.entries.len());
    for (key, node) in over.entries {
        let Some((held_key, held)) = index.find(base, &key.text).and_then(|at| base.entries.get_mut(at)) else {
            base.entries.push((key, node));
            continue;
        };
        path.push(key.text.clone().into_owned());
        match (&mut held.content, node.content) {
            (Content::Mapping(held_entries), Content::Mapping(entries)) if rule(path) == MergeRule::Merge => {
                merge_at(held_entries, entries, path, overridden);
                held.at = node.at;
            }
            (_, content) => {
                overridden.record(key.at, held_key.at);
                *held = Node { at: node.at, content };
            }
        }
        path.pop();
        *held_key = key;
    }
}

/// The rule at a path from the document's root, or from the root of one of its `machines`.
fn rule(path: &[String]) -> MergeRule {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let path = match path.as_slice() {
        ["machines", _, inner @ ..] => inner,
        whole => whole,
    };
    match path {
        [name, below @ ..] => SECTIONS
            .iter()
            .find(|section| section.name == *name)
            .map_or(MergeRule::Merge, |section| (section.merge_rule)(below)),
        [] => MergeRule::Merge,
    }
}

/// Finds keys by name: by looking through a few, by hash in many.
enum Index<'s> {
    Linear,
    Hashed(HashMap<Cow<'s, str>, usize>),
}

impl<'s> Index<'s> {
    fn new(base: &Mapping<'s>, lookups: usize) -> Self {
        if base.entries.len().saturating_add(lookups) <= 16 {
            return Self::Linear;
        }
        Self::Hashed(base.entries.iter().enumerate().map(|(at, (key, _))| (key.text.clone(), at)).collect())
    }

    fn find(&self, base: &Mapping<'s>, name: &str) -> Option<usize> {
        match self {
            Self::Linear => base.entries.iter().position(|(key, _)| key.text == name),
            Self::Hashed(index) => index.get(name).copied(),
        }
    }
}
