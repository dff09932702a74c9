"""Throughput of others' iCalendar parsers and recurrence expanders, for comparison. Each prints one JSON line.

    python bench/peers.py FILE.ics
"""

import ctypes
import ctypes.util
import itertools
import json
import sys
import time
from pathlib import Path

import events

RULES = 600
OCCURRENCES = 20
REPEATS = 3


def best(work):
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def say(**fields):
    print(json.dumps(fields), flush=True)


def parsing(data):
    megabytes = len(data) / 1e6
    name = ctypes.util.find_library("ical")
    if name:
        libical = ctypes.CDLL(name)
        libical.icalparser_parse_string.restype = ctypes.c_void_p
        libical.icalparser_parse_string.argtypes = [ctypes.c_char_p]
        libical.icalcomponent_free.argtypes = [ctypes.c_void_p]

        def libical_work():
            component = libical.icalparser_parse_string(data)
            if not component:
                raise SystemExit("libical refused the file")
            libical.icalcomponent_free(component)

        say(bench="ical-parse", peer="libical", mb_per_s=megabytes / best(libical_work))

    import icalendar

    say(bench="ical-parse", peer="python-icalendar", mb_per_s=megabytes / best(lambda: icalendar.Calendar.from_ical(data)))


def expansion():
    from dateutil.rrule import rrulestr

    made = events.rules(RULES)

    def dateutil_work():
        for start, rule in made:
            list(itertools.islice(rrulestr(rule, dtstart=start), OCCURRENCES))

    say(bench="recurrence-600", peer="python-dateutil", ms_per_rule=best(dateutil_work) / RULES * 1000)


parsing(Path(sys.argv[1]).read_bytes())
expansion()
