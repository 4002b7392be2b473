//! A hive that is damaged is refused with a reason and left alone, whatever the user says.

use super::image::{BCD, SYSTEM, document, image};
use crate::program::{AS_OF, changes};

#[test]
fn a_damaged_hive_is_never_touched() {
    let Some(folder) = image(&[("corrupted_system_hive", SYSTEM), ("BCD", BCD)]) else { return };
    document(
        &folder,
        "  HKLM\\SYSTEM\\ControlSet001\\Services\\HTTP\\Parameters: { values: { MaxRequestBytes: 0x8000 } }\n",
    );
    let before = folder.states("image");
    let machine = ["-m", "image:image"];
    let flags: [&[&str]; 4] = [
        &[],
        &["--accept-dirty"],
        &["--accept", "plan.nothing_observed"],
        &["--accept-dirty", "--accept", "plan.nothing_observed"],
    ];
    for flags in flags {
        let plan: Vec<&str> = ["plan", "site.yaml", "--as-of", AS_OF].into_iter().chain(machine).collect();
        let accepts_dirty = flags.contains(&"--accept-dirty");
        let dirty: &[&str] = if accepts_dirty { &["--accept-dirty"] } else { &[] };
        let plan = folder.run(&[&plan, dirty].concat());
        assert_eq!(plan.code, if accepts_dirty { 1 } else { 4 }, "{}{}", plan.stdout, plan.stderr);
        assert!(!plan.stdout.contains("to add") || plan.stdout.contains("0 to add"), "{}", plan.stdout);
        let apply: Vec<&str> = ["apply", "site.yaml", "--auto-approve"].into_iter().chain(machine).collect();
        let apply = folder.run(&[&apply, flags].concat());
        assert!(apply.code != 0, "{flags:?}: {}{}", apply.stdout, apply.stderr);
        let said = format!("{}{}", apply.stdout, apply.stderr);
        let reason = if accepts_dirty { "make editing unsafe" } else { "was not closed properly" };
        assert!(said.contains("Windows\\System32\\config\\SYSTEM") && said.contains(reason), "{said}");
        assert_eq!(changes(&before, &folder.states("image")), "");
    }
}
