"""Room 1, the checks that a student doesn't see: what each task means, on the run's own inputs."""

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

from grader.evidence import (
    NotYet,
    expect,
    expect_between,
    expect_close,
    expect_refused,
    expect_that,
    number,
    task,
)
from grader.line import Served
from grader.sandbox import Sandbox
from shared.contracts.benches.sensors import Site
from shared.contracts.messages import Reading, SensorCard, Truth
from shared.contracts.settings import ClockSettings, Settings, SourceSettings

MAY = datetime(2013, 5, 6, tzinfo=UTC)
CARD = SensorCard("S-1", "temperature", "celsius", resolution=0.1)
STATIONS = b"station,time,temperature_fahrenheit,relative_humidity_percent,sea_level_pressure_hpa\n"


def reading(value: float, moment: datetime, sensor: str = "S-1") -> Reading:
    return Reading("box-1", sensor, "temperature", value, "celsius", moment)


# --- 1.1


@task("1.1")
def test_naive_time_is_refused(room: Any) -> None:
    """A time without a zone names no moment and is refused."""
    naive = MAY.replace(tzinfo=None)
    expect_refused(
        lambda: room.make_reading("box-1", "S-1", "temperature", 1.0, naive),
        "Called make_reading with a naive time.",
        naming="timestamp",
    )


@task("1.1")
def test_another_zone_becomes_utc(room: Any, rng: random.Random) -> None:
    """A time in another zone becomes UTC, cut (not rounded) to milliseconds."""
    offset = timezone(timedelta(minutes=15 * rng.randrange(-48, 56)))
    micros = rng.randrange(1000) * 1000 + rng.randrange(500, 1000)
    moment = (MAY + timedelta(seconds=rng.randrange(10**7), microseconds=micros)).astimezone(offset)
    found = room.make_reading("box-1", "S-1", "temperature", 1.0, moment).timestamp
    utc = moment.astimezone(UTC)
    wanted = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    did = f"Called make_reading with the time {moment.isoformat()}."
    expect(found.isoformat(), wanted.isoformat(), did)


@task("1.1")
def test_what_is_no_finite_number_is_refused(room: Any) -> None:
    """A value that is no finite number is refused by its field's name."""
    for value in (math.nan, math.inf, -math.inf, "21.5", None, 10**400, False, [1.0]):
        text = "10**400" if value == 10**400 else repr(value)
        expect_refused(
            lambda value=value: room.make_reading("box-1", "S-1", "humidity", value, MAY),  # type: ignore[misc]
            f"Called make_reading with the value {text}.",
            naming="value",
        )


@task("1.1")
def test_identifiers_are_refused_by_name(room: Any, rng: random.Random) -> None:
    """Identifiers match [A-Za-z0-9_-]{1,64}; others are refused by their field's name."""
    letter = rng.choice("/+#. é\n٣")
    for bad in ("", "x" * 65, f"S{letter}1", "S-1\n"):
        for field, names in (("device_id", (bad, "S-1")), ("sensor_id", ("box-1", bad))):
            expect_refused(
                lambda names=names: room.make_reading(*names, "pressure", 1.0, MAY),  # type: ignore[misc]
                f"Called make_reading with the {field} {bad!r}.",
                naming=field,
            )
    longest = "x" * 64
    found = room.make_reading(longest, longest, "pressure", 1.0, MAY).sensor_id
    expect(found, longest, "Called make_reading with identifiers of 64 characters.")


@task("1.1")
def test_an_unknown_type_is_refused(room: Any) -> None:
    """A type that the course doesn't know is refused by its field's name."""
    expect_refused(
        lambda: room.make_reading("box-1", "S-1", "wind", 1.0, MAY),
        'Called make_reading with the type "wind".',
        naming="sensor_type",
    )


@task("1.1")
def test_json_and_back_to_the_last_bit(room: Any, rng: random.Random) -> None:
    """from_json gives back what to_json wrote, equal to the last bit."""
    for value in [rng.uniform(-90, 60) for _ in range(20)] + [5e-324, -0.0, 1e22, 0.1 + 0.2]:
        moment = MAY + timedelta(milliseconds=rng.randrange(10**10))
        made = room.make_reading("box-1", "S-1", "temperature", value, moment)
        text = room.to_json(made)
        expect(sorted(json.loads(text)), ["sensor_id", "timestamp", "value"], "Read its keys.")
        back = room.from_json(text, "box-1", "temperature")
        expect(repr(back.value), repr(value), f"Read back the JSON of the value {value!r}.")
        expect(back.timestamp, moment, f"Read back the JSON of the time {moment.isoformat()}.")


