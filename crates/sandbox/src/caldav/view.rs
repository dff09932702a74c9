//! Which state of a collection an answer shows: the present one, or an earlier one when a fault says so.

use crate::faults::{Disturbance, Session};
use crate::quirks::Etags;
use crate::world::{Collection, Object, Place, World};

/// How far back the answer looks.
pub(crate) fn revision(collection: &Collection, how: Disturbance) -> u64 {
    match how {
        Disturbance::Stale { changes, session } => {
            let earlier = collection.revision().saturating_sub(changes);
            match session {
                Session::Kept => earlier.max(collection.told()),
                Session::Broken => earlier,
            }
        }
        Disturbance::None
        | Disturbance::DeadCursor
        | Disturbance::EmptyListing
        | Disturbance::CutListing { .. } => collection.revision(),
    }
}

/// The ETag as the server writes it; none when it has none.
pub(crate) fn etag(collection: &Collection, object: &Object) -> Option<String> {
    match collection.quirks.etags {
        Etags::Strong => Some(format!("\"{}\"", object.etag)),
        Etags::WeakAccepted | Etags::WeakRefused => Some(format!("W/\"{}\"", object.etag)),
        Etags::Never => None,
    }
}

/// What an answer has shown, to be noted once it is made.
#[derive(Debug, Default)]
pub(crate) struct Told(Vec<(Place, u64)>);

impl Told {
    pub(crate) fn add(&mut self, place: &Place, revision: u64) {
        self.0.push((place.clone(), revision));
    }

    /// Shows the last change of one object up to `until`, whether it is there or gone.
    pub(crate) fn add_object(
        &mut self,
        place: &Place,
        collection: &Collection,
        name: &str,
        until: u64,
    ) {
        let last = collection
            .log()
            .iter()
            .rev()
            .find(|change| change.revision <= until && change.name == name);
        self.add(place, last.map_or(0, |change| change.revision));
    }

    pub(crate) fn note(self, world: &mut World) {
        for (place, revision) in self.0 {
            if let Ok(collection) = world.collection_mut(&place) {
                collection.tell(revision);
            }
        }
    }
}
