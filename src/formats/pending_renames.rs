//! What Windows renames, replaces and removes at its next start, before any program runs: pairs of strings in a REG_MULTI_SZ, which
//! holds empty ones and so is none to the letter. Source: Microsoft, *MoveFileExW*, MOVEFILE_DELAY_UNTIL_REBOOT.

use super::upcase;
use crate::model::registry_data::{REG_MULTI_SZ, RegistryData};

/// The key of the list.
pub const KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager";

/// The value that `MoveFileEx` writes. Windows goes through a second one too, which nothing documented writes.
pub const VALUE: &str = "PendingFileRenameOperations";

/// What stands before a path in the names of the kernel.
const KERNEL: &str = r"\??\";

/// The list in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRenames(Vec<Rename>);

/// One rename, as its two strings are stored; a removal has an empty second one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rename {
    from: Vec<u16>,
    to: Vec<u16>,
}

/// What becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is removed, or given another name.
    Gone,
    /// What lies at this path gets its name.
    ReplacedBy(String),
}

/// The value is no such list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{VALUE} of the session manager is no list of pairs")]
pub struct PendingRenamesError;

impl PendingRenames {
    /// Reads the value.
    ///
    /// # Errors
    /// It is of another type, or its strings are no pairs.
    pub fn parse(data: &RegistryData) -> Result<Self, PendingRenamesError> {
        let (pairs, rest) = data.bytes.as_chunks::<2>();
        if data.value_type != REG_MULTI_SZ || !rest.is_empty() {
            return Err(PendingRenamesError);
        }
        let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        let Some((0, body)) = units.split_last() else {
            return if units.is_empty() { Ok(Self::default()) } else { Err(PendingRenamesError) };
        };
        // Behind the last pair the list has an end of its own, as any list; some writers leave it out.
        let mut strings: Vec<&[u16]> = body.split(|unit| *unit == 0).collect();
        if strings.len() % 2 == 1 && strings.last().is_some_and(|last| last.is_empty()) {
            strings.pop();
        }
        let (pairs, rest) = strings.as_chunks::<2>();
        if !rest.is_empty() || pairs.iter().any(|[from, _]| from.is_empty()) {
            return Err(PendingRenamesError);
        }
        Ok(Self(pairs.iter().map(|[from, to]| Rename { from: from.to_vec(), to: to.to_vec() }).collect()))
    }

    /// The value again; `None` where nothing is left, for then Windows has no such value.
    pub fn to_data(&self) -> Option<RegistryData> {
        if self.0.is_empty() {
            return None;
        }
        let mut units: Vec<u16> = Vec::new();
        for Rename { from, to } in &self.0 {
            units.extend(from.iter().chain(&[0]).chain(to).chain(&[0]));
        }
        units.push(0);
        let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
        Some(RegistryData::new(REG_MULTI_SZ, bytes))
    }

    /// What becomes of each path that the list speaks of, in the order in which it is first spoken of, when the list is gone through. A
    /// rename that replaces nothing is done only where an earlier one has made room: whether there is room now, nobody here knows, and nothing
    /// is said of its new path.
    pub fn fates(&self) -> Vec<(String, Fate)> {
        let mut fates: Vec<(String, Fate)> = Vec::new();
        for rename in &self.0 {
            let Some(from) = path(&rename.from) else { continue };
            let found = |fates: &[(String, Fate)], path: &str| {
                fates.iter().find(|(known, _)| upcase::eq(known, path)).map(|(_, fate)| fate.clone())
            };
            let moved = match found(&fates, &from) {
                // It has gone already: there is nothing to rename.
                Some(Fate::Gone) => continue,
                Some(Fate::ReplacedBy(first)) => first,
                None => from.clone(),
            };
            if let Some(to) = path(&rename.to) {
                let has_room = found(&fates, &to) == Some(Fate::Gone);
                if !rename.replaces() && !has_room {
                    continue;
                }
                say(&mut fates, to, Fate::ReplacedBy(moved));
            }
            say(&mut fates, from, Fate::Gone);
        }
        fates
    }

    /// The old and the new path of each rename in order, the new one `None` for a removal; what is no path of a drive is left out.
    pub fn renames(&self) -> impl Iterator<Item = (String, Option<String>)> {
        self.0.iter().filter_map(|Rename { from, to }| Some((path(from)?, path(to))))
    }

    /// The list with one more rename, which replaces what is there, or with a removal.
    #[must_use]
    pub fn with(mut self, from: &str, to: Option<&str>) -> Self {
        let name = |path: &str| format!("{KERNEL}{path}").encode_utf16().collect();
        let to = to.map(|to| format!("!{KERNEL}{to}").encode_utf16().collect()).unwrap_or_default();
        self.0.push(Rename { from: name(from), to });
        self
    }

