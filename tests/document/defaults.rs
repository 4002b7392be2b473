//! `defaults`: what entries say that are silent themselves.

use trueup::model::source::Location;

use crate::support::{codes, keys, load_files, load_text, options};

#[test]
fn silent_entries_take_the_defaults_and_others_keep_their_own() {
    let text = r"
defaults: { registry: { report_unmanaged: true, view: 32, on_change: { reboot: true } } }
registry:
  HKLM\SOFTWARE\Silent: { values: { A: 1 } }
  HKLM\SOFTWARE\Outspoken: { report_unmanaged: false, view: 64, on_change: { reboot: false } }
  HKLM\SOFTWARE\Gone: { ensure: absent }
";
    let loaded = load_text(text).expect("it loads");
    let told: Vec<_> = keys(&loaded.desired)
        .into_iter()
        .map(|key| (key.key.as_str(), key.report_unmanaged, key.common.on_change.reboot))
        .collect();
    assert_eq!(
        told,
        [
            (r"HKLM\SOFTWARE\Wow6432Node\Silent", true, true),
            (r"HKLM\SOFTWARE\Outspoken", false, false),
            (r"HKLM\SOFTWARE\Wow6432Node\Gone", false, true),
        ]
    );
    let at = keys(&loaded.desired).first().map(|key| key.at).unwrap_or_default();
    assert_ne!(at, Location::default(), "an entry keeps its own place");
}

#[test]
fn defaults_merge_like_everything_else() {
    let files = [
        ("site.yaml", "version: 1\ninclude: [base.yaml]\ndefaults: { registry: { report_unmanaged: false } }\n"),
        (
            "base.yaml",
            "version: 1\ndefaults: { registry: { report_unmanaged: true, on_change: { reboot: true } } }\nregistry: { HKLM\\A\\B: {} }\n",
        ),
    ];
    let loaded = load_files(&files, &options()).expect("it loads");
    let told: Vec<_> =
        keys(&loaded.desired).into_iter().map(|key| (key.report_unmanaged, key.common.on_change.reboot)).collect();
    assert_eq!(told, [(false, true)]);
}

#[test]
fn defaults_are_checked_even_when_nobody_takes_them() {
    insta::assert_snapshot!(codes("defaults: { registry: { exclusive: true } }\n"), @"2:25 document.unknown_field");
    insta::assert_snapshot!(codes("defaults: { regsitry: {} }\n"), @"2:13 document.unknown_field");
    insta::assert_snapshot!(codes("defaults: { registry: { view: 16 } }\n"), @"2:31 document.wrong_type");
}
