//! Programs that know hives on their own: python-registry, regipy, hivexsh and the strict checker.
//!
//! Where one is missing, its part is skipped with a line that says so; in CI (`CI=true`) that is a failure.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use super::image::shared;

/// Whether a missing witness is a failure.
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

fn missing(what: &str) {
    assert!(!in_ci(), "{what} is missing; CI must have it");
    println!("skipped: {what} is not at hand");
}

/// The one on the PATH: `./test` puts the environment that it made first.
const INTERPRETER: &str = "python3";

/// What a Python program that needs a module prints; none where the module is missing.
pub fn python(module: &str, arguments: &[&OsStr]) -> Option<String> {
    let has = Command::new(INTERPRETER).args(["-c", &format!("import {module}")]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        missing(&format!("Python's {module}"));
        return None;
    }
    let output = Command::new(INTERPRETER).args(arguments).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("it prints UTF-8"))
}

/// The complaints of the strict checker about a hive, sorted.
pub fn strict(hive: &Path) -> Option<Vec<String>> {
    let folder = shared("tools");
    if !folder.join("regf_strict.py").exists() {
        println!("skipped: {} is not there", folder.join("regf_strict.py").display());
        return None;
    }
    let script = "import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import regf_strict; \
                  print('\\n'.join(regf_strict.check(sys.argv[2], verbose=False)))";
    let text = python("sys", &["-c".as_ref(), script.as_ref(), folder.as_os_str(), hive.as_os_str()])?;
    let mut lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    lines.sort();
    Some(lines)
}

/// What hivexsh prints for these commands on a hive.
pub fn hivexsh(hive: &Path, commands: &str) -> Option<String> {
    let script = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(script.path(), commands).expect("the script can be written");
    let Ok(output) = Command::new("hivexsh").arg("-f").arg(script.path()).arg(hive).output() else {
        missing("hivexsh");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("it prints UTF-8"))
}

/// Lets regipy replay a log of a hive; the recovered hive's bytes.
pub fn regipy(hive: &Path, log: &Path) -> Option<Vec<u8>> {
    let restored = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let script = "import sys; from regipy.recovery import apply_transaction_logs as replay; \
                  replay(sys.argv[1], sys.argv[2], restored_hive_path=sys.argv[3])";
    let paths = [hive, log, restored.path()].map(Path::as_os_str);
    let arguments: Vec<&OsStr> = ["-c".as_ref(), script.as_ref()].into_iter().chain(paths).collect();
    python("regipy", &arguments)?;
    Some(std::fs::read(restored.path()).expect("regipy wrote it"))
}
