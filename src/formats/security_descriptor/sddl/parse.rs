//! SDDL text to [`SecurityDescriptor`]. Letters may be in either case; blanks may stand between sections and entries.

use std::str::FromStr;

use super::{
    DOMAIN_ALIASES, FLAGS, KINDS, LABEL_RIGHTS, MAX_TEXT, NULL_LIST, READ_RIGHTS, SINGLE_RIGHTS, SddlError,
    SddlProblem, UNSUPPORTED_KINDS, WHOLE_RIGHTS, sid_of_alias,
};
use crate::formats::security_descriptor::{
    AccessList, AccessMask, Ace, AceFlags, AceKind, Acl, Control, Part, SecurityDescriptor, binary,
};
use crate::model::sid::Sid;

impl FromStr for SecurityDescriptor {
    type Err = SddlError;

    fn from_str(text: &str) -> Result<Self, SddlError> {
        if text.len() > MAX_TEXT {
            return Err(SddlError { offset: MAX_TEXT, problem: SddlProblem::TooLong { length: text.len() } });
        }
        let mut scanner = Scanner { text, at: 0 };
        let mut descriptor = Self::default();
        let mut seen = Vec::new();
        scanner.skip_blanks();
        while !scanner.rest().is_empty() {
            let start = scanner.at;
            let part = scanner.section().ok_or_else(|| scanner.expected("O:, G:, D: or S:"))?;
            if seen.contains(&part) {
                return Err(error(start, SddlProblem::Twice { part }));
            }
            seen.push(part);
            scanner.skip_blanks();
            descriptor = match part {
                Part::Owner => descriptor.with_owner(scanner.section_account()?),
                Part::Group => descriptor.with_group(scanner.section_account()?),
                Part::Dacl => {
                    let (list, flags) = scanner.list(part)?;
                    let control = descriptor.control() | flags.of_dacl();
                    descriptor.with_dacl(list).with_control(control)
                }
                Part::Sacl => {
                    let (list, flags) = scanner.list(part)?;
                    let control = descriptor.control() | flags.of_sacl();
                    descriptor.with_sacl(list).with_control(control)
                }
            };
            scanner.skip_blanks();
        }
        Ok(descriptor)
    }
}

/// The flags at the head of a list, which mean the same in both and have other bits in each.
#[derive(Default)]
struct ListFlags {
    protected: bool,
    required: bool,
    inherited: bool,
}

impl ListFlags {
    fn of_dacl(&self) -> Control {
        self.bits(Control::DACL_PROTECTED, Control::DACL_AUTO_INHERIT_REQUIRED, Control::DACL_AUTO_INHERITED)
    }

    fn of_sacl(&self) -> Control {
        self.bits(Control::SACL_PROTECTED, Control::SACL_AUTO_INHERIT_REQUIRED, Control::SACL_AUTO_INHERITED)
    }

    fn bits(&self, protected: Control, required: Control, inherited: Control) -> Control {
        [(self.protected, protected), (self.required, required), (self.inherited, inherited)]
            .into_iter()
            .filter(|(is_set, _)| *is_set)
            .fold(Control::empty(), |sum, (_, flag)| sum | flag)
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, wanted: &'static str) -> SddlError {
        error(self.at, SddlProblem::Expected { wanted })
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_ascii_start().len();
    }

    /// Takes `word`, in either case, if it comes next.
    fn take(&mut self, word: &str) -> bool {
        let found = self.rest().get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word));
        if found {
            self.at += word.len();
        }
        found
    }

    fn section(&mut self) -> Option<Part> {
        let headers = [("O:", Part::Owner), ("G:", Part::Group), ("D:", Part::Dacl), ("S:", Part::Sacl)];
        headers.into_iter().find(|(header, _)| self.take(header)).map(|(_, part)| part)
    }

    /// The account after `O:` or `G:`, which has no end mark: two letters, or a SID up to the next section.
    fn section_account(&mut self) -> Result<Sid, SddlError> {
        let start = self.at;
        let rest = self.rest();
        let is_sid = rest.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("S-"));
        let length = if is_sid {
            let bytes = rest.as_bytes();
            let ends = |(index, byte): &(usize, &u8)| {
                let opens_section = b"OGDS".contains(&byte.to_ascii_uppercase()) && bytes.get(index + 1) == Some(&b':');
                opens_section || !(byte.is_ascii_alphanumeric() || **byte == b'-')
            };
            bytes.iter().enumerate().find(ends).map_or(rest.len(), |(index, _)| index)
        } else {
            rest.chars().take(2).map(char::len_utf8).sum()
        };
        self.at += length;
        account(rest.get(..length).unwrap_or_default(), start)
    }

    fn list(&mut self, part: Part) -> Result<(AccessList, ListFlags), SddlError> {
        let start = self.at;
        let mut flags = ListFlags::default();
        let mut is_null = false;
        loop {
            if self.take(NULL_LIST) {
                is_null = true;
            } else if self.take("AR") {
                flags.required = true;
            } else if self.take("AI") {
                flags.inherited = true;
            } else if self.take("P") {
                flags.protected = true;
            } else {
                break;
            }
        }
        if is_null {
            return Ok((AccessList::Null, flags));
        }
        let mut entries = Vec::new();
        self.skip_blanks();
        while self.take("(") {
            entries.push(self.entry()?);
            self.skip_blanks();
        }
        let size = binary::encoded_len(&entries);
        if size > usize::from(u16::MAX) {
            return Err(error(start, SddlProblem::TooLarge { part, size }));
        }
        Ok((AccessList::Entries(Acl::new(entries)), flags))
    }

    /// An entry, from behind its opening parenthesis: `type;flags;rights;object;inherited object;account)`.
    fn entry(&mut self) -> Result<Ace, SddlError> {
        let kind = kind(self.field()?)?;
        let flags = flags(self.field()?)?;
        let mask = rights(self.field()?, kind)?;
        for _ in 0..2 {
            let (guid, start) = self.field()?;
            if !guid.is_empty() {
                return Err(error(start, SddlProblem::ObjectGuid));
            }
        }
        let (name, start) = self.until([')', ';'], "an account and `)`")?;
        let sid = account(name, start)?;
        if !self.take(")") {
            return Err(self.expected("`)`"));
        }
        Ok(Ace::of_account(kind, sid, mask, flags))
    }

    /// A field that ends with a semicolon, without it, and where it begins.
    fn field(&mut self) -> Result<(&'a str, usize), SddlError> {
        let field = self.until([';', ')'], "`;`")?;
        if self.take(";") { Ok(field) } else { Err(self.expected("`;`")) }
    }

    fn until(&mut self, ends: [char; 2], wanted: &'static str) -> Result<(&'a str, usize), SddlError> {
        let start = self.at;
        let (found, _) = self
            .rest()
            .find(ends)
            .and_then(|end| self.rest().split_at_checked(end))
            .ok_or_else(|| error(self.text.len(), SddlProblem::Expected { wanted }))?;
        self.at += found.len();
        Ok((found.trim_ascii(), start + found.len() - found.trim_ascii_start().len()))
    }
}

