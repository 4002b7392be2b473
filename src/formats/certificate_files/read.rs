//! Certificates out of whatever an authority sends: PEM, DER, PKCS#7, or base64 without armour. A file that holds
//! something else is refused with what it is; above all a private key is never passed over.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::der::{Shape, first, shape};
use super::{FileError, pem, pkcs7};

/// The largest file that is read: a bundle of all public authorities is a fiftieth of it.
const MAX_BYTES: usize = 16 << 20;

const TRUSTED: &str = "TRUSTED CERTIFICATE";
const PRIVATE: &str = "PRIVATE KEY";

/// Takes the certificates of a file in DER, in their order.
///
/// # Errors
/// It is empty, too large or damaged, or holds anything else than certificates.
pub fn read_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::TooLarge { limit: MAX_BYTES });
    }
    let mut found = Vec::new();
    if let Some((element, left)) = first(bytes)
        && shape(&element) != Shape::Unknown
    {
        take(bytes, left, &mut found)?;
    } else {
        let text = text_of(bytes);
        let visible = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}' || c == '\0');
        if visible.is_empty() {
            return Err(FileError::Empty);
        }
        if pem::is_pem(visible) { of_pem(visible, &mut found)? } else { of_base64(visible, &mut found)? }
    }
    if found.is_empty() { Err(FileError::NoCertificate) } else { Ok(found) }
}

