//! Nothing is applied that nobody approved: pipelines, terminals and answers.

use super::transcript::{Session, sample_folder};
use crate::program::changes;

const VENDOR: &str = "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 1 } }\n";
const APPLY: [&str; 4] = ["apply", "site.yaml", "-m", "image:image"];

#[test]
fn nobody_is_asked_in_a_pipeline() {
    let mut session = Session::new(sample_folder());
    session.file("site.yaml", VENDOR);
    let before = session.folder.states("image");
    session.run("trueup apply site.yaml -m image:image").exits(4);
    for ci in ["true", "1"] {
        let output = session.folder.command(&APPLY).env("CI", ci).output().unwrap();
        assert_eq!(output.status.code(), Some(4));
    }
    assert_eq!(changes(&before, &session.folder.states("image")), "");
    session.matches("approval.txt");
}

#[test]
fn nothing_to_do_needs_no_approval() {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR.replace("Vendor: { values: { A: 1 } }", "Microsoft: { values: { A: absent } }"));
    let before = folder.states("image");
    folder.run(&APPLY).exits(0).says(&["Nothing to do"]);
    assert_eq!(changes(&before, &folder.states("image")), "", "a run that changes nothing writes nothing");
}

/// `script` of util-linux gives the program a terminal of its own.
#[cfg(target_os = "linux")]
mod on_a_terminal {
    use std::io::Write as _;
    use std::process::Stdio;

    use super::{APPLY, VENDOR, sample_folder};
    use crate::program::Folder;

    fn answered(folder: &Folder, answer: &str, ci: bool) -> Option<(i32, String)> {
        let program = folder.command(&APPLY);
        let words: Vec<String> = std::iter::once(program.get_program())
            .chain(program.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let mut command = std::process::Command::new("script");
        command
            .args(["-qec", &words.join(" "), "/dev/null"])
            .current_dir(folder.path(""))
            .env_clear()
            .env("TERM", "xterm");
        command.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
        if ci {
            command.env("CI", "true");
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let Ok(mut child) = child else {
            println!("skipped: script is not at hand");
            return None;
        };
        // Where nobody is asked, nobody listens.
        let _ = child.stdin.take().unwrap().write_all(answer.as_bytes());
        let output = child.wait_with_output().unwrap();
        Some((output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap()))
    }

    #[test]
    fn only_yes_is_taken_as_an_answer() {
        let folder = sample_folder();
        folder.write("site.yaml", VENDOR);
        for answer in ["y\n", "no\n", "\n", "YES\n", "\u{4}"] {
            let Some((code, text)) = answered(&folder, answer, false) else { return };
            assert_eq!(code, 4, "{answer:?}: {text}");
            assert!(text.contains("Apply this plan? Only `yes` is taken as an answer:"), "{text}");
            assert!(text.contains("the plan was not approved; nothing was changed"), "{text}");
        }
        let (code, text) = answered(&folder, "yes\n", true).unwrap();
        assert!(code == 4 && text.contains("nobody is there to approve the plan"), "{text}");
        assert!(!folder.path("image/ProgramData/trueup").exists(), "nothing was written so far");
        let (code, text) = answered(&folder, "yes\n", false).unwrap();
        assert!(code == 0 && text.contains("2 done, 0 failed, 0 skipped"), "{text}");
        assert!(text.contains('\u{1b}'), "a terminal gets colour");
    }
}
