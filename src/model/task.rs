//! What a machine's own scheduler is to run: this program with arguments.

/// One task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// For people who look at the list of tasks.
    pub description: String,
    pub start: Start,
    pub arguments: Vec<String>,
    /// How often it is tried again, a minute later each time, when it ends with a failure.
    pub retries: u32,
}

/// When a task starts. What was missed while the machine was off is made up for when it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Once(jiff::Timestamp),
    /// Each day at this time of the machine's own clock, from this day on.
    Daily(jiff::civil::DateTime),
    /// Again and again after so many seconds, at least 60, at most 31 days.
    Every {
        from: jiff::Timestamp,
        seconds: u64,
    },
}
