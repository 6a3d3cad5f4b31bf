"""Room 5, the checks that you can read. `./academy check 5` runs them."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import inf, isnan, log, nan
from typing import Any

from grader.evidence import expect, expect_between, expect_close, expect_refused, expect_that, task
from grader.line import Served
from grader.sandbox import Sandbox
from shared.contracts.messages import Alert, Truth

DAY = 24
HOUR = 3_600_000
MAY = datetime(2025, 5, 1, tzinfo=UTC)
ALONE = [[-1, -1]]
FEATURES = ("change", "relative", "change_before", "relative_before", "around", "season")


def known(room: Any, last: Sequence[float], near: Sequence[Sequence[int]] = ALONE) -> Any:
    """Return the features, by name, of a sensor that said 20 for two days, and `last` after it."""
    window = [[20.0] * len(near)] * (2 * DAY - len(last)) + [[value] * len(near) for value in last]
    return dict(zip(FEATURES, room.known(window, near, DAY)[0], strict=False))


@task("5.1")
def test_a_change_over_a_gap_is_a_slot(room: Any) -> None:
    """A change over a gap is divided by its length."""
    did = "A sensor said 20, 20, nothing, 26; its change:"
    expect_close(known(room, [20.0, nan, 26.0])["change"], 3.0, did, within=1e-9)


@task("5.1")
def test_a_long_gap_stays_unknown(room: Any) -> None:
    """After a gap of more than four slots the change is unknown."""
    found = known(room, [nan, nan, nan, nan, 26.0])["change"]
    did = "A sensor said 20, nothing for four slots, then 26; its change:"
    expect_that(isinstance(found, float) and isnan(found), did, "NaN", found)


@task("5.1")
def test_neighbours_that_agree_are_believed(room: Any) -> None:
    """A change that two neighbours don't share counts as far as both say."""
    window = [[20.0] * 3] * (2 * DAY - 1) + [[26.0, 21.0, 23.0]]
    found = room.known(window, [[1, 2], [-1, -1], [-1, -1]], DAY)[0][1]
    did = "A sensor rose by 6, its two neighbours by 1 and 3; its change against them:"
    expect_close(found, 3.0, did, within=1e-9)


@task("5.2")
def test_baselines_come_first(room: Any) -> None:
    """The baselines say what was."""
    found = room.simple([[float(slot)] for slot in range(14 * DAY)], DAY)
    did = "Asked for the baselines of the hours 0 to 335, numbered; the first and last of"
    for name, first, last in (
        ("persistence", 335.0, 335.0),
        ("day", 312.0, 335.0),
        ("week", 168.0, 191.0),
    ):
        ends = [found[name][0][0], found[name][23][0]]
        expect(ends, [first, last], f"{did} {name}:")


@task("5.2")
def test_an_origin_has_a_day_behind_it(room: Any) -> None:
    """Origins roll from the split on, as long as 24 slots follow."""
    found = [origin for _learnt, origin in room.origins(130, 103)]
    expect(found, [103, 104, 105], "Asked for the origins of 130 slots split at 103.")


@task("5.2")
def test_too_few_residuals_promise_nothing(room: Any) -> None:
    """An interval of 90 % needs nine residuals at least."""
    expect(room.radius([1.0] * 8, 0.9), inf, "Asked for the radius of 8 residuals of 1 at 0.9.")
    found = room.radius([1.0, -5.0, *[2.0] * 7], 0.9)
    expect(found, 5.0, "Asked for the radius of 1, −5 and seven times 2 at 0.9.")


@task("5.3")
def test_a_jump_has_two_witnesses(room: Any) -> None:
    """A jump counts as far as the sensor and its neighbours say alike."""
    row = dict.fromkeys(("change", "relative", "change_before", "relative_before"), 0.0)
    row |= dict.fromkeys(("around", "season", "season_day", "forest", "days", "weeks"), 0.0)
    (found,) = room.evidence([{**row, "change": 6.0, "relative": 5.0}])
    expect(found["jump"], 5.0, "A change of 6, of 5 against the neighbours; the jump:")


