"""A small fleet, live: a table with sparklines in a terminal, plain lines in a pipe."""

import argparse
import io
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.contracts.facts import Fact
from shared.contracts.messages import Reading
from shared.contracts.ports import SensorParts, Sensors
from shared.contracts.settings import ClockSettings, Settings, SourceSettings
from shared.contracts.todo import Todo
from shared.language import _

from . import build
from .given.display import Board, line_of, truth_line
from .given.tour import START, fitted, stops
from .pacing import merge, pace
from .twin import StationTwin, TwinSensor

_PLAIN_S = 5.0
_REDRAW_S = 0.25


class AloneClock:
    """An event clock that starts with the program."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._begun = time.monotonic()

    def now(self) -> datetime:
        """Return the event clock's time."""
        return START + timedelta(seconds=(time.monotonic() - self._begun) * self._speed)

    def wall(self) -> datetime:
        """Return the wall clock's time."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the wall seconds until `moment`."""
        return (moment - self.now()).total_seconds() / self._speed

    def tolerance(self, wall_s: float) -> float:
        """Return `wall_s` in event time."""
        return wall_s * self._speed


class Complaints:
    """Telemetry for a program alone: what is wrong goes to standard error."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Print one line."""
        words = " ".join(f"{key}={value}" for key, value in context.items())
        print(f"{level}: {name} {words}", file=sys.stderr)

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Nobody measures here."""

    def trace(self, traceparent: str | None = None) -> str:
        """Nobody follows a reading here."""
        return traceparent or ""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """As above."""


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="run 1", description=_("A small fleet, live."))
    add = parser.add_argument
    add("--for", dest="seconds", type=float, help=_("end by itself after so many seconds"))
    add("--devices", type=int, default=3)
    add("--sensors", type=int, default=3, help=_("of each device"))
    add("--rate", type=float, default=18.0, help=_("readings a second, of all together"))
    add("--speed", type=float, default=7200.0, help=_("seconds of event time a second"))
    add("--seed", type=int, default=1)
    add("--no-faults", action="store_true", help=_("sensors that never fail"))
    add("--recording", help=_("a CSV file to play beside the fleet"))
    add("--twin", metavar="STATION", help=_("EWR, JFK or LGA: add a twin of its thermometer"))
    return parser.parse_args(arguments)


def settings_of(asked: argparse.Namespace) -> Settings:
    """Return settings for an unpaced source: it is paced here, beside the twin."""
    source = SourceSettings(
        recording=asked.recording,
        recording_from=START,
        devices=asked.devices,
        sensors=asked.sensors,
        rate=asked.rate,
        faults=not asked.no_faults,
        seed=asked.seed,
        paced=False,
    )
    return Settings(clock=ClockSettings(start=START, speed=asked.speed), source=source)


def twin_readings(station: str, twin: StationTwin, seed: int) -> Iterator[Reading]:
    """Yield an hourly reading of a station that doesn't exist, without end."""
    moment = START
    sensor = TwinSensor((f"twin-{station}", "TWIN-TEMP"), twin, seed, lambda: moment)
    while True:
        yield sensor.read()
        moment += timedelta(hours=1)


def take_the_tour() -> bool:
    """Print what each task makes, or where it waits; return whether all are done."""
    done = True
    for task, show in stops():
        try:
            print(f"{task}  {show()}", flush=True)
        except Todo as todo:
            done = False
            print(f"{task}  {waiting(todo)}", flush=True)
    print(flush=True)
    return done


def waiting(todo: Todo) -> str:
    """Return which task isn't done, and where."""
    frame = traceback.extract_tb(todo.__traceback__)[-1]
    path = Path(os.path.relpath(frame.filename))
    return _("{todo}: {path}:{line}").format(todo=todo, path=path, line=frame.lineno)


def show_lines(readings: Iterator[Reading], source: Sensors) -> None:
    """Print each reading, and at the end what was really wrong."""
    for reading in readings:
        print(line_of(reading), flush=True)
    print("\n" + _("ground truth, which is in no reading:"))
    for truth in source.truth():
        print(truth_line(truth))


def show_table(readings: Iterator[Reading], source: Sensors) -> None:
    """Show the fleet in a terminal until it ends."""
    from rich.live import Live

    board = Board()
    drawn_s = 0.0
    with Live(board.show(()), auto_refresh=False) as live:
        for reading in readings:
            board.note(reading)
            if time.monotonic() - drawn_s >= _REDRAW_S:
                drawn_s = time.monotonic()
                live.update(board.show(source.truth()), refresh=True)
        live.update(board.show(source.truth()), refresh=True)


def run(asked: argparse.Namespace, stop: threading.Event) -> None:
    """Show the fleet until `stop` is set."""
    terminal = sys.stdout.isatty()
    seconds = asked.seconds if asked.seconds is not None else None if terminal else _PLAIN_S
    twins = []
    if asked.twin is not None:
        twins.append(twin_readings(asked.twin, fitted(asked.twin), asked.seed))
    clock = AloneClock(asked.speed)
    source = build(settings_of(asked), SensorParts(clock, Complaints()))
    streams = [source.readings({}, stop), *twins]
    if seconds is not None:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    (show_table if terminal else show_lines)(pace(merge(streams), clock, stop), source)


def main() -> int:
    """Return 0, also when it was ended by Ctrl-C or by a reader that closed its end of the pipe."""
    asked = options()
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: stop.set())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        if take_the_tour():
            run(asked, stop)
        sys.stdout.flush()
    except Todo as todo:
        print(waiting(todo))
    except BrokenPipeError:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
