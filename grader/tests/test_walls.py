"""What a submission finds within the walls, and what it doesn't."""

import contextlib
import http.server
import os
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grader.line import LineLost, RemoteError
from grader.sandbox import Bare, PortTaken, Sandbox, Walled
from grader.walls import PROJECT, Layout, bubblewrap

ROOM = "room1_foundations"
KINDS = [
    pytest.param(
        Walled, marks=pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")
    ),
    Bare,
]
Maker = Callable[[str], Sandbox]


@pytest.fixture(params=KINDS, ids=["walled", "bare"])
def sandbox_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Return what makes a sandbox around a room of one module."""
    with contextlib.ExitStack() as stack:

        def make(source: str) -> Sandbox:
            room = tmp_path / "work" / "rooms" / ROOM
            room.mkdir(parents=True)
            (room.parent / "__init__.py").write_text("")
            (room / "__init__.py").write_text(source)
            sandbox: Sandbox = request.param(Layout(ROOM, "sensors", room))
            stack.callback(sandbox.close)
            return sandbox

        yield make


@pytest.fixture
def walled(tmp_path: Path) -> Iterator[Maker]:
    """Return what makes a sandbox with walls."""
    if bubblewrap() is None:
        pytest.skip("bubblewrap isn't here")
    with contextlib.ExitStack() as stack:

        def make(source: str) -> Sandbox:
            room = tmp_path / "work" / "rooms" / ROOM
            room.mkdir(parents=True)
            (room / "__init__.py").write_text(source)
            sandbox = Walled(Layout(ROOM, "sensors", room))
            stack.callback(sandbox.close)
            return sandbox

        yield make


def opened(sandbox: Sandbox) -> Any:  # noqa: ANN401 - the room
    return sandbox.open().open()


def test_a_value_comes_back_as_it_was_sent(sandbox_of: Maker) -> None:
    room = opened(sandbox_of("def same(value): return value"))
    moment = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
    for value in (None, True, 7, 2**20000, 1.5, "é\ud800", b"\0", (1, [2]), {1: {2.0}}, moment):
        found = room.same(value)
        assert found == value
        assert type(found) is type(value)


def test_infinities_and_nan_survive_the_way(sandbox_of: Maker) -> None:
    room = opened(sandbox_of("def same(value): return value"))
    assert room.same(float("inf")) == float("inf")
    assert str(room.same(float("nan"))) == "nan"


def test_an_object_that_equals_everything_equals_nothing_here(sandbox_of: Maker) -> None:
    source = "class All(float):\n  def __eq__(self, other): return True\n  __hash__ = None\n"
    room = opened(sandbox_of(source + "class Any:\n  __eq__ = All.__eq__\n"))
    assert room.All(1.0) != 2.0
    assert room.Any() != 2.0


def test_what_a_room_raises_arrives_by_name_text_and_line(sandbox_of: Maker) -> None:
    room = opened(sandbox_of("def refuse():\n    raise ValueError('unit: expected celsius')\n"))
    with pytest.raises(RemoteError) as caught:
        room.refuse()
    assert caught.value.is_a("ValueError")
    assert "celsius" in caught.value.text
    assert caught.value.where is not None
    assert caught.value.where[1] == 2


def test_a_room_may_call_what_the_check_hands_it(sandbox_of: Maker) -> None:
    room = opened(sandbox_of("def ask(clock): return clock() + 1"))
    assert room.ask(lambda: 41) == 42


def test_a_recording_is_read_lazily_from_this_side(sandbox_of: Maker) -> None:
    room = opened(sandbox_of("def second(rows):\n    next(rows)\n    return next(rows)"))
    asked: list[int] = []

    def rows() -> Iterator[int]:
        for number in range(1000):
            asked.append(number)
            yield number

    assert room.second(rows()) == 1
    assert asked == [0, 1]


@pytest.mark.parametrize(
    "end",
    ["import os; os._exit(0)", "raise SystemExit(0)", "import os; os.kill(os.getpid(), 9)"],
)
def test_a_room_that_ends_its_worker_answers_nothing(sandbox_of: Maker, end: str) -> None:
    sandbox = sandbox_of(end)
    with pytest.raises((LineLost, RemoteError)):
        opened(sandbox)
    assert repr(sandbox.open()) == "<desk>"  # and another worker starts


def test_a_call_without_end_is_left(sandbox_of: Maker) -> None:
    sandbox = sandbox_of("def loop():\n    while True: pass")
    room = opened(sandbox)
    assert sandbox.line is not None
    sandbox.line.patience_s = 0.3
    with pytest.raises(LineLost, match=r"no answer within 0\.3 s"):
        room.loop()
    sandbox.kill()
    assert callable(opened(sandbox).loop)


def test_a_file_is_there_after_a_power_cut(sandbox_of: Maker) -> None:
    sandbox = sandbox_of("def write(path):\n    open(path, 'w').write('kept')")
    opened(sandbox).write(sandbox.place("log.txt"))
    assert sandbox.take("log.txt") == b"kept"
    assert sandbox.take("nothing.txt") is None


@pytest.mark.skipif(os.name != "posix", reason="rights are the system's own elsewhere")
def test_the_rights_of_files_are_seen_and_no_link_is_followed(sandbox_of: Maker) -> None:
    source = """
