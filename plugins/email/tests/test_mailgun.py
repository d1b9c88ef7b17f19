"""Mailgun: what a letter looks like on its wire, what its refusals mean, which of its events are believed."""

import asyncio
import json
import time
from base64 import b64decode
from email import message_from_bytes, policy
from typing import Any

import dkim
import pytest
from cloud_scene import VENDORS, Vendor, called, connected, faults, listening, saying, seen, send
from connectpulse_email.letter import SigningKey
from connectpulse_email.mailgun import MailgunProvider, codes, peer, signature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from email_scene import STOP, URDU, letter, read, shared, texts

from connectpulse.core.api import Callback, MessageState, Receipt, Rejected

VENDOR = VENDORS["mailgun"]
SETTINGS = peer.settings()


def fields(vendor: Vendor = VENDOR, **changes: Any) -> dict[str, bytes]:
    """Return the parts of the form that carries a letter, as the standard library reads them."""
    request, body = seen(vendor, letter(**changes))
    assert (request.method, request.path) == ("POST", "/v3/mg.acme.example/messages.mime")
    assert b64decode(request.headers["Authorization"].removeprefix("Basic ")) == f"api:{peer.API_KEY}".encode()
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + body, policy=policy.HTTP).iter_parts()  # type: ignore[attr-defined]
    found: dict[str, bytes] = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        # a message in a form is bytes, whatever the standard library makes of its type
        whole = part.get_payload()[0].as_bytes() if part.is_multipart() else part.get_payload(decode=True)
        found[str(name)] = whole
    return found


def test_a_letter_is_a_whole_message() -> None:
    found = fields(shared=shared(f"<p>{URDU} {{{{ name }}}}</p>"))
    mail = read(found.pop("message"))
    assert all(f"{URDU} Amina" in text for text in texts(mail))
    assert mail["List-Unsubscribe"] == f"<{STOP}>"
    assert mail["DKIM-Signature"] is None
    assert {name: value.decode() for name, value in found.items()} == {
        "to": "amina0001@example.com",
        "v:pulse_reference": "1-1",
        "o:tracking": "no",
        "o:tracking-opens": "no",
        "o:tracking-clicks": "no",
    }


def test_letters_are_signed_where_that_is_wished() -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = SigningKey("acme.example", "s1", pem)
    vendor = VENDOR._replace(settings={**SETTINGS, "signs": True})

    async def scene() -> bytes:
        async with peer.running() as (settings, mailgun):
            async with connected(MailgunProvider, {**vendor.settings, "base_url": settings["base_url"]}) as provider:
                await provider.send_batch([letter(shared=shared(keys=(key,)))])
            return mailgun.letters[0]["message"]  # type: ignore[no-any-return]

    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    record = "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])
    message = asyncio.run(asyncio.wait_for(scene(), 20))
    assert dkim.verify(message, dnsfunc=lambda name, timeout=5: record.encode())


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (400, "'to' parameter is not a valid address. please check documentation", "400 to"),
        (400, "from parameter is missing", "400 from"),
        (400, "Need at least one of 'text' or 'html' parameters specified", "400"),
        (401, "Invalid private key", "401"),
        (402, "Payment required", "402"),
        (403, "Domain mg.acme.example is not allowed to send: The domain is unverified", "403"),
        (403, "Sandbox subdomains are for test purposes only.", "403 sandbox"),
        (404, "Domain not found", "404"),
        (413, "Request entity too large", "413"),
        (422, "to parameter", "400"),
    ],
)
def test_a_refusal_goes_by_status_and_words(status: int, words: str, code: str) -> None:
    error, reason = codes.ERRORS[code]
    told = code if status != 422 else "422"
    assert send(VENDOR, saying(json.dumps({"message": words}), status), [letter()]) == [Rejected(reason, error, told)]


@pytest.mark.parametrize(
    ("settings", "is_working", "words"),
    [
        ({}, True, "Nothing was sent"),
        ({"signing_key": ""}, True, "no signing key"),
        ({"api_key": "key-other"}, False, "status 401"),
        ({"domain": "other.example"}, False, "does not know the domain"),
    ],
)
def test_a_check_sends_nothing(settings: dict[str, str], is_working: bool, words: str) -> None:
    async def scene() -> None:
        async with peer.running() as (known, mailgun):
            async with connected(MailgunProvider, {**known, **settings}) as provider:
                found = await provider.check()
            assert mailgun.letters == []
        assert (found.is_working, words in found.steps[-1]) == (is_working, True), found.steps

    asyncio.run(asyncio.wait_for(scene(), 20))


@pytest.mark.parametrize(
    ("setting", "value", "fault"),
    [("domain", "https://mg.acme.example", "Domain"), ("domain", "../x", "Domain"), ("api_key", "a b", "API key")],
)
def test_settings_are_checked(setting: str, value: str, fault: str) -> None:
    assert [each.partition(":")[0] for each in faults(MailgunProvider, {**SETTINGS, setting: value})] == [fault]


def believed(callback: Callback, **changes: Any) -> bool:
    return MailgunProvider.verify_callback({**SETTINGS, **changes}, callback)


def event(**facts: Any) -> dict[str, Any]:
    return peer.event("amina@example.com", "1-1", **facts)


def request(told: dict[str, Any], at: float | None = None, token: str = "") -> Callback:
    return called(*peer.posted(told, at, token))


def test_a_signature_is_made_as_mailgun_describes_it() -> None:
    """The golden value is what `openssl dgst -sha256 -hmac` makes of timestamp and token, one after the other."""
    stamp, token = "1529006854", "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    expected = "9c736e47f48f89d5088ead50e8ea62eefda43b13db4dd160ad6dcf1626e2a454"
    assert signature.sign("key-0123456789", stamp, token) == expected


