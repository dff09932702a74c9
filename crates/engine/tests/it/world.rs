//! A small world: one tenant, one calendar, remote calendars in memory, and an engine between them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::date;
use kalends_calendar::channel::{Channel, Wanted};
use kalends_calendar::event::{Details, Event, Instance, Shape};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{
    CalendarId, ConnectionId, Cursor, EventId, LinkId, RemoteCalendarId, RemoteId, TenantId, Uid,
    Version,
};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::{
    Capabilities, Change, Coverage, Discovery, Guests, Mark, Next, Observed, Page, Position,
    Provider, Raw, Receipt, State, Write,
};
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_calendar::seams::{Clock, Ids};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_engine::{Engine, Mute, Providers, Report, Settings, Silent, claim, edits, run_link};
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{self, Connection, NewConnection, ProviderKind};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::leases::Leased;
use kalends_store::links::{self, NewLink};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{Store, events, mirrors};
use uuid::Uuid;

use crate::desk::Desk;
use crate::seams::Seams;
use crate::trouble::{Listing, Trouble, set_sync};

/// An event on the first of December, at nine in Berlin.
pub(crate) fn meeting(uid: &str, title: &str) -> Event {
    Event {
        uid: Uid::from(uid),
        shape: Shape::Series,
        master: Instance {
            start: Start::Zoned {
                local: date(2026, 12, 1).at(9, 0, 0, 0),
                zone: ZoneId("Europe/Berlin".into()),
            },
            duration: Length::minutes(30),
            end_zone: None,
            details: Details {
                title: title.into(),
                ..Details::default()
            },
        },
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

#[derive(Default)]
struct Shelf {
    events: BTreeMap<RemoteId, (u64, Event, Option<Mark>)>,
    log: Vec<RemoteId>,
    version: u64,
    writes: Vec<String>,
}

/// A remote calendar.
pub(crate) struct Remote {
    shelf: Mutex<Shelf>,
    pub(crate) trouble: Mutex<Option<Trouble>>,
    pub(crate) listing: Mutex<Listing>,
    /// Events that the server cannot give out.
    pub(crate) corrupt: Mutex<Vec<RemoteId>>,
    /// UIDs of what was deleted, where the server keeps them in its bin.
    pub(crate) bin: Mutex<Option<Vec<Uid>>>,
    /// What befalls the next written events, one after the other, before they are read back.
    pub(crate) between: Mutex<Vec<fn(&mut Event)>>,
    /// The first change that it still remembers.
    pub(crate) forgotten: Mutex<usize>,
    /// Until when it has asked to be left alone.
    pub(crate) left_alone_until: Mutex<Option<Timestamp>>,
    /// Where its channels are opened.
    pub(crate) desk: Desk,
}

impl Remote {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shelf: Mutex::default(),
            trouble: Mutex::default(),
            listing: Mutex::new(Listing::Honest),
            corrupt: Mutex::default(),
            bin: Mutex::default(),
            between: Mutex::default(),
            forgotten: Mutex::default(),
            left_alone_until: Mutex::default(),
            desk: Desk::default(),
        })
    }

    pub(crate) fn put(&self, id: &str, event: Event) {
        let mark = self
            .shelf
            .lock()
            .unwrap()
            .events
            .get(&RemoteId::from(id))
            .and_then(|(_, _, mark)| mark.clone());
        self.put_marked(id, event, mark);
    }

    pub(crate) fn put_marked(&self, id: &str, event: Event, mark: Option<Mark>) {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.version += 1;
        let version = shelf.version;
        shelf
            .events
            .insert(RemoteId::from(id), (version, event, mark));
        shelf.log.push(RemoteId::from(id));
    }

    pub(crate) fn remove(&self, id: &str) {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.events.remove(&RemoteId::from(id));
        shelf.log.push(RemoteId::from(id));
    }

    /// Takes an event away of which no cursor will tell.
    pub(crate) fn remove_silently(&self, id: &str) {
        let mut shelf = self.shelf.lock().unwrap();
        shelf.events.remove(&RemoteId::from(id));
    }

    pub(crate) fn titles(&self) -> Vec<String> {
        let shelf = self.shelf.lock().unwrap();
        let mut titles: Vec<String> = shelf
            .events
            .values()
            .map(|(_, event, _)| event.master.details.title.clone())
            .collect();
        titles.sort();
        titles
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.shelf
            .lock()
            .unwrap()
            .events
            .keys()
            .map(|id| id.0.clone())
            .collect()
    }

    pub(crate) fn event(&self, id: &str) -> Event {
        self.shelf.lock().unwrap().events[&RemoteId::from(id)]
            .1
            .clone()
    }

    pub(crate) fn observed_at(&self, id: &str) -> Observed {
        Self::observed(&self.shelf.lock().unwrap().events[&RemoteId::from(id)])
    }

    /// The writes since last asked.
    pub(crate) fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.shelf.lock().unwrap().writes)
    }

    fn observed(entry: &(u64, Event, Option<Mark>)) -> Observed {
        let raw = serde_json::to_string(&entry.1).unwrap();
        Observed {
            version: Some(Version(entry.0.to_string())),
            event: entry.1.clone(),
            raw: Raw(raw),
            mark: entry.2.clone(),
        }
    }

    fn carry_out(&self, write: &Write) -> Result<Receipt, Failure> {
        let mut shelf = self.shelf.lock().unwrap();
        let changed = || Failure::new(Class::Changed, "changed");
        let (remote_id, entry) = match write {
            Write::Create { name, event, mark } => {
                let id = RemoteId(format!("/{name}.ics"));
                if shelf.events.contains_key(&id) {
                    return Err(Failure::new(Class::Exists, "exists"));
                }
                if let Some(bin) = &*self.bin.lock().unwrap()
                    && bin.contains(&event.uid)
                {
                    let taken = Class::UidTaken { holder: None };
                    return Err(Failure::new(taken, "deleted, and its UID is kept"));
                }
                let holder = shelf
                    .events
                    .iter()
                    .find(|(_, (_, other, _))| other.uid == event.uid);
                if let Some((holder, _)) = holder {
                    return Err(Failure::new(
                        Class::UidTaken {
                            holder: Some(holder.clone()),
                        },
                        "uid taken",
                    ));
                }
                (id, Some(((**event).clone(), Some(mark.clone()))))
            }
            Write::Update {
                remote_id,
                version,
                event,
                ..
            } => {
                let Some((now, _, mark)) = shelf.events.get(remote_id) else {
                    return Err(Failure::new(Class::Gone, "gone"));
                };
                if version
                    .as_ref()
                    .is_some_and(|version| version.0 != now.to_string())
                {
                    return Err(changed());
                }
                let mark = mark.clone();
                (remote_id.clone(), Some(((**event).clone(), mark)))
            }
            Write::Delete {
                remote_id, version, ..
            } => {
                let now = shelf.events.get(remote_id).map(|(now, ..)| now.to_string());
                if now.is_some() && version.as_ref().map(|version| &version.0) != now.as_ref() {
                    return Err(changed());
                }
                (remote_id.clone(), None)
            }
        };
        shelf.writes.push(match write {
            Write::Create { event, .. } => format!("create {}", event.master.details.title),
            Write::Update { event, .. } => format!("update {}", event.master.details.title),
            Write::Delete { .. } => "delete".to_owned(),
        });
        shelf.log.push(remote_id.clone());
        match entry {
            None => {
                let removed = shelf.events.remove(&remote_id);
                if let (Some(bin), Some((_, event, _))) = (&mut *self.bin.lock().unwrap(), removed)
                {
                    bin.push(event.uid);
                }
                Ok(Receipt::Deleted)
            }
            Some((event, mark)) => {
                shelf.version += 1;
                let entry = (shelf.version, event, mark);
                shelf.events.insert(remote_id.clone(), entry.clone());
                Ok(Receipt::Written {
                    remote_id,
                    observed: Box::new(Self::observed(&entry)),
                })
            }
        }
    }

    fn read_back(&self, receipt: Receipt) -> Receipt {
        let Receipt::Written {
            remote_id,
            observed,
        } = receipt
        else {
            return receipt;
        };
        let mut between = self.between.lock().unwrap();
        if between.is_empty() {
            return Receipt::Written {
                remote_id,
                observed,
            };
        }
        let mut event = observed.event.clone();
        between.remove(0)(&mut event);
        self.put(&remote_id.0, event);
        let now = Self::observed(&self.shelf.lock().unwrap().events[&remote_id]);
        Receipt::ReadBack {
            remote_id,
            observed: Box::new(now),
            sent: Box::new(observed.event),
        }
    }
}

