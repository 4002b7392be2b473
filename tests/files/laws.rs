//! The laws over generated files and documents: what is applied stays, nothing else changes, a run is taken back exactly, and every
//! machine gives the same plan.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use trueup::report::json;

use super::world::{Bed, Local, applied, desired, last_run, loaded, path, plan, snapshot, taken_back, told, try_apply};

const HOSTS: &str = r"%SystemRoot%\System32\drivers\etc\hosts";
const BYSTANDER: &str = r"C:\v\bystander.ini";

/// A machine's files, and the entries of a document that speaks of them.
#[derive(Clone, Debug)]
struct Case {
    files: Vec<(&'static str, Vec<u8>)>,
    entries: Vec<String>,
    hosts: Vec<String>,
}

impl Case {
    fn text(&self) -> String {
        let mut out = String::new();
        for (section, entries) in [("files", &self.entries), ("hosts", &self.hosts)] {
            if !entries.is_empty() {
                let _ = writeln!(out, "{section}:\n{}", entries.join("\n"));
            }
        }
        if out.is_empty() { "files: {}".to_owned() } else { out }
    }
}

/// What a file may hold, good and bad.
fn content(of: &'static str) -> BoxedStrategy<Vec<u8>> {
    let ini = r"(;x\r?\n|\[[ab]\]\r?\n|[kl] ?= ?[12x]?\r?\n|\r\n){0,8}";
    let json = prop::sample::select(vec![
        "{}",
        "{\"k\":1}",
        "{ \"a\": {\"k\": \"1\"}, // x\n \"l\": [1,2], }",
        "[1]",
        "{",
        "",
    ]);
    let xml = prop::sample::select(vec![
        "<a/>",
        "<a><k v='1'/></a>",
        "<a>\n  <k>1</k>\n</a>\n",
        "<a><k/><k/></a>",
        "<a>",
        "",
    ]);
    match of {
        "json" => json.prop_map(|text| text.as_bytes().to_vec()).boxed(),
        "config" => xml.prop_map(|text| text.as_bytes().to_vec()).boxed(),
        "properties" => r"(#x\n|[kl] ?[=:] ?[12x\\]?\n){0,6}".prop_map(String::into_bytes).boxed(),
        "hosts" => {
            r"(# x\r\n|10\.0\.0\.[1-3]( [ab]){0,2}( # r)?\r\n|::1 a\r\n){0,5}".prop_map(String::into_bytes).boxed()
        }
        "ini" => (ini, any::<bool>())
            .prop_map(|(text, wide)| match wide {
                true => [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
                false => text.into_bytes(),
            })
            .boxed(),
        _ => prop::collection::vec(any::<u8>(), 0..6).boxed(),
    }
}

const PLACES: [(&str, &str); 6] = [
    (r"C:\v\a.ini", "ini"),
    (r"C:\v\b.json", "json"),
    (r"C:\v\c.config", "config"),
    (r"C:\v\d.properties", "properties"),
    (r"C:\v\e.bin", "bin"),
    (r"C:\v\deep\er\f.ini", "ini"),
];

/// The values that an entry may set in a file of a sort.
fn values(of: &'static str) -> BoxedStrategy<String> {
    let selectors: &[&str] = match of {
        "json" => &["json: /k", "json: /a/k", "json: /l/1", "json: /l/2", "json: ''"],
        "config" => &["xml: /a/k/@v", "xml: /a/k", "xml: /a/n/o/@p", "xml: '/a/k[2]'"],
        "properties" => &["property: k", "property: l", "property: 'm n'"],
        _ => &[
            "ini: { section: a, key: k }",
            "ini: { section: B, key: L }",
            "ini: { key: k }",
            "ini: { section: c, key: m }",
        ],
    };
    let what =
        prop::sample::select(vec!["value: '1'", "value: 2", "value: 'x y '", "ensure: absent", "secret: { env: S }"]);
    let chosen = prop::sample::subsequence(selectors.to_vec(), 1..=selectors.len());
    (chosen, prop::collection::vec(what, 5))
        .prop_map(|(selectors, what)| {
            let values: Vec<String> =
                selectors.iter().zip(what).map(|(selector, what)| format!("{{ {selector}, {what} }}")).collect();
            values.join(", ")
        })
        .boxed()
}

fn entry(number: usize) -> impl Strategy<Value = Option<String>> {
    let (place, of) = PLACES[number];
    let line = move |what: String| Some(format!("  e{number}: {{ path: '{place}', {what} }}"));
    let with_values = (values(of), any::<bool>());
    prop_oneof![
        2 => Just(None),
        1 => Just(line("ensure: absent".to_owned())),
        1 => prop::sample::select(vec!["''", "text", "{ base64: AAEC }", "{ secret: { env: S } }"])
            .prop_map(move |text| line(format!("content: {text}"))),
        4 => with_values.prop_map(move |(values, create)| line(format!("values: [{values}], create: {create}"))),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let files: Vec<_> =
        PLACES.iter().map(|(place, of)| prop::option::of(content(of).prop_map(move |bytes| (*place, bytes)))).collect();
    let hosts_file = prop::option::of(content("hosts").prop_map(|bytes| (HOSTS, bytes)));
    let entries: Vec<_> = (0..PLACES.len()).map(entry).collect();
    let host = prop::sample::select(vec!["absent", "10.0.0.1", "[10.0.0.2, 10.0.0.3]", "['::1', 10.0.0.1]"]);
    let hosts = prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), host, 0..3);
    let case = (files, hosts_file, entries, hosts).prop_map(|(files, hosts_file, entries, hosts)| Case {
        files: files.into_iter().flatten().chain(hosts_file).collect(),
        entries: entries.into_iter().flatten().collect(),
        hosts: hosts.into_iter().map(|(name, what)| format!("  {name}: {what}")).collect(),
    });
    case.prop_filter("values clash", |case| loaded(&case.text(), &Local::default()).is_ok())
}

fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = Config { cases: asked.unwrap_or(cases), failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn law(bed: &Bed, case: &Case) -> Result<Vec<String>, TestCaseError> {
    let desired = desired(&case.text());
    let before = bed.all();
    let first = plan(bed.reader(), &desired);
    if !case.text().contains("secret:") {
        prop_assert_eq!(
            json::plan(&plan(&snapshot(bed.reader(), &desired), &desired)).unwrap(),
            json::plan(&first).unwrap()
        );
    }
    prop_assert!(bed.all() == before, "planning writes");
    let report =
        try_apply(bed.machine(), &desired).map_err(|error| TestCaseError::fail(super::world::chain(&error)))?;
    prop_assert_eq!(report.failed(), 0);
    let again = plan(bed.reader(), &desired);
    prop_assert!(!again.has_operations(), "{:#?}", told(&again));
    prop_assert_eq!(again.summary().blocked, first.summary().blocked);
    let after = bed.all();
    let mut spoken: Vec<String> = PLACES
        .iter()
        .filter(|(place, _)| case.text().contains(place))
        .map(|(place, _)| path(place).folded().to_owned())
        .collect();
    if !case.hosts.is_empty() {
        spoken.push(path(HOSTS).usual_place().folded().to_owned());
    }
    let others = |all: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
        all.iter()
            .filter(|(path, _)| !spoken.contains(path))
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect()
    };
    prop_assert!(others(&after) == others(&before), "something else has changed");
    prop_assert_eq!(try_apply(bed.machine(), &desired).unwrap().run, None);
    prop_assert!(bed.all() == after, "a second run writes");
    if first.has_operations() {
        let report = taken_back(bed.machine(), &last_run(bed.reader()));
        prop_assert!(report.is_complete(), "{:?}", report);
        prop_assert!(bed.all() == before, "{:?} instead of {:?}", bed.all(), before);
    }
    Ok(told(&first))
}

fn planted(bed: &Bed, case: &Case) {
    bed.put(BYSTANDER, b"[a]\r\nk=1\r\n");
    for (name, bytes) in &case.files {
        bed.put(name, bytes);
    }
}

#[test]
fn in_memory() {
    let result = runner(120).run(&case(), |case| {
        let bed = Bed::Memory(Box::new(super::world::memory()));
        planted(&bed, &case);
        law(&bed, &case).map(drop)
    });
    result.unwrap_or_else(|broken| panic!("{broken}"));
}

#[test]
fn on_an_image_as_in_memory() {
    let result = runner(8).run(&case(), |case| {
        let [memory, image] = Bed::both(&[]);
        planted(&memory, &case);
        planted(&image, &case);
        prop_assert_eq!(law(&memory, &case)?, law(&image, &case)?);
        Ok(())
    });
    result.unwrap_or_else(|broken| panic!("{broken}"));
}

/// The values of two documents for one file do not disturb each other.
#[test]
fn two_documents_for_one_file() {
    for bed in Bed::both(&[(r"C:\v\a.ini", b"[a]\r\nk=1\r\nl=1\r\n")]) {
        let one = desired(
            "name: one\nfiles: { x: { path: 'C:\\v\\a.ini', values: [{ ini: { section: a, key: k }, value: 2 }] } }",
        );
        let two = desired(
            "name: two\nfiles: { y: { path: 'C:\\v\\a.ini', values: [{ ini: { section: a, key: l }, value: 3 }, { ini: { section: b, key: m }, value: 4 }] } }",
        );
        applied(bed.machine(), &one);
        let first = last_run(bed.reader());
        applied(bed.machine(), &two);
        assert_eq!(bed.get(r"C:\v\a.ini").unwrap(), b"[a]\r\nk=2\r\nl=3\r\n[b]\r\nm=4\r\n");
        assert!(!plan(bed.reader(), &one).has_operations() && !plan(bed.reader(), &two).has_operations());
        // The first run goes back, and what the second wrote stays.
        let report = taken_back(bed.machine(), &first);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(bed.get(r"C:\v\a.ini").unwrap(), b"[a]\r\nk=1\r\nl=3\r\n[b]\r\nm=4\r\n");
    }
}
