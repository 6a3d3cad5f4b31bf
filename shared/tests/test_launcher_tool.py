"""Running pip or uv: silence, complaints and signs of life."""

import sys
from pathlib import Path

import pytest

from shared.launcher import tool
from shared.launcher.tool import complaint_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that something is downloaded into."""
    growing = tmp_path / ".venv"
    growing.mkdir()
    return growing


def python(code: str) -> list[str]:
    """Return the command that runs `code`."""
    return [sys.executable, "-c", code]


def test_success_is_silent_whatever_was_said(folder: Path) -> None:
    assert complaint_of(python("print('all well')"), {}, folder) == ""


def test_failure_tells_its_last_lines_and_not_that_it_tried_again(folder: Path) -> None:
    code = "print('one\\ntwo\\n\\nRetrying in 3 s\\nthree\\nfour\\nfive'); raise SystemExit(2)"
    assert complaint_of(python(code), {}, folder) == "  two\n  three\n  four\n  five"


def test_silent_failure_tells_its_exit_code(folder: Path) -> None:
    assert complaint_of(python("raise SystemExit(7)"), {}, folder) == "  exit code 7"


def test_bytes_that_are_no_text_are_no_obstacle(folder: Path) -> None:
    code = "import os; os.write(2, b'caf\\xe9'); raise SystemExit(1)"
    assert "caf" in complaint_of(python(code), {}, folder)


def test_long_run_shows_signs_of_life(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "wheel").write_bytes(bytes(3_000_000))
    monkeypatch.setattr(tool, "_SIGN_OF_LIFE_S", 0.05)
    code = "import threading; threading.Event().wait(0.5)"
    assert complaint_of(python(code), {}, folder) == ""
    assert "3 MB here so far" in capsys.readouterr().err


def test_what_it_is_told_reaches_the_tool_and_python_home_does_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    code = "import os; assert os.environ['UV_CACHE_DIR'] == 'here'; assert os.getcwd() == {!r}"
    command = python(code.format(str(folder.parent)))
    assert complaint_of(command, {"UV_CACHE_DIR": "here"}, folder) == ""
