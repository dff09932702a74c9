"""Runs a program and says what it cost: wall time, its own CPU time, its peak memory."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass

POLL_SECONDS = 0.005


@dataclass
class Cost:
    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str


def run(command, stdin="", env=None, log=None):
    """Runs to the end; a program that fails ends the benchmark with its output."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if log is None else open(log, "ab"),
        env={**os.environ, **(env or {})},
    )
    peak_kb = [0]
    watcher = threading.Thread(target=_watch_memory, args=(process.pid, peak_kb))
    watcher.start()
    process.stdin.write(stdin.encode())
    process.stdin.close()
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed ({process.returncode}):\n{output[-3000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak_kb[0] / 1024, output)


def _watch_memory(pid, peak_kb):
    # Not ru_maxrss: Linux counts in it the size that the child had before exec, which is the size of this program.
    # VmHWM only grows, so that at most the last few milliseconds are missed.
    while True:
        try:
            with open(f"/proc/{pid}/status") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        peak_kb[0] = max(peak_kb[0], int(line.split()[1]))
                        break
                else:
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(POLL_SECONDS)
