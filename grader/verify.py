"""Proof of the law: right rooms get all points, the starter none, each mistake what it earns."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from .footprints import Tracing, reaching
from .judging import Ask, Result
from .mistaken import (
    CatalogueError,
    Mistake,
    catalogue,
    copied,
    overlay,
    reference,
    rewrite,
    variants,
)
from .places import temporary
from .plugin import feedback
from .verdicts import Outcome, Verdict
from .walls import PROJECT
from .workshop import Workshops

Say = Callable[[str], None]
# A hash, as in msg-fa78eae50869; or a number.
_FIGURES: Final = re.compile(r"\b[0-9a-f]{12,}\b|-?\d[\d.e+-]*")
_SET: Final = re.compile(r"\{'[^{}:]*\}")  # Python writes a set of texts in whatever order
_SHORTENED: Final = " characters left out "
_BEGINNING: Final = 30


@dataclass
class Findings:
    """What a room's proof found. Nothing in `broken` means that the law holds."""

    room: str
    broken: list[str] = field(default_factory=list)
    tripped: set[str] = field(default_factory=set)
    judged: int = 0


def verify(  # noqa: PLR0913 - the options of the verb
    room: str,
    seeds: Sequence[int],
    say: Say = lambda _line: None,
    *,
    write: bool = False,
    only: str = "",
    jobs: int = 2,
    everything: bool = False,
    once: bool = False,
) -> Findings:
    """Prove the law for `room` with each of `seeds`; with `write`, renew the golden feedback.

    With `once` the right rooms are judged by every seed, the mistakes by the first alone.

    A mistake is asked of the checks that reach what it changes (`grader.footprints`), and not
    of those that wait on what it trips; with `everything`, of all.
    """
    mistakes = catalogue(room)
    chosen = [m for m in mistakes if only in m.name]
    with ExitStack() as stack:
        shops = Workshops(room, jobs, stack)
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        proof = Proof(room, seeds, shops, say, everything=everything, once=once)
        proof.trace(pool)
        waiting = [] if only else proof.right_ones(pool)
        goldens = list(pool.map(proof.prove, chosen))
        for one in waiting:
            one.result()
        findings = proof.findings
        for mistake, golden in zip(chosen, goldens, strict=True):
            if not write and _without_figures(golden) != _without_figures(mistake.feedback):
                findings.broken.append(
                    f"{mistake.name}: its feedback isn't the golden one\n{golden}\n"
                    f"  Look at it; if it is right: ./academy verify {room[4]} --write"
                )
        if not only:
            hidden = {check for check in shops.expected if check.startswith("test_hidden.py::")}
            untripped = sorted(hidden - findings.tripped)
            findings.broken += [f"no mistake trips {check}" for check in untripped]
    if write:
        fresh = dict(zip((m.name for m in chosen), goldens, strict=True))
        rewrite(room, [replace(m, feedback=fresh.get(m.name, m.feedback)) for m in mistakes])
    return findings


