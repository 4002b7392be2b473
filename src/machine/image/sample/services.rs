//! The services of the sample server, one line each, and the registry values that a line stands for.

use std::borrow::Cow;

use Start::{Automatic, Boot, Delayed, Disabled, Manual, System};

use super::files;
use super::system::CONTROL_SET;
use super::tree::Data::{Dword, Expand, Multi, Sz};
use super::tree::{Keys, Tree, TreeError};
use crate::model::registry_data::RegistryData;

/// Puts every service below the control set.
pub fn put(tree: &mut Tree<'_>) -> Result<(), TreeError> {
    let base = format!(r"{CONTROL_SET}\Services");
    for service in SERVICES {
        service.put(tree, &format!(r"{base}\{}", service.name))?;
    }
    tree.put(&base, PARAMETERS)
}

struct Service {
    name: &'static str,
    display: &'static str,
    kind: Kind,
    start: Start,
    image: Image,
    /// Empty for a driver, which has none.
    account: &'static str,
    needs: &'static [&'static str],
    recovery: Recovery,
}

/// `Type`: [MS-SCMR] 3.1.4.12.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Kind {
    Driver = 0x1,
    Own = 0x10,
    Shared = 0x20,
    OwnInteractive = 0x110,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Boot,
    System,
    Automatic,
    /// Automatic, a while after the others.
    Delayed,
    Manual,
    Disabled,
}

/// The program of a service.
#[derive(Clone, Copy)]
enum Image {
    Path(&'static str),
    /// A group of services that one process hosts.
    Host(&'static str),
    /// A program in the folder of the sample's product.
    Product(&'static str),
}

/// What happens when the service fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recovery {
    None,
    /// Restarted twice, after one minute and after two, and not again within a day.
    Restart,
    /// The machine restarts after a minute.
    Reboot,
}

impl Service {
    fn put(&self, tree: &mut Tree<'_>, key: &str) -> Result<(), TreeError> {
        tree.set(key, "DisplayName", &RegistryData::sz(self.display))?;
        tree.set(key, "ErrorControl", &RegistryData::dword(1))?;
        tree.set(key, "ImagePath", &RegistryData::expand(&self.image.path()))?;
        tree.set(key, "Start", &RegistryData::dword(self.start.number()))?;
        tree.set(key, "Type", &RegistryData::dword(self.kind as u32))?;
        if !self.account.is_empty() {
            tree.set(key, "ObjectName", &RegistryData::sz(self.account))?;
        }
        if !self.needs.is_empty() {
            tree.set(key, "DependOnService", &RegistryData::multi(self.needs))?;
        }
        if self.start == Start::Delayed {
            tree.set(key, "DelayedAutostart", &RegistryData::dword(1))?;
        }
        if let Some(actions) = self.recovery.actions() {
            tree.set(key, "FailureActions", &RegistryData::binary(actions))?;
        }
        Ok(())
    }

    const fn with(self, recovery: Recovery) -> Self {
        Self { recovery, ..self }
    }
}

impl Start {
    fn number(self) -> u32 {
        match self {
            Self::Boot => 0,
            Self::System => 1,
            Self::Automatic | Self::Delayed => 2,
            Self::Manual => 3,
            Self::Disabled => 4,
        }
    }
}

impl Image {
    fn path(self) -> Cow<'static, str> {
        match self {
            Self::Path(path) => path.into(),
            Self::Host(group) => format!(r"%SystemRoot%\system32\svchost.exe -k {group}").into(),
            Self::Product(program) => format!("\"{}\\{program}\"", files::PRODUCT).into(),
        }
    }
}

impl Recovery {
    /// `FailureActions`: seconds until the count begins anew, two flags, the number of actions, 0x14, then type and
    /// delay in milliseconds of each.
    fn actions(self) -> Option<Vec<u8>> {
        const DAY: u32 = 86_400;
        const NOTHING: u32 = 0;
        const RESTART: u32 = 1;
        const REBOOT: u32 = 2;
        let words: &[u32] = match self {
            Self::None => return None,
            Self::Restart => &[DAY, 0, 0, 3, 0x14, RESTART, 60_000, RESTART, 120_000, NOTHING, 0],
            Self::Reboot => &[0, 0, 0, 1, 0x14, REBOOT, 60_000],
        };
        Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

const SYSTEM: &str = "LocalSystem";
const LOCAL: &str = r"NT AUTHORITY\LocalService";
const NETWORK: &str = r"NT AUTHORITY\NetworkService";

const fn driver(name: &'static str, display: &'static str, start: Start, path: &'static str) -> Service {
    let image = Image::Path(path);
    Service { name, display, kind: Kind::Driver, start, image, account: "", needs: &[], recovery: Recovery::None }
}

/// A service of Windows in a host process.
const fn hosted(
    name: &'static str,
    display: &'static str,
    start: Start,
    group: &'static str,
    account: &'static str,
    needs: &'static [&'static str],
) -> Service {
    let image = Image::Host(group);
    Service { name, display, kind: Kind::Shared, start, image, account, needs, recovery: Recovery::Restart }
}

/// A service with a program of its own.
const fn own(
    name: &'static str,
    display: &'static str,
    start: Start,
    path: &'static str,
    account: &'static str,
    needs: &'static [&'static str],
) -> Service {
    let image = Image::Path(path);
    Service { name, display, kind: Kind::Own, start, image, account, needs, recovery: Recovery::Restart }
}

/// A service of the sample's product.
const fn product(
    name: &'static str,
    display: &'static str,
    start: Start,
    program: &'static str,
    needs: &'static [&'static str],
) -> Service {
    let (image, account) = (Image::Product(program), r".\svc-acs");
    Service { name, display, kind: Kind::Own, start, image, account, needs, recovery: Recovery::Restart }
}

