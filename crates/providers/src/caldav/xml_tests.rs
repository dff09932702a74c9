//! Multistatus and error bodies as servers really write them.

use super::*;

fn wrongs(body: &str) -> String {
    responses(body.as_bytes()).unwrap_err().message
}

#[test]
fn prefixes_mean_nothing_and_namespaces_everything() {
    let sabre = r#"<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:cal="urn:ietf:params:xml:ns:caldav">
 <d:response><d:href>/cal/a.ics</d:href><d:propstat><d:prop><d:getetag>&quot;1&quot;</d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
</d:multistatus>"#;
    let default = r#"<multistatus xmlns="DAV:"><response><href>/cal/a.ics</href><propstat><prop><getetag>"1"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"#;
    let misleading = r#"<c:multistatus xmlns:c="DAV:" xmlns:d="urn:other"><c:response><d:href>/wrong</d:href><c:href>/cal/a.ics</c:href><c:propstat><c:prop><d:getetag>wrong</d:getetag><x:getetag xmlns:x="DAV:"><![CDATA["1"]]></x:getetag></c:prop><c:status>HTTP/1.1 200 OK</c:status></c:propstat></c:response></c:multistatus>"#;
    for body in [sabre, default, misleading] {
        let entries = responses(body.as_bytes()).unwrap();
        assert_eq!(entries.len(), 1, "{body}");
        assert_eq!(entries[0].href, "/cal/a.ics");
        assert_eq!(entries[0].text(Ns::Dav, "getetag"), Some("\"1\""));
    }
    // The right names in no namespace, or in another one, are something else.
    assert!(wrongs("<multistatus><response/></multistatus>").contains("not a multistatus"));
    assert!(wrongs(r#"<d:multistatus xmlns:d="urn:x"/>"#).contains("not a multistatus"));
    assert!(wrongs(r"<d:multistatus/>").contains("no WebDAV"));
}

#[test]
fn properties_that_are_missing_are_no_error_and_have_no_value() {
    let body = r#"<multistatus xmlns="DAV:"><response><href>/a</href>
      <propstat><prop><getetag/></prop><status>HTTP/1.1 404 Not Found</status></propstat>
      <propstat><prop><resourcetype/></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"#;
    let entry = &responses(body.as_bytes()).unwrap()[0];
    assert_eq!(entry.status, None);
    assert_eq!(entry.text(Ns::Dav, "getetag"), None);
    assert!(entry.property(Ns::Dav, "resourcetype").is_some());
}

#[test]
fn text_keeps_its_characters_through_entities_and_cdata() {
    let body = "<multistatus xmlns='DAV:'><response><href>/a&amp;b</href><propstat><prop><C:calendar-data xmlns:C='urn:ietf:params:xml:ns:caldav'>\
        BEGIN:VCALENDAR&#13;\r\nSUMMARY:a &lt; b &amp;amp; <![CDATA[<raw & text>]]>&#x20AC;\r\nEND:VCALENDAR</C:calendar-data></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>";
    let entry = &responses(body.as_bytes()).unwrap()[0];
    assert_eq!(entry.href, "/a&b");
    assert_eq!(
        entry.text(Ns::CalDav, "calendar-data").unwrap(),
        "BEGIN:VCALENDAR\r\r\nSUMMARY:a < b &amp; <raw & text>€\r\nEND:VCALENDAR"
    );
}

#[test]
fn what_is_no_whole_multistatus_is_refused() {
    let whole = r#"<multistatus xmlns="DAV:"><response><href>/a</href><status>HTTP/1.1 404 Not Found</status></response><sync-token>t</sync-token></multistatus>"#;
    assert!(responses(whole.as_bytes()).is_ok());
    for cut in 0..whole.len() {
        assert!(
            responses(&whole.as_bytes()[..cut]).is_err(),
            "cut after {cut} bytes"
        );
    }
    for body in [
        "",
        "<!DOCTYPE html><html><body>Sign in</body></html>",
        "<html xmlns='http://www.w3.org/1999/xhtml'/>",
        "Not found",
        r#"{"error": "no"}"#,
        r#"<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaa">]><multistatus xmlns="DAV:"><response><href>&a;</href></response></multistatus>"#,
        r#"<multistatus xmlns="DAV:"><response><href>&nbsp;</href></response></multistatus>"#,
        r#"<multistatus xmlns="DAV:"><response><status>HTTP/1.1 404 Not Found</status></response></multistatus>"#,
        r#"<multistatus xmlns="DAV:"/><multistatus xmlns="DAV:"/>"#,
        r#"<multistatus xmlns="DAV:"><response></multistatus>"#,
    ] {
        assert!(responses(body.as_bytes()).is_err(), "{body}");
    }
    assert!(
        responses(
            b"<multistatus xmlns='DAV:'><response><href>/\xff</href></response></multistatus>"
        )
        .is_err()
    );
    let deep = format!("<multistatus xmlns='DAV:'>{}", "<a>".repeat(100_000));
    assert!(
        responses(deep.as_bytes())
            .unwrap_err()
            .message
            .contains("nested")
    );
    let wide = format!(
        "<multistatus xmlns='DAV:'><response>{}</response></multistatus>",
        "<a/>".repeat(100_000)
    );
    assert!(
        responses(wide.as_bytes())
            .unwrap_err()
            .message
            .contains("nested")
    );
}

#[test]
fn a_refusal_does_not_repeat_a_name_of_any_length() {
    let name = "n".repeat(1 << 20);
    for body in [
        format!("<{name} xmlns='DAV:'/>"),
        format!("<{name} xmlns='DAV:'></{name}>"),
        format!("<multistatus xmlns='DAV:'><{name}></x></multistatus>"),
    ] {
        let message = wrongs(&body);
        assert!(message.len() < 400, "{} bytes", message.len());
    }
    let said = error_body(format!("<error xmlns='DAV:'><{name}/></error>").as_bytes());
    let quoted = crate::caldav::refusal::quotation(&said).unwrap();
    assert!(quoted.len() < 400, "{} bytes", quoted.len());
}

#[test]
fn an_empty_multistatus_is_one() {
    for body in [
        r#"<multistatus xmlns="DAV:"/>"#,
        r#"<multistatus xmlns="DAV:"></multistatus>"#,
        "\u{feff}<?xml version='1.0'?>\n<multistatus xmlns='DAV:'>\n</multistatus>\n",
    ] {
        assert_eq!(responses(body.as_bytes()), Ok(Vec::new()), "{body}");
    }
}

#[test]
fn errors_say_what_they_say() {
    let sabre = br#"<?xml version="1.0" encoding="utf-8"?>
<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\BadRequest</s:exception>
<s:message>Calendar object with uid already exists in this calendar collection.</s:message></d:error>"#;
    let said = error_body(sabre);
    assert_eq!(said.conditions, []);
    assert!(said.words.unwrap().starts_with("Calendar object with uid"));

    let conflict = br#"<error xmlns="DAV:"><no-uid-conflict xmlns="urn:ietf:params:xml:ns:caldav"><href xmlns="DAV:">/cal/other.ics</href></no-uid-conflict></error>"#;
    let said = error_body(conflict);
    assert!(said.names(Ns::CalDav, "no-uid-conflict"));
    assert_eq!(said.holder.as_deref(), Some("/cal/other.ics"));

    assert_eq!(
        error_body(b"Access denied.\n").words.as_deref(),
        Some("Access denied.")
    );
    assert_eq!(
        error_body(b"<html><body>500</body></html>"),
        ErrorBody::default()
    );
    assert_eq!(error_body(b""), ErrorBody::default());
}

#[test]
fn an_error_that_is_cut_short_is_told_from_one_without_words() {
    let whole = br#"<?xml version="1.0"?><d:error xmlns:d="DAV:"><d:need-privileges/></d:error>"#;
    assert!(!error_body(whole).cut);
    assert!(error_body(&whole[..60]).cut);
    assert!(error_body(&whole[..9]).cut);
    for other in [&b""[..], b"no", b"<html><body>DAV"] {
        assert!(!error_body(other).cut);
    }
}
