"""A fresh clone with packages of its own: the launcher's world without a network."""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Stands where the verbs would be: tells what the launcher made of the process.
_VERB = """
import json, os, sys
import tiny
print(json.dumps({"words": sys.argv[1:], "cwd": os.getcwd(), "prefix": sys.prefix,
                  "tiny": tiny.VERSION, "path": sys.path}))
"""


@dataclass
class Launch:
    """How a launch ended: exit code, the verb's output, the launcher's lines."""

    code: int
    output: str
    spoken: str


@dataclass
class Clone:
    """The launcher in `root`, asking for the packages `tiny` and `uv`, whose wheels are apart."""

    root: Path
    wheels: dict[str, Path]
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def new(cls, root: Path, wheels: dict[str, Path]) -> "Clone":
        """Make a clone in the folder `root`, which must not exist yet."""
        shared = root / "shared"
        shutil.copytree(ROOT / "shared" / "launcher", shared / "launcher", ignore=_no_bytecode)
        for file in ("academy", "shared/__init__.py", "shared/language.py"):
            shutil.copy2(ROOT / file, root / file)
        (shared / "cli").mkdir()
        (shared / "cli" / "__init__.py").touch()
        (shared / "cli" / "__main__.py").write_text(_VERB)
        clone = cls(root, wheels)
        clone.pin("tiny-1.0", "uv")
        return clone

    def pin(self, *names: str) -> None:
        """Let the requirements ask for the wheels of these names."""
        text = ""
        for name in names:
            wheel = self.wheels[name]
            package, version = wheel.name.split("-")[:2]
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            text += f"{package}=={version} \\\n    --hash=sha256:{digest}\n"
        (self.root / "requirements").mkdir(exist_ok=True)
        for file in ("student.txt", "all.txt"):
            (self.root / "requirements" / file).write_text(text)

    def stock(self) -> None:
        """Put every wheel beside the launcher."""
        folder = self.root / "wheelhouse"
        folder.mkdir(exist_ok=True)
        for wheel in self.wheels.values():
            shutil.copy2(wheel, folder / wheel.name)

    def start(self, *words: str, python: str = sys.executable) -> subprocess.Popen[str]:
        """Start the launcher with `words`, in a session of its own, from another folder."""
        return subprocess.Popen(
            [python, str(self.root / "academy"), *words],
            cwd=self.root.parent,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def launch(self, *words: str, python: str = sys.executable) -> Launch:
        """Run the launcher to its end."""
        with self.start(*words, python=python) as process:
            output, spoken = process.communicate(timeout=120)
        return Launch(process.returncode, output, spoken)


def wheels_in(folder: Path) -> dict[str, Path]:
    """Make the wheels that clones ask for, and return them by name.

    `uv` is the real one, packed again from where it is installed; `uv-broken` never works.
    """
    made = {
        f"tiny-{version}": _wheel(folder, "tiny", version, {"tiny/__init__.py": code.encode()})
        for version in ("1.0", "2.0")
        for code in [f"VERSION = {version!r}\n"]
    }
    broken = {"uv/__init__.py": b"", "uv/__main__.py": b"raise SystemExit('this uv is broken')\n"}
    made["uv-broken"] = _wheel(folder, "uv", "0.0.1", broken)
    uv = importlib.metadata.distribution("uv")
    files = {}
    for file in uv.files or []:
        path = Path(str(file.locate()))
        if "bin" in path.parts[-2:-1] or path.parent.name == "Scripts":
            files[f"uv-{uv.version}.data/scripts/{path.name}"] = path.read_bytes()
        elif path.suffix == ".py":
            files[file.as_posix()] = path.read_bytes()
    made["uv"] = _wheel(folder, "uv", uv.version, files)
    return made


def _wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = files | {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": tags.encode()}
    listed = [*content, f"{info}/RECORD"]
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in listed).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in content.items():
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o100755 << 16  # a regular file that may be run
            wheel.writestr(entry, data)
    return path


def _no_bytecode(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def lonely_environment(home: Path) -> dict[str, str]:
    """Return an environment with an empty home and no network, whatever this machine has set."""
    nobody = "http://127.0.0.1:9/simple"  # the discard port: nothing listens there
    python = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join([python, "/usr/bin", "/bin"]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": nobody,
        "UV_DEFAULT_INDEX": nobody,
        "UV_HTTP_RETRIES": "0",
    }
