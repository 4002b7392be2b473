//! Round trips: a document, written out again as one text, means the same.

use crate::support::{Files, entries, keys, load_files, options};
use proptest::prelude::*;
use trueup::document::{Desired, load, merged_text};
use trueup::kinds::registry::WantedValue;

/// What a document says, without its places.
fn meaning(desired: &Desired) -> Vec<(String, Vec<(String, String)>)> {
    let said = |value: &WantedValue| {
        let expiry = value.expires.as_ref().map(|expiry| (expiry.on, &expiry.then));
        format!("{:?} {expiry:?}", value.data)
    };
    let values = |key: &trueup::kinds::registry::WantedKey| {
        key.values.iter().map(|value| (value.name.to_string(), said(value))).collect()
    };
    keys(desired).iter().map(|key| (key.key.to_string(), values(key))).collect()
}

#[test]
fn the_merged_text_is_readable() {
    let site = "version: 1\ninclude: [b.yaml]\nvariables: { x: 'a: b', n: 7 }\nmachine: { name: X }\nmachines:\n  x: { registry: { HKLM\\B: {} } }\n\
                registry:\n  HKLM\\A b:\n    values: { T: '${x}', N: { dword: 1 }, L: [], 'q\"': \"$${x}\", S: yes please }\n";
    let files =
        [("site.yaml", site), ("b.yaml", "registry:\n  HKLM\\A b: { values: { C: [1st, '2'] , O: absent } }\n")];
    let text = merged_text(&mut Files::of(&files), &["site.yaml".into()], &options()).unwrap();
    insta::assert_snapshot!(text, @r#"
    version: 1
    name: "site.yaml"
    machine:
      name: X
    registry:
      "HKLM\\A b":
        values:
          C:
            - 1st
            - "2"
          O: absent
          T: "a: b"
          N:
            dword: 1
          L: []
          "q\"": "$${x}"
          S: yes please
      HKLM\B: {}
    "#);
    let without_places = |text: String| text.replace(char::is_numeric, "");
    let again = entries(load_files(&[("site.yaml", &text)], &options()));
    assert_eq!(
        without_places(again).lines().count(),
        without_places(entries(load_files(&files, &options()))).lines().count()
    );
}

/// A YAML text in double quotes.
fn quoted(text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect();
    format!("\"{}\"", escaped)
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u32>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| format!("{{ qword: {number:#x} }}")),
        "[^\0]{0,12}".prop_map(|text| quoted(&text.replace("${", "$"))),
        "[a-zA-Z]{4,8}( [a-z]{1,4}){0,2}".prop_map(|text| format!("x{text}")),
        "[\\-?:,#&*!|>'\"%@`{}~. a]{0,6}".prop_map(|text| quoted(&text)),
        proptest::collection::vec("[^\0]{1,5}", 0..4).prop_map(|texts| format!(
            "[{}]",
            texts.iter().map(|text| quoted(&text.replace("${", "$"))).collect::<Vec<_>>().join(", ")
        )),
        proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| format!(
            "{{ binary: \"{}\" }}",
            bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>()
        )),
        Just("absent".to_owned()),
        Just("\"absent\"".to_owned()),
        Just("\"$${escaped}\"".to_owned()),
        Just("${env:LEVEL}".to_owned()),
        Just("{ sz: { env: NAME } }".to_owned()),
        Just("{ dword: 1, expires: { on: 2026-12-31, then: [a, b] } }".to_owned()),
    ]
}

proptest! {
    #[test]
    fn writing_and_loading_again_gives_the_same(
        values in proptest::collection::btree_map("[^\0a-z]{1,8}", value(), 0..6),
        component in "[^\0\\\\a-z${}]{1,10}",
    ) {
        let mut text = format!("version: 1\nregistry:\n  {}:\n    values:\n      (default): 1\n", quoted(&format!("HKLM\\{component}")));
        for (name, value) in &values {
            let name = name.replace("${", "$");
            if value.starts_with('{') || value.starts_with('[') || value.starts_with('"') {
                text.push_str(&format!("      {}: {value}\n", quoted(&name)));
            } else {
                text.push_str(&format!("      {}:\n        {value}\n", quoted(&name)));
            }
        }
        // Names that differ by case only are an error of the document, not of the round trip.
        if let Ok(first) = load(&mut Files::of(&[("site.yaml", &text)]), &["site.yaml".into()], &options()) {
            let written = merged_text(&mut Files::of(&[("site.yaml", &text)]), &["site.yaml".into()], &options()).unwrap();
            let second = load(&mut Files::of(&[("site.yaml", &written)]), &["site.yaml".into()], &options());
            let second = second.map_err(|failure| TestCaseError::fail(format!("{:?}\n{written}", failure.diagnostics)))?;
            prop_assert_eq!(meaning(&first.desired), meaning(&second.desired), "{}", written);
            let again = merged_text(&mut Files::of(&[("site.yaml", &written)]), &["site.yaml".into()], &options()).unwrap();
            prop_assert_eq!(written, again);
        }
    }
}
