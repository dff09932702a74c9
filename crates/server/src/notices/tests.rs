//! Mails as those see them who get them.

use std::sync::Mutex;

use kalends_calendar::ids::ConnectionId;
use kalends_providers::http::{Metered, Request, Response, Transport, TransportError};
use kalends_store::audit::Filter;
use kalends_store::connections::{self, ConnectionState};

use super::*;
use crate::accounts::Accounts;
use crate::budgets::Budgets;
use crate::config::{Mail as MailSettings, Smtp, Vendors};
use crate::post::{Letter as Arrived, Post};
use crate::seams::TimedIds;
use crate::stage::Stage;

/// How long is waited before the second try.
const WAIT_FIRST: SignedDuration = SignedDuration::from_secs(30);

/// Whoever opens the link of the invitation comes in.
const LINK: &str = "https://kalends.example/invitations/kai_sesame/";

/// No provider is asked for anything.
struct Nowhere;

#[async_trait::async_trait]
impl Transport for Nowhere {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        panic!("nobody is to be asked: {request:?}")
    }
}

/// A node that sends through this server, or through none.
fn node(stage: &Stage, store: Store, post: Option<&Post>) -> Notifier {
    let accounts = Arc::new(Accounts {
        store: store.clone(),
        keys: Some(Arc::clone(&stage.keys)),
        transport: Arc::new(Metered::new(Arc::new(Nowhere))),
        clock: Arc::clone(&stage.clock) as Arc<dyn Clock>,
        vendors: Vendors::default(),
        budgets: Budgets::new(store.clone(), Arc::clone(&stage.clock) as Arc<dyn Clock>),
    });
    let settings = post.map_or_else(MailSettings::default, |post| MailSettings {
        smtp: Some(Smtp {
            url: post.url().parse().unwrap(),
            password: None,
        }),
        from: Some("Kalends <notices@kalends.example>".parse().unwrap()),
    });
    Notifier {
        store,
        keys: Arc::clone(&stage.keys),
        mailer: Arc::new(Mailer::new(&settings, accounts).unwrap()),
        clock: Arc::clone(&stage.clock) as Arc<dyn Clock>,
        ids: Arc::new(TimedIds),
        address: "https://kalends.example".to_owned(),
    }
}

/// Enqueues an invitation; its identity.
async fn invite(stage: &Stage, email: &str, name: &str) -> uuid::Uuid {
    let mail = invitation(&TimedIds, email, name, &LINK.into());
    let id = mail.id;
    let mut tx = stage.store.platform().await.unwrap();
    mails::enqueue(&mut tx, &stage.keys.vault(), mail, stage.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

/// How many mails wait, and how many were given up.
async fn waiting(stage: &Stage) -> (i64, i64) {
    let counts = mails::count(&stage.store, Timestamp::MIN).await.unwrap();
    (counts.waiting, counts.failed)
}

/// To whom mails may have been sent or not, by the word of the audit log.
async fn unknown(stage: &Stage) -> Vec<String> {
    let mut tx = stage.store.platform_read().await.unwrap();
    let all = audit::list(&mut tx, &Filter::default(), None, 100).await;
    let all = all.unwrap().into_iter().map(|kept| kept.entry);
    let told: Vec<String> = all
        .filter(|entry| entry.action == "mail.unknown")
        .map(|entry| entry.detail["to"].as_str().unwrap().to_owned())
        .collect();
    let counts = mails::count(&stage.store, Timestamp::MIN).await.unwrap();
    assert_eq!(usize::try_from(counts.unknown).unwrap(), told.len());
    told
}

fn recipients(post: &Post) -> Vec<String> {
    let mut all: Vec<String> = post.received().into_iter().map(|mail| mail.to).collect();
    all.sort();
    all
}

/// The account dies, of this.
async fn dies(stage: &Stage, account: ConnectionId, problem: &str) {
    becomes(stage, account, ConnectionState::ReconnectNeeded, problem).await;
}

async fn becomes(stage: &Stage, account: ConnectionId, state: ConnectionState, problem: &str) {
    let mut tx = stage.begin().await;
    connections::set_state(&mut tx, account, state, Some(problem.to_owned()))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_mail_says_whence_it_comes_when_and_that_nobody_has_to_answer() {
    let stage = Stage::set().await;
    let post = Post::start(&[]);
    let id = invite(&stage, "zoe@example.com", "Zähne & Söhne").await;
    let plain = invite(&stage, "yan@example.com", "Bright Smiles").await;
    node(&stage, stage.store.clone(), Some(&post))
        .round(&Ending::default())
        .await
        .unwrap();
    let [first, second] = &post.received()[..] else {
        panic!("{:?}", post.received())
    };
    let (mail, other): (&Arrived, &Arrived) = match first.to.as_str() {
        "zoe@example.com" => (first, second),
        _ => (second, first),
    };
    assert_eq!(
        mail.header("From"),
        "Kalends <notices@kalends.example>".to_owned()
    );
    assert_eq!(mail.header("To"), "zoe@example.com");
    let title = mail.header("Subject");
    assert!(
        title.is_ascii() && title.contains("=?utf-8?b?"),
        "it is encoded (RFC 2047): {title}"
    );
    assert_eq!(mail.header("Date"), "Sun, 01 Mar 2026 10:00:00 +0000");
    assert_eq!(mail.header("Message-ID"), format!("<{id}@kalends.example>"));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(mail.header("Content-Type").starts_with("text/plain"));
    assert_eq!(other.to, "yan@example.com");
    assert_eq!(
        other.header("Message-ID"),
        format!("<{plain}@kalends.example>")
    );
    assert_eq!(
        other.header("Subject"),
        "You are invited to set up Bright Smiles"
    );
    assert!(other.body().contains(LINK), "{}", other.body());
    assert_eq!(waiting(&stage).await, (0, 0));
}

#[tokio::test]
async fn who_is_refused_for_good_is_written_to_no_more_and_others_later() {
    let stage = Stage::set().await;
    let post = Post::start(&[
        ("gone@example.com", "550 no such user"),
        ("busy@example.com", "451 try again"),
        ("busy@example.com", "451 try again"),
    ]);
    let notifier = node(&stage, stage.store.clone(), Some(&post));
    invite(&stage, "gone@example.com", "Gone").await;
    let id = invite(&stage, "busy@example.com", "Busy").await;
    notifier.round(&Ending::default()).await.unwrap();
    assert_eq!(waiting(&stage).await, (1, 1));
    // At once, nobody is asked again; after the first wait the server still wants none, and the wait doubles.
    notifier.round(&Ending::default()).await.unwrap();
    stage.clock.moves(WAIT_FIRST);
    notifier.round(&Ending::default()).await.unwrap();
    stage.clock.moves(WAIT_FIRST);
    notifier.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post), [""; 0]);
    stage.clock.moves(WAIT_FIRST);
    notifier.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post), ["busy@example.com"]);
    let identity = format!("<{id}@kalends.example>");
    assert_eq!(post.received()[0].header("Message-ID"), identity);
    stage.clock.moves(SignedDuration::from_hours(24));
    notifier.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post), ["busy@example.com"]);
    assert_eq!(waiting(&stage).await, (0, 1));
}

