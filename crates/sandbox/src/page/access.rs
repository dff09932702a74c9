//! Who is let in and how, as forms: clients and their secrets, what stands in people's way, what organisations allow, and as
//! which server CalDAV behaves. Each form goes through the door of [`crate::control`] that programs use.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::entry::Refused;
use super::frame::{Page, alert, see_other};
use super::html::Html;
use super::path;
use crate::control::knock;
use crate::oauth::params::Params;
use crate::oauth::{Client, Oauth, Obstacle, Publishing};
use crate::world::World;

/// What can stand in a person's way: as the door takes it, and as people read it.
const OBSTACLES: [(Obstacle, &str, &str); 8] = [
    (Obstacle::Disabled, "disabled", "the account is disabled"),
    (
        Obstacle::OtherOrganisation,
        "other_organisation",
        "the account is in another organisation",
    ),
    (
        Obstacle::NotAssigned,
        "not_assigned",
        "not assigned to the client",
    ),
    (
        Obstacle::SecondFactor,
        "second_factor",
        "a second factor is asked for",
    ),
    (
        Obstacle::SecondFactorSetup,
        "second_factor_setup",
        "a second factor is to be set up",
    ),
    (
        Obstacle::SignInTooOld,
        "sign_in_too_old",
        "the sign-in is too old",
    ),
    (
        Obstacle::Blocked,
        "blocked",
        "a rule of the organisation forbids it",
    ),
    (Obstacle::Outage, "outage", "the server is out of order"),
];

/// The servers that CalDAV can behave as.
const SERVERS: [(&str, &str); 7] = [
    ("plain", "as the RFCs ask"),
    ("cyrus", "Cyrus"),
    ("google", "Google"),
    ("icloud", "iCloud"),
    ("nextcloud", "Nextcloud"),
    ("radicale", "Radicale"),
    ("xandikos", "Xandikos"),
];

/// What an administrator consents to unless the form says otherwise.
const SCOPES: &str = "openid User.Read Calendars.ReadWrite offline_access";

/// The page.
pub(super) fn page(world: &mut World, said: Option<&Refused>, now: Timestamp) -> Response<Bytes> {
    let mut body = Html::new();
    body.raw("<h1>Access</h1><p class=\"lead\">Which programs are let in, what stands in people’s way, and what their organisations allow.</p>");
    if let Some(refused) = said {
        body.add(&alert(&refused.told));
    }
    for (face, name, oauth) in [
        ("google", "Google", &world.google.oauth),
        ("microsoft", "Microsoft", &world.microsoft.oauth),
    ] {
        body.raw("<section><h2>").raw(name).raw("</h2>");
        body.add(&clients(face, oauth, now))
            .add(&people(face, oauth))
            .raw("</section>");
    }
    let told = knock(world, &Method::GET, &["organisations"], &json!({}), now);
    body.add(&organisations(&told.unwrap_or_default(), world));
    if !world.accounts.is_empty() {
        body.add(&servers(world));
    }
    Page {
        status: said.map_or(StatusCode::OK, |refused| refused.status),
        title: "Access",
        trail: Vec::new(),
        body,
        now,
    }
    .send()
}

fn clients(face: &'static str, oauth: &Oauth, now: Timestamp) -> Html {
    let mut piece = Html::new();
    piece.raw("<ul class=\"cards\">");
    for client in oauth.clients.values() {
        piece
            .raw("<li class=\"card\"><h3>")
            .text(&client.name)
            .raw("</h3><dl class=\"pairs\"><dt>Client</dt><dd><code>")
            .text(&client.id)
            .raw("</code></dd>");
        for secret in &client.secrets {
            piece
                .raw("<dt>Secret</dt><dd><code>")
                .text(&secret.text)
                .raw("</code>");
            if secret.good_until.is_some_and(|end| end <= now) {
                piece.raw(" <span class=\"tag wrong\">ran out</span>");
            }
            piece.raw("</dd>");
        }
        let testing = client.publishing == Publishing::Testing;
        if face == "google" {
            piece.raw("<dt>Status</dt><dd>").raw(if testing {
                "Testing: refresh tokens end after 7 days</dd>"
            } else {
                "In production</dd>"
            });
        }
        piece
            .raw("</dl>")
            .add(&client_acts(face, client, testing))
            .raw("</li>");
    }
    piece.raw("</ul>");
    if oauth.clients.is_empty() {
        piece.raw("<p class=\"dim\">No client is registered.</p>");
    }
    piece
}

