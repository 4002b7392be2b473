//! What a document says of its record on a machine: its name, how long runs are kept, which addresses have moved or are
//! let go, and which deviations are put up with. Has no effect on what is wanted.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::addresses::{self, Addresses};
use crate::formats::upcase;
use crate::model::decode::{Decode, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::moment::Moment;
use crate::model::node::Node;
use crate::model::record::Fields;
use crate::model::resource::ResourceId;
use crate::model::scalar::Duration;
use crate::model::source::{Location, Spanned};

const DAY: Duration = Duration::from_seconds(86_400);

/// A thing that was called `from` and is called `to` now.
#[derive(Clone, Debug)]
pub struct Moved {
    pub from: Spanned<ResourceId>,
    pub to: Spanned<ResourceId>,
}

/// Deviations that are put up with for a time.
#[derive(Clone, Debug)]
pub struct Waiver {
    pub id: Spanned<String>,
    pub addresses: Vec<Spanned<ResourceId>>,
    pub reason: String,
    /// From this moment on, itself included, the waiver no longer holds.
    pub expires: jiff::Timestamp,
    pub at: Location,
    folded: HashSet<ResourceId>,
}

impl Waiver {
    pub fn new(
        id: Spanned<String>,
        addresses: Vec<Spanned<ResourceId>>,
        reason: String,
        expires: jiff::Timestamp,
        at: Location,
    ) -> Self {
        let folded = addresses.iter().map(|address| address.value.folded()).collect();
        Self { id, addresses, reason, expires, at, folded }
    }

    /// Whether it speaks of an address: of that very one, or of the entry that it is a part of.
    pub fn covers(&self, id: &ResourceId) -> bool {
        let id = id.folded();
        self.folded.contains(&id) || (id.part().is_some() && self.folded.contains(&id.entry()))
    }
}

/// The name of a document, which is also one on a machine's disk.
#[derive(Clone, Debug)]
pub struct DocumentName(pub String);

impl Decode for DocumentName {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let name = cx.text(node)?;
        let message = match name {
            _ if name.trim().is_empty() => "the document's name is empty",
            _ if name.contains(char::is_control) => "the document's name has more than one line, or control characters",
            _ if name.contains(['/', '\\']) => "the document's name cannot hold `/` or `\\`",
            _ => return Some(Self(name.to_owned())),
        };
        let hint = "write a short name such as `baseline`, or leave it out for the name of the file";
        cx.push(Diagnostic::error("document.bad_name", message).at(node.at).hint(hint));
        None
    }
}

impl JsonSchema for DocumentName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DocumentName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[^/\\\u0000-\u001F\u007F-\u009F]*[^/\\\s\u0000-\u001F\u007F-\u009F][^/\\\u0000-\u001F\u007F-\u009F]*$" })
    }
}

/// What a file is called in a record: its name without folders, in one line.
pub fn name_of_file(file: &str) -> String {
    let last = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if name.trim().is_empty() { "document".into() } else { name }
}

crate::record! {
    /// An address that has changed while the thing has not.
    pub struct MovedFields {
        /// The address it had; nothing in the document may have it any more.
        #[example("registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLvl")]
        pub from: Spanned<String>,
        /// The address it has now.
        #[example("registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLevel")]
        pub to: Spanned<String>,
    }
}

crate::record! {
    /// Deviations that are put up with for a time: what, why and until when.
    #[check(check_waiver)]
    pub struct WaiverFields {
        /// The waiver's name, such as the number of its ticket; compared without case.
        #[example("CHG-4711")]
        pub id: Spanned<String>,
        /// The entry, or the part of one, that may deviate; an entry stands for all its parts.
        #[example("registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLevel")]
        pub address: Option<Spanned<String>>,
        /// Several of them, in place of `address`.
        #[example(["registry[\"HKLM\\SOFTWARE\\Vendor\"]"])]
        pub addresses: Option<Spanned<Vec<Spanned<String>>>>,
        /// Why the deviation is put up with.
        #[example("the vendor's patch is late")]
        pub reason: Spanned<String>,
        /// From when on the waiver no longer holds: a day, from 00:00 UTC on, or a timestamp with its zone.
        #[example("2026-12-31")]
        pub expires: Moment,
    }
}

fn check_waiver(waiver: &WaiverFields, fields: &Fields<'_, '_>, cx: &mut Decoder) {
    let is_line = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
    if !is_line(&waiver.id.value) {
        let message = "the waiver's id is empty, or has more than one line";
        cx.push(
            Diagnostic::error("document.bad_waiver", message).at(waiver.id.at).hint("name a ticket, as in `CHG-4711`"),
        );
    }
    if waiver.reason.value.trim().is_empty() {
        let message = "the waiver's reason is empty";
        cx.push(
            Diagnostic::error("document.bad_waiver", message).at(waiver.reason.at).hint("say why it is put up with"),
        );
    }
    let (message, at) = match (&waiver.address, &waiver.addresses) {
        (None, None) => ("the waiver names no address", waiver.id.at),
        (None, Some(list)) if list.value.is_empty() => ("the waiver names no address", list.at),
        (Some(_), Some(list)) => {
            ("the waiver has both `address` and `addresses`", fields.place("addresses").unwrap_or(list.at))
        }
        _ => return,
    };
    let hint = "write `address: ADDRESS` for one, `addresses: [ADDRESS, …]` for several";
    cx.push(Diagnostic::error("document.bad_waiver", message).at(at).hint(hint));
}

