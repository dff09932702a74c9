//! The examples of RFC 5545 §3.8.5.3, with the dates that it states.

use jiff::civil::{Date, DateTime, date};

use super::notation::rule;

/// Year, month, days; `2-5` is a range. One entry a month.
fn days(text: &str) -> Vec<Date> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut year = 0;
    let mut out = Vec::new();
    for entry in text.split(';') {
        let words: Vec<_> = entry.split_whitespace().collect();
        let (month, list) = match words.as_slice() {
            [y, month, list] => {
                year = y.parse().unwrap();
                (month, list)
            }
            [month, list] => (month, list),
            other => panic!("{other:?}"),
        };
        let month = MONTHS.iter().position(|known| known == month).unwrap() + 1;
        for part in list.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            for day in from.parse::<i8>().unwrap()..=to.parse::<i8>().unwrap() {
                out.push(date(year, i8::try_from(month).unwrap(), day));
            }
        }
    }
    out
}

fn starts(dtstart: DateTime, text: &str, count: usize) -> Vec<DateTime> {
    rule(text)
        .starts(dtstart, DateTime::MIN)
        .take(count)
        .map(Result::unwrap)
        .collect()
}

/// All at nine in the morning, as in the standard. A table that ends in `…` goes on, one that does not is complete.
fn check(first: Date, text: &str, expected: &str) {
    let goes_on = expected.ends_with('…');
    let expected: Vec<_> = days(expected.trim_end_matches('…'))
        .into_iter()
        .map(|day| day.at(9, 0, 0, 0))
        .collect();
    let found = starts(
        first.at(9, 0, 0, 0),
        text,
        expected.len() + usize::from(!goes_on),
    );
    assert_eq!(found, expected, "{text}");
}

const FIRST: Date = date(1997, 9, 2);

#[test]
fn daily() {
    check(FIRST, "FREQ=DAILY;COUNT=10", "1997 Sep 2-11");
    check(
        FIRST,
        "FREQ=DAILY;UNTIL=19971224T000000Z",
        "1997 Sep 2-30; Oct 1-31; Nov 1-30; Dec 1-23",
    );
    check(
        FIRST,
        "FREQ=DAILY;INTERVAL=2",
        "1997 Sep 2,4,6,8,10,12,14,16,18,20,22,24,26,28,30; Oct 2,4,6,8,10,12,14,16,18,20,22,24,26,28,30; Nov 1,3,5…",
    );
    check(
        FIRST,
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "1997 Sep 2,12,22; Oct 2,12",
    );
    let januaries = "1998 Jan 1-31; 1999 Jan 1-31; 2000 Jan 1-31";
    check(
        date(1998, 1, 1),
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        januaries,
    );
    check(
        date(1998, 1, 1),
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        januaries,
    );
}

#[test]
fn weekly() {
    let ten = "1997 Sep 2,9,16,23,30; Oct 7,14,21,28; Nov 4";
    check(FIRST, "FREQ=WEEKLY;COUNT=10", ten);
    check(
        FIRST,
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997 Sep 2,9,16,23,30; Oct 7,14,21,28; Nov 4,11,18,25; Dec 2,9,16,23",
    );
    check(
        FIRST,
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997 Sep 2,16,30; Oct 14,28; Nov 11,25; Dec 9,23; 1998 Jan 6,20; Feb 3,17…",
    );
    let five_weeks = "1997 Sep 2,4,9,11,16,18,23,25,30; Oct 2";
    check(
        FIRST,
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        five_weeks,
    );
    check(
        FIRST,
        "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        five_weeks,
    );
    check(
        date(1997, 9, 1),
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997 Sep 1,3,5,15,17,19,29; Oct 1,3,13,15,17,27,29,31; Nov 10,12,14,24,26,28; Dec 8,10,12,22",
    );
    check(
        FIRST,
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997 Sep 2,4,16,18,30; Oct 2,14,16",
    );
}

