"""Room 5, the checks that a student doesn't see: what each task means, on the run's own inputs."""

import hashlib
import json
import math
import pickle
import random
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from math import inf, isnan, nan
from typing import Any

from grader.evidence import (
    NotYet,
    expect,
    expect_between,
    expect_close,
    expect_refused,
    expect_that,
    number,
    shown,
    task,
)
from grader.line import Served
from grader.sandbox import Sandbox
from shared.contracts.facts import Fact
from shared.contracts.messages import Alert, Truth

DAY = 24
HOUR = 3_600_000
NAMES = (
    "change", "relative", "change_before", "relative_before", "around", "season", "season_day",
)  # fmt: skip
Rows = list[list[float]]
ALONE = [[-1, -1]]


def flat(values: Any) -> Iterator[tuple[str, Any]]:
    """Yield every number of a table with its place."""
    if isinstance(values, list | tuple):
        for place, one in enumerate(values):
            for rest, found in flat(one):
                yield f"[{place}]{rest}", found
    else:
        yield "", values


def expect_table(got: Any, wanted: Any, did: str, within: float = 1e-9) -> None:
    """Go on if two tables of numbers are alike, NaN where NaN belongs."""
    there, wish = list(flat(got)), list(flat(wanted))
    if [place for place, _one in there] != [place for place, _one in wish]:
        raise NotYet(did, f"{len(wish)} numbers", shown(got))
    for (place, one), (_place, right) in zip(there, wish, strict=True):
        at = f"{did} At {place}:" if place else did
        if not isinstance(one, int | float) or isinstance(one, bool):
            raise NotYet(at, f"{right:.6g}", shown(one))
        if isnan(right) != isnan(one) or abs(one - right) > within:
            raise NotYet(at, f"{right:.6g}", f"{one:.6g}")


def noise(rng: random.Random, slots: int, sensors: int = 1, scale: float = 1.0) -> Rows:
    return [[round(rng.gauss(0, scale), 4) for _ in range(sensors)] for _ in range(slots)]


def wave(slot: int) -> float:
    return round(15 + 5 * math.sin(2 * math.pi * slot / DAY), 4)


def usual_days(slots: int, sensors: int = 1) -> Rows:
    """Return days that are all alike."""
    return [[wave(slot % DAY)] * sensors for slot in range(slots)]


def column(rows: Rows, place: int) -> list[float]:
    return [row[place] for row in rows]


# --- 5.1


def change_of(series: Sequence[float]) -> float:
    """Return the change since the last known of four slots, a slot."""
    for gap in range(1, min(4, len(series) - 1) + 1):
        step = (series[-1] - series[-1 - gap]) / gap
        if not isnan(step):
            return step
    return nan


def most_say(differences: Sequence[float]) -> float:
    """Return what more than half of those that say anything say at least."""
    known = sorted(one for one in differences if not isnan(one))
    if not known:
        return nan
    weaker = (len(known) - 1) // 2
    return max(known[weaker], 0.0) + min(known[len(known) - 1 - weaker], 0.0)


def asked(room: Any, window: Rows, near: Sequence[Sequence[int]]) -> list[dict[str, float]]:
    """Return the features of each sensor by name."""
    did = f"Asked for the features of {len(window[0])} sensors."
    table = room.known(window, [list(row) for row in near], DAY)
    shape = [[0.0] * len(NAMES)] * len(window[0])
    if [place for place, _one in flat(table)] != [place for place, _one in flat(shape)]:
        raise NotYet(did, f"a row of {len(NAMES)} for each", shown(table))
    return [dict(zip(NAMES, row, strict=True)) for row in table]


def with_gaps(rng: random.Random, sensors: int) -> Rows:
    """Return two days; in the last rows four of ten values are missing."""
    window = noise(rng, 2 * DAY, sensors)
    for row in window[-7:]:
        for place in range(sensors):
            if rng.random() < 0.4:
                row[place] = nan
    return window


