//! The volume is what its module says: sound, small, always the same, and readable as a machine.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::formats::regf::{self, Hive};
use crate::machine::image::{DirtyHives, ImageMachine};
use crate::machine::{Machine as _, RegistryReader as _};
use crate::model::fact::{Identity, KeyAspects, ValueSelection};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{Reading, RegistryData};

const NAME: &str = "ACS-SRV01";
/// 2026-11-22T00:00:00Z.
const NOW: FileTime = FileTime(134_396_928_000_000_000);

fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), NAME, NOW).unwrap();
    folder
}

/// Every file by its path below `folder`.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder_below) = pending.pop() {
        for entry in fs::read_dir(folder_below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn hive(folder: &Path, path: &str) -> Hive<Vec<u8>> {
    Hive::open(fs::read(place(folder, path)).unwrap()).unwrap()
}

#[test]
fn the_same_arguments_make_the_same_bytes() {
    let made = |name: &str, now: u64| {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), name, FileTime(now)).unwrap();
        files(folder.path())
    };
    let first = made(NAME, NOW.0);
    // `assert_eq` would print the hives.
    assert!(first == made(NAME, NOW.0));
    let (other_name, later) = (made("ACS-SRV02", NOW.0), made(NAME, NOW.0 + 1));
    assert!(first.keys().eq(other_name.keys()) && first.keys().eq(later.keys()));
    let sam = Path::new("Windows/System32/config/SAM");
    assert!(first[sam] != other_name[sam] && first[sam] != later[sam]);
}

#[test]
fn every_hive_is_sound_and_the_volume_is_small() {
    let folder = sample();
    for (path, _) in HIVES {
        let bytes = fs::read(place(folder.path(), path)).unwrap();
        assert_eq!(regf::check(&bytes).unwrap(), [], "{path}");
    }
    let size: usize = files(folder.path()).values().map(Vec::len).sum();
    assert!(size < 3 << 20, "{size} bytes");
}

#[test]
fn only_names_of_computers_are_taken() {
    for name in ["A", "acs-srv01", "15-CHARACTERS-X", "1A"] {
        make(&tempfile::tempdir().unwrap().path().join("image"), name, NOW).unwrap();
    }
    for name in ["", "16-CHARACTERS-XY", "123", "A B", "SRV_1", r"A\B", "../A", "Ä", "A.corp.example", "<fqdn>"] {
        let folder = tempfile::tempdir().unwrap();
        let refused = make(folder.path(), name, NOW);
        assert!(matches!(refused, Err(SampleError::Name { .. })), "{name}: {refused:?}");
        assert_eq!(files(folder.path()).len(), 0, "{name}");
    }
}

#[test]
fn what_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    fs::write(&file, "mine").unwrap();
    for place in [folder.path(), &file] {
        let refused = make(place, NAME, NOW);
        assert!(matches!(refused, Err(SampleError::Occupied { .. })), "{refused:?}");
    }
    assert_eq!(files(folder.path()), BTreeMap::from([("letter.txt".into(), b"mine".to_vec())]));
}

