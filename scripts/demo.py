"""Drives the demo: two accounts on Radicale, one Kalends calendar between them, edits on every side, and the result.

Every step is printed with the command line that one would type. A step that fails ends the demo with its output.
"""

import argparse
import base64
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import unicodedata
import urllib.request
from datetime import date, datetime, timezone
from pathlib import Path

import icalendar

import caldav_server

DEMO = Path(".demo")
SAMPLES = Path("samples")
CALENDAR = "Practice and consulting"
ACCOUNTS = {"ann": ("practice", "Practice"), "ben": ("consulting", "Consulting")}
# The samples are dated around this day, so that the tables look the same whenever the demo runs.
TODAY = date(2026, 11, 22)
ROWS_SHOWN = 14
COMMAND_SECONDS_MAX = 120

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text):
    print(f"\n{paint('1;36', '▸')} {paint('1', text)}", flush=True)


def fail(text):
    print(f"\ndemo: {text}", file=sys.stderr)
    raise SystemExit(1)


def show_command(line):
    print(paint("2", f"  $ {line}"), flush=True)


def run(*arguments, quiet=False):
    """Runs one kalends command, shown as one would type it, and returns what it printed."""
    show_command(shlex.join(["kalends", *arguments]))
    return kalends(*arguments, quiet=quiet)


