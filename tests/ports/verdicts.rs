//! What each part of an entry comes to: case by case, the verdict with its reason, and every step.

use trueup::model::probe::{Answer, Listener, Probe, Transport};
use trueup::model::registry_data::RegistryData;

use super::lab::{machine, planned, steps};
use super::world::{plant, told};

/// A name, the machine, the document, and what is decided and done.
type Case = (&'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const WEB: &str = "rule trueup-web-allow-tcp-in Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|Name=web (TCP-In)|EmbedCtxt=trueup|";

const CASES: &[Case] = &[
    (
        "a rule that is not there",
        &[],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "+ web allow tcp in: ports.rule_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key SharedAccess",
            "new key Parameters",
            "new key FirewallPolicy",
            "new key FirewallRules",
            "the firewall rule trueup-web-allow-tcp-in: - => allow in tcp 5443",
            "  trueup-web-allow-tcp-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|Name=web (TCP-In)|EmbedCtxt=trueup|\"",
        ],
    ),
    ("a rule that is as it should be", &[WEB], "  web: { port: 5443, allow: {} }\n", &[]),
    (
        "everything that a rule can say",
        &["rule x Action=Allow|Active=TRUE|Dir=In|"],
        "  web: { port: [5443, 8000-8010, rpc], allow: { from: [10.0.0.0/8, 'fe80::/64', LocalSubnet], to: 10.0.0.5, profiles: [domain, public], program: '%ProgramFiles%\\x.exe', service: X, edge: app, interfaces: [lan, wireless], client_ports: 1024-65535, enabled: false, name: N, description: D } }\n",
        &[
            "+ web allow tcp in: ports.rule_absent",
            "the firewall rule trueup-web-allow-tcp-in: - => allow in tcp 5443, 8000-8010, RPC from port 1024-65535, not in force, profiles domain, public, local addresses 10.0.0.5, remote addresses 10.0.0.0/8, fe80::/64, LocalSubnet, interface types lan, wireless, program \"%ProgramFiles%\\x.exe\", service \"X\", edge traversal defer to app",
            "  trueup-web-allow-tcp-in := REG_SZ \"v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|Profile=Public|LPort=5443|LPort=RPC|LPort2_10=8000-8010|RPort2_10=1024-65535|LA4=10.0.0.5|RA4=10.0.0.0/255.0.0.0|RA4=LocalSubnet|RA6=fe80::/64|RA6=LocalSubnet|IFType=Lan|IFType=Wireless|App=%ProgramFiles%\\x.exe|Svc=X|Name=N|Desc=D|EmbedCtxt=trueup|Edge=TRUE|Defer=App|\"",
        ],
    ),
    (
        "a rule for both protocols and directions",
        &[],
        "  controllers: { port: 4343, protocol: both, allow: { direction: both } }\n",
        &[
            "+ controllers allow tcp in: ports.rule_absent",
            "+ controllers allow udp in: ports.rule_absent",
            "+ controllers allow tcp out: ports.rule_absent",
            "+ controllers allow udp out: ports.rule_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key SharedAccess",
            "new key Parameters",
            "new key FirewallPolicy",
            "new key FirewallRules",
            "the firewall rule trueup-controllers-allow-tcp-in: - => allow in tcp 4343",
            "  trueup-controllers-allow-tcp-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=4343|Name=controllers (TCP-In)|EmbedCtxt=trueup|\"",
            "the firewall rule trueup-controllers-allow-udp-in: - => allow in udp 4343",
            "  trueup-controllers-allow-udp-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=4343|Name=controllers (UDP-In)|EmbedCtxt=trueup|\"",
            "the firewall rule trueup-controllers-allow-tcp-out: - => allow out tcp 4343",
            "  trueup-controllers-allow-tcp-out := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=4343|Name=controllers (TCP-Out)|EmbedCtxt=trueup|\"",
            "the firewall rule trueup-controllers-allow-udp-out: - => allow out udp 4343",
            "  trueup-controllers-allow-udp-out := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=17|RPort=4343|Name=controllers (UDP-Out)|EmbedCtxt=trueup|\"",
        ],
    ),
    (
        "a rule for one program",
        &[],
        "  cms: { block: { direction: out, program: 'C:\\CmsService.exe' } }\n",
        &[
            "+ cms block any out: ports.rule_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key SharedAccess",
            "new key Parameters",
            "new key FirewallPolicy",
            "new key FirewallRules",
            "the firewall rule trueup-cms-block-any-out: - => block out any, program \"C:\\CmsService.exe\"",
            "  trueup-cms-block-any-out := REG_SZ \"v2.30|Action=Block|Active=TRUE|Dir=Out|App=C:\\CmsService.exe|Name=cms (ANY-Out)|EmbedCtxt=trueup|\"",
        ],
    ),
    (
        "ICMP",
        &[],
        "  ping: { protocol: icmpv4, allow: { icmp: ['8:*'] } }\n",
        &[
            "+ ping allow icmpv4 in: ports.rule_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key SharedAccess",
            "new key Parameters",
            "new key FirewallPolicy",
            "new key FirewallRules",
            "the firewall rule trueup-ping-allow-icmpv4-in: - => allow in icmpv4 8:*",
            "  trueup-ping-allow-icmpv4-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=1|ICMP4=8:*|Name=ping (ICMPV4-In)|EmbedCtxt=trueup|\"",
        ],
    ),
    (
        "a protocol by number",
        &[],
        "  gre: { protocol: 47, allow: {} }\n",
        &[
            "+ gre allow 47 in: ports.rule_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key SharedAccess",
            "new key Parameters",
            "new key FirewallPolicy",
            "new key FirewallRules",
            "the firewall rule trueup-gre-allow-47-in: - => allow in 47",
            "  trueup-gre-allow-47-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=47|Name=gre (47-In)|EmbedCtxt=trueup|\"",
        ],
    ),
    (
        "a word of the other direction",
        &[],
        "  tls: { port: iphttps, allow: { direction: both } }\n",
        &[
            "+ tls allow tcp in: ports.rule_absent",
            "+ tls allow tcp out: ports.rule_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key SharedAccess",
            "new key Parameters",
            "new key FirewallPolicy",
            "new key FirewallRules",
            "the firewall rule trueup-tls-allow-tcp-in: - => allow in tcp IPHTTPSIn",
            "  trueup-tls-allow-tcp-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort2_10=IPTLSIn|LPort2_10=IPHTTPSIn|Name=tls (TCP-In)|EmbedCtxt=trueup|\"",
            "the firewall rule trueup-tls-allow-tcp-out: - => allow out tcp IPHTTPSOut",
            "  trueup-tls-allow-tcp-out := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort2_10=IPTLSOut|RPort2_10=IPHTTPSOut|Name=tls (TCP-Out)|EmbedCtxt=trueup|\"",
        ],
    ),
    (
        "a rule with other fields, and some that nobody knows",
        &[
            "rule trueup-web-allow-tcp-in Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=5444|Later=1|Name=web (TCP-In)|EmbedCtxt=trueup|Platform=2:6:2|",
        ],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "~ web allow tcp in: ports.rule_differs",
            "the firewall rule trueup-web-allow-tcp-in: active no; local ports 5444 => active yes; local ports 5443",
            "  trueup-web-allow-tcp-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|Later=1|Name=web (TCP-In)|EmbedCtxt=trueup|Platform=2:6:2|\"",
        ],
    ),
    (
        "a rule with a field that says nothing",
        &["rule trueup-web-allow-tcp-in Action=Perhaps|Dir=In|Protocol=6|LPort=5443|Later=1|"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "~ web allow tcp in: ports.rule_not_understood",
            "the firewall rule trueup-web-allow-tcp-in: a rule that is not understood => allow in tcp 5443",
            "  trueup-web-allow-tcp-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|Name=web (TCP-In)|EmbedCtxt=trueup|Later=1|\"",
        ],
    ),
    (
        "a rule that is none",
        &["rule trueup-web-allow-tcp-in nothing"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "~ web allow tcp in: ports.rule_damaged",
            "the firewall rule trueup-web-allow-tcp-in: no firewall rule => allow in tcp 5443",
            "  trueup-web-allow-tcp-in := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|Name=web (TCP-In)|EmbedCtxt=trueup|\"",
        ],
    ),
    (
        "a rule that is taken over",
        &[
            "rule R-In Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=22|Name=@x.dll,-1|Desc=@x.dll,-2|EmbedCtxt=@x.dll,-3|",
        ],
        "  ssh: { port: 22, allow: { rule: r-in } }\n",
        &[
            "~ ssh allow tcp in: ports.rule_differs",
            "the firewall rule R-In: active no => active yes",
            "  R-In := REG_SZ \"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=22|Name=@x.dll,-1|Desc=@x.dll,-2|EmbedCtxt=@x.dll,-3|\"",
        ],
    ),
    (
        "a rule that is to go",
        &[WEB],
        "  web: { ensure: absent, port: 5443, allow: {} }\n",
        &[
            "- web allow tcp in: ports.not_wanted",
            "the firewall rule trueup-web-allow-tcp-in: allow in tcp 5443 => -",
            "  trueup-web-allow-tcp-in goes",
        ],
    ),
    ("a rule that has gone", &[], "  web: { ensure: absent, port: 5443, allow: {} }\n", &[]),
    (
        "rules of our group that nobody names",
        &[
            WEB,
            "rule trueup-old Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=1|EmbedCtxt=trueup|",
            "rule other Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=2|",
        ],
        "  exclusive: true\n  web: { port: 5443, allow: {} }\n",
        &[
            "- firewall trueup-old: ports.not_named",
            "the firewall rule trueup-old: allow in tcp 1 => -",
            "  trueup-old goes",
        ],
    ),
    (
        "profiles",
        &["domain EnableFirewall=0", "public EnableFirewall=1"],
        "  firewall: { domain: { enabled: true, inbound: block, notifications: false }, public: { enabled: true }, private: { exceptions: true, outbound: allow } }\n",
        &[
            "~ firewall domain: ports.profile_differs",
            "~ firewall private: ports.profile_differs",
            "the firewall profile domain: off, inbound not set, notifications not set => on, inbound blocked, no notifications",
            "  EnableFirewall := REG_DWORD 1",
            "  DefaultInboundAction := REG_DWORD 1",
            "  DisableNotifications := REG_DWORD 1",
            "new key StandardProfile",
            "the firewall profile private: outbound not set, exceptions not set => outbound allowed, exceptions",
            "  DefaultOutboundAction := REG_DWORD 0",
            "  DoNotAllowExceptions := REG_DWORD 0",
        ],
    ),
    (
        "a binding that is not there",
        &[],
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        &[
            "+ web tls 0.0.0.0:5443: ports.binding_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key HTTP",
            "new key Parameters",
            "new key SslBindingInfo",
            "the TLS binding 0.0.0.0:5443: - => 00112233445566778899AABBCCDDEEFF00112233 in MY",
            "  new key 0.0.0.0:5443",
            "  SslCertHash := REG_BINARY 00112233445566778899aabbccddeeff00112233",
            "  AppId := REG_BINARY 9e274c7051d30e4ba16f747275657570",
            "  SslCertStoreName := REG_SZ \"MY\"",
            "  DefaultFlags := REG_DWORD 0",
            "  DefaultSslCertCheckMode := REG_DWORD 0",
            "  DefaultSslRevocationFreshnessTime := REG_DWORD 0",
            "  DefaultSslRevocationUrlRetrievalTimeout := REG_DWORD 0",
        ],
    ),
    (
        "bindings of hosts and addresses",
        &[],
        "  web: { port: 5443, tls: { sni: [a.example, b.example], thumbprint: 00112233445566778899aabbccddeeff00112233, store: WebHosting, app_id: '{4dc3e181-e14b-4a21-b022-59fc669b0914}', client_certificates: negotiate, revocation: 'off', http2: false, legacy_tls: false } }\n",
        &[
            "+ web tls a.example:5443: ports.binding_absent",
            "+ web tls b.example:5443: ports.binding_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key HTTP",
            "new key Parameters",
            "new key SslSniBindingInfo",
            "the TLS binding a.example:5443: - => 00112233445566778899AABBCCDDEEFF00112233 in WebHosting, asks for client certificates, no HTTP/2, no TLS before 1.2, no revocation check",
            "  new key a.example:5443",
            "  SslCertHash := REG_BINARY 00112233445566778899aabbccddeeff00112233",
            "  AppId := REG_BINARY 81e1c34d4be1214ab02259fc669b0914",
            "  SslCertStoreName := REG_SZ \"WebHosting\"",
            "  DefaultFlags := REG_DWORD 0x412 (1042)",
            "  DefaultSslCertCheckMode := REG_DWORD 1",
            "  DefaultSslRevocationFreshnessTime := REG_DWORD 0",
            "  DefaultSslRevocationUrlRetrievalTimeout := REG_DWORD 0",
            "the TLS binding b.example:5443: - => 00112233445566778899AABBCCDDEEFF00112233 in WebHosting, asks for client certificates, no HTTP/2, no TLS before 1.2, no revocation check",
            "  new key b.example:5443",
            "  SslCertHash := REG_BINARY 00112233445566778899aabbccddeeff00112233",
            "  AppId := REG_BINARY 81e1c34d4be1214ab02259fc669b0914",
            "  SslCertStoreName := REG_SZ \"WebHosting\"",
            "  DefaultFlags := REG_DWORD 0x412 (1042)",
            "  DefaultSslCertCheckMode := REG_DWORD 1",
            "  DefaultSslRevocationFreshnessTime := REG_DWORD 0",
            "  DefaultSslRevocationUrlRetrievalTimeout := REG_DWORD 0",
        ],
    ),
    (
        "a binding of another certificate",
        &["tls 0.0.0.0:5443 0000000000000000000000000000000000000001"],
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233, client_certificates: map, revocation: cached } }\n",
        &[
            "~ web tls 0.0.0.0:5443: ports.binding_differs",
            "the TLS binding 0.0.0.0:5443: 0000000000000000000000000000000000000001 in MY => 00112233445566778899AABBCCDDEEFF00112233 in MY, asks for client certificates, maps them to accounts, revocation from the cache",
            "  SslCertHash := REG_BINARY 00112233445566778899aabbccddeeff00112233",
            "  DefaultFlags := REG_DWORD 3",
            "  DefaultSslCertCheckMode := REG_DWORD 2",
        ],
    ),
    (
        "a binding as it should be",
        &["tls 0.0.0.0:5443 0000000000000000000000000000000000000001"],
        "  web: { port: 5443, tls: { thumbprint: '0000000000000000000000000000000000000001' } }\n",
        &[],
    ),
    (
        "a binding that is none",
        &["tls 0.0.0.0:5443 01"],
        "  web: { port: 5443, tls: { thumbprint: '0000000000000000000000000000000000000001' } }\n",
        &["! web tls 0.0.0.0:5443: ports.binding_damaged"],
    ),
    (
        "a binding that is to go",
        &["sni A.example:5443 0000000000000000000000000000000000000001"],
        "  web: { ensure: absent, port: 5443, tls: { sni: a.EXAMPLE } }\n",
        &[
            "- web tls a.EXAMPLE:5443: ports.not_wanted",
            "the TLS binding A.example:5443: 0000000000000000000000000000000000000001 in MY => -",
            "  remove key HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters\\SslSniBindingInfo\\A.example:5443 and all below it",
        ],
    ),
    (
        "a URL that nobody has",
        &[],
        "  web: { url: { prefix: 'http://+:5443/App/', user: ['NT SERVICE\\W3SVC', 'S-1-5-20'], delegate: true } }\n",
        &[
            "+ web url http://+:5443/App/: ports.url_absent",
            "new key CurrentControlSet",
            "new key Services",
            "new key HTTP",
            "new key Parameters",
            "new key UrlAclInfo",
            "the URL reservation http://+:5443/App/: - => NT SERVICE\\W3SVC listens and delegates, NT AUTHORITY\\NETWORK SERVICE listens and delegates",
            "  http://+:5443/App/ := REG_BINARY 010004800000000000000000000000001400000002004400… (88 bytes)",
        ],
    ),
    (
        "a URL of another account",
        &["url HTTP://+:5443/APP/ D:(A;;GX;;;NS)"],
        "  web: { url: { prefix: 'http://+:5443/app/', user: 'BUILTIN\\Users' } }\n",
        &[
            "~ web url http://+:5443/app/: ports.url_differs",
            "the URL reservation HTTP://+:5443/APP/: NT AUTHORITY\\NETWORK SERVICE listens => BUILTIN\\Users listens",
            "  HTTP://+:5443/APP/ := REG_BINARY 010004800000000000000000000000001400000002002000… (52 bytes)",
        ],
    ),
    (
        "a URL by SDDL",
        &["url http://+:5443/ D:(A;;GX;;;NS)"],
        "  web: { url: { prefix: 'http://+:5443/', sddl: 'D:(A;;GX;;;NS)' } }\n",
        &[],
    ),
    (
        "a URL of an account that nobody knows",
        &[],
        "  web: { url: { prefix: 'http://+:5443/', user: 'CORP\\nobody' } }\n",
        &["! web url http://+:5443/: ports.unknown_account"],
    ),
    (
        "URLs that are to go",
        &["url http://+:5443/ D:(A;;GX;;;NS)"],
        "  web: { ensure: absent, url: [{ prefix: 'http://+:5443/' }, { prefix: 'http://+:5444/' }] }\n",
        &[
            "- web url http://+:5443/: ports.not_wanted",
            "the URL reservation http://+:5443/: NT AUTHORITY\\NETWORK SERVICE listens => -",
            "  http://+:5443/ goes",
        ],
    ),
    (
        "RPC's ports",
        &[],
        "  rpc: { range: 5000-5100, use: rpc }\n",
        &[
            "+ rpc rpc: ports.rpc_differs",
            "new key Rpc",
            "new key Internet",
            "Ports := REG_MULTI_SZ [\"5000-5100\"]",
            "PortsInternetAvailable := REG_SZ \"Y\"",
            "UseInternetPorts := REG_SZ \"Y\"",
        ],
    ),
    (
        "ranges on a machine that tells of none",
        &[],
        "  dyn: { range: 49152-65535, use: both }\n  hold: { port: 8756, reserve: true }\n  web: { port: 5443, listener: { expect: X } }\n",
        &[
            "» dyn dynamic tcp: ports.unsupported",
            "+ dyn rpc: ports.rpc_differs",
            "» hold reserve tcp 8756: ports.unsupported",
            "» web listener tcp 5443: ports.unsupported",
            "new key Rpc",
            "new key Internet",
            "Ports := REG_MULTI_SZ [\"49152-65535\"]",
            "PortsInternetAvailable := REG_SZ \"Y\"",
            "UseInternetPorts := REG_SZ \"Y\"",
        ],
    ),
];

