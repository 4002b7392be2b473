//! `${…}` in values and keys.

use crate::support::{codes, entries, load_text, problems};

#[test]
fn references_stand_for_their_values() {
    let text = r#"
machine: { name: '${site}-01', domain: corp.example }
variables:
  site: ZRH
  size: 4096
  text: "4096"
  media: { fqdn: media.corp.example }
  chained: ${size}
  base: HKLM\SOFTWARE\Vendor
registry:
  ${base}\${media.fqdn}:
    values:
      Number: ${size}
      Chained: ${chained}
      Text: ${text}
      Quoted: "${size}"
      Mixed: 0x${size}
      Host: ${machine.fqdn}
      Environment: ${env:SITE}
      Level: ${env:LEVEL}
      QuotedLevel: '${env:LEVEL}'
      Default: ${env:NONE:-C:\x}
      EmptyDefault: '${env:NONE:-}'
      Literal: $${size}
      Dollars: $$${size} costs $5
      List: ['${site}', a]
      ${site}: the name too
      Later: { dword: 1 }
"#;
    insta::assert_snapshot!(entries(load_text(text)), @r#"
    site.yaml:12:3 HKLM\SOFTWARE\Vendor\media.corp.example
      site.yaml:14:7 Number = REG_DWORD 0x1000 (4096)
      site.yaml:15:7 Chained = REG_DWORD 0x1000 (4096)
      site.yaml:16:7 Text = REG_SZ "4096"
      site.yaml:17:7 Quoted = REG_SZ "4096"
      site.yaml:18:7 Mixed = REG_DWORD 0x4096 (16534)
      site.yaml:19:7 Host = REG_SZ "ZRH-01.corp.example"
      site.yaml:20:7 Environment = REG_SZ "zurich"
      site.yaml:21:7 Level = REG_DWORD 3
      site.yaml:22:7 QuotedLevel = REG_SZ "3"
      site.yaml:23:7 Default = REG_SZ "C:\x"
      site.yaml:24:7 EmptyDefault = REG_SZ ""
      site.yaml:25:7 Literal = REG_SZ "${size}"
      site.yaml:26:7 Dollars = REG_SZ "$${size} costs $5"
      site.yaml:27:7 List = REG_MULTI_SZ ["ZRH", "a"]
      site.yaml:28:7 ZRH = REG_SZ "the name too"
      site.yaml:29:7 Later = REG_DWORD 1
    "#);
}

#[test]
fn what_a_reference_cannot_be() {
    let text = r#"
variables: { install: x, a: '${b}', b: '${c}', c: '${a}', self: '${self}', list: [1], machine: x, 'a b': 1, none: ~ }
machine: { name: X }
registry:
  HKLM\A:
    values:
      A: ${instal}
      B: ${machine.fqdn}
      C: ${env:NOT_SET}
      D: ${install
      E: ${}
      F: { dword: '${instal}' }
"#;
    insta::assert_snapshot!(problems(text), @r#"
    error[document.variable_cycle]: variables use each other in a circle: a → b → c → a
     --> site.yaml:3:26
      |
    3 | variables: { install: x, a: '${b}', b: '${c}', c: '${a}', self: '${self}', list: [1], machine: x, 'a b': 1, none: ~ }
      |                          ^

    error[document.variable_cycle]: variables use each other in a circle: self → self
     --> site.yaml:3:59
      |
    3 | variables: { install: x, a: '${b}', b: '${c}', c: '${a}', self: '${self}', list: [1], machine: x, 'a b': 1, none: ~ }
      |                                                           ^^^^

    error[document.bad_variable]: a variable is a text, a number or a boolean, not a list
     --> site.yaml:3:82
      |
    3 | variables: { install: x, a: '${b}', b: '${c}', c: '${a}', self: '${self}', list: [1], machine: x, 'a b': 1, none: ~ }
      |                                                                                  ^

    error[document.bad_variable]: this cannot be the name of a variable
     --> site.yaml:3:87
      |
    3 | variables: { install: x, a: '${b}', b: '${c}', c: '${a}', self: '${self}', list: [1], machine: x, 'a b': 1, none: ~ }
      |                                                                                       ^^^^^^^
      |
      = help: names have letters, digits, `_`, `-` and `.`; `machine` and `env` are taken

    error[document.bad_variable]: this cannot be the name of a variable
     --> site.yaml:3:99
      |
    3 | variables: { install: x, a: '${b}', b: '${c}', c: '${a}', self: '${self}', list: [1], machine: x, 'a b': 1, none: ~ }
      |                                                                                                   ^^^^^
      |
      = help: names have letters, digits, `_`, `-` and `.`; `machine` and `env` are taken

    error[document.bad_variable]: a variable is a text, a number or a boolean, not nothing (null)
     --> site.yaml:3:115
      |
    3 | variables: { install: x, a: '${b}', b: '${c}', c: '${a}', self: '${self}', list: [1], machine: x, 'a b': 1, none: ~ }
      |                                                                                                                   ^

    error[document.unknown_variable]: there is no variable `instal`
     --> site.yaml:8:10
      |
    8 |       A: ${instal}
      |          ^^^^^^^^^
      |
      = help: did you mean `${install}`?

    error[document.unknown_variable]: there is no variable `machine.domain`
     --> site.yaml:9:10
      |
    9 |       B: ${machine.fqdn}
      |          ^^^^^^^^^^^^^^^
      |
      = help: say `domain` under `machine`

    error[document.unset_environment]: the environment variable `NOT_SET` is not set
      --> site.yaml:10:10
       |
    10 |       C: ${env:NOT_SET}
       |          ^^^^^^^^^^^^^^
       |
       = help: set it, or give a text for that case: `${env:NOT_SET:-text}`

    error[document.bad_reference]: `${` is not closed by `}`
      --> site.yaml:11:10
       |
    11 |       D: ${install
       |          ^^^^^^^^^
       |
       = help: write `$${` for the characters `${` themselves

    error[document.bad_reference]: `${…}` names no variable
      --> site.yaml:12:10
       |
    12 |       E: ${}
       |          ^^^
       |
       = help: write `$${` for the characters `${` themselves

    error[document.unknown_variable]: there is no variable `instal`
      --> site.yaml:13:19
       |
    13 |       F: { dword: '${instal}' }
       |                   ^^^^^^^^^^^
       |
       = help: did you mean `${install}`?
    "#);
}

#[test]
fn names_that_become_equal_are_found() {
    insta::assert_snapshot!(problems("variables: { v: X }\nregistry:\n  HKLM\\A: { values: { X: 1, '${v}': 2 } }\n"), @r#"
    error[document.duplicate_key]: the key `X` is there twice
     --> site.yaml:4:29
      |
    4 |   HKLM\A: { values: { X: 1, '${v}': 2 } }
      |                             ^^^^^^
      |
     ::: site.yaml:4:23
      |
    4 |   HKLM\A: { values: { X: 1, '${v}': 2 } }
      |                       - first written here
    "#);
}

#[test]
fn growth_is_bounded() {
    let doubling: String =
        (1..40).map(|index| format!("  v{index}: '${{v{}}}${{v{}}}'\n", index - 1, index - 1)).collect();
    insta::assert_snapshot!(codes(&format!("variables:\n  v0: xxxxxxxxxxxxxxxx\n{doubling}")), @"20:3 document.text_too_long");
    let chain: String = (1..70).map(|index| format!("  v{}: '${{v{index}}}'\n", index - 1)).collect();
    insta::assert_snapshot!(codes(&format!("variables:\n{chain}  v69: x\n")), @"67:3 document.variable_depth");
}
