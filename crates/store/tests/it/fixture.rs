//! A tenant with a calendar, a connection and links, and the events they hold.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::{Details, Event, Instance, Shape};
use kalends_calendar::ids::{
    CalendarId, ConnectionId, EventId, LinkId, RemoteCalendarId, RemoteId, RunId, TenantId, Uid,
    UserId, Version,
};
use kalends_calendar::plan::{ImportBounds, Mirror, Origin, Reason, Step};
use kalends_calendar::provider::Raw;
use kalends_calendar::revision::{Actor, Cause};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_store::audit::Entry;
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{self, Connection, NewConnection, ProviderKind};
use kalends_store::events::Edit;
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::leases::{self, AtOnce, Claim, Leased};
use kalends_store::links::{self, Link, NewLink};
use kalends_store::members::{self, Role};
use kalends_store::plans::{self, Plan};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::users::{self, NewUser};
use kalends_store::{Applied, Batch, Lease, Store, StoreError, Tx, apply};
use uuid::Uuid;

/// One tenant's things.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
    pub(crate) calendar: CalendarId,
    pub(crate) connection: ConnectionId,
}

/// A new id, larger than those before.
pub(crate) fn id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(NEXT.fetch_add(1, Ordering::Relaxed), 0x8000_0000_0000_0000)
}

/// A time in the story, in minutes after its beginning.
pub(crate) fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-03-02T08:00:00.123456Z".parse().unwrap();
    start + SignedDuration::from_mins(minutes)
}

impl World {
    /// A tenant that may sync, with one calendar and one connection.
    pub(crate) async fn new(store: &Store, slug: &str) -> Self {
        let world = Self {
            store: store.clone(),
            tenant: TenantId(id()),
            calendar: CalendarId(id()),
            connection: ConnectionId(id()),
        };
        let new = NewTenant {
            id: world.tenant,
            slug: slug.to_owned(),
            name: format!("Tenant {slug}"),
            created_at: at(0),
        };
        tenants::create(store, new).await.unwrap();
        world.set_sync(Some(true)).await;
        let mut tx = world.begin().await;
        let new = Calendar {
            id: world.calendar,
            name: "Main".to_owned(),
            color: Some("#336699".to_owned()),
            time_zone: ZoneId("Europe/Berlin".to_owned()),
            created_at: at(0),
        };
        calendars::insert(&mut tx, new).await.unwrap();
        let new = world.new_connection(world.connection, "Radicale");
        connections::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        world
    }

    pub(crate) fn new_connection(&self, id: ConnectionId, name: &str) -> NewConnection {
        NewConnection {
            id,
            provider: ProviderKind::Caldav,
            name: name.to_owned(),
            url: format!("https://dav.example.com/{}/", self.tenant),
            user: "ann".to_owned(),
            me: vec![kalends_calendar::event::Address::new("ann@example.com")],
            settings: serde_json::json!({ "home": "/ann/" }),
            owner: None,
            subject: None,
            created_at: at(0),
        }
    }

    pub(crate) async fn begin(&self) -> Tx {
        self.store.begin(self.tenant).await.unwrap()
    }

    pub(crate) async fn read(&self) -> Tx {
        self.store.read(self.tenant).await.unwrap()
    }

    /// Whether the tenant may sync; none: as its plan says.
    pub(crate) async fn set_sync(&self, enabled: Option<bool>) {
        let mut tx = self.store.administer(self.tenant).await.unwrap();
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, enabled)], at(0))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// A new user, who is a member.
    pub(crate) async fn member(&self, name: &str, role: Role) -> UserId {
        let user = user(&self.store, name).await;
        let mut tx = self.begin().await;
        members::put(&mut tx, user, role, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        user
    }

    /// A new link, due at minute 0.
    pub(crate) async fn link(&self, direction: Direction) -> LinkId {
        let link = LinkId(id());
        let mut tx = self.begin().await;
        let new = NewLink {
            id: link,
            calendar: self.calendar,
            connection: self.connection,
            remote_calendar: RemoteCalendarId(format!("/cal/{link}/")),
            direction,
            detail: Detail::Full,
            conflict_policy: ConflictPolicy::Newest,
            bounds: ImportBounds::default(),
            created_at: at(0),
        };
        links::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        link
    }

    /// The link as it stands.
    pub(crate) async fn connection_state(&self) -> Connection {
        let mut tx = self.read().await;
        let known = connections::get(&mut tx, self.connection).await.unwrap();
        known.unwrap()
    }

    pub(crate) async fn look(&self, link: LinkId) -> Link {
        let mut tx = self.read().await;
        links::get(&mut tx, link).await.unwrap().unwrap()
    }

    /// A lease on a link from a minute on, for ten minutes.
    pub(crate) async fn lease(&self, link: LinkId, minute: i64) -> Lease {
        let leased = self.try_lease(link, minute).await;
        leased.expect("nobody works on it").lease
    }

    pub(crate) async fn try_lease(&self, link: LinkId, minute: i64) -> Option<Leased> {
        leases::claim_link(&self.store, self.tenant, link, &claim("node", minute))
            .await
            .unwrap()
    }

    /// Applies steps in an incremental batch.
    pub(crate) async fn apply(&self, lease: &Lease, steps: Vec<Step>) -> Applied {
        let mut batch = Batch::new(RunId(id()), at(1));
        batch.steps = steps;
        apply(&self.store, lease, batch).await.unwrap()
    }

    /// Takes in one remote event through a link.
    pub(crate) async fn take_in(&self, lease: &Lease, name: &str) -> EventId {
        let event = EventId(id());
        self.apply(lease, taken_in(event, name)).await;
        event
    }
}

