//! `${name}`, `${machine.name}`, `${machine.fqdn}`, `${env:NAME}` and `${env:NAME:-text}` in values and keys; `$${` is `${`.
//! Bounded: how deep variables use each other, how long one text and all texts together become.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::emit::is_plain;
use super::parse::refuse_duplicates;
use crate::model::diagnostic::{Diagnostic, Diagnostics};
use crate::model::node::{Content, Mapping, Meaning, Node, Scalar, Style};
use crate::model::source::Location;

/// How deep variables may use each other.
const MAX_DEPTH: usize = 64;
/// How long one text may become, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// How long all texts with variables in them may become together, in bytes.
const MAX_TOTAL: usize = 16 << 20;

/// Looks up an environment variable.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// The variables of a document, resolved as they are used.
pub struct Variables<'s, 'e> {
    defined: BTreeMap<String, Variable<'s>>,
    environment: Environment<'e>,
    /// The variables being resolved, outermost first.
    resolving: Vec<String>,
    written: usize,
}

#[derive(Clone)]
struct Variable<'s> {
    at: Location,
    state: State<'s>,
}

#[derive(Clone)]
enum State<'s> {
    Unresolved(Scalar<'s>),
    Resolved(Scalar<'s>),
    /// Its error has been reported.
    Failed,
}

/// The names that stand for the machine.
const MACHINE_NAME: &str = "machine.name";
const MACHINE_DOMAIN: &str = "machine.domain";
const MACHINE_FQDN: &str = "machine.fqdn";

impl<'s, 'e> Variables<'s, 'e> {
    pub fn new(environment: Environment<'e>) -> Self {
        Self { defined: BTreeMap::new(), environment, resolving: Vec::new(), written: 0 }
    }

    /// Takes in the document's `variables`; a mapping inside gives names with dots.
    pub fn define(&mut self, node: &Node<'s>, diagnostics: &mut Diagnostics) {
        self.define_below("", node, diagnostics);
    }

    fn define_below(&mut self, prefix: &str, node: &Node<'s>, diagnostics: &mut Diagnostics) {
        let Some(mapping) = node.as_mapping() else {
            let message = format!("expected a mapping of variables, found {}", node.describe());
            diagnostics.push(Diagnostic::error("document.wrong_type", message).at(node.at));
            return;
        };
        for (key, node) in &mapping.entries {
            let name = format!("{prefix}{}", key.text);
            let usable = key.text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
            if !usable || key.text.is_empty() || name == "machine" || name.starts_with("machine.") || name == "env" {
                let message = "this cannot be the name of a variable";
                let hint = "names have letters, digits, `_`, `-` and `.`; `machine` and `env` are taken";
                diagnostics.push(Diagnostic::error("document.bad_variable", message).at(key.at).hint(hint));
                continue;
            }
            match &node.content {
                Content::Mapping(_) => self.define_below(&format!("{name}."), node, diagnostics),
                Content::Scalar(scalar) if !scalar.is_null() => self.set(name, scalar.clone(), key.at, diagnostics),
                _ => {
                    let message = format!("a variable is a text, a number or a boolean, not {}", node.describe());
                    diagnostics.push(Diagnostic::error("document.bad_variable", message).at(node.at));
                }
            }
        }
    }

    /// Takes in `machine.name` and `machine.domain`.
    pub fn define_machine(&mut self, machine: &Mapping<'s>, diagnostics: &mut Diagnostics) {
        for (field, name) in [("name", MACHINE_NAME), ("domain", MACHINE_DOMAIN)] {
            if let Some((key, node)) = machine.entry(field)
                && let Some(scalar) = node.as_scalar()
            {
                self.set(name.into(), scalar.clone(), key.at, diagnostics);
            }
        }
    }

    fn set(&mut self, name: String, scalar: Scalar<'s>, at: Location, diagnostics: &mut Diagnostics) {
        if let Some(first) = self.defined.get(&name) {
            let message = format!("the variable `{name}` is there twice");
            diagnostics.push(
                Diagnostic::error("document.bad_variable", message).at(at).related(first.at, "first written here"),
            );
            return;
        }
        self.defined.insert(name, Variable { at, state: State::Unresolved(scalar) });
    }

    /// Resolves every variable, used or not, so that each error in one is reported.
    pub fn resolve_all(&mut self, diagnostics: &mut Diagnostics) {
        let mut names: Vec<(Location, String)> =
            self.defined.iter().map(|(name, variable)| (variable.at, name.clone())).collect();
        names.sort();
        for (at, name) in names {
            self.resolve(&name, at, diagnostics);
        }
    }

    /// Replaces the references in every text and key of a tree.
    pub fn expand(&mut self, node: &mut Node<'s>, diagnostics: &mut Diagnostics) {
        match &mut node.content {
            Content::Scalar(scalar) => {
                if scalar.text.contains("${") {
                    match self.expand_scalar(scalar, node.at, diagnostics) {
                        Some(expanded) => *scalar = expanded,
                        // What else is wrong with the text follows from this.
                        None => diagnostics.silence(node.at),
                    }
                }
            }
            Content::Sequence(items) => items.iter_mut().for_each(|item| self.expand(item, diagnostics)),
            Content::Mapping(mapping) => self.expand_mapping(mapping, diagnostics),
        }
    }

    fn expand_mapping(&mut self, mapping: &mut Mapping<'s>, diagnostics: &mut Diagnostics) {
        let mut changed = false;
        for (key, node) in &mut mapping.entries {
            if key.text.contains("${") {
                match self.expand_text(&key.text, key.at, diagnostics) {
                    Some(text) => {
                        key.text = Cow::Owned(text);
                        changed = true;
                    }
                    None => diagnostics.silence(key.at),
                }
            }
            self.expand(node, diagnostics);
        }
        if changed {
            refuse_duplicates(&mut mapping.entries, diagnostics);
        }
    }

    /// A text without quotes that is one reference becomes what the variable is: a number stays one, a quoted text too.
    fn expand_scalar(
        &mut self,
        scalar: &Scalar<'s>,
        at: Location,
        diagnostics: &mut Diagnostics,
    ) -> Option<Scalar<'s>> {
        // Beyond the limit, which has been reported, nothing is even looked up.
        self.count(0, at, diagnostics)?;
        if !scalar.is_quoted()
            && let Some(Segment::Reference(Reference::Variable(name))) = only_segment(&scalar.text)
        {
            let resolved = self.resolve(name, at, diagnostics)?;
            self.count(resolved.text.len(), at, diagnostics)?;
            let style = if resolved.is_quoted() { Style::Quoted } else { Style::Expanded };
            return Some(Scalar { style, ..resolved });
        }
        let text = self.expand_text(&scalar.text, at, diagnostics)?;
        let style = if scalar.is_quoted() || !is_plain(&text) { Style::Quoted } else { Style::Expanded };
        Some(Scalar { text: Cow::Owned(text), style })
    }

    fn expand_text(&mut self, text: &str, at: Location, diagnostics: &mut Diagnostics) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut complete = true;
        for segment in Segments(text) {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Reference(reference) => match self.reference(reference, at, diagnostics) {
                    Some(value) => out.push_str(&value),
                    None => complete = false,
                },
                Segment::Broken(message) => {
                    let diagnostic = Diagnostic::error("document.bad_reference", message).at(at);
                    diagnostics.push(diagnostic.hint("write `$${` for the characters `${` themselves"));
                    return None;
                }
            }
            if out.len() > MAX_TEXT {
                let message = format!("the text grows beyond {MAX_TEXT} bytes through its variables");
                diagnostics.push(Diagnostic::error("document.text_too_long", message).at(at));
                return None;
            }
        }
        self.count(out.len(), at, diagnostics)?;
        complete.then_some(out)
    }

    fn count(&mut self, length: usize, at: Location, diagnostics: &mut Diagnostics) -> Option<()> {
        let before = self.written;
        self.written = before.saturating_add(length);
        if self.written <= MAX_TOTAL {
            return Some(());
        }
        if before <= MAX_TOTAL {
            let message = format!("the document grows by more than {MAX_TOTAL} bytes through its variables");
            diagnostics.push(Diagnostic::error("document.text_too_long", message).at(at));
        }
        None
    }

    fn reference(
        &mut self,
        reference: Reference<'_>,
        at: Location,
        diagnostics: &mut Diagnostics,
    ) -> Option<Cow<'s, str>> {
        match reference {
            Reference::Variable(name) => self.resolve(name, at, diagnostics).map(|scalar| scalar.text),
            Reference::Environment { name, default } => {
                let value = (self.environment)(name).or_else(|| default.map(Into::into));
                if value.is_none() {
                    let message = format!("the environment variable `{name}` is not set");
                    let hint = format!("set it, or give a text for that case: `${{env:{name}:-text}}`");
                    diagnostics.push(Diagnostic::error("document.unset_environment", message).at(at).hint(hint));
                }
                value.map(Cow::Owned)
            }
        }
    }

    fn resolve(&mut self, name: &str, at: Location, diagnostics: &mut Diagnostics) -> Option<Scalar<'s>> {
        if name == MACHINE_FQDN {
            let host = self.resolve(MACHINE_NAME, at, diagnostics);
            let domain = self.resolve(MACHINE_DOMAIN, at, diagnostics);
            let text = format!("{}.{}", host?.text, domain?.text);
            return Some(Scalar { text: Cow::Owned(text), style: Style::Quoted });
        }
        let Some(variable) = self.defined.get(name).cloned() else {
            let unknown = self.unknown(name, at, diagnostics);
            diagnostics.push(unknown);
            return None;
        };
        let scalar = match variable.state {
            State::Resolved(scalar) => return Some(scalar),
            State::Failed => return None,
            State::Unresolved(scalar) => scalar,
        };
        if let Some(refusal) = self.refuse_circle(name, variable.at) {
            diagnostics.push(refusal);
            return None;
        }
        self.resolving.push(name.to_owned());
        let resolved = if scalar.text.contains("${") {
            self.expand_scalar(&scalar, variable.at, diagnostics)
        } else {
            Some(scalar)
        };
        self.resolving.pop();
        let state = resolved.clone().map_or(State::Failed, State::Resolved);
        self.defined.insert(name.to_owned(), Variable { at: variable.at, state });
        resolved
    }

    fn refuse_circle(&self, name: &str, at: Location) -> Option<Diagnostic> {
        if let Some(start) = self.resolving.iter().position(|known| known == name) {
            let circle: Vec<&str> = self.resolving.iter().skip(start).map(String::as_str).chain([name]).collect();
            let message = format!("variables use each other in a circle: {}", circle.join(" → "));
            return Some(Diagnostic::error("document.variable_cycle", message).at(at));
        }
        if self.resolving.len() >= MAX_DEPTH {
            let message = format!("variables use each other more than {MAX_DEPTH} deep");
            return Some(Diagnostic::error("document.variable_depth", message).at(at));
        }
        None
    }

    fn unknown(&self, name: &str, at: Location, diagnostics: &mut Diagnostics) -> Diagnostic {
        let hint = match name {
            MACHINE_NAME | MACHINE_DOMAIN => {
                let field = name.trim_start_matches("machine.");
                format!("say `{field}` under `machine`{}", if field == "name" { ", or use --machine-name" } else { "" })
            }
            _ => {
                let known = self.defined.keys().map(String::as_str).chain([MACHINE_FQDN]);
                match diagnostics.nearest(name, known) {
                    Some(near) => format!("did you mean `${{{near}}}`?"),
                    None => "define it under `variables`; write `$${` for the characters `${` themselves".into(),
                }
            }
        };
        Diagnostic::error("document.unknown_variable", format!("there is no variable `{name}`")).at(at).hint(hint)
    }
}

