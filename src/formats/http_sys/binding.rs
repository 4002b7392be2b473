//! The values of a TLS binding's key as typed fields, with the defaults of what is missing; unknown values are kept.
//! Source: Microsoft, *HTTP_SERVICE_CONFIG_SSL_PARAM*. `AppId` as text, too, is read, for the type of the value is (k).

use super::flags::{BindingFlags, CheckMode};
use crate::formats::guid::Guid;
use crate::formats::registry_values::{NamedValues, ValueError, ValueWrite};
use crate::formats::upcase;
use crate::model::registry_data::{REG_SZ, RegistryData, hex};

/// The store of a binding that names none.
pub const DEFAULT_STORE: &str = "MY";

const CERTIFICATE: &str = "SslCertHash";
const APP_ID: &str = "AppId";
const STORE: &str = "SslCertStoreName";
const FLAGS: &str = "DefaultFlags";
const CHECK_MODE: &str = "DefaultSslCertCheckMode";
const FRESHNESS: &str = "DefaultSslRevocationFreshnessTime";
const URL_TIMEOUT: &str = "DefaultSslRevocationUrlRetrievalTimeout";
const CTL: &str = "DefaultSslCtlIdentifier";
const CTL_STORE: &str = "DefaultSslCtlStoreName";

/// The fewest bytes of a certificate's hash: SHA-1.
const MIN_HASH: usize = 20;

/// The settings of a binding. What is `None` has no value, and counts as its default.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Binding {
    /// The hash of the certificate, of 20 bytes or more; a binding of the central store has none.
    pub certificate: Option<Box<[u8]>>,
    /// Who made the binding.
    pub app_id: Option<Guid>,
    /// The store of the local machine that holds the certificate; the default is [`DEFAULT_STORE`].
    pub store: Option<String>,
    pub flags: Option<BindingFlags>,
    pub check_mode: Option<CheckMode>,
    /// After how many seconds a revocation list is fetched anew; 0: when it expires.
    pub freshness_seconds: Option<u32>,
    /// How long a revocation list is waited for; 0 is the system's own limit.
    pub url_timeout_millis: Option<u32>,
    /// The list of issuers that clients' certificates may have.
    pub ctl_identifier: Option<String>,
    /// The store that holds the list.
    pub ctl_store: Option<String>,
    /// Values that have no field here.
    pub others: Vec<(String, RegistryData)>,
}

/// A field of a binding, for saying what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BindingField {
    Certificate,
    AppId,
    Store,
    Flags,
    CheckMode,
    Freshness,
    UrlTimeout,
    CtlIdentifier,
    CtlStore,
}

/// Why values are no binding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error("the certificate's hash has {length} bytes, fewer than {MIN_HASH}")]
    Hash { length: usize },
    #[error("the application's identifier {found} is no GUID")]
    AppId { found: String },
}

impl BindingField {
    pub const ALL: [Self; 9] = [
        Self::Certificate,
        Self::AppId,
        Self::Store,
        Self::Flags,
        Self::CheckMode,
        Self::Freshness,
        Self::UrlTimeout,
        Self::CtlIdentifier,
        Self::CtlStore,
    ];

    /// The name of the value that holds it.
    pub const fn value_name(self) -> &'static str {
        match self {
            Self::Certificate => CERTIFICATE,
            Self::AppId => APP_ID,
            Self::Store => STORE,
            Self::Flags => FLAGS,
            Self::CheckMode => CHECK_MODE,
            Self::Freshness => FRESHNESS,
            Self::UrlTimeout => URL_TIMEOUT,
            Self::CtlIdentifier => CTL,
            Self::CtlStore => CTL_STORE,
        }
    }
}

impl Binding {
    /// What counts where nothing is said, but for the certificate, which has no default.
    pub fn defaults() -> Self {
        Self {
            app_id: Some(Guid::default()),
            store: Some(DEFAULT_STORE.to_owned()),
            flags: Some(BindingFlags::empty()),
            check_mode: Some(CheckMode::empty()),
            freshness_seconds: Some(0),
            url_timeout_millis: Some(0),
            ctl_identifier: Some(String::new()),
            ctl_store: Some(String::new()),
            ..Self::default()
        }
    }

