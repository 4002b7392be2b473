//! The services of a real machine: a document that says what is there finds nothing to do, and one change comes to that one change.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use trueup::formats::registry_values::NamedValues;
use trueup::formats::service::{ActionKind, ServiceSettings, ServiceType, StartType};
use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::model::verdict::Verdict;

use super::world::{SERVICES, applied, desired, facts, found, holds, image, last_run, plan, take_back, told, tree_of};

/// The sample volume with the SYSTEM hive of a real machine; none, and a line that says so, where that isn't there.
fn real() -> Option<(tempfile::TempDir, ImageMachine)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/hives/SYSTEM_WIN_10_1709.xz");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let output = Command::new("xz").arg("-dc").arg(&path).output().expect("xz runs");
    assert!(output.status.success());
    let folder = image().folder;
    std::fs::write(folder.path().join("Windows/System32/config/SYSTEM"), output.stdout).unwrap();
    let machine = ImageMachine::open(folder.path(), DirtyHives::Accept).unwrap();
    Some((folder, machine))
}

/// All that a document can say of each service that is no driver, and of drivers their dependencies.
fn document(machine: &ImageMachine) -> (String, usize) {
    let mut text = String::from("services:\n");
    let mut count = 0;
    for service in &tree_of(machine, SERVICES).subkeys {
        let values = service.values.iter().filter_map(|value| Some((&*value.name, value.data.plain()?)));
        let settings = ServiceSettings::read(&NamedValues::new(values), []).unwrap();
        let Some(kind) = settings.service_type else { continue };
        count += 1;
        let _ = writeln!(text, "  '{}':", service.name);
        let names: Vec<String> = settings.dependencies.to_list().iter().map(|name| format!("'{name}'")).collect();
        let _ = writeln!(text, "    dependencies: [{}]", names.join(", "));
        if let Some(start) = settings.start.filter(|start| !matches!(start, StartType::Boot | StartType::System)) {
            let _ = writeln!(text, "    start: {start}");
        }
        if ServiceType::is_driver(kind) {
            continue;
        }
        let _ = writeln!(text, "    account: '{}'", settings.account.unwrap());
        let Some(actions) = settings.failure_actions else { continue };
        let turns = ["first", "second", "subsequent"].into_iter().enumerate().map(|(turn, word)| {
            let action = actions.after(turn);
            let what = match action.kind {
                ActionKind::None => return Some(format!("{word}: nothing")),
                ActionKind::Restart => "restart",
                ActionKind::Reboot => "reboot",
                ActionKind::RunCommand => "run_command",
                _ => return None,
            };
            let seconds = action.delay_millis.checked_div(1000).filter(|_| action.delay_millis % 1000 == 0)?;
            Some(format!("{word}: {{ action: {what}, delay: {seconds}s }}"))
        });
        if let (Some(turns), true) = (turns.collect::<Option<Vec<_>>>(), actions.actions.len() <= 3) {
            let reset = match actions.reset_seconds {
                u32::MAX => "never".to_owned(),
                seconds => format!("{seconds}s"),
            };
            let _ = writeln!(text, "    recovery: {{ {}, reset_after: {reset} }}", turns.join(", "));
        }
    }
    (text, count)
}

#[test]
fn a_document_that_says_what_is_there_finds_nothing_to_do() {
    let Some((_folder, machine)) = real() else { return };
    let (text, count) = document(&machine);
    let document = desired(&text);
    let planned = plan(&machine, &document);
    println!(
        "{count} services, {} decisions, {} facts",
        planned.decisions.len(),
        facts(&machine, &document).answered()
    );
    assert!(count > 600 && planned.decisions.len() > 3 * count, "{count} {}", planned.decisions.len());
    assert_eq!(told(&planned), Vec::<String>::new());
    assert!(!found(&planned).contains(&"error services.cycle".to_owned()), "{:?}", planned.findings);

    let changed = text.replacen("account: 'NT AUTHORITY\\LocalService'", "account: LocalSystem", 1);
    let planned = plan(&machine, &desired(&changed));
    let changes = planned.decisions.iter().filter(|one| matches!(one.verdict, Verdict::Change { .. }));
    assert_eq!(changes.count(), 1, "{:?}", told(&planned));
}

#[test]
fn changes_to_a_real_machine_are_taken_back() {
    let Some((_folder, machine)) = real() else { return };
    let before = holds(&machine);
    let document = desired(
        r"services:
  Spooler: { start: disabled, recovery: { first: reboot, command: a.cmd } }
  W32Time: { start: delayed, account: NT AUTHORITY\NetworkService }
  WinRM: { start: automatic, dependencies: { lacks: [HTTP] } }
",
    );
    applied(&machine, &document);
    let changed = holds(&machine).iter().filter(|line| !before.contains(line)).count();
    assert!((4..10).contains(&changed), "{changed}");
    take_back(&machine, &last_run(&machine));
    assert_eq!(holds(&machine), before);
}
