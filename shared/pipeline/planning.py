"""From wishes to a plan: where readings come from, whose rooms run, which ports are free."""

import csv
import hashlib
import json
import socket
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.contracts.settings import (
    ApiSettings,
    BusSettings,
    ClockSettings,
    IdentitySettings,
    ModelSettings,
    Settings,
    SourceSettings,
    StorageSettings,
    TelemetrySettings,
)
from shared.language import _

from .loader import ROOMS, Choice, choose, has_reference
from .workplace import PROJECT, Workplace

WEATHER: Final = PROJECT / "shared" / "data" / "nyc-weather-2013.csv"
WEATHER_FROM: Final = datetime(2013, 5, 6, tzinfo=UTC)
SAMPLE_ROWS: Final = 101
START_UP_S: Final = 2.0


class BadWish(Exception):  # noqa: N818 - a fact, named as one
    """An option that can't be met: the message says what was expected and what came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person asked for, as `./academy up` takes it."""

    speed: float = 7200.0
    devices: int = 3
    sensors: int = 3
    rate: float = 18.0
    yours: frozenset[int] = frozenset()
    stand_ins: frozenset[int] = frozenset()
    broker: str = "nats"
    data: Path | None = None
    seed: int = 1
    paced: bool = True
    faults: bool = True
    mystery: int | None = None
    """A room with an unnamed mistake; the others are references where the edition has them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run. `inner_port` is the embedded broker's own protocol."""

    settings: Settings
    choices: Mapping[int, Choice]
    inner_port: int


def make_plan(place: Workplace, wishes: Wishes) -> Plan:
    """Return the plan for `wishes`, going on where the same source stopped. Raises BadWish."""
    _check(wishes)
    choices = choose(wishes.yours, wishes.stand_ins, place.root / "checked.json")
    if wishes.mystery is not None:
        known = {n: room for n, room in ROOMS.items() if has_reference(room)}
        choices |= dict.fromkeys(known, Choice.REFERENCE) | {wishes.mystery: Choice.MYSTERY}
    recording = WEATHER if wishes.data is None else wishes.data.resolve()
    epoch = WEATHER_FROM if wishes.data is None else first_moment(recording)
    source = _source(wishes, recording, epoch)
    tls = choices[6] is not Choice.STAND_IN
    taken: set[int] = set()
    bus = BusSettings(
        flavour=wishes.broker,
        port=free_port(8883 if tls else 1883, taken),
        websocket_port=free_port(9001, taken),
    )
    api_port = free_port(8000, taken)
    scheme = "https" if tls else "http"
    settings = Settings(
        role="supervisor",
        state_dir=str(place.state),
        clock=ClockSettings(
            start=_resume(place, source.source_id, epoch),
            # Once the parts are up: else the first moments would come in one burst.
            wall_start=time.time() + START_UP_S,
            speed=wishes.speed,
        ),
        source=source,
        bus=bus,
        api=ApiSettings(port=api_port, url=f"{scheme}://127.0.0.1:{api_port}"),
        storage=_storage(place),
        model=ModelSettings(
            folder=str(place.models), recording=str(WEATHER), train_before=WEATHER_FROM
        ),
        identity=IdentitySettings(folder=str(place.identity)),
        telemetry=TelemetrySettings(folder=str(place.logs)),
    )
    return Plan(settings, choices, free_port(4222, taken))


def keep_plan(place: Workplace, plan: Plan) -> None:
    """Write the plan where every part reads it."""
    place.write_settings(plan.settings)
    chosen = {str(number): choice.value for number, choice in plan.choices.items()}
    place.write("plan", {"choices": chosen, "inner_port": plan.inner_port})


def keep_clock(place: Workplace, plan: Plan) -> None:
    """Remember how far the event clock came, for the next start of the same source."""
    clock = plan.settings.clock
    elapsed = max(0.0, time.time() - clock.wall_start)
    now = clock.start + timedelta(seconds=elapsed * clock.speed)
    place.write("clock", {"source_id": plan.settings.source.source_id, "now": now.isoformat()})


def free_port(wanted: int, taken: set[int]) -> int:
    """Return `wanted` if it is free on loopback, else the next free one; adds it to `taken`."""
    for port in range(wanted, wanted + 200):
        if port not in taken and _is_free(port):
            taken.add(port)
            return port
    raise BadWish(_("No free port from {wanted} on.").format(wanted=wanted))


def first_moment(recording: Path) -> datetime:
    """Return the median time of the first rows of a recording: where its event clock begins.

    A single wild clock among them doesn't matter. Raises BadWish for a file without any time.
    """
    found: list[float] = []
    try:
        with recording.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                moment = _moment(row.get("timestamp") or row.get("time") or "")
                if moment is not None:
                    found.append(moment)
                if len(found) >= SAMPLE_ROWS:
                    break
    except (OSError, csv.Error) as error:
        raise BadWish(
            _("Can't read {path}: {error}").format(path=recording, error=error)
        ) from error
    if not found:
        raise BadWish(
            _(
                "{path}: expected a CSV with the columns timestamp,sensor_id,type,value and at"
                " least one time like 2025-01-15T10:30:45Z; found none."
            ).format(path=recording)
        )
    return datetime.fromtimestamp(min(statistics.median(found), found[0]), UTC)


def _moment(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _check(wishes: Wishes) -> None:
    wrong = [
        (wishes.speed > 0, "--speed", _("more than 0"), wishes.speed),
        (wishes.devices >= 0, "--devices", _("0 or more"), wishes.devices),
        (wishes.sensors >= 1, "--sensors", _("1 or more"), wishes.sensors),
        (wishes.rate > 0, "--rate", _("more than 0"), wishes.rate),
        (wishes.broker in {"nats", "mosquitto"}, "--broker", "nats, mosquitto", wishes.broker),
        (wishes.yours <= set(ROOMS), "--yours", "1–7", sorted(wishes.yours)),
        (wishes.stand_ins <= set(ROOMS), "--stand-in", "1–7", sorted(wishes.stand_ins)),
        (not wishes.yours & wishes.stand_ins, "--yours", _("other rooms than --stand-in"), "both"),
    ]
    for fine, option, expected, got in wrong:
        if not fine:
            raise BadWish(
                _("{option}: expected {expected}, got {got}. See ./academy up --help").format(
                    option=option, expected=expected, got=got
                )
            )


def _source(wishes: Wishes, recording: Path, epoch: datetime) -> SourceSettings:
    stat = recording.stat()
    facts = [wishes.devices, wishes.sensors, wishes.rate, wishes.seed, wishes.faults, wishes.speed]
    text = json.dumps([str(recording), stat.st_size, stat.st_mtime_ns, *facts])
    return SourceSettings(
        recording=str(recording),
        recording_from=epoch,
        devices=wishes.devices,
        sensors=wishes.sensors,
        rate=wishes.rate,
        faults=wishes.faults,
        seed=wishes.seed,
        paced=wishes.paced,
        source_id=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _resume(place: Workplace, source_id: str, epoch: datetime) -> datetime:
    before = place.read("clock")
    if before.get("source_id") != source_id:
        return epoch
    return max(epoch, datetime.fromisoformat(str(before["now"])))


def _storage(place: Workplace) -> StorageSettings:
    return replace(
        StorageSettings(),
        log_url=f"sqlite:///{place.state / 'log.db'}",
        series_url=f"sqlite:///{place.state / 'series.db'}",
        findings_url=f"sqlite:///{place.state / 'findings.db'}",
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT is free; on Windows this option means the opposite.
        if hasattr(socket, "SO_REUSEPORT"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
