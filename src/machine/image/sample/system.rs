//! The `SYSTEM` hive but for services and network: control set, boot, Schannel, local security, environment.

use super::Server;
use super::tree::Data::{Binary, Dword, Expand, Multi, Security, Sz};
use super::tree::{Keys, Tree, TreeError};
use super::{network, services};
use crate::model::registry_data::RegistryData;

/// The control set that `Select` names; `CurrentControlSet` exists on a running system only.
pub const CONTROL_SET: &str = "ControlSet001";

/// Who may do what with a machine hive: what Windows gives to `SYSTEM` and `SOFTWARE`.
pub const MACHINE_SDDL: &str = "O:BAG:SYD:PAI(A;CI;KA;;;BA)(A;CI;KA;;;SY)(A;CIIO;KA;;;CO)(A;CI;KR;;;BU)(A;CI;KR;;;AC)";

pub fn hive(server: &Server) -> Result<Vec<u8>, TreeError> {
    let mut tree = Tree::new(server, "ROOT", MACHINE_SDDL)?;
    tree.put("", BOOT)?;
    // Who may open the registry from another machine.
    tree.guard(
        r"ControlSet001\Control\SecurePipeServers\winreg",
        "O:BAG:SYD:PAI(A;CI;KA;;;BA)(A;;KR;;;LS)(A;CI;KR;;;BO)",
    )?;
    tree.put(r"ControlSet001\Control", CONTROL)?;
    tree.set(r"ControlSet001\Control\Windows", "ShutdownTime", &RegistryData::binary(server.now.0.to_le_bytes()))?;
    services::put(&mut tree)?;
    network::put(&mut tree)?;
    tree.into_bytes()
}

const BOOT: Keys = &[
    ("Select", &[("Current", Dword(1)), ("Default", Dword(1)), ("Failed", Dword(0)), ("LastKnownGood", Dword(1))]),
    (
        "Setup",
        &[
            ("CmdLine", Sz("")),
            ("OobeInProgress", Dword(0)),
            ("SetupPhase", Dword(0)),
            ("SetupType", Dword(0)),
            ("SystemPartition", Sz(r"\Device\HarddiskVolume1")),
            ("SystemSetupInProgress", Dword(0)),
        ],
    ),
    // A volume of a GPT disk: `DMIO:ID:` and the partition's GUID.
    (
        "MountedDevices",
        &[(r"\DosDevices\C:", Binary(b"DMIO:ID:\x01\x23\x45\x67\x89\xab\xcd\x4f\x80\x01\x02\x03\x04\x05\x06\x07"))],
    ),
];

