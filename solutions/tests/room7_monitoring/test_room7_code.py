"""Dashboards and rules as code: promtool takes them, a real Prometheus answers their queries."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from shared.contracts.facts import Fact
from shared.contracts.ports import Observability, TelemetryParts
from shared.contracts.settings import Settings, TelemetrySettings
from shared.exposition import serve_monitor
from shared.pipeline.clock import RunClock
from shared.pipeline.planning import free_port
from solutions.room7_monitoring import alert_rules, build, dashboards

LABELS = {"route": "/x", "method": "POST", "status": "201", "mode": "single", "type": "temperature"}
LABELS |= {"kind": "spike", "severity": "warning", "state": "opened", "feature": "f"}
LABELS |= {"outcome": "hit", "direction": "in", "device": "d1", "reason": "r", "mark": "jump"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool isn't installed (Debian: prometheus)"
)


@pytest.fixture
def seen(tmp_path: Path) -> Observability:
    telemetry = TelemetrySettings(folder=str(tmp_path / "logs"))
    settings = replace(Settings(), role="test", telemetry=telemetry)
    return build(settings, TelemetryParts(RunClock(settings.clock), {}))


def promtool(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)


def test_no_two_dashboards_share_a_uid_and_no_panel_lacks_a_unit() -> None:
    found = dashboards()
    assert len({board["uid"] for board in found.values()}) == len(found) == 5
    for board in found.values():
        for panel in board["panels"]:
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["targets"][0]["expr"]


def test_what_is_rendered_is_what_is_said(seen: Observability, tmp_path: Path) -> None:
    paths = seen.monitor.render(str(tmp_path / "rendered"))
    assert {Path(path).name for path in paths} == {*dashboards(), "rules.yml"}
    for path in paths:
        assert json.loads(Path(path).read_text(encoding="utf-8"))


@needs_promtool
def test_promtool_finds_nothing_in_the_rules(seen: Observability, tmp_path: Path) -> None:
    seen.monitor.render(str(tmp_path))
    found = promtool("check", "rules", str(tmp_path / "rules.yml"))
    assert found.returncode == 0, found.stderr


@needs_promtool
def test_promtool_finds_nothing_in_the_metrics(seen: Observability) -> None:
    for fact in Fact:
        seen.telemetry.measure(fact, 1.0, **LABELS)
    text = seen.monitor.exposition().decode()
    found = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


def series(slow_from: int, slow_to: int, minutes: int) -> list[dict[str, str]]:
    """Return ten readings a second; between two minutes, all of them too old."""
    within, count = [0], [0]
    for minute in range(minutes):
        count.append(count[-1] + 600)
        within.append(within[-1] + (0 if slow_from <= minute < slow_to else 600))
    name = "academy_reading_age_seconds"
    return [
        {"series": f'{name}_bucket{{le="0.25"}}', "values": " ".join(map(str, within))},
        {"series": f"{name}_count", "values": " ".join(map(str, count))},
    ]


@needs_promtool
@pytest.mark.parametrize(
    ("slow", "at", "fires"),
    [((60, 90), "88m", True), ((60, 61), "75m", False), ((60, 90), "110m", False)],
    ids=[
        "a sustained burn wakes somebody",
        "a short spike doesn't",
        "soon after its end it's over",
    ],
)
def test_the_alert_follows_the_budget(
    tmp_path: Path, slow: tuple[int, int], at: str, *, fires: bool
) -> None:
    rules = dict(alert_rules())
    rules["groups"] = [{**rules["groups"][0], "interval": "1m"}]
    (tmp_path / "rules.yml").write_text(json.dumps(rules), encoding="utf-8")
    alerts = [rule for rule in rules["groups"][0]["rules"] if rule.get("labels")]
    critical = next(rule for rule in alerts if rule["labels"]["severity"] == "critical")
    expected = (
        [{"exp_labels": critical["labels"], "exp_annotations": critical["annotations"]}]
        if fires
        else []
    )
    story = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series(*slow, minutes=130),
                "alert_rule_test": [
                    {"eval_time": at, "alertname": critical["alert"], "exp_alerts": expected}
                ],
            }
        ],
    }
    (tmp_path / "story.yml").write_text(json.dumps(story), encoding="utf-8")
    found = promtool("test", "rules", str(tmp_path / "story.yml"))
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture
def prometheus(seen: Observability, tmp_path: Path) -> Iterator[str]:
    """Run a real Prometheus that scrapes the monitor each second, under changing traffic."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus isn't installed (Debian: prometheus)")
    stop = threading.Event()
    target = serve_monitor(seen.monitor, stop)
    job = {"job_name": "academy", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    (tmp_path / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    port = free_port(19_090, set())
    command = [
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    process.terminate()
    process.wait(10)


def answers(url: str, query: str) -> list[object]:
    with urlopen(f"{url}/api/v1/query?query={quote(query)}", timeout=5) as response:  # noqa: S310
        found = json.loads(response.read())
    assert found["status"] == "success", query
    return [
        one["value"][1] for one in found["data"]["result"] if one["value"][1] not in {"NaN", ""}
    ]


def test_each_panel_shows_data_of_real_traffic(seen: Observability, prometheus: str) -> None:
    queries = {
        panel["targets"][0]["expr"]: panel["title"]
        for board in dashboards().values()
        for panel in board["panels"]
    }
    deadline = time.monotonic() + 40
    missing = dict(queries)
    while missing and time.monotonic() < deadline:
        for fact in Fact:
            seen.telemetry.measure(fact, 0.1 if "_s" in fact.value[-2:] else 1.0, **LABELS)
        threading.Event().wait(0.5)
        try:
            missing = {q: title for q, title in missing.items() if not answers(prometheus, q)}
        except OSError:
            continue  # not up yet
    assert not missing, list(missing.values())
