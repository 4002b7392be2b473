//! `trueup demo`.

use super::arguments::{
    Additions, ApplyOptions, DemoOptions, DocumentOptions, FailureChoice, Format, MachineOptions, PlanOptions,
    ProgressChoice, ReportOptions,
};
use super::terminal::Terminal;
use super::{Outcome, apply, files, plan};
use crate::error::{Exit, Failure};
use crate::machine::image::sample;
use crate::model::time::FileTime;

const DOCUMENT: &str = include_str!("templates/demo.trueup.yaml");
const MACHINE_NAME: &str = "ACS-SRV01";

pub fn run(options: &DemoOptions, terminal: &Terminal) -> Outcome {
    let folder = &options.folder;
    let occupied = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || folder.is_file() {
        return Err(Failure::failed(format!("{} is not an empty folder", folder.display()))
            .hint("name another: trueup demo DIR"));
    }
    let image = folder.join("image");
    let document = folder.join("server.trueup.yaml");
    let now = FileTime::from_timestamp(jiff::Timestamp::now());
    sample::make(&image, MACHINE_NAME, now)
        .map_err(|error| Failure::failed(format!("cannot make the image in {}", image.display())).because(error))?;
    files::write_new(&document, DOCUMENT)?;
    let (image, document) = (format!("image:{}", image.display()), document.display().to_string());
    terminal.data(&format!("Made an offline Windows volume and a document for it in {}\n", folder.display()))?;
    if options.only_make {
        return terminal.data(&format!("\nNext: trueup plan {document} -m {image}\n"));
    }

    heading(terminal, &format!("trueup plan {document} -m {image}"))?;
    plan::run(&plan_options(&document, &image), terminal)?;
    heading(terminal, &format!("trueup apply {document} -m {image} --auto-approve"))?;
    let applied = apply::run(&apply_options(&document, &image), terminal)?;
    if applied != Exit::Done {
        return Ok(applied);
    }
    heading(terminal, &format!("trueup plan {document} -m {image}"))?;
    plan::run(&plan_options(&document, &image), terminal)
}

fn heading(terminal: &Terminal, command: &str) -> Outcome {
    terminal.data(&format!("\n$ {command}\n"))
}

fn machine(image: &str) -> MachineOptions {
    MachineOptions { machine: image.to_owned(), accept_dirty: false }
}

fn report() -> ReportOptions {
    ReportOptions { format: Format::Text, full: false }
}

fn plan_options(document: &str, image: &str) -> PlanOptions {
    PlanOptions {
        document: DocumentOptions { files: vec![document.to_owned()], additions: Additions::default() },
        machine: machine(image),
        report: report(),
        out: None,
        reports: Vec::new(),
        detailed_exitcode: false,
        rewrite_secrets: false,
        allow_commands: false,
        hold_key: None,
        as_of: None,
    }
}

fn apply_options(document: &str, image: &str) -> ApplyOptions {
    ApplyOptions {
        files: vec![document.to_owned()],
        additions: Additions::default(),
        machine: machine(image),
        report: report(),
        auto_approve: true,
        accept: Vec::new(),
        accept_unproven: false,
        rewrite_secrets: false,
        allow_commands: false,
        resume: false,
        undo: false,
        on_failure: FailureChoice::Continue,
        hold_key: None,
        confirm_within: None,
        service_timeout: None,
        progress: ProgressChoice::Auto,
        as_of: None,
    }
}
