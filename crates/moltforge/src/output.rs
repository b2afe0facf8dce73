//! The one place that prints. Data goes to stdout, everything else to stderr; texts that came from a model, a tool or a
//! stranger are cleaned on the way to a terminal.

pub mod failure;
mod hints;
pub mod progress;
pub mod table;
pub mod text;

use std::io::{self, IsTerminal as _, Write};

use anstyle::Style;
use serde::Serialize;

pub use failure::{Attempt, Failure};
pub use table::Table;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people: tables and sentences.
    #[default]
    Table,
    /// For programs: one JSON document, or one per line when it streams.
    Json,
}

/// What a process tells the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; a followed run has completed.
    Done,
    /// The command failed; a followed run has failed.
    Failed,
    /// The command line or a file is wrong; nothing was done.
    Usage,
    /// The followed run was cancelled.
    Cancelled,
    /// The followed run is paused or still waits.
    Waiting,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Cancelled => 3,
            Self::Waiting => 4,
        }
    }
}

/// For emphasis.
pub const BOLD: Style = Style::new().bold();
/// For what matters less.
pub const DIM: Style = Style::new().dimmed();
/// For what went well.
pub const GOOD: Style = anstyle::AnsiColor::Green.on_default();
/// For what needs a look.
pub const WARN: Style = anstyle::AnsiColor::Yellow.on_default();
/// For what went wrong.
pub const BAD: Style = anstyle::AnsiColor::Red.on_default().bold();
/// For what stands out without meaning good or bad.
pub const ACCENT: Style = anstyle::AnsiColor::Cyan.on_default();
/// No style.
pub const PLAIN: Style = Style::new();

/// Where and how a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
}

impl Output {
    /// For this process's streams.
    pub fn new(format: Format) -> Self {
        Self { format, stdout_is_terminal: io::stdout().is_terminal(), stderr_is_terminal: io::stderr().is_terminal() }
    }

    /// Whether data is written for programs.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether progress may draw on stderr.
    pub fn shows_progress(self) -> bool {
        self.stderr_is_terminal && !self.is_json()
    }

    /// Data: a JSON document for programs, else what `people` prints.
    pub fn data<T: Serialize + ?Sized>(self, value: &T, people: impl FnOnce(Self)) {
        if self.is_json() { self.write_json(value, true) } else { people(self) }
    }

    /// One JSON document on a line of its own: an item of a stream. Only for programs.
    pub fn json_line<T: Serialize + ?Sized>(self, value: &T) {
        self.write_json(value, false);
    }

    fn write_json<T: Serialize + ?Sized>(self, value: &T, pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        let mut text = text.unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
        if self.stdout_is_terminal {
            text = text::escape_json(&text);
        }
        to_stdout(&[(PLAIN, text)]);
    }

    /// A line of data for people.
    pub fn line(self, text: &str) {
        self.pieces(&[(PLAIN, text)]);
    }

    /// A line of data for people, in styles.
    pub fn pieces(self, pieces: &[(Style, &str)]) {
        to_stdout(&clean(pieces));
    }

    /// Data as it is: cleaned only when a terminal would interpret it.
    pub fn raw(self, text: &str) {
        if self.stdout_is_terminal {
            return to_stdout(&[(PLAIN, text::plain(text).into_owned())]);
        }
        // not through anstream, which takes escape sequences out on the way to a pipe
        end_with_reader(writeln!(io::stdout().lock(), "{text}"));
    }

    /// A table of data for people.
    pub fn table(self, table: &Table) {
        to_stdout(&[(PLAIN, table.render(self.stdout_is_terminal))]);
    }

    /// A line about what happens, on stderr.
    pub fn note(self, text: &str) {
        self.notes(&[(PLAIN, text)]);
    }

    /// A line about what happens, on stderr, in styles.
    pub fn notes(self, pieces: &[(Style, &str)]) {
        to_stderr(&clean(pieces), true);
    }

    /// A part of a line on stderr: text that is still being written.
    pub fn part(self, style: Style, text: &str) {
        to_stderr(&clean(&[(style, text)]), false);
    }

    /// Says why a command failed.
    pub fn failure(self, failure: &Failure) {
        if self.is_json() {
            let text = serde_json::to_string(&failure.to_json()).unwrap_or_default();
            to_stderr(&[(PLAIN, text)], true);
        } else {
            for line in failure.lines() {
                to_stderr(&clean(&line), true);
            }
        }
    }
}

fn clean(pieces: &[(Style, &str)]) -> Vec<(Style, String)> {
    pieces.iter().map(|(style, text)| (*style, text::plain(text).into_owned())).collect()
}

fn to_stdout(pieces: &[(Style, String)]) {
    end_with_reader(write_pieces(&mut anstream::stdout().lock(), pieces, true));
}

fn end_with_reader(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        // whoever read has seen enough (`| head`)
        std::process::exit(i32::from(Exit::Done.code()));
    }
}

fn to_stderr(pieces: &[(Style, String)], end: bool) {
    // nobody is left to tell when stderr is gone
    let _ = write_pieces(&mut anstream::stderr().lock(), pieces, end);
}

fn write_pieces(out: &mut impl Write, pieces: &[(Style, String)], end: bool) -> io::Result<()> {
    for (style, text) in pieces {
        if *style == PLAIN { write!(out, "{text}")? } else { write!(out, "{style}{text}{style:#}")? }
    }
    if end {
        writeln!(out)?;
    }
    out.flush()
}
