//! The demo's own world: two people at each of CalDAV, Google and Microsoft, with something in their calendars.

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use kalends_calendar::seams::Clock;
use kalends_sandbox::google::Visit;
use kalends_sandbox::microsoft;
use kalends_sandbox::world::{Account, Upload};
use kalends_sandbox::{Place, World, seed};
use serde_json::json;

/// How many events each account begins with.
const EVENTS: usize = 40;

/// Who has an account at Google.
pub(super) const AT_GOOGLE: [(&str, &str); 2] = [
    ("ann@example.com", "Ann Albers"),
    ("ben@example.com", "Ben Brandt"),
];
/// Who has one at Microsoft.
pub(super) const AT_MICROSOFT: [(&str, &str); 2] = [
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

/// Gives everybody at Google and Microsoft a calendar with something in it.
pub(super) fn settle(world: &mut World, now: Timestamp) -> Result<()> {
    for (email, name) in AT_GOOGLE {
        world.google.add_account(email, name, ZONE, now);
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
                .create_event(Visit::primary(email), &event, now)
                .map_err(|refusal| anyhow!("the sandbox's Google: {refusal:?}"))?;
        }
    }
    for (email, name) in AT_MICROSOFT {
        let refused = |refusal| anyhow!("the sandbox's Microsoft: {refusal:?}");
        let calendar = world
            .microsoft
            .add_account(microsoft::Account {
                email,
                name,
                time_zone: ZONE,
            })
            .map_err(refused)?;
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
                .as_user_create(email, &calendar, &event, now)
                .map_err(refused)?;
        }
    }
    Ok(())
}

/// An account with a calendar of events such as people have, and an empty one.
pub(super) fn add(
    world: &mut World,
    number: usize,
    user: &str,
    password: &str,
    clock: &dyn Clock,
) -> Result<()> {
    let mut account = Account::new(user);
    password.clone_into(&mut account.password);
    let work = account.add_collection("work");
    account.add_collection("private");
    world.add_account(account);
    for (slug, name) in [("work", "Work"), ("private", "Private")] {
        let place = Place {
            user: user.to_owned(),
            collection: slug.to_owned(),
        };
        name.clone_into(&mut world.collection_mut(&place)?.name);
    }
    let seed = u64::try_from(number)?.saturating_add(1);
    for (index, text) in seed::populate(seed, EVENTS).iter().enumerate() {
        let name = format!("{index}.ics");
        let upload = Upload { name: &name, text };
        world.put(&work, upload, clock.now())?;
    }
    Ok(())
}