@task("1.1")
def test_whole_seconds_have_milliseconds_too(room: Any) -> None:
    """The time in JSON always has three decimals and a Z."""
    text = room.to_json(room.make_reading("box-1", "S-1", "temperature", 1.0, MAY))
    expect(json.loads(text)["timestamp"], "2013-05-06T00:00:00.000Z", "Wrote a whole second.")


@task("1.1")
def test_json_with_other_keys_is_refused(room: Any) -> None:
    """A missing key, an unknown one and one given twice are refused by name."""
    time = '"timestamp":"2013-05-06T00:00:00.000Z"'
    for text, key in (
        ('{"sensor_id":"S-1","value":1.0}', "timestamp"),
        (f'{{"sensor_id":"S-1","value":1.0,{time},"unit":"celsius"}}', "unit"),
        (f'{{"sensor_id":"S-1","value":1.0,"value":2.0,{time}}}', "value"),
        (f'{{"sensor_id":"S-1","value":NaN,{time}}}', "value"),
        ("[1, 2]", "JSON"),
        ("{", "JSON"),
    ):
        did = f"Called from_json with {text}."
        expect_refused(
            lambda text=text: room.from_json(text, "box-1", "temperature"),  # type: ignore[misc]
            did,
            naming=key,
        )


# --- 1.2


def equation_of_time(moment: datetime) -> float:
    """Minutes, after Spencer 1971 as in NOAA's general solar position calculations."""
    g = 2 * math.pi * (moment.timetuple().tm_yday - 1) / 365
    return 229.18 * (
        0.000075
        + 0.001868 * math.cos(g)
        - 0.032077 * math.sin(g)
        - 0.014615 * math.cos(2 * g)
        - 0.040849 * math.sin(2 * g)
    )


@task("1.2")
def test_the_solar_hour_anywhere(room: Any, rng: random.Random) -> None:
    """The solar hour is UTC, four minutes a degree, and the equation of time."""
    for _ in range(12):
        moment = MAY + timedelta(seconds=rng.randrange(365 * 86400))
        longitude = rng.uniform(-180, 180)
        hours = (moment - moment.replace(hour=0, minute=0, second=0)).total_seconds() / 3600
        wanted = (hours + longitude / 15 + equation_of_time(moment) / 60) % 24
        found = number(room.solar_hour(moment, longitude), "Called solar_hour.")
        off = abs(found - wanted) % 24
        did = f"Asked for {moment.isoformat()} at {longitude:.2f}° east."
        expect_between(min(off, 24 - off), 0.0, 0.02, f"{did} The distance to {wanted:.3f} h:")
        expect_that(0 <= found < 24, did, "an hour in [0, 24)", found)


@task("1.2")
def test_the_zone_of_the_time_changes_nothing(room: Any) -> None:
    """The same moment written in another zone is the same solar hour."""
    there = MAY.astimezone(timezone(timedelta(hours=9)))
    found = room.solar_hour(there, 20.0)
    expect_close(found, room.solar_hour(MAY, 20.0), f"Asked for {there.isoformat()}.", within=1e-9)


@task("1.2")
def test_noise_keeps_its_deviation_at_every_step(room: Any, rng: random.Random) -> None:
    """Noise keeps its standard deviation whatever the step."""
    for step_s in (60.0, 3600.0, 40000.0):
        moments = [MAY + timedelta(seconds=n * step_s) for n in range(6000)]
        tau_s = step_s * rng.uniform(2.0, 4.0)
        found = room.noise((tau_s, 2.0), rng.randrange(10**6), moments)
        did = f"Asked noise of σ = 2, τ = {tau_s:.0f} s every {step_s:.0f} s, 6,000 times; its σ:"
        expect_close(pstdev(found), 2.0, did, within=0.35)


@task("1.2")
def test_noise_forgets_at_its_own_pace(room: Any, rng: random.Random) -> None:
    """The correlation after a step is exp(−Δt/τ)."""
    for share in (0.25, 1.0):
        moments = [MAY + timedelta(seconds=n * 3600 * share) for n in range(6000)]
        found = room.noise((3600.0, 1.0), rng.randrange(10**6), moments)
        mean, spread = fmean(found), pstdev(found)
        pairs = pairwise(found)
        got = fmean((a - mean) * (b - mean) for a, b in pairs) / (spread**2 or 1.0)
        did = f"Asked noise of τ = 1 h every {share:g} h; its correlation after one step:"
        expect_close(got, math.exp(-share), did, within=0.06)


@task("1.2")
def test_noise_needs_no_warming_up(room: Any) -> None:
    """The first value already has the full standard deviation."""
    found = room.firsts(3600.0, 3.0, MAY, 800)
    expect_close(pstdev(found), 3.0, "Asked 800 noises of σ = 3 for their first value.", within=0.4)


