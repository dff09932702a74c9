//! A play in one process: the sandbox's Google and Microsoft on one side, the API with its hooks on the other, and the engine
//! between them. What a provider sends is delivered by hand, so that it can come late, twice, or never.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request as HttpRequest, StatusCode};
use axum::middleware;
use futures_util::FutureExt;
use jiff::SignedDuration;
use kalends_calendar::event::Address;
use kalends_calendar::ids::{CalendarId, ConnectionId, LinkId, RemoteCalendarId, TokenId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::{Access, RemoteCalendar};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_calendar::seams::{Clock, Ids};
use kalends_calendar::time::ZoneId;
use kalends_engine::budget::AT_ONCE;
use kalends_engine::{Engine, Mute, Silent, run_link, watch};
use kalends_providers::http::{Metered, Request, Response, Transport, TransportError};
use kalends_providers::oauth::Vendor;
use kalends_sandbox::google::Visit;
use kalends_sandbox::microsoft::{self, Delivered};
use kalends_sandbox::oauth::{Client, Holder, Person};
use kalends_sandbox::{World, handle};
use kalends_store::calendars::{self, Calendar};
use kalends_store::channels::{self, Channel};
use kalends_store::connections::{self, NewConnection, ProviderKind};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::grants::{self, NewTokens};
use kalends_store::leases::{self, Claim};
use kalends_store::links::{self, Link, NewLink};
use kalends_store::members::Role;
use kalends_store::tokens::{self, NewToken, TokenHash};
use kalends_store::{events, remote_calendars};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::accounts::Accounts;
use crate::api::{self, Api, SignIn};
use crate::budgets::Budgets;
use crate::config::{Mail, Settings, Vendors};
use crate::credentials::{self, Kind};
use crate::hooks::WayIn;
use crate::local_zone::LocalZone;
use crate::mailing::Mailer;
use crate::seams::{SystemEntropy, TimedIds};
use crate::stage::Stage;

/// Where the sandbox is.
const THERE: &str = "https://sandbox.example.com";
/// Where Kalends is.
const HERE: &str = "https://kalends.example.com/";
/// What Kalends is there.
const CLIENT: &str = "kalends";
const SECRET: &str = "of-the-operator";
const ZONE: &str = "Europe/Berlin";
/// More than anybody answers.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A call of a provider, as it is delivered.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn new(address: &str, body: Bytes) -> Self {
        let path = address.strip_prefix(HERE.trim_end_matches('/'));
        Self {
            path: path
                .unwrap_or_else(|| panic!("{address} is not ours"))
                .to_owned(),
            headers: HeaderMap::new(),
            body,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }
}

/// What befalls the next request of Kalends.
pub(super) enum Mishap {
    /// It is carried out, and the answer is lost.
    AnswerLost,
}

/// The way to the providers, and from Microsoft back while it is asked.
struct Wires {
    world: Mutex<World>,
    clock: Arc<dyn Clock>,
    router: OnceLock<Router>,
    mishaps: Mutex<VecDeque<Mishap>>,
    /// All that was answered at addresses of channels.
    validated: Mutex<Vec<StatusCode>>,
}

#[async_trait::async_trait]
impl Transport for Wires {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut sent = HttpRequest::builder()
            .method(request.method.clone())
            .uri(request.url.as_str())
            .body(request.body.clone())
            .unwrap();
        *sent.headers_mut() = request.headers.clone();
        sent.headers_mut()
            .insert("host", "sandbox.example.com".parse().unwrap());
        let (mut response, asked_back) = {
            let mut world = self.world.lock().unwrap();
            let response = handle(&mut world, &sent, self.clock.now());
            let asked_back = world.microsoft.validations_of(&response);
            (response, asked_back)
        };
        for push in asked_back {
            let call = Call::new(&push.address, push.body.clone());
            let (status, headers, body) = self.deliver(call).await;
            self.validated.lock().unwrap().push(status);
            let kind = headers
                .get("content-type")
                .map(|kind| kind.to_str().unwrap());
            let answered = Delivered {
                status: Some(status.as_u16()),
                content_type: kind.unwrap_or_default(),
                body: &body,
                took: SignedDuration::ZERO,
            };
            let mut world = self.world.lock().unwrap();
            if let Err(refusal) = world.microsoft.report_validation(&push, &answered) {
                response = *refusal;
            }
        }
        let is_of_channels = request.url.path().ends_with("/watch")
            || request.url.path().ends_with("/subscriptions");
        let mishap = is_of_channels.then(|| self.mishaps.lock().unwrap().pop_front());
        if let Some(Some(Mishap::AnswerLost)) = mishap {
            return Err(TransportError::Unanswered {
                host: "sandbox.example.com".to_owned(),
                reason: "the line was cut".to_owned(),
            });
        }
        Ok(Response {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.body().clone(),
        })
    }
}

