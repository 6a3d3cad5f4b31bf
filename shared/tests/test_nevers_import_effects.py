"""Importing a room opens no socket, starts no thread, loads no model, registers no metric."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.tests.sources import ROOMS, ROOT, production

# Runs in a process of its own, with one room's modules as words: what importing them does besides.
WATCH = """
import importlib, sys, threading
FORBIDDEN = {"socket.__new__", "socket.bind", "socket.connect", "subprocess.Popen", "os.fork",
             "os.posix_spawn", "_thread.start_new_thread", "sqlite3.connect"}
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
metrics = set(prometheus_client.REGISTRY._names_to_collectors)
sys.addaudithook(watch)
for module in sys.argv[1:]:
    importlib.import_module(module)
done += sorted("loads " + name for name in HEAVY & set(sys.modules))
now = set(prometheus_client.REGISTRY._names_to_collectors)
done += sorted("registers " + metric for metric in now - metrics)
done += [f"starts {t.name}" for t in threading.enumerate() if t is not threading.main_thread()]
print("\\n".join(done))
sys.exit(bool(done))
"""


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: f"{path.parent.name}.{path.name}")
def test_importing_a_room_does_nothing(room: Path) -> None:
    package = f"{room.parent.name}.{room.name}"
    modules = [
        package if path.stem == "__init__" else f"{package}.{path.stem}"
        for path in production(str(room.relative_to(ROOT)))
        if path.stem != "__main__"
    ]
    command = [sys.executable, "-B", "-c", WATCH, *modules]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "\n"), run.stdout + run.stderr


@pytest.mark.parametrize(
    ("text", "noticed"),
    [
        ("import socket\nS = socket.socket()", "socket.__new__"),
        ("import threading\nthreading.Thread(target=print).start()", "_thread.start_new_thread"),
        ("import prometheus_client as p\nC = p.Counter('read_total', 'Read.')", "registers read"),
        ("import sqlite3\nsqlite3.connect(':memory:')", "sqlite3.connect"),
        ("import sklearn", "loads sklearn"),
        ("open('trace.log', 'w').close()", "open"),
    ],
    ids=["socket", "thread", "metric", "database", "model", "file"],
)
def test_what_an_import_does_besides_is_noticed(tmp_path: Path, text: str, noticed: str) -> None:
    (tmp_path / "busy.py").write_text(text)
    command = [sys.executable, "-B", "-c", WATCH, "busy"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    assert noticed in run.stdout
