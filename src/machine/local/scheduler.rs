//! The system's Task Scheduler: it undoes runs that nobody confirms, and looks for drift.

use super::LocalMachine;
use crate::formats::task::to_xml;
use crate::machine::windows_api::com::ComError;
use crate::machine::windows_api::tasks::Folder;
use crate::machine::{Scheduler, WriteError};
use crate::model::task::Task;

/// The folder of all tasks that trueup makes.
const FOLDER: &str = "trueup";

fn failed(attempt: &str, name: &str) -> impl FnOnce(ComError) -> WriteError {
    let attempt = format!(r"{attempt} the task \{FOLDER}\{name}");
    move |error| WriteError::failed(attempt, error)
}

impl Scheduler for LocalMachine {
    fn put(&self, name: &str, task: &Task) -> Result<(), WriteError> {
        let program =
            std::env::current_exe().map_err(|error| WriteError::failed("tell where this program lies", error))?;
        let xml = to_xml(task, &program.to_string_lossy());
        let folder = Folder::open(FOLDER).map_err(failed("make", name))?;
        folder.put(name, &xml).map_err(failed("make", name))?;
        // A scheduler that says yes and keeps nothing would undo nothing.
        let kept = folder.definition(name).map_err(failed("read back", name))?;
        let is_kept =
            |kept: String| task.arguments.iter().all(|argument| kept.contains(&*quick_xml::escape::escape(argument)));
        if kept.is_some_and(is_kept) {
            return Ok(());
        }
        let detail = "the scheduler said that it was made, and it is not there as it was asked for";
        Err(WriteError::refused(format!(r"make the task \{FOLDER}\{name}"), detail))
    }

    fn remove(&self, name: &str) -> Result<bool, WriteError> {
        Folder::open(FOLDER).and_then(|folder| folder.remove(name)).map_err(failed("remove", name))
    }
}
