//! JSON, with the comments and trailing commas that configuration files of .NET and editors have. Of several members of one name
//! the last counts, as it does for their readers.

use jsonc_parser::ast::{Array, Object, Value as Node};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::{EditError, Splice, line_break, line_number};

/// How deep values may nest.
const MAX_DEPTH: usize = 256;

/// The value at a JSON Pointer.
pub fn read(text: &str, pointer: &str) -> Result<Option<Value>, EditError> {
    read_from(parse(text)?.as_ref(), pointer)
}

/// As [`read`], of a text that is parsed already.
pub fn read_from(root: Option<&Node<'_>>, pointer: &str) -> Result<Option<Value>, EditError> {
    let names = names(pointer)?;
    Ok(root.and_then(|root| descend(root, &names)).map(value_of))
}

/// The change that sets or removes the value at a pointer; objects on the way are made.
pub fn write(text: &str, pointer: &str, value: Option<&Value>) -> Result<Splice, EditError> {
    let names = names(pointer)?;
    let root = parse(text)?;
    match (&root, value) {
        (None, None) => return Ok(Splice::nothing()),
        (None, Some(value)) => return Ok(Splice::insert(text.len(), nested(&names, value).to_string())),
        (Some(root), Some(value)) => {
            if let Some(found) = descend(root, &names) {
                let range = found.range();
                return Ok(Splice::replace(range.start..range.end, printed(value, text, indent_at(text, range.start))));
            }
        }
        (Some(root), None) if descend(root, &names).is_none() => return Ok(Splice::nothing()),
        (Some(_), None) => {}
    }
    let Some(root) = &root else { return Ok(Splice::nothing()) };
    match value {
        Some(value) => insertion(text, root, &names, value),
        None => removal(text, root, &names),
    }
}

/// Refuses a pointer that is none, and one that never finds again what was put at it.
pub fn check(pointer: &str) -> Result<(), EditError> {
    if names(pointer)?.iter().any(|name| name == "-") {
        return Err(EditError::Selector("`-` is behind all elements of a list: name the place by its number".into()));
    }
    Ok(())
}

/// The names of a pointer, `~1` and `~0` resolved.
pub fn names(pointer: &str) -> Result<Vec<String>, EditError> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest = pointer
        .strip_prefix('/')
        .ok_or_else(|| EditError::Selector("a JSON Pointer is empty or begins with `/`".into()))?;
    Ok(rest.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect())
}

/// The tree of a text; `None` for one with nothing in it.
pub fn parse(text: &str) -> Result<Option<Node<'_>>, EditError> {
    check_depth(text)?;
    let options = ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
        ..ParseOptions::default()
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| EditError::Syntax {
        line: line_number(text, error.range().start),
        problem: error.kind().to_string(),
    })?;
    Ok(parsed.value)
}

/// Counts brackets, those in strings too: a limit, not a grammar.
fn check_depth(text: &str) -> Result<(), EditError> {
    let mut depth = 0_usize;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            let problem = format!("values nest more than {MAX_DEPTH} deep");
            return Err(EditError::Syntax { line: line_number(text, offset), problem });
        }
    }
    Ok(())
}

fn member<'n, 't>(object: &'n Object<'t>, name: &str) -> Option<&'n Node<'t>> {
    object.properties.iter().rev().find(|member| member.name.as_str() == name).map(|member| &member.value)
}

fn element<'n, 't>(array: &'n Array<'t>, name: &str) -> Option<&'n Node<'t>> {
    array.elements.get(index(name)?)
}

/// An index without leading zeros.
fn index(name: &str) -> Option<usize> {
    name.parse().ok().filter(|number: &usize| number.to_string() == name)
}

fn child<'n, 't>(node: &'n Node<'t>, name: &str) -> Option<&'n Node<'t>> {
    match node {
        Node::Object(object) => member(object, name),
        Node::Array(array) => element(array, name),
        _ => None,
    }
}

fn descend<'n, 't>(root: &'n Node<'t>, names: &[String]) -> Option<&'n Node<'t>> {
    names.iter().try_fold(root, |node, name| child(node, name))
}

fn value_of(node: &Node<'_>) -> Value {
    match node {
        Node::StringLit(text) => Value::String(text.value.to_string()),
        Node::NumberLit(number) => {
            serde_json::from_str(number.value).unwrap_or_else(|_| Value::String(number.value.to_owned()))
        }
        Node::BooleanLit(boolean) => Value::Bool(boolean.value),
        Node::NullKeyword(_) => Value::Null,
        Node::Array(array) => Value::Array(array.elements.iter().map(value_of).collect()),
        Node::Object(object) => Value::Object(
            object.properties.iter().map(|member| (member.name.as_str().to_owned(), value_of(&member.value))).collect(),
        ),
    }
}

/// The value inside objects of these names.
fn nested(names: &[String], value: &Value) -> Value {
    names.iter().rev().fold(value.clone(), |value, name| Value::Object([(name.clone(), value)].into_iter().collect()))
}

