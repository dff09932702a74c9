//! `kalends user`: people who sign in, and where they act as what.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use kalends_calendar::ids::UserId;
use kalends_store::members::{self, Role};
use kalends_store::users::{self, NewUser, PasswordHash};
use kalends_store::{StoreError, sessions};
use serde_json::json;

use super::{keep, user};
use crate::app::App;
use crate::commands::secret;
use crate::screen::{Tone, plain};
use crate::tenancy::For;
use crate::typed;
use crate::words::word;
use crate::{Ended, credentials};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// List the members of the tenant
    #[command(
        after_help = "EXAMPLES:\n  kalends user list\n  kalends --tenant demo user list --json"
    )]
    List,
    /// Make a user; with a role, also a member of the tenant
    #[command(after_help = "\
EXAMPLES:
  kalends user add root@example.com --admin
  kalends --tenant demo user add ann@example.com --name Ann --role owner --password-env PASSWORD
  kalends user add robot@example.com --no-password")]
    Add {
        /// Their address
        email: String,
        /// Their name for people [default: the address]
        #[arg(long)]
        name: Option<String>,
        /// They administer the platform
        #[arg(long)]
        admin: bool,
        /// As what they act in the tenant
        #[arg(long, value_enum)]
        role: Option<As>,
        #[command(flatten)]
        password: NewPassword,
    },
    /// Give a member of the tenant another role, or make a user a member
    #[command(after_help = "\
EXAMPLES:
  kalends user role ben@example.com manager
  kalends --tenant demo user role ben@example.com none     # ends the membership")]
    Role {
        /// Their address
        email: String,
        /// As what they act in the tenant
        #[arg(value_enum)]
        role: As,
    },
    /// Give a user another password; all their browsers are signed out
    #[command(after_help = "EXAMPLES:\n  kalends user password ann@example.com")]
    Password {
        /// Their address
        email: String,
        #[command(flatten)]
        password: NewPassword,
    },
    /// Keep a user out: no sign-in, no token
    #[command(after_help = "EXAMPLES:\n  kalends user disable ann@example.com")]
    Disable {
        /// Their address
        email: String,
    },
    /// Let a user in again
    #[command(after_help = "EXAMPLES:\n  kalends user enable ann@example.com")]
    Enable {
        /// Their address
        email: String,
    },
}

/// Where a password comes from. It is asked for if nothing is said, and is never an argument, which others could see.
#[derive(Debug, Args)]
pub(crate) struct NewPassword {
    /// Read the password from the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_env", "no_password"])]
    password_file: Option<PathBuf>,
    /// Read the password from a variable of the environment
    #[arg(long, value_name = "VARIABLE", conflicts_with = "no_password")]
    password_env: Option<String>,
    /// None: they can use tokens, and not sign in
    #[arg(long)]
    no_password: bool,
}

impl Users {
    /// The variable of the environment that holds the password.
    pub(crate) fn variable(&self) -> Option<&str> {
        match self {
            Self::Add { password, .. } | Self::Password { password, .. } => {
                password.password_env.as_deref()
            }
            Self::List | Self::Role { .. } | Self::Disable { .. } | Self::Enable { .. } => None,
        }
    }

    /// For whom it works.
    pub(crate) fn work(&self) -> For {
        match self {
            Self::Add { role, .. } if role.and_then(As::role).is_none() => For::Platform,
            Self::Password { .. } | Self::Disable { .. } | Self::Enable { .. } => For::Platform,
            Self::Add { .. } | Self::Role { .. } => For::Tenant,
            Self::List => For::Overview,
        }
    }
}

/// A role, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum As {
    /// Whose business it is
    Owner,
    /// Runs its calendars
    Manager,
    /// Reads and edits, and looks after their own accounts
    Staff,
    /// Sees nothing of its calendars
    Customer,
    /// No member
    None,
}

impl As {
    /// The role; none of no member.
    pub(crate) fn role(self) -> Option<Role> {
        match self {
            Self::Owner => Some(Role::Owner),
            Self::Manager => Some(Role::Manager),
            Self::Staff => Some(Role::Staff),
            Self::Customer => Some(Role::Customer),
            Self::None => None,
        }
    }
}

pub(crate) async fn run(app: &App, command: Users) -> Result<Ended> {
    match command {
        Users::List => list(app).await,
        Users::Add {
            email,
            name,
            admin,
            role,
            password,
        } => {
            let hash = hashed(&email, password)?;
            add(app, &email, name, admin, role, hash).await
        }
        Users::Role { email, role } => set_role(app, &email, role).await,
        Users::Password { email, password } => {
            let hash = hashed(&email, password)?;
            set_password(app, &email, hash).await
        }
        Users::Disable { email } => set_disabled(app, &email, true).await,
        Users::Enable { email } => set_disabled(app, &email, false).await,
    }
}

