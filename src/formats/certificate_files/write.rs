//! Writes each form of a file from a certificate, its chain and its key. Only puts together: nothing is issued or signed.

use zeroize::Zeroizing;

use super::der::{Shape, public_key, shape_of};
use super::pfx::{PfxParts, PfxStrength};
use super::{FileError, FileForm, pem, pfx, pkcs7};
use crate::model::thumbprint::Thumbprint;

/// What files are written from; what a form does not need may be absent.
#[derive(Clone, Copy, Default)]
pub struct Material<'a> {
    /// In DER.
    pub certificate: Option<&'a [u8]>,
    /// The certificates above it in DER, the nearest first.
    pub chain: &'a [&'a [u8]],
    /// The private key as PKCS#8 in DER.
    pub key: Option<&'a [u8]>,
    /// The certificate request in DER.
    pub request: Option<&'a [u8]>,
    /// Goes into a PFX.
    pub friendly_name: Option<&'a str>,
    pub password: Option<&'a str>,
}

/// Writes a form; the bytes are wiped when dropped. Texts end their lines with LF.
///
/// # Errors
/// Something that the form needs is absent or not what it should be.
pub fn write(form: FileForm, material: &Material<'_>) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let need = Need { form, material };
    match form {
        FileForm::CertificatePem => Ok(certificates_pem(&[need.certificate()?])),
        FileForm::CertificateDer => Ok(Zeroizing::new(need.certificate()?.to_vec())),
        FileForm::ChainPem if material.chain.is_empty() => need.missing("a chain"),
        FileForm::ChainPem => Ok(certificates_pem(need.chain()?)),
        FileForm::FullchainPem => {
            let all: Vec<&[u8]> = std::iter::once(need.certificate()?).chain(need.chain()?.iter().copied()).collect();
            Ok(certificates_pem(&all))
        }
        FileForm::KeyPem => Ok(text(pem::encode("PRIVATE KEY", need.key()?))),
        FileForm::Pfx => need.pfx(PfxStrength::Modern),
        FileForm::PfxLegacy => need.pfx(PfxStrength::Legacy),
        FileForm::P7b => {
            let all: Vec<&[u8]> = std::iter::once(need.certificate()?).chain(need.chain()?.iter().copied()).collect();
            pkcs7::build(&all).map(Zeroizing::new).map_err(FileError::MakePkcs7)
        }
        FileForm::Csr => Ok(text(pem::encode("CERTIFICATE REQUEST", need.request()?))),
        FileForm::Thumbprint => Ok(text(format!("{}\n", Thumbprint::of(need.certificate()?)).into())),
        FileForm::PublicKey => {
            let from = if material.request.is_some() && material.certificate.is_none() {
                need.request()?
            } else {
                need.certificate()?
            };
            let Some(key) = public_key(from) else { return need.not_that("certificate") };
            Ok(text(pem::encode("PUBLIC KEY", key)))
        }
    }
}

fn certificates_pem(certificates: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let blocks = certificates.iter().flat_map(|der| pem::encode("CERTIFICATE", der).as_bytes().to_vec());
    Zeroizing::new(blocks.collect())
}

/// The bytes of a text, without a copy.
fn text(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

/// The parts of a material, or the error that says which one a form misses.
struct Need<'a> {
    form: FileForm,
    material: &'a Material<'a>,
}

impl<'a> Need<'a> {
    fn missing<T>(&self, what: &'static str) -> Result<T, FileError> {
        Err(FileError::Missing { form: self.form, what })
    }

    fn not_that<T>(&self, what: &'static str) -> Result<T, FileError> {
        Err(FileError::NotThat { form: self.form, what })
    }

    fn certificate(&self) -> Result<&'a [u8], FileError> {
        match self.material.certificate {
            Some(der) if shape_of(der) == Shape::Certificate => Ok(der),
            Some(_) => self.not_that("certificate"),
            None => self.missing("a certificate"),
        }
    }

    fn chain(&self) -> Result<&'a [&'a [u8]], FileError> {
        let is_sound = self.material.chain.iter().all(|der| shape_of(der) == Shape::Certificate);
        if is_sound { Ok(self.material.chain) } else { self.not_that("chain") }
    }

    fn key(&self) -> Result<&'a [u8], FileError> {
        match self.material.key {
            Some(der) if shape_of(der) == Shape::PrivateKey => Ok(der),
            Some(_) => self.not_that("private key"),
            None => self.missing("a private key"),
        }
    }

    fn request(&self) -> Result<&'a [u8], FileError> {
        match self.material.request {
            Some(der) if shape_of(der) == Shape::Request => Ok(der),
            Some(_) => self.not_that("certificate request"),
            None => self.missing("a certificate request"),
        }
    }

    fn pfx(&self, strength: PfxStrength) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let parts = PfxParts {
            key: self.key()?,
            certificate: self.certificate()?,
            chain: self.chain()?,
            friendly_name: self.material.friendly_name,
        };
        let Some(password) = self.material.password else { return self.missing("a password") };
        pfx::build(&parts, password, strength).map_err(FileError::MakePfx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_says_what_it_misses() {
        let told = FileForm::ALL.map(|form| write(form, &Material::default()).unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r"
        the form `certificate-pem` needs a certificate
        the form `certificate-der` needs a certificate
        the form `chain-pem` needs a chain
        the form `fullchain-pem` needs a certificate
        the form `key-pem` needs a private key
        the form `pfx` needs a private key
        the form `pfx-legacy` needs a private key
        the form `p7b` needs a certificate
        the form `csr` needs a certificate request
        the form `thumbprint` needs a certificate
        the form `public-key` needs a certificate
        ");
    }

    #[test]
    fn what_is_given_must_be_that() {
        let broken = Material {
            certificate: Some(&[0x30, 0]),
            chain: &[&[0x30, 0]],
            key: Some(&[0x30, 0]),
            request: Some(&[0x30, 0]),
            friendly_name: None,
            password: Some(""),
        };
        let told = FileForm::ALL.map(|form| write(form, &broken).unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r"
        the certificate given for the form `certificate-pem` is none
        the certificate given for the form `certificate-der` is none
        the chain given for the form `chain-pem` is none
        the certificate given for the form `fullchain-pem` is none
        the private key given for the form `key-pem` is none
        the private key given for the form `pfx` is none
        the private key given for the form `pfx-legacy` is none
        the certificate given for the form `p7b` is none
        the certificate request given for the form `csr` is none
        the certificate given for the form `thumbprint` is none
        the certificate given for the form `public-key` is none
        ");
    }
}
