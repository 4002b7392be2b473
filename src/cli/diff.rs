//! `trueup diff`.

use std::collections::BTreeMap;
use std::path::Path;

use super::arguments::{Additions, DiffOptions, DocumentOptions, Format};
use super::secrets::{CommandSecrets, Secrets};
use super::terminal::Terminal;
use super::{Outcome, files, inputs, machines};
use crate::error::{Exit, Failure};
use crate::machine::snapshot::{SnapshotError, SnapshotMachine};
use crate::plan::saved::MAX_PLAN_BYTES;
use crate::plan::{LoadError, PlanOptions, SavedPlan, build};
use crate::report::difference::{self, Statement, Statements};

/// The most bytes of one side.
const MAX_BYTES: u64 = MAX_PLAN_BYTES;

pub fn run(options: &DiffOptions, terminal: &Terminal) -> Outcome {
    let a = side(&options.a, options, terminal)?;
    let b = side(&options.b, options, terminal)?;
    if a.sort != b.sort {
        return Err(Failure::invalid(format!("{} is a {}, {} is a {}", options.a, a.sort, options.b, b.sort))
            .hint("compare two of the same sort"));
    }
    let differences = difference::between(&a.statements, &b.statements);
    match options.report.format {
        Format::Text => terminal.data(&difference::text(&differences, &terminal.palette(), terminal.width()))?,
        Format::Json => {
            let json = difference::json(&differences)
                .map_err(|error| Failure::failed("cannot write the differences as JSON").because(error))?;
            terminal.data(&json)?
        }
    };
    let differs = options.detailed_exitcode && !differences.is_empty();
    Ok(if differs { Exit::Changes } else { Exit::Done })
}

struct Side {
    sort: &'static str,
    statements: Statements,
}

fn side(name: &str, options: &DiffOptions, terminal: &Terminal) -> Result<Side, Failure> {
    let bytes = files::read(Path::new(name), MAX_BYTES)?;
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        match SavedPlan::from_json(&bytes) {
            Ok(saved) => return Ok(Side { sort: "saved plan", statements: difference::of_plan(&saved.plan) }),
            Err(LoadError::Kind(_)) => {}
            Err(LoadError::Json(_)) if !bytes.starts_with(b"{\"format_version\"") => {}
            Err(error) => return Err(Failure::invalid(format!("cannot use {name} as a plan")).because(error)),
        }
        match SnapshotMachine::from_json(&bytes) {
            Ok(snapshot) => {
                return Ok(Side { sort: "snapshot", statements: difference::of_snapshot(&snapshot.captured()) });
            }
            Err(SnapshotError::Json(_)) => {}
            Err(error) => return Err(Failure::invalid(format!("cannot use {name} as a snapshot")).because(error)),
        }
    }
    document(name, options, terminal)
}

fn document(name: &str, options: &DiffOptions, terminal: &Terminal) -> Result<Side, Failure> {
    let additions = Additions::default();
    let desired = inputs::document(&DocumentOptions { files: vec![name.to_owned()], additions }, terminal)?;
    let Some(machine) = &options.machine else {
        let said = desired.entries.iter().flat_map(|entry| entry.wanted.kind().statements());
        let statements: BTreeMap<_, _> = said.map(|(id, text)| (id.to_string(), Statement::new(text))).collect();
        return Ok(Side { sort: "document", statements });
    };
    let opened = machines::open_named(machine, options.accept_dirty)?;
    let as_of = inputs::clock(None);
    let facts = inputs::facts(opened.machine(), &desired, as_of, &Secrets::new(CommandSecrets::Refused))?;
    opened.warn(terminal);
    let plan =
        build(&desired, &facts, PlanOptions::at(as_of)).map_err(|error| inputs::order_failure(&error, &desired))?;
    Ok(Side { sort: "document", statements: difference::of_plan(&plan) })
}
