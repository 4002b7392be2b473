//! Ports, and all that has to agree about them: firewall rules and profiles, TLS bindings and URLs of http.sys, ranges that Windows
//! gives away, who listens. Decides as the other kinds do; looks beyond its entries only to find what clashes.

mod access;
mod after;
mod bindings;
mod build;
mod clashes;
mod document;
mod existing;
mod forms;
mod http;
mod lint;
mod places;
mod profiles;
mod rules;
mod running;
mod urls;
mod void;
mod wanted;
mod ways_in;

use std::cell::OnceCell;
use std::sync::Arc;

pub use document::{PortDefaults, Section, decode_section, merge_rule, section_schema};
pub use lint::lint_plan;
pub use wanted::{CertificateSource, GROUP, WantedFirewall, WantedPort};

use super::{Comparison, Context, ImpliedOrder, Kind, Place};
use crate::formats::upcase;
use crate::model::common::Common;
use crate::model::decode::Decoder;
use crate::model::diagnostic::Diagnostic;
use crate::model::digest;
use crate::model::fact::{Facts, Queries};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};
use existing::Existing;

/// All entries of the section, and the firewall as it is, read once for all of them.
#[derive(Debug, Default)]
pub struct Ports {
    pub entries: Vec<Arc<WantedPort>>,
    pub firewall: Option<Arc<WantedFirewall>>,
    existing: OnceCell<Existing>,
}

impl Ports {
    pub fn new(entries: Vec<Arc<WantedPort>>, firewall: Option<Arc<WantedFirewall>>) -> Self {
        Self { entries, firewall, existing: OnceCell::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.firewall.is_none()
    }

    /// The firewall as it is; the facts must be the same each time.
    fn existing(&self, facts: &Facts) -> &Existing {
        self.existing.get_or_init(|| Existing::read(facts))
    }
}

/// Reports every binding whose certificate is no entry of the document.
pub fn check_certificates<'w>(
    entries: impl Iterator<Item = &'w WantedPort>,
    is_certificate: impl Fn(&str) -> bool,
    names: &[&str],
    cx: &mut Decoder,
) {
    for binding in entries.flat_map(|port| &port.bindings) {
        let Some(source) = &binding.certificate else { continue };
        if let CertificateSource::Entry(name) = &source.value
            && !is_certificate(name)
        {
            let hint = match cx.nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name an entry of `certificates`, or write `thumbprint`".to_owned(),
            };
            let message = format!("the document has no certificate `{name}`");
            cx.push(Diagnostic::error("ports.unknown_certificate", message).at(source.at).hint(hint));
        }
    }
}

/// The entry itself: it is there as soon as the document names it, and all that is done about it is done about its parts.
fn own(id: ResourceId, at: Location) -> Decision {
    Decision::keep(id, at).traced(Trace::same(digest::of(&[b"ports entry"])))
}

impl WantedPort {
    /// The parts of the entry, each with what the document says of it.
    fn parts(&self) -> Vec<(&str, Location, String)> {
        let is_present = self.is_present();
        let said = |text: String| if is_present { text } else { "absent".to_owned() };
        let until = |rule: &wanted::WantedRule| rule.expires.map(|on| format!(", until {on}")).unwrap_or_default();
        let rules = self.rules.iter().map(|rule| {
            let words = format!("{}{}", rules::words(&rule.rule), until(rule));
            (&*rule.part, rule.at, said(words))
        });
        let bindings = self.bindings.iter().map(|one| (&*one.part, one.at, said(bindings::statement(one))));
        let urls = self.reservations.iter().map(|url| (&*url.part, url.at, said(statement_of_url(url))));
        let ranges =
            self.ranges.iter().map(|one| (&*one.part, one.at, said(format!("{} {}", one.transport, one.range))));
        let rpc = self.rpc.iter().map(|rpc| ("rpc", rpc.at, said(rpc.value.to_string())));
        let listeners = self.listeners.iter().map(|one| (&*one.part, one.at, said(format!("{} listens", one.expect))));
        rules.chain(bindings).chain(urls).chain(ranges).chain(rpc).chain(listeners).collect()
    }
}

fn statement_of_url(url: &wanted::WantedReservation) -> String {
    let prefix = url.prefix.canonical();
    match &url.access {
        None => prefix,
        Some(wanted::UrlAccess::Accounts { users, rights }) => {
            let users: Vec<&str> = users.iter().map(|user| user.value.as_str()).collect();
            format!("{prefix} for {} ({})", users.join(", "), rights.bits())
        }
        Some(wanted::UrlAccess::Sddl(descriptor)) => {
            format!("{prefix} as {}", descriptor.to_sddl().unwrap_or_default())
        }
    }
}

