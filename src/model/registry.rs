//! Registry keys and typed values: names that are right once made, and data that is exactly the bytes Windows stores.
//! Knows nothing of hives or APIs; `CurrentControlSet` and accounts under `HKU` are resolved by the machine.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::formats::upcase;

/// The longest key name in UTF-16 units that Windows accepts.
pub const MAX_KEY_NAME: usize = 255;
/// The longest value name in UTF-16 units that Windows accepts.
pub const MAX_VALUE_NAME: usize = 16_383;
/// The deepest key that Windows accepts, in levels below the root.
pub const MAX_KEY_DEPTH: usize = 512;

/// The folded path that `HKCR` stands for, and the key that holds it.
const CLASSES: &str = r"HKLM\SOFTWARE\CLASSES";
const SOFTWARE: &str = r"HKLM\SOFTWARE";

/// A predefined key at the head of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    LocalMachine,
    ClassesRoot,
    Users,
    CurrentUser,
}

impl Root {
    /// The short spelling, used in every address and report.
    pub const fn short(self) -> &'static str {
        match self {
            Self::LocalMachine => "HKLM",
            Self::ClassesRoot => "HKCR",
            Self::Users => "HKU",
            Self::CurrentUser => "HKCU",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        const SPELLINGS: [(&str, Root); 8] = [
            ("HKLM", Root::LocalMachine),
            ("HKEY_LOCAL_MACHINE", Root::LocalMachine),
            ("HKCR", Root::ClassesRoot),
            ("HKEY_CLASSES_ROOT", Root::ClassesRoot),
            ("HKU", Root::Users),
            ("HKEY_USERS", Root::Users),
            ("HKCU", Root::CurrentUser),
            ("HKEY_CURRENT_USER", Root::CurrentUser),
        ];
        SPELLINGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, root)| *root)
    }
}

/// Why a text is not a registry key; `offset` counts bytes from its start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegistryKeyError {
    pub message: String,
    pub offset: usize,
    pub hint: Option<String>,
}

/// A registry key such as `HKLM\SOFTWARE\Vendor`: short root, the case as written, compared without case.
///
/// The path is the 64-bit one; a 32-bit view is applied by [`RegistryKey::in_view32`]. `HKCR` is another name for
/// `HKLM\SOFTWARE\Classes`: the keys are equal, and each is shown as it was written.
#[derive(Clone)]
pub struct RegistryKey {
    root: Root,
    text: Arc<str>,
    folded: Arc<str>,
}

impl RegistryKey {
    /// Parses a path with a long or short root.
    ///
    /// # Errors
    /// An unknown root, an empty or over-long component, or more than [`MAX_KEY_DEPTH`] levels.
    pub fn parse(text: &str) -> Result<Self, RegistryKeyError> {
        let (head, rest) = text.split_once('\\').unwrap_or((text, ""));
        let Some(root) = Root::parse(head) else {
            return Err(unknown_root(text, head));
        };
        let rest = rest.strip_suffix('\\').unwrap_or(rest);
        if rest.is_empty() {
            return Ok(Self::from_parts(root, root.short().to_owned()));
        }
        let mut offset = head.len() + 1;
        for (depth, component) in rest.split('\\').enumerate() {
            check_component(component, offset)?;
            if depth >= MAX_KEY_DEPTH {
                return Err(RegistryKeyError {
                    message: format!("the key is deeper than {MAX_KEY_DEPTH} levels"),
                    offset,
                    hint: None,
                });
            }
            offset += component.len() + 1;
        }
        Ok(Self::from_parts(root, format!("{}\\{rest}", root.short())))
    }

    fn from_parts(root: Root, text: String) -> Self {
        let folded = match text.strip_prefix(Root::ClassesRoot.short()) {
            Some(below) if root == Root::ClassesRoot => format!("{CLASSES}{}", upcase::fold(below)),
            _ => upcase::fold(&text),
        };
        let text: Arc<str> = text.into();
        let folded = if *text == *folded { Arc::clone(&text) } else { folded.into() };
        Self { root, text, folded }
    }

    /// The predefined key at the head.
    pub fn root(&self) -> Root {
        self.root
    }

