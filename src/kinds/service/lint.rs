//! What is worth saying about a service and those around it, as they will be. Pure.

use super::compare::{ACCOUNT, DEPENDENCIES, RECOVERY, START, STATE, changes_account, is_managed};
use super::parts::Found;
use super::survey::{Survey, is_there};
use super::wanted::{State, WantedService};
use crate::formats::service::{ServiceAccount, ServiceName, StartType};
use crate::kinds::{Context, Kind as _};
use crate::model::fact::{Facts, KeyState};
use crate::model::resource::ResourceId;
use crate::model::verdict::{Decision, Finding, Severity};

/// So many names are listed; of further ones the number.
const SHOWN: usize = 3;

/// Services without which Windows does not come up, or nobody gets in.
const CRITICAL: [&str; 12] = [
    "BrokerInfrastructure",
    "DcomLaunch",
    "gpsvc",
    "LSM",
    "nsi",
    "PlugPlay",
    "Power",
    "ProfSvc",
    "RpcEptMapper",
    "RpcSs",
    "SamSs",
    "SystemEventsBroker",
];

/// Services that are missed, each with what goes with it.
const MISSED: [(&str, &str); 11] = [
    ("BFE", "no firewall rule is in force"),
    ("CryptSvc", "no certificate chain is built and no catalogue is checked"),
    ("Dnscache", "names are resolved without a cache, and the network's kind is not recognised"),
    ("EventLog", "nothing is logged, and much that needs the log does not start"),
    ("LanmanServer", "shares and remote administration by named pipes are gone"),
    ("mpssvc", "no firewall rule is in force"),
    ("Netlogon", "nobody logs on with an account of the domain"),
    ("sshd", "the machine cannot be reached by SSH"),
    ("TermService", "the machine cannot be reached by remote desktop"),
    ("Winmgmt", "management tools and many services find nothing of the machine"),
    ("WinRM", "the machine cannot be reached by remote management"),
];

pub fn lint(
    wanted: &WantedService,
    facts: &Facts,
    context: &Context<'_>,
    decisions: &[Decision],
    findings: &mut Vec<Finding>,
) {
    let Some(Ok(KeyState::Present(fact))) = facts.key(&wanted.key) else { return };
    let found = Found::of(fact);
    if !found.is_service() {
        return;
    }
    let mut lint = Lint { wanted, findings };
    let start = wanted.start.as_ref().map(|start| start.value.start_type()).or_else(|| found.start_type());
    lint.critical(&found, decisions);
    lint.contradictions(&found, start);
    lint.account(decisions);
    lint.command(&found);
    let survey = Survey::after(facts, context);
    if start.is_some_and(|start| start != StartType::Disabled) || wanted.is_to_be(State::Running) {
        lint.needs(&survey, facts, context);
    }
    lint.dependants(&survey, decisions);
    lint.cycle(&survey);
}

struct Lint<'a> {
    wanted: &'a WantedService,
    findings: &'a mut Vec<Finding>,
}

