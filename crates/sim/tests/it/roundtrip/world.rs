//! A world with one person who has a calendar at Google, one at Microsoft and one on a CalDAV server, and Kalends' own
//! adapters over it. Nothing is between them but the bytes of requests and answers.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{EventId, RemoteCalendarId};
use kalends_calendar::plan::would_send;
use kalends_calendar::provider::{Mark, Observed, Provider, Receipt, State, Write};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction, Rules};
use kalends_calendar::seams::Clock;
use kalends_calendar::time::ZoneId;
use kalends_providers::caldav::{Account, CalDav};
use kalends_providers::google::{Google, GoogleSettings};
use kalends_providers::graph::{Graph, GraphSettings};
use kalends_providers::http::{Request, Response, Transport, TransportError};
use kalends_providers::oauth::Tokens;
use kalends_sandbox::google::{UnknownNames, Visit};
use kalends_sandbox::oauth::{Client, Oauth, Person};
use kalends_sandbox::world::{Upload, WorldError};
use kalends_sandbox::{World, handle, microsoft, world};
use secrecy::SecretString;

/// Who has the calendars.
pub(crate) const ANN: &str = "ann@example.com";

/// Where her calendars are.
const ZONE: &str = "Europe/Berlin";

const ORIGIN: &str = "https://world.test";
const CLIENT: &str = "kalends";
const GOOGLE_SCOPE: &str = "https://www.googleapis.com/auth/calendar";
const GRAPH_SCOPE: &str = "Calendars.ReadWrite";

/// The name under which an event is made: any, as it is the only one.
const NAME: &str = "5f0c6a53-0000-5000-8000-000000000001";

/// A world, and what time it is there: each request takes half a second, so that no budget is met.
struct Place {
    world: Mutex<World>,
    millis: AtomicI64,
    writes: AtomicUsize,
}

