"""Gives everybody credentials, writes down who may do what, and ends."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from shared.contracts.ports import Authority, Banned
from shared.contracts.todo import Todo

from .part import Part
from .workplace import Workplace

PROBES: Final = ("probe-a", "probe-b")
"""Two devices that exist for the start-up probe only."""


def run(part: Part) -> None:
    """Enrol the servers, the gateway, the operator and each device that the sensors name.

    Who was revoked for cause gets nothing; its device finds the doors shut, and keeps trying.
    """
    authority = part.assembly.security.authority
    parties = {"broker": "broker", "api": "api", "gateway": "gateway", "operator": "operator"}
    parties |= dict.fromkeys((*_device_names(part), *PROBES), "device")
    credentials = {}
    for name, kind in parties.items():
        try:
            credentials[name] = asdict(authority.enrol(name, kind))
        except Banned:
            part.assembly.tally.event("warning", "banned", party=name)
    keep_enrolment(part.place, authority, credentials)
    part.tell("finished")


def keep_enrolment(
    place: Workplace, authority: Authority, credentials: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write down whose papers lie where, and who may do what: the broker reads it."""
    users = [asdict(user) for user in authority.policy()]
    place.write("enrolment", {"credentials": credentials, "users": users})


def _device_names(part: Part) -> list[str]:
    try:
        return [birth.device_id for birth in part.assembly.sensors.births()]
    except Todo:
        return []  # the devices' own process shows the task
