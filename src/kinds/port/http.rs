//! From `tls` and `url` of an entry to the bindings and reservations that they come to.

use super::build::{Draft, refuse};
use super::document::{TlsFields, UrlFields};
use super::forms::OneOrMore;
use super::wanted::{CertificateSource, UrlAccess, WantedBinding, WantedReservation};
use crate::formats::firewall::Protocol;
use crate::formats::http_sys::{Endpoint, HostName, UrlPrefix, UrlRights};
use crate::formats::security_descriptor::SecurityDescriptor;
use crate::model::common::Ensure;
use crate::model::decode::Decoder;
use crate::model::source::Spanned;
use crate::model::thumbprint::Thumbprint;

/// The bytes of a thumbprint that http.sys takes.
const SHA1_BYTES: usize = 20;

/// The bindings of an entry: one for each port and each host or address.
pub fn bindings(draft: &Draft<'_>, tls: &Spanned<TlsFields>, cx: &mut Decoder) -> Vec<WantedBinding> {
    let read = &tls.value;
    let certificate = match (&read.certificate, &read.thumbprint) {
        (Some(name), None) => Some(Spanned::new(CertificateSource::Entry(name.value.as_str().into()), name.at)),
        (None, Some(text)) => match Thumbprint::parse(&text.value) {
            Ok(thumbprint) if thumbprint.bytes().len() == SHA1_BYTES => {
                Some(Spanned::new(CertificateSource::Pinned(thumbprint), text.at))
            }
            Ok(_) => {
                let hint = "it has 40 hexadecimal digits; the one with 64 is SHA-256";
                refuse(cx, text.at, "ports.bad_thumbprint", "http.sys takes SHA-1 thumbprints only", hint);
                return Vec::new();
            }
            Err(error) => {
                refuse(cx, text.at, "ports.bad_thumbprint", error.to_string(), "");
                return Vec::new();
            }
        },
        (None, None) if draft.ensure == Ensure::Absent => None,
        _ => {
            let message = "a binding has either a `certificate` or a `thumbprint`";
            refuse(cx, tls.at, "ports.which_certificate", message, "");
            return Vec::new();
        }
    };
    if draft.protocol.is_some_and(|form| !form.protocols().contains(&Protocol::Tcp)) {
        refuse(cx, draft.protocol_at, "ports.tls_over_tcp", "http.sys speaks TLS over TCP", "");
    }
    let app_id = read.app_id.as_ref().and_then(|text| {
        let parsed = text.value.parse();
        parsed.map_err(|error| refuse(cx, text.at, "ports.bad_app_id", format!("{error}"), "")).ok()
    });
    if let Some(store) = &read.store
        && (store.value.contains('\\') || store.value.trim().is_empty())
    {
        let hint = "write its name alone, as in `My` or `WebHosting`";
        refuse(cx, store.at, "ports.bad_store", "http.sys takes stores of the local machine only", hint);
    }
    let Some(ports) = draft.single_ports("a TLS binding", cx) else { return Vec::new() };
    let mut endpoints = Vec::new();
    for port in ports {
        let Some(port) = std::num::NonZeroU16::new(port) else { continue };
        if let Some(OneOrMore(hosts)) = &read.sni {
            for host in hosts {
                match host.value.parse::<HostName>() {
                    Ok(name) => endpoints.push((Endpoint::name(name, port), host.at)),
                    Err(error) => refuse(
                        cx,
                        host.at,
                        "ports.bad_host",
                        error.to_string(),
                        "`sni` is of names that clients ask for; addresses go to `address`",
                    ),
                }
            }
            if let Some(OneOrMore(addresses)) = &read.address
                && let Some(first) = addresses.first()
            {
                let message = "a binding is either of host names or of addresses";
                refuse(
                    cx,
                    first.at,
                    "ports.host_and_address",
                    message,
                    "leave out `address`: `sni` holds at every address",
                );
            }
        } else if let Some(OneOrMore(addresses)) = &read.address {
            for address in addresses {
                match address.value.parse() {
                    Ok(ip) => endpoints.push((Endpoint::address(ip, port), address.at)),
                    Err(_) => {
                        let message = format!("`{}` is no IP address", address.value.escape_debug());
                        refuse(cx, address.at, "ports.bad_address", message, "write `0.0.0.0` for all");
                    }
                }
            }
        } else {
            endpoints.push((Endpoint::address(core::net::Ipv4Addr::UNSPECIFIED.into(), port), tls.at));
        }
    }
    let made = endpoints.into_iter().map(|(endpoint, at)| WantedBinding {
        part: format!("tls {endpoint}").into(),
        at,
        endpoint,
        certificate: certificate.clone(),
        store: read.store.as_ref().map(|store| store.value.as_str().into()),
        app_id,
        client_certificates: read.client_certificates,
        revocation: read.revocation,
        http2: read.http2,
        legacy_tls: read.legacy_tls,
    });
    made.collect()
}

/// The reservations of an entry.
pub fn reservations(draft: &Draft<'_>, url: OneOrMore<Spanned<UrlFields>>, cx: &mut Decoder) -> Vec<WantedReservation> {
    let mut made = Vec::new();
    for Spanned { value: read, at } in url.0 {
        let prefix = match UrlPrefix::parse(&read.prefix.value) {
            Ok(prefix) => prefix,
            Err(error) => {
                refuse(cx, read.prefix.at, "ports.bad_prefix", error.to_string(), "");
                continue;
            }
        };
        if !draft.ports.is_empty() && !draft.ports.numbers.contains(prefix.port()) {
            let message = format!("the URL has port {}, which is none of the entry's", prefix.port());
            refuse(cx, read.prefix.at, "ports.other_port", message, "give the URL an entry of its own");
            continue;
        }
        let mut rights = UrlRights::empty();
        rights.set(UrlRights::LISTEN, read.listen);
        rights.set(UrlRights::DELEGATE, read.delegate);
        let access = match (read.user, read.sddl) {
            _ if draft.ensure == Ensure::Absent => None,
            (Some(OneOrMore(users)), None) if !users.is_empty() => {
                if rights.is_empty() {
                    refuse(cx, at, "ports.no_rights", "the accounts may neither listen nor delegate", "");
                }
                Some(UrlAccess::Accounts { users, rights })
            }
            (None, Some(sddl)) => match sddl.value.parse::<SecurityDescriptor>() {
                Ok(descriptor) => Some(UrlAccess::Sddl(Box::new(descriptor))),
                Err(error) => {
                    refuse(cx, sddl.at, "ports.bad_sddl", error.to_string(), "");
                    continue;
                }
            },
            _ => {
                let message = "a reservation names either its `user` or its `sddl`";
                refuse(cx, at, "ports.whose_url", message, "");
                continue;
            }
        };
        let part = format!("url {}", prefix.canonical()).into();
        made.push(WantedReservation { part, at: read.prefix.at, prefix, access });
    }
    made
}