    /// The whole path with the short root and the case as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path in Windows' upper case: equal for equal keys.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The names below the root, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.text.split('\\').skip(1)
    }

    /// The names below the root where the key lies: those of `HKCR` begin with `SOFTWARE` and `Classes`.
    fn stored_names(&self) -> impl Iterator<Item = &str> {
        let above: &[&str] = if self.root == Root::ClassesRoot { &["SOFTWARE", "Classes"] } else { &[] };
        above.iter().copied().chain(self.components())
    }

    /// How many levels below the root the key lies; below `HKLM` for a class.
    pub fn depth(&self) -> usize {
        self.folded.split('\\').skip(1).count()
    }

    /// The name that the key has where it lies: that of `HKCR` is `Classes`.
    pub fn stored_name(&self) -> &str {
        if self.root == Root::ClassesRoot && !self.text.contains('\\') { "Classes" } else { self.name() }
    }

    /// The last name of the path; the root's own for a root.
    pub fn name(&self) -> &str {
        self.text.rsplit('\\').next().unwrap_or(&self.text)
    }

    /// The key above, `None` for a root; that of `HKCR` is `HKLM\SOFTWARE`.
    pub fn parent(&self) -> Option<Self> {
        match self.text.rsplit_once('\\') {
            Some((parent, _)) => Some(Self::from_parts(self.root, parent.to_owned())),
            None if self.root == Root::ClassesRoot => Some(Self::from_parts(Root::LocalMachine, SOFTWARE.to_owned())),
            None => None,
        }
    }

    /// The key `name` below this one.
    ///
    /// # Errors
    /// A name that Windows would not accept, such as one that holds a backslash.
    pub fn child(&self, name: &str) -> Result<Self, RegistryKeyError> {
        check_component(name, self.text.len() + 1)?;
        if name.contains('\\') {
            return Err(RegistryKeyError {
                message: format!("a key name cannot hold a backslash: {name:?}"),
                offset: self.text.len() + 1,
                hint: None,
            });
        }
        Ok(Self::from_parts(self.root, format!("{}\\{name}", self.text)))
    }

    /// Whether this key is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.folded.strip_prefix(&*other.folded).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
    }

    /// Whether this key lies below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self.folded.len() > other.folded.len() && self.starts_with(other)
    }

    /// Where the key comes to lie when `from` is moved to `to`; `None` when it does not lie there.
    pub fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        if !self.starts_with(from) {
            return None;
        }
        self.stored_names().skip(from.depth()).try_fold(to.clone(), |key, name| key.child(name).ok())
    }

    /// The key that a 32-bit program reaches under this name.
    ///
    /// `SOFTWARE` is split but for its shared parts (`Policies`, `Microsoft\SystemCertificates` and others); classes split
    /// at `Classes\Wow6432Node`; every other tree is shared.
    /// Source: Microsoft, *Registry Keys Affected by WOW64*.
    ///
    /// # Errors
    /// The path names `Wow6432Node` itself: one way to say it is enough.
    pub fn in_view32(&self) -> Result<Self, RegistryKeyError> {
        let own = upcase::fold(&self.text);
        if let Some(offset) = own.find("\\WOW6432NODE") {
            return Err(RegistryKeyError {
                message: "the path names Wow6432Node and the entry asks for the 32-bit view".into(),
                offset: offset + 1,
                hint: Some("keep `view: 32` and drop Wow6432Node from the path, or the other way round".into()),
            });
        }
        let names: Vec<&str> = self.components().collect();
        let folded: Vec<&str> = own.split('\\').skip(1).collect();
        let insert_at = match (self.root, folded.as_slice()) {
            (Root::LocalMachine, ["SOFTWARE", "CLASSES", class, ..]) => is_split_class(class).then_some(2),
            (Root::LocalMachine, ["SOFTWARE", "CLASSES"] | [] | ["SOFTWARE"]) => None,
            (Root::LocalMachine, ["SOFTWARE", rest @ ..]) => (!is_shared_software(rest)).then_some(1),
            (Root::ClassesRoot, [class, ..]) => is_split_class(class).then_some(0),
            _ => None,
        };
        let Some(at) = insert_at else { return Ok(self.clone()) };
        let mut path = String::from(self.root.short());
        for (index, name) in names.iter().enumerate() {
            if index == at {
                path.push_str("\\Wow6432Node");
            }
            path.push('\\');
            path.push_str(name);
        }
        Ok(Self::from_parts(self.root, path))
    }
}

/// The class keys that WOW64 keeps apart; all others are shared between the views.
fn is_split_class(class: &str) -> bool {
    ["CLSID", "DIRECTSHOW", "INTERFACE", "MEDIA TYPE", "MEDIAFOUNDATION"].contains(&class)
}

