"""Hints: three a task, and none of them the reference's own text."""

import tomllib

import pytest

from grader import telling
from grader.cli.hinting import _wrapped, hints_of
from grader.verdicts import rooms, table
from grader.walls import PROJECT

HINTED = [room for room in rooms() if (PROJECT / "rooms" / room / "hints.toml").is_file()]


@pytest.mark.parametrize("room", HINTED)
def test_each_task_has_three_hints(room: str) -> None:
    hints = hints_of(room)
    assert list(hints) == [task.id for task in table(room).tasks]
    assert {len(texts) for texts in hints.values()} == {3}
    assert all(text.strip() for texts in hints.values() for text in texts)


@pytest.mark.parametrize("room", HINTED)
def test_the_first_hint_asks(room: str) -> None:
    silent = [task for task, texts in hints_of(room).items() if "?" not in texts[0]]
    assert silent == []


@pytest.mark.parametrize("room", HINTED)
def test_no_hint_holds_a_line_of_the_reference(room: str) -> None:
    text = (PROJECT / "rooms" / room / "hints.toml").read_text(encoding="utf-8")
    whole = "\n".join(hint for entry in tomllib.loads(text)["hint"] for hint in entry["texts"])
    assert telling.held(whole, telling.regions(room)) == set()


@pytest.mark.parametrize("room", HINTED)
def test_hints_fit_a_terminal(room: str) -> None:
    texts = [text for texts in hints_of(room).values() for text in texts]
    lines = [_wrapped(line) for text in texts for line in text.split("\n")]
    assert max(len(shown) for line in lines for shown in line.split("\n")) < 80
