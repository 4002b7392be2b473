//! XML by a path of elements: `/configuration/appSettings/add[@key='Lang']/@value`. A step names an element, by its local name or with the
//! prefix that the file uses, and may ask for attributes (`[@name='value']`) or a place among its like (`[2]`). The path ends at an
//! attribute, or at the text of an element without elements in it.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

use super::{EditError, Splice, line_break, line_number};

/// How deep elements may nest.
const MAX_DEPTH: usize = 256;

/// The text at a path.
pub fn read(text: &str, path: &str) -> Result<Option<String>, EditError> {
    let path = Path::parse(path)?;
    let found = find(text, &path)?;
    let value = match (found.only()?, &path.target) {
        (None, _) => return Ok(None),
        (Some(element), Target::Attribute(name)) => element.attribute(name).map(|range| text.get(range.clone())),
        (Some(element), Target::Text) => match &element.content {
            Content::Text(range) => Some(text.get(range.clone())),
            Content::None => Some(Some("")),
            Content::Elements => return Err(EditError::NoPlace("the element holds elements, not text".into())),
        },
    };
    value.flatten().map(|raw| plain(raw, text)).transpose()
}

/// The change that sets or removes the text at a path; an attribute or the last element of the path is made where it is missing.
pub fn write(text: &str, path: &str, value: Option<&str>) -> Result<Splice, EditError> {
    check(path, value)?;
    let parsed = Path::parse(path)?;
    let found = find(text, &parsed)?;
    let Some(element) = found.only()? else {
        return match value {
            None => Ok(Splice::nothing()),
            Some(value) => creation(text, &parsed, value),
        };
    };
    match (&parsed.target, value) {
        (Target::Attribute(name), Some(value)) => Ok(match element.attribute(name) {
            Some(range) => Splice::replace(range.clone(), attribute_text(value, quote_at(text, range))),
            None => Splice::insert(element.tag_content_end, format!(" {name}=\"{}\"", attribute_text(value, '"'))),
        }),
        (Target::Attribute(name), None) => Ok(match element.whole_attribute(text, name) {
            Some(range) => Splice::replace(range, ""),
            None => Splice::nothing(),
        }),
        (Target::Text, Some(value)) => match &element.content {
            Content::Text(range) => Ok(Splice::replace(range.clone(), kept_form(text, range, value))),
            Content::None if element.is_empty_tag => {
                let name = &element.name;
                let tail = element.tag_content_end..element.end;
                Ok(Splice::replace(tail, format!(">{}</{name}>", escape(value))))
            }
            Content::None => Ok(Splice::insert(element.tag_end, escape(value).to_string())),
            Content::Elements => Err(EditError::NoPlace("the element holds elements, not text".into())),
        },
        (Target::Text, None) => Ok(Splice::replace(with_its_line(text, element.start..element.end), "")),
    }
}

/// Refuses a path that is none, and text that XML cannot hold.
pub fn check(path: &str, value: Option<&str>) -> Result<(), EditError> {
    if value.is_some_and(|value| value.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))) {
        return Err(EditError::Value("XML holds no control characters"));
    }
    Path::parse(path).map(drop)
}

/// The steps of a path, conditions in order, and the attribute that it ends at.
pub fn segments(path: &str) -> Result<Vec<String>, EditError> {
    let path = Path::parse(path)?;
    let step = |step: &Step| {
        let mut attributes = step.attributes.clone();
        attributes.sort_unstable();
        let conditions = attributes.iter().map(|(name, value)| format!("[@{name}='{value}']"));
        let place = step.place.map(|place| format!("[{place}]"));
        std::iter::once(step.name.clone()).chain(conditions).chain(place).collect::<String>()
    };
    let mut out: Vec<String> = path.steps.iter().map(step).collect();
    if let Target::Attribute(name) = &path.target {
        out.push(format!("@{name}"));
    }
    Ok(out)
}

#[derive(Debug)]
struct Path {
    steps: Vec<Step>,
    target: Target,
}

#[derive(Clone, Debug)]
struct Step {
    name: String,
    attributes: Vec<(String, String)>,
    /// Counted from 1 among the elements that fit otherwise.
    place: Option<usize>,
}

#[derive(Debug)]
enum Target {
    Attribute(String),
    Text,
}

