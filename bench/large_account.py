"""What a large account costs: the first sync, a kill in the middle of it, and a change after it.

    make bench-large                            100, 10,000, 30,000 and 100,000 events; an hour or so
    make bench-large BENCH=--quick              100 and 2,000 events; `make bench` includes it
    .venv/bin/python bench/large_account.py --events 1000 --vendor google

Ann's accounts are those of `kalends sandbox`, in a process of its own. One event in ten is a series at Google, one in a
hundred at Microsoft, where each has to be asked for by itself. Prints a table, and writes bench/large_account.json.
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
import urllib.parse
import urllib.request
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
TICKS = os.sysconf("SC_CLK_TCK")


class Stay(urllib.request.HTTPRedirectHandler):
    """A browser that shows where it is sent instead of going there."""

    def redirect_request(self, *_):
        return None


def ask(method, url, token=None, body=None, form=None):
    request = urllib.request.Request(url, method=method)
    data = None
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

    def person(self, vendor):
        return next(one for one in self.told[vendor]["users"] if one["email"] == ANN[vendor])

    def rename(self, vendor, number):
        """Somebody gives an appointment another title there."""
        token, base = self.person(vendor)["access_token"], self.told[vendor]["base"]
        title = f"Appointment {number}"
        if vendor == "google":
            events = f"{base}/calendar/v3/calendars/primary/events"
            found = ask("GET", f"{events}?maxResults=10&q={urllib.parse.quote(title)}", token)[0]["items"]
            one = next(one for one in found if one["summary"].startswith(title))
            ask("PATCH", f"{events}/{one['id']}", token, {"summary": f"{title}, later"})
        else:
            events = f"{base}/v1.0/me/events"
            wanted = urllib.parse.quote(f"subject eq '{title}'")
            one = ask("GET", f"{events}?$filter={wanted}", token)[0]["value"][0]
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

    def start(self):
        log = open(self.home / "log", "ab")
        self.process = subprocess.Popen([self.program, "serve"], env=self.env, stdout=log, stderr=log)
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

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def api(self, method, path, body=None):
        return ask(method, f"http://127.0.0.1:{self.port}{path}", self.token, body)[0]

    def peak_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

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

    def events(self):
        """How many events there are, and how many mirrors."""
        with sqlite3.connect(f"file:{self.home}/kalends.db?mode=ro", uri=True) as database:
            count = lambda text: database.execute(text).fetchone()[0]
            return count("SELECT count(*) FROM events WHERE body IS NOT NULL"), count("SELECT count(*) FROM mirrors")


def wait(kalends, link, since=None):
    """Waits for a success, or one after another."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        shown = kalends.shown(link)
        if shown["last_success_at"] not in (None, since):
            return
        time.sleep(0.2)
    raise SystemExit(f"the first sync takes longer than {SECONDS_MAX} s: {shown}")


def check(kalends, count):
    if kalends.events() != (count + HELD, count + HELD):
        raise SystemExit(f"{count + HELD} events were to be there, and there are (events, mirrors) {kalends.events()}")


def whole(kalends, sandbox, vendor, count):
    """A first sync without a fault, and changes after it."""
    kalends.start()
    kalends.connect(sandbox, vendor)
    idle_mb, cpu, requests, began = kalends.peak_mb(), kalends.cpu_s(), sandbox.requests(), time.monotonic()
    link = kalends.link()
    wait(kalends, link)
    row = {
        "vendor": vendor,
        "events": count,
        "first_s": time.monotonic() - began,
        "first_cpu_s": kalends.cpu_s() - cpu,
        "first_requests": sandbox.requests() - requests,
        "idle_mb": idle_mb,
        "peak_mb": kalends.peak_mb(),
    }
    check(kalends, count)
    # Once before it counts: the program reads pages of its own for the first time.
    costs = []
    for turn in range(CHANGES + 1):
        sandbox.rename(vendor, turn * (count // (CHANGES + 1)) + 1)
        cpu, requests, began = kalends.cpu_s(), sandbox.requests(), time.monotonic()
        ran = kalends.api("POST", f"/api/calendar/links/{link}/sync/")
        if ran["updated"] != 1:
            raise SystemExit(f"one change was to arrive: {ran}")
        costs.append((time.monotonic() - began, kalends.cpu_s() - cpu, sandbox.requests() - requests))
    costs = costs[1:]
    row["change_ms"] = 1000 * sorted(cost[0] for cost in costs)[len(costs) // 2]
    row["change_cpu_ms"] = 1000 * sum(cost[1] for cost in costs) / len(costs)
    row["change_requests"] = sum(cost[2] for cost in costs) / len(costs)
    kalends.stop()
    return row


def killed(kalends, sandbox, vendor, row):
    """The same, killed when half of the requests were made."""
    kalends.start()
    kalends.connect(sandbox, vendor)
    before, began = sandbox.requests(), time.monotonic()
    link = kalends.link()
    half = row["first_requests"] // 2
    while sandbox.requests() - before < half and kalends.shown(link)["last_success_at"] is None:
        time.sleep(0.01)
    kalends.kill()
    row["before_kill_s"] = time.monotonic() - began
    row["before_kill_requests"] = sandbox.requests() - before
    row["before_kill_events"] = kalends.events()[0]
    before, began = sandbox.requests(), time.monotonic()
    kalends.start()
    wait(kalends, link)
    row["after_kill_s"] = time.monotonic() - began
    row["after_kill_requests"] = sandbox.requests() - before
    check(kalends, row["events"])
    kalends.stop()


def show(rows):
    print(
        f"\n{'vendor':<11}{'events':>8}{'first s':>9}{'CPU s':>8}{'peak MB':>9}{'requests':>10}"
        f"{'killed at':>11}{'then':>7}{'a change: ms':>14}{'CPU ms':>8}{'requests':>10}"
    )
    for row in rows:
        print(
            f"{row['vendor']:<11}{row['events']:>8}{row['first_s']:>9.1f}{row['first_cpu_s']:>8.1f}{row['peak_mb']:>9.1f}"
            f"{row['first_requests']:>10}{row.get('before_kill_requests', '-'):>11}{row.get('after_kill_requests', '-'):>7}"
            f"{row['change_ms']:>14.1f}{row['change_cpu_ms']:>8.1f}{row['change_requests']:>10.1f}"
        )


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
                row = whole(Kalends(program, HOME / "whole", port, sandbox, vendor), sandbox, vendor, count)
                rows.append(row)
                # The second installation finds the account as the changes left it, which costs it nothing.
                killed(Kalends(program, HOME / "killed", port, sandbox, vendor), sandbox, vendor, row)
                print(f"  {json.dumps(row)}", flush=True)
        finally:
            sandbox.stop()
    show(rows)
    (BENCH / "large_account.json").write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
