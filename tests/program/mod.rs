//! The program as a user starts it: in a folder of its own, with an empty environment, everything it says caught.

#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

/// The clock's reading that every plan of the tests is made for.
pub const AS_OF: &str = "2026-03-01T12:00:00Z";

/// What the program said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout.clone()).expect("data are UTF-8"),
            stderr: String::from_utf8(output.stderr.clone()).expect("notes are UTF-8"),
        }
    }

    /// The run, when it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    /// The run, when its notes hold each of these texts.
    #[track_caller]
    pub fn notes(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing in:\n{}", self.stderr);
        }
        self
    }

    /// The run, when its data hold each of these texts.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "`{text}` is missing in:\n{}", self.stdout);
        }
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).expect("data are JSON")
    }
}

/// One file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    pub bytes: Vec<u8>,
    pub modified: SystemTime,
}

/// A folder to run the program in; it goes with its owner.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders can be made");
        std::fs::write(path, content).expect("the file can be written");
        self
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("the file is UTF-8")
    }

    /// The program with these arguments, to be started here.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Run {
        Run::of(&self.command(arguments).output().expect("the program starts"))
    }

    /// Every file and folder below a name, by path; folders end in `/` and have no bytes.
    pub fn states(&self, name: &str) -> BTreeMap<String, FileState> {
        let mut states = BTreeMap::new();
        collect(&self.path(name), &self.path(name), &mut states);
        states
    }
}

/// The program under test: `TRUEUP_BINARY` names another build of it.
pub fn binary() -> PathBuf {
    std::env::var_os("TRUEUP_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_trueup").into(), PathBuf::from)
}

fn collect(root: &Path, folder: &Path, states: &mut BTreeMap<String, FileState>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let entry = entry.expect("the folder can be listed");
        let (path, metadata) = (entry.path(), entry.metadata().expect("it can be looked at"));
        let name = path.strip_prefix(root).expect("it lies below").to_string_lossy().into_owned();
        let modified = metadata.modified().expect("the time is known");
        if metadata.is_dir() {
            states.insert(format!("{name}/"), FileState { bytes: Vec::new(), modified });
            collect(root, &path, states);
        } else if metadata.is_file() {
            let bytes = std::fs::read(&path).expect("the file can be read");
            states.insert(name, FileState { bytes, modified });
        }
    }
}

/// Names what tells two looks at a folder apart; nothing when they are the same to the byte and the time.
pub fn changes(before: &BTreeMap<String, FileState>, after: &BTreeMap<String, FileState>) -> String {
    let mut out = String::new();
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let what = match (before.get(name), after.get(name)) {
            (Some(a), Some(b)) if a.bytes != b.bytes => "other bytes",
            (Some(a), Some(b)) if a.modified != b.modified => "another time",
            (Some(_), None) => "gone",
            (None, Some(_)) => "new",
            _ => continue,
        };
        writeln!(out, "{name}: {what}").expect("a String takes everything");
    }
    out
}
