"""Twilio's callbacks about calls: genuine by their own library's signature, forged in every way, and what they tell."""

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from calls_scene import ACCOUNT, CALLBACKS, posted, read
from connectpulse_voice.prompts import links
from connectpulse_voice.twilio import TwilioCallsProvider, codes, peer, script
from prompts_scene import call

from connectpulse.core.api import Callback, Inbound, MessageState, Receipt, Submission
from connectpulse.core.wire.signed_forms import sign
from connectpulse.testing.plugin import require_peer

KNOWN = read({**ACCOUNT, "shared_key": peer.SHARED_KEY})
MENU = {
    "repeat_key": "3",
    "more_key": "2",
    "more_text": "In the main street.",
    "opt_out_key": "9",
    "answers": "1 I come",
}
CALL = call({"name": "Ali"}, text="Hello {{ name }}", wait_seconds=7, **MENU)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RULE = {"X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}

# The example of Twilio's documentation and of its libraries' tests.
DOCUMENTED = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
          "To": "+18005551212"}  # fmt: skip


def called(
    about: str, sent: Submission = CALL, url: str = "", secret: str = peer.TOKEN, headers: Any = (), **fields: str
) -> Callback:
    said, ended = script.addresses(CALLBACKS, peer.TOKEN, sent)
    url = url or (said if about == script.SAID else ended)
    known = {"CallSid": "CA1", "To": sent.address, "From": sent.sender, **fields}
    signature = {"X-Twilio-Signature": sign(secret, url, known.items())}
    return posted(url, urlencode(known).encode(), FORM | signature | dict(headers))


def genuine(callback: Callback) -> bool:
    return TwilioCallsProvider.verify_callback(KNOWN, callback)


def told(about: str, sent: Submission = CALL, **fields: str) -> list[Any]:
    callback = called(about, sent, **fields)
    assert genuine(callback)
    return list(TwilioCallsProvider.parse_callback(KNOWN, callback))


def said(sent: Submission = CALL, url: str = "", known: dict[str, Any] = KNOWN, **fields: str) -> ElementTree.Element:
    """Return the document a call is led on with."""
    media, document = TwilioCallsProvider.answer_callback(known, called(script.SAID, sent, url, **fields))
    assert media == "text/xml"
    return ElementTree.fromstring(document)


def tags(document: ElementTree.Element) -> list[str]:
    return [each.tag for each in document.iter()][1:]


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
@pytest.mark.parametrize("fields", [{}, FIELDS, {"a": "سلام & 1+1=2", "Empty": "", "A": "2", "ß": "€"}])
def test_it_signs_as_their_library_does(algorithm: str, fields: dict[str, str]) -> None:
    try:
        theirs = importlib.import_module("twilio.request_validator").RequestValidator("12345")
    except ImportError:
        require_peer(False, "twilio", "uv pip install twilio")
    ours = sign("12345", CALLBACKS, fields.items(), algorithm)
    assert ours == theirs.compute_signature(CALLBACKS, fields, algorithm)
    assert theirs.validate(CALLBACKS, fields, ours, algorithm)


