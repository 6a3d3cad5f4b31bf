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
from functools import partial
from io import BytesIO
from itertools import pairwise
from math import inf, isnan, nan
from statistics import fmean
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
from grader.line import RemoteError, Served
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
            raise NotYet(at, figure(right), shown(one))
        if isnan(right) != isnan(one) or abs(one - right) > within:
            raise NotYet(at, figure(right), figure(one))


def figure(value: float) -> str:
    return "NaN" if isnan(value) else f"{value:.6g}"


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
            [
                ours - theirs
                for ours, theirs in zip(column(window, me), column(window, other), strict=True)
            ]
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
        did = f"In {days} days all was alike but today's last value, which is {away:+g} away;"
        expect_table(asked(room, window, ALONE)[0]["season"], away, f"{did} the season:")
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
    changes = [change_of(column(window, place)) for place in range(4)]
    did = "Asked for the features of four sensors with gaps; their changes:"
    expect_table([row[0] for row in first[0]], changes, did)
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
    expect_table(
        [row[:9] for row in found], [[away[-1 - n] for n in (0, 1, 2, 3, 5, 8, 11, 17, 23)]], did
    )


@task("5.1")
def test_the_unknown_is_as_usual(room: Any, rng: random.Random) -> None:
    """Lags hold no NaN; where nothing is known, and where all is as usual, they are 0."""
    window = usual_days(15 * DAY, 3)
    calm = room.lagged(window, [[1], [0], [-1]], DAY)
    expect_table(calm, [[0.0] * len(calm[0])] * 3, "Fifteen days were alike; the lags:")
    for row, wild in zip(window[-80:], noise(rng, 80, 2), strict=True):
        row[:] = [nan, *(wave(3) + one if rng.random() < 0.6 else nan for one in wild)]
    found = room.lagged(window, [[1], [0], [-1]], DAY)
    did = "Of three sensors one has been silent for three days and two have gaps;"
    held = all(isinstance(one, float) and math.isfinite(one) for _place, one in flat(found))
    expect_that(held, f"{did} the lags:", "finite numbers", found)
    expect_table(found[0][:9], [0.0] * 9, f"{did} the residuals of the silent one:")
    window = usual_days(15 * DAY)
    window[-1] = [window[-1][0] + 5.0]
    did = "The last value of fifteen days is 5 above the usual one; the first lag:"
    expect_table(room.lagged(window, ALONE, DAY)[0][0], 5.0, did)


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
    expect_that(
        after[0] != before[0], f"{did} the lags of the first, its neighbour:", wish, after[0]
    )


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
    """Origins roll from the split on while 24 slots follow; learnt is what was before the split."""
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
    """The radius is the ⌈(n + 1)·level⌉-th smallest residual, infinite if there are too few."""
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


Spread = Callable[[int], float]


def steady(_slot: int) -> float:
    return 1.0


def weather(
    rng: random.Random, slots: int, sensors: int, spread: Spread = steady, memory: float = 0.8
) -> Rows:
    """Return a daily wave and what comes and goes with it, of a `spread` that may change."""
    away = [0.0] * sensors
    rows = []
    for slot in range(slots):
        away = [memory * one + rng.gauss(0, spread(slot)) for one in away]
        rows.append([round(wave(slot) + one, 3) for one in away])
    return rows


def mean(values: Any, did: str) -> float:
    numbers = [number(one, did) for _place, one in flat(values)]
    return sum(numbers) / len(numbers) if numbers else nan


@task("5.2")
def test_a_forecast_knows_nothing_of_what_comes(room: Any, rng: random.Random) -> None:
    """Whatever comes after the origin, the forecast was the same."""
    split = 14 * DAY
    panel = weather(rng, split + 25, 2)
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
    panel = weather(rng, length, 2)
    for _gap in range(60):
        panel[rng.randrange(split - 7 * DAY, length)][rng.randrange(2)] = nan
    found, _coverage = room.evaluated(panel, [[1], [0]], DAY, split)
    back = {"persistence": 0, "day": DAY, "week": 7 * DAY}
    for ahead in (1, 7, 24):
        sums, count = dict.fromkeys(back, 0.0), 0
        for origin in range(split, length - 24):
            for place in range(2):
                truth = panel[origin + ahead][place]
                said = {
                    n: panel[origin + ahead - b if b else origin][place] for n, b in back.items()
                }
                if not isnan(truth + sum(said.values())):
                    count += 1
                    sums = {name: sums[name] + abs(said[name] - truth) for name in sums}
        for name, total in sums.items():
            did = f"Evaluated two days with gaps; the error of {name}, {ahead} h ahead:"
            expect_close(found[name][ahead - 1], total / count, did, within=1e-9)


@task("5.2")
def test_a_model_is_worth_its_keep(room: Any, rng: random.Random) -> None:
    """On weather with a memory of some hours the model beats each baseline."""
    panel = weather(rng, 36 * DAY, 3, memory=0.95)
    errors, coverage = room.evaluated(panel, [[1], [0], [-1]], DAY, 30 * DAY)
    did = "Evaluated six days after thirty, of weather that is remembered for some hours;"
    model = mean(errors["model"], f"{did} the model's error:")
    for name in ("persistence", "day", "week", "climatology"):
        other = mean(errors[name], f"{did} the error of {name}:")
        wish = f"below that of {name}, {other:.4g}"
        expect_that(model < other, f"{did} the model's mean error:", wish, round(model, 4))
    share = mean(coverage, f"{did} the coverage:")
    expect_between(share, 0.7, 0.98, f"{did} the share of truths in their 90 % intervals:")


@task("5.2")
def test_intervals_are_calibrated_on_what_came_last(room: Any, rng: random.Random) -> None:
    """The intervals come from the last quarter of the training, which the model hasn't seen."""
    split = 16 * DAY

    def spread(slot: int) -> float:
        return 0.2 if slot < 12 * DAY else 2.0 if slot < split else later

    for later, low, high in ((2.0, 0.79, 0.99), (6.0, 0.3, 0.62)):
        panel = weather(rng, split + 30, 6, spread, memory=0.0)
        _errors, coverage = room.evaluated(panel, [[-1]] * 6, DAY, split)
        did = f"Evaluated six origins; the noise was 0.2, for four days 2, and then {later:g};"
        share = mean(coverage, f"{did} the coverage:")
        expect_between(share, low, high, f"{did} the share of truths in their intervals:")


@task("5.2")
def test_intervals_follow_the_season(room: Any, rng: random.Random) -> None:
    """Intervals widen when the weather turns wilder than any that was learnt from."""
    split = 12 * DAY
    calm = weather(rng, split, 2)
    for wilder, slots, low, high in ((10.0, 28, 0.0, 0.5), (2.5, 9 * DAY, 0.66, 0.97)):
        panel = calm + weather(rng, slots, 2, lambda _slot, spread=wilder: spread)  # type: ignore[misc]
        _errors, coverage = room.evaluated(panel, [[1], [0]], DAY, split)
        did = (
            f"Evaluated {slots - 24} origins after the weather had turned {wilder:g} times as wild;"
        )
        share = mean(coverage, f"{did} the coverage:")
        expect_between(share, low, high, f"{did} the share of truths in their 90 % intervals:")


# --- 5.3

ROW = {
    "change": 0.0, "relative": 0.0, "change_before": 0.0, "relative_before": 0.0, "around": 0.0,
    "season": 0.0, "season_day": 0.0, "forest": 0.5, "days": 0.0, "weeks": 0.0,
}  # fmt: skip


def alike(*witnesses: float) -> float:
    """Return the weakest size of witnesses that all point one way, else 0; NaN without one."""
    if any(isnan(one) for one in witnesses):
        return nan
    together = all(one > 0 for one in witnesses) or all(one < 0 for one in witnesses)
    return min(abs(one) for one in witnesses) if together else 0.0


