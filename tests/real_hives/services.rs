//! The services of real SYSTEM hives: each key is read, and each value of failure actions prints back as it stands there.

use std::collections::BTreeMap;

use trueup::formats::regf::{Error, Hive, Key, Value};
use trueup::formats::registry_values::NamedValues;
use trueup::formats::service::{
    DependencyGraph, FailureActions, ServiceAccount, ServiceSettings, ServiceType, StartType,
};
use trueup::model::registry_data::RegistryData;

use super::image::fixture;

#[derive(Default)]
struct Found {
    settings: BTreeMap<String, ServiceSettings>,
    /// How many values of failure actions were printed back.
    actions: usize,
    /// Keys that a damaged hive does not give.
    unreadable: usize,
}

fn services(bytes: &[u8]) -> Found {
    let hive = Hive::open_dirty(bytes).unwrap();
    let mut found = Found::default();
    for control_set in hive.root().unwrap().subkeys() {
        let Ok(control_set) = control_set else { continue };
        let name = control_set.name().text.into_owned();
        if !name.starts_with("ControlSet") {
            continue;
        }
        let Ok(Some(services)) = control_set.subkey("Services") else { continue };
        for service in services.subkeys() {
            let Ok((path, values, subkeys)) = service.and_then(|key| content(&name, &key)) else {
                found.unreadable += 1;
                continue;
            };
            let values = NamedValues::of(&values);
            let settings = ServiceSettings::read(&values, subkeys.iter().map(String::as_str))
                .unwrap_or_else(|error| panic!("{path}: {error}"));
            if let Some(stored) = values.data("FailureActions") {
                assert_eq!(FailureActions::parse(&stored.bytes).unwrap().to_bytes(), *stored.bytes, "{path}");
                found.actions += 1;
            }
            found.settings.insert(path, settings);
        }
    }
    found
}

type Content = (String, Vec<(String, RegistryData)>, Vec<String>);

fn content(control_set: &str, service: &Key<'_>) -> Result<Content, Error> {
    let read =
        |value: Value<'_>| Ok((value.name().text.into_owned(), RegistryData::new(value.value_type(), value.data()?)));
    let values = service.values().map(|value| read(value?)).collect::<Result<_, Error>>()?;
    let subkeys = service.subkeys().map(|key| Ok(key?.name().text.into_owned())).collect::<Result<_, Error>>()?;
    Ok((format!(r"{control_set}\{}", service.name().text), values, subkeys))
}

#[test]
fn every_service_is_read() {
    let Some(bytes) = fixture("SYSTEM_WIN_10_1709") else { return };
    let found = services(&bytes);
    let count = |test: &dyn Fn(&ServiceSettings) -> bool| found.settings.values().filter(|each| test(each)).count();
    println!("{} keys, {} values of failure actions", found.settings.len(), found.actions);
    assert_eq!((found.settings.len(), found.actions, found.unreadable), (737, 227, 0));
    assert_eq!(count(&|each| each.start.is_some()), 682);
    assert_eq!(count(&|each| each.start == Some(StartType::Disabled)), 15);
    assert_eq!(count(&|each| each.start == Some(StartType::Delayed)), 12);
    assert_eq!(count(&|each| each.triggered), 100);
    assert_eq!(count(&|each| each.acts_on_errors), 7);
    assert_eq!(count(&|each| each.service_type.is_some_and(ServiceType::is_driver)), 392);
    assert_eq!(count(&|each| each.account == Some(ServiceAccount::LocalService)), 71);
    assert_eq!(count(&|each| each.account.as_ref().is_some_and(ServiceAccount::needs_password)), 0);
    let spectrum = &found.settings[r"ControlSet001\spectrum"];
    assert!(spectrum.failure_command.as_ref().is_some_and(|command| command.ends_with("-safemode")));
    let cdfs = &found.settings[r"ControlSet001\cdfs"];
    assert_eq!(cdfs.dependencies.to_list(), ["+SCSI CDROM Class"]);
}

#[test]
fn the_dependants_of_a_real_service() {
    let Some(bytes) = fixture("SYSTEM_WIN_10_1709") else { return };
    let found = services(&bytes);
    let needs = found.settings.iter().map(|(path, settings)| {
        let name = path.split_once('\\').unwrap().1;
        (name.parse().unwrap(), settings.dependencies.services.clone())
    });
    let graph = DependencyGraph::new(needs);
    let order = graph.restart_order(&["HTTP".parse().unwrap()]);
    let place = |name: &str| {
        let name = name.parse().unwrap();
        order.stop.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{name} is not in the order"))
    };
    println!("HTTP: {:?}", order.stop);
    assert!(place("WinRM") < place("HTTP") && place("Spooler") < place("HTTP") && place("Fax") < place("Spooler"));
    assert_eq!(order.stop.len(), place("HTTP") + 1);
    let all = graph.restart_order(&["RpcSs".parse().unwrap(), "Tcpip".parse().unwrap()]);
    assert!(all.stop.len() > 150 && all.missing.is_empty(), "{}", all.stop.len());
}

#[test]
fn services_of_a_damaged_hive_are_read_as_far_as_it_goes() {
    let Some(bytes) = fixture("corrupted_system_hive") else { return };
    let found = services(&bytes);
    println!(
        "{} keys, {} values of failure actions, {} unreadable",
        found.settings.len(),
        found.actions,
        found.unreadable
    );
    assert_eq!((found.settings.len(), found.actions, found.unreadable), (186, 10, 72));
}
