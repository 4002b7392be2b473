//! The `registry` section of a document: its keys, what each can say, and the rules that hold between keys.
//! The forms of a value are in `value_form`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::security::Securable;
use super::value_form::{self, Values};
use super::wanted::{WantedData, WantedGrant, WantedKey, WantedRange, WantedSecurity, WantedValue};
use crate::formats::security_descriptor::SecurityDescriptor;
use crate::formats::upcase;
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, Ensure, OnChange};
use crate::model::decode::{Decode, Decoder, Entries, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Key, Mapping, Node};
use crate::model::record::{Fields, Record as _};
use crate::model::registry::{RegistryKey, Root};
use crate::model::resource::ResourceId;
use crate::model::source::{Location, Spanned};

crate::record! {
    /// One registry key and what should be there.
    pub struct KeyFields {
        /// The values of the key, by name. `(default)` is the key's unnamed value.
        #[example(serde_json::json!({ "LogLevel": 3, "Path": { "expand": "%SystemRoot%\\x" }, "Old": "absent" }))]
        pub values: Option<Values>,
        /// Remove the values of the key that are not named here. Each removal is listed in the plan.
        pub exclusive: bool = false,
        /// Remove the keys directly below that no entry names. Each removal is listed in the plan.
        pub exclusive_keys: bool = false,
        /// List the values and keys that are there and not named.
        pub report_unmanaged: bool = false,
        /// The view of a 32-bit or of a 64-bit program (64 if nothing is said).
        pub view: Option<Spanned<View>>,
        /// The key's former place: when that is still there, it is moved here with all it holds.
        #[example("HKLM\\SOFTWARE\\Vendor\\Old")]
        pub renamed_from: Option<Spanned<String>>,
        /// Who owns the key and who may do what with it.
        pub security: Option<Spanned<SecurityFields>>,
        /// The smallest and largest number of a value, whether or not the value is set here.
        #[example(serde_json::json!({ "MailBoxMaxItems": [1000, 10000] }))]
        pub range: Option<Entries<Spanned<Bounds>>>,
        ..common: Common
    }
}

crate::record! {
    /// What every key of the document says that does not say otherwise itself. Sets are owned key by key, never by default.
    pub struct DefaultFields {
        /// List the values and keys that are there and not named.
        pub report_unmanaged: Option<bool>,
        /// The view of a 32-bit or of a 64-bit program.
        pub view: Option<Spanned<View>>,
        /// What else follows when a key changes.
        pub on_change: Option<OnChange>,
    }
}

crate::record! {
    /// Owner and grants of a key, file or folder, or its whole security descriptor as SDDL.
    pub struct SecurityFields {
        /// The whole security descriptor in SDDL; nothing else may stand beside it.
        #[example("O:BAG:SYD:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)")]
        pub sddl: Option<Spanned<String>>,
        /// The account that owns it, as a name or a SID.
        #[example("BUILTIN\\Administrators")]
        pub owner: Option<Spanned<String>>,
        /// What accounts may do.
        pub grant: Option<Vec<GrantFields>>,
        /// Remove what is granted to accounts that are not named.
        pub exclusive: bool = false,
    }
}

crate::record! {
    /// What one account may do.
    pub struct GrantFields {
        /// The account, as a name or a SID.
        #[example("IIS AppPool\\PMAdmin")]
        pub to: Spanned<String>,
        /// What it may do.
        #[example("full")]
        #[example("read")]
        pub rights: Spanned<String>,
        /// What is below inherits the grant: keys of a key, folders and files of a folder.
        pub inherit: bool = true,
    }
}

/// Which programs' view of the registry an entry speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Of32Bit,
    Of64Bit,
}

impl Decode for View {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        match node.as_scalar().and_then(|scalar| scalar.as_integer()) {
            Some(32) => Some(Self::Of32Bit),
            Some(64) => Some(Self::Of64Bit),
            _ => {
                cx.push(Diagnostic::error("document.wrong_type", "expected 32 or 64").at(node.at));
                None
            }
        }
    }
}

