//! The names that this program gives to files of its own beside those of others, in any folder.

const START: &str = ".trueup-";
const TEMPORARY_END: &str = ".tmp";
const WAITING_END: &str = ".next";
const DIGITS: usize = 16;

/// The name of a file until it is whole.
#[must_use]
pub fn temporary(number: u64) -> String {
    own(number, TEMPORARY_END)
}

/// The name of a file until the next start gives it another.
#[must_use]
pub fn waiting(number: u64) -> String {
    own(number, WAITING_END)
}

/// Whether a name is one of [`temporary`].
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    is_own_with(name, TEMPORARY_END)
}

/// Whether a name is one of [`waiting`].
#[must_use]
pub fn is_waiting(name: &str) -> bool {
    is_own_with(name, WAITING_END)
}

/// Whether it is a name that no listing shows.
#[must_use]
pub fn is_own(name: &str) -> bool {
    is_temporary(name) || is_waiting(name)
}

fn own(number: u64, end: &str) -> String {
    format!("{START}{number:0DIGITS$x}{end}")
}

fn is_own_with(name: &str, end: &str) -> bool {
    let digits = name.strip_prefix(START).and_then(|rest| rest.strip_suffix(end));
    digits.is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_is_known() {
        let (temporary, waiting) = (temporary(0xab), waiting(u64::MAX));
        assert_eq!(
            (temporary.as_str(), waiting.as_str()),
            (".trueup-00000000000000ab.tmp", ".trueup-ffffffffffffffff.next")
        );
        assert!(is_temporary(&temporary) && !is_waiting(&temporary) && is_own(&temporary));
        assert!(is_waiting(&waiting) && !is_temporary(&waiting) && is_own(&waiting));
        for name in [".trueup-notes.txt", ".trueup-00000000000000AB.tmp", ".trueup-ab.next", "a.next"] {
            assert!(!is_own(name), "{name}");
        }
    }
}
