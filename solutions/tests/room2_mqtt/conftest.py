"""Real brokers on free loopback ports, and the bus with doubles around it."""

import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.contracts.messages import Birth
from shared.contracts.ports import Bus, BusParts, DeviceLink
from shared.contracts.settings import BusSettings, Settings, SourceSettings
from solutions.room2_mqtt import build
from solutions.tests.room2_mqtt.doubles import Api, Grave, Ring, Tale, WallClock, wait_for

NATS = Path(sysconfig.get_path("scripts")) / (
    "nats-server.exe" if sys.platform == "win32" else "nats-server"
)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Broker:
    """A broker that can be killed, and started again with or without its memory."""

    def __init__(self, flavour: str, folder: Path, extra: str = "") -> None:
        self.flavour = flavour
        self.port = free_port()
        self._inner = free_port()
        self._folder = folder
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        state = self._folder / "state"
        state.mkdir(parents=True, exist_ok=True)
        path = self._folder / "broker.conf"
        path.write_text(self._nats(state) if self.flavour == "nats" else self._mosquitto(state))
        command = [str(NATS), "-c", str(path)]
        if self.flavour != "nats":
            command = [str(find_mosquitto()), "-c", str(path)]
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, stdout=log)
        try:
            wait_for(self._listens, f"{self.flavour} listens")
        except AssertionError:
            self.kill()
            raise

    def kill(self, *, forget: bool = False) -> None:
        """Kill it with -9; `forget` also what it had on disk."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        if forget:
            shutil.rmtree(self._folder / "state")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _nats(self, state: Path) -> str:
        return (
            f'server_name: edge\nlisten: "127.0.0.1:{self._inner}"\n'
            f'jetstream {{ store_dir: "{state.as_posix()}" }}\nmax_payload: 262144\n'
            f'mqtt {{ listen: "127.0.0.1:{self.port}", max_ack_pending: 2000, ack_wait: "2s"\n'
            f"{self._extra} }}\n"
        )

    def _mosquitto(self, state: Path) -> str:
        return (
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {state}/\n"
            "max_inflight_messages 2000\nmax_queued_messages 100000\n"
        )


def find_mosquitto() -> str | None:
    """Return where mosquitto is: Debian puts it into /usr/sbin."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Start one broker after the other, without TLS."""
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto isn't installed (Debian: apt-get install mosquitto)")
    found = Broker(request.param, tmp_path / "broker")
    found.start()
    yield found
    found.kill()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Broker]:
    """Start nats-server, where the broker makes no difference."""
    found = Broker("nats", tmp_path / "broker")
    found.start()
    yield found
    found.kill()


@dataclass
class World:
    """A bus with doubles around it. Devices and gateways opened here are closed at the end."""

    folder: Path
    tale: Tale = field(default_factory=Tale)
    api: Api = field(default_factory=Api)
    grave: Grave = field(default_factory=Grave)
    ring: Ring = field(default_factory=Ring)
    links: list[DeviceLink] = field(default_factory=list)
    stops: list[Callable[[], None]] = field(default_factory=list)

    def bus(self, port: int, **manners: float) -> Bus:
        """Return the bus at that port."""
        chosen = {"resend_after_s": 2.0, "keepalive_s": 5, **manners}
        settings = Settings(
            state_dir=str(self.folder),
            bus=BusSettings(port=port, **chosen),  # type: ignore[arg-type]
            source=SourceSettings(source_id="test"),
        )
        parts = BusParts(WallClock(), self.tale, self.ring, self.api, self.grave)
        return build(settings, parts)

    def device(self, bus: Bus, birth: Birth) -> DeviceLink:
        """Open a device."""
        link = bus.device(birth)
        self.links.append(link)
        return link

    def gateway(self, bus: Bus) -> Callable[[], None]:
        """Run a gateway in a thread; return what stops it."""
        stop = threading.Event()
        thread = threading.Thread(target=bus.gateway().run, args=(stop,), name="gateway")
        thread.start()

        def end() -> None:
            stop.set()
            thread.join(10)
            assert not thread.is_alive()

        self.stops.append(end)
        return end


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a world with an outbox folder of its own."""
    found = World(tmp_path / "outboxes")
    yield found
    found.api.gate.set()
    for link in found.links:
        link.close(0.0)
    for end in found.stops:
        end()
