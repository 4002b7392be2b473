//! Secrets: the value reaches the machine, and its bytes reach nothing else.

use std::collections::BTreeMap;

use trueup::formats::regf::Hive;

use super::transcript::{SOFTWARE, meddle, sample_folder};
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

/// The secret as text, as UTF-16, and as the hex digits of both.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (text, wide) = (secret.as_bytes().to_vec(), utf16(secret));
    let digits = [hex(&text), hex(&wide)];
    let upper = digits.clone().map(|digits| digits.to_uppercase().into_bytes());
    [text, wide].into_iter().chain(digits.map(String::into_bytes)).chain(upper).collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    forms(secret).iter().any(|form| bytes.windows(form.len()).any(|part| part == form))
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
        call(&["plan", "site.yaml", "--full"]).exits(0).says(&["? Password", "1 unverifiable"]),
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
    assert_ne!(password(&folder), Some((1, written.clone())), "nothing tells whether a secret differs");
    runs.push(call(&["apply", "site.yaml", "--auto-approve", "--rewrite-secrets"]).exits(0));
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