@task("1.2")
def test_a_sensors_stream_is_its_own(room: Any, rng: random.Random) -> None:
    """The same seed gives the same stream, whatever other sensors do meanwhile."""
    seed, moments = rng.randrange(10**6), [MAY + timedelta(minutes=n) for n in range(40)]
    alone = room.values("TemperatureSensor", Site(), moments, seed)
    did = f"Asked S-1 (seed {seed}) 40 times, alone and beside S-2."
    expect(room.side_by_side("TemperatureSensor", Site(), moments, seed), alone, did)
    other = room.values("TemperatureSensor", Site(), moments, seed + 1)
    expect_that(other != alone, "Asked with the next seed.", "other values", "the same values")
    other = room.values("TemperatureSensor", Site(), moments, seed, "box-1", "S-2")
    expect_that(other != alone, "Asked S-2 of the same device.", "other values", "the same values")


@task("1.2")
def test_a_stream_survives_a_new_process(room: Any, elsewhere: Any) -> None:
    """The same seed gives the same stream in every process."""
    moments = [MAY + timedelta(minutes=n) for n in range(10)]
    before = room.values("TemperatureSensor", Site(), moments, 11)
    again = elsewhere.values("TemperatureSensor", Site(), moments, 11)
    expect(again, before, "Asked the same sensor (seed 11) in a new process.")


@task("1.2")
def test_the_day_is_warmest_in_the_afternoon(room: Any, rng: random.Random) -> None:
    """The air is coldest about sunrise and warmest about 15 h solar time."""
    site = Site(latitude=0.0, longitude=rng.uniform(-180, 180), daily_c=8.0)
    moments = [MAY + timedelta(minutes=30 * n) for n in range(48 * 150)]
    found = room.values("TemperatureSensor", site, moments, rng.randrange(10**6))
    sums: dict[int, list[float]] = {}
    for moment, value in zip(moments, found, strict=True):
        hours = (moment.timestamp() / 3600 + site.longitude / 15) % 24
        sums.setdefault(int(hours), []).append(number(value, "Asked for a temperature."))
    day = {hour: fmean(values) for hour, values in sums.items()}
    did = f"Took the mean day over 150 days on the equator at {site.longitude:.1f}° east;"
    warmest = max(day, key=day.__getitem__)
    expect_that(13 <= warmest <= 16, f"{did} the warmest hour:", "14 to 15 h", warmest)
    coldest = min(day, key=day.__getitem__)
    expect_that(4 <= coldest <= 7, f"{did} the coldest hour:", "about 6 h", coldest)
    swing = (max(day.values()) - min(day.values())) / 2
    expect_close(swing, 8.0, f"{did} half the swing:", within=1.6, unit="°C")


@task("1.2")
def test_the_clock_is_asked_once(room: Any) -> None:
    """A reading's value and timestamp are of one moment: the clock is asked once."""
    asked: list[datetime] = []

    def clock() -> datetime:
        asked.append(MAY + timedelta(hours=len(asked)))
        return asked[-1]

    made = room.TemperatureSensor("box-1", "S-1", Site(), 3, clock)
    found = made.read()
    expect(len(asked), 1, "Called read() with a clock that counts.")
    expect(found.timestamp, MAY, "Called read() when the clock showed 2013-05-06T00:00Z.")
    alone = room.values("TemperatureSensor", Site(), [MAY], 3)[0]
    expect_close(found.value, alone, "Compared with value_at of that moment.", within=0.051)


# --- 1.3


@task("1.3")
def test_vapour_follows_magnus(room: Any, rng: random.Random) -> None:
    """Saturation pressure follows Magnus with the coefficients of the docstring."""
    for celsius in (0.0, rng.uniform(-30, 0), rng.uniform(0, 45)):
        wanted = 6.1094 * math.exp(17.625 * celsius / (243.04 + celsius))
        did = f"Called saturation_pressure({celsius:.3f})."
        expect_close(room.saturation_pressure(celsius), wanted, did, within=1e-6, unit="hPa")


@task("1.3")
def test_humidity_never_exceeds_full(room: Any, rng: random.Random) -> None:
    """The humidity stays above 0 and never exceeds 100 %, and isn't clamped there."""
    moments = [MAY + timedelta(hours=n) for n in range(4000)]
    found = room.values("HumiditySensor", Site(daily_c=9.0), moments, rng.randrange(10**6))
    did = "Asked a hygrometer for 4,000 hours;"
    # Neither max nor min sees a NaN that isn't the first.
    found = [number(value, f"{did} a value:") for value in found]
    expect(len(found), len(moments), f"{did} how many values came:")
    expect_between(max(found), 0.0, 100.0, f"{did} the highest:", unit="%")
    expect_that(min(found) > 0, f"{did} the lowest:", "above 0 %", min(found))
    at_the_stop = sum(value == max(found) for value in found)
    expect_that(at_the_stop <= 2, f"{did} how often the highest came:", "once", at_the_stop)


