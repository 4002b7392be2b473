//! Each assertion against a machine that meets it and against one that does not, with what is then said.

use trueup::machine::memory::MemoryMachine;
use trueup::model::file::FilePath;
use trueup::model::probe::{Answer, Probe, Transport};
use trueup::model::registry_data::RegistryData;

use super::world::{desired, empty, plan, plant, told};

fn sz(text: &str) -> RegistryData {
    RegistryData::sz(text)
}

fn dword(number: u32) -> RegistryData {
    RegistryData::dword(number)
}

/// A server as products find it.
fn server() -> MemoryMachine {
    let machine = empty();
    plant(
        &machine,
        r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
        &[
            ("CurrentBuildNumber", sz("17763")),
            ("UBR", dword(6532)),
            ("EditionID", sz("ServerStandard")),
            ("InstallationType", sz("Server")),
            ("ProductName", sz("Windows Server 2019 Standard")),
        ],
    );
    let framework = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP";
    plant(&machine, &format!(r"{framework}\v3.5"), &[("Install", dword(1))]);
    plant(&machine, &format!(r"{framework}\v4\Full"), &[("Install", dword(1)), ("Release", dword(461_814))]);
    plant(
        &machine,
        r"HKLM\SOFTWARE\Wow6432Node\dotnet\Setup\InstalledVersions\x64\sharedfx\Microsoft.NETCore.App",
        &[("6.0.36", dword(1)), ("8.0.11", dword(1))],
    );
    let uninstall = r"Microsoft\Windows\CurrentVersion\Uninstall";
    plant(
        &machine,
        &format!(r"HKLM\SOFTWARE\{uninstall}\{{11111111-2222-3333-4444-555555555555}}"),
        &[
            ("DisplayName", sz("Access Control Server")),
            ("DisplayVersion", sz("2.90.0")),
            ("Publisher", sz("Example AG")),
        ],
    );
    plant(
        &machine,
        &format!(r"HKLM\SOFTWARE\Wow6432Node\{uninstall}\Console"),
        &[("DisplayName", sz("Access Control Console")), ("DisplayVersion", sz("2.80"))],
    );
    plant(&machine, &format!(r"HKLM\SOFTWARE\{uninstall}\Hotfix"), &[("ParentKeyName", sz("OperatingSystem"))]);
    plant(&machine, &format!(r"HKLM\SOFTWARE\{uninstall}\Agent"), &[("DisplayName", sz("Agent"))]);
    plant(&machine, r"HKLM\SOFTWARE\JavaSoft\JDK\11.0.24", &[("JavaHome", sz(r"C:\Java"))]);
    plant(&machine, r"HKLM\SOFTWARE\Wow6432Node\JavaSoft\Java Runtime Environment\1.8.0_391", &[]);
    let sql = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server";
    plant(
        &machine,
        &format!(r"{sql}\Instance Names\SQL"),
        &[("ACS", sz("MSSQL14.ACS")), ("OLD", sz("MSSQL10_50.OLD"))],
    );
    let current = |id: &str, version: &str| {
        plant(&machine, &format!(r"{sql}\{id}\MSSQLServer\CurrentVersion"), &[("CurrentVersion", sz(version))]);
    };
    current("MSSQL14.ACS", "14.0.1000.169");
    current("MSSQL10_50.OLD", "10.50.6000.34");
    plant(&machine, r"HKLM\SOFTWARE\Microsoft\InetStp", &[("MajorVersion", dword(10)), ("MinorVersion", dword(0))]);
    plant(&machine, r"HKLM\SOFTWARE\Microsoft\InetStp\Components", &[("W3SVC", dword(1)), ("ASPNET45", dword(0))]);
    plant(&machine, r"HKLM\SYSTEM\CurrentControlSet\Services\W3SVC", &[("Start", dword(2))]);
    plant(&machine, r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions", &[("ProductType", sz("ServerNT"))]);
    plant(&machine, r"HKLM\SOFTWARE\Vendor", &[("Mode", dword(3)), ("", sz("unnamed"))]);
    machine.plant_file(&FilePath::parse(r"C:\Vendor\server.exe").unwrap(), b"MZ");
    machine
}

/// What is asserted, and what is said when it does not hold: empty where it does.
type Case = (&'static str, &'static str);

const MET: &str = "";

const CASES: [Case; 72] = [
    // Windows
    ("os: { version: '2019' }", MET),
    ("os: { version: '>=2012 R2, <=2022', installation: [server] }", MET),
    ("os: { build: '>=17763.6000', edition: [serverdatacenter, SERVERSTANDARD] }", MET),
    (
        "os: { version: '>=2022' }",
        "needs Windows >=2022, found Windows Server 2019 Standard, build 17763.6532, edition ServerStandard, installed as Server",
    ),
    (
        "os: { version: '<=11' }",
        "needs Windows <=11, found Windows Server 2019 Standard, build 17763.6532, edition ServerStandard, installed as Server",
    ),
    (
        "os: { build: '>=17763.7000' }",
        "needs Windows of build >=17763.7000, found Windows Server 2019 Standard, build 17763.6532, edition ServerStandard, installed as Server",
    ),
    (
        "os: { edition: [ServerDatacenter], installation: [server, server_core] }",
        "needs Windows of edition ServerDatacenter installed as server or server core, found Windows Server 2019 Standard, build 17763.6532, edition ServerStandard, installed as Server",
    ),
    // The .NET Framework
    ("dotnet: '>=4.7.2'", MET),
    ("dotnet: '3.5'", MET),
    ("dotnet: '4.7'", MET),
    ("dotnet: '>=4.8'", "needs .NET Framework >=4.8, found 3.5, 4.7.2"),
    ("dotnet: '2.0'", "needs .NET Framework 2.0, found 3.5, 4.7.2"),
    // Runtimes
    ("dotnet_runtime: 8", MET),
    ("dotnet_runtime: { version: '>=6.0.30, <7', runtime: core }", MET),
    ("dotnet_runtime: 9", "needs .NET runtime 9, found 6.0.36, 8.0.11"),
    ("dotnet_runtime: { version: 8, runtime: aspnetcore }", "needs ASP.NET Core runtime 8, found none"),
    ("dotnet_runtime: { version: 8, runtime: desktop }", "needs .NET Desktop runtime 8, found none"),
    // Software
    ("software: access control server", MET),
    ("software: 'Access*Console'", MET),
    ("software: { name: Access Control Server, version: '>=2.9', publisher: 'Example*' }", MET),
    ("software: { name: Old Agent, absent: true }", MET),
    ("software: { name: 'Access*', version: '<2.80', absent: true }", MET),
    ("software: Access", r#"needs the software "Access", found none"#),
    (
        "software: { name: 'Access*', version: '>=3' }",
        r#"needs the software "Access*" >=3, found Access Control Server 2.90.0, Access Control Console 2.80"#,
    ),
    ("software: { name: Agent, version: '>=1' }", r#"needs the software "Agent" >=1, found Agent without a version"#),
    (
        "software: { name: Access Control Server, publisher: Somebody }",
        r#"needs the software "Access Control Server" by "Somebody", found Access Control Server by Example AG"#,
    ),
    ("software: { name: agent, absent: true }", r#"needs the absence of the software "agent", found Agent"#),
    // Java
    ("java: 11", MET),
    ("java: '>=11'", MET),
    ("java: { version: 8, kind: jre }", MET),
    ("java: 8", MET),
    ("java: { version: 8, kind: jdk }", "needs JDK 8, found 11.0.24"),
    ("java: { version: 11, kind: jre }", "needs JRE 11, found 8.0.391"),
    ("java: '>=17'", "needs Java >=17, found 11.0.24, 8.0.391"),
    // Roles and services
    ("role: web_server", MET),
    ("role: { name: domain_controller, absent: true }", MET),
    ("role: domain_controller", "needs the role domain controller, found it is not there"),
    ("role: network_policy_server", "needs the role network policy server, found it is not there"),
    ("role: { name: web_server, absent: true }", "needs the absence of the role web server, found it is there"),
    ("service: w3svc", MET),
    ("service: { name: Telnet, absent: true }", MET),
    ("service: Telnet", "needs the service Telnet, found it is not there"),
    ("iis: '>=7'", MET),
    ("iis: { version: 10, components: [W3SVC] }", MET),
    ("iis: '<10'", "needs IIS <10, found IIS 10.0"),
    (
        "iis: { components: [W3SVC, ASPNET45, CGI] }",
        "needs IIS with W3SVC, ASPNET45, CGI, found IIS 10.0 without ASPNET45, CGI",
    ),
    // SQL Server
    ("sql_server: '>=2017, <=2019'", MET),
    ("sql_server: { instance: acs, version: '14' }", MET),
    ("sql_server: { instance: OLD }", MET),
    ("sql_server: 2008 R2", MET),
    ("sql_server: '>=2019'", "needs SQL Server >=2019, found ACS 14.0.1000.169, OLD 10.50.6000.34"),
    (
        "sql_server: { instance: OLD, version: '>=2017' }",
        "needs SQL Server >=2017 as instance OLD, found ACS 14.0.1000.169, OLD 10.50.6000.34",
    ),
    // Registry
    (r"registry: HKLM\SOFTWARE\Vendor", MET),
    (r"registry: { key: HKLM\SOFTWARE\Vendor, value: mode, is: 3 }", MET),
    (r"registry: { key: HKLM\SOFTWARE\Vendor, value: (default), is: unnamed }", MET),
    (r"registry: { key: HKLM\SOFTWARE\Vendor, value: Old, absent: true }", MET),
    (r"registry: { key: HKLM\SOFTWARE\None, absent: true }", MET),
    (r"registry: HKLM\SOFTWARE\None", r"needs the key HKLM\SOFTWARE\None, found it is not there"),
    (
        r"registry: { key: HKLM\SOFTWARE\Vendor, value: Mode, is: 4 }",
        r"needs the value Mode of HKLM\SOFTWARE\Vendor = REG_DWORD 4, found REG_DWORD 3",
    ),
    (
        r"registry: { key: HKLM\SOFTWARE\Vendor, value: Old, is: 4 }",
        r"needs the value Old of HKLM\SOFTWARE\Vendor = REG_DWORD 4, found it is not there",
    ),
    (
        r"registry: { key: HKLM\SOFTWARE\Vendor, value: (default), absent: true }",
        r"needs the absence of the value (default) of HKLM\SOFTWARE\Vendor, found it is there",
    ),
    // Files
    (r"file: C:\Vendor\Server.exe", MET),
    (r"file: 'c:\vendor'", MET),
    (r"file: { path: 'C:\Vendor\old.exe', absent: true }", MET),
    (r"file: C:\Vendor\old.exe", r"needs a file or folder C:\Vendor\old.exe, found it is not there"),
    (
        r"file: { path: 'C:\Vendor', absent: true }",
        r"needs the absence of a file or folder C:\Vendor, found it is there",
    ),
    // With words of the document's own
    ("message: install the JDK, java: 11", MET),
    ("message: install a newer JDK, java: '>=17'", "install a newer JDK (needs Java >=17, found 11.0.24, 8.0.391)"),
    ("{ java: '>=17', blocks: everything }", "needs Java >=17, found 11.0.24, 8.0.391"),
    ("{ java: '>=17', note: later }", "needs Java >=17, found 11.0.24, 8.0.391"),
    (
        "os: { version: '2016' }",
        "needs Windows 2016, found Windows Server 2019 Standard, build 17763.6532, edition ServerStandard, installed as Server",
    ),
    ("sql_server: {}", MET),
];

#[test]
fn every_assertion_holds_or_says_what_was_found() {
    let machine = server();
    let mut wrong = String::new();
    for (assertion, expected) in CASES {
        let entry = if assertion.starts_with('{') { assertion.to_owned() } else { format!("{{ {assertion} }}") };
        let plan = plan(&machine, &desired(&format!("requires:\n  it: {entry}\n")));
        let expected: Vec<String> = match expected {
            MET => Vec::new(),
            said => vec![format!("! requires.it requires.unmet: {said}")],
        };
        let found = told(&plan);
        if found != expected {
            wrong.push_str(&format!("{assertion}: {found:#?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn years_are_for_servers_and_small_numbers_for_clients() {
    let cases = [
        ("Client", "19045", "{ version: '<=2022' }", false),
        ("Client", "19045", "{ version: 10 }", true),
        ("Client", "22631", "{ version: '>=10' }", true),
        ("Client", "22631", "{ installation: [server, server_core] }", false),
        ("Server Core", "20348", "{ version: 2022, installation: [server_core] }", true),
        ("Server Core", "20348", "{ installation: [server] }", false),
        ("Server", "9600", "{ version: 2012 R2 }", true),
        ("Server", "9200", "{ version: '>=2012 R2' }", false),
        ("Server", "20348", "{ version: '>=11' }", false),
        ("Nano", "20348", "{ build: 20348 }", true),
        ("Nano", "20348", "{ version: 2022 }", false),
    ];
    for (kind, build, wanted, is_met) in cases {
        let machine = empty();
        let key = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
        plant(&machine, key, &[("CurrentBuildNumber", sz(build)), ("InstallationType", sz(kind))]);
        let told = told(&plan(&machine, &desired(&format!("requires: {{ it: {{ os: {wanted} }} }}\n"))));
        assert_eq!(told.is_empty(), is_met, "{kind} {build} {wanted}: {told:?}");
    }
}

#[test]
fn an_empty_machine_meets_nothing_and_says_so() {
    let machine = empty();
    for (assertion, found) in [
        ("os: { version: '>=2016' }", "a Windows that does not tell what it is"),
        ("dotnet: '>=4.8'", "none"),
        ("dotnet_runtime: 8", "none"),
        ("java: 11", "none"),
        ("iis: '>=7'", "none"),
        ("sql_server: '>=2017'", "none"),
        ("software: 'A*'", "none"),
    ] {
        let told = told(&plan(&machine, &desired(&format!("requires: {{ it: {{ {assertion} }} }}\n"))));
        assert_eq!(told.len(), 1, "{assertion}");
        assert!(told[0].ends_with(&format!(", found {found}")), "{assertion}: {told:?}");
    }
}

#[test]
fn many_that_do_not_fit_are_counted() {
    let machine = empty();
    for number in 1..=8 {
        let key = format!(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\P{number}");
        plant(&machine, &key, &[("DisplayName", sz(&format!("Product {number}"))), ("DisplayVersion", sz("1.0"))]);
    }
    let told =
        told(&plan(&machine, &desired("requires: { it: { software: { name: 'Product*', version: '>=2' } } }\n")));
    assert!(
        told[0].ends_with("found Product 1 1.0, Product 2 1.0, Product 3 1.0, Product 4 1.0, Product 5 1.0 and 3 more")
    );
}

#[test]
fn what_only_a_running_machine_knows_is_asked_of_it() {
    let path = |text: &str| FilePath::parse(text).unwrap();
    let cases: [(&str, Probe, &str); 9] = [
        (
            "disk: 40GiB",
            Probe::FreeSpace { path: path("%SystemDrive%"), bytes: 40 << 30 },
            "needs 40GiB free at %SystemDrive%",
        ),
        (
            r"disk: { path: 'D:\', free: 512MiB }",
            Probe::FreeSpace { path: path(r"D:\"), bytes: 512 << 20 },
            "needs 512MiB free at D:",
        ),
        ("memory: 8GiB", Probe::Memory { bytes: 8 << 30 }, "needs 8GiB of memory"),
        ("processors: 2", Probe::Processors { count: 2 }, "needs 2 processors"),
        (
            "clock_skew: dc1.corp.example",
            Probe::ClockSkew { server: "dc1.corp.example".into(), seconds: 300 },
            "needs a clock within 5m of that of dc1.corp.example",
        ),
        (
            "clock_skew: { server: dc1, at_most: 30s }",
            Probe::ClockSkew { server: "dc1".into(), seconds: 30 },
            "needs a clock within 30s of that of dc1",
        ),
        (
            "port_free: { port: 1812, protocol: udp }",
            Probe::PortFree { transport: Transport::Udp, port: 1812 },
            "needs UDP port 1812 free",
        ),
        (
            "reachable: 'ca.corp.example:443'",
            Probe::Reachable { host: "ca.corp.example".into(), port: 443 },
            "needs ca.corp.example:443 in reach",
        ),
        ("admin: true", Probe::Administrator, "needs administrator rights"),
    ];
    for (assertion, probe, needs) in cases {
        let desired = desired(&format!("requires:\n  it: {{ {assertion} }}\n"));
        let machine = empty();
        let unknown = told(&plan(&machine, &desired));
        assert_eq!(unknown.len(), 1, "{assertion}");
        let begins = format!("» requires.it requires.unsupported: {needs}; ");
        assert!(unknown[0].starts_with(&begins), "{unknown:?}");

        machine.plant_answer(probe.clone(), Answer::Measured { met: false, found: "too little".into() });
        let unmet = format!("! requires.it requires.unmet: {needs}, found too little");
        assert_eq!(told(&plan(&machine, &desired)), [unmet], "{assertion}");

        machine.plant_answer(probe.clone(), Answer::Flag(false));
        let unmet = format!("! requires.it requires.unmet: {needs}, found it is not so");
        assert_eq!(told(&plan(&machine, &desired)), [unmet], "{assertion}");

        for met in [Answer::Flag(true), Answer::Measured { met: true, found: "enough".into() }] {
            machine.plant_answer(probe.clone(), met);
            assert_eq!(told(&plan(&machine, &desired)), [""; 0], "{assertion}");
        }
    }
}
