//! Reservations of URLs in a real SYSTEM hive: each is read, and prints back as it stands there.

use std::collections::BTreeMap;

use trueup::formats::http_sys::{BindingKind, Overlap, Reservation, UrlPrefix, UrlRights};
use trueup::formats::regf::Hive;
use trueup::model::registry_data::RegistryData;
use trueup::model::sid::Sid;

use super::image::fixture;

const PARAMETERS: [&str; 4] = ["ControlSet001", "Services", "HTTP", "Parameters"];

#[test]
fn every_reservation_is_read_and_printed_back() {
    let Some(bytes) = fixture("SYSTEM_WIN_10_1709") else { return };
    let hive = Hive::open_dirty(bytes).unwrap();
    let parameters = hive.key(&PARAMETERS).unwrap().unwrap();
    for kind in BindingKind::ALL {
        let list = parameters.subkey(kind.list()).unwrap().expect("the hive has the list");
        assert_eq!(list.subkey_count(), 0, "{kind:?}");
    }
    let mut found = BTreeMap::new();
    for value in parameters.subkey("UrlAclInfo").unwrap().unwrap().values() {
        let value = value.unwrap();
        let name = value.name().text.into_owned();
        let data = RegistryData::new(value.value_type(), value.data().unwrap());
        let reservation = Reservation::read(&name, &data).unwrap();
        assert_eq!(reservation.data().unwrap(), data, "{name}");
        assert_eq!(reservation.prefix.canonical(), name);
        let rights = reservation.rights_by_account();
        // One that we would make ourselves for the same accounts has the same bytes.
        if let [(account, granted)] = rights.as_slice()
            && *granted == UrlRights::LISTEN
        {
            let made = Reservation::new(reservation.prefix.clone(), *account, *granted);
            assert_eq!(made.data().unwrap(), data, "{name}");
        }
        assert!(!rights.is_empty(), "{name}");
        found.insert(name, (reservation.prefix.clone(), rights));
    }
    println!("{} reservations", found.len());
    assert_eq!(found.len(), 17);
    assert_eq!(found["http://+:80/Temporary_Listen_Addresses/"].1, [(Sid::EVERYONE, UrlRights::LISTEN)]);
    let winrm = Sid::from_account(r"NT SERVICE\WinRM").unwrap();
    assert_eq!(found["https://+:5986/wsman/"].1, [(winrm, UrlRights::LISTEN)]);
    let clashing = |text: &str| {
        let wanted = UrlPrefix::parse(text).unwrap();
        let met = found.values().map(|(prefix, _)| wanted.overlap(prefix)).filter(|overlap| *overlap != Overlap::None);
        met.collect::<Vec<_>>()
    };
    assert_eq!(clashing("https://+:5986/"), [Overlap::Yields]);
    assert_eq!(clashing("https://+:5986/WSMAN/"), [Overlap::Same]);
    assert_eq!(clashing("https://+:5443/sipass/"), []);
}
