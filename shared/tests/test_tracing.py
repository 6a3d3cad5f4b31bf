"""The way of one reading, joined from the span files of all processes."""

import json
from pathlib import Path

from shared.pipeline.tracing import Span, sampled_traces, timeline

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "b" * 32


def span(role: str, name: str, start_s: float, end_s: float, trace: str = TRACE) -> str:
    """Return a line as a process writes it."""
    told = {"trace_id": trace, "span_id": "c" * 16, "name": name, "role": role}
    return json.dumps({**told, "start_s": start_s, "end_s": end_s}) + "\n"


def keep(folder: Path, role: str, *lines: str) -> None:
    """Write the spans of a process."""
    (folder / f"spans-{role}.jsonl").write_text("".join(lines), encoding="utf-8")


def test_a_way_is_told_in_the_order_of_time_whoever_wrote_it(tmp_path: Path) -> None:
    """The files' names are in another order; what holds the rest comes before what it holds."""
    keep(tmp_path, "api", span("api", "store", 2.5, 3.0), span("api", "request", 2.5, 4.0))
    keep(tmp_path, "device", span("device", "sense", 1.0, 1.5))
    assert timeline(tmp_path, TRACE) == [
        Span("device", "sense", 1.0, 1.5),
        Span("api", "request", 2.5, 4.0),
        Span("api", "store", 2.5, 3.0),
    ]


def test_another_trace_is_no_part_of_it(tmp_path: Path) -> None:
    """Nor is one whose span only mentions the id."""
    strange = span("api", f"about {TRACE}", 1.0, 2.0, OTHER)
    keep(tmp_path, "api", strange, span("api", "store", 3.0, 4.0))
    assert timeline(tmp_path, TRACE) == [Span("api", "store", 3.0, 4.0)]


def test_a_line_in_the_making_or_broken_hides_no_other(tmp_path: Path) -> None:
    """A process that was killed leaves half a line; the others still tell theirs."""
    good = span("stream", "window", 1.0, 2.0)
    keep(tmp_path, "stream", f'["{TRACE}"]\n', f'{{"trace_id": "{TRACE}"}}\n', good, good[:40])
    (tmp_path / "spans-api.jsonl").write_bytes(b"\xff\xfe" + TRACE.encode() + b"\n")
    assert timeline(tmp_path, TRACE) == [Span("stream", "window", 1.0, 2.0)]


def test_a_reading_that_came_twice_in_the_same_span_is_told_once(tmp_path: Path) -> None:
    """The same line twice is one span."""
    keep(tmp_path, "gateway", *[span("gateway", "forward", 1.0, 2.0)] * 2)
    assert len(timeline(tmp_path, TRACE)) == 1


def test_without_any_file_there_is_no_way_and_no_error(tmp_path: Path) -> None:
    """Before the first reading, and in a folder that isn't there yet."""
    assert timeline(tmp_path, TRACE) == timeline(tmp_path / "none", TRACE) == []


def test_the_newest_traces_come_first(tmp_path: Path) -> None:
    """By the end of their last span, in whichever process that was."""
    keep(
        tmp_path,
        "device",
        span("device", "sense", 1.0, 1.5),
        span("device", "sense", 2.0, 2.5, OTHER),
    )
    keep(tmp_path, "api", span("api", "store", 3.0, 3.5))
    assert sampled_traces(tmp_path, 5) == [TRACE, OTHER]
    assert sampled_traces(tmp_path, 1) == [TRACE]
