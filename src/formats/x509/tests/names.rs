//! Distinguished names as text and as DER.

use super::*;

fn parse(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn part(attributes: &[(&str, &str)]) -> RelativeName {
    let attributes = attributes.iter().map(|(kind, value)| Attribute::new(kind.parse().unwrap(), value).unwrap());
    RelativeName::new(attributes.collect()).unwrap()
}

#[test]
fn reads_in_reverse_of_the_encoding_and_keeps_repeats() {
    let name = parse("CN=J17-IC1, C=US, O=U.S. Government, OU=DoD, OU=PKI, OU=CONTRACTOR");
    let encoded = [
        part(&[("OU", "CONTRACTOR")]),
        part(&[("OU", "PKI")]),
        part(&[("OU", "DoD")]),
        part(&[("O", "U.S. Government")]),
        part(&[("C", "US")]),
        part(&[("CN", "J17-IC1")]),
    ];
    assert_eq!(name.rdns(), encoded);
    assert_eq!(name.to_string(), "CN=J17-IC1,C=US,O=U.S. Government,OU=DoD,OU=PKI,OU=CONTRACTOR");
    assert_eq!(name.common_name(), Some("J17-IC1"));
    assert_ne!(name, parse("CN=J17-IC1, C=US, O=U.S. Government, OU=PKI, OU=DoD, OU=CONTRACTOR"));
    assert_ne!(name, parse("CN=J17-IC1, C=US, O=U.S. Government, OU=DoD, OU=PKI"));
    assert_ne!(parse("CN=a"), parse("CN=A"));
}

#[test]
fn reads_what_rfc_4514_shows() {
    for (text, written) in [
        ("", ""),
        ("   ", ""),
        ("UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net"),
        ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "CN=J.  Smith+OU=Sales,DC=example,DC=net"),
        (r#"CN=James \"Jim\" Smith\, III,DC=net"#, r#"CN=James \"Jim\" Smith\, III,DC=net"#),
        (r"CN=Before\0dAfter", r"CN=Before\0DAfter"),
        (r"CN=Lu\C4\8Di\C4\87", "CN=Lučić"),
        ("1.3.6.1.4.1.1466.0=#0C024869", "1.3.6.1.4.1.1466.0=Hi"),
        ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=#04024869"),
        (r#"cn="a, b+c" ; oid.2.5.4.10 = x=y "#, r"CN=a\, b\+c,O=x=y"),
        (r"CN=\ a\ , L=\#1\\", r"CN=\ a\ ,L=\#1\\"),
        ("S=Bern, T=Dr, E=a@b.ch", "ST=Bern,T=Dr,emailAddress=a@b.ch"),
    ] {
        let name = parse(text);
        assert_eq!(name.to_string(), written, "{text}");
        assert_eq!(parse(written), name, "{text}");
    }
}

#[test]
fn refuses_with_the_place() {
    for (text, offset, message) in [
        ("CN", 2, "`=` is expected after \"CN\"; a comma within a value is written `\\,`"),
        ("CN=a,", 5, "a kind of attribute is expected, such as CN"),
        (",CN=a", 0, "a kind of attribute is expected, such as CN"),
        ("O=Example, Inc, CN=a", 14, "`=` is expected after \"Inc\"; a comma within a value is written `\\,`"),
        ("CN=a,XY=b", 5, "\"XY\" is neither a known kind of attribute nor a dotted identifier"),
        ("O=a,CN=", 7, "CN is empty"),
        ("C=CHE", 2, "C has exactly 2 characters, this one has 3"),
        ("C=ü1", 2, "C can't hold the character 'ü'"),
        ("DC=ü", 3, "DC can't hold the character 'ü'"),
        (r#"CN="a"#, 3, "the quote is not closed"),
        (r#"CN="a"b"#, 6, "a comma is expected after the closing quote"),
        ("CN=a<b", 4, "'<' is written `\\3C`"),
        (r"CN=a\x", 4, "`\\` stands before a special character or two hex digits"),
        (r"CN=\ff", 3, "the escaped bytes are no UTF-8"),
        ("CN=#0", 4, "`#` begins pairs of hex digits; a value that begins with it is written `\\#`"),
        ("CN=#0401", 3, "the hex is no DER value"),
        ("CN=#070100", 3, "the hex is no DER value"),
        ("CN=#1c0100", 3, "the hex is no DER value"),
        ("CN=a+CN=a", 0, "CN=a stands twice in one part of the name"),
    ] {
        let error = DistinguishedName::parse(text).expect_err(text);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
    }
}

#[test]
fn limits_are_those_of_rfc_5280() {
    for (kind, most) in [("CN", 64), ("OU", 64), ("O", 64), ("L", 128), ("ST", 128), ("SERIALNUMBER", 64)] {
        parse(&format!("{kind}={}", "x".repeat(most)));
        let error = DistinguishedName::parse(&format!("{kind}={}", "x".repeat(most + 1))).unwrap_err();
        assert_eq!(error.message, format!("{kind} has {} characters, more than {most}", most + 1));
    }
    parse(&format!("CN={}", "ü".repeat(64)));
    DistinguishedName::parse(&format!("CN=a{}", ",CN=a".repeat(60_000))).unwrap_err();
}

#[test]
fn reads_every_string_type() {
    let of = |tag: u8, bytes: &[u8]| {
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
        let wrap = |tag: u8, bytes: &[u8]| [&[tag, length(bytes)], bytes].concat();
        let attribute = wrap(0x30, &[&wrap(6, &[0x55, 4, 3]), wrap(tag, bytes).as_slice()].concat());
        DistinguishedName::from_der(&wrap(0x30, &wrap(0x31, &attribute))).unwrap().to_string()
    };
    assert_eq!(of(0x0c, "Zoë".as_bytes()), "CN=Zoë");
    assert_eq!(of(0x13, b"Zoe"), "CN=Zoe");
    assert_eq!(of(0x16, b"Zoe@"), "CN=Zoe@");
    assert_eq!(of(0x12, b"123"), "CN=123");
    assert_eq!(of(0x14, b"Zo\xeb"), "CN=Zoë");
    assert_eq!(of(0x1e, b"\0Z\0o\0\xeb"), "CN=Zoë");
    assert_eq!(of(0x1c, b"\0\0\0Z\0\0\0\xeb"), "CN=Zë");
    assert_eq!(of(0x03, b"\0\xff"), "CN=#030200ff");
    assert_eq!(of(0x0c, b"\xff"), "CN=#0c01ff");
}

#[test]
fn the_order_within_a_part_means_nothing() {
    assert_eq!(parse("CN=a+OU=b"), parse("OU=b+CN=a"));
    assert_eq!(parse("CN=a+OU=b").to_der().unwrap(), parse("OU=b+CN=a").to_der().unwrap());
}

proptest! {
    #[test]
    fn text_reads_back(name in names()) {
        prop_assert_eq!(parse(&name.to_string()), name);
    }

    #[test]
    fn der_reads_back(name in names()) {
        prop_assert_eq!(DistinguishedName::from_der(&name.to_der().unwrap()).unwrap(), name);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[CNOUDc=+,;#\"\\\\<> 0-9a-f.ü]{0,40}") {
        if let Ok(name) = DistinguishedName::parse(&text) {
            prop_assert_eq!(parse(&name.to_string()), name);
        }
    }

    #[test]
    fn templates_read_back(template in templates()) {
        let json = serde_json::to_string(&template).unwrap();
        prop_assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), template);
    }
}
