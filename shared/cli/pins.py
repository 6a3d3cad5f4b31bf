"""./academy pins: the requirements files from pyproject.toml, one text for every system."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.failure import Failure
from shared.course.folders import ROOT
from shared.language import _

# No header, no index, no annotations: nothing in the files tells where they were made.
_COMPILE = [
    *("--universal", "--generate-hashes", "--python-version", "3.11"),
    *("--only-binary", ":all:", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"),
]
_EXTRAS = {"student.txt": (), "all.txt": ("dev", "cluster", "notebooks")}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("pins", help=_("Make requirements/ from pyproject.toml."))(pins)


def pins(
    check: Annotated[
        bool, typer.Option("--check", help=_("Only say what isn't up to date; exit code 1."))
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help=_("Take the newest versions."))
    ] = False,
) -> None:
    """Compile student.txt, then all.txt with the first as its constraint."""
    stale = False
    with tempfile.TemporaryDirectory() as folder:
        for name in _EXTRAS:
            made = Path(folder) / name
            kept = ROOT / "requirements" / name
            if kept.exists() and not upgrade:
                made.write_bytes(kept.read_bytes())  # uv keeps the versions that it finds there
            _compile(made, Path(folder) / "student.txt")
            if kept.exists() and kept.read_text("utf-8") == made.read_text("utf-8"):
                typer.echo(_("fresh: requirements/{name}").format(name=name))
            elif check:
                stale = True
                typer.echo(_("stale: requirements/{name}").format(name=name))
            else:
                kept.write_text(made.read_text("utf-8"), encoding="utf-8", newline="\n")
                typer.echo(_("written: requirements/{name}").format(name=name))
    if stale:
        raise typer.Exit(1)


def _compile(made: Path, student: Path) -> None:
    constraint = [] if made == student else ["--constraint", str(student)]
    extras = [word for extra in _EXTRAS[made.name] for word in ("--extra", extra)]
    command = [sys.executable, "-I", "-m", "uv", "pip", "compile", *_COMPILE, *extras, *constraint]
    result = subprocess.run(
        [*command, "--output-file", str(made), "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise Failure(_("uv can't resolve pyproject.toml:\n{said}").format(said=result.stderr))
