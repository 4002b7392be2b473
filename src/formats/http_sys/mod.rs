//! What http.sys keeps in the registry: TLS bindings of endpoints, and reservations of URLs for accounts.
//! Names and types of the values were never seen on a real server here, but for reservations; the typed view refuses what it does not know.

mod binding;
mod endpoint;
mod flags;
mod host;
mod parameters;
mod prefix;
mod reservation;

pub use binding::{Binding, BindingError, BindingField, DEFAULT_STORE};
pub use endpoint::{BindingKind, Endpoint, EndpointError};
pub use flags::{BindingFlags, CheckMode};
pub use host::{HostError, HostName};
pub use parameters::{BindingParameters, ParametersError};
pub use prefix::{Overlap, PrefixError, PrefixHost, Scheme, UrlPrefix};
pub use reservation::{Reservation, ReservationError, UrlRights, rights_by_account, rights_of};

/// The key of all of it.
pub const PARAMETERS: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters";
/// The key below [`PARAMETERS`] whose values are reservations, named by their URLs.
pub const RESERVATIONS: &str = "UrlAclInfo";
