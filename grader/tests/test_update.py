"""A newer edition comes in: a student's work stays, and no zip can harm it."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader import edition
from shared.course.arrival import Arrival
from shared.course.edition import MANIFEST, Edition, NotAnEdition
from shared.launcher import incoming
from shared.launcher.incoming import WAITING, Move, announce, finish

READING = "rooms/room1_foundations/reading.py"
PACING = "rooms/room1_foundations/pacing.py"
SHOWN = "rooms/room1_foundations/test_shown.py"
OLD, NEW = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def old() -> Files:
    """Return an edition that students have."""
    return edition.contents([])


@pytest.fixture(scope="module")
def new(old: Files) -> Files:
    """Return a newer one: starters, a check, a shared module and the brief are other, one went."""
    changed = {path: old[path] + b"\n# newer\n" for path in (READING, PACING, SHOWN, "academy")}
    changed["shared/language.py"] = old["shared/language.py"] + b"\n# newer\n"
    changed["shared/cli/brandnew.py"] = b'"""New."""\n'
    rest = {path: content for path, content in old.items() if path != "shared/cli/bench.py"}
    return rest | changed


@pytest.fixture
def course(tmp_path: Path, old: Files) -> Path:
    """Return a student's copy of the old edition."""
    made = replace(edition.described(old, []), made=OLD)
    edition.write(old, made, tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture
def archive(tmp_path: Path, new: Files) -> Path:
    """Return the newer edition's zip."""
    return zipped(tmp_path / "newer.zip", new, NEW)


def zipped(path: Path, files: Files, made: str) -> Path:
    about = replace(edition.described(files, []), made=made)
    path.write_bytes(edition.packed({**files, MANIFEST: about.written()}, "aiot-academy"))
    return path


def academy(course: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-B", "-m", "shared.cli", *words],
        cwd=course,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(course), "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def tree(course: Path) -> Files:
    return {
        path.relative_to(course).as_posix(): path.read_bytes()
        for path in course.rglob("*")
        if path.is_file() and path.suffix != ".lock" and "__pycache__" not in path.parts
    }


def test_what_nobody_changed_is_renewed(course: Path, archive: Path, new: Files) -> None:
    run = academy(course, "update", str(archive))
    assert run.returncode == 0, run.stderr
    assert "5 files renewed, 1 new, 1 gone" in run.stdout
    found = tree(course)
    found.pop(MANIFEST)
    assert found == new
    about = Edition.of(course)
    assert about is not None
    assert about.made == NEW
    assert os.access(course / "academy", os.X_OK)


def test_a_students_work_stays_with_the_newer_starter_beside_it(
    course: Path, archive: Path, new: Files
) -> None:
    (course / READING).write_text("MINE = 1\n", encoding="utf-8")
    (course / PACING.replace("pacing", "notes_of_mine")).write_text("MINE = 2\n", encoding="utf-8")
    run = academy(course, "update", str(archive))
    assert run.returncode == 0, run.stderr
    assert f"yours, left alone: {READING}" in run.stdout
    assert (course / READING).read_text("utf-8") == "MINE = 1\n"
    assert (course / f"{READING}.new").read_bytes() == new[READING]
    assert (course / PACING).read_bytes() == new[PACING]
    assert (course / PACING.replace("pacing", "notes_of_mine")).exists()
    again = academy(course, "update", str(archive))
    assert again.returncode == 0, again.stderr
    assert (course / READING).read_text("utf-8") == "MINE = 1\n"
    assert "0 files renewed, 0 new, 0 gone" in again.stdout


def test_line_ends_of_another_system_are_no_change(course: Path, archive: Path, new: Files) -> None:
    text = (course / READING).read_bytes()
    (course / READING).write_bytes(text.replace(b"\n", b"\r\n"))
    run = academy(course, "update", str(archive))
    assert "left alone" not in run.stdout
    assert (course / READING).read_bytes() == new[READING]


def test_whatever_else_was_changed_is_kept_beside_and_told(
    course: Path, archive: Path, new: Files
) -> None:
    for path in (SHOWN, "shared/language.py", "shared/cli/bench.py"):
        with (course / path).open("a", encoding="utf-8") as file:
            file.write("# mine\n")
    run = academy(course, "update", str(archive))
    assert run.returncode == 0, run.stderr
    for path in (SHOWN, "shared/language.py"):
        assert (course / path).read_bytes() == new[path]
        assert (course / f"{path}.kept-1").read_text("utf-8").endswith("# mine\n")
        assert f"changed here, now the course's: {path}" in run.stdout
    assert (course / "shared/cli/bench.py").exists(), "changed, so it isn't deleted"


def test_an_older_edition_is_refused_unless_asked_for(course: Path, tmp_path: Path) -> None:
    files = edition.contents([])
    archive = zipped(tmp_path / "older.zip", files, "2025-01-01T00:00:00+00:00")
    run = academy(course, "update", str(archive))
    assert (run.returncode, run.stdout) == (1, "")
    assert "older than yours" in run.stderr
    assert academy(course, "update", str(archive), "--older").returncode == 0


def test_references_come_later(course: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "solved.zip", edition.contents([1]), NEW)
    assert academy(course, "update", str(archive)).returncode == 0
    assert (course / "solutions/room1_foundations/reading.py").is_file()


@pytest.mark.parametrize("moved", [0, 1, 2, 5, 6])
def test_an_interrupted_update_goes_on(
    course: Path, archive: Path, new: Files, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course / READING).write_text("MINE = 1\n", encoding="utf-8")
    (course / SHOWN).write_text("MINE = 3\n", encoding="utf-8")
    Arrival.of(archive).lay_out(course, Edition.of(course))
    done = incoming._done
    left = [moved]

    def dying(root: Path, move: Move) -> str | None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return done(root, move)

    monkeypatch.setattr(incoming, "_done", dying)
    with pytest.raises(KeyboardInterrupt):
        finish(course)
    monkeypatch.undo()
    finish(course)
    found = tree(course)
    found.pop(MANIFEST)
    assert found.pop(READING) == b"MINE = 1\n"
    assert found.pop(f"{READING}.new") == new[READING]
    assert found.pop(f"{SHOWN}.kept-1") == b"MINE = 3\n"
    assert found == {path: content for path, content in new.items() if path != READING}


def test_a_launch_of_any_verb_finishes_it(course: Path, archive: Path, new: Files) -> None:
    Arrival.of(archive).lay_out(course, Edition.of(course))
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom shared.launcher.start import _go_on\n"
        "_go_on(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-B", "-c", code, str(course)], check=True)
    assert (course / READING).read_bytes() == new[READING]
    assert not (course / WAITING).exists()


