//! Hives that were not closed properly and have no logs: refused, and taken as they are only when the user says so.

use super::image::{BCD, SECURITY, SYSTEM, document, image};
use crate::program::{AS_OF, Folder, Run, changes};

const PLAN: [&str; 6] = ["plan", "site.yaml", "-m", "image:image", "--as-of", AS_OF];
const APPLY: [&str; 7] = ["apply", "site.yaml", "-m", "image:image", "--as-of", AS_OF, "--auto-approve"];

fn with<'a>(command: &[&'a str], flag: &'a str) -> Vec<&'a str> {
    command.iter().copied().chain([flag]).collect()
}

fn refused_and_accepted(fixture: &str, place: &str, keys: &str) -> Option<Folder> {
    let folder = image(&[(fixture, place), ("BCD", BCD)])?;
    document(&folder, keys);
    let before = folder.states("image");
    let file = place.replace('/', "\\");
    let refused = |run: Run| {
        let hint = "hint: start the machine once and shut it down, or take the hive as it is with --accept-dirty";
        let run = run.exits(4).notes(&[&file, "was not closed properly", hint]);
        assert_eq!(run.stdout, "", "nothing is planned");
        assert_eq!(changes(&before, &folder.states("image")), "", "nothing is written, the record included");
    };
    refused(folder.run(&PLAN));
    refused(folder.run(&APPLY));
    let capture =
        folder.run(&["capture", "-m", "image:image", "--for", "site.yaml"]).exits(4).notes(&["--accept-dirty"]);
    assert_eq!(capture.stdout, "");

    let warning = format!("warning: {file} was not closed properly and is taken as it is");
    folder.run(&with(&PLAN, "--accept-dirty")).exits(0).notes(&[&warning]).says(&["1 to add"]);
    assert_eq!(changes(&before, &folder.states("image")), "", "a plan writes nothing");
    let applied = folder.run(&with(&APPLY, "--accept-dirty")).exits(0).notes(&[&warning]);
    let applied = applied.says(&["1 done, 0 failed, 0 skipped", "Verified"]);
    assert_eq!(applied.stderr.lines().count(), 1, "{}", applied.stderr);

    let settled = folder.states("image");
    folder.run(&with(&APPLY, "--accept-dirty")).exits(0).says(&["Nothing to do"]);
    assert_eq!(changes(&settled, &folder.states("image")), "");
    Some(folder)
}

#[test]
fn the_system_hive_of_windows_10_is_refused_until_accepted() {
    let keys =
        "  HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters: { values: { MaxRequestBytes: 0x8000 } }\n";
    let Some(folder) = refused_and_accepted("SYSTEM_WIN_10_1709", SYSTEM, keys) else { return };
    // Windows alone can resolve its own transactions: the hive says so still, and the flag stays necessary.
    folder.run(&PLAN).exits(4).notes(&["left transactions open"]);
}

#[test]
fn a_security_hive_is_refused_until_accepted() {
    let keys = "  HKLM\\SECURITY\\Cache: { values: { Added: 1 } }\n";
    let Some(folder) = refused_and_accepted("SECURITY", SECURITY, keys) else { return };
    let clean = folder.run(&with(&PLAN, "--detailed-exitcode")).exits(0);
    assert_eq!(clean.stderr, "", "the hive is clean now, and the flag is no longer needed");
}

#[test]
fn one_dirty_hive_stops_a_run_on_others_too() {
    let Some(folder) = image(&[("SECURITY", SECURITY), ("BCD", BCD)]) else { return };
    document(
        &folder,
        "  HKLM\\BCD00000000\\Description: { values: { Added: 1 } }\n  HKLM\\SECURITY\\Cache: { values: { Added: 1 } }\n",
    );
    let before = folder.states("image");
    folder.run(&APPLY).exits(4).notes(&["SECURITY", "--accept-dirty"]);
    assert_eq!(changes(&before, &folder.states("image")), "");
    // A document that does not speak of the dirty hive does not read it.
    document(&folder, "  HKLM\\BCD00000000\\Description: { values: { Added: 1 } }\n");
    folder.run(&APPLY).exits(0);
}
