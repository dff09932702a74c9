"""Starts `kalends demo` and lets schemathesis loose on it, once for each kind of caller.

Whoever is refused everywhere tests little, so the platform's administrator gets the platform's paths only.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Answers of the stream never end, so each case would last until its time is up.
ENDLESS = "^/api/calendar/stream/$"
START_SECONDS_MAX = 60
RUN_SECONDS_MAX = 900


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="the kalends binary")
    parser.add_argument("--quick", action="store_true", help="fewer cases")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    options = parser.parse_args()
    examples = 3 if options.quick else 40
    cases = 0
    for who, paths in (("owner", None), ("platform", "platform|session|tokens")):
        cases += fuzz(options.program, who, paths, examples, options.seed)
    least = 1_000 if options.quick else 2_000
    if cases < least:
        print(f"fuzz: only {cases} cases were tried, of at least {least}", file=sys.stderr)
        return 1
    print(f"fuzz: {cases} cases, none with a 5xx or an answer that the document does not describe")
    return 0


def fuzz(program, who, paths, examples, seed):
    with tempfile.TemporaryDirectory(prefix="kalends-fuzz-") as home, Demo(program, home) as demo:
        command = [
            str(Path(sys.executable).with_name("st")), "run", demo.told["api"] + "/api/openapi.json",
            "-H", f"Authorization: Bearer {demo.token(who)}", "--checks", CHECKS,
            "--max-examples", str(examples), "--seed", str(seed), "--no-color", "--suppress-health-check", "all",
            "--exclude-path-regex", ENDLESS,
        ]
        if paths:
            command += ["--include-path-regex", paths]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
        counted = re.search(r"(\d+) generated", done.stdout)
        if done.returncode != 0 or not counted:
            print(done.stdout + done.stderr, file=sys.stderr)
            print(f"fuzz: as {who}, something is wrong (seed {seed})", file=sys.stderr)
            raise SystemExit(1)
        print(f"fuzz: as {who}: {counted[1]} cases")
        return int(counted[1])


class Demo:
    """`kalends demo`, on ports that are free."""

    def __init__(self, program, home):
        self.process = subprocess.Popen(
            [str(Path(program).resolve()), "demo", "--json"],
            stdout=subprocess.PIPE, stderr=open(Path(home) / "log", "w"), text=True,
            env={"HOME": home, "TMPDIR": home, "PATH": "/usr/bin:/bin"},
        )
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit((Path(home) / "log").read_text())
        self.told = json.loads(line)

    def token(self, who):
        return self.told["platform_token"] if who == "platform" else self.told["tenants"]["demo"]["owner_token"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=START_SECONDS_MAX)


if __name__ == "__main__":
    sys.exit(main())