#[tokio::test]
async fn whose_account_dies_is_told_once_and_again_only_of_another_death() {
    let stage = Stage::set().await;
    let ann = stage.person("ann@demo.example", Role::Staff).await;
    stage.person("mona@demo.example", Role::Manager).await;
    let account = stage
        .account(Some(ann), SignedDuration::from_hours(1))
        .await;
    let post = Post::start(&[]);
    let here = node(&stage, stage.store.clone(), Some(&post));
    let there = node(&stage, stage.another_node().await, Some(&post));
    here.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post), [""; 0], "all is well");

    dies(&stage, account, "Google no longer accepts the consent").await;
    let ending = Ending::default();
    let (one, two) = tokio::join!(here.round(&ending), there.round(&ending));
    one.unwrap();
    two.unwrap();
    here.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post), ["ann@demo.example"]);
    let [mail] = &post.received()[..] else {
        panic!("one mail")
    };
    assert_eq!(mail.header("Subject"), "Connect ann@example.com again");
    for words in [
        "Demo Dental",
        "Google no longer accepts the consent",
        "Nothing was lost",
        "https://kalends.example",
    ] {
        assert!(mail.body().contains(words), "{}", mail.body());
    }

    // It fails again and again, and is still the same death.
    dies(&stage, account, "Google says so once more").await;
    here.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post).len(), 1);
    becomes(&stage, account, ConnectionState::Ok, "").await;
    here.round(&Ending::default()).await.unwrap();
    dies(&stage, account, "revoked").await;
    here.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post).len(), 2);
}

#[tokio::test]
async fn of_an_account_without_an_owner_owners_and_managers_hear() {
    let stage = Stage::set().await;
    let gone = stage.person("gone@demo.example", Role::Staff).await;
    stage.person("olivia@demo.example", Role::Owner).await;
    stage.person("mona@demo.example", Role::Manager).await;
    stage.person("stan@demo.example", Role::Staff).await;
    stage.person("carl@demo.example", Role::Customer).await;
    let account = stage
        .account(Some(gone), SignedDuration::from_hours(1))
        .await;
    let mut tx = stage.store.platform().await.unwrap();
    let at = Some(stage.clock.now());
    kalends_store::users::set_disabled(&mut tx, gone, at)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    dies(&stage, account, "revoked").await;
    let post = Post::start(&[]);
    node(&stage, stage.store.clone(), Some(&post))
        .round(&Ending::default())
        .await
        .unwrap();
    assert_eq!(
        recipients(&post),
        ["mona@demo.example", "olivia@demo.example"]
    );
}

