"""A door on a free loopback port, real HTTP in front of it, doubles behind."""

import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import httpx
import pytest
import uvicorn

from shared.contracts.ports import AsgiApp, IngestionParts
from shared.contracts.settings import ApiSettings, Settings
from solutions.room3_ingestion import build
from solutions.tests.room3_ingestion.doubles import (
    House,
    MemoryLog,
    MemorySeries,
    SmallGate,
    SmallMonitor,
    StillClock,
    Tale,
)

Message = MutableMapping[str, Any]


class Frame:
    """A server that stays while the doors in it change: starting one takes longer than a test."""

    def __init__(self) -> None:
        self.door: AsgiApp | None = None
        config = uvicorn.Config(self, port=0, log_config=None, access_log=False, lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Pass a request on to the present door."""
        assert self.door is not None
        await self.door(scope, receive, send)

    @property
    def port(self) -> int:
        """Return the port that the system gave."""
        port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return port


@pytest.fixture(scope="session")
def frame() -> Iterator[Frame]:
    """Start the server, and stop it at the end of the session."""
    found = Frame()
    found.thread.start()
    while not found.server.started:
        assert found.thread.is_alive()
        found.thread.join(0.005)
    yield found
    found.server.should_exit = True
    found.thread.join(10)
    assert not found.thread.is_alive()


@pytest.fixture
def open_house(frame: Frame) -> Iterator[Callable[..., House]]:
    """Open a door with the settings that a test asks for."""
    clients: list[httpx.Client] = []

    def opened(**api: float) -> House:
        log, tale, monitor = MemoryLog(), Tale(), SmallMonitor()
        series = MemorySeries(log)
        parts = IngestionParts(StillClock(), tale, monitor, SmallGate(), log, series)
        app = build(Settings(api=ApiSettings(**api)), parts).app()  # type: ignore[arg-type]
        frame.door = app
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{frame.port}",
            headers={"Authorization": "Bearer gateway"},
            trust_env=False,
            timeout=10,
        )
        clients.append(client)
        return House(client, app, log, tale, series, monitor, frame.port)

    yield opened
    for client in clients:
        client.close()


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """Open a door with the usual settings."""
    return open_house()


@pytest.fixture
def reading() -> dict[str, object]:
    """Return the architecture's request."""
    return {
        "device_id": "DEVICE-001",
        "sensor_type": "temperature",
        "value": 22.3,
        "timestamp": "2013-05-06T10:30:45.123Z",
        "metadata": {"location": "room-101", "calibration_date": "2013-01-01"},
    }
