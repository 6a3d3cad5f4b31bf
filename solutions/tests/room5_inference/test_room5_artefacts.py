"""A model is trained once for its data, found again, and trained anew when it can't be trusted."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import pi, sin
from pathlib import Path
from random import Random

import numpy as np
import pytest

from shared.contracts.settings import ModelSettings
from shared.contracts.todo import Todo
from solutions.room5_inference.given.artefacts import obtain, packed, unpacked
from solutions.room5_inference.given.forest import FastForest, grown
from solutions.room5_inference.given.quiet import Quiet
from solutions.room5_inference.given.recordings import panels, read_recording
from solutions.room5_inference.given.training import Artefact
from solutions.room5_inference.registry import MODEL_FILE, Registry

START = datetime(2021, 3, 1, tzinfo=UTC)


def bits(artefact: Artefact) -> str:
    """Return everything in an artefact as text, floats to the last bit."""
    return json.dumps(packed(artefact), default=lambda array: array.tolist())


@pytest.fixture
def own(tmp_path: Path) -> ModelSettings:
    """Return settings for a recording of one's own: two sensors, 35 days, every hour."""
    random = Random(4)
    lines = ["timestamp,sensor_id,type,value"]
    for hour in range(35 * 24):
        moment = (START + timedelta(hours=hour)).isoformat()
        for sensor in ("kitchen", "cellar"):
            value = 18 + 3 * sin(hour * pi / 12) + random.gauss(0, 0.4)
            lines.append(f"{moment},{sensor},temperature,{value:.1f}")
    lines[100] = lines[100].rsplit(",", 1)[0] + ",NA"
    path = tmp_path / "house.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return ModelSettings(folder=str(tmp_path / "models"), recording=str(path))


def test_ones_own_recording_is_learnt_from(own: ModelSettings) -> None:
    artefact, card = obtain(own, Quiet())
    assert set(artefact.experiences) == {("kitchen", "temperature"), ("cellar", "temperature")}
    assert set(artefact.forecasters) == {("temperature", 3_600_000)}
    assert card is not None
    assert card.version == artefact.version


def test_the_same_data_gives_the_same_model_to_the_last_bit(own: ModelSettings) -> None:
    first, _card = obtain(own, Quiet())
    again, _card = obtain(own, Quiet())
    anew, _card = obtain(replace(own, folder=own.folder + "-other"), Quiet())
    assert bits(first) == bits(again) == bits(anew)
    assert bits(unpacked("x", packed(first))) == bits(first)


def test_other_data_is_another_version(own: ModelSettings) -> None:
    first, _card = obtain(own, Quiet())
    with Path(str(own.recording)).open("a", encoding="utf-8") as file:
        file.write("\n2021-05-01T00:00:00Z,cellar,temperature,18.0\n")
    second, _card = obtain(own, Quiet())
    assert first.version != second.version


def test_an_altered_model_is_trained_anew(own: ModelSettings) -> None:
    artefact, card = obtain(own, Quiet())
    assert card is not None
    path = Path(own.folder) / card.version / MODEL_FILE
    path.write_bytes(b"PK" + path.read_bytes()[2:-9] + b"tampered!")
    telemetry = Quiet()
    again, _card = obtain(own, telemetry)
    assert again.version == artefact.version
    assert Registry(Path(own.folder)).load(card.version)


def test_an_undone_registry_stops_nobody(
    own: ModelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undone(*_arguments: object, **_more: object) -> None:
        raise Todo("5.5")

    monkeypatch.setattr(Registry, "load", undone)
    monkeypatch.setattr(Registry, "save", undone)
    artefact, card = obtain(own, Quiet())
    assert artefact.experiences
    assert card is None


def test_missing_values_stay_missing_on_the_grid(own: ModelSettings) -> None:
    (panel,) = panels(read_recording(Path(str(own.recording))))
    assert panel.values.shape == (35 * 24, 2)
    assert np.isnan(panel.values).sum() == 1


def test_nothing_from_the_last_moment_on_is_read(own: ModelSettings) -> None:
    before = START + timedelta(days=2)
    readings = read_recording(Path(str(own.recording)), before)
    assert max(one.timestamp for one in readings) < before


def test_the_fast_forest_has_the_scores_of_the_slow_one() -> None:
    random = np.random.default_rng(1)
    slow = grown(random.normal(size=(500, 4)))
    rows = random.normal(0, 3, (50, 4))
    assert FastForest.of(slow).scores(rows) == pytest.approx(-slow.score_samples(rows), abs=1e-9)
