//! Builds one hive from compact tables of keys and values. Keys are made where they are missing and inherit their
//! security from the key above, as on a running Windows.

use std::str::FromStr as _;

use super::Server;
use crate::formats::regf::{self, Editor, KeyId};
use crate::formats::security_descriptor::{DescriptorError, SddlError, SecurityDescriptor};
use crate::model::registry_data::RegistryData;
use crate::model::sid::SidError;

/// What a value holds, as a table writes it. Texts may hold the words that [`Server::spell`] replaces.
#[derive(Clone, Copy, Debug)]
pub enum Data {
    Sz(&'static str),
    Expand(&'static str),
    Multi(&'static [&'static str]),
    Dword(u32),
    Binary(&'static [u8]),
    /// Bytes of a type that may not suit them.
    Raw(u32, &'static [u8]),
    /// A self-relative security descriptor in a `REG_BINARY`, written as SDDL.
    Security(&'static str),
}

/// Keys by path, each with its values by name; the empty name is the key's unnamed value.
pub type Keys = &'static [(&'static str, &'static [(&'static str, Data)])];

/// Why a hive could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("cannot edit the hive")]
    Hive(#[from] regf::Error),
    #[error("a security descriptor cannot be read from its text")]
    Sddl(#[from] SddlError),
    #[error("a security descriptor cannot be written")]
    Descriptor(#[from] DescriptorError),
    #[error("a local account has no SID")]
    Sid(#[from] SidError),
}

/// A hive in the making.
pub struct Tree<'s> {
    server: &'s Server,
    editor: Editor,
}

impl<'s> Tree<'s> {
    /// A hive with nothing but a root key of this name and security.
    pub fn new(server: &'s Server, root: &str, sddl: &str) -> Result<Self, TreeError> {
        let bytes = regf::create(root, &descriptor(sddl)?, server.now.0)?;
        Ok(Self { server, editor: Editor::open(bytes)? })
    }

    /// Puts the keys of a table below `base`, which is empty for the root.
    pub fn put(&mut self, base: &str, keys: Keys) -> Result<(), TreeError> {
        for (path, values) in keys {
            let key = self.below(base, path)?;
            for (name, data) in *values {
                let data = self.data(data)?;
                self.set_in(key, name, &data)?;
            }
        }
        Ok(())
    }

    /// Makes a key with a security descriptor of its own, before anything is put below it.
    pub fn guard(&mut self, path: &str, sddl: &str) -> Result<(), TreeError> {
        let key = self.below("", path)?;
        self.editor.set_security(key, &descriptor(&self.server.spell(sddl))?, self.server.now.0)?;
        Ok(())
    }

    /// Makes a key without values.
    pub fn key(&mut self, path: &str) -> Result<(), TreeError> {
        self.below("", path).map(drop)
    }

    /// Sets one value.
    pub fn set(&mut self, path: &str, name: &str, data: &RegistryData) -> Result<(), TreeError> {
        let key = self.below("", path)?;
        self.set_in(key, name, data)
    }

    /// The finished hive.
    pub fn into_bytes(self) -> Result<Vec<u8>, TreeError> {
        Ok(self.editor.finish(self.server.now.0)?)
    }

    fn below(&mut self, base: &str, path: &str) -> Result<KeyId, TreeError> {
        let path = self.server.spell(path);
        let mut key = self.editor.root();
        for name in base.split('\\').chain(path.split('\\')).filter(|name| !name.is_empty()) {
            key = match self.editor.subkey(key, name)? {
                Some(subkey) => subkey,
                None => self.editor.create_key(key, name, None, self.server.now.0)?,
            };
        }
        Ok(key)
    }

    fn set_in(&mut self, key: KeyId, name: &str, data: &RegistryData) -> Result<(), TreeError> {
        self.editor.set_value(key, name, data.value_type, &data.bytes, self.server.now.0)?;
        Ok(())
    }

    fn data(&self, data: &Data) -> Result<RegistryData, TreeError> {
        Ok(match data {
            Data::Sz(text) => RegistryData::sz(&self.server.spell(text)),
            Data::Expand(text) => RegistryData::expand(&self.server.spell(text)),
            Data::Multi(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| self.server.spell(text)).collect();
                RegistryData::multi(&texts)
            }
            Data::Dword(number) => RegistryData::dword(*number),
            Data::Binary(bytes) => RegistryData::binary(*bytes),
            Data::Raw(value_type, bytes) => RegistryData::new(*value_type, *bytes),
            Data::Security(sddl) => RegistryData::binary(descriptor(&self.server.spell(sddl))?),
        })
    }
}

/// The self-relative bytes of a descriptor.
pub fn descriptor(sddl: &str) -> Result<Vec<u8>, TreeError> {
    Ok(SecurityDescriptor::from_str(sddl)?.to_bytes()?)
}
