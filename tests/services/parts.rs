//! What the plan says of each part of a service that is there, and what an apply makes of its values.

use trueup::formats::service::ActionKind::{None as Nothing, OwnRestart, Reboot, Restart, RunCommand};
use trueup::machine::Machine as _;
use trueup::model::fact::Stored;
use trueup::model::registry_data::RegistryData;

use super::world::{Values, actions, applied, desired, empty, last_run, plan, plant, shown, take_back, told, values};

/// A service as a setup makes it.
fn usual() -> Vec<(&'static str, RegistryData)> {
    vec![
        ("Type", RegistryData::dword(0x10)),
        ("Start", RegistryData::dword(2)),
        ("ErrorControl", RegistryData::dword(1)),
        ("ImagePath", RegistryData::expand(r"%ProgramFiles%\S\s.exe")),
        ("ObjectName", RegistryData::sz("LocalSystem")),
    ]
}

/// A driver.
fn driver() -> Vec<(&'static str, RegistryData)> {
    vec![("Type", RegistryData::dword(1)), ("Start", RegistryData::dword(3))]
}

struct Case<'c> {
    name: &'c str,
    /// What the service has beside what every one has, or in place of it.
    there: Values<'c>,
    wanted: &'c str,
    told: &'c [&'c str],
    /// The values that are others afterwards; a minus before those that went.
    left: &'c [&'c str],
}

fn with(values: Values<'_>) -> Vec<(String, RegistryData)> {
    let mut all: Vec<(String, RegistryData)> =
        usual().into_iter().map(|(name, data)| (name.to_owned(), data)).collect();
    for (name, data) in values {
        all.retain(|(known, _)| known != name);
        all.push(((*name).to_owned(), data.clone()));
    }
    all
}

