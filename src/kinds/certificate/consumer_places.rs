//! Where programs of Windows keep the thumbprint of the certificate that they use. Pure; decides nothing.
//!
//! Places, all (k): `WinStations\RDP-Tcp` `SSLCertificateSHA1Hash`; WinRM's HTTPS listener `certThumbprint`; SQL Server's
//! `SuperSocketNetLib` `Certificate`; http.sys `SslBindingInfo` `SslCertHash`, by the bindings of IIS' `applicationHost.config`.

use crate::model::fact::{Facts, KeyFact, KeyState, Unread};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{Reading, RegistryData, hex};
use crate::model::thumbprint::Thumbprint;

pub const RDP: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
pub const RDP_VALUE: &str = "SSLCertificateSHA1Hash";
pub const WINRM: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Listener";
pub const WINRM_VALUE: &str = "certThumbprint";
pub const SQL_VALUE: &str = "Certificate";
pub const HTTP: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters";
pub const HTTP_VALUE: &str = "SslCertHash";
pub const IIS: &str = r"%SystemRoot%\System32\inetsrv\config\applicationHost.config";

const SQL: &str = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server";
/// Bindings by address, and by the name that a client asks for.
const BINDINGS: [&str; 2] = ["SslBindingInfo", "SslSniBindingInfo"];

pub fn key(text: &str) -> Option<RegistryKey> {
    RegistryKey::parse(text).ok()
}

/// The keys below which http.sys has one for each binding.
pub fn bindings_keys() -> Vec<RegistryKey> {
    BINDINGS.iter().filter_map(|part| key(&format!("{HTTP}\\{part}"))).collect()
}

/// The key with the names of SQL Server's instances.
pub fn sql_names() -> Option<RegistryKey> {
    key(&format!("{SQL}\\Instance Names\\SQL"))
}

/// The identifiers of SQL Server's instances, such as `MSSQL16.MSSQLSERVER`.
pub fn sql_identifiers(facts: &Facts) -> Vec<String> {
    let names = sql_names().and_then(|names| present(&names, facts).ok().flatten());
    let texts = names.iter().flat_map(|fact| fact.values()).filter_map(|value| match value.data.plain()?.reading() {
        Reading::Text(id) => Some(id),
        _ => None,
    });
    texts.collect()
}

/// The key of an instance that keeps its certificate.
pub fn sql_instance(identifier: &str) -> Option<RegistryKey> {
    key(&format!("{SQL}\\{identifier}\\MSSQLServer\\SuperSocketNetLib"))
}

/// The key of each instance that keeps its certificate.
pub fn sql_instances(facts: &Facts) -> Vec<RegistryKey> {
    sql_identifiers(facts).iter().filter_map(|identifier| sql_instance(identifier)).collect()
}

/// What is known of a key; nothing when it is not there.
///
/// # Errors
/// It could not be read.
pub fn present<'f>(key: &RegistryKey, facts: &'f Facts) -> Result<Option<&'f KeyFact>, Unread> {
    match facts.key(key) {
        Some(Ok(KeyState::Present(fact))) => Ok(Some(fact)),
        Some(Err(unread)) => Err(unread.clone()),
        _ => Ok(None),
    }
}

/// The thumbprint that a value holds, as text or as bytes.
pub fn thumbprint_of(data: &RegistryData) -> Option<Thumbprint> {
    match data.reading() {
        Reading::Text(text) => Thumbprint::parse(&text).ok(),
        _ => Thumbprint::parse(&hex(&data.bytes)).ok(),
    }
}
