"""What a large account costs: the first sync, a kill in the middle of it, and a change after it.

    make bench-large                            100, 10,000, 30,000 and 100,000 events; an hour or so
    make bench-large BENCH=--quick              100 and 2,000 events; `make bench` includes it
    .venv/bin/python bench/large_account.py --events 1000 --vendor google

Ann's accounts are those of `kalends sandbox`, in a process of its own. One event in ten is a series at Google, one in a
hundred at Microsoft, where each has to be asked for by itself. Each size is synced by three installations: by `kalends
serve`, by `kalends sync --watch`, and by a `kalends serve` that is killed in the middle of the listing. In the end each
must have every event that is there once. Prints tables, and writes bench/large_account.json.
"""

import argparse
import base64
import html
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
HOME = ROOT / ".bench" / "large"
ANN = {"google": "ann@example.com", "microsoft": "ann@contoso.example"}
# What the sandbox puts into every calendar before it is asked for more.
HELD = 3
SIZES, QUICK_SIZES = (100, 10_000, 30_000, 100_000), (100, 2_000)
# How many changes are synced one after the other, so that the clock of the processor's time is fine enough.
CHANGES = 20
SECONDS_MAX = 4 * 3600
SECONDS_BETWEEN_LOOKS = 2
# Requests for a page of events, as the journal of the sandbox has them.
LISTINGS = {"google": r"/events\?", "microsoft": r"/events\?|/delta\?|/events/delta"}
# What a page of ids has, for the comparison in the end.
IDS_PER_PAGE = {"google": 2500, "microsoft": 1000}
TICKS = os.sysconf("SC_CLK_TCK")


class Stay(urllib.request.HTTPRedirectHandler):
    """A browser that shows where it is sent instead of going there."""

    def redirect_request(self, *_):
        return None


