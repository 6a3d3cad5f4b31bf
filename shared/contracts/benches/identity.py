"""The identity bench: what the checks call, task by task (6.1 to 6.7)."""

import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from shared.contracts.messages import BrokerUser, Principal, Token


class RequestRefused(Exception):  # noqa: N818 - a fact, named as one
    """A signing request that asks for what it may not have; says what."""


class IdentityAuthority(Protocol):
    """6.1, 6.2, 6.5: root and issuing authority in a folder of their own."""

    def chain(self) -> bytes:
        """Return the issuing certificate as PEM, to be shown after a leaf."""

    def root(self) -> bytes:
        """Return the root certificate as PEM: what everybody trusts."""

    def sign(
        self,
        request: bytes,
        name: str,
        kind: str,
        generation: int,
        life: timedelta = ...,
        hosts: tuple[str, ...] = ...,
    ) -> bytes:
        """Return the leaf (PEM) for a signing request (PEM) of `name`; RequestRefused otherwise."""

    def revoke(self, certificate: bytes) -> None:
        """Withdraw a leaf (PEM)."""

    def revocations(self) -> bytes:
        """Return the certificate revocation list (PEM)."""


class IdentityKeySet(Protocol):
    """6.5: signing keys with overlap."""

    def rotate(self) -> str:
        """Make a new signing key and return its id; older ones verify until they are over."""

    def key_ids(self) -> tuple[str, ...]:
        """Return the ids of the keys that verify now."""


class IdentityTokens(Protocol):
    """6.4: tokens of our own issuer for our own audience."""

    def issue(self, subject: str, kind: str) -> Token:
        """Return a signed token with the scopes of `kind`."""

    def verify(self, text: str) -> Principal:
        """Return whose token it is; AccessRefused with a code that tells why not."""


class IdentityBench(Protocol):
    """One function or class a task."""

    def open_authority(self, folder: str) -> IdentityAuthority:
        """6.1: open the authority in `folder`, made if it is new."""

    def make_request(self, key: bytes, name: str, kind: str, generation: int) -> bytes:
        """6.2: return a signing request (PEM) for a private key (PEM)."""

    def client_context(self, certificate: str, key: str, authority: str) -> ssl.SSLContext:
        """6.3: return a client's context from PEM files."""

    def server_context(
        self,
        certificate: str,
        key: str,
        authority: str,
        *,
        require_client: bool,
        revocations: str | None = None,
    ) -> ssl.SSLContext:
        """6.3: return a server's context from PEM files."""

    def why_refused(self, error: Exception) -> str:
        """6.3: return a short code for a failed handshake, for the log of one's own endpoint."""

    def open_keys(self, folder: str, now: Callable[[], datetime] = ...) -> IdentityKeySet:
        """6.5: open the key set in `folder`, made if it is new."""

    def open_tokens(
        self, folder: str, lifetime_s: float, now: Callable[[], datetime] = ...
    ) -> IdentityTokens:
        """6.4: issue and verify tokens with the key set in `folder`."""

    def rights_of(self, name: str, kind: str, subject: str) -> BrokerUser:
        """6.6: return the topic filters that a party may publish to and subscribe to."""

    def may(self, principal: Principal, action: str, device_id: str | None) -> bool:
        """6.6: return whether a principal may write for a device, read, or replay."""

    def keep_secret(self, path: str, content: bytes) -> None:
        """6.7: write a file that only its owner can read, whole or not at all."""

    def read_secret(self, path: str) -> bytes:
        """6.7: return a secret; PermissionError if others could read it too."""

    def same_secret(self, shown: str, kept: str) -> bool:
        """6.7: compare in a time that doesn't tell where they differ."""
