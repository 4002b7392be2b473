//! Time travel: two years of an estate, a plan for every day. What is renewed, when, and that everything is good on every day.

use std::collections::BTreeSet;

use trueup::formats::x509::Certificate;
use trueup::machine::memory::MemoryMachine;
use trueup::model::operation::Operation;
use trueup::model::verdict::Verdict;

use super::world::{after, applied, certificate, certificates, desired, empty, holds, plan, revocation_list, told};

const ESTATE: &str = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: CN=Root
    valid_for: 10y
    renew_before: 3y
    store: [LocalMachine\Root]
    files: [{ path: 'C:\root\it.key', form: key-pem }, { path: 'C:\root\it.pem', form: fullchain-pem }]
    crl: { path: 'C:\root\it.crl', valid_for: 30d, renew_before: 7d }
  issuing:
    issuer: root
    ca: true
    subject: CN=Issuing
    valid_for: 3y
    renew_before: 1y
    store: [LocalMachine\CA]
    files: [{ path: 'C:\issuing\it.key', form: key-pem }, { path: 'C:\issuing\it.pem', form: fullchain-pem }]
    crl: { path: 'C:\issuing\it.crl', valid_for: 30d, renew_before: 7d }
  long:
    issuer: issuing
    subject: CN=Long
    valid_for: 397d
    renew_before: 30d
    store: [LocalMachine\My]
    files: [{ path: 'C:\long\it.key', form: key-pem }, { path: 'C:\long\it.pem', form: fullchain-pem }]
  short:
    issuer: issuing
    subject: CN=Short
    valid_for: 90d
    renew_before: 30d
    files: [{ path: 'C:\short\it.key', form: key-pem }, { path: 'C:\short\it.pem', form: fullchain-pem }]
";

/// What the document says, in days: name, validity, renewal, the entry above.
const ENTRIES: [(&str, i64, i64, Option<usize>); 4] = [
    ("root", 3650, 1095, None),
    ("issuing", 1095, 365, Some(0)),
    ("long", 397, 30, Some(1)),
    ("short", 90, 30, Some(1)),
];
const AUTHORITIES: usize = 2;
const LIST: (i64, i64) = (30, 7);

/// When everything ends, in days since the start; computed from the document's words alone.
struct Calendar {
    ends: [i64; 4],
    lists: [i64; AUTHORITIES],
}

impl Calendar {
    /// What is due on a day, certificates and lists; it is taken as done.
    fn due(&mut self, day: i64) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
        let mut renewed = [false; 4];
        for (number, (_, valid, renew, above)) in ENTRIES.iter().enumerate() {
            let limit = above.map_or(i64::MAX, |above| self.ends[above]);
            let end = (day + valid).min(limit);
            let is_near = self.ends[number] - day <= *renew && end > self.ends[number];
            if is_near || above.is_some_and(|above| renewed[above]) {
                renewed[number] = true;
                self.ends[number] = end;
            }
        }
        let mut lists = BTreeSet::new();
        for number in 0..AUTHORITIES {
            if renewed[number] || self.lists[number] - day <= LIST.1 {
                self.lists[number] = day + LIST.0;
                lists.insert(ENTRIES[number].0);
            }
        }
        let names = ENTRIES.iter().zip(renewed).filter(|(_, renewed)| *renewed).map(|(entry, _)| entry.0);
        (names.collect(), lists)
    }
}

fn is_current(certificate: &Certificate, day: i64) -> bool {
    certificate.not_before() <= after(day) && after(day) <= certificate.not_after()
}

/// Whatever a client would look at on this day is good.
fn everything_is_good(machine: &MemoryMachine, day: i64) {
    let root = certificate(machine, r"C:\root\it.pem");
    assert!(root.is_signed_by(&root).is_ok() && is_current(&root, day), "day {day}: root");
    for (name, length) in [("issuing", 1), ("long", 2), ("short", 2)] {
        let mut chain = certificates(machine, &format!(r"C:\{name}\it.pem"));
        assert_eq!(chain.len(), length, "day {day}: {name}");
        chain.push(root.clone());
        for pair in chain.windows(2) {
            pair[0].is_signed_by(&pair[1]).unwrap_or_else(|error| panic!("day {day}: {name}: {error}"));
            assert!(is_current(&pair[0], day) && pair[0].not_after() <= pair[1].not_after(), "day {day}: {name}");
        }
    }
    for name in ["root", "issuing"] {
        let list = revocation_list(machine, &format!(r"C:\{name}\it.crl"));
        let authority = certificate(machine, &format!(r"C:\{name}\it.pem"));
        assert!(list.is_signed_by(&authority).is_ok(), "day {day}: the list of {name}");
        assert!(list.this_update() <= after(day) && list.next_update().unwrap() > after(day), "day {day}: {name}");
    }
}