impl Path {
    fn parse(path: &str) -> Result<Self, EditError> {
        let wrong = |problem: &str| EditError::Selector(format!("{problem} in {path}"));
        let mut rest = path.strip_prefix('/').ok_or_else(|| wrong("a path begins with `/`, which is missing"))?;
        let mut steps = Vec::new();
        loop {
            if let Some(attribute) = rest.strip_prefix('@') {
                if !is_name(attribute) || steps.is_empty() {
                    return Err(wrong("an attribute's name is not one"));
                }
                return Ok(Self { steps, target: Target::Attribute(attribute.to_owned()) });
            }
            if rest == "text()" && !steps.is_empty() {
                return Ok(Self { steps, target: Target::Text });
            }
            let end = rest.find(['/', '[']).unwrap_or(rest.len());
            let (name, tail) = rest.split_at(end);
            if !is_name(name) {
                return Err(wrong("an element's name is missing or is not one"));
            }
            let mut step = Step { name: name.to_owned(), attributes: Vec::new(), place: None };
            rest = tail;
            while let Some(inner) = rest.strip_prefix('[') {
                rest = predicate(inner, &mut step)
                    .ok_or_else(|| wrong("a condition is neither `[@name='value']` nor `[2]`"))?;
            }
            steps.push(step);
            if rest.is_empty() {
                return Ok(Self { steps, target: Target::Text });
            }
            rest = rest.strip_prefix('/').ok_or_else(|| wrong("a `/` is missing"))?;
        }
    }
}

/// Reads one condition, behind its bracket, and gives what follows.
fn predicate<'t>(inner: &'t str, step: &mut Step) -> Option<&'t str> {
    if let Some(condition) = inner.strip_prefix('@') {
        let (name, rest) = condition.split_once('=')?;
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (value, rest) = rest.get(1..)?.split_once(quote)?;
        step.attributes.push((is_name(name).then(|| name.to_owned())?, value.to_owned()));
        return rest.strip_prefix(']');
    }
    let (number, rest) = inner.split_once(']')?;
    step.place = Some(number.parse().ok().filter(|place| *place > 0)?);
    Some(rest)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'))
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}

/// An element as it stands in the text.
#[derive(Debug)]
struct Element {
    name: String,
    /// From its `<` to behind its last `>`.
    start: usize,
    end: usize,
    /// Where another attribute can go: behind the last one.
    tag_content_end: usize,
    /// Behind the `>` of its first tag.
    tag_end: usize,
    is_empty_tag: bool,
    /// Each attribute's name, and where its value stands.
    attributes: Vec<(String, Range<usize>)>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    None,
    Text(Range<usize>),
    Elements,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&Range<usize>> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, range)| range)
    }

    /// An attribute with the blanks before it and its quotes.
    fn whole_attribute(&self, text: &str, name: &str) -> Option<Range<usize>> {
        let value = self.attribute(name)?;
        let before = text.get(self.start..value.start)?;
        let at = before.rfind(name)?;
        let head = before.get(..at)?;
        Some(self.start + head.trim_end().len()..value.end + 1)
    }
}

/// The elements that fit the path.
#[derive(Debug, Default)]
struct Found {
    fit: Vec<Element>,
}

impl Found {
    fn only(&self) -> Result<Option<&Element>, EditError> {
        match self.fit.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            several => Err(EditError::Ambiguous(several.len())),
        }
    }
}

/// An element that is open while the text is read.
struct Open {
    element: Element,
    /// How many steps of the path lead to it, when all of them do.
    depth: Option<usize>,
    /// For the next step, how many elements have fitted so far.
    fitted: usize,
}

fn find(text: &str, path: &Path) -> Result<Found, EditError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut found = Found::default();
    let mut open: Vec<Open> = Vec::new();
    let mut at_root = 0;
    loop {
        let start = offset(reader.buffer_position());
        let event = reader.read_event().map_err(|error| EditError::Syntax {
            line: line_number(text, offset(reader.error_position())),
            problem: error.to_string(),
        })?;
        let end = offset(reader.buffer_position());
        match event {
            Event::Eof => break,
            Event::Start(tag) => {
                if open.len() >= MAX_DEPTH {
                    let problem = format!("elements nest more than {MAX_DEPTH} deep");
                    return Err(EditError::Syntax { line: line_number(text, start), problem });
                }
                let element = element(text, &tag, start..end, false)?;
                let depth = fits(&element, text, path, &mut open, &mut at_root);
                open.push(Open { element, depth, fitted: 0 });
            }
            Event::Empty(tag) => {
                let element = element(text, &tag, start..end, true)?;
                let depth = fits(&element, text, path, &mut open, &mut at_root);
                keep(&mut found, Open { element, depth, fitted: 0 }, path);
            }
            Event::End(_) => {
                if let Some(mut closed) = open.pop() {
                    closed.element.end = end;
                    if matches!(closed.element.content, Content::None) && closed.element.tag_end < start {
                        closed.element.content = Content::Text(closed.element.tag_end..start);
                    }
                    keep(&mut found, closed, path);
                }
            }
            _ => {}
        }
    }
    if !open.is_empty() {
        return Err(EditError::Syntax {
            line: line_number(text, text.len()),
            problem: "an element is not closed".into(),
        });
    }
    Ok(found)
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// How many steps lead to an element that begins here.
fn fits(element: &Element, text: &str, path: &Path, open: &mut [Open], at_root: &mut usize) -> Option<usize> {
    let (depth, fitted) = match open.last_mut() {
        None => (0, at_root),
        Some(parent) => {
            parent.element.content = Content::Elements;
            (parent.depth?, &mut parent.fitted)
        }
    };
    let step = path.steps.get(depth)?;
    let local = element.name.rsplit(':').next().unwrap_or_default();
    let is_named = element.name == step.name || (!step.name.contains(':') && local == step.name);
    let has = |(name, value): &(String, String)| {
        let raw = element.attribute(name).and_then(|range| text.get(range.clone()));
        raw.is_some_and(|raw| plain(raw, text).is_ok_and(|found| found == *value))
    };
    if !is_named || !step.attributes.iter().all(has) {
        return None;
    }
    *fitted += 1;
    step.place.is_none_or(|place| place == *fitted).then_some(depth + 1)
}

