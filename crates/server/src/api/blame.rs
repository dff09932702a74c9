//! What is told of input that cannot be read: which field, and what was expected there. Never what came: that may be a password
//! in the wrong place, or of the wrong type.

use super::error::ApiError;

/// The longest name of a field that is told. Ours are shorter, and what comes from outside may be as long as a body.
const FIELD_CHARS_MAX: usize = 64;

/// How a time looks.
const A_TIME: &str = "a time such as 2026-12-01T09:00:00Z";

/// What the parser of times says it failed at.
const ABOUT_TIMES: [&str; 8] = [
    "timestamp",
    "date",
    "time",
    "year",
    "month",
    "day",
    "hour",
    "offset",
];

/// What is wrong with some input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blame {
    /// The field that is to blame, with those that it lies in; none where it is the whole.
    field: Option<String>,
    /// What is wrong with it.
    problem: String,
}

/// Reads the message of a parser: `path` is where it stood, `.` at the whole.
pub(super) fn blame(path: &str, message: &str) -> Blame {
    let message = without_place(message);
    let (field, problem) = if let Some(name) = quoted(message, "missing field `", "`") {
        (Some(within(path, name)), "it is missing".to_owned())
    } else if let Some(name) = quoted(message, "duplicate field `", "`") {
        (Some(within(path, name)), "it is there twice".to_owned())
    } else if let Some((name, known)) = unknown(message, "unknown field `") {
        let there = format!("there is no such field; {known}");
        (Some(beside(path, name)), there)
    } else if let Some((_, known)) = unknown(message, "unknown variant `") {
        (own(path), known)
    } else {
        (own(path), expected(message))
    };
    let field = field.filter(|field| field.chars().count() <= FIELD_CHARS_MAX);
    Blame { field, problem }
}

impl Blame {
    /// As an error about a request's body or query, which is what `whole` is called.
    pub(super) fn told(self, whole: &str) -> ApiError {
        match self.field {
            Some(field) => ApiError::field(&field, self.problem),
            None => ApiError::invalid(format!("{whole}: {}", self.problem)),
        }
    }
}

/// The message without the line and column that `serde_json` adds. They would tell nothing that the field does not.
fn without_place(message: &str) -> &str {
    let place = |rest: &str| {
        let (line, column) = rest.split_once(" column ")?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number(line) && is_number(column)).then_some(())
    };
    match message.rsplit_once(" at line ") {
        Some((before, rest)) if place(rest).is_some() => before,
        Some(_) | None => message,
    }
}

fn quoted<'m>(message: &'m str, before: &str, after: &str) -> Option<&'m str> {
    message.strip_prefix(before)?.strip_suffix(after)
}

/// The name that is not known, and a sentence on those that are.
fn unknown<'m>(message: &'m str, before: &str) -> Option<(&'m str, String)> {
    let rest = message.strip_prefix(before)?;
    // What is known comes last, and is ours: what stands before it may say anything.
    if let Some((name, known)) = rest.rsplit_once("`, expected ") {
        return Some((name, format!("expected {known}")));
    }
    let (name, _) = rest.rsplit_once("`, there are no ")?;
    Some((name, "expected none".to_owned()))
}

/// What was expected, in words that are not Rust's.
fn expected(message: &str) -> String {
    let known = ["invalid type: ", "invalid value: ", "invalid length "];
    if known.iter().any(|start| message.starts_with(start))
        && let Some((_, wanted)) = message.rsplit_once(", expected ")
    {
        return format!("expected {}", spoken(wanted));
    }
    // What parsers of single values say quotes them, so it is only looked at.
    let is_about = |word: &str| message.contains(word);
    if is_about("provided string was not `true` or `false`") {
        "expected `true` or `false`".to_owned()
    } else if is_about("digit found in string")
        || is_about("number too ")
        || is_about("integer from empty")
    {
        "expected a whole number".to_owned()
    } else if is_about("float") {
        "expected a number".to_owned()
    } else if is_about("UUID") {
        "expected an id".to_owned()
    } else if ABOUT_TIMES.iter().any(|word| is_about(word)) {
        format!("expected {A_TIME}")
    } else {
        "it cannot be read".to_owned()
    }
}

fn spoken(wanted: &str) -> &str {
    match wanted {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "a timestamp string" => A_TIME,
        "a formatted UUID string" => "an id",
        wanted if wanted.starts_with("struct ") => "an object",
        wanted if wanted.starts_with("enum ") || wanted == "string or map" => "a string",
        wanted => wanted,
    }
}

fn own(path: &str) -> Option<String> {
    (path != ".").then(|| path.to_owned())
}

/// A member of what stands at a path.
fn within(path: &str, name: &str) -> String {
    own(path).map_or_else(|| name.to_owned(), |path| format!("{path}.{name}"))
}

