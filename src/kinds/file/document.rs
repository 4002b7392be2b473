//! The `files` section of a document: what each entry can say, and the rules that hold between entries.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::clash::{Named, is_by_place};
use super::forms::{Base64Form, ContentForm, Newline, SecretFields, TextEncoding, ValueForm, bytes_of};
use super::wanted::{TreeItem, WantedContent, WantedData, WantedEntry, WantedTree, WantedValue};
use crate::formats::edit::{self, Selector};
use crate::formats::upcase;
use crate::kinds::registry::{Securable, SecurityFields, wanted_security};
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, Ensure, OnChange};
use crate::model::decode::{Decode, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::file::FilePath;
use crate::model::material::{LocalFile, Material, MaterialEntry, MaterialKind};
use crate::model::node::{Key, Mapping, Node};
use crate::model::record::{Fields, Record as _};
use crate::model::source::{Location, Spanned};

/// The fields that name files or folders beside the document.
pub const MATERIAL: &[(&str, MaterialKind)] = &[("source", MaterialKind::File), ("tree", MaterialKind::Folder)];

/// The fields of which an entry has one, for what stands at its path.
const CONTENTS: [&str; 5] = ["content", "source", "folder", "tree", "values"];

crate::record! {
    /// A file or folder of the machine, or values inside a file.
    pub struct FileEntryFields {
        /// Where it lies on the machine.
        #[example("%ProgramData%\\Vendor\\server.ini")]
        pub path: Spanned<FilePath>,
        /// All that the file holds.
        #[example("managed by trueup\n")]
        #[example(serde_json::json!({ "secret": { "env": "LICENCE" } }))]
        pub content: Option<Spanned<ContentForm>>,
        /// How the characters of `content` are stored.
        pub encoding: Option<Spanned<TextEncoding>>,
        /// How the lines of `content` end.
        pub newline: Option<Spanned<Newline>>,
        /// A file beside the document that the file is to be a copy of.
        #[example("files/logo.png")]
        pub source: Option<Spanned<String>>,
        /// It is a folder.
        pub folder: Option<Spanned<bool>>,
        /// A folder beside the document: every file below it is to lie below the path.
        #[example("files/site")]
        pub tree: Option<Spanned<TreeForm>>,
        /// Remove what is below the folder of a `tree` and not in it. Each removal is listed in the plan.
        pub exclusive: Option<Spanned<bool>>,
        /// List what is below the folder of a `tree` and not in it.
        pub report_unmanaged: bool = false,
        /// Values inside the file; all else in it stays.
        #[example(serde_json::json!([{ "ini": { "section": "Server", "key": "Port" }, "value": 8282 }]))]
        pub values: Option<Vec<Spanned<ValueFields>>>,
        /// Make the file when it is not there, for its `values`.
        pub create: Option<Spanned<bool>>,
        /// Who owns the file or folder and who may do what with it.
        pub security: Option<Spanned<SecurityFields>>,
        ..common: Common
    }
}

crate::record! {
    /// What every file says that does not say otherwise itself.
    pub struct DefaultFields {
        /// How the characters of `content` are stored.
        pub encoding: Option<TextEncoding>,
        /// How the lines of `content` end.
        pub newline: Option<Newline>,
        /// What else follows when a file changes.
        pub on_change: Option<OnChange>,
    }
}

crate::record! {
    /// One value inside a file.
    pub struct ValueFields {
        /// A key of an INI file.
        pub ini: Option<IniFields>,
        /// An attribute or the text of an element of an XML file.
        #[example("/configuration/appSettings/add[@key='UseInstalledLanguage']/@value")]
        pub xml: Option<Spanned<String>>,
        /// A place in a JSON file as a JSON Pointer.
        #[example("/Logging/LogLevel/Default")]
        pub json: Option<Spanned<String>>,
        /// A key of a Java properties file.
        #[example("http.port")]
        pub property: Option<Spanned<String>>,
        /// What stands there.
        pub value: Option<Spanned<ValueForm>>,
        /// Whether something should stand there.
        pub ensure: Ensure = Ensure::Present,
        ..secret: SecretFields
    }
}

crate::record! {
    /// A key of an INI file.
    pub struct IniFields {
        /// The section, without brackets; the lines before the first one where nothing is said.
        #[example("Server")]
        pub section: Option<String>,
        /// The key.
        #[example("Port")]
        pub key: String,
    }
}

/// A folder by name, or what is in it.
#[derive(Clone, Debug)]
pub enum TreeForm {
    /// What lies there has been read.
    Named,
    Inline(Arc<[MaterialEntry]>),
}

impl Decode for TreeForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Some(mapping) = node.as_mapping() else { return cx.text(node).map(|_| Self::Named) };
        let entries = mapping.entries.iter().map(|(key, node)| {
            let bytes = Base64Form::decode(node, cx)?;
            Some(match key.text.strip_suffix('\\') {
                Some(folder) => MaterialEntry { path: folder.into(), file: None },
                None => MaterialEntry { path: key.text.as_ref().into(), file: Some(LocalFile::new(bytes.0)) },
            })
        });
        let entries: Vec<Option<MaterialEntry>> = entries.collect();
        Some(Self::Inline(entries.into_iter().collect::<Option<_>>()?))
    }
}