@task("1.3")
def test_humidity_goes_against_temperature(room: Any, rng: random.Random) -> None:
    """Over a day humidity falls as the same device's air grows warmer."""
    site, seed = Site(daily_c=8.0), rng.randrange(10**6)
    moments = [MAY + timedelta(hours=n) for n in range(24 * 60)]
    warm = room.values("TemperatureSensor", site, moments, seed, "box-1", "T")
    damp = room.values("HumiditySensor", site, moments, seed, "box-1", "H")
    steps = [(b - a, d - c) for a, b, c, d in zip(warm, warm[1:], damp, damp[1:], strict=False)]
    spread = math.sqrt(sum(x * x for x, _ in steps) * sum(y * y for _, y in steps)) or 1.0
    got = sum(x * y for x, y in steps) / spread
    did = "Correlated the hourly steps of both sensors of a device over 60 days."
    expect_between(got, -1.0, -0.6, did)


@task("1.3")
def test_pressure_at_any_altitude(room: Any, rng: random.Random) -> None:
    """Station pressure takes the mean temperature of the air column below."""
    for altitude in (0.0, rng.uniform(100, 900), rng.uniform(1500, 3000)):
        celsius, sea = rng.uniform(-20, 35), rng.uniform(985, 1035)
        column = celsius + 273.15 + 0.0065 * altitude / 2
        wanted = sea * math.exp(-9.80665 * altitude / (287.053 * column))
        did = f"{sea:.1f} hPa at sea level, {altitude:.0f} m, {celsius:.1f} °C."
        expect_close(room.station_pressure(sea, altitude, celsius), wanted, did, within=0.02)


@task("1.3")
def test_a_barometer_on_a_mountain(room: Any, rng: random.Random) -> None:
    """A barometer shows the pressure of its site's altitude."""
    moments = [MAY + timedelta(hours=6 * n) for n in range(1200)]
    site = Site(altitude_m=1600.0, mean_c=5.0, annual_c=0.0)
    found = room.values("PressureSensor", site, moments, rng.randrange(10**6))
    did = "Took the mean over 300 days of a barometer at 1,600 m and 5 °C."
    expect_close(fmean(found), 836.0, did, within=6.0, unit="hPa")


# --- 1.4


