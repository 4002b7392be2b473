//! Random edits, done to a hive and to a simple model of one.

use std::collections::BTreeMap;

use proptest::prelude::*;
use trueup::formats::regf::{Editor, Error, Hive, Key, KeyId, check, create};
use trueup::formats::upcase;

use super::fixtures::{NOW, descriptor};

const KEY_NAMES: [&str; 8] = ["Alpha", "alpha", "beta", "Größe", "GRÖßE", "日本", "AES 128/128", "z"];
const VALUE_NAMES: [&str; 6] = ["", "Start", "START", "Übergröße", "名前", "long value name for a longer record"];

#[derive(Debug, Clone)]
enum Edit {
    Create { parent: usize, name: usize, security: Option<u8> },
    Set { key: usize, name: usize, value_type: u32, length: usize, fill: u8 },
    Remove { key: usize, name: usize },
    RemoveTree { key: usize },
    Rename { key: usize, name: usize },
    Move { key: usize, parent: usize, name: usize },
    Secure { key: usize, security: u8 },
    Class { key: usize, length: usize },
    Reopen,
}

fn edit() -> impl Strategy<Value = Edit> {
    let (key, name) = (0..64_usize, 0..KEY_NAMES.len());
    let length = prop_oneof![0..6_usize, 6..64_usize, Just(16_344), Just(16_345), 30_000..50_000_usize];
    prop_oneof![
        6 => (key.clone(), name.clone(), proptest::option::of(0..4_u8)).prop_map(|(parent, name, security)| Edit::Create { parent, name, security }),
        8 => (key.clone(), 0..VALUE_NAMES.len(), 0..12_u32, length, any::<u8>())
            .prop_map(|(key, name, value_type, length, fill)| Edit::Set { key, name, value_type, length, fill }),
        3 => (key.clone(), 0..VALUE_NAMES.len()).prop_map(|(key, name)| Edit::Remove { key, name }),
        1 => key.clone().prop_map(|key| Edit::RemoveTree { key }),
        2 => (key.clone(), name.clone()).prop_map(|(key, name)| Edit::Rename { key, name }),
        2 => (key.clone(), key.clone(), name).prop_map(|(key, parent, name)| Edit::Move { key, parent, name }),
        2 => (key.clone(), 0..4_u8).prop_map(|(key, security)| Edit::Secure { key, security }),
        1 => (key, 0..40_usize).prop_map(|(key, length)| Edit::Class { key, length }),
        1 => Just(Edit::Reopen),
    ]
}

/// A key as the model sees it.
#[derive(Debug, Clone, Default)]
struct Node {
    name: String,
    class: String,
    security: Vec<u8>,
    last_written: u64,
    values: BTreeMap<Vec<u16>, (String, u32, Vec<u8>)>,
    subkeys: BTreeMap<Vec<u16>, Node>,
}

type Path = Vec<Vec<u16>>;

impl Node {
    fn at(&mut self, path: &[Vec<u16>]) -> &mut Self {
        path.iter().fold(self, |node, name| node.subkeys.get_mut(name).expect("the path exists"))
    }

    fn paths(&self) -> Vec<Path> {
        let mut paths = vec![Vec::new()];
        for (name, node) in &self.subkeys {
            paths.extend(node.paths().into_iter().map(|path| std::iter::once(name.clone()).chain(path).collect()));
        }
        paths
    }
}

struct Pair {
    editor: Editor,
    model: Node,
    now: u64,
}

impl Pair {
    fn new(minor: u32) -> Self {
        let mut bytes = create("ROOT", &descriptor(0), NOW).expect("a hive is made");
        bytes[24] = u8::try_from(minor).expect("small");
        reseal(&mut bytes);
        let model = Node { name: "ROOT".into(), security: descriptor(0), last_written: NOW, ..Node::default() };
        Self { editor: Editor::open(bytes).expect("it opens"), model, now: NOW }
    }

