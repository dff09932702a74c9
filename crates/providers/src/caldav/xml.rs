//! Reading the XML of `WebDAV` (RFC 4918 §13, §14): multistatus answers and error bodies, by namespace and never by prefix.

use kalends_calendar::failure::Failure;
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::refusal::scrubbed;

/// The deepest nesting that is read. Privilege sets, the deepest we ask for, need nine.
const DEPTH_MAX: usize = 32;

/// The most elements below one child of the root. A response with all properties we ask for has a hundred.
const ELEMENTS_MAX: usize = 20_000;

/// The namespaces that mean something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ns {
    /// `DAV:`
    Dav,
    /// `urn:ietf:params:xml:ns:caldav`
    CalDav,
    /// `http://calendarserver.org/ns/`
    CalendarServer,
    /// `http://apple.com/ns/ical/`
    Apple,
    /// `http://sabredav.org/ns`: the words of sabre/dav's errors.
    Sabre,
    /// Any other, or none.
    Other,
}

/// An element with what matters of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) ns: Ns,
    pub(crate) name: Box<str>,
    /// The attribute `name` (of `CALDAV:comp`).
    pub(crate) name_attribute: Option<Box<str>>,
    /// Its own text, pieces joined.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

/// One `DAV:response` of a multistatus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As the server wrote it.
    pub(crate) href: String,
    /// The status of the whole response, where it has one instead of properties.
    pub(crate) status: Option<u16>,
    /// Properties, each with the status of its propstat.
    pub(crate) properties: Vec<(u16, Element)>,
    /// What a failed response says in words, or by its precondition.
    pub(crate) words: Option<String>,
}

/// What an error body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    /// The preconditions that did not hold.
    pub(crate) conditions: Vec<(Ns, Box<str>)>,
    /// The href inside `no-uid-conflict`.
    pub(crate) holder: Option<String>,
    /// The server's words, where there are some for people.
    pub(crate) words: Option<String>,
    /// Whether it begins as `WebDAV` and cannot be read to its end: why the server refuses is not known.
    pub(crate) cut: bool,
}

impl Element {
    pub(crate) fn is(&self, ns: Ns, name: &str) -> bool {
        self.ns == ns && &*self.name == name
    }

    pub(crate) fn child(&self, ns: Ns, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.is(ns, name))
    }

    /// The texts of all `DAV:href` children.
    pub(crate) fn hrefs(&self) -> impl Iterator<Item = &str> {
        self.children
            .iter()
            .filter(|child| child.is(Ns::Dav, "href"))
            .map(|child| child.text.trim())
            .filter(|href| !href.is_empty())
    }
}

impl Entry {
    /// A property that the server has (its propstat says 200).
    pub(crate) fn property(&self, ns: Ns, name: &str) -> Option<&Element> {
        self.properties
            .iter()
            .find(|(status, property)| *status == 200 && property.is(ns, name))
            .map(|(_, property)| property)
    }

    /// The text of a property that the server has.
    pub(crate) fn text(&self, ns: Ns, name: &str) -> Option<&str> {
        let text = self.property(ns, name)?.text.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Whether its resource type names something.
    pub(crate) fn is_a(&self, ns: Ns, name: &str) -> bool {
        self.property(Ns::Dav, "resourcetype")
            .is_some_and(|kind| kind.child(ns, name).is_some())
    }

    fn from_element(response: Element) -> Option<Self> {
        let mut entry = Self::default();
        for child in response.children {
            if child.ns != Ns::Dav {
                continue;
            }
            match &*child.name {
                "href" if entry.href.is_empty() => child.text.trim().clone_into(&mut entry.href),
                "status" => entry.status = status_code(&child.text),
                "propstat" => {
                    let status = child
                        .child(Ns::Dav, "status")
                        .and_then(|status| status_code(&status.text))
                        .unwrap_or(0);
                    let properties = child
                        .children
                        .into_iter()
                        .filter(|part| part.is(Ns::Dav, "prop"))
                        .flat_map(|prop| prop.children);
                    entry
                        .properties
                        .extend(properties.map(|property| (status, property)));
                }
                "responsedescription" => entry.words = Some(child.text.trim().to_owned()),
                "error" if entry.words.is_none() => {
                    entry.words = child.children.first().map(|cause| cause.name.to_string());
                }
                _ => {}
            }
        }
        (!entry.href.is_empty()).then_some(entry)
    }
}

/// Reads a multistatus, handing over one response after the other; answers its sync token.
/// What was handed over counts only when the whole document was sound.
pub(crate) fn each_response(
    body: &[u8],
    mut take: impl FnMut(Entry),
) -> Result<Option<String>, Failure> {
    let mut token = None;
    let mut nameless = false;
    each_child(body, "multistatus", |child| {
        if child.is(Ns::Dav, "response") {
            match Entry::from_element(child) {
                Some(entry) => take(entry),
                None => nameless = true,
            }
        } else if child.is(Ns::Dav, "sync-token") {
            token = Some(child.text.trim().to_owned()).filter(|token| !token.is_empty());
        }
    })?;
    if nameless {
        return Err(Failure::protocol(
            "The server's answer has a response without href",
        ));
    }
    Ok(token)
}

/// Reads a multistatus whole.
pub(crate) fn responses(body: &[u8]) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    each_response(body, |entry| entries.push(entry))?;
    Ok(entries)
}

