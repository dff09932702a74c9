//! A law firm in New York and Berlin: hearings, calls across zones in the weeks when only one of them has changed its
//! clocks, journeys, and deadlines of whole days.

use jiff::ToSpan;
use jiff::civil::Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};

use super::plan::{Planned, Repeat, Shows};
use super::worlds::{Around, At, Person};

const NEW_YORK: &str = "America/New_York";
const BERLIN: &str = "Europe/Berlin";
const TOKYO: &str = "Asia/Tokyo";

const HALE: &str = "margaret.hale@hale-stone.example";
const STONE: &str = "david.stone@hale-stone.example";
const KELLER: &str = "ines.keller@hale-berlin.example";
const CLIENT: &str = "counsel@acme.example";

/// Everybody of it.
pub(super) fn people(around: &Around) -> Vec<Person> {
    vec![
        Person {
            at: At::Microsoft,
            user: HALE,
            name: "Margaret Hale",
            zone: NEW_YORK,
            plans: partner(around),
        },
        Person {
            at: At::Microsoft,
            user: STONE,
            name: "David Stone",
            zone: NEW_YORK,
            plans: associate(around),
        },
        Person {
            at: At::Google,
            user: KELLER,
            name: "Ines Keller",
            zone: BERLIN,
            plans: counsel(around),
        },
        Person {
            at: At::Caldav,
            user: "paul",
            name: "Paul Ito",
            zone: NEW_YORK,
            plans: paralegal(around),
        },
    ]
}

fn partner(around: &Around) -> Vec<Planned> {
    let day = |weeks, weekday| around.day(weeks, weekday);
    vec![
        Planned::timed("Partners' round", NEW_YORK, day(-4, Monday), (9, 0), 60)
            .repeats(Repeat::Weekly(&[Monday], 1))
            .at("Room 40A")
            .with(&[STONE])
            .moved(day(1, Monday), 120)
            .cancelled(day(3, Monday)),
        // It follows New York's clock: for some weeks a year it is an hour earlier in Berlin.
        Planned::timed(
            "Call with Berlin",
            NEW_YORK,
            day(-6, Wednesday),
            (10, 30),
            45,
        )
        .repeats(Repeat::Weekly(&[Wednesday], 1))
        .with(&[KELLER]),
        Planned::timed(
            "Hearing: Acme v. Bolt",
            NEW_YORK,
            day(1, Thursday),
            (14, 0),
            150,
        )
        .at("500 Pearl St, Courtroom 14B"),
        Planned::timed("Flight JFK–BER", NEW_YORK, day(2, Monday), (18, 15), 0)
            .lands_next_day(BERLIN, (8, 20))
            .at("JFK Terminal 4"),
        Planned::timed("Mediation", BERLIN, day(2, Wednesday), (9, 30), 420)
            .with(&[KELLER, CLIENT])
            .at("Berlin, Friedrichstr. 100"),
        Planned::timed("Flight BER–JFK", BERLIN, day(2, Friday), (13, 0), 0)
            .lands(NEW_YORK, (16, 10)),
        Planned::days("Thanksgiving", NEW_YORK, around.date(11, 26), 1).shows(Shows::Free),
        Planned::days("Vacation", NEW_YORK, day(6, Monday), 12).shows(Shows::Away),
    ]
}

fn associate(around: &Around) -> Vec<Planned> {
    let day = |weeks, weekday| around.day(weeks, weekday);
    vec![
        Planned::timed("Document review", NEW_YORK, day(-2, Tuesday), (13, 0), 180)
            .repeats(Repeat::Weekly(&[Tuesday, Thursday], 1))
            .cancelled(day(0, Thursday)),
        Planned::timed("Timesheets", NEW_YORK, around.first(Friday), (16, 30), 30)
            .repeats(Repeat::FirstOfMonth(Friday)),
        Planned::days("Filing deadline: Acme", NEW_YORK, day(1, Friday), 1).shows(Shows::Free),
        Planned::timed("Call with Tokyo", TOKYO, day(1, Wednesday), (9, 0), 60).with(&[CLIENT]),
    ]
}

fn counsel(around: &Around) -> Vec<Planned> {
    let day = |weeks, weekday| around.day(weeks, weekday);
    let change = around.clock_change(BERLIN);
    vec![
        Planned::timed("Stand-up", BERLIN, day(-4, Monday), (9, 15), 15)
            .repeats(Repeat::Weekly(
                &[Monday, Tuesday, Wednesday, Thursday, Friday],
                1,
            ))
            .moved(day(0, Wednesday), 30)
            .cancelled(day(1, Friday)),
        Planned::timed("Client call", BERLIN, day(0, Tuesday), (16, 0), 30).with(&[CLIENT]),
        Planned::timed(
            "Servers are moved (clocks change)",
            BERLIN,
            change.saturating_sub(1.day()),
            (23, 0),
            6 * 60,
        ),
        Planned::days("Leave", BERLIN, day(4, Thursday), 4).shows(Shows::Away),
        Planned::days("Day of German Unity", BERLIN, around.date(10, 3), 1)
            .repeats(Repeat::Yearly)
            .shows(Shows::Free),
    ]
}

fn paralegal(around: &Around) -> Vec<Planned> {
    let day = |weeks, weekday| around.day(weeks, weekday);
    vec![
        Planned::timed("Docket check", NEW_YORK, day(-3, Monday), (8, 30), 20)
            .repeats(Repeat::Weekly(&[Monday, Wednesday, Friday], 1))
            .moved(day(1, Wednesday), 90)
            .cancelled(day(1, Friday)),
        Planned::timed("Train to Boston", NEW_YORK, day(1, Tuesday), (7, 5), 245),
        Planned::days("Jury duty", NEW_YORK, day(3, Tuesday), 2),
    ]
}
