"""What the proofs act on: Radicale with its accounts, Kalends with its database, and other people's programs."""

import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import caldav_server  # noqa: E402  (it lies in scripts/, beside the demo that shares it)

import equal  # noqa: E402

CALENDAR = "Proof"
COMMAND_SECONDS_MAX = 3600


class Broken(Exception):
    """A promise that does not hold."""


def note(text):
    print(f"  {text}", flush=True)


class Timed:
    """Prints how long a part took."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        self.took = time.monotonic() - self.began
        if kind is None:
            note(f"{self.text}: {self.took:.1f} s")


class Radicale:
    """A real server. Its calendars are made and seeded as files before it starts."""

    def __init__(self, home, users, indexed=False):
        self.home, self.indexed = home, indexed
        self.passwords = {user: caldav_server.new_password() for user in users}
        for user in users:
            caldav_server.radicale_calendar(home, user, "cal", "Cal")

    def folder(self, user):
        return self.home / "collections" / "collection-root" / user / "cal"

    def __enter__(self):
        storage = ""
        if self.indexed:
            os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
            storage = "type = indexed\n"
        self.server = caldav_server.radicale(self.home, self.passwords, log_level="info", storage=storage)
        return self

    def __exit__(self, *_):
        self.server.stop()

    @property
    def url(self):
        return self.server.url

    def writes(self):
        """How many requests that change something were made so far."""
        return len(re.findall(r"\] (?:PUT|DELETE|MOVE|PROPPATCH) request for '", self.server.log_file.read_text(errors="replace")))

    def files(self, user):
        return {file.name: file.read_bytes().decode() for file in self.folder(user).glob("*.ics")}

    def names(self, user):
        """UID to the name of the resource; every UID stands in one."""
        found = {}
        for name, text in self.files(user).items():
            uid = uid_of(text)
            if uid in found:
                raise Broken(f"{user}: {uid} is on the server twice: {found[uid]} and {name}")
            found[uid] = name
        return found

    def request(self, user, method, name, body=None, headers=None):
        request = urllib.request.Request(f"{self.url}{user}/cal/{urllib.parse.quote(name)}", data=body, method=method)
        token = base64.b64encode(f"{user}:{self.passwords[user]}".encode()).decode()
        for key, value in {"Authorization": f"Basic {token}", **(headers or {})}.items():
            request.add_header(key, value)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode(), answer.headers.get("ETag")

    def change(self, user, name, edit):
        """Reads, changes and writes back, as another client does."""
        text, etag = self.request(user, "GET", name)
        headers = {"Content-Type": "text/calendar; charset=utf-8", "If-Match": etag}
        self.request(user, "PUT", name, edit(text).encode(), headers)

    def add(self, user, name, body):
        self.request(user, "PUT", name, body, {"Content-Type": "text/calendar; charset=utf-8", "If-None-Match": "*"})

    def remove(self, user, name):
        _, etag = self.request(user, "GET", name)
        self.request(user, "DELETE", name, headers={"If-Match": etag})


class Kalends:
    """The binary, with a database of its own."""

    def __init__(self, home, program):
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.program = home, program
        self.env = {
            "KALENDS_DATABASE": f"sqlite:{home}/kalends.db",
            "KALENDS_MASTER_KEY_FILE": f"{home}/master.key",
            "KALENDS_ALLOW_ADDRESSES": "private",
            "KALENDS_TIME_ZONE": "Europe/Berlin",
            # One event is written more often here than anybody would in an hour.
            "KALENDS_SYNC_WRITES_PER_EVENT_PER_HOUR": "1000",
        }
        caldav_server.secret_file(home / "master.key", base64.b64encode(secrets.token_bytes(32)).decode() + "\n")

    def forget(self):
        """Throws the database away."""
        for file in self.home.glob("kalends.db*"):
            file.unlink()

    def start(self, *arguments):
        with open(self.home / "out", "wb") as out, open(self.home / "err", "wb") as err:
            return subprocess.Popen(
                [self.program, *arguments], env=os.environ | self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    def run(self, *arguments, fails=False):
        """What the command printed. It must succeed, unless it `fails`, which then is left to the caller."""
        code = self.start(*arguments).wait(timeout=COMMAND_SECONDS_MAX)
        out, err = (self.home / "out").read_text(), (self.home / "err").read_text()
        if code != 0 and not fails:
            raise Broken(f"kalends {' '.join(arguments)}: exit code {code}\n{out[-1500:]}\n{err[-1500:]}")
        return out

    def json(self, *arguments, fails=False):
        return json.loads(self.run(*arguments, "--json", fails=fails))

    def connect(self, radicale, user, url=None, name=None):
        word = caldav_server.secret_file(self.home / "password", radicale.passwords[user] + "\n")
        name = name or user
        self.run("connect", "caldav", "--name", name, "--url", url or radicale.url, "--user", user, "--password-file", str(word))
        self.run("link", "--connection", name, "--remote", "Cal", "--calendar", CALENDAR)

    def sync(self, *arguments, fails=False):
        return self.json("sync", *arguments, fails=fails)["links"]

    def sync_until_quiet(self, radicale, rounds_max=4):
        """Syncs until a sync writes nothing and changes nothing; says how many that took."""
        for round_ in range(1, rounds_max + 1):
            before = radicale.writes()
            links = self.sync()
            did = sum(link[what] for link in links for what in ("created", "updated", "deleted", "pushed"))
            if did == 0 and radicale.writes() == before:
                return round_
        raise Broken(f"after {rounds_max} syncs there still is something to do: {links}")

    def kill_sync_after(self, seconds):
        """Starts a sync and kills it; whether it was still running then, and how long it ran."""
        began = time.monotonic()
        child = self.start("sync")
        try:
            child.wait(timeout=seconds)
            alive = False
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            alive = True
        return alive, time.monotonic() - began

    def export(self):
        return self.run("export", "--calendar", CALENDAR)

    def ids(self):
        """UID to id of every event that is there."""
        return {event["uid"]: event["id"] for event in self.json("events", "list", "--calendar", CALENDAR)["events"]}


def unfolded(text):
    """The content lines of a text, each in one line, ending with a bare newline."""
    return re.sub(r"\n[ \t]", "", text.replace("\r\n", "\n"))


def uid_of(text):
    return re.search(r"^UID(?:;[^:]*)?:(.*)$", unfolded(text), re.M)[1].replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")


def now():
    return datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def stored(radicale, user):
    """All events of a server, each of which must stand in one resource."""
    radicale.names(user)
    found = {}
    for name, text in radicale.files(user).items():
        try:
            read = equal.events(text)
        except ValueError as error:
            raise Broken(f"{user}/{name} cannot be read: {error}") from error
        if len(read) != 1:
            raise Broken(f"{user}/{name} holds {len(read)} events: {', '.join(read)}")
        found |= read
    return found


def must_equal(one, other, names):
    """Raises at the first event in which two sides differ."""
    first, second = names
    for uid in sorted(one.keys() | other.keys()):
        if uid not in one or uid not in other:
            raise Broken(f"{uid} is only on {first if uid in one else second}")
        if found := equal.difference(one[uid], other[uid]):
            raise Broken(f"{uid} differs between {first} and {second}: {found}")
