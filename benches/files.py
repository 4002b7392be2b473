#!/usr/bin/env python3
"""Measures whole processes: `trueup plan` over 10,000 files none of which differs, beside `rsync -rpc` of the same two
trees, alternated in one run. The files have 0.5 to 20 KB and lie in 100 folders; the record knows them all.

    cargo build --release --locked && python3 benches/files.py target/release/trueup

Needs rsync for the comparison, and says so where it is missing.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
FILES = 10_000
FOLDERS = 100
RUNS = 21


def run(*command: str) -> tuple[float, float]:
    """Milliseconds, and the peak memory of the child in MiB."""
    start = time.perf_counter()
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ],
    )
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return (time.perf_counter() - start) * 1000, usage.ru_maxrss / 1024


def make(folder: pathlib.Path) -> int:
    """The same files each time; gives their bytes together."""
    total = 0
    for number in range(FILES):
        place = folder / f"part{number % FOLDERS:03}"
        place.mkdir(parents=True, exist_ok=True)
        size = 512 + (number * 7919) % 19_968
        (place / f"file{number:05}.dat").write_bytes(bytes((at * 31 + number) % 251 for at in range(size)))
        total += size
    return total


def check(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        total = make(folder / "tree")
        image = folder / "image"
        (image / "Windows/System32/config").mkdir(parents=True)
        document = folder / "files.yaml"
        document.write_text("version: 1\nfiles:\n  tree: { path: 'C:\\Vendor\\tree', tree: tree }\n")
        single = folder / "single.yaml"
        lines = ["version: 1", "files:"]
        for number in range(FILES):
            place = f"part{number % FOLDERS:03}/file{number:05}.dat"
            windows = place.replace("/", "\\")
            lines.append(f"  f{number}: {{ path: 'C:\\Vendor\\tree\\{windows}', source: tree/{place} }}")
        single.write_text("\n".join(lines) + "\n")
        machine = f"image:{image}"
        start = time.perf_counter()
        check(PROGRAM, "apply", str(document), "-m", machine, "--auto-approve")
        applied = time.perf_counter() - start
        print(f"{FILES} files, {total / 1e6:.0f} MB; written by one run in {applied:.1f} s")
        summary = check(PROGRAM, "plan", str(document), "-m", machine).splitlines()[-1]
        if not summary.startswith("Plan: 0 to add, 0 to change, 0 to remove, 0 to replace"):
            sys.exit(f"something differs: {summary}")
        commands = {
            "trueup plan, one entry of a tree": (PROGRAM, "plan", str(document), "-m", machine),
            "trueup plan, 10,000 entries": (PROGRAM, "plan", str(single), "-m", machine),
        }
        if shutil.which("rsync"):
            source, target = f"{folder / 'tree'}/", f"{image / 'Vendor/tree'}/"
            commands["rsync -rpc"] = ("rsync", "-rpc", "--dry-run", source, target)
        else:
            print("rsync is not here: nothing to compare with")
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(RUNS):
            for name, command in commands.items():
                taken[name].append(run(*command))
        for name, runs in taken.items():
            times = [time for time, _ in runs]
            memory = max(memory for _, memory in runs)
            print(f"{name:<40} {statistics.median(times):8.1f} ms (least {min(times):.1f}, most {max(times):.1f}) {memory:6.0f} MiB")


if __name__ == "__main__":
    main()
