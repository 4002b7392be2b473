//! A binding in the units of http.sys' own interface, which has a place for everything and knows no missing value.
//! Source: Microsoft, *HTTP_SERVICE_CONFIG_SSL_PARAM*.

use super::binding::{Binding, DEFAULT_STORE};
use super::endpoint::BindingKind;
use super::flags::{BindingFlags, CheckMode};
use crate::formats::guid::Guid;
use crate::model::registry_data::RegistryData;

/// What a binding says; what is not said has its default.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BindingParameters {
    /// Empty for a binding of the central store.
    pub certificate: Vec<u8>,
    pub app_id: Guid,
    /// None is [`DEFAULT_STORE`], and the central store's binding has none.
    pub store: Option<String>,
    pub flags: u32,
    pub check_mode: u32,
    pub freshness_seconds: u32,
    pub url_timeout_millis: u32,
    pub ctl_identifier: Option<String>,
    pub ctl_store: Option<String>,
}

/// Why the interface cannot be given a binding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    #[error("the interface has no place for the value {name}")]
    Unknown { name: String },
    #[error("a binding of an endpoint has a certificate, and this has none")]
    NoCertificate,
    #[error("a binding of the central store names no certificate, and this does")]
    Certificate,
}

impl BindingParameters {
    /// Puts a binding into the interface's terms; `found` is what lies there now, of which the interface keeps what it has no place for.
    ///
    /// # Errors
    /// The binding has a value that the interface does not know and that is not there already, or a certificate where there can be none.
    pub fn of(binding: &Binding, kind: BindingKind, found: Option<&Binding>) -> Result<Self, ParametersError> {
        let kept: &[(String, RegistryData)] = found.map_or(&[], |found| &found.others);
        if let Some((name, _)) = binding.others.iter().find(|other| !kept.contains(other)) {
            return Err(ParametersError::Unknown { name: name.clone() });
        }
        let certificate = binding.certificate.as_deref().unwrap_or_default().to_vec();
        let is_central = matches!(kind, BindingKind::CentralStore | BindingKind::CentralStoreOfName);
        match (certificate.is_empty(), is_central) {
            (true, false) => return Err(ParametersError::NoCertificate),
            (false, true) => return Err(ParametersError::Certificate),
            _ => {}
        }
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Self {
            certificate,
            app_id: binding.app_id.unwrap_or_default(),
            store: said(&binding.store).or_else(|| (!is_central).then(|| DEFAULT_STORE.to_owned())),
            flags: binding.flags.unwrap_or_default().bits(),
            check_mode: binding.check_mode.unwrap_or_default().bits(),
            freshness_seconds: binding.freshness_seconds.unwrap_or(0),
            url_timeout_millis: binding.url_timeout_millis.unwrap_or(0),
            ctl_identifier: said(&binding.ctl_identifier),
            ctl_store: said(&binding.ctl_store),
        })
    }

    /// What the interface tells, as a binding.
    pub fn binding(&self) -> Binding {
        Binding {
            certificate: (!self.certificate.is_empty()).then(|| self.certificate.clone().into()),
            app_id: Some(self.app_id),
            store: self.store.clone(),
            flags: Some(BindingFlags::from_bits_retain(self.flags)),
            check_mode: Some(CheckMode::from_bits_retain(self.check_mode)),
            freshness_seconds: Some(self.freshness_seconds),
            url_timeout_millis: Some(self.url_timeout_millis),
            ctl_identifier: self.ctl_identifier.clone(),
            ctl_store: self.ctl_store.clone(),
            others: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Binding {
        Binding {
            certificate: Some([7; 20].into()),
            app_id: Some("{4dc3e181-e14b-4a21-b022-59fc669b0914}".parse().unwrap()),
            store: Some("WebHosting".into()),
            flags: Some(BindingFlags::from_bits_retain(0x8000_0412)),
            check_mode: Some(CheckMode::NO_REVOCATION),
            freshness_seconds: Some(30),
            url_timeout_millis: Some(u32::MAX),
            ctl_identifier: Some("issuers".into()),
            ctl_store: Some("CA".into()),
            others: Vec::new(),
        }
    }

    #[test]
    fn every_field_comes_back() {
        for kind in [BindingKind::Address, BindingKind::Name] {
            let parameters = BindingParameters::of(&whole(), kind, None).unwrap();
            assert_eq!(parameters.binding(), whole());
            assert_eq!(BindingParameters::of(&parameters.binding(), kind, None).as_ref(), Ok(&parameters));
        }
        let bare = Binding { certificate: whole().certificate, ..Binding::default() };
        let parameters = BindingParameters::of(&bare, BindingKind::Address, None).unwrap();
        assert_eq!(parameters.store.as_deref(), Some(DEFAULT_STORE));
        assert_eq!(parameters.binding().differences(&bare), []);
        let central = Binding { certificate: None, store: None, ..whole() };
        for kind in [BindingKind::CentralStore, BindingKind::CentralStoreOfName] {
            let parameters = BindingParameters::of(&central, kind, None).unwrap();
            assert_eq!((parameters.store.as_deref(), parameters.binding().differences(&central)), (None, vec![]));
        }
    }

    #[test]
    fn what_cannot_be_said_says_why() {
        let later = Binding { others: vec![("Later".into(), RegistryData::dword(1))], ..whole() };
        let other = Binding { others: vec![("Later".into(), RegistryData::dword(2))], ..whole() };
        let nothing = Binding { certificate: None, ..whole() };
        for (binding, kind, found, message) in [
            (&later, BindingKind::Address, None, Some("the interface has no place for the value Later")),
            (&later, BindingKind::Address, Some(&other), Some("the interface has no place for the value Later")),
            (&later, BindingKind::Address, Some(&later), None),
            (&nothing, BindingKind::Name, None, Some("a binding of an endpoint has a certificate, and this has none")),
            (
                &whole(),
                BindingKind::CentralStore,
                None,
                Some("a binding of the central store names no certificate, and this does"),
            ),
        ] {
            let result = BindingParameters::of(binding, kind, found);
            assert_eq!(result.err().map(|error| error.to_string()).as_deref(), message);
        }
    }
}
