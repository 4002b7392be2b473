//! What a plan says of a name, and what a run leaves, on a machine in memory and on an image alike.

use super::world::{
    Bed, Case, Local, PARAMETERS, applied, check, desired, found, memory, path, plan, plant_value, told,
};

const FILE: &str = r"%SystemRoot%\System32\drivers\etc\hosts";
const BEFORE: &[u8] =
    b"# kept\r\n127.0.0.1 localhost\r\n10.0.0.9 acs.corp.example acs # theirs\r\nfd00::9 acs.corp.example\r\n";

#[test]
fn names_and_addresses() {
    let cases = [
        Case {
            name: "a name that is not there",
            before: &[(FILE, BEFORE)],
            text: "hosts: { web.corp.example: 10.0.0.5 }",
            told: &["+ web.corp.example: hosts.absent"],
            after: &[(FILE, Some(b"# kept\r\n127.0.0.1 localhost\r\n10.0.0.9 acs.corp.example acs # theirs\r\nfd00::9 acs.corp.example\r\n10.0.0.5 web.corp.example\r\n"))],
        },
        Case {
            name: "both families, another address among others",
            before: &[(FILE, BEFORE)],
            text: "hosts: { ACS.corp.example: [10.0.0.5, 'FD00:0::9'] }",
            told: &["~ ACS.corp.example: hosts.differs"],
            after: &[(FILE, Some(b"# kept\r\n127.0.0.1 localhost\r\n10.0.0.9 acs # theirs\r\n10.0.0.5 ACS.corp.example\r\nfd00::9 acs.corp.example\r\n"))],
        },
        Case {
            name: "one family only: the other's addresses go",
            before: &[(FILE, BEFORE)],
            text: "hosts: { acs.corp.example: { addresses: 10.0.0.9 } }",
            told: &["~ acs.corp.example: hosts.differs"],
            after: &[(FILE, Some(b"# kept\r\n127.0.0.1 localhost\r\n10.0.0.9 acs.corp.example acs # theirs\r\n"))],
        },
        Case {
            name: "names that go, and one that is not there",
            before: &[(FILE, BEFORE)],
            text: "hosts: { acs: absent, acs.corp.example: { ensure: absent }, none: absent }",
            told: &["- acs: hosts.not_wanted", "- acs.corp.example: hosts.not_wanted"],
            after: &[(FILE, Some(b"# kept\r\n127.0.0.1 localhost\r\n"))],
        },
        Case {
            name: "all is as it should be",
            before: &[(FILE, BEFORE)],
            text: "hosts: { acs: 10.0.0.9, acs.corp.example: ['fd00::9', 10.0.0.9, 10.0.0.9], localhost: 127.0.0.1 }",
            told: &[],
            after: &[],
        },
        Case {
            name: "no file, and names with a remark",
            before: &[],
            text: "hosts: { a: { addresses: [10.0.0.1], comment: ours }, b: [10.0.0.2, '::2'], c: absent }",
            told: &["+ a: hosts.absent", "+ b: hosts.absent"],
            after: &[(FILE, Some(b"10.0.0.1\ta # ours\r\n10.0.0.2\tb\r\n::2\tb\r\n"))],
        },
        Case {
            name: "a file that is no text",
            before: &[(FILE, b"ab\x00")],
            text: "hosts: { a: 10.0.0.1, b: absent }",
            told: &["! a: hosts.unusable", "! b: hosts.unusable"],
            after: &[],
        },
    ];
    for case in cases {
        check(&case, &Local::default());
    }
}

#[test]
fn the_file_lies_where_the_registry_says() {
    let machine = memory();
    plant_value(&machine, PARAMETERS, "DataBasePath", r"D:\Net\etc");
    let wanted = desired("hosts: { a: 10.0.0.1 }");
    applied(&machine, &wanted);
    assert_eq!(machine.file(&path(r"D:\Net\etc\hosts")).unwrap(), b"10.0.0.1\ta\r\n");
    for (bad, message) in [("etc", "not absolute"), (r"\\server\share", "network"), ("", "not absolute")] {
        plant_value(&machine, PARAMETERS, "DataBasePath", bad);
        let plan = plan(&machine, &wanted);
        assert_eq!(told(&plan), ["! a: hosts.bad_folder"], "{bad}");
        let words = plan.decisions[0].reasons[0].to_string();
        assert!(words.contains(message), "{bad}: {words}");
    }
}

#[test]
fn places_that_cannot_be_looked_at() {
    let [_, image] = Bed::both(&[]);
    let wanted = desired("hosts: { a: 10.0.0.1 }");
    // What a snapshot of another document does not hold is not taken for absent.
    let other = super::world::snapshot(image.reader(), &desired("hosts: { b: 10.0.0.1 }"));
    assert_eq!(told(&plan(&other, &wanted)), ["? a: hosts.not_captured"]);
    let empty = super::world::snapshot(image.reader(), &desired("files: {}"));
    assert_eq!(told(&plan(&empty, &wanted)), ["! a: hosts.unreadable"]);
    applied(
        image.machine(),
        &desired(&format!("registry: {{ '{PARAMETERS}': {{ values: {{ DataBasePath: 'D:\\etc' }} }} }}")),
    );
    assert_eq!(told(&plan(image.reader(), &wanted)), ["» a: hosts.deferred"]);
}

#[test]
fn findings() {
    let [_, image] = Bed::both(&[]);
    let cases: [(&str, &[&str]); 6] = [
        ("localhost: 10.0.0.1", &["warning hosts.localhost"]),
        ("localhost: ['::1', 127.0.0.1]", &[]),
        ("acs-srv01: 10.0.0.1", &["warning hosts.own_name"]),
        ("ACS-SRV01: 127.0.0.1", &[]),
        ("a: 'fe80::1'", &["warning hosts.link_local"]),
        ("localhost: absent", &[]),
    ];
    for (entry, codes) in cases {
        let plan = plan(image.reader(), &desired(&format!("hosts: {{ {entry} }}")));
        assert_eq!(found(&plan), codes, "{entry}");
    }
}
