//! INI files as Windows reads them (`GetPrivateProfileString`): the first section and the first key of a name count, names compare
//! without case, only whole lines are comments, and one pair of quotes around a value is not part of it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{EditError, Line, Splice, joint, line_break, lines};
use crate::formats::upcase;

/// The value of a key.
pub fn read(text: &str, section: Option<&str>, key: &str) -> Option<String> {
    let all = lines(text);
    let (_, body) = section_lines(text, &all, section)?;
    let entry = find(text, body, key)?;
    Some(unquoted(text.get(entry.value.clone())?).to_owned())
}

/// The values of all keys: of each name the first.
pub struct Index(HashMap<(Option<String>, String), String>);

impl Index {
    pub fn of(text: &str) -> Self {
        let mut index = HashMap::new();
        let mut seen = HashSet::new();
        let mut section = Some(None);
        for line in lines(text) {
            if let Some(name) = section_name(text, &line) {
                let name = upcase::fold(name);
                section = seen.insert(name.clone()).then_some(Some(name));
            } else if let (Some(section), Some((name, value))) = (&section, entry(text, &line)) {
                let value = || unquoted(text.get(value).unwrap_or_default()).to_owned();
                index.entry((section.clone(), upcase::fold(name))).or_insert_with(value);
            }
        }
        Self(index)
    }

    pub fn get(&self, section: Option<&str>, key: &str) -> Option<String> {
        let section = section.map(|section| upcase::fold(section.trim()));
        self.0.get(&(section, upcase::fold(key.trim()))).cloned()
    }
}

/// The change that sets or removes a key.
pub fn write(text: &str, section: Option<&str>, key: &str, value: Option<&str>) -> Result<Splice, EditError> {
    check(section, key, value)?;
    let all = lines(text);
    let place = section_lines(text, &all, section);
    let found = place.and_then(|(_, body)| find(text, body, key));
    let Some(value) = value else {
        // The next one of the name would count when the first has gone.
        let all = place.into_iter().flat_map(|(_, body)| entries(text, body, key));
        return Ok(joint(text, all.map(|entry| Splice::replace(entry.line.start..entry.line.next, "")).collect()));
    };
    if let Some(entry) = found {
        let old = text.get(entry.value.clone()).unwrap_or_default();
        return Ok(Splice::replace(entry.value, quoted_as(old, value)));
    }
    let end = line_break(text);
    let Some((head, body)) = place else {
        let gap = if text.is_empty() || text.ends_with(['\n', '\r']) { "" } else { end };
        let head = section.map(|section| format!("[{section}]{end}")).unwrap_or_default();
        return Ok(Splice::insert(text.len(), format!("{gap}{head}{key}={}{end}", needs_quotes(value))));
    };
    // After the last line of the section that says something, written as that section writes its keys.
    let is_blank = |line: &&Line| text.get(line.start..line.end).is_some_and(|line| line.trim().is_empty());
    let after = body.iter().rev().find(|line| !is_blank(line));
    let equals = body.iter().rev().find_map(|line| {
        let (name, value) = text.get(line.start..line.end)?.split_once('=')?;
        let spaced = name.ends_with(' ') && value.starts_with(' ');
        (!is_comment(name)).then_some(if spaced { " = " } else { "=" })
    });
    let line = format!("{key}{}{}", equals.unwrap_or("="), needs_quotes(value));
    let Some(place) = after.or(head) else {
        return Ok(Splice::insert(0, format!("{line}{end}")));
    };
    if place.next == place.end {
        return Ok(Splice::insert(place.end, format!("{end}{line}")));
    }
    Ok(Splice::insert(place.next, format!("{line}{end}")))
}

/// Refuses names and values that no line can hold.
pub fn check(section: Option<&str>, key: &str, value: Option<&str>) -> Result<(), EditError> {
    let has_break = |text: &str| text.contains(['\n', '\r', '\0']);
    if section.is_some_and(|section| has_break(section) || section.contains(']')) {
        return Err(EditError::Selector("a section's name holds no line break and no `]`".into()));
    }
    if key.trim().is_empty() || has_break(key) || key.contains('=') || is_comment(key) || key.starts_with('[') {
        return Err(EditError::Selector("a key is one line without `=`, and begins with neither `;` nor `[`".into()));
    }
    if value.is_some_and(has_break) {
        return Err(EditError::Value("a value of an INI file is one line"));
    }
    Ok(())
}

struct Entry {
    line: Line,
    value: Range<usize>,
}

/// The head of a section and its lines; those before the first section, which have no head, where none is named.
fn section_lines<'l>(text: &str, all: &'l [Line], section: Option<&str>) -> Option<(Option<&'l Line>, &'l [Line])> {
    let name = |line: &Line| section_name(text, line);
    let start = match section {
        None => 0,
        Some(section) => {
            all.iter().position(|line| name(line).is_some_and(|name| upcase::eq(name, section.trim())))? + 1
        }
    };
    let rest = all.get(start..)?;
    let length = rest.iter().position(|line| name(line).is_some()).unwrap_or(rest.len());
    let head = start.checked_sub(1).and_then(|head| all.get(head));
    Some((head, rest.get(..length)?))
}

/// The section that begins with a line.
fn section_name<'t>(text: &'t str, line: &Line) -> Option<&'t str> {
    let content = text.get(line.start..line.end)?.trim();
    Some(content.strip_prefix('[')?.split_once(']')?.0.trim())
}

/// The key that a line sets, and where its value stands.
fn entry<'t>(text: &'t str, line: &Line) -> Option<(&'t str, Range<usize>)> {
    let (name, value) = text.get(line.start..line.end)?.split_once('=')?;
    if is_comment(name) {
        return None;
    }
    let start = line.end - value.len() + (value.len() - value.trim_start().len());
    let end = line.end - (value.len() - value.trim_end().len());
    Some((name.trim(), start..end.max(start)))
}

fn find(text: &str, body: &[Line], key: &str) -> Option<Entry> {
    entries(text, body, key).next()
}

/// The lines of a section that set a key.
fn entries(text: &str, body: &[Line], key: &str) -> impl Iterator<Item = Entry> {
    body.iter().filter_map(move |line| {
        let (name, value) = entry(text, line)?;
        upcase::eq(name, key.trim()).then_some(Entry { line: *line, value })
    })
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(';')
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// The new value in the quotes of the old one, or in such as it needs.
fn quoted_as(old: &str, value: &str) -> String {
    match old.chars().next().filter(|quote| matches!(quote, '"' | '\'') && unquoted(old).len() < old.len()) {
        Some(quote) => format!("{quote}{value}{quote}"),
        None => needs_quotes(value),
    }
}

/// In quotes where the value would be read otherwise without them.
fn needs_quotes(value: &str) -> String {
    if value.trim() == value && unquoted(value) == value { value.to_owned() } else { format!("\"{value}\"") }
}