    /// Reads the values of a binding's key.
    ///
    /// # Errors
    /// A value is of another type than its name calls for, the hash is too short, or the identifier is no GUID.
    pub fn read(values: &NamedValues<'_>) -> Result<Self, BindingError> {
        let certificate = values.bytes(CERTIFICATE)?.filter(|hash| !hash.is_empty());
        if let Some(hash) = certificate.filter(|hash| hash.len() < MIN_HASH) {
            return Err(BindingError::Hash { length: hash.len() });
        }
        let known = |name: &str| BindingField::ALL.iter().any(|field| upcase::eq(field.value_name(), name));
        let others = values.iter().filter(|(name, _)| !known(name));
        Ok(Self {
            certificate: certificate.map(Into::into),
            app_id: app_id(values)?,
            store: values.text(STORE)?,
            flags: values.number(FLAGS)?.map(BindingFlags::from_bits_retain),
            check_mode: values.number(CHECK_MODE)?.map(CheckMode::from_bits_retain),
            freshness_seconds: values.number(FRESHNESS)?,
            url_timeout_millis: values.number(URL_TIMEOUT)?,
            ctl_identifier: values.text(CTL)?,
            ctl_store: values.text(CTL_STORE)?,
            others: others.map(|(name, data)| (name.to_owned(), data.clone())).collect(),
        })
    }

    /// Every value of the binding: those of its fields in the order of [`BindingField::ALL`], then the unknown ones.
    pub fn values(&self) -> Vec<(String, RegistryData)> {
        let fields = BindingField::ALL.into_iter();
        let fields = fields.filter_map(|field| Some((field.value_name().to_owned(), self.value(field)?)));
        fields.chain(self.others.iter().cloned()).collect()
    }

    /// The fields in which two bindings differ, defaults filled in and stores compared without case.
    ///
    /// Unknown values are not compared: what they mean is not known.
    pub fn differences(&self, other: &Self) -> Vec<BindingField> {
        BindingField::ALL.into_iter().filter(|field| !self.agrees(other, *field)).collect()
    }

    /// The values to write so that a binding becomes this one: only those of fields that differ.
    pub fn writes(&self, before: &Self) -> Vec<ValueWrite> {
        let fields = self.differences(before).into_iter();
        fields.map(|field| ValueWrite { name: field.value_name(), data: self.value(field) }).collect()
    }

    fn agrees(&self, other: &Self, field: BindingField) -> bool {
        let number = |one: Option<u32>, other: Option<u32>| one.unwrap_or(0) == other.unwrap_or(0);
        let text = |one: &Option<String>, other: &Option<String>, default: &str| {
            let or_default = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
            let [one, other] = [one, other].map(|text| or_default(text).unwrap_or_else(|| default.to_owned()));
            upcase::eq(&one, &other)
        };
        match field {
            BindingField::Certificate => self.certificate == other.certificate,
            BindingField::AppId => self.app_id.unwrap_or_default() == other.app_id.unwrap_or_default(),
            BindingField::Store => text(&self.store, &other.store, DEFAULT_STORE),
            BindingField::Flags => self.flags.unwrap_or_default() == other.flags.unwrap_or_default(),
            BindingField::CheckMode => self.check_mode.unwrap_or_default() == other.check_mode.unwrap_or_default(),
            BindingField::Freshness => number(self.freshness_seconds, other.freshness_seconds),
            BindingField::UrlTimeout => number(self.url_timeout_millis, other.url_timeout_millis),
            BindingField::CtlIdentifier => text(&self.ctl_identifier, &other.ctl_identifier, ""),
            BindingField::CtlStore => text(&self.ctl_store, &other.ctl_store, ""),
        }
    }

