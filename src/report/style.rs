//! How a report looks: its colours, or none, and the width it may take.

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The styles of a report; a plain palette adds no bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    pub add: Style,
    pub change: Style,
    pub remove: Style,
    pub problem: Style,
    pub heading: Style,
    pub dim: Style,
}

impl Palette {
    /// Without any colour.
    pub fn plain() -> Self {
        Self::default()
    }

    pub fn coloured() -> Self {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        Self {
            add: colour(AnsiColor::Green),
            change: colour(AnsiColor::Yellow),
            remove: colour(AnsiColor::Red),
            problem: colour(AnsiColor::Red).bold(),
            heading: Style::new().bold(),
            dim: Style::new().dimmed(),
        }
    }
}

/// A text in a style.
pub fn paint(style: Style, text: &str) -> String {
    if style == Style::new() { text.to_owned() } else { format!("{style}{text}{style:#}") }
}

/// How many columns a line may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Unlimited,
    Columns(usize),
}

impl Width {
    /// The narrowest width that values are still shown in.
    const LEAST: usize = 24;

    /// The columns that remain beside `used` ones.
    pub fn beside(self, used: usize) -> Self {
        match self {
            Self::Unlimited => Self::Unlimited,
            Self::Columns(columns) => Self::Columns(columns.saturating_sub(used).max(Self::LEAST)),
        }
    }

    /// The text, cut in its middle when it is too wide.
    pub fn fit(self, text: &str) -> String {
        let Self::Columns(columns) = self else { return text.to_owned() };
        if text.width() <= columns {
            return text.to_owned();
        }
        let keep = columns.saturating_sub(1);
        let head = take(text.chars(), keep.div_ceil(2));
        let tail: String = take(text.chars().rev(), keep / 2).chars().rev().collect();
        format!("{head}…{tail}")
    }
}

fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// The text followed by blanks up to a width.
pub fn padded(text: &str, width: usize) -> String {
    let mut out = text.to_owned();
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width())));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_text_is_cut_in_the_middle() {
        assert_eq!(Width::Columns(5).fit("abcdefgh"), "ab…gh");
        assert_eq!(Width::Columns(8).fit("abcdefgh"), "abcdefgh");
        assert_eq!(Width::Columns(5).fit("日本語日本語"), "日…語");
        assert_eq!(Width::Unlimited.fit("abcdefgh"), "abcdefgh");
    }
}
