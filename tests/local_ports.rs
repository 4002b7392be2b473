//! Who listens at ports of the running machine, and what its firewall and http.sys make of a change: `.ci/run windows` runs it under Wine,
//! whose interfaces say yes and change nothing, which has to come out as an error.

#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

#[path = "live/mod.rs"]
mod live;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;

use live::{Secrets, Silent, applied, desired, dump, now, options, plan, turn};
use trueup::apply::{ApplyOptions, Basis as _, DocumentBasis, apply};
use trueup::machine::Machine as _;
use trueup::machine::local::LocalMachine;
use trueup::model::probe::{Answer, Listener, Probe, Transport};
use trueup::model::verdict::Verdict;
use trueup::plan::PlanOptions;

/// The firewall's policy and the configuration of http.sys.
const PLACES: [&str; 2] = [
    r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy",
    r"SYSTEM\CurrentControlSet\Services\HTTP\Parameters",
];

fn listeners(machine: &LocalMachine, transport: Transport, port: u16) -> Vec<Listener> {
    match machine.probe(&Probe::Listeners { transport, port }).unwrap() {
        Answer::Listeners(found) => found,
        other => panic!("{other:?}"),
    }
}

fn is_free(machine: &LocalMachine, transport: Transport, port: u16) -> bool {
    machine.probe(&Probe::PortFree { transport, port }).unwrap() == Answer::Flag(true)
}

fn this_program() -> String {
    std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn listeners_are_known_by_their_program() {
    let machine = LocalMachine::open().unwrap();
    let own = vec![Listener { program: this_program().into(), services: vec![] }];
    let any_v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let loopback_v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    for address in [any_v4, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), loopback_v6] {
        let listener = TcpListener::bind(address).unwrap();
        // Wine knows whose a socket is once its process has touched it.
        listener.set_ttl(64).unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = listeners(&machine, Transport::Tcp, port);
        match address {
            // Of such a socket Wine says that it is nobody's.
            SocketAddr::V6(_) if found.iter().any(|one| *one.program == *"process 0") => assert_eq!(found.len(), 1),
            _ => assert_eq!(found, own, "{address}"),
        }
        assert!(!is_free(&machine, Transport::Tcp, port));
        assert!(is_free(&machine, Transport::Udp, port), "{address}");
        drop(listener);
        assert!(is_free(&machine, Transport::Tcp, port), "{address}");
        assert_eq!(listeners(&machine, Transport::Tcp, port), []);

        let socket = UdpSocket::bind(address).unwrap();
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap_or_default();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(listeners(&machine, Transport::Udp, port), own, "{address}");
        assert!(!is_free(&machine, Transport::Udp, port));
    }
    // Two sockets of one program at one port are one listener; who connects from a port does not listen there.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_ttl(64).unwrap();
    let place = listener.local_addr().unwrap();
    let other = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), place.port())).unwrap();
    other.set_ttl(64).unwrap();
    assert_eq!(listeners(&machine, Transport::Tcp, place.port()), own);
    let client = TcpStream::connect(place).unwrap();
    assert!(is_free(&machine, Transport::Tcp, client.local_addr().unwrap().port()));
}

/// A service that listens is known by its name; Wine's own are asked, where they listen at all.
#[test]
fn the_plan_says_who_listens() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_ttl(64).unwrap();
    let port = listener.local_addr().unwrap().port();
    let verdict = |expect: &str| {
        let wanted = desired(&format!("ports:\n  own: {{ port: {port}, listener: {{ expect: '{expect}' }} }}"));
        let mut decisions = plan(&machine, &wanted).decisions;
        decisions.retain(|decision| decision.id.part().is_some_and(|part| part.starts_with("listener")));
        let decision = decisions.remove(0);
        (decision.verdict, decision.reasons.first().map(|reason| reason.code.to_string()))
    };
    assert_eq!(verdict(&this_program()), (Verdict::Keep, None));
    assert_eq!(verdict("W3SVC"), (Verdict::Blocked, Some("ports.other_listener".into())));
    drop(listener);
    assert_eq!(verdict("W3SVC"), (Verdict::Unverifiable, Some("ports.nobody_listens".into())));
}

/// What a change that goes through an interface comes to where the interface does nothing: an error, and nothing is changed.
#[test]
fn an_interface_that_does_nothing_is_told() {
    const ZEROS: &str = "0000000000000000000000000000000000000000";
    if !Path::new(r"C:\windows\system32\winecfg.exe").exists() {
        println!("skipped: this is no Wine, and its interfaces do what they are told");
        return;
    }
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let accepted = ["ports.certificate_absent".to_owned()];
    for (document, told) in [
        (
            "ports:\n  t: { port: 47001, allow: {} }",
            "firewall rule trueup-t-allow-tcp-in: this Windows has no such namespace",
        ),
        (
            "ports:\n  firewall: { public: { inbound: block, outbound: block } }",
            "firewall profile public: Not implemented",
        ),
        (
            &format!("ports:\n  t: {{ port: 47001, tls: {{ thumbprint: '{ZEROS}', address: 127.0.0.1 }} }}"),
            "TLS binding 127.0.0.1:47001: http.sys said that it was set, and holds none there",
        ),
        (
            &format!("ports:\n  t: {{ port: 47001, tls: {{ thumbprint: '{ZEROS}', sni: trueup.example }} }}"),
            "TLS binding trueup.example:47001: http.sys said that it was set, and holds none there",
        ),
        (
            "ports:\n  t: { url: { prefix: 'http://+:47001/trueup/', user: 'NT AUTHORITY\\NETWORK SERVICE' } }",
            "URL reservation http://+:47001/trueup/: http.sys said that it was reserved, and holds no reservation of it",
        ),
    ] {
        let before = PLACES.map(dump);
        let wanted = desired(document);
        let basis = DocumentBasis { desired: &wanted, options: PlanOptions::at(now()) };
        let facts = basis.facts(&machine, &Secrets).unwrap();
        let plan = basis.plan(&facts).unwrap();
        let options = ApplyOptions { accept: &accepted, ..options() };
        let report = apply(&machine, &basis, &plan, &facts, &options, &mut Silent);
        let report = report.unwrap_or_else(|error| panic!("{document}: {error:?}"));
        assert!(!report.is_complete(), "{document}: {report:?}");
        assert!(format!("{report:?}").contains(told), "{document}: {report:?}");
        let keys = |dumps: [Vec<String>; 2]| -> Vec<String> { dumps.concat() };
        let values = |lines: Vec<String>| lines.into_iter().filter(|line| line.contains('|')).collect::<Vec<_>>();
        assert_eq!(values(keys(PLACES.map(dump))), values(keys(before)), "{document}");
    }
    applied(&machine, &desired("registry:\n  TEST: {}"));
}

/// Where Windows does not tell its ranges, their entries wait or are blocked; nothing is made up.
#[test]
fn ranges_are_told_or_said_not_to_be_known() {
    let machine = LocalMachine::open().unwrap();
    for transport in [Transport::Tcp, Transport::Udp] {
        match machine.probe(&Probe::DynamicPorts { transport }) {
            Ok(Answer::Ports(first, last)) => assert!(first >= 1025 && last > first, "{first}-{last}"),
            Ok(other) => panic!("{other:?}"),
            Err(unread) => println!("{unread}"),
        }
        match machine.probe(&Probe::ExcludedPorts { transport, first: 47001, last: 47002 }) {
            Ok(Answer::Flag(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(unread) => println!("{unread}"),
        }
    }
}
