"""Proof B: a sync that is killed leaves nothing that the next one does not put right."""

import random
import re
import time

import equal
import made
import world
from world import Broken, Timed, note


def check(radicale, kalends, user, wanted, what):
    """The state after the next plain sync is the one without the kill."""
    for side in ("ann", user):
        try:
            world.must_equal(wanted, world.stored(radicale, side), ("the run without a kill", f"{side}'s server"))
        except Broken as broken:
            raise Broken(f"{what}: {broken}") from broken
    world.must_equal(wanted, equal.events(kalends.export()), ("the run without a kill", f"the export, {what}"))


def changed(texts, mark):
    """All events as one file, with a word in each title."""
    body = "".join(re.sub(r"(?m)^SUMMARY:.*?(\r?)$", rf"SUMMARY:{mark} \1", "\r\n".join(parts(text)) + "\r\n") for text in texts)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Others//proofs//EN\r\n{body}END:VCALENDAR\r\n"


def parts(text):
    """The VEVENTs and VTIMEZONEs of a resource, as unfolded lines."""
    lines = world.unfolded(text).strip().split("\n")
    first = next(n for n, line in enumerate(lines) if line.startswith("BEGIN:V") and n > 0)
    return lines[first:-1]


# A kill that comes after the sync has ended proves nothing and is drawn again, at most this often for each that counts.
DRAWS_EACH = 3


def prove(home, program, options):
    dice = random.Random(options.seed)
    in_first = (options.kills + 1) // 2
    users = [f"ben{n}" for n in range(1 + in_first * DRAWS_EACH)]
    radicale = world.Radicale(home / "radicale", ("ann", *users), indexed=True)
    made.write_all(radicale.folder("ann"), options.kill_events, options.seed)
    with radicale:
        kalends, longest_s = first_sync(radicale, home, program, users[0])
        note(f"{options.kill_events} events; a first sync without a kill takes {longest_s:.1f} s")
        wanted = world.stored(radicale, "ann")
        check(radicale, kalends, users[0], wanted, "without a kill")
        killed, drawn = 0, 0
        with Timed(f"{in_first} first syncs killed, synced again and compared"):
            while killed < in_first:
                drawn += 1
                if drawn == len(users):
                    raise Broken(f"of {drawn - 1} kills only {killed} found the first sync at work")
                after_s = dice.uniform(0, longest_s)
                alive, took_s = kill_first_sync(radicale, home, program, users[drawn], after_s, wanted)
                killed += alive
                longest_s = longest_s if alive else took_s
        note(f"{killed} first syncs killed; {drawn - killed} kills came too late and were drawn again")
        kill_pushes(radicale, kalends, users[0], home, dice, options.kills - in_first)


def set_up(radicale, home, program, user):
    kalends = world.Kalends(home / f"kalends-{user}", program)
    kalends.connect(radicale, "ann")
    kalends.connect(radicale, user)
    return kalends


def first_sync(radicale, home, program, user):
    kalends = set_up(radicale, home, program, user)
    began = time.monotonic()
    kalends.sync()
    return kalends, time.monotonic() - began


def kill_first_sync(radicale, home, program, user, after_s, wanted):
    kalends = set_up(radicale, home, program, user)
    alive, took_s = kalends.kill_sync_after(after_s)
    arrived = len(radicale.files(user))
    kalends.sync()
    what = f"first sync killed after {after_s:.3f} s, when {arrived} events had arrived"
    check(radicale, kalends, user, wanted, what)
    quiet(radicale, kalends, what)
    return alive, took_s


def quiet(radicale, kalends, what):
    before = radicale.writes()
    kalends.sync()
    if radicale.writes() != before:
        raise Broken(f"{what}: after the sync that put it right, another one wrote {radicale.writes() - before} times")


def kill_pushes(radicale, kalends, user, home, dice, count):
    """Every event is changed here, and the sync that takes this to both servers is killed."""
    longest_s, killed, drawn = None, 0, 0
    began = time.monotonic()
    while killed < count:
        if drawn > count * DRAWS_EACH:
            raise Broken(f"of {drawn} kills only {killed} found a push at work")
        mark = f"push{drawn}x"
        wanted = change_all(radicale, kalends, user, home / "changed.ics", mark)
        what = f"push {drawn}"
        if longest_s is None:
            started = time.monotonic()
            kalends.sync()
            longest_s = time.monotonic() - started
            note(f"a push of all to both servers without a kill takes {longest_s:.1f} s")
        else:
            after_s = dice.uniform(0, longest_s)
            alive, took_s = kalends.kill_sync_after(after_s)
            killed += alive
            longest_s = longest_s if alive else took_s
            arrived = sum(mark in text for text in (*radicale.files("ann").values(), *radicale.files(user).values()))
            what = f"push {drawn} killed after {after_s:.3f} s, when {arrived} writes had arrived"
            kalends.sync()
        drawn += 1
        check(radicale, kalends, user, wanted, what)
        quiet(radicale, kalends, what)
    note(f"{killed} pushes killed, synced again and compared: {time.monotonic() - began:.1f} s")
    note(f"{drawn - 1 - killed} kills came too late and were drawn again")


def change_all(radicale, kalends, user, file, mark):
    """Changes every title here; what all events are then."""
    file.write_text(changed(radicale.files(user).values(), mark), newline="")
    kalends.run("import", str(file), "--calendar", world.CALENDAR)
    wanted = equal.events(kalends.export())
    if any(mark not in part["SUMMARY"] for event in wanted.values() for part in event.values()):
        raise Broken(f"an import of changed titles ({mark}) did not change all")
    return wanted
