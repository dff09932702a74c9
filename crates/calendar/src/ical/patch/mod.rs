//! Patching: an edit changes the lines it means to, and no others (RFC 5545 says what a line means; who wrote the
//! rest, and why, is not ours to know).

mod editor;
mod fields;
mod times;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::editor::Editor;
use self::times::Clock;
use super::assemble::{self, Chosen};
use super::part::{self, Part};
use super::read::{definitions, mark_of, members, own_uid, single_uid, tzids};
use super::tree::{Component, Node, Tree};
use super::write::{self, Place};
use super::zones::{self, Zones};
use super::{ItemError, MARK_ID, MARK_UID, moment, text as values};
use crate::event::{Event, Instance, Override, RecurrenceId, Shape};
use crate::provider::Mark;
use crate::time::Start;

/// What a patch must be told beside the event.
#[derive(Clone, Copy, Debug)]
pub struct PatchOptions<'o> {
    /// The mark to leave; none leaves whatever mark stands there.
    pub mark: Option<&'o Mark>,
    /// When this change is made (`DTSTAMP`, and `LAST-MODIFIED` where it stood).
    pub stamp: Timestamp,
}

/// Makes a calendar object say what `target` says, changing only the lines of fields that differ. What differs in
/// nothing comes back byte for byte.
///
/// `CREATED` and `LAST-MODIFIED` are not compared, and `SEQUENCE` never goes down. Fails where the text itself cannot
/// be read as one event.
pub fn patch_object(
    text: &str,
    target: &Event,
    options: &PatchOptions<'_>,
) -> Result<String, ItemError> {
    let tree = Tree::parse(text);
    let members = members(&tree);
    let uid = single_uid(&tree, &members)?;
    let zones = Zones::of(definitions(&tree));
    let parts = part::read_all(members.iter().copied(), &zones)?;
    let Some(chosen) = assemble::choose(&parts, &zones) else {
        return Err(ItemError::new(1, "VCALENDAR", "holds no event"));
    };
    let now = assemble::event(&uid, &chosen, &zones)?;
    let own_zones = zones.custom();
    zones.learn(&target.time_zones);

    let mut patch = Patch {
        edits: BTreeMap::new(),
        new: Vec::new(),
        stamp: options.stamp,
        line_end: tree.line_end(),
        now: &now,
        target,
        mark: options
            .mark
            .filter(|mark| mark_of(&chosen, &uid).as_ref() != Some(*mark)),
        clock: Clock {
            zones: &zones,
            target,
            other_kind: kind(&now.master.start) != kind(&target.master.start),
        },
    };
    patch.master(&chosen)?;
    patch.overrides(&chosen);
    patch.raise_sequence(&chosen);
    if patch.edits.is_empty() && patch.new.is_empty() {
        return Ok(text.to_owned());
    }
    patch.drop_overruled(&parts, &chosen);

    let Patch {
        edits,
        new,
        line_end,
        ..
    } = patch;
    let mut tree_now = tree.clone();
    apply(&mut tree_now.nodes, edits, new);
    let named: BTreeSet<String> = members.iter().flat_map(|member| tzids(member)).collect();
    define_zones(&mut tree_now, target, &zones, &own_zones, &named, line_end);
    Ok(tree_now.to_string())
}

fn kind(start: &Start) -> u8 {
    match start {
        Start::AllDay(_) => 0,
        Start::Floating(_) => 1,
        Start::Zoned { .. } => 2,
    }
}

/// What becomes of a component that stands in the text, by the line where it begins.
enum Edit<'a> {
    Becomes(Component<'a>),
    Goes,
}

struct Patch<'p, 't, 'a> {
    edits: BTreeMap<u32, Edit<'a>>,
    new: Vec<Component<'static>>,
    stamp: Timestamp,
    line_end: &'static str,
    now: &'p Event,
    target: &'p Event,
    /// The mark, where it is not there already; taken by the first component that is written.
    mark: Option<&'p Mark>,
    clock: Clock<'p, 't, 'a>,
}

