//! `kalends token`: with which programs act for a user.

use anyhow::{Result, bail};
use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::TokenId;
use kalends_store::tokens::{self, NewToken, TokenHash};
use secrecy::ExposeSecret;
use serde_json::json;

use super::users::As;
use super::{keep, user};
use crate::app::App;
use crate::credentials::{self, Kind};
use crate::screen::{Tone, plain};
use crate::tenancy::For;
use crate::typed;
use crate::words::{instant, maybe_instant, word};
use crate::{Ended, names};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Make a token; it is shown this once
    #[command(after_help = "\
EXAMPLES:
  kalends token create --user root@example.com --name provisioning
  kalends --tenant demo token create --user ann@example.com --name booking --bound --role staff --days 90")]
    Create {
        /// For whom it acts, by address
        #[arg(long, value_name = "E-MAIL")]
        user: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// Good for the tenant of the command alone
        #[arg(long)]
        bound: bool,
        /// At most as what it acts [default: the user's own role]
        #[arg(long, value_enum)]
        role: Option<As>,
        /// After how many days it is good no more [default: never]
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=36_500))]
        days: Option<i64>,
    },
    /// List a user's tokens
    #[command(after_help = "EXAMPLES:\n  kalends token list --user ann@example.com")]
    List {
        /// Whose, by address
        #[arg(long, value_name = "E-MAIL")]
        user: String,
    },
    /// End a token for good
    #[command(after_help = "EXAMPLES:\n  kalends token revoke --user ann@example.com 5d0e77b1")]
    Revoke {
        /// Whose, by address
        #[arg(long, value_name = "E-MAIL")]
        user: String,
        /// The token, by id
        id: String,
    },
}

impl Tokens {
    /// For whom it works.
    pub(crate) fn work(&self) -> For {
        match self {
            Self::Create { bound: true, .. } => For::Tenant,
            Self::Create { bound: false, .. } | Self::List { .. } | Self::Revoke { .. } => {
                For::Platform
            }
        }
    }
}

pub(crate) async fn run(app: &App, command: Tokens) -> Result<Ended> {
    match command {
        Tokens::Create {
            user,
            name,
            bound,
            role,
            days,
        } => create(app, &user, name, bound, role, days).await,
        Tokens::List { user } => list(app, &user).await,
        Tokens::Revoke { user, id } => revoke(app, &user, &id).await,
    }
}

async fn create(
    app: &App,
    email: &str,
    name: String,
    bound: bool,
    role: Option<As>,
    days: Option<i64>,
) -> Result<Ended> {
    if role == Some(As::None) {
        bail!("a token without a role can do nothing");
    }
    let name = typed::name("--name", &name)?;
    let user = user(app, email).await?;
    let fresh = credentials::fresh(Kind::Token)?;
    let now = app.now();
    let expires_at = match days {
        Some(days) => Some(now.checked_add(SignedDuration::from_hours(24 * days))?),
        None => None,
    };
    let token = NewToken {
        id: TokenId(app.ids.next()),
        hash: TokenHash(fresh.hash),
        prefix: fresh.shown,
        name: name.clone(),
        user: user.id,
        tenant: bound.then_some(app.tenant),
        role: role.and_then(As::role),
        created_at: now,
        expires_at,
        embedded: false,
        made_with: None,
    };
    let id = token.id;
    let mut tx = app.store.administer(app.tenant).await?;
    tokens::create(&mut tx, token).await?;
    let detail = json!({ "user": email, "name": name, "bound": bound, "expires_at": expires_at });
    keep(app, tx, "token.create", format!("token {id}"), detail).await?;
    let text = fresh.secret.expose_secret();
    app.screen
        .json(&json!({ "id": id, "token": text, "expires_at": expires_at }))?;
    app.screen.line(text)?;
    app.screen.note("keep it well: it is not shown again");
    Ok(Ended::Well)
}

async fn list(app: &App, email: &str) -> Result<Ended> {
    let user = user(app, email).await?;
    let zone = &app.settings.zone.rules;
    let now = app.now();
    let mut table = app.screen.table([
        "ID",
        "NAME",
        "BEGINS",
        "ROLE",
        "BOUND",
        "MADE",
        "LAST USED",
        "STATE",
    ]);
    let mut rows = Vec::new();
    for token in tokens::list(&app.store, user.id).await? {
        let state = match (token.revoked_at, token.expires_at) {
            (Some(_), _) => ("revoked".to_owned(), Tone::Faint),
            (None, Some(at)) if at <= now => ("expired".to_owned(), Tone::Faint),
            (None, Some(at)) => (format!("until {}", instant(at, zone)), Tone::Good),
            (None, None) => ("good".to_owned(), Tone::Good),
        };
        table.add([
            plain(names::short(token.id.0)),
            plain(&*token.name),
            plain(&*token.prefix),
            plain(token.role.as_ref().map(word).unwrap_or_default()),
            plain(if token.tenant.is_some() { "yes" } else { "" }),
            plain(instant(token.created_at, zone)),
            plain(maybe_instant(token.last_used_at, zone)),
            state,
        ]);
        rows.push(json!({
            "id": token.id, "name": token.name, "prefix": token.prefix, "role": token.role,
            "tenant_id": token.tenant, "created_at": token.created_at,
            "expires_at": token.expires_at, "last_used_at": token.last_used_at,
            "revoked_at": token.revoked_at,
        }));
    }
    app.screen.json(&json!({ "tokens": rows }))?;
    app.screen.show(&table, "They have no tokens.")?;
    Ok(Ended::Well)
}

async fn revoke(app: &App, email: &str, typed: &str) -> Result<Ended> {
    let user = user(app, email).await?;
    let all = tokens::list(&app.store, user.id).await?;
    let token = names::one("token", typed, all, |t| t.id.0, |t| t.name.clone())?;
    let at: Timestamp = app.now();
    let mut tx = app.store.platform().await?;
    tokens::revoke(&mut tx, token.id, at).await?;
    let object = format!("token {}", token.id);
    keep(app, tx, "token.revoke", object, json!({ "user": email })).await?;
    app.screen
        .json(&json!({ "id": token.id, "revoked_at": at }))?;
    app.screen
        .line(&format!("Revoked the token {:?}.", token.name))?;
    Ok(Ended::Well)
}
