//! `kalends doctor`: what is wrong with an installation, each with its cure.

use serde_json::Value;

use crate::nodes::{asks_postgres, postgres_database};
use crate::person::{Person, Said};
use crate::servers::{Kind, Server};

/// What was found about something, at this grade; with its cure.
#[track_caller]
fn found(said: &Said, about: &str, grade: &str) -> (String, String) {
    let all = said.json();
    let all = all["findings"].as_array().unwrap();
    let is_it = |one: &&Value| one["about"] == about && one["grade"] == grade;
    let one = all.iter().find(is_it);
    let one = one.unwrap_or_else(|| panic!("nothing {grade} about {about}: {all:?}"));
    let text = |name: &str| one[name].as_str().unwrap().to_owned();
    (text("found"), text("cure"))
}

/// Whether everything that is not well comes with a cure, and whether the exit code says what was found.
#[track_caller]
fn is_told(said: &Said) {
    let all = said.json();
    let all = all["findings"].as_array().unwrap();
    for one in all {
        let cure = one["cure"].as_str().unwrap();
        assert_eq!(cure.is_empty(), one["grade"] == "ok", "{one}");
    }
    let is_bad = all.iter().any(|one| one["grade"] == "bad");
    assert_eq!(said.code, i32::from(is_bad), "{} {}", said.out, said.err);
}

fn doctor(person: &Person, variables: &[(&str, &str)]) -> Said {
    let said = person.starts_with(&["doctor", "--json"], variables).waits();
    is_told(&said);
    said
}

#[test]
fn an_installation_that_is_well_is_told_so() {
    let person = Person::new();
    person.says(&["links"]).well();
    let said = doctor(&person, &[]);
    assert_eq!(said.code, 0, "{}", said.out);
    let (text, _) = found(&said, "database", "ok");
    assert_eq!(text, "it answers, and its schema is up to date");
    let (text, _) = found(&said, "keys", "ok");
    assert_eq!(text, "nothing is sealed yet; a key is made when needed");
    found(&said, "workers", "ok");
    found(&said, "settings", "ok");
    // For people it is a table with the same.
    let shown = person.says(&["doctor"]).well();
    assert!(
        shown.out.contains("CURE") && shown.out.contains("`public_url` in `[server]`"),
        "{}",
        shown.out
    );
}

#[test]
fn settings_that_are_wrong_or_odd_are_found() {
    let person = Person::new();
    let said = doctor(&person, &[("KALENDS_LISTEN", "nowhere")]);
    let (text, cure) = found(&said, "settings", "bad");
    assert!(text.contains("KALENDS_LISTEN"), "{text}");
    assert!(cure.contains("docs/configuration.md"), "{cure}");
    let said = doctor(&person, &[("KALENDS_SYNC_POL_EVERY", "5m")]);
    let (text, cure) = found(&said, "settings", "look");
    assert!(
        text.contains("KALENDS_SYNC_POL_EVERY") && cure.contains("correct its name"),
        "{text} {cure}"
    );
    let plain = [
        ("KALENDS_LISTEN", "0.0.0.0:8080"),
        ("KALENDS_PUBLIC_URL", "http://kalends.example.com"),
    ];
    let said = doctor(&person, &plain);
    let (text, cure) = found(&said, "server", "bad");
    assert!(
        text.contains("without encryption") && cure.contains("TLS"),
        "{text} {cure}"
    );
    // Whatever it listens on: a proxy may stand before it, and it is the way to the browser that counts.
    let named = [("KALENDS_PUBLIC_URL", "http://kalends.lan:8080")];
    found(&doctor(&person, &named), "server", "bad");
    let own = [("KALENDS_PUBLIC_URL", "http://localhost:8080")];
    found(&doctor(&person, &own), "server", "ok");
}

#[test]
fn what_is_to_be_registered_at_google_and_microsoft_is_told_before_it_is() {
    let person = Person::new();
    person.says(&["links"]).well();
    let uri = |vendor: &str| {
        format!(
            "the redirect URI to be registered there is https://kalends.example.com/api/oauth/{vendor}/callback/"
        )
    };
    let named = ("KALENDS_PUBLIC_URL", "https://kalends.example.com");
    // No client yet: whoever makes one there is asked for it.
    let said = doctor(&person, &[named]);
    for vendor in ["google", "microsoft"] {
        let (text, _) = found(&said, vendor, "look");
        assert!(text.contains(&uri(vendor)), "{text}");
    }
    // A client, but nobody there who answers.
    let client = [
        named,
        ("KALENDS_GOOGLE_CLIENT_ID", "someone"),
        ("KALENDS_GOOGLE_CLIENT_SECRET", "of a test"),
        ("KALENDS_GOOGLE_BASE_URL", "http://127.0.0.1:1/google"),
    ];
    let (text, _) = found(&doctor(&person, &client), "google", "look");
    assert!(text.contains(&uri("google")), "{text}");
    // Where the address is not known, none is made up.
    let (text, _) = found(&doctor(&person, &[]), "google", "look");
    assert_eq!(text, "Google accounts cannot be connected");
}

