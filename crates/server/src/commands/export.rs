//! `kalends export`: events as a file, a `VCALENDAR` for each calendar, each zone defined once in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use kalends_calendar::event::{Event, Override};
use kalends_calendar::ical::{Component, PRODUCT, Tree, WriteOptions, write_object};
use kalends_calendar::time::{Start, ZoneId};
use kalends_calendar::zone::CustomZone;
use kalends_engine::Progress;
use kalends_store::Tx;
use kalends_store::calendars::{self, Calendar};
use kalends_store::events::{self, Window};
use serde_json::json;

use crate::app::App;
use crate::screen::{Bars, print};
use crate::{Ended, names};

/// How many events are read in one query.
const PAGE: i64 = 1_000;

/// Write events as one iCalendar file.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends export > all.ics
  kalends export --calendar Team -o team.ics

Each calendar is a VCALENDAR of its own in the file, with its name: `kalends import` puts its events
there again.")]
pub(crate) struct Export {
    /// Only the events of this calendar
    #[arg(long, value_name = "NAME")]
    calendar: Option<String>,
    /// The file to write [default: the standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(app: &App, command: Export) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let calendars = match &command.calendar {
        Some(name) => vec![names::calendar(&mut tx, name).await?],
        None => calendars::list(&mut tx).await?,
    };
    let bars = app.screen.bars();
    bars.begin("exporting");
    let mut text = String::new();
    let mut count = 0_usize;
    for calendar in &calendars {
        let (sheet, events) = sheet(&mut tx, calendar, &bars).await?;
        text.push_str(&sheet.text(Some(&calendar.name)));
        count += events;
    }
    if calendars.is_empty() {
        text = Sheet::default().text(None);
    }
    drop(tx);
    bars.end();
    match &command.output {
        None => print(&text)?,
        Some(file) => {
            write(file, text.as_bytes()).with_context(|| file.display().to_string())?;
            app.screen.json(&json!({ "file": file, "events": count }))?;
            app.screen
                .line(&format!("{count} events in {}", file.display()))?;
        }
    }
    Ok(Ended::Well)
}

/// All events of a calendar, and how many they are.
async fn sheet(tx: &mut Tx, calendar: &Calendar, bars: &Bars) -> Result<(Sheet, usize)> {
    let mut sheet = Sheet::default();
    let mut count = 0;
    let mut after = None;
    loop {
        let page =
            events::list_range(tx, Some(calendar.id), Window::default(), after, PAGE).await?;
        bars.expect(page.events.len());
        count += page.events.len();
        bars.done(page.events.len());
        for event in page.events {
            if let Some(body) = event.body {
                let options = WriteOptions {
                    mark: None,
                    stamp: event.updated_at,
                };
                sheet.add(body, &options);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok((sheet, count));
        }
    }
}

/// Writes a file that is there whole or not at all: what it held before stays until all of the new content is on disk.
fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    // What a link leads to is written, and not put in the link's place.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let known = fs::metadata(file).ok();
    if known.as_ref().is_some_and(|known| !known.is_file()) {
        // A device or a pipe takes what it gets.
        return File::options().write(true).open(file)?.write_all(content);
    }
    let mut draft = OsString::from(file);
    draft.push(format!(".draft-{}", std::process::id()));
    let written = File::create(&draft).and_then(|mut to| {
        if let Some(known) = known {
            to.set_permissions(known.permissions())?;
        }
        to.write_all(content)?;
        to.sync_all()?;
        fs::rename(&draft, file)
    });
    if written.is_err() {
        // Whatever became of it, the draft has had its day.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// One calendar in the making.
#[derive(Default)]
struct Sheet {
    zones: BTreeMap<String, String>,
    custom: BTreeMap<ZoneId, CustomZone>,
    events: String,
}

impl Sheet {
    fn add(&mut self, mut event: Event, options: &WriteOptions<'_>) {
        self.rename_clashing_zones(&mut event);
        let text = write_object(&event, options);
        let tree = Tree::parse(&text);
        for part in tree.components().flat_map(Component::components) {
            if part.is("VTIMEZONE") {
                let name = part.line("TZID").map(|line| line.value().to_owned());
                // Events come in the order of their start, so that the first definition reaches back the farthest.
                self.zones
                    .entry(name.unwrap_or_default())
                    .or_insert_with(|| part.to_string());
            } else {
                self.events.push_str(&part.to_string());
            }
        }
    }

    /// Two events may each define a zone of their own under one name: the second gets another name.
    fn rename_clashing_zones(&mut self, event: &mut Event) {
        for (id, zone) in std::mem::take(&mut event.time_zones) {
            let names = std::iter::once(id.clone())
                .chain((2..).map(|number| ZoneId(format!("{}-{number}", id.0))));
            for name in names {
                let known = self
                    .custom
                    .entry(name.clone())
                    .or_insert_with(|| zone.clone());
                if *known == zone {
                    if name != id {
                        rename_zone(event, &id, &name);
                    }
                    event.time_zones.insert(name, zone);
                    break;
                }
            }
        }
    }

    fn text(self, name: Option<&str>) -> String {
        let mut text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODUCT}\r\n");
        if let Some(name) = name {
            let escaped = escaped(name);
            text.extend(["NAME:", &escaped, "\r\nX-WR-CALNAME:", &escaped, "\r\n"]);
        }
        text.extend(self.zones.into_values());
        text.push_str(&self.events);
        text.push_str("END:VCALENDAR\r\n");
        text
    }
}

fn rename_zone(event: &mut Event, from: &ZoneId, to: &ZoneId) {
    let replaced = event
        .recurrence_overrides
        .values_mut()
        .filter_map(|change| match change {
            Override::Replaced(instance) => Some(instance.as_mut()),
            Override::Excluded | Override::Added { .. } => None,
        });
    for instance in std::iter::once(&mut event.master).chain(replaced) {
        if let Start::Zoned { zone, .. } = &mut instance.start
            && zone == from
        {
            zone.clone_from(to);
        }
        if instance.end_zone.as_ref() == Some(from) {
            instance.end_zone = Some(to.clone());
        }
    }
}

/// A text as iCalendar writes it (RFC 5545 §3.3.11).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
        .replace('\n', "\\n")
}
