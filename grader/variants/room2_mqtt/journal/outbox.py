"""An outbox as a journal: a line an entry, appended and synced, read back at the start."""

import base64
import json
import os
from pathlib import Path
from threading import Lock

from shared.contracts.benches.bus import Letter
from shared.contracts.messages import Progress
from shared.contracts.ports import StoreUnavailable


def open_outbox(path, limit, source_id):
    """Return the outbox in the file."""
    return SqliteOutbox(Path(path), limit, source_id)


class SqliteOutbox:
    """Named as its callers know it; no SQL in it."""

    def __init__(self, path, limit, source_id):
        self._path, self._limit, self._source = path, limit, source_id
        self._lock = Lock()
        self._letters = {}
        self._counts = {}
        self._newest = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._end = self._read()
            self._file = open(path, "ab", buffering=0)
            self._file.truncate(self._end)  # half a line: killed while it was written
        except OSError as error:
            raise StoreUnavailable(f"{path}: {error.strerror}") from error

    def add(self, letters, made_s, refused=0):
        with self._lock:
            fits = list(letters)[: max(0, self._limit - len(self._letters))]
            refused += len(letters) - len(fits)
            entry = {
                "source": self._source,
                "refused": refused,
                "first": self._newest + 1,
                "made_s": made_s,
                "letters": [[m, t, base64.b64encode(p).decode()] for m, t, p in fits],
            }
            self._append(entry)
            return len(fits)

    def after(self, seq, limit):
        with self._lock:
            found = [one for number, one in self._letters.items() if number > seq]
            return found[:limit]

    def clear(self, seqs):
        with self._lock:
            self._append({"gone": list(seqs)})

    def progress(self):
        made, refused = self._counts.get(self._source, (0, 0))
        return Progress(made + refused, made, refused, len(self._letters))

    def newest(self):
        return self._newest

    def close(self):
        self._file.close()

    def _append(self, entry):
        line = json.dumps(entry).encode() + b"\n"
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(28, "no space for all of it")
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._end)
            raise StoreUnavailable(f"{self._path}: {error.strerror}") from error
        self._end += len(line)
        self._apply(entry)

    def _apply(self, entry):
        for seq in entry.get("gone", ()):
            self._letters.pop(seq, None)
        if "source" not in entry:
            return
        made, refused = self._counts.get(entry["source"], (0, 0))
        letters = entry["letters"]
        self._counts[entry["source"]] = (made + len(letters), refused + entry["refused"])
        for seq, (identity, topic, text) in enumerate(letters, entry["first"]):
            payload = base64.b64decode(text)
            self._letters[seq] = Letter(seq, identity, topic, payload, entry["made_s"])
            self._newest = seq

    def _read(self):
        end = 0
        if not self._path.exists():
            return end
        for line in self._path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            self._apply(json.loads(line))
            end += len(line)
        return end