/// How long runs are kept, if that is long enough to look back.
pub fn retain(wanted: Option<Spanned<Duration>>, cx: &mut Decoder) -> Option<Duration> {
    let wanted = wanted?;
    if wanted.value < DAY {
        let message = format!("{} is too short to keep the journals of past runs", wanted.value);
        let hint = "write at least `1d`: without its journal a run can neither be looked at nor undone";
        cx.push(Diagnostic::error("document.retain_too_short", message).at(wanted.at).hint(hint));
    }
    Some(wanted.value)
}

/// Checks the moves against each other and against the document.
pub fn moved(wanted: Vec<MovedFields>, addresses: &mut Addresses, cx: &mut Decoder) -> Vec<Moved> {
    let parsed: Vec<Moved> = wanted
        .into_iter()
        .filter_map(|fields| {
            let (from, to) = (addresses::parse(&fields.from, cx), addresses::parse(&fields.to, cx));
            Some(Moved { from: from?, to: to? })
        })
        .collect();
    let sources: HashMap<ResourceId, Location> =
        parsed.iter().map(|moved| (moved.from.value.folded(), moved.from.at)).collect();
    let targets: HashSet<ResourceId> = parsed.iter().map(|moved| moved.to.value.folded()).collect();
    let mut from_once = Unique::new("former address", "document.moved_twice", parsed.len());
    let mut to_once = Unique::new("new address", "document.moved_twice", parsed.len());
    for Moved { from, to } in &parsed {
        let (folded_from, folded_to) = (from.value.folded(), to.value.folded());
        from_once.insert(folded_from.to_string(), from.at, "a thing has moved to one address only", cx);
        to_once.insert(folded_to.to_string(), to.at, "two things cannot have moved to one address", cx);
        mismatch(from, to, cx);
        if let Some(next) = sources.get(&folded_to) {
            let message = format!("{} is moved on from here", to.value);
            let hint = "name the first address and the last, and leave out those between";
            let diagnostic = Diagnostic::error("document.moved_chain", message).at(to.at).hint(hint);
            cx.push(diagnostic.related(*next, "moved from here"));
        } else if !addresses.has(&folded_to) {
            addresses.report_unknown(to, cx);
        }
        // That one move's end is another's beginning has been told already.
        if addresses.has(&folded_from) && !targets.contains(&folded_from) {
            let message = format!("{} is still in the document", from.value);
            let hint = "an address that is still in use has not moved: drop the entry, or this move";
            cx.push(Diagnostic::error("document.moved_in_use", message).at(from.at).hint(hint));
        }
    }
    parsed
}

/// Only what is alike can be the same thing under another address.
fn mismatch(from: &Spanned<ResourceId>, to: &Spanned<ResourceId>, cx: &mut Decoder) {
    let message = if from.value.section() != to.value.section() {
        format!("a thing of `{}` cannot become one of `{}`", from.value.section(), to.value.section())
    } else if from.value.part().is_some() != to.value.part().is_some() {
        "an entry cannot become a part of one, nor a part an entry".to_owned()
    } else {
        return;
    };
    cx.push(Diagnostic::error("document.moved_mismatch", message).at(to.at).related(from.at, "moved from here"));
}

/// Checks what is let go against the document and the moves.
pub fn released(
    wanted: Vec<Spanned<String>>,
    moved: &[Moved],
    addresses: &Addresses,
    cx: &mut Decoder,
) -> Vec<Spanned<ResourceId>> {
    let parsed: Vec<Spanned<ResourceId>> = wanted.iter().filter_map(|text| addresses::parse(text, cx)).collect();
    let sources: HashMap<ResourceId, Location> =
        moved.iter().map(|moved| (moved.from.value.folded(), moved.from.at)).collect();
    let mut once = Unique::new("address", "document.released_twice", parsed.len());
    for address in &parsed {
        let folded = address.value.folded();
        once.insert(folded.to_string(), address.at, "one of the two is enough", cx);
        if let Some(from) = sources.get(&folded) {
            let message = format!("{} has moved and is released", address.value);
            let diagnostic = Diagnostic::error("document.released_in_use", message).at(address.at);
            cx.push(diagnostic.related(*from, "moved from here").hint("release it, or say where it has moved"));
        } else if addresses.has(&folded) {
            let message = format!("{} is released, and still in the document", address.value);
            let hint = "only what has left the document can be released: drop it there, or this line";
            cx.push(Diagnostic::error("document.released_in_use", message).at(address.at).hint(hint));
        }
    }
    parsed
}

/// Checks the waivers against the document.
pub fn waivers(wanted: Vec<Spanned<WaiverFields>>, addresses: &mut Addresses, cx: &mut Decoder) -> Vec<Waiver> {
    let mut ids = Unique::new("waiver", "document.waiver_twice", wanted.len());
    let mut waivers = Vec::with_capacity(wanted.len());
    for Spanned { value: fields, at } in wanted {
        ids.insert(
            upcase::fold(&fields.id.value),
            fields.id.at,
            "give each an id of its own; ids compare without case",
            cx,
        );
        let texts = fields.address.into_iter().chain(fields.addresses.into_iter().flat_map(|list| list.value));
        let addresses = texts.filter_map(|text| addresses.known(&text, cx)).collect();
        waivers.push(Waiver::new(fields.id, addresses, fields.reason.value, fields.expires.0, at));
    }
    waivers
}
