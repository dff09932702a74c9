//! Worlds that can be planted in place of this one.

use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use crate::seed::{SEEDS, Seed};
use crate::world::World;

/// `GET /_sandbox/seeds`.
pub(super) fn list() -> Done {
    let all: Vec<Value> = SEEDS
        .iter()
        .map(|seed| json!({ "name": seed.word(), "what": seed.what() }))
        .collect();
    Done::ok(json!({ "seeds": all }))
}

/// `POST /_sandbox/seeds/{name}`: other people with other calendars live here from now on. Clients stay registered.
pub(super) fn plant(world: &mut World, asked: &Asked<'_>, name: &str) -> Result<Done, Refused> {
    let seed = Seed::read(name)
        .ok_or_else(|| Refused::unknown("name", "GET /_sandbox/seeds lists the names."))?;
    let mut new = World::new(&world.origin);
    new.google.oauth.maker = world.google.oauth.maker.clone();
    new.microsoft.oauth.maker = world.microsoft.oauth.maker.clone();
    new.google.oauth.clients = world.google.oauth.clients.clone();
    new.microsoft.oauth.clients = world.microsoft.oauth.clients.clone();
    new.google.switches = world.google.switches.clone();
    new.microsoft.switches = world.microsoft.switches.clone();
    new.control.offset = world.control.offset;
    seed.plant(&mut new, asked.now)
        .map_err(|error| Refused::field("name", error.to_string()))?;
    let planted = (
        new.google.oauth.maker.clone(),
        new.microsoft.oauth.maker.clone(),
    );
    new.succeed(world);
    (new.google.oauth.maker, new.microsoft.oauth.maker) = planted;
    *world = new;
    world.begin_here();
    Ok(super::people::list(world))
}
