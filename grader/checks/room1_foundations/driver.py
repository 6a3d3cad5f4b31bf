"""Drives Room 1 inside the worker: builds, passes on, and hands back what came."""

from collections.abc import Iterator
from itertools import islice
from typing import Any


def first(_room: Any, stream: Iterator[Any], count: int) -> list[Any]:  # noqa: ANN401
    """Return the first `count` items of what the room yields, in one answer."""
    return list(islice(stream, count))
