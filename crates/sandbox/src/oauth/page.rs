//! The pages that people see: a consent, a refusal, and a form that sends itself.

use std::fmt::Write as _;

use super::Person;
use crate::text::html::escaped;

/// The look of every page: readable on a phone, in the light and in the dark, by mouse and by keyboard.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1b1f;--dim:#55535b;--line:#c9c5d0;--paper:#fff;--ground:#f3f2f6;--accent:#2557c9;\
--on-accent:#fff;--bad:#b3261e}\
@media(prefers-color-scheme:dark){:root{--ink:#eceaf0;--dim:#b5b2bc;--line:#4d4a54;--paper:#212026;--ground:#131217;\
--accent:#a9c4ff;--on-accent:#0b2252;--bad:#ffb4ab}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\
main{max-width:28rem;margin:0 auto;padding:1.5rem;background:var(--paper)}\
@media(min-width:32rem){main{margin:3rem auto;padding:2rem;border:1px solid var(--line);border-radius:1rem}}\
.where{margin:0 0 1rem;color:var(--dim);font-size:.875rem}\
h1{margin:0 0 1rem;font-size:1.375rem;line-height:1.3;overflow-wrap:anywhere}\
fieldset{margin:0 0 1.25rem;padding:0;border:0;min-width:0}\
legend,.legend{padding:0;margin-bottom:.5rem;font-weight:600}\
label.row{display:flex;gap:.75rem;align-items:center;min-height:3rem;padding:.5rem .75rem;margin-bottom:.5rem;\
border:1px solid var(--line);border-radius:.5rem;cursor:pointer}\
label.row span{min-width:0;overflow-wrap:anywhere}\
small{display:block;color:var(--dim)}\
input[type=radio],input[type=checkbox]{flex:none;width:1.25rem;height:1.25rem;accent-color:var(--accent)}\
input[type=password]{display:block;width:100%;min-height:3rem;padding:0 .75rem;font:inherit;color:inherit;\
background:transparent;border:1px solid var(--dim);border-radius:.5rem}\
ul{margin:0 0 1.25rem;padding-left:1.25rem}\
.alert{margin:0 0 1rem;padding:.75rem;border:1px solid var(--bad);border-radius:.5rem;color:var(--bad)}\
.acts{display:flex;flex-wrap:wrap;gap:.75rem}\
button{min-height:3rem;padding:0 1.5rem;font:inherit;font-weight:600;color:var(--accent);background:transparent;\
border:1px solid var(--accent);border-radius:1.5rem;cursor:pointer}\
button.main{color:var(--on-accent);background:var(--accent)}\
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}\
code{overflow-wrap:anywhere}";

/// What a consent page shows.
pub(crate) struct Consent<'a> {
    /// Whose page it is, such as `Google`.
    pub(crate) provider: &'a str,
    /// Where the form goes: a path.
    pub(crate) action: &'a str,
    /// What it says, with the client's name.
    pub(crate) heading: String,
    /// What went wrong before.
    pub(crate) alert: Option<&'a str>,
    /// What the form carries along unseen.
    pub(crate) carried: Vec<(&'a str, &'a str)>,
    /// Who can be chosen.
    pub(crate) people: Vec<&'a Person>,
    /// Who is chosen when the page opens. Where there is only one, it is that one.
    pub(crate) chosen: Option<&'a str>,
    /// Whether a password is asked for.
    pub(crate) asks_password: bool,
    /// What the client would be able to do.
    pub(crate) scopes: Vec<Line<'a>>,
    /// The words on the button that agrees, and on the one that does not.
    pub(crate) buttons: [&'a str; 2],
}

/// A scope on a consent page.
pub(crate) struct Line<'a> {
    pub(crate) scope: &'a str,
    pub(crate) told: &'a str,
    /// Whether it can be unticked.
    pub(crate) tickable: bool,
}

