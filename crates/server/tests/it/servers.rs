//! `CalDAV` servers that others wrote, started on a free port of this machine and stopped again.
//!
//! They come from the Python environment at `$KALENDS_VENV`, or `.venv` in the repository. Where it has none, tests
//! say so and pass, unless `KALENDS_REQUIRE_SERVERS=1`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Twenty seconds in steps: Python needs one to start, and several on a busy machine.
const START_TRIES: usize = 200;
const START_STEP: Duration = Duration::from_millis(100);

/// A server of others', running until dropped.
pub(crate) struct Server {
    /// Where its root is.
    pub(crate) base: String,
    /// The account's user and password.
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    /// Its calendar, by name and by path.
    pub(crate) calendar_name: &'static str,
    pub(crate) calendar_path: &'static str,
    child: Child,
    folder: TempDir,
}

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Radicale with the accounts ann and bob; ann has the calendar `work`.
    Radicale,
    /// Xandikos with the calendar that it makes by itself.
    Xandikos,
}

impl Server {
    /// Starts a server; none where it is not installed and need not be.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let program = installed(match kind {
            Kind::Radicale => "radicale",
            Kind::Xandikos => "xandikos",
        })?;
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = Command::new(program);
        match kind {
            Kind::Radicale => {
                command
                    .arg("--config")
                    .arg(radicale_config(folder.path(), port));
            }
            Kind::Xandikos => {
                command
                    .args(["serve", "--autocreate", "--defaults"])
                    .args(["--current-user-principal", "/user1/"])
                    .args(["-l", "127.0.0.1", "-p", &port.to_string(), "-d"])
                    .arg(folder.path());
            }
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            base: format!("http://127.0.0.1:{port}/"),
            user: "ann",
            password: "open-sesame-47",
            calendar_name: match kind {
                Kind::Radicale => "Work",
                Kind::Xandikos => "calendar",
            },
            calendar_path: match kind {
                Kind::Radicale => "/ann/work/",
                Kind::Xandikos => "/user1/calendars/calendar/",
            },
            child,
            folder,
        };
        server.wait(port);
        Some(server)
    }

    /// Gives ann of Radicale one more calendar, with so many events in it.
    pub(crate) fn add_calendar(&self, name: &str, events: usize) {
        let folder = collection(self.folder.path(), &name.to_lowercase());
        fs::create_dir_all(&folder).unwrap();
        let props = format!(r#"{{"tag": "VCALENDAR", "D:displayname": "{name}"}}"#);
        fs::write(folder.join(".Radicale.props"), props).unwrap();
        for number in 0..events {
            let text = format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//server//EN\r\nBEGIN:VEVENT\r\n\
                 UID:{name}-{number}\r\nDTSTAMP:20261122T090000Z\r\nDTSTART:20261201T090000Z\r\n\
                 DTEND:20261201T100000Z\r\nSUMMARY:{name} {number}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            );
            fs::write(folder.join(format!("{name}-{number}.ics")), text).unwrap();
        }
    }

    fn wait(&mut self, port: u16) {
        for _ in 0..START_TRIES {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("the server ended with {status}: {log}");
            }
            thread::sleep(START_STEP);
        }
        panic!("the server does not listen");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let venv = std::env::var_os("KALENDS_VENV").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv"),
        PathBuf::from,
    );
    let program = venv.join("bin").join(name);
    if program.exists() {
        return Some(program);
    }
    let is_required = std::env::var("KALENDS_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(
        !is_required,
        "{name} is required and not in {}",
        venv.display()
    );
    println!("skipped: no {name} here (make setup installs it)");
    None
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Where Radicale keeps a calendar of ann's.
fn collection(folder: &Path, name: &str) -> PathBuf {
    folder.join("collections/collection-root/ann").join(name)
}

fn radicale_config(folder: &Path, port: u16) -> PathBuf {
    let users = folder.join("users");
    fs::write(&users, "ann:open-sesame-47\nbob:open-sesame-47\n").unwrap();
    let work = collection(folder, "work");
    fs::create_dir_all(&work).unwrap();
    fs::write(
        work.join(".Radicale.props"),
        r##"{"tag": "VCALENDAR", "D:displayname": "Work", "ICAL:calendar-color": "#0082C9FF"}"##,
    )
    .unwrap();
    let config = folder.join("config");
    let text = format!(
        "[server]\nhosts = 127.0.0.1:{port}\n\
         [auth]\ntype = htpasswd\nhtpasswd_filename = {}\nhtpasswd_encryption = plain\ndelay = 0\n\
         [rights]\ntype = owner_only\n\
         [storage]\nfilesystem_folder = {}\n\
         [web]\ntype = none\n\
         [logging]\nlevel = warning\n",
        users.display(),
        folder.join("collections").display(),
    );
    fs::write(&config, text).unwrap();
    config
}
