"""Starts the CalDAV servers of the virtual environment, for the demo and the benchmarks. They listen on 127.0.0.1 only."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS_MAX = 30
CALENDAR_PROPS = {"tag": "VCALENDAR", "C:supported-calendar-component-set": "VEVENT"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A child process that answers on a port. Stopped by stop(), or by leaving a `with` block."""

    def __init__(self, name, command, port, log_file):
        self.name, self.port, self.log_file = name, port, Path(log_file)
        self.url = f"http://127.0.0.1:{port}/"
        with open(log_file, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise SystemExit(f"{self.name} did not start:\n{self.log_file.read_text(errors='replace')[-2000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def secret_file(path, text):
    """Writes a file that nobody else may read."""
    path = Path(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path


def new_password():
    return secrets.token_urlsafe(12)


def radicale(folder, passwords, log_level="warning", storage=""):
    """Radicale on `folder`, with the accounts of `passwords` (user name to password); `storage` are more lines of settings."""
    folder = Path(folder).resolve()
    port = free_port()
    accounts = secret_file(folder / "accounts", "".join(f"{user}:{word}\n" for user, word in passwords.items()))
    config = folder / "radicale.conf"
    config.write_text(
        f"""[server]
hosts = 127.0.0.1:{port}
max_connections = 40
[auth]
type = htpasswd
htpasswd_filename = {accounts}
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
{storage}filesystem_folder = {folder / "collections"}
[web]
type = none
[logging]
level = {log_level}
"""
    )
    command = [sys.executable, "-m", "radicale", "--config", str(config)]
    return Server("Radicale", command, port, folder / "radicale.log")


def radicale_calendar(folder, user, name, title, color="#5b8def"):
    """Makes a calendar in Radicale's folder before the server starts; returns where its events belong."""
    calendar = Path(folder) / "collections" / "collection-root" / user / name
    calendar.mkdir(parents=True)
    props = CALENDAR_PROPS | {"D:displayname": title, "ICAL:calendar-color": color}
    (calendar / ".Radicale.props").write_text(json.dumps(props))
    return calendar


def xandikos(folder):
    """Xandikos on `folder`. It has no accounts: its one principal is /user1/, its one calendar .../calendars/calendar."""
    folder = Path(folder).resolve()
    port = free_port()
    program = Path(sys.executable).with_name("xandikos")
    command = [
        *(str(program), "serve", "-d", str(folder / "data"), "--autocreate", "--defaults"),
        *("--state-dir", str(folder / "state"), "--current-user-principal", "/user1/", "-l", "127.0.0.1", "-p", str(port)),
    ]
    (folder / "data").mkdir(parents=True, exist_ok=True)
    return Server("Xandikos", command, port, folder / "xandikos.log")
