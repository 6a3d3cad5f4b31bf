"""Who handed in what: folders, zips, and platforms' downloads as they come."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.roster import Roster, RosterError, roster

FILE = "rooms/room1_foundations/reading.py"


def zipped(path: Path, names: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return path


def read(tmp_path: Path, *paths: Path) -> Roster:
    return roster(list(paths), tmp_path / "unpacked")


def people(found: Roster) -> list[tuple[str, str, str]]:
    return [(one.student, one.id, one.source.name) for one in found.submissions]


def test_moodles_download_is_read_as_it_comes(tmp_path: Path) -> None:
    place = tmp_path / "class"
    zipped(place / "Zoé Élève_123_assignsubmission_file_" / "work.zip", [FILE])
    zipped(place / "Ann_Lee O'Neil_124_assignsubmission_file_my.zip", [FILE])
    (place / "__MACOSX").mkdir()
    (place / ".hidden").mkdir()
    assert people(read(tmp_path, place)) == [
        ("Ann_Lee O'Neil", "124", "Ann_Lee O'Neil_124_assignsubmission_file_my.zip"),
        ("Zoé Élève", "123", "work.zip"),
    ]


def test_a_download_may_stay_the_zip_that_it_is(tmp_path: Path) -> None:
    whole = zipped(
        tmp_path / "Course-Task-99.zip",
        [f"Zoé_1_assignsubmission_file_/{FILE}", f"Ada_2_assignsubmission_file_/{FILE}"],
    )
    found = people(read(tmp_path, whole))
    assert [(who, number) for who, number, _source in found] == [("Ada", "2"), ("Zoé", "1")]


def test_canvas_files_of_one_student_are_one_submission(tmp_path: Path) -> None:
    place = tmp_path / "submissions"
    place.mkdir()
    for name in ("elevezoe_LATE_12_31_reading-1.py", "elevezoe_LATE_12_32_weather.py"):
        (place / name).write_text("")
    zipped(place / "bobob_77_88_submission.zip", [FILE])
    found = read(tmp_path, place)
    assert [(one.person, one.id, one.late) for one in found.submissions] == [
        ("bobob", "77", False),
        ("elevezoe", "12", True),
    ]
    assert len(found.submissions[1].sources) == 2


def test_gradescopes_export_says_who_and_when(tmp_path: Path) -> None:
    export = tmp_path / "assignment_1_export"
    (export / "submission_11").mkdir(parents=True)
    (export / "submission_12").mkdir()
    (export / "submission_metadata.yml").write_text(
        "---\nsubmission_11:\n  :submitters:\n  - :name: Zoé Élève\n    :sid: '0042'\n"
        '    :email: zoe@example.org\n  - :name: "Ann \\"A\\" Lee"\n    :sid: \'43\'\n'
        "    :email: ann@example.org\n  :created_at: 2026-11-30 18:11:29.163131000 Z\n"
        "  :score: 1.0\n  :results:\n    :tests:\n    - :name: Mallory\n"
        "submission_12:\n  :submitters:\n  - :name: O'Neil\n    :sid: ''\n"
    )
    one, two = read(tmp_path, export).submissions
    assert (two.person, two.id, two.email) == ("Zoé Élève", "0042", "zoe@example.org")
    assert two.members == ("Zoé Élève", 'Ann "A" Lee')
    assert two.handed_in == datetime(2026, 11, 30, 18, 11, 29, tzinfo=UTC)
    assert one.person == "O'Neil"


def test_one_students_zip_isnt_a_class(tmp_path: Path) -> None:
    rooms = [FILE, "rooms/room2_mqtt/bus.py", "notes/a.txt"]
    assert people(read(tmp_path, zipped(tmp_path / "zoe.zip", rooms))) == [("zoe", "", "zoe.zip")]


def test_a_zip_of_folders_or_of_zips_is_a_class(tmp_path: Path) -> None:
    folders = zipped(tmp_path / "all.zip", [f"term/ada/{FILE}", f"term/bo/{FILE}"])
    zips = zipped(tmp_path / "zips.zip", ["cy.zip", "di.ZIP"])
    names = [one.person for one in read(tmp_path, folders, zips).submissions]
    assert names == ["ada", "bo", "cy", "di"]


def test_one_file_is_its_folders_students(tmp_path: Path) -> None:
    (tmp_path / "zoe").mkdir()
    (tmp_path / "zoe" / "reading.py").write_text("")
    assert people(read(tmp_path, tmp_path / "zoe" / "reading.py")) == [("zoe", "", "reading.py")]


def test_attempts_of_a_student_stay_in_their_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / "class" / "zoe" / f"attempt{number}" / "rooms").mkdir(parents=True)
    found = read(tmp_path, tmp_path / "class")
    assert [(one.student, one.source.name) for one in found.submissions] == [
        ("zoe", "attempt1"),
        ("zoe (2)", "attempt2"),
        ("zoe (3)", "attempt10"),
    ]


def test_the_same_student_twice_keeps_both_and_says_so(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder / "zoe").mkdir(parents=True)
        (tmp_path / folder / "zoe (2)").mkdir(parents=True)
    found = read(tmp_path, tmp_path / "a", tmp_path / "b")
    names = [one.student for one in found.submissions]
    assert len(set(names)) == 4
    assert "zoe: comes again" in found.remarks[0]


def test_names_of_any_kind_are_kept(tmp_path: Path) -> None:
    names = ["Zoé Élève", 'o\'neil "q"', "😀 x", "e\u0301", "\udcff raw", "\x1b[31m"]
    for name in names:
        (tmp_path / "class" / name).mkdir(parents=True)
    found = read(tmp_path, tmp_path / "class")
    assert len({one.student for one in found.submissions}) == len(names)
    assert "\xe9" in {one.student for one in found.submissions}, "accents are composed"


def test_the_results_of_before_are_no_student(tmp_path: Path) -> None:
    for name in ("zoe", "grades"):
        (tmp_path / name).mkdir()
    found = roster([tmp_path], tmp_path / "unpacked", tmp_path / "grades")
    assert [one.person for one in found.submissions] == ["zoe"]


def test_no_submissions_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="expected a folder with a folder or zip a student"):
        read(tmp_path, tmp_path)
    with pytest.raises(RosterError, match="no such file"):
        read(tmp_path, tmp_path / "nowhere")
