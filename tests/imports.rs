//! The arrows between the crate's modules, as the map in `src/lib.rs` draws them: who may name whom, and who may reach outside the process.
//!
//! Names are resolved through `use` (groups, renames, globs, `self`, `super`); what exists for tests only is left out.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::slice::Iter;

use source::Word;

/// What a module at the top of the crate may name of the crate besides itself, and whether it is pure: without effects.
struct Layer {
    name: &'static str,
    may_name: &'static [&'static str],
    is_pure: bool,
}

/// Every module at the top of the crate. `cli` is the outermost and may name all.
const LAYERS: [Layer; 10] = [
    Layer {
        name: "model",
        may_name: &[
            "formats::upcase",
            "formats::x509",
            "formats::certificate_store",
            "formats::certificate_files",
            "formats::edit",
            "formats::service",
        ],
        is_pure: true,
    },
    Layer { name: "formats", may_name: &["model"], is_pure: true },
    Layer { name: "kinds", may_name: &["model", "formats"], is_pure: true },
    Layer { name: "document", may_name: &["kinds", "model", "formats"], is_pure: true },
    Layer { name: "plan", may_name: &["document", "kinds", "model", "formats"], is_pure: true },
    Layer { name: "report", may_name: &["plan", "apply", "document", "kinds", "model", "formats"], is_pure: true },
    Layer { name: "machine", may_name: &["kinds", "model", "formats"], is_pure: false },
    Layer { name: "apply", may_name: &["plan", "machine", "document", "kinds", "model", "formats"], is_pure: false },
    Layer { name: "error", may_name: &[], is_pure: false },
    Layer {
        name: "cli",
        may_name: &["error", "document", "plan", "apply", "report", "machine", "kinds", "model", "formats"],
        is_pure: false,
    },
];

/// The crate's root and the program: they name modules to declare and start them, and decide nothing.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// Files, environment, clocks, processes and network; the first word is a crate.
const EFFECTS: [&str; 11] = [
    "std::fs",
    "std::env",
    "std::time::SystemTime",
    "std::time::Instant",
    "std::process",
    "std::net",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "cap_std",
    "cap_fs_ext",
    "rustix",
];

#[test]
fn every_file_keeps_to_the_arrows() {
    let files = source::files(&["src"]).expect("the sources can be read");
    for Layer { name, .. } in LAYERS {
        let of_layer = |path: &str| path.starts_with(&format!("src/{name}/")) || path == format!("src/{name}.rs");
        assert!(files.iter().any(|(path, _)| of_layer(path)), "src/{name} is scanned");
    }
    let scan = scan(&files);
    assert!(scan.crate_names > 100, "only {} names of the crate were seen", scan.crate_names);
    assert!(scan.complaints.is_empty(), "\n{}", scan.complaints.join("\n"));
}