@task("5.3")
def test_a_jump_needs_two_witnesses(room: Any, rng: random.Random) -> None:
    """A jump is what the sensor and its neighbours say alike; alone, it is its own change."""
    cases = [(6.0, 5.0), (-6.0, -7.0), (6.0, -5.0), (6.0, 0.0), (6.0, nan), (nan, nan)]
    cases += [(rng.gauss(0, 4), rng.gauss(0, 4)) for _ in range(20)]
    rows = [{**ROW, "change": own, "relative": against} for own, against in cases]
    for (own, against), found in zip(cases, room.evidence(rows), strict=True):
        did = f"A change of {own:.3g}, of {against:.3g} against the neighbours;"
        expect_table(found["jump"], alike(own, against), f"{did} the jump:")
        expect_table(found["alone"], abs(own), f"{did} alone:")


@task("5.3")
def test_a_spike_taken_back_needs_four(room: Any, rng: random.Random) -> None:
    """What was taken back has four witnesses, or two where there are no neighbours."""
    cases = [(8.0, 7.0, -9.0, -6.0), (8.0, 7.0, 9.0, 6.0), (8.0, 7.0, -9.0, 6.0)]
    cases += [(8.0, -7.0, -9.0, -6.0), (-8.0, nan, 5.0, nan), (-8.0, nan, -5.0, nan)]
    cases += [(8.0, 7.0, -9.0, nan), (8.0, nan, nan, nan)]
    for _case in range(20):
        own, against, before, earlier = (rng.choice((-1, 1)) * rng.uniform(1, 9) for _ in range(4))
        cases.append((own, against, before, earlier))
    names = ("change", "relative", "change_before", "relative_before")
    rows = [{**ROW, **dict(zip(names, case, strict=True))} for case in cases]
    for case, found in zip(cases, room.evidence(rows), strict=True):
        own, against, before, against_before = case
        witnesses = (own, -before) if isnan(against) else (own, against, -before, -against_before)
        did = "Change, against the neighbours, and both before: " + ", ".join(
            f"{c:.3g}" for c in case
        )
        expect_table(found["return"], alike(*witnesses), f"{did}. The return:")


@task("5.3")
def test_other_evidence_is_a_size(room: Any, rng: random.Random) -> None:
    """The whole day and the shifts count by their size, the forest as it is."""
    for sign in (1, -1):
        row = {**ROW, "season_day": sign * rng.uniform(1, 5), "season": sign * 50.0}
        row |= {"forest": rng.random(), "days": sign * 2.5, "weeks": sign * rng.uniform(1, 5)}
        (found,) = room.evidence([row])
        sizes = {name: abs(row[name]) for name in ("forest", "days", "weeks")}
        did = f"A season of {row['season']:g}, of {row['season_day']:.3g} over the whole day;"
        expect_table(found["season"], abs(row["season_day"]), f"{did} its score:")
        for name, wanted in sizes.items():
            expect_table(found[name], wanted, f"{name} is {row[name]:.4g}; its score:")


def exponential(rng: random.Random, count: int, scale: float) -> list[float]:
    return [rng.expovariate(1 / scale) for _ in range(count)]


@task("5.3")
def test_a_threshold_lies_where_the_budget_says(room: Any, rng: random.Random) -> None:
    """A slot exceeds the threshold with the chance asked for, also beyond what was ever seen."""
    scale, chances = rng.uniform(0.5, 5), [1e-2, 1e-3, 1e-4, 1e-5]
    found = room.tail(exponential(rng, 4000, scale), chances)
    for chance, threshold in zip(chances, found, strict=True):
        wanted = -scale * math.log(chance)
        did = f"Counted 4,000 scores with an exponential tail; the threshold for {chance:g}:"
        expect_close(threshold, wanted, did, within=0.3 * wanted)
    expect_that(found == sorted(found), "Asked for rarer and rarer.", "rising thresholds", found)


@task("5.3")
def test_an_anomaly_in_training_hardly_moves_it(room: Any, rng: random.Random) -> None:
    """What was wrong in the training data doesn't raise the threshold much."""
    scores = exponential(rng, 3000, 1.0)
    (clean,) = room.tail(scores, [1e-4])
    (spoilt,) = room.tail([*scores, *(rng.uniform(200, 900) for _ in range(3))], [1e-4])
    did = "Counted 3,000 scores, and again with 3 anomalies of hundreds among them;"
    low, high = number(clean, f"{did} the first threshold:") / 1.25, clean * 1.25
    expect_between(spoilt, low, high, f"{did} the threshold with them:")


@task("5.3")
def test_slots_without_evidence_count(room: Any, rng: random.Random) -> None:
    """A score of 0 is a slot too: nine quiet ones beside it make a score ten times as rare."""
    scores = [one for score in exponential(rng, 3000, 1.0) for one in (score, *[0.0] * 9)]
    (found,) = room.tail(scores, [1e-4])
    did = "Counted 3,000 scores with an exponential tail and 27,000 zeros;"
    wanted = -math.log(1e-3)
    expect_close(found, wanted, f"{did} the threshold for 0.0001:", within=0.17 * wanted)


@task("5.3")
def test_too_little_gives_no_threshold(room: Any, rng: random.Random) -> None:
    """Until the tail can be told the threshold is infinite: nothing is an alert."""
    for count, zeros in ((0, 0), (11, 0), (11, 3000)):
        scores = exponential(rng, count, 1.0) + [0.0] * zeros
        did = f"Counted {count} scores and {zeros} zeros; the threshold for 0.001:"
        expect(room.tail(scores, [1e-3]), [inf], did)
    found = room.tail(exponential(rng, 400, 1.0), [1e-3])[0]
    expect_between(found, 2.0, 20.0, "Counted 400 scores; the threshold for 0.001:")


@task("5.3")
def test_each_channel_has_its_own_threshold(room: Any, rng: random.Random) -> None:
    """A threshold comes from its own channel and the budget, and never lies below the noise."""
    jumps = exponential(rng, 1500, 1.0)
    learnt = [({"jump": one, "alone": 50 * one, "return": nan}, 0.01) for one in jumps]
    did = "Learnt 1,500 slots of a sensor; the threshold of jump:"
    jump = number(room.limits(720.0, learnt, "jump"), did)
    expect_between(jump, math.log(720), 50.0, did)
    found = room.limits(720.0, learnt, "alone")
    expect_close(found / jump, 50.0, f"{did} that of alone, over it:", within=10.0)
    few = number(room.limits(60.0, learnt, "jump"), f"{did} for 60 slots a month:")
    many = room.limits(6_000.0, learnt, "jump")
    expect_between(many, 1.2 * few, 5 * few, f"{did} for 6,000 slots a month instead of 60:")
    expect(
        room.limits(720.0, learnt[:100], "jump"), inf, "Learnt 100 slots; the threshold of jump:"
    )
    quiet = [({"jump": 1e-4 * one}, rng.choice((-2.0, 2.0))) for one in jumps]
    did = "Learnt a sensor whose ordinary change is 2 and whose jumps are nearly 0; its threshold:"
    expect_between(room.limits(720.0, quiet, "jump"), 4.0, 12.0, did)


@task("5.3")
def test_a_surprise_is_a_sum_of_logarithms(room: Any, rng: random.Random) -> None:
    """Each repetition adds −ln of how often it was so in this context; a break ends the run."""
    told = [(rng.randrange(3), rng.random() < 0.6, True) for _ in range(60)]
    counts, run, level = [[4.0, 0.5] for _ in range(3)], [], 0.0
    found = room.surprises(3, told)
    for place, (context, repeated, _learn) in enumerate(told):
        if repeated:
            broken, again = counts[context]
            level += math.log((broken + again) / again)
            run.append(context)
        else:
            counts[context][0] += 1
            for earlier in run:
                counts[earlier][1] += 1
            level, run = 0.0, []
        did = f"Told of {place + 1} slots in three contexts; the surprise after the last:"
        expect_close(found[place], level, did, within=1e-9)


