"""What goes wrong where people hand in: each with a clear line, and the rest graded."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grader.grading import Found, Grading
from grader.intake import LARGEST_FILE, IntakeError, take
from grader.roster import roster
from grader.walls import PROJECT, bubblewrap

ROOM = "room1_foundations"
WIDE = "\uff4a\uff53\uff4f\uff4e.py"  # json, in letters as wide as Chinese ones
REFERENCE = PROJECT / "solutions" / ROOM
isolated = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")


def hand_in(place: Path, name: str, *, reading: bytes | None = None) -> Path:
    """Hand in the reference; its first module may be another text."""
    room = place / name / "rooms" / ROOM
    shutil.copytree(REFERENCE, room, ignore=shutil.ignore_patterns("__pycache__"))
    if reading is not None:
        (room / "reading.py").write_bytes(reading)
    return room


def school(place: Path) -> Path:
    """Return a class in which nearly everything went wrong once."""
    text = (REFERENCE / "reading.py").read_bytes()
    hand_in(place, "right")
    hand_in(place, 'Zoé "o\'neil" 😀 a b')
    hand_in(place, "windows", reading=text.replace(b"\n", b"\r\n"))
    hand_in(place, "bom", reading=b"\xef\xbb\xbf" + text)
    hand_in(place, "latin", reading=text + 'NAME = "\xe9t\xe9"\n'.encode("latin-1"))
    hand_in(place, "cookie", reading=b"# coding: latin-1\n" + text + "# \xe9\n".encode("latin-1"))
    hand_in(place, "empty file", reading=b"")
    hand_in(place, "syntax", reading=b"def make_reading(:\n")
    hand_in(place, "nul", reading=text + b"\0")
    hand_in(place, "huge", reading=b"#" + bytes(50 * 1024 * 1024))
    (place / "empty").mkdir()
    (place / "another room" / "rooms" / "room2_mqtt").mkdir(parents=True)
    (place / "another room" / "rooms" / "room2_mqtt" / "bus.py").write_bytes(b"")
    (place / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    (place / "no zip.zip").write_bytes(b"")
    os.mkfifo(place / "fifo.zip")
    return place


def graded(place: Path, cache: Path) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return each student's points (by one task, to be quick) and what was told of them."""
    told: dict[str, str] = {}
    run = Grading([ROOM], 3, cache, tasks=("1.1",))
    found: Found = run.run(roster([place], cache / "unpacked").submissions)
    points = {}
    for student, rooms in found.items():
        if ROOM in rooms:
            points[student] = rooms[ROOM].points
            facts = [v["got"] for v in rooms[ROOM].verdicts if v["outcome"] != "passed"]
            told[student] = " ".join([*rooms[ROOM].remarks, *facts])
    return points, told


@isolated
def test_each_has_a_clear_line_and_the_rest_is_graded(tmp_path: Path) -> None:
    points, told = graded(school(tmp_path / "school"), tmp_path / "cache")
    right = ("right", 'Zoé "o\'neil" 😀 a b', "windows", "bom", "cookie")
    assert {points.pop(name) for name in right} == {10.0}
    assert {points.pop(name) for name in ("empty file", "syntax", "latin", "nul", "huge")} == {0.0}
    assert {points.pop(name) for name in ("broken", "no zip", "fifo")} == {None}
    assert points == {}, "who handed in nothing of this room has no grade in it"
    assert "SyntaxError" in told["syntax"]
    assert "can't decode byte 0xe9" in told["latin"]
    assert f"at most {LARGEST_FILE} are taken" in told["huge"]
    for name in ("broken", "no zip", "fifo"):
        assert "expected a folder or a zip, got neither" in told[name]


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="becomes another user")
def test_an_unreadable_folder_says_so(tmp_path: Path) -> None:
    room = hand_in(tmp_path, "zoe")
    (room / "given").chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(IntakeError, match=r"zoe: can't be read \(Permission denied\)"):
            take(tmp_path / "zoe", ROOM, tmp_path / "out")
    finally:
        os.seteuid(0)


