//! The demo's own world: two people at each of CalDAV, Google and Microsoft, with something in their calendars.

use jiff::Timestamp;
use serde_json::json;

use super::{SeedError, populate};
use crate::control::Resident;
use crate::google::Visit;
use crate::world::{Place, Upload, World};

/// How many events each account at CalDAV begins with.
const EVENTS: usize = 40;

/// Who has an account at CalDAV.
const AT_CALDAV: [&str; 2] = ["ann", "ben"];
/// Who has one at Google.
const AT_GOOGLE: [(&str, &str); 2] = [
    ("ann@example.com", "Ann Albers"),
    ("ben@example.com", "Ben Brandt"),
];
/// Who has one at Microsoft.
const AT_MICROSOFT: [(&str, &str); 2] = [
    ("ann@contoso.example", "Ann Albers"),
    ("ben@contoso.example", "Ben Brandt"),
];

/// Where they live.
const ZONE: &str = "Europe/Berlin";
/// What is in their calendars: a title, and the rule of what repeats.
const HELD: [(&str, Option<&str>); 3] = [
    ("Team meeting", Some("FREQ=WEEKLY;BYDAY=MO;COUNT=8")),
    ("Interview", None),
    ("Visit to the tax adviser", None),
];

/// Lets everybody live in a world without people.
pub(super) fn plant(world: &mut World, now: Timestamp) -> Result<(), SeedError> {
    for (seed, user) in (1..).zip(AT_CALDAV) {
        at_caldav(world, seed, user, now)?;
    }
    for (email, name) in AT_GOOGLE {
        world
            .settle_google(resident(email, name), now)
            .map_err(SeedError)?;
        for (title, rule) in HELD {
            let recurrence: Vec<String> = rule
                .map(|rule| format!("RRULE:{rule}"))
                .into_iter()
                .collect();
            let event = json!({
                "summary": title,
                "start": { "dateTime": "2026-11-30T09:00:00", "timeZone": ZONE },
                "end": { "dateTime": "2026-11-30T09:45:00", "timeZone": ZONE },
                "recurrence": recurrence,
            });
            world
                .google
                .create_event(Visit::primary(email), &event, now)?;
        }
    }
    for (email, name) in AT_MICROSOFT {
        at_microsoft(world, email, name, now)?;
    }
    Ok(())
}

fn resident<'a>(email: &'a str, name: &'a str) -> Resident<'a> {
    Resident {
        email,
        name,
        zone: ZONE,
        password: None,
    }
}

fn at_microsoft(
    world: &mut World,
    email: &str,
    name: &str,
    now: Timestamp,
) -> Result<(), SeedError> {
    world
        .settle_microsoft(resident(email, name))
        .map_err(SeedError)?;
    let calendars = world.microsoft.calendars(email)?;
    let calendar = calendars.first().and_then(|first| first["id"].as_str());
    let calendar = calendar.unwrap_or_default().to_owned();
    for (title, rule) in HELD {
        let mut event = json!({
            "subject": title,
            "start": { "dateTime": "2026-11-30T11:00:00", "timeZone": ZONE },
            "end": { "dateTime": "2026-11-30T11:30:00", "timeZone": ZONE },
        });
        if rule.is_some() {
            event["recurrence"] = json!({
                "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday" },
                "range": { "type": "numbered", "startDate": "2026-11-30", "numberOfOccurrences": 8 },
            });
        }
        world
            .microsoft
            .as_user_create(email, &calendar, &event, now)?;
    }
    Ok(())
}

/// An account with a calendar of events such as people have, and an empty one.
fn at_caldav(world: &mut World, seed: u64, user: &str, now: Timestamp) -> Result<(), SeedError> {
    world.settle_caldav(resident(user, user));
    if let Some(account) = world.accounts.get_mut(user) {
        let private = account.add_collection("private").collection;
        if let Some(private) = account.collections.get_mut(&private) {
            "Private".clone_into(&mut private.name);
        }
    }
    let work = Place {
        user: user.to_owned(),
        collection: "work".to_owned(),
    };
    for (index, text) in populate(seed, EVENTS).iter().enumerate() {
        let name = format!("{index}.ics");
        let upload = Upload { name: &name, text };
        world.put(&work, upload, now)?;
    }
    Ok(())
}
