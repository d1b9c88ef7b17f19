"""What comes through SNS: which envelopes are believed, where certificates may lie, and what events mean."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloud_scene import called, connected, listening
from connectpulse_email.ses import SesProvider, peer
from connectpulse_email.ses.events import REFERENCE
from email_scene import letter

from connectpulse.core.api import Callback, MessageState, Receipt

SETTINGS = peer.settings()
DELIVERY = {"eventType": "Delivery", "delivery": {}}


def envelope(**changes: Any) -> dict[str, Any]:
    return peer.enveloped(peer.event("amina@example.com", "1-1", **DELIVERY), **changes)


def request(found: dict[str, Any], proof: bytes = b"", **headers: str) -> Callback:
    body, usual = peer.posted(found)
    return called(body, {**usual, **headers}, proof or peer.certificate())


def believed(callback: Callback, **changes: str) -> bool:
    return SesProvider.verify_callback({**SETTINGS, **changes}, callback)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Amazon SES", ""])
def test_both_signatures_are_believed(version: str, subject: str | None) -> None:
    assert believed(request(envelope(version=version, Subject=subject)))


@pytest.mark.parametrize(
    "name", ["Message", "MessageId", "Timestamp", "TopicArn", "Type", "Signature", "SignatureVersion", "SigningCertURL"]
)
def test_an_envelope_that_lacks_a_field_or_was_changed_is_not(name: str) -> None:
    good = envelope()
    assert believed(request(good))
    changed = {**good, name: good[name][:-1] + "x"}
    assert not believed(request(changed))
    assert not believed(request({key: value for key, value in good.items() if key != name}))
    assert not believed(request({**good, name: [good[name]]}))
    assert not believed(request({**good, "Subject": "added later"}))


def test_a_signature_of_the_other_algorithm_is_not() -> None:
    assert not believed(request({**envelope(version="1"), "SignatureVersion": "2"}))
    assert not believed(request(envelope(version="3")))


@pytest.mark.parametrize("age", [timedelta(hours=26), timedelta(minutes=-10)])
def test_stale_and_early_envelopes_are_not(age: timedelta) -> None:
    assert not believed(request(envelope(Timestamp=(datetime.now(UTC) - age).isoformat())))
    assert not believed(request(envelope(Timestamp="yesterday")))
    assert not believed(request(envelope(Timestamp="2026-01-02T00:00:00")))


def test_other_topics_are_not() -> None:
    assert not believed(request(envelope(TopicArn=peer.TOPIC.replace("1234", "9999"))))
    assert not believed(request(envelope()), topic_arn="")


def test_only_sns_own_certificate_that_is_valid_counts() -> None:
    for proof in (b"", b"-----BEGIN", peer.certificate("sns.evil.example"), peer.certificate(age=31)):
        body, headers = peer.posted(envelope())
        assert not believed(called(body, headers, proof))


HOST = "sns.eu-central-1.amazonaws.com"
BAD = [
    f"http://{HOST}/a.pem", "https://sns.us-east-1.amazonaws.com/a.pem", f"https://{HOST}.evil.example/a.pem",
    f"https://evil.example/{HOST}/a.pem", f"https://{HOST}@evil.example/a.pem", f"https://evil@{HOST}/a.pem",
    f"https://{HOST}:444/a.pem", f"https://{HOST}/a.pem#b", f"https://{HOST}\\.evil.example/a.pem",
    f"https://{HOST}/%2e%2e/a.pem", f"https://[{HOST}/a.pem", f" https://{HOST}/a.pem", "ü", "", "x" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("address", [*BAD, f"https://{HOST}/a.txt", f"https://{HOST}/", None, 7, ["a"]])
def test_certificates_lie_at_the_topics_own_host(address: Any) -> None:
    callback = request(envelope(SigningCertURL=address))
    assert SesProvider.proof_address(SETTINGS, callback) == ""
    assert not believed(callback)


def test_a_certificate_is_asked_for_where_it_lies() -> None:
    assert SesProvider.proof_address(SETTINGS, request(envelope())) == peer.CERTIFICATE_URL
    assert SesProvider.proof_address({**SETTINGS, "topic_arn": ""}, request(envelope())) == ""
    assert SesProvider.proof_address(SETTINGS, request(envelope(TopicArn="x"))) == ""


def test_a_subscription_to_the_topic_is_confirmed() -> None:
    address = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={peer.TOPIC}&Token=t0"
    asked = request(peer.asking(address))
    assert believed(asked)
    assert SesProvider.visit_address(SETTINGS, asked) == address
    assert SesProvider.parse_callback(SETTINGS, asked) == ()
    forged = request({**peer.asking(address), "SubscribeURL": address + "1"})
    assert not believed(forged)


@pytest.mark.parametrize("address", [each.replace("/a.pem", "/") for each in BAD])
def test_a_subscription_is_confirmed_at_sns_only(address: str) -> None:
    assert SesProvider.visit_address(SETTINGS, request(peer.asking(address))) == ""


def test_an_end_of_a_subscription_is_not_undone() -> None:
    address = f"https://{HOST}/?Action=ConfirmSubscription"
    ended = request(peer.asking(address, Type="UnsubscribeConfirmation"))
    assert believed(ended)
    assert SesProvider.visit_address(SETTINGS, ended) == ""
    assert SesProvider.visit_address(SETTINGS, request(envelope(SubscribeURL=address))) == ""


def told(**facts: Any) -> list[Receipt]:
    found = peer.enveloped(peer.event("amina@example.com", "1-1", **facts))
    return list(SesProvider.parse_callback(SETTINGS, request(found)))  # type: ignore[arg-type]


def bounce(kind: str, subtype: str, status: str | None = None) -> dict[str, Any]:
    hit = {"emailAddress": "amina@example.com"} | ({"status": status} if status else {})
    return {
        "eventType": "Bounce",
        "bounce": {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": [hit],
                   "timestamp": "2026-01-03T10:00:00.000Z"},
    }  # fmt: skip


UNDELIVERABLE, REJECTED, DELIVERED = MessageState.UNDELIVERABLE, MessageState.REJECTED, MessageState.DELIVERED


@pytest.mark.parametrize(
    ("facts", "state", "code", "reason", "suppress"),
    [
        ({"eventType": "Send"}, MessageState.ACCEPTED, "", "", False),
        (DELIVERY, DELIVERED, "", "", False),
        ({"eventType": "DeliveryDelay", "deliveryDelay": {"delayType": "MailboxFull"}}, MessageState.ACCEPTED,
         "MailboxFull", "mailbox_full", False),
        ({"eventType": "DeliveryDelay", "deliveryDelay": {"delayType": "General"}}, MessageState.ACCEPTED, "General",
         "put_off", False),
        (bounce("Permanent", "General", "5.1.1"), UNDELIVERABLE, "5.1.1", "unknown_recipient", True),
        (bounce("Permanent", "General", "5.7.1"), REJECTED, "5.7.1", "refused_by_policy", False),
        (bounce("Permanent", "General"), UNDELIVERABLE, "Permanent General", "unknown_recipient", True),
        (bounce("Transient", "General", "5.1.1"), UNDELIVERABLE, "5.1.1", "unknown_recipient", True),
        (bounce("Permanent", "OnAccountSuppressionList"), UNDELIVERABLE, "Permanent OnAccountSuppressionList",
         "unknown_recipient", True),
        (bounce("Permanent", "UnsubscribedRecipient"), UNDELIVERABLE, "Permanent UnsubscribedRecipient", "opted_out",
         True),
        (bounce("Transient", "MailboxFull", "5.2.2"), UNDELIVERABLE, "5.2.2", "mailbox_full", False),
        (bounce("Transient", "General"), UNDELIVERABLE, "Transient General", "undeliverable", False),
        (bounce("Transient", "ContentRejected"), REJECTED, "Transient ContentRejected", "refused_by_policy", False),
        (bounce("Undetermined", "Undetermined"), UNDELIVERABLE, "Undetermined Undetermined", "undeliverable", False),
        (bounce("New", "Thing"), UNDELIVERABLE, "New Thing", "undeliverable", False),
        ({"eventType": "Complaint", "complaint": {}}, DELIVERED, "Complaint", "complained", True),
        ({"eventType": "Complaint", "complaint": {"complaintSubType": "OnAccountSuppressionList"}}, UNDELIVERABLE,
         "Complaint", "complained", True),
        ({"eventType": "Subscription", "subscription": {"newTopicPreferences": {"unsubscribeAll": True}}}, DELIVERED,
         "Subscription", "opted_out", True),
        ({"eventType": "Reject", "reject": {"reason": "Bad content"}}, REJECTED, "Reject", "refused_by_policy", False),
        ({"eventType": "Rendering Failure"}, MessageState.FAILED, "Rendering Failure", "letter_malformed", False),
    ],
)  # fmt: skip
def test_each_event_has_its_meaning(
    facts: dict[str, Any], state: MessageState, code: str, reason: str, suppress: bool
) -> None:
    (found,) = told(**facts)
    day = 3 if facts["eventType"] == "Bounce" else 2
    at = datetime(2026, 1, day, 10 if day == 3 else 0, tzinfo=UTC)
    assert found == Receipt("1-1", state, code, reason, at, "amina@example.com", suppress=suppress, token="1")


@pytest.mark.parametrize(
    "facts",
    [
        {"eventType": "Open"},
        {"eventType": "Click"},
        {"eventType": None},
        {"eventType": "Complaint", "complaint": {"complaintFeedbackType": "not-spam"}},
        {"eventType": "Subscription", "subscription": {"newTopicPreferences": {"unsubscribeAll": False}}},
        {"notificationType": "Bounce", "bounce": {}},
    ],
)
def test_what_tells_nothing_makes_no_receipt(facts: dict[str, Any]) -> None:
    assert told(**facts) == []


def test_letters_of_other_programs_make_no_receipt() -> None:
    for tags in ({}, {REFERENCE: []}, {REFERENCE: "1-1"}, {REFERENCE: [7]}):
        found = peer.enveloped(peer.event("amina@example.com", tags, **DELIVERY))
        assert list(SesProvider.parse_callback(SETTINGS, request(found))) == []
    for message in ("Successfully validated SNS topic for Amazon SES event publishing.", "[]", "[" * 100_000):
        assert list(SesProvider.parse_callback(SETTINGS, request(peer.enveloped(message)))) == []


def test_what_is_no_envelope_is_refused() -> None:
    for body in (b"", b"[]", b"{}", b"\xff", b'{"Type": 7}', b"[" * 100_000):
        callback = called(body, peer.HEADERS, peer.certificate())
        assert not believed(callback)
        with pytest.raises(ValueError):  # noqa: PT011 - what the contract asks for
            SesProvider.parse_callback(SETTINGS, callback)


def test_envelopes_of_motos_sns_are_believed() -> None:
    """An oracle that is not ours: moto signs as Amazon describes it."""
    from moto import mock_aws
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.sns.models import sns_backends

    message = json.dumps(peer.event("amina@example.com", "1-1", **DELIVERY))
    with mock_aws():
        backend = sns_backends[DEFAULT_ACCOUNT_ID][peer.REGION]
        topic = backend.create_topic("letters")
        sent = backend.subscribe(topic.arn, "https://pulse.example.com/x", "https")
        found = sent.get_post_data(message, "m-1", None)
        name = found["SigningCertURL"].rpartition("/")[2]
        certificate = backend._message_public_keys[name]
    settings = {"topic_arn": topic.arn}
    genuine = called(json.dumps(found).encode(), {"Content-Type": "text/plain; charset=UTF-8"}, certificate)
    assert SesProvider.proof_address({**SETTINGS, **settings}, genuine) == found["SigningCertURL"]
    assert believed(genuine, **settings)
    found["Message"] = message.replace("1-1", "2-1")
    assert not believed(called(json.dumps(found).encode(), peer.HEADERS, certificate), **settings)
    found["Signature"] = base64.b64encode(b"x" * 256).decode()
    assert not believed(called(json.dumps(found).encode(), peer.HEADERS, certificate), **settings)


def test_the_stand_in_reports_what_was_chosen() -> None:
    async def scene() -> list[Receipt]:
        async with (
            listening(SesProvider, SETTINGS, peer.certificate()) as (url, receipts),
            peer.running(url) as (settings, ses),
            connected(SesProvider, settings) as provider,
        ):
            names = ("amina01", "amina92", "amina93", "amina94", "amina95", "amina98")
            await provider.send_batch([letter(place, f"{name}@example.com") for place, name in enumerate(names, 1)])
            await ses.calls.settled()
            assert set(ses.calls.answers) == {200}
        return receipts

    receipts = asyncio.run(asyncio.wait_for(scene(), 20))
    last = {each.reference: (each.state, each.suppress) for each in sorted(receipts, key=lambda each: each.state)}
    assert last == {
        "1-1": (DELIVERED, False),
        "2-1": (UNDELIVERABLE, False),
        "3-1": (UNDELIVERABLE, True),
        "4-1": (REJECTED, False),
        "5-1": (DELIVERED, True),
        "6-1": (MessageState.ACCEPTED, False),
    }
