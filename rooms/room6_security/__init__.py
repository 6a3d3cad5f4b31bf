"""Room 6: nobody in who shouldn't be."""

import ssl
from pathlib import Path

from shared.contracts.ports import Security, SecurityParts
from shared.contracts.settings import Settings

from .authority import open_authority
from .bearer import open_tokens
from .channels import client_context, server_context, why_refused
from .gate import ApiGate
from .given.enrolment import Enrolment
from .given.keeping import kept
from .keyset import open_keys
from .permissions import may, rights_of
from .signing import make_request
from .vault import keep_secret, read_secret, same_secret

__all__ = [
    "build",
    "client_context",
    "keep_secret",
    "make_request",
    "may",
    "open_authority",
    "open_keys",
    "open_tokens",
    "read_secret",
    "rights_of",
    "same_secret",
    "server_context",
    "why_refused",
]


class FolderKeyring:
    """TLS contexts from a party's own folder and what everybody trusts."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def client(self, name: str) -> ssl.SSLContext | None:
        """Return the context with which `name` connects, read anew: keys may have changed."""
        return client_context(*self._files(name))

    def server(self, name: str, *, require_client: bool) -> ssl.SSLContext | None:
        """Return the context of the server `name`."""
        revocations = str(self._folder / "trust" / "revocations.pem")
        files = self._files(name)
        return server_context(*files, require_client=require_client, revocations=revocations)

    def _files(self, name: str) -> tuple[str, str, str]:
        own = self._folder / "parties" / name
        kept(own / "key.pem")  # a key that others can read isn't used
        root = self._folder / "trust" / "root.pem"
        return str(own / "chain.pem"), str(own / "key.pem"), str(root)


class FolderSecurity:
    """Authority, keyring and gate over one folder."""

    def __init__(self, settings: Settings, parts: SecurityParts) -> None:
        self.authority = Enrolment(settings.identity)
        self.keyring = FolderKeyring(settings.identity.folder)
        self.gate = ApiGate(settings.identity, parts.telemetry)


def build(settings: Settings, parts: SecurityParts) -> Security:
    """Return identity for `settings.identity.folder`; opens nothing before it is used."""
    return FolderSecurity(settings, parts)
