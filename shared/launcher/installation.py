"""Installing the pinned packages: wheels only, every hash checked, uv first and pip if it can't."""

import importlib.metadata
import os
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.language import _
from shared.launcher.environment import Environment, LaunchError, say
from shared.launcher.pins import Pins
from shared.launcher.tool import complaint_of

NEWEST = (3, 15)  # the newest Python that every pinned package has wheels for
_NAMED = 6  # missing packages named one by one
_DOWNLOADS = ".downloads"
_STRICT = ("--require-hashes", "--only-binary", ":all:")


@dataclass(frozen=True)
class Installation:
    """Brings `pins` into `environment`: from `wheelhouse`, if there is one, or the network.

    With `again` what is installed already is installed once more.
    """

    environment: Environment
    pins: Pins
    wheelhouse: Path
    again: bool = False

    def run(self) -> None:
        """Install everything. Raise LaunchError that says what is missing and how to go on."""
        complaint = ""
        if self.wheelhouse.is_dir():
            say(_("installing from {folder}").format(folder=self.wheelhouse.name))
            # By its name, from the folder above: uv takes a comma in a path for the end of it.
            offline = ("--no-index", "--find-links", self.wheelhouse.name)
            complaint = self._try(offline)
            if not complaint:
                return
            say(_("{folder} isn't enough, trying the network").format(folder=self.wheelhouse.name))
        complaint = self._try(())
        if complaint:
            raise LaunchError(self._diagnosis(complaint))

    def _try(self, source: tuple[str, ...]) -> str:
        """Install from one source; return "" or the last lines of what went wrong."""
        complaint = self._bring_uv(source)
        if complaint:
            return complaint
        python = str(self.environment.python)
        uv = [python, "-I", "-m", "uv", "pip", "install", "--python", python]
        arguments = [*_STRICT, *source, "-r", f"{self.pins.path.parent.name}/{self.pins.path.name}"]
        uv += ["--reinstall"] if self.again else []
        complaint = self._run([*uv, *arguments])
        if "certificate" in complaint:
            # uv trusts its own list of authorities; a school's proxy is in the system's.
            complaint = self._run([*uv, "--system-certs", *arguments])
        if complaint:
            say(
                _("uv couldn't:\n{complaint}\n  Trying pip, which takes longer.").format(
                    complaint=complaint
                )
            )
            force = ["--force-reinstall"] if self.again else []
            complaint = self._run([*self._pip(), *force, *arguments])
        if not complaint:
            shutil.rmtree(self.environment.folder / _DOWNLOADS, ignore_errors=True)
        return complaint

    def _run(self, command: list[str]) -> str:
        # Downloads are kept inside, so that no HOME is needed or touched. They are removed after
        # success; after a failure the next try finds what had arrived.
        downloads = str(self.environment.folder / _DOWNLOADS)
        variables = {} if os.environ.get("UV_CACHE_DIR") else {"UV_CACHE_DIR": downloads}
        return complaint_of(command, variables, self.environment.folder)

    def _bring_uv(self, source: tuple[str, ...]) -> str:
        pin = self.pins.entry("uv")
        if self._installed().get("uv") == pin.version:
            return ""
        with tempfile.TemporaryDirectory() as folder:
            entry = Path(folder) / "uv.txt"
            entry.write_text(pin.text, encoding="utf-8")
            return self._run([*self._pip(), *_STRICT, *source, "--no-deps", "-r", str(entry)])

    def _pip(self) -> list[str]:
        """Return the start of a `pip install`, by the wheel of pip that Python carries if it can.

        Run from its wheel, pip needn't be installed first, which takes three seconds.
        """
        python = str(self.environment.python)
        wheel = carried_pip()
        if wheel is not None:
            pip = [python, "-I", str(wheel / "pip")]
        else:
            self._run([python, "-I", "-m", "ensurepip", "--default-pip"])
            pip = [python, "-I", "-m", "pip"]
        options = ["--disable-pip-version-check", "--no-cache-dir", "--no-input", "--quiet"]
        return [*pip, "install", *options, "--retries", "2"]

    def _installed(self) -> dict[str, str]:
        pattern = "Lib/site-packages" if os.name == "nt" else "lib/python3*/site-packages"
        places = [str(place) for place in self.environment.folder.glob(pattern)]
        found = importlib.metadata.distributions(path=places)
        return {dist.name.lower().replace("_", "-"): dist.version for dist in found}

    def _diagnosis(self, complaint: str) -> str:
        version = sys.version_info[:2]
        if version > NEWEST:
            text = _("\n  This is Python {0}.{1}; the pins are known to have wheels up to {2}.{3}.")
            complaint += text.format(*version, *NEWEST)
        present = self._installed()
        missing = [
            pin.name
            for pin in self.pins.entries
            if pin.everywhere and present.get(pin.name) != pin.version
        ]
        return _(
            "couldn't fetch what {file} asks for.\n"
            "{complaint}\n"
            "  Missing: {count} packages: {names}\n"
            "  With a network: run the same command again, it goes on where it stopped.\n"
            "  Without one: on a connected machine of the same kind and Python run\n"
            "    python -m pip download --only-binary :all: -r {file} -d wheelhouse\n"
            "  and copy the folder wheelhouse beside the file academy."
        ).format(
            file="requirements/" + self.pins.path.name,
            complaint=complaint,
            count=len(missing),
            names=", ".join(missing[:_NAMED]) + (", …" if missing[_NAMED:] else ""),
        )


def carried_pip() -> Path | None:
    """Return the newest wheel of pip that came with this Python, None if there is none."""
    try:
        import ensurepip
    except ImportError:
        return None
    places = [Path(ensurepip.__file__).parent / "_bundled"]
    if sysconfig.get_config_var("WHEEL_PKG_DIR"):  # where Debian and Fedora keep theirs
        places.append(Path(sysconfig.get_config_var("WHEEL_PKG_DIR")))
    wheels = [wheel for place in places for wheel in sorted(place.glob("pip-*.whl"))]
    return wheels[-1] if wheels else None
