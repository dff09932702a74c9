//! Every route, asked by everybody: who gets what, and that nothing leaks to others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::service::{Answer, Asking, Service, as_};

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Nothing.
    Nobody,
    /// That they are known.
    Known,
    /// That they are known, and act in a tenant.
    Tenant,
    /// That they are a member of the tenant with this role at least; no feature.
    Member(Role),
    /// The feature, and this role at least.
    Feature(Role),
    /// That they administer the platform.
    Platform,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Role {
    Staff,
    Manager,
    Owner,
}

use Needs::{Feature, Known, Member, Nobody, Platform, Tenant};
use Role::{Manager, Owner, Staff};

/// No object has this id, so a request that passes the door ends at 404 or at its own body, and changes nothing.
const STRANGE: &str = "01a20593-0000-7000-8000-000000000000";

/// On how many routes a forged token is tried.
const FORGED: usize = 10;

/// Every route of the document but those in [`BROWSERS`]; the others are in [`PAGES`]. One that is missing here, or that is here and not there, fails the test.
const ROUTES: &[(&str, &str, Needs)] = &[
    ("GET", "/api/calendar/status/", Tenant),
    ("GET", "/api/calendar/list/", Feature(Staff)),
    ("POST", "/api/calendar/sync/", Feature(Staff)),
    ("POST", "/api/calendar/free-busy/", Feature(Staff)),
    ("GET", "/api/calendar/disconnect/", Feature(Staff)),
    ("DELETE", "/api/calendar/disconnect/", Feature(Staff)),
    ("POST", "/api/calendar/connections/caldav/", Feature(Staff)),
    ("POST", "/api/calendar/connections/ics/", Feature(Staff)),
    (
        "GET",
        "/api/calendar/connections/{id}/calendars/",
        Feature(Staff),
    ),
    ("GET", "/api/calendar/links/", Feature(Staff)),
    ("POST", "/api/calendar/links/", Feature(Staff)),
    ("POST", "/api/calendar/links/preview/", Feature(Staff)),
    ("GET", "/api/calendar/links/{id}/", Feature(Staff)),
    ("PATCH", "/api/calendar/links/{id}/", Feature(Staff)),
    ("DELETE", "/api/calendar/links/{id}/", Feature(Staff)),
    ("POST", "/api/calendar/links/{id}/sync/", Feature(Staff)),
    ("GET", "/api/calendar/links/{id}/held/", Feature(Staff)),
    ("GET", "/api/calendar/links/{id}/skipped/", Feature(Staff)),
    ("GET", "/api/calendar/conflicts/", Feature(Staff)),
    ("POST", "/api/calendar/conflicts/resolve/", Feature(Staff)),
    (
        "POST",
        "/api/calendar/conflicts/{id}/resolve/",
        Feature(Staff),
    ),
    ("GET", "/api/calendar/calendars/", Feature(Staff)),
    ("POST", "/api/calendar/calendars/", Feature(Manager)),
    (
        "GET",
        "/api/calendar/calendars/{id}/events/",
        Feature(Staff),
    ),
    (
        "POST",
        "/api/calendar/calendars/{id}/events/",
        Feature(Staff),
    ),
    ("GET", "/api/calendar/events/{id}/", Feature(Staff)),
    ("PATCH", "/api/calendar/events/{id}/", Feature(Staff)),
    ("DELETE", "/api/calendar/events/{id}/", Feature(Staff)),
    ("GET", "/api/calendar/events/{id}/history/", Feature(Staff)),
    ("POST", "/api/calendar/events/{id}/restore/", Feature(Staff)),
    ("GET", "/api/calendar/changes/", Feature(Staff)),
    ("GET", "/api/calendar/overlaps/", Feature(Staff)),
    ("GET", "/api/platform/tenants/", Platform),
    ("POST", "/api/platform/tenants/", Platform),
    ("GET", "/api/platform/tenants/{slug}/", Platform),
    ("PATCH", "/api/platform/tenants/{slug}/", Platform),
    ("PUT", "/api/platform/tenants/{slug}/features/", Platform),
    ("GET", "/api/platform/plans/", Platform),
    ("POST", "/api/platform/plans/", Platform),
    ("PATCH", "/api/platform/plans/", Platform),
    ("GET", "/api/platform/features/", Platform),
    ("POST", "/api/platform/features/", Platform),
    ("GET", "/api/platform/invitations/", Platform),
    ("POST", "/api/platform/invitations/", Platform),
    ("DELETE", "/api/platform/invitations/{id}/", Platform),
    ("GET", "/api/platform/mailbox/", Platform),
    ("POST", "/api/platform/mailbox/", Platform),
    ("DELETE", "/api/platform/mailbox/", Platform),
    ("GET", "/api/platform/usage/", Platform),
    ("GET", "/api/platform/health/", Platform),
    ("GET", "/api/platform/audit/", Platform),
    ("POST", "/api/oauth/google/initiate/", Feature(Staff)),
    ("POST", "/api/oauth/microsoft/initiate/", Feature(Staff)),
    // Providers call here, and prove themselves on the way.
    ("POST", "/api/hooks/google/{key}/", Nobody),
    ("POST", "/api/hooks/microsoft/{key}/", Nobody),
    ("GET", "/api/tenant/features/", Tenant),
    ("GET", "/api/tenant/usage/", Member(Staff)),
    ("GET", "/api/tenant/members/", Member(Staff)),
    ("PATCH", "/api/tenant/members/", Member(Owner)),
    ("GET", "/api/tenant/audit/", Member(Manager)),
    ("GET", "/api/session/", Known),
    ("POST", "/api/session/", Nobody),
    ("DELETE", "/api/session/", Known),
    ("GET", "/api/session/methods/", Nobody),
    ("GET", "/api/tokens/", Known),
    ("POST", "/api/tokens/", Known),
    ("POST", "/api/embed-links/", Member(Staff)),
    ("DELETE", "/api/tokens/{id}/", Known),
];

