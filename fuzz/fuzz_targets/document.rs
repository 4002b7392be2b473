//! Any bytes as the files of a document: loading and rendering must not panic, hang or grow without bound, and what loads
//! must say the same once it is written out as one text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::document::{Colour, FileReader, LoadOptions, ReadError, load, merged_text, render};

/// The parts of the input between bytes that no UTF-8 text has: `0.yaml`, `1.yaml` and so on.
struct Parts<'a>(Vec<&'a [u8]>);

impl FileReader for Parts<'_> {
    fn read(&mut self, name: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        let part = name.strip_suffix(".yaml").and_then(|name| self.0.get(name.parse::<usize>().ok()?));
        part.map(|part| part.to_vec()).ok_or(ReadError { message: "no such file".into(), hint: None })
    }
}

/// The text alone, as a document.
struct Whole(String);

impl FileReader for Whole {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.clone().into_bytes())
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = Parts(data.split(|byte| *byte == 0xFF).collect());
    let environment = |name: &str| (name.len() < 4).then(|| format!("<{name}>"));
    let overlays = ["1.yaml".to_owned()];
    let options = LoadOptions {
        overlays: if parts.0.len() > 2 { &overlays } else { &[] },
        environment: &environment,
        ..LoadOptions::default()
    };
    let files = ["0.yaml".to_owned()];
    match load(&mut parts, &files, &options) {
        Err(failure) => assert!(!render(&failure.diagnostics, &failure.sources, Colour::Plain).is_empty()),
        Ok(loaded) => {
            render(&loaded.warnings, &loaded.desired.sources, Colour::Styled);
            let text = merged_text(&mut parts, &files, &options).expect("what loads can be merged");
            let again = load(&mut Whole(text), &files, &LoadOptions::default()).expect("the merged text loads");
            let meaning = |loaded: &trueup::document::Loaded| -> Vec<String> {
                let wanted = loaded.desired.entries.iter().map(|entry| &entry.wanted);
                wanted
                    .map(|wanted| match wanted {
                        trueup::kinds::Wanted::RegistryKey(key) => {
                            let values: Vec<_> = key.values.iter().map(|value| (&value.name, &value.data)).collect();
                            format!("{} {values:?}", key.key)
                        }
                        _ => format!("{:?}", wanted.kind().statements()),
                    })
                    .collect()
            };
            assert_eq!(meaning(&loaded), meaning(&again));
        }
    }
});
