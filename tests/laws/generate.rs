//! Machines as trees of keys: names, data and security of all the kinds that a real registry holds, damaged ones included.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::{Index, select};

use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::formats::upcase;
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::registry_data::{
    REG_DWORD, REG_DWORD_BIG_ENDIAN, REG_EXPAND_SZ, REG_MULTI_SZ, REG_QWORD, REG_SZ, RegistryData,
};
use trueup::model::time::FileTime;

/// The names that keys have; few, so that documents meet them often.
pub const KEY_NAMES: [&str; 16] = [
    "Vendor",
    "App",
    "Größe",
    "straße",
    "µ Unit",
    "Ä b c",
    "😀 key",
    "AES 128/128",
    "x.y[0]\"q\"",
    "it's ${not} a #variable: x",
    "CLSID",
    " lead and trail ",
    "zero\u{200B}width",
    "ﬁ ΣΑΣ ςσ",
    "Old",
    "New",
];

/// The names that values have; the empty one is the default value's.
pub const VALUE_NAMES: [&str; 14] = [
    "",
    "Level",
    "Path",
    "Größe",
    "µ",
    "😀",
    "a b",
    "C:\\Program Files\\Vendor\\",
    "say \"hi\"",
    "back\\\"slash",
    "with/slash",
    "${not.a.variable}",
    "tab\there",
    "(default) not",
];

pub const TEXTS: [&str; 8] =
    ["", "text", "Grüße, Welt", "%SystemRoot%\\x", "😀", "1", "absent", "${x} \"q\" \\ 'a'\n\ttail "];

/// Descriptors with and without inheritable entries, inherited ones, denials, a SACL, and none at all.
pub static SECURITY: LazyLock<Vec<Arc<[u8]>>> = LazyLock::new(|| {
    let mut all: Vec<Arc<[u8]>> = [
        "O:BAG:SYD:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)",
        "O:SYG:SYD:(A;;KA;;;BA)",
        "O:BAG:SYD:(A;CIIO;GA;;;CO)(A;CI;KR;;;BU)(A;CI;KA;;;SY)",
        "O:BAG:BAD:AI(A;CIID;KR;;;WD)(A;ID;KA;;;SY)",
        "O:SYG:SYD:(D;CI;KW;;;BG)(A;CI;KA;;;BA)(A;CINP;KR;;;AU)",
        "O:BAG:SYD:(A;CI;KA;;;BA)S:(AU;CISAFA;KA;;;WD)",
        "O:BAG:SYD:NO_ACCESS_CONTROL",
    ]
    .into_iter()
    .map(|sddl| sddl.parse::<SecurityDescriptor>().expect("it is SDDL").to_bytes().expect("it fits").into())
    .collect();
    // Another layout of the bytes: the list before the owner.
    let system = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    let mut bytes = vec![1, 0, 4, 0x80, 48, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0];
    bytes.extend([2, 0, 28, 0, 1, 0, 0, 0, 0, 2, 20, 0, 0x3F, 0, 0xF, 0]);
    bytes.extend(system);
    bytes.extend(system);
    bytes.extend(system);
    all.push(bytes.into());
    all
});

/// A key with all below it, before names that are equal without case are dropped.
#[derive(Clone, Debug)]
pub struct KeySpec {
    name: String,
    time: u64,
    security: usize,
    class: Option<&'static str>,
    link: bool,
    values: Vec<(String, RegistryData)>,
    subkeys: Vec<KeySpec>,
}

/// What a machine's registry holds beside what every machine holds.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    /// Below `HKLM\SYSTEM\ControlSet001\Services`.
    services: Vec<KeySpec>,
    /// Below `HKLM\SOFTWARE`.
    software: Vec<KeySpec>,
    /// Below `HKLM\SOFTWARE\Classes`.
    classes: Vec<KeySpec>,
    /// Below `HKLM\SOFTWARE\Wow6432Node`.
    wow: Vec<KeySpec>,
    /// Below `HKU\.DEFAULT`.
    user: Vec<KeySpec>,
}

