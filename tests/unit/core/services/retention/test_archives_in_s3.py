"""Archives in an S3-compatible store: written, searched, exported, forgotten from, swept and deleted as in a folder."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import text

from connectpulse.core.domain.retention import Subject
from connectpulse.core.services import jobs
from connectpulse.core.services.retention import archives, browsing, engine, exports
from connectpulse.core.services.retention.browsing import Asked
from connectpulse.core.services.work import Actor
from connectpulse.core.storage import ids, partitions
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing import factories

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
AMINA = Actor("user", "Amina", 1)
PERSON, OTHER = "+923001234567", "+923001234568"


@pytest.fixture
def bucket(tmp_path: Path, archive_folder: Path) -> Iterator[str]:
    import boto3

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="pulse")
        url = f"s3://pulse/archive?endpoint_url={address}"
        places.set(archive=url, backup=str(tmp_path / "backup"), ledger=str(tmp_path / "ledger"))
        yield url
    server.stop()


def test_an_archive_lives_in_s3_from_its_rows_to_its_end(house: House, organisation: int, bucket: str) -> None:
    with house.engine.begin() as connection:
        partitions.ensure(connection, OLD, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) SELECT :first + n, :here, now(), 20, 1, 1, 1, 'sms', "
                "CASE n WHEN 1 THEN :person ELSE :other END, 'ACME', 'Dear ' || n FROM generate_series(1, 20) n"
            ),
            {"first": ids.at(OLD), "here": organisation, "person": PERSON, "other": OTHER},
        )
    engine.run(house.work, NOW)
    (entry,) = places.archive.entries(archives.site())
    found = browsing.page(house.work, factories.ADMINISTRATOR, organisation, Asked("pulse_message", address=PERSON))
    assert (len(found.rows), found.faults) == (1, [])
    with house.work(AMINA, organisation) as work:
        export_id = exports.begin(work, Asked("pulse_message")).id
        ((_, job_id),) = work.wakes
    jobs.run(house.work, job_id, "a worker")
    assert len(places.archive.entries(exports.FOLDER)) == 1
    exported = b"".join(exports.fetch(house.work, AMINA, organisation, export_id))
    assert len(exported.decode().splitlines()) == 21
    assert places.archive.entries(exports.FOLDER) == []
    person = Subject(organisation, (("phone", PERSON),))
    assert archives.erase(house.work, person) == 1
    assert list(archives.find(house.work, person)) == []
    assert len(list(archives.find(house.work, Subject(organisation, (("phone", OTHER),))))) == 19
    assert [each.name for each in places.archive.entries(archives.site())] == [entry.name]
    engine.run(house.work, NOW + timedelta(days=1900))
    house.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    archives.sweep(house.work)
    assert entry.name not in {each.name for each in places.archive.entries()}
