"""Joins the rooms: each is built with exactly the parts that it depends on, when first needed."""

import importlib
import socket
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from types import ModuleType
from urllib.parse import urlsplit

from shared.contracts.ports import (
    Bus,
    BusParts,
    Door,
    Ingestion,
    IngestionParts,
    Model,
    ModelParts,
    Observability,
    Security,
    SecurityParts,
    SensorParts,
    Sensors,
    Storage,
    StorageParts,
    TelemetryParts,
)
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo

from .clock import RunClock
from .loader import ROOMS, Choice, load, package_of
from .tally import Tally
from .workplace import Workplace


class Assembly:
    """The rooms of one process, as chosen. Each attribute builds its room at first use.

    A room that isn't done raises Todo when it is built or used; the caller shows the task.
    """

    def __init__(self, place: Workplace, settings: Settings, choices: Mapping[int, Choice]) -> None:
        self.place = place
        self.settings = settings
        self.choices = choices
        self.clock = RunClock(settings.clock)
        self.dependencies: dict[str, Callable[[float], None]] = {}

    @cached_property
    def observability(self) -> Observability:
        """Room 7; where it isn't done, its stand-in: nobody works without a log."""
        parts = TelemetryParts(self.clock, self.dependencies)
        try:
            built: Observability = self._room(7).build(self.settings, parts)
        except Todo:
            built = self._plain_log()
        return built

    def _plain_log(self) -> Observability:
        crude = importlib.import_module(package_of(ROOMS[7], Choice.STAND_IN))
        parts = TelemetryParts(self.clock, self.dependencies)
        built: Observability = crude.build(self.settings, parts)
        return built

    @cached_property
    def tally(self) -> Tally:
        """Room 7's telemetry, counted on the way."""
        return Tally(self.observability.telemetry, lambda: self._plain_log().telemetry)

    @cached_property
    def security(self) -> Security:
        """Room 6."""
        built: Security = self._room(6).build(self.settings, SecurityParts(self.clock, self.tally))
        return built

    @cached_property
    def sensors(self) -> Sensors:
        """Room 1."""
        built: Sensors = self._room(1).build(self.settings, SensorParts(self.clock, self.tally))
        return built

    @cached_property
    def bus(self) -> Bus:
        """Room 2, on the devices' side: it sees neither the API nor the dead letters."""
        parts = BusParts(self.clock, self.tally, self.security.keyring)
        built: Bus = self._room(2).build(self.settings, parts)
        return built

    @cached_property
    def gateway_bus(self) -> Bus:
        """Room 2, on the gateway's side."""
        from shared.database.dead_letters import DeadLetterBox

        parts = BusParts(
            self.clock,
            self.tally,
            self.security.keyring,
            self.door("gateway"),
            DeadLetterBox(self.settings.storage.log_url),
        )
        built: Bus = self._room(2).build(self.settings, parts)
        return built

    @cached_property
    def storage(self) -> Storage:
        """Room 4."""
        built: Storage = self._room(4).build(self.settings, StorageParts(self.clock, self.tally))
        return built

    @cached_property
    def ingestion(self) -> Ingestion:
        """Room 3."""
        storage = self.storage
        parts = IngestionParts(
            self.clock,
            self.tally,
            self.observability.monitor,
            self.security.gate,
            storage.log,
            storage.series,
        )
        built: Ingestion = self._room(3).build(self.settings, parts)
        return built

    @cached_property
    def model(self) -> Model:
        """Room 5."""
        built: Model = self._room(5).build(self.settings, ModelParts(self.clock, self.tally))
        return built

    def door(self, name: str) -> Door:
        """Return the API as the client `name` (gateway or operator) sees it."""
        from .door import HttpDoor

        credentials = self.place.read("enrolment").get("credentials", {}).get(name, {})
        return HttpDoor(
            self.settings.api.url,
            context=self.security.keyring.client(name),
            client_id=name,
            secret_file=credentials.get("secret"),
            timeout_s=self.settings.bus.call_timeout_s,
        )

    def depend_on_broker(self) -> None:
        """Health asks whether the broker accepts connections."""
        bus = self.settings.bus
        self.dependencies["broker"] = lambda limit: _knock(bus.host, bus.port, limit)

    def depend_on_api(self) -> None:
        """Health asks whether the API accepts connections."""
        url = urlsplit(self.settings.api.url)
        self.dependencies["api"] = lambda limit: _knock(url.hostname or "", url.port or 443, limit)

    def depend_on_log(self) -> None:
        """Health asks whether the event log can be read."""

        def ask(limit_s: float) -> None:
            del limit_s  # the log has its own
            self.storage.log.head()

        self.dependencies["log"] = ask

    def _room(self, number: int) -> ModuleType:
        choice = self.choices[number]
        if choice is Choice.MYSTERY and str(self.place.root) not in sys.path:
            sys.path.append(str(self.place.root))  # the last: it hides nothing of ours
        return load(ROOMS[number], choice)


def _knock(host: str, port: int, limit_s: float) -> None:
    socket.create_connection((host, port), timeout=limit_s).close()