@task("5.3")
def test_an_incident_isnt_learnt_as_normal(room: Any, rng: random.Random) -> None:
    """A run that ends without learning leaves nothing behind."""
    usual = [(0, one, True) for one in (True, False, False, True, True, False)]
    incident = [(0, True, False)] * rng.randrange(20, 40) + [(0, False, False)]
    after = [(0, True, True)] * 3
    found = room.surprises(1, [*usual, *incident, *after])[-3:]
    # Of 10.5 slots that are known, the prior's among them, 3.5 were repetitions.
    wanted = [math.log(3), 2 * math.log(3), 3 * math.log(3)]
    did = "Told of an incident that isn't to be learnt, then of three repetitions;"
    expect_table(found, wanted, f"{did} the surprises of these:")
    late = [(0, True, True)] * 9 + [(0, False, False)]
    found = room.surprises(1, [*usual, *late, *after])[-3:]
    expect_table(found, wanted, "The same, when only the end of the run says: don't learn.")


@task("5.3")
def test_a_drift_moves_the_whole_band(room: Any, rng: random.Random) -> None:
    """A band has moved as far as its nearest end, against most neighbours; the unknown vote no."""
    size = round(rng.uniform(0.5, 2), 3)
    low, high = [-2.0, -1.0, -3.0], [2.0, 3.0, 1.0]
    for told, lows, highs, voting, wanted in (
        ("lies higher, by 1, 2 and 3", [1, 2, 3], [4, 5, 6], [1, 1, 1], 2.0),
        ("lies lower, by 1, 2 and 3", [-4, -5, -6], [-1, -2, -3], [1, 1, 1], -2.0),
        ("reaches higher by 9 and as low as ever", [0, 0, 0], [9, 9, 9], [1, 1, 1], 0.0),
        ("lies higher by 1 and 2, and lower by 3", [1, 2, -9], [4, 5, -3], [1, 1, 1], 1.0),
        ("lies higher by 1 and 3, one is unknown", [1, nan, 3], [4, nan, 6], [1, 1, 1], 1.0),
        ("lies higher by 3, two are unknown", [nan, nan, 3], [nan, nan, 6], [1, 1, 1], 0.0),
        ("lies higher by 2, of one neighbour", [0, 2, 0], [0, 5, 0], [0, 1, 0], 2.0),
        ("isn't there, without a neighbour", [0, 0, 0], [0, 0, 0], [0, 0, 0], nan),
    ):
        now = [
            [[end + size * shift for end, shift in zip(ends, moved, strict=True)]]
            for ends, moved in ((low, lows), (high, highs))
        ]
        found = room.shifted(now, ([low], [high]), [voting])
        did = f"The band of differences {told} (times {size}); the shift:"
        expect_table(found, [wanted * size], did)


MAY = datetime(2025, 5, 1, tzinfo=UTC)


def alert(name: str, kind: str, hours: float, device: str = "A", **changes: Any) -> Alert:
    facts: dict[str, Any] = {
        "alert_id": name, "device_id": device, "sensor_id": f"{device}-t", "kind": kind,
        "sensor_type": "temperature", "severity": "warning", "value": 1.0, "expected": None,
        "opened_at": MAY + timedelta(hours=hours), "resolved_at": None, "score": 2.0,
        "reason": "", "message_id": None, "position": 0, "traceparent": None,
    }  # fmt: skip
    return Alert(**{**facts, **changes})


def fault(kind: str, start: float, end: float | None, device: str = "A") -> Truth:
    ends = None if end is None else MAY + timedelta(hours=end)
    return Truth(device, f"{device}-t", kind, MAY + timedelta(hours=start), ends, 0.0)


def scored(room: Any, alerts: Sequence[Alert], truths: Sequence[Truth]) -> dict[str, Any]:
    """Return (events, found, alerts, true alerts, named) by kind."""
    found = room.score_events(alerts, truths)
    return {
        kind: (one.events, one.found, one.alerts, one.true_alerts, one.named)
        for kind, one in sorted(found.items())
    }


@task("5.3")
def test_an_event_is_found_once_and_an_alert_counted_once(room: Any, rng: random.Random) -> None:
    """A fault of a day is one event, and an alert counts once however often it is told."""
    late = rng.uniform(1, 20)
    alerts = [alert("a", "stuck", 3), alert("a", "stuck", 3, severity="critical")]
    alerts += [alert("a", "stuck", 3, resolved_at=MAY + timedelta(hours=30))]
    alerts += [alert("b", "stuck", 3 + late), alert("c", "stuck", 200)]
    truths = [fault("stuck", 0, 24), fault("stuck", 400, 424)]
    rng.shuffle(alerts)
    did = (
        "Of two faults one was alerted, twice, one alert told three times; a third was for nothing:"
    )
    did += " events, found, alerts, true ones, named."
    expect(scored(room, alerts, truths), {"stuck": (2, 1, 3, 2, 2)}, did)


@task("5.3")
def test_an_alert_is_true_where_and_while_the_fault_is(room: Any, rng: random.Random) -> None:
    """An alert is true if a fault was on at that sensor, or had ended within its grace."""
    alerts = [alert("early", "spike", -0.5), alert("in", "spike", 0.5), alert("soon", "spike", 2.9)]
    alerts += [alert("after", "spike", 3.1), alert("other", "spike", 0.5, "B")]
    rng.shuffle(alerts)
    did = (
        "A spike of an hour at A; alerts before, during, 1.9 h after and 2.1 h after it, and at B:"
    )
    did += " events, found, alerts, true ones, named."
    expect(scored(room, alerts, [fault("spike", 0, 1)]), {"spike": (1, 1, 5, 2, 2)}, did)
    found = scored(room, [alert("x", "stuck", 900)], [fault("stuck", 0, None)])
    expect(found, {"stuck": (1, 1, 1, 1, 1)}, "An alert on a fault that still lasts.")


@task("5.3")
def test_a_true_alert_may_name_another_kind(room: Any) -> None:
    """An alert of another kind is true, but finds nothing; drift and deviation are the same."""
    alerts = [alert("a", "spike", 1), alert("b", "deviation", 301), alert("c", "dropout", 600)]
    found = scored(room, alerts, [fault("stuck", 0, 9), fault("drift", 300, 600)])
    wanted = {
        "deviation": (0, 0, 1, 1, 1),
        "drift": (1, 1, 0, 0, 0),
        "dropout": (0, 0, 1, 1, 0),
        "spike": (0, 0, 1, 1, 0),
        "stuck": (1, 0, 0, 0, 0),
    }
    did = "Faults: stuck, drift. Alerts in them: spike; deviation and dropout."
    expect(found, wanted, f"{did} Events, found, alerts, true ones, named:")


# --- 5.4

CALM = {"spike": 6, "stuck": 1, "dropout": 1, "skew": 6, "deviation": 24, "drift": 48}
HIDES = {
    "stuck": ("spike", "deviation", "drift"),
    "dropout": ("spike", "deviation", "drift", "skew"),
    "skew": ("spike", "dropout", "deviation", "drift", "stuck"),
    "drift": ("deviation",),
    "deviation": ("drift",),
}
NOW = 1_746_057_600_000


def told(book: Any, kind: str, strengths: Sequence[float], start: int = 0) -> list[Any]:
    """Report strengths, one an hour from hour `start` on; return what the book says to each."""
    times = [NOW + (start + hour) * HOUR for hour in range(len(strengths))]
    return [book.report(kind, s, at, at) for s, at in zip(strengths, times, strict=True)]


def words(found: Sequence[Any]) -> list[str]:
    """Return in a word what a book said each time."""
    return [
        "-" if one is None else one.severity if one.resolved_ms is None else "resolved"
        for one in found
    ]


