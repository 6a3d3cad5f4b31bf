"""A recording of one's own, heard by a model that starts with nothing and learns as it goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.contracts.messages import Alert

from .observer import Observer
from .places import Limits
from .quiet import Quiet
from .right import in_time, opened
from .training import Artefact, as_logged


@dataclass(frozen=True)
class Heard:
    """What was alerted, and of which sensors (device/sensor/type) nothing can be said yet.

    `lacking` has the days of readings that these still need.
    """

    alerts: tuple[Alert, ...]
    sensors: int
    lacking: Mapping[str, float]


def heard(recording: Path) -> Heard:
    """Return what is found in `recording`. Raises BadRecording, OSError."""
    observer = Observer(Artefact(), Limits(), Quiet(), forecasting=False)
    for logged in as_logged(in_time(recording)):
        observer.take(logged)
    places = observer.places
    sensors = len(places.known) + len(places.newcomers)
    return Heard(opened(observer.alerts), sensors, places.lacking())
