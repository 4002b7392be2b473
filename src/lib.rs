//! trueup reconciles a Windows server with a file: it plans what differs, applies it, and notices when it stops being so.
//!
//! The map, with the permitted import arrows:
//!
//! ```text
//! cli ─► { document, plan, apply, report, machine } ─► kinds ─► { model, formats }
//!          apply ─► { plan, machine, document }   plan ─► document   report ─► { plan, apply, document }   machine ─► kinds
//! ```
//!
//! - [`cli`] parses arguments and calls; it decides nothing.
//! - [`document`] turns YAML into a checked, located [`document::Desired`].
//! - [`model`] holds the nouns, [`formats`] turns bytes into types and back; both do no I/O.
//! - [`kinds`] decide, as pure functions, what has to be done.
//! - [`plan`] puts the decisions in order, lints and saves them. Pure.
//! - [`apply`] is the only loop that changes a machine.
//! - [`machine`] is the effect boundary: reading and writing are separate traits.
//! - [`report`] renders plans and outcomes.

#![cfg_attr(not(windows), forbid(unsafe_code))]

pub mod apply;
pub mod cli;
pub mod document;
pub mod error;
pub mod formats;
pub mod kinds;
pub mod machine;
pub mod model;
pub mod plan;
pub mod report;
