//! Clients: the programs that ask for tokens, how far they are published, and what they prove themselves with.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Provider;
use super::reply::{Asked, Done, Refused};
use crate::oauth::{Client, ClientKind, Oauth, Publishing, Secret};
use crate::world::World;

/// A client to be registered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Newcomer {
    face: Provider,
    client: String,
    name: Option<String>,
    #[serde(default)]
    kind: KindWord,
    redirects: BTreeSet<String>,
    /// Unless it is said, a server's is made up.
    secret: Option<String>,
    #[serde(default)]
    publishing: Option<PublishingWord>,
}

/// What shall be different about a client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    face: Provider,
    client: String,
    name: Option<String>,
    redirects: Option<BTreeSet<String>>,
    publishing: Option<PublishingWord>,
}

/// A client whose secrets are meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    face: Provider,
    client: String,
}

/// The names of [`ClientKind`]s.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    #[default]
    Web,
    SinglePage,
    Native,
}

/// The names of [`Publishing`] statuses.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum PublishingWord {
    Production,
    Testing,
}

impl From<KindWord> for ClientKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Web => Self::Web,
            KindWord::SinglePage => Self::SinglePage,
            KindWord::Native => Self::Native,
        }
    }
}

impl From<ClientKind> for KindWord {
    fn from(kind: ClientKind) -> Self {
        match kind {
            ClientKind::Web => Self::Web,
            ClientKind::SinglePage => Self::SinglePage,
            ClientKind::Native => Self::Native,
        }
    }
}

impl From<PublishingWord> for Publishing {
    fn from(word: PublishingWord) -> Self {
        match word {
            PublishingWord::Production => Self::Production,
            PublishingWord::Testing => Self::Testing,
        }
    }
}

impl From<Publishing> for PublishingWord {
    fn from(publishing: Publishing) -> Self {
        match publishing {
            Publishing::Production => Self::Production,
            Publishing::Testing => Self::Testing,
        }
    }
}

/// `GET /_sandbox/clients`.
pub(super) fn list(world: &World) -> Done {
    let faces = [Provider::Google, Provider::Microsoft];
    let all = faces.into_iter().flat_map(|face| {
        let clients = face.oauth_of(world).clients.values();
        clients.map(move |client| show(face, client))
    });
    Done::ok(json!({ "clients": all.collect::<Vec<_>>() }))
}

fn show(face: Provider, client: &Client) -> Value {
    let secrets = client.secrets.iter().map(|secret| {
        let end = secret.good_until.map(|end| end.to_string());
        json!({ "secret": secret.text, "good_until": end })
    });
    let mut shown = json!({
        "face": face.word(),
        "client": client.id,
        "name": client.name,
        "kind": KindWord::from(client.kind),
        "redirects": client.redirects,
        "secrets": secrets.collect::<Vec<_>>(),
    });
    if face == Provider::Google {
        shown["publishing"] = json!(PublishingWord::from(client.publishing));
    }
    shown
}

/// `POST /_sandbox/clients`.
pub(super) fn register(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let new: Newcomer = asked.read()?;
    check_redirects(&new.redirects)?;
    let publishing = published(new.face, new.publishing)?;
    let is_name = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    if !is_name(&new.client) {
        return Err(Refused::field("client", "An id without spaces is wanted."));
    }
    if new.secret.as_deref().is_some_and(|secret| !is_name(secret)) {
        let error = "A secret without spaces is wanted.";
        return Err(Refused::field("secret", error));
    }
    let oauth = new.face.oauth(world);
    if oauth.clients.contains_key(&new.client) {
        return Err(Refused::field("client", "There is such a client already."));
    }
    let kind = ClientKind::from(new.kind);
    let given = new.secret.map(|text| Secret {
        text,
        good_until: None,
    });
    let makes_up = given.is_none() && kind == ClientKind::Web;
    oauth.register_client(Client {
        id: new.client.clone(),
        name: new.name.unwrap_or_else(|| new.client.clone()),
        kind,
        secrets: given.into_iter().collect(),
        redirects: new.redirects,
        publishing: publishing.unwrap_or_default(),
    });
    if makes_up {
        oauth.rotate_secret(&new.client);
    }
    let client = known(oauth, &new.client)?;
    Ok(Done::made(show(new.face, client)))
}

/// `PATCH /_sandbox/clients`: what is not named stays. Tokens that were given out keep the end they were given with.
pub(super) fn change(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let changes: Changes = asked.read()?;
    if let Some(redirects) = &changes.redirects {
        check_redirects(redirects)?;
    }
    let publishing = published(changes.face, changes.publishing)?;
    let client = known(changes.face.oauth(world), &changes.client)?;
    if let Some(name) = changes.name {
        client.name = name;
    }
    if let Some(redirects) = changes.redirects {
        client.redirects = redirects;
    }
    if let Some(publishing) = publishing {
        client.publishing = publishing;
    }
    Ok(Done::ok(show(changes.face, client)))
}

/// `POST /_sandbox/clients/rotate`: a new secret in place of all there were.
pub(super) fn rotate(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let named: Named = asked.read()?;
    let oauth = named.face.oauth(world);
    with_secret(oauth, &named.client)?;
    let secret = oauth.rotate_secret(&named.client);
    Ok(Done::ok(json!({ "secret": secret })))
}

/// `POST /_sandbox/clients/expire`: every secret runs out now.
pub(super) fn expire(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let named: Named = asked.read()?;
    let oauth = named.face.oauth(world);
    with_secret(oauth, &named.client)?;
    oauth.expire_secrets(&named.client, asked.now);
    Ok(Done::ok(json!({})))
}

/// The client of this id.
pub(super) fn known<'a>(oauth: &'a mut Oauth, client: &str) -> Result<&'a mut Client, Refused> {
    let found = oauth.clients.get_mut(client);
    found.ok_or_else(|| Refused::unknown("client", "There is no such client."))
}

fn with_secret(oauth: &mut Oauth, client: &str) -> Result<(), Refused> {
    if known(oauth, client)?.secrets.is_empty() {
        let error = "This is a program that can keep no secret, and has none.";
        return Err(Refused::field("client", error));
    }
    Ok(())
}

/// The status that is to be set, at the face that has one.
fn published(face: Provider, word: Option<PublishingWord>) -> Result<Option<Publishing>, Refused> {
    match (face, word) {
        (Provider::Microsoft, Some(_)) => {
            let error = "Only Google's consent screen has a publishing status.";
            Err(Refused::field("publishing", error))
        }
        (Provider::Google | Provider::Microsoft, word) => Ok(word.map(Publishing::from)),
    }
}

/// Each must be an address in full, as it is compared letter by letter.
fn check_redirects(redirects: &BTreeSet<String>) -> Result<(), Refused> {
    let is_address = |text: &String| {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        // A form may be sent to it, and no script shall run by that.
        let is_script = ["javascript", "data"].map(|word| scheme.eq_ignore_ascii_case(word));
        !scheme.is_empty()
            && is_script == [false; 2]
            && !text.contains('#')
            && !text.contains(char::is_whitespace)
    };
    match redirects.iter().find(|redirect| !is_address(redirect)) {
        Some(wrong) => {
            let error = format!("{wrong:?} is no address in full, or has a fragment.");
            Err(Refused::field("redirects", error))
        }
        None if redirects.is_empty() => {
            let error = "At least one address is wanted to which codes may be sent.";
            Err(Refused::field("redirects", error))
        }
        None => Ok(()),
    }
}
