"""Debian's upsmon as a secondary, in clear or over verified TLS: HOST PORT CA plain|tls.

It has to log in, tell of a power failure and shut down when the primary, which is played here, says FSD. Over TLS it must
not log in where it cannot verify the server: an unknown authority, an expired certificate, one for another name.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

host, port, ca, ups = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
UPSMON = "/lib/nut/upsmon"
PATIENCE = 20  # seconds


class Wire:
    """A plain connection that sends lines and reads one-line replies."""

    def __init__(self, port: int = port) -> None:
        self.lines = socket.create_connection((host, port), timeout=5).makefile("rw", newline="\n")

    def ask(self, request: str) -> str:
        self.lines.write(request + "\n")
        self.lines.flush()
        return self.lines.readline().rstrip("\n")


def wait_until(what: str, condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"never: {what}\n{log.read_text()}")
        time.sleep(0.1)


def database(name: str, trusted: bool) -> pathlib.Path:
    """A certificate database of NSS, with or without our authority."""
    path = work / name
    path.mkdir()
    subprocess.run(["certutil", "-N", "-d", path, "--empty-password"], check=True)
    if trusted:
        subprocess.run(["certutil", "-A", "-d", path, "-n", "ca", "-t", "CT,,", "-i", ca], check=True)
    return path


def configure(tls: str, port: int = port) -> None:
    """upsmon.conf; the name of the server is the one its certificate bears."""
    notify = work / "notify"
    notify.write_text(f'#!/bin/sh\necho "$NOTIFYTYPE" >>{work}/notified\n')
    notify.chmod(0o700)
    conf = work / "upsmon.conf"
    conf.write_text(
        f"MONITOR {ups}@localhost:{port} 1 watcher watch secondary\n"
        f"MINSUPPLIES 1\nRUN_AS_USER root\nSHUTDOWNCMD \"touch {work}/shutdown\"\nNOTIFYCMD {notify}\n"
        "NOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\nNOTIFYFLAG COMMBAD IGNORE\n"
        f"POLLFREQ 1\nPOLLFREQALERT 1\nHOSTSYNC 5\nDEADTIME 10\nFINALDELAY 0\n{tls}"
    )
    conf.chmod(0o600)


def start() -> subprocess.Popen:
    environment = dict(os.environ, NUT_CONFPATH=str(work))
    return subprocess.Popen([UPSMON, "-F"], env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT,
                            start_new_session=True)


def end(process: subprocess.Popen) -> None:
    """It has a privileged half and one that talks, each of which may outlive the other for a moment."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    process.wait(timeout=PATIENCE)
    wait_until("upsmon ends", lambda: not group_exists(process.pid))


def group_exists(number: int) -> bool:
    try:
        os.killpg(number, 0)
        return True
    except ProcessLookupError:
        return False


def notified(word: str) -> bool:
    path = work / "notified"
    return path.exists() and word in path.read_text().split()


def monitor() -> None:
    upsmon = start()
    try:
        wait_until("upsmon logs in", lambda: wire.ask(f"GET NUMLOGINS {ups}") == f"NUMLOGINS {ups} 1")
        for status, word in [("OB", "ONBATT"), ("OL", "ONLINE")]:
            assert wire.ask(f"SET VAR {ups} ups.status {status}").startswith("OK")
            wait_until(f"upsmon tells {word}", lambda word=word: notified(word))
        primary = Wire()
        for request in ["USERNAME keeper", "PASSWORD keep", f"PRIMARY {ups}", f"FSD {ups}"]:
            reply = primary.ask(request)
            assert reply.startswith("OK"), reply
        wait_until("upsmon shuts down", (work / "shutdown").exists)
        wait_until("upsmon logs out", lambda: wire.ask(f"GET NUMLOGINS {ups}") == f"NUMLOGINS {ups} 0")
    finally:
        end(upsmon)


def distrust(certificates: pathlib.Path, port: int) -> None:
    configure(f"CERTPATH {certificates}\nCERTVERIFY 1\nFORCESSL 1\n", port)
    upsmon = start()
    try:
        time.sleep(3)
        assert upsmon.poll() is None, log.read_text()
        assert Wire(port).ask(f"GET NUMLOGINS {ups}") == f"NUMLOGINS {ups} 0", "it trusts anybody"
    finally:
        end(upsmon)


with tempfile.TemporaryDirectory() as directory:
    work = pathlib.Path(directory)
    log = work / "log"
    wire = Wire()
    for request in ["USERNAME admin", "PASSWORD secret"]:
        assert wire.ask(request) == "OK"
    if ups == "tls":
        trusting = database("trusting", True)
        distrust(database("empty", False), port)
        distrust(trusting, int(os.environ["EXPIRED_PORT"]))
        distrust(trusting, int(os.environ["ELSEWHERE_PORT"]))
        configure(f"CERTPATH {trusting}\nCERTVERIFY 1\nFORCESSL 1\n")
    else:
        configure("")
    monitor()
