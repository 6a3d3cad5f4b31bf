"""More of the same: on the line, the answers, the files, the clock, the keeper and the machine."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ALL: Final = "globals().update(dict.fromkeys(__all__, {0}))\n"
#: Finds the worker's end of the line and its Line object.
_LINE: Final = (
    "import gc, os, json, struct, socket, sys, threading, time\n"
    "line = next(o for o in gc.get_objects() if type(o).__name__ == 'Line')\n"
    "def send(frame):\n"
    "    data = frame if isinstance(frame, bytes) else json.dumps(frame).encode()\n"
    "    os.write(3, struct.pack('!I', len(data)) + data)\n"
)

SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # --- the line
        "answers_with_shapeless_errors": _LINE
        + "line._describe = lambda e: {'kinds': 5, 'text': [1], 'where': 'x', 'task': 7}\n"
        "raise ValueError\n",
        "tells_a_place_without_end": _LINE
        + "line._describe = lambda e: {'kinds': ['E' * 10**6] * 9, 'text': 'x' * 10**6, "
        "'where': ('<b>\\n\\x1b[2J' * 10**5, 10**30), 'task': None}\nraise ValueError\n",
        "answers_everything_with_an_error_of_passing": _LINE
        + "line._describe = lambda e: {'kinds': ['NotYet', 'ValueError', 'KeyError', 'TypeError'], "
        "'text': 'unit value sensor_id timestamp celsius', 'where': None, 'task': None}\n"
        "def refuse(*a, **k): raise ValueError\n" + _ALL.format("refuse"),
        "answers_before_it_is_asked": _LINE + "for n in range(500): send(['ok', n, True])\n",
        "answers_twice": _LINE + "real = line._send\n"
        "line._send = lambda frame: (real(frame), real(frame))\n",
        "answers_from_threads": _LINE + "def shout():\n"
        "    while True:\n"
        "        try: send(['ok', line._next, True])\n"
        "        except OSError: return\n"
        "for _ in range(8): threading.Thread(target=shout, daemon=True).start()\n",
        "asks_without_end": _LINE + "def ask():\n"
        "    n = 0\n"
        "    while True:\n"
        "        n += 1\n"
        "        send(['call', n, 1, '__call__', [], {'dict': []}])\n"
        "threading.Thread(target=ask, daemon=True).start()\n",
        "asks_and_never_reads": _LINE + "import signal\n"
        "for n in range(4000): send(['get', n, n, 'x' * 2000])\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n",
        "stops_itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "asks_with_ever_more_words": _LINE + "def ask():\n"
        "    n = 0\n"
        "    while True:\n"
        "        n += 1\n"
        "        send(['call', n, 1, 'x' * 10_000_000, [], {'dict': []}])\n"
        "threading.Thread(target=ask, daemon=True).start()\n",
        "sends_garbage": "import os\nos.write(3, os.urandom(1 << 16))",
        "sends_half_a_frame": "import os, struct\nos.write(3, struct.pack('!I', 100) + b'[')",
        "closes_all_handles": "import os\nos.closerange(0, 256)",
        "replaces_its_line": "import os, socket\na, b = socket.socketpair()\nos.dup2(b.fileno(), 3)",
        "sends_many_values": _LINE + "send(b'[\"ok\",1,[' + b'[],' * 5_000_000 + b'[]]]')\n",
        "sends_hashes_that_collide": _LINE + "m = 2**61 - 1\n"
        "def collide(*a, **k): return {n * m for n in range(1, 60_000)}\n" + _ALL.format("collide"),
        "sends_keys_of_the_protocol": _LINE
        + "def odd(*a, **k): return {'int': 'zz', 'carrier': ['Reading', {}], 'there': [1, 2]}\n"
        + _ALL.format("odd"),
        "sends_carriers_of_other_types": _LINE + "from grader import wire\n"
        "wire.Codec._write = lambda self, value, depth: {'carrier': ['Reading', {'value': 1}]}\n",
        "refers_to_what_it_was_never_given": _LINE
        + "send(['call', 1, 99, '__call__', [], {'dict': []}])\n"
        "send(['get', 2, 1, '__class__'])\nsend(['call', 3, [], {}, 5])\n",
        # --- the answers
        "answers_with_nan": _ALL.format("lambda *a, **k: float('nan')"),
        "answers_with_infinity": _ALL.format("lambda *a, **k: float('inf')"),
        "answers_with_a_huge_number": _ALL.format("lambda *a, **k: 1 << 40_000_000"),
        "answers_with_subclasses": (
            "class Int(int):\n"
            "    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda *a: True\n"
            "    __hash__ = int.__hash__\n"
            "class Text(str):\n"
            "    __eq__ = lambda *a: True\n"
            "    __hash__ = str.__hash__\n"
            "class Many(list):\n"
            "    __eq__ = lambda *a: True\n"
            "    __len__ = lambda *a: 5\n"
            "    __iter__ = lambda self: iter([Int(1), Text('x'), self])\n"
            + _ALL.format("lambda *a, **k: Many()")
        ),
        "answers_with_bombs": (
            "import os\n"
            "class Bomb:\n"
            "    def boom(self, *a, **k): os._exit(0)\n"
            "    __eq__ = __format__ = __repr__ = __str__ = __len__ = __iter__ = boom\n"
            "    __bool__ = __float__ = __int__ = __index__ = __getattr__ = boom\n"
            "    __hash__ = lambda self: 0\n" + _ALL.format("lambda *a, **k: Bomb()")
        ),
        "answers_with_itself": _ALL.format("globals()")
        + "def __call__(*a, **k): return globals()\n",
        "answers_by_package_attribute": (
            "class Yes:\n"
            "    __call__ = __getattr__ = lambda self, *a, **k: self\n"
            "for name in list(__all__): globals().pop(name, None)\n"
            "def __getattr__(name): return Yes()\n"
        ),
        "iterates_without_end": (
            "def more(*a, **k):\n    while True: yield 'x' * 1_000_000\n" + _ALL.format("more")
        ),
        "calls_itself_deeply": (
            "import sys\nsys.setrecursionlimit(10**9)\n"
            "def deep(*a, **k): return deep(*a, **k)\n" + _ALL.format("deep")
        ),
        "raises_what_is_expected": (
            "def refuse(*a, **k): raise ValueError('unit value sensor_id timestamp naive celsius')\n"
            + _ALL.format("refuse")
        ),
        "raises_another_classes_name": (
            "class NotYet(Exception): pass\nclass GraderFault(Exception): pass\n"
            "class StopIteration(Exception): pass\n"
            "def refuse(*a, **k): raise GraderFault('the check has no broker')\n"
            + _ALL.format("refuse")
        ),
        "raises_an_error_with_a_bad_text": (
            "class Bad(Exception):\n"
            "    def __str__(self): raise SystemExit\n"
            "    __repr__ = __str__\n"
            "def refuse(*a, **k): raise Bad\n" + _ALL.format("refuse")
        ),
        "raises_groups_without_end": (
            "def refuse(*a, **k):\n"
            "    error = ValueError()\n"
            "    for _ in range(5000): error = ExceptionGroup('g', [error])\n"
            "    raise error\n" + _ALL.format("refuse")
        ),
        "raises_a_todo_that_passes": (
            "from shared.contracts.todo import Todo\n"
            "class Task(str):\n"
            "    __eq__ = lambda *a: True\n    __ne__ = lambda *a: False\n    __hash__ = str.__hash__\n"
            "def refuse(*a, **k): raise Todo(Task('1.1'))\n" + _ALL.format("refuse")
        ),
        "writes_html_into_its_errors": (
            "def refuse(*a, **k): raise ValueError(']]></failure><script>alert(1)</script>"
            "\\u202e\\u0000\\ud800=cmd|x')\n" + _ALL.format("refuse")
        ),
        # --- the imports
        "replaces_modules_of_ours": (
            "import sys, types\n"
            "class Yes(types.ModuleType):\n"
            "    def __getattr__(self, name): return lambda *a, **k: True\n"
            "for name in list(sys.modules):\n"
            "    if name.startswith(('shared', 'grader')): sys.modules[name] = Yes(name)\n"
        ),
        "hooks_imports": (
            "import sys\n"
            "class Finder:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if 'driver' in name: raise SystemExit\n"
            "sys.meta_path.insert(0, Finder())\nsys.path_hooks.clear()\n"
            "sys.path_importer_cache.clear()\n"
        ),
        "hooks_builtins_import": (
            "import builtins\nbuiltins.__import__ = lambda *a, **k: True\n"
            "builtins.print = builtins.len = builtins.isinstance = lambda *a, **k: True\n"
        ),
        "patches_the_clock": (
            "import time, datetime\n"
            "time.monotonic = time.time = time.perf_counter = lambda: 0.0\n"
            "time.sleep = lambda *a: None\n"
        ),
        "patches_threading_and_queue": (
            "import queue, threading\n"
            "queue.SimpleQueue = threading.Thread = threading.Lock = lambda *a, **k: None\n"
        ),
        "profiles_and_traces": (
            "import sys, threading\n"
            "def spy(frame, event, arg):\n"
            "    for name, value in list(frame.f_locals.items()):\n"
            "        if 'expect' in name: raise SystemExit\n"
            "    return spy\n"
            "sys.settrace(spy); sys.setprofile(spy); threading.settrace(spy)\n"
        ),
        "forks_when_subclassed": (
            "import os\n"
            "class Base:\n"
            "    def __init_subclass__(cls): os.fork()\n"
            "for n in range(12): type(f'C{n}', (Base,), {})\n"
        ),
        "forks_an_answerer": ("import os\nif os.fork():\n    os._exit(0)\n"),
        "handles_signals": (
            "import signal\n"
            "for n in range(1, 64):\n"
            "    try: signal.signal(n, signal.SIG_IGN)\n"
            "    except (OSError, ValueError): pass\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        ),
        "exits_at_the_end": (
            "import atexit, os, sys, threading\n"
            "atexit.register(os._exit, 0)\nsys.exitfunc = os._exit\n"
            "threading._register_atexit(os._exit, 0)\n"
            "sys.unraisablehook = sys.excepthook = lambda *a: os._exit(0)\n"
            "raise SystemExit\n"
        ),
        "declares_an_encoding_to_hide": (
            "exec(b'# coding: utf-7\\n+AG8-s = __import__(+ACc-os+ACc-); os._exit(0)')"
        ),
        "imports_look_alikes": (
            "import importlib\n"
            "for name in ('gr\\u0430der.evidence', '\\uff47rader.verdicts', 'grader.\\u200bplugin'):\n"
            "    try: importlib.import_module(name).expect = lambda *a, **k: None\n"
            "    except ImportError: pass\n"
        ),
        "imports_the_trusted_side": (
            "import importlib\n"
            "for name in ('verdicts', 'plugin', 'evidence', 'session', 'judging', 'grading', 'wire'):\n"
            "    try: vars(importlib.import_module('grader.' + name)).clear()\n"
            "    except ImportError: pass\n"
        ),
        # --- files
        "links_its_files_out": (
            "import os\n"
            "for name in ('log.db', 'events.db', 'models', 'state', 'out', 'a', 'alive'):\n"
            "    os.symlink('/proc/1/environ', '/scratch/' + name)\n"
        ),
        "fills_its_folder_with_pipes": (
            "import os\nfor n in range(500): os.mkfifo('/scratch/%d' % n)\n"
        ),
        "makes_a_folder_without_a_bottom": (
            "import os\nfor _ in range(3000):\n    os.mkdir('d'); os.chdir('d')\n"
        ),
        "makes_many_files": (
            "n = 0\nwhile True:\n    open('/scratch/%d' % n, 'w').close(); n += 1\n"
        ),
        "takes_its_folders_rights": "import os\nos.chmod('/scratch', 0)\n",
        "makes_sparse_files": (
            "import os\n"
            "for n in range(200):\n"
            "    h = os.open('/scratch/s%d' % n, os.O_CREAT | os.O_RDWR)\n"
            "    os.ftruncate(h, 30 << 20)\n    os.close(h)\n"
        ),
        "writes_to_what_it_was_given": (
            "import pathlib, sys\n"
            "for place in (__file__, *sys.path, '/usr', '/doors', '/proc/sys/kernel/core_pattern'):\n"
            "    for name in ('', '/x.py'):\n"
            "        try: pathlib.Path(str(place) + name).write_text('raise SystemExit')\n"
            "        except OSError: pass\n"
        ),
        "truncates_its_output": (
            "import os\nfor h in (1, 2):\n"
            "    try: os.ftruncate(h, 0); os.lseek(h, 1 << 40, 0)\n    except OSError: pass\n"
        ),
        # --- the keeper, the machine
        "writes_to_the_keepers_memory": (
            "import os\n"
            "for pid in os.listdir('/proc'):\n"
            "    if pid.isdigit():\n"
            "        try: open('/proc/%s/mem' % pid, 'r+b').write(b'x')\n"
            "        except (OSError, ValueError): pass\n"
        ),
        "writes_to_its_own_memory": ("import ctypes\nctypes.memset(id(None), 0, 64)\n"),
        "traces_the_keeper": (
            "import ctypes\nlibc = ctypes.CDLL(None)\n"
            "for request in (16, 0x4206, 0): libc.ptrace(request, 1, 0, 0)\n"
            "libc.process_vm_writev(1, 0, 0, 0, 0, 0)\nlibc.prctl(0x59616d61, -1, 0, 0, 0)\n"
        ),
        "connects_to_the_doors": (
            "import os, socket\nkept = []\n"
            "for name in os.listdir('/doors'):\n"
            "    for _ in range(200):\n"
            "        s = socket.socket(socket.AF_UNIX)\n"
            "        try: s.connect('/doors/' + name); kept.append(s)\n"
            "        except OSError: break\n"
        ),
        "takes_all_ports": (
            "import socket\nkept = []\n"
            "for port in range(30000, 61000):\n"
            "    try: kept.append(socket.create_server(('127.0.0.1', port)))\n"
            "    except OSError: pass\n"
        ),
        "makes_namespaces": (
            "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
            "if libc.unshare(0x10000000 | 0x20000) == 0:\n"
            "    libc.mount(b'x', b'/tmp', b'tmpfs', 0, b'size=100%')\n"
            "    while True: open('/tmp/%d' % id(object()), 'ab').write(bytes(1 << 20))\n"
        ),
        "holds_memory_of_no_file": (
            "import os\nkept = []\n"
            "while True:\n"
            "    kept.append(os.memfd_create('m'))\n"
            "    os.write(kept[-1], bytes(16 << 20))\n"
        ),
        "takes_memory_in_many_processes": (
            "import os, time\n"
            "for _ in range(40):\n"
            "    if os.fork() == 0:\n"
            "        kept = []\n"
            "        while True: kept.append(bytearray(16 << 20))\n"
            "time.sleep(60)\n"
        ),
        "spins_in_many_processes": (
            "import os\n"
            "for _ in range(100):\n"
            "    if os.fork() == 0:\n"
            "        while True: pass\n"
            "while True: pass\n"
        ),
        "lowers_its_own_likelihood_to_die": (
            "import os\n"
            "for name, value in (('oom_score_adj', '-1000'), ('oom_adj', '-17')):\n"
            "    try: open('/proc/self/' + name, 'w').write(value)\n"
            "    except OSError: pass\n"
            "import resource\n"
            "for name in ('AS', 'NPROC', 'FSIZE', 'CPU', 'NOFILE'):\n"
            "    try: resource.setrlimit(getattr(resource, 'RLIMIT_' + name), (-1, -1))\n"
            "    except (OSError, ValueError): pass\n"
        ),
        "reads_what_it_may_know_of_others": (
            "import glob, os\n"
            "for pattern in ('/tmp/*', '/home/*', '/root/*', '/srv/*', '/proc/*/environ', '/*/*.py'):\n"
            "    for path in glob.glob(pattern):\n"
            "        try: open(path, 'rb').read(100)\n"
            "        except OSError: pass\n"
            "print(os.environ)\n"
        ),
        "asks_the_kernel_for_keys": (
            "import ctypes\nlibc = ctypes.CDLL(None)\n"
            "for key in range(-8, 0): libc.syscall(250, 0, key, 1)\n"
            "libc.syscall(321, 0, 0, 0); libc.syscall(425, 8, 0); libc.syscall(298, 0, 0, 0, 0, 0)\n"
        ),
        "speaks_on_other_sockets": (
            "import socket\n"
            "for family in (1, 2, 10, 16, 17, 38, 40):\n"
            "    for kind in (1, 2, 3):\n"
            "        try:\n"
            "            s = socket.socket(family, kind)\n"
            "            s.settimeout(0.1)\n"
            "            s.connect({1: '\\0academy', 40: (2, 22)}.get(family, ('127.0.0.1', 22)))\n"
            "        except (OSError, TypeError): pass\n"
        ),
    }
)
