"""A fleet, its pace, and the room's port."""

import os
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.contracts.facts import Fact
from shared.contracts.messages import Reading
from shared.contracts.ports import SensorParts, Sensors
from shared.contracts.settings import ClockSettings, Settings, SourceSettings
from shared.pipeline.loader import ROOMS, Choice, load
from solutions import room1_foundations
from solutions.room1_foundations import build, make_reading, merge, pace
from solutions.room1_foundations.pacing import as_made

if TYPE_CHECKING:
    from shared.contracts.benches.sensors import SensorsBench

START = datetime(2013, 5, 6, tzinfo=UTC)
WEATHER = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"


class HandClock:
    """An event clock that moves only when somebody waits."""

    def __init__(self, speed: float = 1.0) -> None:
        self.elapsed_s = 0.0
        self.speed = speed
        self.waits: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_s * self.speed)

    def wall(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=self.elapsed_s)

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds() / self.speed

    def tolerance(self, wall_s: float) -> float:
        return wall_s * self.speed


class HandStop(threading.Event):
    """A stop signal whose waiting moves the clock, a little longer than asked, as sleeping does."""

    def __init__(self, clock: HandClock, late_s: float = 0.0) -> None:
        super().__init__()
        self._clock = clock
        self._late_s = late_s

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert timeout > 0
        self._clock.waits.append(timeout)
        self._clock.elapsed_s += timeout + self._late_s
        return self.is_set()


