//! A calendar of Kalends with links to all three, kept in step by the engine itself over a database in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::Failure;
use kalends_calendar::ical::{WriteOptions, write_object};
use kalends_calendar::ids::{CalendarId, ConnectionId, EventId, LinkId, RemoteId, TenantId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::{Access, Provider, RemoteCalendar, State};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_calendar::seams::{Entropy, Ids};
use kalends_calendar::time::ZoneId;
use kalends_engine::{Engine, Mute, Outcome, Providers, Settings, Silent, claim, run_link};
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{self, Connection, NewConnection, ProviderKind};
use kalends_store::events::{self, Window};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::intents;
use kalends_store::links::{self, NewLink};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{Store, mirrors, remote_calendars};
use uuid::Uuid;

use super::events::Known;
use super::losses::{CALDAV, GOOGLE, GRAPH, Holding};
use super::same::{differences, plain};
use super::world::{ANN, Side, Sides};

/// Longer than any run takes here, so that no lease has to be renewed: nobody else wants it.
const LEASE: Duration = Duration::from_hours(24 * 365);

/// More than any calendar here has.
const ALL: i64 = 100_000;

/// More rounds than three sides need to agree.
const ROUNDS_MAX: usize = 6;

/// Identifiers in order.
struct Counted(AtomicU64);

impl Ids for Counted {
    fn next(&self) -> Uuid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_u128(u128::from(number) + (1 << 90))
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
    }
}

/// No jitter.
struct NoChance;

impl Entropy for NoChance {
    fn below(&self, _: u64) -> u64 {
        0
    }
}

