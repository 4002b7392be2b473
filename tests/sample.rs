//! The sample volume under the eyes of other programs, and the documents that `trueup init` and `trueup demo` write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use trueup::apply::{ApplyOptions, DocumentBasis, Progress, RETAIN, apply};
use trueup::document::{Colour, Desired, FileReader, LoadOptions, ReadError, load, render};
use trueup::formats::regf::{Hive, Key};
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::{NoSecrets, ObserveOptions, observe};
use trueup::model::fact::Facts;
use trueup::model::time::FileTime;
use trueup::plan::{Plan, PlanOptions, Summary, build};

const DEMO: &str = include_str!("../src/cli/templates/demo.trueup.yaml");
const INIT: &str = include_str!("../src/cli/templates/init.trueup.yaml");
const AS_OF: &str = "2026-11-22T00:00:00Z";

fn as_of() -> jiff::Timestamp {
    AS_OF.parse().unwrap()
}

fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(as_of())).unwrap();
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn hives(folder: &Path) -> Vec<PathBuf> {
    let found: Vec<_> = files(folder).into_iter().filter(|path| fs::read(path).unwrap().starts_with(b"regf")).collect();
    assert_eq!(found.len(), 10);
    found
}

/// Runs a program to its end and gives what it printed.
fn run(program: &str, arguments: &[&OsStr]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn is_installed(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok()
}

#[test]
fn the_strict_checker_finds_nothing() {
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/regf_strict.py");
    if !checker.exists() {
        println!("skipped: {} is not there", checker.display());
        return;
    }
    for hive in hives(made().path()) {
        let report = run("python3", &[checker.as_ref(), hive.as_ref()]);
        assert!(report.contains(" errs 0 "), "{report}");
    }
}

#[test]
fn hivexsh_lists_every_hive() {
    if !is_installed("hivexsh", "-h") {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "hivexsh is not installed");
        println!("skipped: hivexsh is not installed");
        return;
    }
    let folder = made();
    let script = folder.path().join("hivexsh.txt");
    fs::write(&script, "ls\n").unwrap();
    for path in hives(folder.path()) {
        let hive = Hive::open(fs::read(&path).unwrap()).unwrap();
        let names = hive.root().unwrap().subkeys().map(|key| key.unwrap().name().text.into_owned());
        let mut names: Vec<String> = names.collect();
        let listed = run("hivexsh", &["-f".as_ref(), script.as_ref(), path.as_ref()]);
        let mut listed: Vec<_> = listed.lines().map(str::to_owned).collect();
        listed.sort();
        names.sort();
        assert_eq!(listed, names, "{}", path.display());
    }

    fs::write(&script, "cd \\ControlSet001\\Services\\AcsWebApi\nlsval Start\nlsval ObjectName\n").unwrap();
    let system = folder.path().join("Windows/System32/config/SYSTEM");
    assert_eq!(run("hivexsh", &["-f".as_ref(), script.as_ref(), system.as_ref()]), "2\n.\\svc-acs\n");
}

#[test]
fn python_registry_reads_every_key_and_value() {
    const WALK: &str = "
import sys
from Registry import Registry
def walk(key):
    keys, values = 1, 0
    for value in key.values():
        value.name(), value.value_type(), value.raw_data()
        values += 1
    for subkey in key.subkeys():
        below = walk(subkey)
        keys, values = keys + below[0], values + below[1]
    return keys, values
print(*walk(Registry.Registry(sys.argv[1]).root()))
";
    let import = Command::new("python3").args(["-c", "from Registry import Registry"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        println!("skipped: python-registry is not installed");
        return;
    }
    for path in hives(made().path()) {
        let hive = Hive::open(fs::read(&path).unwrap()).unwrap();
        let (keys, values) = count(&hive.root().unwrap());
        let counted = run("python3", &["-c".as_ref(), WALK.as_ref(), path.as_ref()]);
        assert_eq!(counted.trim(), format!("{keys} {values}"), "{}", path.display());
    }
}

fn count(key: &Key<'_>) -> (usize, usize) {
    key.subkeys().fold((1, key.values().count()), |(keys, values), subkey| {
        let below = count(&subkey.unwrap());
        (keys + below.0, values + below.1)
    })
}

#[test]
fn xml_files_are_well_formed() {
    const PARSE: &str = "import sys, xml.etree.ElementTree as tree; print(tree.parse(sys.argv[1]).getroot().tag)";
    if !is_installed("python3", "--version") {
        println!("skipped: python3 is not installed");
        return;
    }
    let folder = made();
    let is_xml = |path: &PathBuf| path.extension().is_some_and(|end| end == "xml" || end == "config");
    let mut roots: Vec<String> = Vec::new();
    for path in files(folder.path()).iter().filter(|path| is_xml(path)) {
        roots.push(run("python3", &["-c".as_ref(), PARSE.as_ref(), path.as_ref()]).trim().into());
    }
    roots.sort();
    assert_eq!(roots, ["Root", "bindings", "configuration", "configuration"]);
}

/// A document that is one text; what it includes is empty.
struct One<'t>(&'static str, &'t str);

impl FileReader for One<'_> {
    fn read(&mut self, name: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(if name == self.0 { self.1.into() } else { b"version: 1\n".to_vec() })
    }
}

