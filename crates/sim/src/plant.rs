//! Faults planted on purpose, each at a seam of the engine, to see that the oracle cries.

use jiff::Timestamp;
use kalends_calendar::ids::{RemoteCalendarId, TenantId};
use kalends_calendar::provider::{
    Coverage, Next, Observed, Page, Provider, Raw, Receipt, State, Write,
};
use kalends_calendar::revision::{Actor, Cause};
use kalends_calendar::{ical, merge, rules};
use kalends_engine::Engine;
use kalends_providers::http::Request;
use kalends_store::links::{self, LinkState};
use kalends_store::{Store, events, leases};

use crate::ledger::{Side, What};
use crate::stage::{Stage, WriteBegins};

/// What is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    /// Nothing: the engine as it is.
    #[default]
    Nothing,
    /// Writes lose their `If-Match` and `If-None-Match`.
    NoPreconditions,
    /// Each creation is sent a second time under another name and UID.
    CreatesTwice,
    /// Another node takes each link over between a write's record and its sending.
    FenceStolen,
    /// Accounts of one tenant are opened for another.
    TenantMixUp,
    /// What a busy-only link writes is titled.
    TitleLeak,
    /// Listings come out empty, and everything not listed counts as gone.
    EmptyMeansGone,
    /// Writes lose the words that keep servers from mailing guests.
    GuestsUnsilenced,
    /// Updates are reported as done and never sent.
    WritesForgotten,
    /// What stands at the server is something else after each write.
    ServerMeddles,
    /// Every request is sent again and again.
    RequestsRepeated,
    /// Nobody hears of `Retry-After`.
    RetryAfterUnheard,
    /// An event of ours is put back to what it was, as if by sync.
    EditUndone,
}

/// The requests that really go out for one.
pub(crate) fn on_the_wire(stage: &Stage, request: &Request) -> Vec<Request> {
    let mut sent = request.clone();
    let is_put = sent.method == http::Method::PUT;
    match stage.plant {
        Plant::NoPreconditions => {
            sent.headers.remove(http::header::IF_MATCH);
            sent.headers.remove(http::header::IF_NONE_MATCH);
        }
        Plant::GuestsUnsilenced if is_put => {
            let text = crate::page::unfolded(&String::from_utf8_lossy(&sent.body));
            sent.body = text.replace(";SCHEDULE-AGENT=CLIENT", "").into();
        }
        Plant::ServerMeddles if is_put => {
            let text = String::from_utf8_lossy(&sent.body).into_owned();
            let word = stage.baton.passes().to_string();
            sent.body = crate::page::with_text(&text, "LOCATION", &word).into();
            sent.body = crate::page::with_text(
                &String::from_utf8_lossy(&sent.body),
                "SUMMARY",
                &format!("meddled {word}"),
            )
            .into();
        }
        Plant::CreatesTwice if is_put && sent.headers.contains_key(http::header::IF_NONE_MATCH) => {
            let mut again = sent.clone();
            let path = again.url.path().replace(".ics", "-again.ics");
            again.url.set_path(&path);
            let text = crate::page::unfolded(&String::from_utf8_lossy(&sent.body));
            again.body = text.replace("\nUID:", "\nUID:kalends-again-").into();
            return vec![sent, again];
        }
        Plant::RequestsRepeated => return vec![sent; 60],
        Plant::Nothing
        | Plant::GuestsUnsilenced
        | Plant::ServerMeddles
        | Plant::CreatesTwice
        | Plant::FenceStolen
        | Plant::TenantMixUp
        | Plant::TitleLeak
        | Plant::EmptyMeansGone
        | Plant::WritesForgotten
        | Plant::RetryAfterUnheard
        | Plant::EditUndone => {}
    }
    vec![sent]
}

/// What the node gets of an answer's headers.
pub(crate) fn on_an_answer(stage: &Stage, headers: &mut http::HeaderMap) {
    if stage.plant.is(Plant::RetryAfterUnheard) {
        headers.remove(http::header::RETRY_AFTER);
    }
}

/// The user whose account is opened for a connection.
pub(crate) fn whose_account(stage: &Stage, user: &str) -> String {
    if stage.plant.is(Plant::TenantMixUp) && user == "user-0-0" {
        return "user-1-0".to_owned();
    }
    user.to_owned()
}

