"""The fixtures of a check, and how its end becomes a verdict. Runs in the trusted process only.

pytest rooms/room1_foundations                    the student's own room, walls where there are
pytest … --submission FOLDER --check-seed 7       another's, by another seed
"""

import hashlib
import inspect
import random
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from . import evidence
from .evidence import NotYet, shown
from .line import LineLost, RemoteError
from .sandbox import Bare, GraderFault, InProcess, Sandbox, Walled
from .verdicts import Outcome, Verdict, printable, table
from .walls import PROJECT, Layout, bubblewrap

PATIENCE_S: Final = 10.0  # for one call; three times that for a check, fifteen times for a room
_BOTH_FIT: Final = 61  # characters of a place and a hint's command, beside each other
_MOST_SILENCES: Final = 3  # calls without an answer; then the rest isn't tried any more
_PRELOAD: Final = {
    "model": ("numpy", "sklearn.linear_model", "skops.io", "scipy.stats"),
    "ingestion": ("fastapi", "uvicorn.protocols.http.auto", "uvicorn.loops.auto"),
    "storage": ("sqlalchemy", "shared.database.schema", "shared.database.engine"),
    "bus": ("paho.mqtt.client",),
    "identity": ("cryptography.x509", "jwt"),
    "telemetry": ("prometheus_client", "structlog"),
}


class Judge:
    """One submission under check: its sandbox, its seed, its verdicts so far."""

    def __init__(
        self,
        submission: Path,
        seed: int,
        *,
        walls: bool,
        patience_s: float = PATIENCE_S,
        in_process: bool = False,
        house: Walled | None = None,
    ) -> None:
        self.submission = submission  # …/rooms/NAME
        self.seed = seed
        self.verdicts: list[Verdict] = []
        self._walls = walls
        self._in_process = in_process
        self._house = house  # kept for the owner of the submission: not ours to close
        self._sandboxes: list[Sandbox] = []
        self._patience_s = patience_s
        self._silences = 0
        self._end = time.monotonic() + 15 * patience_s

    def sandbox(self, room: str) -> Sandbox:
        """Return the sandbox that all checks of the room share; they begin one by one."""
        if not self._sandboxes:
            if self._house is None:
                self.another(room)
            else:
                self._house.begin()
                self._sandboxes.append(self._house)
        if self._silences >= _MOST_SILENCES:
            raise LineLost(f"no answer to {_MOST_SILENCES} earlier calls; not asked any more")
        found = self._sandboxes[0]
        found.patience_s = self._patience_s
        found.until = min(time.monotonic() + 3 * self._patience_s, self._end)
        return found

    def another(self, room: str) -> Sandbox:
        """Return one more sandbox around the same submission."""
        role = table(room).role
        layout = Layout(room, role, self.submission)
        made: Sandbox
        if self._in_process:
            made = InProcess(layout)
        else:
            made = Walled(layout, preload(role)) if self._walls else Bare(layout)
        made.patience_s = self._patience_s
        made.until = min(time.monotonic() + 3 * self._patience_s, self._end)
        self._sandboxes.append(made)
        return made

    def spread(self, name: str, data: bytes) -> None:
        """Write a file into the scratch folder of every sandbox."""
        for sandbox in self._sandboxes:
            sandbox.put(name, data)

    def peek(self, name: str) -> list[bytes]:
        """Return the file of that name from each sandbox that has it, whoever lives in there."""
        found = [one.peek(name) for one in self._sandboxes if isinstance(one, Walled)]
        return [data for data in found if data is not None]

    def heard(self, error: BaseException | None) -> None:
        """Note how a check ended: whoever is silent again and again holds up the others."""
        self._silences += isinstance(error, LineLost) and "no answer" in str(error)

    def close(self) -> None:
        """End the sandboxes."""
        while self._sandboxes:
            found = self._sandboxes.pop()
            if found is self._house:
                self._house.leave()
            else:
                found.close()


def preload(role: str) -> tuple[str, ...]:
    """Return what a keeper imports before a submission comes: libraries that the room will want."""
    return _PRELOAD.get(role, ())


_judge = pytest.StashKey[Judge]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that say whose room is checked, and by which seed."""
    group = parser.getgroup("academy")
    group.addoption("--submission", help="the folder of the room to check (…/rooms/NAME)")
    group.addoption("--check-seed", type=int, default=0, help="the seed of the inputs")
    group.addoption("--in-process", action="store_true", help="run the room here, for a debugger")
    group.addoption("--no-walls", action="store_true", help="check without isolation")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker."""
    config.addinivalue_line("markers", "task(id): the task that a check earns points for")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what still runs."""
    if (judge := config.stash.get(_judge, None)) is not None:
        judge.close()


def judge_of(config: pytest.Config) -> Judge | None:
    """Return who judges now."""
    return config.stash.get(_judge, None)


def appoint(config: pytest.Config, judge: Judge) -> None:
    """Let `judge` take the checks from now on."""
    config.stash[_judge] = judge


def room_of(item: pytest.Item) -> str:
    """Return the room that a check belongs to: its folder's name."""
    return item.path.parent.name


