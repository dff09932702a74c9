//! The only crate that speaks HTTP outward: remote calendars behind [`kalends_calendar::provider::Provider`].
//!
//! [`http`] is the door: one [`http::Transport`], an address guard that users' addresses cannot get round, redirects
//! that never carry a password to a stranger, tokens that go to their API's own origin only. [`caldav`], [`google`],
//! [`graph`] and [`ics`] turn calls into request values and answers into changes; what they decide is decided on bytes and
//! tested on bytes. [`oauth`] and [`mail`] are what goes with accounts at Google and Microsoft.
//!
//! It never knows tenants, links or the store, never retries and never sleeps: the engine does.

pub mod caldav;
mod color;
pub mod google;
pub mod graph;
mod halfway;
mod html;
pub mod http;
pub mod ics;
mod inheritance;
pub mod mail;
pub mod oauth;
mod remote_id;
