"""The demo through the API: a Google and a Microsoft account, connected by consent, and one Kalends calendar between them.

Both are stand-ins (`kalends sandbox`), so nobody needs an account. Every step is printed with the request that one would
send. A step that fails ends the demo with its answer.
"""

import html
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
SECONDS_MAX = 60
# The stand-ins push 0.3 s after a change, and a sync of one event takes less than half a second.
PUSHED_SECONDS = 1.0
PUSHED_SECONDS_BUSY = 5.0
ANN = {"google": "ann@example.com", "microsoft": "ann@contoso.example"}


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text):
    print(f"\n{paint('1;36', '▸')} {paint('1', text)}", flush=True)


def tell(text):
    print(f"    {text}", flush=True)


def fail(text):
    print(f"\ndemo: {text}", file=sys.stderr)
    raise SystemExit(1)


class Stay(urllib.request.HTTPRedirectHandler):
    """A browser that shows where it is sent instead of going there."""

    def redirect_request(self, *_):
        return None


def ask(method, url, token=None, body=None, form=None, expected=(200, 201, 202)):
    """One request, shown as one would type it; the answer in JSON where it is that."""
    request = urllib.request.Request(url, method=method)
    data = None
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.build_opener(Stay).open(request, data, SECONDS_MAX) as answer:
            status, headers, text = answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, headers, text = error.code, error.headers, error.read().decode()
    if status not in expected:
        fail(f"{method} {url}: {status}\n{text}")
    kind = headers.get("Content-Type") or ""
    return (json.loads(text) if "json" in kind else text), headers


