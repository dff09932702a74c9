//! What texts mean, and what is said about those that mean nothing.

use jiff::SignedDuration;
use jiff::civil::{date, datetime};
use kalends_calendar::event::{Address, Override, RecurrenceId, Shape, Status, Trigger};
use kalends_calendar::ical::{read_calendar, read_object};
use kalends_calendar::recurrence::End;
use kalends_calendar::time::{Length, Start, ZoneId};

/// A calendar of one event with these lines.
fn event(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:one\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        lines.trim().replace('\n', "\r\n")
    )
}

fn refusal(lines: &str) -> String {
    read_object(&event(lines)).unwrap_err().to_string()
}

#[test]
fn errors_name_line_and_property() {
    let refusals = [
        "DTSTART:2026-13-01",
        "SUMMARY:no time",
        "DTSTART:20260101T090000\nDURATION:soon",
        "DTSTART;TZID=Mars/Olympus:20260101T090000",
        "DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY;BYMOON=1",
        "DTSTART:20260101T090000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260101T090000Z",
        "DTSTART:20260101\nEXDATE:20260102,tomorrow",
    ]
    .map(refusal);
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    line 5, DTSTART: not a date or date-time: "2026-13-01"
    line 3, DTSTART: missing: the event has no time
    line 6, DURATION: not a duration: "soon"
    line 5, DTSTART: unknown time zone "Mars/Olympus", and no VTIMEZONE that defines it
    line 6, RRULE: this rule part is not supported: "BYMOON=1"
    line 6, RECURRENCE-ID: RANGE=THISANDFUTURE is not supported: it changes all that follows
    line 6, EXDATE: not a date or date-time: "tomorrow" in "20260102,tomorrow"
    "#);
}

#[test]
fn a_text_cut_short_is_not_an_event() {
    let whole = event("DTSTART:20260101T090000Z");
    let cut = whole.strip_suffix("END:VCALENDAR\r\n").unwrap();
    let error = read_object(cut).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"line 1, VCALENDAR: has no END: the text is cut short");
    assert!(!read_calendar(cut).complete);
    assert!(read_calendar(&whole).complete);
    assert!(!read_calendar("<html>Please sign in</html>").complete);
}

#[test]
fn ends_become_lengths() {
    let length = |lines: &str| read_object(&event(lines)).unwrap().event.master.duration;
    assert_eq!(length("DTSTART:20260101"), Length::days(1));
    assert_eq!(length("DTSTART:20260101\nDTEND:20260101"), Length::days(1));
    assert_eq!(
        length("DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20260104"),
        Length::days(3)
    );
    assert_eq!(length("DTSTART:20260101T090000Z"), Length::default());
    assert_eq!(
        length("DTSTART:20260101T090000Z\nDURATION:P1DT1H"),
        Length {
            days: 1,
            seconds: 3_600
        }
    );
    // The night in which the clocks go forward has one hour less.
    let spring =
        "DTSTART;TZID=Europe/Berlin:20260329T000000\nDTEND;TZID=Europe/Berlin:20260329T060000";
    assert_eq!(length(spring), Length::seconds(5 * 3_600));
    let floating = "DTSTART:20260329T000000\nDTEND:20260329T060000";
    assert_eq!(length(floating), Length::seconds(6 * 3_600));
}

#[test]
fn a_flight_ends_in_another_zone() {
    let text = event(
        "DTSTART;TZID=Europe/Berlin:20260701T100000\nDTEND;TZID=America/New_York:20260701T130000",
    );
    let flight = read_object(&text).unwrap().event.master;
    assert_eq!(flight.duration, Length::seconds(9 * 3_600));
    assert_eq!(flight.end_zone, Some(ZoneId("America/New_York".into())));
}

#[test]
fn until_is_on_the_masters_clock() {
    let end = |lines: &str| read_object(&event(lines)).unwrap().event.recurrence_rules[0].end;
    let berlin = "DTSTART;TZID=Europe/Berlin:20260701T090000\nRRULE:FREQ=DAILY;UNTIL=";
    assert_eq!(
        end(&format!("{berlin}20260710T070000Z")),
        End::Until(datetime(2026, 7, 10, 9, 0, 0, 0))
    );
    assert_eq!(
        end(&format!("{berlin}20260710")),
        End::Until(datetime(2026, 7, 10, 23, 59, 59, 0))
    );
    assert_eq!(
        end(&format!("{berlin}20260710T090000")),
        End::Until(datetime(2026, 7, 10, 9, 0, 0, 0))
    );
    let all_day = "DTSTART;VALUE=DATE:20260701\nRRULE:FREQ=DAILY;UNTIL=20260710T220000Z";
    assert_eq!(end(all_day), End::Until(datetime(2026, 7, 10, 0, 0, 0, 0)));
}

