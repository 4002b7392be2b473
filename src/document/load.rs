//! The order in which a document comes together: files with their includes, overlays, the machine's own part, variables.

use std::borrow::Cow;
use std::collections::HashMap;

use super::bookkeeping::name_of_file;
use super::budget::Budget;
use super::desired::{self, Desired, Head, Overlay};
use super::emit::emit;
use super::material;
use super::merge::{Overridden, merge};
use super::parse;
use super::read::{FileReader, MAX_FILE, TextError, resolve_name, text_of};
use super::variables::{Environment, Variables, command_line_scalar};
use crate::formats::upcase;
use crate::kinds::sections::{SECTIONS, Section};
use crate::model::decode::{Decode as _, Decoder};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Content, Key, Mapping, Node, Scalar, Style};
use crate::model::source::{FileId, Location, MAX_FILES, Sources, Spanned};

/// How deep files may include each other.
const MAX_INCLUDE_DEPTH: usize = 32;
/// How many files may be taken in, counting one as often as it is included.
const MAX_INCLUDES: usize = 2_000;

/// Up to this many machines are named when another one was asked for.
const SHOWN_MACHINES: usize = 10;

/// What the command line adds to a document.
#[derive(Clone, Copy)]
pub struct LoadOptions<'a> {
    /// Variables that win over those of the document.
    pub variables: &'a [(String, String)],
    /// Files that are laid over all others.
    pub overlays: &'a [String],
    /// The machine that the document is for, in place of `machine.name`.
    pub machine_name: Option<&'a str>,
    pub environment: Environment<'a>,
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        Self { variables: &[], overlays: &[], machine_name: None, environment: &|_| None }
    }
}

impl std::fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadOptions")
            .field("overlays", &self.overlays)
            .field("machine_name", &self.machine_name)
            .finish_non_exhaustive()
    }
}

/// A document without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub desired: Desired,
    pub warnings: Vec<Diagnostic>,
}

/// A document with errors: all of them, with the warnings, and the files that they speak of.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the document has errors")]
pub struct LoadFailure {
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Sources,
}

/// Loads the files in order, each laid over those before it.
///
/// # Errors
/// When anything in the document is wrong.
pub fn load(reader: &mut dyn FileReader, files: &[String], options: &LoadOptions<'_>) -> Result<Loaded, LoadFailure> {
    let sources = Sources::default();
    let mut loader = Loader::new(reader, &sources);
    let assembled = loader.assemble(files, options);
    let decoded = assembled.and_then(|root| {
        material::gather(&root, &sources, loader.reader, &mut loader.decoder);
        desired::decode(&root, &mut loader.decoder)
    });
    let Loader { decoder, overridden, .. } = loader;
    let has_errors = decoder.diagnostics.has_errors();
    let diagnostics = decoder.diagnostics.into_sorted();
    match decoded {
        Some(finish) if !has_errors => Ok(Loaded { desired: finish(sources, overridden), warnings: diagnostics }),
        _ => Err(LoadFailure { diagnostics, sources }),
    }
}

/// The document as one text: merged, variables resolved, the machine's part laid in, with the name that its record has.
/// Loading it gives the same document.
///
/// # Errors
/// When the files cannot be put together; whether they make sense is not looked at.
pub fn merged_text(
    reader: &mut dyn FileReader,
    files: &[String],
    options: &LoadOptions<'_>,
) -> Result<String, LoadFailure> {
    let sources = Sources::default();
    let mut loader = Loader::new(reader, &sources);
    let text = loader.assemble(files, options).and_then(|mut root| {
        material::inline(&mut root, &sources, loader.reader, &mut loader.decoder);
        if let Content::Mapping(mapping) = &mut root.content {
            if mapping.get("name").is_none() {
                let text = Cow::Owned(name_of_file(sources.names().next().unwrap_or_default()));
                let name = Node { at: root.at, content: Content::Scalar(Scalar { text, style: Style::Quoted }) };
                mapping.entries.push((Key { at: root.at, text: Cow::Borrowed("name") }, name));
            }
            // The head first, whichever file named what first.
            let rank = |name: &str| Head::OWN_FIELDS.iter().position(|field| *field == name).unwrap_or(usize::MAX);
            mapping.entries.sort_by_key(|(key, _)| rank(&key.text));
        }
        root.as_mapping().map(emit)
    });
    let diagnostics = loader.decoder.diagnostics;
    match text {
        Some(text) if !diagnostics.has_errors() => Ok(text),
        _ => Err(LoadFailure { diagnostics: diagnostics.into_sorted(), sources }),
    }
}

