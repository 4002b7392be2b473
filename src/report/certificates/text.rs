//! Certificates for a person to read: a line for each where that fits, else a few short ones.

use std::fmt::Write as _;

use anstyle::Style;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::{Left, Listing, Row};
use crate::formats::x509::{Certificate, DistinguishedName};
use crate::kinds::certificate::inventory::ListedPlace;
use crate::model::registry_data::push_visible;
use crate::report::style::{Palette, Width, padded, paint};
use crate::report::text::{Detail, TextOptions, counted};

/// What stands between two columns.
const GAP: usize = 2;
/// How far the lines below the first one of a certificate stand in.
const INDENT: usize = 14;
const HEADINGS: [&str; COLUMNS] = [
    "Days",
    "Ends",
    "Subject",
    "Thumbprint",
    "Key",
    "Algorithm",
    "Issuer",
    "Friendly name",
    "Places",
    "Used by",
    "Entries",
];
const COLUMNS: usize = 11;
const DAYS: usize = 0;
const ENDS: usize = 1;

type Cells = [String; COLUMNS];

/// The table, absent entries, problems, and the counts as the last line.
pub fn text(listing: &Listing<'_>, options: &TextOptions) -> String {
    let mut out = String::new();
    let rows: Vec<(Style, Cells)> =
        listing.rows.iter().map(|row| (style(row.left, &options.palette), cells(row, options.detail))).collect();
    if !rows.is_empty() {
        let widths = widths(&rows);
        let used: Vec<&usize> = widths.iter().filter(|width| **width > 0).collect();
        let whole = used.iter().copied().sum::<usize>() + GAP * used.len().saturating_sub(1);
        match options.width {
            Width::Columns(columns) if whole > columns => stack(&mut out, &rows, options),
            _ => table(&mut out, &rows, &widths, options),
        }
        out.push('\n');
    }
    let absent = listing.inventory.absent.iter().map(|absent| {
        let why = if absent.reasons.is_empty() { String::new() } else { format!(": {}", absent.reasons.join("; ")) };
        (options.palette.change, format!("{} has no certificate{why}", absent.address))
    });
    let problems = listing.inventory.problems.iter().map(|one| (options.palette.problem, one.to_string()));
    let notes: Vec<(Style, String)> = absent.chain(problems).collect();
    for (style, note) in &notes {
        let _ = writeln!(out, "{}", paint(*style, &visible(note)));
    }
    if !notes.is_empty() {
        out.push('\n');
    }
    let counts = listing.counts;
    let verb = if counts.ending == 1 { "ends" } else { "end" };
    let summary = format!(
        "{}, {} expired, {} {verb} within {}",
        counted(counts.certificates, "certificate"),
        counts.expired,
        counts.ending,
        listing.within
    );
    let _ = writeln!(out, "{}", paint(options.palette.heading, &summary));
    out
}

fn style(left: Left, palette: &Palette) -> Style {
    match left {
        Left::Expired => palette.problem,
        Left::Ending => palette.change,
        Left::Enough => Style::new(),
    }
}

