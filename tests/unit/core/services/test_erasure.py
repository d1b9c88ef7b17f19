"""Erasing somebody: in the middle of a campaign, twice, after a restore, and with everybody bringing them back."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import delete, func, select, text

from connectpulse import house as houses
from connectpulse.core.domain import roles
from connectpulse.core.domain.provider import Inbound
from connectpulse.core.errors import Refused
from connectpulse.core.services import contacts, dispatching, erased, inbound, suppressions, trials
from connectpulse.core.services.access import invitations
from connectpulse.core.services.contacts import Person
from connectpulse.core.services.retention import archives, files
from connectpulse.core.services.rights import carried, carrying, erasing, erasures, replaying
from connectpulse.core.services.work import SYSTEM, Work
from connectpulse.core.storage import guard
from connectpulse.core.storage.embedded import EmbeddedServer, binaries
from connectpulse.core.storage.models import (
    Address,
    AuditEntry,
    Contact,
    ContactList,
    ErasedPerson,
    InboundMessage,
    Invitation,
    Mail,
    Message,
    Suppression,
)
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing.plugin import fresh_database
from tests.unit.core.services.rights_scene import VISITOR, ZARA, Office, office
from tests.unit.core.services.scene import AMINA, Scene

pytestmark = pytest.mark.slow

OTHERS = ["omar@example.org", "sana@example.org"]


@pytest.fixture
def desk(scene: Scene, tmp_path: Path) -> Office:
    return office(scene.house, scene.organisation, tmp_path)


def _launched(scene: Scene) -> int:
    scene.connect()
    campaign = scene.campaign(scene.people(OTHERS[0], ZARA, OTHERS[1]))
    scene.launch(campaign)
    return campaign


def _claim(scene: Scene, want: int, before: dispatching.Claimed | None = None) -> dispatching.Pick:
    with scene.work() as work:
        connection = work.session.scalar(text("SELECT id FROM pulse_connection"))
        claimed = before or dispatching.take(work, connection, "worker", 0)
        assert claimed is not None
        return dispatching.pick(work, claimed, "worker", want, is_idle=True)


@pytest.mark.parametrize("kind", ["objection", "restriction"])
def test_who_objects_in_mid_run_is_left_out_by_the_next_claim(desk: Office, scene: Scene, kind: str) -> None:
    campaign = _launched(scene)
    first = _claim(scene, 1)
    assert [each.address for each in first.submissions] == [OTHERS[0]]
    request_id = desk.ask(kind, wanted={"purpose": "promotional"} if kind == "objection" else {})
    desk.plan(request_id)
    assert desk.request(request_id).state == "done"
    rest = _claim(scene, 10, first.claimed)
    assert [each.address for each in rest.submissions] == [OTHERS[1]]
    reason = {"objection": "objected", "restriction": "restricted"}[kind]
    assert scene.figures(campaign)[f"skipped:{reason}"] == 1
    assert scene.figures(campaign)["state:queued"] == 2


def test_who_is_erased_in_mid_run_gets_nothing_more_and_is_gone_afterwards(desk: Office, scene: Scene) -> None:
    campaign = _launched(scene)
    held = _claim(scene, 1)
    assert held.claimed is not None
    request_id = desk.ask("deletion")
    desk.plan(request_id, is_urgent=True)
    desk.approve(request_id)
    assert desk.carry_out() == 0, "a worker still holds the dispatch"
    rest = _claim(scene, 10, held.claimed)
    assert [each.address for each in rest.submissions] == [OTHERS[1]]
    with scene.house.work(AMINA) as work:
        work.session.execute(text("UPDATE pulse_subject_request SET lease_until = NULL"))
    assert desk.carry_out() == 1
    assert scene.figures(campaign)["skipped:erased"] == 1
    with scene.work() as work:
        assert ZARA not in set(work.session.scalars(select(Message.address)))
        assert work.session.scalar(select(func.count(Message.id))) == 3
        assert work.session.scalar(select(ContactList.size)) == 2


def test_messages_that_wait_are_left_out_before_their_address_is_emptied(desk: Office, scene: Scene) -> None:
    campaign = _launched(scene)
    desk.answer("deletion")
    assert scene.figures(campaign)["skipped:erased"] == 1
    found = _claim(scene, 10)
    assert [each.address for each in found.submissions] == OTHERS


def test_erasing_twice_is_erasing_once(desk: Office, scene: Scene) -> None:
    desk.contact("Zara Khan", ("email", ZARA))
    first = desk.answer("deletion")
    second = desk.answer("deletion")
    assert first != second
    assert desk.request(first).address == "(erased)"
    assert desk.request(second).certificate["payload"]["tables"]
    with scene.work() as work:
        assert work.session.scalar(select(func.count()).select_from(Contact)) == 0
    carrying.run_due(desk.house.work)


def test_rows_that_are_archived_while_their_person_is_erased_are_erased_too(
    desk: Office, scene: Scene, monkeypatch: pytest.MonkeyPatch, asked_within_work: list[str]
) -> None:
    """A retention run moves a row into a new file at the very moment the tables are about to be erased."""
    _launched(scene)
    real = erasing.tables

    def late(work: Work, *given: Any) -> dict[str, int]:
        with scene.house.work(SYSTEM) as other, guard.platform_scope(other.session, "test"):
            model = scene.house.registry.rules["pulse_message"].model.__table__
            row = other.session.execute(select(model).where(model.c.address == ZARA)).one()
            at = scene.house.clock()
            table = files.table_of(files.schema(model), [tuple(row)])
            other.session.add(archives.write("pulse_message", scene.organisation, f"{at:%Y-%m}", table, (at, at)))
            other.session.execute(delete(model).where(model.c.address == ZARA))
        return real(work, *given)

    monkeypatch.setattr(erasing, "tables", late)
    done = desk.request(desk.answer("deletion"))
    assert all(" late > " in each for each in asked_within_work)
    asked_within_work.clear()  # the run is that of another process, here it is in the same thread
    assert "subject" not in done.facts
    assert done.facts["done"]["archives"] == 1
    with scene.house.work(SYSTEM) as work:
        (kept,) = archives.listed(work, None, is_all=True)
    assert ZARA not in [row["address"] for row in archives.read(kept).to_pylist()]


def test_pages_of_rows_that_went_before_keep_nobody(desk: Office, scene: Scene) -> None:
    """An invitation that was deleted by its rule is not found any more, and its page is scrubbed all the same."""
    desk.contact("Zara Khan", ("email", ZARA))
    with desk.house.work(AMINA, scene.organisation) as work:
        invitations.offer(work, "https://x.example", ZARA, "Zara", "Khan", roles.ANALYST)
    with desk.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(delete(Invitation))
    assert ZARA.encode() in _file_of(desk.house, "pulse_invitation")
    desk.answer("deletion")
    assert ZARA.encode() not in _file_of(desk.house, "pulse_invitation")


def _file_of(house: House, table: str) -> bytes:
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
        path = connection.scalar(
            text("SELECT current_setting('data_directory') || '/' || pg_relation_filepath(:name)"), {"name": table}
        )
    return Path(path).read_bytes()


def test_a_damaged_archive_keeps_an_erasure_waiting_and_who_it_is_about_unread(desk: Office, scene: Scene) -> None:
    desk.contact("Zara Khan", ("email", ZARA))
    with scene.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        at, shape = work.clock(), files.schema(Message.__table__)
        made = archives.write("pulse_message", scene.organisation, "2026-01", files.table_of(shape, []), (at, at))
        work.session.add(made)
    good = places.archive.get(made.name)
    request_id = desk.ask("deletion")
    desk.plan(request_id, is_urgent=True)
    desk.approve(request_id)
    places.archive.put(made.name, good[:-1] + bytes([good[-1] ^ 1]))
    assert desk.carry_out() == 0
    waiting = desk.request(request_id)
    assert (waiting.stage, waiting.address) == ("emptied", "(erased)")
    assert carried.opened(request_id, waiting.facts["subject"]).addresses == (("email", ZARA),)
    assert ZARA not in str(waiting.facts)
    with pytest.raises(Refused, match="cannot be read"):
        carried.opened(request_id + 1, waiting.facts["subject"])
    places.archive.put(made.name, good)
    with scene.house.work(AMINA) as work:
        work.session.execute(text("UPDATE pulse_subject_request SET lease_until = NULL"))
    assert desk.carry_out() == 1


def test_other_requests_of_an_erased_person_end_and_their_copies_with_them(desk: Office) -> None:
    desk.answer("access")
    waiting = desk.ask("correction")
    desk.answer("deletion")
    assert desk.request(waiting).state == "withdrawn"
    assert places.archive.entries("packages") == []


def _suppressed(scene: Scene) -> set[tuple[str, str]]:
    with scene.work() as work:
        rows = work.session.execute(select(Suppression.value, Suppression.reason)).all()
        return {(row[0], row[1]) for row in rows if not row[0].startswith(erased.MARK)}


@pytest.mark.parametrize("door", ["form", "file", "reply", "test"])
def test_whoever_brings_an_erased_person_back_finds_them_suppressed(desk: Office, scene: Scene, door: str) -> None:
    connection = scene.connect()
    desk.contact("Zara Khan", ("email", ZARA))
    campaign = scene.campaign(scene.people(*OTHERS))
    desk.answer("deletion")
    assert _suppressed(scene) == set()
    if door == "form":
        with scene.work() as work:
            contacts.create(work, Person("Zara", [("email", ZARA)], {}))
    elif door == "file":
        assert _import(scene, f"name,email\nZara,{ZARA}\nNew,new@example.org\n") == 1
    elif door == "reply":
        with scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
            work.session.execute(text("UPDATE pulse_connection SET organisation_id = :id"), {"id": scene.organisation})
            inbound.take(work, connection, [Inbound(ZARA, "Amina", "Hello", "r1")])
            assert work.session.scalar(select(func.count(InboundMessage.id))) == 1
    else:
        with pytest.raises(Refused, match="suppressed"), scene.work() as work:
            trials.send(work, campaign, [ZARA])
        with scene.work() as work:
            assert work.session.scalar(select(func.count(Message.id))) == 0
        return
    assert _suppressed(scene) == {(ZARA, "erased")}


def _import(scene: Scene, content: str) -> int:
    """Import a file; return how many of its addresses are suppressed."""
    import io

    from connectpulse.core.services import imports, records
    from connectpulse.core.storage.models import Import

    with scene.work() as work:
        given = imports.upload(work, "people.csv", io.BytesIO(content.encode()))
        imports.start(work, given.id, given.mapping)
    scene.run_jobs()
    with scene.work() as work:
        return records.find(work, Import, given.id).suppressed


def test_only_a_person_who_came_back_is_allowed_again(desk: Office, scene: Scene) -> None:
    with scene.work() as work:
        suppressions.add(work, "email", ZARA, reason="opted_out", source="test")
    desk.answer("deletion")
    with scene.work() as work:
        kept = work.session.scalars(select(Suppression)).all()
        assert all(row.value.startswith(erased.MARK) for row in kept)
    with pytest.raises(Refused, match="erased"), scene.work() as work:
        suppressions.lift(work, kept[0].id)
    desk.contact("Zara Khan", ("email", ZARA))
    with scene.work() as work:
        again = work.session.scalars(select(Suppression.id).where(Suppression.value == ZARA)).one()
        suppressions.lift(work, again)
        assert erased.known(work, scene.organisation, [("email", ZARA)]) == set()


def test_the_platform_erases_in_every_organisation(desk: Office, scene: Scene) -> None:
    from connectpulse.testing import factories

    desk.contact("Zara Khan", ("email", ZARA), ("phone", "+923001234567"))
    other = Office(scene.house, factories.organisation(scene.house))
    other.contact("Z. Khan", ("phone", "+923001234567"), ("email", "zk@example.org"))
    other.contact("Omar", ("email", OTHERS[0]))
    Office(scene.house, None).answer("deletion", address="zk@example.org")
    with scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        assert set(work.session.scalars(select(Address.value))) == {OTHERS[0]}
        assert work.session.scalar(select(func.count()).select_from(Contact)) == 1
        crossed = work.session.scalar(select(func.count(AuditEntry.id)).where(AuditEntry.verb == "platform.crossed"))
        assert crossed
    third = Office(scene.house, factories.organisation(scene.house))
    third.contact("Zara again", ("email", ZARA))
    with third.work() as work:
        assert set(work.session.scalars(select(Suppression.value))) == {ZARA}


def test_the_ledger_holds_hashes_and_recognises_what_was_changed(desk: Office) -> None:
    desk.contact("Zara Khan", ("email", ZARA))
    desk.answer("deletion")
    entry = places.ledger.entries("erasures")[0]
    content = places.ledger.get(entry.name)
    assert b"zara" not in content.lower()
    opened = erasures.read(places.ledger, entry.name)
    assert (desk.home, erased.hashed(desk.home or 0, "email", ZARA)) in opened.hashes
    places.ledger.put(entry.name, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Refused, match="changed"):
        erasures.read(places.ledger, entry.name)
    places.ledger.put("erasures/other.bin", content)
    with pytest.raises(Refused, match="changed"):
        erasures.read(places.ledger, "erasures/other.bin")


def _run(program: str, url: str, *arguments: str) -> bytes:
    parts = urlsplit(url.replace("+psycopg", ""))
    return subprocess.run(
        [str(binaries() / program), "-h", "127.0.0.1", "-p", str(parts.port), "-U", str(parts.username), *arguments],
        check=True, capture_output=True, env={"PGPASSWORD": str(parts.password), "LC_ALL": "C"},
    ).stdout  # fmt: skip


def test_a_restored_backup_forgets_them_again(
    house: House, organisation: int, database_server: EmbeddedServer, database_url: str, tmp_path: Path
) -> None:
    desk = office(house, organisation, tmp_path)
    contact_id = desk.contact("Zara Khan", ("email", ZARA), ("phone", "+923001234567"))
    desk.contact("Omar Else", ("email", OTHERS[0]))
    before = tmp_path / "before.dump"
    _run("pg_dump", database_url, "-Fc", "-f", str(before), urlsplit(database_url).path[1:])
    desk.answer("deletion")
    with fresh_database(database_server) as url:
        _run("pg_restore", url, "--no-owner", "-d", urlsplit(url).path[1:], str(before))
        restored = houses.build(replace(house.settings, database_url=url), pool_size=5)
        office(restored, organisation, tmp_path)
        try:
            with restored.work(AMINA, organisation) as work:
                assert work.session.get(Contact, contact_id) is not None
            done = replaying.run(restored.work)
            assert (done.applied, done.people, done.faults) == (1, 1, [])
            text_dump = _run("pg_dump", url, urlsplit(url).path[1:])
            for word in (b"Zara", ZARA.encode(), b"923001234567"):
                assert word not in text_dump
            assert b"Omar Else" in text_dump
            again = replaying.run(restored.work)
            assert (again.applied, again.known, again.rows) == (0, 1, 0)
            with restored.work(AMINA, organisation) as work:
                contacts.create(work, Person("Zara", [("phone", "0300 1234567")], {}))
                assert work.session.scalar(select(func.count(Suppression.id))) == 1
            places.ledger.put("erasures/20990101-forged.bin", b"x" * 80)
            assert len(replaying.run(restored.work).faults) == 1
        finally:
            restored.close()


def test_the_last_mail_goes_before_the_address_does(desk: Office, scene: Scene) -> None:
    from connectpulse.core.services.notices import mail

    mail.use("smtp://127.0.0.1:9?tls=none", "pulse@example.org")
    try:
        request_id = desk.ask("deletion")
        desk.plan(request_id, is_urgent=True)
        desk.approve(request_id)
        assert desk.carry_out() == 0
        with scene.house.work(AMINA) as work:
            last = work.session.scalars(select(Mail).order_by(Mail.id.desc())).first()
            assert last is not None
            assert "last mail" in (last.content or {})["text"]
            work.session.execute(text("UPDATE pulse_mail SET state = 'sent', content = NULL"))
            work.session.execute(text("UPDATE pulse_subject_request SET lease_until = NULL"))
        assert desk.carry_out() == 1
        with scene.house.work(VISITOR) as work:
            assert work.session.scalar(select(func.count()).select_from(Mail).where(Mail.recipient == ZARA)) == 0
            assert work.session.scalar(select(func.count()).select_from(ErasedPerson)) == 1
    finally:
        mail.use("", "")


def test_a_legal_hold_wins_over_an_erasure(desk: Office, scene: Scene) -> None:
    from connectpulse.core.services.retention import holds

    desk.contact("Zara Khan", ("email", ZARA))
    with scene.work() as work:
        held = holds.place(work, holds.CLASS, "A court asked", table_name="pulse_contact").id
    desk.answer("deletion")
    with scene.work() as work:
        assert work.session.scalars(select(Contact.name)).one() == "Zara Khan"
        work.session.execute(text("UPDATE pulse_hold SET lifted_at = now() WHERE id = :id"), {"id": held})
        contacts.create(work, Person("Zara Khan", [("email", ZARA)], {}))
    request_id = desk.ask("deletion")
    desk.plan(request_id)
    desk.approve(request_id)
    with scene.work() as work:
        holds.place(work, holds.SUBJECT, "A court asked", scheme="email", value=ZARA)
    desk.carry_out()
    assert desk.request(request_id).state == "verified", "it must be planned anew"
    with pytest.raises(Refused, match="must be kept"):
        desk.plan(request_id)


def test_a_hold_that_comes_while_a_worker_is_dead_wins_too(desk: Office, scene: Scene) -> None:
    """The worker was killed after the ledger was told and before a row was gone."""
    from connectpulse.core.services.retention import holds

    desk.contact("Zara Khan", ("email", ZARA))
    request_id = desk.ask("deletion")
    desk.plan(request_id, is_urgent=True)
    desk.approve(request_id)
    for stage in (carrying._stop, carrying._list):
        assert stage(scene.house.work, request_id)
    assert len(places.ledger.entries("erasures")) == 1
    with scene.work() as work:
        held = holds.place(work, holds.SUBJECT, "A court asked", scheme="email", value=ZARA).id
    assert desk.carry_out() == 0
    assert desk.request(request_id).state == "verified", "it must be planned anew"
    assert places.ledger.entries("erasures") == [], "a restore would erase whom the hold keeps"
    with scene.work() as work:
        assert work.session.scalars(select(Contact.name)).one() == "Zara Khan"
        work.session.execute(text("UPDATE pulse_hold SET lifted_at = now() WHERE id = :id"), {"id": held})
    desk.plan(request_id, is_urgent=True)
    desk.approve(request_id)
    assert desk.carry_out() == 1
    assert len(places.ledger.entries("erasures")) == 1
    with scene.work() as work:
        assert work.session.scalars(select(Contact.name)).all() == []


def test_no_hold_is_placed_while_rows_go(desk: Office, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import DBAPIError

    desk.contact("Zara Khan", ("email", ZARA))
    real, tried = erasing.tables, []

    def late(work: Work, *given: Any) -> dict[str, int]:
        with scene.house.engine.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '200ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                other.execute(text("LOCK TABLE pulse_hold IN ROW EXCLUSIVE MODE"))  # as whoever places one does
        tried.append(True)
        return real(work, *given)

    monkeypatch.setattr(erasing, "tables", late)
    desk.answer("deletion")
    assert tried == [True]
