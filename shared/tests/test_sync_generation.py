"""Bringing starters up to date: stale ones are replaced, somebody's work never is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.course.generation import Findings, Generation
from shared.course.manifest import Manifest

ROOT = Path(__file__).parents[2]
ROOM = "room1_foundations"
SOLUTION = '''"""Doubling."""

from shared.contracts.todo import Todo


def double(x: int) -> int:
    """Return twice `x`."""
    # task 1.1: double it
    # <solution>
    return 2 * x
    # </solution>
    #: raise Todo("1.1")
'''


class Course:
    """A small course in a folder: one room, one module."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source = root / "solutions" / ROOM
        self.room = root / "rooms" / ROOM
        self.source.mkdir(parents=True)
        self.module = self.room / "doubling.py"
        self.write(SOLUTION)

    def write(self, text: str, name: str = "doubling.py") -> None:
        """Write a solution's module."""
        (self.source / name).write_text(text, encoding="utf-8")

    def generate(self, *, adopt: bool = False) -> Findings:
        """Generate the room."""
        return Generation(self.source, self.room, adopt=adopt).run()

    def check(self) -> Findings:
        """Only look."""
        return Generation(self.source, self.room).check()

    def files(self) -> set[str]:
        """Return the names of the files in the room."""
        return {path.name for path in self.room.iterdir()}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Return a course that was never generated."""
    return Course(tmp_path)


def test_first_generation_writes_starter_and_manifest(course: Course) -> None:
    assert course.generate().stale == [course.module]
    assert 'raise Todo("1.1")' in course.module.read_text()
    assert course.files() == {"doubling.py", ".generated.json"}


def test_second_generation_touches_nothing(course: Course) -> None:
    course.generate()
    before = course.module.stat().st_mtime_ns, (course.room / ".generated.json").stat().st_mtime_ns
    assert course.generate() == Findings()
    after = course.module.stat().st_mtime_ns, (course.room / ".generated.json").stat().st_mtime_ns
    assert after == before


def test_check_lists_what_is_stale_and_writes_nothing(course: Course) -> None:
    assert course.check().stale == [course.module]
    assert not course.room.exists()
    course.generate()
    assert course.check() == Findings()
    course.write(SOLUTION.replace("twice", "two times"))
    assert course.check().stale == [course.module]
    assert "twice" in course.module.read_text()


def test_stale_starter_is_replaced(course: Course) -> None:
    course.generate()
    course.write(SOLUTION.replace("twice", "two times"))
    course.generate()
    assert "two times" in course.module.read_text()
    assert course.check() == Findings()


def test_homework_is_left_alone(course: Course) -> None:
    course.generate()
    course.module.write_text(SOLUTION)
    course.write(SOLUTION.replace("twice", "two times"))
    findings = course.generate()
    assert (findings.kept, findings.stale) == ([course.module], [])
    assert course.module.read_text() == SOLUTION


def test_homework_stays_homework_after_a_refusal(course: Course) -> None:
    course.generate()
    course.module.write_text(SOLUTION)
    course.generate()
    assert course.generate().kept == [course.module]


def test_file_that_sync_never_wrote_is_left_alone(course: Course) -> None:
    course.room.mkdir(parents=True)
    course.module.write_text("mine = True\n")
    assert course.generate().kept == [course.module]
    assert course.module.read_text() == "mine = True\n"


def test_adopting_replaces_homework_and_keeps_every_copy(course: Course) -> None:
    course.generate()
    for text in ("first = 1\n", "second = 2\n"):
        course.module.write_text(text)
        course.generate(adopt=True)
    assert 'raise Todo("1.1")' in course.module.read_text()
    assert (course.room / "doubling.py.kept-1").read_text() == "first = 1\n"
    assert (course.room / "doubling.py.kept-2").read_text() == "second = 2\n"
    assert course.check() == Findings()


def test_starter_that_became_right_by_hand_is_fresh(course: Course) -> None:
    course.generate()
    right = course.module.read_text()
    (course.room / ".generated.json").unlink()
    course.module.write_text(right)
    assert course.check().stale == [course.room / ".generated.json"]
    course.generate()
    assert course.check() == Findings()


def test_deleted_starter_comes_back(course: Course) -> None:
    course.generate()
    course.module.unlink()
    course.generate()
    assert course.module.exists()


def test_starter_whose_source_went_goes_too(course: Course) -> None:
    course.write('"""Extra."""\n', "extra.py")
    course.generate()
    (course.source / "extra.py").unlink()
    assert course.check().stale == [course.room / "extra.py"]
    course.generate()
    assert course.files() == {"doubling.py", ".generated.json"}
    assert set(Manifest.of(course.room).digests) == {"doubling.py"}


def test_changed_starter_whose_source_went_stays(course: Course) -> None:
    course.write('"""Extra."""\n', "extra.py")
    course.generate()
    (course.room / "extra.py").write_text("mine = True\n")
    (course.source / "extra.py").unlink()
    assert course.generate().kept == [course.room / "extra.py"]
    assert (course.room / "extra.py").read_text() == "mine = True\n"


def test_hand_written_files_of_a_room_are_none_of_its_business(course: Course) -> None:
    course.room.mkdir(parents=True)
    (course.room / "test_shown.py").write_text("def test_it() -> None: ...\n")
    course.generate()
    assert (course.room / "test_shown.py").exists()
    assert course.check() == Findings()


def test_malformed_region_leaves_the_whole_room_as_it_was(course: Course) -> None:
    course.generate()
    before = course.module.read_text()
    course.write(SOLUTION.replace("twice", "two times"))
    course.write("def f():\n    # <solution>\n    return 1\n", "broken.py")
    findings = course.generate()
    assert len(findings.errors) == 1
    assert findings.errors[0].startswith(f"solutions/{ROOM}/broken.py:2: ")
    assert course.module.read_text() == before


def test_line_ends_of_windows_are_no_difference(course: Course) -> None:
    course.generate()
    course.module.write_bytes(course.module.read_bytes().replace(b"\n", b"\r\n"))
    assert course.generate() == Findings()


def test_generated_starter_is_formatted_and_lint_clean(course: Course) -> None:
    course.generate()
    shutil.copy2(ROOT / "pyproject.toml", course.root)
    for check in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, "--no-cache", "rooms"]
        run = subprocess.run(command, cwd=course.root, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout


def sync(course: Course, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the verb in a copy of the course's own tree."""
    for part in ("__init__.py", "language.py", "launcher", "course", "cli"):
        source, copy = ROOT / "shared" / part, course.root / "shared" / part
        if copy.exists():
            continue
        copy.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy)
    return subprocess.run(
        [sys.executable, "-P", "-m", "shared.cli", "sync", *words],
        cwd=course.root,
        env=os.environ | {"PYTHONPATH": str(course.root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_verb_writes_and_then_finds_nothing_stale(course: Course) -> None:
    assert sync(course, "--check").returncode == 1
    written = sync(course)
    assert (written.returncode, written.stdout) == (0, f"written: rooms/{ROOM}/doubling.py\n")
    assert sync(course, "--check").returncode == 0


def test_verb_says_how_to_go_on_with_homework(course: Course) -> None:
    sync(course)
    course.module.write_text("mine = True\n")
    run = sync(course, "1")
    assert run.returncode == 1
    assert "./academy sync --adopt 1" in run.stderr
    adopted = sync(course, "--adopt", "1")
    assert adopted.returncode == 0
    assert f"rooms/{ROOM}/doubling.py.kept-1" in adopted.stdout


def test_verb_names_the_rooms_when_asked_for_another(course: Course) -> None:
    run = sync(course, "9")
    assert run.returncode == 1
    assert run.stderr == f"academy: no room 9; there are: {ROOM}\n"


def test_verb_says_when_the_edition_has_no_solutions(course: Course) -> None:
    shutil.rmtree(course.root / "solutions")
    run = sync(course)
    assert run.returncode == 1
    assert "no solutions/" in run.stderr


def test_verb_names_a_manifest_that_is_none(course: Course) -> None:
    sync(course)
    (course.room / ".generated.json").write_text("[]")
    run = sync(course)
    assert run.returncode == 1
    assert ".generated.json" in run.stderr
    assert "Traceback" not in run.stderr


def test_what_is_given_lies_in_a_folder_of_its_own_and_a_module_may_move_there(
    course: Course,
) -> None:
    """A module without a task moves to given/: it comes there, and leaves its old place."""
    course.generate()
    (course.source / "given").mkdir()
    (course.source / "doubling.py").rename(course.source / "given" / "doubling.py")
    found = course.generate()
    assert not found.kept
    assert not course.module.exists()
    assert 'raise Todo("1.1")' in (course.room / "given" / "doubling.py").read_text("utf-8")
    assert list(Manifest.of(course.room).digests) == ["given/doubling.py"]
    assert not course.check().stale


def test_homework_stays_where_it_is_when_its_module_moves(course: Course) -> None:
    """A starter that was changed by hand isn't taken away by a newer course."""
    course.generate()
    course.module.write_text("# mine\n", encoding="utf-8")
    (course.source / "given").mkdir()
    (course.source / "doubling.py").rename(course.source / "given" / "doubling.py")
    assert course.generate().kept == [course.module]
    assert course.module.read_text("utf-8") == "# mine\n"


def test_two_modules_of_one_name_in_two_folders_are_two(course: Course) -> None:
    """The manifest knows a module by its path, so that the one doesn't stand for the other."""
    (course.source / "given").mkdir()
    (course.source / "given" / "doubling.py").write_text('"""Given."""\n', encoding="utf-8")
    course.generate()
    assert set(Manifest.of(course.room).digests) == {"doubling.py", "given/doubling.py"}
    (course.room / "given" / "doubling.py").write_text("# mine\n", encoding="utf-8")
    course.write(SOLUTION.replace("twice", "two times"))
    found = course.generate()
    assert found.kept == [course.room / "given" / "doubling.py"]
    assert "two times" in course.module.read_text("utf-8")
