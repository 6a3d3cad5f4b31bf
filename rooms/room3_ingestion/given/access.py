"""Who stands at the door, and whether they may pass."""

import asyncio
from typing import Final

from starlette.requests import Request

from shared.contracts.benches.ingestion import Refused
from shared.contracts.facts import Fact
from shared.contracts.messages import Principal
from shared.contracts.ports import AccessRefused, Gate, Telemetry
from shared.language import _

from ..problems import challenge

ANONYMOUS: Final = "anonymous"


class Access:
    """Asks the gate (Room 6), which counts whom it refuses; who showed nothing is counted here."""

    def __init__(self, gate: Gate, telemetry: Telemetry) -> None:
        self._gate = gate
        self._telemetry = telemetry

    async def principal(self, request: Request) -> Principal:
        """Return who sends `request`, by its token or its certificate.

        Raises Refused(401) when what is shown isn't valid. The gate is asked in a thread: it
        may read a file or fetch a key.
        """
        shown = request.headers.get("authorization")
        certificate = request.scope.get("extensions", {}).get("tls", {}).get("client_cert_der")
        try:
            return await asyncio.to_thread(self._gate.verify, shown, certificate)
        except AccessRefused:
            pass  # its reason is for the gate's log, never for whoever stands here
        told = _("The token or certificate isn't valid.")
        raise Refused(401, told, headers=challenge(shown=True))

    async def reader(self, request: Request, device_id: str | None) -> Principal:
        """Return who reads; Refused(401) for nobody, Refused(403) for who may not."""
        principal = await self.principal(request)
        self.require(principal, "read", device_id)
        return principal

    async def writer(self, request: Request) -> Principal:
        """Return who writes, before the body is read; for which device is asked later.

        Raises Refused(401) for nobody, unless the gate lets nobody write.
        """
        principal = await self.principal(request)
        if principal.kind == ANONYMOUS:
            self.require(principal, "write", None)
        return principal

    def require(self, principal: Principal, action: str, device_id: str | None) -> None:
        """Raise Refused(401) or Refused(403) unless `principal` may do that."""
        if self._gate.permits(principal, action, device_id):
            return
        if principal.kind == ANONYMOUS:
            self._telemetry.measure(Fact.ACCESS_REFUSED, reason=ANONYMOUS)
            how = _("Show a certificate or a token (POST /api/v1/token).")
            raise Refused(401, how, headers=challenge())
        detail = _("{who} may not {action} {device}.").format(
            who=principal.subject, action=action, device=device_id or _("everything")
        )
        raise Refused(403, detail)
