//! When a service starts: the values `Start` and `DelayedAutostart` as one.

use std::fmt;

use crate::formats::registry_values::ValueWrite;

pub(super) const START: &str = "Start";
pub(super) const DELAYED: &str = "DelayedAutostart";

/// When a service starts. Triggers may start one, too: whether it has any is told by a subkey, not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StartType {
    /// With the boot loader; drivers only.
    Boot,
    /// When the kernel starts; drivers only.
    System,
    Automatic,
    /// Automatic, a while after the others.
    Delayed,
    Manual,
    Disabled,
}

/// A number of `Start` that Windows does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service's start type {found} is none of 0 to 4")]
pub struct StartTypeError {
    pub found: u32,
}

impl StartType {
    pub const ALL: [Self; 6] = [Self::Boot, Self::System, Self::Automatic, Self::Delayed, Self::Manual, Self::Disabled];

    /// Makes one of the two values; the delay counts for automatic services only.
    ///
    /// # Errors
    /// The number is not known.
    pub const fn new(start: u32, delayed: Option<u32>) -> Result<Self, StartTypeError> {
        Ok(match (start, delayed) {
            (0, _) => Self::Boot,
            (1, _) => Self::System,
            (2, None | Some(0)) => Self::Automatic,
            (2, Some(_)) => Self::Delayed,
            (3, _) => Self::Manual,
            (4, _) => Self::Disabled,
            (found, _) => return Err(StartTypeError { found }),
        })
    }

    /// The value `Start`.
    pub const fn number(self) -> u32 {
        match self {
            Self::Boot => 0,
            Self::System => 1,
            Self::Automatic | Self::Delayed => 2,
            Self::Manual => 3,
            Self::Disabled => 4,
        }
    }

    /// The values to write; `delayed` is the present value of the delay, which is left alone where it does not count.
    pub fn writes(self, delayed: Option<u32>) -> Vec<ValueWrite> {
        let mut writes = vec![ValueWrite::number(START, self.number())];
        match self {
            Self::Delayed => writes.push(ValueWrite::number(DELAYED, 1)),
            Self::Automatic if delayed.is_some_and(|flag| flag != 0) => writes.push(ValueWrite::number(DELAYED, 0)),
            Self::Automatic | Self::Boot | Self::System | Self::Manual | Self::Disabled => {}
        }
        writes
    }
}

impl fmt::Display for StartType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boot => "boot",
            Self::System => "system",
            Self::Automatic => "automatic",
            Self::Delayed => "delayed",
            Self::Manual => "manual",
            Self::Disabled => "disabled",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        use StartType::{Automatic, Boot, Delayed, Disabled, Manual, System};
        for (start, delayed, expected) in [
            (0, None, Ok(Boot)),
            (1, None, Ok(System)),
            (2, None, Ok(Automatic)),
            (2, Some(0), Ok(Automatic)),
            (2, Some(1), Ok(Delayed)),
            (3, Some(1), Ok(Manual)),
            (4, Some(1), Ok(Disabled)),
            (5, None, Err(StartTypeError { found: 5 })),
        ] {
            assert_eq!(StartType::new(start, delayed), expected);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for wanted in StartType::ALL {
            for before in [None, Some(0), Some(1)] {
                let mut values = (None, before);
                for write in wanted.writes(before) {
                    let number = write.data.unwrap().number().and_then(|number| u32::try_from(number).ok());
                    *(if write.name == START { &mut values.0 } else { &mut values.1 }) = number;
                }
                assert_eq!(StartType::new(values.0.unwrap(), values.1), Ok(wanted), "{wanted} {before:?}");
            }
        }
        assert_eq!(StartType::Manual.writes(Some(1)).len(), 1);
        assert_eq!(StartType::Automatic.writes(None).len(), 1);
    }
}
