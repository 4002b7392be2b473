//! DER as elements: enough to tell what a file holds, to take parts out byte for byte, and to put elements together.
//! Checks no more of a certificate than its outline.
//!
//! Source of the outlines: RFC 5280 §4.1 and §5.1, RFC 2986 §4, RFC 5958, RFC 8017 A.1.2, RFC 5915, RFC 5652 §3, RFC 7292 §4.

use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _, Header, Reader as _, SliceReader};
use zeroize::Zeroizing;

pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const NULL: u8 = 0x05;
pub const OID: u8 = 0x06;
pub const BMP_STRING: u8 = 0x1E;
/// `[0]` around other elements.
pub const CONTEXT_0: u8 = 0xA0;
/// `[0]` in place of a string's own tag.
pub const CONTEXT_0_PRIMITIVE: u8 = 0x80;

pub const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
pub const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");

/// One element: its identifier octet, what it holds, and the whole of it.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    pub tag: u8,
    pub value: &'a [u8],
    pub whole: &'a [u8],
}

/// The elements that follow each other; `None` when the bytes are not DER.
pub fn elements(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        let whole = reader.tlv_bytes().ok()?;
        found.push(element(whole)?);
    }
    Some(found)
}

/// The first element and how many bytes follow it.
pub fn first(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let whole = SliceReader::new(bytes).ok()?.tlv_bytes().ok()?;
    Some((element(whole)?, bytes.len() - whole.len()))
}

fn element(whole: &[u8]) -> Option<Element<'_>> {
    let mut reader = SliceReader::new(whole).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let value = reader.read_slice(header.length()).ok()?;
    Some(Element { tag: *whole.first()?, value, whole })
}

impl<'a> Element<'a> {
    /// The elements inside, when this has the tag.
    pub fn inside(&self, tag: u8) -> Option<Vec<Element<'a>>> {
        if self.tag == tag { elements(self.value) } else { None }
    }

    /// Whether this is the object identifier.
    pub fn is_oid(&self, oid: ObjectIdentifier) -> bool {
        self.tag == OID && self.value == oid.as_bytes()
    }
}

/// What DER holds, by its outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Certificate,
    Request,
    RevocationList,
    PublicKey,
    /// A private key in any of its forms, encrypted or not.
    PrivateKey,
    /// PKCS#7 of any content.
    Pkcs7,
    Pfx,
    Unknown,
}

/// Tells what the first element is.
pub fn shape(element: &Element<'_>) -> Shape {
    let Some(parts) = element.inside(SEQUENCE) else { return Shape::Unknown };
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    match tags.as_slice() {
        [SEQUENCE, SEQUENCE, BIT_STRING] => parts.first().map_or(Shape::Unknown, signed_shape),
        [SEQUENCE, BIT_STRING] => Shape::PublicKey,
        // PKCS#8, encrypted and plain; the plain one may be followed by attributes and the public key.
        [SEQUENCE, OCTET_STRING] | [INTEGER, SEQUENCE, OCTET_STRING, ..] => Shape::PrivateKey,
        // PKCS#1, with its eight numbers; SEC 1.
        [INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, ..]
        | [INTEGER, OCTET_STRING, ..] => Shape::PrivateKey,
        [OID, CONTEXT_0] => Shape::Pkcs7,
        [INTEGER, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE] => {
            let content = parts.get(1).and_then(|part| part.inside(SEQUENCE)).unwrap_or_default();
            let is_content = content.first().is_some_and(|kind| kind.is_oid(DATA) || kind.is_oid(SIGNED_DATA));
            if is_content { Shape::Pfx } else { Shape::Unknown }
        }
        _ => Shape::Unknown,
    }
}

/// Tells what is signed: its outline differs from the third part on.
fn signed_shape(signed: &Element<'_>) -> Shape {
    let parts = signed.inside(SEQUENCE).unwrap_or_default();
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    match tags.as_slice() {
        [CONTEXT_0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, ..]
        | [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, ..] => Shape::Certificate,
        [INTEGER, SEQUENCE, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0] => Shape::Request,
        // The times of a revocation list are not in a sequence of their own: UTCTime and GeneralizedTime.
        [INTEGER, SEQUENCE, SEQUENCE, 0x17 | 0x18, ..] | [SEQUENCE, SEQUENCE, 0x17 | 0x18, ..] => Shape::RevocationList,
        _ => Shape::Unknown,
    }
}

