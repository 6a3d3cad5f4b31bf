"""Room 7, the checks that a student doesn't see: what each task means, on the run's own inputs."""

import json
import math
import random
import re
import threading
import time
import urllib.request
from datetime import datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from grader.evidence import (
    expect,
    expect_between,
    expect_close,
    expect_refused,
    expect_that,
    number,
    task,
)
from grader.sandbox import Sandbox
from shared.contracts.facts import Fact
from shared.contracts.settings import Settings, TelemetrySettings

TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")


def lines_of(sandbox: Sandbox, name: str) -> list[str]:
    """Return the lines of a file once the worker is dead."""
    return (sandbox.take(name) or b"").decode().splitlines()


def objects(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(sandbox, name)]


def samples(text: bytes) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the samples of an exposition by name, as a scraper parses them."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("123456789abcdef") for _ in range(count))


# --- 7.1


@task("7.1")
def test_levels_below_are_dropped(sandbox: Sandbox, rng: random.Random) -> None:
    """A journal writes its level and above, in order."""
    levels = ["debug", "info", "warning", "error"]
    told = [(rng.choice(levels), f"event-{n}", {"n": n}) for n in range(60)]
    for lowest in ("info", "error"):
        sandbox.open().open().written(sandbox.place(f"{lowest}.log"), lowest, told)
        found = [(one["level"], one["event"]) for one in objects(sandbox, f"{lowest}.log")]
        kept = levels[levels.index(lowest) :]
        wanted = [(level, name) for level, name, _context in told if level in kept]
        expect(found, wanted, f"Wrote 60 lines of all levels to a journal of level {lowest}.")


@task("7.1")
def test_nothing_is_formatted_for_nobody(room: Any, sandbox: Sandbox) -> None:
    """A line below the level is dropped before anything is formatted."""
    found = room.formatted(sandbox.place("quiet.log"))
    expect(found, 0, "Counted how often the context of a dropped line was made text of.")


@task("7.1")
def test_a_newline_forges_no_line(room: Any, sandbox: Sandbox) -> None:
    """What data says can't forge a line, nor move a terminal's cursor."""
    evil = 'x\n{"level": "error", "event": "forged"}\r\n\x1b[2J\u2028'
    room.written(sandbox.place("evil.log"), "info", [("info", evil, {"sensor": evil})])
    data = sandbox.take("evil.log") or b""
    expect(data.count(b"\n"), 1, "Wrote one line whose text has newlines; the newlines:")
    expect_that(b"\x1b" not in data, "Looked for escape characters.", "none", data)
    expect(json.loads(data)["sensor"], evil, "Read the line back.")


@task("7.1")
def test_a_log_never_stops_its_part(room: Any, sandbox: Sandbox) -> None:
    """An object that can't be written stops nobody, and the lines around it are there."""
    room.unspeakable(sandbox.place("strange.log"))
    found = [one["event"] for one in objects(sandbox, "strange.log")]
    expect_that(
        found[:1] == ["before"] and found[-1:] == ["after"],
        "Wrote a line before and after one whose object can't be made text of.",
        "both",
        found,
    )
    sandbox.open().open().written(sandbox.place("no/folder/x.log"), "info", [("info", "x", {})])


@task("7.1")
def test_the_time_is_utc(room: Any, sandbox: Sandbox) -> None:
    """The time of a line is now, in UTC, with a Z."""
    room.written(sandbox.place("time.log"), "info", [("info", "x", {})])
    (found,) = objects(sandbox, "time.log")
    moment = datetime.fromisoformat(found["timestamp"])
    expect_that(found["timestamp"].endswith("Z"), "Read a time.", "a Z", found["timestamp"])
    off = abs(moment.timestamp() - time.time())
    expect_between(off, 0.0, 30.0, "Compared it with the clock.", unit="s")


@task("7.1")
def test_secrets_are_known_by_their_key(room: Any, rng: random.Random) -> None:
    """A secret is known by its key's name, in any case and inside a longer name."""
    word = digits(rng, 12)
    for key in (
        "secret",
        "db_password",
        "Authorization",
        "access_token",
        "COOKIE",
        "private_key",
        "apiKey",
        "api_key",
        "credentials",
    ):
        expect(room.masked({key: word, "n": 1}), {key: "***", "n": 1}, f"Masked the key {key}.")


