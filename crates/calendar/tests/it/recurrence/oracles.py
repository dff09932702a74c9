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
import sys
from datetime import datetime, timezone
from itertools import takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import _iterinfo, rrulestr

FORMAT = "%Y%m%dT%H%M%S"
# dateutil follows a rule that yields nothing more to the year 9999, for seconds. Its search is ended where it has come past
# the end, and given up after so many periods: counted, not timed, so that every machine gives up on the same rules.
PERIODS_MAX = 3_000


class PastTheEnd(Exception):
    pass


class OutOfPatience(Exception):
    pass


class Search:
    """How far the search of one rule has come: dateutil asks for the days of each period that it looks at."""

    def __init__(self):
        self.begin(None)
        for name in ("ydayset", "mdayset", "wdayset", "ddayset"):
            self.count(name)

    def begin(self, end):
        self.end, self.periods = end, 0

    def count(self, name):
        days_of = getattr(_iterinfo, name)

        def counted(info, year, month, day):
            past = year > self.end.year if name == "ydayset" else (year, month) > (self.end.year, self.end.month)
            if past:
                raise PastTheEnd
            self.periods += 1
            if self.periods > PERIODS_MAX:
                raise OutOfPatience
            return days_of(info, year, month, day)

        setattr(_iterinfo, name, counted)


SEARCH = Search()


def dateutil(case):
    start = datetime.strptime(case["start"], FORMAT)
    end = datetime.strptime(case["end"], FORMAT)
    if case["zone"]:
        zone = ZoneInfo(case["zone"])
        start, end = start.replace(tzinfo=zone), end.replace(tzinfo=zone)
    SEARCH.begin(end)
    found = []
    try:
        for at in rrulestr(case["rule"], dtstart=start):
            if at >= end or len(found) == case["count"]:
                break
            found.append(at)
    except PastTheEnd:
        pass
    except Exception:
        return None
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