/// A member that was not expected: parsers tell it as the path, or what it stands in.
fn beside(path: &str, name: &str) -> String {
    let is_told = path == name || path.ends_with(&format!(".{name}"));
    if is_told {
        path.to_owned()
    } else {
        within(path, name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use kalends_calendar::ids::LinkId;
    use secrecy::SecretString;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::super::error::ApiError;
    use super::super::input::{read_json, read_query};

    /// A value that may be a password, and must not come back.
    const SECRET: &str = "S3cret, expected a string at line 1 column 2";

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        One,
        Other,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "it is only ever read")]
        deep: bool,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Wish {
        password: Option<SecretString>,
        choice: Option<Choice>,
        count: Option<u8>,
        share: Option<f64>,
        is_so: Option<bool>,
        at: Option<Timestamp>,
        link: Option<LinkId>,
        list: Option<Vec<String>>,
        map: Option<BTreeMap<String, bool>>,
        inner: Option<Inner>,
    }

    /// The error, and its field, of a body.
    fn of_body(body: &Value) -> (String, Option<String>) {
        told(&read_json::<Wish>(body.to_string().as_bytes()).unwrap_err())
    }

    /// The same of a query.
    fn of_query(query: &str) -> (String, Option<String>) {
        let uri = format!("/?{query}").parse().unwrap();
        told(&read_query::<Wish>(&uri).unwrap_err())
    }

    fn told(error: &ApiError) -> (String, Option<String>) {
        let text = error.text().to_owned();
        assert!(!text.contains("S3cret"), "{text}");
        assert!(!text.contains("48151623"), "{text}");
        (text, error.named_field())
    }

    #[test]
    fn a_value_in_the_wrong_place_is_told_by_what_was_expected_there() {
        for (body, field, error) in [
            (
                json!({ "password": 48_151_623 }),
                "password",
                "password: expected a string",
            ),
            (
                json!({ "password": 48_151_623.5 }),
                "password",
                "password: expected a string",
            ),
            (
                json!({ "password": [SECRET] }),
                "password",
                "password: expected a string",
            ),
            (
                json!({ "password": { "S3cret": 1 } }),
                "password",
                "password: expected a string",
            ),
            (
                json!({ "choice": SECRET }),
                "choice",
                "choice: expected `one` or `other`",
            ),
            (
                json!({ "count": SECRET }),
                "count",
                "count: expected a whole number",
            ),
            (
                json!({ "count": 48_151_623 }),
                "count",
                "count: expected a whole number",
            ),
            (
                json!({ "share": SECRET }),
                "share",
                "share: expected a number",
            ),
            (
                json!({ "is_so": SECRET }),
                "is_so",
                "is_so: expected a boolean",
            ),
            (
                json!({ "at": SECRET }),
                "at",
                "at: expected a time such as 2026-12-01T09:00:00Z",
            ),
            (
                json!({ "at": 48_151_623 }),
                "at",
                "at: expected a time such as 2026-12-01T09:00:00Z",
            ),
            (json!({ "link": SECRET }), "link", "link: expected an id"),
            (json!({ "list": SECRET }), "list", "list: expected a list"),
            (
                json!({ "list": ["", 48_151_623] }),
                "list[1]",
                "list[1]: expected a string",
            ),
            (json!({ "map": SECRET }), "map", "map: expected an object"),
            (
                json!({ "map": { "is_so": SECRET } }),
                "map.is_so",
                "map.is_so: expected a boolean",
            ),
            (
                json!({ "inner": SECRET }),
                "inner",
                "inner: expected an object",
            ),
            (
                json!({ "inner": { "deep": SECRET } }),
                "inner.deep",
                "inner.deep: expected a boolean",
            ),
            (
                json!({ "inner": {} }),
                "inner.deep",
                "inner.deep: it is missing",
            ),
        ] {
            assert_eq!(
                of_body(&body),
                (error.to_owned(), Some(field.to_owned())),
                "{body}"
            );
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_named_unless_it_is_no_name() {
        let (error, field) = of_body(&json!({ "inner": { "deeep": true } }));
        assert_eq!(
            error,
            "inner.deeep: there is no such field; expected `deep`"
        );
        assert_eq!(field.unwrap(), "inner.deeep");
        let (error, field) = of_body(&json!({ "pasword": SECRET }));
        assert!(
            error.starts_with(
                "pasword: there is no such field; expected one of `password`, `choice`"
            ),
            "{error}"
        );
        assert_eq!(field.unwrap(), "pasword");
        let (error, field) = of_body(&json!({ "x".repeat(10_000): 1 }));
        assert!(
            error.starts_with("The body: there is no such field; expected one of `password`"),
            "{error}"
        );
        assert_eq!(field, None);
    }

    #[test]
    fn text_that_is_no_json_is_told_by_its_place() {
        let (error, _) = of_body(&json!({ "choice": 48_151_623 }));
        assert_eq!(error, "The body: expected value at line 1 column 11");
        let error = read_json::<Wish>(b"{\"password\": S3cret}").unwrap_err();
        assert_eq!(
            told(&error).0,
            "The body: expected value at line 1 column 14"
        );
        let error = read_json::<Wish>(b"[\"S3cret\"]").unwrap_err();
        assert_eq!(told(&error).0, "The body: expected a JSON object.");
    }

    #[test]
    fn the_same_holds_for_a_query() {
        for (query, field, error) in [
            (
                "choice=S3cret",
                "choice",
                "choice: expected `one` or `other`",
            ),
            (
                "choice=S3cret`,%20expected%20S3cret",
                "choice",
                "choice: expected `one` or `other`",
            ),
            ("count=S3cret", "count", "count: expected a whole number"),
            ("count=48151623", "count", "count: expected a whole number"),
            ("count=", "count", "count: expected a whole number"),
            ("share=S3cret", "share", "share: expected a number"),
            ("is_so=S3cret", "is_so", "is_so: expected `true` or `false`"),
            (
                "at=S3cret",
                "at",
                "at: expected a time such as 2026-12-01T09:00:00Z",
            ),
            ("link=S3cret", "link", "link: expected an id"),
            ("is_so=true&is_so=true", "is_so", "is_so: it is there twice"),
        ] {
            assert_eq!(
                of_query(query),
                (error.to_owned(), Some(field.to_owned())),
                "{query}"
            );
        }
        let (error, field) = of_query("pass:%20word=S3cret");
        assert!(
            error.starts_with("pass: word: there is no such field; expected one of"),
            "{error}"
        );
        assert_eq!(field.unwrap(), "pass: word");
    }
}
