//! Secrets: the value reaches the machine, and its bytes reach nothing else.

use std::collections::BTreeMap;

use trueup::formats::hold::HoldKey;
use trueup::formats::regf::Hive;

use super::stopped::{Stop, stop};
use super::transcript::{SOFTWARE, meddle, runs, sample_folder};
use crate::program::{AS_OF, Folder, Run, changes};

const SECRET: &str = "Tr0ub4dor-&-Zürich-3";
const NAME: &str = "VENDOR_PASSWORD";
const DOCUMENT: &str = "version: 1
registry:
  HKLM\\SOFTWARE\\Vendor:
    exclusive: true
    values: { Password: { sz: { env: VENDOR_PASSWORD } }, Level: 3 }
";
const MACHINE: [&str; 4] = ["-m", "image:image", "--as-of", AS_OF];

fn sample(document: &str) -> Folder {
    let folder = sample_folder();
    folder.write("site.yaml", document);
    folder
}

/// Runs with the secret in the environment, whatever the command wants with it.
fn run(folder: &Folder, arguments: &[&str]) -> Run {
    Run::of(&folder.command(arguments).env(NAME, SECRET).output().unwrap())
}

fn password(folder: &Folder) -> Option<(u32, Vec<u8>)> {
    let bytes = folder.read(SOFTWARE);
    let hive = Hive::open(&bytes).unwrap();
    let value = hive.key(&["Vendor"]).unwrap()?.value("Password").unwrap()?;
    Some((value.value_type(), value.data().unwrap().into_owned()))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The secret as text and as UTF-16, and of both the hex digits and, for each place it can have among other bytes, the base64 text.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let plain = [secret.as_bytes().to_vec(), utf16(secret)];
    let digits = plain.iter().map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let digits: Vec<String> = digits.flat_map(|digits| [digits.to_uppercase(), digits]).collect();
    let encoded = plain.iter().flat_map(|bytes| (0..3).map(|skipped| base64(&bytes[skipped..])));
    let texts: Vec<String> = digits.into_iter().chain(encoded).collect();
    plain.iter().cloned().chain(texts.into_iter().map(String::into_bytes)).collect()
}

/// The base64 digits of all whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let number = group.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[number >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

fn has(bytes: &[u8], form: &[u8]) -> bool {
    bytes.windows(form.len()).any(|part| part == form)
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    forms(secret).iter().any(|form| has(bytes, form))
}

/// Every file of the folder but the hive that must hold the secret.
fn told(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let states = folder.states("").into_iter().filter(|(name, _)| name != SOFTWARE);
    states.map(|(name, state)| (name, state.bytes)).collect()
}

fn assert_untold(folder: &Folder, runs: &[Run], secret: &str) {
    for run in runs {
        assert!(
            !holds(run.stdout.as_bytes(), secret) && !holds(run.stderr.as_bytes(), secret),
            "{}{}",
            run.stdout,
            run.stderr
        );
    }
    let telling: Vec<String> =
        told(folder).into_iter().filter(|(_, bytes)| holds(bytes, secret)).map(|(name, _)| name).collect();
    assert_eq!(telling, [""; 0]);
}

