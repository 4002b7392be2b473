//! One value inside a file: awkward files, each with the exact file that a change must leave. What the table does not name as
//! changed stays byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "functions beside the tests are not seen as tests, and what is skipped is said"
)]

use std::io::Write as _;
use std::process::Stdio;

use proptest::prelude::*;

use trueup::formats::edit::{EditError, Family, Selector, Value, read, read_all, write};

fn ini(section: Option<&str>, key: &str) -> Selector {
    Selector::Ini { section: section.map(Into::into), key: key.into() }
}

fn properties(key: &str) -> Selector {
    Selector::Properties { key: key.into() }
}

fn xml(path: &str) -> Selector {
    Selector::Xml { path: path.into() }
}

fn json(pointer: &str) -> Selector {
    Selector::Json { pointer: pointer.into() }
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

/// Name, file, selector, what is found, what is to stand there, the file after that.
type Case<'c> = (&'c str, &'c [u8], Selector, Option<&'c str>, Option<&'c str>, &'c [u8]);

fn shown(value: Option<&Value>) -> Option<String> {
    value.map(|value| match value {
        Value::Text(text) => text.to_string(),
        Value::Json(value) => value.to_string(),
    })
}

fn check(cases: &[Case<'_>]) {
    for (name, file, selector, found, wanted, after) in cases {
        let is_json = matches!(selector, Selector::Json { .. });
        let value = |text: &str| {
            if is_json { Value::Json(serde_json::from_str(text).unwrap()) } else { self::text(text) }
        };
        let there = read(file, selector).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(shown(there.as_ref()).as_deref(), *found, "{name}: what is found");
        let wanted = wanted.map(value);
        let written = write(file, selector, wanted.as_ref()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&written), text(after), "{name}");
        assert_eq!(&written[..], *after, "{name}: to the byte");
        assert_eq!(write(&written, selector, wanted.as_ref()).unwrap(), written, "{name}: a second time");
    }
    others_read(cases);
}

