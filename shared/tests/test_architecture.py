"""The README's table of the architecture, walked line by line."""

import re

import pytest

from shared.pipeline.workplace import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
LATER = "comes with the full stack"

LINES = [
    *("TemperatureSensor", "HumiditySensor", "PressureSensor"),
    *("sensor_id", "QoS 1", "aiot-academy/{device}/{sensor}/{type}", "wildcards"),
    *("publisher", "subscriber", "stream processor", "Pydantic", "normalisation"),
    *("POST /api/v1/sensors/data", "message_id", "API request", "API answer", "MQTT message"),
    *("filtering", "aggregation", "time-series", "prediction", "anomaly", "alerts"),
    *("TLS", "X.509", "JWT", "secrets", "structured logs"),
    *("CPU", "RAM", "network", "API latency", "MQTT throughput"),
    *("accuracy", "inference latency", "drift", "messages", "connected devices"),
    *("1883", "8883", "9001", "3000/8000", "5432", "6379", "3000", "8086"),
    *("Mosquitto", "FastAPI", "Express", "PostgreSQL", "TimescaleDB", "InfluxDB", "Redis"),
    *("scikit-learn", "Grafana", "Prometheus", "Docker", "Compose"),
    *("publish and subscribe", "API gateway", "event sourcing", "CQRS", "microservices"),
    *("scaling", "retry", "circuit breaker", "cache", "batches", "modular"),
]


def rows() -> list[tuple[str, str, str]]:
    section = README.partition("## The architecture, line by line")[2].partition("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if "|" in line]
    return [(row[0], row[1], row[2]) for row in cells[2:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_line_is_realised_where_the_table_says(row: tuple[str, str, str]) -> None:
    said, place, sign = row
    if place == LATER:
        assert sign == "–", said
        return
    text = (PROJECT / place.strip("`")).read_text(encoding="utf-8")
    assert sign.strip("`") in text, f"{place} holds no {sign}"


@pytest.mark.parametrize("line", LINES)
def test_no_line_of_the_architecture_is_left_out(line: str) -> None:
    assert any(re.search(re.escape(line), said) for said, _place, _sign in rows()), line


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (PROJECT / target).exists(), target
