//! The record in a certificate's blob that says where its private key lies. Holds no key and looks for none.

use super::word;

/// Where the strings begin when the record is written: behind its fixed part.
const FIXED_BYTES: usize = 28;
const CONTAINER_OFFSET: usize = 0;
const PROVIDER_OFFSET: usize = 4;
const PROVIDER_TYPE: usize = 8;
const FLAGS: usize = 12;
const PARAMETERS: usize = 16;
const KEY_SPEC: usize = 24;

/// The container and the provider of a private key.
///
/// Shape: container offset u32, provider offset u32, provider type u32 (CNG: 0), flags u32, count and pointer of
/// parameters (zero), key spec u32; then the strings in UTF-16LE, each with a NUL.
/// Source: real stores; Microsoft, `CRYPT_KEY_PROV_INFO`, whose fields these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProvider {
    pub container: String,
    pub provider: String,
    /// The kind of an old provider; 0 for one of CNG.
    pub provider_type: u32,
    /// `0x20` for a key of the machine.
    pub flags: u32,
    /// 1 for key exchange, 2 for signing; 0 or `0xFFFFFFFF` for CNG.
    pub key_spec: u32,
}

/// Why a key provider record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProviderError {
    #[error("the key provider record has {found} bytes, fewer than {FIXED_BYTES}")]
    Short { found: usize },
    #[error("the key provider record holds parameters, which no store is known to have")]
    Parameters,
    #[error("the key provider record's {what} lies at byte {offset}, outside of it")]
    Outside { what: &'static str, offset: u32 },
    #[error("the key provider record's {what} does not end")]
    Unterminated { what: &'static str },
    #[error("the key provider record's {what} is not UTF-16")]
    NotText { what: &'static str },
}

impl KeyProvider {
    /// Reads the data of property 2.
    ///
    /// # Errors
    /// It is too short, has parameters, or a string is not in it.
    pub fn parse(data: &[u8]) -> Result<Self, KeyProviderError> {
        if data.len() < FIXED_BYTES {
            return Err(KeyProviderError::Short { found: data.len() });
        }
        if word(data, PARAMETERS) != 0 || word(data, PARAMETERS + 4) != 0 {
            return Err(KeyProviderError::Parameters);
        }
        Ok(Self {
            container: text(data, CONTAINER_OFFSET, "container")?,
            provider: text(data, PROVIDER_OFFSET, "provider")?,
            provider_type: word(data, PROVIDER_TYPE),
            flags: word(data, FLAGS),
            key_spec: word(data, KEY_SPEC),
        })
    }

    /// The data of property 2; strings go up to their first NUL.
    pub fn to_bytes(&self) -> Vec<u8> {
        let [container, provider] =
            [&self.container, &self.provider].map(|text| wide(text.split('\0').next().unwrap_or("")));
        let offset = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let words = [
            offset(FIXED_BYTES),
            offset(FIXED_BYTES + container.len()),
            self.provider_type,
            self.flags,
            0,
            0,
            self.key_spec,
        ];
        let mut out: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        out.extend(container);
        out.extend(provider);
        out
    }
}

/// The string whose offset stands at `field`; an offset of zero stands for none.
fn text(data: &[u8], field: usize, what: &'static str) -> Result<String, KeyProviderError> {
    let offset = word(data, field);
    if offset == 0 {
        return Ok(String::new());
    }
    let at = usize::try_from(offset).ok().filter(|at| (FIXED_BYTES..data.len()).contains(at));
    let found = at.and_then(|at| data.get(at..)).ok_or(KeyProviderError::Outside { what, offset })?;
    let end = units(found).position(|unit| unit == 0).ok_or(KeyProviderError::Unterminated { what })?;
    let found: Vec<u16> = units(found).take(end).collect();
    String::from_utf16(&found).map_err(|_| KeyProviderError::NotText { what })
}

/// Little-endian UTF-16 units; an odd byte at the end is left out.
pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit))
}

/// UTF-16LE with a NUL.
pub(super) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine_key() -> KeyProvider {
        KeyProvider {
            container: "te-Größe".into(),
            provider: "Microsoft Software Key Storage Provider".into(),
            provider_type: 0,
            flags: 0x20,
            key_spec: 0,
        }
    }

    #[test]
    fn a_record_is_laid_out_as_windows_does() {
        let bytes = machine_key().to_bytes();
        let mut expected = vec![28, 0, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0];
        expected.extend([0; 12]);
        expected.extend(wide("te-Größe"));
        expected.extend(wide("Microsoft Software Key Storage Provider"));
        assert_eq!(bytes, expected);
        assert_eq!(KeyProvider::parse(&bytes), Ok(machine_key()));
    }

    #[test]
    fn a_broken_record_says_why() {
        let sound = machine_key().to_bytes();
        let with = |at: usize, byte: u8| {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            KeyProvider::parse(&bytes).unwrap_err()
        };
        assert_eq!(KeyProvider::parse(&sound[..27]), Err(KeyProviderError::Short { found: 27 }));
        assert_eq!(with(16, 1), KeyProviderError::Parameters);
        assert_eq!(with(0, 8), KeyProviderError::Outside { what: "container", offset: 8 });
        assert_eq!(with(5, 9), KeyProviderError::Outside { what: "provider", offset: 0x92e });
        assert_eq!(with(29, 0xd8), KeyProviderError::NotText { what: "container" });
        assert_eq!(
            KeyProvider::parse(&sound[..sound.len() - 2]),
            Err(KeyProviderError::Unterminated { what: "provider" })
        );
        let mut none = sound;
        none[4] = 0;
        assert_eq!(KeyProvider::parse(&none).unwrap().provider, "");
    }
}
