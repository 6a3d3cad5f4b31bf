"""Bringing the starters of one room up to date without ever overwriting somebody's work."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.course.manifest import Manifest, digest, replace_text
from shared.course.regions import RegionError
from shared.course.starters import starter_of


@dataclass
class Findings:
    """What a generation found, each as path and text; `errors` and `kept` make it red."""

    errors: list[str] = field(default_factory=list)  # regions that can't be taken out
    stale: list[Path] = field(default_factory=list)  # not what the source says now
    kept: list[Path] = field(default_factory=list)  # changed by hand: left alone
    remarks: list[str] = field(default_factory=list)
    backups: list[Path] = field(default_factory=list)


@dataclass
class Generation:
    """Generates `room` (a folder of starters) from `source` (the same folder of solutions).

    With `adopt` a starter that was changed by hand is replaced too, after a copy was made.
    """

    source: Path
    room: Path
    adopt: bool = False
    findings: Findings = field(default_factory=Findings)

    def check(self) -> Findings:
        """Return what `run` would do, and do nothing."""
        wanted, manifest = self._wanted(), Manifest.of(self.room)
        self._compare(wanted, manifest)
        unknown = {
            name for name, text in wanted.items() if digest(text) != manifest.digests.get(name)
        }
        if unknown - set(map(self._key, self.findings.stale + self.findings.kept)):
            self.findings.stale.append(manifest.path)  # or the next run would take it for homework
        return self.findings

    def run(self) -> Findings:
        """Write what is stale; write nothing at all if a region is malformed."""
        wanted = self._wanted()
        if self.findings.errors:
            return self.findings
        manifest = Manifest.of(self.room)
        self._compare(wanted, manifest)
        for path in self.findings.stale:
            self._replace(path, wanted.get(self._key(path)))
        done = set(map(self._key, self.findings.kept))
        manifest.digests = {n: d for n, d in manifest.digests.items() if n in done} | {
            name: digest(text) for name, text in wanted.items() if name not in done
        }
        if manifest.digests or manifest.path.exists():
            manifest.save()
        return self.findings

    def _wanted(self) -> dict[str, str]:
        """Return the text of every starter by its path; malformed regions go to the errors."""
        wanted = {}
        for path in sorted(self.source.rglob("*.py")):
            try:
                starter = starter_of(path.read_text(encoding="utf-8"))
            except RegionError as error:
                self.findings.errors.append(f"{_shown(path)}:{error.line}: {error}")
                continue
            wanted[path.relative_to(self.source).as_posix()] = starter.text
            self.findings.remarks += [f"{_shown(path)}:{n}: {text}" for n, text in starter.remarks]
        return wanted

    def _compare(self, wanted: dict[str, str], manifest: Manifest) -> None:
        for name in sorted(wanted.keys() | manifest.digests.keys()):
            path = self.room / name
            written = path.read_text(encoding="utf-8") if path.exists() else None
            if written == wanted.get(name):
                continue
            if (
                not self.adopt
                and written is not None
                and digest(written) != manifest.digests.get(name)
            ):
                self.findings.kept.append(path)
            else:
                self.findings.stale.append(path)

    def _key(self, path: Path) -> str:
        """Return how the manifest calls `path`: `given/pacing.py`, on every system."""
        return path.relative_to(self.room).as_posix()

    def _replace(self, path: Path, text: str | None) -> None:
        manifest = Manifest.of(self.room)
        if path.exists():
            written = path.read_text(encoding="utf-8")
            if digest(written) != manifest.digests.get(self._key(path)):
                self.findings.backups.append(_backup(path, written))
        if text is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, text)


def _backup(path: Path, text: str) -> Path:
    number = 1
    while (copy := path.with_name(f"{path.name}.kept-{number}")).exists():
        number += 1
    copy.write_text(text, encoding="utf-8")
    return copy


def _shown(path: Path) -> str:
    return "/".join(path.parts[-3:])
