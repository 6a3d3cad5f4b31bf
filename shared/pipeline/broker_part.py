"""Holds the broker's process: starts it as configured, ends with it, takes it along."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from socket import create_connection
from typing import Any

import psutil

from shared.contracts.messages import TOPIC_ROOT, BrokerUser, Credentials
from shared.language import _

from .brokers import BrokerPlan, plan_broker
from .identity_part import PROBES
from .part import Part

START_WITHIN_S = 10.0
SERVER_LOG = "broker-server.out"


def run(part: Part) -> None:
    """Run the broker until `stop`; raises RuntimeError with its last words if it ends before."""
    plan = _plan(part)
    _end_leftover(part)
    log = part.place.logs / SERVER_LOG
    with log.open("ab") as output:
        process = subprocess.Popen(
            plan.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_with_parent(),  # noqa: PLW1509 - one prctl call, before any thread matters
        )
    part.tell(broker_pid=process.pid, broker_started=psutil.Process(process.pid).create_time())
    try:
        _wait_for_ports(plan, process, part)
        part.tell("ready")
        read = part.place.read("enrolment")
        while not part.stop.wait(0.05):
            if process.poll() is not None:
                raise RuntimeError(_ended(process, log))
            if (now := part.place.read("enrolment")) != read:
                read = now
                _reload(part, process)
    finally:
        _end(process)


def _plan(part: Part) -> BrokerPlan:
    enrolment = part.place.read("enrolment")
    found = enrolment.get("credentials", {}).get("broker", {})
    server = Credentials(**found) if found.get("certificate") else None
    users = [_user(entry) for entry in enrolment.get("users", [])]
    inner = int(part.place.read("plan").get("inner_port", 4222))
    return plan_broker(
        part.assembly.settings.bus, part.place.state / "broker", server, users, inner
    )


def _reload(part: Part, process: "subprocess.Popen[bytes]") -> None:
    """Tell the broker of a change in who may do what, while it runs.

    Where it knows no such signal it ends here, and the supervisor starts it again.
    """
    _plan(part)
    part.assembly.tally.event("info", "policy_changed")
    if sys.platform == "win32":
        process.terminate()
    else:
        process.send_signal(signal.SIGHUP)


def _user(entry: dict[str, Any]) -> BrokerUser:
    name, subscribe = str(entry["name"]), tuple(entry["subscribe"])
    if name in PROBES:
        # So that the start-up probe hears what reaches another device's topic.
        subscribe += (f"{TOPIC_ROOT}/{name}/#",)
    return BrokerUser(name, str(entry["subject"]), tuple(entry["publish"]), subscribe)


def _wait_for_ports(plan: BrokerPlan, process: "subprocess.Popen[bytes]", part: Part) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    host = part.assembly.settings.bus.host
    waiting = list(plan.ports)
    while waiting and not part.stop.is_set():
        if process.poll() is not None:
            raise RuntimeError(_ended(process, part.place.logs / SERVER_LOG))
        try:
            create_connection((host, waiting[0]), timeout=0.5).close()
            waiting.pop(0)
        except OSError as error:
            if time.monotonic() > deadline:
                message = _("The broker didn't open port {port} in {limit:.0f} s.")
                raise RuntimeError(message.format(port=waiting[0], limit=START_WITHIN_S)) from error
            part.stop.wait(0.005)


def _ended(process: "subprocess.Popen[bytes]", log: Path) -> str:
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
    return _("The broker ended with code {code}: {words}").format(
        code=process.returncode, words=" | ".join(words)
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_leftover(part: Part) -> None:
    """Where the kernel doesn't end a broker with its holder, a killed holder leaves it behind."""
    before = part.previous
    pid, started = before.get("broker_pid"), before.get("broker_started")
    try:
        process = psutil.Process(int(pid or 0)) if pid else None
        if process is not None and abs(process.create_time() - float(started or 0)) < 1:
            process.kill()
            process.wait(2)
    except (psutil.Error, ValueError):
        return


def _with_parent() -> Callable[[], None] | None:
    """Return what makes the kernel end the child with us (Linux: prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    library = ctypes.CDLL(None, use_errno=True)

    def bind() -> None:
        library.prctl(1, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return bind
