"""What files may be called, and what they must and mustn't hold."""

import ast
import json
import re
import sys

from shared.tests.sources import ROOT, TREES, parsed, sources

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base"}


def test_no_module_has_a_name_of_the_standard_library() -> None:
    names = {
        path.relative_to(ROOT).as_posix(): path.parent.name
        if path.stem == "__init__"
        else path.stem
        for path in sources(*TREES)
        if path.stem != "__main__"
    }
    assert [path for path, name in names.items() if name in sys.stdlib_module_names] == []


def test_modules_are_nouns_that_say_something() -> None:
    assert [path for path in sources(*TREES) if path.stem in VAGUE] == []


def test_every_module_says_its_idea_in_its_first_line() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sources(*TREES)
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(parsed(path))
    ]
    assert found == []


def test_notebooks_define_nothing_that_a_module_should() -> None:
    found = []
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            code = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
            plain = "\n".join(line for line in code.splitlines() if line[:1] not in "%!")
            found += [
                f"{path.name}: {node.name}"
                for node in ast.parse(plain).body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            ]
    assert found == []


def test_requirements_tell_nothing_of_where_they_were_made() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            expected = r"    --hash=sha256:[0-9a-f]{64}( \\)?|[a-z0-9._-]+==[^ ]+( ; [^\\]+)? \\"
            assert re.fullmatch(expected, line), f"{path.name}:{number}: {line}"
