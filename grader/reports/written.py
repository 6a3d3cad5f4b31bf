"""All reports of a run, in one folder: each file whole, nothing left of an earlier run."""

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.pipeline.workplace import write_atomically

from . import pages, platforms, tables


def write(out: Path, found: Mapping[str, Any]) -> None:
    """Write every report of the results `found` into `out`; OSError where it can't be written."""
    files = reports(found)
    for folder in ("pages", "gradescope", "classroom50", "moodle"):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for old in (out / folder).iterdir():
            if f"{folder}/{old.name}" not in files:
                old.unlink()
    for name, content in files.items():
        write_atomically(out / name, content)
    # The last: whoever finds results.json finds all that it tells of.
    write_atomically(out / "results.json", dumped(found))


def reports(found: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of each file but results.json, by its name."""
    files = {
        # Excel takes UTF-8 for what it is only behind a byte order mark.
        "grades.csv": tables.own(found).encode("utf-8-sig"),
        "moodle.csv": tables.moodle(found).encode(),
        "canvas.csv": tables.canvas(found).encode(),
        "nbgrader.csv": tables.nbgrader(found).encode(),
        "junit.xml": platforms.junit(found),
    }
    for room in found["rooms"]:
        files[f"moodle/{room}.csv"] = tables.moodle_worksheet(found, room).encode()
    names = {one["student"]: file_name(i, one) for i, one in enumerate(found["students"], 1)}
    for one in found["students"]:
        name = names[one["student"]]
        files[f"gradescope/{name}.json"] = dumped(platforms.gradescope(found, one))
        files[f"pages/{name}.html"] = pages.page(found, one).encode()
        for room in one["rooms"]:
            content = dumped(platforms.classroom50(found, one, room))
            files[f"classroom50/{name}-{room}.json"] = content
    linked = {student: f"{name}.html" for student, name in names.items()}
    files["pages/index.html"] = pages.overview(found, linked).encode()
    return files


def file_name(number: int, one: Mapping[str, Any]) -> str:
    """Return a student's file name, without ending: a number, and what any system can write."""
    plain = unicodedata.normalize("NFKD", one["student"]).encode("ascii", "ignore").decode()
    word = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:40]
    return f"{number:04d}-{word}".rstrip("-")


def dumped(content: object) -> bytes:
    """Return JSON for people and programs."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode()
