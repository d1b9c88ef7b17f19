"""What is told of letters, up to the database: signed events through the house's own door, and mail that comes back."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from connectpulse_email.bounces import verp
from connectpulse_email.bounces.reading import events
from connectpulse_email.bounces.reports import Keys
from connectpulse_email.hosted.provider import HostedProvider
from connectpulse_email.mailgun import MailgunProvider
from connectpulse_email.mailgun import peer as mailgun
from connectpulse_email.sendgrid import SendGridProvider
from connectpulse_email.sendgrid import peer as sendgrid
from connectpulse_email.ses import SesProvider
from connectpulse_email.ses import peer as ses
from connectpulse_email.sink.record import Taken
from connectpulse_email.sink.reports import returned
from email_scene import DOMAIN, KEY, SENDER
from flask.testing import FlaskClient
from sqlalchemy import select, text

from connectpulse.app import create_app
from connectpulse.core.api import Purpose, Submission, Unknown
from connectpulse.core.services import callbacks, connections, proofs, recovery, singles
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Connection, Message, Suppression
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

TO = "amina@example.com"
Posted = tuple[bytes, dict[str, str]]


def by_sendgrid() -> Posted:
    return sendgrid.signed([sendgrid.event(TO, "1-1", event="delivered"), sendgrid.event(TO, "2-1", event="processed")])


def by_ses() -> Posted:
    proofs.keep(ses.CERTIFICATE_URL, ses.certificate())
    return ses.posted(ses.enveloped(ses.event(TO, "1-1", eventType="Delivery", delivery={})))


def by_mailgun() -> Posted:
    return mailgun.posted(mailgun.event(TO, "1-1", event="delivered"))


@pytest.mark.parametrize(
    ("kind", "settings", "post", "references"),
    [
        (SendGridProvider, sendgrid.settings(), by_sendgrid, ["1-1", "2-1"]),
        (SesProvider, ses.settings(), by_ses, ["1-1"]),
        (MailgunProvider, mailgun.settings(), by_mailgun, ["1-1"]),
    ],
    ids=["sendgrid", "ses", "mailgun"],
)
def test_genuine_events_are_kept_and_forged_ones_are_not(
    house: House,
    kind: type[HostedProvider],
    settings: dict[str, Any],
    post: Callable[[], Posted],
    references: list[str],
) -> None:
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Letters", kind.name, settings, is_trial=True)
        path = connections.callback_path(made)
    client: FlaskClient = create_app(house).test_client()
    body, headers = post()
    assert client.post(path, data=body, headers=headers).status_code == 200
    assert client.post(path, data=body, headers=headers).status_code == 200, "repeated, as vendors do"
    forged = body.replace(b"elivered", b"omplained").replace(b"Delivery", b"Complaint")
    assert client.post(path, data=forged, headers=headers).status_code == 403
    assert client.post(path + secrets.token_hex(2), data=body, headers=headers).status_code == 404
    assert callbacks.drain(house.work, made.id) == 2
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "look at receipts"):
        kept = work.session.execute(text("SELECT DISTINCT reference FROM pulse_receipt ORDER BY 1")).scalars().all()
    assert kept == references


HALF = "amina\ud800@example.com"


@pytest.mark.parametrize(
    ("kind", "settings", "post"),
    [
        (
            SendGridProvider,
            sendgrid.settings(),
            lambda: sendgrid.signed([sendgrid.event(HALF, "1-1", event="delivered")]),
        ),
        (SesProvider, ses.settings(), lambda: ses.posted(ses.enveloped(ses.event(HALF, "1-1", eventType="Send")))),
        (MailgunProvider, mailgun.settings(), lambda: mailgun.posted(mailgun.event(HALF, "1-1", event="delivered"))),
    ],
    ids=["sendgrid", "ses", "mailgun"],
)
def test_half_a_character_keeps_no_event_from_the_database(
    house: House, kind: type[HostedProvider], settings: dict[str, Any], post: Callable[[], Posted]
) -> None:
    proofs.keep(ses.CERTIFICATE_URL, ses.certificate())
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Letters", kind.name, settings, is_trial=True)
    client: FlaskClient = create_app(house).test_client()
    body, headers = post()
    assert client.post(connections.callback_path(made), data=body, headers=headers).status_code == 200
    assert callbacks.drain(house.work, made.id) == 1
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "look at receipts"):
        kept = work.session.execute(text("SELECT reference, address FROM pulse_receipt")).all()
    assert kept == [("1-1", "amina?@example.com")]


def lost(house: House, organisation: int, kind: str, settings: dict[str, Any]) -> tuple[Connection, list[Submission]]:
    """Hand two letters to one person over and lose their answers; return the connection and the letters."""
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Letters", kind, settings, is_trial=True)
        connections.create_route(work, made.id)
    for _ in range(2):
        with house.work(ADMINISTRATOR, organisation) as work:
            singles.queue(
                work, channel=work.registry.channel("email"), sender=SENDER, address=TO, purpose=Purpose.TRANSACTIONAL,
                content={"subject": "Hi", "html": "<p>Hi</p>", "footer": "Acme"}, values={},
            )  # fmt: skip
    desk, letters = ServiceDesk(house.work, "postman", "https://pulse.example.org"), list[Submission]()
    hand = desk.hand(desk.lines()[0])
    while batch := hand.turn(None, (), 100).batch:
        letters += batch.submissions
        hand.turn(batch, [Unknown() for _ in batch.submissions], 0)
    return made, letters


def names(letters: list[Submission]) -> list[str]:
    return [verp.reference(each.message_id, each.attempt) for each in letters]


def check_settled(house: House, organisation: int, letters: list[Submission]) -> None:
    """Match what came without a message; the first letter arrived, nobody is there to whom the second went."""
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "match receipts"):
        assert recovery.orphans(work) == 2
    with house.work(ADMINISTRATOR, organisation) as work:
        found = [(each.id, each.state, each.reason) for each in work.session.scalars(select(Message).order_by("id"))]
        held = [(each.value, each.reason) for each in work.session.scalars(select(Suppression))]
    first, second = letters
    assert found == [(first.message_id, 20, ""), (second.message_id, 12, "unknown_recipient")]
    assert held == [(TO, "undeliverable")]


def settling_sendgrid(delivered: str, gone: str) -> list[Posted]:
    bounce = sendgrid.event(TO, gone, event="bounce", type="bounce", status="5.1.1")
    return [sendgrid.signed([sendgrid.event(TO, delivered, event="delivered"), bounce])]


def settling_ses(delivered: str, gone: str) -> list[Posted]:
    proofs.keep(ses.CERTIFICATE_URL, ses.certificate())
    hit = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": TO, "status": "5.1.1"}]}
    told = (ses.event(TO, delivered, eventType="Delivery"), ses.event(TO, gone, eventType="Bounce", bounce=hit))
    return [ses.posted(ses.enveloped(each)) for each in told]


def settling_mailgun(delivered: str, gone: str) -> list[Posted]:
    failed = {"severity": "permanent", "reason": "bounce", "delivery-status": {"enhanced-code": "5.1.1"}}
    told = (mailgun.event(TO, delivered, event="delivered"), mailgun.event(TO, gone, event="failed", **failed))
    return [mailgun.posted(each) for each in told]


@pytest.mark.parametrize(
    ("kind", "settings", "tell"),
    [
        (SendGridProvider, sendgrid.settings(), settling_sendgrid),
        (SesProvider, ses.settings(), settling_ses),
        (MailgunProvider, mailgun.settings(), settling_mailgun),
    ],
    ids=["sendgrid", "ses", "mailgun"],
)
def test_events_settle_letters_whose_answers_were_lost(
    house: House,
    organisation: int,
    kind: type[HostedProvider],
    settings: dict[str, Any],
    tell: Callable[[str, str], list[Posted]],
) -> None:
    made, letters = lost(house, organisation, kind.name, settings)
    client: FlaskClient = create_app(house).test_client()
    for body, headers in tell(*names(letters)):
        assert client.post(connections.callback_path(made), data=body, headers=headers).status_code == 200
    callbacks.drain(house.work, made.id)
    check_settled(house, organisation, letters)


def test_mail_that_comes_back_settles_letters_whose_answers_were_lost(house: House, organisation: int) -> None:
    line = {"host": "mx.example", "countries": "PK", "return_domain": DOMAIN, "return_key": KEY}
    made, letters = lost(house, organisation, "smtp", line)
    first, second = (Taken(verp.address(name, DOMAIN, KEY), TO, b"Subject: Hi\r\n\r\n") for name in names(letters))
    arrived = returned(first, "2.1.5").replace(b"Action: failed", b"Action: delivered")
    told = [each for mail in (arrived, returned(second, "5.1.1")) for each in events(mail, Keys(DOMAIN, KEY))]
    ServiceDesk(house.work, "postman", "https://pulse.example.org").take_in(made.id, told)
    check_settled(house, organisation, letters)
