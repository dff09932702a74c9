//! The real binary against real servers that others wrote: what a person does, and what comes of it.

mod conflicts;
mod connecting;
mod deletions;
mod device;
mod files;
mod help;
mod history;
mod keeping_in_step;
mod nodes;
mod person;
mod servers;
