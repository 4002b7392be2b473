//! Findings as text for people: place, line, caret, hint. Shows nothing that a finding conceals.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::source::{FileId, Location, Sources};

/// Whether the text is for a terminal that shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Plain,
    Styled,
}

/// Characters of a line that are shown before and after a caret.
const SHOWN_BEFORE: usize = 2_000;
const SHOWN_AFTER: usize = 2_000;
/// A line is not shown at columns further right: finding one costs as much as it is far.
const FAR: u32 = 50_000;
/// What stands for the rest of a line that may hold a secret.
const NOT_SHOWN: &str = "(not shown)";

/// Renders findings in the order given, separated by empty lines.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colour: Colour) -> String {
    let renderer = match colour {
        Colour::Plain => Renderer::plain(),
        Colour::Styled => Renderer::styled(),
    };
    let view = View { sources, concealed: concealed(diagnostics) };
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[view.group(diagnostic)]));
        out.push('\n');
    }
    out
}

/// The column from which a line must not be shown, by file and line.
type Concealed = HashMap<(FileId, u32), u32>;

fn concealed(diagnostics: &[Diagnostic]) -> Concealed {
    let mut concealed = Concealed::new();
    for at in diagnostics.iter().filter_map(|diagnostic| diagnostic.conceals) {
        let column = concealed.entry((at.file, at.line)).or_insert(at.column);
        *column = at.column.min(*column);
    }
    concealed
}

struct View<'s> {
    sources: &'s Sources,
    concealed: Concealed,
}

impl View<'_> {
    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level
            .primary_title(&*diagnostic.message)
            .id(diagnostic.code)
            .elements(Vec::<Snippet<'a, Annotation<'a>>>::new());
        if let Some(at) = diagnostic.at {
            group = self.place(group, at, AnnotationKind::Primary, diagnostic.label.as_deref());
        }
        for (at, what) in &diagnostic.related {
            group = self.place(group, *at, AnnotationKind::Context, Some(what));
        }
        match &diagnostic.hint {
            Some(hint) => group.element(Level::HELP.message(normalize_untrusted_str(hint))),
            None => group,
        }
    }

    /// Adds a place: its name, its line, its caret.
    fn place<'a>(&'a self, group: Group<'a>, at: Location, kind: AnnotationKind, label: Option<&'a str>) -> Group<'a> {
        let name = self.sources.name(at.file);
        let origin = || Origin::path(name).line(number(at.line)).char_column(number(at.column));
        let line = self.sources.line(at).filter(|_| at.column < FAR);
        let Some(line) = line else { return group.element(origin()) };
        let visible =
            self.concealed.get(&(at.file, at.line)).map_or(usize::MAX, |column| number(*column).saturating_sub(1));
        let window = Window::around(line, at, visible);
        let annotation = kind.span(window.span).label(label.map(Cow::Borrowed));
        let snippet = Snippet::source(window.text).line_start(number(at.line)).annotation(annotation);
        match window.extent {
            Extent::FromStart => group.element(snippet.path(name)),
            // The column in the name must be the file's, not the window's.
            Extent::Inside => group.element(origin()).element(snippet),
        }
    }
}

fn number(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Whether a window begins where its line does.
enum Extent {
    FromStart,
    Inside,
}

/// The part of a line around a place.
struct Window {
    text: String,
    /// The place in `text`, in bytes.
    span: Range<usize>,
    extent: Extent,
}

impl Window {
    /// Cuts a window that ends before the character `visible`, where something begins that must not be shown.
    fn around(line: &str, at: Location, visible: usize) -> Self {
        let start = number(at.column).saturating_sub(1).min(visible);
        let end = start.saturating_add(number(at.length.max(1)));
        let extent = if start > SHOWN_BEFORE { Extent::Inside } else { Extent::FromStart };
        let (first, mut text) = match extent {
            Extent::Inside => (start - SHOWN_BEFORE / 2, String::from("…")),
            Extent::FromStart => (0, String::new()),
        };
        let (mut span_start, mut span_end) = (None, None);
        let mut rest = "";
        for (index, c) in line.chars().enumerate().skip(first) {
            if index >= visible || index >= start.saturating_add(SHOWN_AFTER) {
                rest = if index >= visible { NOT_SHOWN } else { "…" };
                break;
            }
            if index == start {
                span_start = Some(text.len());
            }
            if index == end {
                span_end = Some(text.len());
            }
            text.push(c);
        }
        let span_start = span_start.unwrap_or(text.len());
        text.push_str(rest);
        let span_end = span_end.unwrap_or(text.len()).max(span_start);
        Self { text, span: span_start..span_end, extent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::budget::Budget;
    use crate::document::parse::parse;
    use crate::model::decode::{Decode as _, Decoder};
    use crate::model::secret::SecretReference;

    #[test]
    fn what_may_be_a_secret_is_never_shown() {
        let cases =
            ["{ b: hunter2, a: x }", "{ b: { env: [1], plain: hunter2 }, a: x }", "{ a: x, b: { value: hunter2 } }"];
        for text in cases {
            let sources = Sources::default();
            let file = sources.add("site.yaml", text).unwrap();
            let mut cx = Decoder::default();
            let node = parse(&sources, file, &mut Budget::default(), &mut cx.diagnostics).unwrap();
            let mapping = node.as_mapping().unwrap();
            assert_eq!(SecretReference::decode(mapping.get("b").unwrap(), &mut cx), None);
            // Another finding on the same line must not show it either.
            cx.push(Diagnostic::error("test.other", "other").at(mapping.entry("a").unwrap().0.at));
            let shown = render(&cx.diagnostics.into_sorted(), &sources, Colour::Plain);
            assert!(shown.contains("(not shown)") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn tabs_wide_characters_and_line_ends_have_their_column() {
        let sources = Sources::default();
        let file = sources.add("a.yaml", "\t日本: x\r\nend").unwrap();
        let at = |line, column, length| Diagnostic::error("test.x", "m").at(Location { file, line, column, length });
        let shown = render(&[at(1, 6, 1), at(2, 4, 9), at(9, 1, 1)], &sources, Colour::Plain);
        insta::assert_snapshot!(shown, @r#"
        error[test.x]: m
         --> a.yaml:1:6
          |
        1 |     日本: x
          |           ^

        error[test.x]: m
         --> a.yaml:2:4
          |
        2 | end
          |    ^

        error[test.x]: m
        --> a.yaml:9:1
        "#);
        assert!(render(&[at(1, 6, 1)], &sources, Colour::Styled).contains('\u{1b}'));
    }
}
