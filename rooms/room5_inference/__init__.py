"""Room 5, inference: a model that survives contact. Offers `Model`."""

from pathlib import Path

from shared.contracts.benches.model import ModelPredictor
from shared.contracts.ports import Model, ModelParts, Telemetry
from shared.contracts.settings import Settings

from .alerting import AlertBook
from .anomalies import Watch
from .drift import drift_report, ks_blocks, population_stability_index
from .evaluation import baselines, evaluate, rolling_origins
from .features import features
from .intervals import adapted, conformal_radius
from .lags import lags
from .neighbourhood import moved
from .registry import Registry
from .scoring import score_events
from .service import InferenceService
from .surprise import Surprise
from .thresholds import Tail

__all__ = [
    "adapted",
    "baselines",
    "build",
    "conformal_radius",
    "drift_report",
    "evaluate",
    "features",
    "ks_blocks",
    "lags",
    "make_book",
    "make_service",
    "make_surprise",
    "make_tail",
    "make_watch",
    "moved",
    "open_registry",
    "population_stability_index",
    "rolling_origins",
    "score_events",
]


def build(settings: Settings, parts: ModelParts) -> Model:
    """Return the model that `settings.model` describes: loaded, or trained here in seconds.

    One thread computes: a stream of small rows gains nothing from more, and bits stay the same.
    """
    from threadpoolctl import threadpool_limits

    from .given.artefacts import obtain
    from .given.model import StreamModel

    threadpool_limits(1)
    artefact, card = obtain(settings.model, parts.telemetry)
    return StreamModel(settings, parts, artefact, card)


def make_book(key: str) -> AlertBook:
    """Return a sensor's book of incidents, empty."""
    return AlertBook(key)


def make_tail() -> Tail:
    """Return a tail that has seen nothing."""
    return Tail()


def make_surprise(contexts: int) -> Surprise:
    """Return a surprise that has seen nothing in any of its contexts."""
    return Surprise.new(contexts)


def make_watch(slots_a_month: float) -> Watch:
    """Return a watch that has seen nothing."""
    return Watch(slots_a_month)


def open_registry(folder: Path) -> Registry:
    """Return the registry in `folder`."""
    return Registry(folder)


def make_service(
    champion: ModelPredictor,
    telemetry: Telemetry,
    budget_s: float,
    challenger: ModelPredictor | None = None,
) -> InferenceService:
    """Return a service that times itself by the monotonic clock."""
    return InferenceService(champion, telemetry, budget_s, challenger)