class Notebook:
    """Telemetry that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, object]]] = []

    def event(self, level: str, name: str, **context: object) -> None:
        self.events.append((level, name, context))

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        del fact, value, labels

    def trace(self, traceparent: str | None = None) -> str:
        return traceparent or ""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        del name, traceparent, start_s, end_s


def sensors(notebook: Notebook | None = None, **source: Any) -> Sensors:  # noqa: ANN401 - any setting
    chosen = {"recording_from": START, "paced": False, **source}
    settings = Settings(source=SourceSettings(**chosen))
    return build(settings, SensorParts(HandClock(7200.0), notebook or Notebook()))


def take(source: Sensors, count: int, skip: dict[str, int] | None = None) -> list[Reading]:
    return list(islice(source.readings(skip or {}, threading.Event()), count))


def hourly(name: str, count: int) -> Iterator[Reading]:
    hour = timedelta(hours=1)
    return (make_reading("D", name, "temperature", n, START + n * hour) for n in range(count))


def test_the_room_is_what_its_bench_says() -> None:
    bench: SensorsBench = room1_foundations
    assert load(ROOMS[1], Choice.REFERENCE) is bench


def test_a_fleet_tells_where_its_sensors_hang_and_when_they_were_calibrated() -> None:
    births = sensors(devices=2, sensors=4).births()
    assert [birth.device_id for birth in births] == ["fleet-01", "fleet-02"]
    assert [card.sensor_id for card in births[0].sensors] == [
        "TEMP-001",
        "HUM-001",
        "PRES-001",
        "TEMP-002",
    ]
    for card in births[0].sensors:
        assert card.location == "roof-01"
        assert card.calibration_date is not None
        assert card.calibration_date <= START.date()
        assert card.resolution == 0.1
    assert births == sensors(devices=2, sensors=4).births()


def test_readings_come_at_the_rate_asked_for_in_event_time() -> None:
    # 9 sensors at 18/s of a wall second that is 7,200 s of event time: one an hour each.
    readings = take(sensors(faults=False), 9 * 24)
    assert readings[-1].timestamp - START < timedelta(hours=24)
    by_sensor = Counter((r.device_id, r.sensor_id) for r in readings)
    assert set(by_sensor.values()) == {24}
    times = sorted({r.timestamp for r in readings})
    gaps = {b - a for a, b in pairwise(times)}
    assert gaps == {timedelta(minutes=20)}  # three devices, evenly apart


def test_the_same_settings_make_the_same_fleet_and_another_seed_another() -> None:
    expected = take(sensors(), 3_000)
    assert take(sensors(), 3_000) == expected
    assert take(sensors(seed=2), 3_000) != expected


def test_a_device_doesnt_care_how_late_the_run_starts() -> None:
    source = SourceSettings(recording_from=START, paced=False)
    later = ClockSettings(start=START + timedelta(days=3), wall_start=5.0)
    parts = SensorParts(HandClock(), Notebook())
    assert take(build(Settings(clock=later, source=source), parts), 500) == take(sensors(), 500)


def test_after_a_restart_each_device_goes_on_where_it_stopped() -> None:
    everything = take(sensors(recording=str(WEATHER)), 12_000)
    first = everything[:7_001]
    left: dict[str, list[Reading]] = {}
    for reading in everything[7_001:]:
        left.setdefault(reading.device_id, []).append(reading)
    skip = Counter(reading.device_id for reading in first)
    again: dict[str, list[Reading]] = {}
    for reading in take(sensors(recording=str(WEATHER)), 4_900, dict(skip)):
        again.setdefault(reading.device_id, []).append(reading)
    assert set(again) == set(left)
    for device, readings in again.items():
        common = min(len(readings), len(left[device]))
        assert common > 500
        assert readings[:common] == left[device][:common]


def test_in_ten_days_the_demo_shows_each_kind_of_fault_and_stays_mostly_well() -> None:
    source = sensors()
    readings = take(source, 9 * 240)
    truth = source.truth()
    assert set(Counter(t.kind for t in truth)) == {"stuck", "spike", "dropout", "skew", "drift"}
    assert len(truth) < len(readings) / 50
    assert source.truth() == truth
    replayed = sensors()
    take(replayed, 1, dict(Counter(r.device_id for r in readings)))
    assert [t.start for t in replayed.truth()] == [t.start for t in truth]


def test_no_two_readings_of_a_sensor_share_a_timestamp() -> None:
    for rate in (18.0, 7_000.0):
        readings = take(sensors(rate=rate), 10_000)
        stamps = {(r.device_id, r.sensor_id, r.timestamp) for r in readings}
        assert len(stamps) == len(readings)


def test_without_faults_there_is_no_truth_to_tell() -> None:
    source = sensors(faults=False)
    take(source, 2_000)
    assert source.truth() == []


def test_simulated_humidity_never_passes_100_faults_included() -> None:
    readings = take(sensors(devices=10), 30 * 24 * 30)
    humid = [r.value for r in readings if r.sensor_type == "humidity"]
    assert len(humid) > 7_000
    assert min(humid) >= 0.0
    assert max(humid) <= 100.0


def test_thousands_of_sensors_are_merged_in_order_and_lazily() -> None:
    source = sensors(devices=1_000, sensors=3, rate=3_000.0, faults=False)
    readings = take(source, 6_000)
    times = [reading.timestamp for reading in readings]
    assert times == sorted(times)
    assert len({(r.device_id, r.sensor_id) for r in readings}) == 3_000


def test_merging_holds_one_reading_a_stream() -> None:
    drawn = Counter[str]()

    def counted(name: str) -> Iterator[Reading]:
        for reading in hourly(name, 100):
            drawn[name] += 1
            yield reading

    merged = merge(counted(name) for name in ("a", "b", "c"))
    assert [next(merged).sensor_id for _n in range(7)] == ["a", "b", "c"] * 2 + ["a"]
    assert max(drawn.values()) <= 4


def test_a_long_run_takes_no_more_memory_than_a_short_one() -> None:
    def grown(count: int) -> int:
        tracemalloc.start()
        try:
            stream = sensors(devices=2, rate=100.0, faults=False).readings({}, threading.Event())
            for _reading in islice(stream, 200):
                pass
            before = tracemalloc.get_traced_memory()[0]
            for _reading in islice(stream, count):
                pass
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()

    short = grown(1_000)
    assert grown(10_000) < 3 * short + 50_000


def test_the_schedule_doesnt_creep_however_late_each_wait_ends() -> None:
    clock = HandClock(speed=3600.0)
    stop = HandStop(clock, late_s=0.2)
    shown = []
    for reading in pace(hourly("T", 200), clock, stop):
        clock.elapsed_s += 0.1  # work between two readings
        shown.append((clock.now() - reading.timestamp).total_seconds() / clock.speed)
    assert len(shown) == 200
    assert max(shown) < 0.5
    assert shown[-1] == pytest.approx(shown[10])


def test_what_is_overdue_comes_at_once() -> None:
    clock = HandClock(speed=3600.0)
    clock.elapsed_s = 100.0
    stop = HandStop(clock)
    assert len(list(pace(hourly("T", 101), clock, stop))) == 101
    assert clock.waits == []


def test_a_stop_ends_a_long_wait_soon() -> None:
    clock = HandClock()
    stop = threading.Event()
    found: list[Reading] = []
    worker = threading.Thread(target=lambda: found.extend(pace(hourly("T", 3), clock, stop)))
    worker.start()
    stop.set()
    worker.join(5.0)
    assert not worker.is_alive()
    assert len(found) <= 1


@pytest.mark.parametrize("paced", [True, False])
def test_the_stream_ends_when_it_is_stopped(paced: bool) -> None:  # noqa: FBT001 - a case
    stop = threading.Event()
    stream = sensors(paced=paced).readings({}, stop)
    next(stream)
    stop.set()
    assert list(stream) == []


def test_a_skewed_clock_holds_nobody_up() -> None:
    clock = HandClock(speed=7200.0)
    settings = Settings(source=SourceSettings(recording_from=START))
    stream = build(settings, SensorParts(clock, Notebook())).readings({}, HandStop(clock))
    for reading in islice(stream, 3_000):
        assert abs((reading.timestamp - clock.now()).total_seconds()) < 7200.0
    assert clock.now() - START > timedelta(days=13)


def wild(*days: float) -> list[float]:
    """Return how many days after START rows with these stamps are taken to be made."""
    latest = START + timedelta(days=5_000)
    stamps = (START + timedelta(days=day) for day in days)
    rows = [make_reading("D", "T", "temperature", 1, stamp) for stamp in stamps]
    return [(made - START).total_seconds() / 86_400 for made, _row in as_made(rows, latest)]


def test_a_wild_clock_in_a_recording_is_known_by_its_neighbours() -> None:
    assert wild(0, 0.1, 33_000, 0.2, 0.3) == [0, 0.1, 0.1, 0.2, 0.3]
    assert wild(0, 0.1, 700, 700.1, 0.4, 0.5, 0.6, 0.7) == [0, 0.1, 0.1, 0.1, 0.4, 0.5, 0.6, 0.7]
    assert wild(0, 0.1, 33_000) == [0, 0.1, 0.1]
    assert wild(33_000, 0, 0.1)[0] < 0


def test_a_gap_and_ordinary_disorder_are_believed() -> None:
    for days in ((0, 0.1, 40, 40.1, 40.2), (0, 0.2, 0.1, 0.3), (0, 0.1, 40), (0, -4_000, 0.1)):
        assert wild(*days) == list(days)


def test_ones_own_data_flows_beside_the_fleet_and_bad_rows_are_told(tmp_path: Path) -> None:
    path = tmp_path / "fleet-01.csv"
    row = "2013-05-06T0{}:00:00Z,CELLAR,temperature,{}\n"
    rows = row.format(1, 9.5) + row.format(2, "warm") + row.format(3, 9.7)
    path.write_text("timestamp,sensor_id,type,value\n" + rows)
    notebook = Notebook()
    source = sensors(notebook, recording=str(path), devices=1)
    assert [birth.device_id for birth in source.births()] == ["fleet-01-file", "fleet-01"]
    readings = take(source, 60)
    own = [r.value for r in readings if r.device_id == "fleet-01-file"]
    assert own == [9.5, 9.7]
    ((level, name, context),) = notebook.events
    assert (level, name) == ("warning", "row_refused")
    assert (context["line"], context["column"], context["got"]) == (3, "value", "'warm'")
    assert context["file"] == str(path)
    take(source, 60, {"fleet-01-file": 2})
    assert len(notebook.events) == 1  # not again after a restart


def test_of_ones_own_rows_none_is_left_out_for_its_age_or_its_wild_clock(tmp_path: Path) -> None:
    times = ["2013-05-06T02:00:00Z", "2106-02-07T00:00:00Z", "1970-01-01T00:00:00Z"]
    times += ["2013-05-06T01:00:00Z", "2013-05-06T03:00:00Z"]
    path = tmp_path / "cellar.csv"
    rows = "".join(f"{time},T1,temperature,{n}\n" for n, time in enumerate(times))
    path.write_text("timestamp,sensor_id,type,value\n" + rows)
    clock = HandClock(7200.0)
    settings = Settings(source=SourceSettings(recording=str(path), recording_from=START, devices=0))
    source = build(settings, SensorParts(clock, Notebook()))
    assert [r.value for r in source.readings({}, HandStop(clock))] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert clock.now() == START + timedelta(hours=3)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"rate": 0.0}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"devices": -1}, "devices"),
        ({"devices": 1, "sensors": 1, "rate": 1e9}, "millisecond"),
        ({"recording": "/no/such.csv"}, "/no/such.csv"),
    ],
)
def test_a_source_that_cant_be_is_refused_at_once(changed: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        sensors(**changed)


def test_a_source_of_nothing_ends_at_once() -> None:
    empty = sensors(devices=0)
    assert empty.births() == ()
    assert take(empty, 1) == []


def test_the_fleet_goes_on_from_the_clocks_start_when_no_epoch_is_given() -> None:
    clock = ClockSettings(start=START + timedelta(days=9))
    source = replace(SourceSettings(paced=False), recording_from=None)
    parts = SensorParts(HandClock(), Notebook())
    first = take(build(Settings(clock=clock, source=source), parts), 1)[0]
    assert first.timestamp == clock.start


def test_every_process_makes_the_same_fleet() -> None:
    code = (
        "from datetime import UTC, datetime, timedelta\n"
        "from shared.contracts.benches.sensors import Site\n"
        "from solutions.room1_foundations import HumiditySensor\n"
        "start = datetime(2013, 5, 6, tzinfo=UTC)\n"
        "sensor = HumiditySensor('D', 'H', Site(), 3, lambda: start)\n"
        "print([sensor.value_at(start + timedelta(hours=n)) for n in range(50)])"
    )
    root = Path(__file__).parents[3]
    # hash() of a text differs between these three; the stream mustn't.
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for salt in ("1", "2", "random")
    }
    assert len(outputs) == 1
