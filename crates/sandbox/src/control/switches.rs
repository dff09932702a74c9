//! How Google and Microsoft behave where their documents are silent or disagree, to be looked at and set.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::reply::{Asked, Done, Refused};
use crate::world::World;
use crate::{google, microsoft};

/// A page that holds nothing never ends.
const AT_LEAST_ONE: [(&str, &str); 2] = [("microsoft", "page_default"), ("microsoft", "top_max")];

/// More notifications of one change than any client has to bear.
const PUSHES_PER_CHANGE_MAX: u64 = 100;

fn show(world: &World) -> Done {
    Done::ok(json!({ "google": world.google.switches, "microsoft": world.microsoft.switches }))
}

/// `GET /_sandbox/switches`.
pub(super) fn get(world: &World) -> Done {
    show(world)
}

/// `PATCH /_sandbox/switches`: what is not named stays. All of it counts, or nothing.
pub(super) fn patch(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let changes: Map<String, Value> = asked.read()?;
    let (mut of_google, mut of_microsoft) = (None, None);
    for (face, changes) in &changes {
        match face.as_str() {
            "google" => of_google = Some(set(face, &world.google.switches, changes)?),
            "microsoft" => of_microsoft = Some(set(face, &world.microsoft.switches, changes)?),
            _ => return Err(Refused::field(face, "Say `google` or `microsoft`.")),
        }
    }
    if let Some(switches) = of_google {
        world.google.switches = switches;
    }
    if let Some(switches) = of_microsoft {
        world.microsoft.switches = switches;
    }
    Ok(show(world))
}

/// `DELETE /_sandbox/switches`: all as they are when nobody sets them.
pub(super) fn delete(world: &mut World) -> Done {
    world.google.switches = google::Switches::default();
    world.microsoft.switches = microsoft::Switches::default();
    show(world)
}

/// Switches with these changes.
fn set<T: Serialize + DeserializeOwned>(
    face: &str,
    present: &T,
    changes: &Value,
) -> Result<T, Refused> {
    let mut all =
        serde_json::to_value(present).map_err(|error| Refused::field(face, error.to_string()))?;
    merge(&mut all, changes, face)?;
    for (of, name) in AT_LEAST_ONE {
        if of == face && all[name].as_u64() == Some(0) {
            let field = format!("{face}.{name}");
            return Err(Refused::field(&field, "It must be at least 1."));
        }
    }
    if all["pushes_per_change"].as_u64() > Some(PUSHES_PER_CHANGE_MAX) {
        let field = format!("{face}.pushes_per_change");
        let error = format!("It can be {PUSHES_PER_CHANGE_MAX} at most.");
        return Err(Refused::field(&field, error));
    }
    serde_path_to_error::deserialize(all).map_err(|error| {
        let field = format!("{face}.{}", error.path());
        Refused::field(&field, error.into_inner().to_string())
    })
}

fn merge(all: &mut Value, changes: &Value, at: &str) -> Result<(), Refused> {
    let (Some(known), Some(changes)) = (all.as_object_mut(), changes.as_object()) else {
        return Err(Refused::field(at, "An object of switches is wanted."));
    };
    for (name, value) in changes {
        let field = format!("{at}.{name}");
        let present = known.get_mut(name).ok_or_else(|| {
            Refused::field(
                &field,
                "There is no such switch. GET /_sandbox/switches lists them.",
            )
        })?;
        if present.is_object() {
            merge(present, value, &field)?;
        } else {
            present.clone_from(value);
        }
    }
    Ok(())
}
