//! A list such as `Path`, element by element. Pure.

use super::wanted::End;
use crate::formats::upcase;

/// What stands between elements.
const SEPARATOR: char = ';';

/// Two elements are the same without case, quotes, blanks around them and a backslash at the end.
fn folded(element: &str) -> String {
    let element = element.trim().trim_matches('"');
    // The root of a drive keeps its backslash.
    let bare = element.strip_suffix('\\').filter(|bare| !bare.ends_with(':')).unwrap_or(element);
    upcase::fold(bare)
}

/// The list with what it has to contain and without what it has to lack; the same text when that is so already.
pub fn changed(text: &str, contains: &[Box<str>], lacks: &[Box<str>], end: End) -> String {
    let lacks: Vec<String> = lacks.iter().map(|element| folded(element)).collect();
    let elements = || text.split(SEPARATOR);
    let is_there = |wanted: &str| elements().any(|element| folded(element) == folded(wanted));
    let missing: Vec<&str> = contains.iter().map(|element| &**element).filter(|wanted| !is_there(wanted)).collect();
    let has_too_much = elements().any(|element| lacks.contains(&folded(element)));
    if missing.is_empty() && !has_too_much {
        return text.to_owned();
    }
    let kept: Vec<&str> = elements().filter(|element| !lacks.contains(&folded(element))).collect();
    // An empty list, or one that ends in a separator, has an empty element at its end: it stays the last.
    let (body, tail) = match kept.split_last() {
        Some((&"", body)) => (body.to_vec(), if body.is_empty() { None } else { Some("") }),
        _ => (kept, None),
    };
    let all: Vec<&str> = match end {
        End::First => missing.into_iter().chain(body).chain(tail).collect(),
        End::Last => body.into_iter().chain(missing).chain(tail).collect(),
    };
    all.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_change_by_element() {
        let boxed = |text: &str| -> Vec<Box<str>> { text.split_terminator(';').map(Into::into).collect() };
        let cases = [
            // text, contains, lacks, at the beginning, at the end
            ("", r"C:\a", "", r"C:\a", r"C:\a"),
            (r"C:\x;D:\y", r"C:\a", "", r"C:\a;C:\x;D:\y", r"C:\x;D:\y;C:\a"),
            (r"C:\x;D:\y;", r"C:\a", "", r"C:\a;C:\x;D:\y;", r"C:\x;D:\y;C:\a;"),
            // What is there stays as it is written, wherever it stands.
            (r"C:\X\;D:\y", r"c:\x", "", r"C:\X\;D:\y", r"C:\X\;D:\y"),
            (
                r#"D:\y;"C:\Program Files\x""#,
                r"C:\Program Files\x",
                "",
                r#"D:\y;"C:\Program Files\x""#,
                r#"D:\y;"C:\Program Files\x""#,
            ),
            (r"C:\x; C:\a ;D:\y", r"C:\a", "", r"C:\x; C:\a ;D:\y", r"C:\x; C:\a ;D:\y"),
            // What goes, goes wherever and however often it stands.
            (r"C:\x;C:\old;D:\y;c:\OLD\", "", r"C:\old", r"C:\x;D:\y", r"C:\x;D:\y"),
            (r"C:\old", r"C:\new", r"C:\old", r"C:\new", r"C:\new"),
            (r"C:\a;;C:\b", r"C:\c", "", r"C:\c;C:\a;;C:\b", r"C:\a;;C:\b;C:\c"),
            (r"C:\;x", r"C:\", "", r"C:\;x", r"C:\;x"),
            (
                r"%SystemRoot%\system32",
                r"%systemroot%\System32;C:\b",
                "",
                r"C:\b;%SystemRoot%\system32",
                r"%SystemRoot%\system32;C:\b",
            ),
        ];
        for (text, contains, lacks, first, last) in cases {
            let (contains, lacks) = (boxed(contains), boxed(lacks));
            for (end, wanted) in [(End::First, first), (End::Last, last)] {
                let got = changed(text, &contains, &lacks, end);
                assert_eq!(got, wanted, "{text} {contains:?} {lacks:?} {end:?}");
                assert_eq!(changed(&got, &contains, &lacks, end), got, "again: {text}");
            }
        }
    }
}
