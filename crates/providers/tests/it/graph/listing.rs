//! What changed: signals of the window, series read whole, and what is gone told from what went elsewhere.

use std::sync::Arc;

use kalends_calendar::event::{Override, RecurrenceId};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, RemoteId};
use kalends_calendar::provider::{Access, Change, Coverage, Next, Position, Provider, State};
use kalends_providers::graph::Graph;
use kalends_providers::http::{Request, Response, Transport, TransportError};
use serde_json::json;

use super::outlook::Outlook;
use super::{BASE, account, calendar, now, series, single};
use crate::script::Script;

/// A listing to its end, as the engine walks it.
fn listed(account: &Graph, from: Position) -> Result<(Vec<Change>, Cursor, Coverage), Failure> {
    let mut position = from;
    let mut changes = Vec::new();
    for _ in 0..100 {
        let page = now(account.changes(&calendar(), &position))?;
        changes.extend(page.changes);
        match page.next {
            Next::More(token) => position = Position::Page(token),
            Next::Done { cursor, coverage } => return Ok((changes, cursor.unwrap(), coverage)),
        }
    }
    panic!("the listing does not end");
}

fn fetched(account: &Graph, ids: &[&str]) -> Vec<Change> {
    let ids: Vec<RemoteId> = ids.iter().map(|id| RemoteId::from(*id)).collect();
    now(account.fetch(&calendar(), &ids)).unwrap()
}

/// `id kind` of each change, in order.
fn told(changes: &[Change]) -> Vec<String> {
    let mut told: Vec<String> = changes
        .iter()
        .map(|change| {
            let kind = match &change.state {
                State::Listed(Some(_)) => "listed",
                State::Listed(None) => "look",
                State::Present(observed) => observed.event.master.details.title.as_str(),
                State::Broken { error, .. } => error,
                State::Gone => "gone",
            };
            format!("{} {kind}", change.remote_id)
        })
        .collect();
    told.sort();
    told.dedup();
    told
}