fn client_acts(face: &'static str, client: &Client, testing: bool) -> Html {
    let mut piece = form("acts");
    piece.hidden("face", face).hidden("client", &client.id);
    if face == "google" {
        let (act, told) = if testing {
            ("production", "Put in production")
        } else {
            ("testing", "Put in testing")
        };
        button(&mut piece, act, told, &client.name);
    }
    if !client.secrets.is_empty() {
        button(&mut piece, "rotate", "New secret", &client.name);
        button(
            &mut piece,
            "expire",
            "Let its secrets run out",
            &client.name,
        );
    }
    piece.raw("</form>");
    piece
}

fn people(face: &'static str, oauth: &Oauth) -> Html {
    let mut piece = Html::new();
    piece.raw("<ul class=\"cards\">");
    for (number, person) in oauth.people.values().enumerate() {
        let present = oauth.obstacle(&person.email);
        let id = format!("obstacle-{face}-{number}");
        piece
            .raw("<li class=\"card\"><h3>")
            .text(&person.name)
            .raw("</h3><p class=\"dim\">")
            .text(&person.email)
            .raw("</p>")
            .add(&form("event"))
            .hidden("face", face)
            .hidden("user", &person.email)
            .raw("<p class=\"field\">")
            .open("label", &[("for", &id)])
            .raw("In the way</label>")
            .open("select", &[("id", &id), ("name", "obstacle")])
            .raw("<option value=\"\">nothing</option>");
        for (obstacle, word, told) in OBSTACLES {
            option(&mut piece, (word, told), present == Some(obstacle));
        }
        piece.raw("</select></p><p class=\"acts\">");
        button(&mut piece, "hinder", "Set", &person.email);
        button(&mut piece, "revoke", "Take consent back", &person.email);
        button(&mut piece, "tokens", "Let tokens run out", &person.email);
        piece.raw("</p></form></li>");
    }
    piece.raw("</ul>");
    piece
}

fn organisations(told: &Value, world: &World) -> Html {
    let mut piece = Html::new();
    if world.microsoft.oauth.people.is_empty() {
        return piece;
    }
    piece.raw("<section><h2>Organisations at Microsoft</h2><ul class=\"cards\">");
    let all = told["microsoft"].as_array();
    for (number, one) in all.into_iter().flatten().enumerate() {
        let domain = one["domain"].as_str().unwrap_or_default();
        let required = one["admin_consent"] == true;
        piece
            .raw("<li class=\"card\"><h3>")
            .text(domain)
            .raw("</h3><p>")
            .raw(if required {
                "Only an administrator may consent.</p>"
            } else {
                "People consent for themselves.</p>"
            })
            .add(&form("acts"))
            .hidden("domain", domain);
        let (act, words) = if required {
            ("own", "Let people consent")
        } else {
            ("require", "Ask for an administrator")
        };
        button(&mut piece, act, words, domain);
        piece.raw("</form>");
        for approved in one["approved"].as_array().into_iter().flatten() {
            let client = approved["client"].as_str().unwrap_or_default();
            let scopes = approved["scopes"].as_array().into_iter().flatten();
            let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
            piece
                .raw("<p>An administrator consented to <code>")
                .text(client)
                .raw("</code>: <small>")
                .text(&scopes.join(" "))
                .raw("</small></p>")
                .add(&form("acts"))
                .hidden("domain", domain)
                .hidden("client", client);
            button(&mut piece, "withdraw", "Take that back", client);
            piece.raw("</form>");
        }
        piece.add(&approval(world, domain, number)).raw("</li>");
    }
    piece.raw("</ul></section>");
    piece
}

/// The form by which an administrator consents.
fn approval(world: &World, domain: &str, number: usize) -> Html {
    let mut piece = form("event");
    let (client, scopes) = (format!("client-{number}"), format!("scopes-{number}"));
    piece
        .hidden("domain", domain)
        .raw("<p class=\"field\">")
        .open("label", &[("for", &client)])
        .raw("Client</label>")
        .open("select", &[("id", &client), ("name", "client")]);
    for known in world.microsoft.oauth.clients.values() {
        option(&mut piece, (&known.id, &known.name), false);
    }
    piece
        .raw("</select></p><p class=\"field\">")
        .open("label", &[("for", &scopes)])
        .raw("Scopes</label>")
        .open(
            "input",
            &[
                ("id", &scopes),
                ("name", "scopes"),
                ("value", SCOPES),
                ("autocomplete", "off"),
            ],
        )
        .raw("</p><p class=\"acts\">");
    button(&mut piece, "approve", "Consent for everybody", domain);
    piece.raw("</p></form>");
    piece
}

