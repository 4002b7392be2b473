//! What comes out and where: streams, files, schema, completions, starter documents.

use super::stopped::{Stop, stop};
use super::transcript::{SOFTWARE, meddle, runs, sample_folder};
use crate::program::{AS_OF, Folder, Run};

const VENDOR: &str = "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 1, B: two } }\n";

#[test]
fn a_document_comes_from_standard_input_too() {
    use std::io::Write as _;
    let folder = sample_folder();
    let piped = |arguments: &[&str], document: &str| {
        let mut command = folder.command(arguments);
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
        Run::of(&child.wait_with_output().unwrap())
    };
    piped(&["validate", "-"], VENDOR).exits(0).says(&["-: valid, 3 resources in 1 entry"]);
    piped(&["validate", "-"], "version: 1\nregistri: {}\n").exits(3).notes(&["did you mean `registry`?", "-:2:1"]);
    piped(&["plan", "-", "-m", "image:image"], VENDOR).exits(0).says(&["3 to add"]);
    piped(&["plan", "-", "-m", "image:image", "-o", "saved.plan"], VENDOR).exits(0);
    folder.run(&["apply", "saved.plan", "-m", "image:image", "--auto-approve"]).exits(0);
    piped(&["apply", "-", "-m", "image:image"], VENDOR).exits(0).says(&["Nothing to do"]);
    piped(&["plan", "-", "-m", "image:image", "--detailed-exitcode"], "").exits(3);
}

#[test]
fn reports_go_to_files() {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    let plan = ["plan", "site.yaml", "-m", "image:image", "--as-of", AS_OF];
    let run = folder.run(&[&plan, &["--report", "json:plan.json", "--report", "text:plan.txt"][..]].concat()).exits(0);
    assert_eq!(folder.text("plan.txt"), run.stdout);
    assert_eq!(folder.text("plan.json"), folder.run(&[&plan, &["--format", "json"][..]].concat()).exits(0).stdout);
    folder.run(&[&plan, &["--report", "html:plan.html"][..]].concat()).exits(3).notes(&["there is no report `html`"]);
    folder.run(&[&plan, &["--report", "plan.json"][..]].concat()).exits(3).notes(&["names no file"]);
    folder.run(&[&plan, &["--report", "json:no/such/plan.json"][..]].concat()).exits(1).notes(&["no/such/plan.json"]);
}

#[test]
fn progress_is_lines_of_json() {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    let run = folder.run(&["apply", "site.yaml", "-m", "image:image", "--auto-approve", "--progress", "json"]).exits(0);
    let lines: Vec<serde_json::Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let phases: Vec<&str> = lines.iter().map(|line| line["phase"].as_str().unwrap()).collect();
    for phase in ["look again", "apply", "write", "verify", "plan again"] {
        assert!(phases.contains(&phase), "{phases:?}");
    }
    for line in &lines {
        assert!(line["done"].as_u64().unwrap() <= line["steps"].as_u64().unwrap(), "{line}");
    }
    let last = lines.iter().rfind(|line| line["phase"] == "apply").unwrap();
    assert_eq!(last["done"], last["steps"]);
}

#[test]
fn an_outcome_is_json_too() {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    let apply = ["apply", "site.yaml", "-m", "image:image", "--auto-approve", "--format", "json"];
    let json = folder.run(&apply).exits(0).json();
    assert_eq!(
        (json["done"].as_u64(), json["failed"].as_u64(), json["remaining_operations"].as_u64()),
        (Some(3), Some(0), Some(0))
    );
    let json = folder.run(&apply).exits(0).json();
    assert_eq!((json["run"].is_null(), json["done"].as_u64()), (true, Some(0)));
}

