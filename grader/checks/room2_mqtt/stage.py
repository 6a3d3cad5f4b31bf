"""Where a check of the bus plays: a broker, a tap before it, an API, dead letters, and a room."""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol, Self, TypeVar

from grader.checks.room2_mqtt.api import Api
from grader.checks.room2_mqtt.broker import Broker
from grader.checks.room2_mqtt.peer import Peer
from grader.checks.room2_mqtt.wiretap import Packet, Wiretap, forget
from grader.evidence import NotYet, shown
from grader.line import LineLost, RemoteError, Served
from grader.sandbox import GraderFault, PortTaken, Sandbox
from shared.contracts.messages import Birth, DeadLetter, Reading
from shared.contracts.ports import StoreUnavailable
from shared.contracts.settings import BusSettings, Settings, SourceSettings

TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
_PATIENCE: Final = ((1, 5.0), (5, 1.5), (10**9, 0.7))
"""After how many waits in vain, how long the next ones are: a right room never waits in vain."""
BOTH_ROOTS: Final = 2  # filters of a gateway: readings and presence
_TRIES: Final = 5
_POKE_S: Final = 0.3
_silences: list[float] = []  # the waits in vain of this judging


class _Server(Protocol):
    port: int

    def __enter__(self) -> Self: ...
    def __exit__(self, *_reason: object) -> None: ...


_Port = TypeVar("_Port", bound=_Server)


@dataclass
class Grave:
    """Dead letters, kept here; `away` is how often it refuses first."""

    letters: list[DeadLetter] = field(default_factory=list)
    kept_s: list[float] = field(default_factory=list)
    away: int = 0
    asked: int = 0

    def put(self, letters: Sequence[Any]) -> None:
        """Keep letters, or raise StoreUnavailable."""
        self.asked += 1
        if self.away:
            self.away -= 1
            raise StoreUnavailable("the disk is full")
        self.letters += [one for one in letters if isinstance(one, DeadLetter)]
        self.kept_s.append(time.monotonic())


@contextlib.contextmanager
def brokers_by_task() -> Iterator[Mapping[str, Broker]]:
    """Yield the brokers at which each task's checks play."""
    with Broker() as devices, Broker() as gateways:
        yield {"2.4": devices, "2.5": devices, "2.6": gateways, "2.7": gateways}


class Stage:
    """Opened by a check for itself; what it opened ends with it."""

    def __init__(self, sandbox: Sandbox, brokers: Mapping[str, Broker], task: str) -> None:
        self.sandbox = sandbox
        self._task = task
        self.broker = brokers[task]
        self.grave = Grave()
        self._stack = ExitStack()
        self._links: list[Any] = []
        self._runs: list[Any] = []
        self._apis: list[Api] = []
        self.patience_s = next(s for most, s in _PATIENCE if len(_silences) <= most)

    def __enter__(self) -> Self:
        self.broker.start()
        self.tap = self._reached(partial(Wiretap, self.broker.port))
        return self

    def __exit__(self, *_reason: object) -> None:
        for api in self._apis:
            api.open.set()
        self._close_room()
        self._stack.close()
        forget(self.broker.port, "gateway")

    def peer(self, name: str = "peer", port: int | None = None) -> Peer:
        """Return a trusted client at the broker."""
        return self._stack.enter_context(Peer(port or self.broker.port, name))

    def another_broker(self) -> Broker:
        """Return a broker that knows nothing."""
        broker = self._stack.enter_context(Broker())
        broker.start()
        return broker

    def api(self) -> Api:
        """Return an API that takes everything, until it's told otherwise."""
        api = self._reached(Api)
        self._apis.append(api)
        return api

    def tap_with(self, context: ssl.SSLContext) -> Wiretap:
        """Return one more tap, which speaks TLS."""
        return self._reached(partial(Wiretap, self.broker.port, context))

    def _reached(self, make: Callable[[], _Port]) -> _Port:
        """Return a server of ours that the room can reach."""
        for _try in range(_TRIES):
            made = make()
            self._stack.enter_context(made)
            with contextlib.suppress(PortTaken):
                self.sandbox.reach(made.port)
                return made
        raise GraderFault("No port could be had in the sandbox.")

    def settings(self, **manners: Any) -> Settings:
        """Return the settings of a room at the tap; `outbox_limit` and the like may be chosen."""
        chosen = {"port": self.tap.port, "websocket_port": None, "resend_after_s": 60.0, **manners}
        return Settings(
            state_dir=self.sandbox.place(f"bus-{self.tap.port}"),
            bus=BusSettings(**chosen),
            source=SourceSettings(source_id="check"),
        )

    def device(self, birth: Birth, keys: Mapping[str, str] | None = None, **manners: Any) -> Any:
        """Open a device in the room; return its link."""
        room = self.sandbox.open().open()
        link = room.device(self.settings(**manners), birth, TRACE, keys or {})
        self._links.append(link)
        return link

    def gateway(self, api: Api, **manners: Any) -> Any:
        """Run a gateway in the room; return it once the broker has heard what it listens to."""
        room = self.sandbox.open().open()
        grave = Served(self.grave, frozenset({"put"}))
        before = len(self.tap.sessions(BOTH_ROOTS))
        run = room.gateway(self.settings(**manners), api.url, grave)
        self._runs.append(run)
        self.until(
            lambda: len(self.tap.sessions(BOTH_ROOTS)),
            lambda count: count > before,
            "Ran a gateway at a broker.",
            "it subscribes",
        )
        return run

    def kill(self) -> None:
        """Kill the room's process: a power cut."""
        self._links.clear()
        self._runs.clear()
        self.sandbox.kill()

    def until(
        self, ask: Callable[[], Any], held: Callable[[Any], bool], did: str, expected: str
    ) -> Any:
        """Ask until `held` says yes to the answer, and return it; raise what ended the room."""
        began, pause = time.monotonic(), threading.Event()
        poke_s = began + _POKE_S
        while not held(found := ask()):
            now = time.monotonic()
            if now > poke_s:
                poke_s = now + _POKE_S
                for run in self._runs:
                    run.trouble()
                self._poke_devices()
            if now > began + self.patience_s:
                _silences.append(now)
                got = len(found) if isinstance(found, list) else found
                raise NotYet(did, f"{expected} within {self.patience_s:g} s", shown(got))
            pause.wait(0.006)
        return found

    def _poke_devices(self) -> None:
        """Raise what went wrong in a device, unless it's a later task that isn't done yet."""
        for link in self._links:
            try:
                link.offer([])
            except RemoteError as error:
                if error.task is None or error.task <= self._task:
                    raise

    def rest(self, seconds: float) -> None:
        """Give a room that does too much the time to do it."""
        threading.Event().wait(seconds)

    def _close_room(self) -> None:
        """Close what the room has open, or kill it if it can't."""
        if not (self._links or self._runs):
            return
        try:
            self.sandbox.open().open().finish()
        except (RemoteError, LineLost):
            self.sandbox.kill()
        self._links.clear()
        self._runs.clear()


def reading(device: str, number: int, value: float, sensor: str = "T-1") -> Reading:
    """Return a reading of a thermometer, a second after the one before."""
    moment = datetime(2025, 3, 1, tzinfo=UTC) + timedelta(seconds=number)
    return Reading(device, sensor, "temperature", value, "celsius", moment)


def texts(packets: Sequence[Packet]) -> list[bytes]:
    """Return the payloads of packets."""
    return [one.payload for one in packets]
