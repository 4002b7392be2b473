//! Java properties (`java.util.Properties`, "load" in its documentation): `=`, `:` or blanks between key and value, `#` and `!` comments,
//! continued lines, backslash escapes. The last line of a key counts.

use std::collections::HashMap;
use std::ops::Range;

use super::{EditError, Splice, joint, line_break, line_number, lines};

/// The value of a key.
pub fn read(text: &str, key: &str) -> Result<Option<String>, EditError> {
    let entry = find(text, key)?;
    entry.map(|entry| unescaped(text.get(entry.value).unwrap_or_default(), text)).transpose()
}

/// The change that sets or removes a key.
pub fn write(text: &str, key: &str, value: Option<&str>) -> Result<Splice, EditError> {
    check(key)?;
    let found = find(text, key)?;
    match (found, value) {
        (None, None) => Ok(Splice::nothing()),
        // The one before it would count when the last has gone.
        (Some(_), None) => {
            let mut all = Vec::new();
            each(text, &mut |name, entry| {
                if name == key {
                    all.push(Splice::replace(entry.whole, ""));
                }
            })?;
            Ok(joint(text, all))
        }
        (Some(entry), Some(value)) => {
            let separator = if entry.is_bare { "=" } else { "" };
            Ok(Splice::replace(entry.value, format!("{separator}{}", escaped(value, Part::Value))))
        }
        (None, Some(value)) => {
            let end = line_break(text);
            let line = format!("{}={}", escaped(key, Part::Key), escaped(value, Part::Value));
            let gap = if text.is_empty() || text.ends_with(['\n', '\r']) { "" } else { end };
            let tail = if gap.is_empty() { end } else { "" };
            if let Some(last) = continued_end(text)? {
                // Behind it, the new line would be taken for its continuation.
                return Ok(Splice::insert(last, format!("{line}{end}")));
            }
            Ok(Splice::insert(text.len(), format!("{gap}{line}{tail}")))
        }
    }
}

/// Where the last entry begins, when the text ends before its continuation.
fn continued_end(text: &str) -> Result<Option<usize>, EditError> {
    let is_open =
        lines(text).last().is_some_and(|line| is_continued(text.get(line.start..line.end).unwrap_or_default()));
    let mut last = None;
    if is_open {
        each(text, &mut |_, entry| last = Some(entry.whole))?;
    }
    Ok(last.filter(|whole| whole.end == text.len()).map(|whole| whole.start))
}

/// Refuses a key that is none.
pub fn check(key: &str) -> Result<(), EditError> {
    if key.is_empty() { Err(EditError::Selector("the key is empty".into())) } else { Ok(()) }
}

struct Entry {
    /// All its lines with their line breaks.
    whole: Range<usize>,
    value: Range<usize>,
    /// Nothing stands between key and value: a key alone.
    is_bare: bool,
}

/// The last entry of a key.
fn find(text: &str, key: &str) -> Result<Option<Entry>, EditError> {
    let mut found: Option<Entry> = None;
    each(text, &mut |name, entry| {
        if name == key {
            found = Some(entry);
        }
    })?;
    Ok(found)
}

/// The values of all keys: of each name the last.
pub struct Index(Result<HashMap<String, Range<usize>>, EditError>);

impl Index {
    pub fn of(text: &str) -> Self {
        let mut index = HashMap::new();
        let read = each(text, &mut |name, entry| {
            index.insert(name, entry.value);
        });
        Self(read.map(|()| index))
    }

    pub fn get(&self, text: &str, key: &str) -> Result<Option<String>, EditError> {
        let index = self.0.as_ref().map_err(Clone::clone)?;
        let value = index.get(key).and_then(|value| text.get(value.clone()));
        value.map(|raw| unescaped(raw, text)).transpose()
    }
}

/// Every entry with its key.
fn each(text: &str, visit: &mut dyn FnMut(String, Entry)) -> Result<(), EditError> {
    let all = lines(text);
    let mut at = 0;
    while let Some(first) = all.get(at) {
        let content = text.get(first.start..first.end).unwrap_or_default();
        let trimmed = content.trim_start_matches(is_blank);
        at += 1;
        if trimmed.is_empty() || trimmed.starts_with(['#', '!']) {
            continue;
        }
        let mut last = first;
        while is_continued(text.get(last.start..last.end).unwrap_or_default()) {
            let Some(next) = all.get(at) else { break };
            last = next;
            at += 1;
        }
        let start = first.start + (content.len() - trimmed.len());
        let logical = text.get(start..last.end).unwrap_or_default();
        let (name, value_at) = split(logical);
        let is_bare = name == logical.len();
        let entry = Entry { whole: first.start..last.next, value: start + value_at..last.end, is_bare };
        visit(unescaped(logical.get(..name).unwrap_or_default(), text)?, entry);
    }
    Ok(())
}

const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// Whether an odd number of backslashes ends the line.
fn is_continued(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// Where the key ends and the value begins.
fn split(line: &str) -> (usize, usize) {
    let mut escape = false;
    let mut end = line.len();
    for (at, character) in line.char_indices() {
        if !escape && (is_blank(character) || matches!(character, '=' | ':')) {
            end = at;
            break;
        }
        escape = character == '\\' && !escape;
    }
    let rest = line.get(end..).unwrap_or_default();
    let after = rest.trim_start_matches(is_blank);
    let after = after.strip_prefix(['=', ':']).unwrap_or(after).trim_start_matches(is_blank);
    (end, line.len() - after.len())
}

fn unescaped(raw: &str, text: &str) -> Result<String, EditError> {
    let mut units: Vec<u16> = Vec::new();
    let mut buffer = [0; 2];
    let mut characters = raw.chars().peekable();
    while let Some(character) = characters.next() {
        let plain = match character {
            '\\' => match characters.next() {
                None => continue,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                    let offset = text.find(raw).unwrap_or_default();
                    units.push(unit.ok_or_else(|| EditError::Syntax {
                        line: line_number(text, offset),
                        problem: "`\\u` without four hex digits".into(),
                    })?);
                    continue;
                }
                // A continued line: the break and the blanks that begin the next line are not part of the value.
                Some(end @ ('\n' | '\r')) => {
                    if end == '\r' {
                        characters.next_if_eq(&'\n');
                    }
                    while characters.next_if(|next| is_blank(*next)).is_some() {}
                    continue;
                }
                Some(other) => other,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut buffer));
    }
    String::from_utf16(&units).map_err(|_| EditError::NotText("an escape is half a surrogate pair"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Value,
}

/// As the class itself writes it: everything but printable ASCII is escaped, so that every reader agrees on it.
fn escaped(text: &str, part: Part) -> String {
    let mut out = String::new();
    for (at, character) in text.chars().enumerate() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            ' ' if at == 0 || part == Part::Key => out.push_str("\\ "),
            '=' | ':' if part == Part::Key => {
                out.push('\\');
                out.push(character);
            }
            '#' | '!' if at == 0 => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            other => {
                let mut buffer = [0; 2];
                for unit in other.encode_utf16(&mut buffer) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}
