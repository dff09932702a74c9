//! Start, end and recurrence of a component: each line keeps its style where it can.

use std::collections::BTreeSet;

use super::editor::Editor;
use crate::event::{Event, Instance, Override, RecurrenceId};
use crate::ical::assemble::{self, added_dates, excluded_dates};
use crate::ical::line::Line;
use crate::ical::write::{
    added_line, end_moment, ends_by_date, lasts_default, length_value, moment_line, moment_parts,
    rule_value,
};
use crate::ical::zones::{self, Zones};
use crate::ical::{ItemError, text};
use crate::recurrence::Rule;
use crate::time::{Start, ZoneId};

/// What the lines of a text are read and written by.
pub(super) struct Clock<'c, 't, 'a> {
    /// The zones of the text, and those of the target.
    pub(super) zones: &'c Zones<'t, 'a>,
    /// The event as it shall be.
    pub(super) target: &'c Event,
    /// Whether the master's start is of another kind (all-day, floating, zoned) than it was.
    pub(super) other_kind: bool,
}

impl Clock<'_, '_, '_> {
    /// Under which name a zone is written: as the line has it, as the text defines it, as it is called.
    pub(super) fn tzid(&self, zone: &ZoneId, line: Option<&Line<'_>>) -> String {
        let stands = line.and_then(|line| line.param("TZID"));
        if let Some(stands) = stands
            && self.zones.resolve(&stands).as_ref() == Some(zone)
        {
            return stands.into_owned();
        }
        self.zones
            .tzid_for(zone)
            .unwrap_or_else(|| zones::tzid(zone).to_owned())
    }

    /// Makes a line that says one moment say this one.
    pub(super) fn set_moment(&self, editor: &mut Editor<'_>, name: &str, want: &Start) {
        let line = editor.find(name);
        let (kind, tzid, value) = moment_parts(want);
        let tzid = tzid.and(want.zone()).map(|zone| self.tzid(zone, line));
        let spelled = line
            .and_then(|line| line.param("VALUE"))
            .is_some_and(|kind| kind.eq_ignore_ascii_case("DATE-TIME"));
        let kind = kind.or(spelled.then_some("DATE-TIME"));
        editor.set_with(name, &[("VALUE", kind), ("TZID", tzid.as_deref())], &value);
    }

    /// A new line for a date of the series.
    fn dated(&self, line: &str, zone: Option<&ZoneId>) -> String {
        // The line was written with the zone's own name; the text may know it by another.
        match zone.filter(|zone| !zone.is_utc()) {
            Some(zone) => {
                let from = format!(";TZID={}", text::encode_param(zones::tzid(zone)));
                let to = format!(";TZID={}", text::encode_param(&self.tzid(zone, None)));
                line.replacen(&from, &to, 1)
            }
            None => line.to_owned(),
        }
    }
}

/// Writes start and end, where they differ.
pub(super) fn patch_span(
    editor: &mut Editor<'_>,
    clock: &Clock<'_, '_, '_>,
    now: &Instance,
    want: &Instance,
) {
    let same_start = now.start == want.start;
    if same_start && now.duration == want.duration && now.end_zone == want.end_zone {
        return;
    }
    if !same_start {
        clock.set_moment(editor, "DTSTART", &want.start);
        if now.start.is_all_day() != want.start.is_all_day() {
            outlook_all_day(editor, want.start.is_all_day());
        }
    }
    let stands = |editor: &Editor<'_>, name| !editor.numbers(name).is_empty();
    let (end, duration) = (stands(editor, "DTEND"), stands(editor, "DURATION"));
    if !end && !duration && lasts_default(want) {
        return;
    }
    let ends = end_moment(want, &clock.target.time_zones);
    match ends {
        Some(ends) if end || !duration || want.end_zone.is_some() => {
            editor.remove(|line| line.is("DURATION"));
            clock.set_moment(editor, "DTEND", &ends);
        }
        Some(_) | None => {
            editor.remove(|line| line.is("DTEND"));
            let same_kind = now.start.is_all_day() == want.start.is_all_day();
            let says_so = duration && !end && same_kind && now.duration == want.duration;
            if !says_so {
                editor.set("DURATION", &length_value(want));
            }
        }
    }
}

/// Outlook's own word for all-day events must not contradict the start.
fn outlook_all_day(editor: &mut Editor<'_>, all_day: bool) {
    for name in [
        "X-MICROSOFT-CDO-ALLDAYEVENT",
        "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT",
    ] {
        if let Some(line) = editor.find(name) {
            let said = line.value().trim().eq_ignore_ascii_case("TRUE");
            if said != all_day {
                editor.set(name, if all_day { "TRUE" } else { "FALSE" });
            }
        }
    }
}

