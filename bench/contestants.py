"""The programs that are measured, each with its own calendar on the same server and the same data in it."""

import base64
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import measure

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
REMOTE_MARK, LOCAL_MARK = "Changed remotely: ", "Changed locally: "


class Kalends:
    """Radicale or Xandikos to Kalends' own database (SQLite)."""

    name = "kalends"

    def __init__(self, home, place):
        self.home, self.place = home, place
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self.program = str(target / "release" / "kalends")
        home.mkdir(parents=True, exist_ok=True)
        self.env = {
            "KALENDS_DATABASE": f"sqlite:{home}/kalends.db",
            "KALENDS_MASTER_KEY_FILE": f"{home}/master.key",
            "KALENDS_ALLOW_ADDRESSES": "private",
        }

    def run(self, *arguments):
        return measure.run([self.program, *arguments], env=self.env, log=self.home / "log")

    def fresh(self):
        for left_over in self.home.glob("kalends.db*"):
            left_over.unlink()
        (self.home / "master.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        (self.home / "master.key").chmod(0o600)
        (self.home / "password").write_text(self.place.password + "\n")
        self.run("connect", "caldav", "--name", "bench", "--url", self.place.server.url, "--user", self.place.user or "user1",
                 "--password-file", str(self.home / "password"))
        self.run("link", "--connection", "bench", "--remote", self.name, "--calendar", "Bench")

    def sync(self):
        return self.run("sync", "--json")

    def edit_locally(self, numbers):
        answer = json.loads(self.run("events", "list", "--calendar", "Bench", "--json").output)
        listed = answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list))
        by_number = {int(found[1]): event for event in listed if (found := re.search(r" (\d+)$", event["title"]))}
        for number in numbers:
            event = by_number[number]
            self.run("events", "edit", event["id"], "--title", LOCAL_MARK + event["title"])

    def requests(self, output):
        """What `sync --json` says of itself, where the server keeps no log."""
        found = re.findall(r'"requests"\s*:\s*(\d+)', output)
        return sum(map(int, found)) if found else None


class Vdirsyncer:
    """The same server to a folder of files."""

    name = "vdirsyncer"

    def __init__(self, home, place):
        self.home, self.place = home, place
        self.program = str(Path(sys.executable).with_name("vdirsyncer"))
        self.env = {"VDIRSYNCER_CONFIG": str(home / "config")}

    def fresh(self):
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / "local" / "bench").mkdir(parents=True)
        account = f'username = "{self.place.user}"\npassword = "{self.place.password}"\n' if self.place.user else ""
        (self.home / "config").write_text(
            f'[general]\nstatus_path = "{self.home}/status"\n'
            f'[pair bench]\na = "remote"\nb = "local"\ncollections = [["bench", "{self.name}", "bench"]]\n'
            f'conflict_resolution = "a wins"\n'
            f'[storage remote]\ntype = "caldav"\nurl = "{self.place.server.url}"\n{account}'
            f'[storage local]\ntype = "filesystem"\npath = "{self.home}/local"\nfileext = ".ics"\n'
        )
        measure.run([self.program, "discover"], stdin="y\n" * 20, env=self.env)

    def sync(self):
        return measure.run([self.program, "sync"], env=self.env)

    def edit_locally(self, numbers):
        uids = {f"UID:bench-{number:06d}@".encode() for number in numbers}
        for file in (self.home / "local" / "bench").glob("*.ics"):
            data = file.read_bytes()
            if any(uid in data for uid in uids):
                file.write_bytes(data.replace(b"SUMMARY:", b"SUMMARY:" + LOCAL_MARK.encode()))

    def requests(self, output):
        return None


class Limit:
    """The requests of Kalends' first sync, answers thrown away."""

    name = "limit"

    def __init__(self, place, batch):
        self.place, self.batch = place, batch

    def sync(self):
        return measure.run([sys.executable, str(BENCH / "limit.py"), self.place.calendar_url(self.name),
                            self.place.user, self.place.password, str(self.batch)])


def cargo_bench(name, env):
    """The JSON lines of one of our own benchmarks, or nothing where it does not exist.

    Those that the targets in run.py and the peers are compared with:
      {"bench": "recurrence-seek", "ratio": ..}    a week of a daily rule since 1990 over one since last month
      {"bench": "recurrence-600", "ms_per_rule": .., "times_faster_than_rrule": ..}
      {"bench": "ical-parse", "mb_per_s": ..}
    KALENDS_BENCH_ICS and KALENDS_BENCH_RULES name the input that the peers get.
    """
    if not (ROOT / "crates" / "calendar" / "benches" / f"{name}.rs").exists():
        return []
    done = subprocess.run(
        ["cargo", "bench", "--quiet", "--package", "kalends-calendar", "--bench", name],
        cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"cargo bench --bench {name} failed:\n{done.stdout[-3000:]}")
    return json_lines(done.stdout)


def peers(file):
    done = measure.run([sys.executable, str(BENCH / "peers.py"), str(file)])
    return json_lines(done.output)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
