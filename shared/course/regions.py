"""Regions: the parts of a solution that its starter leaves to the student.

A region stands inside one function body, alone on its lines, and says what takes its place:

    # task 1.2: one line that says what to do
    # <solution>
    ...
    # </solution>
    #: raise Todo("1.2")

The starter is the same text less the region, with the `#: ` lines uncommented.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from shared.course.scopes import Scope, scope_at, scopes_of
from shared.language import _

INSTEAD = "#:"
_OPEN, _CLOSE = "# <solution>", "# </solution>"
_PROMPT = re.compile(r"#\s*task\s+(\d+\.\d+)\b")
_TODO = re.compile(r"\bTodo\(\s*[\"'](\d+\.\d+)[\"']")


class RegionError(Exception):
    """A region that can't be taken out: `line` is where, the text says what was expected."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Region:
    """One region: the lines of its two marks and of what stands instead, counted from 1."""

    opened: int
    closed: int
    instead: range
    tasks: frozenset[str]  # by its prompt and by its Todo: one, in a region as it should be


def regions_of(source: str, tree: ast.Module) -> Iterator[Region]:
    """Yield every region of `source`, parsed as `tree`, from top to bottom.

    Raise RegionError for one that is nested, unclosed, outside a function body or without
    anything to stand in its place.
    """
    lines = source.split("\n")
    scopes = scopes_of(tree, lines)
    marks = _marks(source, lines)
    position = 0
    while position < len(marks):
        opened, mark = marks[position]
        if mark != _OPEN:
            raise RegionError(
                opened, _('"{mark}" without "# <solution>" before it').format(mark=mark)
            )
        closed = _closing(marks, position)
        count = 0
        while (closed + 1 + count, INSTEAD) in marks:
            count += 1
        if not count:
            raise RegionError(closed, _('expected "#: …" below, to stand in the region\'s place'))
        _check_place(opened, closed, lines, scopes)
        replaced = range(closed + 1, closed + 1 + count)
        yield Region(opened, closed, replaced, _tasks(lines, opened, replaced))
        position += 2 + count


def _marks(source: str, lines: list[str]) -> list[tuple[int, str]]:
    """Return the line and kind of every mark. Text inside strings is no mark."""
    marks = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.rstrip()
        alone = not lines[token.start[0] - 1][: token.start[1]].strip()
        if text in {_OPEN, _CLOSE} and not alone:
            raise RegionError(
                token.start[0], _('"{mark}" stands alone on its line').format(mark=text)
            )
        if text in {_OPEN, _CLOSE}:
            marks.append((token.start[0], text))
        elif alone and (text == INSTEAD or text.startswith(INSTEAD + " ")):
            marks.append((token.start[0], INSTEAD))
        elif re.fullmatch(r"#\s*<?/?\s*solutions?\s*>", text, re.IGNORECASE):
            expected = _('expected "{open}" or "{close}", got "{text}"')
            raise RegionError(token.start[0], expected.format(open=_OPEN, close=_CLOSE, text=text))
    return marks


def _closing(marks: list[tuple[int, str]], position: int) -> int:
    opened = marks[position][0]
    if position + 1 == len(marks):
        raise RegionError(opened, _('expected "# </solution>" below, got the end of the file'))
    line, mark = marks[position + 1]
    if mark == _OPEN:
        raise RegionError(line, _("a region inside the one of line {line}").format(line=opened))
    if mark == INSTEAD:
        raise RegionError(line, _('a "#: " line inside the region; it belongs below it'))
    return line


def _check_place(opened: int, closed: int, lines: list[str], scopes: list[Scope]) -> None:
    indents = [len(lines[at - 1]) - len(lines[at - 1].lstrip()) for at in (opened, closed)]
    scope = scope_at(scopes, opened, indents[0])
    if scope is None or not scope.function:
        raise RegionError(opened, _("a region outside a function body"))
    if indents[0] != indents[1] or scope_at(scopes, closed, indents[1]) != scope:
        text = _("the region of line {line} must end in the same function, equally indented")
        raise RegionError(closed, text.format(line=opened))


def _tasks(lines: list[str], opened: int, replaced: range) -> frozenset[str]:
    above = opened - 2  # index of the line above the mark
    tasks = set()
    while above >= 0 and lines[above].strip().startswith("#"):
        tasks |= set(_PROMPT.findall(lines[above]))
        above -= 1
    return frozenset(tasks.union(*(_TODO.findall(lines[line - 1]) for line in replaced)))