#[test]
fn monthly() {
    check(
        date(1997, 9, 5),
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997 Sep 5; Oct 3; Nov 7; Dec 5; 1998 Jan 2; Feb 6; Mar 6; Apr 3; May 1; Jun 5",
    );
    check(
        date(1997, 9, 5),
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997 Sep 5; Oct 3; Nov 7; Dec 5",
    );
    check(
        date(1997, 9, 7),
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997 Sep 7,28; Nov 2,30; 1998 Jan 4,25; Mar 1,29; May 3,31",
    );
    check(
        date(1997, 9, 22),
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997 Sep 22; Oct 20; Nov 17; Dec 22; 1998 Jan 19; Feb 16",
    );
    check(
        date(1997, 9, 28),
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997 Sep 28; Oct 29; Nov 28; Dec 29; 1998 Jan 29; Feb 26…",
    );
    check(
        FIRST,
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997 Sep 2,15; Oct 2,15; Nov 2,15; Dec 2,15; 1998 Jan 2,15",
    );
    check(
        date(1997, 9, 30),
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997 Sep 30; Oct 1,31; Nov 1,30; Dec 1,31; 1998 Jan 1,31; Feb 1",
    );
    check(
        date(1997, 9, 10),
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997 Sep 10-15; 1999 Mar 10-13",
    );
    check(
        FIRST,
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997 Sep 2,9,16,23,30; Nov 4,11,18,25; 1998 Jan 6,13,20,27; Mar 3,10,17,24,31…",
    );
    // The example excludes 2 September by EXDATE; without that it is there as DTSTART.
    check(
        FIRST,
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1997 Sep 2; 1998 Feb 13; Mar 13; Nov 13; 1999 Aug 13; 2000 Oct 13…",
    );
    check(
        date(1997, 9, 13),
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997 Sep 13; Oct 11; Nov 8; Dec 13; 1998 Jan 10; Feb 7; Mar 7; Apr 11; May 9; Jun 13…",
    );
    check(
        date(1997, 9, 4),
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997 Sep 4; Oct 7; Nov 6",
    );
    check(
        date(1997, 9, 29),
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997 Sep 29; Oct 30; Nov 27; Dec 30; 1998 Jan 29; Feb 26; Mar 30…",
    );
    check(
        date(2007, 1, 15),
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007 Jan 15,30; Feb 15; Mar 15,30",
    );
}

#[test]
fn yearly() {
    check(
        date(1997, 6, 10),
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997 Jun 10; Jul 10; 1998 Jun 10; Jul 10; 1999 Jun 10; Jul 10; 2000 Jun 10; Jul 10; 2001 Jun 10; Jul 10",
    );
    check(
        date(1997, 3, 10),
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997 Mar 10; 1999 Jan 10; Feb 10; Mar 10; 2001 Jan 10; Feb 10; Mar 10; 2003 Jan 10; Feb 10; Mar 10",
    );
    check(
        date(1997, 1, 1),
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997 Jan 1; Apr 10; Jul 19; 2000 Jan 1; Apr 9; Jul 18; 2003 Jan 1; Apr 10; Jul 19; 2006 Jan 1",
    );
    check(
        date(1997, 5, 19),
        "FREQ=YEARLY;BYDAY=20MO",
        "1997 May 19; 1998 May 18; 1999 May 17…",
    );
    check(
        date(1997, 5, 12),
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "1997 May 12; 1998 May 11; 1999 May 17…",
    );
    check(
        date(1997, 3, 13),
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997 Mar 13,20,27; 1998 Mar 5,12,19,26; 1999 Mar 4,11,18,25…",
    );
    check(
        date(1997, 6, 5),
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997 Jun 5,12,19,26; Jul 3,10,17,24,31; Aug 7,14,21,28; 1998 Jun 4,11,18,25; Jul 2,9,16,23,30; Aug 6,13,20,27…",
    );
    check(
        date(1996, 11, 5),
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996 Nov 5; 2000 Nov 7; 2004 Nov 2…",
    );
}

#[test]
fn the_first_day_of_the_week_matters() {
    let first = date(1997, 8, 5);
    check(
        first,
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997 Aug 5,10,19,24",
    );
    check(
        first,
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997 Aug 5,17,19,31",
    );
}

#[test]
fn within_a_day() {
    let at = |hour, minute| FIRST.at(hour, minute, 0, 0);
    let first = at(9, 0);
    assert_eq!(
        starts(first, "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z", 9),
        [at(9, 0), at(12, 0), at(15, 0)]
    );
    assert_eq!(
        starts(first, "FREQ=MINUTELY;INTERVAL=15;COUNT=6", 9),
        [
            at(9, 0),
            at(9, 15),
            at(9, 30),
            at(9, 45),
            at(10, 0),
            at(10, 15)
        ]
    );
    assert_eq!(
        starts(first, "FREQ=MINUTELY;INTERVAL=90;COUNT=4", 9),
        [at(9, 0), at(10, 30), at(12, 0), at(13, 30)]
    );
    let every_twenty_minutes: Vec<_> = [2, 3]
        .into_iter()
        .flat_map(|day| (9..17).map(move |hour| (day, hour)))
        .flat_map(|(day, hour)| [0, 20, 40].map(|m| date(1997, 9, day).at(hour, m, 0, 0)))
        .collect();
    assert_eq!(every_twenty_minutes.len(), 48);
    for text in [
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
    ] {
        assert_eq!(starts(first, text, 48), every_twenty_minutes, "{text}");
    }
}
