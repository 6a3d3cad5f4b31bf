"""A recording played again: any length, its gaps, disorder and duplicates as they are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from pathlib import Path

from shared.contracts.benches.sensors import RowRefused
from shared.contracts.messages import Birth, Reading
from shared.contracts.todo import Todo
from shared.language import _

from .given.lines import Line, read_lines
from .reading import BadReading
from .rows import Format, OwnRows, StationRows, device_of

Tell = Callable[[RowRefused], None]

MOST_DEVICES = 100
"""In one recording: each is read through a file handle of its own."""


class RecordingRefused(ValueError):  # noqa: N818 - a fact, named as one
    """A file that is no recording: what was expected of it, and what to do."""


@dataclass(slots=True)
class Stretch:
    """Where a device's rows stand in the file: [start, end), `line` is the first one's number."""

    start: int
    line: int
    end: int


class Recording:
    """A CSV file of measurements. Making one reads its header only."""

    def __init__(self, path: str, taken: frozenset[str] = frozenset()) -> None:
        self.path = Path(path)
        expected = _("recording {path}: expected a file with a header, got {got}")
        if self.path.exists() and not self.path.is_file():
            # A pipe or a terminal can't be read twice; opening it might wait for ever.
            raise RecordingRefused(expected.format(path=path, got=_("something else")))
        try:
            header = next(read_lines(self.path), None)
        except OSError as error:
            got = error.strerror or str(error)
            raise RecordingRefused(expected.format(path=path, got=got)) from None
        if header is None:
            raise RecordingRefused(expected.format(path=path, got=_("an empty file")))
        self._body = header.end
        self._rows = self._recognise(header, taken)
        self._stretches: dict[str | None, Stretch] | None = None

    def _recognise(self, header: Line, taken: frozenset[str]) -> Format:
        """Return the format that the header names; RecordingRefused for neither."""
        try:
            columns = tuple(name.lower() for name in header.fields())
        except BadReading as error:
            columns = (str(error),)
        if columns == StationRows.columns:
            return StationRows()
        if set(OwnRows.required) <= set(columns) and len(set(columns)) == len(columns):
            return OwnRows(device_of(self.path, taken), columns)
        wanted = (",".join((*OwnRows.required, "[unit]")), ",".join(StationRows.columns))
        message = _("recording {path}, line 1: expected the header {own} or {stations}, got {got}")
        raise RecordingRefused(
            message.format(
                path=self.path, own=wanted[0], stations=wanted[1], got=",".join(columns)[:200]
            )
        )

    @property
    def is_own(self) -> bool:
        """Whether these are somebody's own rows, all of which are wanted."""
        return isinstance(self._rows, OwnRows)

    def births(self) -> tuple[Birth, ...]:
        """Return the devices of the file with their sensors, in order of appearance.

        The first call reads the file once, in constant memory.
        """
        keys = (key for key in self._scanned() if key is not None)
        births = (Birth(key, self._rows.cards(key)) for key in keys)
        return tuple(birth for birth in births if birth.sensors)

    def _scanned(self) -> dict[str | None, Stretch]:
        """Return the stretch of each device; None stands for rows before any device is known."""
        if self._stretches is None:
            found: dict[str | None, Stretch] = {}
            body = Stretch(self._body, 2, self.path.stat().st_size)
            for key, line in self._owned(None, body, found):
                found.setdefault(key, Stretch(line.start, line.number, line.end)).end = line.end
                self._rows.learn(line)
            self._stretches = found
        return self._stretches

    def _owned(
        self, owner: str | None, stretch: Stretch, known: Mapping[str | None, Stretch]
    ) -> Iterator[tuple[str | None, Line]]:
        """Yield each line of a stretch that isn't blank, with its device.

        A line that tells no device, or one too many, goes with the line before: somebody has to
        refuse it. `known` may grow meanwhile.
        """
        for line in read_lines(self.path, stretch.start, stretch.end, stretch.line):
            if line.data is None or line.data.strip():
                key = self._rows.key((line.data or b"").split(b",", 1)[0].strip(b' "'))
                if key is not None and (key in known or len(known) < MOST_DEVICES):
                    owner = key
                yield owner, line

    def stream(
        self, device: str | None, since: datetime | None, skip: int, tell: Tell
    ) -> Iterator[Reading]:
        """Yield the readings of one device as they stand in the file, less the first `skip`.

        What is older than `since` doesn't count. Rows that can't be used go to `tell`, but not
        those among the skipped ones: they were told before.
        """
        # task 1.4: line by line; nothing is collected, ordered or filled in
        raise Todo("1.4")

    def _readings(self, line: Line, device: str | None, tell: Tell) -> Iterator[Reading]:
        """Yield the readings of a line; what can't be used goes to `tell` with its place."""

        def refuse(error: BadReading) -> None:
            name = str(self.path)
            tell(RowRefused(name, line.number, error.field, error.expected, error.got))

        try:
            for reading in self._rows.readings(line.fields(), refuse):
                if reading.device_id != device:
                    most = _("one of the first {count} stations").format(count=MOST_DEVICES)
                    refuse(BadReading("station", most, reading.device_id))
                    return
                yield reading
        except BadReading as error:
            refuse(error)

    def devices(self) -> tuple[str | None, ...]:
        """Return what `stream` can be asked for: devices, and None for rows of no device."""
        return tuple(self._scanned())


def replay(path: str, since: datetime | None, refuse: Tell) -> Iterator[Reading]:
    """Yield the readings of the recording at `path` that aren't older than `since`, by time."""
    recording = Recording(path)
    # task 1.4: stations may stand one after another in the file; merge their streams by time
    raise Todo("1.4")


def _say_nothing(refused: RowRefused) -> None:
    """Take a refusal that was told before."""
    del refused
