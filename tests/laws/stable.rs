//! Law 10: the same inputs give the same bytes, whatever the seeds of the hash maps: again, in another thread, in another process.

use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use sha2::{Digest as _, Sha256};

use super::documents::{Case, Scope, case};
use super::runner::{check, rng};
use super::world::{image, memory, plan, saved, snapshot_for, snapshot_whole, text_report};

/// Everything that is written of a case.
fn outputs(case: &Case) -> Vec<Vec<u8>> {
    let desired = case.desired();
    let memory = memory(&case.hives);
    let planned = plan(&memory, &desired);
    vec![
        planned.json.clone().into_bytes(),
        text_report(&planned.plan).into_bytes(),
        saved(&memory, &planned, &case.text()).to_json().expect("it can be written"),
        snapshot_for(&memory, &desired),
        snapshot_whole(&memory),
    ]
}

#[test]
fn the_same_bytes_again_and_in_another_thread() {
    check(150, &case(Scope { secrets: true, image_only: false }), |case| {
        let first = outputs(&case);
        prop_assert!(outputs(&case) == first, "again");
        let elsewhere = std::thread::scope(|scope| scope.spawn(|| outputs(&case)).join().expect("it ends"));
        prop_assert!(elsewhere == first, "in another thread");
        Ok(())
    });
}

/// No folder of this computer is in what is written of an image.
#[test]
fn no_path_of_this_computer_is_written() {
    check(100, &case(Scope { secrets: true, image_only: true }), |case| {
        let desired = case.desired();
        let image = image(&case.hives);
        std::fs::remove_file(image.folder.path().join("Windows/System32/config/DEFAULT")).expect("it is there");
        let planned = plan(&image.machine, &desired);
        let folder = image.folder.path().to_str().expect("it is text").to_owned();
        for text in [&planned.json, &text_report(&planned.plan)] {
            prop_assert!(!text.contains(&folder), "{}", text);
        }
        Ok(())
    });
}

const CHILD: &str = "TRUEUP_LAWS_CHILD";

#[test]
fn the_same_bytes_in_another_process() {
    let strategy = case(Scope { secrets: true, image_only: false });
    let mut runner = TestRunner::new_with_rng(Config::default(), rng(7));
    let mut digest = Sha256::new();
    for _ in 0..60 {
        let case = strategy.new_tree(&mut runner).expect("cases can be made").current();
        outputs(&case).iter().for_each(|output| digest.update(output));
    }
    let digest = format!("digest {}", trueup::model::registry_data::hex(&digest.finalize()));
    if std::env::var_os(CHILD).is_some() {
        println!("{digest}");
        return;
    }
    let name = "laws::stable::the_same_bytes_in_another_process";
    let this = std::env::current_exe().expect("it has a path");
    let child = Command::new(this).args([name, "--exact", "--nocapture"]).env(CHILD, "1").output().expect("it runs");
    let told = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(told.contains(&digest), "{digest} here, and there:\n{told}");
}
