//! A world as a file: all of it, so that what was given out before (tokens, cursors, ETags) is good after.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use crate::world::World;

/// What the file says it is.
const FORMAT: &str = "kalends-sandbox-world";

/// The only version there is. It grows when a file of before can no longer be read.
const VERSION: u32 = 1;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is no JSON, or lacks a part, or has one that cannot be.
    #[error("not a world: {0}")]
    Unreadable(String),
    /// It says that it is something else.
    #[error("not a world, but {0:?}")]
    Other(String),
    /// Another version of the program wrote it.
    #[error("version {0} is unknown; this program reads version {VERSION}")]
    Version(u32),
    /// It could not be written. No world there can be leads to this.
    #[error("the world cannot be written: {0}")]
    Unwritable(serde_json::Error),
}

#[derive(Serialize)]
struct Writing<'a> {
    format: &'static str,
    version: u32,
    world: &'a World,
}

/// What is read first: whether the rest can be.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct Reading {
    world: World,
}

/// The world as it began, for a reset. It is no part of what a world is: no file has it, and no comparison looks at it.
#[derive(Clone, Default)]
pub(super) struct Beginning(Option<Arc<World>>);

impl PartialEq for Beginning {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for Beginning {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(if self.0.is_some() { "kept" } else { "none" })
    }
}

impl World {
    /// The world as a file: JSON, the same bytes for the same world.
    pub fn save(&self) -> Result<Vec<u8>, FileError> {
        let writing = Writing {
            format: FORMAT,
            version: VERSION,
            world: self,
        };
        serde_json::to_vec(&writing).map_err(FileError::Unwritable)
    }

    /// The world that [`World::save`] wrote.
    pub fn load(file: &[u8]) -> Result<Self, FileError> {
        let head: Head = read(file)?;
        if head.format != FORMAT {
            return Err(FileError::Other(head.format));
        }
        if head.version != VERSION {
            return Err(FileError::Version(head.version));
        }
        read::<Reading>(file).map(|reading| reading.world)
    }

    /// Remembers the world as it is now, as what a reset goes back to.
    pub fn begin_here(&mut self) {
        self.control.beginning = Beginning::default();
        self.control.beginning = Beginning(Some(Arc::new(self.clone())));
    }

    /// Goes back to the beginning, as a server does that is restored from a copy: cursors given since are dead, no token is
    /// made twice, and what is numbered goes on. False where no beginning was remembered.
    pub fn reset(&mut self) -> bool {
        let Some(beginning) = self.control.beginning.0.clone() else {
            return false;
        };
        let mut again = World::clone(&beginning);
        again.control.beginning = Beginning(Some(beginning));
        again.succeed(self);
        *self = again;
        true
    }

    /// Takes on what must not repeat itself when this world comes after another at the same address.
    pub(super) fn succeed(&mut self, before: &World) {
        self.google.oauth.maker = before.google.oauth.maker.clone();
        self.microsoft.oauth.maker = before.microsoft.oauth.maker.clone();
        for (id, calendar) in &mut self.google.calendars {
            let old = before.google.calendars.get(id);
            let old = old.map_or(0, crate::google::Calendar::generation);
            while calendar.generation() <= old {
                calendar.kill_tokens();
            }
        }
        let mailboxes = before.microsoft.mailboxes();
        for (email, generation) in mailboxes.map(|old| (&old.owner.address, old.generation)) {
            self.microsoft.outlive(email, generation);
        }
        for (place, old) in before.collections() {
            if let Ok(collection) = self.collection_mut(&place) {
                while collection.generation() <= old.generation() {
                    collection.kill_tokens();
                }
            }
        }
        self.control.go_on_from(&before.control);
        self.control.requests_forgotten =
            before.control.requests_forgotten + before.requests.len() as u64;
    }
}

fn read<'de, T: Deserialize<'de>>(file: &'de [u8]) -> Result<T, FileError> {
    let reader = &mut serde_json::Deserializer::from_slice(file);
    serde_path_to_error::deserialize(reader)
        .map_err(|error| FileError::Unreadable(format!("{}: {}", error.path(), error.inner())))
}

/// `GET /_sandbox/world`.
pub(super) fn get(world: &World) -> Result<Done, Refused> {
    let wrong = |error: String| Refused::field("world", error);
    let file = world.save().map_err(|error| wrong(error.to_string()))?;
    let value: Value = serde_json::from_slice(&file).map_err(|error| wrong(error.to_string()))?;
    Ok(Done::ok(value))
}

/// `PUT /_sandbox/world`: what a file says takes the place of the world. Its address stays, and a reset now goes back to it.
pub(super) fn put(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let loaded = World::load(asked.body);
    let mut loaded = loaded.map_err(|error| Refused::field("body", error.to_string()))?;
    loaded.origin.clone_from(&world.origin);
    *world = loaded;
    world.begin_here();
    Ok(Done::ok(json!({})))
}

/// `POST /_sandbox/reset`.
pub(super) fn reset(world: &mut World) -> Result<Done, Refused> {
    if world.reset() {
        Ok(Done::ok(json!({})))
    } else {
        let error = "Nobody remembered how this world began.";
        Err(Refused::unknown("world", error))
    }
}