impl Place {
    fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for Place {
    fn now(&self) -> Timestamp {
        let begun: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        begun + SignedDuration::from_millis(self.millis.load(Ordering::Relaxed))
    }

    /// Nobody who sleeps here is ever woken: adapters do not sleep, and the engine only to renew a lease that is longer
    /// than any run.
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

#[async_trait]
impl Transport for Place {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.millis.fetch_add(500, Ordering::Relaxed);
        let reads = ["GET", "OPTIONS", "PROPFIND", "REPORT"];
        if !reads.contains(&request.method.as_str()) {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let mut asked = http::Request::new(request.body);
        *asked.method_mut() = request.method;
        *asked.uri_mut() = request.url.as_str().parse().unwrap();
        *asked.headers_mut() = request.headers;
        let now = self.now();
        let (parts, body) = self.with(|world| handle(world, &asked, now)).into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

/// Gives out tokens of one of the faces.
struct Purse {
    place: Arc<Place>,
    scope: &'static str,
    of: fn(&mut World) -> &mut Oauth,
}

#[async_trait]
impl Tokens for Purse {
    async fn access(&self, _: Option<&SecretString>) -> Result<SecretString, Failure> {
        let now = self.place.now();
        let token = self
            .place
            .with(|world| (self.of)(world).issue(ANN, CLIENT, &[self.scope], now));
        Ok(token.into())
    }
}

fn google_oauth(world: &mut World) -> &mut Oauth {
    &mut world.google.oauth
}

fn microsoft_oauth(world: &mut World) -> &mut Oauth {
    &mut world.microsoft.oauth
}

/// A provider, and the calendar there.
pub(crate) struct Side {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) calendar: RemoteCalendarId,
}

/// Ann's three sides.
pub(crate) struct Sides {
    place: Arc<Place>,
    pub(crate) google: Side,
    pub(crate) graph: Side,
    pub(crate) caldav: Side,
}

impl Sides {
    /// A new world with nothing in it.
    pub(crate) fn new() -> Self {
        let mut world = World::new(ORIGIN);
        let now = "2026-03-01T10:00:00Z".parse().unwrap();
        for oauth in [&mut world.google.oauth, &mut world.microsoft.oauth] {
            oauth.register_client(Client::web(CLIENT, "secret", "https://kalends.test/"));
            oauth.register(Person {
                email: ANN.to_owned(),
                name: "Ann Albers".to_owned(),
                password: "secret".to_owned(),
                subject: "1001".to_owned(),
            });
        }
        world.google.switches.unknown_names = UnknownNames::Refused;
        world.google.add_account(ANN, "Ann Albers", ZONE, now);
        let outlook = world
            .microsoft
            .add_account(microsoft::Account {
                email: ANN,
                name: "Ann Albers",
                time_zone: ZONE,
            })
            .unwrap();
        let ann = world::Account::new("ann");
        let password = ann.password.clone();
        world.add_account(ann).add_collection("work");
        let place = Arc::new(Place {
            world: Mutex::new(world),
            millis: AtomicI64::new(0),
            writes: AtomicUsize::new(0),
        });
        let me = vec![Address::new(ANN)];
        let purse = |scope, of| {
            Arc::new(Purse {
                place: Arc::clone(&place),
                scope,
                of,
            })
        };
        let transport = || Arc::clone(&place) as Arc<dyn Transport>;
        let clock = || Arc::clone(&place) as Arc<dyn Clock>;
        let google = Google::new(
            transport(),
            clock(),
            purse(GOOGLE_SCOPE, google_oauth),
            GoogleSettings {
                base: format!("{ORIGIN}/google/calendar/v3/").parse().unwrap(),
                me: me.clone(),
            },
        );
        let mut settings = GraphSettings::new(format!("{ORIGIN}/microsoft/v1.0").parse().unwrap());
        settings.me.clone_from(&me);
        settings.floating_zone = ZoneId(ZONE.to_owned());
        let graph = Graph::new(
            transport(),
            clock(),
            purse(GRAPH_SCOPE, microsoft_oauth),
            settings,
        );
        let caldav = CalDav::new(
            transport(),
            clock(),
            Account {
                base: format!("{ORIGIN}/").parse().unwrap(),
                user: "ann".to_owned(),
                password: password.into(),
            },
        )
        .with_me(me);
        Self {
            google: Side {
                provider: Arc::new(google),
                calendar: ANN.into(),
            },
            graph: Side {
                provider: Arc::new(graph),
                calendar: outlook.as_str().into(),
            },
            caldav: Side {
                provider: Arc::new(caldav),
                calendar: format!("{ORIGIN}/dav/calendars/ann/work/").as_str().into(),
            },
            place,
        }
    }

    /// What time it is.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.place) as Arc<dyn Clock>
    }

    /// Somebody puts an object into the CalDAV calendar.
    pub(crate) fn put(&self, name: &str, text: &str) -> Result<String, WorldError> {
        let work = kalends_sandbox::Place {
            user: "ann".to_owned(),
            collection: "work".to_owned(),
        };
        let now = self.place.now();
        self.place
            .with(|world| world.put(&work, Upload { name, text }, now))
    }

    /// Somebody gives an event another title in Google's own pages.
    pub(crate) fn patch_at_google(&self, id: &str) {
        let now = self.place.now();
        let titled = serde_json::json!({ "summary": "Told at Google" });
        let done = self.place.with(|world| {
            let visit = Visit::primary(ANN);
            world.google.patch_event(visit, id, &titled, now)
        });
        done.unwrap();
    }

    /// How many requests that write have arrived.
    pub(crate) fn writes(&self) -> usize {
        self.place.writes.load(Ordering::Relaxed)
    }

    /// How many mails any of the servers would have sent.
    pub(crate) fn mails(&self) -> usize {
        self.place.with(|world| {
            world.mails.len() + world.google.mails.len() + world.microsoft.mails.len()
        })
    }
}

impl Side {
    /// What Kalends shows of an event to this side: the same as through a link that shows everything.
    fn shown(&self, event: &Event) -> Event {
        let rules = Rules {
            direction: Direction::TwoWay,
            detail: Detail::Full,
            conflict_policy: ConflictPolicy::Newest,
            guests: self.provider.capabilities().guests,
            writable: true,
            me: vec![Address::new(ANN)],
        };
        would_send(None, event, &rules, &[])
    }

    /// Brings an event there and looks at it again. What the write itself answered and what is then found must be one.
    pub(crate) async fn bring(&self, event: &Event) -> Result<Observed, Failure> {
        let write = Write::Create {
            name: NAME.to_owned(),
            event: Box::new(self.shown(event)),
            mark: Mark {
                event: EventId("0198c0de-0000-7000-8000-000000000001".parse().unwrap()),
                uid: event.uid.clone(),
            },
        };
        let receipt = self.provider.write(&self.calendar, &write).await?;
        self.found(receipt).await
    }

    /// Makes an event that is there another.
    pub(crate) async fn change(&self, there: &Observed, to: &Event) -> Result<Observed, Failure> {
        let place = self.provider.place(&self.calendar, NAME);
        let found = self.provider.fetch(&self.calendar, &[place]).await?;
        let write = Write::Update {
            remote_id: found[0].remote_id.clone(),
            version: there.version.clone(),
            raw: there.raw.clone(),
            event: Box::new(self.shown(to)),
            mark: there.mark.clone(),
        };
        let receipt = self.provider.write(&self.calendar, &write).await?;
        self.found(receipt).await
    }

    async fn found(&self, receipt: Receipt) -> Result<Observed, Failure> {
        let (Receipt::Written {
            remote_id,
            observed: told,
        }
        | Receipt::ReadBack {
            remote_id,
            observed: told,
            ..
        }) = receipt
        else {
            return Err(Failure::protocol("a write that deleted"));
        };
        let found = self.provider.fetch(&self.calendar, &[remote_id]).await?;
        let Some(State::Present(seen)) = found.into_iter().next().map(|change| change.state) else {
            return Err(Failure::protocol("what was written is not there"));
        };
        let again = self.provider.read(&seen.raw)?;
        for (what, other) in [("the receipt", &told.event), ("the payload", &again)] {
            if super::same::differences(&seen.event, other) != Vec::<String>::new() {
                return Err(Failure::new(
                    Class::Protocol,
                    format!(
                        "{what} tells another event: {:?}",
                        super::same::differences(&seen.event, other)
                    ),
                ));
            }
        }
        Ok(*seen)
    }
}
