//! Which hive of a volume holds a registry key, and under which names there.

use super::hives::{self, Loaded, load};
use super::{ImageMachine, accounts, path};
use crate::machine::volume::VolumePath;
use crate::model::fact::{Facet, Observed, Unread};
use crate::model::registry::{RegistryKey, Root};
use crate::model::registry_data::{Reading, RegistryData};

/// A key's place: the hive's file and the names below the hive's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub hive: VolumePath,
    pub names: Vec<String>,
}

/// Hives below `HKLM` and their files; the first file that exists is the hive.
const MACHINE_HIVES: [(&str, &[&str]); 7] = [
    ("SYSTEM", &[r"Windows\System32\config\SYSTEM"]),
    ("SOFTWARE", &[r"Windows\System32\config\SOFTWARE"]),
    ("SECURITY", &[r"Windows\System32\config\SECURITY"]),
    ("SAM", &[r"Windows\System32\config\SAM"]),
    ("COMPONENTS", &[r"Windows\System32\config\COMPONENTS"]),
    ("DRIVERS", &[r"Windows\System32\config\DRIVERS"]),
    ("BCD00000000", &[r"EFI\Microsoft\Boot\BCD", r"Boot\BCD"]),
];
/// Hives below `HKU` whose place is the same everywhere.
const USER_HIVES: [(&str, &str); 4] = [
    (".DEFAULT", r"Windows\System32\config\DEFAULT"),
    ("S-1-5-18", r"Windows\System32\config\DEFAULT"),
    ("S-1-5-19", r"Windows\ServiceProfiles\LocalService\NTUSER.DAT"),
    ("S-1-5-20", r"Windows\ServiceProfiles\NetworkService\NTUSER.DAT"),
];
const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

fn unsupported(key: &RegistryKey, detail: &str) -> Unread {
    Unread::Unsupported { facet: Facet::Registry, machine: "an image".into(), detail: format!("{key}: {detail}") }
}

fn failed(key: &RegistryKey, detail: impl Into<String>) -> Unread {
    Unread::Failed { what: key.to_string(), detail: detail.into() }
}

/// Finds the place of a key; `None` for a root itself, which is no hive's.
pub fn locate(machine: &ImageMachine, key: &RegistryKey) -> Observed<Option<Place>> {
    let mut names = key.components();
    match key.root() {
        Root::CurrentUser => {
            Err(unsupported(key, "an image has no current user; name the user as HKU\\<SID or account>"))
        }
        Root::ClassesRoot => {
            let names = ["Classes"].into_iter().chain(names).map(str::to_owned).collect();
            Ok(Some(Place { hive: machine_hive(machine, key, "SOFTWARE")?, names }))
        }
        Root::LocalMachine => {
            let Some(hive) = names.next() else { return Ok(None) };
            let file = machine_hive(machine, key, hive)?;
            let mut names: Vec<String> = names.map(str::to_owned).collect();
            if hive.eq_ignore_ascii_case("SYSTEM") {
                current_control_set(machine, key, &file, &mut names)?;
            }
            Ok(Some(Place { hive: file, names }))
        }
        Root::Users => {
            let Some(user) = names.next() else { return Ok(None) };
            let hive = hives::file(machine, &format!("HKU\\{user}"), || user_hive(machine, key, user))?;
            Ok(Some(Place { hive, names: names.map(str::to_owned).collect() }))
        }
    }
}

/// The names of the hives below a root: those whose file is there.
pub fn hives(machine: &ImageMachine, root: Root) -> Vec<Box<str>> {
    let is_there = |file: &str| path(file).is_ok_and(|path| machine.volume.exists(&path).unwrap_or(false));
    match root {
        Root::LocalMachine => {
            let hives = MACHINE_HIVES.iter().filter(|(_, files)| files.iter().any(|file| is_there(file)));
            hives.map(|(name, _)| (*name).into()).collect()
        }
        Root::Users => {
            let fixed = USER_HIVES.iter().filter(|(name, file)| *name != "S-1-5-18" && is_there(file));
            let mut names: Vec<Box<str>> = fixed.map(|(name, _)| (*name).into()).collect();
            names.extend(profiles(machine).unwrap_or_default());
            names
        }
        Root::ClassesRoot | Root::CurrentUser => Vec::new(),
    }
}

/// The users of the profile list whose hive is on the volume.
fn profiles(machine: &ImageMachine) -> Option<Vec<Box<str>>> {
    let list = RegistryKey::parse(PROFILES).ok()?;
    let place = locate(machine, &list).ok()??;
    let hive = load(machine, &place.hive).ok()?;
    let names: Vec<&str> = place.names.iter().map(String::as_str).collect();
    let subkeys = hive.hive.key(&names).ok()??.subkeys();
    let users = subkeys.filter_map(|user| Some(user.ok()?.name().text.into_owned())).filter(|sid| {
        let known = USER_HIVES.iter().any(|(name, _)| name.eq_ignore_ascii_case(sid));
        !known && RegistryKey::parse(&format!("HKU\\{sid}")).is_ok_and(|key| user_hive(machine, &key, sid).is_ok())
    });
    Some(users.map(Into::into).collect())
}