    /// The value that says a field.
    pub fn value(&self, field: BindingField) -> Option<RegistryData> {
        match field {
            BindingField::Certificate => self.certificate.clone().map(RegistryData::binary),
            BindingField::AppId => self.app_id.map(|id| RegistryData::binary(id.to_bytes())),
            BindingField::Store => self.store.as_deref().map(RegistryData::sz),
            BindingField::Flags => self.flags.map(|flags| RegistryData::dword(flags.bits())),
            BindingField::CheckMode => self.check_mode.map(|mode| RegistryData::dword(mode.bits())),
            BindingField::Freshness => self.freshness_seconds.map(RegistryData::dword),
            BindingField::UrlTimeout => self.url_timeout_millis.map(RegistryData::dword),
            BindingField::CtlIdentifier => self.ctl_identifier.as_deref().map(RegistryData::sz),
            BindingField::CtlStore => self.ctl_store.as_deref().map(RegistryData::sz),
        }
    }
}

fn app_id(values: &NamedValues<'_>) -> Result<Option<Guid>, BindingError> {
    if values.data(APP_ID).is_some_and(|data| data.value_type == REG_SZ) {
        let text = values.text(APP_ID)?.unwrap_or_default();
        return text.parse().map(Some).map_err(|_| BindingError::AppId { found: format!("`{text}`") });
    }
    let Some(bytes) = values.bytes(APP_ID)? else { return Ok(None) };
    let memory = bytes.try_into().map_err(|_| BindingError::AppId { found: hex(bytes) })?;
    Ok(Some(Guid::from_bytes(memory)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Binding {
        Binding {
            certificate: Some([7; 20].into()),
            app_id: Some("{4dc3e181-e14b-4a21-b022-59fc669b0914}".parse().unwrap()),
            store: Some("My".into()),
            flags: Some(BindingFlags::empty()),
            check_mode: Some(CheckMode::empty()),
            freshness_seconds: Some(0),
            url_timeout_millis: Some(0),
            ..Binding::default()
        }
    }

    fn read(values: &[(String, RegistryData)]) -> Result<Binding, BindingError> {
        Binding::read(&NamedValues::of(values))
    }

    #[test]
    fn values_and_fields() {
        let values = [
            ("sslcerthash", RegistryData::binary([7; 20])),
            ("AppId", RegistryData::binary(*b"\x81\xe1\xc3\x4d\x4b\xe1\x21\x4a\xb0\x22\x59\xfc\x66\x9b\x09\x14")),
            ("SslCertStoreName", RegistryData::sz("My")),
            ("DefaultFlags", RegistryData::dword(0)),
            ("DefaultSslCertCheckMode", RegistryData::dword(0)),
            ("DefaultSslRevocationFreshnessTime", RegistryData::dword(0)),
            ("DefaultSslRevocationUrlRetrievalTimeout", RegistryData::dword(0)),
        ]
        .map(|(name, data)| (name.to_owned(), data));
        let binding = read(&values).unwrap();
        assert_eq!(binding, sample());
        let written: Vec<_> = binding.values().into_iter().map(|(_, data)| data).collect();
        assert_eq!(written, values.map(|(_, data)| data));
        let text = [("AppId".to_owned(), RegistryData::sz("{4DC3E181-E14B-4A21-B022-59FC669B0914}"))];
        assert_eq!(read(&text).unwrap().app_id, sample().app_id);
        assert_eq!(read(&[]), Ok(Binding::default()));
        let unknown = [
            ("Later".to_owned(), RegistryData::qword(1)),
            ("DefaultFlags".to_owned(), RegistryData::dword(0x8000_0002)),
        ];
        let binding = read(&unknown).unwrap();
        assert_eq!(binding.others, unknown[..1]);
        assert!(binding.flags.unwrap().contains(BindingFlags::NEGOTIATE_CLIENT_CERTIFICATE));
        assert_eq!(binding.values(), [unknown[1].clone(), unknown[0].clone()]);
    }

    #[test]
    fn what_is_missing_counts_as_its_default() {
        let bare = Binding { certificate: sample().certificate, app_id: sample().app_id, ..Binding::default() };
        assert_eq!(sample().differences(&bare), []);
        assert_eq!(Binding { ctl_store: Some(String::new()), ..bare.clone() }.differences(&bare), []);
        assert_eq!(sample().writes(&bare), []);
        let wanted = Binding {
            certificate: Some([8; 32].into()),
            store: Some("WebHosting".into()),
            flags: Some(BindingFlags::NEGOTIATE_CLIENT_CERTIFICATE),
            ctl_store: Some("ClientAuthIssuer".into()),
            ..bare.clone()
        };
        use BindingField::{Certificate, CtlStore, Flags, Store};
        assert_eq!(wanted.differences(&sample()), [Certificate, Store, Flags, CtlStore]);
        let writes = wanted.writes(&sample());
        let names: Vec<_> = writes.iter().map(|write| write.name).collect();
        assert_eq!(names, ["SslCertHash", "SslCertStoreName", "DefaultFlags", "DefaultSslCtlStoreName"]);
        assert_eq!(writes[2].data, Some(RegistryData::dword(2)));
        assert_eq!(bare.writes(&wanted)[3], ValueWrite::remove("DefaultSslCtlStoreName"));
    }

    #[test]
    fn what_is_no_binding_says_why() {
        for (name, data, message) in [
            ("SslCertHash", RegistryData::binary([7; 19]), "the certificate's hash has 19 bytes, fewer than 20"),
            ("SslCertHash", RegistryData::sz("a"), "the value SslCertHash is REG_SZ, not binary"),
            (
                "AppId",
                RegistryData::binary([1; 15]),
                "the application's identifier 010101010101010101010101010101 is no GUID",
            ),
            ("AppId", RegistryData::sz("{x}"), "the application's identifier `{x}` is no GUID"),
            ("DefaultFlags", RegistryData::sz("0"), "the value DefaultFlags is REG_SZ, not a DWORD"),
            ("SslCertStoreName", RegistryData::dword(0), "the value SslCertStoreName is REG_DWORD, not text"),
        ] {
            assert_eq!(read(&[(name.to_owned(), data)]).unwrap_err().to_string(), message);
        }
        assert_eq!(read(&[("SslCertHash".into(), RegistryData::binary([]))]).unwrap().certificate, None);
    }

    fn any_binding() -> impl Strategy<Value = Binding> {
        let text = || prop::option::of("[a-zA-Z{}]{0,8}");
        let numbers = (any::<Option<u32>>(), any::<Option<u32>>(), any::<Option<u32>>(), any::<Option<u32>>());
        let hash = prop::option::of(prop::collection::vec(any::<u8>(), 20..65));
        let others = prop::collection::vec(("x[a-z]{1,5}", any::<u32>().prop_map(RegistryData::dword)), 0..3);
        (hash, any::<Option<[u8; 16]>>(), text(), text(), text(), numbers, others).prop_map(
            |(
                hash,
                id,
                store,
                ctl_identifier,
                ctl_store,
                (flags, mode, freshness_seconds, url_timeout_millis),
                others,
            )| Binding {
                certificate: hash.map(Into::into),
                app_id: id.map(Guid::from_bytes),
                store,
                flags: flags.map(BindingFlags::from_bits_retain),
                check_mode: mode.map(CheckMode::from_bits_retain),
                freshness_seconds,
                url_timeout_millis,
                ctl_identifier,
                ctl_store,
                others,
            },
        )
    }

    proptest! {
        #[test]
        fn values_read_back(binding in any_binding()) {
            prop_assert_eq!(read(&binding.values()), Ok(binding));
        }

        #[test]
        fn writing_the_differences_leaves_none(before in any_binding(), wanted in any_binding()) {
            let mut values = before.values();
            for write in wanted.writes(&before) {
                values.retain(|(name, _)| name != write.name);
                values.extend(write.data.map(|data| (write.name.to_owned(), data)));
            }
            let after = read(&values).unwrap();
            prop_assert_eq!(after.differences(&wanted), []);
            prop_assert_eq!(after.others, before.others);
        }
    }
}
