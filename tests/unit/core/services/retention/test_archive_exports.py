"""Exports of archives: made file by file, whole after a kill and a merge, fetched once, gone with who was erased."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from connectpulse.core.domain.retention import Subject
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import jobs
from connectpulse.core.services.retention import archives, batches, engine, exports
from connectpulse.core.services.retention.browsing import Asked
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard, ids, partitions
from connectpulse.core.storage.models import Archive, ArchiveExport
from connectpulse.house import House

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
PERSON = "+923110007"
AMINA, BILAL = Actor("user", "Amina", 1), Actor("user", "Bilal", 2)


@pytest.fixture
def archived(house: House, organisation: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Six files of ten messages each; the third step of an export is the last."""
    monkeypatch.setattr(batches, "ARCHIVED", 10)
    monkeypatch.setattr(exports, "FILES", 2)
    with house.engine.begin() as connection:
        partitions.ensure(connection, OLD, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, campaign_id, changed_at, state, parts, quantity, "
                "units, channel, address, sender, body) "
                "SELECT :first + n, :here, n % 2, now(), 20, 1, 1, 1.5, 'sms', '+92311000' || n, 'ACME', "
                "CASE n WHEN 9 THEN '=1+1' ELSE 'Dear ' || n END "
                "FROM generate_series(1, 60) n"
            ),
            {"first": ids.at(OLD), "here": organisation},
        )
    for name in set(house.registry.rules) - {"pulse_message"}:
        del house.registry.rules[name]
    engine.run(house.work, NOW)
    return organisation


def _begin(house: House, organisation: int, actor: Actor = AMINA, **wanted: Any) -> int:
    with house.work(actor, organisation) as work:
        return exports.begin(work, Asked("pulse_message", **wanted)).id


def _run(house: House) -> None:
    with house.work(SYSTEM) as work:
        due = jobs.due(work)
    for job_id in due:
        jobs.run(house.work, job_id, "a worker")


def _row(house: House, export_id: int) -> ArchiveExport:
    with house.work(SYSTEM) as work:
        row = archives.alone(work, ArchiveExport, export_id)
    assert row is not None
    return row


def _fetched(house: House, organisation: int, export_id: int, actor: Actor = AMINA) -> list[str]:
    return b"".join(exports.fetch(house.work, actor, organisation, export_id)).decode().splitlines()


def test_every_row_is_handed_over_once_and_to_nobody_else(house: House, archived: int, archive_folder: Path) -> None:
    export_id = _begin(house, archived)
    _run(house)
    row = _row(house, export_id)
    assert (row.state, row.rows, row.files_done, len(row.parts)) == ("ready", 60, 6, 3)
    assert b"ACME" not in b"".join((archive_folder / name).read_bytes() for name in row.parts)
    with pytest.raises(NotFound):
        _fetched(house, archived, export_id, BILAL)
    lines = _fetched(house, archived, export_id)
    assert len(lines) == 61
    assert lines[0].startswith("id,")
    assert len({line.partition(",")[0] for line in lines}) == 61
    assert sum("'=1+1" in line for line in lines) == 1, "a spreadsheet does not run it"
    with pytest.raises(Refused, match="fetched already"):
        _fetched(house, archived, export_id)
    assert _row(house, export_id).secret in (None, {})
    assert not list((archive_folder / exports.FOLDER).rglob("*.bin"))


def test_only_what_matches_is_exported(house: House, archived: int) -> None:
    one, half = _begin(house, archived, address=PERSON), _begin(house, archived, campaign_id=1)
    none = _begin(house, archived, since=NOW)
    _run(house)
    assert [_row(house, each).rows for each in (one, half, none)] == [1, 30, 0]
    assert len(_fetched(house, archived, none)) == 1, "the headings"


def test_a_killed_worker_leaves_an_export_that_goes_on(house: House, archived: int) -> None:
    export_id = _begin(house, archived)
    with house.work(SYSTEM) as work:
        (job_id,) = jobs.due(work)
    exports.gather(house.work, export_id)
    jobs.run(house.work, job_id, "a worker", lambda: True)
    assert _row(house, export_id).files_done == 2
    exports.gather(house.work, export_id)
    jobs.run(house.work, job_id, "another worker")
    assert len(_fetched(house, archived, export_id)) == 61
    assert exports.sweep(house.work) == 0, "what lies there may still be catalogued"
    house.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert exports.sweep(house.work) == 2, "what the killed workers put there"


def test_it_begins_anew_if_files_go_meanwhile(house: House, archived: int) -> None:
    export_id = _begin(house, archived)
    with house.work(SYSTEM) as work:
        (job_id,) = jobs.due(work)
    jobs.run(house.work, job_id, "a worker", lambda: True)
    with house.work(SYSTEM) as work:
        first = work.session.scalars(select(Archive.id).order_by(Archive.id).limit(1)).one()
        work.session.execute(delete(Archive).where(Archive.id == first))
    jobs.run(house.work, job_id, "a worker")
    row = _row(house, export_id)
    assert (row.state, row.files_total, row.rows) == ("ready", 5, 50)


def test_an_erasure_withdraws_it(house: House, archived: int) -> None:
    made, making = _begin(house, archived), 0
    _run(house)
    making = _begin(house, archived)
    assert archives.erase(house.work, Subject(archived, (("phone", PERSON),))) == 1
    for export_id in (made, making):
        row = _row(house, export_id)
        assert (row.state, row.secret or None) == ("withdrawn", None)
        with pytest.raises(Refused):
            _fetched(house, archived, export_id)
    _run(house)
    assert _row(house, making).state == "withdrawn"


def test_it_expires_with_its_key(house: House, archived: int) -> None:
    export_id = _begin(house, archived)
    _run(house)
    house.clock = lambda: datetime.now(UTC) + exports.GOOD_FOR + timedelta(minutes=1)
    with pytest.raises(Refused, match="day is over"):
        _fetched(house, archived, export_id)
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        assert exports.expire(work) == 1
    assert (_row(house, export_id).state, _row(house, export_id).secret or None) == ("expired", None)
    house.clock = lambda: datetime.now(UTC) + exports.GOOD_FOR + timedelta(hours=2)
    assert exports.sweep(house.work) == 3


def test_a_damaged_file_ends_it_in_words(house: House, archived: int, archive_folder: Path) -> None:
    with house.work(SYSTEM) as work:
        name = work.session.scalars(select(Archive.name).limit(1)).one()
    (archive_folder / name).write_bytes(b"nothing")
    export_id = _begin(house, archived)
    _run(house)
    row = _row(house, export_id)
    assert row.state == "failed"
    assert name in row.reason


def test_too_many_rows_and_too_many_exports_are_refused(
    house: House, archived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST", 30)
    export_id = _begin(house, archived)
    _run(house)
    assert "more than 30 rows" in _row(house, export_id).reason
    for _ in range(exports.MOST_OPEN):
        _begin(house, archived)
    with pytest.raises(Refused, match="being made already"):
        _begin(house, archived)
    with house.work(AMINA, archived) as work, pytest.raises(Refused):
        exports.begin(work, Asked("nothing"))
