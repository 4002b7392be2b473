//! Why a machine could not be changed.

/// Why a machine could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("another run is at work on this machine: {owner}")]
    Locked { owner: String },
    #[error("there is too little room: {needed} bytes are needed, {free} are free")]
    NoSpace { needed: u64, free: u64 },
    #[error("cannot {attempt}: {detail}")]
    Refused { attempt: String, detail: String },
    #[error("cannot {attempt}")]
    Failed {
        attempt: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The machine stopped, as if its power were cut: nothing more can be done in this process. Tests only.
    #[error("the machine stopped while trying to {attempt}")]
    Stopped { attempt: String },
}

impl WriteError {
    pub fn failed(attempt: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { attempt: attempt.into(), source: source.into() }
    }

    pub fn refused(attempt: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Refused { attempt: attempt.into(), detail: detail.into() }
    }
}
