//! The ways by which administrators come in: open before a plan, they have to be open after it. Pure.

use super::after::After;
use super::existing::Existing;
use super::wanted::WantedPort;
use crate::formats::firewall::decide::{
    Approach, Arrival, LocalPort, Outcome, Policy, PolicyRule, Reason, Verdict, decide,
};
use crate::formats::firewall::{Addresses, Direction, Profile, Program, Protocol, ServiceName, Store};
use crate::formats::upcase;
use crate::model::port::PortRange;
use crate::model::probe::Transport;
use crate::model::verdict::{Finding, Severity};

/// A way in, with the programs and services that listen there as far as they are known.
struct Way {
    name: String,
    transport: Transport,
    ports: PortRange,
    programs: &'static [&'static str],
    services: &'static [&'static str],
}

/// What Windows is administered by, wherever it is there.
const KNOWN: [(&str, u16, &[&str], &[&str]); 4] = [
    ("WinRM", 5985, &["System"], &[]),
    ("WinRM over TLS", 5986, &["System"], &[]),
    ("Remote Desktop", 3389, &[r"C:\Windows\System32\svchost.exe"], &["TermService"]),
    (
        "SSH",
        22,
        &[
            r"C:\Windows\System32\OpenSSH\sshd.exe",
            r"C:\Program Files\OpenSSH\sshd.exe",
            r"C:\Program Files\OpenSSH-Win64\sshd.exe",
        ],
        &["sshd"],
    ),
];

/// Refuses what shuts a way in, and tells of what narrows one.
pub fn lint<'w>(
    entries: impl Iterator<Item = &'w WantedPort>,
    existing: &Existing,
    after: &After<'_>,
    findings: &mut Vec<Finding>,
) {
    if after.is_unchanged() {
        return;
    }
    let known = KNOWN.into_iter().filter_map(|(name, port, programs, services)| {
        let ports = PortRange::single(port).ok()?;
        Some((None, Way { name: name.to_owned(), transport: Transport::Tcp, ports, programs, services }))
    });
    let named = entries.filter(|entry| entry.management).flat_map(|entry| {
        entry.claims.iter().flat_map(move |claim| {
            claim.ports.ranges().map(move |ports| {
                let name = entry.address().to_string();
                (Some(entry), Way { name, transport: claim.transport, ports, programs: &[], services: &[] })
            })
        })
    });
    for (entry, way) in known.chain(named) {
        let before_rules = existing.local.by_id.values().chain(existing.group.by_id.values());
        let before = Policy {
            rules: before_rules.filter_map(|found| way.fitted(found.policy()?)).collect(),
            local_profiles: existing.local_profiles,
            group_policy_profiles: existing.group_profiles,
            ..Policy::default()
        };
        let later = Policy {
            rules: after.rules().filter_map(|rule| way.fitted(rule)).collect(),
            local_profiles: *after.local_profiles(),
            group_policy_profiles: *after.group_profiles(),
            ..Policy::default()
        };
        let (mut shut, mut narrowed) = (Vec::new(), Vec::new());
        for profile in Profile::ALL {
            let (then, now) = (way.outcome(&before, *profile), way.outcome(&later, *profile));
            match (then.verdict, now.verdict) {
                (Verdict::Allowed | Verdict::Partly, Verdict::Blocked) => shut.push((*profile, why(&now))),
                (Verdict::Allowed, Verdict::Partly) => narrowed.push((*profile, String::new())),
                _ => {}
            }
        }
        let place = format!("{} ({} port {})", way.name, way.transport, way.ports);
        let id = entry.map(WantedPort::address);
        let at = entry.map(|entry| entry.at);
        if let Some((_, why)) = shut.first() {
            findings.push(Finding {
                severity: Severity::Error,
                code: "ports.locked_out".into(),
                message: format!("{place} is open now and would be shut in {}: {why}", profiles(&shut)),
                hint: Some(
                    "keep a rule that lets administrators in; where nobody comes in this way, apply with \
                     --accept ports.locked_out"
                        .into(),
                ),
                id: id.clone(),
                at,
            });
        }
        if !narrowed.is_empty() {
            findings.push(Finding {
                severity: Severity::Warning,
                code: "ports.way_in_narrows".into(),
                message: format!(
                    "{place} is open to all now and would be open to some only in {}",
                    profiles(&narrowed)
                ),
                hint: Some("see that the address you come from is among them".into()),
                id,
                at,
            });
        }
    }
}

