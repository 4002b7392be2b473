//! What a document about ports cannot say: the error with its place.

use trueup::document::{Colour, render};

use super::world::loaded;

/// The document, the line and column of the error, its code, its message and its hint.
type Case = (&'static str, (u32, u32), &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    ("  web: { port: 0, allow: {} }\n", (3, 16), "document.out_of_range", "the integer is not between 1 and 65535", ""),
    (
        "  web: { port: 70000, allow: {} }\n",
        (3, 16),
        "document.out_of_range",
        "the integer is not between 1 and 65535",
        "",
    ),
    ("  web: { port: '5443-5400', allow: {} }\n", (3, 16), "ports.bad_port", "the range 5443-5400 runs backwards", ""),
    ("  web: { port: rcp, allow: {} }\n", (3, 16), "ports.bad_port", "`rcp` is no port", "did you mean `rpc`?"),
    ("  web: { port: [], allow: {} }\n", (3, 16), "ports.bad_port", "the list names no port", ""),
    (
        "  web: { port: 5443, protocol: tpc, allow: {} }\n",
        (3, 32),
        "document.unknown_word",
        "expected `tcp` or `udp` or `both` or `any` or `icmpv4` or `icmpv6`",
        "did you mean `tcp`?",
    ),
    (
        "  web: { port: 5443, protocol: any, allow: {} }\n",
        (3, 16),
        "ports.without_ports",
        "the protocol any has no ports",
        "write `protocol: tcp`, `udp` or `both`, or leave the ports out",
    ),
    (
        "  web: { port: 5443, allow: { icmp: ['8:*'] } }\n",
        (3, 38),
        "ports.without_icmp",
        "the protocol tcp has no ICMP types",
        "write `protocol: icmpv4` or `icmpv6`",
    ),
    (
        "  web: { protocol: icmpv4, allow: { icmp: ['8'] } }\n",
        (3, 44),
        "ports.bad_icmp",
        "`8` is no ICMP type with its code, as in `8:*`",
        "",
    ),
    (
        "  web: { port: 5443, allow: { from: [10.0.0.0/33] } }\n",
        (3, 38),
        "ports.bad_address",
        "`33` is neither the length of a prefix nor a mask",
        "write an address, a subnet such as `10.0.0.0/8`, a range, or a word such as `LocalSubnet`",
    ),
    (
        "  web: { port: 5443, allow: { from: [Localnet] } }\n",
        (3, 38),
        "ports.bad_address",
        "`Localnet` is neither an address nor a word for addresses",
        "write an address, a subnet such as `10.0.0.0/8`, a range, or a word such as `LocalSubnet`",
    ),
    (
        "  web: { port: 5443, allow: { from: [any, 10.0.0.1] } }\n",
        (3, 38),
        "ports.bad_address",
        "`any` means every address and stands alone",
        "",
    ),
    (
        "  web: { port: 5443, allow: { to: LocalSubnet } }\n",
        (3, 35),
        "ports.bad_address",
        "of this machine's side, only addresses can be named",
        "",
    ),
    (
        "  web: { port: 5443, allow: { program: 'a|b' } }\n",
        (3, 40),
        "ports.bad_text",
        "the program cannot stand in a rule: a text in a firewall rule cannot hold a bar (`|`)",
        "",
    ),
    (
        "  web: { port: 5443, allow: { profile: [domain] } }\n",
        (3, 31),
        "document.unknown_field",
        "unknown field `profile`",
        "did you mean `profiles`?",
    ),
    (
        "  web: { port: 5443, allow: { profiles: [work] } }\n",
        (3, 42),
        "document.unknown_word",
        "expected `domain` or `private` or `public`",
        "",
    ),
    (
        "  web: { port: 5443, allow: { direction: out, edge: true } }\n",
        (3, 53),
        "ports.edge_goes_in",
        "only traffic to this machine comes through an edge device",
        "",
    ),
    (
        "  web: { port: cortana, allow: {} }\n",
        (3, 16),
        "ports.word_of_other_side",
        "Windows knows no `cortana` for traffic that goes in",
        "write numbers",
    ),
    (
        "  web: { port: rpc, allow: { direction: out } }\n",
        (3, 16),
        "ports.word_of_other_side",
        "Windows knows no `rpc` for traffic that goes out",
        "write numbers",
    ),
    (
        "  web: { port: 5443, protocol: both, allow: { rule: X } }\n",
        (3, 53),
        "ports.bad_rule_id",
        "an entry that comes to several rules cannot take over one",
        "",
    ),
    (
        "  'a|b': { port: 5443, allow: {} }\n",
        (3, 3),
        "ports.bad_text",
        "a text in a firewall rule cannot hold a bar (`|`)",
        "give the rule a `name` of its own",
    ),
    (
        "  web: { port: 5443 }\n",
        (3, 3),
        "ports.nothing_wanted",
        "the entry wants nothing of the port",
        "say `allow`, `block`, `tls`, `url`, `listener`, `reserve` or `range`",
    ),
    (
        "  web: { ensure: absent }\n",
        (3, 3),
        "ports.nothing_wanted",
        "the entry does not say what is to go",
        "leave what it said, and add `ensure: absent`",
    ),
    (
        "  web: { port: 5443, management: true, block: {} }\n",
        (3, 22),
        "ports.no_way_in",
        "nobody comes in here",
        "it is for an entry with a numbered `port` and `allow`, `tls` or `listener`",
    ),
    (
        "  web: { port: 5443, tls: {} }\n",
        (3, 27),
        "ports.which_certificate",
        "a binding has either a `certificate` or a `thumbprint`",
        "",
    ),
    (
        "  web: { port: 5443, tls: { certificate: web, thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        (3, 27),
        "ports.which_certificate",
        "a binding has either a `certificate` or a `thumbprint`",
        "",
    ),
    (
        "  web: { port: 5443, tls: { certificate: web } }\n",
        (3, 42),
        "ports.unknown_certificate",
        "the document has no certificate `web`",
        "name an entry of `certificates`, or write `thumbprint`",
    ),
    (
        "  web: { port: 5443, tls: { thumbprint: xyz } }\n",
        (3, 41),
        "ports.bad_thumbprint",
        "a thumbprint cannot hold `x`",
        "",
    ),
    (
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff } }\n",
        (3, 41),
        "ports.bad_thumbprint",
        "http.sys takes SHA-1 thumbprints only",
        "it has 40 hexadecimal digits; the one with 64 is SHA-256",
    ),
    (
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233, store: 'LocalMachine\\My' } }\n",
        (3, 90),
        "ports.bad_store",
        "http.sys takes stores of the local machine only",
        "write its name alone, as in `My` or `WebHosting`",
    ),
    (
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233, app_id: x } }\n",
        (3, 91),
        "ports.bad_app_id",
        "`x` is not a GUID of the form {4dc3e181-e14b-4a21-b022-59fc669b0914}",
        "",
    ),
    (
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233, sni: 10.0.0.1 } }\n",
        (3, 88),
        "ports.bad_host",
        "`10.0.0.1` looks like an address, but is none",
        "`sni` is of names that clients ask for; addresses go to `address`",
    ),
    (
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233, address: localhost } }\n",
        (3, 92),
        "ports.bad_address",
        "`localhost` is no IP address",
        "write `0.0.0.0` for all",
    ),
    (
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233, sni: a.b, address: 0.0.0.0 } }\n",
        (3, 102),
        "ports.host_and_address",
        "a binding is either of host names or of addresses",
        "leave out `address`: `sni` holds at every address",
    ),
    (
        "  web: { tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        (3, 3),
        "ports.no_port",
        "the entry names no `port` for a TLS binding",
        "add `port`",
    ),
    (
        "  web: { port: rpc, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        (3, 16),
        "ports.no_number",
        "`rpc` is no number, and a TLS binding needs one",
        "",
    ),
    (
        "  web: { port: 1-1000, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        (3, 16),
        "ports.too_many",
        "the entry names more than 64 ports, too many for a TLS binding",
        "",
    ),
    (
        "  web: { port: 5443, protocol: udp, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        (3, 32),
        "ports.tls_over_tcp",
        "http.sys speaks TLS over TCP",
        "",
    ),
    (
        "  web: { url: { prefix: 'https://+/app/', user: S-1-5-20 } }\n",
        (3, 25),
        "ports.bad_prefix",
        "the URL prefix names no port: write it as https://+:443/",
        "",
    ),
    (
        "  web: { url: { prefix: 'https://+:5443/app', user: S-1-5-20 } }\n",
        (3, 25),
        "ports.bad_prefix",
        "a URL prefix ends with a slash: write https://+:5443/app/",
        "",
    ),
    (
        "  web: { port: 5443, url: { prefix: 'https://+:443/app/', user: S-1-5-20 } }\n",
        (3, 37),
        "ports.other_port",
        "the URL has port 443, which is none of the entry's",
        "give the URL an entry of its own",
    ),
    (
        "  web: { url: { prefix: 'https://+:443/app/' } }\n",
        (3, 15),
        "ports.whose_url",
        "a reservation names either its `user` or its `sddl`",
        "",
    ),
    (
        "  web: { url: { prefix: 'https://+:443/app/', sddl: x } }\n",
        (3, 53),
        "ports.bad_sddl",
        "the SDDL text is wrong at byte 0",
        "",
    ),
    (
        "  web: { url: { prefix: 'https://+:443/app/', user: S-1-5-20, listen: false } }\n",
        (3, 15),
        "ports.no_rights",
        "the accounts may neither listen nor delegate",
        "",
    ),
    (
        "  web: { port: 5443, use: rpc }\n",
        (3, 27),
        "ports.use_without_range",
        "`use` says who is given a `range`, and there is none",
        "",
    ),
    (
        "  web: { range: 1000-2000 }\n",
        (3, 17),
        "ports.bad_dynamic_range",
        "Windows takes 255 ports or more, from 1025 on, as dynamic ports",
        "",
    ),
    (
        "  web: { range: 50000-50100 }\n",
        (3, 17),
        "ports.bad_dynamic_range",
        "Windows takes 255 ports or more, from 1025 on, as dynamic ports",
        "",
    ),
    (
        "  web: { range: [50000-51000, 52000-53000] }\n",
        (3, 17),
        "ports.one_range",
        "the dynamic ports are one range",
        "",
    ),
    ("  web: { range: rpc }\n", (3, 17), "ports.no_number", "a range is of numbers, and `rpc` is none", ""),
    (
        "  web: { ensure: absent, range: 50000-60000 }\n",
        (3, 33),
        "ports.always_dynamic",
        "Windows always has dynamic ports",
        "write the range that should hold instead; Windows' own is 49152-65535",
    ),
    (
        "  web: { port: 5443, listener: { expect: 'C:\\x.exe' } }\n",
        (3, 42),
        "ports.bad_listener",
        "this names neither a program nor a service",
        "write the program's file name without a path, or the service's short name",
    ),
    (
        "  web: { port: 1-1000, listener: { expect: x } }\n",
        (3, 16),
        "ports.too_many",
        "the entry names more than 64 ports, too many for a listener",
        "",
    ),
    (
        "  web: { reserve: true }\n",
        (3, 3),
        "ports.no_port",
        "the entry names no `port` for a reservation",
        "add `port`",
    ),
    (
        "  a: { port: 5443, allow: {} }\n  A: { port: 5444, allow: {} }\n",
        (4, 3),
        "ports.named_twice",
        "the port is named twice",
        "names compare without case",
    ),
    (
        "  a: { port: 5443, allow: { rule: X } }\n  b: { port: 5444, allow: { rule: x } }\n",
        (4, 27),
        "ports.rule_twice",
        "the firewall rule is named twice",
        "a rule has one id, and ids compare without case",
    ),
    (
        "  a: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n  b: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        (4, 25),
        "ports.endpoint_twice",
        "the endpoint is named twice",
        "http.sys has one certificate for an endpoint",
    ),
    (
        "  a: { url: { prefix: 'http://+:80/a/', user: S-1-5-20 } }\n  b: { url: { prefix: 'http://+:80/A/', user: S-1-5-20 } }\n",
        (4, 23),
        "ports.prefix_twice",
        "the URL is named twice",
        "name all accounts of a URL in one place",
    ),
    (
        "  a: { range: 50000-60000 }\n  b: { range: 40000-60000 }\n",
        (4, 15),
        "ports.range_twice",
        "the range is named twice",
        "there is one dynamic range for a protocol",
    ),
    (
        "  a: { port: 80, reserve: true }\n  b: { port: 80, reserve: true }\n",
        (4, 18),
        "ports.range_twice",
        "the range is named twice",
        "one reservation of a range will do",
    ),
    (
        "  a: { range: 50000-60000, use: rpc }\n  b: { range: 40000-60000, use: both }\n",
        (4, 15),
        "ports.range_twice",
        "the range is named twice",
        "RPC has one set of ports",
    ),
    (
        "  firewall: { ensure: absent }\n",
        (3, 3),
        "ports.firewall_absent",
        "the firewall cannot go",
        "write `enabled: false` for the profiles in which it should be off",
    ),
    (
        "  firewall: { home: { enabled: true } }\n",
        (3, 15),
        "document.unknown_field",
        "unknown field `home`",
        "the fields here are `domain`, `private`, `public`, `ensure`, `depends_on`, `on_change`, `protect`, `note`",
    ),
    ("  exclusive: yes please\n", (3, 14), "document.wrong_type", "expected `true` or `false`, found a text", ""),
];

