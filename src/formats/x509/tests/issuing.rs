//! What may be issued and what is refused, and who signed what.

use super::*;

fn issued(
    template: &Template,
    key: &PrivateKey,
    authority: &Certificate,
    authority_key: &PrivateKey,
) -> Result<Certificate, IssueError> {
    let signer = Signer::Authority { certificate: authority, key: authority_key };
    issue(template, key.public_key(), [0xff; 16], signer).map(|der| Certificate::parse(&der).unwrap())
}

#[test]
fn says_what_the_template_says() {
    let (root_key, leaf_key) = (key(), key());
    let root = root(&root_key);
    let mut template = template("CN=a,CN=b+O=c,OU=x,OU=x", None);
    template.names = ["dns:A.example", "ip:::1", "upn:zoë@a", "dirname:CN=x", "rid:1.2.3", "email:a@b", "uri:a:b"]
        .map(|name| AlternativeName::parse(name).unwrap())
        .to_vec();
    template.key_usage = KeyUsage::all();
    template.extended = vec!["server".parse().unwrap(), "1.3.5.7".parse().unwrap()];
    template.crl_urls = vec!["http://a/b".to_owned(), "http://c/d".to_owned()];
    let leaf = issued(&template, &leaf_key, &root, &root_key).unwrap();
    assert_eq!(*leaf.subject(), template.subject);
    assert_eq!(leaf.names(), template.names);
    assert_eq!(leaf.key_usage(), Some(template.key_usage));
    assert_eq!(leaf.extended(), template.extended);
    assert_eq!(leaf.crl_urls(), template.crl_urls);
    assert_eq!((leaf.not_before(), leaf.not_after()), (template.not_before, template.not_after));
    assert_eq!((leaf.authority(), root.authority()), (None, Some(Authority { path_length: Some(1) })));
    assert_eq!(leaf.serial(), [&[0x7f][..], &[0xff; 15]].concat());
    assert_eq!((leaf.issuer_der(), leaf.issuer()), (root.subject_der(), root.subject()));
    assert_eq!(leaf.authority_key_id(), root.subject_key_id());
    assert_eq!(leaf.subject_key_id(), Some(&leaf_key.public_key().identifier()[..]));
    assert_eq!(leaf.digest(), Some(Digest::Sha256));
    assert!(leaf.matches_key(&leaf_key) && !leaf.matches_key(&root_key));
    assert!(root.is_self_issued() && !leaf.is_self_issued());
    assert_eq!(leaf.is_signed_by(&root), Ok(()));
    assert_eq!(root.is_signed_by(&root), Ok(()));
    assert_eq!(root.is_signed_by(&leaf), Err(SignatureError::NoAuthority));
}

#[test]
fn refuses_what_would_never_be_valid() {
    let (root_key, other) = (key(), key());
    let root = root(&root_key);
    let leaf = template("CN=leaf", None);
    let refused = |template: &Template, authority: &Certificate, key: &PrivateKey| {
        issued(template, &other, authority, key).unwrap_err().to_string()
    };
    assert_eq!(refused(&leaf, &root, &other), "the authority's key is not that of its certificate");
    let issued_leaf = issued(&leaf, &other, &root, &root_key).unwrap();
    assert_eq!(refused(&leaf, &issued_leaf, &other), "the issuer's certificate is not that of a certificate authority");
    let later = Template { not_after: at("2027-01-01T00:00:00Z"), ..leaf.clone() };
    assert_eq!(
        refused(&later, &root, &root_key),
        "it would be valid until 2027-01-01T00:00:00Z, longer than its authority, until 2026-12-31T23:59:59Z"
    );
    let before = Template { not_after: at("2025-01-01T00:00:00Z"), ..leaf.clone() };
    assert_eq!(
        refused(&before, &root, &root_key),
        "it would end at 2025-01-01T00:00:00Z, before it begins at 2026-01-01T00:00:00Z"
    );
    for (path_length, is_allowed) in [(Some(0), true), (Some(1), false), (None, true)] {
        let between = template("CN=between", Some(Authority { path_length }));
        assert_eq!(issued(&between, &other, &root, &root_key).is_ok(), is_allowed, "{path_length:?}");
    }
    let bound = Template { key_usage: KeyUsage::CRL_SIGN, ..template("CN=r", Some(Authority { path_length: None })) };
    let bound = issue(&bound, root_key.public_key(), [1; 16], Signer::Itself(&root_key)).unwrap();
    let bound = Certificate::parse(&bound).unwrap();
    assert_eq!(refused(&leaf, &bound, &root_key), "the authority's key may not be used for this");
    let itself = |template: &Template, serial, public: &PrivateKey| {
        issue(template, public.public_key(), serial, Signer::Itself(&root_key)).unwrap_err().to_string()
    };
    assert_eq!(itself(&leaf, [1; 16], &other), "the key is not the one the certificate is for");
    assert_eq!(itself(&template("", None), [1; 16], &root_key), "it has neither a subject nor another name");
    let mut zero = [0; 16];
    zero[0] = 0x80;
    assert_eq!(itself(&leaf, zero, &root_key), "the serial number is zero");
    for digest in [Digest::Sha1, Digest::Sha384] {
        let error = itself(&Template { digest, ..leaf.clone() }, [1; 16], &root_key);
        assert_eq!(error, format!("a ECDSA P-256 key can't sign with {digest} here"));
    }
}

