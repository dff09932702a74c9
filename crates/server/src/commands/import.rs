//! `kalends import`: events from iCalendar files. What is here already, by UID, is changed only where the file differs.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use kalends_calendar::ical::{Component, Node, Object, Reading, Tree, decode, read_calendar};
use kalends_calendar::ids::{CalendarId, EventId, Uid};
use kalends_calendar::merge::differing;
use kalends_calendar::revision::{Actor, Cause};
use kalends_engine::Progress;
use kalends_store::events::{self, Edit, StoredEvent};
use kalends_store::{EditError, Tx};
use serde_json::json;

use super::links::calendar_wanted;
use crate::Ended;
use crate::app::{App, EDITOR};

/// How many events are written in one transaction: large enough to be quick, small enough not to keep others waiting.
const BATCH: usize = 500;

/// A calendar for those who have none yet and whose file has no name.
const FIRST_CALENDAR: &str = "Calendar";

/// Read events from iCalendar files.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends import holidays.ics
  kalends import --calendar Team team.ics more.ics
  curl -s https://example.com/feed.ics | kalends import - --calendar Feed

The same file again changes nothing. A file of several named calendars, such as `kalends export`
writes, fills the calendars of these names. What cannot be read is named with line and property; the
rest is imported.")]
pub(crate) struct Import {
    /// Files, `-` for the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Your calendar, made if there is none of this name [default: your only one, or those that the file names]
    #[arg(long, value_name = "NAME")]
    calendar: Option<String>,
}

#[derive(Debug, Default)]
struct Imported {
    created: usize,
    updated: usize,
    unchanged: usize,
    restored: usize,
    /// The names of the calendars that were imported into.
    into: Vec<String>,
    problems: Vec<(String, String)>,
}

pub(crate) async fn run(app: &App, command: Import) -> Result<Ended> {
    let mut imported = Imported::default();
    for file in &command.files {
        let name = file.display().to_string();
        let bytes = read(file).with_context(|| name.clone())?;
        let readings: Vec<Reading> = calendars_of(&decode(&bytes).text)
            .iter()
            .map(|text| read_calendar(text))
            .collect();
        if readings.iter().all(is_nothing) {
            bail!("{name} is no iCalendar file: there is no VCALENDAR in it");
        }
        let several = readings.len() > 1;
        if several && command.calendar.is_some() {
            refuse_repeated(&name, &readings)?;
        }
        for reading in readings {
            // A file of several calendars says itself what belongs where.
            let named = reading.name.as_deref();
            let wanted = command.calendar.as_deref().or(named.filter(|_| several));
            let (calendar, into) = calendar(app, wanted, named).await?;
            let objects = readable(&name, reading, &mut imported.problems);
            write(app, calendar, &name, &objects, &mut imported).await?;
            if !imported.into.contains(&into) {
                imported.into.push(into);
            }
        }
    }
    show(app, &imported)
}

fn is_nothing(reading: &Reading) -> bool {
    reading.objects.is_empty() && !reading.complete
}

/// The calendars in a text, each as a text of its own: all `VCALENDAR`s of one name together, because many programs write
/// one for each event. Lines keep their numbers.
fn calendars_of(text: &str) -> Vec<String> {
    let tree = Tree::parse(text);
    let name_of = |component: &Component<'_>| {
        ["NAME", "X-WR-CALNAME"]
            .iter()
            .find_map(|name| component.line(name))
            .map(|line| line.value().trim().to_owned())
    };
    let mut names = Vec::new();
    for calendar in tree.components().filter(|one| one.is("VCALENDAR")) {
        let name = name_of(calendar);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() < 2 {
        return vec![text.to_owned()];
    }
    let only = |wanted: &Option<String>| {
        let mut only = String::new();
        for node in &tree.nodes {
            let raw = node.to_string();
            match node {
                Node::Component(calendar) if name_of(calendar) == *wanted => only.push_str(&raw),
                Node::Component(_) | Node::Line(_) => {
                    only.extend(raw.chars().filter(|c| matches!(c, '\r' | '\n')));
                }
            }
        }
        only
    };
    names.iter().map(only).collect()
}

/// Refuses to put several calendars into one where they hold events of one UID: the later would replace the earlier.
fn refuse_repeated(file: &str, readings: &[Reading]) -> Result<()> {
    let mut seen = HashSet::new();
    let repeated = readings
        .iter()
        .flat_map(|reading| reading.objects.iter().flatten())
        .filter(|object| !seen.insert(&object.uid))
        .count();
    if repeated > 0 {
        bail!(
            "{file} holds {} calendars, which have {repeated} of their UIDs in common: import it without \
             --calendar, and each goes to the calendar of its name",
            readings.len()
        );
    }
    Ok(())
}

/// The events of a reading. What could not be read, and what was left out of an event, is told with the file's name.
fn readable(file: &str, reading: Reading, problems: &mut Vec<(String, String)>) -> Vec<Object> {
    let mut tell = |problem: String| problems.push((file.to_owned(), problem));
    if !reading.complete {
        tell("the file is cut short: a component that begins does not end".to_owned());
    }
    for problem in &reading.problems {
        if reading.complete || problem.property != "VCALENDAR" {
            tell(problem.to_string());
        }
    }
    let mut objects = Vec::with_capacity(reading.objects.len());
    for object in reading.objects {
        match object {
            Ok(object) => {
                for problem in &object.problems {
                    tell(problem.to_string());
                }
                objects.push(object);
            }
            // What is wrong with its structure has been told.
            Err(error) if reading.problems.contains(&error) => {}
            Err(error) => tell(error.to_string()),
        }
    }
    objects
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    Ok(std::fs::read(file)?)
}

