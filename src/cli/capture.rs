//! `trueup capture`.

use super::arguments::{CaptureForm, CaptureOptions, DocumentOptions};
use super::secrets::{CommandSecrets, Secrets};
use super::terminal::Terminal;
use super::{Outcome, files, inputs, machines};
use crate::error::{Exit, Failure};
use crate::machine::{Machine, NoSecrets, answer, begin, snapshot};
use crate::model::fact::{Facts, KeyAspects, KeyState, Queries, Unread};
use crate::model::registry::RegistryKey;
use crate::report::document;
use crate::report::text::counted;

pub fn run(options: &CaptureOptions, terminal: &Terminal) -> Outcome {
    let now = inputs::clock(None);
    let opened = machines::open(&options.machine)?;
    let machine = opened.machine();
    let facts = if options.documents.is_empty() {
        whole(machine, &options.key)?
    } else {
        let additions = options.additions.clone();
        let desired = inputs::document(&DocumentOptions { files: options.documents.clone(), additions }, terminal)?;
        // A capture writes no fingerprint; the password of a PFX file lets it tell which certificates are in it.
        inputs::facts(machine, &desired, now, &Secrets::new(CommandSecrets::Refused))?
    };
    opened.warn(terminal);
    if facts.answered() == 0 {
        let failure = Failure::failed("nothing could be read; no capture was written");
        return Err(match facts.unread().first() {
            Some((_, why)) => failure.because((*why).clone()),
            None => failure,
        });
    }
    let bytes = match options.form {
        CaptureForm::Snapshot => snapshot::to_json(&facts, &machine.runs().unwrap_or_default(), now)
            .map_err(|error| Failure::failed("cannot write the snapshot").because(error))?,
        CaptureForm::Document => {
            let written = document::from_facts(&facts);
            for skipped in &written.skipped {
                terminal.note(&format!("warning: not in the document: {skipped}\n"));
            }
            written.text.into_bytes()
        }
    };
    match &options.out {
        Some(path) => {
            files::write(path, &bytes)?;
            terminal.note(&format!("Captured {} in {}\n", counted(facts.answered(), "fact"), path.display()));
        }
        None => {
            terminal.data_bytes(&bytes)?;
        }
    }
    let unread = facts.unread();
    for (what, why) in &unread {
        terminal.note(&format!("warning: {what}: {why}\n"));
    }
    // A capture that could not read all it was asked for is written, and says so by its exit code too.
    let failed = unread.iter().any(|(_, why)| !matches!(why, Unread::Unsupported { .. }));
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The named keys with all below them, or every hive that the machine has.
fn whole(machine: &dyn Machine, keys: &[String]) -> Result<Facts, Failure> {
    let mut facts = begin(machine);
    if let Err(unread @ (Unread::Failed { .. } | Unread::Refused { .. })) = &facts.record {
        return Err(Failure::refused("nothing tells which values are secrets; no capture was written")
            .because(unread.clone())
            .hint("capture what a document speaks of: --for FILE"));
    }
    let mut queries = Queries::default();
    let tree = || KeyAspects { tree: true, ..KeyAspects::default() };
    for text in keys {
        let key = RegistryKey::parse(text).map_err(|error| {
            let failure = Failure::invalid(format!("`{text}` is not a registry key")).because(error.clone());
            match error.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
        queries.key(&key, tree());
    }
    if keys.is_empty() {
        for key in hives(machine)? {
            queries.key(&key, tree());
        }
        // Which users there are is a question of its own.
        if let Ok(users) = RegistryKey::parse("HKU") {
            queries.key(&users, KeyAspects { subkeys: true, ..KeyAspects::default() });
        }
    }
    answer(machine, &queries, None, &NoSecrets, &mut facts);
    if let Some(failure) = inputs::refusal(&facts) {
        return Err(failure);
    }
    Ok(facts)
}

/// The hives below the two roots that hold some.
fn hives(machine: &dyn Machine) -> Result<Vec<RegistryKey>, Failure> {
    let mut out = Vec::new();
    for root in ["HKLM", "HKU"] {
        let unreadable = || Failure::failed(format!("cannot list the hives of {root}"));
        let root = RegistryKey::parse(root).map_err(|_| unreadable())?;
        let mut queries = Queries::default();
        queries.key(&root, KeyAspects { subkeys: true, ..KeyAspects::default() });
        let mut facts = Facts::new(machine.identity());
        answer(machine, &queries, None, &NoSecrets, &mut facts);
        match facts.key(&root) {
            Some(Ok(KeyState::Present(fact))) => {
                out.extend(fact.subkeys.iter().filter_map(|name| root.child(name).ok()))
            }
            Some(Err(unread)) => return Err(unreadable().because(unread.clone())),
            _ => {}
        }
    }
    Ok(out)
}
