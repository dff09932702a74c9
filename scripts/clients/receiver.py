"""A small server on this machine that takes pushes in, as a subscriber's would."""

import http.server
import json
import threading
import urllib.parse

from story import until


class Receiver:
    """Keeps what it is sent, as pairs of headers and body, and gives validation tokens back."""

    def __init__(self, validates=True):
        taken, lock = [], threading.Lock()
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                if "validationToken" in query:
                    asked.append(query["validationToken"])
                    answer = query["validationToken"] if validates else "no"
                    self.answer(200, answer.encode())
                    return
                with lock:
                    taken.append((self.headers, body))
                self.answer(202, b"")

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.taken, self.asked, self.lock = taken, asked, lock
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/pushes"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, what, fits):
        """The first push that fits, as soon as it is there."""

        def look():
            with self.lock:
                return next(((headers, body) for headers, body in self.taken if fits(headers, body)), None)

        return until(look, what)

    def wait_json(self, what, fits):
        """The first notification of any push that fits."""

        def notifications(body):
            return json.loads(body)["value"] if body else []

        _, body = self.wait(what, lambda _, body: any(map(fits, notifications(body))))
        return next(filter(fits, notifications(body)))

    def count(self):
        with self.lock:
            return len(self.taken)