fn errors(ports: &str) -> Vec<(u32, u32, String, String, String)> {
    let text = format!("version: 1\nports:\n{ports}");
    let Err(failure) = loaded(&text) else { return Vec::new() };
    let told = failure.diagnostics.iter().map(|one| {
        let at = one.at.expect("it has a place");
        (at.line, at.column, one.code.to_string(), one.message.clone(), one.hint.clone().unwrap_or_default())
    });
    told.collect()
}

#[test]
fn what_cannot_be_said() {
    for (text, (line, column), code, message, hint) in CASES {
        let expected = (*line, *column, (*code).to_owned(), (*message).to_owned(), (*hint).to_owned());
        assert_eq!(errors(text), [expected], "{text}");
    }
}

/// One as its reader sees it.
#[test]
fn an_error_as_it_is_shown() {
    let text = "version: 1\nports:\n  web-ui:\n    port: 5443\n    tls: { certificate: wbe }\ncertificates:\n  web: { issuer: self, subject: CN=x, store: ['LocalMachine\\My'] }\n";
    let Err(failure) = loaded(text) else { panic!("it is wrong") };
    let shown = render(&failure.diagnostics, &failure.sources, Colour::Plain);
    assert_eq!(
        shown.trim_end(),
        "error[ports.unknown_certificate]: the document has no certificate `wbe`
 --> site.yaml:5:25
  |
5 |     tls: { certificate: wbe }
  |                         ^^^
  |
  = help: did you mean `web`?"
    );
}
