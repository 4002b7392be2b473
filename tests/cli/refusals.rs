//! What the program refuses, with which code, and that nothing is written then.

use super::transcript::{SYSTEM, Session, meddle, sample_folder};
use crate::program::{Folder, changes};

const VENDOR: &str = "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 1 } }\n";
const CONTROL: &str = "version: 1\nregistry:\n  HKLM\\SYSTEM\\CurrentControlSet\\Control: { values: { A: 1 } }\n";
const PLAN: [&str; 4] = ["plan", "site.yaml", "-m", "image:image"];
const APPLY: [&str; 5] = ["apply", "site.yaml", "-m", "image:image", "--auto-approve"];

fn sample(document: &str) -> Folder {
    let folder = sample_folder();
    folder.write("site.yaml", document);
    folder
}

#[test]
fn machines_that_are_none() {
    let mut session = Session::new(Folder::new());
    session.folder.write("site.yaml", VENDOR).write("image/readme.txt", "x").write("note.json", "{}");
    session.run("trueup plan site.yaml").exits(3);
    session.run("trueup apply site.yaml").exits(3);
    session.run("trueup plan site.yaml -m loacl").exits(3);
    session.run("trueup plan site.yaml -m image:nowhere").exits(1);
    session.run("trueup plan site.yaml -m image:image").exits(1);
    session.run("trueup plan site.yaml -m snapshot:nowhere.json").exits(1);
    session.run("trueup plan site.yaml -m snapshot:note.json").exits(1);
    session.run("trueup plan site.yaml -m snapshot:site.yaml").exits(1);
    session.matches("machines.txt");
}

#[test]
fn a_document_for_another_machine() {
    let mut session = Session::new(sample_folder());
    session.file("site.yaml", &format!("{VENDOR}machine: {{ name: OTHER-SRV, require_match: true }}\n"));
    let before = session.folder.states("image");
    session.run("trueup plan site.yaml -m image:image").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(4);
    assert_eq!(changes(&before, &session.folder.states("image")), "");
    session.run("trueup apply site.yaml -m image:image --auto-approve --accept machine.differs").exits(0);
    session.matches("another_machine.txt");
}

#[test]
fn a_plan_that_would_break_windows() {
    let mut session = Session::new(sample_folder());
    session.file(
        "site.yaml",
        "version: 1\nregistry:\n  HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa: { ensure: absent }\n",
    );
    let before = session.folder.states("image");
    session.run("trueup plan site.yaml -m image:image -o bad.plan").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(4);
    session.run("trueup apply site.yaml -m image:image --auto-approve --accept plan.empty").exits(4);
    session.run("trueup apply bad.plan -m image:image --auto-approve").exits(4);
    assert_eq!(changes(&before, &session.folder.states("image")), "");
    session.run("trueup apply bad.plan -m image:image --auto-approve --accept registry.critical_key").exits(0);
    session.matches("critical_key.txt");
}

#[test]
fn a_plan_made_elsewhere() {
    let mut session = Session::new(sample_folder());
    session.folder.write("site.yaml", VENDOR);
    session.run("trueup capture -m image:image --for site.yaml -o server.json").exits(0);
    session.run("trueup plan site.yaml -m snapshot:server.json -o preview.plan").exits(0);
    let before = session.folder.states("image");
    session.run("trueup apply preview.plan -m image:image --auto-approve").exits(4);
    session.run("trueup apply site.yaml -m snapshot:server.json --auto-approve").exits(4);
    assert_eq!(changes(&before, &session.folder.states("image")), "");
    session.matches("preview.txt");
}

#[test]
fn a_sleeping_volume() {
    let folder = sample(VENDOR);
    for head in ["HIBR", "hibr"] {
        folder.write("image/hiberfil.sys", format!("{head}{}", "\0".repeat(4092)));
        let before = folder.states("image");
        for command in [&PLAN[..], &APPLY] {
            let run = folder.run(command).exits(4).notes(&["hibernated", "shutdown /s /t 0"]);
            assert_eq!(run.stdout, "");
        }
        assert_eq!(changes(&before, &folder.states("image")), "");
    }
    folder.write("image/hiberfil.sys", "RSTR");
    folder.run(&PLAN).exits(0);
}

