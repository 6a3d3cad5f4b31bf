"""Answers, pauses and the breaker."""

import random
import threading
from collections.abc import Sequence

import pytest

from shared.contracts.facts import Fact
from shared.contracts.messages import Answer, ItemAnswer
from shared.contracts.ports import DoorUnreachable
from solutions.room2_mqtt import fate_of, full_jitter, make_breaker, split
from solutions.room2_mqtt.posting import Postman, Stopped
from solutions.room2_mqtt.retry import Body, Outcome
from solutions.tests.room2_mqtt.doubles import Api, Tale


def bodies(*values: float) -> list[Body]:
    """Return bodies whose ids are their values."""
    return [{"message_id": f"msg-{value}", "value": value} for value in values]


def deliver(api: Api, *values: float, tale: Tale | None = None) -> list[Outcome]:
    """Deliver a batch to `api`."""
    return Postman(api, tale or Tale(), threading.Event()).deliver(bodies(*values))


@pytest.mark.parametrize("attempt", [0, 1, 2, 5, 40, 5_000])
def test_jitter_fills_the_whole_interval_up_to_its_bound(attempt: int) -> None:
    chance = random.Random(1)
    bound = min(3.0, 0.1 * 2.0 ** min(attempt, 40))
    pauses = [full_jitter(attempt, 0.1, 3.0, chance.uniform) for _draw in range(2_000)]
    assert 0.0 <= min(pauses) < 0.02 * bound
    assert 0.98 * bound < max(pauses) <= bound
    assert abs(sum(pauses) / len(pauses) / bound - 0.5) < 0.03


def test_two_who_lost_the_same_broker_do_not_come_back_together() -> None:
    assert full_jitter(5, 0.1, 3.0) != full_jitter(5, 0.1, 3.0)


@pytest.mark.parametrize(
    ("fate", "statuses"),
    [
        ("stored", [200, 201, 202]),
        ("dead", [400, 403, 409, 413, 422]),
        ("later", [429]),
        ("retry", [401, 404, 408, 500, 502, 503, 504, 0, 302]),
    ],
)
def test_the_table_of_answers(fate: str, statuses: Sequence[int]) -> None:
    assert [fate_of(status) for status in statuses] == [fate] * len(statuses)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 500])
def test_a_split_batch_is_the_same_batch(size: int) -> None:
    halves = split(bodies(*range(size)))
    assert [one for half in halves for one in half] == bodies(*range(size))
    assert all(halves)
    assert max(map(len, halves)) - min(map(len, halves)) <= 1


def test_the_breaker_opens_half_opens_and_closes() -> None:
    now = 100.0
    breaker = make_breaker(3, 5.0, lambda: now)
    for _failure in range(2):
        breaker.failed()
    breaker.succeeded()
    for _failure in range(2):
        breaker.failed()
    assert (breaker.state, breaker.allows()) == ("closed", True)
    breaker.failed()
    assert (breaker.state, breaker.allows()) == ("open", False)
    now += 4.99
    assert not breaker.allows()
    now += 0.01
    assert breaker.state == "half open"
    assert [breaker.allows() for _ask in range(3)] == [True, False, False]
    breaker.failed()
    now += 4.9
    assert not breaker.allows()
    now += 0.1
    assert breaker.allows()
    breaker.succeeded()
    assert (breaker.state, breaker.allows()) == ("closed", True)


def test_a_lost_trial_is_followed_by_another() -> None:
    now = 0.0
    breaker = make_breaker(1, 5.0, lambda: now)
    breaker.failed()
    now = 5.0
    assert breaker.allows()
    now = 10.0  # nobody said what became of it
    assert breaker.allows()


def test_each_item_has_its_own_fate() -> None:
    api = Api(status_of={1.0: 422, 2.0: 429, 3.0: 409, 4.0: 403})
    outcomes = deliver(api, 0.0, 1.0, 2.0, 3.0, 4.0)
    assert [one.fate for one in outcomes] == ["stored", "dead", "later", "dead", "dead"]
    assert outcomes[1].detail == "said 422"
    assert outcomes[2].retry_after_s == 0.2
    assert len(api.batches) == 1


def test_a_token_is_renewed_once_and_the_batch_goes_again() -> None:
    api = Api(answers=[Answer(401)])
    assert [one.fate for one in deliver(api, 0.0, 1.0)] == ["stored", "stored"]
    assert (api.renewed, len(api.batches)) == (1, 2)


def test_nothing_dies_of_a_gateway_without_rights() -> None:
    api = Api(answers=[Answer(401), Answer(401), Answer(403), Answer(404), Answer(409)])
    assert [one.fate for one in deliver(api, 0.0)] == ["stored"]


def test_a_batch_that_is_too_large_is_split_until_it_fits() -> None:
    class Small(Api):
        def send(self, items: Sequence[Body]) -> Answer:
            return Answer(413) if len(items) > 2 else super().send(items)

    api = Small()
    assert [one.fate for one in deliver(api, *range(7))] == ["stored"] * 7
    assert api.order == [0, 1, 2, 3, 4, 5, 6]


def test_one_spoilt_reading_takes_nobody_else_with_it() -> None:
    class Strict(Api):
        def send(self, items: Sequence[Body]) -> Answer:
            spoilt = any(item["value"] == 3 for item in items)
            return Answer(422, detail="no threes") if spoilt else super().send(items)

    outcomes = deliver(Strict(), *range(8))
    assert [one.fate for one in outcomes] == ["stored"] * 3 + ["dead"] + ["stored"] * 4
    assert outcomes[3] == Outcome("dead", 422, "no threes")


def test_a_single_reading_that_is_too_large_is_dead() -> None:
    assert deliver(Api(answers=[Answer(413, detail="too large")]), 0.0) == [
        Outcome("dead", 413, "too large")
    ]


def test_a_flood_is_told_later_and_not_repeated_here() -> None:
    api = Api(answers=[Answer(429, retry_after_s=7.0)])
    assert [(one.fate, one.retry_after_s) for one in deliver(api, 0.0, 1.0)] == [("later", 7.0)] * 2
    assert len(api.batches) == 1


def test_only_what_is_not_settled_is_asked_again() -> None:
    first = Answer(200, tuple(ItemAnswer(status, None) for status in (201, 503, 422, 500)))
    second = Answer(200, (ItemAnswer(503, None), ItemAnswer(200, None)))
    api = Api(answers=[first, second])
    outcomes = deliver(api, 0.0, 1.0, 2.0, 3.0)
    assert [one.fate for one in outcomes] == ["stored", "stored", "dead", "stored"]
    assert [[item["value"] for item in batch] for batch in api.batches] == [
        [0.0, 1.0, 2.0, 3.0], [1.0, 3.0], [1.0],
    ]  # fmt: skip


def test_an_api_that_is_away_is_waited_for_behind_the_breaker() -> None:
    tale = Tale()
    away: list[Answer | Exception] = [
        DoorUnreachable("timed out"),
        Answer(503),
        Answer(500),
        Answer(200),
        Answer(502),
    ]
    away.append(Answer(200, (ItemAnswer(503, None),)))
    assert [one.fate for one in deliver(Api(answers=away), 0.0, tale=tale)] == ["stored"]
    states = tale.of(Fact.BREAKER_STATE)
    assert states[:4] == [0.0] * 4
    assert states[4:] == [2.0, 2.0, 0.0]
    assert sum("api_away" in line for line in tale.events) == 6


def test_who_waits_for_the_api_can_be_told_to_stop() -> None:
    stop = threading.Event()
    postman = Postman(Api(away=True), Tale(), stop)
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(Stopped):
        postman.deliver(bodies(0.0))
