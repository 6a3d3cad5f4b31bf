"""Small changes to the reference's regions: whether the checks notice what the catalogue doesn't.

A mutant that no check notices is either a hole in the checks, or no change at all: such are
listed with their reason in `grader/mistakes/survivors/`.
"""

import ast
import random
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from . import own
from .footprints import Tracing, reaching
from .judging import Ask, Result
from .mistaken import reference
from .places import temporary
from .verdicts import Outcome
from .walls import PROJECT
from .workshop import Workshops

_PATIENCE_S: Final = 5.0  # for one call: a mutant that hangs is noticed so
_OTHER_WAY: Final[dict[type[ast.AST], type[Any]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the line as it was and as it is, and the module that holds it."""

    file: str
    line: int
    before: str
    after: str
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it while lines move."""
        return self.file, self.before, self.after


@dataclass
class Report:
    """What a room's checks noticed."""

    room: str
    killed: int = 0
    argued: int = 0
    survived: list[Mutant] = field(default_factory=list)
    stale: list[tuple[str, str, str]] = field(default_factory=list)  # argued, and not alive

    @property
    def share(self) -> float:
        """The noticed part of those that change behaviour, from 0 to 1."""
        total = self.killed + len(self.survived)
        return self.killed / total if total else 1.0


def mutants(room: str) -> list[Mutant]:
    """Return every mutant of the regions of a room's reference."""
    folder = PROJECT / "solutions" / room
    found: dict[tuple[str, int, str], Mutant] = {}
    for path in sorted(set(folder.rglob("*.py")) - {folder / own.FILE}):
        text = path.read_text(encoding="utf-8")
        for one in _of(path.relative_to(folder).as_posix(), text):
            found.setdefault((one.file, one.line, one.after), one)
    return list(found.values())


def judge(room: str, *, seed: int = 0, sample: int = 0, jobs: int = 2) -> Report:
    """Ask the checks of each mutant (or of `sample` of them, chosen by the seed)."""
    chosen = mutants(room)
    if sample and sample < len(chosen):
        chosen = random.Random(seed).sample(chosen, sample)
    excused = argued(room)
    report = Report(room)
    with ExitStack() as stack:
        shops = Workshops(room, jobs, stack)
        tracing = Tracing(PROJECT / "solutions" / room)
        with temporary("work") as place, shops.lent() as shop:
            folder = reference(room, place)
            tracing.write(folder, room)
            plain = shop.jury.judge(folder, seed=seed, ask=Ask(traced=tracing.size))
        cost = {verdict.check: verdict.seconds for verdict in plain.verdicts}

        def noticed(mutant: Mutant) -> bool:
            touched = tracing.touched(mutant.file, mutant.text)
            asked = sorted(reaching(plain.walked, touched, shops.expected), key=cost.__getitem__)
            if not asked:
                return False
            with shops.lent() as shop:
                ask = Ask(asked, until="first")
                return _noticed(shop.judge(mutant.file, mutant.text, seed, ask, _PATIENCE_S))

        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        for mutant, dead in zip(chosen, pool.map(noticed, chosen), strict=True):
            if dead:
                report.killed += 1
                report.stale += [mutant.key] if mutant.key in excused else []
            elif mutant.key in excused:
                report.argued += 1
            else:
                report.survived.append(mutant)
    if not sample:
        known = {mutant.key for mutant in chosen}
        report.stale += sorted(key for key in excused if key not in known)
    return report


def argued(room: str) -> dict[tuple[str, str, str], str]:
    """Return the survivors that somebody looked at, and why each is no hole."""
    path = PROJECT / "grader" / "mistakes" / "survivors" / f"{room}.toml"
    if not path.is_file():
        return {}
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return {(e["file"], e["before"], e["after"]): e["why"] for e in entries}


def _noticed(result: Result) -> bool:
    return any(v.outcome not in {Outcome.PASSED, Outcome.FAULT} for v in result.verdicts)


def _of(file: str, text: str) -> Iterator[Mutant]:
    lines = text.splitlines()
    inside = _regions(lines)
    tree = ast.parse(text)
    compiled = compile(tree, "", "exec")
    for node in _places(tree):
        if node.lineno not in inside or (node.end_lineno or 0) not in inside:
            continue
        for other in _changed(node):
            changed = _put(text, node, other)
            try:
                same = compile(changed, "", "exec") == compiled
            except SyntaxError:
                continue
            if not same:
                new = changed.splitlines()
                line = next(n for n, (a, b) in enumerate(zip(lines, new, strict=False)) if a != b)
                yield Mutant(file, line + 1, lines[line].strip(), new[line].strip(), changed)


def _regions(lines: Sequence[str]) -> set[int]:
    """Return the numbers of the lines that lie in a region."""
    inside, found = False, set()
    for number, line in enumerate(lines, 1):
        mark = line.strip()
        if mark == "# <solution>":
            inside = True
        elif mark == "# </solution>":
            inside = False
        elif inside:
            found.add(number)
    return found


def _places(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Yield the nodes that have a place; what lies within an f-string has a wrong one."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr):
            continue
        if isinstance(node, ast.expr | ast.stmt):
            yield node
        yield from _places(node)


def _changed(node: ast.expr | ast.stmt) -> Iterator[str]:  # noqa: C901 - a kind a line
    """Yield the texts that may stand in the place of a node."""
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                ops = [*node.ops[:place], _turned(operator), *node.ops[place + 1 :]]
                yield f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})"
        case ast.BinOp() if type(node.op) in _OTHER_WAY and not isinstance(
            node.left, ast.JoinedStr
        ):
            yield f"({ast.unparse(ast.BinOp(node.left, _turned(node.op), node.right))})"
        case ast.BoolOp():
            yield f"({ast.unparse(ast.BoolOp(_turned(node.op), node.values))})"
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield f"({ast.unparse(node.operand)})"
        case ast.IfExp():
            yield f"({ast.unparse(ast.IfExp(node.test, node.orelse, node.body))})"
        case ast.Constant(value=bool()):
            yield repr(not node.value)
        case ast.Constant(value=int(number)) | ast.Constant(value=float(number)):
            yield repr(number + 1)
        case ast.Return() if node.value is not None and not _is_none(node.value):
            yield "return None"
        case ast.Expr() if not isinstance(node.value, ast.Constant | ast.Yield):
            yield "pass"
        case ast.AugAssign() | ast.Continue() | ast.Break() | ast.Raise() | ast.Delete():
            yield "pass"
        case ast.Assign() if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            yield "pass"


def _turned(operator: ast.AST) -> Any:  # noqa: ANN401 - an operator of the same kind
    return _OTHER_WAY[type(operator)]()


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _put(text: str, node: ast.expr | ast.stmt, other: str) -> str:
    """Return the text with another in the place of a node. Columns count bytes."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head = b"".join([*lines[:first], lines[first][: node.col_offset]])
    tail = b"".join([lines[last][node.end_col_offset :], *lines[last + 1 :]])
    return (head + other.encode() + tail).decode()
