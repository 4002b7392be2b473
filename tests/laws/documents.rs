//! Documents as YAML text that speak of a generated machine: keys that are there in another case, values that hold, differ or are missing,
//! removals, renames, exclusive sets, security, views, dependencies. What the loader refuses is left out, entry by entry.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use proptest::prelude::*;
use proptest::sample::{Index, select};

use trueup::document::{Desired, FileReader, LoadOptions, ReadError, load};
use trueup::kinds::Wanted;
use trueup::kinds::registry::WantedKey;
use trueup::model::registry_data::{
    REG_BINARY, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_NONE, REG_QWORD, REG_SZ, Reading, RegistryData, hex,
};
use trueup::model::resource::ResourceId;
use trueup::plan;

use super::generate::{Hives, KEY_NAMES, MachineSpec, VALUE_NAMES, in_case, machine, name, well_formed};

/// What documents of a law may speak of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope {
    /// `CurrentControlSet`, which an image resolves, and accounts that only some machines know: no plan is the same everywhere then.
    pub image_only: bool,
    /// Values from secrets.
    pub secrets: bool,
}

/// A machine and a document for it.
#[derive(Clone)]
pub struct Case {
    pub hives: Hives,
    /// Each entry as YAML, in the order of the document.
    pub entries: Vec<String>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}\n{:?}", self.text(), self.hives)
    }
}

impl Case {
    pub fn text(&self) -> String {
        document(&self.entries)
    }

    pub fn desired(&self) -> Desired {
        desired(&self.text()).expect("the document was checked when it was made")
    }
}

/// The whole document with these entries.
pub fn document(entries: &[String]) -> String {
    if entries.is_empty() {
        return "version: 1\n".into();
    }
    format!("version: 1\nregistry:\n{}", entries.concat())
}

struct OneFile<'t>(&'t str);

impl FileReader for OneFile<'_> {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// Loads a document of one file.
pub fn desired(text: &str) -> Option<Desired> {
    let loaded = load(&mut OneFile(text), &["server.yaml".to_owned()], &LoadOptions::default());
    loaded.ok().map(|loaded| loaded.desired)
}

/// The document as one canonical text, as a saved plan holds it.
pub fn merged(text: &str) -> String {
    let merged =
        trueup::document::merged_text(&mut OneFile(text), &["server.yaml".to_owned()], &LoadOptions::default());
    merged.expect("the document was checked when it was made")
}

pub fn wanted_keys(desired: &Desired) -> Vec<&WantedKey> {
    desired
        .entries
        .iter()
        .map(|entry| match &entry.wanted {
            Wanted::RegistryKey(key) => key,
            _ => unreachable!("these documents speak of the registry"),
        })
        .collect()
}

/// A key that the document names: one that is there, or one some levels below it.
#[derive(Clone, Debug)]
struct Pick {
    above: Index,
    below: Vec<String>,
    case: u8,
}

#[derive(Clone, Debug)]
struct ValueSpec {
    /// One of the values found, or else the name given.
    found: Option<Index>,
    name: String,
    case: u8,
    want: Want,
}

#[derive(Clone, Debug)]
enum Want {
    /// What is there.
    Same,
    /// What is there, under another type.
    OtherType,
    /// Other data of the type that is there.
    OtherData,
    Absent,
    Data(RegistryData),
    /// A secret, of the type that is there where that is a text.
    Secret,
}

#[derive(Clone, Debug)]
struct EntrySpec {
    key: Pick,
    absent: bool,
    long_root: bool,
    view: Option<u8>,
    values: Vec<ValueSpec>,
    exclusive: bool,
    exclusive_keys: bool,
    report_unmanaged: bool,
    renamed_from: Option<Pick>,
    security: Option<(usize, bool)>,
    range: Option<(String, u64)>,
    depends_on: Option<(Index, u8)>,
    reboot: bool,
}

