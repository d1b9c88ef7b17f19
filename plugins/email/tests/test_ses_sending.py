"""SES: what a letter looks like on its wire, what its refusals mean, and what moto's SES says to it."""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cloud_scene import VENDORS, connected, faults, saying, seen, send
from connectpulse_email.ses import SesProvider, codes, peer
from connectpulse_email.ses.settings import PRESETS
from email_scene import STOP, URDU, letter, read, shared, texts

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, TryLater
from connectpulse.core.storage.embedded import free_port

VENDOR = VENDORS["ses"]
SETTINGS = peer.settings()


def test_a_letter_is_a_whole_message() -> None:
    request, body = seen(VENDOR, letter(shared=shared(f"<p>{URDU} {{{{ name }}}}</p>")))
    assert (request.method, request.path) == ("POST", "/v2/email/outbound-emails")
    found = json.loads(body)
    assert found["Destination"] == {"ToAddresses": ["amina0001@example.com"]}
    assert found["EmailTags"] == [{"Name": "pulse_reference", "Value": "1-1"}]
    assert found["ConfigurationSetName"] == "letters"
    mail = read(base64.b64decode(found["Content"]["Raw"]["Data"]))
    assert all(f"{URDU} Amina" in text for text in texts(mail))
    assert mail["From"] == "Acme News <news@acme.example>"
    assert mail["List-Unsubscribe"] == f"<{STOP}>"
    assert mail["DKIM-Signature"] is None


def test_botocores_own_request_is_signed_for_the_same_scope() -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.session import Session

    model = Session().get_service_model("sesv2")
    operation = model.operation_model("SendEmail").http
    request, body = seen(VENDOR, letter())
    assert (request.method, request.path) == (operation["method"], operation["requestUri"])
    given = request.headers["Authorization"]
    assert f"Credential={peer.KEY_ID}/" in given
    assert f"/{peer.REGION}/{model.signing_name}/aws4_request" in given
    assert "SignedHeaders=content-type;host;x-amz-date" in given
    again = AWSRequest("POST", str(request.url), headers={"Content-Type": request.headers["Content-Type"]}, data=body)
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    again.headers["X-Amz-Date"] = request.headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(peer.KEY_ID, peer.SECRET), "ses", peer.REGION)
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert given.endswith(f"Signature={signature}"), "aiohttp changed what had been signed"


def refused(kind: str, message: str = "no", status: int = 400, *, in_body: bool = False) -> Outcome:
    if in_body:
        handler = saying(json.dumps({"__type": f"com.amazonaws.ses#{kind}", "message": message}), status)
    else:
        handler = saying(json.dumps({"message": message}), status, **{"x-amzn-ErrorType": f"{kind}:http://x/"})
    return send(VENDOR, handler, [letter()])[0]


@pytest.mark.parametrize("kind", set(codes.ERRORS) - {"DailyQuota", "RecipientNotVerified", "SenderNotVerified"})
def test_each_type_of_error_has_its_outcome(kind: str) -> None:
    error, reason = codes.ERRORS[kind]
    result = refused(kind, in_body=kind < "M")
    assert isinstance(result, Rejected | TryLater)
    assert (result.error, result.reason, result.code) == (error, reason, kind)
    assert isinstance(result, TryLater) is (error is ErrorClass.THROTTLE)


def test_some_errors_are_told_by_their_words() -> None:
    words = "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: "
    assert refused("MessageRejected", words + "Amina0001@example.com") == Rejected(
        "recipient_not_verified", ErrorClass.RECIPIENT, "RecipientNotVerified"
    )
    assert refused("MessageRejected", words + "news@acme.example") == Rejected(
        "sender_not_verified", ErrorClass.SENDER, "SenderNotVerified"
    )
    daily = refused("TooManyRequestsException", "Daily message quota exceeded.", 429)
    assert daily == TryLater(timedelta(hours=1), ErrorClass.THROTTLE, "daily_limit_reached", "DailyQuota")


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, ErrorClass.CONTENT, "request_refused"),
        (403, ErrorClass.CREDENTIAL, "access_refused"),
        (404, ErrorClass.CREDENTIAL, "address_not_found"),
        (413, ErrorClass.CONTENT, "letter_too_large"),
    ],
)
def test_errors_without_a_type_go_by_their_status(status: int, error: ErrorClass, reason: str) -> None:
    assert send(VENDOR, saying("<html>", status), [letter()]) == [Rejected(reason, error, str(status))]


@pytest.mark.parametrize(
    ("account", "settings", "is_working", "words"),
    [
        ({}, {}, True, "14 letters a second and 50,000 a day, 12 of them used"),
        ({"ProductionAccessEnabled": False}, {}, True, "sandbox"),
        ({}, {"topic_arn": "", "configuration_set": ""}, True, "no topic"),
        ({"SendQuota": None}, {}, True, "may send"),
        ({"SendingEnabled": False}, {}, False, "switched off"),
        ({}, {"access_key_id": "AKIAOTHEROTHEROTHER"}, False, "UnrecognizedClientException"),
    ],
)
def test_a_check_tells_what_the_account_may(
    account: dict[str, Any], settings: dict[str, str], is_working: bool, words: str
) -> None:
    async def scene() -> None:
        async with peer.running() as (known, ses):
            ses.account |= account
            async with connected(SesProvider, {**known, **settings}) as provider:
                found = await provider.check()
                assert ses.letters == []
        assert (found.is_working, words in found.steps[-1]) == (is_working, True), found.steps

    asyncio.run(asyncio.wait_for(scene(), 20))


@pytest.mark.parametrize(
    ("setting", "value", "fault"),
    [
        ("region", "Frankfurt", "Region"),
        ("access_key_id", "no", "Access key ID"),
        ("configuration_set", "a b", "Configuration set"),
        ("topic_arn", "arn:aws:sqs:eu-central-1:123456789012:letters", "Topic"),
        ("topic_arn", "arn:aws:sns:evil.example/:123456789012:letters", "Topic"),
        ("topic_arn", "", "Events"),
    ],
)
def test_settings_are_checked(setting: str, value: str, fault: str) -> None:
    assert [each.partition(":")[0] for each in faults(SesProvider, {**SETTINGS, setting: value})] == [fault]


def test_the_address_follows_from_the_region() -> None:
    for preset in PRESETS.values():
        disclosed = SesProvider.disclosure({**SETTINGS, **preset})
        assert disclosed.hosts == (f"email.{preset['region']}.amazonaws.com",)
        assert disclosed.countries == (preset["countries"],)
        assert faults(SesProvider, {**SETTINGS, **preset}) == []


@pytest.fixture
def moto() -> Iterator[str]:
    """An SES as moto builds it, on loopback."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    finally:
        with contextlib.suppress(Exception):
            server.stop()


def test_motos_ses_takes_letters_of_verified_senders_only(moto: str) -> None:
    import boto3

    account = boto3.client(
        "sesv2", region_name=peer.REGION, endpoint_url=moto, aws_access_key_id=peer.KEY_ID,
        aws_secret_access_key=peer.SECRET,
    )  # fmt: skip

    async def scene() -> None:
        async with connected(SesProvider, {**SETTINGS, "base_url": moto}) as provider:
            (refusal,) = await provider.send_batch([letter()])  # in words of moto's own, which are no sign to us
            assert refusal == Rejected("refused_by_policy", ErrorClass.CONTENT, "MessageRejected")
            await asyncio.to_thread(account.create_email_identity, EmailIdentity="news@acme.example")
            assert await provider.send_batch([letter(2)]) == [Accepted(("2-1",))]

    asyncio.run(asyncio.wait_for(scene(), 60))
