//! PUT and DELETE: preconditions, what may be stored, and what servers make of it.

use http::StatusCode;
use kalends_sandbox::Quirks;
use kalends_sandbox::quirks::{
    Etags, IfNoneMatch, Placement, PutEtag, Storage, Trash, UidConflict, UidScope,
};
use kalends_sandbox::world::{Access, By, Holds};

use crate::desk::{CALENDAR, Desk, ask, event, event_with};

const NEW: [(&str, &str); 1] = [("if-none-match", "*")];

#[test]
fn create_change_delete() {
    let mut desk = Desk::plain();
    let created = desk.put_if("a.ics", &event("a", "one"), &NEW);
    assert_eq!(created.status, StatusCode::CREATED);
    let first = created.header("etag").expect("an ETag").to_owned();
    assert_eq!(desk.get("a.ics").header("etag"), Some(first.as_str()));
    assert_eq!(
        desk.put_if("a.ics", &event("a", "one"), &NEW).status,
        StatusCode::PRECONDITION_FAILED
    );
    let changed = desk.put_if("a.ics", &event("a", "two"), &[("if-match", &first)]);
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    let second = changed.header("etag").expect("an ETag").to_owned();
    assert_ne!(first, second);
    assert_eq!(
        desk.put_if("a.ics", &event("a", "3"), &[("if-match", &first)])
            .status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        desk.delete_if("a.ics", &[("if-match", &first)]).status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(desk.get("a.ics").body, event("a", "two"));
    let several = format!("\"other\", {second}");
    assert_eq!(
        desk.delete_if("a.ics", &[("if-match", &several)]).status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(desk.delete_if("a.ics", &[]).status, StatusCode::NOT_FOUND);
    assert_eq!(
        desk.delete_if("a.ics", &[("if-match", &second)]).status,
        StatusCode::PRECONDITION_FAILED
    );
    let gone = desk.put_if("a.ics", &event("a", "back"), &[("if-match", &second)]);
    assert_eq!(gone.status, StatusCode::PRECONDITION_FAILED);
    assert!(
        desk.calendar()
            .log()
            .iter()
            .all(|change| change.by == By::Request)
    );
}

#[test]
fn a_write_shows_in_the_next_listing() {
    let mut desk = Desk::plain();
    let token = desk.sync("").token();
    desk.put("a.ics", &event("a", "a"));
    let listing = desk.sync(&token);
    assert_eq!(listing.present(), ["a.ics"]);
    desk.delete_if("a.ics", &[]);
    assert_eq!(desk.sync(&listing.token()).gone(), ["a.ics"]);
}

#[test]
fn what_may_not_be_stored_says_which_rule_it_breaks() {
    let mut desk = Desk::plain();
    desk.calendar().object_bytes_max = 5000;
    let event = event("a", "a");
    let cases = [
        (event.replace("END:VEVENT\r\n", ""), "valid-calendar-data"),
        ("hello".to_owned(), "valid-calendar-data"),
        (
            event.replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:PUBLISH"),
            "valid-calendar-object-resource",
        ),
        (
            event.replace("VEVENT", "VTODO"),
            "supported-calendar-component",
        ),
        (
            event_with("a", &[&format!("X-LONG:{}", "x".repeat(5000))]),
            "max-resource-size",
        ),
    ];
    for (text, element) in cases {
        let answer = desk.put("a.ics", &text);
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{element}");
        assert!(answer.has(&format!("<cal:{element}/>")), "{}", answer.body);
    }
    let path = format!("{CALENDAR}a.ics");
    let untyped = desk.send(
        ask("PUT", &path)
            .header("content-type", "application/json")
            .body(event.clone()),
    );
    assert!(untyped.has("supported-calendar-data"));
    assert!(desk.names().is_empty());
    assert_eq!(
        desk.send(ask("PUT", "/dav/calendars/ada/none/a.ics"))
            .status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        desk.send(ask("PUT", CALENDAR)).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        desk.send(ask("DELETE", CALENDAR)).status,
        StatusCode::FORBIDDEN
    );
    desk.calendar().holds = Holds::Tasks;
    assert!(
        desk.put("a.ics", &event)
            .has("supported-calendar-component")
    );
}

#[test]
fn a_read_only_calendar_names_the_missing_privilege() {
    let mut desk = Desk::plain();
    desk.elsewhere_put("a.ics", &event("a", "a"));
    desk.calendar().access = Access::ReadOnly;
    let put = desk.put("a.ics", &event("a", "b"));
    assert_eq!(
        (put.status, put.has("<d:need-privileges>")),
        (StatusCode::FORBIDDEN, true)
    );
    let delete = desk.delete_if("a.ics", &[]);
    assert_eq!(
        (delete.status, delete.has("<d:unbind/>")),
        (StatusCode::FORBIDDEN, true)
    );
    assert_eq!(desk.get("a.ics").body, event("a", "a"));
}

#[test]
fn a_uid_is_taken_in_each_known_way() {
    let cases = [
        (
            UidConflict::Forbidden403,
            403,
            "<cal:no-uid-conflict><d:href>/dav/calendars/ada/work/a.ics</d:href>",
        ),
        (
            UidConflict::Conflict409,
            409,
            "<cal:no-uid-conflict><d:href>/dav/calendars/ada/work/a.ics</d:href>",
        ),
        (
            UidConflict::PreconditionFailed412,
            412,
            "<cal:no-uid-conflict>",
        ),
        (
            UidConflict::BadRequest400,
            400,
            "Calendar object with uid already exists in this calendar collection.",
        ),
    ];
    for (uid_conflict, status, text) in cases {
        let mut desk = Desk::new(Quirks {
            uid_conflict,
            ..Quirks::default()
        });
        desk.elsewhere_put("a.ics", &event("same", "a"));
        let answer = desk.put_if("b.ics", &event("same", "b"), &NEW);
        assert_eq!(
            (answer.status.as_u16(), answer.has(text)),
            (status, true),
            "{uid_conflict:?}: {}",
            answer.body
        );
        // Nor may an object change its UID.
        assert_eq!(
            desk.put("a.ics", &event("other", "a")).status.as_u16(),
            status
        );
    }
}

#[test]
fn a_uid_may_be_taken_in_another_calendar() {
    for (uid_scope, status) in [(UidScope::Collection, 201), (UidScope::Account, 403)] {
        let mut desk = Desk::new(Quirks {
            uid_scope,
            ..Quirks::default()
        });
        desk.elsewhere_put("a.ics", &event("same", "a"));
        desk.world
            .accounts
            .get_mut("ada")
            .expect("Ada")
            .add_collection("home");
        let put =
            ask("PUT", "/dav/calendars/ada/home/a.ics").header("content-type", "text/calendar");
        assert_eq!(
            desk.send(put.body(event("same", "b"))).status.as_u16(),
            status,
            "{uid_scope:?}"
        );
    }
}

#[test]
fn the_trash_bin_keeps_uids() {
    let mut desk = Desk::new(Quirks {
        trash: Trash::KeepsUids,
        ..Quirks::default()
    });
    desk.put("a.ics", &event("a", "a"));
    desk.delete_if("a.ics", &[]);
    let refused = desk.put("b.ics", &event("a", "again"));
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.has("Deleted calendar object with uid already exists"));
    assert_eq!(
        desk.put("b.ics", &event("fresh", "again")).status,
        StatusCode::CREATED
    );
    desk.calendar().empty_trash();
    assert_eq!(
        desk.put("c.ics", &event("a", "again")).status,
        StatusCode::CREATED
    );
}

#[test]
fn weak_tags_in_conditions() {
    for (etags, verbatim, bare) in [
        (Etags::WeakAccepted, 204, 204),
        (Etags::WeakRefused, 412, 204),
        (Etags::Never, 412, 412),
    ] {
        let mut desk = Desk::new(Quirks {
            etags,
            ..Quirks::default()
        });
        desk.elsewhere_put("a.ics", &event("a", "a"));
        let weak = format!("W/\"{}\"", desk.calendar().objects()["a.ics"].etag);
        let answer = desk.put_if("a.ics", &event("a", "b"), &[("if-match", &weak)]);
        assert_eq!(answer.status.as_u16(), verbatim, "{etags:?}");
        let strong = format!("\"{}\"", desk.calendar().objects()["a.ics"].etag);
        let answer = desk.put_if("a.ics", &event("a", "c"), &[("if-match", &strong)]);
        assert_eq!(answer.status.as_u16(), bare, "{etags:?}");
        assert_eq!(
            desk.put_if("a.ics", &event("a", "d"), &[("if-match", "*")])
                .status
                .as_u16(),
            204
        );
    }
    let mut desk = Desk::plain();
    desk.elsewhere_put("a.ics", &event("a", "a"));
    let unquoted = desk.calendar().objects()["a.ics"].etag.clone();
    let answer = desk.put_if("a.ics", &event("a", "b"), &[("if-match", &unquoted)]);
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
}

#[test]
fn a_put_names_its_tag_where_the_server_does_so() {
    for (put_etag, storage, named) in [
        (PutEtag::WhenVerbatim, Storage::Verbatim, true),
        (PutEtag::WhenVerbatim, Storage::Annotated, false),
        (PutEtag::Always, Storage::Annotated, true),
        (PutEtag::Absent, Storage::Verbatim, false),
    ] {
        let mut desk = Desk::new(Quirks {
            put_etag,
            storage,
            ..Quirks::default()
        });
        let answer = desk.put("a.ics", &event("a", "a"));
        assert_eq!(
            answer.header("etag").is_some(),
            named,
            "{put_etag:?} {storage:?}"
        );
        let stored = desk.get("a.ics");
        if named {
            assert_eq!(answer.header("etag"), stored.header("etag"));
        }
    }
}

#[test]
fn servers_store_something_else() {
    let long = event_with(
        "a",
        &[
            "SUMMARY:a",
            &format!("DESCRIPTION:{}", "é".repeat(100)),
            "BEGIN:VALARM",
            "END:VALARM",
        ],
    );
    let unfolded = |text: &str| text.replace("\r\n ", "");
    for storage in [
        Storage::Refolded,
        Storage::FreshStamps,
        Storage::Annotated,
        Storage::Rewritten,
    ] {
        let mut desk = Desk::new(Quirks {
            storage,
            ..Quirks::default()
        });
        assert_eq!(desk.put("a.ics", &long).status, StatusCode::CREATED);
        let stored = desk.get("a.ics").body;
        assert_ne!(stored, long, "{storage:?}");
        assert_eq!(
            unfolded(&stored) == unfolded(&long),
            storage == Storage::Refolded,
            "{storage:?}"
        );
        assert_eq!(
            stored.contains("X-SANDBOX-SERVER"),
            matches!(storage, Storage::Annotated | Storage::Rewritten)
        );
        assert_eq!(
            stored.contains("20260101T000000Z"),
            matches!(storage, Storage::Refolded | Storage::Annotated)
        );
        assert!(unfolded(&stored).contains(&"é".repeat(100)));
        // What a server stores it also takes.
        assert_eq!(
            desk.put("a.ics", &stored).status,
            StatusCode::NO_CONTENT,
            "{stored}"
        );
    }
}

#[test]
fn new_objects_may_be_put_elsewhere() {
    for (placement, told) in [
        (Placement::ElsewhereTold, true),
        (Placement::ElsewhereUntold, false),
    ] {
        let mut desk = Desk::new(Quirks {
            placement,
            ..Quirks::default()
        });
        let answer = desk.put_if("a.ics", &event("a", "a"), &NEW);
        assert_eq!(
            (answer.status, answer.header("location").is_some()),
            (StatusCode::CREATED, told)
        );
        assert_eq!(desk.get("a.ics").status, StatusCode::NOT_FOUND);
        let name = desk.names()[0].clone();
        assert!(
            answer
                .header("location")
                .is_none_or(|location| location.ends_with(&name))
        );
        assert_eq!(desk.get(&name).body, event("a", "a"));
        assert_eq!(
            desk.put(&name, &event("a", "b")).status,
            StatusCode::NO_CONTENT
        );
        assert_eq!(
            desk.put_if("a.ics", &event("a", "a"), &NEW).status,
            StatusCode::FORBIDDEN
        );
    }
}

#[test]
fn a_create_overwrites_where_if_none_match_is_not_read() {
    let mut desk = Desk::new(Quirks {
        if_none_match: IfNoneMatch::Ignored,
        ..Quirks::default()
    });
    desk.elsewhere_put("a.ics", &event("a", "theirs"));
    assert_eq!(
        desk.put_if("a.ics", &event("a", "ours"), &NEW).status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(desk.get("a.ics").body, event("a", "ours"));
}
