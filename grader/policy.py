"""What an instructor decides about a class, in one small table: lateness, groups, attempts.

class.toml, every part of it optional:

    attempts = "last"                        # or "best"; without it each attempt has its own line

    [late]
    due = 2026-12-01T23:59:00+01:00
    grace_minutes = 15
    lost_a_day = 10                          # points of a room's 100, for each day begun
    most_days = 5                            # what comes later than that counts nothing
    rooms = { 3 = 2026-12-15T23:59:00+01:00 }
    extra_days = { "Zoé Élève" = 2 }

    [handed_in]                              # where the platform doesn't say when
    "Zoé Élève" = 2026-12-02T08:00:00+01:00

    [groups]
    red = ["Zoé Élève", "Ada Martin"]

    [students."Zoé Élève"]                   # how platforms and repositories call them
    id = "1234"
    login = "zoe1"
    email = "zoe@example.org"
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from .roster import Submission
from .verdicts import printable

_ATTEMPTS: Final = ("", "last", "best")
_PARTS: Final = frozenset({"attempts", "late", "handed_in", "groups", "students"})
_LATE: Final = frozenset({"due", "grace_minutes", "lost_a_day", "most_days", "rooms", "extra_days"})
_DAY: Final = timedelta(days=1)


class PolicyError(ValueError):
    """A table that can't be followed: says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How points become a grade. Without a table nothing is lost and nothing is joined."""

    attempts: str = ""
    late: Mapping[str, Any] = field(default_factory=dict)
    handed_in: Mapping[str, datetime] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    students: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def days_late(self, one: Submission, room: str) -> int:
        """Return how many days were begun after the room was due, extra days taken off."""
        due: datetime | None = self.late.get("rooms", {}).get(room[4], self.late.get("due"))
        moment = self.handed_in.get(one.person, one.handed_in)
        extra = int(self.late.get("extra_days", {}).get(one.person, 0))
        if due is None or moment is None:
            # A platform that only says "late" says at least that one day was begun.
            return max(0, int(one.late) - extra)
        over = moment - due - timedelta(minutes=float(self.late.get("grace_minutes", 0)))
        return max(0, math.ceil(over / _DAY) - extra)

    def lost(self, points: float, days: int) -> float:
        """Return the points of a room that lateness takes."""
        if days > self.late.get("most_days", math.inf):
            return points
        return min(points, round(days * float(self.late.get("lost_a_day", 0)), 2))

    def credited(self, one: Submission) -> tuple[str, tuple[str, ...]]:
        """Return the name of the submission's group, or "", and everyone whom it counts for."""
        for name, people in self.groups.items():
            if one.person == name or one.person in people:
                return name, people
        return ("", one.members) if one.members else ("", (one.person,))


def policy(path: Path | None) -> Policy:
    """Return the policy that a table states; PolicyError where it can't be followed."""
    if path is None:
        return Policy()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return _checked(found)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise PolicyError(f"{path}: {printable(str(error))}") from None


def _checked(found: dict[str, Any]) -> Policy:
    _known(found, _PARTS, "the table")
    attempts = found.get("attempts", "")
    if attempts not in _ATTEMPTS:
        raise PolicyError(f'attempts: expected "last" or "best", got {attempts!r}')
    late = found.get("late", {})
    _known(late, _LATE, "[late]")
    groups = {name: tuple(map(str, people)) for name, people in found.get("groups", {}).items()}
    moments = {"due": late.get("due"), **late.get("rooms", {}), **found.get("handed_in", {})}
    for name, moment in moments.items():
        if moment is not None and not (isinstance(moment, datetime) and moment.tzinfo):
            raise PolicyError(
                f"{name}: expected a moment with its zone, 2026-12-01T23:59:00+01:00, got {moment}"
            )
    for name in ("grace_minutes", "lost_a_day", "most_days"):
        if not isinstance(late.get(name, 0), int | float) or late.get(name, 0) < 0:
            raise PolicyError(f"{name}: expected a number from 0 on, got {late[name]!r}")
    twice = [name for people in groups.values() for name in people]
    if len(set(twice)) < len(twice):
        raise PolicyError("groups: somebody is in two of them")
    return Policy(attempts, late, found.get("handed_in", {}), groups, found.get("students", {}))


def _known(found: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    if unknown := sorted(set(found) - names):
        raise PolicyError(f"{where}: no {unknown[0]!r}; there are: {', '.join(sorted(names))}")