fn profiles(named: &[(Profile, String)]) -> String {
    let names: Vec<String> = named.iter().map(|(profile, _)| profile.to_string()).collect();
    match names.as_slice() {
        [_, _, _] => "every profile".to_owned(),
        [one] => format!("the profile {one}"),
        several => format!("the profiles {}", several.join(" and ")),
    }
}

/// What keeps an arrival out, in words.
pub fn why(outcome: &Outcome) -> String {
    let of = |store: Option<Store>| match store {
        Some(Store::GroupPolicy) => " (group policy)",
        _ => "",
    };
    let first =
        outcome.by.iter().min_by_key(|reason| !matches!(reason, Reason::Rule { .. } | Reason::NoExceptions { .. }));
    match first {
        Some(Reason::Rule { rule, .. }) => format!("the rule {rule} blocks it"),
        Some(Reason::NoExceptions { store }) => format!("no exceptions are allowed{}", of(*store)),
        Some(Reason::NotMerged { .. }) => "group policy lets no local rule hold".to_owned(),
        Some(Reason::FirewallOff { .. }) => "the firewall is off".to_owned(),
        Some(Reason::Default { store, .. }) => format!("no rule allows it, and the default blocks{}", of(*store)),
        None => "nothing allows it".to_owned(),
    }
}

impl Way {
    fn outcome(&self, policy: &Policy, profile: Profile) -> Outcome {
        let port = LocalPort::Numbers(self.ports);
        decide(
            policy,
            &Arrival {
                profile,
                what: match self.transport {
                    Transport::Tcp => Approach::Tcp(port),
                    Transport::Udp => Approach::Udp(port),
                },
                local_address: None,
                remote: Addresses::ANY,
                program: None,
                service: None,
            },
        )
    }

    /// A rule that has to do with who listens here; a program or service that does listen here is no condition.
    fn fitted(&self, rule: &PolicyRule) -> Option<PolicyRule> {
        if !self.concerns(rule) {
            return None;
        }
        let mut fitted = rule.clone();
        if fitted.rule.program.as_ref().is_some_and(|program| self.is_program(program)) {
            fitted.rule.program = None;
        }
        if fitted.rule.service.as_ref().is_some_and(|service| self.is_service(service)) {
            fitted.rule.service = None;
        }
        Some(fitted)
    }

    fn is_program(&self, program: &Program) -> bool {
        let path = plain_path(program.as_str());
        self.programs.iter().any(|known| upcase::eq(&path, known))
    }

    fn is_service(&self, service: &ServiceName) -> bool {
        service.is_any() || self.services.iter().any(|known| upcase::eq(service.as_str(), known))
    }

    /// Whether a rule has to do with who listens here: it names the port, or everything of one that may listen here.
    ///
    /// Windows has many rules that open all ports to one program or app; none of them lets an administrator in.
    fn concerns(&self, rule: &PolicyRule) -> bool {
        let said = &rule.rule;
        let protocol = match said.traffic.protocol() {
            Protocol::Any => true,
            Protocol::Tcp => self.transport == Transport::Tcp,
            Protocol::Udp => self.transport == Transport::Udp,
            _ => false,
        };
        if !said.active || said.direction != Direction::In || !protocol {
            return false;
        }
        match said.traffic.local_ports().filter(|ports| !ports.is_any()) {
            Some(ports) => ports.numbers.overlaps(&self.ports.into()),
            None => {
                let program = said.program.as_ref().is_none_or(|program| self.is_program(program));
                let service = said.service.as_ref().is_none_or(|service| self.is_service(service));
                program && service && rule.restrictions.is_empty()
            }
        }
    }
}

/// A path as it is on a machine whose Windows lies where it usually does.
fn plain_path(path: &str) -> String {
    const USUAL: [(&str, &str); 3] =
        [("%SystemRoot%", r"C:\Windows"), ("%windir%", r"C:\Windows"), ("%ProgramFiles%", r"C:\Program Files")];
    for (variable, usual) in USUAL {
        if let Some(head) = path.get(..variable.len())
            && head.eq_ignore_ascii_case(variable)
        {
            return format!("{usual}{}", path.get(variable.len()..).unwrap_or_default());
        }
    }
    path.to_owned()
}
