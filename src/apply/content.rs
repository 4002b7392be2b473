//! From what a plan says of a file's content to its bytes.

use zeroize::Zeroizing;

use super::chain;
use super::made::{Made, key_of};
use crate::formats::certificate_files::{self, FileForm, Material, pem};
use crate::formats::edit::{self, Selector, Value};
use crate::formats::x509::{Certificate, RevocationTemplate, Revoked, revocation_list};
use crate::machine::{FileRead, Machine, SecretSource};
use crate::model::certificate::{CertificateRef, FileContent, FormContent, KeyRef, RevocationContent};
use crate::model::edit::FileValue;
use crate::model::file::{Der, FilePath, MAX_FILE_BYTES};
use crate::model::registry_data::unhex;
use crate::model::secret::SecretReference;

/// Where bytes come from that a plan does not hold itself.
pub struct Sources<'s> {
    pub machine: &'s dyn Machine,
    pub secrets: &'s dyn SecretSource,
    pub made: &'s Made,
}

impl Sources<'_> {
    /// The bytes of a content.
    ///
    /// # Errors
    /// Why they cannot be had, without any of a secret.
    pub fn bytes(&self, content: &FileContent) -> Result<Zeroizing<Vec<u8>>, String> {
        match content {
            FileContent::Bytes(bytes) => Ok(Zeroizing::new(bytes.to_vec())),
            FileContent::Form(form) => self.form(form),
            FileContent::RevocationList(list) => self.revocation_list(list),
            FileContent::CopyOf { path, .. } => self.copy_of(path),
            FileContent::Secret { reference } => self.text(reference),
            FileContent::Retired { item, .. } => self.retired(item),
        }
    }

    /// The private key of a certificate as PKCS #8.
    ///
    /// # Errors
    /// It cannot be had, or is another certificate's.
    pub fn key_for(&self, certificate: &CertificateRef, key: &KeyRef) -> Result<Zeroizing<Vec<u8>>, String> {
        let certificate = Certificate::parse(&known(certificate)?.0).map_err(|error| chain(&error))?;
        let key = key_of(key, self.made, self.machine, self.secrets)?;
        if !certificate.matches_key(&key) {
            return Err("the key belongs to another certificate".into());
        }
        Ok(key.to_pkcs8())
    }

    fn text(&self, reference: &SecretReference) -> Result<Zeroizing<Vec<u8>>, String> {
        let text = self.secrets.resolve(reference).map_err(|detail| format!("{reference}: {detail}"))?;
        Ok(Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// What an edit puts at its selector.
    ///
    /// # Errors
    /// As [`Sources::bytes`].
    pub fn value(&self, after: &FileValue, selector: &Selector) -> Result<Option<Value>, String> {
        match after {
            FileValue::Plain(value) => Ok(Some(value.clone())),
            FileValue::Secret(reference) => {
                let text = self.secrets.resolve(reference).map_err(|detail| format!("{reference}: {detail}"))?;
                Ok(Some(Value::Text(text.as_str().into())))
            }
            FileValue::Sealed => Err("the secret that was there was not kept".into()),
            FileValue::Retired(item) => edit::read(&self.retired(item)?, selector).map_err(|error| error.to_string()),
        }
    }

    fn form(&self, content: &FormContent) -> Result<Zeroizing<Vec<u8>>, String> {
        let certificate = known(&content.certificate)?;
        let chain = content.chain.iter().map(known).collect::<Result<Vec<&Der>, String>>()?;
        let chain: Vec<&[u8]> = chain.iter().map(|der| &*der.0).collect();
        let key = match &content.key {
            Some(reference) if content.form.is_private() => {
                Some(key_of(reference, self.made, self.machine, self.secrets)?.to_pkcs8())
            }
            _ => None,
        };
        let password = content.password.as_ref().map(|reference| self.secrets.resolve(reference)).transpose()?;
        let is_request = content.form == FileForm::Csr;
        let material = Material {
            certificate: (!is_request).then_some(&*certificate.0),
            chain: &chain,
            key: key.as_deref().map(Vec::as_slice),
            request: is_request.then_some(&*certificate.0),
            password: password.as_ref().map(|password| password.as_str()),
            friendly_name: content.friendly_name.as_deref(),
        };
        certificate_files::write(content.form, &material).map_err(|error| error.to_string())
    }

    fn revocation_list(&self, content: &RevocationContent) -> Result<Zeroizing<Vec<u8>>, String> {
        let authority = Certificate::parse(&known(&content.certificate)?.0).map_err(|error| chain(&error))?;
        let key = key_of(&content.key, self.made, self.machine, self.secrets)?;
        let serial = |text: &str| unhex(text).ok_or_else(|| format!("{text} is no serial number"));
        let revoked = content.revoked.iter().map(|(number, at)| Ok(Revoked { serial: serial(number)?, at: *at }));
        let template = RevocationTemplate {
            number: content.number,
            this_update: content.this_update,
            next_update: content.next_update,
            revoked: revoked.collect::<Result<Vec<Revoked>, String>>()?,
            digest: content.digest,
        };
        let der = revocation_list(&template, &authority, &key).map_err(|error| chain(&error))?;
        let bytes = if content.pem { pem::encode("X509 CRL", &der).as_bytes().to_vec() } else { der };
        Ok(Zeroizing::new(bytes))
    }

    fn copy_of(&self, path: &FilePath) -> Result<Zeroizing<Vec<u8>>, String> {
        let files = self.machine.files().map_err(|unread| unread.to_string())?;
        match files.read(path, MAX_FILE_BYTES).map_err(|unread| unread.to_string())? {
            FileRead::Present { bytes, .. } => Ok(bytes),
            FileRead::Absent { .. } => Err(format!("{path} is not there any more")),
        }
    }

    fn retired(&self, item: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        let gone = || format!("what was retired as {item} is not there any more");
        let (run, number) = item.split_once('/').ok_or_else(gone)?;
        let run = run.parse().map_err(|_| gone())?;
        let number = number.parse().map_err(|_| gone())?;
        self.machine.retired(&run, number).map_err(|unread| unread.to_string())?.ok_or_else(gone)
    }
}

fn known(certificate: &CertificateRef) -> Result<&Der, String> {
    certificate.known().ok_or_else(|| format!("{certificate} was not made"))
}
