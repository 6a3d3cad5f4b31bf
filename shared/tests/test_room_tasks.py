"""Each room's table of tasks agrees with its regions, both ways."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from shared.course.folders import number_of
from shared.course.regions import Region, regions_of
from shared.tests.sources import ROOT, parsed, rooms_of

SOLUTIONS = rooms_of("solutions")
pytestmark = pytest.mark.parametrize("room", SOLUTIONS, ids=lambda path: path.name)


def table(room: Path) -> dict[str, Any]:
    """Return the room's room.toml."""
    return tomllib.loads((ROOT / "rooms" / room.name / "room.toml").read_text(encoding="utf-8"))


def regions(room: Path) -> dict[Path, list[Region]]:
    """Return the regions of each module of the room."""
    return {
        path: list(regions_of(path.read_text(encoding="utf-8"), parsed(path)))
        for path in sorted(room.rglob("*.py"))
    }


def definition(path: Path, name: str) -> ast.AST | None:
    """Return the function or class of this qualified name, None if there is none."""
    node: ast.AST = parsed(path)
    for part in name.split("."):
        inner = [
            child for child in ast.iter_child_nodes(node) if getattr(child, "name", "") == part
        ]
        if not inner:
            return None
        node = inner[-1]
    return node


def test_table_names_its_room(room: Path) -> None:
    found = table(room)
    assert found["name"] == room.name
    for key in ("role", "title", "question"):
        assert found[key].strip(), key
        assert "\n" not in found[key]


def test_tasks_are_numbered_from_one_to_eight(room: Path) -> None:
    number = number_of(room.name)
    expected = [f"{number}.{task}" for task in range(1, 9)]
    assert [task["id"] for task in table(room)["task"]] == expected


def test_points_add_up_to_a_hundred(room: Path) -> None:
    tasks = table(room)["task"]
    assert sum(task["points"] for task in tasks) == 100
    assert sum(task["points"] for task in tasks if task["core"]) == 60
    assert tasks[-1]["points"] == 10


def test_every_name_of_a_task_is_a_function_or_class(room: Path) -> None:
    missing = []
    for task in table(room)["task"]:
        for name in task.get("names", []):
            file, _colon, qualified = name.partition(":")
            for tree in (room, ROOT / "rooms" / room.name):
                path = tree / file
                if not path.exists() or definition(path, qualified) is None:
                    missing.append(f"{task['id']} {path.relative_to(ROOT)}:{qualified}")
    assert [m for m in missing if "own_check.py" not in m] == []


def test_every_task_has_a_region_and_every_region_its_task(room: Path) -> None:
    found = {task for inside in regions(room).values() for one in inside for task in one.tasks}
    own = {task["id"] for task in table(room)["task"] if "judges" in task or task["id"][2] != "8"}
    assert found == own


def test_first_name_of_a_task_is_where_its_work_is(room: Path) -> None:
    elsewhere = []
    for task in table(room)["task"][:-1]:
        file, _colon, qualified = task["names"][0].partition(":")
        node = definition(room / file, qualified)
        lines = {one.opened for one in regions(room)[room / file] if task["id"] in one.tasks}
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
        if not any(first <= line <= last for line in lines):
            elsewhere.append(f"{task['id']} {task['names'][0]}")
    assert elsewhere == []


def test_prompt_stands_above_every_region(room: Path) -> None:
    bare = []
    for path, inside in regions(room).items():
        lines = path.read_text(encoding="utf-8").split("\n")
        for one in inside:
            above = one.opened - 2
            while lines[above].strip().startswith("#") and not re.search(r"task \d", lines[above]):
                above -= 1
            if not re.search(r"# task \d\.\d: \S", lines[above]):
                bare.append(f"{path.relative_to(ROOT)}:{one.opened}")
    assert bare == []
