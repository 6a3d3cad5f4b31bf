"""A gallery of intruders: each comes to a real TLS endpoint and is refused with the reason."""

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from shared.contracts.todo import Todo
from shared.language import _

from .given.gallery import Gallery


def main() -> int:
    """Show every visitor and what the door's log says; return 1 if a wrong one got in."""
    parser = argparse.ArgumentParser(prog="run 6", description=__doc__)
    parser.add_argument("--for", dest="seconds", type=float, default=30.0)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="academy-room6-") as folder:
        try:
            return show(Path(folder), time.monotonic() + asked.seconds)
        except Todo as todo:
            frame = traceback.extract_tb(todo.__traceback__)[-1]
            print(f"{todo}: {os.path.relpath(frame.filename)}:{frame.lineno}")
        except KeyboardInterrupt:
            print()
    return 0


def show(folder: Path, deadline: float) -> int:
    """Let the visitors come, one after another; print a line each."""
    gallery = Gallery(folder)
    for line in gallery.authorities():
        print(f"  {line}", flush=True)
    gallery.open()
    let_in = []
    for visitor, call in gallery.visitors():
        if time.monotonic() > deadline:
            break
        answer = call()
        if answer == "let in":
            let_in.append(visitor)
        print(f"  {visitor:<34}{answer}", flush=True)
    gallery.endpoint.close()
    ours = [_("a device of ours"), _("a token of ours")]
    print(_("let in: {names}").format(names=", ".join(let_in) or "–"))
    return 0 if set(let_in) <= set(ours) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
