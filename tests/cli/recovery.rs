//! Transcripts of what comes after a run: history, rollback, confirmation, and runs that stopped before their end.

use super::stopped::{Stop, stop};
use super::transcript::{SOFTWARE, Session, meddle, sample_folder};
use crate::program::{Run, changes};

const VENDOR: &str = r"version: 1
registry:
  HKLM\SOFTWARE\Vendor:
    values: { LogLevel: 3, Name: one, Old: absent }
";

fn vendor() -> Session {
    let session = Session::new(sample_folder());
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[1, 0, 0, 0]);
    meddle(&session.folder, SOFTWARE, &["Vendor"], "Old", 1, b"x\0\0\0");
    session
}

#[test]
fn history() {
    let mut session = vendor();
    session.run("trueup history -m image:image").exits(0);
    session.file("site.yaml", VENDOR);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.run("trueup rollback -m image:image --auto-approve").exits(0);
    session.run("trueup history -m image:image").exits(0);
    session.run("trueup history {1} -m image:image").exits(0);
    session.run("trueup history {2} -m image:image").exits(0);
    session.run("trueup history -m image:image --format json").exits(0);
    session.run("trueup history {1} -m image:image --format json").exits(0);
    session.run("trueup history yesterday -m image:image").exits(3);
    session.run("trueup history 20010101T000000Z -m image:image").exits(1);
    session.matches("history.txt");
}

#[test]
fn rollback() {
    let mut session = vendor();
    session.file("site.yaml", VENDOR);
    session.run("trueup rollback -m image:image").exits(4);
    let before = session.folder.read(SOFTWARE);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    let applied = session.folder.states("image");
    session.run("trueup rollback -m image:image --plan").exits(0);
    session.run("trueup rollback -m image:image").exits(4);
    assert_eq!(changes(&applied, &session.folder.states("image")), "");
    session.run("trueup rollback -m image:image --auto-approve").exits(0);
    assert!(before.len() == session.folder.read(SOFTWARE).len());
    session.run("trueup rollback -m image:image --auto-approve").exits(4);
    session.run("trueup rollback {1} -m image:image --auto-approve").exits(0);
    session.remark("A rollback is a run, and is taken back by its name.");
    session.run("trueup rollback {2} -m image:image --auto-approve").exits(0);
    session.run("trueup plan site.yaml -m image:image --detailed-exitcode").exits(0);
    session.matches("rollback.txt");
}

#[test]
fn rollback_of_what_somebody_changed_since() {
    let mut session = vendor();
    session.folder.write("site.yaml", VENDOR);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.remark("Somebody sets LogLevel to 9.");
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[9, 0, 0, 0]);
    let before = session.folder.states("image");
    session.run("trueup rollback -m image:image --auto-approve").exits(4);
    assert_eq!(changes(&before, &session.folder.states("image")), "");
    session.run("trueup rollback -m image:image --auto-approve --partial").exits(0);
    session.matches("rollback_changed.txt");
}

#[test]
fn a_renamed_key_goes_back() {
    let mut session = vendor();
    session.file(
        "site.yaml",
        "version: 1\nregistry:\n  HKLM\\SOFTWARE\\New Vendor: { renamed_from: HKLM\\SOFTWARE\\Vendor }\n",
    );
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.run("trueup rollback -m image:image --auto-approve").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve --on-failure rollback").exits(0);
    session.matches("rollback_renamed.txt");
}

#[test]
fn secrets_in_the_hold() {
    let mut session = Session::new(sample_folder());
    session.file(
        "site.yaml",
        "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor:\n    values: { Password: { sz: { file: secret.txt } } }\n",
    );
    session.folder.write("secret.txt", "the first secret");
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.remark("The secret is another one; nothing is held.");
    session.folder.write("secret.txt", "the second secret");
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.run("trueup rollback -m image:image --auto-approve").exits(4);
    session.remark("And another one; this time it is held.");
    session.folder.write("secret.txt", "the third secret");
    session.run("trueup plan site.yaml -m image:image --hold-key hold.key").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve --hold-key image/hold.key").exits(3);
    session.run("trueup apply site.yaml -m image:image --auto-approve --hold-key hold.key").exits(0);
    session.run("trueup rollback -m image:image --auto-approve").exits(4);
    session.run("trueup rollback -m image:image --auto-approve --hold-key missing.key").exits(1);
    session.folder.write("other.key", format!("{}\n", "5a".repeat(32)));
    session.run("trueup rollback -m image:image --auto-approve --hold-key other.key").exits(4);
    session.folder.write("bad.key", "secret");
    session.run("trueup rollback -m image:image --auto-approve --hold-key bad.key").exits(3);
    session.run("trueup rollback -m image:image --auto-approve --hold-key hold.key").exits(0);
    session.folder.write("secret.txt", "the second secret");
    session.run("trueup plan site.yaml -m image:image --detailed-exitcode").exits(0);
    session.matches("hold.txt");
}

fn unfinished(stops: Stop) -> Session {
    let mut session = vendor();
    session.file("site.yaml", VENDOR);
    session.remark("A run of this document stops.");
    stop(&session.folder, "site.yaml", "", None, stops);
    session
}

