//! TLS bindings and reservations of the running http.sys, read back from it after each change. A binding that is replaced is put back
//! when the new one is refused.

use crate::formats::http_sys::{Binding, BindingField, BindingParameters, Endpoint, Reservation};
use crate::formats::registry_values::NamedValues;
use crate::formats::security_descriptor::SecurityDescriptor;
use crate::machine::windows_api::WindowsError;
use crate::machine::windows_api::http::Configuration;
use crate::machine::{WriteError, chain};
use crate::model::registry_data::RegistryData;

/// Brings the binding of an endpoint to what its values are to say, or removes it. `stored` is what its key holds now.
///
/// # Errors
/// The interface cannot say it, and nothing was changed; or http.sys refuses, or says yes and the binding is another: then it is what it
/// was, unless the error says otherwise.
pub fn put_binding(
    endpoint: &Endpoint,
    target: Option<&NamedValues<'_>>,
    stored: &NamedValues<'_>,
) -> Result<(), WriteError> {
    let attempt = || format!("set the TLS binding {endpoint}");
    let refused = |why: String| WriteError::refused(attempt(), why);
    let failed = |error: WindowsError| WriteError::failed(attempt(), error);
    let wanted = target.map(|values| {
        let binding = Binding::read(values).map_err(|error| refused(error.to_string()))?;
        let kept = Binding::read(stored).ok();
        BindingParameters::of(&binding, endpoint.kind(), kept.as_ref()).map_err(|error| refused(error.to_string()))
    });
    let wanted = wanted.transpose()?;
    let configuration = Configuration::open().map_err(failed)?;
    let found = configuration.binding(endpoint).map_err(failed)?;
    match (&found, &wanted) {
        (found, wanted) if are_same(found.as_ref(), wanted.as_ref()) => return Ok(()),
        (None, None) => {}
        (None, Some(wanted)) => configuration.set_binding(endpoint, wanted).map_err(failed)?,
        (Some(_), None) => configuration.delete_binding(endpoint).map_err(failed)?,
        (Some(found), Some(wanted)) => {
            if !configuration.update_binding(endpoint, wanted).map_err(failed)? {
                configuration.delete_binding(endpoint).map_err(failed)?;
                if let Err(error) = configuration.set_binding(endpoint, wanted) {
                    return Err(match configuration.set_binding(endpoint, found) {
                        Ok(()) => failed(error),
                        Err(second) => {
                            refused(format!("{error}; and the binding that was there could not be put back: {second}"))
                        }
                    });
                }
            }
        }
    }
    let now = configuration.binding(endpoint).map_err(failed)?;
    if are_same(now.as_ref(), wanted.as_ref()) {
        return Ok(());
    }
    Err(refused(match (now, wanted) {
        (None, _) => "http.sys said that it was set, and holds none there".to_owned(),
        (Some(_), None) => "http.sys said that it was removed, and holds it still".to_owned(),
        (Some(now), Some(wanted)) => {
            let fields = now.binding().differences(&wanted.binding());
            let names: Vec<&str> = fields.into_iter().map(BindingField::value_name).collect();
            format!("http.sys said that it was set, and holds another {}", names.join(", "))
        }
    }))
}

fn are_same(one: Option<&BindingParameters>, other: Option<&BindingParameters>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.binding().differences(&other.binding()).is_empty(),
        _ => false,
    }
}

/// Brings the reservation of a URL to what its value is to say, or gives the URL free.
///
/// # Errors
/// As [`put_binding`].
pub fn put_reservation(prefix: &str, target: Option<&RegistryData>) -> Result<(), WriteError> {
    let attempt = || format!("set the URL reservation {prefix}");
    let refused = |why: String| WriteError::refused(attempt(), why);
    let failed = |error: WindowsError| WriteError::failed(attempt(), error);
    let wanted = target.map(|data| {
        let reservation = Reservation::read(prefix, data).map_err(|error| refused(chain(&error)))?;
        let sddl = reservation.descriptor.to_sddl().map_err(|error| refused(chain(&error)))?;
        Ok::<_, WriteError>((reservation.descriptor, sddl))
    });
    let wanted = wanted.transpose()?;
    let is_wanted = |found: Option<&str>| match (found, &wanted) {
        (None, None) => true,
        (Some(found), Some((wanted, _))) => {
            found.parse::<SecurityDescriptor>().is_ok_and(|found| found.dacl() == wanted.dacl())
        }
        _ => false,
    };
    let configuration = Configuration::open().map_err(failed)?;
    let found = configuration.reservation(prefix).map_err(failed)?;
    if is_wanted(found.as_deref()) {
        return Ok(());
    }
    if found.is_some() {
        configuration.delete_reservation(prefix).map_err(failed)?;
    }
    if let Some((_, sddl)) = &wanted
        && let Err(error) = configuration.set_reservation(prefix, sddl)
    {
        return Err(match found.map(|found| configuration.set_reservation(prefix, &found)) {
            None | Some(Ok(())) => failed(error),
            Some(Err(second)) => {
                refused(format!("{error}; and the reservation that was there could not be put back: {second}"))
            }
        });
    }
    let now = configuration.reservation(prefix).map_err(failed)?;
    if is_wanted(now.as_deref()) {
        return Ok(());
    }
    Err(refused(match (now, wanted) {
        (None, _) => "http.sys said that it was reserved, and holds no reservation of it".to_owned(),
        (Some(_), None) => "http.sys said that it was given free, and holds it still".to_owned(),
        (Some(now), Some((_, sddl))) => {
            format!("http.sys said that it was reserved, and holds {now} in place of {sddl}")
        }
    }))
}
