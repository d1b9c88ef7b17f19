"""Small archives are merged: every row in exactly one place whatever happens, holds and erasures respected."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from connectpulse.core.domain.retention import Subject
from connectpulse.core.services import jobs
from connectpulse.core.services.retention import archives, batches, engine, exports, files, holds, merging
from connectpulse.core.services.retention.browsing import Asked
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard, ids, partitions
from connectpulse.core.storage.models import Archive, ArchiveExport, MergedFile
from connectpulse.core.storage.stores import Store
from connectpulse.house import House
from connectpulse.testing import factories

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
OLD = datetime(2026, 4, 6, 12, 0, tzinfo=UTC)
PERSON = "+923110007"
AMINA = Actor("user", "Amina", 1)
FILES = 12


@pytest.fixture
def small(house: House, organisation: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Twelve files of ten messages each, which are not merged yet."""
    with house.engine.begin() as connection:
        partitions.ensure(connection, OLD, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) SELECT :first + n, :here, now(), 20, 1, 1, 1, 'sms', '+92311000' || n, "
                "'ACME', 'Dear ' || n FROM generate_series(1, :rows) n"
            ),
            {"first": ids.at(OLD), "here": organisation, "rows": 10 * FILES},
        )
    for name in set(house.registry.rules) - {"pulse_message"}:
        del house.registry.rules[name]
    with monkeypatch.context() as patch:
        patch.setattr(batches, "ARCHIVED", 10)
        patch.setattr(merging, "FEWEST", 1000)
        engine.run(house.work, NOW)
    assert len(_rows(house)) == FILES
    return organisation


def _rows(house: House) -> list[Archive]:
    with house.work(SYSTEM) as work:
        return archives.listed(work, None, is_all=True)


def _places(house: House) -> Counter[int]:
    return Counter(id for row in _rows(house) for id in archives.read(row).column("id").to_pylist())


def _whole() -> Counter[int]:
    return Counter(ids.at(OLD) + n for n in range(1, 10 * FILES + 1))


def test_small_files_become_one_with_every_row_once(house: House, small: int, archive_folder: Path) -> None:
    before = {row.name: row for row in _rows(house)}
    assert merging.merge_due(house.work) == FILES - 1
    (row,) = _rows(house)
    assert (row.organisation_id, row.table_name, row.month, row.rows) == (small, "pulse_message", "2026-04", 120)
    assert row.first_at == min(each.first_at for each in before.values())
    assert row.last_at == max(each.last_at for each in before.values())
    assert _places(house) == _whole()
    assert merging.merge_due(house.work) == 0
    house.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert archives.sweep(house.work) == 0, "a backup of before may be restored"
    for each in before.values():
        assert archives.read(each).num_rows == 10, "with the catalogue of a backup it opens"
    with house.work(SYSTEM) as work:
        assert set(work.session.scalars(select(MergedFile.name))) == set(before)
        work.session.execute(text("DELETE FROM pulse_merged_file"))
    assert archives.sweep(house.work) == FILES
    assert _places(house) == _whole()


