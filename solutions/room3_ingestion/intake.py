"""From bytes to the log: one reading, or a batch with a verdict for each."""

import time
from collections import Counter
from collections.abc import Sequence

from shared.contracts.benches.ingestion import Refused
from shared.contracts.facts import Fact
from shared.contracts.messages import Appended, AppendOutcome, Event, ItemAnswer, Principal
from shared.contracts.ports import IngestionParts, StoreUnavailable
from shared.contracts.settings import ApiSettings
from shared.contracts.todo import Todo

from .acceptance import Acceptance, is_sampled
from .given.access import Access
from .given.documents import parse_many, parse_one
from .limits import DeviceBudget
from .verdicts import answered, refused_item, taken, too_many
from .writing import Writer


class Intake:
    """The way of a reading through the door: examined, normalised, permitted, stored."""

    def __init__(self, settings: ApiSettings, parts: IngestionParts, access: Access) -> None:
        self._limit = settings.batch_limit
        self._telemetry = parts.telemetry
        self._access = access
        self._acceptance = Acceptance(settings, parts.clock, parts.telemetry)
        self._writer = Writer(parts.log)
        self._budget = DeviceBudget(settings.device_rate, settings.device_burst)

    async def one(self, body: bytes, principal: Principal) -> Appended:
        """Store the reading in `body`; return what the log says, `created` or `duplicate`.

        Raises Refused: 400, 401, 403, 409, 422 or 429; StoreUnavailable if the log does.
        """
        event = self._acceptance.accept(*parse_one(body))
        self._access.require(principal, "write", event.device_id)
        # task 3.3: take one from the device's budget, store, and tell a conflict
        # <solution>
        granted, wait_s = self._granted(event.device_id, 1)
        if not granted:
            raise too_many(event.device_id, wait_s)
        [stored] = await self._stored([event])
        if stored.outcome is AppendOutcome.CONFLICT:
            raise taken(stored.message_id)
        return stored
        # </solution>
        #: raise Todo("3.3")

    async def many(self, body: bytes, principal: Principal) -> tuple[list[ItemAnswer], float]:
        """Return a verdict on each reading of the array in `body`, in order, and a wait.

        Each gets the status that it alone would have got; the good ones are stored in one
        transaction. The wait is 0.0, or the seconds after which those with 429 may come again.
        Raises Refused(400 or 413) and StoreUnavailable for the whole.
        """
        # task 3.5: accept, permit, take from the budget, store, and answer in order
        # <solution>
        found = self._acceptance.accept_all(*parse_many(body, self._limit))
        found = self._permitted(found, principal)
        found, wait_s = self._affordable(found)
        events = [one for one in found if isinstance(one, Event)]
        stored = iter(await self._stored(events) if events else ())
        self.count_refused(len(found) - len(events))
        verdicts = [
            refused_item(one) if isinstance(one, Refused) else answered(next(stored))
            for one in found
        ]
        return verdicts, wait_s
        # </solution>
        #: raise Todo("3.5")

    def count_refused(self, count: int = 1) -> None:
        """Tell telemetry of readings that were not taken."""
        if count:
            self._telemetry.measure(Fact.READINGS_STORED, count, outcome="refused")

    def _permitted(
        self, found: Sequence[Event | Refused], principal: Principal
    ) -> list[Event | Refused]:
        """Return `found` with a refusal in place of what `principal` may not write."""
        # task 3.5: helper of the reference
        # <solution>
        verdicts: dict[str, Refused | None] = {}
        for device in {one.device_id for one in found if isinstance(one, Event)}:
            try:
                self._access.require(principal, "write", device)
            except Refused as refused:
                verdicts[device] = refused
        if not verdicts:
            return list(found)
        return [
            verdicts.get(one.device_id) or one if isinstance(one, Event) else one for one in found
        ]
        # </solution>
        #: raise Todo("3.5")

    def _affordable(self, found: Sequence[Event | Refused]) -> tuple[list[Event | Refused], float]:
        """Return `found` with a refusal in place of what is over a device's budget, and a wait."""
        # task 3.5: helper of the reference
        # <solution>
        wanted = Counter(one.device_id for one in found if isinstance(one, Event))
        grants = {device: self._granted(device, count) for device, count in wanted.items()}
        wait_s = max((wait for _granted, wait in grants.values()), default=0.0)
        if not wait_s:
            return list(found), 0.0
        left = {device: granted for device, (granted, _wait) in grants.items()}
        kept: list[Event | Refused] = []
        for one in found:
            if isinstance(one, Event):
                left[one.device_id] -= 1
                over = left[one.device_id] < 0
                kept.append(too_many(one.device_id, wait_s) if over else one)
            else:
                kept.append(one)
        return kept, wait_s
        # </solution>
        #: raise Todo("3.5")

    def _granted(self, device_id: str, wanted: int) -> tuple[int, float]:
        try:
            return self._budget.grant(device_id, wanted, time.monotonic())
        except Todo:  # until task 3.6 is done there is no limit, and the other tasks work
            return wanted, 0.0

    async def _stored(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Append, count the outcomes, and keep the time that sampled readings took."""
        start_s = time.time()
        try:
            stored = await self._writer.append(events)
        except StoreUnavailable:
            for device, count in Counter(event.device_id for event in events).items():
                self._budget.give_back(device, count)
            raise
        for outcome, count in Counter(one.outcome for one in stored).items():
            self._telemetry.measure(Fact.READINGS_STORED, count, outcome=outcome.value)
        end_s = time.time()
        for event in events:
            if event.traceparent is not None and is_sampled(event.traceparent):
                self._telemetry.span("api", event.traceparent, start_s, end_s)
        return stored