@task("5.3")
def test_a_threshold_follows_the_tail(room: Any, rng: random.Random) -> None:
    """A threshold is exceeded as rarely as was asked for."""
    (found,) = room.tail([rng.expovariate(1.0) for _ in range(4000)], [1e-4])
    did = "Counted 4,000 scores with an exponential tail; the threshold for 0.0001:"
    expect_between(found, 0.7 * log(1e4), 1.3 * log(1e4), did)


@task("5.3")
def test_an_event_is_found_once(room: Any) -> None:
    """A fault is one event, however many alerts it has."""
    hours = [MAY + timedelta(hours=n) for n in range(30)]
    alerts = [
        Alert(
            f"alert-{n}", "A", "A-t", "temperature", "stuck", "warning", hours[n], None,
            20.0, None, 1.5, "", None, 0, None,
        )
        for n in (3, 9)
    ]  # fmt: skip
    truth = Truth("A", "A-t", "stuck", hours[0], hours[24], 0.0)
    score = room.score_events(alerts, [truth])["stuck"]
    found = (score.events, score.found, score.alerts, score.true_alerts)
    expect(found, (1, 1, 2, 2), "Two alerts in one fault: events, found, alerts, true ones.")


@task("5.4")
def test_an_incident_is_told_twice(room: Any) -> None:
    """An incident is told when it opens and when it is over, and not between."""
    book = room.make_book("A")
    told = []
    for hour, strength in enumerate([0.9, 1.1, 0.8, 1.4, 0.2, 0.1]):
        news = book.report("stuck", strength, hour * HOUR, hour * HOUR)
        told.append("-" if news is None else "open" if news.resolved_ms is None else "over")
    did = "Reported stuck with 0.9, 1.1, 0.8, 1.4, 0.2 and 0.1, an hour apart; what was said:"
    expect(told, ["-", "open", "-", "-", "over", "-"], did)


@task("5.5")
def test_a_model_comes_back(room: Any, sandbox: Sandbox) -> None:
    """What was saved can be loaded; what was altered can't."""
    folder = sandbox.place("shown")
    room.saved(folder, "v1", {"error": 1.5}, MAY, 1.5)
    expect(room.registry(folder).load("v1"), {"error": 1.5}, "Saved a model and loaded it.")
    sandbox.kill()
    sandbox.put("shown/v1/model.skops", b"something else")
    registry = sandbox.open().open().registry(folder)
    did = "Wrote something else into the model's file, and loaded it."
    expect_refused(lambda: registry.load("v1"), did, kind="TamperedModel")


@task("5.6")
def test_the_same_is_no_drift(room: Any, rng: random.Random) -> None:
    """The index of values beside themselves is 0, and large where they have moved."""
    values = [rng.gauss(0, 1) for _ in range(500)]
    found = room.index(values, values)
    expect_close(found, 0.0, "Compared values with themselves.", within=1e-9)
    found = room.index(values, [value + 2 for value in values])
    expect_between(found, 1.0, 20.0, "Compared values with those two deviations higher.")


class Silent:
    """Telemetry that keeps nothing."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Write no line."""

    def measure(self, fact: object, value: float = 1.0, **labels: str) -> None:
        """Record nothing."""


@task("5.7")
def test_somebody_always_answers(room: Any) -> None:
    """If the model fails the last values are the answer, and it says so."""

    def answers(window: list[list[float]], _neighbours: object, _day: int) -> object:
        return [[value + 1 for value in window[-1]]] * 24

    def fails(_window: object, _neighbours: object, _day: int) -> object:
        raise RuntimeError("no forecast today")

    telemetry = Served(Silent(), frozenset({"event", "measure"}))
    question = ([[1.0, 5.0], [2.0, 6.0]], [[-1], [-1]], DAY)
    for model, told, who, wanted in (
        (answers, "forecasts one more", "model", [3.0, 7.0]),
        (fails, "raises", "fallback", [2.0, 6.0]),
    ):
        made = room.service(telemetry, 60.0, (model, False))
        ((values, source, reason, _late),), _windows = room.answers(made, "single", [question])
        did = f"Asked a service whose model {told}, of sensors that now say 2 and 6;"
        expect(source, who, f"{did} who answered:")
        expect(values, [wanted] * 24, f"{did} the answer:")
    expect_that(reason != "", f"{did} the reason:", "a reason", reason)