fn hashed(email: &str, password: NewPassword) -> Result<Option<PasswordHash>> {
    if password.no_password {
        return Ok(None);
    }
    let prompt = format!("New password of {email}: ");
    let typed = secret::read(password.password_file, password.password_env, &prompt)?;
    credentials::hash_password(&typed).map(Some)
}

async fn list(app: &App) -> Result<Ended> {
    let people = members::people(&app.store, app.tenant).await?;
    let mut table = app.screen.table(["E-MAIL", "NAME", "ROLE", ""]);
    let mut rows = Vec::new();
    for (member, user) in &people {
        let state = match (user.disabled_at, user.platform_admin) {
            (Some(_), _) => ("disabled".to_owned(), Tone::Bad),
            (None, true) => ("administers the platform".to_owned(), Tone::Wary),
            (None, false) => plain(""),
        };
        table.add([
            plain(&*user.email),
            plain(&*user.name),
            plain(word(&member.role)),
            state,
        ]);
        rows.push(json!({
            "id": user.id, "email": user.email, "name": user.name, "role": member.role,
            "platform_admin": user.platform_admin, "disabled_at": user.disabled_at,
        }));
    }
    app.screen.json(&json!({ "users": rows }))?;
    app.screen.show(&table, "The tenant has no members yet.")?;
    Ok(Ended::Well)
}

async fn add(
    app: &App,
    email: &str,
    name: Option<String>,
    platform_admin: bool,
    role: Option<As>,
    password_hash: Option<PasswordHash>,
) -> Result<Ended> {
    typed::check_email(email)?;
    let name = match name {
        Some(name) => typed::name("--name", &name)?,
        None => email.to_owned(),
    };
    let id = UserId(app.ids.next());
    let new = NewUser {
        id,
        email: email.to_owned(),
        name,
        password_hash,
        platform_admin,
        created_at: app.now(),
    };
    let role = role.and_then(As::role);
    let mut tx = app.store.administer(app.tenant).await?;
    match users::create(&mut tx, new).await {
        Err(StoreError::Taken(_)) => bail!("there is a user {email:?} already"),
        done => done?,
    }
    if let Some(role) = role {
        members::put(&mut tx, id, role, app.now()).await?;
    }
    let detail = json!({ "role": role, "platform_admin": platform_admin });
    if role.is_some() && platform_admin {
        let object = format!("user {email}");
        app.audit_for_platform(&mut tx, "user.create", object, detail.clone())
            .await?;
    }
    keep(app, tx, "user.create", format!("user {email}"), detail).await?;
    app.screen
        .json(&json!({ "id": id, "email": email, "role": role }))?;
    app.screen.line(&format!("Made the user {email}."))?;
    Ok(Ended::Well)
}

async fn set_role(app: &App, email: &str, role: As) -> Result<Ended> {
    let user = user(app, email).await?;
    let role = role.role();
    let mut tx = app.store.begin(app.tenant).await?;
    match role {
        Some(role) => members::put(&mut tx, user.id, role, app.now()).await?,
        None => members::remove(&mut tx, user.id).await?,
    }
    let detail = json!({ "role": role });
    keep(app, tx, "member.update", format!("user {email}"), detail).await?;
    list(app).await
}

async fn set_password(app: &App, email: &str, hash: Option<PasswordHash>) -> Result<Ended> {
    let user = user(app, email).await?;
    let mut tx = app.store.platform().await?;
    users::set_password_hash(&mut tx, user.id, hash).await?;
    let ended = sessions::end_all(&mut tx, user.id).await?;
    let detail = json!({ "sessions_ended": ended });
    keep(app, tx, "user.password", format!("user {email}"), detail).await?;
    app.screen
        .json(&json!({ "email": email, "sessions_ended": ended }))?;
    app.screen.line(&format!("{email} has another password."))?;
    Ok(Ended::Well)
}

async fn set_disabled(app: &App, email: &str, disabled: bool) -> Result<Ended> {
    let user = user(app, email).await?;
    let mut tx = app.store.platform().await?;
    users::set_disabled(&mut tx, user.id, disabled.then(|| app.now())).await?;
    if disabled {
        sessions::end_all(&mut tx, user.id).await?;
    }
    let action = if disabled {
        "user.disable"
    } else {
        "user.enable"
    };
    keep(app, tx, action, format!("user {email}"), json!({})).await?;
    app.screen
        .json(&json!({ "email": email, "disabled": disabled }))?;
    app.screen.line(&format!(
        "{email} is {}.",
        if disabled { "kept out" } else { "let in again" }
    ))?;
    Ok(Ended::Well)
}