/// Python's own readers find in every file what was to stand there.
fn others_read(cases: &[Case<'_>]) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let asked = cases.iter().map(|(name, _, selector, _, wanted, after)| {
        serde_json::json!({ "name": name, "selector": selector, "wanted": wanted, "file": hex(after) })
    });
    let asked = serde_json::Value::Array(asked.collect()).to_string();
    let mut python = std::process::Command::new("python3");
    python.arg("-c").arg(include_str!("edit/oracle.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = python.spawn() else {
        println!("skipped: python3 is not there");
        return;
    };
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("read "), "{said}");
}

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn ini_files() {
    let wide = utf16("[a]\r\nk=\u{fc}\r\n");
    let wide_after = utf16("[a]\r\nk=\u{20ac}\r\n");
    let swapped = |bytes: &[u8]| bytes.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect::<Vec<u8>>();
    let (big, big_after) = (swapped(&wide), swapped(&wide_after));
    check(&[
        ("UTF-16, big end first", &big, ini(Some("a"), "k"), Some("\u{fc}"), Some("\u{20ac}"), &big_after),
        ("UTF-16 without a mark", &wide[2..], ini(Some("a"), "k"), Some("\u{fc}"), Some("\u{20ac}"), &wide_after[2..]),
        ("mixed line ends", b"[a]\r\nx=1\nk=1\r\n", ini(Some("a"), "k"), Some("1"), Some("2"), b"[a]\r\nx=1\nk=2\r\n"),
        (
            "words behind a section's name",
            b"[a] ; note\nk=1\n",
            ini(Some("a"), "k"),
            Some("1"),
            Some("2"),
            b"[a] ; note\nk=2\n",
        ),
        ("an equals sign in a value", b"[a]\nk=a=b\n", ini(Some("a"), "k"), Some("a=b"), Some("c=d"), b"[a]\nk=c=d\n"),
        (
            "a line that is no entry",
            b"[a]\nnoise\nk=1\n",
            ini(Some("a"), "k"),
            Some("1"),
            Some("2"),
            b"[a]\nnoise\nk=2\n",
        ),
        ("plain", b"[a]\r\nk=1\r\n", ini(Some("a"), "k"), Some("1"), Some("2"), b"[a]\r\nk=2\r\n"),
        (
            "case and blanks",
            b"[A]\nUse Https = false ; no\n",
            ini(Some("a"), "use https"),
            Some("false ; no"),
            Some("true"),
            b"[A]\nUse Https = true\n",
        ),
        ("quotes stay", b"[a]\nk = \"x y\" \n", ini(Some("a"), "k"), Some("x y"), Some("z"), b"[a]\nk = \"z\" \n"),
        ("no final line break", b"[a]\nk=1", ini(Some("a"), "k"), Some("1"), Some("22"), b"[a]\nk=22"),
        ("a comment is no key", b"[a]\n;k=1\nk=2\n", ini(Some("a"), "k"), Some("2"), Some("3"), b"[a]\n;k=1\nk=3\n"),
        ("the first of two keys", b"[a]\nk=1\nk=2\n", ini(Some("a"), "k"), Some("1"), Some("3"), b"[a]\nk=3\nk=2\n"),
        (
            "the first of two sections",
            b"[a]\nx=1\n[b]\n[a]\nk=1\n",
            ini(Some("a"), "k"),
            None,
            Some("2"),
            b"[a]\nx=1\nk=2\n[b]\n[a]\nk=1\n",
        ),
        (
            "a new key before the blank line",
            b"[a]\r\nx = 1\r\n\r\n[b]\r\ny=1\r\n",
            ini(Some("a"), "k"),
            None,
            Some("2"),
            b"[a]\r\nx = 1\r\nk = 2\r\n\r\n[b]\r\ny=1\r\n",
        ),
        (
            "a new key at the end without line break",
            b"[a]\nx=1",
            ini(Some("a"), "k"),
            None,
            Some("2"),
            b"[a]\nx=1\nk=2",
        ),
        ("a new section", b"[a]\nx=1", ini(Some("b"), "k"), None, Some("2"), b"[a]\nx=1\n[b]\nk=2\n"),
        ("an empty file", b"", ini(Some("b"), "k"), None, Some("2"), b"[b]\r\nk=2\r\n"),
        ("an empty section", b"[a]\n[b]\n", ini(Some("a"), "k"), None, Some("2"), b"[a]\nk=2\n[b]\n"),
        ("before the first section", b"[a]\nk=1\n", ini(None, "k"), None, Some("2"), b"k=2\n[a]\nk=1\n"),
        ("removed with its line", b"[a]\nk=1\nx=2\n", ini(Some("a"), "k"), Some("1"), None, b"[a]\nx=2\n"),
        (
            "all of a key go",
            b"[a]\nk=1\nx=1\nK=2\n[b]\nk=3\n",
            ini(Some("a"), "k"),
            Some("1"),
            None,
            b"[a]\nx=1\n[b]\nk=3\n",
        ),
        ("an empty value", b"[a]\nk=\n", ini(Some("a"), "k"), Some(""), Some("1"), b"[a]\nk=1\n"),
        (
            "blanks at the ends need quotes",
            b"[a]\nk=1\n",
            ini(Some("a"), "k"),
            Some("1"),
            Some(" 1 "),
            b"[a]\nk=\" 1 \"\n",
        ),
        ("UTF-16 with a mark", &wide, ini(Some("a"), "k"), Some("\u{fc}"), Some("\u{20ac}"), &wide_after),
        (
            "UTF-8 with a mark",
            b"\xef\xbb\xbf[a]\nk=1\n",
            ini(Some("a"), "k"),
            Some("1"),
            Some("2"),
            b"\xef\xbb\xbf[a]\nk=2\n",
        ),
        ("an old code page", b"[a]\nn=\xe4\nk=1\n", ini(Some("a"), "k"), Some("1"), Some("2"), b"[a]\nn=\xe4\nk=2\n"),
        ("old Macintosh lines", b"[a]\rk=1\r", ini(Some("a"), "k"), Some("1"), Some("2"), b"[a]\rk=2\r"),
    ]);
}

