//! The parts of a plan's report that come from the record: what is no longer named, what the record is told, what is owed.

use std::fmt::Write as _;

use super::style::paint;
use super::text::{TextOptions, counted, entries, shown};
use crate::plan::{Orphan, Plan, Restarts};

pub fn write(out: &mut String, plan: &Plan, options: &TextOptions) {
    let heading = |out: &mut String, text: &str| {
        let _ = writeln!(out, "{}", paint(options.palette.heading, text));
    };
    if !plan.orphans.is_empty() {
        heading(out, &format!("Applied once and no longer named: {}", plan.orphans.len()));
        for line in shown(&plan.orphans.iter().map(orphan).collect::<Vec<_>>(), options) {
            let _ = writeln!(out, "    {line}");
        }
        let hint = "say `ensure: absent` or name it under `released`, and it is not listed again";
        let _ = writeln!(out, "    {}\n", paint(options.palette.dim, hint));
    }
    if plan.elsewhere > 0 {
        let text = format!("The record also holds {} of other documents", entries(plan.elsewhere));
        let _ = writeln!(out, "{}\n", paint(options.palette.dim, &text));
    }
    if !plan.bookkeeping.is_empty() {
        heading(out, "In the record");
        for line in shown(&plan.bookkeeping.iter().map(ToString::to_string).collect::<Vec<_>>(), options) {
            let _ = writeln!(out, "    {line}");
        }
        out.push('\n');
    }
    restarts(out, &plan.restarts, options);
    if !plan.owed.is_empty() {
        heading(out, "Owed by earlier runs");
        if let Some(since) = &plan.owed.reboot {
            let _ = writeln!(out, "    a reboot, since run {}", since.run);
        }
        for (name, since) in &plan.owed.restarts {
            let _ = writeln!(out, "    restart of {name}, since run {}", since.run);
        }
        out.push('\n');
    }
}

/// The services that restart, in the order in which they start.
fn restarts(out: &mut String, restarts: &Restarts, options: &TextOptions) {
    if restarts.stop.is_empty() {
        return;
    }
    let text = if restarts.now { "Restarts when all is done" } else { "Restarts that the machine will owe" };
    let _ = writeln!(out, "{}", paint(options.palette.heading, text));
    let lines: Vec<String> = restarts.stop.iter().rev().map(|service| restart(service, restarts)).collect();
    for line in shown(&lines, options) {
        let _ = writeln!(out, "    {line}");
    }
    out.push('\n');
}

fn restart(service: &str, restarts: &Restarts) -> String {
    let is_dependant = restarts.dependants.iter().any(|name| **name == *service);
    format!("{service}{}", if is_dependant { ", if it runs: it needs one that restarts" } else { "" })
}

fn orphan(orphan: &Orphan) -> String {
    let parts = match orphan.parts {
        0 => String::new(),
        parts => format!(" with {}", counted(parts, "part")),
    };
    let protect = if orphan.protect { ", protected" } else { "" };
    format!("{}{parts}  applied by run {}{protect}", orphan.address, orphan.run)
}
