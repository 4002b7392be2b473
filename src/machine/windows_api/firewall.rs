//! How the firewall treats networks of each kind, by its own interface. Rules go through WMI, which knows their ids.

use windows::Win32::Foundation::{VARIANT_BOOL, VARIANT_FALSE, VARIANT_TRUE};
use windows::Win32::NetworkManagement::WindowsFirewall::{
    INetFwPolicy2, NET_FW_ACTION_ALLOW, NET_FW_ACTION_BLOCK, NET_FW_PROFILE_TYPE2, NET_FW_PROFILE2_DOMAIN,
    NET_FW_PROFILE2_PRIVATE, NET_FW_PROFILE2_PUBLIC, NetFwPolicy2,
};

use super::com::{Apartment, ComError};
use crate::formats::firewall::Profile;

/// A setting of a profile; all of them are on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileSwitch {
    Enabled,
    /// On blocks what no rule is about.
    BlocksInbound,
    BlocksOutbound,
    /// On lets no rule open anything.
    NoExceptions,
    NoNotifications,
}

/// The firewall's policy.
pub struct Policy {
    // Goes before the apartment it was made in.
    policy: INetFwPolicy2,
    _apartment: Apartment,
}

const fn kind(profile: Profile) -> NET_FW_PROFILE_TYPE2 {
    match profile {
        Profile::Domain => NET_FW_PROFILE2_DOMAIN,
        Profile::Private => NET_FW_PROFILE2_PRIVATE,
        Profile::Public => NET_FW_PROFILE2_PUBLIC,
    }
}

impl Policy {
    /// Opens the policy.
    ///
    /// # Errors
    /// The firewall does not answer.
    pub fn open() -> Result<Self, ComError> {
        let apartment = Apartment::enter()?;
        Ok(Self { policy: apartment.make(&NetFwPolicy2)?, _apartment: apartment })
    }

    /// A setting as the firewall tells it: that of the local policy, not what group policy makes of it.
    ///
    /// # Errors
    /// The firewall refuses.
    pub fn get(&self, profile: Profile, switch: ProfileSwitch) -> Result<bool, ComError> {
        let (policy, kind) = (&self.policy, kind(profile));
        // SAFETY: plain values go in and come out.
        Ok(unsafe {
            match switch {
                ProfileSwitch::Enabled => policy.get_FirewallEnabled(kind)?.as_bool(),
                ProfileSwitch::BlocksInbound => policy.get_DefaultInboundAction(kind)? == NET_FW_ACTION_BLOCK,
                ProfileSwitch::BlocksOutbound => policy.get_DefaultOutboundAction(kind)? == NET_FW_ACTION_BLOCK,
                ProfileSwitch::NoExceptions => policy.get_BlockAllInboundTraffic(kind)?.as_bool(),
                ProfileSwitch::NoNotifications => policy.get_NotificationsDisabled(kind)?.as_bool(),
            }
        })
    }

    /// Turns a setting on or off.
    ///
    /// # Errors
    /// The firewall refuses.
    pub fn put(&self, profile: Profile, switch: ProfileSwitch, on: bool) -> Result<(), ComError> {
        let (policy, kind) = (&self.policy, kind(profile));
        let flag: VARIANT_BOOL = if on { VARIANT_TRUE } else { VARIANT_FALSE };
        let action = if on { NET_FW_ACTION_BLOCK } else { NET_FW_ACTION_ALLOW };
        // SAFETY: plain values go in.
        unsafe {
            match switch {
                ProfileSwitch::Enabled => policy.put_FirewallEnabled(kind, flag),
                ProfileSwitch::BlocksInbound => policy.put_DefaultInboundAction(kind, action),
                ProfileSwitch::BlocksOutbound => policy.put_DefaultOutboundAction(kind, action),
                ProfileSwitch::NoExceptions => policy.put_BlockAllInboundTraffic(kind, flag),
                ProfileSwitch::NoNotifications => policy.put_NotificationsDisabled(kind, flag),
            }
        }?;
        Ok(())
    }
}
