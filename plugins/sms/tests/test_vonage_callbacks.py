"""Vonage's callbacks: genuine by their own library's signatures, forged in every way, and nonsense."""

import base64
import hashlib
import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from connectpulse_sms.vonage import VonageProvider, codes, peer, signature
from connectpulse_sms.vonage.settings import MESSAGES
from connectpulse_sms.vonage.signature import METHODS, sign, token
from hosted_scene import oracle, posted, read

from connectpulse.core.api import Callback, Inbound, MessageState, Receipt

URL = "https://pulse.example.com/callbacks/7/secret"
SMS_KNOWN = read(VonageProvider, peer.settings())
KNOWN = read(VonageProvider, peer.settings(interface=MESSAGES))
AT = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
NOW = int(time.time())
STATUS = {
    "msisdn": "923001234567", "to": "PULSE", "messageId": "0A", "status": "delivered", "err-code": "0",
    "client-ref": "1a", "timestamp": str(NOW),
}  # fmt: skip
TOLD: dict[str, Any] = {
    "message_uuid": "u-1", "to": "923001234567", "from": "PULSE", "status": "delivered", "channel": "sms",
    "timestamp": "2026-11-23T13:05:00Z", "client_ref": "1a", "sms": {"count_total": "2"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass: a whole run lasts longer than a callback may be ahead."""
    monkeypatch.setattr(signature, "time", SimpleNamespace(time=lambda: float(NOW)))


def genuine(callback: Callback, known: dict[str, Any] = SMS_KNOWN) -> bool:
    return VonageProvider.verify_callback(known, callback)


def called(fields: dict[str, str], method: str = "md5hash") -> Callback:
    body, headers = peer.signed_form(fields, method)
    return posted(URL, body, headers)


def told(found: dict[str, Any]) -> Callback:
    body, headers = peer.signed_document(found)
    return posted(URL, body, headers)


def test_the_documented_rule_signs_like_this() -> None:
    fields = {"b": "x&y=z", "a": "1", "timestamp": "1", "sig": "not signed"}
    assert sign(fields.items(), "secret", "md5hash") == hashlib.md5(b"&a=1&b=x_y_z&timestamp=1secret").hexdigest()


@pytest.mark.parametrize("method", METHODS[1:])
def test_it_signs_as_their_library_does(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "time", SimpleNamespace(time=lambda: 1795439100.0))
    auth = oracle("vonage_http_client.auth", "vonage-http-client").Auth(
        api_key=peer.ACCOUNT, signature_secret=peer.SIGNATURE, signature_method=method
    )
    fields = {**STATUS, "text": "a & b = سلام", "timestamp": "1795439100"}
    assert sign(fields.items(), peer.SIGNATURE, method) == auth.sign_params(dict(fields))
    known = {**SMS_KNOWN, "signature_method": method}
    assert genuine(called(fields, method), known)
    assert not genuine(called(fields, method))


def test_its_tokens_are_those_of_their_library() -> None:
    verify = oracle("vonage_jwt.verify_jwt", "vonage-jwt").verify_signature
    bearer = told(TOLD).headers["Authorization"].removeprefix("Bearer ")
    assert verify(bearer, peer.SIGNATURE)
    assert not verify(bearer, peer.SIGNATURE + "x")


def test_a_token_of_an_independent_library_is_believed() -> None:
    jwt = oracle("jwt", "pyjwt")
    body = b'{"status": "delivered"}'
    claims = {"payload_hash": hashlib.sha256(body).hexdigest(), "iat": NOW, "exp": NOW + 900}
    bearer = jwt.encode(claims, peer.SIGNATURE * 2, algorithm="HS256")
    assert genuine(
        posted(URL, body, {"authorization": f"bearer {bearer}"}), {**KNOWN, "signature_secret": peer.SIGNATURE * 2}
    )


def test_fields_may_come_in_the_query_or_as_a_document() -> None:
    signed = {**STATUS, "sig": sign(STATUS.items(), peer.SIGNATURE, "md5hash")}
    document = posted(URL, json.dumps(signed).encode(), {"content-type": "application/json"})
    query = Callback("GET", f"{URL}?{urlencode(signed)}", {}, list(signed.items()), b"")
    for callback in (document, query, called(STATUS)):
        assert genuine(callback)
        expected = Receipt("0A", MessageState.DELIVERED, address="+923001234567", token="1a")
        assert VonageProvider.parse_callback(SMS_KNOWN, callback) == [expected]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "body",
    [
        urlencode(STATUS),
        urlencode({**STATUS, "sig": ""}),
        urlencode({**STATUS, "sig": "0" * 32}),
        urlencode({**STATUS, "sig": sign(STATUS.items(), "another", "md5hash")}),
        urlencode({**STATUS, "status": "failed", "sig": sign(STATUS.items(), peer.SIGNATURE, "md5hash")}),
        called(STATUS).body.decode() + "&status=failed",
        called(STATUS).body.decode() + "&sig=x",
        called(STATUS).body.decode() + "&more=",
        "&".join(f"n{n}=" for n in range(300)),
    ],
)
def test_forged_forms_are_refused(body: str) -> None:
    assert genuine(posted(URL, called(STATUS).body, FORM)), "the pattern they depart from"
    assert not genuine(posted(URL, body.encode(), FORM))


def bearer(body: bytes, secret: str = peer.SIGNATURE, **claims: Any) -> dict[str, str]:
    vouched = {"payload_hash": hashlib.sha256(body).hexdigest(), "iat": NOW, **claims}
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token(vouched, secret)}"}


def unsigned(body: bytes) -> dict[str, str]:
    """Return a token that names no algorithm, as forgers try."""
    claims = json.dumps({"payload_hash": hashlib.sha256(body).hexdigest(), "iat": NOW}).encode()
    parts = (base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (b'{"alg":"none"}', claims))
    return {"Authorization": f"Bearer {'.'.join(parts)}."}


BODY = json.dumps(TOLD).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Bearer ü.ü.ü"},
        {"Authorization": bearer(BODY)["Authorization"].replace("Bearer", "Basic")},
        bearer(BODY, "another"),
        bearer(BODY, ""),
        bearer(BODY + b" "),
        bearer(BODY, payload_hash=None),
        bearer(BODY, payload_hash=""),
        unsigned(BODY),
    ],
)
def test_forged_documents_are_refused(headers: dict[str, str]) -> None:
    assert genuine(posted(URL, BODY, bearer(BODY)), KNOWN), "the pattern they depart from"
    assert not genuine(posted(URL, BODY, headers), KNOWN)


HOUR = 3600
OLD_OR_AHEAD = [-50 * 365 * 24 * HOUR, -26 * HOUR, HOUR // 6]


@pytest.mark.parametrize("after", OLD_OR_AHEAD)
def test_an_old_callback_is_no_longer_believed(after: int) -> None:
    for young in (-24 * HOUR, 0, 60):
        assert genuine(called({**STATUS, "timestamp": str(NOW + young)}))
        assert genuine(posted(URL, BODY, bearer(BODY, iat=NOW + young)), KNOWN)
    assert not genuine(called({**STATUS, "timestamp": str(NOW + after)}))
    assert not genuine(posted(URL, BODY, bearer(BODY, iat=NOW + after)), KNOWN)


@pytest.mark.parametrize("stamp", ["", "soon", "9" * 20, "-1", "\u0663", None])
def test_what_tells_no_time_is_not_believed(stamp: str | None) -> None:
    assert not genuine(called({**STATUS, "timestamp": str(stamp)}))
    assert not genuine(posted(URL, BODY, bearer(BODY, iat=stamp)), KNOWN)
    undated = {name: value for name, value in STATUS.items() if name != "timestamp"}
    signed = {**undated, "sig": sign(undated.items(), peer.SIGNATURE, "md5hash")}
    assert not genuine(posted(URL, urlencode(signed).encode(), FORM))


@pytest.mark.parametrize(("after", "is_believed"), [(HOUR, True), (-60, True), (-HOUR, False), (None, False)])
def test_a_token_ends_when_it_says(after: int | None, is_believed: bool) -> None:
    ends = None if after is None else NOW + after
    assert genuine(posted(URL, BODY, bearer(BODY, exp=ends)), KNOWN) is is_believed


@pytest.mark.parametrize("known", [SMS_KNOWN, KNOWN])
def test_without_a_secret_nothing_is_genuine(known: dict[str, Any]) -> None:
    unset = {**known, "signature_secret": None}
    plain = urlencode({**STATUS, "sig": sign(STATUS.items(), "", "md5hash")}).encode()
    assert not genuine(posted(URL, plain, FORM), unset)
    assert not genuine(posted(URL, BODY, bearer(BODY, "")), unset)


def test_one_interface_does_not_believe_the_other() -> None:
    assert not genuine(told(TOLD))
    assert not genuine(called(STATUS), KNOWN)


@pytest.mark.parametrize("status", codes.STATES)
def test_every_state_is_read_by_either(status: str) -> None:
    for known, callback in (
        (SMS_KNOWN, called({**STATUS, "status": status})),
        (KNOWN, told({**TOLD, "status": status})),
    ):
        (receipt,) = VonageProvider.parse_callback(known, callback)
        assert isinstance(receipt, Receipt)
        assert (receipt.state, receipt.address) == (codes.STATES[status], "+923001234567")


@pytest.mark.parametrize("code", codes.SMS_RECEIPTS)
def test_every_code_of_the_sms_api_says_why(code: str) -> None:
    callback = called({**STATUS, "status": "failed", "err-code": code})
    (receipt,) = VonageProvider.parse_callback(SMS_KNOWN, callback)
    error, reason = codes.SMS_RECEIPTS[code]
    assert receipt == Receipt("0A", error.state, code, reason, address="+923001234567", token="1a")


@pytest.mark.parametrize("code", codes.MESSAGES_ERRORS)
def test_every_code_of_the_messages_api_says_why(code: str) -> None:
    problem = {"type": f"https://developer.vonage.com/api-errors/messages#{code}", "title": "x"}
    for error in (problem, {"title": code}, {"title": int(code)}):
        (receipt,) = VonageProvider.parse_callback(KNOWN, told({**TOLD, "status": "undeliverable", "error": error}))
        expected, reason = codes.MESSAGES_ERRORS[code]
        assert receipt == Receipt(
            "u-1", expected.state, code, reason, AT, "+923001234567", 2, suppress=code in codes.SUPPRESSED, token="1a"
        )


def test_what_people_write_is_read() -> None:
    form = called({"msisdn": "923001234567", "to": "8583", "messageId": "0B", "text": "روکیں", "type": "unicode"})
    assert VonageProvider.parse_callback(SMS_KNOWN, form) == [Inbound("+923001234567", "8583", "روکیں", "0B")]
    wrote = {
        "message_uuid": "u-2",
        "from": "923001234567",
        "to": "447700900000",
        "message_type": "text",
        "text": "Stop",
    }
    assert VonageProvider.parse_callback(KNOWN, told(wrote)) == [
        Inbound("+923001234567", "+447700900000", "Stop", "u-2")
    ]


def test_half_a_character_spoils_nothing() -> None:
    """Phones cut texts in the middle of a pair; JSON can say so, and no database takes it."""
    fields = {"msisdn": "923001234567", "to": "8583", "messageId": "0B", "text": "Hello \ud83d", "timestamp": str(NOW)}
    signed = {**fields, "sig": sign(fields.items(), peer.SIGNATURE, "md5hash")}
    document = posted(URL, json.dumps(signed).encode(), {"content-type": "application/json"})
    assert genuine(document)
    wrote = told({"message_uuid": "u-2", "from": "923001234567", "to": "8583", "message_type": "text",
                  "text": "Hello \ud83d"})  # fmt: skip
    for known, callback in ((SMS_KNOWN, document), (KNOWN, wrote)):
        assert rb"\ud83d" in callback.body
        (found,) = VonageProvider.parse_callback(known, callback)
        assert isinstance(found, Inbound)
        assert found.text == "Hello ?"


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[1]", b"{"])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    for known in (SMS_KNOWN, KNOWN):
        callback = posted(URL, body, {"Content-Type": "application/json"})
        assert not genuine(callback, known)
        with pytest.raises(ValueError, match=r"."):
            VonageProvider.parse_callback(known, callback)


@pytest.mark.parametrize("fields", [{}, {"status": "delivered"}, {"status": "odd", "messageId": "0A"}, {"text": "x"}])
def test_nonsense_is_said_to_be(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        VonageProvider.parse_callback(SMS_KNOWN, called(fields))
    with pytest.raises(ValueError, match=r"\.$"):
        VonageProvider.parse_callback(KNOWN, told(dict(fields)))