#[test]
fn whatever_is_done_data_are_one_json_document() {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    let on = ["-m", "image:image", "--auto-approve", "--format", "json"];
    let run = |words: &[&str]| folder.run(&[words, &on].concat()).exits(0);
    stop(&folder, "site.yaml", "", None, Stop::AfterTheHive);
    let resumed = run(&["apply", "site.yaml", "--resume"]);
    assert!(resumed.json()["run"].is_null(), "the report is that of the plan which follows");
    meddle(&folder, SOFTWARE, &["Vendor"], "A", 4, &[9, 0, 0, 0]);
    for note in ["Accepted as the baseline", "The record tells this already"] {
        let accepted = run(&["drift", "site.yaml", "--accept-as-baseline"]);
        assert!(accepted.json()["counts"].is_object());
        accepted.notes(&[note]);
    }
    let past = runs(&folder);
    run(&["rollback", &past[1]]).json();
    folder.write("empty.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 5 } }\n");
    run(&["apply", "empty.yaml"]);
    let last = runs(&folder).pop().unwrap();
    run(&["rollback"]).json();
    let nothing = run(&["rollback", &last]);
    assert_eq!(nothing.json()["done"], 0);
    stop(&folder, "empty.yaml", "", None, Stop::BeforeTheHive);
    run(&["rollback"]).notes(&["the run is closed"]).json();
}

#[test]
fn the_schema_and_completions_are_printed() {
    let folder = Folder::new();
    let schema = folder.run(&["schema"]).exits(0);
    assert_eq!(schema.stdout, trueup::document::schema_text());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.run(&["completions", shell]).exits(0);
        for command in ["validate", "capture", "accept-dirty"] {
            assert!(script.stdout.contains(command), "{shell}: {command}");
        }
    }
    folder.run(&["completions", "tcsh"]).exits(3).notes(&["possible values"]);
}

#[test]
fn the_bash_completion_is_one() {
    let folder = Folder::new();
    folder.write("complete.sh", folder.run(&["completions", "bash"]).exits(0).stdout);
    let script = "source complete.sh && COMP_WORDS=(trueup ca) COMP_CWORD=1 && _trueup trueup ca trueup && echo \"${COMPREPLY[@]}\"";
    let Ok(output) = std::process::Command::new("bash").args(["-c", script]).current_dir(folder.path("")).output()
    else {
        println!("skipped: bash is not at hand");
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "capture",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_starter_is_written_once() {
    let folder = Folder::new();
    let run = folder.run(&["init", "site"]).exits(0).notes(&["Next:"]);
    let mut files: Vec<&str> = run.stdout.lines().collect();
    files.sort_unstable();
    assert_eq!(
        files,
        ["pipelines/github.yml", "pipelines/gitlab.yml", "schemas/desired-state.v1.json", "server.trueup.yaml"]
    );
    assert_eq!(folder.text("site/schemas/desired-state.v1.json"), trueup::document::schema_text());
    folder.run(&["validate", "site/server.trueup.yaml"]).exits(0);
    let before = folder.states("site");
    folder.run(&["init", "site"]).exits(1).notes(&["is there already; nothing was written"]);
    assert_eq!(crate::program::changes(&before, &folder.states("site")), "");
}

#[test]
fn the_demonstration_makes_and_walks() {
    let folder = Folder::new();
    let made = folder.run(&["demo", "made", "--only-make"]).exits(0);
    assert!(made.stdout.contains("Next: trueup plan"), "{}", made.stdout);
    assert!(folder.path("made/image/Windows/System32/config/SYSTEM").exists());
    let next = made.stdout.split_once("Next: trueup ").unwrap().1.trim().split(' ').collect::<Vec<_>>();
    folder.run(&next).exits(0).says(&["Plan: "]);
    folder.run(&["demo", "made"]).exits(1).notes(&["is not an empty folder"]);
    let walk = folder.run(&["demo", "walk"]).exits(0);
    assert!(
        walk.stdout.contains("Verified: ") && walk.stdout.contains("0 to add, 0 to change, 0 to remove"),
        "{}",
        walk.stdout
    );
    assert_eq!(walk.stderr, "", "{}", walk.stderr);
}
