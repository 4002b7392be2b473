//! What every entry of a document can say, whatever its kind.

use super::decode::{Decoder, Unique};
use super::diagnostic::Diagnostic;
use super::record::Fields;
use super::source::Spanned;
use crate::formats::service::ServiceName;
use crate::formats::upcase;

crate::choice! {
    /// Whether a thing should be there.
    pub enum Ensure or Present {
        /// It is there, as the entry says.
        Present = "present",
        /// It is not there.
        Absent = "absent",
    }
}

crate::record! {
    /// What else follows when an entry changes.
    #[derive(Default, PartialEq, Eq, serde::Serialize)]
    #[check(check_services)]
    pub struct OnChange {
        /// The machine must restart for the change to take effect.
        pub reboot: bool = false,
        /// The Windows services to restart when the entry changes, by their names.
        #[example(["W3SVC"])]
        pub restart: Vec<Spanned<String>> = Vec::new(),
        /// The Windows services to stop before the entry changes, and to start again afterwards.
        #[example(["AcsServer"])]
        pub stop_first: Vec<Spanned<String>> = Vec::new(),
    }
}

crate::record! {
    /// The fields that every entry has.
    #[derive(Default)]
    #[check(check_protected)]
    pub struct Common {
        /// Whether the thing should be there.
        pub ensure: Ensure = Ensure::Present,
        /// Addresses of entries, or of parts of them, that must be done before this one.
        #[example(["registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLevel"])]
        pub depends_on: Vec<Spanned<String>> = Vec::new(),
        /// What else follows when this entry changes.
        pub on_change: OnChange = OnChange::default(),
        /// Refuse any plan that removes this, also once the entry has left the document; `false` lifts the mark.
        pub protect: Option<bool>,
        /// A remark for the reader; trueup only shows it.
        #[example("agreed with the vendor in ticket 4711")]
        pub note: Option<String>,
    }
}

impl OnChange {
    /// All services that do not run through the change.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.restart.iter().chain(&self.stop_first).map(|service| &*service.value)
    }
}

fn check_services(on_change: &OnChange, _: &Fields<'_, '_>, cx: &mut Decoder) {
    let named = on_change.restart.len() + on_change.stop_first.len();
    let mut unique = Unique::new("service", "document.service_twice", named);
    for service in on_change.restart.iter().chain(&on_change.stop_first) {
        let message = match service.value.parse::<ServiceName>() {
            _ if service.value.trim().is_empty() => Some("the name of a service is empty".to_owned()),
            _ if service.value.contains(char::is_control) => {
                Some("the name of a service cannot hold control characters".to_owned())
            }
            Err(error) => Some(error.to_string()),
            Ok(_) => None,
        };
        if let Some(message) = message {
            let hint = "write the name that `sc query` shows as SERVICE_NAME";
            cx.push(Diagnostic::error("document.bad_service_name", message).at(service.at).hint(hint));
            continue;
        }
        unique.insert(upcase::fold(&service.value), service.at, "the names of services compare without case", cx);
    }
}

/// What is protected cannot be asked to go in the same breath.
fn check_protected(common: &Common, fields: &Fields<'_, '_>, cx: &mut Decoder) {
    if common.ensure != Ensure::Absent || common.protect != Some(true) {
        return;
    }
    let mut diagnostic =
        Diagnostic::error("document.protected_absent", "the entry is to be removed and protected from removal")
            .hint("write `protect: false` if it is to go");
    diagnostic.at = fields.place("protect");
    diagnostic.related.extend(fields.place("ensure").map(|at| (at, "to be removed".to_owned())));
    cx.push(diagnostic);
}
