"""Where models are kept: each with its card, none that was altered, none that runs code."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from shared.contracts.benches.model import Card
from shared.language import _

from .given.shelf import (
    IncompatibleModel,
    RegistryError,
    TamperedModel,
    UnknownVersion,
    UntrustedModel,
    altered,
    card_fields,
    foreign_types,
    other_edition,
    present_libraries,
    read_blob,
    types_in,
    write_whole,
)

FORMAT: Final = 1
MODEL_FILE: Final = "model.skops"
CARD_FILE: Final = "card.json"
POINTER_FILE: Final = "champion.json"
TRUSTED: Final = frozenset[str]()
"""Types beyond those that skops itself trusts: none. Arrays, numbers, scikit-learn's estimators."""
_VERSION = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class Registry:
    """Versions in a folder: `<version>/model.skops`, `<version>/card.json`, and who is champion."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self,
        version: str,
        content: Any,  # noqa: ANN401 - these libraries bring no types
        *,
        data_hash: str,
        trained_until: datetime,
        metrics: Mapping[str, float],
    ) -> Card:
        """Write `content` under `version` and return its card; the same version is replaced whole.

        The card comes last, so a version that has one is complete. ValueError for a bad name.
        """
        from skops import io

        folder, blob = self._place(version), io.dumps(content)
        card = Card(
            version=version,
            data_hash=data_hash,
            trained_until=trained_until,
            metrics={name: float(value) for name, value in metrics.items()},
            sha256=hashlib.sha256(blob).hexdigest(),
            libraries=present_libraries(),
        )
        text = json.dumps(card_fields(card)).encode()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CARD_FILE).unlink(missing_ok=True)
        for name, content_ in ((MODEL_FILE, blob), (CARD_FILE, text)):
            write_whole(folder / name, content_)
        return card

    def card(self, version: str) -> Card:
        """Return the card of a version; UnknownVersion if there is none that can be read."""
        path = self._place(version) / CARD_FILE
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            moment = datetime.fromisoformat(fields.pop("trained_until"))
            return Card(trained_until=moment, **fields)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UnknownVersion(
                _("no model {version}: {error}. Train it again.").format(
                    version=version, error=error
                )
            ) from error

    def load(self, version: str) -> Any:  # noqa: ANN401 - these libraries bring no types
        """Return what was saved, executing nothing that the file says.

        Raises TamperedModel, IncompatibleModel or UntrustedModel, in this order, before any
        object is made; UnknownVersion without a file.
        """
        from skops import io

        card, blob = self.card(version), read_blob(self._place(version) / MODEL_FILE, version)
        if not hmac.compare_digest(hashlib.sha256(blob).hexdigest(), card.sha256):
            raise TamperedModel(altered(version))
        if (card.format, card.libraries) != (FORMAT, present_libraries()):
            raise IncompatibleModel(other_edition(version, card))
        if foreign := types_in(blob, version) - TRUSTED:
            raise UntrustedModel(foreign_types(version, foreign))
        return io.loads(blob)

    def promote(self, version: str, score: Callable[[Any], float], held_from: datetime) -> bool:
        """Make `version` champion if it is the first, or better than the champion; return whether.

        `score` gives an error (lower is better) on data from `held_from` on, which neither may
        have seen: ValueError if one was trained beyond it. Equal isn't better.
        """
        history = self.history()
        champion = history[-1] if history else None
        for rival in filter(None, (champion, version)):
            if held_from < self.card(rival).trained_until:
                raise ValueError(f"{rival} was trained on what it is judged by")
        error = score(self.load(version))
        if champion is not None and score(self.load(champion)) <= error:
            return False
        self._write_history([*history, version])
        return True

    def rollback(self) -> str:
        """Make the champion before the present one champion again and return its version.

        RegistryError if there is none.
        """
        history = self.history()
        if len(history) < 2:  # noqa: PLR2004 - as the docstring says
            raise RegistryError(_("no earlier champion to go back to"))
        self._write_history(history[:-1])
        return history[-2]

    def champion(self) -> str | None:
        """Return the version in use, None before the first promotion."""
        history = self.history()
        return history[-1] if history else None

    def history(self) -> list[str]:
        """Return the champions so far, the present one last."""
        try:
            return list(json.loads((self.folder / POINTER_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return []

    def _write_history(self, versions: list[str]) -> None:
        write_whole(self.folder / POINTER_FILE, json.dumps(versions).encode())

    def _place(self, version: str) -> Path:
        if not _VERSION.match(version):
            raise ValueError(f"expected a version of letters, digits, _ and -, got {version!r}")
        return self.folder / version
