//! From what a person types to the calendars of the account, on the answers of real servers.

use kalends_calendar::event::Address;
use kalends_calendar::failure::Class;
use kalends_calendar::provider::{Access, Discovery, Provider, RemoteCalendar};
use kalends_providers::caldav::locate;
use kalends_providers::http::TransportError;

use crate::script::{Script, account_at, found, multistatus};

fn principal(href: &str) -> String {
    multistatus(&found(
        "/",
        &format!(
            "<d:current-user-principal><d:href>{href}</d:href></d:current-user-principal><d:resourcetype><d:collection/></d:resourcetype>"
        ),
    ))
}

fn home(href: &str, home: &str) -> String {
    multistatus(&found(
        href,
        &format!(
            "<cal:calendar-home-set><d:href>{home}</d:href></cal:calendar-home-set>\
             <cal:calendar-user-address-set><d:href>mailto:Ann@Example.com</d:href><d:href>/principals/ann/</d:href>\
             <d:href>urn:uuid:1-2</d:href><d:href>https://dav.example.com/principals/ann/</d:href></cal:calendar-user-address-set>"
        ),
    ))
}

const CALENDAR: &str = "<d:resourcetype><d:collection/><cal:calendar/></d:resourcetype>";

#[tokio::test]
async fn nextcloud_is_found_from_its_host() {
    let privileges = |names: &[&str]| {
        let each: String = names.iter().fold(String::new(), |all, name| {
            all + "<d:privilege><d:" + name + "/></d:privilege>"
        });
        format!("<d:current-user-privilege-set>{each}</d:current-user-privilege-set>")
    };
    let components = |name: &str| {
        format!(
            r#"<cal:supported-calendar-component-set><cal:comp name="{name}"/></cal:supported-calendar-component-set>"#
        )
    };
    let listing = multistatus(&[
        found("/remote.php/dav/calendars/ann/", "<d:resourcetype><d:collection/></d:resourcetype>"),
        found("/remote.php/dav/calendars/ann/personal/", &format!(
            "{CALENDAR}<d:displayname>Persönlich</d:displayname><x1:calendar-color>#0082C9FF</x1:calendar-color>{}{}",
            privileges(&["read", "write", "write-properties", "write-content", "unlock", "bind", "unbind"]),
            components("VEVENT"),
        )),
        found("/remote.php/dav/calendars/ann/contact_birthdays/", &format!(
            "{CALENDAR}<d:displayname>Birthdays</d:displayname><x1:calendar-color>blue</x1:calendar-color>{}",
            privileges(&["read", "write-properties"]),
        )),
        found("/remote.php/dav/calendars/ann/tasks/", &format!("{CALENDAR}{}", components("VTODO"))),
        found("/remote.php/dav/calendars/ann/inbox/", "<d:resourcetype><d:collection/><cal:schedule-inbox/></d:resourcetype>"),
        found("/remote.php/dav/calendars/ann/outbox/", "<d:resourcetype><d:collection/><cal:schedule-outbox/></d:resourcetype>"),
        found("/remote.php/dav/calendars/ann/holidays/", "<d:resourcetype><d:collection/><cal:calendar/><cs:subscribed/></d:resourcetype>"),
        found("/remote.php/dav/calendars/ann/trashbin/", r#"<d:resourcetype><d:collection/><n:trash-bin xmlns:n="http://nextcloud.com/ns"/></d:resourcetype>"#),
        found("/remote.php/dav/calendars/ann/old/", r#"<d:resourcetype><d:collection/><cal:calendar/><n:deleted-calendar xmlns:n="http://nextcloud.com/ns"/></d:resourcetype>"#),
        found("/remote.php/dav/calendars/ann/no%20name/", CALENDAR),
    ].concat());
    let script = Script::new()
        .on("PROPFIND https://cloud.example.com/", 405, "")
        .on_with(
            "PROPFIND https://cloud.example.com/.well-known/caldav",
            301,
            &[("location", "https://cloud.example.com/remote.php/dav/")],
            "",
        )
        .on(
            "PROPFIND https://cloud.example.com/remote.php/dav/",
            207,
            &principal("/remote.php/dav/principals/users/ann/"),
        )
        .on(
            "PROPFIND https://cloud.example.com/remote.php/dav/principals/users/ann/",
            207,
            &home(
                "/remote.php/dav/principals/users/ann/",
                "/remote.php/dav/calendars/ann/",
            ),
        )
        .on(
            "PROPFIND https://cloud.example.com/remote.php/dav/calendars/ann/",
            207,
            &listing,
        );
    let found = account_at(&script, "https://cloud.example.com")
        .calendars()
        .await
        .unwrap();
    let calendar = |path: &str, name: &str, color: Option<&str>, access| RemoteCalendar {
        id: format!("https://cloud.example.com/remote.php/dav/calendars/ann/{path}/").into(),
        name: name.to_owned(),
        color: color.map(str::to_owned),
        access,
    };
    assert_eq!(
        found,
        Discovery {
            me: vec![
                Address("ann@example.com".to_owned()),
                Address("urn:uuid:1-2".to_owned())
            ],
            calendars: vec![
                calendar("contact_birthdays", "Birthdays", None, Access::ReadOnly),
                calendar("no%20name", "no name", None, Access::ReadWrite),
                calendar("personal", "Persönlich", Some("#0082c9"), Access::ReadWrite),
            ],
        }
    );
    let authorization = script.last_header("authorization").unwrap();
    assert_eq!(authorization, "Basic YW5uOnNlY3JldA==");
}

#[tokio::test]
async fn icloud_keeps_its_calendars_on_another_host() {
    let script = Script::new()
        .on(
            "PROPFIND https://caldav.icloud.com/",
            207,
            &principal("/123/principal/"),
        )
        .on(
            "PROPFIND https://caldav.icloud.com/123/principal/",
            207,
            &home(
                "/123/principal/",
                "https://p07-caldav.icloud.com:443/123/calendars/",
            ),
        )
        .on(
            "PROPFIND https://p07-caldav.icloud.com/123/calendars/",
            207,
            &multistatus(&found("/123/calendars/home/", CALENDAR)),
        );
    let found = account_at(&script, "https://caldav.icloud.com/")
        .calendars()
        .await
        .unwrap();
    assert_eq!(
        found.calendars[0].id.as_str(),
        "https://p07-caldav.icloud.com/123/calendars/home/"
    );
}

#[tokio::test]
async fn wrong_passwords_are_told_from_wrong_addresses() {
    let unauthenticated = multistatus(&found(
        "/",
        "<d:current-user-principal><d:unauthenticated/></d:current-user-principal>",
    ));
    for (base, code, body, sentence) in [
        (
            "https://dav.example.com/",
            401,
            "",
            "dav.example.com does not accept this user name and password",
        ),
        (
            "https://dav.example.com/",
            207,
            unauthenticated.as_str(),
            "dav.example.com does not accept this user name and password",
        ),
        (
            "https://caldav.icloud.com/",
            401,
            "",
            "caldav.icloud.com does not accept this user name and password; iCloud wants an app-specific password here, not the account's own",
        ),
    ] {
        let script = Script::new().on(&format!("PROPFIND {base}"), code, body);
        let failure = account_at(&script, base).calendars().await.unwrap_err();
        assert_eq!(
            (failure.class, failure.message.as_str()),
            (Class::ReconnectNeeded, sentence)
        );
    }
    let script = Script::new()
        .on("PROPFIND https://www.example.com/", 405, "")
        .on(
            "PROPFIND https://www.example.com/.well-known/caldav",
            404,
            "<html/>",
        );
    let failure = account_at(&script, "https://www.example.com/")
        .calendars()
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
    assert!(
        failure.message.contains("does not speak CalDAV"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_password_does_not_follow_to_a_stranger() {
    let script = Script::new()
        .on_with(
            "PROPFIND https://dav.example.com/",
            302,
            &[("location", "https://evil.example.net/")],
            "",
        )
        .on(
            "PROPFIND https://dav.example.com/.well-known/caldav",
            404,
            "",
        );
    let failure = account_at(&script, "https://dav.example.com/")
        .calendars()
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
    assert!(
        failure.message.contains("https://evil.example.net"),
        "{failure}"
    );
    assert!(!format!("{failure:?} {:?}", script.asked()).contains("secret"));

    let script = Script::new();
    for _ in 0..6 {
        script.on_with(
            "PROPFIND https://dav.example.com/x",
            307,
            &[("location", "/x")],
            "",
        );
    }
    script.on(
        "PROPFIND https://dav.example.com/.well-known/caldav",
        404,
        "",
    );
    script.on("PROPFIND https://dav.example.com/", 404, "");
    let failure = account_at(&script, "https://dav.example.com/x")
        .calendars()
        .await
        .unwrap_err();
    assert!(failure.message.contains("in circles"), "{failure}");
}

#[tokio::test]
async fn a_server_that_is_down_is_passing_and_a_refused_address_is_not() {
    let down = TransportError::NotSent {
        host: "dav.example.com".to_owned(),
        reason: "connection refused".to_owned(),
    };
    let script = Script::new().fails("PROPFIND https://dav.example.com/", down);
    let failure = account_at(&script, "https://dav.example.com/")
        .calendars()
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::Passing { retry_at: None });
}

#[tokio::test]
async fn a_calendar_without_principals_is_found_by_its_own_address() {
    let own = multistatus(&found("/cal.php/work/", CALENDAR));
    let script = Script::new()
        .on("PROPFIND https://dav.example.com/cal.php/work", 207, &own)
        .on("PROPFIND https://dav.example.com/cal.php/work/", 207, &own);
    let found = account_at(&script, "https://dav.example.com/cal.php/work")
        .calendars()
        .await
        .unwrap();
    assert_eq!(found.calendars.len(), 1);
    assert_eq!(found.calendars[0].name, "work");
}

#[test]
fn an_account_is_located_by_url_host_or_mail_address() {
    let table = [
        ("https://dav.example.com/x", "https://dav.example.com/x"),
        ("http://localhost:5232", "http://localhost:5232/"),
        ("dav.example.com", "https://dav.example.com/"),
        (
            "dav.example.com:8443/cal",
            "https://dav.example.com:8443/cal",
        ),
        ("ann@example.com", "https://example.com/"),
        ("ann@icloud.com", "https://caldav.icloud.com/"),
        ("Ann@FASTMAIL.com", "https://caldav.fastmail.com/"),
        ("caldavs://dav.example.com/", "https://dav.example.com/"),
        ("caldav://dav.example.com/", "http://dav.example.com/"),
    ];
    for (text, expected) in table {
        assert_eq!(locate(text).unwrap().as_str(), expected, "{text}");
    }
    for text in ["", "ftp://example.com", "a b", "https://"] {
        assert!(locate(text).is_err(), "{text:?}");
    }
}
