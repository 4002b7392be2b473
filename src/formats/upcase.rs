//! Windows' upper-casing of UTF-16: one code unit to one code unit, the rule by which registry names are compared, sorted and hashed.
//! It is not Unicode's: `ß` stays, and so do `µ`, `ı`, `ſ`, the title-case digraphs and Georgian mkhedruli.

use std::cmp::Ordering;

/// Upper-cases one UTF-16 code unit as `RtlUpcaseUnicodeChar` does; surrogates stay as they are.
pub fn unit(unit: u16) -> u16 {
    match unit {
        0x61..=0x7A => unit - 0x20,
        0..0x80 => unit,
        _ => beyond_ascii(unit),
    }
}

/// Iterates over the upper-cased UTF-16 code units of `text`.
pub fn units(text: &str) -> impl Iterator<Item = u16> + '_ {
    text.encode_utf16().map(unit)
}

/// Collects the upper-cased UTF-16 code units of `text`: equal keys mean equal names, and their order is the registry's order.
pub fn key(text: &str) -> Vec<u16> {
    units(text).collect()
}

/// Upper-cases `text`.
pub fn fold(text: &str) -> String {
    // Nearly every name; the rule is the same for it.
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars()
        .map(|c| {
            u16::try_from(u32::from(c)).ok().and_then(|narrow| char::from_u32(u32::from(unit(narrow)))).unwrap_or(c)
        })
        .collect()
}

/// Says whether two names are the same but for case.
pub fn eq(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    units(a).eq(units(b))
}

/// Orders two names as the registry sorts subkeys: by upper-cased UTF-16 code units.
pub fn cmp(a: &str, b: &str) -> Ordering {
    units(a).cmp(units(b))
}

fn beyond_ascii(unit: u16) -> u16 {
    let at = RUNS.partition_point(|&(_, last, _, _)| last < unit);
    match RUNS.get(at) {
        Some(&(first, _, step, delta)) if unit >= first && (unit - first).is_multiple_of(step) => {
            unit.wrapping_add(delta)
        }
        _ => unit,
    }
}