impl JsonSchema for TreeForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Tree".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "additionalProperties": { "type": "string" },
                    "description": "The files by their names below the folder, in Base64; the name of a folder ends in a backslash.",
                },
            ],
        })
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Files and folders by names of your own: whole contents, or values inside files.",
        "additionalProperties": FileEntryFields::field_schema(generator),
        "examples": [{ "banner": { "path": "C:\\ProgramData\\Vendor\\banner.txt", "content": "welcome\n" } }],
    })
}

/// An encoding has no meaning for what is no text of the document.
pub fn passed_over(entry: &Mapping<'_>) -> &'static [&'static str] {
    let is_text = entry.get("content").is_some_and(|content| content.as_scalar().is_some());
    if is_text { &[] } else { &["encoding", "newline"] }
}

/// A content or a folder is replaced whole.
pub fn merge_rule(path: &[&str]) -> MergeRule {
    match path {
        [_, "content" | "tree" | "security"] => MergeRule::Replace,
        _ => MergeRule::Merge,
    }
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedEntry> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let mut unique = Unique::new("file", "files.named_twice", mapping.entries.len());
    let entries = mapping.entries.iter().filter_map(|(key, node)| {
        let is_new = unique.insert(upcase::fold(&key.text), key.at, "names compare without case", cx);
        decode_entry(key, node, cx).filter(|_| is_new)
    });
    let mut entries: Vec<WantedEntry> = entries.collect();
    check_places(&entries, cx);
    spell_alike(&mut entries);
    entries
}

/// Entries of one file name it as the first of them does: all that is done to a file goes by its name.
fn spell_alike(entries: &mut [WantedEntry]) {
    let mut spellings: HashMap<FilePath, FilePath> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let own = &entry.path.value;
        let first = spellings.entry(own.usual_place()).or_insert_with(|| own.clone());
        if first.as_str() != own.as_str() {
            entry.path.value = first.clone();
        }
    }
}