#[test]
fn a_secret_is_written_and_never_told() {
    let folder = sample(DOCUMENT);
    let call = |arguments: &[&str]| run(&folder, &[arguments, &MACHINE].concat());
    let mut runs = vec![
        call(&["plan", "site.yaml", "-o", "first.plan", "--report", "json:first.json", "--report", "text:first.txt"])
            .exits(0),
        call(&["plan", "site.yaml", "--format", "json", "--full"]).exits(0),
        call(&["apply", "first.plan", "--auto-approve", "--progress", "json", "--format", "json"]).exits(0),
    ];
    let written = [utf16(SECRET), vec![0, 0]].concat();
    assert_eq!(password(&folder), Some((1, written.clone())), "the value is the secret");
    assert!(holds(&folder.read(SOFTWARE), SECRET), "the search finds what is there");
    assert!(told(&folder).keys().any(|name| name.contains("ProgramData/trueup/journal")), "a journal was kept");

    // What is there already is not told either, whoever changed it.
    meddle(&folder, SOFTWARE, &["Vendor"], "Password", 1, &[utf16("0ld-Passw0rd-Basel"), vec![0, 0]].concat());
    runs.extend([
        call(&["plan", "site.yaml", "--full"]).exits(0).says(&["secret.differs; drift; cannot be taken back"]),
        folder.run(&[&["plan", "site.yaml", "--full"], &MACHINE[..]].concat()).exits(0).says(&["? Password"]),
        call(&["plan", "site.yaml", "--format", "json", "--rewrite-secrets", "-o", "again.plan"]).exits(0),
        run(&folder, &["capture", "-m", "image:image", "--for", "site.yaml", "-o", "server.json"]).exits(0),
        run(&folder, &["capture", "-m", "image:image", "--for", "site.yaml", "--as", "document", "-o", "server.yaml"])
            .exits(0),
        run(&folder, &["explain", "registry[\"HKLM\\SOFTWARE\\Vendor\"].Password", "site.yaml", "-m", "image:image"])
            .exits(0),
        run(&folder, &["show", "again.plan", "--full"]).exits(0),
        run(&folder, &["diff", "first.plan", "again.plan"]).exits(0),
        call(&["apply", "site.yaml", "--auto-approve"]).exits(0),
    ]);
    assert_eq!(password(&folder), Some((1, written)));
    for secret in [SECRET, "0ld-Passw0rd-Basel"] {
        assert_untold(&folder, &runs, secret);
    }
}

#[test]
fn a_secret_of_another_type_and_one_that_goes_are_not_told() {
    let folder = sample(DOCUMENT);
    // The type differs, so that the value is replaced; its old bytes are secret all the same.
    meddle(&folder, SOFTWARE, &["Vendor"], "Password", 3, SECRET.as_bytes());
    let runs = ["plan", "apply"].map(|command| {
        let more: &[&str] = if command == "apply" { &["--auto-approve"] } else { &["--full"] };
        run(&folder, &[&[command, "site.yaml"], more, &MACHINE].concat()).exits(0)
    });
    assert!(runs[0].stdout.contains("REG_BINARY instead of REG_SZ"), "{}", runs[0].stdout);
    assert_untold(&folder, &runs, SECRET);
}

#[test]
fn a_missing_secret_changes_nothing() {
    let folder = sample(DOCUMENT);
    let before = folder.states("image");
    let apply = [&["apply", "site.yaml", "--auto-approve"], &MACHINE[..]].concat();
    let run = folder.run(&apply).exits(1);
    let run = run.notes(&["VENDOR_PASSWORD", "the variable is not set", "hint: nothing was changed"]);
    assert!(!run.stdout.contains("Applied"));
    assert_eq!(changes(&before, &folder.states("image")), "");
}

#[test]
fn secrets_come_from_files_and_programs_too() {
    let folder = sample(&DOCUMENT.replace("env: VENDOR_PASSWORD", "file: secret.txt"));
    folder.write("secret.txt", format!("{SECRET}\r\n"));
    let apply = [&["apply", "site.yaml", "--auto-approve"], &MACHINE[..]].concat();
    folder.run(&apply).exits(0);
    assert_eq!(password(&folder), Some((1, [utf16(SECRET), vec![0, 0]].concat())), "the line's end is not part of it");

    let folder = sample(&DOCUMENT.replace("env: VENDOR_PASSWORD", "command: [/bin/cat, secret.txt]"));
    folder.write("secret.txt", SECRET);
    let before = folder.states("image");
    folder.run(&apply).exits(1).notes(&["--allow-commands"]);
    assert_eq!(changes(&before, &folder.states("image")), "");
    if cfg!(unix) {
        folder.run(&[&apply[..], &["--allow-commands"]].concat()).exits(0);
        assert_eq!(password(&folder), Some((1, [utf16(SECRET), vec![0, 0]].concat())));
    }
}