def task_of(item: pytest.Item) -> str | None:
    """Return the task that a check earns points for, if it is a check."""
    marker = item.get_closest_marker("task")
    return str(marker.args[0]) if marker else None


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Return where the room runs: a power cut (`kill`), its files, its ports."""
    config, name = request.config, room_of(request.node)
    if (judge := judge_of(config)) is None:
        given = config.getoption("--submission")
        place = Path(given).resolve() if given else PROJECT / "rooms" / name
        walls = bubblewrap() is not None and not config.getoption("--no-walls")
        judge = Judge(
            place,
            config.getoption("--check-seed"),
            walls=walls,
            in_process=config.getoption("--in-process"),
            # A person who debugs takes their time.
            patience_s=3600.0 if config.getoption("--in-process") else PATIENCE_S,
        )
        appoint(config, judge)
    return judge.sandbox(name)


@pytest.fixture
def room(sandbox: Sandbox) -> Any:  # noqa: ANN401 - the bench of whichever room
    """Return the room's bench: what it offers, called across the line."""
    return sandbox.open().open()


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:  # noqa: ANN401 - as above
    """Return the same room in a process that shares nothing with the other one."""
    del sandbox  # it appoints the judge
    judge = judge_of(request.config)
    assert judge is not None  # noqa: S101 - just appointed
    return judge.another(room_of(request.node)).open().open()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Return a generator for this check's inputs: the run's seed and the check's name decide."""
    judge = judge_of(request.config)
    seed = judge.seed if judge else request.config.getoption("--check-seed")
    name = f"{seed}:{request.node.name}".encode()
    return random.Random(int.from_bytes(hashlib.sha256(name).digest()[:8], "big"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin to count anew what the check sees."""
    evidence.tally.refused = evidence.tally.held = 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the verdict of each check, and let pytest show a person what a person needs."""
    report = yield
    number = task_of(item)
    if number is None or call.when == "teardown" or (call.when == "setup" and not call.excinfo):
        return report
    error = call.excinfo.value if call.excinfo else None
    if call.when == "setup" and not isinstance(error, RemoteError | LineLost | MemoryError):
        error = GraderFault(f"{type(error).__name__}: {error}")
    verdict = verdict_of(item, number, error, call.duration)
    if (judge := judge_of(item.config)) is not None:
        judge.verdicts.append(verdict)
        judge.heard(error)
    if call.excinfo is not None and verdict.outcome is not Outcome.FAULT:
        report.longrepr = feedback(verdict)
    return report


def verdict_of(  # noqa: C901 - a case a way in which a check can end
    item: pytest.Item, number: str, error: BaseException | None, seconds: float
) -> Verdict:
    """Return what a check's end means for the student."""
    sentence = (inspect.getdoc(getattr(item, "obj", None)) or item.name).splitlines()[0]
    facts: dict[str, Any] = {"did": "", "expected": "", "got": ""}
    outcome, where, waits = Outcome.NOT_YET, None, ""
    match error:
        case None:
            outcome = Outcome.PASSED
        case NotYet():
            facts = {"did": error.did, "expected": error.expected, "got": error.got}
        case RemoteError() if error.task is not None and error.task != number:
            outcome, waits = Outcome.WAITING, error.task
        case RemoteError():
            where = error.where
            if error.task is None:
                facts = {"expected": "an answer", "got": shown_error(error)}
            else:
                facts = {"did": f"Task {number} isn't written yet: it raises Todo."}
        case LineLost():
            facts = {"expected": "an answer", "got": f"{error}"}
        case MemoryError():  # a check alone needs little; what a room answers may be too much
            facts = {"expected": "an answer of a sensible size", "got": "too much to hold"}
        case GraderFault() | OSError():
            outcome, facts = Outcome.FAULT, {"got": f"{error}"}
        case Exception():
            facts = {"expected": "what the contract table says", "got": f"another shape: {error}"}
        case _:
            outcome, facts = Outcome.FAULT, {"got": type(error).__name__}
    clean = {name: printable(text) for name, text in facts.items()}
    if where is not None:
        where = (printable(where[0]), where[1])
    name = f"{item.path.name}::{item.name}"
    return Verdict(
        check=name,
        task=number,
        sentence=sentence.rstrip("."),
        outcome=outcome,
        waits_for=printable(waits)[:8],
        where=where,
        seconds=round(seconds, 3),
        refusal=evidence.tally.refused > 0 and evidence.tally.held == 0,
        **clean,
    )


def shown_error(error: RemoteError) -> str:
    """Return the class and text of what the room raised."""
    kind = error.kinds[0] if error.kinds else "error"
    return shown_words(f"{kind}: {error.text}")


def shown_words(text: str) -> str:
    """Return text, shortened in the middle where it is very long."""
    return shown(text)[1:-1] if len(text) > 600 else text  # noqa: PLR2004 - evidence's bound


def feedback(verdict: Verdict, look_at: str = "", hint: str = "") -> str:
    """Return what a student reads, six lines at the most."""
    if verdict.outcome is Outcome.WAITING:
        text = f"{verdict.sentence}. Runs once {verdict.waits_for} passes."
        return f"waiting  {verdict.task}  {text}"
    if verdict.outcome is Outcome.FAULT:
        text = f"{verdict.sentence}: {verdict.got}. Not counted against you."
        return f"grader fault  {verdict.task}  {text}"
    lines = [f"{verdict.outcome.value}  {verdict.task}  {verdict.sentence}"]
    if verdict.did:
        lines.append(f"  {verdict.did}")
    if verdict.expected:
        lines.append(f"  Expected  {verdict.expected}")
    if verdict.got:
        lines.append(f"  Got       {verdict.got}")
    if look_at and len(look_at) + len(hint) <= _BOTH_FIT:
        lines.append(f"  Look at   {look_at}       {hint}".rstrip())
    else:  # a terminal has 80 columns
        lines += [f"  {text}" for text in (f"Look at   {look_at}" * bool(look_at), hint) if text]
    return "\n".join(lines)
