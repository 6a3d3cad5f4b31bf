"""Limits by arrival times: a bucket is the moment at which it will be full again (GCRA)."""

import asyncio
import math
import time

from starlette.requests import ClientDisconnect, Request

from shared.contracts.benches.ingestion import Fault, Refused

BODY_WITHIN_S = 10.0


def too_large(max_bytes: int) -> Refused:
    """Return the refusal of a body."""
    return Refused(413, "Too large.", (Fault("body", "more", f"at most {max_bytes} bytes"),))


async def body_of(request: Request, max_bytes: int, within_s: float = BODY_WITHIN_S) -> bytes:
    """Return the request's body; Refused(413) when it is too large, Refused(408) when too slow."""
    try:
        if int(request.headers.get("content-length") or 0) > max_bytes:
            raise too_large(max_bytes)
    except ValueError:
        raise Refused(400, "The length isn't a number.") from None
    end = time.monotonic() + within_s
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        try:
            message = await asyncio.wait_for(request.receive(), max(0.0, end - time.monotonic()))
        except TimeoutError:
            raise Refused(408, "Too slow.") from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > max_bytes:
            raise too_large(max_bytes)
        more = message.get("more_body", False)
    return b"".join(parts)


class DeviceBudget:
    """`burst` readings at once, `rate` a second in the long run; a number a device."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._full_at: dict[str, float] = {}
        self._seen: dict[str, float] = {}

    def grant(self, device_id: str, wanted: int, now_s: float) -> tuple[int, float]:
        """Take up to `wanted` tokens of a device; return how many, and seconds until the next."""
        if not self._rate:
            return wanted, 0.0
        now_s = max(now_s, self._seen.get(device_id, now_s))
        self._seen[device_id] = now_s
        full_at = max(self._full_at.get(device_id, now_s), now_s)
        tokens = self._burst - (full_at - now_s) * self._rate
        granted = min(wanted, max(0, math.floor(tokens + 1e-6)))
        self._full_at[device_id] = full_at + granted / self._rate
        if granted == wanted:
            return granted, 0.0
        return granted, (1.0 - (tokens - granted)) / self._rate

    def give_back(self, device_id: str, count: int) -> None:
        """Return tokens of readings that could not be stored."""
        if device_id in self._full_at:
            self._full_at[device_id] -= count / self._rate


def wait_header(seconds: float) -> dict[str, str]:
    """Return Retry-After: whole seconds, at least one."""
    return {"Retry-After": f"{max(1, math.ceil(seconds))}"}
