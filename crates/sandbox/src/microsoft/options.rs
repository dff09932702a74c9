//! The OData options of a listing: `$select`, `$expand`, `$filter`, `$orderby`, `$top`, `$skip`, `$count`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::asked::Query;
use super::edit::clean_uid;
use super::moment::query_instant;
use super::refusal::Refusal;
use super::switches::Switches;
use super::words::{EVENT_PROPERTIES, word};
use super::writing::property_id;

/// The options of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) select: Select,
    pub(crate) expand: Vec<Expand>,
    pub(crate) filter: Vec<Condition>,
    pub(crate) order: Vec<Order>,
    pub(crate) top: Option<usize>,
    pub(crate) skip: usize,
    pub(crate) count: bool,
}

/// Which properties are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Select {
    /// Those that are shown when nothing is said.
    #[default]
    Usual,
    /// Every one.
    All,
    /// These, and the id.
    Named(BTreeSet<String>),
}

/// What is shown along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expand {
    /// The extended properties with these ids.
    Extended(Vec<String>),
    /// The open extensions with one of these names, or all.
    Extensions(Option<Vec<String>>),
    /// The exceptions of a series, with these properties.
    Exceptions(Select),
    /// The calendar.
    Calendar,
    /// Something that no event of this server has.
    Nothing(&'static str),
}

/// What a listed event must fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `iCalUId eq`, without the date of an occurrence.
    Uid(String),
    /// `start/dateTime` or `end/dateTime`.
    Time {
        end: bool,
        is: Comparison,
        at: Timestamp,
    },
    /// `seriesMasterId eq`.
    Master(String),
    /// An extended property with this value.
    Extended { id: String, value: String },
    /// `type eq`.
    Kind(&'static str),
    /// `subject eq`.
    Subject(String),
    /// `startsWith(subject, ..)`.
    SubjectBegins(String),
}

/// How a time compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One key of `$orderby`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) by: OrderBy,
    pub(crate) descending: bool,
}

/// What a listing can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderBy {
    Start,
    End,
    Subject,
    Created,
    Modified,
}

/// How the one function begins that a filter may call.
const STARTS_WITH: &str = "startswith(";

const TYPES: &[&str] = &["singleInstance", "occurrence", "exception", "seriesMaster"];

