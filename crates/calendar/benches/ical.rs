//! How fast iCalendar text is read: into its lossless tree, and into events. JSON lines.
//!
//! `KALENDS_BENCH_ICS` names a file that others read too; without it a calendar is made here.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures real time; nothing here belongs to the domain"
)]

use std::hint::black_box;
use std::time::Instant;

use kalends_calendar::ical::{Tree, read_calendar};
use serde_json::json;

/// Measured this often; the fastest counts, as it does for the others.
const ROUNDS: usize = 5;
/// How many events the calendar made here has.
const EVENTS: usize = 2_000;

fn main() {
    let text = std::env::var_os("KALENDS_BENCH_ICS")
        .and_then(|file| std::fs::read_to_string(file).ok())
        .unwrap_or_else(made_here);
    let events = read_calendar(&text).objects.len();
    assert!(events > 0, "the calendar has no events");
    report("ical-tree", &text, || {
        black_box(Tree::parse(black_box(&text)));
    });
    report("ical-parse", &text, || {
        assert_eq!(read_calendar(black_box(&text)).objects.len(), events);
    });
}

fn report(bench: &str, text: &str, work: impl Fn()) {
    let fastest = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .min()
        .unwrap_or_default();
    let megabytes = u32::try_from(text.len()).map_or(0.0, f64::from) / 1e6;
    let mb_per_s = (megabytes / fastest.as_secs_f64() * 10.0).round() / 10.0;
    println!(
        "{}",
        json!({ "bench": bench, "peer": "kalends", "mb_per_s": mb_per_s })
    );
}

fn made_here() -> String {
    use std::fmt::Write as _;
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//EN\r\n".to_owned();
    for number in 0..EVENTS {
        let day = number % 28 + 1;
        let _ = write!(
            text,
            "BEGIN:VEVENT\r\nUID:bench-{number}@example.com\r\nDTSTAMP:20261101T120000Z\r\n\
             DTSTART;TZID=Europe/Berlin:202611{day:02}T090000\r\nDURATION:PT45M\r\n\
             RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=20\r\nSUMMARY:Team meeting {number}\r\n\
             DESCRIPTION:agenda budget\\, please bring the old list\\nand a pen\r\n\
             ATTENDEE;CN=Guest;PARTSTAT=ACCEPTED:mailto:guest@example.org\r\nEND:VEVENT\r\n"
        );
    }
    text.push_str("END:VCALENDAR\r\n");
    text
}