class Proof:
    """One room's proof under way."""

    def __init__(
        self,
        room: str,
        seeds: Sequence[int],
        shops: Workshops,
        say: Say,
        *,
        everything: bool,
        once: bool,
    ) -> None:
        self.findings = Findings(room)
        self._seeds = seeds
        self._of_mistakes = seeds[:1] if once else seeds
        self._shops = shops
        self._say = say
        self._everything = everything
        self._tracing = Tracing(PROJECT / "solutions" / room)
        self._walked: dict[int, dict[str, frozenset[int]]] = {}

    def trace(self, pool: ThreadPoolExecutor) -> None:
        """Learn, for each seed of the mistakes, what each check reaches in the reference."""

        def run(seed: int) -> None:
            with temporary("work") as place:
                folder = reference(self.findings.room, place)
                self._tracing.write(folder, self.findings.room)
                result = self._right("the reference with marks", folder, seed, self._tracing.size)
            self._walked[seed] = dict(result.walked)

        list(pool.map(run, self._of_mistakes))

    def right_ones(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        """Begin to judge the reference, the variants and the starter."""
        room = self.findings.room
        plain = PROJECT / "solutions" / room
        pairs = [(source, seed) for source in [plain, *variants(room)] for seed in self._seeds]
        if not self._everything:  # by these seeds the reference was judged with its marks
            known = [(plain, seed) for seed in self._of_mistakes if seed != self._seeds[0]]
            pairs = [pair for pair in pairs if pair not in known]
        return [pool.submit(self._starter), *(pool.submit(self._variant, *two) for two in pairs)]

    def _variant(self, source: Path, seed: int) -> None:
        plain = source.parent.name == "solutions"
        self._say(f"{'the reference' if plain else source.name}, seed {seed}")
        with temporary("work") as place:
            folder = reference(self.findings.room, place)
            if not plain:
                overlay(source, folder)
            self._right("the reference" if plain else source.name, folder, seed)

    def _right(self, name: str, folder: Path, seed: int, traced: int = 0) -> Result:
        with self._shops.lent() as shop:
            result = self._heard(shop.jury.judge(folder, seed=seed, ask=Ask(traced=traced)))
        for verdict in result.verdicts:
            if verdict.outcome is not Outcome.PASSED:
                text = feedback(verdict)
                self.findings.broken.append(f"{name}, seed {seed}: {verdict.check}\n{text}")
        return result

    def _starter(self) -> None:
        room = self.findings.room
        with temporary("work") as place, self._shops.lent() as shop:
            folder = copied(PROJECT / "rooms" / room, room, place)
            result = self._heard(shop.jury.judge(folder, seed=0))
        passed = [v.check for v in result.verdicts if v.outcome is Outcome.PASSED]
        self.findings.broken += [f"the starter passes {check}" for check in passed]

    def prove(self, mistake: Mistake) -> str:
        """Judge a mistake by every seed; return its feedback at seed 0."""
        self._say(mistake.name)
        golden = mistake.feedback
        try:
            text = mistake.text()
        except CatalogueError as error:
            self.findings.broken.append(str(error))
            return golden
        first: list[str] = []
        for seed in self._of_mistakes:
            failed = self._failed(mistake, text, seed, first)
            as_told = {v.task for v in failed} == set(mistake.trips)
            if not self._everything and not (as_told and _golden(mistake, failed, seed)):
                # It may live on what earlier checks left in its process: asked as a class is.
                failed = self._failed(mistake, text, seed, None)
            first = [v.check for v in failed]
            self.findings.tripped.update(first)
            tasks = {v.task for v in failed}
            if tasks != set(mistake.trips):
                texts = "\n".join(feedback(v) for v in failed if v.task not in mistake.trips)
                self.findings.broken.append(
                    f"{mistake.name}, seed {seed}: expected to trip "
                    f"{', '.join(mistake.trips)}, tripped {', '.join(sorted(tasks)) or 'nothing'}"
                    f"\n{texts}".rstrip()
                )
            if seed == 0 and failed:
                golden = feedback(failed[0])
        return golden

    def _failed(
        self, mistake: Mistake, text: str, seed: int, first: Sequence[str] | None
    ) -> list[Verdict]:
        """Return the verdicts that say *not yet*.

        `first` names checks that may fail at once; None asks all checks.
        """
        touched = self._tracing.touched(mistake.file, text)
        reached = reaching(self._walked[seed], touched, self._shops.expected)
        if self._everything or first is None:
            ask = Ask()
        elif not first:
            # Whoever fails is told apart only while some check of these tasks waits for a mistake.
            tasks = self._shops.expected
            news = [
                check
                for check in reached
                if tasks[check] in mistake.trips and check not in self.findings.tripped
            ]
            ask = Ask(reached, until="waiting" if news else "task")
        else:
            ask = Ask(sorted(reached, key=lambda check: check not in first), until="task")
        with self._shops.lent() as shop:
            result = self._heard(shop.judge(mistake.file, text, seed, ask))
        return [v for v in result.verdicts if v.outcome is Outcome.NOT_YET]

    def _heard(self, result: Result) -> Result:
        self.findings.judged += 1
        for verdict in result.verdicts:
            if verdict.outcome is Outcome.FAULT:
                self.findings.broken.append(f"grader fault: {verdict.check}: {verdict.got}")
        return result


def _golden(mistake: Mistake, failed: Sequence[Verdict], seed: int) -> bool:
    """Whether what the student reads is what the catalogue says; it does so for seed 0."""
    if seed or not failed:
        return True
    return _without_figures(feedback(failed[0])) == _without_figures(mistake.feedback)


def _without_figures(text: str) -> str:
    """Return feedback without its figures: clocks, memory and hashes differ from run to run.

    Of a line that is shortened in its middle only the beginning counts; a set is put in order.
    """
    lines = [line[:_BEGINNING] if _SHORTENED in line else line for line in text.splitlines()]
    ordered = _SET.sub(lambda found: str(sorted(found[0][1:-1].split(", "))), "\n".join(lines))
    return _FIGURES.sub("#", ordered)
