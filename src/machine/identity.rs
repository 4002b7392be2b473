//! Who a machine is, as its own registry tells.

use crate::machine::RegistryReader;
use crate::model::fact::{Identity, KeyAspects, KeyState, Observed, Unread, ValueSelection};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::Reading;

const COMPUTER_NAME: (&str, &str) =
    (r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName", "ComputerName");
const DOMAIN: (&str, &str) = (r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "Domain");
const PRODUCT_TYPE: (&str, &str) = (r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions", "ProductType");
const PRODUCT_NAME: (&str, &str) = (r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "ProductName");
const BUILD: (&str, &str) = (r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "CurrentBuildNumber");

/// Reads name, domain, system and role. What is not there stays unknown; an unreadable hive leaves its part unknown too,
/// for a document that does not ask about the machine must not fail because of it.
pub fn from_registry(registry: &dyn RegistryReader) -> Observed<Identity> {
    let text = |(key, name): (&str, &str)| -> Observed<Option<String>> {
        let key = RegistryKey::parse(key)
            .map_err(|error| Unread::Failed { what: "the machine's identity".into(), detail: error.to_string() })?;
        let aspects = KeyAspects { values: ValueSelection::Named(vec![name.into()]), ..KeyAspects::default() };
        match registry.read(&[(key, aspects)]).pop() {
            Some(Ok(KeyState::Present(fact))) => {
                Ok(fact.value(name).and_then(|value| match value.data.plain()?.reading() {
                    Reading::Text(text) if !text.is_empty() => Some(text),
                    _ => None,
                }))
            }
            Some(Err(_)) | Some(Ok(KeyState::Absent { .. })) | None => Ok(None),
        }
    };
    Ok(Identity {
        name: text(COMPUTER_NAME)?,
        domain: text(DOMAIN)?,
        os: text(PRODUCT_NAME)?,
        build: text(BUILD)?,
        domain_controller: text(PRODUCT_TYPE)?.map(|product| product == "LanmanNT"),
    })
}
