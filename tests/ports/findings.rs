//! What clashes, what has no effect, and what shuts administrators out: case by case, with the exact words.

use super::lab::{findings, machine, planned};

/// A name, the machine, the document, and what is found.
type Case = (&'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const RDP: &str = "rule rdp Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|";
const WINRM: &str =
    "rule winrm Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=5985|App=System|";
const SSH: &str = "rule ssh Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=22|";
/// A rule such as Windows has many of: it opens everything to one program.
const APP: &str = "rule app Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=%SystemRoot%\\system32\\other.exe|";

const CASES: &[Case] = &[
    // Ports that are named twice.
    (
        "two entries with one port",
        &[],
        "  a: { port: 5443, allow: {} }\n  b: { port: 5443, allow: {} }\n",
        &["warning ports.clash: ports.a and ports.b both name TCP port 5443"],
    ),
    (
        "a port inside a range",
        &[],
        "  a: { port: 5000-5999, allow: {} }\n  b: { port: 5443, allow: {} }\n",
        &["warning ports.clash: ports.a and ports.b both name TCP port 5443"],
    ),
    (
        "one port of two protocols",
        &[],
        "  a: { port: 5443, allow: {} }\n  b: { port: 5443, protocol: udp, allow: {} }\n",
        &[],
    ),
    (
        "both protocols against one",
        &[],
        "  a: { port: 5443, protocol: both, allow: {} }\n  b: { port: 5443, protocol: udp, allow: {} }\n",
        &["warning ports.clash: ports.a and ports.b both name UDP port 5443"],
    ),
    (
        "one port at two addresses",
        &[],
        "  a: { port: 5443, allow: { to: 10.0.0.1 } }\n  b: { port: 5443, allow: { to: 10.0.0.2 } }\n",
        &[],
    ),
    (
        "one port at addresses in common",
        &[],
        "  a: { port: 5443, allow: { to: 10.0.0.0/24 } }\n  b: { port: 5443, allow: { to: 10.0.0.2 } }\n",
        &["warning ports.clash: ports.a and ports.b both name TCP port 5443"],
    ),
    (
        "allowed here and blocked there",
        &[],
        "  a: { port: 5443, allow: { from: 10.0.0.0/8 } }\n  b: { port: 5443, block: { from: 10.1.0.0/16 } }\n",
        &[
            "info ports.partly_blocked: ports.a[\"allow tcp in\"] has effect in part only in domain, private, public networks: the rule trueup-b-block-tcp-in (local policy) blocks a part of it",
        ],
    ),
    (
        "in here and out there",
        &[],
        "  a: { port: 5443, allow: {} }\n  b: { port: 5443, allow: { direction: out } }\n",
        &[],
    ),
    (
        "three entries with one port",
        &[],
        "  a: { port: 443, allow: {} }\n  b: { port: 443, allow: {} }\n  c: { port: 443, allow: {} }\n",
        &[
            "warning ports.clash: ports.a and ports.b both name TCP port 443",
            "warning ports.clash: ports.a and ports.c both name TCP port 443",
        ],
    ),
    // Ranges that swallow ports.
    (
        "a port among Windows' dynamic ones",
        &[],
        "  card-printing: { port: 54881, allow: {} }\n",
        &[
            "warning ports.in_dynamic_range: TCP port 54881 of ports.card-printing is among Windows' dynamic ports 49152-65535: another program may have it first",
        ],
    ),
    ("the same, reserved", &[], "  card-printing: { port: 54881, allow: {}, reserve: true }\n", &[]),
    (
        "reserved by another entry",
        &[],
        "  a: { port: 54881, allow: {} }\n  b: { port: 54800-54900, reserve: true }\n",
        &[],
    ),
    (
        "a dynamic range over a port",
        &[],
        "  dyn: { range: 5000-6000 }\n  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.in_dynamic_range: TCP port 5443 of ports.web is among the dynamic ports 5000-6000 of ports.dyn: another program may have it first",
        ],
    ),
    (
        "a dynamic range beside a port",
        &[],
        "  dyn: { range: 20000-30000 }\n  card-printing: { port: 54881, allow: {} }\n",
        &[],
    ),
    (
        "of the other protocol",
        &[],
        "  dyn: { range: 5000-6000, protocol: udp }\n  web: { port: 5443, allow: {} }\n",
        &[],
    ),
    (
        "RPC's ports over a port",
        &[],
        "  rpc: { range: 5000-6000, use: rpc, on_change: { reboot: true } }\n  web: { port: 5443, allow: {} }\n",
        &["warning ports.in_rpc_range: TCP port 5443 of ports.web is among the ports that ports.rpc gives to RPC"],
    ),
    (
        "RPC without a reboot",
        &[],
        "  rpc: { range: 5000-6000, use: rpc }\n",
        &["info ports.rpc_wants_reboot: ports.rpc.rpc: RPC reads its ports when the machine starts"],
    ),
    // Rules without effect.
    (
        "a rule that blocks all of it",
        &["rule no Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=5443|"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.blocked: ports.web[\"allow tcp in\"] has no effect in domain, private, public networks: the rule no (local policy) blocks it",
        ],
    ),
    (
        "a rule that blocks a range",
        &["rule no Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort2_10=5000-6000|"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.blocked: ports.web[\"allow tcp in\"] has no effect in domain, private, public networks: the rule no (local policy) blocks it",
        ],
    ),
    (
        "a rule that blocks everything",
        &["rule no Action=Block|Active=TRUE|Dir=In|"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.blocked: ports.web[\"allow tcp in\"] has no effect in domain, private, public networks: the rule no (local policy) blocks it",
        ],
    ),
    (
        "a rule that blocks a part of the addresses",
        &["rule no Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=5443|RA4=10.1.0.0/255.255.0.0|"],
        "  web: { port: 5443, allow: { from: 10.0.0.0/8 } }\n",
        &[
            "info ports.partly_blocked: ports.web[\"allow tcp in\"] has effect in part only in domain, private, public networks: the rule no (local policy) blocks a part of it",
        ],
    ),
    (
        "a rule that blocks other addresses",
        &["rule no Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=5443|RA4=192.168.0.0/255.255.0.0|"],
        "  web: { port: 5443, allow: { from: 10.0.0.0/8 } }\n",
        &[],
    ),
    (
        "a rule that blocks in one profile",
        &["rule no Action=Block|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=5443|"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.blocked: ports.web[\"allow tcp in\"] has no effect in public networks: the rule no (local policy) blocks it",
        ],
    ),
    (
        "a rule that blocks and is not in force",
        &["rule no Action=Block|Active=FALSE|Dir=In|Protocol=6|LPort=5443|"],
        "  web: { port: 5443, allow: {} }\n",
        &[],
    ),
    (
        "a rule that blocks another protocol",
        &["rule no Action=Block|Active=TRUE|Dir=In|Protocol=17|LPort=5443|"],
        "  web: { port: 5443, allow: {} }\n",
        &[],
    ),
    (
        "group policy's rule blocks",
        &["gprule no Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=5443|"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.blocked: ports.web[\"allow tcp in\"] has no effect in domain, private, public networks: the rule no (group policy) blocks it",
        ],
    ),
    (
        "another entry blocks",
        &[],
        "  web: { port: 5443, allow: {} }\n  no: { block: { from: 10.0.0.0/8, program: 'C:\\x.exe' } }\n  all: { port: 1-65535, block: {} }\n",
        &[
            "warning ports.blocked: ports.web[\"allow tcp in\"] has no effect in domain, private, public networks: the rule trueup-all-block-tcp-in (local policy) blocks it",
        ],
    ),
    (
        "group policy lets no local rule hold",
        &["gp domain AllowLocalPolicyMerge=0"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.not_merged: ports.web[\"allow tcp in\"] has no effect in domain networks: group policy lets no local rule hold",
        ],
    ),
    (
        "and the rule is of another profile",
        &["gp domain AllowLocalPolicyMerge=0"],
        "  web: { port: 5443, allow: { profiles: private } }\n",
        &[],
    ),
    (
        "no exceptions",
        &["public DoNotAllowExceptions=1"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "warning ports.no_exceptions: ports.web[\"allow tcp in\"] has no effect in public networks: no exceptions are allowed",
        ],
    ),
    (
        "no exceptions by group policy",
        &["gp public DoNotAllowExceptions=1"],
        "  web: { port: 5443, allow: { profiles: public } }\n",
        &[
            "warning ports.no_exceptions: ports.web[\"allow tcp in\"] has no effect in public networks: no exceptions are allowed (group policy)",
        ],
    ),
    (
        "the default allows",
        &["private DefaultInboundAction=0"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "info ports.default_allows: ports.web[\"allow tcp in\"] has no effect in private networks: the default allows it",
        ],
    ),
    (
        "the plan makes the default allow",
        &[],
        "  firewall: { domain: { inbound: allow } }\n  web: { port: 5443, allow: { profiles: domain } }\n",
        &[
            "info ports.default_allows: ports.web[\"allow tcp in\"] has no effect in domain networks: the default allows it",
        ],
    ),
    (
        "the firewall is off",
        &["domain EnableFirewall=0"],
        "  cms: { block: { direction: out, program: 'C:\\CmsService.exe', profiles: domain } }\n",
        &[
            "warning ports.firewall_off: ports.cms[\"block any out\"] has no effect in domain networks: the firewall is off",
        ],
    ),
    (
        "the firewall is off, and a rule allows",
        &["gp domain EnableFirewall=0"],
        "  web: { port: 5443, allow: { profiles: domain } }\n",
        &[
            "info ports.firewall_off: ports.web[\"allow tcp in\"] has no effect in domain networks: the firewall is off, and all is allowed (group policy)",
        ],
    ),
    (
        "group policy has another setting",
        &["gp domain DefaultInboundAction=0"],
        "  firewall: { domain: { enabled: true, inbound: block } }\n",
        &[
            "warning ports.overridden: ports.firewall.domain: group policy says `inbound allowed`; `inbound blocked` of the document has no effect",
        ],
    ),
    (
        "a rule that nobody understands",
        &["rule bad Action=Perhaps|Dir=In|"],
        "  web: { port: 5443, allow: {} }\n",
        &[
            "info ports.rules_not_understood: 1 firewall rule is not understood, and not counted in what is open and what is shut",
        ],
    ),
    // URLs.
    (
        "a URL of another",
        &["url https://+:5443/app/ D:(A;;GX;;;NS)", "tls 0.0.0.0:5443 0000000000000000000000000000000000000001"],
        "  web: { url: { prefix: 'https://+:5443/app/', user: 'BUILTIN\\Users' } }\n",
        &[
            "warning ports.prefix_reserved: ports.web[\"url https://+:5443/app/\"] takes https://+:5443/app/ from NT AUTHORITY\\NETWORK SERVICE",
        ],
    ),
    (
        "a URL above one of another",
        &["url https://+:5443/app/ D:(A;;GX;;;NS)", "tls 0.0.0.0:5443 0000000000000000000000000000000000000001"],
        "  web: { url: { prefix: 'https://+:5443/', user: 'BUILTIN\\Users' } }\n",
        &[
            "warning ports.prefix_taken: ports.web[\"url https://+:5443/\"]: requests that fit https://+:5443/app/, reserved for NT AUTHORITY\\NETWORK SERVICE, do not come to https://+:5443/",
        ],
    ),
    (
        "a URL whose requests go elsewhere",
        &["url http://+:80/app/ D:(A;;GX;;;NS)"],
        "  web: { url: { prefix: 'http://*:80/app/', user: 'BUILTIN\\Users' } }\n",
        &[
            "warning ports.prefix_taken: ports.web[\"url http://*:80/app/\"]: requests that fit http://+:80/app/, reserved for NT AUTHORITY\\NETWORK SERVICE, do not come to http://*:80/app/",
        ],
    ),
    (
        "a URL of the same account",
        &["url http://+:80/app/ D:(A;;GX;;;NS)"],
        "  web: { url: { prefix: 'http://+:80/app/x/', user: 'S-1-5-20' } }\n",
        &[],
    ),
    (
        "two URLs of the document",
        &[],
        "  a: { url: { prefix: 'http://+:80/app/', user: 'S-1-5-20' } }\n  b: { url: { prefix: 'http://+:80/app/x/', user: 'S-1-5-19' } }\n",
        &[
            "warning ports.prefix_taken: ports.a[\"url http://+:80/app/\"]: requests that fit http://+:80/app/x/, of ports.b, do not come to http://+:80/app/",
        ],
    ),
    (
        "https without a certificate",
        &[],
        "  web: { url: { prefix: 'https://+:5443/', user: 'S-1-5-20' } }\n",
        &["warning ports.no_binding: ports.web[\"url https://+:5443/\"] is https, and port 5443 has no certificate"],
    ),
    (
        "https with the certificate of a host",
        &["sni web.example:5443 0000000000000000000000000000000000000001"],
        "  web: { url: { prefix: 'https://+:5443/', user: 'S-1-5-20' } }\n",
        &[],
    ),
    // Certificates.
    (
        "a thumbprint that no store holds",
        &[],
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        &[
            "error ports.certificate_absent: ports.web[\"tls 0.0.0.0:5443\"]: LocalMachine\\My holds no certificate 00112233445566778899AABBCCDDEEFF00112233",
        ],
    ),
    (
        "a binding that another program made",
        &["tls 0.0.0.0:5443 0000000000000000000000000000000000000001"],
        "  web: { port: 5443, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 } }\n",
        &[
            "error ports.certificate_absent: ports.web[\"tls 0.0.0.0:5443\"]: LocalMachine\\My holds no certificate 00112233445566778899AABBCCDDEEFF00112233",
            "info ports.binding_of_other: ports.web[\"tls 0.0.0.0:5443\"]: the binding was made by another program, {07070707-0707-0707-0707-070707070707}",
        ],
    ),
    // Ways in.
    (
        "Remote Desktop is blocked",
        &[RDP, WINRM],
        "  no-rdp: { port: 3389, block: {} }\n",
        &[
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in every profile: the rule trueup-no-rdp-block-tcp-in (local policy) blocks it",
        ],
    ),
    (
        "it is blocked in one profile",
        &[RDP],
        "  no-rdp: { port: 3389, block: { profiles: public } }\n",
        &[
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in the profile public: the rule trueup-no-rdp-block-tcp-in (local policy) blocks it",
        ],
    ),
    (
        "everything is blocked",
        &[RDP, WINRM, SSH],
        "  shut: { block: {} }\n",
        &[
            "error ports.locked_out: WinRM (TCP port 5985) is open now and would be shut in the profiles domain and private: the rule trueup-shut-block-any-in (local policy) blocks it",
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in every profile: the rule trueup-shut-block-any-in (local policy) blocks it",
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in every profile: the rule trueup-shut-block-any-in (local policy) blocks it",
        ],
    ),
    (
        "some addresses are blocked",
        &[RDP, "rule any Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|"],
        "  some: { port: 3389, block: { from: 10.0.0.0/8 } }\n",
        &[
            "warning ports.way_in_narrows: Remote Desktop (TCP port 3389) is open to all now and would be open to some only in every profile",
        ],
    ),
    (
        "a rule is taken over and put out of force",
        &[WINRM],
        "  winrm: { port: 5985, allow: { rule: winrm, program: System, profiles: [domain, private], enabled: false } }\n",
        &[
            "error ports.locked_out: WinRM (TCP port 5985) is open now and would be shut in the profiles domain and private: no rule allows it, and the default blocks",
        ],
    ),
    (
        "a rule is taken over for another port",
        &[SSH],
        "  ssh: { port: 2222, allow: { rule: ssh } }\n",
        &[
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in every profile: no rule allows it, and the default blocks",
        ],
    ),
    (
        "a rule is taken over for other addresses",
        &[SSH],
        "  ssh: { port: 22, allow: { rule: ssh, from: 10.0.0.0/8 } }\n",
        &[
            "warning ports.way_in_narrows: SSH (TCP port 22) is open to all now and would be open to some only in every profile",
        ],
    ),
    (
        "the rule goes",
        &["rule trueup-ssh-allow-tcp-in Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=22|"],
        "  ssh: { ensure: absent, port: 22, allow: {} }\n",
        &[
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in every profile: no rule allows it, and the default blocks",
        ],
    ),
    (
        "the rule goes, and another stays",
        &[SSH, "rule trueup-ssh-allow-tcp-in Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=22|"],
        "  ssh: { ensure: absent, port: 22, allow: {} }\n",
        &[],
    ),
    (
        "the rule goes because nobody names it",
        &["rule old Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=22|EmbedCtxt=trueup|"],
        "  exclusive: true\n  web: { port: 5443, allow: {} }\n",
        &[
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in every profile: no rule allows it, and the default blocks",
        ],
    ),
    (
        "the firewall is turned on",
        &["domain EnableFirewall=0"],
        "  firewall: { domain: { enabled: true } }\n",
        &[
            "error ports.locked_out: WinRM (TCP port 5985) is open now and would be shut in the profile domain: no rule allows it, and the default blocks",
            "error ports.locked_out: WinRM over TLS (TCP port 5986) is open now and would be shut in the profile domain: no rule allows it, and the default blocks",
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in the profile domain: no rule allows it, and the default blocks",
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in the profile domain: no rule allows it, and the default blocks",
        ],
    ),
    (
        "it is turned on, and rules let in",
        &[
            "domain EnableFirewall=0",
            RDP,
            SSH,
            WINRM,
            "rule winrms Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5986|",
        ],
        "  firewall: { domain: { enabled: true } }\n",
        &[],
    ),
    (
        "the default blocks from now on",
        &["private DefaultInboundAction=0", SSH],
        "  firewall: { private: { inbound: block } }\n",
        &[
            "error ports.locked_out: WinRM (TCP port 5985) is open now and would be shut in the profile private: no rule allows it, and the default blocks",
            "error ports.locked_out: WinRM over TLS (TCP port 5986) is open now and would be shut in the profile private: no rule allows it, and the default blocks",
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in the profile private: no rule allows it, and the default blocks",
        ],
    ),
    (
        "no exceptions from now on",
        &[SSH, RDP],
        "  firewall: { public: { exceptions: false } }\n",
        &[
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in the profile public: no exceptions are allowed",
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in the profile public: no exceptions are allowed",
        ],
    ),
    (
        "rules for one program let nobody in",
        &[APP, RDP],
        "  no-rdp: { port: 3389, block: {} }\n",
        &[
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in every profile: the rule trueup-no-rdp-block-tcp-in (local policy) blocks it",
        ],
    ),
    (
        "a port of the document's own is shut",
        &["rule mgmt Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=9443|"],
        "  mgmt: { port: 9443, allow: { rule: mgmt, enabled: false }, management: true }\n",
        &[
            "error ports.locked_out: ports.mgmt (TCP port 9443) is open now and would be shut in every profile: no rule allows it, and the default blocks",
        ],
    ),
    (
        "what was shut stays shut",
        &["rule no Action=Block|Active=TRUE|Dir=In|"],
        "  web: { port: 5443, allow: {} }\n  no-rdp: { port: 3389, block: {} }\n",
        &[
            "warning ports.blocked: ports.web[\"allow tcp in\"] has no effect in domain, private, public networks: the rule no (local policy) blocks it",
        ],
    ),
    (
        "the registry section shuts the door",
        &[SSH],
        "  web: { port: 5443, allow: {} }\nregistry:\n  HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules: { values: { ssh: absent } }\n",
        &[
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in every profile: no rule allows it, and the default blocks",
        ],
    ),
    (
        "group policy's key shuts the door",
        &[SSH],
        "  web: { port: 5443, allow: {} }\nregistry:\n  HKLM\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall\\DomainProfile: { values: { AllowLocalPolicyMerge: 0 } }\n",
        &[
            "error ports.locked_out: SSH (TCP port 22) is open now and would be shut in the profile domain: no rule allows it, and the default blocks",
            "warning ports.not_merged: ports.web[\"allow tcp in\"] has no effect in domain networks: group policy lets no local rule hold",
        ],
    ),
];

#[test]
fn what_is_found() {
    let mut wrong = 0;
    for (name, lines, document, expected) in CASES {
        let found = findings(&planned(&machine(lines), document));
        if found != *expected {
            println!("{name}\n    {found:#?}");
            wrong += 1;
        }
    }
    assert_eq!(wrong, 0, "of {}", CASES.len());
}
