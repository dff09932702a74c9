//! What the seed draws before anything happens: tenants, servers with their oddities, calendars, links.

use std::sync::Arc;

use anyhow::Context;
use kalends_calendar::ids::{CalendarId, ConnectionId, LinkId, TenantId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::{Access as RemoteAccess, Guests};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction, Rules};
use kalends_calendar::seams::Ids;
use kalends_calendar::time::ZoneId;
use kalends_sandbox::quirks::{Etags, IfNoneMatch, Scheduling};
use kalends_sandbox::seed;
use kalends_sandbox::world::{Access, Account as RemoteAccount, Upload};
use kalends_sandbox::{Chance, Place, Quirks, google, microsoft};
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{self, NewConnection};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::links::{self, NewLink};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{Store, remote_calendars};

use crate::account::Accounts;
use crate::face::{self, Face};
use crate::people::remote;
use crate::plant::Plant;
use crate::stage::{Account, Cast, Link, Stage, Tenant};
use crate::{node, page};

/// Whose texts are whose: each stands in every text of its tenant.
const CANARIES: [&str; 2] = ["ashwood", "birchen"];

/// The collection of a CalDAV account.
const COLLECTION: &str = "work";

/// How many accounts of a hundred may not be written to.
const READ_ONLY_PERCENT: u64 = 8;

/// More than any simulation asks of Google in a minute.
const UNITS_PER_MINUTE: u64 = 1_000_000;

/// Draws and makes everything.
pub(crate) async fn set_up(stage: &Arc<Stage>, chance: &mut Chance) -> anyhow::Result<()> {
    let store = Store::open(&node::address(stage)).await?;
    let ids = node::ids(chance.fork(1));
    let mut cast = Cast::default();
    // Half of all seeds know CalDAV alone: what breaks between servers of one kind, breaks there with less around it.
    let mixed = stage.plant.is(Plant::Nothing) && chance.percent(50);
    if mixed {
        vendors(stage, chance);
    }
    for (index, canary) in CANARIES.into_iter().enumerate() {
        let tenant = TenantId(ids.next());
        let new = NewTenant {
            id: tenant,
            slug: canary.to_owned(),
            name: canary.to_owned(),
            created_at: stage.baton.now(),
        };
        let mut tx = store.administer(tenant).await?;
        let now = new.created_at;
        tenants::insert(&mut tx, new).await?;
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], now).await?;
        tx.commit().await?;
        let first = index == 0;
        let calendar_count = if first {
            1 + usize::from(chance.percent(40))
        } else {
            1
        };
        let mut tenant = Tenant {
            id: tenant,
            canary,
            calendars: Vec::new(),
        };
        let mut tx = store.begin(tenant.id).await?;
        for number in 0..calendar_count {
            let calendar = Calendar {
                id: CalendarId(ids.next()),
                name: format!("calendar {number}"),
                color: None,
                time_zone: ZoneId("Europe/Berlin".to_owned()),
                created_at: stage.baton.now(),
            };
            tenant.calendars.push(calendar.id);
            calendars::insert(&mut tx, calendar).await?;
        }
        tx.commit().await?;
        cast.tenants.push(tenant);
        let account_count = if first {
            2 + usize::from(chance.percent(35))
        } else {
            1
        };
        for number in 0..account_count {
            let face = if mixed {
                Face::draw(chance)
            } else {
                Face::Caldav
            };
            let who = Who {
                tenant: index,
                user: format!("user-{index}-{number}"),
                face,
            };
            let account = account(stage, &store, &ids, chance, &cast, who).await?;
            cast.accounts.push(account);
        }
        link(stage, &store, &ids, chance, &mut cast, index).await?;
    }
    for link in &cast.links {
        stage.baton.say(&format!(
            "link {} {} {:?} {:?} {:?}",
            link.id,
            link.place,
            link.rules.direction,
            link.rules.detail,
            link.rules.conflict_policy
        ));
    }
    store.close().await;
    stage
        .cast
        .set(cast)
        .map_err(|_| anyhow::anyhow!("set up twice"))
}

/// Whose account is to be made, and where.
struct Who {
    tenant: usize,
    user: String,
    face: Face,
}

/// How Google and Microsoft behave in this seed. They take more than any simulation sends.
fn vendors(stage: &Stage, chance: &mut Chance) {
    let mut world = stage.world();
    world.reseed(chance.next());
    world.google.switches = google::Switches::draw(chance);
    world.google.switches.quotas.user_units_per_minute = UNITS_PER_MINUTE;
    world.google.switches.quotas.project_units_per_minute = UNITS_PER_MINUTE;
    // What its Discovery document has no name for is a mistake of the adapter's, which Google would pass over in silence.
    world.google.switches.unknown_names = google::UnknownNames::Refused;
    world.microsoft.seed(chance.next());
    world.microsoft.switches = microsoft::Switches::draw(chance);
    let (of_google, of_microsoft) = (&world.google.switches, &world.microsoft.switches);
    stage.baton.say(&format!("{of_google:?}"));
    stage.baton.say(&format!("{of_microsoft:?}"));
}