def test_what_was_typed_between_interruption_and_end_is_kept(
    course: Path, archive: Path, new: Files
) -> None:
    Arrival.of(archive).lay_out(course, Edition.of(course))
    (course / READING).write_text("TYPED = 1\n", encoding="utf-8")
    assert finish(course) == [(READING, "reading.py.kept-1")]
    assert (course / f"{READING}.kept-1").read_text("utf-8") == "TYPED = 1\n"
    assert (course / READING).read_bytes() == new[READING]


def test_an_empty_list_of_moves_is_an_end(course: Path) -> None:
    (course / WAITING).mkdir(parents=True)
    announce(course, [])
    assert finish(course) == []
    assert not (course / WAITING).exists()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


HARMFUL: dict[str, Callable[[zipfile.ZipFile], None]] = {
    "out": lambda zip_: zip_.writestr("../evil.py", "x"),
    "deep": lambda zip_: zip_.writestr("aiot-academy/shared/../../evil.py", "x"),
    "absolute": lambda zip_: zip_.writestr("/tmp/edition-evil.py", "x"),  # noqa: S108 - refused
    "drive": lambda zip_: zip_.writestr("C:/evil.py", "x"),
    "backslash": lambda zip_: zip_.writestr("aiot-academy\\..\\evil.py", "x"),
    "link": lambda zip_: zip_.writestr(link("aiot-academy/shared/evil.py"), "/etc/passwd"),
    "hooks": lambda zip_: zip_.writestr("aiot-academy/.git/hooks/pre-commit", "x"),
    "stranger": lambda zip_: zip_.writestr("aiot-academy/shared/stranger.py", "x"),
    "case": lambda zip_: zip_.writestr("aiot-academy/ACADEMY", "x"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_zip_is_refused_and_changes_nothing(
    name: str, course: Path, archive: Path
) -> None:
    with zipfile.ZipFile(archive, "a") as zip_:
        HARMFUL[name](zip_)
    before = tree(course)
    run = academy(course, "update", str(archive))
    assert run.returncode == 1
    assert run.stderr.startswith("academy: newer.zip: ")
    assert "Traceback" not in run.stderr
    assert tree(course) == before
    assert not (course.parent / "evil.py").exists()


def test_what_is_no_edition_is_refused(course: Path, tmp_path: Path, new: Files) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as zip_:
        zip_.writestr("holiday/photo.txt", "sea")
    half = {path: content for path, content in new.items() if path != "academy"}
    about = replace(edition.described(new, []), made=NEW)
    (tmp_path / "half.zip").write_bytes(edition.packed({**half, MANIFEST: about.written()}, "a"))
    forged = {**new, "academy": b"forged", MANIFEST: about.written()}
    (tmp_path / "forged.zip").write_bytes(edition.packed(forged, "a"))
    strange = {**new, MANIFEST: json.dumps({"kind": "recipe"}).encode()}
    (tmp_path / "strange.zip").write_bytes(edition.packed(strange, "a"))
    before = tree(course)
    told = {
        "text.zip": "expected the zip of an edition",
        "other.zip": "isn't an edition",
        "half.zip": "isn't whole: academy is missing",
        "forged.zip": "academy isn't what its manifest says",
        "strange.zip": "expected the manifest of an edition",
        "absent.zip": "no such file",
    }
    for name, words in told.items():
        run = academy(course, "update", str(tmp_path / name))
        assert run.returncode == 1
        assert words in run.stderr
        assert "Traceback" not in run.stderr
    assert tree(course) == before


def test_a_bomb_is_refused(course: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(course)
    arrival = Arrival.of(archive)
    monkeypatch.setattr("shared.course.arrival._LARGEST", 1000)
    with pytest.raises(NotAnEdition, match="larger than"):
        arrival.lay_out(course, Edition.of(course))
    assert tree(course) == before


def test_a_folder_that_is_a_link_leads_nowhere(course: Path, archive: Path, tmp_path: Path) -> None:
    (course / "shared" / "cli").rename(tmp_path / "elsewhere")
    (course / "shared" / "cli").symlink_to(tmp_path / "elsewhere")
    run = academy(course, "update", str(archive))
    assert run.returncode == 1
    assert "leads out of the course by a link" in run.stderr
    assert not (tmp_path / "elsewhere" / "brandnew.py").exists()


def test_a_course_without_its_manifest_goes_by_the_rooms_own(
    course: Path, archive: Path, new: Files
) -> None:
    (course / MANIFEST).write_text("{", encoding="utf-8")
    (course / READING).write_text("MINE = 1\n", encoding="utf-8")
    run = academy(course, "update", str(archive))
    assert run.returncode == 0, run.stderr
    assert (course / READING).read_text("utf-8") == "MINE = 1\n"
    assert (course / PACING).read_bytes() == new[PACING]
