//! The services of a machine, as far as restarts need to know them.

use crate::formats::service::DependencyGraph;

/// Who needs whom, and whether any of them runs.
#[derive(Clone, Debug)]
pub struct Services {
    pub graph: DependencyGraph,
    /// Whether they can be stopped and started: on a running machine only.
    pub controllable: bool,
}
