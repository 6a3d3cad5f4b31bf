"""`./academy up`: the whole pipeline, in one terminal, until Ctrl-C."""

import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Annotated

import typer

from shared.cli.failure import Failure
from shared.cli.view import make_view
from shared.language import _
from shared.pipeline.loader import Choice
from shared.pipeline.planning import BadWish, Plan, Wishes, make_plan
from shared.pipeline.session import Session
from shared.pipeline.supervisor import PipelineFailed
from shared.pipeline.workplace import AlreadyRunning, Workplace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(up)


def up(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    speed: Annotated[float, typer.Option(help=_("Seconds of data a second."))] = 7200.0,
    duration: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help=_("Stop after that long."))
    ] = None,
    devices: Annotated[int, typer.Option(help=_("Simulated devices beside the recording."))] = 3,
    sensors: Annotated[int, typer.Option(help=_("Sensors a simulated device."))] = 3,
    rate: Annotated[
        float, typer.Option(help=_("Readings a second of the simulated fleet."))
    ] = 18.0,
    yours: Annotated[str, typer.Option(metavar="1,4", help=_("Your rooms, checked or not."))] = "",
    stand_in: Annotated[str, typer.Option(metavar="6", help=_("Rooms left to a stand-in."))] = "",
    broker: Annotated[str, typer.Option(help=_("nats (embedded) or mosquitto."))] = "nats",
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("Your own CSV: timestamp,sensor_id,type,value[,unit]")),
    ] = None,
    seed: Annotated[int, typer.Option(help=_("Of the simulated fleet."))] = 1,
    fresh: Annotated[
        bool, typer.Option(help=_("Forget earlier runs (says what it deletes)."))
    ] = False,
) -> None:
    """Start the pipeline: sensors, MQTT, API, storage, model, alerts."""
    wishes = Wishes(
        speed=speed,
        devices=devices,
        sensors=sensors,
        rate=rate,
        yours=room_numbers(yours, "--yours"),
        stand_ins=room_numbers(stand_in, "--stand-in"),
        broker=broker,
        data=data,
        seed=seed,
    )
    place = Workplace()
    with locked(place):
        try:
            run_until_stopped(place, wishes, duration, fresh=fresh)
        except (BadWish, PipelineFailed) as error:
            raise Failure(str(error)) from error


def locked(place: Workplace) -> IO[bytes]:
    """Return the lock of a workplace that is ready to run in; Failure where it isn't."""
    try:
        place.prepare()
        return place.lock()
    except AlreadyRunning as error:
        raise Failure(
            _("A pipeline runs here already ({home}). Stop it: ./academy down").format(home=error)
        ) from error
    except OSError as error:
        raise Failure(
            _(
                "{path} can't be written ({error})."
                " Name another folder: ACADEMY_HOME=FOLDER ./academy up"
            ).format(path=place.root, error=error.strerror)
        ) from error


def room_numbers(text: str, option: str) -> frozenset[int]:
    """Return the room numbers of "1,4"; raises Failure for anything else."""
    try:
        return frozenset(int(part) for part in text.replace(" ", "").split(",") if part)
    except ValueError as error:
        raise Failure(
            _("{option}: expected room numbers like 1,4, got {text!r}").format(
                option=option, text=text
            )
        ) from error


def run_until_stopped(
    place: Workplace, wishes: Wishes, duration: float | None, *, fresh: bool
) -> None:
    """Run the pipeline in this terminal until Ctrl-C, `./academy down` or the end of `duration`.

    The caller holds the workplace's lock. Raises BadWish and PipelineFailed.
    """
    began = time.monotonic()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    plan = _prepared(place, wishes, fresh=fresh)
    view = make_view(place, plan)
    session = Session(place, plan, view.notice, stop)
    supervisor = session.start()
    if duration is not None:
        threading.Timer(duration, stop.set).start()
    view.started(time.monotonic() - began)
    watch_for_wish(place, stop)
    try:
        with view:
            session.watch(supervisor, view.refresh)
    finally:
        ending = time.monotonic()
        session.finish(supervisor)
        view.summary(session.accountant().account(), time.monotonic() - ending)


def _prepared(place: Workplace, wishes: Wishes, *, fresh: bool) -> Plan:
    # What a mystery's wrong room has stored is nobody's history.
    chosen = place.read("plan").get("choices", {}).values()
    if fresh or Choice.MYSTERY.value in chosen:
        for path in place.clear():
            sys.stdout.write(_("deleted: {path}").format(path=path) + "\n")
    (place.run / "stop").unlink(missing_ok=True)
    return make_plan(place, wishes)


def watch_for_wish(place: Workplace, stop: threading.Event) -> None:
    """Set `stop` once `./academy down` left its wish: a file, the same on every system."""

    def loop() -> None:
        while not stop.wait(0.1):
            if (place.run / "stop").exists():
                stop.set()

    threading.Thread(target=loop, name="down-watch", daemon=True).start()
