//! `trueup history`.

use super::arguments::{Format, HistoryOptions};
use super::rollback::not_a_run;
use super::terminal::Terminal;
use super::{Outcome, machines, plan as plan_command};
use crate::apply::{done_steps, history, past_run};
use crate::error::Failure;
use crate::machine::RunName;
use crate::report::history as report;

pub fn run(options: &HistoryOptions, terminal: &Terminal) -> Outcome {
    let opened = machines::open(&options.machine)?;
    let machine = opened.machine();
    let failed = |error: serde_json::Error| Failure::failed("cannot write the history as JSON").because(error);
    let text_options = plan_command::text_options(&options.report, terminal);
    let Some(name) = &options.run else {
        let runs = history(machine).map_err(|unread| Failure::failed("cannot read the runs").because(unread))?;
        return match options.report.format {
            Format::Text => terminal.data(&report::list(&runs, &text_options)),
            Format::Json => terminal.data(&report::list_json(&runs).map_err(failed)?),
        };
    };
    let name = name.parse::<RunName>().map_err(not_a_run)?;
    let run = past_run(machine, &name).map_err(|why| {
        Failure::failed(format!("cannot show run {name}")).because(why).hint("`trueup history` lists the runs")
    })?;
    let done = done_steps(machine, &run).states;
    match options.report.format {
        Format::Text => terminal.data(&report::steps(&run, &done, &text_options)),
        Format::Json => terminal.data(&report::steps_json(&run, &done).map_err(failed)?),
    }
}
