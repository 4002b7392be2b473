//! Facts as a document that asks for what is there.

use std::fmt::Write as _;

use crate::model::fact::{Facts, KeyState, KeyTree, Stored, ValueFact};
use crate::model::registry_data::{
    REG_BINARY, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_NONE, REG_QWORD, REG_SZ, Reading, RegistryData, hex,
};

/// A document and what could not be said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub text: String,
    pub skipped: Vec<String>,
}

/// Writes the captured registry keys as a `registry` section; keys without values are left out.
pub fn from_facts(facts: &Facts) -> Written {
    let mut written = Written { text: "version: 1\n".into(), skipped: Vec::new() };
    if let Ok(identity) = &facts.identity
        && let Some(name) = &identity.name
    {
        let _ = writeln!(written.text, "machine: {{ name: {} }}", quoted(name));
    }
    written.text.push_str("registry:\n");
    let mut any = false;
    for (key, _) in facts.asked() {
        match facts.key(key) {
            Some(Ok(KeyState::Present(fact))) => match &fact.tree {
                Some(tree) => any |= write_tree(&mut written, key.as_str(), tree),
                None => {
                    let values: Vec<&ValueFact> = fact.values();
                    any |= write_key(&mut written, key.as_str(), &values);
                }
            },
            Some(Ok(KeyState::Absent { .. })) => {}
            Some(Err(unread)) => written.skipped.push(format!("{key} ({unread})")),
            None => {}
        }
    }
    if !any {
        written.text.truncate(written.text.len() - "registry:\n".len());
        written.text.push_str("registry: {}\n");
    }
    written
}

fn write_tree(written: &mut Written, path: &str, tree: &KeyTree) -> bool {
    if tree.link {
        written.skipped.push(format!("{path} (a symbolic link)"));
        return false;
    }
    let mut any = write_key(written, path, &tree.values.iter().collect::<Vec<_>>());
    for subkey in &tree.subkeys {
        any |= write_tree(written, &format!("{path}\\{}", subkey.name), subkey);
    }
    any
}

fn write_key(written: &mut Written, path: &str, values: &[&ValueFact]) -> bool {
    let mut lines = Vec::new();
    for value in values {
        let name = if value.name.is_empty() { "(default)" } else { &value.name };
        let form = match &value.data {
            Stored::Plain(data) => form(data),
            Stored::Sealed { .. } => None,
        };
        match form {
            Some(form) if name == "(default)" || *value.name != *"(default)" => {
                lines.push(format!("      {}: {form}\n", quoted(name)));
            }
            _ => written.skipped.push(format!("{path}, value {name} ({})", value.data)),
        }
    }
    if lines.is_empty() {
        return false;
    }
    let _ = writeln!(written.text, "  {}:\n    values:", quoted(path));
    written.text.extend(lines);
    true
}

/// The long form of a value; `None` for types and data that a document cannot ask for.
fn form(data: &RegistryData) -> Option<String> {
    Some(match (data.value_type, data.reading()) {
        (REG_SZ, Reading::Text(text)) => format!("{{ sz: {} }}", quoted(&text)),
        (REG_EXPAND_SZ, Reading::Text(text)) => format!("{{ expand: {} }}", quoted(&text)),
        (REG_MULTI_SZ, Reading::Texts(texts)) => {
            format!("{{ multi: [{}] }}", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
        }
        (REG_DWORD, Reading::Number(number)) => format!("{{ dword: {number:#x} }}"),
        (REG_QWORD, Reading::Number(number)) => format!("{{ qword: {number:#x} }}"),
        (REG_BINARY, Reading::Bytes(bytes)) => format!("{{ binary: '{}' }}", hex(bytes)),
        (REG_NONE, Reading::Bytes(bytes)) => format!("{{ none: '{}' }}", hex(bytes)),
        _ => return None,
    })
}

/// A YAML scalar that reads as this text whatever it holds; `$` before a brace is doubled, so that no variable is meant.
fn quoted(text: &str) -> String {
    let text = text.replace("${", "$${");
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{FEFF}' | '\u{2028}' | '\u{2029}' | '\u{85}')) {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c.is_control() || matches!(c, '\u{FEFF}' | '\u{2028}' | '\u{2029}') => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        out.push('"');
        return out;
    }
    format!("'{}'", text.replace('\'', "''"))
}
