"""A changed module, and the checks that could notice: never one too few."""

from pathlib import Path

import pytest

from grader.footprints import IMPORT, Tracing, reaching

SOURCE = """\
LIMIT = 3
NAMES = (LIMIT,)


def far(n, step=1):
    if n > LIMIT:
        return -1
    total = 0
    for _ in range(n):
        total += step
    return total


def near(n):
    return n - 1


def lazy(n):
    yield n
"""


@pytest.fixture
def tracing(tmp_path: Path) -> Tracing:
    (tmp_path / "it.py").write_text(SOURCE)
    return Tracing(tmp_path)


def marks(tracing: Tracing, *changes: tuple[str, str]) -> set[int] | None:
    text = SOURCE
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return tracing.touched("it.py", text)


def test_a_change_touches_where_it_stands(tracing: Tracing) -> None:
    inner = marks(tracing, ("total += step", "total -= step"))
    outer = marks(tracing, ("n > LIMIT", "n >= LIMIT"))
    other = marks(tracing, ("return n - 1", "return n"))
    assert inner
    assert outer
    assert other
    assert not inner & outer
    assert not outer & other


def test_what_is_equal_touches_nothing(tracing: Tracing) -> None:
    assert marks(tracing, ("total = 0", "total = 0  # still")) == set()


def test_a_name_made_local_touches_the_whole_function(tracing: Tracing) -> None:
    made_local = marks(tracing, ("total += step", "LIMIT = total = step"))
    assert made_local == marks(tracing, ("n > LIMIT", "n >= LIMIT"))


def test_what_runs_at_import_touches_everything(tracing: Tracing) -> None:
    assert marks(tracing, ("def near", "def nearby")) is None
    assert marks(tracing, ("LIMIT = 3", "LIMIT = 4")) is None  # NAMES is made of it
    assert marks(tracing, ("    yield n", "    return n")) is None
    assert marks(tracing, ("return total", "return (")) is None


def test_a_variable_of_the_module_touches_its_users(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(SOURCE.replace("NAMES = (LIMIT,)\n", ""))
    tracing = Tracing(tmp_path)
    text = SOURCE.replace("NAMES = (LIMIT,)\n", "")
    found = tracing.touched("it.py", text.replace("LIMIT = 3", "LIMIT = 4"))
    assert found == tracing.touched("it.py", text.replace("n > LIMIT", "n >= LIMIT"))


def test_only_those_who_reach_it_are_asked() -> None:
    walked = {IMPORT: frozenset({0}), "one": frozenset({1}), "two": frozenset({1, 2})}
    assert reaching(walked, {2}, ["one", "two", "new"]) == ["two", "new"]
    assert reaching(walked, {0}, ["one", "two"]) == ["one", "two"]
    assert reaching(walked, None, ["one", "two"]) == ["one", "two"]
    assert reaching(walked, set(), ["one", "two"]) == []
