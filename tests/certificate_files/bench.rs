//! A folder with keys and certificates that openssl made, and openssl itself.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Made by openssl: a root, an authority below it, and `web` below that, with its key and request.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    /// With a key for `web` as `openssl genpkey` takes it.
    pub fn new(key: &[&str]) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        for (name, key) in [("root", &curve[..]), ("sub", &curve[..]), ("web", key)] {
            bench.run(&[&["genpkey", "-out", &format!("{name}.key")], key].concat());
            bench.run(&["pkey", "-in", &format!("{name}.key"), "-outform", "DER", "-out", "x"]);
            bench.run(&[
                "pkcs8",
                "-topk8",
                "-nocrypt",
                "-in",
                &format!("{name}.key"),
                "-outform",
                "DER",
                "-out",
                &format!("{name}.p8"),
            ]);
            bench.run(&[
                "req",
                "-new",
                "-utf8",
                "-key",
                &format!("{name}.key"),
                "-subj",
                &format!("/C=CH/O=Größe AG/CN={name}"),
                "-out",
                &format!("{name}.csr"),
            ]);
            bench.run(&["req", "-in", &format!("{name}.csr"), "-outform", "DER", "-out", &format!("{name}.csr.der")]);
        }
        bench.run(&["req", "-x509", "-key", "root.key", "-in", "root.csr", "-days", "30", "-out", "root.pem"]);
        bench.run(&[
            "x509",
            "-req",
            "-in",
            "sub.csr",
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-set_serial",
            "2",
            "-out",
            "sub.pem",
        ]);
        bench.run(&[
            "x509",
            "-req",
            "-in",
            "web.csr",
            "-CA",
            "sub.pem",
            "-CAkey",
            "sub.key",
            "-set_serial",
            "3",
            "-out",
            "web.pem",
        ]);
        for name in ["root", "sub", "web"] {
            bench.run(&["x509", "-in", &format!("{name}.pem"), "-outform", "DER", "-out", &format!("{name}.der")]);
        }
        bench
    }

    pub fn of_curve() -> Self {
        Self::new(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// What openssl prints; it must succeed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {}: {said}", arguments.join(" "));
        // It prints names of a PFX in Latin-1.
        String::from_utf8(output.stdout)
            .unwrap_or_else(|bytes| bytes.as_bytes().iter().copied().map(char::from).collect())
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().expect("openssl runs")
    }
}
