"""Makes the events of the proofs: what calendars in the wild hold, the same for the same number and seed."""

import base64
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import events as bench  # noqa: E402  (the folding and two of the zones are those of the benchmarks)

ZONES = bench.ZONES | {
    "Australia/Lord_Howe": ("+1030", "+1100", "+1030", "+11", "FREQ=YEARLY;BYMONTH=4;BYDAY=1SU", "FREQ=YEARLY;BYMONTH=10;BYDAY=1SU"),
    # A name that only Windows knows.
    "W. Europe Standard Time": bench.ZONES["Europe/Berlin"],
}
FIXED = {"Asia/Kolkata": "+0530"}
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TITLES = (*bench.TITLES, "Cafe\u0301 & Cre\u0300me", "ישיבת צוות", "👩‍👩‍👧 weekend", "Semi\\; comma\\, back\\\\slash", "Ελληνικά")
WORDS = (*bench.WORDS, "Grüße", "予約", "🎹", "a\\,b", "c\\;d", "\\n", "«quoted»")
# What Kalends does not model, and so must leave alone where it stands.
FOREIGN = ("ATTACH", "X-PROOF", "COMMENT")


def zone_text(name):
    if name in FIXED:
        offset = FIXED[name]
        return (
            f"BEGIN:VTIMEZONE\nTZID:{name}\nBEGIN:STANDARD\nTZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nTZNAME:{offset}\n"
            "DTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE\n"
        )
    bench.ZONES.setdefault(name, ZONES[name])
    return bench.timezone(name)