fn servers(world: &World) -> Html {
    let mut piece = Html::new();
    piece
        .raw("<section><h2>CalDAV</h2><p>All peculiarities at once; each alone by <code>/_sandbox/switches</code>, and those of feeds.</p>")
        .add(&form("row"))
        .raw("<label for=\"server\">Behave like</label><select id=\"server\" name=\"server\">");
    for server in SERVERS {
        option(&mut piece, server, false);
    }
    piece.raw("</select><label for=\"user\">for</label><select id=\"user\" name=\"user\"><option value=\"\">everybody</option>");
    for user in world.accounts.keys() {
        option(&mut piece, (user, user), false);
    }
    piece.raw("</select>");
    button(&mut piece, "imitate", "Set", "CalDAV");
    piece.raw("</form></section>");
    piece
}

/// The beginning of a form of this page.
fn form(class: &'static str) -> Html {
    let mut piece = Html::new();
    let action = path::to("access");
    piece.open(
        "form",
        &[("class", class), ("method", "post"), ("action", &action)],
    );
    piece
}

/// A button that says what shall be done, and to whom for those who do not see where it stands.
fn button(piece: &mut Html, act: &str, told: &'static str, whom: &str) {
    piece
        .open("button", &[("name", "do"), ("value", act)])
        .raw(told)
        .raw("<span class=\"hidden\"> (")
        .text(whom)
        .raw(")</span></button>");
}

fn option(piece: &mut Html, (word, told): (&str, &str), chosen: bool) {
    let mut attributes = vec![("value", word)];
    if chosen {
        attributes.push(("selected", "selected"));
    }
    piece
        .open("option", &attributes)
        .text(told)
        .raw("</option>");
}

/// Does what the pressed button says.
pub(super) fn act(world: &mut World, sent: &Params, now: Timestamp) -> Response<Bytes> {
    let done = asked(sent).and_then(|(method, door, body)| {
        knock(world, &method, door, &body, now).map_err(|(status, told)| Refused::new(status, told))
    });
    match done {
        Ok(_) => see_other(&path::to("access")),
        Err(refused) => page(world, Some(&refused), now),
    }
}

/// The door behind a button, and what is said there.
fn asked(sent: &Params) -> Result<(Method, &'static [&'static str], Value), Refused> {
    let text = |name: &str| sent.get(name).unwrap_or_default();
    let chosen = |name: &str| sent.get(name).filter(|text| !text.is_empty());
    let client = json!({ "face": text("face"), "client": text("client") });
    let person = json!({ "face": text("face"), "user": text("user") });
    let place = json!({ "domain": text("domain"), "client": text("client") });
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let (door, body): (&'static [&'static str], Value) = match text("do") {
        act @ ("testing" | "production") => {
            let body = with(client, "publishing", act.into());
            return Ok((Method::PATCH, &["clients"], body));
        }
        "rotate" => (&["clients", "rotate"], client),
        "expire" => (&["clients", "expire"], client),
        "hinder" => {
            let obstacle = json!(chosen("obstacle"));
            (&["grants", "hinder"], with(person, "obstacle", obstacle))
        }
        "revoke" => (&["grants", "revoke"], person),
        "tokens" => {
            let both = "both".into();
            (&["grants", "expire"], with(person, "tokens", both))
        }
        act @ ("require" | "own") => {
            let required = act == "require";
            let body = json!({ "domain": text("domain"), "required": required });
            (&["organisations", "require"], body)
        }
        "approve" => {
            let scopes: Vec<&str> = text("scopes").split_whitespace().collect();
            let body = with(place, "scopes", json!(scopes));
            (&["organisations", "approve"], body)
        }
        "withdraw" => (&["organisations", "withdraw"], place),
        "imitate" => {
            let body = json!({ "server": text("server"), "user": chosen("user") });
            (&["switches", "imitate"], body)
        }
        _ => return Err(Refused::form("There is no such button.")),
    };
    Ok((Method::POST, door, body))
}
