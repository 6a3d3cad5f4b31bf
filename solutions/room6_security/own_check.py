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
    # <solution>
    device = room.rights_of("box-1", "device", "s")
    assert set(device.publish) == {"aiot-academy/box-1/+/+", "aiot-academy-presence/box-1"}
    assert set(device.subscribe) == {"aiot-academy-verdict/box-1"}
    gateway = room.rights_of("gateway", "gateway", "s")
    assert set(gateway.publish) == {"aiot-academy-verdict/+"}
    assert set(gateway.subscribe) == {"aiot-academy/+/+/+", "aiot-academy-presence/+"}
    operator = room.rights_of("ann", "operator", "s")
    assert not (*operator.publish, *operator.subscribe)
    everything = frozenset({"write", "read", "replay"})
    allowed = {("device", "write", "x"), ("gateway", "write", "x"), ("gateway", "write", "y")}
    allowed |= {("operator", action, whose) for action in ("read", "replay") for whose in "xy"}
    for kind in ("device", "gateway", "operator", "anonymous", "admin"):
        for action in ("write", "read", "replay", "delete"):
            for whose in "xy":
                free = room.may(Principal("x", kind, everything), action, whose)
                assert free is ((kind, action, whose) in allowed), (kind, action, whose)
                if kind != "device":
                    assert room.may(Principal("x", kind), action, whose) is False
    # </solution>
    #: raise Todo("6.8")