def zipped(path: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_comes_twice_is_taken_once(tmp_path: Path) -> None:
    first, second = b"MINE = 1\n", b"MINE = 2\n"
    source = zipped(
        tmp_path / "in.zip",
        (f"{ROOM}/reading.py", first),
        (f"{ROOM}/reading.py", second),
        (f"{ROOM}/Reading.py", second),
        (f"{ROOM}/weather.py", first),
        (f"{ROOM}/weather.py/inner.py", second),
        (f"copy/{ROOM}/{ROOM}/reading.py", second),
    )
    intake = take(source, ROOM, tmp_path / "out")
    assert (intake.folder / "reading.py").read_bytes() == first
    assert intake.taken == ["reading.py", "weather.py"]
    assert "reading.py: comes twice, the first is taken" in intake.remarks
    assert any("capital letters" in remark for remark in intake.remarks)


def test_a_size_that_lies_is_no_way_in(tmp_path: Path) -> None:
    """10 GB of zeros in 10 MB, whose directory says that they are 10 bytes."""
    source = zipped(
        tmp_path / "in.zip",
        (f"{ROOM}/reading.py", b"MINE = 1\n"),
        (f"{ROOM}/bomb.py", bytes(40 * LARGEST_FILE)),
    )
    lie = source.read_bytes().replace((40 * LARGEST_FILE).to_bytes(4, "little"), b"\x0a\0\0\0")
    source.write_bytes(lie)
    intake = take(source, ROOM, tmp_path / "out")
    assert intake.taken == ["reading.py"]
    assert "bomb.py: can't be read" in intake.remarks[0]


def test_many_files_and_bytes_end_at_a_bound(tmp_path: Path) -> None:
    large = b"#" + bytes(LARGEST_FILE - 1)
    many = [(f"{ROOM}/module{n}.py", large) for n in range(30)]
    source = zipped(tmp_path / "in.zip", (f"{ROOM}/reading.py", b"MINE = 1\n"), *many)
    intake = take(source, ROOM, tmp_path / "out")
    assert intake.size <= 18 * LARGEST_FILE
    assert len(intake.remarks) < 30
    assert "left out" in intake.remarks[-1]


@pytest.mark.parametrize("at", [30, 60, 90, 130])
def test_a_broken_byte_anywhere_is_told(tmp_path: Path, at: int) -> None:
    source = zipped(tmp_path / "in.zip", (f"{ROOM}/reading.py", b"A = 1\n" * 99))
    data = bytearray(source.read_bytes())
    data[at : at + 4] = b"\xff\xff\xff\xff"
    source.write_bytes(data)
    try:
        intake = take(source, ROOM, tmp_path / "out")
    except IntakeError as error:
        assert "in.zip" in str(error)  # noqa: PT017 - either way is a clear line
    else:
        assert intake.taken == ["reading.py"]


def test_a_path_without_an_end_is_left_out(tmp_path: Path) -> None:
    deep = f"{ROOM}/{'a/' * 2000}b.py"
    source = zipped(tmp_path / "in.zip", (f"{ROOM}/reading.py", b"MINE = 1\n"), (deep, b""))
    intake = take(source, ROOM, tmp_path / "out")
    assert intake.taken == ["reading.py"]
    assert "in too many folders, left out" in intake.remarks[0]


def test_names_no_terminal_and_no_file_system_likes(tmp_path: Path) -> None:
    room = hand_in(tmp_path, "zoe")
    for name in ("\udcff.py", "\x1b[2J.py", "a b.py", "x" * 150 + ".py", WIDE):
        (room / name).write_bytes(b"")
    intake = take(tmp_path / "zoe", ROOM, tmp_path / "out")
    assert WIDE in intake.taken
    assert all("\x1b" not in remark and remark.isprintable() for remark in intake.remarks)
    assert sum("not a module's name" in remark for remark in intake.remarks) == 4


def within(mounts: list[tuple[str, Path]], *words: str, **also: str) -> tuple[int, str]:
    """Run ./academy grade in a mount namespace with small file systems at those places."""
    script = "".join(f"mount -t tmpfs -o {how} academy {where} && " for how, where in mounts)
    own = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-Urm"]
    command = [sys.executable, "-m", "shared.cli", "grade", *words]
    done = subprocess.run(
        [*own, "sh", "-c", f'{script}exec "$@"', "sh", *command],
        cwd=PROJECT,
        env=os.environ | also,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def can_mount() -> bool:
    own = ["unshare", "-m"] if hasattr(os, "getuid") and os.getuid() == 0 else ["unshare", "-Urm"]
    command = [*own, "mount", "-t", "tmpfs", "academy", "/mnt"]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


mounting = pytest.mark.skipif(not can_mount(), reason="no file systems can be mounted here")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a class of one, judged in a moment."""
    room = tmp_path / "school" / "zoe" / "rooms" / ROOM
    room.mkdir(parents=True)
    (room / "reading.py").write_text("def make_reading(:\n")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path / "school"


@isolated
@mounting
def test_a_full_disk_says_so(small: Path, tmp_path: Path) -> None:
    (out := tmp_path / "out").mkdir()
    words = (str(small), "--only", "1", "--out", str(out))
    code, told = within([("size=16k", out)], *words)
    assert code == 1
    assert "can't be written (No space left on device)" in told
    assert "1/1  zoe" in told, "it was graded all the same"
    assert "Traceback" not in told


@isolated
@mounting
def test_no_room_for_temporary_files_says_so(small: Path, tmp_path: Path) -> None:
    (spare := tmp_path / "spare").mkdir()
    words = (str(small), "--only", "1", "--out", str(tmp_path / "out"))
    code, told = within([("size=1m", spare)], *words, TMPDIR=str(spare))
    assert code == 1
    assert "temporary files can't be written to" in told
    assert "TMPDIR" in told
    assert "Traceback" not in told


@isolated
@mounting
def test_a_home_that_is_read_only_is_enough(small: Path, tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    words = (str(small), "--only", "1", "--out", str(tmp_path / "out"))
    code, told = within([("ro", home)], *words, HOME=str(home))
    assert code == 0, told
    found = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [one["points"] for one in found["students"]] == [0.0]