import os
def write(folder):
    os.makedirs(folder + "/deep")
    os.chmod(folder + "/deep", 0o700)
    for name, mode in (("open", 0o644), ("deep/shut", 0o600)):
        open(f"{folder}/{name}", "w").close()
        os.chmod(f"{folder}/{name}", mode)
    os.symlink("/etc", folder + "/link")
"""
    sandbox = sandbox_of(source)
    opened(sandbox).write(sandbox.place("kept"))
    assert sandbox.modes("kept") == {"deep": 0o700, "open": 0o644, "deep/shut": 0o600}
    assert sandbox.modes("nothing") == {}


def test_doors_lead_out_and_in(sandbox_of: Maker) -> None:
    source = """
import http.server, threading, urllib.request
def fetch(port): return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).status
def serve(port):
    door = http.server.ThreadingHTTPServer(
        ("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=door.serve_forever, daemon=True).start()
"""
    sandbox = sandbox_of(source)
    room = opened(sandbox)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Quiet) as outside:
        threading.Thread(target=outside.serve_forever, daemon=True).start()
        sandbox.reach(outside.server_port)
        assert room.fetch(outside.server_port) == 200
        outside.shutdown()
    port = sandbox.expose()
    room.serve(port)
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).status == 200


def test_a_port_that_somebody_has_in_there_ends_nobody(walled: Maker) -> None:
    source = """
import socket
def sit(port):
    global seat
    seat = socket.create_server(("127.0.0.1", port))
def work(): return "works"
"""
    sandbox = walled(source)
    room = opened(sandbox)
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        room.sit(port)
        with pytest.raises(PortTaken):
            sandbox.reach(port)
    assert room.work() == "works"


class _Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
        pass


REFUSED = {
    "the reference": f"open({str(PROJECT / 'solutions' / ROOM / '__init__.py')!r})",
    "the hidden checks": f"open({str(PROJECT / 'grader/checks')!r} + '/x')",
    "the course's folder": "open('/academy/shared/new.py', 'w')",
    "its own source": "open(__file__, 'w')",
    "a home": "__import__('os').listdir('/root') and 1/0 or open('/home/x')",
    "the network": "__import__('socket').create_connection(('192.0.2.1', 80), 2)",
    "a name server": "__import__('socket').getaddrinfo('example.org', 80)",
    "another's memory": "open('/proc/1/mem', 'rb').read(1)",
    "process 1's environment": "open('/proc/1/environ', 'rb').read()",
    "process 1 by signal": "__import__('os').kill(1, 9) or __import__('os').kill(1, 0) and 0",
    "a mount": "__import__('ctypes').CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, 0) and open('')",
    "being root": "__import__('os').setuid(0)",
    "a namespace of its own": "__import__('ctypes').CDLL(None).unshare(0x10000000) and 1 / 0",
    "memory of no file": "__import__('os').memfd_create('m')",
    "a key": "__import__('ctypes').CDLL(None).syscall(250, 0, -3, 0) == -1 and 1 / 0",
    "a door": "__import__('socket').socket(1).connect('/doors/inward') or os.getuid() or 1 / 0",
    "a large file": "open('/scratch/large', 'wb').write(bytes(200 << 20))",
}


@pytest.mark.parametrize("attempt", REFUSED, ids=str)
def test_what_must_be_refused_is(walled: Maker, attempt: str) -> None:
    room = opened(walled(f"import os\ndef attempt():\n    return {REFUSED[attempt]}"))
    if attempt == "process 1 by signal":  # the kernel drops it without a word
        with contextlib.suppress(RemoteError):  # unless its user is another one
            room.attempt()
        assert callable(room.attempt)
        return
    with pytest.raises((RemoteError, LineLost)):
        room.attempt()


@pytest.mark.parametrize(
    "flood",
    [
        "while True:\n        os.fork()",
        "threads = [threading.Thread(target=time.sleep, args=(60,)).start() for _ in range(9999)]",
        "x = [bytes(64 << 20) for _ in range(9999)]",
        "files = [open('/dev/null') for _ in range(99999)]",
        "while True:\n        sys.stdout.write('x' * 65536)",
        "[open(f'/scratch/{n}', 'wb').write(bytes(8 << 20)) for n in range(9999)]",
    ],
    ids=["forks", "threads", "memory", "handles", "output", "disk"],
)
def test_a_flood_is_held_and_ends_with_its_worker(walled: Maker, flood: str) -> None:
    sandbox = walled(f"import os, sys, threading, time\ndef flood():\n    {flood}")
    room = opened(sandbox)
    assert sandbox.line is not None
    sandbox.line.patience_s = 3.0
    with pytest.raises((RemoteError, LineLost)):
        room.flood()
    sandbox.kill()
    assert callable(opened(sandbox).flood)
    assert len(sandbox.said()) <= 2000


def test_a_daemon_doesnt_outlive_its_worker(walled: Maker) -> None:
    source = """
import os, time
def leave():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                open('/scratch/alive', 'a').write('x')
                time.sleep(0.01)
        os._exit(0)
"""
    sandbox = walled(source)
    opened(sandbox).leave()
    first = sandbox.take("alive")
    second = sandbox.take("alive")
    assert first == second


def test_what_a_submission_serves_stays_within(walled: Maker) -> None:
    one = walled(
        "def serve(port):\n    import socket\n    globals()['s'] = "
        "socket.create_server(('127.0.0.1', port))\n    return s.getsockname()[1]"
    )
    port = opened(one).serve(0)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 2)
