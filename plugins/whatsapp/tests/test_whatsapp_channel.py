"""The WhatsApp channel: what may be written, what each recipient gets, and what a campaign must heed."""

import re
from typing import Any

import pytest
from connectpulse_whatsapp.channel import WINDOW, WhatsAppChannel
from connectpulse_whatsapp.content import name_of, read
from whatsapp_scene import TEMPLATE

from connectpulse.core.api import CampaignFacts, Measure, Needs, Purpose, Refused
from connectpulse.core.domain import form

channel = WhatsAppChannel()
FIELDS = frozenset({"name", "first_name", "city", "code"})
LONG = "Our new collection has arrived in the shop near you, and it is open all day. "


def content(**changes: Any) -> dict[str, Any]:
    return form.read(channel.content_form, {**TEMPLATE, **changes})


def problems(**changes: Any) -> str:
    with pytest.raises(Refused) as refused:
        channel.check_content(content(**changes), FIELDS)
    return "\n".join(refused.value.problems)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"header": "text", "header_text": "News for {{ city }}"},
        {"header": "image", "header_file": 7},
        {"body": "x" * 1024},
        {"buttons": "reply: Yes\nreply: No\nlink: Shop | https://example.com/{{ code }}\ncall: Call | +923001234567"},
        {"buttons": "link: Shop | https://example.com/\ncode: SALE25\nstop: Stop"},
        {"buttons": "\n".join(f"reply: Choice {number}" for number in range(10))},
        {"category": "authentication", "body": "{{ code }}", "footer": "", "buttons": "", "expiry": "10"},
        {"kind": "text", "footer": "", "buttons": "", "body": "x" * 4096},
        {"kind": "text", "buttons": "reply: Yes\nstop: Stop"},
        {"variables": "named", "examples": "name = Amina\n\ncity: Lahore", "template_name": "spring_sale_2026"},
    ],
)
def test_what_whatsapp_takes_passes(changes: dict[str, Any]) -> None:
    channel.check_content(content(**changes), FIELDS)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"body": "x" * 1025}, "1025 characters; at most 1024"),
        ({"body": "{{ name }}, our shop has new things for you today"}, "neither begin nor end"),
        ({"body": "Our shop has new things for you today {{ name }}"}, "neither begin nor end"),
        ({"body": f"{LONG} {{{{ name }}}}{{{{ city }}}} ok"}, "touch each other"),
        ({"body": "Hi {{ name }} in {{ city }} ok"}, "too many placeholders"),
        ({"body": "One\n\n\n\nmore line than two is empty"}, "at most two empty lines"),
        ({"body": f"{LONG} {{{{ nobody }}}} ok"}, "nobody"),
        ({"body": "Hello {{ name"}, "not a placeholder"),
        ({"footer": "x" * 61}, "61 characters; at most 60"),
        ({"footer": "For {{ name }}"}, "no placeholder"),
        ({"header": "text"}, "please write it"),
        ({"header": "text", "header_text": "x" * 61}, "61 characters; at most 60"),
        ({"header": "text", "header_text": "{{ name }} and {{ city }}"}, "one placeholder"),
        ({"header": "text", "header_text": "*News*"}, "without"),
        ({"header": "image"}, "choose the image"),
        ({"header": "document", "kind": "text", "buttons": "", "footer": ""}, "choose the document"),
        ({"buttons": "reply: " + "x" * 26}, "26 characters; at most 25"),
        ({"buttons": "\n".join(f"reply: Choice {number}" for number in range(11))}, "at most 10"),
        ({"buttons": "reply: Yes\nreply: Yes"}, "two are called 'Yes'"),
        ({"buttons": "reply: A\nlink: B | https://example.com\nstop: C"}, "next to each other"),
        ({"buttons": "link: A | https://a.com\nlink: B | https://b.com\nlink: C | https://c.com"}, "3 links"),
        ({"buttons": "call: A | +923001234567\ncall: B | +923001234568"}, "2 calls"),
        ({"buttons": "code: " + "x" * 16}, "between 1 and 15"),
        ({"buttons": "link: A | https://{{ code }}.com"}, "only at its end"),
        ({"buttons": "link: A | example.com"}, "must be like https"),
        ({"buttons": "link: A | https://example.com/{{ nobody }}"}, "nobody"),
        ({"buttons": "call: A | 03001234567"}, "with \\+ and country code"),
        ({"buttons": "Yes please"}, "line 1: begin it with"),
        ({"buttons": "\nreply:"}, "line 2: write what stands on it"),
        ({"buttons": "reply: Yes | https://example.com"}, "no target"),
        ({"buttons": "link: A"}, "write its target"),
        ({"buttons": "reply: {{ name }}"}, "no placeholder"),
        ({"template_name": "Sale 2026"}, "small letters"),
        ({"examples": "Amina"}, "Examples, line 1"),
        ({"variables": "named", "body": f"{LONG} {{{{ name }}}} and {{{{ Name }}}} ok"}, "capital letters"),
        ({"category": "authentication", "body": "Your code is {{ code }}."}, "its placeholder alone"),
        ({"kind": "text", "buttons": "link: A | https://a.com"}, "quick replies only"),
        ({"kind": "text", "buttons": "reply: A\nreply: B\nreply: C\nreply: D"}, "at most 3"),
        ({"kind": "text", "buttons": "reply: " + "x" * 21}, "20 fit"),
        ({"kind": "text", "buttons": ""}, "only together with buttons"),
        ({"kind": "text", "header": "text", "header_text": "News"}, "no line of text above"),
        ({"kind": "text", "body": "x" * 1025}, "at most 1024"),
    ],
)
def test_what_whatsapp_refuses_is_said_before(changes: dict[str, Any], sentence: str) -> None:
    assert re.search(sentence, problems(**changes))


