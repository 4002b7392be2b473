//! From a tree to canonical YAML text that parses to an equal tree: block style, keys and texts quoted where in doubt.

use crate::model::node::{Content, Mapping, Node, Scalar, Style};

/// Writes a document without variables: `${` is escaped, so that loading the text gives the same values.
pub fn emit(root: &Mapping<'_>) -> String {
    let mut out = String::new();
    if root.entries.is_empty() {
        out.push_str("{}\n");
    }
    entries(root, 0, &mut out);
    out
}

fn entries(mapping: &Mapping<'_>, indent: usize, out: &mut String) {
    for (key, node) in &mapping.entries {
        push_indent(indent, out);
        let text = key.text.replace("${", "$${");
        if is_plain(&text) && !text.is_empty() {
            out.push_str(&text)
        } else {
            push_quoted(&text, out)
        }
        out.push(':');
        value(node, indent, out);
    }
}

/// Writes what follows a colon or a dash, and the end of the line.
fn value(node: &Node<'_>, indent: usize, out: &mut String) {
    match &node.content {
        Content::Scalar(scalar) => push_scalar(scalar, out),
        Content::Sequence(items) if items.is_empty() => out.push_str(" []\n"),
        Content::Mapping(mapping) if mapping.entries.is_empty() => out.push_str(" {}\n"),
        Content::Sequence(items) => {
            out.push('\n');
            for item in items {
                push_indent(indent + 1, out);
                out.push('-');
                value(item, indent + 1, out);
            }
        }
        Content::Mapping(mapping) => {
            out.push('\n');
            entries(mapping, indent + 1, out);
        }
    }
}

fn push_scalar(scalar: &Scalar<'_>, out: &mut String) {
    match scalar.style {
        Style::Plain | Style::Expanded if scalar.text.is_empty() => {}
        Style::Plain | Style::Expanded => {
            out.push(' ');
            out.push_str(&scalar.text.replace("${", "$${"));
        }
        Style::Quoted => {
            out.push(' ');
            push_quoted(&scalar.text.replace("${", "$${"), out);
        }
    }
    out.push('\n');
}

fn push_indent(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", indent));
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => out.push_str(&escape(c)),
        }
    }
    out.push('"');
}

/// What stays readable in quotes; line separators, byte order marks and controls are escaped.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
}

fn escape(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xFFFF => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    }
}

/// Whether a text can stand without quotes anywhere: a cautious choice of characters, fewer than YAML allows.
pub fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let first = match chars.next() {
        None | Some('~') => return text.len() <= 1,
        Some(first) => first,
    };
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | '/' | '\\');
    let starts = first.is_ascii_alphanumeric()
        || matches!(first, '_' | '/' | '\\')
        || (matches!(first, '-' | '+' | '.')
            && text.chars().nth(1).is_some_and(|c| c.is_ascii_alphanumeric() || c == '.'));
    starts && chars.all(inner) && text != "---" && text != "..."
}