#[test]
fn a_plain_text_is_no_secret_reference() {
    let folder = sample(&DOCUMENT.replace("{ env: VENDOR_PASSWORD }", "{ env: 'VENDOR PASSWORD', file: x }"));
    folder.run(&["validate", "site.yaml"]).exits(3);
}

const SECOND: &str = "C0rrect-h0rse-Genève-7";
const THIRD: &str = "Batt3ry-stapl3-Chur-9";
const MEDDLED: &str = "0ld-Passw0rd-Basel-5";
const RECORD: &str = "image/ProgramData/trueup/record.json";

/// All that was said and written since the beginning.
struct Watched {
    folder: Folder,
    first: BTreeMap<String, Vec<u8>>,
    runs: Vec<Run>,
}

impl Watched {
    fn new() -> Self {
        let folder = sample(DOCUMENT);
        Self { first: told(&folder), folder, runs: Vec::new() }
    }

    /// Runs with this secret in the environment; `{last}` is the last run's name.
    #[track_caller]
    fn call(&mut self, secret: &str, line: &str, code: i32) -> &Run {
        let last = runs(&self.folder).pop().unwrap_or_default();
        let mut words: Vec<String> = line.split(' ').map(|word| word.replace("{last}", &last)).collect();
        if matches!(words[0].as_str(), "plan" | "apply" | "drift") && !words.contains(&"--undo".to_owned()) {
            words.extend(["--as-of".to_owned(), AS_OF.to_owned()]);
        }
        if !words.contains(&"-m".to_owned()) {
            words.extend(["-m".to_owned(), "image:image".to_owned()]);
        }
        let output = self.folder.command(&words).env(NAME, secret).output().unwrap();
        self.runs.push(Run::of(&output).exits(code));
        self.runs.last().unwrap()
    }

    /// The files that are new or not what they were, each with its bytes.
    fn written(&self) -> Vec<(String, Vec<u8>)> {
        let is_new = |(name, bytes): &(String, Vec<u8>)| self.first.get(name) != Some(bytes);
        told(&self.folder).into_iter().filter(is_new).collect()
    }

    /// Where any of the forms is found; `but` may hold it.
    fn tells(&self, forms: &[Vec<u8>], but: &str) -> Vec<String> {
        let is_told = |bytes: &[u8]| forms.iter().any(|form| has(bytes, form));
        let files = self.written().into_iter().filter(|(name, bytes)| name != but && is_told(bytes));
        let said = self.runs.iter().filter(|run| is_told(run.stdout.as_bytes()) || is_told(run.stderr.as_bytes()));
        files.map(|(name, _)| name).chain(said.map(|run| format!("{}{}", run.stdout, run.stderr))).collect()
    }

    /// Nothing tells a secret, the key of the hold, or a fingerprint outside of the record.
    #[track_caller]
    fn is_untold(&self) {
        for secret in [SECRET, SECOND, THIRD, MEDDLED] {
            assert_eq!(self.tells(&forms(secret), ""), [""; 0], "{secret}");
        }
        if let Ok(key) = std::fs::read_to_string(self.folder.path("hold.key")) {
            let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(&key[at..at + 2], 16).unwrap()).collect();
            assert_eq!(self.tells(&[key.trim().as_bytes().to_vec(), bytes], "hold.key"), [""; 0]);
        }
        if let Ok(record) = std::fs::read_to_string(self.folder.path(RECORD)) {
            let digits = |rest: &str| {
                rest.get(..32)
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                    .map(|d| d.as_bytes().to_vec())
            };
            let prints: Vec<Vec<u8>> = record.split('+').skip(1).filter_map(digits).collect();
            assert_eq!(self.tells(&prints, RECORD), [""; 0]);
        }
    }

    fn password(&self) -> Option<String> {
        let (_, bytes) = password(&self.folder)?;
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Some(String::from_utf16(&units).unwrap().trim_end_matches('\0').to_owned())
    }
}

