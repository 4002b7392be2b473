//! What a document wants to follow when a service fails, and what that makes of what is there. Pure.

use crate::formats::registry_values::ValueWrite;
use crate::formats::service::{Action, ActionKind, FailureActions, NEVER, ServiceSettings};

/// The actions after the first and the second failure, and after all others.
const STEPS: usize = 3;

/// What follows a failure; what is silent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedRecovery {
    pub first: Option<Action>,
    pub second: Option<Action>,
    /// After the third failure and every later one.
    pub subsequent: Option<Action>,
    /// After how many seconds without a failure the count begins anew; [`NEVER`] for never.
    pub reset_seconds: Option<u32>,
    /// An empty one is removed.
    pub command: Option<Box<str>>,
    /// An empty one is removed.
    pub reboot_message: Option<Box<str>>,
    pub on_stop_with_error: Option<bool>,
}

/// What follows a failure, as far as a document can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    pub actions: FailureActions,
    pub command: Option<String>,
    pub reboot_message: Option<String>,
    pub on_stop_with_error: bool,
}

impl Recovery {
    pub fn of(settings: &ServiceSettings) -> Self {
        Self {
            actions: settings.failure_actions.clone().unwrap_or_else(|| FailureActions::new(0, Vec::new())),
            command: settings.failure_command.clone().filter(|text| !text.is_empty()),
            reboot_message: settings.reboot_message.clone().filter(|text| !text.is_empty()),
            on_stop_with_error: settings.acts_on_errors,
        }
    }

    /// Whether a failure has some consequence that runs the command.
    pub fn runs_command(&self) -> bool {
        self.actions.actions.iter().any(|action| action.kind == ActionKind::RunCommand)
    }

    /// The values that turn what is there into this.
    pub fn writes_over(&self, found: &Self) -> Vec<ValueWrite> {
        let mut writes = Vec::new();
        if self.actions != found.actions {
            writes.push(ServiceSettings::write_failure_actions(&self.actions));
        }
        if self.on_stop_with_error != found.on_stop_with_error {
            writes.push(ServiceSettings::write_acts_on_errors(self.on_stop_with_error));
        }
        if self.command != found.command {
            writes.push(ServiceSettings::write_failure_command(self.command.as_deref()));
        }
        if self.reboot_message != found.reboot_message {
            writes.push(ServiceSettings::write_reboot_message(self.reboot_message.as_deref()));
        }
        writes
    }

    /// In words: the actions in their turn, then what else is set.
    pub fn words(&self) -> String {
        let actions = &self.actions;
        let mut parts = vec![actions_in_words(&actions.effective())];
        if !actions.effective().is_empty() {
            parts.push(match actions.reset_seconds {
                NEVER => "reset never".to_owned(),
                seconds => format!("reset after {}", time(u64::from(seconds) * 1000)),
            });
        }
        parts.extend(self.command.as_ref().map(|command| format!("command {command:?}")));
        parts.extend(self.reboot_message.as_ref().map(|message| format!("reboot message {message:?}")));
        if self.on_stop_with_error {
            parts.push("on a stop with an error, too".to_owned());
        }
        parts.join("; ")
    }
}

impl WantedRecovery {
    /// What has to be there when this is there now: the same bytes where every failure has the same consequence already.
    pub fn applied_to(&self, found: &Recovery) -> Recovery {
        let text = |wanted: &Option<Box<str>>, found: &Option<String>| match wanted {
            Some(text) => Some(text.to_string()).filter(|text| !text.is_empty()),
            None => found.clone(),
        };
        Recovery {
            actions: self.actions_over(&found.actions),
            command: text(&self.command, &found.command),
            reboot_message: text(&self.reboot_message, &found.reboot_message),
            on_stop_with_error: self.on_stop_with_error.unwrap_or(found.on_stop_with_error),
        }
    }

    fn actions_over(&self, found: &FailureActions) -> FailureActions {
        let mut actions: Vec<Action> = (0..STEPS.max(found.actions.len())).map(|turn| found.after(turn)).collect();
        if self.subsequent.is_some() {
            actions.truncate(STEPS);
        }
        for (slot, wanted) in actions.iter_mut().zip([self.first, self.second, self.subsequent]) {
            *slot = wanted.unwrap_or(*slot);
        }
        let target = found.clone().with(self.reset_seconds.unwrap_or(found.reset_seconds), actions);
        let resets_as_asked = self.reset_seconds.is_none_or(|seconds| seconds == found.reset_seconds);
        if resets_as_asked && found.means(&target) { found.clone() } else { target }
    }

