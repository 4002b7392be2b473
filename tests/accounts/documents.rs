//! What the `accounts` section refuses: each code, and the words in the document that it points at.

use trueup::document::{Colour, render};

use crate::world::loaded;

/// The section's text, and each finding as its code and the text that stands at its place.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: [Case; 18] = [
    ("{ Administrators: {} }", &[("accounts.no_members", "Administrators")]),
    ("{ Administrators: { members: [bob], ensure: absent } }", &[("accounts.absent", "ensure")]),
    ("{ Everyone: { members: [bob] } }", &[("accounts.no_local_group", "Everyone")]),
    ("{ S-1-5-18: { members: [bob] } }", &[("accounts.no_local_group", "S-1-5-18")]),
    (
        "{ Administrators: { members: [a] }, S-1-5-32-544: { members: [b] } }",
        &[("accounts.group_twice", "S-1-5-32-544")],
    ),
    (r"{ Ops: { members: [a] }, '.\OPS': { members: [b] } }", &[("accounts.group_twice", r"'.\OPS'")]),
    ("{ '': { members: [a] } }", &[("accounts.bad_name", "''")]),
    ("{ Ops: { members: [' bob'] } }", &[("accounts.bad_name", "' bob'")]),
    ("{ Ops: { members: ['CORP\\'] } }", &[("accounts.bad_name", "'CORP\\'")]),
    (r"{ Ops: { members: ['A\B\C'] } }", &[("accounts.bad_name", r"'A\B\C'")]),
    ("{ Ops: { members: [S-1-5-x] } }", &[("accounts.bad_name", "S-1-5-x")]),
    ("{ Ops: { members: [S-1-5-32-545] } }", &[("accounts.group_as_member", "S-1-5-32-545")]),
    ("{ Ops: { members: [Users] } }", &[("accounts.group_as_member", "Users")]),
    ("{ Ops: { members: [bob, BOB] } }", &[("accounts.member_twice", "BOB")]),
    ("{ Ops: { members: [SYSTEM, S-1-5-18] } }", &[("accounts.member_twice", "S-1-5-18")]),
    ("{ Ops: { members: [bob], lacks: ['.\\bob'] } }", &[("accounts.contradiction", "'.\\bob'")]),
    ("{ Ops: { member: [bob] } }", &[("document.unknown_field", "member")]),
    ("{ Ops: { members: bob } }", &[("document.wrong_type", "bob")]),
];

#[test]
fn each_mistake_is_found_where_it_stands() {
    let mut wrong = String::new();
    for (section, expected) in CASES {
        let text = format!("version: 1\naccounts: {section}\n");
        let Err(failure) = loaded(&text) else {
            wrong.push_str(&format!("{section}: it is accepted\n"));
            continue;
        };
        let found: Vec<(&str, String)> = failure
            .diagnostics
            .iter()
            .map(|one| {
                let at = one.at.expect("it has a place");
                let line = failure.sources.line(at).expect("it is there");
                (one.code, line.chars().skip(at.column as usize - 1).collect())
            })
            .collect();
        let fits = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|((code, rest), (wanted, start))| code == wanted && rest.starts_with(start));
        if !fits {
            wrong.push_str(&format!("{section}: {found:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_mistake_is_shown_with_its_line_and_what_to_do() {
    let text = r"version: 1
accounts:
  Remote Desktop Users:
    members: ['CORP\Helpdesk', bob]
    lacks: [bob]
  Administrators:
    ensure: absent
    lacks: [bob]
";
    let failure = loaded(text).expect_err("it is refused");
    insta::assert_snapshot!(render(&failure.diagnostics, &failure.sources, Colour::Plain), @r#"
    error[accounts.contradiction]: `bob` has to be in the group and must not be in it
     --> site.yaml:5:13
      |
    5 |     lacks: [bob]
      |             ^^^
      |
     ::: site.yaml:4:32
      |
    4 |     members: ['CORP\Helpdesk', bob]
      |                                --- first named here

    error[accounts.absent]: a group is neither made nor removed, its members are
     --> site.yaml:7:5
      |
    7 |     ensure: absent
      |     ^^^^^^
      |
      = help: write `lacks` for accounts that must not be in it, or `exclusive: true` with no `members`
    "#);
}