fn keep(found: &mut Found, closed: Open, path: &Path) {
    if closed.depth == Some(path.steps.len()) {
        found.fit.push(closed.element);
    }
}

fn element(text: &str, tag: &BytesStart<'_>, whole: Range<usize>, is_empty_tag: bool) -> Result<Element, EditError> {
    let raw = text.get(whole.clone()).unwrap_or_default();
    let syntax = |problem: String| EditError::Syntax { line: line_number(text, whole.start), problem };
    let name = tag.name().as_ref().to_owned();
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| syntax(error.to_string()))?;
        let value: &str = &attribute.value;
        let from = place_in(text, value).ok_or_else(|| syntax("an attribute cannot be placed".into()))?;
        attributes.push((attribute.key.as_ref().to_owned(), from..from + value.len()));
    }
    let closing = if is_empty_tag { "/>" } else { ">" };
    let inside = raw.strip_suffix(closing).unwrap_or(raw).trim_end();
    Ok(Element {
        name,
        start: whole.start,
        end: whole.end,
        tag_content_end: whole.start + inside.len(),
        tag_end: whole.end,
        is_empty_tag,
        attributes,
        content: Content::None,
    })
}

/// Where a part that borrows from the text stands in it.
fn place_in(text: &str, part: &str) -> Option<usize> {
    let from = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (from + part.len() <= text.len()).then_some(from)
}

/// The characters that a stretch of XML stands for: entities resolved, sections of character data taken as they are.
fn plain(raw: &str, text: &str) -> Result<String, EditError> {
    let mut out = String::new();
    let mut rest = raw;
    let at = place_in(text, raw).unwrap_or_default();
    let syntax = |problem: String| EditError::Syntax { line: line_number(text, at), problem };
    while let Some(start) = rest.find("<!") {
        let (before, tail) = rest.split_at(start);
        out.push_str(&unescape(before).map_err(|error| syntax(error.to_string()))?);
        rest = if let Some(data) = tail.strip_prefix("<![CDATA[") {
            let (data, tail) = data.split_once("]]>").ok_or_else(|| syntax("character data are not closed".into()))?;
            out.push_str(data);
            tail
        } else {
            tail.split_once("-->").ok_or_else(|| syntax("a comment is not closed".into()))?.1
        };
    }
    out.push_str(&unescape(rest).map_err(|error| syntax(error.to_string()))?);
    Ok(out)
}

/// The quote before a value.
fn quote_at(text: &str, range: &Range<usize>) -> char {
    match text.get(..range.start).and_then(|before| before.chars().next_back()) {
        Some('\'') => '\'',
        _ => '"',
    }
}

