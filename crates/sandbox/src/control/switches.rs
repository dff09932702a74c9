//! How the faces behave where documents are silent or disagree, and where servers differ, to be looked at and set.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Provider;
use super::peculiar::{OfCaldav, OfFeed, apply_feeds, of_feeds, take_feeds};
use super::reply::{Asked, Done, Refused};
use crate::oauth::{self, Oauth, Style};
use crate::world::World;
use crate::{google, microsoft};

/// A page that holds nothing never ends.
const AT_LEAST_ONE: [(&str, &str); 2] = [("microsoft", "page_default"), ("microsoft", "top_max")];

/// More notifications of one change than any client has to bear.
const PUSHES_PER_CHANGE_MAX: u64 = 100;

/// The switches of signing in, among those of the face.
const SIGN_IN: &str = "sign_in";
/// Those of them that mean nothing at Microsoft.
const OF_GOOGLE: [&str; 4] = [
    "granular_consent",
    "pkce_for_web",
    "revokes_whole_grant",
    "tells_refresh_lifetime",
];
/// Those that mean nothing at Google.
const OF_MICROSOFT: [&str; 6] = [
    "rotation_ends_old",
    "varies_lifetimes",
    "tells_suberrors",
    "tells_subcode",
    "tells_full_scopes",
    "mail_is_null",
];

fn show(world: &World) -> Done {
    let mut of_google = json!(world.google.switches);
    of_google[SIGN_IN] = sign_in(&world.google.oauth);
    let mut of_microsoft = json!(world.microsoft.switches);
    of_microsoft[SIGN_IN] = sign_in(&world.microsoft.oauth);
    Done::ok(json!({
        "google": of_google,
        "microsoft": of_microsoft,
        "caldav": OfCaldav::of(world).show(),
        "ics": of_feeds(world),
    }))
}

/// The switches of signing in that mean something here.
fn sign_in(oauth: &Oauth) -> Value {
    let mut all = json!(oauth.switches);
    let elsewhere: &[&str] = match oauth.style {
        Style::Google => &OF_MICROSOFT,
        Style::Microsoft => &OF_GOOGLE,
    };
    if let Some(all) = all.as_object_mut() {
        all.retain(|name, _| !elsewhere.contains(&name.as_str()));
    }
    all
}

/// `GET /_sandbox/switches`.
pub(super) fn get(world: &World) -> Done {
    show(world)
}

/// `PATCH /_sandbox/switches`: what is not named stays. All of it counts, or nothing.
pub(super) fn patch(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let changes: Map<String, Value> = asked.read()?;
    let mut next = Next {
        google: world.google.switches.clone(),
        microsoft: world.microsoft.switches.clone(),
        google_sign_in: world.google.oauth.switches.clone(),
        microsoft_sign_in: world.microsoft.oauth.switches.clone(),
    };
    let mut caldav = OfCaldav::of(world);
    let mut feeds = of_feeds(world);
    for (face, changes) in &changes {
        match face.as_str() {
            "google" => {
                let (own, others) = apart(changes);
                next.google = set(face, &next.google, &own)?;
                next.google_sign_in = set_sign_in(Provider::Google.oauth_of(world), face, others)?;
            }
            "microsoft" => {
                let (own, others) = apart(changes);
                next.microsoft = set(face, &next.microsoft, &own)?;
                let oauth = Provider::Microsoft.oauth_of(world);
                next.microsoft_sign_in = set_sign_in(oauth, face, others)?;
            }
            "caldav" => caldav.take(changes, face)?,
            "ics" => take_feeds(&mut feeds, changes, face)?,
            _ => {
                let error = "Say `google`, `microsoft`, `caldav` or `ics`.";
                return Err(Refused::field(face, error));
            }
        }
    }
    next.apply(world);
    caldav.apply(world);
    apply_feeds(world, feeds);
    Ok(show(world))
}

/// What Google and Microsoft are to be like.
struct Next {
    google: google::Switches,
    microsoft: microsoft::Switches,
    google_sign_in: oauth::Switches,
    microsoft_sign_in: oauth::Switches,
}

impl Next {
    fn apply(self, world: &mut World) {
        world.google.switches = self.google;
        world.microsoft.switches = self.microsoft;
        world.google.oauth.switches = self.google_sign_in;
        world.microsoft.oauth.switches = self.microsoft_sign_in;
    }
}

/// `DELETE /_sandbox/switches`: all as they are when nobody sets them.
pub(super) fn delete(world: &mut World) -> Done {
    let next = Next {
        google: google::Switches::default(),
        microsoft: microsoft::Switches::default(),
        google_sign_in: oauth::Switches::of(Style::Google),
        microsoft_sign_in: oauth::Switches::of(Style::Microsoft),
    };
    next.apply(world);
    let mut caldav = OfCaldav::of(world);
    caldav.set_back();
    caldav.apply(world);
    let mut feeds = of_feeds(world);
    for feed in feeds.values_mut() {
        *feed = OfFeed::default();
    }
    apply_feeds(world, feeds);
    show(world)
}

/// Changes of a face's own switches, and those of signing in.
fn apart(changes: &Value) -> (Value, Option<Value>) {
    let mut own = changes.clone();
    let sign_in = own.as_object_mut().and_then(|own| own.remove(SIGN_IN));
    (own, sign_in)
}

/// The switches of signing in with these changes.
fn set_sign_in(
    oauth: &Oauth,
    face: &str,
    changes: Option<Value>,
) -> Result<oauth::Switches, Refused> {
    let Some(changes) = changes else {
        return Ok(oauth.switches.clone());
    };
    let at = format!("{face}.{SIGN_IN}");
    // What is not shown cannot be set.
    merge(&mut sign_in(oauth), &changes, &at)?;
    set(&at, &oauth.switches, &changes)
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
