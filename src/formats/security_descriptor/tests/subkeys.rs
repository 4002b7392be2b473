//! What subkeys inherit.

use super::super::*;
use super::sddl;

#[test]
fn subkeys_inherit() {
    let creator = Creator { owner: Sid::ADMINISTRATORS, group: Sid::SYSTEM };
    let default = "D:(A;;KA;;;SY)(A;;KA;;;BA)";
    let cases = [
        ("in effect and onward", "D:AI(A;CI;KR;;;BU)", "D:AI(A;CIID;KR;;;BU)"),
        ("inherit only ends here", "D:(A;CIIO;KR;;;BU)", "D:(A;CIID;KR;;;BU)"),
        ("one level", "D:(A;CINP;KR;;;BU)", "D:(A;ID;KR;;;BU)"),
        ("one level, placeholder", "D:(A;CINPIO;GA;;;CO)", "D:(A;ID;KA;;;BA)"),
        ("generic splits", "D:(A;CI;GR;;;BU)", "D:(A;ID;KR;;;BU)(A;CIIOID;GR;;;BU)"),
        ("placeholder splits", "D:(A;CIIO;KA;;;CO)", "D:(A;ID;KA;;;BA)(A;CIIOID;KA;;;CO)"),
        ("group placeholder", "D:(A;OICI;GX;;;CG)", "D:(A;ID;0x20039;;;SY)(A;OICIIOID;GX;;;CG)"),
        ("already in effect", "D:(A;CI;KA;;;BA)(A;CIIO;KR;;;CO)", "D:(A;CIID;KA;;;BA)(A;CIIOID;KR;;;CO)"),
        (
            "in effect from a placeholder",
            "D:(A;CIIO;KA;;;CO)(A;CI;KA;;;BA)",
            "D:(A;ID;KA;;;BA)(A;CIIOID;KA;;;CO)(A;CIIOID;KA;;;BA)",
        ),
        ("twice", "D:AI(A;CI;KR;;;BU)(A;CIID;KR;;;BU)", "D:AI(A;CIID;KR;;;BU)"),
        ("rights a key lacks", "D:(A;CIIO;0x111fffff;;;BU)", "D:(A;ID;KA;;;BU)(A;CIIOID;0x111fffff;;;BU)"),
        ("object entries are handed on", "D:(A;OI;KR;;;BU)", "D:(A;OIIOID;KR;;;BU)"),
        ("object entries end at NP", "D:(A;OINP;KR;;;BU)", default),
        ("protection is the parent's own", "D:PAI(D;CI;KW;;;WD)(A;;KA;;;SY)", "D:AI(D;CIID;KW;;;WD)"),
        ("nothing inheritable", "D:P(A;;KA;;;SY)", default),
        ("null", "D:NO_ACCESS_CONTROL", default),
        ("audit", "D:(A;CI;KR;;;BU)S:AI(AU;CISA;KW;;;WD)", "D:(A;CIID;KR;;;BU)S:AI(AU;CIIDSA;KW;;;WD)"),
    ];
    for (name, parent, expected) in cases {
        let child = inherited_by_subkey(&sddl(parent), creator);
        assert_eq!(child.to_sddl().unwrap(), format!("O:BAG:SY{expected}"), "{name}");
    }
}
