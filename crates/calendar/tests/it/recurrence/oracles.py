"""Expands rules with implementations that others wrote. Reads {"rules": [...], "events": [...]} from standard input,
writes {"dateutil": [...], "libical": [...] or null, "events": [...] or null} to standard output, in the same order.

A rule: {"start": "20260101T090000", "rule": "FREQ=...", "zone": null or a name, "count": how many, "end": local time}.
Its answer: local times (naive rules) or seconds since 1970 (zoned rules), or null where the implementation refuses.
An event: {"ics": text, "from": seconds, "to": seconds}; its answer: sorted [start, end, title] in seconds.
"""

import ctypes
import ctypes.util
import json
import sys
from datetime import datetime, timezone
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

FORMAT = "%Y%m%dT%H%M%S"


def dateutil(case):
    start = datetime.strptime(case["start"], FORMAT)
    end = datetime.strptime(case["end"], FORMAT)
    if case["zone"]:
        zone = ZoneInfo(case["zone"])
        start, end = start.replace(tzinfo=zone), end.replace(tzinfo=zone)
    try:
        rule = rrulestr(case["rule"], dtstart=start)
        found = list(islice(takewhile(lambda at: at < end, rule), case["count"]))
    except Exception:
        return None
    if case["zone"]:
        return [int(at.timestamp()) for at in found]
    return [at.strftime(FORMAT) for at in found]


def load_libical():
    for name in ("libical.so.3", ctypes.util.find_library("ical")):
        try:
            library = ctypes.CDLL(name)
            library.icalrecur_expand_recurrence.argtypes = [
                ctypes.c_char_p,
                ctypes.c_int64,
                ctypes.c_int,
                ctypes.POINTER(ctypes.c_int64),
            ]
            return library
        except (OSError, AttributeError, TypeError):
            pass
    return None


def libical(library, case):
    if case["zone"]:
        return None
    start = datetime.strptime(case["start"], FORMAT).replace(tzinfo=timezone.utc)
    found = (ctypes.c_int64 * case["count"])()
    rule = case["rule"].encode()
    if not library.icalrecur_expand_recurrence(rule, int(start.timestamp()), case["count"], found):
        return None
    instants = takewhile(lambda at: at != 0, found)
    local = (datetime.fromtimestamp(at, timezone.utc).strftime(FORMAT) for at in instants)
    return [at for at in local if at < case["end"]]


def events(cases):
    try:
        import icalendar
        import recurring_ical_events
    except ImportError:
        return None

    def seconds(at):
        return int(at.timestamp())

    answers = []
    for case in cases:
        calendar = icalendar.Calendar.from_ical(case["ics"])
        window = [datetime.fromtimestamp(case[edge], timezone.utc) for edge in ("from", "to")]
        found = recurring_ical_events.of(calendar).between(*window)
        answers.append(
            sorted([seconds(e["DTSTART"].dt), seconds(e["DTEND"].dt), str(e["SUMMARY"])] for e in found)
        )
    return answers


def main():
    given = json.load(sys.stdin)
    library = load_libical()
    json.dump(
        {
            "dateutil": [dateutil(case) for case in given["rules"]],
            "libical": library and [libical(library, case) for case in given["rules"]],
            "events": events(given["events"]),
        },
        sys.stdout,
    )


main()