#[test]
fn properties_files() {
    check(&[
        ("plain", b"a=1\nb=2\n", properties("b"), Some("2"), Some("3"), b"a=1\nb=3\n"),
        ("colon and blanks", b"a : 1\n", properties("a"), Some("1"), Some("2"), b"a : 2\n"),
        ("blank as separator", b"a 1\n", properties("a"), Some("1"), Some("2"), b"a 2\n"),
        ("comments", b"#a=0\n!a=0\n  a=1\n", properties("a"), Some("1"), Some("2"), b"#a=0\n!a=0\n  a=2\n"),
        (
            "continued lines",
            b"a=one \\\r\n   two\r\nb=3\r\n",
            properties("a"),
            Some("one two"),
            Some("x"),
            b"a=x\r\nb=3\r\n",
        ),
        ("the last one counts", b"a=1\na=2\n", properties("a"), Some("2"), Some("3"), b"a=1\na=3\n"),
        (
            "escapes",
            b"p=C\\:\\\\x\\u00e4\\ty\n",
            properties("p"),
            Some("C:\\x\u{e4}\ty"),
            Some("D:\\\u{e9}"),
            b"p=D:\\\\\\u00e9\n",
        ),
        ("a key with blanks", b"my\\ key=1\n", properties("my key"), Some("1"), Some("2"), b"my\\ key=2\n"),
        ("no value", b"flag\n", properties("flag"), Some(""), Some("1"), b"flag=1\n"),
        ("a new key, no final line break", b"a=1", properties("b=c"), None, Some(" x"), b"a=1\r\nb\\=c=\\ x"),
        ("removed with all its lines", b"a=1\\\n2\nb=1\n", properties("a"), Some("12"), None, b"b=1\n"),
        ("an empty file", b"", properties("a"), None, Some("1"), b"a=1\r\n"),
        ("a continuation that does not come", b"x=1\nk=\\\n", properties("a"), None, Some("1"), b"x=1\na=1\nk=\\\n"),
        ("all of a key go", b"k=1\nj=1\nk:2\\\n3\n", properties("k"), Some("23"), None, b"j=1\n"),
        ("a remark is not continued", b"#k\\\n", properties("a"), None, Some("1"), b"#k\\\na=1\n"),
    ]);
}

const CONFIG: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<configuration>\r\n  <!-- <add key='Lang' value='no'/> -->\r\n  <appSettings>\r\n    <add value = 'false'  key = \"Lang\"/>\r\n    <add key=\"Other\" value=\"a&amp;b\" />\r\n  </appSettings>\r\n</configuration>\r\n";