#[test]
fn a_run_that_stopped() {
    let mut session = unfinished(Stop::BeforeTheHive);
    let before = session.folder.states("image");
    session.run("trueup history -m image:image").exits(0);
    session.run("trueup history {1} -m image:image").exits(0);
    session.run("trueup plan site.yaml -m image:image").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(4);
    session.run("trueup drift site.yaml -m image:image --accept-as-baseline --auto-approve").exits(4);
    assert_eq!(changes(&before, &session.folder.states("image")), "", "nothing is done on top of it");
    session.run("trueup apply site.yaml -m image:image --auto-approve --resume").exits(0);
    session.run("trueup history -m image:image").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve --resume").exits(0);
    session.run("trueup apply -m image:image --undo --auto-approve").exits(4);
    session.matches("resume.txt");
}

#[test]
fn a_run_that_stopped_is_not_finished_over_a_damaged_record() {
    let record = "image/ProgramData/trueup/record.json";
    let resume = ["apply", "site.yaml", "-m", "image:image", "--auto-approve", "--resume"];
    let session = unfinished(Stop::AfterTheHive);
    session.folder.write(record, "damaged");
    let journal = |session: &Session| session.folder.states("image/ProgramData/trueup/journal");
    let before = journal(&session);
    session.folder.run(&resume).exits(4).notes(&["it is damaged at line 1", "nothing was changed"]);
    assert_eq!((changes(&before, &journal(&session)), session.folder.text(record)), (String::new(), "damaged".into()));
    let run = session.folder.run(&[&resume[..], &["--accept", "record.unreadable"]].concat()).exits(0);
    run.says(&["3 done", "Nothing to do"]);
    assert!(session.folder.text(record).contains("LogLevel"));
}

#[test]
fn a_run_that_stopped_is_taken_back() {
    let mut session = unfinished(Stop::AfterTheHive);
    session.run("trueup history {1} -m image:image").exits(0);
    session.run("trueup apply -m image:image --undo").exits(4);
    session.run("trueup apply -m image:image --undo --auto-approve").exits(0);
    session.run("trueup history -m image:image").exits(0);
    session.run("trueup plan site.yaml -m image:image --detailed-exitcode").exits(2);
    session.matches("undo.txt");

    let mut session = unfinished(Stop::BeforeTheHive);
    session.run("trueup apply -m image:image --undo --auto-approve").exits(0);
    session.run("trueup history -m image:image").exits(0);
    session.run("trueup rollback -m image:image --auto-approve").exits(4);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.matches("undo_nothing.txt");
}

#[test]
fn a_run_that_stopped_and_was_overtaken_is_closed() {
    let mut session = unfinished(Stop::AfterTheHive);
    session.remark("Somebody changes all that the run changed.");
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[9, 0, 0, 0]);
    meddle(&session.folder, SOFTWARE, &["Vendor"], "Name", 1, b"z\0\0\0");
    meddle(&session.folder, SOFTWARE, &["Vendor"], "Old", 1, b"z\0\0\0");
    session.run("trueup apply -m image:image --undo --auto-approve").exits(4);
    session.run("trueup rollback -m image:image --auto-approve --partial").exits(0);
    session.run("trueup history -m image:image").exits(0);
    session.run("trueup apply site.yaml -m image:image --auto-approve").exits(0);
    session.matches("undo_overtaken.txt");
}

#[test]
fn a_baseline_is_taken_back_by_its_name() {
    let mut session = vendor();
    session.folder.write("site.yaml", VENDOR);
    session.folder.run(&["apply", "site.yaml", "-m", "image:image", "--auto-approve"]).exits(0);
    meddle(&session.folder, SOFTWARE, &["Vendor"], "LogLevel", 4, &[9, 0, 0, 0]);
    let drift = ["drift", "site.yaml", "-m", "image:image"];
    session.folder.run(&[&drift[..], &["--accept-as-baseline", "--auto-approve"]].concat()).exits(0);
    session.folder.run(&drift).exits(2).says(&["0 drifted, 1 asked since"]);
    session.run("trueup rollback {2} -m image:image --auto-approve").exits(0).says(&["The record was told of 1 thing"]);
    session.folder.run(&drift).exits(2).says(&["1 drifted, 0 asked since"]);
}

#[test]
fn rollback_takes_back_the_run_that_stopped_first() {
    let mut session = vendor();
    session.folder.write("first.yaml", VENDOR);
    session.run("trueup apply first.yaml -m image:image --auto-approve").exits(0);
    session.folder.write("site.yaml", VENDOR.replace("LogLevel: 3", "LogLevel: 4"));
    stop(&session.folder, "site.yaml", "", None, Stop::AfterTheHive);
    session.remark("A second run stops.");
    session.run("trueup rollback {1} -m image:image --auto-approve").exits(4);
    session.run("trueup rollback -m image:image --auto-approve").exits(0);
    session.run("trueup rollback -m image:image --auto-approve").exits(0);
    session.run("trueup history -m image:image").exits(0);
    session.matches("rollback_stopped.txt");
}

#[test]
fn confirmation() {
    let mut session = vendor();
    session.folder.write("site.yaml", VENDOR);
    let before = session.folder.states("image");
    session.run("trueup apply site.yaml -m image:image --auto-approve --confirm-within 5m").exits(4);
    session.run("trueup apply site.yaml -m image:image --auto-approve --confirm-within soon").exits(3);
    session.run("trueup confirm -m image:image").exits(4);
    let run: Run = session.run("trueup rollback 20260101T000000Z --unless-confirmed -m image:image").exits(0);
    assert!(run.stderr.is_empty());
    assert_eq!(changes(&before, &session.folder.states("image")), "");
    session.matches("confirm.txt");
}
