//! What the `requires` section refuses: each code, and the words in the document that it points at.

use trueup::document::{Colour, render};

use super::world::loaded;

/// The entry's text, and each finding as its code and the text that stands at its place.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: [Case; 37] = [
    ("{}", &[("requires.no_assertion", "it:")]),
    ("{ message: install it }", &[("requires.no_assertion", "it:")]),
    ("{ java: 11, dotnet: '>=4.8' }", &[("requires.several", "dotnet")]),
    ("{ admin: false }", &[("requires.no_assertion", "admin")]),
    ("{ os: {} }", &[("requires.no_assertion", "os")]),
    ("{ java: 11, ensure: absent }", &[("requires.absent", "ensure")]),
    ("{ java: 11, protect: true }", &[("requires.no_change", "protect")]),
    ("{ java: 11, on_change: { reboot: true } }", &[("requires.no_change", "on_change")]),
    ("{ jawa: 11 }", &[("document.unknown_field", "jawa")]),
    ("{ java: 11, blocks: all }", &[("document.unknown_word", "all")]),
    // Versions, with the traps of YAML
    ("{ dotnet: 4.8 }", &[("requires.bad_version", "4.8")]),
    ("{ dotnet: 4.10 }", &[("requires.bad_version", "4.10")]),
    ("{ java: 1e1 }", &[("requires.bad_version", "1e1")]),
    ("{ java: 011 }", &[("document.wrong_type", "011")]),
    ("{ java: yes }", &[("document.wrong_type", "yes")]),
    ("{ java: }", &[("document.wrong_type", "")]),
    ("{ java: [11] }", &[("document.wrong_type", "[11]")]),
    ("{ java: '11 or later' }", &[("requires.bad_version", "'11 or later'")]),
    ("{ java: '=>11' }", &[("requires.bad_version", "'=>11'")]),
    ("{ java: '>=17, <11' }", &[("requires.bad_version", "'>=17, <11'")]),
    ("{ java: { kind: jdk } }", &[("document.missing_field", "{ kind")]),
    ("{ java: { version: 11, kind: sdk } }", &[("document.unknown_word", "sdk")]),
    ("{ os: { instalation: [server] } }", &[("document.unknown_field", "instalation")]),
    // Names and places
    ("{ software: '*' }", &[("requires.bad_name", "'*'")]),
    ("{ role: iis }", &[("document.unknown_word", "iis")]),
    (r"{ service: 'a\b' }", &[("requires.bad_name", r"'a\b'")]),
    (r"{ registry: HKLX\SOFTWARE }", &[("requires.bad_key", r"HKLX\SOFTWARE")]),
    (r"{ registry: { key: HKLM\SOFTWARE, is: 3 } }", &[("requires.bad_value", "3")]),
    (r"{ registry: { key: HKLM\SOFTWARE, value: x, is: 3, absent: true } }", &[("requires.bad_value", "3")]),
    (r"{ registry: { key: HKLM\SOFTWARE, value: x, is: absent } }", &[("requires.bad_value", "absent")]),
    (r"{ file: server.exe }", &[("document.bad_path", "server.exe")]),
    ("{ disk: 40 }", &[("document.bad_quantity", "40")]),
    ("{ port_free: 0 }", &[("document.out_of_range", "0")]),
    ("{ port_free: 65536 }", &[("document.out_of_range", "65536")]),
    ("{ reachable: 'https://ca:443' }", &[("requires.bad_address", "'https")]),
    ("{ clock_skew: 'dc1 dc2' }", &[("requires.bad_address", "'dc1 dc2'")]),
    ("{ processors: -1 }", &[("document.out_of_range", "-1")]),
];

#[test]
fn each_mistake_is_found_where_it_stands() {
    let mut wrong = String::new();
    for (entry, expected) in CASES {
        let text = format!("version: 1\nrequires:\n  it: {entry}\n");
        let Err(failure) = loaded(&text) else {
            wrong.push_str(&format!("{entry}: it is accepted\n"));
            continue;
        };
        let found: Vec<(&str, String)> = failure
            .diagnostics
            .iter()
            .map(|one| {
                let at = one.at.expect("it has a place");
                let line = failure.sources.line(at).expect("it is there");
                (one.code, line.chars().skip(at.column as usize - 1).collect())
            })
            .collect();
        let fits = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|((code, rest), (wanted, start))| code == wanted && rest.starts_with(start));
        if !fits {
            wrong.push_str(&format!("{entry}: {found:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn names_are_compared_without_case_and_defaults_are_taken_over() {
    let twice = loaded("version: 1\nrequires:\n  jdk: { java: 11 }\n  JDK: { java: 17 }\n").expect_err("it is refused");
    assert_eq!(twice.diagnostics[0].code, "requires.named_twice");
    let text = "version: 1\ndefaults: { requirement: { blocks: everything } }\nrequires: { jdk: { java: 11 } }\n";
    let desired = loaded(text).expect("it is a document").desired;
    let trueup::kinds::Wanted::Requirement(entry) = &desired.entries[0].wanted else { panic!("it is one") };
    assert_eq!(entry.blocks, trueup::kinds::requirement::Blocks::Everything);
}

#[test]
fn a_mistake_is_shown_with_its_line_and_what_to_do() {
    let text = r"version: 1
requires:
  framework:
    dotnet: 4.8
    ensure: absent
  tools:
    java: 11
    software: Access Control Server
  room: { memory: 8GB }
";
    let failure = loaded(text).expect_err("it is refused");
    insta::assert_snapshot!(render(&failure.diagnostics, &failure.sources, Colour::Plain), @r#"
    error[requires.bad_version]: a number with a fraction loses its zeros: 4.10 is 4.1
     --> site.yaml:4:13
      |
    4 |     dotnet: 4.8
      |             ^^^
      |
      = help: put it in quotes: "4.8"

    error[requires.several]: `java` and `software` are two requirements
     --> site.yaml:8:5
      |
    8 |     software: Access Control Server
      |     ^^^^^^^^
      |
     ::: site.yaml:7:5
      |
    7 |     java: 11
      |     ---- the first one
      |
      = help: write an entry for each, so that each has its own message

    error[document.bad_quantity]: there is no unit `GB`
     --> site.yaml:9:19
      |
    9 |   room: { memory: 8GB }
      |                   ^^^
      |
      = help: the units are `B`, `KiB`, `MiB`, `GiB`, `TiB`
    "#);
}
