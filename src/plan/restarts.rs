//! Which services restart when the changes are done, and in which order. Pure.

use serde::{Deserialize, Serialize};

use crate::formats::service::ServiceName;
use crate::formats::upcase;
use crate::model::fact::Facts;

/// The restarts that follow a plan's changes, those that earlier runs owe included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarts {
    /// The services in the order in which they stop, each after all that need it; they start the other way round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<Box<str>>,
    /// Those of them that nobody asked to restart: they need one that is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependants: Vec<Box<str>>,
    /// The services that are to restart and that the machine does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Box<str>>,
    /// They restart at the end of the run; a machine that does not run owes them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub now: bool,
}

impl Restarts {
    /// The restarts of services by name; where the machine does not tell who needs whom, in the order of their names.
    pub fn of<'n>(names: impl Iterator<Item = &'n str>, facts: &Facts) -> Self {
        let mut asked: Vec<&str> = names.collect();
        asked.sort_unstable_by(|a, b| upcase::cmp(a, b));
        asked.dedup_by(|a, b| upcase::eq(a, b));
        let boxed = |names: &[ServiceName]| names.iter().map(|name| name.as_str().into()).collect::<Vec<Box<str>>>();
        match &facts.services {
            Some(Ok(services)) => {
                let asked: Vec<ServiceName> = asked.iter().filter_map(|name| name.parse().ok()).collect();
                let order = services.graph.restart_order(&asked);
                Self {
                    stop: boxed(&order.stop),
                    dependants: boxed(&services.graph.dependants(&asked)),
                    missing: boxed(&order.missing),
                    now: services.controllable,
                }
            }
            _ => Self { stop: asked.into_iter().map(Into::into).collect(), ..Self::default() },
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.stop.is_empty() && self.missing.is_empty()
    }
}
