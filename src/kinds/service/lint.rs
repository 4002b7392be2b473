//! What is worth saying about a service and those around it, as they will be. Pure.

use super::account;
use super::compare::{ACCOUNT, DEPENDENCIES, RECOVERY, START, STATE, listed, running_dependants};
use super::parts::Found;
use super::survey::{Survey, is_there, needs_after, start_after};
use super::wanted::{State, WantedService};
use crate::formats::service::{ServiceAccount, ServiceName, StartType};
use crate::kinds::registry::SOON;
use crate::kinds::{Context, Kind as _};
use crate::model::fact::{Facts, KeyState};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding, Severity};

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
    let mut lint = Lint { wanted, as_of: context.as_of, findings };
    let start = wanted.start_at(context.as_of).map(|start| start.value.start_type()).or_else(|| found.start_type());
    lint.critical(&found, decisions);
    lint.contradictions(&found, start);
    lint.account(&found, facts, decisions);
    lint.expiry(decisions);
    if changes(STATE, decisions) {
        lint.stops_too_early(facts, context);
    }
    lint.command(&found);
    if start.is_some_and(|start| start != StartType::Disabled) || wanted.is_to_be(State::Running, context.as_of) {
        lint.needs(facts, context);
    }
    let is_disabled = wanted.is_to_be_disabled(context.as_of) && changes(START, decisions);
    if is_disabled || wanted.dependencies.is_some() {
        let survey = context.services().after(facts, context);
        if is_disabled {
            lint.dependants(survey);
        }
        lint.cycle(survey);
    }
}

fn changes(part: &str, decisions: &[Decision]) -> bool {
    decisions.iter().any(|one| one.differs() && one.id.part() == Some(part))
}

struct Lint<'a> {
    wanted: &'a WantedService,
    as_of: jiff::Timestamp,
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

    /// Moves the last finding to another place of the document.
    fn at(&mut self, at: Location) {
        if let Some(finding) = self.findings.last_mut() {
            finding.at = Some(at);
        }
    }

    /// A plan that takes away what the machine, or whoever looks after it, cannot do without.
    fn critical(&mut self, found: &Found<'_>, decisions: &[Decision]) {
        let is_disabled = self.wanted.is_to_be_disabled(self.as_of) && changes(START, decisions);
        let part = match (is_disabled, self.wanted.is_to_be(State::Stopped, self.as_of) && changes(STATE, decisions)) {
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
        if self.wanted.is_to_be(State::Running, self.as_of) && self.wanted.is_to_be_disabled(self.as_of) {
            let message = format!("{name} is to run and to be disabled: it runs until it stops, and never again");
            let hint = "write `start: manual` for a service that others start";
            self.push(STATE, Severity::Warning, "services.runs_disabled", message, Some(hint));
        }
        let may_start = matches!(start, Some(StartType::Automatic | StartType::Delayed));
        if self.wanted.is_to_be(State::Stopped, self.as_of) && may_start {
            let message = format!("{name} is to be stopped, and starts again with the machine");
            let hint = "write `start: manual` or `start: disabled`, too";
            self.push(STATE, Severity::Warning, "services.starts_again", message, Some(hint));
        } else if self.wanted.is_to_be(State::Stopped, self.as_of)
            && found.is_triggered()
            && start != Some(StartType::Disabled)
        {
            let message = format!("{name} is to be stopped, and its triggers may start it again");
            self.push(STATE, Severity::Info, "services.starts_again", message, Some("write `start: disabled`, too"));
        }
    }

    fn expiry(&mut self, decisions: &[Decision]) {
        let Some(expiry) = &self.wanted.expires else { return };
        let part = if expiry.start.is_some() { START } else { STATE };
        let name = &self.wanted.name;
        if self.as_of < expiry.on {
            if expiry.on.duration_since(self.as_of) <= SOON {
                let words = [
                    expiry.start.as_ref().map(|one| one.value.words()),
                    expiry.state.as_ref().map(|one| one.value.word()),
                ];
                let then = words.into_iter().flatten().collect::<Vec<_>>().join(" and ");
                let message = format!("{name} expires on {}; then it is {then}", expiry.on);
                self.push(part, Severity::Info, "services.expires_soon", message, None);
                self.at(expiry.at);
            }
        } else if !changes(START, decisions) && !changes(STATE, decisions) {
            let message = format!("{name} expired on {}; the entry may be simplified", expiry.on);
            let hint = "what stands after `then` holds: write it as the fields themselves";
            self.push(part, Severity::Info, "services.expiry_passed", message, Some(hint));
            self.at(expiry.at);
        }
    }

    /// The service manager refuses to stop what is needed by something that runs.
    fn stops_too_early(&mut self, facts: &Facts, context: &Context<'_>) {
        let name = &self.wanted.name;
        let (mut later, _) = running_dependants(self.wanted, facts, context);
        later.retain(|dependant| !context.services().is_before(dependant, name));
        if !later.is_empty() {
            let message = format!("{name} is to stop before {}, and is needed there", listed(&later));
            let hint = "name it behind them, or write `depends_on`";
            self.push(STATE, Severity::Warning, "services.stops_too_early", message, Some(hint));
        }
    }

    fn account(&mut self, found: &Found<'_>, facts: &Facts, decisions: &[Decision]) {
        let wanted = self.wanted;
        let Some(account) = wanted.account.as_ref().map(|account| &account.value.account) else { return };
        if let ServiceAccount::Virtual(owner) = account
            && *owner != wanted.name
        {
            let message = format!("{account} is the account of the service {owner}, not of {}", wanted.name);
            let hint = format!("write `NT SERVICE\\{}`", wanted.name);
            self.push(ACCOUNT, Severity::Warning, "services.foreign_account", message, Some(&hint));
        }
        let is_told = account::is_told(facts);
        if is_told
            && changes(ACCOUNT, decisions)
            && let Some(before) = found.own_account().filter(ServiceAccount::needs_password)
        {
            let message = format!("the password of {before} is kept nowhere: a rollback cannot give it back");
            self.push(ACCOUNT, Severity::Warning, "services.password_lost", message, None);
        }
        // A running machine gives the right with the account.
        if matches!(account, ServiceAccount::Managed(_)) && changes(ACCOUNT, decisions) && !is_told {
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
    fn needs(&mut self, facts: &Facts, context: &Context<'_>) {
        let wanted = self.wanted;
        let part = if wanted.dependencies.is_some() { DEPENDENCIES } else { START };
        for needed in &needs_after(&wanted.name, facts, context) {
            if is_there(needed, facts) == Some(false) {
                let message = format!("{} needs {needed}, which the machine does not have", wanted.name);
                self.push(part, Severity::Warning, "services.needs_unknown", message, None);
            } else if start_after(needed, facts, context) == Some(StartType::Disabled) {
                let message = format!("{} needs {needed}, which is disabled: it will not start", wanted.name);
                self.push(part, Severity::Warning, "services.needs_disabled", message, None);
            }
        }
    }

    /// Who starts by itself and needs the service that is disabled.
    fn dependants(&mut self, survey: &Survey) {
        let mut dependants = survey.graph.dependants(std::slice::from_ref(&self.wanted.name));
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
        let dependants = survey.graph.dependants(std::slice::from_ref(name));
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