@task("1.4")
def test_fahrenheit_isnt_rounded(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """°F become °C by 5/9 of what lies above 32, without rounding."""
    degrees = [round(rng.uniform(-20, 110), 2) for _ in range(5)]
    rows = [f"JFK,2013-05-06T0{n}:00:00Z,{f},NA,NA\n" for n, f in enumerate(degrees)]
    found, _refused = room.replayed(sandbox.put("f.csv", STATIONS + "".join(rows).encode()))
    for fahrenheit, got in zip(degrees, found, strict=False):
        did = f"Replayed {fahrenheit} °F."
        expect_close(got.value, (fahrenheit - 32) * 5 / 9, did, within=1e-9, unit="°C")
    expect(len(found), len(degrees), "Replayed five rows with a temperature each.")


@task("1.4")
def test_a_bad_field_doesnt_spoil_its_row(room: Any, sandbox: Sandbox) -> None:
    """A field that can't be used is refused with line and column; the rest goes on."""
    rows = (
        b"JFK,2013-05-06T00:00:00Z,fifty,80,1010.5\n"
        b"JFK,yesterday,50,80,1010\n"
        b"JFK,2013-05-06T02:00:00Z,50,inf,NA\n"
        b"JFK,2013-05-06T03:00:00Z,50\n"
        b"JFK,2013-05-06T04:00:00Z,9999,NA,NA\n"
    )
    found, refused = room.replayed(sandbox.put("bad.csv", STATIONS + rows))
    kept = [(one.sensor_id, one.timestamp.hour) for one in found]
    wanted = [("JFK-HUM", 0), ("JFK-PRES", 0), ("JFK-TEMP", 2), ("JFK-TEMP", 4)]
    did = "Replayed five rows: fifty °F; time `yesterday`; inf %; too short; 9999 °F."
    expect(kept, wanted, f"{did} What was read:")
    places = [(one.line, one.column) for one in refused]
    told = places[:1] + places[2:3] if len(places) > 2 else places
    wish = [(2, "temperature_fahrenheit"), (4, "relative_humidity_percent")]
    expect(told, wish, f"{did} Lines and columns of the first and third refusal:")
    expect([line for line, _column in places], [2, 3, 4, 5], f"{did} The lines refused:")


@task("1.4")
def test_disorder_and_duplicates_stay(room: Any, sandbox: Sandbox) -> None:
    """Gaps, disorder and duplicates of a recording stay as they are."""
    hours = [5, 3, 3, 9]
    rows = "".join(f"2013-05-06T0{h}:00:00Z,S-1,temperature,{h}.5\n" for h in hours)
    path = sandbox.put("own.csv", b"timestamp,sensor_id,type,value\n" + rows.encode())
    found, _refused = room.replayed(path)
    did = "Replayed one's own recording with the hours 5, 3, 3, 9."
    expect([one.timestamp.hour for one in found], hours, did)
    expect({one.device_id for one in found}, {"own"}, "Read the device of own.csv.")


@task("1.4")
def test_ones_own_units_become_canonical(room: Any, sandbox: Sandbox) -> None:
    """The unit column is honoured; an unknown unit is refused by its column."""
    rows = (
        b"timestamp,sensor_id,type,value,unit\n"
        b"2013-05-06T00:00:00Z,T,temperature,300.15,kelvin\n"
        b"2013-05-06T00:01:00Z,P,pressure,101325,pascal\n"
        b"2013-05-06T00:02:00Z,T,temperature,20,rankine\n"
    )
    found, refused = room.replayed(sandbox.put("mine.csv", rows))
    values = [round(number(one.value, "Read a value."), 6) for one in found]
    expect(values, [27.0, 1013.25], "Replayed 300.15 kelvin, 101325 pascal and 20 rankine.")
    expect([one.column for one in refused], ["unit"], "Asked which column was refused.")


@task("1.4")
def test_stations_are_merged_by_time(room: Any, sandbox: Sandbox) -> None:
    """Stations that stand one after another in the file are merged by time."""
    rows = [f"{s},2013-05-06T0{h}:00:00Z,50,NA,NA\n" for s in ("EWR", "JFK", "LGA") for h in (0, 1)]
    path = sandbox.put("three.csv", STATIONS + "".join(rows).encode())
    found, _refused = room.replayed(path)
    did = "Replayed three stations of two hours each, one station after another."
    expect([one.timestamp.hour for one in found], [0, 0, 0, 1, 1, 1], did)
    later, _refused = room.replayed(path, MAY + timedelta(hours=1))
    expect(len(later), 3, "Replayed the same file since 01:00.")


@task("1.4")
def test_a_long_recording_starts_at_once(room: Any, sandbox: Sandbox) -> None:
    """Readings come while the file is read, not after it."""
    day = "".join(
        f"2013-05-06T{h:02}:{m:02}:00Z,S-1,temperature,{h}.5\n"
        for h in range(24)
        for m in range(60)
    )
    data = b"timestamp,sensor_id,type,value\n" + day.encode() * 30
    stream = room.replay(sandbox.put("long.csv", data), None, lambda _refused: None)
    found = room.first(stream, 3)
    expect([one.value for one in found], [0.5] * 3, "Took three readings of a file of 43,200.")
    expect_that(
        not isinstance(stream, list | tuple), "Called replay.", "an iterator", type(stream).__name__
    )


@task("1.4")
def test_an_unknown_header_is_refused(room: Any, sandbox: Sandbox) -> None:
    """A header of neither format is refused, and so is a file that isn't there."""
    fine = sandbox.put("fine.csv", STATIONS + b"JFK,2013-05-06T00:00:00Z,50,NA,NA\n")
    expect(len(room.replayed(fine)[0]), 1, "Replayed a recording of one temperature.")
    path = sandbox.put("other.csv", b"when,what\n1,2\n")
    expect_refused(lambda: room.replayed(path), "Replayed a file with the header `when,what`.")
    missing = sandbox.place("nothing.csv")
    expect_refused(lambda: room.replayed(missing), "Replayed a file that doesn't exist.")


# --- 1.5


def every_minute(values: list[float]) -> list[Reading]:
    return [reading(v, MAY + timedelta(minutes=n)) for n, v in enumerate(values)]


def fault(kind: str, start: int, end: int | None, size: float = 0.0) -> Truth:
    until = None if end is None else MAY + timedelta(minutes=end)
    return Truth("box-1", "S-1", kind, MAY + timedelta(minutes=start), until, size)


@task("1.5")
def test_quantised_values_are_short_decimals(room: Any, rng: random.Random) -> None:
    """A quantised value is the nearest multiple, as the shortest decimal."""
    expect(repr(room.quantise(21.7312, 0.1)), "21.7", "Called quantise(21.7312, 0.1).")
    for resolution, digits in ((0.1, 1), (0.5, 1), (0.01, 2)):
        steps = rng.randrange(-900, 3000)
        wanted = round(steps * resolution, digits)
        value = wanted + rng.uniform(-0.4, 0.4) * resolution
        did = f"Called quantise({value!r}, {resolution})."
        expect(repr(room.quantise(value, resolution)), repr(wanted), did)


@task("1.5")
def test_spike_dropout_and_skew(room: Any) -> None:
    """A spike is on top of one value, a dropout is no reading, skew moves the time."""
    plan = [fault("spike", 1, 2, 7.0), fault("dropout", 3, 5), fault("skew", 6, 7, -90.0)]
    found, truth = room.injected(every_minute([20.0] * 8), plan, CARD)
    minutes = [(one.timestamp - MAY).total_seconds() / 60 for one in found]
    did = "Injected a spike of 7 at minute 1, a dropout over [3, 5), skew of −90 s at minute 6."
    expect(minutes, [0.0, 1.0, 2.0, 5.0, 4.5, 7.0], f"{did} The minutes:")
    expect([one.value for one in found], [20.0, 27.0, 20.0, 20.0, 20.0, 20.0], f"{did} Values:")
    expect([one.kind for one in truth], ["spike", "dropout", "skew"], f"{did} The truth:")


@task("1.5")
def test_a_drift_grows_evenly(room: Any, rng: random.Random) -> None:
    """A drift grows evenly from 0 at its start to its size at its end, and ends there."""
    length, size = rng.randrange(4, 9), 10 * rng.choice((-0.4, 0.3, 0.8))
    plan = [fault("drift", 1, 1 + length, size)]
    found, _truth = room.injected(every_minute([20.0] * (length + 3)), plan, CARD)
    wanted = [20.0, *(round(20 + size * n / length, 1) for n in range(length)), 20.0, 20.0]
    did = f"Injected a drift to {size:.1f} over {length} minutes from minute 1 on."
    for got, wish in zip(found, wanted, strict=False):
        expect_close(got.value, wish, did, within=0.1001, unit="°C")
    expect(len(found), len(wanted), did)


@task("1.5")
def test_errors_add_up_before_the_converter(room: Any) -> None:
    """Errors add up first; the value is quantised once, after them."""
    card = SensorCard("S-1", "temperature", "celsius", resolution=0.5)
    plan = [fault("drift", 0, 4, 0.8), fault("spike", 1, 2, 0.2)]
    found, _truth = room.injected(every_minute([20.1] * 4), plan, card)
    did = "20.1 °C, a drift to 0.8 in 4 minutes, a spike of 0.2 at minute 1, resolution 0.5."
    expect([one.value for one in found], [20.0, 20.5, 20.5, 20.5], did)


@task("1.5")
def test_truth_is_what_happened(room: Any) -> None:
    """The truth holds faults that touched a reading; one that lasts has no end."""
    plan = [fault("stuck", 1, 3), fault("spike", 9, 10, 5.0), fault("dropout", 20, 25)]
    readings = [*every_minute([20.0] * 5), reading(20.0, MAY + timedelta(minutes=22))]
    _found, truth = room.injected(readings, plan, CARD)
    did = "Planned stuck [1, 3), a spike in a gap, a dropout that still lasts."
    told = [(one.kind, one.end is None) for one in truth]
    expect(told, [("stuck", False), ("dropout", True)], f"{did} Kind, and whether it still lasts:")


@task("1.5")
def test_a_humid_spike_stays_on_the_scale(room: Any) -> None:
    """A hygrometer's spike points away from the nearer end of its scale."""
    card = SensorCard("S-1", "humidity", "percent", resolution=0.1)
    readings = [
        Reading("box-1", "S-1", "humidity", value, "percent", MAY + timedelta(minutes=n))
        for n, value in enumerate([90.0, 10.0])
    ]
    plan = [fault("spike", 0, 2, 30.0)]
    found, _truth = room.injected(readings[:1], plan, card)
    expect([one.value for one in found], [60.0], "Injected a spike of 30 at 90 %.")


@task("1.5")
def test_a_plan_is_endless_and_repeats(room: Any, rng: random.Random) -> None:
    """A plan of faults is ordered, endless and the same for the same arguments."""
    seed = rng.randrange(10**6)
    about = ("box-1", CARD, MAY, 60.0, seed)
    once, again = room.planned(about, 60), room.planned(about, 60)
    did = f"Planned 60 faults twice with the seed {seed}."
    expect(once, again, did)
    starts = [one.start for one in once]
    expect(starts, sorted(starts), f"{did} Their starts:")
    kinds = {one.kind for one in once}
    expect_that(
        {"stuck", "spike", "dropout", "skew"} <= kinds, f"{did} Their kinds:", "all", sorted(kinds)
    )
    other = room.planned(("box-1", CARD, MAY, 60.0, seed + 1), 60)
    expect_that(other != once, "Planned with the next seed.", "another plan", "the same plan")


@task("1.5")
def test_drift_starts_at_the_calibration(room: Any) -> None:
    """A drift starts at midnight UTC of the calibration date."""
    card = SensorCard("S-1", "temperature", "celsius", None, date(2013, 5, 6), 0.1)
    plan = room.planned(("box-1", card, MAY, 600.0, 4), 40)
    drifts = [one for one in plan if one.kind == "drift"]
    did = "Planned faults for a sensor calibrated on 2013-05-06; the first drift's start:"
    expect(drifts[0].start if drifts else None, MAY, did)


@task("1.5")
def test_one_clock_a_device(room: Any) -> None:
    """Skew is the same for all sensors of a device: they share its clock."""
    other = SensorCard("S-2", "humidity", "percent", resolution=0.1)
    plans = [room.planned(("box-1", card, MAY, 60.0, 9), 60) for card in (CARD, other)]
    skews = [[(s.start, s.size) for s in plan if s.kind == "skew"][:3] for plan in plans]
    expect(skews[1], skews[0], "Planned faults of two sensors of a device; the first three skews:")


# --- 1.6


class Counted:
    """A stream that knows how far it was read."""

    def __init__(self, minutes: list[int], sensor: str) -> None:
        self.taken = 0
        self._items = [reading(1.0, MAY + timedelta(minutes=n), sensor) for n in minutes]

    def __iter__(self) -> Iterator[Reading]:
        return self

    def __next__(self) -> Reading:
        if self.taken == len(self._items):
            raise StopIteration
        self.taken += 1
        return self._items[self.taken - 1]


@task("1.6")
def test_merging_holds_one_reading_a_stream(room: Any, rng: random.Random) -> None:
    """Merging reads no further than one reading a stream ahead."""
    minutes = list(range(400))
    rng.shuffle(minutes)
    streams = [Counted(sorted(minutes[n::4]), f"S-{n}") for n in range(4)]
    merged = room.first(room.merge(streams), 50)
    expect([(one.timestamp - MAY).seconds // 60 for one in merged], list(range(50)), "Merged 4.")
    ahead = sum(one.taken for one in streams) - 50
    did = "Took 50 readings of 4 merged streams; how many more were read:"
    expect_between(ahead, 0, 4, did)


class Hand:
    """An event clock that moves only while somebody waits on its stop signal."""

    def __init__(self, speed: float) -> None:
        self.shows, self.speed, self.stopped, self.waits = MAY, speed, False, 0

    def now(self) -> datetime:
        return self.shows

    def wall(self) -> datetime:
        return self.shows

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.shows).total_seconds() / self.speed

    def tolerance(self, wall_s: float) -> float:
        return wall_s * self.speed

    def is_set(self) -> bool:
        return self.stopped

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        if self.waits > 5000:
            raise NotYet("Paced with a clock by hand.", "some waits", "more than 5,000 waits")
        # Every wait ends a little late, as real ones do.
        self.shows += timedelta(seconds=((timeout or 0.0) + 0.05) * self.speed)
        return self.stopped

    def set(self) -> None:
        self.stopped = True

    def offered(self) -> tuple[Served, Served]:
        """Return its two faces: the clock's and the stop signal's."""
        clock = Served(self, frozenset({"now", "wall", "seconds_until", "tolerance"}))
        return clock, Served(_Stop(self), frozenset({"is_set", "wait", "set"}))


class _Stop:
    def __init__(self, hand: Hand) -> None:
        self.is_set, self.wait, self.set = hand.is_set, hand.wait, hand.set


@task("1.6")
def test_pacing_is_never_early_and_never_creeps(room: Any, rng: random.Random) -> None:
    """A reading comes when the event clock shows its time: never early, without creeping."""
    speed = rng.choice((1.0, 20.0))
    hand = Hand(speed)
    stream = room.pace(
        [reading(1.0, MAY + timedelta(seconds=20 * n)) for n in range(60)], *hand.offered()
    )
    for count, one in enumerate(stream):
        late_s = (hand.shows - one.timestamp).total_seconds()
        did = f"Paced a reading every 20 s at speed {speed:g}; how late number {count + 1} came:"
        expect_between(late_s, 0.0, 0.3 * speed, did, unit="s of event time")
    expect(count, 59, "Counted the readings.")


@task("1.6")
def test_what_is_overdue_comes_at_once(room: Any) -> None:
    """What is overdue comes without waiting."""
    hand = Hand(1.0)
    past = [reading(1.0, MAY - timedelta(hours=1) + timedelta(seconds=n)) for n in range(50)]
    found = room.drained(room.pace(past, *hand.offered()))
    expect(len(found), 50, "Paced 50 readings that were due an hour ago.")
    expect(hand.waits, 0, "Counted the waits meanwhile.")


@task("1.6")
def test_a_stopped_stream_ends(room: Any) -> None:
    """A stream ends soon after the stop signal, whatever is still to come."""
    hand = Hand(1.0)
    stream = room.pace(
        [reading(1.0, MAY + timedelta(minutes=n)) for n in range(9)], *hand.offered()
    )
    room.first(stream, 2)
    hand.set()
    expect(len(room.drained(stream)), 0, "Set the stop signal after two readings.")


@task("1.6")
def test_births_say_where_and_since_when(room: Any, rng: random.Random) -> None:
    """A device's birth names the location and the calibration date of each sensor."""
    source = SourceSettings(devices=5, sensors=3, rate=15.0, seed=rng.randrange(10**6))
    settings = Settings(clock=ClockSettings(start=MAY, speed=60.0), source=source)
    births = room.fleet_births(settings)
    expect(len(births), 5, "Asked for the births of 5 devices.")
    expect(len({birth.device_id for birth in births}), 5, "Counted their names.")
    for birth in births:
        expect(len(birth.sensors), 3, f"Counted the sensors of {birth.device_id}.")
        for card in birth.sensors:
            did = f"Read the card of {birth.device_id}/{card.sensor_id}."
            expect_that(bool(card.location), did, "a location", card.location)
            expect_that(isinstance(card.calibration_date, date), did, "a date", card)


# --- 1.7


def two_years(rng: random.Random) -> tuple[list[datetime], list[float], dict[str, float]]:
    """Return hourly temperatures by a known formula, with three hours in twenty missing."""
    truth = {"mean": rng.uniform(5, 20), "annual": rng.uniform(6, 12), "daily": rng.uniform(3, 6)}
    phi, noise, moments, celsius = 0.8, 0.0, [], []
    for n in range(24 * 730):
        noise = phi * noise + rng.gauss(0, 2.5 * math.sqrt(1 - phi * phi))
        if rng.random() < 0.15:
            continue
        moment = MAY + timedelta(hours=n)
        seconds = moment.timestamp()
        year = math.cos(2 * math.pi * seconds / (365.2425 * 86400) - 3.4)
        day = math.cos(2 * math.pi * seconds / 86400 - 4.9)
        moments.append(moment)
        celsius.append(truth["mean"] + truth["annual"] * year + truth["daily"] * day + noise)
    return moments, celsius, truth


@task("1.7")
def test_a_twin_knows_mean_year_and_day(room: Any, rng: random.Random) -> None:
    """A twin's formula has the station's mean and the amplitude of its year and day."""
    moments, celsius, truth = two_years(rng)
    at = [MAY + timedelta(hours=n) for n in range(24 * 365)]
    formula, _runs, (one, day) = room.simulated(moments, celsius, at, [])
    did = "Fitted a twin to two years of hours with gaps;"
    expect_close(fmean(formula), truth["mean"], f"{did} its mean:", within=0.7, unit="°C")
    days = [formula[n : n + 24] for n in range(0, len(formula), 24)]
    swing = fmean((max(d) - min(d)) / 2 for d in days)
    wish = truth["daily"]
    expect_close(swing, wish, f"{did} half its daily swing:", within=0.12 * wish, unit="°C")
    means = [fmean(d) for d in days]
    wish = truth["annual"]
    half = (max(means) - min(means)) / 2
    expect_close(half, wish, f"{did} half its annual swing:", within=0.15 * wish, unit="°C")
    expect_close(one, 0.8, f"{did} the residual's correlation at 1 h:", within=0.015)
    expect_close(day, 0.8**24, f"{did} the residual's correlation at 24 h:", within=0.08)


@task("1.7")
def test_a_twin_simulates_what_it_was_fitted_to(room: Any, rng: random.Random) -> None:
    """A simulation has the residual's deviation and memory; the same seed repeats it."""
    moments, celsius, _truth = two_years(rng)
    at = [MAY + timedelta(hours=n) for n in range(24 * 365)]
    seed = rng.randrange(10**6)
    formula, runs, _fitted = room.simulated(moments, celsius, at, [seed, seed, seed + 1])
    did = f"Simulated a year by the twin with the seed {seed};"
    expect(runs[1], runs[0], f"{did} once more:")
    expect_that(runs[2] != runs[0], f"{did} with the next seed:", "another year", "the same year")
    rest = [a - b for a, b in zip(runs[0], formula, strict=True)]
    expect_close(pstdev(rest), 2.5, f"{did} the residual's σ:", within=0.3, unit="°C")
    mean, spread = fmean(rest), pstdev(rest) or 1.0
    lagged = fmean((a - mean) * (b - mean) for a, b in pairwise(rest))
    expect_close(lagged / spread**2, 0.8, f"{did} its correlation at 1 h:", within=0.03)