#[test]
fn the_account_shows_its_calendars_the_own_one_first() {
    let script = Script::new();
    let next = format!("{BASE}/me/calendars?$skip=1");
    let first = json!({"value": [
        {"id": "cal-2=", "name": "Holidays", "color": "lightGreen", "hexColor": "", "canEdit": false, "isDefaultCalendar": false},
    ], "@odata.nextLink": next});
    let second = json!({"value": [
        {"id": "cal-1=", "name": "Calendar", "color": "auto", "hexColor": "#0A7BCD", "canEdit": true, "isDefaultCalendar": true,
         "owner": {"name": "Ann", "address": "Ann@Example.com"}},
    ]});
    script.on(
        &format!("GET {BASE}/me/calendars?$top=100"),
        200,
        &first.to_string(),
    );
    script.on(&format!("GET {next}"), 200, &second.to_string());
    let discovery = now(account(script).calendars()).unwrap();
    let shown: Vec<_> = discovery
        .calendars
        .iter()
        .map(|calendar| {
            (
                calendar.name.as_str(),
                calendar.color.as_deref(),
                calendar.access,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("Calendar", Some("#0a7bcd"), Access::ReadWrite),
            ("Holidays", Some("#87d28e"), Access::ReadOnly),
        ]
    );
    assert_eq!(discovery.me.len(), 1, "the owner is known already");
}

#[test]
fn a_window_is_asked_for_and_everything_after_it() {
    let script = Script::new();
    let view = format!(
        "GET {BASE}/me/calendars/cal-1%3D/calendarView/delta?startDateTime=2025-12-01T10:00:00Z&endDateTime=2027-03-01T10:00:00Z"
    );
    let link = format!("{BASE}/me/calendars/cal-1=/calendarView/delta?$skiptoken=a%2Bb");
    // An empty page is a page.
    script.on(
        &view,
        200,
        &json!({"value": [], "@odata.nextLink": link}).to_string(),
    );
    let end =
        json!({"value": [single("e1", "Lunch")], "@odata.deltaLink": format!("{link}-delta")});
    script.on(&format!("GET {link}"), 200, &end.to_string());
    let account = account(Arc::clone(&script) as _);
    let page = now(account.changes(&calendar(), &Position::Start)).unwrap();
    let Next::More(token) = page.next else {
        panic!("{page:?}")
    };
    let page = now(account.changes(&calendar(), &Position::Page(token))).unwrap();
    assert!(
        page.changes.is_empty(),
        "what is in the window comes with everything"
    );
    let Next::More(token) = page.next else {
        panic!("{page:?}")
    };

    let asked = script.asked();
    assert_eq!(
        asked[1].url.query(),
        Some("$skiptoken=a%2Bb"),
        "links are followed verbatim"
    );
    assert!(
        token.contains("cal-1%3D/events?$select=id,changeKey,"),
        "{token}"
    );
    assert!(token.contains("$top=100"), "{token}");
}

#[test]
fn the_first_listing_names_everything_within_the_window_and_beyond() {
    let outlook = Outlook::new();
    outlook.pages_of(1);
    outlook.add(single("e1", "Lunch"));
    outlook.add(series("s1", "Weekly"));
    let mut past = single("e2", "Long ago");
    past["start"]["dateTime"] = json!("1999-06-01T08:00:00.0000000");
    past["end"]["dateTime"] = json!("1999-06-01T09:00:00.0000000");
    outlook.add(past);
    outlook.add_to("cal-2=", single("e3", "Elsewhere"));
    let account = account(Arc::clone(&outlook) as _);
    let (changes, _, coverage) = listed(&account, Position::Start).unwrap();
    assert_eq!(told(&changes), ["e1 Lunch", "e2 Long ago", "s1 look"]);
    assert_eq!(coverage, Coverage::Complete);
    let series = fetched(&account, &["s1"]);
    assert_eq!(told(&series), ["s1 Weekly"]);
    assert!(
        !outlook
            .asked()
            .contains(&"GET me/events/s1/calendar".to_owned()),
        "what a listing named is there"
    );
}

#[test]
fn an_edit_is_a_signal_and_an_unchanged_event_keeps_its_version() {
    let outlook = Outlook::new();
    outlook.add(single("e1", "Lunch"));
    outlook.add(series("s1", "Weekly"));
    let account = account(Arc::clone(&outlook) as _);
    let (changes, cursor, _) = listed(&account, Position::Start).unwrap();
    let first = |changes: &[Change]| match &changes[0].state {
        State::Present(observed) => observed.version.clone(),
        State::Listed(version) => version.clone(),
        State::Broken { .. } | State::Gone => None,
    };
    let version = first(&changes);
    assert!(version.is_some());

    let (changes, cursor, coverage) = listed(&account, Position::Since(cursor)).unwrap();
    assert_eq!((changes.len(), coverage), (0, Coverage::Incremental));

    // A replay tells the same version, so that nothing is read.
    outlook.resend("e1");
    let (changes, cursor, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert_eq!(told(&changes), ["e1 listed"]);
    assert_eq!(first(&changes), version);

    outlook.edit("e1", &json!({"subject": "Late lunch"}));
    let (changes, _, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert_ne!(first(&changes), version);
    assert_eq!(told(&fetched(&account, &["e1"])), ["e1 Late lunch"]);
}

#[test]
fn a_series_is_one_event_whose_version_changes_with_each_of_its_parts() {
    let outlook = Outlook::new();
    outlook.add(series("s1", "Weekly"));
    let account = account(Arc::clone(&outlook) as _);
    let (_, cursor, _) = listed(&account, Position::Start).unwrap();
    let whole = |account: &Graph| match fetched(account, &["s1"]).remove(0).state {
        State::Present(observed) => *observed,
        other => panic!("{other:?}"),
    };
    let before = whole(&account);
    assert_eq!(before, whole(&account), "reading changes nothing");

    outlook.edit("s1.2026-06-08", &json!({"subject": "Special"}));
    let (changes, cursor, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert_eq!(told(&changes), ["s1 look"], "sixty occurrences, one series");
    let changed = whole(&account);
    assert_ne!(changed.version, before.version);
    let id = RecurrenceId("2026-06-08T10:00:00".parse().unwrap());
    let Some(Override::Replaced(special)) = changed.event.recurrence_overrides.get(&id) else {
        panic!("{:?}", changed.event.recurrence_overrides)
    };
    assert_eq!(special.details.title, "Special");

    // Graph never says that an occurrence was deleted: the series shows it.
    outlook.delete("s1.2026-06-15");
    let (changes, cursor, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert_eq!(told(&changes), ["s1 look"]);
    let shorter = whole(&account);
    assert_ne!(shorter.version, changed.version);
    let gone = RecurrenceId("2026-06-15T10:00:00".parse().unwrap());
    assert_eq!(
        shorter.event.recurrence_overrides[&gone],
        Override::Excluded
    );

    // Sent again without a change, it reads the same.
    outlook.resend("s1");
    let (changes, _, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert_eq!(told(&changes), ["s1 look"]);
    assert_eq!(whole(&account), shorter);
}

#[test]
fn what_left_the_window_is_not_gone() {
    let outlook = Outlook::new();
    outlook.add(single("e1", "Lunch"));
    outlook.add(single("e2", "Supper"));
    outlook.add(single("e3", "Breakfast"));
    let account = account(Arc::clone(&outlook) as _);
    let (_, cursor, _) = listed(&account, Position::Start).unwrap();
    outlook.leave_window("e1");
    outlook.delete("e2");
    outlook.drag("e3", "cal-2=");
    let (changes, _, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert_eq!(
        told(&changes),
        ["e1 look", "e2 look", "e3 look"],
        "nobody is called gone unseen"
    );
    assert_eq!(
        told(&fetched(&account, &["e1", "e2", "e3"])),
        ["e1 Lunch", "e2 gone", "e3 gone"]
    );
}

#[test]
fn a_deleted_series_is_noticed_though_only_its_occurrences_are_named() {
    let outlook = Outlook::new();
    outlook.add(series("s1", "Weekly"));
    outlook.add(series("s2", "Other"));
    let account = account(Arc::clone(&outlook) as _);
    let (_, cursor, _) = listed(&account, Position::Start).unwrap();
    outlook.delete("s1");
    let (changes, cursor, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert!(
        told(&changes).contains(&"s1 look".to_owned()),
        "{:?}",
        told(&changes)
    );
    assert!(!told(&changes).contains(&"s2 look".to_owned()));
    assert_eq!(told(&fetched(&account, &["s1"])), ["s1 gone"]);
    let (changes, _, _) = listed(&account, Position::Since(cursor)).unwrap();
    assert!(changes.is_empty());
}

#[test]
fn an_occurrence_that_is_looked_at_is_its_series() {
    let outlook = Outlook::new();
    outlook.add(series("s1", "Weekly"));
    let account = account(Arc::clone(&outlook) as _);
    assert_eq!(told(&fetched(&account, &["s1.2026-06-08"])), ["s1 Weekly"]);
}

#[test]
fn exceptions_that_do_not_fit_into_one_answer_are_read_to_the_end() {
    let script = Script::new();
    let mut whole = series("s1", "Weekly");
    let exception = |date: &str, title: &str| {
        let mut value = single(&format!("x-{date}"), title);
        value["type"] = json!("exception");
        value["originalStart"] = json!(format!("{date}T08:00:00Z"));
        value["seriesMasterId"] = json!("s1");
        value
    };
    let next = format!("{BASE}/me/events/s1/exceptionOccurrences?$skip=1");
    whole["exceptionOccurrences"] = json!([exception("2026-06-08", "First")]);
    whole["exceptionOccurrences@odata.nextLink"] = json!(next);
    let event = format!("GET {BASE}/me/events/s1?{EVENT_QUERY}");
    script.on(&event, 200, &whole.to_string());
    script.on(
        &format!("GET {next}"),
        200,
        &json!({"value": [exception("2026-06-15", "Second")]}).to_string(),
    );
    script.on(
        &format!("GET {BASE}/me/events/s1/calendar?$select=id"),
        200,
        r#"{"id":"cal-1="}"#,
    );
    let account = account(script);
    let State::Present(observed) = fetched(&account, &["s1"]).remove(0).state else {
        panic!()
    };
    assert_eq!(observed.event.recurrence_overrides.len(), 2);
}

/// The options of a look at one event, byte for byte.
const EVENT_QUERY: &str = "$select=id,changeKey,createdDateTime,lastModifiedDateTime,categories,transactionId,originalStart,originalStartTimeZone,originalEndTimeZone,iCalUId,reminderMinutesBeforeStart,isReminderOn,subject,importance,sensitivity,isAllDay,isCancelled,isOrganizer,responseRequested,seriesMasterId,showAs,type,onlineMeetingUrl,isOnlineMeeting,onlineMeeting,recurrence,responseStatus,body,start,end,location,locations,attendees,organizer,cancelledOccurrences,exceptionOccurrences&$expand=exceptionOccurrences,singleValueExtendedProperties($filter=id%20eq%20%27String%20%7B5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7%7D%20Name%20kalends-name%27%20or%20id%20eq%20%27String%20%7B5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7%7D%20Name%20kalends-mark%27%20or%20id%20eq%20%27String%20%7B5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7%7D%20Name%20kalends-note%27)";

#[test]
fn a_dead_token_is_routine() {
    let outlook = Outlook::new();
    outlook.add(single("e1", "Lunch"));
    let account = account(Arc::clone(&outlook) as _);
    let (_, cursor, _) = listed(&account, Position::Start).unwrap();
    outlook.forget_tokens();
    let failure = listed(&account, Position::Since(cursor)).unwrap_err();
    assert_eq!(failure.class, Class::CursorDead);
    let (changes, _, coverage) = listed(&account, Position::Start).unwrap();
    assert_eq!(
        (told(&changes), coverage),
        (vec!["e1 Lunch".to_owned()], Coverage::Complete)
    );
    let foreign = Position::Since(Cursor("sync:1".to_owned()));
    assert_eq!(
        listed(&account, foreign).unwrap_err().class,
        Class::CursorDead
    );
}

#[test]
fn every_word_for_a_dead_token_is_understood() {
    let outlook = Outlook::new();
    let first = account(Arc::clone(&outlook) as _);
    let (_, Cursor(cursor), _) = listed(&first, Position::Start).unwrap();
    let line = format!("GET {BASE}/me/calendars/cal-1=/calendarView/delta?$deltatoken=0");
    let table = [
        (410, "SyncStateNotFound", Class::CursorDead),
        (410, "resyncRequired", Class::CursorDead),
        (410, "", Class::CursorDead),
        (400, "ErrorInvalidUrlQuery", Class::CursorDead),
        (400, "BadRequest", Class::CursorDead),
        (404, "SyncStateInvalid", Class::CursorDead),
        (404, "ErrorItemNotFound", Class::Gone),
        (
            500,
            "ErrorInternalServerTransientError",
            Class::Passing { retry_at: None },
        ),
        (403, "ErrorAccessDenied", Class::Forbidden),
    ];
    for (status, code, class) in table {
        let body = json!({"error": {"code": code, "message": "words"}}).to_string();
        let script = Script::new().on(&line, status, &body);
        let failure =
            listed(&account(script), Position::Since(Cursor(cursor.clone()))).unwrap_err();
        assert_eq!(failure.class, class, "{status} {code}");
    }
}

#[test]
fn a_window_that_is_too_old_is_laid_anew() {
    let outlook = Outlook::new();
    let account = account(Arc::clone(&outlook) as _);
    let (_, Cursor(cursor), _) = listed(&account, Position::Start).unwrap();
    let old = cursor.replace("2026-03-01T10:00:00Z", "2026-02-21T10:00:00Z");
    assert_ne!(old, cursor);
    outlook.asked();
    let failure = listed(&account, Position::Since(Cursor(old))).unwrap_err();
    assert_eq!(failure.class, Class::CursorDead);
    assert!(
        outlook.asked().is_empty(),
        "nobody needs to be asked for that"
    );
}

#[test]
fn a_link_to_another_host_gets_no_token() {
    let script = Script::new();
    let view = "GET https://graph.microsoft.com/v1.0/me/calendars/cal-1%3D/calendarView/delta?startDateTime=2025-12-01T10:00:00Z&endDateTime=2027-03-01T10:00:00Z";
    let away = json!({"value": [], "@odata.nextLink": "https://graph.example.com/v1.0/me/calendars/cal-1=/calendarView/delta?$skiptoken=1"});
    script.on(view, 200, &away.to_string());
    let failure = listed(&account(script), Position::Start).unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
}

#[test]
fn an_event_that_cannot_be_read_stops_no_other() {
    let outlook = Outlook::new();
    let mut odd = single("e1", "Odd");
    odd["start"] = json!(null);
    outlook.add(odd);
    outlook.add(single("e2", "Lunch"));
    let account = account(Arc::clone(&outlook) as _);
    let (changes, _, _) = listed(&account, Position::Start).unwrap();
    assert_eq!(
        told(&changes),
        ["e1 “Odd” cannot be read: it has no start", "e2 Lunch"]
    );
}

/// How many requests are under way, and how many were at most.
#[derive(Default)]
struct Crowd(std::sync::Mutex<(usize, usize)>);

#[async_trait::async_trait]
impl Transport for Crowd {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        {
            let mut crowd = self.0.lock().unwrap();
            crowd.0 += 1;
            crowd.1 = crowd.1.max(crowd.0);
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.0.lock().unwrap().0 -= 1;
        Ok(Response {
            status: http::StatusCode::NOT_FOUND,
            headers: http::HeaderMap::new(),
            body: "{}".into(),
        })
    }
}

#[test]
fn a_run_asks_at_once_half_of_what_exchange_allows_because_two_may_run() {
    let crowd = Arc::new(Crowd::default());
    let account = account(Arc::clone(&crowd) as _);
    let ids: Vec<RemoteId> = (0..account.capabilities().fetch_batch)
        .map(|n| RemoteId(format!("e{n}")))
        .collect();
    let found = now(account.fetch(&calendar(), &ids)).unwrap();
    assert_eq!(found.len(), 20);
    assert_eq!(*crowd.0.lock().unwrap(), (0, 2));
}
