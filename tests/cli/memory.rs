//! Transcripts of what trueup remembers: drift, orphans, moves, marks, waivers, a record that is damaged.

use super::transcript::{SOFTWARE, Session, meddle, sample_folder};
use crate::program::{AS_OF, changes};

const RECORD: &str = "image/ProgramData/trueup/record.json";
const HALF: &str = "{\"format_version\":\"1.0\",\"kind\":\"trueup.record\",\"entries\":[\n{\"address\":\"regi";
const VENDOR: &str = r"version: 1
registry:
  HKLM\SOFTWARE\Vendor:
    values: { LogLevel: 3, Name: one, Port: 443 }
";
const TWO: &str = r"version: 1
registry:
  HKLM\SOFTWARE\Vendor:
    values: { LogLevel: 3, Name: one }
  HKLM\SOFTWARE\Other Vendor:
    values: { Mode: 1 }
";

#[test]
fn drift() {
    let mut session = Session::new(sample_folder());
    session.file("site.yaml", VENDOR);
    session.run("trueup drift site.yaml -m image:image").exits(2);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.run("trueup drift site.yaml -m image:image").exits(0);
    session.remark("Somebody sets LogLevel to 9 and adds Debug; the document asks for another name and for more.");
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[9, 0, 0, 0]);
    meddle(&session.folder, SOFTWARE, &["Vendor"], "Debug", 4, &[1, 0, 0, 0]);
    session.file("site.yaml", &VENDOR.replace("Name: one", "Name: two, Size: 7"));
    let before = session.folder.states("image");
    session.run("trueup plan site.yaml -m image:image").exits(0);
    session.run("trueup drift site.yaml -m image:image --coverage").exits(2);
    let drift = session.run("trueup drift site.yaml -m image:image --format json").exits(2).json();
    assert_eq!(drift["counts"]["drift"], 1);
    session.run("trueup drift site.yaml -m image:image --accept-as-baseline").exits(4);
    assert_eq!(changes(&before, &session.folder.states("image")), "", "looking writes nothing");
    session.run("trueup drift site.yaml -m image:image --accept-as-baseline --auto-approve").exits(0);
    session.run("trueup drift site.yaml -m image:image").exits(2);
    session.run("trueup drift site.yaml -m image:image --accept-as-baseline --auto-approve").exits(0);
    session.run("trueup history -m image:image").exits(0);
    session.run("trueup drift site.yaml -m snapshot:nowhere.json").exits(1);
    session.matches("drift.txt");
}

#[test]
fn orphans() {
    let mut session = Session::new(sample_folder());
    session.file("site.yaml", TWO);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.file("site.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor:\n    values: { LogLevel: 3 }\n");
    session.run("trueup plan site.yaml -m image:image --detailed-exitcode").exits(0);
    session.file(
        "site.yaml",
        "version: 1
released:
  - registry[\"HKLM\\SOFTWARE\\Vendor\"].Name
moved:
  - { from: 'registry[\"HKLM\\SOFTWARE\\Other Vendor\"]', to: 'registry[\"HKLM\\SOFTWARE\\Better Vendor\"]' }
registry:
  HKLM\\SOFTWARE\\Vendor:
    values: { LogLevel: 3 }
  HKLM\\SOFTWARE\\Better Vendor:
    renamed_from: HKLM\\SOFTWARE\\Other Vendor
    values: { Mode: 1 }
",
    );
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.run("trueup plan site.yaml -m image:image").exits(0);
    session.matches("orphans.txt");
}

#[test]
fn protected_things_stay() {
    let mut session = Session::new(sample_folder());
    session.folder.write("plain.yaml", VENDOR);
    session.run("trueup apply plain.yaml -m image:image --auto-approve").exits(0);
    session.file("plain.yaml", &format!("{VENDOR}    protect: true\n"));
    session.run("trueup apply plain.yaml -m image:image --auto-approve").exits(0);
    session.file("plain.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { ensure: absent }\n");
    session.run("trueup apply plain.yaml -m image:image --auto-approve").exits(4);
    session.file("plain.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { ensure: absent, protect: false }\n");
    session.run("trueup apply plain.yaml -m image:image --auto-approve").exits(0);
    session.matches("protected.txt");
}

#[test]
fn a_protected_entry_moves_by_a_saved_plan_too() {
    let folder = sample_folder();
    let run = |words: &[&str]| folder.run(&[words, &["-m", "image:image", "--as-of", AS_OF]].concat());
    folder.write("site.yaml", format!("{VENDOR}    protect: true\n"));
    run(&["apply", "site.yaml", "--auto-approve"]).exits(0);
    let moved = VENDOR.replace("\\Vendor:\n", "\\Better Vendor:\n    renamed_from: HKLM\\SOFTWARE\\Vendor\n");
    folder.write("site.yaml", moved);
    run(&["plan", "site.yaml", "-o", "saved.plan"]).exits(0);
    run(&["apply", "saved.plan", "--auto-approve"]).exits(0);
    folder.write("site.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Better Vendor: { ensure: absent }\n");
    run(&["apply", "site.yaml", "--auto-approve"]).exits(4).notes(&["plan.protected"]);
}

#[test]
fn waivers() {
    let mut session = Session::new(sample_folder());
    session.folder.write("site.yaml", VENDOR);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.remark("Somebody sets LogLevel to 9.");
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[9, 0, 0, 0]);
    let waived = |expires: &str| {
        format!(
            "{VENDOR}waivers:\n  - id: CHG-4711\n    address: registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLevel\n    \
             reason: the vendor looks into it\n    expires: {expires}\n"
        )
    };
    session.file("site.yaml", &waived("2026-04-01"));
    session.run("trueup plan site.yaml -m image:image --detailed-exitcode").exits(0);
    session.run("trueup drift site.yaml -m image:image").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.remark("The waiver has run out.");
    session.folder.write("site.yaml", waived("2026-02-01"));
    session.run("trueup drift site.yaml -m image:image").exits(2);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.run("trueup plan site.yaml -m image:image").exits(0);
    session.matches("waivers.txt");
}

