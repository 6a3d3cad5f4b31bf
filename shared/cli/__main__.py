"""`python -m shared.cli`: what the launcher becomes."""

import sys

from shared.course.folders import ROOT
from shared.language import _
from shared.launcher.environment import Environment, say

_OURS = {"shared", "rooms", "solutions", "grader"}


def _start() -> None:
    """Run the command line. A library that went missing is named, and brought back next time."""
    try:
        from shared.cli.app import main

        main()
    except ModuleNotFoundError as error:
        library = (error.name or "").split(".")[0]
        if library in _OURS:
            raise
        Environment(ROOT / ".venv").mark_damaged()
        text = _("{library} is missing from .venv; the same command again brings it back.")
        say(text.format(library=library))
        sys.exit(1)


_start()
