//! What software is installed, as the registry tells, in both views. Pure.

use super::look::{Look, NOTHING, Outcome};
use super::wanted::{JavaKind, Presence, Runtime, SoftwareWanted};
use crate::formats::installed::{Version, VersionRange, framework_release, sql_server_release};
use crate::formats::upcase;

/// `SOFTWARE` as 64-bit and as 32-bit programs see it.
const VIEWS: [&str; 2] = [r"HKLM\SOFTWARE", r"HKLM\SOFTWARE\Wow6432Node"];
const FRAMEWORK: &str = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP";
const UNINSTALL: &str = r"Microsoft\Windows\CurrentVersion\Uninstall";

/// The least number that is a year.
const FIRST_YEAR: u64 = 1900;

/// So many things that do not fit are named; the rest is counted.
const NAMED: usize = 5;

/// Met when one of the versions that were found is within the range.
fn any(found: &[Version], range: &VersionRange, look: &mut Look<'_>) -> Outcome {
    let met = found.iter().any(|version| range.holds(version));
    look.conclude(Outcome::of(met, || list(found.iter().map(ToString::to_string))))
}

fn list(found: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = found.collect();
    all.dedup();
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    match (all.is_empty(), more) {
        (true, _) => NOTHING.to_owned(),
        (false, 0) => all.join(", "),
        (false, more) => format!("{} and {more} more", all.join(", ")),
    }
}

/// Versions before 4 stand side by side; from 4 on there is one.
pub fn framework(range: &VersionRange, look: &mut Look<'_>) -> Outcome {
    let mut found = Vec::new();
    for (name, numbers) in [("v2.0.50727", [2, 0]), ("v3.0", [3, 0]), ("v3.5", [3, 5])] {
        if look.number(&format!(r"{FRAMEWORK}\{name}"), "Install") == Some(1) {
            found.push(Version::new(&numbers));
        }
    }
    let full = format!(r"{FRAMEWORK}\v4\Full");
    let released = look.number(&full, "Release").and_then(framework_release);
    let is_installed = look.number(&full, "Install") == Some(1);
    found.extend(released.or_else(|| is_installed.then(|| Version::new(&[4, 0]))));
    any(&found, range, look)
}

/// The names of the values of a runtime's key are its versions.
pub fn runtime(runtime: Runtime, range: &VersionRange, look: &mut Look<'_>) -> Outcome {
    let name = match runtime {
        Runtime::Core => "Microsoft.NETCore.App",
        Runtime::AspNetCore => "Microsoft.AspNetCore.App",
        Runtime::Desktop => "Microsoft.WindowsDesktop.App",
    };
    let mut found = Vec::new();
    for view in VIEWS {
        let versions = format!(r"{view}\dotnet\Setup\InstalledVersions");
        for architecture in look.subkeys(&versions) {
            let names = look.value_names(&format!(r"{versions}\{architecture}\sharedfx\{name}"));
            found.extend(names.iter().filter_map(|name| Version::found(name)));
        }
    }
    any(&found, range, look)
}

pub fn software(wanted: &SoftwareWanted, look: &mut Look<'_>) -> Outcome {
    let mut met = false;
    let mut others = Vec::new();
    for view in VIEWS {
        let uninstall = format!(r"{view}\{UNINSTALL}");
        for product in look.subkeys(&uninstall) {
            let key = format!(r"{uninstall}\{product}");
            let Some(name) = look.text(&key, "DisplayName").filter(|name| wanted.name.matches(name)) else { continue };
            // Only of what bears the name is more asked, so that a plan does not rest on the versions of all that is installed.
            let version = wanted.version.is_some().then(|| look.text(&key, "DisplayVersion")).flatten();
            let publisher = wanted.publisher.is_some().then(|| look.text(&key, "Publisher")).flatten();
            let is_version = wanted.version.as_ref().is_none_or(|range| {
                version.as_deref().and_then(Version::found).is_some_and(|version| range.holds(&version))
            });
            let is_publisher = wanted
                .publisher
                .as_ref()
                .is_none_or(|pattern| publisher.as_deref().is_some_and(|publisher| pattern.matches(publisher)));
            met |= is_version && is_publisher;
            let by = publisher.map(|publisher| format!(" by {publisher}")).unwrap_or_default();
            let version = match (&wanted.version, version) {
                (None, _) => String::new(),
                (Some(_), Some(version)) => format!(" {version}"),
                (Some(_), None) => " without a version".to_owned(),
            };
            others.push(format!("{name}{version}{by}"));
        }
    }
    match wanted.presence {
        Presence::Present => look.conclude(Outcome::of(met, || list(others.into_iter()))),
        Presence::Absent => look.conclude_absence(Outcome::of(!met, || list(others.into_iter()))),
    }
}

