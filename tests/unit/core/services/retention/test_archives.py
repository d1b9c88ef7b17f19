"""Archives: read back as written, damage named, people found in them and forgotten; holds win; a kill loses nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from connectpulse.core.domain.retention import Subject
from connectpulse.core.errors import NotFound, PulseError, Refused
from connectpulse.core.services import four_eyes
from connectpulse.core.services.retention import archives, batches, engine, files, holds, lease, search
from connectpulse.core.services.retention.terms import Slice
from connectpulse.core.services.work import SYSTEM, Actor, Work
from connectpulse.core.storage import guard, ids, leaves, partitions, stores, vault
from connectpulse.core.storage.models import Archive, RetentionClock, RetentionRun
from connectpulse.core.storage.stores import places
from connectpulse.core.storage.vault import keyring
from connectpulse.house import House
from connectpulse.testing import factories

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=100)
PERSON = "+923001234567"
AMINA, BILAL = Actor("user", "Amina", 1), Actor("user", "Bilal", 2)


def _messages(house: House, organisation: int, count: int = 50) -> None:
    with house.engine.begin() as connection:
        partitions.ensure(connection, OLD, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, campaign_id, changed_at, state, parts, quantity, "
                "units, channel, address, sender, body, extra) "
                "SELECT :first + n, :here, n % 2, now(), 20, 1, 1, 1.5, 'sms', "
                "CASE n WHEN 7 THEN :person ELSE '+92311000' || n END, 'ACME', 'Dear ' || n, '{\"a\": [1]}' "
                "FROM generate_series(1, :count) n"
            ),
            {"first": ids.at(OLD), "here": organisation, "person": PERSON, "count": count},
        )


@pytest.fixture
def archived(house: House, organisation: int) -> int:
    _messages(house, organisation)
    engine.run(house.work, NOW)
    return organisation


def _rows(house: House) -> list[Archive]:
    with house.work(SYSTEM) as work:
        return archives.listed(work, None, is_all=True)


def _left(house: House) -> int:
    with house.work(SYSTEM) as work:
        return int(work.session.scalar(text("SELECT count(*) FROM pulse_message")) or 0)


def test_rows_are_in_the_archive_and_nowhere_else(house: House, archived: int, archive_folder: Path) -> None:
    (row,) = _rows(house)
    assert (row.rows, row.organisation_id, row.month, _left(house)) == (50, archived, f"{OLD:%Y-%m}", 0)
    found = archives.read(row).to_pylist()
    assert found[6]["address"] == PERSON
    assert found[6]["extra"] == '{"a": [1]}'
    assert str(found[6]["units"]) == "1.5000"
    content = (archive_folder / row.name).read_bytes()
    assert PERSON.encode() not in content
    assert b"PAR1" not in content


def test_a_search_finds_by_address_campaign_and_time(house: House, archived: int) -> None:
    rows = archives.read(_rows(house)[0])
    assert [row["id"] for row in search.matching(rows, "id", search.Wanted(address=PERSON), 10)] == [ids.at(OLD) + 7]
    assert len(search.matching(rows, "id", search.Wanted(campaign_id=1), 100)) == 25
    assert search.matching(rows, "id", search.Wanted(since=NOW), 10) == []
    assert search.matching(rows, "id", search.Wanted(address="' OR 1=1 --"), 10) == []
    assert len(search.matching(rows, "id", search.Wanted(), 10)) == 10


def test_a_person_is_found_and_forgotten_and_nobody_else(house: House, archived: int) -> None:
    person = Subject(archived, (("phone", PERSON),))
    assert [row["body"] for row in archives.find(house.work, person)] == ["Dear 7"]
    assert next(iter(archives.export(house.work, person)))["sender"] == "ACME"
    assert list(archives.find(house.work, Subject(archived + 1, person.addresses))) == []
    assert archives.erase(house.work, person) == 1
    assert archives.erase(house.work, person) == 0
    assert list(archives.find(house.work, person)) == []
    (row,) = _rows(house)
    assert row.generation == 2
    bodies = [each["body"] for each in archives.read(row).to_pylist()]
    assert (bodies.count("(erased)"), len(bodies)) == (1, 50)


def test_an_erasure_that_was_killed_leaves_a_file_the_catalogue_still_reads(
    house: House, archived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Subject(archived, (("phone", PERSON),))
    with monkeypatch.context() as patched:
        patched.setattr(archives, "_recatalogue", _killed)
        with pytest.raises(KeyboardInterrupt):
            archives.erase(house.work, person)
    assert _rows(house)[0].generation == 1
    assert list(archives.find(house.work, person)) == []
    archives.erase(house.work, person)
    assert _rows(house)[0].generation == 2


def _killed(*given: Any) -> None:
    """Stand for a kill between the file and the catalogue."""
    raise KeyboardInterrupt


def test_no_transaction_is_open_while_the_store_is_asked(
    house: House, archived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    for name in ("get", "put", "entries", "delete"):
        real = getattr(stores.Store, name)

        def watched(self: Any, *given: Any, real: Any = real) -> Any:
            seen.append(house.engine.pool.checkedout())  # type: ignore[attr-defined]
            return real(self, *given)

        monkeypatch.setattr(stores.Store, name, watched)
    places.archive.put(f"{archives.site()}/1/left.parquet.aes", b"x")
    house.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert archives.erase(house.work, Subject(archived, (("phone", PERSON),))) == 1
    assert archives.sweep(house.work) == 1
    assert (len(seen) >= 5, max(seen)) == (True, 0)


def test_two_people_are_erased_from_one_file_at_once(house: House, archived: int) -> None:
    people = [Subject(archived, (("phone", f"+92311000{n}"),)) for n in range(1, 6)]
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(lambda person: archives.erase(house.work, person), people)) == [1] * 5
    bodies = [each["body"] for each in archives.read(_rows(house)[0]).to_pylist()]
    assert (bodies.count("(erased)"), _rows(house)[0].writer) == (5, "")


def _damaged(house: House) -> list[str]:
    """Return a sentence for every archive that cannot be read as it was written."""
    found = []
    for row in _rows(house):
        try:
            archives.read(row)
        except files.Damaged as fault:
            found.append(str(fault))
    return found


def test_damage_and_loss_are_named(house: House, archived: int, archive_folder: Path) -> None:
    (row,) = _rows(house)
    path = archive_folder / row.name
    good = path.read_bytes()
    for place in (0, 11, 12, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert [row.name in said for said in _damaged(house)] == [True]
    path.write_bytes(good)
    assert _damaged(house) == []
    archives.erase(house.work, Subject(archived, (("phone", PERSON),)))
    path.write_bytes(good)
    assert "older one" in _damaged(house)[0]
    path.unlink()
    assert "missing" in _damaged(house)[0]


def test_new_site_keys_open_old_archives_after_rotation(house: House, archived: int) -> None:
    fresh = vault.Fernet.generate_key().decode()
    old = list(house.settings.encryption_keys)
    keyring.set([fresh, *old])
    assert vault.rotate_all(house.engine) >= 1
    keyring.set([fresh])
    try:
        assert archives.read(_rows(house)[0]).num_rows == 50
    finally:
        keyring.set(old)


def test_files_that_nobody_knows_are_swept_and_known_ones_are_not(
    house: House, archived: int, archive_folder: Path
) -> None:
    left = archive_folder / archives.site() / "1" / "left.parquet.aes"
    foreign = archive_folder / "another-site" / "theirs.parquet.aes"
    for path in (left, foreign):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"x")
    house.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert archives.sweep(house.work) == 1
    assert not left.exists()
    assert foreign.exists()
    assert _damaged(house) == []


def test_a_row_that_changed_meanwhile_is_neither_deleted_nor_archived_twice(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _messages(house, organisation)
    real, times = archives.write, []

    def slow(*given: Any) -> Archive:
        made = real(*given)
        if not times:
            with house.engine.begin() as connection:
                connection.execute(text("UPDATE pulse_message SET state = 21 WHERE address = :a"), {"a": PERSON})
        times.append(1)
        return made

    monkeypatch.setattr(batches.archives, "write", slow)
    engine.run(house.work, NOW)
    assert len(times) == 2
    (row,) = _rows(house)
    assert [each["state"] for each in archives.read(row).to_pylist() if each["address"] == PERSON] == [21]
    assert _left(house) == 0


@pytest.mark.parametrize("is_whole", [False, True], ids=["row by row", "a whole partition"])
def test_no_file_is_lost_where_a_commit_was_done_and_its_answer_was_not_heard(
    house: House, organisation: int, is_whole: bool
) -> None:
    _messages(house, organisation)

    @contextmanager
    def deaf(*given: Any) -> Iterator[Work]:
        with house.work(*given) as work:
            yield work
        if _rows(house):
            raise OperationalError("COMMIT", {}, Exception("the connection is lost"))

    rule, part = house.registry.rules["pulse_message"], Slice(NOW)
    with house.work(SYSTEM) as work:
        first = work.session.scalar(text("SELECT tableoid::regclass::text FROM pulse_message LIMIT 1"))
        (leaf,) = (each for each in leaves.of(work.session.connection(), rule.table) if each.name == first)

    def take() -> None:
        if is_whole:
            batches.archive_whole(deaf, rule, [part], leaf, batches.Tally())
        else:
            batches.archive(deaf, rule, part, leaf, batches.Tally())

    with pytest.raises(OperationalError):
        take()
    assert (_left(house), [archives.read(row).num_rows for row in _rows(house)]) == (0, [50])


@pytest.mark.parametrize("table", ["pulse_message", "pulse_audit"], ids=["row by row", "whole partitions"])
def test_a_run_whose_lease_another_took_deletes_nothing_more(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    _messages(house, organisation)
    rule, part = house.registry.rules[table], Slice(NOW)
    real, me = batches._write, "first"

    def overtaken(*given: Any) -> list[Archive]:
        made = real(*given)
        _run_by(house, "second")
        return made

    monkeypatch.setattr(batches, "_write", overtaken)
    _run_by(house, me)
    held = lease.held(house.work, me, NOW)
    with house.work(SYSTEM) as work:
        leaf = next(each for each in leaves.of(work.session.connection(), "pulse_message") if each.low)
        if table == "pulse_audit":
            rule = replace(house.registry.rules["pulse_message"], whole_only=True)
    take: Any = (
        (lambda: batches.archive_whole(held, rule, [part], leaf, batches.Tally()))
        if rule.whole_only
        else (lambda: batches.archive(held, rule, part, leaf, batches.Tally()))
    )
    with pytest.raises(Refused, match="taken over"):
        take()
    assert (_left(house), _rows(house)) == (50, [])


def test_a_run_holds_on_to_its_lease_while_it_archives_a_partition_as_a_whole(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _messages(house, organisation)
    monkeypatch.setattr(batches, "ARCHIVED", 10)
    real, seen = batches._write, []

    def late(*given: Any) -> list[Archive]:
        with house.work(SYSTEM) as work:
            row = work.session.get_one(RetentionClock, 1)
            seen.append(row.lease_until)
            row.lease_until = NOW - timedelta(hours=1)
        return real(*given)

    monkeypatch.setattr(batches, "_write", late)
    _run_by(house, "me")
    rule = replace(house.registry.rules["pulse_message"], whole_only=True)
    with house.work(SYSTEM) as work:
        leaf = next(each for each in leaves.of(work.session.connection(), "pulse_message") if each.low)
    assert batches.archive_whole(lease.held(house.work, "me", NOW), rule, [Slice(NOW)], leaf, batches.Tally())
    assert len(seen) == 5
    assert all(each > NOW for each in seen)
    assert (_left(house), sum(row.rows for row in _rows(house))) == (0, 50)


def _run_by(house: House, runner: str) -> None:
    with house.work(SYSTEM) as work:
        work.session.get_one(RetentionClock, 1).runner = runner


def test_a_hold_on_a_person_wins_over_rules_and_erasure(house: House, organisation: int) -> None:
    _messages(house, organisation)
    with house.work(AMINA, organisation) as work:
        hold = holds.place(work, holds.SUBJECT, "Case 12", scheme="phone", value=PERSON).id
    engine.run(house.work, NOW)
    assert _left(house) == 1
    person = Subject(organisation, (("phone", PERSON),))
    with house.work(SYSTEM, organisation) as work:
        assert [each.id for each in holds.standing(work, person)] == [hold]
        assert holds.standing(work, Subject(organisation, (("phone", "+92300"),))) == []
    assert archives.erase(house.work, person) == 0
    _lift(house, organisation, hold)
    engine.run(house.work, NOW)
    assert _left(house) == 0


@pytest.mark.parametrize(("kind", "table"), [("organisation", ""), ("class", "pulse_message")])
def test_a_hold_on_an_organisation_or_a_kind_of_records_wins(
    house: House, organisation: int, kind: str, table: str
) -> None:
    other = factories.organisation(house)
    _messages(house, organisation)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE pulse_message SET organisation_id = :o WHERE id % 2 = 0"), {"o": other})
    with house.work(AMINA, organisation) as work:
        hold = holds.place(work, kind, "Case 13", table_name=table).id
        assert holds.covers(work, "pulse_message", organisation) is not None
        assert holds.covers(work, "pulse_message", other) is None
    engine.run(house.work, NOW)
    with house.work(SYSTEM) as work:
        assert set(work.session.scalars(text("SELECT organisation_id FROM pulse_message"))) == {organisation}
    _lift(house, organisation, hold)
    engine.run(house.work, NOW)
    assert _left(house) == 0


def _lift(house: House, organisation: int, hold: int) -> None:
    with house.work(AMINA, organisation) as work:
        decision = holds.ask_lift(work, hold, "The case is closed").id
    with pytest.raises(Refused, match="second person"), house.work(AMINA, organisation) as work:
        four_eyes.approve(work, decision)
    with house.work(BILAL, organisation) as work:
        four_eyes.approve(work, decision)


def test_a_hold_must_say_what_and_why(house: House, organisation: int) -> None:
    for given in (
        {"kind": "subject", "reason": "x"},
        {"kind": "class", "reason": "x", "table_name": "nothing"},
        {"kind": "organisation", "reason": " "},
        {"kind": "else", "reason": "x"},
    ):
        with pytest.raises(Refused), house.work(AMINA, organisation) as work:
            holds.place(work, **given)  # type: ignore[arg-type]
    with house.work(AMINA, organisation) as work:
        hold = holds.place(work, holds.ORGANISATION, "x").id
    with pytest.raises(NotFound), house.work(AMINA, factories.organisation(house)) as work:
        holds.ask_lift(work, hold, "Not mine")


def test_a_file_is_bound_to_its_name() -> None:
    key = files.new_key()
    shape = files.schema(Archive.__table__)
    content = files.sealed("a", key, files.table_of(shape, []), 1)
    assert files.opened("a", key, content)[0].num_rows == 0
    for name, other in (("b", key), ("a", files.new_key())):
        with pytest.raises(PulseError, match="damaged"):
            files.opened(name, other, content)


def test_a_statement_of_ours_is_not_narrowed_by_accident(house: House, archived: int) -> None:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        assert work.session.scalars(select(Archive.organisation_id)).all() == [archived]


def test_a_rule_that_fails_before_it_begins_is_told_and_the_others_are_applied(house: House, organisation: int) -> None:
    def broken(subject: Subject) -> Any:
        raise ValueError("no condition")

    _messages(house, organisation)
    house.registry.subjects["pulse_receipt"] = replace(house.registry.subjects["pulse_receipt"], locate=broken)
    with house.work(AMINA, organisation) as work:
        holds.place(work, holds.SUBJECT, "Case 14", scheme="phone", value=PERSON)
    run = engine.run(house.work, NOW)
    assert _left(house) == 1
    with house.work(SYSTEM) as work:
        assert work.session.get_one(RetentionRun, run).error == "pulse_receipt: ValueError"


def test_a_hold_on_a_contact_stops_no_rule(house: House, organisation: int) -> None:
    _messages(house, organisation)
    with house.work(AMINA, organisation) as work:
        holds.place(work, holds.SUBJECT, "Case 15", contact_id=77)
    run = engine.run(house.work, NOW)
    assert _left(house) == 0
    with house.work(SYSTEM) as work:
        assert work.session.get_one(RetentionRun, run).error == ""
