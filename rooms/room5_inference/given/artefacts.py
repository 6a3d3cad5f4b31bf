"""A trained model between two starts: found by the hash of its data, or trained in seconds."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from shared.contracts.benches.model import Card
from shared.contracts.ports import Telemetry
from shared.contracts.settings import ModelSettings
from shared.contracts.todo import Todo

from ..forecasting import Forecaster
from ..registry import Registry
from .forest import FastForest
from .recordings import data_hash, read_recording
from .shelf import RegistryError
from .training import Artefact, Experience, train

EDITION: Final = 5
"""Of the training code: raise it when what is learnt changes, and old models are trained anew."""


def obtain(settings: ModelSettings, telemetry: Telemetry) -> tuple[Artefact, Card | None]:
    """Return the model for these settings and its card, from the registry or freshly trained.

    Without a recording nothing is trained: the model learns from the stream. A stored model that
    is refused (altered, incompatible) is told and trained again. Raises BadRecording, OSError.
    """
    if settings.recording is None:
        return Artefact(), None
    path = Path(settings.recording)
    digest = data_hash(path, settings.train_before)
    version = f"m{EDITION}-{digest[:16]}"
    registry = Registry(Path(settings.folder))
    try:
        return unpacked(version, registry.load(version)), registry.card(version)
    except (RegistryError, Todo) as error:
        telemetry.event("info", "model_trained_anew", version=version, reason=type(error).__name__)
    readings = read_recording(path, settings.train_before)
    artefact = train(readings, version)
    until = max(one.timestamp for one in readings)
    metrics = {"readings": float(len(readings)), "sensors": float(len(artefact.experiences))}
    for (kind, _step), forecaster in artefact.forecasters.items():
        metrics[f"calibrated_radius_1_{kind}"] = float(forecaster.radius[0])
    try:
        card = registry.save(
            version, packed(artefact), data_hash=digest, trained_until=until, metrics=metrics
        )
        if registry.champion() is None:
            registry.promote(version, lambda _content: 0.0, held_from=until)
    except Todo:
        return artefact, None  # nothing is kept until task 5.5 is done; everything else works
    return artefact, card


def packed(artefact: Artefact) -> dict[str, Any]:
    """Return an artefact as skops writes it: JSON text, numbers and arrays, nothing else."""
    forest = artefact.forest
    experiences = [[*key, asdict(known)] for key, known in artefact.experiences.items()]
    return {
        "experiences": json.dumps(experiences),
        "forecasters": [
            [kind, step, one.weights, one.bias, one.radius]
            for (kind, step), one in artefact.forecasters.items()
        ],
        "forest": None if forest is None else [forest.arrays, forest.depth, forest.usual],
    }


def unpacked(version: str, content: Mapping[str, Any]) -> Artefact:
    """Return the artefact whose `packed` form that is."""
    experiences = {
        (station, kind): experience_of(fields)
        for station, kind, fields in json.loads(content["experiences"])
    }
    forecasters = {
        (kind, step): Forecaster(np.asarray(weights), np.asarray(bias), np.asarray(radius))
        for kind, step, weights, bias, radius in content["forecasters"]
    }
    forest = None if content["forest"] is None else FastForest(*content["forest"])
    return Artefact(experiences, forecasters, forest, version)


def experience_of(fields: Mapping[str, Any]) -> Experience:
    """Return the experience whose fields were read from JSON."""
    neighbours = tuple((one[0], one[1], one[2]) for one in fields["neighbours"])
    return Experience(
        fields["step_ms"], fields["phase_ms"], neighbours, fields["sibling"],
        tuple(fields["edges"]), fields["watch"],
    )  # fmt: skip
