"""Where keys are kept until 6.7 is written: plainly. From then on your vault keeps them."""

from pathlib import Path

from shared.contracts.todo import Todo

from ..vault import keep_secret, read_secret


def keep(path: Path, content: bytes) -> None:
    """Write a key by the vault; without one, into a plain file."""
    try:
        keep_secret(str(path), content)
    except Todo:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)  # for a moment others could read it: what 6.7 is about


def kept(path: Path) -> bytes:
    """Return what the vault keeps in `path`; PermissionError if others could read it too."""
    try:
        return read_secret(str(path))
    except Todo:
        return path.read_bytes()
