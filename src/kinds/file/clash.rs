//! Values of one file that cannot both be: one that is named twice, or lies inside another. Pure.

use std::collections::HashMap;

use super::wanted::{WantedData, WantedValue};
use crate::formats::edit::segments;
use crate::model::decode::Decoder;
use crate::model::diagnostic::Diagnostic;
use crate::model::source::Location;

/// The values of one file that were named so far.
#[derive(Default)]
pub struct Named {
    /// By their ways from the outermost name to the innermost.
    seen: HashMap<Vec<String>, Seen>,
    /// The ways above each, with the first value below.
    above: HashMap<Vec<String>, Location>,
    /// The elements whose attributes are named.
    elements: HashMap<Vec<String>, Location>,
}

struct Seen {
    at: Location,
    is_absent: bool,
}

impl Named {
    /// Adds values, and reports those that clash.
    pub fn add(&mut self, values: &[WantedValue], cx: &mut Decoder) {
        for value in values {
            self.add_one(value, cx);
        }
    }

    fn add_one(&mut self, value: &WantedValue, cx: &mut Decoder) {
        let way = segments(&value.selector);
        let is_absent = value.data == WantedData::Absent;
        let is_attribute = way.last().is_some_and(|name| name.starts_with('@'));
        if let Some(first) = self.seen.get(&way) {
            let message = format!("{} is named twice", value.selector);
            let diagnostic = Diagnostic::error("files.value_twice", message).at(value.at);
            cx.push(diagnostic.related(first.at, "first named here"));
            return;
        }
        let mut other = self.above.get(&way).copied();
        if is_absent {
            other = other.or_else(|| self.elements.get(&way).copied());
        }
        for depth in 1..way.len() {
            let Some(above) = way.get(..depth) else { continue };
            let is_own_element = is_attribute && depth + 1 == way.len();
            let outer = self.seen.get(above).filter(|outer| !is_own_element || outer.is_absent);
            other = other.or_else(|| outer.map(|outer| outer.at));
            let slot = if is_own_element { &mut self.elements } else { &mut self.above };
            slot.entry(above.to_vec()).or_insert(value.at);
        }
        if let Some(other) = other {
            let message = format!("{} and another value of the file lie in each other", value.selector);
            let hint = "name the outer one, with all that is in it, or the inner ones";
            let diagnostic = Diagnostic::error("files.value_within", message).at(value.at).hint(hint);
            cx.push(diagnostic.related(other, "the other one"));
        }
        self.seen.insert(way, Seen { at: value.at, is_absent });
    }
}

/// Whether what is to be absent is named by its place: when it has gone, the next one stands there.
pub fn is_by_place(value: &WantedValue) -> bool {
    let way = segments(&value.selector);
    let last = way.last().map(String::as_str).unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let is_place = match way.first().map(String::as_str) {
        Some("json") => is_number,
        Some("xml") => last.ends_with(']') && !last.ends_with("']"),
        _ => false,
    };
    value.data == WantedData::Absent && is_place
}