def test_what_does_not_belong_to_a_kind_is_dropped() -> None:
    given = {"header": "text", "header_text": "News", "header_file": 7, "expiry": 5, "variables": "named"}
    text = content(kind="text", category="authentication", language="ur", **given)
    assert (text["category"], text["language"], text["variables"], text["examples"]) == (
        "marketing", "en", "positional", None,
    )  # fmt: skip
    assert (text["header"], text["header_text"], text["header_file"], text["expiry"]) == ("text", "News", None, None)
    code = content(category="authentication", body="{{ code }}", **given)
    assert (code["header"], code["header_text"], code["footer"], code["buttons"]) == ("none", None, None, None)
    assert (code["expiry"], code["variables"]) == (5, "named")
    with pytest.raises(Refused, match="no header, footer or buttons"):
        channel.check_content({**code, "footer": "Bye"}, FIELDS)


def test_each_recipient_gets_their_values() -> None:
    render = channel.prepare(content(
        header="text", header_text="News for {{ city }}",
        body="Hello {{ name }}, {{ name }}: our new shop in {{ city | default('town') }} is open now.",
        buttons="reply: Yes\nlink: Shop | https://example.com/?c={{ code }}",
    ))  # fmt: skip
    rendered = render({"name": "Amina", "city": "Lahore", "code": "a b/ü"})
    assert rendered.body == "Hello Amina, Amina: our new shop in Lahore is open now."
    assert rendered.measure == Measure(1, 1)
    assert rendered.extra == {
        "header": ["Lahore"],
        "body": ["Amina", "Amina", "Lahore"],
        "buttons": {"1": "a%20b/%C3%BC"},
    }


def test_named_placeholders_are_given_once() -> None:
    body = "Hi {{ Name }}, {{ city }}, {{ Name }}: all our new things are here."
    written = read(content(variables="named", body=body))
    assert [slot.name for slot in written.slots(written.body)] == ["name", "city"]
    assert written.wording(written.body) == "Hi {{name}}, {{city}}, {{name}}: all our new things are here."
    numbered = read(content(body=body))
    assert numbered.wording(numbered.body) == "Hi {{1}}, {{2}}, {{3}}: all our new things are here."


