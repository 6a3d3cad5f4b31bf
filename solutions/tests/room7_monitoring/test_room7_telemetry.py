"""Logs that can't be forged, traces that can't be faked, metrics that can't be flooded."""

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.contracts.facts import Fact
from shared.contracts.ports import TelemetryParts
from shared.contracts.settings import Settings, TelemetrySettings
from shared.pipeline.clock import RunClock
from shared.pipeline.tracing import timeline
from solutions.room7_monitoring import (
    ask,
    build,
    make_metrics,
    make_presence,
    masked,
    next_traceparent,
    open_journal,
    parse_traceparent,
    quantile,
    score,
)
from solutions.room7_monitoring.health import Doctor
from solutions.room7_monitoring.journal import KEPT, LARGEST_BYTES

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Watched:
    """Counts how often somebody wants it as text."""

    def __init__(self) -> None:
        self.asked = 0

    def __str__(self) -> str:
        self.asked += 1
        return "watched"


def test_one_line_is_one_object_with_time_level_and_event(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path / "a.log"), "info")
    journal.event("info", "batch", readings=3, device="d1")
    journal.close()
    (line,) = lines_of(tmp_path / "a.log")
    assert str(line["timestamp"]).endswith("Z")
    assert {k: line[k] for k in ("level", "event", "readings", "device")} == {
        "level": "info",
        "event": "batch",
        "readings": 3,
        "device": "d1",
    }


def test_a_newline_or_an_escape_in_data_forges_nothing(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path / "a.log"), "info")
    journal.event("info", "seen", device='x\n{"level":"error","event":"forged"}', tone="\x1b[2J\r")
    journal.close()
    text = (tmp_path / "a.log").read_text(encoding="utf-8")
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\r" not in text


def test_no_word_of_a_device_is_mistaken_for_the_journals_own(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path / "a.log"), "info")
    journal.event("info", "Bearer hunter2.x.y", timestamp="1999", value=float("nan"))
    journal.close()
    text = (tmp_path / "a.log").read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert "1999" not in text
    assert '"value": "nan"' in text


def test_the_level_is_asked_before_anything_is_formatted(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path / "a.log"), "warning")
    thing = Watched()
    journal.event("info", "detail", thing=thing)
    assert thing.asked == 0
    journal.event("error", "detail", thing=thing)
    journal.close()
    assert thing.asked == 1


@pytest.mark.parametrize(
    "context",
    [
        {"password": "hunter2"},
        {"client_secret": "hunter2"},
        {"header": "Authorization: Bearer hunter2.x.y"},
        {"url": "postgresql://writer:hunter2@db/academy"},
        {"text": "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"},
        {"inner": {"api_key": "hunter2"}},
        {"many": ["ok", "bearer hunter2"]},
        {"token": "eyJhunter2.eyJhunter2.hunter2"},
        {"said": "it was eyJhunter2.eyJhunter2.hunter2 there"},
    ],
)
def test_a_secret_is_masked_by_its_name_and_by_its_look(context: Mapping[str, object]) -> None:
    assert "hunter2" not in str(masked(context))


def test_what_is_no_secret_stays_as_it_is() -> None:
    plain = {"readings": 3, "ok": True, "nothing": None, "age_s": 0.25, "device": "d1"}
    assert masked(plain) == plain


def test_the_journal_is_turned_over_and_a_folder_that_is_gone_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solutions.room7_monitoring.journal.LARGEST_BYTES", 2_000)
    journal = open_journal(str(tmp_path / "a.log"), "info")
    for number in range(400):
        journal.event("info", "line", number=number)
    journal.close()
    files = list(tmp_path.glob("a.log*"))
    assert len(files) == KEPT + 1
    assert sum(file.stat().st_size for file in files) < 2_000 * (KEPT + 2)
    assert LARGEST_BYTES > 2_000
    gone = open_journal(str(tmp_path / "nowhere" / "a.log"), "info")
    gone.event("error", "still_alive")


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-00", True),
        (f"00-{TRACE}-{PARENT}-ff", True),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", True),
        (f"cc-{TRACE}-{PARENT}-01", True),
        (f"cc-{TRACE}-{PARENT}-01.what", False),
        (f"00-{TRACE}-{PARENT}-01-more", False),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        (f"00-{TRACE[1:]}-{PARENT}-01", False),
        (f" 00-{TRACE}-{PARENT}-01", False),
        (f"00-{TRACE}-{PARENT}-01\n", False),
        (f"00-{TRACE}-{PARENT}-1", False),
        (f"00-{TRACE}-{PARENT}", False),
        ("", False),
        ("\u0660\u0660-" + TRACE + "-" + PARENT + "-01", False),
    ],
)
def test_a_traceparent_is_looked_at_before_it_is_believed(text: str, *, valid: bool) -> None:
    assert (parse_traceparent(text) is not None) is valid


