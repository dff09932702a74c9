"""One edit each: of another client on a server, or of a person by the command line; each leaves a token to look for."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import made
import world


@dataclass
class Edit:
    """What was done, where, and what must be seen of it later."""

    step: int
    batch: int
    side: str
    uid: str
    slot: str
    # Any of these in the event or in a conflict shows that the edit is not lost.
    tokens: tuple = ()
    version: int | None = None
    event_id: str | None = None
    note: str = field(default="")


def head(text):
    """The part of a resource's lines that is its master: (lines, first, last)."""
    lines = world.unfolded(text).split("\n")
    starts = [n for n, line in enumerate(lines) if line == "BEGIN:VEVENT"]
    for first in starts:
        last = lines.index("END:VEVENT", first)
        if not any(line.startswith("RECURRENCE-ID") for line in lines[first:last]):
            return lines, first, last
    raise world.Broken(f"there is no master in\n{text[:600]}")


def folded(lines):
    return b"".join(made.bench.fold(line) + b"\r\n" for line in lines if line).decode()


def touched(lines, first, last):
    """The time stamps that a client sets when it changes something."""
    for n in range(first, last):
        if lines[n].startswith("BEGIN:VALARM"):
            break
        if re.match("(DTSTAMP|LAST-MODIFIED)[:;]", lines[n]):
            lines[n] = re.sub(":.*", ":" + world.now(), lines[n])


def property_line(lines, first, last, name):
    """Where a property of the VEVENT itself stands; one inside an alarm is another."""
    depth = 0
    for n in range(first + 1, last):
        depth += lines[n].startswith("BEGIN:") - lines[n].startswith("END:")
        if depth == 0 and re.match(f"{name}[:;]", lines[n]):
            return n
    return None


def with_text(text, name, value):
    lines, first, last = head(text)
    touched(lines, first, last)
    at = property_line(lines, first, last, name)
    if at is None:
        lines.insert(first + 1, f"{name}:{value}")
    else:
        lines[at] = f"{name}:{value}"
    return folded(lines)


def start_of(text):
    """The parameters of DTSTART and its wall time."""
    lines, first, last = head(text)
    how, value = re.match(r"DTSTART(.*?):(\d.*)", lines[property_line(lines, first, last, "DTSTART")]).groups()
    return how, value


def as_moment(value):
    return datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S" if "T" in value else "%Y%m%d")


def as_value(moment, like):
    return moment.strftime("%Y%m%dT%H%M%S" if "T" in like else "%Y%m%d") + ("Z" if like.endswith("Z") else "")


def with_start(text, moment):
    """Moves a single event, which keeps its length."""
    lines, first, last = head(text)
    touched(lines, first, last)
    how, value = start_of(text)
    by = moment - as_moment(value)
    for name in ("DTSTART", "DTEND"):
        at = property_line(lines, first, last, name)
        if at is not None:
            before, old = re.match(r"(.*?):(\d.*)", lines[at]).groups()
            lines[at] = f"{before}:{as_value(as_moment(old) + by, old)}"
    return folded(lines)


def with_occurrence(text, moment, title):
    """Changes the title of one occurrence, as a client does that copies the master."""
    lines, first, last = head(text)
    how, value = start_of(text)
    wanted = as_value(moment, value)
    copy = [line for line in lines[first : last + 1] if not re.match("(RRULE|EXDATE|RDATE|SUMMARY|ATTACH|X-)", line)]
    by = moment - as_moment(value)
    for n, line in enumerate(copy):
        if re.match("(DTSTART|DTEND)[:;]", line):
            before, old = re.match(r"(.*?):(\d.*)", line).groups()
            copy[n] = f"{before}:{as_value(as_moment(old) + by, old)}"
    copy[1:1] = [f"RECURRENCE-ID{how}:{wanted}", f"SUMMARY:{title}"]
    touched(copy, 0, len(copy))
    touched(lines, first, last)
    return folded(lines[: last + 1] + copy + lines[last + 1 :])


def with_exclusion(text, moment):
    lines, first, last = head(text)
    touched(lines, first, last)
    how, value = start_of(text)
    lines.insert(first + 1, f"EXDATE{how}:{as_value(moment, value)}")
    return folded(lines)


def new_resource(uid, title, start):
    return folded([
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Others//phone//EN", "BEGIN:VEVENT", f"UID:{uid}"),
        *(f"DTSTAMP:{world.now()}", f"DTSTART:{start:%Y%m%dT%H%M%SZ}", "DURATION:PT50M", f"SUMMARY:{title}"),
        *("X-PROOF-KEEP:of the phone", "END:VEVENT", "END:VCALENDAR"),
    ]).encode()


def repeats(text):
    return re.search(r"^(RRULE|RDATE)", text, re.M) is not None


def plain_series(text):
    """A daily or weekly series without anything that departs from it around its tenth occurrence: (start, step)."""
    found = re.search(r"^RRULE:(.*)$", world.unfolded(text), re.M)
    if not found or "RDATE" in text:
        return None
    rule = found[1]
    how, value = start_of(text)
    start = as_moment(value)
    if "FREQ=DAILY" in rule and "COUNT" in rule:
        every = int((re.search(r"INTERVAL=(\d+)", rule) or [0, "1"])[1])
        return start, timedelta(days=every)
    if "FREQ=WEEKLY" in rule and made.DAYS[start.weekday()] in rule:
        return start, timedelta(weeks=1)
    return None
