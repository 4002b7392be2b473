//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Reconciles a Windows server with a document: certificates, clients, policies, ports and registry settings.
#[derive(Debug, Parser)]
#[command(name = "trueup", version, max_term_width = 100, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,

    /// When to use colour; NO_COLOR, FORCE_COLOR and TERM=dumb are respected.
    #[arg(long, global = true, value_enum, default_value_t = ColourChoice::Auto, value_name = "WHEN")]
    pub color: ColourChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented starter document, its schema and pipeline examples.
    Init(InitOptions),
    /// Make an offline Windows volume and a document for it, then walk through plan, apply and plan.
    Demo(DemoOptions),
    /// Check documents: every error, with its line.
    Validate(ValidateOptions),
    /// Show what would change on a machine, and why.
    Plan(PlanOptions),
    /// Make a machine what the document says.
    Apply(ApplyOptions),
    /// Tell what changed on a machine since it was last true, and what the document has since asked.
    Drift(DriftOptions),
    /// Write down what is on a machine, as a snapshot or as a document.
    Capture(CaptureOptions),
    /// List the certificates of a machine: where they are, who uses them, how long they last.
    Certificates(CertificatesOptions),
    /// Compare two documents, two snapshots or two saved plans.
    Diff(DiffOptions),
    /// List the runs of a machine, or show one.
    History(HistoryOptions),
    /// Take a run back, as a plan of its own.
    Rollback(RollbackOptions),
    /// Keep a run that would be undone unless it is confirmed.
    Confirm(ConfirmOptions),
    /// Look for drift again and again, by the scheduler of the running machine.
    Schedule(ScheduleOptions),
    /// Show a saved plan.
    Show(ShowOptions),
    /// Tell where a value comes from, who wins, and what would become of it.
    Explain(ExplainOptions),
    /// Print the JSON Schema of the document.
    Schema,
    /// Print a completion script.
    Completions {
        /// The shell that it is for.
        shell: clap_complete::Shell,
    },
}

/// Which documents, and what is added to them.
#[derive(Debug, Args)]
pub struct DocumentOptions {
    /// Documents, each laid over those before it; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,

    #[command(flatten)]
    pub additions: Additions,
}

#[derive(Clone, Debug, Default, Args)]
pub struct Additions {
    /// A document laid over all others.
    #[arg(long, value_name = "FILE")]
    pub overlay: Vec<String>,

    /// A variable, in place of the document's own.
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub variables: Vec<String>,

    /// The machine that the document is for, in place of `machine.name`.
    #[arg(long, value_name = "NAME")]
    pub machine_name: Option<String>,
}

/// Which machine.
#[derive(Debug, Args)]
pub struct MachineOptions {
    /// local, image:DIR or snapshot:FILE.
    #[arg(short, long, default_value = "local", value_name = "MACHINE")]
    pub machine: String,

    /// Take hives that were not closed properly as they are.
    #[arg(long)]
    pub accept_dirty: bool,
}

/// How a report looks.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// Text for people, JSON for programs.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Show everything, however long.
    #[arg(long)]
    pub full: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressChoice {
    /// A bar on a terminal, nothing elsewhere.
    Auto,
    /// JSON Lines on standard error.
    Json,
    None,
}

#[derive(Debug, Args)]
pub struct PlanOptions {
    #[command(flatten)]
    pub document: DocumentOptions,
    #[command(flatten)]
    pub machine: MachineOptions,
    #[command(flatten)]
    pub report: ReportOptions,

    /// Save the plan, so that exactly this can be applied.
    #[arg(short, long, value_name = "PLAN")]
    pub out: Option<PathBuf>,

    /// Also write a report to a file; may be repeated.
    #[arg(long = "report", value_name = "KIND:FILE")]
    pub reports: Vec<String>,

    /// Exit with 2 when the machine differs.
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Write secrets again although nothing tells whether they differ.
    #[arg(long)]
    pub rewrite_secrets: bool,

    /// Run the programs that the document names as sources of secrets, to compare what they print.
    #[arg(long)]
    pub allow_commands: bool,

    /// The key under which apply will keep secrets that it overwrites: the plan tells which steps can be taken back then.
    #[arg(long, value_name = "FILE")]
    pub hold_key: Option<PathBuf>,

    /// The point in time that the plan is made for (RFC 3339), in place of the clock's.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<jiff::Timestamp>,
}

#[derive(Debug, Args)]
pub struct ApplyOptions {
    /// Documents, or one saved plan.
    #[arg(required_unless_present = "undo", value_name = "FILE|PLAN")]
    pub files: Vec<String>,
    #[command(flatten)]
    pub additions: Additions,
    #[command(flatten)]
    pub machine: MachineOptions,
    #[command(flatten)]
    pub report: ReportOptions,

    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,

