"""Your own check: right rooms pass it, and rooms that get task 6.6 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from typing import Any

from shared.contracts.messages import Principal
from shared.contracts.todo import Todo


def test_who_may_do_what(room: Any) -> None:
    """Each may do what is named for its kind, at the broker and over HTTP, and nobody more."""
    # task 6.8: ask `rights_of(name, kind, subject)` and `may(principal, action, device)`
    raise Todo("6.8")
