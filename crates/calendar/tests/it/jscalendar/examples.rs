//! The examples of RFC 8984 §6, as far as they say what Kalends keeps.

use jiff::civil::date;
use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Attendance, Override, Participant, ParticipationStatus,
    RecurrenceId, Role, Trigger,
};
use kalends_calendar::ids::Uid;
use kalends_calendar::jscalendar::{occurrence_to_json, to_json};
use kalends_calendar::recurrence::{End, Frequency};
use kalends_calendar::time::{Length, Start, ZoneId};
use serde_json::{Value, json};

use super::read;

fn zoned(local: jiff::civil::DateTime, zone: &str) -> Start {
    Start::Zoned {
        local,
        zone: ZoneId(zone.to_owned()),
    }
}

/// What is written of something read, less what is written always.
fn written(value: &Value) -> Value {
    to_json(&read(value).unwrap())
}

#[test]
fn a_simple_event() {
    let example = json!({
        "@type": "Event",
        "uid": "a8df6573-0474-496d-8496-033ad45d7fea",
        "updated": "2020-01-02T18:23:04Z",
        "title": "Some event",
        "start": "2020-01-15T13:00:00",
        "timeZone": "America/New_York",
        "duration": "PT1H"
    });
    let event = read(&example).unwrap();
    let start = zoned(date(2020, 1, 15).at(13, 0, 0, 0), "America/New_York");
    assert_eq!(event.master.start, start);
    assert_eq!(event.master.duration, Length::minutes(60));
    insta::assert_snapshot!(format!("{:#}", to_json(&event)), @r#"
    {
      "@type": "Event",
      "duration": "PT1H",
      "freeBusyStatus": "busy",
      "privacy": "public",
      "sequence": 0,
      "showWithoutTime": false,
      "start": "2020-01-15T13:00:00",
      "status": "confirmed",
      "timeZone": "America/New_York",
      "title": "Some event",
      "uid": "a8df6573-0474-496d-8496-033ad45d7fea",
      "updated": "2020-01-02T18:23:04Z"
    }
    "#);
}

#[test]
fn an_all_day_event() {
    // §6.4.
    let example = json!({
        "@type": "Event",
        "uid": "2a358cee-6489-4f14-a57f-c104db4dc2f1",
        "updated": "2019-11-19T00:00:00Z",
        "title": "April Fool's Day",
        "showWithoutTime": true,
        "start": "1900-04-01T00:00:00",
        "duration": "P1D",
        "recurrenceRules": [{ "@type": "RecurrenceRule", "frequency": "yearly" }]
    });
    let event = read(&example).unwrap();
    assert_eq!(event.master.start, Start::AllDay(date(1900, 4, 1)));
    assert_eq!(event.recurrence_rules[0].frequency, Frequency::Yearly);
    let written = to_json(&event);
    assert_eq!(written["start"], "1900-04-01T00:00:00");
    assert_eq!(written["timeZone"], Value::Null);

    // All-day values are dates in our API.
    for said in [
        json!({ "start": "1900-04-01" }),
        json!({ "start": "1900-04-01", "showWithoutTime": true, "timeZone": null, "duration": "PT24H" }),
    ] {
        let event = read(&said).unwrap();
        assert_eq!(event.uid, Uid::from("given@example.com"));
        assert_eq!(event.master.start, Start::AllDay(date(1900, 4, 1)));
        assert_eq!(event.master.duration, Length::days(1));
    }
}

#[test]
fn a_floating_event_with_an_overridden_occurrence() {
    // §6.7, floating, and §6.8, with a rule to override.
    let yoga = json!({
        "@type": "Event",
        "uid": "5f3c2fc4-2f3a-4b1a-8a40-2a4c9c5a3f0a",
        "title": "Yoga",
        "start": "2020-01-01T07:00:00",
        "timeZone": null,
        "duration": "PT30M",
        "recurrenceRules": [{ "@type": "RecurrenceRule", "frequency": "daily" }]
    });
    let event = read(&yoga).unwrap();
    let start = date(2020, 1, 1).at(7, 0, 0, 0);
    assert_eq!(event.master.start, Start::Floating(start));

    // §6.10: an exam week replaces a lecture, another one falls out, and a third is added.
    let calculus = json!({
        "@type": "Event",
        "uid": "b1d8c4f2-6f5a-4a2f-9c1e-2d0a6f0c7b11",
        "title": "Calculus I",
        "start": "2020-01-08T09:00:00",
        "timeZone": "Europe/London",
        "duration": "PT1H30M",
        "locations": { "mlab": { "@type": "Location", "name": "Math lab room 1" } },
        "recurrenceRules": [{
            "@type": "RecurrenceRule",
            "frequency": "weekly",
            "until": "2020-06-24T09:00:00"
        }],
        "recurrenceOverrides": {
            "2020-01-07T14:00:00": { "title": "Introduction to Calculus I (optional)" },
            "2020-04-01T09:00:00": { "excluded": true },
            "2020-06-25T09:00:00": {
                "title": "Calculus I Exam",
                "start": "2020-06-25T10:00:00",
                "duration": "PT2H",
                "locations/mlab/name": "Auditorium"
            },
            "2020-07-01T09:00:00": {},
            "2020-07-02T09:00:00": { "duration": "PT15M" },
            "2020-01-22T09:00:00": { "duration": "PT2H" }
        }
    });
    let event = read(&calculus).unwrap();
    let until = date(2020, 6, 24).at(9, 0, 0, 0);
    assert_eq!(event.recurrence_rules[0].end, End::Until(until));
    let at = |month, day, hour| RecurrenceId(date(2020, month, day).at(hour, 0, 0, 0));
    let overrides = &event.recurrence_overrides;
    assert_eq!(overrides[&at(4, 1, 9)], Override::Excluded);
    assert_eq!(overrides[&at(7, 1, 9)], Override::Added { duration: None });
    let duration = Some(Length::minutes(15));
    assert_eq!(overrides[&at(7, 2, 9)], Override::Added { duration });
    let Override::Replaced(exam) = &overrides[&at(6, 25, 9)] else {
        panic!("the exam is an occurrence of its own");
    };
    let start = zoned(date(2020, 6, 25).at(10, 0, 0, 0), "Europe/London");
    assert_eq!(exam.start, start);
    assert_eq!(exam.duration, Length::minutes(120));
    assert_eq!(exam.details.locations[0].name, "Auditorium");
    // The rules yield this one: it is no added date.
    let Override::Replaced(long) = &overrides[&at(1, 22, 9)] else {
        panic!("a longer lecture is an occurrence changed");
    };
    assert_eq!(long.duration, Length::minutes(120));
    insta::assert_snapshot!(format!("{:#}", written(&calculus)["recurrenceOverrides"]), @r#"
    {
      "2020-01-07T14:00:00": {
        "title": "Introduction to Calculus I (optional)"
      },
      "2020-01-22T09:00:00": {
        "duration": "PT2H",
        "start": "2020-01-22T09:00:00"
      },
      "2020-04-01T09:00:00": {
        "excluded": true
      },
      "2020-06-25T09:00:00": {
        "duration": "PT2H",
        "locations/1": {
          "@type": "Location",
          "name": "Auditorium"
        },
        "start": "2020-06-25T10:00:00",
        "title": "Calculus I Exam"
      },
      "2020-07-01T09:00:00": {},
      "2020-07-02T09:00:00": {
        "duration": "PT15M",
        "kalends:added": true
      }
    }
    "#);

    let one = occurrence_to_json(&event, at(1, 22, 9)).unwrap();
    assert_eq!(one["recurrenceId"], "2020-01-22T09:00:00");
    assert_eq!(one["recurrenceIdTimeZone"], "Europe/London");
    assert_eq!(
        (&one["duration"], &one["uid"]),
        (&json!("PT2H"), &calculus["uid"])
    );
}

#[test]
fn participants_and_alerts() {
    // §6.11, with one address for each.
    let event = read(&json!({
        "@type": "Event",
        "title": "FooBar team meeting",
        "start": "2020-01-08T09:00:00",
        "timeZone": "Africa/Johannesburg",
        "duration": "PT1H",
        "virtualLocations": {
            "0": { "@type": "VirtualLocation", "name": "ChatMe meeting room", "uri": "https://chatme.example.com?id=1234567" }
        },
        "participants": {
            "dG9tQGZvb2Jhci5xlLmNvbQ": {
                "@type": "Participant",
                "name": "Tom Tool",
                "email": "tom@foobar.example.com",
                "sendTo": { "imip": "mailto:Tom@foobar.example.com" },
                "participationStatus": "accepted",
                "roles": { "attendee": true }
            },
            "em9lQGZvb2GFtcGxlLmNvbQ": {
                "@type": "Participant",
                "name": "Zoe Zelda",
                "email": "zoe@foobar.example.com",
                "participationStatus": "accepted",
                "roles": { "owner": true, "attendee": true, "chair": true }
            },
            "room": { "sendTo": { "other": "urn:uuid:12" }, "kind": "location", "roles": { "informational": true } }
        },
        "alerts": {
            "early": { "trigger": { "offset": "-PT15M" } },
            "late": { "@type": "Alert", "trigger": { "@type": "OffsetTrigger", "offset": "PT0S", "relativeTo": "end" }, "action": "email" },
            "once": { "trigger": { "@type": "AbsoluteTrigger", "when": "2020-01-07T20:00:00Z" } }
        },
        "links": { "1": { "href": "https://example.com/foobar" } },
        "keywords": { "team": true }
    }))
    .unwrap();
    let details = &event.master.details;
    let zoe = Participant {
        name: "Zoe Zelda".to_owned(),
        organizer: true,
        attendance: Some(Attendance {
            participation_status: ParticipationStatus::Accepted,
            role: Role::Chair,
            ..Attendance::default()
        }),
    };
    let address = Address("zoe@foobar.example.com".to_owned());
    assert_eq!(details.participants[&address], zoe);
    let alert = |trigger, action| Alert { trigger, action };
    assert_eq!(
        details.alerts,
        [
            (
                AlertKey("early".to_owned()),
                alert(Trigger::FromStart(-900), AlertAction::Display)
            ),
            (
                AlertKey("late".to_owned()),
                alert(Trigger::FromEnd(0), AlertAction::Email)
            ),
            (
                AlertKey("once".to_owned()),
                alert(
                    Trigger::At("2020-01-07T20:00:00Z".parse().unwrap()),
                    AlertAction::Display
                )
            ),
        ]
        .into()
    );
    assert_eq!(details.url.as_deref(), Some("https://example.com/foobar"));
    let written = to_json(&event);
    insta::assert_snapshot!(format!("{:#}", written["participants"]), @r#"
    {
      "041e6943-e6dc-54aa-97e7-dfe76f026692": {
        "@type": "Participant",
        "email": "zoe@foobar.example.com",
        "name": "Zoe Zelda",
        "participationStatus": "accepted",
        "roles": {
          "attendee": true,
          "chair": true,
          "owner": true
        }
      },
      "0e0f81a2-b5fe-552f-944f-1a5b8c0d32d4": {
        "@type": "Participant",
        "kind": "location",
        "roles": {
          "informational": true
        },
        "sendTo": {
          "other": "urn:uuid:12"
        }
      },
      "a29ba7f3-e8c0-54e5-9d94-f5ab32ec84e3": {
        "@type": "Participant",
        "email": "tom@foobar.example.com",
        "name": "Tom Tool",
        "participationStatus": "accepted",
        "roles": {
          "attendee": true
        }
      }
    }
    "#);
    insta::assert_snapshot!(format!("{:#}", written["alerts"]), @r#"
    {
      "early": {
        "@type": "Alert",
        "trigger": {
          "@type": "OffsetTrigger",
          "offset": "-PT15M"
        }
      },
      "late": {
        "@type": "Alert",
        "action": "email",
        "trigger": {
          "@type": "OffsetTrigger",
          "offset": "PT0S",
          "relativeTo": "end"
        }
      },
      "once": {
        "@type": "Alert",
        "trigger": {
          "@type": "AbsoluteTrigger",
          "when": "2020-01-07T20:00:00Z"
        }
      }
    }
    "#);
    assert_eq!(read(&written).unwrap(), event);
}

#[test]
fn a_zone_of_its_own() {
    let example = json!({
        "title": "As our factory has it",
        "start": "2026-07-01T09:00:00",
        "timeZone": "/example.com/Works",
        "duration": "PT8H",
        "kalends:endTimeZone": "W. Europe Standard Time",
        "timeZones": {
            "/example.com/Works": {
                "@type": "TimeZone",
                "tzId": "example.com/Works",
                "standard": [{
                    "@type": "TimeZoneRule",
                    "start": "2000-10-29T03:00:00", "offsetFrom": "+0200", "offsetTo": "+0100",
                    "recurrenceRules": [{ "frequency": "yearly", "byMonth": ["10"], "byDay": [{ "day": "su", "nthOfPeriod": -1 }], "until": "2030-10-27T01:00:00" }]
                }],
                "daylight": [{
                    "start": "2000-03-26T02:00:00", "offsetFrom": "+0100", "offsetTo": "+0200",
                    "recurrenceOverrides": { "2001-03-25T02:00:00": {} }
                }]
            },
            "/example.com/Unused": { "standard": [{ "start": "2000-01-01T00:00:00", "offsetFrom": "+0000", "offsetTo": "+0000" }] }
        }
    });
    let event = read(&example).unwrap();
    assert_eq!(
        event.master.end_zone,
        Some(ZoneId("Europe/Berlin".to_owned()))
    );
    assert_eq!(event.time_zones.len(), 1);
    let zone = event.time_zones.values().next().unwrap();
    // The standard has this end in UTC, the model on the clock before the change.
    let until = date(2030, 10, 27).at(3, 0, 0, 0);
    assert_eq!(
        zone.observances[0].recurrence_rules[0].end,
        End::Until(until)
    );
    let written = to_json(&event);
    let rules = &written["timeZones"]["/example.com/Works"]["standard"][0]["recurrenceRules"];
    assert_eq!(rules[0]["until"], "2030-10-27T01:00:00");
    assert_eq!(read(&written).unwrap(), event);
}