    /// In words: what is said, by field.
    pub fn words(&self) -> String {
        let turn = |name: &str, action: &Option<Action>| action.map(|action| format!("{name} {}", in_words(&action)));
        let mut parts = vec![
            turn("first", &self.first),
            turn("second", &self.second),
            turn("subsequent", &self.subsequent),
            self.reset_seconds.map(|seconds| match seconds {
                NEVER => "reset never".to_owned(),
                seconds => format!("reset after {}", time(u64::from(seconds) * 1000)),
            }),
            self.command.as_ref().map(|command| format!("command {command:?}")),
            self.reboot_message.as_ref().map(|message| format!("reboot message {message:?}")),
        ];
        parts.push(self.on_stop_with_error.map(|acts| match acts {
            true => "on a stop with an error, too".to_owned(),
            false => "not on a stop with an error".to_owned(),
        }));
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

fn actions_in_words(actions: &[Action]) -> String {
    match actions {
        [] => "nothing".to_owned(),
        [always] => format!("always {}", in_words(always)),
        several => several.iter().map(in_words).collect::<Vec<_>>().join(", then "),
    }
}

fn in_words(action: &Action) -> String {
    let what = match action.kind {
        ActionKind::None => return "nothing".to_owned(),
        ActionKind::Restart => "restart",
        ActionKind::Reboot => "reboot",
        ActionKind::RunCommand => "run the command",
        ActionKind::OwnRestart => "restart in its own process",
        ActionKind::Other(number) => return format!("action {number}"),
    };
    match action.delay_millis {
        0 => what.to_owned(),
        millis => format!("{what} after {}", time(u64::from(millis))),
    }
}

/// Milliseconds in the largest unit that leaves no rest.
fn time(millis: u64) -> String {
    if millis.is_multiple_of(1000) {
        crate::model::scalar::Duration::from_seconds(millis / 1000).to_string()
    } else {
        format!("{millis}ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Action = Action { kind: ActionKind::None, delay_millis: 0 };
    const DAY: u32 = 86_400;

    const fn restart(delay_millis: u32) -> Action {
        Action { kind: ActionKind::Restart, delay_millis }
    }

    fn found(reset: u32, actions: &[Action]) -> Recovery {
        let settings = ServiceSettings {
            failure_actions: Some(FailureActions::new(reset, actions.to_vec())),
            ..ServiceSettings::default()
        };
        Recovery::of(&settings)
    }

    #[test]
    fn what_is_wanted_over_what_is_there() {
        let silent = WantedRecovery::default;
        let nothing = Recovery::of(&ServiceSettings::default());
        let usual = found(DAY, &[restart(60_000), restart(120_000), NOTHING]);
        let four = found(DAY, &[restart(1), restart(2), restart(3), restart(4)]);
        for (wanted, there, words, values) in [
            (silent(), &nothing, "nothing", 0),
            (WantedRecovery { first: Some(NOTHING), ..silent() }, &nothing, "nothing", 0),
            (
                WantedRecovery { first: Some(restart(60_000)), ..silent() },
                &nothing,
                "restart after 1m, then nothing; reset after 0s",
                1,
            ),
            (
                WantedRecovery { first: Some(restart(60_000)), second: Some(restart(120_000)), ..silent() },
                &usual,
                "restart after 1m, then restart after 2m, then nothing; reset after 1d",
                0,
            ),
            (
                WantedRecovery { subsequent: Some(restart(500)), reset_seconds: Some(NEVER), ..silent() },
                &usual,
                "restart after 1m, then restart after 2m, then restart after 500ms; reset never",
                1,
            ),
            (
                WantedRecovery { second: Some(NOTHING), ..silent() },
                &four,
                "restart after 1ms, then nothing, then restart after 3ms, then restart after 4ms; reset after 1d",
                1,
            ),
            (
                WantedRecovery { subsequent: Some(restart(9)), ..silent() },
                &four,
                "restart after 1ms, then restart after 2ms, then restart after 9ms; reset after 1d",
                1,
            ),
            (
                WantedRecovery {
                    command: Some("a.cmd".into()),
                    reboot_message: Some("bye".into()),
                    on_stop_with_error: Some(true),
                    ..silent()
                },
                &nothing,
                "nothing; command \"a.cmd\"; reboot message \"bye\"; on a stop with an error, too",
                3,
            ),
        ] {
            let target = wanted.applied_to(there);
            assert_eq!((target.words().as_str(), target.writes_over(there).len()), (words, values), "{wanted:?}");
            assert_eq!(wanted.applied_to(&target), target, "{wanted:?}");
        }
    }

    #[test]
    fn a_reset_that_is_asked_for_is_made_true_where_it_does_not_count_yet() {
        let always = found(0, &[restart(9)]);
        let wanted = WantedRecovery { reset_seconds: Some(DAY), ..WantedRecovery::default() };
        let target = wanted.applied_to(&always);
        assert_eq!((target.writes_over(&always).len(), target.actions.reset_seconds), (1, DAY));
        assert_eq!(wanted.applied_to(&target), target);
    }

    #[test]
    fn empty_texts_remove() {
        let there = Recovery { command: Some("x".into()), ..found(0, &[]) };
        let wanted = WantedRecovery { command: Some("".into()), ..WantedRecovery::default() };
        let target = wanted.applied_to(&there);
        assert_eq!(target.command, None);
        assert!(target.writes_over(&there).iter().all(|write| write.data.is_none()));
    }
}
