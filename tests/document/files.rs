//! Several files: includes, overlays, the machine's part, the command line.

use crate::support::{Files, entries, findings, load_files, options};
use trueup::document::{LoadOptions, load};

const SITE: &str = r"version: 1
include: [base/tls.yaml, base/log.yaml]
registry:
  HKLM\SOFTWARE\A: { values: { Own: 1, Level: 3, List: [c] } }
";
const TLS: &str = r"registry:
  HKLM\SOFTWARE\A: { values: { Level: { sz: low }, Tls: 1, List: [a, b] } }
";
const LOG: &str = r"include: [common.yaml]
registry:
  HKLM\SOFTWARE\A: { values: { Level: 2 } }
  HKLM\SOFTWARE\B: { values: { Log: 1 } }
";
const COMMON: &str = r"registry:
  HKLM\SOFTWARE\C: { values: { Common: 1 } }
";
const FILES: [(&str, &str); 4] =
    [("site.yaml", SITE), ("base/tls.yaml", TLS), ("base/log.yaml", LOG), ("base/common.yaml", COMMON)];

#[test]
fn includes_come_first_and_this_file_wins() {
    insta::assert_snapshot!(entries(load_files(&FILES, &options())), @r#"
    site.yaml:4:3 HKLM\SOFTWARE\A
      site.yaml:4:40 Level = REG_DWORD 3
      base/tls.yaml:2:52 Tls = REG_DWORD 1
      site.yaml:4:50 List = REG_MULTI_SZ ["c"]
      site.yaml:4:32 Own = REG_DWORD 1
    base/common.yaml:2:3 HKLM\SOFTWARE\C
      base/common.yaml:2:32 Common = REG_DWORD 1
    base/log.yaml:4:3 HKLM\SOFTWARE\B
      base/log.yaml:4:32 Log = REG_DWORD 1
    "#);
}

#[test]
fn what_lost_is_remembered() {
    let loaded = load_files(&FILES, &options()).unwrap();
    let keys = crate::support::keys(&loaded.desired);
    let level = keys[0].values.iter().find(|value| &*value.name == "Level").unwrap();
    let lost: Vec<String> = loaded
        .desired
        .overridden
        .losers(level.at)
        .iter()
        .map(|at| loaded.desired.sources.display(*at).to_string())
        .collect();
    assert_eq!(lost, ["base/log.yaml:3:32", "base/tls.yaml:2:32"]);
    assert_eq!(loaded.desired.overridden.losers(keys[0].at), []);
}

#[test]
fn later_files_and_overlays_win() {
    let mut files = Files::of(&[
        ("a.yaml", "version: 1\nregistry:\n  HKLM\\A: { values: { X: 1, Y: 1, Z: 1 } }\n"),
        ("b.yaml", "registry:\n  HKLM\\A: { values: { X: 2, Y: 2 } }\n"),
        ("over.yaml", "registry:\n  HKLM\\A: { values: { X: 3 } }\n"),
    ]);
    let overlays = ["over.yaml".to_owned()];
    let options = LoadOptions { overlays: &overlays, ..options() };
    insta::assert_snapshot!(entries(load(&mut files, &["a.yaml".into(), "b.yaml".into()], &options)), @r#"
    over.yaml:2:3 HKLM\A
      over.yaml:2:23 X = REG_DWORD 3
      b.yaml:2:29 Y = REG_DWORD 2
      a.yaml:3:35 Z = REG_DWORD 1
    "#);
}

const FLEET: &str = r"version: 1
machine: { name: SRV01, domain: corp.example }
variables: { level: 1 }
registry:
  HKLM\SOFTWARE\A: { values: { Level: 1, Host: '${machine.fqdn}' } }
machines:
  srv01:
    variables: { level: 2 }
    include: [site.d/one.yaml]
    registry:
      HKLM\SOFTWARE\A: { values: { Level: 5 } }
  SRV02:
    registry:
      HKLM\SOFTWARE\Two: { values: { Two: 2 } }
";
const ONE: &str = "registry:\n  HKLM\\SOFTWARE\\A: { values: { Level: 4, One: '${level}' } }\n";

#[test]
fn a_machine_has_its_own_part() {
    let files = [("site.yaml", FLEET), ("site.d/one.yaml", ONE)];
    insta::assert_snapshot!(entries(load_files(&files, &options())), @r#"
    site.yaml:11:7 HKLM\SOFTWARE\A
      site.yaml:11:36 Level = REG_DWORD 5
      site.yaml:5:42 Host = REG_SZ "SRV01.corp.example"
      site.d/one.yaml:2:42 One = REG_SZ "2"
    "#);
    let second = LoadOptions { machine_name: Some("SRV02"), ..options() };
    insta::assert_snapshot!(entries(load_files(&files, &second)), @r#"
    site.yaml:5:3 HKLM\SOFTWARE\A
      site.yaml:5:32 Level = REG_DWORD 1
      site.yaml:5:42 Host = REG_SZ "SRV02.corp.example"
    site.yaml:14:7 HKLM\SOFTWARE\Two
      site.yaml:14:38 Two = REG_DWORD 2
    "#);
    let unknown = LoadOptions { machine_name: Some("SRV3"), ..options() };
    insta::assert_snapshot!(findings(load_files(&files, &unknown)), @r#"
    error[document.unknown_machine]: `machines` does not name SRV3
     --> site.yaml:6:1
      |
    6 | machines:
      | ^^^^^^^^
      |
      = help: it names srv01, SRV02
    "#);
}

#[test]
fn the_command_line_has_the_last_word() {
    let variables = [("level".to_owned(), "9".to_owned()), ("bad name".to_owned(), "x".to_owned())];
    let options = LoadOptions { variables: &variables, ..options() };
    insta::assert_snapshot!(findings(load_files(&[("site.yaml", FLEET), ("site.d/one.yaml", ONE)], &options)), @r#"
    error[document.bad_variable]: this cannot be the name of a variable
     --> command line:2:12
      |
    2 | --variable bad name=x
      |            ^^^^^^^^^^
      |
      = help: names have letters, digits, `_`, `-` and `.`; `machine` and `env` are taken
    "#);
    let options = LoadOptions { variables: &variables[..1], ..options };
    insta::assert_snapshot!(entries(load_files(&[("site.yaml", FLEET), ("site.d/one.yaml", ONE)], &options)), @r#"
    site.yaml:11:7 HKLM\SOFTWARE\A
      site.yaml:11:36 Level = REG_DWORD 5
      site.yaml:5:42 Host = REG_SZ "SRV01.corp.example"
      site.d/one.yaml:2:42 One = REG_SZ "9"
    "#);
}

#[test]
fn parts_of_other_machines_are_checked_for_their_fields() {
    let text = "version: 1\nmachines:\n  a: { registri: {} }\n  b: 1\n  c: { machines: {} }\n";
    insta::assert_snapshot!(findings(load_files(&[("site.yaml", text)], &options())), @r#"
    error[document.unknown_field]: unknown field `registri`
     --> site.yaml:3:8
      |
    3 |   a: { registri: {} }
      |        ^^^^^^^^
      |
      = help: did you mean `registry`?

    error[document.wrong_type]: expected a mapping, found an integer
     --> site.yaml:4:6
      |
    4 |   b: 1
      |      ^

    error[document.unknown_field]: unknown field `machines`
     --> site.yaml:5:8
      |
    5 |   c: { machines: {} }
      |        ^^^^^^^^
      |
      = help: did you mean `machine`?
    "#);
}

#[test]
fn an_include_cycle_prints_its_chain() {
    let files = [
        ("site.yaml", "version: 1\ninclude: [d/a.yaml]\n"),
        ("d/a.yaml", "include:\n  - b.yaml\n"),
        ("d/b.yaml", "include: ['../d/./a.yaml']\n"),
    ];
    insta::assert_snapshot!(findings(load_files(&files, &options())), @r#"
    error[document.include_cycle]: files include each other in a circle: site.yaml → d/a.yaml → d/b.yaml → d/a.yaml
     --> d/b.yaml:1:11
      |
    1 | include: ['../d/./a.yaml']
      |           ^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn what_cannot_be_included_says_so() {
    let files = [("site.yaml", "version: 1\ninclude: [none.yaml, '${x}.yaml', 3]\n")];
    insta::assert_snapshot!(findings(load_files(&files, &options())), @r#"
    error[document.wrong_type]: expected a text, found an integer
     --> site.yaml:2:35
      |
    2 | include: [none.yaml, '${x}.yaml', 3]
      |                                   ^
      |
      = help: put it in quotes if it is a text: "3"
    "#);
    let files = [("site.yaml", "version: 1\ninclude: [none.yaml, '${x}.yaml']\ncolour: red\n")];
    insta::assert_snapshot!(findings(load_files(&files, &options())), @r#"
    error[document.unreadable]: cannot read none.yaml: no such file
     --> site.yaml:2:11
      |
    2 | include: [none.yaml, '${x}.yaml']
      |           ^^^^^^^^^

    error[document.variable_in_include]: the name of an included file cannot hold variables
     --> site.yaml:2:22
      |
    2 | include: [none.yaml, '${x}.yaml']
      |                      ^^^^^^^^^^^
      |
      = help: files are put together before variables are known; use `machines` for what differs by machine
    "#);
    let files = [("site.yaml", "version: 1\ninclude: [two.yaml]\n"), ("two.yaml", "version: 2\n")];
    insta::assert_snapshot!(findings(load_files(&files, &options())), @r#"
    error[document.unsupported_version]: version 2 of the language is not understood
     --> two.yaml:1:10
      |
    1 | version: 2
      |          ^
      |
      = help: this program reads version 1
    "#);
}

#[test]
fn includes_that_multiply_are_stopped() {
    let names: Vec<String> = (0..30).map(|index| format!("f{index}.yaml")).collect();
    let mut files = Files::default();
    for (index, name) in names.iter().enumerate() {
        let next = format!("f{}.yaml", index + 1);
        let text =
            if index == 29 { "registry: {}\n".to_owned() } else { format!("include: [{next}, {next}, {next}]\n") };
        files.0.insert(name.clone(), text.into_bytes());
    }
    let failure = load(&mut files, &["f0.yaml".into()], &options()).unwrap_err();
    assert_eq!(failure.diagnostics[0].code, "document.too_many_includes");
}
