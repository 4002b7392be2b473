//! The hosts file itself: awkward files, each with the exact file that a change leaves, and what another reader finds in it then.

use std::collections::BTreeSet;

use proptest::prelude::*;

use trueup::formats::edit::{Family, Selector, Value, read, write};

fn selector(name: &str, family: Family) -> Selector {
    Selector::Host { name: name.into(), family, comment: None }
}

/// Name, file, what is asked of `it` (`4` or `6`, then addresses), the file after that.
type Case = (&'static str, &'static [u8], &'static str, &'static [u8]);

const CASES: [Case; 34] = [
    ("an empty file", b"", "4 10.0.0.1", b"10.0.0.1\tit\r\n"),
    ("a file of remarks", b"# nothing\r\n", "4 10.0.0.1", b"# nothing\r\n10.0.0.1\tit\r\n"),
    ("no line break at the end", b"1.2.3.4 other", "4 10.0.0.1", b"1.2.3.4 other\r\n10.0.0.1 it\r\n"),
    ("blanks as they are", b"1.2.3.4    other\n", "4 10.0.0.1", b"1.2.3.4    other\n10.0.0.1    it\n"),
    ("tabs as they are", b"1.2.3.4\t\tother\r\n", "4 10.0.0.1", b"1.2.3.4\t\tother\r\n10.0.0.1\t\tit\r\n"),
    ("old Macintosh line breaks", b"1.2.3.4 other\r", "4 10.0.0.1", b"1.2.3.4 other\r10.0.0.1 it\r"),
    ("an address that changes", b"\t1.2.3.4  it  # ours\r\n", "4 10.0.0.1", b"\t10.0.0.1  it  # ours\r\n"),
    ("a name in another case", b"1.2.3.4 IT\n", "4 10.0.0.1", b"10.0.0.1 IT\n"),
    ("a name that is there", b"10.0.0.1 IT # x\n", "4 10.0.0.1", b"10.0.0.1 IT # x\n"),
    ("an address spelt in another way", b"FD00:0::1 it\n", "6 fd00::1", b"FD00:0::1 it\n"),
    ("the other family stays", b"1.2.3.4 it\n", "6 fd00::1", b"1.2.3.4 it\nfd00::1 it\n"),
    ("a name among others", b"1.2.3.4 a it b # x\n", "4 10.0.0.1", b"1.2.3.4 a b # x\n10.0.0.1 it\n"),
    ("the first name of several", b"1.2.3.4\tit\ta\n", "4 10.0.0.1", b"1.2.3.4\ta\n10.0.0.1\tit\n"),
    ("the last name of several", b"1.2.3.4 a  it\n", "4 10.0.0.1", b"1.2.3.4 a\n10.0.0.1 it\n"),
    ("a name twice on its line", b"1.2.3.4 it a IT\n", "4 -", b"1.2.3.4 a\n"),
    ("nothing but the name, twice", b"1.2.3.4 it IT\nx\n", "4 -", b"x\n"),
    ("a name that goes", b"1.2.3.4 it # x\n5.6.7.8 other\n", "4 -", b"5.6.7.8 other\n"),
    ("a name that goes from the end", b"5.6.7.8 other\n1.2.3.4 it", "4 -", b"5.6.7.8 other\n"),
    ("a name that is not there goes", b"5.6.7.8 other it2 # it\n", "4 -", b"5.6.7.8 other it2 # it\n"),
    ("the other family's line does not go", b"::1 it\n1.2.3.4 it\n", "4 -", b"::1 it\n"),
    ("a remark that names it", b"# 1.2.3.4 it\n", "4 10.0.0.1", b"# 1.2.3.4 it\n10.0.0.1\tit\n"),
    ("a remark right behind the name", b"1.2.3.4 it#x\n", "4 10.0.0.1", b"10.0.0.1 it#x\n"),
    ("a line that is no entry", b"1.2.3 it\nname it\n", "4 10.0.0.1", b"1.2.3 it\nname it\n10.0.0.1\tit\n"),
    ("an address without a name", b"1.2.3.4\n", "4 10.0.0.1", b"1.2.3.4\n10.0.0.1\tit\n"),
    ("two lines become one", b"1.1.1.1 it\n2.2.2.2 it a\n", "4 2.2.2.2", b"2.2.2.2 it a\n"),
    ("one line becomes two", b"1.1.1.1 it\nx\n", "4 1.1.1.1 2.2.2.2", b"1.1.1.1 it\n2.2.2.2 it\nx\n"),
    ("both lines change", b"1.1.1.1 it\n2.2.2.2 it\n", "4 3.3.3.3 4.4.4.4", b"3.3.3.3 it\n4.4.4.4 it\n"),
    ("the same address twice", b"1.1.1.1 it\n1.1.1.1 a it\n", "4 1.1.1.1", b"1.1.1.1 it\n1.1.1.1 a it\n"),
    (
        "several lines without a break",
        b"1.1.1.1 it",
        "4 1.1.1.1 2.2.2.2 3.3.3.3",
        b"1.1.1.1 it\r\n2.2.2.2 it\r\n3.3.3.3 it\r\n",
    ),
    ("a zone", b"fe80::1%4 it\n", "6 fd00::1", b"fd00::1 it\n"),
    ("a mark", b"\xef\xbb\xbf1.2.3.4 it\r\n", "4 10.0.0.1", b"\xef\xbb\xbf10.0.0.1 it\r\n"),
    ("an old code page in a remark", b"1.2.3.4 it # \xfcber\r\n", "4 10.0.0.1", b"10.0.0.1 it # \xfcber\r\n"),
    (
        "UTF-16",
        b"\xff\xfe1\0.\x002\0.\x003\0.\x004\0 \0i\0t\0",
        "4 9.9.9.9",
        b"\xff\xfe9\0.\x009\0.\x009\0.\x009\0 \0i\0t\0",
    ),
    ("a blank line at the end", b"1.2.3.4 other\n\n", "4 10.0.0.1", b"1.2.3.4 other\n\n10.0.0.1 it\n"),
];

