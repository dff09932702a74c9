//! The calendars of an account.

use kalends_calendar::event::Address;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteCalendarId;
use kalends_calendar::provider::{Access, Discovery, RemoteCalendar};

use super::refusal::Doing;
use super::wire::{self, CalendarEntry, CalendarList};
use super::{Google, requests};
use crate::color;

/// More pages than any calendar list has: at 250 a page, 25,000 calendars.
const PAGES_MAX: usize = 100;

impl Google {
    /// The calendars that the owner sees, the primary one first.
    pub(super) async fn list_calendars(&self) -> Result<Discovery, Failure> {
        let mut entries: Vec<CalendarEntry> = Vec::new();
        let mut page_token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let request = requests::calendar_list(&self.api.base, page_token.as_deref())?;
            let answer = self.ask(request, Doing::ReadCalendar).await?;
            let page: CalendarList = wire::body(&answer.body)?;
            entries.extend(page.items);
            page_token = page.next_page_token;
            if page_token.is_none() {
                return Ok(self.discovery(entries));
            }
        }
        Err(Failure::protocol("Google's list of calendars does not end"))
    }

    fn discovery(&self, mut entries: Vec<CalendarEntry>) -> Discovery {
        entries.retain(|entry| !entry.deleted && !entry.hidden && !entry.id.is_empty());
        // Stable: the others stay as Google orders them.
        entries.sort_by_key(|entry| !entry.primary);
        let mut me = self.me.clone();
        // The primary calendar is called like its owner.
        let primary = entries.iter().find(|entry| entry.primary);
        if let Some(address) = primary
            .map(|entry| Address::new(&entry.id))
            .filter(|address| address.0.contains('@') && !me.contains(address))
        {
            me.push(address);
        }
        Discovery {
            me,
            calendars: entries.into_iter().map(calendar).collect(),
        }
    }
}

fn calendar(entry: CalendarEntry) -> RemoteCalendar {
    let name = entry
        .summary_override
        .or(entry.summary)
        .filter(|name| !name.trim().is_empty());
    RemoteCalendar {
        name: name.unwrap_or_else(|| entry.id.clone()),
        color: entry.background_color.as_deref().and_then(color::hex),
        access: access(&entry.access_role),
        id: RemoteCalendarId(entry.id),
    }
}

/// What a role allows. A role nobody knows yet allows reading: it stands in the list, and no more is certain.
fn access(role: &str) -> Access {
    match role {
        "owner" | "writer" | "writerWithoutPrivateAccess" => Access::ReadWrite,
        "freeBusyReader" => Access::FreeBusy,
        _ => Access::ReadOnly,
    }
}
