//! What runs and looks for drift tell the event log of the machine that they are about.

use super::terminal::Terminal;
use crate::apply::ApplyReport;
use crate::machine::{MachineKind, WritableMachine};
use crate::model::event::{Event, What};
use crate::report::text::{self, Detail, TextOptions};
use crate::report::{Palette, Width};

/// How reports look in a log.
pub fn options() -> TextOptions {
    TextOptions { palette: Palette::plain(), width: Width::Unlimited, detail: Detail::Short }
}

/// Tells of a run that did something, on a machine that runs. A log that cannot be written is a warning: the run is over.
pub fn of_run(machine: &dyn WritableMachine, report: &ApplyReport, did: &str, takes_back: bool, terminal: &Terminal) {
    if machine.kind() != MachineKind::Local || report.run.is_none() {
        return;
    }
    let what = match (report.is_complete(), takes_back) {
        (false, _) => What::Failed,
        (true, true) => What::TakenBack,
        (true, false) => What::Applied,
    };
    let event = Event { what, text: text::outcome(report, did, &options()) };
    if let Err(error) = machine.log(&event) {
        let causes = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        terminal.note(&format!("warning: {error}{causes}\n"));
    }
}
