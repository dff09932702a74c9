//! The fields of an instance beside its time: only what differs is written.

use std::collections::{BTreeMap, BTreeSet};

use super::editor::Editor;
use crate::event::{Address, Alert, AlertKey, Details, FreeBusyStatus, Participant, Trigger};
use crate::ical::line::Line;
use crate::ical::text::escape;
use crate::ical::tree::Node;
use crate::ical::write::Sheet;
use crate::ical::{FURTHER_LOCATION, MUTED_ACTION, alarm, details, people};

/// Writes whatever differs between what a component says and what it shall say.
pub(super) fn patch(editor: &mut Editor<'_>, now: &Details, want: &Details) {
    for (was, wanted) in details::simple(now).into_iter().zip(details::simple(want)) {
        if was == wanted {
            continue;
        }
        let stands = editor.find(wanted.name).is_some();
        if wanted.value.is_empty() {
            editor.remove(|line| line.is(wanted.name));
        } else if stands || !wanted.default {
            editor.set(wanted.name, &wanted.value);
        }
    }
    if now.free_busy_status != want.free_busy_status {
        busy_status(editor, want.free_busy_status);
    }
    if now.locations != want.locations {
        locations(editor, now, want);
    }
    if now.virtual_locations != want.virtual_locations {
        conferences(editor, want);
    }
    if now.keywords != want.keywords {
        keywords(editor, &now.keywords, &want.keywords);
    }
    if now.participants != want.participants {
        participants(editor, &now.participants, &want.participants);
    }
    if now.alerts != want.alerts {
        alerts(editor, want);
    }
}

/// Outlook believes its own property more than `TRANSP`.
fn busy_status(editor: &mut Editor<'_>, want: FreeBusyStatus) {
    const OUTLOOK: &str = "X-MICROSOFT-CDO-BUSYSTATUS";
    if editor.find(OUTLOOK).is_some() {
        let value = match want {
            FreeBusyStatus::Busy => "BUSY",
            FreeBusyStatus::Free => "FREE",
        };
        editor.set(OUTLOOK, value);
    }
}

fn locations(editor: &mut Editor<'_>, now: &Details, want: &Details) {
    if !regular(editor, now) {
        for name in ["LOCATION", "GEO", FURTHER_LOCATION] {
            editor.remove(|line| line.is(name));
        }
        for line in details::location_lines(&want.locations) {
            editor.insert(&line);
        }
        return;
    }
    let (was, wanted) = (now.locations.first(), want.locations.first());
    let name = wanted.map_or("", |location| location.name.as_str());
    let coordinates = wanted.and_then(|location| location.coordinates.as_deref());
    let geo = coordinates.and_then(details::geo_value);
    if was != wanted {
        // What GEO cannot say goes into a parameter.
        let parameter = if geo.is_some() { None } else { coordinates };
        if name.is_empty() && parameter.is_none() {
            editor.remove(|line| line.is("LOCATION"));
        } else {
            let params = [(crate::ical::COORDINATES, parameter)];
            editor.set_with("LOCATION", &params, &escape(name));
        }
        let same_geo = was.and_then(|location| location.coordinates.as_deref()) == coordinates;
        match geo {
            Some(_) if same_geo && editor.find("GEO").is_some() => {}
            Some(geo) => editor.set("GEO", &geo),
            None => editor.remove(|line| line.is("GEO")),
        }
    }
    let rest = |details: &Details| {
        details
            .locations
            .iter()
            .skip(1)
            .cloned()
            .collect::<Vec<_>>()
    };
    if rest(now) != rest(want) {
        editor.remove(|line| line.is(FURTHER_LOCATION));
        let lines = details::location_lines(&want.locations);
        for line in lines
            .iter()
            .filter(|line| line.starts_with(FURTHER_LOCATION))
        {
            editor.insert(line);
        }
    }
}

/// Whether the places stand as we write them: the first as one `LOCATION` and one `GEO` at most, the others after it.
fn regular(editor: &Editor<'_>, now: &Details) -> bool {
    let count = |name: &str| {
        editor
            .component
            .lines()
            .filter(|line| line.is(name))
            .count()
    };
    let (first, geo) = (count("LOCATION"), count("GEO"));
    let further = now.locations.len().saturating_sub(1);
    first <= 1
        && geo <= 1
        && first + geo >= usize::from(!now.locations.is_empty())
        && count(FURTHER_LOCATION) == further
}