@task("5.1")
def test_a_change_is_taken_to_the_last_known_value(room: Any, rng: random.Random) -> None:
    """A change is the step from the last known value of four slots, a slot."""
    window = with_gaps(rng, 24)
    found = asked(room, window, [[-1]] * 24)
    for place, row in enumerate(found):
        values = column(window, place)
        did = f"A sensor's last values were {values[-6:]}."
        expect_table(row["change"], change_of(values), f"{did} Its change:")
        expect_table(row["change_before"], change_of(values[:-1]), f"{did} Its change before:")


@task("5.1")
def test_a_gap_stays_a_gap(room: Any, rng: random.Random) -> None:
    """Beyond four slots, and in silence, nothing is known: NaN, neither 0 nor a filled value."""
    rise = rng.choice((-6.0, 6.0))
    for gap in range(7):
        window = [[20.0]] * (2 * DAY - gap - 1) + [[nan]] * gap + [[20.0 + rise]]
        wanted = rise / (gap + 1) if gap < 4 else nan
        did = f"A sensor said 20, nothing for {gap} slots, then {20 + rise:g}; its change:"
        expect_table(asked(room, window, ALONE)[0]["change"], wanted, did)
    silent = asked(room, [*window[:-1], [nan]], ALONE)[0]
    did = "A sensor says nothing in the last slot;"
    for name in ("change", "season"):
        expect_table(silent[name], nan, f"{did} its {name}:")


@task("5.1")
def test_most_neighbours_must_agree(room: Any) -> None:
    """Against the neighbours counts what more than half of them say at least."""
    for others, wanted in (
        ([5.0, 3.0], 3.0),
        ([-5.0, -3.0], -3.0),
        ([5.0, -1.0], 0.0),
        ([5.0], 5.0),
        ([], nan),
        ([5.0, 4.0, -9.0], 4.0),
        ([-2.0, 3.0, -4.0], -2.0),
        ([1.0, 2.0, 3.0, 4.0], 2.0),
        ([-1.0, -2.0, 3.0, 4.0], 0.0),
    ):
        count = len(others)
        window = [[10.0] * (count + 1)] * (2 * DAY - 1) + [[10.0, *(10.0 - one for one in others)]]
        near = [[*range(1, count + 1), *[-1] * (4 - count)], *[[-1] * 4] * count]
        did = f"A sensor changed by {others} against its neighbours; how far against most of them:"
        expect_table(asked(room, window, near)[0]["relative"], wanted, did)


@task("5.1")
def test_neighbours_are_looked_at_pair_by_pair(room: Any, rng: random.Random) -> None:
    """The difference to each neighbour is a series of its own, with its own gaps."""
    window = with_gaps(rng, 12)
    near = [rng.sample([n for n in range(12) if n != me], 3) for me in range(12)]
    near = [[one if rng.random() < 0.8 else -1 for one in row] for row in near]
    for me, row in enumerate(asked(room, window, near)):
        apart = [
            [ours - theirs for ours, theirs in zip(column(window, me), column(window, other), strict=True)]
            for other in near[me]
            if other >= 0
        ]
        did = f"Asked for a sensor with {len(apart)} neighbours and gaps in all;"
        wanted = most_say([change_of(one) for one in apart])
        expect_table(row["relative"], wanted, f"{did} its change against them:")
        wanted = most_say([change_of(one[:-1]) for one in apart])
        expect_table(row["relative_before"], wanted, f"{did} the same one slot earlier:")


