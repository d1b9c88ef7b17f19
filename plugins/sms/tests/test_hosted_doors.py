"""Signed callbacks through the house's own door: sent by the stand-ins, checked, kept, answered, worked off."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from connectpulse_sms.twilio import TwilioProvider
from connectpulse_sms.twilio import peer as twilio
from connectpulse_sms.vonage import VonageProvider
from connectpulse_sms.vonage import peer as vonage
from connectpulse_sms.vonage.settings import MESSAGES
from flask.testing import FlaskClient
from sqlalchemy import text

from connectpulse.app import create_app
from connectpulse.core.api import Provider
from connectpulse.core.services import callbacks, connections
from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

Opened = tuple[FlaskClient, int, str]
Opening = Callable[[type[Provider], dict[str, Any]], Opened]


@pytest.fixture
def opening(house: House) -> Opening:
    """Make a connection; return a client, its id, and the path it is called at."""

    def make(kind: type[Provider], settings: dict[str, Any]) -> Opened:
        with house.work(ADMINISTRATOR) as work:
            made = connections.create(work, f"Hosted at {settings['base_url']}", kind.name, settings, is_trial=True)
            return create_app(house).test_client(), made.id, connections.callback_path(made)

    return make


def kept(house: House) -> list[tuple[str, str]]:
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "look at receipts"):
        rows = work.session.execute(text("SELECT reference, code FROM pulse_receipt ORDER BY id")).all()
        return [(row[0], row[1]) for row in rows]


def test_twilio_is_answered_with_silence_and_its_receipt_kept(house: House, opening: Opening) -> None:
    client, connection_id, path = opening(TwilioProvider, twilio.settings())
    url = house.settings.public_url.rstrip("/") + path + "?n=%20"
    fields = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003", "To": "+923001234567"}
    headers = twilio.signed(url, fields)
    answer = client.post(f"{path}?n=%20", data=urlencode(fields), headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert answer.text.endswith("<Response/>")
    assert client.post(path, data=urlencode(fields), headers=headers).status_code == 403, "another address"
    assert callbacks.drain(house.work, connection_id) == 1
    assert kept(house) == [("SM1", "30003")]


def test_vonage_is_believed_by_its_field_or_its_token(house: House, opening: Opening) -> None:
    client, form_id, path = opening(VonageProvider, vonage.settings("https://rest.nexmo.com"))
    body, headers = vonage.signed_form({"messageId": "0A", "status": "delivered", "msisdn": "923001234567"})
    assert client.post(path, data=body, headers=headers).status_code == 200
    assert client.post(path, data=body + b"&x=1", headers=headers).status_code == 403
    known = vonage.settings("https://api.nexmo.com", MESSAGES)
    client, document_id, path = opening(VonageProvider, known)
    body, headers = vonage.signed_document({"message_uuid": "u-1", "status": "delivered", "to": "923001234567"})
    assert client.post(path, data=body, headers=headers).status_code == 200
    assert client.post(path, data=body.replace(b"u-1", b"u-2"), headers=headers).status_code == 403
    assert [callbacks.drain(house.work, id) for id in (form_id, document_id)] == [1, 1]
    assert kept(house) == [("0A", ""), ("u-1", "")]
