"""./academy verify: right rooms get all points, the starter none, each mistake what it earns."""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from grader.mutants import judge as judge_mutants
from grader.verdicts import rooms
from grader.verify import verify as prove
from shared.cli.failure import Failure
from shared.course.folders import room_named
from shared.language import _

_ENOUGH: Final = 0.9  # of the changes must be noticed
_MANY: Final = 20  # seeds over which a verdict mustn't depend on luck


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify", help=_("Prove the checks: references, variants, mistakes."))(verify)


def verify(  # noqa: PLR0913, PLR0917 - the options of the verb
    room: Annotated[
        list[str] | None, typer.Argument(metavar="[N]...", help=_("Rooms; all if none."))
    ] = None,
    seeds: Annotated[int, typer.Option(help=_("How many seeds, from 0 on."))] = 3,
    only: Annotated[str, typer.Option(help=_("Mistakes whose name has this word."))] = "",
    write: Annotated[bool, typer.Option(help=_("Renew the golden feedback (seed 0)."))] = False,
    jobs: Annotated[int, typer.Option(help=_("Juries side by side."))] = 2,
    everything: Annotated[
        bool, typer.Option("--all", help=_("20 seeds, and each mistake asked of every check."))
    ] = False,
    mutate: Annotated[
        bool, typer.Option(help=_("Change the references a little: who notices?"))
    ] = False,
    sample: Annotated[int, typer.Option(help=_("At most so many changes a room."))] = 0,
) -> None:
    """Prove the law for each room, and list what doesn't hold; exit with 1 if anything."""
    if mutate:
        _mutate(_named(room or []), sample, jobs)
        return
    broken = 0
    for name in _named(room or []):
        start = time.monotonic()

        def say(line: str, name: str = name) -> None:
            typer.echo(f"  {name[:5]} {line}", err=True)

        numbers = [0] if write else list(range(_MANY if everything else seeds))
        options: dict[str, Any] = {"write": write, "only": only, "jobs": jobs}
        found = prove(name, numbers, say, everything=everything, **options)
        for line in found.broken:
            typer.echo(line)
        broken += len(found.broken)
        text = _("{room}: {judged} judged in {took:.0f} s, {broken} broken")
        took = time.monotonic() - start
        line = text.format(room=name, judged=found.judged, took=took, broken=len(found.broken))
        typer.echo(line)
    if broken:
        raise typer.Exit(1)


def _mutate(names: Sequence[str], sample: int, jobs: int) -> None:
    """Say for each room which changes of its reference no check notices."""
    low = False
    for name in names:
        start = time.monotonic()
        report = judge_mutants(name, sample=sample, jobs=jobs)
        for mutant in report.survived:
            typer.echo(f"solutions/{name}/{mutant.file}:{mutant.line}")
            typer.echo(f"  - {mutant.before}\n  + {mutant.after}")
        for file, before, after in report.stale:
            text = _("argued, and not among the survivors: {file}\n  - {before}\n  + {after}")
            typer.echo(text.format(file=file, before=before, after=after))
        text = _(
            "{room}: noticed {killed}, not noticed {alive} ({share:.0%}), "
            "argued {argued}; {took:.0f} s"
        )
        counts = {"killed": report.killed, "alive": len(report.survived), "argued": report.argued}
        took = time.monotonic() - start
        typer.echo(text.format(room=name, share=report.share, took=took, **counts))
        low = low or report.share < _ENOUGH
    if low:
        raise typer.Exit(1)


def _named(words: list[str]) -> list[str]:
    names = rooms()
    try:
        return [room_named(names, word) for word in words] or names
    except LookupError as error:
        raise Failure(str(error)) from None
