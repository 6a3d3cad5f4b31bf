"""What `./academy up` shows: a live screen in a terminal, plain lines in a pipe."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from shared.language import _
from shared.pipeline.accounts import Account, Accountant, AlertLine
from shared.pipeline.loader import Choice
from shared.pipeline.planning import Plan
from shared.pipeline.session import describe_choices
from shared.pipeline.supervisor import Supervisor
from shared.pipeline.workplace import Workplace

PLAIN_EVERY_S = 2.0


class View(Protocol):
    """One of the two ways to show a run."""

    def notice(self, text: str) -> None:
        """Say something once."""

    def started(self, seconds: float) -> None:
        """Say that everything runs, and where to look."""

    def refresh(self, supervisor: Supervisor) -> None:
        """Show the present state."""

    def summary(self, account: Account, seconds: float) -> None:
        """Show the final sums."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def make_view(place: Workplace, plan: Plan) -> View:
    """Return the live screen for a terminal, lines for anything else."""
    return Screen(place, plan) if sys.stdout.isatty() else Lines(place, plan)


class Lines:
    """Plain lines: stable to read by a program, kind to a screen reader."""

    def __init__(self, place: Workplace, plan: Plan) -> None:
        self._plan = plan
        self._console = Console(soft_wrap=True, highlight=False)
        self._accountant = Accountant(place, plan.settings.storage)
        self._began = time.monotonic()
        self._shown_at = 0.0
        self._seen: dict[str, bool] = {}

    def notice(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False)

    def started(self, seconds: float) -> None:
        """Print whose rooms run and where to look."""
        for number, part, whose in describe_choices(self._plan.choices):
            self.notice(f"  {number} {part:<10} {whose}")
        for line in where_to_look(self._plan):
            self.notice(line)
        self.notice(_("Started in {seconds:.1f} s. Ctrl-C stops.").format(seconds=seconds))

    def refresh(self, supervisor: Supervisor) -> None:
        """Print a line of sums now and then, and each alert once as it rises and settles."""
        for alert in reversed(self._accountant.alert_lines(50)):
            settled = alert.resolved_at is not None
            if self._seen.get(alert.alert_id) is not settled:
                self._seen[alert.alert_id] = settled
                self.notice(alert_text(alert))
        if time.monotonic() - self._shown_at < PLAIN_EVERY_S:
            return
        account = self._accountant.account()
        waiting = _waiting(supervisor)
        if self._shown_at == 0.0 and not account.stored and not waiting:
            return
        self._shown_at = time.monotonic()
        self.notice(f"{self._shown_at - self._began:6.1f} s  {account_text(account)}{waiting}")

    def summary(self, account: Account, seconds: float) -> None:
        """Print the final sums, a line each."""
        self.notice(_("Stopped in {seconds:.1f} s.").format(seconds=seconds))
        for name, figure in summary_rows(account):
            self.notice(f"  {name:<24}{figure:>12,}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class Screen(Lines):
    """The live screen: rooms, newest readings, sums, alerts."""

    def __init__(self, place: Workplace, plan: Plan) -> None:
        super().__init__(place, plan)
        self._console = Console(highlight=False)  # wraps, where plain lines stay whole
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)

    def refresh(self, supervisor: Supervisor) -> None:
        """Draw the screen anew."""
        account = self._accountant.account()
        self._live.update(
            Group(
                _parts_table(self._plan, supervisor),
                _newest_table(self._accountant),
                Panel(account_text(account), title=_("so far"), expand=True),
                _alerts_table(self._accountant.alert_lines(4)),
            )
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)


def where_to_look(plan: Plan) -> list[str]:
    """Return where the doors are."""
    settings = plan.settings
    lines = [
        _("API     {url}/docs").format(url=settings.api.url),
        _("MQTT    {host}:{port}").format(host=settings.bus.host, port=settings.bus.port),
        _("Look    ./academy status · logs PART · dead list · trace ID"),
    ]
    if plan.choices[6] is Choice.STAND_IN:
        lines.append(_("OPEN DOOR: no certificate, no token, loopback only. Room 6 closes it."))
    return lines


