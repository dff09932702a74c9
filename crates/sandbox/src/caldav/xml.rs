//! XML by its elements and namespaces: requests in, answers out.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{LocalName, ResolveResult};

use crate::quirks::XmlStyle;

/// `DAV:` (RFC 4918).
pub(crate) const DAV: &str = "DAV:";
/// The namespace of RFC 4791 and RFC 6638.
pub(crate) const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// The namespace of `getctag`.
pub(crate) const CS: &str = "http://calendarserver.org/ns/";
/// The namespace of `calendar-color`.
pub(crate) const ICAL: &str = "http://apple.com/ns/ical/";

const PREFIXES: [(&str, &str); 4] = [(DAV, "d"), (CALDAV, "cal"), (CS, "cs"), (ICAL, "ic")];

/// No request of these protocols nests deeper; the bound keeps hostile ones from growing a tree.
const DEPTH_MAX: usize = 32;

/// A qualified name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) space: String,
    pub(crate) local: String,
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: Name,
    /// Attributes without namespaces, as (name, value).
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
    /// All character data directly in it.
    pub(crate) text: String,
}

impl Node {
    /// An empty element.
    pub(crate) fn new(space: &str, local: &str) -> Self {
        let name = Name {
            space: space.to_owned(),
            local: local.to_owned(),
        };
        Self {
            name,
            attributes: Vec::new(),
            children: Vec::new(),
            text: String::new(),
        }
    }

    /// An empty element in `DAV:`.
    pub(crate) fn dav(local: &str) -> Self {
        Self::new(DAV, local)
    }

    /// An empty element of CalDAV.
    pub(crate) fn caldav(local: &str) -> Self {
        Self::new(CALDAV, local)
    }

    /// With this text in it.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// With these elements in it.
    pub(crate) fn with(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// With this attribute.
    pub(crate) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whether it has this name.
    pub(crate) fn is(&self, space: &str, local: &str) -> bool {
        self.name.space == space && self.name.local == local
    }

    /// The first child of this name.
    pub(crate) fn child(&self, space: &str, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(space, local))
    }

    /// An attribute's value.
    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(name, _)| name == attribute)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads a document's root element; none when it is not well-formed or uses an undeclared prefix.
pub(crate) fn read(bytes: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = NsReader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    loop {
        let (space, event) = reader.read_resolved_event().ok()?;
        match event {
            Event::Start(start) => {
                if open.len() >= DEPTH_MAX || root.is_some() {
                    return None;
                }
                open.push(element(&space, start.local_name(), &start)?);
            }
            Event::Empty(start) => {
                let node = element(&space, start.local_name(), &start)?;
                close(node, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let node = open.pop()?;
                close(node, &mut open, &mut root)?;
            }
            Event::Text(piece) => {
                if let Some(node) = open.last_mut() {
                    node.text
                        .push_str(&piece.xml_content(XmlVersion::Explicit1_0));
                }
            }
            Event::CData(piece) => open
                .last_mut()?
                .text
                .push_str(&piece.xml_content(XmlVersion::Explicit1_0)),
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref().ok()? {
                    Some(letter) => letter,
                    None => match &*reference {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return None,
                    },
                };
                open.last_mut()?.text.push(letter);
            }
            Event::Eof => return if open.is_empty() { root } else { None },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            // A document type could define entities; no request needs one.
            Event::DocType(_) => return None,
        }
    }
}

fn close(node: Node, open: &mut [Node], root: &mut Option<Node>) -> Option<()> {
    match open.last_mut() {
        Some(parent) => parent.children.push(node),
        None if root.is_none() => *root = Some(node),
        None => return None,
    }
    Some(())
}