#[test]
fn complains_of_each_forbidden_name() {
    for (path, text, expected) in [
        ("src/model/a.rs", "use std::fs;", "src/model/a.rs:1: model may not reach outside: std::fs"),
        ("src/model/a.rs", "use crate::formats::regf;", "src/model/a.rs:1: model may not name crate::formats::regf"),
        ("src/model/a.rs", "use crate::kinds::Kind;", "src/model/a.rs:1: model may not name crate::kinds::Kind"),
        (
            "src/formats/a.rs",
            "use std::{\n  io,\n  fs::{self},\n};",
            "src/formats/a.rs:3: formats may not reach outside: std::fs",
        ),
        (
            "src/formats/a.rs",
            "fn a() { ::std::env::var(\"A\"); }",
            "src/formats/a.rs:1: formats may not reach outside: std::env::var",
        ),
        ("src/formats/a.rs", "use crate::plan::*;", "src/formats/a.rs:1: formats may not name crate::plan::*"),
        ("src/plan/a.rs", "use std::time::*;", "src/plan/a.rs:1: plan may not reach outside: std::time::*"),
        (
            "src/plan/a.rs",
            "use std::time;\nfn a() { time::Instant::now(); }",
            "src/plan/a.rs:2: plan may not reach outside: std::time::Instant::now",
        ),
        (
            "src/plan/a.rs",
            "use std::{time as t};\nuse t::SystemTime as S;",
            "src/plan/a.rs:2: plan may not reach outside: std::time::SystemTime",
        ),
        (
            "src/plan/a.rs",
            "use jiff::Timestamp;\nfn a() { Timestamp::now(); }",
            "src/plan/a.rs:2: plan may not reach outside: jiff::Timestamp::now",
        ),
        ("src/plan/a.rs", "use crate::apply::Run;", "src/plan/a.rs:1: plan may not name crate::apply::Run"),
        (
            "src/plan/order/a.rs",
            "fn a() { super::super::super::machine::read(); }",
            "src/plan/order/a.rs:1: plan may not name crate::machine::read",
        ),
        ("src/plan/mod.rs", "mod a { use super::super::cli; }", "src/plan/mod.rs:1: plan may not name crate::cli"),
        (
            "src/report/mod.rs",
            "use super::machine::Reader;",
            "src/report/mod.rs:1: report may not name crate::machine::Reader",
        ),
        (
            "src/report/a.rs",
            "fn a() { std::process::exit(1) }",
            "src/report/a.rs:1: report may not reach outside: std::process::exit",
        ),
        (
            "src/kinds/port/a.rs",
            "use crate::document::Desired;",
            "src/kinds/port/a.rs:1: kinds may not name crate::document::Desired",
        ),
        ("src/kinds/a.rs", "use std::net::IpAddr;", "src/kinds/a.rs:1: kinds may not reach outside: std::net::IpAddr"),
        (
            "src/document/a.rs",
            "pub use crate::{model, machine::image};",
            "src/document/a.rs:1: document may not name crate::machine::image",
        ),
        (
            "src/document/a.rs",
            "macro_rules! a { () => { $crate::cli::run() } }",
            "src/document/a.rs:1: document may not name crate::cli::run",
        ),
        ("src/apply/a.rs", "use crate::report::text;", "src/apply/a.rs:1: apply may not name crate::report::text"),
        ("src/machine/a.rs", "use crate::cli;", "src/machine/a.rs:1: machine may not name crate::cli"),
        ("src/machine/a.rs", "use crate::*;", "src/machine/a.rs:1: machine may not name crate::*"),
        ("src/kinds/a.rs", "#[cfg(not(test))]\nuse std::fs;", "src/kinds/a.rs:2: kinds may not reach outside: std::fs"),
        (
            "src/kinds/a.rs",
            "#[cfg(test)]\nmod tests { use std::env; }\nuse std::fs;",
            "src/kinds/a.rs:3: kinds may not reach outside: std::fs",
        ),
        (
            "src/kinds/a.rs",
            "#[cfg(test)]\nuse std::env;\nuse std::fs;",
            "src/kinds/a.rs:3: kinds may not reach outside: std::fs",
        ),
        ("src/glue.rs", "", "src/glue.rs:1: glue is no layer that this test knows"),
    ] {
        assert_eq!(complaints(path, text), [expected], "{text}");
    }
}

