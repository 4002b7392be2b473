//! `trueup apply`.

use std::path::Path;

use super::arguments::{ApplyOptions, DocumentOptions, Format};
use super::progress::progress;
use super::terminal::Terminal;
use super::{Outcome, files, inputs, machines, plan as plan_command};
use crate::apply::{self, ApplyError, ApplyReport, SecretSource, has_ended};
use crate::document::Desired;
use crate::error::{Exit, Failure};
use crate::machine::{WritableMachine, WriteError};
use crate::model::fact::Facts;
use crate::model::secret::SecretReference;
use crate::plan::saved::MAX_PLAN_BYTES;
use crate::plan::{LoadError, Plan, PlanOptions, SavedPlan, build};
use crate::report::{json, text};

/// The longest secret that is read from a file or a program, in bytes.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// What is going to be applied.
enum Source {
    Saved(Box<SavedPlan>, Desired),
    Fresh { plan: Box<Plan>, facts: Box<Facts>, desired: Desired },
}

pub fn run(options: &ApplyOptions, terminal: &Terminal) -> Outcome {
    let opened = machines::open(&options.machine)?;
    let machine = opened.writable()?;
    let source = inputs::kept(source(options, machine, terminal)?);
    opened.warn(terminal);
    note_unfinished(machine, terminal);
    let plan = match source {
        Source::Saved(saved, _) => &saved.plan,
        Source::Fresh { plan, .. } => plan,
    };
    if options.report.format == Format::Text {
        plan_command::show(plan, &options.report, terminal)?;
    }
    let refusals: Vec<String> = plan.refusals(&options.accept).map(|finding| finding.code.to_string()).collect();
    if !refusals.is_empty() {
        let codes: Vec<String> = refusals.iter().map(|code| format!("--accept {code}")).collect();
        return Err(Failure::refused(format!("the plan is refused: {}", refusals.join(", ")))
            .hint(format!("change the document, or apply with {}", codes.join(" "))));
    }
    if plan.has_operations() {
        approve(options, terminal)?;
    }

    let owner = owner();
    let apply_options = apply::ApplyOptions {
        owner: &owner,
        now: jiff::Timestamp::now(),
        accept: &options.accept,
        secrets: &Secrets { allow_commands: options.allow_commands },
        rewrite_secrets: options.rewrite_secrets,
    };
    let mut progress = progress(options.progress, terminal);
    let result = match source {
        Source::Saved(saved, desired) => apply::apply_saved(machine, desired, saved, &apply_options, &mut *progress),
        Source::Fresh { plan, facts, desired } => {
            apply::apply(machine, desired, plan, facts, &apply_options, &mut *progress)
        }
    };
    drop(progress);
    let report = inputs::kept(result.map_err(failure)?);
    show(report, options, terminal)?;
    Ok(if report.is_complete() { Exit::Done } else { Exit::Failed })
}

fn source(options: &ApplyOptions, machine: &dyn WritableMachine, terminal: &Terminal) -> Result<Source, Failure> {
    if let Some(saved) = saved_plan(options)? {
        let desired = inputs::document_text("saved plan", &saved.document, terminal)?;
        return Ok(Source::Saved(Box::new(saved), desired));
    }
    let as_of = inputs::clock(options.as_of);
    let additions = super::arguments::Additions {
        overlay: options.additions.overlay.clone(),
        variables: options.additions.variables.clone(),
        machine_name: options.additions.machine_name.clone(),
    };
    let document = DocumentOptions { files: options.files.clone(), additions };
    let desired = inputs::document(&document, terminal)?;
    let facts = inputs::facts(machine.as_machine(), &desired, as_of)?;
    let plan_options = PlanOptions { as_of, rewrite_secrets: options.rewrite_secrets };
    let plan = build(&desired, &facts, plan_options).map_err(|error| inputs::order_failure(&error, &desired))?;
    Ok(Source::Fresh { plan: Box::new(plan), facts: Box::new(facts), desired })
}

