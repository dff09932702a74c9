//! Refreshing as stories: who asks, who waits, and what is kept.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use kalends_calendar::ids::UserId;
use kalends_providers::http::{Request, Response, TransportError};
use kalends_providers::oauth::{Endpoints, Vendor};
use kalends_store::connections::{self, ConnectionState};
use kalends_store::mailbox::{AuthServer, NewMailbox};
use kalends_store::members::Role;

use super::*;
use crate::stage::{Hand, Stage};

const EXPIRED: SignedDuration = SignedDuration::from_secs(-1);
const GOOD: SignedDuration = SignedDuration::from_hours(1);

/// An authorisation server: it knows one refresh token, and counts.
struct Authority {
    clock: Arc<Hand>,
    /// It answers after others have looked so often whether it has.
    answers_after: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    refreshed: usize,
    asked: usize,
    rotates: bool,
    /// What it answers instead.
    refuses: Option<(u16, &'static str)>,
    /// What happens before it answers.
    meanwhile: Option<BoxFuture<'static, ()>>,
}

impl Authority {
    fn new(stage: &Stage) -> Arc<Self> {
        Self::slow(stage, 0)
    }

    fn slow(stage: &Stage, answers_after: usize) -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::clone(&stage.clock),
            answers_after,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn asked(&self) -> usize {
        self.state().asked
    }

    fn answer(&self, request: &Request) -> (u16, String) {
        let form: HashMap<_, _> = url::form_urlencoded::parse(&request.body).collect();
        assert_eq!(form["grant_type"], "refresh_token");
        let mut state = self.state();
        state.asked += 1;
        if let Some((status, body)) = state.refuses {
            return (status, body.to_owned());
        }
        let known = if state.rotates { state.refreshed } else { 0 };
        assert_eq!(form["refresh_token"], format!("refresh-{known}"));
        state.refreshed += 1;
        let mut body = serde_json::json!({
            "access_token": format!("access-{}", state.refreshed),
            "expires_in": 3600,
            "token_type": "Bearer",
        });
        if state.rotates {
            body["refresh_token"] = format!("refresh-{}", state.refreshed).into();
        }
        (200, body.to_string())
    }
}

#[async_trait]
impl Transport for Authority {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let (status, body) = self.answer(&request);
        while self.clock.sleeps() < self.answers_after {
            tokio::task::yield_now().await;
        }
        let meanwhile = self.state().meanwhile.take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        Ok(Response {
            status: status.try_into().unwrap(),
            headers: axum::http::HeaderMap::new(),
            body: Bytes::from(body),
        })
    }
}

fn node(stage: &Stage, store: Store, authority: &Arc<Authority>, whose: Whose) -> Grants {
    let url = |path: &str| format!("https://auth.example/{path}").parse().unwrap();
    Grants {
        store,
        keys: Arc::clone(&stage.keys),
        transport: Arc::clone(authority) as Arc<dyn Transport>,
        clock: Arc::clone(&stage.clock) as Arc<dyn Clock>,
        client: Client {
            vendor: Vendor::Google,
            id: "kalends".to_owned(),
            secret: "secret".into(),
            endpoints: Endpoints {
                authorize: url("authorize"),
                token: url("token"),
                revoke: None,
                identity: url("me"),
            },
        },
        whose,
    }
}

/// An account whose token is good for so long, on one node.
async fn account(
    stage: &Stage,
    authority: &Arc<Authority>,
    good_for: SignedDuration,
) -> (Grants, ConnectionId) {
    let id = stage.account(None, good_for).await;
    let whose = Whose::Connection(stage.tenant, id);
    (node(stage, stage.store.clone(), authority, whose), id)
}

fn shown(token: &SecretString) -> &str {
    token.expose_secret()
}

async fn kept(stage: &Stage, id: ConnectionId) -> Grant {
    let mut tx = stage.store.read(stage.tenant).await.unwrap();
    grants::get(&mut tx, &stage.keys.vault(), id)
        .await
        .unwrap()
        .unwrap()
}

/// Whether nobody has the turn; then it is taken.
async fn turn_is_free(stage: &Stage, id: ConnectionId) -> bool {
    let now = stage.clock.now();
    let turn = Turn {
        now,
        holder: "who looks",
        until: now.checked_add(TURN).unwrap(),
    };
    let mut tx = stage.begin().await;
    let taken = grants::take_turn(&mut tx, id, turn).await.unwrap();
    tx.commit().await.unwrap();
    taken
}