fn conferences(editor: &mut Editor<'_>, want: &Details) {
    editor.set_each(
        "CONFERENCE",
        &want.virtual_locations,
        |line, place| {
            line.value().trim() == place.uri
                && line.param("LABEL").unwrap_or_default() == place.name
        },
        |line, place, line_end| {
            let label = Some(place.name.as_str()).filter(|name| !name.is_empty());
            line.with_params(&[("LABEL", label)], &place.uri, line_end)
        },
        details::conference_line,
    );
}

fn keywords(editor: &mut Editor<'_>, now: &BTreeSet<String>, want: &BTreeSet<String>) {
    for at in editor.numbers("CATEGORIES").into_iter().rev() {
        let Some(line) = editor.at(at) else { continue };
        let stand: Vec<String> = details::read_keywords(line).collect();
        if stand.iter().all(|keyword| want.contains(keyword)) {
            continue;
        }
        let kept = details::keywords_value(stand.iter().filter(|keyword| want.contains(*keyword)));
        if kept.is_empty() {
            editor.remove_at(&[at]);
        } else {
            let line = line.with_value(&kept, editor.line_end);
            editor.replace(at, line);
        }
    }
    let new = details::keywords_value(want.difference(now));
    if new.is_empty() {
        return;
    }
    let last = editor.numbers("CATEGORIES").last().copied();
    match last.and_then(|at| editor.at(at).map(|line| (at, line))) {
        Some((at, line)) => {
            let value = format!("{},{new}", line.value());
            let line = line.with_value(&value, editor.line_end);
            editor.replace(at, line);
        }
        None => editor.insert(&format!("CATEGORIES:{new}")),
    }
}

type People = BTreeMap<Address, Participant>;

fn participants(editor: &mut Editor<'_>, now: &People, want: &People) {
    for (address, was) in now {
        match want.get(address) {
            Some(wanted) if wanted == was => {}
            Some(wanted) => participant(editor, address, was, wanted),
            None => remove_person(editor, &["ORGANIZER", "ATTENDEE"], address),
        }
    }
    for (address, wanted) in want {
        if !now.contains_key(address) {
            for line in people::lines(address, wanted) {
                editor.insert(&line);
            }
        }
    }
}

fn remove_person(editor: &mut Editor<'_>, names: &[&str], address: &Address) {
    editor.remove(|line| {
        names.iter().any(|name| line.is(name)) && people::address(line).as_ref() == Some(address)
    });
}