/// Reads what an error answer says, as far as it says it in XML. Never fails: an error without words is one too.
pub(crate) fn error_body(body: &[u8]) -> ErrorBody {
    let mut said = ErrorBody::default();
    let read = each_child(body, "error", |child| {
        if child.ns == Ns::Sabre {
            if &*child.name == "message" {
                said.words = Some(child.text.trim().to_owned());
            }
            return;
        }
        if child.is(Ns::CalDav, "no-uid-conflict") {
            said.holder = child.hrefs().next().map(str::to_owned);
        }
        said.conditions.push((child.ns, child.name));
    });
    if read.is_err() {
        return ErrorBody {
            words: plain_words(body),
            cut: is_webdav(body),
            ..ErrorBody::default()
        };
    }
    said
}

impl ErrorBody {
    pub(crate) fn names(&self, ns: Ns, name: &str) -> bool {
        self.conditions
            .iter()
            .any(|(its_ns, its_name)| *its_ns == ns && &**its_name == name)
    }
}

fn is_webdav(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start();
    text.starts_with("<?") || (text.starts_with('<') && text.contains("\"DAV:\""))
}

/// A short plain-text body, for people; a page of HTML is not.
fn plain_words(body: &[u8]) -> Option<String> {
    const WORDS_BYTES_MAX: usize = 300;
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_plain = !text.is_empty() && text.len() <= WORDS_BYTES_MAX && !text.contains('<');
    is_plain.then(|| text.to_owned())
}

/// The code in `HTTP/1.1 404 Not Found`.
fn status_code(line: &str) -> Option<u16> {
    line.split_ascii_whitespace()
        .find_map(|word| word.parse().ok().filter(|code| (100..600).contains(code)))
}

/// Walks a document with the given root in `DAV:` and hands over each child of the root with all below it.
fn each_child(body: &[u8], root: &str, mut take: impl FnMut(Element)) -> Result<(), Failure> {
    let text = std::str::from_utf8(body).map_err(|_| wrong("it is not UTF-8"))?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    let mut root_seen = false;
    let mut root_closed = false;
    let mut elements = 0_usize;
    loop {
        let (ns, event) = reader
            .read_resolved_event()
            .map_err(|error| wrong(&error.to_string()))?;
        match event {
            Event::Start(_) | Event::Empty(_) if root_closed => {
                return Err(wrong("it goes on after its end"));
            }
            Event::Start(start) => {
                let element = element(namespace(&ns), &start)?;
                if root_seen {
                    elements += 1;
                    if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX {
                        return Err(wrong("it is nested beyond reason"));
                    }
                    open.push(element);
                } else if element.is(Ns::Dav, root) {
                    root_seen = true;
                } else {
                    return Err(wrong(&format!("it is a {}, not a {root}", element.name)));
                }
            }
            Event::Empty(start) => {
                let element = element(namespace(&ns), &start)?;
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err(wrong("it is nested beyond reason"));
                }
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None if root_seen => take(element),
                    None if element.is(Ns::Dav, root) => {
                        root_seen = true;
                        root_closed = true;
                    }
                    None => return Err(wrong(&format!("it is a {}, not a {root}", element.name))),
                }
            }
            Event::End(_) => match (open.pop(), open.last_mut()) {
                (Some(element), Some(parent)) => parent.children.push(element),
                (Some(element), None) => {
                    elements = 0;
                    take(element);
                }
                (None, _) => root_closed = true,
            },
            Event::Text(piece) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&piece);
                }
            }
            Event::CData(piece) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&piece);
                }
            }
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character,
                    Ok(None) => named_character(&reference)
                        .ok_or_else(|| wrong("it uses an unknown entity"))?,
                    Err(error) => return Err(wrong(&error.to_string())),
                };
                if let Some(element) = open.last_mut() {
                    element.text.push(character);
                }
            }
            // Entities of one's own are how small documents become large ones.
            Event::DocType(_) => return Err(wrong("it has a document type")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if root_closed => return Ok(()),
            Event::Eof => return Err(wrong("it ends too early")),
        }
    }
}

fn element(ns: Ns, start: &BytesStart<'_>) -> Result<Element, Failure> {
    let name_attribute = start
        .try_get_attribute("name")
        .map_err(|error| wrong(&error.to_string()))?
        .map(|attribute| Box::from(&*attribute.value));
    Ok(Element {
        ns,
        name: Box::from(start.local_name().as_ref()),
        name_attribute,
        text: String::new(),
        children: Vec::new(),
    })
}

fn namespace(resolved: &ResolveResult<'_>) -> Ns {
    let ResolveResult::Bound(namespace) = resolved else {
        return Ns::Other;
    };
    match namespace.as_ref() {
        "DAV:" => Ns::Dav,
        "urn:ietf:params:xml:ns:caldav" => Ns::CalDav,
        "http://calendarserver.org/ns/" => Ns::CalendarServer,
        "http://apple.com/ns/ical/" => Ns::Apple,
        "http://sabredav.org/ns" => Ns::Sabre,
        _ => Ns::Other,
    }
}

fn named_character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// The reason may quote the server, whose names are as long as it likes.
fn wrong(why: &str) -> Failure {
    let why = scrubbed(why);
    Failure::protocol(format!("The server's answer is no WebDAV: {why}"))
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
