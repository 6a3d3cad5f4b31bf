"""Signing keys that overlap: nobody is logged out early, and nobody let in late."""

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.contracts.todo import Todo

from .given.keeping import keep, kept
from .given.locking import alone

REREAD: Final = timedelta(seconds=5)
"""An unknown key id makes us look again, but not more often than this: who sends a thousand made-up
ids must not make us read a thousand files."""
OVERLAP: Final = timedelta(hours=1)
"""How long a key verifies after its successor signs: longer than any token lives."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair with its id; `retired_at` is when its successor began to sign."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    retired_at: datetime | None


def wall_clock() -> datetime:
    """Return the wall clock's time, UTC."""
    return datetime.now(UTC)


def open_keys(folder: str, now: Callable[[], datetime] = wall_clock) -> "FileKeySet":
    """Return the key set in `folder`; a first key is made if there is none."""
    place = Path(folder)
    with alone(place / "rotating"):
        keys = FileKeySet(place, now)
        if not keys.key_ids():
            keys.begin()
    return keys


class FileKeySet:
    """One file, `keys.json`, mode 0600, replaced whole; read by the API's process alone."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._path = folder / "keys.json"
        self._now = now
        self._keys: dict[str, SigningKey] = {}
        self._read_at = now()
        self._reread()

    def begin(self) -> None:
        """Write a first key."""
        from .authority import new_key

        self._write([SigningKey(f"{self._now():%Y%m%dT%H%M%S}-1", new_key(), None)])

    def rotate(self) -> str:
        """Make a new key that signs from now on; return its id. Those that are over go.

        Two processes that rotate at once give two keys, one after the other: none is lost.
        """
        with alone(self._path.with_name("rotating")):
            self._reread()
            return self.add()

    def add(self) -> str:
        """Put a new signing key beside those that still verify, and write them all; return its id.

        Called by who holds the lock and has just read the file.
        """
        from .authority import new_key

        now = self._now()
        keys = {kid: key for kid, key in self._keys.items() if self._verifies(key)}
        for kid, key in keys.items():
            if key.retired_at is None:
                keys[kid] = SigningKey(kid, key.private, now)
        fresh = SigningKey(uuid.uuid4().hex, new_key(), None)
        self._write([*keys.values(), fresh])
        return fresh.kid

    def key_ids(self) -> tuple[str, ...]:
        """Return the ids of the keys that verify now, oldest first."""
        return tuple(key.kid for key in self._keys.values() if self._verifies(key))

    def signing(self) -> SigningKey:
        """Return the key that signs: the one that isn't retired."""
        self._fresh()
        return next(key for key in reversed(self._keys.values()) if key.retired_at is None)

    def find(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Return the key that verifies under `kid`, None if there is none of ours.

        It looks at the file again at most once in `REREAD`, for a known id too: another process
        may have retired it.
        """
        self._fresh()
        key = self._keys.get(kid)
        return key.private.public_key() if key is not None and self._verifies(key) else None

    def _fresh(self) -> None:
        with suppress(Todo):  # until that is written, what was read at the start counts
            self._look_again()

    def _verifies(self, key: SigningKey) -> bool:
        return key.retired_at is None or self._now() - key.retired_at < OVERLAP

    def _look_again(self) -> None:
        """Read the file again, unless that was less than `REREAD` ago by the set's own clock."""
        if not self._read_at <= self._now() <= self._read_at + REREAD:
            self._reread()

    def _reread(self) -> None:
        self._read_at = self._now()
        if not self._path.exists():
            return
        found = json.loads(kept(self._path))
        self._keys = {entry["kid"]: _key(entry) for entry in found}

    def _write(self, keys: list[SigningKey]) -> None:
        entries = [
            {
                "kid": key.kid,
                "private": _text(key.private),
                "retired_at": None if key.retired_at is None else key.retired_at.isoformat(),
            }
            for key in keys
        ]
        keep(self._path, json.dumps(entries).encode())
        self._keys = {key.kid: key for key in keys}


def _key(entry: dict[str, str | None]) -> SigningKey:
    private = serialization.load_pem_private_key(str(entry["private"]).encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("expected a key on an elliptic curve")
    retired = entry["retired_at"]
    moment = None if retired is None else datetime.fromisoformat(retired)
    return SigningKey(str(entry["kid"]), private, moment)


def _text(private: ec.EllipticCurvePrivateKey) -> str:
    from .authority import key_text

    return key_text(private).decode()
