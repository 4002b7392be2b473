//! Reservations: which accounts may listen at a URL prefix, and which may hand it on. Each is a value of a registry key.
//! Source: Microsoft, *HTTP_SERVICE_CONFIG_URLACL_PARAM*: generic execute registers, generic write delegates.

use bitflags::bitflags;

use super::prefix::{PrefixError, UrlPrefix};
use crate::formats::security_descriptor::{
    AccessList, AccessMask, Ace, AceFlags, AceKind, Acl, DescriptorError, SecurityDescriptor,
};
use crate::model::registry_data::{REG_BINARY, RegistryData, type_name};
use crate::model::sid::Sid;

bitflags! {
    /// What an account may do with a reserved URL.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct UrlRights: u8 {
        /// Register URLs below the prefix.
        const LISTEN = 1;
        /// Reserve parts of it for others.
        const DELEGATE = 2;
    }
}

/// A reservation as the registry holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub prefix: UrlPrefix,
    pub descriptor: SecurityDescriptor,
}

/// Why a registry value is no reservation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    #[error("the reservation {name} has a name that is no URL prefix")]
    Prefix {
        name: String,
        #[source]
        source: PrefixError,
    },
    #[error("the reservation {name} is {found}, not binary")]
    Type { name: String, found: String },
    #[error("the reservation {name} holds no security descriptor")]
    Descriptor {
        name: String,
        #[source]
        source: DescriptorError,
    },
}

impl Reservation {
    /// A reservation for one account.
    pub fn new(prefix: UrlPrefix, account: Sid, rights: UrlRights) -> Self {
        let entry = Ace::allow(account, rights.mask(), AceFlags::empty());
        let dacl = AccessList::Entries(Acl::new(vec![entry]));
        Self { prefix, descriptor: SecurityDescriptor::default().with_dacl(dacl) }
    }

    /// Reads a value of the key of reservations.
    ///
    /// # Errors
    /// Its name is no URL prefix, or its data no security descriptor.
    pub fn read(name: &str, data: &RegistryData) -> Result<Self, ReservationError> {
        let prefix =
            UrlPrefix::parse(name).map_err(|source| ReservationError::Prefix { name: name.to_owned(), source })?;
        if data.value_type != REG_BINARY {
            let found = type_name(data.value_type).into_owned();
            return Err(ReservationError::Type { name: name.to_owned(), found });
        }
        let descriptor = SecurityDescriptor::parse(&data.bytes)
            .map_err(|source| ReservationError::Descriptor { name: name.to_owned(), source })?;
        Ok(Self { prefix, descriptor })
    }

    /// The data of the value.
    ///
    /// # Errors
    /// The descriptor is too large to be written.
    pub fn data(&self) -> Result<RegistryData, DescriptorError> {
        Ok(RegistryData::binary(self.descriptor.to_bytes()?))
    }

    /// What each account may do, in the order of the entries.
    pub fn rights_by_account(&self) -> Vec<(Sid, UrlRights)> {
        rights_by_account(&self.descriptor)
    }
}

impl UrlRights {
    /// The rights that an entry of a reservation has.
    pub fn mask(self) -> AccessMask {
        let mut mask = AccessMask::empty();
        for (right, bit) in [(Self::LISTEN, AccessMask::GENERIC_EXECUTE), (Self::DELEGATE, AccessMask::GENERIC_WRITE)] {
            if self.contains(right) {
                mask |= bit;
            }
        }
        mask
    }

    fn of(mask: AccessMask) -> Self {
        if mask.contains(AccessMask::GENERIC_ALL) {
            return Self::all();
        }
        let mut rights = Self::empty();
        for (right, bit) in [(Self::LISTEN, AccessMask::GENERIC_EXECUTE), (Self::DELEGATE, AccessMask::GENERIC_WRITE)] {
            rights.set(right, mask.contains(bit));
        }
        rights
    }
}

/// What each account that a descriptor names may do: entries count in their order, for the account that they name alone.
///
/// A descriptor without a list lets everybody do everything; an account that may do nothing is not in the answer.
pub fn rights_by_account(descriptor: &SecurityDescriptor) -> Vec<(Sid, UrlRights)> {
    let AccessList::Entries(acl) = descriptor.dacl() else {
        return vec![(Sid::EVERYONE, UrlRights::all())];
    };
    // Account, allowed, denied before.
    let mut found: Vec<(Sid, UrlRights, UrlRights)> = Vec::new();
    let effective = acl.entries().iter().filter(|entry| !entry.flags.contains(AceFlags::INHERIT_ONLY));
    for entry in effective.filter_map(Ace::account) {
        let rights = UrlRights::of(entry.mask);
        let index = found.iter().position(|(sid, _, _)| *sid == entry.sid).unwrap_or_else(|| {
            found.push((entry.sid, UrlRights::empty(), UrlRights::empty()));
            found.len() - 1
        });
        let Some((_, allowed, denied)) = found.get_mut(index) else { continue };
        // A condition may or may not hold: a conditional allow is not counted on, a conditional deny is.
        match entry.kind {
            AceKind::Allow => *allowed |= rights - *denied,
            kind if kind.denies() => *denied |= rights - *allowed,
            _ => {}
        }
    }
    found.into_iter().map(|(sid, allowed, _)| (sid, allowed)).filter(|(_, rights)| !rights.is_empty()).collect()
}

