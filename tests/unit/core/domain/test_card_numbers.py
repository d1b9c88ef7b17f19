"""Card numbers are found however they are written; phone numbers, ids and amounts are not taken for them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.domain import card_numbers
from connectpulse.core.domain.form import Field, Kind, read
from connectpulse.core.domain.redaction import scrub
from connectpulse.core.errors import Refused
from connectpulse.core.storage import ids

VISA = "4111111111111111"
ISSUERS = (("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("305", 14),
           ("36", 14), ("6011", 16), ("65", 16), ("3528", 16), ("62", 16), ("62", 19), ("2205", 16))  # fmt: skip


def completed(begins: str, middle: str, length: int) -> str:
    """Return a number of this length that passes the check."""
    body = (begins + middle)[: length - 1]
    return next(body + str(digit) for digit in range(10) if card_numbers._luhn(body + str(digit)))


NUMBERS = st.builds(
    lambda issuer, middle: completed(issuer[0], middle, issuer[1]),
    st.sampled_from(ISSUERS),
    st.text("0123456789", min_size=18, max_size=18),
)


@given(
    NUMBERS,
    st.sampled_from(["", " ", "-", ".", "\u00a0", "\u2009", "\u2011", " - "[:2], "\u200b"]),
    st.sampled_from(["", "My card is ", "(", "card:", "12 ", "order 7, "]),
    st.sampled_from(["", ".", ") thanks", " 12/29", ","]),
)
def test_a_number_is_found_however_it_is_grouped(number: str, gap: str, before: str, after: str) -> None:
    written = gap.join(number[start : start + 4] for start in range(0, len(number), 4))
    text = before + written + after
    assert card_numbers.holds_one(text)
    assert card_numbers.holds_one({"a": [1, {"b": text}]})
    hidden = card_numbers.hide(text)
    assert not card_numbers.holds_one(hidden)
    assert written not in hidden
    with pytest.raises(Refused, match="payment card"):
        card_numbers.refuse({"body": text})


@given(NUMBERS, st.sampled_from(["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९"]))
def test_digits_of_other_scripts_are_digits(number: str, digits: str) -> None:
    assert card_numbers.holds_one("کارڈ " + "".join(digits[int(each)] for each in number))


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_phone_number_is_no_card(number: str) -> None:
    spaced = f"{number[:3]} {number[3:6]} {number[6:]}".strip()
    for text in (number, spaced, f"Call {number}, please", f"({number})"):
        assert not card_numbers.holds_one(text)


@given(st.from_regex(r"[1-9][0-9]{10,12}", fullmatch=True))
def test_a_phone_number_without_its_plus_is_no_card(number: str) -> None:
    assert not card_numbers.holds_one(f"Call {number} or 00{number[:11]}")


@given(st.integers(ids.at(datetime(2026, 1, 1, tzinfo=UTC)), ids.at(datetime(2040, 1, 1, tzinfo=UTC))))
def test_our_ids_are_no_cards(number: int) -> None:
    """In the forties of this century some will begin like cards of Mir."""
    assert not card_numbers.holds_one(f"message {number}")


@given(NUMBERS)
def test_a_digit_that_was_mistyped_is_no_card(number: str) -> None:
    assert not card_numbers.is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))


@given(NUMBERS)
def test_a_card_behind_a_phone_number_is_found(number: str) -> None:
    text = f"+923001234567 {number}"
    assert card_numbers.hide(text) == f"+923001234567 {card_numbers.HIDDEN}"


@pytest.mark.parametrize(
    "text",
    ["", "no digits at all", "1234567890123456", "a4111111111111111", "ref_4111111111111111", "4111111111111111x",
     "f4111111-1111-1111-1111-11111111111a", "0.4111 1111 1111 1112", "9" * 400, "1 2 3 4 5 6 7 8 9 10 11 12 13 14"],
)  # fmt: skip
def test_what_is_none_is_left_alone(text: str) -> None:
    assert card_numbers.hide(text) == text


def test_long_texts_are_searched_in_little_time() -> None:
    for text in ("1" * 200_000, "1 " * 50_000, "4" * 19 + "x" + "4 " * 50_000 + "x"):
        assert list(card_numbers.find(text)) is not None


@given(st.text("0123456789 -+.ab", max_size=60))
def test_hiding_leaves_nothing_to_find(text: str) -> None:
    assert not card_numbers.holds_one(card_numbers.hide(text))


def test_a_form_says_it_beside_the_field() -> None:
    form = (Field("note", "Note", Kind.LONG_TEXT), Field("phone", "Phone"), Field("extra", "Extra", Kind.JSON))
    with pytest.raises(Refused) as caught:
        read(form, {"note": f"Use {VISA}", "phone": VISA, "extra": f'{{"card": {VISA}}}'})
    assert set(caught.value.fields) == {"note", "extra"}
    assert VISA not in str(caught.value)
    assert caught.value.fields["note"].startswith("Note: this looks like the number of a payment card.")


def test_logs_do_not_keep_one() -> None:
    assert VISA not in scrub(f"refused: {VISA} at checkout")
