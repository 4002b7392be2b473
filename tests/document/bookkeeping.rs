//! The head of a document: name, retention, moves, releases and waivers; what they become and what is refused.

use trueup::document::{Desired, LoadOptions, merged_text};
use trueup::model::resource::ResourceId;

use crate::support::{Files, codes, load_files, load_text, options, problems};

/// What the addresses of the tables speak of.
const ENTRIES: &str = r"
registry:
  HKLM\SOFTWARE\A: { values: { Level: 1, Size: 2 } }
  HKLM\SOFTWARE\B: {}
";

fn desired(head: &str) -> Desired {
    load_text(&format!("{head}{ENTRIES}")).expect("it loads").desired
}

fn codes_of(head: &str) -> Vec<String> {
    let found = codes(&format!("{head}{ENTRIES}"));
    found.lines().map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned()).collect()
}

fn address(text: &str) -> ResourceId {
    ResourceId::parse(text).expect("it is an address")
}

#[test]
fn heads_without_a_word_on_it() {
    let desired = desired("");
    assert_eq!((desired.name.is_none(), desired.retain.is_none()), (true, true));
    assert_eq!((desired.moved.len(), desired.released.len(), desired.waivers.len()), (0, 0, 0));
}

#[test]
fn names() {
    for (head, file, name) in [
        ("", "site.yaml", "site.yaml"),
        ("", "folder/site.yaml", "site.yaml"),
        ("", r"C:\trueup\site.yaml", "site.yaml"),
        ("", "folder/", "document"),
        ("name: baseline", "site.yaml", "baseline"),
        ("name: ' kept as it is '", "site.yaml", " kept as it is "),
        ("variables: { x: 7 }\nname: base-${x}", "site.yaml", "base-7"),
    ] {
        let files = [(file, &*format!("version: 1\ninclude: []\n{head}\n"))];
        let load = |options: &LoadOptions<'_>| {
            trueup::document::load(&mut Files::of(&files), &[file.to_owned()], options).expect("it loads").desired
        };
        assert_eq!(load(&options()).record_name(), name, "{head} in {file}");
        let text = merged_text(&mut Files::of(&files), &[file.to_owned()], &options()).expect("it can be merged");
        let again = load_files(&[("site.yaml", &text)], &options()).expect("it loads").desired;
        assert_eq!(again.record_name(), name, "the merged text of {file} keeps the name:\n{text}");
    }
}

#[test]
fn the_first_file_names_a_document_of_several() {
    let base = ("base.yaml", "version: 1\n");
    let files = [("site.yaml", "version: 1\ninclude: [base.yaml]\n"), base, ("over.yaml", "version: 1\n")];
    let overlays = ["over.yaml".to_owned()];
    let options = LoadOptions { overlays: &overlays, ..options() };
    assert_eq!(load_files(&files, &options).expect("it loads").desired.record_name(), "site.yaml");
}