def account_text(account: Account) -> str:
    """Return the sums in one line."""
    age = ""
    if account.age_p50_s is not None and account.age_p99_s is not None:
        age = _("  age {p50:.0f}/{p99:.0f} ms").format(
            p50=account.age_p50_s * 1000, p99=account.age_p99_s * 1000
        )
    return (
        _(
            "made {made:,}  stored {stored:,}  duplicates {duplicates:,}  dead {dead:,}"
            "  late {late:,}  windows {windows:,}  lag {lag:,}  alerts {alerts:,}"
        ).format(
            made=account.made,
            stored=account.stored,
            duplicates=account.duplicates,
            dead=account.dead,
            late=account.late,
            windows=account.windows,
            lag=account.lag,
            alerts=account.alerts,
        )
        + age
    )


def alert_text(alert: AlertLine) -> str:
    """Return an alert in one line."""
    word = _("ALERT") if alert.resolved_at is None else _("resolved")
    moment = (alert.resolved_at or alert.opened_at).strftime("%Y-%m-%d %H:%M")
    return (
        f"{word:<9} {alert.severity:<8} {moment}  {alert.sensor_id}  {alert.kind}: {alert.reason}"
    )


def summary_rows(account: Account) -> list[tuple[str, int]]:
    """Return the final sums with their names."""
    return [
        (_("made"), account.made),
        (_("stored"), account.stored),
        (_("refused as duplicates"), account.duplicates),
        (_("late"), account.late),
        (_("dead"), account.dead),
        (_("waiting in the outboxes"), account.pending),
        (_("refused by full outboxes"), account.refused),
        (_("alerts"), account.alerts),
    ]


def _waiting(supervisor: Supervisor) -> str:
    tasks = [
        _("  {role} waits for task {task}").format(role=role, task=member.state.get("task"))
        for role, member in supervisor.members.items()
        if member.state.get("state") == "todo"
    ]
    undone = {member.state.get("telemetry_task") for member in supervisor.members.values()}
    tasks += [_("  telemetry waits for task {task}").format(task=task) for task in undone if task]
    return "".join(tasks)


def _parts_table(plan: Plan, supervisor: Supervisor) -> Table:
    table = Table(expand=True, box=None)
    for title in (_("part"), _("state"), _("restarts")):
        table.add_column(title)
    table.title = "  ".join(
        f"{number} {part}: {whose}" for number, part, whose in describe_choices(plan.choices)
    )
    for role, member in supervisor.members.items():
        state = str(member.state.get("state", _("starting")))
        if state == "todo":
            state = _("waits for task {task}").format(task=member.state.get("task"))
        table.add_row(role, state, str(member.restarts))
    return table


def _newest_table(accountant: Accountant) -> Table:
    table = Table(expand=True, box=None, title=_("newest readings"))
    for title in (_("event time"), _("device"), _("sensor"), _("value")):
        table.add_column(title)
    for row in accountant.latest(5):
        moment = time.strftime("%Y-%m-%d %H:%M", time.gmtime(row.timestamp_ms / 1000))
        table.add_row(moment, row.device_id, row.sensor_id, f"{row.value:.1f} {row.unit}")
    return table


def _alerts_table(found: list[AlertLine]) -> Table:
    table = Table(expand=True, box=None, title=_("alerts"))
    for title in (_("opened"), _("sensor"), _("kind"), _("reason"), _("resolved")):
        table.add_column(title)
    for alert in found:
        table.add_row(
            alert.opened_at.strftime("%Y-%m-%d %H:%M"),
            alert.sensor_id,
            alert.kind,
            alert.reason,
            "" if alert.resolved_at is None else alert.resolved_at.strftime("%m-%d %H:%M"),
        )
    return table