/// An account at a server with a calendar that holds events, and the connection to it.
async fn account(
    stage: &Arc<Stage>,
    store: &Store,
    ids: &dyn Ids,
    chance: &mut Chance,
    cast: &Cast,
    who: Who,
) -> anyhow::Result<Account> {
    let owner = &cast.tenants[who.tenant];
    let user = who.user;
    let place = match who.face {
        Face::Caldav => caldav_account(stage, chance, &user),
        Face::Google => google_account(stage, chance, &user),
        Face::Microsoft => microsoft_account(stage, chance, &user)?,
    };
    stage.baton.say(&format!("{user}: {:?} {place}", who.face));
    let count = 4 + chance.below(9);
    for index in 0..count {
        if who.face == Face::Caldav {
            let uid = format!("{user}-{index}@seed");
            plant_event(stage, &place, owner.canary, chance.next(), &uid)?;
        } else {
            remote::create_at_a_vendor(stage, &place, owner.canary, chance);
        }
    }
    if who.face == Face::Microsoft && chance.percent(READ_ONLY_PERCENT) {
        let email = face::email(&user);
        let mut world = stage.world();
        let shut = world.microsoft.let_write(&email, &place.collection, false);
        shut.map_err(|refusal| anyhow::anyhow!(refusal.message))?;
    }

    let accounts = Accounts {
        stage: Arc::clone(stage),
        clock: node::exact_clock(stage),
        lots: Arc::clone(&stage.lots),
        holder: "set-up".to_owned(),
    };
    let provider = accounts.provider(who.face, &user, Vec::new())?;
    let found = provider.calendars().await.context("discovery")?;
    let connection = ConnectionId(ids.next());
    let now = stage.baton.now();
    let mut tx = store.begin(owner.id).await?;
    let new = NewConnection {
        id: connection,
        provider: who.face.kind(),
        name: user.clone(),
        url: format!("{}/", face::ORIGIN),
        user: user.clone(),
        me: found.me.clone(),
        settings: serde_json::Value::Null,
        owner: None,
        subject: None,
        created_at: now,
    };
    connections::insert(&mut tx, new).await?;
    remote_calendars::upsert(&mut tx, connection, &found.calendars, now).await?;
    tx.commit().await?;
    Ok(Account {
        tenant: who.tenant,
        user,
        face: who.face,
        place,
        connection,
        me: found.me,
    })
}

fn caldav_account(stage: &Stage, chance: &mut Chance, user: &str) -> Place {
    let mut remote = RemoteAccount::new(user);
    remote.quirks = quirks(chance, stage.plant);
    if remote.quirks.scheduling == Scheduling::Auto {
        // The events' organizer is this person: the server would mail the guests about every change.
        remote.addresses.push("organizer@example.org".to_owned());
    }
    stage.baton.say(&format!("{user}: {:?}", remote.quirks));
    stage.ledger().set_password(user, &remote.password);
    let place = remote.add_collection(COLLECTION);
    if chance.percent(READ_ONLY_PERCENT)
        && let Some(collection) = remote.collections.get_mut(COLLECTION)
    {
        collection.access = Access::ReadOnly;
    }
    stage.world().add_account(remote);
    place
}

/// The calendar that is linked may be the primary one or another; people move events between the two.
fn google_account(stage: &Stage, chance: &mut Chance, user: &str) -> Place {
    let now = stage.baton.now();
    let mut world = stage.world();
    face::register(&mut world, Face::Google, user);
    let consent = face::consent(&mut world, Face::Google, user, now);
    let email = face::email(user);
    world.google.add_account(&email, user, face::HOME, now);
    let other = world.google.add_calendar(&email, "other", face::HOME, now);
    drop(world);
    if let Some(consent) = consent {
        stage.ledger().set_grant(user, consent);
    }
    Place {
        user: user.to_owned(),
        collection: if chance.percent(70) { email } else { other },
    }
}

fn microsoft_account(stage: &Stage, chance: &mut Chance, user: &str) -> anyhow::Result<Place> {
    let now = stage.baton.now();
    let mut world = stage.world();
    face::register(&mut world, Face::Microsoft, user);
    let consent = face::consent(&mut world, Face::Microsoft, user, now);
    let email = face::email(user);
    let mailbox = microsoft::Account {
        email: &email,
        name: user,
        time_zone: face::HOME,
    };
    let refused = |refusal: microsoft::Refusal| anyhow::anyhow!(refusal.message);
    let first = world.microsoft.add_account(mailbox).map_err(refused)?;
    let other = world
        .microsoft
        .add_calendar(&email, "other")
        .map_err(refused)?;
    let collection = if chance.percent(70) { first } else { other };
    drop(world);
    if let Some(consent) = consent {
        stage.ledger().set_grant(user, consent);
    }
    Ok(Place {
        user: user.to_owned(),
        collection,
    })
}