/// What a text may refer to.
enum Reference<'t> {
    Variable(&'t str),
    Environment { name: &'t str, default: Option<&'t str> },
}

enum Segment<'t> {
    Text(&'t str),
    Reference(Reference<'t>),
    /// No reference, for this reason.
    Broken(&'static str),
}

/// The one reference that a text consists of.
fn only_segment(text: &str) -> Option<Segment<'_>> {
    let mut segments = Segments(text);
    let first = segments.next()?;
    segments.next().is_none().then_some(first)
}

/// Takes a text apart at its references.
struct Segments<'t>(&'t str);

impl<'t> Iterator for Segments<'t> {
    type Item = Segment<'t>;

    fn next(&mut self) -> Option<Segment<'t>> {
        if self.0.is_empty() {
            return None;
        }
        if let Some(rest) = self.0.strip_prefix("$${") {
            self.0 = rest;
            return Some(Segment::Text("${"));
        }
        if let Some(rest) = self.0.strip_prefix("${") {
            let Some((inner, rest)) = rest.split_once('}') else {
                self.0 = "";
                return Some(Segment::Broken("`${` is not closed by `}`"));
            };
            self.0 = rest;
            return Some(match reference(inner) {
                Reference::Variable("") | Reference::Environment { name: "", .. } => {
                    Segment::Broken("`${…}` names no variable")
                }
                reference => Segment::Reference(reference),
            });
        }
        let end = self.0.find("${").unwrap_or(self.0.len());
        // A dollar before the brace's dollar belongs to the escape.
        let end = match self.0.get(..end) {
            Some(before) if end > 1 && end < self.0.len() && before.ends_with('$') => end - 1,
            _ => end,
        };
        let (text, rest) = self.0.split_at_checked(end.max(1)).unwrap_or((self.0, ""));
        self.0 = rest;
        Some(Segment::Text(text))
    }
}

fn reference(inner: &str) -> Reference<'_> {
    match inner.strip_prefix("env:") {
        None => Reference::Variable(inner.trim()),
        Some(env) => match env.split_once(":-") {
            Some((name, default)) => Reference::Environment { name, default: Some(default) },
            None => Reference::Environment { name: env, default: None },
        },
    }
}

/// Whether a scalar could be the value of a variable as it stands: used for those given on the command line.
pub fn command_line_scalar(text: &str) -> Scalar<'static> {
    let scalar = Scalar { text: Cow::Owned(text.to_owned()), style: Style::Plain };
    let style = match scalar.meaning() {
        Meaning::Integer(_) | Meaning::Bool(_) => Style::Expanded,
        _ => Style::Quoted,
    };
    Scalar { style, ..scalar }
}
