//! Writes: under which precondition they go out, and what each answer means.

use std::sync::Arc;

use kalends_calendar::event::{
    Alert, AlertAction, AlertKey, Details, Event, Instance, Shape, Trigger,
};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{EventId, RemoteCalendarId, RemoteId, Uid, Version};
use kalends_calendar::provider::{Mark, Provider, Raw, Receipt, Write};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_providers::http::TransportError;

use crate::script::{Script, account_at, found, multistatus, precondition, status};

const CAL: &str = "https://dav.example.com/cal/work/";
const REPORT: &str = "REPORT https://dav.example.com/cal/work/";
const PUT: &str = "PUT https://dav.example.com/cal/work/k-1.ics";
const DELETE: &str = "DELETE https://dav.example.com/cal/work/k-1.ics";
const ID: &str = "/cal/work/k-1.ics";

fn event(title: &str) -> Event {
    Event {
        uid: Uid::from("k-1@example.com"),
        shape: Shape::Series,
        master: Instance {
            start: Start::Zoned {
                local: "2026-03-02T10:00:00".parse().unwrap(),
                zone: ZoneId::utc(),
            },
            duration: Length::minutes(60),
            end_zone: None,
            details: Details {
                title: title.to_owned(),
                ..Details::default()
            },
        },
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: std::collections::BTreeMap::new(),
        time_zones: std::collections::BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

fn mark() -> Mark {
    Mark {
        event: EventId("0198c0de-0000-7000-8000-000000000001".parse().unwrap()),
        uid: Uid::from("home@example.com"),
    }
}

fn create() -> Write {
    Write::Create {
        name: "k-1".to_owned(),
        event: Box::new(event("Lunch")),
        mark: mark(),
    }
}

fn raw(title: &str) -> Raw {
    Raw(format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:k-1@example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T100000Z\r\nDURATION:PT1H\r\nSUMMARY:{title}\r\nATTENDEE;X-P=1:mailto:bob@example.com\r\nX-OWN;A=b:kept\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ))
}

fn update(version: Option<&str>) -> Write {
    let account = account_at(&Script::new(), "https://dav.example.com/");
    let mut wanted = account.read(&raw("Lunch")).unwrap();
    "Late lunch".clone_into(&mut wanted.master.details.title);
    Write::Update {
        remote_id: RemoteId::from(ID),
        version: version.map(Version::from),
        raw: raw("Lunch"),
        event: Box::new(wanted),
        mark: None,
    }
}

fn delete(version: Option<&str>) -> Write {
    Write::Delete {
        remote_id: RemoteId::from(ID),
        version: version.map(Version::from),
        raw: raw("Lunch"),
    }
}

async fn write(script: &Arc<Script>, write: &Write) -> Result<Receipt, Failure> {
    account_at(script, "https://dav.example.com/")
        .write(&RemoteCalendarId::from(CAL), write)
        .await
}

fn stored(tag: &str, text: &str) -> String {
    multistatus(&found(
        ID,
        &format!(
            "<d:getetag>{tag}</d:getetag><cal:calendar-data><![CDATA[{text}]]></cal:calendar-data>"
        ),
    ))
}

#[tokio::test]
async fn a_creation_goes_out_once_and_under_its_name() {
    let script = Script::new().on_with(PUT, 201, &[("etag", "\"new\"")], "");
    let account = account_at(&script, "https://dav.example.com/");
    let calendar = RemoteCalendarId::from(CAL);
    let receipt = account.write(&calendar, &create()).await.unwrap();
    let Receipt::Written {
        remote_id,
        observed,
    } = receipt
    else {
        panic!("{receipt:?}")
    };
    assert_eq!(remote_id, RemoteId::from(ID));
    assert_eq!(account.place(&calendar, "k-1"), remote_id);
    assert_eq!(observed.version, Some(Version::from("\"new\"")));
    assert_eq!(observed.mark, Some(mark()));
    assert_eq!(observed.event.master, event("Lunch").master);
    assert_eq!(observed.raw.0, script.last_body());
    assert_eq!(script.last_header("if-none-match").as_deref(), Some("*"));
    assert_eq!(script.last_header("if-match"), None);
    assert_eq!(
        script.last_header("content-type").as_deref(),
        Some("text/calendar; charset=utf-8")
    );
    assert!(
        script.last_body().contains("DTSTAMP:20260301T100000Z"),
        "{}",
        script.last_body()
    );
}

#[tokio::test]
async fn a_web_page_in_answer_to_a_write_proves_nothing() {
    let page = "<!DOCTYPE html><html><title>Sign in</title></html>";
    let kind = [("content-type", "text/html; charset=utf-8")];
    for (line, what) in [
        (PUT, create()),
        (PUT, update(Some("\"1\""))),
        (DELETE, delete(Some("\"1\""))),
    ] {
        let script = Script::new().on_with(line, 200, &kind, page);
        let failure = write(&script, &what).await.unwrap_err();
        assert_eq!(failure.class, Class::Unknown, "{failure}");
    }
    // Apache says "Created" in a page of its own, and means it.
    let real = [kind[0], ("etag", "\"new\"")];
    let script = Script::new().on_with(PUT, 201, &real, "<h1>Created</h1>");
    assert!(write(&script, &create()).await.is_ok());
}

#[tokio::test]
async fn a_write_without_strong_version_is_read_back() {
    let changed = raw("Lunch, as the server has it").0;
    for headers in [vec![], vec![("etag", "W/\"weak\"")]] {
        let script = Script::new().on_with(PUT, 204, &headers, "").on(
            REPORT,
            207,
            &stored("\"theirs\"", &changed),
        );
        let receipt = write(&script, &create()).await.unwrap();
        let Receipt::ReadBack {
            remote_id,
            observed,
            sent,
        } = receipt
        else {
            panic!("{receipt:?}")
        };
        assert_eq!(remote_id, RemoteId::from(ID));
        assert_eq!(observed.version, Some(Version::from("\"theirs\"")));
        assert_eq!(
            observed.event.master.details.title,
            "Lunch, as the server has it"
        );
        assert_eq!(sent.master.details.title, "Lunch");
    }
    // Written and not to be found: nobody knows what happened.
    let script =
        Script::new()
            .on(PUT, 201, "")
            .on(REPORT, 207, &multistatus(&status(ID, "404 Not Found")));
    assert_eq!(
        write(&script, &create()).await.unwrap_err().class,
        Class::Unknown
    );
    let script = Script::new().on(PUT, 201, "").on(REPORT, 503, "");
    assert_eq!(
        write(&script, &create()).await.unwrap_err().class,
        Class::Unknown
    );
}

#[tokio::test]
async fn an_event_that_could_not_be_read_back_is_not_sent() {
    let Write::Create {
        name,
        mut event,
        mark,
    } = create()
    else {
        unreachable!("it is a creation")
    };
    let ruled = raw("Lunch").0.replace("X-OWN", "RRULE:FREQ=DAILY\r\nX-OWN");
    let account = account_at(&Script::new(), "https://dav.example.com/");
    let rules = account.read(&Raw(ruled)).unwrap().recurrence_rules;
    event.recurrence_rules = vec![rules[0].clone(); 21];
    let too_much = Write::Create { name, event, mark };
    let failure = write(&Script::new(), &too_much).await.unwrap_err();
    assert_eq!(failure.class, Class::Item);
    assert!(failure.message.contains("more than 20 rules"), "{failure}");
}

#[tokio::test]
async fn an_alarm_that_a_server_shows_instead_of_mailing_is_as_it_was_sent() {
    let Write::Create {
        name,
        mut event,
        mark,
    } = create()
    else {
        unreachable!("it is a creation")
    };
    let mail = Alert {
        trigger: Trigger::FromStart(-3_600),
        action: AlertAction::Email,
    };
    let key = AlertKey("email -PT1H start".to_owned());
    event.master.details.alerts.insert(key.clone(), mail);
    let create = Write::Create { name, event, mark };
    // What is sent is read as the alarm by mail that it is.
    let script = Script::new().on_with(PUT, 201, &[("etag", "\"new\"")], "");
    let receipt = write(&script, &create).await.unwrap();
    let Receipt::Written { observed, .. } = receipt else {
        panic!("{receipt:?}")
    };
    let action = |event: &Event| event.master.details.alerts[&key].action;
    assert_eq!(action(&observed.event), AlertAction::Email);
    assert!(!observed.raw.0.contains("\r\nACTION:EMAIL"));
    // A server may drop what it does not know: what then stands there is no edit of anybody's.
    let kept = observed.raw.0.replace("X-KALENDS-ACTION:EMAIL\r\n", "");
    let script = Script::new()
        .on(PUT, 201, "")
        .on(REPORT, 207, &stored("\"theirs\"", &kept));
    let receipt = write(&script, &create).await.unwrap();
    let Receipt::ReadBack { observed, sent, .. } = receipt else {
        panic!("{receipt:?}")
    };
    assert_eq!(action(&observed.event), AlertAction::Display);
    assert_eq!(sent.master, observed.event.master);
}

#[tokio::test]
async fn a_server_may_store_elsewhere_in_the_calendar_and_nowhere_else() {
    for (place, expected) in [
        (
            "https://dav.example.com/cal/work/other.ics",
            "/cal/work/other.ics",
        ),
        ("/cal/work/other.ics", "/cal/work/other.ics"),
        ("https://evil.example.net/cal/work/other.ics", ID),
    ] {
        let headers = [("etag", "\"new\""), ("location", place)];
        let script = Script::new().on_with(PUT, 201, &headers, "");
        let Receipt::Written { remote_id, .. } = write(&script, &create()).await.unwrap() else {
            panic!("a strong version proves it")
        };
        assert_eq!(remote_id.as_str(), expected, "{place}");
    }
}

#[tokio::test]
async fn an_update_changes_its_lines_under_its_version_and_no_others() {
    for version in ["\"v1\"", "W/\"v1\"", "unquoted"] {
        let script = Script::new().on_with(PUT, 204, &[("etag", "\"v2\"")], "");
        let receipt = write(&script, &update(Some(version))).await.unwrap();
        assert!(matches!(receipt, Receipt::Written { .. }));
        assert_eq!(script.last_header("if-match").as_deref(), Some(version));
        assert_eq!(script.last_header("if-none-match"), None);
        let sent = script.last_body();
        assert!(sent.contains("SUMMARY:Late lunch\r\n"), "{sent}");
        assert!(sent.contains("X-OWN;A=b:kept\r\n"), "{sent}");
        assert!(
            sent.contains("ATTENDEE;X-P=1:mailto:bob@example.com\r\n"),
            "{sent}"
        );
    }
}

#[tokio::test]
async fn without_versions_an_update_looks_before_it_writes() {
    // Unchanged but for its stamp: written, and read back.
    let same = raw("Lunch").0.replace("20260101", "20260202");
    let script = Script::new()
        .on(REPORT, 207, &stored("", &same))
        .on(PUT, 204, "")
        .on(REPORT, 207, &stored("", &raw("Late lunch").0));
    let receipt = write(&script, &update(None)).await.unwrap();
    let Receipt::ReadBack { observed, .. } = receipt else {
        panic!("{receipt:?}")
    };
    assert_eq!(observed.version, None);
    assert!(
        script
            .asked()
            .iter()
            .all(|request| !request.headers.contains_key("if-match"))
    );

    // It has a version after all: then that is what must hold.
    let script = Script::new()
        .on(REPORT, 207, &stored("\"v1\"", &same))
        .on_with(PUT, 204, &[("etag", "\"v2\"")], "");
    write(&script, &update(None)).await.unwrap();
    assert_eq!(script.last_header("if-match").as_deref(), Some("\"v1\""));

    let script = Script::new().on(REPORT, 207, &stored("", &raw("Dinner").0));
    assert_eq!(
        write(&script, &update(None)).await.unwrap_err().class,
        Class::Changed
    );
    let script = Script::new().on(REPORT, 207, &multistatus(&status(ID, "404 Not Found")));
    assert_eq!(
        write(&script, &update(None)).await.unwrap_err().class,
        Class::Gone
    );
}

#[tokio::test]
async fn a_weak_version_that_still_holds_is_sent_without_its_weakness() {
    let script = Script::new()
        .on(PUT, 412, "")
        .on(REPORT, 207, &stored("W/\"v1\"", &raw("Lunch").0))
        .on_with(PUT, 204, &[("etag", "\"v2\"")], "");
    write(&script, &update(Some("W/\"v1\""))).await.unwrap();
    assert_eq!(script.last_header("if-match").as_deref(), Some("\"v1\""));

    let script =
        Script::new()
            .on(PUT, 412, "")
            .on(REPORT, 207, &stored("W/\"v2\"", &raw("Dinner").0));
    assert_eq!(
        write(&script, &update(Some("W/\"v1\"")))
            .await
            .unwrap_err()
            .class,
        Class::Changed
    );
}

#[tokio::test]
async fn a_deletion_is_done_when_nothing_is_there() {
    for code in [200, 204, 404, 410] {
        let script = Script::new().on(DELETE, code, "");
        assert_eq!(
            write(&script, &delete(Some("\"v1\""))).await.unwrap(),
            Receipt::Deleted
        );
        assert_eq!(script.last_header("if-match").as_deref(), Some("\"v1\""));
        assert_eq!(script.last_header("schedule-reply").as_deref(), Some("F"));
    }
    let script = Script::new().on(DELETE, 412, "");
    assert_eq!(
        write(&script, &delete(Some("\"v1\"")))
            .await
            .unwrap_err()
            .class,
        Class::Changed
    );
}

#[tokio::test]
async fn without_versions_a_deletion_looks_before_it_deletes() {
    let same = raw("Lunch").0.replace("20260101", "20260202");
    for (tag, expected) in [("", None), ("\"v1\"", Some("\"v1\""))] {
        let script = Script::new()
            .on(REPORT, 207, &stored(tag, &same))
            .on(DELETE, 204, "");
        assert_eq!(
            write(&script, &delete(None)).await.unwrap(),
            Receipt::Deleted
        );
        assert_eq!(script.last_header("if-match").as_deref(), expected);
    }
    // Another's edit is not deleted with it, and what is gone need not be.
    let script = Script::new().on(REPORT, 207, &stored("", &raw("Dinner").0));
    assert_eq!(
        write(&script, &delete(None)).await.unwrap_err().class,
        Class::Changed
    );
    let script = Script::new().on(REPORT, 207, &multistatus(&status(ID, "404 Not Found")));
    assert_eq!(
        write(&script, &delete(None)).await.unwrap(),
        Receipt::Deleted
    );
    // A calendar that is gone is no deletion.
    let script = Script::new().on(REPORT, 404, "");
    assert_eq!(
        write(&script, &delete(None)).await.unwrap_err().class,
        Class::Gone
    );
}

#[tokio::test]
async fn each_refusal_of_a_creation_has_its_meaning() {
    let taken = |holder: Option<&str>| Class::UidTaken {
        holder: holder.map(RemoteId::from),
    };
    let conflict = precondition("<cal:no-uid-conflict/>");
    let conflict_with_holder = precondition(
        "<cal:no-uid-conflict><d:href>/cal/work/%6fther.ics</d:href></cal:no-uid-conflict>",
    );
    let nextcloud = precondition(
        "<s:exception>Sabre\\DAV\\Exception\\BadRequest</s:exception><s:message>Calendar object with uid already exists in this calendar collection.</s:message>",
    );
    let trash = precondition(
        "<s:exception>Sabre\\DAV\\Exception\\BadRequest</s:exception><s:message>Deleted calendar object with uid already exists in this calendar collection.</s:message>",
    );
    let privileges = precondition(
        "<d:need-privileges><d:resource><d:href>/cal/work/</d:href><d:privilege><d:bind/></d:privilege></d:resource></d:need-privileges>",
    );
    let content = |name: &str| precondition(&format!("<cal:{name}/>"));
    let retry_at = Some("2026-03-01T10:00:20Z".parse().unwrap());
    let table = [
        (412, String::new(), Class::Exists),
        (
            412,
            "<html>Precondition Failed</html>".to_owned(),
            Class::Exists,
        ),
        (403, conflict.clone(), taken(None)),
        (
            409,
            conflict_with_holder.clone(),
            taken(Some("/cal/work/other.ics")),
        ),
        (
            412,
            conflict_with_holder,
            taken(Some("/cal/work/other.ics")),
        ),
        (412, conflict, taken(None)),
        (400, nextcloud.clone(), taken(None)),
        (409, nextcloud, taken(None)),
        (400, trash, taken(None)),
        (403, privileges, Class::Forbidden),
        (403, String::new(), Class::Forbidden),
        (405, String::new(), Class::Forbidden),
        (403, content("valid-calendar-data"), Class::Item),
        (415, content("valid-calendar-data"), Class::Item),
        (412, content("max-resource-size"), Class::Item),
        (403, content("max-attendees-per-instance"), Class::Item),
        (403, content("supported-calendar-component"), Class::Item),
        (413, String::new(), Class::Item),
        (415, String::new(), Class::Item),
        (400, "Bad calendar".to_owned(), Class::Item),
        (404, String::new(), Class::Gone),
        (409, String::new(), Class::Gone),
        (401, String::new(), Class::ReconnectNeeded),
        (423, String::new(), Class::Passing { retry_at }),
        (429, String::new(), Class::Passing { retry_at }),
        (503, String::new(), Class::Passing { retry_at }),
        (507, String::new(), Class::Passing { retry_at }),
        (500, String::new(), Class::Unknown),
        (502, String::new(), Class::Unknown),
        (504, String::new(), Class::Unknown),
        (303, String::new(), Class::Unknown),
    ];
    for (code, body, class) in table {
        let headers = [("retry-after", "20"), ("location", "/elsewhere")];
        let script = Script::new().on_with(PUT, code, &headers, &body);
        let failure = write(&script, &create()).await.unwrap_err();
        assert_eq!(failure.class, class, "{code} {body}");
    }
}

#[tokio::test]
async fn a_uid_is_held_by_a_member_of_this_calendar_or_by_nobody_we_know() {
    for (place, expected) in [
        ("/cal/work/other.ics", Some("/cal/work/other.ics")),
        ("/cal/%77ork/%6fther.ics", Some("/cal/work/other.ics")),
        (
            "https://dav.example.com/cal/work/other.ics",
            Some("/cal/work/other.ics"),
        ),
        ("other.ics", Some("/cal/work/other.ics")),
        ("/cal/private/other.ics", None),
        ("/cal/work/../private/other.ics", None),
        ("/cal/workshop/other.ics", None),
        ("/cal/work/sub/other.ics", None),
        ("/cal/work/", None),
        ("/cal/work", None),
        ("https://evil.example.net/cal/work/other.ics", None),
        ("", None),
    ] {
        let body = precondition(&format!(
            "<cal:no-uid-conflict><d:href>{place}</d:href></cal:no-uid-conflict>"
        ));
        let script = Script::new().on(PUT, 403, &body);
        let failure = write(&script, &create()).await.unwrap_err();
        let holder = expected.map(RemoteId::from);
        assert_eq!(failure.class, Class::UidTaken { holder }, "{place}");
    }
}

#[tokio::test]
async fn each_refusal_of_an_update_has_its_meaning() {
    for (code, class) in [
        (412, Class::Changed),
        (404, Class::Gone),
        (410, Class::Gone),
        (403, Class::Forbidden),
        (409, Class::Item),
        (500, Class::Unknown),
    ] {
        let script = Script::new().on(PUT, code, "");
        let failure = write(&script, &update(Some("\"v1\""))).await.unwrap_err();
        assert_eq!(failure.class, class, "{code}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_write_is_unknown_and_a_refused_connection_is_not() {
    let host = || "dav.example.com".to_owned();
    let reason = || "connection reset".to_owned();
    for (error, class) in [
        (
            TransportError::NotSent {
                host: host(),
                reason: reason(),
            },
            Class::Passing { retry_at: None },
        ),
        (
            TransportError::Unanswered {
                host: host(),
                reason: reason(),
            },
            Class::Unknown,
        ),
        (
            TransportError::TooLong {
                host: host(),
                limit_bytes: 1,
            },
            Class::Unknown,
        ),
    ] {
        for (line, what) in [(PUT, create()), (DELETE, delete(Some("\"v1\"")))] {
            let script = Script::new().fails(line, error.clone());
            assert_eq!(
                write(&script, &what).await.unwrap_err().class,
                class,
                "{line} {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_moved_server_gets_the_same_write_again() {
    let moved = "https://dav.example.com/new/work/k-1.ics";
    for code in [301, 302, 307, 308] {
        let script = Script::new()
            .on_with(PUT, code, &[("location", moved)], "")
            .on_with(&format!("PUT {moved}"), 201, &[("etag", "\"n\"")], "");
        write(&script, &create()).await.unwrap();
        assert_eq!(script.last_header("if-none-match").as_deref(), Some("*"));
    }
}

#[tokio::test]
async fn the_servers_words_are_quoted_without_addresses() {
    let body = precondition(
        "<s:message>Component at https://dav.example.com/cal/secret?token=1\n has no DTSTAMP</s:message>",
    );
    let script = Script::new().on(PUT, 400, &body);
    let failure = write(&script, &create()).await.unwrap_err();
    assert_eq!(
        failure.message,
        "dav.example.com refuses this event with 400: “Component at … has no DTSTAMP”"
    );
}
