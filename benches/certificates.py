#!/usr/bin/env python3
"""Measures whole processes: `trueup plan` over 100 certificates in PEM files, and `trueup apply` that issues 100 RSA-2048
certificates, beside a loop of openssl commands that does the same, alternated in one run.

    python3 benches/certificates.py target/release/trueup
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CERTIFICATES = 100
ISSUES = 3
PLANS = 41


def document(folder: str) -> str:
    lines = [
        "version: 1",
        "certificates:",
        "  root:",
        "    issuer: self",
        "    ca: true",
        "    subject: CN=Bench Root",
        "    valid_for: 10y",
        "    files:",
        f"      - {{ path: '{folder}\\root.key', form: key-pem }}",
        f"      - {{ path: '{folder}\\root.pem', form: certificate-pem }}",
    ]
    for number in range(CERTIFICATES - 1):
        lines += [
            f"  host{number}:",
            "    issuer: root",
            f"    subject: CN=host{number}.corp.example",
            f"    names: ['dns:host{number}.corp.example']",
            "    files:",
            f"      - {{ path: '{folder}\\host{number}.key', form: key-pem }}",
            f"      - {{ path: '{folder}\\host{number}.pem', form: certificate-pem }}",
        ]
    return "\n".join(lines) + "\n"


def timed(command: list[str], **options) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - begin


def openssl_loop(folder: pathlib.Path) -> float:
    """Makes a root and 99 certificates, each with a key of its own."""
    begin = time.perf_counter()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Bench Root", "-days", "3650")
    for number in range(CERTIFICATES - 1):
        name = f"host{number}"
        (folder / "ext").write_text(f"subjectAltName=DNS:{name}.corp.example\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("genrsa", "-out", f"{name}.key", "2048")
        openssl("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}.corp.example")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-set_serial", str(number + 2),
                "-days", "825", "-sha256", "-extfile", "ext", "-out", f"{name}.pem")
    return time.perf_counter() - begin


def main() -> None:
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        (folder / "bench.yaml").write_text(document(r"C:\ProgramData\bench"))
        timed([program, "demo", "demo", "--only-make"], cwd=folder)
        ours, theirs = [], []
        image = folder / "image"
        for turn in range(ISSUES):
            shutil.rmtree(image, ignore_errors=True)
            shutil.copytree(folder / "demo" / "image", image)
            ours.append(timed([program, "apply", "bench.yaml", "-m", "image:image", "--auto-approve"], cwd=folder))
            loop = folder / f"openssl{turn}"
            loop.mkdir()
            theirs.append(openssl_loop(loop))
        verify = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-CAfile", "root.pem", "host0.pem"],
            cwd=image / "ProgramData" / "bench", capture_output=True, text=True, check=True)
        print(f"openssl says of one that trueup issued: {verify.stdout.strip()}")
        ratio = statistics.median(ours) / statistics.median(theirs)
        shown = lambda times: ", ".join(f"{one:.2f}" for one in times)
        print(f"issue {CERTIFICATES} RSA-2048 certificates: trueup {shown(ours)} s; openssl {shown(theirs)} s; medians 1 : {1 / ratio:.2f} = {ratio:.2f}")
        plans = sorted(timed([program, "plan", "bench.yaml", "-m", "image:image"], cwd=folder) for _ in range(PLANS))
        print(f"plan {CERTIFICATES} certificates in PEM files: median {statistics.median(plans) * 1000:.1f} ms, "
              f"fastest {plans[0] * 1000:.1f} ms, slowest {plans[-1] * 1000:.1f} ms")


main()