/// What a document can say of a key's security; the last ones name an account that few machines know.
const SECURITY: [&str; 9] = [
    "{ grant: [{ to: 'BUILTIN\\Users', rights: read }] }",
    "{ grant: [{ to: 'S-1-5-32-545', rights: full, inherit: false }, { to: Everyone, rights: read }] }",
    "{ owner: 'BUILTIN\\Administrators' }",
    "{ owner: 'NT AUTHORITY\\SYSTEM', grant: [{ to: 'BUILTIN\\Administrators', rights: full }], exclusive: true }",
    "{ grant: [{ to: 'BUILTIN\\Guests', rights: '0x20006' }] }",
    "{ sddl: 'O:BAG:SYD:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)' }",
    "{ sddl: 'D:(A;CI;KA;;;BA)' }",
    "{ owner: 'NOBODY\\knows' }",
    "{ grant: [{ to: 'nobody knows', rights: read }] }",
];
const KNOWN_SECURITY: usize = 7;

fn pick() -> impl Strategy<Value = Pick> + Clone {
    let below = prop_oneof![
        4 => Just(Vec::new()),
        3 => proptest::collection::vec(name(&KEY_NAMES), 1),
        1 => proptest::collection::vec(name(&KEY_NAMES), 2..4),
    ];
    (any::<Index>(), below, 0..4_u8).prop_map(|(above, below, case)| Pick { above, below, case })
}

fn value() -> impl Strategy<Value = ValueSpec> + Clone {
    let want = prop_oneof![
        3 => Just(Want::Same),
        1 => Just(Want::OtherType),
        2 => Just(Want::Absent),
        4 => well_formed().prop_map(Want::Data),
        2 => Just(Want::OtherData),
        1 => Just(Want::Secret),
    ];
    let found = proptest::option::weighted(0.8, any::<Index>());
    (found, name(&VALUE_NAMES), 0..4_u8, want).prop_map(|(found, name, case, want)| ValueSpec {
        found,
        name,
        case,
        want,
    })
}

fn entry() -> impl Strategy<Value = EntrySpec> + Clone {
    let first =
        (pick(), prop::bool::weighted(0.15), any::<bool>(), proptest::option::weighted(0.15, select(vec![32, 64])));
    let flags =
        (prop::bool::weighted(0.3), prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let rest = (
        proptest::option::weighted(0.2, pick()),
        proptest::option::weighted(0.25, (0..SECURITY.len(), any::<bool>())),
        proptest::option::weighted(0.2, (name(&VALUE_NAMES), 0..5_u64)),
        proptest::option::weighted(0.2, (any::<Index>(), 0..4_u8)),
    );
    (first, flags, rest, proptest::collection::vec(value(), 0..5)).prop_map(|(first, flags, rest, values)| {
        let (key, absent, long_root, view) = first;
        let (exclusive, exclusive_keys, report_unmanaged, reboot) = flags;
        let (renamed_from, security, range, depends_on) = rest;
        EntrySpec {
            key,
            absent,
            long_root,
            view,
            values,
            exclusive,
            exclusive_keys,
            report_unmanaged,
            renamed_from,
            security,
            range,
            depends_on,
            reboot,
        }
    })
}

/// A machine with a document that the loader takes and that has an order.
pub fn case(scope: Scope) -> impl Strategy<Value = Case> + Clone {
    (machine(), proptest::collection::vec(entry(), 1..6), any::<bool>())
        .prop_map(move |(machine, entries, classes)| make(&machine, &entries, classes, scope))
}

/// A machine with two documents for it.
pub fn two_cases(scope: Scope) -> impl Strategy<Value = (Case, Case)> + Clone {
    let entries = || proptest::collection::vec(entry(), 1..5);
    (machine(), entries(), entries(), any::<bool>()).prop_map(move |(machine, first, second, classes)| {
        (make(&machine, &first, classes, scope), make(&machine, &second, classes, scope))
    })
}

fn make(machine: &MachineSpec, specs: &[EntrySpec], classes: bool, scope: Scope) -> Case {
    let hives = machine.hives();
    let mut entries: Vec<String> = Vec::new();
    for spec in specs {
        let addresses = addresses(&entries);
        let writer = Writer { hives: &hives, classes, scope, addresses: &addresses };
        // An entry that cannot stand beside the others is tried again with less in it.
        let bare = EntrySpec { depends_on: None, renamed_from: None, range: None, view: None, ..spec.clone() };
        for spec in [spec, &EntrySpec { depends_on: None, ..spec.clone() }, &bare] {
            entries.push(writer.entry(spec));
            let stands = desired(&document(&entries)).is_some_and(|desired| plan::order(&desired.entries).is_ok());
            if stands {
                break;
            }
            entries.pop();
        }
    }
    Case { hives, entries }
}

fn addresses(entries: &[String]) -> Vec<String> {
    let Some(desired) = desired(&document(entries)) else { return Vec::new() };
    let resources = desired.entries.iter().flat_map(|entry| entry.wanted.kind().resources());
    resources.map(|(id, _)| id.to_string()).collect()
}

struct Writer<'a> {
    hives: &'a Hives,
    /// Classes are named as `HKCR`.
    classes: bool,
    scope: Scope,
    addresses: &'a [String],
}

