"""The reader's language: chosen by name or by the system, and never in the way."""

import gettext
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from shared import language


def compiled(messages: dict[str, str]) -> bytes:
    """Return a catalogue in gettext's binary format, as `msgfmt` would write it.

    Format: GNU gettext manual, "The Format of GNU MO Files".
    """
    messages = {"": "Content-Type: text/plain; charset=UTF-8\n"} | messages
    keys = [key.encode() for key in sorted(messages)]
    values = [messages[key].encode() for key in sorted(messages)]
    start = 28 + 16 * len(keys)
    tables, body = [b"", b""], b""
    for table, texts in enumerate((keys, values)):
        for text in texts:
            tables[table] += struct.pack("<II", len(text), start + len(body))
            body += text + b"\0"
    header = (0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, start)
    return struct.pack("<7I", *header) + tables[0] + tables[1] + body


@pytest.fixture
def french(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a French catalogue of one message."""
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = compiled({"the log is full": "le journal est plein"})
    (folder / "academy.mo").write_bytes(catalogue)
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "ACADEMY_LANG"):
        monkeypatch.delenv(variable, raising=False)
    language.catalogue.cache_clear()


@pytest.mark.usefixtures("french")
@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("ACADEMY_LANG", "fr", "le journal est plein"),
        ("LANG", "fr_FR.UTF-8", "le journal est plein"),
        ("LANGUAGE", "de:fr", "le journal est plein"),
        ("LANG", "en_GB.UTF-8", "the log is full"),
        ("LANG", "C", "the log is full"),
        ("ACADEMY_LANG", "xx", "the log is full"),
    ],
)
def test_catalogue_follows_the_reader(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, text: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert language._("the log is full") == text
    language.catalogue.cache_clear()


@pytest.mark.usefixtures("french")
def test_chosen_language_goes_before_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    monkeypatch.setenv("ACADEMY_LANG", "en")
    assert language._("the log is full") == "the log is full"
    language.catalogue.cache_clear()


def test_plural_works_without_a_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "catalogue", gettext.NullTranslations)
    assert language.plural("{n} reading", "{n} readings", 1) == "{n} reading"
    assert language.plural("{n} reading", "{n} readings", 2) == "{n} readings"


def test_importing_it_reads_no_catalogue() -> None:
    code = "import shared.language as l, sys; sys.exit(l.catalogue.cache_info().currsize)"
    root = str(Path(language.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], cwd=root, env=os.environ.copy(), check=True)
