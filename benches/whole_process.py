#!/usr/bin/env python3
"""Whole-process figures: what a user waits for, with what a known tool takes for the same values in the same run.

    cargo build --release --locked && python3 benches/whole_process.py target/release/trueup [--million]

Prints medians of seven runs (three for the large ones) and peak memory. Needs hivexregedit (package libwin-hivex-perl)
for the comparison; the 15 MB hive is the real one of ../shared/fixtures when it is there, else the demo's, said so.
"""

import lzma
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*command):
    """Seconds, and the peak memory of the child in MiB."""
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def median(times, prepare, *command):
    runs = []
    for _ in range(times):
        if prepare:
            prepare()
        runs.append(run(*command))
    return statistics.median(r[0] for r in runs), max(r[1] for r in runs)


def show(what, figures):
    print(f"{what:<58} {figures[0] * 1000:8.1f} ms  {figures[1]:6.0f} MiB", flush=True)


def document(path, keys, per_key):
    with open(path, "w") as out:
        out.write("version: 1\nregistry:\n")
        number = 0
        for key in range(keys):
            out.write(f"  HKLM\\SOFTWARE\\Bench\\K{key:05}:\n    values:\n")
            for _ in range(per_key):
                out.write(f"      v{number:07}: text {number}\n")
                number += 1


def documents(folder, name, keys, per_key, parts):
    """A document of several files where one would be too large."""
    files = []
    for part in range(parts):
        path = folder / f"{name}{part}.yaml"
        with open(path, "w") as out:
            out.write("version: 1\nregistry:\n")
            for key in range(part * keys // parts, (part + 1) * keys // parts):
                out.write(f"  HKLM\\SOFTWARE\\Bench\\K{key:05}:\n    values:\n")
                for value in range(per_key):
                    out.write(f"      v{value:07}: text {key} {value}\n")
        files.append(str(path))
    return files


def reg_file(path, keys, per_key):
    with open(path, "w", newline="") as out:
        out.write("Windows Registry Editor Version 5.00\r\n\r\n")
        number = 0
        for key in range(keys):
            out.write(f"[HKEY_LOCAL_MACHINE\\SOFTWARE\\Bench{key:05}]\r\n")
            for _ in range(per_key):
                out.write(f'"v{number:07}"="text {number}"\r\n')
                number += 1
            out.write("\r\n")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trueup-bench-"))
    try:
        measure(folder)
    finally:
        shutil.rmtree(folder)


def measure(folder):
    show("--version", median(21, None, PROGRAM, "--version"))

    demo = folder / "demo"
    subprocess.run([PROGRAM, "demo", str(demo), "--only-make"], check=True, stdout=subprocess.DEVNULL)
    image = demo / "image"
    config = image / "Windows/System32/config"
    real = ROOT.parent / "shared/fixtures/hives/SYSTEM_WIN_10_1709.xz"
    if real.exists():
        (config / "SYSTEM").write_bytes(lzma.decompress(real.read_bytes()))
    else:
        print("(the real 15 MB hive is not there: the demo's small one is used)")
    hundred = folder / "hundred.yaml"
    with open(hundred, "w") as out:
        out.write("version: 1\nregistry:\n  HKLM\\SYSTEM\\CurrentControlSet\\Services\\Bench:\n    values:\n")
        out.writelines(f"      v{number}: {number}\n" for number in range(100))
    dirty = ["-m", f"image:{image}", "--accept-dirty"]
    run(PROGRAM, "apply", str(hundred), *dirty, "--auto-approve")
    show("plan, 100 true values in the 15 MB hive", median(21, None, PROGRAM, "plan", str(hundred), *dirty))

    shutil.copy(config / "SOFTWARE", folder / "SOFTWARE")

    def reset():
        # A machine on which nothing was applied: the hive as it was, and no record.
        shutil.copy(folder / "SOFTWARE", config / "SOFTWARE")
        shutil.rmtree(image / "ProgramData/trueup", ignore_errors=True)

    for name, keys, per_key in [("10 values", 1, 10), ("1,000 values", 1, 1000),
                                ("100,000 values under one key", 1, 100_000),
                                ("100,000 values over 1,000 keys", 1000, 100)]:
        path = folder / "bench.yaml"
        document(path, keys, per_key)
        reset()
        show(f"apply, new: {name}", median(7, reset, PROGRAM, "apply", str(path), *dirty, "--auto-approve"))
        show(f"plan, all true: {name}", median(7, None, PROGRAM, "plan", str(path), *dirty))
        if shutil.which("hivexregedit") and keys * per_key >= 1000:
            reg = folder / "bench.reg"
            reg_file(reg, keys, per_key)
            merge = ["hivexregedit", "--merge", "--prefix", "HKEY_LOCAL_MACHINE\\SOFTWARE", str(config / "SOFTWARE"), str(reg)]
            show(f"  hivexregedit --merge, new: {name}", median(3, reset, *merge))

    if "--million" in sys.argv:
        for name, keys, per_key, parts in [("1,000,000 values over 10,000 keys", 10_000, 100, 4)]:
            files = documents(folder, "million", keys, per_key, parts)
            reset()
            show(f"apply, new: {name}", median(3, reset, PROGRAM, "apply", *files, *dirty, "--auto-approve"))
            show(f"plan, all true: {name}", median(3, None, PROGRAM, "plan", *files, *dirty))


if __name__ == "__main__":
    main()
