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
    restarts(out, plan, options);
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

/// The services that restart, in the order in which they start; a machine that does not run owes those that were asked for.
fn restarts(out: &mut String, plan: &Plan, options: &TextOptions) {
    let Restarts { stop, dependants, now, .. } = &plan.restarts;
    let is_asked = |service: &str| !dependants.iter().any(|dependant| **dependant == *service);
    let mut starting = stop.iter().rev().map(|service| &**service);
    let (text, services): (_, Vec<&str>) = if *now {
        ("Restarts when all is done", starting.collect())
    } else if plan.asked_restarts().next().is_some() {
        ("Restarts that the machine will owe", starting.by_ref().filter(|service| is_asked(service)).collect())
    } else {
        return;
    };
    if services.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}", paint(options.palette.heading, text));
    let line = |service: &&str| {
        format!("{service}{}", if is_asked(service) { "" } else { ", if it runs: it needs one that restarts" })
    };
    for line in shown(&services.iter().map(line).collect::<Vec<_>>(), options) {
        let _ = writeln!(out, "    {line}");
    }
    out.push('\n');
}

fn orphan(orphan: &Orphan) -> String {
    let parts = match orphan.parts {
        0 => String::new(),
        parts => format!(" with {}", counted(parts, "part")),
    };
    let protect = if orphan.protect { ", protected" } else { "" };
    format!("{}{parts}  applied by run {}{protect}", orphan.address, orphan.run)
}
