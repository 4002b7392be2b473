//! Which Windows it is, and what parts of it are there, as its registry tells. Pure.

use super::judge::presence;
use super::look::{Look, NOTHING, Outcome};
use super::wanted::{Installation, Presence, Role, WindowsWanted};
use crate::formats::installed::{Version, VersionRange, windows_release};
use crate::formats::upcase;

const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";
const PRODUCT_OPTIONS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions";
const WEB_SERVER: &str = r"HKLM\SOFTWARE\Microsoft\InetStp";

/// The least number that is a year: releases of servers are years, those of others are not.
const FIRST_YEAR: u64 = 1900;

pub fn release(wanted: &WindowsWanted, look: &mut Look<'_>) -> Outcome {
    let build = look.text(VERSION, "CurrentBuildNumber").and_then(|build| build.parse::<u64>().ok());
    let update = look.number(VERSION, "UBR");
    let edition = look.text(VERSION, "EditionID");
    let installed_as = look.text(VERSION, "InstallationType");
    let product = look.text(VERSION, "ProductName");
    let installation = installed_as.as_deref().and_then(installation);
    let is_server = installation.is_some_and(|one| one != Installation::Client);

    let is_version = wanted.version.as_ref().is_none_or(|range| {
        // A bound of the other family says nothing about this one, so it does not hold.
        let is_of_family = range.bounds().all(|bound| (bound.first() >= FIRST_YEAR) == is_server);
        let found = build.and_then(|build| windows_release(build, is_server));
        is_of_family && found.is_some_and(|found| range.holds(&found))
    });
    let is_build = wanted.build.as_ref().is_none_or(|range| {
        build.is_some_and(|build| range.holds(&Version::new(&[build, update.unwrap_or_default()])))
    });
    let is_edition = wanted.editions.is_empty()
        || edition.as_deref().is_some_and(|found| wanted.editions.iter().any(|one| upcase::eq(one, found)));
    let is_installed_as =
        wanted.installations.is_empty() || installation.is_some_and(|found| wanted.installations.contains(&found));

    let met = is_version && is_build && is_edition && is_installed_as;
    let outcome = Outcome::of(met, || {
        let number = build.map(|build| match update {
            Some(update) => format!("build {build}.{update}"),
            None => format!("build {build}"),
        });
        let edition = edition.map(|edition| format!("edition {edition}"));
        let installed_as = installed_as.map(|kind| format!("installed as {kind}"));
        let parts: Vec<String> = [product, number, edition, installed_as].into_iter().flatten().collect();
        if parts.is_empty() { "a Windows that does not tell what it is".to_owned() } else { parts.join(", ") }
    });
    look.conclude(outcome)
}

fn installation(text: &str) -> Option<Installation> {
    Some(match text {
        "Server" => Installation::Server,
        "Server Core" => Installation::ServerCore,
        "Client" => Installation::Client,
        _ => return None,
    })
}

pub fn role(role: Role, wanted: Presence, look: &mut Look<'_>) -> Outcome {
    match role.service() {
        Some(name) => service(name, wanted, look),
        None => {
            let is_controller = look.text(PRODUCT_OPTIONS, "ProductType").is_some_and(|kind| kind == "LanmanNT");
            presence(is_controller, wanted, look)
        }
    }
}

pub fn service(name: &str, wanted: Presence, look: &mut Look<'_>) -> Outcome {
    let is_there = look.is_there(&format!(r"{SERVICES}\{name}"));
    presence(is_there, wanted, look)
}

pub fn web_server(version: Option<&VersionRange>, components: &[Box<str>], look: &mut Look<'_>) -> Outcome {
    let major = look.number(WEB_SERVER, "MajorVersion");
    let minor = look.number(WEB_SERVER, "MinorVersion");
    let found = major.map(|major| Version::new(&[major, minor.unwrap_or_default()]));
    let below = format!(r"{WEB_SERVER}\Components");
    let missing: Vec<&str> = components
        .iter()
        .filter(|name| look.number(&below, name).is_none_or(|installed| installed == 0))
        .map(|name| &**name)
        .collect();
    let is_version = found.as_ref().is_some_and(|found| version.is_none_or(|range| range.holds(found)));
    let outcome = Outcome::of(is_version && missing.is_empty(), || {
        let found = found.as_ref().map_or_else(|| NOTHING.to_owned(), |found| format!("IIS {found}"));
        if missing.is_empty() { found } else { format!("{found} without {}", missing.join(", ")) }
    });
    look.conclude(outcome)
}
