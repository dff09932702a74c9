//! Linking a remote calendar to one of the tenant's own. For the command line and the API.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use kalends_calendar::ids::{CalendarId, LinkId, RemoteCalendarId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::{Access, RemoteCalendar};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_calendar::seams::Ids;
use kalends_calendar::time::ZoneId;
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{Connection, ProviderKind};
use kalends_store::links::{self, NewLink};
use kalends_store::plans::{self, Quota};
use kalends_store::{StoreError, Tx};

/// The longest range of days that a first import is bound to: whoever wants more wants all.
const RANGE_YEARS_MAX: i64 = 5;

/// The longest name of a calendar.
const NAME_CHARS_MAX: usize = 200;

/// Why two calendars were not linked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// Only reading is possible there.
    #[error("{0} can be read but not written through this account: the direction can only be pull")]
    ReadOnly(String),
    /// Only when it is taken can be seen.
    #[error(
        "{0} shows this account when it is taken, and no events that could be linked; its busy times are asked for with \
         POST /api/calendar/free-busy/"
    )]
    FreeBusyOnly(String),
    /// They are linked already.
    #[error("{calendar} and {remote} are linked already")]
    Already {
        /// The tenant's calendar.
        calendar: String,
        /// The remote one.
        remote: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How two calendars are to be linked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// Which way; none: both ways, or only in where the remote calendar cannot be written.
    pub(crate) direction: Option<Direction>,
    /// How much.
    pub(crate) detail: Detail,
    /// Who wins.
    pub(crate) conflict_policy: ConflictPolicy,
    /// The days that bound the first import.
    pub(crate) bounds: ImportBounds,
}

/// Which of two days makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The first one.
    First,
    /// The last one.
    Last,
}

/// The days from one to another, both named in words such as `2026-01-31` where they are; else which of them makes no sense,
/// and why.
pub(crate) fn bounds(
    first: Option<&str>,
    last: Option<&str>,
) -> Result<ImportBounds, (Side, String)> {
    let read = |side, text: Option<&str>| match text {
        None => Ok(None),
        Some(text) => match text.parse::<Date>() {
            Ok(day) if text.len() == "2026-01-31".len() => Ok(Some(day)),
            Ok(_) | Err(_) => Err((side, "expected a date such as 2026-01-31".to_owned())),
        },
    };
    let first_day = read(Side::First, first)?;
    let last_day = read(Side::Last, last)?;
    if let (Some(first), Some(last)) = (first_day, last_day) {
        if first > last {
            return Err((Side::Last, format!("it lies before {first}")));
        }
        let latest = first
            .checked_add(Span::new().years(RANGE_YEARS_MAX))
            .unwrap_or(Date::MAX);
        if last > latest {
            let problem = format!("it lies more than {RANGE_YEARS_MAX} years after {first}");
            return Err((Side::Last, problem));
        }
    }
    Ok(ImportBounds {
        first_day,
        last_day,
    })
}

/// Where identifiers come from, and what time it is.
#[derive(Clone, Copy)]
pub(crate) struct Making<'a> {
    /// Where identifiers come from.
    pub(crate) ids: &'a dyn Ids,
    /// Now.
    pub(crate) at: Timestamp,
}

/// Links a calendar and a remote one.
pub(crate) async fn link(
    tx: &mut Tx,
    calendar: &Calendar,
    connection: &Connection,
    remote: &RemoteCalendar,
    how: How,
    making: Making<'_>,
) -> Result<NewLink, LinkError> {
    plans::require_room(tx, Quota::Links).await?;
    let new = NewLink {
        id: LinkId(making.ids.next()),
        calendar: calendar.id,
        connection: connection.id,
        remote_calendar: RemoteCalendarId(remote.id.0.clone()),
        direction: direction(connection, remote, how.direction)?,
        detail: how.detail,
        conflict_policy: how.conflict_policy,
        bounds: how.bounds,
        created_at: making.at,
    };
    match links::insert(tx, new.clone()).await {
        Ok(()) => Ok(new),
        Err(StoreError::Taken(_)) => Err(LinkError::Already {
            calendar: calendar.name.clone(),
            remote: remote.name.clone(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// The direction that was wanted, if the account can do that there; else the greatest that it can.
pub(crate) fn direction(
    connection: &Connection,
    remote: &RemoteCalendar,
    wanted: Option<Direction>,
) -> Result<Direction, LinkError> {
    if remote.access == Access::FreeBusy {
        return Err(LinkError::FreeBusyOnly(remote.name.clone()));
    }
    let read_only = remote.access == Access::ReadOnly || connection.provider == ProviderKind::Ics;
    match (wanted, read_only) {
        (Some(Direction::TwoWay | Direction::Push), true) => {
            Err(LinkError::ReadOnly(remote.name.clone()))
        }
        (Some(wanted), _) => Ok(wanted),
        (None, true) => Ok(Direction::Pull),
        (None, false) => Ok(Direction::TwoWay),
    }
}

/// The calendar of the tenant's own that a remote one is linked to where nobody says which; and whether it was made for that.
/// One of the same name is taken unless another account is linked to it: two people who both call theirs `Personal` did not
/// ask to share them.
pub(crate) async fn calendar_of(
    tx: &mut Tx,
    connection: &Connection,
    remote: &RemoteCalendar,
    time_zone: &ZoneId,
    making: Making<'_>,
) -> Result<(Calendar, bool), StoreError> {
    /// Room for what tells it from others of its name.
    const NUMBER_CHARS: usize = 8;
    let wanted: String = remote
        .name
        .chars()
        .take(NAME_CHARS_MAX - NUMBER_CHARS)
        .collect();
    let links = links::list(tx).await?;
    let mut number = 1;
    loop {
        let name = if number == 1 {
            wanted.clone()
        } else {
            format!("{wanted} {number}")
        };
        let Some(known) = calendars::by_name(tx, &name).await? else {
            let color = remote.color.as_deref();
            let made = calendar(tx, &name, color, time_zone.clone(), making).await?;
            return Ok((made, true));
        };
        let is_others = links
            .iter()
            .any(|link| link.calendar == known.id && link.connection != connection.id);
        if !is_others {
            return Ok((known, false));
        }
        number += 1;
    }
}

/// Makes a calendar of the tenant's own; [`StoreError::Taken`] if there is one of this name.
pub(crate) async fn calendar(
    tx: &mut Tx,
    name: &str,
    color: Option<&str>,
    time_zone: ZoneId,
    making: Making<'_>,
) -> Result<Calendar, StoreError> {
    plans::require_room(tx, Quota::Calendars).await?;
    let new = Calendar {
        id: CalendarId(making.ids.next()),
        name: name.to_owned(),
        color: color.map(str::to_owned),
        time_zone,
        created_at: making.at,
    };
    calendars::insert(tx, new.clone()).await?;
    Ok(new)
}
