"""What the room needs around it to run alone: a door that remembers, and nothing to see."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from shared.contracts.facts import Fact
from shared.contracts.messages import Answer, DeadLetter, ItemAnswer
from shared.language import _

HOTTEST_C = 60.0


class SmallDoor:
    """An API in this process: stores each id once, refuses what no thermometer says."""

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.duplicates = 0

    def send(self, items: Sequence[Mapping[str, object]]) -> Answer:
        """Return a verdict an item."""
        return Answer(200, tuple(self._one(item) for item in items))

    def renew(self) -> None:
        """Do nothing: there is no lock."""

    def _one(self, item: Mapping[str, object]) -> ItemAnswer:
        identity, value = str(item.get("message_id")), float(str(item["value"]))
        if value > HOTTEST_C:
            return ItemAnswer(422, identity, _("value: nothing here is that hot"))
        if identity in self.stored:
            self.duplicates += 1
            return ItemAnswer(200, identity)
        self.stored.add(identity)
        return ItemAnswer(201, identity)


class Drawer:
    """Dead letters, kept as long as the program runs."""

    def __init__(self) -> None:
        self.letters: dict[str, DeadLetter] = {}

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep each once."""
        for letter in letters:
            self.letters.setdefault(letter.letter_id, letter)


class Wall:
    """The wall's clock for everything."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def wall(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the seconds until `moment`."""
        return (moment - self.now()).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        """Return the same."""
        return wall_s


class Ages:
    """Telemetry that keeps the ages of readings and the number of connections."""

    def __init__(self) -> None:
        self.latest_s = 0.0

    def event(self, level: str, name: str, **context: object) -> None:
        """Say nothing: the table tells it."""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Keep the latest age."""
        del labels
        if fact is Fact.READING_AGE_S:
            self.latest_s = value

    def trace(self, traceparent: str | None = None) -> str:
        """Follow no reading."""
        return traceparent or f"00-{'0' * 31}1-{'0' * 15}1-00"

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """As above."""


class NoLock:
    """A keyring without keys: the door is open, on loopback."""

    def client(self, name: str) -> ssl.SSLContext | None:
        """Return None: no TLS."""
        del name
        return None

    def server(self, name: str, *, require_client: bool) -> ssl.SSLContext | None:
        """Return None: no TLS."""
        del name, require_client
        return None