fn machine_hive(machine: &ImageMachine, key: &RegistryKey, name: &str) -> Observed<VolumePath> {
    if name.eq_ignore_ascii_case("HARDWARE") {
        return Err(unsupported(key, "the key is volatile and exists on a running machine only"));
    }
    let files = MACHINE_HIVES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, files)| *files);
    let Some(files) = files else { return Err(failed(key, format!("there is no hive {name} below HKLM"))) };
    hives::file(machine, name, || existing(machine, files))
}

/// The first of these files that is there. What fails is said of the file, for all keys in it share the answer.
fn existing(machine: &ImageMachine, files: &[&str]) -> Observed<VolumePath> {
    let failed = |file: &str, detail: String| Unread::Failed { what: file.to_owned(), detail };
    for file in files {
        let Ok(path) = path(file) else { continue };
        match machine.volume.exists(&path) {
            Ok(true) => return Ok(path),
            Ok(false) => {}
            Err(error) => return Err(failed(file, crate::machine::chain(&error))),
        }
    }
    Err(failed(&files.join(", "), "the image has no such file".into()))
}

/// `CurrentControlSet` is a link that only a running system has: in an image it is the set that `Select` names.
fn current_control_set(
    machine: &ImageMachine,
    key: &RegistryKey,
    file: &VolumePath,
    names: &mut [String],
) -> Observed<()> {
    let Some(first) = names.first_mut().filter(|name| name.eq_ignore_ascii_case("CurrentControlSet")) else {
        return Ok(());
    };
    let hive = load(machine, file)?;
    let number =
        |name: &str| select(&hive, name).ok_or_else(|| failed(key, format!("HKLM\\SYSTEM\\Select has no {name}")));
    let (current, default) = (number("Current")?, number("Default")?);
    if current != default {
        return Err(Unread::Refused {
            what: key.to_string(),
            detail: format!(
                "the next start takes control set {default} (Select\\Default), not {current} (Select\\Current): \
                 what is written to the current one would have no effect"
            ),
            hint: Some("start the machine once, so that the control sets agree".into()),
        });
    }
    *first = format!("ControlSet{current:03}");
    Ok(())
}

fn select(hive: &Loaded, name: &str) -> Option<u64> {
    let value = hive.hive.key(&["Select"]).ok()??.value(name).ok()??;
    RegistryData::new(value.value_type(), value.data().ok()?.into_owned()).number()
}

fn user_hive(machine: &ImageMachine, key: &RegistryKey, user: &str) -> Observed<VolumePath> {
    if let Some((_, file)) = USER_HIVES.iter().find(|(name, _)| name.eq_ignore_ascii_case(user)) {
        return existing(machine, &[file]);
    }
    let (account, classes) = match user.len().checked_sub("_Classes".len()).and_then(|at| user.split_at_checked(at)) {
        Some((account, suffix)) if suffix.eq_ignore_ascii_case("_Classes") => (account, true),
        _ => (user, false),
    };
    let sid = match account.parse() {
        Ok(sid) => sid,
        Err(_) => match accounts::sid_of(machine, account)? {
            Some(sid) => sid,
            None => return Err(failed(key, format!("the image has no account `{account}`"))),
        },
    };
    let profile = profile(machine, key, &sid.to_string())?;
    let file = if classes { r"AppData\Local\Microsoft\Windows\UsrClass.dat" } else { "NTUSER.DAT" };
    let file =
        VolumePath::on_drive(&format!("{profile}\\{file}"), 'C').map_err(|error| failed(key, error.to_string()))?;
    match machine.volume.exists(&file) {
        Ok(true) => Ok(file),
        Ok(false) => Err(failed(key, format!("the profile has no {file}"))),
        Err(error) => Err(failed(key, crate::machine::chain(&error))),
    }
}

/// The folder of a user's profile, as the image's own profile list says.
fn profile(machine: &ImageMachine, key: &RegistryKey, sid: &str) -> Observed<String> {
    let list = RegistryKey::parse(&format!("{PROFILES}\\{sid}")).map_err(|error| failed(key, error.to_string()))?;
    let Some(place) = locate(machine, &list)? else { return Err(failed(key, "there is no profile list")) };
    let hive = load(machine, &place.hive)?;
    let names: Vec<&str> = place.names.iter().map(String::as_str).collect();
    let value = hive
        .hive
        .key(&names)
        .and_then(|found| found.map(|key| key.value("ProfileImagePath")).transpose())
        .map_err(|error| failed(key, error.to_string()))?
        .flatten();
    let Some(value) = value else { return Err(failed(key, format!("the image has no profile of {sid}"))) };
    let data = value.data().map_err(|error| failed(key, error.to_string()))?;
    match RegistryData::new(value.value_type(), data.into_owned()).reading() {
        Reading::Text(text) => Ok(text),
        _ => Err(failed(key, format!("the profile path of {sid} is not text"))),
    }
}
