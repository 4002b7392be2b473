//! The values of one registry key as a reader of settings wants them: by name, and of the type that the name calls for.
//! Text is read as Windows' own readers do, up to its first NUL; another type, or a number of another length, is an error.

use crate::formats::upcase;
use crate::model::registry_data::{
    REG_BINARY, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_NONE, REG_SZ, RegistryData, type_name,
};

/// The values of one key by name, whatever its case; of two equal names the first counts.
#[derive(Clone, Debug, Default)]
pub struct NamedValues<'v> {
    values: Vec<(&'v str, &'v RegistryData)>,
}

/// A value to write, or to remove where it has no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueWrite {
    pub name: &'static str,
    pub data: Option<RegistryData>,
}

/// A value that is not of the form its name calls for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value {name} is {found}, not {expected}")]
pub struct ValueError {
    pub name: String,
    pub found: String,
    pub expected: &'static str,
}

impl<'v> NamedValues<'v> {
    pub fn new(values: impl IntoIterator<Item = (&'v str, &'v RegistryData)>) -> Self {
        Self { values: values.into_iter().collect() }
    }

    /// The values that a list owns.
    pub fn of<N: AsRef<str>>(values: &'v [(N, RegistryData)]) -> Self {
        Self::new(values.iter().map(|(name, data)| (name.as_ref(), data)))
    }

    /// The values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'v str, &'v RegistryData)> + '_ {
        self.values.iter().copied()
    }

    /// The data of a value.
    pub fn data(&self, name: &str) -> Option<&'v RegistryData> {
        self.iter().find(|(known, _)| upcase::eq(known, name)).map(|(_, data)| data)
    }

    /// A string, with or without variables to expand.
    ///
    /// # Errors
    /// The value is of another type, or not UTF-16.
    pub fn text(&self, name: &str) -> Result<Option<String>, ValueError> {
        self.typed(name, "text", &[REG_SZ, REG_EXPAND_SZ], first_text)
    }

    /// A string that is only shown: real machines have the first of a list here, too.
    ///
    /// # Errors
    /// The value is of another type, or not UTF-16.
    pub fn label(&self, name: &str) -> Result<Option<String>, ValueError> {
        self.typed(name, "text", &[REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ], first_text)
    }

    /// Strings, up to the empty one that ends the list.
    ///
    /// # Errors
    /// The value is of another type, or not UTF-16.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ValueError> {
        self.typed(name, "a list of texts", &[REG_MULTI_SZ], |bytes| {
            let units: Vec<u16> = units(bytes).collect();
            units
                .split(|unit| *unit == 0)
                .take_while(|text| !text.is_empty())
                .map(|t| String::from_utf16(t).ok())
                .collect()
        })
    }

    /// A number of 32 bits.
    ///
    /// # Errors
    /// The value is of another type or length.
    pub fn number(&self, name: &str) -> Result<Option<u32>, ValueError> {
        let read = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(u32::from_le_bytes);
        self.typed(name, "a DWORD", &[REG_DWORD], read)
    }

    /// Bytes without a meaning of their own.
    ///
    /// # Errors
    /// The value is of another type.
    pub fn bytes(&self, name: &str) -> Result<Option<&'v [u8]>, ValueError> {
        self.typed(name, "binary", &[REG_BINARY, REG_NONE], Some)
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &'static str,
        types: &[u32],
        read: impl FnOnce(&'v [u8]) -> Option<T>,
    ) -> Result<Option<T>, ValueError> {
        let Some(data) = self.data(name) else { return Ok(None) };
        let of_type = types.contains(&data.value_type);
        match of_type.then(|| read(&data.bytes)).flatten() {
            Some(value) => Ok(Some(value)),
            None if of_type => Err(ValueError { name: name.to_owned(), found: data.to_string(), expected }),
            None => Err(ValueError { name: name.to_owned(), found: type_name(data.value_type).into_owned(), expected }),
        }
    }
}

impl ValueWrite {
    pub const fn set(name: &'static str, data: RegistryData) -> Self {
        Self { name, data: Some(data) }
    }

    pub const fn remove(name: &'static str) -> Self {
        Self { name, data: None }
    }

