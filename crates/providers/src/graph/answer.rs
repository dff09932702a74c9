//! The own answer to somebody else's meeting. Graph has actions for it, which tell the organizer only where they are asked
//! to (`sendResponse`); they never are.

use kalends_calendar::event::{Address, Event, ParticipationStatus};
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteId;
use kalends_calendar::provider::{Observed, Receipt};
use serde_json::{Value, json};

use super::refusal::{self, Doing};
use super::write::Standing;
use super::{Graph, normalize};

/// An answer that Graph can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnAnswer {
    Accept,
    Tentative,
    Decline,
}

impl OwnAnswer {
    fn action(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Tentative => "tentativelyAccept",
            Self::Decline => "decline",
        }
    }
}

/// The answer that is owed: none where it is the one that was given, or where there is nothing to answer.
pub(super) fn owed(
    standing: &Standing,
    want: &Event,
    me: &[Address],
) -> Result<Option<OwnAnswer>, Failure> {
    if standing.item.is_organizer != Some(false) {
        return Ok(None);
    }
    let (given, wanted) = (own(&standing.event, me), own(want, me));
    if given == wanted {
        return Ok(None);
    }
    match wanted {
        None => Ok(None),
        Some(ParticipationStatus::Accepted) => Ok(Some(OwnAnswer::Accept)),
        Some(ParticipationStatus::Tentative) => Ok(Some(OwnAnswer::Tentative)),
        Some(ParticipationStatus::Declined) => Ok(Some(OwnAnswer::Decline)),
        Some(ParticipationStatus::NeedsAction) => Err(Failure::item(
            "Outlook takes no answer to an invitation back; give another one",
        )),
        Some(ParticipationStatus::Delegated) => Err(Failure::item(
            "In Outlook nobody can be sent to a meeting in one's place by an answer",
        )),
    }
}

fn own(event: &Event, me: &[Address]) -> Option<ParticipationStatus> {
    let participants = &event.master.details.participants;
    let own = me.iter().find_map(|address| participants.get(address))?;
    Some(own.attendance.as_ref()?.participation_status)
}

impl Graph {
    /// Answers an invitation, and reads what became of it. A meeting that is declined leaves the calendar in Outlook; that
    /// it is gone is for the next listing to tell, as when it is declined there.
    pub(super) async fn answer(
        &self,
        remote_id: &RemoteId,
        answer: OwnAnswer,
        stood: Observed,
        want: &Event,
    ) -> Result<Receipt, Failure> {
        let path = ["me", "events", remote_id.as_str(), answer.action()];
        let body = json!({"sendResponse": false});
        let request = self.ask().call(::http::Method::POST, &path, Some(&body));
        let told = self.send(request).await?;
        if !told.is_done() {
            return Err(refusal::of_write(&told, Doing::Update, self.now()));
        }
        if answer == OwnAnswer::Decline && self.whole(remote_id).await?.is_none() {
            let mut value: Value = super::wire::value(stood.raw.0.as_bytes())?;
            value["responseStatus"]["response"] = json!("declined");
            return Ok(Receipt::Written {
                remote_id: remote_id.clone(),
                observed: Box::new(normalize::observed(&value, &self.me())?),
            });
        }
        self.read_back(remote_id, want).await
    }
}
