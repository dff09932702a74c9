"""Proves on the real program and a real server what Kalends promises: nothing lost, nothing doubled.

    make acceptance                             all of it; takes a while
    make acceptance ACCEPT=--quick              the same with less of everything, as `make test` does
    make acceptance ACCEPT="--only A --seed 7"  one part
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import deletions
import kills
import steps
from world import Broken, fresh

PARTS = {
    "A": ("many events, edited at random on both sides; then D: the database thrown away", steps.prove),
    "B": ("a sync killed at random moments", kills.prove),
    "C": ("emptiness and errors delete nothing; mass deletions wait", deletions.prove),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the kalends binary")
    parser.add_argument("--quick", action="store_true", help="300 events, 60 steps, 6 kills")
    parser.add_argument("--events", type=int, help="how many events A starts with (10000)")
    parser.add_argument("--steps", type=int, help="how many random edits A makes (500)")
    parser.add_argument("--sync-every", type=int, default=steps.SYNC_EVERY, help="how many edits there are between syncs")
    parser.add_argument("--kills", type=int, help="how often B kills (50)")
    parser.add_argument("--kill-events", type=int, help="how many events B syncs (1000)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part (may be repeated)")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    options = parser.parse_args()
    small = {"events": 300, "steps": 60, "kills": 6, "kill_events": 60}
    full = {"events": 10_000, "steps": 500, "kills": 50, "kill_events": 1_000}
    for name, value in (small if options.quick else full).items():
        if getattr(options, name) is None:
            setattr(options, name, value)

    home = fresh(options.keep) if options.keep else Path(tempfile.mkdtemp(prefix="kalends-acceptance-"))
    began = time.monotonic()
    try:
        for part in options.only or PARTS:
            words, prove = PARTS[part]
            print(f"{part}: {words} (seed {options.seed})", flush=True)
            prove(fresh(home / part), options.program, options)
    except Broken as broken:
        print(f"\nacceptance: BROKEN in part {part}, seed {options.seed}: {broken}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(home, ignore_errors=True)
    print(f"acceptance: every promise holds ({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
