"""Proof A: many events, edited at random on three sides, end equal everywhere; and proof D: so they stay when the
database is thrown away."""

import re
import random
from collections import Counter
from datetime import datetime, timedelta

import editing
import equal
import made
import world
from world import Broken, Timed, note

SIDES = ("ann", "ben", "here")
# So that several sides meet in one event, this share of the edits falls on a few.
HOT_SHARE = 0.5
SYNC_EVERY = 25
WORDS = {"SUMMARY": "--title", "LOCATION": "--location", "DESCRIPTION": "--description"}


class Story:
    """The random edits, and what is known of each."""

    def __init__(self, radicale, kalends, options):
        self.radicale, self.kalends, self.options = radicale, kalends, options
        self.dice = random.Random(options.seed)
        self.edits, self.batch, self.step = [], 0, 0
        self.hot = [made.uid(self.dice.randrange(options.events)) for _ in range(max(4, options.steps // 12))]

    def look(self):
        """What each side has after a sync: who edits next, sees this."""
        self.names = {user: self.radicale.names(user) for user in SIDES[:2]}
        self.ids = self.kalends.ids()
        self.live = {"ann": set(self.names["ann"]), "ben": set(self.names["ben"]), "here": set(self.ids)}
        self.common = sorted(set.intersection(*self.live.values()))

    def choose(self, side):
        hot = [uid for uid in self.hot if uid in self.live[side]]
        for _ in range(50):
            uid = self.dice.choice(hot) if hot and self.dice.random() < HOT_SHARE else self.dice.choice(self.common)
            if uid in self.live[side]:
                return uid
        raise Broken("the generator of edits finds no event that is left")

    def one(self):
        side = self.dice.choices(SIDES, (3, 3, 4))[0]
        what = self.dice.choices(("text", "time", "occurrence", "exclude", "add", "delete"), (50, 14, 14, 5, 9, 8))[0]
        if what == "add":
            edit = self.add(side)
        else:
            uid = self.choose(side)
            edit = getattr(self, what)(side, uid, self.text_of(uid)) or self.text(side, uid, None)
        self.edits.append(edit)
        self.step += 1

    def text_of(self, uid):
        """An event as it was after the last sync, to see what can be done with it."""
        return (self.radicale.folder("ann") / self.names["ann"][uid]).read_text() if uid in self.live["ann"] else None

    def made(self, side, uid, slot, tokens):
        return editing.Edit(self.step, self.batch, side, uid, slot, tokens)

    def token(self):
        return f"tok{self.options.seed}x{self.step}y"

    def here(self, edit, *arguments):
        answer = self.kalends.json("events", *arguments)
        edit.version, edit.event_id = answer["version"], answer["id"]
        return edit

    def on_server(self, edit, change):
        self.radicale.change(edit.side, self.names[edit.side][edit.uid], change)
        return edit

    def text(self, side, uid, _):
        name = self.dice.choices(tuple(WORDS), (5, 3, 3))[0]
        token = self.token()
        value = f"{self.dice.choice(('Ünïcode ✓', 'plain', 'a, b; c'))} {token} " + "word " * self.dice.choice((0, 3, 60)) + "."
        edit = self.made(side, uid, name, (token,))
        if side == "here":
            return self.here(edit, "edit", self.ids[uid], WORDS[name], value)
        escaped = value.replace(",", "\\,").replace(";", "\\;")
        return self.on_server(edit, lambda text: editing.with_text(text, name, escaped))

    def time(self, side, uid, text):
        if text is None or editing.repeats(text):
            return None
        how, value = editing.start_of(text)
        if "T" not in value:
            return None
        # Odd minutes and seconds that no other step takes.
        day = editing.as_moment(value).replace(hour=9 + self.step % 8, minute=self.step // 60 % 60, second=self.step % 60)
        moment = day + timedelta(days=self.dice.randrange(1, 20))
        edit = self.made(side, uid, "time", (f"{moment:%Y%m%dT%H%M%S}", moment.isoformat()))
        if side == "here":
            return self.here(edit, "edit", self.ids[uid], "--start", moment.isoformat())
        return self.on_server(edit, lambda text: editing.with_start(text, moment))

    def tenth(self, text):
        series = text and editing.plain_series(text)
        if not series:
            return None
        start, step = series
        return start + step * self.dice.randrange(9, 14)

    def stands_apart(self, text, moment):
        stamp = f"{moment:%Y%m%d}"
        return any(stamp in line for line in re.findall(r"^(?:EXDATE|RECURRENCE-ID).*", world.unfolded(text), re.M))

    def occurrence(self, side, uid, text):
        moment = self.tenth(text)
        used = {(e.side, e.uid, e.slot) for e in self.edits if e.batch == self.batch}
        slot = f"occurrence {moment}"
        if moment is None or self.stands_apart(text, moment) or (side, uid, slot) in used:
            return None
        edit = self.made(side, uid, slot, (self.token(),))
        title = f"Only this one {self.token()}."
        if side == "here":
            return self.here(edit, "edit", self.ids[uid], "--occurrence", self.typed(text, moment), "--title", title)
        return self.on_server(edit, lambda text: editing.with_occurrence(text, moment, title))

    def exclude(self, side, uid, text):
        moment = self.tenth(text)
        used = {(e.uid, e.slot) for e in self.edits if e.batch == self.batch}
        slot = f"occurrence {moment}"
        if moment is None or self.stands_apart(text, moment) or (uid, slot) in used:
            return None
        # Seen as the date in an EXDATE; where another side changes the occurrence at once, that wins.
        edit = self.made(side, uid, slot, (f"EXDATE {moment:%Y%m%d}",))
        if side == "here":
            return self.here(edit, "rm", self.ids[uid], "--occurrence", self.typed(text, moment))
        return self.on_server(edit, lambda text: editing.with_exclusion(text, moment))

    @staticmethod
    def typed(text, moment):
        return moment.isoformat() if "T" in editing.start_of(text)[1] else moment.date().isoformat()

    def add(self, side):
        token = self.token()
        start = datetime(2026, 12, 1, 9, 0) + timedelta(days=self.step % 300)
        if side == "here":
            edit = self.made(side, "", "SUMMARY", (token,))
            answer = self.kalends.json(
                "events", "add", "--calendar", world.CALENDAR, "--title", f"New {token}.", "--start", start.isoformat()
            )
            edit.uid, edit.event_id, edit.version = answer["uid"], answer["id"], 1
            return edit
        uid = f"{token}@phone.example"
        self.radicale.add(side, f"{token}.ics", editing.new_resource(uid, f"New {token}.", start))
        return self.made(side, uid, "SUMMARY", (token,))

    def delete(self, side, uid, _):
        edit = self.made(side, uid, "delete", ())
        self.live[side].discard(uid)
        if side == "here":
            return self.here(edit, "rm", self.ids[uid])
        self.radicale.remove(side, self.names[side][uid])
        return edit


def overwritten(edit, later):
    """Whether a later edit had seen this one: on the same side, or after a sync."""
    return later.step > edit.step and (later.side == edit.side or later.batch > edit.batch)


def check_edits(edits, events, conflicts):
    """Every edit is in the result, was overwritten by somebody who had seen it, or stands in a conflict."""
    by_uid = {}
    for edit in edits:
        by_uid.setdefault(edit.uid, []).append(edit)
    for uid, those in by_uid.items():
        text = events.get(uid)
        for edit in those:
            if any(overwritten(edit, other) and other.slot in (edit.slot, "delete") for other in those):
                continue
            if edit.slot == "delete":
                at_once = [o for o in those if o.batch == edit.batch and o.side != edit.side and o.slot != "delete"]
                later = [o for o in those if o.batch > edit.batch]
                if text is not None and not at_once and not later:
                    raise Broken(f"step {edit.step}: {edit.side} deleted {uid}, nobody edited it, and it is still there")
                continue
            if any(token in (text or "") or token in conflicts for token in edit.tokens):
                continue
            # Taking an occurrence away loses against a change of it at the same time, by the rules of merging.
            if edit.tokens[0].startswith("EXDATE"):
                if any(o.slot == edit.slot and o is not edit for o in those):
                    continue
            raise Broken(
                f"step {edit.step} is lost: {edit.side} set {edit.slot} of {uid} to {edit.tokens[0]}; "
                f"it is neither in the event nor in a conflict. All edits of it: "
                + "; ".join(f"{o.step} (batch {o.batch}) {o.side} {o.slot} {o.tokens[:1]}" for o in those)
                + f"\n{(text or '(the event is gone)')[:1500]}"
            )


def texts_by_uid(text):
    """The text of every event of a calendar, with its excluded dates in one form."""
    found = {}
    for part in re.findall(r"^BEGIN:VEVENT\n.*?^END:VEVENT", world.unfolded(text), re.M | re.S):
        part += "".join(f"\nEXDATE {date}" for line in re.findall(r"^EXDATE.*?:(.*)$", part, re.M) for date in re.findall(r"\d{8}", line))
        uid = world.uid_of(part)
        found[uid] = found.get(uid, "") + part
    return found


def check_history(kalends, edits):
    """Versions of each event that was edited here: none missing, and each edit stands in its own."""
    mine = [edit for edit in edits if edit.event_id]
    for event_id in {edit.event_id for edit in mine}:
        versions = kalends.json("events", "history", event_id)["versions"]
        numbers = [version["version"] for version in versions]
        if numbers != list(range(1, len(numbers) + 1)):
            raise Broken(f"the history of {event_id} has the versions {numbers}")
        by_number = {version["version"]: version for version in versions}
        for edit in (edit for edit in mine if edit.event_id == event_id):
            version = by_number.get(edit.version)
            if version is None:
                raise Broken(f"step {edit.step}: version {edit.version} of {event_id} is not in its history")
            if edit.slot in ("SUMMARY", "LOCATION", "DESCRIPTION", "time"):
                if not any(token in str(version["event"]) for token in edit.tokens):
                    raise Broken(f"step {edit.step}: version {edit.version} of {event_id} does not hold {edit.tokens[0]}")
            if edit.slot == "delete" and not version["deleted"]:
                raise Broken(f"step {edit.step}: version {edit.version} of {event_id} is not its deletion")
    return len(mine)


def foreign_lines(text):
    """The lines that Kalends does not model, parameters in any order: Radicale sorts them."""
    found = Counter()
    for line in world.unfolded(text).split("\n"):
        parsed = re.match(r'([A-Z-]+)((?:;[A-Z-]+=(?:"[^"]*"|[^";:]*))*):(.*)', line)
        if parsed and parsed[1].startswith(made.FOREIGN):
            found[parsed[1], tuple(sorted(re.findall(r';([A-Z-]+=(?:"[^"]*"|[^";:]*))', parsed[2]))), parsed[3].strip()] += 1
    return found


def check_foreign(story):
    """What Kalends does not understand stays as it was, in each resource that was never deleted."""
    deleted = {edit.uid for edit in story.edits if edit.slot == "delete"}
    names, count = story.radicale.names("ann"), 0
    for number in range(story.options.events):
        uid = made.uid(number)
        if uid in deleted or uid not in names:
            continue
        text = (story.radicale.folder("ann") / names[uid]).read_text()
        before = foreign_lines(made.resource(number, story.options.seed).decode())
        if lost := before - foreign_lines(text):
            raise Broken(f"{uid}: ann's copy lost {str(next(iter(lost)))[:200]}")
        count += sum(before.values())
    return count


def check_sides(radicale, kalends):
    ann, ben = world.stored(radicale, "ann"), world.stored(radicale, "ben")
    here = equal.events(kalends.export())
    world.must_equal(ann, here, ("ann's server", "kalends export"))
    world.must_equal(ben, here, ("ben's server", "kalends export"))
    return len(here)


def prove(home, program, options):
    radicale = world.Radicale(home / "radicale", ("ann", "ben"), indexed=True)
    kalends = world.Kalends(home / "kalends", program)
    with Timed(f"{options.events} events made"):
        made.write_all(radicale.folder("ann"), options.events, options.seed)
    with radicale:
        with Timed("Radicale reads them for the first time (connect, link)"):
            kalends.connect(radicale, "ann")
            kalends.connect(radicale, "ben")
        with Timed("first sync: all from ann's server to here and to ben's"):
            for link in kalends.sync():
                if link["skipped"]:
                    raise Broken(f"{link['remote']}: skipped {link['skipped_items'][:3]}")
        story = Story(radicale, kalends, options)
        story.look()
        if len(story.common) != options.events:
            raise Broken(f"of {options.events} events {len(story.common)} are on all sides after the first sync")
        with Timed(f"{options.steps} edits, a sync after each {options.sync_every}, and a look for each edit after each"):
            while story.step < options.steps:
                for _ in range(min(options.sync_every, options.steps - story.step)):
                    story.one()
                kalends.sync()
                conflicts = kalends.run("conflicts", "--all", "--json")
                check_edits([e for e in story.edits if e.batch == story.batch], texts_by_uid(kalends.export()), conflicts)
                story.look()
                story.batch += 1
        with Timed("syncs until nothing is left to do, one of which writes nothing"):
            rounds = kalends.sync_until_quiet(radicale)
        with Timed("both servers and the export compared, field by field"):
            count = check_sides(radicale, kalends)
        conflicts = kalends.json("conflicts", "--all")["conflicts"]
        check_edits(story.edits, texts_by_uid(kalends.export()), str(conflicts))
        with Timed("histories read"):
            mine = check_history(kalends, story.edits)
        kept = check_foreign(story)
        note(f"quiet after {rounds} syncs; {count} events equal on all three sides, no UID twice on a server")
        sides = Counter(edit.side for edit in story.edits)
        note(f"edits: {dict(sides)}, {dict(Counter(e.slot.split()[0] for e in story.edits))}; {len(conflicts)} conflicts kept")
        note(f"{mine} edits of ours stand in their histories; {kept} lines that nobody understands are as they were")
        print("D: the database is thrown away and set up again", flush=True)
        prove_again(radicale, kalends, count)


def prove_again(radicale, kalends, count):
    before, files = radicale.writes(), {user: radicale.files(user) for user in SIDES[:2]}
    kalends.forget()
    kalends.connect(radicale, "ann")
    kalends.connect(radicale, "ben")
    with Timed("first sync of both servers that have everything"):
        kalends.sync()
    rounds = kalends.sync_until_quiet(radicale)
    if radicale.writes() != before:
        changed = [f"{user}/{name}" for user in files for name, text in radicale.files(user).items() if files[user].get(name) != text]
        raise Broken(f"{radicale.writes() - before} writes were sent, to {', '.join(changed[:5])}")
    with Timed("compared"):
        again = check_sides(radicale, kalends)
    if again != count:
        raise Broken(f"there were {count} events, now there are {again}")
    note(f"{again} events, none doubled, no write sent; quiet after {rounds} more syncs")
