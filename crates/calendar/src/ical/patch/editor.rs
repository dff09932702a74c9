//! Changing the lines of one component, and knowing whether any changed.

use crate::ical::line::Line;
use crate::ical::tree::{Component, Node};

/// A component under change. A line that would be written as it stands is not a change.
pub(super) struct Editor<'a> {
    pub(super) component: Component<'a>,
    pub(super) line_end: &'static str,
    pub(super) changed: bool,
}

impl<'a> Editor<'a> {
    pub(super) fn new(component: Component<'a>, line_end: &'static str) -> Self {
        Self {
            component,
            line_end,
            changed: false,
        }
    }

    /// The line that readers take for this property: the first that says something, else the first.
    pub(super) fn find(&self, name: &str) -> Option<&Line<'a>> {
        let named = || self.component.lines().filter(|line| line.is(name));
        named()
            .find(|line| !line.value().trim().is_empty())
            .or_else(|| named().next())
    }

    /// The properties of this name that say something.
    pub(super) fn numbers(&self, name: &str) -> Vec<usize> {
        let matching = |node: &Node<'_>| match node {
            Node::Line(line) => line.is(name) && !line.value().trim().is_empty(),
            Node::Component(_) => false,
        };
        let nodes = self.component.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| matching(node))
            .map(|(at, _)| at)
            .collect()
    }

    /// The line at a place that [`Self::numbers`] gave.
    pub(super) fn at(&self, at: usize) -> Option<&Line<'a>> {
        match self.component.nodes.get(at) {
            Some(Node::Line(line)) => Some(line),
            Some(Node::Component(_)) | None => None,
        }
    }

    /// Puts a line where another stood.
    pub(super) fn replace(&mut self, at: usize, line: Line<'a>) {
        if let Some(Node::Line(old)) = self.component.nodes.get_mut(at)
            && old.content() != line.content()
        {
            *old = line;
            self.changed = true;
        }
    }

    /// Gives a property that stands once a value, keeping its parameters.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let Some(at) = self.place_of(name) else {
            self.insert(&format!("{name}:{value}"));
            return;
        };
        if let Some(line) = self
            .at(at)
            .map(|line| line.with_value(value, self.line_end))
        {
            self.replace(at, line);
        }
    }

    /// Gives a property that stands once a value and some parameters, keeping the others.
    pub(super) fn set_with(&mut self, name: &str, params: &[(&str, Option<&str>)], value: &str) {
        let Some(at) = self.place_of(name) else {
            let bare = Line::compose(&format!("{name}:"), self.line_end, 0);
            let line = bare.with_params(params, value, self.line_end);
            self.insert(line.content());
            return;
        };
        if let Some(line) = self
            .at(at)
            .map(|line| line.with_params(params, value, self.line_end))
        {
            self.replace(at, line);
        }
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        let found: *const Line<'a> = self.find(name)?;
        self.component
            .nodes
            .iter()
            .position(|node| matches!(node, Node::Line(line) if std::ptr::eq(line, found)))
    }

    /// Adds a line after the component's own lines, before the components in it.
    pub(super) fn insert(&mut self, content: &str) {
        let nodes = &mut self.component.nodes;
        let inner = nodes
            .iter()
            .position(|node| matches!(node, Node::Component(_)))
            .unwrap_or(nodes.len());
        let mut at = inner;
        while at > 0 && matches!(&nodes[at - 1], Node::Line(line) if line.is_blank()) {
            at -= 1;
        }
        let number = self.component.begin.number();
        nodes.insert(
            at,
            Node::Line(Line::compose(content, self.line_end, number)),
        );
        self.changed = true;
    }

    /// Takes out the lines that a question picks.
    pub(super) fn remove(&mut self, pick: impl Fn(&Line<'a>) -> bool) {
        let before = self.component.nodes.len();
        self.component
            .nodes
            .retain(|node| !matches!(node, Node::Line(line) if pick(line)));
        self.changed |= self.component.nodes.len() != before;
    }

    /// Takes out the nodes at these places.
    pub(super) fn remove_at(&mut self, places: &[usize]) {
        for at in places.iter().rev() {
            self.component.nodes.remove(*at);
            self.changed = true;
        }
    }

    /// Makes the lines of a property say these things in order: those that do stay, those that do not are rewritten,
    /// what is missing is added and what is left over taken out.
    pub(super) fn set_each<W>(
        &mut self,
        name: &str,
        want: &[W],
        same: impl Fn(&Line<'a>, &W) -> bool,
        rewrite: impl Fn(&Line<'a>, &W, &'static str) -> Line<'static>,
        compose: impl Fn(&W) -> String,
    ) {
        let places = self.numbers(name);
        for (at, wanted) in places.iter().zip(want) {
            let line = self.at(*at).filter(|line| !same(line, wanted));
            if let Some(line) = line.map(|line| rewrite(line, wanted, self.line_end)) {
                self.replace(*at, line);
            }
        }
        self.remove_at(places.get(want.len()..).unwrap_or_default());
        for wanted in want.get(places.len()..).unwrap_or_default() {
            self.insert(&compose(wanted));
        }
    }
}