fn decode_entry(key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedEntry> {
    if key.text.trim().is_empty() || key.text.contains(char::is_control) {
        cx.push(Diagnostic::error("files.bad_name", "the name of an entry is a text of one line").at(key.at));
        return None;
    }
    let fields = Fields::open(node, FileEntryFields::FIELDS, cx)?;
    let mut read = FileEntryFields::read(&fields, cx)?;
    let given: Vec<(&str, Location)> = CONTENTS.iter().filter_map(|name| Some((*name, fields.place(name)?))).collect();
    if let [(first, at), (second, other), ..] = given.as_slice() {
        let message = format!("`{first}` and `{second}` both say what stands at the path");
        let hint = "an entry has one of them; several entries may set values of one file";
        let diagnostic = Diagnostic::error("files.two_contents", message).at(*other).hint(hint);
        cx.push(diagnostic.related(*at, "the other one"));
        return None;
    }
    check_companions(&read, &given, cx)?;
    if read.common.ensure == Ensure::Absent {
        check_absent(&given, &fields, cx)?;
    }
    let security = match read.security.take() {
        Some(security) => {
            let is_folder = matches!(given.first(), Some(("folder" | "tree", _)));
            let object = if is_folder { Securable::Folder } else { Securable::File };
            Some(Spanned::new(wanted_security(security.value, security.at, object, cx)?, security.at))
        }
        None => None,
    };
    let content = content(&mut read, key, security.is_some(), cx)?;
    Some(WantedEntry {
        name: key.text.as_ref().into(),
        at: key.at,
        path: read.path,
        common: read.common,
        content,
        security,
    })
}

/// Reports fields that mean nothing beside the entry's content.
fn check_companions(read: &FileEntryFields, given: &[(&str, Location)], cx: &mut Decoder) -> Option<()> {
    let kind = given.first().map(|(name, _)| *name);
    let is_text = matches!(read.content.as_ref().map(|content| &content.value), Some(ContentForm::Text(_)));
    let lost = [
        ("encoding", read.encoding.as_ref().map(|one| one.at), is_text, "a `content` that is a text"),
        ("newline", read.newline.as_ref().map(|one| one.at), is_text, "a `content` that is a text"),
        ("exclusive", read.exclusive.as_ref().map(|one| one.at), kind == Some("tree"), "a `tree`"),
        ("create", read.create.as_ref().map(|one| one.at), kind == Some("values"), "`values`"),
    ];
    let mut is_fine = Some(());
    for (name, at, fits, what) in lost {
        if let Some(at) = at.filter(|_| !fits) {
            let message = format!("`{name}` has a meaning beside {what} only");
            cx.push(Diagnostic::error("files.without_meaning", message).at(at));
            is_fine = None;
        }
    }
    is_fine
}

/// What is to go has no content; a folder or file is told by what is found.
fn check_absent(given: &[(&str, Location)], fields: &Fields<'_, '_>, cx: &mut Decoder) -> Option<()> {
    let (name, at, hint) = match given.first() {
        Some(("values", at)) => ("values", *at, "write `ensure: absent` beside each value that is to go"),
        Some(("tree", at)) => (
            "tree",
            *at,
            "name each file and folder that is to go, or keep the folder empty by an empty `tree` that is `exclusive`",
        ),
        Some(("content" | "source", _)) | Some(("folder", _)) | None => match fields.place("security") {
            Some(at) => ("security", at, "drop it"),
            None => return Some(()),
        },
        Some(_) => return Some(()),
    };
    let message = format!("the entry is to be removed, so `{name}` has no meaning");
    cx.push(Diagnostic::error("files.removed_has_content", message).at(at).hint(hint));
    None
}

fn content(read: &mut FileEntryFields, key: &Key<'_>, has_security: bool, cx: &mut Decoder) -> Option<WantedContent> {
    if let Some(content) = read.content.take() {
        return match content.value {
            ContentForm::Bytes(bytes) => Some(WantedContent::Bytes(LocalFile::new(bytes))),
            ContentForm::Secret(reference) => Some(WantedContent::Secret(reference)),
            ContentForm::Text(text) => {
                let encoding = read.encoding.as_ref().map_or(TextEncoding::Utf8, |one| one.value);
                let newline = read.newline.as_ref().map_or(Newline::AsWritten, |one| one.value);
                let bytes = bytes_of(&text, encoding, newline).map_err(|foreign| {
                    let message = format!("{foreign:?} has no place in the encoding that is asked for");
                    cx.push(Diagnostic::error("files.unencodable", message).at(content.at));
                });
                bytes.ok().map(|bytes| WantedContent::Bytes(LocalFile::new(bytes)))
            }
        };
    }
    if let Some(source) = &read.source {
        return match cx.material(source.at)? {
            Material::File(file) => Some(WantedContent::Bytes(file.clone())),
            Material::Folder(_) => None,
        };
    }
    if let Some(tree) = read.tree.take() {
        return self::tree(tree, read, cx);
    }
    if let Some(values) = read.values.take() {
        let values = values.into_iter().map(|value| self::value(value, cx)).collect::<Vec<_>>();
        let values = values.into_iter().collect::<Option<Vec<WantedValue>>>()?;
        let create = read.create.as_ref().is_some_and(|create| create.value);
        return Some(WantedContent::Values { values, create });
    }
    match read.folder.take() {
        Some(Spanned { value: true, .. }) => Some(WantedContent::Folder),
        Some(folder) => {
            let hint = "drop `folder`, or write `ensure: absent` if the folder is to go";
            cx.push(Diagnostic::error("files.no_folder", "`folder: false` says nothing").at(folder.at).hint(hint));
            None
        }
        None if has_security || read.common.ensure == Ensure::Absent => Some(WantedContent::Any),
        None => {
            let message = "the entry does not say what stands at the path";
            let hint = "write `content`, `source`, `folder: true`, `tree` or `values`";
            cx.push(Diagnostic::error("files.no_content", message).at(key.at).hint(hint));
            None
        }
    }
}

fn tree(form: Spanned<TreeForm>, read: &FileEntryFields, cx: &mut Decoder) -> Option<WantedContent> {
    let entries = match form.value {
        TreeForm::Inline(entries) => entries,
        TreeForm::Named => match cx.material(form.at)? {
            Material::Folder(entries) => Arc::clone(entries),
            Material::File(_) => return None,
        },
    };
    let mut seen = HashSet::with_capacity(entries.len());
    let mut items = Vec::with_capacity(entries.len());
    for entry in entries.iter() {
        let path = match read.path.value.child(&entry.path) {
            Ok(path) => path,
            Err(error) => {
                let message = format!("{} below the folder cannot lie on a Windows machine: {error}", entry.path);
                cx.push(Diagnostic::error("files.bad_tree", message).at(form.at));
                return None;
            }
        };
        if !seen.insert(path.folded().to_owned()) {
            let message = format!("{} is there twice but for case", entry.path);
            cx.push(Diagnostic::error("files.tree_case", message).at(form.at));
        }
        items.push(TreeItem { name: entry.path.clone(), path, file: entry.file.clone() });
    }
    Some(WantedContent::Tree(WantedTree {
        items: items.into(),
        exclusive: read.exclusive.as_ref().is_some_and(|exclusive| exclusive.value),
        report_unmanaged: read.report_unmanaged,
    }))
}

fn value(given: Spanned<ValueFields>, cx: &mut Decoder) -> Option<WantedValue> {
    let at = given.at;
    let ValueFields { ini, xml, json, property, value, ensure, secret } = given.value;
    let is_json = json.is_some();
    let text = |text: Option<Spanned<String>>| text.map(|text| text.value.into_boxed_str());
    let selectors = [
        ini.map(|ini| Selector::Ini { section: ini.section.map(Into::into), key: ini.key.into() }),
        text(xml).map(|path| Selector::Xml { path }),
        text(json).map(|pointer| Selector::Json { pointer }),
        text(property).map(|key| Selector::Properties { key }),
    ];
    let mut selectors = selectors.into_iter().flatten();
    let (Some(selector), None) = (selectors.next(), selectors.next()) else {
        let message = "a value is named by one of `ini`, `xml`, `json` and `property`";
        cx.push(Diagnostic::error("files.bad_selector", message).at(at));
        return None;
    };
    let data = match (ensure, value, secret.secret) {
        (Ensure::Absent, None, None) => WantedData::Absent,
        (Ensure::Present, None, Some(reference)) => WantedData::Secret(reference),
        (Ensure::Present, Some(value), None) if is_json => WantedData::Value(value.value.json()),
        (Ensure::Present, Some(value), None) => match value.value.text() {
            Some(text) => WantedData::Value(text),
            None => {
                let message = "only a JSON file holds anything but text, whole numbers, `true` and `false`";
                let hint = "put the value in quotes, as it is to stand in the file";
                cx.push(Diagnostic::error("files.not_text", message).at(value.at).hint(hint));
                return None;
            }
        },
        _ => {
            let message = "a value has either a `value`, or a `secret`, or is to be absent by `ensure: absent`";
            cx.push(Diagnostic::error("files.bad_value", message).at(at));
            return None;
        }
    };
    let checked = match &data {
        WantedData::Value(value) => edit::check(&selector, Some(value)),
        WantedData::Absent | WantedData::Secret(_) => edit::check(&selector, None),
    };
    if let Err(error) = checked {
        cx.push(Diagnostic::error("files.bad_selector", error.to_string()).at(at));
        return None;
    }
    if matches!((&selector, &data), (Selector::Json { pointer }, WantedData::Absent) if pointer.is_empty()) {
        let message = "the whole of a file is no value that could be absent";
        let hint = "write `ensure: absent` for the entry if the file is to go";
        cx.push(Diagnostic::error("files.bad_selector", message).at(at).hint(hint));
        return None;
    }
    let value = WantedValue { selector, at, data };
    if is_by_place(&value) {
        let message = "what is to be absent is named by its place, where the next one stands when it has gone";
        let hint = "name an element of XML by an attribute; of a JSON list, set the whole";
        cx.push(Diagnostic::error("files.absent_by_place", message).at(at).hint(hint));
        return None;
    }
    Some(value)
}

/// A path has one owner, unless entries set different values of one file.
fn check_places(entries: &[WantedEntry], cx: &mut Decoder) {
    let mut owners: HashMap<FilePath, Owner> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let at = entry.path.at;
        let own = entry.path.value.usual_place();
        let values = match &entry.content {
            WantedContent::Values { values, .. } => Some(values.as_slice()),
            _ => None,
        };
        claim(&mut owners, own, at, values, cx);
        if let WantedContent::Tree(tree) = &entry.content {
            for item in tree.items.iter() {
                claim(&mut owners, item.path.usual_place(), at, None, cx);
            }
        }
    }
}