#[test]
fn a_signature_is_of_one_authority() {
    let (root_key, other) = (key(), key());
    let (first, second) = (root(&root_key), root(&other));
    let leaf = issued(&template("CN=leaf", None), &other, &first, &root_key).unwrap();
    assert_eq!(leaf.is_signed_by(&second), Err(SignatureError::OtherKey));
    let named = template("CN=Other", Some(Authority { path_length: None }));
    let named = issue(&named, root_key.public_key(), [1; 16], Signer::Itself(&root_key)).unwrap();
    assert_eq!(leaf.is_signed_by(&Certificate::parse(&named).unwrap()), Err(SignatureError::OtherIssuer));
    let mut forged = leaf.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(Certificate::parse(&forged).unwrap().is_signed_by(&first), Err(SignatureError::Wrong));
    let itself = issue(&template("CN=me", None), other.public_key(), [1; 16], Signer::Itself(&other)).unwrap();
    let itself = Certificate::parse(&itself).unwrap();
    assert_eq!(itself.is_signed_by(&itself), Ok(()));
}

#[test]
fn requests_and_lists_say_what_their_templates_say() {
    let (root_key, other) = (key(), key());
    let root = root(&root_key);
    let mut wanted = template("CN=a,OU=x,OU=y", None);
    wanted.names = vec![AlternativeName::parse("dns:a.example").unwrap()];
    wanted.extended = vec![ExtendedUsage::Client];
    let der = request(&wanted, &other).unwrap();
    let read = Request::parse(&der).unwrap();
    assert_eq!(
        (read.subject(), read.names(), read.extended()),
        (&wanted.subject, &wanted.names[..], &wanted.extended[..])
    );
    assert_eq!((read.key_usage(), read.digest()), (Some(wanted.key_usage), Some(Digest::Sha256)));
    assert!(read.matches_key(&other) && !read.matches_key(&root_key));
    let mut forged = der;
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(Request::parse(&forged), Err(CertificateError::OwnSignature(SignatureError::Wrong)));

    let mut list = RevocationTemplate {
        number: u64::MAX,
        this_update: at("2026-01-01T00:00:00Z"),
        next_update: at("2050-01-01T00:00:00Z"),
        revoked: vec![Revoked { serial: vec![0, 0x80, 1], at: at("2026-01-01T00:00:00Z") }],
        digest: Digest::Sha256,
    };
    let read = RevocationList::parse(&revocation_list(&list, &root, &root_key).unwrap()).unwrap();
    assert_eq!((read.number(), read.issuer(), read.len()), (Some(u64::MAX), root.subject(), 1));
    assert_eq!((read.this_update(), read.next_update()), (list.this_update, Some(list.next_update)));
    assert!(read.is_revoked(&[0x80, 1]) && read.is_revoked(&[0, 0x80, 1]) && !read.is_revoked(&[0x80, 2]));
    assert_eq!(read.is_signed_by(&root), Ok(()));
    assert_eq!(read.is_signed_by(&self::root(&other)), Err(SignatureError::OtherKey));
    list.revoked.clear();
    assert!(RevocationList::parse(&revocation_list(&list, &root, &root_key).unwrap()).unwrap().is_empty());
    assert_eq!(revocation_list(&list, &root, &other), Err(IssueError::AuthorityKey));
}