#[test]
fn departures_from_a_series_meet_on_one_clock() {
    let text = event(
        "DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=DAILY;COUNT=9\n\
         EXDATE:20260106T080000Z\nEXDATE;VALUE=DATE:20260107\n\
         RDATE;VALUE=PERIOD:20260120T080000Z/PT2H,20260121T080000Z/20260121T083000Z\n\
         RDATE;TZID=America/New_York:20260122T030000\nRDATE:\n\
         END:VEVENT\nBEGIN:VEVENT\nUID:one\nRECURRENCE-ID:20260108T080000Z\nSTATUS:CANCELLED\n\
         DTSTART:20260108T100000Z",
    );
    let event = read_object(&text).unwrap().event;
    let at = |day| RecurrenceId(datetime(2026, 1, day, 9, 0, 0, 0));
    let change = |day| event.recurrence_overrides.get(&at(day)).cloned();
    assert_eq!(change(6), Some(Override::Excluded));
    assert_eq!(change(7), Some(Override::Excluded));
    assert_eq!(
        change(20),
        Some(Override::Added {
            duration: Some(Length::seconds(7_200))
        })
    );
    assert_eq!(
        change(21),
        Some(Override::Added {
            duration: Some(Length::seconds(1_800))
        })
    );
    assert_eq!(change(22), Some(Override::Added { duration: None }));
    let Some(Override::Replaced(cancelled)) = change(8) else {
        panic!("the cancelled occurrence is not there")
    };
    assert_eq!(cancelled.details.status, Status::Cancelled);
    assert_eq!(event.recurrence_overrides.len(), 6);
}

#[test]
fn a_guest_of_single_instances_never_sees_the_master() {
    let text = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260108T090000\nDTSTART:20260108T100000Z\nSUMMARY:x",
    );
    let event = read_object(&text).unwrap().event;
    assert_eq!(event.shape, Shape::InstancesOnly);
    assert_eq!(event.master.details.title, "x");
    let ids: Vec<RecurrenceId> = event.recurrence_overrides.keys().copied().collect();
    assert_eq!(ids, [RecurrenceId(datetime(2026, 1, 8, 8, 0, 0, 0))]);
}

#[test]
fn a_zone_nobody_knows_comes_with_its_definition() {
    let text = event("DTSTART;TZID=\"Our Time\":20260701T120000\nDTEND:20260701T110000Z").replace(
        "BEGIN:VEVENT",
        "BEGIN:VTIMEZONE\r\nTZID:Our Time\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
         TZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT",
    );
    let event = read_object(&text).unwrap().event;
    let zone = ZoneId("/Our Time".into());
    assert_eq!(event.master.start.zone(), Some(&zone));
    assert_eq!(event.master.duration, Length::minutes(30));
    assert_eq!(event.time_zones[&zone].observances[0].offset_to, 5_400);
}

#[test]
fn sloppy_texts_are_understood() {
    let text = "begin:vcalendar\nbegin:vevent\nuid: one \ndtstart;value=date-time;tzid=\"W. Europe Standard Time\":20260701T0900\n\
        duration:PT\nsummary:a\\, b\\nc\nattendee;cn=\"Bob, B.\";email=bob@x.org:urn:uuid:1\nattendee:MAILTO:MAILTO:Ann@X.org\n\
        categories:a,b\ncategories:b\\,c,\nbegin:valarm\ntrigger:nonsense\naction:display\nend:valarm\n\
        begin:valarm\ntrigger:-P15M\naction:audio\nend:valarm\nend:vevent\nend:vcalendar";
    let object = read_object(text).unwrap();
    assert_eq!(object.uid.as_str(), "one");
    let master = object.event.master;
    let zone = ZoneId("Europe/Berlin".into());
    assert_eq!(
        master.start,
        Start::Zoned {
            local: datetime(2026, 7, 1, 9, 0, 0, 0),
            zone
        }
    );
    assert_eq!(master.details.title, "a, b\nc");
    let people: Vec<&Address> = master.details.participants.keys().collect();
    assert_eq!(
        people,
        [&Address::new("ann@x.org"), &Address::new("bob@x.org")]
    );
    assert_eq!(Vec::from_iter(master.details.keywords), ["a", "b", "b,c"]);
    let alerts: Vec<_> = master
        .details
        .alerts
        .values()
        .map(|alert| &alert.trigger)
        .collect();
    assert_eq!(alerts, [&Trigger::FromStart(-900)]);
}

const FEED: &str = "BEGIN:VCALENDAR\nX-WR-CALNAME:Team\\, all\nMETHOD:publish\nX-PUBLISHED-TTL:PT1H\n\
    X-WR-TIMEZONE:Europe/Berlin\nX-APPLE-CALENDAR-COLOR:#ff0000\nPRODID:them\nVERSION:2.0\n\
    BEGIN:VEVENT\nUID:a\nDTSTART:20260101\nRRULE:FREQ=DAILY\nEND:VEVENT\n\
    BEGIN:VEVENT\nUID:bad\nDTSTART:never\nEND:VEVENT\n\
    BEGIN:VTODO\nUID:todo\nEND:VTODO\n\
    BEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20260102\nDTSTART:20260103\nEND:VEVENT\n\
    BEGIN:VEVENT\nDTSTART:20260104\nSUMMARY:nameless\nEND:VEVENT\n\
    BEGIN:VEVENT\nUID:a\nSEQUENCE:2\nDTSTART:20260105\nEND:VEVENT\n\
    END:VCALENDAR\n";

