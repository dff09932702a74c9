"""Lets other people's clients of Google and Microsoft loose on the sandbox: libraries from their registry, unchanged.

    make test-clients                            all of them
    make test-clients CLIENTS="--only msal"      those whose name has this in it

Each story is a program of its own. The sandbox runs twice, over HTTP and over HTTPS with an authority that it makes, for
Microsoft's library signs in over nothing else.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
START_SECONDS_MAX = 60
STORY_SECONDS_MAX = 180
# Each client with its story, and whether it is told over HTTPS.
STORIES = [
    ("google-api-python-client, google-auth-oauthlib", "google_api", False),
    ("gcal_sync", "google_sync", False),
    ("gcalcli", "google_cli", True),
    ("msal", "microsoft_signin", True),
    ("msgraph-sdk", "microsoft_graph", True),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the kalends binary")
    parser.add_argument("--only", help="only the clients whose name has this in it")
    options = parser.parse_args()
    began, steps = time.monotonic(), 0
    for secure in (False, True):
        stories = [one for one in STORIES if one[2] == secure and (options.only or "") in one[0]]
        if not stories:
            continue
        with tempfile.TemporaryDirectory(prefix="kalends-clients-") as home, Sandbox(options.program, home, secure) as sandbox:
            for client, story, _ in stories:
                print(f"{client}, over {'HTTPS' if secure else 'HTTP'}", flush=True)
                steps += tell(story, sandbox)
    if not steps:
        print("clients: no such client", file=sys.stderr)
        return 1
    print(f"clients: {steps} passed, 0 failed ({time.monotonic() - began:.0f} s)")
    return 0


def tell(story, sandbox):
    """Runs one story, and counts its steps."""
    command = [sys.executable, str(HERE / f"{story}.py")]
    process = subprocess.Popen(command, env=sandbox.environment(), stdout=subprocess.PIPE, text=True)
    steps = 0
    with ended_after(STORY_SECONDS_MAX, process):
        for line in process.stdout:
            print(line, end="", flush=True)
            steps += line.startswith("  ✓")
        status = process.wait()
    if status != 0 or not steps:
        ended = sandbox.process.poll()
        lives = "" if ended is None else f"; the sandbox itself has ended, with {ended}"
        print(f"\nclients: {story}.py failed after {steps} steps{lives}", file=sys.stderr)
        raise SystemExit(1)
    return steps


@contextlib.contextmanager
def ended_after(seconds, process):
    """Ends a process that hangs."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Sandbox:
    """`kalends sandbox`, on a port that is free."""

    def __init__(self, program, home, secure):
        command = [str(Path(program).resolve()), "sandbox", "--json"]
        if secure:
            command += ["--tls", "--tls-dir", f"{home}/authority"]
        self.process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True)
        with ended_after(START_SECONDS_MAX, self.process):
            line = self.process.stdout.readline()
        if not line:
            print("clients: kalends sandbox did not start", file=sys.stderr)
            raise SystemExit(1)
        self.told = json.loads(line)

    def environment(self):
        """What a story is told, and which authority its libraries trust: each asks a variable of its own."""
        environment = {
            **os.environ,
            "KALENDS_SANDBOX_TOLD": json.dumps(self.told),
            "NO_PROXY": "*",
            "PYTHONWARNINGS": "ignore::FutureWarning",
        }
        if authority := self.told.get("authority"):
            for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "HTTPLIB2_CA_CERTS"):
                environment[name] = authority
        # oauthlib refuses plain HTTP, also to the port of one's own machine at which a program waits for its code.
        environment["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
        return environment

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


if __name__ == "__main__":
    sys.exit(main())
