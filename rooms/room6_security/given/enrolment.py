"""Everybody's papers in one folder: made once, kept while good, renewed before their end."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from shared.contracts.identifiers import is_identifier
from shared.contracts.messages import BrokerUser, Credentials
from shared.contracts.ports import Banned
from shared.contracts.settings import IdentitySettings
from shared.language import _

from ..authority import FileAuthority, key_text, new_key, open_authority
from ..keyset import open_keys
from ..permissions import rights_of
from ..signing import make_request
from .keeping import keep
from .locking import alone
from .names import SERVERS, Subject, check_party
from .renewal import is_list_old, is_old, read_certificate, renew_authority

CLIENTS: Final = ("gateway", "operator")


class Enrolment:
    """The folder: authority/ (enrolment only), parties/NAME/ (each its own), trust/ (everybody)."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._settings = settings
        self._folder = Path(settings.folder)
        self._trust = self._folder / "trust"

    def enrol(self, name: str, kind: str) -> Credentials:
        """Return the credentials of a party, made if it is new, renewed near their end.

        Raises Banned for who was revoked for cause: whoever stole the device gets no new papers
        just because the pipeline starts again.
        """
        check_party(name, kind)
        with self._alone():
            authority = self._authority()
            record = self._record(name)
            if record.get("banned"):
                told = _("{name} was revoked for cause. Lift it: ./academy ban {name} --lift")
                raise Banned(told.format(name=name))
            if record.get("kind") != kind or record.get("revoked") or self._is_old(name):
                generation = int(record.get("generation", 0)) + 1
                if record and not record.get("revoked") and record.get("kind") == kind:
                    generation = int(record["generation"])  # a renewal keeps the subject
                self._make(authority, name, kind, generation)
        return self._credentials(name)

    def policy(self) -> Sequence[BrokerUser]:
        """Return the rights of everybody enrolled and not revoked, by name."""
        users = []
        for folder in sorted((self._folder / "parties").glob("*")):
            record = self._record(folder.name)
            if record and not record.get("revoked"):
                kind, generation = str(record["kind"]), int(record["generation"])
                subject = Subject(folder.name, kind, generation).text()
                users.append(rights_of(folder.name, kind, subject))
        return users

    def revoke(self, name: str, *, ban: bool = True) -> None:
        """Withdraw the present certificate of `name`; LookupError if it has none."""
        with self._alone():
            record = self._known(name)
            authority = self._authority()
            authority.revoke(self._party(name, "certificate.pem").read_bytes())
            # The list first: killed after it, the gate refuses what the record still calls good.
            keep(self._trust / "revocations.pem", authority.revocations())
            self._keep_record(name, {**record, "revoked": True, "banned": ban})

    def lift(self, name: str) -> None:
        """End the ban on `name`; LookupError if nobody of that name was ever enrolled."""
        with self._alone():
            self._keep_record(name, {**self._known(name), "banned": False})

    def _known(self, name: str) -> dict[str, Any]:
        record = self._record(name) if is_identifier(name) else {}
        if not record:
            raise LookupError(name)
        return record

    def _authority(self) -> FileAuthority:
        """Return the authority, and bring what everybody trusts up to date with it."""
        renew_authority(self._folder / "authority")
        authority = open_authority(str(self._folder / "authority"))
        for file, content in (("root.pem", authority.root()), ("issuing.pem", authority.chain())):
            path = self._trust / file
            if not path.exists() or path.read_bytes() != content:
                keep(path, content)
        if is_list_old(self._trust / "revocations.pem"):
            keep(self._trust / "revocations.pem", authority.revocations())
        return authority

    def _make(self, authority: FileAuthority, name: str, kind: str, generation: int) -> None:
        """Make key, request and certificate as the party would: it proves that it holds the key."""
        key = key_text(new_key())
        request = make_request(key, name, kind, generation)
        life = timedelta(seconds=self._settings.leaf_lifetime_s)
        hosts = self._settings.hosts if kind in SERVERS else ()
        certificate = authority.sign(request, name, kind, generation, life, hosts)
        keep(self._party(name, "key.pem"), key)
        keep(self._party(name, "chain.pem"), certificate + authority.chain())
        keep(self._party(name, "certificate.pem"), certificate)
        if kind in CLIENTS and not self._party(name, "secret").exists():
            self._give_secret(name, kind)
        if kind == "api":
            open_keys(str(self._party(name, "keys")))
        self._keep_record(name, {"kind": kind, "generation": generation, "revoked": False})

    def _give_secret(self, name: str, kind: str) -> None:
        """Make a secret of 256 bits; the API's side keeps its hash only."""
        secret = secrets.token_urlsafe(32)
        keep(self._party(name, "secret"), secret.encode())
        path = self._folder / "parties" / "api" / "clients.json"
        known: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        known[name] = {"kind": kind, "hash": secret_hash(secret)}
        keep(path, json.dumps(known).encode())

    def _is_old(self, name: str) -> bool:
        return is_old(read_certificate(self._party(name, "certificate.pem")))

    def _credentials(self, name: str) -> Credentials:
        record = self._record(name)
        secret = self._party(name, "secret")
        return Credentials(
            name,
            Subject(name, str(record["kind"]), int(record["generation"])).text(),
            str(self._party(name, "chain.pem")),
            str(self._party(name, "key.pem")),
            str(self._trust / "root.pem"),
            str(secret) if secret.exists() else None,
        )

    def _party(self, name: str, file: str) -> Path:
        return self._folder / "parties" / name / file

    def _record(self, name: str) -> dict[str, Any]:
        path = self._party(name, "record.json")
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    def _keep_record(self, name: str, record: dict[str, Any]) -> None:
        # Last of a party's files: without it, the party is made again.
        keep(self._party(name, "record.json"), json.dumps(record).encode())

    def _alone(self) -> AbstractContextManager[None]:
        """Keep a second enrolment out: two at once would give one name two certificates."""
        return alone(self._folder / "enrolling")


def secret_hash(secret: str) -> str:
    """Return the hash under which a secret of 256 random bits is kept.

    Nobody can try that many: a slow hash, which a chosen password needs, would gain nothing.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
