"""Alphabets and parts, against `smsutil` as an independent oracle."""

import pytest
import smsutil
from connectpulse_sms.encoding import (
    BASIC,
    EXTENSION,
    GSM,
    UCS2,
    decode_gsm,
    encode_gsm,
    is_gsm,
    measure,
    outside_gsm,
    split,
    straighten,
)
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import quick

CHARACTERS = BASIC.replace("\x1b", "") + "".join(EXTENSION.values())
plain = st.text(st.sampled_from("abc XYZ 019 @$_"), min_size=1, max_size=700)
gsm = st.text(st.sampled_from(CHARACTERS), min_size=1, max_size=700)
double = st.text(st.sampled_from("a€[]"), min_size=140, max_size=500)
any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
emoji = st.text(st.sampled_from("a😀ہ"), min_size=60, max_size=300)
texts = st.one_of(plain, gsm, double, any_text, emoji).filter(lambda text: "\x1b" not in text)


@quick
@given(texts)
def test_measure_and_split_agree_with_the_oracle(text: str) -> None:
    oracle = smsutil.split(text)
    alphabet, units, parts = measure(text)
    assert alphabet is (GSM if oracle.encoding == "gsm0338" else UCS2)
    assert units == oracle.total_bytes // (1 if alphabet is GSM else 2)
    assert split(text) == [part.content for part in oracle.parts]
    assert parts == len(oracle.parts)


@quick
@given(gsm)
def test_septets_agree_with_the_oracle_both_ways(text: str) -> None:
    assert encode_gsm(text) == text.encode("gsm0338")
    assert decode_gsm(encode_gsm(text)) == text == encode_gsm(text).decode("gsm0338")


@quick
@given(texts, st.sampled_from([8, 16]))
def test_parts_are_the_text_and_each_fits(text: str, bits: int) -> None:
    alphabet = measure(text).alphabet
    parts = split(text, bits)
    assert "".join(parts) == text
    room = alphabet.room[bits if len(parts) > 1 else 0]
    assert all(len(part) + len(alphabet.wide.findall(part)) <= room for part in parts)


@quick
@given(st.binary(max_size=300))
def test_any_octets_decode(octets: bytes) -> None:
    assert isinstance(decode_gsm(octets), str)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("€" * 81, [76, 5]),
        ("😀" * 36, [33, 3]),
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("ہ" * 70, [70]),
        ("ہ" * 71, [67, 4]),
        ("", [0]),
    ],
)
def test_known_cuts(text: str, lengths: list[int]) -> None:
    assert [len(part) for part in split(text)] == lengths
    assert measure(text).parts == len(lengths)


def test_a_wider_reference_takes_a_septet_more() -> None:
    assert [len(part) for part in split("a" * 305, 16)] == [152, 152, 1]
    assert [len(part) for part in split("ہ" * 133, 16)] == [66, 66, 1]


def test_more_parts_than_can_be_numbered_are_refused() -> None:
    assert len(split("a" * 153 * 255)) == 255
    with pytest.raises(ValueError, match="256 parts"):
        split("a" * (153 * 255 + 1))


def test_a_code_without_extension_shows_its_basic_character() -> None:
    assert decode_gsm(b"\x1bA\x1b\x65\x1b") == "A€"


def test_only_what_the_tables_hold_is_gsm() -> None:
    assert is_gsm("Ç@£\n\f€")
    assert not is_gsm("ç")
    assert not is_gsm("`")
    assert not is_gsm("\x1b")
    assert outside_gsm("a`ç`b") == ["`", "ç"]
    with pytest.raises(UnicodeEncodeError):
        encode_gsm("ç")


def test_straighten_replaces_typography_only_where_it_helps() -> None:
    assert straighten("“Don’t” – wait…\u00a0€5") == '"Don\'t" - wait... €5'
    urdu = "“سلام” – جی…"
    assert straighten(urdu) == urdu


@quick
@given(texts)
def test_straighten_never_costs_a_part(text: str) -> None:
    straight = straighten(text)
    assert measure(straight).parts <= measure(text).parts
    assert straighten(straight) == straight
