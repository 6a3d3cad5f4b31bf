"""Running pip or uv: quiet when all goes well, its own last words when not, and signs of life."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from shared.language import _
from shared.launcher.environment import say

_SIGN_OF_LIFE_S = 5.0
_LAST_LINES = 4
_WIDEST = 200


def complaint_of(command: list[str], variables: dict[str, str], growing: Path) -> str:
    """Run `command` with `variables` set; return "" if it succeeded, else its last lines.

    Says every few seconds how long it takes and how much has arrived in the folder `growing`.
    """
    environment = os.environ | {"PIP_USER": "0"} | variables
    environment.pop("PYTHONHOME", None)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as spoken:
        with subprocess.Popen(
            command,
            env=environment,
            cwd=growing.parent,  # away from configuration in the folder that one stands in
            stdin=subprocess.DEVNULL,
            stdout=spoken,
            stderr=subprocess.STDOUT,
        ) as child:
            code = _watched(child, growing)
        spoken.seek(0)
        lines = [line.rstrip()[:_WIDEST] for line in spoken if _tells(line)]
    if code == 0:
        return ""
    return "\n".join("  " + line for line in lines[-_LAST_LINES:]) or f"  exit code {code}"


def _watched(child: subprocess.Popen[bytes], growing: Path) -> int:
    began = time.monotonic()
    try:
        while True:
            try:
                return child.wait(_SIGN_OF_LIFE_S)
            except subprocess.TimeoutExpired:
                text = _("… {seconds:.0f} s, {size:.0f} MB here so far")
                seconds = time.monotonic() - began
                say(text.format(seconds=seconds, size=_bytes_in(growing) / 1e6))
    except BaseException:
        child.terminate()
        raise


def _tells(line: str) -> bool:
    """Tell whether a line of pip or uv says more than that it tries again."""
    return bool(line.strip()) and "Retrying" not in line


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _folders, files in os.walk(folder):
        for file in files:
            try:
                total += (Path(place) / file).lstat().st_size
            except FileNotFoundError:  # moved on while we looked
                continue
    return total