#[test]
fn xml_files() {
    let config = CONFIG.as_bytes();
    let changed = |from: &str, to: &str| CONFIG.replace(from, to).into_bytes();
    let lang = "/configuration/appSettings/add[@key='Lang']/@value";
    let wide = utf16(CONFIG);
    let wide_after = utf16(&CONFIG.replace("'false'", "'true'"));
    check(&[
        ("attributes in any order", config, xml(lang), Some("false"), Some("true"), &changed("'false'", "'true'")),
        (
            "an entity",
            config,
            xml("/configuration/appSettings/add[@key='Other']/@value"),
            Some("a&b"),
            Some("c<\"d"),
            &changed("a&amp;b", "c&lt;&quot;d"),
        ),
        (
            "by place",
            config,
            xml("/configuration/appSettings/add[2]/@key"),
            Some("Other"),
            Some("X"),
            &changed("\"Other\"", "\"X\""),
        ),
        (
            "a new element",
            config,
            xml("/configuration/appSettings/add[@key='New']/@value"),
            None,
            Some("1"),
            &changed("  </appSettings>", "    <add key=\"New\" value=\"1\" />\r\n  </appSettings>"),
        ),
        (
            "a new attribute",
            config,
            xml("/configuration/appSettings/add[1]/@on"),
            None,
            Some("x"),
            &changed("key = \"Lang\"/>", "key = \"Lang\" on=\"x\"/>"),
        ),
        (
            "an attribute goes",
            config,
            xml("/configuration/appSettings/add[@key='Other']/@value"),
            Some("a&b"),
            None,
            &changed(" value=\"a&amp;b\"", ""),
        ),
        ("UTF-16", &wide, xml(lang), Some("false"), Some("true"), &wide_after),
        ("text", b"<a><b>one</b></a>", xml("/a/b"), Some("one"), Some("t&o"), b"<a><b>t&amp;o</b></a>"),
        ("text()", b"<a><b>one</b></a>", xml("/a/b/text()"), Some("one"), Some("two"), b"<a><b>two</b></a>"),
        ("character data", b"<a><![CDATA[x<y]]></a>", xml("/a"), Some("x<y"), Some("z<y"), b"<a><![CDATA[z<y]]></a>"),
        ("an empty tag gets text", b"<a><b /></a>", xml("/a/b"), Some(""), Some("1"), b"<a><b>1</b></a>"),
        ("an empty element gets text", b"<a><b></b></a>", xml("/a/b"), Some(""), Some("1"), b"<a><b>1</b></a>"),
        (
            "a default namespace",
            b"<a xmlns='u:x'><b v='1'/></a>",
            xml("/a/b/@v"),
            Some("1"),
            Some("2"),
            b"<a xmlns='u:x'><b v='2'/></a>",
        ),
        (
            "a prefix",
            b"<p:a xmlns:p='u'><p:b v='1'/></p:a>",
            xml("/a/b/@v"),
            Some("1"),
            Some("2"),
            b"<p:a xmlns:p='u'><p:b v='2'/></p:a>",
        ),
        (
            "an element goes with its line",
            b"<a>\n  <b>1</b>\n  <c/>\n</a>\n",
            xml("/a/b"),
            Some("1"),
            None,
            b"<a>\n  <c/>\n</a>\n",
        ),
        ("an element goes from its line", b"<a><b>1</b><c/></a>", xml("/a/b"), Some("1"), None, b"<a><c/></a>"),
        (
            "a first child",
            b"<a>\n  <b/>\n</a>",
            xml("/a/b/c"),
            None,
            Some("1"),
            b"<a>\n  <b>\n    <c>1</c>\n  </b>\n</a>",
        ),
        (
            "elements on the way",
            b"<a>\n  <b>\n  </b>\n</a>\n",
            xml("/a/b/c[@k='1']/d/@v"),
            None,
            Some("2"),
            b"<a>\n  <b>\n    <c k=\"1\"><d v=\"2\" /></c>\n  </b>\n</a>\n",
        ),
        (
            "elements on the way, below a prefix",
            b"<p:a xmlns:p='u'/>",
            xml("/a/b/c"),
            None,
            Some("1"),
            b"<p:a xmlns:p='u'>\r\n  <p:b><p:c>1</p:c></p:b>\r\n</p:a>",
        ),
        (
            "an XML file from nothing",
            b"",
            xml("/a/b/@c"),
            None,
            Some("1"),
            b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<a><b c=\"1\" /></a>\r\n",
        ),
        ("character data in parts", b"<a>x<![CDATA[<]]>y</a>", xml("/a"), Some("x<y"), Some("z"), b"<a>z</a>"),
        ("a reference by number", b"<a v='&#228;&#x42;'/>", xml("/a/@v"), Some("\u{e4}B"), Some("C"), b"<a v='C'/>"),
        ("a closing bracket in a value", b"<a v='x>y'/>", xml("/a/@v"), Some("x>y"), Some("z>"), b"<a v='z>'/>"),
        (
            "the same condition in two places",
            b"<a><g><b k='1' v='1'/></g><b k='1' v='2'/></a>",
            xml("/a/b[@k='1']/@v"),
            Some("2"),
            Some("3"),
            b"<a><g><b k='1' v='1'/></g><b k='1' v='3'/></a>",
        ),
        (
            "a doctype and a comment",
            b"<!DOCTYPE a><!--x--><a v=\"1\"/><!--y-->",
            xml("/a/@v"),
            Some("1"),
            Some("2"),
            b"<!DOCTYPE a><!--x--><a v=\"2\"/><!--y-->",
        ),
        (
            "a value like the attribute's name",
            b"<a value='value' v='value'/>",
            xml("/a/@v"),
            Some("value"),
            None,
            b"<a value='value'/>",
        ),
    ]);
}

