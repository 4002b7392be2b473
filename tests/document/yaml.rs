//! What YAML allows and a configuration cannot have.

use crate::support::{Files, codes, findings, load_files, load_text, options, problems};
use trueup::document::load;

#[test]
fn all_errors_are_reported_at_once() {
    let text = r#"machine: { nam: SRV, require_match: yes }
registry:
  HKLM\SOFTWARE\Vendor:
    valeus: { A: 1 }
    exclusive: on
  HKLM/SOFTWARE/Slashes: {}
registri: {}
"#;
    insta::assert_snapshot!(problems(text), @r#"
    error[document.unknown_field]: unknown field `nam`
     --> site.yaml:2:12
      |
    2 | machine: { nam: SRV, require_match: yes }
      |            ^^^
      |
      = help: did you mean `name`?

    error[document.wrong_type]: expected `true` or `false`, found a boolean of YAML 1.1
     --> site.yaml:2:37
      |
    2 | machine: { nam: SRV, require_match: yes }
      |                                     ^^^
      |
      = help: write `true`

    error[document.unknown_field]: unknown field `valeus`
     --> site.yaml:5:5
      |
    5 |     valeus: { A: 1 }
      |     ^^^^^^
      |
      = help: did you mean `values`?

    error[document.wrong_type]: expected `true` or `false`, found a boolean of YAML 1.1
     --> site.yaml:6:16
      |
    6 |     exclusive: on
      |                ^^
      |
      = help: write `true`

    error[registry.bad_key]: `HKLM/SOFTWARE/Slashes` is not a registry root
     --> site.yaml:7:3
      |
    7 |   HKLM/SOFTWARE/Slashes: {}
      |   ^
      |
      = help: separate the names with backslashes: HKLM\SOFTWARE\Slashes

    error[document.unknown_field]: unknown field `registri`
     --> site.yaml:8:1
      |
    8 | registri: {}
      | ^^^^^^^^
      |
      = help: did you mean `registry`?
    "#);
}

#[test]
fn a_version_is_needed_and_must_be_known() {
    insta::assert_snapshot!(findings(load_files(&[("site.yaml", "registry: {}\n")], &options())), @r#"
    error[document.missing_field]: the field `version` is missing
     --> site.yaml:1:1
      |
    1 | registry: {}
      | ^
    "#);
    insta::assert_snapshot!(findings(load_files(&[("site.yaml", "version: 2\n")], &options())), @r#"
    error[document.unsupported_version]: version 2 of the language is not understood
     --> site.yaml:1:10
      |
    1 | version: 2
      |          ^
      |
      = help: this program reads version 1
    "#);
    insta::assert_snapshot!(findings(load_files(&[("site.yaml", "# nothing\n")], &options())), @r#"
    error[document.missing_field]: the field `version` is missing
     --> site.yaml:1:1
      |
    1 | # nothing
      | ^
    "#);
    insta::assert_snapshot!(findings(load_files(&[("site.yaml", "- 1\n")], &options())), @r#"
    error[document.wrong_type]: expected a mapping of sections, found a list
     --> site.yaml:1:1
      |
    1 | - 1
      | ^
    "#);
}

#[test]
fn duplicate_keys_name_both_places() {
    insta::assert_snapshot!(problems("machine:\n  name: a\n  domain: b\n  name: c\n"), @r#"
    error[document.duplicate_key]: the key `name` is there twice
     --> site.yaml:5:3
      |
    5 |   name: c
      |   ^^^^
      |
     ::: site.yaml:3:3
      |
    3 |   name: a
      |   ---- first written here
    "#);
    let many: String = (0..50).map(|index| format!("    V{}: {index}\n", index % 49)).collect();
    insta::assert_snapshot!(codes(&format!("registry:\n  HKLM\\A:\n   values:\n{many}")), @"54:5 document.duplicate_key");
}

#[test]
fn tabs_are_explained() {
    insta::assert_snapshot!(problems("registry:\n\tHKLM\\A: {}\n"), @r#"
    error[document.syntax]: this is not YAML: tabs disallowed within this context (block indentation)
     --> site.yaml:3:2
      |
    3 |     HKLM\A: {}
      |     ^
      |
      = help: YAML is indented with spaces, never with tabs
    "#);
}

#[test]
fn several_documents_are_refused() {
    insta::assert_snapshot!(problems("---\nregistry: {}\n"), @r#"
    error[document.several_documents]: a second document begins here; a file holds one
     --> site.yaml:2:1
      |
    2 | ---
      | ^^^
      |
      = help: put it into a file of its own and name that under `include`
    "#);
}

#[test]
fn merge_keys_are_refused() {
    insta::assert_snapshot!(problems("registry:\n  HKLM\\A: &a {}\n  HKLM\\B:\n    <<: *a\n"), @r#"
    error[document.merge_key]: merge keys (`<<`) are not part of YAML 1.2
     --> site.yaml:5:5
      |
    5 |     <<: *a
      |     ^^
      |
      = help: share settings by `include`, or repeat a whole value with an alias (`*name`)
    "#);
}

#[test]
fn keys_are_texts() {
    let text = "registry:\n  HKLM\\A:\n    values:\n      ? [a, b]\n      : 1\n      ? { x: y }\n      : { z: 2 }\n      : empty\n      Last: 1\n";
    insta::assert_snapshot!(codes(text), @r#"
    5:9 document.bad_key
    7:9 document.bad_key
    9:7 document.bad_key
    "#);
    insta::assert_snapshot!(codes("a: &x b\n*x : 1\n"), @r#"
    2:1 document.unknown_field
    3:1 document.bad_key
    "#);
}

#[test]
fn tags_are_refused() {
    let text = "registry:\n  HKLM\\A: { values: { A: !!int x, B: !custom y, C: !!binary aaaa, D: !!set {} } }\n";
    insta::assert_snapshot!(codes(text), @r#"
    3:26 document.bad_tag
    3:38 document.bad_tag
    3:52 document.bad_tag
    3:70 document.bad_tag
    3:70 registry.bad_value_form
    "#);
    insta::assert_snapshot!(problems("registry: !<tag:example.org,2026:x> {}\n"), @r#"
    error[document.bad_tag]: tags other than those of the core schema have no meaning here
     --> site.yaml:2:11
      |
    2 | registry: !<tag:example.org,2026:x> {}
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: drop the tag; a text is told from a number by quotes
    "#);
}

#[test]
fn depth_is_bounded() {
    let deep =
        |open: &str, close: &str, depth: usize| format!("registry: {}{}\n", open.repeat(depth), close.repeat(depth));
    assert_eq!(codes(&deep("[", "]", 63)), "2:11 document.wrong_type");
    assert_eq!(codes(&deep("[", "]", 64)), "2:74 document.too_deep");
    assert_eq!(codes(&deep("{a: ", "}", 100_000)), "2:263 document.too_deep");
    let by_aliases: String = (1..80).map(|index| format!("a{index}: &a{index} [*a{}]\n", index - 1)).collect();
    insta::assert_snapshot!(problems(&format!("a0: &a0 [x]\n{by_aliases}")), @r#"
    error[document.too_deep]: lists and mappings are nested more than 64 deep
      --> site.yaml:65:12
       |
    65 | a63: &a63 [*a62]
       |            ^^^^
    "#);
}

#[test]
fn aliases_that_explode_are_stopped() {
    let levels: String = (1..20)
        .map(|index| format!("a{index}: &a{index} [{}]\n", vec![format!("*a{}", index - 1); 10].join(", ")))
        .collect();
    insta::assert_snapshot!(problems(&format!("a0: &a0 [x]\n{levels}")), @r#"
    error[document.too_many_values]: the document has more than 4000000 values, aliases and anchors counted
     --> site.yaml:8:5
      |
    8 | a6: &a6 [*a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5]
      |     ^^^^^
    "#);
    insta::assert_snapshot!(codes("a: &a [*a]\n"), @"2:8 document.endless_alias");
    insta::assert_snapshot!(problems("registry: *nope\n"), @r#"
    error[document.syntax]: this is not YAML: while parsing node, found unknown anchor
     --> site.yaml:2:11
      |
    2 | registry: *nope
      |           ^
      |
      = help: an alias needs an anchor (`&name`) above it; a text that begins with `*` needs quotes
    "#);
}

#[test]
fn size_is_bounded() {
    let values = "[],".repeat(4_000_001);
    assert!(codes(&format!("registry: [{values}]\n")).ends_with("document.too_many_values"));
    let mut large = Files::default();
    large.0.insert("site.yaml".into(), vec![b'#'; (16 << 20) + 1]);
    insta::assert_snapshot!(findings(load(&mut large, &["site.yaml".into()], &options())), @"error[document.not_text]: site.yaml is larger than 16 MiB");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let of = |bytes: &[u8]| {
        let mut files = Files::default();
        files.0.insert("site.yaml".into(), bytes.to_vec());
        findings(load(&mut files, &["site.yaml".into()], &options()))
    };
    insta::assert_snapshot!(of(b"version: 1\r\nmachine: { name: Z\xFCrich }\r\n"), @r#"
    error[document.not_text]: the file is not UTF-8 from here on
     --> site.yaml:2:19
      |
    2 | machine: { name: Z�rich }
      |                   ^
      |
      = help: save it as UTF-8
    "#);
    insta::assert_snapshot!(of(b"\xFF\xFEv\0e\0r\0"), @r#"
    error[document.not_text]: site.yaml is UTF-16, not UTF-8
     |
     = help: save it as UTF-8
    "#);
    insta::assert_snapshot!(of(b"version: 1\nmachine: { name: a\0b }\n"), @r#"
    error[document.control_character]: the control character U+0000 cannot stand in a document
     --> site.yaml:2:19
      |
    2 | machine: { name: a␀b }
      |                   ^
      |
      = help: in double quotes it can be written as "\u0000"
    "#);
}

#[test]
fn syntax_errors_have_hints() {
    insta::assert_snapshot!(problems("machine: { name: ${x} }\n"), @r#"
    error[document.syntax]: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
     --> site.yaml:2:19
      |
    2 | machine: { name: ${x} }
      |                   ^
      |
      = help: inside { } or [ ] a text that holds `${…}` needs quotes; for a number, put the field on a line of its own: `dword: ${…}`
    "#);
    insta::assert_snapshot!(problems("machine: { name: \"HKLM\\SOFTWARE\" }\n"), @r#"
    error[document.syntax]: this is not YAML: while parsing a quoted scalar, found unknown escape character
     --> site.yaml:2:18
      |
    2 | machine: { name: "HKLM\SOFTWARE" }
      |                  ^
      |
      = help: write paths in single quotes, where a backslash is a backslash
    "#);
    insta::assert_snapshot!(problems("machine: name: x\n"), @r#"
    error[document.syntax]: this is not YAML: mapping values are not allowed in this context
     --> site.yaml:2:14
      |
    2 | machine: name: x
      |              ^
      |
      = help: put text that holds a colon and a space in quotes
    "#);
    insta::assert_snapshot!(problems("machine: 'never closed\n"), @r#"
    error[document.syntax]: this is not YAML: while scanning a quoted scalar, found unexpected end of stream
     --> site.yaml:2:10
      |
    2 | machine: 'never closed
      |          ^
    "#);
}

#[test]
fn backslashes_that_became_escapes_are_a_warning() {
    insta::assert_snapshot!(problems("machine: { name: \"C:\\Program Files\" }\n"), @r#"
    warning[document.escaped_backslash]: a backslash in double quotes was read as an escape
     --> site.yaml:2:18
      |
    2 | machine: { name: "C:\Program Files" }
      |                  ^^^^^^^^^^^^^^^^^^
      |
      = help: write paths in single quotes, where a backslash is a backslash
    "#);
}

#[test]
fn a_plain_secret_is_never_printed() {
    let text = "registry:\n  HKLM\\A: { values: { P: { sz: { env: [hunter2] } }, Q: { sz: { env: a, file: b } } } }\n";
    insta::assert_snapshot!(codes(text), @r#"
    3:39 document.wrong_type
    3:63 document.bad_secret
    "#);
    // A text from the environment is not repeated in a message either.
    let shown = problems(
        "registry:\n  HKLM\\A:\n    values:\n      A:\n        dword: ${env:PASSWORD}\n      B:\n        binary: ${env:PASSWORD}\n",
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn long_lines_are_cut_and_columns_stay_right() {
    let filler = "x".repeat(5_000);
    insta::assert_snapshot!(problems(&format!("machine: {{ name: {filler}, nam: a, domain: {filler} }}\n")), @r#"
    error[document.unknown_field]: unknown field `nam`
     --> site.yaml:2:5020
      |
     ::: 
    2 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, nam: a, domain: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      |                                                                   ^^^
      |
      = help: did you mean `name`?
    "#);
}

#[test]
fn a_tree_of_errors_is_counted_not_shown_for_ever() {
    let values: String = (0..12_000).map(|index| format!("      V{index}: yes\n")).collect();
    let failure = load_text(&format!("registry:\n  HKLM\\A:\n    values:\n{values}")).unwrap_err();
    assert_eq!(failure.diagnostics.len(), 10_001);
    assert_eq!(failure.diagnostics.last().unwrap().message, "2000 further findings are not shown");
}

#[test]
fn what_would_take_long_or_much_is_refused() {
    let json = format!("{{\"version\": 1, {}}}", "\"a\": 1, ".repeat(700_000));
    assert_eq!(
        findings(load_files(&[("site.yaml", &json)], &options())).lines().next(),
        Some("error[document.too_much_in_braces]: a document in braces may have 4 MiB")
    );
    let aliases: String = (0..100_000).map(|index| format!("  HKLM\\B{index}: *a\n")).collect();
    let long = "k".repeat(1 << 20);
    assert!(
        codes(&format!("registry:\n  HKLM\\A: &a {{ values: {{ ? {long} : yes }} }}\n{aliases}"))
            .ends_with("document.too_much_text")
    );
    let variables: String = (0..100_000).map(|index| format!("  b{index}: ${{a}}\n")).collect();
    assert!(codes(&format!("variables:\n  a: {long}\n{variables}")).ends_with("document.text_too_long"));
}