#[test]
fn two_years_of_an_estate() {
    let (machine, desired) = (empty(), desired(ESTATE));
    applied(&machine, &desired, after(0));
    let mut calendar = Calendar { ends: [3650, 1095, 397, 90], lists: [30, 30] };
    let mut renewals = Vec::new();
    for day in 1..=740 {
        let plan = plan(&machine, &desired, after(day));
        let (due, lists) = calendar.due(day);
        let issued: BTreeSet<&str> = plan
            .operations()
            .filter_map(|operation| match operation {
                Operation::Issue(issue) => Some(issue.entry.name()),
                _ => None,
            })
            .collect();
        assert_eq!(issued, due, "day {day}");
        let changes = plan.decisions.iter().filter(|one| matches!(one.verdict, Verdict::Change { .. }));
        let (of_lists, others): (Vec<_>, Vec<_>) = changes.partition(|one| one.id.part() == Some("crl"));
        assert_eq!(of_lists.iter().map(|one| one.id.name()).collect::<BTreeSet<_>>(), lists, "day {day}");
        assert_eq!(others.iter().map(|one| one.id.name()).collect::<BTreeSet<_>>(), due, "day {day}");
        if plan.has_operations() {
            let before = holds(&machine);
            applied(&machine, &desired, after(day));
            let now = holds(&machine);
            for (path, bytes) in &now.files {
                let is_due = |name: &&&str| path.starts_with(&format!(r"C:\{name}\"));
                let is_list = path.ends_with(".crl");
                let changes =
                    if is_list { lists.iter().any(|name| is_due(&name)) } else { due.iter().any(|name| is_due(&name)) };
                assert_eq!(before.files.get(path) != Some(bytes), changes, "day {day}: {path}");
            }
            assert_eq!(before.files.len(), now.files.len(), "day {day}");
            renewals.extend(due.iter().map(|name| (day, *name)));
        }
        everything_is_good(&machine, day);
    }
    // The same, as somebody would note it in a diary.
    let expected = [60, 120, 180, 240, 300, 360].map(|day| (day, "short"));
    assert_eq!(renewals[..6], expected);
    assert_eq!(renewals[6], (367, "long"));
    let (last, on): (Vec<&str>, Vec<i64>) = renewals.iter().rev().take(3).map(|(day, name)| (*name, *day)).unzip();
    assert_eq!((last, on), (vec!["short", "long", "issuing"], vec![730, 730, 730]));
}

/// A key that is used again signs for what it signed before.
#[test]
fn an_authority_that_keeps_its_key_leaves_its_children_alone() {
    let text = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: CN=Root
    key: { algorithm: ecdsa, reuse: true }
    valid_for: 10y
    renew_before: 9y
    store: [LocalMachine\Root]
    files: [{ path: 'C:\root\it.key', form: key-pem }, { path: 'C:\root\it.pem', form: certificate-pem }]
    crl: { path: 'C:\root\it.crl', valid_for: 400d, renew_before: 7d }
  issuing:
    issuer: root
    ca: true
    subject: CN=Issuing
    valid_for: 3y
    store: [LocalMachine\CA]
    files: [{ path: 'C:\issuing\it.key', form: key-pem }, { path: 'C:\issuing\it.pem', form: certificate-pem }]
  leaf:
    issuer: issuing
    subject: CN=Leaf
    files:
      - { path: 'C:\leaf\it.key', form: key-pem }
      - { path: 'C:\leaf\it.pem', form: fullchain-pem }
      - { path: 'C:\leaf\chain.pem', form: chain-pem }
      - { path: 'C:\leaf\it.p7b', form: p7b }
      - { path: 'C:\leaf\it.pfx', form: pfx, password: { env: PFX } }
      - { path: 'C:\leaf\it.txt', form: thumbprint }
";
    let (machine, desired) = (empty(), desired(text));
    applied(&machine, &desired, after(0));
    assert_eq!(told(&plan(&machine, &desired, after(364))), Vec::<String>::new());
    let expected = [
        "± root: nears_expiry",
        r"± root LocalMachine\Root: follows",
        r"~ root C:\root\it.key: follows",
        r"~ root C:\root\it.pem: follows",
        "~ root crl: follows",
        r"~ leaf C:\leaf\chain.pem: misplaced",
        r"~ leaf C:\leaf\it.p7b: misplaced",
        r"~ leaf C:\leaf\it.pfx: misplaced",
        r"- root LocalMachine\Root #: replaced",
    ];
    assert_eq!(told(&plan(&machine, &desired, after(365))), expected);
    let (old, before) = (certificate(&machine, r"C:\root\it.pem"), holds(&machine));
    applied(&machine, &desired, after(365));
    let (new, now) = (certificate(&machine, r"C:\root\it.pem"), holds(&machine));
    assert_ne!(old, new);
    assert_eq!(old.public_key(), new.public_key());
    for same in [r"C:\issuing\it.key", r"C:\issuing\it.pem", r"C:\leaf\it.key", r"C:\leaf\it.pem", r"C:\leaf\it.txt"] {
        assert_eq!(before.files[same], now.files[same], "{same}");
    }
    assert_eq!(certificates(&machine, r"C:\leaf\chain.pem").last(), Some(&new));
    assert!(certificate(&machine, r"C:\issuing\it.pem").is_signed_by(&new).is_ok());
    assert_eq!(told(&plan(&machine, &desired, after(366))), Vec::<String>::new());
}
