//! What the real openssl says of what was applied. Without openssl the tests fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder for one test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// What openssl says, on both its outputs.
    pub fn openssl(&self, arguments: &str) -> String {
        let (is_good, said) = run(self.0.path(), arguments);
        assert!(is_good, "openssl {arguments}\n{said}");
        said
    }

    /// What openssl says when it fails.
    pub fn openssl_fails(&self, arguments: &str) -> String {
        let (is_good, said) = run(self.0.path(), arguments);
        assert!(!is_good, "openssl {arguments}\n{said}");
        said
    }
}

fn run(folder: &Path, arguments: &str) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).env_remove("OPENSSL_CONF").args(arguments.split(' '));
    let output = command.output().expect("openssl is installed");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}
