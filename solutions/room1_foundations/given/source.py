"""The room joined to its port: a recording, a fleet, or both, in one stream."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from threading import Event as StopSignal
from typing import TYPE_CHECKING

from shared.contracts.benches.sensors import RowRefused
from shared.contracts.messages import Birth, Reading, Truth
from shared.contracts.ports import SensorParts
from shared.contracts.settings import Settings

from ..fleet import devices
from ..pacing import Due, as_made, merge_due, pace_due
from ..recording import Recording

if TYPE_CHECKING:
    from ..faults import FaultySensor


class Source:
    """Recorded and simulated devices, as `settings.source` describes them."""

    def __init__(self, settings: Settings, parts: SensorParts) -> None:
        self._settings = settings
        self._parts = parts
        self._failing: list[FaultySensor] = []
        self._simulated = tuple(device.birth for device in devices(settings))
        path = settings.source.recording
        taken = frozenset(birth.device_id for birth in self._simulated)
        self._recording = Recording(path, taken) if path is not None else None

    def births(self) -> Sequence[Birth]:
        """Return every device with its sensors: the recorded ones, then the fleet."""
        recorded = self._recording.births() if self._recording is not None else ()
        return (*recorded, *self._simulated)

    def readings(self, skip: Mapping[str, int], stop: StopSignal) -> Iterator[Reading]:
        """Yield readings of all devices by time, each when it is due, until `stop` is set."""
        dues = merge_due((*self._recorded(skip), *self._fleet(skip)))
        if self._settings.source.paced:
            yield from pace_due(dues, self._parts.clock, stop)
            return
        for _made, reading in dues:
            if stop.is_set():
                return
            yield reading

    def truth(self) -> Sequence[Truth]:
        """Return the faults injected so far by the latest call of `readings`, by their start."""
        told = [truth for sensor in tuple(self._failing) for truth in sensor.truth()]
        return sorted(told, key=lambda truth: (truth.start, truth.device_id, truth.sensor_id))

    def _recorded(self, skip: Mapping[str, int]) -> Iterator[Iterator[Due]]:
        """Yield a stream for each recorded device.

        A year of weather is entered where the run begins. Of one's own rows none is left out,
        however old: what is overdue comes at once, and the API judges it.
        """
        if self._recording is None:
            return
        since = None if self._recording.is_own else self._settings.source.recording_from
        latest = self._parts.clock.wall() + timedelta(days=1)  # nobody can have recorded more
        for device in self._recording.devices():
            left_out = skip.get(device, 0) if device is not None else 0
            readings = self._recording.stream(device, since, left_out, self._tell)
            yield as_made(readings, latest)

    def _fleet(self, skip: Mapping[str, int]) -> Iterator[Iterator[Due]]:
        """Yield a stream for each simulated device, from its beginning."""
        failing: list[FaultySensor] = []
        for device in devices(self._settings):
            sensors = device.faulty_sensors()
            failing.extend(sensors)
            yield device.dues(sensors, skip.get(device.device_id, 0))
        self._failing = failing

    def _tell(self, refused: RowRefused) -> None:
        """Report a row that can't be used; the good ones go on."""
        self._parts.telemetry.event(
            "warning",
            "row_refused",
            file=refused.file,
            line=refused.line,
            column=refused.column,
            expected=refused.expected,
            got=refused.got,
        )
