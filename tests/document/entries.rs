//! What well-formed documents become.

use crate::support::{codes, entries, keys, load_files, load_text, options};

#[test]
fn every_form_of_a_value() {
    let text = r#"
registry:
  HKLM\SOFTWARE\Vendor:
    values:
      Text: some text
      Path: C:\Program Files\Vendor
      Dword: 0x8000
      Octal: 0o17
      Signed: +5
      List: [one, two]
      Nothing: []
      Sz: { sz: absent }
      Quoted: "absent"
      Yes: "yes"
      SzYes: { sz: yes }
      Expand: { expand: '%SystemRoot%\x' }
      Typed: { dword: 10 }
      Qword: { qword: 0xFFFFFFFFFFFFFFFF }
      Multi: { multi: [a] }
      Binary: { binary: "01 02,ff" }
      None: { none: ~ }
      NoneWithData: { none: "00ff" }
      Secret: { sz: { env: NAME } }
      SecretPath: { expand: { file: 'C:\secret' } }
      SecretCommand: { sz: { command: [vault, read, x] } }
      (default): the default
      Old: absent
      true: a name is a text
      123: so is this
"#;
    insta::assert_snapshot!(entries(load_text(text)), @r#"
    site.yaml:4:3 HKLM\SOFTWARE\Vendor
      site.yaml:6:7 Text = REG_SZ "some text"
      site.yaml:7:7 Path = REG_SZ "C:\Program Files\Vendor"
      site.yaml:8:7 Dword = REG_DWORD 0x8000 (32768)
      site.yaml:9:7 Octal = REG_DWORD 0xf (15)
      site.yaml:10:7 Signed = REG_DWORD 5
      site.yaml:11:7 List = REG_MULTI_SZ ["one", "two"]
      site.yaml:12:7 Nothing = REG_MULTI_SZ []
      site.yaml:13:7 Sz = REG_SZ "absent"
      site.yaml:14:7 Quoted = REG_SZ "absent"
      site.yaml:15:7 Yes = REG_SZ "yes"
      site.yaml:16:7 SzYes = REG_SZ "yes"
      site.yaml:17:7 Expand = REG_EXPAND_SZ "%SystemRoot%\x"
      site.yaml:18:7 Typed = REG_DWORD 0xa (10)
      site.yaml:19:7 Qword = REG_QWORD 0xffffffffffffffff (18446744073709551615)
      site.yaml:20:7 Multi = REG_MULTI_SZ ["a"]
      site.yaml:21:7 Binary = REG_BINARY 0102ff
      site.yaml:22:7 None = REG_NONE (empty)
      site.yaml:23:7 NoneWithData = REG_NONE 00ff
      site.yaml:24:7 Secret = secret 1 from environment variable NAME
      site.yaml:25:7 SecretPath = secret 2 from file C:\secret
      site.yaml:26:7 SecretCommand = secret 1 from command vault
      site.yaml:27:7  = REG_SZ "the default"
      site.yaml:28:7 Old = absent
      site.yaml:29:7 true = REG_SZ "a name is a text"
      site.yaml:30:7 123 = REG_SZ "so is this"
    "#);
}

#[test]
fn all_that_a_key_can_say() {
    let loaded = load_text(
        r#"
registry:
  HKEY_LOCAL_MACHINE\SOFTWARE\Vendor:
    values: { Size: 2000 }
    exclusive: true
    exclusive_keys: true
    report_unmanaged: true
    view: 32
    renamed_from: HKLM\SOFTWARE\Old
    security: { owner: S-1-5-18, grant: [{ to: 'IIS AppPool\P', rights: full }], exclusive: true }
    range: { Size: [1000, 10000], Other: [0, 1] }
    depends_on: ['registry["HKLM\software\other"].name']
    on_change: { reboot: true }
    note: why
  HKLM\SOFTWARE\Other:
    values: { Name: x }
  HKLM\SOFTWARE\Gone: { ensure: absent }
"#,
    )
    .unwrap();
    let all = keys(&loaded.desired);
    let key = all[0];
    assert_eq!(key.key.as_str(), r"HKLM\SOFTWARE\Wow6432Node\Vendor");
    assert_eq!(key.renamed_from.as_ref().unwrap().value.as_str(), r"HKLM\SOFTWARE\Wow6432Node\Old");
    assert!(key.exclusive && key.exclusive_keys && key.report_unmanaged && key.common.on_change.reboot);
    assert_eq!(key.common.note.as_deref(), Some("why"));
    assert_eq!((key.ranges[0].minimum, key.ranges[0].maximum), (1000, 10_000));
    insta::assert_debug_snapshot!(key.security.as_ref().unwrap().value, @r#"
    Parts {
        owner: Some(
            Spanned {
                value: "S-1-5-18",
                at: Location {
                    file: FileId(
                        0,
                    ),
                    line: 11,
                    column: 24,
                    length: 8,
                },
            },
        ),
        grant: [
            WantedGrant {
                to: Spanned {
                    value: "IIS AppPool\\P",
                    at: Location {
                        file: FileId(
                            0,
                        ),
                        line: 11,
                        column: 48,
                        length: 15,
                    },
                },
                rights: Spanned {
                    value: "full",
                    at: Location {
                        file: FileId(
                            0,
                        ),
                        line: 11,
                        column: 73,
                        length: 4,
                    },
                },
                inherit: true,
            },
        ],
        exclusive: true,
    }
    "#);
    assert_eq!(all[2].common.ensure, trueup::model::common::Ensure::Absent);
}

#[test]
fn a_byte_order_mark_and_any_line_break_are_taken() {
    let text = "\u{feff}version: 1\r\nregistry:\r\n  HKLM\\X:\r\n    values: { A: 1, B: yes }\r\n";
    let found = load_files(&[("site.yaml", text)], &options()).unwrap_err();
    let at = found.diagnostics[0].at.unwrap();
    assert_eq!((at.line, at.column, at.length), (4, 24, 3));
    let old_mac = text.replace("yes", "2").replace("\r\n", "\r");
    insta::assert_snapshot!(entries(load_files(&[("site.yaml", &old_mac)], &options())), @r#"
    site.yaml:3:3 HKLM\X
      site.yaml:4:15 A = REG_DWORD 1
      site.yaml:4:21 B = REG_DWORD 2
    "#);
}

#[test]
fn an_alias_repeats_a_value() {
    let text = "registry:\n  HKLM\\A: &a { values: { X: 1 } }\n  HKLM\\B: *a\n";
    insta::assert_snapshot!(entries(load_text(text)), @r#"
    site.yaml:3:3 HKLM\A
      site.yaml:3:26 X = REG_DWORD 1
    site.yaml:4:3 HKLM\B
      site.yaml:3:26 X = REG_DWORD 1
    "#);
}

#[test]
fn core_tags_are_taken_where_they_fit() {
    let text = "registry:\n  HKLM\\A: !!map { values: { X: !!str 1, Y: !!int 2, L: !!seq [a], Z: ! 3 } }\n";
    insta::assert_snapshot!(entries(load_text(text)), @r#"
    site.yaml:3:3 HKLM\A
      site.yaml:3:29 X = REG_SZ "1"
      site.yaml:3:41 Y = REG_DWORD 2
      site.yaml:3:53 L = REG_MULTI_SZ ["a"]
      site.yaml:3:67 Z = REG_SZ "3"
    "#);
}

#[test]
fn two_keys_of_one_path_are_found_in_any_spelling() {
    let text = "registry:\n  HKLM\\SOFTWARE\\A: {}\n  hkey_local_machine\\software\\a\\: {}\n  \
                HKLM\\SOFTWARE\\Wow6432Node\\B: {}\n  HKLM\\SOFTWARE\\b: { view: 32 }\n";
    insta::assert_snapshot!(codes(text), @r#"
    4:3 registry.key_twice
    6:3 registry.key_twice
    "#);
}