fn check(cases: &[Case<'_>]) {
    for case in cases {
        let machine = empty();
        let there = with(case.there);
        let there: Vec<(&str, RegistryData)> = there.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
        plant(&machine, "S", &there);
        let document = desired(&format!("services:\n  S: {{ {} }}\n", case.wanted));
        assert_eq!(told(&plan(&machine, &document)), case.told, "{}", case.name);
        let before = values(&machine, "S");
        if plan(&machine, &document).has_operations() {
            applied(&machine, &document);
        }
        let after = values(&machine, "S");
        let gone = before.iter().filter(|(name, _)| !after.iter().any(|(known, _)| known == name));
        let mut left: Vec<String> = gone.map(|(name, _)| format!("-{name}")).collect();
        left.extend(after.iter().filter(|one| !before.contains(one)).map(|(name, data)| format!("{name} {data}")));
        assert_eq!(left, case.left, "{}", case.name);
        if !left.is_empty() {
            take_back(&machine, &last_run(&machine));
            assert_eq!(values(&machine, "S"), before, "{}: taken back", case.name);
        }
    }
}

#[test]
fn start() {
    let delayed: Values<'_> = &[("DelayedAutostart", RegistryData::dword(1))];
    let case = |name, there, wanted, told, left| Case { name, there, wanted, told, left };
    check(&[
        case("as wanted", &[], "start: automatic", &[], &[]),
        case("silent", &[], "", &[], &[]),
        case(
            "to disabled",
            &[],
            "start: disabled",
            &["~ S start: automatic → disabled start_differs"],
            &["Start REG_DWORD 4"],
        ),
        case(
            "to delayed",
            &[],
            "start: delayed",
            &["~ S start: automatic → automatic (delayed) start_differs"],
            &["DelayedAutostart REG_DWORD 1"],
        ),
        case("delayed already", delayed, "start: delayed", &[], &[]),
        case(
            "no more delayed",
            delayed,
            "start: automatic",
            &["~ S start: automatic (delayed) → automatic start_differs"],
            &["DelayedAutostart REG_DWORD 0"],
        ),
        case(
            "a delay that does not count stays",
            delayed,
            "start: manual",
            &["~ S start: automatic (delayed) → manual start_differs"],
            &["Start REG_DWORD 3"],
        ),
        case(
            "of another type",
            &[("Start", RegistryData::sz("2"))],
            "start: manual",
            &["~ S start: unreadable → manual malformed"],
            &["Start REG_DWORD 3"],
        ),
        case(
            "unknown",
            &[("Start", RegistryData::dword(7))],
            "start: manual",
            &["~ S start: unreadable → manual malformed"],
            &["Start REG_DWORD 3"],
        ),
    ]);
}

#[test]
fn account() {
    let as_user: Values<'_> = &[("ObjectName", RegistryData::sz(r".\svc"))];
    let password = "password: { env: X }";
    let case = |name, there, wanted, told, left| Case { name, there, wanted, told, left };
    check(&[
        case("as wanted", &[], "account: localsystem", &[], &[]),
        case("by its other name", &[], r"account: NT AUTHORITY\SYSTEM", &[], &[]),
        case(
            "built in",
            &[],
            r"account: NT AUTHORITY\Network Service",
            &[r"~ S account: LocalSystem → NT AUTHORITY\NetworkService account_differs"],
            &[r#"ObjectName REG_SZ "NT AUTHORITY\NetworkService""#],
        ),
        case(
            "virtual",
            as_user,
            r"account: nt service\S",
            &[r"~ S account: .\svc → NT SERVICE\S account_differs"],
            &[r#"ObjectName REG_SZ "NT SERVICE\S""#],
        ),
        case(
            "managed",
            &[],
            r"account: CORP\acs$",
            &[r"~ S account: LocalSystem → CORP\acs$ account_differs"],
            &[r#"ObjectName REG_SZ "CORP\acs$""#],
        ),
        case("needs a password", &[], r"account: CORP\svc", &["! S account: no_password"], &[]),
        case("needs none: it is the same", as_user, r"account: .\SVC", &[], &[]),
        case(
            "has a password",
            &[],
            &format!(r"account: {{ name: CORP\svc, {password} }}"),
            &["» S account: password_deferred", "» S password: password_deferred"],
            &[],
        ),
        case(
            "its password is not to be read",
            as_user,
            &format!(r"account: {{ name: .\svc, {password} }}"),
            &["? S password: password_unknown"],
            &[],
        ),
        case(
            "of another type",
            &[("ObjectName", RegistryData::dword(1))],
            "account: LocalSystem",
            &["~ S account: unreadable → LocalSystem malformed"],
            &[r#"ObjectName REG_SZ "LocalSystem""#],
        ),
    ]);
}

#[test]
fn a_password_is_told_anew_where_that_is_asked_for() {
    let machine = empty();
    let there: Vec<_> = usual().into_iter().filter(|(name, _)| *name != "ObjectName").collect();
    let user = [("ObjectName", RegistryData::sz(r".\svc"))];
    plant(&machine, "S", &[there.as_slice(), &user].concat());
    let document = desired("services: { S: { account: { name: '.\\svc', password: { env: X } } } }\n");
    let mut basis = super::world::basis(&document);
    basis.options.rewrite_secrets = true;
    let plan = trueup::apply::Basis::plan(&basis, &super::world::facts(&machine, &document)).unwrap();
    assert_eq!(told(&plan), ["» S password: password_deferred"]);
}

#[test]
fn dependencies() {
    let there: Values<'_> = &[
        ("DependOnService", RegistryData::multi(&["RPCSS", "Http"])),
        ("DependOnGroup", RegistryData::multi(&["TDI"])),
    ];
    let case = |name, there, wanted, told, left| Case { name, there, wanted, told, left };
    check(&[
        case("none, and none", &[], "dependencies: []", &[], &[]),
        case("in any order and case", there, "dependencies: [+tdi, HTTP, rpcss]", &[], &[]),
        case(
            "exactly these",
            there,
            "dependencies: [RPCSS, Spooler, +TDI]",
            &["~ S dependencies: RPCSS, Http, +TDI → RPCSS, Spooler, +TDI dependencies_differ"],
            &[r#"DependOnService REG_MULTI_SZ ["RPCSS", "Spooler"]"#],
        ),
        case(
            "no more",
            there,
            "dependencies: []",
            &["~ S dependencies: RPCSS, Http, +TDI → none dependencies_differ"],
            &["-DependOnGroup", "-DependOnService"],
        ),
        case("contained", there, "dependencies: { contains: [http], lacks: [Spooler] }", &[], &[]),
        case(
            "put in and taken out",
            there,
            "dependencies: { contains: [Spooler], lacks: [RPCSS, +TDI] }",
            &["~ S dependencies: RPCSS, Http, +TDI → Http, Spooler dependencies_differ"],
            &["-DependOnGroup", r#"DependOnService REG_MULTI_SZ ["Http", "Spooler"]"#],
        ),
        case(
            "of another type",
            &[("DependOnService", RegistryData::sz("RPCSS"))],
            "dependencies: [RPCSS]",
            &["~ S dependencies: unreadable → RPCSS malformed"],
            &[r#"DependOnService REG_MULTI_SZ ["RPCSS"]"#],
        ),
    ]);
}

#[test]
fn recovery() {
    let usual: RegistryData = actions(86_400, &[(Restart, 60_000), (Restart, 120_000), (Nothing, 0)]);
    let there: Values<'_> = &[("FailureActions", usual.clone())];
    let with_command = [("FailureActions", usual), ("FailureCommand", RegistryData::sz("a.cmd"))];
    let bytes = |reset, list| format!("FailureActions {}", shown(&Stored::Plain(actions(reset, list))));
    let case = |name, there, wanted, told, left| Case { name, there, wanted, told, left };
    check(&[
        case("silent", there, "recovery: {}", &[], &[]),
        case("nothing, and nothing", &[], "recovery: { first: nothing, subsequent: nothing }", &[], &[]),
        case("as wanted", there, "recovery: { first: restart, subsequent: nothing, reset_after: 1d }", &[], &[]),
        case(
            "from nothing",
            &[],
            "recovery: { first: restart, second: { action: restart, delay: 5m }, subsequent: reboot, reset_after: never }",
            &[
                "~ S recovery: nothing → restart after 1m, then restart after 5m, then reboot after 1m; reset never recovery_differs",
            ],
            &[&bytes(u32::MAX, &[(Restart, 60_000), (Restart, 300_000), (Reboot, 60_000)])],
        ),
        case(
            "one action of three",
            there,
            "recovery: { second: nothing }",
            &[
                "~ S recovery: restart after 1m, then restart after 2m, then nothing; reset after 1d → restart after 1m, then nothing; reset after 1d recovery_differs",
            ],
            &[&bytes(86_400, &[(Restart, 60_000), (Nothing, 0), (Nothing, 0)])],
        ),
        case(
            "what else is set",
            there,
            r"recovery: { subsequent: run_command, command: 'C:\a b.cmd', reboot_message: bye, on_stop_with_error: true }",
            &[
                r#"~ S recovery: restart after 1m, then restart after 2m, then nothing; reset after 1d → restart after 1m, then restart after 2m, then run the command; reset after 1d; command "C:\\a b.cmd"; reboot message "bye"; on a stop with an error, too recovery_differs"#,
            ],
            &[
                &bytes(86_400, &[(Restart, 60_000), (Restart, 120_000), (RunCommand, 0)]),
                "FailureActionsOnNonCrashFailures REG_DWORD 1",
                r#"FailureCommand REG_SZ "C:\a b.cmd""#,
                r#"RebootMessage REG_SZ "bye""#,
            ],
        ),
        case(
            "the command goes",
            &with_command,
            "recovery: { command: '' }",
            &[
                r#"~ S recovery: restart after 1m, then restart after 2m, then nothing; reset after 1d; command "a.cmd" → restart after 1m, then restart after 2m, then nothing; reset after 1d recovery_differs"#,
            ],
            &["-FailureCommand"],
        ),
        case(
            "what a document cannot say stays",
            &[("FailureActions", actions(0, &[(OwnRestart, 10)]))],
            "recovery: { subsequent: restart }",
            &[
                "~ S recovery: always restart in its own process after 10ms; reset after 0s → restart in its own process after 10ms, then restart in its own process after 10ms, then restart after 1m; reset after 0s recovery_differs",
            ],
            &[&bytes(0, &[(OwnRestart, 10), (OwnRestart, 10), (Restart, 60_000)])],
        ),
        case(
            "cut short",
            &[("FailureActions", RegistryData::binary([1, 2, 3]))],
            "recovery: { first: restart }",
            &["~ S recovery: unreadable → restart after 1m, then nothing; reset after 0s malformed"],
            &[&bytes(0, &[(Restart, 60_000), (Nothing, 0), (Nothing, 0)])],
        ),
    ]);
}

#[test]
fn drivers_know_less() {
    let machine = empty();
    plant(&machine, "S", &driver());
    let told_of = |wanted: &str| told(&plan(&machine, &desired(&format!("services: {{ S: {{ {wanted} }} }}\n"))));
    assert_eq!(told_of("start: automatic"), ["~ S start: manual → automatic start_differs"]);
    assert_eq!(told_of("start: delayed"), ["! S start: driver"]);
    assert_eq!(told_of("account: LocalSystem"), ["! S account: driver"]);
    assert_eq!(
        told_of(r"account: { name: CORP\a, password: { env: X } }"),
        ["! S account: driver", "! S password: driver"]
    );
    assert_eq!(told_of("recovery: { first: restart }"), ["! S recovery: driver"]);
    assert_eq!(told_of("dependencies: [a]"), ["~ S dependencies: none → a dependencies_differ"]);
}

#[test]
fn what_is_no_service_is_not_made_one() {
    let machine = empty();
    plant(&machine, "Performance", &[("Library", RegistryData::sz("a.dll"))]);
    let document = desired("services: { Gone: { start: manual }, Performance: { start: manual } }\n");
    let planned = plan(&machine, &document);
    assert_eq!(
        told(&planned),
        ["! Gone: absent", "! Gone start: absent", "! Performance: absent", "! Performance start: absent"]
    );
    let messages: Vec<&str> = planned.decisions.iter().filter_map(|one| one.reasons[0].message.as_deref()).collect();
    assert_eq!(messages[0], "there is no service Gone; the setup of its program makes it");
    assert_eq!(messages[2], "the key is there, and describes no service");
}

#[test]
fn a_link_is_not_followed() {
    let machine = empty();
    plant(&machine, "S", &usual());
    let at = super::world::key(r"HKLM\SYSTEM\CurrentControlSet\Services\S");
    let mut tree = machine.tree(&at).unwrap();
    tree.link = true;
    machine.plant(&at, &tree);
    let document = desired("services: { S: { start: manual } }\n");
    assert_eq!(told(&plan(&machine, &document)), ["! S: link", "! S start: link"]);
}

#[test]
fn what_a_snapshot_does_not_hold_is_blocked() {
    let machine = empty();
    plant(&machine, "S", &usual());
    plant(&machine, "T", &usual());
    let snapshot = super::world::snapshot_of(&machine, &desired("services: { T: {} }\n"));
    let document = desired("services: { S: { start: manual } }\n");
    assert_eq!(told(&plan(&snapshot, &document)), ["! S: not_captured", "! S start: not_captured"]);
    assert!(snapshot.record().is_ok());
}

#[test]
fn causes() {
    let machine = empty();
    plant(&machine, "S", &usual());
    let cause = |document: &str| {
        let planned = plan(&machine, &desired(document));
        planned
            .decisions
            .iter()
            .filter_map(|one| Some((one.id.part()?.to_owned(), one.cause?.word())))
            .collect::<Vec<_>>()
    };
    let first =
        "services: { S: { start: manual, account: NT AUTHORITY\\LocalService, recovery: { first: restart } } }\n";
    applied(&machine, &desired(first));
    assert_eq!(cause(first), []);
    assert_eq!(cause("services: { S: { start: disabled } }\n"), [("start".into(), "asked")]);
    let mut moved = usual();
    moved.retain(|(name, _)| *name != "FailureActions");
    plant(&machine, "S", &moved);
    let words = ["start", "account", "recovery"].map(|part| (part.to_owned(), "drift"));
    assert_eq!(cause(first), words);
}
