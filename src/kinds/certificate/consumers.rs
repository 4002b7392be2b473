//! What on a machine holds a certificate's thumbprint: looked at, and pointed to the new one where that is a value of the registry.

use super::compare::Case;
use super::consumer_places::{
    HTTP, HTTP_VALUE, IIS, RDP, RDP_VALUE, SQL_VALUE, WINRM, WINRM_VALUE, bindings_keys, key, present, sql_instances,
    sql_names, thumbprint_of,
};
use super::found;
use super::wanted::Consumer;
use crate::formats::upcase;
use crate::model::certificate::ThumbprintForm;
use crate::model::digest;
use crate::model::fact::{Facts, KeyAspects, KeyTree, Queries, Unread, ValueSelection};
use crate::model::file::{FileAspect, FilePath};
use crate::model::operation::{Expression, Operation};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{REG_BINARY, REG_SZ, RegistryData};
use crate::model::remembered::Trace;
use crate::model::source::Spanned;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// A value that holds the thumbprint.
struct Holder {
    key: RegistryKey,
    value: &'static str,
    form: ThumbprintForm,
}

/// Asks for the values that hold the thumbprint.
pub fn ask(consumer: &Consumer, facts: &Facts, queries: &mut Queries) {
    let named = |value: &str| KeyAspects { values: ValueSelection::Named(vec![value.into()]), ..KeyAspects::default() };
    let tree = || KeyAspects { tree: true, ..KeyAspects::default() };
    match consumer {
        Consumer::RemoteDesktop => key(RDP).iter().for_each(|key| queries.key(key, named(RDP_VALUE))),
        Consumer::RemoteManagement => key(WINRM).iter().for_each(|key| queries.key(key, tree())),
        Consumer::SqlServer => {
            let all = KeyAspects { values: ValueSelection::All, ..KeyAspects::default() };
            if let Some(names) = sql_names() {
                queries.key(&names, all);
            }
            sql_instances(facts).iter().for_each(|key| queries.key(key, named(SQL_VALUE)));
        }
        Consumer::Iis { .. } => {
            bindings_keys().iter().for_each(|key| queries.key(key, tree()));
            if let Ok(path) = FilePath::parse(IIS) {
                queries.file(&path, FileAspect::Content);
            }
        }
        Consumer::NpsEap => {}
    }
}

/// Decides about each value of a consumer.
pub fn compare(case: &Case<'_>, consumer: &Spanned<Consumer>, decisions: &mut Vec<Decision>) {
    let name = consumer.value.to_string();
    let id = case.entry.part(&name);
    let at = consumer.at;
    let Some(result) = &case.assessment.result else {
        decisions.push(case.waiting(id, at));
        return;
    };
    let facts = case.scene.facts;
    let holders = match holders(&consumer.value, facts) {
        Ok(Some(holders)) => holders,
        Ok(None) => {
            let message = format!(
                "what {name} uses cannot be looked at here: point it to the certificate by hand when that changes"
            );
            let reason = Reason::with("certificate.consumer_unseen", message);
            decisions.push(Decision {
                verdict: Verdict::Unverifiable,
                reasons: vec![reason],
                ..Decision::keep(id, at)
            });
            return;
        }
        Err(Trouble::Unread(unread)) => {
            decisions.push(super::files::unread_place(id, at, &unread));
            return;
        }
        Err(Trouble::Missing(what)) => {
            decisions.push(Decision::blocked(id, at, Reason::with("certificate.consumer_absent", what)));
            return;
        }
    };
    let wanted = result.certificate.thumbprint();
    let mut operations = Vec::new();
    let mut shown = Vec::new();
    for holder in &holders {
        let before = value(holder, facts);
        let value_type = if holder.form == ThumbprintForm::Binary { REG_BINARY } else { REG_SZ };
        let after = Expression::Thumbprint { value_type, certificate: result.certificate.clone(), form: holder.form };
        let held = before.as_ref().and_then(thumbprint_of);
        shown.extend(held.map(|held| held.to_string()));
        // The same twenty bytes in other letters are the same.
        if wanted.is_some() && held == wanted {
            continue;
        }
        operations.push(Operation::PutRegistryValue {
            key: holder.key.clone(),
            name: holder.value.into(),
            before: before.map(crate::model::fact::Stored::Plain),
            after,
        });
    }
    let trace = Trace {
        wanted: digest::of(&[b"consumer", name.as_bytes()]),
        found: digest::of(&[b"thumbprints", shown.join(" ").as_bytes()]),
        secret: None,
    };
    let decision = if operations.is_empty() {
        Decision::keep(id, at)
    } else {
        let what = if shown.is_empty() { "it uses none".to_owned() } else { format!("it uses {}", shown.join(", ")) };
        let reason = Reason::with("certificate.consumer_differs", what);
        case.changed(id, at, Action::Update, reason, operations)
    };
    decisions.push(decision.traced(trace));
}

