//! Transcripts with golden files: what users read, word for word.

use super::transcript::{SOFTWARE, Session, meddle, sample_folder};
use crate::program::Folder;

const COMMANDS: [&str; 17] = [
    "init",
    "demo",
    "validate",
    "plan",
    "apply",
    "drift",
    "capture",
    "certificates",
    "diff",
    "history",
    "rollback",
    "confirm",
    "schedule",
    "show",
    "explain",
    "schema",
    "completions",
];

const VENDOR: &str = r"version: 1
registry:
  HKLM\SOFTWARE\Vendor:
    values: { LogLevel: 3, Name: one, Tags: [a, b] }
";

/// Puts a key of a fictional vendor on the volume.
fn vendor(folder: &Folder) {
    meddle(folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[1, 0, 0, 0]);
    meddle(folder, SOFTWARE, &["Vendor"], "Old", 1, b"x\0\0\0");
}

#[test]
fn help() {
    let mut session = Session::new(Folder::new());
    session.run("trueup --help").exits(0);
    for command in COMMANDS {
        session.run(&format!("trueup {command} --help")).exits(0);
    }
    session.run("trueup").exits(3);
    session.run("trueup plna site.yaml").exits(3);
    session.run("trueup plan").exits(3);
    session.run("trueup plan site.yaml --formt json").exits(3);
    session.matches("help.txt");
}

#[test]
fn validate() {
    let mut session = Session::new(Folder::new());
    session.file(
        "wrong.yaml",
        r#"version: 1
machine: { name: ACS-SRV01, requires_match: true }
variables: { install: 'C:\Vendor' }
registry:
  HKLM\SOFTWARE\Vendor:
    vlaues: { LogLevel: 3 }
  HKLM\SOFTWARE\Vendor\Server:
    values:
      Port: { dwrod: 443 }
      Home: ${instal}\Server
      Level: 4294967296
      Password: { sz: { enviroment: X } }
      Enabled: yes
    range: { Level: [9, 1] }
  HKLN\SOFTWARE\Vendor: {}
  HKLM/SOFTWARE/Vendor: {}
  HKLM\SOFTWARE\VENDOR: {}
registri: {}
"#,
    );
    session.run("trueup validate wrong.yaml").exits(3);
    session.run("trueup plan wrong.yaml -m image:nowhere").exits(3);
    session.file("torn.yaml", "version: 1\nregistry:\n\tHKLM\\SOFTWARE: {}\n");
    session.run("trueup validate torn.yaml").exits(3);
    session.file("right.yaml", VENDOR);
    session.run("trueup validate right.yaml").exits(0);
    session.run("trueup validate right.yaml --variable install").exits(3);
    session.run("trueup validate missing.yaml").exits(3);
    session.matches("validate.txt");
}

#[test]
fn the_demonstration() {
    let mut session = Session::new(sample_folder());
    session.folder.write("server.trueup.yaml", include_str!("../../src/cli/templates/demo.trueup.yaml"));
    session.run("trueup validate server.trueup.yaml").exits(0);
    session.run("trueup plan server.trueup.yaml -m image:image --detailed-exitcode").exits(2);
    session.run("trueup apply server.trueup.yaml -m image:image --auto-approve").exits(0);
    session.run("trueup plan server.trueup.yaml -m image:image --detailed-exitcode").exits(0);
    session.run("trueup apply server.trueup.yaml -m image:image --auto-approve").exits(0);
    session.matches("demonstration.txt");
}

#[test]
fn plan_as_json() {
    let mut session = Session::new(sample_folder());
    vendor(&session.folder);
    session
        .file("site.yaml", &VENDOR.replace("LogLevel: 3,", "LogLevel: 3, Old: absent, Token: { sz: { env: TOKEN } },"));
    let plan = session.run("trueup plan site.yaml -m image:image --format json").exits(0).json();
    assert_eq!(plan["format_version"].as_str().map(|version| version.starts_with("1.")), Some(true));
    session.matches("plan_json.txt");
}

#[test]
fn a_saved_plan_is_applied_as_it_is() {
    let mut session = Session::new(sample_folder());
    vendor(&session.folder);
    session.file("site.yaml", VENDOR);
    session.run("trueup plan site.yaml -m image:image -o change.plan").exits(0);
    session.run("trueup show change.plan").exits(0);
    session.remark("The document changes, the plan does not.");
    session.folder.write("site.yaml", VENDOR.replace("LogLevel: 3", "LogLevel: 9"));
    session.run("trueup apply change.plan -m image:image --auto-approve").exits(0);
    session.run("trueup apply change.plan -m image:image --auto-approve").exits(4);
    session.run("trueup show site.yaml").exits(3);
    session.run("trueup show missing.plan").exits(1);
    session.matches("saved_plan.txt");
}

