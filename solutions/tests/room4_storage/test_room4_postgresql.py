"""The same log and read model on PostgreSQL: a real server of the test's own."""

import gc
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.contracts.messages import AppendOutcome
from shared.contracts.ports import Storage, StorageParts, StoreUnavailable
from shared.contracts.settings import Settings, StorageSettings
from shared.pipeline.planning import free_port
from solutions.room4_storage import build
from solutions.room4_storage.__main__ import hash_of
from solutions.tests.room4_storage.conftest import Counted, NoClock, event, renamed

CREATED, DUPLICATE, CONFLICT = AppendOutcome

# A store keeps its pool for as long as its process lives; here they end with each test.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"{name} isn't installed (Debian: postgresql)")
    return found


@pytest.fixture(autouse=True)
def pools_end_here() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a cluster on a free loopback port, as an ordinary user: PostgreSQL refuses root."""
    folder = tmp_path_factory.mktemp("postgresql")
    port = free_port(25_432, set())
    as_user: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("runuser isn't installed: PostgreSQL refuses to run as root")
        for parent in (folder, *folder.parents[:2]):
            parent.chmod(0o755)
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    made = [_program("initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync"]
    subprocess.run([*as_user, *made], check=True, capture_output=True, cwd="/")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    control = [*as_user, _program("pg_ctl"), "-D", str(data), "-w"]
    log = ["-l", str(folder / "log")]
    subprocess.run(
        [*control, "-o", options, *log, "start"],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd="/", capture_output=True)


@pytest.fixture
def settings(server: str) -> Settings:
    from sqlalchemy import create_engine

    with create_engine(server).begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return Settings(storage=StorageSettings(log_url=server, series_url=server, findings_url=server))


@pytest.fixture
def store(settings: Settings) -> Storage:
    return build(settings, StorageParts(NoClock(), Counted()))


def test_each_message_is_stored_once(store: Storage) -> None:
    first = event(0)
    other = renamed(event(0, 21.0), first.message_id)
    found = store.log.append([first, first, other, event(1)])
    assert [one.outcome for one in found] == [CREATED, DUPLICATE, CONFLICT, CREATED]
    assert [one.outcome for one in store.log.append([event(1)])] == [DUPLICATE]
    assert store.log.read(0, 10)[0].event == first


def test_no_reader_skips_what_two_writers_append_at_once(settings: Settings) -> None:
    stores = [build(settings, StorageParts(NoClock(), Counted())) for _n in range(4)]
    stores[0].log.head()

    def write(number: int) -> None:
        for batch in range(12):
            events = [event(batch * 10 + n, device=f"d{number}") for n in range(10)]
            stores[number].log.append(events)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(1, 4)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while len(seen) < 360:
        seen += [one.position for one in stores[0].log.read(seen[-1] if seen else 0, 40)]
    for writer in writers:
        writer.join()
    assert seen == sorted(set(seen))
    assert [one.position for one in stores[0].log.read(0, 1_000)] == seen


def test_the_read_model_is_made_again_to_the_last_bit(store: Storage, settings: Settings) -> None:
    store.log.append([event(7 * n, 20 + n % 5) for n in range(300)])
    while store.stream.step(41):
        pass
    before = hash_of(settings.storage.series_url)
    assert store.stream.rebuild() == 300
    assert hash_of(settings.storage.series_url) == before
    found, _cursor = store.series.last(None, None, 10)
    assert found[0].event.timestamp == event(7 * 299).timestamp


def test_a_server_that_is_away_is_told(settings: Settings) -> None:
    away = replace(settings.storage, log_url="postgresql+psycopg://x@127.0.0.1:1/none")
    store = build(replace(settings, storage=away), StorageParts(NoClock(), Counted()))
    with pytest.raises(StoreUnavailable):
        store.log.append([event(0)])
