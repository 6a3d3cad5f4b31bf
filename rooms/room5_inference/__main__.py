"""Room 5 alone: trains, finds a real error among true weather and injected faults, draws it."""

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from shared.contracts.messages import Alert, Reading
from shared.contracts.todo import Todo
from shared.language import _

RECORDING = Path(__file__).parents[2] / "shared" / "data" / "nyc-weather-2013.csv"
PICTURE = (datetime(2013, 5, 7, 12, tzinfo=UTC), datetime(2013, 5, 10, 12, tzinfo=UTC))


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="run 5", description=_("Room 5 alone: the model."))
    add = parser.add_argument
    add("--for", dest="seconds", type=float, help=_("accepted as everywhere; this room ends alone"))
    add("--evaluate", action="store_true", help=_("print all tables: minutes, not seconds"))
    add("--seeds", type=int, default=20, help=_("with --evaluate: seeds of injected faults"))
    add("--recording", type=Path, default=RECORDING, help=_("a recording of your own (CSV)"))
    add("--models", type=Path, help=_("where the model is kept (default: nowhere)"))
    add("--workers", type=int, default=os.cpu_count() or 1, help=_("processes for --evaluate"))
    return parser.parse_args(arguments)


def main() -> int:
    """Show what the room can do; an undone task is shown with its place."""
    asked = options()
    console = Console()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = asked.models or Path(scratch)
            if asked.recording != RECORDING:
                listen(console, asked.recording)
            elif asked.evaluate:
                tabulate(console, asked, folder)
            else:
                demonstrate(console, asked.recording, folder)
    except Todo as todo:
        frame = traceback.extract_tb(todo.__traceback__)[-1]
        console.print(f"{todo} ({frame.filename}:{frame.lineno})", highlight=False)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def listen(console: Console, recording: Path) -> None:
    """Print what is found in a recording of one's own by a model that learns as it goes."""
    from .given.own import heard
    from .given.tables import alert_line

    found = heard(recording)
    console.print(
        _("sensors, learnt from as they speak: {sensors}; alerts: {alerts}").format(
            sensors=found.sensors, alerts=len(found.alerts)
        )
    )
    for alert in found.alerts:
        console.print(alert_line(alert), highlight=False, soft_wrap=True)
    for sensor, days in found.lacking.items():
        line = _("{sensor}: too little history, nothing is said yet; {days} days more are needed")
        console.print(line.format(sensor=sensor, days=days), highlight=False, soft_wrap=True)


def demonstrate(console: Console, recording: Path, folder: Path) -> None:
    """Train, go through some weeks, draw the real error, and put one seed's faults in."""
    from .given.right import TRAINED_BEFORE, in_time, injected, observed, trained
    from .given.tables import alert_line, show_scores

    console.print(_("training on what is before {day:%d %B %Y} …").format(day=TRAINED_BEFORE))
    artefact = trained(recording, folder)
    readings = in_time(recording, TRAINED_BEFORE)
    weeks = [one for one in readings if one.timestamp < TRAINED_BEFORE + timedelta(weeks=5)]
    found = observed(artefact, weeks)
    console.print(_("alerts of five weeks, sea breezes among them:"))
    for alert in found:
        console.print(alert_line(alert), highlight=False, soft_wrap=True)
    draw(console, weeks, found)
    console.print(_("now with faults put in, May to December …"))
    scores = injected(recording, folder, seed=1)
    show_scores(console, _("injected faults, one seed"), scores)


def draw(console: Console, readings: Sequence[Reading], alerts: Sequence[Alert]) -> None:
    """Draw the days of the real error, with the sensor's own alerts in it."""
    from .given.picture import between, picture

    days = between(readings, *PICTURE, "temperature")
    if days:
        console.print(_("temperature at JFK (●) and its neighbours (·), alert ✗, °C"))
        console.print(picture(days, "JFK-temperature", alerts))


def tabulate(console: Console, asked: argparse.Namespace, folder: Path) -> None:
    """Print every table of what this model is worth."""
    from .given.right import after_training, forecasts, injected_all, untrained
    from .given.tables import show_forecasts, show_price, show_scores, show_stretch

    show_forecasts(console, forecasts(asked.recording))
    clean = after_training(asked.recording, folder)
    show_stretch(console, _("trained before 6 May, May to December, as recorded"), clean)
    year = untrained(asked.recording)
    show_stretch(console, _("not trained at all, the whole year, learning as it goes"), year)
    scores = injected_all(asked.recording, folder, asked.seeds, asked.workers)
    title = _("injected faults, {seeds} seeds, all stations").format(seeds=asked.seeds)
    show_scores(console, title, scores)
    show_price(console, scores.values(), asked.seeds * clean.months)
    console.print(
        _(
            "Thresholds are learnt from what came before; the kinds of evidence and their few"
            " constants were designed with this year in view. Another recording is the real test."
        )
    )


if __name__ == "__main__":
    sys.exit(main())
