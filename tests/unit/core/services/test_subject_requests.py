"""Requests about personal data from the door to their end: asked, proved, planned, approved by another, done."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import connections, contacts, four_eyes, senders, suppressions
from connectpulse.core.services.notices import mail
from connectpulse.core.services.rights import copying, correcting, deadlines, handing, intake, links, planning, proof
from connectpulse.core.services.rights.intake import Asked
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Decision, Message, Notice, SubjectRequest, Suppression
from connectpulse.core.storage.stores import places
from connectpulse.core.storage.trust import canonical, is_signed, trust
from connectpulse.house import House
from connectpulse.testing import factories
from tests.unit.core.services.rights_scene import VISITOR, ZARA, Office, office
from tests.unit.core.services.scene import AMINA, BILAL

JANUARY = datetime(2026, 1, 31, 9, tzinfo=UTC)


@pytest.fixture
def desk(house: House, organisation: int, tmp_path: Path) -> Iterator[Office]:
    yield office(house, organisation, tmp_path)
    mail.use("", "")


def _verbs(desk: Office) -> list[str]:
    with desk.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return list(work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id)))


def _code(desk: Office) -> str:
    found = re.search(r"Your code is (\w{8})", desk.mails()[-1][1])
    assert found
    return found[1]


def _submitted(desk: Office, kind: str = "access") -> int:
    with desk.work(VISITOR) as work:
        request_id = intake.submit(work, Asked(kind, "email", ZARA)).id
        assert proof.send(work, request_id)
    return request_id


def test_a_code_proves_an_address_once(desk: Office) -> None:
    request_id = _submitted(desk)
    code = _code(desk)
    with desk.work(VISITOR) as work:
        assert proof.confirm(work, request_id, "WRONG234") is None
    with desk.work(VISITOR) as work:
        assert proof.confirm(work, request_id, f" {code[:4].lower()}-{code[4:]} ") is not None
    with desk.work(VISITOR) as work:
        assert proof.confirm(work, request_id, code) is None
    assert desk.request(request_id).state == "verified"
    assert _verbs(desk).count("subject_request.code_refused") == 2
    assert code not in str(_details(desk))


def _details(desk: Office) -> list[object]:
    with desk.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return list(work.session.scalars(select(AuditEntry.detail)))


def test_a_code_that_is_old_or_guessed_at_proves_nothing(desk: Office) -> None:
    request_id = _submitted(desk)
    code = _code(desk)
    desk.house.clock = lambda: datetime.now(UTC) + proof.GOOD_FOR
    with desk.work(VISITOR) as work:
        assert proof.confirm(work, request_id, code) is None
        assert proof.send(work, request_id)
    code = _code(desk)
    for _ in range(proof.MOST_TRIES):
        with desk.work(VISITOR) as work:
            assert proof.confirm(work, request_id, "AAAAAAAA") is None
    with desk.work(VISITOR) as work:
        assert proof.confirm(work, request_id, code) is None
        assert not proof.send(work, request_id), "another code comes after a while only"


def _texts(desk: Office) -> list[str]:
    with desk.work() as work:
        return list(work.session.scalars(select(Message.address).order_by(Message.id)))


def _by_text(desk: Office, number: str, actor: Actor = VISITOR) -> bool:
    with desk.work(actor) as work:
        return proof.send(work, intake.submit(work, Asked("access", "phone", number)).id)


def test_strangers_have_no_texts_sent_to_numbers_nobody_knows(
    desk: Office, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "MOST_TEXTS", 2)
    with desk.house.work(AMINA) as work:
        made = connections.create(work, "Simulator", "simulator", {})
        connections.create_route(work, made.id)
    with desk.work() as work:
        senders.create(work, "sms", "alphanumeric", "Connect", purposes=["transactional"])
    known = [f"+92300123456{n}" for n in range(3)]
    for number in known:
        desk.contact("Zara Khan", ("phone", number))
    assert not _by_text(desk, "+923001234569"), "nobody knows this number"
    assert _by_text(desk, known[0])
    assert _by_text(desk, "+923001234568", AMINA), "somebody of the organisation vouches for it"
    assert not _by_text(desk, known[1]), "as many as may be within an hour"
    assert _texts(desk) == [known[0], "+923001234568"]
    later = datetime.now(UTC) + proof.HOUR
    desk.house.clock = lambda: later
    assert _by_text(desk, known[1])


def test_sixty_four_at_once_are_one_request(desk: Office) -> None:
    def submit(_: int) -> int:
        with desk.work(VISITOR) as work:
            return intake.submit(work, Asked("deletion", "email", ZARA)).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(submit, range(64)))) == 1
    with desk.work() as work:
        assert work.session.scalar(select(func.count(SubjectRequest.id))) == 1
    assert _verbs(desk).count("subject_request.received") == 1


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked("theft", "email", ZARA), "what you ask for"),
        (Asked("access", "email", "zara"), "it is not one"),
        (Asked("access", "phone", "12"), "Phone|number|short"),
        (Asked("access", "post", "Lahore"), "not a kind of address"),
        (Asked("access", "email", ZARA, received_at=datetime(2199, 1, 1, tzinfo=UTC)), "has not come yet"),
        (Asked("access", "email", ZARA, received_at=datetime(1999, 1, 1, tzinfo=UTC)), "more than a year"),
        (Asked("access", "email", ZARA, message="x" * 2001), "2,000"),
        (Asked("access", "email", ZARA, name="\x00"), "cannot be stored"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(desk: Office, asked: Asked, why: str) -> None:
    with pytest.raises(Refused, match=why), desk.work() as work:
        intake.submit(work, asked)
    with desk.work() as work:
        assert work.session.scalar(select(func.count(SubjectRequest.id))) == 0


def test_an_organisation_sees_its_own_requests_only(desk: Office, house: House) -> None:
    request_id = desk.ask("access")
    for home in (factories.organisation(house), None):
        with pytest.raises(NotFound), house.work(AMINA, home) as work:
            intake.find(work, request_id)


def test_time_runs_by_the_calendar_and_is_put_off_once(desk: Office) -> None:
    desk.house.clock = lambda: JANUARY
    request_id = desk.ask("access")
    assert f"{desk.request(request_id).due_at:%d %b}" == "28 Feb"
    with pytest.raises(Refused, match="one or two"), desk.work() as work:
        intake.extend(work, request_id, 3, "Much to do")
    with pytest.raises(Refused, match="why"), desk.work() as work:
        intake.extend(work, request_id, 2, " ")
    with desk.work() as work:
        intake.extend(work, request_id, 2, "Much to look through")
    assert f"{desk.request(request_id).due_at:%d %b}" == "30 Apr"
    assert desk.mails()[-1] == (ZARA, desk.mails()[-1][1])
    assert "Much to look through" in desk.mails()[-1][1]
    with pytest.raises(Refused, match="once"), desk.work() as work:
        intake.extend(work, request_id, 1, "More to do")


def test_those_who_answer_are_reminded_in_time_and_once(desk: Office) -> None:
    desk.house.clock = lambda: JANUARY.replace(month=3, day=1)
    desk.ask("access")
    posted = []
    for day in range(35):
        desk.house.clock = lambda day=day: JANUARY.replace(month=3, day=1) + timedelta(days=day)  # type: ignore[misc]
        with desk.house.work(SYSTEM) as work:
            posted += [day] * deadlines.remind(work)
    assert posted == [21, 28, 31]
    with desk.work() as work:
        titles = work.session.scalars(select(Notice.title).where(Notice.level == "alarm")).all()
        assert len(titles) == 1
        assert titles[0].startswith("Overdue")


def test_those_behind_many_others_are_reminded_as_well(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "BATCH", 2)
    for number in range(5):
        desk.ask("access", f"zara{number}@example.org")
    desk.house.clock = lambda: datetime.now(UTC) + timedelta(days=22)
    with desk.house.work(SYSTEM) as work:
        assert deadlines.remind(work) == 5
        assert deadlines.remind(work) == 0


def test_nobody_approves_their_own_plan_and_nobody_approves_what_changed(desk: Office) -> None:
    desk.contact("Zara Khan", ("email", ZARA))
    request_id = desk.ask("deletion")
    desk.plan(request_id)
    with desk.work() as work:
        decision = work.session.scalars(select(Decision)).one()
        assert ZARA not in json.dumps([decision.title, decision.facts, decision.reason])
    with pytest.raises(Refused, match="second person"), desk.work() as work:
        four_eyes.approve(work, decision.id)
    with desk.work() as work:
        suppressions.add(work, "email", ZARA, reason="operator", source="test")
    with pytest.raises(Refused, match="has changed since"), desk.work(BILAL) as work:
        four_eyes.approve(work, decision.id)
    assert desk.request(request_id).state == "planned"
    desk.plan(request_id)
    desk.approve(request_id)
    assert desk.request(request_id).state == "approved"


def test_a_no_lets_a_request_be_planned_again_and_a_refusal_is_told(desk: Office) -> None:
    request_id = desk.ask("deletion")
    desk.plan(request_id)
    with desk.work(BILAL) as work:
        four_eyes.refuse(work, work.session.scalars(select(Decision.id)).one(), "Not convinced")
    assert desk.request(request_id).state == "verified"
    with desk.work() as work:
        intake.refuse(work, request_id, "We must keep these accounts by law.")
    assert "by law" in desk.mails()[-1][1]
    with pytest.raises(Refused), desk.work() as work:
        planning.plan(work, request_id, 0)


def test_a_copy_is_whole_signed_and_opened_once(desk: Office) -> None:
    mail.use("smtp://127.0.0.1:9?tls=none", "pulse@example.org")
    desk.contact("Zara Khan", ("email", ZARA), ("phone", "+923001234567"))
    desk.contact("Omar Else", ("email", "omar@example.org"))
    request_id = desk.answer("access")
    found = re.search(r"/privacy/package/(\S+)", desk.mails()[-1][1])
    assert found
    stored = places.archive.entries(handing.FOLDER)
    assert b"Zara" not in places.archive.get(stored[0].name)
    assert handing.look(desk.house.work, found[1], VISITOR)
    name, package = handing.fetch(desk.house.work, found[1], VISITOR)
    assert name.endswith(".zip")
    for word in (found[1], "made-up", ""):
        with pytest.raises(NotFound):
            handing.fetch(desk.house.work, word, VISITOR)
        assert not handing.look(desk.house.work, word, VISITOR)
    assert _verbs(desk).count("subject_request.link_refused") == 6
    assert places.archive.entries(handing.FOLDER) == []
    told = copying.check(package, trust.public_key)
    assert told["request"] == request_id
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        everything = "".join(opened.read(each).decode() for each in opened.namelist())
    assert "Zara Khan" in everything
    assert "+923001234567" in everything
    assert "Omar" not in everything
    certificate = desk.request(request_id).certificate
    assert certificate is not None
    assert is_signed(canonical(certificate["payload"]), certificate["signature"], trust.public_key)
    assert "Zara" not in json.dumps(certificate)
    assert ZARA not in json.dumps(certificate)


def test_two_who_open_a_link_at_once_get_one_copy(desk: Office) -> None:
    desk.contact("Zara Khan", ("email", ZARA))
    request_id = desk.answer("access")
    with desk.work() as work:
        token = handing.fresh_link(work, request_id).rpartition("/")[2]

    def fetch(_: int) -> bool:
        try:
            return bool(handing.fetch(desk.house.work, token, VISITOR))
        except NotFound:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(fetch, range(8))) == 1


def test_a_copy_nobody_fetches_is_gone_after_seven_days(desk: Office) -> None:
    request_id = desk.answer("access")
    with desk.work() as work:
        token = handing.fresh_link(work, request_id).rpartition("/")[2]
    desk.house.clock = lambda: datetime.now(UTC) + handing.GOOD_FOR
    with pytest.raises(NotFound):
        handing.fetch(desk.house.work, token, VISITOR)
    assert handing.sweep(desk.house.work) == 1
    assert _verbs(desk)[-1] == "subject_request.copy_expired"
    assert places.archive.entries(handing.FOLDER) == []
    with desk.work() as work:
        handing.again(work, request_id)
    desk.carry_out()
    assert len(places.archive.entries(handing.FOLDER)) == 1


def test_a_forged_package_is_recognised(desk: Office) -> None:
    desk.contact("Zara Khan", ("email", ZARA))
    request_id = desk.answer("access")
    with desk.work() as work:
        token = handing.fresh_link(work, request_id).rpartition("/")[2]
    _, package = handing.fetch(desk.house.work, token, VISITOR)
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}

    def zipped(changed: dict[str, bytes]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as made:
            for name, content in changed.items():
                made.writestr(name, content)
        return out.getvalue()

    copying.check(zipped(files), trust.public_key)
    contact = files["pulse_contact.json"]
    for forged in (
        files | {"pulse_contact.json": contact.replace(b"Zara", b"Zora")},
        files | {"more.json": b"[]"},
        {name: content for name, content in files.items() if name != "pulse_contact.csv"},
        {name: content for name, content in files.items() if name != "manifest.json"},
        files | {"manifest.json": files["manifest.json"].replace(b'"request": ', b'"request": 1')},
    ):
        with pytest.raises(Refused):
            copying.check(zipped(forged), trust.public_key)
    with pytest.raises(Refused):
        copying.check(package[:-40], trust.public_key)
    with pytest.raises(Refused):
        copying.check(package, "00" * 32)


def test_a_correction_reaches_what_is_sent_next(desk: Office) -> None:
    with desk.work() as work:
        contacts.create_field(work, "City")
    contact_id = desk.contact("Zara Kahn", ("email", ZARA), ("phone", "+923001234567"), city="Lahor")
    with desk.work() as work:
        suppressions.add(work, "phone", "+923001234567", reason="opted_out", source="test", channel="sms")
    request_id = desk.ask("correction")
    with pytest.raises(Refused, match="Fill in"):
        desk.plan(request_id)
    wrong = [{"table": "pulse_address", "column": "value", "scheme": "phone", "before": "+923001234567", "after": "12"},
             {"table": "pulse_message", "column": "body", "before": "", "after": "x"}]  # fmt: skip
    with pytest.raises(Refused, match="cannot be corrected"), desk.work() as work:
        correcting.propose(work, request_id, wrong)
    right = [
        {"table": "pulse_contact", "column": "name", "before": "Zara Kahn", "after": "Zara Khan"},
        {"table": "pulse_contact", "column": "fields.city", "before": "Lahor", "after": "Lahore"},
        {"table": "pulse_address", "column": "value", "scheme": "phone", "before": "+923001234567",
         "after": "0300 7654321"},
    ]  # fmt: skip
    with desk.work() as work:
        correcting.propose(work, request_id, right)
    assert "subject_request.correction_noted" in _verbs(desk)
    assert "Lahore" not in str(_details(desk))
    desk.plan(request_id)
    desk.approve(request_id)
    with desk.work() as work:
        from connectpulse.core.storage.models import Contact

        row = work.session.get_one(Contact, contact_id)
        assert (row.name, row.fields) == ("Zara Khan", {"city": "Lahore"})
        assert {each.value for each in row.addresses} == {ZARA, "+923007654321"}
        kept = set(work.session.scalars(select(Suppression.value)))
        assert kept == {"+923001234567", "+923007654321"}
    assert desk.request(request_id).state == "done"


def test_an_objection_and_a_restriction_hold_at_once(desk: Office) -> None:
    contact_id = desk.contact("Zara Khan", ("email", ZARA), ("phone", "+923001234567"))
    objection = desk.ask("objection", wanted={"purpose": "promotional"})
    desk.plan(objection)
    restriction = desk.ask("restriction", address="0300 1234567", scheme="phone")
    desk.plan(restriction)
    assert {desk.request(each).state for each in (objection, restriction)} == {"done"}
    with desk.work() as work:
        rows = work.session.execute(select(Suppression.value, Suppression.purpose, Suppression.reason)).all()
        assert (ZARA, "promotional", "objected") in [tuple(row) for row in rows]
        assert work.session.scalar(
            text("SELECT restricted_at IS NOT NULL FROM pulse_contact WHERE id = :id"), {"id": contact_id}
        )


def test_links_are_recognised_and_made_up_ones_are_not(desk: Office) -> None:
    word = links.page("status", 12)
    assert links.opened("status", word) == 12
    for wrong in (word + "0", word.replace("12-", "13-"), links.page("confirm", 12), "", "12", "-", "٣-x", "9" * 40):
        with pytest.raises(NotFound):
            links.opened("status", wrong)
