//! Hrefs: servers spell one resource in several ways, and an identifier must have one.

use std::borrow::Cow;

use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use url::Url;

use crate::remote_id::{REMOTE_ID_BYTES_MAX, fitting};

/// What opens the stand-in for an identifier that is too long. An identifier itself opens with a slash or a scheme.
const TOO_LONG: &str = "long-href-";

/// What is written as it is in our spelling of a path: RFC 3986's unreserved characters and nothing else. Servers write
/// `@` and `%40` in turn for one calendar, and every server decodes what need not have been encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The address that an href stands for, seen from where the answer came from; none if it stands for nothing.
pub(crate) fn resolve(from: &Url, href: &str) -> Option<Url> {
    let href = href.trim();
    let joined = from
        .join(href)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        // A relative name with a colon reads as a scheme (`urn:1.ics`).
        .or_else(|| from.join(&format!("./{href}")).ok())?;
    Some(canonical(joined))
}

/// An address in our spelling.
pub(crate) fn canonical(mut url: Url) -> Url {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~');
    // Most paths of a long listing are plain already.
    if !url.path().bytes().all(is_plain) {
        let path: Vec<String> = url
            .path()
            .split('/')
            .map(|segment| {
                let bytes: Vec<u8> = percent_decode_str(segment).collect();
                percent_encode(&bytes, ENCODED).to_string()
            })
            .collect();
        url.set_path(&path.join("/"));
    }
    url.set_fragment(None);
    // User and password of an address belong to nobody's identifier.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// A collection's address in our spelling: with a slash at its end.
pub(crate) fn collection(url: Url) -> Url {
    let mut url = canonical(url);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

/// The address of a calendar.
pub(crate) fn calendar_url(calendar: &RemoteCalendarId) -> Result<Url, Failure> {
    calendar
        .as_str()
        .parse()
        .map(collection)
        .map_err(|_| Failure::new(Class::Gone, "The calendar's address is not one"))
}

/// The identifier of a resource in a calendar: its path, or its whole address where it lives on another host; a stand-in
/// that leads nowhere where that is too long.
pub(crate) fn remote_id(calendar: &Url, url: &Url) -> RemoteId {
    let id = if url.host() == calendar.host() {
        let query = url.query().map(|query| format!("?{query}"));
        format!("{}{}", url.path(), query.unwrap_or_default())
    } else {
        url.to_string()
    };
    fitting(TOO_LONG, id)
}

/// Why a resource under this identifier cannot be synced, where its address is too long.
pub(crate) fn too_long(id: &RemoteId) -> Option<String> {
    id.as_str().starts_with(TOO_LONG).then(|| {
        format!(
            "its address at the server is longer than {REMOTE_ID_BYTES_MAX} bytes, which is too long to keep"
        )
    })
}

/// Where a new event of this name is put.
pub(crate) fn placed(calendar: &Url, name: &str) -> Url {
    let segment = percent_encode(name.as_bytes(), ENCODED);
    let mut url = calendar.clone();
    url.set_path(&format!("{}{segment}.ics", calendar.path()));
    url
}

/// The address of a resource in a calendar.
pub(crate) fn resource_url(calendar: &Url, id: &RemoteId) -> Result<Url, Failure> {
    if let Some(why) = too_long(id) {
        return Err(Failure::item(format!("The event cannot be reached: {why}")));
    }
    if id.as_str().starts_with('/') {
        // Not joined: a path that opens with two slashes would be read as another host.
        let (path, query) = match id.as_str().split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (id.as_str(), None),
        };
        let mut url = calendar.clone();
        url.set_path(path);
        url.set_query(query);
        return Ok(url);
    }
    calendar
        .join(id.as_str())
        .map_err(|_| Failure::item("The event's remote id is no address"))
}

/// How a resource is named in a request to its calendar: by its path, or whole where the path alone would be read as
/// another host.
pub(crate) fn asked_as<'a>(calendar: &Url, id: &'a RemoteId) -> Cow<'a, str> {
    if id.as_str().starts_with("//")
        && let Ok(url) = resource_url(calendar, id)
    {
        return Cow::Owned(url.into());
    }
    Cow::Borrowed(id.as_str())
}