    /// The list without what it says of a path, by whatever name it is the same one to `is_same`.
    #[must_use]
    pub fn without(&self, is_same: impl Fn(&str) -> bool) -> Self {
        let speaks = |text: &[u16]| path(text).is_some_and(|path| is_same(&path));
        let kept = self.0.iter().filter(|Rename { from, to }| !speaks(from) && !speaks(to));
        Self(kept.cloned().collect())
    }
}

impl Rename {
    /// Whether it replaces what has the new name.
    fn replaces(&self) -> bool {
        let before = self.to.split(|unit| *unit == u16::from(b'\\')).next().unwrap_or_default();
        before.contains(&u16::from(b'!'))
    }
}

fn say(fates: &mut Vec<(String, Fate)>, path: String, fate: Fate) {
    match fates.iter_mut().find(|(known, _)| upcase::eq(known, &path)) {
        Some(known) => known.1 = fate,
        None => fates.push((path, fate)),
    }
}

/// The path of a stored name: `!` before it says that it replaces what is there, and Windows may put `*` and a digit before that.
fn path(units: &[u16]) -> Option<String> {
    let text = String::from_utf16(units).ok()?;
    let (before, path) = text.split_once(KERNEL)?;
    let is_mark = |c: char| c == '!' || c == '*' || c.is_ascii_digit();
    (before.chars().all(is_mark) && !path.is_empty()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(strings: &[&str], ends: usize) -> RegistryData {
        let mut units: Vec<u16> = strings.iter().flat_map(|text| text.encode_utf16().chain([0])).collect();
        units.extend(std::iter::repeat_n(0, ends));
        RegistryData::new(REG_MULTI_SZ, units.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
    }

    #[test]
    fn the_last_word_on_a_path_counts() {
        let strings = [r"\??\C:\a", "", r"\??\C:\b.new", r"!\??\C:\B", r"\??\c:\A.new", r"*1!\??\C:\a"];
        for ends in [0, 1] {
            let renames = PendingRenames::parse(&list(&strings, ends)).unwrap();
            let gone = |path: &str| (path.to_owned(), Fate::Gone);
            let replaced = |path: &str, by: &str| (path.to_owned(), Fate::ReplacedBy(by.to_owned()));
            let expected =
                [replaced(r"C:\a", r"c:\A.new"), replaced(r"C:\B", r"C:\b.new"), gone(r"C:\b.new"), gone(r"c:\A.new")];
            assert_eq!(renames.fates(), expected);
            assert_eq!(renames.to_data().unwrap(), list(&strings, 1));
            let more = renames.clone().with(r"C:\x", Some(r"C:\y")).with(r"C:\z", None);
            let more = PendingRenames::parse(&more.to_data().unwrap()).unwrap();
            assert_eq!(more.fates()[4..], [replaced(r"C:\y", r"C:\x"), gone(r"C:\x"), gone(r"C:\z")]);
            let rest = renames.without(|path| upcase::eq(path, r"c:\a"));
            assert_eq!(rest.to_data().unwrap(), list(&strings[2..4], 1));
            assert_eq!(rest.without(|path| upcase::eq(path, r"C:\b")).to_data(), None);
        }
    }

    #[test]
    fn the_list_is_gone_through_in_order() {
        let list = |strings: &[&str]| PendingRenames::parse(&list(strings, 1)).unwrap().fates();
        let gone = |path: &str| (path.to_owned(), Fate::Gone);
        let replaced = |path: &str, by: &str| (path.to_owned(), Fate::ReplacedBy(by.to_owned()));
        // What replaces nothing waits for room, which only an earlier removal makes for certain.
        assert_eq!(list(&[r"\??\C:\n", r"\??\C:\t"]), []);
        let (n, t) = (r"C:\n", r"C:\t");
        assert_eq!(list(&[r"\??\C:\t", "", r"\??\C:\n", r"\??\C:\t"]), [replaced(t, n), gone(n)]);
        // What came from elsewhere goes on, and what is gone is not renamed.
        assert_eq!(
            list(&[r"\??\C:\a", r"!\??\C:\n", r"\??\C:\n", r"!\??\C:\t"]),
            [gone(n), gone(r"C:\a"), replaced(t, r"C:\a")]
        );
        assert_eq!(list(&[r"\??\C:\n", "", r"\??\C:\n", r"!\??\C:\t"]), [gone(n)]);
    }

    #[test]
    fn what_is_no_list_of_pairs_is_told() {
        let text = RegistryData::sz(r"\??\C:\a");
        let one = list(&[r"\??\C:\a"], 0);
        let nameless = list(&["", r"\??\C:\a"], 1);
        let open = RegistryData::new(REG_MULTI_SZ, vec![b'a', 0]);
        let odd = RegistryData::new(REG_MULTI_SZ, vec![0]);
        for data in [text, one, nameless, open, odd] {
            assert_eq!(PendingRenames::parse(&data), Err(PendingRenamesError), "{data:?}");
        }
        for empty in [RegistryData::new(REG_MULTI_SZ, vec![]), list(&[], 1)] {
            assert_eq!(PendingRenames::parse(&empty), Ok(PendingRenames::default()));
        }
    }
}