#[async_trait]
impl Provider for Remote {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            fetch_batch: 3,
            fetch_in_flight: 2,
            writes: true,
            series_in_steps: false,
            stamps_edits: false,
            guests: Guests::Silent,
            push: self.desk.push(),
        }
    }

    async fn calendars(&self) -> Result<Discovery, Failure> {
        Err(Failure::protocol("not asked in these tests"))
    }

    async fn changes(&self, _: &RemoteCalendarId, from: &Position) -> Result<Page, Failure> {
        let listing = *self.listing.lock().unwrap();
        if listing == Listing::Fails {
            return Err(Failure::passing("the server is unwell"));
        }
        let shelf = self.shelf.lock().unwrap();
        let cursor = Some(Cursor(shelf.log.len().to_string()));
        let done = |changes, coverage| {
            let cursor = cursor.clone();
            Page::new(changes, Next::Done { cursor, coverage })
        };
        let state = |id: &RemoteId| match shelf.events.get(id) {
            Some((version, ..)) => State::Listed(Some(Version(version.to_string()))),
            None => State::Gone,
        };
        let change = |id: &RemoteId| Change {
            remote_id: id.clone(),
            state: state(id),
        };
        match from {
            Position::Since(since) => {
                let since: usize = since.0.parse().unwrap();
                if since < *self.forgotten.lock().unwrap() {
                    return Err(Failure::new(Class::CursorDead, "dead"));
                }
                Ok(done(
                    shelf.log[since..].iter().map(change).collect(),
                    Coverage::Incremental,
                ))
            }
            Position::Start | Position::Page(_) if listing == Listing::Empty => {
                Ok(done(Vec::new(), Coverage::Complete))
            }
            Position::Start | Position::Page(_) => Ok(done(
                shelf.events.keys().map(change).collect(),
                Coverage::Complete,
            )),
        }
    }

    async fn fetch(&self, _: &RemoteCalendarId, ids: &[RemoteId]) -> Result<Vec<Change>, Failure> {
        assert!(ids.len() <= 3, "more ids than the provider takes");
        let hidden = *self.listing.lock().unwrap() == Listing::Empty;
        let corrupt = self.corrupt.lock().unwrap().clone();
        if ids.iter().all(|id| corrupt.contains(id)) {
            return Err(Failure::passing("500"));
        }
        let shelf = self.shelf.lock().unwrap();
        let state = |id| match shelf.events.get(id) {
            Some(_) if corrupt.contains(id) => State::Broken {
                version: None,
                error: "500".into(),
            },
            Some(entry) if !hidden => State::Present(Box::new(Self::observed(entry))),
            Some(_) | None => State::Gone,
        };
        Ok(ids
            .iter()
            .map(|id| Change {
                remote_id: id.clone(),
                state: state(id),
            })
            .collect())
    }

    async fn write(&self, _: &RemoteCalendarId, write: &Write) -> Result<Receipt, Failure> {
        let trouble = self.trouble.lock().unwrap().take();
        match trouble {
            None => {
                let receipt = self.carry_out(write)?;
                Ok(self.read_back(receipt))
            }
            Some(Trouble::LostBeforeSend) => Err(Failure::new(Class::Unknown, "lost")),
            Some(Trouble::LostAfterEffect) => {
                self.carry_out(write)?;
                Err(Failure::new(Class::Unknown, "lost"))
            }
            Some(Trouble::Refused) => Err(Failure::item("not this one")),
            Some(Trouble::Unwell) => Err(Failure::passing("503")),
            Some(Trouble::GrantDead) => Err(Failure::new(Class::ReconnectNeeded, "401")),
            Some(Trouble::FeatureLost(store, tenant)) => {
                let receipt = self.carry_out(write)?;
                set_sync(&store, tenant, false).await;
                Ok(self.read_back(receipt))
            }
        }
    }

    async fn open_channel(
        &self,
        _: &RemoteCalendarId,
        wanted: &Wanted<'_>,
    ) -> Result<Channel, Failure> {
        self.desk.open(wanted)
    }

    async fn renew_channel(&self, channel: &Channel) -> Result<Channel, Failure> {
        self.desk.renew(channel)
    }

    async fn close_channel(&self, channel: &Channel) -> Result<(), Failure> {
        self.desk.close(channel)
    }

    fn left_alone_until(&self) -> Option<Timestamp> {
        *self.left_alone_until.lock().unwrap()
    }

    fn place(&self, _: &RemoteCalendarId, name: &str) -> RemoteId {
        RemoteId(format!("/{name}.ics"))
    }

    fn read(&self, raw: &Raw) -> Result<Event, Failure> {
        serde_json::from_str(&raw.0).map_err(|error| Failure::item(error.to_string()))
    }
}

