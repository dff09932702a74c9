//! What people do to an event that has arrived: each edit begins with what stands there and says what it shall be.

use kalends_calendar::event::{Details, Event, Override, RecurrenceId};
use kalends_calendar::series;
use kalends_calendar::time::Length;

/// An edit, and what it is called.
pub(crate) type Edit = (&'static str, fn(&Event) -> Event);

/// In this order, each on what the one before has left.
pub(crate) const EDITS: [Edit; 5] = [
    ("retold", retold),
    ("thinned", thinned),
    ("brought back", brought_back),
    ("moved", moved),
    ("emptied", emptied),
];

/// Other words, for the whole series.
fn retold(event: &Event) -> Event {
    let mut event = event.clone();
    let details = &mut event.master.details;
    details.title = format!("{} (new)", details.title.trim());
    "One line.\n\nAnd another, with ä and & in it.".clone_into(&mut details.description);
    details.url = Some("https://example.org/minutes".to_owned());
    details.keywords.insert("Round trip".to_owned());
    event
}

/// Without its second occurrence, and with another title for the third, where it has them.
fn thinned(event: &Event) -> Event {
    let first = event.master.start.local();
    let starts: Vec<_> = match &event.recurrence_rules[..] {
        [rule] => rule.starts(first, first).take(3).flatten().collect(),
        [] | [..] => Vec::new(),
    };
    let [_, second, third] = starts[..] else {
        return event.clone();
    };
    let mut event = series::exclude(event, RecurrenceId(second)).unwrap_or_else(|_| event.clone());
    let third = RecurrenceId(third);
    if event.recurrence_overrides.get(&third) != Some(&Override::Excluded)
        && let Ok(mut instance) = series::instance_of(&event, third)
    {
        "For once".clone_into(&mut instance.details.title);
        event = series::replace(&event, third, instance).unwrap_or(event);
    }
    event
}

/// With all occurrences that were taken away.
fn brought_back(event: &Event) -> Event {
    let mut event = event.clone();
    event
        .recurrence_overrides
        .retain(|_, over| *over != Override::Excluded);
    event
}

/// A week later, and longer.
fn moved(event: &Event) -> Event {
    let mut moved = event.clone();
    let later = event.master.start.local() + jiff::Span::new().weeks(1);
    moved.master.start = event.master.start.at(later);
    moved.master.duration = if event.master.start.is_all_day() {
        Length::days(event.master.duration.days + 1)
    } else {
        Length::seconds(event.master.duration.seconds + 1_800)
    };
    // What departs from a series is named by the starts that the series gives it.
    moved.recurrence_overrides.clear();
    moved
}

/// Nothing but a title and a time.
fn emptied(event: &Event) -> Event {
    let mut event = event.clone();
    event.master.details = Details {
        title: "Bare".to_owned(),
        participants: event.master.details.participants,
        ..Details::default()
    };
    event.master.end_zone = None;
    event.recurrence_rules.clear();
    event.excluded_recurrence_rules.clear();
    event.recurrence_overrides.clear();
    event
}