def kalends(*arguments, quiet=True):
    program = Path(os.environ["KALENDS_DEMO_PROGRAMS"]) / "kalends"
    done = subprocess.run(
        [str(program), *arguments],
        env=os.environ | {"COLUMNS": str(max(80, shutil.get_terminal_size((118, 40)).columns - 4))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
    )
    output = done.stdout + done.stderr
    if done.returncode != 0:
        print(output, file=sys.stderr)
        fail(f"`kalends {arguments[0]}` failed with exit code {done.returncode} (its output is above)")
    if not quiet:
        print("".join(f"    {line}\n" for line in output.rstrip().splitlines()), end="", flush=True)
    return done.stdout


def json_of(*arguments):
    answer = json.loads(kalends(*arguments, "--json"))
    # A list is either the answer itself or its only member.
    if isinstance(answer, dict):
        answer = next((value for value in answer.values() if isinstance(value, list)), answer)
    return answer


# ── the two sides that are not Kalends ──────────────────────────────────────────────────────────────────────────────


class Account:
    """What a phone or a laptop would see: one calendar of one account, over plain HTTP."""

    def __init__(self, server, user, password):
        self.server, self.user, self.password = server, user, password
        self.path = f"{user}/{ACCOUNTS[user][0]}/"

    def request(self, method, name="", body=None, headers=None):
        request = urllib.request.Request(self.server.url + self.path + name, data=body, method=method)
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read()
        except OSError as error:
            fail(f"{self.user}: {method} {name}: {error}")

    def events(self):
        return by_uid(self.request("GET"))

    def show(self, line):
        show_command(f"curl -u {self.user}:$(cat {DEMO}/{self.user}.password) {line}")

    def edit(self, name, old, new):
        """Changes one line of one event, as a device does: read, change, write back."""
        text = self.request("GET", name).decode()
        if old not in text:
            fail(f"{self.path}{name} does not contain {old!r}")
        self.show(f"-T {name} {self.server.url}{self.path}{name}")
        self.request("PUT", name, text.replace(old, new).encode(), {"Content-Type": "text/calendar; charset=utf-8"})

    def delete(self, name):
        self.show(f"-X DELETE {self.server.url}{self.path}{name}")
        self.request("DELETE", name)


def by_uid(text):
    """The events of an iCalendar stream: UID to the list of its components, the master first."""
    events = {}
    for event in icalendar.Calendar.from_ical(text).walk("VEVENT"):
        events.setdefault(str(event["UID"]), []).append(event)
    for parts in events.values():
        parts.sort(key=lambda part: "RECURRENCE-ID" in part)
    return events


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cell(text, size):
    if width(text) > size:
        while width(text) > size - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (size - width(text))


def table(titles, rows):
    screen = shutil.get_terminal_size((118, 40)).columns
    size = max(22, min(44, (screen - 4) // len(titles) - 3))
    bar = "┼".join("─" * (size + 2) for _ in titles)
    print("    " + "│".join(" " + paint("1", cell(title, size)) + " " for title in titles))
    print("    " + bar)
    for row in rows:
        print("    " + "│".join(f" {cell(text, size)} " for text in row))


def line_of(parts):
    """One event as a line: when, what, and whether it repeats."""
    if not parts:
        return "—"
    start = parts[0]["DTSTART"].dt
    when = f"{start:%d %b %y %H:%M}" if isinstance(start, datetime) else f"{start:%d %b %y}      "
    repeats = " ↻" if "RRULE" in parts[0] or "RDATE" in parts[0] else ""
    return f"{when} {parts[0].get('SUMMARY', '')}{repeats}"


def order(parts):
    start = parts[0]["DTSTART"].dt
    day = start.date() if isinstance(start, datetime) else start
    return (day < TODAY, day.isoformat(), str(start))


def side_by_side(sides, only=None):
    """The three sides in columns, one event a row, matched by UID."""
    events = [side() for side in sides.values()]
    uids = {uid: next(e[uid] for e in events if uid in e) for e in events for uid in e}
    uids = sorted((uid for uid in uids if only is None or uid in only), key=lambda uid: order(uids[uid]))
    shown = uids if only else uids[:ROWS_SHOWN]
    table(list(sides), [[line_of(e.get(uid)) for e in events] for uid in shown])
    if len(uids) > len(shown):
        print(f"    … and {len(uids) - len(shown)} more")
    print("    " + ", ".join(f"{name}: {len(e)} events" for name, e in zip(sides, events)))


def instant(moment):
    """A time as every side must mean it: zones may be named differently, floating times and days have none."""
    if isinstance(moment, datetime) and moment.tzinfo:
        return moment.astimezone(timezone.utc).isoformat()
    return moment.isoformat()


def facts(parts):
    """What must be equal on every side, however a server or a program chooses to write it down."""
    return sorted(
        (
            instant(part["RECURRENCE-ID"].dt) if "RECURRENCE-ID" in part else "",
            str(part.get("SUMMARY", "")),
            str(part.get("LOCATION", "")),
            instant(part["DTSTART"].dt),
            # Weeks begin on Monday unless somebody says otherwise, so that saying it changes nothing.
            sorted(set(part["RRULE"].to_ical().decode().split(";")) - {"WKST=MO"}) if "RRULE" in part else [],
        )
        for part in parts
    )


def must_agree(sides):
    """Ends the demo unless all sides hold the same events, each once, alike."""
    seen = {name: side() for name, side in sides.items()}
    first_name, first = next(iter(seen.items()))
    for name, events in seen.items():
        if missing := first.keys() ^ events.keys():
            fail(f"{name} and {first_name} differ in these events: {', '.join(sorted(missing))}")
        for uid, parts in events.items():
            if facts(parts) != facts(first[uid]):
                fail(f"{uid} differs:\n  {first_name}: {facts(first[uid])}\n  {name}: {facts(parts)}")
    print(f"    {paint('32', '✓')} {len(first)} events on each side, alike, none twice")
    return len(first)


# ── the demo ────────────────────────────────────────────────────────────────────────────────────────────────────────


def fresh_folder():
    pid_file = DEMO / "radicale.pid"
    if pid_file.exists():
        try:
            os.kill(int(pid_file.read_text()), 0)
        except (OSError, ValueError):
            pass
        else:
            fail(f"a demo is still running here (process {pid_file.read_text()}): end it first")
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(mode=0o700)


def start_radicale():
    passwords = {user: caldav_server.new_password() for user in ACCOUNTS}
    for user, (name, title) in ACCOUNTS.items():
        calendar = caldav_server.radicale_calendar(DEMO, user, name, title)
        for sample in sorted((SAMPLES / user).glob("*.ics")):
            shutil.copy(sample, calendar)
        caldav_server.secret_file(DEMO / f"{user}.password", passwords[user] + "\n")
    server = caldav_server.radicale(DEMO, passwords)
    (DEMO / "radicale.pid").write_text(str(server.process.pid))
    return server, {user: Account(server, user, passwords[user]) for user in ACCOUNTS}


def settings():
    """What Kalends needs to know, as a file that one can source in another terminal."""
    caldav_server.secret_file(DEMO / "master.key", base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    values = {
        "KALENDS_DATABASE": f"sqlite:{DEMO}/kalends.db",
        "KALENDS_MASTER_KEY_FILE": f"{DEMO}/master.key",
        # Radicale listens on this machine, where Kalends does not connect to unless it is told that it may.
        "KALENDS_ALLOW_ADDRESSES": "private",
    }
    os.environ.update(values)
    programs = os.environ["KALENDS_DEMO_PROGRAMS"]
    programs = programs if os.path.isabs(programs) else f"$PWD/{programs}"
    lines = [f"export {key}={value}" for key, value in values.items()] + [f'export PATH="{programs}:$PATH"']
    (DEMO / "env").write_text("\n".join(lines) + "\n")
    for line in lines[:-1]:
        show_command(line)


def event_id(title):
    """The id of the event with this title, as Kalends lists it."""
    found = [event for event in json_of("events", "list", "--calendar", CALENDAR) if event.get("title") == title]
    if not found:
        fail(f"Kalends does not list an event {title!r}")
    return found[0]["id"]


def show_story(server, accounts):
    ann, ben = accounts["ann"], accounts["ben"]
    sides = {
        "Ann's server": ann.events,
        "Kalends": lambda: by_uid(kalends("export", "--calendar", CALENDAR)),
        "Ben's server": ben.events,
    }

    say("Settings: an SQLite database, a master key for the passwords at rest, and leave to talk to this machine")
    settings()

    say("Connect both accounts; the passwords come from files and are stored encrypted")
    for user in ACCOUNTS:
        run("connect", "caldav", "--name", user, "--url", server.url, "--user", user,
            "--password-file", f"{DEMO}/{user}.password")
    run("connections")
    run("calendars")

    say("Link a calendar of each account to one Kalends calendar")
    for user, (_, title) in ACCOUNTS.items():
        run("link", "--connection", user, "--remote", title, "--calendar", CALENDAR)

    say("The first sync: Ann's events travel to Ben, Ben's to Ann. Both have the same meeting already: it stays one")
    run("sync")
    side_by_side(sides)
    before = must_agree(sides)

    say("Now everybody edits. Ann moves the billing on her phone, and the dentist has a new address")
    ann.edit("month-end-billing.ics", "T150000", "T133000")
    ann.edit("dentist.ics", "LOCATION:Dr. Öztürk", "LOCATION:Dr. Öztürk\\, Seestraße 40")
    say("Ben deletes the flat viewing on his laptop")
    ben.delete("flat-viewing.ics")
    say("In Kalends somebody renames the dentist's appointment, the one Ann has just changed, and adds an event")
    run("events", "edit", event_id("Dentist"), "--title", "Dentist (bring the X-rays)")
    run("events", "add", "--calendar", CALENDAR, "--title", "Open house", "--start", "2026-12-05T11:00",
        "--end", "2026-12-05T15:00", "--zone", "Europe/Berlin")

    say("What would a sync do? The plan is data: it can be looked at before it happens")
    run("sync", "--dry-run")
    say("Do it")
    run("sync")

    touched = ("Month-end billing", "Dentist", "Open house", "Flat viewing", "Planning 2027")
    kept = {uid for uid, parts in ann.events().items() if str(parts[0].get("SUMMARY", "")).startswith(touched)}
    say("The touched events on all three sides: the two edits of the dentist's appointment were merged by field")
    side_by_side(sides, only=kept)
    after = must_agree(sides)
    if after != before:
        fail(f"one event was added and one deleted, so there should be {before} events, not {after}")
    dentist = next(p[0] for p in ben.events().values() if str(p[0].get("SUMMARY", "")).startswith("Dentist"))
    if "X-rays" not in str(dentist["SUMMARY"]) or "Seestraße" not in str(dentist["LOCATION"]):
        fail("an edit of the dentist's appointment was lost on its way to Ben")

    say("Every version is kept, with who and why, and can be brought back")
    run("events", "history", event_id("Dentist (bring the X-rays)"))
    say("Nothing is left to do: another sync sends no write")
    run("sync")


def show_what_next(server, stays):
    say("Play on" + (", in another terminal:" if stays else " (run `make demo` in a terminal: then the server stays up):"))
    for line in (
        f"source {DEMO}/env",
        "kalends events list",
        "kalends sync --watch",
        'kalends events edit ID --title "Something else"      # then look at both servers',
        "kalends conflicts",
        f"curl -u ann:$(cat {DEMO}/ann.password) {server.url}ann/practice/",
    ):
        show_command(line)
    print(f"\n  Or connect a calendar program (CalDAV) to {server.url}, users ann and ben.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop at the end, even in a terminal")
    options = parser.parse_args()
    stays = not options.exit and sys.stdin.isatty() and sys.stdout.isatty()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    fresh_folder()
    say("Radicale, a CalDAV server that others wrote, starts with two accounts: Ann's practice, Ben's consulting")
    server, accounts = start_radicale()
    try:
        with server:
            print(f"    {server.url}, files in {DEMO}/collections")
            show_story(server, accounts)
            show_what_next(server, stays)
            if stays:
                print("\n  The server runs until Ctrl-C.", flush=True)
                server.process.wait()
    except KeyboardInterrupt:
        print()
    finally:
        (DEMO / "radicale.pid").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
