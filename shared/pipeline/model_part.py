"""Reads the log behind everybody else and writes down what the model finds."""

import json
import time
from collections.abc import Sequence
from typing import Final

from shared.contracts.messages import LoggedEvent
from shared.contracts.ports import Model
from shared.database.findings import FindingsStore

from .exposure import expose
from .part import Part
from .patience import patiently

STRETCH: Final = 2_000
SNAPSHOT_EVERY: Final = 5_000


class Reader:
    """A model, the store of its findings, and how far both have come.

    Killed between two snapshots, it takes the same stretch again and writes the same rows: the
    model is a function of the log's order, and findings have ids of their own.
    """

    def __init__(self, part: Part, model: Model, store: FindingsStore) -> None:
        self._part = part
        self._model = model
        self._store = store
        self.position, snapshot = store.resume()
        self._kept = self.position
        if snapshot is not None:
            try:
                model.restore(snapshot)
            except ValueError as error:
                part.assembly.tally.event("warning", "model_starts_over", reason=str(error))
                self.position = self._kept = 0

    def take(self, events: list[LoggedEvent]) -> None:
        """Observe a stretch; commit findings, and a snapshot now and then."""
        start_s = time.time()
        findings = self._model.observe(events)
        self._follow(events, start_s)
        self.position = events[-1].position
        due = self.position - self._kept >= SNAPSHOT_EVERY
        if findings.forecasts or findings.alerts or due:
            now = self._part.assembly.clock.wall()
            state = self._model.snapshot() if due else None
            patiently(self._part, lambda: self._store.commit(self.position, findings, now, state))
        if due:
            self._kept = self.position

    def _follow(self, events: Sequence[LoggedEvent], start_s: float) -> None:
        """Leave a span for each reading whose trace is sampled (the flag is its last digit)."""
        end_s = time.time()
        for event in events:
            traceparent = event.event.traceparent
            if traceparent is not None and traceparent.endswith("1"):
                self._part.assembly.tally.span("model", traceparent, start_s, end_s)

    def keep(self) -> None:
        """Write a snapshot, so that the next start has nothing to repeat."""
        if self.position > self._kept:
            now = self._part.assembly.clock.wall()
            found = self._model.observe(())
            self._store.commit(self.position, found, now, self._model.snapshot())


def run(part: Part) -> None:
    """Follow the log until `stop`."""
    part.assembly.depend_on_log()
    log = part.assembly.storage.log
    model = part.assembly.model
    reader = Reader(part, model, FindingsStore(part.assembly.settings.storage.findings_url))
    expose(part)
    part.tell("ready", model=json.loads(json.dumps(dict(model.describe()), default=str)))
    while True:
        events = patiently(part, lambda: log.read(reader.position, STRETCH))
        if events:
            reader.take(list(events))
            part.tell(position=reader.position)
        elif part.stop.wait(0.1):
            reader.keep()
            return
