//! `kalends export`: events as one `VCALENDAR`, each zone defined once.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use kalends_calendar::event::{Event, Override};
use kalends_calendar::ical::{PRODUCT, Tree, WriteOptions, write_object};
use kalends_calendar::time::{Start, ZoneId};
use kalends_calendar::zone::CustomZone;
use kalends_engine::Progress;
use kalends_store::events::{self, Window};
use serde_json::json;

use crate::app::App;
use crate::screen::print;
use crate::{Ended, names};

/// How many events are read in one query.
const PAGE: i64 = 1_000;

/// Write events as one iCalendar file.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends export > all.ics
  kalends export --calendar Team -o team.ics")]
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
    let calendar = match &command.calendar {
        Some(name) => Some(names::calendar(&mut tx, name).await?),
        None => None,
    };
    let mut sheet = Sheet::default();
    let bars = app.screen.bars();
    bars.begin("exporting");
    let mut after = None;
    let mut count = 0_usize;
    loop {
        let only = calendar.as_ref().map(|calendar| calendar.id);
        let page = events::list_range(&mut tx, only, Window::default(), after, PAGE).await?;
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
            break;
        }
    }
    drop(tx);
    bars.end();
    let text = sheet.text(calendar.as_ref().map(|calendar| calendar.name.as_str()));
    match &command.output {
        None => print(&text),
        Some(file) => {
            let mut to = std::fs::File::create(file).with_context(|| file.display().to_string())?;
            to.write_all(text.as_bytes())?;
            app.screen.json(&json!({ "file": file, "events": count }))?;
            app.screen
                .line(&format!("{count} events in {}", file.display()));
        }
    }
    Ok(Ended::Well)
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
        for part in tree.components().flat_map(|calendar| calendar.components()) {
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
            text.push_str(&format!("NAME:{escaped}\r\nX-WR-CALNAME:{escaped}\r\n"));
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
