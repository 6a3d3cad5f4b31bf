"""What a student types for a room or a task: 4, room4_storage, 4.2."""

from grader.verdicts import table
from shared.cli.failure import Failure
from shared.course.folders import ROOT, room_named, rooms_in
from shared.language import _


def named_room(word: str) -> str:
    """Return the room that `word` names. Raises Failure that lists the rooms there are."""
    try:
        return room_named(rooms_in(ROOT / "rooms"), word)
    except LookupError as error:
        raise Failure(str(error)) from None


def room_or_task(word: str) -> tuple[str, str]:
    """Return the room that `word` names, and the task, or "" for all. Raises Failure."""
    number, _dot, task = word.partition(".")
    room = named_room(number)
    if not task:
        return room, ""
    known = [one.id for one in table(room).tasks]
    if word not in known:
        message = _("no task {task} in {room}; there are: {tasks}")
        raise Failure(message.format(task=word, room=room, tasks=", ".join(known)))
    return room, word


def room_and_task(word: str) -> tuple[str, str]:
    """Return the room and the task that `word` names. Raises Failure where it names no task."""
    room, task = room_or_task(word)
    if not task:
        known = ", ".join(one.id for one in table(room).tasks)
        message = _("expected a task of {room}, got {word}; there are: {tasks}")
        raise Failure(message.format(room=room, word=word, tasks=known))
    return room, task
