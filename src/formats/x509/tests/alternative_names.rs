//! Alternative names as text.

use super::*;

#[test]
fn reads_every_form() {
    for (text, written) in [
        ("dns:acs-srv01.corp.example", "dns:acs-srv01.corp.example"),
        ("DNS:ACS-SRV01", "dns:ACS-SRV01"),
        ("dns:*.corp.example", "dns:*.corp.example"),
        ("dns:xn--zrich-kva.example", "dns:xn--zrich-kva.example"),
        ("ip:10.0.0.5", "ip:10.0.0.5"),
        ("ip:FE80:0::1", "ip:fe80::1"),
        ("email:a@b.ch", "email:a@b.ch"),
        ("uri:https://a.example/b:c", "uri:https://a.example/b:c"),
        ("upn:zoë@corp.example", "upn:zoë@corp.example"),
        ("dirname:CN=a , O=b", "dirname:CN=a,O=b"),
        ("rid:1.2.3", "rid:1.2.3"),
        ("other:A3020500", "other:a3020500"),
    ] {
        assert_eq!(AlternativeName::parse(text).unwrap().to_string(), written, "{text}");
    }
    assert_eq!(AlternativeName::parse("dns:A.b").unwrap(), AlternativeName::parse("dns:a.B").unwrap());
    assert_ne!(AlternativeName::parse("dns:a").unwrap(), AlternativeName::parse("uri:a:b").unwrap());
}

#[test]
fn refuses_with_the_place() {
    let long = format!("dns:{}", "a".repeat(64));
    let longer = format!("dns:{}a", "a.".repeat(127));
    for (text, offset, message) in [
        ("acs", 0, "\"acs\" has no prefix such as `dns:` or `ip:`"),
        ("dn:a", 0, "\"dn\" is no form of name: dns, ip, email, uri, upn, dirname, rid"),
        ("dns:", 4, "a label is empty"),
        ("dns:a..b", 6, "a label is empty"),
        ("dns:a.b.", 8, "a DNS name has no dot at its end"),
        ("dns:a.*.b", 6, "a wildcard is the whole first label of a longer name"),
        ("dns:*", 4, "a wildcard is the whole first label of a longer name"),
        ("dns:a*.b", 4, "a wildcard is the whole first label of a longer name"),
        ("dns:-a", 4, "a label neither begins nor ends with a hyphen"),
        ("dns:a b", 4, "a label has letters, digits and hyphens only"),
        ("dns:zürich.example", 4, "an international name is written with its A-labels (xn--…)"),
        (&long, 4, "a label has more than 63 characters"),
        (&longer, 4, "the DNS name has 255 characters, more than 253"),
        ("ip:10.0.0", 3, "\"10.0.0\" is no IP address"),
        ("ip:10.0.0.0/8", 3, "\"10.0.0.0/8\" is no IP address"),
        ("email:a", 6, "\"a\" is no e-mail address in ASCII"),
        ("uri:/a", 4, "\"/a\" is no absolute URI in ASCII"),
        ("upn:a", 4, "\"a\" is no user principal name, user@domain"),
        ("dirname:CN=a,XY=b", 13, "\"XY\" is neither a known kind of attribute nor a dotted identifier"),
        ("rid:x", 4, "\"x\" is no dotted object identifier"),
        ("other:00", 6, "\"00\" is not DER in hex"),
    ] {
        let error = AlternativeName::parse(text).expect_err(text);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
    }
}
