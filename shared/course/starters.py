"""A starter is its solution, less the regions: signature, types and docstring can't differ."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shared.course.regions import INSTEAD, Region, RegionError, regions_of
from shared.course.scopes import signatures
from shared.language import _

LONGEST = 20  # lines; a longer region is more than a task


@dataclass(frozen=True)
class Starter:
    """The text of a starter, and what is doubtful in its source: (line, remark)."""

    text: str
    remarks: tuple[tuple[int, str], ...]


def starter_of(source: str) -> Starter:
    """Return the starter of `source`.

    Raise RegionError for a region that is nested, unclosed, outside a function body or without
    anything in its place, and for a source or a result that isn't Python.
    """
    tree = _parsed(source, _("the source isn't Python"))
    regions = list(regions_of(source, tree))
    text = "\n".join(_without(source.split("\n"), regions))
    if signatures(_parsed(text, _("what is left isn't Python"))) != signatures(tree):
        raise RegionError(1, _("a region holds a function or a class that others can see"))
    return Starter(text, tuple(_remarks(regions)))


def _parsed(text: str, complaint: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise RegionError(error.lineno or 1, f"{complaint}: {error.msg}") from None


def _without(lines: list[str], regions: list[Region]) -> Iterator[str]:
    gone = {line for region in regions for line in range(region.opened, region.closed + 1)}
    instead = {line for region in regions for line in region.instead}
    for number, line in enumerate(lines, 1):
        if number in instead:
            indent, text = line.split(INSTEAD, 1)
            yield (indent + text.removeprefix(" ")).rstrip()
        elif number not in gone:
            yield line


def _remarks(regions: list[Region]) -> Iterator[tuple[int, str]]:
    for region in regions:
        length = region.closed - region.opened - 1
        if length > LONGEST:
            text = _("a region of {length} lines; {longest} are a task")
            yield region.opened, text.format(length=length, longest=LONGEST)
        if len(region.tasks) != 1:
            text = _(
                'expected one task, in "# task N.M: …" above and Todo("N.M") below; got {tasks}'
            )
            yield region.opened, text.format(tasks=", ".join(sorted(region.tasks)) or _("none"))
