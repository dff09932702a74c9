"""How a story is told: its steps, what must hold in them, and how one waits for something.

Every story is a program of its own, run by `__main__.py`, which tells it by a variable where the sandbox is. A library
reads once, when it is loaded, which authorities it trusts.
"""

import json
import os
import sys
import time
import traceback
import urllib.request

TOLD = "KALENDS_SANDBOX_TOLD"
# How long a push, or whatever else comes by itself, may take.
WAIT_SECONDS_MAX = 15


class Missed(Exception):
    """Something that does not hold."""


def told():
    """What `kalends sandbox --json` said."""
    return json.loads(os.environ[TOLD])


def person(vendor, name="ann"):
    """Somebody with an account: `email`, `password`, `access_token`."""
    return next(one for one in told()[vendor]["users"] if one["email"].startswith(f"{name}@"))


def operator(path, **body):
    """Does something at one of the operator's doors of the sandbox."""
    request = urllib.request.Request(
        f"{told()['caldav']['base']}_sandbox/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX) as answer:
        return json.load(answer)


class step:
    """One step of a story. A step that fails ends the story."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            print(f"  ✓ {self.text}", flush=True)
            return False
        print(f"  ✗ {self.text}", flush=True)
        if kind is not Missed:
            traceback.print_exception(kind, error, trace, file=sys.stdout)
        sys.stdout.flush()
        print(f"\n{self.text}: {kind.__name__}: {error}", file=sys.stderr, flush=True)
        # Not by an exception: libraries of asynchronous calls hold some back.
        os._exit(1)


def same(have, want, what="it"):
    if have != want:
        raise Missed(f"{what} is {have!r}, not {want!r}")


def holds(condition, what):
    if not condition:
        raise Missed(f"not so: {what}")


def refused(call, error, shown):
    """Calls, and gives back the error that it must end with. `shown` makes of the error what is compared."""
    try:
        call()
    except error as raised:
        return shown(raised)
    raise Missed("this was not refused")


def until(look, what):
    """Looks until there is something to see."""
    ends = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < ends:
        if seen := look():
            return seen
        time.sleep(0.05)
    raise Missed(f"{what} did not come within {WAIT_SECONDS_MAX} s")