@task("7.1")
def test_secrets_are_known_by_their_look(room: Any, rng: random.Random) -> None:
    """A secret is known by its look, inside longer texts and nested values."""
    word = digits(rng, 24)
    jwt = f"eyJhbGciOiJFUzI1NiJ9.{word}.{word}"
    pem = f"-----BEGIN EC PRIVATE KEY-----\n{word}\n-----END EC PRIVATE KEY-----"
    for text in (f"sent Bearer {word} to", f"got {jwt}", f"read {pem}", f"at amqp://me:{word}@h/x"):
        found = room.masked({"detail": {"list": [text, "fine"]}})
        expect_that(word not in json.dumps(found), f"Masked: {text}", "no secret in it", found)
        expect(found["detail"]["list"][1], "fine", "Read the text beside it.")


@task("7.1")
def test_numbers_stay_numbers(room: Any) -> None:
    """Numbers, truth values and None stay as they are."""
    plain = {"a": 1, "b": 2.5, "c": True, "d": None, "e": "text", "f": [1, {"g": 2}]}
    expect(room.masked(plain), plain, "Masked a context without secrets.")


# --- 7.2


@task("7.2")
def test_what_a_traceparent_says(room: Any, rng: random.Random) -> None:
    """A valid traceparent tells trace, parent and sampling."""
    trace, parent = digits(rng, 32), digits(rng, 16)
    for flags, sampled in (("00", False), ("01", True), ("03", True), ("02", False), ("ff", True)):
        (found,) = room.parsed([f"00-{trace}-{parent}-{flags}"])
        got = None if found is None else (found.trace_id, found.parent_id, found.sampled)
        expect(got, (trace, parent, sampled), f"Parsed 00-{trace}-{parent}-{flags}.")
    (found,) = room.parsed([f"01-{trace}-{parent}-01-what-comes-later"])
    got = None if found is None else found.trace_id
    expect(got, trace, "Parsed one of a later version, which goes on.")


@task("7.2")
def test_an_invalid_traceparent_is_none(room: Any, rng: random.Random) -> None:
    """What isn't a valid traceparent is none, and raises nothing."""
    trace, parent = digits(rng, 32), digits(rng, 16)
    bad = [
        f"ff-{trace}-{parent}-01",
        f"00-{'0' * 32}-{parent}-01",
        f"00-{trace}-{'0' * 16}-01",
        f"00-A{trace[1:]}-{parent}-01",
        f"00-{trace}-{parent}-01-more",
        f"00-{trace}-{parent}-1",
        f"00-{trace[1:]}-{parent}-01",
        f" 00-{trace}-{parent}-01",
        f"00-{trace}-{parent}-01\n",
        f"00-{trace}-٣{parent[1:]}-01",
        "",
        "-" * 55,
    ]
    for text, found in zip(bad, room.parsed(bad), strict=True):
        expect(found, None, f"Parsed {text!r}.")


@task("7.2")
def test_children_of_a_parent(room: Any, rng: random.Random) -> None:
    """A child keeps trace and sampling, whatever the share, and has an id of its own."""
    for flags, share in (("01", 0.0), ("00", 1.0)):
        parent = f"00-{digits(rng, 32)}-{digits(rng, 16)}-{flags}"
        found = room.children(parent, share, 50)
        heads = {(one[:35], one[-3:]) for one in found}
        did = f"Asked for 50 children of {parent} with the share {share:g};"
        expect(heads, {(parent[:35], f"-{flags}")}, f"{did} trace and flags:")
        ids = {one[36:52] for one in found}
        expect_that(len(ids) == 50 and parent[36:52] not in ids, f"{did} ids:", "50 new", len(ids))


@task("7.2")
def test_a_bad_parent_starts_a_new_trace(room: Any) -> None:
    """A missing or invalid parent is replaced by a new, valid trace."""
    for parent in (None, "", "00-zz", f"00-{'0' * 32}-{'1' * 16}-01"):
        found = room.children(parent, 1.0, 20)
        traces = {match[1] for one in found if (match := TRACE.fullmatch(one))}
        did = f"Asked 20 times for the next of {parent!r}; how many valid new traces:"
        expect(len(traces), 20, did)


