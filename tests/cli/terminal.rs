//! Colour, width and readers that leave early.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::transcript::sample_folder;
use crate::program::{Folder, Run};

const VENDOR: &str = "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 1 } }\n";
const PLAN: [&str; 4] = ["plan", "site.yaml", "-m", "image:image"];

fn sample() -> Folder {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    folder
}

#[test]
fn colour_follows_flag_then_environment() {
    let folder = sample();
    type Case<'c> = (&'c [&'c str], &'c [(&'c str, &'c str)], bool);
    let cases: [Case<'_>; 10] = [
        (&[], &[], false),
        (&[], &[("FORCE_COLOR", "1")], true),
        (&[], &[("FORCE_COLOR", "0")], false),
        (&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
        (&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "")], true),
        (&["--color", "never"], &[("FORCE_COLOR", "1")], false),
        (&["--color", "always"], &[], true),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&["--color", "always"], &[("TERM", "dumb")], true),
        (&["--color", "auto"], &[("TERM", "xterm-256color")], false),
    ];
    for (arguments, environment, coloured) in cases {
        let run = |words: &[&str]| {
            let mut command = folder.command(&[words, arguments].concat());
            Run::of(&command.envs(environment.iter().copied()).output().unwrap())
        };
        let plan = run(&PLAN).exits(0);
        assert_eq!(plan.stdout.contains('\u{1b}'), coloured, "{arguments:?} {environment:?}");
        folder.write("wrong.yaml", "version: 1\nregistri: {}\n");
        let findings = run(&["validate", "wrong.yaml"]).exits(3);
        assert_eq!(findings.stderr.contains('\u{1b}'), coloured, "{arguments:?} {environment:?}");
        let json = run(&["plan", "site.yaml", "-m", "image:image", "--format", "json"]).exits(0);
        assert!(!json.stdout.contains('\u{1b}'), "JSON has no colour");
    }
}

#[test]
fn a_reader_may_leave_early() {
    let folder = sample();
    let long: String = (0..20_000).map(|at| format!("      Value{at}: {at}\n")).collect();
    folder.write("site.yaml", format!("version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor:\n    values:\n{long}"));
    for arguments in
        [&["schema"][..], &["plan", "site.yaml", "-m", "image:image", "--full"], &["completions", "bash"], &["--help"]]
    {
        let mut child = folder.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let run = Run::of(&child.wait_with_output().unwrap());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_strange_width_breaks_nothing() {
    let folder = sample();
    for columns in ["0", "1", "65536", "-3", "wide", ""] {
        for arguments in [&["--help"][..], &["plan", "--help"], &PLAN] {
            let output = folder.command(arguments).env("COLUMNS", columns).env("LINES", columns).output().unwrap();
            Run::of(&output).exits(0);
        }
    }
}

/// On a terminal that says it is 0, 1, 20 or 60,000 columns wide.
#[cfg(target_os = "linux")]
#[test]
fn a_narrow_terminal_is_kept_to() {
    let folder = sample();
    let program = folder.command(&PLAN).get_program().to_string_lossy().into_owned();
    for columns in [0, 1, 2, 7, 20, 80, 60_000] {
        let line = format!("stty cols {columns} && '{program}' {}", PLAN.join(" "));
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path("")).env_clear();
        command.envs([("PATH", "/usr/bin:/bin"), ("SHELL", "/bin/sh"), ("TERM", "dumb")]).stdin(Stdio::null());
        let Ok(output) = command.output() else {
            println!("skipped: script is not at hand");
            return;
        };
        let run = Run::of(&output).exits(0);
        assert!(run.stdout.contains("Plan: 2 to add"), "{columns}: {}", run.stdout);
        assert!(!run.stdout.contains('\u{1b}'), "a dumb terminal gets no colour: {}", run.stdout);
    }
}