/// Who speaks of a path: an entry of the whole, or entries of values, each with its place.
enum Owner {
    Whole(Location),
    Values(Location, Named),
}

fn claim(
    owners: &mut HashMap<FilePath, Owner>,
    path: FilePath,
    at: Location,
    values: Option<&[WantedValue]>,
    cx: &mut Decoder,
) {
    let twice = |path: &FilePath, first: Location, cx: &mut Decoder| {
        let message = format!("two entries speak of {path}");
        let hint = "the whole of a file has one entry; only values inside it may come from several";
        let diagnostic = Diagnostic::error("files.path_twice", message).at(at).hint(hint);
        cx.push(diagnostic.related(first, "the other one"));
    };
    let seen = match owners.get_mut(&path) {
        None => {
            let mut seen = Named::default();
            let owner = match values {
                None => Owner::Whole(at),
                Some(values) => {
                    seen.add(values, cx);
                    Owner::Values(at, seen)
                }
            };
            owners.insert(path, owner);
            return;
        }
        Some(Owner::Whole(first)) => return twice(&path, *first, cx),
        Some(Owner::Values(first, seen)) => match values {
            None => return twice(&path, *first, cx),
            Some(_) => seen,
        },
    };
    seen.add(values.unwrap_or_default(), cx);
}
