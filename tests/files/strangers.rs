//! What somebody else does to a file between a plan and its run: the run stops, or the change survives it.

use trueup::apply::{Basis as _, apply};

use super::world::{Bed, Secrets, Silent, applied, basis, chain, desired, last_run, options, plan, taken_back, told};

const INI: &[u8] = b"[S]\r\nA=1\r\nB=1\r\n";

const VALUES: &str = r"
files:
  a: { path: 'C:\a.ini', values: [{ ini: { section: S, key: A }, value: '2' }] }
  b: { path: 'C:\b.txt', content: new }
  c: { path: 'C:\c.txt', content: new }
  d: { path: 'C:\d.txt', ensure: absent }
";

/// Plans, lets somebody else change a file, and applies that plan.
fn run(bed: &Bed, stranger: (&str, &[u8])) -> Result<bool, String> {
    let desired = desired(VALUES);
    let basis = basis(&desired);
    let facts = basis.facts(bed.reader(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    bed.put(stranger.0, stranger.1);
    let report = apply(bed.machine(), &basis, &plan, &facts, &options(), &mut Silent);
    report.map(|report| report.is_complete()).map_err(|error| chain(&error))
}

/// A name, what somebody else puts where, and what stands there after the run, or what stops it.
type Case<'c> = (&'c str, (&'c str, &'c [u8]), Result<&'c [u8], &'c str>);

#[test]
fn a_change_between_plan_and_run_survives_or_stops_the_run() {
    let before: [(&str, &[u8]); 3] = [(r"C:\a.ini", INI), (r"C:\b.txt", b"old"), (r"C:\d.txt", b"gone")];
    let other_value: &[u8] = b"; theirs\r\n[S]\r\nA=1\r\nB=9\r\n";
    let cases: [Case<'_>; 6] = [
        ("another value of the file", (r"C:\a.ini", other_value), Ok(b"; theirs\r\n[S]\r\nA=2\r\nB=9\r\n")),
        ("the value itself", (r"C:\a.ini", b"[S]\r\nA=3\r\n"), Err(r"the file C:\a.ini")),
        ("a file that is replaced", (r"C:\b.txt", b"theirs"), Err(r"the file C:\b.txt")),
        ("a file that was not there", (r"C:\c.txt", b"theirs"), Err(r"the file C:\c.txt")),
        // What is to go, goes as it is, and is kept.
        ("a file that is to go", (r"C:\d.txt", b"theirs"), Ok(b"")),
        ("a file of which nobody speaks", (r"C:\e.txt", b"theirs"), Ok(b"theirs")),
    ];
    for (name, stranger, expected) in cases {
        for bed in Bed::both(&before) {
            let result = run(&bed, stranger);
            match expected {
                Ok(bytes) => {
                    assert_eq!(result, Ok(true), "{name}");
                    assert_eq!(bed.get(stranger.0).unwrap_or_default(), bytes, "{name}");
                    assert_eq!(bed.get(r"C:\b.txt").unwrap(), b"new", "{name}");
                    let report = taken_back(bed.machine(), &last_run(bed.reader()));
                    assert!(report.is_complete(), "{name}: {report:?}");
                    assert_eq!(bed.get(stranger.0).unwrap(), stranger.1, "{name}: theirs is back");
                    assert_eq!(bed.get(r"C:\b.txt").unwrap(), b"old", "{name}");
                }
                Err(what) => {
                    let error = result.expect_err(name);
                    assert!(error.contains(what), "{name}: {error}");
                    assert_eq!(bed.get(stranger.0).unwrap(), stranger.1, "{name}: theirs stays");
                    assert_eq!(bed.get(r"C:\d.txt").unwrap(), b"gone", "{name}: nothing is written");
                }
            }
        }
    }
}

/// Values go back one by one in a file that somebody else has changed since, and theirs stay.
#[test]
fn a_rollback_leaves_what_others_wrote_since() {
    for bed in Bed::both(&[(r"C:\a.ini", INI)]) {
        let desired = desired(
            r"files: { a: { path: 'C:\a.ini', values: [{ ini: { section: S, key: A }, value: '2' }, { ini: { section: S, key: C }, value: '5' }] } }",
        );
        applied(bed.machine(), &desired);
        assert_eq!(bed.get(r"C:\a.ini").unwrap(), b"[S]\r\nA=2\r\nB=1\r\nC=5\r\n");
        bed.put(r"C:\a.ini", b"; theirs\r\n[S]\r\nA=2\r\nB=7\r\nC=5\r\n");
        let report = taken_back(bed.machine(), &last_run(bed.reader()));
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(bed.get(r"C:\a.ini").unwrap(), b"; theirs\r\n[S]\r\nA=1\r\nB=7\r\n");
    }
}

/// Each difference has its cause: the machine has left what was applied, or the document asks for something else.
#[test]
fn drift_is_told_from_what_is_asked() {
    use trueup::model::verdict::{Cause, Verdict};
    let one = r"files: { a: { path: 'C:\a.txt', content: one }, b: { path: 'C:\b.ini', create: true, values: [{ ini: { key: K }, value: one }] } }";
    for bed in Bed::both(&[]) {
        applied(bed.machine(), &desired(one));
        let causes = |text: &str| {
            let plan = plan(bed.reader(), &desired(text));
            let changing = plan.decisions.iter().filter(|one| one.verdict != Verdict::Keep);
            changing.map(|one| one.cause).collect::<Vec<_>>()
        };
        assert_eq!(causes(&one.replace("one", "two")), [Some(Cause::Asked); 2]);
        bed.put(r"C:\a.txt", b"other");
        bed.put(r"C:\b.ini", b"K=other\r\n");
        assert_eq!(causes(one), [Some(Cause::Drift); 2], "{:?}", told(&plan(bed.reader(), &desired(one))));
    }
}

/// What was a secret once is not shown when the document spells it out by now.
#[test]
fn what_was_a_secret_stays_sealed() {
    let secret = r"
files:
  a: { path: 'C:\a.key', content: { secret: { env: A } } }
  b: { path: 'C:\b.ini', create: true, values: [{ ini: { key: K }, secret: { env: A } }] }
";
    let plain = |text: &str| {
        format!(
            r"
files:
  a: {{ path: 'C:\a.key', content: {text} }}
  b: {{ path: 'C:\b.ini', create: true, values: [{{ ini: {{ key: K }}, value: {text} }}] }}
"
        )
    };
    for bed in Bed::both(&[]) {
        applied(bed.machine(), &desired(secret));
        assert!(told(&plan(bed.reader(), &desired(&plain("secret-A")))).is_empty());
        let other = desired(&plain("other"));
        let plan = plan(bed.reader(), &other);
        assert_eq!(told(&plan), ["~ a: files.differs", "~ b K: files.value_differs"]);
        let json = trueup::report::json::plan(&plan).unwrap();
        assert!(!json.contains("secret-A"), "{json}");
        assert!(!json.contains(&trueup::model::file::ContentDigest::of(b"secret-A").to_string()), "{json}");
        applied(bed.machine(), &other);
        taken_back(bed.machine(), &last_run(bed.reader()));
        assert_eq!(bed.get(r"C:\a.key").unwrap(), b"secret-A");
        assert_eq!(bed.get(r"C:\b.ini").unwrap(), b"K=secret-A\r\n");
    }
}
