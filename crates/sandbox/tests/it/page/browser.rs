//! A browser without scripts: it opens pages, follows links and redirects, fills forms in and sends them.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;
use kalends_sandbox::{Outcome, World, control};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const HOST: &str = "sandbox.example.com";

pub(crate) struct Browser<'w> {
    pub(crate) world: &'w mut World,
    pub(crate) now: Timestamp,
}

/// A page as it arrived.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Where it is, after redirects.
    pub(crate) path: String,
}

/// A form as it stands in a page, with what is filled in.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl<'w> Browser<'w> {
    pub(crate) fn new(world: &'w mut World, now: Timestamp) -> Self {
        Self { world, now }
    }

    pub(crate) fn open(&mut self, path: &str) -> Sight {
        let mut path = path.to_owned();
        loop {
            let sight = self.ask("GET", &path, &[], "");
            match sight.headers.get("location") {
                Some(next) => next.to_str().expect("an address").clone_into(&mut path),
                None => return sight,
            }
        }
    }

    /// Sends a form, and follows to where it leads.
    pub(crate) fn send(&mut self, form: &Form) -> Sight {
        let headers = [("sec-fetch-site", "same-origin")];
        let sight = self.ask("POST", &form.action, &headers, &form.written());
        match sight.headers.get("location") {
            Some(next) => {
                assert_eq!(sight.status, StatusCode::SEE_OTHER);
                let next = next.to_str().expect("an address").to_owned();
                self.open(&next)
            }
            None => sight,
        }
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Sight {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method"))
            .uri(path)
            .header("host", HOST);
        if method == "POST" {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .expect("a request");
        let exchange = control::exchange(self.world, &request, self.now);
        let Outcome::Answered(response) = exchange.outcome else {
            panic!("the page was struck");
        };
        Sight {
            status: response.status(),
            headers: response.headers().clone(),
            body: String::from_utf8_lossy(response.body()).into_owned(),
            path: path.to_owned(),
        }
    }
}

impl Sight {
    pub(crate) fn has(&self, piece: &str) -> bool {
        self.body.contains(piece)
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self
    }

    /// Where the first link leads that says this.
    #[track_caller]
    pub(crate) fn link(&self, told: &str) -> String {
        let mut links = self.body.split("<a ").skip(1);
        let found = links.find_map(|link| {
            let (inside, _) = link.split_once("</a>")?;
            let (head, text) = inside.split_once('>')?;
            plain(text)
                .contains(told)
                .then(|| attribute(head, "href"))?
        });
        found.unwrap_or_else(|| panic!("no link {told} in {}", self.body))
    }

    /// The form whose address ends so, with everything that a browser would send of it but its buttons.
    #[track_caller]
    pub(crate) fn form(&self, ends: &str) -> Form {
        let mut forms = self.body.split("<form ").skip(1);
        let found = forms.find_map(|form| {
            let (form, _) = form.split_once("</form>")?;
            let (head, inside) = form.split_once('>')?;
            let action = attribute(head, "action")?;
            let fields = fields(inside);
            action.ends_with(ends).then_some(Form { action, fields })
        });
        found.unwrap_or_else(|| panic!("no form {ends} in {}", self.body))
    }
}

impl Form {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(own, _)| own != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(own, _)| own == name);
        field.map(|(_, value)| value.as_str())
    }

    pub(crate) fn written(&self) -> String {
        let coded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> = self
            .fields
            .iter()
            .map(|(name, value)| format!("{}={}", coded(name), coded(value)))
            .collect();
        pairs.join("&")
    }
}

/// The fields of a form in order: what is hidden, typed, ticked and chosen.
fn fields(inside: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for tag in inside.split('<').skip(1) {
        let (head, text) = tag.split_once('>').unwrap_or((tag, ""));
        let name = attribute(head, "name").unwrap_or_default();
        let value = attribute(head, "value").unwrap_or_default();
        if head.starts_with("input ") {
            let box_ = head.contains("type=\"checkbox\"");
            if !box_ || head.ends_with(" checked") {
                fields.push((name, value));
            }
        } else if head.starts_with("textarea ") {
            let text = text.strip_prefix('\n').unwrap_or(text);
            fields.push((name, plain(text)));
        } else if head.starts_with("select ") {
            // The first option, until one says that it is selected.
            fields.push((name, String::new()));
        } else if head.starts_with("option ") && head.contains("value=") {
            let chosen = head.contains(" selected=");
            // Options of a list of proposals stand after an input, and are nobody's value.
            if let Some((_, known)) = fields.last_mut()
                && (chosen || (known.is_empty() && !inside.contains("<datalist")))
            {
                *known = value;
            }
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(plain(rest.split_once('"')?.0))
}

/// Text as it is read.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for piece in text.split_inclusive('>') {
        match piece.split_once('<') {
            Some((before, _)) => plain.push_str(before),
            None => plain.push_str(piece),
        }
    }
    plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