impl JsonSchema for View {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "View".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [32, 64] })
    }
}

/// The smallest and the largest number, as a list of two.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    minimum: u64,
    maximum: u64,
}

impl Decode for Bounds {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Some([first, second]) = node.as_sequence() else {
            if let Some(items) = node.as_sequence() {
                let message = format!("expected two numbers, the smallest and the largest, found {}", items.len());
                cx.push(Diagnostic::error("document.wrong_type", message).at(node.at));
                return None;
            }
            return cx.wrong_type(node, "a list of two numbers, the smallest and the largest");
        };
        let (minimum, maximum) = (u64::decode(first, cx), u64::decode(second, cx));
        let (minimum, maximum) = (minimum?, maximum?);
        if minimum > maximum {
            let message = "the smallest number is above the largest";
            cx.push(Diagnostic::error("registry.empty_range", message).at(first.at).related(second.at, "the largest"));
            return None;
        }
        Some(Self { minimum, maximum })
    }
}

impl JsonSchema for Bounds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Bounds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "integer", "minimum": 0 }, "minItems": 2, "maxItems": 2 })
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Registry keys, by path. Names compare without case; what is not named is left as it is.",
        // Roots in any case, short and long, or a variable that brings one.
        "propertyNames": { "pattern": root_pattern() },
        "additionalProperties": KeyFields::field_schema(generator),
        "examples": [{ "HKLM\\SOFTWARE\\Vendor": { "values": { "LogLevel": 3 } } }],
    })
}

fn root_pattern() -> String {
    let any_case = |word: &str| -> String {
        word.chars().map(|c| if c == '_' { "_".into() } else { format!("[{c}{}]", c.to_ascii_lowercase()) }).collect()
    };
    let roots =
        ["HKLM", "HKEY_LOCAL_MACHINE", "HKCR", "HKEY_CLASSES_ROOT", "HKU", "HKEY_USERS", "HKCU", "HKEY_CURRENT_USER"];
    let roots: Vec<String> = roots.into_iter().map(any_case).collect();
    format!(r"^(({})(\\|$)|\$\{{)", roots.join("|"))
}

/// A value's `{type: data}` is replaced whole, or two files would give it two types; so is a key's security.
pub fn merge_rule(path: &[&str]) -> MergeRule {
    match path {
        [_, "values", _] | [_, "security"] => MergeRule::Replace,
        _ => MergeRule::Merge,
    }
}

const EXPIRES_HINT: &str =
    "a key cannot expire, its values can: write `{dword: 1, expires: {on: 2026-12-31, then: absent}}` for a value";

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedKey> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let keys: Vec<WantedKey> = mapping.entries.iter().filter_map(|(key, node)| decode_key(key, node, cx)).collect();
    check_named_once(&keys, cx);
    check_removals(&keys, cx);
    check_renames(&keys, cx);
    keys
}

