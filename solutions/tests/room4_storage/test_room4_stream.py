"""Windows that the data closes, late readings that are counted, a read model made again."""

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median, pstdev
from threading import Event as Signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.benches.storage import Aggregate, MarkState
from shared.contracts.messages import Event, Window
from shared.contracts.ports import SeriesQuery, Storage, StorageParts
from shared.contracts.settings import Settings, StorageSettings
from shared.pipeline.workplace import PROJECT
from solutions.room4_storage import add, build, mark, merged
from solutions.room4_storage.__main__ import hash_of
from solutions.tests.room4_storage.conftest import START, Counted, NoClock, event

HOUR = 3_600


def process(store: Storage, events: list[Event], cut: int = 100) -> None:
    """Append everything, then take the log in stretches of `cut`."""
    for begin in range(0, len(events), 500):
        store.log.append(events[begin : begin + 500])
    while store.stream.step(cut):
        pass


def windows(store: Storage, width_s: int, device: str = "d1") -> list[Window]:
    query = SeriesQuery(
        device_id=device,
        sensor_id="s1",
        sensor_type="temperature",
        start=START - timedelta(days=400),
        end=START + timedelta(days=400),
    )
    return list(store.series.windows(query, width_s)[0])


def weather(count: int, seed: int, device: str = "d1") -> list[Event]:
    chance = random.Random(seed)
    return [event(7 * n, 20 + chance.gauss(0, 1), device) for n in range(count)]


def fresh(tmp_path: Path, name: str, settings: Settings) -> Storage:
    storage = replace(
        settings.storage,
        log_url=f"sqlite:///{tmp_path / name}-log.db",
        series_url=f"sqlite:///{tmp_path / name}-series.db",
    )
    return build(replace(settings, storage=storage), StorageParts(NoClock(), Counted()))


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.integers(0, 60))
def test_aggregates_agree_with_the_naive_ones_however_they_are_joined(
    values: list[float], cut: int
) -> None:
    parts = [Aggregate(), Aggregate()]
    for place, value in enumerate(values):
        add(parts[place >= cut], value)
    total = merged(parts)
    assert total.count == len(values)
    assert total.mean == pytest.approx(fmean(values), abs=1e-9)
    assert (total.squares / total.count) ** 0.5 == pytest.approx(pstdev(values), abs=1e-7)
    assert (total.minimum, total.maximum) == (min(values), max(values))


def test_a_small_deviation_around_a_large_mean_keeps_its_digits() -> None:
    aggregate = Aggregate()
    for value in (1e9, 1e9 + 1, 1e9 + 2):
        add(aggregate, value)
    assert aggregate.squares == pytest.approx(2.0)


def test_windows_hold_what_a_naive_reckoning_finds(store: Storage) -> None:
    events = weather(120, 1)
    process(store, events)
    found = windows(store, HOUR)
    assert len(found) >= 10
    for window in found:
        end = window.start + timedelta(seconds=HOUR)
        values = [e.value for e in events if window.start <= e.timestamp < end]
        assert window.count == len(values)
        assert window.mean == pytest.approx(fmean(values), abs=1e-9)
        assert window.median == pytest.approx(median(values), abs=1e-12)
        assert window.deviation == pytest.approx(pstdev(values), abs=1e-9)
        assert (window.minimum, window.maximum) == (min(values), max(values))


def test_windows_slide_and_start_at_multiples_since_1970(store: Storage) -> None:
    process(store, weather(200, 2))
    sliding = windows(store, 21_600)
    assert {(b.start - a.start).total_seconds() for a, b in pairwise(sliding)} == {3600.0}
    assert all(w.start.timestamp() % 3600 == 0 for w in sliding)


def test_the_edge_belongs_to_the_next_window(store: Storage) -> None:
    process(store, [event(0), event(59.99), event(60), event(600)])
    first = windows(store, HOUR)[0]
    assert (first.start, first.count) == (START, 2)


def test_the_watermark_closes_windows_and_the_clock_does_not(store: Storage) -> None:
    process(store, [event(0), event(30)])
    assert windows(store, HOUR) == []
    process(store, [event(179)])  # the watermark stands two hours behind
    assert windows(store, HOUR) == []
    process(store, [event(181)])
    assert [w.count for w in windows(store, HOUR)] == [2]


@pytest.mark.parametrize("seed", range(3))
def test_where_the_log_is_cut_changes_no_bit(tmp_path: Path, settings: Settings, seed: int) -> None:
    chance = random.Random(seed)
    events = weather(300, seed) + weather(300, seed + 50, "d2") + weather(250, seed + 90, "d3")
    events.sort(key=lambda e: (e.timestamp + timedelta(minutes=chance.uniform(0, 300))).timestamp())
    hashes = set()
    for name, cut in (("one", 1), ("seven", 7), ("all", 10_000)):
        store = fresh(tmp_path, f"{name}{seed}", settings)
        process(store, events, cut)
        hashes.add(hash_of(f"sqlite:///{tmp_path / name}{seed}-series.db"))
    assert len(hashes) == 1


def test_another_order_within_the_lateness_gives_the_same_windows(
    tmp_path: Path, settings: Settings
) -> None:
    events = weather(300, 5)
    chance = random.Random(5)
    shuffled = sorted(events, key=lambda e: e.timestamp.timestamp() + chance.uniform(0, 6_000))
    stores = [fresh(tmp_path, name, settings) for name in ("straight", "mixed")]
    for store, order in zip(stores, (events, shuffled), strict=True):
        process(store, order)
    straight, mixed = (windows(store, HOUR) for store in stores)
    assert [w.start for w in straight] == [w.start for w in mixed]
    for one, other in zip(straight, mixed, strict=True):
        assert (one.count, one.median, one.revision) == (other.count, other.median, 0)
        assert one.mean == pytest.approx(other.mean, abs=1e-9)
        assert one.deviation == pytest.approx(other.deviation, abs=1e-9)


