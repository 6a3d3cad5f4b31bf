"""What one sandbox offers, as another may use it: the trusted side stands between the two.

Neither sees the other's files or lines; values cross as on any line, objects as references.
"""

from collections.abc import Mapping
from typing import Any

from .line import LineLost, Remote, RemoteError, Served

_SPECIAL = frozenset({"__call__", "__iter__", "__next__"})


class Relayed(Served):
    """An object of one worker, served to the other."""

    def __init__(self, remote: Remote) -> None:
        super().__init__(remote, frozenset(), frozenset({"*"}))
        self.kind = remote._kind  # noqa: SLF001 - a public name would hide one of the room's

    def do(self, verb: str, name: str, words: list[Any]) -> object:
        """Ask the one what the other asked; any public name, as its own checks may use it."""
        if name.startswith("_") and name not in _SPECIAL:
            raise AttributeError(name)
        remote = self.target
        assert isinstance(remote, Remote)  # noqa: S101 - by its constructor
        try:
            line, number = remote._line, remote._number  # noqa: SLF001 - the same
            return across(line.ask(verb, number, name, *across(words)))
        except LineLost:
            facts = {"kinds": ["TimeoutError", "OSError", "Exception"], "text": "no answer"}
            raise RemoteError(facts) from None


def across(value: Any) -> Any:  # noqa: ANN401 - whatever came
    """Return a value of one line as it may be sent on the other: its objects are relayed."""
    match value:
        case Remote():
            return Relayed(value)
        case list():
            return [across(item) for item in value]
        case tuple():
            return tuple(across(item) for item in value)
        case dict():
            return {key: across(item) for key, item in value.items()}
    return value


def passed_on(error: BaseException) -> Mapping[str, Any] | None:
    """Return what one worker told of an exception, without where it was; None if it is ours."""
    if not isinstance(error, RemoteError):
        return None
    return {"kinds": error.kinds, "text": error.text, "task": None, "where": None}
