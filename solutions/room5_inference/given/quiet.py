"""Telemetry for a program that runs alone: warnings to standard error, the rest to nobody."""

import sys

from shared.contracts.facts import Fact


class Quiet:
    """Keeps the last facts, for whoever wants to look."""

    def __init__(self) -> None:
        self.facts: list[tuple[Fact, float, dict[str, str]]] = []

    def event(self, level: str, name: str, **context: object) -> None:
        """Print a warning or an error."""
        if level in {"warning", "error"}:
            words = " ".join(f"{key}={value}" for key, value in context.items())
            sys.stderr.write(f"{level}: {name} {words}\n")

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Keep a fact, the last thousand of them."""
        self.facts = [*self.facts[-999:], (fact, value, labels)]

    def trace(self, traceparent: str | None = None) -> str:
        """Return what was given: nobody follows a reading here."""
        return traceparent or ""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Forget it."""