#[test]
fn every_command_keeps_secrets_to_itself() {
    let mut at = Watched::new();
    at.call(SECRET, "apply site.yaml --auto-approve", 0);
    at.call(SECRET, "drift site.yaml --coverage", 0);
    at.call(SECOND, "drift site.yaml --format json", 2);
    at.call(SECOND, "plan site.yaml -o second.plan --full", 0);
    at.call(SECOND, "apply second.plan --auto-approve", 0);
    for line in ["history", "history --format json", "history {last}", "history {last} --format json"] {
        at.call(SECOND, line, 0);
    }
    at.call(SECOND, "rollback --auto-approve", 4);
    assert_eq!(at.password().as_deref(), Some(SECOND));
    // What is overwritten is held, and put back.
    at.call(THIRD, "apply site.yaml --auto-approve --hold-key hold.key --format json --progress json", 0);
    assert_eq!(at.password().as_deref(), Some(THIRD));
    at.call(THIRD, "history {last} --format json", 0);
    at.call(THIRD, "rollback --auto-approve", 4);
    at.call(THIRD, "rollback --plan --hold-key hold.key --format json", 0);
    at.call(THIRD, "rollback --auto-approve --hold-key hold.key", 0);
    assert_eq!(at.password().as_deref(), Some(SECOND));
    // Somebody else's secret in its place.
    meddle(&at.folder, SOFTWARE, &["Vendor"], "Password", 1, &[utf16(MEDDLED), vec![0, 0]].concat());
    at.call(SECOND, "drift site.yaml", 2);
    at.call(SECOND, "drift site.yaml --accept-as-baseline --auto-approve", 0);
    at.call(SECOND, "drift site.yaml --format json", 2);
    at.call(SECOND, "apply site.yaml --auto-approve --on-failure rollback", 0);
    at.is_untold();
}

#[test]
fn captures_keep_secrets_to_themselves() {
    let mut at = Watched::new();
    at.call(SECRET, "apply site.yaml --auto-approve", 0);
    for line in [
        "capture -o whole.json",
        "capture --key HKLM\\SOFTWARE\\Vendor --as document -o vendor.yaml",
        "capture --for site.yaml -o server.json",
        "capture --for site.yaml --as document -o server.yaml",
    ] {
        at.call(SECRET, line, 0);
    }
    for snapshot in ["whole.json", "server.json"] {
        for command in ["plan", "drift"] {
            at.call(SECRET, &format!("{command} site.yaml -m snapshot:{snapshot}"), 0);
        }
        at.call(SECRET, &format!("history -m snapshot:{snapshot}"), 0);
    }
    assert!(holds(&at.folder.read(SOFTWARE), SECRET), "it is there");
    at.is_untold();
}

#[test]
fn runs_that_stop_keep_secrets_to_themselves() {
    let mut at = Watched::new();
    at.call(SECRET, "apply site.yaml --auto-approve", 0);
    stop(&at.folder, "site.yaml", SECOND, None, Stop::BeforeTheHive);
    at.call(SECOND, "apply site.yaml --auto-approve", 4);
    at.call(SECOND, "apply site.yaml --auto-approve --resume", 0);
    assert_eq!(at.password().as_deref(), Some(SECOND));
    let digits = "c3".repeat(HoldKey::BYTES);
    at.folder.write("hold.key", format!("{digits}\n"));
    let key = HoldKey::from_text(&digits).unwrap();
    stop(&at.folder, "site.yaml", THIRD, Some(&key), Stop::AfterTheHive);
    assert_eq!(at.password().as_deref(), Some(THIRD));
    at.call(THIRD, "apply --undo --auto-approve", 4);
    at.call(THIRD, "apply --undo --auto-approve --hold-key hold.key", 0);
    assert_eq!(at.password().as_deref(), Some(SECOND));
    at.call(SECOND, "drift site.yaml", 0);
    at.is_untold();
}

