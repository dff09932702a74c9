//! Listings of many pages that are cut off in the middle: what was listed stays, and the next run goes on from there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::Event;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, LinkId, RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{
    Capabilities, Change, Discovery, Next, Page, Part, Position, Provider, Raw, Receipt, State,
    Write,
};
use kalends_engine::{Outcome, Silent, run_link};
use kalends_store::connections::{self, RetryReason};
use kalends_store::links;

use crate::world::{Remote, World, meeting};

/// How many events a page names.
const PER_PAGE: usize = 3;

/// A calendar that is listed page by page, and names events whose title begins with `Series` in two parts: one on the page
/// where it stands, the other on the last.
struct Paged {
    shelf: Arc<Remote>,
    /// From where it was listed, one entry a request.
    asked: Mutex<Vec<String>>,
    trouble: Mutex<Option<Trouble>>,
    /// Until when its budget is used up, from so many requests on.
    budget: Mutex<Option<(usize, Timestamp)>>,
    /// Whether somebody waits for an answer that never comes.
    hangs: AtomicBool,
}

/// What happens at a page, once.
#[derive(Clone, Copy)]
enum Trouble {
    /// The answer to the page that begins here never comes.
    Hangs(usize),
    /// It fails for now.
    Fails(usize),
    /// No page is known any more.
    Forgotten(Refusal),
}

/// How a page that is not known is refused.
#[derive(Clone, Copy)]
enum Refusal {
    CursorDead,
    Protocol,
}

