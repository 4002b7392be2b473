//! PKCS#7 bundles of certificates (`.p7b`): signed data that nobody signed. Other contents of PKCS#7 are refused.
//!
//! Source: RFC 5652 §3 and §5.1; RFC 2315 §9.1, by which the certificates keep their order.

use der::Encode as _;

use super::der::{CONTEXT_0, DATA, INTEGER, SEQUENCE, SET, SIGNED_DATA, Shape, first, node, shape};

/// `[1]` around revocation lists.
const CONTEXT_1: u8 = 0xA1;

/// Why bytes are not a bundle, or cannot be made one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs7Error {
    #[error("this is not PKCS#7 in DER")]
    Form,
    #[error("more bytes follow the PKCS#7 ({bytes})")]
    Trailing { bytes: usize },
    #[error("this is PKCS#7, but not of the kind that bundles certificates (signed data)")]
    OtherContent,
    #[error("an entry of the bundle is not an X.509 certificate")]
    NotCertificate,
    #[error("it cannot be encoded")]
    Encode(#[source] der::Error),
}

/// Bundles certificates in DER, in their order.
///
/// # Errors
/// One is not a certificate, or all of them are too long for DER.
pub fn build(certificates: &[&[u8]]) -> Result<Vec<u8>, Pkcs7Error> {
    if certificates.iter().any(|der| super::der::shape_of(der) != Shape::Certificate) {
        return Err(Pkcs7Error::NotCertificate);
    }
    encode(certificates).map_err(Pkcs7Error::Encode)
}

fn encode(certificates: &[&[u8]]) -> der::Result<Vec<u8>> {
    let content = node(SEQUENCE, &[&DATA.to_der()?])?;
    let version = node(INTEGER, &[&[1]])?;
    let none = node(SET, &[])?;
    let certificates = node(CONTEXT_0, certificates)?;
    let signed = node(SEQUENCE, &[&version, &none, &content, &certificates, &none])?;
    let signed = node(CONTEXT_0, &[&signed])?;
    Ok(node(SEQUENCE, &[&SIGNED_DATA.to_der()?, &signed])?.to_vec())
}

/// Takes the certificates out, byte for byte and in their order; there may be none.
///
/// # Errors
/// It is something else, or holds something else than certificates.
pub fn parse(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Pkcs7Error> {
    let (outer, left) = first(bytes).ok_or(Pkcs7Error::Form)?;
    let parts = outer.inside(SEQUENCE).ok_or(Pkcs7Error::Form)?;
    let [kind, content] = parts.as_slice() else { return Err(Pkcs7Error::Form) };
    if left != 0 {
        return Err(Pkcs7Error::Trailing { bytes: left });
    }
    if !kind.is_oid(SIGNED_DATA) {
        return Err(if kind.tag == super::der::OID { Pkcs7Error::OtherContent } else { Pkcs7Error::Form });
    }
    let content = content.inside(CONTEXT_0).ok_or(Pkcs7Error::Form)?;
    let [signed] = content.as_slice() else { return Err(Pkcs7Error::Form) };
    let signed = signed.inside(SEQUENCE).ok_or(Pkcs7Error::Form)?;
    let (head, tail) = signed.split_at_checked(3).ok_or(Pkcs7Error::Form)?;
    if head.iter().map(|part| part.tag).ne([INTEGER, SET, SEQUENCE]) {
        return Err(Pkcs7Error::Form);
    }
    let mut found = Vec::new();
    for part in tail {
        match part.tag {
            CONTEXT_0 => {
                for certificate in part.inside(CONTEXT_0).ok_or(Pkcs7Error::Form)? {
                    if shape(&certificate) != Shape::Certificate {
                        return Err(Pkcs7Error::NotCertificate);
                    }
                    found.push(certificate.whole.to_vec());
                }
            }
            CONTEXT_1 | SET => {}
            _ => return Err(Pkcs7Error::Form),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outline of a certificate, with a byte to tell it from others.
    fn certificate(byte: u8) -> Vec<u8> {
        let (empty, number) = ([0x30, 0], [2, 1, byte]);
        let signed = node(SEQUENCE, &[&number, &empty, &empty, &empty, &empty, &empty]).unwrap();
        node(SEQUENCE, &[&signed, &empty, &[3, 1, 0]]).unwrap().to_vec()
    }

    #[test]
    fn a_bundle_keeps_its_order() {
        let (one, two) = (certificate(9), certificate(1));
        let bundle = build(&[&one, &two]).unwrap();
        assert_eq!(parse(&bundle), Ok(vec![one, two]));
        assert_eq!(parse(&build(&[]).unwrap()), Ok(vec![]));
    }

    #[test]
    fn what_is_no_bundle_says_why() {
        let bundle = build(&[&certificate(1)]).unwrap();
        assert_eq!(build(&[&[0x30, 0]]), Err(Pkcs7Error::NotCertificate));
        assert_eq!(parse(&[bundle.clone(), vec![0, 0]].concat()), Err(Pkcs7Error::Trailing { bytes: 2 }));
        let mut enveloped = bundle.clone();
        let at = enveloped.windows(2).position(|bytes| bytes == [7, 2]).unwrap();
        enveloped[at + 1] = 3;
        assert_eq!(parse(&enveloped), Err(Pkcs7Error::OtherContent));
        assert_eq!(parse(&certificate(1)), Err(Pkcs7Error::Form));
        assert_eq!(parse(&encode(&[&[5, 0]]).unwrap()), Err(Pkcs7Error::NotCertificate));
        for at in 0..bundle.len() {
            assert!(parse(&bundle[..at]).is_err(), "{at} bytes");
        }
    }
}
