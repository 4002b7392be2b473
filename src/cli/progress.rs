//! How far a run has come: a bar on a terminal, JSON Lines for a program, or nothing.

use std::fmt;

use super::arguments::ProgressChoice;
use super::terminal::Terminal;
use crate::apply::Progress;

/// The progress that the user asked for.
pub fn progress<'t>(choice: ProgressChoice, terminal: &'t Terminal) -> Box<dyn Progress + 't> {
    match choice {
        ProgressChoice::Json => Box::new(Lines { terminal, phase: "", steps: 0, done: 0 }),
        ProgressChoice::Auto if terminal.can_draw() => Box::new(Bar(indicatif::ProgressBar::hidden())),
        ProgressChoice::Auto | ProgressChoice::None => Box::new(Silent),
    }
}

struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _name: &'static str, _steps: usize) {}
}

struct Bar(indicatif::ProgressBar);

impl Progress for Bar {
    fn phase(&mut self, name: &'static str, steps: usize) {
        self.0.finish_and_clear();
        self.0 = indicatif::ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX));
        if let Ok(style) = indicatif::ProgressStyle::with_template("{prefix:>12} [{bar:40}] {pos}/{len} {wide_msg}") {
            self.0.set_style(style);
        }
        self.0.set_prefix(name);
    }

    fn step(&mut self) {
        self.0.inc(1);
        self.0.set_message("");
    }

    fn waits_for(&mut self, what: &dyn fmt::Display) {
        self.0.set_message(what.to_string());
        self.0.tick();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// At most one line for each hundredth of a phase.
struct Lines<'t> {
    terminal: &'t Terminal,
    phase: &'static str,
    steps: usize,
    done: usize,
}

impl Lines<'_> {
    fn line(&self) {
        let line = serde_json::json!({ "phase": self.phase, "done": self.done, "steps": self.steps });
        self.terminal.note(&format!("{line}\n"));
    }
}

impl Progress for Lines<'_> {
    fn phase(&mut self, name: &'static str, steps: usize) {
        (self.phase, self.steps, self.done) = (name, steps, 0);
        self.line();
    }

    fn step(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of((self.steps / 100).max(1)) {
            self.line();
        }
    }

    fn waits_for(&mut self, what: &dyn fmt::Display) {
        let Self { phase, done, steps, .. } = self;
        let line = serde_json::json!({ "phase": phase, "done": done, "steps": steps, "waits_for": what.to_string() });
        self.terminal.note(&format!("{line}\n"));
    }
}
