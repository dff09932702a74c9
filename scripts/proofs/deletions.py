"""Proof C: what looks empty or broken deletes nothing, and a mass deletion waits for a person's word."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import made
import steps
import world
from world import Broken, note

EVENTS = 60
EMPTY = b'<?xml version="1.0"?><multistatus xmlns="DAV:"></multistatus>'
EMPTY_SYNC = b'<?xml version="1.0"?><multistatus xmlns="DAV:"><sync-token>http://radicale.org/ns/sync/none</sync-token></multistatus>'
ANSWERS = {
    "an empty multistatus": (207, "application/xml", EMPTY),
    "an empty multistatus with a sync token": (207, "application/xml", EMPTY_SYNC),
    "an HTML page": (200, "text/html", b"<!doctype html><title>Please log in</title><form></form>"),
    "status 500": (500, "text/plain", b"Internal Server Error"),
    "status 404": (404, "text/plain", b"Not Found"),
    "an empty body": (207, "application/xml", b""),
}


class Moody(ThreadingHTTPServer):
    """Passes everything on to a server, until told to answer listings otherwise."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), Passing)
        self.behind, self.mood = port, None
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def anything(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mood = self.server.mood
        if mood in ANSWERS and self.command in ("REPORT", "PROPFIND", "GET"):
            status, kind, answer = ANSWERS[mood]
            headers = [("Content-Type", kind)]
        else:
            status, headers, answer = self.passed_on(body)
            if mood == "an answer that is cut" and self.command in ("REPORT", "PROPFIND"):
                answer = answer[: len(answer) // 2]
        self.send_response(status)
        for key, value in headers:
            if key.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def passed_on(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("connection", "accept-encoding")}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()

    do_GET = do_PUT = do_DELETE = do_REPORT = do_PROPFIND = do_OPTIONS = do_HEAD = anything


def must_have(radicale, kalends, ann, ben, here, what):
    found = (len(radicale.files("ann")), len(radicale.files("ben")), len(kalends.ids()))
    if found != (ann, ben, here):
        raise Broken(f"{what}: ann, ben and Kalends should have {(ann, ben, here)} events, and have {found}")


def held(links):
    return sum(link["held_total"] for link in links)


def prove(home, program, options):
    radicale = world.Radicale(home / "radicale", ("ann", "ben"))
    kalends = world.Kalends(home / "kalends", program)
    made.write_all(radicale.folder("ann"), EVENTS, options.seed)
    with radicale:
        proxy = Moody(radicale.server.port)
        kalends.connect(radicale, "ann", url=f"http://127.0.0.1:{proxy.server_port}/")
        kalends.connect(radicale, "ben")
        kalends.sync()
        kalends.sync_until_quiet(radicale)
        must_have(radicale, kalends, EVENTS, EVENTS, EVENTS, "after the first sync")
        broken_answers(radicale, kalends, proxy)
        emptied(radicale, kalends)
        mass_deletion(radicale, kalends)
        proxy.shutdown()
        proxy.server_close()


def broken_answers(radicale, kalends, proxy):
    for mood in (*ANSWERS, "an answer that is cut"):
        for arguments in ((), ("--full",)):
            before = radicale.writes()
            proxy.mood = mood
            kalends.sync(*arguments, fails=True)
            proxy.mood = None
            what = f"a server that answers with {mood} ({' '.join(('sync', *arguments))})"
            if radicale.writes() != before:
                raise Broken(f"{what}: {radicale.writes() - before} writes were sent")
            must_have(radicale, kalends, EVENTS, EVENTS, EVENTS, what)
            kalends.sync("--refuse-deletions")
            if (sent := radicale.writes() - before) != 0:
                raise Broken(f"{what}: when it was well again, {sent} writes were sent")
            must_have(radicale, kalends, EVENTS, EVENTS, EVENTS, f"{what}, then well again")
    kalends.sync_until_quiet(radicale)
    note(f"{len(ANSWERS) + 1} kinds of broken answers, each to a sync and a full one: nothing deleted, nothing written")


def emptied(radicale, kalends):
    """All files vanish while the server runs, and come back from the backup."""
    files = radicale.files("ann")
    for name in files:
        (radicale.folder("ann") / name).unlink()
    for round_ in range(2):
        links = kalends.sync()
        must_have(radicale, kalends, 0, EVENTS, EVENTS, f"an emptied collection, sync {round_ + 1}")
    if held(links) != EVENTS:
        raise Broken(f"of an emptied collection of {EVENTS} events {held(links)} deletions are held")
    for name, text in files.items():
        (radicale.folder("ann") / name).write_text(text, newline="")
    kalends.sync()
    kalends.sync_until_quiet(radicale)
    if count := held(kalends.sync()):
        raise Broken(f"an emptied collection was restored, and {count} deletions still wait to be confirmed")
    must_have(radicale, kalends, EVENTS, EVENTS, EVENTS, "an emptied collection that was restored")
    steps.check_sides(radicale, kalends)
    note("an emptied collection: every deletion is held; when its files are back, all is as before")


def mass_deletion(radicale, kalends):
    gone = sorted(radicale.files("ann"))[: EVENTS * 2 // 3]
    left = EVENTS - len(gone)
    for name in gone:
        radicale.remove("ann", name)
    for round_ in range(2):
        links = kalends.sync()
        must_have(radicale, kalends, left, EVENTS, EVENTS, f"a mass deletion, sync {round_ + 1}")
        if held(links) != len(gone):
            raise Broken(f"of {len(gone)} deletions {held(links)} are held")
    kalends.sync("--confirm-deletions")
    must_have(radicale, kalends, left, left, left, "a mass deletion that was confirmed")
    kalends.sync_until_quiet(radicale)
    must_have(radicale, kalends, left, left, left, "a mass deletion that was confirmed, then synced again")
    steps.check_sides(radicale, kalends)
    note(f"{len(gone)} deletions at once: held through two syncs, carried out when confirmed")
