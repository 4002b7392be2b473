//! Certificates and keys as files: the forms that are written, and whatever an authority sends.
//! Certificates are DER and private keys PKCS#8 in DER; nothing here looks into them further than their outline.

mod der;
pub mod pem;
pub mod pfx;
pub mod pkcs7;
mod read;
mod write;

use std::borrow::Cow;

pub use read::read_certificates;
pub use write::{Material, write};

crate::choice! {
    /// The form of a file that is made of a certificate or its key.
    pub enum FileForm {
        /// The certificate as PEM.
        CertificatePem = "certificate-pem",
        /// The certificate as DER.
        CertificateDer = "certificate-der",
        /// The certificates above it as PEM.
        ChainPem = "chain-pem",
        /// The certificate and those above it as PEM.
        FullchainPem = "fullchain-pem",
        /// The private key as PEM, without a password.
        KeyPem = "key-pem",
        /// Key, certificate and chain under a password, for Windows Server 2019 and later.
        Pfx = "pfx",
        /// Key, certificate and chain under a password, for Windows Server 2016 and older.
        PfxLegacy = "pfx-legacy",
        /// The certificate and those above it as PKCS#7.
        P7b = "p7b",
        /// The certificate request as PEM.
        Csr = "csr",
        /// The SHA-1 of the certificate in hex digits.
        Thumbprint = "thumbprint",
        /// The public key as PEM.
        PublicKey = "public-key",
    }
}

impl FileForm {
    pub const ALL: [Self; 11] = [
        Self::CertificatePem,
        Self::CertificateDer,
        Self::ChainPem,
        Self::FullchainPem,
        Self::KeyPem,
        Self::Pfx,
        Self::PfxLegacy,
        Self::P7b,
        Self::Csr,
        Self::Thumbprint,
        Self::PublicKey,
    ];

    /// The name that documents use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CertificatePem => "certificate-pem",
            Self::CertificateDer => "certificate-der",
            Self::ChainPem => "chain-pem",
            Self::FullchainPem => "fullchain-pem",
            Self::KeyPem => "key-pem",
            Self::Pfx => "pfx",
            Self::PfxLegacy => "pfx-legacy",
            Self::P7b => "p7b",
            Self::Csr => "csr",
            Self::Thumbprint => "thumbprint",
            Self::PublicKey => "public-key",
        }
    }

    /// The form of a name in a document.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// Whether the file holds a private key, so that only few may read it.
    pub const fn is_private(self) -> bool {
        matches!(self, Self::KeyPem | Self::Pfx | Self::PfxLegacy)
    }

    /// Whether the file cannot be written without a password.
    pub const fn needs_password(self) -> bool {
        matches!(self, Self::Pfx | Self::PfxLegacy)
    }
}

impl std::fmt::Display for FileForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for FileForm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("there is no form `{name}`")))
    }
}

/// Why a file cannot be read as certificates, or a form cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file is empty")]
    Empty,
    #[error("the file is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the file holds a private key, where certificates were expected")]
    PrivateKey,
    #[error("the file holds a certificate request, where certificates were expected")]
    Request,
    #[error("the file is a PFX, which needs a password")]
    Pfx,
    #[error("the file holds a `TRUSTED CERTIFICATE`, which only OpenSSL reads: write it as `CERTIFICATE`")]
    Trusted,
    #[error("the file holds {found}, where certificates were expected")]
    Other { found: Cow<'static, str> },
    #[error("the file holds no certificate")]
    NoCertificate,
    #[error("more bytes follow the certificate ({bytes})")]
    Trailing { bytes: usize },
    #[error("the file's PEM cannot be read")]
    Pem(#[source] pem::PemError),
    #[error("the file's PKCS#7 cannot be read")]
    Pkcs7(#[source] pkcs7::Pkcs7Error),
    #[error("the form `{form}` needs {what}")]
    Missing { form: FileForm, what: &'static str },
    #[error("the {what} given for the form `{form}` is none")]
    NotThat { form: FileForm, what: &'static str },
    #[error("the PFX cannot be made")]
    MakePfx(#[source] pfx::PfxError),
    #[error("the PKCS#7 cannot be made")]
    MakePkcs7(#[source] pkcs7::Pkcs7Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_have_names_and_keep_keys_apart() {
        for form in FileForm::ALL {
            assert_eq!(FileForm::from_name(form.name()), Some(form));
            assert_eq!(serde_json::to_value(form).unwrap(), form.name());
            assert!(form.is_private() || !form.needs_password());
        }
        assert_eq!(FileForm::from_name("pem"), None);
        let private = FileForm::ALL.into_iter().filter(|form| form.is_private());
        assert!(private.eq([FileForm::KeyPem, FileForm::Pfx, FileForm::PfxLegacy]));
    }
}
