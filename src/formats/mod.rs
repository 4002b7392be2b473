//! Formats of Windows: bytes to types and back, without any I/O and without a panic on any input.

pub mod certificate_files;
pub mod certificate_store;
pub mod edit;
pub mod firewall;
pub mod guid;
pub mod hold;
pub mod http_sys;
pub mod installed;
pub mod key_blobs;
pub mod meaning;
pub mod pending_renames;
pub mod port_table;
pub mod regf;
pub mod registry_values;
pub mod rpc_ports;
pub mod sam;
pub mod security_descriptor;
pub mod service;
pub mod sntp;
pub mod task;
pub mod upcase;
pub mod x509;