impl Paged {
    fn of(events: usize) -> Arc<Self> {
        let shelf = Remote::new();
        for n in 0..events {
            shelf.put(
                &format!("/{n:03}.ics"),
                meeting(&n.to_string(), &format!("Event {n:03}")),
            );
        }
        Arc::new(Self {
            shelf,
            asked: Mutex::default(),
            trouble: Mutex::default(),
            hangs: AtomicBool::default(),
            budget: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn trouble(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = Some(trouble);
    }

    /// What goes wrong with this page, if anything does.
    fn mishap(&self, page: usize) -> Option<Trouble> {
        let mut trouble = self.trouble.lock().unwrap();
        let is_now = match *trouble {
            Some(Trouble::Hangs(at) | Trouble::Fails(at)) => at == page,
            Some(Trouble::Forgotten(_)) => page > 0,
            None => false,
        };
        if is_now { trouble.take() } else { None }
    }

    async fn page(&self, from: usize) -> Result<Page, Failure> {
        match self.mishap(from) {
            Some(Trouble::Hangs(_)) => {
                self.hangs.store(true, Ordering::Relaxed);
                std::future::pending::<()>().await;
            }
            Some(Trouble::Fails(_)) => return Err(Failure::passing("503")),
            Some(Trouble::Forgotten(Refusal::CursorDead)) => {
                return Err(Failure::new(Class::CursorDead, "what page?"));
            }
            Some(Trouble::Forgotten(Refusal::Protocol)) => {
                return Err(Failure::protocol("what page?"));
            }
            None => {}
        }
        let ids = self.shelf.ids();
        let to = ids.len().min(from + PER_PAGE);
        let mut page = Page::new(Vec::new(), Next::More(to.to_string()));
        for id in &ids[from..to] {
            if self.is_series(id) {
                page.parts.push(part(id, "master"));
            } else {
                page.changes.push(self.whole(id));
            }
        }
        if to == ids.len() {
            for id in ids.iter().filter(|id| self.is_series(id)) {
                page.parts.push(part(id, "instance"));
            }
            page.next = Next::More("end".into());
        }
        Ok(page)
    }

    fn is_series(&self, id: &str) -> bool {
        let event = self.shelf.event(id);
        event.master.details.title.starts_with("Series")
    }

    fn whole(&self, id: &str) -> Change {
        let observed = self.shelf.observed_at(id);
        Change {
            remote_id: RemoteId::from(id),
            state: State::Present(Box::new(observed)),
        }
    }
}

fn part(series: &str, id: &str) -> Part {
    Part {
        series: series.to_owned(),
        id: id.to_owned(),
        text: format!("{id} of {series}"),
    }
}

#[async_trait]
impl Provider for Paged {
    fn capabilities(&self) -> Capabilities {
        self.shelf.capabilities()
    }

    async fn calendars(&self) -> Result<Discovery, Failure> {
        self.shelf.calendars().await
    }

    async fn changes(&self, calendar: &RemoteCalendarId, from: &Position) -> Result<Page, Failure> {
        let place = match from {
            Position::Start => "start",
            Position::Since(Cursor(cursor)) => cursor,
            Position::Page(page) => page,
        };
        self.asked.lock().unwrap().push(place.to_owned());
        match from {
            Position::Start => self.page(0).await,
            Position::Since(_) => self.shelf.changes(calendar, from).await,
            Position::Page(page) if page == "end" => {
                // The cursor of the shelf, which it gives with a listing of its own.
                let whole = self.shelf.changes(calendar, &Position::Start).await?;
                Ok(Page::new(Vec::new(), whole.next))
            }
            Position::Page(page) => self.page(page.parse().unwrap()).await,
        }
    }

    async fn assemble(
        &self,
        _: &RemoteCalendarId,
        series: &str,
        parts: Vec<Part>,
    ) -> Result<Vec<Change>, Failure> {
        assert_eq!(
            parts,
            [part(series, "instance"), part(series, "master")],
            "all its parts, whatever run read them"
        );
        Ok(vec![self.whole(series)])
    }

    async fn fetch(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure> {
        self.shelf.fetch(calendar, ids).await
    }

    async fn write(&self, calendar: &RemoteCalendarId, write: &Write) -> Result<Receipt, Failure> {
        self.shelf.write(calendar, write).await
    }

    fn overdrawn_until(&self) -> Option<Timestamp> {
        let (requests, until) = (*self.budget.lock().unwrap())?;
        (self.asked.lock().unwrap().len() >= requests).then_some(until)
    }

    fn place(&self, calendar: &RemoteCalendarId, name: &str) -> RemoteId {
        self.shelf.place(calendar, name)
    }

    fn read(&self, raw: &Raw) -> Result<Event, Failure> {
        self.shelf.read(raw)
    }
}

/// Begins a run and drops it, as if its process were killed, when its provider keeps it waiting.
async fn killed(world: &World, link: LinkId, paged: &Paged) {
    let leased = world.claim(link).await;
    let run = Box::pin(run_link(&world.engine, leased, &Silent));
    let hung = Box::pin(async {
        while !paged.hangs.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
    });
    assert!(matches!(select(run, hung).await, Either::Right(_)));
    // Its lease runs out.
    world.wait(120);
}

#[tokio::test]
async fn a_first_listing_that_was_killed_goes_on_where_it_was() {
    let world = World::new().await;
    let paged = Paged::of(9);
    for n in [1, 4] {
        paged.shelf.put(
            &format!("/{n:03}.ics"),
            meeting(&n.to_string(), &format!("Series {n}")),
        );
    }
    let link = world.link(&paged).await;
    world.add("ours", "Ours").await;
    paged.trouble(Trouble::Hangs(6));
    killed(&world, link, &paged).await;
    assert_eq!(paged.asked(), ["start", "3", "6"]);
    assert_eq!(
        world.titles().await.len(),
        1 + 4,
        "two pages, but no series"
    );

    let report = world.sync(link).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert_eq!(paged.asked(), ["6", "end"], "no page twice");
    assert_eq!(report.counts.created, 5, "and no event twice");
    assert_eq!(report.counts.deleted, 0);
    assert_eq!(world.titles().await.len(), 1 + 9);
    assert_eq!(world.mirrors(link).await, 10);
    assert!(paged.shelf.titles().contains(&"Ours".to_owned()));

    // From here on it is a link like any other.
    paged
        .shelf
        .put("/003.ics", meeting("3", "Event 003, later"));
    let report = world.sync(link).await;
    assert_eq!(report.counts.updated, 1);
    assert_eq!(paged.asked().len(), 1);
}

#[tokio::test]
async fn a_listing_that_failed_goes_on_too_and_deletes_what_is_gone() {
    let world = World::new().await;
    let paged = Paged::of(12);
    let link = world.link(&paged).await;
    world.sync(link).await;
    paged.asked();
    // The daily one: two events were deleted without a word, one before the place where it fails and one behind.
    world.wait(25 * 3_600);
    paged.shelf.remove_silently("/001.ics");
    paged.shelf.remove_silently("/010.ics");
    paged.trouble(Trouble::Fails(6));
    let report = world.sync(link).await;
    assert!(matches!(report.outcome, Outcome::Failed { .. }));
    assert_eq!(report.counts.deleted, 0, "it is not whole");
    assert_eq!(paged.asked(), ["start", "3", "6"]);
    world.wait(60);
    let report = world.sync(link).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert_eq!(paged.asked(), ["6", "9", "end"]);
    assert_eq!(report.counts.deleted, 2);
    assert_eq!(world.titles().await.len(), 10);
}

#[tokio::test]
async fn a_place_that_nobody_knows_any_more_or_that_is_old_is_none() {
    for trouble in [
        Some(Trouble::Forgotten(Refusal::CursorDead)),
        Some(Trouble::Forgotten(Refusal::Protocol)),
        None,
    ] {
        let world = World::new().await;
        let paged = Paged::of(9);
        let link = world.link(&paged).await;
        paged.trouble(Trouble::Fails(6));
        world.sync(link).await;
        assert_eq!(paged.asked(), ["start", "3", "6"]);
        match trouble {
            Some(trouble) => {
                paged.trouble(trouble);
                world.wait(60);
            }
            None => world.wait(7 * 3_600),
        }
        assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
        let begun = paged.asked();
        let anew: Vec<&str> = begun
            .iter()
            .map(String::as_str)
            .skip(usize::from(trouble.is_some()))
            .collect();
        assert_eq!(anew, ["start", "3", "6", "end"]);
        assert_eq!(world.titles().await.len(), 9);
    }
}

#[tokio::test]
async fn other_rules_begin_anew() {
    let world = World::new().await;
    let paged = Paged::of(9);
    let link = world.link(&paged).await;
    paged.trouble(Trouble::Fails(6));
    world.sync(link).await;
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    let before = links::get(&mut tx, link).await.unwrap().unwrap();
    assert!(before.listing.is_some());
    let settings = links::LinkSettings {
        direction: before.direction,
        detail: kalends_calendar::rules::Detail::Busy,
        conflict_policy: before.conflict_policy,
    };
    links::update_settings(&mut tx, link, settings, world.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    paged.asked();
    world.sync(link).await;
    assert_eq!(paged.asked()[0], "start");
}

#[tokio::test]
async fn a_dead_cursor_is_asked_with_once_though_the_listing_after_it_is_cut_off() {
    let world = World::new().await;
    let paged = Paged::of(9);
    let link = world.link(&paged).await;
    world.sync(link).await;
    paged.asked();
    *paged.shelf.forgotten.lock().unwrap() = 100;
    paged.trouble(Trouble::Fails(6));
    world.sync(link).await;
    assert_eq!(paged.asked(), ["9", "start", "3", "6"]);
    world.wait(60);
    let report = world.sync(link).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert_eq!(paged.asked(), ["6", "end"]);
    assert_eq!(report.counts.created, 0);
    assert_eq!(world.titles().await.len(), 9);
}

#[tokio::test]
async fn a_dry_run_keeps_no_place_and_goes_on_from_none() {
    let world = World::new().await;
    let paged = Paged::of(6);
    paged.shelf.put("/001.ics", meeting("1", "Series 1"));
    let link = world.link(&paged).await;
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let before = links::get(&mut tx, link).await.unwrap().unwrap();
    drop(tx);
    let report = kalends_engine::dry_run(&world.engine, world.tenant, before, &Silent)
        .await
        .unwrap();
    assert_eq!(report.plan.len(), 6, "the series too");
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let after = links::get(&mut tx, link).await.unwrap().unwrap();
    assert_eq!(after.listing, None);
}

#[tokio::test]
async fn a_link_whose_budget_is_used_up_waits_and_goes_on_where_it_was() {
    let world = World::new().await;
    let paged = Paged::of(12);
    let link = world.link(&paged).await;
    let until = world.now() + SignedDuration::from_secs(20);
    *paged.budget.lock().unwrap() = Some((2, until));
    let report = world.sync(link).await;
    assert_eq!(report.outcome, Outcome::Waiting { until });
    assert_eq!(paged.asked(), ["start", "3"]);
    assert_eq!(world.titles().await.len(), 6, "what was done stays");
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let waiting = links::get(&mut tx, link).await.unwrap().unwrap();
    let account = connections::get(&mut tx, waiting.connection).await.unwrap();
    drop(tx);
    assert_eq!(
        (waiting.due_at, waiting.failures),
        (Some(until), 0),
        "it has not failed"
    );
    assert_eq!(waiting.last_error, None);
    let account = account.unwrap();
    assert_eq!(account.retry_at, Some(until), "which binds all nodes");
    assert_eq!(account.retry_reason, Some(RetryReason::Budget));
    // Who asks for it by name waits all the same, and costs nothing.
    let report = world.sync(link).await;
    assert_eq!(report.outcome, Outcome::Waiting { until });
    assert_eq!(paged.asked(), [""; 0]);

    *paged.budget.lock().unwrap() = None;
    world.wait(30);
    assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
    assert_eq!(paged.asked(), ["6", "9", "end"]);
    assert_eq!(world.titles().await.len(), 12);
}

#[tokio::test]
async fn a_write_that_waits_for_the_budget_was_not_sent() {
    let world = World::new().await;
    let paged = Paged::of(3);
    let link = world.link(&paged).await;
    world.sync(link).await;
    world.add("ours", "Ours").await;
    paged.asked();
    let until = world.now() + SignedDuration::from_secs(20);
    *paged.budget.lock().unwrap() = Some((1, until));
    let report = world.sync(link).await;
    assert_eq!(report.outcome, Outcome::Waiting { until });
    assert_eq!(paged.shelf.writes(), [""; 0]);
    *paged.budget.lock().unwrap() = None;
    world.wait(30);
    let report = world.sync(link).await;
    assert_eq!(
        (report.outcome, report.counts.pushed),
        (Outcome::Succeeded, 1)
    );
    assert_eq!(paged.shelf.writes(), ["create Ours"]);
}