    fn key(&mut self, path: &[Vec<u16>]) -> KeyId {
        let names: Vec<String> =
            path.iter().map(|name| String::from_utf16(name).expect("the names are text")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.editor.find(&names).expect("it is readable").expect("it exists")
    }

    fn path(&self, number: usize) -> Path {
        let paths = self.model.paths();
        paths[number % paths.len()].clone()
    }

    fn apply(&mut self, edit: &Edit) {
        self.now += 1;
        let now = self.now;
        match *edit {
            Edit::Create { parent, name, security } => {
                let path = self.path(parent);
                let key = self.key(&path);
                let given = security.map(descriptor);
                let made = self.editor.create_key(key, KEY_NAMES[name], given.as_deref(), now);
                let folded = upcase::key(KEY_NAMES[name]);
                if self.model.at(&path).subkeys.contains_key(&folded) {
                    assert!(matches!(made, Err(Error::Exists { .. })));
                    return;
                }
                let security = self.editor.security(made.expect("it is made")).expect("it is readable").to_vec();
                if let Some(given) = given {
                    assert_eq!(security, given);
                }
                let node = self.model.at(&path);
                node.last_written = now;
                node.subkeys.insert(
                    folded,
                    Node { name: KEY_NAMES[name].into(), security, last_written: now, ..Node::default() },
                );
            }
            Edit::Set { key, name, value_type, length, fill } => {
                let path = self.path(key);
                let key = self.key(&path);
                let data: Vec<u8> = (0..length).map(|at| fill.wrapping_add((at / 7) as u8)).collect();
                let changed = self.editor.set_value(key, VALUE_NAMES[name], value_type, &data, now).expect("it is set");
                let node = self.model.at(&path);
                let value = node
                    .values
                    .entry(upcase::key(VALUE_NAMES[name]))
                    .or_insert_with(|| (VALUE_NAMES[name].into(), u32::MAX, Vec::new()));
                assert_eq!(changed, (value.1, &value.2) != (value_type, &data));
                if changed {
                    (value.1, value.2) = (value_type, data);
                    node.last_written = now;
                }
            }
            Edit::Remove { key, name } => {
                let path = self.path(key);
                let key = self.key(&path);
                let removed = self.editor.remove_value(key, VALUE_NAMES[name], now).expect("it is removed");
                let node = self.model.at(&path);
                assert_eq!(removed, node.values.remove(&upcase::key(VALUE_NAMES[name])).is_some());
                if removed {
                    node.last_written = now;
                }
            }
            Edit::RemoveTree { key } => {
                let path = self.path(key);
                let key = self.key(&path);
                let removed = self.editor.remove_tree(key, now);
                let Some((last, parent)) = path.split_last() else {
                    assert!(matches!(removed, Err(Error::Root { .. })));
                    return;
                };
                removed.expect("it is removed");
                assert_eq!(self.editor.name(key), Err(Error::Removed));
                let parent = self.model.at(parent);
                parent.subkeys.remove(last);
                parent.last_written = now;
            }
            Edit::Rename { key, name } => {
                let path = self.path(key);
                let key = self.key(&path);
                let renamed = self.editor.rename_key(key, KEY_NAMES[name], now);
                self.relocate(
                    &path,
                    path.split_last().map(|(_, parent)| parent.to_vec()),
                    KEY_NAMES[name],
                    renamed,
                    true,
                );
            }
            Edit::Move { key, parent, name } => {
                let (path, target) = (self.path(key), self.path(parent));
                let (key, parent) = (self.key(&path), self.key(&target));
                let moved = self.editor.move_key(key, parent, KEY_NAMES[name], now);
                self.relocate(&path, Some(target), KEY_NAMES[name], moved, false);
            }
            Edit::Secure { key, security } => {
                let path = self.path(key);
                let key = self.key(&path);
                let changed = self.editor.set_security(key, &descriptor(security), now).expect("it is set");
                let node = self.model.at(&path);
                assert_eq!(changed, node.security != descriptor(security));
                if changed {
                    node.security = descriptor(security);
                    node.last_written = now;
                }
            }
            Edit::Class { key, length } => {
                let path = self.path(key);
                let key = self.key(&path);
                let class = "C".repeat(length);
                let changed = self.editor.set_class(key, &class, now).expect("it is set");
                let node = self.model.at(&path);
                assert_eq!(changed, node.class != class);
                if changed {
                    node.class = class;
                    node.last_written = now;
                }
            }
            Edit::Reopen => self.reopen(),
        }
    }

    fn relocate(
        &mut self,
        path: &[Vec<u16>],
        target: Option<Path>,
        name: &str,
        done: Result<bool, Error>,
        touches_key: bool,
    ) {
        let (Some((last, parent)), Some(target)) = (path.split_last(), target) else {
            assert!(matches!(done, Err(Error::Root { .. })), "{done:?}");
            return;
        };
        let folded = upcase::key(name);
        let same_place = target == parent;
        if !(same_place && *last == folded) && self.model.at(&target).subkeys.contains_key(&folded) {
            assert!(matches!(done, Err(Error::Exists { .. })), "{done:?}");
            return;
        }
        if target.starts_with(path) && !same_place {
            assert!(matches!(done, Err(Error::IntoItself { .. })), "{done:?}");
            return;
        }
        let changed = done.expect("it is moved");
        assert_eq!(changed, !same_place || self.model.at(path).name != name);
        if changed {
            let mut node = self.model.at(parent).subkeys.remove(last).expect("it was there");
            node.name = name.into();
            if touches_key {
                node.last_written = self.now;
            }
            self.model.at(parent).last_written = self.now;
            self.model.at(&target).last_written = self.now;
            self.model.at(&target).subkeys.insert(folded, node);
        }
    }

    /// Writes the hive, checks it, compares it with the model, and goes on with it.
    fn reopen(&mut self) {
        let empty = Editor::open(create("R", &descriptor(0), NOW).expect("a hive is made")).expect("it opens");
        let bytes = std::mem::replace(&mut self.editor, empty).finish(self.now).expect("it is written");
        assert_eq!(check(&bytes).expect("it is a hive"), []);
        let hive = Hive::open(bytes.as_slice()).expect("it opens");
        compare(&hive.root().expect("it is readable"), &self.model);
        self.editor = Editor::open(bytes.clone()).expect("it opens");
    }
}

fn compare(key: &Key<'_>, node: &Node) {
    assert_eq!(key.name().text, node.name);
    assert_eq!(key.last_written(), node.last_written, "{}", node.name);
    assert_eq!(key.security().expect("readable"), node.security);
    assert_eq!(
        key.class().expect("readable"),
        node.class.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()
    );
    assert_eq!(key.value_count() as usize, node.values.len());
    assert_eq!(key.subkey_count() as usize, node.subkeys.len());
    let index = key.value_index().expect("readable");
    for (name, value_type, data) in node.values.values() {
        let value = key.value(&upcase::fold(name)).expect("readable").expect("present");
        assert_eq!((value.name().text.as_ref(), value.value_type()), (name.as_str(), *value_type));
        assert_eq!(value.data().expect("readable"), *data);
        assert_eq!(index.value(name).map(|value| value.offset()), Some(value.offset()));
    }
    for (subkey, node) in key.subkeys().zip(node.subkeys.values()) {
        let subkey = subkey.expect("readable");
        let found = key.subkey(&upcase::fold(&node.name)).expect("readable").expect("present");
        assert_eq!(found.offset(), subkey.offset());
        compare(&subkey, node);
    }
}

/// Writes the right checksum after a change to the base block.
pub fn reseal(bytes: &mut [u8]) {
    let sum = bytes[..508]
        .chunks_exact(4)
        .fold(0, |sum, word| sum ^ u32::from_le_bytes(word.try_into().expect("four bytes")));
    let sum = match sum {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    };
    bytes[508..512].copy_from_slice(&sum.to_le_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_edits_keep_the_hive_sound_and_equal_to_the_model(minor in 3..=6_u32, edits in proptest::collection::vec(edit(), 1..60)) {
        let mut pair = Pair::new(minor);
        for edit in &edits {
            pair.apply(edit);
        }
        pair.reopen();
    }
}
