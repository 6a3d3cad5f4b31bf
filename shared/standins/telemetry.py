"""A plain log and a trace file for telemetry: lines to read, nothing to ask."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from shared.contracts.facts import Fact
from shared.contracts.messages import Health
from shared.contracts.ports import Observability, TelemetryParts
from shared.contracts.settings import Settings


class PlainLog:
    """Telemetry and monitor in one: a file of lines, a file of spans, a few sums."""

    def __init__(self, settings: Settings, parts: TelemetryParts) -> None:
        folder = Path(settings.telemetry.folder)
        self._log = folder / f"{settings.role}.log"
        self._spans = folder / f"spans-{settings.role}.jsonl"
        self._role = settings.role
        self._dependencies = parts.dependencies
        self._sums: Counter[str] = Counter()
        self._traces = 0

    @property
    def telemetry(self) -> "PlainLog":
        """Return the reporting side."""
        return self

    @property
    def monitor(self) -> "PlainLog":
        """Return the reading side."""
        return self

    def event(self, level: str, name: str, **context: object) -> None:
        """Write a line."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        details = " ".join(f"{key}={value!r}" for key, value in context.items())
        _append(self._log, f"{moment} {level} {name} {details}".rstrip())

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Add the value to the fact's sum, whatever it means."""
        del labels
        self._sums[fact.value] += int(value)

    def trace(self, traceparent: str | None = None) -> str:
        """Pass on what came, or begin a trace; every fiftieth is sampled."""
        if traceparent is not None:
            return traceparent
        self._traces += 1
        sampled = "01" if self._traces % 50 == 1 else "00"
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{sampled}"

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Write a span of a sampled trace."""
        if not traceparent.endswith("-01"):
            return
        _version, trace, span, _flags = traceparent.split("-")
        found = {"trace_id": trace, "span_id": span, "name": name, "role": self._role}
        _append(self._spans, json.dumps({**found, "start_s": start_s, "end_s": end_s}))

    def exposition(self) -> bytes:
        """Return the sums."""
        lines = [f"academy_{name} {count}" for name, count in sorted(self._sums.items())]
        return ("\n".join([*lines, f"academy_time_seconds {time.time()}"]) + "\n").encode()

    def health(self) -> Health:
        """Say that all is well, without asking."""
        return Health(
            live=True, ready=True, dependencies=tuple((n, "ok") for n in self._dependencies)
        )

    def render(self, folder: str) -> Sequence[str]:
        """Render nothing."""
        del folder
        return []


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line.replace("\n", "\\n") + "\n")
    except OSError:
        return  # telemetry never stops what it reports on


def build(settings: Settings, parts: TelemetryParts) -> Observability:
    """Return the stand-in for Room 7."""
    return PlainLog(settings, parts)
