"""The folder .venv: whether it is ready, whose it is, and how a broken one is mended."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shared.language import _
from shared.launcher.pins import Pins

_MARK = ".made-by-academy"
_STAMP = "academy.json"
_ASK = "import sys; print(sys.version_info >= (3, 11), sys.prefix != sys.base_prefix)"


class LaunchError(Exception):
    """What the launcher can't do, in words for the person at the keyboard."""


@dataclass(frozen=True)
class Environment:
    """The virtual environment in `folder`."""

    folder: Path

    @property
    def python(self) -> Path:
        """Where its interpreter is, or would be."""
        if os.name == "nt":
            return self.folder / "Scripts" / "python.exe"
        return self.folder / "bin" / "python"

    def has(self, pins: Pins) -> bool:
        """Tell whether exactly `pins` were installed to the end, for this interpreter."""
        stamp = self._stamp()
        return (
            self.python.exists()
            and stamp.get("interpreter") == self._interpreter()
            and stamp.get(pins.path.name) == pins.digest
        )

    def open_stamp(self) -> None:
        """Say that the content is in flux: whoever finds it so must install again."""
        (self.folder / _STAMP).unlink(missing_ok=True)

    def mark_damaged(self) -> None:
        """Say that something installed isn't there any more: all of it must come again."""
        (self.folder / _STAMP).write_text(json.dumps({"damaged": "yes"}), encoding="utf-8")

    @property
    def damaged(self) -> bool:
        """Whether it was marked so since the last installation."""
        return "damaged" in self._stamp()

    def close_stamp(self, *installed: Pins) -> None:
        """Say that `installed` are complete, in one atomic step."""
        stamp = {"interpreter": self._interpreter()} | {p.path.name: p.digest for p in installed}
        draft = self.folder / (_STAMP + ".new")
        draft.write_text(json.dumps(stamp, indent=2), encoding="utf-8")
        draft.replace(self.folder / _STAMP)

    def prepare(self) -> None:
        """Leave a working interpreter, empty or not, in `folder`.

        A working one is kept with all that it holds. Half of one is made anew if the launcher
        made it, and put aside if somebody else did. Raise LaunchError where none can be made.
        """
        if self._works():
            return
        self._clear()
        self.folder.mkdir(exist_ok=True)
        (self.folder / _MARK).write_text("", encoding="utf-8")
        _require_venv()
        # pip is run from Python's own wheel: installing it would take most of the time.
        command = [sys.executable, "-I", "-m", "venv", "--without-pip", str(self.folder)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode or not self._works():
            said = (made.stderr or made.stdout).strip()
            raise LaunchError(
                _("Python's venv module couldn't make {folder}: {said}").format(
                    folder=self.folder, said=said
                )
            )

    def _clear(self) -> None:
        if not os.path.lexists(self.folder):
            return
        if not self.folder.is_symlink() and (self.folder / _MARK).exists():
            shutil.rmtree(self.folder)
        elif not self.folder.is_dir() or any(self.folder.iterdir()):
            aside = _free_name(self.folder)
            self.folder.rename(aside)
            text = _("{folder} doesn't work and isn't ours: put aside as {aside}.")
            say(text.format(folder=self.folder.name, aside=aside.name))

    def _works(self) -> bool:
        command = [str(self.python), "-I", "-c", _ASK]
        try:
            asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return asked.stdout.split() == ["True", "True"]

    def _interpreter(self) -> str:
        # The file behind the link: it has another name once the system brings a newer Python.
        return os.path.realpath(self.python)

    def _stamp(self) -> dict[str, str]:
        try:
            stamp = json.loads((self.folder / _STAMP).read_bytes())
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}


def say(line: str) -> None:
    """Write one line of progress, beside the verb's own output."""
    sys.stderr.write(f"academy: {line}\n")
    sys.stderr.flush()


def _free_name(path: Path) -> Path:
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.aside-{number}")):
        number += 1
    return aside


def _require_venv() -> None:
    try:
        import ensurepip  # noqa: F401 - only whether it is there
        import venv  # noqa: F401 - the same
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise LaunchError(
            _(
                "this Python ({python}) has no venv module.\n"
                "  On Debian or Ubuntu: sudo apt install python{version}-venv\n"
                "  Elsewhere: a Python from https://www.python.org/downloads/ has it."
            ).format(python=sys.executable, version=version)
        ) from None
