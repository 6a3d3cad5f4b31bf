"""./academy test: every check of the repository, and an account of what was left out."""

import os
import subprocess
import sys
import time
from typing import Annotated

import typer

from shared.course.folders import ROOT
from shared.language import _

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
_PYTHON = [sys.executable, "-P", "-m"]
_STEPS = {
    "ruff check": [*_PYTHON, "ruff", "check", "--quiet", "--output-format", "concise"],
    "ruff format": [*_PYTHON, "ruff", "format", "--check"],
    "mypy": [*_PYTHON, "mypy", "--no-error-summary"],
    # What can't be run here is at least type-checked; each system keeps its own cache.
    **{
        f"mypy {system}": [
            *(*_PYTHON, "mypy", "--no-error-summary"),
            *("--platform", system, "--cache-dir", f".mypy_cache/{system}"),
            "--no-warn-unreachable",  # what only this system runs is unreachable there
            # Tests kill processes by signals and open terminals that Windows hasn't.
            *(
                ["--exclude", "^(notebooks|wheelhouse|docker)/|/tests/"]
                if system == "win32"
                else []
            ),
        ]
        for system in ("linux", "darwin", "win32")
        if system != sys.platform
    },
    "sync --check": [*_PYTHON, "shared.cli", "sync", "--check"],
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    text = _("Run every check. Words that aren't listed here go to pytest.")
    app.command("test", help=text, context_settings=_PASS_ON)(check)


def check(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help=_("The slow tier too: minutes, and the network."))
    ] = False,
    survival: Annotated[
        bool, typer.Option("--survival", help=_("The kill tests at full length."))
    ] = False,
) -> None:
    """Run the linters, then pytest; exit with 1 if anything is red.

    Pytest's closing line is the last but for the names of red steps.
    """
    chosen = any(not word.startswith("-") for word in context.args)
    steps = {} if chosen else _linted()
    account = ", ".join(f"{name} {'ok' if ok else 'RED'}" for name, ok in steps.items())
    skipped = _("linters left out: only some tests were asked for")
    tiers = _left_out(everything=everything, survival=survival)
    command = [*_PYTHON, "pytest", "-p", "shared.cli.account", "-q", "--durations=10", "-ra"]
    marker = ["-m", " and ".join(f"not {tier}" for tier in tiers)]
    code = subprocess.run(
        [*command, *marker, *context.args],
        cwd=ROOT,
        env=os.environ | {"ACADEMY_ACCOUNT": account or skipped},
        check=False,
    ).returncode
    red = [name for name, ok in steps.items() if not ok]
    if red:
        typer.echo(_("red besides pytest: {names}").format(names=", ".join(red)))
    if red or code:
        raise typer.Exit(1)


def _left_out(*, everything: bool, survival: bool) -> list[str]:
    """Return the markers of the tiers that weren't asked for."""
    asked = {"slow": everything, "survival": survival}
    return [tier for tier, wanted in asked.items() if not wanted]


def _linted() -> dict[str, bool]:
    """Run the linters side by side; return which are green."""
    began = time.monotonic()
    running = {
        name: subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name, command in _STEPS.items()
    }
    green = {}
    for name, process in running.items():
        said, _none = process.communicate()
        green[name] = process.returncode == 0
        typer.echo(f"{name}: {'ok' if green[name] else 'RED'}")
        typer.echo(said if not green[name] else "", nl=False)
    typer.echo(_("linters: {seconds:.1f} s").format(seconds=time.monotonic() - began))
    return green