#[test]
fn two_control_sets() {
    let folder = sample(CONTROL);
    folder.run(&PLAN).exits(0);
    meddle(&folder, SYSTEM, &["Select"], "Default", 4, &[2, 0, 0, 0]);
    let before = folder.states("image");
    for command in [&PLAN[..], &APPLY] {
        let run = folder.run(command).exits(4).notes(&["Select\\Default", "Select\\Current"]);
        assert!(!run.stderr.contains("--accept-dirty"), "the hives are not the reason: {}", run.stderr);
    }
    assert_eq!(changes(&before, &folder.states("image")), "");
    // A numbered control set is what it says.
    folder.write("site.yaml", CONTROL.replace("CurrentControlSet", "ControlSet001"));
    folder.run(&PLAN).exits(0);
}

#[test]
fn a_machine_that_somebody_works_on() {
    let folder = sample(VENDOR);
    folder.write("image/ProgramData/trueup/lock", "anna@console (process 4711)");
    let before = folder.states("image");
    let lock = std::fs::File::options().append(true).open(folder.path("image/ProgramData/trueup/lock")).unwrap();
    lock.lock().unwrap();
    folder.run(&PLAN).exits(0);
    folder.run(&APPLY).exits(4).notes(&["anna@console (process 4711)", "hint: wait for the other run to end"]);
    assert_eq!(changes(&before, &folder.states("image")), "");
    drop(lock);
    // The name that was left behind means nothing once nobody holds the lock.
    folder.run(&APPLY).exits(0);
}

#[test]
fn what_was_not_read_is_no_baseline() {
    let folder = sample(&format!("{VENDOR}  HKLM\\COMPONENTS\\X: {{ values: {{ A: 1 }} }}\n"));
    let before = folder.states("image");
    let drift = ["drift", "site.yaml", "-m", "image:image", "--accept-as-baseline", "--auto-approve"];
    folder.run(&drift).exits(4).notes(&["not all of the machine could be read", "nothing was written"]);
    assert_eq!(changes(&before, &folder.states("image")), "");
}

#[test]
fn exit_codes() {
    let folder = sample(VENDOR);
    let plan = |more: &[&str]| folder.run(&[&PLAN, more].concat()).code;
    assert_eq!(plan(&[]), 0);
    assert_eq!(plan(&["--detailed-exitcode"]), 2);
    assert_eq!(plan(&["--nonsense"]), 3);
    folder.run(&["--version"]).exits(0);
    folder.run(&APPLY).exits(0);
    assert_eq!(plan(&["--detailed-exitcode"]), 0);
    folder.write("site.yaml", format!("{VENDOR}wrong: 1\n"));
    assert_eq!(plan(&[]), 3);
    // A key whose hive is not there cannot be read: that is a failure, never "no change".
    folder.write("site.yaml", "version: 1\nregistry:\n  HKLM\\COMPONENTS\\X: { values: { A: 1 } }\n");
    assert_eq!(plan(&[]), 1);
    folder.run(&APPLY).exits(4).notes(&["plan.nothing_observed"]);
    let accepted = folder.run(&[&APPLY, &["--accept", "plan.nothing_observed"][..]].concat()).exits(1);
    accepted.says(&["Nothing was done. Left as it is: 2 blocked"]);
    folder.write("site.yaml", format!("{VENDOR}  HKLM\\COMPONENTS\\X: {{ values: {{ A: 1 }} }}\n"));
    assert_eq!(plan(&["--detailed-exitcode"]), 1);
    assert_eq!(folder.run(&APPLY).code, 1, "a part that was not done is not success");
    // An empty document and one that asks for nothing.
    folder.write("site.yaml", "version: 1\n");
    folder.run(&PLAN).exits(0).says(&["plan.empty"]);
}
