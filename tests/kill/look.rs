//! What the hives of the volume say, key by key, and where a run was when it was killed.

use std::collections::BTreeMap;
use std::path::Path;

use trueup::apply::{CommitState, RunState, past_run};
use trueup::formats::regf::{Hive, Key, Name, check};
use trueup::machine::Machine as _;
use trueup::machine::RunName;
use trueup::machine::image::{DirtyHives, ImageMachine};

use super::large::{BALLAST, HIVES, MADE};
use crate::program::Folder;

/// By path, a checksum of a key's name, class, security and values.
pub type Content = BTreeMap<String, u32>;

/// Everything in both hives. Each hive passes the check, and what is nobody's business is as it was made.
pub fn content(folder: &Folder) -> Content {
    let mut content = Content::new();
    for name in HIVES {
        let bytes = folder.read(name);
        assert_eq!(check(&bytes).unwrap(), [], "{name}");
        let hive = Hive::open(&bytes).unwrap();
        let top = if name.ends_with("SYSTEM") { "SYSTEM" } else { "SOFTWARE" };
        add(&hive.root().unwrap(), top.to_owned(), &mut content);
    }
    content
}

fn add(key: &Key<'_>, path: String, content: &mut Content) {
    let mut sum = crc32fast::Hasher::new();
    sum.update(key.class().unwrap());
    sum.update(key.security().unwrap());
    let mut values: Vec<_> = key.values().map(Result::unwrap).map(|value| (text(value.name()), value)).collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, value) in values {
        let data = value.data().unwrap();
        sum.update(format!("{name}\0{}\0{}\0", value.value_type(), data.len()).as_bytes());
        sum.update(&data);
    }
    if path.split('\\').nth(1) == Some(BALLAST) {
        assert_eq!(key.last_written(), MADE, "{path} was written");
    }
    for subkey in key.subkeys() {
        let subkey = subkey.unwrap();
        add(&subkey, format!("{path}\\{}", text(subkey.name())), content);
    }
    assert!(content.insert(path, sum.finalize()).is_none());
}

fn text(name: Name<'_>) -> String {
    name.text.into_owned()
}

/// The paths at which two contents differ.
pub fn differences(a: &Content, b: &Content) -> Vec<String> {
    a.keys().chain(b.keys()).filter(|path| a.get(*path) != b.get(*path)).cloned().collect()
}

pub fn machine(folder: &Path) -> ImageMachine {
    ImageMachine::open(folder, DirtyHives::Refuse).expect("it is a volume")
}

/// Where a run was when it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Before its journal.
    Unwritten,
    /// Before the commit was durable.
    Before,
    /// Within the commit: so many of the hives were replaced.
    Within(usize),
    /// After the commit, before the end.
    After,
    Ended,
}

/// Where the newest run was, when there are more runs than `before`.
pub fn moment(folder: &Path, before: &[RunName]) -> Moment {
    let machine = machine(folder);
    let runs = machine.runs().unwrap();
    let Some(last) = runs.last().filter(|_| runs.len() > before.len()) else { return Moment::Unwritten };
    let Ok(run) = past_run(&machine, last) else { return Moment::Unwritten };
    match (run.state, run.commits.last()) {
        (RunState::Untouched, _) => Moment::Before,
        (RunState::Ended(_), _) => Moment::Ended,
        (RunState::Unfinished, Some((commit, CommitState::Unknown))) => {
            let is_new = |part: &&trueup::machine::PartChange| machine.part_state(&part.part).unwrap() == part.after;
            Moment::Within(commit.parts.iter().filter(is_new).count())
        }
        (RunState::Unfinished, _) => Moment::After,
    }
}
