//! `kalends doctor`: what is wrong with this installation, and what cures it.

mod reach;

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jiff::SignedDuration;
use kalends_store::connections::{self, ConnectionState};
use kalends_store::links::{self, LinkState};
use kalends_store::{Store, audit, leases, mails, secrets, tenants};
use serde_json::json;

use crate::Ended;
use crate::app::open_store;
use crate::cli::Global;
use crate::config::{Settings, is_this_machine};
use crate::keys::KeyRing;
use crate::mailing;
use crate::screen::{Screen, Tone, plain};
use crate::seams::SystemClock;

/// A link that is due for so long is waited for in vain: no worker runs.
const DUE_TOO_LONG: SignedDuration = SignedDuration::from_mins(10);
/// How long another service is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Look at database, keys, settings, workers and accounts; each finding comes with its cure.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  kalends doctor\n  kalends doctor --json")]
pub(crate) struct Doctor {}

/// What was looked at, and what was found.
struct Finding {
    about: &'static str,
    grade: Grade,
    found: String,
    cure: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Well,
    Wary,
    Bad,
}

pub(crate) async fn run(global: &Global, _: Doctor) -> Result<Ended> {
    let screen = Screen::new(global.json, global.quiet);
    let mut findings = Vec::new();
    match Settings::load(global) {
        Ok(settings) => {
            for note in &settings.notes {
                findings.push(wary("settings", note, "unset it, or correct its name"));
            }
            findings.push(well("settings", "they are read and make sense"));
            examine(&settings, &mut findings).await;
        }
        Err(error) => findings.push(bad(
            "settings",
            format!("{error:#}"),
            "correct the settings: docs/configuration.md",
        )),
    }
    show(&screen, &findings)
}

async fn examine(settings: &Settings, findings: &mut Vec<Finding>) {
    names(settings, findings);
    if let Some(file) = &settings.database.file
        && !file.exists()
    {
        // Opening it would make it: who looks changes nothing.
        let found = format!("there is none yet: {}", file.display());
        let cure =
            "kalends migrate up, or any other command, makes it; or correct `url` in `[database]`";
        findings.push(bad("database", found, cure));
        return;
    }
    let store = match open_store(settings).await {
        Ok(store) => store,
        Err(error) => {
            let cure = "start the database, or correct `url` in `[database]`";
            findings.push(bad("database", format!("{error:#}"), cure));
            return;
        }
    };
    match store.migration_status().await {
        Ok(status) if status.iter().all(|migration| migration.applied) => {
            findings.push(well("database", "it answers, and its schema is up to date"));
            findings.extend(row_security(&store).await);
        }
        Ok(status) if !status.iter().any(|migration| migration.applied) => {
            let found = "it is empty: nothing was ever kept in it";
            findings.push(bad("database", found, "kalends migrate up"));
            return;
        }
        Ok(_) => {
            let found = "its schema is older than this program";
            findings.push(bad("database", found, "kalends migrate up"));
            return;
        }
        Err(error) => {
            let cure = "was it made by a newer Kalends? kalends migrate status";
            findings.push(bad("database", error.to_string(), cure));
            return;
        }
    }
    if let Err(error) = contents(settings, &store, findings).await {
        findings.push(bad("database", format!("{error:#}"), "see the log"));
    }
    reach::examine(settings, &store, findings).await;
    findings.push(clock().await);
}

/// Whether PostgreSQL keeps the tenants apart too, as it does for roles that are bound by its policies.
async fn row_security(store: &Store) -> Option<Finding> {
    match store.role_above_policies().await {
        Ok(None) => None,
        Ok(Some(role)) => Some(bad(
            "database",
            format!(
                "row-level security does nothing: the role {role} is a superuser, or has BYPASSRLS"
            ),
            "ALTER ROLE … NOSUPERUSER NOBYPASSRLS, or give Kalends a role of its own that owns the database",
        )),
        Err(error) => Some(bad("database", error.to_string(), "see the log")),
    }
}

