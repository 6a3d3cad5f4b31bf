"""A launch: see that the packages are there, then become the verb that was asked for."""

import os
import subprocess
import time
from pathlib import Path

from shared.language import _
from shared.launcher.environment import Environment, LaunchError, say
from shared.launcher.incoming import finish
from shared.launcher.installation import Installation
from shared.launcher.lock import held
from shared.launcher.pins import Pins

# Verbs of those who build the course: they need the checkers too.
_BUILDERS = frozenset({"test", "sync", "pins"})
_INTERRUPTED = 130


def main(root: str, arguments: list[str]) -> int:
    """Run the verb in `arguments` inside the environment of `root`; return its exit code."""
    try:
        _go_on(Path(root))
        python = ready_python(Path(root), arguments)
        return _become(python, root, arguments)
    except LaunchError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(_("can't prepare {root}: {error}").format(root=root, error=error))
        return 1
    except KeyboardInterrupt:
        say(_("stopped; the same command goes on from here."))
        return _INTERRUPTED


def _go_on(root: Path) -> None:
    """Finish an update that was interrupted: half of two editions is none."""
    for path, copy in finish(root):
        text = _("update: {path} is the course's again; what you had: {copy}")
        say(text.format(path=path, copy=copy))


def ready_python(root: Path, arguments: list[str]) -> Path:
    """Return the interpreter that has every package for the verb, installed first if need be."""
    if os.pathsep in str(root):
        text = _("{root} has a \"{separator}\" in its name, which Python's search path can't hold.")
        raise LaunchError(text.format(root=root, separator=os.pathsep))
    verb = next((word for word in arguments if not word.startswith("-")), "")
    files = ["all.txt", "student.txt"] if verb in _BUILDERS else ["student.txt"]
    # An edition for students has no builders' verbs, and says so itself.
    present = [file for file in files if (root / "requirements" / file).exists()]
    wanted = [Pins.read(root / "requirements" / file) for file in present or files]
    environment = Environment(root / ".venv")
    if not environment.has(wanted[0]):
        waiting = _("another launch is preparing .venv; waiting for it.")
        with held(root / ".venv.lock", lambda: say(waiting)):
            if not environment.has(wanted[0]):
                _install(environment, wanted, root)
    return environment.python


def _install(environment: Environment, wanted: list[Pins], root: Path) -> None:
    began = time.monotonic()
    count = len(wanted[0].entries)
    text = _("first use, or newer pins: preparing .venv with {count} packages …")
    say(text.format(count=count))
    environment.prepare()
    again = environment.damaged
    if not again:
        environment.open_stamp()
    Installation(environment, wanted[0], root / "wheelhouse", again=again).run()
    environment.close_stamp(*wanted)
    say(_(".venv is ready after {seconds:.1f} s").format(seconds=time.monotonic() - began))


def _become(python: Path, root: str, arguments: list[str]) -> int:
    # -P: the folder that one stands in must not shadow a library.
    command = [str(python), "-P", "-m", "shared.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": root, "PYTHONUTF8": "1"}
    environment.pop("PYTHONHOME", None)
    if os.name != "nt":
        os.execve(python, command, environment)  # noqa: S606 - no shell is wanted
    with subprocess.Popen(command, env=environment) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue  # Windows sends it to the child too, which ends by itself
