"""The SMS channel: contents, renderers, previews, senders and objections."""

import pytest
from connectpulse_sms.channel import SmsChannel
from connectpulse_sms.encoding import measure

from connectpulse.core.api import CampaignFacts, Measure, Purpose, Refused

channel = SmsChannel()
FIELDS = frozenset({"name", "city"})


def facts(body: str, purpose: Purpose = Purpose.PROMOTIONAL, hint: str = "", *approved: Purpose) -> CampaignFacts:
    return CampaignFacts(purpose, "alphanumeric", frozenset(approved or Purpose), {"body": body}, hint)


def problems(body: str, **content: object) -> tuple[str, ...]:
    with pytest.raises(Refused) as refused:
        channel.check_content({"body": body, **content}, FIELDS)
    return refused.value.problems


def test_a_good_content_passes() -> None:
    channel.check_content({"body": 'Hello {{ name | default("friend") }} in {{ city }}'}, FIELDS)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "please write"),
        ("  \n", "please write"),
        ("Hi {{ nickname }}", "nickname"),
        ("Hi {{ name", "Line 1, column 4"),
        ("Hi\x00", "NUL"),
        ("a" * 1531, "11 parts"),
        ("ہ" * 671, "11 parts"),
    ],
)
def test_faults_are_named(body: str, sentence: str) -> None:
    assert any(sentence in problem for problem in problems(body))


def test_all_faults_are_named_at_once() -> None:
    assert len(problems("\x00{{ nickname }}")) >= 2


def test_a_message_is_rendered_with_its_values_and_measured() -> None:
    render = channel.prepare({"body": 'Hi {{ name | default("friend") }}!', "smart_encoding": True})
    assert render({"name": "Ali"}) == ("Hi Ali!", Measure(1, 1), None)
    assert render({}).body == "Hi friend!"
    long = render({"name": "x" * 200})
    assert long.measure == Measure(2, 2)


def test_smart_encoding_reaches_the_values_too_and_can_be_off() -> None:
    values = {"name": "D’Souza"}
    assert channel.prepare({"body": "“{{ name }}”"})(values).body == '"D\'Souza"'
    kept = channel.prepare({"body": "“{{ name }}”", "smart_encoding": False})(values)
    assert kept.body == "“D’Souza”"


def test_line_ends_of_browsers_count_once() -> None:
    assert channel.prepare({"body": "a\r\nb"})({}).body == "a\nb"
    assert dict(channel.preview({"body": "a\r\nb"}).figures)["Characters"] == "3"


def test_a_recipient_whose_values_make_the_text_too_long_is_refused() -> None:
    render = channel.prepare({"body": "{{ name }}"})
    with pytest.raises(Refused, match="11 parts"):
        render({"name": "a" * 1531})


def test_required_values_are_those_without_a_default() -> None:
    body = '{{ name }} {{ city | default("here") }}'
    assert channel.names({"body": body}) == {"name", "city"}
    assert channel.required_values({"body": body}) == {"name"}


@pytest.mark.parametrize(
    ("body", "figures"),
    [
        ("Hello", ("5", "GSM-7", "1", "155")),
        ("€" * 81, ("162", "GSM-7", "2", "144")),
        ("سلام", ("4", "UCS-2", "1", "66")),
        ("ہ" * 71, ("71", "UCS-2", "2", "63")),
        ("", ("0", "GSM-7", "1", "160")),
    ],
)
def test_the_preview_counts(body: str, figures: tuple[str, ...]) -> None:
    assert tuple(figure for _, figure in channel.preview({"body": body}).figures) == figures


def test_the_preview_warns_of_what_costs_and_never_fails() -> None:
    preview = channel.preview({"body": "Schön ç {{ name }}"})
    assert any("'ç'" in warning and "'ö'" not in warning for warning in preview.warnings)
    assert any("name" in warning and "vary" in warning for warning in preview.warnings)
    assert any("column 1" in warning for warning in channel.preview({"body": "{{ bad"}).warnings)
    assert any("at most 10" in warning for warning in channel.preview({"body": "a" * 2000}).warnings)
    assert channel.preview({}).warnings == ()


