"""Broker, device and gateway in one terminal: pull the plug and watch."""

import argparse
import contextlib
import io
import os
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path

from shared.contracts.todo import Todo
from shared.language import _

from .given.plug import NoBroker
from .given.scene import Scene, State
from .given.tour import stops

_PLAIN_S = 10.0
_LINE_S = 0.5
_REDRAW_S = 0.1
_WIDTH = 40


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="run 2", description=__doc__)
    add = parser.add_argument
    add("--for", dest="seconds", type=float, help=_("end by itself after so many seconds"))
    add("--devices", type=int, default=2)
    add("--rate", type=float, default=60.0, help=_("readings a second, of all together"))
    add("--cut", type=float, default=4.0, help=_("pull the plug every so many seconds; 0: never"))
    add("--off", type=float, default=2.0, help=_("and leave it out for so many"))
    return parser.parse_args(arguments)


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


def line_of(state: State) -> str:
    """Return the state in one line."""
    told = _(
        "{seconds:5.1f} s  broker {plug}  made {made:5}  pending {pending:4}"
        "  stored {stored:5}  again {again:4}  dead {dead:3}"
    )
    return told.format(
        seconds=state.seconds,
        plug=_("on ") if state.plugged else _("OFF"),
        made=state.made,
        pending=state.pending,
        stored=state.stored,
        again=state.duplicates,
        dead=state.dead,
    )


def picture_of(state: State) -> str:
    """Return the state as a few lines with a bar for what waits in the outboxes."""
    bar = "█" * min(_WIDTH, state.pending // 3)
    plug = _("in") if state.plugged else _("PULLED")
    return "\n".join(
        (
            _("plug      {plug}").format(plug=plug),
            _("outboxes  {pending:5} {bar}").format(pending=state.pending, bar=bar),
            _("made      {made:5}").format(made=state.made),
            _("stored    {stored:5}  sent again and recognised {again}").format(
                stored=state.stored, again=state.duplicates
            ),
            _("dead      {dead:5}").format(dead=state.dead),
            _("age       {age:5.2f} s, the latest reading's").format(age=state.age_s),
        )
    )


def show(scene: Scene, stop: threading.Event) -> None:
    """Tell how it goes until `stop` is set: a picture in a terminal, lines in a pipe."""
    if not sys.stdout.isatty():
        while not stop.wait(_LINE_S):
            scene.check()
            print(line_of(scene.state()), flush=True)
        return
    from rich.live import Live

    with Live(picture_of(scene.state()), auto_refresh=False) as live:
        while not stop.wait(_REDRAW_S):
            scene.check()
            live.update(picture_of(scene.state()), refresh=True)


def run(asked: argparse.Namespace, stop: threading.Event) -> int:
    """Play the scene until `stop` is set; return 0 if nothing was lost."""
    seconds = asked.seconds if asked.seconds is not None else _PLAIN_S
    if asked.seconds is not None or not sys.stdout.isatty():
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        scene = Scene(Path(folder), asked.devices, asked.rate)
        try:
            scene.begin(asked.cut, asked.off)
            show(scene, stop)
        finally:
            lost = scene.end()
    print(line_of(scene.state()))
    print(
        _("made = stored + dead, id by id: {answer}").format(answer=_("no") if lost else _("yes"))
    )
    return 1 if lost else 0


def main() -> int:
    """Return 0, also when it was ended by Ctrl-C or by a reader that closed its end of the pipe."""
    asked = options()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        return run(asked, stop) if take_the_tour() else 0
    except Todo as todo:
        print(waiting(todo))
    except BrokenPipeError:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except NoBroker as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
