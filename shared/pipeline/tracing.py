"""Joins the spans of all processes: one reading from sensor to alert, time by time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a reading spent in a part: Unix seconds, wall clock."""

    role: str
    name: str
    start_s: float
    end_s: float


def timeline(folder: Path, trace_id: str) -> list[Span]:
    """Return the spans of a trace in all `spans-*.jsonl` of `folder`, by their start.

    A line that is still being written, or broken, is passed over.
    """
    found = [
        Span(str(one["role"]), str(one["name"]), float(one["start_s"]), float(one["end_s"]))
        for path in sorted(folder.glob("spans-*.jsonl"))
        for one in _lines(path, trace_id)
    ]
    return sorted(set(found), key=lambda span: (span.start_s, -span.end_s))


def sampled_traces(folder: Path, limit: int) -> list[str]:
    """Return the ids of the newest traces that were followed closely, newest first."""
    newest: dict[str, float] = {}
    for path in folder.glob("spans-*.jsonl"):
        for one in _lines(path, ""):
            trace = str(one["trace_id"])
            newest[trace] = max(newest.get(trace, 0.0), float(one["end_s"]))
    return sorted(newest, key=newest.__getitem__, reverse=True)[:limit]


def _lines(path: Path, wanted: str) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if wanted not in line:
                    continue
                try:
                    one = json.loads(line)
                    fine = isinstance(one, dict) and {"trace_id", "start_s", "end_s"} <= set(one)
                except ValueError:
                    continue
                if fine and (not wanted or one["trace_id"] == wanted):
                    yield one
    except OSError:
        return
