"""Which room plays which part, and what happens when one doesn't fit."""

import json
import sys
import types
from pathlib import Path

import pytest

from shared.pipeline.loader import (
    ROOMS,
    Choice,
    ContractMismatch,
    choose,
    fingerprint,
    load,
    package_of,
)


@pytest.mark.parametrize("number", ROOMS)
def test_every_port_has_a_stand_in_that_fits(number: int) -> None:
    module = load(ROOMS[number], Choice.STAND_IN)
    assert callable(module.build)


def test_named_rooms_are_taken_as_named() -> None:
    choices = choose(frozenset({2}), frozenset({5}))
    assert choices[2] is Choice.YOURS
    assert choices[5] is Choice.STAND_IN


def test_yours_is_taken_by_itself_once_exactly_these_files_were_checked(tmp_path: Path) -> None:
    checked = tmp_path / "checked.json"
    checked.write_text(json.dumps({"1": fingerprint(ROOMS[1])}), encoding="utf-8")
    assert choose(frozenset(), frozenset(), checked)[1] is Choice.YOURS
    checked.write_text(json.dumps({"1": {"reading.py": "other"}}), encoding="utf-8")
    assert choose(frozenset(), frozenset(), checked)[1] is not Choice.YOURS


def test_a_room_that_does_not_fit_is_refused_with_both_signatures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = types.ModuleType("rooms.room1_foundations")

    def build(settings: object) -> object:
        return settings

    wrong.build = build  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package_of(ROOMS[1], Choice.YOURS), wrong)
    with pytest.raises(ContractMismatch) as refused:
        load(ROOMS[1], Choice.YOURS)
    assert "build(settings" in str(refused.value)
    assert "parts" in str(refused.value)