fn asked(text: &str) -> (Family, Option<Value>) {
    let (family, addresses) = text.split_once(' ').unwrap();
    let value = (addresses != "-").then(|| Value::Text(addresses.into()));
    (if family == "4" { Family::V4 } else { Family::V6 }, value)
}

#[test]
fn only_what_is_asked_changes() {
    for (name, file, ask, after) in CASES {
        let (family, value) = asked(ask);
        let selector = selector("it", family);
        let written = write(file, &selector, value.as_ref()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&written), text(after), "{name}");
        assert!(written == after, "{name}: to the byte");
        assert_eq!(read(&written, &selector).unwrap(), value, "{name}");
        assert_eq!(write(&written, &selector, value.as_ref()).unwrap(), written, "{name}: a second time");
    }
}

#[test]
fn a_new_line_has_the_remark() {
    let ask = Selector::Host { name: "it".into(), family: Family::V4, comment: Some("ours".into()) };
    let value = Value::Text("10.0.0.1".into());
    assert_eq!(write(b"1.2.3.4 a\n", &ask, Some(&value)).unwrap(), b"1.2.3.4 a\n10.0.0.1 it # ours\n");
    assert_eq!(write(b"1.2.3.4 it # old\n", &ask, Some(&value)).unwrap(), b"10.0.0.1 it # old\n");
}

/// A reader of the other kind: the addresses of a name, as the C library finds them.
fn others_find(file: &str, name: &str) -> BTreeSet<std::net::Ipv4Addr> {
    let line = |line: &str| -> Option<std::net::Ipv4Addr> {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    };
    file.lines().filter_map(line).collect()
}

proptest! {
    /// Another name keeps its addresses, remarks stay, and the name has what was asked.
    #[test]
    fn others_are_left_alone(
        lines in prop::collection::vec(("[1-3]", prop::collection::vec("[abIi]t?", 0..4), prop::option::of("[#x ]{0,5}")), 0..8),
        wanted in prop::collection::btree_set(1_u8..4, 0..3),
    ) {
        let text: String = lines.iter().map(|(last, names, remark)| {
            let remark = remark.as_ref().map(|remark| format!(" #{remark}")).unwrap_or_default();
            format!("10.0.0.{last} {}{remark}\n", names.join(" "))
        }).collect();
        let value: Vec<String> = wanted.iter().map(|last| format!("10.0.0.{last}")).collect();
        let value = (!value.is_empty()).then(|| Value::Text(value.join(" ").into()));
        let after = write(text.as_bytes(), &selector("it", Family::V4), value.as_ref()).unwrap();
        let after = String::from_utf8(after).unwrap();
        let found: BTreeSet<u8> = others_find(&after, "it").iter().map(|address| address.octets()[3]).collect();
        prop_assert_eq!(found, wanted);
        for other in ["a", "at", "b", "bt", "i"] {
            prop_assert_eq!(others_find(&after, other), others_find(&text, other), "{}", other);
        }
        let remarks = |text: &str| text.matches('#').count();
        prop_assert!(remarks(&after) <= remarks(&text));
    }
}
