"""Which statements of a room each check walks over: who could notice a change there at all.

A check that never reaches a changed statement with the reference does the same without it: its
answer is known. So a mistake is asked only of the checks that reach it. A copy of the reference
leaves a mark wherever a run of statements begins; the marks are read after every check.

What this can't see: a value that a room, its driver or a check's module keeps for a later check.
So whoever doesn't do as the catalogue says is asked again, of all checks, before it is reported;
and `./academy verify --all` asks everybody everything.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FILE: Final = ".seen"  # in the scratch folder
IMPORT: Final = "import"
_MODULE: Final = "seen_marks"
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES: Final = (*_FUNCTIONS, ast.ClassDef)
_BLOCKS: Final = ("body", "orelse", "finalbody")

#: In the room itself: marks in a file that outlives a kill.
_KEEPER: Final = f"""\
import mmap
import os

handle = os.open("/scratch/{FILE}", os.O_RDWR | os.O_CREAT, 0o666)
if os.fstat(handle).st_size < {{size}}:
    os.truncate(handle, {{size}})
MARKS = mmap.mmap(handle, {{size}})
os.close(handle)
"""


def read(files: Iterable[bytes]) -> list[int]:
    """Return the numbers of the marks that are set in any of `files`."""
    return sorted({number for data in files for number, mark in enumerate(data) if mark})


@dataclass
class Tracing:
    """The reference's modules, and the mark before each run of statements in them."""

    folder: Path  # of the reference
    size: int = 0
    trees: dict[str, ast.Module] = field(default_factory=dict)
    _marks: dict[int, int] = field(default_factory=dict)  # by the id of a statement's node

    def __post_init__(self) -> None:
        for path in sorted(self.folder.rglob("*.py")):
            name = path.relative_to(self.folder).as_posix()
            self.trees[name] = tree = ast.parse(path.read_text(encoding="utf-8"))
            for function in _functions(tree):
                self._number(function.body)

    def _number(self, block: list[ast.stmt]) -> None:
        """Give every statement of a block, and of those in it, the number of its mark."""
        fresh = True
        for statement in block:
            self.size += fresh
            self._marks[id(statement)] = self.size - 1
            inner = [] if isinstance(statement, _SCOPES) else list(_blocks(statement))
            for below in inner:
                self._number(below)
            fresh = bool(inner)  # it may have left the block

    def write(self, into: Path, room: str) -> None:
        """Write the modules under `into` so that they leave marks."""
        for name, tree in self.trees.items():
            # Parsed anew: the trees that we keep stay as they are.
            marked = ast.parse(ast.unparse(tree))
            for ours, theirs in zip(_functions(tree), _functions(marked), strict=True):
                self._mark(ours.body, theirs.body)
            place = 0
            while place < len(marked.body) and _must_lead(marked.body[place]):
                place += 1
            bring = f"from rooms.{room}.{_MODULE} import MARKS as marks_seen"
            marked.body[place:place] = ast.parse(bring).body
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(ast.unparse(ast.fix_missing_locations(marked)), encoding="utf-8")
        size = max(self.size, 1)
        (into / f"{_MODULE}.py").write_text(_KEEPER.format(size=size), encoding="utf-8")

    def _mark(self, ours: list[ast.stmt], theirs: list[ast.stmt]) -> None:
        made: list[ast.stmt] = []
        last = -1
        for one, other in zip(ours, theirs, strict=True):
            number = self._marks[id(one)]
            if number != last and not _must_lead(other):
                made += ast.parse(f"marks_seen[{number}] = 1").body
                last = number
            made.append(other)
            if not isinstance(one, _SCOPES):
                for below, below_there in zip(_blocks(one), _blocks(other), strict=True):
                    self._mark(below, below_there)
        theirs[:] = made

    def touched(self, file: str, text: str) -> set[int] | None:
        """Return the marks of what differs if `file` held `text`; None if anything may differ."""
        try:
            other = ast.parse(text)
        except SyntaxError:
            return None
        found: set[int] = set()
        if file not in self.trees or not self._differ(self.trees[file].body, other.body, found):
            return None
        return found

    def _users(self, name: str) -> set[int] | None:
        """Return the marks of the statements that use a module's variable; None if at import."""
        found: set[int] = set()
        for tree in self.trees.values():
            uses = {id(node) for node in ast.walk(tree) if _names(node, name)}
            marked: set[int] = set()
            for statement in ast.walk(tree):
                if id(statement) in self._marks:
                    own = {id(node) for node in ast.walk(statement)} & uses
                    found |= {self._marks[id(statement)]} if own else set()
                    marked |= own
            if uses - marked:
                return None
        return found

    def _differ(self, ours: list[ast.stmt], theirs: list[ast.stmt], found: set[int]) -> bool:
        """Add the marks of the difference; False if what runs at import differs."""
        start, end = _middle(ours, theirs)
        mine, other = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
        pairs = zip(mine, other, strict=False)
        if len(mine) == len(other) and all(self._same_but_inside(*two, found) for two in pairs):
            return True
        # What is put before a statement is reached with it; at the end, with the last one.
        first = mine[0] if mine else ours[min(start, len(ours) - 1)]
        if id(first) in self._marks:
            found.add(self._marks[id(first)])
            return True
        names = _constants(mine, other) if any(ours is t.body for t in self.trees.values()) else ()
        users = [self._users(name) for name in names]
        found.update(mark for marks in users if marks for mark in marks)
        return bool(users) and None not in users

    def _same_but_inside(self, mine: ast.stmt, other: ast.stmt, found: set[int]) -> bool:
        if type(mine) is not type(other):
            return False
        if ast.dump(mine) == ast.dump(other):
            return True
        if isinstance(mine, _FUNCTIONS) and isinstance(other, _FUNCTIONS):
            return self._same_function(mine, other, found)
        pairs = list(zip(_blocks(mine), _blocks(other), strict=False))
        if not pairs or ast.dump(_hollow(mine)) != ast.dump(_hollow(other)):
            return False
        return all(self._differ(ours, theirs, found) for ours, theirs in pairs)

    def _same_function(self, mine: _Function, other: _Function, found: set[int]) -> bool:
        if ast.dump(_hollow(mine, args=True)) != ast.dump(_hollow(other, args=True)):
            return False
        if _scope(mine) == _scope(other) and ast.dump(mine.args) == ast.dump(other.args):
            return self._differ(mine.body, other.body, found)
        # Which names are its own is decided for the whole function: all that enter it may notice.
        if _yields(mine) != _yields(other):
            return False
        found.add(self._marks[id(mine.body[0])])
        return True