impl Options {
    pub(crate) fn read(query: &Query, switches: &Switches) -> Result<Self, Refusal> {
        if query.get("$search").is_some() {
            return Err(Refusal::bad(
                "ErrorInvalidUrlQuery",
                "The query option '$search' is not supported.",
            ));
        }
        let number = |name: &str| match query.get(name) {
            None => Ok(None),
            Some(text) => text.parse::<usize>().map(Some).map_err(|_| {
                Refusal::bad(
                    "BadRequest",
                    format!("Invalid value '{text}' for {name} query option found."),
                )
            }),
        };
        let top = number("$top")?;
        if top.is_some_and(|top| top == 0 || top > switches.top_max) {
            return Err(Refusal::bad(
                "ErrorInvalidUrlQuery",
                format!(
                    "The value of $top must be between 1 and {}.",
                    switches.top_max
                ),
            ));
        }
        Ok(Self {
            select: query.get("$select").map_or(Ok(Select::Usual), select)?,
            expand: match query.get("$expand") {
                None => Vec::new(),
                Some(text) => split(text, ',')
                    .iter()
                    .map(|part| expand(part))
                    .collect::<Result<_, _>>()?,
            },
            filter: match query.get("$filter") {
                None => Vec::new(),
                Some(text) => filter(text)?,
            },
            order: match query.get("$orderby") {
                None => Vec::new(),
                Some(text) => text.split(',').map(order).collect::<Result<_, _>>()?,
            },
            top,
            skip: number("$skip")?.unwrap_or(0),
            count: query
                .get("$count")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }
}

impl Select {
    /// Whether a property is shown; `usually` when nothing was said.
    pub(crate) fn shows(&self, name: &str, usually: bool) -> bool {
        match self {
            Self::Usual => usually,
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }
}

impl Comparison {
    pub(crate) fn holds(self, left: Timestamp, right: Timestamp) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

fn select(text: &str) -> Result<Select, Refusal> {
    let mut names = BTreeSet::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        if name == "*" {
            return Ok(Select::All);
        }
        let top = name.split('/').next().unwrap_or(name);
        if !EVENT_PROPERTIES.iter().any(|(known, _)| *known == top) {
            return Err(no_such_property(top));
        }
        names.insert(top.to_owned());
    }
    Ok(Select::Named(names))
}

fn expand(part: &str) -> Result<Expand, Refusal> {
    let part = part.trim();
    let (name, inner) = match part.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')').unwrap_or(rest)),
        None => (part, ""),
    };
    let inner: Vec<(String, String)> = split(inner, ';')
        .iter()
        .filter_map(|option| {
            let (name, value) = option.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect();
    let option = |name: &str| {
        inner
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    match name {
        "singleValueExtendedProperties" => {
            let ids = option("$filter").map_or(Ok(Vec::new()), ids_of)?;
            let ids: Option<Vec<String>> = ids.iter().map(|id| property_id(id)).collect();
            ids.map(Expand::Extended).ok_or_else(|| {
                Refusal::bad(
                    "ErrorInvalidProperty",
                    "The extended property id is invalid.",
                )
            })
        }
        "extensions" => Ok(Expand::Extensions(
            option("$filter").map(ids_of).transpose()?,
        )),
        "exceptionOccurrences" => {
            let select = option("$select").map_or(Ok(Select::Usual), select)?;
            Ok(Expand::Exceptions(select))
        }
        "calendar" => Ok(Expand::Calendar),
        "attachments" => Ok(Expand::Nothing("attachments")),
        "multiValueExtendedProperties" => Ok(Expand::Nothing("multiValueExtendedProperties")),
        other => Err(no_such_property(other)),
    }
}

/// The ids in `id eq 'a' or id eq 'b'`.
fn ids_of(text: &str) -> Result<Vec<String>, Refusal> {
    split_words(text, " or ")
        .iter()
        .map(|part| {
            let (left, is, right) = comparison(part)?;
            let literal = literal(&right).filter(|_| is == Comparison::Equal && left == "id");
            literal.ok_or_else(invalid_filter)
        })
        .collect()
}

fn filter(text: &str) -> Result<Vec<Condition>, Refusal> {
    split_words(text, " and ")
        .iter()
        .map(|part| condition(part))
        .collect()
}

fn condition(text: &str) -> Result<Condition, Refusal> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("singlevalueextendedproperties/any(") {
        return extended(text);
    }
    if lower.starts_with(STARTS_WITH) {
        let inside = text[STARTS_WITH.len()..].strip_suffix(')');
        return begins(inside.ok_or_else(invalid_filter)?);
    }
    if let Some(inner) = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        return condition(inner);
    }
    let (left, is, right) = comparison(text)?;
    let equal = || {
        if is == Comparison::Equal {
            literal(&right).ok_or_else(invalid_filter)
        } else {
            Err(invalid_filter())
        }
    };
    match left.to_ascii_lowercase().as_str() {
        "icaluid" => equal().map(|uid| Condition::Uid(clean_uid(&uid))),
        "seriesmasterid" => equal().map(Condition::Master),
        "subject" => equal().map(Condition::Subject),
        "type" => word(TYPES, &equal()?)
            .map(Condition::Kind)
            .ok_or_else(invalid_filter),
        "start/datetime" | "end/datetime" => Ok(Condition::Time {
            end: left.to_ascii_lowercase().starts_with("end"),
            is,
            at: query_instant("$filter", &right).map_err(|_| invalid_filter())?,
        }),
        _ => Err(invalid_filter()),
    }
}

/// What stands inside of `startsWith(subject, 'x')`. Case does not matter.
fn begins(inside: &str) -> Result<Condition, Refusal> {
    let (property, text) = inside.split_once(',').ok_or_else(invalid_filter)?;
    if !property.trim().eq_ignore_ascii_case("subject") {
        return Err(invalid_filter());
    }
    let text = literal(text.trim()).ok_or_else(invalid_filter)?;
    Ok(Condition::SubjectBegins(text.to_lowercase()))
}

/// `singleValueExtendedProperties/Any(ep: ep/id eq 'x' and ep/value eq 'y')`.
fn extended(text: &str) -> Result<Condition, Refusal> {
    let inner = text
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .and_then(|rest| rest.split_once(':'))
        .ok_or_else(invalid_filter)?;
    let (variable, conditions) = (inner.0.trim(), inner.1);
    let (mut id, mut value) = (None, None);
    for part in split_words(conditions, " and ") {
        let (left, is, right) = comparison(&part)?;
        let literal = literal(&right)
            .filter(|_| is == Comparison::Equal)
            .ok_or_else(invalid_filter)?;
        match left.strip_prefix(variable) {
            Some("/id") => id = property_id(&literal),
            Some("/value") => value = Some(literal),
            Some(_) | None => return Err(invalid_filter()),
        }
    }
    match (id, value) {
        (Some(id), Some(value)) => Ok(Condition::Extended { id, value }),
        _ => Err(invalid_filter()),
    }
}

fn comparison(text: &str) -> Result<(String, Comparison, String), Refusal> {
    let mut words = text.trim().splitn(3, ' ');
    let (Some(left), Some(is), Some(right)) = (words.next(), words.next(), words.next()) else {
        return Err(invalid_filter());
    };
    let is = match is {
        "eq" => Comparison::Equal,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        _ => return Err(invalid_filter()),
    };
    Ok((left.to_owned(), is, right.trim().to_owned()))
}

/// What stands between single quotes, in which two mean one.
fn literal(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let single = inner.replace("''", "");
    (!single.contains('\'')).then(|| inner.replace("''", "'"))
}

fn order(text: &str) -> Result<Order, Refusal> {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let by = match name.to_ascii_lowercase().as_str() {
        "start/datetime" => OrderBy::Start,
        "end/datetime" => OrderBy::End,
        "subject" => OrderBy::Subject,
        "createddatetime" => OrderBy::Created,
        "lastmodifieddatetime" => OrderBy::Modified,
        _ => return Err(no_such_property(name)),
    };
    match words.next() {
        None | Some("asc") => Ok(Order {
            by,
            descending: false,
        }),
        Some("desc") => Ok(Order {
            by,
            descending: true,
        }),
        Some(_) => Err(Refusal::bad("BadRequest", "Invalid $orderby query option.")),
    }
}

/// Splits where a letter stands outside quotes and parentheses.
fn split(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut depth) = (false, 0_usize);
    for letter in text.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if letter == at && !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Splits where a word stands outside quotes and parentheses.
fn split_words(text: &str, word: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut begin, mut quoted, mut depth) = (0, false, 0_usize);
    for (place, letter) in text.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ' ' if !quoted && depth == 0 && text[place..].starts_with(word) && place >= begin => {
                parts.push(text[begin..place].to_owned());
                begin = place + word.len();
            }
            _ => {}
        }
    }
    parts.push(text[begin.min(text.len())..].to_owned());
    parts
}

fn invalid_filter() -> Refusal {
    Refusal::bad(
        "ErrorInvalidUrlQueryFilter",
        "The query filter contains one or more invalid nodes.",
    )
}

fn no_such_property(name: &str) -> Refusal {
    Refusal::bad(
        "RequestBroker--ParseUri",
        format!("Could not find a property named '{name}' on type 'microsoft.graph.event'."),
    )
}
