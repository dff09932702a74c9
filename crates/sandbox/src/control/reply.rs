//! What an operator's doors take and give: JSON, and refusals that name the field.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A request for an operator's door.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    /// What time it is in the world.
    pub(super) now: Timestamp,
}

/// What a door answers where all is well.
#[derive(Clone, Debug)]
pub(super) struct Done {
    status: StatusCode,
    value: Value,
}

/// Why a door does nothing.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    status: StatusCode,
    /// The field that is wrong, as a path into the body or the name of a parameter.
    field: Option<String>,
    /// A sentence for people.
    error: String,
}

impl Done {
    pub(super) fn ok(value: Value) -> Self {
        Self {
            status: StatusCode::OK,
            value,
        }
    }

    /// The same with one more member.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.value[name] = value;
        self
    }

    pub(super) fn made(value: Value) -> Self {
        Self {
            status: StatusCode::CREATED,
            value,
        }
    }
}

impl Refused {
    /// A field says something that cannot be.
    pub(super) fn field(field: &str, error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            field: Some(field.to_owned()),
            error: error.into(),
        }
    }

    /// What a field names is not there.
    pub(super) fn unknown(field: &str, error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::field(field, error)
        }
    }

    /// The same, where the field is within another.
    pub(super) fn within(mut self, outer: &str) -> Self {
        self.field = self.field.map(|field| format!("{outer}.{field}"));
        self
    }

    /// There is no such door.
    pub(super) fn no_door(path: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            field: None,
            error: format!("There is nothing at {path}. GET /_sandbox/ lists what there is."),
        }
    }

    /// A page of another site asks, by the browser of somebody who does not know.
    pub(super) fn from_elsewhere() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            field: None,
            error: "A page of another site asks for this. These doors are for programs and for the sandbox's own pages."
                .to_owned(),
        }
    }

    /// The door is there, and does something else.
    pub(super) fn method(methods: &[&str]) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            field: None,
            error: format!("Here one can {}.", methods.join(", ")),
        }
    }
}

impl Asked<'_> {
    /// The body, which must be what is expected and nothing more. An empty one is an empty object.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        let body = if self.body.is_empty() {
            b"{}"
        } else {
            self.body
        };
        let reader = &mut serde_json::Deserializer::from_slice(body);
        serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            let text = inner.to_string();
            // What is missing or unknown stands in the message, and not yet in the path.
            let named = text
                .split('`')
                .nth(1)
                .filter(|_| text.starts_with("unknown field") || text.starts_with("missing field"));
            let field = match (path.as_str(), named) {
                (".", Some(named)) => named.to_owned(),
                (".", None) => "body".to_owned(),
                (path, Some(named)) if path.ends_with(named) => path.to_owned(),
                (path, Some(named)) => format!("{path}.{named}"),
                (path, None) => path.to_owned(),
            };
            Refused::field(&field, text)
        })
    }

    /// A parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let spaced = value.replace('+', " ");
            let decoded = percent_encoding::percent_decode_str(&spaced);
            (key == name).then(|| decoded.decode_utf8_lossy().into_owned())
        })
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refused> {
        self.parameter(name)
            .map(|text| {
                let wrong = |_| Refused::field(name, format!("{text:?} is not a whole number."));
                text.parse().map_err(wrong)
            })
            .transpose()
    }
}

/// The answer as it goes out.
pub(super) fn respond(result: Result<Done, Refused>) -> Response<Bytes> {
    let (status, value) = match result {
        Ok(done) => (done.status, done.value),
        Err(refused) => {
            let mut value = json!({ "error": refused.error });
            if let Some(field) = refused.field {
                value["field"] = field.into();
            }
            (refused.status, value)
        }
    };
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
