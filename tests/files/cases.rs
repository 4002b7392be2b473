//! What a plan says of each situation, and what a run leaves, on a machine in memory and on an image alike.

use super::world::{Case, Local, check};

const INI: &[u8] = b"; kept\r\n[Server]\r\nPort = 80\r\nHost=a\r\n\r\n[Other]\r\nPort=1\r\n";

fn local() -> Local<'static> {
    Local(vec![
        ("files/logo.bin", &[0, 1, 2, 255]),
        ("site/index.html", b"<p>"),
        ("site/css/a.css", b"a{}"),
        ("site/empty/", b""),
    ])
}

#[test]
fn whole_contents() {
    let cases = [
        Case {
            name: "a file that is not there, with the folders above it",
            before: &[],
            text: "files: { a: { path: 'C:\\Vendor\\x\\a.txt', content: \"a\\nb\\n\", newline: crlf } }",
            told: &["+ a: files.absent"],
            after: &[(r"C:\Vendor\x\a.txt", Some(b"a\r\nb\r\n"))],
        },
        Case {
            name: "a file that is as it should be, in another case",
            before: &[(r"C:\vendor\A.TXT", b"hello")],
            text: r"files: { a: { path: 'C:\Vendor\a.txt', content: hello } }",
            told: &[],
            after: &[],
        },
        Case {
            name: "another length",
            before: &[(r"C:\Vendor\a.txt", b"hello\r\n")],
            text: r"files: { a: { path: 'C:\Vendor\a.txt', content: hello } }",
            told: &["~ a: files.differs"],
            after: &[(r"C:\Vendor\a.txt", Some(b"hello"))],
        },
        Case {
            name: "the same length",
            before: &[(r"C:\Vendor\a.txt", b"hallo")],
            text: r"files: { a: { path: 'C:\Vendor\a.txt', content: hello } }",
            told: &["~ a: files.differs"],
            after: &[(r"C:\Vendor\a.txt", Some(b"hello"))],
        },
        Case {
            name: "an empty file",
            before: &[],
            text: r#"files: { a: { path: 'C:\a.txt', content: "" } }"#,
            told: &["+ a: files.absent"],
            after: &[(r"C:\a.txt", Some(b""))],
        },
        Case {
            name: "encodings",
            before: &[(r"C:\utf8", b"\xef\xbb\xbf\xc3\xbc")],
            text: r#"
defaults: { file: { encoding: utf-16, newline: crlf } }
files:
  a: { path: 'C:\utf16', content: "ü\n" }
  b: { path: 'C:\utf8', content: ü, encoding: utf-8-bom }
  c: { path: 'C:\ascii', content: "a\r\nb\n", encoding: ascii, newline: lf }
  d: { path: 'C:\logo', source: files/logo.bin }
"#,
            told: &["+ a: files.absent", "+ c: files.absent", "+ d: files.absent"],
            after: &[
                (r"C:\utf16", Some(b"\xff\xfe\xfc\x00\x0d\x00\x0a\x00")),
                (r"C:\ascii", Some(b"a\nb\n")),
                (r"C:\logo", Some(&[0, 1, 2, 255])),
            ],
        },
        Case {
            name: "a file beside the document, and bytes in it",
            before: &[(r"C:\ProgramData\logo.bin", b"old")],
            text: r"
files:
  logo: { path: 'C:\ProgramData\logo.bin', source: files/logo.bin }
  other: { path: '%ProgramData%\other.bin', content: { base64: AAEC } }
",
            told: &["~ logo: files.differs", "+ other: files.absent"],
            after: &[
                (r"C:\ProgramData\logo.bin", Some(&[0, 1, 2, 255])),
                (r"C:\ProgramData\other.bin", Some(&[0, 1, 2])),
            ],
        },
        Case {
            name: "a folder stands where a file should, and a file where a folder should",
            before: &[(r"C:\Vendor\", b""), (r"C:\file", b"x")],
            text: r"files: { a: { path: 'C:\Vendor', content: x }, b: { path: 'C:\file', folder: true } }",
            told: &["! a: files.not_a_file", "! b: files.not_a_folder"],
            after: &[],
        },
        Case {
            name: "what only a machine with that drive can hold",
            before: &[],
            text: r"files: { a: { path: 'C:\a', ensure: absent } }",
            told: &[],
            after: &[],
        },
        Case {
            name: "what goes",
            before: &[(r"C:\Vendor\a.txt", b"x"), (r"C:\empty\", b""), (r"C:\full\x", b"1"), (r"C:\Vendor\b", b"2")],
            text: r"
files:
  a: { path: 'C:\Vendor\A.txt', ensure: absent }
  b: { path: 'C:\Vendor\b', content: '', ensure: absent }
  empty: { path: 'C:\empty', folder: true, ensure: absent }
  full: { path: 'C:\full', ensure: absent }
",
            told: &[
                "- a: files.not_wanted",
                "- b: files.not_wanted",
                "- empty: files.not_wanted",
                "! full: files.not_empty",
            ],
            after: &[(r"C:\Vendor\a.txt", None), (r"C:\Vendor\b", None)],
        },
        Case {
            name: "a folder goes behind what is in it",
            before: &[(r"C:\Vendor\a.txt", b"x"), (r"C:\Vendor\b.txt", b"x")],
            text: r"
files:
  folder: { path: 'C:\Vendor', ensure: absent }
  a: { path: 'C:\Vendor\a.txt', ensure: absent }
",
            told: &["- a: files.not_wanted", "! folder: files.not_empty"],
            after: &[(r"C:\Vendor\a.txt", None)],
        },
        Case {
            name: "folders come before the files in them, wherever they stand in the document",
            before: &[],
            text: r"
files:
  a: { path: '%ProgramFiles%\Vendor\sub\a.txt', content: x }
  folder: { path: 'C:\Program Files\Vendor', folder: true }
",
            told: &["+ folder: files.absent", "+ a: files.absent"],
            after: &[(r"C:\Program Files\Vendor\sub\a.txt", Some(b"x"))],
        },
        Case {
            name: "a secret as a whole content",
            before: &[(r"C:\b.key", b"secret-B"), (r"C:\c.key", b"other"), (r"C:\d.key", b"secret-D")],
            text: r"
files:
  a: { path: 'C:\a.key', content: { secret: { env: A } } }
  c: { path: 'C:\c.key', content: { secret: { env: C } } }
  d: { path: 'C:\d.key', content: { secret: { env: D } } }
",
            told: &["+ a: files.absent", "~ c: secret.differs", "~ d: files.permissions_differ"],
            after: &[(r"C:\a.key", Some(b"secret-A")), (r"C:\c.key", Some(b"secret-C"))],
        },
    ];
    for case in cases {
        check(&case, &local());
    }
}

#[test]
fn trees() {
    let cases = [
        Case {
            name: "all of it",
            before: &[],
            text: r"files: { site: { path: 'C:\inetpub\site', tree: site } }",
            told: &[
                "+ site: files.absent",
                "+ site index.html: files.absent",
                r"+ site css: files.absent",
                r"+ site css\a.css: files.absent",
                "+ site empty: files.absent",
            ],
            after: &[(r"C:\inetpub\site\index.html", Some(b"<p>")), (r"C:\inetpub\site\css\a.css", Some(b"a{}"))],
        },
        Case {
            name: "one file differs, one is not named and stays",
            before: &[
                (r"C:\inetpub\site\INDEX.html", b"<p>"),
                (r"C:\inetpub\site\css\a.css", b"b{}"),
                (r"C:\inetpub\site\css\own.css", b"own"),
                (r"C:\inetpub\site\empty\", b""),
            ],
            text: r"files: { site: { path: 'C:\inetpub\site', tree: site } }",
            told: &[r"~ site css\a.css: files.differs"],
            after: &[(r"C:\inetpub\site\css\a.css", Some(b"a{}"))],
        },
        Case {
            name: "what is not named goes, the innermost first",
            before: &[
                (r"C:\inetpub\site\index.html", b"<p>"),
                (r"C:\inetpub\site\css\a.css", b"a{}"),
                (r"C:\inetpub\site\css\own.css", b"own"),
                (r"C:\inetpub\site\empty\", b""),
                (r"C:\inetpub\site\old\deep\x", b"x"),
            ],
            text: r"files: { site: { path: 'C:\inetpub\site', tree: site, exclusive: true } }",
            told: &[
                r"- site old\deep\x: files.not_named",
                r"- site old\deep: files.not_named",
                "- site old: files.not_named",
                r"- site css\own.css: files.not_named",
            ],
            after: &[(r"C:\inetpub\site\css\own.css", None), (r"C:\inetpub\site\old\deep\x", None)],
        },
        Case {
            name: "something else stands in the way",
            before: &[
                (r"C:\inetpub\site\css", b"a file"),
                (r"C:\inetpub\site\index.html\x", b""),
                (r"C:\inetpub\site\empty\", b""),
            ],
            text: r"files: { site: { path: 'C:\inetpub\site', tree: site } }",
            told: &[
                "! site index.html: files.not_a_file",
                "! site css: files.not_a_folder",
                r"! site css\a.css: files.unreadable",
            ],
            after: &[],
        },
    ];
    for case in cases {
        check(&case, &local());
    }
}

#[test]
fn values() {
    let config: &[u8] = b"\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n<configuration>\r\n  <appSettings>\r\n    <!-- kept -->\r\n    <add value='true' key='Lang' />\r\n  </appSettings>\r\n</configuration>";
    let json: &[u8] = b"{\n  // kept\n  \"Logging\": { \"Level\": \"Info\" },\n  \"Ports\": [1, 2],\n}\n";
    let cases = [
        Case {
            name: "values of an INI file",
            before: &[(r"C:\Vendor\server.ini", INI)],
            text: r"
files:
  a:
    path: 'C:\Vendor\server.ini'
    values:
      - { ini: { section: server, key: PORT }, value: 8282 }
      - { ini: { section: Server, key: Use Https }, value: true }
      - { ini: { section: Server, key: Host }, value: a }
      - { ini: { section: Other, key: Port }, ensure: absent }
      - { ini: { section: None, key: Port }, ensure: absent }
",
            told: &[
                "~ a [server] PORT: files.value_differs",
                "+ a [Server] Use Https: files.value_absent",
                "- a [Other] Port: files.value_not_wanted",
            ],
            after: &[(
                r"C:\Vendor\server.ini",
                Some(b"; kept\r\n[Server]\r\nPort = 8282\r\nHost=a\r\nUse Https=true\r\n\r\n[Other]\r\n"),
            )],
        },
        Case {
            name: "two entries, and two documents of one, change one file",
            before: &[(r"C:\Program Files\server.ini", INI)],
            text: r"
files:
  a: { path: 'C:\Program Files\server.ini', values: [{ ini: { section: Server, key: Port }, value: '1' }] }
  b: { path: '%PROGRAMFILES%\SERVER.ini', values: [{ ini: { section: Server, key: Host }, value: b }] }
",
            told: &["~ a [Server] Port: files.value_differs", "~ b [Server] Host: files.value_differs"],
            after: &[(
                r"C:\Program Files\server.ini",
                Some(b"; kept\r\n[Server]\r\nPort = 1\r\nHost=b\r\n\r\n[Other]\r\nPort=1\r\n"),
            )],
        },
        Case {
            name: "an attribute, and an element that is not there",
            before: &[(r"C:\Vendor\a.config", config)],
            text: r#"
files:
  a:
    path: 'C:\Vendor\a.config'
    values:
      - { xml: "/configuration/appSettings/add[@key='Lang']/@value", value: false }
      - { xml: "/configuration/appSettings/add[@key='New']/@value", value: a<b }
"#,
            told: &[
                "~ a /configuration/appSettings/add[@key='Lang']/@value: files.value_differs",
                "+ a /configuration/appSettings/add[@key='New']/@value: files.value_absent",
            ],
            after: &[(
                r"C:\Vendor\a.config",
                Some(b"\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n<configuration>\r\n  <appSettings>\r\n    <!-- kept -->\r\n    <add value='false' key='Lang' />\r\n    <add key=\"New\" value=\"a&lt;b\" />\r\n  </appSettings>\r\n</configuration>"),
            )],
        },
        Case {
            name: "JSON with comments, by pointer and by type",
            before: &[(r"C:\Vendor\app.json", json)],
            text: r"
files:
  a:
    path: 'C:\Vendor\app.json'
    values:
      - { json: /Logging/Level, value: Debug }
      - { json: /Ports/1, value: 2 }
      - { json: /Ports/0, value: '1' }
      - { json: /New/Deep, value: { a: [true, null, 1.5] } }
",
            told: &[
                "~ a /Logging/Level: files.value_differs",
                "~ a /Ports/0: files.value_differs",
                "+ a /New/Deep: files.value_absent",
            ],
            after: &[(
                r"C:\Vendor\app.json",
                Some(b"{\n  // kept\n  \"Logging\": { \"Level\": \"Debug\" },\n  \"Ports\": [\"1\", 2],\n  \"New\": {\n    \"Deep\": {\n      \"a\": [\n        true,\n        null,\n        1.5\n      ]\n    }\n  },\n}\n"),
            )],
        },
        Case {
            name: "properties, with a secret beside them",
            before: &[(r"C:\Vendor\a.properties", b"# kept\nhttp.port : 80\nname = a \\\n  b\n")],
            text: r"
files:
  a:
    path: 'C:\Vendor\a.properties'
    values:
      - { property: http.port, value: 8080 }
      - { property: password, secret: { env: A } }
",
            told: &["~ a http.port: files.value_differs", "+ a password: files.value_absent"],
            after: &[(
                r"C:\Vendor\a.properties",
                Some(b"# kept\nhttp.port : 8080\nname = a \\\n  b\npassword=secret-A\n"),
            )],
        },
        Case {
            name: "secrets that are there, differ, and cannot be had",
            before: &[(r"C:\a.ini", b"[S]\nA=secret-A\nB=old\nC=x\n")],
            text: r"
files:
  a:
    path: 'C:\a.ini'
    values:
      - { ini: { section: S, key: A }, secret: { env: A } }
      - { ini: { section: S, key: B }, secret: { env: B } }
      - { ini: { section: S, key: C }, secret: { env: MISSING } }
",
            told: &["~ a [S] B: secret.differs", "? a [S] C: secret.unresolved"],
            after: &[(r"C:\a.ini", Some(b"[S]\nA=secret-A\nB=secret-B\nC=x\n"))],
        },
        Case {
            name: "a file that is made for its values",
            before: &[],
            text: r"
files:
  a:
    path: 'C:\Vendor\new.ini'
    create: true
    values:
      - { ini: { section: S, key: A }, value: '1' }
      - { ini: { section: S, key: B }, ensure: absent }
  b: { path: 'C:\Vendor\NEW.ini', create: true, values: [{ ini: { section: T, key: A }, value: '2' }] }
",
            told: &[
                "+ a: files.absent",
                "+ a [S] A: files.value_absent",
                "+ b: files.absent",
                "+ b [T] A: files.value_absent",
            ],
            after: &[(r"C:\Vendor\new.ini", Some(b"[S]\r\nA=1\r\n[T]\r\nA=2\r\n"))],
        },
        Case {
            name: "an XML file and a JSON file that are made",
            before: &[],
            text: r#"
files:
  a:
    path: 'C:\Vendor\new.config'
    create: true
    values:
      - { xml: "/configuration/appSettings/add[@key='Lang']/@value", value: de }
      - { xml: "/configuration/appSettings/add[@key='Port']/@value", value: 1 }
  b: { path: 'C:\Vendor\new.json', create: true, values: [{ json: /a/b, value: 1 }, { json: /a/c, value: [] }] }
"#,
            told: &[
                "+ a: files.absent",
                "+ a /configuration/appSettings/add[@key='Lang']/@value: files.value_absent",
                "+ a /configuration/appSettings/add[@key='Port']/@value: files.value_absent",
                "+ b: files.absent",
                "+ b /a/b: files.value_absent",
                "+ b /a/c: files.value_absent",
            ],
            after: &[
                (
                    r"C:\Vendor\new.config",
                    Some(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<configuration><appSettings><add key=\"Lang\" value=\"de\" /><add key=\"Port\" value=\"1\" /></appSettings></configuration>\r\n"),
                ),
                (r"C:\Vendor\new.json", Some(b"{\"a\":{\"b\":1, \"c\": []}}")),
            ],
        },
        Case {
            name: "a file that nobody makes",
            before: &[],
            text: r"
files:
  a: { path: 'C:\Vendor\none.ini', values: [{ ini: { key: A }, value: '1' }] }
  b: { path: 'C:\Vendor\none.ini', values: [{ ini: { key: B }, ensure: absent }] }
",
            told: &["! a: files.absent", "! a A: files.absent"],
            after: &[],
        },
        Case {
            name: "files that are not what the values speak of",
            before: &[
                (r"C:\a.json", b"{ not json"),
                (r"C:\b.config", b"<a><b/><b/></a>"),
                (r"C:\c.json", b"[1]"),
                (r"C:\d.ini\x", b""),
            ],
            text: r"
files:
  a: { path: 'C:\a.json', values: [{ json: /a, value: 1 }] }
  b: { path: 'C:\b.config', values: [{ xml: /a/b/@c, value: '1' }, { xml: /a/c/d/@e, ensure: absent }, { xml: /x/y, value: 1 }] }
  c: { path: 'C:\c.json', values: [{ json: /9, value: 1 }, { json: /a, ensure: absent }] }
  d: { path: 'C:\d.ini', values: [{ ini: { key: a }, value: 1 }] }
",
            told: &[
                "! a /a: files.unusable",
                "! b /a/b/@c: files.unusable",
                "! b /x/y: files.no_place",
                "! c /9: files.no_place",
                "! d: files.not_a_file",
                "! d a: files.unreadable",
            ],
            after: &[],
        },
    ];
    for case in cases {
        check(&case, &local());
    }
}
