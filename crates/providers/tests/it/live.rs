//! Against Radicale and Xandikos: what the scripts claim, real servers confirm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::{HeaderMap, Method};
use kalends_calendar::event::{Details, Event, Instance, Override, RecurrenceId, Shape};
use kalends_calendar::failure::Class;
use kalends_calendar::ids::{Cursor, EventId, RemoteCalendarId, RemoteId, Uid, Version};
use kalends_calendar::provider::{
    Access, Change, Coverage, Mark, Next, Observed, Position, Provider, Raw, Receipt, State, Write,
};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_providers::caldav::{Account, CalDav};
use kalends_providers::http::guard::Guard;
use kalends_providers::http::{HttpSettings, HttpTransport, Limits, Metered, Request, Transport};

use crate::script::Still;
use crate::servers::{Kind, Server};

const BOTH: [Kind; 2] = [Kind::Radicale, Kind::Xandikos];

/// A server, an account on it, and what goes over the wire between them.
struct Bench {
    kind: Kind,
    wire: Arc<Metered>,
    account: CalDav,
    calendar: RemoteCalendarId,
    _server: Server,
}

fn transport() -> Arc<HttpTransport> {
    let settings = HttpSettings {
        guard: Guard::open_to_private(),
        user_agent: "Kalends-Test".to_owned(),
        extra_roots_pem: None,
    };
    Arc::new(HttpTransport::new(&settings).unwrap())
}

fn account_on(server: &Server, wire: &Arc<Metered>, password: &str) -> CalDav {
    CalDav::new(
        Arc::clone(wire) as Arc<dyn Transport>,
        Arc::new(Still),
        Account {
            base: server.base.parse().unwrap(),
            user: server.user.to_owned(),
            password: password.into(),
        },
    )
}

async fn bench(kind: Kind) -> Option<Bench> {
    let server = Server::start(kind)?;
    let wire = Arc::new(Metered::new(transport()));
    let account = account_on(&server, &wire, server.password);
    let calendars = account.calendars().await.unwrap().calendars;
    assert_eq!(calendars.len(), 1, "{kind:?}: {calendars:?}");
    assert_eq!(calendars[0].access, Access::ReadWrite);
    if kind == Kind::Radicale {
        assert_eq!(calendars[0].name, "Work");
        assert_eq!(calendars[0].color.as_deref(), Some("#0082c9"));
    }
    Some(Bench {
        kind,
        wire,
        account,
        calendar: calendars[0].id.clone(),
        _server: server,
    })
}

impl Bench {
    async fn list(&self, from: Position) -> (Vec<Change>, Cursor, Coverage) {
        let page = self.account.changes(&self.calendar, &from).await.unwrap();
        match page.next {
            Next::Done {
                cursor: Some(cursor),
                coverage,
            } => (page.changes, cursor, coverage),
            other => panic!("{:?}: {other:?}", self.kind),
        }
    }

    async fn write(&self, write: Write) -> (RemoteId, Observed) {
        match self.account.write(&self.calendar, &write).await.unwrap() {
            Receipt::Written {
                remote_id,
                observed,
            }
            | Receipt::ReadBack {
                remote_id,
                observed,
                ..
            } => (remote_id, *observed),
            Receipt::Deleted => panic!("{:?}: nothing was to be deleted", self.kind),
        }
    }

    async fn refusal(&self, write: Write) -> Class {
        self.account
            .write(&self.calendar, &write)
            .await
            .unwrap_err()
            .class
    }

    async fn fetch(&self, ids: &[RemoteId]) -> BTreeMap<RemoteId, State> {
        let changes = self.account.fetch(&self.calendar, ids).await.unwrap();
        assert_eq!(changes.len(), ids.len());
        changes
            .into_iter()
            .map(|change| (change.remote_id, change.state))
            .collect()
    }

