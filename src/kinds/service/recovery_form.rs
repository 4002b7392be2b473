//! What a document can say of the recovery of a service.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::recovery::WantedRecovery;
use crate::formats::service::{Action, ActionKind, NEVER};
use crate::model::decode::{Decode, Decoder};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::Node;
use crate::model::scalar::Duration;
use crate::model::source::Spanned;

/// The delay before a restart that says none: that of Windows' own dialogue.
const USUAL_DELAY_MILLIS: u32 = 60_000;

crate::record! {
    /// What follows when a service fails. What is not named is left as it is.
    pub struct RecoveryFields {
        /// After the first failure.
        #[example("restart")]
        first: Option<WantedAction>,
        /// After the second.
        #[example(serde_json::json!({ "action": "restart", "delay": "2m" }))]
        second: Option<WantedAction>,
        /// After the third and every later one.
        #[example("nothing")]
        subsequent: Option<WantedAction>,
        /// After how long without a failure the count begins anew; `never` for never.
        #[example("1d")]
        reset_after: Option<ResetAfter>,
        /// The command that `run_command` runs; an empty one is removed.
        #[example("C:\\Tools\\alert.cmd")]
        command: Option<Text>,
        /// The message before a reboot; an empty one is removed.
        reboot_message: Option<Text>,
        /// Whether the actions also follow when it stops by itself with an error.
        on_stop_with_error: Option<bool>,
    }
}

crate::record! {
    /// An action with its delay.
    struct RecoveryActionFields {
        /// What is done.
        action: ActionWord,
        /// How long after the failure; 1m for `restart` and `reboot`, at once for `run_command`, where nothing is said.
        #[example("2m")]
        delay: Option<Spanned<Duration>>,
    }
}

crate::choice! {
    /// What is done when a service fails.
    enum ActionWord {
        /// Nothing.
        Nothing = "nothing",
        /// The service is started again.
        Restart = "restart",
        /// The machine is restarted.
        Reboot = "reboot",
        /// The command is run.
        RunCommand = "run_command",
    }
}

impl ActionWord {
    const fn action(self) -> Action {
        let (kind, delay_millis) = match self {
            Self::Nothing => (ActionKind::None, 0),
            Self::Restart => (ActionKind::Restart, USUAL_DELAY_MILLIS),
            Self::Reboot => (ActionKind::Reboot, USUAL_DELAY_MILLIS),
            Self::RunCommand => (ActionKind::RunCommand, 0),
        };
        Action { kind, delay_millis }
    }
}

/// An action, in a word or with its delay.
#[derive(Clone, Copy, Debug)]
struct WantedAction(Action);

impl Decode for WantedAction {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if node.as_mapping().is_none() {
            return ActionWord::decode(node, cx).map(|word| Self(word.action()));
        }
        let read = RecoveryActionFields::decode(node, cx)?;
        let mut action = read.action.action();
        let Some(delay) = read.delay else { return Some(Self(action)) };
        if action.kind == ActionKind::None {
            let message = "there is nothing to delay";
            cx.push(Diagnostic::error("services.bad_delay", message).at(delay.at).hint("write `nothing` alone"));
            return None;
        }
        let Some(millis) = delay.value.seconds().checked_mul(1000).and_then(|millis| u32::try_from(millis).ok()) else {
            let message = "a delay is at most 49 days";
            cx.push(Diagnostic::error("services.bad_delay", message).at(delay.at));
            return None;
        };
        action.delay_millis = millis;
        Some(Self(action))
    }
}

impl JsonSchema for WantedAction {
    fn schema_name() -> Cow<'static, str> {
        "RecoveryAction".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What is done when a service fails.",
            "anyOf": [generator.subschema_for::<ActionWord>(), generator.subschema_for::<RecoveryActionFields>()],
        })
    }
}

/// A length of time, or never.
#[derive(Clone, Copy, Debug)]
struct ResetAfter(u32);

impl Decode for ResetAfter {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if node.as_scalar().is_some_and(|scalar| scalar.text == "never") {
            return Some(Self(NEVER));
        }
        let given = Duration::decode(node, cx)?;
        let Some(seconds) = u32::try_from(given.seconds()).ok().filter(|seconds| *seconds != NEVER) else {
            let message = "the count of failures begins anew after at most 49710 days";
            cx.push(Diagnostic::error("services.bad_reset", message).at(node.at).hint("write `never` for never"));
            return None;
        };
        Some(Self(seconds))
    }
}

impl JsonSchema for ResetAfter {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ResetAfter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "never" }, generator.subschema_for::<Duration>()] })
    }
}

/// A text that the registry can hold.
#[derive(Clone, Debug)]
struct Text(Box<str>);

impl Decode for Text {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        if text.contains('\0') {
            let message = "the text cannot hold a null character";
            cx.push(Diagnostic::error("services.bad_text", message).at(node.at));
            return None;
        }
        Some(Self(text.into()))
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl RecoveryFields {
    pub fn wanted(self) -> WantedRecovery {
        WantedRecovery {
            first: self.first.map(|action| action.0),
            second: self.second.map(|action| action.0),
            subsequent: self.subsequent.map(|action| action.0),
            reset_seconds: self.reset_after.map(|reset| reset.0),
            command: self.command.map(|text| text.0),
            reboot_message: self.reboot_message.map(|text| text.0),
            on_stop_with_error: self.on_stop_with_error,
        }
    }
}
