//! `POST /api/calendar/free-busy/`: when remote calendars are taken, whatever with. Also those that show no more than that.

use std::collections::BTreeMap;

use axum::Json;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{ConnectionId, RemoteCalendarId};
use kalends_calendar::provider::BusyTimes;
use kalends_engine::Providers as _;
use kalends_store::connections::{self, Connection, ConnectionState, ProviderKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::door::{Gate, Reading};
use crate::api::error::{Answer, ApiError};
use crate::api::input::Body;
use crate::api::words;

/// How many calendars one question may name: as many as Google answers in one request.
const CALENDARS_MAX: usize = 50;

/// The longest address of a calendar that is passed on.
const CALENDAR_CHARS_MAX: usize = 1_024;

/// How long a stretch a question may be about: Microsoft tells of no more than two months.
const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(62 * 24);

/// Which calendars, and when.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BusyAsked")]
pub(crate) struct Asked {
    #[schemars(with = "words::Instant")]
    from: Timestamp,
    /// At most 62 days later.
    #[schemars(with = "words::Instant")]
    to: Timestamp,
    /// At most 50.
    calendars: Vec<Named>,
}

/// A calendar that is asked about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// Through which account.
    connection_id: String,
    /// At Google the provider's id of the calendar, also of one that is not in the account's list; at Microsoft the address
    /// of a person, a room or the account itself.
    calendar_id: String,
}

/// When they are taken.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BusyTold")]
pub(crate) struct Told {
    success: bool,
    #[schemars(with = "words::Instant")]
    from: Timestamp,
    #[schemars(with = "words::Instant")]
    to: Timestamp,
    /// One entry for each that was asked about, in the same order.
    calendars: Vec<OfCalendar>,
}

/// When one is taken, or why that is not known.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct OfCalendar {
    connection_id: String,
    calendar_id: String,
    /// Stretches in order, half-open: the end is free again. Empty where there is an error.
    busy: Vec<Stretch>,
    error: Option<Problem>,
}

/// A stretch of time that is taken.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct Stretch {
    #[schemars(with = "words::Instant")]
    from: Timestamp,
    #[schemars(with = "words::Instant")]
    to: Timestamp,
}

/// Why a calendar's times are not known.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "BusyProblem")]
pub(crate) struct Problem {
    /// `not_found`, `not_supported`, `reconnect_required`, `waiting`, `provider_error`, or the provider's own word.
    code: String,
    /// For people.
    error: String,
}

impl Problem {
    fn new(code: &str, error: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            error: error.into(),
        }
    }
}

pub(crate) async fn ask(gate: Gate<Reading>, Body(asked): Body<Asked>) -> Answer<Json<Told>> {
    check(&asked)?;
    let mut by_account: BTreeMap<&str, Vec<RemoteCalendarId>> = BTreeMap::new();
    for named in &asked.calendars {
        let calendars = by_account.entry(&named.connection_id).or_default();
        let calendar = RemoteCalendarId(named.calendar_id.clone());
        if !calendars.contains(&calendar) {
            calendars.push(calendar);
        }
    }
    let mut tx = gate.begin().await?;
    let mut accounts = Vec::with_capacity(by_account.len());
    for (id, calendars) in by_account {
        let connection = match id.parse::<ConnectionId>() {
            Ok(id) => connections::get(&mut tx, id).await?,
            Err(_) => None,
        };
        accounts.push((id, connection, calendars));
    }
    let known = accounts
        .iter()
        .filter_map(|(_, connection, _)| connection.as_ref())
        .map(|connection| connection.name.as_str());
    let detail = json!({
        "connections": known.collect::<Vec<_>>(),
        "calendars": asked.calendars.len(),
        "from": asked.from,
        "to": asked.to,
    });
    gate.audit(&mut tx, "calendar.free_busy", "tenant".to_owned(), detail)
        .await?;
    tx.commit().await?;

    let window = asked.from..asked.to;
    let answers = accounts.iter().map(|(id, connection, calendars)| {
        let (gate, window) = (&gate, window.clone());
        async move {
            let told = match connection {
                Some(connection) => of_account(gate, connection, calendars, window).await,
                None => Err(Problem::new("not_found", "There is no such connection.")),
            };
            (*id, told)
        }
    });
    let answers: BTreeMap<&str, Result<Vec<BusyTimes>, Problem>> =
        join_all(answers).await.into_iter().collect();
    let calendars = asked
        .calendars
        .iter()
        .map(|named| of_calendar(named, answers.get(named.connection_id.as_str())))
        .collect();
    Ok(Json(Told {
        success: true,
        from: asked.from,
        to: asked.to,
        calendars,
    }))
}

