//! What a policy lets in: a table of rules and settings, with the answer and what it rests on.

use trueup::formats::firewall::decide::{Approach, Arrival, LocalPort, Policy, decide};
use trueup::formats::firewall::{
    Addresses, DefaultAction, GroupPolicyProfiles, LocalProfiles, Profile, ProfileSettings, Store,
};
use trueup::model::port::PortRange;

const ALLOW: &str = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|";
const BLOCK: &str = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|";

fn answer(
    local: &[&str],
    group: &[&str],
    own: ProfileSettings,
    policy: Option<ProfileSettings>,
    remote: &str,
) -> String {
    let named = |rules: &[&str]| -> Vec<(String, String)> {
        rules.iter().enumerate().map(|(at, text)| (format!("r{at}"), (*text).to_owned())).collect()
    };
    let mut said = Policy {
        local_profiles: LocalProfiles { domain: own, ..LocalProfiles::default() },
        group_policy_profiles: GroupPolicyProfiles { domain: policy, ..GroupPolicyProfiles::default() },
        ..Policy::default()
    };
    for (store, rules) in [(Store::Local, named(local)), (Store::GroupPolicy, named(group))] {
        said.add_rules(store, rules.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    }
    let outcome = decide(
        &said,
        &Arrival {
            profile: Profile::Domain,
            what: Approach::Tcp(LocalPort::Numbers(PortRange::single(3389).unwrap())),
            local_address: None,
            remote: Addresses::parse_list([remote]).unwrap(),
            program: None,
            service: None,
        },
    );
    format!("{} {:?}", outcome.verdict, outcome.by.len())
}

#[test]
fn what_comes_in() {
    let open = ProfileSettings { inbound: Some(DefaultAction::Allow), ..ProfileSettings::default() };
    let off = ProfileSettings { enabled: Some(false), ..ProfileSettings::default() };
    let shut = ProfileSettings { no_exceptions: Some(true), ..ProfileSettings::default() };
    let no_merge = ProfileSettings { local_rules: Some(false), ..ProfileSettings::default() };
    let none = ProfileSettings::default();
    let scoped = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|RA4=10.0.0.0/255.0.0.0|";
    let blocked = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|RA4=10.1.0.0/255.255.0.0|";
    let inactive = "v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=3389|";
    let public = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=3389|";
    let program = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%windir%\\x.exe|";
    let everything = "v2.30|Action=Allow|Active=TRUE|Dir=In|";
    let range = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort2_10=3000-4000|";
    for (local, group, own, policy, remote, expected) in [
        (&[][..], &[][..], none, None, "any", "blocked 1"),
        (&[ALLOW], &[], none, None, "any", "allowed 1"),
        (&[inactive], &[], none, None, "any", "blocked 1"),
        (&[public], &[], none, None, "any", "blocked 1"),
        (&[everything], &[], none, None, "any", "allowed 1"),
        (&[range], &[], none, None, "any", "allowed 1"),
        (&[ALLOW, BLOCK], &[], none, None, "any", "blocked 1"),
        (&[], &[], open, None, "any", "allowed 1"),
        (&[BLOCK], &[], open, None, "any", "blocked 1"),
        (&[BLOCK], &[], off, None, "any", "allowed 1"),
        (&[ALLOW], &[], shut, None, "any", "blocked 1"),
        (&[ALLOW], &[], none, Some(shut), "any", "blocked 1"),
        (&[ALLOW], &[], off, Some(none), "any", "allowed 1"),
        (&[ALLOW], &[], none, Some(no_merge), "any", "blocked 2"),
        (&[], &[ALLOW], none, Some(no_merge), "any", "allowed 1"),
        (&[BLOCK], &[ALLOW], none, Some(no_merge), "any", "allowed 1"),
        (&[scoped], &[], none, None, "any", "partly 2"),
        (&[scoped], &[], none, None, "10.5.0.1", "allowed 1"),
        (&[scoped], &[], none, None, "192.0.2.1", "blocked 1"),
        (&[scoped, blocked], &[], none, None, "10.1.2.3", "blocked 1"),
        (&[scoped, blocked], &[], none, None, "10.0.0.0/8", "partly 2"),
        (&[program], &[], none, None, "any", "partly 2"),
    ] {
        assert_eq!(answer(local, group, own, policy, remote), expected, "{local:?} {group:?} {remote}");
    }
}