#[test]
fn a_database_that_is_not_there_yet_is_said_to_be_missing_and_is_not_made() {
    let person = Person::new();
    let file = person.folder().join("new/kalends.db");
    let url = format!("sqlite:{}", file.display());
    let said = doctor(&person, &[("KALENDS_DATABASE", &url)]);
    let (text, cure) = found(&said, "database", "bad");
    assert!(
        text.starts_with("there is none yet: ") && text.ends_with("new/kalends.db"),
        "{text}"
    );
    assert!(cure.contains("kalends migrate up"), "{cure}");
    assert!(!file.exists(), "who looks changes nothing");
    let empty = person.folder().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    let url = format!("sqlite:{}", empty.display());
    let said = doctor(&person, &[("KALENDS_DATABASE", &url)]);
    let (text, _) = found(&said, "database", "bad");
    assert_eq!(text, "it is empty: nothing was ever kept in it");
}

#[test]
fn a_database_that_cannot_be_used_is_found() {
    let person = Person::new();
    let said = doctor(
        &person,
        &[(
            "KALENDS_DATABASE",
            "postgres://ann:sesame@127.0.0.1:1/kalends",
        )],
    );
    let (text, cure) = found(&said, "database", "bad");
    assert!(cure.contains("start the database"), "{cure}");
    assert!(text.contains("Connection refused"), "{text}");
    assert!(!text.contains("sesame"), "{text}");
    person.says(&["links"]).well();
    person
        .says(&["migrate", "down", "--to", "8", "--yes"])
        .well();
    let said = doctor(&person, &[]);
    assert_eq!(found(&said, "database", "bad").1, "kalends migrate up");
    person.says(&["migrate", "up"]).well();
    found(&doctor(&person, &[]), "database", "ok");
}

#[test]
fn a_database_role_that_no_policy_binds_is_found() {
    let Some(database) = postgres_database() else {
        return;
    };
    let name = database.rsplit_once('/').unwrap().1;
    asks_postgres(
        &database,
        &format!("CREATE ROLE {name} LOGIN; ALTER DATABASE {name} OWNER TO {name}"),
    );
    let (user, rest) = database.split_once('@').unwrap();
    assert!(user.starts_with("postgres://"), "{user}");
    let person = Person::on(&format!("postgres://{name}@{rest}"));
    person.says(&["links"]).well();
    let said = doctor(&person, &[]);
    let (text, _) = found(&said, "database", "ok");
    assert!(!said.out.contains("row-level security"), "{text}");
    asks_postgres(&database, &format!("ALTER ROLE {name} BYPASSRLS"));
    let (text, cure) = found(&doctor(&person, &[]), "database", "bad");
    assert!(
        text.contains(name) && text.contains("row-level security"),
        "{text}"
    );
    assert!(cure.contains("NOBYPASSRLS"), "{cure}");
    asks_postgres(
        &database,
        &format!("ALTER ROLE {name} NOBYPASSRLS SUPERUSER"),
    );
    found(&doctor(&person, &[]), "database", "bad");
    asks_postgres(&database, &format!("ALTER ROLE {name} NOSUPERUSER"));
}

#[test]
fn a_key_that_is_gone_and_a_link_that_fails_are_found() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    person.links(&server, &[]);
    found(&doctor(&person, &[]), "keys", "ok");
    drop(server);
    assert_ne!(person.says(&["sync"]).code, 0);
    let (text, cure) = found(&doctor(&person, &[]), "links", "look");
    assert!(text.starts_with("1 links failed"), "{text}");
    assert_eq!(cure, "kalends links");
    std::fs::remove_file(person.folder().join("master.key")).unwrap();
    let (_, cure) = found(&doctor(&person, &[]), "keys", "bad");
    assert!(cure.contains("kalends keys forget"), "{cure}");
}
