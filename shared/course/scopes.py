"""Where functions and classes begin and end in a source, comments after their end included."""

import ast
from dataclasses import dataclass

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Scope:
    """The body of a function or class: lines `first` to `last`, deeper than column `indent`."""

    function: bool
    first: int
    last: int
    indent: int


def scopes_of(tree: ast.Module, lines: list[str]) -> list[Scope]:
    """Return the scope of every function and class in `tree`, the outer ones first."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, _Definition)]
    return sorted((_scope(node, lines) for node in nodes), key=lambda scope: scope.indent)


def scope_at(scopes: list[Scope], line: int, indent: int) -> Scope | None:
    """Return the innermost scope that a comment at `line` and column `indent` stands in."""
    around = [s for s in scopes if s.first <= line <= s.last and s.indent < indent]
    return around[-1] if around else None


def signatures(tree: ast.Module) -> dict[str, str]:
    """Return what others can see of a module: every signature, decorator, base and docstring.

    What is defined inside a function is nobody else's and left out.
    """
    seen: dict[str, str] = {}
    _collect(tree, "", seen)
    return seen


def _collect(parent: ast.Module | ast.ClassDef, prefix: str, seen: dict[str, str]) -> None:
    for node in parent.body:
        if isinstance(node, _Definition):
            name = f"{prefix}{node.name}"
            seen[name] = f"{_heading(node)} {ast.get_docstring(node)}"
            if isinstance(node, ast.ClassDef):
                _collect(node, name + ".", seen)


def _heading(node: _Definition) -> str:
    decorators = " ".join("@" + ast.unparse(decorator) for decorator in node.decorator_list)
    if isinstance(node, ast.ClassDef):
        return f"{decorators} class {node.name}({', '.join(map(ast.unparse, node.bases))})"
    returns = ast.unparse(node.returns) if node.returns else ""
    kind = type(node).__name__
    return f"{decorators} {kind} {node.name}({ast.unparse(node.args)}) -> {returns}"


def _scope(node: _Definition, lines: list[str]) -> Scope:
    last = node.end_lineno or node.lineno
    while last < len(lines) and _belongs(lines[last], node.col_offset):
        last += 1
    return Scope(not isinstance(node, ast.ClassDef), _header_end(node) + 1, last, node.col_offset)


def _header_end(node: _Definition) -> int:
    parts: list[ast.AST | None] = [*node.decorator_list]
    if isinstance(node, ast.ClassDef):
        parts += [*node.bases, *node.keywords]
    else:
        parts += [*ast.walk(node.args), node.returns]
    ends = [getattr(part, "end_lineno", None) or 0 for part in parts]
    return max(node.lineno, *ends) if ends else node.lineno


def _belongs(line: str, indent: int) -> bool:
    """Tell whether a line after the last statement is a comment or blank line of its body."""
    text = line.strip()
    return not text or (text.startswith("#") and len(line) - len(line.lstrip()) > indent)
