//! What a rollback cannot give back of a service: the password of an account. A service manager takes an account only with its
//! password, and keeps that where nobody reads it. Pure.

use crate::formats::service::ServiceAccount;
use crate::model::fact::Stored;
use crate::model::operation::Operation;
use crate::model::setting::Setting;

/// Whether a step may have taken a service from an account that needs a password: on a machine with a service manager it does not
/// come back.
pub fn may_lose(operation: &Operation) -> bool {
    match operation {
        Operation::Configure { setting: Setting::Service { .. }, steps, .. } => former(steps).is_some(),
        _ => false,
    }
}

/// Why the account that the steps took from a service does not come back, where `comes_back` says whether anything of them has to;
/// `has_manager` whether the machine has a service manager that asks for passwords.
pub fn lost(setting: &Setting, steps: &[Operation], comes_back: bool, has_manager: bool) -> Option<String> {
    let asks = match setting {
        Setting::ServiceAccount { .. } => true,
        Setting::Service { .. } => has_manager,
        _ => false,
    };
    let former = former(steps).filter(|_| asks)?;
    if setting.secret().is_some() && steps.iter().all(is_no_change) {
        return Some(format!("the password that {former} was known by before is kept nowhere"));
    }
    comes_back.then(|| format!("{former} needs its password, which is kept nowhere"))
}

/// The account that steps take a service from, where it needs a password.
fn former(steps: &[Operation]) -> Option<ServiceAccount> {
    let account = |step: &Operation| match step {
        Operation::PutRegistryValue { name, before, .. } => {
            ServiceAccount::of_value(name, before.as_ref().and_then(Stored::plain))
        }
        _ => None,
    };
    steps.iter().find_map(account).filter(ServiceAccount::needs_password)
}

/// Whether a value is put in place of the same.
fn is_no_change(step: &Operation) -> bool {
    match step {
        Operation::PutRegistryValue { before: Some(before), after, .. } => {
            before.plain().is_some_and(|before| after.stored().plain() == Some(before))
        }
        _ => false,
    }
}
