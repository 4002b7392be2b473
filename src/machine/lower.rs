//! From steps about certificates to steps of the registry, and from edits to a file's bytes, for machines that hold no more. Pure.

use std::sync::Arc;

use super::{Machine, Step, WriteError};
use crate::formats::certificate_store::{BLOB, StorePlace, certificate_key, element};
use crate::formats::edit::{self, Selector};
use crate::model::edit::FileValue;
use crate::model::fact::{KeyAspects, Observed, Stored, Unread, ValueSelection};
use crate::model::operation::{Element, Expression, Operation};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{REG_BINARY, RegistryData};
use crate::model::thumbprint::Thumbprint;

/// The steps of the registry that a step comes to: itself, where it is one already.
///
/// # Errors
/// The store is not in the registry, or the certificate is not one.
pub fn lowered(operation: &Operation) -> Result<Vec<Operation>, WriteError> {
    let refused = |detail: &str| WriteError::refused(operation.to_string(), detail);
    let no_place = || refused("that store does not lie in the registry");
    match operation {
        Operation::PutCertificate { store, certificate, before, .. } => {
            let der = certificate.known().ok_or_else(|| refused("the certificate was not made"))?;
            let blob = element_after(operation)?;
            let folder = store.registry_key().ok_or_else(no_place)?;
            let key = certificate_key(&folder, &Thumbprint::of(&der.0)).ok_or_else(no_place)?;
            // The keys of a store that was never used are not there.
            let mut steps: Vec<Operation> = std::iter::successors(Some(key.clone()), RegistryKey::parent)
                .take_while(|key| key.depth() > 2)
                .map(|key| Operation::CreateRegistryKey { key })
                .collect();
            steps.reverse();
            let data = |bytes: Vec<u8>| RegistryData::new(REG_BINARY, bytes);
            steps.push(Operation::PutRegistryValue {
                key,
                name: BLOB.into(),
                before: before.as_ref().map(|before| Stored::Plain(data(before.0.to_vec()))),
                after: Expression::Registry(data(blob)),
            });
            Ok(steps)
        }
        Operation::RemoveCertificate { store, thumbprint, .. } => {
            let folder = store.registry_key().ok_or_else(no_place)?;
            let key = certificate_key(&folder, thumbprint).ok_or_else(no_place)?;
            let before = Box::new(crate::model::fact::KeyTree::default());
            Ok(vec![Operation::RemoveRegistryTree { key, before }])
        }
        other => Ok(vec![other.clone()]),
    }
}

/// The element that a step leaves in a store.
///
/// # Errors
/// The certificate was not made, or is none; or the step puts none.
pub fn element_after(operation: &Operation) -> Result<Vec<u8>, WriteError> {
    let refused = |detail: &str| WriteError::refused(operation.to_string(), detail);
    let Operation::PutCertificate { certificate, friendly_name, key, before, exact, .. } = operation else {
        return Err(refused("it puts no certificate"));
    };
    if let Some(exact) = exact {
        return Ok(exact.0.to_vec());
    }
    let der = certificate.known().ok_or_else(|| refused("the certificate was not made"))?;
    let key = key.as_ref().map(|key| key.record(&Thumbprint::of(&der.0)));
    let before = before.as_ref().map(|before| &*before.0);
    element(&der.0, friendly_name.as_deref(), key.as_deref(), before).map_err(|detail| refused(&detail))
}

/// A file's bytes with what an edit puts at its selector; refused when what stands there is not what the step found.
///
/// # Errors
/// Somebody else has changed it, or the file cannot be edited.
pub fn edited(step: &Step<'_>, selector: &Selector, bytes: &[u8]) -> Result<Vec<u8>, String> {
    if let Operation::EditFile { before, .. } = step.operation {
        let found = edit::read(bytes, selector).map_err(|error| error.to_string())?;
        let is_as_found = match before {
            // An element that was made for its attribute has no text yet.
            None => found.as_ref().is_none_or(|found| is_made_empty(selector, found)),
            Some(FileValue::Plain(value)) => edit::is_same(found.as_ref(), Some(value)),
            // A secret is not known here; that something stands there is.
            Some(_) => found.is_some(),
        };
        if !is_as_found {
            return Err("somebody else has changed it since".into());
        }
    }
    edit::write(bytes, selector, step.value.as_ref()).map_err(|error| error.to_string())
}

/// Whether what stands at a selector is the empty text of an element.
fn is_made_empty(selector: &Selector, found: &edit::Value) -> bool {
    let is_empty = matches!(found, edit::Value::Text(text) if text.is_empty());
    let is_element = || edit::segments(selector).last().is_some_and(|name| !name.starts_with('@'));
    is_empty && matches!(selector, Selector::Xml { .. }) && is_element()
}

/// The element of a certificate in a store; `None` when it is not there.
///
/// # Errors
/// The store does not lie in the registry, or cannot be read.
pub fn element_of(machine: &dyn Machine, store: &StorePlace, thumbprint: &Thumbprint) -> Observed<Option<Element>> {
    let failed = |detail: &str| Unread::Failed { what: store.to_string(), detail: detail.into() };
    let no_place = || failed("that store does not lie in the registry");
    let folder = store.registry_key().ok_or_else(no_place)?;
    let key = certificate_key(&folder, thumbprint).ok_or_else(no_place)?;
    let values = ValueSelection::Named(vec![BLOB.into()]);
    let answers = machine.registry()?.read(&[(key, KeyAspects { values, ..KeyAspects::default() })]);
    let state = answers.into_iter().next().ok_or_else(|| failed("it was not read"))??;
    let value = state.present().and_then(|fact| fact.value(BLOB)).and_then(|value| value.data.plain());
    Ok(value.map(|data| Element(Arc::from(&*data.bytes))))
}
