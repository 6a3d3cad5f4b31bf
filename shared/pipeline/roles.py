"""What each process does: a few lines a role, the rest is the rooms'."""

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Final

from shared.contracts.facts import Fact
from shared.contracts.todo import Todo

from .broker_part import run_broker
from .devices_part import run_devices
from .exposure import expose
from .model_part import run_model
from .part import Part, Role
from .patience import patiently
from .web import serve

STRETCH: Final = 2_000
PROBES: Final = ("probe-a", "probe-b")
"""Two devices that exist for the start-up probe only."""


def enrol(part: Part) -> None:
    """Give everybody credentials, write down who may do what, and end."""
    authority = part.assembly.security.authority
    parties = {"broker": "broker", "api": "api", "gateway": "gateway", "operator": "operator"}
    parties |= dict.fromkeys((*_device_names(part), *PROBES), "device")
    credentials = {name: asdict(authority.enrol(name, kind)) for name, kind in parties.items()}
    part.place.write(
        "enrolment",
        {
            "credentials": credentials,
            "users": [asdict(user) for user in authority.policy()],
        },
    )
    part.tell("finished")


def _device_names(part: Part) -> list[str]:
    try:
        return [birth.device_id for birth in part.assembly.sensors.births()]
    except Todo:
        return []  # the devices' own process shows the task


def api(part: Part) -> None:
    """Serve Room 3, over TLS once there is an identity."""
    assembly = part.assembly
    assembly.depend_on_log()
    settings = assembly.settings.api
    app = assembly.ingestion.app()
    context = assembly.security.keyring.server("api", require_client=False)
    serve(app, settings.host, settings.port, context, part.stop, lambda: part.tell("ready"))


def gateway(part: Part) -> None:
    """Carry readings from the broker to the API."""
    part.assembly.depend_on_broker()
    part.assembly.depend_on_api()
    runner = part.assembly.gateway_bus.gateway()
    expose(part)
    part.tell("ready")
    runner.run(part.stop)


def stream(part: Part) -> None:
    """Keep the read model behind the log."""
    part.assembly.depend_on_log()
    processor = part.assembly.storage.stream
    expose(part)
    part.tell("ready")
    while True:
        done = patiently(part, lambda: processor.step(STRETCH))
        lag = patiently(part, processor.lag) if done else 0
        part.assembly.tally.measure(Fact.STREAM_LAG, lag or 0)
        if not done and part.stop.wait(0.05):
            return


ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "identity": enrol,
        "broker": run_broker,
        "api": api,
        "gateway": gateway,
        "stream": stream,
        "model": run_model,
        "devices": run_devices,
    }
)
