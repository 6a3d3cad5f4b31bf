"""The port: findings are a function of the log's order, whatever happens around it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import pi, sin
from pathlib import Path
from random import Random

import pytest

from shared.contracts.messages import Findings, LoggedEvent, Reading
from shared.contracts.ports import Model, ModelParts
from shared.contracts.settings import ModelSettings, Settings
from solutions.room5_inference import build
from solutions.room5_inference.given.quiet import Quiet
from solutions.room5_inference.given.recordings import BadRecording
from solutions.room5_inference.given.right import TRAINED_BEFORE
from solutions.room5_inference.given.training import Artefact, as_logged

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"
DAYS = timedelta(days=12)


class StillClock:
    """A clock that nobody should need here."""

    def now(self) -> datetime:
        """Return the training's end."""
        return TRAINED_BEFORE

    def wall(self) -> datetime:
        """Return the same."""
        return TRAINED_BEFORE

    def seconds_until(self, moment: datetime) -> float:
        """Return the distance."""
        return (moment - TRAINED_BEFORE).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        """Return it as it is."""
        return wall_s


def model_of(models: Path, *, trained: bool = True) -> Model:
    """Return the room's model."""
    settings = ModelSettings(
        folder=str(models),
        recording=str(RECORDING) if trained else None,
        train_before=TRAINED_BEFORE,
    )
    return build(Settings(model=settings), ModelParts(StillClock(), Quiet()))


@pytest.fixture(scope="module")
def log(after: list[Reading]) -> list[LoggedEvent]:
    """Return twelve days from the training's end on, the real error among them."""
    return list(as_logged([one for one in after if one.timestamp < TRAINED_BEFORE + DAYS]))


def breath(hours: int) -> list[float]:
    """Return the carbon dioxide of a room that people use by day."""
    random = Random(3)
    return [600 + 150 * sin(hour * pi / 12) + random.gauss(0, 15) for hour in range(hours)]


def together(findings: Sequence[Findings]) -> Findings:
    """Return all findings as one."""
    forecasts = tuple(one for found in findings for one in found.forecasts)
    return Findings(forecasts, tuple(one for found in findings for one in found.alerts))


def test_edges_of_stretches_change_nothing(
    models: Path, artefact: Artefact, log: list[LoggedEvent]
) -> None:
    assert artefact.experiences
    whole = model_of(models).observe(log)
    for size in (1, 7, 500):
        cut = model_of(models)
        parts = [cut.observe(log[at : at + size]) for at in range(0, len(log), size)]
        assert together(parts) == whole
    assert whole.alerts
    assert whole.forecasts


@pytest.mark.parametrize("trained", [True, False])
def test_a_restored_model_goes_on_as_if_nothing_had_happened(
    models: Path, artefact: Artefact, log: list[LoggedEvent], *, trained: bool
) -> None:
    assert artefact.experiences
    first = model_of(models, trained=trained)
    half = len(log) // 2 + 1
    first.observe(log[:half])
    kept = first.snapshot()
    expected = first.observe(log[half:])
    second = model_of(models, trained=trained)
    second.restore(kept)
    assert second.snapshot() == kept
    assert second.observe(log[half:]) == expected
    assert second.snapshot() == first.snapshot()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": [1, "other"]}', '{"version": 1'])
def test_a_foreign_snapshot_is_refused(models: Path, artefact: Artefact, text: str) -> None:
    assert artefact.experiences
    with pytest.raises(ValueError, match=r"."):
        model_of(models).restore(text)


def test_the_second_start_loads_what_the_first_has_trained(
    models: Path, artefact: Artefact
) -> None:
    card = model_of(models).describe()
    assert card["version"] == artefact.version
    assert len(str(card["data_hash"])) == 64
    assert json.dumps(dict(card), default=str)


def test_clocks_of_another_century_disturb_nobody_else(
    models: Path, artefact: Artefact, log: list[LoggedEvent]
) -> None:
    assert artefact.experiences
    expected = {one.alert_id for one in model_of(models).observe(log).alerts}
    mad = []
    for place, logged in enumerate(log):
        mad.append(logged)
        if place % 50 == 0:
            year = 1970 if place % 100 else 2106
            moment = datetime(year, 1, 2, tzinfo=UTC)
            event = replace(logged.event, device_id="mad", sensor_id="mad", timestamp=moment)
            mad.append(replace(logged, event=event))
    found = model_of(models).observe(mad)
    assert {one.alert_id for one in found.alerts if one.device_id != "mad"} == expected


def test_what_is_no_number_is_passed_over(models: Path, log: list[LoggedEvent]) -> None:
    broken = [
        replace(log[0], event=replace(log[0].event, value=value))
        for value in (float("nan"), float("inf"), -float("inf"))
    ]
    assert model_of(models, trained=False).observe(broken) == Findings()


def test_duplicates_and_disorder_within_an_hour_change_no_alert(
    models: Path, artefact: Artefact, log: list[LoggedEvent]
) -> None:
    assert artefact.experiences
    expected = {one.alert_id for one in model_of(models).observe(log).alerts}
    shuffled = sorted(log, key=lambda one: (one.event.timestamp, one.event.message_id))
    doubled = [one for logged in shuffled for one in (logged, logged)]
    found = model_of(models).observe(doubled)
    assert {one.alert_id for one in found.alerts} == expected


def test_a_forecast_is_for_the_hours_that_come(
    models: Path, artefact: Artefact, log: list[LoggedEvent]
) -> None:
    assert artefact.experiences
    forecasts = model_of(models).observe(log).forecasts
    ahead = {(one.target - one.issued_at) / timedelta(hours=1) for one in forecasts}
    assert ahead == set(range(1, 25))
    assert all(one.lower <= one.value <= one.upper for one in forecasts)
    assert {one.model_version for one in forecasts} == {artefact.version}


def test_strangers_are_learnt_from_the_stream(models: Path) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    readings = [
        Reading("box", "t1", "co2", round(value, 1), "ppm", start + hour * timedelta(hours=1))
        for hour, value in enumerate(breath(40 * 24))
    ]
    spike = 35 * 24 + 5
    readings[spike] = replace(readings[spike], value=3_000.0)
    found = model_of(models, trained=False).observe(list(as_logged(readings)))
    assert [(one.kind, one.opened_at) for one in found.alerts[:1]] == [
        ("spike", readings[spike].timestamp)
    ]
    assert {one.kind for one in found.alerts} == {"spike"}


def test_a_sensor_that_never_changes_is_no_reason_to_fail(models: Path) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    flat = [
        Reading("box", "p1", "pressure", 1013.0, "hectopascal", start + n * timedelta(hours=1))
        for n in range(60 * 24)
    ]
    assert model_of(models, trained=False).observe(list(as_logged(flat))).alerts == ()


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    settings = ModelSettings(folder=str(tmp_path), recording=str(path))
    with pytest.raises(BadRecording, match="expected the columns"):
        build(Settings(model=settings), ModelParts(StillClock(), Quiet()))
