"""What a check found, in the order in which a person reads it: task by task, then the sum."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from grader.cli.hinting import hints_of
from grader.cli.screen import put
from grader.judging import Result
from grader.plugin import feedback
from grader.verdicts import Outcome, Score, Verdict, place_of
from shared.course.folders import ROOT, number_of
from shared.language import _, plural


def tell(result: Result) -> None:
    """Write what each task's checks found, and how isolated they ran."""
    hinted = hints_of(result.room.name)
    put(f"{number_of(result.room.name)}  {result.room.title}")
    for score in result.scores:
        for text in _of_task(result, score, hinted):
            put(text)
    judged = [score for score in result.scores if score.checks]
    if not judged:
        return
    done = sum(score.passed == score.checks for score in judged)
    tier = (
        _("isolated")
        if result.tier == "walled"
        else _("not isolated: self-check only (your own code ran as you)")
    )
    text = _("{done} of {total} tasks pass their shown checks; {tier}")
    put(text.format(done=done, total=len(judged), tier=tier))


def _of_task(result: Result, score: Score, hinted: Collection[str]) -> Iterator[str]:
    task = score.task
    if not score.checks:
        if task.judges:
            text = _("in class   {task}  {title}: this edition hasn't what it is judged by.")
            yield text.format(task=task.id, title=task.title)
        return
    if score.passed == score.checks:
        count = plural("{n} check", "{n} checks", score.checks).format(n=score.checks)
        yield f"{Outcome.PASSED.value}   {task.id}  {task.title} ({count})"
        return
    own = [v for v in result.verdicts if v.task == task.id and v.outcome is not Outcome.PASSED]
    for alike in _grouped(own):
        verdict = alike[0]
        if len(alike) > 1:  # several checks met the same: it is told once
            count = plural("{n} check", "{n} checks", len(alike)).format(n=len(alike))
            verdict = replace(verdict, sentence=f"{task.title} ({count})")
        yield feedback(verdict, _look_at(result, verdict), _hint(verdict, hinted))


def _grouped(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """Return the verdicts that differ by their sentence only together."""
    groups: dict[tuple[object, ...], list[Verdict]] = {}
    for v in verdicts:
        facts = (v.outcome, v.did, v.expected, v.got, v.waits_for)
        groups.setdefault(facts, []).append(v)
    return list(groups.values())


def _look_at(result: Result, verdict: Verdict) -> str:
    room = result.room.name
    if verdict.where is not None and f"/{room}/" in verdict.where[0].replace("\\", "/"):
        file = verdict.where[0].replace("\\", "/").rpartition(f"/{room}/")[2]
        return f"rooms/{room}/{file}:{verdict.where[1]}"
    place = place_of(ROOT / "rooms" / room, result.room.task(verdict.task).names)
    return f"rooms/{room}/{place}" if place else ""


def _hint(verdict: Verdict, hinted: Collection[str]) -> str:
    return f"hint: ./academy hint {verdict.task}" if verdict.task in hinted else ""
