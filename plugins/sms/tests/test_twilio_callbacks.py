"""Twilio's callbacks: genuine by their own library's signature, forged in every way, and nonsense."""

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from connectpulse_sms.twilio import TwilioProvider, codes, peer
from hosted_scene import oracle, posted, read
from multidict import MultiDict

from connectpulse.core.api import Callback, Inbound, MessageState, Receipt
from connectpulse.core.wire.signed_forms import sign

URL = "https://pulse.example.com/callbacks/7/secret?a=1&b=%20x"
KNOWN = read(TwilioProvider, {**peer.settings(), "shared_key": peer.SHARED_KEY})
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RULE = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"

# The two examples of Twilio's documentation and of its libraries' tests.
DOCUMENTED = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}


def genuine(callback: Callback, known: dict[str, Any] = KNOWN) -> bool:
    return TwilioProvider.verify_callback(known, callback)


def called(fields: dict[str, str], url: str = URL, secret: str = peer.TOKEN, **headers: str) -> Callback:
    signature = sign(secret, url, fields.items())
    return posted(url, urlencode(fields).encode(), {**FORM, "X-Twilio-Signature": signature, **headers})


def test_the_documented_example_is_signed_as_documented() -> None:
    assert sign("12345", DOCUMENTED, FIELDS.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
@pytest.mark.parametrize(
    "fields",
    [{}, FIELDS, {"Body": "سلام & 1+1=2", "Empty": "", "a": "1", "A": "2", "ß": "€"}],
)
def test_it_signs_as_their_library_does(algorithm: str, fields: dict[str, str]) -> None:
    theirs = oracle("twilio.request_validator", "twilio").RequestValidator("12345")
    ours = sign("12345", URL, fields.items(), algorithm)
    assert ours == theirs.compute_signature(URL, fields, algorithm)
    assert theirs.validate(URL, fields, ours, algorithm)


def test_names_that_repeat_are_signed_as_their_library_does() -> None:
    theirs = oracle("twilio.request_validator", "twilio").RequestValidator("12345")
    pairs = [("m", "b"), ("m", "a"), ("m", "b"), ("k", "1")]
    assert sign("12345", URL, pairs) == theirs.compute_signature(URL, MultiDict(pairs))


def test_callbacks_of_the_stand_in_pass_their_library() -> None:
    theirs = oracle("twilio.request_validator", "twilio")
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    for by_key, secret in ((False, peer.TOKEN), (True, peer.SHARED_KEY)):
        headers = peer.signed(URL, fields, by_key=by_key)
        algorithm = theirs.get_signature_algorithm(headers.get(theirs.SIGNATURE_SETTINGS_HEADER))
        assert theirs.RequestValidator(secret).validate(URL, fields, headers[theirs.SIGNATURE_HEADER], algorithm)
        assert genuine(posted(URL, urlencode(fields).encode(), headers))


@pytest.mark.parametrize("url", ["https://pulse.example.com:443/in", "https://pulse.example.com/in"])
@pytest.mark.parametrize("signed_url", ["https://pulse.example.com:443/in", "https://pulse.example.com/in"])
def test_the_port_may_be_signed_or_not(url: str, signed_url: str) -> None:
    callback = called(FIELDS, signed_url)
    assert genuine(posted(url, callback.body, callback.headers))


def test_a_get_is_signed_by_its_address() -> None:
    url = "https://pulse.example.com/in?MessageSid=SM1&MessageStatus=sent"
    callback = Callback(
        "GET", url, {"x-twilio-signature": sign(peer.TOKEN, url)}, parse_qsl(url.partition("?")[2]), b""
    )
    assert genuine(callback)
    assert TwilioProvider.parse_callback(KNOWN, callback) == [Receipt("SM1", MessageState.SENT)]


def test_a_document_is_signed_by_its_digest() -> None:
    body = b'{"MessageSid": "SM1"}'
    url = f"https://pulse.example.com/in?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": sign(peer.TOKEN, url)}
    assert genuine(posted(url, body, headers))
    assert not genuine(posted(url, body + b" ", headers))
    bare = "https://pulse.example.com/in"
    assert not genuine(posted(bare, body, {**headers, "X-Twilio-Signature": sign(peer.TOKEN, bare)}))