/// Runs of lower-case units: first, last, step between members, and what is added (wrapping) to upper-case one.
///
/// The facts are those of the "Windows 8 Upper Case Mapping Table" ([MS-UCODEREF] 3.1.5.3) as Wine's `l_intl.nls` carries them, without
/// the one later addition known to be wrong for Windows: Georgian mkhedruli, U+10D0 to U+10FF.
#[rustfmt::skip]
const RUNS: [(u16, u16, u16, u16); 162] = [
    (0x0061, 0x007A, 1, 0xFFE0), (0x00E0, 0x00F6, 1, 0xFFE0), (0x00F8, 0x00FE, 1, 0xFFE0),
    (0x00FF, 0x00FF, 1, 0x0079), (0x0101, 0x012F, 2, 0xFFFF), (0x0133, 0x0137, 2, 0xFFFF),
    (0x013A, 0x0148, 2, 0xFFFF), (0x014B, 0x0177, 2, 0xFFFF), (0x017A, 0x017E, 2, 0xFFFF),
    (0x0180, 0x0180, 1, 0x00C3), (0x0183, 0x0185, 2, 0xFFFF), (0x0188, 0x0188, 1, 0xFFFF),
    (0x018C, 0x018C, 1, 0xFFFF), (0x0192, 0x0192, 1, 0xFFFF), (0x0195, 0x0195, 1, 0x0061),
    (0x0199, 0x0199, 1, 0xFFFF), (0x019A, 0x019A, 1, 0x00A3), (0x019E, 0x019E, 1, 0x0082),
    (0x01A1, 0x01A5, 2, 0xFFFF), (0x01A8, 0x01A8, 1, 0xFFFF), (0x01AD, 0x01AD, 1, 0xFFFF),
    (0x01B0, 0x01B0, 1, 0xFFFF), (0x01B4, 0x01B6, 2, 0xFFFF), (0x01B9, 0x01B9, 1, 0xFFFF),
    (0x01BD, 0x01BD, 1, 0xFFFF), (0x01BF, 0x01BF, 1, 0x0038), (0x01C6, 0x01C6, 1, 0xFFFE),
    (0x01C9, 0x01C9, 1, 0xFFFE), (0x01CC, 0x01CC, 1, 0xFFFE), (0x01CE, 0x01DC, 2, 0xFFFF),
    (0x01DD, 0x01DD, 1, 0xFFB1), (0x01DF, 0x01EF, 2, 0xFFFF), (0x01F3, 0x01F3, 1, 0xFFFE),
    (0x01F5, 0x01F5, 1, 0xFFFF), (0x01F9, 0x021F, 2, 0xFFFF), (0x0223, 0x0233, 2, 0xFFFF),
    (0x023C, 0x023C, 1, 0xFFFF), (0x023F, 0x0240, 1, 0x2A3F), (0x0242, 0x0242, 1, 0xFFFF),
    (0x0247, 0x024F, 2, 0xFFFF), (0x0250, 0x0250, 1, 0x2A1F), (0x0251, 0x0251, 1, 0x2A1C),
    (0x0252, 0x0252, 1, 0x2A1E), (0x0253, 0x0253, 1, 0xFF2E), (0x0254, 0x0254, 1, 0xFF32),
    (0x0256, 0x0257, 1, 0xFF33), (0x0259, 0x0259, 1, 0xFF36), (0x025B, 0x025B, 1, 0xFF35),
    (0x025C, 0x025C, 1, 0xA54F), (0x0260, 0x0260, 1, 0xFF33), (0x0261, 0x0261, 1, 0xA54B),
    (0x0263, 0x0263, 1, 0xFF31), (0x0265, 0x0265, 1, 0xA528), (0x0266, 0x0266, 1, 0xA544),
    (0x0268, 0x0268, 1, 0xFF2F), (0x0269, 0x0269, 1, 0xFF2D), (0x026A, 0x026A, 1, 0xA544),
    (0x026B, 0x026B, 1, 0x29F7), (0x026C, 0x026C, 1, 0xA541), (0x026F, 0x026F, 1, 0xFF2D),
    (0x0271, 0x0271, 1, 0x29FD), (0x0272, 0x0272, 1, 0xFF2B), (0x0275, 0x0275, 1, 0xFF2A),
    (0x027D, 0x027D, 1, 0x29E7), (0x0280, 0x0280, 1, 0xFF26), (0x0282, 0x0282, 1, 0xA543),
    (0x0283, 0x0283, 1, 0xFF26), (0x0287, 0x0287, 1, 0xA52A), (0x0288, 0x0288, 1, 0xFF26),
    (0x0289, 0x0289, 1, 0xFFBB), (0x028A, 0x028B, 1, 0xFF27), (0x028C, 0x028C, 1, 0xFFB9),
    (0x0292, 0x0292, 1, 0xFF25), (0x029D, 0x029D, 1, 0xA515), (0x029E, 0x029E, 1, 0xA512),
    (0x0371, 0x0373, 2, 0xFFFF), (0x0377, 0x0377, 1, 0xFFFF), (0x037B, 0x037D, 1, 0x0082),
    (0x03AC, 0x03AC, 1, 0xFFDA), (0x03AD, 0x03AF, 1, 0xFFDB), (0x03B1, 0x03C1, 1, 0xFFE0),
    (0x03C3, 0x03CB, 1, 0xFFE0), (0x03CC, 0x03CC, 1, 0xFFC0), (0x03CD, 0x03CE, 1, 0xFFC1),
    (0x03D7, 0x03D7, 1, 0xFFF8), (0x03D9, 0x03EF, 2, 0xFFFF), (0x03F2, 0x03F2, 1, 0x0007),
    (0x03F3, 0x03F3, 1, 0xFF8C), (0x03F8, 0x03F8, 1, 0xFFFF), (0x03FB, 0x03FB, 1, 0xFFFF),
    (0x0430, 0x044F, 1, 0xFFE0), (0x0450, 0x045F, 1, 0xFFB0), (0x0461, 0x0481, 2, 0xFFFF),
    (0x048B, 0x04BF, 2, 0xFFFF), (0x04C2, 0x04CE, 2, 0xFFFF), (0x04CF, 0x04CF, 1, 0xFFF1),
    (0x04D1, 0x052F, 2, 0xFFFF), (0x0561, 0x0586, 1, 0xFFD0), (0x13F8, 0x13FD, 1, 0xFFF8),
    (0x1D79, 0x1D79, 1, 0x8A04), (0x1D7D, 0x1D7D, 1, 0x0EE6), (0x1D8E, 0x1D8E, 1, 0x8A38),
    (0x1E01, 0x1E95, 2, 0xFFFF), (0x1EA1, 0x1EFF, 2, 0xFFFF), (0x1F00, 0x1F07, 1, 0x0008),
    (0x1F10, 0x1F15, 1, 0x0008), (0x1F20, 0x1F27, 1, 0x0008), (0x1F30, 0x1F37, 1, 0x0008),
    (0x1F40, 0x1F45, 1, 0x0008), (0x1F51, 0x1F57, 2, 0x0008), (0x1F60, 0x1F67, 1, 0x0008),
    (0x1F70, 0x1F71, 1, 0x004A), (0x1F72, 0x1F75, 1, 0x0056), (0x1F76, 0x1F77, 1, 0x0064),
    (0x1F78, 0x1F79, 1, 0x0080), (0x1F7A, 0x1F7B, 1, 0x0070), (0x1F7C, 0x1F7D, 1, 0x007E),
    (0x1F80, 0x1F87, 1, 0x0008), (0x1F90, 0x1F97, 1, 0x0008), (0x1FA0, 0x1FA7, 1, 0x0008),
    (0x1FB0, 0x1FB1, 1, 0x0008), (0x1FB3, 0x1FB3, 1, 0x0009), (0x1FC3, 0x1FC3, 1, 0x0009),
    (0x1FD0, 0x1FD1, 1, 0x0008), (0x1FE0, 0x1FE1, 1, 0x0008), (0x1FE5, 0x1FE5, 1, 0x0007),
    (0x1FF3, 0x1FF3, 1, 0x0009), (0x214E, 0x214E, 1, 0xFFE4), (0x2170, 0x217F, 1, 0xFFF0),
    (0x2184, 0x2184, 1, 0xFFFF), (0x24D0, 0x24E9, 1, 0xFFE6), (0x2C30, 0x2C5F, 1, 0xFFD0),
    (0x2C61, 0x2C61, 1, 0xFFFF), (0x2C65, 0x2C65, 1, 0xD5D5), (0x2C66, 0x2C66, 1, 0xD5D8),
    (0x2C68, 0x2C6C, 2, 0xFFFF), (0x2C73, 0x2C73, 1, 0xFFFF), (0x2C76, 0x2C76, 1, 0xFFFF),
    (0x2C81, 0x2CE3, 2, 0xFFFF), (0x2CEC, 0x2CEE, 2, 0xFFFF), (0x2CF3, 0x2CF3, 1, 0xFFFF),
    (0x2D00, 0x2D25, 1, 0xE3A0), (0x2D27, 0x2D27, 1, 0xE3A0), (0x2D2D, 0x2D2D, 1, 0xE3A0),
    (0xA641, 0xA66D, 2, 0xFFFF), (0xA681, 0xA69B, 2, 0xFFFF), (0xA723, 0xA72F, 2, 0xFFFF),
    (0xA733, 0xA76F, 2, 0xFFFF), (0xA77A, 0xA77C, 2, 0xFFFF), (0xA77F, 0xA787, 2, 0xFFFF),
    (0xA78C, 0xA78C, 1, 0xFFFF), (0xA791, 0xA793, 2, 0xFFFF), (0xA794, 0xA794, 1, 0x0030),
    (0xA797, 0xA7A9, 2, 0xFFFF), (0xA7B5, 0xA7C3, 2, 0xFFFF), (0xA7C8, 0xA7CA, 2, 0xFFFF),
    (0xA7D1, 0xA7D1, 1, 0xFFFF), (0xA7D7, 0xA7D9, 2, 0xFFFF), (0xA7F6, 0xA7F6, 1, 0xFFFF),
    (0xAB53, 0xAB53, 1, 0xFC60), (0xAB70, 0xABBF, 1, 0x6830), (0xFF41, 0xFF5A, 1, 0xFFE0),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Where Debian and Ubuntu put Wine's table; the upper-case trie begins at the third word.
    const WINE_TABLE: &str = "/usr/share/wine/nls/l_intl.nls";

    #[test]
    fn maps_as_windows_does() {
        for (text, upper) in [
            ("abc xyz", "ABC XYZ"),
            ("stra\u{df}e", "STRA\u{df}E"),
            ("\u{e9}\u{f7}\u{ff}", "\u{c9}\u{f7}\u{178}"),
            ("\u{b5}\u{131}\u{17f}\u{1c5}", "\u{b5}\u{131}\u{17f}\u{1c5}"),
            ("\u{3c3}\u{3c2}", "\u{3a3}\u{3c2}"),
            ("\u{10d0}\u{10ff}", "\u{10d0}\u{10ff}"),
            ("\u{1f80}\u{1fb3}", "\u{1f88}\u{1fbc}"),
            ("\u{10428}", "\u{10428}"),
        ] {
            assert_eq!(fold(text), upper, "{text}");
            assert!(eq(text, upper));
            assert_eq!(cmp(text, upper), Ordering::Equal);
            assert_eq!(key(text), upper.encode_utf16().collect::<Vec<_>>());
        }
        assert_eq!(cmp("a_", "AB"), Ordering::Greater, "upper-casing puts letters before the underscore");
    }

    #[test]
    fn runs_are_sorted_and_apart() {
        assert!(RUNS.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(RUNS.iter().all(|(first, last, step, _)| first <= last && (last - first) % step == 0));
    }

    #[test]
    fn upper_casing_twice_changes_nothing() {
        assert!((0..=u16::MAX).all(|each| unit(unit(each)) == unit(each)));
    }

    /// Characters on which Python's `str.upper` (and so the checker written in it) says otherwise: U+00B5, U+0131, U+017F, U+01C5, U+01C8,
    /// U+01CB, U+01F2, U+0345, U+03C2, U+03D0, U+03D1, U+03D5, U+03D6, U+03F0, U+03F1, U+03F5, U+1C80 to U+1C88, U+1E9B and U+1FBE, which
    /// Windows leaves alone; mkhedruli; and the Greek letters with iota below, U+1F80 to U+1FF3, which Windows maps to their title case.
    #[test]
    fn equals_wines_table() {
        let Ok(bytes) = std::fs::read(WINE_TABLE) else {
            println!("skipped: {WINE_TABLE} is not there");
            return;
        };
        let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let trie = &words[2..];
        for each in 0..=u16::MAX {
            let row = usize::from(trie[usize::from(each >> 8)]);
            let cell = usize::from(trie[row + usize::from(each >> 4 & 15)]);
            let wine = each.wrapping_add(trie[cell + usize::from(each & 15)]);
            if matches!(each, 0x10D0..=0x10FF) {
                assert_eq!(unit(each), each);
            } else {
                assert_eq!(unit(each), wine, "U+{each:04X}");
            }
        }
    }
}