const CONTROL: Keys = &[
    (
        "",
        &[
            ("CurrentUser", Sz("USERNAME")),
            ("PreshutdownOrder", Multi(&["UsoSvc", "gpsvc", "trustedinstaller"])),
            ("SystemBootDevice", Sz("multi(0)disk(0)rdisk(0)partition(3)")),
            ("SystemStartOptions", Sz(" NOEXECUTE=OPTOUT")),
            ("WaitToKillServiceTimeout", Sz("5000")),
        ],
    ),
    (r"ComputerName\ComputerName", &[("", Sz("mnmsrvc")), ("ComputerName", Sz("<machine>"))]),
    (
        "CrashControl",
        &[
            ("AutoReboot", Dword(1)),
            ("CrashDumpEnabled", Dword(7)),
            ("DumpFile", Expand(r"%SystemRoot%\MEMORY.DMP")),
            ("LogEvent", Dword(1)),
        ],
    ),
    (
        "FileSystem",
        &[("LongPathsEnabled", Dword(0)), ("NtfsDisable8dot3NameCreation", Dword(2)), ("Win31FileSystem", Dword(0))],
    ),
    (
        "Lsa",
        &[
            ("Authentication Packages", Multi(&["msv1_0"])),
            ("auditbasedirectories", Dword(0)),
            ("auditbaseobjects", Dword(0)),
            ("Bounds", Binary(b"\x00\x30\x00\x00\x00\x20\x00\x00")),
            ("crashonauditfail", Dword(0)),
            ("disabledomaincreds", Dword(0)),
            ("everyoneincludesanonymous", Dword(0)),
            // "Guest only": what the product's guide asks to be 0.
            ("forceguest", Dword(1)),
            ("fullprivilegeauditing", Binary(b"\x00")),
            ("LimitBlankPasswordUse", Dword(1)),
            ("LmCompatibilityLevel", Dword(3)),
            ("NoLmHash", Dword(1)),
            ("Notification Packages", Multi(&["scecli"])),
            ("restrictanonymous", Dword(0)),
            ("restrictanonymoussam", Dword(1)),
            ("Security Packages", Multi(&["\"\""])),
        ],
    ),
    (
        r"Lsa\MSV1_0",
        &[
            ("Auth132", Sz("IISSUBA")),
            ("NtlmMinClientSec", Dword(0x2000_0000)),
            ("NtlmMinServerSec", Dword(0x2000_0000)),
        ],
    ),
    (r"Lsa\FipsAlgorithmPolicy", &[("Enabled", Dword(0))]),
    ("ProductOptions", &[("ProductSuite", Multi(&["Terminal Server"])), ("ProductType", Sz("ServerNT"))]),
    ("SecurePipeServers\\winreg", &[("Description", Sz("Registry Server"))]),
    (
        r"SecurePipeServers\winreg\AllowedExactPaths",
        &[(
            "Machine",
            Multi(&[
                r"System\CurrentControlSet\Control\ProductOptions",
                r"System\CurrentControlSet\Control\Server Applications",
                r"Software\Microsoft\Windows NT\CurrentVersion",
            ]),
        )],
    ),
    ("SecurityProviders", &[("SecurityProviders", Sz("credssp.dll"))]),
    (r"SecurityProviders\SCHANNEL", &[("EventLogging", Dword(1))]),
    // A slash is a part of these names.
    (r"SecurityProviders\SCHANNEL\Ciphers\AES 128/128", &[("Enabled", Dword(0xffff_ffff))]),
    (r"SecurityProviders\SCHANNEL\Ciphers\RC4 128/128", &[("Enabled", Dword(0))]),
    (r"SecurityProviders\SCHANNEL\CipherSuites", &[]),
    (r"SecurityProviders\SCHANNEL\Hashes", &[]),
    (r"SecurityProviders\SCHANNEL\KeyExchangeAlgorithms\Diffie-Hellman", &[("ServerMinKeyBitLength", Dword(2048))]),
    // TLS 1.0 is on for the server's role; of the client's and of TLS 1.1 nothing is said.
    (r"SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server", &[("DisabledByDefault", Dword(0)), ("Enabled", Dword(1))]),
    (
        "Session Manager",
        &[
            ("BootExecute", Multi(&["autocheck autochk *"])),
            ("GlobalFlag", Dword(0)),
            ("ObjectDirectories", Multi(&[r"\Windows", r"\RPC Control"])),
            ("ProtectionMode", Dword(1)),
        ],
    ),
    (
        r"Session Manager\Environment",
        &[
            // Set by hand with the wrong type: as a REG_SZ it is not expanded.
            ("ACS_HOME", Sz(r"%ProgramFiles(x86)%\Access Control Server")),
            ("ComSpec", Expand(r"%SystemRoot%\system32\cmd.exe")),
            ("DriverData", Sz(r"C:\Windows\System32\Drivers\DriverData")),
            ("JAVA_HOME", Sz(r"C:\Program Files\Java\jdk-11")),
            ("NUMBER_OF_PROCESSORS", Sz("4")),
            ("OS", Sz("Windows_NT")),
            (
                "Path",
                Expand(
                    r"%SystemRoot%\system32;%SystemRoot%;%SystemRoot%\System32\Wbem;%SYSTEMROOT%\System32\WindowsPowerShell\v1.0\;C:\Program Files\Java\jdk-11\bin",
                ),
            ),
            ("PATHEXT", Sz(".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC")),
            ("PROCESSOR_ARCHITECTURE", Sz("AMD64")),
            (
                "PSModulePath",
                Expand(
                    r"%ProgramFiles%\WindowsPowerShell\Modules;%SystemRoot%\system32\WindowsPowerShell\v1.0\Modules",
                ),
            ),
            ("TEMP", Expand(r"%SystemRoot%\TEMP")),
            ("TMP", Expand(r"%SystemRoot%\TEMP")),
            ("USERNAME", Sz("SYSTEM")),
            ("windir", Expand("%SystemRoot%")),
        ],
    ),
    (
        r"Session Manager\Memory Management",
        &[("ClearPageFileAtShutdown", Dword(0)), ("PagingFiles", Multi(&[r"?:\pagefile.sys"]))],
    ),
    // Fast start is off, so that a volume that was shut down holds no sleeping system.
    (r"Session Manager\Power", &[("HiberbootEnabled", Dword(0))]),
    ("Terminal Server", &[("fDenyTSConnections", Dword(0)), ("TSUserEnabled", Dword(0))]),
    (
        r"Terminal Server\WinStations\RDP-Tcp",
        &[
            ("MinEncryptionLevel", Dword(2)),
            ("PortNumber", Dword(3389)),
            ("SecurityLayer", Dword(2)),
            ("UserAuthentication", Dword(1)),
        ],
    ),
    (
        "TimeZoneInformation",
        &[
            ("ActiveTimeBias", Dword(0xffff_ffc4)),
            ("Bias", Dword(0xffff_ffc4)),
            ("DaylightName", Sz("@tzres.dll,-321")),
            ("StandardName", Sz("@tzres.dll,-322")),
            ("TimeZoneKeyName", Sz("W. Europe Standard Time")),
        ],
    ),
    (
        "Windows",
        &[
            ("CSDVersion", Dword(0)),
            ("Directory", Expand("%SystemRoot%")),
            ("ErrorMode", Dword(0)),
            ("NoInteractiveServices", Dword(1)),
            ("SystemDirectory", Expand(r"%SystemRoot%\system32")),
        ],
    ),
    (
        r"WMI\Security",
        &[("5b00b96b-dffd-452e-b7ae-b1ee2f0c9c5d", Security("O:BAG:BAD:(A;;0x120fff;;;SY)(A;;0x120fff;;;BA)"))],
    ),
];