def test_few_files_large_ones_and_other_months_are_left_alone(
    house: House, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(merging, "FEWEST", FILES + 1)
        assert merging.merge_due(house.work) == 0
        patch.undo()
        patch.setattr(merging, "SMALL", 10)
        assert merging.merge_due(house.work) == 0
    other = factories.organisation(house)
    with house.work(SYSTEM) as work:
        three = [row.id for row in archives.listed(work, small)[:3]]
        work.session.execute(update(Archive).where(Archive.id.in_(three[:2])).values(month="2026-03"))
        work.session.execute(update(Archive).where(Archive.id == three[2]).values(organisation_id=other))
    assert merging.merge_due(house.work) == 0
    monkeypatch.setattr(merging, "FEWEST", 9)
    monkeypatch.setattr(merging, "ROWS", 50)
    assert merging.merge_due(house.work) == 4, "a merged file has its bounds"
    assert Counter(row.month for row in _rows(house)) == {"2026-03": 2, "2026-04": 6}
    assert _places(house) == _whole()


def _fails(*_: Any, **__: Any) -> Any:
    raise OSError("The store is away.")


@pytest.mark.parametrize("moment", ["writing", "reading", "taken over", "commit"])
def test_whatever_fails_each_row_is_in_one_place(
    house: House, small: int, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with monkeypatch.context() as patch:
        if moment == "writing":
            patch.setattr(Store, "put", _fails)
        elif moment == "reading":
            patch.setattr(files, "sealed", lambda *given: files.AESGCM(b"x" * 32).encrypt(b"n" * 12, b"", b""))
        elif moment == "commit":
            patch.setattr(merging, "MergedFile", lambda **_: Archive())
        else:
            written = archives.write

            def taking(*given: Any) -> Archive:
                with house.work(SYSTEM) as work:
                    work.session.execute(update(Archive).values(writer="somebody else"))
                return written(*given)

            patch.setattr(archives, "write", taking)
        try:
            assert merging.merge_due(house.work) == 0
        except Exception:
            assert moment != "taken over"
    assert len(_rows(house)) == FILES
    assert _places(house) == _whole()
    with house.work(SYSTEM) as work:
        work.session.execute(update(Archive).values(writer="", lease_until=None))
    assert merging.merge_due(house.work) == FILES - 1
    assert _places(house) == _whole()


def _hold(house: House, organisation: int, kind: str, **given: str) -> None:
    with house.work(AMINA, organisation) as work:
        holds.place(work, kind, "Case 12", **given)


@pytest.mark.parametrize(
    ("kind", "given"),
    [(holds.ORGANISATION, {}), (holds.CLASS, {"table_name": "pulse_message"}),
     (holds.SUBJECT, {"scheme": "phone", "value": PERSON})],
)  # fmt: skip
def test_what_is_held_stays_as_it_is(house: House, small: int, kind: str, given: dict[str, str]) -> None:
    with house.work(SYSTEM) as work:
        (group,) = merging.groups(work)
    _hold(house, small, kind, **given)
    assert merging.merge_due(house.work) == 0
    assert merging.merge(house.work, group) == 0, "it was placed while files were merged"
    assert len(_rows(house)) == FILES


def test_who_was_erased_stays_erased_and_is_erased_from_what_was_merged_meanwhile(
    house: House, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Subject(small, (("phone", PERSON),))
    erase_in: Callable[..., int] = archives._erase_in

    def merging_first(*given: Any) -> int:
        merging.merge_due(house.work)
        return erase_in(*given)

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_erase_in", merging_first)
        assert archives.erase(house.work, person) == 1
    (row,) = _rows(house)
    assert PERSON not in archives.read(row).column("address").to_pylist()
    assert archives.erase(house.work, Subject(small, (("phone", "+923110008"),))) == 1
    assert _places(house) == _whole()


def test_a_file_that_is_being_erased_in_waits_for_the_next_run_and_a_damaged_one_stays(
    house: House, small: int, archive_folder: Path
) -> None:
    busy, damaged = _rows(house)[:2]
    (archive_folder / damaged.name).write_bytes(b"nothing")
    with archives.taken(house.work, busy.id):
        assert merging.merge_due(house.work) == FILES - 3
    left = {row.id: row for row in _rows(house)}
    assert len(left) == 3
    assert {busy.id, damaged.id} < set(left)
    with pytest.raises(files.Damaged):
        archives.read(left[damaged.id])


def test_an_export_that_goes_on_meanwhile_has_every_row_once(
    house: House, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "FILES", 5)
    with house.work(AMINA, small) as work:
        export_id = exports.begin(work, Asked("pulse_message")).id
        due = [job_id for _, job_id in work.wakes]
    jobs.run(house.work, due[0], "a worker", lambda: True)
    merging.merge_due(house.work)
    jobs.run(house.work, due[0], "a worker")
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        assert work.session.get_one(ArchiveExport, export_id).files_total == 1
    lines = b"".join(exports.fetch(house.work, AMINA, small, export_id)).decode().splitlines()
    assert len(set(lines)) == len(lines) == 10 * FILES + 1