/// Opens Ann's accounts, by name.
struct Accounts(BTreeMap<&'static str, Arc<dyn Provider>>);

#[async_trait]
impl Providers for Accounts {
    async fn open(
        &self,
        _: TenantId,
        connection: &Connection,
    ) -> Result<Arc<dyn Provider>, Failure> {
        let known = self.0.get(connection.name.as_str());
        known
            .cloned()
            .ok_or_else(|| Failure::protocol("no such account"))
    }
}

/// One of the three links.
struct Link {
    id: LinkId,
    holding: &'static Holding,
}

/// The calendar in the middle.
pub(crate) struct Hub {
    pub(crate) sides: Sides,
    engine: Engine,
    tenant: TenantId,
    calendar: CalendarId,
    links: Vec<Link>,
}

impl Hub {
    pub(crate) async fn new() -> Self {
        let sides = Sides::new();
        let ids = Counted(AtomicU64::new(1));
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate_up().await.unwrap();
        let clock = sides.clock();
        let now = clock.now();
        let (tenant, calendar) = (TenantId(ids.next()), CalendarId(ids.next()));
        let mut tx = store.administer(tenant).await.unwrap();
        let new = NewTenant {
            id: tenant,
            slug: "demo".to_owned(),
            name: "Demo".to_owned(),
            created_at: now,
        };
        tenants::insert(&mut tx, new).await.unwrap();
        let overrides = [(CALENDAR_SYNC, Some(true))];
        features::set_overrides(&mut tx, &overrides, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin(tenant).await.unwrap();
        let new = Calendar {
            id: calendar,
            name: "Everything".to_owned(),
            color: None,
            time_zone: ZoneId("Europe/Berlin".to_owned()),
            created_at: now,
        };
        calendars::insert(&mut tx, new).await.unwrap();
        let mut all = Vec::new();
        let mut accounts = BTreeMap::new();
        for (holding, side, provider) in [
            (&CALDAV, &sides.caldav, ProviderKind::Caldav),
            (&GOOGLE, &sides.google, ProviderKind::Google),
            (&GRAPH, &sides.graph, ProviderKind::Microsoft),
        ] {
            accounts.insert(holding.name, Arc::clone(&side.provider));
            let connection = ConnectionId(ids.next());
            let new = NewConnection {
                id: connection,
                provider,
                name: holding.name.to_owned(),
                url: String::new(),
                user: "ann".to_owned(),
                me: vec![Address::new(ANN)],
                settings: serde_json::Value::Null,
                owner: None,
                subject: None,
                created_at: now,
            };
            connections::insert(&mut tx, new).await.unwrap();
            let remote = RemoteCalendar {
                id: side.calendar.clone(),
                name: "Work".to_owned(),
                color: None,
                access: Access::ReadWrite,
            };
            let found = [remote];
            remote_calendars::upsert(&mut tx, connection, &found, now)
                .await
                .unwrap();
            let id = LinkId(ids.next());
            let new = NewLink {
                id,
                calendar,
                connection,
                remote_calendar: side.calendar.clone(),
                direction: Direction::TwoWay,
                detail: Detail::Full,
                bounds: ImportBounds::default(),
                conflict_policy: ConflictPolicy::Newest,
                created_at: now,
            };
            links::insert(&mut tx, new).await.unwrap();
            all.push(Link { id, holding });
        }
        tx.commit().await.unwrap();
        let engine = Engine {
            bell: Arc::new(Mute),
            store,
            clock,
            ids: Arc::new(ids),
            entropy: Arc::new(NoChance),
            providers: Arc::new(Accounts(accounts)),
            settings: Settings {
                lease_for: LEASE,
                ..Settings::default()
            },
            holder: "test".to_owned(),
        };
        Self {
            sides,
            engine,
            tenant,
            calendar,
            links: all,
        }
    }

    /// Somebody has these events on the CalDAV server. Answers how many that server takes.
    pub(crate) fn have(&self, events: &[Known]) -> usize {
        let options = WriteOptions {
            mark: None,
            stamp: self.engine.clock.now(),
        };
        let texts = events
            .iter()
            .map(|known| write_object(&known.event, &options));
        let put = |(number, text): (usize, String)| self.sides.put(&format!("{number}.ics"), &text);
        texts.enumerate().filter_map(|one| put(one).ok()).count()
    }

    /// Lets the links run until none writes anything.
    pub(crate) async fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            let before = self.sides.writes();
            for link in &self.links {
                let leased = claim(&self.engine, self.tenant, link.id).await.unwrap();
                let leased = leased.expect("nobody else holds the link");
                let report = run_link(&self.engine, leased, &Silent).await.unwrap();
                assert_eq!(report.outcome, Outcome::Succeeded, "{}", link.holding.name);
            }
            if self.sides.writes() == before {
                return;
            }
        }
        panic!("it writes on and on");
    }

    /// Gives every event that stands at Google another title there, but for somebody else's, whose title is not Ann's to
    /// change on the CalDAV server, and for series with an occurrence that is told though it is as the series gives it:
    /// where it is told it stays, at Google it follows.
    pub(crate) async fn retitle_at_google(&self) -> usize {
        let link = self
            .links
            .iter()
            .find(|link| link.holding.name == GOOGLE.name);
        let mut ours = self.ours().await;
        ours.retain(|_, event| {
            event.master.details.participants.is_empty()
                && plain(event).recurrence_overrides == event.recurrence_overrides
        });
        let mirrored = self.mirrored(link.unwrap().id, &ours).await;
        for id in mirrored.values() {
            self.sides.patch_at_google(id.as_str());
        }
        mirrored.len()
    }

    /// The events of the calendar.
    async fn ours(&self) -> BTreeMap<EventId, Event> {
        let mut tx = self.engine.store.read(self.tenant).await.unwrap();
        let page = events::list_range(&mut tx, Some(self.calendar), Window::default(), None, ALL);
        let stored = page.await.unwrap().events;
        stored
            .into_iter()
            .filter_map(|one| Some((one.id, one.body?)))
            .collect()
    }

    async fn mirrored(
        &self,
        link: LinkId,
        ours: &BTreeMap<EventId, Event>,
    ) -> BTreeMap<EventId, RemoteId> {
        let all: Vec<EventId> = ours.keys().copied().collect();
        let mut tx = self.engine.store.read(self.tenant).await.unwrap();
        let found = mirrors::by_events(&mut tx, link, &all).await.unwrap();
        found
            .into_iter()
            .map(|mirror| (mirror.event, mirror.remote_id))
            .collect()
    }

    /// What differs between the calendar and its three sides, and is neither declared to be lost nor refused by a reason
    /// that is foreseen.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let ours = self.ours().await;
        let mut faults = Vec::new();
        for link in &self.links {
            let name = link.holding.name;
            let mirrored = self.mirrored(link.id, &ours).await;
            let mut tx = self.engine.store.read(self.tenant).await.unwrap();
            let failed = intents::failed(&mut tx, link.id).await.unwrap();
            let owed = intents::count(&mut tx, link.id).await.unwrap();
            drop(tx);
            if usize::try_from(owed).unwrap() > failed.len() {
                faults.push(format!("{name}: {owed} owed, {} refused", failed.len()));
            }
            let refused: BTreeMap<EventId, String> = failed
                .into_iter()
                .map(|intent| (intent.event, intent.error.unwrap_or_default()))
                .collect();
            for (id, event) in &ours {
                let fault = match (refused.get(id), mirrored.get(id)) {
                    (Some(reason), _) if link.holding.refusal(reason).is_some() => None,
                    (Some(reason), _) => Some(reason.clone()),
                    (None, None) => Some("it is not there".to_owned()),
                    (None, Some(remote)) => self.differs(link, event, remote).await,
                };
                faults.extend(fault.map(|fault| format!("{} at {name}: {fault}", event.uid)));
            }
        }
        faults
    }

    async fn differs(&self, link: &Link, event: &Event, remote: &RemoteId) -> Option<String> {
        let side: &Side = match link.holding.name {
            "google" => &self.sides.google,
            "graph" => &self.sides.graph,
            _ => &self.sides.caldav,
        };
        let ids = [remote.clone()];
        let found = side.provider.fetch(&side.calendar, &ids).await.unwrap();
        let Some(State::Present(there)) = found.into_iter().next().map(|change| change.state)
        else {
            return Some("it is gone".to_owned());
        };
        let (expected, _) = link.holding.expected(event);
        let differences = differences(&expected, &there.event);
        (!differences.is_empty()).then(|| differences.join("; "))
    }
}