    /// A string, or the value's removal for none.
    pub fn text(name: &'static str, text: Option<&str>) -> Self {
        Self { name, data: text.map(RegistryData::sz) }
    }

    /// A list, or the value's removal for an empty one; empty strings would end it and are left out.
    pub fn texts<S: AsRef<str>>(name: &'static str, texts: &[S]) -> Self {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).filter(|text| !text.is_empty()).collect();
        Self { name, data: (!texts.is_empty()).then(|| RegistryData::multi(&texts)) }
    }

    pub fn number(name: &'static str, number: u32) -> Self {
        Self::set(name, RegistryData::dword(number))
    }
}

fn first_text(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = units(bytes).take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).ok()
}

/// Little-endian UTF-16 units; an odd byte at the end is left out.
fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::registry_data::REG_QWORD;

    #[test]
    fn values_are_found_by_name_and_type() {
        let values = [
            ("Start", RegistryData::dword(2)),
            ("START", RegistryData::dword(3)),
            ("Path", RegistryData::expand(r"%SystemRoot%\x")),
            ("Needs", RegistryData::multi(&["a", "b"])),
            ("Blob", RegistryData::binary([1, 2])),
        ];
        let values = NamedValues::of(&values);
        assert_eq!(values.number("start"), Ok(Some(2)));
        assert_eq!(values.text("PATH"), Ok(Some(r"%SystemRoot%\x".into())));
        assert_eq!(values.texts("needs"), Ok(Some(vec!["a".into(), "b".into()])));
        assert_eq!(values.bytes("blob"), Ok(Some(&[1, 2][..])));
        assert_eq!((values.number("x"), values.text("x"), values.texts("x")), (Ok(None), Ok(None), Ok(None)));
        let error = values.number("Path").unwrap_err();
        assert_eq!(error.to_string(), "the value Path is REG_EXPAND_SZ, not a DWORD");
        assert_eq!(values.text("Needs").unwrap_err().expected, "text");
        assert_eq!((values.label("Needs"), values.label("Path")), (Ok(Some("a".into())), values.text("Path")));
        assert_eq!(values.texts("Path").unwrap_err().expected, "a list of texts");
        assert_eq!(values.bytes("Start").unwrap_err().expected, "binary");
    }

    #[test]
    fn text_is_read_as_far_as_it_goes() {
        let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        for (text, bytes) in [
            ("a", wide("a\0")),
            ("a", wide("a")),
            ("a", wide("a\0rest")),
            ("", wide("")),
            ("a", [wide("a\0"), vec![7]].concat()),
        ] {
            let values = [("t", RegistryData::new(REG_SZ, bytes))];
            assert_eq!(NamedValues::of(&values).text("t"), Ok(Some(text.into())));
        }
        for (texts, bytes) in [
            (vec!["a", "b"], wide("a\0b\0\0")),
            (vec!["a", "b"], wide("a\0b")),
            (vec!["a"], wide("a\0\0b\0\0")),
            (vec![], wide("\0")),
            (vec![], wide("")),
        ] {
            let values = [("t", RegistryData::new(REG_MULTI_SZ, bytes))];
            let texts = texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(NamedValues::of(&values).texts("t"), Ok(Some(texts)));
        }
        let lone = [("t", RegistryData::new(REG_SZ, [0, 0xd8])), ("n", RegistryData::new(REG_DWORD, [1, 2, 3]))];
        let values = NamedValues::of(&lone);
        assert!(values.text("t").is_err());
        let error = values.number("n").unwrap_err();
        assert_eq!(error.to_string(), "the value n is REG_DWORD malformed 010203, not a DWORD");
        let wrong = [("n", RegistryData::new(REG_QWORD, [0; 8]))];
        assert!(NamedValues::of(&wrong).number("n").is_err());
    }

    #[test]
    fn an_empty_list_is_removed() {
        assert_eq!(ValueWrite::texts::<&str>("n", &[]), ValueWrite::remove("n"));
        assert_eq!(ValueWrite::texts("n", &["", "a"]).data, Some(RegistryData::multi(&["a"])));
        assert_eq!(ValueWrite::text("n", None), ValueWrite::remove("n"));
        assert_eq!(ValueWrite::number("n", 1).data, Some(RegistryData::dword(1)));
    }
}
