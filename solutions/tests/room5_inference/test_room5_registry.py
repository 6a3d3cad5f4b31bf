"""Models are kept with their cards; what was altered, or would run code, isn't loaded."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skops import io

from solutions.room5_inference import open_registry
from solutions.room5_inference.given.shelf import (
    IncompatibleModel,
    RegistryError,
    TamperedModel,
    UnknownVersion,
    UntrustedModel,
)
from solutions.room5_inference.registry import CARD_FILE, MODEL_FILE, Registry

UNTIL = datetime(2013, 5, 6, tzinfo=UTC)
HELD = datetime(2013, 7, 1, tzinfo=UTC)


class Trap:
    """An object that notices when somebody makes it."""

    sprung = False

    def __setstate__(self, state: object) -> None:
        Trap.sprung = True


def keep(registry: Registry, version: str, content: Any) -> None:  # noqa: ANN401 - these libraries bring no types
    """Save a model with a plain card."""
    registry.save(version, content, data_hash="d", trained_until=UNTIL, metrics={"mae": 1.5})


def error(content: Any) -> float:  # noqa: ANN401 - these libraries bring no types
    """Return the error that the content says it has."""
    return float(content["error"])


def test_a_model_comes_back_with_its_card(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    keep(registry, "v1", {"weights": np.arange(3.0), "name": "ridge"})
    content = open_registry(tmp_path).load("v1")
    assert content["weights"].tolist() == [0.0, 1.0, 2.0]
    card = registry.card("v1")
    assert (card.data_hash, card.trained_until, dict(card.metrics)) == ("d", UNTIL, {"mae": 1.5})


def test_a_tampered_file_is_refused(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    keep(registry, "v1", {"error": 1.0})
    (tmp_path / "v1" / MODEL_FILE).write_bytes(io.dumps({"error": 0.0}))
    with pytest.raises(TamperedModel, match="v1"):
        registry.load("v1")


def test_a_model_of_another_edition_is_refused(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    keep(registry, "v1", {"error": 1.0})
    path = tmp_path / "v1" / CARD_FILE
    card = json.loads(path.read_text())
    card["libraries"]["scikit-learn"] = "0.1"
    path.write_text(json.dumps(card))
    with pytest.raises(IncompatibleModel, match=r"0\.1"):
        registry.load("v1")


def test_a_file_that_names_foreign_types_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    trap = Trap()
    trap.bait = 1  # type: ignore[attr-defined]
    keep(registry, "v1", {"error": trap})
    with pytest.raises(UntrustedModel, match="Trap"):
        registry.load("v1")
    assert not Trap.sprung


@pytest.mark.parametrize("version", ["../v1", "", "a/b", "v 1", "x" * 65])
def test_a_version_is_no_path(tmp_path: Path, version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        keep(open_registry(tmp_path), version, {})


def test_a_half_written_version_does_not_exist(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    keep(registry, "v1", {"error": 1.0})
    (tmp_path / "v1" / CARD_FILE).unlink()
    with pytest.raises(UnknownVersion):
        registry.load("v1")
    with pytest.raises(UnknownVersion):
        registry.load("v2")


def test_only_the_better_one_is_promoted_and_one_can_go_back(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    for version, size in (("v1", 2.0), ("v2", 2.0), ("v3", 1.0), ("v4", 1.5)):
        keep(registry, version, {"error": size})
    assert registry.champion() is None
    assert [registry.promote(v, error, HELD) for v in ("v1", "v2", "v3", "v4")] == [
        True,
        False,
        True,
        False,
    ]
    assert registry.champion() == "v3"
    assert registry.rollback() == "v1"
    assert open_registry(tmp_path).champion() == "v1"
    with pytest.raises(RegistryError):
        registry.rollback()


def test_nobody_is_judged_on_what_it_has_seen(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    keep(registry, "v1", {"error": 1.0})
    with pytest.raises(ValueError, match="v1"):
        registry.promote("v1", error, datetime(2013, 5, 1, tzinfo=UTC))
    assert registry.champion() is None