/// The shape of bytes that are one element and nothing else.
pub fn shape_of(bytes: &[u8]) -> Shape {
    match first(bytes) {
        Some((element, 0)) => shape(&element),
        _ => Shape::Unknown,
    }
}

/// The public key of a certificate or request in DER, as `SubjectPublicKeyInfo`.
pub fn public_key(der: &[u8]) -> Option<&[u8]> {
    let (element, _) = first(der)?;
    let index_from_serial = match shape(&element) {
        Shape::Certificate => 5,
        Shape::Request => 2,
        _ => return None,
    };
    let signed = element.inside(SEQUENCE)?.first()?.inside(SEQUENCE)?;
    let parts = signed.iter().skip_while(|part| part.tag == CONTEXT_0);
    parts.map(|part| part.whole).nth(index_from_serial)
}

/// An element of parts that are put one after the other; wiped when dropped, for a key may be among them.
///
/// # Errors
/// It is longer than DER's library can say.
pub fn node(tag: u8, parts: &[&[u8]]) -> der::Result<Zeroizing<Vec<u8>>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let header = der::Length::try_from(length)?.to_der()?;
    let mut out = Zeroizing::new(Vec::with_capacity(1 + header.len() + length));
    out.push(tag);
    out.extend_from_slice(&header);
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_cut_and_put_together() {
        let long = [7; 300];
        let inner = node(OCTET_STRING, &[&long[..200], &long[200..]]).unwrap();
        assert_eq!(inner[..4], [4, 0x82, 1, 44]);
        let both = node(SEQUENCE, &[&inner, &[5, 0]]).unwrap();
        let (outer, rest) = first(&both).unwrap();
        let parts = outer.inside(SEQUENCE).unwrap();
        assert_eq!((rest, parts.len(), parts[0].value.len(), parts[1].tag), (0, 2, 300, NULL));
        assert_eq!(parts[0].whole, &**inner);
        assert!(outer.inside(SET).is_none() && elements(&[0x30, 5, 1]).is_none() && first(&[]).is_none());
    }

    #[test]
    fn outlines_tell_what_der_holds() {
        let seq = |parts: &[&[u8]]| node(SEQUENCE, parts).unwrap();
        let (int, bits, octets, empty): (&[u8], &[u8], &[u8], &[u8]) = (&[2, 1, 0], &[3, 1, 0], &[4, 0], &[0x30, 0]);
        let signed = |parts: &[&[u8]]| seq(&[&seq(parts), empty, bits]);
        for (der, expected) in [
            (signed(&[&[0xA0, 0], int, empty, empty, empty, empty, empty]), Shape::Certificate),
            (signed(&[int, empty, empty, empty, empty, empty]), Shape::Certificate),
            (signed(&[int, empty, empty, &[0xA0, 0]]), Shape::Request),
            (signed(&[int, empty, empty, &[0x17, 0]]), Shape::RevocationList),
            (signed(&[int]), Shape::Unknown),
            (seq(&[empty, bits]), Shape::PublicKey),
            (seq(&[int, empty, octets]), Shape::PrivateKey),
            (seq(&[empty, octets]), Shape::PrivateKey),
            (seq(&[int; 9]), Shape::PrivateKey),
            (seq(&[int, octets, &[0xA0, 0]]), Shape::PrivateKey),
            (seq(&[&SIGNED_DATA.to_der().unwrap(), &[0xA0, 0]]), Shape::Pkcs7),
            (seq(&[int, &seq(&[&DATA.to_der().unwrap(), &[0xA0, 0]]), empty]), Shape::Pfx),
            (seq(&[int, empty, empty]), Shape::Unknown),
            (seq(&[]), Shape::Unknown),
        ] {
            assert_eq!(shape_of(&der), expected, "{der:02x?}");
        }
        assert_eq!(shape_of(&[0x30, 0, 0]), Shape::Unknown);
    }
}