#[derive(Default)]
struct Doors(Mutex<BTreeMap<ConnectionId, Arc<dyn Provider>>>);

#[async_trait]
impl Providers for Doors {
    async fn open(
        &self,
        _: TenantId,
        connection: &Connection,
    ) -> Result<Arc<dyn Provider>, Failure> {
        Ok(self.0.lock().unwrap()[&connection.id].clone())
    }
}

/// One tenant with one calendar.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) tenant: TenantId,
    pub(crate) calendar: CalendarId,
    doors: Arc<Doors>,
    seams: Arc<Seams>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate_up().await.unwrap();
        let seams = Arc::new(Seams {
            second: AtomicI64::new(1_790_000_000),
            next: AtomicU64::new(1),
        });
        let doors = Arc::new(Doors::default());
        let engine = Engine {
            store,
            clock: seams.clone(),
            ids: seams.clone(),
            entropy: seams.clone(),
            providers: doors.clone(),
            bell: Arc::new(Mute),
            settings: Settings::default(),
            holder: "test".into(),
        };
        let tenant = TenantId(seams.next());
        let now = seams.now();
        let new = NewTenant {
            id: tenant,
            slug: "demo".into(),
            name: "Demo".into(),
            created_at: now,
        };
        let mut tx = engine.store.administer(tenant).await.unwrap();
        tenants::insert(&mut tx, new).await.unwrap();
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut world = Self {
            engine,
            tenant,
            calendar: CalendarId(Uuid::nil()),
            doors,
            seams,
        };
        world.calendar = world.another_calendar("Work").await;
        world
    }

    pub(crate) async fn another_calendar(&self, name: &str) -> CalendarId {
        let id = CalendarId(self.seams.next());
        let mut tx = self.engine.store.begin(self.tenant).await.unwrap();
        let new = Calendar {
            id,
            name: name.into(),
            color: None,
            time_zone: ZoneId("Europe/Berlin".into()),
            created_at: self.seams.now(),
        };
        calendars::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub(crate) async fn link(&self, remote: &Arc<impl Provider + 'static>) -> LinkId {
        let policy = ConflictPolicy::Remote;
        self.link_as(remote, self.calendar, Direction::TwoWay, policy)
            .await
    }

    pub(crate) async fn link_as(
        &self,
        remote: &Arc<impl Provider + 'static>,
        calendar: CalendarId,
        direction: Direction,
        conflict_policy: ConflictPolicy,
    ) -> LinkId {
        let connection = ConnectionId(self.seams.next());
        let door = Arc::clone(remote) as Arc<dyn Provider>;
        self.doors.0.lock().unwrap().insert(connection, door);
        let id = LinkId(self.seams.next());
        let created_at = self.seams.now();
        let mut tx = self.engine.store.begin(self.tenant).await.unwrap();
        let new = NewConnection {
            id: connection,
            provider: ProviderKind::Caldav,
            name: connection.to_string(),
            url: "memory:".into(),
            user: "ann".into(),
            me: Vec::new(),
            settings: serde_json::Value::Null,
            owner: None,
            subject: None,
            created_at,
        };
        connections::insert(&mut tx, new).await.unwrap();
        let new = NewLink {
            id,
            calendar,
            connection,
            remote_calendar: RemoteCalendarId::from("/"),
            direction,
            detail: Detail::Full,
            conflict_policy,
            bounds: ImportBounds::default(),
            created_at,
        };
        links::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.seams.second.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) async fn claim(&self, link: LinkId) -> Leased {
        self.wait(1);
        claim(&self.engine, self.tenant, link)
            .await
            .unwrap()
            .expect("the link is free")
    }

    pub(crate) async fn run(&self, leased: Leased) -> Report {
        run_link(&self.engine, leased, &Silent).await.unwrap()
    }

    pub(crate) async fn sync(&self, link: LinkId) -> Report {
        let leased = self.claim(link).await;
        self.run(leased).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.seams.now()
    }

    /// Our events: title by id.
    pub(crate) async fn ours(&self) -> Vec<(EventId, String)> {
        let mut tx = self.engine.store.read(self.tenant).await.unwrap();
        let window = events::Window {
            from: None,
            to: None,
        };
        let page = events::list_range(&mut tx, Some(self.calendar), window, None, 10_000)
            .await
            .unwrap();
        page.events
            .into_iter()
            .filter_map(|event| Some((event.id, event.body?.master.details.title)))
            .collect()
    }

    pub(crate) async fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self
            .ours()
            .await
            .into_iter()
            .map(|(_, title)| title)
            .collect();
        titles.sort();
        titles
    }

    pub(crate) async fn rename(&self, from: &str, to: &str) {
        self.wait(1);
        let (id, _) = self
            .ours()
            .await
            .into_iter()
            .find(|(_, title)| title == from)
            .expect("an event of that title");
        let mut tx = self.engine.store.read(self.tenant).await.unwrap();
        let stored = events::get(&mut tx, id).await.unwrap().unwrap();
        drop(tx);
        let mut event = stored.body.unwrap();
        event.master.details.title = to.into();
        edits::update(
            &self.engine,
            self.tenant,
            id,
            stored.revision,
            &event,
            edits::Editor("ann"),
        )
        .await
        .unwrap();
    }

    pub(crate) async fn add(&self, uid: &str, title: &str) -> EventId {
        let event = meeting(uid, title);
        edits::create(
            &self.engine,
            self.tenant,
            self.calendar,
            &event,
            edits::Editor("ann"),
        )
        .await
        .unwrap()
    }

    pub(crate) async fn delete(&self, title: &str) {
        self.wait(1);
        let (id, _) = self
            .ours()
            .await
            .into_iter()
            .find(|(_, known)| known == title)
            .expect("an event of that title");
        let mut tx = self.engine.store.read(self.tenant).await.unwrap();
        let revision = events::get(&mut tx, id).await.unwrap().unwrap().revision;
        drop(tx);
        edits::delete(
            &self.engine,
            self.tenant,
            id,
            revision,
            edits::Editor("ann"),
        )
        .await
        .unwrap();
    }

    pub(crate) async fn restore(&self, id: EventId, version: Revision) {
        self.wait(1);
        let ann = edits::Editor("ann");
        edits::restore(&self.engine, self.tenant, id, version, ann)
            .await
            .unwrap();
    }

    pub(crate) async fn mirrors(&self, link: LinkId) -> i64 {
        let mut tx = self.engine.store.read(self.tenant).await.unwrap();
        mirrors::count(&mut tx, link).await.unwrap()
    }
}