#[test]
fn the_volume_is_a_machine() {
    let folder = sample();
    let machine = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    let identity = Identity {
        name: Some(NAME.into()),
        domain: Some("corp.example".into()),
        os: Some("Windows Server 2022 Standard".into()),
        build: Some("20348".into()),
        domain_controller: Some(false),
    };
    assert_eq!(machine.identity(), Ok(identity));

    let server = Server::new(NAME, NOW).unwrap();
    for (account, relative) in [("svc-acs", 1001), (r".\OPERATOR", 1002), ("Access Control Operators", 1003)] {
        assert_eq!(machine.account(account), Ok(Some(server.account(relative).unwrap())), "{account}");
    }
    assert_eq!(machine.account("nobody"), Ok(None));

    let operator = server.account(1002).unwrap();
    for (key, name, expected) in [
        (r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa", "ForceGuest", Reading::Number(1)),
        (r"HKU\svc-acs\Environment", "SISUITE_ACTIVITY_FEED_STORAGE_RETENTIONTIME", Reading::Text("7".into())),
        (&format!(r"HKU\{operator}_Classes\.acslayout"), "", Reading::Text("acslayoutfile".into())),
        (r"HKU\S-1-5-18\Console", "QuickEdit", Reading::Number(1)),
        (r"HKU\S-1-5-19\Console", "QuickEdit", Reading::Number(1)),
        (r"HKU\S-1-5-20\Console", "QuickEdit", Reading::Number(1)),
        (r"HKCR\.txt", "PerceivedType", Reading::Text("text".into())),
        (r"HKLM\SOFTWARE\Example Corp\Console\Sites\łódź", "Order", Reading::Number(2)),
    ] {
        let aspects = KeyAspects { values: ValueSelection::Named(vec![name.into()]), ..KeyAspects::default() };
        let answer = machine.read(&[(RegistryKey::parse(key).unwrap(), aspects)]).remove(0).unwrap();
        let fact = answer.present().unwrap_or_else(|| panic!("{key} is there"));
        assert_eq!(fact.value(name).unwrap().data.plain().unwrap().reading(), expected, "{key} {name}");
    }
}

#[test]
fn account_policy_lies_where_windows_keeps_it() {
    let folder = sample();
    let sam = hive(folder.path(), "Windows/System32/config/SAM");
    let account = sam.key(&["SAM", "Domains", "Account"]).unwrap().unwrap();
    let details = account.value("V").unwrap().unwrap().data().unwrap().into_owned();
    assert_eq!(Sid::from_prefix(&details[details.len() - 24..]), Ok(Server::new(NAME, NOW).unwrap().sid));

    let policy = account.value("F").unwrap().unwrap().data().unwrap().into_owned();
    let ticks = |at: usize| i64::from_le_bytes(policy[at..at + 8].try_into().unwrap());
    let short = |at: usize| u16::from_le_bytes(policy[at..at + 2].try_into().unwrap());
    let minutes = |at| ticks(at) / -600_000_000;
    assert_eq!((minutes(0x18), minutes(0x20), ticks(0x28)), (42 * 24 * 60, 24 * 60, i64::MIN));
    assert_eq!((minutes(0x30), minutes(0x38)), (30, 30));
    assert_eq!((policy[0x4c], short(0x50), short(0x52), short(0x54)), (1, 8, 5, 0));
}

#[test]
fn the_rights_of_the_service_account_are_kept_as_windows_keeps_them() {
    let folder = sample();
    let security = hive(folder.path(), "Windows/System32/config/SECURITY");
    let sid = Server::new(NAME, NOW).unwrap().account(1001).unwrap();
    let read = |part: &str| {
        let key = security.key(&["Policy", "Accounts", &sid.to_string(), part]).unwrap().unwrap();
        key.value("").unwrap().unwrap().data().unwrap().into_owned()
    };
    assert_eq!(read("Sid"), sid.to_bytes());
    // Batch and service; SeAssignPrimaryTokenPrivilege.
    assert_eq!(read("ActSysAc"), [0x14, 0, 0, 0]);
    assert_eq!(read("Privilgs"), [1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn services_depend_on_services_that_are_there() {
    let folder = sample();
    let system = hive(folder.path(), "Windows/System32/config/SYSTEM");
    let services = system.key(&["ControlSet001", "Services"]).unwrap().unwrap();
    let text = |name: String| name.to_ascii_lowercase();
    let mut known = BTreeSet::new();
    let mut needed = BTreeSet::new();
    for service in services.subkeys().map(Result::unwrap) {
        let Some(_) = service.value("Start").unwrap() else { continue };
        known.insert(text(service.name().text.into()));
        let Some(needs) = service.value("DependOnService").unwrap() else { continue };
        let needs = RegistryData::new(needs.value_type(), needs.data().unwrap().into_owned());
        let Reading::Texts(needs) = needs.reading() else { panic!("{needs} is no list") };
        needed.extend(needs.into_iter().map(text));
    }
    assert!(known.len() >= 15, "{known:?}");
    assert!(needed.is_subset(&known), "{:?}", needed.difference(&known).collect::<Vec<_>>());
}

#[test]
fn firewall_rules_have_the_form_of_windows_own() {
    let folder = sample();
    let system = hive(folder.path(), "Windows/System32/config/SYSTEM");
    let path = ["ControlSet001", "Services", "SharedAccess", "Parameters", "FirewallPolicy", "FirewallRules"];
    for value in system.key(&path).unwrap().unwrap().values().map(Result::unwrap) {
        let data = RegistryData::new(value.value_type(), value.data().unwrap().into_owned());
        let Reading::Text(rule) = data.reading() else { panic!("{data} is no text") };
        let fields = rule.strip_prefix("v2.30|").and_then(|rule| rule.strip_suffix('|')).unwrap();
        let names: Vec<_> = fields.split('|').map(|field| field.split_once('=').unwrap().0).collect();
        for needed in ["Action", "Active", "Dir", "Name"] {
            assert!(names.contains(&needed), "{rule}");
        }
    }
}

#[test]
fn text_files_have_the_line_ends_and_marks_of_windows() {
    let folder = sample();
    let files = files(folder.path());
    let hosts = String::from_utf8(files[Path::new("Windows/System32/drivers/etc/hosts")].clone()).unwrap();
    assert_eq!(hosts.matches('\n').count(), hosts.matches("\r\n").count());
    assert!(hosts.contains("10.20.0.15      ACS-SRV01.corp.example ACS-SRV01 "), "{hosts}");

    let ias = &files[Path::new("Windows/System32/ias/ias.xml")];
    let units: Vec<u16> = ias.chunks(2).map(|pair| u16::from_le_bytes(pair.try_into().unwrap())).collect();
    let text = String::from_utf16(&units).unwrap();
    assert!(text.starts_with("\u{feff}<?xml version=\"1.0\"?>\r\n<Root "), "{text:.60}");
    for (path, bytes) in files.iter().filter(|(path, _)| path.extension().is_none_or(|end| end != "DAT")) {
        for word in ["<machine>", "<fqdn>", "<domain>", "<sid>"] {
            let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let left = [word.as_bytes(), &wide].iter().any(|word| bytes.windows(word.len()).any(|part| part == *word));
            assert!(!left, "{word} is left in {}", path.display());
        }
    }
}
