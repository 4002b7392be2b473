//! From YAML text to a tree of nodes with places. Bounded in depth and size; refuses what a configuration has no use for:
//! several documents in one file, merge keys, tags beyond the core schema, keys that are no text.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::budget::{Budget, Refusal, measure};
use crate::model::decode::may_repeat;
use crate::model::diagnostic::{Diagnostic, Diagnostics};
use crate::model::node::{Content, Key, Mapping, Meaning, Node, Scalar, Style};
use crate::model::source::{FileId, Location, Sources};

/// How deep lists and mappings may be nested.
pub const MAX_DEPTH: usize = 64;
/// Parses a file of `sources`. `None` when it could not be read to its end; what was found is in `diagnostics`.
/// A file without content is an empty mapping.
pub fn parse<'s>(
    sources: &'s Sources,
    file: FileId,
    budget: &mut Budget,
    diagnostics: &mut Diagnostics,
) -> Option<Node<'s>> {
    let text = sources.text(file);
    let start = Location { file, line: 1, column: 1, length: 1 };
    let mut builder =
        Builder { sources, file, budget, diagnostics, open: Vec::new(), anchors: HashMap::new(), root: None };
    let spent = builder.budget.spend_text(text.len(), start).and_then(|()| check_style(text, start));
    if let Err(refusal) = spent.and_then(|()| builder.check_characters(text)).and_then(|()| builder.read(text)) {
        builder.diagnostics.push(*refusal);
        return None;
    }
    Some(builder.root.unwrap_or(Node { at: start, content: Content::Mapping(Mapping::default()) }))
}

/// What follows in an open mapping.
enum Expecting<'s> {
    Key,
    ValueOf(Key<'s>),
    /// The value of a key that was refused.
    Nothing,
}

enum Collection<'s> {
    Sequence(Vec<Node<'s>>),
    Mapping(Vec<(Key<'s>, Node<'s>)>, Expecting<'s>),
}

struct Open<'s> {
    at: Location,
    anchor: usize,
    collection: Collection<'s>,
}

struct Builder<'s, 'd> {
    sources: &'s Sources,
    file: FileId,
    budget: &'d mut Budget,
    diagnostics: &'d mut Diagnostics,
    open: Vec<Open<'s>>,
    anchors: HashMap<usize, Node<'s>>,
    root: Option<Node<'s>>,
}

