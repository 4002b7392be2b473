//! The services of the sample server, one line each, and the registry values that a line stands for.

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
    image: &'static str,
    /// Empty for a driver, which has none.
    account: &'static str,
    needs: &'static [&'static str],
    recovery: Recovery,
}

/// `Type`: [MS-SCMR] 3.1.4.12.
#[derive(Clone, Copy)]
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

/// What happens when the service fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recovery {
    None,
    /// Restarted twice, after one minute and after two, and not again within a day.
    Restart,
    /// The machine restarts after a minute.
    Reboot,
}

const LOCAL_SYSTEM: &str = "LocalSystem";
const LOCAL_SERVICE: &str = r"NT AUTHORITY\LocalService";
const NETWORK_SERVICE: &str = r"NT AUTHORITY\NetworkService";
const PRODUCT: &str = r".\svc-acs";
const NO_ACCOUNT: &str = "";

impl Service {
    fn put(&self, tree: &mut Tree<'_>, key: &str) -> Result<(), TreeError> {
        let start = match self.start {
            Start::Boot => 0,
            Start::System => 1,
            Start::Automatic | Start::Delayed => 2,
            Start::Manual => 3,
            Start::Disabled => 4,
        };
        tree.set(key, "DisplayName", &RegistryData::sz(self.display))?;
        tree.set(key, "ErrorControl", &RegistryData::dword(1))?;
        tree.set(key, "ImagePath", &RegistryData::expand(self.image))?;
        tree.set(key, "Start", &RegistryData::dword(start))?;
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
}

impl Recovery {
    /// `FailureActions`: seconds until the count begins anew, two flags, the number of actions, 0x14, then type and
    /// delay in milliseconds of each.
    fn actions(self) -> Option<Vec<u8>> {
        const DAY_SECONDS: u32 = 86_400;
        const NOTHING: u32 = 0;
        const RESTART_SERVICE: u32 = 1;
        const RESTART_MACHINE: u32 = 2;
        let words: &[u32] = match self {
            Self::None => return None,
            Self::Restart => &[
                DAY_SECONDS, 0, 0, 3, 0x14, RESTART_SERVICE, 60_000, RESTART_SERVICE, 120_000, NOTHING, 0,
            ],
            Self::Reboot => &[0, 0, 0, 1, 0x14, RESTART_MACHINE, 60_000],
        };
        Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

const fn driver(name: &'static str, display: &'static str, start: Start, image: &'static str) -> Service {
    let (kind, account) = (Kind::Driver, NO_ACCOUNT);
    Service { name, display, kind, start, image, account, needs: &[], recovery: Recovery::None }
}

/// A service of Windows that shares a process.
const fn shared(
    name: &'static str,
    display: &'static str,
    start: Start,
    image: &'static str,
    account: &'static str,
    needs: &'static [&'static str],
) -> Service {
    Service { name, display, kind: Kind::Shared, start, image, account, needs, recovery: Recovery::Restart }
}

/// A service with a process of its own.
const fn own(
    name: &'static str,
    display: &'static str,
    start: Start,
    image: &'static str,
    account: &'static str,
    needs: &'static [&'static str],
) -> Service {
    Service { name, display, kind: Kind::Own, start, image, account, needs, recovery: Recovery::Restart }
}

const SVCHOST_NETSVCS: &str = r"%SystemRoot%\system32\svchost.exe -k netsvcs -p";
const SVCHOST_LOCAL: &str = r"%SystemRoot%\system32\svchost.exe -k LocalService -p";
const SVCHOST_NETWORK: &str = r"%SystemRoot%\System32\svchost.exe -k NetworkService -p";
const SVCHOST_IIS: &str = r"%windir%\system32\svchost.exe -k iissvcs";
const LSASS: &str = r"%SystemRoot%\system32\lsass.exe";

const SERVICES: &[Service] = &[
    driver("Tcpip", "TCP/IP Protocol Driver", Start::Boot, r"System32\drivers\tcpip.sys"),
    driver("AFD", "Ancillary Function Driver for Winsock", Start::System, r"\SystemRoot\system32\drivers\afd.sys"),
    driver("HTTP", "HTTP Service", Start::Manual, r"system32\drivers\HTTP.sys"),
    driver("srv2", "Server SMB 2.xxx Driver", Start::Manual, r"System32\DRIVERS\srv2.sys"),
    Service {
        recovery: Recovery::Reboot,
        ..shared("RpcSs", "Remote Procedure Call (RPC)", Start::Automatic, r"%SystemRoot%\system32\svchost.exe -k rpcss -p", NETWORK_SERVICE, &["RpcEptMapper", "DcomLaunch"])
    },
    shared("RpcEptMapper", "RPC Endpoint Mapper", Start::Automatic, r"%SystemRoot%\system32\svchost.exe -k RPCSS -p", NETWORK_SERVICE, &[]),
    Service {
        recovery: Recovery::Reboot,
        ..shared("DcomLaunch", "DCOM Server Process Launcher", Start::Automatic, r"%SystemRoot%\system32\svchost.exe -k DcomLaunch -p", LOCAL_SYSTEM, &[])
    },
    shared("EventLog", "Windows Event Log", Start::Automatic, r"%SystemRoot%\System32\svchost.exe -k LocalServiceNetworkRestricted -p", LOCAL_SERVICE, &[]),
    shared("SamSs", "Security Accounts Manager", Start::Automatic, LSASS, LOCAL_SYSTEM, &["RPCSS"]),
    shared("Netlogon", "Netlogon", Start::Automatic, LSASS, LOCAL_SYSTEM, &["LanmanWorkstation"]),
    shared("LanmanServer", "Server", Start::Automatic, SVCHOST_NETSVCS, LOCAL_SYSTEM, &["SamSS", "Srv2"]),
    shared("LanmanWorkstation", "Workstation", Start::Automatic, SVCHOST_NETWORK, NETWORK_SERVICE, &[]),
    shared("CryptSvc", "Cryptographic Services", Start::Automatic, SVCHOST_NETWORK, NETWORK_SERVICE, &["RpcSs"]),
    shared("Dnscache", "DNS Client", Start::Automatic, SVCHOST_NETWORK, NETWORK_SERVICE, &["nsi"]),
    shared("mpssvc", "Windows Defender Firewall", Start::Automatic, r"%SystemRoot%\system32\svchost.exe -k LocalServiceNoNetworkFirewall -p", LOCAL_SERVICE, &["mpsdrv", "bfe"]),
    shared("Schedule", "Task Scheduler", Start::Automatic, SVCHOST_NETSVCS, LOCAL_SYSTEM, &["RPCSS", "SystemEventsBroker"]),
    shared("TermService", "Remote Desktop Services", Start::Manual, SVCHOST_NETWORK, NETWORK_SERVICE, &["RPCSS"]),
    shared("W32Time", "Windows Time", Start::Automatic, SVCHOST_LOCAL, LOCAL_SERVICE, &[]),
    shared("WinRM", "Windows Remote Management (WS-Management)", Start::Automatic, SVCHOST_NETWORK, NETWORK_SERVICE, &["RPCSS", "HTTP"]),
    Service {
        kind: Kind::OwnInteractive,
        ..own("Spooler", "Print Spooler", Start::Automatic, r"%SystemRoot%\System32\spoolsv.exe", LOCAL_SYSTEM, &["RPCSS", "http"])
    },
    shared("IAS", "Network Policy Server", Start::Automatic, SVCHOST_NETSVCS, LOCAL_SYSTEM, &["RPCSS"]),
    shared("WAS", "Windows Process Activation Service", Start::Manual, SVCHOST_IIS, LOCAL_SYSTEM, &["RPCSS"]),
    shared("W3SVC", "World Wide Web Publishing Service", Start::Automatic, SVCHOST_IIS, LOCAL_SYSTEM, &["WAS", "HTTP"]),
    own("MSSQLSERVER", "SQL Server (MSSQLSERVER)", Start::Automatic, r#""C:\Program Files\Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQL\Binn\sqlservr.exe" -sMSSQLSERVER"#, r"NT Service\MSSQLSERVER", &[]),
    own("SQLSERVERAGENT", "SQL Server Agent (MSSQLSERVER)", Start::Manual, r#""C:\Program Files\Microsoft SQL Server\MSSQL15.MSSQLSERVER\MSSQL\Binn\SQLAGENT.EXE" -i MSSQLSERVER"#, r"NT Service\SQLSERVERAGENT", &["MSSQLSERVER"]),
    own("AcsServer", "Access Control Server", Start::Automatic, r#""C:\Program Files (x86)\Access Control Server\AcsServer.exe""#, PRODUCT, &["RPCSS", "MSSQLSERVER"]),
    own("AcsMessageBroker", "Access Control Message Broker", Start::Automatic, r#""C:\Program Files (x86)\Access Control Server\Broker\AcsBroker.exe""#, PRODUCT, &[]),
    own("AcsDocumentStore", "Access Control Document Store", Start::Automatic, r#""C:\Program Files (x86)\Access Control Server\Store\AcsStore.exe""#, PRODUCT, &[]),
    own("AcsActivityFeed", "Access Control Activity Feed", Start::Delayed, r#""C:\Program Files (x86)\Access Control Server\Web\AcsActivityFeed.exe""#, PRODUCT, &["AcsServer", "AcsMessageBroker"]),
    own("AcsWebApi", "Access Control Web API", Start::Delayed, r#""C:\Program Files (x86)\Access Control Server\Web\AcsWebApi.exe""#, PRODUCT, &["AcsServer", "AcsDocumentStore", "HTTP"]),
    own("AcsEnrolment", "Access Control Enrolment", Start::Manual, r#""C:\Program Files (x86)\Access Control Server\Enrolment\AcsEnrolment.exe""#, PRODUCT, &["AcsServer"]),
    own("AcsCardPrinting", "Access Control Card Printing", Start::Disabled, r#""C:\Program Files (x86)\Access Control Server\Cards\AcsCards.exe""#, PRODUCT, &["Spooler", "AcsServer"]),
];

/// What services keep beside what starts them.
const PARAMETERS: Keys = &[
    (r"EventLog\Application", &[("File", Expand(r"%SystemRoot%\system32\winevt\Logs\Application.evtx")), ("MaxSize", Dword(0x0140_0000)), ("Retention", Dword(0))]),
    (r"EventLog\Application\Access Control Server", &[("EventMessageFile", Expand(r"C:\Program Files (x86)\Access Control Server\AcsMessages.dll")), ("TypesSupported", Dword(7))]),
    (r"EventLog\System", &[("File", Expand(r"%SystemRoot%\system32\winevt\Logs\System.evtx")), ("MaxSize", Dword(0x0140_0000)), ("Retention", Dword(0))]),
    (r"IAS\Parameters", &[("Allow SNMP Set", Dword(0)), ("ServiceDll", Expand(r"%SystemRoot%\System32\ias.dll"))]),
    (r"LanmanServer\Parameters", &[("EnableSecuritySignature", Dword(0)), ("NullSessionPipes", Multi(&[])), ("RequireSecuritySignature", Dword(0)), ("RestrictNullSessAccess", Dword(1)), ("ServiceDll", Expand(r"%SystemRoot%\system32\srvsvc.dll"))]),
    (r"LanmanWorkstation\Parameters", &[("EnablePlainTextPassword", Dword(0)), ("EnableSecuritySignature", Dword(1)), ("RequireSecuritySignature", Dword(0))]),
    (r"Netlogon\Parameters", &[("DisablePasswordChange", Dword(0)), ("MaximumPasswordAge", Dword(30)), ("RequireSignOrSeal", Dword(1)), ("RequireStrongKey", Dword(1))]),
    (r"W32Time\Config", &[("MaxNegPhaseCorrection", Dword(0x0000_d2f0)), ("MaxPosPhaseCorrection", Dword(0x0000_d2f0))]),
    (r"W32Time\Parameters", &[("NtpServer", Sz("time.<domain>,0x8")), ("ServiceDll", Expand(r"%systemroot%\system32\w32time.dll")), ("Type", Sz("NT5DS"))]),
    (r"W3SVC\Parameters", &[("MajorVersion", Dword(10)), ("MinorVersion", Dword(0)), ("ServiceDll", Expand(r"%windir%\system32\inetsrv\iisw3adm.dll"))]),
    (r"WinRM\Parameters", &[("ServiceDll", Expand(r"%systemroot%\system32\WsmSvc.dll"))]),
];