#[test]
fn one_bad_event_never_stops_the_others() {
    let feed = read_calendar(FEED);
    assert_eq!(feed.name.as_deref(), Some("Team, all"));
    assert_eq!(feed.method.as_deref(), Some("PUBLISH"));
    assert_eq!(feed.refresh_interval, Some(Length::seconds(3_600)));
    assert_eq!(feed.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(feed.color.as_deref(), Some("#ff0000"));
    assert!(feed.complete);
    let [Ok(series), Err(bad), Ok(nameless)] = feed.objects.as_slice() else {
        panic!("{:?}", feed.objects)
    };
    insta::assert_snapshot!(bad, @r#"line 16, DTSTART: not a date or date-time: "never""#);
    assert_eq!(
        nameless.uid.as_str(),
        "no-uid-2225f38594918e40b66b73a50add514c"
    );
    assert_eq!(series.event.master.start, Start::AllDay(date(2026, 1, 5)));
    insta::assert_snapshot!(
        series.problems[0],
        @"line 9, VEVENT: another VEVENT has the same UID and is newer (line 30): this one is left out"
    );
    insta::assert_snapshot!(series.text, @r"
    BEGIN:VCALENDAR
    PRODID:them
    VERSION:2.0
    BEGIN:VEVENT
    UID:a
    RECURRENCE-ID:20260102
    DTSTART:20260103
    END:VEVENT
    BEGIN:VEVENT
    UID:a
    SEQUENCE:2
    DTSTART:20260105
    END:VEVENT
    END:VCALENDAR
    ");
}

fn vevent(lines: &str) -> String {
    format!("BEGIN:VEVENT\nDTSTART:20260101T090000Z\n{lines}END:VEVENT\n")
}

#[test]
fn an_event_beyond_all_reason_is_refused_and_the_others_go_on() {
    let rule = "RRULE:FREQ=DAILY;COUNT=9000\n";
    let alarm = "BEGIN:VALARM\nUID:same\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM\n";
    let overridden = |day: i64| {
        let start = datetime(2000, 1, 1, 9, 0, 0, 0) + SignedDuration::from_hours(24 * day);
        let id = start.strftime("%Y%m%dT%H%M%SZ");
        format!("BEGIN:VEVENT\nUID:many\nRECURRENCE-ID:{id}\nDTSTART:{id}\nEND:VEVENT\n")
    };
    let feed = |rules: usize, alarms: usize, overrides: i64| {
        let events = [
            vevent(&format!("UID:ruled\n{}", rule.repeat(rules))),
            vevent(&format!("UID:alarmed\n{}", alarm.repeat(alarms))),
            (0..overrides).map(overridden).collect::<String>(),
            vevent("UID:good\n"),
        ];
        read_calendar(&format!(
            "BEGIN:VCALENDAR\n{}END:VCALENDAR\n",
            events.concat()
        ))
        .objects
    };
    let within = feed(20, 100, 5_000);
    assert_eq!(within.len(), 4);
    for object in &within {
        let event = &object.as_ref().unwrap().event;
        let alerts = event.master.details.alerts.len();
        let expected = if event.uid.as_str() == "alarmed" {
            100
        } else {
            0
        };
        assert_eq!(alerts, expected, "alarms of one UID do not hide each other");
    }
    let beyond = feed(21, 101, 5_001);
    let refusals: Vec<String> = beyond[..3]
        .iter()
        .map(|object| object.as_ref().unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    line 25, RRULE: more than 20 rules in one event
    line 530, VALARM: more than 100 alarms in one event
    line 25536, VEVENT: more than 5000 VEVENTs have this UID
    ");
    assert_eq!(beyond[3].as_ref().unwrap().uid.as_str(), "good");
}

#[test]
fn an_error_quotes_the_beginning_of_what_is_long() {
    let long = "x".repeat(1 << 20);
    for text in [
        event(&format!("RRULE:FREQ=DAILY;{long}=1")),
        event(&format!("DTSTART:{long}")),
        event("").replace(
            "END:VCALENDAR",
            &format!(
                "BEGIN:VEVENT\r\nUID:{long}\r\nDTSTART:20260101\r\nEND:VEVENT\r\nEND:VCALENDAR"
            ),
        ),
        event(&format!("BEGIN:{long}")),
    ] {
        let message = read_object(&text).unwrap_err().to_string();
        assert!(message.len() < 1_200, "{} bytes", message.len());
    }
}