#[test]
fn is_silent_about_what_is_allowed() {
    for (path, text) in [
        (
            "src/model/a.rs",
            "use crate::formats::upcase;\nuse crate::model::sid::Sid;\nuse super::b;\nuse std::time::Duration;",
        ),
        (
            "src/model/a.rs",
            "// use std::fs;\n/* std::env::var */ const A: &str = \"std::fs\"; const B: &str = r#\"\"std::env\"#;",
        ),
        ("src/model/a.rs", "//! See [`crate::machine`].\npub(crate) fn now<'a>(fs: &'a str) -> &'a str { fs }"),
        ("src/formats/a.rs", "#[cfg(test)]\nmod tests {\n  use std::fs;\n  fn a() { std::env::var(\"}\"); }\n}\n"),
        ("src/formats/a.rs", "#[cfg(all(test, unix))] use std::fs;\n#[test] fn a() { std::fs::read(\"a\"); }"),
        ("src/formats/a.rs", "use crate::model::time; fn a() { time::now(); x.env::<u8>(); }"),
        ("src/plan/a.rs", "use jiff::Timestamp; fn a(t: Timestamp) -> Timestamp { Timestamp::default() }"),
        ("src/kinds/a.rs", "use crate::{kinds::b, model::{c, d}, formats};"),
        ("src/report/a.rs", "use crate::apply::Outcome; use crate::plan::Plan;"),
        ("src/machine/a.rs", "use std::fs; pub(in crate::machine) fn a() { std::env::var(\"A\"); }"),
        ("src/cli/a.rs", "use crate::{apply, report, machine}; use std::env;"),
    ] {
        assert_eq!(complaints(path, text), [""; 0], "{text}");
    }
}

#[test]
fn follows_macros_and_test_modules_from_file_to_file() {
    let mut files = vec![
        ("src/model/record.rs".to_owned(), "#[macro_export] macro_rules! record { () => {} }".to_owned()),
        ("src/kinds/a.rs".to_owned(), "use crate::record; crate::record!();".to_owned()),
        ("src/kinds/mod.rs".to_owned(), "#[cfg(test)]\nmod tests;".to_owned()),
        ("src/kinds/tests/b.rs".to_owned(), "use std::fs;".to_owned()),
    ];
    assert_eq!(scan(&files).complaints, [""; 0]);
    files.push(("src/cli/b.rs".to_owned(), "macro_rules! shout { () => {} }".to_owned()));
    files.push(("src/kinds/c.rs".to_owned(), "use crate::shout;".to_owned()));
    assert_eq!(scan(&files).complaints, ["src/kinds/c.rs:1: kinds may not name crate::cli::b::shout"]);
}

fn complaints(path: &str, text: &str) -> Vec<String> {
    scan(&[(path.to_owned(), text.to_owned())]).complaints
}

#[derive(Default)]
struct Scan {
    /// How many names of the crate were judged.
    crate_names: usize,
    complaints: Vec<String>,
}

fn scan(files: &[(String, String)]) -> Scan {
    let read: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), read(path, text))).collect();
    let mut macros = BTreeMap::new();
    let mut test_modules = BTreeSet::new();
    for (_, file) in &read {
        macros.extend(file.macros.iter().map(|name| (name.as_str(), file.module.as_slice())));
        test_modules.extend(&file.test_modules);
    }
    let mut scan = Scan::default();
    for (path, file) in &read {
        let is_test = test_modules.iter().any(|module: &&Vec<String>| file.module.starts_with(module));
        if is_test || ROOTS.contains(path) {
            continue;
        }
        let own = file.module.get(1).map_or("", String::as_str);
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == own) else {
            scan.complaints.push(format!("{path}:1: {own} is no layer that this test knows"));
            continue;
        };
        let mut said = BTreeSet::new();
        for name in &file.names {
            let name = name.through(&file.names).through_macros(&macros);
            scan.crate_names += usize::from(name.path.first().is_some_and(|first| first == "crate"));
            if let Some(why) = layer.complaint(&name)
                && said.insert((name.line, why.clone()))
            {
                scan.complaints.push(format!("{path}:{}: {own} may not {why}", name.line));
            }
        }
    }
    scan
}

