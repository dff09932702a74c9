//! Clients, people and organisations by the page's forms, as the doors and programs see them afterwards.

use kalends_sandbox::oauth::{Client, Holder, Obstacle, Person, Publishing};
use kalends_sandbox::quirks::Trash;

use super::browser::{Browser, Form, Sight};
use crate::google::desk::{ANN, CLIENT, Desk};

const ACCESS: &str = "/_sandbox/page/access";
const MIA: &str = "mia@contoso.example";

/// Presses a button: what it does, and to whom.
fn press(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> Sight {
    let fields = fields.iter();
    browser.send(&Form {
        action: ACCESS.to_owned(),
        fields: fields
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    })
}

fn person(email: &str, name: &str) -> Person {
    Person {
        email: email.to_owned(),
        name: name.to_owned(),
        password: "p".to_owned(),
        subject: "1".to_owned(),
    }
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    let oauth = &mut desk.world.microsoft.oauth;
    oauth.register_client(Client::web(
        "calendars",
        "old secret",
        "https://app.example/",
    ));
    oauth.register(person(MIA, "Mia <b>"));
    desk.world
        .add_account(kalends_sandbox::world::Account::new("ada"))
        .add_collection("work");
    desk
}

#[test]
fn a_client_is_put_in_testing_and_given_another_secret() {
    let mut desk = desk();
    let own = Client::web(CLIENT, "first secret", "https://app.example/");
    desk.google().oauth.register_client(own);
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let page = browser.open(ACCESS).ok();
    assert!(page.has("In production") && page.has("first secret"));
    let google = [("face", "google"), ("client", CLIENT)];
    let with = |act| [google[0], google[1], ("do", act)];
    let page = press(&mut browser, &with("testing")).ok();
    assert!(page.has("Testing: refresh tokens end after 7 days"));
    let client = &browser.world.google.oauth.clients[CLIENT];
    assert_eq!(client.publishing, Publishing::Testing);
    let page = press(&mut browser, &with("rotate")).ok();
    assert!(!page.has("first secret") && page.has("GOCSPX-"));
    assert!(press(&mut browser, &with("expire")).ok().has("ran out"));
    assert!(
        press(&mut browser, &with("production"))
            .ok()
            .has("In production")
    );
}

#[test]
fn what_is_in_somebodys_way_is_chosen_and_cleared() {
    let mut desk = desk();
    let now = desk.now;
    let ann = Holder {
        email: ANN.to_owned(),
        client: CLIENT.to_owned(),
    };
    desk.google().oauth.register(person(ANN, "Ann"));
    desk.google().oauth.issue_offline(&ann, &["email"], now);
    let mut browser = Browser::new(&mut desk.world, now);
    let page = browser.open(ACCESS).ok();
    assert!(page.has("Mia &lt;b&gt;"));
    let hinder = |obstacle| {
        [
            ("face", "microsoft"),
            ("user", MIA),
            ("obstacle", obstacle),
            ("do", "hinder"),
        ]
    };
    let page = press(&mut browser, &hinder("blocked")).ok();
    assert!(page.has("value=\"blocked\" selected"));
    assert_eq!(
        browser.world.microsoft.oauth.obstacle(MIA),
        Some(Obstacle::Blocked)
    );
    press(&mut browser, &hinder("")).ok();
    assert_eq!(browser.world.microsoft.oauth.obstacle(MIA), None);
    let google = [("face", "google"), ("user", ANN)];
    let tokens = [google[0], google[1], ("do", "tokens")];
    let live = |browser: &Browser<'_>| {
        let oauth = &browser.world.google.oauth;
        let tokens = oauth
            .grants()
            .map(|(holder, _)| oauth.live_refresh(holder, now).len());
        tokens.collect::<Vec<_>>()
    };
    assert_eq!(live(&browser), [1]);
    press(&mut browser, &tokens).ok();
    assert_eq!(live(&browser), [0]);
    press(&mut browser, &[google[0], google[1], ("do", "revoke")]).ok();
    assert!(live(&browser).is_empty());
    for wrong in [
        hinder("gremlins"),
        [
            ("face", "microsoft"),
            ("user", "x"),
            ("do", "revoke"),
            ("a", ""),
        ],
    ] {
        let refused = press(&mut browser, &wrong);
        assert!(refused.status.is_client_error() && refused.has("role=\"alert\""));
    }
    assert!(press(&mut browser, &[("do", "dance")]).has("no such button"));
}

#[test]
fn an_organisation_asks_for_an_administrator_who_consents_and_takes_it_back() {
    let mut desk = desk();
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    assert!(
        browser
            .open(ACCESS)
            .ok()
            .has("People consent for themselves.")
    );
    let domain = ("domain", "contoso.example");
    let page = press(&mut browser, &[domain, ("do", "require")]).ok();
    assert!(page.has("Only an administrator may consent."));
    let approve = [
        domain,
        ("client", "calendars"),
        ("scopes", "Calendars.ReadWrite  User.Read"),
        ("do", "approve"),
    ];
    let page = press(&mut browser, &approve).ok();
    assert!(page.has("https://graph.microsoft.com/Calendars.ReadWrite"));
    let page = press(
        &mut browser,
        &[domain, ("client", "calendars"), ("do", "withdraw")],
    )
    .ok();
    assert!(!page.has("graph.microsoft.com"));
    let page = press(&mut browser, &[domain, ("do", "own")]).ok();
    assert!(page.has("People consent for themselves."));
    let refused = press(
        &mut browser,
        &[("domain", "nowhere.example"), ("do", "require")],
    );
    assert!(refused.status == 404 && refused.has("role=\"alert\""));
}

#[test]
fn caldav_behaves_like_another_server() {
    let mut desk = desk();
    let now = desk.now;
    let mut browser = Browser::new(&mut desk.world, now);
    let form = browser.open(ACCESS).ok().form("/access");
    assert!(form.action.ends_with("/access"));
    press(
        &mut browser,
        &[("server", "nextcloud"), ("user", "ada"), ("do", "imitate")],
    )
    .ok();
    let ada = &browser.world.accounts["ada"];
    assert_eq!(ada.collections["work"].quirks.trash, Trash::KeepsUids);
    press(
        &mut browser,
        &[("server", "plain"), ("user", ""), ("do", "imitate")],
    )
    .ok();
    let ada = &browser.world.accounts["ada"];
    assert_eq!(ada.collections["work"].quirks.trash, Trash::None);
}
