//! The network part of the `SYSTEM` hive: TCP/IP, http.sys bindings and reservations, the firewall's own rules.

use sha1::{Digest as _, Sha1};

use super::system::CONTROL_SET;
use super::tree::Data::{Binary, Dword, Expand, Multi, Security, Sz};
use super::tree::{Keys, Tree, TreeError};
use crate::model::registry_data::RegistryData;

/// Puts the network's services' parameters below the control set.
pub fn put(tree: &mut Tree<'_>) -> Result<(), TreeError> {
    let services = format!(r"{CONTROL_SET}\Services");
    tree.put(&services, TCPIP)?;
    tree.put(&services, HTTP)?;
    // A certificate that is in no store: a binding that outlived it.
    let thumbprint = RegistryData::binary(Sha1::digest(b"a certificate of the sample server").to_vec());
    tree.set(&format!(r"{services}\HTTP\Parameters\SslBindingInfo\0.0.0.0:5443"), "SslCertHash", &thumbprint)?;
    tree.put(&format!(r"{services}\SharedAccess\Parameters\FirewallPolicy"), FIREWALL)
}

const TCPIP: Keys = &[
    (
        r"Tcpip\Parameters",
        &[
            ("DataBasePath", Expand(r"%SystemRoot%\System32\drivers\etc")),
            ("Domain", Sz("<domain>")),
            ("ForwardBroadcasts", Dword(0)),
            ("Hostname", Sz("<machine>")),
            ("IPEnableRouter", Dword(0)),
            ("NameServer", Sz("")),
            ("NV Domain", Sz("<domain>")),
            ("NV Hostname", Sz("<machine>")),
            ("SearchList", Sz("<domain>")),
            ("SyncDomainWithMembership", Dword(1)),
        ],
    ),
    (
        r"Tcpip\Parameters\Interfaces\{6a0cbe2e-51b1-4b40-9f5e-0c4c70a2e5d1}",
        &[
            ("DefaultGateway", Multi(&["10.20.0.1"])),
            ("EnableDHCP", Dword(0)),
            ("IPAddress", Multi(&["10.20.0.15"])),
            ("NameServer", Sz("10.20.0.10,10.20.0.11")),
            ("SubnetMask", Multi(&["255.255.255.0"])),
        ],
    ),
    (r"Tcpip6\Parameters", &[("DisabledComponents", Dword(0))]),
];

const HTTP: Keys = &[
    (r"HTTP\Parameters", &[]),
    (
        r"HTTP\Parameters\SslBindingInfo\0.0.0.0:5443",
        &[
            // {4dc3e181-e14b-4a21-b022-59fc669b0914}, in the order of its bytes.
            ("AppId", Binary(b"\x81\xe1\xc3\x4d\x4b\xe1\x21\x4a\xb0\x22\x59\xfc\x66\x9b\x09\x14")),
            ("DefaultFlags", Dword(0)),
            ("DefaultSslCertCheckMode", Dword(0)),
            ("DefaultSslRevocationFreshnessTime", Dword(0)),
            ("DefaultSslRevocationUrlRetrievalTimeout", Dword(0)),
            ("SslCertStoreName", Sz("My")),
        ],
    ),
    (r"HTTP\Parameters\SslCcsBindingInfo", &[]),
    (r"HTTP\Parameters\SslSniBindingInfo", &[]),
    // Who may listen at a URL: generic execute.
    (
        r"HTTP\Parameters\UrlAclInfo",
        &[
            ("http://+:80/Temporary_Listen_Addresses/", Security("D:(A;;GX;;;WD)")),
            ("http://+:5985/wsman/", Security("D:(A;;GX;;;NS)")),
            ("http://+:47001/wsman/", Security("D:(A;;GX;;;NS)")),
            ("https://+:5443/acs/", Security("D:(A;;GX;;;<sid>-1001)")),
            ("https://+:8744/", Security("D:(A;;GX;;;<sid>-1001)")),
        ],
    ),
];