#[test]
fn what_is_decided_and_done() {
    let mut wrong = 0;
    for (name, lines, document, expected) in CASES {
        let plan = planned(&machine(lines), document);
        let found = [told(&plan), steps(&plan)].concat();
        if found != *expected {
            println!("{name}\n    {found:#?}");
            wrong += 1;
        }
    }
    assert_eq!(wrong, 0, "of {}", CASES.len());
}

/// What only a running machine tells.
#[test]
fn ranges_and_listeners() {
    let tcp = Transport::Tcp;
    let listeners = |program: &str, service: &str| {
        Answer::Listeners(vec![Listener { program: program.into(), services: vec![service.into()] }])
    };
    let dynamic = Probe::DynamicPorts { transport: tcp };
    let reserved = Probe::ExcludedPorts { transport: tcp, first: 8756, last: 8756 };
    let listening = Probe::Listeners { transport: tcp, port: 5443 };
    let web = "  web: { port: 5443, listener: { expect: SiPassServer } }\n";
    let hold = "  hold: { port: 8756, reserve: true }\n";
    let other = "! web listener tcp 5443: ports.other_listener";
    let (system, url) =
        (listeners("System", "HTTP"), "url: { prefix: 'https://+:5443/', user: 'NT AUTHORITY\\SYSTEM' }");
    let served = |rest: &str| format!("  web: {{ port: 5443, listener: {{ expect: W3SVC }}{rest} }}\n");
    for (document, probe, answer, expected) in [
        (
            "  dyn: { range: 50000-60000 }\n",
            &dynamic,
            Answer::Ports(49152, 65535),
            "~ dyn dynamic tcp: ports.dynamic_differs | change the dynamic TCP ports to 50000-60000",
        ),
        ("  dyn: { range: 49152-65535 }\n", &dynamic, Answer::Ports(49152, 65535), ""),
        (
            hold,
            &reserved,
            Answer::Flag(false),
            "+ hold reserve tcp 8756: ports.not_reserved | change whether the TCP port 8756 is excluded to yes",
        ),
        (hold, &reserved, Answer::Flag(true), ""),
        (
            "  hold: { ensure: absent, port: 8756, reserve: true }\n",
            &reserved,
            Answer::Flag(true),
            "- hold reserve tcp 8756: ports.not_wanted | change whether the TCP port 8756 is excluded to no",
        ),
        (web, &listening, listeners("SiPassServer.exe", "x"), ""),
        (web, &listening, listeners("svchost.exe", "sipassserver"), ""),
        (web, &listening, listeners("w3wp.exe", "W3SVC"), other),
        (&served(""), &listening, system.clone(), other),
        (&served(""), &listening, listeners("w3wp.exe", "W3SVC"), ""),
        (web, &listening, Answer::Listeners(vec![]), "? web listener tcp 5443: ports.nobody_listens"),
    ] {
        let machine = machine(&[]);
        machine.plant_answer(probe.clone(), answer);
        let plan = planned(&machine, document);
        assert_eq!([told(&plan), steps(&plan)].concat().join(" | "), expected, "{document}");
    }
    let machine = machine(&[]);
    machine.plant_answer(listening, system);
    let lines = told(&planned(&machine, &served(&format!(", {url}"))));
    assert!(lines.iter().any(|line| line.contains(" url ")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("listener")), "{lines:?}");
}

