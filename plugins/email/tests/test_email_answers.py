"""Answers by hand: somebody replies to a letter, and is answered under its subject, in the same thread."""

from datetime import UTC, datetime

import pytest
from connectpulse_email import mime
from connectpulse_email.channel import EmailChannel
from connectpulse_email.letter import compose
from email_scene import read, texts
from sqlalchemy import select
from test_email_house import SENDER, carried, launched

from connectpulse.core.api import Inbound, Refused
from connectpulse.core.domain import form
from connectpulse.core.services import senders
from connectpulse.core.services.conversations import answering, talk, threads
from connectpulse.core.services.conversations.answering import Draft
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import Thread
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

CHANNEL = EmailChannel()
CONTENT = {"subject": "Hi {{ name }}", "text": "We are open.", "html": "<p>We are open.</p>", "footer": "Acme, Lahore"}


def test_who_replies_is_answered_in_the_same_thread(house: House, organisation: int) -> None:
    desk = ServiceDesk(house.work, "postman", "https://pulse.example")
    launched(house, organisation, ["amina"], CONTENT)
    (facts,) = desk.lines()
    carried(desk, facts.connection_id)
    asked = Inbound("amina@example.com", "news@acme.example", "Until when?", "<q1@example.com>", datetime.now(UTC))
    desk.take_in(facts.connection_id, [asked])
    with house.work(ADMINISTRATOR, organisation) as work:
        senders.usable(work, "email")[0].purposes = ["promotional", "transactional"]
        work.session.flush()
        thread = work.session.scalars(select(Thread)).one()
        answering.answer(work, thread.id, Draft("Until **nine**, {{ name }}.\n\nYours\nAcme"))
        proof = Draft("Your link: https://pulse.example/privacy/confirm/secret", seen=None)
        answering.answer(work, thread.id, proof)
    (submission,) = carried(desk, facts.connection_id)
    carried(desk, facts.connection_id)
    mail = read(mime.write(compose(submission.shared), submission))
    assert (mail["Subject"], mail["To"], mail["From"]) == ("Re: Hi Amina", "amina@example.com", SENDER)
    assert (mail["In-Reply-To"], mail["References"]) == ("<q1@example.com>", "<q1@example.com>")
    assert mail["Auto-Submitted"] is None, "a person wrote it"
    plain, html = texts(mail)
    assert plain.startswith("Until **nine**, Amina.\n\nYours\nAcme")
    assert "<strong>nine</strong>, Amina." in html
    with house.work(ADMINISTRATOR, organisation) as work:
        shown = talk.page(work, threads.party(work, work.session.scalars(select(Thread)).one())).entries
        words = [each.body for each in shown if isinstance(each, talk.Said)]
    assert words[:3] == ["Hi Amina", "Until when?", "Until **nine**, Amina.\n\nYours\nAcme"]
    assert "secret" not in words[3], "who reads along must not learn what proves who somebody is"


@pytest.mark.parametrize(
    ("about", "subject"),
    [
        ("News", "Re: News"),
        ("RE: News", "RE: News"),
        ("", "Re: Your message"),
        ("Use {{{ this }}}", "Re: Use { { { this }}}"),
    ],
)
def test_an_answer_has_the_subject_of_what_it_answers(about: str, subject: str) -> None:
    content = form.read(CHANNEL.content_form, CHANNEL.answer_content("Yes", "no id", about) or {})
    CHANNEL.check_content(content, frozenset())
    assert (content["subject"], content["answers"]) == (subject, None)


@pytest.mark.parametrize("id", ["q1@example.com", "<>", "<a b@example.com>", "<a@b>\r\nBcc: x@y.z", "<a<b@c>"])
def test_what_is_no_id_of_a_letter_stands_in_no_header(id: str) -> None:
    assert (CHANNEL.answer_content("Yes", id) or {})["answers"] is None
    with pytest.raises(Refused, match="Message-ID"):
        CHANNEL.check_content({**CONTENT, "answers": id}, frozenset({"name"}))