#[test]
fn the_table_names_every_route_that_there_is() {
    let service = Service::start();
    let document = service
        .asks("GET", "/api/openapi.json", &Asking::default())
        .is(200);
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array();
            let named: BTreeSet<&str> = parameters
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let wanted = path.split('/').filter_map(|part| {
                let part = part.strip_prefix('{')?;
                part.strip_suffix('}')
            });
            assert_eq!(named, wanted.collect(), "the parameters of {path}");
        }
        for method in item.as_object().unwrap().keys() {
            if ["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let routes = ROUTES.iter().map(|(method, path, _)| (method, path));
    let browsers = BROWSERS.iter().map(|(method, path, _)| (method, path));
    let listed: BTreeSet<(String, String)> = routes
        .chain(browsers)
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    let missing: Vec<_> = described.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    let gone: Vec<_> = listed.difference(&described).collect();
    assert!(gone.is_empty(), "in the table only: {gone:?}");
}

/// What is in the document, and is for browsers. With the status that nobody gets, and that everybody else gets too: these know
/// nobody. The stream alone does, and is refused like any other part of the calendar.
const BROWSERS: &[(&str, &str, u16)] = &[
    ("GET", "/api/calendar/stream/", 401),
    ("GET", "/api/oauth/google/callback/", 400),
    ("GET", "/api/oauth/microsoft/callback/", 400),
    ("GET", "/api/session/oidc/", 303),
    ("GET", "/api/session/oidc/callback/", 400),
];

/// What is not in the document: pages, files, and what monitoring asks. With the status that everybody gets.
const PAGES: &[(&str, &str, u16)] = &[
    ("GET", "/api/openapi.json", 200),
    ("GET", "/api/docs/", 200),
    ("GET", "/assets/page.css", 200),
    ("GET", "/invitations/accepted/", 200),
    ("GET", "/invitations/{token}/", 404),
    ("POST", "/invitations/{token}/", 422),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
];

/// The routes that a source file sets up, besides those that come with their documentation.
fn set_up(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for after in source.split(".route(").skip(1) {
        let path = after.split('"').nth(1).unwrap_or_default();
        let mut depth = 1;
        let within = after.split_inclusive(['(', ')']).take_while(|part| {
            let is_within = depth > 0;
            depth += if part.ends_with('(') { 1 } else { -1 };
            is_within
        });
        let within: String = within.collect();
        for method in ["get", "post", "put", "patch", "delete", "any"] {
            let is_method = |before: &str| {
                !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            };
            let call = format!("{method}(");
            let mut calls = within.match_indices(&call).map(|(at, _)| &within[..at]);
            if calls.any(is_method) {
                found.push((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_table_names_every_page_too() {
    let mut files = Vec::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&source, &mut files);
    let mut there = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        there.extend(set_up(&text));
        // Ways to answer under a path that this test would not see.
        for other in [
            ".route_service(",
            ".nest(",
            ".nest_service(",
            "MethodRouter::new",
        ] {
            assert!(!text.contains(other), "{other} in {}", file.display());
        }
    }
    let listed: BTreeSet<_> = PAGES
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(there, listed);
}

#[test]
fn pages_know_nobody_and_the_stream_is_refused_as_the_calendar_is() {
    let service = Service::start();
    let before = state(&service);
    for (method, path, status) in PAGES.iter().chain(BROWSERS) {
        let path = path.replace("{token}", "kai_none");
        let of = |token, tenant: Option<&str>| {
            let form = "application/x-www-form-urlencoded".to_owned();
            let mut headers = vec![("content-type", form)];
            headers.extend(tenant.map(|tenant| ("x-tenant", tenant.to_owned())));
            let asking = Asking {
                token,
                headers,
                body: None,
            };
            service.asks(method, &path, &asking)
        };
        let nobody = of(None, None);
        assert_eq!(nobody.status, *status, "{method} {path}: {}", nobody.text);
        if path == "/api/calendar/stream/" {
            of(None, Some("demo")).refused(401, "not_authenticated");
            of(Some(service.customer()), None).refused(403, "role_required");
            of(Some(service.rival()), None).refused(403, "feature_not_available");
            of(Some(service.rival()), Some("demo")).refused(403, "role_required");
            of(Some(service.platform()), None).refused(400, "tenant_required");
            of(Some(service.platform()), Some("demo")).refused(403, "role_required");
            assert!(service.tries_stream(service.staff()).is_some());
            continue;
        }
        for (who, token) in [("owner", service.owner()), ("platform", service.platform())] {
            let known = of(Some(token), Some("demo"));
            assert_eq!(known.status, *status, "{who}: {method} {path}");
            assert_eq!(known.text, nobody.text, "{who}: {method} {path}");
        }
    }
    assert_eq!(state(&service), before, "something was changed");
}

/// Asks for a route about an object that is not there, with a body that is none of its own.
fn ask(
    service: &Service,
    (method, path): (&str, &str),
    token: Option<&str>,
    tenant: Option<&str>,
) -> Answer {
    let path = path
        .replace("{id}", STRANGE)
        .replace("{slug}", "no-such-tenant")
        .replace("{key}", "kah_none");
    let asking = Asking {
        token,
        headers: tenant
            .map(|tenant| ("x-tenant", tenant.to_owned()))
            .into_iter()
            .collect(),
        body: (method != "GET").then(|| json!({ "nothing": "of the kind" })),
    };
    service.asks(method, &path, &asking)
}

/// Somebody who passed the door: what follows is about the request.
#[track_caller]
fn passed(answer: &Answer, what: &str) {
    // To try a mailbox that is not there is a conflict.
    let fine = (200..300).contains(&answer.status) || [400, 404, 409].contains(&answer.status);
    assert!(fine, "{what}: {} {}", answer.status, answer.text);
    if answer.status == 400 {
        assert_ne!(
            answer.json()["code"],
            "tenant_required",
            "{what}: {}",
            answer.text
        );
    }
}

#[test]
fn everybody_gets_what_is_theirs_and_nothing_else() {
    let service = Service::start();
    let before = state(&service);
    for (number, (method, path, needs)) in ROUTES.iter().enumerate() {
        let of = |token, tenant| ask(&service, (method, path), token, tenant);
        let what = |who: &str| format!("{who}: {method} {path}");
        if *needs == Nobody {
            let expected = if *method == "GET" { 200 } else { 400 };
            assert_eq!(of(None, None).status, expected, "{}", what("nobody"));
            continue;
        }
        of(None, None).refused(401, "not_authenticated");
        of(None, Some("demo")).refused(401, "not_authenticated");
        // Who tries more of them is kept out for a while.
        if number < FORGED {
            of(Some("kal_none"), Some("demo")).refused(401, "not_authenticated");
        }
        let members = [
            ("customer", service.customer(), None),
            ("staff", service.staff(), Some(Staff)),
            ("manager", service.manager(), Some(Manager)),
            ("owner", service.owner(), Some(Owner)),
        ];
        for (who, token, role) in members {
            let answer = of(Some(token), None);
            match needs {
                Feature(least) | Member(least) if role.is_none_or(|role| role < *least) => {
                    answer.refused(403, "role_required");
                }
                Platform => {
                    answer.refused(403, "role_required");
                }
                // These tokens are bound, and make no others.
                Known if path.starts_with("/api/tokens/") && !path.contains("{id}") => {
                    answer.refused(403, "role_required");
                }
                Nobody | Known | Tenant | Member(_) | Feature(_) => passed(&answer, &what(who)),
            }
        }
        let rival = of(Some(service.rival()), None);
        match needs {
            Feature(_) => {
                let problem = rival.refused(403, "feature_not_available");
                assert_eq!(problem["feature"], "can_use_calendar_sync");
                assert_eq!(
                    problem["error"],
                    "Your current plan does not include Calendar Sync. Please upgrade your \
                     subscription to use this feature."
                );
            }
            Platform => {
                rival.refused(403, "role_required");
            }
            Nobody | Known | Tenant | Member(_) => {}
        }
        let platform = of(Some(service.platform()), None);
        match needs {
            Feature(_) | Tenant | Member(_) => {
                platform.refused(400, "tenant_required");
                // A tenant's calendars are none of the platform's business, and one without the feature has none.
                let inside = of(Some(service.platform()), Some("demo"));
                let without = of(Some(service.platform()), Some("rival"));
                match needs {
                    Feature(_) => {
                        inside.refused(403, "role_required");
                        without.refused(403, "feature_not_available");
                    }
                    Member(_) => {
                        inside.refused(403, "role_required");
                    }
                    Nobody | Known | Tenant | Platform => {
                        passed(&inside, &what("platform in demo"));
                    }
                }
                // One that is not theirs, and one that is not there, are answered alike.
                let foreign = of(Some(service.rival()), Some("demo")).refused(403, "role_required");
                let none = of(Some(service.rival()), Some("no-such")).refused(403, "role_required");
                assert_eq!(foreign, none);
            }
            Nobody | Known | Platform => passed(&platform, &what("platform")),
        }
    }
    assert_eq!(state(&service), before, "something was changed");
}

/// What everybody can see of the demo tenant and the platform.
fn state(service: &Service) -> Vec<Value> {
    let tenant = [
        "/api/calendar/list/",
        "/api/calendar/links/",
        "/api/calendar/calendars/",
        "/api/tenant/members/",
    ];
    let platform = [
        "/api/platform/tenants/",
        "/api/platform/plans/",
        "/api/platform/features/",
    ];
    let mut seen: Vec<Value> = tenant
        .iter()
        .map(|path| service.get(service.owner(), path).is(200))
        .collect();
    seen.extend(
        platform
            .iter()
            .map(|path| service.get(service.platform(), path).is(200)),
    );
    seen
}

#[test]
fn another_tenants_object_is_as_if_it_did_not_exist() {
    let service = Service::start();
    let on = json!({ "can_use_calendar_sync": true });
    service
        .sends(
            service.platform(),
            "PATCH",
            "/api/platform/tenants/rival/",
            on,
        )
        .is(200);
    let listed = service.get(service.owner(), "/api/calendar/links/").is(200);
    let link = &listed["links"][0];
    let calendar = link["calendar_id"].as_str().unwrap();
    let events = service
        .get(
            service.owner(),
            &format!("/api/calendar/calendars/{calendar}/events/"),
        )
        .is(200);
    let event = events["events"][0]["id"].as_str().unwrap();
    let connection = link["connection_id"].as_str().unwrap();
    let link = link["id"].as_str().unwrap();
    for (path, method) in [
        (format!("/api/calendar/links/{link}/"), "GET"),
        (format!("/api/calendar/links/{link}/"), "DELETE"),
        (format!("/api/calendar/links/{link}/sync/"), "POST"),
        (
            format!("/api/calendar/connections/{connection}/calendars/"),
            "GET",
        ),
        (format!("/api/calendar/calendars/{calendar}/events/"), "GET"),
        (format!("/api/calendar/events/{event}/"), "GET"),
        (format!("/api/calendar/events/{event}/"), "DELETE"),
        (format!("/api/calendar/events/{event}/history/"), "GET"),
    ] {
        let own = service.asks(
            method,
            &path.replace(|c: char| c.is_ascii_digit(), "0"),
            &as_(service.rival()),
        );
        let foreign = service.asks(method, &path, &as_(service.rival()));
        assert_eq!(
            (own.status, foreign.status),
            (404, 404),
            "{method} {path}: {}",
            foreign.text
        );
        assert_eq!(own.json(), foreign.json(), "{method} {path}");
    }
    let credential = json!({ "credential_id": connection });
    service
        .sends(
            service.rival(),
            "POST",
            "/api/calendar/sync/",
            credential.clone(),
        )
        .refused(404, "not_found");
    service
        .sends(
            service.rival(),
            "DELETE",
            "/api/calendar/disconnect/",
            credential,
        )
        .refused(404, "not_found");
    service
        .get(service.owner(), &format!("/api/calendar/events/{event}/"))
        .is(200);
}

/// The page for people, in which every use has a line.
const GUIDE: &str = include_str!("../../../../docs/api.md");

/// The path of a line of `curl`, as the routes have it; `$LINK` and the like stand for ids.
fn named(line: &str) -> Option<(String, String)> {
    let command = line.split(" # ").next()?;
    let at = command.find("$A/")? + "$A".len();
    let rest = &command[at..];
    let path = rest.split([' ', '"', '?']).next()?;
    let parts = path.split('/').map(|part| match part {
        part if part.starts_with('$') => "{}",
        // The slug of the tenant that the page is about.
        "demo" => "{}",
        part => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let method = command
        .split("-X ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let method = method.unwrap_or(if command.contains(" -d ") {
        "POST"
    } else {
        "GET"
    });
    Some((method.to_owned(), path))
}

#[test]
fn the_guide_has_a_line_for_every_use() {
    let lines: BTreeSet<_> = GUIDE.lines().filter_map(named).collect();
    let all = ROUTES.iter().map(|(method, path, _)| (*method, *path));
    let browsers = BROWSERS.iter().map(|(method, path, _)| (*method, *path));
    let wanted = |path: &str| {
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let missing: Vec<_> = all
        .chain(browsers)
        // Providers send people and calls there, nobody else.
        .filter(|(_, path)| !path.ends_with("/callback/") && !path.starts_with("/api/hooks/"))
        .filter(|(method, path)| {
            let path = wanted(path);
            // What is the same at both is told once.
            let path = path.replace("/oauth/microsoft/", "/oauth/google/");
            !lines.contains(&((*method).to_owned(), path))
        })
        .collect();
    assert!(missing.is_empty(), "no line in docs/api.md: {missing:?}");
}