/// The three values of RPC are one: a part of them is none.
#[test]
fn a_part_of_rpc_is_repaired() {
    const KEY: &str = r"HKLM\SOFTWARE\Microsoft\Rpc\Internet";
    let document = "  rpc: { range: 5000-5100, use: rpc }\n";
    let values = |list: &[&str], rest: &[(&str, &str)]| {
        let machine = machine(&[]);
        let mut values = vec![("Ports", RegistryData::multi(list))];
        values.extend(rest.iter().map(|(name, text)| (*name, RegistryData::sz(text))));
        plant(&machine, KEY, &values);
        machine
    };
    let all = [("PortsInternetAvailable", "Y"), ("UseInternetPorts", "Y")];
    assert_eq!(told(&planned(&values(&["5000-5100"], &all), document)), Vec::<String>::new());
    assert_eq!(told(&planned(&values(&["5000-5050", "5051-5100"], &all), document)), Vec::<String>::new());
    assert_eq!(told(&planned(&values(&["5000-5100"], &all[..1]), document)), ["~ rpc rpc: ports.rpc_incomplete"]);
    assert_eq!(told(&planned(&values(&["5000-5200"], &all), document)), ["~ rpc rpc: ports.rpc_differs"]);
    let gone = planned(&values(&["5000-5100"], &all), "  rpc: { ensure: absent, range: 5000-5100, use: rpc }\n");
    assert_eq!(told(&gone), ["- rpc rpc: ports.not_wanted"]);
    assert_eq!(steps(&gone), ["Ports goes", "PortsInternetAvailable goes", "UseInternetPorts goes"]);
}

/// A value that is no descriptor is replaced, and the plan says so.
#[test]
fn a_url_that_is_damaged_is_replaced() {
    let machine = machine(&[]);
    let at = format!("{}\\UrlAclInfo", super::lab::HTTP);
    plant(&machine, &at, &[("http://+:5443/", RegistryData::binary([1]))]);
    let plan = planned(&machine, "  web: { url: { prefix: 'http://+:5443/', user: S-1-5-20 } }\n");
    assert_eq!(told(&plan), ["~ web url http://+:5443/: ports.url_damaged"]);
}

/// What is there and has no name in the document is listed where the section asks for it; Windows' own is not.
#[test]
fn unmanaged_rules_are_listed() {
    let lines = [
        WEB,
        "rule other Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=2|Name=Other|",
        "rule asleep Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=2|Name=Other|",
        "rule own Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=2|Name=@x.dll,-1|",
    ];
    let plan = planned(&machine(&lines), "  report_unmanaged: true\n  web: { port: 5443, allow: {} }\n");
    let listed: Vec<String> = plan.unmanaged.iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["ports.firewall.other"]);
}
