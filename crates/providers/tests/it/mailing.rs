//! Nobody gets a mail because of a sync: every kind of write against servers that mail by themselves.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Attendance, Event, Participant, ParticipationStatus,
    Trigger,
};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{EventId, RemoteCalendarId, RemoteId, Uid};
use kalends_calendar::provider::{Mark, Observed, Provider, Raw, Receipt, State, Write};
use kalends_calendar::seams::Clock;
use kalends_providers::caldav::{Account, CalDav};
use kalends_providers::http::{Request, Response, Transport, TransportError};
use kalends_sandbox::quirks::Scheduling;
use kalends_sandbox::world::{self, Upload};
use kalends_sandbox::{Place, Quirks, World, handle};

use crate::script::{Script, Still, account_at};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.org";
const EVE: &str = "eve@example.org";

/// Ada's calendar on a server that is not there.
struct Office {
    world: Mutex<World>,
    work: Place,
}

#[async_trait]
impl Transport for Office {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut asked = http::Request::builder()
            .method(request.method)
            .uri(request.url.as_str())
            .body(request.body)
            .unwrap();
        *asked.headers_mut() = request.headers;
        let answer = handle(&mut self.world.lock().unwrap(), &asked, Still.now());
        let (parts, body) = answer.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

/// Ada's account there.
struct Desk {
    office: Arc<Office>,
    account: CalDav,
    calendar: RemoteCalendarId,
}

impl Desk {
    fn new(quirks: Quirks, me: &[&str]) -> Self {
        let mut world = World::new("https://dav.example.com");
        let mut ada = world::Account::new("ada");
        ada.quirks = quirks;
        let account = Account {
            base: "https://dav.example.com/".parse().unwrap(),
            user: ada.user.clone(),
            password: ada.password.clone().into(),
        };
        let work = world.add_account(ada).add_collection("work");
        let office = Arc::new(Office {
            world: Mutex::new(world),
            work,
        });
        let transport: Arc<dyn Transport> = Arc::clone(&office) as _;
        Self {
            office,
            account: CalDav::new(transport, Arc::new(Still), account)
                .with_me(me.iter().map(|address| Address::new(address)).collect()),
            calendar: RemoteCalendarId::from("https://dav.example.com/dav/calendars/ada/work/"),
        }
    }

    /// A person of the same account makes this event with another program.
    fn is_there(&self, text: &str) -> RemoteId {
        let upload = Upload {
            name: "e.ics",
            text,
        };
        let mut world = self.office.world.lock().unwrap();
        world.put(&self.office.work, upload, Still.now()).unwrap();
        RemoteId::from("/dav/calendars/ada/work/e.ics")
    }

