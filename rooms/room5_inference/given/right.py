"""Is it right? The real error, the true weather, a year's false alarms, and injected faults.

What is learnt (thresholds, neighbours, forecasts, forest) comes from before the stretch that is
judged. What was *designed* doesn't: the kinds of evidence and the few constants of `channels.py`,
`neighbourhood.py` and `shifts.py` were settled with this whole year, and faults like these, in
view. So the tables flatter; only a recording that nobody had seen can say by how much.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.contracts.benches.model import ForecastScore, Score
from shared.contracts.messages import Alert, Reading, Truth
from shared.contracts.settings import ModelSettings

from ..evaluation import evaluate
from ..scoring import score_events
from .artefacts import obtain
from .injected import Name, plan, spoil
from .observer import Observer
from .places import Limits
from .quiet import Quiet
from .recordings import panels, read_recording
from .training import Artefact, as_logged, parts_of

TRAINED_BEFORE: Final = datetime(2013, 5, 6, tzinfo=UTC)
JUDGED_UNTIL: Final = datetime(2013, 12, 30, tzinfo=UTC)
HELD_BACK_FROM: Final = datetime(2013, 10, 1, tzinfo=UTC)
REAL_ERROR: Final = Truth(
    "JFK", "JFK-temperature", "spike",
    datetime(2013, 5, 9, 2, tzinfo=UTC), datetime(2013, 5, 9, 3, tzinfo=UTC), -24.4,
)  # fmt: skip
"""The only label that this recording has. No threshold was learnt from it: it is for scoring."""
SEA_BREEZES: Final = (datetime(2013, 5, 30, tzinfo=UTC), datetime(2013, 6, 4, tzinfo=UTC))
RESOLUTION: Final = {"temperature": 0.1, "humidity": 0.01, "pressure": 0.1}
TOLERANCE_MS: Final = 3_600_000
MONTH: Final = timedelta(days=30.44)


@dataclass(frozen=True)
class Stretch:
    """What was alerted over some time without injected faults. `months` counts station months."""

    alerts: tuple[Alert, ...]
    months: float

    @property
    def false(self) -> tuple[Alert, ...]:
        """The alerts that weren't about the real error."""
        return tuple(one for one in self.alerts if not _is_real_error(one))

    @property
    def real_error(self) -> Alert | None:
        """The alert about the real error, None if there was none."""
        return next((one for one in self.alerts if _is_real_error(one)), None)

    @property
    def sea_breezes(self) -> tuple[Alert, ...]:
        """The alerts on JFK's temperature in the days of the sea breezes."""
        first, last = SEA_BREEZES
        return tuple(
            one
            for one in self.alerts
            if (one.device_id, one.sensor_type) == ("JFK", "temperature")
            and first <= one.opened_at < last
        )


def _is_real_error(alert: Alert) -> bool:
    return bool(score_events([alert], [REAL_ERROR])["spike"].found)


def opened(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return each alert once, as it was first told."""
    first: dict[str, Alert] = {}
    for alert in alerts:
        first.setdefault(alert.alert_id, alert)
    return tuple(first.values())


def observed(artefact: Artefact, readings: Sequence[Reading]) -> tuple[Alert, ...]:
    """Return the alerts that `readings`, in the order of their arrival, lead to."""
    observer = Observer(artefact, Limits(TOLERANCE_MS), Quiet(), forecasting=False)
    for logged in as_logged(readings):
        observer.take(logged)
    return opened(observer.alerts)


def in_time(recording: Path, since: datetime | None = None) -> list[Reading]:
    """Return the recording's readings from `since` on, ordered by time."""
    readings = sorted(read_recording(recording), key=lambda one: one.timestamp)
    return [one for one in readings if since is None or one.timestamp >= since]


def trained(recording: Path, folder: Path) -> Artefact:
    """Return the model trained on what is before TRAINED_BEFORE, kept in `folder`."""
    settings = ModelSettings(
        folder=str(folder), recording=str(recording), train_before=TRAINED_BEFORE
    )
    return obtain(settings, Quiet())[0]


def after_training(recording: Path, folder: Path) -> Stretch:
    """Return the alerts from the end of the training on."""
    readings = in_time(recording, TRAINED_BEFORE)
    return Stretch(observed(trained(recording, folder), readings), _months(readings))


def untrained(recording: Path) -> Stretch:
    """Return the alerts of the whole year by a model that starts with nothing and learns from it.

    What it thinks of an hour depends on the hours before alone.
    """
    readings = in_time(recording)
    return Stretch(observed(Artefact(), readings), _months(readings))


def _months(readings: Sequence[Reading]) -> float:
    stations = len({one.device_id for one in readings})
    return stations * ((readings[-1].timestamp - readings[0].timestamp) / MONTH)


def injected(recording: Path, folder: Path, seed: int) -> Mapping[tuple[str, str], Score]:
    """Return the scores by (type, kind) with one seed's faults put in after the training."""
    readings = in_time(recording, TRAINED_BEFORE)
    names: list[Name] = sorted({(r.device_id, r.sensor_id, r.sensor_type) for r in readings})
    planned = plan(names, TRAINED_BEFORE, JUDGED_UNTIL, seed)
    spoilt = spoil(readings, planned, RESOLUTION)
    alerts = observed(trained(recording, folder), spoilt.readings)
    types = {sensor: kind for _device, sensor, kind in names}
    scores: dict[tuple[str, str], Score] = {}
    for sensor_type in RESOLUTION:
        truths = [
            one for one in (*spoilt.truths, REAL_ERROR) if types[one.sensor_id] == sensor_type
        ]
        mine = [one for one in alerts if one.sensor_type == sensor_type]
        for kind, score in score_events(mine, truths).items():
            scores[sensor_type, kind] = score
    return scores


def injected_all(
    recording: Path, folder: Path, seeds: int, workers: int
) -> Mapping[tuple[str, str], Score]:
    """Return the scores of all seeds together, worked out by several processes."""
    trained(recording, folder)  # once, so that the processes only load it
    total: dict[tuple[str, str], Score] = {}
    with ProcessPoolExecutor(workers) as pool:
        runs = [pool.submit(injected, recording, folder, seed) for seed in range(seeds)]
        for run in runs:
            for key, score in run.result().items():
                total[key] = total.get(key, Score()) + score
    return total


def forecasts(recording: Path) -> Mapping[str, ForecastScore]:
    """Return the forecast's scores by type over the quarter that training never saw."""
    scores = {}
    for panel in panels(read_recording(recording)):
        day = round(86_400_000 / panel.step_ms)
        split = int(HELD_BACK_FROM.timestamp() * 1_000) // panel.step_ms - panel.first_slot
        for kind, part, near in parts_of(panel):
            scores[kind] = evaluate(part.values, near, day, split)
    return scores
