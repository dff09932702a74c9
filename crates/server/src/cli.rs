//! The command line: all commands on one page. What each does stands in `commands`, one file per noun.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    calendars, conflicts, connect, connections, demo, doctor, events, export, import, keys, links,
    migrate, openapi, platform, runs, sandbox, serve, settings, sync,
};

/// Keeps calendars in step: Google, Microsoft 365, CalDAV servers and iCalendar feeds on one side, calendars of your own on the other.
#[derive(Debug, Parser)]
#[command(
    name = "kalends",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
EXAMPLES:
  kalends connect caldav --url https://dav.example.com --user ann
  kalends calendars
  kalends link --connection ann@dav.example.com --remote Work --calendar Work
  kalends sync --dry-run
  kalends sync
  kalends events list --from 2026-12-01 --to 2027-01-01 --expand

Ids may be shortened to their beginning or their end, as tables show them, while only one thing is meant.
A failed command says why on the stream of errors and ends with 1; a wrong call ends with 2."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    #[arg(
        long,
        help = "Where everything is kept: sqlite:PATH or postgres://USER@HOST/DATABASE [default: kalends.db in the user's data folder]",
        global = true,
        env = "KALENDS_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) database: Option<String>,
    /// For which tenant [default: default; `connect`, `link`, `import` and `events add` make that one]
    #[arg(
        long,
        global = true,
        env = "KALENDS_TENANT",
        hide_env_values = true,
        value_name = "SLUG"
    )]
    pub(crate) tenant: Option<String>,
    /// A settings file (TOML) [default: kalends/config.toml in the user's configuration folder, if it is there]
    #[arg(
        long,
        global = true,
        env = "KALENDS_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON for scripts instead of words for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No notes and no progress bars
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// The variables of the environment that the command itself names.
    #[arg(skip)]
    pub(crate) variables: Vec<String>,
}

/// Everything Kalends can be told to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect an account at a CalDAV server, or a feed
    Connect(connect::Connect),
    /// Forget an account and its password
    Disconnect(connections::Disconnect),
    /// Show what is connected, and what is wrong with it
    #[command(after_help = connections::EXAMPLES)]
    Connections,
    /// Show your own calendars and those seen through connections
    Calendars(calendars::Calendars),
    /// Keep a remote calendar and one of your own in step from now on
    Link(links::Make),
    /// Show what is kept in step, and how that goes
    #[command(after_help = links::EXAMPLES)]
    Links,
    /// Stop keeping two calendars in step; both keep their events
    Unlink(links::Unlink),
    /// Let a link rest; it keeps everything it knows
    Pause(links::Pause),
    /// Let a link work again; it catches up
    Resume(links::Resume),
    /// Bring both sides of all links into step, once or for as long as it runs
    Sync(sync::Sync),
    /// List, show, add, change, delete and restore events
    #[command(subcommand)]
    Events(events::Events),
    /// Read events from iCalendar files
    Import(import::Import),
    /// Write events as one iCalendar file
    Export(export::Export),
    /// Show what both sides changed at once, and decide it
    Conflicts(conflicts::Conflicts),
    /// Show what woke each sync and what came of it
    Runs(runs::Runs),
    /// Serve the API, and run the workers
    Serve(serve::Serve),
    /// Try everything: two tenants, users, tokens and CalDAV accounts, served until interrupted
    Demo(demo::Demo),
    /// Serve accounts at Google, Microsoft and CalDAV to try things with
    Sandbox(sandbox::Sandbox),
    /// Make tenants, and say what they may do
    #[command(subcommand)]
    Tenant(platform::tenants::Tenants),
    /// Make users, and say as what they act in the tenant
    #[command(subcommand)]
    User(platform::users::Users),
    /// Make and end API tokens
    #[command(subcommand)]
    Token(platform::tokens::Tokens),
    /// Look after the catalogue of features
    #[command(subcommand)]
    Feature(platform::features::Features),
    /// Look after plans
    #[command(subcommand)]
    Plan(platform::plans::Plans),
    /// Invite the owner of a new tenant
    ///
    /// Prints a link, good for seven days, once. Nobody is mailed: send it to the invited person yourself.
    /// `POST /api/platform/invitations/` mails it, where Kalends can send mails.
    Invite(platform::invite::Invite),
    /// Show who did what, or check that nobody has tampered with that
    #[command(subcommand)]
    Audit(platform::audit::Audit),
    /// Find what is wrong with this installation, and what cures it
    Doctor(doctor::Doctor),
    /// Print the document of the API, for programs
    Openapi(openapi::Openapi),
    /// Print the table of all settings, for the guide
    #[command(hide = true)]
    Settings(settings::Settings),
    /// Bring the database's schema up to date, or take it back
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Look after the key that seals passwords
    #[command(subcommand)]
    Keys(keys::Keys),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_and_examples() {
        fn look(command: &clap::Command, path: &str) {
            for inner in command
                .get_subcommands()
                .filter(|inner| inner.get_name() != "help")
            {
                let path = format!("{path} {}", inner.get_name());
                assert!(
                    inner.get_about().is_some(),
                    "{path} says nothing about itself"
                );
                let leaf = inner.get_subcommands().next().is_none();
                if leaf {
                    let after = inner
                        .get_after_help()
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    assert!(after.contains("EXAMPLES:"), "{path} has no examples");
                    assert!(
                        after.contains(path.trim_start()),
                        "{path} has no example of itself"
                    );
                }
                for argument in inner.get_arguments() {
                    assert!(
                        argument.get_help().is_some(),
                        "{path}: {}",
                        argument.get_id()
                    );
                }
                look(inner, &path);
            }
        }
        look(&Cli::command(), "kalends");
    }
}
