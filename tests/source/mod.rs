//! Rust source as words: comments and literals left out, lines kept. Enough to scan for names; not a parser.
//!
//! Where it is unsure it keeps a word, so that a scan complains too much rather than too little.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A word of the source: an identifier, `::`, or one character of punctuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// The project's Rust files below these folders, by path from the project's root, sorted. A folder that isn't there has none.
pub fn files(folders: &[&str]) -> io::Result<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut found)?;
    }
    found.sort();
    let named = |path: PathBuf| {
        let name: Vec<_> = path.strip_prefix(root).unwrap_or(&path).iter().map(|part| part.to_string_lossy()).collect();
        Ok((name.join("/"), fs::read_to_string(&path)?))
    };
    found.into_iter().map(named).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Cuts source into words.
pub fn words(source: &str) -> Vec<Word> {
    let chars: Vec<char> = source.chars().collect();
    let mut lexer = Lexer { chars: &chars, at: 0, line: 1 };
    let mut words = Vec::new();
    while let Some(first) = lexer.peek(0) {
        let line = lexer.line;
        if let Some(text) = lexer.word(first) {
            words.push(Word { text, line });
        }
    }
    words
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    line: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.line += usize::from(self.peek(0) == Some('\n'));
            self.at += 1;
        }
    }

    /// Takes what begins here; none for what is no word.
    fn word(&mut self, first: char) -> Option<String> {
        match (first, self.peek(1)) {
            ('/', Some('/')) => {
                while self.peek(0).is_some_and(|each| each != '\n') {
                    self.skip(1);
                }
                None
            }
            ('/', Some('*')) => {
                self.block_comment();
                None
            }
            ('"', _) => {
                self.quoted('"');
                None
            }
            ('\'', _) => {
                self.character_or_lifetime();
                None
            }
            (':', Some(':')) => {
                self.skip(2);
                Some("::".to_owned())
            }
            _ if first.is_alphanumeric() || first == '_' => self.name_or_prefixed_literal(first),
            _ => {
                self.skip(1);
                (!first.is_whitespace()).then(|| first.to_string())
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.skip(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.skip(2);
                }
                (Some(_), _) => self.skip(1),
                (None, _) => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) {
        self.skip(1);
        while let Some(each) = self.peek(0) {
            self.skip(if each == '\\' { 2 } else { 1 });
            if each == quote {
                return;
            }
        }
    }

    fn character_or_lifetime(&mut self) {
        if self.peek(1) == Some('\\') || self.peek(2) == Some('\'') {
            self.quoted('\'');
            return;
        }
        self.skip(1);
        while self.peek(0).is_some_and(|each| each.is_alphanumeric() || each == '_') {
            self.skip(1);
        }
    }

    fn name_or_prefixed_literal(&mut self, first: char) -> Option<String> {
        let start = self.at;
        while self.peek(0).is_some_and(|each| each.is_alphanumeric() || each == '_') {
            self.skip(1);
        }
        let name: String = self.chars.get(start..self.at)?.iter().collect();
        match (name.as_str(), self.peek(0), self.peek(1)) {
            ("b" | "c", Some('"'), _) => self.quoted('"'),
            ("b", Some('\''), _) => self.quoted('\''),
            ("r" | "br" | "cr", Some('"'), _) | ("r" | "br" | "cr", Some('#'), Some('#' | '"')) => self.raw_string(),
            ("r", Some('#'), Some(_)) => {
                self.skip(1);
                return self.name_or_prefixed_literal('r');
            }
            _ => return (!first.is_ascii_digit()).then_some(name),
        }
        None
    }

    fn raw_string(&mut self) {
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            hashes += 1;
            self.skip(1);
        }
        self.skip(1);
        while let Some(each) = self.peek(0) {
            self.skip(1);
            if each == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.skip(hashes);
                return;
            }
        }
    }
}