#[tokio::test]
async fn a_token_that_is_good_is_given_out_without_asking_anybody() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    let (grants, _) = account(&stage, &authority, GOOD).await;
    assert_eq!(shown(&grants.access(None).await.unwrap()), "access-0");
    // One minute before its end it counts as expired.
    stage
        .clock
        .moves(GOOD - EARLY - SignedDuration::from_secs(1));
    assert_eq!(shown(&grants.access(None).await.unwrap()), "access-0");
    assert_eq!(authority.asked(), 0);
    stage.clock.moves(SignedDuration::from_secs(1));
    assert_eq!(shown(&grants.access(None).await.unwrap()), "access-1");
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn of_two_nodes_one_refreshes_and_the_other_waits_for_what_it_gets() {
    let stage = Stage::set().await;
    let authority = Authority::slow(&stage, 3);
    let (here, id) = account(&stage, &authority, EXPIRED).await;
    let whose = Whose::Connection(stage.tenant, id);
    let there = node(&stage, stage.another_node().await, &authority, whose);
    let (one, two) = tokio::join!(here.access(None), there.access(None));
    assert_eq!(shown(&one.unwrap()), "access-1");
    assert_eq!(shown(&two.unwrap()), "access-1");
    assert_eq!(authority.asked(), 1);
    assert!(turn_is_free(&stage, id).await);
}

#[tokio::test]
async fn a_token_that_was_refused_is_replaced_although_it_has_not_expired() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    let (grants, _) = account(&stage, &authority, GOOD).await;
    let refused = grants.access(None).await.unwrap();
    let new = grants.access(Some(&refused)).await.unwrap();
    assert_eq!(shown(&new), "access-1");
    // Somebody else was refused the same one, and comes later: another is there already.
    let again = grants.access(Some(&refused)).await.unwrap();
    assert_eq!(shown(&again), "access-1");
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn who_died_with_the_turn_holds_others_up_until_it_runs_out() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    let (grants, id) = account(&stage, &authority, EXPIRED).await;
    assert!(turn_is_free(&stage, id).await, "and is taken by the dead");
    let began = stage.clock.now();
    let token = grants.access(None).await.unwrap();
    assert_eq!(shown(&token), "access-1");
    assert_eq!(authority.asked(), 1);
    let waited = stage.clock.now().duration_since(began);
    assert!(waited >= TURN && waited < WAIT_MAX, "{waited}");
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    let (grants, id) = account(&stage, &authority, EXPIRED).await;
    let now = stage.clock.now();
    let turn = Turn {
        now,
        holder: "somebody with a strange clock",
        until: now.checked_add(SignedDuration::from_hours(1)).unwrap(),
    };
    let mut tx = stage.begin().await;
    assert!(grants::take_turn(&mut tx, id, turn).await.unwrap());
    tx.commit().await.unwrap();
    let failure = grants.access(None).await.unwrap_err();
    assert_eq!(failure.class, Class::Passing { retry_at: None });
    assert_eq!(authority.asked(), 0);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_kept_before_anybody_gets_the_access_token() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    authority.state().rotates = true;
    let (grants, id) = account(&stage, &authority, EXPIRED).await;
    assert_eq!(shown(&grants.access(None).await.unwrap()), "access-1");
    assert_eq!(shown(&kept(&stage, id).await.refresh), "refresh-1");
    // The next refresh asks with the new one, or the authority would object.
    stage.clock.moves(GOOD);
    assert_eq!(shown(&grants.access(None).await.unwrap()), "access-2");
    assert_eq!(shown(&kept(&stage, id).await.refresh), "refresh-2");
    // What cannot be kept is not given out: here the account goes while it is refreshed.
    stage.clock.moves(GOOD);
    let (store, tenant, now) = (stage.store.clone(), stage.tenant, stage.clock.now());
    authority.state().meanwhile = Some(Box::pin(async move {
        let mut tx = store.begin(tenant).await.unwrap();
        connections::delete(&mut tx, id, now).await.unwrap();
        tx.commit().await.unwrap();
    }));
    let failure = grants.access(None).await.unwrap_err();
    assert_eq!(failure.class, Class::ReconnectNeeded);
    let failure = grants.access(None).await.unwrap_err();
    assert_eq!(failure.class, Class::ReconnectNeeded);
    assert_eq!(authority.asked(), 3);
}

#[tokio::test]
async fn who_asked_and_was_given_up_loses_no_rotated_token() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    authority.state().rotates = true;
    let (grants, id) = account(&stage, &authority, EXPIRED).await;
    let (is_asked, asked) = tokio::sync::oneshot::channel();
    let (answers, answer) = tokio::sync::oneshot::channel::<()>();
    authority.state().meanwhile = Some(Box::pin(async move {
        is_asked.send(()).unwrap();
        answer.await.unwrap();
    }));
    tokio::select! {
        _ = grants.access(None) => panic!("the authority has not answered"),
        asked = asked => asked.unwrap(),
    }
    // The authority has given out another refresh token; whoever asked is gone.
    answers.send(()).unwrap();
    assert_eq!(shown(&grants.access(None).await.unwrap()), "access-1");
    assert_eq!(shown(&kept(&stage, id).await.refresh), "refresh-1");
    assert_eq!(authority.asked(), 1);
}

