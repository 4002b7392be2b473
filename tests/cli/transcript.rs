//! A session at the prompt, written down and compared with a golden file. `UPDATE_GOLDEN=1` writes the files anew.

use std::fmt::Write as _;
use std::path::Path;

use trueup::formats::regf::Editor;
use trueup::machine::Machine as _;
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::model::time::FileTime;

use crate::program::{AS_OF, Folder, Run};

/// When the sample volume was last written, in FILETIME ticks: 2026-02-01T00:00:00Z.
const SAMPLE_TIME: u64 = 134_143_776_000_000_000;
/// Times after this one are the host's clock and tell nothing.
const CLOCK: &str = "2026-06";

pub const SYSTEM: &str = "image/Windows/System32/config/SYSTEM";
pub const SOFTWARE: &str = "image/Windows/System32/config/SOFTWARE";

/// A folder with the sample volume in `image`.
pub fn sample_folder() -> Folder {
    let folder = Folder::new();
    sample::make(&folder.path("image"), "ACS-SRV01", FileTime(SAMPLE_TIME)).expect("the sample can be made");
    folder
}

/// Sets a value behind the program's back, as a user or another program would.
pub fn meddle(folder: &Folder, hive: &str, key: &[&str], name: &str, value_type: u32, data: &[u8]) {
    let mut editor = Editor::open(folder.read(hive)).expect("the hive opens");
    let mut at = editor.root();
    for part in key {
        at = match editor.subkey(at, part).expect("the key is readable") {
            Some(found) => found,
            None => editor.create_key(at, part, None, SAMPLE_TIME).expect("the key is made"),
        };
    }
    editor.set_value(at, name, value_type, data, SAMPLE_TIME).expect("the value is set");
    folder.write(hive, editor.finish(SAMPLE_TIME).expect("the hive is written"));
}

/// The names of the runs of the image, oldest first.
pub fn runs(folder: &Folder) -> Vec<String> {
    let machine = ImageMachine::open(&folder.path("image"), DirtyHives::Refuse);
    let runs = machine.ok().and_then(|machine| machine.runs().ok()).unwrap_or_default();
    runs.iter().map(ToString::to_string).collect()
}

/// Commands and what came of them.
pub struct Session {
    pub folder: Folder,
    text: String,
}

impl Session {
    pub fn new(folder: Folder) -> Self {
        Self { folder, text: String::new() }
    }

    /// Writes a file and shows it.
    pub fn file(&mut self, name: &str, content: &str) {
        self.folder.write(name, content);
        writeln!(self.text, "$ cat {name}\n{}\n", content.trim_end()).expect("a String takes everything");
    }

    /// Says what happens between two commands.
    pub fn remark(&mut self, text: &str) {
        writeln!(self.text, "# {text}\n").expect("a String takes everything");
    }

    /// Runs a line; `--as-of` is added where plans are made.
    pub fn run(&mut self, line: &str) -> Run {
        let words = words(&self.named(line));
        assert_eq!(words[0], "trueup");
        let mut arguments = words[1..].to_vec();
        if matches!(arguments.first().map(String::as_str), Some("plan" | "apply" | "drift" | "certificates")) {
            arguments.extend(["--as-of".to_owned(), AS_OF.to_owned()]);
        }
        let run = self.folder.run(&arguments);
        writeln!(self.text, "$ {line}").expect("a String takes everything");
        self.text.push_str(&run.stdout);
        for note in run.stderr.lines() {
            writeln!(self.text, "stderr| {note}").expect("a String takes everything");
        }
        if run.code != 0 {
            writeln!(self.text, "exit code {}", run.code).expect("a String takes everything");
        }
        self.text.push('\n');
        run
    }

    /// The line with `{1}`, `{2}` and so on as the names of the runs, oldest first.
    fn named(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (number, run) in runs(&self.folder).iter().enumerate() {
            line = line.replace(&format!("{{{}}}", number + 1), run);
        }
        line
    }

    /// Compares the session with the file of this name beside the tests.
    #[track_caller]
    pub fn matches(&self, golden: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(golden);
        let text = settled(&self.text);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).expect("the golden file can be written");
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        let difference =
            similar::TextDiff::from_lines(&wanted, &text).unified_diff().header(golden, "this run").to_string();
        assert!(wanted == text, "{difference}");
        let folder = self.folder.path("").to_string_lossy().into_owned();
        assert!(!text.contains(folder.trim_end_matches('/')), "no report names an absolute path");
    }
}

/// Words at blanks; single quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("there is one").push(other),
        }
    }
    words
}

/// The text without what the host's clock and process table put into it.
fn settled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if fits(rest, "########T######Z") {
            out.push_str("RUN");
            rest = &rest["########T######Z".len()..];
            // Whether two runs began in the same second is not worth telling.
            if fits(rest, "-#") {
                rest = rest[1..].trim_start_matches(|c: char| c.is_ascii_digit());
            }
            if rest.starts_with("  ") {
                out.push_str("  ");
                rest = rest.trim_start_matches(' ');
            }
        } else if rest.starts_with("somebody@") {
            out.push_str("somebody@HOST");
            rest = rest.find(" (process ").map_or("", |at| &rest[at..]);
        } else if fits(rest, "####-##-##T##:##:##") && rest > CLOCK {
            out.push_str("NOW");
            rest = rest.split_once('Z').expect("a time is in UTC").1;
        } else if rest.starts_with("(process ") {
            out.push_str("(process N)");
            rest = rest.split_once(')').expect("the bracket closes").1;
        } else {
            out.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    out
}

/// Whether the text begins with this pattern, in which `#` is a digit.
fn fits(text: &str, pattern: &str) -> bool {
    let mut found = text.chars();
    pattern
        .chars()
        .all(|wanted| found.next().is_some_and(|c| if wanted == '#' { c.is_ascii_digit() } else { c == wanted }))
}
