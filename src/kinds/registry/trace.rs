//! The traces of a key and its values: what is wanted and what is there, as digests. Pure.

use super::wanted::{WantedData, WantedKey, WantedValue};
use crate::kinds::Kind as _;
use crate::model::digest;
use crate::model::fact::{KeyFact, ValueFact};
use crate::model::remembered::Trace;

/// Of a value: the same digest for what is wanted and what is there when the two are one.
pub fn of_value(value: &WantedValue, found: Option<&ValueFact>) -> Trace {
    let found_digest = digest::of_stored(found.map(|found| &found.data));
    let wanted = match (&value.expires, &value.data) {
        (None, WantedData::Data(data)) => match found.and_then(|found| found.data.plain()) {
            Some(there) if there == data => found_digest,
            _ => digest::of_data(data),
        },
        (None, data) => of_data(data),
        (Some(expiry), data) => digest::of(&[
            b"expires",
            &of_data(data).to_le_bytes(),
            &expiry.on.as_nanosecond().to_le_bytes(),
            &of_data(&expiry.then).to_le_bytes(),
        ]),
    };
    // What is spelt out by now is no secret any more, once it is written.
    let is_secret = value.alternatives().any(|data| matches!(data, WantedData::Secret { .. }));
    Trace { wanted, found: found_digest, secret: found.and_then(|found| found.fingerprint).filter(|_| is_secret) }
}

fn of_data(data: &WantedData) -> u64 {
    match data {
        WantedData::Absent => digest::ABSENT,
        WantedData::Data(data) => digest::of_data(data),
        WantedData::Secret { value_type, reference } => {
            digest::of(&[b"secret", &value_type.to_le_bytes(), format!("{reference:?}").as_bytes()])
        }
    }
}

/// Of a key: whether it is there, and its security where the entry speaks of that.
pub fn of_key(wanted: &WantedKey, found: Option<&KeyFact>) -> Trace {
    let found_digest = match found {
        None => digest::ABSENT,
        Some(fact) => digest::present(fact.security.as_deref().unwrap_or_default()),
    };
    let wanted_digest = match (&wanted.security, wanted.is_plain()) {
        (None, true) if wanted.ensure_present() => digest::present(&[]),
        _ if !wanted.ensure_present() => digest::ABSENT,
        _ => {
            let (_, statement) = wanted.statements().swap_remove(0);
            digest::of(&[b"statement", statement.as_bytes()])
        }
    };
    Trace { wanted: wanted_digest, found: found_digest, secret: None }
}
