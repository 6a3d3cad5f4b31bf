"""Room 3 alone: a docs page, and a client that tries to break what it describes."""

import argparse
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.contracts.ports import IngestionParts
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo
from shared.language import _

from . import build
from .given.alone import TOKEN, OneToken, RealTime, Silence
from .given.attempts import Intruder
from .given.list_store import ListStore
from .given.replies import place_of

COLOURS = {2: "green", 4: "yellow", 5: "red"}


def main() -> int:
    """Try the door, show what it said, and keep it open where somebody is watching."""
    parser = argparse.ArgumentParser(description=_("Room 3 alone: the door, and an intruder."))
    parser.add_argument("--serve", action="store_true", help=_("keep the docs page up"))
    parser.add_argument("--for", type=float, dest="seconds", help=_("end after so many seconds"))
    parser.add_argument("--port", type=int, default=0, help=_("the port; 0 takes a free one"))
    asked = parser.parse_args()
    stop = threading.Event()
    try:
        with door(asked.port) as (port, store):
            show(port, store)
            if asked.serve or asked.seconds is not None or sys.stdout.isatty():
                told = _("The docs page: {url} (Ctrl-C ends; token: {token})")
                url = f"http://127.0.0.1:{port}/docs"
                Console().print(told.format(url=url, token=TOKEN), soft_wrap=True)
                stop.wait(asked.seconds)
    except Todo as todo:
        Console().print(f"{todo} ({place_of(todo)})")
    except KeyboardInterrupt:
        return 130
    return 0


@contextmanager
def door(port: int) -> Iterator[tuple[int, ListStore]]:
    """Open the door on loopback; yields its port and the store behind it."""
    store, silence = ListStore(), Silence()
    parts = IngestionParts(RealTime(), silence, silence, OneToken(), store, store)
    app = build(Settings(), parts).app()
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    if not server.started:
        raise SystemExit(_("Port {port} is taken: choose another with --port.").format(port=port))
    try:
        yield server.servers[0].sockets[0].getsockname()[1], store
    finally:
        server.should_exit = True
        thread.join(5)


def show(port: int, store: ListStore) -> None:
    """Print what the intruder tried and what the door said, line by line."""
    table = Table(title=_("An intruder at the door"), title_justify="left")
    table.add_column(_("tried"), no_wrap=True)
    table.add_column(_("status"), justify="right")
    table.add_column(_("the door says"))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as own:
        for attempt in Intruder(own, store, port).attempts():
            colour = COLOURS.get(attempt.status // 100, "red")
            status = f"[{colour}]{attempt.status}[/]"
            table.add_row(escape(attempt.request), status, escape(attempt.said[:300]))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
