"""The codec, against the Rust codec of `smpp34` and against rubbish."""

from contextlib import suppress
from itertools import pairwise

import pytest
import smpp34
from connectpulse_sms.smpp.pdu import (
    DELIVER_SM,
    HEADER,
    MOST_LENGTH,
    SUBMIT_SM,
    TAG_MESSAGE_PAYLOAD,
    Malformed,
    Message,
    Reader,
    frame,
    parse_message,
    parse_tlvs,
)
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import quick

octet = st.integers(0, 255)
address = st.text(st.sampled_from("+0123456789ACMEacme "), max_size=20).map(str.encode)
tlvs = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=40), max_size=4)
bodies = st.builds(
    Message,
    source=address,
    destination=address,
    text=st.binary(min_size=1, max_size=254),
    esm_class=octet,
    data_coding=octet,
    tlvs=tlvs,
    source_ton=octet,
    source_npi=octet,
    destination_ton=octet,
    destination_npi=octet,
    registered_delivery=octet,
    validity=st.sampled_from([b"", b"000000040000000R"]),
    service_type=st.sampled_from([b"", b"CMT"]),
)
word = st.integers(0, 0xFFFFFFFF)
frames = st.lists(st.tuples(word, word, word, st.binary(max_size=60)), max_size=8)


@quick
@given(bodies)
def test_what_is_written_is_read_again(message: Message) -> None:
    assert parse_message(message.encode()) == message


@quick
@given(bodies)
def test_the_other_codec_reads_what_we_write(message: Message) -> None:
    other = smpp34.decode(frame(SUBMIT_SM, 7, message.encode()))
    assert isinstance(other, smpp34.SubmitSm)
    assert other.sequence_number == 7
    assert other.source_addr.encode() == message.source
    assert other.destination_addr.encode() == message.destination
    assert (other.source_addr_ton, other.dest_addr_npi) == (message.source_ton, message.destination_npi)
    assert (other.esm_class, other.data_coding) == (message.esm_class, message.data_coding)
    assert other.registered_delivery == message.registered_delivery
    assert other.validity_period.encode() == message.validity
    assert other.short_message == message.text


def test_we_read_what_the_other_codec_writes() -> None:
    other = smpp34.DeliverSm(
        "923001234567", "8558", b"", source_addr_ton=1, esm_class=4, tlvs=[smpp34.Tlv(TAG_MESSAGE_PAYLOAD, b"long")]
    )
    ((command, status, _, body),) = Reader().feed(other.encode())
    message = parse_message(body)
    assert (command, status) == (DELIVER_SM, 0)
    assert (message.source, message.destination, message.esm_class) == (b"923001234567", b"8558", 4)
    assert message.text == b"long"


@quick
@given(frames, st.lists(st.integers(0, 500), max_size=12))
def test_frames_come_out_however_the_stream_is_cut(sent: list[tuple[int, int, int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(frame(command, sequence, body, status) for command, status, sequence, body in sent)
    reader = Reader()
    received = []
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        received += reader.feed(stream[start:end])
    assert received == sent
    assert reader.fault is None


@quick
@given(st.binary(max_size=400))
def test_rubbish_is_malformed_and_nothing_worse(octets: bytes) -> None:
    reader = Reader()
    for _, _, _, body in reader.feed(octets):
        with suppress(Malformed):
            assert isinstance(parse_message(body), Message)


@quick
@given(bodies, st.data())
def test_a_body_cut_short_is_malformed_or_shorter(message: Message, draw: st.DataObject) -> None:
    body = message.encode()
    cut = draw.draw(st.integers(0, len(body) - 1))
    try:
        shorter = parse_message(body[:cut])
    except Malformed:
        return
    assert len(shorter.tlvs) < len(message.tlvs)


@pytest.mark.parametrize("length", [0, 4, 15, MOST_LENGTH + 1, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_stream_but_not_what_came_before(length: int) -> None:
    reader = Reader()
    good = frame(SUBMIT_SM, 1, b"body")
    assert reader.feed(good + HEADER.pack(length, SUBMIT_SM, 0, 2)) == [(SUBMIT_SM, 0, 1, b"body")]
    assert reader.fault is not None
    assert str(length) in reader.fault
    assert reader.feed(good) == []


def test_an_optional_parameter_cut_short_is_malformed() -> None:
    with pytest.raises(Malformed, match="0x0424 says 9 octets"):
        parse_tlvs(b"\x04\x24\x00\x09abc", 0)
    with pytest.raises(Malformed, match="cut short"):
        parse_tlvs(b"\x04\x24\x00", 0)


def test_a_text_longer_than_its_pdu_is_malformed() -> None:
    body = Message(b"1", b"2", b"text").encode()
    with pytest.raises(Malformed, match="sm_length says 4 octets, but 3 follow"):
        parse_message(body[:-1])
