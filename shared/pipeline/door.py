"""The API's door seen from outside: one HTTPS connection kept, a token shown, batches posted."""

import json
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from shared.contracts.messages import Answer, ItemAnswer
from shared.contracts.ports import DoorUnreachable
from shared.language import _

BATCH: Final = "/api/v1/sensors/data/batch"
TOKEN: Final = "/api/v1/token"  # noqa: S105 - a route
OK: Final = 200
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class HttpDoor:
    """Posts batches for one client; `context` None is plain HTTP, `secret_file` None no token.

    One caller at a time: the gateway's worker is one thread.
    """

    def __init__(
        self,
        url: str,
        *,
        context: ssl.SSLContext | None,
        client_id: str,
        secret_file: str | None,
        timeout_s: float,
    ) -> None:
        self._client_id = client_id
        self._secret_file = secret_file or None
        self._token: str | None = None
        self._http = httpx.Client(
            base_url=url if context is not None else url.replace("https://", "http://", 1),
            verify=context if context is not None else True,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=20.0),
            trust_env=False,  # a proxy of this machine has no business on loopback
        )

    def send(self, items: Sequence[Mapping[str, object]]) -> Answer:
        """Post one batch (bodies of the single route); DoorUnreachable if no answer came."""
        if self._token is None and self._secret_file is not None:
            self.renew()
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return _answer(self._post(BATCH, _encoded(items), headers), len(items))

    def renew(self) -> None:
        """Get a new token; DoorUnreachable if that can't be had.

        The secret is read anew each time, so that it can be changed while this process runs.
        """
        if self._secret_file is None:
            return
        try:
            secret = Path(self._secret_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            told = _("{client} can't read its secret: {why}")
            raise DoorUnreachable(told.format(client=self._client_id, why=error.strerror)) from None
        form = httpx.QueryParams(
            grant_type="client_credentials", client_id=self._client_id, client_secret=secret
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        found = self._post(TOKEN, str(form).encode(), headers)
        token = _document(found).get("access_token") if found.status_code == OK else None
        if not isinstance(token, str):
            told = _("no token for {client}: {status} {why}")
            why = _detail(found)
            raise DoorUnreachable(
                told.format(client=self._client_id, status=found.status_code, why=why)
            )
        self._token = token

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _post(self, route: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        try:
            return self._http.post(route, content=body, headers=headers)
        except httpx.HTTPError as error:
            told = _("no answer from {url}: {why}")
            why = str(error) or type(error).__name__
            raise DoorUnreachable(told.format(url=self._http.base_url, why=why)) from None


def _encoded(items: Sequence[Mapping[str, object]]) -> bytes:
    # A lone surrogate has no UTF-8: escaped, it goes through, and the API says what is wrong.
    text = _encode(items)
    return text.encode() if text.isascii() else json.dumps(items).encode()


def _answer(found: httpx.Response, count: int) -> Answer:
    """Return what the response says; DoorUnreachable unless 200 comes with `count` verdicts."""
    wait_s = _seconds(found.headers.get("retry-after"))
    if found.status_code != OK:
        return Answer(found.status_code, retry_after_s=wait_s, detail=_detail(found))
    try:
        verdicts = json.loads(found.content)
        items = tuple(
            ItemAnswer(int(one["status"]), one.get("message_id"), one.get("detail"))
            for one in verdicts
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        items = ()
        verdicts = None
    if not isinstance(verdicts, list) or len(items) != count:
        raise DoorUnreachable(_("200, but not one verdict an item"))
    return Answer(OK, items, wait_s)


def _document(found: httpx.Response) -> dict[str, object]:
    try:
        document = json.loads(found.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _detail(found: httpx.Response) -> str:
    """Return why, of a problem document; of anything else, its status in words."""
    document = _document(found)
    return str(document.get("detail") or document.get("title") or found.reason_phrase)


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isdecimal() else None
