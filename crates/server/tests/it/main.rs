//! The real binary against real servers that others wrote: what a person does, and what comes of it.

#![expect(clippy::unwrap_used, reason = "what a test cannot set up has failed")]

mod accounts;
mod accounts_come_and_go;
mod app;
mod at_once;
mod audited;
mod bounds;
mod conflicts;
mod connecting;
mod consent;
mod contract;
mod cut_off;
mod deletions;
mod device;
mod doctor;
mod documented;
mod embedding;
mod features;
mod files;
mod free_busy;
mod help;
mod history;
mod idempotency;
mod keeping_in_step;
mod listening;
mod mails;
mod mid_sync;
mod nodes;
mod oauth;
mod operator;
mod overviews;
mod person;
mod post;
mod pushing;
mod receiver;
mod routes;
mod sandbox;
mod secrets;
mod servers;
mod service;
mod serving;
mod signin;
mod tenancy;
