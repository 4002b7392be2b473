//! A service that is to stop while others need it.

use trueup::machine::memory::MemoryMachine;
use trueup::model::probe::ServiceState::{Running, Stopped};

use super::world::{desired, empty, plan, plant_simple, set_state, told};

/// `Feed` and `Web` need `Server`, `Web` needs `Http`, `Page` needs `Web`.
fn product() -> MemoryMachine {
    let machine = empty();
    for (name, needs) in
        [("Server", &[][..]), ("Http", &[]), ("Feed", &["Server"]), ("Web", &["server", "HTTP"]), ("Page", &["Web"])]
    {
        plant_simple(&machine, name, 2, needs);
        set_state(&machine, name, Running);
    }
    machine
}

#[test]
fn dependants_that_run_are_in_the_way_unless_they_are_to_stop_too() {
    let machine = product();
    let told_of = |document: &str| told(&plan(&machine, &desired(document)));
    let stop = "{ state: stopped }";
    assert_eq!(told_of(&format!("services: {{ Server: {stop} }}\n")), ["! Server state: dependants_run"]);
    let planned = plan(&machine, &desired(&format!("services: {{ Server: {stop}, Web: {stop} }}\n")));
    let reason = &planned.decisions.iter().find(|one| one.id.part() == Some("state")).unwrap().reasons[0];
    assert_eq!(reason.message.as_deref(), Some("needed by what runs: give `state: stopped` to Feed, Page, too"));
    let all = format!("services: {{ Page: {stop}, Web: {stop}, Feed: {stop}, Server: {stop} }}\n");
    assert_eq!(
        told_of(&all),
        ["Page", "Web", "Feed", "Server"].map(|name| format!("~ {name} state: running → stopped state_differs"))
    );
    set_state(&machine, "Feed", Stopped);
    set_state(&machine, "Page", Stopped);
    set_state(&machine, "Web", Stopped);
    assert_eq!(
        told_of(&format!("services: {{ Server: {stop} }}\n")),
        ["~ Server state: running → stopped state_differs"]
    );
}

#[test]
fn dependants_stop_first() {
    let machine = product();
    let stop = "state: stopped";
    let early = |names: &str| vec![format!("Http is to stop before {names}, and is needed there")];
    for (entries, expected) in [
        (format!("Http: {{ {stop} }}, Page: {{ {stop} }}, Web: {{ {stop} }}"), early("Page, Web")),
        (format!("Page: {{ {stop} }}, Http: {{ {stop} }}, Web: {{ {stop} }}"), early("Web")),
        (format!("Http: {{ {stop}, depends_on: [services.Web] }}, Page: {{ {stop} }}, Web: {{ {stop} }}"), vec![]),
    ] {
        let planned = plan(&machine, &desired(&format!("services: {{ {entries} }}\n")));
        let early = planned.findings.iter().filter(|finding| finding.code == "services.stops_too_early");
        assert_eq!(early.map(|finding| finding.message.clone()).collect::<Vec<_>>(), expected, "{entries}");
        assert_eq!(told(&planned).len(), 3, "{entries}");
    }
}

#[test]
fn dependants_that_do_not_run_are_not_asked_for_twice() {
    let machine = product();
    let document = desired("services: { Page: { state: stopped } }\n");
    assert_eq!(told(&plan(&machine, &document)), ["~ Page state: running → stopped state_differs"]);
}