/// The parts of `SOFTWARE` that both views share.
fn is_shared_software(rest: &[&str]) -> bool {
    match rest {
        ["POLICIES" | "REGISTEREDAPPLICATIONS" | "CLIENTS", ..] => true,
        ["MICROSOFT", tail @ ..] => matches!(
            tail,
            [
                "SYSTEMCERTIFICATES"
                    | "ENTERPRISECERTIFICATES"
                    | "COM3"
                    | "EVENTSYSTEM"
                    | "OLE"
                    | "RPC"
                    | "TRANSACTION SERVER",
                ..
            ] | ["CTF", "SYSTEMSHARED" | "TIP", ..]
                | ["NOTEPAD", "DEFAULTFONTS", ..]
                | ["SHARED TOOLS", "MSINFO", ..]
                | ["TERMSERVLICENSING" | "DFRG" | "DRIVER SIGNING" | "NON-DRIVER SIGNING" | "SOFTWARE", ..]
                | ["WINDOWS", "CURRENTVERSION", "CONTROL PANEL", "CURSORS", ..]
                | ["WINDOWS", "CURRENTVERSION", "GROUP POLICY" | "POLICIES" | "SETUP" | "TELEPHONY" | "EXPLORER", ..]
                | [
                    "WINDOWS NT",
                    "CURRENTVERSION",
                    "CONSOLE"
                        | "FONTDPI"
                        | "FONTLINK"
                        | "FONTMAPPER"
                        | "FONTS"
                        | "FONTSUBSTITUTES"
                        | "GRE_INITIALIZE"
                        | "LANGUAGE PACK"
                        | "NETWORKCARDS"
                        | "PERFLIB"
                        | "PORTS"
                        | "PRINT"
                        | "PROFILELIST"
                        | "TIME ZONES",
                    ..
                ]
        ),
        _ => false,
    }
}

fn unknown_root(text: &str, head: &str) -> RegistryKeyError {
    let hint = if !text.contains('\\') && text.contains('/') {
        Some(format!("separate the names with backslashes: {}", text.replace('/', "\\")))
    } else {
        Some("a path begins with HKLM, HKCR, HKU or HKCU, or their long spellings".to_owned())
    };
    RegistryKeyError { message: format!("`{head}` is not a registry root"), offset: 0, hint }
}

fn check_component(component: &str, offset: usize) -> Result<(), RegistryKeyError> {
    let fail =
        |message: String, hint: Option<&str>| Err(RegistryKeyError { message, offset, hint: hint.map(str::to_owned) });
    if component.is_empty() {
        return fail("the path holds an empty name".into(), Some("write one backslash between two names"));
    }
    if component.contains('\0') {
        return fail("a key name cannot hold a NUL character".into(), None);
    }
    let units = component.encode_utf16().count();
    if units > MAX_KEY_NAME {
        return fail(format!("a key name has {units} UTF-16 units; Windows takes at most {MAX_KEY_NAME}"), None);
    }
    Ok(())
}

