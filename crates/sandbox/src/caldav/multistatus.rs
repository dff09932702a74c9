//! Answers: multistatus documents (RFC 4918 §13), errors with precondition elements, bare statuses.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::xml::{self, Name, Node};
use crate::quirks::XmlStyle;

/// A `DAV:multistatus` in the making.
#[derive(Debug)]
pub(crate) struct Multistatus {
    root: Node,
}

/// The properties of one resource, found and not found.
#[derive(Debug, Default)]
pub(crate) struct Props {
    pub(crate) found: Vec<Node>,
    pub(crate) missing: Vec<Name>,
}

impl Multistatus {
    pub(crate) fn new() -> Self {
        Self {
            root: Node::dav("multistatus"),
        }
    }

    /// A resource and its properties: one propstat for each status that has any.
    pub(crate) fn props(&mut self, href: String, props: Props) {
        let mut response = Node::dav("response").with([Node::dav("href").text(href)]);
        let missing: Vec<Node> = props
            .missing
            .iter()
            .map(|name| Node::new(&name.space, &name.local))
            .collect();
        if !props.found.is_empty() || missing.is_empty() {
            response
                .children
                .push(propstat(props.found, StatusCode::OK));
        }
        if !missing.is_empty() {
            response
                .children
                .push(propstat(missing, StatusCode::NOT_FOUND));
        }
        self.root.children.push(response);
    }

    /// A resource of which only a status is said.
    pub(crate) fn status(&mut self, href: String, status: StatusCode, error: Option<Node>) {
        let mut response = Node::dav("response").with([
            Node::dav("href").text(href),
            Node::dav("status").text(status_line(status)),
        ]);
        response
            .children
            .extend(error.map(|error| Node::dav("error").with([error])));
        self.root.children.push(response);
    }

    /// The token that continues this listing (RFC 6578 §6.2).
    pub(crate) fn sync_token(&mut self, token: String) {
        self.root.children.push(Node::dav("sync-token").text(token));
    }

    pub(crate) fn finish(self, style: XmlStyle) -> Response<Bytes> {
        document(StatusCode::MULTI_STATUS, &self.root, style)
    }
}

fn propstat(props: Vec<Node>, status: StatusCode) -> Node {
    Node::dav("propstat").with([
        Node::dav("prop").with(props),
        Node::dav("status").text(status_line(status)),
    ])
}

fn status_line(status: StatusCode) -> String {
    format!(
        "HTTP/1.1 {} {}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    )
}

fn document(status: StatusCode, root: &Node, style: XmlStyle) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(xml::write(root, style)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml; charset=utf-8"),
    );
    response
}

/// A failed precondition: `DAV:error` with its element (RFC 4918 §16).
pub(crate) fn error(status: StatusCode, condition: Node, style: XmlStyle) -> Response<Bytes> {
    document(status, &Node::dav("error").with([condition]), style)
}

/// sabre's way to say that something is wrong.
pub(crate) fn sabre_exception(status: StatusCode, message: &str) -> Response<Bytes> {
    let space = "http://sabredav.org/ns";
    let root = Node::dav("error").with([
        Node::new(space, "exception").text("Sabre\\DAV\\Exception\\BadRequest"),
        Node::new(space, "message").text(message),
    ]);
    document(status, &root, XmlStyle::Prefixes)
}

/// A status without a body.
pub(crate) fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Adds a header; a value that cannot stand in one is left out.
pub(crate) fn set(response: &mut Response<Bytes>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