def ask(method, url, token=None, body=None, form=None, prefer=None):
    request = urllib.request.Request(url, method=method)
    data = None
    if prefer:
        request.add_header("Prefer", prefer)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.build_opener(Stay).open(request, data, 120) as answer:
            text, headers = answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        if error.code not in (302, 303):
            raise SystemExit(f"{method} {url}: {error.code} {error.read().decode()[:2000]}") from None
        text, headers = "", error.headers
    return (json.loads(text) if "json" in (headers.get("Content-Type") or "") else text), headers


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sandbox:
    """Google and Microsoft, with so many events in Ann's calendars."""

    def __init__(self, program, events, api):
        self.port = free_port()
        command = [program, "sandbox", "--json", "--events", str(events), "--listen", f"127.0.0.1:{self.port}", "--api", api]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=open(HOME / "sandbox.log", "ab"))
        self.told = json.loads(self.process.stdout.readline())

    def requests(self):
        return ask("GET", f"http://127.0.0.1:{self.port}/_sandbox/requests?limit=0")[0]["ever"]

    def listed(self, vendor, since):
        """The requests for pages of events that came after that number."""
        door = f"http://127.0.0.1:{self.port}/_sandbox/requests?limit=100000&since={since}"
        kept = ask("GET", door)[0]["requests"]
        return [one["path"] for one in kept if one["method"] == "GET" and re.search(LISTINGS[vendor], one["path"])]

    def ids(self, vendor):
        """Every event of Ann's first calendar: what happens once, and masters."""
        token, base, size = self.person(vendor)["access_token"], self.told[vendor]["base"], IDS_PER_PAGE[vendor]
        ids = []
        if vendor == "google":
            first = f"{base}/calendar/v3/calendars/primary/events?maxResults={size}&fields=nextPageToken,items(id,recurringEventId)"
            url = first
            while url:
                page = ask("GET", url, token)[0]
                ids += [one["id"] for one in page.get("items", []) if "recurringEventId" not in one]
                after = page.get("nextPageToken")
                url = after and f"{first}&pageToken={urllib.parse.quote(after)}"
        else:
            url = f"{base}/v1.0/me/events?$select=id&$top={size}"
            while url:
                page = ask("GET", url, token, prefer='IdType="ImmutableId"')[0]
                ids += [one["id"] for one in page["value"]]
                url = page.get("@odata.nextLink")
        return ids

    def person(self, vendor):
        return next(one for one in self.told[vendor]["users"] if one["email"] == ANN[vendor])

    def rename(self, vendor, number):
        """Somebody gives an appointment another title there."""
        token, base = self.person(vendor)["access_token"], self.told[vendor]["base"]
        title = f"Appointment {number}"
        if vendor == "google":
            events = f"{base}/calendar/v3/calendars/primary/events"
            # Its note names it: a title would be found in those of longer numbers too.
            (one,) = ask("GET", f"{events}?q={urllib.parse.quote(f'Patient {number}.')}", token)[0]["items"]
            ask("PATCH", f"{events}/{one['id']}", token, {"summary": f"{title}, later"})
        else:
            events = f"{base}/v1.0/me/events"
            wanted = urllib.parse.quote(f"subject eq '{title}'")
            (one,) = ask("GET", f"{events}?$filter={wanted}", token)[0]["value"]
            ask("PATCH", f"{events}/{one['id']}", token, {"subject": f"{title}, later"})

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Kalends:
    """An installation of its own, on SQLite."""

    def __init__(self, program, home, port, sandbox, vendor):
        self.program, self.home, self.port = program, home, port
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        secret = home / "client_secret"
        secret.write_text(sandbox.told[vendor]["client_secret"] + "\n")
        secret.chmod(0o600)
        (home / "master.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        (home / "master.key").chmod(0o600)
        upper = vendor.upper()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KALENDS_DATABASE": f"sqlite:{home}/kalends.db",
            "KALENDS_MASTER_KEY_FILE": f"{home}/master.key",
            "KALENDS_ALLOW_ADDRESSES": "127.0.0.1",
            "KALENDS_LISTEN": f"127.0.0.1:{port}",
            # Only what is asked for is measured; and who was killed is replaced soon.
            "KALENDS_SYNC_POLL_EVERY": "23h",
            "KALENDS_SYNC_LEASE": "10s",
            f"KALENDS_{upper}_CLIENT_ID": sandbox.told[vendor]["client_id"],
            f"KALENDS_{upper}_CLIENT_SECRET_FILE": str(secret),
            f"KALENDS_{upper}_BASE_URL": sandbox.told[vendor]["base"],
            "KALENDS_PUSH": "false",
        }
        self.say("tenant", "add", "demo", "--name", "Demo", "--calendar-sync")
        self.say("--tenant", "demo", "user", "add", "olivia@demo.example", "--role", "owner", "--no-password")
        made = self.say("--tenant", "demo", "--json", "token", "create", "--user", "olivia@demo.example", "--name", "bench", "--bound")
        self.token = json.loads(made)["token"]
        self.process = None

    def say(self, *arguments):
        ran = subprocess.run([self.program, *arguments], env=self.env, capture_output=True, text=True)
        if ran.returncode != 0:
            raise SystemExit(f"kalends {' '.join(arguments)}: {ran.stderr}")
        return ran.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.kill()

    def run(self, *arguments):
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen([self.program, *arguments], env=self.env, stdout=log, stderr=log)

    def start(self):
        self.run("serve")
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).read()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise SystemExit(f"kalends serve does not start: {self.home}/log") from None
                time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process = None

    def api(self, method, path, body=None):
        return ask(method, f"http://127.0.0.1:{self.port}{path}", self.token, body)[0]

    def peak_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def held_mb(self):
        """What it holds now: all, and what of it is no file."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return tuple(round(int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024, 1) for name in ("VmRSS", "RssAnon"))

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def connect(self, sandbox, vendor):
        """Consents as Ann would in her browser."""
        url = self.api("POST", f"/api/oauth/{vendor}/initiate/", {"purpose": "calendar"})["authorization_url"]
        page, _ = ask("GET", url)
        form = [
            (html.unescape(name), html.unescape(value))
            for name, value in re.findall(r'<input type="(?:hidden|checkbox)" name="([^"]*)" value="([^"]*)"', page)
        ]
        person = sandbox.person(vendor)
        form += [("account", person["email"]), ("password", person["password"]), ("decision", "allow")]
        action = urllib.parse.urljoin(url, html.unescape(re.search(r'action="([^"]*)"', page).group(1)))
        _, headers = ask("POST", action, form=form)
        ask("GET", headers["Location"])

    def link(self):
        account = next(one for one in self.api("GET", "/api/calendar/list/")["calendars"])
        seen = self.api("GET", f"/api/calendar/connections/{account['id']}/calendars/")["calendars"]
        primary = next(one for one in seen if one["access"] == "read_write")
        body = {"connection_id": account["id"], "remote_calendar_id": primary["id"]}
        return self.api("POST", "/api/calendar/links/", body)["link"]["id"]

    def shown(self, link):
        return self.api("GET", f"/api/calendar/links/{link}/")["link"]

    def told(self, text):
        """What the database answers."""
        with closing(sqlite3.connect(f"file:{self.home}/kalends.db?mode=ro", uri=True, timeout=60)) as database:
            return database.execute(text).fetchall()

    def count(self):
        return self.told("SELECT count(*) FROM events WHERE NOT deleted")[0][0]

    def count_writes(self):
        """From now on every row that is written is counted, by table."""
        with closing(sqlite3.connect(self.home / "kalends.db", timeout=60)) as database:
            database.execute("CREATE TABLE bench_writes (name TEXT)")
            names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'bench_writes'"
            for (name,) in database.execute(names).fetchall():
                for verb in ("insert", "update", "delete"):
                    note = f"INSERT INTO bench_writes VALUES ('{name}')"
                    database.execute(f"CREATE TRIGGER bench_{verb}_{name} AFTER {verb} ON {name} BEGIN {note}; END")
            database.commit()

    def written(self):
        return dict(self.told("SELECT name, count(*) FROM bench_writes GROUP BY name ORDER BY name"))


def wait(kalends, curve=None):
    """Waits for the first success of the link; notes meanwhile how much memory is held at how many events."""
    deadline = time.monotonic() + SECONDS_MAX
    next_look = 0
    while time.monotonic() < deadline:
        if curve is not None and time.monotonic() > next_look:
            curve.append((kalends.count(), *kalends.held_mb()))
            next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
        at, error = kalends.told("SELECT last_success_at, last_error FROM links")[0]
        if at is not None:
            return
        if kalends.process.poll() is not None:
            raise SystemExit(f"kalends ended by itself: {kalends.home}/log")
        time.sleep(0.1)
    raise SystemExit(f"the first sync takes longer than {SECONDS_MAX} s: {error}")


def check(kalends, sandbox, vendor, count):
    """Every event that is there is here once, and nothing else."""
    there = sorted(sandbox.ids(vendor))
    mirrored = sorted(one for (one,) in kalends.told("SELECT remote_id FROM mirrors"))
    if len(there) != count + HELD or there != mirrored:
        lacking, beyond = set(there) - set(mirrored), set(mirrored) - set(there)
        raise SystemExit(
            f"{count + HELD} events were to be there, there are {len(there)}, and {len(mirrored)} mirrors of them; "
            f"{len(lacking)} lack, {len(beyond)} are too many: {sorted(lacking)[:3]} {sorted(beyond)[:3]}"
        )
    joined = "SELECT count(DISTINCT e.id) FROM events e JOIN mirrors m ON m.event_id = e.id WHERE NOT e.deleted"
    (here,), (titles,) = kalends.told(joined)[0], kalends.told("SELECT count(DISTINCT title) FROM events WHERE NOT deleted")[0]
    if (kalends.count(), here) != (count + HELD, count + HELD) or titles < count:
        raise SystemExit(f"{count + HELD} events were to be here: {kalends.count()}, mirrored {here}, titles {titles}")
    left = kalends.told("SELECT count(*) FROM listing_parts")[0][0]
    if left:
        raise SystemExit(f"{left} parts of series are left over")


def whole(kalends, sandbox, vendor, count):
    """A first sync without a fault, and changes after it."""
    kalends.start()
    kalends.connect(sandbox, vendor)
    idle_mb, cpu, requests, began = kalends.peak_mb(), kalends.cpu_s(), sandbox.requests(), time.monotonic()
    link, curve = kalends.link(), []
    wait(kalends, curve)
    row = {
        "vendor": vendor,
        "events": count,
        "first_s": time.monotonic() - began,
        "first_cpu_s": kalends.cpu_s() - cpu,
        "first_requests": sandbox.requests() - requests,
        "idle_mb": idle_mb,
        "peak_mb": kalends.peak_mb(),
        "curve": curve,
    }
    check(kalends, sandbox, vendor, count)
    # Once before it counts: the program reads pages of its own for the first time.
    costs = []
    for turn in range(CHANGES + 1):
        number = turn * (count // (CHANGES + 2)) + 1
        # Not a series: those cost more, however many others there are.
        costs.append(change(kalends, sandbox, vendor, link, number + (number % 10 == 0)))
    costs = costs[1:]
    row["change_ms"] = 1000 * sorted(cost[0] for cost in costs)[len(costs) // 2]
    row["change_cpu_ms"] = 1000 * sum(cost[1] for cost in costs) / len(costs)
    row["change_requests"] = sum(cost[2] for cost in costs) / len(costs)
    kalends.count_writes()
    change(kalends, sandbox, vendor, link, count - 1)
    row["change_rows"] = kalends.written()
    check(kalends, sandbox, vendor, count)
    kalends.stop()
    return row


def change(kalends, sandbox, vendor, link, number):
    """One event is renamed there, and a sync brings it: seconds, seconds of the processor, requests."""
    sandbox.rename(vendor, number)
    cpu, requests, began = kalends.cpu_s(), sandbox.requests(), time.monotonic()
    ran = kalends.api("POST", f"/api/calendar/links/{link}/sync/")
    if ran["updated"] != 1:
        raise SystemExit(f"one change was to arrive: {ran}")
    return time.monotonic() - began, kalends.cpu_s() - cpu, sandbox.requests() - requests


def alone(kalends, sandbox, vendor, row):
    """The same first sync by a process that does nothing else."""
    kalends.start()
    kalends.connect(sandbox, vendor)
    kalends.stop()
    connection = json.loads(kalends.say("--tenant", "demo", "--json", "connections"))["connections"][0]["id"]
    seen = json.loads(kalends.say("--tenant", "demo", "--json", "calendars"))["remote_calendars"]
    primary = next(one for one in seen if one["access"] == "read_write")
    kalends.say("--tenant", "demo", "link", "--connection", connection, "--remote", primary["id"])
    kalends.run("sync", "--watch")
    wait(kalends)
    row["sync_peak_mb"] = kalends.peak_mb()
    kalends.stop()
    check(kalends, sandbox, vendor, row["events"])


def killed(kalends, sandbox, vendor, row):
    """The same, killed when half of the requests were made."""
    kalends.start()
    kalends.connect(sandbox, vendor)
    before, began = sandbox.requests(), time.monotonic()
    kalends.link()
    half = row["first_requests"] // 2
    while sandbox.requests() - before < half and not kalends.told("SELECT 1 FROM links WHERE last_success_at IS NOT NULL"):
        time.sleep(0.01)
    kalends.kill()
    row["before_kill_s"] = time.monotonic() - began
    row["before_kill_requests"] = sandbox.requests() - before
    row["before_kill_pages"] = len(sandbox.listed(vendor, before))
    row["before_kill_events"] = kalends.count()
    place, done = kalends.told("SELECT listing_page, last_success_at FROM links")[0]
    before, began = sandbox.requests(), time.monotonic()
    kalends.start()
    wait(kalends)
    row["after_kill_s"] = time.monotonic() - began
    row["after_kill_requests"] = sandbox.requests() - before
    pages = sandbox.listed(vendor, before)
    row["after_kill_pages"] = len(pages)
    # Where it went on is where the database said it stood.
    row["went_on"] = bool(place) and not done and bool(pages) and token(vendor, pages[0]) in place
    row["after_kill_peak_mb"] = kalends.peak_mb()
    check(kalends, sandbox, vendor, row["events"])
    kalends.stop()


def token(vendor, path):
    """By which a request says at which page it goes on; without one it begins anew."""
    name = {"google": "pageToken", "microsoft": "$skiptoken"}[vendor]
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
    return query.get(name, ["it begins anew"])[0]


def show(rows):
    def line(row, *wanted):
        told = [row.get(name, "-") for name, _ in wanted]
        shown = [f"{value:.1f}" if isinstance(value, float) else str(value) for value in told]
        return "".join(f"{value:>{width}}" for value, (_, width) in zip(shown, wanted))

    print(f"\nThe first sync\n{'vendor':<11}{'events':>8}{'s':>9}{'CPU s':>9}{'requests':>10}{'idle MB':>9}{'serve MB':>10}{'sync MB':>9}")
    names = ("events", 8), ("first_s", 9), ("first_cpu_s", 9), ("first_requests", 10), ("idle_mb", 9), ("peak_mb", 10), ("sync_peak_mb", 9)
    for row in rows:
        print(f"{row['vendor']:<11}{line(row, *names)}")
    print(
        f"\nKilled in the middle of it\n{'vendor':<11}{'events':>8}{'had':>8}{'pages':>7}{'requests':>10}"
        f"{'then pages':>12}{'requests':>10}{'s':>9}{'peak MB':>9}  went on where it was"
    )
    names = ("events", 8), ("before_kill_events", 8), ("before_kill_pages", 7), ("before_kill_requests", 10)
    names += ("after_kill_pages", 12), ("after_kill_requests", 10), ("after_kill_s", 9), ("after_kill_peak_mb", 9)
    for row in rows:
        print(f"{row['vendor']:<11}{line(row, *names)}  {'yes' if row['went_on'] else 'no'}")
    print(f"\nOne change after it\n{'vendor':<11}{'events':>8}{'ms':>9}{'CPU ms':>9}{'requests':>10}  rows written")
    for row in rows:
        rows_written = ", ".join(f"{count} {name}" for name, count in row["change_rows"].items())
        print(f"{row['vendor']:<11}{line(row, ('events', 8), ('change_ms', 9), ('change_cpu_ms', 9), ('change_requests', 10))}  {rows_written}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 and 2,000 events only")
    parser.add_argument("--events", type=int, action="append", help="so many events instead; may be given several times")
    parser.add_argument("--vendor", choices=sorted(ANN), action="append", help="only this one")
    parser.add_argument("--program", help="the kalends to measure; the release build if missing")
    options = parser.parse_args()
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = options.program or str(target / "release" / "kalends")
    HOME.mkdir(parents=True, exist_ok=True)
    rows = []
    for count in options.events or (QUICK_SIZES if options.quick else SIZES):
        port = free_port()
        print(f"  {count} events at Google and at Microsoft", flush=True)
        sandbox = Sandbox(program, count, f"http://127.0.0.1:{port}")
        try:
            for vendor in options.vendor or sorted(ANN):
                with Kalends(program, HOME / "whole", port, sandbox, vendor) as kalends:
                    row = whole(kalends, sandbox, vendor, count)
                rows.append(row)
                # The other installations find the account as the changes left it, which costs them nothing.
                with Kalends(program, HOME / "killed", port, sandbox, vendor) as kalends:
                    killed(kalends, sandbox, vendor, row)
                with Kalends(program, HOME / "alone", port, sandbox, vendor) as kalends:
                    alone(kalends, sandbox, vendor, row)
                print(f"  {json.dumps(row)}", flush=True)
        finally:
            sandbox.stop()
    show(rows)
    (BENCH / "large_account.json").write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
