//! Makes what a plan wants issued, before anything is touched: keys, certificates, requests. What was made is kept in the record
//! until the run ends, so that a run which stopped is finished with the same keys.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ApplyError;
use crate::formats::certificate_files::pfx;
use crate::formats::x509::{Certificate, KeyAlgorithm, PrivateKey, Signer, generate_many, issue, request};
use crate::machine::{FileRead, Machine, RunName, SecretSource};
use crate::model::certificate::{CertificateRef, Issue, IssueKey, IssuedBy, KeyRef};
use crate::model::fact::Unread;
use crate::model::file::{Der, FilePath, MAX_FILE_BYTES};
use crate::model::operation::Operation;
use crate::model::registry_data::{hex, unhex};
use crate::model::resource::ResourceId;
use crate::model::secret::SecretReference;
use crate::plan::Plan;

/// How many bytes of a serial number are drawn.
const SERIAL_BYTES: usize = 16;

/// What a run makes, by entry.
#[derive(Default)]
pub struct Made {
    items: HashMap<ResourceId, Item>,
}

struct Item {
    key: PrivateKey,
    der: Der,
}

/// The form in which it is kept.
#[derive(Serialize, Deserialize)]
struct Wire<'m> {
    entry: Cow<'m, ResourceId>,
    /// PKCS#8 in hex.
    key: Zeroizing<String>,
    der: Cow<'m, Der>,
}

impl Made {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The private key that was made, or used again, for an entry.
    pub fn key(&self, entry: &ResourceId) -> Option<&PrivateKey> {
        self.items.get(&entry.folded()).map(|item| &item.key)
    }

    /// The bytes to keep until the run ends.
    ///
    /// # Errors
    /// Never for what was made; serialisation reports it rather than panic.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        let mut items: Vec<_> = self.items.iter().collect();
        items.sort_unstable_by(|a, b| a.0.cmp(b.0));
        let wire: Vec<Wire<'_>> = items
            .into_iter()
            .map(|(entry, item)| Wire {
                entry: Cow::Borrowed(entry),
                key: Zeroizing::new(hex(&item.key.to_pkcs8())),
                der: Cow::Borrowed(&item.der),
            })
            .collect();
        serde_json::to_vec(&wire).map(Zeroizing::new)
    }

    /// What a run that stopped had made.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_run(machine: &dyn Machine, run: &RunName) -> Result<Self, ApplyError> {
        let Some(bytes) = machine.made(run).map_err(ApplyError::Record)? else { return Ok(Self::default()) };
        let damaged = || {
            ApplyError::Record(Unread::Failed { what: format!("what run {run} made"), detail: "it is damaged".into() })
        };
        let wire: Vec<Wire<'_>> = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let mut made = Self::default();
        for item in wire {
            let key = Zeroizing::new(unhex(&item.key).ok_or_else(damaged)?);
            let key = PrivateKey::from_pkcs8(&key).map_err(|_| damaged())?;
            made.items.insert(item.entry.into_owned(), Item { key, der: item.der.into_owned() });
        }
        Ok(made)
    }
}

/// Makes all that a plan wants issued. Gives the plan with what was made in place of what was to be made; the plan as it is when
/// there is nothing to make.
///
/// # Errors
/// A key cannot be read or made, or an authority cannot sign: nothing was touched.
pub fn make<'p>(
    plan: &'p Plan,
    machine: &dyn Machine,
    secrets: &dyn SecretSource,
) -> Result<(Cow<'p, Plan>, Made), ApplyError> {
    let issues: Vec<&Issue> = plan
        .operations()
        .filter_map(|operation| match operation {
            Operation::Issue(issue) => Some(&**issue),
            _ => None,
        })
        .collect();
    let mut made = Made::default();
    if issues.is_empty() {
        return Ok((Cow::Borrowed(plan), made));
    }
    // Keys take nearly all of the time, and none waits for another.
    let algorithms: Vec<KeyAlgorithm> = issues
        .iter()
        .filter_map(|issue| match &issue.key {
            IssueKey::New(algorithm) => Some(algorithm.clone()),
            IssueKey::Reuse(_) => None,
        })
        .collect();
    let mut new_keys = generate_many(&algorithms).into_iter();
    let mut authorities = Authorities::default();
    for issue in issues {
        let failed = |detail: String| ApplyError::Issue { entry: issue.entry.clone(), detail };
        let key = match &issue.key {
            IssueKey::New(_) => new_keys
                .next()
                .ok_or_else(|| failed("no key was made".into()))?
                .map_err(|error| failed(error.to_string()))?,
            IssueKey::Reuse(reference) => key_of(reference, &made, machine, secrets).map_err(failed)?,
        };
        let der = sign(issue, &key, &made, machine, secrets, &mut authorities).map_err(failed)?;
        made.items.insert(issue.entry.folded(), Item { key, der: der.into() });
    }
    let mut concrete = plan.clone();
    for decision in &mut concrete.decisions {
        decision.for_each_operation(&mut |operation| know(operation, &made));
    }
    Ok((Cow::Owned(concrete), made))
}

