//! `kalends link` and its kin: what keeps one calendar and one remote calendar in step.

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::ConnectionState;
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::links::{self, LinkState};
use kalends_store::{Tx, held, intents, outside, skips};
use serde_json::json;

use crate::app::App;
use crate::hooks::WayIn;
use crate::linking::{self, How, Making, Side};
use crate::names::{self, NamedLink};
use crate::push;
use crate::screen::{Tone, plain};
use crate::words::{instant, maybe_instant, word};
use crate::{Ended, holder};

pub(crate) const EXAMPLES: &str = "EXAMPLES:\n  kalends links\n  kalends links --json";

/// Keep a remote calendar and one of your own in step.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends link --connection ann@dav.example.com --remote Work
  kalends link --connection ann@dav.example.com --remote Work --calendar Team --direction pull
  kalends link --connection ann@dav.example.com --remote Work --from 2026-01-01 --to 2026-12-31
  kalends link --connection ben@dav.example.com --remote Work --calendar Team --detail busy --direction push")]
pub(crate) struct Make {
    /// The connection, by name or id
    #[arg(long, value_name = "NAME")]
    connection: String,
    /// The remote calendar, by name or id
    #[arg(long, value_name = "NAME")]
    remote: String,
    /// Your own calendar, made if there is none of this name [default: the remote one's name]
    #[arg(long, value_name = "NAME")]
    calendar: Option<String>,
    /// Which way events travel [default: two-way, or pull where the remote calendar cannot be written]
    #[arg(long, value_enum)]
    direction: Option<Way>,
    /// How much of an event travels
    #[arg(long, value_enum, default_value = "full")]
    detail: Much,
    /// Who wins where both sides changed the same field
    #[arg(long, value_enum, default_value = "newest")]
    conflicts: Winner,
    /// First day that is imported, in the calendar's zone: what lies wholly before is left there until it changes
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last day that is imported
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    /// Both ways
    #[value(name = "two-way", alias = "two_way")]
    Both,
    /// From the remote calendar to yours
    Pull,
    /// From your calendar to the remote one
    Push,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Much {
    /// All of it
    Full,
    /// Only that the time is taken
    Busy,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Winner {
    /// The side that changed last
    Newest,
    /// The remote side
    Remote,
    /// Your side
    Local,
    /// Nobody, until you decide
    Ask,
}

/// Stop keeping two calendars in step.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  kalends unlink 3f9c01aa")]
pub(crate) struct Unlink {
    /// The link, by id, or by its connection where that has only one
    link: String,
}

/// Let a link rest.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  kalends pause 3f9c01aa")]
pub(crate) struct Pause {
    /// The link, by id, or by its connection where that has only one
    link: String,
}

/// Let a link work again.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  kalends resume 3f9c01aa")]
pub(crate) struct Resume {
    /// The link, by id, or by its connection where that has only one
    link: String,
}

pub(crate) async fn make(app: &App, command: Make) -> Result<Ended> {
    let bounds = linking::bounds(command.from.as_deref(), command.to.as_deref()).map_err(
        |(side, problem)| {
            let option = match side {
                Side::First => "--from",
                Side::Last => "--to",
            };
            anyhow!("{option}: {problem}")
        },
    )?;
    let mut tx = app.store.begin(app.tenant).await?;
    let connection = names::connection(&mut tx, &command.connection).await?;
    let remote = names::remote_calendar(&mut tx, &connection, &command.remote).await?;
    let wanted = command.calendar.as_deref().unwrap_or(&remote.name);
    let (calendar, made) = calendar_or_new(app, &mut tx, wanted, remote.color.as_deref()).await?;
    let direction = command.direction.map(|way| match way {
        Way::Both => Direction::TwoWay,
        Way::Pull => Direction::Pull,
        Way::Push => Direction::Push,
    });
    let detail = match command.detail {
        Much::Full => Detail::Full,
        Much::Busy => Detail::Busy,
    };
    let conflict_policy = match command.conflicts {
        Winner::Newest => ConflictPolicy::Newest,
        Winner::Remote => ConflictPolicy::Remote,
        Winner::Local => ConflictPolicy::Local,
        Winner::Ask => ConflictPolicy::Ask,
    };
    let how = How {
        direction,
        detail,
        conflict_policy,
        bounds,
    };
    let link = linking::link(&mut tx, &calendar, &connection, &remote, how, making(app)).await?;
    let (id, direction) = (link.id, link.direction);
    let detail_json =
        json!({ "calendar": calendar.name, "connection": connection.name, "remote": remote.name });
    app.audit(&mut tx, "link.create", format!("link {id}"), detail_json)
        .await?;
    tx.commit().await?;
    app.screen.json(&json!({
        "id": id,
        "calendar": calendar.name,
        "calendar_id": calendar.id,
        "calendar_made": made,
        "connection": connection.name,
        "remote_calendar": remote.name,
        "direction": direction,
        "detail": detail,
        "conflict_policy": conflict_policy,
        "from": bounds.first_day,
        "to": bounds.last_day,
    }))?;
    let arrow = arrow(direction);
    let new_mark = if made { " (new)" } else { "" };
    app.screen.line(&format!(
        "Linked {}{new_mark} {arrow} {}: {} (link {}). Now: kalends sync",
        calendar.name,
        connection.name,
        remote.name,
        names::short(id.0)
    ))?;
    Ok(Ended::Well)
}

fn making(app: &App) -> Making<'_> {
    Making {
        ids: app.ids.as_ref(),
        at: app.now(),
    }
}

/// The calendar of this name, made where there is none; and whether it was.
pub(crate) async fn calendar_or_new(
    app: &App,
    tx: &mut Tx,
    name: &str,
    color: Option<&str>,
) -> Result<(Calendar, bool)> {
    if let Some(known) = names::find_calendar(tx, name).await? {
        return Ok((known, false));
    }
    if name.trim().is_empty() {
        bail!("a calendar has a name: give --calendar");
    }
    let zone = app.settings.zone.id.clone();
    let new = linking::calendar(tx, name, color, zone, making(app)).await?;
    let detail = json!({ "name": new.name });
    app.audit(
        tx,
        "calendar.create",
        format!("calendar {}", new.id),
        detail,
    )
    .await?;
    Ok((new, true))
}

/// The calendar of this name, made where there is none; where no name is given the only one, or a first one.
pub(crate) async fn calendar_wanted(
    app: &App,
    tx: &mut Tx,
    wanted: Option<&str>,
    first: &str,
) -> Result<Calendar> {
    let all = calendars::list(tx).await?;
    match (wanted, &all[..]) {
        (Some(name), _) => Ok(calendar_or_new(app, tx, name, None).await?.0),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Ok(calendar_or_new(app, tx, first, None).await?.0),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
            bail!("into which calendar? Say --calendar: {}", names.join(", "))
        }
    }
}

fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::TwoWay => "<->",
        Direction::Pull => "<--",
        Direction::Push => "-->",
    }
}

pub(crate) async fn list(app: &App) -> Result<Ended> {
    let mut tx = app.store.read(app.tenant).await?;
    let now = app.now();
    let zone = &app.settings.zone.rules;
    let mut table = app.screen.table([
        "LINK",
        "CALENDAR",
        "",
        "REMOTE",
        "STATE",
        "LAST SUCCESS",
        "NEXT RUN",
        "OWED",
        "HELD",
        "SKIPPED",
        "PUSH",
        "PROBLEM",
    ]);
    let way_in = WayIn::new(&app.settings.server, &app.settings.vendors);
    let has_sync = features::has(&mut tx, CALENDAR_SYNC).await?;
    let mut rows = Vec::new();
    for named in names::named_links(&mut tx).await? {
        let link = &named.link;
        let owed = intents::count(&mut tx, link.id).await?;
        let held = held::list(&mut tx, link.id).await?.len();
        let skipped = skips::list(&mut tx, link.id).await?;
        let failed = intents::failed(&mut tx, link.id).await?.len();
        let problem = problem(&named);
        let push = push::of_link(&mut tx, link, Some(&named.connection), &way_in, now).await?;
        let busy = link.lease_until.is_some_and(|until| until > now);
        let (state, tone) = if has_sync {
            state(&named, busy)
        } else {
            ("paused by plan".to_owned(), Tone::Wary)
        };
        let next = match link.due_at {
            _ if !has_sync => "-".to_owned(),
            _ if busy => "now".to_owned(),
            Some(at) if at <= now => "due".to_owned(),
            Some(at) => instant(at, zone),
            None => "-".to_owned(),
        };
        let wary = |count: usize| {
            let tone = if count == 0 { Tone::Plain } else { Tone::Wary };
            (count.to_string(), tone)
        };
        table.add([
            plain(names::short(link.id.0)),
            plain(&*named.calendar),
            plain(arrow(link.direction)),
            plain(named.words()),
            (state, tone),
            plain(maybe_instant(link.last_success_at, zone)),
            plain(next),
            plain(owed.to_string()),
            wary(held),
            wary(skipped.len() + failed),
            plain(push.word()),
            (problem.clone().unwrap_or_default(), Tone::Bad),
        ]);
        let skipped: Vec<_> = skipped
            .iter()
            .map(|skip| json!({ "item": skip.remote_id, "error": skip.error, "at": skip.at }))
            .collect();
        rows.push(json!({
            "id": link.id,
            "calendar": named.calendar,
            "calendar_id": link.calendar,
            "connection": named.connection.name,
            "connection_id": link.connection,
            "remote_calendar": named.remote,
            "remote_calendar_id": link.remote_calendar,
            "direction": link.direction,
            "detail": link.detail,
            "conflict_policy": link.conflict_policy,
            "from": link.bounds.first_day,
            "to": link.bounds.last_day,
            "outside": outside::count(&mut tx, link.id).await?,
            "state": link.state,
            "paused_by_plan": !has_sync,
            "last_success_at": link.last_success_at,
            "next_run_at": link.due_at,
            "due_reason": link.due_reason,
            "working": busy.then(|| link.holder.clone()),
            "owed": owed,
            "failed_writes": failed,
            "held": held,
            "skipped": skipped,
            "failures": link.failures,
            "push": push,
            "problem": problem,
        }));
    }
    app.screen.json(&json!({ "links": rows }))?;
    app.screen
        .show(&table, "Nothing is linked yet: kalends link --help")?;
    Ok(Ended::Well)
}

