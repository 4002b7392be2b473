//! The Task Scheduler.

use windows::Win32::System::TaskScheduler::{
    IRegisteredTask, ITaskFolder, ITaskService, TASK_CREATE_OR_UPDATE, TASK_LOGON_SERVICE_ACCOUNT, TaskScheduler,
};
use windows::Win32::System::Variant::VARIANT;
use windows::core::BSTR;

use super::com::{Apartment, ComError};

/// HRESULTs of ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_ALREADY_EXISTS.
const FILE_NOT_FOUND: u32 = 0x8007_0002;
const PATH_NOT_FOUND: u32 = 0x8007_0003;
const ALREADY_EXISTS: u32 = 0x8007_00B7;

/// A folder of the scheduler's tasks.
pub struct Folder {
    // Goes before the apartment it was made in.
    folder: ITaskFolder,
    _apartment: Apartment,
}

impl Folder {
    /// Opens a folder below the root, and makes it where it is not there.
    ///
    /// # Errors
    /// The scheduler does not answer, or refuses.
    pub fn open(name: &str) -> Result<Self, ComError> {
        let apartment = Apartment::enter()?;
        let service: ITaskService = apartment.make(&TaskScheduler)?;
        let none = VARIANT::default();
        // SAFETY: the texts and variants live longer than the calls; empty variants stand for this machine and this user.
        let folder = unsafe {
            service.Connect(&none, &none, &none, &none)?;
            let root = service.GetFolder(&BSTR::from("\\"))?;
            match root.CreateFolder(&BSTR::from(name), &none).map_err(ComError::from) {
                Ok(folder) => folder,
                Err(error) if error.code == ALREADY_EXISTS => service.GetFolder(&BSTR::from(format!("\\{name}")))?,
                Err(error) => return Err(error),
            }
        };
        Ok(Self { folder, _apartment: apartment })
    }

    /// Makes a task, or puts another definition into one.
    ///
    /// # Errors
    /// The scheduler refuses the definition.
    pub fn put(&self, name: &str, xml: &str) -> Result<(), ComError> {
        let none = VARIANT::default();
        // SAFETY: the texts and variants live longer than the call; the account stands in the definition.
        let _task: IRegisteredTask = unsafe {
            self.folder.RegisterTask(
                &BSTR::from(name),
                &BSTR::from(xml),
                TASK_CREATE_OR_UPDATE.0,
                &none,
                &none,
                TASK_LOGON_SERVICE_ACCOUNT,
                &none,
            )?
        };
        Ok(())
    }

    /// The definition of a task; `None` when there is none of this name.
    ///
    /// # Errors
    /// The scheduler refuses.
    pub fn definition(&self, name: &str) -> Result<Option<String>, ComError> {
        // SAFETY: the text lives longer than the call; what is given back is the caller's own.
        let found = unsafe { self.folder.GetTask(&BSTR::from(name)).and_then(|task| task.Xml()) };
        match found.map_err(ComError::from) {
            Ok(xml) => Ok(Some(xml.to_string())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a task; says whether it was there.
    ///
    /// # Errors
    /// The scheduler refuses.
    pub fn remove(&self, name: &str) -> Result<bool, ComError> {
        // SAFETY: the text lives longer than the call.
        match unsafe { self.folder.DeleteTask(&BSTR::from(name), 0) }.map_err(ComError::from) {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

const fn is_absent(error: &ComError) -> bool {
    matches!(error.code, FILE_NOT_FOUND | PATH_NOT_FOUND)
}
