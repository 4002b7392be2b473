//! Standard output for data, standard error for everything else, and what the user's terminal can show.

use std::io::{IsTerminal as _, Write as _};

use super::Outcome;
use super::arguments::{ColourChoice, Format};
use crate::document::Colour;
use crate::error::{Exit, Failure};
use crate::report::{Palette, Width};

/// What the process talks to.
#[derive(Debug)]
pub struct Terminal {
    data_colour: bool,
    note_colour: bool,
    data_is_terminal: bool,
    interactive: bool,
}

impl Terminal {
    pub fn new(choice: ColourChoice) -> Self {
        let data_is_terminal = std::io::stdout().is_terminal();
        let note_is_terminal = std::io::stderr().is_terminal();
        Self {
            data_colour: colour(choice, data_is_terminal),
            note_colour: colour(choice, note_is_terminal),
            data_is_terminal,
            interactive: std::io::stdin().is_terminal() && note_is_terminal && !is_set("CI"),
        }
    }

    /// The colours for data.
    pub fn palette(&self) -> Palette {
        if self.data_colour { Palette::coloured() } else { Palette::plain() }
    }

    /// The width of data: that of the terminal, unlimited in a file or a pipe.
    pub fn width(&self) -> Width {
        if !self.data_is_terminal {
            return Width::Unlimited;
        }
        terminal_size::terminal_size().map_or(Width::Unlimited, |(width, _)| Width::Columns(usize::from(width.0)))
    }

    /// Whether diagnostics are coloured.
    pub fn diagnostic_colour(&self) -> Colour {
        if self.note_colour { Colour::Styled } else { Colour::Plain }
    }

    /// Whether somebody is there to answer a question; never in a pipeline.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Whether standard error is a terminal that a bar can be drawn on.
    pub fn can_draw(&self) -> bool {
        std::io::stderr().is_terminal() && !is_set("CI") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// Standard output cannot be written; a reader that has left early is none.
    pub fn data(&self, text: &str) -> Outcome {
        self.data_bytes(text.as_bytes())
    }

    /// As [`Terminal::data`], for bytes.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn data_bytes(&self, bytes: &[u8]) -> Outcome {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => Ok(Exit::Done),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            Err(error) => Err(Failure::failed("cannot write to standard output").because(error)),
        }
    }

    /// Writes a sentence about what was done: data among text, a note beside data of another form.
    ///
    /// # Errors
    /// As [`Terminal::data`].
    pub fn remark(&self, text: &str, format: Format) -> Outcome {
        match format {
            Format::Text => self.data(text),
            Format::Json => {
                self.note(text);
                Ok(Exit::Done)
            }
        }
    }

    /// Writes a note to standard error; when that is closed there is nobody to tell.
    pub fn note(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Asks a question that only `yes` answers; an end of input is a no.
    pub fn confirm(&self, question: &str) -> bool {
        self.note(question);
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && answer.trim() == "yes"
    }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

fn colour(choice: ColourChoice, is_terminal: bool) -> bool {
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        ColourChoice::Auto if is_set("FORCE_COLOR") => true,
        ColourChoice::Auto => is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}