impl<'a> Patch<'_, '_, 'a> {
    fn master(&mut self, chosen: &Chosen<'_, '_, 'a>) -> Result<(), ItemError> {
        match (chosen.master, self.target.shape) {
            (Some(part), Shape::Series) => {
                let mut editor = Editor::new(part.component.clone(), self.line_end);
                times::patch_span(
                    &mut editor,
                    &self.clock,
                    &part.instance,
                    &self.target.master,
                );
                times::patch_recurrence(&mut editor, &self.clock, self.now)?;
                fields::patch(
                    &mut editor,
                    &part.instance.details,
                    &self.target.master.details,
                );
                self.finish(part, editor);
            }
            (Some(part), Shape::InstancesOnly) => {
                self.edits.insert(part.line(), Edit::Goes);
            }
            (None, Shape::Series) => self.write(None, &self.target.master),
            (None, Shape::InstancesOnly) => {}
        }
        Ok(())
    }

    fn overrides(&mut self, chosen: &Chosen<'_, '_, 'a>) {
        let target = self.target;
        let mut wanted: BTreeMap<RecurrenceId, &Instance> = BTreeMap::new();
        for (id, change) in &target.recurrence_overrides {
            if let Override::Replaced(instance) = change {
                wanted.insert(*id, instance);
            }
        }
        let mut pairs = self.pair(chosen, &wanted);
        for (old, part) in &chosen.overrides {
            match pairs.remove(old) {
                None => {
                    self.edits.insert(part.line(), Edit::Goes);
                }
                Some((id, named)) => {
                    if let Some(want) = wanted.remove(&id) {
                        self.replacement(part, id, named, want);
                    }
                }
            }
        }
        for (id, instance) in wanted {
            self.write(Some(id), instance);
        }
    }

    /// Which occurrence each override that stands shall replace, and whether its `RECURRENCE-ID` says so already. First
    /// those that name it as it is, then those that named it on the old clock, then those of the same day.
    fn pair(
        &self,
        chosen: &Chosen<'_, '_, 'a>,
        wanted: &BTreeMap<RecurrenceId, &Instance>,
    ) -> BTreeMap<RecurrenceId, (RecurrenceId, bool)> {
        let start = &self.target.master.start;
        let mut free: BTreeSet<RecurrenceId> = wanted.keys().copied().collect();
        let mut pairs = BTreeMap::new();
        for (old, part) in &chosen.overrides {
            let moment = part.recurrence_id.as_ref();
            let id = moment.map_or(*old, |moment| self.clock.zones.occurrence(moment, start));
            if free.remove(&id) {
                pairs.insert(*old, (id, !self.clock.other_kind));
            }
        }
        for old in chosen.overrides.keys() {
            if !pairs.contains_key(old) && free.remove(old) {
                pairs.insert(*old, (*old, false));
            }
        }
        for old in chosen.overrides.keys() {
            let midnight = RecurrenceId(old.0.date().at(0, 0, 0, 0));
            let next = free.range(midnight..).next().copied();
            let same_day = next.filter(|id| id.0.date() == old.0.date());
            if let Some(id) = same_day.filter(|_| !pairs.contains_key(old)) {
                free.remove(&id);
                pairs.insert(*old, (id, false));
            }
        }
        pairs
    }

    fn replacement(&mut self, part: &Part<'_, 'a>, id: RecurrenceId, named: bool, want: &Instance) {
        let mut editor = Editor::new(part.component.clone(), self.line_end);
        if !named {
            let moment = self.target.master.start.at(id.0);
            self.clock.set_moment(&mut editor, "RECURRENCE-ID", &moment);
        }
        times::patch_span(&mut editor, &self.clock, &part.instance, want);
        fields::patch(&mut editor, &part.instance.details, &want.details);
        self.finish(part, editor);
    }

