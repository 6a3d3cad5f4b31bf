"""What is said of one reading: stored, or why not."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.identifiers import iso_utc
from shared.contracts.messages import Appended, AppendOutcome, ItemAnswer
from shared.contracts.todo import Todo
from shared.language import _

from .limits import wait_header

STATUS: Final[Mapping[AppendOutcome, int]] = MappingProxyType(
    {AppendOutcome.CREATED: 201, AppendOutcome.DUPLICATE: 200, AppendOutcome.CONFLICT: 409}
)
"""What the log's outcome is over HTTP."""


def success_of(stored: Appended) -> dict[str, str]:
    """Return the architecture's answer; `timestamp` is the wall clock's at storing."""
    # task 3.3: status, message_id, timestamp
    raise Todo("3.3")


def verdict_of(answer: ItemAnswer) -> dict[str, object]:
    """Return one item of a batch's answer."""
    return {"status": answer.status, "message_id": answer.message_id, "detail": answer.detail}


def too_many(device_id: str, wait_s: float) -> Refused:
    """Return the 429 of a reading over its device's budget."""
    detail = _("{device} sends faster than it may: wait, then send it again.")
    return Refused(429, detail.format(device=device_id), headers=wait_header(wait_s))


def taken(message_id: str) -> Refused:
    """Return the 409 of a reading whose id is taken by another."""
    expected = _("an id of its own for each reading")
    fault = Fault("message_id", message_id, expected)
    return Refused(409, _("This device used this id for another reading."), (fault,))


def answered(stored: Appended) -> ItemAnswer:
    """Return the verdict on an item that reached the log."""
    if stored.outcome is AppendOutcome.CONFLICT:
        return ItemAnswer(409, stored.message_id, taken(stored.message_id).detail)
    return ItemAnswer(STATUS[stored.outcome], stored.message_id)


def refused_item(refused: Refused) -> ItemAnswer:
    """Return the verdict on an item that didn't reach the log: its faults in one line."""
    faults = "; ".join(
        _("{field}: expected {expected}, got {got}").format(
            field=fault.field, expected=fault.expected, got=fault.got
        )
        for fault in refused.faults
    )
    return ItemAnswer(refused.status, None, f"{refused.detail} {faults}".rstrip())