fn element(
    space: &ResolveResult<'_>,
    local: LocalName<'_>,
    start: &BytesStart<'_>,
) -> Option<Node> {
    let space = match space {
        ResolveResult::Bound(space) => space.as_ref(),
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(_) => return None,
    };
    let mut node = Node::new(space, local.as_ref());
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        if attribute.key.as_namespace_binding().is_none() {
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
            node.attributes.push((
                attribute.key.local_name().as_ref().to_owned(),
                value.into_owned(),
            ));
        }
    }
    Some(node)
}

/// The document with `root` as its root element.
pub(crate) fn write(root: &Node, style: XmlStyle) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    match style {
        XmlStyle::Prefixes => {
            let declarations: Vec<(String, String)> = PREFIXES
                .iter()
                .map(|(space, prefix)| (format!("xmlns:{prefix}"), (*space).to_owned()))
                .collect();
            write_prefixed(&mut out, root, &declarations);
        }
        XmlStyle::DefaultNamespaces => write_default(&mut out, root, ""),
    }
    out
}

fn write_prefixed(out: &mut String, node: &Node, declarations: &[(String, String)]) {
    let known = PREFIXES.iter().find(|(space, _)| *space == node.name.space);
    let tag = known.map_or_else(
        || node.name.local.clone(),
        |(_, prefix)| format!("{prefix}:{}", node.name.local),
    );
    let mut attributes = declarations.to_vec();
    if known.is_none() {
        attributes.push(("xmlns".to_owned(), node.name.space.clone()));
    }
    attributes.extend(node.attributes.iter().cloned());
    open_tag(out, &tag, &attributes, node);
    out.push_str(&partial_escape(node.text.as_str()).replace('\r', "&#13;"));
    for child in &node.children {
        write_prefixed(out, child, &[]);
    }
    close_tag(out, &tag, node);
}

fn write_default(out: &mut String, node: &Node, around: &str) {
    let mut attributes = node.attributes.clone();
    if node.name.space != around {
        attributes.insert(0, ("xmlns".to_owned(), node.name.space.clone()));
    }
    open_tag(out, &node.name.local, &attributes, node);
    if node.text.contains(['<', '&', '\r', '\n']) {
        // A line end in a CDATA section comes out as LF alone (XML 1.0 §2.11): clients have to live with that.
        out.push_str("<![CDATA[");
        out.push_str(&node.text.replace("]]>", "]]]]><![CDATA[>"));
        out.push_str("]]>");
    } else {
        out.push_str(&partial_escape(node.text.as_str()));
    }
    for child in &node.children {
        write_default(out, child, &node.name.space);
    }
    close_tag(out, &node.name.local, node);
}

fn open_tag(out: &mut String, tag: &str, attributes: &[(String, String)], node: &Node) {
    out.push('<');
    out.push_str(tag);
    for (name, value) in attributes {
        let value = quick_xml::escape::escape(value.as_str());
        out.extend([" ", name, "=\"", &value, "\""]);
    }
    out.push_str(if is_empty(node) { "/>" } else { ">" });
}

fn close_tag(out: &mut String, tag: &str, node: &Node) {
    if !is_empty(node) {
        out.extend(["</", tag, ">"]);
    }
}

fn is_empty(node: &Node) -> bool {
    node.children.is_empty() && node.text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_read_back_as_the_same() {
        let tree = Node::dav("multistatus").with([
            Node::caldav("calendar-data").text("SUMMARY:a < b & c ]]> d"),
            Node::new("urn:x", "own")
                .attribute("name", "\"q\"")
                .with([Node::dav("href").text("/é/")]),
        ]);
        for style in [XmlStyle::Prefixes, XmlStyle::DefaultNamespaces] {
            assert_eq!(
                read(write(&tree, style).as_bytes()),
                Some(tree.clone()),
                "{style:?}"
            );
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bad in [
            "",
            "<a>",
            "<a></b>",
            "<p:a/>",
            "<a/><b/>",
            "<a>&nope;</a>",
            "<!DOCTYPE a><a/>",
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
        assert!(read("<a>".repeat(100).as_bytes()).is_none());
    }
}