    /// Puts a file there as another program would.
    async fn put(&self, path: &str, text: &str) {
        let url: url::Url = self.calendar.as_str().parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "text/calendar".parse().unwrap());
        headers.insert("authorization", "Basic YW5uOnNlY3JldA==".parse().unwrap());
        let request = Request {
            method: Method::PUT,
            url: url.join(path).unwrap(),
            headers,
            body: text.to_owned().into(),
            limits: Limits {
                body_bytes_max: 1 << 20,
                time_max: std::time::Duration::from_secs(30),
            },
        };
        let answer = self.wire.send(request).await.unwrap();
        assert!(
            answer.status.is_success(),
            "{:?}: {path}: {}",
            self.kind,
            answer.status
        );
    }
}

fn event(uid: &str, title: &str) -> Event {
    Event {
        uid: Uid::from(uid),
        shape: Shape::Series,
        master: Instance {
            start: Start::Zoned {
                local: "2026-03-02T10:00:00".parse().unwrap(),
                zone: ZoneId("Europe/Berlin".to_owned()),
            },
            duration: Length::minutes(45),
            end_zone: None,
            details: Details {
                title: title.to_owned(),
                description: "Zeile 1\nline 2; with, signs \\ and 🗓 ".to_owned()
                    + &"long ".repeat(40),
                ..Details::default()
            },
        },
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::from([(
            RecurrenceId("2026-03-09T10:00:00".parse().unwrap()),
            Override::Added { duration: None },
        )]),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

fn create(name: &str, uid: &str, title: &str) -> Write {
    Write::Create {
        name: name.to_owned(),
        event: Box::new(event(uid, title)),
        mark: Mark {
            event: EventId("0198c0de-0000-7000-8000-000000000001".parse().unwrap()),
            uid: Uid::from("home@example.com"),
        },
    }
}

fn retitle(id: &RemoteId, observed: &Observed, title: &str) -> Write {
    let mut wanted = observed.event.clone();
    title.clone_into(&mut wanted.master.details.title);
    Write::Update {
        remote_id: id.clone(),
        version: observed.version.clone(),
        raw: observed.raw.clone(),
        event: Box::new(wanted),
        mark: None,
    }
}

fn delete(id: &RemoteId, version: Option<&Version>, raw: &Raw) -> Write {
    Write::Delete {
        remote_id: id.clone(),
        version: version.cloned(),
        raw: raw.clone(),
    }
}

fn states(changes: &[Change]) -> BTreeMap<&RemoteId, &State> {
    changes
        .iter()
        .map(|change| (&change.remote_id, &change.state))
        .collect()
}

#[tokio::test]
async fn an_event_lives_and_dies_and_each_step_is_seen_once() {
    for kind in BOTH {
        let Some(bench) = bench(kind).await else {
            continue;
        };
        let (changes, start, coverage) = bench.list(Position::Start).await;
        assert_eq!(
            (changes.len(), coverage),
            (0, Coverage::Complete),
            "{kind:?}"
        );

        let (id, made) = bench
            .write(create("k-1", "k-1@example.com", "Mittagessen 🍜"))
            .await;
        assert_eq!(id, bench.account.place(&bench.calendar, "k-1"), "{kind:?}");
        assert!(made.version.is_some() && made.mark.is_some(), "{kind:?}");
        let (changes, second, coverage) = bench.list(Position::Since(start.clone())).await;
        assert_eq!(coverage, Coverage::Incremental);
        assert_eq!(
            states(&changes),
            BTreeMap::from([(&id, &State::Listed(made.version.clone()))]),
            "{kind:?}"
        );

        let fetched = bench.fetch(&[id.clone(), RemoteId(format!("{id}x"))]).await;
        let State::Present(seen) = &fetched[&id] else {
            panic!("{kind:?}: {fetched:?}")
        };
        assert_eq!(seen.version, made.version, "{kind:?}");
        assert_eq!(seen.event.master, made.event.master, "{kind:?}");
        assert_eq!(
            seen.event.recurrence_overrides, made.event.recurrence_overrides,
            "{kind:?}"
        );
        assert_eq!(seen.mark, made.mark, "{kind:?}");
        assert_eq!(bench.account.read(&seen.raw).unwrap(), seen.event);
        assert_eq!(
            fetched[&RemoteId(format!("{id}x"))],
            State::Gone,
            "{kind:?}"
        );

        let (_, updated) = bench.write(retitle(&id, seen, "Late lunch")).await;
        assert_eq!(updated.event.master.details.title, "Late lunch");
        assert_ne!(updated.version, made.version, "{kind:?}");

        // Nothing is written over what changed in the meantime, nor twice, nor beside its own copy.
        assert_eq!(
            bench.refusal(retitle(&id, seen, "Too late")).await,
            Class::Changed,
            "{kind:?}"
        );
        assert_eq!(
            bench
                .refusal(delete(&id, made.version.as_ref(), &made.raw))
                .await,
            Class::Changed,
            "{kind:?}"
        );
        assert_eq!(
            bench
                .refusal(create("k-1", "k-1@example.com", "Again"))
                .await,
            Class::Exists,
            "{kind:?}"
        );
        let twin = bench
            .refusal(create("k-2", "k-1@example.com", "Twin"))
            .await;
        assert!(matches!(twin, Class::UidTaken { .. }), "{kind:?}: {twin:?}");

        let (changes, third, _) = bench.list(Position::Since(second.clone())).await;
        assert_eq!(
            states(&changes),
            BTreeMap::from([(&id, &State::Listed(updated.version.clone()))]),
            "{kind:?}"
        );

        let gone = delete(&id, updated.version.as_ref(), &updated.raw);
        assert_eq!(
            bench.account.write(&bench.calendar, &gone).await.unwrap(),
            Receipt::Deleted
        );
        assert_eq!(
            bench.account.write(&bench.calendar, &gone).await.unwrap(),
            Receipt::Deleted,
            "{kind:?}"
        );
        assert_eq!(
            bench.refusal(retitle(&id, &updated, "Ghost")).await,
            Class::Changed,
            "{kind:?}"
        );
        let (changes, last, _) = bench.list(Position::Since(third)).await;
        assert_eq!(
            states(&changes),
            BTreeMap::from([(&id, &State::Gone)]),
            "{kind:?}"
        );

        let before = bench.wire.traffic().requests;
        let (changes, _, _) = bench.list(Position::Since(last)).await;
        assert_eq!(
            (changes.len(), bench.wire.traffic().requests - before),
            (0, 1),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn dead_tokens_are_routine() {
    for kind in BOTH {
        let Some(bench) = bench(kind).await else {
            continue;
        };
        for token in [
            "sync:http://radicale.org/ns/sync/0123456789abcdef",
            "sync:nonsense",
            "sync:a&b<c",
        ] {
            let from = Position::Since(Cursor::from(token));
            let failure = bench
                .account
                .changes(&bench.calendar, &from)
                .await
                .unwrap_err();
            assert_eq!(
                failure.class,
                Class::CursorDead,
                "{kind:?} {token}: {failure}"
            );
        }
    }
}

#[tokio::test]
async fn odd_names_are_one_name_in_every_answer() {
    for kind in BOTH {
        let Some(bench) = bench(kind).await else {
            continue;
        };
        let mut paths = vec![
            "Bj%C3%B6rk%20%26%20S%C3%B6hne.ics",
            "a@example.com.ics",
            "b+c(d).ics",
        ];
        if kind == Kind::Xandikos {
            // Radicale takes no file names with these.
            paths.extend(["f%3Bg%2Ch%3Di.ics", "'j'!.ics", "100%25.ics"]);
        }
        for (number, path) in paths.iter().enumerate() {
            bench.put(path, &foreign(&format!("odd-{number}"))).await;
        }
        let (changes, cursor, _) = bench.list(Position::Start).await;
        let ids: Vec<RemoteId> = changes
            .iter()
            .map(|change| change.remote_id.clone())
            .collect();
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            paths.len(),
            "{kind:?}: {ids:?}"
        );
        let fetched = bench.fetch(&ids).await;
        let mut raws = BTreeMap::new();
        for id in &ids {
            let State::Present(seen) = &fetched[id] else {
                panic!("{kind:?} {id}: {:?}", fetched[id])
            };
            let (same, updated) = bench.write(retitle(id, seen, "Retitled")).await;
            assert_eq!(same, *id);
            assert!(
                updated.raw.0.contains("X-OWN;A=b:kept"),
                "{kind:?}: {}",
                updated.raw.0
            );
            raws.insert(id, updated.raw);
        }
        let (changes, _, _) = bench.list(Position::Since(cursor)).await;
        let again: BTreeSet<&RemoteId> = changes.iter().map(|change| &change.remote_id).collect();
        assert_eq!(again, ids.iter().collect(), "{kind:?}");
        for id in &ids {
            let receipt = bench
                .account
                .write(&bench.calendar, &delete(id, None, &raws[id]))
                .await;
            assert_eq!(receipt, Ok(Receipt::Deleted), "{kind:?} {id}");
        }
        // Radicale names the dead in a first listing too.
        let (left, _, _) = bench.list(Position::Start).await;
        assert!(
            left.iter().all(|change| change.state == State::Gone),
            "{kind:?}: {left:?}"
        );
    }
}

#[tokio::test]
async fn tasks_among_the_events_do_no_harm() {
    for kind in BOTH {
        let Some(bench) = bench(kind).await else {
            continue;
        };
        bench.put("event.ics", &foreign("event")).await;
        bench.put("task.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other//EN\r\nBEGIN:VTODO\r\nUID:task\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Do it\r\nEND:VTODO\r\nEND:VCALENDAR\r\n").await;
        let (changes, _, _) = bench.list(Position::Start).await;
        let ids: Vec<RemoteId> = changes.into_iter().map(|change| change.remote_id).collect();
        let fetched = bench.fetch(&ids).await;
        let present = fetched
            .values()
            .filter(|state| matches!(state, State::Present(_)))
            .count();
        assert_eq!(present, 1, "{kind:?}: {fetched:?}");
    }
}

#[tokio::test]
async fn an_organizers_event_is_written_only_where_nobody_is_mailed() {
    for kind in BOTH {
        let Some(bench) = bench(kind).await else {
            continue;
        };
        let people =
            "ORGANIZER:mailto:ann@example.com\r\nATTENDEE;X-P=1:mailto:bob@example.com\r\n";
        let text = foreign("party").replace("X-OWN", &format!("{people}X-OWN"));
        bench.put("party.ics", &text).await;
        let (changes, _, _) = bench.list(Position::Start).await;
        let id = changes[0].remote_id.clone();
        let fetched = bench.fetch(std::slice::from_ref(&id)).await;
        let State::Present(seen) = &fetched[&id] else {
            panic!("{kind:?}: {fetched:?}")
        };
        match kind {
            Kind::Radicale => {
                let (_, changed) = bench.write(retitle(&id, seen, "Party")).await;
                let line = "ATTENDEE;X-P=1:mailto:bob@example.com";
                assert!(changed.raw.0.contains(line), "{}", changed.raw.0);
                let gone = delete(&id, changed.version.as_ref(), &changed.raw);
                let receipt = bench.account.write(&bench.calendar, &gone).await;
                assert_eq!(receipt, Ok(Receipt::Deleted));
            }
            // It says that it schedules.
            Kind::Xandikos => {
                let change = retitle(&id, seen, "Party");
                assert_eq!(bench.refusal(change).await, Class::Item);
                let gone = delete(&id, seen.version.as_ref(), &seen.raw);
                assert_eq!(bench.refusal(gone).await, Class::Item);
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let wire = Arc::new(Metered::new(transport()));
    let failure = account_on(&server, &wire, "wrong")
        .calendars()
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::ReconnectNeeded, "{failure}");
}

#[tokio::test]
async fn a_calendar_that_never_was_is_gone() {
    for kind in BOTH {
        let Some(bench) = bench(kind).await else {
            continue;
        };
        let calendar = RemoteCalendarId(
            bench
                .calendar
                .as_str()
                .replace("/work/", "/none/")
                .replace("/calendar/", "/none/"),
        );
        let failure = bench
            .account
            .changes(&calendar, &Position::Start)
            .await
            .unwrap_err();
        assert_eq!(failure.class, Class::Gone, "{kind:?}: {failure}");
    }
}

fn foreign(uid: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T100000Z\r\nDTEND:20260302T110000Z\r\nSUMMARY:Foreign\r\nX-OWN;A=b:kept\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}