def uid(number):
    # Most are plain; some are what other programs think up.
    return (
        f"proof-{number:06d}@kalends.example",
        f"proof-{number:06d}@kalends.example",
        f"{{PROOF-{number:06d}}}/Termin #1",
        f"proof-{number:06d}-Ä%20é",
    )[0 if number % 10 else 1 + number // 10 % 3]


class Times:
    """When an event starts, in which of the four kinds, and how its dates are written."""

    def __init__(self, dice):
        self.start = datetime(2025, 1, 6, 7, 0) + timedelta(days=dice.randrange(1000), minutes=15 * dice.randrange(44))
        # A monthly rule on the 31st would leave months out.
        self.start = self.start.replace(day=min(self.start.day, 28))
        self.kind = dice.choices(("zoned", "all-day", "utc", "floating"), (60, 15, 12, 13))[0]
        self.zone = dice.choice((*ZONES, *FIXED)) if self.kind == "zoned" else None
        self.length = timedelta(minutes=15 * dice.randrange(1, 9))
        if self.kind == "all-day":
            self.start = self.start.replace(hour=0, minute=0)
            self.length = timedelta(days=dice.choice((1, 1, 2, 5)))

    def value(self, moment):
        return moment.strftime({"all-day": "%Y%m%d", "utc": "%Y%m%dT%H%M%SZ"}.get(self.kind, "%Y%m%dT%H%M%S"))

    def line(self, name, *moments):
        how = {"all-day": ";VALUE=DATE", "zoned": f";TZID={self.zone}"}.get(self.kind, "")
        return f"{name}{how}:{','.join(map(self.value, moments))}\n"

    def span(self, dice, start):
        if self.kind != "all-day" and dice.random() < 0.2:
            return self.line("DTSTART", start) + f"DURATION:PT{self.length.seconds // 60}M\n"
        return self.line("DTSTART", start) + self.line("DTEND", start + self.length)


def rule(dice, start):
    """A rule that yields its start, and the function from n to the n-th of its occurrences."""
    every = dice.choice((1, 1, 2))
    kind = dice.randrange(4)
    if kind == 0:
        return f"FREQ=DAILY;INTERVAL={every};COUNT=60", lambda n: start + timedelta(days=every * n)
    if kind == 1:
        others = {DAYS[start.weekday()], dice.choice(DAYS)}
        days = ",".join(day for day in DAYS if day in others)
        return f"FREQ=WEEKLY;BYDAY={days}", lambda n: start + timedelta(weeks=n)
    if kind == 2:
        return f"FREQ=MONTHLY;BYMONTHDAY={start.day}", lambda n: start.replace(
            year=start.year + (start.month - 1 + n) // 12, month=(start.month - 1 + n) % 12 + 1
        )
    return "FREQ=YEARLY", lambda n: start.replace(year=start.year + n)


def details(dice, number, title):
    lines = [f"SUMMARY:{title}", f"LOCATION:{dice.choice(bench.PLACES)}"]
    size = dice.choice((5, 20, 40, 40, 400)) if number % 5 == 0 else dice.randrange(3, 30)
    lines.append("DESCRIPTION:d " + " ".join(dice.choice(WORDS) for _ in range(size)) + " .")
    for chance, line in (
        (0.2, f"CATEGORIES:Work,Läufe,c{number % 7}"),
        (0.1, "COLOR:teal"),
        (0.15, dice.choice(("CLASS:PRIVATE", "CLASS:CONFIDENTIAL"))),
        (0.15, "TRANSP:TRANSPARENT"),
        (0.15, dice.choice(("STATUS:TENTATIVE", "STATUS:CANCELLED", "STATUS:CONFIRMED"))),
        (0.1, f"PRIORITY:{dice.randrange(1, 10)}"),
        (0.15, f"URL:https://example.org/{number}?q=a,b;c"),
        (0.1, "GEO:48.208200;16.373800"),
    ):
        if dice.random() < chance:
            lines.append(line)
    if dice.random() < 0.2:
        lines.append("ORGANIZER;CN=Host:mailto:host@example.org")
        for guest in dice.sample(range(500), dice.choice((1, 3))):
            status = dice.choice(("ACCEPTED", "NEEDS-ACTION", "DECLINED"))
            lines.append(f'ATTENDEE;CN="Guest, {guest}";PARTSTAT={status};ROLE=OPT-PARTICIPANT;RSVP=TRUE:mailto:guest{guest}@example.org')
    return lines


def foreign(dice, number):
    lines = []
    if number % 4 == 0:
        lines.append(f"ATTACH;FMTTYPE=application/pdf:https://files.example/{number}/agenda.pdf")
    if number % 9 == 0:
        data = base64.b64encode(dice.randbytes(dice.choice((90, 3000)))).decode()
        lines.append(f"ATTACH;FMTTYPE=image/png;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=b{number}.png:{data}")
    if number % 3 == 0:
        lines.append(f"X-PROOF-KEEP;X-ROLE=\"a;b\":keep {number} ✂ " + "long " * dice.choice((1, 60)))
    if number % 7 == 0:
        lines.append("COMMENT:looked at by nobody")
    return lines


def alarms(dice):
    text = ""
    if dice.random() < 0.4:
        text += f"BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT{dice.choice((5, 15, 60))}M\nDESCRIPTION:Reminder\nEND:VALARM\n"
    if dice.random() < 0.1:
        text += "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER;RELATED=END:PT0S\nDESCRIPTION:Over\nX-MOZ-LASTACK:20261101T080000Z\nEND:VALARM\n"
    return text


def component(number, times, dice, start, lines, extra="", name=None):
    return (
        f"BEGIN:VEVENT\nUID:{uid(number)}\n{name or ''}DTSTAMP:20261101T120000Z\nCREATED:20251201T093000Z\n"
        f"LAST-MODIFIED:20261020T081500Z\nSEQUENCE:{number % 4}\n{times.span(dice, start)}{extra}"
        + "".join(f"{line}\n" for line in lines)
        + alarms(dice)
        + "END:VEVENT\n"
    )


def resource(number, seed=0):
    """One event as a server stores it."""
    dice = random.Random(f"{seed}/{number}")
    times = Times(dice)
    title = f"{dice.choice(TITLES)} {number}"
    lines = details(dice, number, title) + foreign(dice, number)
    extra, parts = "", ""
    if dice.random() < 0.3:
        text, nth = rule(dice, times.start)
        extra = f"RRULE:{text}\n"
        if dice.random() < 0.5:
            extra += times.line("EXDATE", *(nth(n) for n in dice.sample((2, 3, 4), dice.choice((1, 2)))))
        if dice.random() < 0.15 and times.kind != "all-day":
            extra += times.line("RDATE", nth(1) + timedelta(hours=5))
        if dice.random() < 0.5:
            for n in dice.sample((5, 6, 7), dice.choice((1, 2))):
                moved = nth(n) + timedelta(days=dice.choice((0, 1)))
                said = [f"SUMMARY:{title} (moved {n})", *lines[1:3], *foreign(dice, number)]
                parts += component(number, times, dice, moved, said, name=times.line("RECURRENCE-ID", nth(n)))
    text = component(number, times, dice, times.start, lines, extra) + parts
    whole = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Others//proofs//EN\n" + (zone_text(times.zone) if times.zone else "") + text
    return b"".join(bench.fold(line) + b"\r\n" for line in (whole + "END:VCALENDAR").split("\n"))


def file_name(number):
    return f"proof-{number:06d}.ics"


def write_all(folder, count, seed=0):
    for number in range(count):
        (folder / file_name(number)).write_bytes(resource(number, seed))