impl<'s> Builder<'s, '_> {
    /// Refuses characters that YAML does not allow: the parser takes some of them for the end of the text.
    fn check_characters(&self, text: &str) -> Result<(), Refusal> {
        let forbidden = |c: char| match c {
            '\t' | '\n' | '\r' | '\u{85}' => false,
            c => c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'),
        };
        let Some((offset, c)) = text.char_indices().find(|(_, c)| forbidden(*c)) else { return Ok(()) };
        let (line, column) = line_and_column(text.get(..offset).unwrap_or_default());
        let at = Location { file: self.file, line, column, length: 1 };
        let message = format!("the control character U+{:04X} cannot stand in a document", u32::from(c));
        let hint = format!("in double quotes it can be written as \"\\u{:04X}\"", u32::from(c));
        Err(Box::new(Diagnostic::error("document.control_character", message).at(at).hint(hint)))
    }

    fn read(&mut self, text: &'s str) -> Result<(), Refusal> {
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| Box::new(self.syntax_error(&error)))?;
            self.event(event, span)?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'s>, span: Span) -> Result<(), Refusal> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let message = "a second document begins here; a file holds one";
                let diagnostic = Diagnostic::error("document.several_documents", message).at(self.location(span));
                Err(Box::new(diagnostic.hint("put it into a file of its own and name that under `include`")))
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span);
                self.start(Collection::Sequence(Vec::new()), anchor, span)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span);
                self.start(Collection::Mapping(Vec::new(), Expecting::Key), anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'s, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Refusal> {
        let at = self.scalar_location(&text, style, span);
        if style == ScalarStyle::DoubleQuoted && has_escaped_path(&text) {
            let message = "a backslash in double quotes was read as an escape";
            let diagnostic = Diagnostic::warning("document.escaped_backslash", message).at(at);
            self.diagnostics.push(diagnostic.hint("write paths in single quotes, where a backslash is a backslash"));
        }
        if self.expects_key() {
            self.key(text, style, at);
            return Ok(());
        }
        // A text over several lines is never a number: as a quoted one it can be written on one line again.
        let style = if style == ScalarStyle::Plain && !text.contains('\n') { Style::Plain } else { Style::Quoted };
        let mut scalar = Scalar { text, style };
        self.apply_scalar_tag(tag, &mut scalar, at);
        self.attach(Node { at, content: Content::Scalar(scalar) }, anchor)
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { collection: Collection::Mapping(_, Expecting::Key), .. }))
    }

    fn key(&mut self, text: Cow<'s, str>, style: ScalarStyle, at: Location) {
        let refusal = match (&*text, style) {
            ("", ScalarStyle::Plain) => {
                Some(Diagnostic::error("document.bad_key", "a key is missing before the colon").at(at))
            }
            ("<<", ScalarStyle::Plain) => {
                let message = "merge keys (`<<`) are not part of YAML 1.2";
                let hint = "share settings by `include`, or repeat a whole value with an alias (`*name`)";
                Some(Diagnostic::error("document.merge_key", message).at(at).hint(hint))
            }
            _ => None,
        };
        let next = match refusal {
            None => Expecting::ValueOf(Key { at, text }),
            Some(refusal) => {
                self.diagnostics.push(refusal);
                Expecting::Nothing
            }
        };
        if let Some(Open { collection: Collection::Mapping(_, expecting), .. }) = self.open.last_mut() {
            *expecting = next;
        }
    }

    fn start(&mut self, collection: Collection<'s>, anchor: usize, span: Span) -> Result<(), Refusal> {
        let at = self.location(span);
        if self.expects_key() {
            self.refuse_key(at, "a list or mapping");
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.open.push(Open { at, anchor, collection });
        Ok(())
    }

    fn refuse_key(&mut self, at: Location, what: &str) {
        let message = format!("a key must be a text, not {what}");
        let hint = "quote text that begins with `[`, `{`, `*` or `&`, or that holds `${…}` between braces";
        self.diagnostics.push(Diagnostic::error("document.bad_key", message).at(at).hint(hint));
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let Some(Open { at, anchor, collection }) = self.open.pop() else { return Ok(()) };
        let content = match collection {
            Collection::Sequence(items) => Content::Sequence(items),
            Collection::Mapping(mut entries, _) => {
                refuse_duplicates(&mut entries, self.diagnostics);
                Content::Mapping(Mapping { entries })
            }
        };
        self.attach(Node { at, content }, anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Refusal> {
        let at = self.location(span);
        if self.expects_key() {
            self.refuse_key(at, "an alias");
            return self.attach(Node { at, content: Content::Sequence(Vec::new()) }, 0);
        }
        let Some(node) = self.anchors.get(&anchor) else {
            let message = "the alias stands inside the value that it names";
            return Err(Box::new(Diagnostic::error("document.endless_alias", message).at(at)));
        };
        let extent = measure(node);
        if self.open.len() + extent.height > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.budget.spend_copy(&extent, at)?;
        let node = node.clone();
        self.attach(node, 0)
    }

    /// Puts a finished node where it belongs.
    fn attach(&mut self, node: Node<'s>, anchor: usize) -> Result<(), Refusal> {
        self.budget.spend_nodes(1, node.at)?;
        if anchor > 0 {
            self.budget.spend_copy(&measure(&node), node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.collection) {
            None => self.root = Some(node),
            Some(Collection::Sequence(items)) => items.push(node),
            Some(Collection::Mapping(entries, expecting)) => {
                *expecting = match std::mem::replace(expecting, Expecting::Key) {
                    Expecting::ValueOf(key) => {
                        entries.push((key, node));
                        Expecting::Key
                    }
                    // What was just read is a key that is no text: its value goes with it.
                    Expecting::Key => Expecting::Nothing,
                    Expecting::Nothing => Expecting::Key,
                };
            }
        }
        Ok(())
    }

    fn apply_scalar_tag(&mut self, tag: Option<&Tag>, scalar: &mut Scalar<'s>, at: Location) {
        let Some(tag) = tag else { return };
        let fits = match (core_tag(tag).as_deref(), scalar.meaning()) {
            (Some("str"), _) => {
                scalar.style = Style::Quoted;
                true
            }
            (Some("int"), Meaning::Integer(_))
            | (Some("float"), Meaning::Float(_) | Meaning::Integer(_))
            | (Some("bool"), Meaning::Bool(_))
            | (Some("null"), Meaning::Null) => true,
            _ => false,
        };
        if !fits {
            self.refuse_tag(tag, at);
        }
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag.filter(|tag| core_tag(tag).as_deref() != Some(expected)) {
            self.refuse_tag(tag, self.location(span));
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, at: Location) {
        let message = match core_tag(tag) {
            Some(name) => format!("the value is not what its tag `!!{name}` says"),
            None => "tags other than those of the core schema have no meaning here".to_owned(),
        };
        let hint = "drop the tag; a text is told from a number by quotes";
        self.diagnostics.push(Diagnostic::error("document.bad_tag", message).at(at).hint(hint));
    }

    /// The place of a scalar. The parser counts blanks after a closing quote in: they are taken off.
    fn scalar_location(&self, text: &str, style: ScalarStyle, span: Span) -> Location {
        /// Further right the place is left as it is: finding a column costs as much as it is far.
        const FAR: u32 = 1_000;
        let mut at = self.location(span);
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let exact = u32::try_from(text.chars().count()).is_ok_and(|chars| at.length == chars.saturating_add(2));
        if !quoted || exact || at.column > FAR || at.length > FAR {
            return at;
        }
        let (skipped, length) = (at.column.saturating_sub(1), at.length);
        let written = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let line = self.sources.line(at).unwrap_or_default();
        let blanks = line.chars().skip(written(skipped)).take(written(length)).collect::<String>();
        let blanks = blanks.len() - blanks.trim_end().len();
        at.length = u32::try_from(blanks).map_or(length, |blanks| length.saturating_sub(blanks)).max(1);
        at
    }

    fn location(&self, span: Span) -> Location {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let mut at = Location {
            file: self.file,
            line: number(span.start.line()),
            column: number(span.start.col().saturating_add(1)),
            length: number(span.end.index().saturating_sub(span.start.index())).max(1),
        };
        if span.end.line() != span.start.line() {
            let line = self.sources.line(at).map_or(0, |line| number(line.chars().count()));
            at.length = line.saturating_sub(at.column.saturating_sub(1)).max(1);
        }
        at
    }

    fn syntax_error(&self, error: &ScanError) -> Diagnostic {
        let marker = error.marker();
        let at = self.location(Span::empty(*marker));
        let line = self.sources.line(at).unwrap_or_default();
        let message = format!("this is not YAML: {}", error.info());
        Diagnostic::error("document.syntax", message).at(at).hint_if(syntax_hint(error.info(), line))
    }
}

/// Refuses a huge document in braces, such as JSON: the parser holds all its tokens, some 200 times its size, at once.
fn check_style(text: &str, start: Location) -> Result<(), Refusal> {
    const LARGEST: usize = 4 << 20;
    if text.len() <= LARGEST || !text.trim_start().starts_with(['{', '[']) {
        return Ok(());
    }
    let message = format!("a document in braces may have {} MiB", LARGEST >> 20);
    let hint = "write it in block style, one `key: value` to a line, or divide it by `include`";
    Err(Box::new(Diagnostic::error("document.too_much_in_braces", message).at(start).hint(hint)))
}

/// What probably led to a syntax error.
fn syntax_hint(message: &str, line: &str) -> Option<String> {
    let indentation = line.chars().take_while(|c| c.is_whitespace());
    let hint = if indentation.clone().any(|c| c == '\t') || message.contains("tab") {
        "YAML is indented with spaces, never with tabs"
    } else if message.contains("escape") {
        "write paths in single quotes, where a backslash is a backslash"
    } else if line.contains("${") {
        "inside { } or [ ] a text that holds `${…}` needs quotes; for a number, put the field on a line of its own: `dword: ${…}`"
    } else if message.contains("unknown anchor") {
        "an alias needs an anchor (`&name`) above it; a text that begins with `*` needs quotes"
    } else if message.contains("mapping values are not allowed") {
        "put text that holds a colon and a space in quotes"
    } else {
        return None;
    };
    Some(hint.into())
}

fn too_deep(at: Location) -> Refusal {
    let message = format!("lists and mappings are nested more than {MAX_DEPTH} deep");
    Box::new(Diagnostic::error("document.too_deep", message).at(at))
}

/// The name of a tag of the core schema; `str` for the tag `!`, which says that the value is no number.
fn core_tag(tag: &Tag) -> Option<String> {
    match format!("{}{}", tag.handle, tag.suffix) {
        full if full == "!" => Some("str".into()),
        full => full.strip_prefix("tag:yaml.org,2002:").map(Into::into),
    }
}

/// Reports keys that are there already and keeps the first of each.
pub fn refuse_duplicates(entries: &mut Vec<(Key<'_>, Node<'_>)>, diagnostics: &mut Diagnostics) {
    /// Up to here comparing each with each is faster than hashing.
    const FEW: usize = 8;
    let mut twice = Vec::new();
    if entries.len() <= FEW {
        for (index, (key, _)) in entries.iter().enumerate() {
            let first = entries.iter().take(index).find(|(earlier, _)| earlier.text == key.text);
            twice.extend(first.map(|(first, _)| (index, key.clone(), first.at)));
        }
    } else if may_repeat(entries.iter().map(|(key, _)| key.text.bytes())) {
        let mut seen: HashMap<&str, Location> = HashMap::with_capacity(entries.len());
        for (index, (key, _)) in entries.iter().enumerate() {
            match seen.get(&*key.text) {
                Some(first) => twice.push((index, key.clone(), *first)),
                None => drop(seen.insert(&key.text, key.at)),
            }
        }
    }
    for (_, Key { at, text: name }, first) in &twice {
        let diagnostic =
            Diagnostic::error("document.duplicate_key", format!("the key `{name}` is there twice")).at(*at);
        diagnostics.push(diagnostic.related(*first, "first written here"));
    }
    if !twice.is_empty() {
        let mut twice = twice.into_iter().map(|(index, _, _)| index).peekable();
        let mut index = 0;
        entries.retain(|_| {
            let keep = twice.next_if_eq(&index).is_none();
            index += 1;
            keep
        });
    }
}

/// Whether a text in double quotes looks like a path whose backslashes became escapes.
fn has_escaped_path(text: &str) -> bool {
    let odd = |c: char| {
        matches!(c, '\u{7}' | '\u{8}' | '\u{B}' | '\u{C}' | '\u{1B}' | '\u{85}' | '\u{A0}' | '\u{2028}' | '\u{2029}')
    };
    let mut chars = text.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':');
    drive && chars.any(|c| odd(c) || matches!(c, '\t' | '\n' | '\r'))
}

/// The line and column that follow `before`, counted from 1.
pub fn line_and_column(before: &str) -> (u32, u32) {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let breaks = before.replace("\r\n", "\n");
    let lines = breaks.split(['\n', '\r']);
    let column = breaks.rsplit(['\n', '\r']).next().map_or(0, |line| line.chars().count());
    (number(lines.count()), number(column).saturating_add(1))
}
