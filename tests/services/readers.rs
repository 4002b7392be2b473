//! Services in an image as others read them: python-registry walks the hive, `read.py` takes failure actions apart. A missing
//! python-registry fails these tests in CI.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::world::{applied, desired, image, last_run, take_back};

const HIVE: &str = "Windows/System32/config/SYSTEM";
const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/read.py");

/// By service, its values.
type Seen = BTreeMap<String, Value>;

#[test]
fn services_in_an_image_are_read_back_by_others() {
    let image = image();
    let hive = image.folder.path().join(HIVE);
    let Some(fresh) = seen(&hive) else { return };
    assert_eq!(fresh["Spooler"]["Start"], json!(["RegDWord", 2]));

    let document = r"services:
  Spooler: { start: disabled }
  W32Time: { start: delayed }
  AcsActivityFeed: { start: automatic }
  AcsServer:
    account: NT SERVICE\AcsServer
    dependencies: [RPCSS, HTTP, +TDI]
    recovery:
      first: { action: restart, delay: 30s }
      second: reboot
      subsequent: run_command
      reset_after: 12h
      command: 'C:\Tür\alarm.cmd'
      on_stop_with_error: true
";
    applied(&image.machine, &desired(document));
    let made = seen(&hive).unwrap();
    let changed: Vec<&String> = made.keys().filter(|name| made.get(*name) != fresh.get(*name)).collect();
    assert_eq!(changed, ["AcsActivityFeed", "AcsServer", "Spooler", "W32Time"]);
    assert_eq!(made["Spooler"]["Start"], json!(["RegDWord", 4]));
    assert_eq!(made["W32Time"]["DelayedAutostart"], json!(["RegDWord", 1]));
    assert_eq!(made["AcsActivityFeed"]["DelayedAutostart"], json!(["RegDWord", 0]));
    let server = &made["AcsServer"];
    assert_eq!(server["ObjectName"], json!(["RegSZ", r"NT SERVICE\AcsServer"]));
    assert_eq!(server["DependOnService"], json!(["RegMultiSZ", ["RPCSS", "HTTP"]]));
    assert_eq!(server["DependOnGroup"], json!(["RegMultiSZ", ["TDI"]]));
    assert_eq!(server["FailureCommand"], json!(["RegSZ", r"C:\Tür\alarm.cmd"]));
    assert_eq!(server["FailureActionsOnNonCrashFailures"], json!(["RegDWord", 1]));
    let actions = json!({ "reset": 43_200, "actions": [["restart", 30_000], ["reboot", 60_000], ["run", 0]] });
    assert_eq!(server["FailureActions"], json!(["RegBin", actions]));
    is_sound(&hive);

    take_back(&image.machine, &last_run(&image.machine));
    assert_eq!(seen(&hive).unwrap(), fresh);
    is_sound(&hive);
}

/// What the independent reader sees; none, loudly, where it isn't at hand, and never in CI.
fn seen(hive: &Path) -> Option<Seen> {
    let python = |arguments: &[&str]| Command::new("python3").args(arguments).arg(hive).output();
    if !python(&["-c", "from Registry import Registry"]).is_ok_and(|output| output.status.success()) {
        let in_ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0");
        assert!(!in_ci, "python-registry is missing; CI must have it");
        println!("skipped: python-registry is not at hand");
        return None;
    }
    let output = python(&[READER]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("it prints JSON"))
}

/// Has the strict checker look at the hive, where it is at hand.
#[track_caller]
fn is_sound(hive: &Path) {
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/regf_strict.py");
    if !checker.exists() {
        println!("skipped: {} is not there", checker.display());
        return;
    }
    let output = Command::new("python3").arg("-B").arg(&checker).arg(hive).output().expect("python3 runs");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains(" errs 0 "), "{report}");
}
