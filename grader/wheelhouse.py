"""The pinned packages as files, for classrooms without a network: each platform's own wheels."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from packaging.markers import Marker

from shared.language import _
from shared.launcher.installation import carried_pip
from shared.launcher.pins import Pin, Pins


class WheelsMissing(RuntimeError):  # noqa: N818 - a fact, named as one
    """A platform's wheels couldn't be had; says which, and pip's last words."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of machine: its tags as wheels name them, and what markers ask of it."""

    tags: tuple[str, ...]
    markers: Mapping[str, str]


def _linux(machine: str) -> Platform:
    tags = [f"manylinux_2_{minor}_{machine}" for minor in (28, 27, 24, 17, 12, 5)]
    tags += [f"manylinux2014_{machine}", f"linux_{machine}"]
    if machine == "x86_64":
        tags += ["manylinux2010_x86_64", "manylinux1_x86_64"]
    return Platform(tuple(tags), _asked("linux", "Linux", "posix", machine))


def _macos(machine: str, newest: int) -> Platform:
    kinds = (machine, "universal2")
    versions = [(major, 0) for major in range(newest, 10, -1)] + [(10, n) for n in range(16, 8, -1)]
    tags = [f"macosx_{major}_{minor}_{kind}" for major, minor in versions for kind in kinds]
    return Platform(tuple(tags), _asked("darwin", "Darwin", "posix", machine))


def _asked(sys_platform: str, system: str, name: str, machine: str) -> Mapping[str, str]:
    return {
        "sys_platform": sys_platform,
        "platform_system": system,
        "os_name": name,
        "platform_machine": machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


PLATFORMS: Final[Mapping[str, Platform]] = MappingProxyType(
    {
        "linux": _linux("x86_64"),
        "linux-arm": _linux("aarch64"),
        "macos": _macos("arm64", 15),
        "macos-intel": _macos("x86_64", 15),
        "windows": Platform(("win_amd64",), _asked("win32", "Windows", "nt", "AMD64")),
    }
)


def fetch(
    pins: Pins, platform: str, python: str, into: Path, say: Callable[[str], None]
) -> list[Path]:
    """Bring the wheels of `pins` for one platform and Python (3.12) into the folder `into`.

    Every hash is checked by pip. What is there already isn't fetched again. Raises WheelsMissing.
    """
    found = PLATFORMS[platform]
    wanted = [pin for pin in pins.entries if applies(pin, found, python)]
    text = _("{platform}, Python {python}: {count} packages …")
    say(text.format(platform=platform, python=python, count=len(wanted)))
    into.mkdir(parents=True, exist_ok=True)
    before = set(into.glob("*.whl"))
    with tempfile.TemporaryDirectory() as folder:
        # pip reads markers by the machine that it runs on, so they are settled here.
        asked = Path(folder) / "wanted.txt"
        asked.write_text("".join(_unmarked(pin) for pin in wanted), encoding="utf-8")
        run = subprocess.run(  # noqa: S603 - our own pip
            [*_pip(), *_choice(found, python), "--dest", str(into), "-r", str(asked)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode:
        last = "\n".join(f"  {line}" for line in run.stderr.strip().splitlines()[-4:])
        message = _("no wheels for {platform}, Python {python}:\n{last}")
        raise WheelsMissing(message.format(platform=platform, python=python, last=last))
    return sorted(set(into.glob("*.whl")) - before)


def applies(pin: Pin, platform: Platform, python: str) -> bool:
    """Return whether that platform and Python need the package, by its marker."""
    marker = _marker(pin)
    full = {"python_version": python, "python_full_version": f"{python}.0"}
    return not marker or Marker(marker).evaluate({**platform.markers, **full, "extra": ""})


def _marker(pin: Pin) -> str:
    head = pin.text.splitlines()[0].rstrip("\\").strip()
    return head.partition(";")[2].strip()


def _unmarked(pin: Pin) -> str:
    hashes = [line.strip().rstrip("\\").strip() for line in pin.text.splitlines()[1:]]
    return f"{pin.name}=={pin.version} {' '.join(hashes)}\n"


def _pip() -> list[str]:
    wheel = carried_pip()
    if wheel is None:
        raise WheelsMissing(_("this Python carries no pip: install its ensurepip package."))
    options = ("--disable-pip-version-check", "--no-input", "--quiet", "--retries", "2")
    return [sys.executable, "-I", str(wheel / "pip"), "download", *options]


def _choice(platform: Platform, python: str) -> list[str]:
    short = python.replace(".", "")
    # abi3 wheels name the oldest Python that they serve.
    tags = [word for tag in platform.tags for word in ("--platform", tag)]
    abis = [word for abi in (f"cp{short}", "abi3", "none") for word in ("--abi", abi)]
    strict = ["--only-binary", ":all:", "--require-hashes", "--no-deps"]
    return [*strict, *tags, *abis, "--python-version", python, "--implementation", "cp"]
