//! A plan kept in a file: the plan, where it was made, the fingerprint of every fact it rests on, and the document.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Plan;
use super::staleness::FactPrint;
use super::wire::{FORMAT_VERSION, WireError, WirePlan, is_known_version};

/// The most bytes that a saved plan may have.
pub const MAX_PLAN_BYTES: u64 = 1 << 30;

/// Where a plan was made: only a plan made on its target can be applied to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `image`, `local`, `snapshot` or `memory`.
    pub kind: String,
}

/// A plan with all that is needed to apply it later, and to notice when it should not be.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedPlan {
    pub target: Target,
    pub plan: Plan,
    pub facts: Vec<FactPrint>,
    /// The merged document, as YAML: `apply` plans it again to see that nothing is left to do.
    pub document: String,
    pub rewrite_secrets: bool,
}

#[derive(Serialize, Deserialize)]
struct Wire<'p> {
    format_version: Cow<'p, str>,
    kind: Cow<'p, str>,
    target: Cow<'p, Target>,
    rewrite_secrets: bool,
    plan: WirePlan<'p>,
    facts: Cow<'p, [FactPrint]>,
    document: Cow<'p, str>,
}

const KIND: &str = "trueup.saved_plan";

/// Why a file is not a saved plan.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("this is not a saved plan")]
    Json(#[source] serde_json::Error),
    #[error("this is a {0}, not a saved plan")]
    Kind(String),
    #[error(transparent)]
    Plan(#[from] WireError),
}

impl SavedPlan {
    /// The file's bytes: JSON that ends with a line break.
    ///
    /// # Errors
    /// Never for a plan that was built; serialisation reports it rather than panic.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = serde_json::to_vec(&Wire {
            format_version: Cow::Borrowed(FORMAT_VERSION),
            kind: Cow::Borrowed(KIND),
            target: Cow::Borrowed(&self.target),
            rewrite_secrets: self.rewrite_secrets,
            plan: WirePlan::new(&self.plan),
            facts: Cow::Borrowed(&self.facts),
            document: Cow::Borrowed(&self.document),
        })?;
        json.push(b'\n');
        Ok(json)
    }

    /// Reads what [`SavedPlan::to_json`] wrote.
    ///
    /// # Errors
    /// Another kind of file, another major version, or damage.
    pub fn from_json(bytes: &[u8]) -> Result<Self, LoadError> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            format_version: String,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(LoadError::Json)?;
        if head.kind != KIND {
            return Err(LoadError::Kind(head.kind));
        }
        if !is_known_version(&head.format_version) {
            return Err(WireError::Version { found: head.format_version }.into());
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(LoadError::Json)?;
        Ok(Self {
            target: wire.target.into_owned(),
            plan: wire.plan.into_plan()?,
            facts: wire.facts.into_owned(),
            document: wire.document.into_owned(),
            rewrite_secrets: wire.rewrite_secrets,
        })
    }
}
