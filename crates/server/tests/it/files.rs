//! Files in and out.

use crate::person::Person;

const FILE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//file//EN\r\n\
    BEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nSUMMARY:Apples\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:two\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20261202T090000\r\nDTEND;TZID=Europe/Berlin:20261202T100000\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\nSUMMARY:Bread\\, fresh\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:bad\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:yesterday\r\nSUMMARY:Broken\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

#[test]
fn a_file_is_imported_once_and_what_is_broken_is_named() {
    let person = Person::new();
    let file = person.write("in.ics", FILE);
    let file = file.to_str().unwrap();
    let first = person
        .says(&["import", file, "--calendar", "Shopping"])
        .failed("DTSTART");
    assert_eq!(
        first.out,
        "Shopping: 2 new, 0 changed, 0 as they were, 1 could not be read (see above)\n"
    );
    let again = person.says(&["import", file, "--calendar", "Shopping"]);
    assert_eq!(
        again.out,
        "Shopping: 0 new, 0 changed, 2 as they were, 1 could not be read (see above)\n"
    );
    assert_eq!(person.titles(), ["Apples", "Bread, fresh"]);
}

#[test]
fn what_is_exported_can_be_imported_and_is_the_same() {
    let person = Person::new();
    let file = person.write("in.ics", FILE);
    person.says(&["import", file.to_str().unwrap()]);
    let out = person.folder().join("out.ics");
    let out = out.to_str().unwrap();
    person.says(&["export", "-o", out]).well();
    let text = std::fs::read_to_string(out).unwrap();
    assert_eq!(text.matches("BEGIN:VCALENDAR").count(), 1);
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
    let again = person.asks(&["import", out]);
    assert_eq!(again["unchanged"], 2, "{again}");
    let other = Person::new();
    other.says(&["import", out]).well();
    assert_eq!(other.titles(), ["Apples", "Bread, fresh"]);
}

#[test]
fn what_is_no_calendar_is_refused() {
    let person = Person::new();
    let file = person.write("page.html", "<html><body>Please log in</body></html>");
    person
        .says(&["import", file.to_str().unwrap()])
        .failed("is no iCalendar file");
}

#[test]
fn a_disk_that_is_full_is_an_error_and_a_reader_that_went_away_is_none() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: no /dev/full here");
        return;
    };
    let person = Person::new();
    let output = person.command(&["export"]).stdout(full).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("the standard output: "), "{err}");
    person
        .says(&["export", "-o", "/dev/full"])
        .failed("/dev/full: ");

    let mut child = person
        .command(&["import", "/nowhere/at.all"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn an_export_that_fails_leaves_the_file_as_it_was() {
    let person = Person::new();
    let file = person.write("in.ics", FILE);
    person.says(&["import", file.to_str().unwrap()]);
    let nowhere = person.folder().join("nowhere/out.ics");
    person
        .says(&["export", "-o", nowhere.to_str().unwrap()])
        .failed("nowhere/out.ics: ");
    let out = person.write("out.ics", "before");
    let out = out.to_str().unwrap();
    person.says(&["export", "-o", out]).well();
    assert!(std::fs::read_to_string(out).unwrap().contains("Apples"));
    let drafts = std::fs::read_dir(person.folder())
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("draft")
        })
        .count();
    assert_eq!(drafts, 0);
}

fn event(uid: &str, title: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261201T090000Z\r\n\
         DTEND:20261201T100000Z\r\nSUMMARY:{title}\r\nEND:VEVENT\r\n"
    )
}

fn calendar(events: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//file//EN\r\n{events}END:VCALENDAR\r\n"
    )
}

#[test]
fn several_calendars_in_one_file_stay_apart() {
    let person = Person::new();
    for (name, title) in [("Work", "Apples"), ("Home", "Pears")] {
        let file = person.write("in.ics", &calendar(&event("same", title)));
        let file = file.to_str().unwrap();
        person.says(&["import", file, "--calendar", name]).well();
    }
    let out = person.folder().join("all.ics");
    let out = out.to_str().unwrap();
    person.says(&["export", "-o", out]).well();
    let text = std::fs::read_to_string(out).unwrap();
    assert_eq!(text.matches("BEGIN:VCALENDAR").count(), 2);

    let again = person.asks(&["import", out]);
    assert_eq!(again["unchanged"], 2, "{again}");
    let other = Person::new();
    let imported = other.asks(&["import", out]);
    assert_eq!(imported["created"], 2, "{imported}");
    assert_eq!(other.titles(), ["Apples", "Pears"]);
    other
        .says(&["import", out, "--calendar", "All"])
        .failed("1 of their UIDs in common");
    let shown = other.asks(&["events", "list", "--calendar", "Work"]);
    assert_eq!(shown["events"][0]["title"], "Apples", "{shown}");
}

#[test]
fn what_is_left_out_of_a_file_is_named_with_its_line() {
    let person = Person::new();
    let twice = format!("{}{}", event("one", "Apples"), event("one", "Pears"));
    let file = person.write("in.ics", &calendar(&format!("{twice}junk\r\n")));
    let said = person
        .says(&["import", file.to_str().unwrap()])
        .failed("no colon");
    assert!(said.err.contains("this one is left out"), "{}", said.err);
    assert!(said.out.contains("2 could not be read"), "{}", said.out);
}