#[test]
fn json_files() {
    let settings = b"{\r\n  // levels\r\n  \"Logging\": { \"Level\": \"Info\" /* now */, \"Size\": 10 },\r\n  \"Hosts\": [\"a\", \"b\"],\r\n}\r\n";
    let with = |from: &str, to: &str| String::from_utf8(settings.to_vec()).unwrap().replace(from, to).into_bytes();
    check(&[
        (
            "a text",
            settings,
            json("/Logging/Level"),
            Some("\"Info\""),
            Some("\"Debug\""),
            &with("\"Info\"", "\"Debug\""),
        ),
        ("a number", settings, json("/Logging/Size"), Some("10"), Some("20"), &with("10", "20")),
        ("an element", settings, json("/Hosts/1"), Some("\"b\""), Some("\"c\""), &with("\"b\"", "\"c\"")),
        ("the next element", settings, json("/Hosts/2"), None, Some("\"c\""), &with("\"b\"]", "\"b\", \"c\"]")),
        ("a new member", settings, json("/Logging/File"), None, Some("true"), &with("10 }", "10, \"File\": true }")),
        (
            "a new member behind a trailing comma",
            settings,
            json("/New"),
            None,
            Some("1"),
            &with("\"b\"],\r\n", "\"b\"],\r\n  \"New\": 1,\r\n"),
        ),
        (
            "a new object on lines of its own",
            settings,
            json("/New"),
            None,
            Some("{\"A\":{\"B\":1},\"C\":[]}"),
            &with(
                "\"b\"],\r\n",
                "\"b\"],\r\n  \"New\": {\r\n    \"A\": {\r\n      \"B\": 1\r\n    },\r\n    \"C\": []\r\n  },\r\n",
            ),
        ),
        (
            "a new object beside others of its line",
            settings,
            json("/Logging/File/Path"),
            None,
            Some("\"x\""),
            &with("10 }", "10, \"File\": {\r\n    \"Path\": \"x\"\r\n  } }"),
        ),
        (
            "a new list beside others of its line",
            settings,
            json("/Hosts/2"),
            None,
            Some("[1]"),
            &with("\"b\"]", "\"b\", [\r\n    1\r\n  ]]"),
        ),
        (
            "an object in place of a text",
            settings,
            json("/Logging/Level"),
            Some("\"Info\""),
            Some("{\"a\":1}"),
            &with("\"Info\"", "{\r\n    \"a\": 1\r\n  }"),
        ),
        (
            "a list as an element on a line of its own",
            b"[\n  [\n    1\n  ]\n]\n",
            json("/1"),
            None,
            Some("[2]"),
            b"[\n  [\n    1\n  ],\n  [\n    2\n  ]\n]\n",
        ),
        (
            "into an empty list",
            b"{\n  \"a\": []\n}\n",
            json("/a/0"),
            None,
            Some("[1]"),
            b"{\n  \"a\": [[\n    1\n  ]]\n}\n",
        ),
        ("a member goes", settings, json("/Logging/Size"), Some("10"), None, &with(" /* now */, \"Size\": 10", "")),
        ("the first member goes", b"{\"a\":1,\"b\":2}", json("/a"), Some("1"), None, b"{\"b\":2}"),
        ("the only member goes", b"{\"a\":1}", json("/a"), Some("1"), None, b"{}"),
        ("an empty object", b"{}", json("/a/b"), None, Some("1"), b"{\"a\": {\"b\":1}}"),
        ("the whole", b" 1 ", json(""), Some("1"), Some("[2]"), b" [2] "),
        ("escaped names", b"{\"a/b\":{\"c~d\":1}}", json("/a~1b/c~0d"), Some("1"), Some("2"), b"{\"a/b\":{\"c~d\":2}}"),
        (
            "the last of two members counts",
            b"{\"a\":1,\"a\":2}",
            json("/a"),
            Some("2"),
            Some("3"),
            b"{\"a\":1,\"a\":3}",
        ),
        ("a mark in front", b"\xef\xbb\xbf{\"a\":1}", json("/a"), Some("1"), Some("2"), b"\xef\xbb\xbf{\"a\":2}"),
    ]);
}

#[test]
fn what_is_so_already_is_left() {
    let file = br#"{"a":"\u0078"}"#;
    for value in [text("x"), Value::Json("x".into())] {
        assert_eq!(write(file, &json("/a"), Some(&value)).unwrap(), file);
    }
}

