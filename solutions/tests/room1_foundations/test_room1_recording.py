"""A recording played again, however it was made."""

import os
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from shared.contracts.benches.sensors import RowRefused
from shared.contracts.messages import Reading
from solutions.room1_foundations import replay
from solutions.room1_foundations.recording import Recording, RecordingRefused

WEATHER = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"
STATIONS = "station,time,temperature_fahrenheit,relative_humidity_percent,sea_level_pressure_hpa\n"
OWN = "timestamp,sensor_id,type,value\n"


def ignored(refused: RowRefused) -> None:
    """Take what another test is about."""


def play(
    path: Path, content: str | bytes, since: datetime | None = None
) -> tuple[list[Reading], list[RowRefused]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused: list[RowRefused] = []
    return list(replay(str(path), since, refused.append)), refused


def test_the_stations_year_comes_merged_by_time() -> None:
    refused: list[RowRefused] = []
    readings = list(replay(str(WEATHER), None, refused.append))
    assert refused == []
    counts = Counter(reading.sensor_type for reading in readings)
    assert counts == {"temperature": 26_114, "humidity": 26_114, "pressure": 26_115 - 2_729}
    times = [reading.timestamp for reading in readings]
    assert times == sorted(times)
    assert {reading.device_id for reading in readings} == {
        f"station-{n}" for n in ("EWR", "JFK", "LGA")
    }


def test_the_thermometers_real_error_is_in_it() -> None:
    since = datetime(2013, 5, 9, 2, tzinfo=UTC)
    readings = replay(str(WEATHER), since, lambda refused: pytest.fail(str(refused)))
    found = [r for r in islice(readings, 9) if r.sensor_id == "JFK-TEMP"]
    assert found[0].timestamp == since
    assert found[0].value == pytest.approx((13.1 - 32) / 1.8)


def test_na_is_no_reading_and_a_bad_field_spoils_only_itself(tmp_path: Path) -> None:
    rows = "A,2013-01-01T06:00:00Z,NA,55,1012\nA,2013-01-01T07:00:00Z,32,wet,1013\n"
    readings, refused = play(tmp_path / "x.csv", STATIONS + rows)
    assert [(r.sensor_id, r.value) for r in readings] == [
        ("A-HUM", 55.0),
        ("A-PRES", 1012.0),
        ("A-TEMP", 0.0),
        ("A-PRES", 1013.0),
    ]
    assert [(r.line, r.column, r.got) for r in refused] == [
        (3, "relative_humidity_percent", "'wet'")
    ]


def test_gaps_disorder_and_duplicates_survive(tmp_path: Path) -> None:
    times = ["03:00", "01:00", "01:00", "09:00"]
    rows = "".join(
        f"2013-01-01T{time}:00Z,T1,temperature,{n // 2}.5\n" for n, time in enumerate(times)
    )
    readings, refused = play(tmp_path / "cellar.csv", OWN + rows)
    assert refused == []
    assert [f"{r.timestamp:%H:%M}" for r in readings] == times
    assert readings[1].value != readings[2].value
    assert {r.device_id for r in readings} == {"cellar"}


def test_interleaved_and_stacked_stations_come_to_the_same(tmp_path: Path) -> None:
    a = [f"A,2013-01-01T{hour:02}:00:00Z,50,60,1012\n" for hour in range(5)]
    b = [f"B,2013-01-01T{hour:02}:30:00Z,51,61,1013\n" for hour in range(5)]
    stacked, _refused = play(tmp_path / "s.csv", STATIONS + "".join(a + b))
    mixed, _refused = play(
        tmp_path / "m.csv", STATIONS + "".join(x for pair in zip(a, b, strict=True) for x in pair)
    )
    assert stacked == mixed
    assert len(stacked) == 30


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("2013-01-01T00:00:00Z,T1,temperature,NaN", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,inf", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,-Infinity", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,10^400", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,1e400", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature," + "9" * 400, "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,1_000", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,٢١", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,", "value"),
        ("2013-01-01T00:00:00Z,T1,temperature,21,5", "row"),
        ("2013-01-01T00:00:00Z,T1,temperature", "row"),
        ("2013-13-01T00:00:00Z,T1,temperature,1", "timestamp"),
        ("2013-01-01T00:00:00,T1,temperature,1", "timestamp"),
        ("2013-01-01,T1,temperature,1", "timestamp"),
        ("1357000000,T1,temperature,1", "timestamp"),
        (",T1,temperature,1", "timestamp"),
        ("0001-01-01T00:00:00+14:00,T1,temperature,1", "timestamp"),
        ("2013-01-01T00:00:00Z,a/b,temperature,1", "sensor_id"),
        ("2013-01-01T00:00:00Z,,temperature,1", "sensor_id"),
        ("2013-01-01T00:00:00Z,T1,wind,1", "type"),
        ('2013-01-01T00:00:00Z,"T1,temperature,1', "row"),
        ('2013-01-01T00:00:00Z,T1,temperature,"1"x', "row"),
    ],
)
def test_a_malformed_row_is_told_and_the_good_ones_go_on(
    tmp_path: Path, row: str, column: str
) -> None:
    good = "2013-01-01T01:00:00Z,T1,temperature,20\n"
    readings, refused = play(tmp_path / "own.csv", f"{OWN}{good}{row}\n{good}")
    assert [r.value for r in readings] == [20.0, 20.0]
    assert [(r.line, r.column) for r in refused] == [(3, column)]
    assert refused[0].file.endswith("own.csv")
    assert refused[0].expected
    assert len(refused[0].got) < 100


