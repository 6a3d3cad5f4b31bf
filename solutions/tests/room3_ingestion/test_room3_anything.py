"""Whatever is sent, the answer is documented JSON, and nobody's mistake becomes ours."""

import json
import math

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from solutions.tests.room3_ingestion.doubles import House

JSON = {"Content-Type": "application/json"}
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2013-05-06T10:00:00Z", "temperature", "kPa", "D-1", 22.5])
)
NAMES = st.sampled_from(
    [
        "device_id", "sensor_type", "value", "timestamp", "metadata", "message_id", "type", "ts",
        "sensor_id", "unit", "location", "calibration_date", "traceparent", "\ud800", "",
    ]
)  # fmt: skip
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=12,
)
calm = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def documented(house: House) -> dict[str, set[int]]:
    """Return the statuses that the OpenAPI document knows, by path."""
    paths = house.client.get("/openapi.json").json()["paths"]
    return {
        path: {int(status) for status in methods["post"]["responses"]}
        for path, methods in paths.items()
        if "post" in methods
    }


def refuse_constants(name: str) -> float:
    raise AssertionError(f"{name} isn't JSON")


@calm
@given(document=ANYTHING)
@example(document={"device_id": "D", "value": 10**400})
@example(document=[{"value": math.nan}, 5, None])
def test_any_document_gets_a_documented_answer(
    house: House, documented: dict[str, set[int]], document: object
) -> None:
    body = json.dumps(document).encode()
    for path in ("/api/v1/sensors/data", "/api/v1/sensors/data/batch"):
        answer = house.client.post(path, content=body, headers=JSON)
        assert answer.status_code in documented[path] - {500, 503}
        json.loads(answer.content, parse_constant=refuse_constants)


@calm
@given(body=st.binary(max_size=60))
def test_any_bytes_get_a_documented_answer(
    house: House, documented: dict[str, set[int]], body: bytes
) -> None:
    for path in ("/api/v1/sensors/data", "/api/v1/sensors/data/batch"):
        answer = house.client.post(path, content=body, headers=JSON)
        assert answer.status_code in documented[path] - {500, 503}
        json.loads(answer.content)


@calm
@given(start=st.text(max_size=30), cursor=st.text(max_size=30), fill=st.text(max_size=8))
def test_any_question_is_answered_or_refused(
    house: House, start: str, cursor: str, fill: str
) -> None:
    asked = {"start": start, "end": "2013-05-07T00:00:00Z", "cursor": cursor, "fill": fill}
    asked = {name: text.encode("utf-8", "replace").decode() for name, text in asked.items()}
    operator = {"Authorization": "Bearer operator"}
    path = "/api/v1/sensors/D/S/temperature/points"
    assert house.client.get(path, params=asked, headers=operator).status_code in {200, 422}
