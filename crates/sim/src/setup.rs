//! What the seed draws before anything happens: tenants, servers with their oddities, calendars, links.

use std::sync::Arc;

use anyhow::Context;
use kalends_calendar::ids::{CalendarId, ConnectionId, LinkId, TenantId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::{Access as RemoteAccess, Guests, Provider};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction, Rules};
use kalends_calendar::seams::Ids;
use kalends_calendar::time::ZoneId;
use kalends_sandbox::quirks::{Etags, IfNoneMatch, Scheduling};
use kalends_sandbox::seed;
use kalends_sandbox::world::{Access, Account as RemoteAccount, Upload};
use kalends_sandbox::{Chance, Place, Quirks};
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{self, NewConnection, ProviderKind};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::links::{self, NewLink};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{Store, remote_calendars};

use crate::account::Accounts;
use crate::plant::Plant;
use crate::stage::{Account, Cast, Link, Stage, Tenant};
use crate::{node, page};

/// Whose texts are whose: each stands in every text of its tenant.
const CANARIES: [&str; 2] = ["ashwood", "birchen"];

/// The server's address.
const SERVER: &str = "https://dav.test/";

/// Draws and makes everything.
pub(crate) async fn set_up(stage: &Arc<Stage>, chance: &mut Chance) -> anyhow::Result<()> {
    let store = Store::open(&node::address(stage)).await?;
    let ids = node::ids(chance.fork(1));
    let mut cast = Cast::default();
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
            let account = account(stage, &store, &ids, chance, &cast, (index, number)).await?;
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

/// An account at the server with a collection that holds events, and the connection to it.
async fn account(
    stage: &Arc<Stage>,
    store: &Store,
    ids: &dyn Ids,
    chance: &mut Chance,
    cast: &Cast,
    (tenant, number): (usize, usize),
) -> anyhow::Result<Account> {
    let owner = &cast.tenants[tenant];
    let user = format!("user-{tenant}-{number}");
    let mut remote = RemoteAccount::new(&user);
    remote.quirks = quirks(chance, stage.plant);
    if remote.quirks.scheduling == Scheduling::Auto {
        // The events' organizer is this person: the server would mail the guests about every change.
        remote.addresses.push("organizer@example.org".to_owned());
    }
    stage.baton.say(&format!("{user}: {:?}", remote.quirks));
    stage.ledger().set_password(&user, &remote.password);
    let slug = "work";
    let place = remote.add_collection(slug);
    if chance.percent(8)
        && let Some(collection) = remote.collections.get_mut(slug)
    {
        collection.access = Access::ReadOnly;
    }
    stage.world().add_account(remote);
    let count = 4 + chance.below(9);
    for index in 0..count {
        let uid = format!("{user}-{index}@seed");
        plant_event(stage, &place, owner.canary, chance.next(), &uid)?;
    }

    let accounts = Accounts {
        stage: Arc::clone(stage),
        clock: node::exact_clock(stage),
        lots: Arc::clone(&stage.lots),
        holder: "set-up".to_owned(),
    };
    let provider = accounts.caldav(SERVER, &user)?;
    let found = provider.calendars().await.context("discovery")?;
    let connection = ConnectionId(ids.next());
    let now = stage.baton.now();
    let mut tx = store.begin(owner.id).await?;
    let new = NewConnection {
        id: connection,
        provider: ProviderKind::Caldav,
        name: user.clone(),
        url: SERVER.to_owned(),
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
        tenant,
        user,
        connection,
        me: found.me,
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
                calendar
                    .id
                    .as_str()
                    .trim_end_matches('/')
                    .ends_with("/work")
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
            place: Place {
                user: account.user.clone(),
                collection: "work".to_owned(),
            },
            rules: Rules {
                direction,
                detail,
                conflict_policy: policy,
                guests: Guests::Silent,
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
