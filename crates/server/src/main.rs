//! `kalends`: the command line, the API, and the place where all crates come together.
//!
//! Nothing of the sync's logic is here: commands ask the store, call the engine, and put into words what came of it.

mod accounts;
mod api;
mod app;
mod budgets;
mod cli;
mod commands;
mod config;
mod connecting;
mod credentials;
mod grants;
mod holder;
mod hooks;
mod keys;
mod linking;
mod listening;
mod local_zone;
mod mailing;
mod names;
mod notices;
#[cfg(test)]
#[path = "../tests/it/post.rs"]
mod post;
mod push;
mod revoking;
mod rounds;
mod sandboxed;
mod screen;
mod seams;
mod smtp;
#[cfg(test)]
mod stage;
mod stopping;
mod tenancy;
mod typed;
mod web;
mod words;

use std::process::ExitCode;

use clap::Parser;

/// How a command ended that has already told everything there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All is well.
    Well,
    /// Something of it failed, and the user has been told what.
    WithFailures,
}

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::WithFailures) => ExitCode::FAILURE,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    screen::warn(&format!("kalends: {error:#}"));
    ExitCode::FAILURE
}
