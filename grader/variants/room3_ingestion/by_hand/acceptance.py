"""From documents to events: every reading is judged for itself."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.contracts.benches.ingestion import Refused, Submission
from shared.contracts.facts import Fact
from shared.contracts.messages import SCHEMA_VERSION, Event
from shared.contracts.ports import Clock, Telemetry
from shared.contracts.settings import ApiSettings

from .normalisation import FIRST_SCHEMA, is_old, modernise, normalise
from .plausibility import refuse_absurd
from .readings_in import examine

TRACEPARENT: Final = re.compile(
    r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z", re.ASCII
)
"""W3C Trace Context, version 00."""


def is_sampled(traceparent: str) -> bool:
    """Return whether the last bit of the flags asks for spans."""
    return traceparent.endswith(tuple("13579bdf"))


class Acceptance:
    """Makes events of documents, by the clock of the moment."""

    def __init__(self, settings: ApiSettings, clock: Clock, telemetry: Telemetry) -> None:
        self._tolerance_s = settings.future_tolerance_s
        self._clock = clock
        self._telemetry = telemetry

    def accept(self, document: object, text: str) -> Event:
        """Return the event that one document becomes; Refused(422) says why it can't."""
        at, latest = self._clock.wall(), self._latest()
        return self._judged(document, text, at, latest)

    def accept_all(
        self, documents: Sequence[object], texts: Sequence[str]
    ) -> list[Event | Refused]:
        """Return an event or the refusal for each document, in order.

        One by one: fast enough for a thousand.
        """
        at, latest = self._clock.wall(), self._latest()
        found: list[Event | Refused] = []
        for place, document in enumerate(documents):
            try:
                found.append(self._judged(document, texts[place], at, latest))
            except Refused as refused:
                found.append(refused)
        return found

    def _judged(self, document: object, text: str, at: datetime, latest: datetime) -> Event:
        version = SCHEMA_VERSION
        if isinstance(document, dict) and is_old(document):
            document, version = modernise(document), FIRST_SCHEMA
            self._telemetry.measure(Fact.OLD_SCHEMA)
        return self._event(examine(document), text, at, latest, version)

    def _event(
        self,
        reading: Submission,
        text: str,
        at: datetime,
        latest: datetime,
        version: int = SCHEMA_VERSION,
    ) -> Event:
        trace = self._trusted(reading.metadata.traceparent if reading.metadata else None)
        event = normalise(reading, at, text, traceparent=trace, schema_version=version)
        refuse_absurd(event, latest)
        return event

    def _trusted(self, sent: str | None) -> str:
        """Return the trace to store: the sender's where it is valid, else a new one.

        What isn't sampled is only carried on; where spans are kept, ours is a child.
        """
        if sent is None or not TRACEPARENT.match(sent):
            return self._telemetry.trace()
        return self._telemetry.trace(sent) if is_sampled(sent) else sent

    def _latest(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._clock.tolerance(self._tolerance_s))