    /// Adds what every changed component needs, and keeps the change.
    fn finish(&mut self, part: &Part<'_, 'a>, mut editor: Editor<'a>) {
        if let Some(mark) = self.mark.take() {
            editor.set(MARK_ID, &mark.event.to_string());
            editor.set(MARK_UID, &values::escape(&mark.uid.0));
        }
        if self.now.uid != self.target.uid {
            editor.set("UID", &values::escape(&self.target.uid.0));
        }
        if editor.changed {
            self.stamp_and_keep(part, editor);
        }
    }

    fn stamp_and_keep(&mut self, part: &Part<'_, 'a>, mut editor: Editor<'a>) {
        if own_uid(&editor.component).is_none() {
            // Without one, the UID is made of fields that may just have changed.
            editor.set("UID", &values::escape(&self.target.uid.0));
        }
        let stamp = moment::format_instant(self.stamp);
        editor.set("DTSTAMP", &stamp);
        if editor.find("LAST-MODIFIED").is_some() {
            editor.set("LAST-MODIFIED", &stamp);
        }
        if self.target.sequence > self.now.sequence.max(part.sequence) {
            editor.set("SEQUENCE", &self.target.sequence.to_string());
        }
        self.edits
            .insert(part.line(), Edit::Becomes(editor.component));
    }

    /// Writes a component that did not stand there.
    fn write(&mut self, occurrence: Option<RecurrenceId>, instance: &Instance) {
        let place = Place {
            event: self.target,
            occurrence,
            mark: self.mark.take(),
            stamp: self.stamp,
        };
        let mut component = place.component(instance, self.line_end);
        self.rename_zones(&mut component);
        if occurrence.is_none() {
            self.new.insert(0, component);
        } else {
            self.new.push(component);
        }
    }

    /// Calls zones in a new component as the rest of the text calls them.
    fn rename_zones(&self, component: &mut Component<'_>) {
        for node in &mut component.nodes {
            let Node::Line(line) = node else { continue };
            let zone = line
                .param("TZID")
                .and_then(|tzid| self.clock.zones.resolve(&tzid));
            if let Some(zone) = zone {
                let tzid = self.clock.tzid(&zone, None);
                if line.param("TZID").as_deref() != Some(&tzid) {
                    *line = line.with_params(&[("TZID", Some(&tzid))], line.value(), self.line_end);
                }
            }
        }
    }

    /// Where no component says the target's sequence yet (it went up alone, or the one that said it goes), the first
    /// that stays does.
    fn raise_sequence(&mut self, chosen: &Chosen<'_, '_, 'a>) {
        let raised = self.target.sequence > self.now.sequence;
        let all = || chosen.parts();
        let said = |part: &Part<'_, 'a>| match self.edits.get(&part.line()) {
            Some(Edit::Goes) => false,
            Some(Edit::Becomes(_)) => raised || part.sequence >= self.target.sequence,
            None => part.sequence >= self.target.sequence,
        };
        if !self.new.is_empty() || all().any(said) {
            return;
        }
        let stays =
            |part: &&Part<'_, 'a>| !matches!(self.edits.get(&part.line()), Some(Edit::Goes));
        if let Some(part) = all().find(stays) {
            let component = match self.edits.remove(&part.line()) {
                Some(Edit::Becomes(component)) => component,
                Some(Edit::Goes) | None => part.component.clone(),
            };
            let mut editor = Editor::new(component, self.line_end);
            editor.set("SEQUENCE", &self.target.sequence.to_string());
            self.stamp_and_keep(part, editor);
        }
    }

    /// Takes out the components that others overrule: after a change they might not any more.
    fn drop_overruled(&mut self, parts: &[Part<'_, 'a>], chosen: &Chosen<'_, '_, 'a>) {
        let lines = chosen.lines();
        for part in parts.iter().filter(|part| !lines.contains(&part.line())) {
            self.edits.insert(part.line(), Edit::Goes);
        }
    }
}