def test_room_left_is_what_can_still_be_written() -> None:
    for body in ("a" * 159, "a" * 300, "ہ" * 69, "ہ" * 100):
        left = int(dict(channel.preview({"body": body}).figures)["Left in part"])
        parts = measure(body).parts
        assert measure(body + body[0] * left).parts == parts
        assert measure(body + body[0] * (left + 1)).parts == parts + 1


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("alphanumeric", "ACME", None),
        ("alphanumeric", "Ärzte 24", None),
        ("alphanumeric", "ACME TRADERS", "at most 11"),
        ("alphanumeric", "12345", "at least one letter"),
        ("alphanumeric", "بینک", "GSM alphabet"),
        ("alphanumeric", "A\nB", "GSM alphabet"),
        ("alphanumeric", "[[[[[A", None),
        ("alphanumeric", "[[[[[AB", "12 characters"),
        ("alphanumeric", " ACME", "space"),
        ("shortcode", "8558", None),
        ("shortcode", "12", "three to eight"),
        ("shortcode", "۸۵۵۸", "three to eight"),
        ("longcode", "+923001234567", None),
        ("longcode", "923001234567", "with \\+"),
    ],
)
def test_senders(kind: str, value: str, sentence: str | None) -> None:
    check = {sender.name: sender.check for sender in channel.sender_kinds}[kind]
    fault = check(value)
    if sentence is None:
        assert fault is None
    else:
        assert fault is not None
        assert sentence.replace("\\", "") in fault


@pytest.mark.parametrize(
    ("body", "hint", "is_fine"),
    [
        ("Sale!", "", False),
        ("End of season sale by our band", "", False),
        ("Sale! To opt-out call us", "", True),
        ("سیل! بند کرنے کے لیے بند کریں لکھیں", "", True),
        ("Sale! Leave: https://acme.example/u", "Leave: https://acme.example/u", True),
        ("Sale!", "Leave: https://acme.example/u", False),
        ("Sale! Stop: 1234567.", "1234567", True),
        ("Sale! Reply STOP", "1234567", False),
    ],
)
def test_promotions_tell_how_to_opt_out(body: str, hint: str, is_fine: bool) -> None:
    faults = channel.objections(facts(body, Purpose.PROMOTIONAL, hint))
    assert (faults == []) is is_fine
    if hint and not is_fine:
        assert hint in faults[0]


def test_transactional_messages_need_neither() -> None:
    assert channel.objections(facts("Your code is 1", Purpose.TRANSACTIONAL, "", Purpose.TRANSACTIONAL)) == []


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop!", " Stop. ", "STOP ALL", "stop sending me this", "Opt-Out", "UNSUBSCRIBE please",
        "بند", "بند کرو", "بند كرو", "بَند", "روكو", "ختم كرو", "Band karo", "BAND KAR DO yar", "\u200fبند\u200f",
        "ＳＴＯＰ", "Please stop", "Stop. Your messages annoy my wife.", "cancel", "STOP ALL MESSAGES NOW",
        "END thanks", "بند کر دیں مہربانی", "STOP STOP", "Stop please stop", "STOP UNSUBSCRIBE",
    ],
)  # fmt: skip
def test_people_who_want_to_stop_are_understood(text: str) -> None:
    assert channel.reads_as_opt_out(text, channel.opt_out_words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!!!",
        "Thanks",
        "non-stop fun",
        "bandana",
        "please call",
        "stopwatch",
        "Cancel my order",
        "End of the month is fine",
        "quit asking about tomorrow",
        "band baja",
    ],
)
def test_others_are_not_taken_for_it(text: str) -> None:
    assert not channel.reads_as_opt_out(text, channel.opt_out_words)


def test_the_organisations_own_words_decide() -> None:
    assert channel.reads_as_opt_out("Basta ya!", frozenset({"basta ya"}))
    assert not channel.reads_as_opt_out("stop", frozenset({"basta"}))
    assert not channel.reads_as_opt_out("stop", frozenset())
