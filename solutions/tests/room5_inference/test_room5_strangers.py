"""A lone sensor of any rhythm: its failures are told, its ordinary days aren't."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from shared.contracts.messages import Reading
from shared.contracts.ports import ModelParts
from shared.contracts.settings import ModelSettings, Settings
from solutions.room5_inference import build
from solutions.room5_inference.given.own import heard as heard_file
from solutions.room5_inference.given.quiet import Quiet
from solutions.room5_inference.given.training import as_logged
from solutions.tests.room5_inference.strangers import (
    START,
    apart,
    collapse,
    heard,
    machine,
    office,
    readings,
)
from solutions.tests.room5_inference.test_room5_model import StillClock

ROUND_S = (60, 300, 900)


def test_a_machine_that_fails_is_told_and_its_loads_are_not() -> None:
    values = collapse(machine(2, 32, 900), 28 * 96, 96)
    inside, outside = apart(heard(readings(values, 900)), 28, 31)
    assert inside
    assert len(outside) <= 1


def test_an_office_without_heating_is_told_and_its_weekends_are_not() -> None:
    values = office(2, 90)
    values[80 * 24 : 82 * 24] -= 10
    inside, outside = apart(heard(readings(values, 3_600)), 80, 84)
    assert inside
    assert len(outside) <= 3


@pytest.mark.parametrize("step_s", ROUND_S)
def test_with_too_little_history_nothing_is_alerted_and_that_is_said(
    tmp_path: Path, step_s: int
) -> None:
    sent = readings(machine(3, 2, step_s), step_s)
    model = build(
        Settings(model=ModelSettings(folder=str(tmp_path))), ModelParts(StillClock(), Quiet())
    )
    assert model.observe(list(as_logged(sent))).alerts == ()
    learning = model.describe()["learning"]
    assert isinstance(learning, dict)
    assert learning["plant/p1/temperature"] == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize(
    "values",
    [
        np.full(14 * 96, 21.5),
        np.round(np.random.default_rng(4).normal(20, 0.6, 14 * 96)),
        np.round(50 + 2 * np.random.default_rng(5).standard_t(3, 14 * 96), 2),
        np.repeat(np.random.default_rng(6).integers(0, 2, 14 * 16), 6).astype(float),
        np.cumsum(np.random.default_rng(7).normal(0, 0.3, 14 * 96)),
    ],
    ids=["constant", "whole numbers", "heavy noise", "on and off", "random walk"],
)
def test_odd_signals_are_no_failures(values: np.ndarray) -> None:
    assert len(heard(readings(values, 900))) <= 1


def test_a_frozen_sensor_is_told_through_gaps_once() -> None:
    values = office(3, 60)
    frozen = 50 * 24
    values[frozen : frozen + 20] = values[frozen]
    values[frozen + 5 : frozen + 20 : 4] = np.nan
    found = [one for one in heard(readings(values, 3_600)) if one.kind == "stuck"]
    assert len(found) == 1
    assert found[0].opened_at < START + timedelta(hours=frozen + 8)


def test_a_fine_sensor_that_says_the_same_twice_is_not_stuck() -> None:
    values = office(4, 60)
    values[50 * 24 + 1] = values[50 * 24]
    assert [one for one in heard(readings(values, 3_600)) if one.kind == "stuck"] == []


def test_a_file_of_ones_own_is_heard(tmp_path: Path) -> None:
    values = office(5, 40)
    values[35 * 24 + 3] += 40
    path = tmp_path / "office.csv"
    path.write_text(as_csv(readings(values, 3_600)), encoding="utf-8")
    found = heard_file(path)
    assert found.sensors == 1
    assert found.lacking == {}
    assert (START + timedelta(days=35, hours=3)) in {
        one.opened_at for one in found.alerts if one.kind == "spike"
    }


def as_csv(sent: list[Reading]) -> str:
    """Return readings as a file of one's own."""
    rows = [f"{one.timestamp.isoformat()},{one.sensor_id},temperature,{one.value}" for one in sent]
    return "\n".join(["timestamp,sensor_id,type,value", *rows, ""])