impl Wires {
    async fn deliver(&self, call: Call) -> (StatusCode, HeaderMap, String) {
        let mut request = HttpRequest::builder()
            .method(Method::POST)
            .uri(&call.path)
            .body(Body::from(call.body))
            .unwrap();
        *request.headers_mut() = call.headers;
        answered(self.router.get().unwrap(), request).await
    }
}

async fn answered(router: &Router, request: HttpRequest<Body>) -> (StatusCode, HeaderMap, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (parts.status, parts.headers, text)
}

/// Everybody, and everything between them.
pub(super) struct Play {
    pub(super) stage: Stage,
    pub(super) engine: Engine,
    pub(super) way_in: WayIn,
    pub(super) vendor: Vendor,
    pub(super) link: LinkId,
    pub(super) connection: ConnectionId,
    calendar: CalendarId,
    wires: Arc<Wires>,
    router: Router,
    token: String,
    made: Mutex<u32>,
}

fn email(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Google => "ann@example.com",
        Vendor::Microsoft => "ann@contoso.example",
    }
}

fn scopes(vendor: Vendor) -> &'static [&'static str] {
    match vendor {
        Vendor::Google => &["openid", "https://www.googleapis.com/auth/calendar"],
        Vendor::Microsoft => &[
            "openid",
            "offline_access",
            "User.Read",
            "Calendars.ReadWrite",
        ],
    }
}

/// Lets Ann and Kalends in, at both; her calendar at Microsoft.
fn settle(world: &mut World, now: jiff::Timestamp) -> String {
    for (vendor, oauth) in [
        (Vendor::Google, &mut world.google.oauth),
        (Vendor::Microsoft, &mut world.microsoft.oauth),
    ] {
        oauth.register_client(Client::web(CLIENT, SECRET, ""));
        oauth.register(Person {
            email: email(vendor).to_owned(),
            name: "Ann Albers".to_owned(),
            password: "sesame".to_owned(),
            subject: "1001".to_owned(),
        });
    }
    world
        .google
        .add_account(email(Vendor::Google), "Ann Albers", ZONE, now);
    let account = microsoft::Account {
        email: email(Vendor::Microsoft),
        name: "Ann Albers",
        time_zone: ZONE,
    };
    world.microsoft.add_account(account).unwrap()
}

impl Play {
    /// Ann's calendar is linked and in step; no channel yet.
    pub(super) async fn begins(vendor: Vendor) -> Self {
        Self::set(vendor, Some(HERE)).await
    }

    /// The same, with a channel that is open, and with all runs done.
    pub(super) async fn with_channel(vendor: Vendor) -> Self {
        let play = Self::begins(vendor).await;
        play.tends().await;
        play.settles().await;
        assert_eq!(play.said().await["state"], "open");
        play
    }

