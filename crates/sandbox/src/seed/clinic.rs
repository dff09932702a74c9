//! A practice in Berlin: rounds every morning, surgery every other week, night duty, leave, and a congress overseas.

use jiff::ToSpan;
use jiff::civil::Weekday::{Friday, Monday, Saturday, Thursday, Tuesday, Wednesday};

use super::plan::{Planned, Repeat, Shows};
use super::worlds::{Around, At, Person};

const BERLIN: &str = "Europe/Berlin";
const BOSTON: &str = "America/New_York";

const ADLER: &str = "nora.adler@park-clinic.example";
const RECEPTION: &str = "reception@park-clinic.example";
const BRANDT: &str = "jonas.brandt@city-hospital.example";
const CELIK: &str = "elif.celik@city-hospital.example";

/// Everybody of it.
pub(super) fn people(around: &Around) -> Vec<Person> {
    vec![
        Person {
            at: At::Google,
            user: ADLER,
            name: "Dr. Nora Adler",
            zone: BERLIN,
            plans: doctor(around),
        },
        Person {
            at: At::Google,
            user: RECEPTION,
            name: "Reception",
            zone: BERLIN,
            plans: reception(around),
        },
        Person {
            at: At::Microsoft,
            user: BRANDT,
            name: "Dr. Jonas Brandt",
            zone: BERLIN,
            plans: surgeon(around),
        },
        Person {
            at: At::Microsoft,
            user: CELIK,
            name: "Elif Çelik",
            zone: BERLIN,
            plans: night_duty(around),
        },
        Person {
            at: At::Caldav,
            user: "tom",
            name: "Tom Weiss",
            zone: BERLIN,
            plans: physiotherapist(around),
        },
    ]
}

fn holidays(around: &Around) -> Vec<Planned> {
    [
        ("New Year's Day", (1, 1)),
        ("Labour Day", (5, 1)),
        ("Day of German Unity", (10, 3)),
        ("Christmas Day", (12, 25)),
        ("Boxing Day", (12, 26)),
    ]
    .into_iter()
    .map(|(title, (month, day))| {
        Planned::days(title, BERLIN, around.date(month, day), 1)
            .repeats(Repeat::Yearly)
            .shows(Shows::Free)
    })
    .collect()
}

fn doctor(around: &Around) -> Vec<Planned> {
    let day = |weeks, weekday| around.day(weeks, weekday);
    let mut plans = holidays(around);
    plans.extend([
        Planned::timed("Morning round", BERLIN, day(-4, Monday), (8, 0), 45)
            .repeats(Repeat::Weekly(
                &[Monday, Tuesday, Wednesday, Thursday, Friday],
                1,
            ))
            .at("Ward 3")
            .with(&[RECEPTION, CELIK])
            .cancelled(day(1, Wednesday))
            .moved(day(1, Thursday), 60)
            .moved(day(2, Monday), 30),
        Planned::timed("Team meeting", BERLIN, around.first(Monday), (12, 30), 60)
            .repeats(Repeat::FirstOfMonth(Monday))
            .at("Library")
            .with(&[RECEPTION]),
        Planned::timed(
            "Consultation: new patients",
            BERLIN,
            day(-2, Tuesday),
            (14, 0),
            180,
        )
        .repeats(Repeat::Weekly(&[Tuesday, Thursday], 1)),
        Planned::timed(
            "Call with the laboratory",
            BERLIN,
            day(0, Wednesday),
            (11, 15),
            20,
        ),
        Planned::timed("Interview: assistant", BERLIN, day(1, Friday), (15, 30), 45)
            .with(&[RECEPTION]),
        Planned::days("Annual leave", BERLIN, day(3, Monday), 7).shows(Shows::Away),
        Planned::timed("Flight BER–BOS", BERLIN, day(5, Tuesday), (10, 40), 0)
            .lands(BOSTON, (16, 5))
            .at("Berlin Brandenburg"),
        Planned::timed("Congress: keynote", BOSTON, day(5, Wednesday), (9, 0), 90)
            .at("Boston, Convention Center"),
        Planned::timed("Congress: my talk", BOSTON, day(5, Thursday), (11, 0), 30)
            .at("Boston, Convention Center"),
    ]);
    plans
}

fn reception(around: &Around) -> Vec<Planned> {
    let mut plans = holidays(around);
    plans.extend([
        Planned::timed(
            "Telephone hours",
            BERLIN,
            around.day(-3, Monday),
            (9, 0),
            120,
        )
        .repeats(Repeat::Weekly(&[Monday, Wednesday, Friday], 1))
        .cancelled(around.day(0, Friday)),
        Planned::timed(
            "Delivery: vaccines",
            BERLIN,
            around.day(0, Thursday),
            (7, 30),
            15,
        ),
        Planned::days(
            "Practice closed: renovation",
            BERLIN,
            around.day(2, Thursday),
            2,
        ),
    ]);
    plans
}

fn surgeon(around: &Around) -> Vec<Planned> {
    let day = |weeks, weekday| around.day(weeks, weekday);
    vec![
        Planned::timed("Surgery", BERLIN, day(-4, Monday), (7, 30), 300)
            .repeats(Repeat::Weekly(&[Monday, Wednesday], 2))
            .at("Theatre 2")
            .moved(day(2, Monday), 45)
            .cancelled(day(2, Wednesday)),
        Planned::timed("Case conference", BERLIN, day(-1, Tuesday), (13, 0), 60)
            .repeats(Repeat::Weekly(&[Tuesday], 1))
            .with(&[CELIK, ADLER]),
        Planned::timed("Call with Boston", BOSTON, day(1, Tuesday), (10, 0), 30),
        Planned::days("Parental leave", BERLIN, day(4, Monday), 12).shows(Shows::Away),
    ]
}

fn night_duty(around: &Around) -> Vec<Planned> {
    let change = around.clock_change(BERLIN);
    vec![
        // The night in which the clocks change is an hour longer or shorter.
        Planned::timed(
            "Night duty (clocks change)",
            BERLIN,
            change.saturating_sub(1.day()),
            (22, 0),
            8 * 60,
        )
        .at("Emergency"),
        Planned::timed(
            "Night duty",
            BERLIN,
            around.day(-2, Saturday),
            (22, 0),
            8 * 60,
        )
        .repeats(Repeat::Weekly(&[Saturday], 4))
        .at("Emergency"),
        Planned::timed("Ward handover", BERLIN, around.day(-1, Monday), (6, 30), 15).repeats(
            Repeat::Weekly(&[Monday, Tuesday, Wednesday, Thursday, Friday], 1),
        ),
    ]
}

fn physiotherapist(around: &Around) -> Vec<Planned> {
    let day = |weeks, weekday| around.day(weeks, weekday);
    vec![
        Planned::timed(
            "Back exercises (group)",
            BERLIN,
            day(-3, Tuesday),
            (17, 0),
            60,
        )
        .repeats(Repeat::Weekly(&[Tuesday, Thursday], 1))
        .cancelled(day(1, Tuesday))
        .moved(day(1, Thursday), 30),
        Planned::timed(
            "Home visit, Mrs Özdemir",
            BERLIN,
            day(0, Friday),
            (10, 0),
            45,
        )
        .at("Lindenstr. 4, Berlin"),
        Planned::days("Training in Munich", BERLIN, day(2, Wednesday), 3).shows(Shows::Away),
    ]
}
