//! A version as programs write it, read for comparing: the numbers that it begins with.

use std::cmp::Ordering;
use std::fmt;

/// The most numbers of a version that count; no known version has more.
const MAX_NUMBERS: usize = 8;

/// The numbers of a version: `11.0.24+8` is 11, 0, 24, 8. A second release of one year, as in `2012 R2`, is a second number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(Vec<u64>);

impl Version {
    /// Makes a version of its numbers.
    pub fn new(numbers: &[u64]) -> Self {
        Self(numbers.iter().copied().take(MAX_NUMBERS).collect())
    }

    /// Reads what a program says of itself: a `v` before and all behind the numbers are left out. `None` when it begins with none.
    pub fn found(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut numbers = Vec::new();
        let mut rest = text;
        while numbers.len() < MAX_NUMBERS {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (Some(number), Some(behind)) = (rest.get(..digits), rest.get(digits..)) else { break };
            let Ok(number) = number.parse() else { break };
            numbers.push(number);
            let second_release = behind.strip_prefix(" R").or_else(|| behind.strip_prefix(" r"));
            let Some(next) = second_release.or_else(|| behind.strip_prefix(['.', '_', '+'])) else { break };
            rest = next;
        }
        (!numbers.is_empty()).then_some(Self(numbers))
    }

    /// Reads a version that somebody wants: numbers with dots between them, or a year and its second release.
    pub fn wanted(text: &str) -> Option<Self> {
        let (numbers, second) = match text.split_once(' ') {
            Some((year, release)) => (year, Some(release.strip_prefix(['R', 'r'])?)),
            None => (text, None),
        };
        let numbers = numbers.split('.').chain(second);
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let read = |part: &str| if is_number(part) { part.parse().ok() } else { None };
        let numbers: Vec<u64> = numbers.map(read).collect::<Option<_>>()?;
        (numbers.len() <= MAX_NUMBERS).then_some(Self(numbers))
    }

    /// Compares as far as `bound` is written: 11.0.24 is the same as 11, and later than 10. Numbers that are missing count as 0.
    pub fn cmp_as_written(&self, bound: &Self) -> Ordering {
        let own = self.0.iter().copied().chain(std::iter::repeat(0)).take(bound.0.len());
        own.cmp(bound.0.iter().copied())
    }

    /// The first number.
    pub fn first(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }

    pub fn numbers(&self) -> &[u64] {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say_is_read() {
        let cases: [(&str, Option<&[u64]>); 14] = [
            ("2.90.0", Some(&[2, 90, 0])),
            ("11.0.24+8", Some(&[11, 0, 24, 8])),
            ("1.8.0_391", Some(&[1, 8, 0, 391])),
            ("v4.0.30319", Some(&[4, 0, 30319])),
            ("8.0.0-rc.1.23419.4", Some(&[8, 0, 0])),
            ("15.0.2000.5", Some(&[15, 0, 2000, 5])),
            ("2012 R2", Some(&[2012, 2])),
            ("2019 Standard", Some(&[2019])),
            ("7.", Some(&[7])),
            ("1.2.3.4.5.6.7.8.9", Some(&[1, 2, 3, 4, 5, 6, 7, 8])),
            ("99999999999999999999", None),
            ("", None),
            ("beta", None),
            ("１.２", None),
        ];
        for (text, numbers) in cases {
            assert_eq!(Version::found(text), numbers.map(Version::new), "{text:?}");
        }
    }

    #[test]
    fn what_is_wanted_is_read_strictly() {
        for (text, numbers) in
            [("11", &[11][..]), ("4.7.2", &[4, 7, 2]), ("2012 R2", &[2012, 2]), ("2008 r2", &[2008, 2])]
        {
            assert_eq!(Version::wanted(text), Some(Version::new(numbers)), "{text}");
        }
        for text in ["", "4.", ".4", "4.x", "v4", "-1", "2012 SP1", "1_2", "4 .8", "1.2.3.4.5.6.7.8.9"] {
            assert_eq!(Version::wanted(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_answer(text in ".{0,40}") {
            let _ = Version::found(&text);
            if let Some(version) = Version::wanted(&text) {
                proptest::prop_assert_eq!(Version::found(&text), Some(version));
            }
        }

        #[test]
        fn a_version_is_the_same_as_its_beginning(
            numbers in proptest::collection::vec(0..50_u64, 1..8), length in 1..8_usize,
        ) {
            let version = Version::new(&numbers);
            let beginning = Version::new(&numbers[..length.min(numbers.len())]);
            proptest::prop_assert_eq!(version.cmp_as_written(&beginning), Ordering::Equal);
            proptest::prop_assert_eq!(Version::found(&version.to_string()), Some(version));
        }
    }
}