const SPOOLER: Service =
    own("Spooler", "Print Spooler", Automatic, r"%SystemRoot%\System32\spoolsv.exe", SYSTEM, &["RPCSS", "http"]);
const LSASS: &str = r"%SystemRoot%\system32\lsass.exe";
const SQL_SERVER: &str =
    r#""C:\Program Files\Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQL\Binn\sqlservr.exe" -sMSSQLSERVER"#;
const SQL_AGENT: &str =
    r#""C:\Program Files\Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQL\Binn\SQLAGENT.EXE" -i MSSQLSERVER"#;

const SERVICES: &[Service] = &[
    driver("Tcpip", "TCP/IP Protocol Driver", Boot, r"System32\drivers\tcpip.sys"),
    driver("AFD", "Ancillary Function Driver for Winsock", System, r"\SystemRoot\system32\drivers\afd.sys"),
    driver("HTTP", "HTTP Service", Manual, r"system32\drivers\HTTP.sys"),
    driver("srv2", "Server SMB 2.xxx Driver", Manual, r"System32\DRIVERS\srv2.sys"),
    hosted("RpcSs", "Remote Procedure Call (RPC)", Automatic, "rpcss -p", NETWORK, &["RpcEptMapper", "DcomLaunch"])
        .with(Recovery::Reboot),
    hosted("RpcEptMapper", "RPC Endpoint Mapper", Automatic, "RPCSS -p", NETWORK, &[]),
    hosted("DcomLaunch", "DCOM Server Process Launcher", Automatic, "DcomLaunch -p", SYSTEM, &[])
        .with(Recovery::Reboot),
    hosted("EventLog", "Windows Event Log", Automatic, "LocalServiceNetworkRestricted -p", LOCAL, &[]),
    hosted("LanmanServer", "Server", Automatic, "netsvcs -p", SYSTEM, &["SamSS", "Srv2"]),
    hosted("LanmanWorkstation", "Workstation", Automatic, "NetworkService -p", NETWORK, &[]),
    hosted("CryptSvc", "Cryptographic Services", Automatic, "NetworkService -p", NETWORK, &["RpcSs"]),
    hosted("Dnscache", "DNS Client", Automatic, "NetworkService -p", NETWORK, &[]),
    hosted("mpssvc", "Windows Defender Firewall", Automatic, "LocalServiceNoNetworkFirewall -p", LOCAL, &["RpcSs"]),
    hosted("Schedule", "Task Scheduler", Automatic, "netsvcs -p", SYSTEM, &["RPCSS"]),
    hosted("TermService", "Remote Desktop Services", Manual, "termsvcs", NETWORK, &["RPCSS"]),
    hosted("W32Time", "Windows Time", Automatic, "LocalService", LOCAL, &[]),
    hosted(
        "WinRM",
        "Windows Remote Management (WS-Management)",
        Automatic,
        "NetworkService -p",
        NETWORK,
        &["RPCSS", "HTTP"],
    ),
    hosted("IAS", "Network Policy Server", Automatic, "netsvcs -p", SYSTEM, &["RPCSS"]),
    hosted("WAS", "Windows Process Activation Service", Manual, "iissvcs", SYSTEM, &["RPCSS"]),
    hosted("W3SVC", "World Wide Web Publishing Service", Automatic, "iissvcs", SYSTEM, &["WAS", "HTTP"]),
    own("SamSs", "Security Accounts Manager", Automatic, LSASS, SYSTEM, &["RPCSS"]),
    own("Netlogon", "Netlogon", Automatic, LSASS, SYSTEM, &["LanmanWorkstation"]),
    Service { kind: Kind::OwnInteractive, ..SPOOLER },
    own("MSSQLSERVER", "SQL Server (MSSQLSERVER)", Automatic, SQL_SERVER, r"NT Service\MSSQLSERVER", &[]),
    own(
        "SQLSERVERAGENT",
        "SQL Server Agent (MSSQLSERVER)",
        Manual,
        SQL_AGENT,
        r"NT Service\SQLSERVERAGENT",
        &["MSSQLSERVER"],
    ),
    product("AcsServer", "Access Control Server", Automatic, "AcsServer.exe", &["RPCSS", "MSSQLSERVER"]),
    product("AcsMessageBroker", "Access Control Message Broker", Automatic, r"Broker\AcsBroker.exe", &[]),
    product("AcsDocumentStore", "Access Control Document Store", Automatic, r"Store\AcsStore.exe", &[]),
    product(
        "AcsActivityFeed",
        "Access Control Activity Feed",
        Delayed,
        r"Web\AcsActivityFeed.exe",
        &["AcsServer", "AcsMessageBroker"],
    ),
    product(
        "AcsWebApi",
        "Access Control Web API",
        Delayed,
        r"Web\AcsWebApi.exe",
        &["AcsServer", "AcsDocumentStore", "HTTP"],
    ),
    product("AcsEnrolment", "Access Control Enrolment", Manual, r"Enrolment\AcsEnrolment.exe", &["AcsServer"]),
    product(
        "AcsCardPrinting",
        "Access Control Card Printing",
        Disabled,
        r"Cards\AcsCards.exe",
        &["Spooler", "AcsServer"],
    ),
];

