//! `kalends demo`: everything started at once on the embedded default, to try things with.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use futures_util::FutureExt;
use kalends_calendar::ids::{TenantId, TokenId, UserId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::rules::{ConflictPolicy, Detail};
use kalends_calendar::seams::Clock;
use kalends_engine::{Silent, claim, run_link};
use kalends_sandbox::seed::Seed;
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::members::{self, Role};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::tokens::{self, NewToken, TokenHash};
use kalends_store::users::{self, NewUser, PasswordHash};
use kalends_store::{Tx, remote_calendars};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::sandbox::ANY_PORT;
use super::{serve, stop};
use crate::Ended;
use crate::app::{App, Wired};
use crate::cli::Global;
use crate::config::{Settings, Vendors, checked_origin, checked_public_url};
use crate::connecting::{self, Keeping};
use crate::credentials::{self, Kind};
use crate::linking::{self, How, Making};
use crate::sandboxed::{Beginning, Sandboxed};
use crate::screen::Screen;
use crate::seams::SystemClock;

/// Where somebody who develops a host product is likely to serve it.
const HOST: &str = "http://localhost:3000";

/// How much chance is in the demo's password: 16 characters, which one can still type.
const PASSWORD_RANDOM_BYTES: usize = 12;

/// Start everything at once, to try it: the web app, two tenants, users, tokens, accounts at Google, Microsoft and CalDAV.
///
/// Nothing of it is left when it ends. The tenant `demo` has calendar sync, and one of the two CalDAV accounts is linked to
/// its calendar; the tenant `rival` has not. Google and Microsoft are stand-ins, whose accounts are connected by consent.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES:
  kalends demo
  kalends demo --json                 # the first line is a JSON object with all addresses and tokens
  kalends demo --listen 127.0.0.1:8080 --sandbox-listen 127.0.0.1:8090
  kalends demo --host http://localhost:5173   # whose pages may show embedded screens")]
pub(crate) struct Demo {
    /// Address and port of the API [default: a free port of this machine]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Address and port of the accounts [default: a free port of this machine]
    #[arg(long, value_name = "ADDRESS:PORT")]
    sandbox_listen: Option<SocketAddr>,
    /// The site of a host product that is being developed beside it: its pages may frame screens, and people return there
    #[arg(long, value_name = "ORIGIN", default_value = HOST, value_parser = checked_origin)]
    host: String,
    /// Under which address people reach it, if a proxy stands before it [default: where it listens]
    #[arg(long, value_name = "URL", value_parser = checked_public_url)]
    public_url: Option<Url>,
}

pub(crate) async fn run(global: &Global, command: Demo) -> Result<Ended> {
    let screen = Screen::new(global.json, global.quiet);
    let folder = tempfile::tempdir().context("a folder for the demo's database")?;
    let listener = serve::listen(command.listen.unwrap_or(ANY_PORT)).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let on = command.sandbox_listen.unwrap_or(ANY_PORT);
    let sandbox = Sandboxed::open(on, None, Beginning::Planted(Seed::Demo), clock.as_ref()).await?;
    sandbox.refuse_unknown_names();
    sandbox.push_soon();
    let mut settings = Settings::for_demo(global, folder.path())?;
    settings.server.listen = listener.local_addr()?;
    settings.server.public_url = command.public_url;
    settings.server.return_origins = vec![command.host.clone()];
    settings.server.frame_origins = vec![command.host];
    settings.vendors = Vendors::sandboxed(&sandbox.base(), |vendor| sandbox.client(vendor))?;
    settings.signin = Some(sandbox.sign_in());
    sandbox.send_back_to(&settings.server.address());
    let server = settings.server.clone();
    let app = App::of_platform(settings, Screen::new(global.json, true)).await?;
    let wired = app.wired().await?;
    let stopped = stop::asked().shared();
    let accounts = sandbox.users().to_vec();
    let base = sandbox.base();
    let residents = sandbox.told();
    let login = |slug: &str| match server.public_url {
        Some(_) => format!("{}/", server.address()),
        None => format!("http://{slug}.localhost:{}/", server.listen.port()),
    };
    let people = people(&app).await?;
    // The sandbox answers while its account is being connected.
    let serving = tokio::spawn(sandbox.serve(clock, stopped.clone()));
    let (user, password) = accounts.first().context("the sandbox has no users")?;
    Box::pin(connect(&app, &wired, &people, &base, user, password)).await?;
    let api = server.address();
    let told = json!({
        "api": api,
        "platform_token": people.platform,
        "people": EVERYBODY.map(|(email, _)| email),
        "password": people.password.expose_secret(),
        "tenants": {
            "demo": {
                "owner_token": people.demo_owner,
                "manager_token": people.demo_manager,
                "staff_token": people.demo_staff,
                "customer_token": people.demo_customer,
                "login_url": login("demo"),
            },
            "rival": {
                "owner_token": people.rival_owner,
                "login_url": login("rival"),
            },
        },
        "sandbox": residents,
    });
    screen.json_line(&told)?;
    tell(&screen, &told)?;
    serve::serve(&app, &wired, server, listener).await?;
    serving.await??;
    Ok(Ended::Well)
}

fn tell(screen: &Screen, told: &Value) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let api = text(&told["api"]);
    let token = text(&told["tenants"]["demo"]["owner_token"]);
    let password = text(&told["password"]);
    screen.line(&format!(
        "Open {api}/ and sign in with the password {password} as"
    ))?;
    for (email, what) in EVERYBODY {
        screen.line(&format!("  {email:<24}{what}"))?;
    }
    screen.line(&format!(
        "\nThe API is at {api}, described at {api}/api/docs/\n"
    ))?;
    screen.line("Try:")?;
    for (method, path) in [
        ("", "/api/calendar/status/"),
        ("", "/api/calendar/list/"),
        ("", "/api/calendar/calendars/"),
        ("", "/api/calendar/links/"),
    ] {
        screen.line(&format!(
            "  curl {method}-H 'Authorization: Bearer {token}' {api}{path}"
        ))?;
    }
    screen.line("\nAll addresses and tokens as JSON: kalends demo --json. Ctrl-C ends it.")
}

