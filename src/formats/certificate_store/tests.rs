//! Blobs by hand: what is read, kept and changed.

use proptest::prelude::*;

use super::*;

fn property(id: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [&id.to_le_bytes()[..], &[1, 0, 0, 0], &length.to_le_bytes(), data].concat()
}

#[test]
fn a_new_blob_has_its_caches_before_the_certificate() {
    let blob = StoreBlob::new(b"abc", &[7, 8]);
    let expected = [
        property(
            3,
            &[
                0xA9, 0x99, 0x3E, 0x36, 0x47, 0x06, 0x81, 0x6A, 0xBA, 0x3E, 0x25, 0x71, 0x78, 0x50, 0xC2, 0x6C, 0x9C,
                0xD0, 0xD8, 0x9D,
            ],
        ),
        property(20, &[7, 8]),
        property(32, b"abc"),
    ]
    .concat();
    assert_eq!(blob.to_bytes(), expected);
    assert_eq!(StoreBlob::parse(&expected), Ok(blob.clone()));
    assert_eq!((blob.certificate(), blob.key_identifier()), (&b"abc"[..], Some(&[7, 8][..])));
    assert_eq!(blob.thumbprint(), Thumbprint::of(b"abc"));
    assert!(!blob.archived() && blob.friendly_name().is_none() && blob.key_provider().is_none());
    assert_eq!(StoreBlob::new(b"abc", &[]).key_identifier(), None);
}