@task("5.4")
def test_an_incident_opens_at_the_threshold(room: Any, rng: random.Random) -> None:
    """An incident opens at 1.0, as a warning; from 2.0 on it is critical."""
    for strength, wanted in (
        (0.0, "-"), (0.999, "-"), (1.0, "warning"), (1.999, "warning"), (2.0, "critical"),
        (rng.uniform(0.6, 0.99), "-"), (rng.uniform(1.01, 1.99), "warning"), (50.0, "critical"),
    ):  # fmt: skip
        (found,) = told(room.make_book("A"), "drift", [strength])
        expect(words([found]), [wanted], f"Reported a strength of {strength:.4g}.")
        if found is not None:
            facts = (found.kind, found.opened_ms, found.peak, found.resolved_ms)
            did = f"Reported a strength of {strength:.4g}; kind, opening, peak, end:"
            expect(facts, ("drift", NOW, strength, None), did)


@task("5.4")
def test_evidence_at_the_edge_doesnt_flap(room: Any, rng: random.Random) -> None:
    """While evidence is 0.6 or more an incident stays open and silent."""
    wobble = [rng.choice((0.6, 0.61, 0.8, 0.99, 1.0, 1.3, 1.99)) for _ in range(100)]
    found = told(room.make_book("A"), "stuck", [1.2, *wobble])
    did = "Reported 1.2, then a hundred hours between 0.6 and 1.99; what was said:"
    expect(words(found), ["warning"] + ["-"] * 100, did)


@task("5.4")
def test_an_incident_is_resolved_once_after_its_calm(room: Any, rng: random.Random) -> None:
    """An incident ends, once, when its calm has passed since the last sign."""
    signs = [rng.uniform(0.6, 1.5) for _ in range(4)]
    for kind, calm in CALM.items():
        quiet = [rng.choice((0.0, 0.3, 0.59)) for _ in range(calm + 20)]
        found = told(room.make_book("A"), kind, [1.0, *signs, *quiet])
        wanted = ["warning"] + ["-"] * (3 + calm) + ["resolved"] + ["-"] * 20
        did = f"Reported a {kind} for five hours, then calm; what was said:"
        expect(words(found), wanted, did)
        end = found[4 + calm]
        expect(end.resolved_ms, NOW + (4 + calm) * HOUR, f"Reported a {kind}; its end:")
        expect(end.alert_id, found[0].alert_id, f"Reported a {kind}; its id at the end:")


@task("5.4")
def test_a_sign_within_the_calm_starts_it_again(room: Any, rng: random.Random) -> None:
    """A sign within the calm keeps the incident: it is one, not two."""
    pause = rng.randrange(1, 5)
    found = told(room.make_book("A"), "spike", [1.5] + ([0.0] * pause + [0.7]) * 6 + [0.0] * 6)
    did = f"Reported a spike, and a sign of 0.7 after every {pause} calm hours, then calm:"
    expect(words(found), ["warning"] + ["-"] * (6 * pause + 11) + ["resolved"], did)


@task("5.4")
def test_a_warning_that_becomes_critical_is_told_again(room: Any, rng: random.Random) -> None:
    """A warning that becomes critical is told once more, under the same id."""
    rise = [1.0, 1.5, 2.0 + rng.random(), 5.0, 1.0, 3.0, 0.7]
    found = told(room.make_book("A"), "drift", rise)
    did = f"Reported {', '.join(f'{one:.3g}' for one in rise)}; what was said:"
    expect(words(found), ["warning", "-", "critical", "-", "-", "-", "-"], did)
    expect(found[2].alert_id, found[0].alert_id, f"{did} the second id:")
    expect((found[2].opened_ms, found[2].peak), (NOW, rise[2]), f"{did} its opening and peak:")


@task("5.4")
def test_what_an_incident_causes_isnt_news(room: Any) -> None:
    """While an incident is open, and as long again as its calm, what it would cause is hidden."""
    for cause, hidden in HIDES.items():
        for kind in CALM:
            if kind == cause:
                continue
            book = room.make_book("A")
            calm = CALM[cause]
            told(book, cause, [1.0])
            during = words(told(book, kind, [3.0], 1))
            did = f"Reported a {kind} of 3.0 while a {cause} was open."
            expect(during, ["-" if kind in hidden else "critical"], did)
            if kind not in hidden:
                continue
            told(book, cause, [0.0] * calm, 1)
            after = words(told(book, kind, [3.0, 3.0], 2 * calm - 1))
            did = f"Reported a {kind} {calm - 1} and {calm} h after the end of a {cause}."
            expect(after, ["-", "critical"], did)


@task("5.4")
def test_an_incident_that_ended_isnt_news_at_once(room: Any) -> None:
    """The same kind opens again only when its calm has passed once more, under a new id."""
    for kind, calm in CALM.items():
        book = room.make_book("A")
        found = told(book, kind, [1.0] + [0.0] * calm + [1.5] * calm)
        did = f"Reported a {kind}, its calm, and {calm} h of 1.5 from then on; the last answers:"
        expect(words(found)[calm:], ["resolved"] + ["-"] * (calm - 1) + ["warning"], did)
        expect_that(found[-1].alert_id != found[0].alert_id, did, "a new id", found[-1].alert_id)


@task("5.4")
def test_silence_is_respected(room: Any, rng: random.Random) -> None:
    """Before the end of its silence a kind opens nothing; others do, and what is open goes on."""
    hours = rng.randrange(5, 15)
    book = room.make_book("A")
    book.silence("drift", NOW + hours * HOUR)
    book.silence("drift", NOW + 2 * HOUR)
    found = told(book, "drift", [1.5] * (hours + 1))
    did = f"Silenced drift for {hours} h, and for 2 h; 1.5 was reported every hour; what was said:"
    expect(words(found), ["-"] * hours + ["warning"], did)
    expect(words(told(book, "spike", [1.5])), ["warning"], f"{did} a spike then:")
    book = room.make_book("A")
    told(book, "stuck", [1.5])
    book.silence("stuck", NOW + 99 * HOUR)
    found = told(book, "stuck", [2.5, 0.0], 1)
    expect(words(found), ["critical", "resolved"], "Silenced a kind with an open incident.")


