//! A user's hive with transaction logs: what the logs hold counts, and lands in the hive with the first write.

use super::dump::{Edit, complaints, ours, theirs};
use super::image::{NTUSER, SID, document, fixture, image};
use super::witnesses::{regipy, strict};
use crate::program::{AS_OF, changes};

const LOGS: [(&str, &str); 2] = [
    ("transactions_ntuser.dat.log1", "Users/x/ntuser.dat.LOG1"),
    ("transactions_ntuser.dat.log2", "Users/x/ntuser.dat.LOG2"),
];

#[test]
fn logs_are_replayed_read_and_emptied() {
    let Some(folder) = image(&[("transactions_NTUSER.DAT", NTUSER), LOGS[0], LOGS[1]]) else { return };
    let desktop = |primary: u32| {
        document(
            &folder,
            &format!(
                "  HKU\\{SID}\\Control Panel\\Desktop: {{ values: {{ MaxVirtualDesktopDimension: {primary} }} }}\n"
            ),
        );
    };
    let number = |bytes: &[u8]| {
        let hive = trueup::formats::regf::Hive::open_dirty(bytes).unwrap();
        let key = hive.key(&["Control Panel", "Desktop"]).unwrap().unwrap();
        let data = key.value("MaxVirtualDesktopDimension").unwrap().unwrap().data().unwrap().into_owned();
        u32::from_le_bytes(data.try_into().unwrap())
    };
    let (hive, log) = (folder.path(&format!("image/{NTUSER}")), folder.path(&format!("image/{}", LOGS[0].1)));
    let primary = folder.read(&format!("image/{NTUSER}"));
    let before = folder.states("image");
    // regipy takes the entries of the second log as newer although they are older, so it is shown the first alone.
    let witness = regipy(&hive, &log);

    let recovered =
        trueup::formats::regf::recover(&primary, &[&fixture(LOGS[0].0).unwrap(), &fixture(LOGS[1].0).unwrap()])
            .unwrap();
    let (old, new) = (number(&primary), number(&recovered.bytes));
    assert_ne!(old, new, "the logs hold another number than the hive");

    let plan = |code| {
        folder.run(&["plan", "site.yaml", "-m", "image:image", "--as-of", AS_OF, "--detailed-exitcode"]).exits(code)
    };
    desktop(new);
    plan(0).notes(&["NTUSER.DAT was not closed properly; its logs were replayed"]).says(&["0 to change"]);
    desktop(old);
    plan(2).says(&["MaxVirtualDesktopDimension", &new.to_string(), &old.to_string(), "1 to change"]);
    assert_eq!(changes(&before, &folder.states("image")), "", "a plan replays in memory only");

    desktop(77);
    let apply =
        || folder.run(&["apply", "site.yaml", "-m", "image:image", "--as-of", AS_OF, "--auto-approve"]).exits(0);
    apply().says(&["1 done"]);
    for (_, log) in LOGS {
        assert_eq!(folder.read(&format!("image/{log}")).len(), 0, "{log} is emptied");
    }
    let after = folder.read(&format!("image/{NTUSER}"));
    let edits = [Edit::Put("\\Control Panel\\Desktop", "MaxVirtualDesktopDimension", 4, vec![77, 0, 0, 0])];
    let differing = complaints(&ours(&recovered.bytes), &ours(&after), &edits);
    assert!(differing.is_empty(), "{differing:#?}");
    if let Some(witness) = witness {
        assert_eq!(number(&witness), new);
        if let (Some(theirs_before), Some(theirs_after)) = (theirs(&witness), theirs(&after)) {
            let differing = complaints(&theirs_before, &theirs_after, &edits);
            assert!(differing.is_empty(), "{differing:#?}");
        }
    }
    if let Some(lines) = strict(&hive) {
        assert_eq!(lines, [""; 0]);
    }

    let settled = folder.states("image");
    let again = apply().says(&["Nothing to do"]);
    assert_eq!(again.stderr, "", "the hive is clean now");
    assert_eq!(changes(&settled, &folder.states("image")), "");
}

#[test]
fn logs_that_do_not_fit_are_refused_and_kept() {
    let Some(folder) = image(&[("transactions_NTUSER.DAT", NTUSER), LOGS[1]]) else { return };
    document(&folder, &format!("  HKU\\{SID}\\Environment: {{ values: {{ Added: 1 }} }}\n"));
    let before = folder.states("image");
    let apply = ["apply", "site.yaml", "-m", "image:image", "--auto-approve"];
    folder.run(&apply).exits(4).notes(&["Users\\x\\NTUSER.DAT", "its logs do not mend it", "--accept-dirty"]);
    assert_eq!(changes(&before, &folder.states("image")), "");
}