    /// Accept the findings of this code although they are errors; may be repeated.
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,

    /// Also make changes of a running machine that nobody has seen trueup make on a real Windows; each is looked at afterwards.
    #[arg(long)]
    pub accept_unproven: bool,

    /// Write secrets again although nothing tells whether they differ.
    #[arg(long)]
    pub rewrite_secrets: bool,

    /// Run the programs that the document names as sources of secrets.
    #[arg(long)]
    pub allow_commands: bool,

    /// Finish the run that stopped before its end, then go on.
    #[arg(long, conflicts_with = "undo")]
    pub resume: bool,

    /// Take back the run that stopped before its end, and do nothing else.
    #[arg(long)]
    pub undo: bool,

    /// What becomes of the run when a step fails.
    #[arg(long, value_enum, default_value_t = FailureChoice::Continue, value_name = "WHAT")]
    pub on_failure: FailureChoice,

    /// Keep secrets that are overwritten, sealed with the key in this file, so that they can be put back. The file must lie
    /// outside the machine; it is made when it is not there.
    #[arg(long, value_name = "FILE")]
    pub hold_key: Option<PathBuf>,

    /// Undo the run unless `trueup confirm` is run within this time, such as 5m.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub confirm_within: Option<std::time::Duration>,

    /// For how long a service of a running machine may take to start or stop, counted from its last sign of progress; 2m unless it is
    /// given.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub service_timeout: Option<crate::model::scalar::Duration>,

    /// How to show progress.
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto)]
    pub progress: ProgressChoice,

    /// The point in time that the plan is made for (RFC 3339), in place of the clock's.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<jiff::Timestamp>,
}

/// Reads a duration as documents write it.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    Ok(std::time::Duration::from_secs(length(text)?.seconds()))
}

/// As [`duration`], for what is shown again.
fn length(text: &str) -> Result<crate::model::scalar::Duration, String> {
    text.parse::<crate::model::scalar::Duration>().map_err(|error| error.to_string())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailureChoice {
    /// What depends on the failed step is skipped, the rest goes on.
    Continue,
    /// Nothing more is done; what was done stays.
    Stop,
    /// All that was done is taken back.
    Rollback,
}

#[derive(Debug, Args)]
pub struct DriftOptions {
    #[command(flatten)]
    pub document: DocumentOptions,
    #[command(flatten)]
    pub machine: MachineOptions,
    #[command(flatten)]
    pub report: ReportOptions,

    /// Also count what is there and not named in the places that the document names.
    #[arg(long)]
    pub coverage: bool,

    /// Also write an entry to the machine's event log: for the task that `trueup schedule` makes.
    #[arg(long)]
    pub event_log: bool,

    /// Take the machine as it is for what was last applied: drift is measured from here on.
    #[arg(long)]
    pub accept_as_baseline: bool,

    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,

    /// Run the programs that the document names as sources of secrets, to compare what they print.
    #[arg(long)]
    pub allow_commands: bool,

    /// The point in time that is looked at (RFC 3339), in place of the clock's.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<jiff::Timestamp>,
}

#[derive(Debug, Args)]
pub struct HistoryOptions {
    /// Show this run step by step.
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    #[command(flatten)]
    pub machine: MachineOptions,
    #[command(flatten)]
    pub report: ReportOptions,
}

#[derive(Debug, Args)]
pub struct RollbackOptions {
    /// The run to take back; without it, the last one that was not taken back yet.
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    #[command(flatten)]
    pub machine: MachineOptions,
    #[command(flatten)]
    pub report: ReportOptions,

    /// Show what would be taken back, and do nothing.
    #[arg(long)]
    pub plan: bool,

    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,

    /// Take back what can be, although something cannot.
    #[arg(long)]
    pub partial: bool,

    /// Accept the findings of this code although they are errors; may be repeated.
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,

    /// Also make changes of a running machine that nobody has seen trueup make on a real Windows; each is looked at afterwards.
    #[arg(long)]
    pub accept_unproven: bool,

    /// Do nothing when the run was confirmed: for the task that `apply --confirm-within` arms.
    #[arg(long, requires = "run")]
    pub unless_confirmed: bool,

    /// The key of the sealed hold, for secrets that the run overwrote.
    #[arg(long, value_name = "FILE")]
    pub hold_key: Option<PathBuf>,

    /// For how long a service of a running machine may take to start or stop, counted from its last sign of progress; 2m unless it is
    /// given.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub service_timeout: Option<crate::model::scalar::Duration>,

    /// How to show progress.
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto)]
    pub progress: ProgressChoice,
}

#[derive(Debug, Args)]
pub struct ConfirmOptions {
    #[command(flatten)]
    pub machine: MachineOptions,
}