def test_the_documented_example_is_signed_as_documented() -> None:
    assert sign("12345", DOCUMENTED, FIELDS.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_forgeries_are_refused() -> None:
    callback = called(script.ENDED, CallStatus="busy")
    other = script.addresses(CALLBACKS, peer.TOKEN, CALL._replace(attempt=2))[1]
    assert genuine(callback)
    forged = [
        posted(callback.url, callback.body + b"&CallDuration=9", callback.headers),
        posted(other, callback.body, callback.headers),
        posted(callback.url, callback.body, FORM),
        posted(callback.url, callback.body, FORM | {"X-Twilio-Signature": "é"}),
        posted(callback.url, callback.body, {**callback.headers, "Content-Type": "application/json"}),
        posted(callback.url, callback.body, {**callback.headers, **RULE}),
        posted("https://[x", callback.body, callback.headers),
        called(script.ENDED, secret="another", CallStatus="busy"),
        called(script.ENDED, secret=peer.SHARED_KEY, CallStatus="busy"),
        called(script.ENDED, headers={"X-Twilio-Webhooks-Signature-Settings": "algorithm=NONE"}, CallStatus="busy"),
    ]
    assert not any(map(genuine, forged))
    assert not TwilioCallsProvider.verify_callback(KNOWN | {"auth_token": ""}, callback)


def test_a_rule_signs_with_its_shared_key_and_ports_do_not_matter() -> None:
    url = script.addresses(CALLBACKS, peer.TOKEN, CALL)[1]
    fields = {"CallSid": "CA1", "CallStatus": "busy"}
    body = urlencode(fields).encode()
    assert genuine(posted(url, body, peer.signed(url, fields, by_key=True)))
    assert genuine(posted(url, body, peer.signed(url.replace(".com/", ".com:443/"), fields)))


AT = "Mon, 23 Nov 2026 09:30:00 +0000"


@pytest.mark.parametrize(
    ("fields", "state", "reason", "again"),
    [
        ({"CallStatus": "initiated"}, MessageState.ACCEPTED, "", None),
        ({"CallStatus": "ringing"}, MessageState.ACCEPTED, "", None),
        ({"CallStatus": "in-progress"}, MessageState.SENT, "", None),
        ({"CallStatus": "completed", "CallDuration": "31"}, MessageState.DELIVERED, "answered_unknown", None),
        ({"CallStatus": "completed", "AnsweredBy": "human"}, MessageState.DELIVERED, "answered_human", None),
        ({"CallStatus": "completed", "AnsweredBy": "machine_end_other"}, MessageState.DELIVERED, "answered_machine",
         None),
        ({"CallStatus": "completed", "AnsweredBy": "fax"}, MessageState.UNDELIVERABLE, "answered_machine", None),
        ({"CallStatus": "busy"}, MessageState.UNDELIVERABLE, "busy", timedelta(minutes=10)),
        ({"CallStatus": "no-answer"}, MessageState.UNDELIVERABLE, "no_answer", timedelta(minutes=60)),
        ({"CallStatus": "failed"}, MessageState.FAILED, "failed", None),
        ({"CallStatus": "canceled"}, MessageState.FAILED, "failed", None),
        ({"CallStatus": "failed", "SipResponseCode": "404"}, MessageState.UNDELIVERABLE, "invalid_number", None),
        ({"CallStatus": "failed", "SipResponseCode": "603"}, MessageState.UNDELIVERABLE, "declined", None),
        ({"CallStatus": "failed", "SipResponseCode": "480"}, MessageState.UNDELIVERABLE, "no_answer",
         timedelta(minutes=60)),
        ({"CallStatus": "failed", "SipResponseCode": "503"}, MessageState.FAILED, "congestion", timedelta(minutes=5)),
        ({"CallStatus": "failed", "ErrorCode": "13224"}, MessageState.UNDELIVERABLE, "invalid_number", None),
        ({"CallStatus": "failed", "ErrorCode": "99999"}, MessageState.FAILED, "failed", None),
    ],
)  # fmt: skip
def test_every_end_is_told(fields: dict[str, str], state: MessageState, reason: str, again: timedelta | None) -> None:
    (receipt,) = told(script.ENDED, Timestamp=AT, **fields)
    assert isinstance(receipt, Receipt)
    assert (receipt.reference, receipt.address) == ("CA1", CALL.address)
    assert (receipt.state, receipt.reason, receipt.again) == (state, reason, again)
    assert receipt.occurred_at == datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    if state == MessageState.DELIVERED:
        assert receipt.quantity == int(fields.get("CallDuration", "0"))


def test_every_state_and_sip_code_has_a_meaning() -> None:
    for status in codes.STATES:
        assert told(script.ENDED, CallStatus=status)
    for sip in codes.SIP:
        (receipt,) = told(script.ENDED, CallStatus="failed", SipResponseCode=sip)
        assert (receipt.code, receipt.reason) == (sip, codes.SIP[sip])


def test_attempts_are_counted_by_the_address() -> None:
    retries = [told(script.ENDED, CALL._replace(attempt=n), CallStatus="busy")[0].again for n in (1, 3, 4)]
    assert retries == [timedelta(minutes=10), timedelta(minutes=10), None]
    hung_up = call(text="Hello", machine="hang_up", machine_retries=1)
    told_of = [
        told(script.ENDED, hung_up._replace(attempt=n), CallStatus="completed", AnsweredBy="machine_start")[0]
        for n in (1, 2)
    ]
    assert [(each.state, each.again) for each in told_of] == [
        (MessageState.UNDELIVERABLE, timedelta(hours=1)),
        (MessageState.UNDELIVERABLE, None),
    ]


def test_keys_stop_and_answer() -> None:
    (stop,) = told(script.SAID, Digits="9")
    assert (stop.state, stop.suppress, stop.address) == (MessageState.SENT, True, CALL.address)
    assert told(script.SAID, Digits="1") == [Inbound(CALL.address, CALL.sender, "I come", "CA1-1")]
    for digit in ("2", "3", "7", "", "99"):
        assert told(script.SAID, Digits=digit) == []
    assert told(script.SAID) == [Receipt("CA1", MessageState.SENT, address=CALL.address)]


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        (CALLBACKS, {"CallStatus": "busy"}),
        (CALLBACKS + "?ended=abc", {"CallStatus": "busy"}),
        (CALLBACKS + "?ended=%00", {"CallStatus": "busy"}),
        ("", {"CallStatus": "asleep"}),
        ("", {"CallStatus": ""}),
        ("", {"CallSid": ""}),
    ],
)
def test_nonsense_is_no_event(url: str, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        TwilioCallsProvider.parse_callback(KNOWN, called(script.ENDED, url=url, **fields))


def test_an_address_of_another_account_is_not_ours() -> None:
    theirs = script.addresses(CALLBACKS, "their token", CALL)[1]
    with pytest.raises(ValueError, match="not whole"):
        TwilioCallsProvider.parse_callback(KNOWN, called(script.ENDED, url=theirs, CallStatus="busy"))


def test_a_person_hears_the_text_and_may_press_a_key() -> None:
    document = said(AnsweredBy="human")
    assert tags(document) == ["Gather", "Say", "Hangup"]
    gather = document.find("Gather")
    assert gather is not None
    assert (gather.get("numDigits"), gather.get("timeout"), gather.get("finishOnKey")) == ("1", "7", "")
    assert document.findtext("Gather/Say") == "Hello Ali"
    more = said(url=gather.get("action", ""), Digits="2")
    assert more.findtext("Gather/Say") == "In the main street."
    assert said(url=gather.get("action", ""), Digits="3").findtext("Gather/Say") == "Hello Ali"
    assert said(url=gather.get("action", ""), Digits="8").findtext("Gather/Say") == "Hello Ali"
    for digit in ("9", "1"):
        assert tags(said(url=gather.get("action", ""), Digits=digit)) == ["Hangup"]


def test_nobody_is_led_on_for_ever() -> None:
    document, turns = said(), 0
    while (gather := document.find("Gather")) is not None:
        document, turns = said(url=gather.get("action", ""), Digits="3"), turns + 1
    assert turns == 10
    assert tags(document) == ["Hangup"]


@pytest.mark.parametrize(
    ("machine", "answered_by", "expected"),
    [
        ("leave_message", "machine_end_beep", ["Say", "Hangup"]),
        ("hang_up", "machine_start", ["Hangup"]),
        ("leave_message", "fax", ["Hangup"]),
        ("hang_up", "unknown", ["Gather", "Say", "Hangup"]),
    ],
)
def test_a_machine_is_spoken_to_as_the_content_says(machine: str, answered_by: str, expected: list[str]) -> None:
    assert tags(said(call(text="Hello", machine=machine, **MENU), AnsweredBy=answered_by)) == expected


def test_without_keys_nothing_is_waited_for() -> None:
    assert tags(said(call(text="Hello"))) == ["Say", "Hangup"]


@pytest.mark.parametrize(
    ("content", "own"),
    [
        ({"text": "سلام", "language": "ur"}, False),
        ({"text": "Hello"}, True),
        ({"prompt": "recording", "recording": 12}, False),
    ],
)
def test_this_site_says_what_twilio_cannot(content: dict[str, Any], own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_key", lambda: bytes(32))
    where = said(call(**content), known=KNOWN | {"own_voice": own}).findtext("Play", "")
    assert where.startswith("https://pulse.example.com/hooks/voice/prompt/")


def test_a_text_is_never_markup() -> None:
    document = said(call({"name": "<Dial>+92</Dial>\x00\x1b"}, text='{{ name }} & "Co" </Say><Hangup/>'))
    assert tags(document) == ["Say", "Hangup"]
    assert document.findtext("Say") == '<Dial>+92</Dial> & "Co" </Say><Hangup/>'


def test_how_a_call_ended_is_answered_with_nothing() -> None:
    answer = TwilioCallsProvider.answer_callback(KNOWN, called(script.ENDED, CallStatus="completed"))
    assert answer[1].endswith("<Response />")
    for odd in (CALLBACKS, CALLBACKS + "?said=abc"):
        document = TwilioCallsProvider.answer_callback(KNOWN, called(script.SAID, url=odd))[1]
        assert tags(ElementTree.fromstring(document)) == ["Hangup"]
