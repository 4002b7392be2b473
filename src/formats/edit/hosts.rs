//! The `hosts` file: an address, the names that stand for it, and a comment behind `#`. One name may have several addresses, and several
//! lines; the value of a name is the set of its addresses of one family, sorted, with blanks between them.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use super::{EditError, Line, Splice, joint, line_break, lines};
use crate::formats::upcase;

/// Which addresses of a name are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    V4,
    V6,
}

/// An address as a line gives it: an IPv6 one may name a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Address {
    V4(Ipv4Addr),
    V6(Ipv6Addr, Box<str>),
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::V4(address));
        }
        let (address, zone) = text.split_once('%').unwrap_or((text, ""));
        Some(Self::V6(address.parse().ok()?, zone.into()))
    }

    const fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(..) => Family::V6,
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(address, zone) if zone.is_empty() => address.fmt(f),
            Self::V6(address, zone) => write!(f, "{address}%{zone}"),
        }
    }
}

/// A line that gives names to an address.
struct Entry {
    line: Line,
    address: Address,
    address_at: Range<usize>,
    names: Vec<Range<usize>>,
}

impl Entry {
    fn parse(text: &str, line: Line) -> Option<Self> {
        let content = text.get(line.start..line.end)?;
        let content = content.split_once('#').map_or(content, |(content, _)| content);
        let mut words = words(content).map(|word| line.start + word.start..line.start + word.end);
        let address_at = words.next()?;
        let address = Address::parse(text.get(address_at.clone())?)?;
        Some(Self { line, address, address_at, names: words.collect() })
    }

    fn is_named(&self, text: &str, at: &Range<usize>, name: &str) -> bool {
        text.get(at.clone()).is_some_and(|found| upcase::eq(found, name))
    }

    fn has(&self, text: &str, name: &str) -> bool {
        self.names.iter().any(|at| self.is_named(text, at, name))
    }

    /// Takes the name off the line, and leaves the others as they are.
    fn without(&self, text: &str, name: &str) -> Vec<Splice> {
        let mut out = Vec::new();
        let mut kept_before: Option<&Range<usize>> = None;
        for (number, at) in self.names.iter().enumerate() {
            if !self.is_named(text, at, name) {
                kept_before = Some(at);
                continue;
            }
            let range = match (kept_before, number.checked_sub(1).and_then(|before| self.names.get(before))) {
                (Some(_), Some(before)) => before.end..at.end,
                _ => at.start..self.names.get(number + 1).map_or(at.end, |next| next.start),
            };
            out.push(Splice::replace(range, ""));
        }
        out
    }
}

/// Where the words of a line are.
fn words(content: &str) -> impl Iterator<Item = Range<usize>> {
    let start = content.as_ptr() as usize;
    content.split_ascii_whitespace().map(move |word| {
        let from = (word.as_ptr() as usize).saturating_sub(start);
        from..from + word.len()
    })
}

fn entries(text: &str) -> impl DoubleEndedIterator<Item = Entry> {
    lines(text).into_iter().filter_map(|line| Entry::parse(text, line))
}

/// The addresses of a name.
pub fn read(text: &str, name: &str, family: Family) -> Option<String> {
    let mut found: Vec<Address> = entries(text)
        .filter(|entry| entry.address.family() == family && entry.has(text, name))
        .map(|entry| entry.address)
        .collect();
    found.sort_unstable();
    found.dedup();
    joined(&found)
}

/// The addresses of all names.
pub struct Index(HashMap<(String, Family), Vec<Address>>);

impl Index {
    pub fn of(text: &str) -> Self {
        let mut index: HashMap<(String, Family), Vec<Address>> = HashMap::new();
        for entry in entries(text) {
            for name in entry.names.iter().filter_map(|at| text.get(at.clone())) {
                let known = index.entry((upcase::fold(name), entry.address.family())).or_default();
                known.push(entry.address.clone());
            }
        }
        for known in index.values_mut() {
            known.sort_unstable();
            known.dedup();
        }
        Self(index)
    }

    pub fn get(&self, name: &str, family: Family) -> Option<String> {
        self.0.get(&(upcase::fold(name), family)).and_then(|known| joined(known))
    }
}

fn joined(addresses: &[Address]) -> Option<String> {
    let texts: Vec<String> = addresses.iter().map(Address::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// The change that gives a name these addresses and no others of the family. A line that is made for it ends in the comment.
pub fn write(
    text: &str,
    name: &str,
    family: Family,
    comment: Option<&str>,
    value: Option<&str>,
) -> Result<Splice, EditError> {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '#' || c == '\0') {
        return Err(EditError::Selector("a name of the hosts file holds neither blanks nor `#`".into()));
    }
    if comment.is_some_and(|comment| comment.contains(['\n', '\r', '\0'])) {
        return Err(EditError::Selector("a comment is one line".into()));
    }
    let wanted = addresses(value.unwrap_or_default(), family)?;
    if value.is_some() && wanted.is_empty() {
        return Err(EditError::Value("there is no address"));
    }
    let all: Vec<Entry> = entries(text).collect();
    let here: Vec<&Entry> =
        all.iter().filter(|entry| entry.address.family() == family && entry.has(text, name)).collect();
    let is_there = |address: &Address| here.iter().any(|entry| entry.address == *address);
    let mut missing: VecDeque<&Address> = wanted.iter().filter(|address| !is_there(address)).collect();
    let end = line_break(text);
    let tail = comment.map_or(String::new(), |comment| format!(" # {comment}"));
    let gap = all.last().and_then(|entry| text.get(entry.address_at.end..entry.names.first()?.start)).unwrap_or("\t");
    let line = |address: &Address| format!("{address}{gap}{name}{tail}");
    // Behind a line that may have no line break of its own.
    let behind = |place: &Line, line: String| {
        if place.next == place.end {
            Splice::insert(place.end, format!("{end}{line}{end}"))
        } else {
            Splice::insert(place.next, format!("{line}{end}"))
        }
    };
    let mut out = Vec::new();
    for entry in here.iter().filter(|entry| !wanted.contains(&entry.address)) {
        if !entry.names.iter().all(|at| entry.is_named(text, at, name)) {
            out.extend(entry.without(text, name));
            continue;
        }
        out.push(match missing.pop_front() {
            Some(address) => Splice::replace(entry.address_at.clone(), address.to_string()),
            None => Splice::replace(entry.line.start..entry.line.next, ""),
        });
    }
    let last = here.last().map(|entry| entry.line).or_else(|| lines(text).last().copied());
    if !missing.is_empty() {
        let new: Vec<String> = missing.into_iter().map(line).collect();
        let new = new.join(end);
        let made = match &last {
            Some(place) => behind(place, new),
            None => Splice::insert(text.len(), format!("{new}{end}")),
        };
        out.push(made);
    }
    Ok(joint(text, out))
}

fn addresses(value: &str, family: Family) -> Result<Vec<Address>, EditError> {
    let parse = |word: &str| {
        let address = Address::parse(word).filter(|address| address.family() == family);
        address.ok_or(EditError::Value("what stands for a name is an address of the family that was asked for"))
    };
    value.split_ascii_whitespace().map(parse).collect()
}