fn check(asked: &Asked) -> Answer<()> {
    if asked.to <= asked.from {
        return Err(ApiError::field("to", "it must lie after from"));
    }
    if asked.to.duration_since(asked.from) > WINDOW_MAX {
        let days = WINDOW_MAX.as_hours() / 24;
        return Err(ApiError::field(
            "to",
            format!("it may lie at most {days} days after from"),
        ));
    }
    if asked.calendars.is_empty() || asked.calendars.len() > CALENDARS_MAX {
        let problem = format!("name 1 to {CALENDARS_MAX} calendars");
        return Err(ApiError::field("calendars", problem));
    }
    for (at, named) in asked.calendars.iter().enumerate() {
        let length = named.calendar_id.chars().count();
        if length == 0 || length > CALENDAR_CHARS_MAX {
            let field = format!("calendars[{at}].calendar_id");
            let problem = format!("expected 1 to {CALENDAR_CHARS_MAX} characters");
            return Err(ApiError::field(&field, problem));
        }
    }
    Ok(())
}

/// What one account tells of these calendars.
async fn of_account(
    gate: &Gate<Reading>,
    connection: &Connection,
    calendars: &[RemoteCalendarId],
    window: std::ops::Range<Timestamp>,
) -> Result<Vec<BusyTimes>, Problem> {
    match connection.provider {
        ProviderKind::Google | ProviderKind::Microsoft => {}
        ProviderKind::Caldav | ProviderKind::Ics => {
            return Err(Problem::new(
                "not_supported",
                "Busy times can be asked for at Google and Microsoft; link this calendar to see its events.",
            ));
        }
    }
    if connection.state == ConnectionState::ReconnectNeeded {
        let error = connection.problem.clone();
        return Err(Problem::new(
            "reconnect_required",
            error.unwrap_or_else(|| "This account must be connected again.".to_owned()),
        ));
    }
    let now = gate.api().now();
    if let Some(until) = connection.retry_at.filter(|until| now < *until) {
        let error = format!("The provider is not asked before {until}.");
        return Err(Problem::new("waiting", error));
    }
    let refused = |failure: Failure| {
        let code = match failure.class {
            Class::ReconnectNeeded => "reconnect_required",
            _ => "provider_error",
        };
        Problem::new(code, failure.message)
    };
    let provider = gate
        .accounts()
        .open(gate.tenant(), connection)
        .await
        .map_err(refused)?;
    let told = provider.free_busy(calendars, window).await;
    if let Some(until) = provider.left_alone_until() {
        keep(gate, connection.id, until).await;
    }
    told.map_err(refused)
}

/// The provider's word binds all nodes, whoever heard it.
async fn keep(gate: &Gate<Reading>, connection: ConnectionId, until: Timestamp) {
    let kept = async {
        let mut tx = gate.begin().await?;
        connections::leave_alone(&mut tx, connection, until).await?;
        tx.commit().await
    };
    if let Err(error) = kept.await {
        tracing::warn!(%error, "what a provider asked for could not be kept");
    }
}

fn of_calendar(named: &Named, told: Option<&Result<Vec<BusyTimes>, Problem>>) -> OfCalendar {
    let times = match told {
        Some(Ok(all)) => {
            let own = all
                .iter()
                .find(|one| one.calendar.as_str() == named.calendar_id);
            match own.map(|one| &one.busy) {
                Some(Ok(busy)) => Ok(busy
                    .iter()
                    .map(|stretch| Stretch {
                        from: stretch.start,
                        to: stretch.end,
                    })
                    .collect()),
                Some(Err(word)) => Err(Problem::new(
                    if word == "notFound" {
                        "not_found"
                    } else {
                        word
                    },
                    format!("The provider does not tell of this calendar: {word}"),
                )),
                None => Err(Problem::new(
                    "provider_error",
                    "The provider's answer says nothing of this calendar.",
                )),
            }
        }
        Some(Err(problem)) => Err(problem.clone()),
        None => Err(Problem::new("not_found", "There is no such connection.")),
    };
    let (busy, error) = match times {
        Ok(busy) => (busy, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    OfCalendar {
        connection_id: named.connection_id.clone(),
        calendar_id: named.calendar_id.clone(),
        busy,
        error,
    }
}
