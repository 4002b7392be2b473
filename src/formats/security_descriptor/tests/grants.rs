//! Granting by name.

use super::super::*;
use super::sddl;

fn wanted(sid: Sid, mask: AccessMask, reach: Reach) -> Grant {
    Grant { sid, mask, reach }
}

#[test]
fn grants() {
    let full = AccessMask::KEY_ALL_ACCESS;
    let read = AccessMask::KEY_READ;
    let users_read_below = [wanted(Sid::USERS, read, Reach::Subkeys)];
    let users_read = [wanted(Sid::USERS, read, Reach::ThisKey)];
    let users_full = [wanted(Sid::USERS, full, Reach::ThisKey)];
    let owner_full = [wanted(Sid::CREATOR_OWNER, full, Reach::Subkeys)];
    // name, before, grants, others, after; the same text twice: already so
    let cases: &[(&str, &str, &[Grant], Others, &str)] = &[
        ("explicit", "D:(A;;KR;;;BU)", &users_read, Others::Keep, "D:(A;;KR;;;BU)"),
        ("more than asked", "D:(A;;KA;;;BU)", &users_read, Others::Keep, "D:(A;;KA;;;BU)"),
        ("inherited", "D:AI(A;CIID;KR;;;BU)", &users_read_below, Others::Keep, "D:AI(A;CIID;KR;;;BU)"),
        ("generic", "D:(A;CI;GR;;;BU)", &users_read_below, Others::Keep, "D:(A;CI;GR;;;BU)"),
        (
            "in two parts",
            "D:(A;;KR;;;BU)(A;CIIO;GR;;;BU)",
            &users_read_below,
            Others::Keep,
            "D:(A;;KR;;;BU)(A;CIIO;GR;;;BU)",
        ),
        ("missing", "D:(A;;KA;;;SY)", &users_read, Others::Keep, "D:(A;;KA;;;SY)(A;;KR;;;BU)"),
        ("too little", "D:(A;;KR;;;BU)(A;;KA;;;SY)", &users_full, Others::Keep, "D:(A;;KA;;;SY)(A;;KA;;;BU)"),
        ("not below", "D:(A;;KR;;;BU)", &users_read_below, Others::Keep, "D:(A;CI;KR;;;BU)"),
        ("one level only", "D:(A;CINP;KR;;;BU)", &users_read_below, Others::Keep, "D:(A;CI;KR;;;BU)"),
        ("below only", "D:(A;CIIO;KR;;;BU)", &users_read, Others::Keep, "D:(A;;KR;;;BU)"),
        ("before inherited", "D:AI(A;ID;KA;;;SY)", &users_read, Others::Keep, "D:AI(A;;KR;;;BU)(A;ID;KA;;;SY)"),
        (
            "inherited deny",
            "D:AI(D;ID;KW;;;BU)(A;ID;KA;;;BU)",
            &users_full,
            Others::Keep,
            "D:AI(A;;KA;;;BU)(D;ID;KW;;;BU)(A;ID;KA;;;BU)",
        ),
        ("deny after allow", "D:(A;;KA;;;BU)(D;;KW;;;BU)", &users_full, Others::Keep, "D:(A;;KA;;;BU)(D;;KW;;;BU)"),
        (
            "canonical",
            "D:(A;;KA;;;SY)(D;;KW;;;WD)",
            &users_read,
            Others::Keep,
            "D:(D;;KW;;;WD)(A;;KA;;;SY)(A;;KR;;;BU)",
        ),
        ("placeholder", "D:(A;;KA;;;SY)", &owner_full, Others::Keep, "D:(A;;KA;;;SY)(A;CIIO;KA;;;CO)"),
        ("null keeps", "D:NO_ACCESS_CONTROL", &users_read, Others::Keep, "D:NO_ACCESS_CONTROL"),
        ("null goes", "D:NO_ACCESS_CONTROL", &users_read, Others::Remove, "D:(A;;KR;;;BU)"),
        ("absent goes", "O:BA", &users_read, Others::Remove, "O:BAD:(A;;KR;;;BU)"),
        ("empty", "D:", &users_read, Others::Keep, "D:(A;;KR;;;BU)"),
        (
            "others go",
            "D:PAI(A;;KA;;;SY)(A;;KR;;;BU)(A;ID;KR;;;WD)",
            &users_read,
            Others::Remove,
            "D:PAI(A;;KR;;;BU)(A;ID;KR;;;WD)",
        ),
        ("denials stay", "D:(D;;KW;;;WD)(A;;KR;;;BU)", &users_read, Others::Remove, "D:(D;;KW;;;WD)(A;;KR;;;BU)"),
        ("audit stays", "D:S:(AU;SA;KW;;;WD)", &users_read, Others::Keep, "D:(A;;KR;;;BU)S:(AU;SA;KW;;;WD)"),
    ];
    for (name, before, grants, others, after) in cases {
        let before_descriptor = sddl(before);
        let result = grant(&before_descriptor, grants, *others);
        assert_eq!(result.to_sddl().as_deref(), Ok(*after), "{name}");
        assert_eq!(satisfies(&before_descriptor, grants, *others), before == after, "{name}");
        assert!(satisfies(&result, grants, *others), "{name}");
    }
}