def test_late_within_the_grace_corrects_and_after_it_is_kept_aside(
    store: Storage, telemetry: Counted
) -> None:
    process(store, [event(0, 10.0), event(300, 12.0)])
    assert windows(store, HOUR)[0].count == 1
    process(store, [event(10, 14.0)])
    corrected = windows(store, HOUR)[0]
    assert (corrected.count, corrected.mean, corrected.revision) == (2, 12.0, 1)
    process(store, [event(60 * 20, 13.0), event(20, 11.0)])
    assert windows(store, HOUR)[0] == corrected
    assert telemetry.sums["events_late", "corrected"] == 1
    assert telemetry.sums["events_late", "aside"] == 1


def test_a_clock_that_runs_ahead_closes_nobodys_windows(store: Storage) -> None:
    events = [event(n * 10, device=f"d{d}") for n in range(12) for d in (1, 2, 3)]
    wild = [event(60 * 24 * 300, device="d4")]
    process(store, [*events[:18], *wild, *events[18:]])
    late = [p for d in (1, 2, 3) for p in _marks(store, f"d{d}") if "late" in p]
    assert late == []


def test_an_idle_device_holds_up_nobody(store: Storage) -> None:
    busy = [event(n * 30, device=d) for n in range(60) for d in ("d1", "d2")]
    process(store, [event(0, device="d3"), *busy])
    assert len(windows(store, HOUR)) > 10


def _marks(store: Storage, device: str) -> list[tuple[str, ...]]:
    query = SeriesQuery(
        device_id=device,
        sensor_id="s1",
        sensor_type="temperature",
        start=START - timedelta(days=1),
        end=START + timedelta(days=900),
    )
    return [point.marks for point in store.series.points(query).points]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ([20, 20.5, 90, 20.7, 20.6], ["", "", "impossible", "", ""]),
        ([20, 20.5, 45, 20.7, 20.6], ["", "", "jump", "", ""]),
        ([20, 40, 40.5, 40.6, 40.7], ["", "jump", "jump", "", ""]),
        ([-95, 20, 61], ["impossible", "", "impossible"]),
    ],
)
def test_what_cannot_be_is_marked_and_a_true_new_level_is_believed(
    story: list[float], expected: list[str]
) -> None:
    state = MarkState()
    found = [mark(state, "temperature", n * 600_000, value) for n, value in enumerate(story)]
    assert [",".join(marks) for marks in found] == expected


def test_the_same_moment_told_twice_is_marked_and_kept(store: Storage) -> None:
    process(store, [event(0, 20.0), event(0, 20.5), event(10, 20.1)])
    assert _marks(store, "d1") == [(), ("duplicate",), ()]


def test_clocks_of_1970_and_2106_are_kept_and_disturb_nobody(store: Storage) -> None:
    events = [event(n * 10, device=f"d{d}") for n in range(40) for d in (1, 2, 3)]
    old = replace(event(-60 * 24 * 365 * 55, device="d1"), message_id="old")
    new = replace(event(60 * 24 * 365 * 81, device="d2"), message_id="new")
    process(store, [*events[:30], old, new, *events[30:]])
    assert len(store.log.read(0, 1_000)) == len(events) + 2
    assert len(windows(store, HOUR, "d3")) >= 3


def test_rebuilt_from_the_same_log_it_is_equal_to_the_last_bit(
    store: Storage, settings: Settings
) -> None:
    events = weather(400, 8) + weather(350, 9, "d2")
    random.Random(8).shuffle(events)
    process(store, events, 33)
    before = hash_of(settings.storage.series_url)
    assert store.stream.rebuild() == len(events)
    assert hash_of(settings.storage.series_url) == before
    assert store.stream.lag() == 0


def test_killed_in_the_middle_it_counts_everything_once(tmp_path: Path, settings: Settings) -> None:
    store = build(settings, StorageParts(NoClock(), Counted()))
    events = weather(4_000, 10)
    for begin in range(0, len(events), 500):
        store.log.append(events[begin : begin + 500])
    program = (
        "import sys; from solutions.tests.room4_storage.test_room4_stream import work;"
        " work(sys.argv[1])"
    )
    for _round in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        Signal().wait(random.Random(_round).uniform(0.01, 0.15))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    while store.stream.step(50):
        pass
    before = hash_of(settings.storage.series_url)
    assert len(_all_points(store)) == 4_000
    store.stream.rebuild()
    assert hash_of(settings.storage.series_url) == before


def work(folder: str) -> None:
    """Step through the log in small stretches until killed."""
    storage = StorageSettings(
        log_url=f"sqlite:///{folder}/log.db", series_url=f"sqlite:///{folder}/series.db"
    )
    stream = build(Settings(storage=storage), StorageParts(NoClock(), Counted())).stream
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while stream.step(20):
        pass
    Signal().wait(5)


def _all_points(store: Storage) -> list[object]:
    query = SeriesQuery(
        device_id="d1",
        sensor_id="s1",
        sensor_type="temperature",
        start=START,
        end=START + timedelta(days=400),
        limit=10_000,
    )
    return list(store.series.points(query).points)
