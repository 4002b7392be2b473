//! The rules that hold within an entry and between entries of the `certificates` section.

use std::collections::HashMap;

use super::wanted::{WantedCertificate, WantedIssuer};
use crate::formats::certificate_files::FileForm;
use crate::formats::upcase;
use crate::formats::x509::{Digest, KeyAlgorithm, KeyUsage};
use crate::model::decode::Decoder;
use crate::model::diagnostic::Diagnostic;
use crate::model::file::FilePath;
use crate::model::record::Fields;
use crate::model::source::Location;

/// What of one entry does not go together; `named` are the alternative names that it gives, readable or not.
pub fn check_entry(wanted: &WantedCertificate, named: usize, fields: &Fields<'_, '_>, cx: &mut Decoder) {
    let refuse = |cx: &mut Decoder, field: &str, code: &'static str, message: &str, hint: &str| {
        let at = fields.place(field).unwrap_or(wanted.at);
        cx.push(Diagnostic::error(code, message.to_owned()).at(at).hint(hint.to_owned()));
    };
    if !wanted.is_present() {
        if wanted.thumbprint.is_none() && wanted.subject.is_none() && wanted.files.is_empty() {
            let message = "the entry does not say which certificate is to go";
            refuse(
                cx,
                "ensure",
                "certificate.nothing_to_remove",
                message,
                "name its `thumbprint`, its `subject` or its `files`",
            );
        }
        return;
    }
    if wanted.is_bundle() {
        for field in
            ["subject", "names", "usage", "key_usage", "ca", "files", "friendly_name", "crl", "used_by", "thumbprint"]
        {
            if fields.place(field).is_some() {
                let message = format!("`{field}` has no meaning for certificates that are taken as they are");
                refuse(
                    cx,
                    field,
                    "certificate.not_for_a_bundle",
                    &message,
                    "name the bundle's stores and sources only",
                );
            }
        }
        if wanted.stores.is_empty() {
            refuse(cx, "issuer", "certificate.no_place", "the certificates have no place", "name a `store`");
        }
        return;
    }
    if wanted.exclusive || wanted.report_unmanaged {
        let field = if wanted.exclusive { "exclusive" } else { "report_unmanaged" };
        let hint = "only an entry with `issuer: {bundle: […]}` owns a whole store";
        refuse(cx, field, "certificate.not_a_set", "one certificate is no set", hint);
    }
    if wanted.makes_key() && wanted.subject.is_none() && named == 0 {
        let hint = "name a `subject`, as in \"CN=server.corp.example\"";
        refuse(cx, "issuer", "certificate.no_subject", "the certificate has neither a subject nor names", hint);
    }
    if wanted.authority.is_some()
        && wanted.makes_key()
        && wanted.subject.as_ref().is_none_or(|subject| subject.value.is_empty())
    {
        let hint = "name a `subject`: what the authority issues is known by it";
        refuse(cx, "ca", "certificate.no_subject", "an authority needs a subject", hint);
    }
    if wanted.thumbprint.is_some() && wanted.issuer.value != WantedIssuer::Existing {
        let hint = "drop it, or write `issuer: existing`";
        refuse(
            cx,
            "thumbprint",
            "certificate.pinned_and_made",
            "a certificate that is made here cannot be pinned by its thumbprint",
            hint,
        );
    }
    if wanted.makes_key() && wanted.digest == Digest::Sha1 {
        let hint = "such a certificate can be supplied or kept, with `allow_weak: true`; what is made here is signed with sha256 or better";
        refuse(cx, "digest", "certificate.cannot_sign", "nothing is signed with SHA-1 here", hint);
    }
    if wanted.key.algorithm == KeyAlgorithm::Ed25519 && wanted.makes_key() && !wanted.stores.is_empty() {
        let hint = "use rsa or ecdsa, or keep the certificate in files only";
        refuse(cx, "key", "certificate.ed25519_in_store", "Windows' stores cannot use Ed25519 keys", hint);
    }
    if wanted.renew_before >= wanted.valid_for && wanted.makes_key() {
        let message = "the certificate would be renewed each time: `renew_before` is not below `valid_for`";
        refuse(cx, "renew_before", "certificate.bad_renewal", message, "make `valid_for` longer");
    }
    if wanted.crl.is_some() && wanted.authority.is_none() {
        refuse(cx, "crl", "certificate.crl_without_ca", "only an authority has a revocation list", "write `ca: true`");
    }
    if wanted.authority.is_some() && wanted.makes_key() && !wanted.key_usage.contains(KeyUsage::CERTIFICATE_SIGN) {
        let hint = "add `certificate_sign`";
        refuse(
            cx,
            "key_usage",
            "certificate.usage_of_ca",
            "an authority's key must be allowed to sign certificates",
            hint,
        );
    }
    if wanted.crl.as_ref().is_some_and(|crl| crl.path.is_some()) && !wanted.key_usage.contains(KeyUsage::CRL_SIGN) {
        let hint = "add `crl_sign`, or leave `crl` out";
        refuse(cx, "key_usage", "certificate.usage_of_ca", "the authority's key may not sign a revocation list", hint);
    }
    if wanted.stores.is_empty() && wanted.files.is_empty() {
        let hint = "name a `store` or `files`";
        refuse(cx, "issuer", "certificate.no_place", "the certificate has no place on the machine", hint);
    }
    if matches!(wanted.issuer.value, WantedIssuer::Request { .. })
        && !wanted.files.iter().any(|file| file.form == FileForm::Csr)
    {
        let hint = "add `{path: …, form: csr}` to `files`: that file goes to the authority";
        refuse(cx, "issuer", "certificate.no_request_file", "nothing says where the request is to lie", hint);
    }
    if !matches!(wanted.issuer.value, WantedIssuer::Request { .. })
        && let Some(file) = wanted.files.iter().find(|file| file.form == FileForm::Csr)
    {
        let message = "only a certificate with `issuer: csr` has a request";
        cx.push(Diagnostic::error("certificate.useless_request", message).at(file.at));
    }
    if wanted.issuer.value == WantedIssuer::Existing
        && let Some(file) = wanted.files.iter().find(|file| file.form.is_private())
    {
        // Reading the file as its own source is all that could be done.
        let is_source = wanted.stores.is_empty();
        if !is_source {
            let message = "the key of an existing certificate is not trueup's to write";
            let hint = "supply it with `issuer: {pfx: …}` or `issuer: {files: …}`";
            cx.push(Diagnostic::error("certificate.key_of_existing", message).at(file.at).hint(hint));
        }
    }
}