/// Keys below which each installation of a kind has one of its own, named by its version.
const JAVA: [(&str, JavaKind); 10] = [
    (r"JavaSoft\JDK", JavaKind::Jdk),
    (r"JavaSoft\Java Development Kit", JavaKind::Jdk),
    (r"JavaSoft\JRE", JavaKind::Jre),
    (r"JavaSoft\Java Runtime Environment", JavaKind::Jre),
    (r"Eclipse Adoptium\JDK", JavaKind::Jdk),
    (r"Eclipse Adoptium\JRE", JavaKind::Jre),
    (r"Eclipse Foundation\JDK", JavaKind::Jdk),
    (r"Eclipse Foundation\JRE", JavaKind::Jre),
    (r"AdoptOpenJDK\JDK", JavaKind::Jdk),
    (r"Microsoft\JDK", JavaKind::Jdk),
];

pub fn java(kind: JavaKind, range: &VersionRange, look: &mut Look<'_>) -> Outcome {
    let mut found = Vec::new();
    for view in VIEWS {
        for (path, _) in JAVA.iter().filter(|(_, of)| kind == JavaKind::Any || kind == *of) {
            let names = look.subkeys(&format!(r"{view}\{path}"));
            found.extend(names.iter().filter_map(|name| java_version(name)));
        }
    }
    any(&found, range, look)
}

/// Up to Java 8 the number that people know is the second one.
fn java_version(text: &str) -> Option<Version> {
    let version = Version::found(text)?;
    Some(match version.numbers() {
        [1, known @ ..] if !known.is_empty() => Version::new(known),
        _ => version,
    })
}

pub fn sql_server(instance: Option<&str>, range: Option<&VersionRange>, look: &mut Look<'_>) -> Outcome {
    let mut met = false;
    let mut found = Vec::new();
    for view in VIEWS {
        let product = format!(r"{view}\Microsoft\Microsoft SQL Server");
        let names = format!(r"{product}\Instance Names\SQL");
        for name in look.value_names(&names) {
            let Some(folder) = look.text(&names, &name) else { continue };
            let version = look.version(&format!(r"{product}\{folder}\MSSQLServer\CurrentVersion"), "CurrentVersion");
            let is_instance = instance.is_none_or(|instance| upcase::eq(instance, &name));
            let is_version = range.is_none_or(|range| version.as_ref().is_some_and(|found| is_within(range, found)));
            met |= is_instance && is_version;
            found.push(match version {
                Some(version) => format!("{name} {version}"),
                None => format!("{name} of unknown version"),
            });
        }
    }
    look.conclude(Outcome::of(met, || list(found.into_iter())))
}

/// Whether an SQL Server is within a range of years, or of its own versions.
fn is_within(range: &VersionRange, version: &Version) -> bool {
    let names_years = range.bounds().all(|bound| bound.first() >= FIRST_YEAR);
    if names_years { sql_server_release(version).is_some_and(|year| range.holds(&year)) } else { range.holds(version) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_is_counted_as_people_count() {
        for (text, version) in
            [("11.0.24", "11.0.24"), ("1.8.0_391", "8.0.391"), ("1.8", "8"), ("17", "17"), ("1", "1")]
        {
            assert_eq!(java_version(text).unwrap().to_string(), version);
        }
    }

    #[test]
    fn servers_are_within_years_or_versions() {
        let is_within = |range: &str, version: &str| {
            is_within(&VersionRange::parse(range).unwrap(), &Version::found(version).unwrap())
        };
        assert!(is_within(">=2017, <=2019", "15.0.2000.5"));
        assert!(!is_within("2017", "15.0.2000.5"));
        assert!(is_within(">=15.0.2000", "15.0.2000.5"));
        assert!(!is_within(">=2017", "99.0"), "an unknown one is not taken for a late one");
    }
}
