"""SendGrid: what a letter looks like on its wire, what its refusals mean, which of its events are believed."""

import asyncio
import base64
import json
import random
import time
from datetime import timedelta
from typing import Any

import pytest
from cloud_scene import CALLED_AT, VENDORS, called, connected, faults, listening, oracle, read, saying, seen, send
from connectpulse_email.fates import FATES
from connectpulse_email.letter import Attachment
from connectpulse_email.sendgrid import SendGridProvider, codes, peer
from connectpulse_email.sendgrid.signature import AHEAD, OLDEST, SIGNATURE, TIMESTAMP
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from email_scene import STOP, URDU, letter, shared

from connectpulse.core.api import Accepted, Callback, ErrorClass, MessageState, Outcome, Receipt, Rejected, TryLater

VENDOR = VENDORS["sendgrid"]
SETTINGS = peer.settings()
UNDELIVERABLE, REJECTED = MessageState.UNDELIVERABLE, MessageState.REJECTED


def document(**changes: Any) -> dict[str, Any]:
    request, body = seen(VENDOR, letter(**changes))
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["Authorization"] == f"Bearer {peer.API_KEY}"
    found: dict[str, Any] = json.loads(body)
    return found


def test_a_letter_is_one_personalization() -> None:
    found = document(shared=shared(f"<p>{URDU} {{{{ name }}}}</p>", reply_to="Desk@Acme.example"))
    assert found["personalizations"] == [
        {"to": [{"email": "amina0001@example.com"}], "custom_args": {"pulse_reference": "1-1"}}
    ]
    assert found["from"] == {"email": "news@acme.example", "name": "Acme News"}
    assert found["reply_to"]["email"].lower() == "desk@acme.example"
    assert found["subject"] == "Hello"
    plain, html = found["content"]
    assert [plain["type"], html["type"]] == ["text/plain", "text/html"]
    assert all(URDU in part["value"] and "Amina" in part["value"] for part in (plain, html))
    assert found["headers"]["List-Unsubscribe"] == f"<{STOP}>"
    assert found["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not {"Reply-To", "From", "To", "Subject", "Content-Type"} & set(found["headers"])


def test_sendgrid_is_told_to_follow_nobody() -> None:
    assert all(not each["enable"] for each in document()["tracking_settings"].values())


def test_files_go_along() -> None:
    files = (Attachment("قیمت.pdf", "application/pdf", b"\x00%PDF"),)
    (found,) = document(shared=shared(files=files))["attachments"]
    assert (found["filename"], found["type"], found["disposition"]) == ("قیمت.pdf", "application/pdf", "attachment")
    assert base64.b64decode(found["content"]) == b"\x00%PDF"


def refused(status: int, field: str | None = None, message: str = "no", **headers: str) -> Outcome:
    text = json.dumps({"errors": [{"field": field, "message": message, "help": None}]})
    return send(VENDOR, saying(text, status, **headers), [letter()])[0]


@pytest.mark.parametrize(
    ("status", "field", "message", "code"),
    [
        (400, "personalizations.0.to.0.email", "Does not contain a valid address.", "400 to"),
        (400, "from.email", "The from email does not contain a valid address.", "400 from"),
        (400, "reply_to.email", "Does not contain a valid address.", "400 reply_to"),
        (400, "content.0.value", "The content value must be a string", "400"),
        (401, None, "The provided authorization grant is invalid, expired, or revoked", "401"),
        (401, None, "Maximum credits exceeded", "401 credits"),
        (403, "from", "The from address does not match a verified Sender Identity.", "403 from"),
        (403, None, "access forbidden", "403"),
        (404, None, "not found", "404"),
        (405, None, "method not allowed", "405"),
        (413, None, "Payload too large", "413"),
        (415, None, "Unsupported media type", "415"),
    ],
)
def test_a_refusal_goes_by_status_and_field(status: int, field: str | None, message: str, code: str) -> None:
    error, reason = codes.ERRORS[code]
    assert refused(status, field, message) == Rejected(reason, error, code)


def test_a_refusal_without_words_goes_by_its_status() -> None:
    for text in ("", "[]", '{"errors": []}', '{"errors": [null]}', '{"errors": [{"field": 7}]}'):
        assert send(VENDOR, saying(text, 403), [letter()]) == [Rejected("access_refused", ErrorClass.CREDENTIAL, "403")]


def test_a_throttle_ends_when_sendgrid_says() -> None:
    outcome = refused(429, X_RateLimit_Reset=str(int(time.time()) + 60))
    assert isinstance(outcome, TryLater)
    assert timedelta(seconds=50) < outcome.after <= timedelta(seconds=60)
    far = refused(429, X_RateLimit_Reset=str(int(time.time()) + 10**6))
    assert isinstance(far, TryLater)
    assert far.after == timedelta(minutes=15)


def check(scopes: list[str], **settings: str) -> tuple[bool, str]:
    async def scene() -> tuple[bool, str]:
        async with peer.running() as (known, sendgrid):
            sendgrid.scopes = scopes
            async with connected(SendGridProvider, {**known, **settings}) as provider:
                found = await provider.check()
                assert sendgrid.letters == []
        return found.is_working, found.steps[-1]

    return asyncio.run(asyncio.wait_for(scene(), 20))


def test_a_check_asks_what_the_key_may() -> None:
    assert check(["mail.send"]) == (True, "The API key may send. Nothing was sent.")
    assert check(["stats.read"])[0] is False
    assert check(["mail.send"], api_key="SG.other")[0] is False
    assert "no verification key" in check(["mail.send"], verifier="")[1]


def test_keys_are_checked() -> None:
    wrong = ec.generate_private_key(ec.SECP384R1()).public_key()
    other = base64.b64encode(wrong.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    for key in ("MFkw", "ü", other):
        (fault,) = faults(SendGridProvider, {**SETTINGS, "verifier": key})
        assert fault.startswith("Verification key")
    assert faults(SendGridProvider, {**SETTINGS, "api_key": "SG. a"})[0].startswith("API key")


def believed(callback: Callback, **changes: str) -> bool:
    return SendGridProvider.verify_callback(read(SendGridProvider, {**SETTINGS, **changes}), callback)


def told(*events: dict[str, Any]) -> list[Receipt]:
    body, headers = peer.signed(events)  # type: ignore[arg-type]
    return list(SendGridProvider.parse_callback(SETTINGS, called(body, headers)))  # type: ignore[arg-type]


def event(**more: Any) -> dict[str, Any]:
    return peer.event("amina@example.com", "1-1", **more)


def test_sendgrids_own_library_agrees_on_signatures() -> None:
    theirs = oracle("sendgrid.helpers.eventwebhook", "sendgrid").EventWebhook()
    body, headers = peer.signed([event(event="delivered", note=URDU)])
    key = theirs.convert_public_key_to_ecdsa(SETTINGS["verifier"])
    for content in (body, body + b" "):
        theirs_says = theirs.verify_signature(content.decode(), headers[SIGNATURE], headers[TIMESTAMP], key)
        assert theirs_says is believed(called(content, headers))


@pytest.mark.parametrize("age", [-AHEAD - 60, OLDEST + 60, 10**9])
def test_stale_and_early_requests_are_refused(age: int) -> None:
    assert not believed(called(*peer.signed([event(event="delivered")], time.time() - age)))


def test_only_whole_signed_requests_are_believed() -> None:
    body, headers = peer.signed([event(event="delivered")])
    assert believed(called(body, {name.lower(): value for name, value in headers.items()}))
    other = str(int(headers[TIMESTAMP]) - 1)
    for changed in (
        {**headers, TIMESTAMP: other},
        {**headers, TIMESTAMP: "-1"},
        {**headers, TIMESTAMP: "٣"},
        {**headers, SIGNATURE: "AAAA"},
        {**headers, SIGNATURE: "ü"},
        {name: value for name, value in headers.items() if name != SIGNATURE},
        {},
    ):
        assert not believed(called(body, changed))
    assert not believed(called(body, headers), verifier="")


@pytest.mark.parametrize(
    ("fields", "state", "reason", "suppress"),
    [
        ({"event": "processed"}, MessageState.ACCEPTED, "", False),
        ({"event": "deferred", "response": "421 busy"}, MessageState.ACCEPTED, "put_off", False),
        ({"event": "delivered"}, MessageState.DELIVERED, "", False),
        ({"event": "bounce", "type": "bounce", "status": "5.1.1"}, UNDELIVERABLE, "unknown_recipient", True),
        ({"event": "bounce", "type": "bounce", "status": "5.2.2"}, MessageState.UNDELIVERABLE, "mailbox_full", False),
        ({"event": "bounce", "type": "blocked", "status": "5.7.1"}, REJECTED, "refused_by_policy", False),
        ({"event": "dropped", "reason": "Bounced Address"}, MessageState.UNDELIVERABLE, "unknown_recipient", True),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, MessageState.UNDELIVERABLE, "opted_out", True),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, MessageState.UNDELIVERABLE, "complained", True),
        ({"event": "bounce", "type": "bounce", "status": "5.0.0"}, UNDELIVERABLE, "undeliverable", True),
        ({"event": "bounce", "type": "bounce"}, UNDELIVERABLE, "undeliverable", True),
        ({"event": "bounce", "type": "bounce", "status": "5.7.26"}, REJECTED, "sender_not_authenticated", False),
        ({"event": "bounce", "type": "bounce", "status": "5.7.0"}, REJECTED, "refused_by_policy", False),
        ({"event": "dropped", "reason": "Invalid"}, UNDELIVERABLE, "invalid_recipient", True),
        ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, REJECTED, "request_refused", False),
        ({"event": "dropped", "reason": "something new"}, REJECTED, "dropped", False),
        ({"event": "spamreport"}, MessageState.DELIVERED, "complained", True),
        ({"event": "unsubscribe"}, MessageState.DELIVERED, "opted_out", True),
        ({"event": "group_unsubscribe"}, MessageState.DELIVERED, "opted_out", True),
    ],
)  # fmt: skip
def test_each_event_has_its_meaning(fields: dict[str, str], state: MessageState, reason: str, suppress: bool) -> None:
    (found,) = told(event(**fields))
    assert (found.state, found.reason, found.suppress) == (state, reason, suppress)
    assert (found.reference, found.token, found.address) == ("1-1", "1", "amina@example.com")
    assert found.occurred_at is not None


