"""A channel reads addresses and contents, renders for anybody, and never fails on what people type."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest

from connectpulse.core.domain import form
from connectpulse.core.domain.contracts import CampaignFacts, Channel, Needs, Preview, Purpose, Rendered
from connectpulse.core.errors import Refused
from connectpulse.core.services import addresses

from . import contents

ADDRESSES = {
    "phone": ("03001234567", "+923001234567", "+1 202 555 0123", "0044 20 7946 0958"),
    "email": ("amina@example.com", "Amina.Khan@EXAMPLE.com", "a+b@mail.example.org"),
    "whatsapp": ("03001234567", "+923001234567", "PK.13491208655302741918"),
}
NO_ADDRESSES = ("", " ", "x", "\x00", "not an address", "🌙", "a" * 400)
NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")


def test_it_has_names_that_fit(channel: Channel) -> None:
    assert NAME.fullmatch(channel.name), "a channel's name is small letters, digits and _, at most 20"
    assert channel.title.strip()
    assert channel.unit.strip()
    assert channel.scheme in addresses.SCHEMES, f"addresses are of one of: {', '.join(addresses.SCHEMES)}"
    assert channel.silence.total_seconds() > 0


def test_it_normalises_once_and_for_all(channel: Channel) -> None:
    taken = []
    for raw in ADDRESSES[channel.scheme]:
        with suppress(Refused):
            taken.append(channel.normalise(raw, "PK"))
    assert taken, f"it takes none of {ADDRESSES[channel.scheme]}"
    for value in taken:
        assert channel.normalise(value, "PK") == value, "normalising a canonical address changes it"
        assert channel.normalise(value, "DE") == value, "a canonical address depends on the region"
        assert addresses.normalise(channel.scheme, value, "PK") == value, "contacts would store another form"


@pytest.mark.parametrize("junk", NO_ADDRESSES, ids=ascii)
def test_it_refuses_what_is_no_address(channel: Channel, junk: str) -> None:
    with pytest.raises(Refused):
        channel.normalise(junk, "PK")


def test_it_takes_a_content(channel: Channel) -> None:
    content = contents.sample(channel)
    channel.check_content(content, contents.FIELDS)
    assert form.read(channel.content_form, content) == content, "a stored content is not read as itself"


def test_its_form_asks_each_question_once(channel: Channel) -> None:
    names = form.names(channel.content_form)
    assert len(names) == len(set(names))
    assert all(field.label.strip() for field in channel.content_form)


def test_it_refuses_unknown_placeholders(channel: Channel) -> None:
    filled = [each for each in contents.with_text(channel, "{{ no_such_field }}") if _substitutes(channel, each)]
    if not filled:
        pytest.skip(f"{channel.name} substitutes nothing in its texts")
    for content in filled:
        with pytest.raises(Refused, match="no_such_field"):
            channel.check_content(content, contents.FIELDS)


def _substitutes(channel: Channel, content: dict[str, Any]) -> bool:
    try:
        return "no_such_field" in channel.names(content)
    except Refused:
        return False


@pytest.mark.parametrize("broken", ["{{", "{{ name", "{{ name | upper }}", "{{ a.b }}", "{{{{ name }}"])
def test_it_refuses_malformed_placeholders(channel: Channel, broken: str) -> None:
    known = [each for each in contents.with_text(channel, "{{ name }}") if "name" in channel.names(each)]
    if not known:
        pytest.skip(f"{channel.name} substitutes nothing in its texts")
    for content in contents.with_text(channel, broken):
        with pytest.raises(Refused):
            channel.check_content(content, contents.FIELDS)
        assert isinstance(channel.preview(content), Preview), "a preview is drawn while people are still typing"


def test_it_previews_what_is_not_finished(channel: Channel) -> None:
    for content in (form.blank(channel.content_form), contents.sample(channel)):
        preview = channel.preview(content)
        assert isinstance(preview, Preview)
        assert all(isinstance(text, str) for figure in preview.figures for text in figure)
        assert "<script" not in preview.document.lower(), "what a content looks like needs no script"


def test_it_previews_for_one_person(channel: Channel) -> None:
    written = [contents.sample(channel), *contents.with_text(channel, "{{ name }}")]
    for content in (form.blank(channel.content_form), *written, *contents.with_text(channel, "{{ name")):
        for values in contents.VALUES:
            preview = channel.preview_for(content, Purpose.TRANSACTIONAL, values)
            assert isinstance(preview, Preview)
            assert "<script" not in preview.document.lower(), "a value is no markup"


def test_it_renders_for_anybody(channel: Channel) -> None:
    for content in [contents.sample(channel), *contents.with_text(channel, '{{ name | default("friend") }}')]:
        render = channel.prepare(content)
        for values in contents.VALUES:
            with suppress(Refused):
                _check_rendered(render(values))
                assert render(values) == render(values), "rendering depends on more than its values"


def _check_rendered(rendered: Rendered) -> None:
    assert isinstance(rendered, Rendered)
    assert isinstance(rendered.body, str)
    parts, quantity = rendered.measure
    assert (type(parts), type(quantity)) == (int, int)
    assert parts >= 1
    assert quantity >= 1, "a message that takes nothing of its unit would be free"
    json.dumps(rendered.extra)


def test_it_renders_its_sample(channel: Channel) -> None:
    _check_rendered(channel.prepare(contents.sample(channel))(contents.VALUES[0]))


def test_it_names_what_it_needs(channel: Channel) -> None:
    content = contents.sample(channel)
    for each in [content, *contents.with_text(channel, "{{ name }}")]:
        assert channel.required_values(each) <= channel.names(each)
    for purpose in Purpose:
        assert isinstance(channel.needs(content, purpose), Needs)


def test_its_senders_are_checked(channel: Channel) -> None:
    assert channel.sender_kinds, "a channel needs a kind of sender"
    assert len({kind.name for kind in channel.sender_kinds}) == len(channel.sender_kinds)
    for kind in channel.sender_kinds:
        assert NAME.fullmatch(kind.name)
        assert kind.title.strip()
        assert kind.check(""), f"an empty {kind.title} passes"
        for odd in (*NO_ADDRESSES, "Acme", "+923001234567", "8558", "amina@example.com"):
            assert isinstance(kind.check(odd), str | None)


def test_its_objections_are_sentences(channel: Channel) -> None:
    for kind in channel.sender_kinds:
        for purpose in Purpose:
            facts = CampaignFacts(purpose, kind.name, frozenset({purpose}), contents.sample(channel))
            assert all(isinstance(each, str) and each.strip() for each in channel.objections(facts))


def test_it_hears_a_stop(channel: Channel) -> None:
    words = channel.opt_out_words
    if not words:
        pytest.skip(f"{channel.name} has no opt-out words")
    assert all(word == word.casefold() for word in words), "opt-out words are kept casefolded"
    for word in words:
        for said in (word, f" {word.upper()} \n"):
            assert channel.reads_as_opt_out(said, words), f"{said!r} is not heard"
    assert not channel.reads_as_opt_out("", words)
    assert not channel.reads_as_opt_out("Thank you very much", words)


def test_its_confirmation_can_be_sent(channel: Channel) -> None:
    if channel.opt_out_reply is None:
        pytest.skip(f"{channel.name} confirms no opt-out")
    _check_rendered(channel.prepare(channel.opt_out_reply)({}))


def test_an_answer_written_by_hand_can_be_sent(channel: Channel) -> None:
    content = channel.answer_content("Thank you, we call you back.", "reference-1", "Are you there?")
    if content is None:
        pytest.skip(f"{channel.name} has no answers that are written by hand")
    content = form.read(channel.content_form, content)
    channel.check_content(content, contents.FIELDS)
    rendered = channel.prepare(content)(contents.VALUES[0])
    _check_rendered(rendered)
    shared = content if channel.is_shared else {}
    assert "we call you back" in f"{rendered.body} {json.dumps([rendered.extra, shared])}", "the words are lost"
    shown = channel.told(shared, contents.VALUES[0]) or rendered.body
    assert "we call you back" in shown, "a conversation does not show the words"
