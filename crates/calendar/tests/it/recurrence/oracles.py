"""Expands rules with implementations that others wrote. Reads {"rules": [...], "events": [...]} from standard input,
writes {"dateutil": [...], "libical": [...] or null, "events": [...] or null} to standard output, in the same order.

A rule: {"start": "20260101T090000", "rule": "FREQ=...", "zone": null or a name, "count": how many at most,
"expected": how many are sure to come, "end": local time}.
Its answer: seconds since 1970 (on the wall clock where there is no zone), or null where the implementation refuses.
An event: {"ics": text, "from": seconds, "to": seconds}; its answer: sorted [start, end, title] in seconds.
"""

import ctypes
import ctypes.util
import json
import re
import signal
import sys
from datetime import datetime, timezone
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

FORMAT = "%Y%m%dT%H%M%S"
# dateutil follows a rule that yields nothing more to the year 9999, for seconds: such rules are left unanswered.
PATIENCE_SECONDS = 0.006


class OutOfPatience(Exception):
    pass


def give_up(*_):
    raise OutOfPatience


signal.signal(signal.SIGVTALRM, give_up)


def dateutil(case):
    try:
        return dateutil_in_time(case)
    except OutOfPatience:
        return None


def dateutil_in_time(case):
    start = datetime.strptime(case["start"], FORMAT)
    end = datetime.strptime(case["end"], FORMAT)
    if case["zone"]:
        zone = ZoneInfo(case["zone"])
        start, end = start.replace(tzinfo=zone), end.replace(tzinfo=zone)
    found = []
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_SECONDS)
        rule = rrulestr(case["rule"], dtstart=start)
        found.extend(islice(takewhile(lambda at: at < end, rule), case["count"]))
    except Exception:
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    if case["zone"] is None:
        found = [at.replace(tzinfo=timezone.utc) for at in found]
    return [int(at.timestamp()) for at in found]


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
    # Within the day it steps through every second up to the year 2582 where nothing matches.
    steps_for_ever = re.search("FREQ=(HOUR|MINUTE|SECOND)LY.*;BY", case["rule"])
    if case["zone"] or steps_for_ever or not case["expected"]:
        return None
    start = datetime.strptime(case["start"], FORMAT).replace(tzinfo=timezone.utc)
    # Asked for no more than we expect: it is slow to find out that there is nothing.
    count = case["expected"]
    found = (ctypes.c_int64 * count)()
    rule = case["rule"].encode()
    if not library.icalrecur_expand_recurrence(rule, int(start.timestamp()), count, found):
        return None
    end = datetime.strptime(case["end"], FORMAT).replace(tzinfo=timezone.utc).timestamp()
    return [at for at in takewhile(lambda at: at != 0, found) if at < end]


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