/// A new user, who is nowhere a member.
pub(crate) async fn user(store: &Store, name: &str) -> UserId {
    let new = new_user(name);
    let id = new.id;
    platform(store, async |tx| users::create(tx, new).await)
        .await
        .unwrap();
    id
}

/// Does something in a transaction of the platform.
pub(crate) async fn platform<T>(
    store: &Store,
    work: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut tx = store.platform().await?;
    let done = work(&mut tx).await?;
    tx.commit().await?;
    Ok(done)
}

/// A plan with these permissions.
pub(crate) fn plan(code: &str, permissions: &[(&str, bool)]) -> Plan {
    Plan {
        code: code.to_owned(),
        name: format!("Plan {code}"),
        permissions: permissions
            .iter()
            .map(|(feature, enabled)| ((*feature).to_owned(), *enabled))
            .collect(),
        quotas: std::collections::BTreeMap::new(),
    }
}

/// Gives a tenant a plan, or none.
pub(crate) async fn set_plan(
    store: &Store,
    tenant: TenantId,
    plan: Option<&str>,
) -> Result<(), StoreError> {
    let mut tx = store.administer(tenant).await?;
    tenants::set_plan(&mut tx, plan).await?;
    tx.commit().await
}

/// Makes a plan, or replaces it.
pub(crate) async fn put_plan(store: &Store, plan: Plan, minute: i64) -> Result<(), StoreError> {
    platform(store, async |tx| plans::put(tx, plan, at(minute)).await).await
}

/// An entry of the audit log.
pub(crate) fn entry(action: &str, minute: i64) -> Entry {
    Entry {
        id: id(),
        at: at(minute),
        actor: "ann".to_owned(),
        action: action.to_owned(),
        object: "link 1".to_owned(),
        detail: serde_json::json!({}),
        address: None,
        cause: None,
    }
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        id: UserId(id()),
        email: format!("{name}@example.com"),
        name: name.to_owned(),
        password_hash: None,
        platform_admin: false,
        created_at: at(0),
    }
}

pub(crate) fn claim(holder: &str, minute: i64) -> Claim<'_> {
    Claim {
        now: at(minute),
        holder,
        until: at(minute + 10),
        at_once: AtOnce::ANY,
    }
}

/// The steps that take in a remote event.
pub(crate) fn taken_in(id: EventId, name: &str) -> Vec<Step> {
    vec![
        Step::CreateEvent {
            event: id,
            body: Box::new(event(name)),
            reason: Reason::NewThere,
        },
        Step::SetMirror(mirror(id, name, "1")),
    ]
}

pub(crate) fn mirror(event: EventId, name: &str, version: &str) -> Mirror {
    Mirror {
        event,
        remote_id: RemoteId(format!("/cal/{name}.ics")),
        version: Some(Version(version.to_owned())),
        raw: Raw(format!(
            "BEGIN:VCALENDAR\r\nX-NAME:{name} {version}\r\nEND:VCALENDAR\r\n"
        )),
        origin: Origin::Remote,
    }
}

pub(crate) fn edit(reason: &str, minute: i64) -> Edit {
    Edit {
        cause: cause(reason),
        at: at(minute),
        except_link: None,
    }
}

pub(crate) fn cause(reason: &str) -> Cause {
    Cause {
        actor: Actor::User {
            name: "ann".to_owned(),
        },
        reason: reason.to_owned(),
    }
}

/// An hour on 5 January 2026 at ten in Berlin, called by its name.
pub(crate) fn event(name: &str) -> Event {
    event_at(name, "2026-01-05T10:00:00", 3600)
}

pub(crate) fn event_at(name: &str, local: &str, seconds: i64) -> Event {
    Event {
        uid: Uid(format!("{name}@example.com")),
        shape: Shape::Series,
        master: Instance {
            start: Start::Zoned {
                local: local.parse().unwrap(),
                zone: ZoneId("Europe/Berlin".to_owned()),
            },
            duration: Length::seconds(seconds),
            end_zone: None,
            details: Details {
                title: name.to_owned(),
                ..Details::default()
            },
        },
        recurrence_rules: vec![],
        excluded_recurrence_rules: vec![],
        recurrence_overrides: std::collections::BTreeMap::default(),
        time_zones: std::collections::BTreeMap::default(),
        sequence: 0,
        created: None,
        updated: None,
    }
}
