//! Mails of the running service: who is invited gets one, and who has to say a word about deletions.

use std::time::Duration;

use serde_json::json;

use crate::device::Device;
use crate::nodes::eventually;
use crate::person::Person;
use crate::post::{Letter, Post};
use crate::servers::{Kind, Server};
use crate::service::{Asking, as_, exchange};
use crate::signin::serve;

/// A mail leaves within 15 s of what it is about; on a busy machine later.
const TRIES: usize = 300;
const STEP: Duration = Duration::from_millis(200);

/// The mails that have arrived, as soon as there are so many.
#[track_caller]
fn arrived(post: &Post, count: usize) -> Vec<Letter> {
    for _ in 0..TRIES {
        if post.received().len() >= count {
            break;
        }
        std::thread::sleep(STEP);
    }
    let mut all = post.received();
    assert_eq!(all.len(), count, "{all:?}");
    all.sort_by(|one, other| one.to.cmp(&other.to));
    all
}

#[test]
fn who_is_invited_gets_a_mail_with_a_link_that_opens_the_page() {
    let post = Post::start(&[("zoe@example.com", "550 no such user")]);
    let person = Person::new();
    person
        .says(&[
            "user",
            "add",
            "root@kalends.example",
            "--admin",
            "--no-password",
        ])
        .well();
    let token = person.asks(&[
        "token",
        "create",
        "--user",
        "root@kalends.example",
        "--name",
        "t",
    ]);
    let token = token["token"].as_str().unwrap();
    let (running, at) = serve(
        &person,
        &[
            ("KALENDS_SMTP_URL", &post.url()),
            ("KALENDS_MAIL_FROM", "notices@kalends.example"),
        ],
    );
    let invite = |email: &str, slug: &str| {
        let body = json!({ "email": email, "tenant_name": "Zähne", "slug": slug }).to_string();
        let path = "/api/platform/invitations/";
        exchange(&at, "POST", path, &as_(token), Some(&body))
    };
    assert_eq!(invite("yan@example.com", "yans").is(201)["mailed"], true);
    // What is refused is not mailed either.
    invite("eve@example.com", "Not a slug").refused(400, "invalid");
    assert_eq!(invite("zoe@example.com", "zoes").is(201)["mailed"], true);
    let mails = arrived(&post, 1);
    assert_eq!(mails[0].to, "yan@example.com");
    let text = mails[0].body().replace("=\r\n", "").replace("=3D", "=");
    let from = text
        .find("/invitations/")
        .unwrap_or_else(|| panic!("{text}"));
    let path = text[from..].lines().next().unwrap().trim();
    let page = exchange(&at, "GET", path, &Asking::default(), None);
    assert_eq!(page.status, 200, "{}", page.text);
    let known = || exchange(&at, "GET", "/api/platform/mailbox/", &as_(token), None).is(200);
    for _ in 0..TRIES {
        if known()["waiting"] == 0 {
            break;
        }
        std::thread::sleep(STEP);
    }
    let known = known();
    assert_eq!(
        (&known["through"], &known["failed"]),
        (&json!("smtp"), &json!(1))
    );
    let said = running.end();
    assert!(said.err.contains("a mail was not sent"), "{}", said.err);
    let token_in_link = path.split('/').nth(2).unwrap();
    assert!(!said.err.contains(token_in_link), "{}", said.err);
}

#[test]
fn a_mail_that_may_have_arrived_is_told_of_and_not_sent_again() {
    let post = Post::start(&[]);
    post.answers_the_text("zoe@example.com", None);
    let person = Person::new();
    let root = "root@kalends.example";
    person
        .says(&["user", "add", root, "--admin", "--no-password"])
        .well();
    let token = person.asks(&["token", "create", "--user", root, "--name", "t"]);
    let token = token["token"].as_str().unwrap();
    let url = post.url();
    let mail = [
        ("KALENDS_SMTP_URL", &*url),
        ("KALENDS_MAIL_FROM", "notices@kalends.example"),
    ];
    let (running, at) = serve(&person, &mail);
    let body = json!({ "email": "zoe@example.com", "tenant_name": "Zoe's", "slug": "zoes" });
    let path = "/api/platform/invitations/";
    exchange(&at, "POST", path, &as_(token), Some(&body.to_string())).is(201);
    arrived(&post, 1);
    let known = || exchange(&at, "GET", "/api/platform/mailbox/", &as_(token), None).is(200);
    eventually("the end of waiting", || known()["waiting"] == 0);
    let known = known();
    assert_eq!(
        (&known["unknown"], &known["failed"]),
        (&json!(1), &json!(0))
    );
    let path = "/api/platform/audit/?action=mail.unknown";
    let log = exchange(&at, "GET", path, &as_(token), None).is(200);
    assert_eq!(log["entries"][0]["detail"]["to"], "zoe@example.com");
    running.end();
    let said = person.starts_with(&["doctor", "--json"], &mail).waits();
    assert!(
        said.out.contains("of 1 mails of the last days"),
        "{}",
        said.out
    );
    assert_eq!(post.received().len(), 1);
}

#[test]
fn owners_and_managers_hear_of_deletions_that_are_held() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    for number in 0..15 {
        device.put(&format!("e{number}"), &format!("Event {number:02}"));
    }
    let person = Person::new();
    person.links(&server, &[]);
    person.says(&["sync"]).well();
    for (email, role) in [
        ("olivia@demo.example", "owner"),
        ("mona@demo.example", "manager"),
        ("stan@demo.example", "staff"),
    ] {
        person
            .says(&["user", "add", email, "--role", role, "--no-password"])
            .well();
    }
    for number in 1..15 {
        device.delete(&format!("e{number}"));
    }
    person.says(&["sync"]).well();
    let post = Post::start(&[]);
    let (running, _) = serve(
        &person,
        &[
            ("KALENDS_SMTP_URL", &post.url()),
            ("KALENDS_MAIL_FROM", "notices@kalends.example"),
        ],
    );
    let mails = arrived(&post, 2);
    let to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["mona@demo.example", "olivia@demo.example"]);
    for mail in &mails {
        assert_eq!(mail.header("Subject"), "14 deletions wait for your word");
    }
    running.end().well();
}
