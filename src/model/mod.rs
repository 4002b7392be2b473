//! The nouns that everything else speaks in. Values only: nothing here reads or writes anything.

pub mod certificate;
pub mod common;
pub mod decode;
pub mod diagnostic;
pub mod digest;
pub mod fact;
pub mod file;
pub mod file_tree;
pub mod fingerprint;
pub mod moment;
pub mod node;
pub mod operation;
pub mod record;
pub mod registry;
pub mod registry_data;
pub mod registry_tree;
pub mod remembered;
pub mod resource;
pub mod run;
pub mod scalar;
pub mod secret;
pub mod sid;
pub mod source;
pub mod thumbprint;
pub mod time;
pub mod verdict;