impl Layer {
    fn complaint(&self, name: &Name) -> Option<String> {
        let shown = name.path.join("::");
        if name.path.first().is_some_and(|first| first == "crate") {
            let inner = name.path.get(1..).unwrap_or_default();
            let allowed = self.may_name.iter().chain([&self.name]).any(|allowed| begins(inner, allowed));
            return (!allowed && !inner.is_empty()).then(|| format!("name {shown}"));
        }
        let stem = match name.path.split_last() {
            Some((last, stem)) if last == "*" => Some(stem.join("::")),
            _ => None,
        };
        let reaches = |effect: &str| {
            begins(&name.path, effect) || stem.as_ref().is_some_and(|stem| effect.starts_with(&format!("{stem}::")))
        };
        (self.is_pure && EFFECTS.iter().any(|effect| reaches(effect))).then(|| format!("reach outside: {shown}"))
    }
}

/// Whether a path is this prefix or lies below it.
fn begins(path: &[String], prefix: &str) -> bool {
    let mut parts = path.iter();
    prefix.split("::").all(|each| parts.next().is_some_and(|part| part == each))
}

fn is_name(word: &Word) -> bool {
    word.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// What a file names.
struct File {
    /// `crate`, then the names of modules.
    module: Vec<String>,
    names: Vec<Name>,
    /// Macros it defines.
    macros: Vec<String>,
    /// Modules it declares for tests only, in files of their own.
    test_modules: Vec<Vec<String>>,
}

/// A path as written, but without `self` and `super`.
#[derive(Clone)]
struct Name {
    path: Vec<String>,
    line: usize,
    /// The name by which a `use` makes it known in the file.
    known_as: Option<String>,
}

impl Name {
    /// The path with its first part replaced by what a `use` of the file says it stands for.
    fn through(&self, names: &[Name]) -> Name {
        let mut path = self.path.clone();
        for _ in 0..names.len() {
            let Some(first) = path.first() else { break };
            let used =
                names.iter().find(|used| used.known_as.as_ref() == Some(first) && used.path.first() != Some(first));
            let Some(used) = used.filter(|_| !matches!(first.as_str(), "crate" | "std")) else { break };
            path.splice(..1, used.path.iter().cloned());
        }
        Name { path, ..self.clone() }
    }

    /// The path of a macro with the module that defines it; macros are known at the crate's root.
    fn through_macros(mut self, macros: &BTreeMap<&str, &[String]>) -> Name {
        if let [root, name] = self.path.as_slice()
            && root == "crate"
            && let Some(module) = macros.get(name.as_str())
        {
            self.path = module.iter().chain([name]).cloned().collect();
        }
        self
    }
}

fn read(path: &str, text: &str) -> File {
    let words = source::words(text);
    let file = path.trim_start_matches("src/").trim_end_matches(".rs");
    let parts = file.split('/').filter(|part| !["mod", "lib", "main"].contains(part)).map(str::to_owned);
    let module: Vec<String> = ["crate".to_owned()].into_iter().chain(parts).collect();
    let file = File { module: module.clone(), names: Vec::new(), macros: Vec::new(), test_modules: Vec::new() };
    let mut reader = Reader { words: words.iter().peekable(), inside: vec![module], file };
    reader.items();
    reader.file
}

struct Reader<'a> {
    words: Peekable<Iter<'a, Word>>,
    /// The module that each open brace is in; the file's own first.
    inside: Vec<Vec<String>>,
    file: File,
}