#[derive(Debug, Args)]
pub struct ScheduleOptions {
    /// Documents, each laid over those before it. They are read where they are now, whenever the task runs.
    #[arg(required_unless_present = "remove", value_name = "FILE")]
    pub files: Vec<String>,
    #[command(flatten)]
    pub additions: Additions,

    /// How often, such as 15m or 6h; at least 1m, at most 31d.
    #[arg(long, value_name = "DURATION", value_parser = length, conflicts_with = "daily_at")]
    pub every: Option<crate::model::scalar::Duration>,

    /// Once a day at this time of the machine's own clock, such as 03:30.
    #[arg(long, value_name = "TIME", value_parser = time_of_day)]
    pub daily_at: Option<jiff::civil::Time>,

    /// What the task is called, in the scheduler's folder \trueup.
    #[arg(long, value_name = "NAME", default_value = "drift")]
    pub name: String,

    /// Print the task's definition in XML, and make no task: for `schtasks /Create /XML`, on any machine.
    #[arg(long)]
    pub print: bool,

    /// Where trueup.exe lies on the machine, in the definition that is printed.
    #[arg(long, value_name = "FILE", requires = "print", default_value = r"C:\Program Files\trueup\trueup.exe")]
    pub program: String,

    /// Remove the task.
    #[arg(long, conflicts_with_all = ["files", "print"])]
    pub remove: bool,
}

/// Reads an hour and a minute.
fn time_of_day(text: &str) -> Result<jiff::civil::Time, String> {
    jiff::civil::Time::strptime("%H:%M", text).map_err(|_| "write an hour and a minute, as in `03:30`".to_owned())
}

#[derive(Debug, Args)]
pub struct ValidateOptions {
    #[command(flatten)]
    pub document: DocumentOptions,
}

#[derive(Debug, Args)]
pub struct InitOptions {
    /// The folder to write to; nothing that is there is overwritten.
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct DemoOptions {
    /// The folder to make; it must not exist or be empty.
    #[arg(default_value = "trueup-demo", value_name = "DIR")]
    pub folder: PathBuf,

    /// Make the image and the document, and leave the rest to you.
    #[arg(long)]
    pub only_make: bool,
}

#[derive(Debug, Args)]
pub struct CaptureOptions {
    #[command(flatten)]
    pub machine: MachineOptions,

    /// Only what this document speaks of; may be repeated.
    #[arg(long = "for", value_name = "FILE")]
    pub documents: Vec<String>,
    #[command(flatten)]
    pub additions: Additions,

    /// Only this registry key with all below it; may be repeated.
    #[arg(long, value_name = "KEY", conflicts_with = "documents")]
    pub key: Vec<String>,

    /// What to write.
    #[arg(long = "as", value_enum, default_value_t = CaptureForm::Snapshot, value_name = "FORM")]
    pub form: CaptureForm,

    /// Where to write it, in place of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CaptureForm {
    /// JSON that can be planned against.
    Snapshot,
    /// A document that asks for what is there.
    Document,
}

#[derive(Debug, Args)]
pub struct CertificatesOptions {
    /// Documents: the files that their entries name are listed too, and whose each certificate is.
    #[arg(value_name = "FILE")]
    pub files: Vec<String>,
    #[command(flatten)]
    pub additions: Additions,
    #[command(flatten)]
    pub machine: MachineOptions,
    #[command(flatten)]
    pub report: ReportOptions,

    /// Only what has expired or ends within this time, such as 30d.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub within: Option<crate::model::scalar::Duration>,

    /// Exit with 2 when something has expired or ends within this time, or 30d.
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Run the programs that the document names as sources of passwords.
    #[arg(long)]
    pub allow_commands: bool,

    /// The point in time that is looked at (RFC 3339), in place of the clock's.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<jiff::Timestamp>,
}

#[derive(Debug, Args)]
pub struct DiffOptions {
    /// A document, a snapshot or a saved plan.
    pub a: String,
    /// Another of the same sort.
    pub b: String,
    /// Compare what two documents would change on this machine.
    #[arg(short, long, value_name = "MACHINE")]
    pub machine: Option<String>,
    /// Take hives that were not closed properly as they are.
    #[arg(long)]
    pub accept_dirty: bool,
    #[command(flatten)]
    pub report: ReportOptions,
    /// Exit with 2 when they differ.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub struct ShowOptions {
    /// The saved plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    #[command(flatten)]
    pub report: ReportOptions,
}

#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// An address, such as registry["HKLM\SOFTWARE\Vendor"].LogLevel
    pub address: String,
    #[command(flatten)]
    pub document: DocumentOptions,
    /// Also tell what would become of it on this machine.
    #[arg(short, long, value_name = "MACHINE")]
    pub machine: Option<String>,
    /// Take hives that were not closed properly as they are.
    #[arg(long)]
    pub accept_dirty: bool,
}
