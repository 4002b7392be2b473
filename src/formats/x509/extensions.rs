//! The extensions of certificates, requests and revocation lists, as they are written (RFC 5280 sections 4.2 and 5.2).

use der::asn1::{BitString, ObjectIdentifier, OctetString, Uint};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints};

use super::{AlternativeName, KeyUsage, Template};

pub(super) const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
pub(super) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(super) const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(super) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub(super) const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
pub(super) const CRL_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
pub(super) const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
pub(super) const EXTENDED_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// What follows from a template alone, in certificates and requests alike.
///
/// A certificate that is no authority's says so by having no basic constraints.
pub(super) fn of_template(template: &Template) -> der::Result<Vec<Extension>> {
    let mut extensions = Vec::new();
    if let Some(authority) = template.authority {
        let constraints = BasicConstraints { ca: true, path_len_constraint: authority.path_length };
        extensions.push(critical(BASIC_CONSTRAINTS, &constraints)?);
    }
    if !template.key_usage.is_empty() {
        extensions.push(critical(KEY_USAGE, &key_usage_bits(template.key_usage)?)?);
    }
    if !template.extended.is_empty() {
        let usages: Vec<_> = template.extended.iter().map(super::ExtendedUsage::identifier).collect();
        extensions.push(plain(EXTENDED_USAGE, &usages)?);
    }
    if !template.names.is_empty() {
        let names = template.names.iter().map(AlternativeName::to_general_name);
        let names = names.collect::<der::Result<Vec<_>>>()?;
        let extension = if template.subject.is_empty() { critical } else { plain };
        extensions.push(extension(ALTERNATIVE_NAMES, &names)?);
    }
    Ok(extensions)
}

/// Where revocation lists are fetched.
pub(super) fn crl_points(urls: &[String]) -> der::Result<Option<Extension>> {
    if urls.is_empty() {
        return Ok(None);
    }
    let points = urls.iter().map(|url| {
        let uri = GeneralName::UniformResourceIdentifier(der::asn1::Ia5String::new(url)?);
        let name = DistributionPointName::FullName(vec![uri]);
        Ok(DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None })
    });
    plain(CRL_POINTS, &points.collect::<der::Result<Vec<_>>>()?).map(Some)
}

pub(super) fn subject_key_id(identifier: &[u8]) -> der::Result<Extension> {
    plain(SUBJECT_KEY_ID, &OctetString::new(identifier)?)
}

pub(super) fn authority_key_id(identifier: &[u8]) -> der::Result<Extension> {
    let value = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(identifier)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    plain(AUTHORITY_KEY_ID, &value)
}

pub(super) fn crl_number(number: u64) -> der::Result<Extension> {
    plain(CRL_NUMBER, &Uint::new(&number.to_be_bytes())?)
}

/// A bit string whose last bit is set, as DER wants of named bits; bit 0 is the highest of the first byte.
fn key_usage_bits(usage: KeyUsage) -> der::Result<BitString> {
    let [low, high] = usage.bits().to_le_bytes();
    let (first, second) = (low.reverse_bits(), high.reverse_bits());
    let bytes = if second == 0 { vec![first] } else { vec![first, second] };
    let last = if second == 0 { first } else { second };
    BitString::new(u8::try_from(last.trailing_zeros().min(7)).unwrap_or(0), bytes)
}

fn critical(extn_id: ObjectIdentifier, value: &dyn Encoded) -> der::Result<Extension> {
    Ok(Extension { extn_id, critical: true, extn_value: OctetString::new(value.der()?)? })
}

fn plain(extn_id: ObjectIdentifier, value: &dyn Encoded) -> der::Result<Extension> {
    Ok(Extension { extn_id, critical: false, extn_value: OctetString::new(value.der()?)? })
}

/// What can be written as DER, whatever its type.
trait Encoded {
    fn der(&self) -> der::Result<Vec<u8>>;
}

impl<T: der::Encode> Encoded for T {
    fn der(&self) -> der::Result<Vec<u8>> {
        self.to_der()
    }
}
