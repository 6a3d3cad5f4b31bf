"""./academy grade: a class's submissions, judged behind walls, in the forms that others read."""

import contextlib
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from grader.cli.reading import told_changes
from grader.cluster import Cluster, ClusterError
from grader.grades import FORM, regraded, results
from grader.grading import Found, Grading, RoomGrade, faults
from grader.places import cramped, sweep, temporary
from grader.policy import Policy, PolicyError, policy
from grader.probe import Probe, probe
from grader.reports.written import write
from grader.roster import Roster, RosterError, Submission, roster
from grader.sandbox import GraderFault
from grader.session import checks_of
from grader.verdicts import printable, rooms, table
from shared.cli.failure import Failure
from shared.course.folders import room_named
from shared.language import _
from shared.pipeline.workplace import AlreadyRunning, Workplace, write_atomically

_FAULT = 3


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("grade", help=_("Grade a class: folders, zips, a platform's download."))(grade)


def grade(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    paths: Annotated[list[Path], typer.Argument(help=_("Folders, zips, or a download."))],
    out: Annotated[Path, typer.Option(help=_("Where the results go."))] = Path("grades"),
    only: Annotated[str, typer.Option(metavar="1,3", help=_("Only these rooms."))] = "",
    seed: Annotated[int | None, typer.Option(help=_("The seed; drawn once if none."))] = None,
    jobs: Annotated[int, typer.Option(min=1, help=_("Submissions at a time."))] = 2,
    rules: Annotated[
        Path | None, typer.Option("--table", help=_("Lateness, groups, attempts: class.toml."))
    ] = None,
    again: Annotated[
        str, typer.Option(metavar="3.2", help=_("Judge one task again; the rest stays."))
    ] = "",
    scheduler: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help=_("Judge on the workers of a cluster."))
    ] = "",
    without_walls: Annotated[
        bool, typer.Option("--not-isolated", help=_("Grade where nothing can be isolated."))
    ] = False,
) -> None:
    """Grade all, then write results.json, tables, JUnit, Gradescope files and pages into `out`."""
    chosen = _rooms(only)
    with temporary_or_failure() as unpacked, _cluster(scheduler, chosen) as cluster:
        # A cluster's workers probed themselves.
        tier = "walled" if cluster else _tier(without_walls=without_walls)
        order = _Order(out, _policy(rules), tier, cluster.workers if cluster else jobs, cluster)
        order.prepare(paths, unpacked, seed)
        order.grade_again(again) if again else order.grade(chosen)


def temporary_or_failure() -> Any:  # noqa: ANN401 - a context manager
    """Return a temporary folder; Failure says what is in the way of one."""
    if reason := cramped():
        raise Failure(reason)
    return temporary("class")