    async fn see(&self, id: &RemoteId) -> Observed {
        let changes = self
            .account
            .fetch(&self.calendar, std::slice::from_ref(id))
            .await
            .unwrap();
        match &changes[0].state {
            State::Present(observed) => (**observed).clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn write(&self, write: Write) -> Result<(RemoteId, Observed), Failure> {
        match self.account.write(&self.calendar, &write).await? {
            Receipt::Written {
                remote_id,
                observed,
            }
            | Receipt::ReadBack {
                remote_id,
                observed,
                ..
            } => Ok((remote_id, *observed)),
            Receipt::Deleted => panic!("nothing was to be deleted"),
        }
    }

    async fn change(
        &self,
        id: &RemoteId,
        seen: &Observed,
        change: impl FnOnce(&mut Event),
    ) -> Result<Observed, Failure> {
        let mut event = seen.event.clone();
        change(&mut event);
        let update = Write::Update {
            remote_id: id.clone(),
            version: seen.version.clone(),
            raw: seen.raw.clone(),
            event: Box::new(event),
            mark: seen.mark.clone(),
        };
        self.write(update).await.map(|(_, observed)| observed)
    }

    async fn delete(&self, id: &RemoteId, seen: &Observed) -> Result<Receipt, Failure> {
        let delete = Write::Delete {
            remote_id: id.clone(),
            version: seen.version.clone(),
            raw: seen.raw.clone(),
        };
        self.account.write(&self.calendar, &delete).await
    }

    fn nobody_was_mailed(&self, what: &str) {
        assert_eq!(self.office.world.lock().unwrap().mails, [], "{what}");
    }

    fn questions(&self) -> usize {
        let world = self.office.world.lock().unwrap();
        let options = |request: &&world::RequestRecord| request.method == http::Method::OPTIONS;
        world.requests.iter().filter(options).count()
    }
}

fn scheduling_servers() -> [(&'static str, Quirks); 4] {
    let plain = Quirks {
        scheduling: Scheduling::Auto,
        ..Quirks::default()
    };
    [
        ("plain", plain),
        ("nextcloud", Quirks::nextcloud()),
        ("icloud", Quirks::icloud()),
        ("cyrus", Quirks::cyrus()),
    ]
}

fn text(people: &[&str]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other//EN\r\nBEGIN:VEVENT\r\nUID:e@example.com\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260302T100000Z\r\nDTEND:20260302T110000Z\r\nSUMMARY:Lunch\r\n\
         {}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        people.join("\r\n")
    )
}

const ADAS: [&str; 3] = [
    "ORGANIZER;CN=Ada:mailto:ada@example.com",
    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.com",
    "ATTENDEE;X-P=1;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org",
];

const BOBS: [&str; 3] = [
    "ORGANIZER:mailto:bob@example.org",
    "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ada@example.com",
    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:eve@example.org",
];

fn guest() -> Participant {
    Participant {
        attendance: Some(Attendance::default()),
        ..Participant::default()
    }
}

fn retitle(event: &mut Event) {
    "Late lunch".clone_into(&mut event.master.details.title);
}

fn invite_eve(event: &mut Event) {
    let people = &mut event.master.details.participants;
    people.insert(Address::new(EVE), guest());
}

fn accept(event: &mut Event) {
    let people = &mut event.master.details.participants;
    let ada = people.get_mut(&Address::new(ADA)).unwrap();
    ada.attendance.as_mut().unwrap().participation_status = ParticipationStatus::Accepted;
}

fn remind(event: &mut Event) {
    let alert = Alert {
        trigger: Trigger::FromStart(-600),
        action: AlertAction::Display,
    };
    let alerts = &mut event.master.details.alerts;
    alerts.insert(AlertKey("reminder".to_owned()), alert);
}

fn mail_an_hour_before(event: &mut Event) {
    let alert = Alert {
        trigger: Trigger::FromStart(-3_600),
        action: AlertAction::Email,
    };
    let alerts = &mut event.master.details.alerts;
    alerts.insert(AlertKey("email -PT1H start".to_owned()), alert);
}

#[tokio::test]
async fn a_mirror_with_guests_lives_and_dies_in_silence() {
    for (server, quirks) in scheduling_servers() {
        for me in [&[ADA][..], &[]] {
            for organizer in [ADA, BOB] {
                let what = format!("{server}, {me:?}, {organizer}");
                let desk = Desk::new(quirks.clone(), me);
                let seed = Desk::new(Quirks::default(), &[]);
                let id = seed.is_there(&text(&[]));
                let mut event = seed.see(&id).await.event;
                for address in [ADA, BOB] {
                    let person = Participant {
                        organizer: address == organizer,
                        ..guest()
                    };
                    let people = &mut event.master.details.participants;
                    people.insert(Address::new(address), person);
                }
                let create = Write::Create {
                    name: "k-1".to_owned(),
                    event: Box::new(event),
                    mark: Mark {
                        event: EventId("0198c0de-0000-7000-8000-000000000001".parse().unwrap()),
                        uid: Uid::from("home@example.com"),
                    },
                };
                let (id, made) = desk.write(create).await.unwrap();
                let retitled = desk.change(&id, &made, retitle).await.unwrap();
                desk.nobody_was_mailed(&what);
                // A guest who is new to it is silenced as the others were.
                let invited = desk.change(&id, &retitled, invite_eve).await.unwrap();
                let sent = invited.raw.0.replace("\r\n ", "");
                assert!(
                    sent.contains("SCHEDULE-AGENT=CLIENT:mailto:eve@example.org"),
                    "{what}: {sent}"
                );
                assert_eq!(desk.delete(&id, &invited).await, Ok(Receipt::Deleted));
                desk.nobody_was_mailed(&what);
            }
        }
    }
}

#[tokio::test]
async fn an_alarm_by_mail_that_comes_with_a_sync_is_shown_and_one_that_stood_there_stays() {
    let stood = "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT2H\r\nSUMMARY:Own\r\nDESCRIPTION:Own\r\n\
        ATTENDEE:mailto:ada@example.com\r\nEND:VALARM";
    for (server, quirks) in scheduling_servers() {
        let desk = Desk::new(quirks, &[ADA]);
        let id = desk.is_there(&text(&[stood]));
        let seen = desk.see(&id).await;
        let changed = desk.change(&id, &seen, mail_an_hour_before).await.unwrap();
        assert!(changed.raw.0.contains(stood), "{server}: {}", changed.raw.0);
        let mails = |observed: &Observed| observed.raw.0.matches("\r\nACTION:EMAIL").count();
        assert_eq!(mails(&changed), 1, "{server}: {}", changed.raw.0);

        let create = Write::Create {
            name: "k-1".to_owned(),
            event: Box::new(changed.event.clone()),
            mark: Mark {
                event: EventId("0198c0de-0000-7000-8000-000000000001".parse().unwrap()),
                uid: Uid::from("home@example.com"),
            },
        };
        let copies = Desk::new(Quirks::nextcloud(), &[ADA]);
        let (id, made) = copies.write(create).await.unwrap();
        let retitled = copies.change(&id, &made, retitle).await.unwrap();
        for copy in [made, retitled] {
            assert_eq!(mails(&copy), 0, "{server}: {}", copy.raw.0);
            // Both are read as what they are: there is nothing to put right on either side.
            let alerts = &copy.event.master.details.alerts;
            assert_eq!(*alerts, changed.event.master.details.alerts, "{server}");
        }
    }
}

#[tokio::test]
async fn an_organizers_own_event_is_left_alone_where_its_guests_would_be_mailed() {
    for (server, quirks) in scheduling_servers() {
        for me in [&[ADA][..], &[]] {
            let desk = Desk::new(quirks.clone(), me);
            let id = desk.is_there(&text(&ADAS));
            let seen = desk.see(&id).await;
            for change in [retitle, invite_eve] {
                let failure = desk.change(&id, &seen, change).await.unwrap_err();
                assert_eq!(failure.class, Class::Item, "{server}");
                assert_eq!(
                    failure.message,
                    "dav.example.com would mail the guests of this event about the change; change it where it was made"
                );
            }
            let failure = desk.delete(&id, &seen).await.unwrap_err();
            assert_eq!(failure.class, Class::Item, "{server}");
            desk.nobody_was_mailed(server);
            assert_eq!(desk.see(&id).await, seen, "{server}");
            assert_eq!(desk.questions(), 1, "{server}");
        }
        // Nor does an event without guests get some that the server would invite.
        let desk = Desk::new(quirks, &[ADA]);
        let id = desk.is_there(&text(&ADAS[..2]));
        let seen = desk.see(&id).await;
        let retitled = desk.change(&id, &seen, retitle).await.unwrap();
        let failure = desk.change(&id, &retitled, invite_eve).await.unwrap_err();
        assert_eq!(failure.class, Class::Item, "{server}");
        desk.nobody_was_mailed(server);
    }
}

#[tokio::test]
async fn a_guests_copy_takes_alarms_and_no_answers() {
    for (server, quirks) in scheduling_servers() {
        let desk = Desk::new(quirks, &[ADA]);
        let id = desk.is_there(&text(&BOBS));
        let seen = desk.see(&id).await;
        let failure = desk.change(&id, &seen, accept).await.unwrap_err();
        assert_eq!(failure.class, Class::Item, "{server}");
        assert_eq!(
            failure.message,
            "dav.example.com would mail the organizer of this event about the change; change it where it was made"
        );
        let reminded = desk.change(&id, &seen, remind).await.unwrap();
        assert_eq!(reminded.event.master.details.alerts.len(), 1, "{server}");
        assert!(!reminded.raw.0.contains("SCHEDULE-AGENT"), "{server}");
        desk.nobody_was_mailed(server);
        assert_eq!(desk.delete(&id, &reminded).await, Ok(Receipt::Deleted));
        desk.nobody_was_mailed(server);
    }
}

#[tokio::test]
async fn where_nobody_mails_events_with_guests_are_written_as_others_are() {
    for (people, change) in [
        (ADAS, retitle as fn(&mut Event)),
        (ADAS, invite_eve),
        (BOBS, accept),
        (BOBS, remind),
    ] {
        let desk = Desk::new(Quirks::radicale(), &[ADA]);
        let id = desk.is_there(&text(&people));
        let seen = desk.see(&id).await;
        let changed = desk.change(&id, &seen, change).await.unwrap();
        assert!(!changed.raw.0.contains("SCHEDULE-AGENT"), "{people:?}");
        assert_eq!(desk.delete(&id, &changed).await, Ok(Receipt::Deleted));
        assert!(desk.questions() <= 1, "{people:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_say_is_taken_for_one_that_mails() {
    const WORK: &str = "OPTIONS https://dav.example.com/cal/work/";
    const EVENT: &str = "DELETE https://dav.example.com/cal/work/e.ics";
    let delete = Write::Delete {
        remote_id: RemoteId::from("/cal/work/e.ics"),
        version: Some("\"v1\"".into()),
        raw: Raw(text(&ADAS)),
    };
    let calendar = RemoteCalendarId::from("https://dav.example.com/cal/work/");
    for (status, dav) in [
        (405, None),
        (503, None),
        (204, None),
        (200, Some("1, 2")),
        (404, Some("1, calendar-access")),
        (200, Some("1, calendar-access, Calendar-Auto-Schedule")),
    ] {
        let headers: Vec<_> = dav.iter().map(|dav| ("dav", *dav)).collect();
        let script = Script::new().on_with(WORK, status, &headers, "");
        let account = account_at(&script, "https://dav.example.com/");
        let failure = account.write(&calendar, &delete).await.unwrap_err();
        assert_eq!(failure.class, Class::Item, "{status} {dav:?}");
    }
    let not_reached = TransportError::NotSent {
        host: "dav.example.com".to_owned(),
        reason: "connection refused".to_owned(),
    };
    let script = Script::new()
        .fails(WORK, not_reached)
        .on_with(WORK, 200, &[("dav", "1, calendar-access")], "")
        .on(EVENT, 204, "")
        .on(EVENT, 204, "");
    let account = account_at(&script, "https://dav.example.com/");
    let failure = account.write(&calendar, &delete).await.unwrap_err();
    assert_eq!(failure.class, Class::Passing { retry_at: None });
    for _ in 0..2 {
        let receipt = account.write(&calendar, &delete).await;
        assert_eq!(receipt, Ok(Receipt::Deleted));
    }
}
