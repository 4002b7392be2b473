//! Settings of services: from the values that a service's key is to hold to what its manager is told.

use zeroize::Zeroizing;

use crate::formats::registry_values::NamedValues;
use crate::formats::service::{Action, Dependencies, ServiceAccount, ServiceChange, StartType};
use crate::machine::WriteError;
use crate::machine::windows_api::services::settings::{Configuration, Failure, Purpose, Settings};
use crate::machine::windows_api::{WindowsError, process, user_rights};
use crate::model::fact::{Observed, Unread};
use crate::model::probe::{Answer, Probe, UserRight};
use crate::model::sid::Sid;

/// Tells the manager what changes; `target` are all values that the key is to hold, `changed` the names of those that it does not hold
/// yet, and `password` that of the account, where it is told one.
///
/// # Errors
/// The manager cannot be told, and nothing was changed; or it refuses.
pub fn configure(
    service: &str,
    target: &NamedValues<'_>,
    changed: &[&str],
    password: Option<&Zeroizing<String>>,
) -> Result<(), WriteError> {
    let attempt = || format!("configure the service {service}");
    let change = ServiceChange::to(target, changed).map_err(|error| WriteError::failed(attempt(), error))?;
    if password.is_none() && change.account.as_ref().is_some_and(ServiceAccount::needs_password) {
        return Err(WriteError::refused(attempt(), "its account needs a password, which nobody told"));
    }
    let told = |what: &str, result: Result<(), WindowsError>| {
        result.map_err(|error| WriteError::failed(format!("set {what} of the service {service}"), error))
    };
    if change.reboots() {
        // Without it the manager refuses the action, and says so.
        let _has_it = process::enable_privilege("SeShutdownPrivilege");
    }
    let purpose = if change.restarts() { Purpose::ConfigureRestarts } else { Purpose::Configure };
    let settings = Settings::open(service, purpose).map_err(|error| WriteError::failed(attempt(), error))?;

    let account = change.account.as_ref().map(ToString::to_string);
    let is_configured = change.start.is_some() || change.account.is_some() || change.dependencies.is_some();
    let dependencies = match change.dependencies {
        // Wine forgets those that it is not told again.
        None if is_configured && process::is_wine() => Dependencies::read(target).ok(),
        dependencies => dependencies,
    };
    let dependencies = dependencies.as_ref().map(Dependencies::to_list);
    let configuration = Configuration {
        start: change.start.map(StartType::number),
        account: account.as_deref().map(|account| (account, password.map_or("", |password| password.as_str()))),
        dependencies: dependencies.as_deref(),
    };
    if is_configured {
        told("start, account or dependencies", settings.configure(&configuration))?;
    }
    if let Some(delayed) = change.delayed {
        told("the delayed start", settings.set_delayed(delayed))?;
    }
    let actions: Option<(u32, Vec<(u32, u32)>)> = change.failure_actions.as_ref().map(|found| {
        let action = |action: &Action| (action.kind.number(), action.delay_millis);
        (found.reset_seconds, found.actions.iter().map(action).collect())
    });
    let failure = Failure {
        actions: actions.as_ref().map(|(reset, actions)| (*reset, actions.as_slice())),
        command: change.failure_command.as_deref(),
        reboot_message: change.reboot_message.as_deref(),
    };
    if failure.actions.is_some() || failure.command.is_some() || failure.reboot_message.is_some() {
        told("the recovery", settings.set_failure(&failure))?;
    }
    if let Some(acts) = change.acts_on_errors {
        told("the recovery", settings.set_acts_on_errors(acts))?;
    }
    Ok(())
}

/// Whether an account itself has a right.
pub fn has_right(probe: &Probe, account: &Sid, right: UserRight) -> Observed<Answer> {
    user_rights::has(&account.to_bytes(), right.name()).map(Answer::Flag).map_err(|error| match error {
        WindowsError::ACCESS_DENIED => Unread::Refused {
            what: probe.to_string(),
            detail: error.to_string(),
            hint: Some("run trueup as an administrator".into()),
        },
        error => Unread::Failed { what: probe.to_string(), detail: error.to_string() },
    })
}

/// Gives an account a right or takes it away.
///
/// # Errors
/// The system refuses.
pub fn set_right(account: &Sid, right: UserRight, has_it: bool) -> Result<(), WriteError> {
    let (verb, result) = match has_it {
        true => ("give", user_rights::add(&account.to_bytes(), right.name())),
        false => ("take", user_rights::remove(&account.to_bytes(), right.name())),
    };
    result.map_err(|error| WriteError::failed(format!("{verb} {account} {}", right.words()), error))
}