fn attribute_text(value: &str, quote: char) -> String {
    let mut out = String::new();
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' if quote == '"' => out.push_str("&quot;"),
            '\'' if quote == '\'' => out.push_str("&apos;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}

/// New text in the form of the old: character data stay character data.
fn kept_form(text: &str, range: &Range<usize>, value: &str) -> String {
    let old = text.get(range.clone()).unwrap_or_default();
    let is_data = old.trim().starts_with("<![CDATA[") && old.trim().ends_with("]]>") && !value.contains("]]>");
    if !is_data {
        return escape(value).to_string();
    }
    let lead = old.len() - old.trim_start().len();
    let tail = old.trim_end().len();
    let (before, after) = (old.get(..lead).unwrap_or_default(), old.get(tail..).unwrap_or_default());
    // Blanks around the section are part of the text that is replaced, unless they were not wanted before either.
    if before.is_empty() && after.is_empty() { format!("<![CDATA[{value}]]>") } else { escape(value).to_string() }
}

/// Makes what is missing of a path below the last element of it that is there, which must be the only one of its kind.
fn creation(text: &str, path: &Path, value: &str) -> Result<Splice, EditError> {
    let end = line_break(text);
    let no_place = || EditError::NoPlace("an element asked for by its place is not made".into());
    if text.trim().is_empty() {
        let is_placed = path.steps.iter().any(|step| step.place.is_some());
        let whole = nested("", &path.steps, &path.target, value);
        let declared = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{end}{whole}{end}");
        return if is_placed { Err(no_place()) } else { Ok(Splice::replace(0..text.len(), declared)) };
    }
    let mut depth = path.steps.len();
    let parent = loop {
        depth = depth.saturating_sub(1);
        let steps = path.steps.get(..depth).filter(|steps| !steps.is_empty());
        let Some(steps) = steps else {
            return Err(EditError::NoPlace("the element at the top is another one".into()));
        };
        let above = Path { steps: steps.to_vec(), target: Target::Text };
        let mut found = find(text, &above)?;
        found.only()?;
        if let Some(parent) = found.fit.pop() {
            break parent;
        }
    };
    let missing = path.steps.get(depth..).unwrap_or_default();
    if missing.iter().any(|step| step.place.is_some()) {
        return Err(no_place());
    }
    if let Content::Text(range) = &parent.content
        && !plain(text.get(range.clone()).unwrap_or_default(), text)?.trim().is_empty()
    {
        return Err(EditError::NoPlace("text stands where the element would be made".into()));
    }
    let tag = nested(&parent.name, missing, &path.target, value);
    let own = indent_of(text, parent.start);
    let inner = format!("{own}{}", one_level(text));
    if parent.is_empty_tag {
        let tail = parent.tag_content_end..parent.end;
        return Ok(Splice::replace(tail, format!(">{end}{inner}{tag}{end}{own}</{}>", parent.name)));
    }
    let close = text.get(..parent.end).and_then(|before| before.rfind("</")).unwrap_or(parent.end);
    let before = text.get(parent.tag_end..close).unwrap_or_default();
    if before.trim().is_empty() && !before.contains(['\n', '\r']) {
        return Ok(Splice::replace(parent.tag_end..close, format!("{end}{inner}{tag}{end}{own}")));
    }
    // In front of the line that closes the parent, or right behind the last child.
    let kept = parent.tag_end + before.trim_end_matches([' ', '\t']).len();
    if text.get(..kept).is_some_and(|before| before.ends_with(['\n', '\r'])) {
        return Ok(Splice::insert(kept, format!("{inner}{tag}{end}")));
    }
    Ok(Splice::insert(close, tag))
}

/// The elements of these steps in each other, the value in the innermost.
fn nested(parent: &str, steps: &[Step], target: &Target, value: &str) -> String {
    let Some((step, inner)) = steps.split_first() else { return String::new() };
    let prefix = match parent.split_once(':') {
        Some((prefix, _)) if !step.name.contains(':') => format!("{prefix}:"),
        _ => String::new(),
    };
    let name = format!("{prefix}{}", step.name);
    let mut tag = format!("<{name}");
    for (attribute, wanted) in &step.attributes {
        tag.push_str(&format!(" {attribute}=\"{}\"", attribute_text(wanted, '"')));
    }
    match target {
        _ if !inner.is_empty() => tag.push_str(&format!(">{}</{name}>", nested(&name, inner, target, value))),
        Target::Attribute(attribute) => tag.push_str(&format!(" {attribute}=\"{}\" />", attribute_text(value, '"'))),
        Target::Text => tag.push_str(&format!(">{}</{name}>", escape(value))),
    }
    tag
}

/// The blanks before an element, when it begins its line.
fn indent_of(text: &str, start: usize) -> &str {
    let before = text.get(..start).unwrap_or_default();
    let line = before.get(before.rfind(['\n', '\r']).map_or(0, |end| end + 1)..).unwrap_or_default();
    if line.trim().is_empty() { line } else { "" }
}

/// The blanks of one level: those of the first indented line.
fn one_level(text: &str) -> &str {
    let indented = text.split(['\n', '\r']).find(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty());
    indented.map_or("  ", |line| line.get(..line.len() - line.trim_start().len()).unwrap_or("  "))
}

/// An element with the blanks before it and its line break, when nothing else is on its lines.
fn with_its_line(text: &str, range: Range<usize>) -> Range<usize> {
    let before = text.get(..range.start).unwrap_or_default();
    let line_start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let rest = text.get(range.end..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let after = rest.get(blank..).unwrap_or_default();
    let end = if after.starts_with("\r\n") { 2 } else { usize::from(after.starts_with(['\n', '\r'])) };
    let is_alone = text.get(line_start..range.start).is_some_and(|lead| lead.trim().is_empty()) && end > 0;
    if is_alone { line_start..range.end + blank + end } else { range }
}
