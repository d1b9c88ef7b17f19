"""The site's own mail: sent by a real server after the act is committed, tried again, given up in the end."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, text

from connectpulse.core.errors import Misconfigured
from connectpulse.core.services.notices import mail
from connectpulse.core.storage.embedded import free_port
from connectpulse.core.storage.models import Mail
from connectpulse.house import House
from connectpulse.testing import factories


class Inbox:
    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refusal = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refusal:
            return self.refusal
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 Taken"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    port = free_port()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    mail.use(f"smtp://127.0.0.1:{port}?tls=none", "pulse@example.org")
    yield inbox
    mail.use("", "")
    server.stop()


def _post(house: House, html: str = "") -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        mail.post(work, "amina@example.org", "Your\ninvitation", "Follow https://x.example/secret-link", html)


def _rows(house: House) -> list[Mail]:
    with house.sessions() as session:
        return list(session.scalars(select(Mail)))


def test_a_mail_goes_out_once_and_its_text_is_forgotten(house: House, inbox: Inbox) -> None:
    _post(house, "<p>Hello</p>")
    with house.engine.connect() as connection:
        [sealed] = connection.scalars(text("SELECT content FROM pulse_mail"))
        assert b"secret-link" not in bytes(sealed)
    assert (mail.send_due(house.work), mail.send_due(house.work)) == (1, 0)
    [taken] = inbox.taken
    assert (taken["To"], taken["From"], taken["Subject"]) == (
        "amina@example.org",
        "pulse@example.org",
        "Your invitation",
    )
    assert "secret-link" in taken.get_body(("plain",)).get_content()
    assert "Hello" in taken.get_body(("html",)).get_content()
    [row] = _rows(house)
    assert (row.state, row.content) == ("sent", {})


def test_an_act_that_is_rolled_back_sends_nothing(house: House, inbox: Inbox) -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        mail.post(work, "amina@example.org", "Never", "Never")
        work.session.rollback()
    assert mail.send_due(house.work) == 0
    assert inbox.taken == []


def test_a_refused_mail_is_tried_again_later_and_given_up_in_the_end(house: House, inbox: Inbox) -> None:
    inbox.refusal = "451 Not now"
    _post(house)
    for _ in range(mail.MOST_ATTEMPTS):
        with house.engine.begin() as connection:
            connection.execute(text("UPDATE pulse_mail SET due_at = now()"))
        assert mail.send_due(house.work) == 0
        assert mail.send_due(house.work) == 0  # not before its time
    [row] = _rows(house)
    assert (row.state, row.attempts, row.content) == ("failed", mail.MOST_ATTEMPTS, {})
    assert "451" in row.error


def test_without_a_server_mail_waits(house: House) -> None:
    _post(house)
    assert not mail.is_sent_here()
    assert mail.send_due(house.work) == 0
    assert [row.state for row in _rows(house)] == ["waiting"]


@pytest.mark.parametrize("url", ["http://host", "smtp://", "smtp://host?tls=maybe"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="MAIL_URL"):
        mail.use(url, "a@b.c")