/// Whoever asks may be left unpolled at any point, as a run rests while it renews its lease: what writes goes on without it.
#[tokio::test]
async fn who_asks_never_rests_on_the_connection_that_writes() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    let (grants, _) = account(&stage, &authority, EXPIRED).await;
    let mut asks = std::pin::pin!(grants.access(None));
    loop {
        let token = futures_util::poll!(asks.as_mut());
        stage.begin().await.commit().await.unwrap();
        if let std::task::Poll::Ready(token) = token {
            assert_eq!(shown(&token.unwrap()), "access-1");
            break;
        }
    }
}

/// Somebody consents again: tokens that are good, unlike what was there before.
fn consents_again(stage: &Stage, id: ConnectionId) -> BoxFuture<'static, ()> {
    let (store, tenant) = (stage.store.clone(), stage.tenant);
    let (vault, now) = (stage.keys.vault(), stage.clock.now());
    let new = NewTokens {
        access: "access-again".into(),
        refresh: Some("refresh-again".into()),
        ..stage.tokens(GOOD)
    };
    Box::pin(async move {
        let mut tx = store.begin(tenant).await.unwrap();
        grants::keep(&mut tx, &vault, id, &new, now).await.unwrap();
        tx.commit().await.unwrap();
    })
}

#[tokio::test]
async fn a_flight_under_way_while_somebody_consents_again_changes_nothing_and_gives_what_is_newer()
{
    for refuses in [
        None,
        Some((400, r#"{"error":"invalid_grant"}"#)),
        Some((503, "")),
    ] {
        let stage = Stage::set().await;
        let authority = Authority::new(&stage);
        authority.state().rotates = true;
        authority.state().refuses = refuses;
        let (grants, id) = account(&stage, &authority, EXPIRED).await;
        authority.state().meanwhile = Some(consents_again(&stage, id));
        assert_eq!(shown(&grants.access(None).await.unwrap()), "access-again");
        let kept = kept(&stage, id).await;
        let kept = (shown(&kept.access), shown(&kept.refresh));
        assert_eq!(kept, ("access-again", "refresh-again"), "{refuses:?}");
        assert_eq!(authority.asked(), 1);
        assert!(turn_is_free(&stage, id).await);
    }
}

#[tokio::test]
async fn a_flight_that_another_took_over_from_lands_too_late() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    let (grants, id) = account(&stage, &authority, EXPIRED).await;
    // The process stands still for longer than its turn lasts, and another goes through.
    let (store, tenant) = (stage.store.clone(), stage.tenant);
    let (vault, clock) = (stage.keys.vault(), Arc::clone(&stage.clock));
    let new = NewTokens {
        access: "access-of-another".into(),
        ..stage.tokens(GOOD)
    };
    authority.state().meanwhile = Some(Box::pin(async move {
        clock.moves(TURN);
        let now = clock.now();
        let holder = "another";
        let until = now.checked_add(TURN).unwrap();
        let turn = Turn { now, holder, until };
        let mut tx = store.begin(tenant).await.unwrap();
        assert!(grants::take_turn(&mut tx, id, turn).await.unwrap());
        let landed = grants::keep_refreshed(&mut tx, &vault, (id, holder), &new, now).await;
        assert!(landed.unwrap());
        tx.commit().await.unwrap();
    }));
    let token = grants.access(None).await.unwrap();
    assert_eq!(shown(&token), "access-of-another");
    assert_eq!(shown(&kept(&stage, id).await.access), "access-of-another");
}

#[tokio::test]
async fn google_keeps_its_refresh_token() {
    let stage = Stage::set().await;
    let authority = Authority::new(&stage);
    let (grants, id) = account(&stage, &authority, EXPIRED).await;
    grants.access(None).await.unwrap();
    assert_eq!(shown(&kept(&stage, id).await.refresh), "refresh-0");
    stage.clock.moves(GOOD);
    assert_eq!(shown(&grants.access(None).await.unwrap()), "access-2");
}

#[tokio::test]
async fn a_refusal_says_whose_turn_it_is_and_gives_the_turn_back() {
    let table = [
        (
            (400, r#"{"error":"invalid_grant"}"#),
            Class::ReconnectNeeded,
        ),
        (
            (401, r#"{"error":"invalid_client"}"#),
            Class::Passing { retry_at: None },
        ),
        ((503, ""), Class::Passing { retry_at: None }),
        ((200, "<html>"), Class::Protocol),
    ];
    for (refusal, class) in table {
        let stage = Stage::set().await;
        let authority = Authority::new(&stage);
        authority.state().refuses = Some(refusal);
        let (grants, id) = account(&stage, &authority, EXPIRED).await;
        let failure = grants.access(None).await.unwrap_err();
        assert_eq!(failure.class, class, "{refusal:?}");
        // Of the account itself the run that asked says what is wrong, not who keeps its tokens.
        let mut tx = stage.store.read(stage.tenant).await.unwrap();
        let known = connections::get(&mut tx, id).await.unwrap().unwrap();
        assert_eq!(known.state, ConnectionState::Ok);
        drop(tx);
        assert!(turn_is_free(&stage, id).await, "{refusal:?}");
    }
}

/// The platform's mailbox, with a token that has expired.
async fn mailbox_of(stage: &Stage, authority: &Arc<Authority>) -> Grants {
    let by: UserId = stage.person("root@kalends.example", Role::Owner).await;
    mailbox_comes(stage, by, stage.tokens(EXPIRED)).await;
    node(stage, stage.store.clone(), authority, Whose::Mailbox)
}

/// Somebody connects a mailbox, in place of the one before.
fn mailbox_comes(stage: &Stage, by: UserId, tokens: NewTokens) -> BoxFuture<'static, ()> {
    let new = NewMailbox {
        provider: AuthServer::Google,
        subject: "1".to_owned(),
        email: "notices@kalends.example".to_owned(),
        access: tokens.access,
        access_expires_at: tokens.access_expires_at,
        refresh: tokens.refresh.unwrap(),
        connected_by: by,
    };
    let (store, vault, now) = (stage.store.clone(), stage.keys.vault(), stage.clock.now());
    Box::pin(async move {
        let mut tx = store.platform().await.unwrap();
        mailbox::connect(&mut tx, &vault, new, now).await.unwrap();
        tx.commit().await.unwrap();
    })
}

#[tokio::test]
async fn a_flight_of_the_mailbox_before_says_nothing_about_the_one_that_is_there_now() {
    for refuses in [None, Some((400, r#"{"error":"invalid_grant"}"#))] {
        let stage = Stage::set().await;
        let authority = Authority::new(&stage);
        authority.state().refuses = refuses;
        let grants = mailbox_of(&stage, &authority).await;
        let by = stage.person("rita@kalends.example", Role::Owner).await;
        let newer = NewTokens {
            access: "access-again".into(),
            ..stage.tokens(GOOD)
        };
        authority.state().meanwhile = Some(mailbox_comes(&stage, by, newer));
        assert_eq!(shown(&grants.access(None).await.unwrap()), "access-again");
        let mut tx = stage.store.platform_read().await.unwrap();
        let known = mailbox::get(&mut tx).await.unwrap().unwrap();
        assert_eq!(known.state, ConnectionState::Ok, "{refuses:?}");
        assert_eq!(known.connected_by, Some(by));
        let kept = mailbox::grant(&mut tx, &stage.keys.vault()).await.unwrap();
        assert_eq!(shown(&kept.unwrap().access), "access-again");
    }
}

#[tokio::test]
async fn the_mailbox_is_refreshed_alike_and_is_marked_when_its_grant_is_dead() {
    let stage = Stage::set().await;
    let authority = Authority::slow(&stage, 2);
    authority.state().rotates = true;
    let here = mailbox_of(&stage, &authority).await;
    let store = stage.another_node().await;
    let there = node(&stage, store, &authority, Whose::Mailbox);
    let (one, two) = tokio::join!(here.access(None), there.access(None));
    assert_eq!(shown(&one.unwrap()), "access-1");
    assert_eq!(shown(&two.unwrap()), "access-1");
    assert_eq!(authority.asked(), 1);

    let known = async || {
        let mut tx = stage.store.platform_read().await.unwrap();
        mailbox::get(&mut tx).await.unwrap().unwrap()
    };
    stage.clock.moves(GOOD);
    // That the operator mistyped something says nothing about the mailbox.
    authority.state().refuses = Some((401, r#"{"error":"invalid_client"}"#));
    let failure = here.access(None).await.unwrap_err();
    assert_eq!(failure.class, Class::Passing { retry_at: None });
    assert_eq!(known().await.state, ConnectionState::Ok);
    authority.state().refuses = Some((400, r#"{"error":"invalid_grant"}"#));
    let failure = here.access(None).await.unwrap_err();
    assert_eq!(failure.class, Class::ReconnectNeeded);
    let marked = known().await;
    assert_eq!(marked.state, ConnectionState::ReconnectNeeded);
    assert_eq!(marked.problem.as_deref(), Some(failure.message.as_str()));
}