def test_young_events_that_are_signed_are_believed() -> None:
    now = time.time()
    assert believed(request(event(event="delivered"), now - 14 * 60))
    assert not believed(request(event(event="delivered"), now - 16 * 60))
    assert believed(request(event(event="delivered"), now - 16 * 60), oldest=20)
    assert not believed(request(event(event="delivered"), now + 600))
    assert not believed(request(event(event="delivered")), signing_key="other")
    assert not believed(request(event(event="delivered")), signing_key="")


@pytest.mark.parametrize("name", ["timestamp", "token", "signature"])
@pytest.mark.parametrize("value", [None, "", "0" * 50, 7, "ü" * 20, "\ud800" * 20, "٣", ["a"]])
def test_a_changed_proof_is_none(name: str, value: Any) -> None:
    body, headers = peer.posted(event(event="delivered"))
    document = json.loads(body)
    document["signature"][name] = value
    assert not believed(called(json.dumps(document).encode(), headers))


def test_a_token_counts_for_one_event() -> None:
    told = event(event="delivered")
    first = request(told, token="t" * 50)
    assert believed(first)
    assert believed(first), "Mailgun repeats what was not answered"
    assert not believed(request({**told, "event": "complained"}, token="t" * 50)), "other words under the same token"


def test_tokens_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "MOST", 3)
    for _ in range(10):
        assert believed(request(event(event="delivered")))
    assert len(signature._seen) <= 3


def told(**facts: Any) -> list[Receipt]:
    return list(MailgunProvider.parse_callback(SETTINGS, request(event(**facts))))  # type: ignore[arg-type]


def failed(reason: str, code: int | None = None, enhanced: str = "") -> dict[str, Any]:
    status = {"code": code, "enhanced-code": enhanced}
    return {"event": "failed", "severity": "permanent", "reason": reason, "delivery-status": status}


UNDELIVERABLE, REJECTED, DELIVERED = MessageState.UNDELIVERABLE, MessageState.REJECTED, MessageState.DELIVERED


@pytest.mark.parametrize(
    ("facts", "state", "reason", "suppress"),
    [
        ({"event": "accepted"}, MessageState.ACCEPTED, "", False),
        ({"event": "failed", "severity": "temporary", "reason": "generic"}, MessageState.ACCEPTED, "put_off", False),
        ({"event": "delivered"}, DELIVERED, "", False),
        (failed("bounce", 550, "5.1.1"), UNDELIVERABLE, "unknown_recipient", True),
        (failed("bounce", 550), UNDELIVERABLE, "refused_for_recipient", True),
        (failed("bounce", 605), UNDELIVERABLE, "undeliverable", True),
        (failed("bounce", 552, "5.2.2"), UNDELIVERABLE, "mailbox_full", False),
        (failed("bounce", 554, "5.7.1"), REJECTED, "refused_by_policy", False),
        (failed("generic", 550, "5.7.26"), REJECTED, "sender_not_authenticated", False),
        (failed("generic"), UNDELIVERABLE, "undeliverable", False),
        (failed("generic", 452, "4.3.1"), UNDELIVERABLE, "server_full", False),
        (failed("suppress-bounce", 605), UNDELIVERABLE, "unknown_recipient", True),
        (failed("suppress-complaint", 607), UNDELIVERABLE, "complained", True),
        (failed("suppress-unsubscribe", 606), UNDELIVERABLE, "opted_out", True),
        (failed("espblock"), REJECTED, "refused_by_policy", False),
        (failed("old", 602), UNDELIVERABLE, "undeliverable", False),
        ({"event": "rejected", "reject": {"reason": "virus"}}, REJECTED, "refused_by_policy", False),
        ({"event": "complained"}, DELIVERED, "complained", True),
        ({"event": "unsubscribed"}, DELIVERED, "opted_out", True),
    ],
)
def test_each_event_has_its_meaning(facts: dict[str, Any], state: MessageState, reason: str, suppress: bool) -> None:
    (found,) = told(**facts)
    assert (found.state, found.reason, found.suppress) == (state, reason, suppress)
    assert (found.reference, found.token, found.address) == ("1-1", "1", "amina@example.com")
    assert found.occurred_at is not None


def test_what_tells_nothing_makes_no_receipt() -> None:
    for facts in ({"event": "opened"}, {"event": "clicked"}, {"event": 7}, {"event": "failed"}):
        assert told(**facts) == []
    for variables in ({}, None, {"pulse_reference": 7}, ["x"]):
        assert told(event="delivered", **{"user-variables": variables}) == []
    assert told(event="delivered", timestamp="now")[0].occurred_at is None


def test_what_is_no_event_is_refused() -> None:
    for body in (b"", b"[]", b"{}", b"\xff", b'{"event-data": 7}', b"[" * 100_000):
        callback = called(body, peer.HEADERS)
        assert not believed(callback)
        with pytest.raises(ValueError):  # noqa: PT011 - what the contract asks for
            MailgunProvider.parse_callback(SETTINGS, callback)


def test_the_stand_in_reports_what_was_chosen() -> None:
    async def scene() -> list[Receipt]:
        async with (
            listening(MailgunProvider, SETTINGS) as (url, receipts),
            peer.running(url) as (settings, mailgun),
            connected(MailgunProvider, settings) as provider,
        ):
            names = ("amina01", "amina92", "amina93", "amina94", "amina95", "amina98")
            await provider.send_batch([letter(place, f"{name}@example.com") for place, name in enumerate(names, 1)])
            await mailgun.calls.settled()
            assert set(mailgun.calls.answers) == {200}
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