impl Lint<'_> {
    fn push(&mut self, part: &str, severity: Severity, code: &'static str, message: String, hint: Option<&str>) {
        let wanted = self.wanted;
        let at = wanted.resources().into_iter().find(|(id, _)| id.part() == Some(part)).map(|(_, at)| at);
        self.findings.push(Finding {
            severity,
            code: code.into(),
            message,
            hint: hint.map(str::to_owned),
            id: Some(ResourceId::part_of(&wanted.address(), part)),
            at: at.or(Some(wanted.at)),
        });
    }

    /// A plan that takes away what the machine, or whoever looks after it, cannot do without.
    fn critical(&mut self, found: &Found<'_>, decisions: &[Decision]) {
        let changes = |part: &str| decisions.iter().any(|one| one.differs() && one.id.part() == Some(part));
        let is_disabled = self.wanted.is_to_be_disabled() && changes(START);
        let part = match (is_disabled, self.wanted.is_to_be(State::Stopped) && changes(STATE)) {
            (true, _) => START,
            (false, true) => STATE,
            (false, false) => return,
        };
        let name = self.wanted.name.clone();
        let is = |known: &str| known.parse::<ServiceName>().is_ok_and(|known| known == name);
        let does = if is_disabled { "is disabled" } else { "is stopped" };
        let is_early = found.is_driver() && matches!(found.start_type(), Some(StartType::Boot | StartType::System));
        if is_disabled && (is_early || CRITICAL.iter().any(|known| is(known))) {
            let message = format!("{name} is disabled: without it Windows does not start, or nobody can log on");
            let hint = "apply refuses unless it is run with --accept services.critical";
            self.push(part, Severity::Error, "services.critical", message, Some(hint));
        } else if let Some((_, loss)) = MISSED.iter().find(|(known, _)| is(known)) {
            self.push(part, Severity::Warning, "services.missed", format!("{name} {does}: {loss}"), None);
        }
    }

    /// What the entry says of one part and makes void with another.
    fn contradictions(&mut self, found: &Found<'_>, start: Option<StartType>) {
        let name = &self.wanted.name;
        if self.wanted.is_to_be(State::Running) && self.wanted.is_to_be_disabled() {
            let message = format!("{name} is to run and to be disabled: it runs until it stops, and never again");
            let hint = "write `start: manual` for a service that others start";
            self.push(STATE, Severity::Warning, "services.runs_disabled", message, Some(hint));
        }
        let may_start = matches!(start, Some(StartType::Automatic | StartType::Delayed));
        if self.wanted.is_to_be(State::Stopped) && may_start {
            let message = format!("{name} is to be stopped, and starts again with the machine");
            let hint = "write `start: manual` or `start: disabled`, too";
            self.push(STATE, Severity::Warning, "services.starts_again", message, Some(hint));
        } else if self.wanted.is_to_be(State::Stopped) && found.is_triggered() && start != Some(StartType::Disabled) {
            let message = format!("{name} is to be stopped, and its triggers may start it again");
            self.push(STATE, Severity::Info, "services.starts_again", message, Some("write `start: disabled`, too"));
        }
    }

    fn account(&mut self, decisions: &[Decision]) {
        let wanted = self.wanted;
        let Some(account) = wanted.account.as_ref().map(|account| &account.value.account) else { return };
        if let ServiceAccount::Virtual(owner) = account
            && *owner != wanted.name
        {
            let message = format!("{account} is the account of the service {owner}, not of {}", wanted.name);
            let hint = format!("write `NT SERVICE\\{}`", wanted.name);
            self.push(ACCOUNT, Severity::Warning, "services.foreign_account", message, Some(&hint));
        }
        if is_managed(account) && changes_account(decisions) {
            let message = format!("{account} needs the right to log on as a service (SeServiceLogonRight)");
            self.push(ACCOUNT, Severity::Info, "services.logon_right", message, None);
        }
    }

    fn command(&mut self, found: &Found<'_>) {
        let Some(recovery) = &self.wanted.recovery else { return };
        let after = found.recovery_after(&recovery.value);
        if after.runs_command() && after.command.is_none() {
            let message = format!("a failure of {} runs a command, and there is none", self.wanted.name);
            let hint = "write which, as `command`";
            self.push(RECOVERY, Severity::Warning, "services.no_command", message, Some(hint));
        }
    }

    /// What the service needs and will not find.
    fn needs(&mut self, survey: &Survey, facts: &Facts, context: &Context<'_>) {
        let wanted = self.wanted;
        let part = if wanted.dependencies.is_some() { DEPENDENCIES } else { START };
        let Some(own) = survey.services.get(&wanted.name) else { return };
        for needed in &own.needs {
            if is_there(needed, facts) == Some(false) {
                let message = format!("{} needs {needed}, which the machine does not have", wanted.name);
                self.push(part, Severity::Warning, "services.needs_unknown", message, None);
            } else if survey.start(needed, facts, context) == Some(StartType::Disabled) {
                let message = format!("{} needs {needed}, which is disabled: it will not start", wanted.name);
                self.push(part, Severity::Warning, "services.needs_disabled", message, None);
            }
        }
    }

    /// Who starts by itself and needs the service that is disabled.
    fn dependants(&mut self, survey: &Survey, decisions: &[Decision]) {
        let changes = decisions.iter().any(|one| one.differs() && one.id.part() == Some(START));
        if !self.wanted.is_to_be_disabled() || !changes {
            return;
        }
        let mut dependants = survey.graph().dependants(std::slice::from_ref(&self.wanted.name));
        dependants.retain(|name| survey.services.get(name).is_some_and(|one| one.starts_by_itself()));
        if dependants.is_empty() {
            return;
        }
        let message =
            format!("{} is disabled, and {} will not start without it", self.wanted.name, listed(&dependants));
        let hint = "disable them, too, or leave it on `manual`";
        self.push(START, Severity::Warning, "services.needed", message, Some(hint));
    }

    /// The service manager refuses what goes in a circle.
    fn cycle(&mut self, survey: &Survey) {
        if self.wanted.dependencies.is_none() {
            return;
        }
        let name = &self.wanted.name;
        let dependants = survey.graph().dependants(std::slice::from_ref(name));
        let needs = survey.services.get(name).map(|own| own.needs.as_slice()).unwrap_or_default();
        let circle: Vec<ServiceName> = needs.iter().filter(|needed| dependants.contains(needed)).cloned().collect();
        if circle.is_empty() {
            return;
        }
        let message = format!("{name} needs {}, which cannot start without it", listed(&circle));
        let hint = "one of the dependencies in the circle has to go";
        self.push(DEPENDENCIES, Severity::Error, "services.cycle", message, Some(hint));
    }
}

fn listed(names: &[ServiceName]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(ServiceName::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