/// The calendar to import into: the one that was named, the only one, or a first one.
async fn calendar(
    app: &App,
    wanted: Option<&str>,
    named_by_file: Option<&str>,
) -> Result<(CalendarId, String)> {
    let mut tx = app.store.begin(app.tenant).await?;
    let first = named_by_file.unwrap_or(FIRST_CALENDAR);
    let found = calendar_wanted(app, &mut tx, wanted, first).await?;
    tx.commit().await?;
    Ok((found.id, found.name))
}

async fn write(
    app: &App,
    calendar: CalendarId,
    file: &str,
    objects: &[Object],
    imported: &mut Imported,
) -> Result<()> {
    let bars = app.screen.bars();
    bars.begin(&format!("importing {file}"));
    bars.expect(objects.len());
    for batch in objects.chunks(BATCH) {
        let mut tx = app.store.begin(app.tenant).await?;
        let uids: Vec<Uid> = batch.iter().map(|object| object.uid.clone()).collect();
        let mut known = known(&mut tx, calendar, &uids).await?;
        let before = (imported.created, imported.updated, imported.restored);
        for object in batch {
            put(app, &mut tx, calendar, object, &mut known, imported).await?;
        }
        if before != (imported.created, imported.updated, imported.restored) {
            let (created, updated, restored) = before;
            let detail = json!({
                "created": imported.created - created,
                "updated": imported.updated - updated,
                "restored": imported.restored - restored,
            });
            app.audit(
                &mut tx,
                "calendar.import",
                format!("calendar {calendar}"),
                detail,
            )
            .await?;
        }
        tx.commit().await?;
        bars.done(batch.len());
    }
    bars.end();
    Ok(())
}

/// The events with these UIDs: of several with one UID the one that is there.
async fn known(
    tx: &mut Tx,
    calendar: CalendarId,
    uids: &[Uid],
) -> Result<HashMap<Uid, StoredEvent>> {
    let heads = events::find_by_uid(tx, calendar, uids).await?;
    let ids: Vec<EventId> = heads.iter().map(|head| head.id).collect();
    let mut stored = events::get_many(tx, &ids).await?;
    // Later ones replace earlier ones: those that are there come last.
    stored.sort_by_key(|event| !event.deleted);
    let uid_of = |id| {
        heads
            .iter()
            .find(|head| head.id == id)
            .map(|head| head.uid.clone())
    };
    Ok(stored
        .into_iter()
        .filter_map(|event| Some((uid_of(event.id)?, event)))
        .collect())
}

async fn put(
    app: &App,
    tx: &mut Tx,
    calendar: CalendarId,
    object: &Object,
    known: &mut HashMap<Uid, StoredEvent>,
    imported: &mut Imported,
) -> Result<()> {
    let edit = Edit {
        cause: Cause {
            actor: Actor::User {
                name: EDITOR.0.to_owned(),
            },
            reason: "imported".to_owned(),
        },
        at: app.now(),
        except_link: None,
    };
    match known.remove(&object.uid) {
        None => {
            let id = EventId(app.ids.next());
            events::create(tx, calendar, id, &object.event, &edit).await?;
            imported.created += 1;
        }
        Some(event) => {
            let same = event
                .body
                .as_ref()
                .is_some_and(|body| differing(body, &object.event).is_empty());
            if same && !event.deleted {
                imported.unchanged += 1;
                return Ok(());
            }
            match events::update(tx, event.id, event.revision, &object.event, &edit).await {
                Ok(_) if event.deleted => imported.restored += 1,
                Ok(_) => imported.updated += 1,
                // Nobody can have been quicker within this transaction; were it so, the next import sees it.
                Err(EditError::Stale(id)) => {
                    bail!("event {id} was changed meanwhile; import again")
                }
                Err(EditError::Store(error)) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn show(app: &App, imported: &Imported) -> Result<Ended> {
    let calendar = imported.into.join(", ");
    for (file, problem) in &imported.problems {
        crate::screen::warn(&format!("{file}: {problem}"));
    }
    let problems: Vec<_> = imported
        .problems
        .iter()
        .map(|(file, problem)| json!({ "file": file, "problem": problem }))
        .collect();
    app.screen.json(&json!({
        "calendar": calendar,
        "calendars": imported.into,
        "created": imported.created,
        "updated": imported.updated,
        "unchanged": imported.unchanged,
        "restored": imported.restored,
        "problems": problems,
    }))?;
    let restored = match imported.restored {
        0 => String::new(),
        count => format!(", {count} deleted ones are back"),
    };
    app.screen.line(&format!(
        "{calendar}: {} new, {} changed, {} as they were{restored}{}",
        imported.created,
        imported.updated,
        imported.unchanged,
        match imported.problems.len() {
            0 => String::new(),
            count => format!(", {count} could not be read (see above)"),
        }
    ))?;
    Ok(if imported.problems.is_empty() {
        Ended::Well
    } else {
        Ended::WithFailures
    })
}