/// Every signer is an entry that can sign, and none signs itself in a circle.
pub fn check_signers(entries: &[WantedCertificate], cx: &mut Decoder) {
    let by_name: HashMap<String, &WantedCertificate> =
        entries.iter().map(|entry| (upcase::fold(&entry.name), entry)).collect();
    for entry in entries.iter().filter(|entry| entry.is_present()) {
        let Some(signer) = entry.signer() else { continue };
        let at = entry.issuer.at;
        let Some(authority) = by_name.get(&upcase::fold(signer)) else {
            let near = cx.nearest(signer, entries.iter().map(|entry| &*entry.name));
            let hint = near.map_or_else(
                || "write `self`, `existing`, `csr`, or the name of an entry".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no certificate entry `{signer}`");
            cx.push(Diagnostic::error("certificate.unknown_issuer", message).at(at).hint(hint));
            continue;
        };
        if authority.authority.is_none() {
            let message = format!("`{signer}` is no authority");
            let diagnostic = Diagnostic::error("certificate.issuer_is_no_ca", message).at(at);
            cx.push(diagnostic.related(authority.at, "this entry").hint("write `ca: true` there"));
        } else if !authority.is_present() {
            let message = format!("`{signer}` is to be removed, so it cannot sign");
            cx.push(
                Diagnostic::error("certificate.issuer_is_absent", message).at(at).related(authority.at, "this entry"),
            );
        }
        let mut seen = vec![upcase::fold(&entry.name)];
        let mut next = Some(upcase::fold(signer));
        let mut below = 0_usize;
        while let Some(name) = next {
            if seen.contains(&name) {
                if seen.first() == Some(&name) {
                    seen.push(name);
                    let message = format!("certificates sign each other in a circle: {}", seen.join(" → "));
                    cx.push(Diagnostic::error("certificate.issuer_cycle", message).at(at));
                }
                break;
            }
            let found = by_name.get(&name);
            let limit = found.and_then(|found| found.authority).and_then(|authority| authority.path_length);
            if let Some(found) = found
                && limit.is_some_and(|limit| below > usize::from(limit))
            {
                let message =
                    format!("`{}` allows fewer authorities below it than lead to this certificate", found.name);
                let diagnostic = Diagnostic::error("certificate.path_too_long", message).at(at);
                cx.push(diagnostic.related(found.at, "its `ca.path_length`"));
            }
            below += usize::from(found.is_some_and(|found| found.authority.is_some()));
            next = found.and_then(|entry| entry.signer()).map(upcase::fold);
            seen.push(name);
        }
    }
}

/// No two entries write one file.
pub fn check_paths(entries: &[WantedCertificate], cx: &mut Decoder) {
    let mut seen: HashMap<FilePath, Location> = HashMap::new();
    let present = entries.iter().filter(|entry| entry.is_present());
    for (path, at) in present.flat_map(|entry| {
        let lists = entry.crl.iter().filter_map(|crl| crl.path.as_ref()).map(|path| (path.value.clone(), path.at));
        entry.files.iter().map(|file| (file.path.clone(), file.at)).chain(lists)
    }) {
        let place = path.usual_place();
        if let Some(first) = seen.get(&place) {
            let message = format!("{path} is written twice");
            cx.push(Diagnostic::error("certificate.file_twice", message).at(at).related(*first, "first written here"));
        } else {
            seen.insert(place, at);
        }
    }
}