/// What an account may do by the entries that name it.
pub fn rights_of(descriptor: &SecurityDescriptor, account: Sid) -> UrlRights {
    let found = rights_by_account(descriptor);
    let of_all = !matches!(descriptor.dacl(), AccessList::Entries(_));
    found.into_iter().find(|(sid, _)| *sid == account || of_all).map_or(UrlRights::empty(), |(_, rights)| rights)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn who(sddl: &str) -> Vec<(String, UrlRights)> {
        let descriptor = SecurityDescriptor::from_str(sddl).unwrap();
        rights_by_account(&descriptor).into_iter().map(|(sid, rights)| (sid.to_string(), rights)).collect()
    }

    #[test]
    fn rights() {
        let (listen, delegate, both) = (UrlRights::LISTEN, UrlRights::DELEGATE, UrlRights::all());
        let cases: &[(&str, &[(&str, UrlRights)])] = &[
            ("D:(A;;GX;;;WD)", &[("S-1-1-0", listen)]),
            ("D:(A;;GW;;;BU)", &[("S-1-5-32-545", delegate)]),
            ("D:(A;;GXGW;;;BU)", &[("S-1-5-32-545", both)]),
            ("D:(A;;GA;;;BU)", &[("S-1-5-32-545", both)]),
            ("D:(A;;GX;;;BU)(A;;GW;;;BU)(A;;GX;;;NS)", &[("S-1-5-32-545", both), ("S-1-5-20", listen)]),
            ("D:(D;;GX;;;BU)(A;;GA;;;BU)", &[("S-1-5-32-545", delegate)]),
            ("D:(A;;GA;;;BU)(D;;GX;;;BU)", &[("S-1-5-32-545", both)]),
            ("D:(D;;GA;;;BU)(A;;GA;;;BU)", &[]),
            ("D:(A;;GR;;;BU)", &[]),
            ("D:(A;IO;GX;;;BU)", &[]),
            ("D:", &[]),
            ("O:BA", &[("S-1-1-0", both)]),
            ("D:NO_ACCESS_CONTROL", &[("S-1-1-0", both)]),
        ];
        for (sddl, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(sid, rights)| ((*sid).to_owned(), *rights)).collect();
            assert_eq!(who(sddl), expected, "{sddl}");
        }
        let descriptor = |sddl| SecurityDescriptor::from_str(sddl).unwrap();
        assert_eq!(rights_of(&descriptor("D:(A;;GX;;;BU)"), Sid::USERS), listen);
        assert_eq!(rights_of(&descriptor("D:(A;;GX;;;BU)"), Sid::SYSTEM), UrlRights::empty());
        assert_eq!(rights_of(&descriptor("D:NO_ACCESS_CONTROL"), Sid::SYSTEM), both);
    }

    #[test]
    fn a_new_reservation_is_one_entry() {
        let prefix = UrlPrefix::parse("https://+:5443/sipass/").unwrap();
        for (rights, sddl) in [
            (UrlRights::LISTEN, "D:(A;;GX;;;NS)"),
            (UrlRights::DELEGATE, "D:(A;;GW;;;NS)"),
            (UrlRights::all(), "D:(A;;GWGX;;;NS)"),
        ] {
            let reservation = Reservation::new(prefix.clone(), Sid::NETWORK_SERVICE, rights);
            assert_eq!(reservation.descriptor.to_sddl().unwrap(), sddl);
            assert_eq!(reservation.rights_by_account(), [(Sid::NETWORK_SERVICE, rights)]);
            let data = reservation.data().unwrap();
            assert_eq!(Reservation::read("https://+:5443/sipass/", &data), Ok(reservation));
        }
    }

    #[test]
    fn what_is_no_reservation_says_why() {
        for (name, data, message) in [
            ("x", RegistryData::binary([]), "the reservation x has a name that is no URL prefix"),
            ("http://+:80/", RegistryData::sz("D:"), "the reservation http://+:80/ is REG_SZ, not binary"),
            ("http://+:80/", RegistryData::binary([1]), "the reservation http://+:80/ holds no security descriptor"),
        ] {
            assert_eq!(Reservation::read(name, &data).unwrap_err().to_string(), message);
        }
    }
}
