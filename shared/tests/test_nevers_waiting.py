"""Nothing sleeps to wait: what is waited for is polled with a deadline, or waited on."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.tests.sources import TREES, parsed, shown, sources


def sleeps(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every call of a sleep: of the time module or of an event loop."""
    tree = parsed(path)
    modules = {"time", "asyncio", "anyio", "trio", "gevent", "eventlet"}
    aliases: dict[str, str] = {}
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {a.asname or a.name: a.name for a in node.names if a.name in modules}
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            names |= {a.asname or a.name: node.module for a in node.names if a.name == "sleep"}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Attribute(value=ast.Name(id=owner), attr="sleep") if owner in aliases:
                where = aliases[owner]
            case ast.Name(id=name) if name in names:
                where = names[name]
            case _:
                continue
        zero = node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if not zero:  # a sleep of nothing gives way to others and waits for nobody
            yield node.lineno, f"{where}.sleep"


def test_nothing_sleeps_to_wait() -> None:
    found = [shown(path, line, what) for path in sources(*TREES) for line, what in sleeps(path)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(1)",
        "import time as t\nt.sleep(x)",
        "from time import sleep as nap\nnap(0.1)",
        "import asyncio\nasync def f():\n    await asyncio.sleep(1)",
    ],
)
def test_sleeping_is_noticed_however_it_is_imported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sleeper.py"
    path.write_text(text)
    assert len(list(sleeps(path))) == 1
