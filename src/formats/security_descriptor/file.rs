//! Descriptors of files and folders: what of one is the file's own, and whether it is as was asked.
//!
//! Source: [MS-DTYP] 2.4.4.1 (inherited entries), 2.5.3.4 (what a new object gets) and the generic mapping of files.

use super::{AccessList, AccessMask, Ace, AceBody, AceFlags, Acl, Control, SecurityDescriptor};

/// The system and administrators do everything, and so does whoever owns the file; nothing comes from the folder. A file for
/// nobody else's eyes has this.
pub const PRIVATE_FILE: &str = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)";

impl AccessMask {
    /// Everything with a file: `FA` in SDDL.
    pub const FILE_ALL_ACCESS: Self = Self::from_bits_retain(0x001F_01FF);

    /// The mask with generic rights replaced by what they mean for a file or folder.
    #[must_use]
    pub fn mapped_for_files(self) -> Self {
        let meanings = [
            (Self::GENERIC_ALL, 0x001F_01FF),
            (Self::GENERIC_READ, 0x0012_0089),
            (Self::GENERIC_WRITE, 0x0012_0116),
            (Self::GENERIC_EXECUTE, 0x0012_00A0),
        ];
        meanings
            .into_iter()
            .filter(|(generic, _)| self.contains(*generic))
            .fold(self - Self::GENERIC, |mask, (_, meaning)| mask | Self::from_bits_retain(meaning))
    }
}

fn mapped(ace: &Ace) -> Ace {
    let mut ace = ace.clone();
    if let AceBody::Account(entry) = &mut ace.body {
        entry.mask = entry.mask.mapped_for_files();
    }
    ace
}

impl SecurityDescriptor {
    /// Whether its list takes nothing from the folder above.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.control().contains(Control::DACL_PROTECTED)
    }

    /// As a file system keeps it: generic rights in effect are replaced by what they mean, nothing is audited, and of the
    /// control flags only that of protection stays. Whether a list follows that of its folder is the system's to note.
    #[must_use]
    pub fn of_file(&self) -> Self {
        let mut out = Self::default().with_control(self.control() & Control::DACL_PROTECTED);
        if let Some(owner) = self.owner() {
            out = out.with_owner(owner);
        }
        if let Some(group) = self.group() {
            out = out.with_group(group);
        }
        let in_effect = |ace: &Ace| if ace.flags.contains(AceFlags::INHERIT_ONLY) { ace.clone() } else { mapped(ace) };
        match self.dacl() {
            AccessList::Absent => out,
            AccessList::Null => out.with_dacl(AccessList::Null),
            AccessList::Entries(acl) => {
                out.with_dacl(AccessList::Entries(Acl::new(acl.entries().iter().map(in_effect).collect())))
            }
        }
    }

    /// With the generic rights of every entry replaced, also of those that are only handed on: for judging, not for writing.
    #[must_use]
    pub fn mapped_for_files(&self) -> Self {
        match self.dacl() {
            AccessList::Entries(acl) => {
                let entries = acl.entries().iter().map(mapped).collect();
                self.clone().with_dacl(AccessList::Entries(Acl::new(entries)))
            }
            AccessList::Absent | AccessList::Null => self.clone(),
        }
    }

    /// Without the entries that come from the folder above; in a list that takes none, all are the file's own.
    #[must_use]
    pub fn own(&self) -> Self {
        let AccessList::Entries(acl) = self.dacl() else { return self.clone() };
        let own = acl.entries().iter().filter(|ace| self.is_protected() || !ace.is_inherited());
        let own = own.map(|ace| Ace { flags: ace.flags.difference(AceFlags::INHERITED), body: ace.body.clone() });
        self.clone().with_dacl(AccessList::Entries(Acl::new(own.collect())))
    }

    /// Whether a file that has this descriptor is as `wanted` asks, which may say nothing of owner, group or list. What comes
    /// from the folder above is the folder's.
    #[must_use]
    pub fn is_as_file(&self, wanted: &Self) -> bool {
        let is_owner = wanted.owner().is_none_or(|owner| self.owner() == Some(owner));
        let is_group = wanted.group().is_none_or(|group| self.group() == Some(group));
        let is_list = match (self.dacl(), wanted.dacl()) {
            (_, AccessList::Absent) => true,
            (AccessList::Null, AccessList::Null) => true,
            (AccessList::Entries(_), AccessList::Entries(_)) => {
                let own = |one: &Self| one.of_file().own().dacl().entries().to_vec();
                self.is_protected() == wanted.is_protected() && own(self) == own(wanted)
            }
            _ => false,
        };
        is_owner && is_group && is_list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(text: &str) -> SecurityDescriptor {
        text.parse().unwrap()
    }

    #[test]
    fn what_comes_from_the_folder_is_not_compared() {
        let cases = [
            ("O:BAD:AI(A;;FA;;;BU)(A;ID;FA;;;SY)", "O:BAD:(A;;FA;;;BU)", true),
            ("O:BAD:(A;;FA;;;BU)(A;ID;FA;;;SY)", "D:(A;;FA;;;BU)(A;ID;FR;;;BA)", true),
            ("O:BAD:(A;;FA;;;BU)", "O:SYD:(A;;FA;;;BU)", false),
            ("O:BAD:(A;;FA;;;BU)", "D:P(A;;FA;;;BU)", false),
            ("O:BAD:P(A;;FA;;;BU)(A;ID;FA;;;SY)", "D:P(A;;FA;;;BU)(A;;FA;;;SY)", true),
            ("O:BAD:P(A;;FA;;;BU)", "D:P(A;;FA;;;BU)(A;ID;FA;;;SY)", false),
            ("O:BAD:(A;;FA;;;BU)", "D:(A;;GA;;;BU)", true),
            ("O:BAD:(A;;FR;;;BU)", "D:(A;;GA;;;BU)", false),
            ("O:BAD:(A;;FA;;;BU)(A;;FA;;;SY)", "D:(A;;FA;;;SY)(A;;FA;;;BU)", false),
            ("O:BAG:SYD:(A;;FA;;;BU)", "O:BA", true),
            ("O:BAG:SY", "G:BA", false),
        ];
        for (found, wanted, expected) in cases {
            assert_eq!(descriptor(found).is_as_file(&descriptor(wanted)), expected, "{found} {wanted}");
        }
    }

    #[test]
    fn generic_rights_in_effect_are_replaced() {
        let kept = descriptor("O:BAD:PAI(A;OICIIO;GA;;;SY)(A;OICI;GRGX;;;BU)S:(AU;SA;FA;;;WD)").of_file();
        assert_eq!(kept, descriptor("O:BAD:P(A;OICIIO;GA;;;SY)(A;OICI;0x1200a9;;;BU)"));
        assert_eq!(kept.of_file(), kept);
        assert_eq!(kept.mapped_for_files(), descriptor("O:BAD:P(A;OICIIO;FA;;;SY)(A;OICI;0x1200a9;;;BU)"));
        assert!(descriptor(PRIVATE_FILE).is_protected());
    }
}