/// Whether a resource is a member of a collection: one step below it.
pub(crate) fn is_member(collection: &Url, url: &Url) -> bool {
    // A server may know a collection under several paths; only what is below ours and deeper is not ours.
    match url.path().strip_prefix(collection.path()) {
        Some("") => false,
        Some(rest) => !rest.contains('/'),
        None => !url.path().ends_with('/'),
    }
}

/// Whether a resource is for certain a member of this very collection, and not of one that may be another.
pub(crate) fn is_inside(collection: &Url, url: &Url) -> bool {
    collection.host() == url.host()
        && url
            .path()
            .strip_prefix(collection.path())
            .is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_resource_has_one_identifier_however_it_is_spelt() {
        let from: Url = "https://dav.example.com/cal/ann%40example.com/work/"
            .parse()
            .unwrap();
        let calendar = collection(from.clone());
        let table = [
            (
                "/cal/ann@example.com/work/a.ics",
                "/cal/ann%40example.com/work/a.ics",
            ),
            (
                "/cal/ann%40example.com/work/a.ics",
                "/cal/ann%40example.com/work/a.ics",
            ),
            ("a.ics", "/cal/ann%40example.com/work/a.ics"),
            (
                "https://dav.example.com/cal/ann%40example.com/work/%61.ics",
                "/cal/ann%40example.com/work/a.ics",
            ),
            ("https://DAV.example.com:443/x/a.ics", "/x/a.ics"),
            ("http://dav.example.com/x/a.ics", "/x/a.ics"),
            (
                "https://p07.example.com/x/a.ics",
                "https://p07.example.com/x/a.ics",
            ),
            (
                "/x/Bj%c3%b6rk%20%E2%82%ac.ics",
                "/x/Bj%C3%B6rk%20%E2%82%AC.ics",
            ),
            ("/x/Björk €.ics", "/x/Bj%C3%B6rk%20%E2%82%AC.ics"),
            ("/x/a+b(c)'d'.ics", "/x/a%2Bb%28c%29%27d%27.ics"),
            ("/x/a%2fb.ics", "/x/a%2Fb.ics"),
            ("/x/100%.ics", "/x/100%25.ics"),
            ("/x/%E9.ics", "/x/%E9.ics"),
            ("/x/y/../z.ics", "/x/z.ics"),
            ("https://dav.example.com//x/a.ics", "//x/a.ics"),
            ("https://dav.example.com//x/a.ics?v=1", "//x/a.ics?v=1"),
            ("urn:1.ics", "/cal/ann%40example.com/work/urn%3A1.ics"),
            ("  /x/a.ics\n", "/x/a.ics"),
        ];
        for (href, expected) in table {
            let url = resolve(&from, href).unwrap();
            let id = remote_id(&calendar, &url);
            assert_eq!(id.as_str(), expected, "{href:?}");
            // What we ask for under that identifier is known by it again.
            let again = canonical(resource_url(&calendar, &id).unwrap());
            assert_eq!(remote_id(&calendar, &again), id, "{href:?}");
            let asked = resolve(&from, &asked_as(&calendar, &id)).unwrap();
            assert_eq!(remote_id(&calendar, &asked), id, "{href:?}");
        }
    }

    #[test]
    fn members_are_one_step_below() {
        let calendar: Url = "https://h/cal/".parse().unwrap();
        for (url, expected) in [
            ("https://h/cal/a.ics", true),
            ("https://h/cal/", false),
            ("https://h/cal/sub/", false),
            ("https://h/cal/sub/a.ics", false),
            ("https://h/alias/a.ics", true),
            ("https://h/alias/", false),
        ] {
            assert_eq!(
                is_member(&calendar, &url.parse().unwrap()),
                expected,
                "{url}"
            );
        }
        for (url, expected) in [
            ("https://h/cal/a.ics", true),
            ("https://h/c%61l/../cal/%61.ics", true),
            ("https://h/cal/", false),
            ("https://h/cal", false),
            ("https://h/cal/sub/a.ics", false),
            ("https://h/alias/a.ics", false),
            ("https://h/calendar/a.ics", false),
            ("https://h/cal/../other/a.ics", false),
            ("https://other/cal/a.ics", false),
        ] {
            let url = canonical(url.parse().unwrap());
            assert_eq!(is_inside(&calendar, &url), expected, "{url}");
        }
    }
}
