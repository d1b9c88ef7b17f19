"""What a template of calls may say, what it is measured as, and what its keys do."""

from typing import Any

import pytest
from connectpulse_voice import menu
from connectpulse_voice.channel import VoiceChannel, check_caller, estimate
from connectpulse_voice.menu import Deed, Key

from connectpulse.core.api import CampaignFacts, Purpose, Refused
from connectpulse.core.domain import form
from connectpulse.house import House
from connectpulse.testing import factories

CHANNEL = VoiceChannel()
FIELDS = frozenset({"name", "city"})


def content(**given: Any) -> dict[str, Any]:
    return form.read(CHANNEL.content_form, given)


def faults(**given: Any) -> str:
    with pytest.raises(Refused) as refused:
        CHANNEL.check_content(content(**given), FIELDS)
    return " ".join(refused.value.problems)


def test_keys_are_read_from_the_form() -> None:
    keys, wrong = menu.read(content(text="Hi", repeat_key="*", opt_out_key="9", answers="1 Yes, I come\r\n\n2 No"))
    assert not wrong
    assert keys == {
        "*": Key(Deed.REPEAT),
        "9": Key(Deed.OPT_OUT),
        "1": Key(Deed.ANSWER, "Yes, I come"),
        "2": Key(Deed.ANSWER, "No"),
    }


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"text": "Hi", "answers": "Yes"}, "the key first"),
        ({"text": "Hi", "answers": "12 Yes"}, "the key first"),
        ({"text": "Hi", "answers": "1 " + "x" * 70}, "longer than 60"),
        ({"text": "Hi", "answers": "1 {{ name }}"}, "placeholders"),
        ({"text": "Hi", "answers": "9 Yes", "opt_out_key": "9"}, "two things"),
        ({"text": "Hi", "more_key": "2"}, "Text of more"),
        ({"text": "Hi {{ who }}"}, "who"),
        ({"text": "Hi {{ name"}, "name"),
        ({"text": "word " * 200, "most_seconds": 60}, "longest call"),
        ({"text": "Hi", "more_key": "3", "more_text": "{{ x }}"}, "x"),
    ],
)
def test_faults_are_told_all_at_once(given: dict[str, Any], word: str) -> None:
    assert word in faults(**given)


def test_something_must_be_heard() -> None:
    for chosen, field in (("speech", "text"), ("recording", "recording")):
        with pytest.raises(Refused) as refused:
            content(prompt=chosen, text=" ")
        assert set(refused.value.fields) == {field}
        unread = {each.name: each.empty for each in CHANNEL.content_form} | {"prompt": chosen}
        with pytest.raises(Refused, match="please"):
            CHANNEL.check_content(unread, FIELDS)


def test_a_text_is_measured_by_its_words_and_its_pace() -> None:
    said = content(text="ten letters " * 15)
    assert estimate(said, {}) == 12
    assert estimate(said | {"pace": 75}, {}) == 24
    assert estimate(said | {"opt_out_key": "9", "wait_seconds": 7}, {}) == 19
    assert estimate(content(prompt="recording", recording=1, most_seconds=90), {}) == 90


def test_a_call_carries_its_text_and_only_the_values_it_needs() -> None:
    render = CHANNEL.prepare(content(text="Dear {{ name }}", more_key="2", more_text="In {{ city | default('town') }}"))
    made = render({"name": "Amina", "city": "", "born": "1990"})
    assert made.body == "Dear Amina"
    assert made.extra == {"values": {"name": "Amina"}}
    assert made.measure.parts == 1
    assert CHANNEL.prepare(content(text="Hello"))({"name": "Amina"}).extra is None


def test_a_value_that_makes_it_too_long_is_refused() -> None:
    render = CHANNEL.prepare(content(text="{{ name }}", most_seconds=10))
    with pytest.raises(Refused, match="longest call"):
        render({"name": "word " * 60})


def test_promotions_need_a_key_that_stops_them() -> None:
    def objections(**given: Any) -> list[str]:
        facts = CampaignFacts(Purpose.PROMOTIONAL, "caller_id", frozenset(), content(text="Hi", **given))
        return CHANNEL.objections(facts)

    assert "key to stop" in objections()[0]
    assert not objections(opt_out_key="9")
    assert "promotional" in " ".join(CHANNEL.preview(content(text="Hi")).warnings)


@pytest.mark.parametrize(("value", "is_fine"), [("+922135300000", True), ("8558", True), ("Acme", False), ("", False)])
def test_callers_are_numbers(value: str, is_fine: bool) -> None:
    assert (check_caller(value) is None) is is_fine


def test_recordings_are_shared_as_bytes(house: House) -> None:
    from connectpulse_voice.sip.samples import tone

    from connectpulse.core.services import files

    organisation = factories.organisation(house)
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        kept = files.keep(work, "hello.wav", tone(0.1))
        shared = CHANNEL.share(work, "+922135300000", content(prompt="recording", recording=kept.id))
    assert shared["recordings"] == {"recording": tone(0.1)}