@dataclass
class _Order:
    """One run, as the command line asked for it."""

    out: Path
    rules: Policy
    tier: str
    jobs: int
    cluster: Cluster | None = None
    class_: Roster = field(default_factory=Roster)
    seed: int = 0
    _done: int = 0
    _total: int = 0
    _begin: float = field(default_factory=time.monotonic)

    def prepare(self, paths: list[Path], unpacked: Path, seed: int | None) -> None:
        """Find the submissions and the seed, and hold the folder of results."""
        try:
            self.class_ = roster(paths, unpacked, self.out.resolve())
            self._held = Workplace(self.out / "cache").lock()
            self.seed = _seed(self.out, seed)
        except RosterError as error:
            raise Failure(str(error)) from None
        except AlreadyRunning:
            text = _("{out}: another run writes there; wait for it, or choose --out.")
            raise Failure(text.format(out=self.out)) from None
        except OSError as error:
            raise _unwritable(self.out, error) from None
        for remark in self.class_.remarks:
            typer.echo(remark, err=True)

    def grade(self, chosen: list[str]) -> None:
        """Grade all rooms that were chosen."""
        run, found = self._run(chosen, ())
        about = {
            "seed": self.seed,
            "isolation": self.tier,
            "rooms": chosen,
            "remarks": [*self.class_.remarks, *run.remarks],
        }
        self._tell(results(about, self.class_.submissions, found, self.rules), found)

    def grade_again(self, task: str) -> None:
        """Judge one task anew and put its verdicts in the place of those that are there."""
        before = _before(self.out)
        room = next((r for r in rooms() if any(t.id == task for t in table(r).tasks)), "")
        if before is None or room not in before["rooms"]:
            text = _("{out}/results.json holds no task {task}; run grade without --again first.")
            raise Failure(text.format(out=self.out, task=task))
        if before["seed"] != self.seed or before["isolation"] != self.tier:
            raise Failure(_("another seed or isolation than before: the whole must be graded."))
        _found, found = self._run([room], (task, *table(room).task(task).needs))
        self._tell(regraded(before, task, found, self.rules), found)

    def _run(self, chosen: list[str], tasks: tuple[str, ...]) -> tuple[Grading, Found]:
        self._total = len(self.class_.submissions) * len(chosen)
        run = Grading(
            chosen,
            self.seed,
            self.out / "cache",
            walls=self.tier == "walled",
            jobs=self.jobs,
            tasks=tasks,
            elsewhere=self.cluster.jury if self.cluster else None,
            told=self._told,
        )
        try:
            return run, run.run(self.class_.submissions)
        except GraderFault as error:
            raise Failure(str(error)) from None
        except OSError as error:
            raise _unwritable(self.out, error) from None
        except KeyboardInterrupt:
            typer.echo(_("stopped; the same command goes on from here."), err=True)
            raise
        finally:
            sweep()

    def _told(self, one: Submission, room: str, found: RoomGrade | None) -> None:
        self._done += 1
        left = (time.monotonic() - self._begin) / self._done * (self._total - self._done)
        if found is None:
            points = _("nothing handed in")
        elif found.points is None:
            points = _("not judged: {reason}").format(reason=_reason(found))
        else:
            points = f"{found.points:.1f}"
        text = _("{done}/{total}  {student}  {room}  {points}  ({left:.0f} s left)")
        facts = {"done": self._done, "total": self._total, "room": room, "points": points}
        typer.echo(text.format(student=printable(one.student), left=left, **facts), err=True)

    def _tell(self, fresh: dict[str, Any], found: Found) -> None:
        before = _before(self.out)
        try:
            write(self.out, fresh)
            if before is not None:
                told_changes(before, fresh, self.out / "changes.csv")
        except OSError as error:
            raise _unwritable(self.out, error) from None
        for remark in set(fresh["remarks"]) - set(self.class_.remarks):
            typer.echo(remark, err=True)
        text = _("{count} students, seed {seed}, {tier}: {out}")
        facts = {"count": len(fresh["students"]), "seed": self.seed, "tier": self.tier}
        typer.echo(text.format(out=self.out, **facts))
        if count := faults(found):
            typer.echo(_("{count} couldn't be judged; run it again.").format(count=count))
            raise typer.Exit(_FAULT)


@contextlib.contextmanager
def _cluster(address: str, chosen: list[str]) -> Iterator[Cluster | None]:
    """Yield the cluster at `address`; None if none was asked for."""
    if not address:
        yield None
        return
    try:
        found = Cluster(address, chosen)
    except ImportError:
        raise Failure(_("--scheduler needs Dask: pip install distributed")) from None
    except ClusterError as error:
        raise Failure(str(error)) from None
    try:
        yield found
    finally:
        found.close()


def _reason(found: RoomGrade) -> str:
    faulty = [one["got"] for one in found.verdicts if one["outcome"] == "grader fault"]
    return " ".join([*found.remarks, *faulty[:1]])[:300]


def _policy(path: Path | None) -> Policy:
    try:
        return policy(path)
    except PolicyError as error:
        raise Failure(str(error)) from None


def _tier(*, without_walls: bool) -> str:
    """Return how isolated a stranger's code is here; Failure if that isn't enough."""
    found: Probe = probe()
    if not found.held and not without_walls:
        raise Failure(
            _(
                "no isolation here ({reason}): strangers' code would run as you. Install "
                "bubblewrap (Debian, Ubuntu: apt install bubblewrap), or say --not-isolated."
            ).format(reason=found.reason)
        )
    return found.tier


def _unwritable(out: Path, error: OSError) -> Failure:
    text = _("{out}: can't be written ({reason}).")
    return Failure(text.format(out=error.filename or out, reason=error.strerror or error))


def _before(out: Path) -> dict[str, Any] | None:
    """Return the results that are there, if they are of today's form."""
    try:
        found = json.loads((out / "results.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("form") == FORM else None


def _rooms(only: str) -> list[str]:
    names = [name for name in rooms() if any("hidden" in p.name for p in _checks(name))]
    try:
        return [room_named(names, word.strip()) for word in only.split(",") if word] or names
    except LookupError as error:
        raise Failure(str(error)) from None


def _checks(room: str) -> list[Path]:
    return checks_of(room, hidden=True)


def _seed(out: Path, given: int | None) -> int:
    """Return the run's seed: given, or that of the results that are there, or a new one."""
    place = out / "seed"
    if given is None:
        try:
            return int(place.read_text())
        except (OSError, ValueError):
            given = secrets.randbelow(2**31)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(place, str(given).encode())
    return given
