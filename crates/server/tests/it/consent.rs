//! Somebody's browser at a consent page of the sandbox.

use url::Url;

use crate::service::{Answer, Asking, Service, as_, exchange};

/// What a person does on the page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choice<'a> {
    /// Who they are.
    pub(crate) account: &'a str,
    /// Whether they refuse.
    pub(crate) denies: bool,
    /// The scope whose box they untick: whatever ends so.
    pub(crate) unticks: Option<&'a str>,
}

/// Begins a consent as the holder of a token; the consent page's address.
#[track_caller]
pub(crate) fn begin(service: &Service, token: &str, vendor: &str, purpose: &str) -> Url {
    let body = serde_json::json!({ "purpose": purpose });
    let path = format!("/api/oauth/{vendor}/initiate/");
    let begun = service.sends(token, "POST", &path, body).is(200);
    begun["authorization_url"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// Fills the page in; where the browser is sent next.
#[track_caller]
pub(crate) fn consent(service: &Service, page: &Url, choice: Choice<'_>) -> Url {
    let host = format!("{}:{}", page.host_str().unwrap(), page.port().unwrap());
    let path = format!("{}?{}", page.path(), page.query().unwrap_or_default());
    let shown = exchange(&host, "GET", &path, &Asking::default(), None);
    assert_eq!(shown.status, 200, "{}", shown.text);
    let action = attribute(&shown.text, "action=\"").next().unwrap_or(path);
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for input in shown.text.split("<input ").skip(1) {
        let name = attribute(input, "name=\"").next().unwrap_or_default();
        let value = attribute(input, "value=\"").next().unwrap_or_default();
        if input.starts_with("type=\"hidden\"") {
            form.append_pair(&name, &value);
        }
        let is_unticked = choice.unticks.is_some_and(|scope| value.ends_with(scope));
        if input.starts_with("type=\"checkbox\"") && !is_unticked {
            form.append_pair(&name, &value);
        }
    }
    form.append_pair("account", choice.account);
    form.append_pair("password", &password(service, choice.account));
    form.append_pair("decision", if choice.denies { "deny" } else { "allow" });
    let form = form.finish();
    let asking = Asking {
        headers: vec![(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )],
        ..Asking::default()
    };
    let action = page.join(&action).unwrap();
    let path = match action.query() {
        Some(query) => format!("{}?{query}", action.path()),
        None => action.path().to_owned(),
    };
    let answer = exchange(&host, "POST", &path, &asking, Some(&form));
    let location = answer
        .header("location")
        .unwrap_or_else(|| panic!("{} {}", answer.status, answer.text));
    location.parse().unwrap()
}

/// Of an account at the sandbox's Google or Microsoft.
fn password(service: &Service, account: &str) -> String {
    let sandbox = &service.told()["sandbox"];
    let people = ["google", "microsoft"].map(|vendor| sandbox[vendor]["users"].as_array().unwrap());
    let mut known = people.iter().copied().flatten();
    let person = known.find(|person| person["email"] == account);
    person.unwrap()["password"].as_str().unwrap().to_owned()
}

/// Goes where the vendor sends the browser, as nobody in particular.
#[track_caller]
pub(crate) fn come_back(service: &Service, back: &Url) -> Answer {
    come_back_as(service, back, &Asking::default())
}

/// Goes there as somebody.
#[track_caller]
pub(crate) fn come_back_as(service: &Service, back: &Url, asking: &Asking<'_>) -> Answer {
    assert_eq!(
        format!("{}:{}", back.host_str().unwrap(), back.port().unwrap()),
        service.host()
    );
    let path = format!("{}?{}", back.path(), back.query().unwrap_or_default());
    service.asks("GET", &path, asking)
}

/// Connects an account, all the way.
#[track_caller]
pub(crate) fn connect(service: &Service, token: &str, vendor: &str, account: &str) -> Answer {
    let page = begin(service, token, vendor, "calendar");
    let choice = Choice {
        account,
        ..Choice::default()
    };
    come_back_as(service, &consent(service, &page, choice), &as_(token))
}

/// The values of an attribute, with what stands for special characters put back.
fn attribute<'a>(html: &'a str, opening: &'a str) -> impl Iterator<Item = String> + 'a {
    html.split(opening).skip(1).map(|rest| {
        let end = rest.find('"').unwrap_or(rest.len());
        rest[..end]
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    })
}