    /// Where Kalends is reached at an address, or nobody said at which.
    pub(super) async fn set(vendor: Vendor, public: Option<&str>) -> Self {
        let stage = Stage::set().await;
        let clock = Arc::clone(&stage.clock) as Arc<dyn Clock>;
        let mut world = World::new(THERE);
        let mailbox = settle(&mut world, clock.now());
        let vendors =
            Vendors::sandboxed(THERE, |_| (CLIENT.to_owned(), SecretString::from(SECRET))).unwrap();
        let holder = Holder {
            email: email(vendor).to_owned(),
            client: CLIENT.to_owned(),
        };
        let oauth = match vendor {
            Vendor::Google => &mut world.google.oauth,
            Vendor::Microsoft => &mut world.microsoft.oauth,
        };
        let pair = oauth.issue_offline(&holder, scopes(vendor), clock.now());
        let wires = Arc::new(Wires {
            world: Mutex::new(world),
            clock: Arc::clone(&clock),
            router: OnceLock::new(),
            mishaps: Mutex::default(),
            validated: Mutex::default(),
        });
        let accounts = Arc::new(Accounts {
            store: stage.store.clone(),
            budgets: Budgets::new(stage.store.clone(), Arc::clone(&clock)),
            keys: Some(Arc::clone(&stage.keys)),
            transport: Arc::new(Metered::new(Arc::clone(&wires) as Arc<dyn Transport>)),
            clock: Arc::clone(&clock),
            vendors,
        });
        let mut settings = Settings::for_tests().server;
        settings.public_url = public.map(|text| text.parse().unwrap());
        let way_in = WayIn::new(&settings, &accounts.vendors);
        let engine = Engine {
            store: stage.store.clone(),
            clock,
            ids: Arc::new(TimedIds),
            entropy: Arc::new(SystemEntropy),
            providers: Arc::clone(&accounts) as _,
            bell: Arc::new(Mute),
            settings: kalends_engine::Settings::default(),
            holder: "play".to_owned(),
        };
        let mailer = Arc::new(Mailer::new(&Mail::default(), Arc::clone(&accounts)).unwrap());
        let shared = Api::new(
            engine.clone(),
            accounts,
            mailer,
            (settings.clone(), SignIn::new(None)),
            LocalZone::named(ZONE).unwrap(),
            std::future::pending().boxed().shared(),
        );
        let router = Router::new()
            .fallback_service(api::wrapped(api::router(shared), &settings))
            .layer(middleware::map_request(
                async |request: axum::extract::Request| api::as_routed("", request),
            ));
        wires.router.set(router.clone()).unwrap();
        let remote = match vendor {
            Vendor::Google => email(vendor).to_owned(),
            Vendor::Microsoft => mailbox,
        };
        let mut play = Self {
            token: String::new(),
            calendar: CalendarId(TimedIds.next()),
            link: LinkId(TimedIds.next()),
            connection: ConnectionId(TimedIds.next()),
            stage,
            engine,
            way_in,
            vendor,
            wires,
            router,
            made: Mutex::new(0),
        };
        play.token = play.owner().await;
        play.set_sync(true).await;
        play.connect(NewTokens {
            access: pair.access.into(),
            access_expires_at: play.stage.clock.now() + SignedDuration::from_mins(59),
            refresh: Some(pair.refresh.into()),
        })
        .await;
        play.links(&remote).await;
        play.works().await;
        play
    }