/// Whether all files could be read; what follows from a missing one is not reported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Completeness {
    Complete,
    Incomplete,
}

struct Loader<'s, 'r> {
    reader: &'r mut dyn FileReader,
    sources: &'s Sources,
    files: HashMap<String, FileId>,
    taken_in: usize,
    budget: Budget,
    decoder: Decoder,
    overridden: Overridden,
    completeness: Completeness,
}

impl<'s, 'r> Loader<'s, 'r> {
    fn new(reader: &'r mut dyn FileReader, sources: &'s Sources) -> Self {
        Self {
            reader,
            sources,
            files: HashMap::new(),
            taken_in: 0,
            budget: Budget::default(),
            decoder: Decoder::default(),
            overridden: Overridden::default(),
            completeness: Completeness::Complete,
        }
    }

    /// Puts the document together, ready to be decoded; `None` when a part of it is missing.
    fn assemble(&mut self, files: &[String], options: &LoadOptions<'_>) -> Option<Node<'s>> {
        let mut whole = Node { at: Location::default(), content: Content::Mapping(Mapping::default()) };
        for (index, name) in files.iter().chain(options.overlays).enumerate() {
            if let Some(node) = self.file(name, None, &mut Vec::new()) {
                if index == 0 {
                    whole.at = node.at;
                }
                self.lay_over(&mut whole, node);
            }
        }
        let command_line = self.command_line(options);
        if let Some(over) = command_line.clone() {
            self.lay_over(&mut whole, over);
        }
        self.machine_part(&mut whole, options);
        // The command line has the last word, also over the machine's part.
        if let Some(over) = command_line {
            self.lay_over(&mut whole, over);
        }
        if self.completeness == Completeness::Incomplete {
            return None;
        }
        self.variables(&mut whole, options);
        self.defaults(&mut whole);
        Some(whole)
    }

    fn lay_over(&mut self, base: &mut Node<'s>, over: Node<'s>) {
        if let (Content::Mapping(base), Content::Mapping(over)) = (&mut base.content, over.content) {
            merge(base, over, &mut self.overridden);
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.decoder.push(diagnostic);
    }

    /// Reads a file and lays it over what it includes. `chain` holds the files that led to it, outermost first.
    fn file(&mut self, name: &str, included_at: Option<Location>, chain: &mut Vec<String>) -> Option<Node<'s>> {
        if chain.iter().any(|earlier| earlier == name) || chain.len() >= MAX_INCLUDE_DEPTH {
            self.refuse_chain(name, included_at, chain);
            return None;
        }
        self.taken_in += 1;
        if self.taken_in > MAX_INCLUDES {
            if self.taken_in == MAX_INCLUDES + 1 {
                let message = format!("more than {MAX_INCLUDES} files are taken in, repeated ones counted");
                let diagnostic = Diagnostic::error("document.too_many_includes", message);
                self.push(Diagnostic { at: included_at, ..diagnostic });
            }
            self.completeness = Completeness::Incomplete;
            return None;
        }
        let parsed = self
            .source(name, included_at)
            .and_then(|file| parse::parse(self.sources, file, &mut self.budget, &mut self.decoder.diagnostics));
        let Some(mut node) = parsed else {
            self.completeness = Completeness::Incomplete;
            return None;
        };
        let at = node.at;
        let Content::Mapping(mapping) = &mut node.content else {
            self.completeness = Completeness::Incomplete;
            return self.decoder.wrong_type(&node, "a mapping of sections");
        };
        if let Some(version) = mapping.get("version") {
            // Each file is checked: one of another version must not hide behind the file that wins.
            desired::Version::decode(version, &mut self.decoder);
        }
        let includes = mapping.remove("include");
        chain.push(name.to_owned());
        let mut whole = Node { at, content: Content::Mapping(Mapping::default()) };
        self.includes(includes, name, chain, &mut whole);
        chain.pop();
        self.lay_over(&mut whole, node);
        Some(whole)
    }

    fn refuse_chain(&mut self, name: &str, included_at: Option<Location>, chain: &[String]) {
        let links: Vec<&str> = chain.iter().map(String::as_str).chain([name]).collect();
        let diagnostic = if chain.len() >= MAX_INCLUDE_DEPTH {
            Diagnostic::error(
                "document.include_depth",
                format!("files include each other more than {MAX_INCLUDE_DEPTH} deep"),
            )
        } else {
            Diagnostic::error(
                "document.include_cycle",
                format!("files include each other in a circle: {}", links.join(" → ")),
            )
        };
        self.completeness = Completeness::Incomplete;
        self.push(Diagnostic { at: included_at, ..diagnostic });
    }

    /// Lays the files of an `include` list on `whole`.
    fn includes(
        &mut self,
        list: Option<(Key<'s>, Node<'s>)>,
        including: &str,
        chain: &mut Vec<String>,
        whole: &mut Node<'s>,
    ) {
        let Some((_, list)) = list else { return };
        let Some(names) = Vec::<Spanned<String>>::decode(&list, &mut self.decoder) else { return };
        for name in names {
            if self.taken_in > MAX_INCLUDES {
                return;
            }
            if name.value.contains("${") {
                let message = "the name of an included file cannot hold variables";
                let hint =
                    "files are put together before variables are known; use `machines` for what differs by machine";
                self.push(Diagnostic::error("document.variable_in_include", message).at(name.at).hint(hint));
                continue;
            }
            let resolved = resolve_name(including, &name.value);
            if let Some(node) = self.file(&resolved, Some(name.at), chain) {
                self.lay_over(whole, node);
            }
        }
    }

    /// Reads a file's text into the sources, once.
    fn source(&mut self, name: &str, included_at: Option<Location>) -> Option<FileId> {
        if let Some(file) = self.files.get(name) {
            return Some(*file);
        }
        let read = self.reader.read(name, MAX_FILE);
        let text = match read.map(text_of) {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                let diagnostic = self.text_error(error, name, included_at);
                self.push(diagnostic);
                return None;
            }
            Err(error) => {
                let diagnostic = Diagnostic::error("document.unreadable", format!("cannot read {name}: {error}"));
                self.push(Diagnostic { at: included_at, ..diagnostic.hint_if(error.hint) });
                return None;
            }
        };
        let Some(file) = self.sources.add(name, text) else {
            let diagnostic =
                Diagnostic::error("document.too_many_files", format!("the document has more than {MAX_FILES} files"));
            self.push(Diagnostic { at: included_at, ..diagnostic });
            return None;
        };
        self.files.insert(name.to_owned(), file);
        Some(file)
    }

