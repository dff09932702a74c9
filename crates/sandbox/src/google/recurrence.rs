//! Recurrence lines: read, refused where Google refuses them, and followed on the wall clock of the event's zone.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use kalends_calendar::recurrence::{End, Frequency, NthDay, Rule};

use super::moment::{Moment, rules, zone_name};
use super::refusal::Refusal;
use super::switches::Switches;

/// What the lines of a series say.
#[derive(Clone, Debug)]
pub(crate) struct Recurrence {
    start: Moment,
    rules: Vec<Rule>,
    excluding: Vec<Rule>,
    dates: BTreeSet<DateTime>,
    excluded: BTreeSet<DateTime>,
}

fn refused() -> Refusal {
    Refusal::invalid("Invalid recurrence rule.")
}

impl Recurrence {
    /// Reads the lines of a series that starts at `start`.
    pub(crate) fn read(
        lines: &[String],
        start: &Moment,
        switches: &Switches,
    ) -> Result<Self, Refusal> {
        let mut read = Self {
            start: start.clone(),
            rules: Vec::new(),
            excluding: Vec::new(),
            dates: BTreeSet::new(),
            excluded: BTreeSet::new(),
        };
        for line in lines {
            let (head, value) = line.split_once(':').ok_or_else(refused)?;
            let mut head = head.split(';');
            let name = head.next().unwrap_or("").trim().to_ascii_uppercase();
            let parameters: Vec<&str> = head.collect();
            match name.as_str() {
                "RRULE" => read.rules.push(rule(value, start, switches)?),
                "EXRULE" => read.excluding.push(rule(value, start, switches)?),
                "RDATE" => read.dates.extend(dates(value, &parameters, start)?),
                "EXDATE" => read.excluded.extend(dates(value, &parameters, start)?),
                _ => return Err(refused()),
            }
        }
        Ok(read)
    }

    /// The wall-clock starts in `from..until`, in order; at most `max` of them.
    pub(crate) fn starts(
        &self,
        from: DateTime,
        until: Option<DateTime>,
        max: usize,
    ) -> Vec<DateTime> {
        let origin = self.start.local();
        let within = |at: &DateTime| *at >= from && until.is_none_or(|until| *at < until);
        // As many more as may be taken away again.
        let reach = max.saturating_add(self.excluded.len()).saturating_add(1);
        let follow = |rule: &Rule, reach: usize| {
            rule.starts(origin, from)
                .map_while(Result::ok)
                .take_while(|at| until.is_none_or(|until| *at < until))
                .take(reach)
                .collect::<Vec<DateTime>>()
        };
        let mut starts: BTreeSet<DateTime> = self.dates.iter().copied().filter(within).collect();
        if within(&origin) {
            starts.insert(origin);
        }
        for rule in &self.rules {
            starts.extend(follow(rule, reach));
        }
        for rule in &self.excluding {
            for at in follow(rule, reach) {
                // The first start is the event itself, whatever an excluding rule counts from.
                if at != origin {
                    starts.remove(&at);
                }
            }
        }
        let kept = starts.into_iter().filter(|at| !self.excluded.contains(at));
        kept.take(max).collect()
    }

    /// Whether the series has an instance that the rule puts at `local`.
    pub(crate) fn contains(&self, local: DateTime) -> bool {
        let next = local.saturating_add(jiff::Span::new().seconds(1));
        !self.starts(local, Some(next), 1).is_empty()
    }
}

