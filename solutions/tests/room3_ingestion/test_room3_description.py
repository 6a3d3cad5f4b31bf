"""Task 3.7: what the door says of itself is true; and the token route."""

import asyncio
import base64
import json
import re
from collections.abc import MutableMapping
from typing import Any

import pytest

from solutions.tests.room3_ingestion.doubles import House

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = {
    "grant_type": "client_credentials", "client_id": "gateway", "client_secret": "open sesame",
}  # fmt: skip


def test_every_operation_documents_its_refusals_as_problems(house: House) -> None:
    document = house.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], path
    data = document["paths"]["/api/v1/sensors/data"]["post"]["responses"]
    assert set(data) >= {"200", "201", "400", "401", "403", "409", "413", "415", "422", "429"}


def test_every_reference_leads_somewhere(house: House) -> None:
    text = house.client.get("/openapi.json").text
    document = json.loads(text)
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in document["components"]["schemas"]


def test_the_docs_page_needs_no_other_server_and_no_script(house: House) -> None:
    answer = house.client.get("/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|src=|href=[\"']?https?:", answer.text)
    kind = house.client.get("/nowhere").json()["type"]
    assert f"id={kind.removeprefix('/docs#')}" in answer.text


def test_a_secret_buys_a_token(house: House) -> None:
    answer = house.client.post("/api/v1/token", data=GOOD)
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert 890 < answer.json()["expires_in"] <= 900
    assert answer.headers["cache-control"] == "no-store"
    pair = base64.b64encode(b"gateway:open+sesame").decode()
    basic = house.client.post(
        "/api/v1/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {pair}"},
    )
    assert basic.status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({**GOOD, "client_secret": "wrong"}, 401, "invalid_client"),
        ({**GOOD, "grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": "gateway"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials"}, 400, "invalid_request"),
        ({**GOOD, "client_id": ["a", "b"]}, 400, "invalid_request"),
    ],
)
def test_oauths_own_codes_stand_beside_the_problem(
    house: House, form: dict[str, Any], status: int, error: str
) -> None:
    answer = house.client.post("/api/v1/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "open sesame" not in answer.text


def test_a_broken_form_is_no_error_of_ours(house: House) -> None:
    for body in (b"", b"\xff=\xff", b"a" * 1_000, b"&".join([b"a=b"] * 1_000), b"%ff=%00"):
        answer = house.client.post("/api/v1/token", content=body, headers=FORM)
        assert answer.status_code == 400
    assert house.client.post("/api/v1/token", json=GOOD).status_code == 415


def test_a_device_is_known_by_its_certificate(house: House, reading: dict[str, Any]) -> None:
    body = json.dumps([reading, {**reading, "device_id": "OTHER"}]).encode()
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        answers.append(dict(message))

    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/sensors/data/batch",
        "query_string": b"", "headers": [(b"content-type", b"application/json")],
        "extensions": {"tls": {"client_cert_der": b"DEVICE-001"}},
    }  # fmt: skip

    async def ask() -> None:
        await house.app(scope, receive, send)

    asyncio.run(ask())
    assert answers[0]["status"] == 200
    assert [one["status"] for one in json.loads(answers[1]["body"])] == [201, 403]