/// `StandardProfile` is the private one. Fields of a rule repeat, `LPort` may be a keyword, a range is `LPort2_10`.
const FIREWALL: Keys = &[
    (
        "",
        &[
            ("DisableStatefulFTP", Dword(0)),
            ("DisableStatefulPPTP", Dword(0)),
            ("IPSecExempt", Dword(9)),
            // 2.30, the version of the rules.
            ("PolicyVersion", Dword(0x021e)),
        ],
    ),
    ("DomainProfile", &[("DisableNotifications", Dword(1)), ("EnableFirewall", Dword(1))]),
    (
        r"DomainProfile\Logging",
        &[
            ("LogDroppedPackets", Dword(0)),
            ("LogFilePath", Expand(r"%systemroot%\system32\LogFiles\Firewall\pfirewall.log")),
            ("LogFileSize", Dword(4096)),
            ("LogSuccessfulConnections", Dword(0)),
        ],
    ),
    ("PublicProfile", &[("DisableNotifications", Dword(1)), ("EnableFirewall", Dword(1))]),
    ("StandardProfile", &[("DisableNotifications", Dword(1)), ("EnableFirewall", Dword(1))]),
    (
        "FirewallRules",
        &[
            (
                "CoreNet-DHCP-In",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=68|RPort=67|App=%SystemRoot%\system32\svchost.exe|Svc=dhcp|Name=@FirewallAPI.dll,-25301|Desc=@FirewallAPI.dll,-25303|EmbedCtxt=@FirewallAPI.dll,-25000|",
                ),
            ),
            (
                "CoreNet-DNS-Out-UDP",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=17|RPort=53|App=%SystemRoot%\system32\svchost.exe|Svc=dnscache|Name=@FirewallAPI.dll,-25405|Desc=@FirewallAPI.dll,-25406|EmbedCtxt=@FirewallAPI.dll,-25000|",
                ),
            ),
            (
                "FPS-SMB-In-TCP",
                Sz(
                    r"v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=445|RA4=LocalSubnet|RA6=LocalSubnet|App=System|Name=@FirewallAPI.dll,-28511|Desc=@FirewallAPI.dll,-28514|EmbedCtxt=@FirewallAPI.dll,-28502|",
                ),
            ),
            (
                "FPS-SMB-In-TCP-NoScope",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=445|App=System|Name=@FirewallAPI.dll,-28511|Desc=@FirewallAPI.dll,-28514|EmbedCtxt=@FirewallAPI.dll,-28502|",
                ),
            ),
            (
                "RemoteDesktop-UserMode-In-TCP",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\system32\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|Desc=@FirewallAPI.dll,-28756|EmbedCtxt=@FirewallAPI.dll,-28752|",
                ),
            ),
            (
                "RemoteSvcAdmin-In-TCP-NoScope",
                Sz(
                    r"v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|LPort=RPC|App=%SystemRoot%\system32\services.exe|Name=@FirewallAPI.dll,-29503|Desc=@FirewallAPI.dll,-29506|EmbedCtxt=@FirewallAPI.dll,-29502|",
                ),
            ),
            (
                "RemoteSvcAdmin-RPCSS-In-TCP-NoScope",
                Sz(
                    r"v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Domain|LPort=RPC-EPMap|App=%SystemRoot%\system32\svchost.exe|Svc=RPCSS|Name=@FirewallAPI.dll,-29515|Desc=@FirewallAPI.dll,-29518|EmbedCtxt=@FirewallAPI.dll,-29502|",
                ),
            ),
            (
                "IIS-WebServerRole-HTTPS-In-TCP",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|App=System|Name=World Wide Web Services (HTTPS Traffic-In)|Desc=Inbound HTTPS|EmbedCtxt=Secure World Wide Web Services (HTTPS)|",
                ),
            ),
            (
                "{0f8e5d1a-6b0e-4f0b-8a43-1c5d8f2b7e01}",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=8741|RA4=10.0.0.0/255.0.0.0|App=C:\Program Files (x86)\Access Control Server\AcsServer.exe|Name=Access control: operation clients|EmbedCtxt=Access Control Server|",
                ),
            ),
            // The range that the printed guide names, 360 ports short of Windows' own.
            (
                "{0f8e5d1a-6b0e-4f0b-8a43-1c5d8f2b7e02}",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=135|LPort2_10=49512-65535|RA4=10.0.0.0/255.0.0.0|Name=Access control: configuration clients|EmbedCtxt=Access Control Server|",
                ),
            ),
            (
                "{0f8e5d1a-6b0e-4f0b-8a43-1c5d8f2b7e03}",
                Sz(
                    r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=5443|RA4=LocalSubnet|RA4=10.0.0.0/255.0.0.0|Name=Access control: web client|EmbedCtxt=Access Control Server|",
                ),
            ),
            (
                "{0f8e5d1a-6b0e-4f0b-8a43-1c5d8f2b7e04}",
                Sz(
                    r"v2.30|Action=Block|Active=TRUE|Dir=Out|App=C:\Program Files (x86)\Access Control Server\AcsLicence.exe|Name=Access control: no licence request|",
                ),
            ),
        ],
    ),
];
