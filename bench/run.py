"""Measures Kalends beside its peers: the same servers, the same data, the same run.

    make bench                          everything; some minutes
    make bench BENCH=--quick            1,000 events only, each measurement once
    make bench BENCH=--peers-only       without Kalends: what the others need on this machine

Prints a table and the targets, and writes bench/results.json.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from pathlib import Path

import contestants
import events
import places

BENCH = Path(__file__).resolve().parent
HOME = BENCH.parent / ".bench"
# How many members a multiget of the limit asks for, where Kalends is not there to be asked how many it takes.
BATCH = 100
# One event in this many changes on each side.
CHANGED_SHARE = 100
PHASES = ("first", "no-op", "1 % changed")


def note(text):
    print(f"  {text}", flush=True)


class Measured:
    """All costs of one setting, by contestant and phase; several runs of one phase become their median."""

    def __init__(self, server, count):
        self.server, self.count, self.runs = server, count, {}

    def add(self, who, phase, cost, requests):
        self.runs.setdefault((who, phase), []).append((cost, requests))

    def rows(self):
        for (who, phase), runs in self.runs.items():
            yield {
                "server": self.server,
                "events": self.count,
                "who": who,
                "phase": phase,
                "wall_s": statistics.median(cost.wall_s for cost, _ in runs),
                "cpu_s": statistics.median(cost.cpu_s for cost, _ in runs),
                "peak_mb": statistics.median(cost.peak_mb for cost, _ in runs),
                "requests": runs[-1][1],
                "runs": len(runs),
            }


def counted(place, contestant, measured, phase):
    """One measured sync, with the requests that the server saw."""
    before = place.requests_so_far()
    cost = contestant.sync()
    if before is not None:
        requests = place.requests_so_far() - before
    else:
        requests = contestant.requests(cost.output) if hasattr(contestant, "requests") else None
    measured.add(contestant.name, phase, cost, requests)
    return requests


def synchronisers(home, place, options):
    made = [contestants.Vdirsyncer(home / "vdirsyncer", place)]
    if not options.peers_only:
        made.insert(0, contestants.Kalends(home / "kalends", place))
    return made


def measure_place(kind, count, options):
    note(f"{kind.title}, {count} events")
    place = kind(HOME, count)
    home = place.home / "clients"
    measured = Measured(kind.title, count)
    repeats = 1 if options.quick else 3
    with place.server:
        racers = synchronisers(home, place, options)
        batch = BATCH
        for _ in range(repeats):
            for racer in racers:
                racer.fresh()
                requests = counted(place, racer, measured, "first")
                if racer.name == "kalends" and requests and requests > 1:
                    # All but the listing are multigets of equal size; a few more requests change little.
                    batch = max(1, -(-count // (requests - 1)))
            counted(place, contestants.Limit(place, batch), measured, "first")
        for _ in range(repeats):
            for racer in racers:
                counted(place, racer, measured, "no-op")
        for racer in racers:
            change_and_sync(place, racer, measured, count)
    return list(measured.rows())


def change_and_sync(place, racer, measured, count):
    """1 % of the events changes on the server, another 1 % here; then one sync, whose work is checked."""
    remote = range(0, count, CHANGED_SHARE)
    # Without guests: where a server would mail them, Kalends leaves the event alone, and there is nothing to compare.
    own = [number for number in range(count) if number not in remote and not events.has_guests(number)]
    local = own[: count // CHANGED_SHARE]
    for number in remote:
        place.edit(racer.name, number, contestants.REMOTE_MARK)
    racer.edit_locally(local)
    counted(place, racer, measured, "1 % changed")
    arrived = place.count_marked(racer.name, contestants.LOCAL_MARK)
    kept = place.count_marked(racer.name, contestants.REMOTE_MARK)
    if (arrived, kept) != (len(local), len(remote)):
        raise SystemExit(
            f"{racer.name}: {arrived} of {len(local)} local changes are on the server, {kept} of {len(remote)} remote ones"
        )


def throughput(options):
    """Parsing and expansion, ours by cargo bench and the peers' by peers.py, on the same generated input."""
    file = HOME / "events.ics"
    file.write_bytes(events.stream(2_000 if options.quick else 10_000))
    rules = HOME / "rules.txt"
    rules.write_text("".join(f"DTSTART:{start:%Y%m%dT%H%M%S} RRULE:{rule}\n" for start, rule in events.rules(600)))
    note("iCalendar parsing and recurrence expansion")
    lines = contestants.peers(file)
    if not options.peers_only:
        env = {"KALENDS_BENCH_ICS": str(file), "KALENDS_BENCH_RULES": str(rules)}
        for name in ("recurrence", "ical"):
            lines += contestants.cargo_bench(name, env)
    return lines