def test_values_are_made_fit_or_refused() -> None:
    render = channel.prepare(content(body="Hello {{ name }}, our new things are here."))
    assert render({"name": "Amina\r\nKhan\tJr     x"}).extra == {"body": ["Amina Khan Jr   x"]}
    for empty in ("", "  ", "\n"):
        with pytest.raises(Refused, match="no empty value"):
            render({"name": empty})


def test_a_code_is_kept_with_the_sentence_around_it() -> None:
    made = content(category="authentication", body="{{ code }}", footer="", buttons="")
    assert channel.prepare(made)({"code": "123456"}).body == "123456 is your verification code."
    assert "تصدیقی" in channel.prepare({**made, "language": "ur"})({"code": "1"}).body


def test_the_same_text_has_the_same_name_and_another_text_another() -> None:
    names = {
        name_of(content()),
        name_of({**content(), "examples": "name = Amina"}),
        name_of(dict(reversed(content().items()))),
    }
    assert len(names) == 1
    assert names.isdisjoint(
        {name_of(content(footer="")), name_of(content(language="ur")), name_of(content(header="text"))}
    )
    assert read(content(template_name="sale")).name == "sale"
    assert len(names.pop()) <= 120


def test_templates_need_approval_and_texts_somebody_who_wrote() -> None:
    assert channel.needs(content(), Purpose.PROMOTIONAL) == Needs(approved_template=True, opt_in=True)
    assert channel.needs(content(kind="text"), Purpose.TRANSACTIONAL) == Needs(recent_inbound=WINDOW)
    assert channel.category(content(), Purpose.PROMOTIONAL) == "marketing"
    assert channel.category(content(kind="text"), Purpose.TRANSACTIONAL) == "service"


@pytest.mark.parametrize(
    ("changes", "hint", "count"),
    [
        ({}, "", 0),
        ({"buttons": ""}, "", 0),
        ({"buttons": "", "footer": ""}, "", 1),
        ({"buttons": "", "footer": "Stop: call 042111"}, "042111", 0),
        ({"category": "utility"}, "", 1),
        ({"category": "utility", "buttons": "", "footer": ""}, "", 2),
    ],
)
def test_a_promotion_is_marketing_nothing_else_is_and_it_can_be_stopped(
    changes: dict[str, Any], hint: str, count: int
) -> None:
    def objections(purpose: Purpose) -> list[str]:
        return channel.objections(CampaignFacts(purpose, "number", frozenset(Purpose), content(**changes), hint))

    assert len(objections(Purpose.PROMOTIONAL)) == count
    assert bool(objections(Purpose.TRANSACTIONAL)) is ("category" not in changes), "marketing is nothing else"


def test_a_pressed_stop_button_is_heard_whatever_an_organisations_words_are() -> None:
    assert channel.reads_as_opt_out("STOP", frozenset({"genug"}))
    assert channel.reads_as_opt_out("genug!", frozenset({"genug"}))
    assert not channel.reads_as_opt_out("stop", frozenset({"genug"}))


def test_an_opt_out_is_confirmed_in_the_organisations_words() -> None:
    assert channel.opt_out_content("Adieu") == {"kind": "text", "body": "Adieu"}
    assert channel.opt_out_content("") == channel.opt_out_reply


def test_an_answer_written_by_hand_is_a_text() -> None:
    answer = channel.answer_content("We open at nine.")
    assert answer is not None
    channel.check_content(answer, FIELDS)
    assert channel.prepare(answer)({}).body == "We open at nine."
    assert channel.needs(answer, Purpose.TRANSACTIONAL) == Needs(recent_inbound=WINDOW)


@pytest.mark.parametrize("value", ["03001234567", "Acme", "+92 300 1234567", ""])
def test_a_sender_is_a_full_number(value: str) -> None:
    (kind,) = channel.sender_kinds
    assert kind.check(value)
    assert kind.check("+923001234567") is None