fn loaded(name: &'static str, text: &str) -> Desired {
    match load(&mut One(name, text), &[name.into()], &LoadOptions::default()) {
        Ok(loaded) => {
            assert_eq!(loaded.warnings, [], "{name}");
            loaded.desired
        }
        Err(failure) => panic!("{}", render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

#[test]
fn the_starter_document_loads() {
    let first = INIT.lines().next();
    assert_eq!(first, Some("# yaml-language-server: $schema=schemas/desired-state.v1.json"));
    assert_eq!(loaded("server.trueup.yaml", INIT).entries.len(), 1);
}

/// An example is part of the document once its mark is taken off.
#[test]
fn the_starter_documents_examples_load() {
    let with_examples = |line: &str| {
        let (indent, text) = line.split_at(line.len() - line.trim_start().len());
        match text.strip_prefix('#') {
            // A remark has one blank.
            Some(rest) if !rest.is_empty() && (!rest.starts_with(' ') || rest.starts_with("  ")) => {
                format!("{indent}{rest}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    let text: String = INIT.lines().map(with_examples).collect();
    assert!(
        text.contains("\ninclude: ") && text.contains("\n  HKLM\\SOFTWARE\\Old Vendor:\n    ensure: absent\n"),
        "{text}"
    );
    assert_eq!(loaded("server.trueup.yaml", &text).entries.len(), 6);
}

fn planned(machine: &ImageMachine, desired: &Desired) -> (Plan, Facts) {
    let options = ObserveOptions { as_of: as_of(), secrets: &NoSecrets, survey: false };
    let facts = observe(machine, desired.entries.iter().map(|entry| &entry.wanted), options).unwrap();
    assert_eq!(facts.unread(), []);
    (build(desired, &facts, PlanOptions::at(as_of())).unwrap(), facts)
}

struct Quiet;

impl Progress for Quiet {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

#[test]
fn the_demo_document_differs_from_the_sample_in_every_way_and_is_met_after_one_apply() {
    let folder = made();
    let machine = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    let desired = loaded("server.trueup.yaml", DEMO);
    let (plan, facts) = planned(&machine, &desired);
    let summary = plan.summary();
    let expected = Summary {
        add: 10,
        change: 9,
        remove: 3,
        unchanged: 10,
        operations: summary.operations,
        reboot: true,
        ..Summary::default()
    };
    assert_eq!(summary, expected);
    assert_eq!(plan.findings, []);

    let options = ApplyOptions { retain: Some(RETAIN), ..ApplyOptions::new("a test", as_of(), &NoSecrets) };
    let basis = DocumentBasis { desired: &desired, options: PlanOptions::at(as_of()) };
    let report = apply(&machine, &basis, &plan, &facts, &options, &mut Quiet).unwrap();
    assert!(report.is_complete(), "{report:?}");
    let after = planned(&machine, &desired).0;
    assert!(!after.has_operations() && !after.summary().differs(), "{:?}", after.summary());
    for hive in hives(folder.path()) {
        assert_eq!(trueup::formats::regf::check(&fs::read(&hive).unwrap()), Ok(vec![]), "{}", hive.display());
    }
}