/// A machine's three hives: the key each hangs at, and its tree.
#[derive(Clone)]
pub struct Hives(pub Vec<(&'static str, KeyTree)>);

pub fn text_of(value_type: u32) -> impl Strategy<Value = RegistryData> + Clone {
    select(&TEXTS[..]).prop_map(move |text| RegistryData::text(value_type, text))
}

/// Data that a document can ask for.
pub fn well_formed() -> impl Strategy<Value = RegistryData> + Clone {
    prop_oneof![
        3 => text_of(REG_SZ),
        1 => text_of(REG_EXPAND_SZ),
        3 => prop_oneof![0..4_u32, any::<u32>()].prop_map(RegistryData::dword),
        1 => any::<u64>().prop_map(RegistryData::qword),
        1 => proptest::collection::vec(select(&TEXTS[1..]), 0..3).prop_map(|texts| RegistryData::multi(&texts)),
        1 => proptest::collection::vec(any::<u8>(), 0..9).prop_map(RegistryData::binary),
        1 => proptest::collection::vec(any::<u8>(), 0..5).prop_map(RegistryData::none),
    ]
}

/// Data as found, well formed or not.
fn found() -> impl Strategy<Value = RegistryData> + Clone {
    let damaged = select(vec![
        RegistryData::new(REG_SZ, [b'o', 0, b'd']),
        RegistryData::new(REG_SZ, [b'n', 0, b'o', 0]),
        RegistryData::new(REG_SZ, [b'a', 0, 0, 0, b'b', 0, 0, 0]),
        RegistryData::new(REG_SZ, []),
        RegistryData::new(REG_SZ, [0, 0xD8, 0, 0]),
        RegistryData::new(REG_EXPAND_SZ, [1]),
        RegistryData::new(REG_MULTI_SZ, [b'a', 0, 0, 0]),
        RegistryData::new(REG_MULTI_SZ, [0, 0, b'a', 0, 0, 0, 0, 0]),
        RegistryData::new(REG_DWORD, [1, 2, 3]),
        RegistryData::new(REG_DWORD, [1, 0, 0, 0, 0]),
        RegistryData::new(REG_QWORD, [1, 0, 0, 0]),
        RegistryData::new(REG_DWORD_BIG_ENDIAN, [0, 0, 0, 1]),
        RegistryData::new(0x1234_5678, [1, 2, 3, 4, 5, 6, 7, 8]),
        RegistryData::new(8, []),
    ]);
    let long = (16_300..40_000_usize, any::<u8>())
        .prop_map(|(length, first)| (0..length).map(|at| first.wrapping_add((at / 251) as u8)).collect::<Vec<u8>>())
        .prop_map(RegistryData::binary);
    prop_oneof![
        24 => well_formed(),
        8 => damaged,
        1 => long,
    ]
}

/// A name from a list, sometimes in another case.
pub fn name(names: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    (select(names), 0..4_u8).prop_map(|(name, case)| in_case(name, case))
}

/// The name in one of four spellings that Windows takes for equal.
pub fn in_case(name: &str, case: u8) -> String {
    match case {
        2 => upcase::fold(name),
        3 => lower(name),
        _ => name.to_owned(),
    }
}

fn lower(name: &str) -> String {
    let lower = |c: char| {
        let small = c.to_lowercase().next().unwrap_or(c);
        if upcase::fold(&small.to_string()) == upcase::fold(&c.to_string()) { small } else { c }
    };
    name.chars().map(lower).collect()
}

fn key_spec() -> impl Strategy<Value = KeySpec> + Clone {
    let own = || {
        (
            prop_oneof![20 => name(&KEY_NAMES), 1 => Just("n".repeat(255))],
            (0..1_000_000_u64, any::<Index>()),
            prop_oneof![4 => Just(None), 1 => select(vec![Some("Class"), Some("Klaße 😀")])],
            prop::bool::weighted(0.04),
            proptest::collection::vec((name(&VALUE_NAMES), found()), 0..6),
        )
    };
    let make = |(name, (time, security), class, link, values): (String, (u64, Index), _, bool, Vec<_>), subkeys| {
        // A link holds its target and nothing below it.
        let subkeys = if link { Vec::new() } else { subkeys };
        KeySpec { name, time, security: security.index(SECURITY.len()), class, link, values, subkeys }
    };
    let leaf = own().prop_map(move |own| make(own, Vec::new()));
    leaf.prop_recursive(3, 10, 3, move |below| {
        (own(), proptest::collection::vec(below, 0..3)).prop_map(move |(own, below)| make(own, below))
    })
}

pub fn machine() -> impl Strategy<Value = MachineSpec> + Clone {
    let keys = |most| proptest::collection::vec(key_spec(), 0..most);
    (keys(2), keys(4), keys(2), keys(2), keys(2)).prop_map(|(services, software, classes, wow, user)| MachineSpec {
        services,
        software,
        classes,
        wow,
        user,
    })
}

/// The time of keys that the generator does not choose.
const MADE: u64 = 0x01D9_0000_0000_0000;

fn plain(name: &str, values: Vec<(String, RegistryData)>, subkeys: Vec<KeySpec>) -> KeySpec {
    KeySpec { name: name.into(), time: 7, security: 0, class: None, link: false, values, subkeys }
}

impl KeySpec {
    fn tree(&self) -> KeyTree {
        let mut names = BTreeSet::new();
        let mut values: Vec<ValueFact> = self
            .values
            .iter()
            .filter(|(name, _)| names.insert(upcase::fold(name)))
            .map(|(name, data)| ValueFact::new(name.as_str().into(), Stored::Plain(data.clone())))
            .collect();
        values.sort_by_cached_key(|value| upcase::fold(&value.name));
        let mut names = BTreeSet::new();
        let distinct = self.subkeys.iter().filter(|key| names.insert(upcase::fold(&key.name)));
        let mut subkeys: Vec<KeyTree> = distinct.map(Self::tree).collect();
        subkeys.sort_by_cached_key(|key| upcase::fold(&key.name));
        KeyTree {
            name: self.name.as_str().into(),
            last_written: FileTime(MADE + self.time),
            link: self.link,
            security: Arc::clone(&SECURITY[self.security]),
            class: self.class.map(str::to_owned),
            values,
            subkeys,
        }
    }
}

/// A machine that holds nothing but what every machine holds.
pub fn bare() -> MachineSpec {
    let none = Vec::new;
    MachineSpec { services: none(), software: none(), classes: none(), wow: none(), user: none() }
}

impl MachineSpec {
    pub fn hives(&self) -> Hives {
        let dword = |name: &str, number| (name.to_owned(), RegistryData::dword(number));
        let sz = |name: &str, text| (name.to_owned(), RegistryData::sz(text));
        let select = plain("Select", vec![dword("Current", 1), dword("Default", 1)], Vec::new());
        let services = plain("Services", Vec::new(), self.services.clone());
        let system = plain("SYSTEM", Vec::new(), vec![select, plain("ControlSet001", Vec::new(), vec![services])]);
        let version = vec![sz("ProductName", "Windows Server"), sz("CurrentBuildNumber", "20348")];
        let version = plain("Windows NT", Vec::new(), vec![plain("CurrentVersion", version, Vec::new())]);
        let mut software = vec![
            plain("Classes", Vec::new(), self.classes.clone()),
            plain("Wow6432Node", Vec::new(), self.wow.clone()),
            plain("Microsoft", Vec::new(), vec![version]),
        ];
        software.extend(self.software.iter().cloned());
        let software = plain("SOFTWARE", Vec::new(), software);
        let user = plain(".DEFAULT", Vec::new(), self.user.clone());
        Hives(vec![
            (r"HKLM\SYSTEM", system.tree()),
            (r"HKLM\SOFTWARE", software.tree()),
            (r"HKU\.DEFAULT", user.tree()),
        ])
    }
}

impl Hives {
    /// All keys by path, the hives' own roots included, with their values.
    pub fn keys(&self) -> Vec<(String, &KeyTree)> {
        fn add<'t>(path: String, tree: &'t KeyTree, out: &mut Vec<(String, &'t KeyTree)>) {
            for subkey in &tree.subkeys {
                add(format!("{path}\\{}", subkey.name), subkey, out);
            }
            out.push((path, tree));
        }
        let mut out = Vec::new();
        for (key, tree) in &self.0 {
            add((*key).to_owned(), tree, &mut out);
        }
        out
    }
}

impl fmt::Debug for Hives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, key) in self.keys() {
            let security = SECURITY.iter().position(|one| *one == key.security);
            let link = if key.link { " link" } else { "" };
            writeln!(f, "{path:?} {} security {security:?}{link} {:?}", key.last_written.0 - MADE, key.class)?;
            for value in &key.values {
                writeln!(f, "    {:?} = {}", value.name, value.data)?;
            }
        }
        Ok(())
    }
}
