"""What is taken of what students hand in: folders, zips, and what only looks like one."""

import stat
import zipfile
from pathlib import Path

import pytest

from grader.intake import LARGEST_FILE, IntakeError, take
from grader.walls import PROJECT

ROOM = "room1_foundations"
STARTER = (PROJECT / "rooms" / ROOM / "reading.py").read_bytes()


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "prefix",
    ["", f"{ROOM}/", f"rooms/{ROOM}/", f"Élève, Zoé (1234)/my work/rooms/{ROOM}/", "😀 ' \"/"],
)
def test_a_room_is_found_wherever_it_lies(tmp_path: Path, prefix: str) -> None:
    source = zipped(tmp_path / "in.zip", {f"{prefix}reading.py": b"MINE = 1\n"})
    intake = take(source, ROOM, tmp_path / "out")
    assert intake.taken == ["reading.py"]
    assert (intake.folder / "reading.py").read_bytes() == b"MINE = 1\n"
    assert (intake.folder / "weather.py").is_file(), "the starter fills what is missing"


def test_a_folder_is_taken_like_a_zip(tmp_path: Path) -> None:
    room = tmp_path / "in" / "rooms" / ROOM
    (room / "given").mkdir(parents=True)
    (room / "reading.py").write_bytes(b"\xef\xbb\xbfMINE = 1\r\n")
    (room / "given" / "lines.py").write_bytes(b"")
    (room / "__pycache__").mkdir()
    (room / "__pycache__" / "reading.py").write_bytes(b"no")
    (room / "link.py").symlink_to("/etc/passwd")
    intake = take(tmp_path / "in", ROOM, tmp_path / "out")
    assert sorted(intake.taken) == ["given/lines.py", "reading.py"]
    assert (intake.folder / "reading.py").read_bytes() == b"\xef\xbb\xbfMINE = 1\r\n"


def test_paths_that_lead_out_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo(f"{ROOM}/link.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    source = zipped(
        tmp_path / "in.zip",
        {
            f"{ROOM}/../../escaped.py": b"",
            "/absolute.py": b"",
            f"{ROOM}\\..\\..\\other.py": b"",
            f"{ROOM}/reading.py": b"",
        },
    )
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert take(source, ROOM, tmp_path / "out").taken == ["reading.py"]
    assert not list(tmp_path.rglob("escaped.py"))


def test_a_bomb_is_left_where_it_is(tmp_path: Path) -> None:
    source = tmp_path / "in.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{ROOM}/reading.py", b"MINE = 1\n")
        archive.writestr(f"{ROOM}/bomb.py", bytes(50 * LARGEST_FILE))
    intake = take(source, ROOM, tmp_path / "out")
    assert intake.taken == ["reading.py"]
    assert "bomb.py" in intake.remarks[0]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_submission_says_so(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "hers.zip"
    source.write_bytes(content)
    with pytest.raises(IntakeError, match=r"hers\.zip: expected"):
        take(source, ROOM, tmp_path / "out")


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "his").mkdir()
    with pytest.raises(IntakeError, match=f"his: expected Python files of {ROOM}"):
        take(tmp_path / "his", ROOM, tmp_path / "out")
