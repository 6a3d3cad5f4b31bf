"""Gives everybody credentials, writes down who may do what, and ends."""

from dataclasses import asdict
from typing import Final

from shared.contracts.todo import Todo

from .part import Part

PROBES: Final = ("probe-a", "probe-b")
"""Two devices that exist for the start-up probe only."""


def run(part: Part) -> None:
    """Enrol the servers, the gateway, the operator and each device that the sensors name."""
    authority = part.assembly.security.authority
    parties = {"broker": "broker", "api": "api", "gateway": "gateway", "operator": "operator"}
    parties |= dict.fromkeys((*_device_names(part), *PROBES), "device")
    credentials = {name: asdict(authority.enrol(name, kind)) for name, kind in parties.items()}
    users = [asdict(user) for user in authority.policy()]
    part.place.write("enrolment", {"credentials": credentials, "users": users})
    part.tell("finished")


def _device_names(part: Part) -> list[str]:
    try:
        return [birth.device_id for birth in part.assembly.sensors.births()]
    except Todo:
        return []  # the devices' own process shows the task
