"""What leaves in a submit_sm, read by our codec and by that of `smpp34`."""

from datetime import timedelta
from typing import Any

import pytest
import smpp34
from connectpulse_sms.encoding import decode_gsm, split
from connectpulse_sms.smpp.inbound import decode, parse_part
from connectpulse_sms.smpp.pdu import SUBMIT_SM, TAG_MESSAGE_PAYLOAD, Message, frame, parse_message
from connectpulse_sms.smpp.settings import Settings
from connectpulse_sms.smpp.submit import Composer, Unsendable, relative_time
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import quick, submission

from connectpulse.core.api import ErrorClass


def composer(**changes: object) -> Composer:
    return Composer(Settings.of({"host": "smsc.example", "system_id": "pulse", **changes}), 7)


def composed(body: str = "Hello", sender: str = "ACME", **changes: object) -> list[Message]:
    bodies = composer(**changes).compose(submission(body=body, sender=sender))
    return [parse_message(body) for body in bodies]


def test_a_short_text_as_another_codec_reads_it() -> None:
    (body,) = composer(service_type="CMT").compose(submission(body="Hi @ €"))
    other = smpp34.decode(frame(SUBMIT_SM, 1, body))
    assert isinstance(other, smpp34.SubmitSm)
    assert (other.source_addr_ton, other.source_addr_npi, other.source_addr) == (5, 0, "ACME")
    assert (other.dest_addr_ton, other.dest_addr_npi, other.destination_addr) == (1, 1, "923000000001")
    assert (other.data_coding, other.esm_class, other.registered_delivery) == (0, 0, 1)
    assert (other.service_type, other.validity_period) == ("CMT", "000000040000000R")
    assert decode_gsm(other.short_message) == "Hi @ €"


@pytest.mark.parametrize(
    ("sender", "source_type", "expected"),
    [
        ("ACME", "auto", (5, 0, b"ACME")),
        ("8558", "auto", (3, 0, b"8558")),
        ("+923001234567", "auto", (1, 1, b"923001234567")),
        ("8558", "0/1", (0, 1, b"8558")),
        ("ACME", "5/1", (5, 1, b"ACME")),
    ],
)
def test_the_sender_decides_its_type_or_the_setting_does(
    sender: str, source_type: str, expected: tuple[int, int, bytes]
) -> None:
    (message,) = composed(sender=sender, source_type=source_type)
    assert (message.source_ton, message.source_npi, message.source) == expected


@pytest.mark.parametrize(("with_plus", "digits"), [(True, b"+923000000001"), (False, b"923000000001")])
def test_recipients_with_and_without_plus(with_plus: bool, digits: bytes) -> None:
    assert composed(with_plus=with_plus)[0].destination == digits


@pytest.mark.parametrize(("setting", "flag"), [("none", 0), ("final", 1), ("intermediate", 0x11)])
def test_the_receipts_asked_for(setting: str, flag: int) -> None:
    assert composed(receipts=setting)[0].registered_delivery == flag


@pytest.mark.parametrize(
    ("alphabet", "text", "coding", "octets"),
    [
        ("gsm7", "@é", 0, b"\x00\x05"),
        ("latin1", "@é", 0, b"@\xe9"),
        ("ascii", "@", 0, b"@"),
        ("latin1", "€", 8, b"\x20\xac"),
        ("ascii", "é", 8, b"\x00\xe9"),
        ("latin1", "ç", 8, b"\x00\xe7"),
        ("gsm7", "ہ", 8, b"\x06\xc1"),
        ("gsm7", "😀", 8, b"\xd8\x3d\xde\x00"),
    ],
)
def test_the_default_alphabet_of_the_smsc(alphabet: str, text: str, coding: int, octets: bytes) -> None:
    (message,) = composed(text, alphabet=alphabet)
    assert (message.data_coding, message.text) == (coding, octets)


LONG = "Price [€] " * 40


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("way", ["udh", "sar"])
@pytest.mark.parametrize("text", [LONG, "قیمت 😀 " * 40])
def test_long_texts_in_parts_that_join_again(way: str, bits: int, text: str) -> None:
    messages = composed(text, long_text=way, reference_bits=str(bits))
    parts = [parse_part(message) for message in messages]
    assert {part.reference for part in parts} == {7}
    assert [part.number for part in parts] == list(range(1, len(split(text, bits)) + 1))
    assert {part.total for part in parts} == {len(parts)}
    assert all(message.esm_class == (0x40 if way == "udh" else 0) for message in messages)
    assert "".join(decode(part.text, messages[0].data_coding, "gsm7") for part in parts) == text


def test_a_long_text_in_one_piece() -> None:
    (message,) = composed(LONG, long_text="payload")
    assert decode_gsm(message.text) == LONG
    assert message.tlvs[TAG_MESSAGE_PAYLOAD] == message.text


def test_each_message_has_a_reference_of_its_own_that_wraps() -> None:
    build = composer()
    references = [parse_part(parse_message(build.compose(submission(body=LONG))[0])).reference for _ in range(300)]
    assert references == [(7 + step) % 256 for step in range(300)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"address": "ali@example.com"}, ErrorClass.RECIPIENT),
        ({"address": ""}, ErrorClass.RECIPIENT),
        ({"address": "+" + "1" * 21}, ErrorClass.RECIPIENT),
        ({"sender": "بینک"}, ErrorClass.SENDER),
        ({"sender": "A" * 21}, ErrorClass.SENDER),
        ({"sender": "A\0B"}, ErrorClass.SENDER),
        ({"body": "a" * 40_000}, ErrorClass.CONTENT),
    ],
)
def test_what_no_submit_sm_can_carry(change: dict[str, Any], error: ErrorClass) -> None:
    with pytest.raises(Unsendable) as unsendable:
        composer().compose(submission(**change))
    assert unsendable.value.outcome.error is error


@pytest.mark.parametrize(
    ("validity", "text"),
    [
        (timedelta(hours=4), b"000000040000000R"),
        (timedelta(days=2, hours=3, minutes=4, seconds=5), b"000002030405000R"),
        (timedelta(days=400), b"000030000000000R"),
        (timedelta(0), b"000000000001000R"),
        (timedelta(seconds=-5), b"000000000001000R"),
    ],
)
def test_validity_in_relative_form(validity: timedelta, text: bytes) -> None:
    assert relative_time(validity) == text


@quick
@given(st.text(max_size=400), st.text(max_size=25), st.sampled_from(["gsm7", "latin1", "ascii"]))
def test_any_text_is_composed_or_refused(body: str, sender: str, alphabet: str) -> None:
    try:
        bodies = composer(alphabet=alphabet).compose(submission(body=body, sender=sender))
    except Unsendable as unsendable:
        assert unsendable.outcome.error is ErrorClass.SENDER  # noqa: PT017 - either way is right
    else:
        assert all(len(parse_message(body).text) <= 254 for body in bodies)