/// What services keep beside what starts them.
const PARAMETERS: Keys = &[
    (
        r"EventLog\Application",
        &[
            ("File", Expand(r"%SystemRoot%\system32\winevt\Logs\Application.evtx")),
            ("MaxSize", Dword(0x0140_0000)),
            ("Retention", Dword(0)),
        ],
    ),
    (
        r"EventLog\Application\Access Control Server",
        &[
            ("EventMessageFile", Expand(r"C:\Program Files (x86)\Access Control Server\AcsMessages.dll")),
            ("TypesSupported", Dword(7)),
        ],
    ),
    (
        r"EventLog\System",
        &[
            ("File", Expand(r"%SystemRoot%\system32\winevt\Logs\System.evtx")),
            ("MaxSize", Dword(0x0140_0000)),
            ("Retention", Dword(0)),
        ],
    ),
    (r"IAS\Parameters", &[("Allow SNMP Set", Dword(0)), ("ServiceDll", Expand(r"%SystemRoot%\System32\ias.dll"))]),
    (
        r"LanmanServer\Parameters",
        &[
            ("EnableSecuritySignature", Dword(0)),
            ("NullSessionPipes", Multi(&[])),
            ("RequireSecuritySignature", Dword(0)),
            ("RestrictNullSessAccess", Dword(1)),
            ("ServiceDll", Expand(r"%SystemRoot%\system32\srvsvc.dll")),
        ],
    ),
    (
        r"LanmanWorkstation\Parameters",
        &[
            ("EnablePlainTextPassword", Dword(0)),
            ("EnableSecuritySignature", Dword(1)),
            ("RequireSecuritySignature", Dword(0)),
        ],
    ),
    (
        r"Netlogon\Parameters",
        &[
            ("DisablePasswordChange", Dword(0)),
            ("MaximumPasswordAge", Dword(30)),
            ("RequireSignOrSeal", Dword(1)),
            ("RequireStrongKey", Dword(1)),
        ],
    ),
    (
        r"W32Time\Config",
        &[("MaxNegPhaseCorrection", Dword(0x0000_d2f0)), ("MaxPosPhaseCorrection", Dword(0x0000_d2f0))],
    ),
    (
        r"W32Time\Parameters",
        &[
            ("NtpServer", Sz("time.<domain>,0x8")),
            ("ServiceDll", Expand(r"%systemroot%\system32\w32time.dll")),
            ("Type", Sz("NT5DS")),
        ],
    ),
    (
        r"W3SVC\Parameters",
        &[
            ("MajorVersion", Dword(10)),
            ("MinorVersion", Dword(0)),
            ("ServiceDll", Expand(r"%windir%\system32\inetsrv\iisw3adm.dll")),
        ],
    ),
    (r"WinRM\Parameters", &[("ServiceDll", Expand(r"%systemroot%\system32\WsmSvc.dll"))]),
];
