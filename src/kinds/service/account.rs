//! The account of a service and its password. The service manager takes both at once, and keeps the password where nobody reads it:
//! only a running machine is told one. Pure.

use super::compare::{ACCOUNT, EntryView, PASSWORD};
use super::wanted::{WantedAccount, WantedService};
use crate::formats::service::{ServiceAccount, ServicePart};
use crate::model::fact::{Facts, Queries, Stored, Unread};
use crate::model::operation::{Expression, Operation};
use crate::model::probe::{Answer, Probe, UserRight};
use crate::model::secret::SecretReference;
use crate::model::setting::Setting;
use crate::model::source::{Location, Spanned};
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// Asks whether the machine can be told passwords, and there for what the account needs.
pub fn wants(wanted: &WantedService, facts: &Facts, queries: &mut Queries) {
    queries.probe(Probe::ServicePasswords);
    let Some(account) = wanted.account.as_ref().map(|account| &account.value.account) else { return };
    let Some(name) = name_on(account, facts).filter(|_| is_told(facts)) else { return };
    queries.account(&name);
    if let Some(Ok(Some(sid))) = facts.account(&name) {
        queries.probe(Probe::UserRight { account: *sid, right: UserRight::LogOnAsService });
    }
}

/// Whether the machine's service manager can be told passwords.
pub fn is_told(facts: &Facts) -> bool {
    matches!(facts.probe(&Probe::ServicePasswords), Some(Ok(Answer::Flag(true))))
}

/// The name by which the machine knows an account that needs a right to run a service: it does not take `.` for itself. `None` for
/// those that have it from the start.
fn name_on(account: &ServiceAccount, facts: &Facts) -> Option<String> {
    let (ServiceAccount::User(text) | ServiceAccount::Managed(text)) = account else { return None };
    let Some(name) = text.strip_prefix(r".\") else { return Some(text.to_string()) };
    let machine = facts.identity.as_ref().ok().and_then(|identity| identity.name.as_deref());
    Some(machine.map_or_else(|| name.to_owned(), |machine| format!(r"{machine}\{name}")))
}

/// What becomes of the account, and of its password where the document names one.
pub fn compare(view: &EntryView<'_>, wanted: &WantedAccount, at: Location) -> Vec<Decision> {
    let machine = view.facts.identity.as_ref().ok().and_then(|identity| identity.name.as_deref()).unwrap_or_default();
    let is_there = view.found.is_account(&wanted.account, machine);
    let needs_password = wanted.account.needs_password() && !is_there && !view.found.is_driver();
    let differs =
        || view.part(ACCOUNT, at, false, "services.account_differs", |found| found.account(&wanted.account, machine));
    let account = match (needs_password, &wanted.password) {
        (true, Some(_)) if !is_told(view.facts) => deferred(view, ACCOUNT, at),
        (true, Some(password)) => with_right(view, wanted, with_password(view, differs(), &password.value)),
        (true, None) => {
            let message = format!("{} needs a password: write `{{name: …, password: …}}`", wanted.account);
            view.blocked(ACCOUNT, at, "services.no_password", message)
        }
        (false, _) => with_right(view, wanted, differs()),
    };
    let password = wanted.password.as_ref().map(|password| self::password(view, &account, is_there, password));
    std::iter::once(account).chain(password).collect()
}

fn password(view: &EntryView<'_>, account: &Decision, is_there: bool, password: &Spanned<SecretReference>) -> Decision {
    let unseen = |code| Decision {
        verdict: Verdict::Unverifiable,
        reasons: vec![Reason::code(code)],
        ..Decision::keep(view.id(PASSWORD), password.at).written_at(view.fact.last_written)
    };
    if account.verdict == Verdict::Blocked {
        return Decision { id: view.id(PASSWORD), at: password.at, ..account.clone() };
    }
    match (is_there, view.context.rewrite_secrets) {
        (true, false) => unseen("services.password_unknown"),
        (_, _) if !is_told(view.facts) => deferred(view, PASSWORD, password.at),
        (true, true) => told_anew(view, password),
        (false, _) => unseen("services.password_told"),
    }
}

/// The step that tells the account is told the password, too.
fn with_password(view: &EntryView<'_>, mut decision: Decision, password: &SecretReference) -> Decision {
    if let Verdict::Change { operations, .. } = &mut decision.verdict {
        for operation in operations {
            if let Operation::Configure { setting, .. } = operation {
                *setting = setting_of(view, password);
            }
        }
    }
    decision
}

fn setting_of(view: &EntryView<'_>, password: &SecretReference) -> Setting {
    Setting::ServiceAccount { service: view.wanted.name.as_str().into(), password: password.clone() }
}

/// The password for the account that it runs as already.
fn told_anew(view: &EntryView<'_>, password: &Spanned<SecretReference>) -> Decision {
    let id = view.id(PASSWORD);
    let found = ServicePart::Account.values().iter().find_map(|name| view.fact.value(name));
    let Some((value, data)) = found.and_then(|value| Some((value, value.data.plain()?))) else {
        return view.blocked(PASSWORD, password.at, "services.unreadable", "its account cannot be read");
    };
    let account = view.found.own_account().map(|account| Box::from(account.to_string()));
    let operation = Operation::Configure {
        setting: setting_of(view, &password.value),
        before: account.clone(),
        after: account,
        steps: vec![Operation::PutRegistryValue {
            key: view.wanted.key.clone(),
            name: value.name.clone(),
            before: Some(Stored::Plain(data.clone())),
            after: Expression::Registry(data.clone()),
        }],
    };
    Decision::change(id, password.at, Action::Update, Reason::code("secret.rewritten"), vec![operation])
        .written_at(view.fact.last_written)
}

/// An account that is given to a service is given the right to log on as one before, where it has not.
fn with_right(view: &EntryView<'_>, wanted: &WantedAccount, mut decision: Decision) -> Decision {
    let Verdict::Change { operations, .. } = &mut decision.verdict else { return decision };
    let Some(name) = name_on(&wanted.account, view.facts).filter(|_| is_told(view.facts)) else { return decision };
    let unread = |unread: &Unread| view.blocked(ACCOUNT, decision.at, unread_code(unread), unread.to_string());
    let sid = match view.facts.account(&name) {
        Some(Ok(Some(sid))) => *sid,
        Some(Err(error)) => return unread(error),
        Some(Ok(None)) | None => {
            let message = format!("the machine knows no account {name}");
            return view.blocked(ACCOUNT, decision.at, "services.no_account", message);
        }
    };
    let what = Probe::UserRight { account: sid, right: UserRight::LogOnAsService };
    match view.facts.probe(&what) {
        Some(Ok(Answer::Flag(true))) => {}
        Some(Err(error)) => return unread(error),
        _ => operations.insert(0, Operation::Adjust { what, before: Answer::Flag(false), after: Answer::Flag(true) }),
    }
    decision
}

const fn unread_code(unread: &Unread) -> &'static str {
    match unread {
        Unread::Unsupported { .. } => "services.unsupported",
        Unread::NotCaptured { .. } => "services.not_captured",
        Unread::Refused { .. } => "services.refused",
        Unread::Failed { .. } => "services.unreadable",
    }
}

fn deferred(view: &EntryView<'_>, part: &str, at: Location) -> Decision {
    let message = "a password is told to the service manager of the running machine, with the account";
    let reasons = vec![Reason::with("services.password_deferred", message)];
    Decision { verdict: Verdict::Deferred, reasons, ..Decision::keep(view.id(part), at) }
        .written_at(view.fact.last_written)
}
