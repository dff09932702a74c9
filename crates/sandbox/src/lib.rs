//! The emulator: one world behind provider faces, with faults.
//!
//! A [`World`] is a server's whole state, held in memory: accounts, collections, objects, every change ever made to them,
//! every request it was asked and every mail it would have sent. A *face* answers requests from it as a kind of server
//! would: [`caldav`], [`ics`], [`google`] and [`microsoft`], the last two with the sign-in of [`oauth`].
//! [`quirks`] are lasting peculiarities of a server, [`faults`] befall single requests.
//! [`seed`] makes calendars such as people have, and edits them as another program would.
//! [`control`] is the world behind a port: one door for all requests, pushes on their way out, and an operator's own doors.
//! `page` is what people see of it in a browser, at `/`.
//!
//! It is synchronous and deterministic: time comes in as an argument, chance from a seed. It reads the protocols from
//! their texts on its own: it must never use the client's code (`providers`), nor the patching of `calendar`, so that a
//! misreading there shows here.

#![expect(
    clippy::doc_markdown,
    reason = "ETag, CalDAV and iCloud are names of the trade, not code"
)]

pub mod caldav;
pub mod chance;
pub mod control;
pub mod faults;
pub mod google;
pub mod ics;
pub mod microsoft;
pub mod oauth;
pub mod quirks;
pub mod seed;
pub mod world;

mod base64;
mod digest;
mod page;
mod saved;
mod text;

pub use chance::Chance;
pub use faults::{Fault, Odds, Outcome, handle, handle_with};
pub use quirks::Quirks;
pub use world::{Place, World};
