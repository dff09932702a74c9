"""Reads iCalendar objects with `icalendar` and `vobject`, and says what they see, one JSON line per object.

Input: a file of objects, each preceded by a line `== NUMBER`. Output fields are those that both packages can say.
"""

import json
import sys
from datetime import datetime

import icalendar
import vobject


def moment(value):
    return value.isoformat() if value is not None else None


def seen_by_icalendar(text):
    calendar = icalendar.Calendar.from_ical(text)
    events = []
    for event in calendar.walk("VEVENT"):
        start = event.decoded("DTSTART")
        end = event.get("DTEND")
        events.append(
            {
                "uid": str(event["UID"]),
                "title": str(event.get("SUMMARY", "")),
                "description": str(event.get("DESCRIPTION", "")),
                "start": start.replace(tzinfo=None).isoformat()
                if isinstance(start, datetime)
                else start.isoformat(),
                "all_day": not isinstance(start, datetime),
                "ends": end is not None or event.get("DURATION") is not None,
                "rules": "RRULE" in event,
                "alarms": len(event.walk("VALARM")),
                "errors": [str(error) for error in event.errors],
            }
        )
    return events


def seen_by_vobject(text):
    calendar = vobject.readOne(text)
    return [
        {
            "uid": event.uid.value,
            "title": event.summary.value if hasattr(event, "summary") else "",
        }
        for event in calendar.contents.get("vevent", [])
    ]


def main():
    for part in open(sys.argv[1], newline="", encoding="utf-8").read().split("== ")[1:]:
        number, text = part.split("\n", 1)
        answer = {"number": int(number)}
        for name, read in (("icalendar", seen_by_icalendar), ("vobject", seen_by_vobject)):
            try:
                answer[name] = read(text)
            except Exception as error:  # the point of the script is to report whatever goes wrong
                answer[name] = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer))


main()
