"""A cache that may be stale for a stated while, may be away, and never lets a crowd through."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Condition
from typing import Final

from shared.contracts.todo import Todo

MOST: Final = 10_000

Load = Callable[[str], Mapping[str, object]]


def cached(load: Load, fresh_s: float, monotonic: Callable[[], float]) -> Load:
    """Return `load` behind a cache of values that are at most `fresh_s` seconds old.

    Of many who ask for one missing key, one loads and the others wait for its answer. What `load`
    raises is raised and not kept. The least recently used of more than 10,000 keys go.
    """
    # task 4.7: a lock a key, so that a slow one holds up nobody else
    # <solution>
    known: OrderedDict[str, tuple[float, Mapping[str, object]]] = OrderedDict()
    loading: set[str] = set()
    changed = Condition()

    def get(key: str) -> Mapping[str, object]:
        with changed:
            changed.wait_for(lambda: key not in loading)
            now = monotonic()
            if key in known and now - known[key][0] <= fresh_s:
                known.move_to_end(key)
                return known[key][1]
            loading.add(key)
        try:
            value = load(key)
        finally:
            with changed:
                loading.discard(key)
                changed.notify_all()
        with changed:
            known[key] = (now, value)
            while len(known) > MOST:
                known.popitem(last=False)
        return value

    return get
    # </solution>
    #: raise Todo("4.7")
