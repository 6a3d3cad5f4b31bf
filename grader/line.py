"""A line between two processes: either side may call what the other one serves.

Frames are a length of four bytes and a value (`grader.wire`). The trusted side serves only the
names that it lists; the worker serves whatever the driver and the student's room have.
"""

import contextlib
import queue
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .wire import LONGEST, Codec, WireError

_LENGTH: Final = struct.Struct("!I")
DESK: Final = 1  # the number of the first object that a side offers
_MOST_BYTES: Final = 512 * 1024 * 1024  # that a stranger may say on one line
_MOST_VALUES: Final = 30_000_000
_AT_ONCE: Final = 32  # calls that the other side may have under way
_SENDING_S: Final = 10  # who doesn't read for so long is gone
_LONGEST_NAME: Final = 200
_MOST_KINDS: Final = 50
_LAST_LINE: Final = 10_000_000
_METHODS: Final = frozenset({"method", "function", "builtin_function_or_method", "type"})


class LineLost(Exception):  # noqa: N818 - a fact, named as one
    """The other side is gone, silent for too long, or doesn't keep to the protocol."""


class RemoteError(Exception):
    """What the other side raised: its classes by name, its text, and where."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        # What is told comes from a stranger: of any shape, of any length.
        kinds = facts.get("kinds")
        told = kinds if isinstance(kinds, list | tuple) else ()
        self.kinds = [str(kind)[:_LONGEST_NAME] for kind in told[:_MOST_KINDS]]
        text = facts.get("text")
        self.text = text if isinstance(text, str) else ""
        self.task = facts.get("task") if isinstance(facts.get("task"), str) else None
        self.where = _place(facts.get("where"))
        super().__init__(f"{self.kinds[0] if self.kinds else '?'}: {self.text}")

    def is_a(self, name: str) -> bool:
        """Return whether one of its classes has that name (`ValueError`)."""
        return name in self.kinds


def _place(where: object) -> tuple[str, int] | None:
    """Return a file and a line, if that is what was told."""
    match where:
        case [str(file), int(line)] | (str(file), int(line)) if not isinstance(line, bool):
            return file[-_LONGEST_NAME:].replace("\n", " "), min(max(line, 0), _LAST_LINE)
    return None


@dataclass
class Served:
    """An object of this side, and the names by which the other side may use it."""

    target: object
    methods: frozenset[str]
    attributes: frozenset[str] = frozenset()
    kind: str = ""  # its class, as the other side is told

    def do(self, verb: str, name: str, words: list[Any]) -> object:
        """Do what the other side asks: a call of the object or of a method, or an attribute."""
        if "*" not in self.methods and name not in self.methods | self.attributes:
            raise AttributeError(f"{name!r} isn't offered")
        if verb == "call" and name == "__call__":
            return self.target(*words[0], **words[1])  # type: ignore[operator] # asked for
        found = getattr(self.target, name)
        return found(*words[0], **words[1]) if verb == "call" else found


class Remote:
    """An object of the other side. Attributes are read there, methods run there."""

    def __init__(self, line: "Line", number: int, kind: str, attributes: frozenset[str]) -> None:
        self._line = line
        self._number = number
        self._kind = kind
        self._attributes = attributes
        self._methods: dict[str, Remote] = {}

    def __repr__(self) -> str:
        return f"<{self._kind}>"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the other side knows
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._methods:
            return self._methods[name]
        if name not in self._attributes and "*" not in self._attributes:
            return self._method(name)
        found = self._line.ask("get", self._number, name)
        if isinstance(found, Remote) and found._kind in _METHODS:  # noqa: SLF001 - its own class
            self._methods[name] = found
        return found

    def _method(self, name: str) -> Callable[..., Any]:
        def call(*args: object, **kwargs: object) -> Any:  # noqa: ANN401
            return self._line.ask("call", self._number, name, args, kwargs)

        return call

    def __call__(self, *args: object, **kwargs: object) -> Any:  # noqa: ANN401
        """Call it there."""
        return self._line.ask("call", self._number, "__call__", args, kwargs)

    def __iter__(self) -> "Remote":
        found = self._line.ask("call", self._number, "__iter__", (), {})
        if not isinstance(found, Remote):
            raise TypeError(f"no iterator: {found!r}")
        return found

    def __next__(self) -> Any:  # noqa: ANN401
        try:
            return self._line.ask("call", self._number, "__next__", (), {})
        except RemoteError as error:
            if error.is_a("StopIteration"):
                raise StopIteration from None
            raise


class Line:
    """One end of a line. `describe` turns an exception of this side into facts for the other.

    With `own_thread` false, incoming calls wait until somebody runs `serve`, or asks: the worker
    keeps a student's code in its main thread.
    """

    def __init__(
        self,
        end: socket.socket,
        known: Mapping[str, type],
        *,
        describe: Callable[[BaseException], Mapping[str, Any]],
        trusting: bool,
        revive: Callable[[Mapping[str, Any]], Exception] = RemoteError,
    ) -> None:
        self._revive = revive
        self._early: dict[int, list[Any]] = {}
        self._socket = end
        _bound_sending(end)
        self._codec = Codec(known, self._refer, self._resolve)
        self._describe = describe
        self._trusting = trusting  # the worker serves every name
        self._served: dict[int, Served] = {}
        self._numbers: dict[int, int] = {}
        self._next = 1
        self._waiting: dict[int, queue.SimpleQueue[Any]] = {}
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._busy = threading.BoundedSemaphore(_AT_ONCE)
        self._main = threading.get_ident()
        self._heard_bytes = self._heard_values = 0
        self.lost: str | None = None
        self.patience_s = 10.0  # for one answer
        self.until = float("inf")  # the monotonic moment when nobody waits any more
        self._reader = threading.Thread(target=self._read, daemon=True, name="line")
        self._reader.start()

    # --- asking

    def ask(self, verb: str, *words: object) -> Any:  # noqa: ANN401 - whatever is answered
        """Ask the other side and return its answer.

        Raises RemoteError with what it raised, LineLost when it is gone or too slow.
        """
        inside = self._trusting and threading.get_ident() == self._main
        answers = self._inbox if inside else queue.SimpleQueue()
        with self._counting:
            number, self._next = self._next, self._next + 1
            self._waiting[number] = answers
        try:
            self._send([verb, number, *words])
            return self._await(number, answers)
        finally:
            self._waiting.pop(number, None)

    def _await(self, number: int, answers: "queue.SimpleQueue[Any]") -> Any:  # noqa: ANN401
        started = time.monotonic()
        deadline = min(started + self.patience_s, self.until)
        while True:
            if number in self._early:
                return self._opened(self._early.pop(number))
            try:
                frame = answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                waited = time.monotonic() - started
                raise LineLost(f"no answer within {waited:.1f} s") from None
            if frame is None:
                answers.put(None)
                raise LineLost(self.lost or "the line is closed")
            if frame[0] not in {"ok", "error"}:
                self._answer(frame)  # the other side asks while it works on our question
            elif frame[1] == number:
                return self._opened(frame)
            else:
                self._early[frame[1]] = frame

    def _opened(self, frame: list[Any]) -> Any:  # noqa: ANN401
        if frame[0] == "ok":
            return frame[2]
        if not isinstance(frame[2], dict):
            raise LineLost("an error without facts")
        raise self._revive(frame[2])

    def serve(self) -> None:
        """Answer what the other side asks, in this thread, until the line ends."""
        while (frame := self._inbox.get()) is not None:
            self._answer(frame)

    def close(self, why: str = "the line was closed") -> None:
        """End the line; whoever waits for an answer gets LineLost."""
        self.lost = self.lost or why
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._socket.close()

    # --- serving

    def offer(self, served: Served) -> dict[str, Any]:
        """Return the reference by which the other side may use an object of this side."""
        with self._counting:
            known = self._numbers.get(id(served.target))
            if known is None:
                known, self._next = self._next, self._next + 1
                self._numbers[id(served.target)] = known
                self._served[known] = served
        kind = served.kind or type(served.target).__name__
        return {"there": [known, kind, sorted(served.attributes)]}

    def first(self) -> Remote:
        """Return the object that the other side offered before anybody asked."""
        return Remote(self, DESK, "desk", frozenset())

    def _refer(self, value: object) -> dict[str, Any]:
        if isinstance(value, Remote):
            return {"here": value._number}  # noqa: SLF001 - the two are one mechanism
        if isinstance(value, Served):
            return self.offer(value)
        if self._trusting:
            return self.offer(Served(value, frozenset({"*"}), frozenset({"*"})))
        if callable(value):
            return self.offer(Served(value, frozenset({"__call__"})))
        if hasattr(value, "__next__"):
            return self.offer(Served(value, frozenset({"__next__", "__iter__"})))
        raise WireError(f"{type(value).__name__} isn't served")

    def _resolve(self, kind: str, content: Any) -> object:  # noqa: ANN401
        if kind == "there":
            number, name, attributes = content
            if not isinstance(number, int) or not isinstance(name, str):
                raise WireError("not a reference")
            return Remote(self, number, name[:80], frozenset(map(str, attributes)))
        if kind == "here":
            return self._served[content].target
        raise WireError("of no known kind")

    def _answer(self, frame: list[Any]) -> None:
        verb, number, *words = frame
        try:
            self._send(["ok", number, self._do(verb, words)])
        except LineLost:
            return
        except BaseException as error:  # noqa: BLE001 - the other side is told all
            with contextlib.suppress(LineLost):
                self._send(["error", number, dict(self._describe(error))])

    def _do(self, verb: str, words: list[Any]) -> object:
        return self._served[words[0]].do(verb, words[1], words[2:])

    # --- frames

    def _send(self, frame: list[Any]) -> None:
        data = self._codec.dumps(frame)
        with self._writing:
            try:
                self._socket.sendall(_LENGTH.pack(len(data)) + data)
            except BlockingIOError:
                self.close(f"no answer: nobody read for {_SENDING_S} s")
                raise LineLost(self.lost or "") from None
            except OSError as error:
                raise LineLost(self.lost or f"the other side is gone ({error})") from None

    def _read(self) -> None:
        try:
            while True:
                self._place(self._codec.loads(self._frame()))
        except (WireError, OSError, EOFError, MemoryError) as error:
            self.lost = self.lost or (str(error) or "the other side ended")
        finally:
            for answers in [*self._waiting.values(), self._inbox]:
                answers.put(None)
            self.close()

    def _frame(self) -> bytes:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > LONGEST:
            raise WireError(f"a frame of {length} bytes; at most {LONGEST} are read")
        data = self._exactly(length)
        if not self._trusting:
            # A check may keep what it hears; nobody may fill its memory bit by bit.
            self._heard_bytes += length
            self._heard_values += data.count(b",")
            if self._heard_bytes > _MOST_BYTES or self._heard_values > _MOST_VALUES:
                raise WireError("more was said than anybody needs to say")
        return data

    def _place(self, frame: object) -> None:
        if not isinstance(frame, list) or len(frame) < 3 or not isinstance(frame[1], int):  # noqa: PLR2004
            raise WireError("not a frame")
        if frame[0] in {"ok", "error"}:
            answers = self._waiting.pop(frame[1], None)
            if answers is None:
                raise WireError("an answer that nobody asked for")
            answers.put(frame)
        elif frame[0] not in {"call", "get"}:
            raise WireError("of no known verb")
        elif self._trusting:
            self._inbox.put(frame)
        else:
            self._busy.acquire()  # a flood of questions waits in the socket, not in our memory
            threading.Thread(target=self._answer_aside, args=(frame,), daemon=True).start()

    def _answer_aside(self, frame: list[Any]) -> None:
        try:
            self._answer(frame)
        finally:
            self._busy.release()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._socket.recv(min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _bound_sending(end: socket.socket) -> None:
    """Have the kernel end a send that waits too long, without a bound on receiving."""
    if sys.platform != "win32":
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SENDING_S, 0))