STATUS = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+923001234567"}
RULED = peer.signed(URL, STATUS, by_key=True)


@pytest.mark.parametrize(
    "callback",
    [
        called(STATUS, secret="another"),
        called(STATUS, secret=""),
        called({**STATUS, "To": "+923001234568"}, **{"X-Twilio-Signature": sign(peer.TOKEN, URL, STATUS.items())}),
        called(STATUS, **{"X-Twilio-Signature": ""}),
        called(STATUS, **{"X-Twilio-Signature": "ü"}),
        called(STATUS, **{"Content-Type": "text/plain"}),
        called(STATUS, **{"X-Twilio-Webhooks-Signature-Settings": RULE}),
        called(STATUS, **{"X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=NONE"}),
        posted(URL + "&c=1", urlencode(STATUS).encode(), called(STATUS).headers),
        posted("https://pulse.example.com:x/", urlencode(STATUS).encode(), called(STATUS).headers),
        posted(URL, urlencode([(f"n{n}", "") for n in range(300)]).encode(), called(STATUS).headers),
        posted(URL, urlencode(STATUS).encode(), {**RULED, "X-Twilio-Webhooks-Signature-Settings": ""}),
        posted(URL, urlencode(STATUS).encode(), {**RULED, "X-Twilio-Webhooks-Signature-Settings": "key=k"}),
    ],
)
def test_forgeries_are_refused(callback: Callback) -> None:
    assert genuine(called(STATUS)), "the pattern they depart from"
    assert not genuine(callback)


def test_a_rule_without_a_shared_key_is_refused() -> None:
    callback = posted(URL, urlencode(STATUS).encode(), RULED)
    assert genuine(callback)
    assert not genuine(callback, {**KNOWN, "shared_key": None})


@pytest.mark.parametrize("status", codes.STATES)
def test_every_state_is_read(status: str) -> None:
    (receipt,) = TwilioProvider.parse_callback(KNOWN, called({**STATUS, "MessageStatus": status}))
    assert isinstance(receipt, Receipt)
    assert (receipt.reference, receipt.state, receipt.address) == ("SM1", codes.STATES[status], "+923001234567")


@pytest.mark.parametrize("code", codes.ERRORS)
def test_every_code_says_why(code: str) -> None:
    fields = {**STATUS, "MessageStatus": "undelivered", "ErrorCode": code}
    (receipt,) = TwilioProvider.parse_callback(KNOWN, called(fields))
    error, reason = codes.ERRORS[code]
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.code, receipt.reason) == (error.state, code, reason)
    assert receipt.suppress is (code == "21610")


def test_an_unknown_code_leaves_the_state() -> None:
    (receipt,) = TwilioProvider.parse_callback(
        KNOWN, called({**STATUS, "MessageStatus": "undelivered", "ErrorCode": "1"})
    )
    assert receipt == Receipt("SM1", MessageState.UNDELIVERABLE, "1", address="+923001234567")


def test_what_people_write_is_read_even_if_they_write_nothing() -> None:
    fields = {"MessageSid": "SM2", "SmsStatus": "received", "From": "+923001234567", "To": "8583", "Body": ""}
    assert TwilioProvider.parse_callback(KNOWN, called(fields)) == [Inbound("+923001234567", "8583", "", "SM2")]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"MessageSid": "SM1"},
        {"MessageStatus": "sent"},
        {"MessageSid": "SM1", "MessageStatus": "odd"},
        {"Body": "x"},
    ],
)
def test_nonsense_is_said_to_be(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        TwilioProvider.parse_callback(KNOWN, called(fields))


def test_a_callback_is_answered_with_no_text_to_send_on() -> None:
    media, text = TwilioProvider.answer_callback(KNOWN, called(STATUS))
    assert media == "text/xml"
    assert text.endswith("<Response/>")