def targets(rows, lines):
    """The project's targets as (name, value, wanted, reached); a value of None was not measured."""
    table = {(row["server"], row["events"], row["who"], row["phase"]): row for row in rows}

    def ratio(over, under, member):
        over, under = table.get(over), table.get(under)
        return over[member] / under[member] if over and under and under[member] else None

    def member(key, name):
        return table[key][name] if key in table else None

    def figure(bench, name):
        return next((line[name] for line in lines if line.get("bench") == bench and name in line), None)

    big = max((row["events"] for row in rows if row["server"] == "Radicale"), default=0)
    ours, theirs, limit = (("Radicale", big, who, "first") for who in ("kalends", "vdirsyncer", "limit"))
    idle = ("Radicale", big, "kalends", "no-op")
    x_ours, x_theirs = (("Xandikos", 1000, who, "no-op") for who in ("kalends", "vdirsyncer"))

    def at_most(name, value, wanted):
        return {"target": name, "value": value, "wanted": f"at most {wanted}", "reached": None if value is None else value <= wanted}

    def at_least(name, value, wanted):
        return {"target": name, "value": value, "wanted": f"at least {wanted}", "reached": None if value is None else value >= wanted}

    return [
        at_most(f"first sync of {big} events: wall time over the limit's", ratio(ours, limit, "wall_s"), 1.2),
        at_most(f"first sync of {big} events: wall time over vdirsyncer's", ratio(ours, theirs, "wall_s"), 1.0),
        at_most(f"first sync of {big} events: CPU time over vdirsyncer's", ratio(ours, theirs, "cpu_s"), 0.25),
        at_most(f"first sync of {big} events: peak memory over vdirsyncer's", ratio(ours, theirs, "peak_mb"), 0.5),
        at_most(f"no-op sync of {big} events: requests", member(idle, "requests"), 3),
        at_least("no-op sync on Xandikos: times faster than vdirsyncer", ratio(x_theirs, x_ours, "wall_s"), 20),
        at_most("a week of a daily rule since 1990 over one since last month", figure("recurrence-seek", "ratio"), 1.5),
        at_least("600 mixed rules: times faster than the rrule crate", figure("recurrence-600", "times_faster_than_rrule"), 5),
    ]


def show(rows, lines, reached):
    print(f"\n{'server':<10}{'events':>7}  {'phase':<12}{'who':<12}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'requests':>10}")
    order = sorted(rows, key=lambda row: (row["server"], row["events"], PHASES.index(row["phase"])))
    for row in order:
        requests = "-" if row["requests"] is None else row["requests"]
        print(
            f"{row['server']:<10}{row['events']:>7}  {row['phase']:<12}{row['who']:<12}"
            f"{row['wall_s']:>9.3f}{row['cpu_s']:>9.3f}{row['peak_mb']:>9.1f}{requests:>10}"
        )
    print()
    for line in lines:
        fields = (f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in line.items())
        print("  " + ", ".join(fields))
    print()
    for target in reached:
        word = {True: "reached", False: "missed", None: "not measured"}[target["reached"]]
        value = "-" if target["value"] is None else f"{target['value']:.2f}"
        print(f"  {word:<13}{target['target']}: {value} ({target['wanted']})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 events only, each measurement once")
    parser.add_argument("--peers-only", action="store_true", help="leave Kalends out")
    options = parser.parse_args()

    HOME.mkdir(exist_ok=True)
    rows = []
    for count in (1_000,) if options.quick else (1_000, 10_000):
        rows += measure_place(places.Radicale, count, options)
    rows += measure_place(places.Xandikos, 1_000, options)
    lines = throughput(options)
    reached = targets(rows, lines)
    show(rows, lines, reached)

    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    results = {"machine": machine, "sync": rows, "throughput": lines, "targets": reached}
    (BENCH / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    for made in HOME.glob("*/clients"):
        shutil.rmtree(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
