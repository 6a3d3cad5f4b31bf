"""What a check may say: that something held, or what was done, expected and got instead.

A check takes each value of the room once, compares it here, and never asserts by itself.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from .line import RemoteError

task = pytest.mark.task  # @task("4.2"): the task that a check earns points for
_FEW: Final = 8  # items of a list that are shown as a whole
_LONGEST: Final = 600  # characters of a value


@dataclass
class Tally:
    """What the check that runs now saw so far: refusals, and anything else that held."""

    refused: int = 0
    held: int = 0


tally = Tally()


class NotYet(AssertionError):  # noqa: N818 - one of the four outcomes
    """What a check saw instead of what the brief promises."""

    def __init__(self, did: str, expected: str, got: str) -> None:
        self.did, self.expected, self.got = did, expected, got
        super().__init__(f"{did}\n  Expected  {expected}\n  Got       {got}")


def shown(value: object) -> str:
    """Return a value as a person reads it: shortened only in the middle, saying so."""
    text = value if isinstance(value, Said) else repr(value)
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters left out … {text[-half:]}"


class Said(str):
    """Words that stand for themselves, without quotes."""

    __slots__ = ()


def expect(got: object, expected: object, did: str) -> None:
    """Go on if `got` equals `expected` and is of its type; what was `did` is told otherwise."""
    if type(got) is type(expected) and got == expected:
        tally.held += 1
        return
    if isinstance(got, list) and isinstance(expected, list) and len(expected) > _FEW:
        did, expected, got = _first_difference(did, expected, got)
    raise NotYet(did, shown(expected), shown(got))


def _first_difference(did: str, expected: list[Any], got: list[Any]) -> tuple[str, object, object]:
    for place, (wish, found) in enumerate(zip(expected, got, strict=False), 1):
        if type(wish) is not type(found) or wish != found:
            return f"{did} The first that differs, number {place} of {len(expected)}:", wish, found
    return f"{did} How many came:", len(expected), len(got)


def expect_close(got: object, expected: float, did: str, *, within: float, unit: str = "") -> None:
    """Go on if `got` is a number at most `within` away from `expected`."""
    number = isinstance(got, int | float) and not isinstance(got, bool)
    # NaN is close to nothing: the comparison must hold, not its contrary fail.
    if not (number and abs(float(got) - expected) <= within):  # type: ignore[arg-type]
        wish = f"{expected:.6g} ± {within:.3g} {unit}".rstrip()
        raise NotYet(did, wish, f"{got:.6g} {unit}".rstrip() if number else shown(got))
    tally.held += 1


def expect_between(got: object, low: float, high: float, did: str, *, unit: str = "") -> None:
    """Go on if `got` is a number from `low` to `high`, both included."""
    number = isinstance(got, int | float) and not isinstance(got, bool)
    if not (number and low <= got <= high):  # type: ignore[operator]
        wish = f"{low:.6g} to {high:.6g} {unit}".rstrip()
        raise NotYet(did, wish, f"{got:.6g} {unit}".rstrip() if number else shown(got))
    tally.held += 1


def expect_that(held: object, did: str, expected: str, got: object) -> None:
    """Go on if `held` is True; say what was expected in words otherwise."""
    if held is not True:
        raise NotYet(did, expected, shown(got))
    tally.held += 1


def expect_refused(
    call: Callable[[], object], did: str, *, naming: str | None = None, kind: str = "ValueError"
) -> RemoteError:
    """Go on if `call` raises an error of class `kind` whose text names `naming`; return it."""
    wish = kind if naming is None else f'{kind} that names "{naming}"'
    try:
        got = call()
    except RemoteError as error:
        if error.task is not None:
            raise
        if not error.is_a(kind) or (naming is not None and naming not in error.text):
            kind_told = error.kinds[0] if error.kinds else "error"
            raise NotYet(did, wish, shown(Said(f"{kind_told}: {error.text}"))) from None
        tally.refused += 1
        return error
    raise NotYet(did, wish, f"no error; it returned {shown(got)}")


def expect_soon(
    ask: Callable[[], Any],
    held: Callable[[Any], bool],
    did: str,
    expected: str,
    *,
    within_s: float = 5.0,
) -> Any:  # noqa: ANN401 - whatever `ask` returns
    """Ask until `held` says yes to the answer, and return it; NotYet after `within_s` seconds."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not held(found := ask()):
        if time.monotonic() > deadline:
            raise NotYet(did, f"{expected} within {within_s:g} s", shown(found))
        pause.wait(0.01)
    tally.held += 1
    return found


def number(value: object, did: str) -> float:
    """Return `value` as a float if it is a finite number; NotYet otherwise."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise NotYet(did, "a finite number", shown(value))
    return float(value)
