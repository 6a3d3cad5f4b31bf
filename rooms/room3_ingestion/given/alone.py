"""What stands beside the door when the room runs alone: a clock, one token, silence."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.contracts.facts import Fact
from shared.contracts.messages import Health, Principal, Token
from shared.contracts.ports import AccessRefused

TOKEN: Final = "alone"  # noqa: S105 - of a door on loopback that lasts as long as the show
NO_TRACE: Final = f"00-{'0' * 31}1-{'0' * 15}1-00"


class RealTime:
    """An event clock that is the wall clock."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def wall(self) -> datetime:
        """Return the same."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the seconds until `moment`."""
        return (moment - self.now()).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        """Return `wall_s`: both clocks run alike."""
        return wall_s


class OneToken:
    """A gate that knows one token: its bearer reads everything, and writes for any device."""

    def issue(self, client_id: str, secret: str) -> Token:
        """Return the token for the client `alone` with the secret `alone`."""
        if (client_id, secret) != (TOKEN, TOKEN):
            raise AccessRefused("wrong_secret")
        return Token(TOKEN, datetime.now(UTC) + timedelta(hours=1))

    def verify(self, authorization: str | None, certificate: bytes | None) -> Principal:
        """Return the bearer, or nobody; AccessRefused for another token."""
        del certificate
        if authorization is None:
            return Principal("nobody", "anonymous")
        if authorization != f"Bearer {TOKEN}":
            raise AccessRefused("unknown_token")
        return Principal(TOKEN, "gateway")

    def permits(self, principal: Principal, action: str, device_id: str | None) -> bool:
        """Permit the bearer everything but writing for the device `somebody-else`."""
        del action
        return principal.kind != "anonymous" and device_id != "somebody-else"


class Silence:
    """Telemetry that tells nobody, and a monitor with one line."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Say nothing."""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Count nothing."""

    def trace(self, traceparent: str | None = None) -> str:
        """Return a trace that nobody samples."""
        return traceparent if traceparent and len(traceparent) == len(NO_TRACE) else NO_TRACE

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep nothing."""

    def exposition(self) -> bytes:
        """Return that the process is up."""
        return b"# HELP academy_up This process runs.\n# TYPE academy_up gauge\nacademy_up 1\n"

    def health(self) -> Health:
        """Say that all is well: the log answers for itself."""
        return Health(live=True, ready=True)

    def render(self, folder: str) -> Sequence[str]:
        """Render nothing."""
        del folder
        return []
