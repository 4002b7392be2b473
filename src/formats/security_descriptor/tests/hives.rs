//! Descriptors of real hives, where the fixtures lie beside this folder.

use std::path::Path;
use std::process::Command;

use super::super::*;
use super::sddl;

/// The bytes of a hive among the fixtures, or `None`, said aloud, where there are none.
fn hive(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/hives").join(name);
    if !path.exists() {
        println!("skipped: no {name} beside this folder");
        return None;
    }
    let output = Command::new("xz").arg("-dc").arg(path).output().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

fn u32_at(bytes: &[u8], offset: usize) -> usize {
    usize::try_from(u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())).unwrap()
}

/// Cells in use with this signature: offset in the hive's bins, and content.
fn cells<'a>(hive: &'a [u8], signature: &'a [u8; 2]) -> impl Iterator<Item = (usize, &'a [u8])> {
    (4096..hive.len().saturating_sub(8)).step_by(8).filter_map(move |at| {
        let size = i32::from_le_bytes(hive[at..at + 4].try_into().unwrap());
        let length = usize::try_from(size.checked_neg()?).ok()?;
        let content = hive.get(at + 4..at + length)?;
        content.starts_with(signature).then_some((at - 4096, content))
    })
}

fn descriptor_of(sk: &[u8]) -> &[u8] {
    &sk[20..20 + u32_at(sk, 16)]
}

#[test]
fn every_descriptor_of_a_real_hive_round_trips() {
    // One descriptor of SECURITY has unused room inside its DACL, which is not written again.
    let hives = [
        ("SYSTEM_WIN_10_1709.xz", 313, 313),
        ("NTUSER.DAT.xz", 22, 22),
        ("SAM.xz", 2, 2),
        ("SECURITY.xz", 2, 1),
        ("BCD.xz", 2, 2),
    ];
    for (name, expected_total, expected_identical) in hives {
        let Some(hive) = hive(name) else { continue };
        let (mut total, mut identical) = (0, 0);
        for (_, sk) in cells(&hive, b"sk") {
            let bytes = descriptor_of(sk);
            let descriptor = SecurityDescriptor::parse(bytes).unwrap();
            let text = descriptor.to_sddl().unwrap();
            assert_eq!(sddl(&text), descriptor.clone().normalized(), "{text}");
            let again = descriptor.to_bytes().unwrap();
            assert_eq!(SecurityDescriptor::parse(&again), Ok(descriptor));
            total += 1;
            identical += usize::from(again == bytes);
        }
        println!("{name}: {total} descriptors, {identical} byte-identical");
        assert_eq!((total, identical), (expected_total, expected_identical));
    }
}

/// Compares the rule with what a real Windows made of it: keys whose DACL follows their parent's.
#[test]
fn inheritance_agrees_with_a_real_hive() {
    let Some(hive) = hive("SYSTEM_WIN_10_1709.xz") else {
        return;
    };
    let bins = &hive[4096..];
    let cell = |offset: usize, signature| bins.get(offset + 4..).filter(|content| content.starts_with(signature));
    // The scan also meets remains of old keys, whose references lead nowhere.
    let descriptor_at = |nk: &[u8]| SecurityDescriptor::parse(descriptor_of(cell(u32_at(nk, 44), b"sk")?)).ok();
    let (mut followers, mut agreeing) = (0, 0);
    for (_, nk) in cells(&hive, b"nk").filter(|(_, nk)| nk.len() > 80) {
        let parent = cell(u32_at(nk, 16), b"nk").and_then(descriptor_at);
        let (Some(parent), Some(child)) = (parent, descriptor_at(nk)) else {
            continue;
        };
        let is_root = nk[2] & 4 != 0;
        let entries = child.dacl().entries();
        if is_root || entries.is_empty() || !entries.iter().all(Ace::is_inherited) {
            continue;
        }
        let creator = Creator { owner: child.owner().unwrap(), group: child.group().unwrap() };
        let computed = inherited_by_subkey(&parent, creator);
        followers += 1;
        agreeing += usize::from(computed.dacl() == child.dacl());
    }
    println!("{agreeing} of {followers} keys with inherited entries only are as computed");
    // The rest are keys whose parent changed after they were made, or that servicing wrote by other rules.
    assert!(agreeing * 1000 >= followers * 999);
}