class Demo:
    """What `kalends demo --json` told, and requests to it."""

    def __init__(self, told):
        self.told = told
        self.owner = told["tenants"]["demo"]["owner_token"]
        self.platform = told["platform_token"]

    def api(self, method, path, body=None, token=None, expected=(200, 201, 202), shown=True):
        if shown:
            print(paint("2", f"  $ {method} {path}" + (f"  {json.dumps(body)}" if body else "")), flush=True)
        return ask(method, self.told["api"] + path, token or self.owner, body, expected=expected)[0]

    def person(self, vendor):
        people = self.told["sandbox"][vendor]["users"]
        return next(person for person in people if person["email"] == ANN[vendor])

    def connect(self, vendor):
        """Consents as Ann would in her browser."""
        begun = self.api("POST", f"/api/oauth/{vendor}/initiate/", {"purpose": "calendar"})
        url = begun["authorization_url"]
        page, _ = ask("GET", url)
        asked = re.search(r"<h1>(.*?)</h1>", page)
        tell(f"the consent page says: {html.unescape(asked.group(1))}")
        form = [
            (html.unescape(name), html.unescape(value))
            for kind, name, value in re.findall(
                r'<input type="(hidden|checkbox)" name="([^"]*)" value="([^"]*)"', page
            )
        ]
        person = self.person(vendor)
        form += [("account", person["email"]), ("password", person["password"]), ("decision", "allow")]
        action = urllib.parse.urljoin(url, html.unescape(re.search(r'action="([^"]*)"', page).group(1)))
        _, headers = ask("POST", action, form=form, expected=(302, 303))
        page, _ = ask("GET", headers["Location"], expected=(200,))
        tell(" ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.split("<main>")[1])).split()))

    def account(self, provider):
        listed = self.api("GET", "/api/calendar/list/")["calendars"]
        return next(account for account in listed if account["provider"] == provider)

    def links(self):
        return self.api("GET", "/api/calendar/links/", shown=False)["links"]

    def google(self, method, path, body=None):
        base = self.told["sandbox"]["google"]["base"] + "/calendar/v3/calendars/primary/events"
        return ask(method, base + path, self.person("google")["access_token"], body)[0]

    def microsoft(self, method, path, body=None):
        base = self.told["sandbox"]["microsoft"]["base"] + "/v1.0/me"
        return ask(method, base + path, self.person("microsoft")["access_token"], body)[0]

    def at_google(self):
        return self.google("GET", "")["items"]

    def at_microsoft(self):
        return self.microsoft("GET", "/events?$top=100")["value"]

    def titles(self):
        google = sorted(event["summary"] for event in self.at_google())
        microsoft = sorted(event["subject"] for event in self.at_microsoft())
        return google, microsoft

    def series_at_microsoft(self, title):
        """The series of this title, each as (its start, its last day or how often it happens)."""
        found = []
        for event in self.at_microsoft():
            if event["subject"] == title and event.get("recurrence"):
                span = event["recurrence"]["range"]
                found.append((span["startDate"], span.get("endDate") if span["type"] == "endDate" else span["numberOfOccurrences"]))
        return found


def expect(what, holds):
    if not holds:
        fail(f"expected {what}")
    tell(paint("32", f"✓ {what}"))


def arrives(what, holds, within=SECONDS_MAX):
    """Waits until something is so; nobody asks for a sync meanwhile. Tells how long it took, and whether that is soon enough."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > SECONDS_MAX:
            fail(f"waited {SECONDS_MAX} s for this: {what}")
        time.sleep(0.02)
    took = time.monotonic() - began
    if took > within:
        fail(f"{what}: that took {took:.2f} s, and should have taken {within:.2f} s at most")
    tell(paint("32", f"✓ {what}") + f" (after {took:.2f} s)")


def pushed_within():
    """How soon a push brings a change over: within a second, or several where others keep all cores busy."""
    return PUSHED_SECONDS if os.getloadavg()[0] < os.cpu_count() else PUSHED_SECONDS_BUSY


def show(demo):
    say("Connect Ann's Google account and her Microsoft account, by their consent pages")
    for vendor in ("google", "microsoft"):
        demo.connect(vendor)
    accounts = {"google": demo.account("Google"), "microsoft": demo.account("Microsoft")}
    for account in accounts.values():
        tell(f"{account['provider']:<10} {account['email']:<22} {account['status']}")

    say("Link both to one calendar")
    calendar = demo.api("POST", "/api/calendar/calendars/", {"name": "Ann", "time_zone": "Europe/Berlin"})
    calendar = calendar["calendar"]["id"]
    links = {}
    for vendor, account in accounts.items():
        seen = demo.api("GET", f"/api/calendar/connections/{account['id']}/calendars/")["calendars"]
        body = {"connection_id": account["id"], "remote_calendar_id": seen[0]["id"], "calendar_id": calendar}
        made = demo.api("POST", "/api/calendar/links/", body)
        links[vendor] = made["link"]["id"]

    def in_step():
        google, microsoft = demo.titles()
        return google == microsoft and len(google) == 6

    arrives("the same six events in all three", in_step)

    def told_by_push():
        own = [link for link in demo.links() if link["id"] in links.values()]
        return len(own) == 2 and all(link["push"]["state"] == "open" for link in own)

    arrives("Google and Microsoft tell Kalends of changes by push", told_by_push)

    say("An event made in Kalends goes to both")
    event = {
        "title": "Dentist",
        "start": "2026-12-02T09:00:00",
        "timeZone": "Europe/Berlin",
        "duration": "PT45M",
    }
    made = demo.api("POST", f"/api/calendar/calendars/{calendar}/events/", event)
    tell(f"version {made['version']}")
    arrives("it is at Google and at Microsoft", lambda: all("Dentist" in one for one in demo.titles()))

    say("Ann renames it at Google; that arrives here, and at Microsoft")
    there = next(one for one in demo.at_google() if one["summary"] == "Dentist")
    demo.google("PATCH", f"/{there['id']}", {"summary": "Dentist, second floor"})
    arrives("it has the new name at Microsoft", lambda: "Dentist, second floor" in demo.titles()[1], pushed_within())

    say("And back again from Microsoft")
    there = next(one for one in demo.at_microsoft() if one["subject"] == "Dentist, second floor")
    demo.microsoft("PATCH", f"/events/{there['id']}", {"location": {"displayName": "Harbour Street 4"}})
    arrives(
        "the place is at Google",
        lambda: any(one.get("location") == "Harbour Street 4" for one in demo.at_google()),
        pushed_within(),
    )

    say("One occurrence of her team meeting is moved at Microsoft; the others stay")
    master = next(
        one
        for one in demo.at_microsoft()
        if one["subject"] == "Team meeting" and one["start"]["dateTime"].startswith("2026-11-30T10:00")
    )
    window = "startDateTime=2026-12-07T00:00:00Z&endDateTime=2026-12-08T00:00:00Z"
    occurrence = demo.microsoft("GET", f"/events/{master['id']}/instances?{window}")["value"][0]
    moved = {
        "start": {"dateTime": "2026-12-07T14:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-07T14:30:00", "timeZone": "Europe/Berlin"},
    }
    demo.microsoft("PATCH", f"/events/{occurrence['id']}", moved)
    query = "?singleEvents=true&timeMin=2026-12-07T00:00:00Z&timeMax=2026-12-08T00:00:00Z"
    arrives(
        "it is at two in the afternoon at Google too",
        lambda: any("T14:00" in one["start"]["dateTime"] for one in demo.google("GET", query)["items"]),
    )

    say("At Google a series is split: from 21 December on her meeting is half an hour later")
    series = next(
        one
        for one in demo.at_google()
        if one["summary"] == "Team meeting" and one["start"]["dateTime"].startswith("2026-11-30T09:00")
    )
    demo.google("PATCH", f"/{series['id']}", {"recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20261220T225959Z;BYDAY=MO"]})
    later = {
        "summary": "Team meeting",
        "start": {"dateTime": "2026-12-21T09:30:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-21T10:15:00", "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=MO"],
    }
    demo.google("POST", "", later)

    def split():
        found = demo.series_at_microsoft("Team meeting")
        return ("2026-12-21", 5) in found and any(start == "2026-11-30" and end == "2026-12-20" for start, end in found)

    arrives("Microsoft has both halves", split)
    expect("no meeting twice", len(demo.series_at_microsoft("Team meeting")) == 3)

    say("Ann's grant at Google is taken back, and she connects the account again")
    before = demo.titles()
    base = demo.told["sandbox"]["google"]["base"]
    ask("POST", f"{base}/revoke", form={"token": demo.person("google")["access_token"]})
    refused = demo.api(
        "POST", "/api/calendar/sync/", {"credential_id": accounts["google"]["id"]}, expected=(409,)
    )
    tell(refused["error"])
    demo.connect("google")
    # The token with which this script looks at Google ended with the grant.
    given = ask("POST", base.removesuffix("google") + "_sandbox/tokens", body={"face": "google", "user": ANN["google"]})[0]
    demo.person("google")["access_token"] = given["access_token"]
    expect("it is the same account as before", demo.account("Google")["id"] == accounts["google"]["id"])
    there = next(one for one in demo.at_microsoft() if one["subject"] == "Dentist, second floor")
    demo.microsoft("PATCH", f"/events/{there['id']}", {"subject": "Dentist"})
    arrives("what changed meanwhile is at Google", lambda: "Dentist" in demo.titles()[0])
    expect("nothing was lost, and nothing doubled", [len(one) for one in demo.titles()] == [len(one) for one in before])

    say("A plan without Calendar Sync stops all of it at once, and gives it back as it was")
    tenant = "/api/platform/tenants/demo/"
    demo.api("PATCH", tenant, {"can_use_calendar_sync": False}, token=demo.platform)
    refused = demo.api("GET", "/api/calendar/list/", expected=(403,))
    tell(refused["error"])
    demo.api("PATCH", tenant, {"can_use_calendar_sync": True}, token=demo.platform)
    expect("the accounts are still there", len(demo.api("GET", "/api/calendar/list/")["calendars"]) == 3)


def main():
    built = os.environ.get("CARGO_TARGET_DIR", "target") + "/debug"
    program = Path(os.environ.get("KALENDS_DEMO_PROGRAMS", built)) / "kalends"
    say("Start everything on the embedded default")
    print(paint("2", "  $ kalends demo --json"), flush=True)
    running = subprocess.Popen([program, "demo", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        line = running.stdout.readline()
        if not line:
            fail("kalends demo did not start")
        demo = Demo(json.loads(line))
        tell(f"the API is at {demo.told['api']}, its pages at {demo.told['api']}/api/docs/")
        began = time.monotonic()
        show(demo)
        say(f"All of it through the API, in {time.monotonic() - began:.1f} s.")
    finally:
        running.terminate()
        running.wait(10)


if __name__ == "__main__":
    main()
