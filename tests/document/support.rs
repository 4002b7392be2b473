//! Files in memory, and documents and findings as text.

use std::collections::BTreeMap;

use trueup::document::{Colour, Desired, FileReader, LoadFailure, LoadOptions, Loaded, ReadError, load, render};
use trueup::kinds::Wanted;
use trueup::kinds::registry::{WantedData, WantedKey};

/// Files by name.
#[derive(Default)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Files {
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect())
    }
}

impl FileReader for Files {
    fn read(&mut self, name: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        let missing = || ReadError { message: "no such file".into(), hint: None };
        self.0.get(name).cloned().ok_or_else(missing)
    }
}

/// The environment of all tests.
pub fn environment(name: &str) -> Option<String> {
    match name {
        "SITE" => Some("zurich".into()),
        "LEVEL" => Some("3".into()),
        "EMPTY" => Some(String::new()),
        "PASSWORD" => Some("hunter2".into()),
        _ => None,
    }
}

pub fn options() -> LoadOptions<'static> {
    LoadOptions { environment: &environment, ..LoadOptions::default() }
}

pub fn load_files(files: &[(&str, &str)], options: &LoadOptions<'_>) -> Result<Loaded, LoadFailure> {
    load(&mut Files::of(files), &["site.yaml".to_owned()], options)
}

/// A document of one file; `version: 1` is put before it on a line of its own.
pub fn load_text(text: &str) -> Result<Loaded, LoadFailure> {
    load_files(&[("site.yaml", &format!("version: 1\n{text}"))], &options())
}

pub fn findings(result: Result<Loaded, LoadFailure>) -> String {
    match result {
        Ok(loaded) if loaded.warnings.is_empty() => "nothing found\n".into(),
        Ok(loaded) => render(&loaded.warnings, &loaded.desired.sources, Colour::Plain),
        Err(failure) => render(&failure.diagnostics, &failure.sources, Colour::Plain),
    }
}

/// The findings of a document of one file, after `version: 1`.
pub fn problems(text: &str) -> String {
    findings(load_text(text))
}

/// The codes, lines and columns of a document's findings.
pub fn codes(text: &str) -> String {
    let found = match load_text(text) {
        Ok(loaded) => loaded.warnings,
        Err(failure) => failure.diagnostics,
    };
    let shown = found.iter().map(|found| match found.at {
        Some(at) => format!("{}:{} {}", at.line, at.column, found.code),
        None => found.code.to_owned(),
    });
    shown.collect::<Vec<_>>().join("\n")
}

pub fn keys(desired: &Desired) -> Vec<&WantedKey> {
    desired
        .entries
        .iter()
        .filter_map(|entry| match &entry.wanted {
            Wanted::RegistryKey(key) => Some(key),
            _ => None,
        })
        .collect()
}

/// A document's entries, one line for each key and each value.
pub fn entries(result: Result<Loaded, LoadFailure>) -> String {
    let loaded = match result {
        Ok(loaded) => loaded,
        Err(failure) => return render(&failure.diagnostics, &failure.sources, Colour::Plain),
    };
    let mut out = String::new();
    for key in keys(&loaded.desired) {
        out.push_str(&format!("{} {}\n", loaded.desired.sources.display(key.at), key.key));
        for value in &key.values {
            let mut data = said(&value.data);
            if let Some(expiry) = &value.expires {
                data.push_str(&format!(" until {}, then {}", expiry.on, said(&expiry.then)));
            }
            out.push_str(&format!("  {} {} = {data}\n", loaded.desired.sources.display(value.at), value.name));
        }
    }
    out
}

fn said(data: &WantedData) -> String {
    match data {
        WantedData::Absent => "absent".to_owned(),
        WantedData::Data(data) => data.to_string(),
        WantedData::Secret { value_type, reference } => format!("secret {value_type} from {reference}"),
    }
}
