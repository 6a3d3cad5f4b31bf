"""The grader's own bench: it measures and says so; how fast it is depends on the machine."""

from contextlib import ExitStack

import pytest

from grader.benchmark import Measure
from grader.walls import bubblewrap

pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")


@pytest.mark.slow
def test_ratios_and_memory_are_measured() -> None:
    said: list[str] = []
    with ExitStack() as stack:
        measured = Measure(stack, said.append, repeats=1)
        figures = [*measured.one(), *measured.many(3), *measured.student(), *measured.memory(6)]
    assert [f.name for f in figures if f.met is None and not f.text.endswith(" s")] == []
    assert sum(f.met is not None for f in figures) == 4
    assert said
