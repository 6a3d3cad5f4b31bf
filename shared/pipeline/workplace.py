"""The one ignored folder in which a pipeline keeps its state, its logs and its notes to itself."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter

from shared.contracts.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]

_SETTINGS = TypeAdapter(Settings)


class AlreadyRunning(Exception):  # noqa: N818 - a fact, named as one
    """Another pipeline holds this workplace."""


class Workplace:
    """Paths below `.academy` (or `ACADEMY_HOME`), and files that are never half-written."""

    def __init__(self, root: Path | None = None) -> None:
        home = os.environ.get("ACADEMY_HOME")
        self.root = root or (Path(home) if home else PROJECT / ".academy")
        self.state = self.root / "state"
        self.run = self.root / "run"
        self.logs = self.root / "logs"
        self.identity = self.root / "identity"
        self.models = self.root / "models"

    def prepare(self) -> None:
        """Make the folders; only their owner may look inside."""
        for folder in (self.root, self.state, self.run, self.logs, self.identity, self.models):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clear(self) -> list[str]:
        """Delete what a run leaves behind, but neither keys nor models; return what went.

        The caller holds the lock, so the lock's file stays.
        """
        gone = []
        for folder in (self.state, self.run, self.logs):
            entries = [path for path in folder.iterdir() if path.name != "lock"]
            for path in entries:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            if entries:
                gone.append(str(folder))
        return gone

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace `run/NAME.json` at once, or not at all."""
        write_atomically(self.run / f"{name}.json", json.dumps(content).encode())

    def read(self, name: str) -> dict[str, Any]:
        """Return `run/NAME.json`, empty if there is none (or it isn't a JSON object)."""
        try:
            found = json.loads((self.run / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_settings(self, settings: Settings) -> None:
        """Keep the run's settings where every part reads them."""
        write_atomically(self.run / "settings.json", _SETTINGS.dump_json(settings))

    def read_settings(self) -> Settings:
        """Return the settings of the run; FileNotFoundError if nothing was started here."""
        return _SETTINGS.validate_json((self.run / "settings.json").read_bytes())

    def lock(self) -> IO[bytes]:
        """Hold this workplace for as long as the file stays open; AlreadyRunning if it's held."""
        self.run.mkdir(parents=True, exist_ok=True)
        file = (self.run / "lock").open("a+b")
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise AlreadyRunning(str(self.root)) from error
        return file

    def is_running(self) -> bool:
        """Return whether some supervisor holds this workplace."""
        try:
            self.lock().close()
        except AlreadyRunning:
            return True
        return False


def write_atomically(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Put `content` under `path` in one step: readers see the old file or the new one.

    After a power cut too, if it is `durable`, which costs a wait for the disk.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        # The kernel lets go when the holder dies, however it dies.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
