//! What follows the failure of a service: the value `FailureActions`.
//! Shape: [MS-SCMR] 2.2.37 with an offset that nobody reads: reset period, two flags, count, offset, then type and delay of each action.

use crate::model::registry_data::RegistryData;

/// The reset period that means the count of failures never begins anew.
pub const NEVER: u32 = u32::MAX;

const HEAD_WORDS: usize = 5;
const HEAD_BYTES: usize = HEAD_WORDS * 4;
/// Where the actions begin: right behind the head.
const USUAL_OFFSET: u32 = 20;
/// [MS-SCMR] 2.2.40.
const MAX_ACTIONS: u32 = 1024;

/// The actions after the first, second … failure; the last one counts for all that follow.
///
/// Equality is of the bytes; [`FailureActions::means`] compares what follows a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureActions {
    /// After how many seconds without a failure the count begins anew; [`NEVER`] for never.
    pub reset_seconds: u32,
    pub actions: Vec<Action>,
    /// Whether a message and a command are set: the pointers of the structure, which hold 0 or 1 here.
    flags: [u32; 2],
    /// Where the actions begin, or whatever the writer had in that place.
    offset: u32,
    rest: Box<[u8]>,
}

/// One action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    pub kind: ActionKind,
    pub delay_millis: u32,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    None,
    Restart,
    Reboot,
    /// The command of the value `FailureCommand`.
    RunCommand,
    /// The service restarts itself in its own process (Windows 10 and later).
    OwnRestart,
    Other(u32),
}

/// Why bytes are no failure actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureActionsError {
    #[error("the failure actions have {found} bytes, fewer than {HEAD_BYTES}")]
    Short { found: usize },
    #[error("the failure actions announce {count}; the limit is {MAX_ACTIONS}")]
    TooMany { count: u32 },
    #[error("the failure actions announce {count}, of which {found} are there")]
    Missing { count: u32, found: usize },
}

impl FailureActions {
    pub fn new(reset_seconds: u32, actions: Vec<Action>) -> Self {
        Self { reset_seconds, actions, flags: [0; 2], offset: USUAL_OFFSET, rest: Box::default() }
    }

    /// Reads the value's bytes; words without a meaning and bytes behind the actions are kept.
    ///
    /// # Errors
    /// The bytes are too few for what they announce.
    pub fn parse(bytes: &[u8]) -> Result<Self, FailureActionsError> {
        let (head, body) =
            bytes.split_first_chunk::<HEAD_BYTES>().ok_or(FailureActionsError::Short { found: bytes.len() })?;
        let mut words = head.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let [reset_seconds, message, command, count, offset] =
            std::array::from_fn(|_| words.next().unwrap_or_default());
        if count > MAX_ACTIONS {
            return Err(FailureActionsError::TooMany { count });
        }
        let (pairs, _) = body.as_chunks::<8>();
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let missing = FailureActionsError::Missing { count, found: pairs.len() };
        let actions = pairs.get(..wanted).ok_or(missing)?.iter().map(Action::read).collect();
        let rest = body.get(wanted.saturating_mul(8)..).unwrap_or_default().into();
        Ok(Self { reset_seconds, actions, flags: [message, command], offset, rest })
    }

    /// The value's bytes: those that were parsed, when nothing was changed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A list that came from a document or a value is far below the limit.
        let count = u32::try_from(self.actions.len()).unwrap_or(u32::MAX);
        let [message, command] = self.flags;
        let head = [self.reset_seconds, message, command, count, self.offset];
        let actions = self.actions.iter().flat_map(|action| [action.kind.number(), action.delay_millis]);
        let words = head.into_iter().chain(actions);
        words.flat_map(u32::to_le_bytes).chain(self.rest.iter().copied()).collect()
    }

    pub fn data(&self) -> RegistryData {
        RegistryData::binary(self.to_bytes())
    }

    /// The same value with another reset period and other actions; words without a meaning stay.
    #[must_use]
    pub fn with(mut self, reset_seconds: u32, actions: Vec<Action>) -> Self {
        (self.reset_seconds, self.actions) = (reset_seconds, actions);
        self
    }

    /// Whether every failure has the same consequence under both.
    ///
    /// The last action repeats by itself, a delay before nothing does not count, nor does a reset period without actions.
    pub fn means(&self, other: &Self) -> bool {
        let (one, two) = (self.effective(), other.effective());
        one == two && (one.len() <= 1 || self.reset_seconds == other.reset_seconds)
    }

    /// What follows after so many failures before.
    pub fn after(&self, failures: usize) -> Action {
        self.actions.get(failures).or(self.actions.last()).copied().unwrap_or(Action::NOTHING)
    }

    /// The actions without those that repeat the last by themselves; none where nothing follows.
    pub fn effective(&self) -> Vec<Action> {
        let nothing = Action::NOTHING;
        let plain = |action: &Action| if action.kind == ActionKind::None { nothing } else { *action };
        let mut actions: Vec<Action> = self.actions.iter().map(plain).collect();
        while let [.., before, last] = actions.as_slice()
            && before == last
        {
            actions.pop();
        }
        if actions == [nothing] {
            actions.clear();
        }
        actions
    }
}