/// Puts what was made in place of what was to be made.
fn know(operation: &mut Operation, made: &Made) {
    if let Operation::Issue(issue) = operation {
        issue.made = made.items.get(&issue.entry.folded()).map(|item| item.der.clone());
    }
    operation.for_each_certificate(&mut |certificate| {
        if let CertificateRef::Made(entry) = certificate
            && let Some(item) = made.items.get(&entry.folded())
        {
            *certificate = CertificateRef::Known(item.der.clone());
        }
    });
}

/// The authorities' keys and certificates that were read, each once.
#[derive(Default)]
struct Authorities(HashMap<(CertificateRef, KeyRef), (Certificate, PrivateKey)>);

fn sign(
    issue: &Issue,
    key: &PrivateKey,
    made: &Made,
    machine: &dyn Machine,
    secrets: &dyn SecretSource,
    authorities: &mut Authorities,
) -> Result<Vec<u8>, String> {
    let text = |error: &dyn std::error::Error| super::chain(error);
    let mut serial = [0; SERIAL_BYTES];
    getrandom::fill(&mut serial).map_err(|error| error.to_string())?;
    match &issue.by {
        IssuedBy::Request => request(&issue.template, key).map_err(|error| text(&error)),
        IssuedBy::Itself => {
            self::issue(&issue.template, key.public_key(), serial, Signer::Itself(key)).map_err(|error| text(&error))
        }
        IssuedBy::Authority { certificate, key: by } => {
            let known = (certificate.clone(), by.clone());
            if !authorities.0.contains_key(&known) {
                let der = match certificate {
                    CertificateRef::Known(der) => der.clone(),
                    CertificateRef::Made(entry) => made
                        .items
                        .get(&entry.folded())
                        .map(|item| item.der.clone())
                        .ok_or_else(|| format!("{entry} was not made"))?,
                };
                let authority = Certificate::parse(&der.0).map_err(|error| text(&error))?;
                let key = key_of(by, made, machine, secrets)?;
                authorities.0.insert(known.clone(), (authority, key));
            }
            let (authority, by) = authorities.0.get(&known).ok_or("the authority was not read")?;
            let signer = Signer::Authority { certificate: authority, key: by };
            self::issue(&issue.template, key.public_key(), serial, signer).map_err(|error| text(&error))
        }
    }
}

/// Reads a private key from where it is said to be.
///
/// # Errors
/// It is not there, or is none; the text never holds any of it.
pub fn key_of(
    reference: &KeyRef,
    made: &Made,
    machine: &dyn Machine,
    secrets: &dyn SecretSource,
) -> Result<PrivateKey, String> {
    match reference {
        KeyRef::Made(entry) => {
            let key = made.key(entry).ok_or_else(|| format!("the key of {entry} was not made"))?;
            PrivateKey::from_pkcs8(&key.to_pkcs8()).map_err(|error| error.to_string())
        }
        KeyRef::File { path, password } => key_in_file(path, password.as_ref(), machine, secrets),
    }
}

fn key_in_file(
    path: &FilePath,
    password: Option<&SecretReference>,
    machine: &dyn Machine,
    secrets: &dyn SecretSource,
) -> Result<PrivateKey, String> {
    let files = machine.files().map_err(|unread| unread.to_string())?;
    let bytes = match files.read(path, MAX_FILE_BYTES).map_err(|unread| unread.to_string())? {
        FileRead::Present { bytes, .. } => bytes,
        FileRead::Absent { .. } => return Err(format!("there is no key at {path}")),
    };
    let wrong = |detail: String| format!("the key at {path} cannot be used: {detail}");
    let Some(reference) = password else {
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is not PEM".into()))?;
        return PrivateKey::from_pem(text).map_err(|error| wrong(error.to_string()));
    };
    let password = secrets.resolve(reference).map_err(|detail| wrong(format!("its password: {detail}")))?;
    let pfx = pfx::open(&bytes, &password).map_err(|error| wrong(error.to_string()))?;
    let key = pfx.key.ok_or_else(|| wrong("it holds no key".into()))?;
    PrivateKey::from_pkcs8(&key).map_err(|error| wrong(error.to_string()))
}
