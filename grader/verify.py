"""Proof of the law: right rooms get all points, the starter none, each mistake what it earns."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue

from .judging import Jury, Result
from .mistaken import CatalogueError, Mistake, catalogue, copied, reference, rewrite
from .places import temporary
from .plugin import feedback
from .verdicts import Outcome
from .walls import PROJECT

OWN_CHECK = "8"  # N.8: checked by mistakes, not by checks


@dataclass
class Findings:
    """What a room's proof found. Nothing in `broken` means that the law holds."""

    room: str
    broken: list[str] = field(default_factory=list)
    tripped: set[str] = field(default_factory=set)
    judged: int = 0


def verify(
    room: str,
    seeds: Sequence[int],
    say: Callable[[str], None] = lambda _line: None,
    *,
    write: bool = False,
    only: str = "",
    jobs: int = 2,
) -> Findings:
    """Prove the law for `room` with each of `seeds`; with `write`, renew the golden feedback."""
    findings = Findings(room)
    mistakes = catalogue(room)
    chosen = [m for m in mistakes if only in m.name]
    with ExitStack() as stack:
        juries: SimpleQueue[Jury] = SimpleQueue()
        for _one in range(jobs):
            juries.put(jury := stack.enter_context(Jury(room, hidden=True)))
        if not only:
            _right_ones(jury, seeds, findings, say)
            _starter(jury, findings)

        def prove(mistake: Mistake) -> str:
            taken = juries.get()
            try:
                return _mistake(taken, mistake, seeds, findings, say, write)
            finally:
                juries.put(taken)

        goldens = list(stack.enter_context(ThreadPoolExecutor(jobs)).map(prove, chosen))
        if not only:
            hidden = {check for check in jury.expected if check.startswith("test_hidden.py::")}
            for check in sorted(hidden - findings.tripped):
                findings.broken.append(f"no mistake trips {check}")
    if write:
        fresh = dict(zip((m.name for m in chosen), goldens, strict=True))
        rewrite(room, [replace(m, feedback=fresh.get(m.name, m.feedback)) for m in mistakes])
    return findings


def variants(room: str) -> list[Path]:
    """Return the folders of right solutions in other styles."""
    return sorted(p for p in (PROJECT / "grader" / "variants" / room).glob("*") if p.is_dir())


def _right_ones(
    jury: Jury, seeds: Sequence[int], findings: Findings, say: Callable[[str], None]
) -> None:
    room = jury.table.name
    for source in [PROJECT / "solutions" / room, *variants(room)]:
        name = "the reference" if source.parent.name == "solutions" else source.name
        say(name)
        with temporary("work") as place:
            folder = reference(room, place)
            if name != "the reference":
                _overlay(source, folder)
            for seed in seeds:
                result = _judged(jury, folder, seed, findings)
                for verdict in result.verdicts:
                    if verdict.outcome is not Outcome.PASSED:
                        text = feedback(verdict)
                        findings.broken.append(f"{name}, seed {seed}: {verdict.check}\n{text}")


def _overlay(source: Path, folder: Path) -> None:
    """Put a variant's modules over the reference's: it holds those that differ."""
    for path in source.rglob("*.py"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def _starter(jury: Jury, findings: Findings) -> None:
    room = jury.table.name
    with temporary("work") as place:
        folder = copied(PROJECT / "rooms" / room, room, place)
        result = _judged(jury, folder, 0, findings)
    passed = [v.check for v in result.verdicts if v.outcome is Outcome.PASSED]
    findings.broken += [f"the starter passes {check}" for check in passed]


def _mistake(
    jury: Jury,
    mistake: Mistake,
    seeds: Sequence[int],
    findings: Findings,
    say: Callable[[str], None],
    write: bool,  # noqa: FBT001 - internal
) -> str:
    """Return its feedback at seed 0."""
    say(mistake.name)
    golden = mistake.feedback
    with temporary("work") as place:
        try:
            folder = mistake.make(place)
        except CatalogueError as error:
            findings.broken.append(str(error))
            return golden
        for seed in seeds:
            result = _judged(jury, folder, seed, findings)
            failed = [v for v in result.verdicts if v.outcome is Outcome.NOT_YET]
            findings.tripped |= {v.check for v in failed}
            tasks = {v.task for v in failed}
            if tasks != set(mistake.trips):
                texts = "\n".join(feedback(v) for v in failed if v.task not in mistake.trips)
                findings.broken.append(
                    f"{mistake.name}, seed {seed}: expected to trip "
                    f"{', '.join(mistake.trips)}, tripped {', '.join(sorted(tasks)) or 'nothing'}"
                    f"\n{texts}".rstrip()
                )
            if seed == 0 and failed:
                golden = feedback(failed[0])
    if _without_figures(golden) != _without_figures(mistake.feedback) and not write:
        findings.broken.append(
            f"{mistake.name}: its feedback isn't the golden one\n{golden}\n"
            f"  Look at it; if it is right: ./academy verify {jury.table.name[4]} --write"
        )
    return golden


def _without_figures(text: str) -> str:
    """Return feedback without its figures: clocks, memory and hashes differ from run to run."""
    return re.sub(r"-?\d[\d.e+-]*", "#", text)


def _judged(jury: Jury, folder: Path, seed: int, findings: Findings) -> Result:
    findings.judged += 1
    result = jury.judge(folder, seed=seed)
    for verdict in result.verdicts:
        if verdict.outcome is Outcome.FAULT:
            findings.broken.append(f"grader fault: {verdict.check}: {verdict.got}")
    return result
