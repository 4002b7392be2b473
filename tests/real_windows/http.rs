//! TLS bindings and URL reservations of the running http.sys, as netsh sees them: its exit code tells whether there is one.

use std::process::Command;

use trueup::machine::local::LocalMachine;
use windows_registry::LOCAL_MACHINE;

use crate::live::{applied, desired, dump, plan, rolled_back, try_apply, turn};

const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\HTTP\Parameters";

/// What netsh prints, where it finds something.
fn netsh(arguments: &[&str]) -> Option<String> {
    let output = Command::new("netsh").arg("http").args(arguments).output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_url_is_reserved_and_given_free() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let before = dump(&format!(r"{PARAMETERS}\UrlAclInfo"));
    let url = "http://+:47001/trueup-test/";
    let seen = || netsh(&["show", "urlacl", &format!("url={url}")]).filter(|text| text.contains("47001"));
    let document = |user: &str, rights: &str| {
        desired(&format!("ports:\n  t: {{ url: {{ prefix: '{url}', user: '{user}'{rights} }} }}"))
    };
    let first = document(r"NT AUTHORITY\NETWORK SERVICE", "");
    let made = applied(&machine, &first).run.unwrap();
    assert!(seen().unwrap().contains("GX"), "{:?}", seen());
    assert!(applied(&machine, &first).run.is_none());
    let second = document(r"NT AUTHORITY\LOCAL SERVICE", ", delegate: true");
    let changed = applied(&machine, &second).run.unwrap();
    assert!(!plan(&machine, &second).has_operations());
    rolled_back(&machine, &changed);
    assert!(!plan(&machine, &first).has_operations());
    rolled_back(&machine, &made);
    assert_eq!((seen(), dump(&format!(r"{PARAMETERS}\UrlAclInfo"))), (None, before));
}

/// A certificate of this machine with a key: the first of the personal store that http.sys takes.
fn certificates() -> Vec<String> {
    let store = LOCAL_MACHINE.open(r"SOFTWARE\Microsoft\SystemCertificates\MY\Certificates");
    store.map(|store| store.keys().unwrap().collect()).unwrap_or_default()
}

#[test]
fn a_binding_is_made_changed_and_removed() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    for (place, list, name) in [
        ("address: 127.0.0.1", "SslBindingInfo", "ipport=127.0.0.1:47001"),
        ("address: '::1'", "SslBindingInfo", "ipport=[::1]:47001"),
        ("sni: trueup-test.example", "SslSniBindingInfo", "hostnameport=trueup-test.example:47001"),
    ] {
        let before = dump(&format!(r"{PARAMETERS}\{list}"));
        let seen = || netsh(&["show", "sslcert", name]).filter(|text| text.contains("47001"));
        let document = |thumbprint: &str, rest: &str| {
            desired(&format!("ports:\n  t: {{ port: 47001, tls: {{ thumbprint: '{thumbprint}', {place}{rest} }} }}"))
        };
        let usable = certificates().into_iter().find_map(|thumbprint| {
            let report = try_apply(&machine, &document(&thumbprint, "")).ok()?;
            report.is_complete().then(|| (thumbprint, report.run.unwrap()))
        });
        let Some((thumbprint, made)) = usable else {
            println!("skipped: this machine has no certificate that http.sys takes");
            return;
        };
        let first = document(&thumbprint, "");
        assert!(seen().unwrap().to_lowercase().contains(&thumbprint.to_lowercase()));
        assert!(applied(&machine, &first).run.is_none());
        let stored = dump(&format!(r"{PARAMETERS}\{list}"));
        // Another setting, in place; then a certificate that is not there, after which the binding is what it was.
        let second = document(&thumbprint, ", revocation: 'off', client_certificates: negotiate, http2: false");
        let changed = applied(&machine, &second).run.unwrap();
        assert!(!plan(&machine, &second).has_operations());
        rolled_back(&machine, &changed);
        assert!(!plan(&machine, &first).has_operations());
        let removed =
            applied(&machine, &desired(&format!("ports:\n  t: {{ port: 47001, tls: {{ {place} }}, ensure: absent }}")));
        assert_eq!(seen(), None);
        rolled_back(&machine, &removed.run.unwrap());
        assert!(!plan(&machine, &first).has_operations());
        println!("{list}: {stored:?}");
        rolled_back(&machine, &made);
        assert_eq!(seen(), None);
        let values = |lines: Vec<String>| lines.into_iter().filter(|line| line.contains('|')).collect::<Vec<_>>();
        assert_eq!(values(dump(&format!(r"{PARAMETERS}\{list}"))), values(before));
    }
}
