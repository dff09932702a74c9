"""Makes the events of the benchmarks: realistic, about 0.8 kB each, and the same on every machine and in every run."""

import random
from datetime import datetime, timedelta

ZONES = {
    "Europe/Berlin": ("+0100", "+0200", "CET", "CEST", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
    "America/New_York": ("-0500", "-0400", "EST", "EDT", "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"),
}
TITLES = (
    "Team meeting", "Ward rounds", "Call with the tax adviser", "Zahnarzt Dr. Öztürk", "Lunch with Zoë", "Sprint planning",
    "Deliver samples", "Interview: reception", "Elternabend 3b", "Quarterly review", "1:1 with Priya", "診療 予約", "Piano 🎹",
)
PLACES = ("Room 3.14", "Praxis am Park\\, 2nd floor", "Kitchen", "https://meet.example/abc-defg-hij", "Gare du Nord", "Hall E1")
RULES = (
    "FREQ=DAILY;COUNT=30", "FREQ=WEEKLY;BYDAY=MO,WE", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20281231T000000Z",
    "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYMONTHDAY=15", "FREQ=YEARLY", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
)
WORDS = "agenda budget please bring the old list and a pen rooms are booked until five call in by phone notes follow".split()
FIRST_DAY = datetime(2025, 1, 6, 7, 0)
DAYS = 1000


def timezone(name):
    standard, summer, standard_name, summer_name, autumn, spring = ZONES[name]
    return (
        f"BEGIN:VTIMEZONE\nTZID:{name}\n"
        f"BEGIN:DAYLIGHT\nTZOFFSETFROM:{standard}\nTZOFFSETTO:{summer}\nTZNAME:{summer_name}\nDTSTART:19810329T020000\nRRULE:{spring}\nEND:DAYLIGHT\n"
        f"BEGIN:STANDARD\nTZOFFSETFROM:{summer}\nTZOFFSETTO:{standard}\nTZNAME:{standard_name}\nDTSTART:19961027T030000\nRRULE:{autumn}\nEND:STANDARD\n"
        f"END:VTIMEZONE\n"
    )


def fold(line):
    data, lines = line.encode(), []
    while len(data) > 75:
        cut = 75
        while data[cut] & 0xC0 == 0x80:
            cut -= 1
        lines.append(data[:cut])
        data = b" " + data[cut:]
    return b"\r\n".join([*lines, data])


def event(number):
    """One VEVENT as text, and the zone it needs or None."""
    dice = random.Random(number)
    zone = dice.choice(tuple(ZONES))
    start = FIRST_DAY + timedelta(days=dice.randrange(DAYS), minutes=15 * dice.randrange(44))
    kind = dice.random()
    if kind < 0.1:
        times = f"DTSTART;VALUE=DATE:{start:%Y%m%d}\nDTEND;VALUE=DATE:{start + timedelta(days=dice.choice((1, 1, 2, 5))):%Y%m%d}\n"
    elif kind < 0.2:
        times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\nDURATION:PT45M\n"
    else:
        end = start + timedelta(minutes=15 * dice.randrange(1, 9))
        times = f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}\nDTEND;TZID={zone}:{end:%Y%m%dT%H%M%S}\n"
    rule = f"RRULE:{dice.choice(RULES)}\n" if dice.random() < 0.15 else ""
    description = " ".join(dice.choice(WORDS) for _ in range(dice.randrange(5, 40)))
    guests = "".join(
        f"ATTENDEE;CN=Guest {guest};PARTSTAT={dice.choice(('ACCEPTED', 'NEEDS-ACTION'))};RSVP=TRUE:mailto:guest{guest}@example.org\n"
        for guest in dice.sample(range(500), dice.choice((0, 0, 1, 3)))
    )
    alarm = "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nDESCRIPTION:Reminder\nEND:VALARM\n" if dice.random() < 0.5 else ""
    text = (
        f"BEGIN:VEVENT\nUID:{uid(number)}\nDTSTAMP:20261101T120000Z\nCREATED:20251201T093000Z\n"
        f"LAST-MODIFIED:20261020T081500Z\nSEQUENCE:{dice.randrange(4)}\n{times}{rule}"
        f"SUMMARY:{dice.choice(TITLES)} {number}\nLOCATION:{dice.choice(PLACES)}\nDESCRIPTION:{description}\n"
        + (f"ORGANIZER;CN=Host:mailto:host@example.org\n{guests}" if guests else "")
        + f"{alarm}END:VEVENT\n"
    )
    return text, zone if "TZID" in times else None


def has_guests(number):
    return "\nATTENDEE" in event(number)[0]


def uid(number):
    return f"bench-{number:06d}@kalends.example"


def calendar(text, zones):
    lines = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Kalends//bench//EN\n"
        + "".join(timezone(zone) for zone in sorted(zones))
        + text
        + "END:VCALENDAR"
    )
    return b"".join(fold(line) + b"\r\n" for line in lines.split("\n"))


def file_name(number):
    return f"bench-{number:06d}.ics"


def resource(number):
    """One event as a server stores it: a calendar of its own."""
    text, zone = event(number)
    return calendar(text, {zone} - {None})


def stream(count):
    """`count` events as one file, as an export or a feed has them."""
    return calendar("".join(event(number)[0] for number in range(count)), set(ZONES))


def write_all(folder, count):
    for number in range(count):
        (folder / file_name(number)).write_bytes(resource(number))


def rules(count):
    """Mixed recurrence rules with a local start, as (start, rule)."""
    dice = random.Random(count)
    days = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    made = []
    for _ in range(count):
        start = datetime(2000, 1, 1, 9, 0) + timedelta(days=dice.randrange(9000))
        interval = dice.choice((1, 1, 1, 2, 3))
        some = ",".join(dice.sample(days, dice.randrange(1, 4)))
        rule = dice.choice((
            f"FREQ=DAILY;INTERVAL={interval}",
            f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={some}",
            f"FREQ=MONTHLY;INTERVAL={interval};BYMONTHDAY={dice.randrange(1, 29)}",
            f"FREQ=MONTHLY;BYDAY={dice.choice((-1, 1, 2))}{dice.choice(days)}",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            f"FREQ=YEARLY;BYMONTH={dice.randrange(1, 13)};BYDAY=2{dice.choice(days)}",
            f"FREQ=YEARLY;BYMONTH={dice.randrange(1, 13)};BYMONTHDAY={dice.randrange(1, 29)}",
        ))
        made.append((start, rule))
    return made
