"""Suppressions: made once, obeyed by channel and purpose, lifted by a person only."""

from itertools import product

import pytest
from sqlalchemy import select, text

from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import suppressions
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import ANY, AuditEntry, Suppression
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

NUMBER = "+923001234567"


def verbs(work: Work) -> list[str]:
    return list(work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id)))


def test_an_address_is_suppressed_once(work: Work) -> None:
    assert suppressions.add(work, "phone", NUMBER, reason="opted_out", source="test")
    assert not suppressions.add(work, "phone", NUMBER, reason="complained", source="again")
    assert work.session.scalars(select(Suppression.reason)).all() == ["opted_out"]
    assert verbs(work) == ["suppression.created"]


def test_the_action_log_does_not_show_the_address(work: Work) -> None:
    suppressions.add(work, "phone", NUMBER, reason="opted_out", source="test")
    entry = work.session.scalars(select(AuditEntry)).one()
    assert NUMBER not in f"{entry.detail}{entry.object_name}"


@pytest.mark.parametrize(
    ("channel", "purpose", "asked"),
    [(c, p, a) for c, p in product(("*", "sms", "voice"), ("*", "promotional", "transactional"))
     for a in (("sms", "promotional"), ("sms", "transactional"))],
)  # fmt: skip
def test_it_holds_for_its_channel_and_purpose_or_any(
    work: Work, channel: str, purpose: str, asked: tuple[str, str]
) -> None:
    suppressions.add(work, "phone", NUMBER, reason="objected", source="", channel=channel, purpose=purpose)
    found = suppressions.suppressed(work, "phone", [NUMBER, "+92300"], asked[0], [asked[1]])
    assert found == ({NUMBER} if channel in ("*", asked[0]) and purpose in ("*", asked[1]) else set())


def test_typed_addresses_are_read_by_the_organisations_country(work: Work) -> None:
    assert suppressions.add_by_hand(work, "phone", "0300 1234567", "*", "*", "operator")
    assert suppressions.suppressed(work, "phone", [NUMBER], "sms", ["promotional"]) == {NUMBER}
    with pytest.raises(Refused):
        suppressions.add_by_hand(work, "phone", "12", "*", "*", "operator")


def test_lifting_is_an_act_of_a_person_and_written_down(work: Work) -> None:
    suppressions.add(work, "phone", NUMBER, reason="opted_out", source="test")
    suppressions.lift(work, work.session.scalars(select(Suppression.id)).one())
    assert suppressions.suppressed(work, "phone", [NUMBER], "sms", ["promotional"]) == set()
    assert verbs(work) == ["suppression.created", "suppression.deleted"]


def test_organisations_suppress_for_themselves(house: House, work: Work) -> None:
    suppressions.add(work, "phone", NUMBER, reason="opted_out", source="test")
    mine = work.session.scalars(select(Suppression.id)).one()
    work.session.commit()
    with house.work(ADMINISTRATOR, factories.organisation(house)) as other:
        assert suppressions.suppressed(other, "phone", [NUMBER], "sms", ["promotional"]) == set()
        with pytest.raises(NotFound):
            suppressions.lift(other, mine)


def test_what_keeps_messages_from_a_contact_is_found(house: House, work: Work) -> None:
    zara = factories.contact(work, NUMBER).id
    other = factories.contact(work, "+923007654321").id
    suppressions.add(work, "phone", NUMBER, reason="opted_out", source="test", purpose="promotional")
    with house.work(ADMINISTRATOR, factories.organisation(house)) as elsewhere:
        suppressions.add(elsewhere, "phone", "+923007654321", reason="objected", source="test")
    assert [each.reason for each in suppressions.of_contact(work, zara)] == ["opted_out"]
    assert suppressions.of_contact(work, other) == []


def test_what_a_suppression_covers_can_be_changed(work: Work) -> None:
    for channel in ("sms", "email"):
        suppressions.add(work, "phone", "+923001234567", reason="opted_out", source="test", channel=channel)
    work.session.execute(text("UPDATE pulse_suppression SET created_at = now() - interval '2 days'"))
    first, second = work.session.scalars(select(Suppression).order_by(Suppression.id)).all()
    suppressions.change(work, first.id, ANY, "promotional", "objected")
    assert (first.value, first.channel, first.purpose, first.reason) == (
        "+923001234567",
        ANY,
        "promotional",
        "objected",
    )
    assert first.created_at > second.created_at, "who is queued already looks at what is newer than that"
    entry = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "suppression.updated")).one()
    assert "+923001234567" not in str(entry.detail)
    with pytest.raises(Refused, match="Choose a reason"):
        suppressions.change(work, first.id, ANY, "promotional", "because")
    with pytest.raises(Refused, match="like this already"):
        suppressions.change(work, second.id, ANY, "promotional", "objected")
