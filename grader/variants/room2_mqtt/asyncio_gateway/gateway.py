"""The gateway's work in an event loop: the connection's thread throws messages over the fence."""

import asyncio
import contextlib
import time
from collections import deque

from shared.contracts.messages import PRESENCE_ROOT, TOPIC_ROOT

from .carrying import Carrier
from .connection import Connection, Manners
from .intake import Arrival
from .posting import Stopped
from .verdicts import verdict_topic

SUBSCRIPTIONS = (f"{TOPIC_ROOT}/+/+/+", f"{PRESENCE_ROOT}/+")


class HonestGateway:
    """Batches in asyncio; HTTP and disk in a thread of their own."""

    def __init__(self, settings, parts):
        if parts.door is None or parts.dead_letters is None:
            raise ValueError("a gateway needs a door and the dead letters")
        self._bus, self._parts = settings.bus, parts

    def run(self, stop):
        asyncio.run(self._work(stop))

    async def _work(self, stop):
        self._session, self._inside, self._done = 0, set(), deque()
        self._loop, self._queue = asyncio.get_running_loop(), asyncio.Queue()
        manners = Manners(
            "gateway",
            SUBSCRIPTIONS,
            self._came,
            self._connected,
            self._answer,
            may_read=lambda: self._queue.qsize() < self._bus.queue_limit,
            manual_ack=True,
        )
        self._line = Connection(self._bus, self._parts.keyring, self._parts.telemetry, manners)
        carrier = Carrier(self._parts, stop)
        self._line.open()
        try:
            while not stop.is_set():
                self._line.raise_trouble()
                if batch := await self._batch():
                    told = await asyncio.to_thread(carrier.carry, batch)
                    self._done.append((batch, told))
                    self._line.wake()
        except Stopped:
            pass
        finally:
            await asyncio.to_thread(self._line.close)

    async def _batch(self):
        batch = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2) as patience:
                batch.append(await self._queue.get())
                due = batch[0].at_s + self._bus.batch_age_s
                patience.reschedule(self._loop.time() + max(0.0, due - time.monotonic()))
                while len(batch) < self._bus.batch_size:
                    batch.append(await self._queue.get())
        return batch

    def _connected(self):
        self._session += 1
        self._inside.clear()

    def _came(self, message):
        key = message.mid if message.qos else 0
        if key and key in self._inside:
            return
        self._inside.add(key)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\ufffd"
        one = Arrival(self._session, key, topic, bytes(message.payload), time.monotonic())
        with contextlib.suppress(RuntimeError):  # the loop is closed: it comes again
            self._loop.call_soon_threadsafe(self._queue.put_nowait, one)

    def _answer(self, client):
        while self._done:
            batch, told = self._done.popleft()
            for device, text in told.items():
                client.publish(verdict_topic(device), text, 1)
            for one in batch:
                if one.mid and one.session == self._session:
                    client.ack(one.mid, 1)
                    self._inside.discard(one.mid)
