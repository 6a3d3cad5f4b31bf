"""The source files of this repository, and what they import, as the nevers look at them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TREES = ("shared", "rooms", "solutions", "grader")
ROOM_NAME = re.compile(r"room\d+_[a-z]\w*")


def rooms_of(tree: str) -> list[Path]:
    """Return the folders of the rooms in `tree` that are packages."""
    rooms = (ROOT / tree).glob("room*_*")
    return sorted(room for room in rooms if (room / "__init__.py").exists())


ROOMS = rooms_of("rooms") + rooms_of("solutions")


def sources(*places: str) -> list[Path]:
    """Return every Python file under `places`, which may not exist yet."""
    found = [path for place in places for path in (ROOT / place).rglob("*.py")]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def production(*places: str) -> list[Path]:
    """Return the files under `places` that aren't tests."""
    return [
        path
        for path in sources(*places)
        if "tests" not in path.parts
        and not path.name.startswith(("test_", "conftest", "own_check"))
    ]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the whole name of every import; a relative one begins with dots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield node.lineno, start
            joint = "" if start.endswith(".") else "."
            yield from ((node.lineno, start + joint + alias.name) for alias in node.names)


def shown(path: Path, line: int, what: str) -> str:
    """Return one finding as `file:line what`."""
    return f"{path.relative_to(ROOT)}:{line} {what}"


def within(name: str, package: str) -> bool:
    """Tell whether `name` is `package` or inside it."""
    return name == package or name.startswith(package + ".")


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))
