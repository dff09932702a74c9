//! The page at `/`, as people use it in a browser.

mod access;
mod browser;
mod caldav;
mod google;
mod microsoft;
mod operator;
mod reading;
mod safety;
