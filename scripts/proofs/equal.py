"""What two copies of an event must agree on, read by a library that others wrote (icalendar)."""

import functools
import re
from datetime import datetime, timedelta, timezone

import icalendar

DEFAULTS = {"STATUS": "CONFIRMED", "TRANSP": "OPAQUE", "CLASS": "PUBLIC", "PRIORITY": "0"}
TEXTS = ("SUMMARY", "DESCRIPTION", "LOCATION", "URL", "COLOR")


def many(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def wall(moment):
    return moment.replace(tzinfo=None).isoformat() if isinstance(moment, datetime) else moment.isoformat()


def instant(moment):
    """Floating times and days have no instant: only their wall time is compared."""
    if isinstance(moment, datetime) and moment.tzinfo:
        return moment.astimezone(timezone.utc)
    return moment


def end(part):
    start = part["DTSTART"].dt
    if "DTEND" in part:
        return str(instant(part["DTEND"].dt))
    if "DURATION" in part:
        return str(instant(start) + part["DURATION"].dt)
    return str(instant(start) if isinstance(start, datetime) else start + timedelta(days=1))


def dates(part, name):
    return sorted({wall(one.dt) for group in many(part.get(name)) for one in group.dts})


def rules(part):
    return sorted(
        sorted(set(one.to_ical().decode().split(";")) - {"WKST=MO", "INTERVAL=1"}) for one in many(part.get("RRULE"))
    )


def person(one):
    p = one.params
    address = str(one).lower().removeprefix("mailto:")
    return (address, str(p.get("CN", "")), *(str(p.get(name, default)) for name, default in (
        ("PARTSTAT", "NEEDS-ACTION"), ("ROLE", "REQ-PARTICIPANT"), ("CUTYPE", "INDIVIDUAL"), ("RSVP", "FALSE"))))


def alarm(part):
    trigger = part["TRIGGER"]
    return (str(trigger.dt), str(trigger.params.get("RELATED", "START")), "EMAIL" if str(part["ACTION"]) == "EMAIL" else "DISPLAY")


def facts(part):
    start = part["DTSTART"].dt
    said = {
        "DTSTART": (wall(start), str(instant(start)), isinstance(start, datetime) and start.tzinfo is not None),
        "end": end(part),
        "RRULE": rules(part),
        "RDATE": dates(part, "RDATE"),
        "EXDATE": dates(part, "EXDATE"),
        "CATEGORIES": sorted({str(c) for group in many(part.get("CATEGORIES")) for c in group.cats}),
        "GEO": part["GEO"].to_ical() if "GEO" in part else "",
        "ORGANIZER": person(part["ORGANIZER"])[:2] if "ORGANIZER" in part else "",
        "ATTENDEE": sorted(person(one) for one in many(part.get("ATTENDEE"))),
        "VALARM": sorted({alarm(one) for one in part.walk("VALARM")}),
    }
    said |= {name: str(part.get(name, "")) for name in TEXTS}
    return said | {name: str(part.get(name, default)).upper() for name, default in DEFAULTS.items()}


def pieces(text):
    """A calendar as calendars of one event each, with the zones it names and without what says when it was written."""
    text = re.sub(r"\n[ \t]", "", text.replace("\r\n", "\n"))
    zones = {re.search("^TZID:(.*)$", zone, re.M)[1]: zone for zone in re.findall(r"^BEGIN:VTIMEZONE\n.*?^END:VTIMEZONE\n", text, re.M | re.S)}
    by_uid = {}
    for event in re.findall(r"^BEGIN:VEVENT\n.*?^END:VEVENT\n", text, re.M | re.S):
        event = re.sub(r"(?m)^(?:X-KALENDS-[A-Z]+|DTSTAMP|LAST-MODIFIED|CREATED|SEQUENCE)[:;].*\n", "", event)
        uid = re.search("^UID.*$", event, re.M)[0]
        by_uid[uid] = by_uid.get(uid, "") + event
    for event in by_uid.values():
        named = sorted({name.strip('"') for name in re.findall(r'TZID=("[^"]*"|[^:;]*)', event)} & zones.keys())
        yield "BEGIN:VCALENDAR\n" + "".join(zones[name] for name in named) + event + "END:VCALENDAR\n"


def events(text):
    """UID to the facts of its parts; reading is slow, so that equal texts are read once."""
    found = {}
    for piece in pieces(text):
        found |= read(piece)
    return found


@functools.lru_cache(maxsize=100_000)
def read(text):
    """UID to the facts of its parts, by the wall time of the occurrence they replace ("" for the master)."""
    found = {}
    for part in icalendar.Calendar.from_ical(text).walk("VEVENT"):
        name = wall(part["RECURRENCE-ID"].dt) if "RECURRENCE-ID" in part else ""
        event = found.setdefault(str(part["UID"]), {})
        if name in event:
            raise ValueError(f"{part['UID']}: occurrence {name or 'master'} stands there twice")
        event[name] = facts(part)
    return found


def difference(one, other):
    """The first difference of two events in words, or nothing."""
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            return f"occurrence {name or '(master)'} is only on {'the second' if name in other else 'the first'}"
        for field, value in one[name].items():
            if value != other[name][field]:
                return f"{field} of {name or 'the master'}: {value!r} against {other[name][field]!r}"
    return None
