//! The numbers of certificates' properties and their names. What a property means is said elsewhere.
//!
//! Source: Microsoft, *CertGetCertificateContextProperty* and the constants `CERT_…_PROP_ID` of `wincrypt.h`.

pub const KEY_PROVIDER: u32 = 2;
pub const SHA1_HASH: u32 = 3;
pub const MD5_HASH: u32 = 4;
pub const ENHANCED_KEY_USAGE: u32 = 9;
pub const FRIENDLY_NAME: u32 = 11;
pub const DESCRIPTION: u32 = 13;
pub const SIGNATURE_HASH: u32 = 15;
pub const ARCHIVED: u32 = 19;
pub const KEY_IDENTIFIER: u32 = 20;
pub const CERTIFICATE: u32 = 32;
pub const SHA256_HASH: u32 = 107;

/// The ids that are known, with what a person would call them.
const NAMES: [(u32, &str); 37] = [
    (KEY_PROVIDER, "key provider"),
    (SHA1_HASH, "SHA-1"),
    (MD5_HASH, "MD5"),
    (6, "key spec"),
    (ENHANCED_KEY_USAGE, "enhanced key usage"),
    (10, "next update location"),
    (FRIENDLY_NAME, "friendly name"),
    (12, "private key file"),
    (DESCRIPTION, "description"),
    (14, "access state"),
    (SIGNATURE_HASH, "signature hash"),
    (16, "smart card data"),
    (17, "encrypting file system"),
    (ARCHIVED, "archived"),
    (KEY_IDENTIFIER, "key identifier"),
    (21, "automatic enrolment"),
    (22, "public key parameters"),
    (23, "cross certificate locations"),
    (24, "MD5 of the issuer's public key"),
    (25, "MD5 of the public key"),
    (26, "enrolment"),
    (27, "date stamp"),
    (28, "MD5 of issuer and serial number"),
    (29, "MD5 of the subject"),
    (30, "extended error"),
    (CERTIFICATE, "certificate"),
    (33, "revocation list"),
    (34, "trust list"),
    (64, "renewal"),
    (65, "archived key hash"),
    (68, "authority information access"),
    (69, "backed up"),
    (70, "OCSP response"),
    (71, "request originator"),
    (87, "enrolment policy"),
    (92, "bits of the public key"),
    (SHA256_HASH, "SHA-256"),
];

/// What a property is called; `None` when its id is not known.
pub fn name(id: u32) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}