def test_absurd_but_finite_values_and_clocks_go_on(tmp_path: Path) -> None:
    rows = "1970-01-01T00:00:00Z,T1,temperature,-1e300\n2106-02-07T06:28:16Z,H1,humidity,140\n"
    readings, refused = play(tmp_path / "own.csv", OWN + rows)
    assert refused == []
    assert [r.value for r in readings] == [-1e300, 140.0]
    assert [r.timestamp.year for r in readings] == [1970, 2106]


def test_units_become_canonical_and_unknown_ones_are_told(tmp_path: Path) -> None:
    rows = [
        "2013-01-01T00:00:00Z,T1,temperature,50,fahrenheit",
        "2013-01-01T00:00:00Z,T1,Temperature,273.15,Kelvin",
        "2013-01-01T00:00:00Z,P1,pressure,101325,pascal",
        "2013-01-01T00:00:00Z,P1,pressure,1013,",
        "2013-01-01T00:00:00Z,P1,pressure,30,inHg",
    ]
    readings, refused = play(
        tmp_path / "own.csv", "timestamp,sensor_id,type,value,unit\n" + "\n".join(rows)
    )
    assert [(r.value, r.unit) for r in readings] == [
        (10.0, "celsius"),
        (0.0, "celsius"),
        (1013.25, "hectopascal"),
        (1013.0, "hectopascal"),
    ]
    assert [(r.line, r.column) for r in refused] == [(6, "unit")]


def test_editors_and_systems_leave_their_marks_and_it_matters_nothing(tmp_path: Path) -> None:
    header = "\ufefftimestamp, sensor_id ,type,value,note\r\n\r\n"
    content = header + '2013-01-01T00:00:00Z, T1 ,temperature,7,"a, b"\r\n'
    readings, refused = play(tmp_path / "a b é.csv", content)
    assert (refused, [(r.device_id, r.sensor_id, r.value) for r in readings]) == (
        [],
        [("a-b-e", "T1", 7.0)],
    )


def test_broken_utf8_and_endless_lines_are_told(tmp_path: Path) -> None:
    good = b"2013-01-01T00:00:00Z,T1,temperature,7\n"
    content = OWN.encode() + good + b"\xff\xfe\x00\n" + b"x" * 10_000_000 + b"\n" + good
    readings, refused = play(tmp_path / "own.csv", content)
    assert len(readings) == 2
    assert [(r.line, r.column) for r in refused] == [(3, "row"), (4, "row")]
    assert "10000001" in refused[1].got


