//! Dates and times as iCalendar writes them (RFC 5545 §3.3.4, §3.3.5).

use jiff::civil::{Date, DateTime, Time};

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Date,
    Local,
    Utc,
}

/// A time as it stands on its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: DateTime,
    pub(crate) form: Form,
}

impl Moment {
    pub(crate) fn read(value: &str) -> Option<Self> {
        let (local, utc) = value
            .strip_suffix('Z')
            .map_or((value, Form::Local), |local| (local, Form::Utc));
        match local.split_once('T') {
            None => Some(Self {
                at: Date::strptime("%Y%m%d", local).ok()?.at(0, 0, 0, 0),
                form: Form::Date,
            }),
            Some((date, time)) => {
                let date = Date::strptime("%Y%m%d", date).ok()?;
                Some(Self {
                    at: date.to_datetime(Time::strptime("%H%M%S", time).ok()?),
                    form: utc,
                })
            }
        }
    }

    pub(crate) fn write(self) -> String {
        let form = match self.form {
            Form::Date => "%Y%m%d",
            Form::Local => "%Y%m%dT%H%M%S",
            Form::Utc => "%Y%m%dT%H%M%SZ",
        };
        self.at.strftime(form).to_string()
    }
}