/// A single file that is JSON of ours is a saved plan; everything else is a document.
fn saved_plan(options: &ApplyOptions) -> Result<Option<SavedPlan>, Failure> {
    let [file] = options.files.as_slice() else { return Ok(None) };
    if file == "-" || !Path::new(file).is_file() {
        return Ok(None);
    }
    let bytes = files::read(Path::new(file), MAX_PLAN_BYTES)?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Ok(None);
    }
    match SavedPlan::from_json(&bytes) {
        Ok(saved) => Ok(Some(saved)),
        // YAML may begin with a brace too; what does not call itself ours is a document.
        Err(LoadError::Json(_)) if !bytes.windows(KIND_FIELD.len()).take(256).any(|part| part == KIND_FIELD) => {
            Ok(None)
        }
        Err(error) => Err(Failure::invalid(format!("cannot use {file} as a plan")).because(error)),
    }
}

const KIND_FIELD: &[u8] = b"\"trueup.";

fn note_unfinished(machine: &dyn WritableMachine, terminal: &Terminal) {
    if let Ok(Some(run)) = machine.last_run()
        && !has_ended(&run.journal_tail)
    {
        terminal.note(&format!(
            "warning: run {} stopped before its end; what it left undone is part of this plan\n",
            run.name
        ));
    }
}

fn approve(options: &ApplyOptions, terminal: &Terminal) -> Result<(), Failure> {
    if options.auto_approve {
        return Ok(());
    }
    if !terminal.is_interactive() {
        return Err(Failure::refused("nobody is there to approve the plan")
            .hint("run with --auto-approve, or approve it on a terminal"));
    }
    if terminal.confirm("Apply this plan? Only `yes` is taken as an answer: ") {
        return Ok(());
    }
    Err(Failure::refused("the plan was not approved; nothing was changed"))
}

fn show(report: &ApplyReport, options: &ApplyOptions, terminal: &Terminal) -> Outcome {
    match options.report.format {
        Format::Text => terminal.data(&text::outcome(report, &plan_command::text_options(&options.report, terminal))),
        Format::Json => {
            let json =
                json::outcome(report).map_err(|error| Failure::failed("cannot write the report").because(error))?;
            terminal.data(&json)
        }
    }
}

fn failure(error: ApplyError) -> Failure {
    let refused = matches!(
        error,
        ApplyError::Refused(_)
            | ApplyError::Stale(_)
            | ApplyError::WrongTarget { .. }
            | ApplyError::Write(WriteError::Locked { .. })
    );
    let hint = match &error {
        ApplyError::Stale(_) => Some("plan again, and look at what has changed"),
        ApplyError::WrongTarget { .. } => {
            Some("only a plan made on its target can be applied: plan again on this machine")
        }
        ApplyError::Write(WriteError::Locked { .. }) => Some("wait for the other run to end"),
        ApplyError::Secret { .. } => Some("nothing was changed"),
        _ => None,
    };
    let failure = Failure::new(if refused { Exit::Refused } else { Exit::Failed }, error.to_string());
    let failure = match std::error::Error::source(&error) {
        Some(cause) => failure.because(cause.to_string()),
        None => failure,
    };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Who is at work: user, host and process.
fn owner() -> String {
    let variable = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let (user, host) = (variable(["USER", "USERNAME"]), variable(["HOSTNAME", "COMPUTERNAME"]));
    format!("{user}@{host} (process {})", std::process::id())
}

/// Secrets from the environment, from files and, where the user allows it, from programs.
struct Secrets {
    allow_commands: bool,
}

impl SecretSource for Secrets {
    fn resolve(&self, reference: &SecretReference) -> Result<String, String> {
        let text = match reference {
            SecretReference::Env(name) => {
                std::env::var(name).map_err(|_| "the variable is not set, or is not text".to_owned())?
            }
            SecretReference::File(path) => {
                let bytes = files::read(Path::new(path), MAX_SECRET_BYTES).map_err(|failure| failure.message)?;
                last_line_off(String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())?)
            }
            SecretReference::Command(_) if !self.allow_commands => {
                return Err("programs are run only with --allow-commands".into());
            }
            SecretReference::Command(words) => command(words)?,
        };
        if text.contains('\0') { Err("the secret holds a NUL character".into()) } else { Ok(text) }
    }
}

fn command(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let output = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("the program cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("the program ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map(last_line_off).map_err(|_| "what the program printed is not UTF-8".to_owned())
}

/// The text without one line break at its end.
fn last_line_off(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