/// Objects and lists over several lines where the text has several; `indent` is that of the line that they begin on.
fn printed(value: &Value, text: &str, indent: &str) -> String {
    let is_long = match value {
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    };
    if !is_long || !text.contains(['\n', '\r']) {
        return value.to_string();
    }
    let pretty = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
    pretty.replace('\n', &format!("{}{indent}", line_break(text)))
}

/// The blanks with which the line of an offset begins.
fn indent_at(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let line = text.get(start..).unwrap_or_default();
    line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default()
}

fn insertion(text: &str, root: &Node<'_>, names: &[String], value: &Value) -> Result<Splice, EditError> {
    // The deepest place on the way that is there, and what has to be made below it.
    let mut node = root;
    let mut depth = 0;
    while let Some(next) = names.get(depth).and_then(|name| child(node, name)) {
        node = next;
        depth += 1;
    }
    let name = names.get(depth).map(String::as_str).unwrap_or_default();
    let inner = nested(names.get(depth + 1..).unwrap_or_default(), value);
    match node {
        Node::Object(object) => {
            let name = Value::String(name.to_owned());
            let member = |indent: &str| format!("{name}: {}", printed(&inner, text, indent));
            let last = object.properties.last().map(|member| member.range.end);
            let first = object.properties.first().map(|member| member.range.start);
            Ok(beside(text, object.range.start..object.range.end, first, last, &member))
        }
        Node::Array(array) if index(name) == Some(array.elements.len()) || name == "-" => {
            let last = array.elements.last().map(|element| element.range().end);
            let first = array.elements.first().map(|element| element.range().start);
            Ok(beside(text, array.range.start..array.range.end, first, last, &|indent| printed(&inner, text, indent)))
        }
        Node::Array(array) => Err(EditError::NoPlace(format!(
            "the list has {} elements, and `{name}` is not the next one",
            array.elements.len()
        ))),
        _ => Err(EditError::NoPlace(format!("`{name}` would lie in something that is neither an object nor a list"))),
    }
}

/// Adds a member or element behind the last one, on a line of its own where the others have theirs. The item is told the indent of
/// the line that it begins on.
fn beside(
    text: &str,
    whole: std::ops::Range<usize>,
    first: Option<usize>,
    last: Option<usize>,
    item: &dyn Fn(&str) -> String,
) -> Splice {
    let (Some(first), Some(last)) = (first, last) else {
        return Splice::replace(whole.start + 1..whole.end - 1, item(indent_at(text, whole.start)));
    };
    let is_listed = text.get(whole.start..first).is_some_and(|gap| gap.contains(['\n', '\r']));
    // A comma may stand behind the last one already.
    let tail = text.get(last..whole.end).unwrap_or_default();
    let trailing = comma_in(tail).map(|at| last + at + 1);
    let (at, comma) = trailing.map_or((last, ","), |at| (at, ""));
    let indent = indent_at(text, first);
    let gap = if is_listed { format!("{}{indent}", line_break(text)) } else { " ".to_owned() };
    let end = if trailing.is_some() { "," } else { "" };
    Splice::insert(at, format!("{comma}{gap}{}{end}", item(indent)))
}

/// Where a comma stands outside of comments.
fn comma_in(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b',', _) => return Some(at),
            (b'/', Some(b'/')) => at += text.get(at..)?.find(['\n', '\r']).unwrap_or(text.len() - at),
            (b'/', Some(b'*')) => at += text.get(at..)?.find("*/").map_or(text.len() - at, |end| end + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

fn removal(text: &str, root: &Node<'_>, names: &[String]) -> Result<Splice, EditError> {
    let Some((name, above)) = names.split_last() else {
        return Err(EditError::NoPlace("the whole file cannot be removed by a pointer".into()));
    };
    let Some(parent) = descend(root, above) else { return Ok(Splice::nothing()) };
    let (items, place): (Vec<(usize, usize)>, Option<usize>) = match parent {
        Node::Object(object) => {
            let same = object.properties.iter().filter(|member| member.name.as_str() == name).count();
            if same > 1 {
                return Err(EditError::Ambiguous(same));
            }
            let items = object.properties.iter().map(|member| (member.range.start, member.range.end)).collect();
            (items, object.properties.iter().position(|member| member.name.as_str() == name))
        }
        Node::Array(array) => {
            let items = array.elements.iter().map(|element| (element.range().start, element.range().end)).collect();
            (items, index(name))
        }
        _ => return Ok(Splice::nothing()),
    };
    let Some((place, (start, end))) = place.and_then(|place| Some((place, *items.get(place)?))) else {
        return Ok(Splice::nothing());
    };
    // With the comma and the gap behind it, or for the last one those before it.
    if let Some((next, _)) = items.get(place + 1) {
        return Ok(Splice::replace(start..*next, ""));
    }
    let from = place.checked_sub(1).and_then(|before| items.get(before)).map(|(_, end)| *end);
    let whole = parent.range();
    let trailing = text.get(end..whole.end).and_then(comma_in).map(|at| end + at + 1);
    Ok(match (from, trailing) {
        // The comma behind the last one stays behind the one that is last then.
        (Some(from), Some(_)) => Splice::replace(from..end, ""),
        (Some(from), None) => Splice::replace(from..end, ""),
        (None, trailing) => Splice::replace(start..trailing.unwrap_or(end), ""),
    })
}
