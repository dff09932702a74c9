//! Markup in which nothing that comes from outside can be markup: what is not written here in the source is escaped.

use crate::text::html::escaped;

/// A piece of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Markup that stands in the source of this program. No other text has this lifetime.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, between tags or in a quoted attribute.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&escaped(text));
        self
    }

    /// Another piece.
    pub(crate) fn add(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    /// An opening tag with attributes.
    pub(crate) fn open(
        &mut self,
        tag: &'static str,
        attributes: &[(&'static str, &str)],
    ) -> &mut Self {
        self.raw("<").raw(tag);
        for (name, value) in attributes {
            self.raw(" ").raw(name).raw("=\"").text(value).raw("\"");
        }
        self.raw(">")
    }

    /// A link.
    pub(crate) fn link(&mut self, href: &str, text: &str) -> &mut Self {
        self.open("a", &[("href", href)]).text(text).raw("</a>")
    }

    /// What a form carries along unseen.
    pub(crate) fn hidden(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.open(
            "input",
            &[("type", "hidden"), ("name", name), ("value", value)],
        )
    }

    /// A field of a form, under its label.
    pub(crate) fn field(
        &mut self,
        (name, label): (&'static str, &'static str),
        kind: &'static str,
        value: &str,
    ) -> &mut Self {
        self.raw("<p class=\"field\">")
            .open("label", &[("for", name)])
            .raw(label)
            .raw("</label>")
            .open(
                "input",
                &[
                    ("id", name),
                    ("name", name),
                    ("type", kind),
                    ("value", value),
                    ("autocomplete", "off"),
                ],
            )
            .raw("</p>")
    }

    /// The markup.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let mut piece = Html::new();
        piece.link("/?a=\"><script>", "<b>&'");
        assert_eq!(
            piece.into_string(),
            "<a href=\"/?a=&quot;&gt;&lt;script&gt;\">&lt;b&gt;&amp;&#39;</a>"
        );
    }
}
