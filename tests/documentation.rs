//! Runs every command of the README and the guide, in order, and holds what it prints against what the page says.
//! In a `console` block a command stands after `$ `, `…` is any lines or any rest of a line, `[exit N]` the exit code;
//! a `$ cat FILE` of a file that is not there makes it. Times and run names are not compared. A `yaml` block followed by
//! "Put it into `FILE`" becomes that file; every other one must be a valid document.

#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_readme_is_true() {
    run_page("README.md");
}

#[test]
fn the_guide_is_true() {
    let pages = [
        "README",
        "documents",
        "registry",
        "files",
        "hosts",
        "certificates",
        "certificate-table",
        "environment",
        "services",
        "ports",
        "machines",
        "plans",
        "record",
        "recovery",
        "requires",
        "accounts",
    ];
    for page in pages {
        run_page(&format!("docs/guide/{page}.md"));
    }
}

#[test]
fn the_examples_converge_on_the_demo_image() {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut documents: Vec<String> = std::fs::read_dir(&examples)
        .expect("the examples can be listed")
        .map(|entry| entry.expect("an entry").path().display().to_string())
        .filter(|path| path.ends_with(".trueup.yaml"))
        .collect();
    documents.sort();
    assert!(documents.len() >= 4, "{documents:?}");
    for document in documents {
        let folder = tempfile::tempdir().expect("a folder");
        let programs = tempfile::tempdir().expect("a folder");
        link_program(programs.path());
        let image = "-m image:demo/image";
        for (command, code) in [
            ("trueup demo demo --only-make".to_owned(), 0),
            (format!("trueup plan '{document}' {image} --detailed-exitcode"), 2),
            (format!("trueup apply '{document}' {image} --auto-approve"), 0),
        ] {
            let (output, found) = run(&command, folder.path(), programs.path());
            assert_eq!(found, code, "{command}\n{output}");
        }
        // What waits for a live machine, or for somebody else, is counted and has no steps.
        let (output, _) = run(&format!("trueup plan '{document}' {image}"), folder.path(), programs.path());
        let summary = output.lines().last().unwrap_or_default();
        assert!(summary.starts_with("Plan: 0 to add, 0 to change, 0 to remove, 0 to replace"), "{document}\n{output}");
        assert!(!output.contains(" blocked"), "{document}\n{output}");
    }
}

#[test]
fn a_wrong_page_is_noticed() {
    assert!(difference("a\nb\n", "a\nc\n", 0).is_some());
    assert!(difference("a\n", "a\nb\n", 0).is_some());
    assert!(difference("a\n[exit 3]\n", "a\n", 0).is_some());
    assert!(difference("run 20260101T000000Z done\n", "run 20270101T000000Z-2 done\n", 0).is_none());
    assert!(difference("20260101T000000Z    done\n", "20270101T000000Z-2  done\n", 0).is_none());
    assert!(difference("x\n…\n[exit 3]\n", "x\ny\nz\n", 3).is_none());
    assert!(difference("error: …\n", "error: moved\n", 0).is_none());
}

fn run_page(name: &str) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(name)).expect("the page can be read");
    let folder = tempfile::tempdir().expect("a folder");
    let programs = tempfile::tempdir().expect("a folder");
    link_program(programs.path());
    let mut commands = 0;
    for (language, block, after) in blocks(&text) {
        match language {
            "yaml" => yaml_block(block, after, folder.path(), programs.path(), name),
            "console" => commands += console_block(block, folder.path(), programs.path(), name),
            _ => {}
        }
    }
    assert_eq!(text.contains("```console"), commands > 0, "{name}: a page with commands runs some");
}

/// Puts the program under its own name where the shell finds it.
fn link_program(folder: &Path) {
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_trueup"), folder.join("trueup")).expect("the program can be linked");
}

