//! Each Rust file opens with what it decides, stays short, and holds no placeholder.
//!
//! The crate's root opens with the map of the crate instead, which may be longer.

mod source;

const FOLDERS: [&str; 4] = ["src", "tests", "benches", "fuzz/fuzz_targets"];
const MAP: &str = "src/lib.rs";
const MOST_OPENING_LINES: usize = 5;
const MOST_LINES: usize = 600;
const PLACEHOLDERS: [&str; 3] = ["todo", "unimplemented", "dbg"];

#[test]
fn every_file_is_clean() {
    let files = source::files(&FOLDERS).expect("the sources can be read");
    assert!(files.iter().any(|(path, _)| path == MAP), "{MAP} is among the files");
    let complaints: Vec<_> = files.iter().flat_map(|(path, text)| complaints(path, text)).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn complains_of_each_fault() {
    let long = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
    for (path, text, expected) in [
        ("src/a.rs", "fn main() {}\n", "src/a.rs:1: opens with 0 lines of `//!`, not 1 to 5"),
        ("src/a.rs", "\n//! Late.\n", "src/a.rs:1: opens with 0 lines of `//!`, not 1 to 5"),
        ("src/a.rs", "//! 1\n//! 2\n//!\n//! 4\n//! 5\n//! 6\n", "src/a.rs:1: opens with 6 lines of `//!`, not 1 to 5"),
        (MAP, "mod a;\n", "src/lib.rs:1: opens with no `//!`"),
        ("src/a.rs", &long, "src/a.rs:1: has 601 lines, more than 600"),
        ("src/a.rs", "//! A.\nfn a() { todo!() }\n", "src/a.rs:2: holds `todo!`"),
        ("src/a.rs", "//! A.\nfn a() {\n    unimplemented ! {}\n}\n", "src/a.rs:3: holds `unimplemented!`"),
        ("tests/a.rs", "//! A.\nfn a() { std::dbg!(1); }\n", "tests/a.rs:2: holds `dbg!`"),
    ] {
        assert_eq!(complaints(path, text), [expected], "{path}: {text:.60}");
    }
}

#[test]
fn is_silent_about_what_only_looks_like_a_fault() {
    for text in [
        "//! One line.\n",
        "//! 1\n//! 2\n//! 3\n//! 4\n//! 5\n\nfn todo() -> bool { true }\n",
        "//! A.\n// todo!()\n/* dbg!(1) /* unimplemented!() */ todo!() */\n",
        "//! A.\nconst A: &str = \"todo!() \\\" dbg!()\";\nconst B: &str = r#\"\" todo!()\"#;\n",
        "//! A.\nfn a<'a>(dbg: &'a bool) -> bool { *dbg != ('!' == '\\'') }\n",
    ] {
        assert_eq!(complaints("src/a.rs", text), [""; 0], "{text}");
    }
    assert_eq!(complaints(MAP, "//! 1\n//! 2\n//! 3\n//! 4\n//! 5\n//! 6\n"), [""; 0]);
}

fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let opening = text.lines().take_while(|line| line.starts_with("//!")).count();
    if path == MAP {
        if opening == 0 {
            found.push(format!("{path}:1: opens with no `//!`"));
        }
    } else if !(1..=MOST_OPENING_LINES).contains(&opening) {
        found.push(format!("{path}:1: opens with {opening} lines of `//!`, not 1 to {MOST_OPENING_LINES}"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{path}:1: has {lines} lines, more than {MOST_LINES}"));
    }
    let words = source::words(text);
    for ((name, mark), open) in words.iter().zip(words.iter().skip(1)).zip(words.iter().skip(2)) {
        let is_call = mark.text == "!" && ["(", "[", "{"].contains(&open.text.as_str());
        if is_call && PLACEHOLDERS.contains(&name.text.as_str()) {
            found.push(format!("{path}:{}: holds `{}!`", name.line, name.text));
        }
    }
    found
}
