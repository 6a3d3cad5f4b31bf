"""What Room 7 promises of its journal, its traces, its metrics, its health and its files."""

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.contracts.facts import Fact
from solutions.room7_monitoring import (
    alert_rules,
    ask,
    dashboards,
    make_metrics,
    masked,
    next_traceparent,
    open_journal,
    parse_traceparent,
    score,
)
from solutions.room7_monitoring.catalogue import CATALOGUE
from solutions.room7_monitoring.health import Doctor
from solutions.room7_monitoring.metrics import MOST_SERIES

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class Telltale:
    """Counts how often somebody formats it."""

    asked = 0

    def __str__(self) -> str:
        """Return a text, and remember that it was asked for."""
        self.asked += 1
        return "formatted"


def test_data_forges_no_line_and_reaches_no_terminal(tmp_path: Path) -> None:
    """A newline and an escape sequence in data stay inside one line of JSON."""
    journal = open_journal(str(tmp_path / "a.log"), "info")
    journal.event("info", "seen", device='x\n{"level":"error"}\x1b[2J')
    journal.close()
    raw = (tmp_path / "a.log").read_text(encoding="utf-8")
    assert raw.count("\n") == 1
    assert "\x1b" not in raw
    assert json.loads(raw)["device"] == 'x\n{"level":"error"}\x1b[2J'


def test_a_level_nobody_asked_for_formats_nothing(tmp_path: Path) -> None:
    """The level is asked before anything is formatted."""
    journal, telltale = open_journal(str(tmp_path / "a.log"), "warning"), Telltale()
    journal.event("info", "quiet", thing=telltale)
    assert telltale.asked == 0
    journal.event("error", "loud", thing=telltale)
    journal.close()
    assert telltale.asked > 0


def test_a_journal_that_cannot_write_stops_nobody(tmp_path: Path) -> None:
    """A file where the folder should be: no exception reaches the part that reports."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    open_journal(str(tmp_path / "file" / "a.log"), "info").event("info", "seen")


@pytest.mark.parametrize(
    "context",
    [
        {"password": "hunter2"},
        {"outer": {"api_key": "hunter2"}},
        {"list": [{"token": "hunter2"}]},
        {"header": "Authorization: Bearer hunter2"},
        {"url": ["mqtt://me:hunter2@localhost"]},
    ],
)
def test_secrets_are_masked_however_deep(context: dict[str, object]) -> None:
    """By the key's name and by the text's look, in nested values too."""
    assert "hunter2" not in json.dumps(masked(context))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-00", True),
        (f"cc-{TRACE}-{PARENT}-01-what-comes", True),
        (f"00-{TRACE}-{PARENT}-01-more", False),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        (f"00-{TRACE}-{PARENT}-01\n", False),
        ("", False),
    ],
)
def test_traceparents_are_looked_at_as_the_w3c_says(text: str, valid: bool) -> None:  # noqa: FBT001
    """Version, lengths, case and zeros (section 3.2)."""
    assert (parse_traceparent(text) is not None) is valid


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_child_keeps_trace_and_sampling(flags: str) -> None:
    """Only the span's own id is new."""
    parts = next_traceparent(f"00-{TRACE}-{PARENT}-{flags}", 0.5).split("-")
    assert (parts[1], parts[3]) == (TRACE, flags)
    assert parts[2] != PARENT


def test_new_traces_respect_the_share() -> None:
    """None at 0, all at 1, about a tenth at 0.1."""

    def sampled(share: float) -> int:
        return sum(next_traceparent(None, share).endswith("-01") for _ in range(2_000))

    assert sampled(0.0) == 0
    assert sampled(1.0) == 2_000
    assert 100 < sampled(0.1) < 300


def test_every_fact_is_taken_in_and_the_exposition_parses() -> None:
    """Each fact, with its labels; twice in one process without a clash."""
    for metrics in (make_metrics(), make_metrics()):
        for fact in Fact:
            names = CATALOGUE[fact].labels if fact in CATALOGUE else ()
            labels = {"device": "d1", "outcome": "hit", **dict.fromkeys(names, "x")}
            metrics.measure(fact, 1.0, labels)
        text = metrics.exposition().decode()
        assert list(text_string_to_metric_families(text))
        assert "d1" not in text


def test_label_values_are_bounded_whatever_comes() -> None:
    """Ten times the bound is sent; the bound and `other` are kept."""
    fact = next(fact for fact, entry in CATALOGUE.items() if entry.labels)
    metrics = make_metrics()
    for number in range(10 * MOST_SERIES):
        labels = dict.fromkeys(CATALOGUE[fact].labels, f"stranger{number}")
        metrics.measure(fact, 1.0, labels)
    text = metrics.exposition().decode()
    kept = sum(f'"stranger{number}"' in text for number in range(10 * MOST_SERIES))
    assert 0 < kept <= MOST_SERIES
    assert '"other"' in text


def test_one_that_hangs_holds_up_nobody_and_holds_one_thread() -> None:
    """Three hang, one is well: one time-out in all, and no thread a probe."""
    over = threading.Event()

    def hang(_limit_s: float) -> None:
        over.wait(30)

    def well(_limit_s: float) -> None:
        return

    began = time.monotonic()
    found = ask({"a": hang, "b": hang, "c": hang, "d": well}, 0.2)
    assert time.monotonic() - began < 3 * 0.2
    assert not found.ready
    assert dict(found.dependencies)["d"] == "ok"
    doctor, before = Doctor({"a": hang}), threading.active_count()
    for _probe in range(50):
        doctor._asked_at = float("-inf")
        doctor.health()
        assert threading.active_count() <= before + 2
    over.set()


def test_accuracy_boasts_where_recall_tells() -> None:
    """One fault in a thousand and a model that never alerts."""
    found = score(0, 1, 0, 999)
    assert (found.precision, found.recall, found.accuracy) == (None, 0.0, 0.999)


def test_dashboards_have_uids_of_their_own_and_units() -> None:
    """No two with one uid, no panel without a unit."""
    boards = list(dashboards().values())
    assert len({board["uid"] for board in boards}) == len(boards)
    assert all(p["fieldConfig"]["defaults"]["unit"] for board in boards for p in board["panels"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed")
def test_promtool_accepts_metrics_and_rules(tmp_path: Path) -> None:
    """Prometheus' own tool reads both."""
    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps(alert_rules()), encoding="utf-8")
    exposed = make_metrics().exposition()
    for command, told in ((["check", "metrics"], exposed), (["check", "rules", str(rules)], b"")):
        done = subprocess.run(
            ["promtool", *command],
            input=told,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
