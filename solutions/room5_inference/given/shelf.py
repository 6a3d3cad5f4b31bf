"""What a registry refuses and why, and how its files are written: whole or not at all."""

import os
import zipfile
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any, Final

from shared.contracts.benches.model import Card
from shared.language import _

LIBRARIES: Final = ("scikit-learn", "numpy", "skops")


class RegistryError(Exception):
    """A model that isn't used; the message says why and what to do."""


class UnknownVersion(RegistryError):  # noqa: N818 - errors are named by fact
    """There is no such version."""


class TamperedModel(RegistryError):  # noqa: N818 - errors are named by fact
    """The file isn't the one that was saved."""


class IncompatibleModel(RegistryError):  # noqa: N818 - errors are named by fact
    """Made by another format or by another edition of the libraries."""


class UntrustedModel(RegistryError):  # noqa: N818 - errors are named by fact
    """It names types that loading would have to execute."""


def present_libraries() -> dict[str, str]:
    """Return the editions, major.minor, of the libraries that a model file depends on."""
    return {name: ".".join(library_version(name).split(".")[:2]) for name in LIBRARIES}


def card_fields(card: Card) -> dict[str, Any]:
    """Return a card as JSON knows it."""
    return {
        "version": card.version,
        "data_hash": card.data_hash,
        "trained_until": card.trained_until.isoformat(),
        "metrics": dict(card.metrics),
        "sha256": card.sha256,
        "libraries": dict(card.libraries),
        "format": card.format,
    }


def read_blob(path: Path, version: str) -> bytes:
    """Return the model file's bytes; UnknownVersion if it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnknownVersion(
            _("no model {version}: {error}. Train it again.").format(version=version, error=error)
        ) from error


def types_in(blob: bytes, version: str) -> set[str]:
    """Return the types that a model file names and skops doesn't trust by itself.

    No object is made. UntrustedModel for a file that isn't skops's: a pickle, for one.
    """
    from skops import io

    try:
        return set(io.get_untrusted_types(data=blob))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UntrustedModel(
            _("model {version} is no file of skops: {error}. Delete it.").format(
                version=version, error=error
            )
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def altered(version: str) -> str:
    """Return what is said of a file that isn't the one that was saved."""
    return _("model {version} isn't as it was saved. Train it again.").format(version=version)


def other_edition(version: str, card: Card) -> str:
    """Return what is said of a model of other libraries."""
    return _("model {version} was made with {made}, here is {here}. Train it again.").format(
        version=version, made=dict(card.libraries), here=present_libraries()
    )


def foreign_types(version: str, types: set[str]) -> str:
    """Return what is said of a file that wants to make objects of such types."""
    return _("model {version} holds {types}. Delete it.").format(
        version=version, types=", ".join(sorted(types))
    )
