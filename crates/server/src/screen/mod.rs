//! What a command shows: lines and tables for people, JSON for scripts, notes and bars on the other stream.

mod bars;

use std::io::{ErrorKind, IsTerminal, Write};

use anyhow::{Context, Result};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;

pub(crate) use bars::Bars;

/// How wide a table may be where neither a terminal nor `COLUMNS` says: nothing is broken for a program that reads it.
const WIDTH_UNKNOWN: u16 = 240;

/// Where a command shows what it has to show.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// Whether a script reads.
    pub(crate) json: bool,
    /// Whether notes and bars are unwelcome.
    pub(crate) quiet: bool,
    colour: bool,
}

impl Screen {
    /// A screen for people or scripts.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let colour = is_coloured(&std::io::stdout());
        Self {
            json,
            quiet,
            colour,
        }
    }

    /// Prints a line for people; a script gets JSON instead.
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        print(&format!("{text}\n"))
    }

    /// Prints what a script reads; people have been told otherwise.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        if self.json {
            print(&format!("{}\n", serde_json::to_string_pretty(value)?))?;
        }
        Ok(())
    }

    /// Prints one JSON value on one line: a stream of them for scripts that read as it comes.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<()> {
        if self.json {
            print(&format!("{}\n", serde_json::to_string(value)?))?;
        }
        Ok(())
    }

    /// Tells something beside the result, on the stream of errors.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            warn(text);
        }
    }

    /// Bars for long work, where somebody watches.
    pub(crate) fn bars(&self) -> Bars {
        Bars::new(self.is_watched())
    }

    /// Whether somebody watches, and wants to see how it goes.
    pub(crate) fn is_watched(&self) -> bool {
        !self.json && !self.quiet && std::io::stderr().is_terminal()
    }

    /// A table with these columns.
    pub(crate) fn table<const N: usize>(&self, titles: [&str; N]) -> Rows<N> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = width() {
            table.set_width(width);
        }
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(titles.map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
        // Left edge to left edge, with two spaces between: what one copies out of a table is the cell alone.
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Rows { table }
    }

    /// Prints a table, or a sentence where it has no rows.
    pub(crate) fn show<const N: usize>(&self, rows: &Rows<N>, otherwise: &str) -> Result<()> {
        if rows.table.is_empty() {
            return self.line(otherwise);
        }
        if !self.json {
            for line in rows.table.lines() {
                print(&format!("{}\n", line.trim_end()))?;
            }
        }
        Ok(())
    }
}

/// The rows of a table.
pub(crate) struct Rows<const N: usize> {
    table: Table,
}

/// How a cell looks, beyond its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Like any other.
    Plain,
    /// Good news.
    Good,
    /// Wants somebody's eye.
    Wary,
    /// Bad news.
    Bad,
    /// Of less interest.
    Faint,
}

impl<const N: usize> Rows<N> {
    /// Adds a row; each cell has its tone.
    pub(crate) fn add(&mut self, cells: [(String, Tone); N]) {
        self.table.add_row(cells.map(|(text, tone)| {
            let cell = Cell::new(text);
            match tone {
                Tone::Plain => cell,
                Tone::Good => cell.fg(Color::Green),
                Tone::Wary => cell.fg(Color::Yellow),
                Tone::Bad => cell.fg(Color::Red),
                Tone::Faint => cell.add_attribute(Attribute::Dim),
            }
        }));
    }
}

/// A cell like any other.
pub(crate) fn plain(text: impl Into<String>) -> (String, Tone) {
    (text.into(), Tone::Plain)
}

/// How wide a table may be: none where the terminal says it.
fn width() -> Option<u16> {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    match columns {
        Some(columns) => Some(columns),
        None if std::io::stdout().is_terminal() => None,
        None => Some(WIDTH_UNKNOWN),
    }
}

/// Whether colours can be shown there, and are wanted.
pub(crate) fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}

/// Warns, also where notes are unwelcome. Where nobody listens, what is being done goes on.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes to the standard output. Whoever read it and went away (`| head`) has seen enough; a full disk is an error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.context("the standard output"),
    }
}
