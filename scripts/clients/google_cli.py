"""gcalcli, a program for the terminal, signs in as a program on a desk and writes into a calendar.

Its addresses stand in its code, so that it is started through `gcalcli_there.py`, which replaces them and nothing else.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import browser
from story import holds, person, same, step, told

GOOGLE = told()["google"]
BEN = person("google", "ben")
SECONDS_MAX = 60


def main():
    with tempfile.TemporaryDirectory(prefix="kalends-gcalcli-") as home:
        environment = {**os.environ, "HOME": home, "GCALCLI_CONFIG": home, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
        program = [sys.executable, str(Path(__file__).with_name("gcalcli_there.py")), "--nocolor", "--lineart", "ascii"]

        def gcalcli(*arguments):
            done = subprocess.run(
                [*program, *arguments], env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, input=""
            )
            holds(done.returncode == 0, f"gcalcli {' '.join(arguments)} ends well: {done.stdout}{done.stderr}")
            return done.stdout

        with step("gcalcli init: consent in a browser, with the code sent to a port of this machine"):
            desktop = GOOGLE["desktop"]
            begun = subprocess.Popen(
                [*program, "--client-id", desktop["client_id"], "--client-secret", desktop["client_secret"], "init"],
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            said = ""
            for line in begun.stdout:
                said += line
                if found := re.search(r"https?://\S+/o/oauth2/auth\?\S+", line):
                    browser.follow(found[0], BEN)
            same(begun.wait(SECONDS_MAX), 0, f"how it ended, having said {said!r},")
        with step("gcalcli list"):
            holds(BEN["email"] in gcalcli("list"), "the calendar is listed")
        with step("gcalcli add, agenda, search"):
            gcalcli(
                "--calendar", BEN["email"], "add", "--title", "Tea with Ann", "--when", "2027-03-04 15:00",
                "--duration", "30", "--where", "Garden", "--description", "cake", "--noprompt",
            )
            agenda = gcalcli("agenda", "--tsv", "2027-03-04", "2027-03-05")
            holds("Tea with Ann" in agenda and "15:00" in agenda, f"the agenda has it: {agenda}")
            holds("Tea with Ann" in gcalcli("search", "Tea", "2027-03-01"), "it is found")
        with step("gcalcli quick"):
            gcalcli("--calendar", BEN["email"], "quick", "Call the bank tomorrow at 10am")
            holds("Call the bank" in gcalcli("search", "bank"), "it is found")
        with step("gcalcli delete"):
            gcalcli("--calendar", BEN["email"], "delete", "--iamaexpert", "Tea with Ann", "2027-03-04", "2027-03-05")
            agenda = gcalcli("agenda", "--tsv", "2027-03-04", "2027-03-05")
            holds("Tea with Ann" not in agenda, "it is gone")


if __name__ == "__main__":
    main()