fn state(named: &NamedLink, busy: bool) -> (String, Tone) {
    let link = &named.link;
    match (link.state, named.connection.state) {
        (LinkState::Paused, _) => ("paused".to_owned(), Tone::Wary),
        (LinkState::Active, ConnectionState::ReconnectNeeded) => ("stopped".to_owned(), Tone::Bad),
        (LinkState::Active, ConnectionState::Ok) if busy => {
            let by = link
                .holder
                .as_deref()
                .map(holder::for_people)
                .unwrap_or_default();
            (format!("working ({by})"), Tone::Good)
        }
        (LinkState::Active, ConnectionState::Ok) if link.failures > 0 => {
            (format!("failing ({}x)", link.failures), Tone::Bad)
        }
        (LinkState::Active, ConnectionState::Ok) if link.live => ("in step".to_owned(), Tone::Good),
        (LinkState::Active, ConnectionState::Ok) => ("new".to_owned(), Tone::Plain),
    }
}

fn problem(named: &NamedLink) -> Option<String> {
    match named.connection.state {
        ConnectionState::ReconnectNeeded => {
            Some(
                named.connection.problem.clone().unwrap_or_else(|| {
                    format!("{} must be connected again", named.connection.name)
                }),
            )
        }
        ConnectionState::Ok => named.link.last_error.clone(),
    }
}

pub(crate) async fn unlink(app: &App, command: Unlink) -> Result<Ended> {
    let mut tx = app.store.begin(app.tenant).await?;
    let named = names::link(&mut tx, &command.link).await?;
    links::delete(&mut tx, named.link.id, app.now()).await?;
    let object = format!("link {}", named.link.id);
    app.audit(
        &mut tx,
        "link.delete",
        object,
        json!({ "remote": named.words() }),
    )
    .await?;
    tx.commit().await?;
    app.screen.json(&json!({ "id": named.link.id }))?;
    app.screen.line(&format!(
        "Unlinked {} and {}. Both keep their events; linking them again finds each event again.",
        named.calendar,
        named.words()
    ))?;
    Ok(Ended::Well)
}

pub(crate) async fn pause(app: &App, command: Pause) -> Result<Ended> {
    set_state(app, &command.link, LinkState::Paused).await
}

pub(crate) async fn resume(app: &App, command: Resume) -> Result<Ended> {
    set_state(app, &command.link, LinkState::Active).await
}

async fn set_state(app: &App, typed: &str, to: LinkState) -> Result<Ended> {
    let mut tx = app.store.begin(app.tenant).await?;
    let named = names::link(&mut tx, typed).await?;
    links::set_state(&mut tx, named.link.id, to, app.now()).await?;
    let object = format!("link {}", named.link.id);
    let detail = json!({ "state": to });
    app.audit(&mut tx, "link.update", object, detail).await?;
    tx.commit().await?;
    app.screen
        .json(&json!({ "id": named.link.id, "state": to }))?;
    app.screen.line(&format!(
        "{} {} {}: {}",
        named.calendar,
        arrow(named.link.direction),
        named.words(),
        word(&to)
    ))?;
    Ok(Ended::Well)
}
