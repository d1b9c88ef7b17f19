"""Receipts as vendors write them."""

import pytest
from connectpulse_sms.smpp.pdu import (
    TAG_MESSAGE_STATE,
    TAG_NETWORK_ERROR_CODE,
    TAG_RECEIPTED_MESSAGE_ID,
    Message,
)
from connectpulse_sms.smpp.receipts import BASES, STATES, international, is_receipt, parse_receipt, same
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import quick

from connectpulse.core.api import MessageState, Receipt


def receipt(text: str = "", tlvs: dict[int, bytes] | None = None, source: bytes = b"923001234567") -> Message:
    return Message(source, b"8558", text.encode(), esm_class=0x04, tlvs=tlvs or {}, source_ton=1)


def parsed(message: Message) -> Receipt:
    found = parse_receipt(message)
    assert found is not None
    return found


STANDARD = "id:{id} sub:001 dlvrd:001 submit date:2611231804 done date:2611231805 stat:{stat} err:{err} text:Hello"


@pytest.mark.parametrize(("stat", "state"), STATES.items())
def test_every_state_of_appendix_b(stat: str, state: MessageState) -> None:
    by_text = parsed(receipt(STANDARD.format(id="m1", stat=stat, err="000")))
    number = bytes((list(STATES).index(stat) + 1,))
    by_tlv = parsed(receipt("", {TAG_RECEIPTED_MESSAGE_ID: b"m1\0", TAG_MESSAGE_STATE: number}))
    assert by_text.state is by_tlv.state is state
    assert by_text.reference == by_tlv.reference == "m1"
    assert by_text.reason == by_tlv.reason


@pytest.mark.parametrize(
    "text",
    [
        "id:7b stat:UNDELIV err:001",
        "ID:7b SUB:001 STAT:undeliv ERR:001 Text:",
        "err:001 stat:UNDELIV id:7b",
        "id:7b sub:001 dlvrd:000 submit date:261123180455 done date:261123180501 stat:UNDELIV err:001 text:",
        "id: 7b stat: UNDELIVERABLE err: 001",
        "text:Hello id:7b stat:UNDELIV err:001",
    ],
)
def test_keys_in_any_order_and_case_and_dates_of_any_length(text: str) -> None:
    found = parsed(receipt(text))
    assert (found.reference, found.state, found.code) == ("7b", MessageState.UNDELIVERABLE, "001")
    assert found.reason == "not_deliverable"


def test_optional_parameters_are_believed_before_the_text() -> None:
    tlvs = {TAG_RECEIPTED_MESSAGE_ID: b"tlv", TAG_MESSAGE_STATE: b"\x02", TAG_NETWORK_ERROR_CODE: b"\x03\x00\x10"}
    found = parsed(receipt(STANDARD.format(id="text", stat="EXPIRED", err="099"), tlvs))
    assert (found.reference, found.state, found.code) == ("tlv", MessageState.DELIVERED, "16")


def test_the_excerpt_cannot_forge_a_state() -> None:
    for excerpt in (" text:id:m2 stat:DELIVRD", " id:m2 stat:DELIVRD"):
        found = parsed(receipt("id:m1 stat:EXPIRED err:000" + excerpt))
        assert (found.reference, found.state) == ("m1", MessageState.EXPIRED)
    assert parsed(receipt("id:m1 err:000 text:stat:DELIVRD")).state is MessageState.SENT


@pytest.mark.parametrize("stat", ["BUFFERED", "", "\xff"])
def test_a_state_nobody_knows_is_no_news(stat: str) -> None:
    assert parsed(receipt(f"id:m1 stat:{stat} err:000")).state is MessageState.SENT


def test_an_empty_value_does_not_swallow_the_next_key() -> None:
    assert parse_receipt(receipt("id: stat:DELIVRD err:000")) is None


def test_a_receipt_without_an_id_says_nothing() -> None:
    assert parse_receipt(receipt("stat:DELIVRD")) is None
    assert parse_receipt(receipt()) is None


@quick
@given(st.binary(max_size=200), st.dictionaries(st.sampled_from([0x1E, 0x423, 0x427]), st.binary(max_size=4)))
def test_any_content_is_read_without_harm(text: bytes, tlvs: dict[int, bytes]) -> None:
    found = parse_receipt(Message(b"1", b"2", text, esm_class=4, tlvs=tlvs))
    assert found is None or found.state in STATES.values()


@pytest.mark.parametrize(
    ("setting", "answered", "reported"),
    [
        ("as-is", "0A1b", "0A1b"),
        ("hex-to-decimal", "1F", "0000000031"),
        ("hex-to-decimal", "0x1f", "31"),
        ("hex-to-decimal", "uuid-1", "uuid-1"),
        ("decimal-to-hex", "31", "1F"),
        ("decimal-to-hex", "0031", "0000001f"),
        ("decimal-to-hex", "uuid-1", "uuid-1"),
    ],
)
def test_ids_of_answer_and_receipt_meet(setting: str, answered: str, reported: str) -> None:
    of_answer, of_receipt = BASES[setting]
    found = parse_receipt(receipt(f"id:{reported} stat:DELIVRD"), of_receipt)
    assert found is not None
    assert of_answer(answered) == found.reference


def test_which_deliver_sm_is_a_receipt() -> None:
    assert is_receipt(Message(b"1", b"2", b"", esm_class=0x04))
    assert is_receipt(Message(b"1", b"2", b"", esm_class=0x20))
    assert is_receipt(Message(b"1", b"2", b"", tlvs={TAG_RECEIPTED_MESSAGE_ID: b"x"}))
    assert not is_receipt(Message(b"1", b"2", b"id:1 stat:DELIVRD"))


@pytest.mark.parametrize(
    ("address", "ton", "expected"),
    [
        (b"923001234567", 1, "+923001234567"),
        (b"923001234567", 0, "+923001234567"),
        (b"+923001234567", 0, "+923001234567"),
        (b"1234567", 0, ""),
        (b"6831234", 1, "+6831234"),
        (b"03001234567", 0, ""),
        (b"8558", 3, ""),
        (b"ACME", 5, ""),
    ],
)
def test_only_an_international_number_is_taken_for_one(address: bytes, ton: int, expected: str) -> None:
    assert international(address, ton) == expected
    assert parse_receipt(receipt("id:1"), same) is not None