#[test]
fn a_damaged_record() {
    let mut session = Session::new(sample_folder());
    session.folder.write("site.yaml", VENDOR);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.remark("Half of the record is lost.");
    session.folder.write(RECORD, HALF);
    session.folder.write("site.yaml", VENDOR.replace("443", "8443"));
    let before = session.folder.states("image");
    session.run("trueup plan site.yaml -m image:image").exits(1);
    session.run("trueup drift site.yaml -m image:image").exits(1);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(4);
    session.run("trueup rollback -m image:image --auto-approve").exits(4);
    session.run("trueup drift site.yaml -m image:image --accept-as-baseline --auto-approve").exits(4);
    session.run("trueup confirm -m image:image").exits(1);
    assert_eq!(changes(&before, &session.folder.states("image")), "", "nothing is written");
    session.remark("One of a later version.");
    session.folder.write(RECORD, "{\"format_version\":\"2.0\",\"kind\":\"trueup.record\"}");
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(4);
    session.folder.write(RECORD, HALF);
    session.run("trueup apply site.yaml -m image:image --auto-approve --accept record.unreadable").exits(0);
    let aside: Vec<_> = session
        .folder
        .states("image/ProgramData/trueup")
        .into_iter()
        .filter(|(name, state)| name.starts_with("record.json.damaged-") && state.bytes == HALF.as_bytes())
        .collect();
    assert_eq!(aside.len(), 1);
    session.run("trueup plan site.yaml -m image:image").exits(0);
    session.matches("damaged_record.txt");
}

#[test]
fn the_record_in_a_snapshot() {
    let mut session = Session::new(sample_folder());
    session.file("site.yaml", VENDOR);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[9, 0, 0, 0]);
    session.run("trueup capture -m image:image --for site.yaml -o server.json").exits(0);
    session.run("trueup drift site.yaml -m snapshot:server.json").exits(2);
    let plan = |machine: &str| {
        let arguments = ["plan", "site.yaml", "-m", machine, "--as-of", AS_OF, "--format", "json"];
        session.folder.run(&arguments).exits(0).stdout
    };
    assert_eq!(plan("snapshot:server.json"), plan("image:image"));
    session.run("trueup history -m snapshot:server.json").exits(0);
    session.run("trueup history {1} -m snapshot:server.json").exits(1);
    session.run("trueup rollback -m snapshot:server.json").exits(4);
    session.run("trueup confirm -m snapshot:server.json").exits(4);
    session.remark("A snapshot of a version that captured no record.");
    let mut old: serde_json::Value = serde_json::from_slice(&session.folder.read("server.json")).unwrap();
    old.as_object_mut().unwrap().remove("record");
    session.folder.write("old.json", old.to_string());
    session.run("trueup drift site.yaml -m snapshot:old.json").exits(2);
    session.run("trueup history -m snapshot:old.json").exits(1);
    session.matches("snapshot_record.txt");
}
