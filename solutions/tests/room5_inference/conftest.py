"""One model, trained once on the recording before 6 May, for all stories of Room 5."""

from pathlib import Path

import pytest

from shared.contracts.messages import Reading
from solutions.room5_inference.given.right import TRAINED_BEFORE, in_time, trained
from solutions.room5_inference.given.training import Artefact

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the model is kept."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def artefact(models: Path) -> Artefact:
    """Return the model trained on what is before 6 May."""
    return trained(RECORDING, models)


@pytest.fixture(scope="session")
def after() -> list[Reading]:
    """Return the readings from 6 May on, in the order of time."""
    return in_time(RECORDING, TRAINED_BEFORE)