def test_an_endless_line_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(OWN.encode() + b"x" * 30_000_000)
    tracemalloc.start()
    try:
        assert list(replay(str(path), None, ignored)) == []
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def peak(path: Path) -> int:
    tracemalloc.start()
    try:
        for _reading in replay(str(path), None, ignored):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_rows_take_the_same_memory(tmp_path: Path) -> None:
    row = "2013-01-01T00:00:00Z,T{},temperature,{}.5\n"
    for name, count in (("short", 1_000), ("long", 10_000)):
        rows = (row.format(n % 5, n % 40) for n in range(count))
        (tmp_path / f"{name}.csv").write_text(OWN + "".join(rows))
    peak(tmp_path / "short.csv")  # what is imported and cached at first use
    assert peak(tmp_path / "long.csv") < 1.5 * peak(tmp_path / "short.csv")


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "empty"),
        (b"a,b,c\n1,2,3\n", "got a,b,c"),
        (b"timestamp;sensor_id;type;value\n", "got timestamp;sensor_id"),
        (b"timestamp,sensor_id,type,value,value\n", "got timestamp"),
        ("timestamp,sensor_id,type,value\n".encode("utf-16"), "UTF-8"),
        (b"x" * 1_000_000, "bytes"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_was_expected(
    tmp_path: Path, content: bytes, got: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with pytest.raises(RecordingRefused, match=got) as refused:
        Recording(str(path))
    assert str(path) in str(refused.value)


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path, Path(os.devnull)):
        with pytest.raises(RecordingRefused, match=str(path)):
            Recording(str(path))


def test_older_rows_are_left_out(tmp_path: Path) -> None:
    since = datetime(2013, 1, 1, 2, tzinfo=UTC)
    rows = [f"2013-01-01T0{hour}:00:00Z,T1,temperature,{hour}" for hour in (3, 1, 2)]
    readings, refused = play(tmp_path / "own.csv", OWN + "\n".join(rows), since)
    assert [r.value for r in readings] == [3.0, 2.0]
    assert refused == []


def test_rows_of_no_station_are_told_once_each(tmp_path: Path) -> None:
    good = "A,2013-01-01T00:00:00Z,50,60,1012\n"
    bad = "/,2013-01-01T00:00:00Z,50,60,1012\n"
    readings, refused = play(
        tmp_path / "x.csv", STATIONS + bad + good + bad + good.replace("A", "B")
    )
    assert len(readings) == 6
    assert sorted((r.line, r.column) for r in refused) == [(2, "station"), (4, "station")]


def test_a_birth_names_the_sensors_in_order_of_appearance(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    rows = [
        "H1,humidity,5",
        "T1,temperature,5",
        "bad id,humidity,5",
        "T1,humidity,5",
        "T1,temperature,6",
    ]
    path.write_text(OWN + "".join(f"2013-01-01T00:00:00Z,{row}\n" for row in rows))
    (birth,) = Recording(str(path)).births()
    assert [(card.sensor_id, card.sensor_type) for card in birth.sensors] == [
        ("H1", "humidity"),
        ("T1", "temperature"),
        ("T1", "humidity"),
    ]
    assert birth.device_id == "own"


def test_more_sensors_than_a_birth_can_carry_are_told(tmp_path: Path) -> None:
    rows = (f"2013-01-01T00:00:00Z,T{n},temperature,{n}\n" for n in range(1_005))
    readings, refused = play(tmp_path / "own.csv", OWN + "".join(rows))
    assert len(readings) == 1_000
    assert [r.line for r in refused] == [1_002, 1_003, 1_004, 1_005, 1_006]


def test_more_stations_than_files_can_be_open_are_told(tmp_path: Path) -> None:
    rows = (f"S{n},2013-01-01T00:00:00Z,50,60,1012\n" for n in range(103))
    readings, refused = play(tmp_path / "x.csv", STATIONS + "".join(rows))
    assert len(readings) == 300
    assert [r.line for r in refused] == [102, 103, 104]