def test_a_child_keeps_its_trace_and_a_bad_parent_is_replaced() -> None:
    child = parse_traceparent(next_traceparent(f"00-{TRACE}-{PARENT}-01", 0.0))
    assert child is not None
    assert (child.trace_id, child.sampled) == (TRACE, True)
    assert child.parent_id != PARENT
    new = parse_traceparent(next_traceparent(f"00-{'0' * 32}-{PARENT}-01", 0.0))
    assert new is not None
    assert new.trace_id not in {TRACE, "0" * 32}
    assert not new.sampled


def test_the_share_that_is_followed_is_the_one_asked_for() -> None:
    found = [next_traceparent(None, 0.1).endswith("01") for _n in range(5_000)]
    assert 350 < sum(found) < 650
    assert not any(next_traceparent(None, 0.0).endswith("01") for _n in range(200))
    assert all(next_traceparent(None, 1.0).endswith("01") for _n in range(200))


def observability(tmp_path: Path, role: str, share: float = 1.0):  # type: ignore[no-untyped-def] # noqa: ANN201
    telemetry = TelemetrySettings(folder=str(tmp_path), trace_share=share)
    settings = replace(Settings(), role=role, telemetry=telemetry)
    return build(settings, TelemetryParts(RunClock(settings.clock), {}))