def test_events_that_are_not_ours_are_left_out() -> None:
    stranger = {"event": "delivered", "email": "x@example.com", "sg_event_id": "1"}
    odd = [event(event="open"), event(event="click"), event(event=None), event(event="bounced"), 7, None, stranger]
    assert told(*odd) == []  # type: ignore[arg-type]
    kept = told(event(event="delivered", timestamp=1 << 70), event(event="delivered", timestamp=True))
    assert [each.occurred_at for each in kept] == [None, None]


def test_a_body_that_is_no_array_is_refused() -> None:
    for body in (b"{}", b"", b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError):  # noqa: PT011 - what the contract asks for
            SendGridProvider.parse_callback(SETTINGS, called(body, {}))


def test_shuffled_and_repeated_events_tell_the_same() -> None:
    events = [event(event="processed"), event(event="delivered"), event(event="spamreport")]
    expected = set(told(*events))
    shuffled = events * 3
    random.Random(7).shuffle(shuffled)
    assert set(told(*shuffled)) == expected


def test_the_stand_in_reports_what_was_chosen() -> None:
    names = ["amina01", *(f"amina{digits}" for digits in ("91", "93", "94", "95", "98"))]
    assert set(FATES) >= {"91", "93", "94", "95", "98"}

    async def scene() -> tuple[list[Outcome], list[Receipt]]:
        async with (
            listening(SendGridProvider, SETTINGS) as (url, receipts),
            peer.running(url) as (settings, sendgrid),
            connected(SendGridProvider, settings, callback_url=CALLED_AT) as provider,
        ):
            batch = [letter(place, f"{name}@example.com") for place, name in enumerate(names, 1)]
            outcomes = await provider.send_batch(batch)
            await sendgrid.calls.settled()
            assert set(sendgrid.calls.answers) == {200}
        return outcomes, receipts

    outcomes, receipts = asyncio.run(asyncio.wait_for(scene(), 20))
    assert outcomes == [Accepted((f"{place:x}-1",)) for place in range(1, len(names) + 1)]
    last = {each.reference: (each.state, each.suppress) for each in receipts}
    assert last == {
        "1-1": (MessageState.DELIVERED, False),
        "2-1": (MessageState.UNDELIVERABLE, True),
        "3-1": (MessageState.UNDELIVERABLE, True),
        "4-1": (MessageState.REJECTED, False),
        "5-1": (MessageState.DELIVERED, True),
        "6-1": (MessageState.ACCEPTED, False),
    }
