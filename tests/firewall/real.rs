//! Every rule of a real Windows 10: read, printed as it was, and understood; what is written is what Windows wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use trueup::formats::firewall::{Action, Aspect, FieldText, LOCAL_RULES, Profile, Profiles, Rule, RuleText};
use trueup::formats::regf::{Hive, Key};

use super::oracle;

/// A hive's rules, by path of the key and name of the value.
type Rules = BTreeMap<(String, String), String>;

const RULE_KEYS: [&str; 4] = [
    "FirewallRules",
    r"RestrictedServices\AppIso\FirewallRules",
    r"RestrictedServices\Static\System",
    r"RestrictedServices\Configurable\System",
];

/// Unpacks a fixture; none, and a line that says so, when it isn't there.
fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/hives").join(format!("{name}.xz"));
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let output = Command::new("xz").arg("-dc").arg(&path).output().expect("xz runs");
    assert!(output.status.success(), "xz unpacks {}", path.display());
    Some(output.stdout)
}

fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).expect("it is UTF-16").trim_end_matches('\0').to_owned()
}

/// All rules of the real hive; none, loudly, when it isn't at hand.
pub fn rules() -> Option<Rules> {
    let bytes = fixture("SYSTEM_WIN_10_1709")?;
    let hive = Hive::open_dirty(&bytes[..]).expect("the hive opens");
    let mut found = Rules::new();
    for path in RULE_KEYS {
        let key = key(&hive, path);
        for value in key.values() {
            let value = value.expect("the value is readable");
            let name = value.name().text.into_owned();
            if value.value_type() == 1 {
                found.insert((path.to_owned(), name), text(&value.data().expect("the data is readable")));
            }
        }
    }
    Some(found)
}

fn key<'h>(hive: &'h Hive<&[u8]>, below: &str) -> Key<'h> {
    let policy = LOCAL_RULES.strip_prefix(r"HKLM\SYSTEM\CurrentControlSet\").unwrap();
    let policy = policy.strip_suffix("FirewallRules").unwrap();
    let path = format!(r"ControlSet001\{policy}{below}");
    let names: Vec<&str> = path.split('\\').collect();
    hive.key(&names).expect("the path is readable").unwrap_or_else(|| panic!("{path} is there"))
}

fn parsed() -> Option<Vec<(String, RuleText, Rule)>> {
    let read = |((_, id), data): ((String, String), String)| {
        let text = RuleText::parse(&data).unwrap_or_else(|error| panic!("{id}: {error}\n{data}"));
        let rule = Rule::from_text(&text).unwrap_or_else(|error| panic!("{id}: {error:?}\n{data}"));
        (data, text, rule)
    };
    Some(rules()?.into_iter().map(read).collect())
}

#[test]
fn each_is_understood_and_printed_as_it_was() {
    let Some(rules) = parsed() else { return };
    assert_eq!(rules.len(), 1064);
    let mut unknown = BTreeSet::new();
    for (data, text, rule) in &rules {
        assert_eq!(text.to_string(), *data);
        assert_eq!(text.with(rule), *text);
        assert_eq!(Rule::from_text(&rule.to_text(text.version())).as_ref(), Ok(rule), "{data}");
        unknown.extend(text.unknown_fields().map(|field| field.name().to_owned()));
    }
    let expected = "AppPkgId LOM LUAuth LUOwn Platform Platform2 Security TTK TTK2_22 TTK2_27 TTK2_28";
    assert_eq!(unknown.into_iter().collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn the_oracle_reads_the_same() {
    let Some(rules) = rules() else { return };
    oracle::agree(&rules.into_values().collect::<Vec<_>>());
}

/// The order and the spelling of Windows: what is made anew is what was there, but for three sorts of rules.
#[test]
fn what_is_written_anew_is_what_windows_wrote() {
    let Some(rules) = rules() else { return };
    let (mut same, mut others) = (0, Vec::new());
    for ((path, _), data) in &rules {
        let text = RuleText::parse(data).unwrap();
        if path != "FirewallRules" || text.unknown_fields().next().is_some() {
            continue;
        }
        let anew = Rule::from_text(&text).unwrap().to_text(text.version()).to_string();
        let names_all_profiles = data.contains("Profile=Domain|Profile=Private|Profile=Public|");
        if anew == *data {
            same += 1;
        } else if names_all_profiles {
            assert_eq!(anew, data.replace("Profile=Domain|Profile=Private|Profile=Public|", ""));
        } else {
            others.push((data, anew));
        }
    }
    // These seven have words before addresses, or ports in a row one by one.
    for (data, anew) in &others {
        assert_ne!(RuleText::parse(data).unwrap().fields(), RuleText::parse(anew).unwrap().fields());
        assert_eq!(oracle::ours(data)["rule"], oracle::ours(anew)["rule"], "{data}\n{anew}");
    }
    assert_eq!((same, others.len()), (358, 7));
}

/// A change of one thing leaves every field of the others as it is and where it is.
#[test]
fn a_change_touches_nothing_else() {
    let Some(rules) = parsed() else { return };
    let name = FieldText::new("Ein anderer Name").unwrap();
    for (data, text, rule) in &rules {
        let changed = [
            (Aspect::Name, Rule { name: Some(name.clone()), ..rule.clone() }),
            (Aspect::Action, Rule { action: Action::Bypass, ..rule.clone() }),
            (Aspect::Active, Rule { active: !rule.active, ..rule.clone() }),
            (Aspect::Group, Rule { group: None, ..rule.clone() }),
            (Aspect::Profiles, Rule { profiles: Profiles::from_iter([Profile::Public]), ..rule.clone() }),
        ];
        for (aspect, changed) in changed {
            let written = text.with(&changed);
            assert_eq!(Rule::from_text(&written).as_ref(), Ok(&changed), "{data}");
            let own = match aspect {
                Aspect::Name => "Name",
                Aspect::Action => "Action",
                Aspect::Active => "Active",
                Aspect::Group => "EmbedCtxt",
                _ => "Profile",
            };
            let others = |text: &RuleText| -> Vec<_> {
                text.fields().iter().filter(|field| !field.is_named(own)).cloned().collect()
            };
            assert_eq!(others(&written), others(text), "{data}\n{written}");
            let differing: Vec<_> = rule.differences(&changed).into_iter().map(|each| each.field).collect();
            assert_eq!(differing, if *rule == changed { vec![] } else { vec![aspect] }, "{data}");
        }
    }
}