    fn text_error(&self, error: TextError, name: &str, included_at: Option<Location>) -> Diagnostic {
        let whole = |message: String| Diagnostic { at: included_at, ..Diagnostic::error("document.not_text", message) };
        match error {
            TextError::TooLarge => whole(format!("{name} is larger than {} MiB", MAX_FILE >> 20)),
            TextError::Utf16 => whole(format!("{name} is UTF-16, not UTF-8")).hint("save it as UTF-8"),
            TextError::NotUtf8 { line, column, text } => {
                let at = self.sources.add(name, text).map(|file| Location { file, line, column, length: 1 });
                let diagnostic = Diagnostic::error("document.not_text", "the file is not UTF-8 from here on");
                Diagnostic { at: at.or(included_at), ..diagnostic }.hint("save it as UTF-8")
            }
        }
    }

    /// What the command line says, as a document of its own whose lines are the options.
    fn command_line(&self, options: &LoadOptions<'_>) -> Option<Node<'s>> {
        let mut lines = Lines::default();
        let name = options.machine_name.map(|name| (lines.push("--machine-name", name), name));
        let variables: Vec<_> = options
            .variables
            .iter()
            .map(|(name, value)| (lines.push("--variable", &format!("{name}={value}")), name, value))
            .collect();
        if name.is_none() && variables.is_empty() {
            return None;
        }
        let file = self.sources.add("command line", lines.text)?;
        let node = |at: Location, content| Node { at: Location { file, ..at }, content };
        let entry = |at: Location, name: &str, node| {
            (Key { at: Location { file, ..at }, text: Cow::Owned(name.to_owned()) }, node)
        };
        let mapping = |at: Location, entries| node(at, Content::Mapping(Mapping { entries }));
        let mut entries = Vec::new();
        if let Some((at, name)) = name {
            let scalar = Scalar { text: Cow::Owned(name.to_owned()), style: Style::Quoted };
            entries.push(entry(at, "machine", mapping(at, vec![entry(at, "name", node(at, Content::Scalar(scalar)))])));
        }
        if let Some((at, _, _)) = variables.first() {
            let defined = variables
                .iter()
                .map(|(at, name, value)| entry(*at, name, node(*at, Content::Scalar(command_line_scalar(value)))))
                .collect();
            entries.push(entry(*at, "variables", mapping(*at, defined)));
        }
        Some(mapping(Location { line: 1, column: 1, length: 1, file }, entries))
    }

    /// Takes `machines` out of the document and lays the chosen machine's part over the rest.
    fn machine_part(&mut self, whole: &mut Node<'s>, options: &LoadOptions<'_>) {
        let Content::Mapping(mapping) = &mut whole.content else { return };
        let Some((key, machines)) = mapping.remove("machines") else { return };
        let chosen = mapping
            .get("machine")
            .and_then(|machine| machine.as_mapping()?.get("name")?.as_scalar())
            .map(|name| name.text.clone().into_owned());
        let Content::Mapping(machines) = machines.content else {
            return self.decoder.wrong_type(&machines, "a mapping of machines").unwrap_or_default();
        };
        for (_, part) in &machines.entries {
            Overlay::decode(part, &mut self.decoder);
        }
        let Some(chosen) = chosen else { return };
        let names: Vec<String> = machines.entries.iter().map(|(key, _)| key.text.clone().into_owned()).collect();
        let mut matching = machines.entries.into_iter().filter(|(key, _)| upcase::eq(&key.text, &chosen));
        let Some((part_key, part)) = matching.next() else {
            let near = self
                .decoder
                .nearest(&chosen, names.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"));
            let known =
                || format!("it names {}", names.iter().take(SHOWN_MACHINES).cloned().collect::<Vec<_>>().join(", "));
            let near = near.or_else(|| (1..=SHOWN_MACHINES).contains(&names.len()).then(known));
            let message = format!("`machines` does not name {chosen}");
            // Asked for by name, it must be there; a document's own name may do without a part of its own.
            let diagnostic = match options.machine_name {
                Some(_) => Diagnostic::error("document.unknown_machine", message),
                None => Diagnostic::warning("document.unknown_machine", message),
            };
            return self.push(diagnostic.at(key.at).hint_if(near));
        };
        if let Some((twice, _)) = matching.next() {
            let diagnostic =
                Diagnostic::error("document.machine_twice", "the machine is named twice, in different case");
            self.push(diagnostic.at(twice.at).related(part_key.at, "first named here"));
        }
        drop(matching);
        self.lay_part(whole, part);
    }

    fn lay_part(&mut self, whole: &mut Node<'s>, mut part: Node<'s>) {
        let including = self.sources.name(part.at.file).to_owned();
        let Content::Mapping(mapping) = &mut part.content else { return };
        let includes = mapping.remove("include");
        let mut included = Node { at: part.at, content: Content::Mapping(Mapping::default()) };
        self.includes(includes, &including, &mut vec![including.clone()], &mut included);
        self.lay_over(whole, included);
        self.lay_over(whole, part);
    }

    /// Takes `defaults` out of the document and lays them under the entries of their sections.
    fn defaults(&mut self, whole: &mut Node<'s>) {
        let Content::Mapping(root) = &mut whole.content else { return };
        let Some((_, node)) = root.remove("defaults") else { return };
        if desired::Defaults::decode(&node, &mut self.decoder).is_none() {
            return;
        }
        for section in SECTIONS {
            let Some(defaults) = node.as_mapping().and_then(|all| all.get(section.defaults)?.as_mapping()) else {
                continue;
            };
            let entries = root.entries.iter_mut().find(|(key, _)| key.text == section.name);
            let Some((_, Node { content: Content::Mapping(entries), .. })) = entries else { continue };
            for (_, entry) in &mut entries.entries {
                spell_out(entry, section);
                if let Content::Mapping(entry) = &mut entry.content {
                    lay_under(entry, defaults, section);
                }
            }
        }
    }

    /// Takes `variables` out of the document and resolves every reference in the rest.
    fn variables(&mut self, whole: &mut Node<'s>, options: &LoadOptions<'_>) {
        let diagnostics = &mut self.decoder.diagnostics;
        let mut variables = Variables::new(options.environment);
        let Content::Mapping(mapping) = &mut whole.content else { return };
        if let Some((_, node)) = mapping.remove("variables") {
            variables.define(&node, diagnostics);
        }
        if let Some(machine) = mapping.get("machine").and_then(Node::as_mapping) {
            variables.define_machine(machine, diagnostics);
        }
        variables.resolve_all(diagnostics);
        variables.expand(whole, diagnostics);
    }
}

/// Gives an entry in short its fields, so that defaults have something to lie under.
fn spell_out<'s>(entry: &mut Node<'s>, section: &Section) {
    let Some(field) = section.short_for.filter(|_| entry.as_mapping().is_none()) else { return };
    let is_absent = entry.as_scalar().is_some_and(|scalar| scalar.text == "absent");
    let key = Key { at: entry.at, text: Cow::Borrowed(if is_absent { "ensure" } else { field }) };
    let spelt_out = Node { at: entry.at, content: Content::Mapping(Mapping::default()) };
    let short = std::mem::replace(entry, spelt_out);
    if let Content::Mapping(mapping) = &mut entry.content {
        mapping.entries.push((key, short));
    }
}

/// Adds the defaults on which an entry is silent; one that is to be absent takes over only what has a meaning then.
fn lay_under<'s>(entry: &mut Mapping<'s>, defaults: &Mapping<'s>, section: &Section) {
    let absent = entry.get("ensure").and_then(Node::as_scalar).is_some_and(|ensure| ensure.text == "absent");
    let passed_over = (section.passed_over)(entry);
    for (key, value) in &defaults.entries {
        if passed_over.contains(&&*key.text) || (absent && !section.defaults_when_absent.contains(&&*key.text)) {
            continue;
        }
        match entry.entries.iter_mut().find(|(own, _)| own.text == key.text) {
            None => entry.entries.push((key.clone(), value.clone())),
            Some((_, Node { content: Content::Mapping(own), .. })) if section.deep_defaults.contains(&&*key.text) => {
                let more = value.as_mapping().into_iter().flat_map(|more| &more.entries);
                let missing: Vec<_> = more.filter(|(field, _)| own.get(&field.text).is_none()).cloned().collect();
                own.entries.extend(missing);
            }
            Some(_) => {}
        }
    }
}

/// The options of the command line, one to a line.
#[derive(Default)]
struct Lines {
    text: String,
    count: u32,
}

impl Lines {
    /// Adds an option and gives the place of its argument.
    fn push(&mut self, option: &str, argument: &str) -> Location {
        let length = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let shown: String = argument.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.count = self.count.saturating_add(1);
        self.text.push_str(&format!("{option} {shown}\n"));
        Location {
            file: FileId::default(),
            line: self.count,
            column: length(option).saturating_add(2),
            length: length(&shown).max(1),
        }
    }
}