/// The file as text. What is not UTF-8 becomes characters byte by byte, which is enough to find PEM in it.
fn text_of(bytes: &[u8]) -> Zeroizing<String> {
    // PowerShell and Notepad write UTF-16.
    let unit: Option<fn([u8; 2]) -> u16> = match bytes {
        [0xFF, 0xFE, ..] => Some(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => Some(u16::from_be_bytes),
        _ => None,
    };
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    if let Some(unit) = unit {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    } else if let Ok(utf8) = std::str::from_utf8(bytes) {
        text.push_str(utf8);
    } else {
        text.extend(bytes.iter().copied().map(char::from));
    }
    text
}

fn of_pem(text: &str, found: &mut Vec<Vec<u8>>) -> Result<(), FileError> {
    // Before anything is decoded: a key is told also where the rest is damaged.
    if pem::labels(text).any(|(_, label)| label.contains(PRIVATE)) {
        return Err(FileError::PrivateKey);
    }
    for block in pem::decode(text).map_err(FileError::Pem)? {
        if block.label == TRUSTED {
            return Err(FileError::Trusted);
        }
        let Some((element, left)) = first(&block.der) else { return Err(other(&block.label)) };
        if shape(&element) == Shape::Unknown {
            return Err(other(&block.label));
        }
        // By what it is: Windows' authority labels PKCS#7 as a certificate.
        take(&block.der, left, found)?;
    }
    Ok(())
}

fn other(label: &str) -> FileError {
    let short: String = label.chars().take(40).collect();
    let what = if label.contains("CERTIFICATE") || label.contains("PKCS") { "a damaged block" } else { "a block" };
    FileError::Other { found: format!("{what} `{}`", short.escape_debug()).into() }
}

fn of_base64(text: &str, found: &mut Vec<Vec<u8>>) -> Result<(), FileError> {
    const UNKNOWN: FileError = FileError::Other { found: Cow::Borrowed("something else") };
    let der = pem::decode_base64(text, 1).map_err(|_| UNKNOWN)?;
    match first(&der) {
        Some((element, left)) if shape(&element) != Shape::Unknown => take(&der, left, found),
        _ => Err(UNKNOWN),
    }
}

/// Takes the certificates of DER whose outline is known; `left` bytes of it follow the first element.
fn take(der: &[u8], left: usize, found: &mut Vec<Vec<u8>>) -> Result<(), FileError> {
    let Some((element, _)) = first(der) else { return Err(FileError::NoCertificate) };
    let other = |what| Err(FileError::Other { found: Cow::Borrowed(what) });
    match shape(&element) {
        Shape::PrivateKey => Err(FileError::PrivateKey),
        Shape::Request => Err(FileError::Request),
        Shape::Pfx => Err(FileError::Pfx),
        Shape::RevocationList => other("a revocation list"),
        Shape::PublicKey => other("a public key"),
        Shape::Unknown => other("something else"),
        Shape::Pkcs7 => {
            found.extend(pkcs7::parse(der).map_err(FileError::Pkcs7)?);
            Ok(())
        }
        Shape::Certificate if left > 0 => Err(FileError::Trailing { bytes: left }),
        Shape::Certificate => {
            found.push(element.whole.to_vec());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::{SEQUENCE, node};
    use super::*;

    /// The outline of a certificate.
    fn certificate() -> Vec<u8> {
        let (empty, number) = ([0x30, 0], [2, 1, 1]);
        let signed = node(SEQUENCE, &[&number, &empty, &empty, &empty, &empty, &empty]).unwrap();
        node(SEQUENCE, &[&signed, &empty, &[3, 1, 0]]).unwrap().to_vec()
    }

    fn request() -> Vec<u8> {
        let empty = [0x30, 0];
        let signed = node(SEQUENCE, &[&[2, 1, 0], &empty, &empty, &[0xA0, 0]]).unwrap();
        node(SEQUENCE, &[&signed, &empty, &[3, 1, 0]]).unwrap().to_vec()
    }

    fn key() -> Vec<u8> {
        node(SEQUENCE, &[&[2, 1, 0], &[0x30, 0], &[4, 1, 9]]).unwrap().to_vec()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        pem::encode(label, der).to_string()
    }

    #[test]
    fn certificates_are_found_in_every_form() {
        let der = certificate();
        let armoured = pem("CERTIFICATE", &der);
        let bundle = pkcs7::build(&[&der, &der]).unwrap();
        let bare: String = armoured.lines().filter(|line| !line.contains('-')).collect::<Vec<_>>().join("\r\n");
        let utf16: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain(armoured.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for (bytes, count) in [
            (der.clone(), 1),
            (armoured.clone().into_bytes(), 1),
            (format!("\u{FEFF}Bag Attributes\r\n{}{armoured}", armoured.replace('\n', "\r\n")).into_bytes(), 2),
            ([b"Gr\xF6\xDFe\n", armoured.as_bytes()].concat(), 1),
            (utf16, 1),
            (pem("X509 CERTIFICATE", &der).into_bytes(), 1),
            (bundle.clone(), 2),
            (pem("PKCS7", &bundle).into_bytes(), 2),
            (pem("CERTIFICATE", &bundle).into_bytes(), 2),
            (bare.into_bytes(), 1),
        ] {
            assert_eq!(read_certificates(&bytes).unwrap(), vec![der.clone(); count], "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_it_is() {
        let (der, request, key) = (certificate(), request(), key());
        let told = |bytes: &[u8]| read_certificates(bytes).unwrap_err().to_string();
        let broken_key = format!("{}-----BEGIN RSA PRIVATE KEY-----\n*", pem("CERTIFICATE", &der));
        let base64 = |der: &[u8]| pem("X", der).lines().nth(1).unwrap().as_bytes().to_vec();
        let table = [
            told(b" \r\n"),
            told(&key),
            told(broken_key.as_bytes()),
            told(pem("ANY PRIVATE KEY", &der).as_bytes()),
            told(pem("CERTIFICATE", &key).as_bytes()),
            told(&base64(&key)),
            told(&request),
            told(pem("NEW CERTIFICATE REQUEST", &request).as_bytes()),
            told(pem(TRUSTED, &der).as_bytes()),
            told(pem("CERTIFICATE", &der[1..]).as_bytes()),
            told(pem("DH PARAMETERS", &[0x30, 0]).as_bytes()),
            told(&pkcs7::build(&[]).unwrap()),
            told(&[&der[..], &[0]].concat()),
            told(b"-----BEGIN CERTIFICATE-----\nA*\n"),
            told(b"hello"),
            told(b"0123"),
            told(&[0, 159, 146, 150]),
        ];
        insta::assert_snapshot!(table.join("\n"), @r"
        the file is empty
        the file holds a private key, where certificates were expected
        the file holds a private key, where certificates were expected
        the file holds a private key, where certificates were expected
        the file holds a private key, where certificates were expected
        the file holds a private key, where certificates were expected
        the file holds a certificate request, where certificates were expected
        the file holds a certificate request, where certificates were expected
        the file holds a `TRUSTED CERTIFICATE`, which only OpenSSL reads: write it as `CERTIFICATE`
        the file holds a damaged block `CERTIFICATE`, where certificates were expected
        the file holds a block `DH PARAMETERS`, where certificates were expected
        the file holds no certificate
        more bytes follow the certificate (1)
        the file's PEM cannot be read
        the file holds something else, where certificates were expected
        the file holds something else, where certificates were expected
        the file holds something else, where certificates were expected
        ");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, flips in proptest::collection::vec((0usize..200, proptest::prelude::any::<u8>()), 0..4)) {
            let _ = read_certificates(&bytes);
            let mut bundle = pkcs7::build(&[&certificate()]).unwrap();
            for (at, byte) in flips {
                let length = bundle.len();
                bundle[at % length] ^= byte;
            }
            let _ = read_certificates(&bundle);
            let _ = read_certificates(pem("CERTIFICATE", &bundle).as_bytes());
        }
    }
}
