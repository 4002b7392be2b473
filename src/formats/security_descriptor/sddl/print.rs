//! [`SecurityDescriptor`] to SDDL text.

use std::fmt::Write as _;

use super::{FLAGS, KINDS, LABEL_RIGHTS, NULL_LIST, SINGLE_RIGHTS, UnprintableError, WHOLE_RIGHTS, alias_of_sid};
use crate::formats::security_descriptor::{
    AccessList, AccessMask, Ace, AceBody, AceKind, Control, Part, SecurityDescriptor,
};
use crate::model::sid::Sid;

impl SecurityDescriptor {
    /// Writes the descriptor as SDDL text, which reads back as [`SecurityDescriptor::normalized`].
    ///
    /// # Errors
    /// An entry is of a type, or carries data, that the text is not written for.
    pub fn to_sddl(&self) -> Result<String, UnprintableError> {
        let mut text = String::new();
        for (letter, sid) in [("O:", self.owner()), ("G:", self.group())] {
            if let Some(sid) = sid {
                text.push_str(letter);
                text.push_str(&account_text(&sid));
            }
        }
        let dacl_flags = [
            ("P", Control::DACL_PROTECTED),
            ("AR", Control::DACL_AUTO_INHERIT_REQUIRED),
            ("AI", Control::DACL_AUTO_INHERITED),
        ];
        let sacl_flags = [
            ("P", Control::SACL_PROTECTED),
            ("AR", Control::SACL_AUTO_INHERIT_REQUIRED),
            ("AI", Control::SACL_AUTO_INHERITED),
        ];
        let lists = [("D:", Part::Dacl, self.dacl(), dacl_flags), ("S:", Part::Sacl, self.sacl(), sacl_flags)];
        for (letter, part, list, flags) in lists {
            if *list == AccessList::Absent {
                continue;
            }
            text.push_str(letter);
            text.extend(flags.into_iter().filter(|(_, flag)| self.control().contains(*flag)).map(|(name, _)| name));
            if *list == AccessList::Null {
                text.push_str(NULL_LIST);
            }
            for (index, ace) in list.entries().iter().enumerate() {
                write_entry(&mut text, ace).map_err(|kind| UnprintableError { part, position: index + 1, kind })?;
            }
        }
        Ok(text)
    }
}

/// # Errors
/// The number of an entry type that has no text form.
fn write_entry(text: &mut String, ace: &Ace) -> Result<(), u8> {
    let entry = match &ace.body {
        AceBody::Account(entry) if entry.trailing.is_empty() => entry,
        AceBody::Account(entry) => return Err(entry.kind.number()),
        AceBody::Opaque(entry) => return Err(entry.kind),
    };
    let kind = KINDS.into_iter().find(|(_, kind)| *kind == entry.kind);
    let (letters, _) = kind.ok_or(entry.kind.number())?;
    let flags: String = FLAGS.into_iter().filter(|(_, flag)| ace.flags.contains(*flag)).map(|(name, _)| name).collect();
    let rights = rights_text(entry.kind, entry.mask);
    let account = account_text(&entry.sid);
    // Writing to a String does not fail.
    let _ = write!(text, "({letters};{flags};{rights};;;{account})");
    Ok(())
}

fn rights_text(kind: AceKind, mask: AccessMask) -> String {
    let bits = mask.bits();
    let singles: &[(&str, u32)] = if kind == AceKind::MandatoryLabel { &LABEL_RIGHTS } else { &SINGLE_RIGHTS };
    let said: Vec<&(&str, u32)> = singles.iter().filter(|(_, right)| bits & right != 0).collect();
    if let Some((name, _)) = WHOLE_RIGHTS.iter().find(|(_, right)| *right == bits) {
        (*name).to_owned()
    } else if bits != 0 && said.iter().fold(0, |sum, (_, right)| sum | right) == bits {
        said.into_iter().map(|(name, _)| *name).collect()
    } else {
        format!("{bits:#x}")
    }
}

fn account_text(sid: &Sid) -> String {
    alias_of_sid(sid).map_or_else(|| sid.to_string(), str::to_owned)
}
