"""The lines of a file of any length, each with its place, none longer than memory allows."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.language import _

from ..reading import BadReading

LONGEST = 65_536
"""Bytes; a longer line is no row of measurements, whatever it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line: its number from 1, where it begins and ends, and its bytes.

    `data` is None if the line is longer than LONGEST.
    """

    number: int
    start: int
    end: int
    data: bytes | None

    def text(self) -> str:
        """Return the line without its ending; BadReading if it is too long or no UTF-8."""
        if self.data is None:
            got = _("{count} bytes").format(count=self.end - self.start)
            raise BadReading("row", _("at most {count} bytes").format(count=LONGEST), got)
        try:
            return self.data.rstrip(b"\r\n").decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = self.data[error.start : error.start + 1]
            raise BadReading("row", _("UTF-8 text"), byte) from None

    def fields(self) -> list[str]:
        """Return the comma-separated fields, without the blanks around them.

        A quotation mark that isn't closed ends with its line: it must not swallow the file.
        """
        text = self.text()
        if '"' not in text:
            return [field.strip() for field in text.split(",")]
        try:
            return [field.strip() for field in next(csv.reader([text], strict=True))]
        except csv.Error as error:
            raise BadReading("row", _("quotation marks that match"), str(error)) from None


def read_lines(
    path: Path, start: int = 0, end: int | None = None, number: int = 1
) -> Iterator[Line]:
    """Yield the lines of `path` that begin in [start, end); `number` is that of the first.

    Memory is bounded by LONGEST. A UTF-8 byte order mark before the first line is no part of it.
    """
    with path.open("rb") as file:
        file.seek(start)
        while end is None or start < end:
            data = file.readline(LONGEST + 1)
            if not data:
                return
            whole = len(data) <= LONGEST
            length = len(data) if whole else len(data) + _rest(file, data)
            yield Line(number, start, start + length, data if whole else None)
            start += length
            number += 1


def _rest(file: BinaryIO, data: bytes) -> int:
    """Read on to the end of an overlong line; return how many bytes that was."""
    length = 0
    while data and not data.endswith(b"\n"):
        data = file.readline(LONGEST)
        length += len(data)
    return length
