"""Signed events through the house's own door: checked, kept, answered, worked off."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from connectpulse_email.hosted.provider import HostedProvider
from connectpulse_email.mailgun import MailgunProvider
from connectpulse_email.mailgun import peer as mailgun
from connectpulse_email.sendgrid import SendGridProvider
from connectpulse_email.sendgrid import peer as sendgrid
from connectpulse_email.ses import SesProvider
from connectpulse_email.ses import peer as ses
from flask.testing import FlaskClient
from sqlalchemy import text

from connectpulse.app import create_app
from connectpulse.core.services import callbacks, connections, proofs
from connectpulse.core.storage import guard
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
