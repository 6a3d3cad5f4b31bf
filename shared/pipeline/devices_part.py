"""Lets the sensors speak, each device through its own outbox and its own connection."""

import json
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Final

from shared.contracts.messages import Reading
from shared.contracts.ports import DeviceLink

from .exposure import expose
from .part import Part
from .patience import patiently

TOGETHER: Final = 2_000
DRAIN_S: Final = 1.0
TELL_EVERY_S: Final = 0.05  # quicker than a reading travels: `made` is told before `stored`
WAIT_S: Final = 0.25
UNPACED_PENDING: Final = 2_000

Links = Mapping[str, DeviceLink]


def run(part: Part) -> None:
    """Offer what the sensors make until they end or `stop` is set; then drain the outboxes."""
    part.assembly.depend_on_broker()
    sensors = part.assembly.sensors
    bus = part.assembly.bus
    links = {birth.device_id: bus.device(birth) for birth in sensors.births()}
    offered = {name: link.progress().offered for name, link in links.items()}
    expose(part)
    part.tell("ready", devices=len(links))
    source = Source(sensors.readings(offered, part.stop), part.stop)
    while not source.is_over and not part.stop.is_set():
        if not part.assembly.settings.source.paced:
            _wait_for_room(part, links)
        stretch = source.together(WAIT_S)
        if stretch:
            _offer(part, links, stretch)
        part.tell_now_and_then(TELL_EVERY_S, partial(_details, links, stretch))
    _keep_truth(part)
    if not part.stop.is_set():
        part.tell("finished")
    while not part.stop.wait(0.5):
        part.tell(None, **_progress(links))
    _close(links)
    part.tell("stopping", **_progress(links))


class Source:
    """Gathers readings that are due together, so that an outbox commits once for many."""

    def __init__(self, readings: Iterator[Reading], stop: threading.Event) -> None:
        self.is_over = False
        self._ready: queue.Queue[Reading | Exception | None] = queue.Queue(maxsize=2 * TOGETHER)
        self._readings = readings
        self._stop = stop
        threading.Thread(target=self._pull, name="sensors", daemon=True).start()

    def together(self, limit_s: float) -> list[Reading]:
        """Return what is ready, waiting up to `limit_s` for the first one.

        Raises what the sensors raised: Todo, where a task isn't done.
        """
        found: list[Reading] = []
        try:
            item = self._ready.get(timeout=limit_s)
            while item is not None:
                if isinstance(item, Exception):
                    raise item
                found.append(item)
                if len(found) >= TOGETHER:
                    return found
                item = self._ready.get_nowait()
            self.is_over = True
        except queue.Empty:
            pass
        return found

    def _pull(self) -> None:
        try:
            for reading in self._readings:
                if not self._put(reading):
                    return
        except Exception as error:  # noqa: BLE001 - handed to the thread that asked for readings
            self._put(error)
        self._put(None)

    def _put(self, item: Reading | Exception | None) -> bool:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False


def _wait_for_room(part: Part, links: Links) -> None:
    """Hold a source without a pace to what the pipeline takes: an outbox isn't what is measured."""
    while sum(link.progress().pending for link in links.values()) > UNPACED_PENDING:
        if part.stop.wait(0.005):
            return


def _offer(part: Part, links: Links, readings: Sequence[Reading]) -> None:
    by_device: dict[str, list[Reading]] = {}
    for reading in readings:
        by_device.setdefault(reading.device_id, []).append(reading)
    for device, group in by_device.items():
        patiently(part, partial(links[device].offer, group))


def _progress(links: Links) -> dict[str, int]:
    found = [link.progress() for link in links.values()]
    return {
        "offered": sum(progress.offered for progress in found),
        "made": sum(progress.made for progress in found),
        "refused": sum(progress.refused for progress in found),
        "pending": sum(progress.pending for progress in found),
    }


def _details(links: Links, stretch: Sequence[Reading]) -> dict[str, object]:
    newest = {"newest": _newest(stretch)} if stretch else {}
    return {**_progress(links), **newest}


def _newest(readings: Sequence[Reading]) -> list[dict[str, object]]:
    return [
        {**asdict(reading), "timestamp": reading.timestamp.isoformat()} for reading in readings[-9:]
    ]


def _keep_truth(part: Part) -> None:
    """Write the injected faults down for measuring, apart from everything that flows."""
    faults = [asdict(fault) for fault in part.assembly.sensors.truth()]
    part.place.write("truth", json.loads(json.dumps({"faults": faults}, default=str)))


def _close(links: Links) -> None:
    """Close all at once: each waits for its own verdicts."""
    closers = [
        threading.Thread(target=link.close, args=(DRAIN_S,), name=f"close-{name}", daemon=True)
        for name, link in links.items()
    ]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(DRAIN_S + 0.5)