/// A server's oddities. Those that no client can cope with stay out.
fn quirks(chance: &mut Chance, plant: Plant) -> Quirks {
    let mut quirks = Quirks::draw(chance);
    if chance.percent(10) {
        quirks.if_none_match = IfNoneMatch::Ignored;
    }
    if chance.percent(25) || plant.is(Plant::GuestsUnsilenced) {
        quirks.scheduling = Scheduling::Auto;
    }
    if plant.is(Plant::NoPreconditions) {
        quirks.etags = Etags::Strong;
    }
    quirks
}

/// A new event that a person made at a server.
pub(crate) fn plant_event(
    stage: &Stage,
    place: &Place,
    canary: &str,
    seed: u64,
    uid: &str,
) -> anyhow::Result<String> {
    let word = stage.ledger().word(canary);
    let text = page::with_text(&seed::one(seed, uid), "SUMMARY", &format!("Meeting {word}"));
    let name = format!("{uid}.ics");
    let upload = Upload {
        name: &name,
        text: &text,
    };
    let now = stage.baton.now();
    stage.world().put(place, upload, now)?;
    stage
        .ledger()
        .put_there(place, canary, &page::unfolded(&text));
    Ok(text)
}

/// The links of a tenant: mostly two accounts to one calendar, now and then one collection to two calendars.
async fn link(
    stage: &Arc<Stage>,
    store: &Store,
    ids: &dyn Ids,
    chance: &mut Chance,
    cast: &mut Cast,
    tenant: usize,
) -> anyhow::Result<()> {
    let owner = cast.tenants[tenant].clone();
    let accounts: Vec<Account> = cast
        .accounts
        .iter()
        .filter(|account| account.tenant == tenant)
        .cloned()
        .collect();
    let mut pairs: Vec<(CalendarId, &Account)> = Vec::new();
    for (index, account) in accounts.iter().enumerate() {
        let calendar = match owner.calendars.get(1) {
            Some(second) if index == 2 => *second,
            _ => owner.calendars[0],
        };
        pairs.push((calendar, account));
    }
    if let Some(second) = owner.calendars.get(1) {
        let account = chance.pick(&accounts);
        if !pairs
            .iter()
            .any(|(calendar, other)| calendar == second && other.user == account.user)
        {
            pairs.push((
                *second,
                accounts
                    .iter()
                    .find(|other| other.user == account.user)
                    .context("account")?,
            ));
        }
    }
    let mut tx = store.begin(owner.id).await?;
    for (number, (calendar, account)) in pairs.into_iter().enumerate() {
        let (direction, detail, policy) = rules(chance, stage.plant, number);
        let remote = remote_calendars::list(&mut tx, account.connection)
            .await?
            .into_iter()
            .find(|calendar| {
                let id = calendar.id.as_str().trim_end_matches('/');
                match account.face {
                    Face::Caldav => id.ends_with(&format!("/{COLLECTION}")),
                    Face::Google | Face::Microsoft => id == account.place.collection,
                }
            })
            .context("discovery did not find the collection")?;
        let new = NewLink {
            id: LinkId(ids.next()),
            calendar,
            connection: account.connection,
            remote_calendar: remote.id,
            direction,
            detail,
            bounds: ImportBounds::default(),
            conflict_policy: policy,
            created_at: stage.baton.now(),
        };
        cast.links.push(Link {
            id: new.id,
            tenant,
            calendar,
            place: account.place.clone(),
            rules: Rules {
                direction,
                detail,
                conflict_policy: policy,
                guests: match account.face {
                    Face::Caldav => Guests::Silent,
                    Face::Google | Face::Microsoft => Guests::AlwaysMailed,
                },
                writable: remote.access == RemoteAccess::ReadWrite,
                me: account.me.clone(),
            },
        });
        links::insert(&mut tx, new).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn rules(chance: &mut Chance, plant: Plant, number: usize) -> (Direction, Detail, ConflictPolicy) {
    let direction = match chance.below(10) {
        0 => Direction::Pull,
        1 => Direction::Push,
        _ => Direction::TwoWay,
    };
    let busy = chance.percent(20);
    let policy = *chance.pick(&[
        ConflictPolicy::Newest,
        ConflictPolicy::Newest,
        ConflictPolicy::Remote,
        ConflictPolicy::Local,
        ConflictPolicy::Ask,
    ]);
    if plant.is(Plant::TitleLeak) && number == 0 {
        return (Direction::TwoWay, Detail::Busy, policy);
    }
    let detail = if busy { Detail::Busy } else { Detail::Full };
    (direction, detail, policy)
}