#[test]
fn a_friendly_name_is_changed_in_its_place() {
    let (provider, archived) = (property(2, &[9]), property(19, &[]));
    let (unknown, certificate) = (property(0xFFFF, b"?"), property(32, b"abc"));
    let name =
        |text: &str| property(11, &text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    let found = [&provider[..], &name("ACS web"), &unknown, &certificate, &archived].concat();
    let blob = StoreBlob::parse(&found).unwrap();
    assert_eq!(blob.friendly_name().as_deref(), Some("ACS web"));
    assert!(blob.archived());
    let renamed = blob.clone().with_friendly_name(Some("Größe\0cut"));
    assert_eq!(renamed.to_bytes(), [&provider[..], &name("Größe"), &unknown, &certificate, &archived].concat());
    let nameless = renamed.with_friendly_name(None);
    assert_eq!(nameless.to_bytes(), [&provider[..], &unknown, &certificate, &archived].concat());
    let named = nameless.with_friendly_name(Some("n"));
    assert_eq!(named.to_bytes(), [&provider[..], &unknown, &name("n"), &certificate, &archived].concat());
    assert!(named.key_provider().unwrap().is_err());
    let unnamed = blob.with_friendly_name(Some(""));
    assert_eq!(unnamed.friendly_name(), None);
}

#[test]
fn repeats_of_a_property_are_kept_until_it_is_set() {
    let found = [property(11, &[65, 0, 0, 0]), property(32, b"abc"), property(11, &[66, 0])].concat();
    let blob = StoreBlob::parse(&found).unwrap();
    assert_eq!(blob.to_bytes(), found);
    assert_eq!(blob.friendly_name().as_deref(), Some("A"));
    let named = blob.with_friendly_name(Some("C"));
    assert_eq!(named.to_bytes(), [property(11, &[67, 0, 0, 0]), property(32, b"abc")].concat());
}

#[test]
fn a_key_provider_comes_and_goes() {
    let provider = KeyProvider {
        container: "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}".into(),
        provider: "Microsoft RSA SChannel Cryptographic Provider".into(),
        provider_type: 12,
        flags: 0x20,
        key_spec: 1,
    };
    let bare = StoreBlob::new(b"abc", &[]);
    let blob = bare.clone().with_key_provider(Some(&provider));
    assert_eq!(StoreBlob::parse(&blob.to_bytes()).unwrap().key_provider(), Some(Ok(provider)));
    assert_eq!(blob.with_key_provider(None), bare);
    assert_eq!(bare.clone().with_property(CERTIFICATE, None), bare);
}

#[test]
fn what_is_no_blob_says_why() {
    let certificate = property(32, b"abc");
    for (bytes, error) in [
        (Vec::new(), StoreBlobError::NoCertificate),
        (property(33, b"crl"), StoreBlobError::NoCertificate),
        ([&certificate[..], &certificate].concat(), StoreBlobError::SecondCertificate { offset: 15 }),
        ([&certificate[..], &[0; 11]].concat(), StoreBlobError::Short { offset: 15, needed: 12, left: 11 }),
        (certificate[..14].to_vec(), StoreBlobError::Short { offset: 0, needed: 15, left: 14 }),
        (
            [3u32, 1, u32::MAX].into_iter().flat_map(u32::to_le_bytes).collect(),
            StoreBlobError::Short { offset: 0, needed: 12 + u64::from(u32::MAX), left: 12 },
        ),
        (
            [3u32, 2, 0].into_iter().flat_map(u32::to_le_bytes).collect(),
            StoreBlobError::Marker { offset: 0, id: 3, found: 2 },
        ),
    ] {
        assert_eq!(StoreBlob::parse(&bytes), Err(error), "{bytes:?}");
    }
}

#[test]
fn names_of_properties_are_unique() {
    assert_eq!(properties::name(32), Some("certificate"));
    assert_eq!(properties::name(0), None);
    let names: std::collections::BTreeSet<_> = (0..200).filter_map(properties::name).collect();
    assert_eq!(names.len(), 37);
}

proptest! {
    #[test]
    fn a_blob_prints_as_it_was_parsed(
        before in prop::collection::vec((0u32..32, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        certificate: Vec<u8>,
        after in prop::collection::vec((33u32.., prop::collection::vec(any::<u8>(), 0..40)), 0..3),
    ) {
        let parts = before.iter().map(|(id, data)| property(*id, data));
        let certificate = std::iter::once(property(32, &certificate));
        let bytes = parts.chain(certificate).chain(after.iter().map(|(id, data)| property(*id, data))).collect::<Vec<_>>().concat();
        let blob = StoreBlob::parse(&bytes).unwrap();
        prop_assert_eq!(blob.to_bytes(), bytes);
        let _ = (blob.friendly_name(), blob.key_provider());
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_kept(bytes: Vec<u8>) {
        let _ = KeyProvider::parse(&bytes);
        if let Ok(blob) = StoreBlob::parse(&bytes) {
            prop_assert_eq!(blob.to_bytes(), bytes);
        }
    }
}

#[test]
fn what_windows_adds_does_not_matter() {
    let key = KeyPlace::of(ProviderFamily::Ksp, &Thumbprint::of(b"abc")).record();
    let wanted = StoreBlob::new(b"abc", &[7]).with_friendly_name(Some("web")).with_key_provider(Some(&key));
    let added = wanted.clone().with_property(properties::MD5_HASH, Some(vec![1; 16]));
    assert!(added.holds(&wanted) && !wanted.holds(&added));
    assert_eq!(essence(&added.to_bytes()), essence(&wanted.to_bytes()));
    // The same record in another layout, with the strings the other way round.
    let data = key.to_bytes();
    let (fixed, strings) = data.split_at(28);
    let (container, provider) = strings.split_at(2 * (key.container.len() + 1));
    let at = |length: usize| u32::try_from(28 + length).unwrap().to_le_bytes();
    let other = [&at(provider.len())[..], &at(0), &fixed[8..], provider, container].concat();
    assert_eq!(KeyProvider::parse(&other), Ok(key.clone()));
    let relaid = added.clone().with_property(properties::KEY_PROVIDER, Some(other));
    assert!(relaid.holds(&wanted));
    assert_eq!(essence(&relaid.to_bytes()), essence(&wanted.to_bytes()));

    for other in [
        StoreBlob::new(b"abd", &[7]).with_friendly_name(Some("web")).with_key_provider(Some(&key)),
        added.clone().with_friendly_name(Some("Web")),
        added.clone().with_friendly_name(None),
        added.clone().with_key_provider(None),
        added.clone().with_key_provider(Some(&KeyProvider { container: "other".into(), ..key.clone() })),
    ] {
        assert!(!other.holds(&wanted));
        assert_ne!(essence(&other.to_bytes()), essence(&wanted.to_bytes()));
    }
    assert!(!added.clone().with_property(properties::KEY_IDENTIFIER, Some(vec![8])).holds(&wanted));
    assert_eq!(essence(b"no element"), b"no element");

    let before = StoreBlob::new(b"abc", &[7]).with_friendly_name(Some("old"));
    let back = StoreBlob::parse(&taken_back(&added.to_bytes(), &before.to_bytes()).unwrap()).unwrap();
    assert_eq!((back.friendly_name().as_deref(), back.key_provider()), (Some("old"), None));
    assert_eq!(back.property(properties::MD5_HASH), added.property(properties::MD5_HASH));
}
