"""Who may import whom: the directions of dependency that the house forbids."""

import ast

from shared.tests.sources import (
    ROOM_NAME,
    ROOMS,
    ROOT,
    TREES,
    imports,
    parsed,
    production,
    shown,
    sources,
    within,
)

# A fake has no place where the real thing runs; the account is pytest's guest by trade.
FAKES = {"unittest", "mock", "pytest", "hypothesis"}
GUESTS = {"shared/cli/account.py"}
# Room modules stand on these alone, beside libraries.
FOUNDATIONS = ("shared.contracts", "shared.language", "shared.database", "shared.exposition")


def test_contracts_import_nothing_of_ours() -> None:
    found = [
        shown(path, line, name)
        for path in sources("shared/contracts")
        for line, name in imports(path)
        if name.split(".")[0] in TREES and not within(name, "shared.contracts") and name != "shared"
    ]
    assert found == []


def test_shared_names_no_room_except_in_the_loader() -> None:
    found = []
    for path in production("shared"):
        if path == ROOT / "shared/pipeline/loader.py":
            continue
        tree = parsed(path)
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=str(text)) | ast.Name(id=text) | ast.Attribute(attr=text):
                    if ROOM_NAME.search(text) and id(node) not in prose:
                        found.append(shown(path, node.lineno, text))
    assert found == []


def test_shared_imports_no_room_no_solution_and_no_grader() -> None:
    found = [
        shown(path, line, name)
        for path in production("shared")
        for line, name in imports(path)
        if name.split(".")[0] in {"rooms", "solutions", "grader"}
    ]
    assert found == []


def _dots(name: str) -> int:
    """Return how many folders up a relative import goes, its own counted as one."""
    return len(name) - len(name.lstrip("."))


def test_room_imports_itself_the_contracts_and_libraries_only() -> None:
    found = [
        shown(path, line, name)
        for room in ROOMS
        for path in production(str(room.relative_to(ROOT)))
        for line, name in imports(path)
        if _dots(name) > len(path.relative_to(room).parts)
        or name.split(".")[0] in {"rooms", "solutions", "grader"}
        or (
            within(name, "shared")
            and name != "shared"
            and not any(within(name, base) for base in FOUNDATIONS)
        )
    ]
    assert found == []


def test_checks_import_neither_rooms_nor_solutions() -> None:
    shown_checks = [path for path in sources("rooms") if path.name == "test_shown.py"]
    found = [
        shown(path, line, name)
        for path in [*sources("grader/checks"), *shown_checks]
        for line, name in imports(path)
        if name.split(".")[0] in {"rooms", "solutions"} or name.startswith(".")
    ]
    assert found == []


def test_production_code_imports_no_fakes() -> None:
    found = [
        shown(path, line, name)
        for path in production("shared", "rooms", "solutions")
        for line, name in imports(path)
        if name.split(".")[0] in FAKES and path.relative_to(ROOT).as_posix() not in GUESTS
    ]
    assert found == []