@task("7.2")
def test_the_share_is_kept(room: Any, rng: random.Random) -> None:
    """New traces are sampled with the share that was asked for."""
    share = rng.choice((0.1, 0.25, 0.6))
    found = room.children(None, share, 3000)
    got = sum(one.endswith("-01") for one in found) / len(found)
    did = f"Started 3,000 traces with the share {share:g}; how many were sampled:"
    expect_close(got, share, did, within=5 * math.sqrt(share * (1 - share) / 3000))
    for whole in (0.0, 1.0):
        flags = {one[-2:] for one in room.children(None, whole, 200)}
        expect(flags, {f"0{whole:.0f}"}, f"Started 200 traces with the share {whole:g}.")


@task("7.2")
def test_spans_are_kept_of_sampled_traces_only(room: Any, sandbox: Sandbox) -> None:
    """A span of a sampled trace is a line; one of another isn't."""
    folder = sandbox.place("spans")
    settings = Settings(role="gateway", telemetry=TelemetrySettings(folder=folder))
    one, other = "1" * 32, "2" * 32
    told = [
        ("post", f"00-{one}-{'a' * 16}-01", 10.0, 10.5),
        ("post", f"00-{other}-{'b' * 16}-00", 11.0, 11.5),
        ("post", "nonsense1", 12.0, 12.5),
    ]
    room.spans(settings, told)
    found = objects(sandbox, "spans/spans-gateway.jsonl")
    did = "Kept the span of a sampled trace, of another, and of nonsense;"
    expect([span["trace_id"] for span in found], [one], f"{did} the traces in the file:")
    span = found[0]
    expect((span["name"], span["start_s"], span["end_s"]), ("post", 10.0, 10.5), did)


# --- 7.3


