//! What the `registry` section refuses about keys and between entries, and what it says then.

use crate::support::{codes, problems};

#[test]
fn keys_that_are_none() {
    let text = r"registry:
  HKXX\A: {}
  HKLM/SOFTWARE/A: {}
  HKLM\A\\B: {}
  HKLM\SYSTEM\Ciphers\AES 128/128: {}
  HKLM\B:
  HKLM\SOFTWARE\Wow6432Node\C: { view: 32 }
  HKLM\D: { view: 16, ensure: presnt, renamed_from: HKL\X, on_change: { restrat: [x] }, protected: true }
";
    insta::assert_snapshot!(problems(text), @r#"
    error[registry.bad_key]: `HKXX` is not a registry root
     --> site.yaml:3:3
      |
    3 |   HKXX\A: {}
      |   ^
      |
      = help: a path begins with HKLM, HKCR, HKU or HKCU, or their long spellings

    error[registry.bad_key]: `HKLM/SOFTWARE/A` is not a registry root
     --> site.yaml:4:3
      |
    4 |   HKLM/SOFTWARE/A: {}
      |   ^
      |
      = help: separate the names with backslashes: HKLM\SOFTWARE\A

    error[registry.bad_key]: the path holds an empty name
     --> site.yaml:5:10
      |
    5 |   HKLM\A\\B: {}
      |          ^
      |
      = help: write one backslash between two names

    error[document.wrong_type]: expected a mapping, found nothing (null)
     --> site.yaml:7:9
      |
    7 |   HKLM\B:
      |         ^
      |
      = help: write `{}` for an empty one

    error[registry.view_twice]: the path names Wow6432Node and the entry asks for the 32-bit view
     --> site.yaml:8:17
      |
    8 |   HKLM\SOFTWARE\Wow6432Node\C: { view: 32 }
      |                 ^
      |
     ::: site.yaml:8:40
      |
    8 |   HKLM\SOFTWARE\Wow6432Node\C: { view: 32 }
      |                                        -- the view asked for
      |
      = help: keep `view: 32` and drop Wow6432Node from the path, or the other way round

    error[document.wrong_type]: expected 32 or 64
     --> site.yaml:9:19
      |
    9 |   HKLM\D: { view: 16, ensure: presnt, renamed_from: HKL\X, on_change: { restrat: [x] }, protected: true }
      |                   ^^

    error[document.unknown_word]: expected `present` or `absent`
     --> site.yaml:9:31
      |
    9 |   HKLM\D: { view: 16, ensure: presnt, renamed_from: HKL\X, on_change: { restrat: [x] }, protected: true }
      |                               ^^^^^^
      |
      = help: did you mean `present`?

    error[document.unknown_field]: unknown field `restrat`
     --> site.yaml:9:73
      |
    9 |   HKLM\D: { view: 16, ensure: presnt, renamed_from: HKL\X, on_change: { restrat: [x] }, protected: true }
      |                                                                         ^^^^^^^
      |
      = help: did you mean `restart`?

    error[document.unknown_field]: unknown field `protected`
     --> site.yaml:9:89
      |
    9 |   HKLM\D: { view: 16, ensure: presnt, renamed_from: HKL\X, on_change: { restrat: [x] }, protected: true }
      |                                                                                         ^^^^^^^^^
      |
      = help: did you mean `protect`?
    "#);
}

#[test]
fn entries_that_contradict_each_other() {
    let text = r"registry:
  HKLM\Gone: { ensure: absent, values: { A: 1 }, note: kept }
  HKLM\gone\Below: {}
  HKCU\New: { renamed_from: HKCU\Old }
  HKCU\Old: {}
  HKCU\Also: { renamed_from: HKCU\OLD }
  HKLM\Empty: { exclusive: true }
  HKLM\Security: { security: {} }
  HKLM\Sddl: { security: { sddl: x, owner: y } }
";
    insta::assert_snapshot!(problems(text), @r#"
    error[registry.removed_key_has_content]: the key is to be removed, so `values` has no meaning
     --> site.yaml:3:32
      |
    3 |   HKLM\Gone: { ensure: absent, values: { A: 1 }, note: kept }
      |                                ^^^^^^
      |
      = help: drop it, or drop `ensure: absent`; a single value is removed by `NAME: absent`

    error[registry.below_removed_key]: HKLM\gone\Below lies below a key that is to be removed
     --> site.yaml:4:3
      |
    4 |   HKLM\gone\Below: {}
      |   ^^^^^^^^^^^^^^^
      |
     ::: site.yaml:3:3
      |
    3 |   HKLM\Gone: { ensure: absent, values: { A: 1 }, note: kept }
      |   --------- removed here
      |
      = help: removing a key removes all that lies below it: drop one of the two entries

    error[registry.rename_conflict]: HKCU\Old is moved away here, and another entry wants it there
     --> site.yaml:5:29
      |
    5 |   HKCU\New: { renamed_from: HKCU\Old }
      |                             ^^^^^^^^
      |
     ::: site.yaml:6:3
      |
    6 |   HKCU\Old: {}
      |   -------- wanted here

    error[registry.rename_conflict]: HKCU\OLD is moved away here, and another entry wants it there
     --> site.yaml:7:30
      |
    7 |   HKCU\Also: { renamed_from: HKCU\OLD }
      |                              ^^^^^^^^
      |
     ::: site.yaml:6:3
      |
    6 |   HKCU\Old: {}
      |   -------- wanted here

    error[registry.rename_conflict]: the former key is named twice
     --> site.yaml:7:30
      |
    7 |   HKCU\Also: { renamed_from: HKCU\OLD }
      |                              ^^^^^^^^
      |
     ::: site.yaml:5:29
      |
    5 |   HKCU\New: { renamed_from: HKCU\Old }
      |                             -------- first named here
      |
      = help: a key can be moved to one place only

    warning[registry.exclusive_empty]: `exclusive` without values removes every value of HKLM\Empty
     --> site.yaml:8:17
      |
    8 |   HKLM\Empty: { exclusive: true }
      |                 ^^^^^^^^^
      |
      = help: name the values that stay

    error[registry.empty_security]: `security` names neither an owner nor a grant
     --> site.yaml:9:30
      |
    9 |   HKLM\Security: { security: {} }
      |                              ^
      |
      = help: name `owner`, `grant` or `sddl`

    error[registry.security_twice]: `sddl` is the whole security descriptor: nothing may stand beside it
      --> site.yaml:10:34
       |
    10 |   HKLM\Sddl: { security: { sddl: x, owner: y } }
       |                                  ^
    "#);
}

#[test]
fn dependencies_must_exist() {
    let text = r#"registry:
  HKLM\SOFTWARE\A: { values: { Level: 1 } }
  HKLM\SOFTWARE\B:
    depends_on:
      - registry["HKLM\SOFTWARE\A"].level
      - registry["HKEY_LOCAL_MACHINE\software\a"]
      - registry["HKLM\SOFTWARE\A"].Levl
      - registry["HKLM\SOFTWARE\A
      - certificates.web
"#;
    insta::assert_snapshot!(problems(text), @r#"
    error[document.unknown_address]: nothing in the document has the address registry["HKLM\SOFTWARE\A"].Levl
     --> site.yaml:8:9
      |
    8 |       - registry["HKLM\SOFTWARE\A"].Levl
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `registry["HKLM\SOFTWARE\A"].Level`?

    error[document.bad_address]: the quoted name is not closed by "]
     --> site.yaml:9:9
      |
    9 |       - registry["HKLM\SOFTWARE\A
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: addresses look like 'registry["HKLM\SOFTWARE\Vendor"].LogLevel'

    error[document.unknown_address]: nothing in the document has the address certificates.web
      --> site.yaml:10:9
       |
    10 |       - certificates.web
       |         ^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_exclusive_key_without_values_is_a_warning() {
    insta::assert_snapshot!(problems("registry:\n  HKLM\\A: { exclusive: true }\n"), @r#"
    warning[registry.exclusive_empty]: `exclusive` without values removes every value of HKLM\A
     --> site.yaml:3:13
      |
    3 |   HKLM\A: { exclusive: true }
      |             ^^^^^^^^^
      |
      = help: name the values that stay
    "#);
}

#[test]
fn moves_that_cannot_work_are_errors() {
    let text = r"registry:
  HKLM\SOFTWARE\Gone: { ensure: absent }
  HKLM\SOFTWARE\Kept: { renamed_from: HKLM\SOFTWARE\gone\Part }
  HKLM\SOFTWARE\New: { renamed_from: HKLM\SOFTWARE\Old }
  HKLM\SOFTWARE\Old\Below: {}
  HKLM\SOFTWARE\Out: { renamed_from: HKLM\SOFTWARE\OLD\Inner }
  HKLM\SOFTWARE\Far: { renamed_from: HKLM\SYSTEM\Far }
  HKCR\Same: { renamed_from: HKLM\SOFTWARE\Classes\Hive }
  HKLM\SOFTWARE\classes\same: {}
";
    insta::assert_snapshot!(codes(text), @r"
    4:39 registry.below_removed_key
    6:3 registry.rename_conflict
    7:38 registry.rename_conflict
    8:38 registry.rename_across_hives
    10:3 registry.key_twice
    ");
}

#[test]
fn a_child_of_a_moved_key_is_named_by_its_new_place() {
    let text = r"registry:
  HKLM\SOFTWARE\New: { renamed_from: HKLM\SOFTWARE\Old }
  HKLM\SOFTWARE\New\Below: { values: { A: 1 } }
  HKLM\SOFTWARE\New\Second: { renamed_from: HKLM\SOFTWARE\New\First }
";
    assert_eq!(codes(text), "");
}
