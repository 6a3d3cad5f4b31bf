"""Submissions that want points without work, or harm: each must gain nothing and harm nothing.

A source is appended to the starter's `__init__.py`, runs when the room is imported, and so before
any check. `{project}` is the course's folder, `{result}` where a result would be worth writing.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "exits_at_once": "import os; os._exit(0)",
        "raises_system_exit": "raise SystemExit(0)",
        "raises_keyboard_interrupt": "raise KeyboardInterrupt",
        "loops_at_import": "while True: pass",
        "kills_its_parent": (
            "import os, signal\n"
            "for target in (os.getppid(), 1, 0, -1):\n"
            "    try: os.kill(target, signal.SIGKILL)\n"
            "    except OSError: pass\n"
        ),
        "kills_its_group": "import os, signal; os.killpg(0, signal.SIGKILL)",
        "forks_without_end": "import os\nwhile True:\n    os.fork()",
        "takes_all_memory": "x = []\nwhile True: x.append(bytearray(64 << 20))",
        "fills_the_disk": (
            "n = 0\nwhile True:\n    open(f'/scratch/{n}', 'wb').write(bytes(8 << 20)); n += 1"
        ),
        "floods_the_output": "import sys\nwhile True: sys.stdout.write('x' * 65536)",
        "opens_all_files": "x = []\nwhile True: x.append(open('/dev/null'))",
        "leaves_a_daemon": (
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n    while True: time.sleep(1)\n"
        ),
        "leaves_a_thread": (
            "import threading\n"
            "threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()"
        ),
        "reads_the_reference": (
            "import sys, pathlib, importlib\n"
            "sys.path.insert(0, {project!r})\n"
            "module = importlib.import_module('solutions.room1_foundations')\n"
            "globals().update(vars(module))"
        ),
        "reads_the_checks": (
            "import pathlib\n"
            "for path in pathlib.Path({project!r}).rglob('test_*.py'): exec(path.read_text())"
        ),
        "reads_the_memory_of_process_1": (
            "for name in ('mem', 'environ', 'maps', 'fd/3'):\n"
            "    try: print(open('/proc/1/' + name, 'rb').read(100))\n"
            "    except OSError: pass\n"
        ),
        "writes_the_result": (
            "import json, pathlib\n"
            "pathlib.Path({result!r}).write_text(json.dumps({{'points': 100}}))"
        ),
        "patches_what_compares": (
            "import builtins, json, socket, sys, types\n"
            "json.loads = lambda *a, **k: ['ok', 1, True]\n"
            "builtins.isinstance = lambda *a: True\n"
            "builtins.abs = lambda *a: 0\n"
            "sys.modules['pytest'] = types.ModuleType('pytest')\n"
            "sys.modules['unittest'] = types.ModuleType('unittest')\n"
            "socket.socket.sendall = lambda *a: None\n"
        ),
        "patches_the_driver": (
            "import sys\n"
            "class Yes:\n"
            "    def __getattr__(self, name): return lambda *a, **k: self\n"
            "    def __eq__(self, other): return True\n"
            "    def __hash__(self): return 0\n"
            "    def __call__(self, *a, **k): return self\n"
            "for name, module in list(sys.modules.items()):\n"
            "    if 'driver' in name: module.__dict__.clear()\n"
            "globals().update(dict.fromkeys(__all__, Yes()))"
        ),
        "equals_everything": (
            "class All(float):\n"
            "    __eq__ = __ge__ = __le__ = __gt__ = __lt__ = lambda *a: True\n"
            "    __ne__ = lambda *a: False\n"
            "    __hash__ = float.__hash__\n"
            "    def __getattr__(self, name): return All()\n"
            "    def __call__(self, *a, **k): return All()\n"
            "    def __iter__(self): return iter([All()])\n"
            "globals().update(dict.fromkeys(__all__, All()))"
        ),
        "walks_the_frames": (
            "import gc, sys\n"
            "def answer(*a, **k):\n"
            "    frame = sys._getframe()\n"
            "    while frame:\n"
            "        for value in frame.f_locals.values():\n"
            "            if type(value).__name__ in ('Reading', 'float'): return value\n"
            "        frame = frame.f_back\n"
            "    return next((o for o in gc.get_objects() if type(o).__name__ == 'Reading'), 0.0)\n"
            "globals().update(dict.fromkeys(__all__, answer))"
        ),
        "forges_replies": (
            "import json, os, socket, struct\n"
            "for fd in range(3, 64):\n"
            "    for number in range(1, 200):\n"
            "        data = json.dumps(['ok', number, True]).encode()\n"
            "        try: os.write(fd, struct.pack('!I', len(data)) + data)\n"
            "        except OSError: break\n"
        ),
        "sends_a_huge_reply": (
            "import os, struct\n"
            "for fd in range(3, 64):\n"
            "    try:\n"
            "        os.write(fd, struct.pack('!I', 2**32 - 1))\n"
            "        while True: os.write(fd, bytes(1 << 20))\n"
            "    except OSError: pass\n"
        ),
        "answers_with_depth": (
            "deep = []\n"
            "for _ in range(100000): deep = [deep]\n"
            "globals().update(dict.fromkeys(__all__, lambda *a, **k: deep))"
        ),
        "answers_without_end": (
            "import itertools\n"
            "globals().update(dict.fromkeys(__all__, lambda *a, **k: itertools.repeat(1.0)))"
        ),
        "answers_slowly": (
            "import time\n"
            "def slow(*a, **k):\n"
            "    time.sleep(1.9)\n"
            "globals().update(dict.fromkeys(__all__, slow))"
        ),
        "calls_the_network": (
            "import socket, urllib.request\n"
            "for address in (('192.0.2.1', 80), ('127.0.0.1', 22), ('10.0.0.1', 443)):\n"
            "    try: socket.create_connection(address, 0.2)\n"
            "    except OSError: pass\n"
            "try: socket.getaddrinfo('example.org', 443)\n"
            "except OSError: pass\n"
        ),
        "exits_when_collected": (
            "import atexit, os\n"
            "class Bomb:\n"
            "    def __del__(self): os._exit(0)\n"
            "    def __call__(self, *a, **k): return Bomb()\n"
            "atexit.register(os._exit, 0)\n"
            "globals().update(dict.fromkeys(__all__, Bomb()))"
        ),
        "escapes_the_terminal": (
            "TEXT = '\\x1b[2J\\x1b]0;owned\\x07<script>alert(1)</script>'\n"
            "def shout(*a, **k): raise ValueError(TEXT)\n"
            "globals().update(dict.fromkeys(__all__, shout))"
        ),
        "imports_the_grader": (
            "try:\n"
            "    import grader.verdicts, grader.plugin\n"
            "    grader.plugin.NotYet = Exception\n"
            "except ImportError: pass\n"
            "import grader.line, grader.wire\n"
            "grader.wire.Codec.dumps = lambda self, value: b'[\"ok\", 1, true]'"
        ),
        "says_it_is_a_todo_of_another": (
            "from shared.contracts.todo import Todo\n"
            "def other(*a, **k): raise Todo('9.9')\n"
            "globals().update(dict.fromkeys(__all__, other))"
        ),
        "traces_the_worker": (
            "import ctypes\n"
            "libc = ctypes.CDLL(None)\n"
            "for target in range(1, 40): libc.ptrace(16, target, 0, 0)\n"
        ),
    }
)

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "conftest.py": "import os; os._exit(0)",
        "sitecustomize.py": "import os; os._exit(0)",
        "pytest.py": "raise SystemExit",
        "json.py": "loads = dumps = lambda *a, **k: True",
        "pytest.ini": "[pytest]\naddopts = --collect-only",
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--collect-only'",
        "evil.pth": "import os; os._exit(0)",
        "test_shown.py": "def test_all(): pass",
        "shared/contracts/messages.py": "class Reading: __eq__ = lambda *a: True",
        "grader/evidence.py": "expect = lambda *a, **k: None",
    }
)


def plant(folder: Path, source: str, project: Path, result: Path) -> None:
    """Put an attack into a room: after its own `__init__.py`, whose names it may replace."""
    path = folder / "__init__.py"
    text = (
        source.format(project=str(project), result=str(result))
        if "{project" in source or ("{result" in source)
        else source
    )
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
