"""The scene of the room alone: devices that speak, a gateway, and a plug that is pulled."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.contracts.identifiers import message_id
from shared.contracts.messages import Birth, Reading, SensorCard
from shared.contracts.ports import BusParts, DeviceLink
from shared.contracts.settings import BusSettings, Settings

from .. import build
from .alone import HOTTEST_C, Ages, Drawer, NoLock, SmallDoor, Wall
from .plug import Plug

STEP_S: Final = 0.05
DRAIN_S: Final = 8.0
FEVER: Final = 0.01
"""The share of readings that no thermometer says, for the dead letters."""


@dataclass(frozen=True, slots=True)
class State:
    """What there is to see at one moment. Numbers of readings; seconds."""

    seconds: float
    plugged: bool
    made: int
    pending: int
    stored: int
    duplicates: int
    dead: int
    age_s: float


class Scene:
    """Everything that plays, begun and ended together."""

    def __init__(self, folder: Path, devices: int, rate: float) -> None:
        self._began_s = time.monotonic()
        self._plug = Plug(folder)
        self._door, self._drawer, self._ages = SmallDoor(), Drawer(), Ages()
        bus = BusSettings(port=self._plug.port, resend_after_s=1.5, websocket_port=None)
        parts = BusParts(Wall(), self._ages, NoLock(), self._door, self._drawer)
        self._bus = build(Settings(state_dir=str(folder), bus=bus), parts)
        self._names = [f"DEVICE-{number + 1:03}" for number in range(max(1, devices))]
        self._rate = rate
        self._links: dict[str, DeviceLink] = {}
        self._made: set[str] = set()
        self._stop = threading.Event()
        self._gateway_stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._trouble: Exception | None = None
        self._last = State(0.0, plugged=False, made=0, pending=0, stored=0, duplicates=0, dead=0,
                           age_s=0.0)  # fmt: skip

    def begin(self, cut_every_s: float, off_s: float) -> None:
        """Start all; the plug is pulled every `cut_every_s` seconds, for `off_s` (0: never)."""
        self._plug.put_in()
        gateway = self._bus.gateway()
        for name in self._names:
            card = SensorCard("TEMP-001", "temperature", "celsius", "room-101")
            self._links[name] = self._bus.device(Birth(name, (card,)))
        self._play(lambda: gateway.run(self._gateway_stop), "gateway")
        self._play(self._speak, "sensors")
        if cut_every_s > 0:
            self._play(lambda: self._cut(cut_every_s, off_s), "plug")

    def check(self) -> None:
        """Raise what went wrong behind the scene, Todo included."""
        if self._trouble is not None:
            raise self._trouble

    def state(self) -> State:
        """Return what there is to see now; after the end, what there was at last."""
        if self._links and not self._gateway_stop.is_set():
            found = [link.progress() for link in self._links.values()]
            self._last = State(
                time.monotonic() - self._began_s,
                self._plug.is_in,
                sum(one.made for one in found),
                sum(one.pending for one in found),
                len(self._door.stored),
                self._door.duplicates,
                len(self._drawer.letters),
                self._ages.latest_s,
            )
        return self._last

    def end(self) -> set[str]:
        """Let the outboxes drain, stop all; return the ids that are nowhere."""
        self._stop.set()
        for thread in self._threads[1:]:
            thread.join(STEP_S + 5.0)
        if self._links and self._trouble is None and not self._plug.is_in:
            self._plug.put_in()
        patience = DRAIN_S if self._trouble is None else 0.0
        deadline, pause = time.monotonic() + patience, threading.Event()
        while self.state().pending and time.monotonic() < deadline:
            pause.wait(STEP_S)
        for link in self._links.values():
            link.close(0.0)
        self._gateway_stop.set()
        for thread in self._threads[:1]:
            thread.join(5.0)
        self._plug.pull()
        return self._made - self._door.stored - set(self._drawer.letters)

    def _play(self, work: Callable[[], None], name: str) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as trouble:  # noqa: BLE001 - raised again by `check`
                self._trouble = trouble

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _speak(self) -> None:
        """Offer what is due, each device its share."""
        began_s, told = time.monotonic(), 0
        while not self._stop.wait(STEP_S):
            due = int((time.monotonic() - began_s) * self._rate)
            for number in range(told, due):
                reading = _reading(self._names[number % len(self._names)], number)
                if self._links[reading.device_id].offer([reading]):
                    self._made.add(_identity(reading))
            told = due

    def _cut(self, every_s: float, off_s: float) -> None:
        while not self._stop.wait(every_s):
            self._plug.pull()
            self._stop.wait(off_s)
            self._plug.put_in()


def _reading(device: str, number: int) -> Reading:
    fever = random.random() < FEVER
    value = round(HOTTEST_C + 200 if fever else random.gauss(21.0, 0.5), 2)
    moment = datetime.now(UTC) + timedelta(milliseconds=number)
    return Reading(device, "TEMP-001", "temperature", value, "celsius", moment)


def _identity(reading: Reading) -> str:
    return message_id(
        reading.device_id,
        reading.sensor_id,
        reading.sensor_type,
        reading.timestamp,
        reading.value,
    )
