"""Your own check: right rooms pass it, and rooms that get task 7.2 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from typing import Any

from shared.contracts.todo import Todo

TRACE, PARENT = "1234567890abcdef" * 2, "fedcba0987654321"
ZEROS = "0" * 32


def test_a_trace_goes_on(room: Any) -> None:
    """What is valid goes on, what isn't begins anew, and the sampling is kept."""
    # task 7.8: ask `parse_traceparent` and `next_traceparent` for what task 7.2 promises
    # <solution>
    for flags, sampled in (("00", False), ("01", True), ("02", False), ("03", True)):
        assert room.parse_traceparent(f"00-{TRACE}-{PARENT}-{flags}").sampled is sampled
    assert room.parse_traceparent(f"01-{TRACE}-{PARENT}-01-more").trace_id == TRACE
    good = f"00-{TRACE}-{PARENT}-01"
    upper, zeros = good.replace("a", "A"), good.replace(TRACE, ZEROS)
    for bad in (f"ff{good[2:]}", f"{good}-more", f"{good}\n", f" {good}", upper, zeros, ""):
        assert room.parse_traceparent(bad) is None, bad
    assert room.parse_traceparent(good.replace(PARENT, ZEROS[:16])) is None
    for parent, share in ((good, 0.0), (f"{good[:-2]}00", 1.0)):
        child = room.next_traceparent(parent, share)
        assert (child[:35], child[-2:]) == (parent[:35], parent[-2:])
        assert child[36:52] != PARENT
    for share, flags in ((0.0, "00"), (1.0, "01")):
        new = room.next_traceparent("00-nonsense", share)
        assert room.parse_traceparent(new).trace_id != TRACE
        assert new.endswith(flags)
    # </solution>
    #: raise Todo("7.8")
