//! Certificate stores in the registry: the blob of one certificate, and where stores lie.
//! A blob keeps what it does not understand; keys are only named in it, never held.

mod element;
mod key_place;
mod key_provider;
mod places;
pub mod properties;

use crate::model::thumbprint::Thumbprint;

pub use element::{BLOB, certificate_key, element, essence, taken_back};
pub use key_place::{KeyPlace, ProviderFamily};
pub use key_provider::{KeyProvider, KeyProviderError};
pub use places::{Location, SERVICES, StoreName, StorePlace, StorePlaceError, USER_POLICY_STORES, USER_STORES};
use properties::{ARCHIVED, CERTIFICATE, FRIENDLY_NAME, KEY_IDENTIFIER, KEY_PROVIDER, SHA1_HASH};

const HEADER_BYTES: usize = 12;
/// The middle word of a property's header; no other is known.
const MIDDLE: u32 = 1;

/// The value `Blob` of a certificate's key: properties of which one is the certificate.
///
/// Shape: `{id u32, 1 u32, length u32, data}` repeated, little-endian, the certificate (id 32) last as Windows writes it.
/// Source: real stores; the ids are those of Microsoft, *CertGetCertificateContextProperty* and `wincrypt.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreBlob {
    before: Vec<Property>,
    certificate: Box<[u8]>,
    after: Vec<Property>,
}

/// One property of a certificate other than the certificate itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    pub id: u32,
    pub data: Box<[u8]>,
}

/// Why bytes are not the blob of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreBlobError {
    #[error("the property at byte {offset} is cut off: it takes {needed} bytes, {left} are left")]
    Short { offset: usize, needed: u64, left: usize },
    #[error("the property {id} at byte {offset} has the marker {found}, not 1")]
    Marker { offset: usize, id: u32, found: u32 },
    #[error("it holds no certificate")]
    NoCertificate,
    #[error("it holds a second certificate at byte {offset}")]
    SecondCertificate { offset: usize },
}

impl StoreBlob {
    /// Makes the blob of a certificate in DER with its caches: SHA-1 and, unless empty, the subject key identifier.
    pub fn new(der: &[u8], key_identifier: &[u8]) -> Self {
        // The MD5 (4) is left out: Windows computes what is missing of its caches when it is first asked for.
        let mut before = vec![Property { id: SHA1_HASH, data: Thumbprint::of(der).bytes().into() }];
        if !key_identifier.is_empty() {
            before.push(Property { id: KEY_IDENTIFIER, data: key_identifier.into() });
        }
        Self { before, certificate: der.into(), after: Vec::new() }
    }