#[test]
fn an_explicit_denial_is_reported_not_removed() {
    let descriptor = sddl("D:(D;;KW;;;BU)(D;CIIO;KW;;;SY)(A;;KA;;;BU)");
    let users_full = [wanted(Sid::USERS, AccessMask::KEY_ALL_ACCESS, Reach::ThisKey)];
    let denials = denied_by(&descriptor, &users_full);
    assert_eq!(denials, [Ace::deny(Sid::USERS, AccessMask::KEY_WRITE, AceFlags::empty())]);
    assert!(!satisfies(&grant(&descriptor, &users_full, Others::Keep), &users_full, Others::Keep));

    let system_here = [wanted(Sid::SYSTEM, AccessMask::KEY_ALL_ACCESS, Reach::ThisKey)];
    assert!(denied_by(&descriptor, &system_here).is_empty());
    let system_below = [wanted(Sid::SYSTEM, AccessMask::KEY_ALL_ACCESS, Reach::Subkeys)];
    assert_eq!(denied_by(&descriptor, &system_below).len(), 1);
}

#[test]
fn what_goes_is_listed() {
    let users_read = [wanted(Sid::USERS, AccessMask::KEY_READ, Reach::ThisKey)];
    let removed = |text: &str, others| {
        let aces = removed_by(&sddl(text), &users_read, others);
        SecurityDescriptor::default().with_dacl(AccessList::Entries(Acl::new(aces))).to_sddl().unwrap()
    };
    let text = "D:(D;;KW;;;WD)(A;;KA;;;SY)(A;;KR;;;BU)(A;ID;KR;;;WD)";
    assert_eq!(removed(text, Others::Remove), "D:(A;;KA;;;SY)");
    assert_eq!(removed(text, Others::Keep), "D:");
    assert_eq!(removed("D:NO_ACCESS_CONTROL", Others::Remove), "D:(A;;KA;;;WD)");
}

#[test]
fn a_denial_that_ordering_brings_forward_counts() {
    let descriptor = sddl("D:AI(A;ID;KA;;;BU)(D;;KR;;;BU)");
    let grants = [
        wanted(Sid::USERS, AccessMask::KEY_READ, Reach::ThisKey),
        wanted(Sid::SYSTEM, AccessMask::KEY_READ, Reach::ThisKey),
    ];
    let granted = grant(&descriptor, &grants, Others::Keep);
    let expected = "D:AI(D;;KR;;;BU)(A;;KR;;;BU)(A;;KR;;;SY)(A;ID;KA;;;BU)";
    assert_eq!(granted.to_sddl().as_deref(), Ok(expected));
    assert_eq!(grant(&granted, &grants, Others::Keep), granted);
    assert_eq!(denied_by(&granted, &grants).len(), 1);
}
