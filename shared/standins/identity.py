"""An open door on loopback: no certificate, no token, everybody may do everything."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.contracts.messages import BrokerUser, Credentials, Principal, Token
from shared.contracts.ports import Security, SecurityParts
from shared.contracts.settings import Settings


class OpenDoor:
    """Authority, keyring and gate in one, all asleep."""

    def __init__(self, settings: Settings) -> None:
        self._lifetime = timedelta(seconds=settings.identity.token_lifetime_s)

    @property
    def authority(self) -> "OpenDoor":
        """Return the authority."""
        return self

    @property
    def keyring(self) -> "OpenDoor":
        """Return the keyring."""
        return self

    @property
    def gate(self) -> "OpenDoor":
        """Return the gate."""
        return self

    def enrol(self, name: str, kind: str) -> Credentials:
        """Return credentials that name no file."""
        del kind
        return Credentials(name, name, "", "", "")

    def policy(self) -> Sequence[BrokerUser]:
        """Return an empty list: nobody is told apart."""
        return []

    def revoke(self, name: str, *, ban: bool = True) -> None:
        """Change nothing."""

    def lift(self, name: str) -> None:
        """Change nothing."""

    def client(self, name: str) -> ssl.SSLContext | None:
        """Return None: no TLS."""
        del name
        return None

    def server(self, name: str, *, require_client: bool) -> ssl.SSLContext | None:
        """Return None: no TLS."""
        del name, require_client
        return None

    def issue(self, client_id: str, secret: str) -> Token:
        """Return a token that says nothing."""
        del client_id, secret
        return Token("open", datetime.now(UTC) + self._lifetime)

    def verify(self, authorization: str | None, certificate: bytes | None) -> Principal:
        """Take everybody for the gateway."""
        del authorization, certificate
        return Principal("anybody", "gateway", frozenset({"write", "read", "replay"}))

    def permits(self, principal: Principal, action: str, device_id: str | None) -> bool:
        """Permit."""
        del principal, action, device_id
        return True


def build(settings: Settings, parts: SecurityParts) -> Security:  # noqa: ARG001 - the port's form
    """Return the stand-in for Room 6."""
    return OpenDoor(settings)
