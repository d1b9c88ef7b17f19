"""Support: a thread with a reference, mail to both sides, and two years of memory."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.retention import Subject
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services.notices import mail
from connectpulse.core.services.policy import operator
from connectpulse.core.services.retention import engine
from connectpulse.core.services.support import requests
from connectpulse.core.services.support.requests import Asker
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage.models import Mail, SupportMessage, SupportRequest
from connectpulse.house import House
from tests.unit.core.services.test_policy import FACTS

VISITOR = Actor("visitor", "A visitor", None, "192.0.2.1")
OPERATOR = Actor("user", "Omar Operator", 21)
SANA = Actor("user", "Sana User", 22)
OUTSIDE = Asker("Vera Visitor", "Vera@Example.org")


@pytest.fixture(autouse=True)
def people(house: House) -> Iterator[None]:
    with house.engine.begin() as connection:
        for id, name in ((21, "omar"), (22, "sana")):
            connection.execute(
                text(
                    "INSERT INTO ab_user (id, first_name, last_name, username, email, active) "
                    "VALUES (:id, :name, 'T', :name, :email, true)"
                ),
                {"id": id, "name": name, "email": f"{name}@example.org"},
            )
        connection.execute(text("INSERT INTO ab_role (id, name) VALUES (1, 'Platform administrator')"))
        connection.execute(text("INSERT INTO ab_user_role (id, user_id, role_id) VALUES (1, 21, 1)"))
    mail.use("smtp://127.0.0.1:9?tls=none", "pulse@example.org", "https://pulse.example")
    with house.work(OPERATOR) as work:
        operator.change(work, FACTS)
    yield
    mail.use("", "")


def ask(house: House, asker: Asker = OUTSIDE, actor: Actor = VISITOR, body: str = "Hello") -> int:
    with house.work(actor) as work:
        return requests.open_request(work, asker, "A matter", body).id


def mails(work: Work) -> list[tuple[str, str, str]]:
    rows = work.session.scalars(select(Mail).order_by(Mail.id))
    return [(row.recipient, row.subject, (row.content or {}).get("text", "")) for row in rows]


def test_both_sides_get_mail_with_the_reference(house: House) -> None:
    request_id = ask(house)
    with house.work(OPERATOR) as work:
        request = requests.find(work, request_id)
        to_us, to_them = mails(work)
        assert (to_us[0], to_them[0]) == ("help@example.com", "vera@example.org")
        assert to_us[1] == to_them[1] == f"[{request.reference}] A matter"
        requests.answer(work, request_id, "Here is how.")
        answered = mails(work)[2]
        assert answered[0] == "vera@example.org"
        assert "Here is how." in answered[2]
        assert (request.state, request.assigned_to) == ("answered", 21)


def test_a_visitor_reads_on_by_the_link_of_the_mail_alone(house: House) -> None:
    request_id = ask(house)
    with house.work(VISITOR) as work:
        link = re.search(r"https://pulse.example/contact/thread/(\S+)/(\S+)", mails(work)[1][2])
        assert link
        assert requests.by_link(work, link[1], link[2]).id == request_id
        for proof in ("", link[2][:-1], link[2][::-1], "é" * 40):
            with pytest.raises(NotFound, match="not valid"):
                requests.by_link(work, link[1], proof)


def test_writing_again_opens_a_closed_request(house: House) -> None:
    request_id = ask(house)
    with house.work(OPERATOR) as work:
        closed = requests.answer(work, request_id, "Done.", closes=True)
        assert (closed.state, closed.closed_at is not None) == ("closed", True)
    with house.work(VISITOR) as work:
        request = requests.find(work, request_id)
        requests.write(work, request, "Not quite.")
        assert (request.state, request.closed_at) == ("open", None)
        assert [said.is_answer for said in request.messages] == [False, True, False]


def test_an_open_matter_is_one_notice_and_ends_with_the_answer(house: House) -> None:
    request_id = ask(house)
    with house.work(OPERATOR) as work:
        requests.answer(work, request_id, "Yes.")
        left = work.session.scalar(text("SELECT count(*) FROM pulse_notice WHERE ended_at IS NULL"))
    assert left == 0


def test_nobody_reads_the_requests_of_others(house: House) -> None:
    mine = ask(house, Asker("Sana User", "sana@example.org", 22), SANA)
    theirs = ask(house)
    with house.work(SANA) as work:
        assert requests.own(work, mine).id == mine
        assert [each.id for each in requests.mine(work)] == [mine]
        with pytest.raises(NotFound):
            requests.own(work, theirs)
    with house.work(VISITOR) as work, pytest.raises(NotFound):
        requests.own(work, theirs)


def test_only_operators_can_be_given_a_request(house: House) -> None:
    request_id = ask(house)
    with house.work(OPERATOR) as work:
        assert requests.assign(work, request_id, 21).assigned_to == 21
        with pytest.raises(Refused, match="administers the platform"):
            requests.assign(work, request_id, 22)


def test_an_address_asks_only_so_often(house: House) -> None:
    for _ in range(requests.MOST_AN_HOUR):
        ask(house)
    with pytest.raises(Refused, match="several times within the hour"):
        ask(house, Asker("Vera", "VERA@example.org"))


@pytest.mark.parametrize(
    ("asker", "subject", "body", "at"),
    [
        (Asker("", "a@b.example"), "Subject", "x", {"name"}),
        (Asker("A", "nobody"), "Su", " ", {"email", "subject", "body"}),
        (Asker("A", "a@b.example\nBcc: c@d.example"), "Subject", "x" * 10_001, {"email", "body"}),
    ],
)
def test_bad_input_is_told_field_by_field(house: House, asker: Asker, subject: str, body: str, at: set[str]) -> None:
    with house.work(VISITOR) as work, pytest.raises(Refused) as refused:
        requests.open_request(work, asker, subject, body)
    assert set(refused.value.fields) == at


def test_a_person_finds_and_takes_back_what_they_wrote(house: House) -> None:
    ask(house, body="My secret")
    ask(house, Asker("Sana User", "sana@example.org", 22), SANA)
    vera = Subject(None, (("email", "vera@example.org"),))
    with house.work(OPERATOR) as work:
        found = {
            table: list(house.registry.subjects[table].export(work, vera))
            for table in ("pulse_support_request", "pulse_support_message")
        }
        assert [len(rows) for rows in found.values()] == [1, 1]
        assert found["pulse_support_message"][0]["body"] == "My secret"
        assert house.registry.subjects["pulse_support_message"].erase(work, vera) == 1
        assert house.registry.subjects["pulse_support_request"].erase(work, vera) == 1
        assert [row.email for row in work.session.scalars(select(SupportRequest))] == ["sana@example.org"]
        assert len(work.session.scalars(select(SupportMessage)).all()) == 1


def test_messages_go_two_years_after_their_request_was_closed(house: House) -> None:
    old, young = ask(house), ask(house)
    with house.work(OPERATOR) as work:
        requests.close(work, old)
        requests.close(work, young)
    with house.engine.begin() as connection:
        connection.execute(
            text("UPDATE pulse_support_request SET closed_at = now() - interval '731 days' WHERE id = :id"), {"id": old}
        )
        now = connection.scalar(text("SELECT now()"))
    assert now is not None
    engine.run(house.work, now)
    with house.engine.connect() as connection:
        assert connection.scalars(text("SELECT request_id FROM pulse_support_message")).all() == [young]
        assert connection.scalars(text("SELECT id FROM pulse_support_request")).all() == [young]