const FREQUENCIES: [(&str, Frequency); 7] = [
    ("YEARLY", Frequency::Yearly),
    ("MONTHLY", Frequency::Monthly),
    ("WEEKLY", Frequency::Weekly),
    ("DAILY", Frequency::Daily),
    ("HOURLY", Frequency::Hourly),
    ("MINUTELY", Frequency::Minutely),
    ("SECONDLY", Frequency::Secondly),
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

fn rule(text: &str, start: &Moment, switches: &Switches) -> Result<Rule, Refusal> {
    let mut frequency = None;
    let mut count = None;
    let mut until = None;
    let mut rule = Rule::every(Frequency::Daily);
    for part in text.split(';').filter(|part| !part.trim().is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(refused)?;
        let value = value.trim().to_ascii_uppercase();
        match name.trim().to_ascii_uppercase().as_str() {
            "FREQ" => frequency = FREQUENCIES.iter().find(|(word, _)| *word == value),
            "INTERVAL" => rule.interval = value.parse::<NonZeroU32>().map_err(|_| refused())?,
            "COUNT" => {
                let number = value.parse::<NonZeroU32>().map_err(|_| refused())?;
                count = Some(number.get());
            }
            "UNTIL" => until = Some(end(&value, start, switches)?),
            "WKST" => rule.first_day_of_week = weekday(&value)?,
            "BYDAY" => rule.by_day = value.split(',').map(nth_day).collect::<Result<_, _>>()?,
            "BYMONTHDAY" => rule.by_month_day = numbers(&value, -31, 31)?,
            "BYMONTH" => rule.by_month = numbers(&value, 1, 12)?,
            "BYYEARDAY" => rule.by_year_day = numbers(&value, -366, 366)?,
            "BYWEEKNO" => rule.by_week_no = numbers(&value, -53, 53)?,
            "BYHOUR" => rule.by_hour = numbers(&value, 0, 23)?,
            "BYMINUTE" => rule.by_minute = numbers(&value, 0, 59)?,
            "BYSECOND" => rule.by_second = numbers(&value, 0, 59)?,
            "BYSETPOS" => rule.by_set_position = numbers(&value, -366, 366)?,
            _ => return Err(refused()),
        }
    }
    rule.frequency = frequency.ok_or_else(refused)?.1;
    match rule.frequency {
        Frequency::Hourly | Frequency::Minutely | Frequency::Secondly
            if switches.sub_daily_refused =>
        {
            return Err(refused());
        }
        Frequency::Yearly
        | Frequency::Monthly
        | Frequency::Weekly
        | Frequency::Daily
        | Frequency::Hourly
        | Frequency::Minutely
        | Frequency::Secondly => {}
    }
    rule.end = match (count, until) {
        (Some(_), Some(_)) if switches.count_and_until_refused => return Err(refused()),
        (Some(count), _) => End::Count(count),
        (None, Some(until)) => End::Until(until),
        (None, None) => End::Never,
    };
    Ok(rule)
}

/// UNTIL on the wall clock of the series: in UTC for timed events, a date for whole days.
fn end(text: &str, start: &Moment, switches: &Switches) -> Result<DateTime, Refusal> {
    let zone = match start {
        Moment::Day(_) => TimeZone::UTC,
        Moment::Time { zone, .. } => rules(zone),
    };
    let (local, form) = written(text).ok_or_else(refused)?;
    let lenient = !switches.until_types_enforced;
    match (form, start) {
        (Form::Utc, Moment::Time { .. }) => Ok(zone.to_datetime(utc(local))),
        (Form::Day, Moment::Day(_)) => Ok(local),
        (Form::Day, Moment::Time { .. }) if lenient => {
            Ok(local.date().to_datetime(Time::constant(23, 59, 59, 0)))
        }
        (Form::Local | Form::Utc, _) if lenient => Ok(local),
        (Form::Day | Form::Local | Form::Utc, _) => Err(refused()),
    }
}

/// The dates of an RDATE or EXDATE line on the wall clock of the series.
fn dates(value: &str, parameters: &[&str], start: &Moment) -> Result<Vec<DateTime>, Refusal> {
    let named = parameters
        .iter()
        .find_map(|parameter| parameter.strip_prefix("TZID="))
        .map(|name| zone_name(name.trim_matches('"')).ok_or_else(refused))
        .transpose()?;
    value
        .split(',')
        .map(|text| {
            // A period names its start first.
            let text = text.split('/').next().unwrap_or("").trim();
            let (local, form) = written(text).ok_or_else(refused)?;
            Ok(match (start, form) {
                (Moment::Day(_), _) => local.date().to_datetime(Time::midnight()),
                (Moment::Time { zone, .. }, Form::Utc) => rules(zone).to_datetime(utc(local)),
                (Moment::Time { zone, .. }, Form::Local | Form::Day) => match &named {
                    Some(named) if named != zone => {
                        let at = super::moment::instant(&rules(named), local);
                        rules(zone).to_datetime(at)
                    }
                    Some(_) | None => local,
                },
            })
        })
        .collect()
}

/// How a date or time was written in a recurrence line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Day,
    Local,
    Utc,
}

/// `20260608`, `20260608T100000` or `20260608T080000Z`.
fn written(text: &str) -> Option<(DateTime, Form)> {
    if text.len() == 8 {
        let day = Date::strptime("%Y%m%d", text).ok()?;
        return Some((day.to_datetime(Time::midnight()), Form::Day));
    }
    let (local, form) = match text.strip_suffix('Z') {
        Some(local) => (local, Form::Utc),
        None => (text, Form::Local),
    };
    let local = DateTime::strptime("%Y%m%dT%H%M%S", local).ok()?;
    Some((local, form))
}

fn utc(local: DateTime) -> Timestamp {
    super::moment::instant(&TimeZone::UTC, local)
}

fn numbers<N: Ord + TryFrom<i16>>(
    text: &str,
    least: i16,
    most: i16,
) -> Result<BTreeSet<N>, Refusal> {
    text.split(',')
        .map(|text| {
            let number: i16 = text.trim().parse().map_err(|_| refused())?;
            let zero_is_none = least < 0 && number == 0;
            if zero_is_none || !(least..=most).contains(&number) {
                return Err(refused());
            }
            N::try_from(number).map_err(|_| refused())
        })
        .collect()
}

fn weekday(text: &str) -> Result<Weekday, Refusal> {
    let found = WEEKDAYS.iter().find(|(word, _)| *word == text);
    found.map(|(_, day)| *day).ok_or_else(refused)
}

fn nth_day(text: &str) -> Result<NthDay, Refusal> {
    let text = text.trim();
    let split = text.len().checked_sub(2).ok_or_else(refused)?;
    let (nth, word) = text.split_at_checked(split).ok_or_else(refused)?;
    let nth_of_period = match nth {
        "" => None,
        nth => {
            let number: i8 = nth.parse().map_err(|_| refused())?;
            if number == 0 || !(-53..=53).contains(&number) {
                return Err(refused());
            }
            Some(number)
        }
    };
    Ok(NthDay {
        day: weekday(word)?,
        nth_of_period,
    })
}
