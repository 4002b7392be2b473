//! Saved plans on a machine that has moved since.

use super::transcript::{SOFTWARE, meddle, sample_folder};
use crate::program::{AS_OF, Folder, changes};

const DOCUMENT: &str =
    "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { Server: a.corp.example, Port: 443 } }\n";

fn planned() -> Folder {
    let folder = sample_folder();
    meddle(&folder, SOFTWARE, &["Vendor"], "Server", 4, &[1, 0, 0, 0]);
    meddle(&folder, SOFTWARE, &["Vendor"], "Other", 4, &[1, 0, 0, 0]);
    folder.write("site.yaml", DOCUMENT);
    folder.run(&["plan", "site.yaml", "-m", "image:image", "--as-of", AS_OF, "-o", "site.plan"]).exits(0);
    folder
}

const APPLY: [&str; 5] = ["apply", "site.plan", "-m", "image:image", "--auto-approve"];

#[test]
fn a_fact_that_the_plan_does_not_rest_on_may_move() {
    let folder = planned();
    meddle(&folder, SOFTWARE, &["Vendor"], "Other", 4, &[2, 0, 0, 0]);
    meddle(&folder, SOFTWARE, &["Another"], "Server", 4, &[2, 0, 0, 0]);
    folder.run(&APPLY).exits(0).says(&["2 done, 0 failed, 0 skipped"]);
}

#[test]
fn a_fact_that_the_plan_rests_on_is_named_when_it_moved() {
    let folder = planned();
    meddle(&folder, SOFTWARE, &["Vendor"], "Server", 4, &[2, 0, 0, 0]);
    let before = folder.states("image");
    let run = folder.run(&APPLY).exits(4);
    let run =
        run.notes(&["no longer what the plan was made for", "HKLM\\SOFTWARE\\Vendor", "Server", "hint: plan again"]);
    assert!(!run.stderr.contains("Port"), "only what moved is named: {}", run.stderr);
    let changed = changes(&before, &folder.states("image"));
    // The lock comes before the second look: its file is all that is there afterwards.
    let others: Vec<_> = changed
        .lines()
        .filter(|line| !line.starts_with("ProgramData/") && *line != "ProgramData/: another time")
        .collect();
    assert_eq!(others, [""; 0], "{changed}");
    assert!(!changed.contains("journal"), "{changed}");
    folder.run(&["history", "-m", "image:image"]).exits(0).says(&["Nothing was applied on this machine yet."]);
}