impl Writer<'_> {
    fn entry(&self, spec: &EntrySpec) -> String {
        let (path, found) = self.path(&spec.key, spec.absent || spec.renamed_from.is_some());
        let mut out = format!("  {}:\n", quote(&self.spell(&path, spec)));
        let mut field = |name: &str, value: &str| {
            let _ = writeln!(out, "    {name}: {value}");
        };
        if let Some(view) = spec.view {
            field("view", &view.to_string());
        }
        if let Some((index, case)) = &spec.depends_on
            && !self.addresses.is_empty()
        {
            let address = in_address_case(&self.addresses[index.index(self.addresses.len())], *case);
            field("depends_on", &format!("[{}]", quote(&address)));
        }
        if spec.reboot {
            field("on_change", "{ reboot: true }");
        }
        if spec.absent {
            field("ensure", "absent");
            return out;
        }
        for (name, set) in [
            ("exclusive", spec.exclusive),
            ("exclusive_keys", spec.exclusive_keys),
            ("report_unmanaged", spec.report_unmanaged),
        ] {
            if set {
                field(name, "true");
            }
        }
        if let Some(from) = spec.renamed_from.as_ref().and_then(|from| self.former(from, &path)) {
            field("renamed_from", &quote(&self.spell(&from, spec)));
        }
        if let Some((security, _)) = spec.security {
            let known = if self.scope.image_only { SECURITY.len() } else { KNOWN_SECURITY };
            field("security", SECURITY[security % known]);
        }
        if let Some((name, least)) = &spec.range {
            let numbers = found
                .into_iter()
                .flat_map(|key| &key.values)
                .filter(|value| !spec.values.iter().any(|spec| trueup::formats::upcase::eq(&spec.name, &value.name)));
            let name = numbers.map(|value| &*value.name).next().unwrap_or(name);
            let name = if name.is_empty() { "(default)" } else { name };
            field("range", &format!("{{ {}: [{least}, 4000000000] }}", quote(name)));
        }
        let values = self.values(spec, found);
        if !values.is_empty() {
            out.push_str("    values:\n");
            for (name, text) in values.values() {
                let name = if name.is_empty() { "(default)" } else { name };
                let _ = writeln!(out, "      {}: {text}", quote(name));
            }
        }
        if out.lines().count() == 1 {
            out.truncate(out.trim_end().len());
            out.push_str(" {}\n");
        }
        out
    }

    /// The path of a pick and, when it is there, the key. Hives' roots are not to be moved or removed.
    fn path(&self, pick: &Pick, below_roots: bool) -> (String, Option<&trueup::model::fact::KeyTree>) {
        let keys = self.hives.keys();
        let keys: Vec<_> = keys.into_iter().filter(|(path, _)| is_open(path)).collect();
        let (path, tree) = &keys[pick.above.index(keys.len())];
        let mut path = path.clone();
        let mut found = Some(*tree);
        let mut below = pick.below.clone();
        if below_roots && below.is_empty() && is_place(&path) {
            below.push("Vendor".into());
        }
        for name in &below {
            let _ = write!(path, "\\{name}");
            let folded = trueup::formats::upcase::fold(name);
            found = found
                .and_then(|tree| tree.subkeys.iter().find(|key| trueup::formats::upcase::fold(&key.name) == folded));
        }
        let head = path.find('\\').unwrap_or(path.len());
        (format!("{}{}", &path[..head], in_case(&path[head..], pick.case)), found)
    }

    /// A place in the same hive, most often of a key that is there.
    fn former(&self, pick: &Pick, path: &str) -> Option<String> {
        let hive = |path: &str| path.match_indices('\\').nth(1).map_or(path.len(), |(at, _)| at);
        let keys = self.hives.keys();
        let is_near = |other: &str| other[..hive(other)] == path[..hive(path)] && is_open(other) && !is_place(other);
        let near: Vec<String> = keys.into_iter().map(|(path, _)| path).filter(|path| is_near(path)).collect();
        if near.is_empty() {
            return None;
        }
        let mut from = in_case(&near[pick.above.index(near.len())], 1 + pick.case % 2);
        if let [_, _, name] | [_, name] = pick.below.as_slice() {
            let _ = write!(from, "\\{name}");
        }
        Some(from)
    }

    /// The path as the document writes it.
    fn spell(&self, path: &str, spec: &EntrySpec) -> String {
        let strip = |prefix: &str| {
            let head = path.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
            path.get(head.len()..).filter(|rest| rest.starts_with('\\'))
        };
        let mut spelled = path.to_owned();
        if self.scope.image_only
            && let Some(rest) = strip(r"HKLM\SYSTEM\ControlSet001")
        {
            spelled = format!(r"HKLM\SYSTEM\CurrentControlSet{rest}");
        }
        if self.classes
            && let Some(rest) = strip(r"HKLM\SOFTWARE\Classes")
        {
            spelled = format!("HKCR{rest}");
        }
        if spec.view == Some(32)
            && let Some(rest) = strip(r"HKLM\SOFTWARE\Wow6432Node")
        {
            spelled = format!(r"HKLM\SOFTWARE{rest}");
        }
        if spec.long_root {
            let roots = [("HKLM", "HKEY_LOCAL_MACHINE"), ("HKCR", "hkey_classes_root"), ("HKU", "HKEY_USERS")];
            for (short, long) in roots {
                if let Some(rest) = spelled.strip_prefix(short) {
                    return format!("{long}{rest}");
                }
            }
        }
        spelled
    }

    /// The values by folded name.
    fn values(
        &self,
        spec: &EntrySpec,
        found: Option<&trueup::model::fact::KeyTree>,
    ) -> BTreeMap<String, (String, String)> {
        let mut out = BTreeMap::new();
        let values = found.map(|key| key.values.as_slice()).unwrap_or_default();
        for value in &spec.values {
            let there = value.found.as_ref().filter(|_| !values.is_empty()).map(|index| index.get(values));
            let name = there.map_or(value.name.as_str(), |there| &there.name);
            let there = there.and_then(|there| there.data.plain());
            let text = match (&value.want, there) {
                (Want::Same, Some(data)) => express(data),
                (Want::OtherType, Some(data)) => other_type(data),
                (Want::Absent, _) => Some("absent".to_owned()),
                (Want::OtherData, Some(data)) => other_data(data),
                (Want::Data(data), _) => express(data),
                (Want::Secret, Some(RegistryData { value_type: REG_EXPAND_SZ, .. })) if self.scope.secrets => {
                    Some("{ expand: { env: ONE } }".into())
                }
                (Want::Secret, _) if self.scope.secrets => Some("{ sz: { env: TWO } }".into()),
                (Want::Same | Want::OtherType | Want::OtherData | Want::Secret, _) => Some("7".to_owned()),
            };
            let Some(text) = text else { continue };
            out.insert(trueup::formats::upcase::fold(name), (in_case(name, value.case), text));
        }
        out
    }
}

