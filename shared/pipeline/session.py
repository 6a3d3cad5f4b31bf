"""One run from the first port to the last count: what `./academy up` and the tests call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event as StopSignal
from typing import Any

from shared.contracts.messages import Credentials
from shared.language import _

from .accounts import Accountant
from .loader import ROOMS, Choice
from .planning import Plan, keep_clock, keep_plan
from .supervisor import SERVING, PipelineFailed, Supervisor
from .workplace import Workplace

ENROL_WITHIN_S = 30.0
BROKER_WITHIN_S = 15.0
GATEWAY_WITHIN_S = 15.0


@dataclass(slots=True)
class Session:
    """A pipeline that runs until `stop` is set."""

    place: Workplace
    plan: Plan
    notice: Callable[[str], None]
    stop: StopSignal

    def start(self) -> Supervisor:
        """Start everything; return the supervisor once readings may flow.

        Raises PipelineFailed, with nothing left running, when a part can't start or a door that
        should be shut is open.
        """
        keep_plan(self.place, self.plan)
        for role in ("identity", *SERVING):
            (self.place.run / f"{role}.json").unlink(missing_ok=True)
        supervisor = Supervisor(self.place, self.notice)
        try:
            self._enrol(supervisor)
            for role in SERVING[:-1]:
                supervisor.spawn(role)
            supervisor.wait_ready("broker", BROKER_WITHIN_S, self.stop)
            self._try_doors()
            supervisor.wait_ready("gateway", GATEWAY_WITHIN_S, self.stop)
            supervisor.spawn("devices")
        except BaseException:
            supervisor.stop()
            raise
        return supervisor

    def watch(self, supervisor: Supervisor, shown: Callable[[Supervisor], None]) -> None:
        """Look after the parts until `stop`; calls `shown` a few times a second."""
        ticks = 0
        while not self.stop.wait(0.05):
            supervisor.tick()
            ticks += 1
            if ticks % 5 == 0:
                shown(supervisor)
            if ticks % 20 == 0:
                keep_clock(self.place, self.plan)

    def finish(self, supervisor: Supervisor) -> None:
        """Drain and stop; afterwards the accounts are final."""
        keep_clock(self.place, self.plan)
        supervisor.stop()

    def accountant(self) -> Accountant:
        """Return who counts this run."""
        return Accountant(self.place, self.plan.settings.storage)

    def _enrol(self, supervisor: Supervisor) -> None:
        state = supervisor.run_once("identity", ENROL_WITHIN_S)
        if state.get("state") == "todo":
            raise PipelineFailed(
                _(
                    "Identity waits for task {task} of your Room 6. Go on without it:"
                    " ./academy up --stand-in 6"
                ).format(task=state.get("task"))
            )
        if state.get("state") == "mismatch":
            raise PipelineFailed(str(state.get("detail")))

    def _try_doors(self) -> None:
        """Try the broker as an intruder would, and refuse to go on if let in."""
        if self.plan.choices[6] is Choice.STAND_IN or self.stop.is_set():
            return
        from .probe import ProbeFailed, probe_broker

        enrolment = self.place.read("enrolment")
        try:
            findings = probe_broker(self.plan, _credentials(enrolment))
        except ProbeFailed as error:
            raise PipelineFailed(str(error)) from error
        let_in = [finding for finding in findings if finding.let_in]
        if let_in:
            raise PipelineFailed(self._let_in(let_in))

    def _let_in(self, findings: list[Any]) -> str:
        lines = [f"  {finding.tried}  ({finding.task})" for finding in findings]
        message = _("The broker lets in whom it shouldn't:\n{lines}").format(lines="\n".join(lines))
        if self.plan.choices[6] is Choice.YOURS:
            message += _("\nTo go on without your Room 6: ./academy up --stand-in 6")
        return message


def describe_choices(choices: Mapping[int, Choice]) -> list[tuple[int, str, str]]:
    """Return (number, part, whose) of each room, as printed at start."""
    return [(number, ROOMS[number].part, choice.value) for number, choice in choices.items()]


def _credentials(enrolment: Mapping[str, Any]) -> dict[str, Credentials]:
    return {name: Credentials(**found) for name, found in enrolment.get("credentials", {}).items()}
