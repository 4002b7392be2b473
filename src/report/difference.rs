//! Two sets of statements about a machine, and what tells them apart.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::style::{Palette, Width, paint};
use super::text::counted;
use crate::model::fact::{KeyState, KeyTree, Observed, ValueFact};
use crate::model::registry::RegistryKey;
use crate::model::resource::ResourceId;
use crate::plan::Plan;

/// What is said of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Statement(String);

impl Statement {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Statements by address.
pub type Statements = BTreeMap<String, Statement>;

/// An address of which the two sides do not say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Statement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Statement>,
}

/// What differs between two sides, by address.
pub fn between(a: &Statements, b: &Statements) -> Vec<Difference> {
    let mut addresses: Vec<&String> = a.keys().chain(b.keys().filter(|address| !a.contains_key(*address))).collect();
    addresses.sort_unstable();
    let difference = |address: &String| {
        let (a, b) = (a.get(address), b.get(address));
        (a != b).then(|| Difference { address: address.clone(), a: a.cloned(), b: b.cloned() })
    };
    addresses.into_iter().filter_map(difference).collect()
}

/// What a plan would do to each resource.
pub fn of_plan(plan: &Plan) -> Statements {
    let mut out = Statements::new();
    for group in super::layout::groups(plan, usize::MAX, |_| true) {
        for entry in &group.entries {
            for line in &group.lines {
                let address = if matches!(&*line.name, "(key)" | "(certificate)") {
                    entry.clone()
                } else {
                    format!("{entry}.{}", line.name)
                };
                let value = match (&line.before, &line.after) {
                    (Some(before), Some(after)) => format!(" {before} → {after}"),
                    (Some(value), None) | (None, Some(value)) => format!(" {value}"),
                    (None, None) => String::new(),
                };
                out.insert(address, Statement(format!("{}{value}", line.symbol.text())));
            }
        }
    }
    out
}

/// What a snapshot says of each key and value.
pub fn of_snapshot(captured: &[(RegistryKey, Observed<KeyState>)]) -> Statements {
    let mut out = Statements::new();
    for (key, state) in captured {
        let id = ResourceId::new("registry", key.as_str());
        match state {
            Ok(KeyState::Present(fact)) => match &fact.tree {
                Some(tree) => say_tree(&mut out, key.as_str(), tree),
                None => say_key(&mut out, &id, fact.values().into_iter()),
            },
            Ok(KeyState::Absent { .. }) => drop(out.insert(id.to_string(), Statement::new("absent"))),
            Err(unread) => drop(out.insert(id.to_string(), Statement::new(unread.to_string()))),
        }
    }
    out
}

fn say_key<'v>(out: &mut Statements, id: &ResourceId, values: impl Iterator<Item = &'v ValueFact>) {
    out.insert(id.to_string(), Statement::new("present"));
    for value in values {
        out.insert(ResourceId::part_of(id, &value.name).to_string(), Statement::new(value.data.to_string()));
    }
}

fn say_tree(out: &mut Statements, path: &str, tree: &KeyTree) {
    say_key(out, &ResourceId::new("registry", path), tree.values.iter());
    for subkey in &tree.subkeys {
        say_tree(out, &format!("{path}\\{}", subkey.name), subkey);
    }
}

/// The differences for a person; the last line counts them.
pub fn text(differences: &[Difference], palette: &Palette, width: Width) -> String {
    let mut out = String::new();
    for Difference { address, a, b } in differences {
        let (style, sign) = match (a, b) {
            (None, _) => (palette.add, "+"),
            (_, None) => (palette.remove, "-"),
            _ => (palette.change, "~"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{} {}", paint(style, sign), width.beside(2).fit(address));
        for (side, said) in [("a", a), ("b", b)] {
            if let Some(Statement(text)) = said {
                let _ = writeln!(out, "    {side}: {}", width.beside(7).fit(text));
            }
        }
    }
    let count = if differences.is_empty() { "No differences".into() } else { counted(differences.len(), "difference") };
    let _ = writeln!(out, "{}", paint(palette.heading, &count));
    out
}

/// The differences for a program.
///
/// # Errors
/// Never for these types; serialisation reports it rather than panic.
pub fn json(differences: &[Difference]) -> Result<String, serde_json::Error> {
    let wire = serde_json::json!({ "format_version": crate::plan::wire::FORMAT_VERSION, "differences": differences });
    let mut text = serde_json::to_string_pretty(&wire)?;
    text.push('\n');
    Ok(text)
}
