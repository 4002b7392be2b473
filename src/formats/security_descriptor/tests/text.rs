//! SDDL and bytes: what is read, written and refused.

use super::super::*;
use super::sddl;

#[test]
fn text_is_read_and_written() {
    let cases = [
        ("", ""),
        ("O:BAG:SYD:(A;;KA;;;SY)", "O:BAG:SYD:(A;;KA;;;SY)"),
        ("o:bag:syd:(a;ci;kr;;;bu)", "O:BAG:SYD:(A;CI;KR;;;BU)"),
        ("O:S-1-5-18G:S-1-5-18D:", "O:SYG:SYD:"),
        ("O:S-1-0x000100000000D:", "O:S-1-0x000100000000D:"),
        (" O:BA \n D:PAI \n (A;;KA;;;SY) \n (A;;KR;;;BU) ", "O:BAD:PAI(A;;KA;;;SY)(A;;KR;;;BU)"),
        ("D:PARAI(D;OICINPIOID;KW;;;WD)", "D:PARAI(D;OICINPIOID;KW;;;WD)"),
        ("D:AIP", "D:PAI"),
        ("D:NO_ACCESS_CONTROL", "D:NO_ACCESS_CONTROL"),
        ("D:AINO_ACCESS_CONTROL", "D:AINO_ACCESS_CONTROL"),
        ("D:(A;;GRGX;;;WD)", "D:(A;;GRGX;;;WD)"),
        ("D:(A;;GX;;;S-1-5-21-1-2-3-1001)", "D:(A;;GX;;;S-1-5-21-1-2-3-1001)"),
        ("D:(A;;KX;;;WD)", "D:(A;;KR;;;WD)"),
        ("D:(A;;KRKW;;;WD)", "D:(A;;0x2001f;;;WD)"),
        ("D:(A;;CCDCLCSWRPSDRCWDWO;;;WD)", "D:(A;;0xf001f;;;WD)"),
        ("D:(A;;SDRC;;;WD)", "D:(A;;SDRC;;;WD)"),
        ("D:(A;;131097;;;WD)", "D:(A;;KR;;;WD)"),
        ("D:(A;;;;;WD)", "D:(A;;0x0;;;WD)"),
        ("S:AI(AU;SAFA;KW;;;WD)(ML;;NRNW;;;HI)", "S:AI(AU;SAFA;KW;;;WD)(ML;;NWNR;;;HI)"),
        ("S:(TL;;0x1;;;S-1-19-512-1024)", "S:(TL;;0x1;;;S-1-19-512-1024)"),
    ];
    for (text, expected) in cases {
        let descriptor = sddl(text);
        assert_eq!(descriptor.to_sddl().as_deref(), Ok(expected), "{text}");
        assert_eq!(sddl(expected), descriptor, "{text}");
    }
}

