"""Everything the model knows of the stream so far: a function of the log's order alone."""

import math
from collections.abc import Mapping
from typing import Any, Final

from shared.contracts.benches.model import Question
from shared.contracts.identifiers import from_milliseconds, to_milliseconds
from shared.contracts.messages import Alert, Forecast, LoggedEvent
from shared.contracts.ports import Telemetry

from ..alerting import CLOSE_BELOW
from ..channels import BUDGET_A_MONTH
from ..forecasting import HORIZONS
from ..service import MODEL
from .arrivals import Watermark
from .places import Limits, Place, Places, Stretch
from .samples import Row, Sample
from .training import Artefact
from .wording import alert_of, forecasts_of

FULL_EVERY_S: Final = 21_600
"""All horizons are published every six hours, in between the next slot only."""
GAPS_KEPT: Final = 32
GAP_LEAST_MS: Final = 300_000
GAP_MOST_MS: Final = 21_600_000
GAP_STEPS: Final = 1.5
"""The whole feed was silent if time leaps by so many steps of the slowest sensors (within bounds):
less is no silence, only the time between two of them."""
STATE_VERSION: Final = 1


class Observer:
    """Takes events one by one; what it found since it was asked is in `forecasts` and `alerts`."""

    def __init__(
        self, artefact: Artefact, limits: Limits, telemetry: Telemetry, *, forecasting: bool = True
    ) -> None:
        self.artefact = artefact
        self.forecasting = forecasting
        self.watermark = Watermark()
        self.places = Places(artefact, limits, telemetry)
        self.gaps: list[list[int]] = []
        self.forecasts: list[Forecast] = []
        self.alerts: list[Alert] = []
        self.errors: list[tuple[str, float, float]] = []
        """(type, error, missed) of the forecasts of one slot ahead, since it was asked."""

    def take(self, logged: LoggedEvent) -> None:
        """Take the log's next event; one that is no finite number at all is passed over."""
        event = logged.event
        if not math.isfinite(event.value):
            return
        names = (event.device_id, event.sensor_id, event.sensor_type)
        now = to_milliseconds(event.timestamp)
        sample = Sample(event.value, now, event.message_id, logged.position, event.traceparent)
        others = self.watermark.of_others(event.device_id)
        self._pass_time(event.device_id, now)
        place = self.places.of(names, sample)
        if place is None:
            return
        self._punctuality(place, sample, others)
        if not place.stretch.group.grid.offer(place.column, sample):
            place.stretch.group.members[place.column].arrived = True
        for stretch in self.places.stretches.values():
            while stretch.group.grid.ready(self.watermark.value):
                self._close(stretch)

    def _pass_time(self, device: str, now: int) -> None:
        """Move the watermark, and note where the whole feed was silent: nobody's own fault."""
        moved = self.watermark.take(device, now)
        slowest = max(self.places.stretches, default=0)
        least = GAP_STEPS * min(max(slowest, GAP_LEAST_MS), GAP_MOST_MS)
        if least < moved < self.watermark.value and len(self.watermark.latest) > 1:
            gap = [self.watermark.value - moved, self.watermark.value]
            self.gaps = [*self.gaps, gap][-GAPS_KEPT:]

    def _punctuality(self, place: Place, sample: Sample, others: int | None) -> None:
        grid = place.stretch.group.grid
        slot = grid.slot_of(place.column, sample.timestamp_ms)
        phase = 0.0
        if not grid.coarse:
            phase = (sample.timestamp_ms - grid.phases[place.column]) / grid.step_ms - slot
        lead = None if others is None else (sample.timestamp_ms - others) / grid.step_ms
        strength = place.punctuality.take(phase, lead, BUDGET_A_MONTH / (30 * grid.day))
        self._report(place.stretch, place.column, ("skew", strength), sample.timestamp_ms, sample)

    def _close(self, stretch: Stretch) -> None:
        """Close the next row: compare it with the forecasts, judge it, forecast from it."""
        grid = stretch.group.grid
        behind = self.watermark.value // grid.step_ms - (grid.next or 0)
        if behind > len(grid.window):
            stretch.outlook.skip(behind)
            grid.skip_to(self.watermark.value // grid.step_ms - 1)
            return
        row = grid.close()
        expected = stretch.outlook.expected()
        self._check(stretch)
        edge = grid.step_ms // 4
        gap = any(start + edge < row.start_ms < end - edge for start, end in self.gaps)
        for column, strengths in enumerate(stretch.group.judge(feed_gap=gap)):
            at = row.start_ms + grid.phases[column]
            for evidence in strengths.items():
                self._report(
                    stretch, column, evidence, at, row.samples[column], float(expected[column])
                )
        if self.forecasting:
            self._forecast(stretch, row)
        stretch.before = row.samples

    def _check(self, stretch: Stretch) -> None:
        errors, missed = stretch.outlook.check(stretch.group.grid.window[-1])
        for kind, error, miss in zip(stretch.outlook.kinds, errors[0], missed[0], strict=True):
            if not math.isnan(error):
                self.errors.append((kind, float(error), float(miss)))

    def _report(
        self,
        stretch: Stretch,
        column: int,
        evidence: tuple[str, float],
        now: int,
        sample: Sample | None,
        expected: float = math.nan,
    ) -> None:
        kind, strength = evidence
        member = stretch.group.members[column]
        if strength < CLOSE_BELOW and kind not in member.book.incidents:
            return
        since = now
        if kind == "spike" and member.watch.taken_back and column < len(stretch.before):
            sample = stretch.before[column] or sample
            since = now - stretch.group.grid.step_ms
        incident = member.book.report(kind, strength, now, since)
        if incident is not None:
            wanted = None if math.isnan(expected) else expected
            self.alerts.append(alert_of(member.names, incident, sample, wanted))

    def _forecast(self, stretch: Stretch, row: Row) -> None:
        group = stretch.group
        question = Question(group.grid.window, group.neighbours, group.grid.day)
        answer = stretch.service.single(question)
        stretch.outlook.issue(answer.values)
        version = self.artefact.version + ("" if answer.source == MODEL else f"-{answer.source}")
        full = row.start_ms // 1_000 % FULL_EVERY_S == 0
        horizons = HORIZONS if full else 1
        for column, member in enumerate(group.members):
            if row.samples[column] is not None:
                at = row.start_ms + group.grid.phases[column]
                self.forecasts += forecasts_of(
                    member.names,
                    from_milliseconds(at),
                    [
                        from_milliseconds(at + n * group.grid.step_ms)
                        for n in range(1, horizons + 1)
                    ],
                    (answer.values[:, column], stretch.outlook.radius[:, column]),
                    version,
                )

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for JSON."""
        return {
            "version": [STATE_VERSION, self.artefact.version],
            "watermark": self.watermark.state(),
            "gaps": self.gaps,
            "places": self.places.state(),
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`; ValueError if it is another version's."""
        mine = [STATE_VERSION, self.artefact.version]
        if state.get("version") != mine:
            raise ValueError(f"expected a snapshot of {mine}, got {state.get('version')}")
        self.watermark = Watermark.of_state(state["watermark"])
        self.gaps = [list(gap) for gap in state["gaps"]]
        self.places = Places(self.artefact, self.places.limits, self.places.telemetry)
        self.places.recall(state["places"])
        self.forecasts, self.alerts, self.errors = [], [], []
