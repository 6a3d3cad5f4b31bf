"""Importing a room opens no socket, starts no thread, loads no model, registers no metric."""

import subprocess
import sys
from pathlib import Path

from shared.tests.sources import ROOMS, ROOT, production

# Runs in a process of its own, with modules as words: what importing each does besides.
WATCH = """
import importlib, sys, threading
FORBIDDEN = {"socket.__new__", "socket.bind", "socket.connect", "subprocess.Popen", "os.fork",
             "os.posix_spawn", "sqlite3.connect"}
HEAVY = {"sklearn", "skops", "scipy", "pandas", "matplotlib"}
done = []
def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in FORBIDDEN or writes:
        done.append(f"{event} {arguments!r}"[:200])
import prometheus_client
# Libraries may do what they like at import; what is watched is what the room does.
for library in ("fastapi", "httpx", "sqlalchemy", "pydantic", "paho.mqtt.client", "structlog",
                "cryptography.x509", "jwt", "rich.live", "psutil", "uvicorn", "numpy", "asyncio"):
    importlib.import_module(library)
def metrics():
    return set(prometheus_client.REGISTRY._names_to_collectors)
threading.Thread.start = lambda thread: done.append(f"starts {thread.name}")
sys.addaudithook(watch)
red = False
for module in sys.argv[1:]:
    done.clear()
    known, loaded = metrics(), set(sys.modules)
    importlib.import_module(module)
    done += sorted("registers " + metric for metric in metrics() - known)
    done += sorted("loads " + name for name in HEAVY & (set(sys.modules) - loaded))
    for line in done:
        red = True
        print(f"{module}: {line}")
sys.exit(red)
"""


def watched(folder: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    """Import `modules` in a process that notices; its lines name what each did besides."""
    command = [sys.executable, "-B", "-c", WATCH, *modules]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_importing_a_room_does_nothing() -> None:
    modules = []
    for room in ROOMS:
        files = [path.relative_to(ROOT) for path in production(str(room.relative_to(ROOT)))]
        modules.append(f"{room.parent.name}.{room.name}")
        modules += [
            ".".join(file.with_suffix("").parts) for file in files if not file.stem.startswith("__")
        ]
    run = watched(ROOT, *modules)
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr


def test_what_an_import_does_besides_is_noticed(tmp_path: Path) -> None:
    busy = {
        "opens": ("import socket\nS = socket.socket()", "socket.__new__"),
        "starts": ("import threading\nthreading.Thread(target=print).start()", "starts Thread"),
        "counts": ("import prometheus_client as p\nC = p.Counter('read_total', '')", "registers"),
        "stores": ("import sqlite3\nsqlite3.connect(':memory:')", "sqlite3.connect"),
        "learns": ("import sklearn", "loads sklearn"),
        "writes": ("open('trace.log', 'w').close()", "open"),
        "idles": ("X = 1", ""),
    }
    for name, (text, _noticed) in busy.items():
        (tmp_path / f"{name}.py").write_text(text)
    run = watched(tmp_path, *busy)
    assert run.returncode == 1, run.stderr
    for name, (_text, noticed) in busy.items():
        lines = [line for line in run.stdout.splitlines() if line.startswith(f"{name}: ")]
        assert any(noticed in line for line in lines) == bool(noticed), run.stdout
