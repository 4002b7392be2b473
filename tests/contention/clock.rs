//! A clock that was set back since the last run.

use super::transcript::sample_folder;
use crate::program::{Folder, Run};

const JOURNALS: &str = "image/ProgramData/trueup/journal";
/// More than the runs that are kept whatever their age.
const RUNS: usize = 13;

fn apply(folder: &Folder, number: usize) -> Run {
    folder.write(
        "site.yaml",
        format!("version: 1\nretain: 1d\nregistry:\n  HKLM\\SOFTWARE\\Vendor: {{ values: {{ Number: {number} }} }}\n"),
    );
    folder.run(&["apply", "site.yaml", "-m", "image:image", "--auto-approve"]).exits(0)
}

fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> = folder.states(JOURNALS).into_keys().collect();
    names.sort();
    names
}

#[test]
fn runs_keep_their_order_and_none_is_forgotten() {
    let folder = sample_folder();
    assert_eq!(apply(&folder, 0).stderr, "");
    // As if the first run had taken place in a year that the clock has not reached.
    let first = names(&folder).pop().unwrap();
    let future = format!("2099{}", &first[4..]);
    let (from, to) = (first.trim_end_matches(".jsonl"), future.trim_end_matches(".jsonl"));
    let renamed = folder.text(&format!("{JOURNALS}/{first}")).replace(from, to);
    let lines: Vec<String> = renamed
        .lines()
        .map(|line| format!("{:08x} {}\n", crc32fast::hash(&line.as_bytes()[9..]), &line[9..]))
        .collect();
    folder.write(&format!("{JOURNALS}/{future}"), lines.concat());
    std::fs::remove_file(folder.path(&format!("{JOURNALS}/{first}"))).unwrap();

    for number in 1..RUNS {
        let run = apply(&folder, number);
        let warning = format!("warning: this host's clock is behind the last run on the machine, {to}");
        let warnings: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("warning")).collect();
        assert!(warnings.len() == 1 && warnings[0].starts_with(&warning), "{}", run.stderr);
    }
    assert_eq!(names(&folder).len(), RUNS, "none of them is old");
    let told = folder.run(&["history", "-m", "image:image"]).exits(0).stdout;
    let listed: Vec<&str> = told.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    let wanted: Vec<String> = (2..=RUNS).rev().map(|number| format!("{to}-{number}")).chain([to.to_owned()]).collect();
    assert_eq!(listed, wanted, "the newest first");
    // What is taken back is the run that took place last.
    let back = folder.run(&["rollback", "-m", "image:image", "--auto-approve"]).exits(0);
    back.says(&[&format!("Taking back run {to}-{RUNS}:")]);
    let plan = folder.run(&["plan", "site.yaml", "-m", "image:image"]).exits(0);
    plan.says(&[&format!("({}) → 0x{:x} ({})", RUNS - 2, RUNS - 1, RUNS - 1)]);
}
