"""What each task makes, in one line."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from shared.contracts.benches.bus import Payload
from shared.language import _

from ..breaker import make_breaker
from ..filters import matches
from ..outbox import open_outbox
from ..payload import BUDGET_BYTES, encode_payload, payload_budget
from ..reception import receive
from ..retry import full_jitter
from ..topics import build_topic

TOPIC = ("DEVICE-001", "TEMP-001", "temperature")
MOMENT = datetime(2025, 1, 15, 10, 30, 45, 123_000, tzinfo=UTC)


def stops() -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield each task's id and what shows it."""
    yield "2.1", lambda: build_topic(*TOPIC)
    yield "2.2", _filters
    yield "2.3", _payload
    yield "2.4", _jitter
    yield "2.5", _outbox
    yield "2.6", _poison
    yield "2.7", _breaker


def _filters() -> str:
    pairs = (("sport/#", "sport"), ("sport/+", "sport"), ("#", "$SYS/load"))
    answers = (
        f"{wanted} {'✓' if matches(wanted, topic) else '✗'} {topic}" for wanted, topic in pairs
    )
    return "   ".join(answers)


def _payload() -> str:
    topic = "aiot-academy/" + "/".join(TOPIC)
    data = encode_payload(Payload(TOPIC[1], TOPIC[2], 22.3, MOMENT, "celsius"))
    size = payload_budget(data, topic)
    told = _("{json}  {size} of {budget} bytes on the wire")
    return told.format(json=data.decode(), size=size, budget=BUDGET_BYTES)


def _jitter() -> str:
    pauses = (full_jitter(attempt, 0.1, 3.0) for attempt in range(7))
    return _("pauses of {pauses} s").format(pauses=", ".join(f"{one:.2f}" for one in pauses))


def _outbox() -> str:
    with tempfile.TemporaryDirectory() as folder:
        outbox = open_outbox(str(Path(folder) / "outbox-tour.db"), 2, "tour")
        try:
            outbox.add([(f"msg-{number}", "topic", b"") for number in range(3)], 0.0)
            found = outbox.progress()
        finally:
            outbox.close()
    told = _("offered {offered} to an outbox for 2: made {made}, refused {refused}")
    return told.format(offered=found.offered, made=found.made, refused=found.refused)


def _poison() -> str:
    poison = (
        b'{"sensor_id":"TEMP-001","temperature":1e400,"timestamp":"2025-01-15T10:30:45Z",'
        b'"unit":"celsius"}'
    )
    found = receive("aiot-academy/" + "/".join(TOPIC), poison, {})
    return _("a dead letter: {reason}").format(reason=found.reason)


def _breaker() -> str:
    now = 0.0
    breaker = make_breaker(2, 1.0, lambda: now)
    states = [breaker.state]
    for step in (breaker.failed, breaker.failed):
        step()
        states.append(breaker.state)
    now = 1.0
    states.append(breaker.state)
    breaker.succeeded()
    return " → ".join([*states, breaker.state])