fn decode_key(key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedKey> {
    let path = parse_key(&key.text, key.at, cx);
    let fields = Fields::open_hinting(node, KeyFields::FIELDS, &[("expires", EXPIRES_HINT)], cx)?;
    let read = KeyFields::read(&fields, cx);
    let (path, read) = (path?, read?);
    let mapping = node.as_mapping()?;
    if read.common.ensure == Ensure::Absent {
        check_names_nothing_else(mapping, cx);
    }
    let renamed_from = match read.renamed_from {
        Some(from) => {
            Some(Spanned::new(in_view(parse_key(&from.value, from.at, cx)?, from.at, read.view.as_ref(), cx)?, from.at))
        }
        None => None,
    };
    let path = in_view(path, key.at, read.view.as_ref(), cx)?;
    let wanted = WantedKey {
        id: ResourceId::new("registry", path.as_str()),
        key: path,
        at: key.at,
        common: read.common,
        values: read.values.map(|values| values.0).unwrap_or_default(),
        exclusive: read.exclusive,
        exclusive_keys: read.exclusive_keys,
        report_unmanaged: read.report_unmanaged,
        renamed_from,
        security: match read.security {
            Some(security) => {
                Some(Spanned::new(wanted_security(security.value, security.at, Securable::Key, cx)?, security.at))
            }
            None => None,
        },
        ranges: read.range.map(|ranges| wanted_ranges(ranges, cx)).unwrap_or_default(),
    };
    check_exclusive(&wanted, mapping, cx);
    check_ranges(&wanted, cx);
    Some(wanted)
}

fn parse_key(text: &str, at: Location, cx: &mut Decoder) -> Option<RegistryKey> {
    RegistryKey::parse(text)
        .map_err(|error| {
            let place = place_within(at, text, error.offset);
            cx.push(Diagnostic::error("registry.bad_key", error.message).at(place).hint_if(error.hint));
        })
        .ok()
}

/// The place of a byte of a text, as far as the text stands in the document as it is.
pub fn place_within(at: Location, text: &str, offset: usize) -> Location {
    let chars = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let Some(before) = text.get(..offset) else { return at };
    match at.length.checked_sub(chars(text)) {
        Some(0) => at.shifted(chars(before)),
        Some(2) => at.shifted(chars(before).saturating_add(1)),
        _ => at,
    }
}

fn in_view(key: RegistryKey, at: Location, view: Option<&Spanned<View>>, cx: &mut Decoder) -> Option<RegistryKey> {
    let Some(view) = view.filter(|view| view.value == View::Of32Bit) else { return Some(key) };
    key.in_view32()
        .map_err(|error| {
            let place = place_within(at, key.as_str(), error.offset);
            let diagnostic = Diagnostic::error("registry.view_twice", error.message).at(place).hint_if(error.hint);
            cx.push(diagnostic.related(view.at, "the view asked for"));
        })
        .ok()
}

/// Checks what is asked of the security of a key, or of another thing that has one; codes are those of the thing's section.
pub fn wanted_security(
    fields: SecurityFields,
    at: Location,
    object: Securable,
    cx: &mut Decoder,
) -> Option<WantedSecurity> {
    let grant: Vec<GrantFields> = fields.grant.unwrap_or_default();
    match fields.sddl {
        Some(sddl) if fields.owner.is_some() || !grant.is_empty() || fields.exclusive => {
            let message = "`sddl` is the whole security descriptor: nothing may stand beside it";
            cx.push(
                Diagnostic::error(object.code("registry.security_twice", "files.security_twice"), message).at(sddl.at),
            );
            None
        }
        Some(sddl) => {
            check_sddl(&sddl, object, cx);
            Some(WantedSecurity::Sddl(sddl.value))
        }
        None if fields.owner.is_none() && grant.is_empty() => {
            let message = "`security` names neither an owner nor a grant";
            cx.push(
                Diagnostic::error(object.code("registry.empty_security", "files.empty_security"), message)
                    .at(at)
                    .hint("name `owner`, `grant` or `sddl`"),
            );
            None
        }
        None => Some(WantedSecurity::Parts {
            owner: fields.owner,
            grant: grant
                .into_iter()
                .map(|grant| {
                    check_rights(&grant.rights, object, cx);
                    WantedGrant { to: grant.to, rights: grant.rights, inherit: grant.inherit }
                })
                .collect(),
            exclusive: fields.exclusive,
        }),
    }
}

fn check_sddl(sddl: &Spanned<String>, object: Securable, cx: &mut Decoder) {
    if let Err(error) = SecurityDescriptor::from_str(&sddl.value) {
        let before = sddl.value.get(..error.offset).map_or(0, |before| before.chars().count());
        let message = format!("this is not SDDL: {}, at character {}", error.problem, before + 1);
        cx.push(Diagnostic::error(object.code("registry.bad_sddl", "files.bad_sddl"), message).at(sddl.at));
    }
}

fn check_rights(rights: &Spanned<String>, object: Securable, cx: &mut Decoder) {
    if let Err(error) = object.rights(&rights.value) {
        let hint = match object {
            Securable::Key => {
                "write full, read, write, execute, several of them with commas, or a mask such as 0x20019"
            }
            Securable::File | Securable::Folder => {
                "write full, modify, read, write, execute, several of them with commas, or a mask such as 0x1200a9"
            }
        };
        cx.push(
            Diagnostic::error(object.code("registry.bad_rights", "files.bad_rights"), error.to_string())
                .at(rights.at)
                .hint(hint),
        );
    }
}

fn wanted_ranges(ranges: Entries<Spanned<Bounds>>, cx: &mut Decoder) -> Vec<WantedRange> {
    let mut unique = Unique::new("value", "registry.value_twice", ranges.0.len());
    let mut wanted = Vec::with_capacity(ranges.0.len());
    for (name, bounds) in ranges.0 {
        let Some(value_name) = value_form::value_name(&name.value, name.at, cx) else { continue };
        if !unique.insert(upcase::fold(&value_name), name.at, value_form::NAMED_TWICE, cx) {
            continue;
        }
        let Bounds { minimum, maximum } = bounds.value;
        wanted.push(WantedRange { name: value_name, at: name.at, minimum, maximum });
    }
    wanted
}

/// A key that is to go cannot hold anything.
fn check_names_nothing_else(mapping: &Mapping<'_>, cx: &mut Decoder) {
    for (key, _) in &mapping.entries {
        if KeyFields::OWN_FIELDS.contains(&&*key.text) && key.text != "view" {
            let message = format!("the key is to be removed, so `{}` has no meaning", key.text);
            let hint = "drop it, or drop `ensure: absent`; a single value is removed by `NAME: absent`";
            cx.push(Diagnostic::error("registry.removed_key_has_content", message).at(key.at).hint(hint));
        }
    }
}

fn check_exclusive(wanted: &WantedKey, mapping: &Mapping<'_>, cx: &mut Decoder) {
    if !wanted.exclusive || !wanted.values.is_empty() {
        return;
    }
    let at = mapping.entry("exclusive").map_or(wanted.at, |(key, _)| key.at);
    let message = format!("`exclusive` without values removes every value of {}", wanted.key);
    cx.push(Diagnostic::warning("registry.exclusive_empty", message).at(at).hint("name the values that stay"));
}

fn check_ranges(wanted: &WantedKey, cx: &mut Decoder) {
    if wanted.ranges.is_empty() {
        return;
    }
    let values: HashMap<String, &WantedValue> =
        wanted.values.iter().map(|value| (upcase::fold(&value.name), value)).collect();
    for range in &wanted.ranges {
        let Some(value) = values.get(&upcase::fold(&range.name)) else { continue };
        let then = value.expires.iter().map(|expiry| (&expiry.then, expiry.at, "what follows the expiry: "));
        for (data, at, prefix) in std::iter::once((&value.data, value.at, "")).chain(then) {
            let Some(message) = range_conflict(data, range) else { continue };
            let diagnostic = Diagnostic::error("registry.out_of_range", format!("{prefix}{message}")).at(at);
            cx.push(diagnostic.related(range.at, format!("{} to {}", range.minimum, range.maximum)));
        }
    }
}

fn range_conflict(data: &WantedData, range: &WantedRange) -> Option<String> {
    let number = match data {
        WantedData::Absent => return None,
        WantedData::Data(data) => data.number(),
        WantedData::Secret { .. } => None,
    };
    match number {
        None => Some("the value has a range but is not a number".into()),
        Some(number) if !(range.minimum..=range.maximum).contains(&number) => {
            Some(format!("{number} is not between {} and {}", range.minimum, range.maximum))
        }
        Some(_) => None,
    }
}

fn check_named_once(keys: &[WantedKey], cx: &mut Decoder) {
    let mut unique = Unique::new("key", "registry.key_twice", keys.len());
    for key in keys {
        let hint = "roots have a long and a short spelling, names compare without case, and `view: 32` may lead to the same key; \
                    spelled alike, entries of different files merge";
        unique.insert(key.key.folded().to_owned(), key.at, hint, cx);
    }
}

/// The folded paths of a key and of every key above it.
fn folded_with_ancestors(key: &RegistryKey) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key.folded()), |path| path.rsplit_once('\\').map(|(parent, _)| parent))
}

