//! `trueup schema`.

use super::Outcome;
use super::terminal::Terminal;
use crate::document::schema_text;

pub fn run(terminal: &Terminal) -> Outcome {
    terminal.data(&schema_text())
}
