//! Dynamic and excluded ranges of ports, and who listens on a machine with services.

use std::net::TcpListener;

use trueup::machine::Machine as _;
use trueup::machine::local::LocalMachine;
use trueup::model::probe::{Answer, Probe, Transport};

use crate::live::{applied, desired, plan, rolled_back, turn};

#[test]
fn a_dynamic_range_is_moved_and_put_back() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    for (transport, word) in [(Transport::Tcp, "tcp"), (Transport::Udp, "udp")] {
        let found = || machine.probe(&Probe::DynamicPorts { transport }).unwrap();
        let before = found();
        let Answer::Ports(first, last) = before else { panic!("{before:?}") };
        // One port fewer at its beginning.
        let wanted = desired(&format!("ports:\n  t: {{ range: {}-{last}, protocol: {word} }}", first + 1));
        let run = applied(&machine, &wanted).run.unwrap();
        assert_eq!(found(), Answer::Ports(first + 1, last));
        assert!(!plan(&machine, &wanted).has_operations());
        rolled_back(&machine, &run);
        assert_eq!(found(), before);
    }
}

#[test]
fn a_reserved_port_is_kept_out_and_can_be_listened_at() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    for (transport, word) in [(Transport::Tcp, "tcp"), (Transport::Udp, "udp")] {
        let found = |first, last| {
            machine.probe(&Probe::ExcludedPorts { transport, first, last }).unwrap() == Answer::Flag(true)
        };
        assert!(!found(47001, 47003));
        let wanted = desired(&format!("ports:\n  t: {{ port: 47001-47003, protocol: {word}, reserve: true }}"));
        let run = applied(&machine, &wanted).run.unwrap();
        assert!(found(47001, 47003) && found(47002, 47002) && !found(47001, 47004));
        assert!(!plan(&machine, &wanted).has_operations());
        if transport == Transport::Tcp {
            // What it is for: the program that the port is kept for gets it.
            drop(TcpListener::bind(("127.0.0.1", 47002)).unwrap());
        }
        rolled_back(&machine, &run);
        assert!(!found(47001, 47001) && !found(47003, 47003));
    }
}

/// Every Windows listens at the endpoint mapper of RPC, in a process of services.
#[test]
fn services_that_listen_are_known_by_name() {
    let machine = LocalMachine::open().unwrap();
    let answer = machine.probe(&Probe::Listeners { transport: Transport::Tcp, port: 135 }).unwrap();
    let Answer::Listeners(found) = answer else { panic!("{answer:?}") };
    let services: Vec<&str> = found.iter().flat_map(|one| &one.services).map(|name| &**name).collect();
    assert!(
        services.iter().any(|name| name.eq_ignore_ascii_case("RpcSs") || name.eq_ignore_ascii_case("RpcEptMapper"))
    );
    assert!(found.iter().all(|one| one.program.eq_ignore_ascii_case("svchost.exe")), "{found:?}");
    // Port 445 is the kernel's.
    let answer = machine.probe(&Probe::Listeners { transport: Transport::Tcp, port: 445 }).unwrap();
    let Answer::Listeners(found) = answer else { panic!("{answer:?}") };
    assert!(found.iter().all(|one| *one.program == *"System" && one.services.is_empty()), "{found:?}");
}
