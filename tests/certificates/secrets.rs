//! No private key ever leaves its files: whatever a run says or keeps is searched for the bytes of every key there was.

use proptest::prelude::*;

use trueup::apply::{ApplyReport, Purpose, unfinished};
use trueup::document::{LoadOptions, merged_text};
use trueup::formats::certificate_files::pem;
use trueup::formats::x509::PrivateKey;
use trueup::machine::Machine;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::plan::staleness::prints;
use trueup::plan::{SavedPlan, Target};
use trueup::report::{Palette, Width, json, text};

use super::laws::{check, estate, file, finish, json_of, snapshot_of, writes};
use super::world::{Text, applied, desired, empty, facts, path, plan, private_key, read, start, take_back, try_apply};

/// Everything by which the bytes of a key could be told.
fn needles(key: &PrivateKey) -> Vec<Vec<u8>> {
    let der = key.to_pkcs8();
    // The private number itself: the octet string at the beginning of the inner structure (RFC 5915).
    let length = if der.len() > 150 { 48 } else { 32 };
    let at = der.windows(2).position(|two| two == [4, length]).unwrap() + 2;
    let number = &der[at..at + usize::from(length)];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let numbers = |bytes: &[u8]| bytes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let text = pem::encode("PRIVATE KEY", &der);
    let mut out = vec![der.to_vec(), number.to_vec()];
    for bytes in [&der[..], number] {
        out.push(hex(bytes).into_bytes());
        out.push(hex(bytes).to_uppercase().into_bytes());
        out.push(numbers(bytes).into_bytes());
        out.push(numbers(bytes).replace(',', ", ").into_bytes());
    }
    // The first line begins as that of every such key.
    out.extend(text.lines().skip(2).filter(|line| !line.starts_with('-')).map(|line| line.as_bytes().to_vec()));
    let all: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    out.push(all.into_bytes());
    out
}

fn keys(machine: &MemoryMachine) -> Vec<PrivateKey> {
    let files = machine.all_files().into_iter().filter(|(path, _)| path.as_str().contains(".key-pem"));
    files.map(|(path, _)| private_key(machine, path.as_str())).collect()
}

/// All that leaves the machine or stays in its record, by name.
fn outputs(machine: &MemoryMachine, text: &str, report: &str) -> Vec<(String, Vec<u8>)> {
    let desired = desired(text);
    let whole = format!("version: 1\n{text}");
    let document = merged_text(&mut Text(&whole), &["site.yaml".to_owned()], &LoadOptions::default()).unwrap();
    let (facts, plan) = (facts(machine, &desired, start()), plan(machine, &desired, start()));
    let palette = Palette::plain();
    let wide = text::TextOptions { palette, width: Width::Unlimited, detail: text::Detail::Full };
    let saved = SavedPlan {
        target: Target { kind: "memory".into() },
        plan: plan.clone(),
        facts: prints(&facts),
        document,
        rewrite_secrets: false,
    };
    let mut out = vec![
        ("the report of a run".to_owned(), report.as_bytes().to_vec()),
        ("the plan's JSON".to_owned(), json_of(&plan).into_bytes()),
        ("the plan's text".to_owned(), text::plan(&plan, &wide).into_bytes()),
        ("the plan in a log".to_owned(), format!("{plan:?}").into_bytes()),
        ("the facts in a log".to_owned(), format!("{facts:?}").into_bytes()),
        ("the saved plan".to_owned(), saved.to_json().unwrap()),
        ("the snapshot".to_owned(), snapshot_of(machine, &desired, start())),
        ("the record".to_owned(), machine.record_bytes().unwrap_or_default()),
    ];
    for run in machine.runs().unwrap() {
        out.push((format!("the journal of {run}"), machine.journal_bytes(&run.to_string()).unwrap()));
    }
    out
}

#[test]
fn no_private_key_leaves_its_files() {
    check(8, &(estate(3, 2, 0.2), any::<prop::sample::Index>()), |(estate, chance)| {
        let machine = empty();
        let texts = [estate.text(false), estate.text(true)];
        let mut known = Vec::new();
        let mut all = outputs(&machine, &texts[0], "");
        let reports = |report: &ApplyReport| format!("{report:?}{}", json::outcome(report).unwrap());
        for text in &texts {
            let report = reports(&applied(&machine, &desired(text), start()));
            known.extend(keys(&machine));
            all.extend(outputs(&machine, &texts[1], &report));
        }
        // A run that stopped, finished and taken back.
        let third = desired(&texts[0]);
        let count = writes(&machine, |faulty| drop(applied(faulty, &third, start())));
        let at = chance.index(count) + 1;
        let result = try_apply(&FaultyMachine::new(&machine, Fault::StopAfter, at), &third, start());
        all.extend(outputs(&machine, &texts[0], &format!("{result:?}")));
        if let Some(open) = unfinished(&machine).unwrap() {
            let report = reports(&finish(&machine, &third, &open.beginning.run).unwrap());
            all.extend(outputs(&machine, &texts[0], &report));
            known.extend(keys(&machine));
            let run = open.beginning.run;
            let (back, report) = take_back(&machine, &run, Purpose::Rollback { of: run.clone() }, start());
            all.extend(outputs(&machine, &texts[0], &(json_of(&back) + &reports(&report.unwrap()))));
        }
        // A damaged key is told of without its bytes.
        let key = file(0, "key-pem");
        let pem = String::from_utf8(read(&machine, &key).unwrap()).unwrap();
        let damaged = pem.replacen("-----END", "=====END", 1);
        machine.plant_file(&path(&key), damaged.as_bytes());
        let result = try_apply(&machine, &third, start());
        all.extend(outputs(&machine, &texts[0], &format!("{result:?}")));
        prop_assert!(known.len() >= 2 * estate.entries.len());
        for needle in known.iter().flat_map(needles) {
            for (name, bytes) in &all {
                prop_assert!(!contains(bytes, &needle), "{} holds a private key", name);
            }
        }
        // The search would find one.
        let pem = private_key(&machine, &file(0, "key-pem")).to_pem();
        let own = needles(&private_key(&machine, &file(0, "key-pem")));
        prop_assert!(own.iter().any(|needle| contains(pem.as_bytes(), needle)));
        Ok(())
    });
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some((first, _)) = part.split_first() else { return true };
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(part) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}