fn cells(row: &Row<'_>, detail: Detail) -> Cells {
    let certificate = &row.listed.certificate;
    let mut names: Vec<&str> = Vec::new();
    for name in row.listed.places.iter().filter_map(|place| place.friendly_name.as_deref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let key = certificate.public_key().algorithm().to_string();
    let signed =
        certificate.digest().map_or_else(|| certificate.signature_algorithm().to_string(), |digest| digest.to_string());
    // Ed25519 brings its own digest.
    let algorithm = if key == signed { key } else { format!("{key} {signed}") };
    let places: Vec<String> = row.listed.places.iter().map(place).collect();
    [
        row.days_left.to_string(),
        day(certificate),
        subject(certificate, detail),
        row.thumbprint.to_string(),
        if row.listed.has_key() { "yes" } else { "no" }.to_owned(),
        algorithm,
        name(certificate.issuer(), detail),
        names.join(", "),
        places.join(", "),
        row.listed.used_by.join(", "),
        row.listed.entries.join(", "),
    ]
    .map(|cell| visible(&cell))
}

fn place(place: &ListedPlace) -> String {
    format!("{}{}", place.name, if place.is_archived { " (archived)" } else { "" })
}

/// The day on which it ends, in UTC.
fn day(certificate: &Certificate) -> String {
    certificate.not_after().to_zoned(TimeZone::UTC).date().to_string()
}

/// The subject, or the first other name of a certificate that has none.
fn subject(certificate: &Certificate, detail: Detail) -> String {
    match certificate.names().first() {
        Some(other) if certificate.subject().is_empty() => other.to_string(),
        _ => name(certificate.subject(), detail),
    }
}

/// The common name, or the whole of a name that has none.
fn name(name: &DistinguishedName, detail: Detail) -> String {
    match name.common_name() {
        Some(common) if detail == Detail::Short => common.to_owned(),
        _ => name.to_string(),
    }
}

/// The text with nothing in it that a terminal would act on: who names a certificate is not always a friend.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_visible(&mut out, c));
    out
}

/// The width of each column; none for one in which nothing stands.
fn widths(rows: &[(Style, Cells)]) -> [usize; COLUMNS] {
    let mut widths = [0; COLUMNS];
    for (_, cells) in rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.width().max(*width);
        }
    }
    for (width, heading) in widths.iter_mut().zip(HEADINGS) {
        if *width > 0 {
            *width = heading.width().max(*width);
        }
    }
    widths
}

fn table(out: &mut String, rows: &[(Style, Cells)], widths: &[usize; COLUMNS], options: &TextOptions) {
    let headings = HEADINGS.map(str::to_owned);
    line(out, &headings, widths, |_| options.palette.heading);
    for (style, cells) in rows {
        line(out, cells, widths, |column| if column <= ENDS { *style } else { Style::new() });
    }
}

fn line(out: &mut String, cells: &Cells, widths: &[usize; COLUMNS], style: impl Fn(usize) -> Style) {
    let columns: Vec<(usize, &String, usize)> =
        cells.iter().zip(widths).enumerate().map(|(at, (cell, width))| (at, cell, *width)).collect();
    let last = columns.iter().rposition(|(_, cell, width)| *width > 0 && !cell.is_empty());
    let mut first = true;
    for (at, cell, width) in
        columns.into_iter().take(last.map_or(0, |last| last + 1)).filter(|(_, _, width)| *width > 0)
    {
        if !std::mem::take(&mut first) {
            out.push_str(&" ".repeat(GAP));
        }
        let cell = if at == DAYS {
            format!("{cell:>width$}")
        } else if Some(at) == last {
            cell.clone()
        } else {
            padded(cell, width)
        };
        out.push_str(&paint(style(at), &cell));
    }
    out.push('\n');
}

/// A few lines for each certificate, each cut to the width.
fn stack(out: &mut String, rows: &[(Style, Cells)], options: &TextOptions) {
    for (style, [days, ends, subject, thumbprint, key, algorithm, issuer, friendly, places, used_by, entries]) in rows {
        let head = format!("{days:>4}  {ends}");
        let used = head.width() + GAP;
        let _ = writeln!(out, "{}  {}", paint(*style, &head), options.width.beside(used).fit(subject));
        let key = if key == "yes" { ", with a key" } else { "" };
        let lines = [
            ("", thumbprint.clone()),
            ("", format!("{algorithm}{key}")),
            ("by ", issuer.clone()),
            ("named ", friendly.clone()),
            ("in ", places.clone()),
            ("used by ", used_by.clone()),
            ("", entries.clone()),
        ];
        for (head, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
            let text = options.width.beside(INDENT).fit(&format!("{head}{value}"));
            let _ = writeln!(out, "{}{}", " ".repeat(INDENT), paint(options.palette.dim, &text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_spelled_out() {
        assert_eq!(visible("a\u{1b}[2J\nb\u{202e}ü"), r"a\u{1b}[2J\u{a}b\u{202e}ü");
    }
}
