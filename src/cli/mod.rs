//! The command line: parses arguments and calls; it decides nothing.

mod apply;
mod arguments;
mod capture;
mod certificates;
mod confirm;
mod demo;
mod diff;
mod drift;
mod events;
mod explain;
mod files;
mod history;
mod init;
mod inputs;
mod machines;
mod material;
mod plan;
mod progress;
mod rollback;
mod schedule;
mod schema;
mod secrets;
mod show;
mod terminal;
mod validate;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

use crate::error::{Exit, Failure};
use arguments::{Arguments, Command};
use terminal::Terminal;

/// What every command comes to.
type Outcome = Result<Exit, Failure>;

/// Runs the program with its arguments and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // A closed pipe is not worth a second error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Invalid } else { Exit::Done };
        }
    };
    let terminal = Terminal::new(parsed.color);
    let outcome = match &parsed.command {
        Command::Init(options) => init::run(options, &terminal),
        Command::Demo(options) => demo::run(options, &terminal),
        Command::Validate(options) => validate::run(options, &terminal),
        Command::Plan(options) => plan::run(options, &terminal),
        Command::Apply(options) => apply::run(options, &terminal),
        Command::Capture(options) => capture::run(options, &terminal),
        Command::Certificates(options) => certificates::run(options, &terminal),
        Command::Drift(options) => drift::run(options, &terminal),
        Command::History(options) => history::run(options, &terminal),
        Command::Rollback(options) => rollback::run(options, &terminal),
        Command::Confirm(options) => confirm::run(options, &terminal),
        Command::Schedule(options) => schedule::run(options, &terminal),
        Command::Diff(options) => diff::run(options, &terminal),
        Command::Show(options) => show::run(options, &terminal),
        Command::Explain(options) => explain::run(options, &terminal),
        Command::Schema => schema::run(&terminal),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "trueup", &mut script);
            terminal.data_bytes(&script)
        }
    };
    match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            terminal.note(&failure.print());
            failure.exit
        }
    }
}