/// Who lives in the demo, and as what.
const EVERYBODY: [(&str, &str); 6] = [
    ("olivia@demo.example", "owner of Demo Dental"),
    ("mona@demo.example", "its manager"),
    ("stan@demo.example", "its staff"),
    ("carl@demo.example", "its customer"),
    (
        "rita@rival.example",
        "owner of Rival Dental, which has no calendar sync",
    ),
    ("root@kalends.example", "platform admin"),
];

/// The tokens of everybody in the demo.
struct People {
    demo: TenantId,
    owner: UserId,
    password: SecretString,
    platform: String,
    demo_owner: String,
    demo_manager: String,
    demo_staff: String,
    demo_customer: String,
    rival_owner: String,
}

async fn people(app: &App) -> Result<People> {
    let password = password()?;
    let hash = &credentials::hash_password(&password)?;
    let root = user(app, "root@kalends.example", "Root", true, hash).await?;
    let demo = tenant(app, "demo", "Demo Dental", true).await?;
    let rival = tenant(app, "rival", "Rival Dental", false).await?;
    let owner = user(app, "olivia@demo.example", "Olivia Owner", false, hash).await?;
    let manager = user(app, "mona@demo.example", "Mona Manager", false, hash).await?;
    let staff = user(app, "stan@demo.example", "Stan Staff", false, hash).await?;
    let customer = user(app, "carl@demo.example", "Carl Customer", false, hash).await?;
    let other = user(app, "rita@rival.example", "Rita Rival", false, hash).await?;
    let bound = [
        (demo, owner, Role::Owner),
        (demo, manager, Role::Manager),
        (demo, staff, Role::Staff),
        (demo, customer, Role::Customer),
        (rival, other, Role::Owner),
    ];
    let mut made = Vec::new();
    for (tenant, user, role) in bound {
        let mut tx = app.store.administer(tenant).await?;
        members::put(&mut tx, user, role, app.now()).await?;
        made.push(token(app, &mut tx, user, Some(tenant)).await?);
        tx.commit().await?;
    }
    let mut tx = app.store.platform().await?;
    let platform = token(app, &mut tx, root, None).await?;
    tx.commit().await?;
    let mut made = made.into_iter();
    let mut next = || made.next().unwrap_or_default();
    Ok(People {
        demo,
        owner,
        password,
        platform,
        demo_owner: next(),
        demo_manager: next(),
        demo_staff: next(),
        demo_customer: next(),
        rival_owner: next(),
    })
}

