"""Is a stranger's code held here? Asked by attempting, from inside, what must be refused."""

import socket
from dataclasses import dataclass
from typing import Final

from .line import LineLost, RemoteError
from .places import temporary
from .sandbox import GraderFault, Walled
from .verdicts import rooms, table
from .walls import PROJECT, Layout, bubblewrap

_PATIENCE_S: Final = 20.0

#: What is attempted, and the code of it: each must raise, or end its process.
_ATTEMPTS: Final = {
    "read the checks": "open({project!r} + '/grader/verdicts.py').read()",
    "list the course": "os.listdir({project!r} + '/solutions')",
    "list the homes": "os.listdir('/home') + os.listdir('/root')",
    "write to its own source": "open(__file__, 'a')",
    "write beside it": "open('/usr/probe', 'w')",
    "reach the network": "socket.create_connection(('192.0.2.1', 80), 1)",
    "ask a name server": "socket.getaddrinfo('example.org', 80)",
    "reach a port of this machine": "socket.create_connection(('127.0.0.1', {port}), 1)",
    "see the machine's processes": "sum(p.isdigit() for p in os.listdir('/proc')) > 3 or 1 / 0",
    "read another's memory": "open('/proc/1/mem', 'rb').read(1)",
    "become root": "os.setuid(0)",
    "take 8 GiB of memory": "bytes(8 << 30)",
    "fill the disk": "[open(f'/scratch/{{n}}', 'wb').write(bytes(16 << 20)) for n in range(64)]",
    "start 600 threads": "[Thread(target=time.sleep, args=(9,)).start() for _ in range(600)]",
}
_SOURCE: Final = """
import os, socket, time
from threading import Thread
def attempt(what):
    return repr(eval(what))[:80]
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found: `tier` is `walled` only where everything was refused."""

    tier: str
    granted: tuple[str, ...]  # what should have been refused
    reason: str = ""

    @property
    def held(self) -> bool:
        """Whether everything was refused."""
        return self.tier == "walled"


def probe() -> Probe:
    """Attempt, in a sandbox, all that must be refused; return what came of it."""
    if bubblewrap() is None:
        return Probe("not isolated", (), "bubblewrap isn't here")
    room = rooms()[0]
    try:
        with temporary("probe") as place:
            folder = place / "rooms" / room
            folder.mkdir(parents=True)
            (folder / "__init__.py").write_text(_SOURCE, encoding="utf-8")
            granted = _attempted(Layout(room, table(room).role, folder))
    except (GraderFault, OSError) as error:
        return Probe("not isolated", (), str(error).strip())
    if granted:
        return Probe("not isolated", granted, f"it could {', '.join(granted)}")
    return Probe("walled", ())


def _attempted(layout: Layout) -> tuple[str, ...]:
    """Return the names of the attempts that were granted."""
    sandbox = Walled(layout)
    try:
        with socket.create_server(("127.0.0.1", 0)) as door:
            facts = {"project": str(PROJECT), "port": door.getsockname()[1]}
            if not _granted(sandbox, "1 + 1"):
                raise GraderFault(f"the probe itself doesn't run. {sandbox.said()}")
            return tuple(
                name for name, what in _ATTEMPTS.items() if _granted(sandbox, what.format(**facts))
            )
    finally:
        sandbox.close()


def _granted(sandbox: Walled, what: str) -> bool:
    try:
        sandbox.patience_s = _PATIENCE_S
        sandbox.open().open().attempt(what)
    except (RemoteError, LineLost):
        return False
    finally:
        sandbox.kill()
    return True
