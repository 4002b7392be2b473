//! Whether a service runs: asked and changed where somebody can tell, left for the running machine elsewhere.

use trueup::model::probe::{Answer, Probe, ServiceState};

use super::world::{
    applied, desired, empty, image, last_run, plan, plant_simple, set_state, snapshot_of, state, take_back, told,
};

#[test]
fn states() {
    use ServiceState::{Changing, Paused, Running, Stopped};
    for (start, there, wanted, expected) in [
        (2, Running, "state: running", vec![]),
        (2, Stopped, "state: stopped", vec![]),
        (2, Stopped, "state: running", vec!["~ S state: stopped → running state_differs"]),
        (2, Paused, "state: running", vec!["~ S state: paused → running state_differs"]),
        (2, Running, "state: stopped", vec!["~ S state: running → stopped state_differs"]),
        (2, Paused, "state: stopped", vec!["~ S state: paused → stopped state_differs"]),
        (2, Changing, "state: stopped", vec!["! S state: changing"]),
        (4, Stopped, "state: running", vec!["! S state: disabled"]),
        (
            4,
            Stopped,
            "start: manual, state: running",
            vec!["~ S start: disabled → manual start_differs", "~ S state: stopped → running state_differs"],
        ),
        (
            3,
            Stopped,
            "start: disabled, state: running",
            vec!["~ S start: manual → disabled start_differs", "! S state: disabled"],
        ),
        (4, Running, "state: running", vec![]),
        (
            2,
            Running,
            "start: disabled, state: stopped",
            vec!["~ S start: automatic → disabled start_differs", "~ S state: running → stopped state_differs"],
        ),
    ] {
        let machine = empty();
        plant_simple(&machine, "S", start, &[]);
        set_state(&machine, "S", there);
        let document = desired(&format!("services: {{ S: {{ {wanted} }} }}\n"));
        assert_eq!(told(&plan(&machine, &document)), expected, "{start} {there:?} {wanted}");
        if !expected.is_empty() && !expected.iter().any(|line| line.starts_with('!')) {
            applied(&machine, &document);
            take_back(&machine, &last_run(&machine));
            assert_eq!(state(&machine, "S"), Answer::State(there), "{wanted}: taken back");
        }
    }
}

#[test]
fn a_service_that_the_manager_does_not_know() {
    let machine = empty();
    plant_simple(&machine, "S", 2, &[]);
    machine.plant_answer(Probe::ServiceState { service: "S".into() }, Answer::Absent);
    assert_eq!(told(&plan(&machine, &desired("services: { S: { state: running } }\n"))), ["! S state: absent"]);
}

#[test]
fn an_image_leaves_it_for_the_running_machine() {
    let image = image();
    let document = desired("services: { Spooler: { start: disabled, state: stopped } }\n");
    let expected = ["~ Spooler start: automatic → disabled start_differs", "» Spooler state: unsupported"];
    assert_eq!(told(&plan(&image.machine, &document)), expected);
    assert_eq!(told(&plan(&snapshot_of(&image.machine, &document), &document)), expected);
    applied(&image.machine, &document);
    assert_eq!(told(&plan(&image.machine, &document)), ["» Spooler state: unsupported"]);
}
