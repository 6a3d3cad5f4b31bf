"""From evidence, slot by slot, to alerts that a person can bear: one an incident, told twice."""

import hashlib
from typing import Any, Final

from shared.contracts.benches.model import Incident

OPEN_AT: Final = 1.0
CLOSE_BELOW: Final = 0.6
"""An alert opens when evidence reaches its threshold, and closes well below it: no flapping."""
CRITICAL_AT: Final = 2.0
"""From twice the threshold on an alert is critical."""
CALM_HOURS: Final = {"spike": 6, "stuck": 1, "dropout": 1, "skew": 6, "deviation": 24, "drift": 48}
"""How long evidence must stay low before an incident is over."""
HIDES: Final = {
    "stuck": {"spike", "deviation", "drift"},
    "dropout": {"spike", "deviation", "drift", "skew"},
    "skew": {"spike", "dropout", "deviation", "drift", "stuck"},
    "drift": {"deviation"},
    "deviation": {"drift"},
}
"""While an incident is open (and as long again as its calm), what it would cause isn't news."""


class AlertBook:
    """The incidents of one sensor: at most one open of a kind.

    `report` is called once for every slot and kind with the evidence over its threshold.
    """

    def __init__(self, key: str, silenced: dict[str, int] | None = None) -> None:
        self.key = key
        self.incidents: dict[str, Incident] = {}
        self.quiet_until = dict(silenced or {})

    def report(self, kind: str, strength: float, now_ms: int, since_ms: int) -> Incident | None:
        """Take the evidence for `kind` at `now_ms`; return an incident that opened or was resolved.

        `strength` is the score over its threshold. `since_ms` is when the fault began, as far as
        the evidence can tell: the alert's id is made of it, so a replay gives the same one. A
        severity that rises is told again under the same id.
        """
        match self.incidents.get(kind):
            case None:
                hushed = now_ms < self.quiet_until.get(kind, 0) or self._hidden(kind)
                if hushed or not strength >= OPEN_AT:
                    return None
                return self._open(kind, strength, now_ms, since_ms)
            case incident if strength >= CLOSE_BELOW:
                incident.last_sign_ms = now_ms
                if strength > incident.peak:
                    incident.peak = strength
                return self._escalated(incident)
            case incident:
                over = now_ms >= incident.last_sign_ms + CALM_HOURS[kind] * 3_600_000
                return self._resolve(incident, now_ms) if over else None

    def silence(self, kind: str, until_ms: int) -> None:
        """Open no alert of `kind` before `until_ms`: an operator's wish."""
        self.quiet_until[kind] = max(until_ms, self.quiet_until.get(kind, 0))

    @property
    def disturbed(self) -> bool:
        """Whether an incident is open: what comes now is no example of the usual."""
        return bool(self.incidents)

    def _hidden(self, kind: str) -> bool:
        return any(kind in HIDES.get(other, ()) for other in self.incidents)

    def _open(self, kind: str, strength: float, now_ms: int, since_ms: int) -> Incident:
        severity = severity_of(strength)
        incident = Incident(
            alert_id(self.key, kind, since_ms), kind, since_ms, strength, now_ms, severity
        )
        self.incidents[kind] = incident
        return incident

    def _escalated(self, incident: Incident) -> Incident | None:
        severity = severity_of(incident.peak)
        if severity == incident.severity:
            return None
        incident.severity = severity
        return incident

    def _resolve(self, incident: Incident, now_ms: int) -> Incident:
        del self.incidents[incident.kind]
        incident.resolved_ms = now_ms
        for kind in {incident.kind, *HIDES.get(incident.kind, ())}:
            self.silence(kind, now_ms + CALM_HOURS[incident.kind] * 3_600_000)
        return incident

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for JSON."""
        incidents = [
            [i.alert_id, i.kind, i.opened_ms, i.peak, i.last_sign_ms, i.severity]
            for i in self.incidents.values()
        ]
        return {"key": self.key, "incidents": incidents, "quiet_until": self.quiet_until}

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> "AlertBook":
        """Return the book whose `state` that is."""
        book = cls(state["key"], state["quiet_until"])
        for fields in state["incidents"]:
            book.incidents[fields[1]] = Incident(*fields)
        return book


def severity_of(strength: float) -> str:
    """Return `critical` from CRITICAL_AT on, else `warning`."""
    return "critical" if strength >= CRITICAL_AT else "warning"


def alert_id(key: str, kind: str, since_ms: int) -> str:
    """Return the same id for the same incident, however often the log is read."""
    digest = hashlib.sha256(f"{key}\0{kind}\0{since_ms}".encode())
    return "alert-" + digest.hexdigest()[:24]