#[tokio::test]
async fn where_nothing_is_set_up_nothing_is_sent_and_nobody_counts_as_told() {
    let stage = Stage::set().await;
    let ann = stage.person("ann@demo.example", Role::Staff).await;
    let account = stage
        .account(Some(ann), SignedDuration::from_hours(1))
        .await;
    dies(&stage, account, "revoked").await;
    node(&stage, stage.store.clone(), None)
        .round(&Ending::default())
        .await
        .unwrap();
    assert_eq!(waiting(&stage).await, (0, 0));
    // As soon as there is a way, they are told.
    let post = Post::start(&[]);
    node(&stage, stage.store.clone(), Some(&post))
        .round(&Ending::default())
        .await
        .unwrap();
    assert_eq!(recipients(&post), ["ann@demo.example"]);
}

#[tokio::test]
async fn a_mail_is_owed_only_when_what_it_is_about_has_happened() {
    let stage = Stage::set().await;
    let mail = invitation(&TimedIds, "zoe@example.com", "Zoe's", &LINK.into());
    let mut tx = stage.store.platform().await.unwrap();
    mails::enqueue(&mut tx, &stage.keys.vault(), mail, stage.clock.now())
        .await
        .unwrap();
    drop(tx);
    assert_eq!(waiting(&stage).await, (0, 0));
    // A server that takes nobody: the mail waits, and the account counts as told, for that is one step.
    let ann = stage.person("ann@demo.example", Role::Staff).await;
    let account = stage
        .account(Some(ann), SignedDuration::from_hours(1))
        .await;
    dies(&stage, account, "revoked").await;
    let post = Post::start(&[("ann@demo.example", "451 try again")]);
    let notifier = node(&stage, stage.store.clone(), Some(&post));
    notifier.round(&Ending::default()).await.unwrap();
    assert_eq!(waiting(&stage).await, (1, 0));
    assert_eq!(
        notices::dead_accounts(&stage.store, 9).await.unwrap(),
        [],
        "nobody enqueues it twice"
    );
}

#[tokio::test]
async fn a_mail_that_the_server_may_have_taken_is_not_sent_again_and_one_that_it_refused_is() {
    let stage = Stage::set().await;
    let post = Post::start(&[]);
    post.answers_the_text("zoe@example.com", None);
    post.answers_the_text("yan@example.com", Some("451 the disk is full"));
    invite(&stage, "zoe@example.com", "Zoe's").await;
    invite(&stage, "yan@example.com", "Yan's").await;
    let notifier = node(&stage, stage.store.clone(), Some(&post));
    for _ in 0..3 {
        notifier.round(&Ending::default()).await.unwrap();
        stage.clock.moves(SignedDuration::from_hours(1));
    }
    // The server took the first, and was gone before it could say so. It refused the second once, when it had read it.
    assert_eq!(
        recipients(&post),
        ["yan@example.com", "yan@example.com", "zoe@example.com"]
    );
    assert_eq!(waiting(&stage).await, (0, 0));
    assert_eq!(unknown(&stage).await, ["zoe@example.com"]);
    assert!(!stage.holds(b"kai_sesame"));
}

#[tokio::test]
async fn a_mail_that_a_node_died_with_is_not_sent_by_another() {
    let stage = Stage::set().await;
    let post = Post::start(&[]);
    invite(&stage, "zoe@example.com", "Zoe's").await;
    let dying = node(&stage, stage.store.clone(), Some(&post));
    let claimed = dying.claim(&stage.keys.vault()).await.unwrap();
    assert!(claimed.is_some(), "and is heard of no more");
    let next = node(&stage, stage.another_node().await, Some(&post));
    next.round(&Ending::default()).await.unwrap();
    assert_eq!(unknown(&stage).await, [""; 0], "it may still be at it");
    stage.clock.moves(CLAIM);
    next.round(&Ending::default()).await.unwrap();
    next.round(&Ending::default()).await.unwrap();
    assert_eq!(recipients(&post), [""; 0]);
    assert_eq!(unknown(&stage).await, ["zoe@example.com"]);
}

/// What was written to a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_stands_in_a_mail_stands_neither_in_the_log_nor_in_clear_in_the_database() {
    let stage = Stage::set().await;
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || written.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let post = Post::start(&[("busy@example.com", "451 try again")]);
    invite(&stage, "busy@example.com", "Busy").await;
    node(&stage, stage.store.clone(), Some(&post))
        .round(&Ending::default())
        .await
        .unwrap();
    drop(guard);
    assert_eq!(waiting(&stage).await, (1, 0));
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("a mail was not sent"), "{log}");
    assert!(!log.contains("kai_sesame"), "{log}");
    assert!(!stage.holds(b"kai_sesame"));
}
