"""Two clocks: the data's own, which may run thousands of times faster, and the wall's."""

import time
from datetime import UTC, datetime, timedelta

from shared.contracts.settings import ClockSettings


class RunClock:
    """The event clock of one run, the same in every process, and the wall clock beside it."""

    def __init__(self, settings: ClockSettings) -> None:
        self._settings = settings

    def now(self) -> datetime:
        """Return the event clock's time: start + wall time since then × speed."""
        elapsed = time.time() - self._settings.wall_start
        return self._settings.start + timedelta(seconds=elapsed * self._settings.speed)

    def wall(self) -> datetime:
        """Return the wall clock's time, UTC."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the wall seconds until the event clock shows `moment`; negative if it is past."""
        return (moment - self.now()).total_seconds() / self._settings.speed

    def tolerance(self, wall_s: float) -> float:
        """Return `wall_s` seconds of wall time as seconds of event time, at least as many."""
        return wall_s * max(1.0, self._settings.speed)
