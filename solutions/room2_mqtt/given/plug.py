"""A broker whose plug can be pulled: nats-server on a free loopback port, without TLS."""

import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from threading import Event
from typing import Final

from shared.language import _

START_S: Final = 10.0


class NoBroker(Exception):  # noqa: N818 - a fact, named as one
    """The broker isn't there or didn't start; the message says why and what to do."""


class Plug:
    """One broker with a folder for its memory; killed with -9, as a power cut does it."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self._inner = _free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_in(self) -> bool:
        """Whether the broker runs."""
        return self._process is not None and self._process.poll() is None

    def put_in(self) -> None:
        """Start the broker and wait until it listens; NoBroker if it doesn't."""
        name = "nats-server.exe" if sys.platform == "win32" else "nats-server"
        program = Path(sysconfig.get_path("scripts")) / name
        if not program.exists():
            told = _("nats-server isn't in the environment ({path}). Make it again: ./academy up")
            raise NoBroker(told.format(path=program))
        path = self._folder / "broker.conf"
        path.write_text(self._rules(), encoding="utf-8")
        command = [str(program), "-c", str(path), "-l", str(self._folder / "broker.log")]
        self._process = subprocess.Popen(command)  # noqa: S603 - our own broker, our own file
        deadline, pause = time.monotonic() + START_S, Event()
        while not self._listens():
            if not self.is_in or time.monotonic() > deadline:
                told = _("the broker didn't start; its log: {path}")
                raise NoBroker(told.format(path=self._folder / "broker.log"))
            pause.wait(0.01)

    def pull(self) -> None:
        """Kill the broker, without a goodbye to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        except OSError:
            return False
        return True

    def _rules(self) -> str:
        return (
            f'server_name: edge\nlisten: "127.0.0.1:{self._inner}"\n'
            f'jetstream {{ store_dir: "{(self._folder / "memory").as_posix()}" }}\n'
            f'mqtt {{ listen: "127.0.0.1:{self.port}", max_ack_pending: 2000, ack_wait: "5s" }}\n'
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
