//! The words of rules that are chosen from a few, and the texts that may stand in a field.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::formats::upcase;

/// The longest text of a field in UTF-16 units. Source: [MS-FASP] 2.2.37.
const MOST_UNITS: usize = 10_000;

/// A closed set of words, each with its spelling in a rule and its name in messages.
macro_rules! words {
    ($(#[$note:meta])* $type:ident { $($(#[$each:meta])* $word:ident: $token:literal, $shown:literal;)+ }) => {
        $(#[$note])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$each])* $word,)+ }

        impl $type {
            pub const ALL: &[Self] = &[$(Self::$word),+];

            /// The spelling in a rule.
            pub const fn token(self) -> &'static str {
                match self { $(Self::$word => $token,)+ }
            }

            /// Finds the word that is spelled so, in any case.
            pub fn from_token(token: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.token().eq_ignore_ascii_case(token))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$word => $shown,)+ })
            }
        }
    };
}
pub(super) use words;

words! {
    /// What a rule does with what it matches.
    Action {
        Allow: "Allow", "allow";
        Block: "Block", "block";
        /// Allows in spite of blocking rules, if the connection is authenticated.
        Bypass: "ByPass", "allow-bypass";
    }
}

words! {
    Direction {
        In: "In", "in";
        Out: "Out", "out";
    }
}

words! {
    /// A kind of network. In the registry's local store the private one is called `StandardProfile`.
    Profile {
        Domain: "Domain", "domain";
        Private: "Private", "private";
        Public: "Public", "public";
    }
}

words! {
    InterfaceType {
        Lan: "Lan", "lan";
        Wireless: "Wireless", "wireless";
        RemoteAccess: "RemoteAccess", "remote access";
    }
}

words! {
    /// Who decides on traffic through an edge device, beside the rule.
    Defer {
        App: "App", "app";
        User: "User", "user";
    }
}

/// Whether traffic may come in through an edge device, as Teredo does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeTraversal {
    #[default]
    Off,
    Allow,
    DeferToApp,
    DeferToUser,
}

impl fmt::Display for EdgeTraversal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Allow => "allow",
            Self::DeferToApp => "defer to app",
            Self::DeferToUser => "defer to user",
        })
    }
}

/// Profiles, at least one; a rule that names none holds in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Profiles(u8);

impl Profiles {
    pub const ALL: Self = Self(0b111);

    const fn bit(profile: Profile) -> u8 {
        match profile {
            Profile::Domain => 1,
            Profile::Private => 2,
            Profile::Public => 4,
        }
    }

    pub const fn contains(self, profile: Profile) -> bool {
        self.0 & Self::bit(profile) != 0
    }

    /// The profiles in the order in which Windows writes them.
    pub fn iter(self) -> impl Iterator<Item = Profile> {
        Profile::ALL.iter().copied().filter(move |profile| self.contains(*profile))
    }
}

impl FromIterator<Profile> for Profiles {
    /// Collects profiles; none are all, as in a rule.
    fn from_iter<I: IntoIterator<Item = Profile>>(profiles: I) -> Self {
        match profiles.into_iter().map(Self::bit).fold(0, |bits, bit| bits | bit) {
            0 => Self::ALL,
            bits => Self(bits),
        }
    }
}

impl fmt::Display for Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL { f.write_str("any") } else { list(f, self.iter()) }
    }
}

/// Writes things with a comma between.
pub(super) fn list(f: &mut fmt::Formatter<'_>, things: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
    for (number, thing) in things.enumerate() {
        write!(f, "{}{thing}", if number == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// A text that can be the value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldText(String);

/// Why a text cannot stand in a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldTextError {
    #[error("a text in a firewall rule cannot be empty")]
    Empty,
    #[error("a text in a firewall rule cannot hold a bar (`|`)")]
    Bar,
    #[error("a text in a firewall rule cannot hold NUL")]
    Nul,
    #[error("a text in a firewall rule has at most {MOST_UNITS} characters, this has {found}")]
    TooLong { found: usize },
}

impl FieldText {
    /// Takes a text as it is.
    ///
    /// # Errors
    /// It is empty or too long, or holds what no rule can.
    pub fn new(text: &str) -> Result<Self, FieldTextError> {
        let units = text.encode_utf16().count();
        if text.is_empty() {
            Err(FieldTextError::Empty)
        } else if text.contains('|') {
            Err(FieldTextError::Bar)
        } else if text.contains('\0') {
            Err(FieldTextError::Nul)
        } else if units > MOST_UNITS {
            Err(FieldTextError::TooLong { found: units })
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is compared without case, as Windows compares paths and names of services.
macro_rules! folded {
    ($(#[$note:meta])* $type:ident) => {
        $(#[$note])*
        #[derive(Clone, Debug)]
        pub struct $type(FieldText);

        impl $type {
            /// Takes a text as it is.
            ///
            /// # Errors
            /// No rule can hold it.
            pub fn new(text: &str) -> Result<Self, FieldTextError> {
                FieldText::new(text).map(Self)
            }

            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                upcase::eq(self.as_str(), other.as_str())
            }
        }

        impl Eq for $type {}

        impl Hash for $type {
            fn hash<H: Hasher>(&self, state: &mut H) {
                upcase::fold(self.as_str()).hash(state);
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

folded! {
    /// The path of a program, with variables as written, or `System` for the kernel (http.sys listens there).
    Program
}

folded! {
    /// The short name of a service; `*` stands for every service.
    ServiceName
}

impl Program {
    /// Whether the path depends on the environment, so that another spelling may name the same file.
    pub fn has_variable(&self) -> bool {
        self.as_str().contains('%')
    }
}

impl ServiceName {
    /// Whether every service is meant.
    pub fn is_any(&self) -> bool {
        self.as_str() == "*"
    }
}
