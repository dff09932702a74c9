//! `/api/platform/`: what administrators of the platform do. They see what tenants may do, and nothing of their calendars.

pub(super) mod audit;
pub(super) mod features;
pub(super) mod invitations;
pub(super) mod mailbox;
pub(super) mod overview;
pub(super) mod plans;
pub(super) mod routes;
pub(super) mod tenants;