#[test]
fn a_stale_plan_names_what_has_moved() {
    let mut session = Session::new(sample_folder());
    vendor(&session.folder);
    session.file("site.yaml", VENDOR);
    session.run("trueup plan site.yaml -m image:image -o change.plan").exits(0);
    session.remark("Somebody sets LogLevel to 2, and something that the plan does not rest on.");
    meddle(&session.folder, SOFTWARE, &["Vendor"], "Unrelated", 4, &[7, 0, 0, 0]);
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[2, 0, 0, 0]);
    let hive = session.folder.read(SOFTWARE);
    session.run("trueup apply change.plan -m image:image --auto-approve").exits(4);
    assert!(hive == session.folder.read(SOFTWARE), "a stale plan writes nothing");
    session.remark("Somebody sets it back; what the plan rests on is as it was.");
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[1, 0, 0, 0]);
    session.run("trueup apply change.plan -m image:image --auto-approve").exits(0);
    session.matches("stale_plan.txt");
}

#[test]
fn differences() {
    let mut session = Session::new(sample_folder());
    vendor(&session.folder);
    session.file("a.yaml", VENDOR);
    session.file("b.yaml", &VENDOR.replace("LogLevel: 3, Name: one", "LogLevel: '3'"));
    session.run("trueup diff a.yaml b.yaml").exits(0);
    session.run("trueup diff a.yaml b.yaml --format json --detailed-exitcode").exits(2);
    session.run("trueup diff a.yaml a.yaml --detailed-exitcode").exits(0);
    session.run("trueup diff a.yaml b.yaml -m image:image").exits(0);
    session.run("trueup plan a.yaml -m image:image -o a.plan").exits(0);
    session.run("trueup plan b.yaml -m image:image -o b.plan").exits(0);
    session.run("trueup diff a.plan b.plan").exits(0);
    session.run("trueup capture -m image:image --key HKLM\\SOFTWARE\\Vendor -o before.json").exits(0);
    session.run("trueup apply a.plan -m image:image --auto-approve").exits(0);
    session.run("trueup capture -m image:image --key HKLM\\SOFTWARE\\Vendor -o after.json").exits(0);
    session.run("trueup diff before.json after.json").exits(0);
    session.run("trueup diff before.json a.plan").exits(3);
    session.run("trueup diff a.yaml missing.yaml").exits(1);
    session.matches("diff.txt");
}

#[test]
fn explanations() {
    let mut session = Session::new(sample_folder());
    vendor(&session.folder);
    session.file(
        "baseline.yaml",
        "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { LogLevel: 1 }, note: ticket 4711 }\n",
    );
    session.file("site.yaml", &format!("include: [baseline.yaml]\n{VENDOR}"));
    session.file("night.yaml", "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { LogLevel: 5 } }\n");
    session.run("trueup explain 'registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLevel' site.yaml").exits(0);
    session.run("trueup explain 'registry[\"hklm\\software\\vendor\"].LOGLEVEL' site.yaml --overlay night.yaml -m image:image").exits(0);
    let long =
        session.folder.run(&["explain", r#"registry["HKEY_LOCAL_MACHINE\Software\VENDOR"].loglevel"#, "site.yaml"]);
    long.exits(0).says(&["set at site.yaml"]);
    session.run("trueup explain 'registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLvel' site.yaml").exits(3);
    session.run("trueup explain LogLevel site.yaml").exits(3);
    session.matches("explain.txt");
}

#[test]
fn schedules() {
    let mut session = Session::new(Folder::new());
    session.file("site.yaml", VENDOR);
    session.run("trueup schedule site.yaml --daily-at 03:30").exits(3);
    session.run("trueup schedule site.yaml --every 6h").exits(3);
    session.run("trueup schedule site.yaml").exits(3);
    session.run("trueup schedule site.yaml --every 30s --print").exits(3);
    session.run("trueup schedule site.yaml --every 6h --name a\\b").exits(3);
    session.run("trueup schedule site.yaml --daily-at 25:00").exits(3);
    session.run("trueup schedule - --every 6h --print").exits(3);
    session.run("trueup schedule --remove").exits(3);
    let printed = session.folder.run(&["schedule", "site.yaml", "--every", "6h", "--variable", "a=b c", "--print"]);
    printed.exits(0).says(&[
        "<Interval>PT21600S</Interval>",
        r"<Command>C:\Program Files\trueup\trueup.exe</Command>",
        "<Arguments>drift site.yaml --variable &quot;a=b c&quot; --machine local --event-log</Arguments>",
    ]);
    session.matches("schedule.txt");
}
