//! What the `registry` section refuses, and what it says then.

use crate::support::{codes, problems};

#[test]
fn unquoted_words_that_could_be_misread() {
    let text = r"registry:
  HKLM\SOFTWARE\Vendor:
    values:
      Yes: yes
      Off: Off
      True: true
      Null: null
      Tilde: ~
      Empty:
      Zero: 0123
      NotOctal: 0809
      Exponent: 1e3
      Fraction: 1.5
      Date: 2026-12-31
      Grouped: 1_000
      Clock: 12:30:45
      Binary: 0b101
      Huge: 170141183460469231731687303715884105728
      Absent: Absent
";
    insta::assert_snapshot!(problems(text), @r#"
    error[registry.unclear_value]: the registry has no type for a boolean of YAML 1.1
     --> site.yaml:5:12
      |
    5 |       Yes: yes
      |            ^^^
      |
      = help: write 1 for a REG_DWORD, "yes" for a REG_SZ

    error[registry.unclear_value]: the registry has no type for a boolean of YAML 1.1
     --> site.yaml:6:12
      |
    6 |       Off: Off
      |            ^^^
      |
      = help: write 0 for a REG_DWORD, "Off" for a REG_SZ

    error[registry.unclear_value]: the registry has no type for a boolean
     --> site.yaml:7:13
      |
    7 |       True: true
      |             ^^^^
      |
      = help: write 1 for a REG_DWORD, "true" for a REG_SZ

    error[registry.unclear_value]: the value is empty
     --> site.yaml:8:13
      |
    8 |       Null: null
      |             ^^^^
      |
      = help: write "" for an empty text, `absent` to remove the value, `{none: null}` for REG_NONE without data

    error[registry.unclear_value]: the value is empty
     --> site.yaml:9:14
      |
    9 |       Tilde: ~
      |              ^
      |
      = help: write "" for an empty text, `absent` to remove the value, `{none: null}` for REG_NONE without data

    error[registry.unclear_value]: the value is empty
      --> site.yaml:10:12
       |
    10 |       Empty:
       |            ^
       |
       = help: write "" for an empty text, `absent` to remove the value, `{none: null}` for REG_NONE without data

    error[registry.unclear_value]: the registry has no type for a number with a leading zero
      --> site.yaml:11:13
       |
    11 |       Zero: 0123
       |             ^^^^
       |
       = help: write 123 if it is decimal, 0o123 if it is octal, "0123" if it is a text

    error[registry.unclear_value]: the registry has no type for a number with a leading zero
      --> site.yaml:12:17
       |
    12 |       NotOctal: 0809
       |                 ^^^^
       |
       = help: write 809 if it is decimal, "0809" if it is a text

    error[registry.unclear_value]: the registry has no type for a number with a fraction or an exponent
      --> site.yaml:13:17
       |
    13 |       Exponent: 1e3
       |                 ^^^
       |
       = help: write 1000 for a REG_DWORD, "1e3" for a REG_SZ

    error[registry.unclear_value]: the registry has no type for a fraction
      --> site.yaml:14:17
       |
    14 |       Fraction: 1.5
       |                 ^^^
       |
       = help: write "1.5" for a REG_SZ

    error[registry.unclear_value]: this is a date of YAML 1.1 and a text in YAML 1.2
      --> site.yaml:15:13
       |
    15 |       Date: 2026-12-31
       |             ^^^^^^^^^^
       |
       = help: write "2026-12-31" for a REG_SZ

    error[registry.unclear_value]: this is a number of YAML 1.1 and a text in YAML 1.2
      --> site.yaml:16:16
       |
    16 |       Grouped: 1_000
       |                ^^^^^
       |
       = help: write "1_000" for a REG_SZ

    error[registry.unclear_value]: this is a number of YAML 1.1 and a text in YAML 1.2
      --> site.yaml:17:14
       |
    17 |       Clock: 12:30:45
       |              ^^^^^^^^
       |
       = help: write "12:30:45" for a REG_SZ

    error[registry.unclear_value]: this is a number of YAML 1.1 and a text in YAML 1.2
      --> site.yaml:18:15
       |
    18 |       Binary: 0b101
       |               ^^^^^
       |
       = help: write "0b101" for a REG_SZ

    error[registry.unclear_value]: the registry has no type for an integer that is too large
      --> site.yaml:19:13
       |
    19 |       Huge: 170141183460469231731687303715884105728
       |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write "170141183460469231731687303715884105728" for a REG_SZ

    error[registry.unclear_value]: this is neither `absent` nor clearly a text
      --> site.yaml:20:15
       |
    20 |       Absent: Absent
       |               ^^^^^^
       |
       = help: write `absent` to remove the value, or put the text in quotes
    "#);
}

#[test]
fn numbers_out_of_range() {
    let text = r"registry:
  HKLM\A:
    values: { A: -1, B: 4294967296, C: { dword: -2147483649 }, D: { qword: -1 }, E: { qword: 18446744073709551616 }, F: { dword: '1' } }
    range: { A: [1], B: [2, 1], C: [a, 1] }
";
    insta::assert_snapshot!(problems(text), @r#"
    error[registry.dword_out_of_range]: a REG_DWORD has no sign
     --> site.yaml:4:18
      |
    4 |     values: { A: -1, B: 4294967296, C: { dword: -2147483649 }, D: { qword: -1 }, E: { qword: 18446744073709551616 }, F: { dword: '1' } }
      |                  ^^
      |
      = help: write 0xFFFFFFFF for its 32 bits

    error[registry.dword_out_of_range]: a REG_DWORD holds at most 4294967295
     --> site.yaml:4:25
      |
    4 |     values: { A: -1, B: 4294967296, C: { dword: -2147483649 }, D: { qword: -1 }, E: { qword: 18446744073709551616 }, F: { dword: '1' } }
      |                         ^^^^^^^^^^
      |
      = help: write `{qword: …}` for 64 bits

    error[registry.dword_out_of_range]: a REG_DWORD has no sign
     --> site.yaml:4:49
      |
    4 |     values: { A: -1, B: 4294967296, C: { dword: -2147483649 }, D: { qword: -1 }, E: { qword: 18446744073709551616 }, F: { dword: '1' } }
      |                                                 ^^^^^^^^^^^
      |
      = help: it holds 0 to 4294967295

    error[document.out_of_range]: the integer is not between 0 and 18446744073709551615
     --> site.yaml:4:76
      |
    4 |     values: { A: -1, B: 4294967296, C: { dword: -2147483649 }, D: { qword: -1 }, E: { qword: 18446744073709551616 }, F: { dword: '1' } }
      |                                                                            ^^

    error[document.out_of_range]: the integer is not between 0 and 18446744073709551615
     --> site.yaml:4:94
      |
    4 |     values: { A: -1, B: 4294967296, C: { dword: -2147483649 }, D: { qword: -1 }, E: { qword: 18446744073709551616 }, F: { dword: '1' } }
      |                                                                                              ^^^^^^^^^^^^^^^^^^^^

    error[document.wrong_type]: expected an integer, found a text in quotes
     --> site.yaml:4:130
      |
    4 |     values: { A: -1, B: 4294967296, C: { dword: -2147483649 }, D: { qword: -1 }, E: { qword: 18446744073709551616 }, F: { dword: '1' } }
      |                                                                                                                                  ^^^
      |
      = help: write the number without quotes

    error[document.wrong_type]: expected two numbers, the smallest and the largest, found 1
     --> site.yaml:5:17
      |
    5 |     range: { A: [1], B: [2, 1], C: [a, 1] }
      |                 ^

    error[registry.empty_range]: the smallest number is above the largest
     --> site.yaml:5:26
      |
    5 |     range: { A: [1], B: [2, 1], C: [a, 1] }
      |                          ^
      |
     ::: site.yaml:5:29
      |
    5 |     range: { A: [1], B: [2, 1], C: [a, 1] }
      |                             - the largest

    error[document.wrong_type]: expected an integer, found a text
     --> site.yaml:5:37
      |
    5 |     range: { A: [1], B: [2, 1], C: [a, 1] }
      |                                     ^
    "#);
}

#[test]
fn values_outside_their_range() {
    let text = r"registry:
  HKLM\A:
    values: { Low: 5, High: { qword: 11 }, Right: 10, Text: ten, Gone: absent, Secret: { sz: { env: X } } }
    range: { low: [6, 10], High: [6, 10], Right: [6, 10], Text: [6, 10], Gone: [6, 10], Secret: [6, 10], LOW: [1, 2] }
";
    insta::assert_snapshot!(problems(text), @r#"
    error[registry.out_of_range]: 5 is not between 6 and 10
     --> site.yaml:4:15
      |
    4 |     values: { Low: 5, High: { qword: 11 }, Right: 10, Text: ten, Gone: absent, Secret: { sz: { env: X } } }
      |               ^^^
      |
     ::: site.yaml:5:14
      |
    5 |     range: { low: [6, 10], High: [6, 10], Right: [6, 10], Text: [6, 10], Gone: [6, 10], Secret: [6, 10], LOW: [1, 2] }
      |              --- 6 to 10

    error[registry.out_of_range]: 11 is not between 6 and 10
     --> site.yaml:4:23
      |
    4 |     values: { Low: 5, High: { qword: 11 }, Right: 10, Text: ten, Gone: absent, Secret: { sz: { env: X } } }
      |                       ^^^^
      |
     ::: site.yaml:5:28
      |
    5 |     range: { low: [6, 10], High: [6, 10], Right: [6, 10], Text: [6, 10], Gone: [6, 10], Secret: [6, 10], LOW: [1, 2] }
      |                            ---- 6 to 10

    error[registry.out_of_range]: the value has a range but is not a number
     --> site.yaml:4:55
      |
    4 |     values: { Low: 5, High: { qword: 11 }, Right: 10, Text: ten, Gone: absent, Secret: { sz: { env: X } } }
      |                                                       ^^^^
      |
     ::: site.yaml:5:59
      |
    5 |     range: { low: [6, 10], High: [6, 10], Right: [6, 10], Text: [6, 10], Gone: [6, 10], Secret: [6, 10], LOW: [1, 2] }
      |                                                           ---- 6 to 10

    error[registry.out_of_range]: the value has a range but is not a number
     --> site.yaml:4:80
      |
    4 |     values: { Low: 5, High: { qword: 11 }, Right: 10, Text: ten, Gone: absent, Secret: { sz: { env: X } } }
      |                                                                                ^^^^^^
      |
     ::: site.yaml:5:89
      |
    5 |     range: { low: [6, 10], High: [6, 10], Right: [6, 10], Text: [6, 10], Gone: [6, 10], Secret: [6, 10], LOW: [1, 2] }
      |                                                                                         ------ 6 to 10

    error[registry.value_twice]: the value is named twice
     --> site.yaml:5:106
      |
    5 |     range: { low: [6, 10], High: [6, 10], Right: [6, 10], Text: [6, 10], Gone: [6, 10], Secret: [6, 10], LOW: [1, 2] }
      |                                                                                                          ^^^
      |
     ::: site.yaml:5:14
      |
    5 |     range: { low: [6, 10], High: [6, 10], Right: [6, 10], Text: [6, 10], Gone: [6, 10], Secret: [6, 10], LOW: [1, 2] }
      |              --- first named here
      |
      = help: the names of values compare without case
    "#);
}

#[test]
fn forms_that_are_none() {
    let text = r#"registry:
  HKLM\A:
    values:
      A: { REG_DWORD: 1 }
      B: { string: x }
      C: { dword: 1, sz: x }
      D: {}
      E: { env: NAME }
      F: { multi: x }
      G: { binary: 1234 }
      H: { binary: "12 3" }
      I: { binary: "12 3g" }
      J: [a, "", 5]
      K: "nul\0inside"
      L: { sz: { vault: x } }
      M: { sz: { age: x } }
      N: { sz: { env: A, file: B } }
      O: { sz: { command: [] } }
      "": 1
      "nul\0": 1
      p: 1
      P: 2
"#;
    insta::assert_snapshot!(problems(text), @r#"
    error[registry.bad_value_form]: there is no value type `REG_DWORD`
     --> site.yaml:5:12
      |
    5 |       A: { REG_DWORD: 1 }
      |            ^^^^^^^^^
      |
      = help: did you mean `dword`?

    error[registry.bad_value_form]: there is no value type `string`
     --> site.yaml:6:12
      |
    6 |       B: { string: x }
      |            ^^^^^^
      |
      = help: did you mean `sz`?

    error[registry.bad_value_form]: a value has exactly one type
     --> site.yaml:7:10
      |
    7 |       C: { dword: 1, sz: x }
      |          ^^
      |
      = help: write it as `{dword: 1}`; the types are sz, expand, dword, qword, multi, binary, none

    error[registry.bad_value_form]: a value has exactly one type
     --> site.yaml:8:10
      |
    8 |       D: {}
      |          ^
      |
      = help: write it as `{dword: 1}`; the types are sz, expand, dword, qword, multi, binary, none

    error[registry.bad_value_form]: a secret needs a type
     --> site.yaml:9:12
      |
    9 |       E: { env: NAME }
      |            ^^^
      |
      = help: name the type as well: `{sz: {env: …}}`

    error[document.wrong_type]: expected a list of texts, found a text
      --> site.yaml:10:19
       |
    10 |       F: { multi: x }
       |                   ^

    error[document.wrong_type]: expected a text, found an integer
      --> site.yaml:11:20
       |
    11 |       G: { binary: 1234 }
       |                    ^^^^
       |
       = help: put it in quotes if it is a text: "1234"

    error[registry.bad_hex]: a hex digit stands alone
      --> site.yaml:12:24
       |
    12 |       H: { binary: "12 3" }
       |                        ^
       |
       = help: write two digits for each byte: "01 02 ff"

    error[registry.bad_hex]: a hex digit stands alone
      --> site.yaml:13:24
       |
    13 |       I: { binary: "12 3g" }
       |                        ^
       |
       = help: write two digits for each byte: "01 02 ff"

    error[registry.empty_in_multi]: an empty text would end the list
      --> site.yaml:14:14
       |
    14 |       J: [a, "", 5]
       |              ^^
       |
       = help: a REG_MULTI_SZ cannot hold one

    error[document.wrong_type]: expected a text, found an integer
      --> site.yaml:14:18
       |
    14 |       J: [a, "", 5]
       |                  ^
       |
       = help: put it in quotes if it is a text: "5"

    error[registry.nul_in_text]: a text cannot hold a NUL character: it would end there
      --> site.yaml:15:10
       |
    15 |       K: "nul\0inside"
       |          ^^^^^^^^^^^^^
       |
       = help: write the bytes as `{binary: …}`

    error[document.bad_secret]: there is no secret source `vault`
      --> site.yaml:16:18
       |
    16 |       L: { sz: { vault: (not shown)
       |                  ^^^^^
       |
       = help: write where it is to be found: `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`

    error[document.unsupported_secret]: secrets encrypted with age are not supported by this version
      --> site.yaml:17:18
       |
    17 |       M: { sz: { age: x } }
       |                  ^^^
       |
       = help: write where it is to be found: `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`

    error[document.bad_secret]: a secret reference names exactly one source
      --> site.yaml:18:16
       |
    18 |       N: { sz: (not shown)
       |                ^^^^^^^^^^^
       |
       = help: write where it is to be found: `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`

    error[document.bad_secret]: the command names no program
      --> site.yaml:19:27
       |
    19 |       O: { sz: { command: [] } }
       |                           ^

    error[registry.bad_value_name]: a value's name is empty
      --> site.yaml:20:7
       |
    20 |       "": 1
       |       ^^
       |
       = help: the key's unnamed value is called `(default)`

    error[registry.bad_value_name]: a value's name cannot hold a NUL character
      --> site.yaml:21:7
       |
    21 |       "nul\0": 1
       |       ^^^^^^^

    error[registry.value_twice]: the value is named twice
      --> site.yaml:23:7
       |
    23 |       P: 2
       |       ^
       |
      ::: site.yaml:22:7
       |
    22 |       p: 1
       |       - first named here
       |
       = help: the names of values compare without case
    "#);
}

#[test]
fn lengths_are_bounded() {
    let name = "n".repeat(16_384);
    assert_eq!(
        codes(&format!("registry:\n  HKLM\\A:\n    values:\n      ? {name}\n      : 1\n")),
        "5:9 registry.bad_value_name"
    );
    let data = "x".repeat(1 << 19);
    assert_eq!(
        codes(&format!("registry:\n  HKLM\\A:\n    values:\n      A: {data}\n")),
        "5:10 registry.data_too_large"
    );
    let component = "k".repeat(256);
    assert_eq!(codes(&format!("registry:\n  HKLM\\{component}: {{}}\n")), "3:8 registry.bad_key");
    let deep = r"\k".repeat(513);
    assert!(codes(&format!("registry:\n  ? HKLM{deep}\n  : {{}}\n")).ends_with("registry.bad_key"));
}