    /// Reads a blob; order, repeats and unknown properties are kept.
    ///
    /// # Errors
    /// A property is cut off or has an unknown marker, or there is not exactly one certificate.
    pub fn parse(bytes: &[u8]) -> Result<Self, StoreBlobError> {
        let (mut before, mut after, mut certificate) = (Vec::new(), Vec::new(), None);
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = bytes.len() - rest.len();
            let Property { id, data } = take(&mut rest, offset)?;
            match (&certificate, id) {
                (None, CERTIFICATE) => certificate = Some(data),
                (Some(_), CERTIFICATE) => return Err(StoreBlobError::SecondCertificate { offset }),
                (None, _) => before.push(Property { id, data }),
                (Some(_), _) => after.push(Property { id, data }),
            }
        }
        let certificate = certificate.ok_or(StoreBlobError::NoCertificate)?;
        Ok(Self { before, certificate, after })
    }

    /// The bytes: those that were parsed, when nothing was changed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for Property { id, data } in &self.before {
            put(&mut out, *id, data);
        }
        put(&mut out, CERTIFICATE, &self.certificate);
        for Property { id, data } in &self.after {
            put(&mut out, *id, data);
        }
        out
    }

    /// The certificate in DER, as stored.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The SHA-1 of the certificate; the cached one is not looked at.
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(&self.certificate)
    }

    /// The properties in their order, without the certificate.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.before.iter().chain(&self.after)
    }

    /// The data of the first property with this id, other than the certificate.
    pub fn property(&self, id: u32) -> Option<&[u8]> {
        self.properties().find(|property| property.id == id).map(|property| &*property.data)
    }

    /// The name that Windows shows beside the certificate; an empty one is none.
    pub fn friendly_name(&self) -> Option<String> {
        let units: Vec<u16> =
            key_provider::units(self.property(FRIENDLY_NAME)?).take_while(|unit| *unit != 0).collect();
        (!units.is_empty()).then(|| String::from_utf16_lossy(&units))
    }

    /// The blob with another friendly name, up to its first NUL, or without one; all else stays.
    #[must_use]
    pub fn with_friendly_name(self, name: Option<&str>) -> Self {
        let name = name.and_then(|name| name.split('\0').next());
        self.with_property(FRIENDLY_NAME, name.map(key_provider::wide))
    }

    /// Where the private key lies, when the blob names one.
    pub fn key_provider(&self) -> Option<Result<KeyProvider, KeyProviderError>> {
        self.property(KEY_PROVIDER).map(KeyProvider::parse)
    }

    /// The blob with another place of the private key, or without one; all else stays.
    #[must_use]
    pub fn with_key_provider(self, provider: Option<&KeyProvider>) -> Self {
        self.with_property(KEY_PROVIDER, provider.map(KeyProvider::to_bytes))
    }

    /// The subject key identifier that is cached.
    pub fn key_identifier(&self) -> Option<&[u8]> {
        self.property(KEY_IDENTIFIER)
    }

    /// Whether the certificate is marked as archived: kept, but not offered any more.
    pub fn archived(&self) -> bool {
        self.property(ARCHIVED).is_some()
    }

    /// Whether it holds the same certificate and every property of another, each with equal data: a record of a key or a friendly name
    /// that says the same is equal. Windows adds what it computes.
    pub fn holds(&self, wanted: &Self) -> bool {
        self.certificate == wanted.certificate
            && wanted.properties().all(|property| match property.id {
                FRIENDLY_NAME => self.friendly_name() == wanted.friendly_name(),
                KEY_PROVIDER => match (self.key_provider(), wanted.key_provider()) {
                    (Some(Ok(found)), Some(Ok(wanted))) => found == wanted,
                    _ => self.property(KEY_PROVIDER) == wanted.property(KEY_PROVIDER),
                },
                id => self.property(id) == wanted.property(id),
            })
    }

    /// The blob with other data of a property, in its place; a new property goes before the certificate.
    ///
    /// The certificate itself cannot be changed this way: for its id nothing is done.
    #[must_use]
    pub fn with_property(mut self, id: u32, data: Option<Vec<u8>>) -> Self {
        if id == CERTIFICATE {
            return self;
        }
        let mut data = data.map(Vec::into_boxed_slice);
        for properties in [&mut self.before, &mut self.after] {
            properties.retain_mut(|property| {
                if property.id != id {
                    return true;
                }
                data.take().map(|data| property.data = data).is_some()
            });
        }
        if let Some(data) = data {
            self.before.push(Property { id, data });
        }
        self
    }
}

fn take(rest: &mut &[u8], offset: usize) -> Result<Property, StoreBlobError> {
    let short = |needed| StoreBlobError::Short { offset, needed, left: rest.len() };
    let (words, data) = rest.split_first_chunk::<HEADER_BYTES>().ok_or(short(12))?;
    let [id, marker, length] = std::array::from_fn(|index| word(words, index * 4));
    if marker != MIDDLE {
        return Err(StoreBlobError::Marker { offset, id, found: marker });
    }
    let split = usize::try_from(length).ok().and_then(|length| data.split_at_checked(length));
    let (data, next) = split.ok_or(short(12 + u64::from(length)))?;
    *rest = next;
    Ok(Property { id, data: data.into() })
}

/// The little-endian word at an offset; zero beyond the end.
fn word(bytes: &[u8], offset: usize) -> u32 {
    let found = bytes.get(offset..).and_then(<[u8]>::first_chunk);
    found.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn put(out: &mut Vec<u8>, id: u32, data: &[u8]) {
    // What comes from a registry value or goes into one is far below the limit.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    for word in [id, MIDDLE, length] {
        out.extend(word.to_le_bytes());
    }
    out.extend(data);
}

#[cfg(test)]
mod tests;