def test_the_spans_of_all_processes_join_into_one_way(tmp_path: Path) -> None:
    trace = observability(tmp_path, "devices").telemetry.trace()
    for role, start in (("api", 3.0), ("devices", 1.0), ("gateway", 2.0)):
        observability(tmp_path, role).telemetry.span(role, trace, start, start + 0.5)
    observability(tmp_path, "api").telemetry.span("other", next_traceparent(None, 1.0), 1, 2)
    with (tmp_path / "spans-api.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"trace_id": "' + trace.split("-")[1])
    found = timeline(tmp_path, trace.split("-")[1])
    assert [(span.role, span.start_s) for span in found] == [
        ("devices", 1.0),
        ("gateway", 2.0),
        ("api", 3.0),
    ]


def test_what_is_not_sampled_leaves_no_span(tmp_path: Path) -> None:
    seen = observability(tmp_path, "api", share=0.0)
    seen.telemetry.span("api", seen.telemetry.trace(), 1.0, 2.0)
    assert not (tmp_path / "spans-api.jsonl").exists()


LABELS = {
    "device": "d1",
    "direction": "in",
    "status": "200",
    "route": "/x",
    "method": "GET",
    "outcome": "hit",
    "mark": "jump",
    "mode": "single",
    "reason": "r",
    "type": "temperature",
    "kind": "spike",
    "severity": "warning",
    "state": "opened",
    "feature": "f",
}


def families(text: bytes) -> dict[str, object]:
    return {one.name: one for one in text_string_to_metric_families(text.decode())}


def test_every_fact_becomes_a_metric_and_all_four_families_are_there() -> None:
    metrics = make_metrics()
    for fact in Fact:
        metrics.measure(fact, 1.0, LABELS)
    found = families(metrics.exposition())
    for name in (
        "academy_process_cpu_seconds",
        "academy_process_memory_bytes",
        "academy_machine_network_bytes",
        "academy_api_request_seconds",
        "academy_mqtt_messages",
        "academy_inference_seconds",
        "academy_model_accuracy_ratio",
        "academy_model_drift_index",
        "academy_readings_made",
        "academy_devices_connected",
    ):
        assert name in found, name


def test_devices_choose_their_names_and_never_a_series() -> None:
    metrics = make_metrics()
    for number in range(2_000):
        metrics.measure(Fact.READINGS_MADE, 1.0, {"device": f"d{number}"})
        metrics.measure(Fact.GATEWAY_ANSWERS, 1.0, {"status": str(number)})
    text = metrics.exposition().decode()
    assert "d1999" not in text
    assert "academy_readings_made_total 2000.0" in text
    assert text.count("academy_gateway_answers_total{") <= 101
    assert 'academy_gateway_answers_total{status="other"} 1900.0' in text


def test_waiting_readings_are_summed_over_the_devices_of_a_process() -> None:
    metrics = make_metrics()
    for device, pending in (("d1", 5), ("d2", 7), ("d1", 2)):
        metrics.measure(Fact.OUTBOX_PENDING, pending, {"device": device})
    assert "academy_outbox_pending_readings 9.0" in metrics.exposition().decode()


def test_built_twice_nothing_clashes(tmp_path: Path) -> None:
    first, second = observability(tmp_path, "a"), observability(tmp_path, "b")
    first.telemetry.measure(Fact.STREAM_EVENTS, 3)
    assert b"academy_stream_events_total 3.0" in first.monitor.exposition()
    assert b"academy_stream_events_total 0.0" in second.monitor.exposition()


def test_a_device_counts_once_and_its_will_takes_it_away() -> None:
    presence = make_presence()
    for device, online in (("d1", True), ("d1", True), ("d2", True), ("d1", False), ("d3", False)):
        presence.seen(device, online=online)
    assert presence.connected == 1


def test_one_that_hangs_is_named_and_holds_up_nobody() -> None:
    gate = threading.Event()

    def hangs(_limit_s: float) -> None:
        gate.wait(20)

    def away(_limit_s: float) -> None:
        raise ConnectionRefusedError("nobody listens")

    health = ask({"log": lambda _s: None, "broker": away, "api": hangs}, 0.2)
    gate.set()
    assert (health.live, health.ready) == (True, False)
    found = dict(health.dependencies)
    assert found["log"] == "ok"
    assert found["broker"] == "nobody listens"
    assert "0.2 s" in found["api"]


def test_however_often_it_is_asked_a_hanging_one_holds_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Event()
    monkeypatch.setattr("solutions.room7_monitoring.health.FRESH_S", -1.0)
    monkeypatch.setattr("solutions.room7_monitoring.health.LIMIT_S", 0.02)

    def hangs(_limit_s: float) -> None:
        gate.wait(20)

    doctor = Doctor({"api": hangs})
    doctor.health()
    before = threading.active_count()
    for _n in range(10):
        assert not doctor.health().ready
    assert threading.active_count() <= before
    gate.set()


def test_nothing_to_ask_is_ready() -> None:
    assert ask({}, 0.1).ready


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        ([(1.0, 10), (2.0, 20), (float("inf"), 20)], 0.5, 1.0),
        ([(1.0, 10), (2.0, 20), (float("inf"), 20)], 0.75, 1.5),
        ([(1.0, 10), (float("inf"), 20)], 0.99, 1.0),
        ([(0.1, 50), (0.25, 98), (float("inf"), 100)], 0.95, 0.240625),
        ([(1.0, 0), (float("inf"), 0)], 0.5, None),
        ([], 0.5, None),
    ],
)
def test_a_quantile_is_read_from_buckets_as_prometheus_does(
    buckets: list[tuple[float, float]], share: float, expected: float | None
) -> None:
    found = quantile(buckets, share)
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_share_that_is_none_and_counts_that_shrink_are_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        quantile([(1.0, 1)], 1.5)
    with pytest.raises(ValueError, match="grow"):
        quantile([(1.0, 5), (2.0, 3)], 0.5)


def test_a_model_that_never_alerts_is_accurate_and_useless() -> None:
    never = score(hits=0, misses=1, false_alarms=0, quiet=999)
    assert (never.accuracy, never.recall, never.precision) == (0.999, 0.0, None)
    usual = score(hits=9, misses=1, false_alarms=91, quiet=9_899)
    assert usual.precision == pytest.approx(0.09)
