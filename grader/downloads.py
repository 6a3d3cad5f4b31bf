"""What platforms call the files that they let an instructor download."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

# Moodle: "Zoé Élève_12345_assignsubmission_file_[name]"; the number is the participant's.
_MOODLE: Final = re.compile(
    r"(?P<who>.+?)_(?P<id>\d+)_assignsubmission_file_?(?P<file>.*)", re.DOTALL
)
# Canvas: "elevezoe_[LATE_]123_456_name-1.zip"; 123 is the user's number, -1 a second upload.
_CANVAS: Final = re.compile(
    r"(?P<who>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_(?P<file>.+\.(zip|py))",
    re.DOTALL | re.IGNORECASE,
)
_AGAIN: Final = re.compile(r"-\d+(?=\.\w+$)")
METADATA: Final = "submission_metadata.yml"
_SUBMISSION: Final = re.compile(r"(?P<key>submission_\d+):\s*")
_LONGEST_METADATA: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Label:
    """What a file's or folder's name in a download says."""

    platform: str
    student: str
    id: str
    late: bool
    file: str  # what the student called it


def label_of(name: str) -> Label | None:
    """Return what a name says; None if no platform gives such names."""
    if match := _MOODLE.fullmatch(name):
        return Label("Moodle", match["who"], match["id"], False, match["file"])  # noqa: FBT003 - of this shape
    if match := _CANVAS.fullmatch(name):
        own = _AGAIN.sub("", match["file"])
        return Label("Canvas", match["who"], match["id"], bool(match["late"]), own)
    return None


@dataclass(slots=True)
class Exported:
    """One submission of a Gradescope export, as its metadata has it: who, and when."""

    names: list[str]
    ids: list[str]
    emails: list[str]
    handed_in: datetime | None = None


def gradescope_metadata(path: Path) -> dict[str, Exported]:
    """Return the submissions of an export by their folder's name.

    The file is YAML of one fixed shape; the few keys that matter are read line by line, so that
    nothing a student wrote (their results stand in there too) is interpreted.
    """
    found: dict[str, Exported] = {}
    current: Exported | None = None
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file.read(_LONGEST_METADATA).splitlines():
            if match := _SUBMISSION.fullmatch(line):
                current = found[match["key"]] = Exported([], [], [])
            elif current is not None:
                _note(current, line)
    return found


def _note(current: Exported, line: str) -> None:
    key, _colon, value = line.strip().removeprefix("- ").partition(": ")
    indent = len(line) - len(line.lstrip(" -"))
    lists = {":name": current.names, ":sid": current.ids, ":email": current.emails}
    if key in lists and indent == 4:  # noqa: PLR2004 - a submitter's own keys
        lists[key].append(_scalar(value))
    elif key == ":created_at" and indent == 2:  # noqa: PLR2004 - a submission's
        current.handed_in = _moment(value)


def _scalar(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"')
    return text


def _moment(text: str) -> datetime | None:
    """Return "2023-01-31 18:11:29.163131000 Z" as a moment."""
    match = re.match(r"(\S+) (\d\d:\d\d:\d\d)(?:\.\d+)? (Z|[+-]\d\d:\d\d)", _scalar(text))
    if match is None:
        return None
    return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3].replace('Z', '+00:00')}")


def is_class(names: list[PurePosixPath], rooms: re.Pattern[str]) -> bool:
    """Return whether a zip with these names holds a class, and not one student's work."""
    if any(name.name == METADATA or label_of(name.parts[0]) for name in names):
        return True
    if names and all(name.suffix.lower() == ".zip" for name in names):
        return len(names) > 1
    owners = {
        name.parts[:place]
        for name in names
        for place, part in enumerate(name.parts[:-1])
        if rooms.fullmatch(part)
    }
    plain = {owner[:-1] if owner[-1:] == ("rooms",) else owner for owner in owners}
    return len(plain) > 1