#[test]
fn what_cannot_be_done_is_told() {
    let problem =
        |file: &[u8], selector: &Selector, value: Option<Value>| write(file, selector, value.as_ref()).unwrap_err();
    let one = || Some(text("1"));
    assert!(matches!(
        problem(b"<a><b/><b/></a>", &xml("/a/b/@v"), one()),
        EditError::NoPlace(_) | EditError::Ambiguous(2)
    ));
    assert!(matches!(problem(b"<a><b>", &xml("/a/b"), one()), EditError::Syntax { .. }));
    assert!(matches!(problem(b"<a><b><c/></b></a>", &xml("/a/b"), one()), EditError::NoPlace(_)));
    assert!(matches!(problem(b"<a>text</a>", &xml("/a/b"), one()), EditError::NoPlace(_)));
    assert!(matches!(problem(b"<a/>", &xml("/a/b[2]/@c"), one()), EditError::NoPlace(_)));
    assert!(matches!(problem(b"<a/>", &xml("/x/y/z"), one()), EditError::NoPlace(_)));
    assert!(matches!(problem(b"<a/>", &xml("a/b"), one()), EditError::Selector(_)));
    assert!(matches!(problem(b"<a/>", &xml("/a[b]"), one()), EditError::Selector(_)));
    assert!(matches!(problem(b"{\"a\":1", &json("/a"), one()), EditError::Syntax { line: 1, .. }));
    assert!(matches!(problem(b"{\"a\":1}", &json("/a/b"), one()), EditError::NoPlace(_)));
    assert!(matches!(problem(b"[1]", &json("/5"), one()), EditError::NoPlace(_)));
    assert!(matches!(problem(b"{}", &json("a"), one()), EditError::Selector(_)));
    assert!(matches!(problem(b"{\"a\":1,\"a\":2}", &json("/a"), None), EditError::Ambiguous(2)));
    assert!(matches!(problem(b"k=1", &ini(None, "k"), Some(text("a\nb"))), EditError::Value(_)));
    assert!(matches!(problem(b"k=\xe4", &ini(None, "k"), Some(text("\u{20ac}"))), EditError::Unencodable('\u{20ac}')));
    assert!(matches!(problem(b"a\0b\x01\0", &ini(None, "k"), one()), EditError::NotText(_)));
    assert!(matches!(problem(b"a=\\u12\n", &properties("a"), one()), EditError::Syntax { .. }));
    let deep = "[".repeat(100_000);
    assert!(matches!(problem(deep.as_bytes(), &json("/0"), one()), EditError::Syntax { .. }));
    let deep = "<a>".repeat(100_000);
    assert!(matches!(problem(deep.as_bytes(), &xml("/a"), one()), EditError::Syntax { .. }));
}

fn selectors() -> impl Strategy<Value = Selector> {
    prop_oneof![
        Just(ini(Some("a"), "k")),
        Just(ini(None, "k")),
        Just(properties("k")),
        Just(xml("/a/k/@v")),
        Just(xml("/a/k")),
        Just(json("/a/k")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// No input makes the editors panic, and what they call written reads back.
    #[test]
    fn any_file_is_edited_or_refused(
        file in r#"([\[\]{}<>/a k=:;#"'\\,\r\n1]|<a>|</a>|<k v="1"/>|"a":|\[a\]\n){0,40}"#,
        selector in selectors(),
        value in proptest::option::of("[ -~\u{e4}]{0,8}"),
    ) {
        let value = value.map(|value| text(&value));
        if let Ok(written) = write(file.as_bytes(), &selector, value.as_ref()) {
            let found = read(&written, &selector).unwrap();
            let found = found.map(|found| match found {
                Value::Json(serde_json::Value::String(found)) => text(&found),
                other => other,
            });
            prop_assert_eq!(found, value);
        }
    }

    /// Many values read at once are those read one by one.
    #[test]
    fn reading_at_once_is_reading_one_by_one(
        file in r#"([\[\]{}<>/a k=:;#"'\\,\r\n1]|<a>|</a>|<k v="1"/>|"a":|\[a\]\n|10.0.0.1 k a\n|::1 a\n){0,40}"#,
    ) {
        let host = |name: &str, family| Selector::Host { name: name.into(), family, comment: None };
        let all = [
            ini(Some("a"), "k"), ini(Some("A "), " K"), ini(None, "k"), ini(None, "a"), ini(Some("b"), "k"),
            properties("k"), properties("a"), properties("none"),
            xml("/a/k/@v"), xml("/a/k"), json("/a/k"), json("/a"), json(""), json("bad"), json("/0"),
            host("k", Family::V4), host("K", Family::V6), host("a", Family::V6), host("none", Family::V4),
        ];
        let selectors: Vec<&Selector> = all.iter().collect();
        let one_by_one: Vec<_> = all.iter().map(|selector| read(file.as_bytes(), selector)).collect();
        prop_assert_eq!(read_all(file.as_bytes(), &selectors), one_by_one);
    }
}