#[test]
fn what_was_a_secret_stays_one() {
    let gone = [
        "HKLM\\SOFTWARE\\Vendor: { exclusive: true, values: { Level: 3 } }",
        "HKLM\\SOFTWARE\\Vendor: { values: { Level: 3, Password: absent } }",
        "HKLM\\SOFTWARE\\Vendor: { ensure: absent }",
        "HKLM\\SOFTWARE: { exclusive_keys: true, report_unmanaged: true }",
    ];
    for (number, entry) in gone.iter().enumerate() {
        let mut at = Watched::new();
        at.call(SECRET, "apply site.yaml --auto-approve", 0);
        at.folder.write("gone.yaml", format!("version: 1\nname: site.yaml\nregistry:\n  {entry}\n"));
        at.call(SECRET, "plan gone.yaml --full --format json", 0);
        at.call(SECRET, "plan gone.yaml --full -o gone.plan", 0);
        at.call(SECRET, "drift gone.yaml --coverage", 2);
        if number < 3 {
            at.call(SECRET, "apply gone.yaml --auto-approve --hold-key hold.key", 0);
            assert_eq!(at.password(), None, "{entry}");
            at.call(SECRET, "history {last} --format json", 0);
            at.call(SECRET, "rollback --plan --full --hold-key hold.key", 0);
            at.call(SECRET, "rollback --auto-approve --hold-key hold.key", 0);
            assert_eq!(at.password().as_deref(), Some(SECRET), "{entry}");
            at.call(SECRET, "apply gone.plan --auto-approve", 0);
            assert_eq!(at.password(), None, "{entry}");
        }
        at.is_untold();
    }
}

#[test]
fn a_damaged_record_tells_no_secret() {
    let mut at = Watched::new();
    at.call(SECRET, "apply site.yaml --auto-approve", 0);
    let record = at.folder.text(RECORD);
    // A fingerprint where none can be read.
    at.folder.write(RECORD, record.replacen("\"Password\":", "\"Password\":[1],\"x\":", 1));
    at.call(SECOND, "plan site.yaml", 1);
    at.call(SECOND, "drift site.yaml --format json", 1);
    at.call(SECOND, "capture -o whole.json", 4);
    at.call(SECOND, "capture --for site.yaml -o server.json", 0);
    at.call(SECOND, "apply site.yaml --auto-approve", 4);
    let aside = at.folder.states("image/ProgramData/trueup");
    assert!(aside.keys().all(|name| !name.contains("damaged")));
    at.is_untold();
    at.call(SECOND, "apply site.yaml --auto-approve --accept record.unreadable", 0);
    assert_eq!(at.password().as_deref(), Some(SECOND));
    at.is_untold();
}

#[test]
fn a_secret_that_is_spelt_out_later_is_not_told() {
    let folder = sample(DOCUMENT);
    let call = |arguments: &[&str]| run(&folder, &[arguments, &MACHINE].concat());
    let mut runs = vec![call(&["apply", "site.yaml", "--auto-approve"]).exits(0)];
    assert!(holds(&folder.read(SOFTWARE), SECRET));
    folder.write("site.yaml", DOCUMENT.replace("{ sz: { env: VENDOR_PASSWORD } }", "spelt out"));
    runs.extend([
        call(&["plan", "site.yaml", "--full"]).exits(0).says(&["~ Password  REG_SZ (secret)", "asked"]),
        call(&["plan", "site.yaml", "--format", "json", "-o", "site.plan"]).exits(0),
        run(&folder, &["drift", "site.yaml", "-m", "image:image", "--format", "json"]).exits(2),
        run(&folder, &["capture", "-m", "image:image", "--for", "site.yaml", "-o", "server.json"]).exits(0),
        call(&["apply", "site.yaml", "--auto-approve"]).exits(0).says(&["finds nothing to do"]),
        call(&["plan", "site.yaml", "--detailed-exitcode"]).exits(0),
        run(&folder, &["rollback", "-m", "image:image", "--plan"]).exits(0),
        run(&folder, &["history", "-m", "image:image", "--format", "json"]).exits(0),
    ]);
    assert_eq!(password(&folder), Some((1, [utf16("spelt out"), vec![0, 0]].concat())));
    assert_untold(&folder, &runs, SECRET);

    // From then on it is a value like others.
    meddle(&folder, SOFTWARE, &["Vendor"], "Password", 1, &[utf16("other"), vec![0, 0]].concat());
    call(&["plan", "site.yaml"]).exits(0).says(&["~ Password  REG_SZ \"other\" → \"spelt out\"", "drift"]);
}
