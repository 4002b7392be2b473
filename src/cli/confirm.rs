//! `trueup confirm`.

use super::apply::failure;
use super::arguments::ConfirmOptions;
use super::secrets::owner;
use super::terminal::Terminal;
use super::{Outcome, machines};
use crate::apply;
use crate::error::Failure;
use crate::machine::NoSecrets;

pub fn run(options: &ConfirmOptions, terminal: &Terminal) -> Outcome {
    let opened = machines::open(&options.machine)?;
    let machine = opened.writable()?;
    let owner = owner();
    let apply_options = apply::ApplyOptions::new(&owner, jiff::Timestamp::now(), &NoSecrets);
    match apply::confirm(machine, &apply_options).map_err(failure)? {
        Some(run) => terminal.data(&format!("Run {run} is confirmed and stays\n")),
        None => Err(Failure::refused("no run waits to be confirmed")
            .hint("a run waits when it was made with --confirm-within; `trueup history` lists the runs")),
    }
}