fn participant(
    editor: &mut Editor<'_>,
    address: &Address,
    was: &Participant,
    wanted: &Participant,
) {
    let mut changes: Vec<(&str, Option<&str>)> = Vec::new();
    if was.name != wanted.name {
        let name = Some(wanted.name.as_str()).filter(|name| !name.is_empty());
        changes.push(("CN", name));
    }
    rewrite(editor, "ORGANIZER", address, &changes);
    if let (Some(before), Some(after)) = (&was.attendance, &wanted.attendance) {
        let before = people::attendance_params(before);
        let after = people::attendance_params(after);
        for ((name, old, _), (_, new, _)) in before.into_iter().zip(after) {
            if old != new {
                changes.push((name, Some(new)));
            }
        }
    }
    rewrite(editor, "ATTENDEE", address, &changes);
    match (was.organizer, wanted.organizer) {
        (true, false) => remove_person(editor, &["ORGANIZER"], address),
        (false, true) => editor.insert(&people::organizer_line(address, wanted)),
        (true, true) | (false, false) => {}
    }
    match (&was.attendance, &wanted.attendance) {
        (Some(_), None) => remove_person(editor, &["ATTENDEE"], address),
        (None, Some(attendance)) => {
            editor.insert(&people::attendee_line(address, wanted, attendance));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
}

/// Sets parameters on the lines about one person.
fn rewrite(
    editor: &mut Editor<'_>,
    name: &str,
    address: &Address,
    changes: &[(&str, Option<&str>)],
) {
    if changes.is_empty() {
        return;
    }
    let places: Vec<usize> = (0..editor.component.nodes.len())
        .filter(|at| {
            editor.at(*at).is_some_and(|line| {
                line.is(name) && people::address(line).as_ref() == Some(address)
            })
        })
        .collect();
    for at in places {
        let line = editor
            .at(at)
            .map(|line| line.with_params(changes, line.value(), editor.line_end));
        if let Some(line) = line {
            editor.replace(at, line);
        }
    }
}

/// An alert as it stands in the component.
struct Standing {
    at: usize,
    key: AlertKey,
    alert: Alert,
}

fn standing(editor: &Editor<'_>) -> Vec<Standing> {
    let mut keys = alarm::Keys::default();
    let mut found = Vec::new();
    for (at, node) in editor.component.nodes.iter().enumerate() {
        if let Node::Component(inner) = node
            && inner.is("VALARM")
            && let Some(alert) = alarm::read(inner)
        {
            let key = keys.next(alarm::uid(inner).as_deref(), &alert);
            found.push(Standing { at, key, alert });
        }
    }
    found
}

fn alerts(editor: &mut Editor<'_>, want: &Details) {
    let (mut gone, mut intended) = (Vec::new(), Vec::new());
    for Standing { at, key, alert } in standing(editor) {
        match want.alerts.get(&key) {
            Some(wanted) => {
                if *wanted != alert {
                    rewrite_alarm(editor, at, wanted);
                }
                intended.push(key);
            }
            None => gone.push(at),
        }
    }
    editor.remove_at(&gone);
    let new: BTreeMap<AlertKey, Alert> = want
        .alerts
        .iter()
        .filter(|(key, _)| !intended.contains(key))
        .map(|(key, alert)| (key.clone(), alert.clone()))
        .collect();
    if !new.is_empty() {
        close(editor);
    }
    for (key, alert, _) in alarm::in_order(&new) {
        let mut sheet = Sheet::new(editor.line_end);
        for line in alarm::write(alert, None, &want.title) {
            sheet.line(&line);
        }
        let component = sheet.finish("VALARM");
        editor.component.nodes.push(Node::Component(component));
        editor.changed = true;
        intended.push(key.clone());
    }
    name_alarms(editor, &intended);
}

/// Ends the components in this one that have no end: what is put after them would otherwise stand in them.
fn close(editor: &mut Editor<'_>) {
    for node in &mut editor.component.nodes {
        if let Node::Component(inner) = node
            && inner.end.is_none()
        {
            let content = format!("END:{}", inner.name());
            inner.end = Some(Line::compose(
                &content,
                editor.line_end,
                inner.begin.number(),
            ));
        }
    }
}

fn rewrite_alarm(editor: &mut Editor<'_>, at: usize, wanted: &Alert) {
    inside(editor, at, |alarm| {
        let (related, kind, value) = alarm::trigger_parts(&wanted.trigger);
        // What stands explicitly may go on standing so.
        let spelled = |name: &str, text: &str| {
            alarm
                .find("TRIGGER")
                .and_then(|line| line.param(name))
                .is_some_and(|value| value.eq_ignore_ascii_case(text))
        };
        let from_start = matches!(wanted.trigger, Trigger::FromStart(_));
        let related = related.or((from_start && spelled("RELATED", "START")).then_some("START"));
        let relative = !matches!(wanted.trigger, Trigger::At(_));
        let kind = kind.or((relative && spelled("VALUE", "DURATION")).then_some("DURATION"));
        if alarm::read(&alarm.component).is_none_or(|now| now.trigger != wanted.trigger) {
            alarm.set_with("TRIGGER", &[("RELATED", related), ("VALUE", kind)], &value);
        }
        if alarm::read(&alarm.component).is_none_or(|now| now.action != wanted.action) {
            alarm.remove(|line| line.is(MUTED_ACTION));
            alarm.set("ACTION", alarm::action_name(wanted.action));
        }
    });
}

/// Gives a `UID` to each alarm that would otherwise be called by another key than intended.
fn name_alarms(editor: &mut Editor<'_>, intended: &[AlertKey]) {
    let mut keys = alarm::Keys::default();
    for (Standing { at, alert, .. }, intended) in standing(editor).into_iter().zip(intended) {
        let uid = match editor.component.nodes.get(at) {
            Some(Node::Component(inner)) => alarm::uid(inner),
            Some(Node::Line(_)) | None => None,
        };
        let mut trial = keys.clone();
        if trial.next(uid.as_deref(), &alert) == *intended {
            keys = trial;
        } else {
            keys.next(Some(&intended.0), &alert);
            inside(editor, at, |alarm| alarm.set("UID", &escape(&intended.0)));
        }
    }
}

/// Edits a component within the component.
fn inside(editor: &mut Editor<'_>, at: usize, edit: impl FnOnce(&mut Editor<'_>)) {
    if let Some(Node::Component(inner)) = editor.component.nodes.get_mut(at) {
        let mut within = Editor::new(inner.clone(), editor.line_end);
        edit(&mut within);
        if within.changed {
            *inner = within.component;
            editor.changed = true;
        }
    }
}