fn error(offset: usize, problem: SddlProblem) -> SddlError {
    SddlError { offset, problem }
}

fn kind((letters, start): (&str, usize)) -> Result<AceKind, SddlError> {
    let known = KINDS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(letters));
    known.map(|(_, kind)| kind).ok_or_else(|| {
        let found = letters.to_owned();
        let is_unsupported = UNSUPPORTED_KINDS.iter().any(|name| name.eq_ignore_ascii_case(letters));
        let problem =
            if is_unsupported { SddlProblem::UnsupportedKind { found } } else { SddlProblem::UnknownKind { found } };
        error(start, problem)
    })
}

fn flags((letters, start): (&str, usize)) -> Result<AceFlags, SddlError> {
    let flag_of =
        |pair: &str| FLAGS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(pair)).map(|(_, flag)| flag);
    pairs(letters, start).try_fold(AceFlags::empty(), |sum, (pair, offset)| {
        let unknown = || error(offset, SddlProblem::UnknownFlag { found: pair.to_owned() });
        flag_of(pair).map(|flag| sum | flag).ok_or_else(unknown)
    })
}

fn rights((letters, start): (&str, usize), kind: AceKind) -> Result<AccessMask, SddlError> {
    let unknown = |found: &str, offset| error(offset, SddlProblem::UnknownRight { found: found.to_owned() });
    if letters.starts_with(|first: char| first.is_ascii_digit()) {
        return number(letters).map(AccessMask::from_bits_retain).ok_or_else(|| unknown(letters, start));
    }
    let label_rights: &[(&str, u32)] = if kind == AceKind::MandatoryLabel { &LABEL_RIGHTS } else { &[] };
    let bits_of = |pair: &str| {
        let tables = [label_rights, &WHOLE_RIGHTS, &SINGLE_RIGHTS, &READ_RIGHTS];
        tables.into_iter().flatten().find(|(name, _)| name.eq_ignore_ascii_case(pair)).map(|(_, bits)| *bits)
    };
    let bits = pairs(letters, start)
        .try_fold(0, |sum, (pair, offset)| bits_of(pair).map(|bits| sum | bits).ok_or_else(|| unknown(pair, offset)))?;
    Ok(AccessMask::from_bits_retain(bits))
}

/// `0x…` or decimal; a leading zero would be octal to Windows and is refused.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => {
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
        }
        None if text != "0" && text.starts_with('0') => None,
        None => text.parse().ok(),
    }
}

/// Cuts `letters` into pairs with their offsets; the last may be a single character.
fn pairs(letters: &str, start: usize) -> impl Iterator<Item = (&str, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = letters.get(at..).filter(|rest| !rest.is_empty())?;
        let length = rest.chars().take(2).map(char::len_utf8).sum();
        let offset = start + at;
        at += length;
        Some((rest.get(..length)?, offset))
    })
}

fn account(name: &str, start: usize) -> Result<Sid, SddlError> {
    if name.is_empty() {
        return Err(error(start, SddlProblem::Expected { wanted: "a SID or its two letters" }));
    }
    if let Some(sid) = sid_of_alias(name) {
        return Ok(sid);
    }
    let found = name.to_owned();
    if DOMAIN_ALIASES.iter().any(|alias| alias.eq_ignore_ascii_case(name)) {
        return Err(error(start, SddlProblem::DomainAccount { found }));
    }
    if !name.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("S-")) {
        return Err(error(start, SddlProblem::UnknownAccount { found }));
    }
    name.parse().map_err(|source| error(start, SddlProblem::Account(source)))
}
