//! The API's document holds: every status that a story met is in it, and those that clients count on are.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::service::{Asking, Service, exchange};

/// What was asked, and the status of its answer.
pub(crate) type Met = (String, String, u16);

/// What was met and is not described.
pub(crate) fn missing(host: &str, met: &BTreeSet<Met>) -> Vec<Met> {
    let document = exchange(host, "GET", "/api/openapi.json", &Asking::default(), None).json();
    met.iter()
        .filter(|(method, path, status)| {
            operation(&document, method, path)
                .is_some_and(|found| found["responses"].get(status.to_string()).is_none())
        })
        .cloned()
        .collect()
}

fn operation<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let path = path.split('?').next()?.trim_end_matches('/');
    let fits = |template: &str| {
        let template = template.trim_end_matches('/');
        let mut parts = path.split('/');
        template.split('/').all(|wanted| {
            let part = parts.next();
            part == Some(wanted) || (wanted.starts_with('{') && part.is_some())
        }) && parts.next().is_none()
    };
    let (_, item) = document["paths"]
        .as_object()?
        .iter()
        // A name is nearer than anything.
        .filter(|(template, _)| fits(template))
        .min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.to_lowercase())
}

#[test]
fn the_document_names_the_statuses_that_the_contract_names_and_hides_none_behind_a_default() {
    let service = Service::start();
    let document = service
        .asks("GET", "/api/openapi.json", &Asking::default())
        .is(200);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                !responses.contains_key("default"),
                "{method} {path} answers with anything"
            );
        }
    }
    for (method, path, statuses) in [
        (
            "POST",
            "/api/calendar/sync/",
            &[
                200, 202, 400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503,
            ][..],
        ),
        (
            "DELETE",
            "/api/calendar/disconnect/",
            &[200, 400, 401, 403, 404, 409],
        ),
        ("PATCH", "/api/calendar/events/1/", &[200, 404, 409, 412]),
        ("DELETE", "/api/calendar/events/1/", &[200, 404, 409, 412]),
        ("GET", "/api/calendar/changes/", &[200, 410]),
        ("POST", "/api/platform/tenants/", &[201, 403, 409]),
        ("POST", "/api/session/", &[200, 401, 403, 429]),
    ] {
        let responses = &operation(&document, method, path).unwrap()["responses"];
        for status in statuses {
            assert!(
                responses.get(status.to_string()).is_some(),
                "{status}: {method} {path}"
            );
        }
    }
}
