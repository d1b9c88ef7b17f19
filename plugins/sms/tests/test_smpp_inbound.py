"""Messages from people: decoding and joining."""

import pytest
from connectpulse_sms.smpp.inbound import Joiner, Key, decode, parse_part
from connectpulse_sms.smpp.pdu import ESM_UDH, Malformed, Message
from connectpulse_sms.smpp.submit import part_header
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import quick

from connectpulse.core.api import Inbound


def piece(number: int, total: int, text: str, reference: int = 9, bits: int = 8) -> Message:
    octets = part_header(bits, reference, total, number) + text.encode()
    return Message(b"923001234567", b"8558", octets, esm_class=ESM_UDH, source_ton=1)


def texts(ready: list[tuple[Inbound, list[Key]]]) -> list[str]:
    return [inbound.text for inbound, _ in ready]


@pytest.mark.parametrize("bits", [8, 16])
def test_parts_are_joined_in_any_order(bits: int) -> None:
    joiner = Joiner("gsm7")
    assert joiner.add(piece(3, 3, "c", bits=bits), 0) == []
    assert joiner.add(piece(1, 3, "a", bits=bits), 0) == []
    ((inbound, keys),) = joiner.add(piece(2, 3, "b", bits=bits), 0)
    assert (inbound.address, inbound.recipient, inbound.text) == ("+923001234567", "8558", "abc")
    joiner.settle(keys)
    assert joiner.overdue() == []


def test_parts_marked_by_optional_parameters_are_joined() -> None:
    joiner = Joiner("gsm7")
    pieces = [
        Message(b"1", b"2", text, tlvs={0x020C: b"\0\x09", 0x020E: b"\x02", 0x020F: bytes((number,))})
        for number, text in ((2, b"b"), (1, b"a"))
    ]
    assert joiner.add(pieces[0], 0) == []
    assert texts(joiner.add(pieces[1], 0)) == ["ab"]


def test_a_repeated_part_changes_nothing() -> None:
    joiner = Joiner("gsm7")
    joiner.add(piece(1, 2, "a"), 0)
    joiner.add(piece(1, 2, "a"), 0)
    assert texts(joiner.add(piece(2, 2, "b"), 0)) == ["ab"]


def test_messages_of_several_people_do_not_mix() -> None:
    joiner = Joiner("gsm7")
    joiner.add(piece(1, 2, "a"), 0)
    assert joiner.add(piece(2, 2, "b")._replace(source=b"923009999999"), 0) == []
    assert joiner.add(piece(2, 2, "b", reference=10), 0) == []


def test_until_it_is_durable_the_last_part_completes_the_message_again() -> None:
    joiner = Joiner("gsm7")
    joiner.add(piece(1, 2, "a"), 0)
    assert texts(joiner.add(piece(2, 2, "b"), 0)) == ["ab"]
    assert texts(joiner.add(piece(2, 2, "b"), 1)) == ["ab"]


def test_what_stays_unfinished_is_handed_on_as_far_as_it_came() -> None:
    joiner = Joiner("gsm7", patience=60)
    joiner.add(piece(1, 3, "a"), 0)
    joiner.add(piece(3, 3, "c"), 50)
    assert joiner.overdue(59) == []
    assert texts(joiner.overdue(60)) == ["ac"]


def test_the_oldest_give_way_when_there_are_too_many() -> None:
    joiner = Joiner("gsm7", most=2)
    assert joiner.add(piece(1, 2, "a", reference=1), 0) == []
    assert joiner.add(piece(1, 2, "b", reference=2), 1) == []
    assert texts(joiner.add(piece(1, 2, "c", reference=3), 2)) == ["a"]


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0, b"\x00", "@"),
        (1, b"@", "@"),
        (3, b"\xe9", "é"),
        (8, "سلام".encode("utf-16-be"), "سلام"),
        (0x18, "😀".encode("utf-16-be"), "😀"),
        (0x10, b"\x00", "@"),
        (6, "я".encode("iso8859_5"), "я"),
    ],
)
def test_alphabets_by_data_coding(coding: int, octets: bytes, text: str) -> None:
    assert decode(octets, coding, "gsm7") == text


def test_a_header_longer_than_its_message_is_malformed() -> None:
    with pytest.raises(Malformed, match="user data header"):
        parse_part(Message(b"1", b"2", b"\x50\x00\x03", esm_class=ESM_UDH))


def test_numbers_that_make_no_sense_stand_for_a_whole_message() -> None:
    assert parse_part(piece(5, 3, "a")).total == 1
    assert parse_part(piece(0, 3, "a")).total == 1


@quick
@given(st.binary(min_size=1, max_size=60), st.integers(0, 255))
def test_any_header_is_read_or_malformed(octets: bytes, coding: int) -> None:
    message = Message(b"1", b"2", octets, esm_class=ESM_UDH, data_coding=coding)
    try:
        ready = Joiner("gsm7").add(message, 0)
    except Malformed:
        return
    assert all(isinstance(inbound.text, str) for inbound, _ in ready)