/// Whether documents speak of the key: not of those without which an image is no machine.
fn is_open(path: &str) -> bool {
    ![r"HKLM\SYSTEM", r"HKLM\SYSTEM\Select", r"HKLM\SYSTEM\ControlSet001"].contains(&path)
        && !path.contains("\\Microsoft")
}

/// Whether the key is one that every machine has.
fn is_place(path: &str) -> bool {
    [
        r"HKLM\SYSTEM\ControlSet001\Services",
        r"HKLM\SOFTWARE",
        r"HKLM\SOFTWARE\Classes",
        r"HKLM\SOFTWARE\Wow6432Node",
        r"HKU\.DEFAULT",
    ]
    .contains(&path)
}

/// Another spelling of an address: its registry path in another case.
fn in_address_case(address: &str, case: u8) -> String {
    let id = ResourceId::parse(address).expect("it was printed");
    let head = id.name().find('\\').unwrap_or(id.name().len());
    let entry = ResourceId::new(id.section(), format!("{}{}", &id.name()[..head], in_case(&id.name()[head..], case)));
    match id.part() {
        Some(part) if case != 1 => ResourceId::part_of(&entry, &in_case(part, case)).to_string(),
        _ => entry.to_string(),
    }
}

/// A text in YAML's double quotes, without variables.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.replace("${", "$${").chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}') => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Data as a document writes them, where it can.
pub fn express(data: &RegistryData) -> Option<String> {
    Some(match (data.value_type, data.reading()) {
        (REG_SZ, Reading::Text(text)) => quote(&text),
        (REG_EXPAND_SZ, Reading::Text(text)) => format!("{{ expand: {} }}", quote(&text)),
        (REG_DWORD, Reading::Number(number)) if number % 2 == 0 => number.to_string(),
        (REG_DWORD, Reading::Number(number)) => format!("{{ dword: {number:#x} }}"),
        (REG_QWORD, Reading::Number(number)) => format!("{{ qword: {number} }}"),
        (REG_MULTI_SZ, Reading::Texts(texts)) => {
            format!("[{}]", texts.iter().map(|text| quote(text)).collect::<Vec<_>>().join(", "))
        }
        (REG_BINARY, Reading::Bytes(bytes)) => format!("{{ binary: \"{}\" }}", hex(bytes)),
        (REG_NONE, Reading::Bytes([])) => "{ none: null }".into(),
        (REG_NONE, Reading::Bytes(bytes)) => format!("{{ none: \"{}\" }}", hex(bytes)),
        _ => return None,
    })
}

/// Other data of the same type; well formed, where that was not.
fn other_data(data: &RegistryData) -> Option<String> {
    express(&match data.value_type {
        REG_DWORD => RegistryData::dword(data.number().map_or(1, |number| !(number as u32))),
        REG_QWORD => RegistryData::qword(data.number().map_or(1, |number| !number)),
        REG_MULTI_SZ => RegistryData::multi(&["other"]),
        REG_SZ | REG_EXPAND_SZ => RegistryData::text(data.value_type, "other"),
        other => RegistryData::new(other, [&*data.bytes, &[1]].concat()),
    })
}

/// The same bytes or the same text under another type.
fn other_type(data: &RegistryData) -> Option<String> {
    let other = match (data.value_type, data.reading()) {
        (REG_SZ, _) => REG_EXPAND_SZ,
        (REG_EXPAND_SZ, _) => REG_SZ,
        (REG_BINARY, _) => REG_NONE,
        _ => REG_BINARY,
    };
    express(&RegistryData::new(other, data.bytes.clone()))
}
