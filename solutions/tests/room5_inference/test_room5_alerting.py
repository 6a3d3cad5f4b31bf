"""One alert an incident: opened once, resolved once, quiet in between."""

import json

from shared.contracts.benches.model import Incident
from solutions.room5_inference.alerting import AlertBook

HOUR = 3_600_000


def told(book: AlertBook, kind: str, strengths: list[float], start: int = 0) -> list[Incident]:
    """Return what the book says about hourly evidence."""
    reports = [
        book.report(kind, strength, (start + hour) * HOUR, (start + hour) * HOUR)
        for hour, strength in enumerate(strengths)
    ]
    return [report for report in reports if report is not None]


def test_evidence_at_the_edge_does_not_flap() -> None:
    book = AlertBook("sensor")
    flapping = [1.01, 0.99] * 20
    assert len(told(book, "spike", flapping)) == 1


def test_an_incident_is_resolved_once_after_its_calm() -> None:
    book = AlertBook("sensor")
    found = told(book, "spike", [1.2, *[0.0] * 30])
    assert [one.alert_id for one in found] == [found[0].alert_id] * 2
    assert found[-1].resolved_ms == 6 * HOUR


def test_a_short_calm_resolves_nothing() -> None:
    book = AlertBook("sensor")
    assert len(told(book, "spike", [1.2, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0])) == 1


def test_evidence_below_the_threshold_opens_nothing() -> None:
    assert told(AlertBook("sensor"), "stuck", [0.99] * 100) == []


def test_a_warning_that_becomes_critical_is_told_again_under_its_id() -> None:
    book = AlertBook("sensor")
    first = book.report("stuck", 1.1, 0, 0)
    assert first is not None
    assert first.severity == "warning"
    later = book.report("stuck", 2.5, HOUR, HOUR)
    assert later is not None
    assert (later.alert_id, later.severity) == (first.alert_id, "critical")
    assert book.report("stuck", 2.6, 2 * HOUR, 2 * HOUR) is None


def test_what_an_open_incident_causes_is_no_news() -> None:
    book = AlertBook("sensor")
    assert book.report("stuck", 1.5, 0, 0) is not None
    assert book.report("spike", 5.0, HOUR, HOUR) is None


def test_silence_is_respected_until_it_ends() -> None:
    book = AlertBook("sensor")
    book.silence("spike", 10 * HOUR)
    assert book.report("spike", 3.0, 9 * HOUR, 9 * HOUR) is None
    assert book.report("spike", 3.0, 10 * HOUR, 10 * HOUR) is not None


def test_the_same_incident_has_the_same_id_when_the_log_is_read_again() -> None:
    ids = {told(AlertBook("a"), "spike", [1.5])[0].alert_id for _ in range(2)}
    other = told(AlertBook("b"), "spike", [1.5])[0].alert_id
    assert len(ids) == 1
    assert other not in ids


def test_a_book_survives_json() -> None:
    book = AlertBook("sensor")
    told(book, "drift", [1.5, 1.2])
    again = AlertBook.of_state(json.loads(json.dumps(book.state())))
    assert told(again, "drift", [0.0] * 60, start=2) == told(book, "drift", [0.0] * 60, start=2)
