//! What a person reads before anything happens.

use crate::person::Person;

#[test]
fn the_first_page() {
    let said = Person::new().says(&["--help"]).well();
    insta::assert_snapshot!(said.out, @r#"
    Keeps calendars in step: Google, Microsoft 365, CalDAV servers and iCalendar feeds on one side,
    calendars of your own on the other

    Usage: kalends [OPTIONS] <COMMAND>

    Commands:
      connect      Connect an account at a CalDAV server, or a feed
      disconnect   Forget an account and its password
      connections  Show what is connected, and what is wrong with it
      calendars    Show your own calendars and those seen through connections
      link         Keep a remote calendar and one of your own in step from now on
      links        Show what is kept in step, and how that goes
      unlink       Stop keeping two calendars in step; both keep their events
      pause        Let a link rest; it keeps everything it knows
      resume       Let a link work again; it catches up
      sync         Bring both sides of all links into step, once or for as long as it runs
      events       List, show, add, change, delete and restore events
      import       Read events from iCalendar files
      export       Write events as one iCalendar file
      conflicts    Show what both sides changed at once, and decide it
      runs         Show what woke each sync and what came of it
      serve        Serve the API, and run the workers
      demo         Try everything: two tenants, users, tokens and CalDAV accounts, served until
                   interrupted
      sandbox      Serve accounts at Google, Microsoft and CalDAV to try things with
      tenant       Make tenants, and say what they may do
      user         Make users, and say as what they act in the tenant
      token        Make and end API tokens
      feature      Look after the catalogue of features
      plan         Look after plans
      invite       Invite the owner of a new tenant
      audit        Show who did what, or check that nobody has tampered with that
      doctor       Find what is wrong with this installation, and what cures it
      openapi      Print the document of the API, for programs
      migrate      Bring the database's schema up to date, or take it back
      keys         Look after the key that seals passwords
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Everywhere:
          --database <URL>  Where everything is kept: sqlite:PATH or postgres://USER@HOST/DATABASE
                            [default: kalends.db in the user's data folder] [env: KALENDS_DATABASE]
          --tenant <SLUG>   For which tenant [default: default; `connect`, `link`, `import` and `events
                            add` make that one] [env: KALENDS_TENANT]
          --config <FILE>   A settings file (TOML) [default: kalends/config.toml in the user's
                            configuration folder, if it is there] [env: KALENDS_CONFIG]
          --json            Print JSON for scripts instead of words for people
      -q, --quiet           No notes and no progress bars

    EXAMPLES:
      kalends connect caldav --url https://dav.example.com --user ann
      kalends calendars
      kalends link --connection ann@dav.example.com --remote Work --calendar Work
      kalends sync --dry-run
      kalends sync
      kalends events list --from 2026-12-01 --to 2027-01-01 --expand

    Ids may be shortened to their beginning or their end, as tables show them, while only one thing is
    meant.
    A failed command says why on the stream of errors and ends with 1; a wrong call ends with 2.
    "#);
}

#[test]
fn how_to_connect() {
    let said = Person::new().says(&["connect", "caldav", "--help"]).well();
    insta::assert_snapshot!(said.out, @r#"
    An account at a CalDAV server: iCloud, Fastmail, Nextcloud, Radicale, ...

    The address may be the server's, the account's, or just the domain of the mail address. Where the
    provider has app passwords (iCloud, Fastmail, Google, Yahoo), it takes one of those, not the
    account's own. The password is asked for, or read from a file or a variable; it is never an
    argument, which others could see. The same address and user again gives the connection a new
    password, and its links go on where they were.

    Usage: kalends connect caldav [OPTIONS] --url <URL> --user <USER>

    Options:
          --url <URL>
              The server's address, or a mail address or domain of it

          --user <USER>
              The user's name there

          --name <NAME>
              A name for the connection [default: USER@HOST]

          --password-file <FILE>
              Read the password from the first line of a file

          --password-env <VARIABLE>
              Read the password from a variable of the environment

      -h, --help
              Print help (see a summary with '-h')

    Everywhere:
          --database <URL>
              Where everything is kept: sqlite:PATH or postgres://USER@HOST/DATABASE [default:
              kalends.db in the user's data folder]
              
              [env: KALENDS_DATABASE]

          --tenant <SLUG>
              For which tenant [default: default; `connect`, `link`, `import` and `events add` make that
              one]
              
              [env: KALENDS_TENANT]

          --config <FILE>
              A settings file (TOML) [default: kalends/config.toml in the user's configuration folder,
              if it is there]
              
              [env: KALENDS_CONFIG]

          --json
              Print JSON for scripts instead of words for people

      -q, --quiet
              No notes and no progress bars

    EXAMPLES:
      kalends connect caldav --url https://dav.example.com --user ann
      kalends connect caldav --url icloud.com --user ann@icloud.com --name ann
      kalends connect caldav --url https://dav.example.com --user ann --password-file ann.password
    "#);
}

#[test]
fn a_wrong_call_ends_with_2() {
    let person = Person::new();
    for wrong in [
        &["sink"][..],
        &["sync", "--watch", "--dry-run"],
        &["link", "--connection", "a"],
        &["events", "add", "--title", "T", "--start", "tomorrow"],
        &[
            "connect",
            "caldav",
            "--url",
            "x",
            "--user",
            "u",
            "--password",
            "never",
        ],
    ] {
        assert_eq!(person.says(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn settings_are_checked_at_the_start() {
    let person = Person::new();
    let file = person.write("config.toml", "[sync]\npoll_evry = \"5m\"\n");
    let file = file.to_str().unwrap();
    person
        .says(&["--config", file, "connections"])
        .failed("poll_evry");
    person.write("config.toml", "[network]\nallow = [\"10.0.0.0/99\"]\n");
    let mut command = person.command(&["--config", file, "connections"]);
    let output = command
        .env_remove("KALENDS_ALLOW_ADDRESSES")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("network.allow"), "{err}");
}

#[test]
fn variables_that_make_no_sense_do_not_pass_in_silence() {
    let person = Person::new();
    let said = |name: &str, value: &str| {
        let mut command = person.command(&["connections"]);
        let output = command.env(name, value).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, err) = said("KALENDS_LOG", "kalends=loud");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("KALENDS_LOG"), "{err}");
    let (code, err) = said("KALENDS_SYNC_POL_EVERY", "1m");
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("KALENDS_SYNC_POL_EVERY"), "{err}");
}

#[test]
fn nothing_yet_is_said_with_what_to_do() {
    let person = Person::new();
    for (command, words) in [
        (
            &["connections"][..],
            "Nothing is connected yet: kalends connect --help\n",
        ),
        (&["links"], "Nothing is linked yet: kalends link --help\n"),
        (&["sync"], "Nothing is linked yet: kalends link --help\n"),
        (&["events", "list"], "There are no events.\n"),
        (&["conflicts"], "There are no conflicts.\n"),
        (&["runs"], "Nothing has been synced yet: kalends sync\n"),
    ] {
        assert_eq!(person.says(command).well().out, words);
    }
}

#[test]
fn the_schema_goes_down_and_up() {
    let person = Person::new();
    person.says(&["events", "list"]).well();
    person
        .says(&["migrate", "down", "--to", "0"])
        .failed("--yes");
    person
        .says(&["migrate", "down", "--to", "0", "--yes"])
        .well();
    let mut command = person.command(&["events", "list"]);
    let output = command.env("KALENDS_MIGRATE", "manual").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("kalends migrate up"));
    person.says(&["migrate", "up"]).well();
    person.says(&["events", "list"]).well();
}
