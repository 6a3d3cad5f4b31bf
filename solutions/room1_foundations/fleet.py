"""A fleet of simulated devices: where they stand, what they read, and how they fail."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count

from shared.contracts.benches.sensors import Site
from shared.contracts.identifiers import from_milliseconds, to_milliseconds
from shared.contracts.messages import Birth, Truth
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo
from shared.language import _

from .atmosphere import HumiditySensor, PressureSensor
from .faults import FaultySensor
from .incidents import plan_faults
from .pacing import Due
from .reading import make_reading
from .temperature import Instrument, TemperatureSensor
from .weather import generator

_KINDS: tuple[tuple[str, type[Instrument]], ...] = (
    ("TEMP", TemperatureSensor),
    ("HUM", HumiditySensor),
    ("PRES", PressureSensor),
)


class Device:
    """One simulated device: it wakes at equal intervals and reads all its sensors at once."""

    def __init__(self, number: int, settings: Settings) -> None:
        source = settings.source
        self.device_id = f"fleet-{number + 1:02d}"
        self._seed = source.seed
        self._faulty = source.faults
        self._interval_s = interval_s(settings)
        # Devices wake one after another, so that the fleet's rate is even.
        phase = timedelta(seconds=self._interval_s * number / source.devices)
        self._start = epoch(settings) + phase
        site = _site(self._seed, self.device_id)
        self.instruments = []
        for place in range(source.sensors):
            prefix, kind = _KINDS[place % len(_KINDS)]
            name = f"{prefix}-{place // len(_KINDS) + 1:03d}"
            self.instruments.append(kind(self.device_id, name, site, self._seed, _no_clock))
        self._install()

    def _install(self) -> None:
        """Say where each sensor hangs and when it was calibrated: one in four at the start."""
        # task 1.6: what the birth tells, the same at every start
        # <solution>
        for instrument in self.instruments:
            random = generator(self._seed, self.device_id, instrument.sensor_id, "installation")
            days = random.choice((0, 1, 1, 1)) * random.randint(30, 330)
            instrument.calibration_date = self._start.date() - timedelta(days=days)
            instrument.location = self.device_id.replace("fleet", "roof")
        # </solution>
        #: raise Todo("1.6")

    @property
    def birth(self) -> Birth:
        """What the device says about itself when it connects."""
        return Birth(self.device_id, tuple(instrument.card for instrument in self.instruments))

    def faulty_sensors(self) -> list[FaultySensor]:
        """Return what makes each instrument's readings fail and quantises them, in order."""
        plans: list[Iterator[Truth]] = [
            plan_faults(self.device_id, one.card, self._start, self._interval_s, self._seed)
            if self._faulty
            else iter(())
            for one in self.instruments
        ]
        return [
            FaultySensor(plan, one.card) for plan, one in zip(plans, self.instruments, strict=True)
        ]

    def dues(self, sensors: Sequence[FaultySensor], skip: int) -> Iterator[Due]:
        """Yield the device's readings without end, less the first `skip`.

        The skipped ones are made all the same: noise and faults remember them.
        """
        # task 1.6: each tick's time from the start, never from the tick before
        # <solution>
        start_ms, interval_ms = to_milliseconds(self._start), self._interval_s * 1000.0
        pairs = tuple(zip(self.instruments, sensors, strict=True))
        for tick in count():
            made = from_milliseconds(start_ms + int(tick * interval_ms))
            for one, sensor in pairs:
                given = sensor.apply(made, one.value_at(made))
                if given is not None and (skip := skip - 1) < 0:
                    stamp, value = given
                    names = (self.device_id, one.sensor_id, one.sensor_type)
                    yield made, make_reading(*names, value, stamp)
        # </solution>
        #: raise Todo("1.6")


def devices(settings: Settings) -> list[Device]:
    """Return the fleet: fresh instruments, at the beginning of their streams."""
    source = settings.source
    if source.devices < 0 or source.sensors < 0:
        raise ValueError(
            _("expected devices and sensors of at least 0, got {devices} and {sensors}").format(
                devices=source.devices, sensors=source.sensors
            )
        )
    return [Device(number, settings) for number in range(source.devices if source.sensors else 0)]


def fleet_births(settings: Settings) -> Sequence[Birth]:
    """Return the births of the simulated devices, with location and calibration date."""
    return [device.birth for device in devices(settings)]


def epoch(settings: Settings) -> datetime:
    """Return when the fleet began to read: fixed by the source, not by the present run."""
    return settings.source.recording_from or settings.clock.start


def interval_s(settings: Settings) -> float:
    """Return the event time between two readings of a sensor in s; ValueError below 1 ms."""
    source = settings.source
    sensors = source.devices * source.sensors
    if not source.rate > 0:
        raise ValueError(_("expected a rate above 0, got {rate}").format(rate=source.rate))
    interval = sensors * settings.clock.speed / source.rate
    if interval < 1e-3:  # noqa: PLR2004 - timestamps are in milliseconds
        message = _(
            "{rate} readings a second is too much for {sensors} sensors: more than one "
            "a millisecond of event time each; raise --sensors or lower --rate"
        )
        raise ValueError(message.format(rate=source.rate, sensors=sensors))
    return interval


def _no_clock() -> datetime:
    """Stand where a clock would: a fleet asks its instruments by the schedule's moments."""
    raise RuntimeError("a fleet's instrument was asked to read by itself")


def _site(seed: int, device_id: str) -> Site:
    """Return a place around New York, between the shore and the hills."""
    random = generator(seed, device_id, "site")
    altitude_m = random.uniform(2.0, 150.0)
    return Site(
        latitude=random.uniform(40.4, 41.0),
        longitude=random.uniform(-74.3, -73.5),
        altitude_m=altitude_m,
        mean_c=12.6 - 0.0065 * altitude_m,
        daily_c=random.uniform(2.5, 5.0),
    )