@task("7.3")
def test_kinds_of_metrics(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Counters add, gauges show the last value, histograms observe: seen by a scrape."""
    lags = [float(rng.randrange(100)) for _ in range(5)]
    ages = [rng.choice((0.01, 0.3, 4.0)) for _ in range(12)]
    told: list[tuple[Fact, float, dict[str, str]]]
    told = [(Fact.STREAM_LAG, lag, {}) for lag in lags]
    told += [(Fact.READING_AGE_S, age, {"device": "box-1"}) for age in ages]
    told += [(Fact.MQTT_MESSAGES, 2.0, {"direction": way}) for way in ("in", "in", "out")]
    port = sandbox.expose()
    room.serve(port, told)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        found = samples(answer.read())
    did = "Scraped the metrics over HTTP;"
    expect(found.get("academy_stream_lag_events"), [({}, lags[-1])], f"{did} the stream's lag:")
    got = sorted(found.get("academy_mqtt_messages_total", []), key=str)
    wanted = [({"direction": "in"}, 4.0), ({"direction": "out"}, 2.0)]
    expect(got, wanted, f"{did} MQTT messages:")
    count = found.get("academy_reading_age_seconds_count")
    expect(count, [({}, float(len(ages)))], f"{did} the ages' count:")
    edge = [v for at, v in found["academy_reading_age_seconds_bucket"] if at["le"] == "0.25"]
    within = float(sum(age <= 0.25 for age in ages))
    expect(edge, [within], f"{did} ages within the objective of 0.25 s:")


@task("7.3")
def test_many_names_arent_many_series(room: Any) -> None:
    """A metric has at most 100 series; what comes beyond is counted under `other`."""
    told = [(Fact.ACCESS_REFUSED, 1.0, {"reason": f"name-{n}"}) for n in range(1000)]
    found = samples(room.exposed(told))["academy_access_refused_total"]
    did = "Measured 1,000 refusals with a reason each;"
    expect_between(len(found), 2, 101, f"{did} the series:")
    expect(sum(value for _labels, value in found), 1000.0, f"{did} their sum:")
    others = [value for labels, value in found if labels["reason"] == "other"]
    expect_that(bool(others) and others[0] >= 899, f"{did} under `other`:", "900 or so", others)


@task("7.3")
def test_no_devices_name_becomes_a_label(room: Any) -> None:
    """Devices choose their names, so a name is no label; waiting readings are summed."""
    told = [(Fact.READINGS_MADE, 1.0, {"device": f"box-{n}"}) for n in range(300)]
    told += [(Fact.OUTBOX_PENDING, value, {"device": d}) for d, value in PENDING]
    text = room.exposed(told)
    found = samples(text)
    expect(found.get("academy_readings_made_total"), [({}, 300.0)], "Made a reading of 300 boxes.")
    did = "Told that 5 readings wait at a, 7 at b, then 2 at a."
    expect(found.get("academy_outbox_pending_readings"), [({}, 9.0)], did)
    expect_that(b"box-1" not in text, "Looked for a device's name.", "none", "it is there")


PENDING = (("a", 5.0), ("b", 7.0), ("a", 2.0))


@task("7.3")
def test_two_in_one_process_dont_clash(room: Any) -> None:
    """Every metrics object has a registry of its own."""
    one, other = room.twice([(Fact.OLD_SCHEMA, 3.0, {})])
    did = "Made metrics twice in one process and measured 3 with the first;"
    expect(samples(one).get("academy_old_schema_total"), [({}, 3.0)], f"{did} the first:")
    expect(samples(other).get("academy_old_schema_total"), [({}, 0.0)], f"{did} the second:")


@task("7.3")
def test_the_machine_in_base_units(room: Any) -> None:
    """The system family tells CPU in seconds, memory in bytes, shares as ratios."""
    found = samples(room.exposed([]))
    did = "Read the system family;"

    def one(name: str) -> object:
        values = found.get(name, [({}, math.nan)])
        return values[0][1]

    expect_between(one("academy_process_memory_bytes"), 5e6, 1e10, f"{did} memory:", unit="bytes")
    seconds = one("academy_process_cpu_seconds_total")
    expect_between(seconds, 0.001, 600.0, f"{did} CPU time:", unit="s")
    expect_between(one("academy_machine_cpu_ratio"), 0.0, 1.0, f"{did} the machine's CPU:")
    machine = one("academy_machine_memory_bytes")
    expect_between(machine, 1e7, 1e14, f"{did} the machine's memory:", unit="bytes")


@task("7.3")
def test_presence_becomes_a_gauge(room: Any) -> None:
    """Presence takes its own facts, and is a gauge."""
    told = [(Fact.DEVICE_PRESENCE, on, {"device": d}) for d, on in (("a", 1.0), ("b", 1.0))]
    told += [(Fact.DEVICE_PRESENCE, 0.0, {"device": "a"})]
    found = samples(room.exposed(told))
    expect(found.get("academy_devices_connected"), [({}, 1.0)], "Births of a and b, will of a.")


# --- 7.4


@task("7.4")
def test_dependencies_are_asked_at_once(room: Any) -> None:
    """All are asked at once: who hangs holds up nobody and is named."""
    free = threading.Event()

    def hang(_limit_s: float) -> None:
        free.wait(5.0)

    started = time.monotonic()
    names = [f"slow-{n}" for n in range(6)]
    found = room.ask({**dict.fromkeys(names, hang), "log": lambda _limit_s: None}, 0.3)
    took = time.monotonic() - started
    free.set()
    told = dict(found.dependencies)
    did = "Asked six that hang and one that is well, with a limit of 0.3 s;"
    expect_between(took, 0.0, 1.5, f"{did} it took:", unit="s")
    expect(found.ready, False, f"{did} ready:")
    expect(found.live, True, f"{did} live:")
    expect(told.get("log"), "ok", f"{did} the one that is well:")
    silent = [name for name in names if told.get(name) not in (None, "ok")]
    expect(silent, names, f"{did} who is named as silent:")


@task("7.4")
def test_ready_when_all_are_well(room: Any) -> None:
    """Ready means all are ok; without any dependency it is ready too."""
    found = room.ask({name: lambda _limit_s: None for name in ("log", "model")}, 1.0)
    expect((found.live, found.ready), (True, True), "Asked two that are well.")
    expect(room.ask({}, 1.0).ready, True, "Asked nobody.")


@task("7.4")
def test_an_error_without_words_has_its_name(room: Any) -> None:
    """What a dependency raises is named, even without a text."""

    def away(_limit_s: float) -> None:
        raise TimeoutError

    told = dict(room.ask({"log": away}, 1.0).dependencies)
    answer = told.get("log")
    expect_that(
        isinstance(answer, str) and answer not in ("", "ok"),
        "Asked one that raises TimeoutError without a text.",
        "some words",
        answer,
    )


@task("7.4")
def test_who_is_there(room: Any, rng: random.Random) -> None:
    """Each device counts once, whatever is told twice, and a will of a stranger changes nothing."""
    told = [(rng.choice("abcdef"), rng.random() < 0.6) for _ in range(80)]
    online: set[str] = set()
    wanted = []
    for device, on in told:
        (online.add if on else online.discard)(device)
        wanted.append(len(online))
    expect(room.present(told), wanted, "Told of 80 births and wills of six devices.")


# --- 7.5

INF = math.inf


def straight(buckets: list[tuple[float, float]], share: float) -> float:
    """Prometheus' histogram_quantile, as its documentation says it."""
    rank = share * buckets[-1][1]
    below = (0.0, 0.0)
    for edge, count in buckets:
        if count >= rank and count > 0:
            if edge == INF:
                return below[0]
            inside = count - below[1]
            return below[0] + (edge - below[0]) * (rank - below[1]) / inside if inside else edge
        below = (edge, count)
    return below[0]


@task("7.5")
def test_quantiles_as_prometheus_reckons_them(room: Any, rng: random.Random) -> None:
    """A quantile is that of Prometheus' histogram_quantile."""
    for _turn in range(12):
        edges = sorted(rng.sample(range(1, 100), 5))
        counts = [0.0]
        for _edge in range(6):
            counts.append(counts[-1] + rng.choice((0, 1, 5, 40)))
        counts[-1] += 1
        buckets = list(zip([*map(float, edges), INF], counts[1:], strict=True))
        share = rng.choice((0.1, 0.5, 0.9, 0.99))
        did = f"Asked for the {share:g} quantile of {buckets}."
        expect_close(room.quantile(buckets, share), straight(buckets, share), did, within=1e-9)


@task("7.5")
def test_the_endless_bucket_gives_the_edge_before(room: Any) -> None:
    """In the endless bucket the answer is the edge before it."""
    found = room.quantile([(1.0, 2.0), (2.0, 3.0), (INF, 100.0)], 0.99)
    expect_close(found, 2.0, "Asked for p99 where nearly all lie above the last edge.", within=0)


@task("7.5")
def test_no_observation_is_none(room: Any) -> None:
    """Without observations there is no quantile."""
    expect(room.quantile([(1.0, 0.0), (INF, 0.0)], 0.5), None, "Asked of empty buckets.")
    expect(room.quantile([], 0.5), None, "Asked of no buckets.")


@task("7.5")
def test_impossible_questions_are_refused(room: Any) -> None:
    """A share outside 0 to 1 and counts that don't grow are a ValueError."""
    fine = [(1.0, 5.0), (INF, 9.0)]
    for share in (-0.1, 1.1, math.nan):
        did = f"Asked for the share {share}."
        expect_refused(lambda share=share: room.quantile(fine, share), did)  # type: ignore[misc]
    expect_refused(lambda: room.quantile([(1.0, 5.0), (INF, 3.0)], 0.5), "Asked of 5, then 3.")
    expect_close(room.quantile(fine, 1.0), 1.0, "Asked for the share 1.", within=0)


# --- 7.6


@task("7.6")
def test_scores_of_any_run(room: Any, rng: random.Random) -> None:
    """Precision is of alerts, recall of faults, accuracy of all."""
    hits, misses, false, quiet = (rng.randrange(1, 50) for _ in range(4))
    found = room.score(hits, misses, false, quiet)
    did = f"Scored {hits} hits, {misses} misses, {false} false alarms, {quiet} quiet;"
    expect_close(found.precision, hits / (hits + false), f"{did} precision:", within=1e-12)
    expect_close(found.recall, hits / (hits + misses), f"{did} recall:", within=1e-12)
    total = hits + misses + false + quiet
    expect_close(found.accuracy, (hits + quiet) / total, f"{did} accuracy:", within=1e-12)


@task("7.6")
def test_nothing_to_divide_by_is_none(room: Any) -> None:
    """Where nothing can be divided by, there is no score; zero isn't none."""
    for counts, wanted in (
        ((0, 0, 0, 0), (None, None, None)),
        ((0, 0, 2, 0), (0.0, None, 0.0)),
        ((0, 3, 0, 0), (None, 0.0, 0.0)),
    ):
        found = room.score(*counts)
        got = (found.precision, found.recall, found.accuracy)
        expect(got, wanted, f"Scored {counts}.")


@task("7.6")
def test_truth_is_counted_by_outcome(room: Any) -> None:
    """Truth is counted when it arrives; an outcome that isn't known is passed over."""
    outcomes = (("hit", 2.0), ("miss", 2.0), ("hit", 1.0), ("what", 9.0))
    told = [(Fact.ALERT_TRUTH, n, {"outcome": o}) for o, n in outcomes]
    told += [(Fact.FORECAST_COVERED, v, {"type": "humidity"}) for v in (1.0, 0.0, 1.0, 1.0)]
    found = samples(room.exposed(told))
    did = "Told of 3 hits, 2 misses and 9 of an unknown outcome; recall."
    expect(found.get("academy_alert_recall_ratio"), [({}, 0.6)], did)
    coverage = found.get("academy_forecast_coverage_ratio")
    expect(coverage, [({}, 0.75)], "Told of four forecasts, three of them covered.")


# --- 7.7


@task("7.7")
def test_dashboards_can_be_imported(room: Any) -> None:
    """Each dashboard has a uid and a title of its own, each panel a title, a place, a query."""
    boards = room.dashboards()
    expect_that(len(boards) >= 4, "Counted the dashboards.", "one a family at least", len(boards))
    uids = [board["uid"] for board in boards.values()]
    expect(len(set(uids)), len(boards), "Counted their uids.")
    for name, board in boards.items():
        expect_that(name.endswith(".json"), "Read a file's name.", "….json", name)
        ids = [panel["id"] for panel in board["panels"]]
        expect(len(set(ids)), len(ids), f"Counted the ids of {name}'s panels.")
        for panel in board["panels"]:
            did = f"Read {name}, panel {panel['title']};"
            place = panel["gridPos"]
            expect_between(place["x"] + place["w"], 1, 24, f"{did} its right edge of 24:")
            for target in panel["targets"]:
                expect_that("academy" in target["expr"], f"{did} its query:", "ours", target)
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
        expect(len(places), len(ids), f"Counted the places of {name}'s panels.")


@task("7.7")
def test_every_query_asks_for_a_metric_there_is(room: Any) -> None:
    """Every panel asks for metrics that Room 7 exports."""
    told: list[tuple[Fact, float, dict[str, str]]] = [
        (fact, 1.0, LABELS)
        for fact in Fact
        if fact not in (Fact.ALERT_TRUTH, Fact.FORECAST_COVERED, Fact.DEVICE_PRESENCE)
    ]
    told += [(Fact.ALERT_TRUTH, 1.0, {"outcome": o}) for o in ("hit", "miss", "false", "quiet")]
    there = set(samples(room.exposed(told)))
    for name, board in room.dashboards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                asked = set(re.findall(r"academy_[a-z_]+", target["expr"]))
                did = f"Compared {name}, panel {panel['title']}, with the metrics that there are;"
                expect(sorted(asked - there), [], f"{did} missing:")


NAMES = "device direction status route method outcome mark mode reason type kind severity state"
LABELS = dict.fromkeys([*NAMES.split(" "), "feature"], "x")


@task("7.7")
def test_burn_rates_over_two_windows(room: Any) -> None:
    """Each alert needs two windows; the faster burn is critical, the slower a warning."""
    groups = room.alert_rules()["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    records = {rule["record"]: rule["expr"] for rule in rules if "record" in rule}
    alerts = {rule["labels"]["severity"]: rule for rule in rules if "alert" in rule}
    expect(sorted(alerts), ["critical", "warning"], "Read the severities of the alerts.")
    for severity, limit, windows in (
        ("critical", 0.144, ("1h", "5m")),
        ("warning", 0.06, ("6h", "30m")),
    ):
        text = alerts[severity]["expr"]
        did = f"Read the {severity} alert;"
        parts = [part.strip() for part in text.split(" and ")]
        expect(len(parts), 2, f"{did} its conditions: {text};")
        for part, window in zip(parts, windows, strict=True):
            name, _more, bound = part.partition(" > ")
            expect_close(number(float(bound), did), limit, f"{did} its limit:", within=1e-6)
            source = records.get(name, name)
            expect_that(f"[{window}]" in source, f"{did} its window:", window, source)
            expect_that('le="0.25"' in source, f"{did} its objective:", 'le="0.25"', source)
