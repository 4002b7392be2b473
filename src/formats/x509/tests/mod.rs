//! Names, keys and certificates against themselves; `tests/x509.rs` has openssl for a judge.
