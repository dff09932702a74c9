//! Cursors: sync tokens and delta links, and how they die.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Face;
use super::reply::{Asked, Done, Refused};
use crate::world::World;

/// Whose cursors are meant; without a calendar all of somebody's, without a user everybody's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meant {
    face: Face,
    user: Option<String>,
    calendar: Option<String>,
}

impl Meant {
    fn is(&self, user: &str, calendar: &str) -> bool {
        let same = |wanted: &Option<String>, is: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(is))
        };
        same(&self.user, user) && same(&self.calendar, calendar)
    }

    fn found(&self, count: usize) -> Result<Done, Refused> {
        if count > 0 {
            return Ok(Done::ok(json!({ "calendars": count })));
        }
        let field = if self.calendar.is_some() {
            "calendar"
        } else {
            "user"
        };
        Err(Refused::unknown(field, "There is no such calendar."))
    }
}

/// `GET /_sandbox/cursors`: what can be read incrementally, how many changes it has seen, and how often its cursors died.
pub(super) fn list(world: &World) -> Done {
    let google = world.google.calendars.values().map(|calendar| {
        json!({
            "face": "google",
            "user": calendar.owner,
            "calendar": calendar.id,
            "changes": calendar.revision(),
            "generation": calendar.generation(),
        })
    });
    let microsoft = world.microsoft.mailboxes().map(|mailbox| {
        json!({
            "face": "microsoft",
            "user": mailbox.owner.address,
            "calendar": null,
            "changes": mailbox.revision(),
            "generation": mailbox.generation,
        })
    });
    let caldav = world.collections().map(|(place, collection)| {
        json!({
            "face": "caldav",
            "user": place.user,
            "calendar": place.collection,
            "changes": collection.revision(),
            "generation": collection.generation(),
        })
    });
    let all: Vec<Value> = google.chain(microsoft).chain(caldav).collect();
    Done::ok(json!({ "cursors": all }))
}

/// `POST /_sandbox/cursors/kill`: every cursor given so far is answered as the provider answers dead ones.
pub(super) fn kill(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let meant: Meant = asked.read()?;
    let mut count = 0;
    match meant.face {
        Face::Google => {
            for calendar in world.google.calendars.values_mut() {
                if meant.is(&calendar.owner, &calendar.id) {
                    calendar.kill_tokens();
                    count += 1;
                }
            }
        }
        Face::Microsoft => {
            if meant.calendar.is_some() {
                let error = "At Microsoft all cursors of a mailbox die together.";
                return Err(Refused::field("calendar", error));
            }
            let emails: Vec<String> = world
                .microsoft
                .mailboxes()
                .map(|mailbox| mailbox.owner.address.clone())
                .filter(|email| meant.is(email, ""))
                .collect();
            for email in &emails {
                count += usize::from(world.microsoft.bump_generation(email).is_ok());
            }
        }
        Face::Caldav => {
            for (user, account) in &mut world.accounts {
                for (slug, collection) in &mut account.collections {
                    if meant.is(user, slug) {
                        collection.kill_tokens();
                        count += 1;
                    }
                }
            }
        }
    }
    meant.found(count)
}

/// `POST /_sandbox/cursors/age`: Google forgets what was deleted so far, so that cursors from before a deletion are dead and
/// younger ones live.
pub(super) fn age(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let meant: Meant = asked.read()?;
    if meant.face != Face::Google {
        let error = "Only Google forgets deletions by their age; elsewhere cursors can be killed.";
        return Err(Refused::field("face", error));
    }
    let mut count = 0;
    for calendar in world.google.calendars.values_mut() {
        if meant.is(&calendar.owner, &calendar.id) {
            calendar.age_out(asked.now);
            count += 1;
        }
    }
    meant.found(count)
}
