//! Any bytes as what services and http.sys keep in the registry: nothing panics, and what is read prints back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::formats::http_sys::{Binding, BindingKind, Endpoint, Reservation, UrlPrefix};
use trueup::formats::registry_values::NamedValues;
use trueup::formats::service::{
    Dependencies, DependencyGraph, FailureActions, ServiceAccount, ServiceName, ServicePart, ServiceSettings,
};
use trueup::model::registry_data::{REG_BINARY, REG_DWORD, REG_MULTI_SZ, REG_SZ, RegistryData};

fuzz_target!(|input: &[u8]| {
    if let Ok(actions) = FailureActions::parse(input) {
        assert_eq!(actions.to_bytes(), input);
        assert!(actions.means(&actions) && actions.effective().len() <= actions.actions.len());
        let _ = (0..4).map(|failures| actions.after(failures)).count();
    }
    let all = [REG_SZ, REG_BINARY, REG_DWORD, REG_MULTI_SZ].map(|value_type| RegistryData::new(value_type, input.to_vec()));
    for data in &all {
        let names = ServicePart::ALL.iter().flat_map(|part| part.values());
        let named = NamedValues::new(names.map(|name| (*name, data)));
        let _ = ServiceSettings::read(&named, ["TriggerInfo"]);
        for name in ServicePart::ALL.iter().flat_map(|part| part.values()) {
            let _ = ServiceSettings::read(&NamedValues::new([(*name, data)]), []);
        }
        let _ = Binding::read(&NamedValues::new([("SslCertHash", data)])).map(|binding| binding.values());
        let _ = Reservation::read("http://+:80/", data).map(|read| (read.rights_by_account(), read.data()));
    }
    if let Ok(text) = std::str::from_utf8(input) {
        words(text);
    }
});

fn words(text: &str) {
    let account = ServiceAccount::parse(text);
    assert_eq!(ServiceAccount::parse(&account.to_string()), account);
    if let Ok(prefix) = UrlPrefix::parse(text) {
        let canonical = UrlPrefix::parse(&prefix.canonical()).expect("it is a prefix");
        assert_eq!(canonical.canonical(), prefix.canonical());
        let _ = prefix.overlap(&canonical);
    }
    for kind in [BindingKind::Address, BindingKind::Name, BindingKind::CentralStore, BindingKind::CentralStoreOfName] {
        if let Ok(endpoint) = Endpoint::parse(kind, text) {
            assert_eq!(Endpoint::parse(kind, &endpoint.to_string()).as_ref(), Ok(&endpoint));
            let _ = (endpoint.port(), endpoint.ip(), endpoint.host(), endpoint.key());
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    if let Ok(list) = Dependencies::of_list(&lines) {
        assert!(Dependencies::of_list(&list.to_list()).expect("they were names").same(&list));
    }
    let services = lines.iter().filter_map(|line| {
        let mut names = line.split(' ').filter_map(|name| name.parse::<ServiceName>().ok());
        Some((names.next()?, names.collect()))
    });
    let services: Vec<(ServiceName, Vec<ServiceName>)> = services.take(50).collect();
    let all: Vec<ServiceName> = services.iter().map(|(name, _)| name.clone()).collect();
    let order = DependencyGraph::new(services).restart_order(&all);
    assert!(order.missing.is_empty() && order.start.iter().rev().eq(&order.stop));
}
