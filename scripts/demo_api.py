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

    def api(self, method, path, body=None, token=None, expected=(200, 201, 202)):
        shown = f"{method} {path}" + (f"  {json.dumps(body)}" if body else "")
        print(paint("2", f"  $ {shown}"), flush=True)
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

    def sync(self, link):
        ran = self.api("POST", f"/api/calendar/links/{link}/sync/")
        counts = {name: ran[name] for name in ("created", "updated", "deleted", "pushed", "conflicts")}
        tell(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do")
        if ran["skipped"]:
            fail(f"skipped: {ran['skipped']}")
        return ran

    def google(self, method, path, body=None):
        base = self.told["sandbox"]["google"]["base"] + "/calendar/v3/calendars/primary/events"
        return ask(method, base + path, self.person("google")["access_token"], body)[0]

    def microsoft(self, method, path, body=None):
        base = self.told["sandbox"]["microsoft"]["base"] + "/v1.0/me"
        return ask(method, base + path, self.person("microsoft")["access_token"], body)[0]

    def titles(self):
        google = sorted(event["summary"] for event in self.google("GET", "")["items"])
        microsoft = sorted(event["subject"] for event in self.microsoft("GET", "/events?$top=100")["value"])
        return google, microsoft


def expect(what, holds):
    if not holds:
        fail(f"expected {what}")
    tell(paint("32", f"✓ {what}"))


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
    for vendor in ("google", "microsoft", "google"):
        demo.sync(links[vendor])
    google, microsoft = demo.titles()
    expect("the same six events in all three", google == microsoft and len(google) == 6)

    say("An event made in Kalends goes to both")
    path = f"/api/calendar/calendars/{calendar}/events/"
    event = {
        "title": "Dentist",
        "start": "2026-12-02T09:00:00",
        "timeZone": "Europe/Berlin",
        "duration": "PT45M",
    }
    made = demo.api("POST", path, event)
    tell(f"version {made['version']}")
    for link in links.values():
        demo.sync(link)
    google, microsoft = demo.titles()
    expect("it is at Google and at Microsoft", google == microsoft and "Dentist" in google)

    say("Ann renames it at Google; that arrives here, and at Microsoft")
    there = next(one for one in demo.google("GET", "")["items"] if one["summary"] == "Dentist")
    demo.google("PATCH", f"/{there['id']}", {"summary": "Dentist, second floor"})
    demo.sync(links["google"])
    demo.sync(links["microsoft"])
    google, microsoft = demo.titles()
    expect("it has the new name everywhere", google == microsoft and "Dentist, second floor" in google)

    say("One occurrence of her team meeting is moved at Microsoft; the others stay")
    master = next(
        one
        for one in demo.microsoft("GET", "/events?$top=100")["value"]
        if one["subject"] == "Team meeting" and one["start"]["dateTime"].startswith("2026-11-30T10:00")
    )
    window = "startDateTime=2026-12-07T00:00:00Z&endDateTime=2026-12-08T00:00:00Z"
    occurrence = demo.microsoft("GET", f"/events/{master['id']}/instances?{window}")["value"][0]
    moved = {
        "start": {"dateTime": "2026-12-07T14:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-07T14:30:00", "timeZone": "Europe/Berlin"},
    }
    demo.microsoft("PATCH", f"/events/{occurrence['id']}", moved)
    demo.sync(links["microsoft"])
    demo.sync(links["google"])
    query = "?singleEvents=true&timeMin=2026-12-07T00:00:00Z&timeMax=2026-12-08T00:00:00Z"
    starts = [one["start"]["dateTime"] for one in demo.google("GET", query)["items"]]
    expect("it is at two in the afternoon at Google too", any("T14:00" in start for start in starts))

    say("Ann's grant at Google is taken back, and she connects the account again")
    base = demo.told["sandbox"]["google"]["base"]
    ask("POST", f"{base}/revoke", form={"token": demo.person("google")["access_token"]})
    refused = demo.api(
        "POST", "/api/calendar/sync/", {"credential_id": accounts["google"]["id"]}, expected=(409,)
    )
    tell(refused["error"])
    demo.connect("google")
    ran = demo.sync(links["google"])
    expect("nothing was lost, and nothing doubled", ran["created"] == 0 and ran["deleted"] == 0)

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
