"""The servers that are measured against: one calendar for each contestant, with equal data and equally warm caches."""

import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import events

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent / "scripts"))
import caldav_server  # noqa: E402  (it lies in scripts/, beside the demo that shares it)

CALENDARS = ("kalends", "vdirsyncer", "limit")


class Radicale:
    """Seeded by writing files into its folder. Its log at level info has one line for each request."""

    title = "Radicale"
    user = "bench"

    def __init__(self, home, count):
        self.home, self.password = home / f"radicale-{count}", caldav_server.new_password()
        base = home / f"radicale-base-{count}"
        if not (base / "warm").exists():
            self._make_base(base, count)
        shutil.rmtree(self.home, ignore_errors=True)
        source = base / "collections" / "collection-root" / self.user / "base"
        for name in CALENDARS:
            folder = caldav_server.radicale_calendar(self.home, self.user, name, name)
            props = (folder / ".Radicale.props").read_text()
            shutil.copytree(source, folder, dirs_exist_ok=True)
            (folder / ".Radicale.props").write_text(props)
        self.server = caldav_server.radicale(self.home, {self.user: self.password}, log_level="info")
        for name in CALENDARS:
            self._warm(self.calendar_url(name))

    def _make_base(self, base, count):
        print(f"  making {count} events and letting Radicale read them for the first time …", flush=True)
        shutil.rmtree(base, ignore_errors=True)
        events.write_all(caldav_server.radicale_calendar(base, self.user, "base", "base"), count)
        with caldav_server.radicale(base, {self.user: self.password}) as self.server:
            self._warm(self.calendar_url("base"))
        (base / "warm").touch()

    def _warm(self, url):
        limit = [sys.executable, str(BENCH / "limit.py"), url, self.user, self.password, "1000"]
        subprocess.run(limit, check=True, stdout=subprocess.DEVNULL)

    def calendar_url(self, name):
        return f"{self.server.url}{self.user}/{name}/"

    def folder(self, name):
        return self.home / "collections" / "collection-root" / self.user / name

    def edit(self, name, number, mark):
        file = self.folder(name) / events.file_name(number)
        file.write_bytes(file.read_bytes().replace(b"SUMMARY:", b"SUMMARY:" + mark.encode()))

    def count_marked(self, name, mark):
        return sum(f"SUMMARY:{mark}".encode() in file.read_bytes() for file in self.folder(name).glob("*.ics"))

    def requests_so_far(self):
        return len(re.findall(r"\] [A-Z]+ request for '", self.server.log_file.read_text(errors="replace")))


class Xandikos:
    """Seeded by a git commit in its folder. It keeps no log of requests, and knows no accounts."""

    title = "Xandikos"
    user, password = "", ""

    def __init__(self, home, count):
        from dulwich import porcelain

        self.home = home / f"xandikos-{count}"
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        with caldav_server.xandikos(self.home) as self.server:
            for name in CALENDARS:
                self._request("MKCALENDAR", self.calendar_url(name), self._props(name))
        for name in CALENDARS:
            folder = self.folder(name)
            events.write_all(folder, count)
            porcelain.add(str(folder), [str(file) for file in folder.glob("*.ics")])
            who = b"bench <bench@example.org>"
            porcelain.commit(str(folder), message=b"events", author=who, committer=who)
        self.server = caldav_server.xandikos(self.home)
        for name in CALENDARS:
            limit = [sys.executable, str(BENCH / "limit.py"), self.calendar_url(name), "", "", "1000"]
            subprocess.run(limit, check=True, stdout=subprocess.DEVNULL)

    @staticmethod
    def _props(name):
        return (
            '<?xml version="1.0"?><c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>'
            f"<d:displayname>{name}</d:displayname></d:prop></d:set></c:mkcalendar>"
        ).encode()

    @staticmethod
    def _request(method, url, body=None):
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("Content-Type", "application/xml" if method == "MKCALENDAR" else "text/calendar")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def calendar_url(self, name):
        return f"{self.server.url}user1/calendars/{name}/"

    def folder(self, name):
        return self.home / "data" / "user1" / "calendars" / name

    def edit(self, name, number, mark):
        url = self.calendar_url(name) + events.file_name(number)
        self._request("PUT", url, self._request("GET", url).replace(b"SUMMARY:", b"SUMMARY:" + mark.encode()))

    count_marked = Radicale.count_marked

    def requests_so_far(self):
        return None
