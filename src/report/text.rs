//! Plans and outcomes for a person to read.

use std::collections::HashSet;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::layout::{Group, Line, Symbol, groups, removals, tree_lines};
use super::remembered;
use super::style::{Palette, Width, padded, paint};
use crate::apply::{ApplyReport, Left, Outcome, Restarted};
use crate::model::operation::Reversibility;
use crate::model::verdict::{Finding, Severity, Verdict};
use crate::plan::lint::UNSUPPORTED;
use crate::plan::{Plan, Summary};

/// How much a report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Long stretches of changes are cut, and the cut is counted.
    Short,
    Full,
}

/// So many lines of one group are shown before the rest is counted.
const SHORT_LINES: usize = 40;
/// So many entries of one group are named before the rest is counted.
const SHORT_ENTRIES: usize = 20;
/// The widest that the column of names becomes.
const WIDEST_NAME: usize = 36;

/// How a report is made.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    pub palette: Palette,
    pub width: Width,
    pub detail: Detail,
}

/// The plan: changes with their reasons, findings, removals once more, and the summary as the last line.
pub fn plan(plan: &Plan, options: &TextOptions) -> String {
    let mut out = String::new();
    let trees = tree_lines(plan);
    for group in groups(plan, most_lines(options), |_| true) {
        write_group(&mut out, &group, options);
        for line in group.entries.iter().filter_map(|entry| trees.get(entry)).flat_map(|lines| shown(lines, options)) {
            let _ = writeln!(out, "        {}", paint(options.palette.dim, &options.width.beside(8).fit(&line)));
        }
        out.push('\n');
    }
    if !plan.unmanaged.is_empty() {
        let _ = writeln!(out, "{}", paint(options.palette.heading, &format!("Not managed: {}", plan.unmanaged.len())));
        for id in shown(&plan.unmanaged.iter().map(ToString::to_string).collect::<Vec<_>>(), options) {
            let _ = writeln!(out, "    {id}");
        }
        out.push('\n');
    }
    let told = deferrals(plan);
    let mut findings = plan.findings.iter().filter(|finding| !is_told(finding, &told)).peekable();
    let has_findings = findings.peek().is_some();
    for finding in findings {
        write_finding(&mut out, plan, finding, options);
    }
    if has_findings {
        out.push('\n');
    }
    remembered::write(&mut out, plan, options);
    let gone = removals(plan);
    if !gone.is_empty() {
        let heading = format!("{} will be removed:", counted(gone.len(), "thing"));
        let _ = writeln!(out, "{}", paint(options.palette.remove, &heading));
        for line in shown(&gone, options) {
            let _ = writeln!(out, "  {} {line}", paint(options.palette.remove, "-"));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", paint(options.palette.heading, &summary(&plan.summary())));
    out
}

/// Why things are deferred, as their own lines say it.
fn deferrals(plan: &Plan) -> HashSet<&str> {
    let deferred = plan.decisions.iter().filter(|decision| decision.verdict == Verdict::Deferred);
    let messages = deferred.flat_map(|decision| &decision.reasons).filter_map(|reason| reason.message.as_deref());
    // Behind what is wanted stands why it cannot be told.
    messages.flat_map(|message| [message, message.rsplit_once("; ").map_or(message, |(_, why)| why)]).collect()
}

/// Whether a finding about what this machine lacks only repeats the line of what is deferred for it.
fn is_told(finding: &Finding, told: &HashSet<&str>) -> bool {
    let why = finding.message.split_once(": ").map(|(_, why)| why);
    finding.code == UNSUPPORTED && why.is_some_and(|why| told.contains(why))
}

/// So many changes of an entry are laid out.
pub(super) fn most_lines(options: &TextOptions) -> usize {
    if options.detail == Detail::Full { usize::MAX } else { SHORT_LINES }
}

/// The lines, cut and counted unless all are asked for.
pub fn shown(lines: &[String], options: &TextOptions) -> Vec<String> {
    if options.detail == Detail::Full || lines.len() <= SHORT_LINES {
        return lines.to_vec();
    }
    let mut cut: Vec<String> = lines.iter().take(SHORT_LINES).cloned().collect();
    cut.push(format!("… and {} more (--full shows all)", lines.len() - SHORT_LINES));
    cut
}

pub(super) fn write_group(out: &mut String, group: &Group, options: &TextOptions) {
    let names: Vec<&String> = match options.detail {
        Detail::Full => group.entries.iter().collect(),
        Detail::Short => group.entries.iter().take(SHORT_ENTRIES).collect(),
    };
    let hidden = group.entries.len() - names.len();
    for (index, entry) in names.iter().enumerate() {
        let last = index + 1 == names.len() && hidden == 0;
        let written = group.last_written.filter(|_| last).map(|at| format!("  last written {at}"));
        let _ = writeln!(
            out,
            "{}{}",
            paint(options.palette.heading, &options.width.fit(entry)),
            written.map(|text| paint(options.palette.dim, &text)).unwrap_or_default()
        );
    }
    if hidden > 0 {
        let _ = writeln!(out, "… and {hidden} more with the same changes (--full names all)");
    }
    let column = group.lines.iter().map(|line| line.name.width()).max().unwrap_or(0).min(WIDEST_NAME);
    for line in &group.lines {
        write_line(out, line, column, options);
    }
    if group.hidden > 0 {
        let _ = writeln!(out, "    … and {} more changes here (--full shows all)", group.hidden);
    }
}

fn write_line(out: &mut String, line: &Line, column: usize, options: &TextOptions) {
    let style = style_of(line.symbol, &options.palette);
    let name = padded(&options.width.beside(8).fit(&line.name), column);
    let used = 6 + name.width() + 2;
    let value = match (&line.before, &line.after) {
        (Some(before), Some(after)) => {
            let half = match options.width.beside(used + 3) {
                Width::Columns(columns) => Width::Columns(columns / 2),
                unlimited => unlimited,
            };
            format!("{} → {}", half.fit(before), half.fit(after))
        }
        (Some(value), None) | (None, Some(value)) => options.width.beside(used).fit(value),
        (None, None) => String::new(),
    };
    let mut words = line.reasons.clone();
    words.extend(line.cause.map(|cause| cause.word().to_owned()));
    words.extend(match line.reversibility {
        Reversibility::Reversible => None,
        Reversibility::Compensable => Some("can be taken back in part only".to_owned()),
        Reversibility::Irreversible => Some("cannot be taken back".to_owned()),
    });
    let reasons = words.join("; ");
    let fits = match options.width {
        Width::Unlimited => true,
        Width::Columns(columns) => used + value.width() + 2 + reasons.width() <= columns,
    };
    let head = format!("    {} {name}", paint(style, line.symbol.text()));
    let gap = if value.is_empty() { "" } else { "  " };
    if fits {
        let _ = writeln!(out, "{head}{gap}{value}  {}", paint(options.palette.dim, &reasons));
    } else {
        let _ = writeln!(out, "{}", format!("{head}{gap}{value}").trim_end());
        let _ = writeln!(out, "          {}", paint(options.palette.dim, &options.width.beside(10).fit(&reasons)));
    }
    for (sign, text) in &line.details {
        let style = match sign {
            '+' => options.palette.add,
            '-' => options.palette.remove,
            _ => options.palette.change,
        };
        let _ = writeln!(out, "          {} {}", paint(style, &sign.to_string()), options.width.beside(12).fit(text));
    }
}

fn style_of(symbol: Symbol, palette: &Palette) -> anstyle::Style {
    match symbol {
        Symbol::Create => palette.add,
        Symbol::Update | Symbol::Replace => palette.change,
        Symbol::Delete => palette.remove,
        Symbol::Blocked => palette.problem,
        Symbol::Deferred | Symbol::Pending | Symbol::Unverifiable | Symbol::Waived => palette.dim,
    }
}

pub(super) fn write_finding(out: &mut String, plan: &Plan, finding: &Finding, options: &TextOptions) {
    let style = match finding.severity {
        Severity::Error => options.palette.problem,
        Severity::Warning => options.palette.change,
        Severity::Info => options.palette.dim,
    };
    let place = finding.at.map(|at| {
        let file = plan.files.get(at.file.index()).map_or("", String::as_str);
        format!(" ({file}:{}:{})", at.line, at.column)
    });
    let head = paint(style, &format!("{}[{}]", finding.severity, finding.code));
    let _ = writeln!(out, "{head}: {}{}", finding.message, place.unwrap_or_default());
    if let Some(hint) = &finding.hint {
        let _ = writeln!(out, "    hint: {hint}");
    }
}

/// The last line of every plan.
pub fn summary(sum: &Summary) -> String {
    let Summary { add, change, remove, replace, .. } = sum;
    let mut text = format!("Plan: {add} to add, {change} to change, {remove} to remove, {replace} to replace");
    for count in counts([sum.blocked, sum.deferred, sum.pending, sum.unverifiable, sum.waived]) {
        let _ = write!(text, ", {count}");
    }
    let _ = write!(text, "; {} unchanged", sum.unchanged);
    if sum.orphans > 0 {
        let _ = write!(text, "; {}", counted(sum.orphans, "orphan"));
    }
    if sum.irreversible > 0 {
        let _ = write!(text, "; {} cannot be taken back", counted(sum.irreversible, "step"));
    }
    if sum.restarts > 0 {
        let verb = if sum.restarts == 1 { "restarts" } else { "restart" };
        let _ = write!(text, "; {} {verb}", counted(sum.restarts, "service"));
    }
    let _ = write!(text, "; reboot: {}", if sum.reboot { "yes" } else { "no" });
    text
}

/// What a run did, `did` in one word: everything that was not done, then the count.
pub fn outcome(report: &ApplyReport, did: &str, options: &TextOptions) -> String {
    let mut out = String::new();
    for one in &report.outcomes {
        let (word, why) = match &one.outcome {
            Outcome::Done => continue,
            Outcome::Waiting { because } => (paint(options.palette.change, "waiting"), because.as_str()),
            Outcome::Failed { detail } => (paint(options.palette.problem, "failed"), detail.as_str()),
            Outcome::Skipped { because } => (paint(options.palette.change, "skipped"), because.as_str()),
            Outcome::Undone { because } => (paint(options.palette.change, "undone"), because.as_str()),
        };
        let _ = writeln!(out, "{word} {}: {why}", one.address);
    }
    let left = left_as_it_is(&report.left);
    let Some(run) = &report.run else {
        let text = match &left {
            None => "Nothing to do: the machine is what the document says.".to_owned(),
            Some(left) => format!("Nothing was done. {left}"),
        };
        let _ = writeln!(out, "{text}");
        return out;
    };
    let (done, failed, skipped) = (report.done(), report.failed(), report.skipped());
    let waiting = match report.waiting() {
        0 => String::new(),
        waiting => format!(", {waiting} waiting"),
    };
    let undone = match report.undone() {
        0 => String::new(),
        undone => format!(", {undone} undone"),
    };
    let text = format!("{did}: {done} done, {failed} failed, {skipped} skipped{waiting}{undone}; run {run}");
    let _ = writeln!(out, "{}", paint(options.palette.heading, &text));
    if let Some(left) = left {
        let _ = writeln!(out, "{}", paint(options.palette.change, &left));
    }
    if report.remaining_operations > 0 {
        let steps = counted(report.remaining_operations, "step");
        let _ = writeln!(out, "{}", paint(options.palette.problem, &format!("Planned again: {steps} still to do")));
    } else if failed == 0 {
        let again = if report.planned_again { ", and planning again finds nothing to do" } else { "" };
        let _ = writeln!(out, "Verified: every change reads back as planned{again}.");
    }
    if report.bookkeeping > 0 {
        let _ = writeln!(out, "The record was told of {}.", counted(report.bookkeeping, "thing"));
    }
    if report.reboot {
        let _ = writeln!(out, "A reboot is needed for the changes to take effect.");
    }
    restarts(&mut out, report, options);
    if let Some(until) = report.confirm_until {
        let _ = writeln!(out, "The run is undone at {until} unless `trueup confirm` is run before.");
    }
    for warning in &report.warnings {
        let _ = writeln!(out, "{} {warning}", paint(options.palette.change, "warning:"));
    }
    out
}

/// What became of the services that had to restart, and what is owed still.
fn restarts(out: &mut String, report: &ApplyReport, options: &TextOptions) {
    let of = |wanted: &Restarted| {
        let all = report.restarts.iter().filter(|one| one.outcome == *wanted);
        all.map(|one| &*one.service).collect::<Vec<_>>().join(", ")
    };
    let told = [
        (of(&Restarted::Done), "Restarted: "),
        (of(&Restarted::NotRunning), "Not running, so not restarted: "),
        (of(&Restarted::Missing), "Not restarted, for there is no such service: "),
    ];
    for (names, text) in told.iter().filter(|(names, _)| !names.is_empty()) {
        let _ = writeln!(out, "{text}{names}.");
    }
    for one in &report.restarts {
        if let Restarted::Failed { detail } = &one.outcome {
            let word = paint(options.palette.problem, "failed");
            let _ = writeln!(out, "{word} to restart {}: {detail}", one.service);
        }
    }
    if !report.owed.restarts.is_empty() {
        let names: Vec<&str> = report.owed.restarts.keys().map(|name| &**name).collect();
        // A machine that has tried is one that runs.
        let when = if report.restarts.is_empty() { "at the next start" } else { "still" };
        let _ = writeln!(out, "Owed {when}: restart of {}.", names.join(", "));
    }
}

/// What no step was planned for, `None` when there is nothing of the kind.
fn left_as_it_is(left: &Left) -> Option<String> {
    let counts = counts([left.blocked, left.deferred, left.pending, left.unverifiable, left.waived]);
    (!counts.is_empty()).then(|| format!("Left as it is: {}", counts.join(", ")))
}

/// What is there of each verdict that is neither a change nor agreement.
fn counts([blocked, deferred, pending, unverifiable, waived]: [usize; 5]) -> Vec<String> {
    let all = [
        (blocked, "blocked"),
        (deferred, "deferred"),
        (pending, "pending"),
        (unverifiable, "unverifiable"),
        (waived, "waived"),
    ];
    all.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect()
}

/// `1 entry`, `2 entries`.
pub fn entries(number: usize) -> String {
    if number == 1 { "1 entry".into() } else { format!("{number} entries") }
}

/// `1 thing`, `2 things`.
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