fn check_removals(keys: &[WantedKey], cx: &mut Decoder) {
    let removed: HashMap<&str, &WantedKey> =
        keys.iter().filter(|key| key.common.ensure == Ensure::Absent).map(|key| (key.key.folded(), key)).collect();
    if removed.is_empty() {
        return;
    }
    for key in keys {
        if let Some(from) = &key.renamed_from
            && let Some(above) = folded_with_ancestors(&from.value).skip(1).find_map(|path| removed.get(path))
        {
            let message = format!("{} lies below a key that is to be removed", from.value);
            let hint = "removing a key removes all that lies below it: move the key first, and remove the rest when that is done";
            let diagnostic = Diagnostic::error("registry.below_removed_key", message).at(from.at).hint(hint);
            cx.push(diagnostic.related(above.at, "removed here"));
        }
        if let Some(above) = folded_with_ancestors(&key.key).skip(1).find_map(|path| removed.get(path)) {
            let message = format!("{} lies below a key that is to be removed", key.key);
            let hint = "removing a key removes all that lies below it: drop one of the two entries";
            let diagnostic = Diagnostic::error("registry.below_removed_key", message).at(key.at).hint(hint);
            cx.push(diagnostic.related(above.at, "removed here"));
        }
    }
}

fn check_renames(keys: &[WantedKey], cx: &mut Decoder) {
    if keys.iter().all(|key| key.renamed_from.is_none()) {
        return;
    }
    let named: HashMap<&str, Location> = keys.iter().map(|key| (key.key.folded(), key.at)).collect();
    let moved: HashMap<&str, Location> =
        keys.iter().filter_map(|key| key.renamed_from.as_ref()).map(|from| (from.value.folded(), from.at)).collect();
    let moved_above = |key: &RegistryKey| folded_with_ancestors(key).skip(1).find_map(|path| moved.get(path));
    for key in keys {
        for (path, at) in key.renamed_from.iter().map(|from| (&from.value, from.at)).chain([(&key.key, key.at)]) {
            let Some(above) = moved_above(path) else { continue };
            let message = format!("{path} lies below a key that is moved away");
            let hint = "moving a key moves all that lies below it: name the place where it comes to lie";
            let diagnostic = Diagnostic::error("registry.rename_conflict", message).at(at).hint(hint);
            cx.push(diagnostic.related(*above, "moved from here"));
        }
    }
    let mut unique = Unique::new("former key", "registry.rename_conflict", 0);
    for key in keys {
        let Some(from) = &key.renamed_from else { continue };
        if let Some(at) = named.get(from.value.folded()) {
            let message = format!("{} is moved away here, and another entry wants it there", from.value);
            cx.push(Diagnostic::error("registry.rename_conflict", message).at(from.at).related(*at, "wanted here"));
        }
        if hive(&from.value) != hive(&key.key) {
            let message =
                format!("{} is in another hive than {}: a key can only be moved within one", from.value, key.key);
            let diagnostic = Diagnostic::error("registry.rename_across_hives", message).at(from.at);
            cx.push(diagnostic.hint("name the key with its values as a new one, and remove the old one"));
        }
        unique.insert(from.value.folded().to_owned(), from.at, "a key can be moved to one place only", cx);
    }
}

/// The hive that a key lies in, as the names that lead to it.
fn hive(key: &RegistryKey) -> Vec<&str> {
    let levels = if key.root() == Root::CurrentUser { 1 } else { 2 };
    key.folded().split('\\').take(levels).collect()
}