/// Under which names and how safely the API is reached.
fn names(settings: &Settings, findings: &mut Vec<Finding>) {
    let server = &settings.server;
    match &server.public_url {
        Some(url) if url.scheme() == "http" && !is_this_machine(url) => {
            findings.push(bad(
                "server",
                format!(
                    "people reach it without encryption, at {url}: browsers do not keep its cookie, so nobody stays signed in"
                ),
                "put a proxy with TLS before it, and say https:// in `public_url` of `[server]`",
            ));
        }
        Some(url) => findings.push(well("server", format!("people reach it at {url}"))),
        None => findings.push(wary(
            "server",
            format!("links in mails and pages will say {}", server.address()),
            "say under which address people reach it: `public_url` in `[server]`",
        )),
    }
    if server.domain.is_none() {
        findings.push(wary(
            "server",
            "tenants are told apart by header and token alone",
            "say whose subdomains they are: `domain` in `[server]`, where that is wanted",
        ));
    }
}

async fn contents(settings: &Settings, store: &Store, findings: &mut Vec<Finding>) -> Result<()> {
    let ring = KeyRing::read(&settings.keys, &settings.database);
    let all = tenants::list(store).await?;
    let mut sealed = Vec::new();
    let mut dead = Vec::new();
    let mut failing = 0;
    for tenant in &all {
        let mut tx = store.read(tenant.id).await?;
        sealed.extend(secrets::master_key(&mut tx).await?);
        for connection in connections::list(&mut tx).await? {
            if connection.state == ConnectionState::ReconnectNeeded {
                dead.push(format!("{} of {}", connection.name, tenant.slug));
            }
        }
        failing += links::list(&mut tx)
            .await?
            .iter()
            .filter(|link| link.state == LinkState::Active && link.failures > 0)
            .count();
    }
    let mut tx = store.platform_read().await?;
    sealed.extend(secrets::master_key(&mut tx).await?);
    drop(tx);
    sealed.sort_unstable();
    sealed.dedup();
    let vault = ring.as_ref().ok().map(KeyRing::vault);
    let unknown = |id: &&String| vault.as_ref().is_some_and(|vault| !vault.knows(id));
    findings.push(match (&ring, sealed.as_slice()) {
        (Ok(_), ids) if ids.iter().any(|id| unknown(&id)) => bad(
            "keys",
            format!(
                "the key that is there is not the one that sealed the passwords of accounts: {} is missing",
                ids.iter().filter(unknown).cloned().collect::<Vec<_>>().join(", ")
            ),
            "put its copy back, or name it as an older key; if there is none: kalends keys forget",
        ),
        (Ok(_), _) => well("keys", "the master key is there"),
        (Err(_), []) => well("keys", "nothing is sealed yet; a key is made when needed"),
        (Err(error), _) => bad(
            "keys",
            format!("{error:#}; it sealed the passwords of accounts"),
            "put its copy back; if there is none: kalends keys forget",
        ),
    });
    for account in &dead {
        let found = format!("the account {account} must be connected again");
        findings.push(wary("accounts", found, "kalends connections"));
    }
    if failing > 0 {
        let found = format!("{failing} links failed when they last ran, and are tried again");
        findings.push(wary("links", found, "kalends links"));
    }
    let now = kalends_calendar::seams::Clock::now(&SystemClock);
    let since = now.checked_sub(mailing::TOLD_FOR)?;
    let mails = mails::count(store, since).await?;
    if mails.unknown > 0 {
        let found = format!(
            "of {} mails of the last days it is not known whether they were sent; they are not sent again",
            mails.unknown
        );
        let cure = "GET /api/platform/audit/?action=mail.unknown names them: ask, or invite again";
        findings.push(wary("mail", found, cure));
    }
    let waiting = leases::next_due(store, kalends_engine::budget::AT_ONCE)
        .await?
        .filter(|due| now.duration_since(*due) > DUE_TOO_LONG);
    findings.push(match waiting {
        Some(since) => wary(
            "workers",
            format!("a link waits since {since}: nobody works"),
            "kalends serve, or kalends sync --watch",
        ),
        None => well("workers", "no link waits for long"),
    });
    for (tenant, verdict) in audit::verify_all(store).await? {
        match verdict {
            audit::Verdict::Broken { seq, .. } => {
                let found = format!("the chain of {tenant} is broken at entry {seq}");
                let cure = "kalends audit verify; compare with a backup";
                findings.push(bad("audit", found, cure));
            }
            audit::Verdict::Whole { outside: 0, .. } => {}
            audit::Verdict::Whole { outside, .. } => {
                let found = format!(
                    "{outside} entries of {tenant} have no place in its chain: nothing vouches for them"
                );
                let cure = "kalends audit list; nodes of versions without chains write such ones, and so does who forges them";
                findings.push(bad("audit", found, cure));
            }
        }
    }
    Ok(())
}

