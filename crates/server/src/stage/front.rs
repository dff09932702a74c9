//! The API over a stage, in this process: the clock stays in the test's hand, and all the world is the sandbox.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::FutureExt as _;
use kalends_calendar::ids::{TokenId, UserId};
use kalends_calendar::seams::{Clock, Ids as _};
use kalends_engine::{Engine, Mute};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::members::Role;
use kalends_store::tokens::{self, NewToken, TokenHash};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{Outside, Stage};
use crate::accounts::Accounts;
use crate::api::{self, Api, SignIn};
use crate::config::{Mail, Server};
use crate::credentials::{self, Kind};
use crate::local_zone::LocalZone;
use crate::mailing::Mailer;
use crate::seams::{SystemEntropy, TimedIds};

/// What answers requests.
pub(crate) struct Front {
    routes: Router,
    pub(crate) accounts: Arc<Accounts>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text))
    }
}

impl Front {
    /// Opens it; the stage's tenant may sync.
    pub(crate) async fn open(stage: &Stage, outside: &Arc<Outside>) -> Self {
        let mut tx = stage.store.administer(stage.tenant).await.unwrap();
        features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], stage.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let accounts = Arc::new(outside.accounts(stage, stage.store.clone()));
        let engine = Engine {
            store: stage.store.clone(),
            clock: Arc::clone(&stage.clock) as Arc<dyn Clock>,
            ids: Arc::new(TimedIds),
            entropy: Arc::new(SystemEntropy),
            providers: Arc::clone(&accounts) as Arc<dyn kalends_engine::Providers>,
            bell: Arc::new(Mute),
            settings: kalends_engine::Settings::default(),
            holder: "the node".to_owned(),
        };
        let mailer = Mailer::new(&Mail::default(), Arc::clone(&accounts)).unwrap();
        let settings = Server::for_tests();
        let api = Api::new(
            engine,
            Arc::clone(&accounts),
            Arc::new(mailer),
            (settings, SignIn::new(None)),
            LocalZone::named("Europe/Berlin").unwrap(),
            std::future::pending().boxed().shared(),
        );
        Self {
            routes: api::router(api),
            accounts,
        }
    }

    /// A token of somebody's for the stage's tenant, narrowed to a role or not.
    pub(crate) async fn token(stage: &Stage, user: UserId, role: Option<Role>) -> String {
        let fresh = credentials::fresh(Kind::Token).unwrap();
        let new = NewToken {
            id: TokenId(TimedIds.next()),
            hash: TokenHash(fresh.hash),
            prefix: fresh.shown,
            name: "a token".to_owned(),
            user,
            tenant: Some(stage.tenant),
            role,
            created_at: stage.clock.now(),
            expires_at: None,
            embedded: false,
            made_with: None,
        };
        let mut tx = stage.store.platform().await.unwrap();
        tokens::create(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        fresh.secret.expose_secret().to_owned()
    }

    /// Asks as the holder of a token, or as nobody.
    pub(crate) async fn asks(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let request = request.body(body).unwrap();
        let answer = self.routes.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        let text = String::from_utf8_lossy(&body.unwrap()).into_owned();
        Told { status, text }
    }
}