/// The page on which a person chooses an account, and agrees or does not.
pub(crate) fn consent(page: &Consent<'_>) -> String {
    let mut body = String::new();
    let _ = write!(
        body,
        "<p class=\"where\">{} sign-in of the Kalends sandbox</p><h1>{}</h1>",
        escaped(page.provider),
        escaped(&page.heading)
    );
    if let Some(alert) = page.alert {
        let _ = write!(
            body,
            "<p class=\"alert\" role=\"alert\">{}</p>",
            escaped(alert)
        );
    }
    let _ = write!(
        body,
        "<form method=\"post\" action=\"{}\">",
        escaped(page.action)
    );
    for (name, value) in &page.carried {
        hidden(&mut body, name, value);
    }
    body.push_str("<fieldset><legend>Choose an account</legend>");
    for person in &page.people {
        let chosen = page.chosen == Some(&person.email) || page.people.len() == 1;
        let checked = if chosen { " checked" } else { "" };
        let _ = write!(
            body,
            "<label class=\"row\"><input type=\"radio\" name=\"account\" value=\"{email}\" required{checked}>\
             <span>{name}<small>{email}</small></span></label>",
            email = escaped(&person.email),
            name = escaped(&person.name),
        );
    }
    if page.people.is_empty() {
        body.push_str("<p>Nobody has an account here.</p>");
    }
    body.push_str("</fieldset>");
    if page.asks_password {
        body.push_str(
            "<fieldset><label class=\"legend\" for=\"password\">Password</label>\
             <input type=\"password\" id=\"password\" name=\"password\" autocomplete=\"current-password\" required>\
             </fieldset>",
        );
    }
    scopes(&mut body, &page.scopes);
    // The first button is the one that the Enter key presses.
    let [agree, refuse] = page.buttons.map(escaped);
    let _ = write!(
        body,
        "<div class=\"acts\"><button class=\"main\" name=\"decision\" value=\"allow\">{agree}</button>\
         <button name=\"decision\" value=\"deny\" formnovalidate>{refuse}</button></div></form>"
    );
    whole(&format!("Sign in - {}", page.provider), &body)
}

/// First what goes without saying, then what can be unticked.
fn scopes(body: &mut String, lines: &[Line<'_>]) {
    let (tickable, fixed): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.tickable);
    if !fixed.is_empty() {
        body.push_str("<p class=\"legend\">It will be able to</p><ul>");
        for line in fixed {
            let _ = write!(body, "<li>{}</li>", escaped(line.told));
        }
        body.push_str("</ul>");
    }
    if !tickable.is_empty() {
        body.push_str("<fieldset><legend>Select what it may do</legend>");
        for line in tickable {
            let _ = write!(
                body,
                "<label class=\"row\"><input type=\"checkbox\" name=\"granted\" value=\"{scope}\" checked>\
                 <span>{}<small>{scope}</small></span></label>",
                escaped(line.told),
                scope = escaped(line.scope),
            );
        }
        body.push_str("</fieldset>");
    }
}

/// The page that says why nothing goes on. The browser is not sent back to the client.
pub(crate) fn refusal(heading: &str, code: &str, told: &str) -> String {
    let body = format!(
        "<h1>{}</h1><p><code>{}</code></p><p>{}</p>",
        escaped(heading),
        escaped(code),
        escaped(told)
    );
    whole(heading, &body)
}

/// The page that sends an answer to the client as a form (OAuth 2.0 Form Post Response Mode).
pub(crate) fn form_post(redirect: &str, pairs: &[(&str, String)]) -> String {
    let mut body = format!(
        "<h1>One moment</h1><form method=\"post\" action=\"{}\">",
        escaped(redirect)
    );
    for (name, value) in pairs {
        hidden(&mut body, name, value);
    }
    body.push_str(
        "<noscript><div class=\"acts\"><button class=\"main\">Continue</button></div></noscript></form>\
         <script>document.forms[0].submit()</script>",
    );
    whole("One moment", &body)
}

fn hidden(body: &mut String, name: &str, value: &str) {
    let _ = write!(
        body,
        "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
        escaped(name),
        escaped(value)
    );
}

fn whole(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        escaped(title)
    )
}