/// Whether the machine's clock is that of the world, by the word of a server that everybody knows. Without a network
/// nothing is said against it.
async fn clock() -> Finding {
    let asked = tokio::time::timeout(
        ANSWER_WITHIN,
        tokio::net::lookup_host("time.cloudflare.com:123"),
    );
    let address = match asked.await {
        Ok(Ok(mut found)) => found.next(),
        Ok(Err(_)) | Err(_) => None,
    };
    let Some(address) = address else {
        return well("clock", "not compared: there is no network to ask");
    };
    match tokio::time::timeout(ANSWER_WITHIN, offset(address)).await {
        Ok(Ok(off)) if off.abs() <= SignedDuration::from_secs(30) => {
            well("clock", "it is right to half a minute")
        }
        Ok(Ok(off)) => bad(
            "clock",
            format!(
                "it is off by {} s: leases and expiry depend on it",
                off.as_secs()
            ),
            "let the machine keep time: systemd-timesyncd, chrony",
        ),
        Ok(Err(_)) | Err(_) => well("clock", "not compared: the time server does not answer"),
    }
}

/// How far ours is ahead, by SNTP (RFC 4330 §5).
async fn offset(server: std::net::SocketAddr) -> Result<SignedDuration> {
    /// Seconds from 1900 to 1970.
    const EPOCH: i64 = 2_208_988_800;
    let any = if server.is_ipv6() {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = tokio::net::UdpSocket::bind(any).await?;
    let mut packet = [0_u8; 48];
    // Version 4, as a client.
    packet[0] = 0b0010_0011;
    socket.send_to(&packet, server).await?;
    socket.recv(&mut packet).await?;
    let seconds = u32::from_be_bytes([packet[40], packet[41], packet[42], packet[43]]);
    let now = kalends_calendar::seams::Clock::now(&SystemClock);
    let theirs = jiff::Timestamp::from_second(i64::from(seconds) - EPOCH)?;
    Ok(now.duration_since(theirs))
}

fn show(screen: &Screen, findings: &[Finding]) -> Result<Ended> {
    let mut table = screen.table(["", "ABOUT", "FOUND", "CURE"]);
    let mut rows = Vec::new();
    for finding in findings {
        let (word, tone) = match finding.grade {
            Grade::Well => ("ok", Tone::Good),
            Grade::Wary => ("look", Tone::Wary),
            Grade::Bad => ("bad", Tone::Bad),
        };
        table.add([
            (word.to_owned(), tone),
            plain(finding.about),
            plain(&*finding.found),
            plain(&*finding.cure),
        ]);
        rows.push(json!({
            "grade": word, "about": finding.about, "found": finding.found, "cure": finding.cure,
        }));
    }
    screen.json(&json!({ "findings": rows }))?;
    screen.show(&table, "")?;
    let is_bad = findings.iter().any(|finding| finding.grade == Grade::Bad);
    Ok(if is_bad {
        Ended::WithFailures
    } else {
        Ended::Well
    })
}

fn well(about: &'static str, found: impl Into<String>) -> Finding {
    Finding {
        about,
        grade: Grade::Well,
        found: found.into(),
        cure: String::new(),
    }
}

fn wary(about: &'static str, found: impl Into<String>, cure: &str) -> Finding {
    Finding {
        about,
        grade: Grade::Wary,
        found: found.into(),
        cure: cure.to_owned(),
    }
}

fn bad(about: &'static str, found: impl Into<String>, cure: &str) -> Finding {
    Finding {
        about,
        grade: Grade::Bad,
        found: found.into(),
        cure: cure.to_owned(),
    }
}
