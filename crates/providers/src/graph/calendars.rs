//! The mailbox's calendars. There is no telling what changed among them: they are listed each time.

use kalends_calendar::event::Address;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteCalendarId;
use kalends_calendar::provider::{Access, Discovery, RemoteCalendar};
use serde::Deserialize;

use super::Graph;
use super::wire::{self, Calendar};
use crate::color;

/// More pages of calendars than any mailbox has.
const PAGES_MAX: usize = 50;

/// The colours that Outlook names, as it shows them.
const COLORS: [(&str, &str); 9] = [
    ("lightBlue", "#a6d1f5"),
    ("lightGreen", "#87d28e"),
    ("lightOrange", "#fcab73"),
    ("lightGray", "#c0c0c0"),
    ("lightYellow", "#f5e06b"),
    ("lightTeal", "#4adacc"),
    ("lightPink", "#fb96b8"),
    ("lightBrown", "#d3b59a"),
    ("lightRed", "#ff8c8c"),
];

impl Graph {
    /// The calendars, the one that Outlook opens with first, and whose they are.
    pub(super) async fn discover(&self) -> Result<Discovery, Failure> {
        let mut found = Vec::new();
        let mut request = self.ask().calendars();
        for _ in 0..PAGES_MAX {
            let page = wire::collection(&self.read_body(request).await?)?;
            for value in &page.value {
                let calendar = Calendar::deserialize(value).map_err(|error| {
                    Failure::protocol(format!("Microsoft's calendar cannot be read: {error}"))
                })?;
                found.push(calendar);
            }
            let Some(link) = page.next_link else {
                return Ok(self.discovered(found));
            };
            request = self.ask().follow(&link)?;
        }
        Err(Failure::protocol(
            "Microsoft's list of calendars does not end",
        ))
    }

    fn discovered(&self, mut found: Vec<Calendar>) -> Discovery {
        found.sort_by_key(|calendar| !calendar.is_default_calendar);
        let owner = found
            .iter()
            .find(|calendar| calendar.is_default_calendar)
            .and_then(|calendar| calendar.owner.as_ref())
            .map(|owner| Address::new(&owner.address))
            .filter(|address| !address.0.is_empty());
        let me = self.with_learned(|learned| {
            if let Some(owner) = owner.filter(|owner| !learned.me.contains(owner)) {
                learned.me.push(owner);
            }
            learned.me.clone()
        });
        let calendars = found
            .into_iter()
            .filter(|calendar| !calendar.id.is_empty())
            .map(|calendar| RemoteCalendar {
                color: color::hex(&calendar.hex_color).or_else(|| named(&calendar.color)),
                id: RemoteCalendarId(calendar.id),
                name: calendar.name,
                access: if calendar.can_edit {
                    Access::ReadWrite
                } else {
                    Access::ReadOnly
                },
            })
            .collect();
        Discovery { me, calendars }
    }
}

fn named(name: &str) -> Option<String> {
    let known = COLORS.iter().find(|(color, _)| *color == name);
    known.map(|(_, hex)| (*hex).to_owned())
}
