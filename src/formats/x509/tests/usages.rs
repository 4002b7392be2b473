//! Usages and digests by their names.

use super::*;

#[test]
fn usages_are_known_by_name_and_number() {
    for name in ExtendedUsage::known_names() {
        let usage: ExtendedUsage = name.parse().unwrap();
        assert_eq!(usage.to_string(), name);
        assert_eq!(usage.identifier().to_string().parse::<ExtendedUsage>().unwrap(), usage);
    }
    assert_eq!("1.3.5.7".parse::<ExtendedUsage>().unwrap().to_string(), "1.3.5.7");
    assert_eq!(
        "web".parse::<ExtendedUsage>().unwrap_err().to_string(),
        "\"web\" is neither a known usage nor a dotted object identifier"
    );
    for name in KeyUsage::known_names() {
        assert_eq!(KeyUsage::of_name(name).unwrap().names().collect::<Vec<_>>(), [name]);
    }
    let both = KeyUsage::of_names(["crl_sign", "certificate_sign"]).unwrap();
    assert_eq!(both.to_string(), "certificate_sign, crl_sign");
    assert_eq!(KeyUsage::of_name("web").unwrap_err().to_string(), "\"web\" is no key usage");
}

#[test]
fn digests_are_known_by_name() {
    for digest in Digest::ALL {
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }
    assert!("md5".parse::<Digest>().is_err());
}
