//! A person at a terminal: the real binary with a home of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::servers::Server;

/// One installation.
pub(crate) struct Person {
    home: TempDir,
    database: Option<String>,
    allow: &'static str,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// It went well.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, 0, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// It failed, and said so in these words.
    #[track_caller]
    pub(crate) fn failed(self, words: &str) -> Self {
        assert_eq!(self.code, 1, "out: {}\nerr: {}", self.out, self.err);
        assert!(self.err.contains(words), "not {words:?} in: {}", self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl Person {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            database: None,
            allow: "127.0.0.0/8",
        }
    }

    /// One whose installation talks to nothing on this machine.
    pub(crate) fn guarded() -> Self {
        Self {
            allow: "",
            ..Self::new()
        }
    }

    /// One who keeps everything elsewhere.
    pub(crate) fn on(database: &str) -> Self {
        Self {
            database: Some(database.to_owned()),
            ..Self::new()
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kalends"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("KALENDS_DATA", self.home.path())
            .env("KALENDS_TIME_ZONE", "Europe/Berlin")
            .env("KALENDS_ALLOW_ADDRESSES", self.allow)
            .stdin(Stdio::null());
        if let Some(database) = &self.database {
            command
                .env("KALENDS_DATABASE", database)
                // Of a test, and of nothing else.
                .env("KALENDS_MASTER_KEY", "00".repeat(32));
        }
        command
    }

    pub(crate) fn says(&self, arguments: &[&str]) -> Said {
        said(&self.command(arguments).output().unwrap())
    }

    /// Says something that works, and answers in JSON.
    #[track_caller]
    pub(crate) fn asks(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        self.says(&arguments).well().json()
    }

    /// Starts something that goes on.
    pub(crate) fn starts(&self, arguments: &[&str]) -> Running {
        self.starts_with(arguments, &[])
    }

    /// Starts something that goes on, with these variables.
    pub(crate) fn starts_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        let child = self
            .command(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running(Some(child))
    }

    /// The same in a terminal, as `script` (util-linux) makes one; none where there is no such program.
    pub(crate) fn starts_in_terminal(&self, arguments: &[&str]) -> Option<Running> {
        let command = self.command(arguments);
        let mut line = format!("'{}'", command.get_program().to_str().unwrap());
        for argument in arguments {
            line.extend([" ", argument]);
        }
        let variables = command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        let child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        match child {
            Ok(child) => Some(Running(Some(child))),
            Err(error) => {
                println!("skipped: no script here: {error}");
                None
            }
        }
    }

    /// Connects an account and links one of its calendars to the calendar `Ours`.
    #[track_caller]
    pub(crate) fn links(&self, server: &Server, more: &[&str]) {
        self.connects(server).well();
        let mut arguments = vec!["--calendar", "Ours"];
        arguments.extend(more);
        self.links_one(server.calendar_name, &arguments);
    }

    /// Links a calendar of the account that is connected.
    #[track_caller]
    pub(crate) fn links_one(&self, remote: &str, more: &[&str]) {
        let mut arguments = vec!["link", "--connection", "acc", "--remote", remote];
        arguments.extend(more);
        self.says(&arguments).well();
    }

    pub(crate) fn connects(&self, server: &Server) -> Said {
        let password = self.write("password", server.password);
        let password = password.to_str().unwrap();
        let mut arguments = vec!["connect", "caldav", "--name", "acc", "--url", &server.base];
        arguments.extend(["--user", server.user, "--password-file", password]);
        self.says(&arguments)
    }

    /// The titles of all events here, in order.
    #[track_caller]
    pub(crate) fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self.asks(&["events", "list"])["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["title"].as_str().unwrap().to_owned())
            .collect();
        titles.sort();
        titles
    }

    /// The id of the event with this title.
    #[track_caller]
    pub(crate) fn id(&self, title: &str) -> String {
        let listed = self.asks(&["events", "list"]);
        let found = listed["events"]
            .as_array()
            .unwrap()
            .iter()
            .find(|event| event["title"] == title);
        found.unwrap_or_else(|| panic!("no {title:?} in {listed}"))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// A command that goes on until it is ended.
pub(crate) struct Running(Option<Child>);

impl Running {
    /// Tells it to end, and hears what it said.
    pub(crate) fn end(mut self) -> Said {
        let child = self.0.take().unwrap();
        let ended = Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap();
        assert!(ended.success());
        said(&child.wait_with_output().unwrap())
    }

    /// Waits until it has said so many words, and tells all that it said until then.
    pub(crate) fn hears(&mut self, words: &[&str]) -> String {
        let out = self.0.as_mut().unwrap().stdout.as_mut().unwrap();
        let mut heard = String::new();
        let mut part = [0; 1024];
        while !words.iter().all(|words| heard.contains(words)) {
            let length = out.read(&mut part).unwrap();
            assert_ne!(length, 0, "not {words:?} in: {heard}");
            heard.push_str(&String::from_utf8_lossy(&part[..length]));
        }
        heard
    }

    /// Waits until it ends by itself, and hears what it said.
    pub(crate) fn waits(mut self) -> Said {
        said(&self.0.take().unwrap().wait_with_output().unwrap())
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> String {
        self.0.as_ref().unwrap().id().to_string()
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn said(output: &Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