/// The calendar that is really asked.
pub(crate) fn which_calendar(stage: &Stage, calendar: &RemoteCalendarId) -> RemoteCalendarId {
    if stage.plant.is(Plant::TenantMixUp) {
        return RemoteCalendarId(calendar.as_str().replace("user-0-0", "user-1-0"));
    }
    calendar.clone()
}

/// What the engine gets for a page.
pub(crate) fn on_a_page(stage: &Stage, mut page: Page) -> Page {
    if stage.plant.is(Plant::EmptyMeansGone)
        && let Next::Done { coverage, .. } = &mut page.next
        && !page.changes.is_empty()
    {
        *coverage = Coverage::Complete;
        for change in page.changes.iter_mut().take(2) {
            change.state = State::Gone;
        }
    }
    page
}

/// What is really written.
pub(crate) fn on_a_write(stage: &Stage, tenant: TenantId, write: &Write) -> Write {
    let mut write = write.clone();
    if stage.plant.is(Plant::TitleLeak)
        && let Write::Create { event, .. } | Write::Update { event, .. } = &mut write
        && event.master.details.title == rules::BUSY_TITLE
    {
        let owner = stage.cast().tenants.iter().find(|owner| owner.id == tenant);
        let canary = owner.map_or("", |owner| owner.canary);
        event.master.details.title = stage.ledger().word(canary);
    }
    write
}

/// A receipt for a write that is not made.
pub(crate) fn instead_of_writing(
    stage: &Stage,
    write: &Write,
    provider: &dyn Provider,
) -> Option<Receipt> {
    if !stage.plant.is(Plant::WritesForgotten) {
        return None;
    }
    let Write::Update {
        remote_id,
        version,
        event,
        raw,
        mark,
    } = write
    else {
        return None;
    };
    let options = ical::PatchOptions {
        mark: mark.as_ref(),
        stamp: Timestamp::UNIX_EPOCH,
    };
    let text = ical::patch_object(&raw.0, event, &options).ok()?;
    let raw = Raw(text);
    Some(Receipt::Written {
        remote_id: remote_id.clone(),
        observed: Box::new(Observed {
            version: version.clone(),
            event: provider.read(&raw).ok()?,
            raw,
            mark: mark.clone(),
        }),
    })
}

/// Another node takes the link over.
pub(crate) async fn before_the_fence_is_looked_at(
    stage: &Stage,
    store: &Store,
    begun: &WriteBegins,
) -> anyhow::Result<()> {
    if !stage.plant.is(Plant::FenceStolen) {
        return Ok(());
    }
    let mut tx = store.begin(begun.tenant).await?;
    for link in links::list(&mut tx).await? {
        links::set_state(&mut tx, link.id, LinkState::Active, stage.baton.now()).await?;
    }
    tx.commit().await?;
    let now = stage.baton.now();
    let claim = leases::Claim {
        now,
        holder: "thief",
        until: now,
        at_once: leases::AtOnce::ANY,
    };
    leases::claim_due(store, &claim, i64::MAX).await?;
    Ok(())
}

/// What happens unseen when everything has come to rest once; the rounds that follow make both sides equal again.
pub(crate) async fn at_rest(stage: &Stage, engine: &Engine) -> anyhow::Result<()> {
    if !stage.plant.is(Plant::EditUndone) {
        return Ok(());
    }
    let deeds = stage.ledger().deeds.clone();
    for deed in deeds.iter().rev() {
        let (Side::Ours(_, id), What::Edited { field, before, .. }) = (&deed.side, &deed.what)
        else {
            continue;
        };
        let tenant = stage.cast().tenants[deed.tenant].id;
        let mut tx = engine.store.begin(tenant).await?;
        let Some(stored) = events::get(&mut tx, *id).await? else {
            continue;
        };
        let Some(mut body) = stored.body else {
            continue;
        };
        merge::set(&mut body, field, &merge::get(before, field))?;
        let edit = events::Edit {
            cause: Cause {
                actor: Actor::User {
                    name: "nobody".to_owned(),
                },
                reason: "edited".to_owned(),
            },
            at: stage.baton.now(),
            except_link: None,
        };
        events::update(&mut tx, *id, stored.revision, &body, &edit).await?;
        tx.commit().await?;
        return Ok(());
    }
    Ok(())
}