impl Reader<'_> {
    fn next_is(&mut self, text: &str) -> bool {
        self.words.next_if(|word| word.text == text).is_some()
    }

    fn module(&self) -> Vec<String> {
        self.inside.last().cloned().unwrap_or_default()
    }

    fn items(&mut self) {
        while let Some(word) = self.words.next() {
            match word.text.as_str() {
                "{" => self.inside.push(self.module()),
                "}" => {
                    self.inside.pop();
                }
                "#" => self.attribute(),
                "mod" => self.module_declaration(),
                "use" if self.words.peek().is_none_or(|next| next.text != "<") => self.use_tree(&[]),
                "macro_rules" => {
                    self.next_is("!");
                    self.file.macros.extend(self.words.next().map(|name| name.text.clone()));
                }
                // What follows a dot is a field or a method.
                "." => {
                    self.words.next_if(|next| is_name(next));
                }
                "::" => {
                    if let Some(first) = self.words.next_if(|next| is_name(next)) {
                        self.path(first);
                    }
                }
                _ if is_name(word) => self.path(word),
                _ => {}
            }
        }
    }

    /// Reads an attribute; if it is for tests only, passes over what it stands before.
    fn attribute(&mut self) {
        self.next_is("!");
        if !self.next_is("[") {
            return;
        }
        let mut depth = 1;
        let mut inner = Vec::new();
        while depth > 0
            && let Some(word) = self.words.next()
        {
            depth += usize::from(word.text == "[");
            depth -= usize::from(word.text == "]");
            inner.push(word.text.as_str());
        }
        let for_tests = match inner.first() {
            Some(&"test") => true,
            Some(&"cfg") => inner.contains(&"test") && !inner.contains(&"not") && !inner.contains(&"any"),
            _ => false,
        };
        if for_tests {
            self.pass_over_item();
        }
    }

    fn pass_over_item(&mut self) {
        let mut passed: Vec<&str> = Vec::new();
        let mut depth = 0;
        while let Some(word) = self.words.next_if(|word| depth > 0 || word.text != "}") {
            passed.push(&word.text);
            match word.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && ["}", ";", ","].contains(&word.text.as_str()) {
                break;
            }
        }
        if let [.., "mod", name, ";"] = passed.as_slice() {
            let module = self.module().into_iter().chain([(*name).to_owned()]);
            self.file.test_modules.push(module.collect());
        }
    }

    fn module_declaration(&mut self) {
        let Some(name) = self.words.next() else { return };
        if self.next_is("{") {
            let module = self.module().into_iter().chain([name.text.clone()]);
            self.inside.push(module.collect());
        }
    }

    /// Reads a path of an expression or a type.
    fn path(&mut self, first: &Word) {
        let mut parts = vec![first.text.clone()];
        while self.next_is("::") {
            match self.words.next_if(|next| is_name(next)) {
                Some(part) => parts.push(part.text.clone()),
                None => break,
            }
        }
        if parts.len() > 1 {
            self.name(&parts, first.line, None);
        }
    }

    /// Reads what stands after `use`, or one part of a group.
    fn use_tree(&mut self, before: &[String]) {
        self.next_is("::");
        let mut parts = before.to_vec();
        let line = loop {
            if self.next_is("{") {
                while !self.next_is("}") && self.words.peek().is_some() {
                    self.use_tree(&parts);
                    self.next_is(",");
                }
                return;
            }
            let Some(word) = self.words.next_if(|next| is_name(next) || next.text == "*") else {
                // Not a `use` after all; a word is taken so that reading goes on.
                self.words.next();
                return;
            };
            parts.push(word.text.clone());
            if !self.next_is("::") {
                break word.line;
            }
        };
        if parts.len() > 1 && parts.last().is_some_and(|last| last == "self") {
            parts.pop();
        }
        let known_as = if self.next_is("as") {
            self.words.next().map(|word| word.text.clone())
        } else {
            parts.last().cloned().filter(|last| last != "*")
        };
        self.name(&parts, line, known_as);
    }

    /// Notes a path, with `self` and `super` at its beginning replaced.
    fn name(&mut self, parts: &[String], line: usize, known_as: Option<String>) {
        let mut path = Vec::new();
        let mut rest = parts.iter().peekable();
        if rest.peek().is_some_and(|first| ["self", "super"].contains(&first.as_str())) {
            path = self.module();
            while let Some(step) = rest.next_if(|part| ["self", "super"].contains(&part.as_str())) {
                if step == "super" && path.len() > 1 {
                    path.pop();
                }
            }
        }
        path.extend(rest.cloned());
        self.file.names.push(Name { path, line, known_as });
    }
}
