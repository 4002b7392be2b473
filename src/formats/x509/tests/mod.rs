//! Names, keys and certificates against themselves; `tests/x509.rs` has openssl for a judge.

mod alternative_names;
mod bytes;
mod issuing;
mod keys;
mod names;
mod usages;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

/// An authority's or another's template, valid for all of 2026.
fn template(subject: &str, authority: Option<Authority>) -> Template {
    Template {
        subject: DistinguishedName::parse(subject).unwrap(),
        names: Vec::new(),
        key_usage: match authority {
            Some(_) => KeyUsage::CERTIFICATE_SIGN | KeyUsage::CRL_SIGN,
            None => KeyUsage::DIGITAL_SIGNATURE,
        },
        extended: Vec::new(),
        authority,
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2026-12-31T23:59:59Z"),
        digest: Digest::Sha256,
        crl_urls: Vec::new(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key() -> PrivateKey {
    PrivateKey::generate(&KeyAlgorithm::EcdsaP256).unwrap()
}

fn root(key: &PrivateKey) -> Certificate {
    let template = template("CN=Root,O=Example,C=CH", Some(Authority { path_length: Some(1) }));
    Certificate::parse(&issue(&template, key.public_key(), [7; 16], Signer::Itself(key)).unwrap()).unwrap()
}

/// Names of every kind, of texts with every special character.
fn names() -> impl Strategy<Value = DistinguishedName> {
    let utf8 = prop::sample::select(vec!["CN", "OU", "O", "L", "STREET", "T", "1.2.3.4", "UID", "SN"]);
    let text = prop_oneof!["[ #=+,;<>\"\\\\a-c\\x00-\\x1f\\x7f]{1,12}", "\\PC{1,20}", " {1,3}", "[a-zA-Z0-9 ]{1,30}"];
    let attribute = prop_oneof![
        4 => (utf8, text).prop_map(|(kind, text)| Attribute::new(kind.parse().unwrap(), &text).unwrap()),
        1 => "[A-Z]{2}".prop_map(|text| Attribute::new(AttributeType::COUNTRY, &text).unwrap()),
        1 => "[a-z0-9-]{1,20}".prop_map(|text| Attribute::new(AttributeType::DOMAIN_COMPONENT, &text).unwrap()),
        1 => "[ -~]{1,30}".prop_map(|text| Attribute::new(AttributeType::EMAIL_ADDRESS, &text).unwrap()),
    ];
    let part = prop::collection::vec(attribute, 1..4).prop_filter_map("twice", |list| RelativeName::new(list).ok());
    prop::collection::vec(part, 0..8).prop_map(DistinguishedName::new)
}

fn templates() -> impl Strategy<Value = Template> {
    let alternatives = prop::collection::vec(
        prop_oneof![
            "[a-z][a-z0-9]{0,9}(\\.[A-Z]{2,5}){0,3}"
                .prop_map(|text| AlternativeName::parse(&format!("dns:{text}")).unwrap()),
            any::<std::net::IpAddr>().prop_map(AlternativeName::Ip),
            "[a-z.]{1,9}@[a-z]{1,9}".prop_map(AlternativeName::Email),
            "[a-zä]{1,9}@[a-z]{1,9}".prop_map(AlternativeName::Upn),
            "https?://[a-z]{1,9}/[a-z]{0,9}".prop_map(AlternativeName::Uri),
            names().prop_map(AlternativeName::Directory),
            Just(AlternativeName::RegisteredId("1.2.3.4".to_owned())),
        ],
        0..5,
    );
    let seconds = 0..253_402_207_200i64;
    let usages = prop::sample::subsequence(ExtendedUsage::known_names().chain(["1.3.5.7"]).collect::<Vec<_>>(), 0..4);
    let rest = (usages, prop::option::of(prop::option::of(any::<u8>())), prop::sample::select(Digest::ALL.to_vec()));
    (names(), alternatives, 0u16..512, seconds.clone(), seconds, 0..1_000_000_000i32, rest).prop_map(
        |(subject, names, usage, before, after, nanoseconds, (extended, authority, digest))| Template {
            subject,
            names,
            key_usage: KeyUsage::from_bits_truncate(usage),
            extended: extended.into_iter().map(|name| name.parse().unwrap()).collect(),
            authority: authority.map(|path_length| Authority { path_length }),
            not_before: Timestamp::new(before, nanoseconds).unwrap(),
            not_after: Timestamp::from_second(after).unwrap(),
            digest,
            crl_urls: vec!["http://crl.example/root.crl".to_owned()],
        },
    )
}