async fn tenant(app: &App, slug: &str, name: &str, calendar_sync: bool) -> Result<TenantId> {
    let id = TenantId(app.ids.next());
    let mut tx = app.store.administer(id).await?;
    let new = NewTenant {
        id,
        slug: slug.to_owned(),
        name: name.to_owned(),
        created_at: app.now(),
    };
    tenants::insert(&mut tx, new).await?;
    if calendar_sync {
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], app.now()).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// One password for everybody, good for as long as the demo is.
fn password() -> Result<SecretString> {
    let mut random = [0; PASSWORD_RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(random)))
}

async fn user(
    app: &App,
    email: &str,
    name: &str,
    platform_admin: bool,
    hash: &PasswordHash,
) -> Result<UserId> {
    let id = UserId(app.ids.next());
    let mut tx = app.store.platform().await?;
    let new = NewUser {
        id,
        email: email.to_owned(),
        name: name.to_owned(),
        password_hash: Some(hash.clone()),
        platform_admin,
        created_at: app.now(),
    };
    users::create(&mut tx, new).await?;
    tx.commit().await?;
    Ok(id)
}

async fn token(app: &App, tx: &mut Tx, user: UserId, tenant: Option<TenantId>) -> Result<String> {
    let fresh = credentials::fresh(Kind::Token)?;
    let new = NewToken {
        id: TokenId(app.ids.next()),
        hash: TokenHash(fresh.hash),
        prefix: fresh.shown,
        name: "demo".to_owned(),
        user,
        tenant,
        role: None,
        created_at: app.now(),
        expires_at: None,
        embedded: false,
        made_with: None,
    };
    tokens::create(tx, new).await?;
    Ok(fresh.secret.expose_secret().to_owned())
}

/// Connects an account of the sandbox to the demo tenant, and links its calendar.
async fn connect(
    app: &App,
    wired: &Wired,
    people: &People,
    base: &str,
    user: &str,
    password: &SecretString,
) -> Result<()> {
    let keys = wired.accounts.keys.clone().context("the vault is closed")?;
    let wanted = connecting::caldav(&wired.accounts, base, user, |_| Ok(password.clone()))?;
    let seen = connecting::look(wanted).await?;
    let mut tx = app.store.begin(people.demo).await?;
    let keeping = Keeping {
        name: Some(user),
        owner: Some(people.owner),
        vault: &keys.vault(),
        ids: app.ids.as_ref(),
        at: app.now(),
    };
    let kept = connecting::keep(&mut tx, &seen, &keeping).await?;
    let connection = kalends_store::connections::get(&mut tx, kept.id)
        .await?
        .ok_or_else(|| anyhow!("the account is gone again"))?;
    let remote = remote_calendars::list(&mut tx, kept.id).await?;
    let work = remote
        .iter()
        .find(|calendar| calendar.name == "Work")
        .context("the sandbox has no calendar Work")?;
    let making = Making {
        ids: app.ids.as_ref(),
        at: app.now(),
    };
    let zone = app.settings.zone.id.clone();
    let calendar = linking::calendar(&mut tx, "Practice", None, zone, making).await?;
    let how = How {
        direction: None,
        detail: Detail::Full,
        conflict_policy: ConflictPolicy::Newest,
        bounds: ImportBounds::default(),
    };
    let link = linking::link(&mut tx, &calendar, &connection, work, how, making).await?;
    tx.commit().await?;
    // Whoever looks first shall see events already.
    if let Some(leased) = claim(&wired.engine, people.demo, link.id).await? {
        run_link(&wired.engine, leased, &Silent).await?;
    }
    Ok(())
}
