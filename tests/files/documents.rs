//! What the `files` section refuses: each code, and the words that a user sees.

use super::world::{Local, loaded, refusal};

#[test]
fn refused() {
    let value = |value: &str| format!("a: {{ path: 'C:\\a', values: [{value}] }}");
    let cases = [
        ("'': { path: 'C:\\a', folder: true }".to_owned(), "files.bad_name", "one line"),
        ("a: { path: a.txt, folder: true }".to_owned(), "document.bad_path", "not absolute"),
        ("a: { path: 'C:\\a|b', folder: true }".to_owned(), "document.bad_path", "'|' is not allowed"),
        ("a: { path: 'C:\\..\\b', folder: true }".to_owned(), "document.bad_path", "`..`"),
        ("a: { content: x }".to_owned(), "document.missing_field", "`path`"),
        ("a: { path: 'C:\\a' }".to_owned(), "files.no_content", "`values`"),
        ("a: { path: 'C:\\a', folder: false }".to_owned(), "files.no_folder", "ensure: absent"),
        ("a: { path: 'C:\\a', content: x, source: y }".to_owned(), "files.two_contents", "several entries"),
        ("a: { path: 'C:\\a', content: x, values: [] }".to_owned(), "files.two_contents", "the other one"),
        ("a: { path: 'C:\\a', contents: x }".to_owned(), "document.unknown_field", "did you mean `content`?"),
        ("a: { path: 'C:\\a', content: 1 }".to_owned(), "document.wrong_type", "put it in quotes"),
        ("a: { path: 'C:\\a', content: {} }".to_owned(), "files.bad_content", "`base64` or a `secret`"),
        ("a: { path: 'C:\\a', content: { base64: '!' } }".to_owned(), "files.bad_base64", "not Base64"),
        ("a: { path: 'C:\\a', content: { secret: x } }".to_owned(), "document.plain_secret", "{env: NAME}"),
        ("a: { path: 'C:\\a', content: ü, encoding: ascii }".to_owned(), "files.unencodable", "'ü'"),
        ("a: { path: 'C:\\a', folder: true, encoding: utf-8 }".to_owned(), "files.without_meaning", "`encoding`"),
        ("a: { path: 'C:\\a', content: x, exclusive: true }".to_owned(), "files.without_meaning", "a `tree`"),
        ("a: { path: 'C:\\a', content: x, create: true }".to_owned(), "files.without_meaning", "`values`"),
        ("a: { path: 'C:\\a', content: x, newline: cr }".to_owned(), "document.unknown_word", "`crlf`"),
        ("a: { path: 'C:\\a', source: none.txt }".to_owned(), "document.unreadable_source", "none.txt"),
        ("a: { path: 'C:\\a', tree: { 'a|b': '' } }".to_owned(), "files.bad_tree", "cannot lie on a Windows machine"),
        ("a: { path: 'C:\\a', tree: { a: '', A: '' } }".to_owned(), "files.tree_case", "twice but for case"),
        (
            "a: { path: 'C:\\a', ensure: absent, values: [] }".to_owned(),
            "files.removed_has_content",
            "beside each value",
        ),
        ("a: { path: 'C:\\a', ensure: absent, tree: {} }".to_owned(), "files.removed_has_content", "name each file"),
        (value("{ value: 1 }"), "files.bad_selector", "one of `ini`"),
        (value("{ xml: /a, json: /a, value: 1 }"), "files.bad_selector", "one of `ini`"),
        (value("{ ini: { key: a } }"), "files.bad_value", "`ensure: absent`"),
        (value("{ ini: { key: a }, value: 1, secret: { env: A } }"), "files.bad_value", "either a `value`"),
        (value("{ ini: { key: a }, value: 1, ensure: absent }"), "files.bad_value", "`ensure: absent`"),
        (value("{ ini: { key: a=b }, value: 1 }"), "files.bad_selector", "without `=`"),
        (value("{ ini: { key: a }, value: \"x\\ny\" }"), "files.bad_selector", "one line"),
        (value("{ ini: { section: 'a]' , key: b }, value: x }"), "files.bad_selector", "no `]`"),
        (value("{ ini: { key: a }, value: 1.5 }"), "files.not_text", "in quotes"),
        (value("{ ini: { key: a }, value: [1] }"), "files.not_text", "only a JSON file"),
        (value("{ ini: { key: a }, value: null }"), "files.not_text", "only a JSON file"),
        (value("{ ini: { key: a }, value: 0123 }"), "document.wrong_type", "\"0123\""),
        (value("{ json: a, value: 1 }"), "files.bad_selector", "begins with `/`"),
        (value("{ json: /a/-, value: 1 }"), "files.bad_selector", "by its number"),
        (value("{ xml: a, value: x }"), "files.bad_selector", "begins with `/`"),
        (value("{ xml: '/a[b]', value: x }"), "files.bad_selector", "condition"),
        (value("{ xml: /a, value: \"\\x01\" }"), "files.bad_selector", "control characters"),
        (value("{ property: '', value: x }"), "files.bad_selector", "the key is empty"),
        (value("{ json: /a, value: 1 }, { json: /a, value: 2 }"), "files.value_twice", "first named here"),
        (
            value("{ ini: { section: a, key: k }, value: 1 }, { ini: { section: A, key: ' K' }, value: 2 }"),
            "files.value_twice",
            "[A]",
        ),
        (value("{ json: /a, value: 1 }, { json: /a/b, value: 2 }"), "files.value_within", "the outer one"),
        (value("{ json: /a/b/c, value: 1 }, { json: '', value: 2 }"), "files.value_within", "the other one"),
        (value("{ xml: /a, value: x }, { xml: /a/b/@c, value: x }"), "files.value_within", "/a/b/@c"),
        (value("{ xml: /a/@b, value: x }, { xml: /a, ensure: absent }"), "files.value_within", "/a"),
        (value("{ xml: /a, ensure: absent }, { xml: /a/@b, value: x }"), "files.value_within", "/a/@b"),
        (value("{ json: '', ensure: absent }"), "files.bad_selector", "if the file is to go"),
        (value("{ json: /a/0, ensure: absent }"), "files.absent_by_place", "set the whole"),
        (value("{ xml: '/a/b[2]', ensure: absent }"), "files.absent_by_place", "by an attribute"),
        (
            "a: { path: 'C:\\a', content: x }\n  b: { path: 'c:\\A', content: y }".to_owned(),
            "files.path_twice",
            "two entries speak of",
        ),
        (
            "a: { path: 'C:\\a', content: x }\n  b: { path: 'C:\\a', values: [{ ini: { key: k }, value: v }] }"
                .to_owned(),
            "files.path_twice",
            "only values inside it",
        ),
        (
            "a: { path: '%ProgramData%\\a', values: [] }\n  b: { path: 'C:\\ProgramData\\a', folder: true }".to_owned(),
            "files.path_twice",
            "the other one",
        ),
        (
            "a: { path: 'C:\\a', tree: { 'x\\y': '' } }\n  b: { path: 'C:\\a\\X\\y', content: y }".to_owned(),
            "files.path_twice",
            "two entries",
        ),
        (
            "a: { path: 'C:\\a', folder: true }\n  A: { path: 'C:\\b', folder: true }".to_owned(),
            "files.named_twice",
            "case",
        ),
        ("a: { path: 'C:\\a', security: {} }".to_owned(), "files.empty_security", "owner"),
        (
            "a: { path: 'C:\\a', security: { grant: [{ to: S-1-1-0, rights: set value }] } }".to_owned(),
            "files.bad_rights",
            "modify",
        ),
        ("a: { path: 'C:\\a', security: { sddl: X } }".to_owned(), "files.bad_sddl", "SDDL"),
    ];
    for (entry, code, words) in cases {
        let shown = refusal(&format!("files:\n  {entry}"));
        assert!(shown.contains(code) && shown.contains(words), "{entry}\n{shown}");
    }
    let text = r"files:
  a: { path: 'C:\a.ini', values: [{ ini: { key: k }, value: v }] }
  b: { path: 'C:\A.ini', content: all }
  c: { path: 'C:\c.ini', values: [{ ini: { key: k }, value: 1.50 }] }";
    insta::assert_snapshot!(refusal(text), @r"
    error[files.path_twice]: two entries speak of C:\A.ini
     --> site.yaml:4:14
      |
    4 |   b: { path: 'C:\A.ini', content: all }
      |              ^^^^^^^^^^
      |
     ::: site.yaml:3:14
      |
    3 |   a: { path: 'C:\a.ini', values: [{ ini: { key: k }, value: v }] }
      |              ---------- the other one
      |
      = help: the whole of a file has one entry; only values inside it may come from several

    error[files.not_text]: only a JSON file holds anything but text, whole numbers, `true` and `false`
     --> site.yaml:5:61
      |
    5 |   c: { path: 'C:\c.ini', values: [{ ini: { key: k }, value: 1.50 }] }
      |                                                             ^^^^
      |
      = help: put the value in quotes, as it is to stand in the file
    ");
}

#[test]
fn what_is_accepted() {
    let local = Local(vec![("a.bin", b"x")]);
    for entry in [
        r"{ path: 'C:\a', content: '' }",
        r"{ path: 'C:\a', source: a.bin }",
        r"{ path: 'C:/a/b', folder: true, ensure: absent }",
        r"{ path: 'C:\a', ensure: absent }",
        r"{ path: 'C:\a', tree: none }",
        r"{ path: 'C:\a', security: { grant: [{ to: BUILTIN\Users, rights: 'read, write' }] } }",
        r"{ path: 'C:\a', values: [{ json: /a, value: { b: [1, -2.5e3, null, yes, text] } }] }",
        r"{ path: 'C:\a', values: [{ xml: /a, value: x }, { xml: /a/@b, value: x }, { xml: '/a[2]/@b', ensure: absent }] }",
        r"{ path: 'C:\a', values: [{ ini: { key: a }, value: yes }, { property: b, value: -5 }] }",
    ] {
        assert!(loaded(&format!("files:\n  a: {entry}"), &local).is_ok(), "{entry}");
    }
}