#[test]
fn wrong_text_names_the_place() {
    let cases: &[(&str, usize, SddlProblem)] = &[
        ("X:", 0, SddlProblem::Expected { wanted: "O:, G:, D: or S:" }),
        ("O:BAjunk", 4, SddlProblem::Expected { wanted: "O:, G:, D: or S:" }),
        ("O:BAO:SY", 4, SddlProblem::Twice { part: Part::Owner }),
        ("O:", 2, SddlProblem::Expected { wanted: "a SID or its two letters" }),
        ("O:QQ", 2, SddlProblem::UnknownAccount { found: "QQ".into() }),
        ("O:ÄÖ", 2, SddlProblem::UnknownAccount { found: "ÄÖ".into() }),
        ("G:DU", 2, SddlProblem::DomainAccount { found: "DU".into() }),
        ("O:S-1-5-x", 2, SddlProblem::Account(crate::model::sid::SidError::SubAuthority { position: 1 })),
        ("D:(A;;KA;;;SY", 13, SddlProblem::Expected { wanted: "an account and `)`" }),
        ("D:(A;;KA)", 8, SddlProblem::Expected { wanted: "`;`" }),
        ("D:(A;;KA", 8, SddlProblem::Expected { wanted: "`;`" }),
        ("D:(Q;;KA;;;SY)", 3, SddlProblem::UnknownKind { found: "Q".into() }),
        ("D:(XA;;KA;;;SY;(a==1))", 3, SddlProblem::UnsupportedKind { found: "XA".into() }),
        ("D:(OA;;CC;guid;;SY)", 3, SddlProblem::UnsupportedKind { found: "OA".into() }),
        ("D:(A;CIXX;KA;;;SY)", 7, SddlProblem::UnknownFlag { found: "XX".into() }),
        ("D:(A;CIO;KA;;;SY)", 7, SddlProblem::UnknownFlag { found: "O".into() }),
        ("D:(A;;KAZZ;;;SY)", 8, SddlProblem::UnknownRight { found: "ZZ".into() }),
        ("D:(A;;017;;;SY)", 6, SddlProblem::UnknownRight { found: "017".into() }),
        ("D:(A;;0x1FFFFFFFF;;;SY)", 6, SddlProblem::UnknownRight { found: "0x1FFFFFFFF".into() }),
        ("D:(A;;KA;x;;SY)", 9, SddlProblem::ObjectGuid),
        ("D:(A;;KA;;; SX)", 12, SddlProblem::UnknownAccount { found: "SX".into() }),
        ("D:(A;;KA;;;SY;x)", 13, SddlProblem::Expected { wanted: "`)`" }),
    ];
    for (text, offset, problem) in cases {
        let error = text.parse::<SecurityDescriptor>().unwrap_err();
        assert_eq!((error.offset, &error.problem), (*offset, problem), "{text}");
    }
    let crowded = format!("D:{}", "(A;;KA;;;SY)".repeat(4000));
    let error = crowded.parse::<SecurityDescriptor>().unwrap_err();
    assert_eq!(error.problem, SddlProblem::TooLarge { part: Part::Dacl, size: 80_008 });
    let endless = " ".repeat((1 << 20) + 1);
    assert!(matches!(endless.parse::<SecurityDescriptor>().unwrap_err().problem, SddlProblem::TooLong { .. }));
}

#[test]
fn wrong_bytes_are_refused_and_strange_entries_kept() {
    let good = sddl("O:BAG:SYD:(A;;KA;;;SY)").to_bytes().unwrap();
    let changed = |offset: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[offset] = byte;
        SecurityDescriptor::parse(&bytes)
    };
    // Header 20, DACL at 20 (8 + 20 bytes), owner at 48, group at 64.
    assert_eq!(good.len(), 76);
    assert_eq!(SecurityDescriptor::parse(&good[..19]), Err(DescriptorError::Short { length: 19 }));
    assert_eq!(changed(0, 2), Err(DescriptorError::Revision { revision: 2 }));
    assert_eq!(changed(3, 0), Err(DescriptorError::Absolute));
    assert_eq!(changed(4, 4), Err(DescriptorError::Outside { part: Part::Owner, offset: 4, length: 76 }));
    assert_eq!(changed(9, 9), Err(DescriptorError::Outside { part: Part::Group, offset: 64 + 9 * 256, length: 76 }));
    assert!(matches!(changed(48, 9), Err(DescriptorError::Account { part: Part::Owner, .. })));
    assert_eq!(changed(20, 9), Err(DescriptorError::AclRevision { part: Part::Dacl, revision: 9 }));
    assert_eq!(changed(22, 200), Err(DescriptorError::Outside { part: Part::Dacl, offset: 20, length: 76 }));
    assert_eq!(changed(24, 2), Err(DescriptorError::EntrySize { part: Part::Dacl, position: 2 }));
    assert_eq!(changed(30, 3), Err(DescriptorError::EntrySize { part: Part::Dacl, position: 1 }));
    assert!(matches!(changed(37, 15), Err(DescriptorError::EntryAccount { part: Part::Dacl, position: 1, .. })));

    for strange_kind in [0x05, 0x09, 0x12, 0x7F] {
        let kept = changed(28, strange_kind).unwrap();
        assert_eq!(kept.to_bytes().unwrap()[28..48], {
            let mut expected = good[28..48].to_vec();
            expected[0] = strange_kind;
            expected
        });
        assert_eq!(kept.to_sddl(), Err(UnprintableError { part: Part::Dacl, position: 1, kind: strange_kind }));
    }
}

#[test]
fn a_list_that_is_too_large_is_an_error() {
    let entry = Ace::allow(Sid::SYSTEM, AccessMask::KEY_READ, AceFlags::empty());
    let crowded = SecurityDescriptor::default().with_dacl(AccessList::Entries(Acl::new(vec![entry; 4000])));
    assert_eq!(crowded.to_bytes(), Err(DescriptorError::TooLarge { part: Part::Dacl, size: 80_008 }));
}
