//! Captures: what is written down says the same as the machine, in full, in part and as a document.

use super::transcript::{SOFTWARE, meddle, sample_folder};
use crate::program::{AS_OF, Folder, changes};

const DEMO: &str = include_str!("../../src/cli/templates/demo.trueup.yaml");
const SNAPSHOT: &str = "snapshot:server.json";

fn sample() -> Folder {
    let folder = sample_folder();
    folder.write("site.yaml", DEMO);
    folder
}

fn plan_json(folder: &Folder, document: &str, machine: &str) -> String {
    folder.run(&["plan", document, "-m", machine, "--as-of", AS_OF, "--format", "json"]).exits(0).stdout
}

#[test]
fn a_plan_on_a_snapshot_is_the_plan_on_the_machine() {
    let folder = sample();
    let before = folder.states("image");
    // A whole capture knows accounts by their SIDs alone.
    folder.write(
        "no-names.yaml",
        DEMO.replace("HKU\\svc-acs", "HKU\\.DEFAULT").replace("HKLM\\SOFTWARE\\Example Corp", "HKCR\\Example"),
    );
    for (document, more) in [("site.yaml", &["--for", "site.yaml"][..]), ("no-names.yaml", &[])] {
        let capture = ["capture", "-m", "image:image", "-o", "server.json"];
        folder.run(&[&capture, more].concat()).exits(0).notes(&["Captured ", " in server.json"]);
        let (image, snapshot) = (plan_json(&folder, document, "image:image"), plan_json(&folder, document, SNAPSHOT));
        assert!(image.contains("\"create\""), "the plan is not empty");
        assert!(image == snapshot, "{more:?}: {}", similar::TextDiff::from_lines(&image, &snapshot).unified_diff());
    }
    assert_eq!(changes(&before, &folder.states("image")), "", "a capture writes nothing on the machine");
}

#[test]
fn what_was_not_captured_is_not_taken_as_absent() {
    let folder = sample();
    folder
        .run(&["capture", "-m", "image:image", "--key", "HKLM\\SOFTWARE\\One Identity", "-o", "server.json"])
        .exits(0);
    folder.write("site.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\One Identity\\New: { values: { A: 1 } }\n");
    folder.run(&["plan", "site.yaml", "-m", SNAPSHOT]).exits(0).says(&["2 to add"]);
    folder.write("site.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 1 } }\n");
    let plan = folder.run(&["plan", "site.yaml", "-m", SNAPSHOT]).exits(1);
    assert!(plan.stdout.contains("registry.not_captured") && plan.stdout.contains("blocked"), "{}", plan.stdout);
}

#[test]
fn keys_that_are_none_and_options_that_exclude_each_other() {
    let folder = sample();
    let capture = |more: &[&str]| folder.run(&[&["capture", "-m", "image:image"], more].concat());
    capture(&["--key", "HKLM/SOFTWARE"]).exits(3).notes(&["is not a registry key"]);
    capture(&["--key", "HKXX\\SOFTWARE"]).exits(3);
    capture(&["--key", "HKLM\\SOFTWARE", "--for", "site.yaml"]).exits(3);
    capture(&["--key", "HKLM\\COMPONENTS\\X"]).exits(1);
    capture(&["--for", "missing.yaml"]).exits(3);
    capture(&["-o", "no/such/folder/server.json"]).exits(1).notes(&["no/such/folder/server.json"]);
}

#[test]
fn a_capture_goes_to_standard_output_too() {
    let folder = sample();
    let run = folder.run(&["capture", "-m", "image:image", "--for", "site.yaml"]).exits(0);
    let json = run.json();
    assert_eq!(json["kind"], "trueup.snapshot");
    assert_eq!(json["identity"]["Ok"]["name"], "ACS-SRV01");
    assert_eq!(run.stderr, "");
    // A snapshot of a snapshot says the same.
    folder.write("server.json", &run.stdout);
    let again = folder.run(&["capture", "-m", SNAPSHOT, "--for", "site.yaml"]).exits(0).json();
    assert_eq!(
        (&json["keys"], &json["accounts"], &json["identity"]),
        (&again["keys"], &again["accounts"], &again["identity"])
    );
}

#[test]
fn a_captured_document_asks_for_what_is_there() {
    let folder = sample();
    // What YAML, variables and the registry make difficult.
    let texts = [
        "yes",
        "0123",
        "1e3",
        "~",
        "${x}",
        "$${y}",
        "it's \"q\"",
        "a: b # c",
        "tab\there",
        "line\nbreak",
        " edge ",
        "Größe \u{1F512}",
        "",
    ];
    for (at, text) in texts.iter().enumerate() {
        let data: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        meddle(&folder, SOFTWARE, &["Vendor", "It's: a \"key\" # yes"], &format!("v{at}"), 1, &data);
    }
    meddle(&folder, SOFTWARE, &["Vendor", "${trap}"], "", 4, &[1, 0, 0, 0]);
    meddle(&folder, SOFTWARE, &["Vendor"], "on", 11, &[255; 8]);
    meddle(&folder, SOFTWARE, &["Vendor"], "null", 0, &[]);
    meddle(&folder, SOFTWARE, &["Vendor"], "multi", 7, b"a\0\0\0b\0\0\0\0\0");
    meddle(&folder, SOFTWARE, &["Vendor"], "odd", 1, &[65]);
    for more in [&["--key", "HKLM\\SOFTWARE\\Vendor"][..], &["--for", "site.yaml"], &[]] {
        let capture = ["capture", "-m", "image:image", "--as", "document", "-o", "as-is.yaml"];
        let captured = folder.run(&[&capture, more].concat()).exits(0);
        if more.first() != Some(&"--for") {
            assert!(captured.stderr.contains("value odd"), "what a document cannot say is named: {}", captured.stderr);
        }
        folder.run(&["validate", "as-is.yaml"]).exits(0);
        let plan = folder.run(&["plan", "as-is.yaml", "-m", "image:image", "--detailed-exitcode"]);
        assert_eq!(plan.code, 0, "{more:?}: {}{}", plan.stdout, plan.stderr);
        assert!(plan.stdout.contains("0 to add, 0 to change, 0 to remove, 0 to replace"), "{}", plan.stdout);
    }
}