enum Trouble {
    Unread(Unread),
    Missing(String),
}

impl From<Unread> for Trouble {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

/// The values of a consumer; `None` for one whose place nobody can look at here.
fn holders(consumer: &Consumer, facts: &Facts) -> Result<Option<Vec<Holder>>, Trouble> {
    let missing = |what: &str| Trouble::Missing(what.to_owned());
    Ok(Some(match consumer {
        Consumer::NpsEap => return Ok(None),
        Consumer::RemoteDesktop => {
            let key = key(RDP).ok_or_else(|| missing("the key of Remote Desktop has no name"))?;
            present(&key, facts)?.ok_or_else(|| missing("Remote Desktop is not set up: its listener is not there"))?;
            vec![Holder { key, value: RDP_VALUE, form: ThumbprintForm::Binary }]
        }
        Consumer::RemoteManagement => {
            let listeners = key(WINRM).ok_or_else(|| missing("the key of the listeners has no name"))?;
            let fact = present(&listeners, facts)?;
            let tree = fact.and_then(|fact| fact.tree.as_deref());
            let keys = tree.iter().flat_map(|tree| &tree.subkeys);
            let secure = keys.filter(|listener| upcase::fold(&listener.name).ends_with("+HTTPS"));
            let holders: Vec<Holder> = secure
                .filter_map(|listener| listeners.child(&listener.name).ok())
                .map(|key| Holder { key, value: WINRM_VALUE, form: ThumbprintForm::Upper })
                .collect();
            if holders.is_empty() {
                return Err(missing("WinRM has no HTTPS listener"));
            }
            holders
        }
        Consumer::SqlServer => {
            let mut holders = Vec::new();
            for key in sql_instances(facts) {
                if present(&key, facts)?.is_some() {
                    holders.push(Holder { key, value: SQL_VALUE, form: ThumbprintForm::Lower });
                }
            }
            if holders.is_empty() {
                return Err(missing("there is no instance of SQL Server"));
            }
            holders
        }
        Consumer::Iis { site } => {
            let bindings = bindings_of(site, facts)?;
            let mut holders = Vec::new();
            for (part, name) in bindings {
                let folder =
                    key(&format!("{HTTP}\\{part}")).ok_or_else(|| missing("the key of the bindings has no name"))?;
                let tree = present(&folder, facts)?.and_then(|fact| fact.tree.as_deref());
                let is_there = |tree: &KeyTree| tree.subkeys.iter().any(|one| upcase::eq(&one.name, &name));
                if tree.is_some_and(is_there)
                    && let Ok(key) = folder.child(&name)
                {
                    holders.push(Holder { key, value: HTTP_VALUE, form: ThumbprintForm::Binary });
                }
            }
            if holders.is_empty() {
                return Err(Trouble::Missing(format!("the site {site} has no TLS binding in http.sys")));
            }
            holders
        }
    }))
}

/// The names that http.sys has for the HTTPS bindings of a site, each with the key that it lies in.
fn bindings_of(site: &str, facts: &Facts) -> Result<Vec<(&'static str, String)>, Trouble> {
    let no_config = || Trouble::Missing("IIS is not set up: there is no applicationHost.config".to_owned());
    let path = FilePath::parse(IIS).map_err(|_| no_config())?;
    let fact = found::file(&path, &FileAspect::Content, facts).map_err(|unread| Trouble::Unread(unread.clone()))?;
    let bytes = fact.and_then(crate::model::file::FileFact::bytes).ok_or_else(no_config)?;
    let text = String::from_utf8_lossy(bytes);
    let bindings = super::sites::bindings(&text, site).map_err(Trouble::Missing)?;
    Ok(bindings)
}

fn value(holder: &Holder, facts: &Facts) -> Option<RegistryData> {
    if let Ok(Some(fact)) = present(&holder.key, facts) {
        return fact.value(holder.value)?.data.plain().cloned();
    }
    let parent = holder.key.parent()?;
    let tree = present(&parent, facts).ok()??.tree.as_deref()?;
    let key = tree.subkeys.iter().find(|one| upcase::eq(&one.name, holder.key.name()))?;
    key.values.iter().find(|one| upcase::eq(&one.name, holder.value))?.data.plain().cloned()
}