impl Action {
    pub const NOTHING: Self = Self { kind: ActionKind::None, delay_millis: 0 };

    fn read(bytes: &[u8; 8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
        let [kind, delay_millis] = std::array::from_fn(|_| words.next().unwrap_or_default());
        Self { kind: ActionKind::of(kind), delay_millis }
    }
}

impl ActionKind {
    const fn of(number: u32) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Restart,
            2 => Self::Reboot,
            3 => Self::RunCommand,
            4 => Self::OwnRestart,
            other => Self::Other(other),
        }
    }

    /// As the type of an `SC_ACTION`.
    pub const fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Restart => 1,
            Self::Reboot => 2,
            Self::RunCommand => 3,
            Self::OwnRestart => 4,
            Self::Other(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    const fn restart(delay_millis: u32) -> Action {
        Action { kind: ActionKind::Restart, delay_millis }
    }

    const NOTHING: Action = Action::NOTHING;

    #[test]
    fn bytes_and_actions() {
        let day = 86_400;
        let usual = words(&[day, 0, 0, 3, 0x14, 1, 60_000, 1, 120_000, 0, 0]);
        let read = FailureActions::parse(&usual).unwrap();
        assert_eq!(read, FailureActions::new(day, vec![restart(60_000), restart(120_000), NOTHING]));
        assert_eq!(read.to_bytes(), usual);
        let command = Action { kind: ActionKind::RunCommand, delay_millis: 5 };
        let odd = [words(&[0, 1, 1, 1, 0x700f_31f9, 3, 5]), vec![1, 2, 3]].concat();
        let read = FailureActions::parse(&odd).unwrap();
        assert_eq!((read.reset_seconds, read.actions.as_slice()), (0, &[command][..]));
        assert_eq!(read.to_bytes(), odd);
        let changed = read.with(7, vec![]).to_bytes();
        assert_eq!(changed, [words(&[7, 1, 1, 0, 0x700f_31f9]), vec![1, 2, 3]].concat());
    }

    #[test]
    fn the_last_action_repeats() {
        let actions = FailureActions::new(1, vec![restart(1), restart(2)]);
        assert_eq!([0, 1, 2, 9].map(|failures| actions.after(failures).delay_millis), [1, 2, 2, 2]);
        assert_eq!(FailureActions::new(1, vec![]).after(0), NOTHING);
    }

    #[test]
    fn what_is_no_value_says_why() {
        for (bytes, error) in [
            (vec![], FailureActionsError::Short { found: 0 }),
            (vec![0; 19], FailureActionsError::Short { found: 19 }),
            (words(&[0, 0, 0, 1, 20]), FailureActionsError::Missing { count: 1, found: 0 }),
            (words(&[0, 0, 0, 2, 20, 1, 1, 1]), FailureActionsError::Missing { count: 2, found: 1 }),
            (words(&[0, 0, 0, u32::MAX, 20]), FailureActionsError::TooMany { count: u32::MAX }),
        ] {
            assert_eq!(FailureActions::parse(&bytes), Err(error));
        }
    }

    #[test]
    fn what_follows_a_failure_is_compared() {
        let actions = |reset, actions: &[Action]| FailureActions::new(reset, actions.to_vec());
        let reboot = Action { kind: ActionKind::Reboot, delay_millis: 0 };
        for (one, other, same) in [
            (actions(1, &[restart(9)]), actions(1, &[restart(9), restart(9), restart(9)]), true),
            (actions(1, &[restart(9)]), actions(2, &[restart(9)]), true),
            (actions(1, &[restart(9), NOTHING]), actions(1, &[restart(9), NOTHING, NOTHING]), true),
            (actions(1, &[]), actions(2, &[NOTHING, Action { delay_millis: 9, ..NOTHING }]), true),
            (actions(1, &[restart(9), NOTHING]), actions(2, &[restart(9), NOTHING]), false),
            (actions(1, &[restart(9)]), actions(1, &[restart(9), NOTHING]), false),
            (actions(1, &[restart(9)]), actions(1, &[restart(8)]), false),
            (actions(1, &[restart(9)]), actions(1, &[]), false),
            (actions(1, &[reboot]), actions(1, &[restart(0)]), false),
        ] {
            assert_eq!((one.means(&other), other.means(&one)), (same, same), "{one:?} {other:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_printed_back(
            head: [u32; 3], count in 0u32..6, body in prop::collection::vec(any::<u8>(), 0..60), wild: Vec<u8>,
        ) {
            let [reset, flag, offset] = head;
            let likely = [words(&[reset, flag, 0, count, offset]), body].concat();
            for bytes in [likely, wild] {
                if let Ok(read) = FailureActions::parse(&bytes) {
                    prop_assert!(read.means(&read));
                    prop_assert_eq!(read.to_bytes(), bytes);
                }
            }
        }
    }
}
