"""Killed with -9 at a random moment: nothing lost, nothing twice."""

import random
import signal
import subprocess
import sys
from pathlib import Path

from shared.contracts.identifiers import message_id
from solutions.room2_mqtt import open_outbox
from solutions.tests.room2_mqtt.conftest import Broker, World
from solutions.tests.room2_mqtt.doubles import birth_of, readings, wait_for

NUMBER = 600
DEVICE = """
import sys
from pathlib import Path
from solutions.tests.room2_mqtt.conftest import World
from solutions.tests.room2_mqtt.doubles import birth_of, readings
world = World(Path(sys.argv[1]))
link = world.bus(int(sys.argv[2])).device(birth_of())
first = link.progress().offered
for number in range(first, int(sys.argv[3]), 5):
    link.offer(readings(number, min(5, int(sys.argv[3]) - number)))
    print(number, flush=True)
print(link.close(20.0), flush=True)
"""


def device(world: World, broker: Broker) -> "subprocess.Popen[str]":
    """Start a device in a process of its own; it goes on where the last one ended."""
    command = [sys.executable, "-c", DEVICE, str(world.folder), str(broker.port), str(NUMBER)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_device_killed_again_and_again_loses_nothing(world: World, broker: Broker) -> None:
    world.gateway(world.bus(broker.port))
    chance = random.Random(11)
    for _life in range(4):
        process = device(world, broker)
        assert process.stdout is not None
        for _line in range(chance.randrange(1, 20)):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    process = device(world, broker)
    output, _errors = process.communicate(timeout=60)
    assert output.splitlines()[-1].strip() == "True", "all are vouched for"
    expected = {
        message_id(one.device_id, one.sensor_id, one.sensor_type, one.timestamp, one.value)
        for one in readings(0, NUMBER)
    }
    assert set(world.api.stored) == expected
    outbox = open_outbox(str(Path(world.folder) / "outbox-dev1.db"), 10, "test")
    progress = outbox.progress()
    outbox.close()
    assert (progress.offered, progress.made, progress.pending) == (NUMBER, NUMBER, 0)


GATEWAY = """
import sys, threading
from pathlib import Path
from solutions.tests.room2_mqtt.conftest import World
from solutions.tests.room2_mqtt.doubles import Api
class Slow(Api):
    def send(self, items):
        print(len(items), flush=True)
        threading.Event().wait(60)
world = World(Path(sys.argv[1]))
world.api = Slow()
world.bus(int(sys.argv[2])).gateway().run(threading.Event())
"""


def test_a_gateway_killed_in_the_middle_of_a_batch_loses_nothing(
    world: World, broker: Broker
) -> None:
    command = [sys.executable, "-c", GATEWAY, str(world.folder), str(broker.port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    bus = world.bus(broker.port, resend_after_s=1.0)
    link = world.device(bus, birth_of())
    assert link.offer(readings(0, 100)) == 100
    assert process.stdout is not None
    assert int(process.stdout.readline()) > 0, "a batch is at the API"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    assert link.progress().pending == 100
    world.gateway(bus)
    wait_for(lambda: link.progress().pending == 0, "all are vouched for")
    assert len(world.api.stored) == 100
