//! The `SOFTWARE` hive: who this Windows is, its profiles, policies and stores, and what is installed on it.

use super::Server;
use super::accounts::PEOPLE;
use super::system::MACHINE_SDDL;
use super::tree::Data::{Dword, Expand, Multi, Raw, Security, Sz};
use super::tree::{Keys, Tree, TreeError};
use crate::model::registry_data::{REG_SZ, RegistryData};
use crate::model::sid::Sid;

const VERSION: &str = r"Microsoft\Windows NT\CurrentVersion";
const PROFILES: &str = r"Microsoft\Windows NT\CurrentVersion\ProfileList";
const STORES: [&str; 8] =
    ["AuthRoot", "CA", "Disallowed", "My", "Root", "TrustedDevices", "TrustedPeople", "TrustedPublisher"];
/// Ticks of 100 ns between 1601 and 1970.
const EPOCH_TICKS: u64 = 116_444_736_000_000_000;
const TICKS_PER_SECOND: u64 = 10_000_000;

pub fn hive(server: &Server) -> Result<Vec<u8>, TreeError> {
    let mut tree = Tree::new(server, "ROOT", MACHINE_SDDL)?;
    tree.put("Microsoft", WINDOWS)?;
    installed_at(&mut tree, server)?;
    profiles(&mut tree, server)?;
    for store in STORES {
        for part in ["Certificates", "CRLs", "CTLs"] {
            tree.key(&format!(r"Microsoft\SystemCertificates\{store}\{part}"))?;
        }
    }
    tree.put("Classes", CLASSES)?;
    tree.put("", PRODUCTS)?;
    tree.into_bytes()
}

/// The time of installation, in the two forms that Windows keeps.
fn installed_at(tree: &mut Tree<'_>, server: &Server) -> Result<(), TreeError> {
    let seconds = server.now.0.saturating_sub(EPOCH_TICKS) / TICKS_PER_SECOND;
    tree.set(VERSION, "InstallDate", &RegistryData::dword(u32::try_from(seconds).unwrap_or(u32::MAX)))?;
    tree.set(VERSION, "InstallTime", &RegistryData::qword(server.now.0))
}

fn profiles(tree: &mut Tree<'_>, server: &Server) -> Result<(), TreeError> {
    tree.put(PROFILES, PROFILE_FOLDERS)?;
    let built_in = [
        (Sid::SYSTEM, r"%systemroot%\system32\config\systemprofile"),
        (Sid::LOCAL_SERVICE, r"%systemroot%\ServiceProfiles\LocalService"),
        (Sid::NETWORK_SERVICE, r"%systemroot%\ServiceProfiles\NetworkService"),
    ];
    for (sid, folder) in built_in {
        profile(tree, sid, folder)?;
    }
    for (name, relative) in PEOPLE {
        profile(tree, server.account(relative)?, &format!(r"C:\Users\{name}"))?;
    }
    Ok(())
}

fn profile(tree: &mut Tree<'_>, sid: Sid, folder: &str) -> Result<(), TreeError> {
    let key = format!(r"{PROFILES}\{sid}");
    tree.set(&key, "Flags", &RegistryData::dword(0))?;
    tree.set(&key, "ProfileImagePath", &RegistryData::expand(folder))?;
    tree.set(&key, "Sid", &RegistryData::binary(sid.to_bytes()))?;
    tree.set(&key, "State", &RegistryData::dword(0))
}

const PROFILE_FOLDERS: Keys = &[(
    "",
    &[
        ("Default", Expand(r"%SystemDrive%\Users\Default")),
        ("ProfilesDirectory", Expand(r"%SystemDrive%\Users")),
        ("ProgramData", Expand(r"%SystemDrive%\ProgramData")),
        ("Public", Expand(r"%SystemDrive%\Users\Public")),
    ],
)];