impl PartialEq for RegistryKey {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}
impl Eq for RegistryKey {}
impl Hash for RegistryKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}
impl PartialOrd for RegistryKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for RegistryKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.split('\\').cmp(other.folded.split('\\'))
    }
}
impl fmt::Display for RegistryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Debug for RegistryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl serde::Serialize for RegistryKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
impl<'de> serde::Deserialize<'de> for RegistryKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_name_of_where_it_lies() {
        for (key, name) in
            [("HKCR", "Classes"), (r"HKCR\.txt", ".txt"), (r"HKLM\SOFTWARE\Classes", "Classes"), ("HKLM", "HKLM")]
        {
            assert_eq!(self::key(key).stored_name(), name);
        }
    }

    #[test]
    fn a_key_moves_with_what_it_lies_below() {
        let (from, to) = (key(r"HKLM\SOFTWARE\Old"), key(r"HKLM\SOFTWARE\New\Place"));
        assert_eq!(key(r"HKLM\software\old\A\B").moved(&from, &to), Some(key(r"HKLM\SOFTWARE\New\Place\A\B")));
        assert_eq!(from.moved(&from, &to), Some(to.clone()));
        assert_eq!(key(r"HKLM\SOFTWARE\Older").moved(&from, &to), None);
        for (from, to, before, after) in [
            (r"HKCR\A", r"HKCR\B", r"HKCR\A\Sub", r"HKCR\B\Sub"),
            (r"HKLM\SOFTWARE\Classes\A", r"HKCR\B", r"HKCR\A\Sub", r"HKCR\B\Sub"),
            (r"HKCR\A", r"HKLM\SOFTWARE\B", r"HKLM\SOFTWARE\Classes\A\Sub", r"HKLM\SOFTWARE\B\Sub"),
            (r"HKLM\SOFTWARE", r"HKLM\SYSTEM", r"HKCR\A", r"HKLM\SYSTEM\Classes\A"),
        ] {
            assert_eq!(key(before).moved(&key(from), &key(to)), Some(key(after)), "{before}");
        }
    }

    fn key(text: &str) -> RegistryKey {
        RegistryKey::parse(text).unwrap()
    }

    #[test]
    fn long_and_short_roots_are_one_key() {
        assert_eq!(key(r"HKEY_LOCAL_MACHINE\Software\X"), key(r"hklm\SOFTWARE\x\"));
        assert_eq!(key(r"HKLM\Software\X").as_str(), r"HKLM\Software\X");
        assert_eq!(key("HKU").parent(), None);
        assert_eq!(key(r"HKLM\A\B").parent(), Some(key(r"HKLM\A")));
    }

    #[test]
    fn classes_have_two_names() {
        let short = key(r"HKCR\.txt\Shell");
        assert_eq!(short, key(r"HKLM\Software\Classes\.TXT\shell"));
        assert_eq!((short.as_str(), short.depth()), (r"HKCR\.txt\Shell", 4));
        assert!(short.is_below(&key(r"HKLM\SOFTWARE")) && short.is_below(&key("HKCR")));
        assert_eq!(key("HKCR").parent(), Some(key(r"HKLM\SOFTWARE")));
    }

    #[test]
    fn a_slash_belongs_to_a_name() {
        let ciphers = key(r"HKLM\SYSTEM\Ciphers\AES 128/128");
        assert_eq!(ciphers.name(), "AES 128/128");
        let refused = RegistryKey::parse("HKLM/SYSTEM/Select").unwrap_err();
        assert_eq!(refused.hint.unwrap(), r"separate the names with backslashes: HKLM\SYSTEM\Select");
    }

    #[test]
    fn below_is_by_whole_names() {
        assert!(key(r"HKLM\A\BC").is_below(&key(r"hklm\a")));
        assert!(!key(r"HKLM\AB").starts_with(&key(r"HKLM\A")));
        assert!(!key(r"HKLM\A").is_below(&key(r"HKLM\A")));
    }

    #[test]
    fn the_32_bit_view_splits_only_what_windows_splits() {
        let cases = [
            (r"HKLM\SOFTWARE\Vendor", r"HKLM\SOFTWARE\Wow6432Node\Vendor"),
            (r"HKLM\SOFTWARE\Classes\CLSID\{1}", r"HKLM\SOFTWARE\Classes\Wow6432Node\CLSID\{1}"),
            (r"HKLM\SOFTWARE\Classes\.txt", r"HKLM\SOFTWARE\Classes\.txt"),
            (r"HKCR\CLSID\{1}", r"HKCR\Wow6432Node\CLSID\{1}"),
            (r"HKLM\SYSTEM\Select", r"HKLM\SYSTEM\Select"),
            (r"HKLM\SOFTWARE\Policies\X", r"HKLM\SOFTWARE\Policies\X"),
            (r"HKLM\SOFTWARE\Microsoft\SystemCertificates\MY", r"HKLM\SOFTWARE\Microsoft\SystemCertificates\MY"),
            (r"HKLM\SOFTWARE\Microsoft\Office", r"HKLM\SOFTWARE\Wow6432Node\Microsoft\Office"),
        ];
        for (path, seen) in cases {
            assert_eq!(key(path).in_view32().unwrap().as_str(), seen);
        }
        assert_eq!(key(r"HKLM\SOFTWARE\Wow6432Node\X").in_view32().unwrap_err().offset, 14);
    }

    #[test]
    fn what_windows_would_refuse_is_refused() {
        for bad in [r"HKXX\A", r"HKLM\A\\B", "HKLM\\A\0", &format!(r"HKLM\{}", "x".repeat(256))] {
            assert!(RegistryKey::parse(bad).is_err(), "{bad}");
        }
        assert!(RegistryKey::parse(&format!("HKLM{}", r"\a".repeat(513))).is_err());
        assert!(key("HKLM").child(r"a\b").is_err());
    }
}
