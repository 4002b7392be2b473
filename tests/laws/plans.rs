//! Laws of planning: the same plan from every machine, and nothing written by it.

use proptest::prelude::*;

use trueup::plan::staleness::prints;

use super::documents::{Scope, case};
use super::runner::{check, look_at};
use super::world::{
    disk, from_snapshot, image, memory, open, plan, plan_without_secrets, saved, snapshot_for, snapshot_whole,
    text_report,
};

/// Law 4. Memory, an image with real hives, and snapshots of both, limited to the document and whole, give the same JSON.
#[test]
fn the_same_plan_everywhere() {
    check(300, &case(Scope { secrets: true, image_only: false }), |case| {
        let desired = case.desired();
        let (memory, image) = (memory(&case.hives), image(&case.hives));
        let expected = plan_without_secrets(&memory, &desired).json;
        prop_assert_eq!(&plan_without_secrets(&image.machine, &desired).json, &expected, "the image's plan");
        let knowing = plan(&memory, &desired).json;
        prop_assert_eq!(&plan(&image.machine, &desired).json, &knowing, "the image's plan, secrets compared");
        let limited = snapshot_for(&memory, &desired);
        prop_assert!(snapshot_for(&image.machine, &desired) == limited, "the snapshots differ");
        let expected = but_for_secrets(&expected);
        let preview = |bytes: &[u8]| but_for_secrets(&plan_without_secrets(&from_snapshot(bytes), &desired).json);
        prop_assert_eq!(&preview(&limited), &expected, "the plan of the limited snapshot");
        let whole = snapshot_whole(&memory);
        prop_assert!(snapshot_whole(&image.machine) == whole, "the whole snapshots differ");
        prop_assert_eq!(&preview(&whole), &expected, "the plan of the whole snapshot");
        Ok(())
    });
}

/// A plan without the reasons why secrets cannot be compared: a machine lacks the secret, a snapshot has nothing to compare it with.
fn but_for_secrets(json: &str) -> serde_json::Value {
    let mut plan: serde_json::Value = serde_json::from_str(json).unwrap();
    let resources = plan["resources"].as_array_mut().unwrap();
    for resource in resources.iter_mut().filter(|resource| resource["action"] == "unverifiable") {
        resource.as_object_mut().unwrap().remove("reasons");
    }
    plan
}

/// Law 4 for what only an image and its snapshots know: `CurrentControlSet`.
#[test]
fn an_image_and_its_snapshots_give_the_same_plan() {
    check(100, &case(Scope { image_only: true, secrets: false }), |case| {
        let desired = case.desired();
        let image = image(&case.hives);
        let expected = plan(&image.machine, &desired).json;
        let limited = from_snapshot(&snapshot_for(&image.machine, &desired));
        prop_assert_eq!(&plan(&limited, &desired).json, &expected, "the plan of the limited snapshot");
        // A whole snapshot holds no accounts: names that need one are blocked for another reason there.
        if !case.text().to_lowercase().contains("nobody") {
            let whole = from_snapshot(&snapshot_whole(&image.machine));
            prop_assert_eq!(&plan(&whole, &desired).json, &expected, "the plan of the whole snapshot");
        }
        Ok(())
    });
}

/// Law 3. No byte, time or inode of an image differs after all that planning does. That planning cannot reach a writer is the types' work:
/// `observe` takes a `&dyn Machine`, and only a `WritableMachine` gives one.
#[test]
fn planning_writes_nothing() {
    check(150, &case(Scope { image_only: true, secrets: true }), |case| {
        let desired = case.desired();
        let image = image(&case.hives);
        let before = disk(image.folder.path());
        let machine = open(image.folder.path());
        let planned = plan(&machine, &desired);
        prints(&planned.facts);
        text_report(&planned.plan);
        saved(&machine, &planned, &case.text()).to_json().expect("it can be written");
        snapshot_for(&machine, &desired);
        snapshot_whole(&machine);
        prop_assert!(disk(image.folder.path()) == before);
        Ok(())
    });
}

/// The generator reaches what the laws speak of: without this, a law could hold because nothing is asked of it.
#[test]
fn the_cases_hold_what_the_laws_speak_of() {
    use std::collections::BTreeMap;

    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let cases = 600;
    look_at(cases, &case(Scope { secrets: true, image_only: false }), |case| {
        let desired = case.desired();
        let planned = plan(&memory(&case.hives), &desired);
        let mut count = |what: String| *seen.entry(what).or_default() += 1;
        let json: serde_json::Value = serde_json::from_str(&planned.json).unwrap();
        for resource in json["resources"].as_array().unwrap() {
            for reason in resource["reasons"].as_array().unwrap() {
                count(reason["code"].as_str().unwrap().to_owned());
            }
            for operation in resource["operations"].as_array().into_iter().flatten() {
                count(operation["operation"].as_str().unwrap().to_owned());
            }
        }
        let blind = plan_without_secrets(&from_snapshot(&snapshot_for(&memory(&case.hives), &desired)), &desired);
        for decision in &blind.plan.decisions {
            let secret = decision.reasons.iter().filter(|reason| reason.code == "secret.no_fingerprint");
            secret.for_each(|reason| count(reason.code.to_string()));
        }
        for _ in &planned.plan.unmanaged {
            count("unmanaged".into());
        }
        for finding in &planned.plan.findings {
            count(finding.code.to_string());
        }
        for _ in planned.plan.after.entries.iter().filter(|entry| !entry.needs.is_empty()) {
            count("dependent entries".into());
        }
        for _ in 0..planned.plan.summary().unchanged {
            count("unchanged".into());
        }
        for _ in &case.entries {
            count("entries".into());
        }
    });
    println!("{seen:#?}");
    for (what, least) in [
        ("entries", 600),
        ("unchanged", 300),
        ("dependent entries", 80),
        ("unmanaged", 40),
        ("create_registry_key", 200),
        ("put_registry_value", 400),
        ("remove_registry_value", 60),
        ("remove_registry_tree", 40),
        ("rename_registry_key", 15),
        ("put_registry_security", 60),
        ("registry.absent", 100),
        ("registry.data_differs", 20),
        ("registry.type_differs", 40),
        ("registry.malformed", 1),
        ("registry.key_absent", 80),
        ("registry.not_wanted", 30),
        ("registry.not_named", 60),
        ("registry.renamed", 15),
        ("registry.rename_target_exists", 3),
        ("registry.security_differs", 60),
        ("registry.security_denied", 1),
        ("registry.link", 5),
        ("registry.out_of_range", 3),
        ("plan.dependency_blocked", 3),
        ("secret.no_fingerprint", 1),
        ("secret.differs", 5),
    ] {
        let count = seen.get(what).copied().unwrap_or(0);
        assert!(count >= least, "{what}: {count} times in {cases} cases");
    }
}
