//! Certificates for a program: all that is known of each.

use jiff::Timestamp;
use serde::Serialize;

use super::{Counts, Listing, Row};
use crate::formats::x509::{AttributeValue, DistinguishedName};
use crate::kinds::certificate::inventory::{ListedPlace, PlaceKind};
use crate::model::registry_data::hex;
use crate::model::thumbprint::Thumbprint;
use crate::report::json::pretty;

const FORMAT_VERSION: &str = "1.0";

#[derive(Serialize)]
struct Wire<'l> {
    format_version: &'static str,
    as_of: Timestamp,
    within: String,
    counts: Counts,
    certificates: Vec<WireCertificate<'l>>,
    absent: Vec<WireAbsent<'l>>,
    problems: Vec<WireProblem>,
    unread: Vec<WireUnread<'l>>,
}

#[derive(Serialize)]
struct WireCertificate<'l> {
    subject: &'l str,
    subject_parts: Vec<WirePart>,
    issuer: String,
    /// Lower-case hex, as it is encoded.
    serial: String,
    sha1: Thumbprint,
    sha256: Thumbprint,
    not_before: Timestamp,
    not_after: Timestamp,
    days_left: i64,
    is_authority: bool,
    key_algorithm: String,
    signature_algorithm: String,
    digest: Option<String>,
    sans: Vec<String>,
    /// Nothing where the certificate does not say.
    key_usage: Option<Vec<&'static str>>,
    extended_usage: Vec<String>,
    has_key: bool,
    places: Vec<WirePlace<'l>>,
    used_by: &'l [String],
    entries: &'l [String],
}

/// One attribute of a name, in the encoded order.
#[derive(Serialize)]
struct WirePart {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

#[derive(Serialize)]
struct WirePlace<'l> {
    kind: &'static str,
    name: &'l str,
    friendly_name: Option<&'l str>,
    has_key: bool,
    archived: bool,
}

#[derive(Serialize)]
struct WireAbsent<'l> {
    entry: &'l str,
    reasons: &'l [String],
}

#[derive(Serialize)]
struct WireProblem {
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct WireUnread<'l> {
    what: &'l str,
    why: String,
}

/// The listing as indented JSON that ends with a line break.
///
/// # Errors
/// As [`crate::report::json::plan`].
pub fn json(listing: &Listing<'_>) -> Result<String, serde_json::Error> {
    let inventory = listing.inventory;
    let absent = inventory.absent.iter().map(|one| WireAbsent { entry: &one.address, reasons: &one.reasons });
    let problems = inventory.problems.iter().map(|one| WireProblem { code: one.code(), message: one.to_string() });
    let unread = inventory.unread.iter().map(|(what, why)| WireUnread { what, why: why.to_string() });
    pretty(&Wire {
        format_version: FORMAT_VERSION,
        as_of: listing.as_of,
        within: listing.within.to_string(),
        counts: listing.counts,
        certificates: listing.rows.iter().map(certificate).collect(),
        absent: absent.collect(),
        problems: problems.collect(),
        unread: unread.collect(),
    })
}

fn certificate<'l>(row: &'l Row<'_>) -> WireCertificate<'l> {
    let certificate = &row.listed.certificate;
    WireCertificate {
        subject: &row.subject,
        subject_parts: parts(certificate.subject()),
        issuer: certificate.issuer().to_string(),
        serial: hex(certificate.serial()),
        sha1: row.thumbprint,
        sha256: Thumbprint::sha256_of(certificate.der()),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        days_left: row.days_left,
        is_authority: certificate.authority().is_some(),
        key_algorithm: certificate.public_key().algorithm().to_string(),
        signature_algorithm: certificate.signature_algorithm().to_string(),
        digest: certificate.digest().map(|digest| digest.to_string()),
        sans: certificate.names().iter().map(ToString::to_string).collect(),
        key_usage: certificate.key_usage().map(|usage| usage.names().collect()),
        extended_usage: certificate.extended().iter().map(ToString::to_string).collect(),
        has_key: row.listed.has_key(),
        places: row.listed.places.iter().map(place).collect(),
        used_by: &row.listed.used_by,
        entries: &row.listed.entries,
    }
}

fn parts(name: &DistinguishedName) -> Vec<WirePart> {
    let attributes = name.rdns().iter().flat_map(|part| part.attributes());
    let parts = attributes.map(|attribute| WirePart {
        kind: attribute
            .kind()
            .short_name()
            .map_or_else(|| attribute.kind().identifier().to_string(), ToOwned::to_owned),
        value: match attribute.value() {
            AttributeValue::Text(text) => text.clone(),
            AttributeValue::Encoded(der) => format!("#{}", hex(der)),
        },
    });
    parts.collect()
}

fn place(place: &ListedPlace) -> WirePlace<'_> {
    WirePlace {
        kind: match place.kind {
            PlaceKind::Store => "store",
            PlaceKind::File => "file",
        },
        name: &place.name,
        friendly_name: place.friendly_name.as_deref(),
        has_key: place.has_key,
        archived: place.is_archived,
    }
}