const WINDOWS: Keys = &[
    (
        r"Windows NT\CurrentVersion",
        &[
            ("CurrentBuild", Sz("20348")),
            ("CurrentBuildNumber", Sz("20348")),
            ("CurrentMajorVersionNumber", Dword(10)),
            ("CurrentMinorVersionNumber", Dword(0)),
            ("CurrentType", Sz("Multiprocessor Free")),
            ("CurrentVersion", Sz("6.3")),
            ("DisplayVersion", Sz("21H2")),
            ("EditionID", Sz("ServerStandard")),
            ("InstallationType", Sz("Server")),
            ("PathName", Sz(r"C:\Windows")),
            ("ProductName", Sz("Windows Server 2022 Standard")),
            ("RegisteredOrganization", Sz("Example AG")),
            ("RegisteredOwner", Sz("Operations")),
            ("ReleaseId", Sz("2009")),
            ("SystemRoot", Sz(r"C:\Windows")),
        ],
    ),
    (
        r"Windows NT\CurrentVersion\Winlogon",
        &[
            ("AutoAdminLogon", Sz("0")),
            ("CachedLogonsCount", Sz("10")),
            ("DisableCAD", Dword(0)),
            ("PasswordExpiryWarning", Dword(5)),
            ("Shell", Sz("explorer.exe")),
            ("Userinit", Sz(r"C:\Windows\system32\userinit.exe,")),
        ],
    ),
    (
        r"Windows\CurrentVersion",
        &[
            ("CommonFilesDir", Sz(r"C:\Program Files\Common Files")),
            ("CommonFilesDir (x86)", Sz(r"C:\Program Files (x86)\Common Files")),
            ("DevicePath", Expand(r"%SystemRoot%\inf")),
            ("ProgramFilesDir", Sz(r"C:\Program Files")),
            ("ProgramFilesDir (x86)", Sz(r"C:\Program Files (x86)")),
            ("ProgramFilesPath", Expand("%ProgramFiles%")),
        ],
    ),
    (
        r"Windows\CurrentVersion\Policies\System",
        &[
            ("ConsentPromptBehaviorAdmin", Dword(5)),
            ("ConsentPromptBehaviorUser", Dword(3)),
            ("dontdisplaylastusername", Dword(0)),
            ("EnableLUA", Dword(1)),
            ("FilterAdministratorToken", Dword(0)),
            ("legalnoticecaption", Sz("")),
            ("legalnoticetext", Sz("")),
            ("PromptOnSecureDesktop", Dword(1)),
        ],
    ),
    (
        r"Windows\CurrentVersion\Run",
        &[
            // Left behind by a program that is gone.
            ("OldAgentUpdater", Sz(r#""C:\Program Files (x86)\Old Agent\update.exe" /quiet"#)),
            ("SecurityHealth", Expand(r"%windir%\system32\SecurityHealthSystray.exe")),
        ],
    ),
    (
        r"Windows\CurrentVersion\Uninstall\AccessControlServer",
        &[
            ("DisplayName", Sz("Access Control Server")),
            ("DisplayVersion", Sz("2.90.0")),
            ("EstimatedSize", Dword(1_842_176)),
            ("InstallLocation", Sz(r"C:\Program Files (x86)\Access Control Server")),
            ("Publisher", Sz("Example AG")),
            ("UninstallString", Sz(r#""C:\Program Files (x86)\Access Control Server\setup.exe" /x"#)),
        ],
    ),
    (
        r"Windows\CurrentVersion\Uninstall\{2b1f6a54-9c1d-4d5e-8f3a-7d0e4c5b6a11}",
        &[
            ("DisplayName", Sz("Java Development Kit 11 (64-bit)")),
            ("DisplayVersion", Sz("11.0.24.8")),
            ("InstallLocation", Sz(r"C:\Program Files\Java\jdk-11\")),
            ("WindowsInstaller", Dword(1)),
        ],
    ),
    (
        r"Windows\CurrentVersion\Uninstall\Microsoft SQL Server SQL2019",
        &[
            ("DisplayName", Sz("Microsoft SQL Server 2019 (64-bit)")),
            ("InstallLocation", Sz(r"C:\Program Files\Microsoft SQL Server\150\")),
            ("Publisher", Sz("Microsoft Corporation")),
        ],
    ),
    (r"Cryptography\Services\NTDS\SystemCertificates\My\Certificates", &[]),
    (
        r"InetStp",
        &[
            ("MajorVersion", Dword(10)),
            ("MinorVersion", Dword(0)),
            ("PathWWWRoot", Expand(r"%SystemDrive%\inetpub\wwwroot")),
        ],
    ),
    (r"Microsoft SQL Server\Instance Names\SQL", &[("MSSQLSERVER", Sz("MSSQL15.MSSQLSERVER"))]),
    (r"Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQLServer\CurrentVersion", &[("CurrentVersion", Sz("15.0.2000.5"))]),
    (
        r"Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQLServer\SuperSocketNetLib",
        &[("Certificate", Sz("")), ("ForceEncryption", Dword(0))],
    ),
    (r"Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQLServer\SuperSocketNetLib\Np", &[("Enabled", Dword(0))]),
    (r"Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQLServer\SuperSocketNetLib\Sm", &[("Enabled", Dword(1))]),
    (
        r"Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQLServer\SuperSocketNetLib\Tcp",
        &[("Enabled", Dword(0)), ("ListenOnAllIPs", Dword(1))],
    ),
    (
        r"Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQLServer\SuperSocketNetLib\Tcp\IPAll",
        &[("TcpDynamicPorts", Sz("")), ("TcpPort", Sz("1433"))],
    ),
    (
        r"NET Framework Setup\NDP\v4\Full",
        &[("Install", Dword(1)), ("Release", Dword(528_449)), ("Version", Sz("4.8.04161"))],
    ),
    (
        "Ole",
        &[
            (
                "DefaultLaunchPermission",
                Security("O:BAG:BAD:(A;;CCDCLCSWRP;;;SY)(A;;CCDCLCSWRP;;;BA)(A;;CCDCLCSWRP;;;IU)"),
            ),
            ("EnableDCOM", Sz("Y")),
            ("LegacyAuthenticationLevel", Dword(2)),
            ("LegacyImpersonationLevel", Dword(2)),
            (
                "MachineAccessRestriction",
                Security("O:BAG:BAD:(A;;CCDCLC;;;WD)(A;;CCDCLC;;;AC)(A;;CCDCLC;;;CD)(A;;CCDC;;;LU)"),
            ),
            (
                "MachineLaunchRestriction",
                Security("O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCSW;;;WD)(A;;CCDCLCSWRP;;;CD)"),
            ),
        ],
    ),
    (r"Rpc", &[("DCOM Protocols", Multi(&["ncacn_ip_tcp"]))]),
    // Three values that make one setting: half of it breaks RPC.
    (
        r"Rpc\Internet",
        &[("Ports", Multi(&["49152-65535"])), ("PortsInternetAvailable", Sz("Y")), ("UseInternetPorts", Sz("Y"))],
    ),
];

const CLASSES: Keys = &[
    (".json", &[("", Sz("jsonfile")), ("Content Type", Sz("application/json"))]),
    (".txt", &[("", Sz("txtfile")), ("Content Type", Sz("text/plain")), ("PerceivedType", Sz("text"))]),
    (r".txt\ShellNew", &[("NullFile", Sz(""))]),
    ("txtfile", &[("", Sz("Text Document")), ("EditFlags", Dword(0x0021_0000))]),
    (r"txtfile\DefaultIcon", &[("", Expand(r"%SystemRoot%\system32\imageres.dll,-102"))]),
    (r"txtfile\shell\open\command", &[("", Expand(r"%SystemRoot%\system32\NOTEPAD.EXE %1"))]),
    (r"AppID\AcsServer.exe", &[("AppID", Sz("{5f0c8a1e-3d2b-4c6f-9a7d-1e8b6f4c2d03}"))]),
    (
        r"AppID\{5f0c8a1e-3d2b-4c6f-9a7d-1e8b6f4c2d03}",
        &[
            ("", Sz("Access Control Server")),
            ("AccessPermission", Security("O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)")),
            ("LaunchPermission", Security("O:BAG:BAD:(A;;CCDCLCSWRP;;;SY)(A;;CCDCLCSWRP;;;BA)")),
            ("LocalService", Sz("AcsServer")),
        ],
    ),
    (
        r"CLSID\{7b2e9d40-6a1f-4e8c-b5d3-2c9f0a7e1d55}",
        &[("", Sz("Access Control Server object")), ("AppID", Sz("{5f0c8a1e-3d2b-4c6f-9a7d-1e8b6f4c2d03}"))],
    ),
    (
        r"Wow6432Node\CLSID\{7b2e9d40-6a1f-4e8c-b5d3-2c9f0a7e1d55}",
        &[("", Sz("Access Control Server object")), ("AppID", Sz("{5f0c8a1e-3d2b-4c6f-9a7d-1e8b6f4c2d03}"))],
    ),
];

const PRODUCTS: Keys = &[
    // A value without its terminator, as some programs write them: it is kept and shown as what it is.
    (
        r"Example Corp\Console",
        &[
            ("InstallPath", Sz(r"C:\Program Files\Example Corp\Console")),
            ("LastSite", Raw(REG_SZ, b"Z\0\xfc\0r\0i\0c\0h\0")),
        ],
    ),
    (r"Example Corp\Console\Sites\Łódź", &[("Name", Sz("Łódź")), ("Order", Dword(2))]),
    (r"Example Corp\Console\Sites\Straße", &[("Name", Sz("Zürich, Straße 12")), ("Order", Dword(1))]),
    (r"Example Corp\Old Agent", &[("Version", Sz("4.2"))]),
    (r"Example Corp\Old Agent\Jobs\1", &[("Interval", Dword(300)), ("Url", Sz("https://agent.<domain>/jobs"))]),
    (r"Example Corp\Old Agent\Jobs\2", &[("Interval", Dword(3600)), ("Url", Sz("https://agent.<domain>/report"))]),
    (r"JavaSoft\JDK", &[("CurrentVersion", Sz("11"))]),
    (r"JavaSoft\JDK\11", &[("JavaHome", Sz(r"C:\Program Files\Java\jdk-11"))]),
    (r"One Identity\Password Manager", &[("InstallPath", Sz(r"C:\Program Files\One Identity\Password Manager"))]),
    // Switched on for a support case, and forgotten.
    (
        r"One Identity\Password Manager\Logging",
        &[("LogFolder", Sz(r"C:\ProgramData\Password Manager\Logs")), ("LogLevel", Sz("All"))],
    ),
    (r"Policies\Microsoft\SystemCertificates\Root\Certificates", &[]),
    (r"Policies\Microsoft\Windows\WindowsUpdate\AU", &[("AUOptions", Dword(3)), ("NoAutoUpdate", Dword(0))]),
    (r"Policies\Microsoft\WindowsFirewall\DomainProfile", &[("EnableFirewall", Dword(1))]),
    (
        r"Wow6432Node\Interactive Intelligence\EIC\Directory Services\Root\ExampleCorp\Site1\Production\Config Certificates\Config Subsystems Certificates\2796185374",
        &[
            ("Application", Multi(&["Media Server"])),
            ("Display Name", Multi(&["2796185374"])),
            ("snCreated", Dword(1_714_000_000)),
            ("snModified", Dword(1_714_000_000)),
            ("StartDate", Multi(&["2024-04-25 00:00:00"])),
            ("Status", Multi(&["Allowed"])),
            ("User Name", Multi(&["ExampleCorp"])),
        ],
    ),
    (r"Wow6432Node\Landis & Staefa\ADVANTAGE\Version4\Server", &[("Version", Sz("4.0"))]),
    (
        r"Wow6432Node\Landis & Staefa\ADVANTAGE\Version4\Server\ServerConfigurations\<machine>",
        &[("DatabaseServer", Sz("<machine>")), ("MailBoxMaxItems", Dword(3000))],
    ),
    (r"Wow6432Node\Microsoft\Windows\CurrentVersion", &[("ProgramFilesDir", Sz(r"C:\Program Files (x86)"))]),
];
