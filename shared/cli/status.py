"""`./academy status`: each part and its state, and the sums of the run."""

import psutil
import typer
from rich.console import Console
from rich.table import Table

from shared.cli.failure import Failure
from shared.cli.view import account_text
from shared.language import _
from shared.pipeline.accounts import Accountant
from shared.pipeline.supervisor import SERVING
from shared.pipeline.workplace import Workplace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(status)


def status() -> None:
    """Show the parts of the pipeline and what flowed so far."""
    place = Workplace()
    try:
        settings = place.read_settings()
    except OSError as error:
        raise Failure(_("Nothing was started here yet. Start: ./academy up")) from error
    running = place.is_running()
    table = Table(box=None)
    for title in (_("part"), _("state"), "pid", _("memory"), _("metrics"), _("trouble")):
        table.add_column(title)
    for role in SERVING:
        state = place.read(role)
        pid = int(state.get("broker_pid") or state.get("pid") or 0)
        alive = running and psutil.pid_exists(pid)
        memory = f"{psutil.Process(pid).memory_info().rss / 2**20:.0f} MB" if alive else ""
        port = state.get("metrics")
        table.add_row(
            role,
            _state_text(state) if alive else _("stopped"),
            str(pid) if alive else "",
            memory,
            f"http://127.0.0.1:{port}/metrics" if alive and port else "",
            str(state.get("trouble") or ""),
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(account_text(Accountant(place, settings.storage).account()), soft_wrap=True)


def _state_text(state: dict[str, object]) -> str:
    if state.get("state") == "todo":
        return _("waits for task {task}").format(task=state.get("task"))
    return str(state.get("state", ""))
