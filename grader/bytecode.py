"""Bytecode of what every sandbox imports, written once: a keeper may read it, never write it.

Some installers leave none, and some machines forbid Python to write any by itself; compiling
scikit-learn anew for each submission takes longer than all checks.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from .walls import PROJECT

_OWN: Final = ("grader.session", "grader.worker", "shared.contracts.messages")
# -I: what the environment says about bytecode is meant for other programs.
_IMPORT: Final = """\
import contextlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    with contextlib.suppress(ImportError):
        __import__(name)
"""
_PATIENCE_S: Final = 120


def bring(names: Iterable[str]) -> None:
    """See to it that `names`, and what they import, have fresh bytecode where it can be written."""
    if missing := [name for name in (*_OWN, *names) if _stale(name)]:
        command = [sys.executable, "-I", "-c", _IMPORT, str(PROJECT), *missing]
        # Without it all goes on, slower.
        subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE_S)  # noqa: S603


def _stale(name: str) -> bool:
    """Whether a module's bytecode is missing or old, and its folder lets us write it."""
    inner = Path(*name.split("."))
    for root in [str(PROJECT), *sys.path]:
        for source in (Path(root, inner, "__init__.py"), Path(root, inner.with_suffix(".py"))):
            if source.is_file():
                return _older(Path(cache_from_source(str(source))), source)
    return False


def _older(cached: Path, source: Path) -> bool:
    if cached.is_file() and cached.stat().st_mtime >= source.stat().st_mtime:
        return False
    folder = cached.parent if cached.parent.is_dir() else source.parent
    return os.access(folder, os.W_OK)