@task("5.4")
def test_the_same_log_gives_the_same_ids(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """An id is made of sensor, kind and time: the same in another process, different otherwise."""
    since = NOW + rng.randrange(10_000) * 1000
    cases = [
        (key, kind, at) for key in "AB" for kind in ("spike", "drift") for at in (since, since + 1)
    ]
    ids = []
    for bench in (room, None):
        books = [(bench or again(sandbox)).make_book(key) for key, _kind, _at in cases]
        reports = zip(books, cases, strict=True)
        ids.append([book.report(kind, 1.5, NOW + HOUR, at) for book, (_k, kind, at) in reports])
        sandbox.kill()
    first, second = ([one.alert_id for one in row] for row in ids)
    did = "Reported eight incidents that differ in sensor, kind or time, in two processes;"
    same = sum(one == other for one, other in zip(first, second, strict=True))
    expect(same, 8, f"{did} how many have the same id in both:")
    expect(len(set(first)), 8, f"{did} how many ids there are:")
    opened = [one.opened_ms for one in ids[0]]
    expect(opened, [at for _key, _kind, at in cases], f"{did} when they were opened:")


# --- 5.5

UNTIL = datetime(2013, 5, 6, tzinfo=UTC)
HELD = datetime(2013, 7, 1, tzinfo=UTC)


def card_of(sandbox: Sandbox, version: str) -> dict[str, Any]:
    """Return a card that a dead worker left, {} if it is none."""
    try:
        found = json.loads(sandbox.take(f"{version}/card.json") or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def forge(sandbox: Sandbox, place: str, blob: bytes | None = None, **changes: Any) -> None:
    """Write another model file, with its hash on the card, as somebody who knows how would."""
    card = {**card_of(sandbox, place), **changes}
    if blob is not None:
        card["sha256"] = hashlib.sha256(blob).hexdigest()
        sandbox.put(f"{place}/model.skops", blob)
    sandbox.put(f"{place}/card.json", json.dumps(card).encode())


def loaded(load: Callable[[str], Any], version: str, did: str) -> Any:
    """Return a model that must be there."""
    try:
        return load(version)
    except RemoteError as error:
        if error.task is not None:
            raise
        raise NotYet(did, "the model", f"{error}") from None


def again(sandbox: Sandbox) -> Any:
    """Return the room in a new worker."""
    return sandbox.open().open()


@task("5.5")
def test_a_model_survives_a_kill(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """What was saved is on disk, whole, with a card that says what it is."""
    rows = noise(rng, 12, 3)
    card = room.arrays(sandbox.place("kill"), "v1", rows, UNTIL)
    sandbox.kill()
    blob = sandbox.take("kill/v1/model.skops") or b""
    did = "Saved a model, killed the process and opened its files;"
    expect_that(zipfile.is_zipfile(BytesIO(blob)), f"{did} the model:", "a skops file", blob[:20])
    digest = hashlib.sha256(blob).hexdigest()
    kept = card_of(sandbox, "kill/v1")
    for name, found, wanted in (
        ("the hash on the card", kept.get("sha256"), digest),
        ("the hash on the returned card", card.sha256, digest),
        ("the data's hash", kept.get("data_hash"), "data-v1"),
        ("the metrics", kept.get("metrics"), {"mae": 1.0}),
        ("until when it was trained", kept.get("trained_until"), UNTIL.isoformat()),
    ):
        expect(found, wanted, f"{did} {name}:")
    found, said = again(sandbox).read_arrays(sandbox.place("kill"), "v1")
    expect_table(found, rows, f"{did} its array, loaded:")
    expect_that(len(said) == 12, f"{did} its estimator's answers:", "12 numbers", said)


@task("5.5")
def test_a_tampered_model_is_refused(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A file that isn't the one that was saved is refused as tampered with."""
    folder = sandbox.place("tamper")
    for version in ("v1", "v2"):
        room.saved(folder, version, {"error": float(version[1])}, UNTIL, 1.0)
    blob = bytearray(sandbox.take("tamper/v1/model.skops") or b"?")
    place = rng.randrange(len(blob))
    blob[place] ^= 1 << rng.randrange(8)
    other = sandbox.take("tamper/v2/model.skops") or b""
    for told_, content in (
        (f"Turned a bit of byte {place}", bytes(blob)),
        ("Put v2's file", other),
    ):
        sandbox.put("tamper/v1/model.skops", content)
        did = f"{told_} in v1's place, and loaded v1."
        expect_refused(
            lambda: again(sandbox).registry(folder).load("v1"), did, kind="TamperedModel"
        )
    load, did = again(sandbox).registry(folder).load, "Loaded v2 as it was."
    expect(loaded(load, "v2", did), {"error": 2.0}, did)


@task("5.5")
def test_a_model_of_another_edition_is_refused(room: Any, sandbox: Sandbox) -> None:
    """A model of another edition of the libraries, or of another format, is refused as such."""
    folder = sandbox.place("edition")
    room.saved(folder, "v1", {"error": 1.0}, UNTIL, 1.0)
    sandbox.kill()
    card = card_of(sandbox, "edition/v1")
    libraries = {**card.get("libraries", {}), "scikit-learn": "0.19"}
    for told_, changes in (
        ("scikit-learn 0.19", {"libraries": libraries}),
        ("one library more", {"libraries": {**card.get("libraries", {}), "torch": "2.0"}}),
        ("format 2", {"format": 2}),
    ):
        forge(sandbox, "edition/v1", **{**card, **changes})
        did = f"Loaded a model whose card says {told_}."
        expect_refused(
            lambda: again(sandbox).registry(folder).load("v1"), did, kind="IncompatibleModel"
        )
    forge(sandbox, "edition/v1", **card)
    load, did = again(sandbox).registry(folder).load, "Loaded it with its own card."
    expect(loaded(load, "v1", did), {"error": 1.0}, did)


@task("5.5")
def test_loading_executes_nothing(room: Any, sandbox: Sandbox) -> None:
    """A file that would run code when it is read is refused, and its code doesn't run."""
    folder, trace = sandbox.place("trap"), sandbox.place("trap/sprung")
    room.saved(folder, "v1", {"error": 1.0}, UNTIL, 1.0)
    did = "Saved a model and loaded it."
    expect(loaded(room.registry(folder).load, "v1", did), {"error": 1.0}, did)
    sandbox.kill()
    leaves = f"open({trace!r}, 'w').write('sprung')"
    # Who hides the file that a pickle has written doesn't survive the next one.
    ends = "__import__('os')._exit(3)"
    for told_, blob in (
        ("a pickle", pickle.dumps(Trap(leaves))),
        ("a pickle of an old protocol", pickle.dumps(Trap(ends), protocol=0)),
        ("a pickle in a zip", zipped("schema.json", pickle.dumps(Trap(ends)))),
    ):
        forge(sandbox, "trap/v1", blob)
        did = f"Put {told_} in a model's place, with its hash on the card, and loaded it."
        load = again(sandbox).registry(folder).load
        expect_refused(partial(load, "v1"), did, kind="RegistryError")
        expect(sandbox.take("trap/sprung"), None, f"{did} What it would have written:")


class Trap:
    """Pickled, it runs code wherever it is read."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code,)


def zipped(name: str, content: bytes) -> bytes:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, content)
    return held.getvalue()


@task("5.5")
def test_types_that_nobody_trusts_are_refused(room: Any, sandbox: Sandbox) -> None:
    """A model that names types that skops would have to be told to trust is refused."""
    folder = sandbox.place("foreign")
    room.foreign(folder, "v1", UNTIL)
    sandbox.kill()
    did = "Saved a model that holds a fraction, and loaded it."
    load = again(sandbox).registry(folder).load
    expect_refused(lambda: load("v1"), did, naming="Fraction", kind="UntrustedModel")


@task("5.5")
def test_a_version_is_a_name_and_whole(room: Any, sandbox: Sandbox) -> None:
    """A version's name is no path; without its card or its file a version doesn't exist."""
    folder = sandbox.place("names")
    for version in ("../out", "a/b", "", "v 1", "x" * 65, "v1\n"):
        for call in (lambda v=version: room.saved(folder, v, {"error": 1.0}, UNTIL, 1.0),
                     lambda v=version: room.registry(folder).load(v)):  # fmt: skip
            expect_refused(call, f"Used the version {version!r}.")
    for version in ("v1", "v2"):
        room.saved(folder, version, {"error": 1.0}, UNTIL, 1.0)
    sandbox.kill()
    sandbox.put("names/v1/card.json", b'{"version": "v1", "da')
    for version, told_ in (("v1", "whose card is half written"), ("v3", "that was never saved")):
        load = again(sandbox).registry(folder).load
        did = f"Loaded a version {told_}."
        expect_refused(lambda load=load, v=version: load(v), did, kind="UnknownVersion")  # type: ignore[misc]
    expect_refused(lambda: again(sandbox).unwritable(folder, "v2", UNTIL),
                   "Saved what can't be written.", kind="Exception")  # fmt: skip
    did = "Saved what can't be written as v2, and loaded v2: what was there before."
    load = again(sandbox).registry(folder).load
    expect(loaded(load, "v2", did), {"error": 1.0}, did)


def rivals(room: Any, folder: str, errors: Mapping[str, float], until: datetime = UNTIL) -> None:
    """Save models that know their error; each card boasts of another one."""
    for version, error in errors.items():
        room.saved(folder, version, {"error": error}, until, 10.0 - error)


def error_of(content: Any) -> float:
    return number(content["error"] if isinstance(content, dict) else content, "Read a model.")


@task("5.5")
def test_only_the_better_one_is_promoted(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """The first is promoted, then only what is better on the data held back; equal isn't."""
    folder = sandbox.place("promote")
    base = round(rng.uniform(1, 3), 3)
    rivals(room, folder, {"v1": base, "v2": base, "v3": base - 0.5, "v4": base - 0.2})
    sandbox.kill()
    did = f"Promoted models of error {base:g}, the same, 0.5 less, and 0.2 less;"
    expect(again(sandbox).registry(folder).champion(), None, "Asked for the champion before.")
    found = [again(sandbox).promoted(folder, f"v{n}", error_of, HELD) for n in range(1, 5)]
    expect(found, [True, False, True, False], f"{did} whether each was:")
    sandbox.kill()
    expect(again(sandbox).registry(folder).champion(), "v3", f"{did} the champion after a kill:")


@task("5.5")
def test_both_are_judged_on_data_that_neither_saw(room: Any, sandbox: Sandbox) -> None:
    """Neither challenger nor champion is judged on data held back that it has seen."""
    folder = sandbox.place("seen")
    rivals(room, folder, {"v1": 3.0}, HELD)
    rivals(room, folder, {"v2": 1.0}, HELD + timedelta(days=9))
    rivals(room, folder, {"v3": 2.0})
    promote = partial(room.promoted, folder)
    did = "Promoted a model that was trained until the day from which data are held back."
    expect(promote("v1", error_of, HELD), True, did)
    did = "Promoted a model that has seen nine days of the data held back."
    expect_refused(partial(promote, "v2", error_of, HELD), did)
    did = "Promoted a model on data that the champion has seen."
    expect_refused(partial(promote, "v3", error_of, UNTIL), did)
    expect(room.registry(folder).champion(), "v1", f"{did} The champion:")
    asked: list[float] = []

    def score(content: Any) -> float:
        asked.append(error_of(content))
        return asked[-1]

    promote("v3", score, HELD)
    expect(
        sorted(asked), [2.0, 3.0], "Promoted a challenger of error 2 to one of 3; who was judged:"
    )


@task("5.5")
def test_one_step_back(room: Any, sandbox: Sandbox) -> None:
    """A rollback goes one step back, on disk, and says so when there is nowhere to go."""
    folder = sandbox.place("back")
    rivals(room, folder, {"v1": 3.0, "v2": 2.0, "v3": 1.0})
    registry = room.registry(folder)
    for version in ("v1", "v2", "v3"):
        registry.promote(version, error_of, HELD)
    found = registry.rollback()
    sandbox.kill()
    did = "Promoted v1, v2 and v3, and rolled back;"
    expect(found, "v2", f"{did} the answer:")
    registry = again(sandbox).registry(folder)
    expect(registry.champion(), "v2", f"{did} the champion after a kill:")
    expect(registry.rollback(), "v1", f"{did} and rolled back again:")
    expect_refused(registry.rollback, f"{did} and twice more.", kind="RegistryError")
    expect(registry.champion(), "v1", f"{did} and twice more; the champion:")


# --- 5.6


def index_of(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Return the index over deciles, half a value in an empty bin."""
    ordered = sorted(expected)
    edges = []
    for decile in range(1, 10):
        place = (len(ordered) - 1) * decile / 10
        low = ordered[int(place)]
        edges.append(low + (ordered[min(int(place) + 1, len(ordered) - 1)] - low) * (place % 1))
    bounds = [-inf, *edges, inf]
    total = 0.0
    for low, high in pairwise(bounds):
        shares = [
            max(sum(low <= one < high for one in values), 0.5) / len(values)
            for values in (expected, actual)
        ]
        total += (shares[1] - shares[0]) * math.log(shares[1] / shares[0])
    return total


@task("5.6")
def test_the_index_is_over_deciles_of_the_expected(room: Any, rng: random.Random) -> None:
    """The index compares shares in the deciles of what was expected, whatever the scale."""
    scale = rng.choice((0.01, 1.0, 50.0))
    expected = [scale * rng.lognormvariate(0, 1) for _ in range(507)]
    for told_, actual in (
        ("drawn from the same", [scale * rng.lognormvariate(0, 1) for _ in range(404)]),
        ("a little larger", [scale * rng.lognormvariate(0.4, 1) for _ in range(404)]),
        ("much more alike", [scale * rng.lognormvariate(0, 0.4) for _ in range(203)]),
    ):
        wanted = index_of(expected, actual)
        did = f"Compared 507 skewed values with {len(actual)} {told_}."
        expect_close(room.index(expected, actual), wanted, did, within=0.02 + 0.05 * wanted)
        held = [one for value in actual for one in (value, nan)]
        expect_close(room.index([nan, *expected], held), wanted, f"{did} With NaN in both.",
                     within=0.02 + 0.05 * wanted)  # fmt: skip
    expect_close(
        room.index(expected, expected), 0.0, "Compared values with themselves.", within=1e-9
    )


@task("5.6")
def test_an_empty_bin_keeps_it_finite(room: Any, rng: random.Random) -> None:
    """An empty bin counts half a value, values beyond the range go to the outer bins."""
    count = rng.randrange(40, 90)
    expected = [float(n) for n in range(102)]
    for far in (1000.0, -1000.0):
        wanted = index_of(expected, [far] * count)
        did = f"Compared 0 to 101 with {count} values of {far:g}."
        expect_close(room.index(expected, [far] * count), wanted, did, within=0.12)
    ties = [100.0] * 300 + [float(n) for n in range(40, 100)]
    expect_close(room.index(ties, ties), 0.0, "Compared values, most of them 100, with themselves.",
                 within=1e-9)  # fmt: skip
    for empty, actual in (([1.0, nan], [nan, nan]), ([nan], [1.0, 2.0])):
        ask = partial(room.index, empty, actual)
        expect_refused(ask, f"Compared {empty} with {actual}.")


def chance_of(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the exact p-value of two samples of the same size without ties, by counting paths."""
    count = len(one)
    ordered = sorted([(value, 1) for value in one] + [(value, -1) for value in other])
    height = most = 0
    for _value, step in ordered:
        height += step
        most = max(most, abs(height))
    ways = {0: 1}
    for left in range(2 * count, 0, -1):
        following: dict[int, int] = {}
        for at, number_ in ways.items():
            for to in (at - 1, at + 1):
                if abs(to) < most and abs(to) <= left - 1:
                    following[to] = following.get(to, 0) + number_
        ways = following
    return 1.0 - ways.get(0, 0) / math.comb(2 * count, count)


def blocks(means: Sequence[float], block: int, rng: random.Random) -> list[float]:
    """Return values whose means of blocks are those."""
    values = []
    for one in means:
        away = [rng.uniform(-9, 9) for _ in range(block - 1)]
        values += [one + x for x in away] + [one - sum(away)]
    return values


@task("5.6")
def test_the_test_is_on_means_of_blocks(room: Any, rng: random.Random) -> None:
    """The p-value is Kolmogorov-Smirnov's for the means of whole blocks, of what is known."""
    for shift in (0.0, 0.8, 1.6, 6.0):
        one, other = ([rng.gauss(40 + at, 1) for _ in range(16)] for at in (0.0, shift))
        pair = (blocks(one, 5, rng), blocks(other, 5, rng))
        did = f"Tested 16 blocks of 5 against 16 that lie {shift:g} higher."
        (found,) = room.p_values([pair], 5)
        wanted = chance_of(one, other)
        # The exact test and the asymptotic one are both right.
        expect_close(found, wanted, did, within=0.05 + 0.1 * wanted)
        longer = (pair[0] + [900.0] * 4, pair[1] + [-900.0] * 4)
        (same,) = room.p_values([longer], 5)
        expect_close(same, found, f"{did} With an unfinished block at each end.", within=1e-9)
        gaps = [[nan, *[fmean(pair[0][n : n + 5])] * 4] for n in range(0, 80, 5)]
        (same,) = room.p_values([([value for block in gaps for value in block], pair[1])], 5)
        expect_close(same, found, f"{did} With a gap in each block of one.", within=1e-9)


@task("5.6")
def test_a_dozen_blocks_are_needed(room: Any, rng: random.Random) -> None:
    """With fewer than twelve blocks on a side nothing is said: 1.0."""
    high, low = ([round(rng.gauss(at, 1), 3) for _ in range(48)] for at in (50, 0))
    for told_, pair, wanted in (
        ("eleven blocks and three quarters", (high[:47], low), 1.0),
        ("twelve blocks, one without a value", ([*high[:40], *[nan] * 4, *high[:4]], low), 1.0),
        ("no block at all", (high[:3], low), 1.0),
        ("twelve blocks", (high, low), 0.0),
    ):
        for each in (pair, pair[::-1]):
            (found,) = room.p_values([each], 4)
            did = f"Tested twelve blocks around 0 against {told_} around 50."
            expect_close(found, wanted, did, within=1e-3)


def persistent(rng: random.Random, count: int, level: float = 0.0) -> list[float]:
    """Return values that are nearly their predecessors."""
    value, values = rng.gauss(0, 2.3), []
    for _slot in range(count):
        value = 0.9 * value + rng.gauss(0, 1)
        values.append(round(value + level, 3))
    return values


@task("5.6")
def test_memory_alone_is_no_drift(room: Any, rng: random.Random) -> None:
    """Readings that are nearly their predecessors don't always drift, but a real shift is seen."""
    pairs = [(persistent(rng, 1500), persistent(rng, 1500)) for _ in range(12)]
    found = [number(p, "Read a p-value.") < 0.01 for p in room.p_values(pairs, 60)]
    did = "Tested 12 pairs of series of the same kind, with a memory of some ten slots;"
    expect_between(sum(found), 0, 3, f"{did} how many are said to differ (p below 0.01):")
    moved = [(persistent(rng, 1500), persistent(rng, 1500, 3.0)) for _ in range(4)]
    found = [number(p, "Read a p-value.") < 0.01 for p in room.p_values(moved, 60)]
    did = "Tested 4 pairs, the second of each 3.0 higher;"
    expect(found, [True] * 4, f"{did} whether they differ (p below 0.01):")


@task("5.6")
def test_the_report_says_what_moved(room: Any, rng: random.Random) -> None:
    """The report names what moved, the farthest first, and asks for retraining only then."""
    names = [f"q{n}" for n in rng.sample(range(100), 4)]
    still, little, much, tiny = names
    before = {name: [rng.gauss(0, 1) for _ in range(600)] for name in names}
    shift = {still: 0.0, little: 1.2, much: 3.0, tiny: 0.3}
    now = {name: [rng.gauss(shift[name], 1) for _ in range(600)] for name in names}
    rows, moved, retrain = room.report(before, now, 6)
    did = "Reported on four quantities that lie 0, 1.2, 3 and 0.3 deviations higher;"
    expect([row[0] for row in rows], names, f"{did} what was looked at:")
    expect(moved, [much, little], f"{did} what moved, the farthest first:")
    expect(retrain, True, f"{did} whether to retrain:")
    for name, psi, p_value, _moved in rows:
        expect_close(
            psi, room.index(before[name], now[name]), f"{did} {name}'s index:", within=1e-9
        )
        (wanted,) = room.p_values([(before[name], now[name])], 6)
        expect_close(p_value, wanted, f"{did} {name}'s p-value:", within=1e-9)
    found = room.report({still: before[still]}, {still: before[still][::-1]}, 6)
    expect(
        found[1:], ([], False), "Reported on a quantity beside itself; what moved, and retraining:"
    )


@task("5.6")
def test_both_must_say_moved(room: Any, rng: random.Random) -> None:
    """Far but not sure, or sure but not far, isn't moved; many quantities need surer evidence."""
    few = ([rng.gauss(0, 1) for _ in range(44)], [rng.gauss(3, 1) for _ in range(44)])
    many = ([rng.gauss(0, 1) for _ in range(4000)], [rng.gauss(0.2, 1) for _ in range(4000)])
    for told_, (before, now) in (("44 values, 3", few), ("4,000 values, 0.2", many)):
        found = room.report({"q": before}, {"q": now}, 4)
        did = f"Reported on {told_} deviations higher, in blocks of 4; what moved:"
        expect(found[1], [], did)
    # Of 12 blocks each, 8 lie below all others: p is 0.008.
    low = [float(n) for n in range(12)]
    high = [7.5 + n / 32 for n in range(8)] + [float(20 + n) for n in range(4)]
    at = chance_of(low, high)
    before, now = ([value for one in side for value in (one, one)] for side in (low, high))
    for others, wanted in ((0, ["q"]), (4, [])):
        still = {f"other{n}": low * 2 for n in range(others)}
        did = f"Reported on a quantity with p = {at:.4f} and {others} that are as they were;"
        found = room.report({"q": before, **still}, {"q": now, **still}, 2)
        expect(found[1], wanted, f"{did} what moved:")


# --- 5.7


class Model:
    """A model of the trusted side; it notes what it was asked."""

    def __init__(
        self, says: Callable[[Rows], Any], order: list[str] | None = None, name: str = ""
    ) -> None:
        self.says = says
        self.asked: list[tuple[Rows, Rows, int]] = []
        self._order, self._name = order, name

    def predict(self, window: Rows, neighbours: Rows, day: int) -> Any:
        self.asked.append((window, neighbours, day))
        if self._order is not None:
            self._order.append(self._name)
        return self.says(window)


class Kept:
    """Telemetry that keeps what was measured."""

    def __init__(self) -> None:
        self.measured: list[tuple[Fact, float, dict[str, str]]] = []

    def event(self, level: str, name: str, **context: object) -> None: ...
    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None: ...
    def trace(self, traceparent: str | None = None) -> str:
        return traceparent or ""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        self.measured.append((fact, value, labels))


def heard(kept: Kept) -> Served:
    return Served(kept, frozenset({"event", "measure", "trace", "span"}))


def ahead(window: Rows) -> Rows:
    """Return a forecast that depends on the whole window."""
    sums = [sum(v * (n + 1) for n, v in enumerate(column(window, place)) if not isnan(v))
            for place in range(len(window[0]))]  # fmt: skip
    return [[round(one / 10 + step, 6) for one in sums] for step in range(24)]


def raises(kind: type[Exception]) -> Callable[[Rows], Rows]:
    def fail(_window: Rows) -> Rows:
        raise kind("no forecast today")

    return fail


def constant(rows: Any) -> Callable[[Rows], Any]:
    return lambda _window: rows


def question(rng: random.Random, sensors: int = 3) -> tuple[Rows, list[list[int]], int]:
    window = noise(rng, 30, sensors, 5.0)
    window[rng.randrange(25)][0] = nan
    return window, [[-1]] * sensors, 24


def holding(window: Rows) -> Rows:
    return [window[-1]] * 24


def served(room: Any, verb: str, questions: Sequence[Any], says: Any, **about: Any) -> Any:
    """Return (answers, windows after) of a service whose model says that."""
    pairs = [(says, about.get("spoils", False)), about.get("challenger")]
    models = [
        pair and ((pair[0] if isinstance(pair[0], Model) else Model(pair[0])).predict, pair[1])
        for pair in pairs
    ]
    telemetry = about.get("telemetry") or heard(Kept())
    made = room.service(telemetry, about.get("budget", 600.0), *models)
    return room.answers(made, verb, questions)


def expect_answer(found: Any, values: Rows, source: str, did: str) -> None:
    """Go on if an answer has these values and this source, and a reason if it is a fallback."""
    expect((found[1], found[2]) if found[1] != source else found[1], source, f"{did} Who answered:")
    expect_table(found[0], values, f"{did} The answer:")
    wish = "a reason" if source == "fallback" else "no reason"
    expect_that(bool(found[2]) is (source == "fallback"), f"{did} The reason:", wish, found[2])


@task("5.7")
def test_the_model_answers_what_it_was_asked(room: Any, rng: random.Random) -> None:
    """The model is asked with the question as it is, and its answer comes back."""
    asked_ = question(rng)
    model = Model(ahead)
    ((found,), _windows) = served(room, "single", [asked_], model)
    expect_answer(found, ahead(asked_[0]), "model", "Asked a service whose model answers.")
    did = "Asked a service; what its model was asked:"
    expect(len(model.asked), 1, f"{did} how often:")
    expect_table(model.asked[0][0], asked_[0], f"{did} the window:")
    expect(model.asked[0][1:], ([[-1]] * 3, 24), f"{did} the neighbours and slots a day:")


@task("5.7")
def test_a_model_that_raises_keeps_nobody_waiting(room: Any, rng: random.Random) -> None:
    """If the model raises, whatever it is, persistence answers and says why."""
    asked_ = question(rng)
    asked_[0][-1][2] = nan
    ((found,), _windows) = served(room, "single", [asked_], ahead)
    expect_table(found[0], ahead(asked_[0]), "Asked a service whose model answers:")
    for kind in (
        RuntimeError,
        ValueError,
        KeyError,
        ZeroDivisionError,
        MemoryError,
        AssertionError,
    ):
        for spoils in (False, True):
            ((found,), windows) = served(room, "single", [asked_], raises(kind), spoils=spoils)
            did = f"Asked a service whose model raises {kind.__name__}"
            did += " and has overwritten its window." if spoils else "."
            expect_answer(found, holding(asked_[0]), "fallback", did)
            expect_table(windows, [asked_[0]], f"{did} The question's window afterwards:")


@task("5.7")
def test_what_is_no_forecast_is_replaced(room: Any, rng: random.Random) -> None:
    """A wrong shape, or NaN or infinity for a sensor that has a value, is no forecast."""
    asked_ = question(rng)
    asked_[0][-1][1] = nan
    good = ahead(asked_[0])
    spoilt = {value: [list(row) for row in good] for value in (nan, inf)}
    for value, rows in spoilt.items():
        rows[rng.randrange(24)][rng.choice((0, 2))] = value
    hole = [[row[0], nan, row[2]] for row in good]
    cases: tuple[tuple[str, Any, str], ...] = (
        ("23 rows", good[:23], "fallback"),
        ("two sensors of three", [row[:2] for row in good], "fallback"),
        ("one row", good[0], "fallback"),
        ("a number", 3.0, "fallback"),
        ("a NaN for a sensor that has a value", spoilt[nan], "fallback"),
        ("an infinity", spoilt[inf], "fallback"),
        ("NaN for the sensor that is silent", hole, "model"),
    )
    for told_, rows, wanted in cases:
        ((found,), _windows) = served(room, "single", [asked_], constant(rows))
        did = f"Asked a service whose model answers {told_}."
        expect_answer(found, hole if wanted == "model" else holding(asked_[0]), wanted, did)


@task("5.7")
def test_lateness_changes_no_answer(room: Any, rng: random.Random) -> None:
    """A model over its budget is said to be late, and its answer given all the same."""
    asked_ = question(rng)
    slow = threading.Event()

    def wait(window: Rows) -> Rows:
        slow.wait(0.03)  # nobody sets it
        return ahead(window)

    for budget, late in ((600.0, False), (0.02, True)):
        for verb in ("single", "batch"):
            ((found,), _windows) = served(room, verb, [asked_], wait, budget=budget)
            did = f"Asked ({verb}) a model that takes 0.03 s, with a budget of {budget:g} s."
            expect_answer(found, ahead(asked_[0]), "model", did)
            expect(found[3], late, f"{did} Whether it was late:")


@task("5.7")
def test_a_batch_answers_as_one_by_one_would(room: Any, rng: random.Random) -> None:
    """A batch has one answer a question, in order; a bad one doesn't spoil the rest."""
    asked_ = [question(rng, rng.randrange(1, 4)) for _ in range(6)]
    bad = rng.randrange(6)

    def says(window: Rows) -> Rows:
        if window[-1] == asked_[bad][0][-1]:
            raise RuntimeError("this one can't be told")
        return ahead(window)

    found, _windows = served(room, "batch", asked_, says)
    did = f"Asked six questions at once; the model fails for number {bad + 1}."
    expect(len(found), 6, f"{did} How many answers came:")
    for place, (one, ask) in enumerate(zip(found, asked_, strict=True)):
        source = "fallback" if place == bad else "model"
        wanted = holding(ask[0]) if place == bad else ahead(ask[0])
        expect_answer(one, wanted, source, f"{did} Number {place + 1}.")
    expect(served(room, "batch", [], says)[0], [], "Asked a batch of no question.")


@task("5.7")
def test_the_same_question_has_the_same_answer(room: Any, rng: random.Random) -> None:
    """What was asked before changes no answer, and neither does the way of asking."""
    asked_ = [question(rng) for _ in range(3)]
    models = [(Model(says).predict, False) for says in (ahead, raises(ValueError))]
    made = room.service(heard(Kept()), 600.0, *models)
    order = [asked_[n] for n in (0, 1, 0, 2, 1, 0)]
    wanted = [ahead(window) for window, _near, _day in order]
    for verb in ("single", "batch", "shadow", "single"):
        found, _windows = room.answers(made, verb, order)
        did = f"Asked three questions again and again ({verb}); the answers:"
        expect_table([one[0] for one in found], wanted, did)


@task("5.7")
def test_nothing_of_a_challenger_is_seen(room: Any, rng: random.Random) -> None:
    """A challenger is asked after the champion, and whatever it does isn't seen in the answer."""
    asked_ = question(rng)
    for told_, says, spoils in (
        ("answers otherwise", lambda _window: [[9.0] * 3] * 24, False),
        ("answers nonsense", lambda _window: 3.0, False),
        ("answers NaN", lambda _window: [[nan] * 3] * 24, False),
        ("raises", raises(RuntimeError), False),
        ("overwrites its window", ahead, True),
    ):
        order: list[str] = []
        champion, rival = Model(ahead, order, "champion"), Model(says, order, "challenger")
        ((found,), windows) = served(room, "shadow", [asked_], champion, challenger=(rival, spoils))
        did = f"Asked in the shadow of a challenger that {told_}."
        expect_answer(found, ahead(asked_[0]), "model", did)
        expect(found[3], False, f"{did} Whether it was late:")
        expect_table(windows, [asked_[0]], f"{did} The question's window afterwards:")
        expect(order, ["champion", "challenger"], f"{did} Who was asked:")
        expect_table(rival.asked[0][0], asked_[0], f"{did} What the challenger was asked:")
    ((found,), _windows) = served(room, "shadow", [asked_], ahead)
    expect_answer(found, ahead(asked_[0]), "model", "Asked in the shadow of no challenger.")


@task("5.7")
def test_the_service_tells_its_time_and_its_fallbacks(room: Any, rng: random.Random) -> None:
    """Each call's seconds are measured by mode, and each fallback counted with its reason."""
    asked_ = question(rng)
    for verb, says, fallbacks in (
        ("single", ahead, 0),
        ("single", raises(KeyError), 1),
        ("batch", raises(KeyError), 1),
        ("shadow", ahead, 0),
    ):
        kept = Kept()
        rival = (raises(ValueError), False) if verb == "shadow" else None
        served(room, verb, [asked_], says, telemetry=heard(kept), challenger=rival)
        did = f"Asked ({verb}) a model that {'fails' if fallbacks else 'answers'};"
        times = [
            v for f, v, names in kept.measured if f is Fact.INFERENCE_S and names == {"mode": verb}
        ]
        expect(len(times), 1, f"{did} how often inference_s of mode {verb} was measured:")
        expect_between(times[0], 0.0, 60.0, f"{did} the seconds:")
        reasons = [names for f, _v, names in kept.measured if f is Fact.INFERENCE_FALLBACKS]
        expect(len(reasons), fallbacks, f"{did} how many fallbacks were counted:")
        for names in reasons:
            expect(sorted(names), ["reason"], f"{did} the labels of the fallback:")
