"""Lines for a terminal: wrapped where they are too wide for it, and coloured where that is wanted.

In a pipe nothing is wrapped and nothing coloured. A colour never says what no word says, and the
order of the lines is the order to read them in, for screen readers too.
"""

import os
import re
import shutil
import sys
import textwrap
from typing import Final

from grader.verdicts import Outcome

_COLOURS: Final = {
    Outcome.PASSED.value: 32,
    Outcome.NOT_YET.value: 33,
    Outcome.WAITING.value: 2,
    Outcome.FAULT.value: 31,
}
# What stands before the text that is wrapped: a state and a task, or a label of feedback.
_LEAD: Final = re.compile(
    r"(passed|not yet|waiting|grader fault) +\S+  |  (Expected|Got) +| +[a-z ]+: | +"
)
_NARROWEST: Final = 40


def is_terminal() -> bool:
    """Return whether a person looks at what we write."""
    return sys.stdout.isatty()


def columns() -> int:
    """Return how wide the terminal is."""
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def put(text: str = "") -> None:
    """Write lines; in a terminal wrapped under their own beginning, and coloured by their state."""
    for line in text.split("\n"):
        sys.stdout.write((_dressed(line) if is_terminal() else line) + "\n")
    sys.stdout.flush()


def _dressed(line: str) -> str:
    found = _LEAD.match(line)
    # A place and a command stay in one piece, so that they can be copied.
    if len(line) > columns() and not line.lstrip().startswith(("Look at", "hint:")):
        line = textwrap.fill(
            line,
            columns(),
            subsequent_indent=" " * (len(found[0]) if found else 2),
            break_on_hyphens=False,
            replace_whitespace=False,
        )
    state = found[1] if found else None
    return _painted(state) + line.removeprefix(state) if state else line


def _painted(state: str) -> str:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return state
    return f"\x1b[{_COLOURS[state]}m{state}\x1b[0m"
