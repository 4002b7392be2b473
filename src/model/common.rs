//! What every entry of a document can say, whatever its kind.

use super::source::Spanned;

crate::choice! {
    /// Whether a thing should be there.
    pub enum Ensure or Present {
        /// It is there, as the entry says.
        Present = "present",
        /// It is not there.
        Absent = "absent",
    }
}

crate::record! {
    /// What else follows when an entry changes.
    #[derive(Default, PartialEq, Eq, serde::Serialize)]
    pub struct OnChange {
        /// The machine must restart for the change to take effect.
        pub reboot: bool = false,
    }
}

crate::record! {
    /// The fields that every entry has.
    #[derive(Default)]
    pub struct Common {
        /// Whether the thing should be there.
        pub ensure: Ensure = Ensure::Present,
        /// Addresses of entries, or of parts of them, that must be done before this one.
        #[example(["registry[\"HKLM\\SOFTWARE\\Vendor\"].LogLevel"])]
        pub depends_on: Vec<Spanned<String>> = Vec::new(),
        /// What else follows when this entry changes.
        pub on_change: OnChange = OnChange::default(),
        /// A remark for the reader; trueup only shows it.
        #[example("agreed with the vendor in ticket 4711")]
        pub note: Option<String>,
    }
}
