"""Room 7, the checks that you can read. `./academy check 7` runs them."""

import json
from typing import Any

from grader.evidence import expect, expect_close, expect_that, task
from grader.sandbox import Sandbox
from shared.contracts.facts import Fact

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@task("7.1")
def test_a_line_is_a_json_object(room: Any, sandbox: Sandbox) -> None:
    """Each event is one line of JSON with time, level, name and context."""
    path = sandbox.place("shown.log")
    room.written(path, "info", [("info", "stored", {"count": 3}), ("debug", "no", {})])
    lines = (sandbox.take("shown.log") or b"").decode().splitlines()
    did = "Wrote `stored` with count 3 at info, and a debug line, to a journal of level info."
    expect(len(lines), 1, f"{did} The lines:")
    found = json.loads(lines[0])
    expect((found["level"], found["event"], found["count"]), ("info", "stored", 3), did)
    expect_that(found["timestamp"].endswith("Z"), did, "a time with Z", found["timestamp"])


@task("7.1")
def test_a_password_is_masked(room: Any) -> None:
    """A secret is replaced by three stars."""
    found = room.masked({"password": "hunter2", "device": "box-1"})
    expect(found, {"password": "***", "device": "box-1"}, "Masked a password beside a name.")


@task("7.2")
def test_a_child_keeps_its_trace(room: Any) -> None:
    """A child has its parent's trace and an id of its own."""
    (child,) = room.children(PARENT, 0.0, 1)
    expect(child[:36], PARENT[:36], "Asked for a child of a sampled parent; version and trace:")
    expect_that(child[36:52] != PARENT[36:52], "Compared the ids.", "another id", child[36:52])
    expect(child[52:], "-01", "Read its flags.")


@task("7.3")
def test_counters_add_up(room: Any) -> None:
    """Counts of a fact are added."""
    told = [(Fact.READINGS_STORED, n, {"outcome": "created"}) for n in (3.0, 4.0)]
    text = room.exposed(told).decode()
    line = 'academy_readings_stored_total{outcome="created"} 7.0'
    did = "Measured 3 and 4 readings stored; the line of the exposition."
    found = [one for one in text.splitlines() if one.startswith("academy_readings_stored_total")]
    expect(found, [line], did)


@task("7.4")
def test_health_names_who_is_away(room: Any) -> None:
    """Ready means that all dependencies answered; each is named."""

    def away(_limit_s: float) -> None:
        raise OSError("disk full")

    found = room.ask({"log": away, "model": lambda _limit_s: None}, 1.0)
    did = "Asked a log that says `disk full`, and a model that is well."
    expect((found.live, found.ready), (True, False), did)
    expect(dict(found.dependencies), {"log": "disk full", "model": "ok"}, did)


@task("7.4")
def test_a_device_counts_once(room: Any) -> None:
    """A device that is told of twice counts once."""
    found = room.present([("a", True), ("a", True), ("b", True), ("a", False)])
    expect(found, [1, 1, 2, 1], "Births of a, a, b, then the will of a.")


@task("7.5")
def test_a_median_from_buckets(room: Any) -> None:
    """A quantile lies on a straight line within its bucket."""
    found = room.quantile([(0.1, 0), (0.2, 10), (0.4, 10), (float("inf"), 10)], 0.5)
    did = "Asked for the median of ten values between 0.1 and 0.2."
    expect_close(found, 0.15, did, within=1e-9)


@task("7.6")
def test_a_silent_model_is_nearly_always_right(room: Any) -> None:
    """Accuracy hides what precision and recall say."""
    found = room.score(0, 1, 0, 999)
    did = "Scored a model that never alerts, with one fault in a thousand readings."
    expect((found.precision, found.recall, found.accuracy), (None, 0.0, 0.999), did)


@task("7.7")
def test_each_panel_has_a_unit(room: Any) -> None:
    """Every panel says in which unit it counts."""
    for name, board in room.dashboards().items():
        for panel in board["panels"]:
            unit = panel["fieldConfig"]["defaults"].get("unit")
            expect_that(bool(unit), f"Read {name}, panel {panel['title']}.", "a unit", unit)
