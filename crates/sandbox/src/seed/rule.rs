//! Recurrence rules of all kinds, and the instances that are known to be theirs.

use jiff::civil::{DateTime, Weekday};
use jiff::{Span, ToSpan};

use crate::chance::Chance;

/// A rule whose first instances are known without expanding it.
#[derive(Clone, Debug)]
pub(crate) struct Recurring {
    /// The rule's value, without an end.
    pub(crate) rule: String,
    /// From one instance to the next; none when that is not the same each time.
    pub(crate) step: Option<Span>,
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A rule that `start` matches.
pub(crate) fn recurring(chance: &mut Chance, start: DateTime) -> Recurring {
    let day = day_code(start.weekday());
    let month = start.month();
    let of_month = start.day();
    let nth = (of_month - 1) / 7 + 1;
    let interval = 1 + i64::try_from(chance.below(3)).unwrap_or(0);
    let simple = |rule: String, step: Span| Recurring {
        rule,
        step: Some(step),
    };
    let complex = |rule: String| Recurring { rule, step: None };
    match chance.below(14) {
        0 => simple("FREQ=DAILY".to_owned(), 1.day()),
        1 => simple(format!("FREQ=DAILY;INTERVAL={interval}"), interval.days()),
        2 | 3 => simple(format!("FREQ=WEEKLY;BYDAY={day}"), 1.week()),
        4 => simple(
            format!("FREQ=WEEKLY;INTERVAL={interval};WKST=SU;BYDAY={day}"),
            interval.weeks(),
        ),
        5 => {
            let others = DAYS
                .iter()
                .filter(|other| **other == day || chance.percent(40));
            complex(format!(
                "FREQ=WEEKLY;BYDAY={}",
                others.copied().collect::<Vec<_>>().join(",")
            ))
        }
        // Days after the 28th do not stand in every month: no instance but the first is known.
        6 if of_month <= 28 => simple(format!("FREQ=MONTHLY;BYMONTHDAY={of_month}"), 1.month()),
        6 => complex(format!("FREQ=MONTHLY;BYMONTHDAY={of_month}")),
        7 if nth <= 4 => complex(format!("FREQ=MONTHLY;BYDAY={nth}{day}")),
        7 => complex(format!("FREQ=MONTHLY;BYDAY=-1{day}")),
        8 => complex(format!(
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS={of_month}"
        )),
        9 if of_month <= 28 => simple(
            format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={of_month}"),
            1.year(),
        ),
        9 => complex("FREQ=YEARLY".to_owned()),
        10 if nth <= 4 => complex(format!("FREQ=YEARLY;BYMONTH={month};BYDAY={nth}{day}")),
        10 => complex(format!("FREQ=YEARLY;BYMONTH={month};BYDAY=-1{day}")),
        11 => complex(format!("FREQ=YEARLY;BYYEARDAY={}", start.day_of_year())),
        12 => complex(format!(
            "FREQ=DAILY;BYDAY={}",
            if is_weekend(&start) {
                "SA,SU"
            } else {
                "MO,TU,WE,TH,FR"
            }
        )),
        _ => simple("FREQ=WEEKLY".to_owned(), 1.week()),
    }
}

impl Recurring {
    /// The start of the instance after `steps` steps; none when it is not known.
    pub(crate) fn instance(&self, start: DateTime, steps: i64) -> Option<DateTime> {
        let step = self.step?.checked_mul(steps).ok()?;
        start.checked_add(step).ok()
    }
}

fn day_code(day: Weekday) -> &'static str {
    DAYS[usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)]
}

fn is_weekend(start: &DateTime) -> bool {
    matches!(start.weekday(), Weekday::Saturday | Weekday::Sunday)
}