/// Puts the changes into the tree: edited components where they stood, new ones after the last event.
fn apply<'a>(
    nodes: &mut Vec<Node<'a>>,
    mut edits: BTreeMap<u32, Edit<'a>>,
    mut new: Vec<Component<'static>>,
) {
    let home = nodes.iter().position(|node| match node {
        Node::Component(component) if component.is("VCALENDAR") => {
            component.components().any(|inner| inner.is("VEVENT"))
        }
        Node::Component(_) | Node::Line(_) => false,
    });
    if let Some(Node::Component(calendar)) = home.and_then(|at| nodes.get_mut(at)) {
        place(&mut calendar.nodes, &mut edits, &mut new);
    }
    // What stands bare, or in a further VCALENDAR.
    place(nodes, &mut edits, &mut new);
    for node in nodes {
        if let Node::Component(calendar) = node
            && calendar.is("VCALENDAR")
        {
            place(&mut calendar.nodes, &mut edits, &mut Vec::new());
        }
    }
}

fn place<'a>(
    nodes: &mut Vec<Node<'a>>,
    edits: &mut BTreeMap<u32, Edit<'a>>,
    new: &mut Vec<Component<'static>>,
) {
    let is_event = |node: &Node<'_>| matches!(node, Node::Component(inner) if inner.is("VEVENT"));
    if let Some(last) = nodes.iter().rposition(is_event) {
        if !new.is_empty()
            && let Node::Component(component) = &mut nodes[last]
            && let Some(end) = component.end.take()
        {
            component.end = Some(end.ended("\r\n"));
        }
        let added = new.drain(..).map(Node::Component);
        let after = last + 1;
        nodes.splice(after..after, added);
    }
    nodes.retain_mut(|node| {
        let Node::Component(component) = node else {
            return true;
        };
        match edits.remove(&component.begin.number()) {
            Some(Edit::Becomes(changed)) => {
                *component = changed;
                true
            }
            Some(Edit::Goes) => false,
            None => true,
        }
    });
}

/// Adds the `VTIMEZONE` of each zone that the text names only now, and renews those that changed.
fn define_zones(
    tree: &mut Tree<'_>,
    target: &Event,
    zones: &Zones<'_, '_>,
    own_zones: &zones::Custom,
    named: &BTreeSet<String>,
    line_end: &'static str,
) {
    let names: BTreeSet<String> = members(tree)
        .iter()
        .flat_map(|member| tzids(member))
        .collect();
    let Some(calendar) = tree.nodes.iter_mut().find_map(|node| match node {
        Node::Component(component) if component.is("VCALENDAR") => Some(component),
        Node::Component(_) | Node::Line(_) => None,
    }) else {
        return;
    };
    for tzid in names {
        let Some(zone) = zones.resolve(&tzid) else {
            continue;
        };
        let changed = target
            .time_zones
            .get(&zone)
            .is_some_and(|custom| own_zones.get(&zone) != Some(custom));
        let stands = calendar.nodes.iter().position(|node| {
            matches!(node, Node::Component(inner)
                if inner.is("VTIMEZONE") && zones::tzid_of(inner).as_deref() == Some(&tzid))
        });
        if !changed && (stands.is_some() || named.contains(&tzid)) {
            continue;
        }
        let Some(definition) = write::zone_component(&zone, target, line_end) else {
            continue;
        };
        let definition = Node::Component(definition);
        if let Some(at) = stands {
            calendar.nodes[at] = definition;
        } else {
            let inner = calendar.nodes.iter();
            let mut inner = inner.map(|node| matches!(node, Node::Component(_)));
            let first = inner.position(|inner| inner);
            let at = first.unwrap_or(calendar.nodes.len());
            calendar.nodes.insert(at, definition);
        }
    }
}