impl Kind for Arc<WantedPort> {
    fn address(&self) -> ResourceId {
        WantedPort::address(self)
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        let parts = self.parts().into_iter().map(|(part, at, _)| (self.part(part), at));
        std::iter::once((WantedPort::address(self), self.at)).chain(parts).collect()
    }

    /// `tls` for all bindings of the entry, and so on.
    fn aliases(&self) -> Vec<ResourceId> {
        let words = self.parts().into_iter().filter_map(|(part, ..)| Some(part.split_once(' ')?.0.to_owned()));
        let mut words: Vec<String> = words.collect();
        words.dedup();
        words.iter().map(|word| self.part(word)).collect()
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        let own = if self.is_present() { "present" } else { "absent" };
        let parts = self.parts().into_iter().map(|(part, _, said)| (self.part(part), said));
        std::iter::once((WantedPort::address(self), own.to_owned())).chain(parts).collect()
    }

    fn wants(&self, facts: &Facts, _: &Context<'_>, queries: &mut Queries) {
        places::ask_firewall(facts, queries);
        self.bindings.iter().for_each(|binding| bindings::wants(binding, queries));
        self.reservations.iter().for_each(|url| urls::wants(url, queries));
        if !self.reservations.is_empty() {
            places::ask_bindings(queries);
        }
        self.ranges.iter().for_each(|range| queries.probe(running::range_probe(range)));
        self.listeners.iter().for_each(|listener| queries.probe(running::listener_probe(listener)));
        if self.rpc.is_some() {
            places::ask_values(places::rpc(), queries);
        }
    }

    fn compare(&self, facts: &Facts, context: &Context<'_>) -> Comparison {
        let mut decisions = Vec::with_capacity(2);
        decisions.push(own(WantedPort::address(self), self.at));
        if !self.rules.is_empty() {
            let existing = context.ports().existing(facts);
            decisions.extend(self.rules.iter().map(|rule| rules::compare(self, rule, existing, facts, context.as_of)));
        }
        decisions.extend(self.bindings.iter().map(|binding| bindings::compare(self, binding, facts, context)));
        decisions.extend(self.reservations.iter().map(|url| urls::compare(self, url, facts)));
        decisions.extend(self.ranges.iter().map(|range| running::range(self, range, facts)));
        decisions.extend(self.rpc.iter().map(|rpc| running::rpc(self, rpc, facts)));
        decisions.extend(self.listeners.iter().map(|listener| running::listener(self, listener, facts)));
        Comparison { decisions, ..Comparison::default() }
    }

    /// A binding comes after its certificate.
    fn order(&self) -> ImpliedOrder {
        let names = self.bindings.iter().filter_map(|binding| match &binding.certificate.as_ref()?.value {
            CertificateSource::Entry(name) => Some(Place::Certificate(upcase::fold(name))),
            CertificateSource::Pinned(_) => None,
        });
        ImpliedOrder { provides: Vec::new(), needs: names.collect() }
    }

    fn lint(&self, facts: &Facts, context: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>) {
        lint::entry(self, facts, context, decisions, findings);
    }
}

impl Kind for Arc<WantedFirewall> {
    fn address(&self) -> ResourceId {
        WantedFirewall::address(self)
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        let parts = self.profiles.iter().map(|one| (self.part(&one.profile.to_string()), one.at));
        std::iter::once((WantedFirewall::address(self), self.at)).chain(parts).collect()
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        let own = if self.exclusive { "no rules of the group but those named" } else { "present" };
        let parts = self.profiles.iter().map(|one| (self.part(&one.profile.to_string()), profiles::words(one)));
        std::iter::once((WantedFirewall::address(self), own.to_owned())).chain(parts).collect()
    }

    fn wants(&self, facts: &Facts, _: &Context<'_>, queries: &mut Queries) {
        places::ask_firewall(facts, queries);
    }

    fn compare(&self, facts: &Facts, context: &Context<'_>) -> Comparison {
        let existing = context.ports().existing(facts);
        let mut decisions = vec![own(WantedFirewall::address(self), self.at)];
        decisions.extend(self.profiles.iter().map(|profile| profiles::compare(self, profile, facts)));
        let (removals, unmanaged) = rules::unnamed(self, context.survey, existing, facts);
        decisions.extend(removals);
        Comparison { decisions, unmanaged, ..Comparison::default() }
    }

    fn order(&self) -> ImpliedOrder {
        ImpliedOrder::default()
    }

    fn lint(&self, facts: &Facts, context: &Context<'_>, _: &[Decision], findings: &mut Vec<Finding>) {
        profiles::lint(self, context.ports().existing(facts), findings);
    }
}
