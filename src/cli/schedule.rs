//! `trueup schedule`.

use std::path::Path;

use super::arguments::{DocumentOptions, ScheduleOptions};
use super::terminal::Terminal;
use super::{Outcome, inputs, machines};
use crate::error::Failure;
use crate::formats::task::to_xml;
use crate::model::scalar::Duration;
use crate::model::task::{Start, Task};

/// What the scheduler takes for an interval, in seconds.
const SHORTEST: u64 = 60;
const LONGEST: u64 = 31 * 86_400;

/// Letters that no task's name may have.
const NOT_IN_NAMES: [char; 9] = ['\\', '/', ':', '*', '?', '"', '<', '>', '|'];

pub fn run(options: &ScheduleOptions, terminal: &Terminal) -> Outcome {
    let name = &options.name;
    if name.trim().is_empty() || name.contains(NOT_IN_NAMES) || name.contains(char::is_control) {
        return Err(Failure::invalid(format!("a task cannot be called `{name}`"))
            .hint("choose a name without any of \\ / : * ? \" < > |"));
    }
    if options.remove {
        let opened = running()?;
        let is_gone = scheduler(&opened)?.remove(name).map_err(not_kept)?;
        let told = if is_gone { "is removed" } else { "was not there" };
        return terminal.data(&format!("The task \\trueup\\{name} {told}\n"));
    }
    let start = start(options)?;
    if !options.print {
        // A task that finds an error each time it looks would tell nobody of drift.
        let documents = DocumentOptions { files: options.files.clone(), additions: options.additions.clone() };
        inputs::document(&documents, terminal)?;
    }
    let task = Task {
        description:
            "Tells by its exit code and in the event log whether this machine is still what its document says \
                      (trueup drift)."
                .to_owned(),
        start,
        arguments: arguments(options)?,
        retries: 0,
    };
    if options.print {
        return terminal.data(&to_xml(&task, &options.program));
    }
    let opened = running()?;
    scheduler(&opened)?.put(name, &task).map_err(not_kept)?;
    terminal.data(&format!("The task \\trueup\\{name} runs {}\n", words(options)))
}

const LOCAL: &str = "local";

fn running() -> Result<machines::Opened, Failure> {
    machines::open_named(LOCAL, false).map_err(|failure| match cfg!(windows) {
        true => failure,
        false => Failure::invalid("only trueup.exe on the machine itself can make or remove its tasks")
            .hint("print the definition with --print, and give it to `schtasks /Create /XML` there"),
    })
}

fn scheduler(opened: &machines::Opened) -> Result<&dyn crate::machine::Scheduler, Failure> {
    let machine = opened.writable()?;
    machine.scheduler().ok_or_else(|| Failure::refused("this machine has no scheduler"))
}

fn not_kept(error: crate::machine::WriteError) -> Failure {
    Failure::failed("the task could not be kept").because(error)
}

/// When the task starts; what the options leave open is asked for, so that nobody is surprised by a default.
fn start(options: &ScheduleOptions) -> Result<Start, Failure> {
    match (options.every, options.daily_at) {
        (Some(every), _) => {
            let seconds = every.seconds();
            if !(SHORTEST..=LONGEST).contains(&seconds) {
                return Err(Failure::invalid(format!("a task cannot run every {every}"))
                    .hint("choose at least 1m and at most 31d"));
            }
            Ok(Start::Every { from: jiff::Timestamp::now(), seconds })
        }
        (None, Some(time)) => Ok(Start::Daily(jiff::Zoned::now().date().to_datetime(time))),
        (None, None) => {
            Err(Failure::invalid("it is not said when the task runs").hint("add --every 6h or --daily-at 03:30"))
        }
    }
}

fn words(options: &ScheduleOptions) -> String {
    let every = |every: &Duration| format!("every {every}");
    let daily = options.daily_at.map(|time| format!("every day at {}", time.strftime("%H:%M")));
    options.every.as_ref().map(every).or(daily).unwrap_or_default()
}

/// The command line of the drift run: files by their full paths, for a task starts in no folder of its maker's.
fn arguments(options: &ScheduleOptions) -> Result<Vec<String>, Failure> {
    let full = |file: &String| {
        if options.print || file.contains("://") {
            return Ok(file.clone());
        }
        let path = std::path::absolute(Path::new(file));
        path.map(|path| path.to_string_lossy().into_owned())
            .map_err(|error| Failure::failed(format!("cannot tell where {file} lies")).because(error))
    };
    if options.files.iter().any(|file| file == "-") {
        return Err(Failure::invalid("a task has no standard input").hint("name a file"));
    }
    let mut arguments = vec!["drift".to_owned()];
    for file in &options.files {
        arguments.push(full(file)?);
    }
    for file in &options.additions.overlay {
        arguments.extend(["--overlay".to_owned(), full(file)?]);
    }
    for variable in &options.additions.variables {
        arguments.extend(["--variable".to_owned(), variable.clone()]);
    }
    if let Some(name) = &options.additions.machine_name {
        arguments.extend(["--machine-name".to_owned(), name.clone()]);
    }
    arguments.extend(["--machine", LOCAL, "--event-log"].map(str::to_owned));
    Ok(arguments)
}