#[test]
fn accepted_heads() {
    assert_eq!(desired("retain: 1d").retain.map(|retain| retain.to_string()).as_deref(), Some("1d"));
    assert_eq!(desired("retain: 24h").retain.map(|retain| retain.seconds()), Some(86_400));

    let moved = desired(
        r#"
moved:
  - { from: 'registry["HKLM\SOFTWARE\Old"]', to: 'registry["HKEY_LOCAL_MACHINE\software\b"]' }
  - { from: 'registry["HKLM\SOFTWARE\A"].Lvl', to: 'registry["HKLM\SOFTWARE\A"].level' }
"#,
    )
    .moved;
    let shown: Vec<String> = moved.iter().map(|moved| format!("{} → {}", moved.from.value, moved.to.value)).collect();
    assert_eq!(
        shown,
        [
            r#"registry["HKLM\SOFTWARE\Old"] → registry["HKEY_LOCAL_MACHINE\software\b"]"#,
            r#"registry["HKLM\SOFTWARE\A"].Lvl → registry["HKLM\SOFTWARE\A"].level"#,
        ]
    );
    assert_eq!((moved[0].from.at.line, moved[1].to.at.line), (4, 5));

    let released =
        desired(r#"released: ['registry["HKLM\SOFTWARE\Old"]', 'registry["HKLM\SOFTWARE\Old"].X', certificates.web]"#)
            .released;
    let shown: Vec<String> = released.iter().map(|address| address.value.to_string()).collect();
    assert_eq!(shown, [r#"registry["HKLM\SOFTWARE\Old"]"#, r#"registry["HKLM\SOFTWARE\Old"].X"#, "certificates.web"]);

    let waivers = desired(
        r#"
waivers:
  - { id: W-1, address: 'registry["HKLM\SOFTWARE\A"]', reason: late, expires: 2026-12-31 }
  - id: W-2
    addresses: ['registry["HKLM\SOFTWARE\A"].Level', 'registry["HKLM\SOFTWARE\B"]']
    reason: agreed
    expires: 2026-12-31T18:00:00+01:00
"#,
    )
    .waivers;
    let shown: Vec<_> = waivers
        .iter()
        .map(|waiver| {
            (&*waiver.id.value, waiver.addresses.len(), &*waiver.reason, waiver.expires.to_string(), waiver.at.line)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("W-1", 1, "late", "2026-12-31T00:00:00Z".to_owned(), 4),
            ("W-2", 2, "agreed", "2026-12-31T17:00:00Z".to_owned(), 5),
        ]
    );
}

#[test]
fn what_a_waiver_covers() {
    let waivers = desired(
        r#"
waivers:
  - { id: whole, address: 'registry["HKLM\SOFTWARE\A"]', reason: r, expires: 2026-12-31 }
  - { id: part, address: 'registry["HKLM\SOFTWARE\A"].Level', reason: r, expires: 2026-12-31 }
"#,
    )
    .waivers;
    for (text, whole, part) in [
        (r#"registry["HKLM\SOFTWARE\A"]"#, true, false),
        (r#"registry["hkey_local_machine\software\a"]"#, true, false),
        (r#"registry["HKLM\SOFTWARE\A"].LEVEL"#, true, true),
        (r#"registry["HKLM\SOFTWARE\A"].Size"#, true, false),
        (r#"registry["HKLM\SOFTWARE\A"].(default)"#, true, false),
        (r#"registry["HKLM\SOFTWARE\A\Below"]"#, false, false),
        (r#"registry["HKLM\SOFTWARE\B"].Level"#, false, false),
        (r#"files["HKLM\SOFTWARE\A"]"#, false, false),
    ] {
        let covers: Vec<bool> = waivers.iter().map(|waiver| waiver.covers(&address(text))).collect();
        assert_eq!(covers, [whole, part], "{text}");
    }
}

#[test]
fn refused_heads() {
    let moved = |from: &str, to: &str| format!("moved: [{{ from: '{from}', to: '{to}' }}]");
    let two = |a: &str, b: &str, c: &str, d: &str| {
        format!("moved: [{{ from: '{a}', to: '{b}' }}, {{ from: '{c}', to: '{d}' }}]")
    };
    let waiver = |fields: &str| format!("waivers: [{{ {fields} }}]");
    let (a, b, level) =
        (r#"registry["HKLM\SOFTWARE\A"]"#, r#"registry["HKLM\SOFTWARE\B"]"#, r#"registry["HKLM\SOFTWARE\A"].Level"#);
    let (old, older) = (r#"registry["HKLM\SOFTWARE\Old"]"#, r#"registry["HKLM\SOFTWARE\Older"]"#);
    let (old_level, gone) = (r#"registry["HKLM\SOFTWARE\Old"].Level"#, r#"registry["HKLM\SOFTWARE\A"].Gone"#);
    let whole = format!("id: W, address: '{a}', reason: r, expires: 2026-12-31");
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("an empty name", "name: ''".into(), &["document.bad_name"]),
        ("a name of blanks", "name: ' '".into(), &["document.bad_name"]),
        ("a name of two lines", "name: \"a\\nb\"".into(), &["document.bad_name"]),
        ("a name with a slash", "name: a/b".into(), &["document.bad_name"]),
        ("a name with a backslash", r"name: a\b".into(), &["document.bad_name"]),
        ("a name that is a number", "name: 7".into(), &["document.wrong_type"]),
        ("short retention", "retain: 23h".into(), &["document.retain_too_short"]),
        ("no retention", "retain: 0d".into(), &["document.retain_too_short"]),
        ("retention without a unit", "retain: 90".into(), &["document.bad_quantity"]),
        ("a bad former address", moved("registry", a), &["document.bad_address"]),
        ("a bad new address", moved(old, "registry"), &["document.bad_address"]),
        ("a new address that is not there", moved(old, older), &["document.unknown_address"]),
        ("a former address still in use", moved(a, b), &["document.moved_in_use"]),
        ("a former part still in use", moved(level, r#"registry["HKLM\SOFTWARE\A"].Size"#), &["document.moved_in_use"]),
        ("one former address twice", two(old, a, old, b), &["document.moved_twice"]),
        (
            "one former address in another spelling",
            two(old, a, r#"registry["HKEY_LOCAL_MACHINE\software\OLD"]"#, b),
            &["document.moved_twice"],
        ),
        ("one new address twice", two(old, a, older, a), &["document.moved_twice"]),
        ("another section", moved("certificates.web", a), &["document.moved_mismatch"]),
        ("a part that was an entry", moved(old, level), &["document.moved_mismatch"]),
        ("an entry that was a part", moved(old_level, a), &["document.moved_mismatch"]),
        ("a chain", two(older, old, old, a), &["document.moved_chain"]),
        ("a chain over what is there", two(old, a, a, b), &["document.moved_chain"]),
        ("a circle", two(old, older, older, old), &["document.moved_chain", "document.moved_chain"]),
        ("a move to where it was", moved(a, a), &["document.moved_chain"]),
        ("a move without an end", format!("moved: [{{ from: '{old}' }}]"), &["document.missing_field"]),
        ("released and a bad address", "released: [registry]".into(), &["document.bad_address"]),
        ("released and there", format!("released: ['{a}']"), &["document.released_in_use"]),
        ("a part released and there", format!("released: ['{level}']"), &["document.released_in_use"]),
        ("a part released whose entry is there", format!("released: ['{gone}']"), &[]),
        (
            "released twice",
            format!("released: ['{old}', '{}']", r#"registry["hklm\software\old"]"#),
            &["document.released_twice"],
        ),
        ("released and moved", format!("{}\nreleased: ['{old}']", moved(old, a)), &["document.released_in_use"]),
        (
            "a waiver without an id",
            waiver(&format!("address: '{a}', reason: r, expires: 2026-12-31")),
            &["document.missing_field"],
        ),
        (
            "a waiver without a reason",
            waiver(&format!("id: W, address: '{a}', expires: 2026-12-31")),
            &["document.missing_field"],
        ),
        ("a waiver for ever", waiver(&format!("id: W, address: '{a}', reason: r")), &["document.missing_field"]),
        ("a waiver of nothing", waiver("id: W, reason: r, expires: 2026-12-31"), &["document.bad_waiver"]),
        (
            "a waiver of an empty list",
            waiver("id: W, addresses: [], reason: r, expires: 2026-12-31"),
            &["document.bad_waiver"],
        ),
        ("a waiver of both forms", waiver(&format!("{whole}, addresses: ['{b}']")), &["document.bad_waiver"]),
        ("an empty id", waiver(&whole.replace("id: W", "id: ''")), &["document.bad_waiver"]),
        ("an empty reason", waiver(&whole.replace("reason: r", "reason: ' '")), &["document.bad_waiver"]),
        (
            "a waiver that is named twice",
            format!("waivers: [{{ {whole} }}, {{ {} }}]", whole.replace("id: W", "id: w")),
            &["document.waiver_twice"],
        ),
        ("a waiver of what is not there", waiver(&whole.replace(a, old)), &["document.unknown_address"]),
        ("a waiver of a part that is not there", waiver(&whole.replace(a, gone)), &["document.unknown_address"]),
        ("a waiver of a bad address", waiver(&whole.replace(a, "registry")), &["document.bad_address"]),
        (
            "a waiver until a day that is not there",
            waiver(&whole.replace("2026-12-31", "2026-02-30")),
            &["document.bad_moment"],
        ),
        (
            "a waiver until a time without its zone",
            waiver(&whole.replace("2026-12-31", "2026-12-31T18:00:00")),
            &["document.bad_moment"],
        ),
        ("a waiver until a text", waiver(&whole.replace("2026-12-31", "soon")), &["document.bad_moment"]),
        ("a waiver until a year", waiver(&whole.replace("2026-12-31", "2026")), &["document.wrong_type"]),
    ];
    for (name, head, expected) in cases {
        assert_eq!(codes_of(&head), expected, "{name}: {head}");
    }
}

#[test]
fn refusals_say_what_to_do() {
    let head = r#"
retain: 12h
moved:
  - { from: 'registry["HKLM\SOFTWARE\Old"].Level', to: 'registry["HKLM\SOFTWARE\A"].Levle' }
released: ['registry["HKLM\SOFTWARE\A"].Level']
waivers:
  - { id: W, address: 'registry["HKLM\SOFTWARE\A"]', addresses: [], reason: r, expires: 2026-12-31 }
"#;
    insta::assert_snapshot!(problems(&format!("{head}{ENTRIES}")), @r#"
    error[document.retain_too_short]: 12h is too short to keep the journals of past runs
     --> site.yaml:3:9
      |
    3 | retain: 12h
      |         ^^^
      |
      = help: write at least `1d`: without its journal a run can neither be looked at nor undone

    error[document.unknown_address]: nothing in the document has the address registry["HKLM\SOFTWARE\A"].Levle
     --> site.yaml:5:56
      |
    5 |   - { from: 'registry["HKLM\SOFTWARE\Old"].Level', to: 'registry["HKLM\SOFTWARE\A"].Levle' }
      |                                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `registry["HKLM\SOFTWARE\A"].Level`?

    error[document.released_in_use]: registry["HKLM\SOFTWARE\A"].Level is released, and still in the document
     --> site.yaml:6:12
      |
    6 | released: ['registry["HKLM\SOFTWARE\A"].Level']
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: only what has left the document can be released: drop it there, or this line

    error[document.bad_waiver]: the waiver has both `address` and `addresses`
     --> site.yaml:8:54
      |
    8 |   - { id: W, address: 'registry["HKLM\SOFTWARE\A"]', addresses: [], reason: r, expires: 2026-12-31 }
      |                                                      ^^^^^^^^^
      |
      = help: write `address: ADDRESS` for one, `addresses: [ADDRESS, …]` for several
    "#);
}

#[test]
fn overlays_and_machines_replace_the_lists() {
    let site = r#"version: 1
machine: { name: SRV01 }
retain: 10d
released: ['registry["HKLM\SOFTWARE\X"]', 'registry["HKLM\SOFTWARE\Y"]']
machines:
  SRV01: { released: ['registry["HKLM\SOFTWARE\Z"]'] }
  SRV02: { retain: 20d }
"#;
    let released = |options: &LoadOptions<'_>| {
        let desired = load_files(&[("site.yaml", site)], options).expect("it loads").desired;
        let names: Vec<String> = desired.released.iter().map(|address| address.value.name().to_owned()).collect();
        (desired.retain.map(|retain| retain.to_string()), names)
    };
    let ten = Some("10d".to_owned());
    assert_eq!(released(&options()), (ten, vec![r"HKLM\SOFTWARE\Z".to_owned()]));
    let other = LoadOptions { machine_name: Some("SRV02"), ..options() };
    let both = vec![r"HKLM\SOFTWARE\X".to_owned(), r"HKLM\SOFTWARE\Y".to_owned()];
    assert_eq!(released(&other), (Some("20d".to_owned()), both));
}

#[test]
fn a_merged_text_says_all_of_it_again() {
    let head = r#"name: baseline
retain: 30d
moved: [{ from: 'registry["HKLM\SOFTWARE\Old"]', to: 'registry["HKLM\SOFTWARE\B"]' }]
released: ['registry["HKLM\SOFTWARE\Gone"]']
waivers: [{ id: 4711a, address: 'registry["HKLM\SOFTWARE\A"]', reason: late, expires: 2026-12-31 }]
"#;
    let site = format!("version: 1\n{head}{ENTRIES}");
    let files = [("site.yaml", &*site)];
    let text = merged_text(&mut Files::of(&files), &["site.yaml".into()], &options()).expect("it can be merged");
    insta::assert_snapshot!(text, @r#"
    version: 1
    name: baseline
    retain: 30d
    moved:
      -
        from: "registry[\"HKLM\\SOFTWARE\\Old\"]"
        to: "registry[\"HKLM\\SOFTWARE\\B\"]"
    released:
      - "registry[\"HKLM\\SOFTWARE\\Gone\"]"
    waivers:
      -
        id: 4711a
        address: "registry[\"HKLM\\SOFTWARE\\A\"]"
        reason: late
        expires: 2026-12-31
    registry:
      HKLM\SOFTWARE\A:
        values:
          Level: 1
          Size: 2
      HKLM\SOFTWARE\B: {}
    "#);
    let again = load_files(&[("site.yaml", &text)], &options()).expect("it loads").desired;
    assert_eq!((again.moved.len(), again.released.len(), again.waivers.len()), (1, 1, 1));
    assert_eq!(again.waivers[0].expires.to_string(), "2026-12-31T00:00:00Z");
}