def reaching(
    walked: Mapping[str, frozenset[int]], touched: set[int] | None, checks: Iterable[str]
) -> list[str]:
    """Return those of `checks` that reach what is touched."""
    if touched is None or touched & walked[IMPORT]:
        return list(checks)
    return [check for check in checks if touched & walked.get(check, frozenset(touched))]


def _functions(tree: ast.AST) -> Iterator[_Function]:
    return (node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))


def _blocks(statement: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements right within a statement."""
    for name in _BLOCKS:
        block = getattr(statement, name, None)
        if isinstance(block, list) and block:
            yield block
    for part in [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]:
        yield part.body


def _constants(mine: list[ast.stmt], other: list[ast.stmt]) -> set[str]:
    """Return the names of a module's variables if the two differ in their values alone."""
    names: set[str] = set()
    for one, two in zip(mine, other, strict=False):
        if ast.dump(one) == ast.dump(two):
            continue
        if not isinstance(one, ast.Assign | ast.AnnAssign) or type(one) is not type(two):
            return set()
        name = _target(one)
        if name is None or name != _target(two):
            return set()
        names.add(name)
    return names if len(mine) == len(other) else set()


def _target(statement: ast.stmt) -> str | None:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    only = targets[0] if len(targets) == 1 else None
    return only.id if isinstance(only, ast.Name) else None


def _names(node: ast.AST, name: str) -> bool:
    """Whether a node reads or brings in something of that name."""
    if isinstance(node, ast.alias):
        return node.name == name and node.asname not in {None, name}  # under another name: careful
    if isinstance(node, ast.Attribute):
        return node.attr == name
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)


def _must_lead(statement: ast.stmt) -> bool:
    """Whether nothing may stand before it: a docstring, or an import from the future."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return isinstance(statement.value.value, str)
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _middle(ours: list[ast.stmt], theirs: list[ast.stmt]) -> tuple[int, int]:
    """Return how many statements are equal at the start, and at the end."""
    mine, other = [ast.dump(one) for one in ours], [ast.dump(one) for one in theirs]
    shorter = min(len(mine), len(other))
    start = 0
    while start < shorter and mine[start] == other[start]:
        start += 1
    end = 0
    while end < shorter - start and mine[-1 - end] == other[-1 - end]:
        end += 1
    return start, end


def _hollow(statement: ast.stmt, *, args: bool = False) -> ast.AST:
    """Return the statement with nothing in its blocks."""
    fields = {name: getattr(statement, name) for name in statement._fields}
    for name in _BLOCKS:
        if isinstance(fields.get(name), list):
            fields[name] = [None] * bool(fields[name])
    if args:
        fields["args"] = None
    for name in ("handlers", "cases"):
        if name in fields:
            fields[name] = [_hollow_part(part) for part in fields[name]]
    return type(statement)(**fields)


def _hollow_part(part: ast.AST) -> ast.AST:
    fields = {name: getattr(part, name) for name in part._fields}
    return type(part)(**{**fields, "body": []})


def _scope(function: ast.AST) -> tuple[set[str], bool]:
    """Return the names that a function binds, and whether it yields."""
    bound: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            bound.update(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, (*_SCOPES, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            bound.add(node.name or "")
    return bound, _yields(function)


def _yields(function: ast.AST) -> bool:
    return any(isinstance(n, ast.Yield | ast.YieldFrom | ast.Await) for n in ast.walk(function))
