//! What counts of a probe's answer: when a machine is as it was asked to be, and what tells one answer from another. Pure.

use crate::formats::security_descriptor::SecurityDescriptor;
use crate::model::digest;
use crate::model::probe::Answer;
use crate::model::sid::Sid;

/// Whether a machine that finds `found` is as `wanted` says. Of a file's descriptor only that counts which is the file's own, and which
/// `wanted` speaks of.
pub fn holds(found: &Answer, wanted: &Answer) -> bool {
    match (found, wanted) {
        (Answer::Security(bytes), Answer::Security(wanted_bytes)) => {
            match (SecurityDescriptor::parse(bytes), SecurityDescriptor::parse(wanted_bytes)) {
                (Ok(one), Ok(other)) => one.is_as_file(&other),
                _ => bytes == wanted_bytes,
            }
        }
        _ => found == wanted,
    }
}

/// A text that tells an answer from others to the same question; the same for a descriptor and for one that was asked for, when the
/// file's own entries are.
pub fn state(answer: &Answer) -> String {
    match answer {
        Answer::Security(bytes) => {
            let own = SecurityDescriptor::parse(bytes).ok().and_then(|found| {
                let own = found.of_file().own();
                let list = SecurityDescriptor::default().with_control(own.control()).with_dacl(own.dacl().clone());
                list.to_bytes().ok()
            });
            format!("{:016x}", digest::of(&[own.as_deref().unwrap_or(bytes)]))
        }
        Answer::Members(members) => members.iter().map(Sid::to_string).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_told_by_what_is_its_own() {
        let security = |text: &str| {
            let parsed: SecurityDescriptor = text.parse().unwrap();
            Answer::Security(parsed.to_bytes().unwrap().into())
        };
        let asked = security("D:(A;;FR;;;BU)");
        let found = security("O:BAG:SYD:AI(A;;FR;;;BU)(A;ID;FA;;;SY)");
        assert!(holds(&found, &asked) && state(&found) == state(&asked));
        for other in ["D:(A;;FW;;;BU)", "D:P(A;;FR;;;BU)", "D:(A;;FR;;;BU)(A;;FA;;;SY)", "D:"] {
            let other = security(other);
            assert!(!holds(&found, &other) && state(&found) != state(&other), "{other:?}");
        }
        assert!(!holds(&Answer::Absent, &asked) && holds(&Answer::Absent, &Answer::Absent));
        assert_ne!(state(&Answer::Members(vec![Sid::USERS])), state(&Answer::Members(vec![Sid::SYSTEM])));
    }
}
