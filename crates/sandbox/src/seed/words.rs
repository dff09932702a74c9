//! What people write into their calendars.

use crate::chance::Chance;
pub(crate) use crate::text::lines::escaped;

const TITLES: [&str; 24] = [
    "Standup",
    "Dentist",
    "Lunch with Ana",
    "Sprint review",
    "1:1 with Kim",
    "Flight LH 1234 → FRA",
    "Geburtstag von Jürgen 🎂",
    "会議室で打ち合わせ",
    "Réunion d'équipe",
    "Занятие йогой",
    "اجتماع الفريق",
    "👩‍👩‍👧‍👦 Familientreffen",
    "Board meeting; Q3, final",
    "Haircut",
    "Gym",
    "Piano lesson",
    "On call",
    "Parents' evening",
    "Deploy v2.0 (do not disturb!)",
    "Café ☕ con María",
    "Release \"Kestrel\"",
    "Pickup: kids",
    "Vet – Mochi",
    "A",
];

const SENTENCES: [&str; 10] = [
    "Please bring the numbers from last week.",
    "Dial-in: +49 30 1234567, then 4711#",
    "Agenda:\n- open points\n- budget; forecast, plan\n- any other business",
    "C:\\Users\\shared\\notes.txt",
    "Wir treffen uns vor dem Haupteingang, bitte pünktlich.",
    "https://example.com/path?a=1&b=2;c=3#part",
    "<b>HTML</b> that somebody pasted &amp; forgot",
    "🎉🎉🎉",
    "資料は前日までに共有してください。",
    "Trailing space \n\nand an empty line",
];

const PLACES: [&str; 7] = [
    "Room 4.12, Main Street 5",
    "Zoom",
    "Straße des 17. Juni 135, 10623 Berlin",
    "東京都千代田区丸の内1丁目",
    "Café Central; upstairs",
    "Kitchen",
    "https://meet.example.com/abc-defg-hij",
];

/// People by name and address.
pub(crate) const PEOPLE: [(&str, &str); 6] = [
    ("Ana Souza", "ana@example.org"),
    ("Doe, Jane", "jane.doe@example.org"),
    ("Kim Lee", "kim@example.net"),
    ("Łukasz Żak", "lukasz@example.org"),
    ("Room: Blue; 2nd floor", "blue@rooms.example.org"),
    ("Ngozi", "ngozi+work@example.com"),
];

/// A title.
pub(crate) fn title(chance: &mut Chance) -> String {
    let title = *chance.pick(&TITLES);
    if chance.percent(30) {
        format!("{title} #{}", chance.below(1000))
    } else {
        title.to_owned()
    }
}

/// A text of some sentences; now and then a long one.
pub(crate) fn prose(chance: &mut Chance) -> String {
    let sentences = if chance.percent(5) {
        60
    } else {
        1 + chance.below(4)
    };
    (0..sentences)
        .map(|_| *chance.pick(&SENTENCES))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Where something is.
pub(crate) fn place(chance: &mut Chance) -> &'static str {
    let place: &&'static str = chance.pick(&PLACES);
    place
}
