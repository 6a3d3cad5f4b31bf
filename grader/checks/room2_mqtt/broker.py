"""A real broker of a check's own: nats-server as the pipeline configures it, on loopback."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from typing import Self

from grader.doors import free_port
from grader.places import temporary
from grader.sandbox import GraderFault
from shared.contracts.settings import BusSettings
from shared.pipeline.brokers import BrokerMissing, plan_broker

_START_S = 10.0


class Broker:
    """Listens on `port` from `start` on, with nothing in its memory; killed at the end of `with`.

    All checks of a judging share two: starting one is cheap, its first client isn't. Devices meet
    at one, each under a name of its own; gateways at the other, so that none hears of births and
    wills that an earlier check left.
    """

    def __init__(self) -> None:
        self.port = 0
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Start it, or another one if it has died: no student pays for that."""
        if self._process is None or self._process.poll() is not None:
            self._stack.close()
            self._start()

    def _start(self) -> None:
        folder = self._stack.enter_context(temporary("broker"))
        self.port = free_port()
        settings = BusSettings(port=self.port, websocket_port=None)
        try:
            plan = plan_broker(settings, folder, None, (), free_port())
        except BrokerMissing as error:
            self._stack.close()
            raise GraderFault(str(error)) from None
        self._process = subprocess.Popen(  # noqa: S603 - our own broker, our own file
            [*_bound_to_us(), *plan.command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._stack.callback(self._process.wait)
        self._stack.callback(self._process.kill)
        self._wait(self._process)

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        deadline, pause = time.monotonic() + _START_S, threading.Event()
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            if process.poll() is not None or time.monotonic() > deadline:
                self._stack.close()
                raise GraderFault(f"The check's own broker didn't start in {_START_S:g} s.")
            pause.wait(0.003)


def _bound_to_us() -> list[str]:
    """Return what lets the kernel end the broker with the judging process, where there is it."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL"] if program else []