/// The fenced blocks of a page: language, content, and the text that follows.
fn blocks(page: &str) -> Vec<(&str, &str, &str)> {
    let mut out = Vec::new();
    let mut rest = page;
    while let Some((_, tail)) = rest.split_once("\n```") {
        let Some((language, tail)) = tail.split_once('\n') else { break };
        let end = if tail.starts_with("```") { 0 } else { tail.find("\n```").map_or(tail.len(), |at| at + 1) };
        let (block, tail) = tail.split_at(end);
        let after = tail.strip_prefix("```").unwrap_or(tail);
        out.push((language, block, after.trim_start()));
        rest = after;
    }
    out
}

fn yaml_block(block: &str, after: &str, folder: &Path, programs: &Path, name: &str) {
    if let Some((file, _)) = after.strip_prefix("Put it into `").and_then(|text| text.split_once('`')) {
        std::fs::write(folder.join(file), block).expect("the file can be written");
        return;
    }
    std::fs::write(folder.join("block.yaml"), block).expect("the file can be written");
    let (output, code) = run("trueup validate block.yaml", folder, programs);
    assert_eq!(code, 0, "{name}: a document on the page is not valid:\n{block}\n{output}");
}

fn console_block(block: &str, folder: &Path, programs: &Path, name: &str) -> usize {
    let mut steps: Vec<(&str, String)> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push((command, String::new()));
        } else if let Some((_, output)) = steps.last_mut() {
            output.push_str(line);
            output.push('\n');
        }
    }
    for (command, expected) in &steps {
        if let Some(file) = command.strip_prefix("cat ").filter(|file| !folder.join(file).exists()) {
            std::fs::write(folder.join(file), expected).expect("the file can be written");
            continue;
        }
        let (output, code) = run(command, folder, programs);
        if let Some(why) = difference(expected, &output, code) {
            panic!(
                "{name}: `{command}` does not print what the page says ({why})\n--- page\n{expected}--- printed (exit {code})\n{output}"
            );
        }
    }
    steps.len()
}

fn run(command: &str, folder: &Path, programs: &Path) -> (String, i32) {
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("CI", "true")
        .output()
        .expect("bash runs");
    (String::from_utf8(output.stdout).expect("output is text"), output.status.code().unwrap_or(-1))
}

/// Why the output is not what was expected, `None` when it is.
fn difference(expected: &str, output: &str, code: i32) -> Option<String> {
    let mut lines: Vec<String> = expected.lines().map(normal).collect();
    let mut wanted_code = 0;
    if let Some(last) = lines.last().and_then(|line| line.strip_prefix("[exit ")?.strip_suffix(']')?.parse().ok()) {
        wanted_code = last;
        lines.pop();
    }
    if code != wanted_code {
        return Some(format!("exit {code} instead of {wanted_code}"));
    }
    let printed: Vec<String> = output.lines().map(normal).collect();
    matches(&lines, &printed).err()
}

fn matches(expected: &[String], printed: &[String]) -> Result<(), String> {
    match (expected.split_first(), printed.split_first()) {
        (None, None) => Ok(()),
        (None, Some((line, _))) => Err(format!("more is printed: {line}")),
        (Some((any, rest)), _) if any == "…" => (0..=printed.len())
            .map(|skip| matches(rest, &printed[skip..]))
            .find(Result::is_ok)
            .unwrap_or_else(|| Err("nothing fits after …".into())),
        (Some((line, _)), None) => Err(format!("this is not printed: {line}")),
        (Some((wanted, rest)), Some((found, tail))) => {
            let fits = wanted.strip_suffix('…').map_or(wanted == found, |head| found.starts_with(head));
            if fits { matches(rest, tail) } else { Err(format!("`{found}` instead of `{wanted}`")) }
        }
    }
}

/// A line without what differs from run to run: points in time and the names of runs, with the blanks that fill their column.
fn normal(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let is_time = digits >= 14 && word.contains('T') && word.contains('Z');
        // A second run within a second has a longer name, and the column is as wide as the longest.
        let is_filler = word.is_empty() && words.last().is_some_and(String::is_empty);
        if is_filler && words.iter().rev().find(|word| !word.is_empty()).is_some_and(|word| word == "TIME") {
            continue;
        }
        words.push(if is_time { "TIME".into() } else { word.to_owned() });
    }
    words.join(" ")
}