@task("5.1")
def test_how_far_the_neighbours_moved(room: Any, rng: random.Random) -> None:
    """What the neighbours did is the middle size of their changes, of those that are known."""
    moves = [round(rng.uniform(-9, 9), 3) for _ in range(8)]
    moves[rng.randrange(1, 8)] = nan
    window = [[10.0] * 8] * (2 * DAY - 1) + [[10.0 + move for move in moves]]
    near = [rng.sample(range(1, 8), 4), [0, 2, 3, -1], [-1] * 4, *[[-1] * 4] * 5]
    for me, row in enumerate(asked(room, window, near)):
        sizes = sorted(abs(moves[n]) for n in near[me] if n >= 0 and not isnan(moves[n]))
        half = len(sizes) // 2
        wanted = (sizes[half] + sizes[(len(sizes) - 1) // 2]) / 2 if sizes else nan
        did = f"The neighbours changed by {[moves[n] for n in near[me] if n >= 0]};"
        expect_table(row["around"], wanted, f"{did} how far they moved:")


@task("5.1")
def test_today_is_compared_with_the_days_before(room: Any, rng: random.Random) -> None:
    """The season is the last value less what was usual at this time; today isn't part of it."""
    away = round(rng.choice((-1, 1)) * rng.uniform(4, 9), 3)
    for days in (2, 3, 16):
        window = usual_days(days * DAY)
        window[-1] = [window[-1][0] + away]
        did = f"{days - 1} days were alike; today's last value is {away:+g} away from them."
        expect_table(asked(room, window, ALONE)[0]["season"], away, f"{did} The season:")
    window = [[value[0] + 100.0] for value in usual_days(6 * DAY)] + window[-15 * DAY :]
    did = "The days were alike for two weeks, and before that 100 higher. The season:"
    expect_table(asked(room, window, ALONE)[0]["season"], away, did)


def away_all_day(residuals: Sequence[float]) -> float:
    """Return how far all but 15 % of a day lie on one side."""
    known = sorted(one for one in residuals if not isnan(one))
    if 2 * len(known) < len(residuals):
        return nan
    outer = int(0.15 * (len(known) - 1))
    return max(known[outer], 0.0) + min(known[len(known) - 1 - outer], 0.0)


@task("5.1")
def test_a_day_counts_by_its_hours_nearest_to_zero(room: Any, rng: random.Random) -> None:
    """A breeze moves some hours of a day and counts nothing; a fault moves all of them."""
    for told, hours in (
        ("twelve hours were 9 below", [-9.0] * 12 + [0.0] * 12),
        ("all hours were 3 below", [-3.0] * 24),
        ("all hours but three were 4 above", [4.0] * 21 + [-1.0] * 3),
        ("all hours but four were 4 above", [4.0] * 20 + [-1.0] * 4),
        ("the twelve known hours were 5 above", [5.0] * 12 + [nan] * 12),
        ("the eleven known hours were 5 above", [5.0] * 11 + [nan] * 13),
        ("hours were above and below", column(noise(rng, 24, scale=3.0), 0)),
        ("hours were above", [round(rng.uniform(1, 9), 3) for _ in range(24)]),
        ("hours were below, some silent", [rng.choice((nan, -2.5, -4.5, -7.0)) for _ in range(24)]),
    ):
        window = usual_days(3 * DAY)
        for slot, residual in enumerate(hours):
            window[2 * DAY + slot] = [window[slot][0] + residual]
        found = asked(room, window, ALONE)[0]["season_day"]
        expect_table(found, away_all_day(hours), f"Of a day, {told}. How far the whole day is:")


@task("5.1")
def test_later_slots_change_nothing(room: Any, rng: random.Random) -> None:
    """The same window gives the same features and lags, whatever was asked in between."""
    window = with_gaps(rng, 4)
    near = [[1, 2], [0, 2], [0, 3], [-1, -1]]
    first = room.known(window, near, DAY), room.lagged(window, near, DAY)
    later = [*window, *noise(rng, 5, 4, 1e4)]
    for end in range(len(window) + 1, len(later) + 1):
        room.known(later[:end], near, DAY), room.lagged(later[:end], near, DAY)
    again = room.known(window, near, DAY), room.lagged(window, near, DAY)
    did = "Asked for a window, for five later ones full of wild values, and for the first again;"
    expect_table(again[0], first[0], f"{did} its features:")
    expect_table(again[1], first[1], f"{did} its lags:")


@task("5.1")
def test_a_forecast_is_made_from_residuals(room: Any, rng: random.Random) -> None:
    """The first nine lags are the residuals 0, 1, 2, 3, 5, 8, 11, 17 and 23 slots back."""
    window = usual_days(15 * DAY)
    away = column(noise(rng, DAY), 0)
    for slot, residual in enumerate(away):
        window[14 * DAY + slot] = [window[slot][0] + residual]
    found = room.lagged(window, ALONE, DAY)
    did = "Two weeks were alike, the last day wasn't. The first nine lags:"
    expect_table([row[:9] for row in found], [[away[-1 - n] for n in (0, 1, 2, 3, 5, 8, 11, 17, 23)]], did)


@task("5.1")
def test_the_unknown_is_as_usual(room: Any, rng: random.Random) -> None:
    """Lags hold no NaN; where nothing is known, and where all is as usual, they are 0."""
    window = usual_days(15 * DAY, 3)
    calm = room.lagged(window, [[1], [0], [-1]], DAY)
    expect_table(calm, [[0.0] * len(calm[0])] * 3, "Fifteen days were alike; the lags:")
    for row, wild in zip(window[-50:], noise(rng, 50, 2), strict=True):
        row[:] = [nan, *(wave(3) + one if rng.random() < 0.6 else nan for one in wild)]
    found = room.lagged(window, [[1], [0], [-1]], DAY)
    did = "Of three sensors one has been silent for two days and two have gaps;"
    held = all(isinstance(one, float) and math.isfinite(one) for _place, one in flat(found))
    expect_that(held, f"{did} the lags:", "finite numbers", found)
    expect_table(found[0][:9], [0.0] * 9, f"{did} the residuals of the silent one:")


@task("5.1")
def test_lags_listen_to_neighbours_alone(room: Any, rng: random.Random) -> None:
    """A forecast is made from the sensor and its neighbours, and from nobody else."""
    window = usual_days(15 * DAY, 3)
    before = room.lagged(window, [[1], [0], [-1]], DAY)
    away = round(rng.uniform(3, 6), 3)
    for row in window[-6:]:
        row[1] += away
    after = room.lagged(window, [[1], [0], [-1]], DAY)
    did = f"Of three usual sensors the second is {away:g} higher in the last six slots;"
    expect_table(after[2], before[2], f"{did} the lags of the third, which has no neighbour:")
    wish = "other than before"
    expect_that(after[0] != before[0], f"{did} the lags of the first, its neighbour:", wish, after[0])


# --- 5.2


@task("5.2")
def test_baselines_are_exact(room: Any, rng: random.Random) -> None:
    """Persistence, yesterday and last week are what was, slot by slot, a gap too."""
    for day in (24, 48, 12):
        history = noise(rng, 15 * day, 3)
        history[-1][1] = history[-day][2] = history[-7 * day + 3][0] = nan
        found = room.simple(history, day)
        did = f"Asked for the baselines of 15 days of {day} slots;"
        expect(sorted(found), ["climatology", "day", "persistence", "week"], f"{did} their names:")
        for name, wanted in (
            ("persistence", [history[-1]] * 24),
            ("day", [history[-day + n % day] for n in range(24)]),
            ("week", [history[-7 * day + n % (7 * day)] for n in range(24)]),
        ):
            expect_table(found[name], wanted, f"{did} {name}:")


@task("5.2")
def test_climatology_is_the_usual_value_at_that_time(room: Any, rng: random.Random) -> None:
    """Climatology says what is usual at that time of day; one spike in two weeks doesn't show."""
    history = usual_days(15 * DAY, 2)
    history[rng.randrange(15 * DAY)][0] += 40.0
    wanted = [[wave(n), wave(n)] for n in range(24)]
    did = "Fifteen days were alike but for one spike; climatology:"
    expect_table(room.simple(history, DAY)["climatology"], wanted, did)


@task("5.2")
def test_origins_roll_and_learn_nothing_new(room: Any, rng: random.Random) -> None:
    """Each origin from the split on is judged that has 24 slots behind it; only what was before
    the split is learnt from.
    """  # noqa: D205 - one sentence
    split = rng.randrange(5, 30)
    for length in (split + 24, split + 25, split + 24 + rng.randrange(5, 40)):
        wanted = [(list(range(split)), origin) for origin in range(split, length - 24)]
        did = f"Asked for the origins of {length} slots split at {split};"
        found = [(list(learnt), origin) for learnt, origin in room.origins(length, split)]
        origins = [origin for _learnt, origin in found]
        expect(origins, [origin for _learnt, origin in wanted], f"{did} the origins:")
        expect(found, wanted, f"{did} what may be learnt from, and the origin:")


@task("5.2")
def test_a_conformal_radius_counts_the_new_one(room: Any, rng: random.Random) -> None:
    """The radius is the ⌈(n + 1)·level⌉-th smallest size of a residual, infinite if there are
    too few.
    """  # noqa: D205 - one sentence
    for count, level in ((8, 0.9), (9, 0.9), (13, 0.9), (13, 0.95), (47, 0.8), (102, 0.9)):
        residuals = [rng.gauss(0, 2) for _ in range(count)]
        sizes = [*sorted(abs(one) for one in residuals), *[inf] * count]
        wanted = sizes[math.ceil(round((count + 1) * level, 9)) - 1]
        did = f"Asked for the radius of {count} residuals at {level:g}."
        found = room.radius(residuals, level)
        if math.isinf(wanted):
            expect(found, inf, did)
        else:
            expect_close(found, wanted, did, within=1e-12)


@task("5.2")
def test_in_the_long_run_one_in_ten_misses(room: Any, rng: random.Random) -> None:
    """A miss widens nine times as much as a hit narrows, so one miss in ten keeps the radius."""
    start = [1.0, 20.0]
    pattern = [1.0] + [0.0] * 9
    rng.shuffle(pattern)
    found = room.steps(start, [[one, one] for one in pattern], 0.9)
    expect_table(found[-1], start, f"Told of misses {pattern}; the radii after them:")
    (up,), (down,), (still,) = (room.steps([8.0], [[m]], 0.9)[0] for m in (1.0, 0.0, nan))
    wish = "wider than 8 after a miss, narrower after a hit, 8 after NaN"
    expect_that(down < 8.0 < up and still == 8.0, "Told of one truth.", wish, (up, down, still))
    low = room.steps([5.0], [[0.0]] * 900, 0.9)[-1][0]
    expect_that(0 < low < 5, "Told of 900 hits in a row from a radius of 5.", "above 0", low)


def weather(rng: random.Random, slots: int, sensors: int, spread: Callable[[int], float]) -> Rows:
    """Return a daily wave and what comes and goes within some hours."""
    away = [0.0] * sensors
    rows = []
    for slot in range(slots):
        away = [0.8 * one + rng.gauss(0, spread(slot)) for one in away]
        rows.append([round(wave(slot) + one, 3) for one in away])
    return rows


def mean(values: Any, did: str) -> float:
    numbers = [number(one, did) for _place, one in flat(values)]
    return sum(numbers) / len(numbers) if numbers else nan


@task("5.2")
def test_a_forecast_knows_nothing_of_what_comes(room: Any, rng: random.Random) -> None:
    """Whatever comes after the origin, the forecast was the same."""
    split = 14 * DAY
    panel = weather(rng, split + 25, 2, lambda _slot: 1.0)
    far = 500.0
    errors: list[dict[str, Any]] = []
    for sign in (1, -1):
        moved = [[v + sign * far for v in row] if n > split else row for n, row in enumerate(panel)]
        found, coverage = room.evaluated(moved, [[1], [0]], DAY, split)
        did = f"Evaluated one origin after which all came {sign * far:+g} away;"
        expect_table(coverage, [0.0] * 24, f"{did} the share in the intervals:")
        errors.append(found)
    # |f - (t + far)| + |f - (t - far)| is 2 far, if f is the same in both.
    for name in ("model", "persistence", "day", "week", "climatology"):
        did = f"Evaluated an origin twice, with other futures; both errors of {name} together:"
        total = [one + other for one, other in zip(errors[0][name], errors[1][name], strict=True)]
        expect_table(total, [2 * far] * 24, did, within=1e-6)


@task("5.2")
def test_all_are_judged_on_the_same_truths(room: Any, rng: random.Random) -> None:
    """Only truths count about which every method said something; errors are means of sizes."""
    split, length = 15 * DAY, 17 * DAY
    panel = weather(rng, length, 2, lambda _slot: 1.0)
    for _gap in range(60):
        panel[rng.randrange(split - 7 * DAY, length)][rng.randrange(2)] = nan
    found, _coverage = room.evaluated(panel, [[1], [0]], DAY, split)
    back = {"persistence": 0, "day": DAY, "week": 7 * DAY}
    for ahead in (1, 7, 24):
        sums, count = dict.fromkeys(back, 0.0), 0
        for origin in range(split, length - 24):
            for place in range(2):
                truth = panel[origin + ahead][place]
                said = {n: panel[origin + ahead - b if b else origin][place] for n, b in back.items()}
                if not isnan(truth + sum(said.values())):
                    count += 1
                    sums = {name: sums[name] + abs(said[name] - truth) for name in sums}
        for name, total in sums.items():
            did = f"Evaluated two days with gaps; the error of {name}, {ahead} h ahead:"
            expect_close(found[name][ahead - 1], total / count, did, within=1e-9)


@task("5.2")
def test_a_model_is_worth_its_keep(room: Any, rng: random.Random) -> None:
    """On weather with a memory of some hours the model beats each baseline."""
    panel = weather(rng, 36 * DAY, 2, lambda _slot: 1.0)
    errors, coverage = room.evaluated(panel, [[1], [0]], DAY, 30 * DAY)
    did = "Evaluated six days after thirty, of weather that is remembered for some hours;"
    model = mean(errors["model"], f"{did} the model's error:")
    for name in ("persistence", "day", "week", "climatology"):
        other = mean(errors[name], f"{did} the error of {name}:")
        wish = f"below that of {name}, {other:.4g}"
        expect_that(model < other, f"{did} the model's mean error:", wish, round(model, 4))
    share = mean(coverage, f"{did} the coverage:")
    expect_between(share, 0.83, 0.96, f"{did} the share of truths in their 90 % intervals:")


@task("5.2")
def test_intervals_are_calibrated_on_what_came_last(room: Any, rng: random.Random) -> None:
    """The intervals come from the last quarter of the training, which the model hasn't seen."""
    split = 16 * DAY
    wild = 12 * DAY
    panel = weather(rng, split + 30, 6, lambda slot: 0.2 if slot < wild else 2.0)
    _errors, coverage = room.evaluated(panel, [[-1]] * 6, DAY, split)
    did = "Evaluated six origins after 16 days, the last four of which were ten times as wild;"
    share = mean(coverage, f"{did} the coverage:")
    expect_between(share, 0.75, 0.99, f"{did} the share of truths in their 90 % intervals:")


@task("5.2")
def test_intervals_follow_the_season(room: Any, rng: random.Random) -> None:
    """Intervals widen when the weather turns wilder and narrow when it calms down."""
    split = 12 * DAY
    for later, told, low, high in ((2.5, "wilder", 0.72, 0.95), (0.3, "calmer", 0.85, 0.985)):
        panel = weather(rng, 24 * DAY, 2, lambda slot, s=later: 1.0 if slot < split else s)  # type: ignore[misc]
        _errors, coverage = room.evaluated(panel, [[1], [0]], DAY, split)
        did = f"Evaluated twelve days after the weather had turned {told};"
        share = mean(coverage, f"{did} the coverage:")
        expect_between(share, low, high, f"{did} the share of truths in their 90 % intervals:")