/// Writes the rules and dates of the master, where they differ.
pub(super) fn patch_recurrence(
    editor: &mut Editor<'_>,
    clock: &Clock<'_, '_, '_>,
    now: &Event,
) -> Result<(), ItemError> {
    let target = clock.target;
    rules(editor, clock, "RRULE", &target.recurrence_rules);
    rules(editor, clock, "EXRULE", &target.excluded_recurrence_rules);
    excluded(editor, clock, now)?;
    added(editor, clock)
}

fn rules(editor: &mut Editor<'_>, clock: &Clock<'_, '_, '_>, name: &str, want: &[Rule]) {
    let target = clock.target;
    let start = &target.master.start;
    let custom = clock.zones.custom();
    editor.set_each(
        name,
        want,
        |line, rule| {
            let stands = assemble::read_rule(line, start, &custom);
            let form = clock.other_kind && ends_by_date(rule);
            !form && stands.as_ref() == Ok(rule)
        },
        |line, rule, line_end| line.with_value(&rule_value(rule, target), line_end),
        |rule| format!("{name}:{}", rule_value(rule, target)),
    );
}

fn excluded(
    editor: &mut Editor<'_>,
    clock: &Clock<'_, '_, '_>,
    now: &Event,
) -> Result<(), ItemError> {
    let target = clock.target;
    let start = &target.master.start;
    let mut said: BTreeSet<RecurrenceId> = BTreeSet::new();
    for at in editor.numbers("EXDATE").into_iter().rev() {
        let Some(line) = editor.at(at) else { continue };
        let kept: Vec<(&str, RecurrenceId)> = excluded_dates(line, start, clock.zones)?
            .into_iter()
            .filter(|(_, id)| match target.recurrence_overrides.get(id) {
                Some(Override::Excluded) => !clock.other_kind,
                // Both may stand for one occurrence, and the replacement counts.
                Some(Override::Replaced(_)) => {
                    now.recurrence_overrides.get(id) != Some(&Override::Excluded)
                }
                Some(Override::Added { .. }) | None => false,
            })
            .collect();
        said.extend(kept.iter().map(|(_, id)| *id));
        let values: Vec<String> = kept.iter().map(|(value, _)| (*value).to_owned()).collect();
        keep_values(editor, at, &values);
    }
    for (id, change) in &target.recurrence_overrides {
        if *change == Override::Excluded && !said.contains(id) {
            let line = moment_line("EXDATE", &start.at(id.0));
            editor.insert(&clock.dated(&line, start.zone()));
        }
    }
    Ok(())
}

fn added(editor: &mut Editor<'_>, clock: &Clock<'_, '_, '_>) -> Result<(), ItemError> {
    let target = clock.target;
    let start = &target.master.start;
    let mut said: BTreeSet<RecurrenceId> = BTreeSet::new();
    for at in editor.numbers("RDATE").into_iter().rev() {
        let Some(line) = editor.at(at) else { continue };
        let kept: Vec<(&str, RecurrenceId)> = added_dates(line, start, clock.zones)?
            .into_iter()
            .filter(|date| match target.recurrence_overrides.get(&date.id) {
                Some(Override::Added { duration }) => {
                    let own = date
                        .duration
                        .filter(|length| *length != target.master.duration);
                    own == *duration && !clock.other_kind
                }
                Some(Override::Excluded | Override::Replaced(_)) => !clock.other_kind,
                None => false,
            })
            .map(|date| (date.value, date.id))
            .collect();
        said.extend(kept.iter().map(|(_, id)| *id));
        let values: Vec<String> = kept.iter().map(|(value, _)| (*value).to_owned()).collect();
        keep_values(editor, at, &values);
    }
    for (id, change) in &target.recurrence_overrides {
        if let Override::Added { duration } = change
            && !said.contains(id)
        {
            let line = added_line(&start.at(id.0), *duration);
            editor.insert(&clock.dated(&line, start.zone()));
        }
    }
    Ok(())
}

/// Leaves these of the values of a list line, and the line itself where all stay.
fn keep_values(editor: &mut Editor<'_>, at: usize, kept: &[String]) {
    let Some(line) = editor.at(at) else { return };
    let said = line
        .value()
        .split(',')
        .filter(|value| !value.trim().is_empty());
    if said.count() == kept.len() {
        return;
    }
    if kept.is_empty() {
        editor.remove_at(&[at]);
    } else {
        let line = line.with_value(&kept.join(","), editor.line_end);
        editor.replace(at, line);
    }
}