    async fn owner(&self) -> String {
        let user = self.stage.person("olivia@demo.example", Role::Owner).await;
        let fresh = credentials::fresh(Kind::Token).unwrap();
        let new = NewToken {
            id: TokenId(TimedIds.next()),
            hash: TokenHash(fresh.hash),
            prefix: fresh.shown,
            name: "play".to_owned(),
            user,
            tenant: Some(self.stage.tenant),
            role: None,
            created_at: self.stage.clock.now(),
            expires_at: None,
            embedded: false,
            made_with: None,
        };
        let mut tx = self
            .stage
            .store
            .administer(self.stage.tenant)
            .await
            .unwrap();
        tokens::create(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        fresh.secret.expose_secret().to_owned()
    }

    pub(super) async fn set_sync(&self, may: bool) {
        let mut tx = self
            .stage
            .store
            .administer(self.stage.tenant)
            .await
            .unwrap();
        let overrides = [(CALENDAR_SYNC, Some(may))];
        features::set_overrides(&mut tx, &overrides, self.stage.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn connect(&self, tokens: NewTokens) {
        let at = self.stage.clock.now();
        let new = NewConnection {
            id: self.connection,
            provider: match self.vendor {
                Vendor::Google => ProviderKind::Google,
                Vendor::Microsoft => ProviderKind::Microsoft,
            },
            name: "Ann".to_owned(),
            url: THERE.to_owned(),
            user: email(self.vendor).to_owned(),
            me: vec![Address::new(email(self.vendor))],
            settings: Value::Null,
            owner: None,
            subject: Some("1001".to_owned()),
            created_at: at,
        };
        let mut tx = self.stage.begin().await;
        connections::insert(&mut tx, new).await.unwrap();
        let vault = self.stage.keys.vault();
        grants::keep(&mut tx, &vault, self.connection, &tokens, at)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn links(&self, remote: &str) {
        let created_at = self.stage.clock.now();
        let mut tx = self.stage.begin().await;
        let calendar = Calendar {
            id: self.calendar,
            name: "Practice".to_owned(),
            color: None,
            time_zone: ZoneId(ZONE.to_owned()),
            created_at,
        };
        calendars::insert(&mut tx, calendar).await.unwrap();
        let seen = RemoteCalendar {
            id: RemoteCalendarId(remote.to_owned()),
            name: "Ann".to_owned(),
            color: None,
            access: Access::ReadWrite,
        };
        remote_calendars::upsert(&mut tx, self.connection, &[seen], created_at)
            .await
            .unwrap();
        let new = NewLink {
            id: self.link,
            calendar: self.calendar,
            connection: self.connection,
            remote_calendar: RemoteCalendarId(remote.to_owned()),
            direction: Direction::TwoWay,
            detail: Detail::Full,
            conflict_policy: ConflictPolicy::Newest,
            bounds: ImportBounds::default(),
            created_at,
        };
        links::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(super) fn waits(&self, duration: SignedDuration) {
        self.stage.clock.moves(duration);
    }

    /// Somebody makes an event there.
    pub(super) fn makes(&self, title: &str) {
        let mut made = self.made.lock().unwrap();
        *made += 1;
        let now = self.stage.clock.now();
        let time = |hour| json!({ "dateTime": format!("2026-03-{:02}T{hour:02}:00:00", 3 + *made), "timeZone": ZONE });
        let mut world = self.wires.world.lock().unwrap();
        match self.vendor {
            Vendor::Google => {
                let event = json!({ "summary": title, "start": time(9), "end": time(10) });
                let visit = Visit::primary(email(self.vendor));
                world.google.create_event(visit, &event, now).unwrap();
            }
            Vendor::Microsoft => {
                let event = json!({ "subject": title, "start": time(9), "end": time(10) });
                let calendars = world.microsoft.calendars(email(self.vendor)).unwrap();
                let calendar = calendars[0]["id"].as_str().unwrap().to_owned();
                world
                    .microsoft
                    .as_user_create(email(self.vendor), &calendar, &event, now)
                    .unwrap();
            }
        }
    }

    /// Something happens to the subscriptions at Microsoft.
    pub(super) fn lifecycle(&self, event: microsoft::Lifecycle) {
        let now = self.stage.clock.now();
        let mut world = self.wires.world.lock().unwrap();
        world.microsoft.lifecycle(email(self.vendor), event, now);
    }

    pub(super) fn mishap(&self, mishap: Mishap) {
        self.wires.mishaps.lock().unwrap().push_back(mishap);
    }

    /// Google wants verified hosts from now on, and ours is none.
    pub(super) fn google_verifies_hosts(&self) {
        let mut world = self.wires.world.lock().unwrap();
        world.google.switches.channels.verified_hosts = Some(std::collections::BTreeSet::new());
    }

    /// Looks, and does all that is due of channels.
    pub(super) async fn tends(&self) {
        watch::look(&self.engine, &self.way_in).await.unwrap();
        while watch::tend(&self.engine, &self.way_in).await.unwrap() {}
    }

    /// Runs all links that are due; how many runs that took.
    pub(super) async fn works(&self) -> usize {
        let mut runs = 0;
        loop {
            let now = self.stage.clock.now();
            let claim = Claim {
                now,
                holder: "play",
                at_once: AT_ONCE,
                until: now + SignedDuration::from_mins(1),
            };
            let due = leases::claim_due(&self.engine.store, &claim, 1)
                .await
                .unwrap();
            let Some(leased) = due.into_iter().next() else {
                return runs;
            };
            run_link(&self.engine, leased, &Silent).await.unwrap();
            runs += 1;
        }
    }

    /// What the providers owe by now, without its being delivered.
    pub(super) fn owed(&self) -> Vec<Call> {
        self.waits(SignedDuration::from_secs(3));
        let now = self.stage.clock.now();
        let mut world = self.wires.world.lock().unwrap();
        let mut calls: Vec<Call> = world
            .google
            .take_due_pushes(now)
            .into_iter()
            .map(|push| {
                let call = Call::new(&push.address, Bytes::new());
                push.headers
                    .iter()
                    .filter(|(name, _)| name.starts_with("X-Goog"))
                    .fold(call, |mut call, (name, value)| {
                        let name: axum::http::HeaderName = name.parse().unwrap();
                        call.headers.insert(name, value.parse().unwrap());
                        call
                    })
            })
            .collect();
        calls.extend(world.microsoft.due_pushes(now).into_iter().map(|push| {
            Call::new(&push.address, push.body.clone()).with("content-type", push.content_type)
        }));
        calls
    }

    pub(super) async fn call(&self, call: &Call) -> StatusCode {
        self.wires.deliver(call.clone()).await.0
    }

    pub(super) async fn heard(&self, call: &Call) -> (StatusCode, HeaderMap, String) {
        self.wires.deliver(call.clone()).await
    }

    /// Delivers all that is owed; each is taken.
    pub(super) async fn delivers(&self) -> usize {
        let calls = self.owed();
        for call in &calls {
            assert_eq!(self.call(call).await, StatusCode::ACCEPTED, "{call:?}");
        }
        calls.len()
    }

    /// Lets everything come to rest.
    pub(super) async fn settles(&self) {
        while self.delivers().await + self.works().await > 0 {}
    }

    /// Asks the API as the owner.
    pub(super) async fn asks(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = HttpRequest::builder()
            .method(method)
            .uri(path)
            .header("host", "kalends.example.com")
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let (status, _, text) = answered(&self.router, request).await;
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What the API says of push.
    pub(super) async fn said(&self) -> Value {
        let path = format!("/api/calendar/links/{}", self.link);
        let shown = self.asks(Method::GET, &path, None).await;
        shown["link"]["push"].clone()
    }

    pub(super) async fn the_link(&self) -> Link {
        let mut tx = self.stage.store.read(self.stage.tenant).await.unwrap();
        links::get(&mut tx, self.link).await.unwrap().unwrap()
    }

    pub(super) async fn is_due(&self) -> bool {
        let due_at = self.the_link().await.due_at;
        due_at.is_some_and(|at| at <= self.stage.clock.now())
    }

    pub(super) async fn channels(&self) -> Vec<Channel> {
        let mut tx = self.stage.store.read(self.stage.tenant).await.unwrap();
        channels::of_link(&mut tx, self.link).await.unwrap()
    }

    /// How many channels are open at the provider.
    pub(super) fn open_there(&self) -> usize {
        let now = self.stage.clock.now();
        let mut world = self.wires.world.lock().unwrap();
        match self.vendor {
            Vendor::Google => {
                let open = |channel: &&kalends_sandbox::google::Channel| channel.expires > now;
                world.google.channels.values().filter(open).count()
            }
            Vendor::Microsoft => {
                let token = world.microsoft.oauth.issue(
                    email(Vendor::Microsoft),
                    CLIENT,
                    scopes(Vendor::Microsoft),
                    now,
                );
                let request = HttpRequest::builder()
                    .uri(format!("{THERE}/microsoft/v1.0/subscriptions"))
                    .header("authorization", format!("Bearer {token}"))
                    .body(Bytes::new())
                    .unwrap();
                let answer = handle(&mut world, &request, now);
                let body: Value = serde_json::from_slice(answer.body()).unwrap();
                body["value"].as_array().unwrap().len()
            }
        }
    }

    /// What was answered when Microsoft asked whether anybody is there.
    pub(super) fn validated(&self) -> Vec<StatusCode> {
        std::mem::take(&mut self.wires.validated.lock().unwrap())
    }

    pub(super) async fn titles(&self) -> Vec<String> {
        let mut tx = self.stage.store.read(self.stage.tenant).await.unwrap();
        let window = events::Window::default();
        let page = events::list_range(&mut tx, Some(self.calendar), window, None, 100)
            .await
            .unwrap();
        let mut titles: Vec<String> = page
            .events
            .into_iter()
            .filter_map(|event| Some(event.body?.master.details.title))
            .collect();
        titles.sort();
        titles
    }
}
